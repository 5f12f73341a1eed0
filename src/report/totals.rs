//! The counts of a report in one line.

use std::fmt::Write as _;

use super::Report;

/// The counts in one line.
pub fn totals(report: &Report) -> String {
    let counts = &report.summary;
    // In the middle of a host's pipeline nobody knows of files.
    let files = match counts.files {
        0 => String::new(),
        files => format!(" in {}", plural(files, "file", "files")),
    };
    if report.validate_only {
        let unfitted = match report.folded().count() {
            0 if !report.proof.holds() => "whether they were fitted was not told".to_owned(),
            0 => "as fitted".to_owned(),
            1 => "1 field would still change".to_owned(),
            fields => format!("{fields} fields would still change"),
        };
        let workloads = plural(counts.workloads, "workload", "workloads");
        return format!(
            "{workloads}{files} for {}: {unfitted}; {}, {}, {} waived\n",
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
