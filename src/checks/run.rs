//! FIT-RUN001: whether the function ran.
//!
//! kustomize leaves an executable function out without a word where a flag is missing, and what comes out looks like a
//! build. But what the function has fitted it would not change again: so if the environment's config would still change
//! an object, it did not run on it, or ran with another config, or something was changed since.
//!
//! An object may have been selected by the name that it had before kustomize's prefixes, which a finished build does not
//! tell any more. Where that may be so it is said, and nothing is held against the object.

use kustomize_krm_types::{Severity, annotations};

use super::{Check, Find, Scene};
use crate::config::{Config, Selector, Vocabulary};
use crate::edit::Change;
use crate::finding::Finding;
use crate::funnel::Verdict;
use crate::rules::{Rule, When};
use crate::select::{AppliedExemption, Selected};
use crate::transformers::NAMES;

const UNFITTED: Rule = Rule {
    id: "FIT-RUN001",
    severity: Severity::Error,
    when: When::OnCheck,
    meaning: "the function did not run, or with another config",
    peers: "",
};

pub(super) const CHECK: Check = Check {
    name: "run",
    rules: &[UNFITTED],
    find: Find::Objects(unfitted),
};

/// Each leaf that would still change; or that this cannot be told of some.
fn unfitted(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for changes in scene.changes.chunk_by(|a, b| a.resource == b.resource) {
        let Some(selected) = scene.selection.selected_at(changes[0].resource) else {
            continue;
        };
        let doubt = Doubt::of(scene.config, selected);
        let (doubtful, certain): (Vec<_>, Vec<_>) = changes
            .iter()
            .partition(|change| doubt.is_about(change, scene.config.vocabulary));
        findings.extend(certain.into_iter().map(would_change));
        if let ([first, ..], Some(who)) = (doubtful.as_slice(), &doubt.who) {
            findings.push(cannot_tell(who, first.resource, doubtful.len()));
        }
    }
    findings
}

/// The changes of an object that are reported as what the function would still change, where that is an error.
pub(super) fn reported<'s>(scene: &Scene<'s>, selected: &Selected<'_, '_>) -> Vec<&'s Change> {
    let severity = scene
        .config
        .checks
        .severity_of(UNFITTED.id, UNFITTED.severity);
    let changes = scene.changes_of(selected.index);
    if severity != Some(Severity::Error) || changes.is_empty() {
        return Vec::new();
    }
    let doubt = Doubt::of(scene.config, selected);
    let changes = changes.iter();
    changes
        .filter(|change| !doubt.is_about(change, scene.config.vocabulary))
        .collect()
}

fn would_change(change: &Change) -> Finding {
    let finding = change.as_finding();
    Finding {
        help: None,
        rule: &UNFITTED,
        severity: UNFITTED.severity,
        folded: Some(all_of_object),
        ..finding
    }
}

/// That fields of an object would still change: one cause has thousands of effects.
fn all_of_object(count: usize) -> String {
    let fields = if count == 1 { "field" } else { "fields" };
    format!("fitout did not run here, or with another config: {count} {fields} would still change")
}

/// What is known of whether the function ran, where nothing would still change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// The config asks.
    pub is_asked: bool,
    /// Of some object it cannot be told, or is exempt.
    pub has_doubt: bool,
}

impl Proof {
    /// What the findings of a run say of it.
    pub fn of(config: &Config<'_>, verdict: &Verdict) -> Proof {
        let severity = config.checks.severity_of(UNFITTED.id, UNFITTED.severity);
        let exempted = verdict.exempted.iter().map(|it| &it.finding);
        let mut findings = verdict.findings.iter().chain(exempted);
        Proof {
            is_asked: severity.is_some(),
            has_doubt: findings.any(|it| it.rule.id == UNFITTED.id),
        }
    }

    /// Whether nothing speaks against it.
    pub fn holds(self) -> bool {
        self.is_asked && !self.has_doubt
    }

    /// What is known when another config was asked as well.
    #[must_use]
    pub fn and(self, other: Proof) -> Proof {
        Proof {
            is_asked: self.is_asked || other.is_asked,
            has_doubt: self.has_doubt || other.has_doubt,
        }
    }
}

fn cannot_tell(who: &str, resource: usize, count: usize) -> Finding {
    let fields = if count == 1 { "field" } else { "fields" };
    let message = format!(
        "whether the function ran cannot be told of {count} {fields}: {who} selects by a name that this object may have had \
         before a prefix or suffix"
    );
    Finding::graded(&UNFITTED, Severity::Warning, message).of(resource).help(
        "select by label, which holds before and after; or check inside of the build, as a validator",
    )
}

/// What in the config may have met an object by a name that it had before, and what of it that would decide.
#[derive(Default)]
struct Doubt<'c> {
    /// Who would.
    who: Option<String>,
    sections: Vec<&'static str>,
    exemptions: Vec<AppliedExemption<'c>>,
}

impl<'c> Doubt<'c> {
    fn of(config: &'c Config<'_>, selected: &Selected<'_, '_>) -> Doubt<'c> {
        let resource = selected.target.resource;
        let mut doubt = Doubt::default();
        if resource.annotation(annotations::KUSTOMIZE_ID).is_some() {
            // Within a build earlier names are known.
            return doubt;
        }
        let may_meet =
            |selector: &Selector| selector.may_have_matched(resource, &selected.target.templates);
        if config.exclude.iter().any(may_meet) {
            doubt.who = Some("`spec.exclude`".to_owned());
            doubt.sections.extend(NAMES);
        }
        for profile in &config.profiles {
            let mut selectors = std::iter::once(&profile.select).chain(&profile.exclude);
            if selectors.any(may_meet) {
                let is_set =
                    |name: &&&str| !config.section_layers(&[profile.layer], name).is_empty();
                doubt.sections.extend(NAMES.iter().filter(is_set));
                let who = || format!("profile {}", profile.name);
                doubt.who.get_or_insert_with(who);
            }
        }
        for (index, exemption) in config.exemptions.iter().enumerate() {
            if may_meet(&exemption.select) {
                doubt
                    .exemptions
                    .push(AppliedExemption::of_config(index, exemption));
                let who = || format!("`{}`", exemption.path);
                doubt.who.get_or_insert_with(who);
            }
        }
        doubt
    }

    fn is_about(&self, change: &Change, vocabulary: &Vocabulary) -> bool {
        let mut exemptions = self.exemptions.iter();
        self.sections.contains(&change.rule)
            || exemptions.any(|exemption| exemption.names(&change.decision.leaf, vocabulary))
    }
}
