//! Maps whose hash is several times cheaper than that of the standard library. Its seed differs from run to run, so a manifest
//! cannot have keys with one hash by design.

/// A map.
pub type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

/// A set.
pub type HashSet<K> = std::collections::HashSet<K, foldhash::fast::RandomState>;
