//! Values that are not in the text yet: what edits set, and copies that aliases are replaced by.

use super::super::tree::Kind;
use super::super::{Node, NodeId, Stream, Value, node::index};
use super::patch::Listed;
use crate::yaml::pointer::{Token, tokens};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Deref;

/// Most nodes that are copied when one alias is written out.
const MAX_COPY: usize = 10_000;

/// A value to be written; what edits set is borrowed from them.
#[derive(Clone, Debug)]
pub(super) enum New<'e> {
    Null,
    Bool(bool),
    /// A number by its text, since `1.0` and `1` are written differently.
    Number(String),
    Text {
        text: &'e str,
        quoted: bool,
    },
    /// A scalar of the source, written again with its quotes and tag.
    Copy(u32),
    Map(Entries<'e>),
    Sequence(Vec<New<'e>>),
}

/// So many entries are compared rather than hashed.
const FEW: usize = 16;

/// The entries of a map to be written.
#[derive(Clone, Debug, Default)]
pub(super) struct Entries<'e> {
    list: Vec<(Name<'e>, New<'e>)>,
    /// The places of the first of them by key, so that many edits of one map need no search.
    #[allow(
        clippy::box_collection,
        reason = "there are many entries, and few need it"
    )]
    places: Option<Box<HashMap<String, usize>>>,
    known: u32,
}

impl<'e> Entries<'e> {
    pub(super) fn push(&mut self, name: Name<'e>, value: New<'e>) {
        self.list.push((name, value));
    }

    fn remove(&mut self, at: usize) {
        self.list.remove(at);
        self.places = None;
        self.known = 0;
    }

    /// Sets what edits list, in their order; whether all of it has a place.
    pub(super) fn set(&mut self, stream: &Stream, listed: &[Listed<'e>]) -> bool {
        listed.iter().all(|(pointer, value)| {
            let all: Vec<Token<'e>> = tokens(pointer, 0).collect();
            let Some((token, rest)) = all.split_first() else {
                return false;
            };
            let value = New::from(*value);
            match self.place(stream, &token.key) {
                Some(at) => self.change(at, stream, rest, Some(value)) == Outcome::Done,
                None => {
                    self.push(Name::Text(token.key.clone()), New::nested(rest, value));
                    true
                }
            }
        })
    }

    /// The place of a key.
    pub(super) fn place(&mut self, stream: &Stream, key: &str) -> Option<usize> {
        let mut list = self.list.iter();
        if list.len() <= FEW {
            return list.position(|(name, _)| name.text(stream) == key);
        }
        let places = self.places.get_or_insert_default();
        for (name, _) in list.skip(self.known as usize) {
            let place = places.entry(name.text(stream).into_owned());
            place.or_insert(self.known as usize);
            self.known += 1;
        }
        places.get(key).copied()
    }

    /// Removes the entry at a place, or changes something below it.
    pub(super) fn change(
        &mut self,
        at: usize,
        stream: &Stream,
        rest: &[Token<'e>],
        value: Option<New<'e>>,
    ) -> Outcome {
        if rest.is_empty() && value.is_none() {
            self.remove(at);
            return Outcome::Done;
        }
        self.list[at].1.change(stream, rest, value)
    }
}

impl<'e> From<Vec<(Name<'e>, New<'e>)>> for Entries<'e> {
    fn from(list: Vec<(Name<'e>, New<'e>)>) -> Entries<'e> {
        Entries {
            list,
            ..Entries::default()
        }
    }
}

impl<'e> Deref for Entries<'e> {
    type Target = [(Name<'e>, New<'e>)];

