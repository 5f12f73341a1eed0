//! What validation refuses in a value, its items and its entries.

use core::net::IpAddr;
use std::borrow::Cow;

use super::super::names::cidr;
use super::super::quantity::Quantity;
use super::Path;
use super::paths::{Name, counts, set, walk};
use super::rows::{Relation, Row, Test};
use super::validation::Refusal;
use super::violations::{Fault, Visit, duplicates, keys_of};
use crate::yaml::Node;

impl Test {
    /// What is wrong with a scalar. `is_empty_refused` is whether an empty text is checked as well.
    pub(super) fn refusal(&self, value: Node<'_>, is_empty_refused: bool) -> Option<Refusal> {
        let text = || {
            // Most texts are as they are written.
            let is_line = |it: &&str| memchr::memchr(b'\n', it.as_bytes()).is_none();
            let text = match value.certain_string().filter(is_line) {
                Some(text) => Some(Cow::Borrowed(text)),
                None => value.str(),
            };
            text.filter(|it| is_empty_refused || !it.is_empty())
        };
        match self {
            Test::Range(range) => {
                let is_in = match value.int() {
                    Some(number) => range.has(number),
                    None => Quantity::of_node(value).ok().is_none_or(|it| {
                        !(it.is_negative() && range.least >= 0 || it.is_zero() && range.least > 0)
                    }),
                };
                (!is_in).then_some(Refusal::Range(*range))
            }
            Test::Format(format) => {
                (!(format.accepts)(&text()?)).then_some(Refusal::Format(format))
            }
            Test::Length(range) => {
                let len = i64::try_from(text()?.len()).unwrap_or(i64::MAX);
                (!range.has(len)).then_some(Refusal::Size(*range))
            }
            Test::Filled => {
                let is_empty = value.str().is_some_and(|it| it.is_empty());
                is_empty.then(|| Refusal::Words("it must not be empty".to_owned()))
            }
            Test::Positive => {
                let is_low = |it: &Quantity| it.is_zero() || it.is_negative();
                let low = Quantity::of_node(value).ok().filter(is_low);
                low.map(|_| Refusal::Words("the amount must be greater than 0".to_owned()))
            }
            // The API server sets what is empty.
            Test::OneOf(values) => {
                let text = value
                    .text()
                    .filter(|it| is_empty_refused || !it.is_empty())?;
                let mut one = values.split('|');
                (!one.any(|it| *it == *text)).then(|| {
                    let named = values.split('|').filter(|it| !it.is_empty());
                    Refusal::OneOf(named.collect())
                })
            }
            Test::Never(values) => {
                let text = value.text()?;
                let mut one = values.split('|');
                one.any(|it| *it == *text)
                    .then(|| Refusal::Words(format!("`{text}` is refused")))
            }
            Test::Whole => {
                let amount = Quantity::of_node(value).ok().zip("1".parse().ok());
                let is_whole = amount.is_none_or(|(it, one)| it.is_multiple_of(one));
                (!is_whole).then(|| Refusal::Words("the amount must be whole".to_owned()))
            }
            Test::Gate(values, gate) => {
                let text = text()?;
                let mut one = values.split('|');
                one.any(|it| *it == *text).then(|| {
                    Refusal::Words(format!(
                        "`{text}` needs the feature gate {gate}, which is off by default"
                    ))
                })
            }
            _ => None,
        }
    }
}

