//! Flow collections: `{}` and `[]`, on one line or several.

use super::super::tree::{Kind, NONE};
use super::scalars::PLAIN_START;
use super::{Fast, GiveUp, MAX_DEPTH, MAX_KEY, Parser, is_break, quoted_kind};
use memchr::memchr;

fn is_flow_indicator(c: u8) -> bool {
    matches!(c, b',' | b'[' | b']' | b'{' | b'}')
}

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
    pub(super) fn flow(&mut self, parent: u32, depth: u32) -> Fast<u32> {
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
        let mut last = NONE;
        self.at += 1;
        loop {
            self.skip_flow_blank()?;
            if self.here()? == close {
                break;
            }
            let child = self.flow_node(node, depth, is_map)?;
            self.tree.link(node, last, child);
            last = child;
            if is_map {
                let bits = self.tree.at(child).bits();
                self.tree.at_mut(node).digest |= bits;
                last = self.flow_value(child, node, depth)?;
            }
            self.skip_flow_blank()?;
            match self.here()? {
                b',' => self.at += 1,
                c if c == close => {}
                _ => return Err(GiveUp),
            }
        }
        self.at += 1;
        self.tree.at_mut(node).end = self.at as u32;
        Ok(node)
    }

    fn flow_value(&mut self, key: u32, map: u32, depth: u32) -> Fast<u32> {
        self.at = self.skip_spaces(self.at);
        if self.here()? != b':' {
            return Err(GiveUp);
        }
        self.at += 1;
        // `{"a":1}` is fine, `{a:1}` is the lone key `a:1`.
        let quoted = matches!(self.tree.at(key).kind, Kind::Double | Kind::Single);
        if !quoted && !self.is_gap(self.at) {
            return Err(GiveUp);
        }
        self.skip_flow_blank()?;
        if matches!(self.here()?, b',' | b'}') {
            return Err(GiveUp);
        }
        let value = self.flow_node(map, depth, false)?;
        self.tree.link(map, key, value);
        Ok(value)
    }

    fn flow_node(&mut self, parent: u32, depth: u32, is_key: bool) -> Fast<u32> {
        let start = self.at;
        match self.bytes[start] {
            b'[' | b'{' if is_key => Err(GiveUp),
            b'[' | b'{' => self.flow(parent, depth + 1),
            quote @ (b'"' | b'\'') => {
                let end = self.quoted_end(start)?;
                let odd_key =
                    end - start > MAX_KEY || memchr(b'\n', &self.bytes[start..end]).is_some();
                if is_key && odd_key {
                    return Err(GiveUp);
                }
                self.at = end;
                Ok(self.tree.push(quoted_kind(quote), start, end, parent))
            }
            _ => self.flow_plain(parent, is_key),
        }
    }

    /// A plain scalar of one line; in flow context longer ones are rare, and pairs look like them.
    fn flow_plain(&mut self, parent: u32, is_key: bool) -> Fast<u32> {
        let start = self.at;
        let dash = self.bytes[start] == b'-'
            && !self.is_gap(start + 1)
            && self.byte(start + 1) != b'\t'
            && !is_flow_indicator(self.byte(start + 1));
        if !PLAIN_START[self.bytes[start] as usize] && !dash {
            return Err(GiveUp);
        }
        let stop = self.flow_plain_stop(start)?;
        let mut end = stop;
        while self.bytes[end - 1] == b' ' {
            end -= 1;
        }
        if is_key && end - start > MAX_KEY {
            return Err(GiveUp);
        }
        self.at = end;
        self.refuse_infinity(start, end)?;
        self.expect_end_of_plain(is_key)?;
        Ok(match is_key {
            true => {
                let key = &self.bytes[start..end];
                self.tree.push_key(Kind::Plain, start, key, parent)
            }
            false => self.tree.push(Kind::Plain, start, end, parent),
        })
    }

    fn flow_plain_stop(&self, start: usize) -> Fast<usize> {
        let mut at = start;
        while at < self.end {
            match self.bytes[at] {
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

    /// What follows a plain scalar: the colon of a key, on its line, or the end of a value.
    fn expect_end_of_plain(&mut self, is_key: bool) -> Fast<()> {
        let (at, line) = (self.at, self.line);
        self.skip_flow_blank()?;
        let next = self.here()?;
        let same_line = !self.bytes[at..self.at].iter().any(|c| is_break(*c));
        let expected = if is_key {
            next == b':' && same_line
        } else {
            matches!(next, b',' | b']' | b'}')
        };
        (self.at, self.line) = (at, line);
        if expected { Ok(()) } else { Err(GiveUp) }
    }
}
