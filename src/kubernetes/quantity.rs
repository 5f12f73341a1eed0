//! Kubernetes quantities (`250m`, `1.5Gi`, `1e3`) with exact arithmetic.
//!
//! Parsing and formatting follow `k8s.io/apimachinery` v0.37.2, `pkg/api/resource`: the grammar and the
//! rounding of `ParseQuantity` (`quantity.go`), the units of `suffix.go`, the canonical form of
//! `CanonicalizeBytes`. Two differences are deliberate:
//!
//! * There is no unit for a decimal quantity of 10^21 or more. Upstream then prints the bare mantissa (`1000E` becomes
//!   `1`); fitout keeps the value and prints exa (`1000E`).
//! * A quantity with more than 38 significant digits is rejected; upstream has no limit.

mod error;
mod number;
mod scale;
mod yaml;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

pub use error::QuantityError;
use error::{Problem, wrong_unit};
use number::{
    BINARY_UNITS, Number, Unit, add_one, decimal_unit, leading_digits, power_of_ten,
    times_power_of_two, without_leading_zeros,
};
pub use scale::{Scale, ScaleError};
use yaml::{is_space_in_json, resolve_plain};

/// The smallest power of ten in a quantity (`Nano`, `amount.go`).
const NANO: i32 = -9;

/// The digits of 2^63 - 1, the largest binary quantity (`maxAllowed`, `math.go`).
const BINARY_MAX_DIGITS: usize = 19;

/// The power of ten of the largest decimal unit, exa.
const LARGEST_DECIMAL_POWER: i32 = 18;

/// The format of a quantity, which is kept when it is printed (`Format`, `quantity.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Powers of 1000: `250m`, `1`, `2k`, `1G`.
    DecimalSi,
    /// Powers of 1024: `512Mi`, `1Gi`.
    BinarySi,
    /// An exponent that is a multiple of three: `12e6`.
    DecimalExponent,
}

/// An exact amount of a resource: cores, bytes, objects.
///
/// Quantities are compared by value, so `1000m` equals `1` and `1024Mi` equals `1Gi`. `Display` prints the canonical form.
/// Parsing rounds finer values than 10^-9 away from zero.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    /// The value is `coefficient * 10^exponent`. The exponent is never below [`NANO`], and the
    /// coefficient does not end in a zero while the exponent could be raised instead.
    coefficient: i128,
    exponent: i32,
    format: Format,
}

impl Quantity {
    /// Reads a scalar as the API server's readers do (`sigs.k8s.io/yaml` with `go.yaml.in/yaml/v2`,
    /// then `Quantity.UnmarshalJSON`).
    ///
    /// A quoted scalar is parsed without surrounding spaces. An unquoted one is first resolved by YAML 1.1: `0x10` is 16,
    /// `010` is 8, `1_000` is 1000, `1e3` is 1000 (printed as `1k`, because the exponent is lost), null is 0. `text` is the
    /// scalar's value, without its quotes.
    ///
    /// # Errors
    /// The text is not a quantity: for example a boolean or an infinity.
    pub fn from_yaml_scalar(text: &str, quoted: bool) -> Result<Self, QuantityError> {
        if let Some(simple) = Self::simple(text).or_else(|| Self::decimal(text)) {
            return Ok(simple);
        }
        if quoted {
            return text.trim_matches(is_space_in_json).parse();
        }
        let plain = text.trim_matches([' ', '\t', '\r', '\n']);
        let parsed = resolve_plain(plain).and_then(|resolved| match resolved {
            Some(number) => Self::parse(&number),
            None => Self::parse(plain.trim_matches(is_space_in_json)),
        });
        // The error shows the original text, not the resolved one.
        parsed.map_err(|problem| QuantityError::new(plain, problem))
    }

    /// Reads the quantity of a node, as the API server's clients do.
    ///
    /// # Errors
    /// The text is not a quantity. A collection counts as an empty text.
    pub fn of_node(node: crate::yaml::Node<'_>) -> Result<Self, QuantityError> {
        use crate::yaml::Kind;
        let quoted = matches!(
            node.alias_target().kind(),
            Kind::Single | Kind::Double | Kind::Literal | Kind::Folded
        );
        Self::from_yaml_scalar(&node.text().unwrap_or_default(), quoted)
    }

