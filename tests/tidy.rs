//! The invariants of `src/lib.rs` about the code and the files themselves, and values that several files must agree on.
#![allow(
    clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, missing_docs
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use fitout::checks::CHECKS;

use crate::golden::{folders, objects};

/// Folders of cases that are not about one section.
const OTHER_CASES: [&str; 4] = ["config", "exemptions", "targets", "text"];

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder, with its text.
pub(crate) fn files(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let name = path.strip_prefix(root()).unwrap();
                files.push((name.display().to_string(), text));
            }
        }
    }
    files.sort();
    files
}

/// The code of a file without its unit tests and comments, by line number.
pub(crate) fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    // Whether the next item is for tests only, and whether the lines are inside one.
    let (mut is_next, mut is_inside) = (false, false);
    let lines = text.lines().enumerate().filter(move |(_, line)| {
        let is_attribute = line.starts_with("#[");
        is_next |= *line == "#[cfg(test)]";
        if is_next && !is_attribute {
            (is_next, is_inside) = (false, !line.ends_with([';', '}']));
            return false;
        }
        let is_of_tests = is_next || is_inside;
        is_inside &= *line != "}";
        !is_of_tests && !line.trim_start().starts_with("//")
    });
    lines.map(|(index, line)| (index + 1, line))
}

/// `file:line: text` of each bad line of code.
fn lines_with(files: &[(String, String)], is_bad: impl Fn(&str, &str) -> bool) -> Vec<String> {
    // `tests.rs` and its folder are what `#[cfg(test)] mod tests;` brings in.
    let files = files
        .iter()
        .filter(|(name, _)| !name.ends_with("/tests.rs") && !name.contains("/tests/"));
    let bad = files.flat_map(|(name, text)| {
        let lines = code(text).filter(|(_, line)| is_bad(name, line));
        lines.map(move |(number, line)| format!("{name}:{number}: {}", line.trim()))
    });
    bad.collect()
}

fn config() -> Value {
    objects(&fs::read_to_string(root().join("fn-config/all/fitout.yaml")).unwrap()).remove(0)
}

#[test]
fn krm_types_does_not_know_fitout() {
    let files = files("vendor/kustomize-krm-types");
    let named = files
        .iter()
        .filter(|(_, text)| text.to_lowercase().contains("fitout"));
    assert_eq!(named.map(|(name, _)| name).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn transformers_and_checks_get_no_mutable_document() {
    let mut code = files("src/transformers");
    code.extend(files("src/checks"));
    let mutable = lines_with(&code, |_, line| {
        let of = |name: &str| line.contains(&format!("&mut {name}"));
        ["Stream", "Document", "Node", "Resource"]
            .into_iter()
            .any(of)
            || line.contains("yaml::Edit")
            || line.contains("yaml::{Change")
    });
    assert_eq!(mutable, [""; 0]);
}

#[test]
fn only_the_command_line_prints_reads_files_and_exits() {
    let outside = lines_with(&files("src"), |name, line| {
        let words = [
            "std::env", "std::fs", "std::io", "std::process", "println!", "print!", "std::net",
            "std::time", "rand::", "std::thread",
        ];
        // A file of tests only writes what it checks.
        let is_edge =
            name == "src/main.rs" || name.starts_with("src/cli/") || name.starts_with("src/tests/");
        !is_edge && words.iter().any(|word| line.contains(word))
    });
    assert_eq!(outside, [""; 0]);
}

#[test]
fn only_exemptions_need_a_clock_and_nothing_a_network() {
    let hidden = lines_with(&files("src"), |name, line| {
        // Exemptions end on a date; the command line uses that of the machine.
        let words: &[&str] = match name {
            "src/cli/clock.rs" => &["std::net"],
            _ => &["std::net", "SystemTime", "Instant::now"],
        };
        words.iter().any(|word| line.contains(word))
    });
    assert_eq!(hidden, [""; 0]);
}

/// The rules of all findings are those in the table of rules.
#[test]
fn every_rule_is_in_the_table_and_used() {
    let ids = |text: &str| -> BTreeSet<String> {
        let is_id = |it: &&str| it.starts_with("FIT-") && it.len() > 8;
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c)));
        words.filter(is_id).map(str::to_owned).collect()
    };
    let sources = files("src");
    let is_other = |name: &str| name != "src/rules.rs" && !name.ends_with("example.rs");
    let others = sources.iter().filter(|(name, _)| is_other(name));
    let used: BTreeSet<String> = others.flat_map(|(_, text)| ids(text)).collect();
    let known = fitout::VOCABULARY.rules().map(|rule| rule.id.to_owned());
    assert_eq!(used, known.collect());
}

