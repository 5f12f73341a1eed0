//! The fields of one claim, and which of their changes the API server rejects.

use std::cell::Cell;

use super::{Storage, is_removed, minor_version};
use crate::config::Section;
use crate::edit::{Answer, Edits, Meaning, Proposal};
use crate::finding::{Finding, Mode};
use crate::objects::{Claim, ClaimKind};
use crate::problem::Problem;
use crate::read::Resource;
use crate::rules::rules;
use crate::yaml::{Node, Value};

rules! {
    pub(super) _;
    BOUND: "FIT-STO010" Error Always "a manually bound claim whose class cannot be changed";
}

/// How to change the claim templates of an existing StatefulSet, which the API server rejects (`ValidateStatefulSetUpdate` in
/// kubernetes `pkg/apis/apps/validation/validation.go`).
const RECREATE: &str = "to apply this to an existing StatefulSet, delete it with --cascade=orphan and change its claims manually";

/// A claim and its section.
pub(super) struct Fitting<'f, 'a> {
    pub(super) resource: &'f Resource<'a>,
    pub(super) claim: &'f Claim<'a>,
    pub(super) section: &'f Section<'f, Storage>,
    /// Whether a change of this object already has the note [`RECREATE`].
    pub(super) is_noted: &'f Cell<bool>,
}

