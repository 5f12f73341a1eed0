//! Knowledge about programs that an edit could stop.

use std::borrow::Cow;
use std::sync::Arc;

use crate::catalogue::{Entry, Written};

/// Why a program is known to run with an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Objects of the input.
    Input,
    /// The catalogue of images.
    Catalogue,
    /// The config: it sets the field, or chooses the level of the Pod Security Standards that requires it.
    Config,
}

impl Source {
    /// Its word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Input => "input",
            Source::Catalogue => "catalogue",
            Source::Config => "config",
        }
    }
}

/// What is known, and where from. The reason of the edit contains it.
#[derive(Clone, Debug)]
pub struct Knowledge {
    pub(super) source: Source,
    pub(super) reason: Cow<'static, str>,
    /// The entry of the config that tells it.
    pub(super) written: Option<Arc<Written>>,
}

impl Knowledge {
    /// Objects of the input tell it.
    pub fn input(reason: impl Into<Cow<'static, str>>) -> Knowledge {
        Knowledge {
            source: Source::Input,
            reason: reason.into(),
            written: None,
        }
    }

    /// An entry of the catalogue of images tells it: a built-in one, or one of the config, which then decides.
    pub fn catalogue(entry: &Entry, reason: impl Into<Cow<'static, str>>) -> Knowledge {
        Knowledge {
            source: Source::Catalogue,
            reason: reason.into(),
            written: entry.written.clone(),
        }
    }

    /// The config asks for it with another setting than the field's own.
    pub const fn config(reason: &'static str) -> Knowledge {
        Knowledge {
            source: Source::Config,
            reason: Cow::Borrowed(reason),
            written: None,
        }
    }
}

/// Fields of pods and containers, or maps and lists of them, whose values can stop a program: what it may do, who it is,
/// and what it finds.
const STOPPING: &[&str] = &[
    "args", "automountServiceAccountToken", "command", "enableServiceLinks", "env", "envFrom",
    "hostIPC", "hostNetwork", "hostPID", "hostUsers", "securityContext", "serviceAccountName",
    "volumeMounts",
];

/// Whether an edit of a leaf can stop a program.
pub fn can_stop(field: &[&str]) -> bool {
    let mut keys = field.iter().take_while(|it| **it != "annotations");
    keys.any(|it| STOPPING.contains(it))
}
