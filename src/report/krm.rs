//! The report as the `results` of a ResourceList, which kpt shows and keeps.
//!
//! kpt prints every result as a line and may write them into the package, so they are few, short and
//! free of anything that differs between two runs.

use kustomize_krm_types::{File, Result as KrmResult, Severity};

use super::{Entry, EntryType, Report};
use crate::config::ChangesReport;

impl Report {
    /// The results that a host is told: every error and warning, and the changes as far as the
    /// report has them.
    pub fn krm_results(&self) -> Vec<KrmResult> {
        let of = |entry_type| {
            let entries = self.results.iter();
            entries.filter(move |entry| entry.entry_type == entry_type)
        };
        let is_told =
            |entry: &&Entry| entry.severity > Severity::Info || self.changes == ChangesReport::Full;
        let findings = of(EntryType::Finding).filter(is_told);
        findings
            .chain(of(EntryType::Change))
            .map(of_entry)
            .collect()
    }
}

fn of_entry(entry: &Entry) -> KrmResult {
    KrmResult {
        message: entry.message.clone(),
        severity: entry.severity,
        resource_ref: entry.resource_ref.clone(),
        field: entry.field.clone(),
        file: file_of(entry),
        tags: entry.tags.clone(),
    }
}

fn file_of(entry: &Entry) -> Option<File> {
    entry.file.as_ref().map(|file| File {
        path: file.path.clone(),
        index: file.index,
    })
}
