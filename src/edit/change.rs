//! One change: which leaf, from which value to which, and by whose decision.

use std::fmt;
use std::sync::Arc;

use jsonptr::PointerBuf;
use kustomize_krm_types::Severity;

use crate::finding::{Decision, Finding, Plain, Subject};
use crate::problem::field_path;
use crate::rules::{Rule, rule};
use crate::yaml::Value;

/// What edits that are not written are found as.
pub const RULES: &[Rule] = &[LEFT];

const LEFT: Rule = rule(
    "FIT-RUN002",
    Severity::Warning,
    "a field that is only checked, or exempt, and differs from the config",
);

/// One leaf that changes: everything that anybody may ask about it later.
#[derive(Clone, Debug)]
pub struct Change {
    /// The rule: the section of the config.
    pub rule: &'static str,
    /// Index of the object among those that are fitted together.
    pub resource: usize,
    /// The part of the object that the leaf belongs to.
    pub subject: Arc<Subject>,
    /// The leaf's path below that part. Its last token is the index that an appended item will have.
    pub leaf: PointerBuf,
    /// The leaf is a new item at the end of its list.
    pub appends: bool,
    /// The value now; `None` when there is none.
    pub current: Option<Value>,
    /// The value that it gets; `None` when it is deleted, with the maps that this empties.
    pub proposed: Option<Value>,
    /// Who decided, and the mode.
    pub decision: Arc<Decision>,
    /// Why the value is not simply the configured one.
    pub note: Option<String>,
    /// The API server refuses this change on an object that exists already.
    pub immutable: bool,
}

impl Change {
    /// The leaf's path in the object.
    pub fn pointer(&self) -> PointerBuf {
        self.subject.path.concat(&self.leaf)
    }

    /// The leaf's path below its part: `resources.limits.memory`.
    pub fn short_path(&self) -> String {
        field_path(&self.leaf)
    }

    /// The same as a warning, for what is checked or exempt and not written.
    pub fn as_finding(&self) -> Finding {
        let (part, path) = (&self.subject.part, self.short_path());
        let message = match (&self.current, &self.proposed, path.rsplit_once('[')) {
            (_, None, _) => format!("{part}: {path} is set; expected nothing"),
            (_, Some(wanted), Some((list, _))) if self.appends => {
                format!("{part}: {list} lacks {}", Plain(wanted))
            }
            (Some(current), Some(wanted), _) => {
                format!(
                    "{part}: {path} is {}, not {}",
                    Plain(current),
                    Plain(wanted)
                )
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
            help: Some("set it in the manifest, or let the mode Ensure do it".to_owned()),
            ..Finding::new(&LEFT, message)
        }
    }
}

impl fmt::Display for Change {
    /// One sentence: the part, the field, both values, and who decided.
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
