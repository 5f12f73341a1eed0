//! What validation refuses beyond the types of fields: the rows of `rows.rs`.

use std::borrow::Cow;

use super::Path;
use super::formats::Format;
use super::paths::{Name, bare, decoded, set, walk};
use super::rows::{Condition, Fields, Range, Row, Rules, Test, When, bit};
use super::violations::{Fault, Visit};
use crate::yaml::{Kind, Node};

/// What is wrong with a value.
#[derive(Debug)]
pub enum Refusal {
    /// A number outside of a range.
    Range(Range),
    /// A list with too few or too many items, or a text with too many characters.
    Size(Range),
    /// A text of another format.
    Format(&'static Format),
    /// A name that is none of these, which are in this place.
    NotAmong {
        /// The names.
        known: Vec<String>,
        /// The field that has them.
        place: String,
    },
    /// A value that is none of these.
    OneOf(Vec<&'static str>),
    /// What must be otherwise, in words.
    Words(String),
}

impl Row {
    /// The conditions in words.
    fn when(&self) -> String {
        let values = |it: &str| it.trim_end_matches('|').replace('|', " or ");
        let word = |it: &Condition| {
            let name = Name(it.path);
            Some(match it.test {
                When::Version(_) | When::NotBelow(_) => return None,
                When::Set => format!("{name} is set"),
                When::NotSet => format!("{name} is not set"),
                When::Is(wanted) => format!("{name} is {}", values(wanted)),
                When::IsNot("") => format!("{name} is set"),
                When::IsNot(refused) => format!("{name} is not {}", values(refused)),
            })
        };
        let others = self.conditions.iter().filter(|it| it.path != self.path);
        let words: Vec<_> = others.filter_map(word).collect();
        match words.is_empty() {
            true => String::new(),
            false => format!(" if {}", words.join(" and ")),
        }
    }

    pub(super) fn fault<'a>(&self, why: Refusal, key: Option<Cow<'a, str>>) -> Fault<'a> {
        if let (true, Some(Test::Says(words))) = (self.is_warning, self.tests.last()) {
            return Fault::Warned(words);
        }
        Fault::Refused {
            number: self.number,
            why,
            when: self.when(),
            key,
        }
    }

    pub(super) fn holds(&self, of: Node<'_>, minor: u8) -> bool {
        self.conditions.iter().all(|it| it.holds(of, minor))
    }

    /// Whether the conditions can hold in a mapping with these fields, which decides about most rows.
    #[inline]
    pub(super) fn may_hold(&self, present: Fields, minor: u8) -> bool {
        let is_other = |it: &Condition| matches!(it.test, When::Version(it) if !it.has(minor));
        self.needs & !present == 0 && !self.conditions.iter().any(is_other)
    }

    /// The same, where conditions can be about what holds the value.
    fn holds_in(&self, of: Node<'_>, holder: Node<'_>, minor: u8) -> bool {
        self.conditions
            .iter()
            .all(|it| match it.path.strip_prefix("./") {
                Some(path) => Condition { path, ..*it }.holds(holder, minor),
                None => it.holds(of, minor),
            })
    }

    /// What is wrong with a name.
    pub(super) fn refusal_of_name(&self, name: Node<'_>, minor: u8) -> Option<Refusal> {
        let mut versions = self.conditions.iter();
        if !versions.all(|it| !matches!(it.test, When::Version(it) if !it.has(minor))) {
            return None;
        }
        self.tests.iter().find_map(|it| it.refusal(name, false))
    }

    /// The format of names.
    pub(super) fn format(&self) -> Option<&'static Format> {
        self.tests.iter().find_map(|it| match it {
            Test::Format(format) => Some(*format),
            _ => None,
        })
    }
}

