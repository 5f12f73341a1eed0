//! The arena: every node of every document, as byte ranges of one text.
//!
//! A node is 16 bytes and owns no text, so a tree costs little more than the scan that made it
//! and an untouched byte can never be written differently from how it was read. Offsets are `u32`;
//! texts above 4 GiB are refused before a tree is built.
//!
//! Nodes are numbered in the order of the text. So the first child of a collection follows it, and the next sibling of a
//! node follows all that is below the node: no links are stored.

pub use super::kind::Kind;
use std::ops::Range;

/// The name of a node inside its [`Stream`](super::Stream); valid for that stream only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(super) u32);

/// "No node" in the links below.
pub(super) const NONE: u32 = u32::MAX;

/// The map holds something the editor does not write next to: an explicit `? ` key, a key without
/// a colon, or a pair without braces.
pub(super) const ODD: u8 = 1;

/// The scalar is a plain key on one line, with a [`digest`].
pub(super) const KEY: u8 = 4;

/// The node has an anchor or a tag.
pub(super) const PROPS: u8 = 8;

/// What tells most keys apart, with few instructions: the length and three characters.
#[inline(always)]
pub(crate) const fn digest(key: &[u8]) -> u16 {
    match key {
        [] => 0,
        [first, ..] => {
            let (middle, last) = (key[key.len() / 2], key[key.len() - 1]);
            let all = u32::from_le_bytes([key.len() as u8, *first, middle, last]);
            (all.wrapping_mul(0x9e37_79b1) >> 16) as u16
        }
    }
}

/// What tells most maps without a key from those with it: one bit of 16.
#[inline(always)]
fn bit(digest: u16) -> u16 {
    1 << (digest >> 10 & 15)
}

/// The [`bit`]s of keys, from one bit of 64 for each.
#[inline(always)]
pub(super) fn bits(seen: u64) -> u16 {
    let half = seen | seen >> 32;
    (half | half >> 16) as u16
}

/// Which of eight bytes is this one: the lowest set bit is the highest of the first such byte; 0 without one.
#[inline(always)]
fn any_of(eight: u64, byte: u8) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let bytes = eight ^ (ONES * u64::from(byte));
    bytes.wrapping_sub(ONES) & !bytes & HIGH
}

/// The same for one of three bytes.
#[inline(always)]
fn any_of_three(eight: u64, a: u8, b: u8, c: u8) -> u64 {
    any_of(eight, a) | any_of(eight, b) | any_of(eight, c)
}

/// Where a byte is in a text that is short: `memchr` is a call through a pointer.
#[inline]
pub(super) fn first(text: &[u8], byte: u8) -> Option<usize> {
    let within = |eight: &[u8; 8]| {
        let found = any_of(u64::from_le_bytes(*eight), byte);
        (found != 0).then(|| found.trailing_zeros() as usize / 8)
    };
    let words = text.as_chunks::<8>().0;
    for (number, eight) in words.iter().enumerate() {
        if let Some(at) = within(eight) {
            return Some(8 * number + at);
        }
    }
    // The last word overlaps the one before.
    match text.last_chunk::<8>() {
        Some(eight) => within(eight).map(|at| text.len() - 8 + at),
        None => text.iter().position(|it| *it == byte),
    }
}

/// Whether one of three bytes is in a text, most of which are short.
#[inline]
pub(super) fn has_any(text: &[u8], a: u8, b: u8, c: u8) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    let mut words = words.iter().map(|word| u64::from_le_bytes(*word));
    words.any(|word| any_of_three(word, a, b, c) != 0)
        || rest.iter().any(|it| *it == a || *it == b || *it == c)
}

/// Whether two texts are the same. Most are short, and musl's `memcmp` compares byte by byte.
#[inline]
pub(crate) fn are_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    // The last word overlaps the one before, so that no bytes are left over.
    let (words_a, words_b) = (a.as_chunks::<8>().0, b.as_chunks::<8>().0);
    if let (Some(last_a), Some(last_b)) = (a.last_chunk::<8>(), b.last_chunk::<8>()) {
        let mut words = words_a.iter().zip(words_b);
        return last_a == last_b && words.all(|(a, b)| a == b);
    }
    if let (Some(first_a), Some(first_b)) = (a.first_chunk::<4>(), b.first_chunk::<4>()) {
        return first_a == first_b && a.last_chunk::<4>() == b.last_chunk::<4>();
    }
    a.iter().zip(b).all(|(a, b)| a == b)
}

