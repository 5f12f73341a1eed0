//! Values that are not in the text yet: what edits set, and copies that aliases are replaced by.

use super::super::tree::Kind;
use super::super::{Node, NodeId, Stream, Value, node::index};
use jsonptr::Token;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Deref;

/// Most nodes that are copied when one alias is written out.
const MAX_COPY: usize = 10_000;

/// A value to be written.
#[derive(Clone, Debug)]
pub(super) enum New {
    Null,
    Bool(bool),
    /// A number by its text, since `1.0` and `1` are written differently.
    Number(String),
    Text {
        text: String,
        quoted: bool,
    },
    /// A scalar of the source, written again with its quotes and tag.
    Copy(u32),
    Map(Entries),
    Sequence(Vec<New>),
}

/// So many entries are compared rather than hashed.
const FEW: usize = 16;

/// The entries of a map to be written.
#[derive(Clone, Debug, Default)]
pub(super) struct Entries {
    list: Vec<(Name, New)>,
    /// The places of the first of them by key, so that many edits of one map need no search.
    places: HashMap<String, usize>,
    known: usize,
}

impl Entries {
    pub(super) fn push(&mut self, name: Name, value: New) {
        self.list.push((name, value));
    }

    fn remove(&mut self, at: usize) {
        self.list.remove(at);
        self.places.clear();
        self.known = 0;
    }

    /// The place of a key.
    pub(super) fn place(&mut self, stream: &Stream, key: &str) -> Option<usize> {
        let mut list = self.list.iter();
        if list.len() <= FEW {
            return list.position(|(name, _)| name.text(stream) == key);
        }
        for (name, _) in list.skip(self.known) {
            let place = self.places.entry(name.text(stream).into_owned());
            place.or_insert(self.known);
            self.known += 1;
        }
        self.places.get(key).copied()
    }

    /// Removes the entry at a place, or changes something below it.
    pub(super) fn change(
        &mut self,
        at: usize,
        stream: &Stream,
        rest: &[Token<'_>],
        value: Option<New>,
    ) -> Outcome {
        if rest.is_empty() && value.is_none() {
            self.remove(at);
            return Outcome::Done;
        }
        self.list[at].1.change(stream, rest, value)
    }
}

impl From<Vec<(Name, New)>> for Entries {
    fn from(list: Vec<(Name, New)>) -> Entries {
        Entries {
            list,
            ..Entries::default()
        }
    }
}

impl Deref for Entries {
    type Target = [(Name, New)];

    fn deref(&self) -> &[(Name, New)] {
        &self.list
    }
}

impl IntoIterator for Entries {
    type Item = (Name, New);
    type IntoIter = std::vec::IntoIter<(Name, New)>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

/// The key of a new entry.
#[derive(Clone, Debug)]
pub(super) enum Name {
    Text(String),
    Copy(u32),
}

impl Name {
    pub(super) fn text<'a>(&'a self, stream: &'a Stream) -> Cow<'a, str> {
        match self {
            Name::Text(text) => Cow::Borrowed(text),
            Name::Copy(id) => stream.node(NodeId(*id)).text().unwrap_or_default(),
        }
    }
}

impl From<Value> for New {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => New::Null,
            Value::Bool(value) => New::Bool(value),
            Value::Number(number) => New::Number(number.to_string()),
            Value::String(text) => New::Text {
                text,
                quoted: false,
            },
            Value::Quoted(text) => New::Text { text, quoted: true },
            Value::Sequence(items) => New::Sequence(items.into_iter().map(New::from).collect()),
            Value::Mapping(mut entries) => {
                // Of equal keys the last one counts, so earlier ones are not written.
                if has_twins(&entries) {
                    let mut seen = HashSet::new();
                    entries.reverse();
                    entries.retain(|(key, _)| seen.insert(key.clone()));
                    entries.reverse();
                }
                let entries = entries.into_iter();
                let map = entries.map(|(key, value)| (Name::Text(key), value.into()));
                New::Map(map.collect::<Vec<_>>().into())
            }
        }
    }
}

/// Whether two entries have the same key.
fn has_twins(entries: &[(String, Value)]) -> bool {
    if entries.len() > FEW {
        let keys: HashSet<&String> = entries.iter().map(|(key, _)| key).collect();
        return keys.len() < entries.len();
    }
    let mut keys = entries.iter().enumerate();
    keys.any(|(at, (key, _))| entries[at + 1..].iter().any(|(later, _)| later == key))
}

/// What came of a change inside a [`New`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// There was nothing to remove.
    Nothing,
    /// The way leads through a scalar or to an index that is not there.
    NoPlace,
    /// What should be removed is, or would then be, merged in by `<<`.
    Merged,
}

