//! The paths in the table `validation.txt`.

use std::borrow::Cow;
use std::fmt;

use super::Path;
use crate::yaml::Node;

pub(super) fn decoded(token: &str) -> Cow<'_, str> {
    match token.as_bytes().contains(&b'~') {
        true => token.replace("~1", "/").into(),
        false => token.into(),
    }
}

/// Calls `look` with every value at a path below a node, and its place.
pub(super) fn walk<'a>(
    node: Node<'a>,
    path: &'static str,
    at: Path<'_, 'a>,
    look: &mut dyn FnMut(Node<'a>, Path<'_, 'a>),
) {
    let (token, rest) = path.split_once('/').unwrap_or((path, ""));
    match token {
        "" => look(node, at),
        "*" => {
            for (index, item) in node.items().enumerate() {
                walk(item, rest, Path::Item(&at, index), look);
            }
            for (key, value) in node.entries() {
                walk(value, rest, Path::Key(&at, key), look);
            }
        }
        token if node.is_sequence() => {
            let index = token.parse().unwrap_or(usize::MAX);
            if let Some(item) = node.item(index) {
                walk(item, rest, Path::Item(&at, index), look);
            }
        }
        token => {
            for token in token.split('|') {
                if let Some(child) = node.get(&decoded(token)) {
                    walk(child, rest, Path::Name(&at, token), look);
                }
            }
        }
    }
}

/// Whether a value is set. A path can end with `+`, so that 0 does not count, or with `?`, so that every key counts.
pub(super) fn counts(node: Node<'_>, path: &str) -> bool {
    let is_empty = node.is_null()
        || node.is_sequence() && node.is_empty_collection()
        || node.str().is_some_and(|it| it.is_empty());
    let is_zero = path.ends_with('+') && node.int::<i64>() == Some(0);
    path.ends_with('?') || !(is_empty || is_zero)
}

/// The first set value at a path.
pub(super) fn set<'a>(node: Node<'a>, path: &'static str) -> Option<Node<'a>> {
    let mut found = None;
    walk(node, bare(path), Path::Top(None), &mut |it, _| {
        if found.is_none() && counts(it, path) {
            found = Some(it);
        }
    });
    found
}

pub(super) fn bare(path: &'static str) -> &'static str {
    path.trim_end_matches(['+', '?'])
}

/// The name of a path in a message.
pub(super) struct Name(pub(super) &'static str);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0.trim_start_matches("./");
        let path = path.trim_end_matches(['+', '?', '*', '/']);
        let path = path.rsplit_once("*/").map_or(path, |(_, it)| it);
        write!(f, "`{}`", path.replace('/', ".").replace("~1", "/"))
    }
}
