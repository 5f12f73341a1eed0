//! Why a text is no quantity, and what was probably meant.

use std::fmt;

use super::yaml::integer_as_json;
use super::{Number, Quantity};

/// Why a text is no quantity, and what its author may have meant.
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

    /// The quantity probably meant, in canonical form: `1G` for `1GB`, `1Gi` for `1 Gi`. None where
    /// a guess could be wrong by more than a misspelt unit.
    ///
    /// Units in lower case are read the way container runtimes and the JVM do, by powers of 1024
    /// (`512mb` is `512Mi`); those in upper case by the letter (`512MB` is `512M`).
    pub fn suggestion(&self) -> Option<String> {
        suggest(&self.text).map(|quantity| quantity.to_string())
    }
}

impl fmt::Display for QuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.problem == Problem::Empty {
            return f.write_str("a quantity is missing: the text is empty");
        }
        write!(f, "{:?} is not a quantity: ", self.text)?;
        match &self.problem {
            Problem::Empty => Ok(()),
            Problem::NoNumber => f.write_str("it does not begin with a number"),
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
            Problem::Truth => f.write_str("YAML reads it as true or false"),
            Problem::OutOfRange => {
                f.write_str("it is too large or too fine to be held in 38 digits")
            }
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

/// Says in which way the text after the number is no unit.
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

/// Repairs what people write instead of a quantity; None unless the repaired text is one.
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

/// Full-width digits and letters, typed with an East Asian keyboard, become plain ones.
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

/// The unit that a wrong spelling most likely stands for.
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
