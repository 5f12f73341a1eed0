//! From config text to typed settings: a serde deserializer over a [`View`].
//!
//! It differs from a general one in what this job needs: unknown fields, at any depth and also in
//! Kubernetes' own types (which would ignore them), are collected with the nearest right spelling;
//! duplicate keys are refused; enums and quantities are read from the text of a scalar, while a
//! string field refuses a number, because hosts change numbers on the way (`1.30` arrives as `1.3`).

use std::cell::RefCell;
use std::fmt;

use serde::de::value::{BorrowedStrDeserializer, StringDeserializer};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, EnumAccess, Error as _, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::view::{Layer, View};
use crate::problem::{did_you_mean, one_of};
use crate::yaml::{Node, SCALAR_TEXT, Scalar};

const UNKNOWN_OR_MISSING: &str = "FIT-CFG001";
const WRONG_TYPE: &str = "FIT-CFG002";
const BAD_VALUE: &str = "FIT-CFG003";

/// What is wrong with a piece of config, before it is known which file it came from.
#[derive(Clone, Debug)]
pub struct Fault<'a> {
    /// The rule id: unknown or missing field, wrong type, or bad value.
    pub id: &'static str,
    /// What was found and what was expected.
    pub message: String,
    /// The way out.
    pub help: Option<String>,
    /// The key or value that is wrong.
    pub layer: Option<Layer<'a>>,
    /// The path of the field below the view that was decoded.
    pub path: String,
}

/// Keys of the outermost map that are not fields of the decoded type.
#[derive(Clone, Copy, Debug)]
pub enum Others<'f> {
    /// These are decoded elsewhere; any other is a fault.
    Known(&'f [&'f str]),
    /// Another decoding of the same map looks at them.
    Anything,
}

/// Decodes a view into a type; all unknown fields are reported, and the first value of a wrong type.
///
/// `others` says what the outermost map may hold beside the fields of `T`.
///
/// # Errors
/// Every fault that was found; the list is not empty.
pub fn decode<'a, T: DeserializeOwned>(
    view: &View<'a>,
    others: Others<'_>,
) -> Result<T, Vec<Fault<'a>>> {
    let faults = RefCell::new(Vec::new());
    let result = T::deserialize(Decoder {
        view: view.clone(),
        faults: &faults,
        others,
    });
    let mut faults = faults.into_inner();
    match result {
        Ok(value) if faults.is_empty() => Ok(value),
        Ok(_) => Err(faults),
        Err(Wrong(fault)) => {
            faults.push(*fault);
            Err(faults)
        }
    }
}

/// serde's error, owned by the decoder: a fault whose place is filled in on the way out.
#[derive(Debug)]
struct Wrong<'a>(Box<Fault<'a>>);

impl<'a> Wrong<'a> {
    fn new(id: &'static str, message: String) -> Wrong<'a> {
        Wrong(Box::new(Fault {
            id,
            message,
            help: None,
            layer: None,
            path: String::new(),
        }))
    }

    /// Fills in the place unless a deeper one has been noted already.
    fn at(mut self, view: &View<'a>) -> Wrong<'a> {
        if self.0.layer.is_none() {
            self.0.layer = Some(view.top());
            self.0.path = view.path().to_owned();
        }
        self
    }
}

impl fmt::Display for Wrong<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Wrong<'_> {}

impl de::Error for Wrong<'_> {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Wrong::new(BAD_VALUE, message.to_string())
    }

    fn invalid_type(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Wrong::new(
            WRONG_TYPE,
            format!("expected {expected}, found {unexpected}"),
        )
    }

    fn missing_field(field: &'static str) -> Self {
        Wrong::new(UNKNOWN_OR_MISSING, format!("missing field `{field}`"))
    }
}

struct Decoder<'a, 'f> {
    view: View<'a>,
    faults: &'f RefCell<Vec<Fault<'a>>>,
    others: Others<'f>,
}

impl<'a, 'f> Decoder<'a, 'f> {
    fn below(&self, view: View<'a>) -> Decoder<'a, 'f> {
        Decoder {
            view,
            faults: self.faults,
            others: Others::Known(&[]),
        }
    }

