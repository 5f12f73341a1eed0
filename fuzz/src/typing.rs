//! What Go makes of a scalar: a port of `resolve` of go.yaml.in/yaml/v2 (2.4.2), which `sigs.k8s.io/yaml` reads with. Written
//! from Go's source and not from src/yaml, and verified against Go by `tests/conformance/typing`.

use serde_json::Value;

/// The value in JSON of a plain scalar without a tag; `None` for numbers that JSON does not have, where Go fails.
pub fn plain(text: &str) -> Option<Value> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Some(true.into());
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Some(false.into());
        }
        "" | "~" | "null" | "Null" | "NULL" => return Some(Value::Null),
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF"
        | "-.inf" | "-.Inf" | "-.INF" => return None,
        _ => {}
    }
    let number = match text.as_bytes()[0] {
        // `ParseFloat` itself takes underscores between digits.
        b'.' if between_digits(text) => float(&text.replace('_', "")),
        b'0'..=b'9' | b'+' | b'-' => {
            let text = text.replace('_', "");
            parse_int(&text)
                .or_else(|| parse_uint(&text).map(Value::from))
                .or_else(|| float(&text))
                .or_else(|| binary(&text))
        }
        _ => None,
    };
    Some(number.unwrap_or_else(|| text.into()))
}

fn between_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut underscores = text.match_indices('_');
    underscores.all(|(at, _)| is_digit(at + 1) && is_digit(at - 1))
}

/// `strconv.ParseInt(text, 0, 64)`.
fn parse_int(text: &str) -> Option<Value> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let value = sign * i128::from(parse_uint(digits)?);
    i64::try_from(value).ok().map(Value::from)
}

/// `strconv.ParseUint(text, 0, 64)` of a text without underscores.
fn parse_uint(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    let mut value: u64 = (!digits.is_empty()).then_some(0)?;
    for digit in digits.chars() {
        let digit = digit.to_digit(radix)?;
        value = value.checked_mul(radix.into())?.checked_add(digit.into())?;
    }
    Some(value)
}

/// `yamlStyleFloat`, then `strconv.ParseFloat`, which fails for what is too large.
fn float(text: &str) -> Option<Value> {
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).count();
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    let whole = digits(rest);
    rest = &rest[whole..];
    let mut fraction = 0;
    if let Some(after) = rest.strip_prefix('.') {
        fraction = digits(after);
        rest = &after[fraction..];
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let length = digits(exponent);
        rest = if length > 0 {
            &exponent[length..]
        } else {
            rest
        };
    }
    let value: f64 = (whole + fraction > 0 && rest.is_empty()).then(|| text.parse().ok())??;
    value.is_finite().then(|| value.into())
}

/// The forms of `0b` that `ParseInt` with base 0 does not take: a second sign.
fn binary(text: &str) -> Option<Value> {
    let (negative, digits) = match text.strip_prefix("-0b") {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix("0b")?),
    };
    if negative {
        return i64::from_str_radix(&format!("-{digits}"), 2)
            .ok()
            .map(Value::from);
    }
    let signed = i64::from_str_radix(digits, 2).ok().map(Value::from);
    signed.or_else(|| u64::from_str_radix(digits, 2).ok().map(Value::from))
}