    /// The quantities of a map such as `resources.limits`, without invalid ones.
    pub fn entries_of(node: Option<crate::yaml::Node<'_>>) -> BTreeMap<String, Self> {
        let entries = node.into_iter().flat_map(crate::yaml::Node::entries);
        let entries = entries.filter_map(|(key, value)| {
            Some((key.text()?.into_owned(), Self::of_node(value).ok()?))
        });
        entries.collect()
    }

    /// The nearest number, for ratios.
    #[must_use]
    pub fn to_f64(&self) -> f64 {
        self.coefficient as f64 * 10_f64.powi(self.exponent)
    }

    /// Whether the value is 0.
    pub fn is_zero(&self) -> bool {
        self.coefficient == 0
    }

    /// Whether the value is below 0; the API server rejects such requests and limits.
    pub fn is_negative(&self) -> bool {
        self.coefficient < 0
    }

    /// The format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The same amount in another format.
    #[must_use]
    pub fn with_format(self, format: Format) -> Self {
        Self { format, ..self }
    }

    /// The quantity times `factor`, rounded away from zero to a multiple of `round_to`, in the same
    /// format. Only 0 results in 0.
    ///
    /// `None` if `round_to` is not above 0 or the result is too large to be exact.
    pub fn scale_up(&self, factor: &Scale, round_to: Self) -> Option<Self> {
        if round_to.coefficient <= 0 {
            return None;
        }
        // value * factor / round_to, as a fraction of integers.
        let product = self
            .coefficient
            .unsigned_abs()
            .checked_mul(factor.coefficient)?;
        let shift =
            i64::from(self.exponent) - i64::from(factor.decimals) - i64::from(round_to.exponent);
        let step = round_to.coefficient.unsigned_abs();
        let steps = if shift >= 0 {
            product.checked_mul(power_of_ten(shift)?)?.div_ceil(step)
        } else {
            match power_of_ten(-shift).and_then(|power| step.checked_mul(power)) {
                Some(divisor) => product.div_ceil(divisor),
                // A divisor beyond u128 is larger than any product.
                None => u128::from(product > 0),
            }
        };
        let magnitude = i128::try_from(steps.checked_mul(step)?).ok()?;
        let scaled = Self::normalised(
            magnitude * self.coefficient.signum(),
            round_to.exponent,
            self.format,
        );
        // Kubernetes caps larger binary quantities, and there is no unit for larger decimal ones.
        let too_large = match self.format {
            Format::BinarySi => scaled.magnitude_cmp(&Self::largest_binary()).is_gt(),
            Format::DecimalSi => scaled.exponent > LARGEST_DECIMAL_POWER * 2,
            Format::DecimalExponent => false,
        };
        (!too_large).then_some(scaled)
    }

