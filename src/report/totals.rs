//! The totals of a report.

use std::fmt::Write as _;

use super::Report;

/// The totals as one line.
pub fn totals(report: &Report) -> String {
    let counts = &report.summary;
    let files = match counts.files {
        0 => String::new(),
        files => format!(" in {}", plural(files, "file", "files")),
    };
    if report.validate_only {
        let drift = match report.folded().count() {
            0 if !report.proof.holds() => "not verified whether fitout ran".to_owned(),
            0 => "no drift from the config".to_owned(),
            1 => "1 field would still change".to_owned(),
            fields => format!("{fields} fields would still change"),
        };
        let workloads = plural(counts.workloads, "workload", "workloads");
        return format!(
            "{workloads}{files} for {}: {drift}; {}, {}, {} waived",
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
    text
}

/// A count with its noun.
pub(super) fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
