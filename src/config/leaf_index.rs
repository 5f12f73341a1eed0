//! Exempt leaves by their paths. An author can name very many, so they are not compared one by one.

use std::hash::{Hash, Hasher};

use crate::hashing::{FNV1A, HashMap, fnv1a};

/// The exempt leaves of a section, and paths above leaves, each with the first exemption that names it.
#[derive(Clone, Debug)]
pub struct LeafIndex {
    by_path: HashMap<String, usize>,
    /// How long the paths are, ascending.
    lengths: Vec<usize>,
    /// Of what was added. Containers share merged sections, which are found by their exempt leaves.
    hash: u64,
}

impl Default for LeafIndex {
    fn default() -> LeafIndex {
        LeafIndex {
            by_path: HashMap::default(),
            lengths: Vec::new(),
            hash: FNV1A,
        }
    }
}

impl LeafIndex {
    /// Adds a path that an exemption names. Exemptions are added in their order.
    pub fn add(&mut self, path: &str, exemption: usize) {
        if self.by_path.contains_key(path) {
            return;
        }
        self.by_path.insert(path.to_owned(), exemption);
        if let Err(at) = self.lengths.binary_search(&path.len()) {
            self.lengths.insert(at, path.len());
        }
        self.hash = fnv1a(self.hash, path.bytes());
        self.hash = fnv1a(self.hash, exemption.to_le_bytes());
    }

    /// The first exemption that covers a leaf: its path is that of the leaf or of a field above it.
    pub fn first(&self, leaf: &str) -> Option<usize> {
        let lengths = self.lengths.iter();
        let lengths = lengths.take_while(|length| **length <= leaf.len());
        let found = lengths.filter_map(|length| {
            let (path, rest) = leaf.split_at_checked(*length)?;
            let is_above = rest.is_empty() || rest.starts_with('.');
            self.by_path.get(path).filter(|_| is_above)
        });
        found.min().copied()
    }
}

impl PartialEq for LeafIndex {
    fn eq(&self, other: &LeafIndex) -> bool {
        self.hash == other.hash && self.by_path == other.by_path
    }
}

impl Eq for LeafIndex {}

impl Hash for LeafIndex {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

#[cfg(test)]
mod tests {
    use super::LeafIndex;
    use crate::config::covers;

    #[test]
    fn the_first_exemption_that_covers_a_leaf_is_found() {
        let paths = [
            "limits.cpu", "extra.a.b", "extra.a", "limits.cpu", "extra", "limits", "ext", "é",
        ];
        let mut index = LeafIndex::default();
        for (exemption, path) in paths.into_iter().enumerate() {
            index.add(path, exemption);
        }
        for leaf in [
            "limits.cpu", "limits.memory", "limits", "limit", "limitsé", "extra.a.b.c", "extra.b",
            "extras", "é.a", "", ".",
        ] {
            let first = paths.iter().position(|path| covers(path, leaf));
            assert_eq!(index.first(leaf), first, "{leaf}");
        }
    }
}