/// What tests refuse in values.
impl<'a> Visit<'a> {
    /// What a test refuses in a value, its items and its entries.
    pub(super) fn test(
        &mut self,
        test: &'static Test,
        row: &'static Row,
        of: Node<'a>,
        it: Node<'a>,
        at: Path<'_, 'a>,
    ) {
        let name = Name(row.path);
        if it.is_null() {
            return;
        }
        match test {
            Test::Need | Test::Choice { .. } => {}
            Test::Says(words) => {
                if row.tests.len() == 1 && row.holds(of, self.minor) {
                    self.report_once(it, at, Fault::Warned(words));
                }
            }
            Test::Not => {
                // Most rows of this kind are about few pods, so the condition decides before anything is written.
                if counts(it, row.path) && row.holds(of, self.minor) {
                    let words = Refusal::Words(format!("{name} must not be set"));
                    self.report_once(it, at, row.fault(words, None));
                }
            }
            Test::Size(range) => {
                let len = i64::try_from(it.len()).unwrap_or(i64::MAX);
                if it.is_sequence() && !range.has(len) {
                    self.refuse(row, of, it, at, Refusal::Size(*range));
                }
            }
            Test::Keys(format) => {
                for (key, value) in it.entries() {
                    let text = key.text().unwrap_or_default();
                    if !(format.accepts)(&text) {
                        let why = Refusal::Format(format);
                        self.refuse_key(row, of, value, Path::Key(&at, key), why, Some(text));
                    }
                }
            }
            Test::Values(format) => {
                for (key, value) in it.entries() {
                    if value.str().is_some_and(|it| !(format.accepts)(&it)) {
                        let why = Refusal::Format(format);
                        self.refuse(row, of, value, Path::Key(&at, key), why);
                    }
                }
            }
            Test::Compared(relation, other) => self.compare(row, of, (it, other), at, *relation),
            Test::Same(other) => {
                let other_text = set(of, other).and_then(Node::text);
                if other_text.is_some_and(|other| it.text().is_some_and(|it| it != other)) {
                    let words = format!("{name} must be the same as {}", Name(other));
                    self.refuse(row, of, it, at, Refusal::Words(words));
                }
            }
            Test::Among(paths) => {
                let Some(text) = it.text().filter(|it| !it.is_empty()) else {
                    return;
                };
                let mut known = Vec::new();
                walk(of, paths, Path::Top(None), &mut |it, _| {
                    known.extend(it.text().map(Cow::into_owned));
                });
                // A request and one of its parts are named with a slash between them.
                let name = text.split('/').next().unwrap_or_default();
                if !known.iter().any(|it| it == name) {
                    let place = paths.split("/*").next().unwrap_or_default();
                    let place = Name(place).to_string().replace('|', "` or `");
                    self.refuse(row, of, it, at, Refusal::NotAmong { known, place });
                }
            }
            Test::Conflict(first, second) => {
                let has = |wanted: &str| {
                    it.items()
                        .any(|it| it.text().is_some_and(|it| it == wanted))
                };
                if has(first) && has(second) {
                    let words = format!("{first} and {second} exclude each other in {name}");
                    self.refuse(row, of, it, at, Refusal::Words(words));
                }
            }
            Test::Ordered => {
                let mut last = i64::MIN;
                for (index, item) in it.items().enumerate() {
                    let number = item.int().unwrap_or(i64::MAX);
                    if number < last {
                        let words = format!("the numbers of {name} must ascend");
                        let at = Path::Item(&at, index);
                        return self.refuse(row, of, item, at, Refusal::Words(words));
                    }
                    last = number;
                }
            }
            Test::Distinct(keys) => {
                if row.holds(of, self.minor) {
                    duplicates(&keys_of(keys), it, at, true, &mut self.found);
                }
            }
            Test::Named if it.item(1).is_none() => {}
            Test::Named => {
                for (index, item) in it.items().enumerate() {
                    if item.is_map() && set(item, "name").is_none() {
                        let words = "each of several items must have a name".to_owned();
                        let at = Path::Item(&at, index);
                        let at = Path::Name(&at, "name");
                        self.refuse(row, of, item, at, Refusal::Words(words));
                    }
                }
            }
            Test::Alone(value) => {
                let is_value = |it: Node<'_>| it.text().as_deref() == Some(value);
                if it.len() > 1 && it.items().any(is_value) {
                    let words = format!("{value} must be the only item of {name}");
                    self.refuse(row, of, it, at, Refusal::Words(words));
                }
            }
            Test::Once(key) => {
                let count = it.items().filter(|it| it.bool_at([*key]) == Some(true));
                if count.count() != 1 && !it.is_empty_collection() {
                    let words = format!("`{key}` must be true in exactly one item of {name}");
                    self.refuse(row, of, it, at, Refusal::Words(words));
                }
            }
            Test::Apart(other) => {
                let Some(others) = of.get(other) else { return };
                for (key, value) in it.entries() {
                    if key.text().is_some_and(|it| others.get(&it).is_some()) {
                        let words = format!("{} has the same key", Name(other));
                        self.refuse(row, of, value, Path::Key(&at, key), Refusal::Words(words));
                    }
                }
            }
            Test::Joined(first, second) => {
                let text = |path: &str| of.text_at(path.split('/')).unwrap_or_default();
                let whole = format!("{}.{}", text(first), text(second));
                if it.text().is_some_and(|it| it != whole) {
                    let (first, second) = (Name(first), Name(second));
                    let words = format!("{name} must be {first} and {second}, joined with a dot");
                    self.refuse(row, of, it, at, Refusal::Words(words));
                }
            }
            // No escape doubles a text, so most data need not be decoded. What an alias stands for is elsewhere.
            Test::Total(_, most)
                if of.raw().len() * 2 <= *most
                    && memchr::memchr(b'*', of.raw().as_bytes()).is_none() => {}
            Test::Total(other, most) => {
                let bytes = match other.is_empty() {
                    true => {
                        let of_entry = |(key, value): (Node<'_>, Node<'_>)| {
                            key.text().map_or(0, |it| it.len())
                                + value.text().map_or(0, |it| it.len())
                        };
                        it.entries().map(of_entry).sum()
                    }
                    false => bytes_of_data(of, it, other),
                };
                if bytes > *most {
                    let words = format!("{name} must have at most {} KiB", most / 1024);
                    self.refuse(row, of, it, at, Refusal::Words(words));
                }
            }
            Test::Has(key, values) => {
                let is_one = |it: Node<'_>| {
                    let of = if key.is_empty() {
                        Some(it)
                    } else {
                        it.get(key)
                    };
                    let text = of.and_then(Node::text);
                    text.is_some_and(|it| values.split('|').any(|value| value == it))
                };
                if !it.is_empty_collection() && !it.items().any(is_one) {
                    let values = values.replace('|', " or ");
                    let words = match key.is_empty() {
                        true => format!("{name} must have {values}"),
                        false => format!("{name} must have one of the {key} {values}"),
                    };
                    self.refuse(row, of, it, at, Refusal::Words(words));
                }
            }
            Test::Within(other) => {
                let Some(range) = of.text_at([*other]).and_then(|it| cidr(&it)) else {
                    return;
                };
                for (index, item) in it.items().enumerate() {
                    let inner = item.text().and_then(|it| cidr(&it));
                    if inner.is_some_and(|it| !is_within(it, range)) {
                        let words = format!("a range of {name} must be a part of {}", Name(other));
                        let at = Path::Item(&at, index);
                        self.refuse(row, of, item, at, Refusal::Words(words));
                    }
                }
            }
            Test::Integers => {
                for (key, value) in it.entries() {
                    let text = key.text().unwrap_or_default();
                    let amount = Quantity::of_node(value).ok().zip("1".parse().ok());
                    if is_counted(&text) && amount.is_some_and(|(it, one)| !it.is_multiple_of(one))
                    {
                        let words = format!("the amount of `{text}` must be a whole number");
                        self.refuse(row, of, value, Path::Key(&at, key), Refusal::Words(words));
                    }
                }
            }
            Test::Ratio(most, least) => {
                for (key, value) in it.entries() {
                    let text = key.text().unwrap_or_default();
                    let amount = |of: Option<Node<'_>>| {
                        let quantity = Quantity::of_node(of?).ok()?;
                        Some(quantity.to_f64())
                    };
                    let Some(ratio) = amount(Some(value)) else {
                        continue;
                    };
                    let of_key = |path: &str| amount(of.at([path, &*text]));
                    let bound = of_key(most)
                        .zip(of_key(least))
                        .map(|(most, least)| most / least);
                    let words = match bound {
                        _ if ratio < 1.0 => "a ratio must be at least 1".to_owned(),
                        Some(bound) if ratio > bound => {
                            format!("the ratio is greater than that of `{most}` to `{least}`")
                        }
                        _ => continue,
                    };
                    self.refuse(row, of, value, Path::Key(&at, key), Refusal::Words(words));
                }
            }
            Test::Positive
            | Test::Filled
            | Test::Range(_)
            | Test::Length(_)
            | Test::Format(_)
            | Test::OneOf(_)
            | Test::Never(_)
            | Test::Whole
            | Test::Gate(..) => {
                self.scalars(test, row, of, (it, false), at);
            }
        }
    }

    /// What a test refuses in a scalar, or in those of a list or map.
    fn scalars(
        &mut self,
        test: &'static Test,
        row: &'static Row,
        of: Node<'a>,
        (it, is_empty_refused): (Node<'a>, bool),
        at: Path<'_, 'a>,
    ) {
        if it.is_scalar() {
            if let Some(why) = test.refusal(it, is_empty_refused).filter(|_| !it.is_null()) {
                self.refuse(row, of, it, at, why);
            }
            return;
        }
        for (index, item) in it.items().enumerate() {
            self.scalars(test, row, of, (item, true), Path::Item(&at, index));
        }
        for (key, value) in it.entries() {
            self.scalars(test, row, of, (value, false), Path::Key(&at, key));
        }
    }

    /// A number is at most, or at least, that of another field; of a map, each quantity.
    fn compare(
        &mut self,
        row: &'static Row,
        of: Node<'a>,
        (it, other): (Node<'a>, &'static str),
        at: Path<'_, 'a>,
        relation: Relation,
    ) {
        let Some(against) = set(of, other) else {
            return;
        };
        let is_wrong = |value: Node<'_>, against: Node<'_>| {
            let pair = Quantity::of_node(value)
                .ok()
                .zip(Quantity::of_node(against).ok());
            pair.is_some_and(|(value, against)| match relation {
                Relation::AtLeast => value < against,
                Relation::AtMost => value > against,
                Relation::Above => value <= against,
            })
        };
        let words = || {
            let words = match relation {
                Relation::AtLeast => "at least",
                Relation::AtMost => "at most",
                Relation::Above => "greater than",
            };
            let (own, other) = (Name(row.path), Name(other));
            Refusal::Words(format!("{own} must be {words} {other}"))
        };
        if it.is_scalar() {
            if is_wrong(it, against) {
                self.refuse(row, of, it, at, words());
            }
            return;
        }
        for (key, value) in it.entries() {
            let other = key.text().and_then(|key| against.get(&key));
            if other.is_some_and(|other| is_wrong(value, other)) {
                self.refuse(row, of, value, Path::Key(&at, key), words());
            }
        }
    }
}

