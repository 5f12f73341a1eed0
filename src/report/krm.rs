//! The report as the `results` of a ResourceList, which kpt shows and keeps.
//!
//! kpt prints every result as a line and may write them into the package, so they are few, short and
//! free of anything that differs between two runs.

use std::collections::BTreeMap;

use kustomize_krm_types::{File, Result as KrmResult, Severity};

use super::{Entry, EntryType, Report};
use crate::config::ChangesReport;

impl Report {
    /// The results that a host is told: every error and warning, and as much of the changes as asked.
    pub fn krm_results(&self, changes: ChangesReport) -> Vec<KrmResult> {
        let mut results = Vec::new();
        let findings = self
            .results
            .iter()
            .filter(|entry| entry.entry_type == EntryType::Finding);
        let told =
            |entry: &&Entry| entry.severity > Severity::Info || changes == ChangesReport::Full;
        results.extend(findings.filter(told).map(of_entry));
        match changes {
            ChangesReport::None => {}
            ChangesReport::Full => {
                let changes = self
                    .results
                    .iter()
                    .filter(|entry| entry.entry_type == EntryType::Change);
                results.extend(changes.map(of_entry));
            }
            ChangesReport::Summary => results.extend(self.one_for_each_object()),
        }
        results
    }

    fn one_for_each_object(&self) -> Vec<KrmResult> {
        let mut objects: Vec<(&Entry, BTreeMap<&str, usize>)> = Vec::new();
        for entry in self
            .results
            .iter()
            .filter(|entry| entry.entry_type == EntryType::Change)
        {
            let key = |entry: &Entry| {
                (
                    entry.resource_ref.clone(),
                    entry
                        .file
                        .as_ref()
                        .map(|file| (file.path.clone(), file.index)),
                )
            };
            match objects
                .last_mut()
                .filter(|(first, _)| key(first) == key(entry))
            {
                Some((_, rules)) => *rules.entry(&entry.rule).or_default() += 1,
                None => objects.push((entry, BTreeMap::from([(entry.rule.as_str(), 1)]))),
            }
        }
        objects
            .into_iter()
            .map(|(first, rules)| self.of_object(first, &rules))
            .collect()
    }

    fn of_object(&self, first: &Entry, rules: &BTreeMap<&str, usize>) -> KrmResult {
        let counts: Vec<String> = rules
            .iter()
            .map(|(rule, count)| format!("{rule} {count}"))
            .collect();
        KrmResult {
            message: format!("fitted out for {}: {}", self.environment, counts.join(", ")),
            severity: Severity::Info,
            resource_ref: first.resource_ref.clone(),
            field: None,
            file: file_of(first),
            tags: BTreeMap::from([("environment".to_owned(), self.environment.clone())]),
        }
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
