//! Reading a whole value, with aliases and merges expanded.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::Node;
use super::scalar::Scalar;
use super::tree::Kind;
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
        let mut entries: Vec<(String, Value)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut merge = None;
        for (key, value) in self.entries() {
            if key.kind() == Kind::Plain && key.raw() == "<<" {
                merge = Some(value);
                continue;
            }
            let value = value.expand(budget, level + 1)?;
            insert(&mut entries, &mut places, key.key_text(), value, true);
        }
        let maps: Vec<Node<'a>> = match merge {
            Some(list) if list.is_sequence() => list.items().collect(),
            Some(map) => Vec::from([map]),
            None => Vec::new(),
        };
        for map in maps {
            if let Value::Mapping(merged) = map.expand(budget, level + 1)? {
                for (key, value) in merged {
                    insert(&mut entries, &mut places, key, value, false);
                }
            }
        }
        Ok(Value::Mapping(entries))
    }

    fn key_text(self) -> String {
        self.text()
            .map_or_else(|| self.raw().to_string(), Cow::into_owned)
    }
}

/// `key` set to `value` in order of first appearance; a later one wins only if `replace`.
fn insert(
    entries: &mut Vec<(String, Value)>,
    places: &mut HashMap<String, usize>,
    key: String,
    value: Value,
    replace: bool,
) {
    match places.entry(key) {
        Entry::Occupied(place) if replace => entries[*place.get()].1 = value,
        Entry::Occupied(_) => {}
        Entry::Vacant(place) => {
            entries.push((place.key().clone(), value));
            place.insert(entries.len() - 1);
        }
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
