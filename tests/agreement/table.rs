//! The table of agreements, and the groups of disagreements.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::sync::LazyLock;

use regex::Regex;

use super::Compared;
use super::mutants::{MUTATIONS, Mutation};
use super::server::Cause;
use crate::hosts::bench::root;

/// How two answers relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// Both take it, or both refuse the same fields.
    Agree,
    /// The server's answer depends on its state.
    Tolerated,
    /// The API server takes what fitout calls an error.
    FalseError,
    /// The API server refuses what fitout says nothing about.
    ServerOnly,
    /// Both refuse it, and the API server also names other fields, such as those that follow from the mistake.
    Part,
    /// Both refuse it, for other fields.
    OtherField,
}

const OUTCOMES: [Outcome; 6] = [
    Outcome::Agree,
    Outcome::Tolerated,
    Outcome::FalseError,
    Outcome::ServerOnly,
    Outcome::Part,
    Outcome::OtherField,
];

/// A path without the punctuation that both sides write differently.
fn tokens(field: &str) -> Vec<String> {
    let parts = field.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_');
    parts
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether two paths are the same, or one is the place of the other. The decoder of the API server leaves out positions.
fn is_near(server: &Cause, ours: &Cause) -> bool {
    let (Some(a), Some(b)) = (&server.field, &ours.field) else {
        return true;
    };
    let is_position = |it: &String| it.bytes().all(|c| c.is_ascii_digit());
    if server.message.contains("Go struct field") {
        let (mut a, mut b) = (tokens(a), tokens(b));
        a.retain(|it| !is_position(it));
        b.retain(|it| !is_position(it));
        // It names the fields as they are nested in Go, where some are left out, and not the keys of maps.
        return a.last().is_some_and(|it| b.contains(it)) || b.starts_with(&a) || a.starts_with(&b);
    }
    let (a, mut b) = (tokens(&as_internal(a)), tokens(&as_internal(b)));
    // It names maps of labels as a whole, and their keys have several tokens.
    const MAPS: [&str; 5] = [
        "labels", "annotations", "matchLabels", "selector", "nodeSelector",
    ];
    let is_of_selector =
        ours.message.contains("FIT-VAL012") || ours.message.contains("field `selector` is missing");
    if is_of_selector && server.message.contains("does not match template") {
        return true;
    }
    // Claims without a namespace for requests, and versions of definitions without that of the version.
    b.retain(|it| it != "requests" || !a.ends_with(&["storage".to_owned()]) || a.contains(it));
    let is_map = a.last().is_some_and(|it| MAPS.contains(&&**it));
    // What is below a field that is missing is missing as well.
    let is_above = ours.message.contains("is missing") && a.starts_with(&b);
    let is_same = |a: &[String], b: &[String]| {
        let len = a.len().min(b.len());
        a[..len] == b[..len] && (is_map || is_above || a.len().abs_diff(b.len()) <= 2)
    };
    // Some of its paths leave out the position in a list.
    let without = |it: &[String]| -> Vec<String> {
        it.iter().filter(|it| !is_position(it)).cloned().collect()
    };
    let positions = |it: &[String]| it.iter().filter(|it| is_position(it)).count();
    is_same(&a, &b) || positions(&a) < positions(&b) && is_same(&without(&a), &without(&b))
}

/// A path as the API server names the fields of its own version of the object.
fn as_internal(path: &str) -> String {
    static NAMES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        let names = [
            // Of several versions that are the same it makes one.
            (r"^spec\.versions\[0\]\.schema", "spec.validation"),
            (
                r"^spec\.versions\[0\]\.additionalPrinterColumns",
                "spec.additionalPrinterColumns",
            ),
            (r"^spec\.versions\[0\]\.name$", "spec.version"),
            (r"jsonPath$", "JSONPath"),
            (
                r"^spec\.conversion\.webhook(\.|$)",
                "spec.conversion.webhookClientConfig$1",
            ),
            (r"^overhead\.podFixed", "overhead.limits"),
            // It takes the name of a webhook's Service for the namespace, and the other way round.
            (
                r"clientConfig\.service\.namespace$",
                "clientConfig.service.name",
            ),
            (
                r"(^|\.)template\.metadata\.(labels|annotations)",
                "${1}template.$2",
            ),
            (r"HostPID$", "hostPID"),
            (r"HostIPC$", "hostIPC"),
        ];
        names
            .map(|(pattern, with)| (Regex::new(pattern).unwrap(), with))
            .into()
    });
    let mut path = path.to_owned();
    for (pattern, with) in NAMES.iter() {
        path = pattern.replace(&path, *with).into_owned();
    }
    path
}

