//! Step 6: what was changed and found, once, for every form in which it is told.
//!
//! [`Report`] owns all that the forms need and decides nothing. `json` and `krm` are the machine's
//! forms, `text` and `plan` the person's; they are siblings.

mod krm;
mod plan;
mod tags;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

use jsonptr::{Pointer, PointerBuf};
use kustomize_krm_types::{Field, ResourceIdentifier, Severity};
use serde::Serialize;

use crate::config::{Config, FailOn};
use crate::edit::Change;
use crate::edit::Edits;
use crate::finding::Exempted;
use crate::finding::{Decision, Finding, Part};
use crate::funnel::Verdict;
use crate::objects::OnChange;
use crate::problem::Problem;
use crate::problem::field_path;
use crate::read::Resource;
use crate::select::Selection;
use crate::yaml::Node;

pub use plan::{Plan, PlannedText};
pub use tags::Tags;
pub use text::{findings, problem_snippet, summary, totals};

/// What fitting some objects comes to, before anything is written.
#[derive(Debug)]
pub struct Fitted {
    /// Every edit, by object and then in the order in which transformers asked; none on check.
    pub changes: Vec<Change>,
    /// Everything else that there is to say.
    pub findings: Vec<Finding>,
    /// What exemptions keep from being written or found.
    pub exempted: Vec<Exempted>,
    /// How many leaves were right already.
    pub same: usize,
    /// How many of the objects make pods.
    pub workloads: usize,
}

impl Fitted {
    /// Puts together what the steps have come to.
    pub fn of(
        config: &Config<'_>,
        selection: &Selection<'_, '_>,
        edits: Edits<'_>,
        verdict: Verdict,
    ) -> Fitted {
        let selected = selection.selected.iter();
        let workloads = selected.filter(|it| !it.target.templates.is_empty());
        Fitted {
            changes: match config.judges {
                true => Vec::new(),
                false => edits.changes,
            },
            findings: verdict.findings,
            exempted: verdict.exempted,
            same: edits.same,
            workloads: workloads.count(),
        }
    }
}

/// Everything that a run has to tell, as `-o json` writes it (`report.fitout.dev/v1`; it only grows).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    api_version: &'static str,
    kind: &'static str,
    /// The environment's name.
    pub environment: String,
    /// The counts.
    pub summary: Summary,
    /// Errors first, then warnings, then info; inside by file, index, field and rule.
    pub results: Vec<Entry>,
    /// It is of a judgement.
    #[serde(skip)]
    pub judges: bool,
    /// It asks whether the function ran.
    #[serde(skip)]
    asks_for_run: bool,
    /// How many changes each object has, by section.
    #[serde(skip)]
    objects: Vec<ObjectChanges>,
}

/// The changes of one object, counted.
#[derive(Debug)]
struct ObjectChanges {
    file: Option<FilePlace>,
    reference: ResourceIdentifier,
    counts: BTreeMap<&'static str, usize>,
}

/// How much of the changes a report holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Each of them.
    EachChange,
    /// Their counts only, which is enough for hosts and saves most of a report's cost.
    Counts,
}

/// How many of what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Objects in hand.
    pub resources: usize,
    /// Objects that make pods, of those that were fitted.
    pub workloads: usize,
    /// Files that objects came from, as far as that is known.
    pub files: usize,
    /// Leaves that were not set before.
    pub added: usize,
    /// Leaves that had another value.
    pub changed: usize,
    /// Leaves that are gone.
    pub removed: usize,
    /// Leaves that were right already.
    pub same: usize,
    /// Findings of severity error.
    pub errors: usize,
    /// Findings of severity warning.
    pub warnings: usize,
    /// Findings that an exemption covers.
    pub waived: usize,
}

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

impl Entry {
    /// It is a leaf that the config would still change.
    fn is_unfitted(&self) -> bool {
        let is_finding = self.entry_type == EntryType::Finding;
        is_finding && self.rule == PROOF_OF_RUN && self.field.is_some()
    }
}

/// What a report is called; it only grows.
const API_VERSION: &str = "report.fitout.dev/v1";
const KIND: &str = "Report";

