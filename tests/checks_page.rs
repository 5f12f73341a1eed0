//! `docs/checks.md`: every rule, the heads of the checks' files, and their cases.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use fitout::VOCABULARY;
use fitout::checks::{CHECKS, Check};
use fitout::rules::{RULES, When};

use crate::golden::folders;
use crate::pages::{comment, findings, head, keep, read, settings, snake_case, title};

#[test]
fn the_page_of_the_checks_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut page = rules();
    page.push_str(&peers());
    for check in CHECKS {
        describe(root, check, &mut page);
    }
    keep("docs/checks.md", &page);
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

/// Checks of other tools, with their answers: the rules that report the same, or why none does.
const PEERS: &str = include_str!("peers.tsv");

/// The rows of the list: tool, check, answer.
fn rows() -> impl Iterator<Item = [&'static str; 3]> {
    let rows = PEERS.lines().skip(1).map(|it| it.split('\t').collect());
    rows.map(|it: Vec<_>| it.try_into().unwrap())
}

fn peers() -> String {
    let mut page = "\n## What other tools check\n\n\
        All checks of kube-linter, Polaris and kube-score, and the controls of Kubescape for files: the rule that reports \
        the same or nearly the same, or why there is none. Rules of fitout can be wider or narrower.\n\n\
        | Tool | Check | Here |\n|---|---|---|\n"
        .to_owned();
    for [tool, check, answer] in rows() {
        let _ = writeln!(page, "| {tool} | {check} | {answer} |");
    }
    page
}

#[test]
fn every_check_of_other_tools_has_one_answer() {
    let mut answers = std::collections::BTreeMap::new();
    for [tool, check, answer] in rows() {
        assert!(!answer.is_empty(), "{tool} {check}");
        assert!(
            answers.insert((tool, check), answer).is_none(),
            "{tool} {check} twice"
        );
        let mut ids = answer.split(", ").filter(|it| it.starts_with("FIT-"));
        let unknown = ids.find(|id| VOCABULARY.rules().all(|rule| rule.id != *id));
        assert_eq!(unknown, None, "{tool} {check}");
    }
    let count = |tool: &str| rows().filter(|row| row[0] == tool).count();
    let counts = ["kube-linter", "Polaris", "kube-score"].map(count);
    assert_eq!(counts, [63, 44, 39]);
    for rule in VOCABULARY.rules() {
        for group in rule.peers.split(';') {
            let (tool, checks) = group.trim().split_once(' ').unwrap_or_default();
            let tool = match tool {
                "kubescape" => "Kubescape",
                "kube-linter" | "Polaris" | "kube-score" => tool,
                _ => continue,
            };
            for check in checks.split(',').map(str::trim) {
                let answer = answers.get(&(tool, check));
                let is_named = answer.is_some_and(|it| it.split(", ").any(|id| id == rule.id));
                assert!(
                    is_named,
                    "{}: {tool} {check} in tests/peers.tsv: {answer:?}",
                    rule.id
                );
            }
        }
    }
}

/// The link to the page of a rule; `tests/rule_pages.rs` makes it.
fn link(id: &str) -> String {
    format!("[{id}](rules/{id}.md)")
}

fn rules() -> String {
    let mut page = "# Checks\n\n\
        `fitout check` and configs with `mode: Check` validate objects without changing them; a finding of severity error \
        fails the run. `checks` in [config.md](config.md#checks) changes the severity of rules or disables them, and \
        `exemptions` exclude objects from a rule, with a reason. Rules with \"if named\" run only if `checks.severity` names them.\n\n\
        Each rule has a page with an example, which `fitout explain FIT-NET004` prints, too.\n\n\
        | Rule | Severity | Meaning | In other tools |\n|---|---|---|---|\n"
        .to_owned();
    for check in CHECKS {
        for rule in check.rules {
            let link = link(rule.id);
            let _ = writeln!(
                page,
                "| {link} | {}{} | {} | {} |",
                rule.severity,
                if rule.when == When::OnRequest {
                    ", if named"
                } else {
                    ""
                },
                rule.meaning,
                rule.peers
            );
        }
    }
    page.push_str(
        "\nThese problems are reported whenever fitout runs, while it reads the input and the config and plans changes:\n\n\
        | Rule | Meaning |\n|---|---|\n",
    );
    for rule in RULES {
        let _ = writeln!(page, "| {} | {} |", link(rule.id), rule.meaning);
    }
    page.push_str(
        "\nThese are about fields that are not set, or not to the configured value, about exemptions, and about environments that `fitout compare` compares:\n\n\
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
            link(rule.id),
            rule.severity,
            rule.meaning
        );
    }
    page
}

fn describe(root: &Path, check: &Check, page: &mut String) {
    let file = root.join(format!("src/checks/{}.rs", snake_case(check.name)));
    let head = head(&read(&file));
    let _ = write!(page, "\n## {}\n\n{head}\n", check.name);
    for case in folders(&root.join("tests/cases").join(check.name)) {
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
