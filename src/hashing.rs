//! Maps whose hash is several times cheaper than that of the standard library. Its seed differs from run to run, so a manifest
//! cannot have keys with one hash by design. And a hash for what other runs compare.

use crate::yaml::{are_same, digest};

/// A map.
pub type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

/// A set.
pub type HashSet<K> = std::collections::HashSet<K, foldhash::fast::RandomState>;

/// A text as a part of a key, for texts that are mostly the same ones: musl compares texts byte by byte.
#[derive(Clone, Copy, Debug, Eq, Hash)]
pub struct Same<'t>(pub &'t str);

impl PartialEq for Same<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0) || are_same(self.0.as_bytes(), other.0.as_bytes())
    }
}

/// Values by texts, most of which are few and short. Their digests tell them apart, and musl compares texts byte by byte.
#[derive(Debug)]
pub struct ByText<V>(HashMap<u16, Vec<(String, V)>>);

impl<V> Default for ByText<V> {
    fn default() -> ByText<V> {
        ByText(HashMap::default())
    }
}

impl<V> ByText<V> {
    /// The value of a text.
    pub fn get(&self, text: &str) -> Option<&V> {
        let values = self.0.get(&digest(text.as_bytes()))?;
        let mut values = values.iter();
        let value = values.find(|(other, _)| are_same(other.as_bytes(), text.as_bytes()));
        value.map(|(_, value)| value)
    }

    /// Adds the value of a text that has none.
    pub fn add(&mut self, text: &str, value: V) {
        let values = self.0.entry(digest(text.as_bytes())).or_default();
        values.push((text.to_owned(), value));
    }
}

/// The FNV-1a hash of nothing.
pub const FNV1A: u64 = 0xcbf2_9ce4_8422_2325;

/// Continues an FNV-1a hash: it is short, and the same on every machine and in every version.
#[must_use]
pub fn fnv1a(hash: u64, bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(hash, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