/// The rule whose findings belong together, because there is one of them for each leaf that the function would write.
const PROOF_OF_RUN: &str = "FIT-RUN001";

impl Report {
    /// The report of what fitting came to; it takes the findings over.
    pub fn of(
        fitted: &mut Fitted,
        resources: &[Resource<'_>],
        config: &Config<'_>,
        detail: Detail,
    ) -> Report {
        let summary = summarise(fitted, resources);
        let mut results: Vec<Entry> = Vec::new();
        let mut entries = Entries {
            environment: config.environment.as_str().into(),
            places: Places::default(),
        };
        if detail == Detail::EachChange {
            for (index, change) in fitted.changes.iter().enumerate() {
                results.push(entries.of_change(index, change, &resources[change.resource]));
            }
        }
        for finding in std::mem::take(&mut fitted.findings) {
            let resource = finding.resource.map(|index| &resources[index]);
            results.push(entries.of_finding(finding, resource));
        }
        for exempted in std::mem::take(&mut fitted.exempted) {
            let resource = exempted.finding.resource.map(|index| &resources[index]);
            let mut entry = entries.of_finding(exempted.finding, resource);
            entry.entry_type = EntryType::Waived;
            entry.help = None;
            entry.tags.marks.push(("reason", exempted.reason));
            let until = exempted.until.as_ref();
            let until = until.map(|day| ("until", day.to_string()));
            entry.tags.marks.extend(until);
            results.push(entry);
        }
        let results = in_order(results);
        Report {
            api_version: API_VERSION,
            kind: KIND,
            environment: config.environment.clone(),
            summary,
            results,
            judges: config.judges,
            asks_for_run: config
                .checks
                .severity_of(PROOF_OF_RUN, Severity::Error)
                .is_some(),
            objects: count_by_object(&fitted.changes, resources),
        }
    }

    /// The report of a run that came to nothing: why.
    pub fn of_problems(problems: &[Problem]) -> Report {
        Report {
            api_version: API_VERSION,
            kind: KIND,
            environment: String::new(),
            summary: Summary {
                errors: problems.len(),
                ..Summary::default()
            },
            results: problems.iter().map(of_problem).collect(),
            judges: false,
            asks_for_run: false,
            objects: Vec::new(),
        }
    }

    /// Adds what another config has to say of the same objects.
    pub fn add(&mut self, other: Report) {
        if self.environment != other.environment {
            self.environment = format!("{}, {}", self.environment, other.environment);
        }
        let (mine, others) = (&mut self.summary, other.summary);
        mine.same += others.same;
        mine.errors += others.errors;
        mine.warnings += others.warnings;
        mine.waived += others.waived;
        mine.workloads = mine.workloads.max(others.workloads);
        let mut results = std::mem::take(&mut self.results);
        results.extend(other.results);
        self.results = in_order(results);
        self.asks_for_run |= other.asks_for_run;
    }

    /// Whether anything is an error, so that nothing may be written.
    pub fn has_errors(&self) -> bool {
        self.summary.errors > 0
    }

    /// Whether a judgement passes.
    pub fn passes(&self, fail_on: FailOn) -> bool {
        !fail_on.fails(self.summary.errors, self.summary.warnings)
    }

    /// Whether nothing is known of the function having run: nobody asked, or it could not be told, or is waived.
    fn run_is_unclear(&self) -> bool {
        let mut results = self.results.iter();
        !self.asks_for_run || results.any(|entry| entry.rule == PROOF_OF_RUN)
    }

    /// Whether the config would still change something.
    pub fn did_not_run(&self) -> bool {
        self.unfitted().next().is_some()
    }

    /// The same, object by object.
    fn unfitted_objects(&self) -> Vec<Vec<&Entry>> {
        fn place(entry: &Entry) -> (Option<(&str, usize)>, Option<&ResourceIdentifier>) {
            let file = entry.file.as_ref();
            let file = file.map(|file| (file.path.as_str(), file.index));
            (file, entry.resource_ref.as_ref())
        }
        let unfitted: Vec<&Entry> = self.unfitted().collect();
        let objects = unfitted.chunk_by(|a, b| place(a) == place(b));
        objects.map(<[&Entry]>::to_vec).collect()
    }

    /// What tells that the function did not run, leaf by leaf.
    fn unfitted(&self) -> impl Iterator<Item = &Entry> {
        let results = self.results.iter();
        results.filter(|entry| entry.is_unfitted())
    }

    /// Says why the function did not run, as far as the caller knows.
    pub fn explain_run(&mut self, help: &str) {
        for entry in self.results.iter_mut().filter(|entry| entry.is_unfitted()) {
            entry.help = Some(help.to_owned());
        }
    }

    /// The report as JSON with a final newline.
    pub fn to_json(&self) -> String {
        // Strings, numbers and maps with string keys: there is no case in which this fails.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// What has kept a run from anything.
fn of_problem(problem: &Problem) -> Entry {
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
    }
}

/// The counts of changes, by file, index and object.
fn count_by_object(changes: &[Change], resources: &[Resource<'_>]) -> Vec<ObjectChanges> {
    let by_object = changes.chunk_by(|a, b| a.resource == b.resource);
    let mut objects: Vec<ObjectChanges> = by_object
        .map(|changes| {
            let resource = &resources[changes[0].resource];
            let mut counts = BTreeMap::new();
            for change in changes {
                *counts.entry(change.rule).or_default() += 1;
            }
            ObjectChanges {
                file: Places::default().place(resource, None),
                reference: reference(resource),
                counts,
            }
        })
        .collect();
    objects.sort_by(|a, b| (&a.file, &a.reference).cmp(&(&b.file, &b.reference)));
    objects
}

/// The entries in their order. Their places are sorted first, because an entry is large to be moved about.
fn in_order(results: Vec<Entry>) -> Vec<Entry> {
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

fn summarise(fitted: &Fitted, resources: &[Resource<'_>]) -> Summary {
    let of = |severity: Severity| {
        fitted
            .findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    };
    let mut files: Vec<&str> = resources
        .iter()
        .filter_map(|resource| resource.origin.path.as_deref())
        .collect();
    files.sort_unstable();
    files.dedup();
    let count = |kind: fn(&Change) -> bool| fitted.changes.iter().filter(|c| kind(c)).count();
    let removed = count(|change| change.proposed.is_none());
    let changed = count(|change| change.current.is_some()) - removed;
    Summary {
        resources: resources.len(),
        workloads: fitted.workloads,
        files: files.len(),
        added: fitted.changes.len() - changed - removed,
        changed,
        removed,
        same: fitted.same,
        errors: of(Severity::Error),
        warnings: of(Severity::Warning),
        waived: fitted.exempted.len(),
    }
}

/// Makes entries, of one object after another.
struct Entries<'r, 'a> {
    environment: Arc<str>,
    places: Places<'r, 'a>,
}

impl<'r, 'a> Entries<'r, 'a> {
    fn of_change(&mut self, index: usize, change: &Change, resource: &'r Resource<'a>) -> Entry {
        let is_rollout = change.subject.on_change == OnChange::Rollout;
        let marks = [("rollout", is_rollout), ("immutable", change.immutable)];
        let marks = marks.into_iter().filter(|(_, is_so)| *is_so);
        let tags = Tags {
            environment: Arc::clone(&self.environment),
            rule: change.rule,
            part: change.subject.part.clone(),
            decision: Some(Arc::clone(&change.decision)),
            marks: marks.map(|(name, _)| (name, "true".to_owned())).collect(),
        };
        Entry {
            entry_type: EntryType::Change,
            message: change.to_string(),
            severity: Severity::Info,
            rule: change.rule,
            resource_ref: Some(reference(resource)),
            field: Some(Field {
                path: field_path(&change.pointer()),
                current_value: change.current.as_ref().map(to_json),
                proposed_value: change.proposed.as_ref().map(to_json),
            }),
            file: self.places.place(resource, Some(&change.pointer())),
            config: Some(config_place(&change.decision)),
            help: None,
            tags,
            change: Some(index),
        }
    }

    fn of_finding(&mut self, finding: Finding, resource: Option<&'r Resource<'a>>) -> Entry {
        let psa = finding.psa.map(|words| ("psa", words));
        let pointer = finding.pointer.as_ref().filter(|_| resource.is_some());
        let field = pointer.map(|pointer| Field {
            path: field_path(pointer),
            current_value: finding.current.as_ref().map(to_json),
            proposed_value: finding.proposed.as_ref().map(to_json),
        });
        let decision = finding.decision.as_deref();
        Entry {
            entry_type: EntryType::Finding,
            message: finding.message,
            severity: finding.severity,
            rule: finding.rule.id,
            resource_ref: resource.map(reference),
            field,
            file: resource
                .and_then(|resource| self.places.place(resource, finding.pointer.as_deref())),
            config: decision.map(config_place),
            help: finding.help,
            tags: Tags {
                environment: Arc::clone(&self.environment),
                rule: finding.rule.id,
                part: finding.part,
                decision: finding.decision,
                marks: psa.into_iter().collect(),
            },
            change: None,
        }
    }
}

fn to_json(value: &crate::yaml::Value) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn config_place(decision: &Decision) -> ConfigPlace {
    ConfigPlace {
        path: decision.file.as_deref().map(str::to_owned),
        field: decision.field.clone(),
        line: decision.position.map(|position| position.line),
        column: decision.position.map(|position| position.column),
    }
}

fn reference(resource: &Resource<'_>) -> ResourceIdentifier {
    ResourceIdentifier {
        api_version: resource.api_version.to_string(),
        kind: resource.kind.to_string(),
        name: resource.name.to_string(),
        namespace: resource.namespace.as_deref().map(str::to_owned),
    }
}

/// The places of leaves of one object after another.
#[derive(Default)]
struct Places<'r, 'a> {
    resource: Option<&'r Resource<'a>>,
    /// Ways that were gone already in the object: where each leads, and whether it leads there wholly. Many leaves are
    /// siblings.
    gone: Vec<(PointerBuf, Node<'a>, bool)>,
}

impl<'r, 'a> Places<'r, 'a> {
    /// The place of a leaf; where there is no leaf yet, that of the nearest thing around it.
    fn place(
        &mut self,
        resource: &'r Resource<'a>,
        pointer: Option<&Pointer>,
    ) -> Option<FilePlace> {
        let path = resource.origin.path.clone()?;
        let position = resource.origin.has_lines.then(|| {
            let node = match pointer {
                Some(pointer) => self.nearest(resource, pointer),
                None => resource.node,
            };
            node.position()
        });
        Some(FilePlace {
            path,
            index: resource.origin.index,
            line: position.map(|position| position.line),
            column: position.map(|position| position.column),
        })
    }

    fn nearest(&mut self, resource: &'r Resource<'a>, pointer: &Pointer) -> Node<'a> {
        let Some((parent, last)) = pointer.split_back() else {
            return resource.node;
        };
        if !self
            .resource
            .is_some_and(|known| std::ptr::eq(known, resource))
        {
            self.resource = Some(resource);
            self.gone.clear();
        }
        let known = self.gone.iter().find(|(way, ..)| way == parent);
        let (node, is_whole) = match known {
            Some((_, node, is_whole)) => (*node, *is_whole),
            None => {
                let mut node = resource.node;
                let mut is_whole = true;
                for token in parent.tokens() {
                    match step(node, &token.decoded()) {
                        Some(next) => node = next,
                        None => {
                            is_whole = false;
                            break;
                        }
                    }
                }
                self.gone.push((parent.to_owned(), node, is_whole));
                (node, is_whole)
            }
        };
        let next = is_whole.then(|| step(node, &last.decoded())).flatten();
        next.unwrap_or(node)
    }
}

fn step<'a>(node: Node<'a>, token: &str) -> Option<Node<'a>> {
    match node.is_sequence() {
        true => node.items().nth(token.parse().ok()?),
        false => node.get(token),
    }
}
