//! The report as the `results` of a ResourceList.
//!
//! kpt prints each result on a line and may write it into the package, so results are few, short and reproducible.

use std::borrow::Cow;
use std::collections::BTreeMap;

use kustomize_krm_types::{File, Result as KrmResult, Severity};

use super::{Entry, EntryType, FilePlace, ObjectChanges, Report, folded_message, unexamined};
use crate::checks::UNEXAMINED;
use crate::config::ChangesReport;
use crate::text::escaped;

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
        let listed = self.results.iter();
        let listed = listed.filter(|entry| entry.entry_type == EntryType::Change);
        match changes {
            ChangesReport::None => {}
            ChangesReport::Full => results.extend(listed.map(of_entry)),
            ChangesReport::Summary => {
                results.extend(self.objects.iter().map(|it| self.of_object(it)));
                let tokens = listed.filter(|entry| entry.token_reason.is_some());
                results.extend(tokens.map(of_entry));
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
        results.into_iter().map(printable).collect()
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

/// Escapes what a host prints; values stay as they are.
fn printable(mut result: KrmResult) -> KrmResult {
    let resource = result.resource_ref.iter_mut().flat_map(|it| {
        let required = [&mut it.api_version, &mut it.kind, &mut it.name];
        required.into_iter().chain(&mut it.namespace)
    });
    let field = result.field.iter_mut().map(|field| &mut field.path);
    let file = result.file.iter_mut().map(|file| &mut file.path);
    let texts = resource.chain(field).chain(file);
    for text in texts
        .chain([&mut result.message])
        .chain(result.tags.values_mut())
    {
        if let Cow::Owned(escaped) = escaped(text) {
            *text = escaped;
        }
    }
    result
}

fn file_of(file: &FilePlace) -> File {
    File {
        path: file.path.clone(),
        index: file.index,
    }
}
