//! `--shard I/N`: one of N runs that share the files between them.

use std::path::Path;
use std::str::FromStr;

use fitout::hashing::{FNV1A, fnv1a};

use super::inputs::shown;

/// One of several runs, each of which reads all files and writes and reports those of its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shard {
    /// From 0.
    pub(super) index: u64,
    pub(super) count: u64,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let parts = text.split_once('/');
        let parts =
            parts.and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        match parts {
            Some((index, count)) if index < count => Ok(Shard { index, count }),
            Some((_, count @ 1..)) => Err(format!(
                "shards count from 0, as JOB_COMPLETION_INDEX does, so those of {count} are 0/{count} to {}/{count}",
                count - 1
            )),
            _ => Err("expected an index and a count, such as 0/8".to_owned()),
        }
    }
}

impl Shard {
    /// Whether a file is in the shard. It depends on nothing but its path below the folder that the arguments name, so a file
    /// that is added moves no other.
    pub(super) fn has(self, key: u64) -> bool {
        key % self.count == self.index
    }
}

/// What decides about the shard of a file.
pub(super) fn key_of(path: &Path) -> u64 {
    let mut hash = Hash::default();
    hash.add(&shown(path));
    hash.finish()
}

/// FNV-1a with a final mix: the same on every machine.
pub(super) struct Hash(u64);

impl Default for Hash {
    fn default() -> Hash {
        Hash(FNV1A)
    }
}

impl Hash {
    pub(super) fn add(&mut self, text: &str) {
        // No text has this byte, so it ends each.
        self.0 = fnv1a(self.0, text.bytes().chain([0xff]));
    }

    pub(super) fn finish(&self) -> u64 {
        let mixed = (self.0 ^ self.0 >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed ^ mixed >> 33
    }
}
