//! Dates in configs and annotations.

use std::fmt;

use serde::{Deserialize, Deserializer};

/// A date such as `2027-03-31`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(String);

impl Date {
    /// Parses `2027-03-31`, or `2027-03-31T00:00:00Z`, which kustomize converts unquoted dates to.
    pub fn parse(text: &str) -> Option<Date> {
        let day = text.strip_suffix("T00:00:00Z").unwrap_or(text);
        let mut parts = day.split('-');
        let mut number = |digits: usize, range: std::ops::RangeInclusive<u32>| {
            let part = parts.next().filter(|part| part.len() == digits)?;
            let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse()
                .ok()
                .filter(|it| is_number && range.contains(it))
        };
        number(4, 1..=9999)?;
        number(2, 1..=12)?;
        number(2, 1..=31)?;
        parts.next().is_none().then(|| Date(day.to_owned()))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = crate::yaml::text_of_scalar(deserializer)?;
        let problem =
            || serde::de::Error::custom(format!("`{text}` is not a date such as 2027-03-31"));
        Date::parse(&text).ok_or_else(problem)
    }
}
