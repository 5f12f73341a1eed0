//! The texts of the tables. `build.rs` compresses them to a sixth of their size. A run that needs none does not decompress them.

use std::sync::OnceLock;

/// A text that is decompressed when it is read first.
pub(super) struct Text {
    compressed: &'static [u8],
    text: OnceLock<String>,
}

impl Text {
    pub(super) const fn new(compressed: &'static [u8]) -> Text {
        Text {
            compressed,
            text: OnceLock::new(),
        }
    }

    /// What is before the blocks that begin with `type: `, and the blocks.
    pub(super) fn blocks(&'static self) -> (&'static str, Vec<&'static str>) {
        const START: &[u8] = b"\ntype: ";
        let text = self.get();
        let starts: Vec<usize> = memchr::memmem::find_iter(text.as_bytes(), START).collect();
        let until = |at: usize| starts.get(at).copied().unwrap_or(text.len());
        let block = |(at, start): (usize, &usize)| &text[start + START.len()..until(at + 1)];
        let blocks = starts.iter().enumerate().map(block);
        (&text[..until(0)], blocks.collect())
    }

    /// The tests of both tables read every line, so it is never empty.
    pub(super) fn get(&'static self) -> &'static str {
        self.text.get_or_init(|| {
            let bytes = miniz_oxide::inflate::decompress_to_vec(self.compressed);
            String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
        })
    }
}
