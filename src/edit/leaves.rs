//! The leaves of edits below their part. Most of these are a few that every part has, so edits share their paths.

use std::sync::Arc;

use jsonptr::{Pointer, PointerBuf};

use super::can_stop;
use crate::objects::below;
use crate::yaml::{Value, are_same, digest};

/// The leaves of recent edits.
#[derive(Debug, Default)]
pub(super) struct Leaves(Vec<Option<Leaf>>);

/// A leaf below its part.
#[derive(Debug)]
pub(super) struct Leaf {
    tokens: Vec<String>,
    /// Its path.
    pub(super) path: Arc<PointerBuf>,
    /// Whether an edit of it can stop a program.
    pub(super) can_stop: bool,
    /// The value of the last edit.
    value: Option<Arc<Value>>,
}

impl Leaves {
    /// A power of two; more than the sections have leaves with different names.
    const SLOTS: usize = 256;

    /// The leaf of a field.
    pub(super) fn of(&mut self, field: &[&str]) -> &mut Leaf {
        if self.0.is_empty() {
            self.0.resize_with(Leaves::SLOTS, || None);
        }
        let digests = field.iter().map(|token| digest(token.as_bytes()));
        let all = digests.fold(0, |all: u32, it| {
            (all ^ u32::from(it)).wrapping_mul(0x9e37_79b1)
        });
        let slot = &mut self.0[(all >> 16) as usize % Leaves::SLOTS];
        let known = slot.take().filter(|it| it.is_of(field));
        slot.insert(known.unwrap_or_else(|| Leaf {
            tokens: field.iter().map(|token| (*token).to_owned()).collect(),
            path: Arc::new(leaf_of(field)),
            can_stop: can_stop(field),
            value: None,
        }))
    }
}

impl Leaf {
    /// The value, which edits that follow each other share if it is the same.
    pub(super) fn shared(&mut self, value: Arc<Value>) -> Arc<Value> {
        let is_same = |last: &Arc<Value>| Arc::ptr_eq(last, &value) || last.is_written_as(&value);
        let last = self.value.take().filter(is_same);
        Arc::clone(self.value.insert(last.unwrap_or(value)))
    }

    fn is_of(&self, field: &[&str]) -> bool {
        let mut tokens = self.tokens.iter().zip(field);
        self.tokens.len() == field.len()
            && tokens.all(|(a, b)| are_same(a.as_bytes(), b.as_bytes()))
    }
}

/// Whether this is the leaf of a field.
pub(super) fn leads_to(leaf: &Pointer, field: &[&str]) -> bool {
    let leaf_text = leaf.as_str().as_bytes();
    let length: usize = field.iter().map(|token| 1 + token.len()).sum();
    if leaf_text.len() != length {
        // Escaped characters make a text longer than the tokens are.
        return leaf_text.len() > length
            && memchr::memchr(b'~', leaf_text).is_some()
            && *leaf == *leaf_of(field);
    }
    let mut rest = leaf_text;
    field.iter().all(|token| {
        let (own, behind) = rest.split_at(1 + token.len());
        rest = behind;
        // The slash in a token is one that the text has escaped.
        own[0] == b'/'
            && are_same(&own[1..], token.as_bytes())
            && memchr::memchr2(b'~', b'/', token.as_bytes()).is_none()
    })
}

pub(super) fn leaf_of(field: &[&str]) -> PointerBuf {
    below(Pointer::root(), field.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_that_of_its_field_whatever_came_before() {
        let mut leaves = Leaves::default();
        for _ in 0..2 {
            for number in 0..300 {
                let name = format!("a/{number}~b");
                for field in [&["x", &name][..], &[&name], &["x", "y", &name], &[]] {
                    assert_eq!(
                        *leaves.of(field).path,
                        PointerBuf::from_tokens(field.iter().copied())
                    );
                }
            }
        }
    }
}
