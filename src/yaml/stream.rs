//! A text with all its documents.

mod lines;

use super::error::{Syntax, SyntaxError};
use super::fast::Stack;
use super::node::Node;
use super::tree::{Data, KEY, Kind, NONE, NodeId, Tree, are_same, digest};
use super::wide::{Characters, FEW, Wide};
use super::{decode, fast, full, split, strict};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

pub use lines::Position;

/// A YAML text and the tree of every document in it. Immutable; see [`Stream::edit`].
#[derive(Clone, Debug)]
pub struct Stream {
    pub(super) text: String,
    pub(super) tree: Tree,
    pub(super) chunks: Vec<Range<usize>>,
    /// Of each [`lines::BLOCK`] of the text, the line that its first byte is in: its number, from 1, and its start.
    lines: OnceLock<Vec<(u32, u32)>>,
    line_feeds: OnceLock<Vec<u32>>,
    merges: OnceLock<bool>,
    wide: OnceLock<Wide>,
    characters: OnceLock<Characters>,
    hidden: OnceLock<Vec<Range<usize>>>,
}

/// One document of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    stream: &'a Stream,
    index: usize,
}

impl<'a> Document<'a> {
    /// The top node. An empty document has an empty node.
    #[must_use]
    pub fn root(self) -> Node<'a> {
        self.stream
            .node(NodeId(self.stream.tree.documents[self.index].root))
    }

    /// Bytes of the document with its marker. The spans of all documents follow on each other and
    /// cover the text; comments before the first marker belong to the first document.
    #[must_use]
    pub fn span(self) -> Range<usize> {
        self.stream.document_span(self.index)
    }

    /// Was the document read by the fast parser? For statistics.
    #[must_use]
    pub fn is_fast(self) -> bool {
        self.stream.tree.documents[self.index].fast
    }

    /// Is there nothing but comments and blank lines?
    #[must_use]
    pub fn is_empty(self) -> bool {
        let root = self.root();
        root.kind() == Kind::Empty && !root.has_properties()
    }
}

/// Largest text: offsets are `u32`, and the editor adds a little.
const MAX_LEN: usize = u32::MAX as usize - 64;

impl Stream {
    /// Parses a text of any number of documents.
    ///
    /// # Errors
    /// A [`SyntaxError`] with the position of the first place that is not YAML, holds a control
    /// character, has an alias to a node around itself, or is nested deeper than 512 levels; or that is YAML but not
    /// what Kubernetes' readers accept and agree about: duplicate keys, keys that are not strings, aliases without bound.
    pub fn parse(text: impl Into<String>) -> Result<Stream, SyntaxError> {
        Stream::parse_text(text.into()).map_err(|(error, _)| error)
    }

    /// Parses a text with any keys, also those that Kubernetes' readers refuse.
    ///
    /// # Errors
    /// As [`Stream::parse`], except for keys.
    pub fn parse_any_keys(text: impl Into<String>) -> Result<Stream, SyntaxError> {
        Stream::parse_unchecked(text.into()).map_err(|(error, _)| error)
    }

