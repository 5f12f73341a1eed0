//! Findings about an object: the part, the rule, and the setting that decided.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use jsonptr::{Pointer, PointerBuf};
use kustomize_krm_types::Severity;
use serde::Deserialize;

use crate::kubernetes::Date;
pub use crate::objects::{Part, Subject};
use crate::rules::{Rule, rules};
use crate::yaml::{Position, Value};

rules! {
    pub RULES;
    /// An API server that does not know a field drops it silently, so the field would seem to be set.
    TOO_YOUNG: "FIT-VER001" Warning Always "a configured field is newer than the target Kubernetes version";
}

/// Whether a configured value is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Mode {
    /// Sets the field only if the manifest does not set it.
    #[default]
    Ensure,
    /// Replaces the manifest's value.
    Override,
    /// Clamps the manifest's value to `min` and `max`; an absent field stays absent.
    Bound,
    /// Removes the manifest's value, and maps that this leaves empty. As the mode of a section it applies to the
    /// section's settings and defaults; under `modes` also to fields without a setting.
    Remove,
    /// Sets nothing, and reports what `Ensure` would set as a warning. As `spec.mode` it makes the function a validator: nothing
    /// is written, and every field that would be written is an error.
    Check,
    /// Ignores the field.
    Off,
}

impl Mode {
    /// Its name in configs and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Ensure => "Ensure",
            Mode::Override => "Override",
            Mode::Bound => "Bound",
            Mode::Remove => "Remove",
            Mode::Check => "Check",
            Mode::Off => "Off",
        }
    }

    /// The final value of a field. `Bound` returns the author's value; the caller clamps it.
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
        f.write_str(self.as_str())
    }
}

/// The line of the config that decided the value of a leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// `spec.profiles[database].resources.containers.limits.memory`; for a default, its section or setting.
    pub field: String,
    /// The profile, if one decided.
    pub profile: Option<String>,
    /// Whether the value is fitout's default.
    pub is_default: bool,
    /// The mode.
    pub mode: Mode,
    /// The config file, if known.
    pub file: Option<Arc<str>>,
    /// The line and column in the file.
    pub position: Option<Position>,
    /// The leaf, as in exemptions: `resources.limits.memory`.
    pub leaf: String,
    /// The exemption of the leaf, by its index in those of the object.
    pub exemption: Option<usize>,
}

impl Decision {
    /// The environment that the field belongs to, and the rest of the field.
    pub fn environment(&self) -> Option<(&str, &str)> {
        let field = self.field.strip_prefix("spec.environments.")?;
        field.split_once('.')
    }

    /// Whether the leaf is only checked or exempt, and so not written.
    pub fn is_left(&self) -> bool {
        self.mode == Mode::Check || self.exemption.is_some()
    }
}

/// A problem or a note about an object or the config.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// The severity; an error fails the run.
    pub severity: Severity,
    /// The message, one sentence.
    pub message: String,
    /// The index of the object; `None` for a finding about the config.
    pub resource: Option<usize>,
    /// The place, if it is about a file and no object.
    pub place: Option<Box<(Arc<str>, Position)>>,
    /// The part of the object.
    pub part: Part,
    /// The field; `None` for the whole part.
    pub pointer: Option<PointerBuf>,
    /// The current value.
    pub current: Option<Box<Value>>,
    /// The value that would fix it.
    pub proposed: Option<Arc<Value>>,
    /// The setting that the finding is about or comes from.
    pub decision: Option<Arc<Decision>>,
    /// How to fix it.
    pub help: Option<Cow<'static, str>>,
    /// The leaf of the config that would fix it; an exemption from the leaf covers the finding.
    pub leaf: Option<Cow<'static, str>>,
    /// The message of the Pod Security Standards.
    pub psa: Option<Arc<str>>,
    /// The image that it is about: it is reported once for all its containers.
    pub image: Option<Arc<str>>,
    /// Set for findings with a common cause: text reports show those of an object as one, with this message.
    pub folded: Option<Folded>,
    /// The lines that resolve it.
    pub lines: Option<Box<Lines>>,
    /// The field that it follows from: it is left out where another finding is about this field.
    pub cause: Option<Box<PointerBuf>>,
}

/// The lines for the `spec` of a config that resolve a finding, and all others of its group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Lines {
    /// These lines.
    Config(String),
    /// An exemption of the objects from the rule.
    Exemption,
    /// An entry of the catalogue, which is another one for each image.
    Catalogue(String),
}

/// The message for a number of findings of one object with a common cause.
pub type Folded = fn(usize) -> String;

