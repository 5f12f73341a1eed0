//! FIT-RUN001: whether the function ran.
//!
//! kustomize leaves an executable function out without a word where a flag is missing, and what comes out looks like a
//! build. But what the function has fitted it would not change again: so if the environment's config would still change
//! an object, it did not run on it, or ran with another config, or something was changed since.
//!
//! An object may have been selected by the name that it had before kustomize's prefixes, which a finished build does not
//! tell any more. Where that may be so it is said, and nothing is held against the object.

use kustomize_krm_types::{Severity, annotations};

use super::{Check, Scene};
use crate::config::Config;
use crate::edit::{Change, Finding};
use crate::rules::Rule;
use crate::select::{Selected, Selector};

const ID: &str = "FIT-RUN001";

pub(super) const CHECK: Check = Check {
    name: "run",
    rules: &[Rule {
        id: ID,
        severity: Severity::Error,
        meaning: "the function did not run, or with another config",
        peers: "",
    }],
    find: unfitted,
};

/// Each leaf that would still change, or for a whole object that this cannot be told.
fn unfitted(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for changes in scene.changes.chunk_by(|a, b| a.resource == b.resource) {
        let selected = scene.selection.selected_at(changes[0].resource);
        match selected.and_then(|selected| doubt(scene.config, selected)) {
            Some(who) => findings.push(cannot_tell(&who, changes)),
            None => findings.extend(changes.iter().map(would_change)),
        }
    }
    findings
}

/// What is told of an object as something that the function would still change, if that is an error.
pub(super) fn told_of<'s>(scene: &Scene<'s>, selected: &Selected<'_, '_>) -> &'s [Change] {
    let severity = scene.config.checks.severity_of(ID, Severity::Error);
    let changes = scene.changes;
    let before = changes.partition_point(|change| change.resource < selected.index);
    let until = changes.partition_point(|change| change.resource <= selected.index);
    let is_told = severity == Some(Severity::Error) && before < until;
    match is_told && doubt(scene.config, selected).is_none() {
        true => &changes[before..until],
        false => &[],
    }
}

fn would_change(change: &Change) -> Finding {
    Finding {
        id: ID,
        severity: Severity::Error,
        is_of_leaf: false,
        help: None,
        ..change.as_finding()
    }
}

fn cannot_tell(who: &str, changes: &[Change]) -> Finding {
    let message = format!(
        "whether the function ran cannot be told: {who} selects by a name that this object may have had before a prefix \
         or suffix; without it {} of its fields would be others",
        changes.len()
    );
    let finding = Finding::new(ID, Severity::Warning, message);
    Finding {
        resource: Some(changes[0].resource),
        ..finding.help("select by label, which holds before and after; or check inside of the build, as a validator")
    }
}

/// What in the config may have met an object by a name that it had before.
fn doubt(config: &Config<'_>, selected: &Selected<'_, '_>) -> Option<String> {
    let resource = selected.target.resource;
    if resource.annotation(annotations::KUSTOMIZE_ID).is_some() {
        // Within a build earlier names are known.
        return None;
    }
    let may_meet =
        |selector: &Selector| selector.may_have_matched(resource, &selected.target.templates);
    let profiles = config.profiles.iter().find(|profile| {
        let mut selectors = std::iter::once(&profile.select).chain(&profile.exclude);
        selectors.any(may_meet)
    });
    let exclude = || {
        let may_meet = config.exclude.iter().any(may_meet);
        may_meet.then(|| "`spec.exclude`".to_owned())
    };
    let exempt = || {
        let mut exemptions = config.exemptions.iter().enumerate();
        let found = exemptions.find(|(_, exemption)| may_meet(&exemption.select));
        found.map(|(index, _)| format!("`spec.exemptions[{index}]`"))
    };
    profiles
        .map(|profile| format!("profile {}", profile.name))
        .or_else(exclude)
        .or_else(exempt)
}
