//! `docs/checks.md`: every rule, the heads of the checks' files, and their cases.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use fitout::VOCABULARY;
use fitout::checks::{CHECKS, Check};
use fitout::rules::RULES;

use crate::pages::{comment, findings, head, read, settings, snake_case, title};

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
        "`make golden` rewrites docs/checks.md; read the diff"
    );
}

#[test]
fn every_rule_is_in_a_table() {
    let page = rules();
    for rule in VOCABULARY.rules() {
        let row = [format!("| {} |", rule.id), format!("| [{}](", rule.id)];
        let rows = page
            .lines()
            .filter(|line| row.iter().any(|it| line.starts_with(it)));
        assert_eq!(rows.count(), 1, "{} in docs/checks.md", rule.id);
    }
}

fn rules() -> String {
    let mut page = "# Checks\n\n\
        `fitout check` and configs with `mode: Check` validate objects without changing them; a finding of severity error \
        fails the run. `checks` in [config.md](config.md#checks) changes the severity of rules or disables them, and \
        `exemptions` exclude objects from a rule, with a reason.\n\n\
        | Rule | Severity | Meaning | In other tools |\n|---|---|---|---|\n"
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
        "\nThese problems are reported whenever fitout runs, while it reads the input and the config and plans changes:\n\n\
        | Rule | Meaning |\n|---|---|\n",
    );
    for rule in RULES {
        let _ = writeln!(page, "| {} | {} |", rule.id, rule.meaning);
    }
    page.push_str(
        "\nThese are about fields that are not set, or not to the configured value, and about exemptions:\n\n\
        | Rule | Severity | Meaning |\n|---|---|---|\n",
    );
    let of_checks = || CHECKS.iter().flat_map(|check| check.rules);
    let mut others: Vec<_> = VOCABULARY
        .rules()
        .filter(|rule| of_checks().chain(RULES).all(|it| it.id != rule.id))
        .collect();
    others.sort_by_key(|rule| rule.id);
    for rule in others {
        let _ = writeln!(
            page,
            "| {} | {} | {} |",
            rule.id, rule.severity, rule.meaning
        );
    }
    page
}

fn describe(root: &Path, check: &Check, page: &mut String) {
    let file = root.join(format!("src/checks/{}.rs", snake_case(check.name)));
    let head = head(&read(&file));
    let _ = write!(page, "\n## {}\n\n{head}\n", check.name);
    let folder = root.join("tests/cases").join(check.name);
    let cases = fs::read_dir(&folder).unwrap_or_else(|it| panic!("{}: {it}", folder.display()));
    let mut cases: Vec<_> = cases.map(|it| it.unwrap().path()).collect();
    cases.sort();
    for case in cases {
        let text = |name: &str| fs::read_to_string(case.join(name)).unwrap_or_default();
        let input = text("input.yaml");
        let _ = write!(page, "\n### {}\n\n{}\n", title(&case), comment(&input));
        let settings = settings(
            &text("fn-config.yaml"),
            &["environment: test", "mode: Check"],
        );
        if !settings.is_empty() {
            let _ = write!(page, "\n```yaml\n{settings}\n```\n");
        }
        let input = input.lines().skip_while(|line| line.starts_with('#'));
        let input = input.collect::<Vec<_>>().join("\n");
        let _ = write!(page, "\n```yaml\n{input}\n```\n");
        let errors = text("errors.txt");
        if !errors.is_empty() {
            let _ = write!(page, "\n```text\n{}\n```\n", errors.trim_end());
        }
        page.push_str(&findings(&text("results.yaml")));
    }
}
