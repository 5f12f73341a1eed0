//! Lines, columns and positions.

use super::{Characters, Stream};
use std::fmt;

/// Line ends this near are found by a search.
const NEAR: usize = 512;

/// Lines are counted to the start of a block once, and from there each time.
pub(super) const BLOCK: usize = 2048;

/// A place in a text as an editor shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl Position {
    /// The position of a byte offset, found by counting from the start of the text.
    pub(in crate::yaml) fn of(text: &str, offset: usize) -> Position {
        let offset = text.floor_char_boundary(offset.min(text.len()));
        let before = &text.as_bytes()[..offset];
        let start = memchr::memrchr(b'\n', before).map_or(0, |n| n + 1);
        let line = memchr::memchr_iter(b'\n', &before[..start]).count() + 1;
        Position {
            line,
            column: column(&text[start..offset]),
        }
    }
}

/// Characters before the cursor, plus one. A byte order mark has no width.
fn column(line: &str) -> usize {
    line.trim_start_matches('\u{feff}').chars().count() + 1
}

impl Stream {
    /// Line and column of a byte offset; offsets behind the end count as the end.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let offset = self.text.floor_char_boundary(offset.min(self.text.len()));
        let (line, start) = self.line(offset);
        Position {
            line,
            column: self.characters(start, offset) + 1,
        }
    }

    /// The number of the line of an offset, from 1, and its start.
    fn line(&self, offset: usize) -> (usize, usize) {
        let text = self.text.as_bytes();
        let blocks = self.lines.get_or_init(|| {
            let (mut line, mut start) = (1, 0);
            let of_block = |(number, block): (usize, &[u8])| {
                let first = (line, start);
                line += memchr::memchr_iter(b'\n', block).count() as u32;
                if let Some(last) = memchr::memrchr(b'\n', block) {
                    start = (number * BLOCK + last + 1) as u32;
                }
                first
            };
            let blocks = text.chunks(BLOCK).enumerate().map(of_block);
            let mut blocks: Vec<(u32, u32)> = blocks.collect();
            // The end of the text may be the start of a block.
            blocks.push((line, start));
            blocks
        });
        let block = offset / BLOCK;
        let (line, start) = blocks[block];
        let before = &text[block * BLOCK..offset];
        let line = line as usize + memchr::memchr_iter(b'\n', before).count();
        let last = memchr::memrchr(b'\n', before);
        (line, last.map_or(start as usize, |n| block * BLOCK + n + 1))
    }

    /// The characters of a part of a line. A byte order mark has no width.
    fn characters(&self, start: usize, end: usize) -> usize {
        /// The characters of shorter lines are counted each time.
        const SHORT: usize = 512;
        if end - start <= SHORT {
            return column(&self.text[start..end]) - 1;
        }
        let marks =
            self.text[start..].len() - self.text[start..].trim_start_matches('\u{feff}').len();
        let characters = self.characters.get_or_init(|| Characters::of(&self.text));
        characters.between(&self.text, (start + marks).min(end), end)
    }

    /// The start of the line of a byte.
    pub fn line_start(&self, at: usize) -> usize {
        let near = at.saturating_sub(NEAR);
        match memchr::memrchr(b'\n', &self.text.as_bytes()[near..at]) {
            Some(feed) => near + feed + 1,
            None if near == 0 => 0,
            None => {
                let feeds = self.line_feeds();
                let before = feeds.partition_point(|feed| (*feed as usize) < at);
                before
                    .checked_sub(1)
                    .map_or(0, |last| feeds[last] as usize + 1)
            }
        }
    }

    /// The line feed at or behind a byte, or the end of the text.
    pub(in crate::yaml) fn line_end(&self, at: usize) -> usize {
        let near = self.text.len().min(at + NEAR);
        match memchr::memchr(b'\n', &self.text.as_bytes()[at..near]) {
            Some(feed) => at + feed,
            None if near == self.text.len() => near,
            None => {
                let feeds = self.line_feeds();
                let before = feeds.partition_point(|feed| (*feed as usize) < at);
                feeds
                    .get(before)
                    .map_or(self.text.len(), |feed| *feed as usize)
            }
        }
    }

    /// All line feeds, for very long lines, whose ends a search would pass again and again.
    fn line_feeds(&self) -> &[u32] {
        let find = || memchr::memchr_iter(b'\n', self.text.as_bytes());
        self.line_feeds
            .get_or_init(|| find().map(|at| at as u32).collect())
    }

    /// Column of an offset in characters, from 0.
    pub(in crate::yaml) fn column(&self, offset: usize) -> usize {
        /// In most texts the start of the line is not farther away.
        const NEAR: usize = 4096;
        let near = offset.saturating_sub(NEAR);
        let start = match memchr::memrchr(b'\n', &self.text.as_bytes()[near..offset]) {
            Some(newline) => near + newline + 1,
            None if near == 0 => 0,
            None => self.line(offset).1,
        };
        self.characters(start, offset)
    }
}
