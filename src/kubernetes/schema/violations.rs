//! What a version of the API server refuses in an object before it looks at its values: fields that it does not know, required
//! fields that are missing, values outside an enum, and items of a list with the same keys.

use std::borrow::Cow;

use jsonptr::PointerBuf;

use super::formats::format_of;
use super::rows::{Row, Rules, bit};
use super::validation::Refusal;
use super::{Field, Object, Path, Type, Versions, object};
use crate::hashing::HashMap;
use crate::yaml::{Kind, Node};

/// A violation of the schema.
#[derive(Debug)]
pub struct Violation<'a> {
    /// The field's value, or the mapping that lacks it.
    pub node: Node<'a>,
    /// The path of the value, also of a missing one.
    pub path: PointerBuf,
    /// What is wrong.
    pub fault: Fault<'a>,
    /// Why the API server accepts it all the same, in words.
    pub late: Option<&'static str>,
}

impl<'a> Violation<'a> {
    pub(super) fn new(node: Node<'a>, path: PointerBuf, fault: Fault<'a>) -> Violation<'a> {
        let late = None;
        Violation {
            node,
            path,
            fault,
            late,
        }
    }
}

/// What is wrong with a field.
#[derive(Debug)]
pub enum Fault<'a> {
    /// No version has the field.
    Unknown {
        /// Its name.
        name: Cow<'a, str>,
        /// The fields that the object has.
        known: Vec<&'a str>,
    },
    /// Other versions have the field.
    OtherVersions(Versions),
    /// It is required.
    Missing(&'a str),
    /// A value outside of these.
    Value(Vec<&'a str>),
    /// A value that a CustomResourceDefinition refuses.
    OfDefinition {
        /// What it expects, in words.
        expected: String,
        /// What the value has instead, if its type is right.
        found: Option<String>,
    },
    /// An earlier item of the list has the same keys, at this position.
    Duplicate {
        /// The keys, or none for a list of values.
        keys: Vec<&'a str>,
        /// The position of the earlier item.
        first: usize,
        /// Whether validation refuses it, too. The API server accepts other duplicates, except in server-side apply.
        is_refused: bool,
    },
    /// The feature gates without which the API server drops the field.
    Gated(&'static str),
    /// What the API server accepts with a warning.
    Warned(&'static str),
    /// What validation refuses beyond the types.
    Refused {
        /// The number of the rule in FIT-VAL, or empty.
        number: &'static str,
        /// Why.
        why: Refusal,
        /// The conditions under which it is refused, in words.
        when: String,
        /// The text, if it is the key of a map.
        key: Option<Cow<'a, str>>,
    },
}

/// Fields that the documents require, and that the API server accepts objects without: it sets them, or zero has a meaning.
/// Found by applying objects without them to Kubernetes 1.37.
pub(super) const SET_BY_SERVER: &[(&str, &str)] = &[
    (
        "apiextensions.v1.CustomResourceDefinitionVersion",
        "storage",
    ),
    ("apiextensions.v1.CustomResourceDefinitionVersion", "served"),
    ("batch.v1.PodFailurePolicy", "rules"),
    ("core.v1.HTTPHeader", "value"),
    ("core.v1.ISCSIPersistentVolumeSource", "lun"),
    ("core.v1.ISCSIVolumeSource", "lun"),
    ("core.v1.LimitRangeSpec", "limits"),
    ("core.v1.Sysctl", "value"),
    ("storage.v1.CSIDriver", "spec"),
    ("storage.v1.TokenRequest", "audience"),
];

/// One visit of an object.
pub(super) struct Visit<'a> {
    pub(super) minor: u8,
    pub(super) found: Vec<Violation<'a>>,
    /// The fields of the mappings around, each with its value and position.
    pub(super) entries: Vec<(Node<'a>, Node<'a>, Option<usize>)>,
    /// Why the API server accepts what validation refuses here.
    late: Option<&'static str>,
}

impl Object {
    /// What the API server of Kubernetes 1.`minor` refuses in a mapping.
    #[must_use]
    pub fn violations<'a>(&'static self, node: Node<'a>, minor: u8) -> Vec<Violation<'a>> {
        let minor = minor.clamp(Versions::ALL.since, Versions::ALL.until);
        let mut visit = Visit {
            minor,
            found: Vec::new(),
            entries: Vec::new(),
            late: None,
        };
        visit.object(self, node, Path::Top(None));
        visit.found
    }
}

/// The name that a key is looked up by. The source of a plain key of several lines does not match any field, and neither does the
/// key.
fn name_of(key: Node<'_>) -> Cow<'_, str> {
    match key.kind() {
        Kind::Plain => Cow::Borrowed(key.raw()),
        _ => key.text().unwrap_or_default(),
    }
}

/// What the API server refuses in the metadata of an object whose other fields are not known.
#[must_use]
pub fn violations_of_metadata(node: Node<'_>, minor: u8) -> Vec<Violation<'_>> {
    let minor = minor.clamp(Versions::ALL.since, Versions::ALL.until);
    let mut visit = Visit {
        minor,
        found: Vec::new(),
        late: None,
        entries: Vec::new(),
    };
    let at = Path::Top(Some("metadata"));
    visit.object(object(super::METADATA), node, at);
    visit.names(&[], node, at);
    let has = |key: &str| node.text_at([key]).is_some_and(|it| !it.is_empty());
    if !has("name") && !has("generateName") {
        let path = PointerBuf::from_tokens(["metadata", "name"]);
        visit.report(node, path, Fault::Missing("name"));
    }
    visit.found
}

impl<'a> Visit<'a> {
    pub(super) fn report(&mut self, node: Node<'a>, path: PointerBuf, fault: Fault<'a>) {
        let is_validated = !matches!(fault, Fault::Unknown { .. } | Fault::OtherVersions(_));
        let late = self.late.filter(|_| is_validated);
        let violation = Violation::new(node, path, fault);
        self.found.push(Violation { late, ..violation });
    }

    /// Reports a fault where none is yet. What only server-side apply refuses gives way to what is always refused.
    pub(super) fn report_once(&mut self, node: Node<'a>, at: Path<'_, 'a>, fault: Fault<'a>) {
        let path = at.pointer();
        let from = self.found.len().saturating_sub(64);
        let earlier = self.found[from..].iter().position(|it| it.path == path);
        if let Some(earlier) = earlier.map(|it| it + from) {
            match self.found[earlier].fault {
                Fault::Duplicate {
                    is_refused: false, ..
                } => {
                    self.found.remove(earlier);
                }
                Fault::Gated(_) | Fault::Warned(_) => {}
                _ => return,
            }
        }
        self.report(node, path, fault);
    }

    fn object(&mut self, object: &'static Object, node: Node<'a>, path: Path<'_, 'a>) {
        let minor = self.minor;
        let rules = object.rules.get_or_init(|| Rules::of(object));
        let is_top = matches!(path, Path::Top(_));
        // What is there decides about most rows before anything is looked up, so the fields are collected first.
        let from = self.entries.len();
        let (mut present, mut set) = (0, 0);
        for (key, value) in node.entries() {
            let name = name_of(key);
            // The API server ignores the status in what is applied; `sops` goes when the object is decrypted.
            if is_top && matches!(&*name, "status" | "sops") {
                continue;
            }
            let position = object.position(&name);
            let bit = position.map_or(0, bit);
            present |= bit;
            if !value.is_null() {
                set |= bit;
            }
            self.entries.push((key, value, position));
        }
        let until = self.entries.len();
        let mut is_known = true;
        for index in from..until {
            let (key, value, position) = self.entries[index];
            let at = Path::Key(&path, key);
            let rows = position.map_or(&[][..], |it| object.rows_from(it));
            let row = rows.iter().find(|row| row.versions.has(minor));
            match (row, rows.first()) {
                (Some(row), _) => {
                    let first = self.found.len();
                    if let Some(gates) = row.gates.filter(|_| !value.is_null()) {
                        self.report(value, at.pointer(), Fault::Gated(gates));
                    }
                    let earlier = self.late;
                    if !is_top && earlier.is_none() && !rules.late.is_empty() {
                        self.late = self.late(rules, row.name, node);
                    }
                    self.field(row, value, at);
                    for row in rules.of_field(position.unwrap_or_default()) {
                        if row.may_hold(present, minor) {
                            self.row(row, node, value, at);
                        }
                    }
                    self.late = earlier;
                    // What it drops, it does not validate, but it decodes it first.
                    if row.gates.is_some() {
                        let mut at = 0;
                        self.found.retain(|it| {
                            at += 1;
                            let is_decoding = matches!(
                                it.fault,
                                Fault::Unknown { .. } | Fault::OtherVersions(_) | Fault::Gated(_)
                            );
                            at <= first || is_decoding
                        });
                    }
                    if is_top && row.name == "metadata" {
                        self.names(&rules.names, value, at);
                    }
                }
                (None, Some(other)) => {
                    self.report(value, at.pointer(), Fault::OtherVersions(other.versions));
                }
                (None, None) => {
                    is_known = false;
                    let fields = object.fields.iter();
                    let known = fields.filter(|it| it.versions.has(minor));
                    let known = known.map(|it| it.name).collect();
                    let name = name_of(key);
                    self.report(value, at.pointer(), Fault::Unknown { name, known });
                }
            }
        }
        if is_top && is_known && object.needs_name() {
            let metadata = node.get("metadata");
            let metadata = metadata.filter(|it| it.is_map());
            let has = |key: &str| {
                let name = metadata.and_then(|it| it.text_at([key]));
                name.is_some_and(|it| !it.is_empty())
            };
            if !has("name") && !has("generateName") {
                let path = PointerBuf::from_tokens(["metadata", "name"]);
                self.report(metadata.unwrap_or(node), path, Fault::Missing("name"));
            }
        }
        for (field, newest) in object.required() {
            let is_missing = field.versions.has(minor) && set & bit(newest) == 0;
            if is_missing && !(is_top && field.name == "status") {
                let path = Path::Name(&path, field.name).pointer();
                self.report(node, path, Fault::Missing(field.name));
            }
        }
        self.whole(rules, node, path, (from, present, is_known));
        self.entries.truncate(from);
    }

    /// The name of an object, and the beginning of one that the API server completes. They are subdomains if no row says
    /// otherwise.
    fn names(&mut self, rows: &'static [Row], metadata: Node<'a>, path: Path<'_, 'a>) {
        let minor = self.minor;
        let format = rows.iter().find_map(Row::format);
        let default = || format_of("subdomain").filter(|_| rows.is_empty());
        for (key, node) in metadata.entries() {
            let is_start = match key.text().as_deref() {
                Some("name") => false,
                Some("generateName") => true,
                _ => continue,
            };
            let Some(text) = node.str().filter(|it| !it.is_empty()) else {
                continue;
            };
            let why = match format.or_else(default) {
                // What follows makes an end of `-` right.
                Some(format) if is_start => {
                    let whole = [text.strip_suffix('-').unwrap_or(&text), "a"].concat();
                    (!(format.accepts)(&whole)).then_some(Refusal::Format(format))
                }
                Some(format) if rows.is_empty() => {
                    (!(format.accepts)(&text)).then_some(Refusal::Format(format))
                }
                _ if is_start => None,
                _ => rows.iter().find_map(|it| it.refusal_of_name(node, minor)),
            };
            if let Some(why) = why {
                let fault = Fault::Refused {
                    number: "",
                    why,
                    when: String::new(),
                    key: None,
                };
                self.report_once(node, Path::Key(&path, key), fault);
            }
        }
    }

    fn field(&mut self, field: &'static Field, value: Node<'a>, path: Path<'_, 'a>) {
        self.value(&field.of, field, value, path);
        if let Some(keys) = field.keys
            && value.is_sequence()
            && value.item(1).is_some()
        {
            duplicates(&keys_of(keys), value, path, false, &mut self.found);
        }
    }

    fn value(
        &mut self,
        of: &'static Type,
        field: &'static Field,
        value: Node<'a>,
        path: Path<'_, 'a>,
    ) {
        match of {
            Type::Nested(object) if value.is_map() => self.object(object.get(), value, path),
            Type::List(of) => {
                for (index, item) in value.items().enumerate() {
                    self.value(of, field, item, Path::Item(&path, index));
                }
            }
            Type::Map(of) if of.has_fields() => {
                for (key, value) in value.entries() {
                    self.value(of, field, value, Path::Key(&path, key));
                }
            }
            Type::String => {
                let Some(values) = field.values else {
                    return;
                };
                let Some(text) = value.str() else {
                    return;
                };
                // The API server sets what is empty.
                if !text.is_empty() && !values.split('|').any(|it| *it == *text) {
                    let values = values.split('|').filter(|it| !it.is_empty());
                    self.report(value, path.pointer(), Fault::Value(values.collect()));
                }
            }
            _ => {}
        }
    }
}

impl Object {
    /// Whether the API server creates it only with a name. It names LimitRanges itself, and answers reviews without keeping them.
    fn needs_name(&self) -> bool {
        let is_of_objects = |field: &Field| match &field.of {
            Type::Nested(of) => of.get().name == super::METADATA,
            _ => false,
        };
        let is_named_by_server = self.name == "core.v1.LimitRange"
            || self.name.starts_with("authentication.")
            || self.name.starts_with("authorization.");
        !is_named_by_server && self.rows("metadata").first().is_some_and(is_of_objects)
    }

    /// The fields that some version requires, each with the position of its newest row.
    fn required(&self) -> impl Iterator<Item = (&Field, usize)> {
        let rows = self.required.iter();
        rows.filter_map(|(at, newest)| {
            Some((self.fields.get(usize::from(*at))?, usize::from(*newest)))
        })
    }
}

/// A key of the items of a list, and what the API server sets if it is absent.
pub(super) type Key<'a> = (&'a str, Cow<'a, str>);

/// The keys in a row: between commas, `=` or nothing for the values themselves.
pub(super) fn keys_of(keys: &'static str) -> Vec<Key<'static>> {
    let keys = keys.split(',').filter(|it| !matches!(*it, "" | "="));
    let with_default = |key| {
        let default = if key == "protocol" { "TCP" } else { "" };
        (key, Cow::Borrowed(default))
    };
    keys.map(with_default).collect()
}

/// The value of a key of an item.
fn key_of<'a>(item: Node<'a>, (key, default): &Key<'a>) -> Cow<'a, str> {
    let text = item
        .get(key)
        .filter(|it| !it.is_null())
        .and_then(Node::text);
    text.filter(|it| !it.is_empty())
        .unwrap_or_else(|| default.clone())
}

/// In lists of so many items each is compared with all others.
const FEW: usize = 12;

/// The items of a list that have the same keys as an earlier one; without keys, the same value. Validation, which refuses
/// duplicates, passes over an item without the first key.
pub(super) fn duplicates<'a>(
    keys: &[Key<'a>],
    value: Node<'a>,
    path: Path<'_, 'a>,
    is_refused: bool,
    found: &mut Vec<Violation<'a>>,
) {
    if value.item(1).is_none() {
        return;
    }
    // Few items share the first key, and those are compared.
    let first_of = |item: Node<'a>| match keys.first() {
        Some(key) => key_of(item, key),
        None => item.text().unwrap_or_default(),
    };
    let others = keys.get(1..).unwrap_or_default();
    let mut seen: HashMap<Cow<'_, str>, Vec<(usize, Node<'a>)>> = HashMap::default();
    // Of few items each is compared with all.
    let mut few: Vec<(Cow<'_, str>, usize, Node<'a>)> = Vec::new();
    let are_few = value.item(FEW).is_none();
    for (index, item) in value.items().enumerate() {
        let is_same = |other: Node<'a>| {
            let mut keys = others.iter();
            keys.all(|key| key_of(item, key) == key_of(other, key))
        };
        let first = first_of(item);
        if is_refused && matches!(&*first, "" | "0") {
            continue;
        }
        let earlier = if are_few {
            let mut before = few.iter();
            let earlier = before.find(|(of, _, it)| *of == first && is_same(*it));
            let earlier = earlier.map(|(_, first, _)| *first);
            few.push((first, index, item));
            earlier
        } else {
            let candidates = seen.entry(first).or_default();
            let earlier = candidates.iter().take(64).find(|(_, it)| is_same(*it));
            let earlier = earlier.map(|(first, _)| *first);
            candidates.push((index, item));
            earlier
        };
        if let Some(first) = earlier {
            let path = Path::Item(&path, index).pointer();
            let from = found.len().saturating_sub(64);
            let is_same =
                |it: &Violation<'_>| matches!(it.fault, Fault::Duplicate { .. }) && it.path == path;
            if let Some(at) = found[from..].iter().position(is_same) {
                found.remove(from + at);
            }
            let keys = keys.iter().map(|(key, _)| *key).collect();
            let fault = Fault::Duplicate {
                keys,
                first,
                is_refused,
            };
            found.push(Violation::new(item, path, fault));
        }
    }
}
