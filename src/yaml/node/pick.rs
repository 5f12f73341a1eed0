//! Several values of a map, found in one walk over its entries.

use super::Node;
use crate::yaml::tree::{are_same, digest};

/// Keys to look up together.
#[derive(Debug)]
pub struct Keys<const N: usize> {
    keys: [&'static str; N],
    digests: [u16; N],
}

impl<const N: usize> Keys<N> {
    /// The keys, in the order of the values that [`Node::pick`] gives.
    #[must_use]
    pub const fn new(keys: [&'static str; N]) -> Keys<N> {
        let mut digests = [0; N];
        let mut at = 0;
        while at < N {
            digests[at] = digest(keys[at].as_bytes());
            at += 1;
        }
        Keys { keys, digests }
    }

    /// The keys themselves.
    #[must_use]
    pub fn as_array(&self) -> [&'static str; N] {
        self.keys
    }

    /// Where a key is among them.
    #[must_use]
    pub fn position(&self, key: &str) -> Option<usize> {
        self.position_of(digest(key.as_bytes()), key.as_bytes())
    }

    #[inline]
    fn position_of(&self, digest: u16, key: &[u8]) -> Option<usize> {
        let mut keys = self.digests.iter().zip(self.keys);
        keys.position(|(own, name)| *own == digest && are_same(name.as_bytes(), key))
    }
}

impl<'a> Node<'a> {
    /// The values of keys, each as [`Node::get`] gives it.
    #[must_use]
    pub fn pick<const N: usize>(self, keys: &Keys<N>) -> [Option<Node<'a>>; N] {
        let mut values = [None; N];
        for (key, value) in self.entries() {
            let at = match key.digested() {
                Some((digest, key)) => keys.position_of(digest, key),
                None => key.text().and_then(|key| keys.position(&key)),
            };
            if let Some(at) = at {
                values[at].get_or_insert(value);
            }
        }
        values
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