#[test]
fn paths_are_compared_as_the_api_server_names_them() {
    let cause = |field: &str| Cause {
        field: Some(field.to_owned()),
        message: String::new(),
    };
    let rows = [
        (
            "spec.template.labels",
            "spec.template.metadata.labels.app",
            true,
        ),
        ("template.labels", "template.metadata.labels.app", true),
        ("spec.version", "spec.versions[0].name", true),
        (
            "spec.validation.openAPIV3Schema.type",
            "spec.versions[0].schema.openAPIV3Schema.type",
            true,
        ),
        (
            "spec.conversion.webhookClientConfig",
            "spec.conversion.webhook",
            true,
        ),
        (
            "spec.containers[0].volumeMounts.name",
            "spec.containers[0].volumeMounts[1].name",
            true,
        ),
        ("spec.containers[0].name", "spec.containers[1].name", false),
        ("spec.replicas", "spec.selector", false),
    ];
    for (server, ours, is_same) in rows {
        assert_eq!(
            is_near(&cause(server), &cause(ours)),
            is_same,
            "{server} {ours}"
        );
    }
}

/// Judges all: prints the table, and fails if a group is larger than known.
pub(super) fn judge(compared: &[Compared], has_corpus: bool) {
    let read = |name: &str| {
        fs::read_to_string(root().join("tests/agreement").join(name)).unwrap_or_default()
    };
    let (tolerated, known) = (read("tolerated.tsv"), read("known.tsv"));
    let tolerated: Vec<Regex> = tolerated
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Regex::new(line.split('\t').next()?).ok())
        .collect();
    let needs_state = |cause: &Cause| {
        let said = format!(
            "{}: {}",
            cause.field.as_deref().unwrap_or_default(),
            cause.message
        );
        tolerated.iter().any(|it| it.is_match(&said))
    };
    let mut counts: BTreeMap<(Mutation, String), [usize; 6]> = BTreeMap::new();
    let mut groups: BTreeMap<(Outcome, String), (usize, String)> = BTreeMap::new();
    for one in compared {
        let (outcome, group) = match (&one.server, &one.ours) {
            (None, None) => (Outcome::Agree, String::new()),
            (None, Some(ours)) if ours.iter().all(needs_state) => {
                (Outcome::Tolerated, String::new())
            }
            (None, Some(ours)) => (Outcome::FalseError, group(&ours[0])),
            (Some(server), ours) => {
                let open = |cause: &&Cause| {
                    let ours = ours.as_ref();
                    !needs_state(cause)
                        && !ours.is_some_and(|it| it.iter().any(|it| is_near(cause, it)))
                };
                let open: Vec<&Cause> = server.iter().filter(open).collect();
                let is_state = server.iter().all(needs_state);
                // The API server lists the keys of a map in any order.
                let group = open.iter().map(|cause| group(cause)).min();
                match (group, ours) {
                    (None, _) if is_state => (Outcome::Tolerated, String::new()),
                    (None, _) => (Outcome::Agree, String::new()),
                    (Some(group), None) => (Outcome::ServerOnly, group),
                    (Some(group), Some(_)) if open.len() < server.len() => (Outcome::Part, group),
                    (Some(group), Some(_)) => (Outcome::OtherField, group),
                }
            }
        };
        let row = counts
            .entry((one.mutant.mutation, one.mutant.kind.clone()))
            .or_default();
        row[outcome as usize] += 1;
        if !matches!(outcome, Outcome::Agree | Outcome::Tolerated) {
            let said = |it: &super::Answer| match it {
                None => "taken".to_owned(),
                Some(causes) => causes
                    .iter()
                    .map(|it| format!("{}: {}", it.field.as_deref().unwrap_or("?"), it.message))
                    .collect::<Vec<_>>()
                    .join(" | "),
            };
            let entry = groups.entry((outcome, group)).or_default();
            entry.0 += 1;
            if entry.1.is_empty() {
                entry.1 = format!(
                    "{} {} {:?}\n    server: {}\n    fitout: {}",
                    one.mutant.kind,
                    one.mutant.what,
                    one.mutant.mutation,
                    cut(&said(&one.server)),
                    cut(&said(&one.ours)),
                );
            }
        }
    }
    let mut text = String::new();
    tables(&counts, &mut text);
    let mut ordered: Vec<_> = groups.iter().collect();
    ordered.sort_by_key(|((outcome, _), (count, _))| (*outcome, std::cmp::Reverse(*count)));
    for ((outcome, group), (count, example)) in &ordered {
        let _ = writeln!(text, "{outcome:?} {count}: {group}\n    {example}");
    }
    println!("{text}");
    if let Some(file) = std::env::var_os("FITOUT_AGREEMENT_REPORT") {
        fs::write(file, &text).unwrap();
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        assert!(
            has_corpus,
            "known.tsv counts all mutants, and those of CORPUS"
        );
        let mut text = "# outcome\tcount\tgroup\n".to_owned();
        for ((outcome, group), (count, _)) in &groups {
            let _ = writeln!(text, "{outcome:?}\t{count}\t{group}");
        }
        fs::write(root().join("tests/agreement/known.tsv"), text).unwrap();
        return;
    }
    let known: BTreeMap<(String, String), usize> = known
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let cells: Vec<&str> = line.splitn(3, '\t').collect();
            (
                (cells[0].to_owned(), cells[2].to_owned()),
                cells[1].parse().unwrap(),
            )
        })
        .collect();
    let is_new = |((outcome, group), (count, _)): &(&(Outcome, String), &(usize, String))| {
        let known = known.get(&(format!("{outcome:?}"), group.clone()));
        *count > known.copied().unwrap_or(0)
    };
    let new: Vec<String> = ordered
        .into_iter()
        .filter(is_new)
        .map(|((outcome, group), (count, example))| {
            format!("{outcome:?} {count}: {group}\n    {example}")
        })
        .collect();
    assert!(
        new.is_empty(),
        "more disagreements than tests/agreement/known.tsv says:\n{}",
        new.join("\n")
    );
}

