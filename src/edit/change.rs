//! A change of one leaf: its values, and the decision.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use jsonptr::PointerBuf;

use super::Source;
use crate::finding::{Decision, Finding, Plain, Subject};
use crate::objects::AUTOMOUNT;
use crate::problem::field_path;
use crate::rules::rules;
use crate::yaml::{NodeId, Value};

rules! {
    pub(super) RULES;
    /// The mode `Check` and exemptions keep fitout from writing the field, and the difference should be known.
    LEFT: "FIT-RUN002" Warning Always "a checked or exempt field differs from the config";
    /// With the mode `Ensure` a value of the manifest stays. An exact check reports it, because it can be a leftover of another
    /// environment.
    DIFFERENT: "FIT-RUN003" Error OnCheck "a field differs from the config, with `checks.exact` or `--exact`";
}

/// What to do about a difference.
pub(super) const ON_DIFFERENCE: &str = "check manifests that are built for this environment; where the manifest's own value is \
     wrong, set the mode of the field to Override, and where it is right, exempt it with a reason";

/// A change of one leaf.
#[derive(Clone, Debug)]
pub struct Change {
    /// The section of the config.
    pub rule: &'static str,
    /// The index of the object.
    pub resource: usize,
    /// The part of the object.
    pub subject: Arc<Subject>,
    /// The leaf's path below the part. For an appended item it ends in the new index.
    pub leaf: Arc<PointerBuf>,
    /// The node of the part, if nothing in the text is in several places.
    pub part: Option<NodeId>,
    /// Whether the leaf is a new item at the end of a list.
    pub appends: bool,
    /// The current value; `None` if absent.
    pub current: Option<Box<Value>>,
    /// The new value; `None` if the leaf is removed, together with emptied maps. Most changes of a leaf have one value.
    pub proposed: Option<Arc<Value>>,
    /// The setting that decided, and the mode.
    pub decision: Arc<Decision>,
    /// Why the value differs from the configured one, or what is known about it.
    pub note: Option<Cow<'static, str>>,
    /// Why the program is known to run with it; `None` for a leaf that cannot stop a program.
    pub source: Option<Source>,
    /// Whether the API server rejects the change on an existing object.
    pub immutable: bool,
}

impl Change {
    /// The leaf's path in the object.
    pub fn pointer(&self) -> PointerBuf {
        self.subject.path.concat(&self.leaf)
    }

    /// The leaf's path below the part: `resources.limits.memory`.
    pub fn short_path(&self) -> String {
        field_path(&self.leaf)
    }

    /// Why it takes the token for the Kubernetes API from pods, if it does.
    pub fn token_reason(&self) -> Option<Cow<'static, str>> {
        let is_token = || self.leaf.last().is_some_and(|it| it.decoded() == AUTOMOUNT);
        let is_taken = matches!(self.proposed.as_deref(), Some(Value::Bool(false))) && is_token();
        self.note.as_ref().filter(|_| is_taken).cloned()
    }

    /// The change as a warning, for a field that is checked or exempt.
    pub fn as_finding(&self) -> Finding {
        let (part, path) = (&self.subject.part, self.short_path());
        let message = match (&self.current, &self.proposed, path.rsplit_once('[')) {
            (_, None, _) => format!("{part}: {path} is set; expected nothing"),
            (_, Some(wanted), Some((list, _))) if self.appends => {
                format!("{part}: {list} lacks {}", Plain(wanted))
            }
            (Some(current), Some(wanted), _) => {
                let (current, wanted) = (Plain(current), Plain(wanted));
                format!("{part}: {path} is {current}, not {wanted}")
            }
            (None, Some(wanted), _) => {
                format!("{part}: {path} is not set; expected {}", Plain(wanted))
            }
        };
        Finding {
            part: part.clone(),
            pointer: Some(self.pointer()),
            current: self.current.clone(),
            proposed: self.proposed.clone(),
            resource: Some(self.resource),
            decision: Some(Arc::clone(&self.decision)),
            help: Some("set it in the manifest, or use the mode Ensure".into()),
            ..Finding::new(&LEFT, message)
        }
    }
}

impl fmt::Display for Change {
    /// One sentence with the part, the field, both values, and the decision.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.subject.part)?;
        let path = self.short_path();
        match (&self.proposed, path.rsplit_once('[')) {
            (None, _) => write!(f, "removed {path}")?,
            (Some(value), Some((list, _))) if self.appends => {
                write!(f, "added {} to {list}", Plain(value))?
            }
            (Some(value), _) => write!(f, "set {path} to {}", Plain(value))?,
        }
        let environment = self.decision.environment();
        match &self.decision.profile {
            Some(profile) => match environment {
                Some((name, _)) => write!(f, " (profile {profile} in {name})")?,
                None => write!(f, " (profile {profile})")?,
            },
            None if self.decision.is_default => write!(f, " (default of {})", self.decision.field)?,
            None => write!(f, " ({})", self.decision.field)?,
        }
        match &self.current {
            Some(current) => write!(f, "; it was {}", Plain(current))?,
            None if self.appends => {}
            None => write!(f, "; it was not set")?,
        }
        match &self.note {
            Some(note) => write!(f, "; {note}"),
            None => Ok(()),
        }
    }
}
