//! The `-` that only Kubernetes' readers take for a text.

use memchr::memchr_iter;
use std::borrow::Cow;

/// The text for granit, which refuses the `-` in `[-]` and `{a: -}`, as YAML does. To Kubernetes' readers it is a text if a `,`,
/// `]` or `}` follows at once. Another text of one byte is in its place: the tree takes only places from granit. Any other `-`
/// between such bytes is in the middle of a text or of a comment, and there one byte is as good as another.
pub(super) fn replaced(part: &str) -> Cow<'_, str> {
    let bytes = part.as_bytes();
    let is_lone = |at: &usize| {
        let begins = matches!(
            bytes[..*at],
            [] | [.., b' ' | b'\t' | b'\n' | b'\r' | b',' | b'[' | b'{']
                | [.., b'"' | b'\'' | b']' | b'}', b':']
        );
        begins && matches!(bytes.get(at + 1), Some(b',' | b']' | b'}'))
    };
    let mut dashes = memchr_iter(b'-', bytes).filter(is_lone).peekable();
    if dashes.peek().is_none() {
        return Cow::Borrowed(part);
    }
    let (mut text, mut done) = (String::with_capacity(part.len()), 0);
    for at in dashes {
        text.push_str(&part[done..at]);
        text.push('x');
        done = at + 1;
    }
    text.push_str(&part[done..]);
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::replaced;

    #[test]
    fn only_a_dash_that_can_begin_and_end_a_text_is_replaced() {
        for (text, expected) in [
            ("[-]", "[x]"),
            ("[a, -, -]", "[a, x, x]"),
            ("{a: -, \"b\":-}", "{a: x, \"b\":x}"),
            ("[&a- b, *a-]", "[&a- b, *a-]"),
            ("[- ]", "[- ]"),
            ("[-[a]]", "[-[a]]"),
            ("{a:-}", "{a:-}"),
            ("a: é --]", "a: é --]"),
        ] {
            assert_eq!(replaced(text), expected);
        }
    }
}