impl<'a> Fitting<'_, 'a> {
    pub(super) fn settings(&self) -> &Storage {
        &self.section.settings
    }

    pub(super) fn is_selected(&self) -> bool {
        self.settings().is_for(&self.claim.name)
    }

    pub(super) fn spec(&self, field: &str) -> Option<Node<'a>> {
        self.claim.get(&[field])
    }

    /// The path of a field of a PersistentVolumeClaimSpec in this claim; empty if an operator's resource does not have it.
    pub(super) fn field<'s>(&'s self, of_spec: &[&'s str]) -> Vec<&'s str> {
        self.claim.field(of_spec).unwrap_or_default()
    }

    pub(super) fn fit(&self, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let volume = self.spec("volumeName").and_then(Node::text);
        // Kubernetes takes an empty name for none.
        let is_bound = volume.is_some_and(|name| !name.is_empty());
        if is_bound || self.spec("selector").is_some() {
            self.leave_bound(edits);
            return Ok(());
        }
        self.fit_access_modes(edits)?;
        self.fit_size(edits)?;
        self.fit_class(edits)?;
        self.fit_attributes_class(edits)
    }

    /// Reports a change that is not made: a manually bound claim would never bind with another class.
    fn leave_bound(&self, edits: &mut Edits<'_>) {
        let leaf = "storageClassName";
        let configured = self.settings().storage_class_name.as_deref();
        let current = self.spec(leaf).and_then(|node| node.text());
        let wanted = match configured {
            _ if is_removed(self.section, leaf, configured.is_some()) => None,
            Some(class) if self.section.mode(leaf) == Mode::Override => {
                Some(self.settings().name_here(class))
            }
            _ => return,
        };
        if current.as_deref() == wanted {
            return;
        }
        let change = match wanted {
            None => "removed".to_owned(),
            Some(class) => format!("changed to {class}"),
        };
        let message = format!(
            "claim \"{}\" is manually bound to its volume, so its class cannot be {change}",
            self.claim.name
        );
        let finding = Finding::new(&BOUND, message)
            .about(&self.claim.subject, &self.field(&[leaf]))
            .current(current.map(|class| Value::from(class.into_owned())))
            .decided_by(self.section.decision(leaf))
            .help("exclude the claim with `claims`, or use mode Ensure for it");
        edits.find(finding);
    }

    fn fit_access_modes(&self, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let leaf = "accessModes";
        let field = self.field(&[leaf]);
        let modes = self.settings().access_modes.as_ref();
        if is_removed(self.section, leaf, modes.is_some()) {
            return self.remove(&field, leaf, edits);
        }
        let Some(modes) = modes else {
            return Ok(());
        };
        let mode = self.section.mode(leaf);
        let authors = self.spec(leaf);
        let is_empty = |node: Node<'_>| node.is_sequence() && node.items().next().is_none();
        if authors.is_some_and(|node| !is_empty(node)) && mode == Mode::Ensure {
            return Ok(());
        }
        let modes = modes.iter().map(|mode| Value::from(mode.as_str()));
        let proposal = self.proposal(&field, leaf, Value::Sequence(modes.collect()));
        // The API server rejects an empty list like an absent one.
        if authors.is_some_and(is_empty) && mode != Mode::Off {
            edits.repair(proposal)?;
            self.mark(leaf, edits);
            return Ok(());
        }
        self.set(proposal, leaf, edits)
    }

    fn fit_attributes_class(&self, edits: &mut Edits<'_>) -> Result<(), Problem> {
        /// The feature is on by default since then (`VolumeAttributesClass` in kubernetes `pkg/features/kube_features.go`).
        const SINCE: u32 = 34;
        let leaf = "volumeAttributesClassName";
        let field = self.field(&[leaf]);
        let class = self.settings().volume_attributes_class_name.as_deref();
        if is_removed(self.section, leaf, class.is_some()) {
            return self.remove(&field, leaf, edits);
        }
        let Some(class) = class.filter(|_| self.section.mode(leaf) != Mode::Off) else {
            return Ok(());
        };
        if minor_version(self.section) < SINCE {
            let finding = Finding::too_young(leaf, SINCE, self.section.decision(leaf));
            edits.find(finding.about(&self.claim.subject, &field));
            return Ok(());
        }
        let proposal = self.proposal(&field, leaf, Value::from(class));
        self.set(proposal.meaning(Meaning::Text), leaf, edits)
    }

    /// A proposal that the leaf's own setting decides.
    pub(super) fn proposal<'p>(
        &'p self,
        field: &'p [&'p str],
        leaf: &str,
        value: Value,
    ) -> Proposal<'p> {
        Proposal::new(
            &self.claim.subject,
            field,
            value,
            self.section.decision(leaf),
        )
    }

    pub(super) fn set(
        &self,
        proposal: Proposal<'_>,
        leaf: &str,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        if !proposal.is_nowhere() && matches!(edits.set(proposal)?, Answer::Edited) {
            self.mark(leaf, edits);
        }
        Ok(())
    }

    /// Deletes the field of a leaf whose mode is `Remove`.
    pub(super) fn remove(
        &self,
        field: &[&str],
        leaf: &str,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        if field.is_empty() {
            return Ok(());
        }
        let proposal = self.proposal(field, leaf, Value::Null);
        let proposal = proposal.decided_by(self.section.decision_to_remove(leaf));
        if matches!(edits.set(proposal)?, Answer::Edited) {
            self.mark_fixed(edits);
        }
        Ok(())
    }

    /// Marks the last edit as immutable if the field of an existing claim cannot change: its class and access modes, but not
    /// its size, which can grow, or its attributes class (`ValidatePersistentVolumeClaimUpdate` in kubernetes
    /// `pkg/apis/core/validation/validation.go`). No field of a StatefulSet's claim templates can change.
    pub(super) fn mark(&self, leaf: &str, edits: &mut Edits<'_>) {
        let is_fixed = matches!(leaf, "storageClassName" | "accessModes");
        if is_fixed || self.claim.kind == ClaimKind::Template {
            self.mark_fixed(edits);
        }
    }

    /// Marks the last edit as one that the API server rejects on an existing claim.
    pub(super) fn mark_fixed(&self, edits: &mut Edits<'_>) {
        // Ephemeral claims are recreated with each pod, and an operator decides how to apply a change.
        if matches!(self.claim.kind, ClaimKind::Ephemeral | ClaimKind::Custom) {
            return;
        }
        edits.mark_immutable();
        // Noted if an author's value changes, which may exist in a cluster, and once per object, because all of its templates
        // change together.
        if self.claim.kind == ClaimKind::Template
            && let Some(change) = edits.changes.last_mut()
            && change.current.is_some()
            && !self.is_noted.replace(true)
        {
            change.note = Some(match change.note.take() {
                Some(note) => format!("{note}; {RECREATE}").into(),
                None => RECREATE.into(),
            });
        }
    }
}