/// Files next to transformers and checks that are neither: `example.rs` is a template.
const NO_ROWS: [&str; 4] = ["mod.rs", "example.rs", "scene.rs", "testing.rs"];

/// The names of the files in a folder, as in the rows of its table.
fn names_of_files(folder: &str) -> BTreeSet<String> {
    fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && !NO_ROWS.iter().any(|name| path.ends_with(name)))
        .map(|path| camel_case(path.file_stem().unwrap().to_str().unwrap()))
        .collect()
}

#[test]
fn transformers_and_checks_are_one_row_one_file_and_one_folder_of_cases() {
    let names =
        |names: &[&str]| -> BTreeSet<String> { names.iter().map(ToString::to_string).collect() };
    let transformers = names(fitout::transformers::NAMES);
    let checks: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
    let checks = names(&checks);
    assert_same(
        &names_of_files("src/transformers"),
        &transformers,
        "src/transformers",
    );
    assert_same(&names_of_files("src/checks"), &checks, "src/checks");
    let name = |folder: &PathBuf| folder.file_name().unwrap().to_str().unwrap().to_owned();
    let cases: BTreeSet<String> = folders(&root().join("tests/cases"))
        .iter()
        .map(name)
        .collect();
    let expected = transformers
        .into_iter()
        .chain(checks)
        .chain(OTHER_CASES.map(str::to_owned))
        .collect();
    assert_same(&cases, &expected, "tests/cases");
}

fn assert_same(found: &BTreeSet<String>, expected: &BTreeSet<String>, place: &str) {
    let odd: Vec<_> = found.symmetric_difference(expected).collect();
    assert!(
        odd.is_empty(),
        "in {place} without a row, or with a row and not there: {odd:?}"
    );
}

fn camel_case(snake_case: &str) -> String {
    let mut words = snake_case.split('_');
    let first = words.next().unwrap().to_owned();
    words.fold(first, |name, word| {
        name + &word[..1].to_uppercase() + &word[1..]
    })
}

#[test]
fn the_namespaces_enforce_the_version_that_the_config_is_for() {
    let component = root().join("overlays/components/pod-security-restricted/kustomization.yaml");
    let component = objects(&fs::read_to_string(component).unwrap()).remove(0);
    let patch = objects(component["patches"][0]["patch"].as_str().unwrap()).remove(0);
    let labels: BTreeMap<String, String> =
        serde_json::from_value(patch["metadata"]["labels"].clone()).unwrap();
    let pinned: BTreeSet<&String> = labels
        .iter()
        .filter(|(label, _)| label.ends_with("-version"))
        .map(|(_, version)| version)
        .collect();
    let version = config()["spec"]["kubernetesVersion"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(pinned, BTreeSet::from([&format!("v{version}")]));
}

#[test]
fn the_image_has_one_name() {
    let mut files: Vec<(String, String)> = [
        "src", "fn-config", "overlays", "examples", "docs", "scripts", ".ci",
    ]
    .into_iter()
    .flat_map(files)
    .collect();
    for file in ["Makefile", "README.md", "Dockerfile"] {
        files.push((
            file.to_owned(),
            fs::read_to_string(root().join(file)).unwrap(),
        ));
    }
    let repository = fitout::IMAGE.rsplit_once(':').unwrap().0;
    for (name, text) in files {
        for (index, _) in text.match_indices(&format!("{repository}:")) {
            assert!(
                text[index..].starts_with(fitout::IMAGE),
                "{name}: another version of the image"
            );
        }
    }
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    assert!(makefile.contains(&format!("IMAGE := {}\n", fitout::IMAGE)));
    assert!(fitout::IMAGE.ends_with(&format!(":v{}", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn only_one_file_writes_to_the_standard_streams() {
    let is_bad = |name: &str, line: &str| {
        let names = [
            "stdout().lock", "stderr().lock", "stdout().write", "stderr().write",
        ];
        !name.ends_with("cli/output.rs") && names.iter().any(|it| line.contains(it))
    };
    assert_eq!(lines_with(&files("src"), is_bad), Vec::<String>::new());
}
