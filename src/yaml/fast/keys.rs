//! What is known about the keys of a map while it is read.

use super::{BEGINS, KEY, Key, Kind, Parser, STRING};
use crate::yaml::scalar::is_certain_string as is_string;

/// What is known about the keys of a map.
#[derive(Clone, Copy)]
pub(super) struct Keys {
    /// One of 64 bits for each key. Keys with different bits are different.
    pub(super) seen: u64,
    /// Whether two keys may be equal, or one may be no string.
    pub(super) are_unsure: u32,
    /// Whether this is a map at all.
    pub(super) are_there: u32,
}

impl Keys {
    pub(super) const NONE: Keys = Keys {
        seen: 0,
        are_unsure: 0,
        are_there: 0,
    };

    pub(super) const OF_MAP: Keys = Keys {
        are_there: 1,
        ..Keys::NONE
    };

    /// Adds a plain key.
    #[inline(always)]
    pub(super) fn add(&mut self, digest: u16, is_string: bool) {
        let seen = 1 << (digest >> 10);
        self.are_unsure |= u32::from((self.seen & seen != 0) | !is_string);
        self.seen |= seen;
    }

    /// Adds a key that is not looked at.
    pub(super) fn add_other(&mut self) {
        (self.seen, self.are_unsure) = (u64::MAX, 1);
    }
}

impl Parser<'_> {
    /// Adds the plain key from the cursor to `end`.
    #[inline(always)]
    pub(super) fn push_key(&mut self, end: usize, map: u32, keys: &mut Keys) {
        let text = &self.bytes[self.at..end];
        let digest = self.tree.push_key(self.at, text, map);
        let class = BEGINS[usize::from(self.bytes[self.at])];
        let is_string = class & STRING != 0 || class & KEY != 0 && is_string(text);
        keys.add(digest, is_string);
    }

    /// Adds a key at the cursor.
    pub(super) fn push_other_key(&mut self, key: &Key, map: u32, keys: &mut Keys) {
        if key.kind == Kind::Plain {
            return self.push_key(key.end, map, keys);
        }
        self.tree.push(key.kind, self.at, key.end, map);
        keys.add_other();
    }
}
