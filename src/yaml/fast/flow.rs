//! Flow collections: `{}` and `[]`, on one line or several.

use super::super::tree::Kind;
use super::bytes::table;
use super::scalars::PLAIN_START;
use super::{Fast, GiveUp, Key, Keys, MAX_DEPTH, MAX_KEY, Parser, quoted_kind};
use memchr::memchr;

fn is_flow_indicator(c: u8) -> bool {
    matches!(c, b',' | b'[' | b']' | b'{' | b'}')
}

/// What can end a plain scalar.
static STOPS: [bool; 256] = table(b"[]{},?:#\t\n\r", true);

impl Parser<'_> {
    /// The byte at the cursor; a flow collection that meets the end of its chunk is not closed.
    fn here(&self) -> Fast<u8> {
        if self.at < self.end {
            Ok(self.bytes[self.at])
        } else {
            Err(GiveUp)
        }
    }

    /// Moves over spaces, line breaks and comments.
    fn skip_flow_blank(&mut self) -> Fast<()> {
        loop {
            match self.here()? {
                b' ' => self.at += 1,
                b'\n' | b'\r' => {
                    self.at += 1;
                    self.line = self.at;
                }
                b'#' if matches!(self.bytes[self.at - 1], b' ' | b'\n') => {
                    self.at =
                        memchr(b'\n', &self.bytes[self.at..self.end]).ok_or(GiveUp)? + self.at;
                }
                b'\t' | b'#' => return Err(GiveUp),
                _ => return Ok(()),
            }
        }
    }

    /// The collection whose bracket is at the cursor.
    pub(super) fn flow(&mut self, parent: u32, depth: usize) -> Fast<()> {
        if depth > MAX_DEPTH {
            return Err(GiveUp);
        }
        let start = self.at;
        let is_map = self.bytes[start] == b'{';
        let (kind, close) = if is_map {
            (Kind::FlowMap, b'}')
        } else {
            (Kind::FlowSequence, b']')
        };
        let node = self.tree.push(kind, start, start, parent);
        let mut keys = Keys::NONE;
        self.at += 1;
        loop {
            self.skip_flow_blank()?;
            if self.here()? == close {
                break;
            }
            if is_map {
                self.flow_key(node, &mut keys)?;
            }
            self.flow_node(node, depth)?;
            self.skip_flow_blank()?;
            match self.here()? {
                b',' => self.at += 1,
                c if c == close => {}
                _ => return Err(GiveUp),
            }
        }
        self.at += 1;
        self.tree.close_flow(node, self.at);
        if keys.are_unsure != 0 {
            self.tree.unsure.push(node);
        }
        Ok(())
    }

    /// A key, and what is between it and its value.
    fn flow_key(&mut self, map: u32, keys: &mut Keys) -> Fast<()> {
        let start = self.at;
        let (kind, end) = match self.bytes[start] {
            b'[' | b'{' => return Err(GiveUp),
            quote @ (b'"' | b'\'') => {
                let end = self.quoted_end(start)?;
                if memchr(b'\n', &self.bytes[start..end]).is_some() {
                    return Err(GiveUp);
                }
                (quoted_kind(quote), end)
            }
            _ => (Kind::Plain, self.flow_plain_end(start)?),
        };
        let colon = self.skip_spaces(end);
        if end - start > MAX_KEY || colon >= self.end || self.bytes[colon] != b':' {
            return Err(GiveUp);
        }
        let key = Key { kind, end, colon };
        self.push_other_key(&key, map, keys);
        self.at = colon + 1;
        // `{"a":1}` is fine, `{a:1}` is the lone key `a:1`.
        if kind == Kind::Plain && !self.is_gap(self.at) {
            return Err(GiveUp);
        }
        self.skip_flow_blank()?;
        match self.here()? {
            b',' | b'}' => Err(GiveUp),
            _ => Ok(()),
        }
    }

    /// A value or an item.
    fn flow_node(&mut self, parent: u32, depth: usize) -> Fast<()> {
        let start = self.at;
        let kind = match self.bytes[start] {
            b'[' | b'{' => return self.flow(parent, depth + 1),
            quote @ (b'"' | b'\'') => {
                self.at = self.quoted_end(start)?;
                quoted_kind(quote)
            }
            _ => {
                self.at = self.flow_plain_end(start)?;
                self.expect_end_of_plain()?;
                Kind::Plain
            }
        };
        self.tree.push(kind, start, self.at, parent);
        Ok(())
    }

    /// The end of a plain scalar of one line; in flow context longer ones are rare, and pairs look like them.
    fn flow_plain_end(&self, start: usize) -> Fast<usize> {
        // To Kubernetes' readers, a `-` alone is a text if nothing is between it and what ends it.
        let dash = self.bytes[start] == b'-'
            && !self.is_gap(start + 1)
            && !matches!(self.byte(start + 1), b'\t' | b'[' | b'{');
        if !PLAIN_START[self.bytes[start] as usize] && !dash {
            return Err(GiveUp);
        }
        let mut end = self.flow_plain_stop(start)?;
        while self.bytes[end - 1] == b' ' {
            end -= 1;
        }
        self.refuse_infinity(start, end)?;
        Ok(end)
    }

    fn flow_plain_stop(&self, start: usize) -> Fast<usize> {
        let mut at = start;
        while at < self.end {
            match self.bytes[at] {
                c if !STOPS[usize::from(c)] => at += 1,
                // To Kubernetes' readers, a `?` ends the text.
                b'[' | b'{' | b'\t' | b'?' => return Err(GiveUp),
                b',' | b']' | b'}' | b'\n' | b'\r' => return Ok(at),
                b':' if self.is_gap(at + 1) => return Ok(at),
                b':' if self.byte(at + 1) == b'\t' || is_flow_indicator(self.byte(at + 1)) => {
                    return Ok(at);
                }
                b'#' if self.bytes[at - 1] == b' ' => return Ok(at),
                _ => at += 1,
            }
        }
        Err(GiveUp)
    }

    /// What follows a plain value or item: only its end, perhaps on another line.
    fn expect_end_of_plain(&mut self) -> Fast<()> {
        let (at, line) = (self.at, self.line);
        self.skip_flow_blank()?;
        let next = self.here()?;
        (self.at, self.line) = (at, line);
        match next {
            b',' | b']' | b'}' => Ok(()),
            _ => Err(GiveUp),
        }
    }
}