    fn node(&self) -> Node<'a> {
        self.view.top().node
    }

    /// The scalar here, typed as kubectl types it; in a strings-only layer by its text alone.
    fn scalar(&self) -> Option<Scalar<'a>> {
        let scalar = self.node().scalar()?;
        match scalar {
            Scalar::Text(text) if self.view.top().strings_only => Some(from_text(text)),
            other => Some(other),
        }
    }

    fn wrong<T>(&self, expected: &str) -> Result<T, Wrong<'a>> {
        Err(Wrong::new(
            WRONG_TYPE,
            format!("expected {expected}, found {}", self.node().describe()),
        )
        .at(&self.view))
    }

    /// The text of a scalar; an integer in an unusual notation as its decimal digits, as hosts hand it on.
    fn text(&self) -> Option<String> {
        match (self.node().scalar()?, self.node().text()?) {
            (Scalar::Null, _) => None,
            (Scalar::Int(value), raw) if !raw.starts_with('+') => Some(value.to_string()),
            (_, raw) => Some(raw.into_owned()),
        }
    }

    /// Notes a key that is none of the type's fields.
    fn report_unknown(&self, key: Node<'a>, fields: &[&str]) {
        let name = key.text().unwrap_or_default();
        if fields.contains(&name.as_ref()) {
            return;
        }
        let Others::Known(others) = self.others else {
            return;
        };
        let known: Vec<&str> = fields.iter().chain(others).copied().collect();
        if others.contains(&name.as_ref()) {
            return;
        }
        let help = match did_you_mean(&name, known.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("known here: {}", known.join(", ")),
        };
        let path = if self.view.path().is_empty() {
            name.to_string()
        } else {
            format!("{}.{name}", self.view.path())
        };
        self.faults.borrow_mut().push(Fault {
            id: UNKNOWN_OR_MISSING,
            message: format!("unknown field `{name}`"),
            help: Some(help),
            layer: Some(Layer {
                node: key,
                ..self.view.layer_of_key(key)
            }),
            path,
        });
    }

    fn check_duplicates(&self) -> Result<(), Wrong<'a>> {
        for layer in self.view.layers() {
            if let Some((first, second)) = layer.node.duplicate_key() {
                let name = second.text().unwrap_or_default();
                let line = first.position().line;
                let message = format!("the field `{name}` is written twice, first in line {line}");
                let mut wrong = Wrong::new(UNKNOWN_OR_MISSING, message);
                wrong.0.layer = Some(Layer {
                    node: second,
                    ..*layer
                });
                wrong.0.path = match self.view.path() {
                    "" => name.into_owned(),
                    path => format!("{path}.{name}"),
                };
                return Err(wrong);
            }
        }
        Ok(())
    }
}

