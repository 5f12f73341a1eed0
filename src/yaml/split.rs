//! Cuts a text into chunks that can be parsed on their own.
//!
//! `---` at the start of a line, followed by a blank or the end of the line, is a document marker
//! everywhere: YAML forbids it inside every kind of scalar. So a text can be split before any document
//! is parsed, one odd document affects only itself, and an edit only parses its own document again.

use memchr::{memchr_iter, memmem};
use std::ops::Range;

/// Length of the byte order mark, if the text starts with one.
pub(super) fn bom_len(text: &str) -> usize {
    if text.starts_with('\u{feff}') { 3 } else { 0 }
}

/// Is there a document marker at `at`, which is the start of a line?
pub(super) fn is_marker(bytes: &[u8], at: usize) -> bool {
    bytes[at..].starts_with(b"---")
        && bytes
            .get(at + 3)
            .is_none_or(|c| matches!(c, b' ' | b'\t' | b'\n' | b'\r'))
}

/// Ranges from one marker to the next, without the byte order mark. A text with a directive
/// (`%` at the start of a line) is one chunk, because directives precede their marker.
pub(super) fn chunks(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut start = bom_len(text);
    let mut percents = memchr_iter(b'%', &bytes[start..]);
    if percents.any(|at| at == 0 || bytes[start + at - 1] == b'\n') {
        return std::iter::once(start..bytes.len()).collect();
    }
    let mut chunks = Vec::new();
    for line_end in memmem::find_iter(bytes, b"\n---") {
        let at = line_end + 1;
        if is_marker(bytes, at) {
            chunks.push(start..at);
            start = at;
        }
    }
    chunks.push(start..bytes.len());
    chunks
}

/// Next byte from `at` that is neither blank, line break nor part of a comment.
pub(super) fn skip_blank(bytes: &[u8], mut at: usize) -> usize {
    loop {
        match bytes.get(at) {
            Some(b' ' | b'\t' | b'\n' | b'\r') => at += 1,
            Some(b'#') if at == 0 || matches!(bytes[at - 1], b' ' | b'\t' | b'\n' | b'\r') => {
                at = memchr::memchr2(b'\n', b'\r', &bytes[at..]).map_or(bytes.len(), |n| at + n);
            }
            _ => return at,
        }
    }
}

/// Has the chunk neither content nor a marker, only comments and blank lines?
pub(super) fn is_bare(bytes: &[u8], chunk: &Range<usize>) -> bool {
    let text = &bytes[chunk.clone()];
    !text.starts_with(b"---") && skip_blank(text, 0) == text.len()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn markers_need_a_line_start_and_a_blank() {
        let text = "a: 1\n---\nb: |\n  ---\n---#\n--- c\n----\n";
        let chunks: Vec<_> = chunks(text).into_iter().map(|c| &text[c]).collect();
        assert_eq!(
            chunks,
            ["a: 1\n", "---\nb: |\n  ---\n---#\n", "--- c\n----\n"]
        );
    }

    #[test]
    fn a_directive_keeps_the_text_whole() {
        assert_eq!(chunks("a: 1\n...\n%TAG ! x\n---\nb: 1\n").len(), 1);
    }

    #[test]
    fn the_byte_order_mark_is_outside() {
        assert_eq!(chunks("\u{feff}a: 1\n").first(), Some(&(3..8)));
    }
}