/// One node. In a map the children alternate key, value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Data {
    pub(super) start: u32,
    /// Where the node ends in the text. Of a block collection, the number behind the last node below it.
    bound: u32,
    pub(super) parent: u32,
    pub(super) kind: Kind,
    pub(super) flags: u8,
    /// Of a key with the flag [`KEY`], its digest. Of a block map, the [`bit`]s of its keys, or 0 where they are not known.
    /// Of a flow collection, how many nodes it is with all below it, or 0 where these are too many.
    extra: u16,
}

const _: () = assert!(size_of::<Data>() == 16);

impl Data {
    /// The bytes of a scalar, an alias or a flow collection: see [`Tree::range`].
    #[inline]
    pub(super) fn range(&self) -> Range<usize> {
        debug_assert!(!self.kind.is_block_collection());
        self.start as usize..self.bound as usize
    }

    /// The end of a scalar, an alias or a flow collection: see [`Tree::end`].
    #[inline]
    pub(super) fn end(&self) -> usize {
        self.range().end
    }

    /// The digest of a key with the flag [`KEY`].
    #[inline]
    pub(super) fn digest(&self) -> u16 {
        self.extra
    }

    /// Whether no key of this map has this digest. If not, one may.
    #[inline]
    pub(super) fn lacks(&self, digest: u16) -> bool {
        self.kind == Kind::BlockMap && self.extra != 0 && self.extra & bit(digest) == 0
    }

    #[inline]
    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Anchor and tag of a node; empty ranges where there is none. Rare, so not in [`Data`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Props {
    pub(super) anchor: Range<u32>,
    pub(super) tag: Range<u32>,
}

impl Props {
    /// First byte of the properties; at least one of the two is always there.
    pub(super) fn start(&self) -> u32 {
        match (self.anchor.is_empty(), self.tag.is_empty()) {
            (true, _) => self.tag.start,
            (_, true) => self.anchor.start,
            _ => self.anchor.start.min(self.tag.start),
        }
    }

    pub(super) fn end(&self) -> u32 {
        self.anchor.end.max(self.tag.end)
    }
}

/// One document. Spans of documents tile the text; see `split` for chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DocumentData {
    pub(super) start: u32,
    pub(super) root: u32,
    /// Which chunk of the text it was parsed with.
    pub(super) chunk: u32,
    /// Read by the byte-level parser.
    pub(super) fast: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Data>,
    /// The flow collections with very many nodes, and the number behind the last of them, in text order.
    large: Vec<(u32, u32)>,
    /// The maps with keys that the parser cannot tell to be different strings.
    pub(super) unsure: Vec<u32>,
    /// Anchors and tags with their nodes, in text order.
    pub(super) props: Vec<(u32, Props)>,
    /// All aliases with what they stand for, in text order.
    pub(super) aliases: Vec<(u32, u32)>,
    pub(super) documents: Vec<DocumentData>,
}

/// Lengths to go back to when a parser gives up half way.
#[derive(Clone, Copy)]
pub(super) struct Mark(usize, usize, usize, usize, usize);

impl Tree {
    #[inline]
    pub(super) fn at(&self, id: u32) -> &Data {
        &self.nodes[id as usize]
    }

    pub(super) fn at_mut(&mut self, id: u32) -> &mut Data {
        &mut self.nodes[id as usize]
    }

    /// Adds a node. A collection is closed behind all that is below it.
    #[inline]
    pub(super) fn push(&mut self, kind: Kind, start: usize, end: usize, parent: u32) -> u32 {
        let id = self.nodes.len() as u32;
        self.nodes.push(Data {
            start: start as u32,
            bound: end as u32,
            parent,
            kind,
            flags: 0,
            extra: 0,
        });
        id
    }

    /// Adds a plain key on one line, and gives its digest. Its value is added next.
    #[inline]
    pub(super) fn push_key(&mut self, start: usize, key: &[u8], parent: u32) -> u16 {
        let extra = digest(key);
        self.nodes.push(Data {
            start: start as u32,
            bound: (start + key.len()) as u32,
            parent,
            kind: Kind::Plain,
            flags: KEY,
            extra,
        });
        extra
    }

