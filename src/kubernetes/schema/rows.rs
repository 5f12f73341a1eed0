//! The rows of the table `validation.txt`, whose head describes the format.

use std::ops::BitOr as _;
use std::sync::OnceLock;

use super::formats::{Format, format_of};
use super::paths::{bare, counts, set, walk};
use super::text::blocks;
use super::{Object, Path, Versions};
use crate::compressed::Text;
use crate::hashing::HashMap;
use crate::yaml::Node;

static TEXT: Text = Text::new(include_bytes!(concat!(env!("OUT_DIR"), "/validation.txt")));

/// A range of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The least; `i64::MIN` for any.
    pub least: i64,
    /// The most; `i64::MAX` for any.
    pub most: i64,
}

impl Range {
    /// `1..65535` or `0..`.
    fn parse(text: &str) -> Option<Range> {
        let (least, most) = text.split_once("..")?;
        let most = match most.is_empty() {
            true => i64::MAX,
            false => most.parse().ok()?,
        };
        let least = match least.is_empty() {
            true => i64::MIN,
            false => least.parse().ok()?,
        };
        Some(Range { least, most })
    }

    pub(super) fn has(self, value: i64) -> bool {
        (self.least..=self.most).contains(&value)
    }

    /// The nearest number.
    #[must_use]
    pub fn nearest(self, value: i64) -> i64 {
        value.clamp(self.least, self.most)
    }
}

/// The rows about one type.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// The rows about each field, by its position in [`Object::fields`].
    of_field: Vec<Vec<Row>>,
    /// The rows about what can be missing.
    pub(super) whole: Vec<Row>,
    /// Fields whose values are only validated later, and by what.
    pub(super) late: Vec<Row>,
    /// The rows about the name of the object.
    pub(super) names: Vec<Row>,
}

/// What a row says.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// The number of its rule in FIT-VAL; empty if the kind of the fault says it.
    pub(super) number: &'static str,
    /// Whether a version of Kubernetes only warns.
    pub(super) is_warning: bool,
    pub(super) path: &'static str,
    /// The path below its first key.
    pub(super) rest: &'static str,
    pub(super) tests: Vec<Test>,
    pub(super) conditions: Vec<Condition>,
    /// The fields that must be there for the conditions to hold.
    pub(super) needs: Fields,
    /// The fields in the path, or the first of each path of a choice.
    pub(super) about: Fields,
    /// Whether all paths of a choice are single keys.
    pub(super) is_plain_choice: bool,
}

/// Some fields of an object: a bit for the position of each.
pub(super) type Fields = u64;

/// The bit of a field; none for one behind the others, of which it is not known whether it is there.
#[inline]
pub(super) fn bit(position: usize) -> Fields {
    1_u64.checked_shl(position as u32).unwrap_or(0)
}

