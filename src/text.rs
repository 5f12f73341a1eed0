//! Text for people: lines in which everything from outside is escaped.
//!
//! Names, values, paths and messages of other programs can contain newlines, terminal sequences and commands for CI systems.
//! A [`Text`] therefore begins a line only by its own methods, and escapes whatever is written into one.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};

/// The most names that are counted in a message; for more, it says only that there are more.
pub const MOST_NAMED: usize = 100;

/// The first of some names, and how many others there are: `a`, `a and b`, `a, b, c and 5 others`. More than
/// [`MOST_NAMED`] are not counted, so callers collect at most one more.
pub fn few(names: &[String]) -> Option<String> {
    let (last, before) = names.split_last()?;
    let count = match names.len() {
        0 | 1 => return Some(last.clone()),
        2 | 3 => return Some(format!("{} and {last}", before.join(", "))),
        count => count.min(MOST_NAMED) - 3,
    };
    let more_than = if names.len() > MOST_NAMED {
        "more than "
    } else {
        ""
    };
    let are = if count == 1 { "other" } else { "others" };
    Some(format!(
        "{} and {more_than}{count} {are}",
        names[..3].join(", ")
    ))
}

/// A count with its noun: `1 object`, `2 objects`.
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Lines for a terminal or a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    lines: String,
    /// Whether the last line has something other than blanks.
    has_begun: bool,
}

impl Text {
    /// One line.
    pub fn of(line: impl Display) -> Text {
        let mut text = Text::default();
        text.line(line);
        text
    }

    /// The lines of another program, each escaped.
    pub fn of_program(output: &str) -> Text {
        let mut text = Text::default();
        output.lines().for_each(|line| text.line(source(line)));
        text
    }

    /// Text of a renderer whose every part from outside was escaped.
    pub(crate) fn rendered(lines: String) -> Text {
        let has_begun = false;
        Text { lines, has_begun }
    }

    /// Writes a part of a line.
    pub fn part(&mut self, part: impl Display) {
        let start = self.lines.len();
        let _ = write!(self.lines, "{part}");
        let part = &self.lines[start..];
        let trimmed = part.trim_start();
        let is_blank = trimmed.is_empty();
        // GitHub reads a line that begins with `::` as a command, also after blanks.
        let is_command = !self.has_begun && trimmed.starts_with("::");
        if is_command || !is_plain(part) {
            let blanks = part.len() - trimmed.len();
            let mut part = self.lines.split_off(start);
            if is_command {
                part.replace_range(blanks..=blanks, "\\u{3a}");
            }
            self.lines.push_str(&escaped(&part));
        }
        self.has_begun |= !is_blank;
    }

    /// Writes a part of a line between two escape sequences of a terminal.
    pub fn painted(&mut self, on: &'static str, part: impl Display, off: &'static str) {
        self.lines.push_str(on);
        self.part(part);
        self.lines.push_str(off);
    }

    /// Ends the line.
    pub fn end(&mut self) {
        self.lines.push('\n');
        self.has_begun = false;
    }

    /// Writes a line.
    pub fn line(&mut self, line: impl Display) {
        self.part(line);
        self.end();
    }

    /// Rows of cells under each other. A long cell does not widen its column.
    pub fn columns(&mut self, indent: &str, rows: &[Vec<String>]) {
        const WIDEST: usize = 72;
        let width = |at: usize| {
            let cells = rows
                .iter()
                .filter(|row| row.len() > 1)
                .filter_map(|row| row.get(at));
            let widths = cells
                .map(|it| it.chars().count())
                .filter(|it| *it <= WIDEST);
            widths.max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..5).map(width).collect();
        for row in rows {
            let cells = row.iter().zip(&widths);
            let cells = cells.map(|(cell, width)| format!("{cell:width$}"));
            let line = cells.collect::<Vec<_>>().join("  ");
            self.line([indent, line.trim_end()].concat());
        }
    }

    /// Writes the lines of another text.
    pub fn append(&mut self, text: Text) {
        self.lines.push_str(&text.lines);
        self.has_begun = text.has_begun;
    }

    /// The lines, each with its newline.
    pub fn as_str(&self) -> &str {
        &self.lines
    }

