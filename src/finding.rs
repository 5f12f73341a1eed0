//! What can be said of an object: about which part of it, by which rule, and by whose decision.

use std::fmt;
use std::sync::Arc;

use jsonptr::PointerBuf;
use kustomize_krm_types::Severity;
use serde::Deserialize;

use crate::kubernetes::Date;
use crate::objects::{Claim, Container, ContainerType, OnChange, Template, below};
use crate::yaml::{Position, Value};

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
    /// Line and column in the config file.
    pub position: Option<Position>,
    /// The leaf as exemptions name it: `resources.limits.memory`.
    pub leaf: String,
    /// The exemption that keeps the leaf as it is, by its index among those of the object.
    pub waiver: Option<usize>,
}

/// What part of an object a change or finding is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The object itself.
    Object,
    /// The pods that its template makes.
    Pod,
    /// One container of them.
    Container {
        /// The container's name.
        name: String,
        /// Ordinary, init, sidecar or ephemeral.
        container_type: ContainerType,
    },
    /// One of its claims.
    Claim {
        /// The name of the claim, its template or its volume.
        name: String,
    },
}

/// A part of an object and where it lies, from which the fields below are addressed.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What a person calls it.
    pub part: Part,
    /// Its path in the object.
    pub path: PointerBuf,
    /// What a change here does to what runs.
    pub on_change: OnChange,
    /// Where its author may have set what it inherits.
    pub inherits: Option<PointerBuf>,
}

impl Subject {
    /// The pods of a template; fields are addressed from the pod spec.
    pub fn pod(template: &Template<'_>) -> Subject {
        Subject {
            part: Part::Pod,
            path: template.spec_path.clone(),
            on_change: template.on_change,
            inherits: None,
        }
    }

    /// The metadata of a template's pods.
    pub fn pod_metadata(template: &Template<'_>) -> Subject {
        Subject {
            part: Part::Pod,
            path: below(&template.path, ["metadata"]),
            on_change: template.on_change,
            inherits: None,
        }
    }

    /// A container.
    pub fn container(template: &Template<'_>, container: &Container<'_>) -> Subject {
        let part = Part::Container {
            name: container.name.to_string(),
            container_type: container.container_type,
        };
        Subject {
            part,
            path: container.path.clone(),
            on_change: template.on_change,
            inherits: container.inherits.as_ref().map(|(path, _)| path.clone()),
        }
    }

    /// A claim.
    pub fn claim(claim: &Claim<'_>) -> Subject {
        Subject {
            part: Part::Claim {
                name: claim.name.to_string(),
            },
            path: claim.path.clone(),
            on_change: OnChange::Nothing,
            inherits: None,
        }
    }

    /// The object itself.
    pub fn object() -> Subject {
        Subject {
            part: Part::Object,
            path: PointerBuf::new(),
            on_change: OnChange::Nothing,
            inherits: None,
        }
    }

    /// The path in the object of a field of this part.
    pub fn at(&self, field: &[&str]) -> PointerBuf {
        let mut path = self.path.clone();
        for token in field {
            path.push_back(*token);
        }
        path
    }
}

impl Part {
    /// What a person calls it, in pieces.
    pub fn words(&self) -> [&str; 3] {
        match self {
            Part::Object => ["object", "", ""],
            Part::Pod => ["pod", "", ""],
            Part::Container {
                name,
                container_type,
            } => match container_type {
                ContainerType::Container => ["container \"", name, "\""],
                ContainerType::Init => ["init container \"", name, "\""],
                ContainerType::Sidecar => ["sidecar \"", name, "\""],
                ContainerType::Ephemeral => ["ephemeral container \"", name, "\""],
            },
            Part::Claim { name } => ["claim \"", name, "\""],
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = self.words().into_iter();
        words.try_for_each(|word| f.write_str(word))
    }
}

/// Something that a person should know, which is not a change.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule id, such as `FIT-SEC004`.
    pub id: &'static str,
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
    /// It tells of a leaf that is not written, because it is only checked or exempt.
    pub is_of_leaf: bool,
    /// The leaf of the config that would mend it, as exemptions name it: whoever is exempt from the one is from both.
    pub leaf: Option<String>,
    /// The Pod Security Standards' own words for it.
    pub psa: Option<String>,
}

/// Something that an exemption keeps from being written or found.
#[derive(Clone, Debug)]
pub struct Waived {
    /// What would be found without it.
    pub finding: Finding,
    /// Why it is exempt.
    pub reason: String,
    /// Until when.
    pub until: Option<Date>,
}

impl Finding {
    /// A finding about a whole part of the object that is being fitted.
    pub fn new(id: &'static str, severity: Severity, message: impl Into<String>) -> Finding {
        Finding {
            id,
            severity,
            message: message.into(),
            resource: None,
            part: Part::Object,
            pointer: None,
            current: None,
            proposed: None,
            decision: None,
            help: None,
            is_of_leaf: false,
            leaf: None,
            psa: None,
        }
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
