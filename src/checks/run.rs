//! FIT-RUN001: whether fitout ran.
//!
//! Without a flag, kustomize silently skips an executable function, and the output looks like a complete build. But fitout
//! does not change its own output again. So if the environment's config would still change an object, then fitout did not
//! run on it or ran with a different config, or the object has changed since.
//!
//! The selector of a profile may have matched an object by its name before kustomize's prefixes, which the output of a build no
//! longer shows. The check then only warns about the fields that this profile may have left as they are.

use jsonptr::PointerBuf;
use kustomize_krm_types::{Severity, annotations};

use super::{Check, Find, Scene};
use crate::config::Config;
use crate::edit::Change;
use crate::finding::Finding;
use crate::funnel::Verdict;
use crate::hashing::HashSet;
use crate::rules::rules;
use crate::select::Selected;
use crate::transformers::NAMES;

rules! {
    RULES;
    UNFITTED: "FIT-RUN001" Error OnCheck "fitout did not run, or ran with a different config";
}

pub(super) const CHECK: Check = Check {
    name: "run",
    rules: RULES,
    find: &[Find::Scene(unfitted)],
};

/// Each leaf that would still change, and a warning for those that cannot be verified.
fn unfitted(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for changes in scene.changes.chunk_by(|a, b| a.resource == b.resource) {
        let Some(selected) = scene.selection.selected_at(changes[0].resource) else {
            continue;
        };
        let ambiguity = Ambiguity::of(scene, selected);
        let (ambiguous, certain): (Vec<_>, Vec<_>) = changes
            .iter()
            .partition(|change| ambiguity.is_about(change));
        findings.extend(certain.into_iter().map(would_change));
        if let ([first, ..], Some(who)) = (ambiguous.as_slice(), &ambiguity.who) {
            findings.push(unverified(who, first.resource, ambiguous.len()));
        }
    }
    findings
}

/// The changes of an object that FIT-RUN001 reports as errors.
pub(super) fn reported<'s>(scene: &Scene<'s>, selected: &Selected<'_, '_>) -> Vec<&'s Change> {
    let severity = scene
        .config
        .checks
        .severity_of(UNFITTED.id, UNFITTED.severity);
    let changes = scene.changes_of(selected.index);
    if severity != Some(Severity::Error) || changes.is_empty() {
        return Vec::new();
    }
    let ambiguity = Ambiguity::of(scene, selected);
    let changes = changes.iter();
    changes
        .filter(|change| !ambiguity.is_about(change))
        .collect()
}

fn would_change(change: &Change) -> Finding {
    let finding = change.as_finding();
    Finding {
        help: None,
        rule: &UNFITTED,
        severity: UNFITTED.severity,
        folded: Some(would_change_in_words),
        ..finding
    }
}

/// One message for all fields of an object, because one cause can have thousands of effects.
pub fn would_change_in_words(count: usize) -> String {
    let fields = if count == 1 { "field" } else { "fields" };
    format!(
        "fitout did not run on this object, or ran with a different config: {count} {fields} would still change"
    )
}

/// Whether a check without findings proves that fitout ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// The rule is enabled.
    pub is_asked: bool,
    /// Some object is exempt or cannot be verified.
    pub has_unverified: bool,
}

impl Proof {
    /// The proof in the findings of a run.
    pub fn of(config: &Config<'_>, verdict: &Verdict) -> Proof {
        let severity = config.checks.severity_of(UNFITTED.id, UNFITTED.severity);
        let exempted = verdict.exempted.iter().map(|it| &it.finding);
        let mut findings = verdict.findings.iter().chain(exempted);
        Proof {
            is_asked: severity.is_some(),
            has_unverified: findings.any(|it| it.rule.id == UNFITTED.id),
        }
    }

    /// Whether it is proved that fitout ran.
    pub fn holds(self) -> bool {
        self.is_asked && !self.has_unverified
    }

    /// The proof for two configs together.
    #[must_use]
    pub fn and(self, other: Proof) -> Proof {
        Proof {
            is_asked: self.is_asked || other.is_asked,
            has_unverified: self.has_unverified || other.has_unverified,
        }
    }
}

/// A warning that some fields of an object cannot be verified.
fn unverified(who: &str, resource: usize, count: usize) -> Finding {
    let fields = if count == 1 { "field" } else { "fields" };
    let message = format!(
        "cannot verify whether fitout ran for {count} {fields}: {who} selects by a name that this object may have had before \
         kustomize's prefix or suffix"
    );
    Finding::graded(&UNFITTED, Severity::Warning, message).of(resource).help(
        "select by label, which kustomize does not rename, or run the check inside the build, as a validator",
    )
}

/// The profiles that may have matched an object by an earlier name, so that their effect is not known. Exclusions and exemptions
/// never match by an earlier name.
#[derive(Default)]
struct Ambiguity {
    /// The first profile that may have matched, for the message.
    who: Option<String>,
    sections: Vec<&'static str>,
    /// The fields that would change whichever of these profiles applied. Otherwise a name that ends like that of another
    /// object would be enough to pass.
    certain: HashSet<PointerBuf>,
}

impl Ambiguity {
    fn of(scene: &Scene<'_>, selected: &Selected<'_, '_>) -> Ambiguity {
        let (config, target) = (scene.config, selected.target);
        let mut ambiguity = Ambiguity::default();
        if target
            .resource
            .annotation(annotations::KUSTOMIZE_ID)
            .is_some()
        {
            // Inside a build, earlier names are known.
            return ambiguity;
        }
        let mut layers = Vec::new();
        let index = &config.profile_index;
        for number in index.may_have_matched(target.resource, &target.templates) {
            let profile = &config.profiles[number];
            let select = &profile.select;
            if select.may_have_matched(target.resource, &target.templates) {
                let is_set =
                    |name: &&&str| !config.section_layers(&[profile.layer], name).is_empty();
                ambiguity.sections.extend(NAMES.iter().filter(is_set));
                let who = || format!("profile {}", profile.name);
                ambiguity.who.get_or_insert_with(who);
                layers.push(profile.layer);
            }
        }
        if layers.is_empty() {
            return ambiguity;
        }
        let changes = scene.changes_of(selected.index).iter();
        ambiguity.certain = changes.map(Change::pointer).collect();
        let alone = layers.iter().map(std::slice::from_ref);
        for layers in alone.chain([layers.as_slice()]) {
            let other = selected.with_layers(layers);
            let changes = scene.transformers.changes_with(scene.selection, &other);
            let changes = changes.unwrap_or_default();
            let changed: HashSet<PointerBuf> = changes.iter().map(Change::pointer).collect();
            ambiguity.certain.retain(|it| changed.contains(it));
        }
        ambiguity
    }

    fn is_about(&self, change: &Change) -> bool {
        self.sections.contains(&change.rule) && !self.certain.contains(&change.pointer())
    }
}
