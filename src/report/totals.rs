//! The totals of a report.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Entry, EntryType, Report};

/// The totals as one line.
pub fn totals(report: &Report) -> String {
    let counts = &report.summary;
    let files = match counts.files {
        0 => String::new(),
        files => format!(" in {}", plural(files, "file", "files")),
    };
    if report.validate_only {
        let is_different =
            |entry: &&Entry| entry.entry_type == EntryType::Finding && entry.rule == "FIT-RUN003";
        let different = report.results.iter().filter(is_different).count();
        let different = match different {
            0 => String::new(),
            1 => "1 field differs from the config".to_owned(),
            fields => format!("{fields} fields differ from the config"),
        };
        let drift = match report.folded().count() {
            0 if !different.is_empty() => different,
            0 if !report.can_drift => "nothing that the config changes".to_owned(),
            0 if !report.proof.holds() => "not verified whether fitout ran".to_owned(),
            0 => "no drift from the config".to_owned(),
            fields => {
                let fields = plural(fields, "field", "fields");
                let others = [", ", &different].concat();
                let others = Some(others).filter(|_| !different.is_empty());
                format!("{fields} would still change{}", others.unwrap_or_default())
            }
        };
        let workloads = plural(counts.workloads, "workload", "workloads");
        return format!(
            "{workloads}{files} for {}: {drift}; {}, {}, {}{} waived{}",
            report.environment,
            plural(counts.errors, "error", "errors"),
            plural(counts.warnings, "warning", "warnings"),
            match notes(report) {
                notes if notes.is_empty() => notes,
                notes => notes + ", ",
            },
            counts.waived,
            ending(report)
        );
    }
    let mut text = format!(
        "{}{files}: {} added, {} changed, ",
        plural(counts.workloads, "workload", "workloads"),
        counts.added,
        counts.changed,
    );
    if counts.removed > 0 {
        let _ = write!(text, "{} removed, ", counts.removed);
    }
    let _ = write!(text, "{} already right", counts.same);
    if counts.errors + counts.warnings > 0 {
        let _ = write!(
            text,
            "; {}, {}",
            plural(counts.errors, "error", "errors"),
            plural(counts.warnings, "warning", "warnings")
        );
    }
    let notes = notes(report);
    if !notes.is_empty() {
        let _ = write!(text, "; {notes}");
    }
    if counts.waived > 0 {
        let _ = write!(text, "; {} waived", counts.waived);
    }
    text + &ending(report)
}

/// `3 notes (-v shows them)`, because findings of severity info are hidden otherwise; empty if there are none.
fn notes(report: &Report) -> String {
    match report.summary.notes {
        0 => String::new(),
        1 => "1 note (-v shows it)".to_owned(),
        notes => format!("{notes} notes (-v shows them)"),
    }
}

fn ending(report: &Report) -> String {
    match unexamined(report) {
        text if text.is_empty() => text,
        text => format!("; {text}"),
    }
}

/// `1 object not examined (RayCluster)`, because no errors in what is examined says nothing about the rest; empty if everything
/// is examined.
pub fn unexamined(report: &Report) -> String {
    let all = [
        (&report.unexamined, "not examined"),
        (&report.in_part, "examined in part"),
    ];
    let some = all.into_iter().filter(|(kinds, _)| !kinds.is_empty());
    let parts = some.map(|(kinds, how)| {
        let what = plural(kinds.len(), "object", "objects");
        format!("{what} {how}{}", counted(kinds.iter().map(String::as_str)))
    });
    parts.collect::<Vec<_>>().join("; ")
}

/// ` (local-config)`, or for several words ` (2 excluded, 1 local-config)`.
pub(super) fn counted<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    words.for_each(|word| *counts.entry(word).or_default() += 1);
    let several: Vec<String> = match counts.len() {
        0 => return String::new(),
        1 => counts.into_keys().map(str::to_owned).collect(),
        _ => {
            let counts = counts.into_iter();
            counts
                .map(|(word, count)| format!("{count} {word}"))
                .collect()
        }
    };
    format!(" ({})", several.join(", "))
}

/// A count with its noun.
pub(super) fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
