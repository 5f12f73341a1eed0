//! The paths of leaves below their part. Most of these are a few paths that every part has, so edits share them.

use std::sync::Arc;

use jsonptr::{Pointer, PointerBuf};

use crate::objects::below;
use crate::yaml::{are_same, digest};

/// The paths of recent edits.
#[derive(Debug, Default)]
pub(super) struct Leaves(Vec<Option<Arc<PointerBuf>>>);

impl Leaves {
    /// A power of two; more than the sections have leaves with different names.
    const SLOTS: usize = 128;

    /// The path of a field.
    pub(super) fn of(&mut self, field: &[&str]) -> Arc<PointerBuf> {
        if self.0.is_empty() {
            self.0.resize(Leaves::SLOTS, None);
        }
        let digests = field
            .iter()
            .map(|token| usize::from(digest(token.as_bytes())));
        let slot = digests.fold(0, |sum, it| sum * 3 + it) % Leaves::SLOTS;
        match &mut self.0[slot] {
            Some(known) if leads_to(known, field) => Arc::clone(known),
            slot => Arc::clone(slot.insert(Arc::new(leaf_of(field)))),
        }
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
                        *leaves.of(field),
                        PointerBuf::from_tokens(field.iter().copied())
                    );
                }
            }
        }
    }
}
