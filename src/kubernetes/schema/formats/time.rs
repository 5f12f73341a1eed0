//! Time zones, schedules and durations.

use std::borrow::Cow;

use crate::compressed::Text;

static ZONES: Text = Text::new(include_bytes!(concat!(env!("OUT_DIR"), "/zones.txt")));

/// The names of the IANA time zones, one region a line.
pub(super) fn zones() -> impl Iterator<Item = Cow<'static, str>> {
    let lines = ZONES.get().lines();
    let regions = lines.filter_map(|line| line.split_once(": "));
    regions.flat_map(|(region, cities)| {
        cities.split(' ').map(move |city| match region {
            "" => Cow::Borrowed(city),
            region => Cow::Owned([region, "/", city].concat()),
        })
    })
}

/// The most similar time zone, also by its city alone.
pub(super) fn nearest_zone(text: &str) -> Option<String> {
    let lower = text.to_lowercase().replace(' ', "_");
    let distance = |zone: &str| {
        let zone = zone.to_lowercase();
        let city = zone.rsplit('/').next().unwrap_or_default();
        strsim::damerau_levenshtein(&lower, &zone).min(strsim::damerau_levenshtein(&lower, city))
    };
    let near = zones().map(|zone| (distance(&zone), zone));
    let (distance, zone) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= 2).then(|| zone.into_owned())
}

/// What `cron.ParseStandard` accepts.
pub(super) fn is_cron(text: &str) -> bool {
    const MONTHS: &str = "jan feb mar apr may jun jul aug sep oct nov dec";
    const DAYS: &str = "sun mon tue wed thu fri sat";
    let text = match text
        .strip_prefix("TZ=")
        .or_else(|| text.strip_prefix("CRON_TZ="))
    {
        Some(rest) => match rest.split_once(' ') {
            Some((_, rest)) => rest.trim(),
            None => return false,
        },
        None => text,
    };
    if let Some(name) = text.strip_prefix('@') {
        let is_known = [
            "yearly", "annually", "monthly", "weekly", "daily", "midnight", "hourly",
        ]
        .contains(&name);
        let every = name.strip_prefix("every ");
        return is_known || every.is_some_and(is_go_duration);
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    let bounds: [(u32, u32, &str); 5] = [
        (0, 59, ""),
        (0, 23, ""),
        (1, 31, ""),
        (1, 12, MONTHS),
        (0, 6, DAYS),
    ];
    let number = |text: &str, (least, _, names): (u32, u32, &str)| {
        let named = names
            .split(' ')
            .position(|it| it.eq_ignore_ascii_case(text));
        let named = named.filter(|_| !text.is_empty());
        let named = named.and_then(|at| u32::try_from(at).ok());
        named.map(|it| it + least).or_else(|| text.parse().ok())
    };
    let is_range = |text: &str, bound: (u32, u32, &str)| {
        let (range, step) = match text.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (text, None),
        };
        if step.is_some_and(|it| !it.parse::<u32>().is_ok_and(|it| it > 0)) {
            return false;
        }
        if matches!(range, "*" | "?") {
            return true;
        }
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        match (number(from, bound), number(to, bound)) {
            (Some(from), Some(to)) => bound.0 <= from && from <= to && to <= bound.1,
            _ => false,
        }
    };
    fields.len() == 5
        && fields.iter().zip(bounds).all(|(field, bound)| {
            // Empty parts of a list are ignored.
            let mut parts = field.split(',').filter(|it| !it.is_empty());
            parts.all(|part| is_range(part, bound))
        })
}

/// What Go's `time.ParseDuration` accepts.
fn is_go_duration(text: &str) -> bool {
    let mut rest = text.trim_start_matches(['+', '-']);
    if rest == "0" {
        return true;
    }
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        if after.len() == rest.len() {
            return false;
        }
        let units = ["ns", "us", "µs", "ms", "s", "m", "h"];
        match units.iter().find_map(|unit| after.strip_prefix(unit)) {
            Some(next) => rest = next,
            None => return false,
        }
    }
    true
}
