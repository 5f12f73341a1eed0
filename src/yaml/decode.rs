//! The content of a scalar from its source: unfolding, unescaping, removing indentation.
//!
//! Our own for both parsers, so that they agree, and so that a block scalar which the end of the
//! file cuts short reads as in Go: without a final line break.

use super::tree::{Kind, has_any};
use std::borrow::Cow;

/// Content of a plain or quoted scalar; `raw` includes the quotes.
pub(super) fn flow_scalar(kind: Kind, raw: &str) -> Cow<'_, str> {
    let body = match kind {
        Kind::Single | Kind::Double if raw.len() >= 2 => &raw[1..raw.len() - 1],
        _ => raw,
    };
    let special = match kind {
        Kind::Double => b'\\',
        Kind::Single => b'\'',
        _ => b'\n',
    };
    if has_any(body.as_bytes(), b'\n', b'\r', special) {
        Cow::Owned(Unfold::new(kind, body).run())
    } else {
        Cow::Borrowed(body)
    }
}

/// Joins the lines of a flow scalar: blanks around a break go, one break is a space, more breaks
/// are one less.
struct Unfold<'a> {
    kind: Kind,
    rest: &'a str,
    out: String,
    /// Up to here `out` is content; behind it are blanks that a break would remove.
    keep: usize,
}

impl<'a> Unfold<'a> {
    fn new(kind: Kind, body: &'a str) -> Self {
        Unfold {
            kind,
            rest: body,
            out: String::with_capacity(body.len()),
            keep: 0,
        }
    }

    fn run(mut self) -> String {
        while let Some(c) = self.rest.chars().next() {
            self.rest = &self.rest[c.len_utf8()..];
            match c {
                '\n' | '\r' => self.line_break(c),
                '\\' if self.kind == Kind::Double => self.escape(),
                '\'' if self.kind == Kind::Single => {
                    self.rest = self.rest.strip_prefix('\'').unwrap_or(self.rest);
                    self.push(c);
                }
                ' ' | '\t' => self.out.push(c),
                _ => self.push(c),
            }
        }
        self.out
    }

    fn push(&mut self, c: char) {
        self.out.push(c);
        self.keep = self.out.len();
    }

    fn line_break(&mut self, first: char) {
        self.out.truncate(self.keep);
        let empty = self.skip_lines(first);
        if empty == 0 {
            self.out.push(' ');
        }
        self.push_breaks(empty);
    }

    fn push_breaks(&mut self, count: usize) {
        self.out.extend(std::iter::repeat_n('\n', count));
        self.keep = self.out.len();
    }

    /// Behind a line break: moves to the text of the next line that has some, and counts the empty
    /// lines before it.
    fn skip_lines(&mut self, first: char) -> usize {
        let mut empty = 0;
        if first == '\r' {
            self.rest = self.rest.strip_prefix('\n').unwrap_or(self.rest);
        }
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t']);
            match strip_break(self.rest) {
                Some(rest) => {
                    self.rest = rest;
                    empty += 1;
                }
                None => return empty,
            }
        }
    }

    fn escape(&mut self) {
        let Some(c) = self.rest.chars().next() else {
            return;
        };
        self.rest = &self.rest[c.len_utf8()..];
        let plain = match c {
            '0' => '\0',
            'a' => '\x07',
            'b' => '\x08',
            't' | '\t' => '\t',
            'n' => '\n',
            'v' => '\x0b',
            'f' => '\x0c',
            'r' => '\r',
            'e' => '\x1b',
            'N' => '\u{85}',
            '_' => '\u{a0}',
            'L' => '\u{2028}',
            'P' => '\u{2029}',
            'x' => return self.hex(2),
            'u' => return self.hex(4),
            'U' => return self.hex(8),
            '\n' | '\r' => {
                // An escaped break joins the lines; blanks before the backslash stay.
                self.keep = self.out.len();
                let empty = self.skip_lines(c);
                return self.push_breaks(empty);
            }
            other => other,
        };
        self.push(plain);
    }

    fn hex(&mut self, digits: usize) {
        let code = self.code(digits).unwrap_or(0xfffd);
        // Two escapes may make one character, as JSON writes it.
        if (0xd800..0xdc00).contains(&code)
            && let Some(rest) = self.rest.strip_prefix("\\u")
        {
            let before = std::mem::replace(&mut self.rest, rest);
            if let Some(low) = self.code(4).filter(|low| (0xdc00..0xe000).contains(low)) {
                let code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                return self.push(char::from_u32(code).unwrap_or('\u{fffd}'));
            }
            self.rest = before;
        }
        self.push(char::from_u32(code).unwrap_or('\u{fffd}'));
    }

    fn code(&mut self, digits: usize) -> Option<u32> {
        let text = self.rest.get(..digits)?;
        let code = u32::from_str_radix(text, 16).ok()?;
        self.rest = &self.rest[digits..];
        Some(code)
    }
}

