//! An entry of a report: a change or a finding, with its places.

use std::sync::Arc;

use kustomize_krm_types::{Field, ResourceIdentifier, Severity};
use serde::Serialize;

use super::Tags;
use crate::finding::{Folded, Part};
use crate::problem::Problem;

/// A change or a finding.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Which of the two.
    #[serde(rename = "type")]
    pub entry_type: EntryType,
    /// One sentence.
    pub message: String,
    /// Changes are info.
    pub severity: Severity,
    /// The section that made a change, or the finding's id.
    pub rule: &'static str,
    /// The object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_ref: Option<ResourceIdentifier>,
    /// The field and its values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<Field>,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FilePlace>,
    /// The line of the config that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigPlace>,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Anything else, by name.
    pub tags: Tags,
    /// The change's index among those that were made, to find it again.
    #[serde(skip)]
    pub change: Option<usize>,
    /// Reports for people show those of an object as one, in these words for their number.
    #[serde(skip)]
    pub folded: Option<Folded>,
}

impl Entry {
    /// Whether reports for people show it as one with its like.
    pub(super) fn is_folded(&self) -> bool {
        self.entry_type == EntryType::Finding && self.folded.is_some()
    }
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryType {
    /// A leaf that changes.
    Change,
    /// Something to know.
    Finding,
    /// Something that an exemption keeps from being written or found.
    Waived,
}

/// A place in a manifest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FilePlace {
    /// Relative path, with slashes.
    pub path: String,
    /// Which document of the file, from 0.
    pub index: usize,
    /// Line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Column, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

/// A place in the config.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigPlace {
    /// The file, when it is one that a person can open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// `spec.profiles[database].resources.containers.limits.memory`.
    pub field: String,
    /// Line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Column, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

/// What has kept a run from anything.
pub(super) fn of_problem(problem: &Problem) -> Entry {
    let file = problem.place.as_ref().map(|place| FilePlace {
        path: place.file.clone().unwrap_or_else(|| "stdin".to_owned()),
        index: 0,
        line: Some(place.position.line),
        column: Some(place.position.column),
    });
    let field = problem.field.as_ref().map(|path| Field {
        path: path.clone(),
        current_value: None,
        proposed_value: None,
    });
    Entry {
        entry_type: EntryType::Finding,
        message: problem.message.clone(),
        severity: Severity::Error,
        rule: problem.id,
        resource_ref: None,
        field,
        file,
        config: None,
        help: problem.help.clone(),
        tags: Tags {
            environment: Arc::default(),
            rule: problem.id,
            part: Part::Object,
            decision: None,
            marks: Vec::new(),
        },
        change: None,
        folded: None,
    }
}

/// The entries in their order. Their places are sorted first, because an entry is large to be moved about.
pub(super) fn in_order(results: Vec<Entry>) -> Vec<Entry> {
    let mut places: Vec<usize> = (0..results.len()).collect();
    places.sort_by(|a, b| order(&results[*a]).cmp(&order(&results[*b])));
    let mut results: Vec<Option<Entry>> = results.into_iter().map(Some).collect();
    let places = places.into_iter();
    places.filter_map(|at| results[at].take()).collect()
}

/// Errors first; inside by file, index, field and rule.
fn order(entry: &Entry) -> impl Ord + use<'_> {
    let path = entry.field.as_ref().map(|field| field.path.as_str());
    let file = entry
        .file
        .as_ref()
        .map(|file| (file.path.as_str(), file.index));
    (
        std::cmp::Reverse(entry.severity),
        file,
        entry.resource_ref.as_ref(),
        path,
        entry.rule,
        entry.message.as_str(),
    )
}

/// What is said of findings that are shown as one.
pub(super) fn folded_message(entries: &[&Entry]) -> String {
    let words = entries.first().and_then(|entry| entry.folded);
    words.map_or_else(String::new, |words| words(entries.len()))
}
