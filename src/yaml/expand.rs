//! Reading a whole value, with aliases and merges expanded.

use std::borrow::Cow;

use super::Node;
use super::scalar::Scalar;
use super::value::{TooLarge, Value};

/// Most nodes [`Node::value`] makes: an alias costs its writer four bytes and the reader a copy.
const MAX_VALUE: usize = 100_000;

/// Deepest value, as for texts: aliases can nest what no text does.
const MAX_LEVELS: usize = super::full::MAX_DEPTH;

impl<'a> Node<'a> {
    /// The whole value with aliases and merges expanded. Keys are taken by their text; a key that
    /// is a collection is given by its source.
    ///
    /// # Errors
    /// [`TooLarge`] beyond 100 000 nodes or 512 levels.
    pub fn value(self) -> Result<Value, TooLarge> {
        let mut budget = MAX_VALUE;
        self.expand(&mut budget, 0)
    }

    fn expand(self, budget: &mut usize, level: usize) -> Result<Value, TooLarge> {
        *budget = budget.checked_sub(1).ok_or(TooLarge)?;
        if level > MAX_LEVELS {
            return Err(TooLarge);
        }
        let node = self.alias_target();
        if node.kind().is_sequence() {
            let items = node.items().map(|item| item.expand(budget, level + 1));
            return Ok(Value::Sequence(items.collect::<Result<_, _>>()?));
        }
        if node.kind().is_map() {
            return node.expand_map(budget, level);
        }
        Ok(node
            .scalar()
            .map_or(Value::Null, |value| from_scalar(value, node)))
    }

    fn expand_map(self, budget: &mut usize, level: usize) -> Result<Value, TooLarge> {
        let entries = self.entries().map(|(key, value)| {
            let value = value.expand(budget, level + 1)?;
            Ok((key.key_text(), value))
        });
        Ok(Value::Mapping(entries.collect::<Result<_, _>>()?))
    }

    fn key_text(self) -> String {
        self.text()
            .map_or_else(|| self.raw().to_string(), Cow::into_owned)
    }
}

fn from_scalar(value: Scalar<'_>, node: Node<'_>) -> Value {
    let text = || node.text().unwrap_or_default().into_owned();
    match value {
        Scalar::Null => Value::Null,
        Scalar::Bool(value) => Value::Bool(value),
        Scalar::Int(value) => match (i64::try_from(value), u64::try_from(value)) {
            (Ok(value), _) => Value::Number(value.into()),
            (_, Ok(value)) => Value::Number(value.into()),
            _ => Value::String(text()),
        },
        // JSON has no infinity.
        Scalar::Float(value) => {
            serde_json::Number::from_f64(value).map_or_else(|| Value::String(text()), Value::Number)
        }
        Scalar::Text(text) => Value::String(text.into_owned()),
    }
}
