//! The values of scalars, as Kubernetes reads them.

use super::{Node, core_tag};
use crate::yaml::decode;
use crate::yaml::scalar::{self, Scalar};
use crate::yaml::tree::{KEY, Kind, NONE};
use std::borrow::Cow;

impl<'a> Node<'a> {
    /// The content of a scalar whatever its type (`1e3` gives "1e3", `~` gives "~"); none for a
    /// collection.
    #[must_use]
    pub fn text(self) -> Option<Cow<'a, str>> {
        if self.data().has(KEY) {
            return Some(Cow::Borrowed(self.raw()));
        }
        let node = self.alias_target();
        match node.kind() {
            kind @ (Kind::Empty | Kind::Plain | Kind::Single | Kind::Double) => {
                Some(decode::flow_scalar(kind, node.raw()))
            }
            kind @ (Kind::Literal | Kind::Folded) => {
                Some(decode::block_scalar(kind, node.raw(), node.parent_column()).into())
            }
            _ => None,
        }
    }

    /// Column of the collection around this node, in characters from 0.
    fn parent_column(self) -> usize {
        match self.data().parent {
            NONE => 0,
            parent => self
                .stream
                .column(self.stream.tree.at(parent).start as usize),
        }
    }

    /// The value of a scalar; none for a collection.
    #[must_use]
    pub fn scalar(self) -> Option<Scalar<'a>> {
        let node = self.alias_target();
        if node.kind() == Kind::Plain && !node.has_properties() {
            match node.raw().as_bytes() {
                b"true" => return Some(Scalar::Bool(true)),
                b"false" => return Some(Scalar::Bool(false)),
                [first @ b'1'..=b'9', rest @ ..]
                    if rest.len() < 9 && rest.iter().all(u8::is_ascii_digit) =>
                {
                    let digit = |c: &u8| i64::from(c - b'0');
                    let value = rest.iter().fold(digit(first), |n, c| n * 10 + digit(c));
                    return Some(Scalar::Int(value.into()));
                }
                _ => {}
            }
        }
        let text = node.text()?;
        let Some(tag) = node.tag() else {
            let plain = matches!(node.kind(), Kind::Plain | Kind::Empty);
            return Some(if plain {
                scalar::resolve(text)
            } else {
                Scalar::Text(text)
            });
        };
        Some(match core_tag(tag) {
            Some(name) => scalar::resolve_as(name, text),
            // `! 1` and `!Custom 1` are strings.
            None => Scalar::Text(text),
        })
    }

    /// The text of a string; none for other scalars and for collections.
    #[must_use]
    pub fn str(self) -> Option<Cow<'a, str>> {
        match self.scalar() {
            Some(Scalar::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether this is a string for certain, as most strings are, without a look at all of its text.
    #[must_use]
    #[inline]
    pub fn is_certain_string(self) -> bool {
        match self.data().kind {
            _ if self.has_properties() => false,
            Kind::Plain => scalar::is_certain_string(self.raw().as_bytes()),
            Kind::Single | Kind::Double | Kind::Literal | Kind::Folded => true,
            _ => false,
        }
    }

    /// The text of a scalar on one line that is a string for certain and written as it is: most keys and names.
    /// `None` for any other. Plain text of several lines is given with its line breaks.
    #[must_use]
    #[inline]
    pub fn certain_string(self) -> Option<&'a str> {
        let raw = self.raw();
        match self.data().kind {
            _ if self.has_properties() => None,
            Kind::Plain => scalar::is_certain_string(raw.as_bytes()).then_some(raw),
            Kind::Single | Kind::Double => {
                let body = raw.get(1..raw.len().saturating_sub(1))?;
                let escapes = memchr::memchr3(b'\\', b'\'', b'\n', body.as_bytes());
                escapes.is_none().then_some(body)
            }
            _ => None,
        }
    }

    /// The value of a boolean, in any spelling of YAML 1.1: `True`, `yes` and `on` are true to
    /// Kubernetes, and `"true"` is a string.
    #[must_use]
    pub fn bool(self) -> Option<bool> {
        match self.scalar() {
            Some(Scalar::Bool(value)) => Some(value),
            _ => None,
        }
    }

    /// The value of a whole number that `T` can hold. `1000.0` is 1000, as the API server takes it.
    #[must_use]
    pub fn int<T: TryFrom<i128>>(self) -> Option<T> {
        let value = match self.scalar()? {
            Scalar::Int(value) => value,
            Scalar::Float(value) if value.fract() == 0.0 => value as i128,
            _ => return None,
        };
        T::try_from(value).ok()
    }
}
