//! Structural schemas: what the API server refuses in an object whose kind a CustomResourceDefinition defines.
//!
//! The schema is read where it is written, next to the object, so its size does not matter. What is left to the server: rules in
//! CEL, `allOf`, `anyOf`, `oneOf` and `not`, most formats, and patterns that are large.
//!
//! Source: `pkg/apiserver/schema` and `pkg/apiserver/validation` of `k8s.io/apiextensions-apiserver`.

use std::borrow::Cow;

use regex::bytes::Regex;

use super::super::{bounded, date, names};
use super::violations::{Fault, Violation, duplicates};
use super::{METADATA, Path, object};
use crate::hashing::{HashMap, HashSet};
use crate::yaml::{Node, Scalar};

/// The fields of one mapping that an unknown one is compared with.
const MOST_KNOWN: usize = 256;

/// A format, what it accepts, and this in words.
type Format = (&'static str, fn(&str) -> bool, &'static str);

/// The formats of texts that are checked here.
const FORMATS: [Format; 4] = [
    (
        "date-time",
        date::is_rfc3339,
        "a time such as `2026-01-31T12:00:00Z`",
    ),
    (
        "ipv4",
        |it| names::ip(it).is_some_and(|it| it.is_ipv4()),
        "an IPv4 address",
    ),
    (
        "ipv6",
        |it| names::ip(it).is_some_and(|it| it.is_ipv6()),
        "an IPv6 address",
    ),
    (
        "cidr",
        |it| names::cidr(it).is_some(),
        "a range of addresses such as `10.0.0.0/8`",
    ),
];

/// From so many values on, an enum gets an index.
const LONG_ENUM: usize = 16;

/// A visit of objects; it keeps the patterns and the long enums of schemas.
#[derive(Debug, Default)]
pub struct Custom<'a> {
    patterns: HashMap<&'a str, Option<Regex>>,
    /// The values of long enums, by their place in the text.
    enums: HashMap<usize, HashSet<Cow<'a, str>>>,
    found: Vec<Violation<'a>>,
}

