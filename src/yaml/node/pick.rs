//! Several values of a map, found in one walk over its entries.

use super::Node;
use crate::yaml::tree::{are_same, digest};

/// How many places a table of keys has: a power of two, of which half stay empty.
const PLACES: usize = 64;

/// Keys to look up together, whatever their number.
#[derive(Clone, Copy, Debug)]
pub struct Table<'k> {
    /// The keys themselves.
    pub keys: &'k [&'static str],
    places: &'k [(u16, u8); PLACES],
}

impl Table<'_> {
    /// Where a key is among them.
    #[must_use]
    pub fn position(self, key: &str) -> Option<usize> {
        self.position_of(digest(key.as_bytes()), key.as_bytes())
    }

    #[inline]
    fn position_of(self, digest: u16, key: &[u8]) -> Option<usize> {
        let mut place = usize::from(digest) % PLACES;
        loop {
            let (own, number) = self.places[place];
            let at = usize::from(number).checked_sub(1)?;
            if own == digest && are_same(self.keys[at].as_bytes(), key) {
                return Some(at);
            }
            place = (place + 1) % PLACES;
        }
    }
}

/// Keys to look up together.
#[derive(Debug)]
pub struct Keys<const N: usize> {
    keys: [&'static str; N],
    /// The digests of keys, each with its number from 1, by the digest; the next place with a 0 ends a search.
    places: [(u16, u8); PLACES],
}

impl<const N: usize> Keys<N> {
    /// The keys, in the order of the values that [`Node::pick`] gives.
    #[must_use]
    pub const fn new(keys: [&'static str; N]) -> Keys<N> {
        const { assert!(N <= PLACES / 2) };
        let mut places = [(0, 0); PLACES];
        let mut at = 0;
        while at < N {
            let digest = digest(keys[at].as_bytes());
            let mut place = digest as usize % PLACES;
            while places[place].1 != 0 {
                place = (place + 1) % PLACES;
            }
            at += 1;
            places[place] = (digest, at as u8);
        }
        Keys { keys, places }
    }

    /// The keys themselves.
    #[must_use]
    pub fn as_array(&self) -> [&'static str; N] {
        self.keys
    }

    /// The keys without their number, for code that is there once for all.
    #[must_use]
    pub fn table(&self) -> Table<'_> {
        Table {
            keys: &self.keys,
            places: &self.places,
        }
    }
}

impl<'a> Node<'a> {
    /// The values of keys, each as [`Node::get`] gives it.
    #[must_use]
    pub fn pick<const N: usize>(self, keys: &Keys<N>) -> [Option<Node<'a>>; N] {
        let mut values = [None; N];
        self.each_of(keys.table(), |at, value| values[at] = Some(value));
        values
    }

    /// Calls `found` with the place of each key that the map has, and its value.
    #[inline]
    pub fn each_of(self, keys: Table<'_>, mut found: impl FnMut(usize, Node<'a>)) {
        let mut known = [false; PLACES];
        for (key, value) in self.entries() {
            let at = match key.digested() {
                Some((digest, key)) => keys.position_of(digest, key),
                None => key.text().and_then(|key| keys.position(&key)),
            };
            // Of several, the first one counts.
            if let Some(at) = at
                && !std::mem::replace(&mut known[at], true)
            {
                found(at, value);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::yaml::Stream;

    #[test]
    fn the_values_are_those_of_get() {
        const KEYS: Keys<6> = Keys::new(["a", "long name", "quoted", "lines", "absent", "merged"]);
        let text = "\
base: &base {merged: 1, a: 2}
map:
  <<: *base
  a: 3
  'quoted': 4
  \"lines\": [5]
  long name: &own {b: 6}
flow: {<<: {a: 8, merged: ~}, a: 7, 'quoted': 9}
none: text
";
        let stream = Stream::parse(text.to_owned()).unwrap();
        let root = stream.documents().next().unwrap().root();
        for name in ["base", "map", "flow", "none"] {
            let map = root.get(name).unwrap();
            let picked = map.pick(&KEYS).map(|it| it.map(Node::id));
            let got = KEYS.as_array().map(|key| map.get(key).map(Node::id));
            assert_eq!(picked, got, "{name}");
        }
    }
}