impl New {
    /// The value with its missing parents, for the tokens that lead to it.
    pub(super) fn nested(tokens: &[Token<'_>], value: New) -> New {
        tokens
            .iter()
            .rev()
            .fold(value, |value, token| match token.decoded().as_ref() {
                "-" => New::Sequence(Vec::from([value])),
                key => New::Map(Vec::from([(Name::Text(key.to_string()), value)]).into()),
            })
    }

    /// Copies the value of `node` with aliases expanded. `None`: too large, or a key is not a scalar.
    pub(super) fn copy(node: Node<'_>) -> Option<New> {
        let mut budget = MAX_COPY;
        copy(node, &mut budget, 0)
    }

    /// Sets (`Some`) or removes (`None`) what `tokens` lead to.
    pub(super) fn change(
        &mut self,
        stream: &Stream,
        tokens: &[Token<'_>],
        value: Option<New>,
    ) -> Outcome {
        let Some((token, rest)) = tokens.split_first() else {
            return match value {
                Some(value) => {
                    *self = value;
                    Outcome::Done
                }
                None => Outcome::Nothing,
            };
        };
        if self.is_null(stream) && value.is_some() {
            let empty_sequence = token.decoded() == "-";
            *self = if empty_sequence {
                New::Sequence(Vec::new())
            } else {
                New::Map(Entries::default())
            };
        }
        match self {
            New::Map(entries) => change_map(entries, stream, token, rest, value),
            New::Sequence(items) => change_sequence(items, stream, token, rest, value),
            _ if value.is_none() => Outcome::Nothing,
            _ => Outcome::NoPlace,
        }
    }

    fn is_null(&self, stream: &Stream) -> bool {
        match self {
            New::Null => true,
            New::Copy(id) => stream.node(NodeId(*id)).is_null(),
            _ => false,
        }
    }
}

fn change_map(
    entries: &mut Entries,
    stream: &Stream,
    token: &Token<'_>,
    rest: &[Token<'_>],
    value: Option<New>,
) -> Outcome {
    let key = token.decoded();
    let place = entries.place(stream, &key);
    let removes = rest.is_empty() && value.is_none();
    if removes && merged(entries, stream, &key).is_some() {
        return Outcome::Merged;
    }
    match (place, value) {
        (Some(at), value) => entries.change(at, stream, rest, value),
        (None, value) => {
            // A value that is only merged in is copied before something below it changes.
            let merged = if rest.is_empty() {
                None
            } else {
                merged(entries, stream, &key)
            };
            match (merged, value) {
                (Some(mut copy), value) => {
                    let outcome = copy.change(stream, rest, value);
                    if outcome == Outcome::Done {
                        entries.push(Name::Text(key.into_owned()), copy);
                    }
                    outcome
                }
                (None, Some(value)) => {
                    entries.push(Name::Text(key.into_owned()), New::nested(rest, value));
                    Outcome::Done
                }
                (None, None) => Outcome::Nothing,
            }
        }
    }
}

/// The value of `key` in the maps that a plain `<<` merges.
fn merged(entries: &[(Name, New)], stream: &Stream, key: &str) -> Option<New> {
    let is_merge = |name: &Name| match name {
        Name::Copy(id) => stream.tree.at(*id).kind == Kind::Plain && name.text(stream) == "<<",
        Name::Text(_) => false,
    };
    let find = |map: &New| match map {
        New::Map(entries) => entries
            .iter()
            .find(|(name, _)| name.text(stream) == key)
            .map(|(_, value)| value.clone()),
        _ => None,
    };
    match entries.iter().find(|(name, _)| is_merge(name))? {
        (_, New::Sequence(maps)) => maps.iter().find_map(find),
        (_, map) => find(map),
    }
}

fn change_sequence(
    items: &mut Vec<New>,
    stream: &Stream,
    token: &Token<'_>,
    rest: &[Token<'_>],
    value: Option<New>,
) -> Outcome {
    let token = token.decoded();
    match (index(&token).filter(|at| *at < items.len()), value) {
        (Some(at), None) if rest.is_empty() => {
            items.remove(at);
            Outcome::Done
        }
        (Some(at), value) => items[at].change(stream, rest, value),
        (None, Some(value)) if token == "-" => {
            items.push(New::nested(rest, value));
            Outcome::Done
        }
        (None, Some(_)) => Outcome::NoPlace,
        (None, None) => Outcome::Nothing,
    }
}

fn copy(node: Node<'_>, budget: &mut usize, level: usize) -> Option<New> {
    *budget = budget.checked_sub(1)?;
    if level > super::super::full::MAX_DEPTH {
        return None;
    }
    let node = node.alias_target();
    let collection = node.kind().is_collection();
    if collection && node.tag().is_some() {
        return None; // the copy would lose it
    }
    if node.is_sequence() {
        return node
            .items()
            .map(|item| copy(item, budget, level + 1))
            .collect::<Option<_>>()
            .map(New::Sequence);
    }
    if !collection {
        return Some(New::Copy(node.id().0));
    }
    let mut map = Vec::new();
    for (key, value) in node.local_entries() {
        let plain_key = key.is_scalar() && key.kind() != Kind::Alias && key.kind() != Kind::Empty;
        if !plain_key {
            return None;
        }
        map.push((Name::Copy(key.id().0), copy(value, budget, level + 1)?));
    }
    Some(New::Map(map.into()))
}
