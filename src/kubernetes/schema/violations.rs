//! What a version of the API server refuses in an object before it looks at its values: fields that it does not know, required
//! fields that are missing, values outside an enum, and items of a list with the same keys.

use std::borrow::Cow;
use std::collections::HashMap;

use jsonptr::PointerBuf;

use super::values::{Choice, Refusal, Row, Rules};
use super::{Field, Object, Path, Type, Versions, relations};
use crate::kubernetes::names::{format_of, is_subdomain};
use crate::yaml::Node;

/// A violation of the schema.
#[derive(Debug)]
pub struct Violation<'a> {
    /// The field's value, or the mapping that lacks it.
    pub node: Node<'a>,
    /// The path of the value, also of a missing one.
    pub path: PointerBuf,
    /// What is wrong.
    pub fault: Fault<'a>,
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
    /// A value that a CustomResourceDefinition refuses; what it expects, in words.
    OfDefinition(String),
    /// An earlier item of the list has the same keys, at this position.
    Duplicate {
        /// The keys, or none for a list of values.
        keys: Vec<&'a str>,
        /// The position of the earlier item.
        first: usize,
    },
    /// The feature gates without which the API server drops the field.
    Gated(&'static str),
    /// What validation refuses beyond the types.
    Relation {
        /// The number of the rule.
        rule: &'static str,
        /// What is wrong.
        message: String,
    },
    /// A value of the right type that the API server refuses.
    Refused {
        /// Why.
        why: Refusal,
        /// The text, if it is the key of a map.
        key: Option<Cow<'a, str>>,
    },
    /// None of these fields has a value, and one is needed.
    NoneOf(Vec<&'static str>),
    /// This field and an earlier one have values, and only one of them may.
    Both(&'static str, &'static str),
}

/// Fields that the documents require, and that the API server accepts objects without: it sets them, or zero has a meaning.
/// Found by applying objects without them to Kubernetes 1.37.
const SET_BY_SERVER: &[(&str, &str)] = &[
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
struct Visit<'a> {
    minor: u8,
    found: Vec<Violation<'a>>,
}

impl Object {
    /// What the API server of Kubernetes 1.`minor` refuses in a mapping.
    #[must_use]
    pub fn violations<'a>(&self, node: Node<'a>, minor: u8) -> Vec<Violation<'a>> {
        let minor = minor.clamp(Versions::ALL.since, Versions::ALL.until);
        let mut visit = Visit {
            minor,
            found: Vec::new(),
        };
        visit.object(self, node, Path::Top(None));
        visit.found
    }
}

impl<'a> Visit<'a> {
    fn report(&mut self, node: Node<'a>, path: PointerBuf, fault: Fault<'a>) {
        self.found.push(Violation { node, path, fault });
    }

