//! A value that is either in the text already or planned to be.

use std::borrow::Cow;

use crate::yaml::{Node, Value};

/// A value as the API server reads it: null is as absent, and as the zero value where it is an item of a list.
#[derive(Clone, Copy, Debug)]
pub(super) enum View<'a> {
    /// In the text.
    Written(Node<'a>),
    /// What an edit writes.
    Planned(&'a Value),
}

impl<'a> View<'a> {
    /// The value of a key.
    pub(super) fn get(self, key: &str) -> Option<View<'a>> {
        match self {
            View::Written(node) => node.at([key]).map(View::Written),
            View::Planned(Value::Mapping(entries)) => {
                let entry = entries.iter().rfind(|(name, _)| name == key);
                let value = entry.map(|(_, value)| value);
                let value = value.filter(|value| !matches!(value, Value::Null));
                value.map(View::Planned)
            }
            View::Planned(_) => None,
        }
    }

    /// The items of a list.
    pub(super) fn items(self) -> impl Iterator<Item = View<'a>> {
        let (written, planned) = match self {
            View::Written(node) => (Some(node), None),
            View::Planned(Value::Sequence(items)) => (None, Some(items)),
            View::Planned(_) => (None, None),
        };
        let written = written.into_iter().flat_map(Node::items);
        let planned = planned.into_iter().flatten();
        written.map(View::Written).chain(planned.map(View::Planned))
    }

    /// A string; empty for null.
    pub(super) fn text(self) -> Cow<'a, str> {
        match self {
            View::Written(node) if node.is_null() => Cow::Borrowed(""),
            View::Written(node) => node.text().unwrap_or_default(),
            View::Planned(value) => Cow::Borrowed(value.as_str().unwrap_or_default()),
        }
    }

    pub(super) fn bool(self) -> Option<bool> {
        match self {
            View::Written(node) => node.bool(),
            View::Planned(Value::Bool(value)) => Some(*value),
            View::Planned(_) => None,
        }
    }

    pub(super) fn int(self) -> Option<i128> {
        match self {
            View::Written(node) => node.int(),
            View::Planned(Value::Number(value)) => {
                let whole = |value: f64| (value.fract() == 0.0).then_some(value as i128);
                let float = || value.as_f64().and_then(whole);
                value.as_i128().or_else(float)
            }
            View::Planned(_) => None,
        }
    }
}
