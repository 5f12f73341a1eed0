//! A value on its own, apart from any text: what an edit writes and what a node expands to.

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use std::fmt;

/// A YAML value in the terms of JSON. Maps keep their order.
#[derive(Clone, Debug)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, written as serde_json writes it.
    Number(serde_json::Number),
    /// A string, quoted only where a reader could take it for something else.
    String(String),
    /// A string that is always written in double quotes, as annotation and environment values
    /// should be. Equal to the [`Value::String`] of the same text.
    Quoted(String),
    /// A sequence.
    Sequence(Vec<Value>),
    /// A map; of entries with the same key the last one counts.
    Mapping(Vec<(String, Value)>),
}

/// A node stands for more than 100 000 nodes, or is nested too deep, once its aliases are expanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value has more than 100000 nodes, or more than 512 levels, once its aliases are expanded")
    }
}

impl std::error::Error for TooLarge {}

impl Value {
    /// The text of a string, quoted or not.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) | Value::Quoted(text) => Some(text),
            _ => None,
        }
    }

    /// The entries of a map.
    #[must_use]
    pub fn as_mapping(&self) -> Option<&[(String, Value)]> {
        match self {
            Value::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items of a sequence.
    #[must_use]
    pub fn as_sequence(&self) -> Option<&[Value]> {
        match self {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }
}

impl Value {
    /// Whether both are written alike, with the same quotes.
    pub(crate) fn is_written_as(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::String(a), Value::String(b)) | (Value::Quoted(a), Value::Quoted(b)) => a == b,
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            // Two zeros are equal, but not written alike.
            (Value::Number(a), Value::Number(b)) => a == b && !a.is_f64(),
            (Value::Sequence(a), Value::Sequence(b)) => {
                let mut pairs = a.iter().zip(b);
                a.len() == b.len() && pairs.all(|(a, b)| a.is_written_as(b))
            }
            (Value::Mapping(a), Value::Mapping(b)) => {
                let mut pairs = a.iter().zip(b);
                a.len() == b.len()
                    && pairs.all(|((key, a), (other, b))| key == other && a.is_written_as(b))
            }
            _ => false,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Number(a), Value::Number(b)) => a == b,
            (Value::Sequence(a), Value::Sequence(b)) => a == b,
            (Value::Mapping(a), Value::Mapping(b)) => a == b,
            _ => self.as_str().is_some() && self.as_str() == other.as_str(),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Number(value) => value.serialize(serializer),
            Value::String(text) | Value::Quoted(text) => serializer.serialize_str(text),
            Value::Sequence(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    sequence.serialize_element(item)?;
                }
                sequence.end()
            }
            Value::Mapping(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

/// JSON on one line, with a blank behind `,` and `:`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Number(value) => write!(f, "{value}"),
            Value::String(text) | Value::Quoted(text) => {
                write!(f, "{}", serde_json::Value::from(text.as_str()))
            }
            Value::Sequence(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str("]")
            }
            Value::Mapping(entries) => {
                f.write_str("{")?;
                for (i, (key, value)) in entries.iter().enumerate() {
                    let comma = if i > 0 { ", " } else { "" };
                    write!(
                        f,
                        "{comma}{}: {value}",
                        serde_json::Value::from(key.as_str())
                    )?;
                }
                f.write_str("}")
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::String(text.to_string())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::String(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Value::Number(value.into())
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(value) => Value::Bool(value),
            serde_json::Value::Number(number) => Value::Number(number),
            serde_json::Value::String(text) => Value::String(text),
            serde_json::Value::Array(items) => {
                Value::Sequence(items.into_iter().map(Value::from).collect())
            }
            serde_json::Value::Object(entries) => Value::Mapping(
                entries
                    .into_iter()
                    .map(|(key, value)| (key, value.into()))
                    .collect(),
            ),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn shows_as_json_and_serializes_as_json() {
        let value = Value::from(serde_json::json!({ "a": [1, "x\"", null], "b": true }));
        assert_eq!(value.to_string(), r#"{"a": [1, "x\"", null], "b": true}"#);
        assert_eq!(
            serde_json::to_string(&value).unwrap(),
            r#"{"a":[1,"x\"",null],"b":true}"#
        );
        assert_eq!(Value::Quoted("a".into()), Value::from("a"));
    }
}