    /// Parses bytes, which must be UTF-8; a byte order mark is kept.
    ///
    /// # Errors
    /// As [`Stream::parse`], and for UTF-16, UTF-32 and invalid UTF-8.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Stream, SyntaxError> {
        Stream::from_bytes_or_text(bytes).map_err(|(error, _)| error)
    }

    /// The same; an error includes the text, decoded lossily, to show the place in it.
    ///
    /// # Errors
    /// As [`Stream::from_bytes`].
    pub fn from_bytes_or_text(bytes: Vec<u8>) -> Result<Stream, (SyntaxError, String)> {
        if let Some(encoding) = foreign_encoding(&bytes) {
            let message = format!("the text is encoded in {encoding}: save it as UTF-8");
            let text = String::from_utf8_lossy(&bytes).into_owned();
            return Err((Syntax::new(0, message).locate(""), text));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Stream::parse_text(text),
            Err(error) => {
                let bytes = error.as_bytes();
                let offset = error.utf8_error().valid_up_to();
                let byte = bytes.get(offset).copied().unwrap_or_default();
                let valid = String::from_utf8_lossy(&bytes[..offset]);
                let message = format!("byte 0x{byte:02x} is not valid UTF-8");
                let text = String::from_utf8_lossy(bytes).into_owned();
                Err((Syntax::new(offset, message).locate(&valid), text))
            }
        }
    }

    fn parse_text(text: String) -> Result<Stream, (SyntaxError, String)> {
        let mut stream = Stream::parse_unchecked(text)?;
        match stream.check_forms().and_then(|()| stream.check_keys()) {
            Ok(()) => {
                stream.tree.unsure = Vec::new();
                Ok(stream)
            }
            Err(error) => Err((error.locate(&stream.text), stream.text)),
        }
    }

    fn parse_unchecked(text: String) -> Result<Stream, (SyntaxError, String)> {
        match parse_tree(&text) {
            Ok((tree, chunks)) => Ok(Stream {
                chunks,
                ..Stream::of_parts(text, tree)
            }),
            Err(error) => Err((error.locate(&text), text)),
        }
    }

    /// A stream of one part of a text, whose tree is known.
    pub(super) fn of_parts(text: String, tree: Tree) -> Stream {
        Stream {
            text,
            tree,
            chunks: Vec::new(),
            lines: OnceLock::new(),
            line_feeds: OnceLock::new(),
            merges: OnceLock::new(),
            wide: OnceLock::new(),
            characters: OnceLock::new(),
            hidden: OnceLock::new(),
        }
    }

    /// How the fast parser and the general one read this text differently, for tests: they must agree wherever both accept it.
    #[must_use]
    pub fn parsers_differ(&self) -> Option<String> {
        let mut stack = Stack::default();
        for (number, chunk) in self.chunks.iter().enumerate() {
            let (mut fast, mut full) = (Tree::default(), Tree::default());
            if split::is_bare(self.text.as_bytes(), chunk)
                || fast::parse(&self.text, chunk, number as u32, &mut fast, &mut stack).is_err()
            {
                continue;
            }
            let is_quoted_over_lines = |node: &Data| {
                matches!(node.kind, Kind::Single | Kind::Double)
                    && self.text[node.range()].contains('\n')
            };
            match full::parse(&self.text, chunk, number as u32, &mut full) {
                // The one known difference: unindented lines of quoted text.
                Err(_) if fast.nodes.iter().any(is_quoted_over_lines) => {}
                Err(error) => {
                    return Some(format!(
                        "only the general parser refuses it: {}",
                        error.message
                    ));
                }
                Ok(()) if fast.is_alike(&full) => {}
                Ok(()) => return Some(format!("{:?}\n{:?}", fast.nodes, full.nodes)),
            }
        }
        None
    }

    /// The whole text, byte for byte as it was given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All documents in order. A text of only comments and blank lines has none.
    pub fn documents(&self) -> impl ExactSizeIterator<Item = Document<'_>> {
        (0..self.tree.documents.len()).map(|index| Document {
            stream: self,
            index,
        })
    }

    /// A handle of the node with this name. The name must come from this stream; another one's
    /// gives some other node, or the first one.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Node<'_> {
        let known = (id.0 as usize) < self.tree.nodes.len();
        Node::new(self, if known { id.0 } else { 0 })
    }

    /// The large collections.
    pub(super) fn wide(&self) -> &Wide {
        self.wide.get_or_init(|| Wide::of(self))
    }

    /// The key and the value of an entry of a map.
    pub(super) fn find_key(&self, map: u32, key: &str) -> Option<(u32, u32)> {
        let tree = &self.tree;
        let data = tree.at(map);
        let wanted = digest(key.as_bytes());
        if data.lacks(wanted) || !data.kind.is_map() {
            return None;
        }
        let nodes = tree.nodes.get(..tree.end_of_subtree(map) as usize)?;
        let mut id = map + 1;
        for _ in 0..FEW {
            let [name, value, ..] = nodes.get(id as usize..)? else {
                return None;
            };
            if !name.has(KEY) {
                return self.find_any_key(map, id, key);
            }
            // The digest decides nearly all comparisons.
            if name.digest() == wanted
                && are_same(&self.text.as_bytes()[name.range()], key.as_bytes())
            {
                return Some((id, id + 1));
            }
            id = match value.kind.is_collection() {
                false => id + 2,
                true => tree.end_of_subtree(id + 1),
            };
        }
        self.find_any_key(map, id, key)
    }

    /// The same for keys of any form, from an entry on.
    #[inline(never)]
    fn find_any_key(&self, map: u32, first: u32, key: &str) -> Option<(u32, u32)> {
        let tree = &self.tree;
        let (mut id, end) = (first, tree.end_of_subtree(map));
        for _ in 0..FEW {
            if id >= end {
                return None;
            }
            let value = tree.end_of_subtree(id);
            if Node::new(self, id).is_written_as(key) {
                return Some((id, value));
            }
            id = tree.end_of_subtree(value);
        }
        match id < end {
            true => self.find_key_in_wide(map, key),
            false => None,
        }
    }

    #[inline(never)]
    fn find_key_in_wide(&self, map: u32, key: &str) -> Option<(u32, u32)> {
        let mut keys = self.wide().keys(map, key);
        let id = keys.find(|id| Node::new(self, *id).is_written_as(key))?;
        Some((id, self.tree.end_of_subtree(id)))
    }

    /// An item of a sequence.
    pub(super) fn item(&self, sequence: u32, index: usize) -> Option<u32> {
        match index < FEW {
            true => self.tree.children(sequence).nth(index),
            false => self.wide().item(sequence, index),
        }
    }

    /// The parts of the text that reports must not show, which the caller finds once.
    pub fn hidden(&self, find: impl FnOnce(&Stream) -> Vec<Range<usize>>) -> &[Range<usize>] {
        self.hidden.get_or_init(|| find(self))
    }

    /// Is there a `<<` anywhere? Without one no map has merged entries, and most texts have none.
    pub(super) fn may_merge(&self) -> bool {
        let find = || memchr::memmem::find(self.text.as_bytes(), b"<<").is_some();
        *self.merges.get_or_init(find)
    }

    /// Whether no value of the text is in several places, by an alias or a `<<`.
    pub fn shares_nothing(&self) -> bool {
        self.tree.aliases.is_empty() && !self.may_merge()
    }

    /// What the header of a block scalar has to be so that its value stays without a final line break
    /// when lines follow: the end of the text cut it short, so that it has none in Go.
    pub(super) fn header_without_break(&self, id: u32) -> Option<(Range<usize>, String)> {
        let data = self.tree.at(id);
        let header = decode::header(&self.text[data.range()]);
        let value = self.node(NodeId(id)).text()?;
        if header.chomp == Some(b'-') || value.ends_with('\n') {
            return None;
        }
        let start = data.start as usize + 1;
        let indent = header.indent.map_or(String::new(), |it| it.to_string());
        Some((start..start + header.len, format!("-{indent}")))
    }

    /// The text with a line break at its end, so that other documents can follow. No value changes.
    pub(super) fn text_with_final_break(&self) -> Cow<'_, str> {
        let text = &self.text;
        if text.is_empty() || text.ends_with('\n') {
            return Cow::Borrowed(text);
        }
        let eol = match text.contains("\r\n") {
            true => "\r\n",
            false => "\n",
        };
        let last = (self.tree.nodes.len() as u32).saturating_sub(1);
        let data = self.tree.at(last);
        // A last line of nothing but blanks would be one more line of a block scalar.
        let lines = text.trim_end_matches([' ', '\t']);
        if data.kind.is_block_scalar() && lines.ends_with('\n') && data.end() >= lines.len() {
            return Cow::Borrowed(lines);
        }
        let cut_short = data.kind.is_block_scalar() && data.end() == text.len();
        match self.header_without_break(last).filter(|_| cut_short) {
            Some((header, new)) => {
                let (before, behind) = (&text[..header.start], &text[header.end..]);
                Cow::Owned(format!("{before}{new}{behind}{eol}"))
            }
            None => Cow::Owned(format!("{text}{eol}")),
        }
    }

    pub(super) fn document_span(&self, index: usize) -> Range<usize> {
        let documents = &self.tree.documents;
        let start = if index == 0 {
            0
        } else {
            documents[index].start as usize
        };
        let end = documents
            .get(index + 1)
            .map_or(self.text.len(), |next| next.start as usize);
        start..end
    }
}

