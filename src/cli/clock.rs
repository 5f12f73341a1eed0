//! The date on which exemptions expire: `FITOUT_TODAY`, or, for the command line, the system clock.

use std::time::{SystemTime, UNIX_EPOCH};

use fitout::kubernetes::Date;

use super::{Failure, WRONG_USE};

/// The date in `FITOUT_TODAY`.
pub(super) fn named() -> Result<Option<Date>, Failure> {
    let Ok(text) = std::env::var("FITOUT_TODAY") else {
        return Ok(None);
    };
    let problem = || {
        let message =
            format!("error: FITOUT_TODAY is `{text}`, which is not a date such as 2027-03-31");
        Failure::new(WRONG_USE, message)
    };
    Date::parse(&text).ok_or_else(problem).map(Some)
}

/// The date in `FITOUT_TODAY`, or else today (UTC).
pub(super) fn today() -> Result<Option<Date>, Failure> {
    let of_machine = || {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        let days = i64::try_from(since_1970.as_secs() / 86_400).ok()?;
        Date::parse(&day(days))
    };
    Ok(named()?.or_else(of_machine))
}

/// Notes that a file was used now.
pub(super) fn touch(file: &std::fs::File) -> std::io::Result<()> {
    file.set_modified(SystemTime::now())
}

/// The date and time of the machine, in UTC.
pub(super) fn now() -> String {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since_1970.map_or(0, |it| it.as_secs());
    let date = day(i64::try_from(seconds / 86_400).unwrap_or_default());
    let (hour, minute) = (seconds / 3600 % 24, seconds / 60 % 60);
    format!("{date} {hour:02}:{minute:02}:{:02}", seconds % 60)
}

/// The date that is this many days after 1970-01-01. The Gregorian calendar repeats after 146,097 days.
fn day(days: i64) -> String {
    // Years begin in March here, so that the leap day is the last day of a year.
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    format!("{:04}-{month:02}-{day:02}", year + era * 400 + later)
}

#[cfg(test)]
mod tests {
    use super::day;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_778, "2026-11-21"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(day(days), expected);
        }
    }
}