/// Reads a string as the YAML scalar that it would be, for layers that can only hold strings.
fn from_text(text: std::borrow::Cow<'_, str>) -> Scalar<'_> {
    match text.as_ref() {
        "true" => Scalar::Bool(true),
        "false" => Scalar::Bool(false),
        digits => digits
            .parse::<i128>()
            .map_or(Scalar::Text(text), Scalar::Int),
    }
}

impl<'a> de::Deserializer<'a> for Decoder<'a, '_> {
    type Error = Wrong<'a>;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Wrong<'a>> {
        if self.node().is_map() {
            return self.deserialize_map(visitor);
        }
        if self.node().is_sequence() {
            return self.deserialize_seq(visitor);
        }
        let view = self.view.clone();
        let value = match self.scalar() {
            None | Some(Scalar::Null) => visitor.visit_unit(),
            Some(Scalar::Bool(value)) => visitor.visit_bool(value),
            Some(Scalar::Int(value)) => match i64::try_from(value) {
                Ok(value) => visitor.visit_i64(value),
                Err(_) => return self.wrong("a number of 64 bits"),
            },
            Some(Scalar::Float(value)) => visitor.visit_f64(value),
            Some(Scalar::Text(text)) => visitor.visit_str(&text),
        };
        value.map_err(|wrong: Wrong<'a>| wrong.at(&view))
    }

    fn deserialize_bool<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Wrong<'a>> {
        match self.scalar() {
            Some(Scalar::Bool(value)) => visitor.visit_bool(value),
            _ => self.wrong("true or false"),
        }
    }

    fn deserialize_i64<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Wrong<'a>> {
        match self.scalar() {
            Some(Scalar::Int(value)) if i64::try_from(value).is_ok() => {
                let view = self.view.clone();
                visitor
                    .visit_i64(value as i64)
                    .map_err(|wrong: Wrong<'a>| wrong.at(&view))
            }
            _ => self.wrong("a whole number"),
        }
    }

    fn deserialize_str<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Wrong<'a>> {
        match self.node().scalar() {
            Some(Scalar::Text(text)) => {
                let view = self.view.clone();
                visitor
                    .visit_str(&text)
                    .map_err(|wrong: Wrong<'a>| wrong.at(&view))
            }
            Some(Scalar::Int(_) | Scalar::Float(_) | Scalar::Bool(_)) => {
                let text = self.node().text().unwrap_or_default().into_owned();
                self.wrong("a string").map_err(|mut wrong: Wrong<'a>| {
                    wrong.0.help = Some(format!("quote it: \"{text}\""));
                    wrong
                })
            }
            _ => self.wrong("a string"),
        }
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Wrong<'a>> {
        if self.node().is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong<'a>> {
        if name != SCALAR_TEXT {
            return visitor.visit_newtype_struct(self);
        }
        match self.text() {
            Some(text) => visitor
                .visit_str(&text)
                .map_err(|wrong: Wrong<'a>| wrong.at(&self.view)),
            None => self.wrong("a single value"),
        }
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Wrong<'a>> {
        if !self.node().is_sequence() {
            return self.wrong("a list");
        }
        let items = self.view.items().into_iter();
        visitor
            .visit_seq(Items {
                items,
                decoder: &self,
            })
            .map_err(|wrong: Wrong<'a>| wrong.at(&self.view))
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Wrong<'a>> {
        if !self.node().is_map() {
            return self.wrong("a mapping");
        }
        self.check_duplicates()?;
        let keys = self.view.keys().into_iter();
        visitor
            .visit_map(Entries {
                keys,
                value: None,
                fields: None,
                decoder: &self,
            })
            .map_err(|wrong: Wrong<'a>| wrong.at(&self.view))
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong<'a>> {
        if !self.node().is_map() {
            return self.wrong("a mapping");
        }
        self.check_duplicates()?;
        let keys = self.view.keys();
        // Before any value is looked at: the first of a wrong type ends the decoding.
        keys.iter()
            .for_each(|key| self.report_unknown(*key, fields));
        let keys = keys.into_iter();
        let entries = Entries {
            keys,
            value: None,
            fields: Some(fields),
            decoder: &self,
        };
        visitor
            .visit_map(entries)
            .map_err(|wrong: Wrong<'a>| wrong.at(&self.view))
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong<'a>> {
        let Some(text) = self.text() else {
            return self.wrong(&one_of(variants));
        };
        if !variants.contains(&text.as_str()) {
            let mut wrong: Wrong<'a> = Wrong::new(
                BAD_VALUE,
                format!("expected {}, found `{text}`", one_of(variants)),
            );
            wrong.0.help = did_you_mean(&text, variants.iter().copied())
                .map(|nearest| format!("did you mean `{nearest}`?"));
            return Err(wrong.at(&self.view));
        }
        visitor.visit_enum(Variant(text))
    }

    fn deserialize_i8<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Wrong<'a>> {
        self.deserialize_i64(visitor)
    }
    fn deserialize_i16<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Wrong<'a>> {
        self.deserialize_i64(visitor)
    }
    fn deserialize_i32<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Wrong<'a>> {
        self.deserialize_i64(visitor)
    }
    fn deserialize_u8<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Wrong<'a>> {
        self.deserialize_i64(visitor)
    }
    fn deserialize_u16<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Wrong<'a>> {
        self.deserialize_i64(visitor)
    }
    fn deserialize_u32<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Wrong<'a>> {
        self.deserialize_i64(visitor)
    }
    fn deserialize_u64<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Wrong<'a>> {
        self.deserialize_i64(visitor)
    }
    fn deserialize_string<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Wrong<'a>> {
        self.deserialize_str(visitor)
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'a>>
        f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

