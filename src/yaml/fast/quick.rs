//! Entries of a block map on one line, most of all text, without looking at what is rare.

use super::{BEGINS, KEY, Kind, MAX_KEY, Parser, VALUE, quoted_kind};

impl Parser<'_> {
    /// The colon of the key at the cursor, if it is of the ordinary form.
    #[inline(always)]
    pub(super) fn quick_key(&self) -> Option<usize> {
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
    pub(super) fn quick_content(&mut self) -> i32 {
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
    pub(super) fn quick_value(&mut self, column: i32, after: usize, map: u32) -> Option<i32> {
        match self.bytes.get(after..)? {
            [b' ', c, ..] if BEGINS[usize::from(*c)] & VALUE != 0 || matches!(c, b'"' | b'\'') => {
                self.quick_scalar(column, after + 1, map)
            }
            _ => None,
        }
    }

    /// What begins at `start`, below what is in `column`, if it is of the ordinary form: a scalar on one line, plain or in
    /// quotes, and no key. Otherwise nothing has moved. As [`Parser::quick_content`] for the line behind it.
    #[inline(never)]
    pub(super) fn quick_scalar(&mut self, column: i32, start: usize, parent: u32) -> Option<i32> {
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
}
