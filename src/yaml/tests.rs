//! Behaviour of the module as a whole: one test per rule, named after it; texts in, texts out.

#![allow(clippy::unwrap_used, clippy::panic)]

mod comments;
mod editing;
mod hostile;
mod properties;
mod reading;
mod strict;
mod suite;

use super::{Change, Edit, Node, Refusal, Stream, Value};

/// Edits of the first document: a pointer with a JSON value, or with nothing to remove.
pub(super) fn try_edit(
    text: &str,
    edits: &[(&str, Option<serde_json::Value>)],
) -> Result<String, Refusal> {
    let stream = Stream::parse(text).unwrap();
    let root = stream.documents().next().unwrap().root().id();
    let edits: Vec<Edit> = edits
        .iter()
        .map(|(pointer, value)| Edit {
            root,
            pointer: jsonptr::PointerBuf::parse(*pointer).unwrap(),
            change: value
                .clone()
                .map_or(Change::Remove, |value| Change::Set(value.into())),
        })
        .collect();
    stream.edit(&edits)
}

pub(super) fn set(text: &str, pointer: &str, value: serde_json::Value) -> String {
    try_edit(text, &[(pointer, Some(value))]).unwrap()
}

pub(super) fn remove(text: &str, pointer: &str) -> String {
    try_edit(text, &[(pointer, None)]).unwrap()
}

/// The reason of the refusal, and its message.
pub(super) fn refusal(
    text: &str,
    pointer: &str,
    value: Option<serde_json::Value>,
) -> (&'static str, String) {
    let refusal = try_edit(text, &[(pointer, value)]).unwrap_err();
    (refusal.reason.as_str(), refusal.message)
}

/// The value of the first document.
pub(super) fn root(stream: &Stream) -> Node<'_> {
    stream.documents().next().unwrap().root()
}

pub(super) fn value(text: &str) -> Value {
    Stream::parse(text)
        .unwrap()
        .documents()
        .next()
        .unwrap()
        .root()
        .value()
        .unwrap()
}
