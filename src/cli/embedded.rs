//! The texts that commands print as they are. `build.rs` compresses them.

use fitout::compressed::Text;

use super::{BUG, Failure};

/// The texts: a line for each with its name and length, an empty line, and the texts.
static TEXTS: Text = Text::new(include_bytes!(concat!(env!("OUT_DIR"), "/texts")));

/// A text, by its path in the repository.
pub(super) fn text(path: &str) -> Result<String, Failure> {
    find(path).ok_or_else(|| Failure::new(BUG, format_args!("error: {path} is not in this build")))
}

fn find(path: &str) -> Option<String> {
    let (index, mut texts) = TEXTS.get().split_once("\n\n")?;
    for line in index.lines() {
        let (name, length) = line.split_once('\t')?;
        let (text, rest) = texts.split_at_checked(length.parse().ok()?)?;
        if name == path {
            return Some(text.to_owned());
        }
        texts = rest;
    }
    None
}
