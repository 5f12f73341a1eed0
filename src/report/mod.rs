//! Reports of changes, findings and the ledger.
//!
//! [`Report`] has the entries, and a [`Document`] also the changed lines: all formats of [`FORMATS`] are drawn from it, and
//! the results for hosts in `krm`. The files do not depend on each other; what several of them need is here.

mod accounts;
mod changed;
mod compare;
mod diff;
mod effects;
mod entries;
mod entry;
mod exemptions;
mod explanation;
mod fitted;
mod fixes;
mod formats;
mod github;
mod groups;
mod html;
mod junit;
mod krm;
mod lines;
mod markdown;
mod merge;
mod overview;
mod places;
mod plan;
mod run;
mod sarif;
mod stages;
mod table;
mod tags;
#[cfg(test)]
mod tests;
mod text;
mod totals;
mod yaml;

use std::collections::BTreeMap;
use std::sync::Arc;

use kustomize_krm_types::{ResourceIdentifier, Severity};
use serde::Serialize;

use crate::checks::Proof;
use crate::config::{Config, FailOn};
use crate::edit::Change;
use crate::finding::Finding;
use crate::hashing::HashSet;
use crate::ledger::{Account, Extent};
use crate::objects::SkipReason;
use crate::problem::Problem;
use crate::read::Resource;

use changed::{Changed, resources_of};
use diff::diff;
use effects::Effects;
use entries::{Entries, References, config_place};
use entry::{folded_message, in_order, of_problem};
use fixes::assign;
use github::github;
use groups::{Group, GroupEntry, extent, groups, subject_of};
use html::html;
use junit::junit;
use lines::File;
use markdown::markdown;
use places::{Places, at_line, name_of, part_of, reference};
use plan::plan;
use sarif::sarif;
use table::{add_row, draw_table, new_table};
use totals::{counted, plural};
use yaml::yaml;

#[cfg(test)]
use formats::Reports;
#[cfg(test)]
use tests::{Field, Outcome, ResourceRef, SeverityWord};

use crate::sorting;
pub use accounts::{Accounts, FileAccount, FileOutcome, FileReason, accounts};
pub use changed::{Line, ObjectDiff, Reason, Row};
pub use compare::{ComparedEnvironment, Comparison};
pub use effects::effects;
pub use entry::{ConfigPlace, Entry, EntryType, FilePlace};
pub use exemptions::{ExemptionEntry, granted};
pub use explanation::Explained;
pub use fitted::Fitted;
pub use formats::{FORMATS, Format};
pub use groups::{config_lines, yaml_scalar};
pub use markdown::markdown_within;
use merge::ShardEntry;
pub use merge::{ShardOf, is_report, merge};
use run::in_words;
pub use run::{Command, Document, FileText, Fix, Folder, Needs, Options, Run};
pub use stages::{in_stages, rank_of, stage_of};
pub use tags::Tags;
pub use text::{findings, problem_snippet, summary};
pub use totals::{totals, unexamined};

/// The report of a run, as `-o json` prints it (`report.fitout.dev/v1`; fields are only added).
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    api_version: &'static str,
    kind: &'static str,
    /// The environment's name.
    pub environment: String,
    /// The counts.
    pub summary: Summary,
    /// Sorted by severity, errors first, then by file, index, field and rule.
    pub results: Vec<Entry>,
    /// The exemptions in effect, in the order of the objects.
    pub exemptions: Vec<ExemptionEntry>,
    /// Whether the run only validates.
    #[serde(skip)]
    pub validate_only: bool,
    /// What an apply of the changes does to objects that exist; absent if nothing.
    #[serde(skip_serializing_if = "Effects::is_empty")]
    on_apply: Effects,
    /// The outcome of everything in the input; absent if it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Accounts>,
    /// Whether the config applies to anything, so that it can differ.
    #[serde(skip)]
    can_drift: bool,
    /// The kinds of the objects that may have pods and are not examined.
    #[serde(skip)]
    unexamined: Vec<String>,
    /// The kinds of the objects that are examined in part.
    #[serde(skip)]
    in_part: Vec<String>,
    /// Evidence of whether the function ran.
    #[serde(skip)]
    proof: Proof,
    /// The number of changes of each object, by section.
    #[serde(skip)]
    objects: Vec<ObjectChanges>,
    /// The shard that it is of.
    #[serde(skip)]
    shard: Option<ShardOf>,
}

/// The report with the groups of its findings.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Serialize)]
struct Grouped<'r> {
    #[serde(flatten)]
    report: &'r Report,
    /// The findings by rule, sentence and resolution, in the order of their first members.
    groups: Vec<GroupEntry<'r>>,
    /// For the report of one of several shards: what a merge with the others needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<ShardEntry<'r>>,
}

/// The number of changes of an object, by section.
#[derive(Debug)]
struct ObjectChanges {
    file: Option<Arc<FilePlace>>,
    reference: ResourceIdentifier,
    counts: BTreeMap<&'static str, usize>,
}