    /// The sum, in the format of `self`; `None` if it is too large to be exact.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let exponent = self.exponent.min(other.exponent);
        let at_exponent = |it: Self| {
            // A zero fits at any exponent.
            let power = match it.coefficient {
                0 => 1,
                _ => power_of_ten(i64::from(it.exponent) - i64::from(exponent))?,
            };
            it.coefficient.checked_mul(i128::try_from(power).ok()?)
        };
        let sum = at_exponent(self)?.checked_add(at_exponent(other)?)?;
        Some(Self::normalised(sum, exponent, self.format))
    }

    /// Whether it is a multiple of a step above 0.
    pub fn is_multiple_of(&self, step: Self) -> bool {
        let one = Scale {
            coefficient: 1,
            decimals: 0,
        };
        self.scale_up(&one, step) == Some(*self)
    }

    /// A whole number of few digits with a common unit, as most are, which readers of YAML and JSON agree about.
    fn simple(text: &str) -> Option<Self> {
        let (digits, unit) = leading_digits(text);
        if digits.starts_with('0') || !(1..=9).contains(&digits.len()) {
            return None;
        }
        let (shift, mut exponent, format) = match unit {
            "m" => (0, -3, Format::DecimalSi),
            "" => (0, 0, Format::DecimalSi),
            "k" => (0, 3, Format::DecimalSi),
            "M" => (0, 6, Format::DecimalSi),
            "G" => (0, 9, Format::DecimalSi),
            "Ki" => (10, 0, Format::BinarySi),
            "Mi" => (20, 0, Format::BinarySi),
            "Gi" => (30, 0, Format::BinarySi),
            _ => return None,
        };
        let number = digits.bytes().map(|it| u64::from(it - b'0'));
        let mut number = number.fold(0, |number, digit| 10 * number + digit) << shift;
        while number % 10 == 0 {
            number /= 10;
            exponent += 1;
        }
        Some(Self {
            coefficient: number.into(),
            exponent,
            format,
        })
    }

    /// A number such as `0.5`, with so few digits that the nearest float is written with the same ones.
    fn decimal(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.')?;
        let is_few = |digits: &str| {
            (1..=4).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit())
        };
        if !is_few(whole) || !is_few(fraction) || whole.len() > 1 && whole.starts_with('0') {
            return None;
        }
        let digits = whole.bytes().chain(fraction.bytes());
        let mut number = digits.fold(0, |number, digit| 10 * number + u64::from(digit - b'0'));
        let mut exponent = 0;
        for _ in fraction.bytes() {
            match number % 10 {
                0 if exponent == 0 => number /= 10,
                _ => exponent -= 1,
            }
        }
        (number % 10 != 0).then(|| Self {
            coefficient: number.into(),
            exponent,
            format: Format::DecimalSi,
        })
    }

    fn parse(text: &str) -> Result<Self, Problem> {
        if text.is_empty() {
            return Err(Problem::Empty);
        }
        if let Some(simple) = Self::simple(text) {
            return Ok(simple);
        }
        let number = Number::split(text);
        let unit = Unit::named(number.unit).ok_or_else(|| wrong_unit(&number))?;
        if number.whole.is_empty() && number.fraction.is_empty() {
            // Upstream reads `m`, `Gi`, `.` and `+` as 0, except in its slow path.
            let readable = match unit {
                Unit::Binary(power) => power < 50,
                Unit::Decimal(power) | Unit::Exponent(power) => power >= NANO,
            };
            return if readable {
                Ok(Self::zero(unit.format()))
            } else {
                Err(Problem::NoNumber)
            };
        }
        let quantity = match unit {
            Unit::Decimal(power) | Unit::Exponent(power) => {
                let exponent = i64::from(power) - number.fraction.len() as i64;
                Self::rounded_to_nano(&number.digits(), exponent, unit.format())?
            }
            Unit::Binary(power) => Self::binary(
                &times_power_of_two(&number.digits(), power),
                number.fraction.len(),
            )?,
        };
        Ok(if number.negative {
            Self {
                coefficient: -quantity.coefficient,
                ..quantity
            }
        } else {
            quantity
        })
    }

    fn largest_binary() -> Self {
        Self::normalised(i128::from(i64::MAX), 0, Format::BinarySi)
    }

    fn zero(format: Format) -> Self {
        Self {
            coefficient: 0,
            exponent: 0,
            format,
        }
    }

    /// A binary quantity whose last `decimals` digits are a fraction. It is capped at 2^63 - 1, and a value below 1 becomes
    /// decimal (`ParseQuantity`).
    fn binary(digits: &[u8], decimals: usize) -> Result<Self, Problem> {
        let whole = without_leading_zeros(&digits[..digits.len() - decimals]);
        let capped = Self::largest_binary();
        if whole.len() > BINARY_MAX_DIGITS {
            return Ok(capped);
        }
        let exact = Self::rounded_to_nano(digits, -(decimals as i64), Format::BinarySi)?;
        if exact > capped {
            return Ok(capped);
        }
        let below_one = !exact.is_zero() && exact < Self::normalised(1, 0, Format::BinarySi);
        Ok(if below_one {
            Self {
                format: Format::DecimalSi,
                ..exact
            }
        } else {
            exact
        })
    }

    /// The value `digits * 10^exponent`, rounded up to nano, so that it does not become 0 (`ParseQuantity`).
    fn rounded_to_nano(digits: &[u8], exponent: i64, format: Format) -> Result<Self, Problem> {
        let significant = without_leading_zeros(digits);
        let excess = usize::try_from(i64::from(NANO) - exponent).unwrap_or(0);
        let (kept, cut) = significant.split_at(significant.len().saturating_sub(excess));
        let mut kept = kept.to_vec();
        if cut.iter().any(|digit| *digit != 0) {
            add_one(&mut kept);
        }
        // Trailing zeros move to the exponent, so that the coefficient does not overflow.
        let zeros = kept.iter().rev().take_while(|digit| **digit == 0).count();
        let mut coefficient = 0_i128;
        for digit in &kept[..kept.len() - zeros] {
            coefficient = coefficient
                .checked_mul(10)
                .and_then(|shifted| shifted.checked_add(i128::from(*digit)))
                .ok_or(Problem::OutOfRange)?;
        }
        if coefficient == 0 {
            return Ok(Self::zero(format));
        }
        let exponent = exponent.max(i64::from(NANO)) + zeros as i64;
        let exponent = i32::try_from(exponent).map_err(|_| Problem::OutOfRange)?;
        Ok(Self::normalised(coefficient, exponent, format))
    }

    fn normalised(mut coefficient: i128, mut exponent: i32, format: Format) -> Self {
        if coefficient == 0 {
            return Self::zero(format);
        }
        while coefficient % 10 == 0 && exponent < i32::MAX {
            coefficient /= 10;
            exponent += 1;
        }
        Self {
            coefficient,
            exponent,
            format,
        }
    }

    /// The absolute value, if it is an integer below 2^128.
    fn whole_magnitude(&self) -> Option<u128> {
        self.coefficient
            .unsigned_abs()
            .checked_mul(power_of_ten(i64::from(self.exponent))?)
    }

    /// The number and its binary unit; `None` if the canonical form is decimal: below 1024 and for fractions
    /// (`CanonicalizeBytes`).
    fn in_binary_unit(&self) -> Option<(u128, &'static str)> {
        if self.format != Format::BinarySi {
            return None;
        }
        let mut number = self.whole_magnitude().filter(|bytes| *bytes >= 1024)?;
        let mut unit = "";
        for (name, _) in BINARY_UNITS {
            if number % 1024 != 0 {
                break;
            }
            number /= 1024;
            unit = name;
        }
        Some((number, unit))
    }

    fn magnitude_cmp(&self, other: &Self) -> Ordering {
        let (ours, theirs) = (
            self.coefficient.unsigned_abs(),
            other.coefficient.unsigned_abs(),
        );
        if ours == 0 || theirs == 0 || self.exponent == other.exponent {
            return ours.cmp(&theirs);
        }
        let length = |coefficient: u128, exponent: i32| {
            i64::from(coefficient.ilog10()) + i64::from(exponent)
        };
        length(ours, self.exponent)
            .cmp(&length(theirs, other.exponent))
            .then_with(|| {
                // Equally long, so pad the shorter coefficient with zeros. If that overflows, it is the larger one.
                let shift = i64::from(self.exponent) - i64::from(other.exponent);
                let filled =
                    |coefficient: u128| coefficient.checked_mul(power_of_ten(shift.abs())?);
                if shift >= 0 {
                    filled(ours).map_or(Ordering::Greater, |ours| ours.cmp(&theirs))
                } else {
                    filled(theirs).map_or(Ordering::Less, |theirs| ours.cmp(&theirs))
                }
            })
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    /// Parses a text as `ParseQuantity` does: without spaces and YAML numbers such as `0x10`.
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        Self::parse(text).map_err(|problem| QuantityError::new(text, problem))
    }
}

