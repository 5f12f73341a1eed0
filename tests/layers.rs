//! A module imports only modules that the table of layers in `src/lib.rs` lists before it, and siblings do not import each
//! other.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;

use crate::tidy::{code, files};

/// Folders whose files must not import each other.
const SIBLINGS: [&str; 3] = ["transformers", "checks", "report"];

/// Modules that may import everything: the root, and the command line on top of it.
const ABOVE_ALL: [&str; 3] = ["lib", "main", "cli"];

/// The modules of the table, lowest first.
fn layers(lib: &str) -> Vec<String> {
    let rows = lib.lines().filter_map(|line| line.strip_prefix("//! | "));
    let module = |row: &str| {
        let mut cells = row.split(" | ");
        cells.next()?.trim().parse::<usize>().ok()?;
        let name = cells.next()?.trim_start_matches("[`");
        Some(
            name.trim_start_matches("mod@")
                .trim_end_matches("`]")
                .to_owned(),
        )
    };
    rows.filter_map(module).collect()
}

/// The module of a file, as names below the root.
fn module_of(file: &str) -> Vec<String> {
    let path = file
        .trim_start_matches("src/")
        .trim_end_matches(".rs")
        .trim_end_matches("/mod");
    path.split('/').map(str::to_owned).collect()
}

/// Every path with `crate::` or `super::` in code, from the root, with its line.
fn paths(module: &[String], text: &str) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let mut flat = String::new();
    let mut lines = Vec::new();
    for (number, line) in code(text) {
        flat.push_str(line.split(" //").next().unwrap());
        flat.push('\n');
        lines.resize(flat.len(), number);
    }
    for start in ["crate::", "super::"] {
        for (at, _) in flat.match_indices(start) {
            let before = flat[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || "_:".contains(c)) {
                continue;
            }
            let mut rest = &flat[at..];
            let mut prefix = module.to_vec();
            if let Some(below) = rest.strip_prefix("crate::") {
                (rest, prefix) = (below, Vec::new());
            }
            while let Some(below) = rest.strip_prefix("super::") {
                rest = below;
                prefix.pop();
            }
            let mut tree = Vec::new();
            parse(&mut rest.chars().peekable(), &prefix, &mut tree);
            found.extend(tree.into_iter().map(|path| (lines[at], path)));
        }
    }
    found
}

/// Reads a path, or a tree of paths in braces.
fn parse(
    text: &mut std::iter::Peekable<std::str::Chars<'_>>,
    prefix: &[String],
    found: &mut Vec<Vec<String>>,
) {
    let mut path = prefix.to_vec();
    loop {
        while text.next_if(|c| c.is_whitespace()).is_some() {}
        if text.next_if_eq(&'{').is_some() {
            loop {
                parse(text, &path, found);
                while text.next_if(|c| c.is_whitespace()).is_some() {}
                if text.next_if_eq(&',').is_none() {
                    break;
                }
            }
            text.next_if_eq(&'}');
            return;
        }
        let mut name = String::new();
        while let Some(c) = text.next_if(|c| c.is_alphanumeric() || *c == '_') {
            name.push(c);
        }
        if !name.is_empty() {
            path.push(name);
        }
        if text.next_if_eq(&':').is_none() || text.next_if_eq(&':').is_none() {
            break;
        }
    }
    // `a as b` is still `a`.
    while text.next_if(|c| !",}{;()<>".contains(*c)).is_some() {}
    found.push(path);
}

/// The forbidden imports of one file.
fn faults(layers: &[String], file: &str, text: &str) -> Vec<String> {
    let module = module_of(file);
    let layer = |name: &str| layers.iter().position(|it| it == name);
    let own = layer(&module[0]);
    let mut faults = Vec::new();
    for (line, path) in paths(&module, text) {
        let Some(other) = path.first() else { continue };
        let to = path.join("::");
        match (own, layer(other)) {
            _ if *other == module[0] => {}
            (None, _) if ABOVE_ALL.contains(&module[0].as_str()) => continue,
            (Some(own), Some(other)) if other < own => {}
            _ => faults.push(format!("{file}:{line}: {to} is not below {}", module[0])),
        }
        let is_sibling = |name: &String| {
            path.len() > 2 && module.len() > 1 && *name != module[1] && {
                name.chars().next().is_some_and(char::is_lowercase)
            }
        };
        if SIBLINGS.contains(&other.as_str())
            && *other == module[0]
            && path.get(1).is_some_and(is_sibling)
        {
            faults.push(format!("{file}:{line}: {to} is a sibling of {}", module[1]));
        }
    }
    faults
}

#[test]
fn imports_only_run_down_the_table_of_layers() {
    let sources = files("src");
    let lib = &sources
        .iter()
        .find(|(name, _)| name == "src/lib.rs")
        .unwrap()
        .1;
    let layers = layers(lib);
    let declared: BTreeSet<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    let in_table: BTreeSet<&str> = layers.iter().map(String::as_str).collect();
    assert_eq!(declared, in_table, "the table holds every module");
    let faults = sources
        .iter()
        // What is compiled for tests only.
        .filter(|(name, _)| !["/tests", "/testing.rs"].iter().any(|it| name.contains(it)))
        .flat_map(|(name, text)| faults(&layers, name, text));
    let faults: Vec<String> = faults.collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_fault_is_noticed_however_it_is_written() {
    let layers = ["yaml", "read", "checks"].map(str::to_owned);
    for (file, text, is_fault) in [
        ("src/read.rs", "use crate::yaml::Node;", false),
        ("src/read.rs", "use crate::checks::Check;", true),
        (
            "src/read.rs",
            "use crate::{\n    yaml::Node,\n    checks::Check,\n};",
            true,
        ),
        ("src/read.rs", "fn f(check: &crate::checks::Check) {}", true),
        ("src/read/more.rs", "use super::super::checks::Check;", true),
        ("src/checks/ports.rs", "use super::Check;", false),
        ("src/checks/ports.rs", "use super::names::Names;", true),
        (
            "src/checks/ports.rs",
            "use crate::checks::names::Names;",
            true,
        ),
        ("src/checks/ports/one.rs", "use super::two::Two;", false),
        (
            "src/checks/mod.rs",
            "use crate::checks::names::Names;",
            false,
        ),
        ("src/read.rs", "// crate::checks::Check", false),
        ("src/read.rs", "use crate::strange::Thing;", true),
    ] {
        let faults = faults(&layers, file, text);
        assert_eq!(!faults.is_empty(), is_fault, "{file}: {text}: {faults:?}");
    }
}
