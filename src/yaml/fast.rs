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

mod flow;
mod scalars;

use super::tree::{DocumentData, Kind, NONE, Tree, any_of_three};
use memchr::memchr;
use std::ops::Range;

/// "This document is not for the fast parser."
pub(super) struct GiveUp;

type Fast<T> = Result<T, GiveUp>;

/// Deepest nesting read here. Recursion is bounded by it; deeper documents go to `full`.
const MAX_DEPTH: u32 = 96;

/// Longest implicit key. YAML allows 1024 characters; stay below, so that bytes may be counted.
const MAX_KEY: usize = 1000;

/// An implicit key found at the cursor.
struct Key {
    kind: Kind,
    end: usize,
    colon: usize,
}

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
}

/// Parses one chunk as one document. On `GiveUp` the tree is as before.
pub(super) fn parse(text: &str, chunk: &Range<usize>, number: u32, tree: &mut Tree) -> Fast<()> {
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
    let bytes = &text.as_bytes()[..chunk.end];
    let mut parser = Parser {
        bytes,
        end: chunk.end,
        at: body,
        line: body,
        known: body,
        tree,
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
    depth: u32,
    tree: &mut Tree,
) -> Fast<u32> {
    refuse_odd_bytes(&text[lines.clone()])?;
    let mut parser = Parser {
        bytes: &text.as_bytes()[..lines.end],
        end: lines.end,
        at: lines.start,
        line: lines.start,
        known: lines.start,
        tree,
    };
    let column = parser.next_content()?.ok_or(GiveUp)?;
    let root = parser.block(column, -1, NONE, depth)?;
    match parser.next_content()? {
        None => Ok(root),
        Some(_) => Err(GiveUp),
    }
}

/// Control and other special characters and a lone CR are left to `full`.
fn refuse_odd_bytes(part: &str) -> Fast<()> {
    let bytes = part.as_bytes();
    // A pass that the compiler can vectorise; the exact tests below run for few documents.
    let special =
        |special: bool, c: &u8| special | ((c.wrapping_sub(b' ') > b'~' - b' ') & (*c != b'\n'));
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

    /// The next `:`, `#` or `\n`, or the end.
    #[inline(always)]
    fn stop(&self, mut i: usize) -> usize {
        while let Some(eight) = self.eight(i) {
            let found = any_of_three(eight, b':', b'#', b'\n');
            if found != 0 {
                return i + found.trailing_zeros() as usize / 8;
            }
            i += 8;
        }
        while i < self.end && !matches!(self.bytes[i], b':' | b'#' | b'\n') {
            i += 1;
        }
        i
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
        let Some(column) = self.next_content()? else {
            return Ok(self.tree.push(Kind::Empty, empty_at, empty_at, NONE));
        };
        let root = self.block(column, -1, NONE, 0)?;
        match self.next_content()? {
            None => Ok(root),
            Some(_) => Err(GiveUp),
        }
    }

    #[inline]
    fn is_dash(&self, i: usize) -> bool {
        self.byte(i) == b'-' && self.is_gap(i + 1)
    }

    /// The block node at the cursor, in `column`, below a parent at column `indent`.
    fn block(&mut self, column: usize, indent: isize, parent: u32, depth: u32) -> Fast<u32> {
        if depth > MAX_DEPTH {
            return Err(GiveUp);
        }
        if self.is_dash(self.at) {
            return self.sequence(column, parent, depth);
        }
        match self.key()? {
            Some(key) => self.map(column, key, parent, depth),
            None => self.inline(indent, parent, depth),
        }
    }

    fn map(&mut self, column: usize, first: Key, parent: u32, depth: u32) -> Fast<u32> {
        let map = self.tree.push(Kind::BlockMap, self.at, self.at, parent);
        let mut last = NONE;
        let mut key = first;
        let mut bits = 0;
        loop {
            let text = &self.bytes[self.at..key.end];
            let id = self.tree.push_key(key.kind, self.at, text, map);
            bits |= self.tree.at(id).bits();
            self.tree.link(map, last, id);
            last = match self.quick_value(column, key.colon + 1, map) {
                Some(value) => value,
                None => self.map_value(column, key.colon + 1, map, depth)?,
            };
            if let Some(next) = self.quick_key(column) {
                key = next;
                continue;
            }
            match self.next_content()? {
                Some(c) if c == column && !self.is_dash(self.at) => {
                    key = self.key()?.ok_or(GiveUp)?
                }
                Some(c) if c >= column => return Err(GiveUp),
                _ => break,
            }
        }
        let end = self.tree.at(last).end;
        let data = self.tree.at_mut(map);
        (data.end, data.digest) = (end, bits);
        Ok(map)
    }

    /// The key of the next line, if it is in `column` and of the ordinary form.
    #[inline(always)]
    fn quick_key(&mut self, column: usize) -> Option<Key> {
        let at = self.known;
        let is_there = at >= self.line && at - self.line == column;
        if !is_there || !self.bytes.get(at)?.is_ascii_alphanumeric() {
            return None;
        }
        let colon = self.stop(at + 1);
        let (before, behind) = match self.bytes.get(colon - 1..)? {
            [before, b':', behind, ..] => (*before, *behind),
            _ => return None,
        };
        let is_ordinary = !matches!(before, b' ' | b'\t') && matches!(behind, b' ' | b'\n');
        if !is_ordinary || colon - at > MAX_KEY {
            return None;
        }
        self.at = at;
        Some(Key {
            kind: Kind::Plain,
            end: colon,
            colon,
        })
    }

    /// The value behind the colon that ends at `after`, if it is of the ordinary form: a plain scalar on one line. Otherwise
    /// nothing has moved.
    #[inline(always)]
    fn quick_value(&mut self, column: usize, after: usize, map: u32) -> Option<u32> {
        let start = after + 1;
        match self.bytes.get(after..) {
            Some([b' ', c, ..]) if c.is_ascii_alphanumeric() || *c == b'/' => {}
            _ => return None,
        }
        let mut end = start;
        loop {
            end = self.stop(end + 1);
            match self.bytes.get(end - 1..) {
                Some([_, b':', c, ..]) if !matches!(c, b' ' | b'\n' | b'\r' | b'\t') => {}
                Some([before, b'#', ..]) if !matches!(before, b' ' | b'\t') => {}
                Some([before, b'\n', ..]) if !matches!(before, b' ' | b'\t' | b'\r') => break,
                _ => return None,
            }
        }
        let line = end + 1;
        let known = self.skip_spaces(line);
        match self.bytes.get(known) {
            Some(b'\n' | b'\r' | b'\t') => return None,
            Some(c) if known - line > column && *c != b'#' => return None,
            _ => {}
        }
        (self.line, self.known) = (line, known);
        Some(self.tree.push(Kind::Plain, start, end, map))
    }

    /// The value behind the colon that ends at `after`.
    #[inline]
    fn map_value(&mut self, column: usize, after: usize, map: u32, depth: u32) -> Fast<u32> {
        self.at = self.skip_spaces(after);
        match self.byte(self.at) {
            b'\n' | b'\r' => {}
            b'#' if self.at > after => {}
            _ => return self.inline(column as isize, map, depth + 1),
        }
        self.line = self.next_line(self.at);
        match self.next_content()? {
            Some(c) if c > column => self.block(c, column as isize, map, depth + 1),
            // Items may stand in the column of their key.
            Some(c) if c == column && self.is_dash(self.at) => self.sequence(c, map, depth + 1),
            _ => Ok(self.tree.push(Kind::Empty, after, after, map)),
        }
    }

    fn sequence(&mut self, column: usize, parent: u32, depth: u32) -> Fast<u32> {
        if depth > MAX_DEPTH {
            return Err(GiveUp);
        }
        let sequence = self
            .tree
            .push(Kind::BlockSequence, self.at, self.at, parent);
        let mut last = NONE;
        loop {
            let item = self.item(column, sequence, depth)?;
            self.tree.link(sequence, last, item);
            last = item;
            match self.next_content()? {
                Some(c) if c == column && self.is_dash(self.at) => {}
                Some(c) if c > column => return Err(GiveUp),
                _ => break, // the map around an unindented sequence may go on in this column
            }
        }
        self.tree.at_mut(sequence).end = self.tree.at(last).end;
        Ok(sequence)
    }

    /// The item behind the dash at the cursor.
    #[inline]
    fn item(&mut self, column: usize, sequence: u32, depth: u32) -> Fast<u32> {
        let after = self.at + 1;
        self.at = self.skip_spaces(after);
        match self.byte(self.at) {
            b'\t' => return Err(GiveUp),
            b'\n' | b'\r' | b'#' => {}
            _ => return self.block(self.at - self.line, column as isize, sequence, depth + 1),
        }
        self.line = self.next_line(self.at);
        match self.next_content()? {
            Some(c) if c > column => self.block(c, column as isize, sequence, depth + 1),
            _ => Ok(self.tree.push(Kind::Empty, after, after, sequence)),
        }
    }

    /// A scalar or flow collection that starts at the cursor. Ends at the start of a line.
    fn inline(&mut self, indent: isize, parent: u32, depth: u32) -> Fast<u32> {
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
                Ok(self.tree.push(quoted_kind(quote), start, end, parent))
            }
            b'[' | b'{' => {
                let node = self.flow(parent, depth)?;
                self.check_lines(start, self.at, indent)?;
                self.finish_line()?;
                Ok(node)
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
