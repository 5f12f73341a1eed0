//! What becomes of the claims that a StatefulSet made: its own field, not one of its claims.

use super::claim::too_young;
use super::{Policy, Storage, is_removed, minor_version};
use crate::config::{Mode, Section};
use crate::edit::{Edits, Meaning, Proposal, Subject};
use crate::problem::Problem;
use crate::select::{ClaimKind, Target};
use crate::transformers::decision_to_remove;
use crate::yaml::Value;

/// `StatefulSetAutoDeletePVC` is on by default since then (KEP 1847).
const SINCE: u32 = 27;

/// Fits the policy of a StatefulSet that has claim templates which the section is for.
pub(super) fn fit(
    target: &Target<'_>,
    section: &Section<'_, Storage>,
    edits: &mut Edits<'_>,
) -> Result<(), Problem> {
    let resource = target.resource;
    let is_one =
        matches!(resource.group(), "apps" | "apps.kruise.io") && resource.kind == "StatefulSet";
    let mut claims = target.claims.iter();
    let makes_claims =
        claims.any(|it| it.kind == ClaimKind::Template && section.settings.is_for(&it.name));
    if !is_one || !makes_claims {
        return Ok(());
    }
    let retention = &section.settings.retention;
    let subject = Subject::object();
    for (name, policy) in [
        ("whenDeleted", retention.when_deleted),
        ("whenScaled", retention.when_scaled),
    ] {
        let leaf = format!("retention.{name}");
        let field = ["spec", "persistentVolumeClaimRetentionPolicy", name];
        let is_removed = is_removed(section, &leaf, policy.is_some());
        if !is_removed && (policy.is_none() || section.mode(&leaf) == Mode::Off) {
            continue;
        }
        if !is_removed && minor_version(section) < SINCE {
            edits.find(too_young(&leaf, SINCE, &subject, &field, section));
            continue;
        }
        let value = match policy {
            Some(Policy::Retain) => Value::from("Retain"),
            Some(Policy::Delete) => Value::from("Delete"),
            None => Value::Null,
        };
        edits.set(Proposal {
            subject: &subject,
            field: &field,
            value,
            decision: match is_removed {
                true => decision_to_remove(section, &leaf),
                false => section.decision(&leaf),
            },
            meaning: Meaning::Text,
            note: None,
        })?;
    }
    Ok(())
}
