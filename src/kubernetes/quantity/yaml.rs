//! How YAML 1.1 resolves an unquoted scalar before it is parsed as a quantity.

use super::error::Problem;
use super::number::leading_digits;
use crate::yaml::integer;

/// Whitespace that `UnmarshalJSON` trims from a string. Control characters and line separators are escaped in JSON, so
/// they are not trimmed.
pub(super) fn is_space_in_json(c: char) -> bool {
    c.is_whitespace() && c >= ' ' && !matches!(c, '\u{2028}' | '\u{2029}')
}

/// Resolves an unquoted scalar as in YAML 1.1 (`resolve.go` of go.yaml.in/yaml/v2): the JSON text of a number, or `None` for
/// a string.
pub(super) fn resolve_plain(text: &str) -> Result<Option<String>, Problem> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Some("0".to_owned())),
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" | "n"
        | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Err(Problem::Truth);
        }
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF"
        | "-.inf" | "-.Inf" | "-.INF" => return Err(Problem::NotFinite),
        _ => {}
    }
    // The common case: digits and a unit are a string in YAML.
    let (digits, rest) = leading_digits(text);
    if !digits.is_empty()
        && matches!(
            rest,
            "m" | "k" | "M" | "G" | "T" | "Ki" | "Mi" | "Gi" | "Ti"
        )
    {
        return Ok(None);
    }
    match text.as_bytes()[0] {
        b'.' if has_underscores_between_digits(text) => Ok(float_as_json(&text.replace('_', ""))),
        b'0'..=b'9' | b'+' | b'-' => {
            let plain = text.replace('_', "");
            Ok(integer_as_json(&plain).or_else(|| float_as_json(&plain)))
        }
        _ => Ok(None),
    }
}

fn has_underscores_between_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_digit = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at))
            .is_some_and(u8::is_ascii_digit)
    };
    let underscores = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'_');
    underscores
        .map(|(at, _)| at)
        .all(|at| is_digit(at.checked_sub(1)) && is_digit(at.checked_add(1)))
}

/// An integer of at most 64 bits, as JSON.
pub(super) fn integer_as_json(text: &str) -> Option<String> {
    integer(text).map(|value| value.to_string())
}

/// A float in Go's JSON format. The readers convert such scalars to 64-bit floats, so this must use a float too.
fn float_as_json(text: &str) -> Option<String> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, rest) = leading_digits(unsigned);
    let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), leading_digits);
    let power = rest.strip_prefix(['e', 'E']);
    let power_digits = power.map_or("0", |power| power.strip_prefix(['-', '+']).unwrap_or(power));
    let is_number = !(whole.is_empty() && fraction.is_empty())
        && (power.is_some() || rest.is_empty())
        && !power_digits.is_empty()
        && power_digits.bytes().all(|byte| byte.is_ascii_digit());
    let value = text
        .parse::<f64>()
        .ok()
        .filter(|value| is_number && value.is_finite())?;
    let magnitude = value.abs();
    let written_out = magnitude == 0.0 || (1e-6..1e21).contains(&magnitude);
    let shortest = format!("{value:e}");
    // Of two equally near shortest forms, Go uses the even one, like rounding to a fixed length.
    let digits = shortest
        .split('e')
        .next()
        .unwrap_or("")
        .bytes()
        .filter(u8::is_ascii_digit)
        .count();
    let rounded = format!("{value:.*e}", digits.saturating_sub(1));
    let nearest = if rounded.parse() == Ok(value) {
        rounded
    } else {
        shortest
    };
    Some(if written_out {
        without_exponent(&nearest)
    } else {
        nearest
    })
}

/// Formats `-1.5e-3` as `-0.0015`.
fn without_exponent(scientific: &str) -> String {
    let (mantissa, power) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let (sign, mantissa) = mantissa
        .strip_prefix('-')
        .map_or(("", mantissa), |unsigned| ("-", unsigned));
    let digits = mantissa.replace('.', "");
    let power: i32 = power.parse().unwrap_or(0);
    let whole = usize::try_from(power + 1).unwrap_or(0);
    if whole == 0 {
        return format!(
            "{sign}0.{}{digits}",
            "0".repeat(power.unsigned_abs() as usize - 1)
        );
    }
    let padded = format!("{digits:0<whole$}");
    let (whole, fraction) = padded.split_at(whole);
    format!("{sign}{whole}.{fraction}")
}