#[derive(Clone, Debug)]
pub(super) enum Test {
    Need,
    Not,
    Range(Range),
    Size(Range),
    Length(Range),
    Format(&'static Format),
    Keys(&'static Format),
    Values(&'static Format),
    OneOf(&'static str),
    /// Values that need a feature gate.
    Gate(&'static str, &'static str),
    Compared(Relation, &'static str),
    Same(&'static str),
    /// One of the texts at this path.
    Among(&'static str),
    /// None of these.
    Never(&'static str),
    /// Not both of these items.
    Conflict(&'static str, &'static str),
    Ordered,
    Whole,
    Distinct(&'static str),
    Named,
    Alone(&'static str),
    Once(&'static str),
    Apart(&'static str),
    Joined(&'static str, &'static str),
    Total(&'static str, usize),
    Ratio(&'static str, &'static str),
    Has(&'static str, &'static str),
    Within(&'static str),
    Integers,
    Positive,
    Filled,
    /// How many of some fields must have a value.
    Choice {
        is_needed: bool,
        may_be_several: bool,
        fields: &'static str,
    },
    /// What is said without a look at the value.
    Says(&'static str),
}

/// When a row applies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Condition {
    pub(super) path: &'static str,
    pub(super) test: When,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum When {
    Version(Versions),
    Set,
    NotSet,
    /// One of these values, between `|`.
    Is(&'static str),
    IsNot(&'static str),
    /// None of these keys, between `|`, is in its path.
    NotBelow(&'static str),
}

/// How two values of one mapping relate.
#[derive(Clone, Copy, Debug)]
pub(super) enum Relation {
    AtMost,
    AtLeast,
    Above,
}

/// The table before its types: a line for each format.
pub(super) fn head() -> &'static str {
    let table = TEXT.get();
    table.split_once("\ntype: ").map_or(table, |(head, _)| head)
}

impl Rules {
    /// The rows about a type.
    pub(super) fn of(object: &Object) -> Rules {
        static TEXTS: OnceLock<HashMap<&'static str, Vec<(&'static str, &'static str)>>> =
            OnceLock::new();
        let texts = TEXTS.get_or_init(|| {
            let mut texts: HashMap<_, Vec<_>> = HashMap::default();
            for block in blocks(TEXT.get()).1 {
                let (head, lines) = block.split_once('\n').unwrap_or((block, ""));
                let number = head.split(' ').next().unwrap_or_default();
                let number = match number.as_bytes().first() {
                    Some(b'0'..=b'9') => number,
                    _ => "",
                };
                for name in head.split(' ') {
                    texts.entry(name).or_default().push((number, lines));
                }
            }
            texts
        });
        let mut rules = Rules::default();
        let blocks = texts.get(object.name).into_iter().flatten();
        for mut row in blocks.flat_map(|(number, lines)| lines.lines().map(|it| row(it, number))) {
            let (first, rest) = row.path.split_once('/').unwrap_or((row.path, ""));
            let first = bare(first);
            let bit_of = |path: &str| {
                let first = path.split('/').next().unwrap_or_default();
                object.position(first).map_or(0, bit)
            };
            row.rest = bare(rest);
            row.needs = row
                .conditions
                .iter()
                .filter_map(Condition::needed)
                .map(bit_of)
                .fold(0, Fields::bitor);
            row.about = match row.tests.first() {
                Some(Test::Choice { fields, .. }) => fields
                    .split('|')
                    .map(|it| bit_of(bare(it)))
                    .fold(0, Fields::bitor),
                _ => bit_of(first),
            };
            row.is_plain_choice = matches!(row.tests.first(), Some(Test::Choice { fields, .. }) if !fields.contains(['/', '+', '?']));
            if let Some(Test::Need | Test::Choice { .. }) = row.tests.first() {
                let rest = row.tests.split_off(1);
                let of_value = Row {
                    conditions: row.conditions.clone(),
                    tests: rest,
                    ..row
                };
                rules.whole.push(row);
                row = of_value;
            }
            let is_name = row.path == "metadata/name";
            match row.tests.first() {
                None => {}
                Some(Test::Says(_)) if !row.is_warning => rules.late.push(row),
                Some(Test::Format(_) | Test::Length(_)) if is_name => rules.names.push(row),
                Some(_) => {
                    for first in first.split('|') {
                        let position = object.position(first).unwrap_or_default();
                        if rules.of_field.len() <= position {
                            rules.of_field.resize_with(position + 1, Vec::new);
                        }
                        rules.of_field[position].push(row.clone());
                    }
                }
            }
        }
        rules
    }

    /// The rows about a field.
    #[inline]
    pub(super) fn of_field(&self, position: usize) -> &[Row] {
        self.of_field.get(position).map_or(&[], Vec::as_slice)
    }
}

/// The rows of a line.
fn row(line: &'static str, number: &'static str) -> Row {
    let (line, conditions) = line.split_once(" if ").unwrap_or((line, ""));
    let conditions = conditions.split(" & ").filter(|it| !it.is_empty());
    let mut row = Row {
        number,
        is_warning: false,
        path: "",
        rest: "",
        tests: Vec::new(),
        conditions: conditions.map(Condition::of).collect(),
        needs: 0,
        about: 0,
        is_plain_choice: false,
    };
    let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
    match first {
        "one" | "most" | "some" => row.tests.push(Test::Choice {
            is_needed: first != "most",
            may_be_several: first == "some",
            fields: rest,
        }),
        _ if first == "late" || first == "warn" || first.starts_with("warn:") => {
            let (path, text) = rest.split_once(' ').unwrap_or((rest, ""));
            row.path = path;
            row.is_warning = first != "late";
            row.tests
                .extend(first.strip_prefix("warn:").and_then(Test::of));
            row.tests.push(Test::Says(text));
        }
        _ => {
            row.path = first.strip_suffix('!').unwrap_or(first);
            if first.ends_with('!') {
                row.tests.push(Test::Need);
            }
            for word in rest.split(' ').filter(|it| !it.is_empty()) {
                match Test::of(word) {
                    Some(test) => row.tests.push(test),
                    None => row.conditions.push(Condition::of(word)),
                }
            }
        }
    }
    row
}

impl Test {
    fn of(word: &'static str) -> Option<Test> {
        let two = |text: &'static str| text.split_once(',').unwrap_or((text, ""));
        Some(match word.split_once([':', '=']) {
            Some(("", values)) => Test::OneOf(values),
            Some(("keys", format)) => Test::Keys(format_of(format)?),
            Some(("values", format)) => Test::Values(format_of(format)?),
            Some(("size", range)) => Test::Size(Range::parse(range)?),
            Some(("length", range)) => Test::Length(Range::parse(range)?),
            Some(("le", other)) => Test::Compared(Relation::AtMost, other),
            Some(("ge", other)) => Test::Compared(Relation::AtLeast, other),
            Some(("above", other)) => Test::Compared(Relation::Above, other),
            Some(("same", other)) => Test::Same(other),
            Some(("among", path)) => Test::Among(path),
            Some(("never", values)) => Test::Never(values),
            Some(("conflict", items)) => Test::Conflict(two(items).0, two(items).1),
            Some(("distinct", keys)) => Test::Distinct(keys),
            Some(("alone", value)) => Test::Alone(value),
            Some(("once", key)) => Test::Once(key),
            Some(("apart", other)) => Test::Apart(other),
            Some(("joined", parts)) => Test::Joined(two(parts).0, two(parts).1),
            Some(("ratio", parts)) => Test::Ratio(two(parts).0, two(parts).1),
            Some(("gate", parts)) => Test::Gate(two(parts).0, two(parts).1),
            Some(("total", parts)) => Test::Total(two(parts).0, two(parts).1.parse().ok()?),
            Some(("has", parts)) => Test::Has(two(parts).0, two(parts).1),
            Some(("within", other)) => Test::Within(other),
            _ if word == "integers" => Test::Integers,
            _ if word == "ordered" => Test::Ordered,
            _ if word == "whole" => Test::Whole,
            _ if word == "positive" => Test::Positive,
            _ if word == "filled" => Test::Filled,
            _ if word == "not" => Test::Not,
            _ if word == "named" => Test::Named,
            _ => match format_of(word) {
                Some(format) => Test::Format(format),
                None => Test::Range(Range::parse(word)?),
            },
        })
    }
}

impl Condition {
    fn of(text: &'static str) -> Condition {
        let (path, test) = if let Some(keys) = text.strip_prefix("!below=") {
            ("", When::NotBelow(keys))
        } else if let Some(path) = text.strip_prefix('!') {
            (path, When::NotSet)
        } else if let Some((path, values)) = text.split_once("!=") {
            (path, When::IsNot(values))
        } else if let Some((path, values)) = text.split_once('=') {
            (path, When::Is(values))
        } else {
            (text, Versions::parse(text).map_or(When::Set, When::Version))
        };
        Condition { path, test }
    }

    /// The path without which it does not hold.
    fn needed(&self) -> Option<&'static str> {
        match self.test {
            When::Set => Some(bare(self.path)),
            When::Is(values) if values.split('|').all(|it| !it.is_empty()) => Some(bare(self.path)),
            _ => None,
        }
        .filter(|path| !path.starts_with("./"))
    }

    pub(super) fn holds(&self, node: Node<'_>, minor: u8) -> bool {
        let is = |values: &str| {
            let (mut is_any, mut is_one) = (false, false);
            walk(node, bare(self.path), Path::Top(None), &mut |it, _| {
                if counts(it, self.path) {
                    let text = it.text().unwrap_or_default();
                    is_any = true;
                    is_one |= values.split('|').any(|value| value == text);
                }
            });
            is_one || !is_any && values.split('|').any(str::is_empty)
        };
        match &self.test {
            When::Version(versions) => versions.has(minor),
            When::Set => set(node, self.path).is_some(),
            When::NotSet => set(node, self.path).is_none(),
            When::Is(values) => is(values),
            When::IsNot(values) => !is(values),
            // What knows the path asks for it.
            When::NotBelow(_) => true,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::HashSet;

    use super::super::table::object;
    use super::*;

    #[test]
    fn every_line_is_about_fields_of_its_type() {
        for text in TEXT.get().split("\ntype: ").skip(1) {
            let (names, lines) = text.split_once('\n').unwrap_or((text, ""));
            for name in names
                .split(' ')
                .filter(|it| !it.starts_with(char::is_numeric))
            {
                let object = object(name);
                assert!(!object.name.is_empty(), "{name}");
                for line in lines.lines() {
                    let row = row(line, "");
                    let first = |path: &str| {
                        let first = bare_of(path).split('/').next().unwrap_or_default();
                        first.split('|').all(|it| object.field(it).is_some())
                    };
                    assert!(!row.tests.is_empty(), "{name}: {line}");
                    assert!(row.path.is_empty() || first(row.path), "{name}: {line}");
                    for condition in &row.conditions {
                        let is_other =
                            matches!(condition.test, When::Version(_) | When::NotBelow(_))
                                || condition.path.starts_with("./")
                                || condition.path == "sops";
                        assert!(is_other || first(condition.path), "{name}: {line}");
                    }
                    let others: HashSet<&str> = match row.tests[0] {
                        Test::Choice { fields, .. } => fields.split('|').collect(),
                        _ => HashSet::default(),
                    };
                    assert!(others.iter().all(|it| first(it)), "{name}: {line}");
                }
            }
        }
    }

    #[test]
    fn annotations_have_at_most_256_kib() {
        let refused = |len: usize| {
            let text = format!("a: {}", "x".repeat(len - 1));
            let text = format!("metadata:\n  name: a\n  annotations:\n    {text}\n");
            let stream = crate::yaml::Stream::parse(&text).unwrap();
            let root = stream.documents().next().unwrap().root();
            let of = super::super::fields_of("v1", "ConfigMap").unwrap();
            of.violations(root, 37).len()
        };
        assert_eq!((refused(262_144), refused(262_145)), (0, 1));
    }

    fn bare_of(path: &str) -> &str {
        path.trim_end_matches(['+', '?'])
    }
}
