//! An entry of a report: a change or a finding.

use std::borrow::Cow;
use std::sync::Arc;

use kustomize_krm_types::{Field, ResourceIdentifier, Severity};
use serde::Serialize;

use super::{Tags, at_line, name_of};
use crate::finding::{Folded, Lines, Part};
use crate::hashing::HashMap;
use crate::problem::Problem;
use crate::read::AS_RENDERED;
use crate::sorting;
use crate::yaml::Position;

/// A change or a finding.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The type.
    #[serde(rename = "type")]
    pub entry_type: EntryType,
    /// The message, one sentence.
    pub message: String,
    /// The severity; changes are info.
    #[cfg_attr(test, schemars(with = "super::SeverityWord"))]
    pub severity: Severity,
    /// The section of a change, or the rule of a finding.
    pub rule: &'static str,
    /// The index of the object in the input, and in the ledger: several objects can have one name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<usize>,
    /// The object.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<super::ResourceRef>"))]
    pub resource_ref: Option<Arc<ResourceIdentifier>>,
    /// The field and its values.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<super::Field>"))]
    pub field: Option<Box<Field>>,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<Arc<FilePlace>>,
    /// The setting that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<Arc<ConfigPlace>>,
    /// For a change that can stop a program: how it is known that it does not: from `input`, `catalogue` or `config`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub knowledge: Option<&'static str>,
    /// How to fix it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<Cow<'static, str>>,
    /// Other values, by name.
    #[cfg_attr(test, schemars(with = "std::collections::BTreeMap<String, String>"))]
    pub tags: Tags,
    /// The index of the change.
    #[serde(skip)]
    pub change: Option<usize>,
    /// Why a token is taken away; such a change is a line of its own.
    #[serde(skip)]
    pub token_reason: Option<Cow<'static, str>>,
    /// If set, text reports show the findings of an object as one, with this message.
    #[serde(skip)]
    pub folded: Option<Folded>,
    /// The image that it is about.
    #[serde(skip)]
    pub image: Option<String>,
    /// The lines that resolve it and the others of its group.
    #[serde(skip)]
    pub lines: Option<Lines>,
}

impl Entry {
    /// Whether text reports show it as one with others of its object.
    pub(super) fn is_folded(&self) -> bool {
        self.entry_type == EntryType::Finding && self.folded.is_some()
    }

    /// The severity of a finding, or the word for what is none.
    pub(super) fn level(&self) -> &'static str {
        match self.entry_type {
            EntryType::Change => "change",
            EntryType::Waived => "waived",
            EntryType::Finding => self.severity.as_str(),
        }
    }

    /// Why an exemption waives it, and how long.
    pub(super) fn waiver(&self) -> Option<String> {
        let reason = self.tags.mark("reason")?;
        Some(match self.tags.mark("until") {
            Some(day) => format!("{reason} (until {day})"),
            None => reason.to_owned(),
        })
    }

    /// The name of its object.
    pub(super) fn object_name(&self) -> Option<String> {
        self.resource_ref.as_deref().map(name_of)
    }

    /// Its place in a manifest: `base/web.yaml:12:7`.
    pub(super) fn place(&self) -> Option<String> {
        self.file.as_deref().map(FilePlace::to_string)
    }
}

/// The type of an entry.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryType {
    /// A change of a leaf.
    Change,
    /// A finding.
    Finding,
    /// A finding that an exemption waives.
    Waived,
}

/// A place in a manifest.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FilePlace {
    /// The relative path, with slashes.
    pub path: Arc<str>,
    /// The index of the document, from 0.
    pub index: usize,
    /// Line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Column, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The first byte in the file, and the byte after the last: of a scalar, or of the first line of a collection.
    #[serde(skip)]
    pub span: Option<(usize, usize)>,
}

impl FilePlace {
    /// `base/web.yaml:12`
    pub(super) fn at_line(&self) -> String {
        at_line(&self.path, self.line)
    }
}

impl std::fmt::Display for FilePlace {
    /// `base/web.yaml:12:7`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.path)?;
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, ":{line}:{column}"),
            _ => Ok(()),
        }
    }
}

/// A place in the config.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigPlace {
    /// The file, if known.
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