    fn object(&mut self, object: &Object, node: Node<'a>, path: Path<'_, 'a>) {
        let mut present = 0_u128;
        let minor = self.minor;
        let rules = object.rules.get_or_init(|| Rules::of(object.name));
        let before = self.found.len();
        let is_top = matches!(path, Path::Top(_));
        for (key, value) in node.entries() {
            let name = key.text().unwrap_or_default();
            // The API server ignores the status in what is applied; `sops` goes when the object is decrypted.
            if is_top && matches!(&*name, "status" | "sops") {
                continue;
            }
            let at = Path::Key(&path, key);
            let rows = object.rows(&name);
            let row = rows.iter().find(|row| row.versions.has(self.minor));
            match (row, rows.first()) {
                (Some(row), _) => {
                    let is_null = value.is_null();
                    if row.is_required && !is_null {
                        present |= object.bit(row);
                    }
                    if let Some(gates) = row.gates.filter(|_| !is_null) {
                        self.report(value, at.pointer(), Fault::Gated(gates));
                    }
                    let about = rules.of_field(row.name, minor);
                    self.field(row, about, value, at);
                    if is_top && row.name == "metadata" {
                        self.name(rules.of_field("metadata.name", minor), value, at);
                    }
                }
                (None, Some(other)) => {
                    self.report(value, at.pointer(), Fault::OtherVersions(other.versions));
                }
                (None, None) => {
                    let fields = object.fields.iter();
                    let known = fields.filter(|it| it.versions.has(self.minor));
                    let known = known.map(|it| it.name).collect();
                    self.report(value, at.pointer(), Fault::Unknown { name, known });
                }
            }
        }
        let is_known = !self.found[before..].iter().any(|it| {
            matches!(it.fault, Fault::Unknown { .. })
                && it.path.count() == path.pointer().count() + 1
        });
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
        for choice in rules.choices(minor) {
            self.choice(choice, node, path, is_known);
        }
        for field in rules.needed(minor) {
            let is_required = object.required().any(|it| it.name == field);
            let value = node.at([field]);
            let is_empty = |it: Node<'a>| match it.is_scalar() {
                true => it.text().is_some_and(|it| it.is_empty()),
                false => it.len() == 0,
            };
            // A field that the schema requires is reported below.
            if value.is_none() && is_required || value.is_some_and(|it| !is_empty(it)) {
                continue;
            }
            let mut path = path.pointer();
            path.push_back(field);
            self.report(value.unwrap_or(node), path, Fault::Missing(field));
        }
        let required = object.required().filter(|field| {
            field.versions.has(minor)
                // What a later version does not require was never needed.
                && object.rows(field.name).first().is_some_and(|it| it.is_required)
                && present & object.bit(field) == 0
                && !(is_top && field.name == "status")
                && !SET_BY_SERVER.contains(&(object.name, field.name))
        });
        for field in required {
            let mut path = path.pointer();
            path.push_back(field.name);
            self.report(node, path, Fault::Missing(field.name));
        }
        // A required field that is missing is reported above, unless the server sets it.
        let is_required = |name: &str| {
            object
                .required()
                .any(|it| it.name == name && it.versions.has(minor))
                && !SET_BY_SERVER.contains(&(object.name, name))
        };
        let at = (node, &|| path.pointer() as PointerBuf);
        relations::find(
            object.name,
            (at.0, at.1),
            is_top,
            minor,
            &is_required,
            &mut self.found,
        );
    }

    /// The name of an object, or the beginning of it that the API server completes.
    fn name(&mut self, row: Option<&Row>, metadata: Node<'a>, path: Path<'_, 'a>) {
        let subdomain = || Some(Refusal::Format(format_of("subdomain")?));
        for (key, node) in metadata.entries() {
            let of = match key.text().as_deref() {
                Some("name") => node,
                _ => continue,
            };
            let Some(text) = of.str().filter(|it| !it.is_empty()) else {
                continue;
            };
            let why = match row {
                Some(row) => row.refusal(&Type::String, of),
                None if is_subdomain(&text) => None,
                None => subdomain(),
            };
            if let Some(why) = why {
                let path = Path::Key(&path, key).pointer();
                self.report(of, path, Fault::Refused { why, key: None });
            }
        }
    }

    fn choice(&mut self, choice: &Choice, node: Node<'a>, path: Path<'_, 'a>, is_known: bool) {
        let has = |name: &&'static str| {
            let value = node.at([*name]);
            value.is_some_and(|it| !it.is_scalar() || it.text().is_some_and(|it| !it.is_empty()))
        };
        let mut set = choice.fields.iter().copied().filter(has);
        match (set.next(), set.next()) {
            // A misspelt field is the one that is missing.
            (None, _) if choice.is_needed && is_known => {
                let fields = choice.fields.clone();
                self.report(node, path.pointer(), Fault::NoneOf(fields));
            }
            (Some(first), Some(second)) if !choice.may_be_several => {
                let mut path = path.pointer();
                path.push_back(second);
                let value = node.get(second).unwrap_or(node);
                self.report(value, path, Fault::Both(first, second));
            }
            _ => {}
        }
    }

    fn field(&mut self, field: &Field, about: Option<&Row>, value: Node<'a>, path: Path<'_, 'a>) {
        self.value(&field.of, field, about, value, path);
        if let Some(why) = about
            .filter(|_| value.is_sequence())
            .and_then(|it| it.refusal_of_list(value))
        {
            self.report(value, path.pointer(), Fault::Refused { why, key: None });
        }
        let Some(keys) = field.keys.filter(|_| value.is_sequence()) else {
            return;
        };
        let keys = keys.split(',').filter(|key| *key != "=").map(|key| {
            let default = if key == "protocol" { "TCP" } else { "" };
            (key, Cow::Borrowed(default))
        });
        duplicates(&keys.collect::<Vec<_>>(), value, path, &mut self.found);
    }

    fn value(
        &mut self,
        of: &Type,
        field: &Field,
        about: Option<&Row>,
        value: Node<'a>,
        path: Path<'_, 'a>,
    ) {
        if let Some(why) = about
            .filter(|_| value.is_scalar())
            .and_then(|it| it.refusal(of, value))
        {
            self.report(value, path.pointer(), Fault::Refused { why, key: None });
            return;
        }
        match of {
            Type::Nested(object) if value.is_map() => self.object(object.get(), value, path),
            Type::List(of) => {
                for (index, item) in value.items().enumerate() {
                    self.value(of, field, about, item, Path::Item(&path, index));
                }
            }
            Type::Map(of) => {
                for (key, value) in value.entries() {
                    let at = Path::Key(&path, key);
                    if let Some((why, text, is_key)) =
                        about.and_then(|it| it.refusal_of_entry(key, value))
                    {
                        let key = is_key.then_some(text);
                        self.report(value, at.pointer(), Fault::Refused { why, key });
                        continue;
                    }
                    self.value(of, field, about, value, at);
                }
            }
            Type::String => {
                let values = field.values.or(about.and_then(|it| it.one_of));
                let Some((values, text)) = values.zip(value.str()) else {
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

    /// The fields that some version requires.
    fn required(&self) -> impl Iterator<Item = &Field> {
        let rows = self.required.iter();
        rows.filter_map(|at| self.fields.get(usize::from(*at)))
    }

    /// The bit of a required field in a set of them.
    fn bit(&self, field: &Field) -> u128 {
        let position = self.required().position(|it| it.name == field.name);
        position.map_or(0, |at| 1 << at.min(127))
    }
}

/// A key of the items of a list, and what the API server sets if it is absent.
pub(super) type Key<'a> = (&'a str, Cow<'a, str>);

/// The value of a key of an item.
fn key_of<'a>(item: Node<'a>, (key, default): &Key<'a>) -> Cow<'a, str> {
    let text = item
        .get(key)
        .filter(|it| !it.is_null())
        .and_then(Node::text);
    text.filter(|it| !it.is_empty())
        .unwrap_or_else(|| default.clone())
}

/// The items of a list that have the same keys as an earlier one; without keys, the same value.
pub(super) fn duplicates<'a>(
    keys: &[Key<'a>],
    value: Node<'a>,
    path: Path<'_, 'a>,
    found: &mut Vec<Violation<'a>>,
) {
    // Few items share the first key, and those are compared.
    let first_of = |item: Node<'a>| match keys.first() {
        Some(key) => key_of(item, key),
        None => item.text().unwrap_or_default(),
    };
    let others = keys.get(1..).unwrap_or_default();
    let mut seen: HashMap<Cow<'_, str>, Vec<(usize, Node<'a>)>> = HashMap::new();
    for (index, item) in value.items().enumerate() {
        let is_same = |other: Node<'a>| {
            let mut keys = others.iter();
            keys.all(|key| key_of(item, key) == key_of(other, key))
        };
        let candidates = seen.entry(first_of(item)).or_default();
        let earlier = candidates.iter().take(64).find(|(_, it)| is_same(*it));
        let earlier = earlier.map(|(first, _)| *first);
        candidates.push((index, item));
        if let Some(first) = earlier {
            let keys = keys.iter().map(|(key, _)| *key).collect();
            found.push(Violation {
                node: item,
                path: Path::Item(&path, index).pointer(),
                fault: Fault::Duplicate { keys, first },
            });
        }
    }
}
