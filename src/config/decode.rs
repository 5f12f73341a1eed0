//! From config text to typed settings: a serde deserializer over a [`View`].
//!
//! Unlike a general deserializer it collects unknown fields at any depth, also in Kubernetes types (which would ignore
//! them), and suggests the nearest name.  Enums and quantities are read from the text of a scalar,
//! but a string field rejects a number, because hosts rewrite numbers (`1.30` arrives as `1.3`).

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use serde::de::value::StringDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};

use super::view::{Layer, View};
use crate::problem::{did_you_mean, one_of};
use crate::yaml::{Node, SCALAR_TEXT, Scalar};

const UNKNOWN_OR_MISSING: &str = "FIT-CFG001";
const WRONG_TYPE: &str = "FIT-CFG002";
const BAD_VALUE: &str = "FIT-CFG003";

/// An error in the config, without the file that it came from.
#[derive(Clone, Debug)]
pub struct Fault<'a> {
    /// The rule id: unknown or missing field, wrong type, or bad value.
    pub id: &'static str,
    /// What is wrong.
    pub message: String,
    /// How to fix it.
    pub help: Option<String>,
    /// The key or value that is wrong.
    pub layer: Option<Layer<'a>>,
    /// The path of the field in the decoded view.
    pub path: String,
}

/// Keys of the outermost map that are not fields of the decoded type.
#[derive(Clone, Copy, Debug)]
pub enum Others<'f> {
    /// These are decoded elsewhere; any other key is a fault.
    Known(&'f [&'f str]),
    /// They are checked by another decoding of the same map.
    Anything,
}

/// Decodes a view into a type.
///
/// # Errors
/// All unknown fields, and the first value of a wrong type.
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

/// The decoder's error: a fault whose place is set when it passes the decoder of its view.
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

    /// Sets the place, if no deeper one is set.
    #[cold]
    #[inline(never)]
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

    /// The scalar with the type that kubectl gives it; in a layer of strings with the type of its text.
    fn scalar(&self) -> Option<Scalar<'a>> {
        let scalar = self.node().scalar()?;
        match scalar {
            Scalar::Text(text) if self.view.top().strings_only => Some(from_text(text)),
            other => Some(other),
        }
    }

    fn wrong<T>(&self, expected: &str) -> Result<T, Wrong<'a>> {
        Err(self.unexpected(expected))
    }

    #[cold]
    #[inline(never)]
    fn unexpected(&self, expected: &str) -> Wrong<'a> {
        let found = self.node().describe();
        Wrong::new(WRONG_TYPE, format!("expected {expected}, found {found}")).at(&self.view)
    }

    /// The keys of a map. With the names of its fields, reports the others: before any value, because the first value of a wrong
    /// type ends the decoding.
    #[inline(never)]
    fn keys(&self, fields: Option<&[&str]>) -> Result<std::vec::IntoIter<Layer<'a>>, Wrong<'a>> {
        if !self.node().is_map() {
            return self.wrong("a mapping");
        }
        let keys = self.view.keys();
        if let Some(fields) = fields {
            keys.iter()
                .for_each(|key| self.report_unknown(*key, fields));
        }
        Ok(keys.into_iter())
    }

    /// The name of a variant.
    #[inline(never)]
    fn variant(&self, variants: &[&str]) -> Result<String, Wrong<'a>> {
        let Some(text) = self.text() else {
            return self.wrong(&one_of(variants));
        };
        if variants.contains(&text.as_str()) {
            return Ok(text);
        }
        let mut wrong: Wrong<'a> = Wrong::new(
            BAD_VALUE,
            format!("expected {}, found `{text}`", one_of(variants)),
        );
        wrong.0.help = did_you_mean(&text, variants.iter().copied())
            .map(|nearest| format!("did you mean `{nearest}`?"));
        Err(wrong.at(&self.view))
    }

    /// The text of a string.
    #[inline(never)]
    fn string(&self) -> Result<Cow<'a, str>, Wrong<'a>> {
        match self.node().scalar() {
            Some(Scalar::Text(text)) => Ok(text),
            Some(Scalar::Int(_) | Scalar::Float(_) | Scalar::Bool(_)) => {
                let text = self.node().text().unwrap_or_default();
                let mut wrong = self.unexpected("a string");
                wrong.0.help = Some(format!("quote it: \"{text}\""));
                Err(wrong)
            }
            _ => self.wrong("a string"),
        }
    }

    /// The text of a scalar. Integers are written in decimal, as hosts write them.
    fn text(&self) -> Option<String> {
        match (self.node().scalar()?, self.node().text()?) {
            (Scalar::Null, _) => None,
            (Scalar::Int(value), raw) if !raw.starts_with('+') => Some(value.to_string()),
            (_, raw) => Some(raw.into_owned()),
        }
    }

    /// A result whose error has this place, if no deeper one is set.
    fn placed<T>(&self, result: Result<T, Wrong<'a>>) -> Result<T, Wrong<'a>> {
        result.map_err(|wrong| wrong.at(&self.view))
    }

    fn path_of(&self, key: &str) -> String {
        match self.view.path() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }

    /// Reports a key that is not a field of the type.
    fn report_unknown(&self, key: Layer<'a>, fields: &[&str]) {
        let name = key.node.text().unwrap_or_default();
        if fields.contains(&name.as_ref()) {
            return;
        }
        let Others::Known(others) = self.others else {
            return;
        };
        if others.contains(&name.as_ref()) {
            return;
        }
        let known: Vec<&str> = fields.iter().chain(others).copied().collect();
        let help = match did_you_mean(&name, known.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("known here: {}", known.join(", ")),
        };
        let path = self.path_of(&name);
        self.faults.borrow_mut().push(Fault {
            id: UNKNOWN_OR_MISSING,
            message: format!("unknown field `{name}`"),
            help: Some(help),
            layer: Some(key),
            path,
        });
    }
}

