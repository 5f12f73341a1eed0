//! What was changed and found, and what became of everything, once, for every form in which it is reported.
//!
//! [`Report`] owns all that the forms need and decides nothing. `krm` is the form of hosts; `text` and `plan` are those of
//! people. Its files do not know one another: what several need is here.

mod accounts;
mod entries;
mod entry;
mod fitted;
mod krm;
mod places;
mod plan;
mod tags;
mod text;
mod totals;

use std::collections::BTreeMap;

use kustomize_krm_types::{ResourceIdentifier, Severity};
use serde::Serialize;

use crate::checks::Proof;
use crate::config::{Config, FailOn};
use crate::edit::Change;
use crate::finding::Finding;
use crate::problem::Problem;
use crate::read::Resource;

use entries::Entries;
use entry::{folded_message, in_order, of_problem};
use places::{Places, name_of, push_name, reference};
use totals::plural;

pub use accounts::{Accounts, FileAccount, FileOutcome, accounts};
pub use entry::{ConfigPlace, Entry, EntryType, FilePlace};
pub use fitted::Fitted;
pub use plan::{Plan, PlannedText};
pub use tags::Tags;
pub use text::{findings, problem_snippet, summary};
pub use totals::totals;

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
    pub validate_only: bool,
    /// What became of everything in the input; absent where nothing could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Accounts>,
    /// What is known of whether the function ran.
    #[serde(skip)]
    proof: Proof,
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
    /// Each of them, and the ledger.
    EachChange,
    /// Their counts by object, which is enough for hosts and saves most of a report's cost.
    Counts,
    /// Their totals only, and of findings no more than warnings, for who reads no results.
    Totals,
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

/// What a report is called; it only grows.
const API_VERSION: &str = "report.fitout.dev/v1";
const KIND: &str = "Report";

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
        let mut entries = Entries::new(config);
        if detail == Detail::EachChange {
            for (index, change) in fitted.changes.iter().enumerate() {
                results.push(entries.of_change(index, change, &resources[change.resource]));
            }
        }
        // Who reads no results reads warnings at most, so nothing else is put into words.
        let is_read = |finding: &Finding| {
            detail != Detail::Totals
                || finding.severity > Severity::Info
                || finding.folded.is_some()
        };
        let findings = std::mem::take(&mut fitted.findings).into_iter();
        for finding in findings.filter(is_read) {
            let resource = finding.resource.map(|index| &resources[index]);
            results.push(entries.of_finding(finding, resource));
        }
        let exempted = std::mem::take(&mut fitted.exempted).into_iter();
        for exempted in exempted.filter(|_| detail != Detail::Totals) {
            let resource = exempted.finding.resource.map(|index| &resources[index]);
            results.push(entries.of_exempted(exempted, resource));
        }
        let results = in_order(results);
        Report {
            api_version: API_VERSION,
            kind: KIND,
            environment: config.environment.clone(),
            summary,
            results,
            validate_only: config.validate_only,
            ledger: (detail == Detail::EachChange).then(|| Accounts::of(&fitted.ledger, resources)),
            proof: fitted.proof,
            objects: match detail {
                Detail::Totals => Vec::new(),
                _ => count_by_object(&fitted.changes, resources),
            },
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
            validate_only: false,
            ledger: None,
            proof: Proof::default(),
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
        self.proof = self.proof.and(other.proof);
        if let (Some(mine), Some(others)) = (&mut self.ledger, other.ledger) {
            mine.add(others);
        }
    }

    /// Whether anything is an error, so that nothing may be written.
    pub fn has_errors(&self) -> bool {
        self.summary.errors > 0
    }

    /// Whether a judgement passes.
    pub fn passes(&self, fail_on: FailOn) -> bool {
        !fail_on.fails(self.summary.errors, self.summary.warnings)
    }

    /// Whether the config would still change something.
    pub fn did_not_run(&self) -> bool {
        self.folded().next().is_some()
    }

    /// The findings that are shown as one, object by object.
    fn folded_by_object(&self) -> Vec<Vec<&Entry>> {
        fn place(entry: &Entry) -> (Option<(&str, usize)>, Option<&ResourceIdentifier>) {
            let file = entry.file.as_ref();
            let file = file.map(|file| (file.path.as_str(), file.index));
            (file, entry.resource_ref.as_ref())
        }
        let folded: Vec<&Entry> = self.folded().collect();
        let objects = folded.chunk_by(|a, b| place(a) == place(b));
        objects.map(<[&Entry]>::to_vec).collect()
    }

    /// The findings that reports for people show as one by object.
    fn folded(&self) -> impl Iterator<Item = &Entry> {
        let results = self.results.iter();
        results.filter(|entry| entry.is_folded())
    }

    /// Says why the function did not run, as far as the caller knows.
    pub fn explain_run(&mut self, help: &str) {
        for entry in self.results.iter_mut().filter(|entry| entry.is_folded()) {
            entry.help = Some(help.to_owned());
        }
    }

    /// Adds what became of the files that the arguments reach.
    pub fn account_for(&mut self, files: &[FileAccount]) {
        if let Some(ledger) = &mut self.ledger {
            ledger.files = files.to_vec();
        }
    }

    /// The report as JSON with a final newline.
    pub fn to_json(&self) -> String {
        // Strings, numbers and maps with string keys: there is no case in which this fails.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
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
        workloads: fitted.ledger.workloads(),
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
