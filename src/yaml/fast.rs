//! The fast parser: the YAML that Kubernetes files are written in, straight from bytes to tree.
//!
//! It understands block maps and sequences, plain, quoted and block scalars, flow collections and
//! comments, with either line ending. Everything else — anchors, aliases, tags, directives,
//! explicit keys, tabs in indentation, pairs in sequences — makes it give up, and so does anything
//! it is not sure of, errors included: [`full`](super::full) then reads that document and finds
//! the words for what is wrong. `fast` never guesses: where both answer, they answer the
//! same. It accepts one thing `full` rejects: quoted text whose further lines are not indented.
//!
//! This file is block structure; [`scalars`] finds the ends of scalars, [`flow`] reads `{}`, `[]`.
//!
//! Most lines are a key with a plain value, or a key above deeper lines, and such lines have a short way through: a search for
//! three bytes at once, 16 bytes at a time, finds the colon, the comment or the end of the line. All else takes the longer
//! way, which reads the line from its start.

mod bytes;
mod flow;
mod keys;
mod quick;
mod scalars;

use bytes::{marker_line, refuse_odd_bytes};
use keys::Keys;

use super::tree::{DocumentData, Kind, NONE, Tree, bits};
use memchr::memchr;
use std::ops::Range;

/// "This document is not for the fast parser."
pub(super) struct GiveUp;

type Fast<T> = Result<T, GiveUp>;

/// Deepest nesting read here. Recursion is bounded by it; deeper documents go to `full`.
const MAX_DEPTH: usize = 96;

/// Longest implicit key. YAML allows 1024 characters; stay below, so that bytes may be counted.
const MAX_KEY: usize = 1000;

/// An implicit key found at the cursor.
struct Key {
    kind: Kind,
    end: usize,
    colon: usize,
}

/// A block collection that is not closed yet. (Without gaps, which would be copied one by one.)
#[derive(Clone, Copy)]
struct Open {
    keys: Keys,
    node: u32,
    /// The column of its entries or items.
    column: i32,
}

impl Open {
    /// What is around the top node.
    const NOTHING: Open = Open {
        keys: Keys::NONE,
        node: NONE,
        column: -1,
    };
}

/// The block collections around the innermost one. Used again for each document.
#[derive(Default)]
pub(super) struct Stack(Vec<Open>);

struct Parser<'a> {
    /// The text up to the end of the chunk, so that offsets are those of the whole text.
    bytes: &'a [u8],
    end: usize,
    at: usize,
    /// Start of the line the cursor is in, or of the next one after a finished value.
    line: usize,
    /// From `line` to here there are only spaces; of no use where it is before `line`.
    known: usize,
    tree: &'a mut Tree,
    around: &'a mut Vec<Open>,
    /// How deep the top node is.
    depth: usize,
}

/// What comes next, where the cursor is.
enum Step {
    /// A node, in `column`.
    Node,
    /// The first key of a map, in `column`, or a scalar.
    First,
    /// Another key of the innermost map.
    Key,
    /// The dash of an item.
    Item,
    /// The start of a line.
    Lines,
    /// A line with content, in `column`; or the end.
    Content,
}

/// Of each byte, whether an ordinary key or a plain value can begin with it.
static BEGINS: [u8; 256] = {
    let mut table = [0; 256];
    let mut c = 0;
    while c < 128_u8 {
        if c.is_ascii_alphanumeric() {
            table[c as usize] = VALUE | KEY;
        }
        if c.is_ascii_alphabetic() && !matches!(c | 0x20, b'y' | b'n' | b't' | b'f' | b'o') {
            table[c as usize] |= STRING;
        }
        c += 1;
    }
    table[b'/' as usize] = VALUE;
    table
};
const KEY: u8 = 1;
const VALUE: u8 = 2;
/// What begins with this letter is a string.
const STRING: u8 = 4;

/// Parses one chunk as one document. On `GiveUp` the tree is as before.
pub(super) fn parse(
    text: &str,
    chunk: &Range<usize>,
    number: u32,
    tree: &mut Tree,
    Stack(around): &mut Stack,
) -> Fast<()> {
    let part = &text.as_bytes()[chunk.clone()];
    refuse_odd_bytes(&text[chunk.clone()])?;
    let body = chunk.start + marker_line(part)?;
    // The value of a document with nothing but a marker stands right behind the marker.
    let empty_at = if part.starts_with(b"---") {
        chunk.start + 3
    } else {
        body
    };
    let mark = tree.mark();
    around.clear();
    let mut parser = Parser {
        bytes: &text.as_bytes()[..chunk.end],
        end: chunk.end,
        at: body,
        line: body,
        known: body,
        tree,
        around,
        depth: 0,
    };
    match parser.document(empty_at) {
        Ok(root) => {
            let start = chunk.start as u32;
            tree.documents.push(DocumentData {
                start,
                root,
                chunk: number,
                fast: true,
            });
            Ok(())
        }
        Err(GiveUp) => {
            tree.rewind(mark);
            Err(GiveUp)
        }
    }
}

