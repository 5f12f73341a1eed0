//! The console sessions of the README are run as they stand.

#[test]
fn sessions_in_the_readme_are_true() {
    trycmd::TestCases::new().case("README.md");
}