    /// Closes a block collection; `bits` are those of the keys of a map.
    #[inline]
    pub(super) fn close_block(&mut self, id: u32, bits: u16) {
        let bound = self.nodes.len() as u32;
        let data = &mut self.nodes[id as usize];
        (data.bound, data.extra) = (bound, bits);
    }

    /// Closes a flow collection, which ends at a byte.
    pub(super) fn close_flow(&mut self, id: u32, end: usize) {
        let behind = self.nodes.len() as u32;
        let count = u16::try_from(behind - id);
        if count.is_err() {
            let at = self.large.partition_point(|(other, _)| *other < id);
            self.large.insert(at, (id, behind));
        }
        let data = &mut self.nodes[id as usize];
        (data.bound, data.extra) = (end as u32, count.unwrap_or(0));
    }

    pub(super) fn props(&self, id: u32) -> Option<&Props> {
        if !self.at(id).has(PROPS) {
            return None;
        }
        let at = self.props.binary_search_by_key(&id, |(node, _)| *node);
        at.ok().map(|at| &self.props[at].1)
    }

    /// What an alias stands for; it can be an alias too.
    pub(super) fn referred(&self, alias: u32) -> u32 {
        let at = self.aliases.binary_search_by_key(&alias, |(node, _)| *node);
        at.map_or(alias, |at| self.aliases[at].1)
    }

    /// The bytes of a node without its anchor and tag.
    #[inline]
    pub(super) fn range(&self, id: u32) -> Range<usize> {
        let data = self.at(id);
        match data.kind.is_block_collection() {
            false => data.range(),
            true => data.start as usize..self.end_of_block(id),
        }
    }

    /// Where a node ends: a block collection with what is last in it.
    #[inline]
    pub(super) fn end(&self, id: u32) -> usize {
        self.range(id).end
    }

    fn end_of_block(&self, id: u32) -> usize {
        // Below block collections there are flow collections, and scalars below those; not the other way around.
        let mut last = (self.at(id).bound - 1).max(id);
        loop {
            let data = self.at(last);
            match data.parent {
                NONE => return data.start as usize,
                parent if self.at(parent).kind.is_flow() => last = parent,
                _ if data.kind.is_block_collection() => return data.start as usize,
                _ => return data.end(),
            }
        }
    }

    /// First byte of the node with its anchor and tag.
    pub(super) fn full_start(&self, id: u32) -> usize {
        let start = self.at(id).start;
        self.props(id)
            .map_or(start, |props| props.start().min(start)) as usize
    }

    /// First byte of the first key or dash of a block collection: its column is the one of all.
    pub(super) fn full_start_of_block(&self, id: u32) -> usize {
        self.at(id).start as usize
    }

    /// End of the node, or of its properties where it is empty.
    pub(super) fn full_end(&self, id: u32) -> usize {
        let end = self.end(id);
        self.props(id)
            .map_or(end, |props| end.max(props.end() as usize))
    }

    /// Children of a collection: keys and values of a map in turn, or items. None for others.
    #[inline]
    pub(super) fn children(&self, id: u32) -> Children<'_> {
        let end = self.end_of_subtree(id);
        let next = id + 1;
        Children {
            tree: self,
            next,
            end,
        }
    }