struct Items<'a, 'd, 'f> {
    items: std::vec::IntoIter<View<'a>>,
    decoder: &'d Decoder<'a, 'f>,
}

impl<'a> SeqAccess<'a> for Items<'a, '_, '_> {
    type Error = Wrong<'a>;

    fn next_element_seed<T: DeserializeSeed<'a>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Wrong<'a>> {
        let Some(view) = self.items.next() else {
            return Ok(None);
        };
        seed.deserialize(self.decoder.below(view.clone()))
            .map(Some)
            .map_err(|wrong| wrong.at(&view))
    }
}

struct Entries<'a, 'd, 'f> {
    keys: std::vec::IntoIter<Node<'a>>,
    value: Option<View<'a>>,
    fields: Option<&'static [&'static str]>,
    decoder: &'d Decoder<'a, 'f>,
}

impl<'a> MapAccess<'a> for Entries<'a, '_, '_> {
    type Error = Wrong<'a>;

    /// The next key that has a value and that the type knows; others have been reported.
    fn next_key_seed<K: DeserializeSeed<'a>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Wrong<'a>> {
        for key in self.keys.by_ref() {
            let Some(name) = key.text() else {
                let mut wrong: Wrong<'a> = Wrong::custom("a key must be a plain word");
                wrong.0.layer = Some(Layer {
                    node: key,
                    ..self.decoder.view.top()
                });
                return Err(wrong);
            };
            if let Some(fields) = self.fields
                && !fields.contains(&name.as_ref())
            {
                continue;
            }
            if let (None, Others::Known(others)) = (self.fields, self.decoder.others)
                && others.contains(&name.as_ref())
            {
                // A section that is a map of its own keys still has `mode` and `modes` beside them.
                continue;
            }
            // A key that is null in the deciding layer is as absent.
            let Some(view) = self.decoder.view.get(&name) else {
                continue;
            };
            self.value = Some(view);
            return match name {
                std::borrow::Cow::Borrowed(name) => seed
                    .deserialize(BorrowedStrDeserializer::new(name))
                    .map(Some),
                std::borrow::Cow::Owned(name) => {
                    let name: StringDeserializer<Wrong<'a>> =
                        de::IntoDeserializer::into_deserializer(name);
                    seed.deserialize(name).map(Some)
                }
            };
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Wrong<'a>> {
        let Some(view) = self.value.take() else {
            return Err(Wrong::custom("a value without a key"));
        };
        seed.deserialize(self.decoder.below(view.clone()))
            .map_err(|wrong| wrong.at(&view))
    }
}

struct Variant(String);

impl<'a> EnumAccess<'a> for Variant {
    type Error = Wrong<'a>;
    type Variant = UnitOnly;

    fn variant_seed<V: DeserializeSeed<'a>>(
        self,
        seed: V,
    ) -> Result<(V::Value, UnitOnly), Wrong<'a>> {
        let name: StringDeserializer<Wrong<'a>> = de::IntoDeserializer::into_deserializer(self.0);
        Ok((seed.deserialize(name)?, UnitOnly))
    }
}

/// Config enums are words; none carries data.
struct UnitOnly;

impl<'a> VariantAccess<'a> for UnitOnly {
    type Error = Wrong<'a>;

    fn unit_variant(self) -> Result<(), Wrong<'a>> {
        Ok(())
    }
    fn newtype_variant_seed<T: DeserializeSeed<'a>>(self, _seed: T) -> Result<T::Value, Wrong<'a>> {
        Err(Wrong::custom("expected a word"))
    }
    fn tuple_variant<V: Visitor<'a>>(
        self,
        _len: usize,
        _visitor: V,
    ) -> Result<V::Value, Wrong<'a>> {
        Err(Wrong::custom("expected a word"))
    }
    fn struct_variant<V: Visitor<'a>>(
        self,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Wrong<'a>> {
        Err(Wrong::custom("expected a word"))
    }
}
