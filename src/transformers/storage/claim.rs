//! One claim: what is asked of it, in which order, and what the API server makes of a change.

use std::cell::Cell;

use kustomize_krm_types::Severity;

use super::{Storage, is_removed, minor_version};
use crate::config::Section;
use crate::edit::{Answer, Edits, Meaning, Proposal};
use crate::finding::{Finding, Mode};
use crate::objects::{Claim, ClaimKind, expected};
use crate::problem::Problem;
use crate::read::Resource;
use crate::rules::{Rule, rule};
use crate::yaml::{Node, Value};

pub(super) const BOUND: Rule = rule(
    "FIT-STO010",
    Severity::Error,
    "a claim that cannot be changed as configured",
);

/// What an author has to do for a StatefulSet's claim templates to change (`ValidateStatefulSetUpdate` in kubernetes
/// `pkg/apis/apps/validation/validation.go` lets them not).
const RECREATE: &str = "a StatefulSet that exists already has to be deleted with --cascade=orphan for this, and its claims changed by hand";

/// A claim in the hands of its section.
pub(super) struct Fitting<'f, 'a> {
    pub(super) resource: &'f Resource<'a>,
    pub(super) claim: &'f Claim<'a>,
    pub(super) section: &'f Section<'f, Storage>,
    /// Whether it was said what a change of this object's claim templates takes.
    pub(super) is_told: &'f Cell<bool>,
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

    /// Where this claim has a field of a PersistentVolumeClaimSpec; nowhere when an operator's resource has no such field.
    pub(super) fn field<'s>(&'s self, of_spec: &[&'s str]) -> Vec<&'s str> {
        self.claim.field(of_spec).unwrap_or_default()
    }

    pub(super) fn fit(&self, edits: &mut Edits<'_>) -> Result<(), Problem> {
        for part in ["spec", "metadata"] {
            if let Some(node) = self
                .claim
                .node
                .get(part)
                .filter(|node| !node.is_null() && !node.is_map())
            {
                return Err(expected(
                    self.resource,
                    node,
                    "a mapping",
                    &self.claim.subject.at(&[part]),
                ));
            }
        }
        if self.spec("volumeName").is_some() || self.spec("selector").is_some() {
            self.leave_bound(edits);
            return Ok(());
        }
        self.fit_access_modes(edits)?;
        self.fit_size(edits)?;
        self.fit_class(edits)?;
        self.fit_attributes_class(edits)
    }

    /// A claim that names its volume is bound by hand: another class would never bind.
    fn leave_bound(&self, edits: &mut Edits<'_>) {
        let leaf = "storageClassName";
        let configured = self.settings().storage_class_name.as_deref();
        let current = self.spec(leaf).and_then(|node| node.text());
        let wish = match configured {
            _ if is_removed(self.section, leaf, configured.is_some()) => {
                if current.is_none() {
                    return;
                }
                "be taken away".to_owned()
            }
            Some(class) if self.section.mode(leaf) == Mode::Override => {
                let class = self.settings().name_here(class);
                if current.as_deref() == Some(class) {
                    return;
                }
                format!("become {class}")
            }
            _ => return,
        };
        let message = format!(
            "claim \"{}\" is bound to its volume by hand, so its class cannot {wish}",
            self.claim.name
        );
        let finding = Finding::new(&BOUND, message)
            .about(&self.claim.subject, &self.field(&[leaf]))
            .current(current.map(|class| Value::from(class.into_owned())))
            .decided_by(self.section.decision(leaf))
            .help("leave the claim out with `claims`, or use mode Ensure for it");
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
        let value = Value::Sequence(
            modes
                .iter()
                .map(|mode| Value::from(mode.as_str()))
                .collect(),
        );
        // The API server refuses an empty list as it does none.
        if authors.is_some_and(is_empty) && mode != Mode::Off {
            let proposal = self.proposal(&field, leaf, value, Meaning::Literal);
            edits.repair(proposal)?;
            self.mark(leaf, edits);
            return Ok(());
        }
        self.set(
            self.proposal(&field, leaf, value, Meaning::Literal),
            leaf,
            edits,
        )
    }

    fn fit_attributes_class(&self, edits: &mut Edits<'_>) -> Result<(), Problem> {
        /// On by default since then (`VolumeAttributesClass` in kubernetes `pkg/features/kube_features.go`).
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
            edits.find(
                Finding::too_young(leaf, SINCE, self.section.decision(leaf))
                    .about(&self.claim.subject, &field),
            );
            return Ok(());
        }
        let proposal = self.proposal(&field, leaf, Value::from(class), Meaning::Text);
        self.set(proposal, leaf, edits)
    }

    /// A leaf's value as the leaf's own setting has it.
    pub(super) fn proposal<'p>(
        &'p self,
        field: &'p [&'p str],
        leaf: &str,
        value: Value,
        meaning: Meaning,
    ) -> Proposal<'p> {
        Proposal {
            subject: &self.claim.subject,
            field,
            value,
            decision: self.section.decision(leaf),
            meaning,
            note: None,
        }
    }

    pub(super) fn set(
        &self,
        proposal: Proposal<'_>,
        leaf: &str,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        if !proposal.field.is_empty() && matches!(edits.set(proposal)?, Answer::Edited) {
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
        let proposal = Proposal {
            decision: self.section.decision_to_remove(leaf),
            ..self.proposal(field, leaf, Value::Null, Meaning::Literal)
        };
        if matches!(edits.set(proposal)?, Answer::Edited) {
            self.mark_fixed(edits);
        }
        Ok(())
    }

    /// Marks the last edit if the leaf's field is fixed when a claim is made: its class and access modes, but neither its
    /// size, which may grow, nor its attributes (`ValidatePersistentVolumeClaimUpdate` in kubernetes
    /// `pkg/apis/core/validation/validation.go`). All of a StatefulSet's templates is.
    pub(super) fn mark(&self, leaf: &str, edits: &mut Edits<'_>) {
        let is_fixed = matches!(leaf, "storageClassName" | "accessModes");
        if is_fixed || self.claim.kind == ClaimKind::Template {
            self.mark_fixed(edits);
        }
    }

    /// Marks the last edit as one that a claim which exists already does not take.
    pub(super) fn mark_fixed(&self, edits: &mut Edits<'_>) {
        // Ephemeral claims are made anew with each pod, and what an operator makes of a change is its own affair.
        if matches!(self.claim.kind, ClaimKind::Ephemeral | ClaimKind::Custom) {
            return;
        }
        edits.mark_immutable();
        // Said where a value of the author's changes, who may have it in a cluster; and once for each object, because all
        // its templates change together.
        if self.claim.kind == ClaimKind::Template
            && let Some(change) = edits.changes.last_mut()
            && change.current.is_some()
            && !self.is_told.replace(true)
        {
            change.note = Some(match change.note.take() {
                Some(note) => format!("{note}; {RECREATE}"),
                None => RECREATE.to_owned(),
            });
        }
    }
}
