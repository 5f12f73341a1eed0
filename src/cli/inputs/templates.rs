//! Texts in the folder of a chart that are refused here, of which most are templates that Helm has to render first.

use std::collections::HashSet;

use fitout::read::is_object;
use fitout::yaml::{Fault, Node, Stream, SyntaxError};

use super::contents::{has_whole_pods, may_have_objects};

/// The beginning and the end of an action, and the end of a comment.
const ACTION: (&str, &str) = ("{{", "}}");
const COMMENT: (&str, &str) = ("/*", "*/");

/// Whether kubectl may read objects from a refused text. It reads one document after the other, up to the first that is a
/// template, which it cannot read either.
pub(super) fn may_be_read(error: &SyntaxError, text: &str) -> bool {
    // An escape, or an encoding with two bytes for each letter, can hide the word.
    if !text.contains("kind") && !text.contains(['\\', '\0']) {
        return false;
    }
    let offset = text.floor_char_boundary(error.offset);
    let document = document_at(text, offset);
    if !is_template(error, offset - document, &text[document..]) {
        return may_have_objects(error, text);
    }
    let before = &text[..document];
    match Stream::parse(before) {
        Ok(stream) => has_whole_pods(&stream),
        // Most errors in keys are found after those in the syntax of what follows.
        Err(error) => may_be_read(&error, before),
    }
}

/// Whether each object of a text has an action in a key or a value. In a comment it is none.
pub(super) fn are_all(stream: &Stream) -> bool {
    let has_any = |text: &str| memchr::memmem::find(text.as_bytes(), ACTION.0.as_bytes()).is_some();
    if !has_any(stream.text()) {
        return false;
    }
    let roots = stream.documents().map(|document| document.root());
    let mut objects = roots.filter(|root| is_object(*root));
    objects.all(|root| has_action(root, has_any))
}

fn has_action(root: Node<'_>, has_any: impl Fn(&str) -> bool) -> bool {
    let mut seen = HashSet::new();
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        if node.text().is_some_and(|text| has_any(&text)) {
            return true;
        }
        if seen.insert(node.id()) {
            open.extend(node.entries().flat_map(|(key, value)| [key, value]));
            open.extend(node.items());
        }
    }
    false
}

/// Where the document around an offset begins.
fn document_at(text: &str, offset: usize) -> usize {
    let markers = text[..offset].rmatch_indices("\n---");
    let is_marker = |at: &usize| {
        let rest = &text[at + 3..];
        rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r'])
    };
    let mut markers = markers.map(|(at, _)| at + 1);
    markers.find(is_marker).unwrap_or_default()
}

/// Whether the actions in a document are why it is refused: `{{ }}` is a map as a key, `{{-` an item in braces, and the
/// others can be read without them. `rest` begins with the document.
fn is_template(error: &SyntaxError, offset: usize, rest: &str) -> bool {
    let is_at_action = rest[..offset].ends_with(ACTION.0) && rest[offset..].starts_with("- ");
    match error.fault {
        Fault::Syntax if is_at_action => true,
        Fault::Syntax => {
            let end = rest[offset..].find("\n---").map(|end| offset + end);
            let document = &rest[..end.unwrap_or(rest.len())];
            document.contains(ACTION.0) && Stream::parse_any_keys(rendered(document)).is_ok()
        }
        Fault::Disputed => rest[offset..].starts_with('{'),
        _ => false,
    }
}

/// A document with a word in place of each action, or a comment at the end of a line.
fn rendered(document: &str) -> String {
    let mut text = String::with_capacity(document.len());
    let mut rest = document;
    while let Some(at) = rest.find(ACTION.0) {
        let (before, action) = rest.split_at(at);
        text.push_str(before);
        let line = text.rfind('\n').map_or(0, |at| at + 1);
        // Elsewhere, lines could hide in an action that is a part of a text.
        let may_have_lines = line == text.len();
        let end = end_of_action(action);
        let Some(end) = end.filter(|end| may_have_lines || !action[..*end].contains('\n')) else {
            text.push_str(ACTION.0);
            rest = &action[ACTION.0.len()..];
            continue;
        };
        rest = &action[end..];
        let ends_line = rest
            .lines()
            .next()
            .is_none_or(|line| line.trim().is_empty());
        if ends_line && (line == text.len() || text.ends_with(' ')) {
            let lines = action[..end].matches('\n').count();
            text.push('#');
            text.push_str(&"\n#".repeat(lines));
        } else {
            text.push('x');
        }
    }
    text.push_str(rest);
    text
}

/// The length of the action that a text begins with.
fn end_of_action(text: &str) -> Option<usize> {
    let inner = text.trim_start_matches(['{', '-', ' ']);
    let start = match inner.starts_with(COMMENT.0) {
        true => text.len() - inner.len() + inner.find(COMMENT.1)?,
        false => 0,
    };
    let end = text[start..].find(ACTION.1)?;
    Some(start + end + ACTION.1.len())
}
