//! Texts that `build.rs` compresses, to between a third and a sixth of their size. A run that needs none decompresses none.

use std::sync::OnceLock;

/// A text that is decompressed when it is read first.
#[derive(Debug)]
pub struct Text {
    compressed: &'static [u8],
    text: OnceLock<String>,
}

impl Text {
    /// A text of the build.
    pub const fn new(compressed: &'static [u8]) -> Text {
        Text {
            compressed,
            text: OnceLock::new(),
        }
    }

    /// The text. Tests read every line of each, so it is never empty.
    pub fn get(&'static self) -> &'static str {
        self.text.get_or_init(|| {
            let bytes = miniz_oxide::inflate::decompress_to_vec(self.compressed);
            String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
        })
    }
}