/// Documents are parsed one by one, each by the fast parser if that one is sure of it.
fn parse_tree(text: &str) -> Result<(Tree, Vec<Range<usize>>), Syntax> {
    if text.len() > MAX_LEN {
        return Err(Syntax::new(0, "the text is larger than 4 GiB"));
    }
    let mut tree = Tree::default();
    // Measured on Kubernetes files: a node every 13 to 20 bytes. Growing would copy all nodes, and
    // room that is not used is never touched.
    tree.nodes.reserve(text.len() / 12);
    let chunks = split::chunks(text);
    let mut stack = Stack::default();
    for (number, chunk) in chunks.iter().enumerate() {
        if split::is_bare(text.as_bytes(), chunk) {
            continue;
        }
        parse_chunk(text, chunk, number as u32, &mut tree, &mut stack)?;
    }
    strict::limit_aliases(&tree)?;
    if tree.nodes.is_empty() {
        tree.push(Kind::Empty, 0, 0, NONE); // so that any `NodeId` has a node
    }
    Ok((tree, chunks))
}

fn parse_chunk(
    text: &str,
    chunk: &Range<usize>,
    number: u32,
    tree: &mut Tree,
    stack: &mut Stack,
) -> Result<(), Syntax> {
    if fast::parse(text, chunk, number, tree, stack).is_ok() {
        return Ok(());
    }
    refuse_control(text, chunk)?;
    full::parse(text, chunk, number, tree)
}

