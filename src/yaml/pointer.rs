//! The texts of JSON pointers (RFC 6901), for what is done too often to build pointers for it.

use std::borrow::Cow;

use super::tree::first;

/// A token of a pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token<'p> {
    /// The key or the index, without escapes.
    pub key: Cow<'p, str>,
    /// Where it ends in the pointer.
    pub end: usize,
}

/// The tokens of a pointer from a place in it on, which is where a token ends.
pub fn tokens(pointer: &str, from: usize) -> impl Iterator<Item = Token<'_>> {
    let mut end = from;
    let has_escapes = first(&pointer.as_bytes()[from..], b'~').is_some();
    std::iter::from_fn(move || {
        let token = pointer.get(end + 1..)?;
        let length = first(token.as_bytes(), b'/');
        let token = &token[..length.unwrap_or(token.len())];
        end += 1 + token.len();
        let key = match has_escapes {
            true => unescaped(token),
            false => Cow::Borrowed(token),
        };
        Some(Token { key, end })
    })
}

/// The key that a token stands for.
#[must_use]
pub fn unescaped(token: &str) -> Cow<'_, str> {
    let Some(mut at) = first(token.as_bytes(), b'~') else {
        return Cow::Borrowed(token);
    };
    let mut key = String::with_capacity(token.len());
    let mut rest = token;
    loop {
        key.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let escaped = [("1", '/'), ("0", '~')].into_iter();
        let mut escaped = escaped.filter_map(|(code, c)| Some((rest.strip_prefix(code)?, c)));
        let (behind, c) = escaped.next().unwrap_or((rest, '~'));
        key.push(c);
        rest = behind;
        match first(rest.as_bytes(), b'~') {
            Some(next) => at = next,
            None => break,
        }
    }
    key.push_str(rest);
    Cow::Owned(key)
}

/// Adds a key to a pointer.
pub fn push_token(pointer: &mut String, key: &str) {
    pointer.push('/');
    let mut rest = key;
    // Most are short.
    while let Some(at) = rest.bytes().position(|c| c == b'~' || c == b'/') {
        pointer.push_str(&rest[..at]);
        pointer.push_str(if rest[at..].starts_with('~') {
            "~0"
        } else {
            "~1"
        });
        rest = &rest[at + 1..];
    }
    pointer.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_is_that_of_memchr() {
        for length in 0..40 {
            for at in 0..=length {
                for after in ['.', '/', '0', '\u{ae}'] {
                    let mut text = "a".repeat(at) + "/";
                    text.truncate(length);
                    text.extend(std::iter::repeat_n(after, length - text.len()));
                    let bytes = text.as_bytes();
                    assert_eq!(first(bytes, b'/'), memchr::memchr(b'/', bytes), "{text}");
                }
            }
        }
    }

    #[test]
    fn tokens_are_those_of_jsonptr() {
        for keys in [vec![], vec![""], vec!["a", "0", "b/c", "~", "~1", "", "ä"]] {
            let mut text = String::new();
            keys.iter().for_each(|key| push_token(&mut text, key));
            let expected = jsonptr::PointerBuf::from_tokens(keys.iter().copied());
            assert_eq!(text, expected.as_str());
            let found: Vec<_> = tokens(&text, 0).map(|it| it.key.into_owned()).collect();
            assert_eq!(found, keys);
            let ends: Vec<_> = tokens(&text, 0).map(|it| it.end).collect();
            for (place, end) in ends.iter().enumerate() {
                let rest: Vec<_> = tokens(&text, *end).map(|it| it.key.into_owned()).collect();
                assert_eq!(rest, keys[place + 1..]);
            }
        }
    }
}
