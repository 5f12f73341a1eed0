//! Maps whose hash is several times cheaper than that of the standard library. Its seed differs from run to run, so a manifest
//! cannot have keys with one hash by design. And a hash for what other runs compare.

/// A map.
pub type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

/// A set.
pub type HashSet<K> = std::collections::HashSet<K, foldhash::fast::RandomState>;

/// The FNV-1a hash of nothing.
pub const FNV1A: u64 = 0xcbf2_9ce4_8422_2325;

/// Continues an FNV-1a hash: it is short, and the same on every machine and in every version.
#[must_use]
pub fn fnv1a(hash: u64, bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(hash, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