/// Go readers reject control characters anywhere, so Kubernetes cannot read such a file. A carriage return alone is a line
/// break to them, and nothing else that shows a file takes it for one: text could hide behind it.
fn refuse_control(text: &str, chunk: &Range<usize>) -> Result<(), Syntax> {
    let bytes = text.as_bytes();
    let is_control = |at: usize, c: char| {
        (c < ' ' && !matches!(c, '\n' | '\t' | '\r'))
            || (c == '\r' && bytes.get(at + 1) != Some(&b'\n'))
            || ('\u{7f}'..='\u{9f}').contains(&c) && c != '\u{85}'
    };
    let mut chars = text[chunk.clone()].char_indices();
    match chars.find(|(at, c)| is_control(chunk.start + at, *c)) {
        Some((at, '\r')) => {
            let message =
                "a carriage return without a line feed: end lines with one line feed, or with both";
            Err(Syntax::new(chunk.start + at, message))
        }
        Some((at, c)) => {
            let message = format!(
                "control character U+{:04X}: write it as an escape in double quotes",
                c as u32
            );
            Err(Syntax::new(chunk.start + at, message))
        }
        None => Ok(()),
    }
}

/// UTF-16 and UTF-32, by their byte order mark or by the zero bytes of their first characters.
fn foreign_encoding(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..]
        | [0, 0, 0xfe, 0xff, ..]
        | [0, 0, 0, 1..=255, ..]
        | [1..=255, 0, 0, 0, ..] => Some("UTF-32"),
        [0xff, 0xfe, ..]
        | [0xfe, 0xff, ..]
        | [0, 1..=255, 0, 1..=255, ..]
        | [1..=255, 0, 1..=255, 0, ..] => Some("UTF-16"),
        _ => None,
    }
}
