//! How collections in brackets are written: what new entries have to look like to fit in.
//!
//! A collection shows it by its own entries; what these leave open, the collections in brackets
//! around it show. So new entries of KYAML are KYAML, those of compact JSON are compact, and those of
//! a flow map in a block file follow its other entries.

use super::super::split::skip_blank;
use super::super::tree::{Kind, NONE};
use super::super::{NodeId, Stream, scalar::needs_quote};

/// Entries of one collection, and collections around it, that are looked at.
const SAMPLE: usize = 32;

/// The style of a collection in brackets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Brackets<'a> {
    /// All keys are in double quotes, as in JSON.
    pub(super) quoted_keys: bool,
    /// The quotes of strings: [`Kind::Double`], [`Kind::Single`] or [`Kind::Plain`].
    pub(super) quotes: Kind,
    /// No blank follows commas and the colons behind quoted keys.
    pub(super) compact: bool,
    /// There are blanks inside the brackets of collections on one line.
    pub(super) padded: bool,
    /// A comma also follows the last of several lines.
    pub(super) trailing: bool,
    /// What lines inside brackets are indented by, if that is to be seen.
    pub(super) unit: Option<&'a str>,
}

/// What the collections looked at so far show.
#[derive(Default)]
struct Evidence<'a> {
    quoted_keys: Option<bool>,
    quotes: Option<Kind>,
    compact: Option<bool>,
    padded: Option<bool>,
    trailing: Option<bool>,
    unit: Option<&'a str>,
}

impl<'a> Brackets<'a> {
    /// The style of new text inside the collection `id`.
    pub(super) fn of(stream: &'a Stream, id: u32) -> Brackets<'a> {
        let mut evidence = Evidence::default();
        let mut at = id;
        for _ in 0..SAMPLE {
            let data = stream.tree.at(at);
            if !data.kind.is_flow() {
                break;
            }
            evidence.look_at(stream, at);
            if data.parent == NONE {
                break;
            }
            at = data.parent;
        }
        let quoted_keys = evidence.quoted_keys.unwrap_or(false);
        Brackets {
            quoted_keys,
            // JSON has no other strings.
            quotes: evidence.quotes.unwrap_or(match quoted_keys {
                true => Kind::Double,
                false => Kind::Plain,
            }),
            compact: evidence.compact.unwrap_or(false),
            padded: evidence.padded.unwrap_or(false),
            trailing: evidence.trailing.unwrap_or(!quoted_keys),
            unit: evidence.unit,
        }
    }
}

impl<'a> Evidence<'a> {
    fn look_at(&mut self, stream: &'a Stream, id: u32) {
        let (tree, bytes) = (&stream.tree, stream.text().as_bytes());
        let data = tree.at(id);
        let Some(first) = tree.children(id).next() else {
            return;
        };
        if data.kind.is_map() {
            let entries = || tree.entries(id).take(SAMPLE);
            // Quotes that a scalar needs anyway show nothing.
            let keys = quotes_of(stream, entries().map(|(key, _)| key));
            self.quoted_keys = self.quoted_keys.or(keys.map(|kind| kind == Kind::Double));
            let values = quotes_of(stream, entries().map(|(_, value)| value));
            self.quotes = self.quotes.or(values);
        } else {
            let items = quotes_of(stream, tree.children(id).take(SAMPLE));
            self.quotes = self.quotes.or(items);
        }
        let mark = skip_blank(bytes, tree.full_end(first));
        let shows = match bytes.get(mark) {
            Some(b':') if data.kind.is_map() => tree.at(first).kind == Kind::Double,
            Some(b',') => true,
            _ => false,
        };
        if shows && self.compact.is_none() {
            let next = bytes.get(mark + 1);
            self.compact = Some(!matches!(next, Some(b' ' | b'\t' | b'\n' | b'\r')));
        }
        let start = tree.full_start(first);
        let open = data.start as usize;
        let between = stream.text().get(open + 1..start).unwrap_or_default();
        if !between.contains('\n') {
            self.padded = self.padded.or(Some(between.starts_with(' ')));
            return;
        }
        if self.trailing.is_none()
            && let Some(last) = tree.last_child(id)
        {
            let next = skip_blank(bytes, tree.full_end(last));
            self.trailing = Some(bytes.get(next) == Some(&b','));
        }
        if self.unit.is_none() {
            let (inner, outer) = (lead(stream, start), lead(stream, open));
            let unit = inner.strip_prefix(outer).unwrap_or_default();
            self.unit = Some(unit).filter(|unit| !unit.is_empty());
        }
    }
}

/// The quotes of the strings among these scalars, where they did not have to be.
fn quotes_of(stream: &Stream, scalars: impl Iterator<Item = u32>) -> Option<Kind> {
    let mut quotes = None;
    for id in scalars {
        let node = stream.node(NodeId(id));
        match stream.tree.at(id).kind {
            Kind::Plain if node.str().is_some() => return Some(Kind::Plain),
            kind @ (Kind::Single | Kind::Double)
                if quotes.is_none() && node.text().is_some_and(|text| !needs_quote(&text)) =>
            {
                quotes = Some(kind);
            }
            _ => {}
        }
    }
    quotes
}

/// The blanks that the line of a byte begins with.
pub(super) fn lead(stream: &Stream, at: usize) -> &str {
    let line = &stream.text()[stream.line_start(at)..at];
    let blanks = line.trim_start_matches([' ', '\t']);
    &line[..line.len() - blanks.len()]
}
