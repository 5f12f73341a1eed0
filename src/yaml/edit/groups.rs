//! Numbers that belong together.

use std::collections::HashMap;

/// Numbers in groups: at first each is a group of its own.
#[derive(Debug, Default)]
pub struct Groups(HashMap<u32, u32>);

impl Groups {
    /// The number that stands for the group of a number.
    pub fn of(&mut self, number: u32) -> u32 {
        let mut first = number;
        while let Some(next) = self.0.get(&first) {
            first = *next;
        }
        // The next one asks at once.
        let mut at = number;
        while at != first {
            at = self.0.insert(at, first).unwrap_or(first);
        }
        first
    }

    /// Makes the groups of two numbers one.
    pub fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.of(a), self.of(b));
        if a != b {
            self.0.insert(a.max(b), a.min(b));
        }
    }
}
