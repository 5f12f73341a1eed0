//! The types of the fields of Kubernetes' kinds, and values of other types.
//!
//! The API server decodes an object before it looks at any value, and answers 400 where a value has another type than its
//! field. What its decoder accepts is accepted here: null everywhere, and `1000.0` for a whole number.

mod custom;
mod formats;
mod paths;
mod places;
mod rows;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod validation;
mod values;
mod violations;

use std::sync::OnceLock;

use jsonptr::PointerBuf;

use super::{Quantity, date};
use crate::yaml::{Node, Scalar, are_same, digest, push_token};

pub use custom::Custom;
pub use formats::{is_ipc_sysctl, is_net_sysctl};
pub use rows::Range;
pub use table::{KindRow, Versions, kinds, object, rows_of};
pub use validation::Refusal;
pub use violations::{Fault, Violation, violations_of_metadata};

/// The names of types in messages.
pub const STRING: &str = "a string";
/// A quantity.
pub const QUANTITY: &str = "a quantity";

/// The types that are looked up by their names.
pub const METADATA: &str = "meta.v1.ObjectMeta";
/// A claim.
pub const CLAIM: &str = "core.v1.PersistentVolumeClaim";
/// The spec of a claim.
pub const CLAIM_SPEC: &str = "core.v1.PersistentVolumeClaimSpec";
/// The spec of a pod.
pub const POD_SPEC: &str = "core.v1.PodSpec";
/// The template of a pod.
pub const POD_TEMPLATE: &str = "core.v1.PodTemplateSpec";
/// A container.
pub const CONTAINER: &str = "core.v1.Container";

/// A mapping.
pub const MAPPING: &str = "a mapping";
/// A list.
pub const LIST: &str = "a list";
/// Bytes.
pub const BYTES: &str = "a string in base64";

/// The type of a field.
#[derive(Debug)]
pub enum Type {
    /// A string; also a duration.
    String,
    /// A string in base64.
    Bytes,
    /// A boolean.
    Bool,
    /// A whole number of 32 bits.
    Int32,
    /// A whole number of 64 bits.
    Int64,
    /// A number.
    Number,
    /// A time as in RFC 3339.
    Time,
    /// A whole number or a string.
    IntOrString,
    /// A quantity.
    Quantity,
    /// Anything.
    Any,
    /// An object with known fields.
    Nested(table::Reference),
    /// A list.
    List(Box<Type>),
    /// A map with any keys.
    Map(Box<Type>),
}

/// A field in a range of versions.
#[derive(Debug)]
pub struct Field {
    name: &'static str,
    is_required: bool,
    of: Type,
    versions: Versions,
    /// Its values, between `|`.
    values: Option<&'static str>,
    /// The keys of the items of a list, between commas; `=` for a set.
    keys: Option<&'static str>,
    /// The feature gates that are off by default, between commas. Without one of them, the API server drops the field.
    gates: Option<&'static str>,
}

/// An object with known fields. A field whose type changed has one row after the other, from the newest.
#[derive(Debug)]
pub struct Object {
    name: &'static str,
    fields: Vec<Field>,
    /// The positions of fields, from 1, by the digest of their names; the next place that is 0 ends a search.
    places: Vec<u8>,
    /// The digests of the names of fields.
    digests: Vec<u16>,
    /// The positions of the rows that are required, each with that of the newest row of its field.
    required: Vec<(u8, u8)>,
    /// What is known about its values, read when an object is checked.
    rules: OnceLock<rows::Rules>,
}

/// A value of another type than its field.
#[derive(Debug)]
pub struct Mismatch<'a> {
    /// The value.
    pub node: Node<'a>,
    /// Its path.
    pub path: PointerBuf,
    /// The type of the field.
    pub expected: &'static str,
}

/// Looks at a mapping: see [`Object::each_mapping`].
pub type Look<'l, 'a> = dyn FnMut(&'static str, Node<'a>, &dyn Fn() -> PointerBuf) + 'l;

