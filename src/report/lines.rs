//! Lines and columns in a text.

use super::FileText;

/// A text with the starts of its lines.
pub(super) struct File<'d> {
    pub(super) text: &'d FileText<'d>,
    starts: Vec<usize>,
    /// The number of characters before each block of the text: a line can be as long as the text.
    before_block: Vec<usize>,
}

/// The bytes of a block.
const BLOCK: usize = 1 << 12;

impl<'d> File<'d> {
    pub(super) fn of(text: &'d FileText<'d>) -> File<'d> {
        let bytes = text.before.as_bytes();
        let ends = memchr::memchr_iter(b'\n', bytes);
        let mut so_far = 0;
        let blocks = bytes.chunks(BLOCK).map(|block| {
            let before = so_far;
            so_far += characters(block);
            before
        });
        File {
            before_block: blocks.collect(),
            starts: std::iter::once(0).chain(ends.map(|at| at + 1)).collect(),
            text,
        }
    }

    /// The line and the column of a byte, from 1; columns count characters.
    pub(super) fn position(&self, at: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= at).max(1);
        let start = self.starts[line - 1];
        (line, self.characters(at) - self.characters(start) + 1)
    }

    /// The number of characters before a byte.
    fn characters(&self, at: usize) -> usize {
        let block = (at / BLOCK).min(self.before_block.len().saturating_sub(1));
        let before = self.before_block.get(block).copied().unwrap_or_default();
        before + characters(&self.text.before.as_bytes()[block * BLOCK..at])
    }
}

/// The characters that begin in these bytes.
fn characters(bytes: &[u8]) -> usize {
    let begins = |byte: &&u8| !matches!(byte, 0x80..=0xbf);
    bytes.iter().filter(begins).count()
}
