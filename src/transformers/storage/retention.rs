//! The retention policy of a StatefulSet's claims, a field of the StatefulSet itself.

use super::{Policy, Storage, is_removed, minor_version};
use crate::config::Section;
use crate::edit::{Edits, Meaning, Proposal};
use crate::finding::{Finding, Mode, Subject};
use crate::objects::{ClaimKind, Target};
use crate::problem::Problem;
use crate::rules::rules;
use crate::yaml::Value;

rules! {
    pub(super) _;
    OF_OPERATOR: "FIT-STO009" Info Always "a retention policy that is not set";
}

/// The feature `StatefulSetAutoDeletePVC` is on by default since then (KEP 1847).
const SINCE: u32 = 27;

/// Sets the policy of a StatefulSet with claim templates that the section applies to.
pub(super) fn fit(
    target: &Target<'_>,
    section: &Section<'_, Storage>,
    edits: &mut Edits<'_>,
) -> Result<(), Problem> {
    let resource = target.resource;
    let is_stateful_set =
        matches!(resource.group(), "apps" | "apps.kruise.io") && resource.kind == "StatefulSet";
    let is_for = |kind| {
        let mut claims = target.claims.iter();
        claims.any(|it| it.kind == kind && section.settings.is_for(&it.name))
    };
    let has_field = is_stateful_set && is_for(ClaimKind::Template);
    let mut is_operators = is_for(ClaimKind::Custom);
    if !has_field && !is_operators {
        return Ok(());
    }
    let subject = Subject::object();
    let retention = &section.settings.retention;
    for (name, policy) in [
        ("whenDeleted", retention.when_deleted),
        ("whenScaled", retention.when_scaled),
    ] {
        let leaf = format!("retention.{name}");
        let field = ["spec", "persistentVolumeClaimRetentionPolicy", name];
        let is_removed = is_removed(section, &leaf, policy.is_some());
        let mode = section.mode(&leaf);
        let is_wanted = policy.is_some() && !matches!(mode, Mode::Off | Mode::Remove);
        if is_wanted && std::mem::take(&mut is_operators) {
            let message = "did not set `retention`: an operator creates these claims, and only StatefulSets have the field";
            let finding = Finding::new(&OF_OPERATOR, message).decided_by(section.decision(&leaf));
            edits.find(finding.help("use the operator's own setting for this"));
        }
        if !has_field || !is_removed && !is_wanted {
            continue;
        }
        if !is_removed && minor_version(section) < SINCE {
            let finding = Finding::too_young(&leaf, SINCE, section.decision(&leaf));
            edits.find(finding.about(&subject, &field));
            continue;
        }
        let value = match policy {
            Some(Policy::Retain) => Value::from("Retain"),
            Some(Policy::Delete) => Value::from("Delete"),
            None => Value::Null,
        };
        let decision = match is_removed {
            true => section.decision_to_remove(&leaf),
            false => section.decision(&leaf),
        };
        edits.set(Proposal::new(&subject, &field, value, decision).meaning(Meaning::Text))?;
    }
    Ok(())
}