/// Whether amounts of a resource are whole: `IsIntegerResourceName` in `pkg/apis/core/helper`.
fn is_counted(resource: &str) -> bool {
    let is_extended = resource.contains('/')
        && !resource.contains("kubernetes.io/")
        && !resource.starts_with("requests.");
    is_extended
        || matches!(
            resource,
            "pods"
                | "resourcequotas"
                | "services"
                | "replicationcontrollers"
                | "secrets"
                | "configmaps"
                | "persistentvolumeclaims"
                | "services.nodeports"
                | "services.loadbalancers"
        )
}

/// Whether a range of addresses is a part of another one, and not all of it.
fn is_within((inner, len): (IpAddr, u8), (outer, most): (IpAddr, u8)) -> bool {
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => (u128::from(u32::from(ip)) << 96, true),
        IpAddr::V6(ip) => (u128::from(ip), false),
    };
    let ((inner, is_v4), (outer, is_outer_v4)) = (bits(inner), bits(outer));
    let mask = u128::MAX.checked_shl(128 - u32::from(most)).unwrap_or(0);
    is_v4 == is_outer_v4 && len > most && inner & mask == outer & mask
}

/// The bytes of texts and, in another field, of data in base64, which the texts replace.
fn bytes_of_data(of: Node<'_>, texts: Node<'_>, coded: &str) -> usize {
    let plain = texts.entries().filter_map(|(_, it)| Some(it.text()?.len()));
    // Four digits of base64 are three bytes, of which two may be none.
    let is_digit = |it: &u8| !matches!(it, b'\n' | b'\r');
    let coded = of.entries_at([coded]).filter_map(|(key, value)| {
        let is_replaced = texts.get(&key.text()?).is_some();
        let digits = value.text()?.bytes().filter(is_digit).count();
        (!is_replaced).then(|| (digits / 4 * 3).saturating_sub(2))
    });
    plain.chain(coded).sum()
}
