//! A value that a transformer requests for a leaf.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Knowledge, Source, can_stop};
use crate::finding::{Decision, Mode, Subject};
use crate::yaml::Value;

/// When two values are equivalent, so that no edit is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Meaning {
    /// If they are equal.
    #[default]
    Literal,
    /// If they are equal as Kubernetes quantities: `1000m` is `1`.
    Quantity,
    /// If their texts are equal: an annotation `8080` without the required quotes is still `"8080"`.
    Text,
}

/// A value requested for a leaf.
#[derive(Debug)]
pub struct Proposal<'p> {
    /// The part of the leaf.
    pub(super) subject: &'p Arc<Subject>,
    /// The leaf's path below the part.
    pub(super) field: &'p [&'p str],
    /// The value.
    pub(super) value: Arc<Value>,
    /// The setting that decided, and the mode.
    pub(super) decision: Arc<Decision>,
    /// When a current value is equivalent.
    pub(super) meaning: Meaning,
    /// Why the value differs from the configured one, or what is known about it.
    pub(super) note: Option<Cow<'static, str>>,
    /// Why the program is known to run with it.
    pub(super) source: Option<Source>,
}

impl<'p> Proposal<'p> {
    /// Creates a proposal with literal comparison and without a note. That the config sets the field, or asks to remove it,
    /// counts as knowledge.
    pub fn new(
        subject: &'p Arc<Subject>,
        field: &'p [&'p str],
        value: impl Into<Arc<Value>>,
        decision: Arc<Decision>,
    ) -> Proposal<'p> {
        let is_named = !decision.is_default || decision.mode == Mode::Remove;
        Proposal {
            subject,
            field,
            value: value.into(),
            decision,
            meaning: Meaning::Literal,
            note: None,
            source: is_named.then_some(Source::Config),
        }
    }

    /// Replaces the decision.
    #[must_use]
    pub fn decided_by(self, decision: Arc<Decision>) -> Proposal<'p> {
        let Proposal {
            subject,
            field,
            value,
            meaning,
            note,
            ..
        } = self;
        Proposal {
            meaning,
            note,
            ..Proposal::new(subject, field, value, decision)
        }
    }

    /// Sets the comparison with the current value.
    #[must_use]
    pub fn meaning(mut self, meaning: Meaning) -> Proposal<'p> {
        self.meaning = meaning;
        self
    }

    /// Adds the reason why the value differs from the configured one.
    #[must_use]
    pub fn note(mut self, note: impl Into<Option<String>>) -> Proposal<'p> {
        self.note = note.into().map(Cow::Owned);
        self
    }

    /// Adds what is known about a program that the edit could stop; a field that is removed needs none.
    #[must_use]
    pub fn known(mut self, knowledge: Knowledge) -> Proposal<'p> {
        if self.decision.mode != Mode::Remove {
            self.note = Some(knowledge.reason);
            self.source = Some(knowledge.source);
            if let Some(written) = knowledge.written.filter(|_| self.decision.is_default) {
                let (file, position) = written.place.clone().unzip();
                self.decision = Arc::new(Decision {
                    field: written.field.clone(),
                    is_default: false,
                    file,
                    position,
                    ..(*self.decision).clone()
                });
            }
        }
        self
    }

    /// Whether the part has no such field.
    pub fn is_nowhere(&self) -> bool {
        self.field.is_empty()
    }

    /// Whether the edit cannot stop a program, or enough is known. A transformer that forgets it fails its first test.
    pub(super) fn is_known(&self) -> bool {
        let is_known = self.source.is_some() || !can_stop(self.field);
        debug_assert!(is_known, "{:?} needs knowledge", self.field);
        is_known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(is_default: bool) -> Arc<Decision> {
        Arc::new(Decision {
            field: "spec.securityContext".to_owned(),
            profile: None,
            is_default,
            mode: Mode::Ensure,
            file: None,
            position: None,
            leaf: "securityContext.hostUsers".to_owned(),
            exemption: None,
        })
    }

    #[test]
    fn a_default_that_can_stop_a_program_needs_knowledge() {
        let pod = Subject::object();
        let proposal = |field, is_default| {
            Proposal::new(&pod, field, Value::from(false), decision(is_default))
        };
        assert!(proposal(&["hostUsers"], false).is_known());
        assert!(proposal(&["priority"], true).is_known());
        let annotation = ["annotations", "hostUsers"];
        assert!(proposal(&annotation, true).is_known());
        let known = proposal(&["hostUsers"], true).known(Knowledge::input("the input says so"));
        assert!(known.is_known());
        assert_eq!(known.source, Some(Source::Input));
        let unknown = std::panic::catch_unwind(|| proposal(&["hostUsers"], true).is_known());
        assert!(unknown.is_err() || !cfg!(debug_assertions));
    }
}