/// Parses lines as they are read where a collection goes on, `depth` levels deep, and gives what is in them.
pub(super) fn parse_lines(
    text: &str,
    lines: &Range<usize>,
    depth: usize,
    tree: &mut Tree,
    Stack(around): &mut Stack,
) -> Fast<u32> {
    refuse_odd_bytes(&text[lines.clone()])?;
    around.clear();
    let mut parser = Parser {
        bytes: &text.as_bytes()[..lines.end],
        end: lines.end,
        at: lines.start,
        line: lines.start,
        known: lines.start,
        tree,
        around,
        depth,
    };
    match parser.next_content()? {
        Some(column) => parser.block(column),
        None => Err(GiveUp),
    }
}

fn is_break(c: u8) -> bool {
    c == b'\n' || c == b'\r'
}

impl Parser<'_> {
    /// From the start of a line: moves over blank and comment lines to the next content and gives
    /// its column.
    #[inline]
    fn next_content(&mut self) -> Fast<Option<usize>> {
        loop {
            if self.line >= self.end {
                self.at = self.end;
                return Ok(None);
            }
            let at = self.skip_spaces(self.known.max(self.line));
            self.known = at;
            match self.byte(at) {
                b'\n' => self.line = at + 1,
                b'\r' | b'#' => self.line = self.next_line(at),
                b'\t' => return Err(GiveUp),
                b'-' | b'.' if at == self.line && self.is_marker(at) => return Err(GiveUp),
                _ => {
                    self.at = at;
                    return Ok(Some(at - self.line));
                }
            }
        }
    }

    /// After a value: only spaces and a comment may follow. Moves to the next line.
    #[inline]
    fn finish_line(&mut self) -> Fast<()> {
        let at = self.skip_spaces(self.at);
        match self.byte(at) {
            b'\n' | b'\r' => {}
            b'#' if at > self.at => {}
            _ => return Err(GiveUp),
        }
        self.line = self.next_line(at);
        Ok(())
    }

    fn document(&mut self, empty_at: usize) -> Fast<u32> {
        match self.next_content()? {
            Some(column) => self.block(column),
            None => Ok(self.tree.push(Kind::Empty, empty_at, empty_at, NONE)),
        }
    }

    #[inline]
    fn is_dash(&self, i: usize) -> bool {
        self.byte(i) == b'-' && self.is_gap(i + 1)
    }

    /// The block node at the cursor, in `column`, up to the end.
    fn block(&mut self, column: usize) -> Fast<u32> {
        let root = self.tree.nodes.len() as u32;
        let mut top = Open::NOTHING;
        let mut column = column as i32;
        // The place of the value that is empty if no line deeper than its key or dash follows.
        let mut pending = None;
        let mut step = Step::Node;
        loop {
            match step {
                Step::Node if self.is_dash(self.at) => {
                    top = self.open(top, Kind::BlockSequence, column)?;
                    step = Step::Item;
                }
                Step::Node => step = Step::First,
                Step::First | Step::Key => {
                    let mut opens = matches!(step, Step::First);
                    step = loop {
                        // Entries of an ordinary form follow each other here.
                        let after = match self.quick_key() {
                            Some(colon) => {
                                if opens {
                                    top = self.open(top, Kind::BlockMap, column)?;
                                }
                                self.push_key(colon, top.node, &mut top.keys);
                                colon + 1
                            }
                            None => match self.other_key(opens, &top, &mut column)? {
                                Some(key) => {
                                    if opens {
                                        top = self.open(top, Kind::BlockMap, column)?;
                                    }
                                    self.push_other_key(&key, top.node, &mut top.keys);
                                    key.colon + 1
                                }
                                None if column >= 0 => break Step::Content,
                                None => break Step::Lines,
                            },
                        };
                        opens = false;
                        column = match self.quick_value(top.column, after, top.node) {
                            Some(column) => column,
                            None => {
                                self.at = self.skip_spaces(after);
                                match self.byte(self.at) {
                                    b'\n' => {
                                        self.line = self.at + 1;
                                        pending = Some(after);
                                    }
                                    b'\r' | b'#' => {
                                        self.line = self.next_line(self.at);
                                        pending = Some(after);
                                    }
                                    _ => self.inline(top.column, top.node)?,
                                }
                                self.quick_content()
                            }
                        };
                        match pending {
                            None if column == top.column => {}
                            None if column >= 0 => break Step::Content,
                            Some(_) if column >= top.column && self.is_dash(self.at) => {
                                pending = None;
                                break Step::Node;
                            }
                            Some(_) if column > top.column => {
                                pending = None;
                                opens = true;
                            }
                            _ => break Step::Lines,
                        }
                    };
                }
                Step::Item => {
                    let after = self.at + 1;
                    self.at = self.skip_spaces(after);
                    step = match self.byte(self.at) {
                        b'\n' | b'\r' | b'#' => {
                            self.line = self.next_line(self.at);
                            pending = Some(after);
                            Step::Lines
                        }
                        _ => {
                            column = (self.at - self.line) as i32;
                            Step::Node
                        }
                    };
                }
                Step::Lines => {
                    column = self.next_content()?.map_or(-1, |column| column as i32);
                    step = Step::Content;
                    if let Some(empty) = pending.take() {
                        // Items may stand in the column of their key.
                        let is_below = column > top.column
                            || column == top.column
                                && (top.keys.are_there != 0)
                                && self.is_dash(self.at);
                        if is_below {
                            step = Step::Node;
                        } else {
                            self.tree.push(Kind::Empty, empty, empty, top.node);
                        }
                    }
                }
                Step::Content => {
                    step = loop {
                        if column >= top.column {
                            let is_map = top.keys.are_there != 0;
                            match (self.is_dash(self.at), is_map) {
                                _ if column > top.column => return Err(GiveUp),
                                // Only nothing has this column.
                                _ if column < 0 => return Ok(root),
                                (true, true) => return Err(GiveUp),
                                (true, false) => break Step::Item,
                                (false, true) => break Step::Key,
                                (false, false) => {}
                            }
                        }
                        top = self.close(&top);
                    };
                }
            }
        }
    }

    /// The key at the cursor, if it is of no ordinary form. If it may be another node, this can be a scalar; then `column` is
    /// that of the line behind it, as by [`Parser::quick_content`].
    #[inline(never)]
    fn other_key(
        &mut self,
        may_be_scalar: bool,
        top: &Open,
        column: &mut i32,
    ) -> Fast<Option<Key>> {
        if may_be_scalar && let Some(next) = self.quick_scalar(top.column, self.at, top.node) {
            *column = next;
            return Ok(None);
        }
        match self.key()? {
            None if may_be_scalar => {
                self.inline(top.column, top.node)?;
                *column = -1;
                Ok(None)
            }
            None => Err(GiveUp),
            key => Ok(key),
        }
    }

    /// Opens a collection at the cursor.
    #[inline]
    fn open(&mut self, around: Open, kind: Kind, column: i32) -> Fast<Open> {
        if self.depth + self.around.len() > MAX_DEPTH {
            return Err(GiveUp);
        }
        self.around.push(around);
        Ok(Open {
            keys: match kind {
                Kind::BlockMap => Keys::OF_MAP,
                _ => Keys::NONE,
            },
            node: self.tree.push(kind, self.at, self.at, around.node),
            column,
        })
    }

    /// Closes a collection, and gives the one around it.
    #[inline]
    fn close(&mut self, open: &Open) -> Open {
        self.tree.close_block(open.node, bits(open.keys.seen));
        if open.keys.are_unsure != 0 {
            self.tree.unsure.push(open.node);
        }
        self.around.pop().unwrap_or(Open::NOTHING)
    }

    /// A scalar or flow collection that starts at the cursor. Ends at the start of a line.
    fn inline(&mut self, indent: i32, parent: u32) -> Fast<()> {
        let start = self.at;
        match self.bytes[start] {
            b'|' | b'>' => self.block_scalar(indent, parent),
            quote @ (b'"' | b'\'') => {
                // Go does not ask how its further lines are indented, and files of well-known
                // projects depend on it; so this is looser than YAML, and than `full`.
                self.at = self.quoted_end(start)?;
                let end = self.at;
                if memchr::memchr_iter(b'\n', &self.bytes[start..end])
                    .any(|n| self.is_marker(start + n + 1))
                {
                    return Err(GiveUp);
                }
                self.finish_line()?;
                self.tree.push(quoted_kind(quote), start, end, parent);
                Ok(())
            }
            b'[' | b'{' => {
                self.flow(parent, self.depth + self.around.len())?;
                self.check_lines(start, self.at, indent)?;
                self.finish_line()
            }
            _ => self.plain(indent, parent),
        }
    }
}

fn quoted_kind(quote: u8) -> Kind {
    if quote == b'"' {
        Kind::Double
    } else {
        Kind::Single
    }
}