/// How much a report contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DetailLevel {
    /// Each change, and the ledger.
    EachChange,
    /// The findings and the ledger, for commands that show no change.
    Ledger,
    /// The number of changes by object, and each token that is taken away: enough for hosts, and much cheaper.
    Counts,
    /// Totals, errors and warnings only, for hosts that discard results.
    Problems,
    /// Totals only.
    Totals,
}

/// The counts of a report.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Objects in the input.
    pub resources: usize,
    /// Selected objects with pods.
    pub workloads: usize,
    /// Files of the objects, if known.
    pub files: usize,
    /// Leaves that are added.
    pub added: usize,
    /// Leaves with another value.
    pub changed: usize,
    /// Leaves that are removed.
    pub removed: usize,
    /// Leaves that were already right.
    pub same: usize,
    /// Findings of severity error.
    pub errors: usize,
    /// Findings of severity warning.
    pub warnings: usize,
    /// Findings of severity info.
    pub notes: usize,
    /// Findings that an exemption covers.
    pub waived: usize,
    /// Objects that may have pods and are not examined.
    pub unexamined: usize,
}

impl Summary {
    /// Adds the counts of other objects.
    fn add(&mut self, other: &Summary) {
        self.resources += other.resources;
        self.workloads += other.workloads;
        self.files += other.files;
        self.added += other.added;
        self.changed += other.changed;
        self.removed += other.removed;
        self.same += other.same;
        self.errors += other.errors;
        self.warnings += other.warnings;
        self.notes += other.notes;
        self.waived += other.waived;
        self.unexamined += other.unexamined;
    }
}

/// The version of JSON reports.
pub const API_VERSION: &str = "report.fitout.dev/v1";
const KIND: &str = "Report";
/// The kind of the reports of several environments.
const LIST: &str = "ReportList";