    fn deref(&self) -> &[(Name<'e>, New<'e>)] {
        &self.list
    }
}

impl<'e> IntoIterator for Entries<'e> {
    type Item = (Name<'e>, New<'e>);
    type IntoIter = std::vec::IntoIter<(Name<'e>, New<'e>)>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

/// The key of a new entry.
#[derive(Clone, Debug)]
pub(super) enum Name<'e> {
    Text(Cow<'e, str>),
    Copy(u32),
}

impl Name<'_> {
    pub(super) fn text<'a>(&'a self, stream: &'a Stream) -> Cow<'a, str> {
        match self {
            Name::Text(text) => Cow::Borrowed(text),
            Name::Copy(id) => stream.node(NodeId(*id)).text().unwrap_or_default(),
        }
    }
}

impl<'e> From<&'e Value> for New<'e> {
    fn from(value: &'e Value) -> Self {
        match value {
            Value::Null => New::Null,
            Value::Bool(value) => New::Bool(*value),
            Value::Number(number) => New::Number(number.to_string()),
            Value::String(text) => New::Text {
                text,
                quoted: false,
            },
            Value::Quoted(text) => New::Text { text, quoted: true },
            Value::Sequence(items) => New::Sequence(items.iter().map(New::from).collect()),
            Value::Mapping(entries) => {
                let mut list: Vec<&(String, Value)> = entries.iter().collect();
                // Of equal keys the last one counts, so earlier ones are not written.
                if has_twins(entries) {
                    let mut seen = HashSet::new();
                    list.reverse();
                    list.retain(|(key, _)| seen.insert(key));
                    list.reverse();
                }
                let list = list.into_iter();
                let map = list.map(|(key, value)| (Name::Text(Cow::Borrowed(key)), value.into()));
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

impl<'e> New<'e> {
    /// The value with its missing parents, for the tokens that lead to it.
    pub(super) fn nested(tokens: &[Token<'e>], value: New<'e>) -> New<'e> {
        let around = |value, token: &Token<'e>| match token.key.as_ref() {
            "-" => New::Sequence(Vec::from([value])),
            _ => New::Map(Vec::from([(Name::Text(token.key.clone()), value)]).into()),
        };
        tokens.iter().rev().fold(value, around)
    }

    /// Copies the value of `node` with aliases expanded. `None`: too large, or a key is not a scalar.
    pub(super) fn copy(node: Node<'_>) -> Option<New<'e>> {
        let mut budget = MAX_COPY;
        copy(node, &mut budget, 0)
    }

    /// Sets (`Some`) or removes (`None`) what `tokens` lead to.
    pub(super) fn change(
        &mut self,
        stream: &Stream,
        tokens: &[Token<'e>],
        value: Option<New<'e>>,
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
            let empty_sequence = token.key == "-";
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

fn change_map<'e>(
    entries: &mut Entries<'e>,
    stream: &Stream,
    token: &Token<'e>,
    rest: &[Token<'e>],
    value: Option<New<'e>>,
) -> Outcome {
    let key = &token.key;
    let place = entries.place(stream, key);
    let removes = rest.is_empty() && value.is_none();
    if removes && merged(entries, stream, key).is_some() {
        return Outcome::Merged;
    }
    match (place, value) {
        (Some(at), value) => entries.change(at, stream, rest, value),
        (None, value) => {
            // A value that is only merged in is copied before something below it changes.
            let merged = if rest.is_empty() {
                None
            } else {
                merged(entries, stream, key)
            };
            match (merged, value) {
                (Some(mut copy), value) => {
                    let outcome = copy.change(stream, rest, value);
                    if outcome == Outcome::Done {
                        entries.push(Name::Text(key.clone()), copy);
                    }
                    outcome
                }
                (None, Some(value)) => {
                    entries.push(Name::Text(key.clone()), New::nested(rest, value));
                    Outcome::Done
                }
                (None, None) => Outcome::Nothing,
            }
        }
    }
}

/// The value of `key` in the maps that a plain `<<` merges.
fn merged<'e>(entries: &[(Name<'e>, New<'e>)], stream: &Stream, key: &str) -> Option<New<'e>> {
    let is_merge = |name: &Name<'_>| match name {
        Name::Copy(id) => stream.tree.at(*id).kind == Kind::Plain && name.text(stream) == "<<",
        Name::Text(_) => false,
    };
    let find = |map: &New<'e>| match map {
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

fn change_sequence<'e>(
    items: &mut Vec<New<'e>>,
    stream: &Stream,
    token: &Token<'e>,
    rest: &[Token<'e>],
    value: Option<New<'e>>,
) -> Outcome {
    let token = &token.key;
    match (index(token).filter(|at| *at < items.len()), value) {
        (Some(at), None) if rest.is_empty() => {
            items.remove(at);
            Outcome::Done
        }
        (Some(at), value) => items[at].change(stream, rest, value),
        (None, Some(value)) if *token == "-" => {
            items.push(New::nested(rest, value));
            Outcome::Done
        }
        (None, Some(_)) => Outcome::NoPlace,
        (None, None) => Outcome::Nothing,
    }
}

fn copy<'e>(node: Node<'_>, budget: &mut usize, level: usize) -> Option<New<'e>> {
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
