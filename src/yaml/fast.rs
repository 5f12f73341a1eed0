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

mod flow;
mod scalars;

use super::scalar::is_certain_string as is_string;
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

/// What is known about the keys of a map.
#[derive(Clone, Copy)]
struct Keys {
    /// One of 64 bits for each key. Keys with different bits are different.
    seen: u64,
    /// Whether two keys may be equal, or one may be no string.
    are_unsure: u32,
    /// Whether this is a map at all.
    are_there: u32,
}

impl Keys {
    const NONE: Keys = Keys {
        seen: 0,
        are_unsure: 0,
        are_there: 0,
    };

    const OF_MAP: Keys = Keys {
        are_there: 1,
        ..Keys::NONE
    };

    /// Adds a plain key.
    #[inline(always)]
    fn add(&mut self, digest: u16, is_string: bool) {
        let seen = 1 << (digest >> 10);
        self.are_unsure |= u32::from((self.seen & seen != 0) | !is_string);
        self.seen |= seen;
    }

    /// Adds a key that is not looked at.
    fn add_other(&mut self) {
        (self.seen, self.are_unsure) = (u64::MAX, 1);
    }
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

/// Control and other special characters and a lone CR are left to `full`.
fn refuse_odd_bytes(part: &str) -> Fast<()> {
    let bytes = part.as_bytes();
    // A pass that the compiler can vectorise; the exact tests below run for few documents.
    // As signed numbers with one added, the characters of ASCII that are seen are the largest.
    let is_special = |c: u8| (c.wrapping_add(1) as i8) < b'!' as i8 && c != b'\n';
    let special = |special: bool, c: &u8| special | is_special(*c);
    if !bytes.iter().fold(false, special) {
        return Ok(());
    }
    let mut odd = false;
    let mut carriage_return = false;
    for &c in bytes {
        odd |= (c < 0x20 && c != b'\n' && c != b'\t' && c != b'\r') | (c == 0x7f);
        odd |= (c == 0xc2) | (c == 0xe2) | (c == 0xef);
        carriage_return |= c == b'\r';
    }
    if odd && part.chars().any(is_odd) {
        return Err(GiveUp);
    }
    if carriage_return
        && memchr::memchr_iter(b'\r', bytes).any(|i| bytes.get(i + 1) != Some(&b'\n'))
    {
        return Err(GiveUp);
    }
    Ok(())
}

fn is_odd(c: char) -> bool {
    (c < ' ' && !matches!(c, '\n' | '\t' | '\r'))
        || ('\u{7f}'..='\u{9f}').contains(&c)
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

/// Length of a `---` line without content; 0 where there is none.
fn marker_line(part: &[u8]) -> Fast<usize> {
    if !part.starts_with(b"---") {
        return Ok(0);
    }
    let blanks = part[3..].iter().take_while(|c| **c == b' ').count();
    let mut at = 3 + blanks;
    if blanks > 0 && part.get(at) == Some(&b'#') {
        at = memchr(b'\n', &part[at..]).map_or(part.len(), |n| at + n);
    }
    match part.get(at..) {
        None | Some([]) => Ok(part.len()),
        Some([b'\n', ..]) => Ok(at + 1),
        Some([b'\r', b'\n', ..]) => Ok(at + 2),
        _ => Err(GiveUp),
    }
}

fn is_break(c: u8) -> bool {
    c == b'\n' || c == b'\r'
}

impl Parser<'_> {
    /// The byte at `i`; the end of the chunk reads as a line break.
    #[inline]
    fn byte(&self, i: usize) -> u8 {
        if i < self.end { self.bytes[i] } else { b'\n' }
    }

    /// Is there a blank or the end of the line at `i`? (Tabs count as neither.)
    #[inline]
    fn is_gap(&self, i: usize) -> bool {
        matches!(self.byte(i), b' ' | b'\n' | b'\r')
    }

    /// Start of the line behind the one `i` is in.
    #[inline]
    fn next_line(&self, i: usize) -> usize {
        match self.bytes.get(i..self.end) {
            Some([b'\n', ..]) => i + 1,
            Some([b'\r', b'\n', ..]) => i + 2,
            Some(rest) => memchr(b'\n', rest).map_or(self.end, |n| i + n + 1),
            None => self.end,
        }
    }

    #[inline(always)]
    fn eight(&self, i: usize) -> Option<u64> {
        let eight = self.bytes.get(i..)?.first_chunk()?;
        Some(u64::from_le_bytes(*eight))
    }

    #[inline(always)]
    fn skip_spaces(&self, mut i: usize) -> usize {
        while let Some(eight) = self.eight(i) {
            let others = eight ^ u64::from_le_bytes([b' '; 8]);
            if others != 0 {
                return i + others.trailing_zeros() as usize / 8;
            }
            i += 8;
        }
        while i < self.end && self.bytes[i] == b' ' {
            i += 1;
        }
        i
    }

    /// The next of three bytes, or the end.
    #[inline(always)]
    fn find(&self, i: usize, a: u8, b: u8, c: u8) -> usize {
        let rest = self.bytes.get(i..).unwrap_or_default();
        // Most are near: `memchr3` is a call through a pointer.
        #[cfg(target_arch = "x86_64")]
        if let Some(three) = memchr::arch::x86_64::sse2::memchr::Three::new(a, b, c) {
            return three.find(rest).map_or(self.end, |at| i + at);
        }
        memchr::memchr3(a, b, c, rest).map_or(self.end, |at| i + at)
    }

    /// The next `:`, `#` or `\n`, or the end.
    #[inline(always)]
    fn stop(&self, i: usize) -> usize {
        self.find(i, b':', b'#', b'\n')
    }

    /// Does the line that starts at `line` begin like a marker? None that `split` saw is here; one
    /// with a byte that `split` does not take for a blank might.
    #[inline]
    fn is_marker(&self, line: usize) -> bool {
        matches!(self.bytes.get(line..), Some([a @ (b'-' | b'.'), b, c, ..]) if a == b && a == c)
    }

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
        if may_be_scalar && let Some(next) = self.quick_item(top.column, top.node) {
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

    /// Adds the plain key from the cursor to `end`.
    #[inline(always)]
    fn push_key(&mut self, end: usize, map: u32, keys: &mut Keys) {
        let text = &self.bytes[self.at..end];
        let digest = self.tree.push_key(self.at, text, map);
        let class = BEGINS[usize::from(self.bytes[self.at])];
        let is_string = class & STRING != 0 || class & KEY != 0 && is_string(text);
        keys.add(digest, is_string);
    }

    /// Adds a key at the cursor.
    fn push_other_key(&mut self, key: &Key, map: u32, keys: &mut Keys) {
        if key.kind == Kind::Plain {
            return self.push_key(key.end, map, keys);
        }
        self.tree.push(key.kind, self.at, key.end, map);
        keys.add_other();
    }

    /// The colon of the key at the cursor, if it is of the ordinary form.
    #[inline(always)]
    fn quick_key(&self) -> Option<usize> {
        let bytes = self.bytes;
        if BEGINS[usize::from(*bytes.get(self.at)?)] & KEY == 0 {
            return None;
        }
        let colon = self.stop(self.at + 1);
        let is_ordinary = match bytes.get(colon - 1..)? {
            [before, b':', b' ' | b'\n' | b'\r', ..] => !matches!(before, b' ' | b'\t'),
            _ => false,
        };
        (is_ordinary && colon - self.at <= MAX_KEY).then_some(colon)
    }

    /// Moves to the content of the next line, if that is of the ordinary form, and gives its column. Otherwise -1.
    #[inline(always)]
    fn quick_content(&mut self) -> i32 {
        let known = self.skip_spaces(self.line);
        match self.bytes.get(known) {
            Some(c) if BEGINS[usize::from(*c)] & KEY != 0 || *c == b'-' && known > self.line => {
                self.at = known;
                (known - self.line) as i32
            }
            _ => -1,
        }
    }

    /// The value behind the colon that ends at `after`, as [`Parser::quick_scalar`].
    #[inline(always)]
    fn quick_value(&mut self, column: i32, after: usize, map: u32) -> Option<i32> {
        match self.bytes.get(after) {
            Some(b' ') => self.quick_scalar(column, after + 1, map),
            _ => None,
        }
    }

    /// The item or top node at the cursor, as [`Parser::quick_scalar`].
    #[inline(never)]
    fn quick_item(&mut self, column: i32, parent: u32) -> Option<i32> {
        self.quick_scalar(column, self.at, parent)
    }

    /// What begins at `start`, below what is in `column`, if it is of the ordinary form: a scalar on one line, plain or in
    /// quotes, and no key. Otherwise nothing has moved. As [`Parser::quick_content`] for the line behind it.
    #[inline(always)]
    fn quick_scalar(&mut self, column: i32, start: usize, parent: u32) -> Option<i32> {
        let first = *self.bytes.get(start)?;
        if BEGINS[usize::from(first)] & VALUE == 0 {
            if !matches!(first, b'"' | b'\'') {
                return None;
            }
            let end = self.find(start + 1, first, b'\\', b'\n');
            match self.bytes.get(end..)? {
                [c, b'\n', ..] if *c == first => {}
                _ => return None,
            }
            self.line = end + 2;
            self.tree.push(quoted_kind(first), start, end + 1, parent);
            return Some(self.quick_content());
        }
        let mut end = start;
        let line = loop {
            end = self.stop(end + 1);
            match self.bytes.get(end - 1..)? {
                [before, b'\n', ..] if !matches!(before, b' ' | b'\t' | b'\r') => break end + 1,
                [_, b':', c, ..] if !matches!(c, b' ' | b'\n' | b'\r' | b'\t') => {}
                [b' ', b'#', ..] => {
                    let line = self.next_line(end);
                    end = self.trim_end(end, start);
                    if self.bytes[end - 1] == b'\t' {
                        return None;
                    }
                    break line;
                }
                [before, b'#', ..] if !matches!(before, b' ' | b'\t') => {}
                _ => return None,
            }
        };
        let known = self.skip_spaces(line);
        let mut next = (known - line) as i32;
        match self.bytes.get(known) {
            Some(c) if BEGINS[usize::from(*c)] & KEY != 0 || *c == b'-' && next > 0 => {
                if next > column {
                    return None;
                }
                self.at = known;
            }
            Some(b'\n' | b'\r' | b'\t') => return None,
            Some(c) if next > column && *c != b'#' => return None,
            _ => next = -1,
        }
        (self.line, self.known) = (line, known);
        self.tree.push(Kind::Plain, start, end, parent);
        Some(next)
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
