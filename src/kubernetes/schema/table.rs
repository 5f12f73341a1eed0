//! The table of kinds and fields, `kubernetes.txt`, which `tests/conformance/schema` generates. Its head describes the format.
//!
//! Only the rows and types that an object needs are read. `build.rs` makes three texts of the table, because a run on a few
//! manifests would otherwise spend most of its time on types that it does not need.

use std::sync::OnceLock;

use super::text::blocks;
use super::{Field, Object, Type};
use crate::compressed::Text;
use crate::hashing::HashMap;

/// The rows of kinds, in the order of their kinds.
static KINDS: Text = Text::new(include_bytes!(concat!(env!("OUT_DIR"), "/kinds.txt")));
/// The types of the packages that most manifests need.
static TYPES: Text = Text::new(include_bytes!(concat!(env!("OUT_DIR"), "/types.txt")));
/// The other types.
static RARE_TYPES: Text = Text::new(include_bytes!(concat!(env!("OUT_DIR"), "/rare-types.txt")));

/// Minor versions of Kubernetes from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// The first.
    pub since: u8,
    /// The last.
    pub until: u8,
}

impl Versions {
    /// The versions in the table.
    pub const ALL: Versions = Versions {
        since: 25,
        until: 37,
    };

    /// Whether a minor version is one of them.
    #[must_use]
    pub fn has(self, minor: u8) -> bool {
        (self.since..=self.until).contains(&minor)
    }

    /// `29-`, `-31` or `27-30`.
    pub(super) fn parse(text: &str) -> Option<Versions> {
        let (since, until) = text.split_once('-')?;
        let or = |text: &str, default| match text.is_empty() {
            true => Some(default),
            false => text.parse().ok(),
        };
        Some(Versions {
            since: or(since, Versions::ALL.since)?,
            until: or(until, Versions::ALL.until)?,
        })
    }
}

/// A version of a kind, in a range of versions of Kubernetes.
#[derive(Debug)]
pub struct KindRow {
    /// Such as `apps/v1`.
    pub api_version: &'static str,
    /// Such as `Deployment`.
    pub kind: &'static str,
    /// The name of the type; `None` for a version that Kubernetes 1.25 did not serve any more.
    pub of: Option<&'static str>,
    /// Whether its objects are in namespaces.
    pub is_namespaced: bool,
    /// Where it exists.
    pub versions: Versions,
    /// Whether the API server serves it only if a flag enables it.
    pub is_off: bool,
    /// The minor version that deprecated it.
    pub deprecated: Option<u8>,
    /// The minor version that does not serve it any more.
    pub removed: Option<u8>,
    /// What replaces it: `policy/v1 PodDisruptionBudget`.
    pub replaced: Option<&'static str>,
}

impl KindRow {
    fn parse(line: &'static str) -> Option<KindRow> {
        let (line, replaced) = match line.split_once(" replaced=") {
            Some((line, replaced)) => (line, Some(replaced)),
            None => (line, None),
        };
        let mut words = line.split(' ');
        let mut row = KindRow {
            api_version: words.next()?,
            kind: words.next()?,
            of: words.next().filter(|of| *of != "-"),
            is_namespaced: words.next()? == "n",
            versions: Versions::ALL,
            is_off: false,
            deprecated: None,
            removed: None,
            replaced,
        };
        for word in words {
            match word.split_once('=') {
                Some(("deprecated", minor)) => row.deprecated = minor.parse().ok(),
                Some(("removed", minor)) => row.removed = minor.parse().ok(),
                _ if word == "off" => row.is_off = true,
                _ => row.versions = Versions::parse(word)?,
            }
        }
        Some(row)
    }
}

/// The lines of one kind, and what they say once they are read.
struct KindText {
    lines: &'static str,
    rows: OnceLock<Vec<KindRow>>,
}

impl KindText {
    fn rows(&self) -> &[KindRow] {
        self.rows
            .get_or_init(|| self.lines.lines().filter_map(KindRow::parse).collect())
    }
}

/// The lines of a type, and its fields once they are read.
struct TypeText {
    lines: &'static str,
    object: OnceLock<Object>,
}

type Kinds = HashMap<&'static str, KindText>;
type Types = HashMap<&'static str, TypeText>;

fn kind_texts() -> &'static Kinds {
    static INDEX: OnceLock<Kinds> = OnceLock::new();
    INDEX.get_or_init(|| {
        let text = KINDS.get();
        let mut kinds = Kinds::default();
        let (mut start, mut end) = (0, 0);
        let kind_of = |line: &'static str| line.split(' ').nth(1).unwrap_or_default();
        let mut lines = text.split_inclusive('\n').peekable();
        while let Some(line) = lines.next() {
            end += line.len();
            let kind = kind_of(line);
            if lines.peek().is_none_or(|next| kind_of(next) != kind) {
                let (lines, rows) = (&text[start..end], OnceLock::new());
                kinds.insert(kind, KindText { lines, rows });
                start = end;
            }
        }
        kinds
    })
}

