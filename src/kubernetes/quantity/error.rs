//! Errors for invalid quantities, with suggestions.

use std::fmt;

use super::yaml::integer_as_json;
use super::{Number, Quantity};

/// The error for an invalid quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuantityError {
    text: String,
    problem: Problem,
}

impl QuantityError {
    pub(super) fn new(text: &str, problem: Problem) -> Self {
        Self {
            text: text.to_owned(),
            problem,
        }
    }

    /// The probably intended quantity, in canonical form: `1G` for `1GB`, `1Gi` for `1 Gi`. `None` if more than the unit may
    /// be wrong.
    ///
    /// Lower-case units are powers of 1024, as in container runtimes and the JVM (`512mb` is `512Mi`); upper-case units are
    /// powers of 1000 (`512MB` is `512M`).
    pub fn suggestion(&self) -> Option<String> {
        suggest(&self.text).map(|quantity| quantity.to_string())
    }
}

impl fmt::Display for QuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.problem == Problem::Empty {
            return f.write_str("expected a quantity, found an empty text");
        }
        write!(f, "{:?} is not a quantity: ", self.text)?;
        match &self.problem {
            Problem::Empty => Ok(()),
            Problem::NoNumber => f.write_str("it does not start with a number"),
            Problem::Space => f.write_str("it contains a space"),
            Problem::UnknownUnit(unit) => write!(
                f,
                "{unit:?} is not a unit; use one of n u m k M G T P E, Ki Mi Gi Ti Pi Ei, or an exponent such as e3"
            ),
            Problem::Exponent(exponent) => {
                write!(f, "{exponent:?} is not an exponent; write e3 or e-3")
            }
            Problem::SecondPoint => f.write_str("it has more than one decimal point"),
            Problem::Grouping => f.write_str("its digits are grouped"),
            Problem::SecondSign => f.write_str("it has more than one sign"),
            Problem::NotFinite => f.write_str("it is not a finite number"),
            Problem::Truth => f.write_str("it is a boolean in YAML"),
            Problem::OutOfRange => f.write_str("it needs more than 38 digits"),
        }
    }
}

impl std::error::Error for QuantityError {}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    Empty,
    NoNumber,
    Space,
    UnknownUnit(String),
    Exponent(String),
    SecondPoint,
    Grouping,
    SecondSign,
    NotFinite,
    Truth,
    OutOfRange,
}

/// The problem with the text after the number.
pub(super) fn wrong_unit(number: &Number<'_>) -> Problem {
    let unit = number.unit;
    let no_number = number.whole.is_empty() && number.fraction.is_empty();
    match unit.chars().next() {
        Some('+' | '-') => Problem::SecondSign,
        _ if no_number => Problem::NoNumber,
        Some('.') => Problem::SecondPoint,
        Some(',' | '_') => Problem::Grouping,
        Some('e' | 'E')
            if unit[1..].starts_with(|c: char| c.is_ascii_digit() || "+-".contains(c)) =>
        {
            Problem::Exponent(unit.to_owned())
        }
        _ if unit.contains(char::is_whitespace) => Problem::Space,
        _ => Problem::UnknownUnit(unit.to_owned()),
    }
}

/// Corrects common mistakes; `None` if the result is still not a quantity.
pub(super) fn suggest(text: &str) -> Option<Quantity> {
    let compact: String = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(ascii_digit)
        .collect();
    if let Ok(quantity) = compact.parse() {
        return Some(quantity);
    }
    if compact.starts_with("0x") || compact.starts_with("0b") || compact.starts_with("0o") {
        return integer_as_json(&compact)?.parse().ok();
    }
    let end = compact
        .find(|c: char| !(c.is_ascii_digit() || "+-.,_".contains(c)))
        .unwrap_or(compact.len());
    let (number, unit) = compact.split_at(end);
    let number = ungrouped(number)?;
    let repaired = repaired_unit(unit)?;
    [number.as_str(), repaired].concat().parse().ok()
}

/// Converts full-width digits and letters of East Asian keyboards to ASCII.
fn ascii_digit(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

/// `1,000`, `1_000` and `1.000.000` without their separators; `1,5` with a point.
fn ungrouped(number: &str) -> Option<String> {
    let (sign, digits) = number.split_at(number.find(|c: char| !"+-".contains(c)).unwrap_or(0));
    let separators: Vec<char> = digits.chars().filter(|c| !c.is_ascii_digit()).collect();
    let groups: Vec<&str> = digits.split(['.', ',', '_']).collect();
    let in_threes = groups[0].len() <= 3 && groups[1..].iter().all(|group| group.len() == 3);
    let same = separators.windows(2).all(|pair| pair[0] == pair[1]);
    match separators.as_slice() {
        [] | ['.'] => Some(number.to_owned()),
        [_, ..] if same && in_threes => Some([sign, &groups.concat()].concat()),
        [','] => Some(number.replace(',', ".")),
        _ => None,
    }
}

/// The probably intended unit for a common misspelling.
fn repaired_unit(unit: &str) -> Option<&'static str> {
    let lower = unit.to_ascii_lowercase();
    Some(match lower.as_str() {
        "" | "b" | "byte" | "bytes" | "cpu" | "cpus" | "core" | "cores" | "vcpu" | "vcpus" => "",
        "mcpu" | "millicpu" | "millicpus" | "millicore" | "millicores" => "m",
        "ki" | "kib" => "Ki",
        "mi" | "mib" => "Mi",
        "gi" | "gib" => "Gi",
        "ti" | "tib" => "Ti",
        "pi" | "pib" => "Pi",
        _ => match unit {
            "K" | "KB" | "Kb" | "kB" => "k",
            "kb" => "Ki",
            "MB" | "Mb" => "M",
            "mb" => "Mi",
            "GB" | "Gb" => "G",
            "g" | "gb" => "Gi",
            "TB" | "Tb" => "T",
            "t" | "tb" => "Ti",
            "PB" | "Pb" => "P",
            "p" | "pb" => "Pi",
            _ => return None,
        },
    })
}