/// What a look at all types of an object found.
#[derive(Debug, Default)]
pub struct Types<'a> {
    /// The values of another type than their field.
    pub mismatches: Vec<Mismatch<'a>>,
    /// Whether there are fields that no version has.
    pub has_unknown_fields: bool,
}

/// The fields of a kind; `None` for a kind that is not in the table.
#[must_use]
pub fn fields_of(api_version: &str, kind: &str) -> Option<&'static Object> {
    let mut rows = rows_of(kind).iter().rev();
    let row = rows.find(|row| row.api_version == api_version)?;
    row.of.map(object)
}

/// Whether Go's `base64.StdEncoding` decodes a text; it ignores line breaks.
fn is_base64(text: &str) -> bool {
    let bytes = text.bytes().filter(|c| !matches!(c, b'\n' | b'\r'));
    let padding = text.trim_end_matches(['\n', '\r']);
    let padding = padding.len() - padding.trim_end_matches('=').len();
    let len = bytes.clone().count();
    let is_digit = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/');
    len.is_multiple_of(4) && padding <= 2 && bytes.take(len - padding.min(len)).all(is_digit)
}

/// A place below the checked node.
#[derive(Clone, Copy)]
enum Path<'p, 'a> {
    Top(Option<&'p str>),
    Key(&'p Path<'p, 'a>, Node<'a>),
    /// A key of the tables, with `~1` for a slash.
    Name(&'p Path<'p, 'a>, &'static str),
    Item(&'p Path<'p, 'a>, usize),
}

impl Path<'_, '_> {
    /// Whether a key is in it.
    fn has(&self, wanted: &str) -> bool {
        match self {
            Path::Top(key) => *key == Some(wanted),
            Path::Key(above, key) => key.text().is_some_and(|it| it == wanted) || above.has(wanted),
            Path::Name(above, name) => name.split('/').any(|it| it == wanted) || above.has(wanted),
            Path::Item(above, _) => above.has(wanted),
        }
    }

    fn pointer(&self) -> PointerBuf {
        let mut pointer = String::with_capacity(96);
        self.write(&mut pointer);
        // It is valid: each token is escaped.
        PointerBuf::parse(pointer).unwrap_or_default()
    }

    fn write(&self, pointer: &mut String) {
        match self {
            Path::Top(None) => {}
            Path::Top(Some(key)) => push_token(pointer, key),
            Path::Key(above, key) => {
                above.write(pointer);
                push_token(pointer, &key.text().unwrap_or_default());
            }
            Path::Name(above, name) => {
                above.write(pointer);
                for token in name.split('/') {
                    push_token(pointer, &token.replace("~1", "/"));
                }
            }
            Path::Item(above, index) => {
                above.write(pointer);
                push_token(pointer, &index.to_string());
            }
        }
    }
}

impl Object {
    fn of(name: &'static str, mut fields: Vec<Field>) -> Object {
        // The newest row of a name is found first.
        fields.reverse();
        let mut places = vec![0; (2 * fields.len()).next_power_of_two().max(2)];
        let digests: Vec<u16> = fields.iter().map(|it| digest(it.name.as_bytes())).collect();
        for (position, field) in fields.iter().enumerate() {
            let is_older = position > 0 && fields[position - 1].name == field.name;
            if is_older {
                continue;
            }
            let mask = places.len() - 1;
            let mut place = usize::from(digests[position]) & mask;
            while places[place] != 0 {
                place = (place + 1) & mask;
            }
            // No type has so many fields; one behind the others would be one that is not known.
            places[place] = u8::try_from(position + 1).unwrap_or(0);
        }
        // What a later version does not require was never needed.
        let required = fields.iter().enumerate().filter_map(|(at, field)| {
            let newest = fields.iter().position(|it| it.name == field.name)?;
            let is_required = field.is_required
                && fields[newest].is_required
                && !violations::SET_BY_SERVER.contains(&(name, field.name));
            is_required.then_some((u8::try_from(at).ok()?, u8::try_from(newest).ok()?))
        });
        let required = required.collect();
        Object {
            name,
            fields,
            places,
            digests,
            required,
            rules: OnceLock::new(),
        }
    }

    /// The position of the newest row of a field.
    #[inline]
    fn position(&self, name: &str) -> Option<usize> {
        self.position_of(digest(name.as_bytes()), name.as_bytes())
    }

    /// The same, where the digest of the name is known.
    #[inline]
    fn position_of(&self, digest: u16, name: &[u8]) -> Option<usize> {
        // The number of places is a power of two.
        let mask = self.places.len() - 1;
        let mut place = usize::from(digest) & mask;
        while let Some(position) = usize::from(self.places[place]).checked_sub(1) {
            let is_this = || are_same(self.fields[position].name.as_bytes(), name);
            if self.digests[position] == digest && is_this() {
                return Some(position);
            }
            place = (place + 1) & mask;
        }
        None
    }

    /// The rows of the field at a position, from the newest.
    #[inline]
    fn rows_from(&self, position: usize) -> &[Field] {
        let rows = &self.fields[position..];
        let end = rows.iter().position(|row| row.name != rows[0].name);
        &rows[..end.unwrap_or(rows.len())]
    }

    /// The rows of a field, from the newest.
    #[inline]
    fn rows(&self, name: &str) -> &[Field] {
        self.position(name)
            .map_or(&[], |position| self.rows_from(position))
    }

    #[inline]
    fn field(&self, name: &str) -> Option<&Type> {
        self.position(name).map(|at| &self.fields[at].of)
    }

    /// The values in a mapping that have another type than their field.
    #[must_use]
    pub fn types<'a>(&self, node: Node<'a>) -> Types<'a> {
        let mut found = Types::default();
        self.visit(node, &Path::Top(None), &mut found);
        found
    }

