//! The edits of each part of an object.

use std::cmp::Ordering;

use crate::hashing::HashMap;

/// The edits of each part of an object, as lists that begin with the last one.
#[derive(Debug, Default)]
pub(super) struct ByPart {
    /// The number of the last edit of each part, from 1; 0 for none.
    last: Vec<(usize, usize)>,
    /// The places of parts in `last`, once these are many.
    places: HashMap<usize, usize>,
    /// For each edit of the object, the number of the one before it of the same part.
    before: Vec<usize>,
}

impl ByPart {
    /// So many parts are searched one by one.
    const FEW: usize = 16;

    pub(super) fn clear(&mut self) {
        self.last.clear();
        self.places.clear();
        self.before.clear();
    }

    fn place(&self, part: usize) -> Option<usize> {
        match self.last.len() <= ByPart::FEW {
            true => self.last.iter().rposition(|(it, _)| *it == part),
            false => self.places.get(&part).copied(),
        }
    }

    pub(super) fn push(&mut self, part: usize) {
        let place = self.place(part).unwrap_or_else(|| {
            let new = self.last.len();
            self.last.push((part, 0));
            // From one more than a few on, the map has all of them.
            let first = match new.cmp(&ByPart::FEW) {
                Ordering::Less => new + 1,
                Ordering::Equal => 0,
                Ordering::Greater => new,
            };
            let unknown = self.last.iter().enumerate().skip(first);
            self.places
                .extend(unknown.map(|(at, (part, _))| (*part, at)));
            new
        });
        let last = &mut self.last[place].1;
        self.before
            .push(std::mem::replace(last, self.before.len() + 1));
    }

    /// Forgets the edits of the object behind the first ones.
    pub(super) fn truncate(&mut self, edits: usize) {
        for (_, last) in &mut self.last {
            while *last > edits {
                *last = self.before[*last - 1];
            }
        }
        self.before.truncate(edits);
    }

    /// The edits of a part, from the last, by their place among those of the object.
    pub(super) fn of(&self, part: usize) -> impl Iterator<Item = usize> {
        self.up_to(self.place(part).map_or(0, |place| self.last[place].1))
    }

    /// The edits of the same part before an edit, from the last.
    pub(super) fn before(&self, edit: usize) -> impl Iterator<Item = usize> {
        self.up_to(self.before[edit])
    }

    fn up_to(&self, mut number: usize) -> impl Iterator<Item = usize> {
        std::iter::from_fn(move || {
            let at = number.checked_sub(1)?;
            number = self.before[at];
            Some(at)
        })
    }
}