    /// Whether it has no lines.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

/// Text without control characters, invisible characters, and the commands that Azure Pipelines, GitHub and TeamCity find
/// anywhere in a line: `##[`, `##vso[`, `##teamcity[`.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        if is_invisible(c) || c == '[' && is_command(&text[..at]) {
            match c {
                '[' => escaped.push_str("\\u{5b}"),
                c => escaped.extend(c.escape_default()),
            }
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// A value as a JSON document with a final newline, escaped.
pub fn json(value: &impl serde::Serialize) -> String {
    // Cannot fail: strings, numbers and maps with string keys.
    escaped_json(&serde_json::to_string_pretty(value).unwrap_or_default()) + "\n"
}

/// The same for the text of a JSON document, in its own escapes: its values stay as they are.
fn escaped_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for (at, c) in json.char_indices() {
        // Line breaks are between values, never in them.
        if c != '\n' && is_invisible(c) || c == '[' && is_command(&json[..at]) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// A string of YAML in double quotes, in the escapes of YAML: its value stays as it is.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for (at, c) in text.char_indices() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            c if is_invisible(c) || c == '[' && is_command(&text[..at]) => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether there is nothing to escape: all bytes are printable ASCII, and none is `#`. Eight are looked at in one go, because all
/// that is printed passes here.
fn is_plain(text: &str) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // The high bit of a byte is set here if it is not ASCII, DEL, below a blank, or `#`; the lowest such byte tells truly.
    let marks = |so_far: u64, eight: &[u8; 8]| {
        let eight = u64::from_le_bytes(*eight);
        let below = eight.wrapping_sub(ONES * u64::from(b' '));
        let is_sign = (eight ^ (ONES * u64::from(b'#'))).wrapping_sub(ONES);
        so_far | eight | eight.wrapping_add(ONES) | below | is_sign
    };
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let mut last = [b' '; 8];
    last[..rest.len()].copy_from_slice(rest);
    words.iter().chain([&last]).fold(0, marks) & HIGH == 0
}

/// A line of a manifest: escaped, with its tabs as blanks.
pub fn source(line: &str) -> Cow<'_, str> {
    match line.contains('\t') {
        true => Cow::Owned(escaped(&line.replace('\t', "    ")).into_owned()),
        false => escaped(line),
    }
}

/// A kind or name in a sentence: in quotes unless it looks like one, so that it cannot pass for other text.
pub fn word(name: &str) -> Cow<'_, str> {
    let is_plain = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(c, '-' | '.' | '_' | ':' | '/' | '@' | '+' | '~')
            || !c.is_ascii() && c.is_alphanumeric()
    };
    match name.chars().all(is_plain) && !name.starts_with(':') {
        true => Cow::Borrowed(name),
        false => Cow::Owned(format!("{name:?}")),
    }
}

/// Whether the text before a bracket makes it a command.
fn is_command(before: &str) -> bool {
    let name = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric());
    name.ends_with("##")
}

/// Characters that a terminal obeys, or that change the order of the others or hide them.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_printable() {
        for at in 0..17 {
            for c in (0..0x180).filter_map(char::from_u32) {
                let text: String = (0..17).map(|it| if it == at { c } else { 'a' }).collect();
                assert_eq!(is_plain(&text), (' '..'\u{7f}').contains(&c) && c != '#');
            }
        }
    }

    #[test]
    fn a_line_is_one_line_without_commands() {
        for (line, expected) in [
            ("plain: a # b [c] ::d", "plain: a # b [c] ::d"),
            (
                "\u{1b}]0;x\u{7}\u{7f}\u{9b}2J",
                "\\u{1b}]0;x\\u{7}\\u{7f}\\u{9b}2J",
            ),
            ("a\n::error\r\tb", "a\\n::error\\r\\tb"),
            ("::error::x", "\\u{3a}:error::x"),
            ("  ::error::x", "  \\u{3a}:error::x"),
            ("x ##vso[a]b##[c]", "x ##vso\\u{5b}a]b##\\u{5b}c]"),
            (
                "\u{202e}\u{2066}\u{200b}\u{85}\u{2028}",
                "\\u{202e}\\u{2066}\\u{200b}\\u{85}\\u{2028}",
            ),
            ("größe ✓ 日本", "größe ✓ 日本"),
        ] {
            assert_eq!(Text::of(line).as_str(), format!("{expected}\n"));
        }
    }

    #[test]
    fn json_keeps_its_values_without_commands() {
        let value = serde_json::json!({"a##vso[b]": "\u{9b}2J\u{202e}\u{e0001}\n::error::x ##[é", "c": [[]]});
        let json = escaped_json(&serde_json::to_string_pretty(&value).unwrap());
        let is_shown = |c: char| c == '\n' || !is_invisible(c);
        assert!(json.chars().all(is_shown) && !json.contains("##vso[") && !json.contains("##["));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&json).unwrap(),
            value
        );
    }

    #[test]
    fn a_word_looks_like_a_name_or_is_quoted() {
        assert_eq!(word("system:web-1.x"), "system:web-1.x");
        assert_eq!(word("web 0 errors"), "\"web 0 errors\"");
        assert_eq!(word("::error"), "\"::error\"");
    }
}