    /// Keys and values of a map; nothing for others.
    #[inline]
    pub(super) fn entries(&self, id: u32) -> Entries<'_> {
        let mut children = self.children(id);
        if !self.at(id).kind.is_map() {
            children.end = 0;
        }
        Entries(children)
    }

    /// Whether this is a collection with children. The first of them has the next number.
    pub(super) fn has_children(&self, id: u32) -> bool {
        self.end_of_subtree(id) > id + 1
    }

    /// The number behind the last node below `id`: `id..end` is the node with all below it.
    #[inline(always)]
    pub(super) fn end_of_subtree(&self, id: u32) -> u32 {
        match self.nodes.get(id as usize) {
            Some(data) if data.kind.is_block_collection() => data.bound,
            Some(data) if data.kind.is_flow() => match data.extra {
                0 => self.end_of_large(id),
                count => id + u32::from(count),
            },
            _ => id + 1,
        }
    }

    #[cold]
    fn end_of_large(&self, id: u32) -> u32 {
        let at = self.large.binary_search_by_key(&id, |(node, _)| *node);
        at.map_or(id + 1, |at| self.large[at].1)
    }

    /// The node right before `id` in its collection: its key, if it is the value of a map.
    pub(super) fn previous(&self, id: u32) -> Option<u32> {
        let parent = self.at(id).parent;
        if parent == NONE {
            return None;
        }
        // Nodes are numbered in the order of the text: the one before is the parent, or a part of
        // the sibling before.
        self.below(parent, id - 1)
    }

    /// The last key, value or item of a collection.
    pub(super) fn last_child(&self, id: u32) -> Option<u32> {
        self.below(id, self.end_of_subtree(id) - 1)
    }

    /// The child of `parent` that `id` is or is a part of; none for the parent itself.
    fn below(&self, parent: u32, id: u32) -> Option<u32> {
        let mut id = id;
        while id != parent && id != NONE {
            let above = self.at(id).parent;
            if above == parent {
                return Some(id);
            }
            id = above;
        }
        None
    }

    /// The node an alias stands for, through any number of aliases; other nodes are themselves.
    /// Ends, because a target always precedes its alias.
    #[inline]
    pub(super) fn target(&self, mut id: u32) -> u32 {
        while self.at(id).kind == Kind::Alias {
            id = self.referred(id);
        }
        id
    }

    pub(super) fn mark(&self) -> Mark {
        Mark(
            self.nodes.len(),
            self.props.len(),
            self.aliases.len(),
            self.documents.len(),
            self.unsure.len(),
        )
    }

    pub(super) fn rewind(&mut self, mark: Mark) {
        self.nodes.truncate(mark.0);
        self.props.truncate(mark.1);
        self.aliases.truncate(mark.2);
        self.documents.truncate(mark.3);
        self.unsure.truncate(mark.4);
        let nodes = mark.0 as u32;
        let large = self.large.partition_point(|(id, _)| *id < nodes);
        self.large.truncate(large);
    }

    /// Moves everything added since `mark` by `offset` bytes: the general parser sees a slice.
    pub(super) fn shift(&mut self, mark: Mark, offset: usize) {
        let offset = offset as u32;
        for node in &mut self.nodes[mark.0..] {
            node.start += offset;
            if !node.kind.is_block_collection() {
                node.bound += offset;
            }
        }
        for (_, props) in &mut self.props[mark.1..] {
            for range in [&mut props.anchor, &mut props.tag] {
                *range = range.start + offset..range.end + offset;
            }
        }
        for document in &mut self.documents[mark.3..] {
            document.start += offset;
        }
    }

    /// What two parsers must agree about. The digests of keys are for a fast look-up only, and which maps are looked at again
    /// is up to each.
    pub(super) fn is_alike(&self, other: &Tree) -> bool {
        let is_same = |(a, b): (&Data, &Data)| {
            let fields = |data: &Data| {
                let extra = if data.kind.is_flow() { data.extra } else { 0 };
                (
                    data.start,
                    data.bound,
                    data.parent,
                    data.kind,
                    data.flags & !KEY,
                    extra,
                )
            };
            fields(a) == fields(b)
        };
        self.nodes.len() == other.nodes.len()
            && self.nodes.iter().zip(&other.nodes).all(is_same)
            && self.large == other.large
    }
}

pub(super) struct Children<'a> {
    tree: &'a Tree,
    next: u32,
    end: u32,
}

impl Iterator for Children<'_> {
    type Item = u32;

    #[inline(always)]
    fn next(&mut self) -> Option<u32> {
        let id = self.next;
        if id >= self.end {
            return None;
        }
        self.next = self.tree.end_of_subtree(id);
        Some(id)
    }
}

pub(super) struct Entries<'a>(Children<'a>);

impl Iterator for Entries<'_> {
    type Item = (u32, u32);

    #[inline]
    fn next(&mut self) -> Option<(u32, u32)> {
        let Children { tree, next, end } = &mut self.0;
        let key = *next;
        if key >= *end {
            return None;
        }
        // A key has no children but in a text of the general parser, and always has a value.
        let value = match tree.at(key).has(KEY) {
            true => key + 1,
            false => tree.end_of_subtree(key),
        };
        *next = tree.end_of_subtree(value);
        Some((key, value))
    }
}
