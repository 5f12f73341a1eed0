//! Reads files that the user has not named.

use std::path::Path;

use fitout::yaml::Stream;

/// The size of the largest file that is read, as of manifests. Files of the kernel can say that they are larger.
const MAX_SIZE: u64 = u32::MAX as u64;

/// Reads a regular file of an ordinary size: a device or a FIFO would block, and the files of the kernel have no size.
pub(in crate::cli) fn read(file: &Path) -> Option<Stream> {
    Stream::from_bytes(bytes(file)?).ok()
}

/// The text of such a file.
pub(in crate::cli) fn read_text(file: &Path) -> Option<String> {
    String::from_utf8(bytes(file)?).ok()
}

fn bytes(file: &Path) -> Option<Vec<u8>> {
    let metadata = file.metadata().ok()?;
    let is_ordinary = metadata.is_file() && (1..=MAX_SIZE).contains(&metadata.len());
    is_ordinary.then(|| std::fs::read(file).ok())?
}
