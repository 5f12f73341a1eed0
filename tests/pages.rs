//! `docs/transformers/<name>.md`: the module docs of a transformer, and its cases.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use fitout::transformers;
use kustomize_krm_types::{Result as KrmResult, Severity};
use similar::TextDiff;

use crate::golden::folders;

#[test]
fn the_pages_of_the_transformers_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in transformers::NAMES {
        keep(&format!("docs/transformers/{name}.md"), &page(root, name));
    }
}

/// The table of the sections in the README, one row for each transformer, from the head of its file.
#[test]
fn the_table_of_sections_in_the_readme_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut table = String::from("| section | what it sets |\n|---|---|\n");
    for name in transformers::NAMES {
        let file = root.join(format!("src/transformers/{}.rs", snake_case(name)));
        let head = head(&read(&file));
        let what = head.lines().next().unwrap();
        let what = what
            .strip_prefix(&format!("`{name}`: "))
            .unwrap_or_else(|| {
                panic!(
                    "{}: the first line of the head is not \"`{name}`: what it sets.\"",
                    file.display()
                )
            })
            .trim_end_matches('.');
        let _ = writeln!(
            table,
            "| [`{name}`](docs/transformers/{name}.md) | {what} |"
        );
    }
    let readme = read(&root.join("README.md"));
    let start = readme.find("| section | what it sets |").unwrap();
    let end = start + readme[start..].find("\n\n").unwrap() + 1;
    keep(
        "README.md",
        &[&readme[..start], &table, &readme[end..]].concat(),
    );
}

fn page(root: &Path, name: &str) -> String {
    let file = format!("src/transformers/{}.rs", snake_case(name));
    let source = read(&root.join(file));
    let mut page = format!("# {}\n", head(&source));
    let _ = write!(
        page,
        "\nThe settings are in [config.md](../config.md). Each case below is a folder of `tests/cases/{name}`, and a test.\n"
    );
    for case in folders(&root.join("tests/cases").join(name)) {
        describe(&case, &mut page);
    }
    page
}

/// Compares a generated page of the repository; `make golden` rewrites it instead.
#[track_caller]
pub(crate) fn keep(file: &str, page: &str) {
    const MOST: usize = 20;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        return fs::write(&path, page).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    if kept != page {
        let diff = TextDiff::from_lines(kept.as_str(), page);
        let diff = diff.unified_diff().header("kept", "now").to_string();
        let lines: Vec<&str> = diff.lines().take(MOST).collect();
        panic!(
            "`make golden` rewrites {file}; read the diff:\n{}",
            lines.join("\n")
        );
    }
}

/// The text of a file that must be there.
pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The module docs of a file.
pub(crate) fn head(source: &str) -> String {
    let head = source.lines().map_while(|line| line.strip_prefix("//!"));
    let head = head.map(|line| line.strip_prefix(' ').unwrap_or(line));
    head.collect::<Vec<_>>().join("\n")
}

/// What a case shows, by the name of its folder.
pub(crate) fn title(case: &Path) -> String {
    let title = case.file_name().unwrap().to_str().unwrap();
    let title = title.replace('-', " ");
    let (first, rest) = title.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

/// The comment at the head of an input.
pub(crate) fn comment(input: &str) -> String {
    let lines = input.lines().map_while(|line| line.strip_prefix("# "));
    lines.collect::<Vec<_>>().join("\n")
}

/// The settings of a config that differ between cases.
pub(crate) fn settings(config: &str, without: &[&str]) -> String {
    let spec = config.split_once("\nspec:\n").map_or("", |(_, spec)| spec);
    let spec = spec
        .lines()
        .map(|line| line.strip_prefix("  ").unwrap_or(line));
    let spec: Vec<&str> = spec.filter(|line| !without.contains(line)).collect();
    spec.join("\n")
}

/// A case: its title, the config, and the changes to the input.
fn describe(case: &Path, page: &mut String) {
    let read = |name: &str| fs::read_to_string(case.join(name)).ok();
    let _ = write!(page, "\n## {}\n\n", title(case));
    let input = read("input.yaml").unwrap();
    let intro = comment(&input);
    if !intro.is_empty() {
        let _ = write!(page, "{intro}\n\n");
    }
    let settings = settings(&read("fn-config.yaml").unwrap(), &["environment: test"]);
    let _ = write!(page, "```yaml\n{settings}\n```\n\n");
    match (read("expected.yaml"), read("errors.txt")) {
        (_, Some(errors)) => {
            let _ = write!(page, "```text\n{}\n```\n", errors.trim_end());
        }
        (Some(expected), None) if expected == input => page.push_str("Nothing changes.\n"),
        (Some(expected), None) => {
            let diff = TextDiff::from_lines(&input, &expected);
            let diff = diff.unified_diff().context_radius(2).to_string();
            let lines = diff
                .lines()
                .filter(|line| !line.starts_with("\\ No newline"));
            let lines: Vec<&str> = lines.collect();
            let _ = write!(page, "```diff\n{}\n```\n", lines.join("\n"));
        }
        (None, None) => panic!("{} has neither output nor errors", case.display()),
    }
    page.push_str(&findings(&read("results.yaml").unwrap_or_default()));
}

/// The findings that are not errors, as a list.
pub(crate) fn findings(results: &str) -> String {
    let results: Vec<KrmResult> = serde_yaml::from_str(results).unwrap_or_default();
    let found = results
        .iter()
        .filter(|it| it.severity != Severity::Info || it.field.is_none());
    let found: Vec<String> = found
        .filter(|it| it.severity != Severity::Error)
        .map(|it| format!("- {}\\[{}\\]: {}", it.severity, it.tags["rule"], it.message))
        .collect();
    match found.is_empty() {
        true => String::new(),
        false => format!("\n{}\n", found.join("\n")),
    }
}

pub(crate) fn snake_case(camel_case: &str) -> String {
    let mut name = String::new();
    for c in camel_case.chars() {
        if c.is_uppercase() {
            name.push('_');
        }
        name.extend(c.to_lowercase());
    }
    name
}
