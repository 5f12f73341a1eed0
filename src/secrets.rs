//! The parts of a text that belong to Secrets, which reports must not show.
//!
//! Whether a mapping is a Secret is decided as Kubernetes reads it: escapes, aliases and merged keys are followed, and a
//! SecretList has items without a kind.

use std::borrow::Cow;
use std::ops::Range;

use crate::hashing::HashSet;
use crate::sorting;
use crate::yaml::{Node, Stream};

/// What is shown in place of a Secret.
const HIDDEN: &str = "(hidden: a Secret)";

/// How many texts in texts are read, such as the last applied configuration of an object.
const MAX_NESTING: usize = 4;

/// The bytes of a text that belong to Secrets, in order.
#[derive(Clone, Copy, Debug)]
pub struct Secrets<'s>(&'s [Range<usize>]);

impl<'s> Secrets<'s> {
    /// No Secrets.
    pub const NONE: Secrets<'static> = Secrets(&[]);

    /// The Secrets in a text. They are looked for once.
    pub fn of(stream: &'s Stream) -> Secrets<'s> {
        Secrets(stream.hidden(|stream| find(stream, 0)))
    }

    /// Part of a text without Secrets. Lines stay lines.
    pub fn shown<'t>(self, text: &'t str, part: Range<usize>) -> Cow<'t, str> {
        let first = self.0.partition_point(|hidden| hidden.end <= part.start);
        let hidden = self.0[first..].iter();
        let mut hidden = hidden.take_while(|it| it.start < part.end).peekable();
        if hidden.peek().is_none() {
            return Cow::Borrowed(&text[part]);
        }
        let (mut shown, mut at) = (String::new(), part.start);
        for hidden in hidden {
            let inside = hidden.start.max(at)..hidden.end.min(part.end);
            shown.push_str(&text[at..inside.start]);
            let lines = text[inside.clone()].matches('\n').count();
            shown.push_str(HIDDEN);
            for _ in 0..lines {
                shown.push('\n');
                shown.push_str(HIDDEN);
            }
            at = inside.end;
        }
        shown.push_str(&text[at..part.end]);
        Cow::Owned(shown)
    }

    /// The bytes of all Secrets, in the order of the text.
    pub fn spans(self) -> &'s [Range<usize>] {
        self.0
    }

    /// Whether a Secret includes this byte.
    pub fn include(self, at: usize) -> bool {
        let first = self.0.partition_point(|hidden| hidden.end <= at);
        self.0.get(first).is_some_and(|hidden| hidden.start <= at)
    }
}

/// What a node is, as [`Node::describe`]; a value of a Secret is not shown.
pub fn described(node: Node<'_>) -> String {
    match is_hidden(node) {
        true => node.describe_type().to_owned(),
        false => node.describe(),
    }
}

/// Whether a node belongs to a Secret.
pub fn is_hidden(node: Node<'_>) -> bool {
    let is_hidden = |node: Node<'_>| Secrets::of(node.stream()).include(node.span().start);
    is_hidden(node) || is_hidden(node.alias_target())
}

/// Whether a text, which may be no YAML, can have a Secret: it has the word, or an escape that can spell it.
pub fn may_have(text: &str) -> bool {
    let spellings = ["Secret", "\\x", "\\u", "\\U", "\\\n", "\\\r", "binary"];
    spellings.iter().any(|spelling| text.contains(spelling))
}

fn find(stream: &Stream, nesting: usize) -> Vec<Range<usize>> {
    let text = stream.text();
    if !may_have(text) {
        return Vec::new();
    }
    let mut hidden: Vec<Range<usize>> = Vec::new();
    let mut seen = HashSet::default();
    let roots = stream.documents().map(|document| (document.root(), false));
    let mut open: Vec<(Node<'_>, bool)> = roots.collect();
    while let Some((node, is_inside)) = open.pop() {
        let node = node.alias_target();
        if !seen.insert((node.id(), is_inside)) {
            continue;
        }
        let is_hidden = is_inside || is_kind(node, "Secret") || holds_text(node, nesting);
        if is_hidden {
            hidden.push(with_comments(text, node.span()));
        }
        let is_list = is_kind(node, "SecretList");
        for (key, value) in node.entries() {
            let are_items = is_list && key.text().as_deref() == Some("items");
            open.push((key, is_hidden));
            open.push((value, is_hidden || are_items));
        }
        open.extend(node.items().map(|item| (item, is_hidden)));
    }
    sorting::sort_by_key(&mut hidden, |it| (it.start, it.end));
    let mut merged: Vec<Range<usize>> = Vec::new();
    for hidden in hidden {
        match merged.last_mut() {
            Some(last) if hidden.start <= last.end => last.end = last.end.max(hidden.end),
            _ => merged.push(hidden),
        }
    }
    merged
}

/// Whether a mapping has this kind, also where a later or merged key repeats it.
fn is_kind(node: Node<'_>, kind: &str) -> bool {
    // A tag can encode the text.
    let is = |value: Node<'_>| {
        value.text().as_deref() == Some(kind) || value.tag().is_some_and(|tag| tag != "!!str")
    };
    let is_kind = |key: Node<'_>| key.text().as_deref() == Some("kind");
    node.get("kind").is_some_and(is) || node.entries().any(|(key, value)| is_kind(key) && is(value))
}

/// Whether a scalar is itself a manifest of a Secret, as in the annotation of kubectl's last applied configuration.
fn holds_text(node: Node<'_>, nesting: usize) -> bool {
    if !node.is_scalar() || node.span().len() < "kind: Secret".len() {
        return false;
    }
    let text = node.text().unwrap_or_default();
    if !text.contains(':') || !may_have(&text) {
        return false;
    }
    let names_both = text.contains("kind") && text.contains("Secret");
    match nesting < MAX_NESTING {
        true => {
            Stream::parse(&*text).map_or(names_both, |inner| !find(&inner, nesting + 1).is_empty())
        }
        false => true,
    }
}

/// A span with the comments behind it.
fn with_comments(text: &str, span: Range<usize>) -> Range<usize> {
    let mut end = span.end;
    loop {
        let line = text[end..].find('\n').map_or(text.len(), |at| end + at);
        let rest = text[end..line].trim_start();
        if rest.starts_with('#') {
            end = line;
        } else if rest.is_empty() && line < text.len() && follows_comment(&text[line + 1..]) {
            end = line + 1;
        } else {
            return span.start..end;
        }
    }
}

/// Whether the next line is a comment.
fn follows_comment(text: &str) -> bool {
    text.trim_start_matches([' ', '\t']).starts_with('#')
}
