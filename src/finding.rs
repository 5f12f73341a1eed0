//! What can be said of an object: about which part of it, by which rule, and by whose decision.

use std::fmt;
use std::sync::Arc;

use jsonptr::PointerBuf;
use kustomize_krm_types::Severity;
use serde::Deserialize;

use crate::kubernetes::Date;
pub use crate::objects::{Part, Subject};
use crate::rules::{Rule, rule};
use crate::yaml::{Position, Value};

/// What more than one section finds.
pub const RULES: &[Rule] = &[TOO_YOUNG];

const TOO_YOUNG: Rule = rule(
    "FIT-VER001",
    Severity::Warning,
    "a configured field that the target Kubernetes version does not have",
);

/// When a configured value is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub enum Mode {
    /// Where the author set nothing; the author wins.
    #[default]
    Ensure,
    /// Always; the environment wins.
    Override,
    /// The author's value, brought between `min` and `max`; what is absent stays absent.
    Bound,
    /// Never; what the author wrote there is deleted, with the maps that this empties. As the mode of a section it is for
    /// what the section would write, its settings and its defaults; under `modes` also for fields without a setting.
    Remove,
    /// Never; what `Ensure` would write is told as a warning. As `spec.mode` it makes the function a validator: nothing
    /// is written, and whatever would be is an error.
    Check,
    /// Never; the field is not looked at.
    Off,
}

impl Mode {
    /// The value that a field will have, of the author's and the configured one. A value that has to be brought
    /// between bounds is the caller's to bring there.
    pub fn outcome<T>(self, author: Option<T>, configured: Option<T>) -> Option<T> {
        match self {
            Mode::Ensure | Mode::Check => author.or(configured),
            Mode::Override => configured.or(author),
            Mode::Bound | Mode::Off => author,
            Mode::Remove => None,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Why a leaf gets its value: the line of the config that won.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// `spec.profiles[database].resources.containers.limits.memory`; for a built-in default the
    /// section or setting that brings it.
    pub field: String,
    /// The profile that decided, if it was one.
    pub profile: Option<String>,
    /// The value is fitout's default and stands in no config.
    pub is_default: bool,
    /// How it is applied.
    pub mode: Mode,
    /// The file that the line is in, where it is one that a person can open.
    pub file: Option<Arc<str>>,
    /// Line and column in the file.
    pub position: Option<Position>,
    /// The leaf as exemptions name it: `resources.limits.memory`.
    pub leaf: String,
    /// The exemption that keeps the leaf as it is, by its index among those of the object.
    pub exemption: Option<usize>,
}

impl Decision {
    /// The environment in whose part of the config the line is, and the rest of the field below that part.
    pub fn environment(&self) -> Option<(&str, &str)> {
        self.field
            .strip_prefix("spec.environments.")?
            .split_once('.')
    }

    /// Whether the leaf is not written, because it is only checked or exempt.
    pub fn is_left(&self) -> bool {
        self.mode == Mode::Check || self.exemption.is_some()
    }
}

/// Something that a person should know, which is not a change.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule that is broken.
    pub rule: &'static Rule,
    /// An error fails the run.
    pub severity: Severity,
    /// What is so, in one sentence.
    pub message: String,
    /// Index of the object; `None` for a finding about the config.
    pub resource: Option<usize>,
    /// The part of the object.
    pub part: Part,
    /// The field in it; `None` when the whole part is meant.
    pub pointer: Option<PointerBuf>,
    /// The value now.
    pub current: Option<Value>,
    /// The value that would mend it.
    pub proposed: Option<Value>,
    /// The config that the finding is about or comes from.
    pub decision: Option<Arc<Decision>>,
    /// How to mend it.
    pub help: Option<String>,
    /// The leaf of the config that would mend it, as exemptions name it: whoever is exempt from the one is from both.
    pub leaf: Option<String>,
    /// The Pod Security Standards' own words for it.
    pub psa: Option<String>,
    /// It is one of many with the same cause: reports for people show those of an object as one, in these words for
    /// their number.
    pub folded: Option<Folded>,
}

/// What a report says of some findings of one object with the same cause.
pub type Folded = fn(usize) -> String;

/// Something that an exemption keeps from being written or found.
#[derive(Clone, Debug)]
pub struct Exempted {
    /// What would be found without it.
    pub finding: Finding,
    /// Why it is exempt.
    pub reason: String,
    /// Until when.
    pub until: Option<Date>,
}

impl Finding {
    /// A finding about a whole part of the object that is being fitted.
    pub fn new(rule: &'static Rule, message: impl Into<String>) -> Finding {
        Finding::graded(rule, rule.severity, message)
    }

    /// The same, of a lower severity than the rule's.
    pub fn graded(rule: &'static Rule, severity: Severity, message: impl Into<String>) -> Finding {
        Finding {
            rule,
            severity,
            message: message.into(),
            resource: None,
            part: Part::Object,
            pointer: None,
            current: None,
            proposed: None,
            decision: None,
            help: None,
            leaf: None,
            psa: None,
            folded: None,
        }
    }

    /// A configured field is not written, because the cluster may not have it.
    pub fn too_young(field: &str, since: u32, decision: Arc<Decision>) -> Finding {
        let message = format!(
            "{field} exists since Kubernetes 1.{since} and is not written for this cluster"
        );
        Finding::new(&TOO_YOUNG, message)
            .decided_by(decision)
            .help(format!(
                "set `kubernetesVersion: \"1.{since}\"` or later if the cluster has it"
            ))
    }

    /// Adds the object, by its index.
    #[must_use]
    pub fn of(mut self, resource: usize) -> Finding {
        self.resource = Some(resource);
        self
    }

    /// Adds the part and its field.
    #[must_use]
    pub fn about(mut self, subject: &Subject, field: &[&str]) -> Finding {
        self.part = subject.part.clone();
        self.pointer = Some(subject.at(field));
        self
    }

    /// Adds the value that the field has.
    #[must_use]
    pub fn current(mut self, current: Option<Value>) -> Finding {
        self.current = current;
        self
    }

    /// Adds the value that would mend it.
    #[must_use]
    pub fn proposed(mut self, proposed: impl Into<Value>) -> Finding {
        self.proposed = Some(proposed.into());
        self
    }

    /// Adds the config that it comes from.
    #[must_use]
    pub fn decided_by(mut self, decision: Arc<Decision>) -> Finding {
        self.decision = Some(decision);
        self
    }

    /// Adds the leaf of the config that would mend it.
    #[must_use]
    pub fn leaf(mut self, leaf: impl Into<String>) -> Finding {
        self.leaf = Some(leaf.into());
        self
    }

    /// Adds the Pod Security Standards' own words.
    #[must_use]
    pub fn psa(mut self, words: String) -> Finding {
        self.psa = Some(words);
        self
    }

    /// Adds the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Finding {
        self.help = Some(help.into());
        self
    }
}

/// A value as a sentence holds it: texts without quotes, unless they would not be seen.
pub struct Plain<'v>(pub &'v Value);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::String(text) | Value::Quoted(text) if !text.trim().is_empty() => {
                f.write_str(text)
            }
            other => other.fmt(f),
        }
    }
}
