//! The order of edits within a mapping.

use super::{Change, Edits};

impl Edits<'_> {
    /// Sorts the edits from `since` on by leaf within the mapping of each part whose path begins with `mapping`, in the
    /// order that the API server prints. An edit that comes too late moves before the next one of its mapping.
    pub fn sort_names(&mut self, since: usize, mapping: &str) {
        let end = self.changes.len() - since;
        let first = since - self.first_of_resource;
        // A list of the edits; its end is the last entry.
        let mut next: Vec<usize> = Vec::new();
        let mut before: Vec<usize> = Vec::new();
        for (at, change) in self.changes[since..].iter().enumerate() {
            let mut place = end;
            if change.leaf.as_str().starts_with(mapping) {
                // A mapping has few fields. Of those that belong behind this one, the first: they are given from the last.
                let earlier = self.by_part.before(first + at);
                let earlier = earlier.take_while(|it| *it >= first);
                let earlier = earlier.map(|it| (it - first, self.of_object()[it].leaf.as_str()));
                let later = earlier
                    .filter(|(_, leaf)| *leaf > change.leaf.as_str() && leaf.starts_with(mapping));
                let first = later.reduce(|a, b| if b.1 <= a.1 { b } else { a });
                place = first.map_or(end, |(at, _)| at);
            }
            if place != end && next.is_empty() {
                // Up to here they were in order.
                next = (1..=at).chain([0]).collect();
                next[at - 1] = end;
                next.resize(end + 1, 0);
                next[end] = 0;
                before = (0..at).map(|it| it.checked_sub(1).unwrap_or(end)).collect();
                before.resize(end + 1, 0);
                before[end] = at - 1;
            }
            if !next.is_empty() {
                let previous = before[place];
                (next[at], before[at]) = (place, previous);
                (next[previous], before[place]) = (at, at);
            }
        }
        if next.is_empty() {
            return;
        }
        let mut sorted: Vec<Option<Change>> = self.changes.drain(since..).map(Some).collect();
        self.by_part.truncate(first);
        let order = std::iter::successors(Some(next[end]), |at| Some(next[*at]));
        for at in order.take(end) {
            if let Some(change) = sorted[at].take() {
                self.push(change);
            }
        }
    }
}