fn strip_break(text: &str) -> Option<&str> {
    text.strip_prefix("\r\n")
        .or_else(|| text.strip_prefix(['\n', '\r']))
}

/// The indicators behind `|` or `>`.
pub(super) struct Header {
    /// `+` or `-`, if given.
    pub(super) chomp: Option<u8>,
    /// The indentation indicator, if given.
    pub(super) indent: Option<usize>,
    /// How many bytes the indicators take.
    pub(super) len: usize,
}

/// Reads the header of a block scalar.
pub(super) fn header(raw: &str) -> Header {
    let mut header = Header {
        chomp: None,
        indent: None,
        len: 0,
    };
    for c in raw.bytes().skip(1) {
        match c {
            b'+' | b'-' => header.chomp = Some(c),
            b'0'..=b'9' => header.indent = Some((c - b'0') as usize),
            _ => break,
        }
        header.len += 1;
    }
    header
}

/// Content of a block scalar. `parent` is the column of its collection: an
/// indentation indicator counts from there.
pub(super) fn block_scalar(kind: Kind, raw: &str, parent: usize) -> String {
    let header = header(raw);
    let body = raw.find('\n').map_or("", |n| &raw[n + 1..]);
    let indent = match header.indent {
        Some(indent) => parent + indent,
        None => first_indent(body),
    };
    let mut out = String::with_capacity(body.len());
    let mut blank_before = false; // the last line with text started with a blank
    let mut line_break = ""; // the break behind the last line with text
    let mut empty = 0; // empty lines since then
    for line in body.split_inclusive('\n') {
        let text = line.trim_end_matches('\n');
        let ended = text.len() < line.len();
        let text = text.strip_suffix('\r').unwrap_or(text);
        let spaces = text.bytes().take_while(|c| *c == b' ').count();
        let text = &text[spaces.min(indent)..];
        if text.is_empty() {
            empty += usize::from(ended);
            continue;
        }
        let blank = text.starts_with([' ', '\t']);
        if kind == Kind::Folded && !line_break.is_empty() && !blank_before && !blank {
            if empty == 0 {
                out.push(' ');
            }
        } else {
            out.push_str(line_break);
        }
        out.extend(std::iter::repeat_n('\n', empty));
        out.push_str(text);
        (blank_before, line_break, empty) = (blank, if ended { "\n" } else { "" }, 0);
    }
    if header.chomp != Some(b'-') {
        out.push_str(line_break);
    }
    if header.chomp == Some(b'+') {
        out.extend(std::iter::repeat_n('\n', empty));
    }
    out
}

/// Indentation of the first line with text.
fn first_indent(body: &str) -> usize {
    let lines = body
        .lines()
        .map(|line| (line, line.bytes().take_while(|c| *c == b' ').count()));
    lines
        .filter(|(line, spaces)| *spaces < line.len())
        .map(|(_, spaces)| spaces)
        .next()
        .unwrap_or(usize::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn flow_scalars_unfold() {
        let cases = [
            (Kind::Plain, "a\n  b\n\n  c", "a b\nc"),
            (Kind::Single, "'it''s \n  x'", "it's x"),
            (Kind::Double, r#""a\tb\\\"\x41\u00e9""#, "a\tb\\\"Aé"),
            (Kind::Double, "\"a \\\n  b\\\n\n  c\"", "a b\nc"),
            (Kind::Double, "\" a  \r\n\r\n b \"", " a\nb "),
            (Kind::Double, r#""\ud83d\ude00""#, "😀"),
        ];
        for (kind, raw, text) in cases {
            assert_eq!(flow_scalar(kind, raw), text, "{raw}");
        }
    }

    #[test]
    fn block_scalars_chomp_fold_and_end_with_the_file_as_in_go() {
        let cases = [
            (Kind::Literal, "|\n  a\n   b\n\n  c\n", "a\n b\n\nc\n"),
            (Kind::Literal, "|-\n  a\n", "a"),
            (Kind::Literal, "|+\n  a\n\n", "a\n\n"),
            (Kind::Literal, "|\n  a", "a"),
            (Kind::Literal, "|2\n   a\n", " a\n"),
            (
                Kind::Folded,
                ">\n  a\n  b\n\n  c\n   d\n  e\n",
                "a b\nc\n d\ne\n",
            ),
            (Kind::Literal, "|\r\n  a\r\n  b\r\n", "a\nb\n"),
            (Kind::Literal, "|", ""),
        ];
        for (kind, raw, text) in cases {
            assert_eq!(block_scalar(kind, raw, 0), text, "{raw:?}");
        }
    }
}
