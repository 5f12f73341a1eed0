//! Texts that `build.rs` compresses, to between a third and a sixth of their size; their lengths come first. A run that needs none
//! decompresses none.

use std::sync::OnceLock;

use miniz_oxide::inflate::decompress_slice_iter_to_slice;

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
            let Some((length, compressed)) = self.compressed.split_first_chunk() else {
                return String::new();
            };
            let mut bytes = vec![0; u32::from_le_bytes(*length) as usize];
            let parts = std::iter::once(compressed);
            let length = decompress_slice_iter_to_slice(&mut bytes, parts, false, true);
            match length {
                Ok(length) if length == bytes.len() => String::from_utf8(bytes).unwrap_or_default(),
                _ => String::new(),
            }
        })
    }
}
