//! The text of a quantity: its digits, and the units.

use super::{BINARY_MAX_DIGITS, Format};

/// The units with their power of ten or two (`newSuffixer`, `suffix.go`).
const DECIMAL_UNITS: [(&str, i32); 10] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];
pub(super) const BINARY_UNITS: [(&str, u32); 6] = [
    ("Ki", 10),
    ("Mi", 20),
    ("Gi", 30),
    ("Ti", 40),
    ("Pi", 50),
    ("Ei", 60),
];

/// A quantity's text, split as in `parseQuantityString`.
pub(super) struct Number<'a> {
    pub(super) negative: bool,
    pub(super) whole: &'a str,
    pub(super) fraction: &'a str,
    pub(super) unit: &'a str,
}

impl<'a> Number<'a> {
    pub(super) fn split(text: &'a str) -> Self {
        let negative = text.starts_with('-');
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (whole, rest) = leading_digits(unsigned);
        let (fraction, unit) = rest.strip_prefix('.').map_or(("", rest), leading_digits);
        Self {
            negative,
            whole,
            fraction,
            unit,
        }
    }

    /// The digits before and after the point, as numbers.
    pub(super) fn digits(&self) -> Vec<u8> {
        self.whole
            .bytes()
            .chain(self.fraction.bytes())
            .map(|byte| byte - b'0')
            .collect()
    }
}

/// A unit with its power of ten or two (`suffix.go`).
#[derive(Clone, Copy)]
pub(super) enum Unit {
    Decimal(i32),
    Binary(u32),
    Exponent(i32),
}

impl Unit {
    pub(super) fn named(name: &str) -> Option<Self> {
        if let Some((_, power)) = DECIMAL_UNITS.iter().find(|(unit, _)| *unit == name) {
            return Some(Self::Decimal(*power));
        }
        if let Some((_, power)) = BINARY_UNITS.iter().find(|(unit, _)| *unit == name) {
            return Some(Self::Binary(*power));
        }
        let power = name.strip_prefix(['e', 'E'])?.parse::<i64>().ok()?;
        // Upstream truncates the exponent to 32 bits (`interpret`).
        Some(Self::Exponent(power as i32))
    }

    pub(super) fn format(self) -> Format {
        match self {
            Self::Decimal(_) => Format::DecimalSi,
            Self::Binary(_) => Format::BinarySi,
            Self::Exponent(_) => Format::DecimalExponent,
        }
    }
}

pub(super) fn decimal_unit(power: i32) -> &'static str {
    DECIMAL_UNITS
        .iter()
        .find(|(_, known)| *known == power)
        .map_or("", |(unit, _)| unit)
}

pub(super) fn leading_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

pub(super) fn without_leading_zeros(digits: &[u8]) -> &[u8] {
    &digits[digits.iter().take_while(|digit| **digit == 0).count()..]
}

/// Adds 1 to a number in decimal digits.
pub(super) fn add_one(digits: &mut Vec<u8>) {
    for digit in digits.iter_mut().rev() {
        *digit = (*digit + 1) % 10;
        if *digit != 0 {
            return;
        }
    }
    digits.insert(0, 1);
}

/// 10^`power`; `None` if negative or not below 2^128.
pub(super) fn power_of_ten(power: i64) -> Option<u128> {
    10_u128.checked_pow(u32::try_from(power).ok()?)
}

/// `digits * 2^power` in decimal digits, exact for any length.
pub(super) fn times_power_of_two(digits: &[u8], power: u32) -> Vec<u8> {
    let factor = 1_u128 << power;
    let mut carry = 0;
    let mut reversed = Vec::with_capacity(digits.len() + BINARY_MAX_DIGITS);
    for digit in digits.iter().rev() {
        carry += u128::from(*digit) * factor;
        reversed.push((carry % 10) as u8);
        carry /= 10;
    }
    while carry > 0 {
        reversed.push((carry % 10) as u8);
        carry /= 10;
    }
    reversed.reverse();
    reversed
}