fn types_of(text: &'static str) -> Types {
    let types = blocks(text).1.into_iter().filter_map(|block| {
        let (name, lines) = block.split_once('\n')?;
        let object = OnceLock::new();
        Some((name, TypeText { lines, object }))
    });
    types.collect()
}

fn types() -> &'static Types {
    static INDEX: OnceLock<Types> = OnceLock::new();
    INDEX.get_or_init(|| types_of(TYPES.get()))
}

fn rare_types() -> &'static Types {
    static INDEX: OnceLock<Types> = OnceLock::new();
    INDEX.get_or_init(|| types_of(RARE_TYPES.get()))
}

/// The rows of all versions of a kind.
#[must_use]
pub fn rows_of(kind: &str) -> &'static [KindRow] {
    kind_texts().get(kind).map_or(&[], KindText::rows)
}

/// Every kind.
pub fn kinds() -> impl Iterator<Item = &'static KindRow> {
    kind_texts().values().flat_map(KindText::rows)
}

/// The fields of a type such as `core.v1.PodSpec`; none for the empty name and one that is not in the table.
#[must_use]
pub fn object(name: &str) -> &'static Object {
    static NONE: OnceLock<Object> = OnceLock::new();
    let in_rare = || match name {
        // That of types without fields.
        "" => None,
        _ => rare_types().get_key_value(name),
    };
    let Some((name, text)) = types().get_key_value(name).or_else(in_rare) else {
        return NONE.get_or_init(|| Object::of("", Vec::new()));
    };
    text.object.get_or_init(|| {
        let package = name.rsplit_once('.').map_or("", |(package, _)| package);
        let fields = text.lines.lines().filter_map(|line| field(line, package));
        Object::of(name, fields.collect())
    })
}

/// A field of a type in a package, from its line.
fn field(line: &'static str, package: &'static str) -> Option<Field> {
    let (line, values) = match line.split_once(" =") {
        Some((line, values)) => (line, Some(values)),
        None => (line, None),
    };
    let mut words = line.split(' ');
    let name = words.next()?;
    let mut field = Field {
        name: name.strip_suffix('!').unwrap_or(name),
        is_required: name.ends_with('!'),
        of: type_of(words.next()?, package),
        versions: Versions::ALL,
        values,
        keys: None,
        gates: None,
    };
    for word in words {
        match word.as_bytes().first()? {
            b'@' => field.keys = Some(&word[1..]),
            b'?' => field.gates = Some(&word[1..]),
            _ => field.versions = Versions::parse(word)?,
        }
    }
    Some(field)
}

fn type_of(text: &'static str, package: &'static str) -> Type {
    let inner = || Box::new(type_of(&text[1..text.len() - 1], package));
    match text {
        _ if text.starts_with('[') => Type::List(inner()),
        _ if text.starts_with('{') => Type::Map(inner()),
        "string" => Type::String,
        "bytes" => Type::Bytes,
        "bool" => Type::Bool,
        "int32" => Type::Int32,
        "int64" => Type::Int64,
        "number" => Type::Number,
        "time" | "micro-time" => Type::Time,
        "int-or-string" => Type::IntOrString,
        "quantity" => Type::Quantity,
        "any" => Type::Any,
        "empty" => Type::Nested(Reference {
            name: "",
            package: None,
            object: OnceLock::new(),
        }),
        name => Type::Nested(Reference {
            name: name.strip_prefix('.').unwrap_or(name),
            package: name.starts_with('.').then_some(package),
            object: OnceLock::new(),
        }),
    }
}

/// A type by its name, which is looked up once.
#[derive(Debug)]
pub struct Reference {
    name: &'static str,
    package: Option<&'static str>,
    object: OnceLock<&'static Object>,
}

impl Reference {
    /// The type.
    pub fn get(&self) -> &'static Object {
        self.object.get_or_init(|| match self.package {
            Some(package) => object(&format!("{package}.{}", self.name)),
            None => object(self.name),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read() {
        let lines = include_str!("kubernetes.txt").lines();
        let has = |prefix: &str| lines.clone().filter(|it| it.starts_with(prefix)).count();
        // Types have fields of the name `kind` too.
        assert_eq!(kinds().count(), has("kind ") - has("kind string"));
        assert_eq!(types().len() + rare_types().len(), has("type: "));
        for (name, text) in types().iter().chain(rare_types()) {
            let object = object(name);
            assert_eq!(object.fields.len(), text.lines.lines().count(), "{name}");
            // A field is a bit.
            assert!(object.fields.len() <= 64, "{name}");
            for field in &object.fields {
                let mut of = &field.of;
                while let Type::List(inner) | Type::Map(inner) = of {
                    of = inner;
                }
                if let Type::Nested(reference) = of {
                    let is_found = !reference.get().fields.is_empty() || reference.name.is_empty();
                    assert!(is_found, "{name} {}", field.name);
                }
            }
        }
        let versions = format!("versions {} {}", Versions::ALL.since, Versions::ALL.until);
        assert!(lines.clone().any(|line| line == versions));
    }
}
