//! Reading: a node is a handle, its answers come from the text.

mod pick;
mod values;

pub use pick::{Keys, Table};

use super::scalar::{self, Scalar};
use super::tree::{Data, KEY, Kind, NodeId, PROPS};
use super::wide::FEW;
use super::{Position, Stream};
use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

/// One node of a document: a scalar, a map, a sequence or an alias of another node.
///
/// Questions about content (`is_map`, `get`, `items`, `text` …) are answered for the node an alias
/// stands for; questions about the place (`kind`, `span`, `raw`) for the alias itself.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    stream: &'a Stream,
    id: u32,
}

impl<'a> Node<'a> {
    pub(super) fn new(stream: &'a Stream, id: u32) -> Self {
        Node { stream, id }
    }

    #[inline]
    fn data(self) -> &'a Data {
        self.stream.tree.at(self.id)
    }

    /// The name of this node in its stream.
    #[must_use]
    pub fn id(self) -> NodeId {
        NodeId(self.id)
    }

    /// The stream this node is part of.
    #[must_use]
    pub fn stream(self) -> &'a Stream {
        self.stream
    }

    /// How the node is written.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.data().kind
    }

    /// Bytes of the node without its anchor and tag: a scalar with its quotes, a block scalar from
    /// its `|` to the end of its last line, a block collection from its first key or dash to the
    /// end of its last value.
    #[must_use]
    pub fn span(self) -> Range<usize> {
        self.stream.tree.range(self.id)
    }

    /// Where the node begins.
    #[must_use]
    pub fn position(self) -> Position {
        self.stream.position(self.span().start)
    }

    /// The top node of the document.
    #[must_use]
    pub fn root(self) -> Node<'a> {
        let documents = &self.stream.tree.documents;
        let at = documents.partition_point(|document| document.root <= self.id);
        let document = at.checked_sub(1).and_then(|at| documents.get(at));
        let id = document.map_or(self.id, |document| document.root);
        Node { id, ..self }
    }

    /// The bytes of [`Node::span`].
    #[must_use]
    #[inline]
    pub fn raw(self) -> &'a str {
        &self.stream.text[self.span()]
    }

    /// The node this one stands for: itself, unless it is an alias.
    #[must_use]
    #[inline]
    pub fn alias_target(self) -> Node<'a> {
        Node {
            stream: self.stream,
            id: self.stream.tree.target(self.id),
        }
    }

    pub(super) fn has_properties(self) -> bool {
        self.data().has(PROPS)
    }

    /// The tag as written (`!!str`, `!Ref`), if there is one.
    #[must_use]
    pub fn tag(self) -> Option<&'a str> {
        let props = self.stream.tree.props(self.id)?;
        let range = props.tag.start as usize..props.tag.end as usize;
        (!range.is_empty()).then(|| &self.stream.text[range])
    }

    /// The anchor's name without its `&`, if there is one.
    #[must_use]
    pub fn anchor(self) -> Option<&'a str> {
        let props = self.stream.tree.props(self.id)?;
        let range = props.anchor.start as usize..props.anchor.end as usize;
        (!range.is_empty()).then(|| &self.stream.text[range.start + 1..range.end])
    }

    /// Is this a map?
    #[must_use]
    pub fn is_map(self) -> bool {
        self.alias_target().kind().is_map()
    }

    /// Is this a sequence?
    #[must_use]
    pub fn is_sequence(self) -> bool {
        self.alias_target().kind().is_sequence()
    }

    /// Is this a scalar, null included?
    #[must_use]
    pub fn is_scalar(self) -> bool {
        self.alias_target().kind().is_scalar()
    }

    /// Is this null for both kinds of readers: nothing, `~`, `null`, `Null` or `NULL`?
    #[must_use]
    pub fn is_null(self) -> bool {
        let data = self.data();
        if data.kind != Kind::Alias && !data.has(PROPS) {
            // The words for null have so many characters.
            return match data.kind {
                Kind::Empty => true,
                Kind::Plain if matches!(data.range().len(), 0 | 1 | 4) => {
                    scalar::is_null(self.raw())
                }
                _ => false,
            };
        }
        let node = self.alias_target();
        match node.kind() {
            Kind::Empty | Kind::Plain if node.tag().is_none() => scalar::is_null(node.raw()),
            _ => node.tag().is_some() && node.scalar() == Some(Scalar::Null),
        }
    }

    /// The value of a key: written in this map, or else merged into it by a plain `<<`.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Node<'a>> {
        // The aliases of a text are limited, and with them the merged maps and how deep they nest.
        match self.find_local(key) {
            Some((_, value)) => Some(value.alias_target()),
            None if !self.stream.may_merge() => None,
            None => self.get_merged(key),
        }
    }

    #[inline(never)]
    fn get_merged(self, key: &str) -> Option<Node<'a>> {
        self.merged_maps().find_map(|map| map.get(key))
    }

    /// The maps that a plain `<<` merges into this map, the first one over the next.
    fn merged_maps(self) -> impl Iterator<Item = Node<'a>> {
        let merge = self.merge().map(Node::alias_target);
        let (list, map) = match merge {
            Some(list) if list.is_sequence() => (Some(list), None),
            map => (None, map),
        };
        list.into_iter().flat_map(Node::items).chain(map)
    }

    /// The entries that `<<` merges into this map, also those that the map has itself.
    pub(super) fn merged_by_all(self) -> Vec<(Node<'a>, Node<'a>)> {
        let mut merged = Vec::new();
        self.collect_merged(&mut HashSet::new(), &mut merged);
        merged
    }

    fn collect_merged(
        self,
        seen: &mut HashSet<Cow<'a, str>>,
        merged: &mut Vec<(Node<'a>, Node<'a>)>,
    ) {
        for map in self.merged_maps() {
            for (key, value) in map.local_entries().filter(|(key, _)| !key.merges()) {
                if seen.insert(key.text().unwrap_or_default()) {
                    merged.push((key, value));
                }
            }
            map.collect_merged(seen, merged);
        }
    }

    /// What a plain `<<` of this map merges into it.
    pub(super) fn merge(self) -> Option<Node<'a>> {
        if !self.stream.may_merge() {
            return None;
        }
        let (_, value) = self.find_entry("<<", Node::merges)?;
        Some(value)
    }

    /// Is this key a `<<` that merges? In quotes or with another tag it is a key like others.
    #[inline]
    pub(super) fn merges(self) -> bool {
        let data = self.data();
        data.kind == Kind::Plain
            && data.range().len() == 2
            && self.raw() == "<<"
            && self.tag().is_none_or(|tag| core_tag(tag) == Some("merge"))
    }

    /// The value of a key written in this very map.
    #[must_use]
    pub fn get_local(self, key: &str) -> Option<Node<'a>> {
        self.find_local(key).map(|(_, value)| value.alias_target())
    }

    /// The value below a path of keys; none where it is absent or null, which Kubernetes does not
    /// tell apart.
    #[must_use]
    #[inline]
    pub fn at<'k>(self, keys: impl IntoIterator<Item = &'k str>) -> Option<Node<'a>> {
        let mut keys = keys.into_iter();
        let node = keys.try_fold(self, Node::get)?;
        (!node.is_null()).then_some(node)
    }

    /// The items of the list at a path of keys; nothing where there is none.
    ///
    /// The keys are an array so that the iterator does not borrow them.
    #[inline]
    pub fn items_at<const N: usize>(
        self,
        keys: [&str; N],
    ) -> impl Iterator<Item = Node<'a>> + use<'a, N> {
        self.at(keys).into_iter().flat_map(Node::items)
    }

    /// The entries of the map at a path of keys, as [`Node::entries`]; nothing where there is none.
    #[inline]
    pub fn entries_at<const N: usize>(
        self,
        keys: [&str; N],
    ) -> impl Iterator<Item = (Node<'a>, Node<'a>)> + use<'a, N> {
        self.at(keys).into_iter().flat_map(Node::entries)
    }

    /// The content of the scalar at a path of keys, whatever its type; none where it is absent or
    /// null.
    #[must_use]
    #[inline]
    pub fn text_at<'k>(self, keys: impl IntoIterator<Item = &'k str>) -> Option<Cow<'a, str>> {
        self.at(keys)?.text()
    }

    /// The boolean at a path of keys, as [`Node::bool`].
    #[must_use]
    #[inline]
    pub fn bool_at<'k>(self, keys: impl IntoIterator<Item = &'k str>) -> Option<bool> {
        self.at(keys)?.bool()
    }

    /// The whole number at a path of keys, as [`Node::int`].
    #[must_use]
    #[inline]
    pub fn int_at<'k, T: TryFrom<i128>>(
        self,
        keys: impl IntoIterator<Item = &'k str>,
    ) -> Option<T> {
        self.at(keys)?.int()
    }

    /// Key and value node of a local entry; the value may be an alias.
    #[inline]
    pub(super) fn find_local(self, key: &str) -> Option<(Node<'a>, Node<'a>)> {
        let map = match self.data().kind {
            Kind::Alias => self.alias_target(),
            _ => self,
        };
        let stream = self.stream;
        let (id, value) = stream.find_key(map.id, key)?;
        let node = |id| Node { stream, id };
        Some((node(id), node(value)))
    }

    /// A plain key on one line, and what tells it from most others.
    #[inline]
    pub(crate) fn digested(self) -> Option<(u16, &'a [u8])> {
        let data = self.data();
        let key = || &self.stream.text.as_bytes()[data.range()];
        data.has(KEY).then(|| (data.digest(), key()))
    }

    /// Whether this is the key. Most keys differ in their digests.
    #[inline(never)]
    pub(super) fn is_written_as(self, key: &str) -> bool {
        match self.data().has(KEY) {
            true => self.raw() == key,
            false => self.is_key(key),
        }
    }

    /// The first local entry with a key that is `key` and meets a condition.
    #[inline]
    fn find_entry(self, key: &str, is: impl Fn(Node<'a>) -> bool) -> Option<(Node<'a>, Node<'a>)> {
        let map = self.alias_target();
        let node = |id| Node {
            stream: self.stream,
            id,
        };
        let mut entries = self.stream.tree.entries(map.id);
        for (id, value) in entries.by_ref().take(FEW) {
            if is(node(id)) {
                return Some((node(id), node(value)));
            }
        }
        entries.next()?;
        let mut keys = self.stream.wide().keys(map.id, key);
        let id = keys.find(|id| is(node(*id)))?;
        Some((node(id), node(self.stream.tree.end_of_subtree(id))))
    }

    /// Is the content of this scalar `key`? Compares source bytes where they are the content.
    fn is_key(self, key: &str) -> bool {
        let data = self.data();
        if data.kind == Kind::Plain {
            // Only a text of several lines differs from its content, which is never longer.
            let raw = &self.stream.text.as_bytes()[data.range()];
            return raw.len() >= key.len()
                && (raw == key.as_bytes()
                    || memchr::memchr2(b'\n', b'\r', raw).is_some()
                        && self.text().is_some_and(|text| text == key));
        }
        let raw = self.raw();
        match data.kind {
            Kind::Empty => raw == key,
            Kind::Single | Kind::Double => {
                let body = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
                let verbatim = !body.contains(['\\', '\'', '\n']);
                if verbatim {
                    body == key
                } else {
                    self.text().is_some_and(|text| text == key)
                }
            }
            _ => self.text().is_some_and(|text| text == key),
        }
    }

    /// Keys and values of this map, aliases followed in values; nothing for others. Merged entries come last.
    #[inline]
    pub fn entries(self) -> Entries<'a> {
        let mut entries = self.local_entries();
        if self.stream.may_merge() && self.merge().is_some() {
            entries.merged = Some(Box::new(self.merged_by_others().into_iter()));
        }
        entries
    }

    /// The entries that `<<` merges into this map, without those that the map has itself.
    fn merged_by_others(self) -> Vec<(Node<'a>, Node<'a>)> {
        let own = self.local_entries().filter_map(|(key, _)| key.text());
        let mut merged = Vec::new();
        self.collect_merged(&mut own.collect(), &mut merged);
        merged
    }

    /// Keys and values as written in this map. Merged entries are not among them, a `<<` itself is.
    #[inline]
    pub fn local_entries(self) -> Entries<'a> {
        let stream = self.stream;
        Entries {
            stream,
            own: stream.tree.entries(self.alias_target().id),
            merged: None,
        }
    }

    /// The items of a sequence, aliases followed; nothing for others.
    pub fn items(self) -> impl Iterator<Item = Node<'a>> {
        let stream = self.stream;
        let id = self.alias_target().id;
        let is_sequence = stream.tree.at(id).kind.is_sequence();
        let children = is_sequence.then(|| stream.tree.children(id));
        children
            .into_iter()
            .flatten()
            .map(move |id| Node { stream, id }.alias_target())
    }

    /// The item of a sequence at an index, aliases followed.
    #[must_use]
    pub fn item(self, index: usize) -> Option<Node<'a>> {
        let (stream, node) = (self.stream, self.alias_target());
        let id = stream
            .item(node.id, index)
            .filter(|_| node.kind().is_sequence())?;
        Some(Node { stream, id }.alias_target())
    }

    /// Whether it is a collection without children.
    #[must_use]
    pub fn is_empty_collection(self) -> bool {
        let node = self.alias_target();
        node.kind().is_collection() && !node.stream.tree.has_children(node.id)
    }

    /// Number of written entries or items; 0 for scalars.
    #[must_use]
    #[allow(
        clippy::len_without_is_empty,
        reason = "a scalar has no emptiness to ask for"
    )]
    pub fn len(self) -> usize {
        let id = self.alias_target().id;
        let children = self.stream.tree.children(id).count();
        if self.stream.tree.at(id).kind.is_map() {
            children / 2
        } else {
            children
        }
    }

    /// The node a JSON pointer (RFC 6901) leads to from here; an index for a sequence, a key for a
    /// map, merged keys included.
    #[must_use]
    pub fn pointer(self, pointer: &jsonptr::Pointer) -> Option<Node<'a>> {
        pointer
            .tokens()
            .try_fold(self.alias_target(), |node, token| {
                let token = token.decoded();
                if node.is_sequence() {
                    index(&token).and_then(|index| node.item(index))
                } else {
                    node.get(&token)
                }
            })
    }
}

