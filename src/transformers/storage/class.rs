//! The class of a claim: the field, names in other clusters, and the legacy annotation.

use std::sync::Arc;

use super::claim::Fitting;
use super::{LegacyAnnotation, is_removed};
use crate::edit::{Answer, Edits, Meaning, Proposal};
use crate::finding::{Decision, Finding, Mode};
use crate::objects::{Claim, ClaimKind, LEGACY_CLASS};
use crate::problem::Problem;
use crate::rules::rules;
use crate::yaml::Value;

rules! {
    pub(super) _;
    AGAINST_LEGACY: "FIT-STO003" Error Always
        "the legacy annotation of a claim differs from the class that its field should have";
    RESTORED: "FIT-STO008" Info Always "a storage class that is not changed, because the claim restores another volume";
}

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
            // Otherwise the annotation would be the class.
            return self.remove(&LEGACY_FIELD, LEAF, edits);
        }
        if matches!(mode, Mode::Off | Mode::Remove) {
            return Ok(());
        }
        let source = self
            .spec("dataSource")
            .or_else(|| self.spec("dataSourceRef"));
        if source.is_some() && settings.claims.is_none() {
            if configured.is_some() || !settings.map.is_empty() {
                self.leave_restored(edits);
            }
            return Ok(());
        }
        let author = self.spec(LEAF).and_then(|node| node.text());
        if let Some(legacy) = self.claim.node.text_at(LEGACY_FIELD) {
            return self.fit_legacy(&legacy, author.as_deref(), edits);
        }
        if let Some(author) = author.as_deref()
            && (mode != Mode::Override || configured.is_none())
            && settings.name_here(author) != author
        {
            return self.rename(author, edits);
        }
        let Some(class) = configured else {
            return Ok(());
        };
        let here = settings.name_here(class);
        let note = (here != class).then(|| format!("`map` renames {class} to this"));
        let proposal = self.class_proposal(&field, here).note(note);
        self.set(proposal, LEAF, edits)
    }

    fn class_proposal<'p>(&'p self, field: &'p [&'p str], class: &str) -> Proposal<'p> {
        self.proposal(field, LEAF, Value::from(class))
            .meaning(Meaning::Text)
    }

    fn leave_restored(&self, edits: &mut Edits<'_>) {
        let field = self.field(&Claim::CLASS);
        let message = format!(
            "class of claim \"{}\" not changed: the claim restores another volume, which needs a matching class",
            self.claim.name
        );
        let finding = Finding::new(&RESTORED, message).about(&self.claim.subject, &field);
        edits.find(finding.help("list the claim under `claims` to set its class anyway"));
    }

    /// Renames an author's class to its name in this cluster, even with mode `Ensure`: that is what `map` is for.
    fn rename(&self, author: &str, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let field = self.field(&Claim::CLASS);
        let setting = format!("map.{author}");
        let here = self.settings().name_here(author);
        let by = self.section.decision_about(&setting, LEAF);
        edits.repair(self.class_proposal(&field, here).decided_by(by))?;
        self.mark(LEAF, edits);
        Ok(())
    }

    fn fit_legacy(
        &self,
        legacy: &str,
        author: Option<&str>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let field = self.field(&Claim::CLASS);
        let settings = self.settings();
        let configured = settings.storage_class_name.as_deref();
        let configured = configured.filter(|_| self.section.mode(LEAF) == Mode::Override);
        let wanted = settings.name_here(configured.unwrap_or(legacy));
        let converts = settings.legacy_annotation == LegacyAnnotation::Convert;
        if wanted != legacy {
            edits.find(self.conflict(legacy, &format!("it cannot be changed to {wanted}"), wanted));
            return Ok(());
        }
        if !converts {
            return Ok(());
        }
        if let Some(author) = author.filter(|it| *it != legacy) {
            edits.find(self.conflict(legacy, &format!("the field is {author}"), legacy));
            return Ok(());
        }
        // The API server rejects the change if the StatefulSet exists, which fitout cannot know.
        if self.claim.kind == ClaimKind::Template {
            return Ok(());
        }
        let by = self.section.decision_about("legacyAnnotation", LEAF);
        let proposal = self.class_proposal(&field, legacy);
        let proposal = proposal.note("copied from the legacy annotation".to_owned());
        let answer = edits.set(proposal.decided_by(Arc::clone(&by)))?;
        let by = Arc::new(Decision {
            mode: Mode::Remove,
            ..(*by).clone()
        });
        let removal = self.proposal(&LEGACY_FIELD, LEAF, Value::Null);
        let removal = removal.note("replaced by the field".to_owned());
        let answer_of_removal = edits.set(removal.decided_by(by))?;
        // The API server allows replacing the annotation with the field, but not removing it if the claim has both
        // (`validateStorageClassUpgradeFromAnnotation` in kubernetes `pkg/apis/core/validation/validation.go`).
        if matches!(answer, Answer::Same) && matches!(answer_of_removal, Answer::Edited) {
            self.mark_fixed(edits);
        }
        Ok(())
    }

    fn conflict(&self, legacy: &str, what: &str, wanted: &str) -> Finding {
        let message = format!(
            "claim \"{}\" has the class {legacy} in the legacy annotation, which wins over the field; {what}",
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
