//! Several texts as one stream of documents.

use std::borrow::Cow;

use super::Stream;
use super::split::{bom_len, is_marker};

/// Passes on the parts of a text with the documents of all texts. No value changes, and comments stay with their documents.
pub fn join(texts: &[String], pass: &mut dyn FnMut(&str)) {
    let mut eol = "\n";
    for (at, text) in texts.iter().enumerate() {
        let mut text = text.as_str();
        if at > 0 {
            text = &text[bom_len(text)..];
            let marker = marker_before(text);
            pass(marker);
            pass(if marker.is_empty() { "" } else { eol });
        }
        let part = (at + 1 < texts.len() && !text.ends_with('\n')).then(|| Stream::parse(text));
        let text = match &part {
            None => Cow::Borrowed(text),
            // A block scalar that the end of the text cut short keeps its value.
            Some(Ok(part)) => part.text_with_final_break(),
            Some(Err(_)) => Cow::Owned(format!("{text}\n")),
        };
        pass(&text);
        eol = if text.ends_with("\r\n") { "\r\n" } else { "\n" };
    }
}

/// What has to precede a text that follows another one.
fn marker_before(text: &str) -> &'static str {
    let is_comment = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let first = text
        .lines()
        .find(|line| !is_comment(line))
        .unwrap_or_default();
    match text.lines().next().unwrap_or_default() {
        // A directive is one only behind the end of a document.
        _ if first.starts_with('%') => "...",
        _ if !is_marker(first.as_bytes(), 0) => "---",
        // These lines could be lines of a block scalar.
        above if above != first && !above.starts_with('#') => "...",
        _ => "",
    }
}