    /// The same of the value of a key, which may have another type itself.
    #[must_use]
    pub fn mismatches_at<'a>(&self, key: &str, node: Node<'a>) -> Vec<Mismatch<'a>> {
        let mut found = Types::default();
        let path = Path::Top(Some(key));
        match node.is_map() {
            true => self.visit(node, &path, &mut found),
            false if node.is_null() => {}
            false => found.mismatches.push(Mismatch {
                node,
                path: path.pointer(),
                expected: MAPPING,
            }),
        }
        found.mismatches
    }

    /// Calls `look` with each mapping whose type is known: the name of its type, the mapping and a function for its path. What
    /// is in mappings of the types `ends` is left out.
    pub fn each_mapping<'a>(&self, node: Node<'a>, ends: &[&str], look: &mut Look<'_, 'a>) {
        self.look_in(node, Path::Top(None), ends, look);
    }

    fn look_in<'a>(
        &self,
        node: Node<'a>,
        path: Path<'_, 'a>,
        ends: &[&str],
        look: &mut Look<'_, 'a>,
    ) {
        if ends.contains(&self.name) {
            return;
        }
        look(self.name, node, &|| path.pointer());
        for (key, value) in node.entries().filter(|(_, value)| !value.is_scalar()) {
            if let Some(at) = self.position_of_key(key) {
                let of = &self.fields[at].of;
                of.look_in(value, Path::Key(&path, key), ends, look);
            }
        }
    }

    /// The types of its fields, for tests.
    #[cfg(test)]
    pub(crate) fn nested(&self) -> Vec<&'static Object> {
        fn of(it: &Type) -> Option<&'static Object> {
            match it {
                Type::Nested(object) => Some(object.get()),
                Type::List(inner) | Type::Map(inner) => of(inner),
                _ => None,
            }
        }
        self.fields.iter().filter_map(|it| of(&it.of)).collect()
    }

    /// The name of the type, for tests.
    #[cfg(test)]
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    #[inline]
    fn position_of_key(&self, key: Node<'_>) -> Option<usize> {
        match key.digested() {
            Some((digest, name)) => self.position_of(digest, name),
            None => self.position(&key.text().unwrap_or_default()),
        }
    }

    fn visit<'a>(&self, node: Node<'a>, path: &Path<'_, 'a>, found: &mut Types<'a>) {
        for (key, value) in node.entries() {
            let field = self.position_of_key(key).map(|at| &self.fields[at].of);
            match field {
                Some(Type::String | Type::IntOrString) if value.is_certain_string() => {}
                Some(field) => field.visit(value, &Path::Key(path, key), found),
                None => found.has_unknown_fields = true,
            }
        }
    }
}