/// A finding that an exemption waives.
#[derive(Clone, Debug)]
pub struct Exempted {
    /// The finding.
    pub finding: Finding,
    /// The reason.
    pub reason: String,
    /// The last day.
    pub until: Option<Date>,
}

/// An exemption in effect: what an object is exempt from, and who granted it.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The index of the object.
    pub resource: usize,
    /// The sections, fields and rules, as written.
    pub from: Vec<String>,
    /// The reason; empty where none is needed.
    pub reason: String,
    /// The last day.
    pub until: Option<Date>,
    /// The annotation, or the path of the exemption in the config.
    pub by: String,
    /// The place of the exemption in the config, if it is known.
    pub place: Option<(Arc<str>, Position)>,
    /// The number of findings that it waives.
    pub waived: usize,
}

impl Finding {
    /// A finding with the severity of its rule.
    pub fn new(rule: &'static Rule, message: impl Into<String>) -> Finding {
        Finding::graded(rule, rule.severity, message)
    }

    /// A finding with a lower severity than its rule's.
    pub fn graded(rule: &'static Rule, severity: Severity, message: impl Into<String>) -> Finding {
        Finding::made(rule, severity, message.into())
    }

    /// There are many findings, and half of what a text grows by is room.
    #[inline(never)]
    fn made(rule: &'static Rule, severity: Severity, mut message: String) -> Finding {
        message.shrink_to_fit();
        Finding {
            rule,
            severity,
            message,
            resource: None,
            place: None,
            part: Part::Object,
            pointer: None,
            current: None,
            proposed: None,
            decision: None,
            help: None,
            leaf: None,
            psa: None,
            image: None,
            folded: None,
            lines: None,
            cause: None,
        }
    }

    /// A configured field is not written, because the cluster may not support it.
    pub fn too_young(field: &str, since: u32, decision: Arc<Decision>) -> Finding {
        let message = format!("{field} not set: it requires Kubernetes 1.{since}");
        Finding::new(&TOO_YOUNG, message)
            .decided_by(decision)
            .help(format!(
                "if the cluster supports it, set `kubernetesVersion: \"1.{since}\"` or later"
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

    /// Adds the part and the path of its field.
    #[must_use]
    pub fn at(mut self, subject: &Subject, field: &Pointer) -> Finding {
        self.part = subject.part.clone();
        self.pointer = Some(subject.path.concat(field));
        self
    }

    /// Adds the current value.
    #[must_use]
    #[inline(never)]
    pub fn current(mut self, current: Option<Value>) -> Finding {
        self.current = current.map(Box::new);
        self
    }

    /// Adds the value that would fix it.
    #[must_use]
    #[inline(never)]
    pub fn proposed(mut self, proposed: impl Into<Value>) -> Finding {
        self.proposed = Some(Arc::new(proposed.into()));
        self
    }

    /// Adds the setting that decided.
    #[must_use]
    pub fn decided_by(mut self, decision: Arc<Decision>) -> Finding {
        self.decision = Some(decision);
        self
    }

    /// Adds the leaf of the config that would fix it.
    #[must_use]
    pub fn leaf(mut self, leaf: impl Into<Cow<'static, str>>) -> Finding {
        self.leaf = Some(leaf.into());
        self
    }

    /// Adds the message of the Pod Security Standards.
    #[must_use]
    pub fn psa(mut self, words: Arc<str>) -> Finding {
        self.psa = Some(words);
        self
    }

    /// Adds the image that it is about.
    #[must_use]
    pub fn of_image(mut self, image: impl Into<Arc<str>>) -> Finding {
        self.image = Some(image.into());
        self
    }

    /// Adds the lines that resolve it.
    #[must_use]
    #[inline(never)]
    pub fn lines(mut self, lines: Lines) -> Finding {
        self.lines = Some(Box::new(lines));
        self
    }

    /// Adds the field that it follows from.
    #[must_use]
    #[inline(never)]
    pub fn because_of(mut self, subject: &Subject, field: &[&str]) -> Finding {
        self.cause = Some(Box::new(subject.at(field)));
        self
    }

    /// Adds the help.
    #[must_use]
    pub fn help(mut self, help: impl Into<Cow<'static, str>>) -> Finding {
        self.help = Some(shrunk(help.into()));
        self
    }
}

#[inline(never)]
fn shrunk(text: Cow<'static, str>) -> Cow<'static, str> {
    match text {
        Cow::Owned(mut text) => {
            text.shrink_to_fit();
            Cow::Owned(text)
        }
        borrowed => borrowed,
    }
}

/// A value for a message: text without quotes, unless it is blank.
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
