//! Dates in configs and annotations.

use std::fmt;

use serde::{Deserialize, Deserializer};

/// A date such as `2027-03-31`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(from = "String"))]
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
        let year = number(4, 1..=9999)?;
        let month = number(2, 1..=12)?;
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 if is_leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        number(2, 1..=days)?;
        parts.next().is_none().then(|| Date(day.to_owned()))
    }

    /// Whether it is before `today`; it is not if that is unknown.
    pub fn is_before(&self, today: Option<&Date>) -> bool {
        today.is_some_and(|today| self < today)
    }
}

/// Whether Go's `time.Parse` takes a text for a time of RFC 3339: `2026-01-31T12:00:00.5Z` or with `+01:00`.
pub(super) fn is_rfc3339(text: &str) -> bool {
    let Some((day, time)) = text.split_once('T') else {
        return false;
    };
    let number = |text: &str, until: u32| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number && text.parse::<u32>().is_ok_and(|it| it <= until)
    };
    let clock = |text: &str, parts: &[u32]| {
        let mut found = text.split(':');
        let has_parts = parts
            .iter()
            .all(|until| found.next().is_some_and(|it| number(it, *until)));
        has_parts && found.next().is_none()
    };
    let (time, zone) = match time.strip_suffix('Z') {
        Some(time) => (time, true),
        None => match time.rsplit_once(['+', '-']) {
            Some((time, zone)) => (time, clock(zone, &[24, 60])),
            None => (time, false),
        },
    };
    let (time, fraction) = time.split_once(['.', ',']).unwrap_or((time, "0"));
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let is_day = !day.contains('Z') && Date::parse(day).is_some();
    is_day && zone && is_fraction && clock(time, &[23, 59, 59])
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

#[cfg(test)]
mod tests {
    use super::{Date, is_rfc3339};

    #[test]
    fn times_are_those_of_go() {
        for time in ["2026-01-31T12:00:00Z", "2024-02-29T23:59:59.123456+01:00"] {
            assert!(is_rfc3339(time), "{time}");
        }
        for text in [
            "2026-01-31", "2026-02-29T12:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31 12:00:00Z",
            "2026-01-31T12:00:00", "2026-01-31T12:00:00.Z",
        ] {
            assert!(!is_rfc3339(text), "{text}");
        }
    }

    #[test]
    fn a_date_is_a_day_of_the_calendar() {
        for day in [
            "2027-03-31", "2028-02-29", "2000-02-29", "2027-03-31T00:00:00Z",
        ] {
            assert!(Date::parse(day).is_some(), "{day}");
        }
        for day in [
            "2027-02-29", "2027-02-30", "2100-02-29", "2027-04-31", "2027-00-10", "0000-01-01",
            "2027-1-01", "+027-01-01",
        ] {
            assert!(Date::parse(day).is_none(), "{day}");
        }
    }
}