impl Report {
    /// Creates the report; takes the findings out of `fitted`.
    pub fn of(
        fitted: &mut Fitted,
        resources: &[Resource<'_>],
        config: &Config<'_>,
        detail: DetailLevel,
    ) -> Report {
        let mut summary = summarise(fitted, resources);
        let references = References::new(resources);
        let mut entries = Entries::new(config, &references);
        let is_listed = |change: &Change| match detail {
            DetailLevel::EachChange => true,
            DetailLevel::Counts => change.token_reason().is_some(),
            DetailLevel::Ledger | DetailLevel::Problems | DetailLevel::Totals => false,
        };
        let is_read = |finding: &&Finding| match detail {
            DetailLevel::EachChange | DetailLevel::Ledger | DetailLevel::Counts => true,
            DetailLevel::Problems => finding.severity > Severity::Info || finding.folded.is_some(),
            DetailLevel::Totals => false,
        };
        let lists_exempted = !matches!(detail, DetailLevel::Problems | DetailLevel::Totals);
        // Entries are large, and a list that grows leaves room.
        let mut results: Vec<Entry> = Vec::with_capacity(
            fitted.changes.iter().filter(|it| is_listed(it)).count()
                + fitted.findings.iter().filter(is_read).count()
                + fitted.exempted.len(),
        );
        for (index, change) in fitted.changes.iter().enumerate() {
            if is_listed(change) {
                results.push(entries.of_change(index, change));
            }
        }
        let findings = std::mem::take(&mut fitted.findings).into_iter();
        let findings = findings.filter(|it| is_read(&it));
        results.extend(findings.map(|finding| entries.of_finding(finding)));
        let exempted = std::mem::take(&mut fitted.exempted).into_iter();
        for exempted in exempted.filter(|_| lists_exempted) {
            results.push(entries.of_exempted(exempted));
        }
        let results = in_order(results);
        let kinds_with = |extent: Extent| {
            let rows = fitted.ledger.objects.iter().zip(resources);
            let rows = rows.filter(|(row, _)| row.extent == extent);
            rows.map(|(_, resource)| kind_of(resource)).collect()
        };
        let mut unexamined: Vec<String> = kinds_with(Extent::Unexamined);
        let mut in_part: Vec<String> = kinds_with(Extent::InPart);
        // Each kustomization counts once.
        for of_one in config.unbuilt.chunk_by(|a, b| a.file == b.file) {
            let kinds = match of_one[0].adds {
                true => &mut unexamined,
                false => &mut in_part,
            };
            kinds.push("Kustomization".to_owned());
        }
        summary.unexamined = unexamined.len();
        Report {
            api_version: API_VERSION,
            kind: KIND,
            environment: config.environment.clone(),
            summary,
            results,
            exemptions: std::mem::take(&mut fitted.grants)
                .into_iter()
                .map(|grant| ExemptionEntry::of(grant, resources))
                .collect(),
            validate_only: config.validate_only,
            on_apply: match detail {
                DetailLevel::EachChange => Effects::of(&fitted.changes, resources),
                _ => Effects::default(),
            },
            ledger: matches!(detail, DetailLevel::EachChange | DetailLevel::Ledger)
                .then(|| Accounts::of(&fitted.ledger, &references)),
            can_drift: fitted.ledger.applies(),
            unexamined,
            in_part,
            proof: fitted.proof,
            objects: match detail {
                DetailLevel::Problems | DetailLevel::Totals => Vec::new(),
                _ => count_by_object(&fitted.changes, resources),
            },
            shard: None,
        }
    }

    /// The report of a run that problems stopped.
    pub fn of_problems(problems: &[Problem]) -> Report {
        Report {
            api_version: API_VERSION,
            kind: KIND,
            summary: Summary {
                errors: problems.len(),
                ..Summary::default()
            },
            results: problems.iter().map(of_problem).collect(),
            ..Report::default()
        }
    }

    /// Merges the report of another config for the same objects.
    pub fn add(&mut self, other: Report) {
        if self.environment != other.environment {
            self.environment = format!("{}, {}", self.environment, other.environment);
        }
        let (mine, others) = (&mut self.summary, other.summary);
        mine.same += others.same;
        mine.errors += others.errors;
        mine.warnings += others.warnings;
        mine.notes += others.notes;
        mine.waived += others.waived;
        mine.workloads = mine.workloads.max(others.workloads);
        if others.unexamined < mine.unexamined {
            mine.unexamined = others.unexamined;
            self.unexamined = other.unexamined;
        }
        if other.in_part.len() > self.in_part.len() {
            self.in_part = other.in_part;
        }
        let mut results = std::mem::take(&mut self.results);
        results.extend(other.results);
        self.results = in_order(results);
        self.can_drift |= other.can_drift;
        self.exemptions.extend(other.exemptions);
        let mut seen = HashSet::default();
        self.exemptions.retain(|it| seen.insert(format!("{it:?}")));
        self.proof = self.proof.and(other.proof);
        if let (Some(mine), Some(others)) = (&mut self.ledger, other.ledger) {
            mine.add(others);
        }
    }

    /// Whether there are errors, so that nothing may be written.
    pub fn has_errors(&self) -> bool {
        self.summary.errors > 0
    }

    /// Whether a validation passes.
    pub fn passes(&self, fail_on: FailOn) -> bool {
        !fail_on.fails(self.summary.errors, self.summary.warnings)
    }

    /// Whether the config would still change anything.
    pub fn did_not_run(&self) -> bool {
        self.folded().next().is_some()
    }

    /// The folded findings, by object.
    fn folded_by_object(&self) -> Vec<Vec<&Entry>> {
        let folded: Vec<&Entry> = self.folded().collect();
        let objects = folded.chunk_by(|a, b| a.object == b.object);
        objects.map(<[&Entry]>::to_vec).collect()
    }

    /// The findings that text reports show as one for each object.
    fn folded(&self) -> impl Iterator<Item = &Entry> {
        let results = self.results.iter();
        results.filter(|entry| entry.is_folded())
    }

    /// Adds help to findings that the function did not run.
    pub fn explain_run(&mut self, help: &str) {
        for entry in self.results.iter_mut().filter(|entry| entry.is_folded()) {
            entry.help = Some(help.to_owned().into());
        }
    }

    /// Adds the outcomes of the files in the arguments.
    pub fn account_for(&mut self, files: &[FileAccount]) {
        if let Some(ledger) = &mut self.ledger {
            ledger.files = files.to_vec();
        }
    }

    /// The report as JSON with a final newline.
    pub fn to_json(&self) -> String {
        crate::text::json(&self.grouped())
    }

    /// The report with its groups.
    fn grouped(&self) -> Grouped<'_> {
        Grouped {
            report: self,
            groups: self.group_entries(),
            shard: self.shard_entry(),
        }
    }
}

/// The number of changes of each object, sorted by file, index and object.
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
    sorting::sort_by(&mut objects, |a, b| {
        (&a.file, &a.reference).cmp(&(&b.file, &b.reference))
    });
    objects
}

fn summarise(fitted: &Fitted, resources: &[Resource<'_>]) -> Summary {
    let of = |severity: Severity| {
        let findings = fitted.findings.iter();
        findings.filter(|it| it.severity == severity).count()
    };
    let rows = fitted.ledger.objects.iter().zip(resources);
    let is_left = |it: Account| {
        [SkipReason::NotChosen, SkipReason::OtherShard]
            .map(Account::PassedOver)
            .contains(&it)
    };
    let chosen = rows.filter(|(row, _)| !is_left(row.account));
    let paths = chosen.map(|(_, it)| it.origin.path.as_deref());
    let files: HashSet<&str> = paths.flatten().collect();
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
        same: fitted.same.iter().map(|(_, count)| count).sum(),
        errors: of(Severity::Error),
        warnings: of(Severity::Warning),
        notes: of(Severity::Info),
        waived: fitted.exempted.len(),
        unexamined: 0,
    }
}

/// The kind of an object in messages.
fn kind_of(resource: &Resource<'_>) -> String {
    match resource.kind.as_ref() {
        "" => "no kind".to_owned(),
        kind => kind.to_owned(),
    }
}
