//! Where scalars of block context end, and whether a line starts with a key.

use super::super::tree::Kind;
use super::bytes::table;
use super::{Fast, GiveUp, Key, MAX_KEY, Parser, is_break, quoted_kind};
use memchr::{memchr, memchr2};

/// Bytes that may start a plain scalar whatever follows them.
pub(super) static PLAIN_START: [bool; 256] = table(b"-?:,[]{}#&*!|>'\"%@` \t\n\r", false);

/// The first line of a block scalar.
struct Header {
    keep: bool,
    /// Indentation indicator, 0 without one.
    indent: usize,
}

impl Parser<'_> {
    /// May a plain scalar start at `i`, in block context?
    #[inline]
    fn starts_plain(&self, i: usize) -> bool {
        let c = self.bytes[i];
        PLAIN_START[c as usize]
            || (matches!(c, b'-' | b'?' | b':') && !self.is_gap(i + 1) && self.byte(i + 1) != b'\t')
    }

    /// The implicit key at the cursor, if the line has one.
    #[inline]
    pub(super) fn key(&self) -> Fast<Option<Key>> {
        match self.bytes[self.at] {
            b'"' | b'\'' => self.quoted_key(),
            b'[' | b'{' | b'|' | b'>' => Ok(None),
            _ if self.starts_plain(self.at) => self.plain_key(),
            _ => Err(GiveUp),
        }
    }

    fn quoted_key(&self) -> Fast<Option<Key>> {
        let end = self.quoted_end(self.at)?;
        let colon = self.skip_spaces(end);
        if colon >= self.end || self.bytes[colon] != b':' {
            return Ok(None);
        }
        let one_line = memchr(b'\n', &self.bytes[self.at..end]).is_none();
        if !one_line || !self.is_gap(colon + 1) || colon - self.at > MAX_KEY {
            return Err(GiveUp);
        }
        Ok(Some(Key {
            kind: quoted_kind(self.bytes[self.at]),
            end,
            colon,
        }))
    }

    #[inline]
    fn plain_key(&self) -> Fast<Option<Key>> {
        let start = self.at;
        let mut at = start + 1;
        loop {
            at = self.far_stop(at);
            match self.byte(at) {
                b'\n' => return Ok(None),
                b'#' if matches!(self.bytes[at - 1], b' ' | b'\t') => return Ok(None),
                b':' if self.is_gap(at + 1) => break,
                b':' if self.byte(at + 1) == b'\t' => return Err(GiveUp),
                _ => at += 1,
            }
        }
        let end = self.trim_end(at, start);
        if self.bytes[end - 1] == b'\t' || at - start > MAX_KEY {
            return Err(GiveUp);
        }
        Ok(Some(Key {
            kind: Kind::Plain,
            end,
            colon: at,
        }))
    }

    /// `end` without the spaces before it.
    #[inline]
    pub(super) fn trim_end(&self, mut end: usize, start: usize) -> usize {
        while end > start && self.bytes[end - 1] == b' ' {
            end -= 1;
        }
        end
    }

    /// End of the quoted scalar that starts at `start`, behind its closing quote.
    pub(super) fn quoted_end(&self, start: usize) -> Fast<usize> {
        let quote = self.bytes[start];
        let mut at = start + 1;
        loop {
            let rest = self.bytes.get(at..self.end).ok_or(GiveUp)?;
            let found = if quote == b'"' {
                memchr2(b'"', b'\\', rest)
            } else {
                memchr(b'\'', rest)
            };
            at += found.ok_or(GiveUp)?;
            if self.bytes[at] == b'\\' {
                at = self.escape_end(at)?;
            } else if quote == b'\'' && at + 1 < self.end && self.bytes[at + 1] == b'\'' {
                at += 2;
            } else {
                return Ok(at + 1);
            }
        }
    }

    /// End of the escape at `at`. `\/` is left out: the readers of Kubernetes reject it.
    fn escape_end(&self, at: usize) -> Fast<usize> {
        let digits = match self.byte(at + 1) {
            b'0' | b'a' | b'b' | b't' | b'n' | b'v' | b'f' | b'r' | b'e' => 0,
            b' ' | b'"' | b'\\' | b'N' | b'_' | b'L' | b'P' | b'\n' | b'\r' => 0,
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            _ => return Err(GiveUp),
        };
        let end = at + 2 + digits;
        if digits > 0 {
            let digits = self.bytes.get(at + 2..end).ok_or(GiveUp)?;
            let code = digits.iter().try_fold(0u32, |code, c| {
                let digit = (*c as char).to_digit(16)?;
                code.checked_mul(16)?.checked_add(digit)
            });
            // A surrogate is no character.
            code.and_then(char::from_u32).ok_or(GiveUp)?;
        }
        Ok(end)
    }

    /// Lines behind the first of `start..end` must be blank or indented by more than `indent`.
    pub(super) fn check_lines(&self, start: usize, end: usize, indent: i32) -> Fast<()> {
        let mut from = start;
        while let Some(n) = memchr(b'\n', &self.bytes[from..end]) {
            let line = from + n + 1;
            let at = self.skip_spaces(line).min(end);
            let blank = at >= end || is_break(self.bytes[at]);
            if self.is_marker(line) {
                return Err(GiveUp);
            }
            if !blank && ((at - line) as i32 <= indent || self.bytes[at] == b'\t') {
                return Err(GiveUp);
            }
            from = line;
        }
        Ok(())
    }

    /// A plain scalar at the cursor, with its continuation lines.
    pub(super) fn plain(&mut self, indent: i32, parent: u32) -> Fast<()> {
        let start = self.at;
        if !self.starts_plain(start) {
            return Err(GiveUp);
        }
        let (mut end, mut comment) = self.plain_line(start)?;
        loop {
            let mut line = self.line;
            let mut at = self.skip_spaces(line);
            self.known = at;
            while at < self.end && is_break(self.bytes[at]) {
                line = self.next_line(at);
                at = self.skip_spaces(line);
            }
            if at >= self.end {
                break;
            }
            if self.bytes[at] == b'\t' {
                return Err(GiveUp);
            }
            if (at - line) as i32 <= indent || self.bytes[at] == b'#' {
                break;
            }
            if comment || at == line && self.is_marker(line) {
                return Err(GiveUp); // text may not go on behind a comment
            }
            (end, comment) = self.plain_line(at)?;
        }
        self.refuse_infinity(start, end)?;
        self.tree.push(Kind::Plain, start, end, parent);
        Ok(())
    }

    /// `.inf` and `.nan`, which kubectl refuses.
    #[inline]
    pub(super) fn refuse_infinity(&self, start: usize, end: usize) -> Fast<()> {
        match &self.bytes[start..end] {
            [b'.', a, _, _] | [b'+' | b'-', b'.', a, _, _] if a.is_ascii_alphabetic() => {
                Err(GiveUp)
            }
            _ => Ok(()),
        }
    }

    /// One line of a plain scalar: the end of its text, and whether a comment follows.
    #[inline]
    fn plain_line(&mut self, start: usize) -> Fast<(usize, bool)> {
        let mut at = start;
        let comment = loop {
            at = self.far_stop(at);
            match self.byte(at) {
                b'\n' => break false,
                b'#' if at > start && matches!(self.bytes[at - 1], b' ' | b'\t') => break true,
                b':' if self.is_gap(at + 1) || self.byte(at + 1) == b'\t' => return Err(GiveUp),
                _ => at += 1,
            }
        };
        self.line = self.next_line(at);
        let mut end = at;
        if !comment && self.bytes[end - 1] == b'\r' {
            end -= 1;
        }
        while matches!(self.bytes[end - 1], b' ' | b'\t') {
            end -= 1;
        }
        Ok((end, comment))
    }

    pub(super) fn block_scalar(&mut self, indent: i32, parent: u32) -> Fast<()> {
        let start = self.at;
        let kind = if self.bytes[start] == b'|' {
            Kind::Literal
        } else {
            Kind::Folded
        };
        if indent < 0 {
            return Err(GiveUp); // content of a root scalar may stand at column 0
        }
        let header = self.block_header();
        self.finish_line()?;
        let end = self.block_content(indent as usize, &header)?;
        self.tree.push(kind, start, end, parent);
        Ok(())
    }

    fn block_header(&mut self) -> Header {
        let mut header = Header {
            keep: false,
            indent: 0,
        };
        let mut chomped = false;
        self.at += 1;
        loop {
            match self.byte(self.at) {
                c @ (b'+' | b'-') if !chomped => {
                    chomped = true;
                    header.keep = c == b'+';
                }
                c @ b'1'..=b'9' if header.indent == 0 => header.indent = (c - b'0') as usize,
                _ => return header,
            }
            self.at += 1;
        }
    }

    /// Moves over the lines of a block scalar and gives the end of its last one. Blank lines at
    /// the end belong to it only where it keeps them.
    fn block_content(&mut self, indent: usize, header: &Header) -> Fast<usize> {
        // Column of the content: as declared, or that of the first line that is not blank.
        let mut column = if header.indent > 0 {
            Some(indent + header.indent)
        } else {
            None
        };
        let mut longest_blank = 0;
        let mut end = self.line;
        while self.line < self.end {
            let line = self.line;
            let spaces = self.skip_spaces(line) - line;
            let width = column.map_or(spaces, |column| spaces.min(column));
            let at = line + width;
            let next = self.next_line(at);
            if is_break(self.byte(at)) {
                longest_blank = longest_blank.max(width);
                if header.keep {
                    end = next;
                }
                self.line = next;
                continue;
            }
            if column.is_some_and(|c| width < c) || (column.is_none() && width <= indent) {
                // A comment between the two columns: parsers disagree on it.
                let between = self.bytes[at] == b'#' && width > indent;
                if self.bytes[at] == b'\t' || between {
                    return Err(GiveUp);
                }
                break;
            }
            if column.is_none() {
                if longest_blank > width || self.bytes[at] == b'\t' {
                    return Err(GiveUp);
                }
                column = Some(width);
            }
            end = next;
            self.line = next;
        }
        Ok(end)
    }
}
