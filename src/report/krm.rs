//! The report as the `results` of a ResourceList.
//!
//! kpt prints each result on a line and may write it into the package, so results are few, short and reproducible.

use std::collections::BTreeMap;

use kustomize_krm_types::{File, Result as KrmResult, Severity};

use super::{Entry, EntryType, FilePlace, ObjectChanges, Report, folded_message, unexamined};
use crate::checks::UNEXAMINED;
use crate::config::ChangesReport;

impl Report {
    /// The results for a host: errors, warnings, and the configured detail of changes.
    pub fn krm_results(&self, changes: ChangesReport) -> Vec<KrmResult> {
        let mut results = Vec::new();
        let findings = self
            .results
            .iter()
            .filter(|entry| entry.entry_type != EntryType::Change);
        let is_reported = |entry: &&Entry| {
            let is_problem =
                entry.entry_type == EntryType::Finding && entry.severity > Severity::Info;
            changes == ChangesReport::Full || (is_problem && !entry.is_folded())
        };
        if changes != ChangesReport::Full {
            let objects = self.folded_by_object();
            results.extend(objects.iter().map(|entries| of_folded(entries)));
        }
        results.extend(findings.filter(is_reported).map(of_entry));
        match changes {
            ChangesReport::None => {}
            ChangesReport::Full => {
                let changes = self
                    .results
                    .iter()
                    .filter(|entry| entry.entry_type == EntryType::Change);
                results.extend(changes.map(of_entry));
            }
            ChangesReport::Summary => {
                results.extend(self.objects.iter().map(|it| self.of_object(it)));
            }
        }
        let unexamined = unexamined(self);
        if !unexamined.is_empty() {
            results.push(KrmResult {
                message: unexamined,
                severity: Severity::Info,
                resource_ref: None,
                field: None,
                file: None,
                tags: self.tags_of(UNEXAMINED.id),
            });
        }
        results
    }

    fn tags(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("environment".to_owned(), self.environment.clone())])
    }

    fn tags_of(&self, rule: &str) -> BTreeMap<String, String> {
        let mut tags = self.tags();
        tags.insert("rule".to_owned(), rule.to_owned());
        tags
    }

    fn of_object(&self, object: &ObjectChanges) -> KrmResult {
        let counts = object.counts.iter();
        let counts: Vec<String> = counts
            .map(|(rule, count)| format!("{rule} {count}"))
            .collect();
        KrmResult {
            message: format!("configured for {}: {}", self.environment, counts.join(", ")),
            severity: Severity::Info,
            resource_ref: Some(object.reference.clone()),
            field: None,
            file: object.file.as_ref().map(file_of),
            tags: self.tags(),
        }
    }
}

/// One result for the folded findings of an object.
fn of_folded(entries: &[&Entry]) -> KrmResult {
    let first = entries[0];
    KrmResult {
        message: format!(
            "{}, for example: {}",
            folded_message(entries),
            first.message
        ),
        ..of_entry(first)
    }
}

fn of_entry(entry: &Entry) -> KrmResult {
    KrmResult {
        message: match entry.tags.mark("reason") {
            Some(reason) => format!("waived ({reason}): {}", entry.message),
            None => entry.message.clone(),
        },
        severity: match entry.entry_type {
            EntryType::Waived => Severity::Info,
            EntryType::Change | EntryType::Finding => entry.severity,
        },
        resource_ref: entry.resource_ref.clone(),
        field: entry.field.clone(),
        file: entry.file.as_ref().map(file_of),
        tags: entry.tags.to_map(),
    }
}

fn file_of(file: &FilePlace) -> File {
    File {
        path: file.path.clone(),
        index: file.index,
    }
}