impl fmt::Display for Quantity {
    /// The canonical form: no fraction, the largest unit that keeps the number whole.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_negative() { "-" } else { "" };
        if self.is_zero() {
            return f.pad("0");
        }
        if let Some((number, unit)) = self.in_binary_unit() {
            return f.pad(&format!("{sign}{number}{unit}"));
        }
        let mut zeros = self.exponent.rem_euclid(3);
        if self.format != Format::DecimalExponent {
            // There is no unit above exa; upstream omits the unit and so changes the value.
            zeros = zeros.max(self.exponent - LARGEST_DECIMAL_POWER);
        }
        let power = self.exponent - zeros;
        let unit = match self.format {
            Format::DecimalExponent if power == 0 => String::new(),
            Format::DecimalExponent => format!("e{power}"),
            Format::DecimalSi | Format::BinarySi => decimal_unit(power).to_owned(),
        };
        let zeros = "0".repeat(usize::try_from(zeros).unwrap_or(0));
        f.pad(&format!(
            "{sign}{}{zeros}{unit}",
            self.coefficient.unsigned_abs()
        ))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        let signs = self.coefficient.signum().cmp(&other.coefficient.signum());
        signs.then_with(|| {
            let magnitudes = self.magnitude_cmp(other);
            if self.is_negative() {
                magnitudes.reverse()
            } else {
                magnitudes
            }
        })
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Quantity {}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