/// The scalar that a string would be in YAML, for layers that can contain only strings.
fn from_text(text: Cow<'_, str>) -> Scalar<'_> {
    match text.as_ref() {
        "true" => Scalar::Bool(true),
        "false" => Scalar::Bool(false),
        digits => digits
            .parse::<i128>()
            .map_or(Scalar::Text(text), Scalar::Int),
    }
}

/// Integers of all widths are read as `i64`; serde checks the range.
macro_rules! as_i64 {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Wrong<'a>> {
            self.deserialize_i64(visitor)
        }
    )*};
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
        self.placed(value)
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
                self.placed(visitor.visit_i64(value as i64))
            }
            _ => self.wrong("a whole number"),
        }
    }

    fn deserialize_str<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Wrong<'a>> {
        self.placed(visitor.visit_str(&*self.string()?))
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
            Some(text) => self.placed(visitor.visit_str(&text)),
            None => self.wrong("a single value"),
        }
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Wrong<'a>> {
        if !self.node().is_sequence() {
            return self.wrong("a list");
        }
        let items = self.view.items().into_iter();
        self.placed(visitor.visit_seq(Items {
            items,
            decoder: &self,
        }))
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Wrong<'a>> {
        self.placed(visitor.visit_map(Entries {
            keys: self.keys(None)?,
            value: None,
            fields: None,
            decoder: &self,
        }))
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong<'a>> {
        self.placed(visitor.visit_map(Entries {
            keys: self.keys(Some(fields))?,
            value: None,
            fields: Some(fields),
            decoder: &self,
        }))
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong<'a>> {
        let variant: StringDeserializer<Wrong<'a>> = self.variant(variants)?.into_deserializer();
        visitor.visit_enum(variant)
    }

    as_i64! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
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
    keys: std::vec::IntoIter<Layer<'a>>,
    value: Option<View<'a>>,
    fields: Option<&'static [&'static str]>,
    decoder: &'d Decoder<'a, 'f>,
}

impl<'a> MapAccess<'a> for Entries<'a, '_, '_> {
    type Error = Wrong<'a>;

    fn next_key_seed<K: DeserializeSeed<'a>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Wrong<'a>> {
        let Some(name) = self.next_name()? else {
            return Ok(None);
        };
        let name: StringDeserializer<Wrong<'a>> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Wrong<'a>> {
        let Some(view) = self.value.take() else {
            return Err(Wrong::custom("a value without a key"));
        };
        seed.deserialize(self.decoder.below(view.clone()))
            .map_err(|wrong| wrong.at(&view))
    }
}

impl<'a> Entries<'a, '_, '_> {
    /// The next known key that has a value. Unknown keys are already reported.
    #[inline(never)]
    fn next_name(&mut self) -> Result<Option<String>, Wrong<'a>> {
        for Layer { node: key, .. } in self.keys.by_ref() {
            let Some(name) = key.text() else {
                let mut wrong: Wrong<'a> = Wrong::custom("a key must be a string");
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
                // A section that is a map also has `mode` and `modes`.
                continue;
            }
            // A null in the deciding layer is the same as an absent key.
            let Some(view) = self.decoder.view.get(&name) else {
                continue;
            };
            self.value = Some(view);
            return Ok(Some(name.into_owned()));
        }
        Ok(None)
    }
}