impl<'a> Custom<'a> {
    /// What a schema refuses in a whole object.
    pub fn violations(&mut self, schema: Node<'a>, node: Node<'a>) -> Vec<Violation<'a>> {
        self.object(schema, node, Path::Top(None), true);
        std::mem::take(&mut self.found)
    }

    fn report(&mut self, node: Node<'a>, path: Path<'_, 'a>, fault: Fault<'a>) {
        let path = path.pointer();
        self.found.push(Violation::new(node, path, fault));
    }

    fn refuse(&mut self, node: Node<'a>, path: Path<'_, 'a>, expected: &str) {
        let (expected, found) = (expected.to_owned(), None);
        self.report(node, path, Fault::OfDefinition { expected, found });
    }

    fn object(&mut self, schema: Node<'a>, node: Node<'a>, path: Path<'_, 'a>, is_root: bool) {
        let is_top = matches!(path, Path::Top(_));
        let properties = schema.get("properties");
        let others = schema.get("additionalProperties");
        let is_open = is(schema, "x-kubernetes-preserve-unknown-fields")
            || others.is_some_and(|it| it.bool() == Some(true));
        for (key, value) in node.entries() {
            let name = key.text().unwrap_or_default();
            if is_root && matches!(&*name, "apiVersion" | "kind" | "metadata")
                || is_top && matches!(&*name, "status" | "sops")
            {
                continue;
            }
            let at = Path::Key(&path, key);
            match properties.and_then(|it| it.get(&name)) {
                Some(schema) => {
                    // The API server removes null before it validates, unless it is a value.
                    if !value.is_null() {
                        self.value(schema, value, at);
                    }
                }
                None if is_open => {}
                None => match others.filter(|it| it.is_map()) {
                    Some(schema) if value.is_null() && !is(schema, "nullable") => {}
                    Some(schema) => self.value(schema, value, at),
                    None => {
                        let known = properties.into_iter().flat_map(Node::entries);
                        // For suggestions so many are enough, and the time stays linear.
                        let known = known.take(MOST_KNOWN);
                        let known = known.filter_map(|(key, _)| key.certain_string());
                        let known = known.collect();
                        self.report(value, at, Fault::Unknown { name, known });
                    }
                },
            }
        }
        let required = schema.get("required").into_iter().flat_map(Node::items);
        for name in required.filter_map(Node::certain_string) {
            let of = properties.and_then(|it| it.get(name));
            // A default is written first.
            let is_set = of.is_some_and(|it| it.get("default").is_some());
            let is_null = |it: Node<'_>| it.is_null() && !of.is_some_and(|of| is(of, "nullable"));
            let is_there = node.get(name).is_some_and(|it| !is_null(it));
            if !(is_set || is_there || is_top && name == "status") {
                let mut path = path.pointer();
                path.push_back(name);
                let fault = Fault::Missing(name);
                self.found.push(Violation::new(node, path, fault));
            }
        }
    }

    fn value(&mut self, schema: Node<'a>, node: Node<'a>, path: Path<'_, 'a>) {
        if node.is_null() {
            return;
        }
        let of = schema.get("type").and_then(Node::certain_string);
        let scalar = node.scalar();
        let is_int_or_string = is(schema, "x-kubernetes-int-or-string");
        let (is_type, expected) = match of {
            _ if is_int_or_string => (
                matches!(scalar, Some(Scalar::Text(_))) || node.int::<i64>().is_some(),
                "a whole number or a string",
            ),
            Some("object") => (node.is_map(), "a mapping"),
            Some("array") => (node.is_sequence(), "a list"),
            Some("string") => (matches!(scalar, Some(Scalar::Text(_))), "a string"),
            Some("boolean") => (matches!(scalar, Some(Scalar::Bool(_))), "a boolean"),
            Some("integer") => (node.int::<i128>().is_some(), "a whole number"),
            Some("number") => (
                matches!(scalar, Some(Scalar::Int(_) | Scalar::Float(_))),
                "a number",
            ),
            _ => (true, ""),
        };
        if !is_type {
            return self.refuse(node, path, expected);
        }
        if node.is_map() {
            let is_embedded = is(schema, "x-kubernetes-embedded-resource");
            if let Some(metadata) = node.get("metadata").filter(|_| is_embedded) {
                for it in object(METADATA).mismatches_at("metadata", metadata) {
                    self.refuse(it.node, path, it.expected);
                }
            }
            let bounds = ("minProperties", "maxProperties");
            self.length(schema, bounds, node, (node.len(), "field"), path);
            if is_embedded {
                for name in ["apiVersion", "kind"] {
                    if node
                        .get(name)
                        .and_then(Node::text)
                        .is_none_or(|it| it.is_empty())
                    {
                        let path = Path::Name(&path, name).pointer();
                        let fault = Fault::Missing(name);
                        self.found.push(Violation::new(node, path, fault));
                    }
                }
            }
            return self.object(schema, node, path, is_embedded);
        }
        if node.is_sequence() {
            return self.list(schema, node, path);
        }
        if let Some(values) = schema.get("enum").filter(|it| it.is_sequence()) {
            let text = node.text().unwrap_or_default();
            let is_one = match values.item(LONG_ENUM).is_some() {
                true => {
                    let of = || values.items().filter_map(Node::text).collect();
                    let index = self
                        .enums
                        .entry(values.raw().as_ptr() as usize)
                        .or_insert_with(of);
                    index.contains(&text)
                }
                false => values
                    .items()
                    .any(|it| it.text().is_some_and(|it| it == text)),
            };
            if !is_one {
                let of = |it: Node<'a>| it.certain_string().unwrap_or_else(|| it.raw());
                let fault = Fault::Value(values.items().take(MOST_KNOWN).map(of).collect());
                return self.report(node, path, fault);
            }
        }
        match scalar {
            Some(Scalar::Text(text)) => self.text(schema, node, &text, path),
            Some(Scalar::Int(_) | Scalar::Float(_)) => self.number(schema, node, path),
            _ => {}
        }
    }

    fn list(&mut self, schema: Node<'a>, node: Node<'a>, path: Path<'_, 'a>) {
        let bounds = ("minItems", "maxItems");
        self.length(schema, bounds, node, (node.len(), "item"), path);
        if let Some(of) = schema.get("items").filter(|it| it.is_map()) {
            for (index, item) in node.items().enumerate() {
                self.value(of, item, Path::Item(&path, index));
            }
        }
        let keys = schema.get("x-kubernetes-list-map-keys").into_iter();
        let default = |key: &'a str| {
            let of = ["items", "properties", key, "default"];
            schema.text_at(of)
        };
        let keys = keys.flat_map(Node::items).filter_map(Node::certain_string);
        let keys = keys.map(|key| (key, default(key)));
        let keys: Vec<_> = keys.collect();
        let of = schema.text_at(["x-kubernetes-list-type"]);
        // What lacks a key is reported on its own.
        let is_whole = |it: Node<'_>| {
            let mut keys = keys.iter();
            keys.all(|(key, default)| default.is_some() || it.get(key).is_some())
        };
        let is_compared = match of.as_deref() {
            Some("map") => !keys.is_empty() && node.items().all(is_whole),
            Some("set") => keys.is_empty() && node.items().all(Node::is_scalar),
            _ => false,
        };
        let with_default =
            |(key, default): (&'a str, Option<_>)| (key, default.unwrap_or_default());
        let keys: Vec<_> = keys.into_iter().map(with_default).collect();
        if is_compared {
            duplicates(&keys, node, path, true, &mut self.found);
        }
    }

    fn text(&mut self, schema: Node<'a>, node: Node<'a>, text: &str, path: Path<'_, 'a>) {
        let len = text.chars().count();
        let bounds = ("minLength", "maxLength");
        self.length(schema, bounds, node, (len, "character"), path);
        let format = schema.text_at(["format"]);
        let format = format.and_then(|name| FORMATS.iter().find(|it| it.0 == name));
        if let Some((_, _, words)) = format.filter(|(_, accepts, _)| !accepts(text)) {
            self.refuse(node, path, words);
        }
        let of = schema
            .get("pattern")
            .and_then(|it| Some((it.raw(), it.text()?)));
        let Some((raw, pattern)) = of else {
            return;
        };
        let regex = self.patterns.entry(raw);
        let regex = regex.or_insert_with(|| bounded(&pattern).ok());
        if text.is_ascii()
            && regex
                .as_ref()
                .is_some_and(|it| !it.is_match(text.as_bytes()))
        {
            self.refuse(node, path, &format!("a text that matches `{pattern}`"));
        }
    }

    fn number(&mut self, schema: Node<'a>, node: Node<'a>, path: Path<'_, 'a>) {
        let number = |node: Node<'_>| match node.scalar() {
            // Integers can be octal: `0755`.
            Some(Scalar::Int(value)) => Some(value as f64),
            Some(Scalar::Float(value)) => Some(value),
            _ => None,
        };
        let Some(value) = number(node) else {
            return;
        };
        let multiple = schema
            .get("multipleOf")
            .and_then(|it| Some((it, number(it)?)));
        if let Some((of, step)) = multiple.filter(|(_, step)| *step > 0.0) {
            let parts = value / step;
            if (parts - parts.round()).abs() > 1e-9 {
                self.refuse(node, path, &format!("a multiple of {}", of.raw()));
            }
        }
        let bits = schema.text_at(["format"]).is_some_and(|it| it == "int32");
        if bits && !(f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&value) {
            self.refuse(node, path, "a whole number of 32 bits");
        }
        for (key, exclusive, sign, word) in [
            ("minimum", "exclusiveMinimum", 1.0, "least"),
            ("maximum", "exclusiveMaximum", -1.0, "most"),
        ] {
            let Some((bound, limit)) = schema.get(key).and_then(|it| Some((it, number(it)?)))
            else {
                continue;
            };
            let distance = (value - limit) * sign;
            let is_exclusive = is(schema, exclusive);
            if distance < 0.0 || is_exclusive && distance == 0.0 {
                let but = if is_exclusive { ", and not it" } else { "" };
                let expected = format!("a number of at {word} {}{but}", bound.raw());
                self.refuse(node, path, &expected);
            }
        }
    }

    fn length(
        &mut self,
        schema: Node<'a>,
        (min, max): (&str, &str),
        node: Node<'a>,
        (len, unit): (usize, &str),
        path: Path<'_, 'a>,
    ) {
        let of = |len: usize| match len {
            1 => format!("1 {unit}"),
            _ => format!("{len} {unit}s"),
        };
        let bound = |key| schema.get(key).and_then(Node::int::<usize>);
        let bounds = [
            ("least", bound(min).filter(|it| len < *it)),
            ("most", bound(max).filter(|it| len > *it)),
        ];
        for (word, bound) in bounds {
            if let Some(bound) = bound {
                let expected = format!("at {word} {}", of(bound));
                let found = Some(of(len));
                self.report(node, path, Fault::OfDefinition { expected, found });
            }
        }
    }
}

fn is(schema: Node<'_>, key: &str) -> bool {
    schema.get(key).and_then(Node::bool) == Some(true)
}