impl ConfigPlace {
    /// `fn-config/all/fitout.yaml:47`; empty if the file is not known.
    pub(super) fn place(&self) -> String {
        let path = self.path.as_ref().filter(|_| self.line.is_some());
        path.map_or(String::new(), |path| at_line(path, self.line))
    }

    /// The same, and the setting.
    pub(super) fn decided(&self) -> String {
        match self.place() {
            place if place.is_empty() => self.field.clone(),
            place => format!("{place}  {}", self.field),
        }
    }

    pub(super) fn of(field: String, file: Option<&str>, position: Option<Position>) -> ConfigPlace {
        ConfigPlace {
            path: file.map(str::to_owned),
            field,
            line: position.map(|position| position.line),
            column: position.map(|position| position.column),
        }
    }
}

/// Why the run produced nothing.
pub(super) fn of_problem(problem: &Problem) -> Entry {
    let file = problem.place.as_ref().map(|place| {
        let path = place.file.as_deref().unwrap_or("stdin");
        // A template has other lines than its rendering.
        let template = path.strip_suffix(AS_RENDERED);
        let position = template.is_none().then_some(place.position);
        Arc::new(FilePlace {
            path: template.unwrap_or(path).into(),
            index: 0,
            line: position.map(|it| it.line),
            column: position.map(|it| it.column),
            span: None,
        })
    });
    let field = problem.field.as_ref().map(|path| {
        Box::new(Field {
            path: path.clone(),
            current_value: None,
            proposed_value: None,
        })
    });
    Entry {
        entry_type: EntryType::Finding,
        message: problem.message.clone(),
        severity: Severity::Error,
        rule: problem.id,
        object: None,
        resource_ref: None,
        field,
        file,
        config: None,
        knowledge: None,
        help: problem.help.clone().map(Cow::Owned),
        tags: Tags {
            environment: Arc::default(),
            rule: problem.id,
            part: Part::Object,
            decision: None,
            psa: None,
            marks: Vec::new(),
        },
        change: None,
        token_reason: None,
        folded: None,
        image: None,
        lines: None,
    }
}

/// Sorts entries by severity, errors first, then by file, index, object, field and rule. Objects are sorted by name, because a
/// host may pass them in any order.
pub(super) fn in_order(mut results: Vec<Entry>) -> Vec<Entry> {
    // What is the same for all entries of an object is compared once for each object, with its first entry.
    let mut of_objects: HashMap<usize, usize> = HashMap::default();
    let first = |(at, entry): (usize, &Entry)| match entry.object {
        Some(object) => *of_objects.entry(object).or_insert(at),
        None => at,
    };
    let firsts: Vec<usize> = results.iter().enumerate().map(first).collect();
    let mut places: Vec<usize> = (0..results.len()).filter(|at| firsts[*at] == *at).collect();
    sorting::sort_by_key(&mut places, |at| place(&results[*at]));
    // Entries about no object have the same number at the same place.
    let mut ranks = vec![0; results.len()];
    for pair in places.windows(2) {
        let is_same = place(&results[pair[0]]) == place(&results[pair[1]]);
        ranks[pair[1]] = ranks[pair[0]] + usize::from(!is_same);
    }
    // Most severe first, and then object by object.
    let numbers = results.iter().zip(&firsts).map(|(entry, first)| {
        let severity = match entry.severity {
            Severity::Error => 0,
            Severity::Warning => 1,
            Severity::Info => 2,
        };
        severity * places.len() + ranks[*first]
    });
    let numbers: Vec<usize> = numbers.collect();
    sorting::sort_by_number(&mut results, &numbers, |a, b| {
        fn within(entry: &Entry) -> impl Ord + use<'_> {
            let path = entry.field.as_ref().map(|field| field.path.as_str());
            (path, entry.rule, entry.message.as_str())
        }
        within(a).cmp(&within(b))
    });
    results
}

/// What objects are sorted by.
fn place(entry: &Entry) -> impl Ord + use<'_> {
    let file = entry.file.as_ref();
    (
        file.map(|file| (&*file.path, file.index)),
        entry.resource_ref.as_deref(),
        entry.object,
    )
}

/// The message for findings that are shown as one.
pub(super) fn folded_message(entries: &[&Entry]) -> String {
    let words = entries.first().and_then(|entry| entry.folded);
    words.map_or_else(String::new, |words| words(entries.len()))
}