/// The rows about values below a mapping.
impl<'a> Visit<'a> {
    /// What only something later validates of a field, in words.
    pub(super) fn late(
        &self,
        rules: &'static Rules,
        field: &str,
        of: Node<'a>,
    ) -> Option<&'static str> {
        let mut rows = rules.late.iter();
        let row = rows.find(|it| it.path == field && it.holds(of, self.minor))?;
        match row.tests[..] {
            [Test::Says(words)] => Some(words),
            _ => None,
        }
    }

    /// What a row refuses in the value of its first field.
    pub(super) fn row(
        &mut self,
        row: &'static Row,
        of: Node<'a>,
        value: Node<'a>,
        at: Path<'_, 'a>,
    ) {
        let mut look = |it, at: Path<'_, 'a>| {
            for test in &row.tests {
                self.test(test, row, of, it, at);
            }
        };
        match row.rest.is_empty() {
            true => look(value, at),
            false => walk(value, row.rest, at, &mut look),
        }
    }

    /// What the rows refuse that can be about what is missing. A field that is misspelt is not missing as well.
    pub(super) fn whole(
        &mut self,
        rules: &'static Rules,
        of: Node<'a>,
        at: Path<'_, 'a>,
        (from, present, is_known): (usize, Fields, bool),
    ) {
        for row in &rules.whole {
            if !row.may_hold(present, self.minor) {
                continue;
            }
            let there = present & row.about;
            match &row.tests[0] {
                // Nothing is missing where nothing could have it.
                Test::Need if there == 0 && !row.rest.is_empty() => {}
                Test::Need if row.rest.is_empty() && self.is_filled(from, there) => {}
                Test::Need => self.need(row, of, at),
                Test::Choice { is_needed, .. }
                    if there == 0 && !(*is_needed && is_known)
                        // Each path is one key, so one bit is one value.
                        || row.is_plain_choice
                            && there.is_power_of_two()
                            && (!is_needed || self.is_filled(from, there)) => {}
                Test::Choice {
                    is_needed,
                    may_be_several,
                    fields,
                } => {
                    let mut set_ones = fields.split('|').filter_map(|it| Some((it, set(of, it)?)));
                    match (set_ones.next(), set_ones.next()) {
                        (None, _) if *is_needed && is_known => {
                            let names = fields.split('|').map(|it| Name(it).to_string());
                            let names: Vec<_> = names.collect();
                            let words = match (names.split_last(), names.get(..6)) {
                                (_, Some(first)) if names.len() > 8 => {
                                    format!("one of {}, … is needed", first.join(", "))
                                }
                                (Some((last, others)), _) => {
                                    format!("one of {} or {last} is needed", others.join(", "))
                                }
                                _ => continue,
                            };
                            // Of keys of a map, the map is the place.
                            let first = fields.split('|').next().unwrap_or_default();
                            let why = Refusal::Words(words);
                            match first.rsplit_once('/') {
                                Some((map, _)) => {
                                    let node = of.get(map).unwrap_or(of);
                                    self.refuse(row, of, node, Path::Name(&at, map), why);
                                }
                                None => self.refuse(row, of, of, at, why),
                            }
                        }
                        (Some((first, _)), Some((second, node))) if !may_be_several => {
                            let words =
                                format!("{} and {} exclude each other", Name(second), Name(first));
                            // What else is wrong with the second one does not matter as much.
                            if row.holds(of, self.minor) {
                                let path = Path::Name(&at, bare(second)).pointer();
                                self.report(node, path, row.fault(Refusal::Words(words), None));
                            }
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether the field of a bit, of the mapping whose fields begin at an index, has a value that is not empty.
    fn is_filled(&self, from: usize, field: Fields) -> bool {
        let mut entries = self.entries[from..].iter();
        let found = entries.find(|(_, _, it)| it.map_or(0, bit) == field && field != 0);
        found.is_some_and(|(_, value, _)| match value.kind() {
            Kind::Plain => value.is_certain_string(),
            Kind::Single | Kind::Double => {
                let first = value.raw().as_bytes().get(1);
                first.is_some_and(u8::is_ascii_alphanumeric)
            }
            _ => !value.is_scalar() && !value.is_empty_collection(),
        })
    }

    fn need(&mut self, row: &'static Row, of: Node<'a>, at: Path<'_, 'a>) {
        let (above, last) = row.path.rsplit_once('/').unwrap_or(("", row.path));
        walk(of, above, at, &mut |holder, at| {
            let value = holder.get(&decoded(last)).filter(|it| !it.is_null());
            let is_missing = value.is_none_or(|it| match it.is_scalar() {
                true => it.text().is_some_and(|it| it.is_empty()),
                false => it.is_empty_collection(),
            });
            let is_elsewhere = |it: &Condition| match it.test {
                When::NotBelow(keys) => keys.split('|').any(|key| at.has(key)),
                _ => false,
            };
            if is_missing
                && holder.is_map()
                && row.holds_in(of, holder, self.minor)
                && !row.conditions.iter().any(is_elsewhere)
            {
                let at = Path::Name(&at, last);
                let node = value.unwrap_or(holder);
                match row.when().is_empty() {
                    true => self.report_once(node, at, Fault::Missing(last)),
                    false => {
                        let why = Refusal::Words(format!("{} must be set", Name(row.path)));
                        let fault = row.fault(why, None);
                        self.report_once(node, at, fault);
                    }
                }
            }
        });
    }

    pub(super) fn refuse(
        &mut self,
        row: &'static Row,
        of: Node<'a>,
        node: Node<'a>,
        at: Path<'_, 'a>,
        why: Refusal,
    ) {
        self.refuse_key(row, of, node, at, why, None);
    }

    pub(super) fn refuse_key(
        &mut self,
        row: &'static Row,
        of: Node<'a>,
        node: Node<'a>,
        at: Path<'_, 'a>,
        why: Refusal,
        key: Option<Cow<'a, str>>,
    ) {
        if row.holds(of, self.minor) {
            self.report_once(node, at, row.fault(why, key));
        }
    }
}