impl Type {
    fn look_in<'a>(
        &self,
        node: Node<'a>,
        path: Path<'_, 'a>,
        ends: &[&str],
        look: &mut Look<'_, 'a>,
    ) {
        match self {
            Type::Nested(object) if node.is_map() => object.get().look_in(node, path, ends, look),
            Type::List(of) if of.has_fields() => {
                for (index, item) in node.items().enumerate() {
                    of.look_in(item, Path::Item(&path, index), ends, look);
                }
            }
            Type::Map(of) if of.has_fields() => {
                for (key, value) in node.entries() {
                    of.look_in(value, Path::Key(&path, key), ends, look);
                }
            }
            _ => {}
        }
    }

    fn visit<'a>(&self, node: Node<'a>, path: &Path<'_, 'a>, found: &mut Types<'a>) {
        let is_accepted = match self {
            Type::Any => true,
            Type::String | Type::IntOrString if node.is_certain_string() => true,
            Type::Nested(object) if node.is_map() => {
                object.get().visit(node, path, found);
                true
            }
            Type::Map(of) if node.is_map() => {
                for (key, value) in node.entries() {
                    of.visit(value, &Path::Key(path, key), found);
                }
                true
            }
            Type::List(of) if node.is_sequence() => {
                for (index, item) in node.items().enumerate() {
                    of.visit(item, &Path::Item(path, index), found);
                }
                true
            }
            _ => self.accepts(node),
        };
        if !is_accepted {
            found.mismatches.push(Mismatch {
                node,
                path: path.pointer(),
                expected: self.words(),
            });
        }
    }

    /// Whether something in a value of this type has known fields.
    fn has_fields(&self) -> bool {
        match self {
            Type::Nested(_) => true,
            Type::List(of) | Type::Map(of) => of.has_fields(),
            _ => false,
        }
    }

    /// Whether a scalar has this type.
    fn accepts(&self, node: Node<'_>) -> bool {
        let Some(value) = node.scalar() else {
            return false;
        };
        match (self, value) {
            (_, Scalar::Null) => true,
            (Type::String | Type::IntOrString, Scalar::Text(_)) => true,
            (Type::Bytes, Scalar::Text(text)) => is_base64(&text),
            (Type::Time, Scalar::Text(text)) => text.is_empty() || date::is_rfc3339(&text),
            (Type::Number, Scalar::Int(_) | Scalar::Float(_)) => true,
            (Type::Bool, Scalar::Bool(_)) => true,
            (Type::Quantity, Scalar::Text(_) | Scalar::Int(_) | Scalar::Float(_)) => {
                Quantity::of_node(node).is_ok()
            }
            (Type::Int32 | Type::IntOrString, Scalar::Int(value)) => i32::try_from(value).is_ok(),
            (Type::Int32 | Type::IntOrString, _) => node.int::<i32>().is_some(),
            (Type::Int64, Scalar::Int(value)) => i64::try_from(value).is_ok(),
            (Type::Int64, _) => node.int::<i64>().is_some(),
            _ => false,
        }
    }

    fn words(&self) -> &'static str {
        match self {
            Type::String => STRING,
            Type::Bytes => BYTES,
            Type::Bool => "a boolean",
            Type::Int32 => "a whole number of 32 bits",
            Type::Int64 => "a whole number of 64 bits",
            Type::Number => "a number",
            Type::Time => "a time such as \"2026-01-31T12:00:00Z\"",
            Type::IntOrString => "a whole number or a string",
            Type::Quantity => QUANTITY,
            Type::Any => "anything",
            Type::Nested(_) | Type::Map(_) => MAPPING,
            Type::List(_) => LIST,
        }
    }
}
