//! The texts of the tables. `build.rs` compresses them to a sixth of their size, and whoever needs none does not wait for them.

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

    /// The tests of both tables read every line, so it is never empty.
    pub(super) fn get(&'static self) -> &'static str {
        self.text.get_or_init(|| {
            let bytes = miniz_oxide::inflate::decompress_to_vec(self.compressed);
            String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
        })
    }
}
