//! What validation refuses beyond the types of fields, from the table `validation.txt`, whose head describes the format.

use core::net::IpAddr;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::ops::BitOr as _;
use std::sync::OnceLock;

use super::super::names::{Format, cidr, format_of};
use super::super::quantity::Quantity;
use super::text::Text;
use super::violations::{Fault, Visit, duplicates, keys_of};
use super::{Object, Path, Versions};
use crate::yaml::{Kind, Node};

static TEXT: Text = Text::new(include_bytes!(concat!(env!("OUT_DIR"), "/validation.txt")));

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

    fn has(self, value: i64) -> bool {
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
    whole: Vec<Row>,
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
    is_warning: bool,
    path: &'static str,
    /// The path below its first key.
    rest: &'static str,
    tests: Vec<Test>,
    conditions: Vec<Condition>,
    /// The fields that must be there for the conditions to hold.
    needs: Fields,
    /// The fields in the path, or the first of each path of a choice.
    about: Fields,
    /// Whether all paths of a choice are single keys.
    is_plain_choice: bool,
}

/// Some fields of an object: a bit for the position of each.
pub(super) type Fields = u64;

/// The bit of a field; none for one behind the others, of which it is not known whether it is there.
#[inline]
pub(super) fn bit(position: usize) -> Fields {
    1_u64.checked_shl(position as u32).unwrap_or(0)
}

#[derive(Clone, Debug)]
enum Test {
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
struct Condition {
    path: &'static str,
    test: When,
}

#[derive(Clone, Copy, Debug)]
enum When {
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
enum Relation {
    AtMost,
    AtLeast,
    Above,
}

impl Rules {
    /// The rows about a type.
    pub(super) fn of(object: &Object) -> Rules {
        static TEXTS: OnceLock<HashMap<&'static str, Vec<(&'static str, &'static str)>>> =
            OnceLock::new();
        let texts = TEXTS.get_or_init(|| {
            let mut texts: HashMap<_, Vec<_>> = HashMap::new();
            for block in TEXT.blocks().1 {
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

    /// What is wrong with a scalar. `is_empty_refused` is whether an empty text is checked as well.
    fn refusal(&self, value: Node<'_>, is_empty_refused: bool) -> Option<Refusal> {
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

fn decoded(token: &str) -> Cow<'_, str> {
    match token.as_bytes().contains(&b'~') {
        true => token.replace("~1", "/").into(),
        false => token.into(),
    }
}

/// Calls `look` with every value at a path below a node, and its place.
fn walk<'a>(
    node: Node<'a>,
    path: &'static str,
    at: Path<'_, 'a>,
    look: &mut dyn FnMut(Node<'a>, Path<'_, 'a>),
) {
    let (token, rest) = path.split_once('/').unwrap_or((path, ""));
    match token {
        "" => look(node, at),
        "*" => {
            for (index, item) in node.items().enumerate() {
                walk(item, rest, Path::Item(&at, index), look);
            }
            for (key, value) in node.entries() {
                walk(value, rest, Path::Key(&at, key), look);
            }
        }
        token if node.is_sequence() => {
            let index = token.parse().unwrap_or(usize::MAX);
            if let Some(item) = node.item(index) {
                walk(item, rest, Path::Item(&at, index), look);
            }
        }
        token => {
            for token in token.split('|') {
                if let Some(child) = node.get(&decoded(token)) {
                    walk(child, rest, Path::Name(&at, token), look);
                }
            }
        }
    }
}

/// Whether a value is set. A path can end with `+`, so that 0 does not count, or with `?`, so that every key counts.
fn counts(node: Node<'_>, path: &str) -> bool {
    let is_empty = node.is_null()
        || node.is_sequence() && node.is_empty_collection()
        || node.str().is_some_and(|it| it.is_empty());
    let is_zero = path.ends_with('+') && node.int::<i64>() == Some(0);
    path.ends_with('?') || !(is_empty || is_zero)
}

/// The first set value at a path.
fn set<'a>(node: Node<'a>, path: &'static str) -> Option<Node<'a>> {
    let mut found = None;
    walk(node, bare(path), Path::Top(None), &mut |it, _| {
        if found.is_none() && counts(it, path) {
            found = Some(it);
        }
    });
    found
}

fn bare(path: &'static str) -> &'static str {
    path.trim_end_matches(['+', '?'])
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

    fn holds(&self, node: Node<'_>, minor: u8) -> bool {
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

/// The name of a path in a message.
struct Name(&'static str);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0.trim_start_matches("./");
        let path = path.trim_end_matches(['+', '?', '*', '/']);
        let path = path.rsplit_once("*/").map_or(path, |(_, it)| it);
        write!(f, "`{}`", path.replace('/', ".").replace("~1", "/"))
    }
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

    fn fault<'a>(&self, why: Refusal, key: Option<Cow<'a, str>>) -> Fault<'a> {
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

    fn holds(&self, of: Node<'_>, minor: u8) -> bool {
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

    fn refuse(
        &mut self,
        row: &'static Row,
        of: Node<'a>,
        node: Node<'a>,
        at: Path<'_, 'a>,
        why: Refusal,
    ) {
        self.refuse_key(row, of, node, at, why, None);
    }

    fn refuse_key(
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

    /// What a test refuses in a value, its items and its entries.
    fn test(
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
                        _ => HashSet::new(),
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