/// Per mutation, and per kind.
fn tables(counts: &BTreeMap<(Mutation, String), [usize; 6]>, text: &mut String) {
    type Key = fn(&(Mutation, String)) -> String;
    let keys: [(&str, Key); 2] = [
        ("mutation", |(mutation, _)| {
            match MUTATIONS.iter().position(|it| it == mutation) {
                Some(at) => format!("{} {mutation:?}", at + 1),
                None => "0 as it is".to_owned(),
            }
        }),
        ("kind", |(_, kind)| kind.clone()),
    ];
    for (title, key) in keys {
        let mut rows: BTreeMap<String, [usize; 6]> = BTreeMap::new();
        for (of, row) in counts {
            for name in [key(of), "~ all".to_owned()] {
                let sum = rows.entry(name).or_default();
                sum.iter_mut().zip(row).for_each(|(sum, n)| *sum += n);
            }
        }
        let _ = writeln!(
            text,
            "| {title} | {} |",
            OUTCOMES.map(|it| format!("{it:?}")).join(" | ")
        );
        let _ = writeln!(text, "|---|{}", "---:|".repeat(OUTCOMES.len()));
        for (name, row) in rows {
            let _ = writeln!(
                text,
                "| {name} | {} |",
                row.map(|n| n.to_string()).join(" | ")
            );
        }
        text.push('\n');
    }
}

fn cut(text: &str) -> String {
    text.chars().take(600).collect()
}

/// What a message says, without the values in it.
fn group(cause: &Cause) -> String {
    static VALUES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        let values = [
            (r#""(\\.|[^"\\])*""#, "…"),
            (r"`[^`]*`", "…"),
            (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "…"),
            (r"\{.*\}|\[.*\]", "…"),
            (r"\d+", "N"),
            (r"\s+", " "),
        ];
        values
            .map(|(pattern, with)| (Regex::new(pattern).unwrap(), with))
            .into()
    });
    let mut message = cause.message.clone();
    for (pattern, with) in VALUES.iter() {
        message = pattern.replace_all(&message, *with).into_owned();
    }
    let mut field = tokens(cause.field.as_deref().unwrap_or_default());
    field.retain(|it| it.bytes().any(|c| !c.is_ascii_digit()));
    let field = field[field.len().saturating_sub(2)..].join(".");
    let message: String = message.chars().take(160).collect();
    format!("{field}: {message}")
}
