//! Words for a node, and the text of a scalar whatever its type.

use std::fmt;

use serde::Deserializer;

use super::{Node, Scalar};

/// The newtype name by which a type asks for the text of a scalar, whatever its YAML type.
pub const SCALAR_TEXT: &str = "fitout:text";

/// The text of a scalar whatever its YAML type, for enums' cousins such as quantities and decimals.
pub fn text_of_scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Text;
    impl serde::de::Visitor<'_> for Text {
        type Value = String;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a single value")
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }
    }
    deserializer.deserialize_newtype_struct(SCALAR_TEXT, Text)
}

impl Node<'_> {
    /// What a node is, without its value: `a string`.
    #[must_use]
    pub fn describe_type(self) -> &'static str {
        match self.scalar() {
            _ if self.is_map() => "a mapping",
            _ if self.is_sequence() => "a list",
            None | Some(Scalar::Null) => "nothing (null)",
            Some(Scalar::Bool(_)) => "a boolean",
            Some(Scalar::Int(_) | Scalar::Float(_)) => "a number",
            Some(Scalar::Text(_)) => "a string",
        }
    }

    /// What a node is, as the end of a sentence: `the string "a"`.
    #[must_use]
    pub fn describe(self) -> String {
        let Some(text) = self.text() else {
            return self.describe_type().to_owned();
        };
        match self.scalar() {
            None | Some(Scalar::Null) => self.describe_type().to_owned(),
            Some(Scalar::Bool(value)) if text == value.to_string() => {
                format!("the boolean {value}")
            }
            Some(Scalar::Bool(value)) => format!("`{text}`, which is the boolean {value}"),
            Some(Scalar::Int(_) | Scalar::Float(_)) => format!("the number {text}"),
            Some(Scalar::Text(_)) => format!("the string \"{text}\""),
        }
    }
}
