//! Large collections by key and by index, and columns in long lines.
//!
//! The children of a collection are a linked list. That is the fastest for the few that most have, but a look-up of
//! every one of many would take quadratic time. So all large collections of a stream are indexed on the first look-up
//! that passes [`FEW`] children.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use super::Stream;
use super::node::Node;

/// Up to this many children are searched one by one.
pub(super) const FEW: usize = 32;

/// The large collections of a stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Wide {
    hasher: RandomState,
    /// The items of sequences.
    items: HashMap<u32, Vec<u32>>,
    /// The hashes and nodes of the keys of maps, in order.
    keys: HashMap<u32, Vec<(u64, u32)>>,
}

impl Wide {
    pub(super) fn of(stream: &Stream) -> Wide {
        let mut wide = Wide::default();
        let tree = &stream.tree;
        for id in 0..tree.nodes.len() as u32 {
            if tree.children(id).nth(FEW).is_none() {
                continue;
            }
            if tree.at(id).kind.is_map() {
                let keys = tree.entries(id).map(|(key, _)| key);
                let hash = |key| {
                    wide.hasher
                        .hash_one(Node::new(stream, key).text().as_deref())
                };
                let mut keys: Vec<(u64, u32)> = keys.map(|key| (hash(key), key)).collect();
                keys.sort_unstable();
                wide.keys.insert(id, keys);
            } else {
                wide.items.insert(id, tree.children(id).collect());
            }
        }
        wide
    }

    /// The keys of a large map that may be this one.
    pub(super) fn keys(&self, map: u32, key: &str) -> impl Iterator<Item = u32> {
        let hash = self.hasher.hash_one(Some(key));
        let keys = self.keys.get(&map).map_or(&[][..], Vec::as_slice);
        let first = keys.partition_point(|(it, _)| *it < hash);
        let same = keys[first..].iter().take_while(move |(it, _)| *it == hash);
        same.map(|(_, key)| *key)
    }

    /// An item of a large sequence.
    pub(super) fn item(&self, sequence: u32, index: usize) -> Option<u32> {
        self.items.get(&sequence)?.get(index).copied()
    }
}

/// The characters of a text, counted up to the start of each block of bytes.
#[derive(Clone, Debug)]
pub(super) struct Characters(Vec<u32>);

impl Characters {
    const BLOCK: usize = 512;

    pub(super) fn of(text: &str) -> Characters {
        let mut count = 0;
        let blocks = text.as_bytes().chunks(Characters::BLOCK).map(|block| {
            let before = count;
            count += starts(block);
            before
        });
        Characters(blocks.collect())
    }

    /// The characters before an offset.
    fn before(&self, text: &str, offset: usize) -> u32 {
        let block = offset / Characters::BLOCK;
        let rest = &text.as_bytes()[block * Characters::BLOCK..offset];
        // An offset at the end may be behind the last block.
        match self.0.get(block) {
            Some(count) => count + starts(rest),
            None => block.checked_sub(1).map_or(0, |last| {
                let last_block = &text.as_bytes()[last * Characters::BLOCK..offset];
                self.0.get(last).copied().unwrap_or_default() + starts(last_block)
            }),
        }
    }

    /// The characters of a part of the text.
    pub(super) fn between(&self, text: &str, start: usize, end: usize) -> usize {
        (self.before(text, end) - self.before(text, start)) as usize
    }
}

/// The bytes that begin a character.
fn starts(bytes: &[u8]) -> u32 {
    bytes.iter().filter(|byte| **byte as i8 >= -0x40).count() as u32
}
