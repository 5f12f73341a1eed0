//! Exact decimal factors.

use std::fmt;
use std::str::FromStr;

use super::number::power_of_ten;

/// A factor for [`Quantity::scale_up`](super::Quantity::scale_up): an exact decimal above 0, such as `0.5` or `1.25`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// The value is `coefficient / 10^decimals`, in lowest terms of ten.
    pub(super) coefficient: u128,
    pub(super) decimals: i32,
}

impl Scale {
    /// Whether it is below 1.
    pub fn is_below_one(&self) -> bool {
        power_of_ten(i64::from(self.decimals)).is_some_and(|one| self.coefficient < one)
    }
}

impl FromStr for Scale {
    type Err = ScaleError;

    /// Parses at most 18 digits with at most one decimal point, without sign or exponent.
    fn from_str(text: &str) -> Result<Self, ScaleError> {
        let refuse = |problem| ScaleError {
            text: text.to_owned(),
            problem,
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = [whole, fraction].concat();
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refuse("write it as a decimal such as 0.5 or 1.25"));
        }
        let mut coefficient = digits
            .parse::<u64>()
            .ok()
            .filter(|_| digits.len() <= 18)
            .ok_or_else(|| refuse("more than 18 digits"))?;
        let mut decimals = fraction.len();
        if coefficient == 0 {
            return Err(refuse("a factor must be above 0"));
        }
        while decimals > 0 && coefficient % 10 == 0 {
            coefficient /= 10;
            decimals -= 1;
        }
        Ok(Self {
            coefficient: u128::from(coefficient),
            decimals: decimals as i32,
        })
    }
}

/// The error for an invalid [`Scale`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScaleError {
    text: String,
    problem: &'static str,
}

impl fmt::Display for ScaleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a factor: {}", self.text, self.problem)
    }
}

impl std::error::Error for ScaleError {}