/// The entries of a map: see [`Node::entries`].
pub struct Entries<'a> {
    stream: &'a Stream,
    own: super::tree::Entries<'a>,
    /// The entries that a `<<` merges into the map; the `<<` itself is then no entry.
    merged: Option<Box<std::vec::IntoIter<(Node<'a>, Node<'a>)>>>,
}

impl<'a> Iterator for Entries<'a> {
    type Item = (Node<'a>, Node<'a>);

    #[inline]
    fn next(&mut self) -> Option<(Node<'a>, Node<'a>)> {
        let stream = self.stream;
        let node = |id| Node { stream, id };
        for (key, value) in self.own.by_ref() {
            if self.merged.is_none() || !node(key).merges() {
                return Some((node(key), node(value).alias_target()));
            }
        }
        self.merged.as_mut()?.next()
    }
}

/// The name of a tag of YAML's own, in either way of writing it.
pub(super) fn core_tag(tag: &str) -> Option<&str> {
    tag.strip_prefix("!!")
        .or_else(|| tag.strip_prefix("!<tag:yaml.org,2002:")?.strip_suffix('>'))
}

/// A sequence index as RFC 6901 writes it: no sign, no leading zero.
pub(super) fn index(token: &str) -> Option<usize> {
    let well_formed = token == "0" || !token.starts_with('0');
    if well_formed && token.bytes().all(|c| c.is_ascii_digit()) {
        token.parse().ok()
    } else {
        None
    }
}
