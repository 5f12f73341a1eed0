//! The console sessions of the README and of the page on reports are run as they stand.

#[test]
fn sessions_in_the_readme_are_true() {
    trycmd::TestCases::new().case("README.md");
}

/// Those of the page run in `docs/reports.in`.
#[test]
fn sessions_of_the_page_on_reports_are_true() {
    trycmd::TestCases::new().case("docs/reports.md");
}
