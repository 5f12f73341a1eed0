//! The class of a claim: the field, the names that classes have elsewhere, and the annotation of old.

use std::sync::Arc;

use kustomize_krm_types::Severity;

use super::claim::Fitting;
use super::{LegacyAnnotation, is_removed};
use crate::edit::{Answer, Edits, Meaning, Proposal};
use crate::finding::{Decision, Finding, Mode};
use crate::objects::{Claim, ClaimKind, LEGACY_CLASS};
use crate::problem::Problem;
use crate::rules::{Rule, rule};
use crate::yaml::Value;

pub(super) const AGAINST_LEGACY: Rule = rule(
    "FIT-STO003",
    Severity::Error,
    "the legacy annotation of a claim says something else than its field shall",
);
pub(super) const RESTORED: Rule = rule(
    "FIT-STO008",
    Severity::Info,
    "a storage class that stays as its author set it",
);

/// The leaf, which is also the name of the field.
const LEAF: &str = "storageClassName";
const LEGACY_FIELD: [&str; 3] = ["metadata", "annotations", LEGACY_CLASS];

impl Fitting<'_, '_> {
    pub(super) fn fit_class(&self, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let field = self.field(&Claim::CLASS);
        let settings = self.settings();
        let configured = settings.storage_class_name.as_deref();
        let mode = self.section.mode(LEAF);
        if is_removed(self.section, LEAF, configured.is_some()) {
            self.remove(&field, LEAF, edits)?;
            // Left behind, it would be the class.
            return self.remove(&LEGACY_FIELD, LEAF, edits);
        }
        if matches!(mode, Mode::Off | Mode::Remove) {
            return Ok(());
        }
        let restores = self
            .spec("dataSource")
            .or_else(|| self.spec("dataSourceRef"))
            .is_some();
        if restores && settings.claims.is_none() {
            if configured.is_some() || !settings.map.is_empty() {
                self.leave_restored(edits);
            }
            return Ok(());
        }
        let author = self.spec(LEAF).and_then(|node| node.text());
        match (self.legacy_class(), configured) {
            (Some(legacy), _) => self.fit_legacy(&legacy, author.as_deref(), edits),
            (None, configured) => {
                if let Some(author) = author.as_deref()
                    && (mode != Mode::Override || configured.is_none())
                    && settings.name_here(author) != author
                {
                    return self.rename(author, edits);
                }
                match configured {
                    Some(class) => {
                        let here = settings.name_here(class);
                        let note = (here != class)
                            .then(|| format!("which is what {class} is called here"));
                        let value = Value::from(here);
                        let proposal = Proposal {
                            note,
                            ..self.proposal(&field, LEAF, value, Meaning::Text)
                        };
                        self.set(proposal, LEAF, edits)
                    }
                    None => Ok(()),
                }
            }
        }
    }

    fn leave_restored(&self, edits: &mut Edits<'_>) {
        let field = self.field(&Claim::CLASS);
        let message = format!(
            "claim \"{}\" is filled from another volume, whose class must fit; its class is left as it is",
            self.claim.name
        );
        let finding = Finding::new(&RESTORED, message).about(&self.claim.subject, &field);
        edits.find(finding.help("name the claim under `claims` to set it all the same"));
    }

    /// An author's class gets the name that it has in this cluster. That is what `map` is for, so it does so in the mode
    /// Ensure as well.
    fn rename(&self, author: &str, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let field = self.field(&Claim::CLASS);
        let setting = format!("map.{author}");
        let here = self.settings().name_here(author);
        edits.repair(Proposal {
            decision: self.section.decision_about(&setting, LEAF),
            ..self.proposal(&field, LEAF, Value::from(here), Meaning::Text)
        })?;
        self.mark(LEAF, edits);
        Ok(())
    }

    fn legacy_class(&self) -> Option<String> {
        let keys = ["metadata", "annotations", LEGACY_CLASS];
        Some(self.claim.node.text_at(keys)?.into_owned())
    }

    fn fit_legacy(
        &self,
        legacy: &str,
        said: Option<&str>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let field = self.field(&Claim::CLASS);
        let settings = self.settings();
        let configured = settings.storage_class_name.as_deref();
        let configured = configured.filter(|_| self.section.mode(LEAF) == Mode::Override);
        let wanted = settings.name_here(configured.unwrap_or(legacy));
        let converts = settings.legacy_annotation == LegacyAnnotation::Convert;
        if wanted != legacy {
            edits.find(self.conflict(legacy, &format!("it cannot become {wanted}"), wanted));
            return Ok(());
        }
        if !converts {
            return Ok(());
        }
        if let Some(said) = said.filter(|said| *said != legacy) {
            edits.find(self.conflict(legacy, &format!("the field says {said}"), legacy));
            return Ok(());
        }
        // A StatefulSet that exists takes no change of its templates, and whether it exists cannot be seen.
        if self.claim.kind == ClaimKind::Template {
            return Ok(());
        }
        let by = self.section.decision_about("legacyAnnotation", LEAF);
        let answer = edits.set(Proposal {
            decision: Arc::clone(&by),
            note: Some("as its annotation says".to_owned()),
            ..self.proposal(&field, LEAF, Value::from(legacy), Meaning::Text)
        })?;
        let answer_of_removal = edits.set(Proposal {
            decision: Arc::new(Decision {
                mode: Mode::Remove,
                ..(*by).clone()
            }),
            note: Some("the field says so".to_owned()),
            ..self.proposal(&LEGACY_FIELD, LEAF, Value::Null, Meaning::Literal)
        })?;
        // An existing claim gives its annotation up for the field, but not when it has both
        // (`validateStorageClassUpgradeFromAnnotation` in kubernetes `pkg/apis/core/validation/validation.go`).
        if matches!(answer, Answer::Same) && matches!(answer_of_removal, Answer::Edited) {
            self.mark_fixed(edits);
        }
        Ok(())
    }

    fn conflict(&self, legacy: &str, what: &str, wanted: &str) -> Finding {
        let message = format!(
            "claim \"{}\" names its class {legacy} in an annotation, which wins over the field; {what}",
            self.claim.name
        );
        Finding::new(&AGAINST_LEGACY, message)
            .about(&self.claim.subject, &LEGACY_FIELD)
            .current(Some(Value::from(legacy)))
            .proposed(wanted)
            .decided_by(self.section.decision(LEAF))
            .help("remove the annotation from the manifest")
    }
}
