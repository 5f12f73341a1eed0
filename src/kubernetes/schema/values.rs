//! What the API server refuses in a value beyond its type, from the table `values.txt`, whose head describes the format.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

use super::super::names::{Format, format_of};
use super::super::quantity::Quantity;
use super::{Type, Versions};
use crate::yaml::Node;

const TEXT: &str = include_str!("values.txt");

/// What is wrong with a value.
#[derive(Debug)]
pub enum Refusal {
    /// A number outside of a range.
    Range(Range),
    /// A list with too few or too many items, or a text with too many characters.
    Size(Range),
    /// A text of another format.
    Format(&'static Format),
}

/// A range of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The least.
    pub least: i64,
    /// The most; `i64::MAX` for any.
    pub most: i64,
}

/// One rule about a value.
#[derive(Debug)]
enum Rule {
    Range(Range),
    Size(Range),
    Length(Range),
    Format(&'static Format),
    Keys(&'static Format),
    Values(&'static Format),
}

/// The rules about a field in a range of versions.
#[derive(Debug)]
pub(super) struct Row {
    field: &'static str,
    versions: Versions,
    /// Whether it must have a value that is not empty.
    pub(super) is_needed: bool,
    /// The values that it accepts, between `|`.
    pub(super) one_of: Option<&'static str>,
    rules: Vec<Rule>,
}

/// How many of some fields must have a value.
#[derive(Debug)]
pub(super) struct Choice {
    versions: Versions,
    /// Whether one is needed.
    pub(super) is_needed: bool,
    /// Whether there may be several.
    pub(super) may_be_several: bool,
    pub(super) fields: Vec<&'static str>,
}

/// What is known about a type.
#[derive(Debug, Default)]
pub(super) struct Rules {
    rows: Vec<Row>,
    choices: Vec<Choice>,
}

impl Rules {
    /// The rules of a type.
    pub(super) fn of(name: &str) -> Rules {
        static TEXTS: OnceLock<HashMap<&'static str, &'static str>> = OnceLock::new();
        let texts = TEXTS.get_or_init(|| {
            let types = TEXT.split("\ntype: ").skip(1);
            let types = types.filter_map(|text| text.split_once('\n'));
            types
                .flat_map(|(names, lines)| names.split(' ').map(move |name| (name, lines)))
                .collect()
        });
        let mut rules = Rules::default();
        for line in texts.get(name).into_iter().flat_map(|it| it.lines()) {
            match choice(line) {
                Some(choice) => rules.choices.push(choice),
                None => rules.rows.extend(row(line)),
            }
        }
        rules
    }

    /// The rules about a field.
    pub(super) fn of_field(&self, field: &str, minor: u8) -> Option<&Row> {
        let mut rows = self.rows.iter();
        rows.find(|it| it.field == field && it.versions.has(minor))
    }

    /// The fields that must have a value.
    pub(super) fn needed(&self, minor: u8) -> impl Iterator<Item = &'static str> {
        let rows = self.rows.iter();
        let needed = rows.filter(move |it| it.is_needed && it.versions.has(minor));
        needed.map(|it| it.field)
    }

    /// The choices between fields.
    pub(super) fn choices(&self, minor: u8) -> impl Iterator<Item = &Choice> {
        self.choices.iter().filter(move |it| it.versions.has(minor))
    }
}

/// `one a|b`, `most a|b` or `some a|b`.
fn choice(line: &'static str) -> Option<Choice> {
    let mut words = line.split(' ');
    let (is_needed, may_be_several) = match words.next()? {
        "one" => (true, false),
        "most" => (false, false),
        "some" => (true, true),
        _ => return None,
    };
    let fields = words.next().filter(|it| it.contains('|'))?;
    Some(Choice {
        versions: words.next().map_or(Some(Versions::ALL), Versions::parse)?,
        is_needed,
        may_be_several,
        fields: fields.split('|').collect(),
    })
}

fn row(line: &'static str) -> Option<Row> {
    let mut words = line.split(' ');
    let field = words.next()?;
    let mut row = Row {
        field: field.strip_suffix('!').unwrap_or(field),
        versions: Versions::ALL,
        is_needed: field.ends_with('!'),
        one_of: None,
        rules: Vec::new(),
    };
    for word in words {
        let rule = match word.split_once([':', '=']) {
            Some(("keys", format)) => Rule::Keys(format_of(format)?),
            Some(("values", format)) => Rule::Values(format_of(format)?),
            Some(("size", range)) => Rule::Size(range_of(range)?),
            Some(("length", range)) => Rule::Length(range_of(range)?),
            Some(("", values)) => {
                row.one_of = Some(values);
                continue;
            }
            _ => match (format_of(word), range_of(word)) {
                (Some(format), _) => Rule::Format(format),
                (None, Some(range)) => Rule::Range(range),
                _ => {
                    row.versions = Versions::parse(word)?;
                    continue;
                }
            },
        };
        row.rules.push(rule);
    }
    Some(row)
}

/// `1..65535` or `0..`.
fn range_of(text: &str) -> Option<Range> {
    let (least, most) = text.split_once("..")?;
    let most = match most.is_empty() {
        true => i64::MAX,
        false => most.parse().ok()?,
    };
    let least = least.parse().ok()?;
    Some(Range { least, most })
}

impl Range {
    fn has(self, value: i64) -> bool {
        (self.least..=self.most).contains(&value)
    }

    /// The nearest number.
    #[must_use]
    pub fn nearest(self, value: i64) -> i64 {
        value.clamp(self.least, self.most)
    }
}

impl Row {
    /// What is wrong with a value or an item of a list.
    pub(super) fn refusal(&self, of: &Type, value: Node<'_>) -> Option<Refusal> {
        self.rules.iter().find_map(|rule| match rule {
            Rule::Range(range) => {
                let is_in = match of {
                    Type::Quantity => {
                        let amount = Quantity::of_node(value).ok();
                        amount.is_none_or(|it| {
                            !it.is_negative() && (range.least <= 0 || !it.is_zero())
                        })
                    }
                    _ => value.int().is_none_or(|it| range.has(it)),
                };
                (!is_in).then_some(Refusal::Range(*range))
            }
            Rule::Format(format) => {
                let text = value.str().filter(|it| self.is_needed || !it.is_empty())?;
                (!text.is_empty() && !(format.accepts)(&text)).then_some(Refusal::Format(format))
            }
            Rule::Length(range) => {
                let text = value.str()?;
                let len = i64::try_from(text.len()).unwrap_or(i64::MAX);
                (!text.is_empty() && !range.has(len)).then_some(Refusal::Size(*range))
            }
            Rule::Size(_) | Rule::Keys(_) | Rule::Values(_) => None,
        })
    }

    /// Whether a list has too few or too many items.
    pub(super) fn refusal_of_list(&self, list: Node<'_>) -> Option<Refusal> {
        let ranges = self.rules.iter().find_map(|rule| match rule {
            Rule::Size(range) => Some(*range),
            _ => None,
        });
        let len = i64::try_from(list.len()).unwrap_or(i64::MAX);
        let range = ranges.filter(|it| !it.has(len))?;
        Some(Refusal::Size(range))
    }

    /// What is wrong with an entry of a map, and with which of its texts.
    pub(super) fn refusal_of_entry<'a>(
        &self,
        key: Node<'a>,
        value: Node<'a>,
    ) -> Option<(Refusal, Cow<'a, str>, bool)> {
        self.rules.iter().find_map(|rule| {
            let (format, text, is_key) = match rule {
                Rule::Keys(format) => (format, key.text()?, true),
                Rule::Values(format) => (format, value.str()?, false),
                _ => return None,
            };
            let is_wrong = !(format.accepts)(&text);
            is_wrong.then_some((Refusal::Format(format), text, is_key))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::{self, object};
    use super::*;

    #[test]
    fn every_line_is_about_a_field_of_its_type() {
        for text in TEXT.split("\ntype: ").skip(1) {
            let (names, lines) = text.split_once('\n').unwrap_or((text, ""));
            for name in names.split(' ') {
                let object = object(name);
                let has = |field: &str| match field.strip_prefix("metadata.") {
                    Some(field) => object.field("metadata").is_some() && field == "name",
                    None => object.field(field).is_some(),
                };
                assert!(!object.name.is_empty(), "{name}");
                for line in lines.lines() {
                    let fields = match (choice(line), row(line)) {
                        (Some(choice), _) => choice.fields,
                        (None, Some(row)) => vec![row.field],
                        (None, None) => vec![""],
                    };
                    assert!(fields.iter().all(|it| has(it)), "{name}: {line}");
                }
            }
        }
        assert!(table::kinds().count() > 0);
    }
}
