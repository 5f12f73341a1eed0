//! `docs/checks.md`: every rule, the module docs of the checks, and their cases.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use fitout::checks::{CHECKS, Check};
use fitout::rules::RULES;

use crate::pages::{comment, findings, head, settings, snake_case, title};

#[test]
fn the_page_of_the_checks_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.join("docs/checks.md");
    let mut page = rules();
    for check in CHECKS {
        describe(root, check, &mut page);
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &page).unwrap();
    }
    assert!(
        fs::read_to_string(&file).unwrap_or_default() == page,
        "UPDATE_GOLDEN=1 cargo test rewrites docs/checks.md; read the diff"
    );
}

fn rules() -> String {
    let mut page = "# Checks\n\n\
        `fitout check` and configs with `mode: Check` judge objects as they are. A finding of severity error fails; \
        `checks` in [config.md](config.md#checks) gives rules other severities and leaves some out, and `exemptions` say where one \
        does not count and why.\n\n\
        | Rule | Severity | What is found | Elsewhere |\n|---|---|---|---|\n"
        .to_owned();
    for check in CHECKS {
        for rule in check.rules {
            let link = format!("[{}](#{})", rule.id, check.name.to_lowercase());
            let _ = writeln!(
                page,
                "| {link} | {} | {} | {} |",
                rule.severity, rule.meaning, rule.peers
            );
        }
    }
    page.push_str(
        "\nThese are found while reading, fitting and asking the config, whenever fitout runs:\n\n\
        | Rule | What is found |\n|---|---|\n",
    );
    for rule in RULES {
        let _ = writeln!(page, "| {} | {} |", rule.id, rule.meaning);
    }
    page
}

fn describe(root: &Path, check: &Check, page: &mut String) {
    let file = root.join(format!("src/checks/{}.rs", snake_case(check.name)));
    let head = head(&fs::read_to_string(file).unwrap());
    let _ = write!(page, "\n## {}\n\n{head}\n", check.name);
    let folder = root.join("tests/cases").join(check.name);
    let cases = fs::read_dir(&folder).unwrap();
    let mut cases: Vec<_> = cases.map(|it| it.unwrap().path()).collect();
    cases.sort();
    for case in cases {
        let read = |name: &str| fs::read_to_string(case.join(name)).unwrap_or_default();
        let input = read("input.yaml");
        let _ = write!(page, "\n### {}\n\n{}\n", title(&case), comment(&input));
        let settings = settings(
            &read("fn-config.yaml"),
            &["environment: test", "mode: Check"],
        );
        if !settings.is_empty() {
            let _ = write!(page, "\n```yaml\n{settings}\n```\n");
        }
        let input = input.lines().skip_while(|line| line.starts_with('#'));
        let input = input.collect::<Vec<_>>().join("\n");
        let _ = write!(page, "\n```yaml\n{input}\n```\n");
        let errors = read("errors.txt");
        if !errors.is_empty() {
            let _ = write!(page, "\n```text\n{}\n```\n", errors.trim_end());
        }
        page.push_str(&findings(&read("results.yaml")));
    }
}
