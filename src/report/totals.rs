//! The totals of a report.

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
            "{workloads}{files} for {}: {drift}; {}, {}, {} waived\n",
            report.environment,
            plural(counts.errors, "error", "errors"),
            plural(counts.warnings, "warning", "warnings"),
            counts.waived
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
    if counts.waived > 0 {
        let _ = write!(text, "; {} waived", counts.waived);
    }
    text + "\n"
}

/// A count with its noun.
pub(super) fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
