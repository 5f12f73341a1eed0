//! How a document is written: what new lines have to look like to fit in.

use super::super::Stream;
use super::super::tree::{Kind, NONE};
use std::ops::Range;

/// Nodes looked at to find the majority; enough for any file, and constant for large ones.
const SAMPLE: usize = 400;

/// The habits of one document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// Columns a nested map is indented by.
    pub(super) step: usize,
    /// Columns the dashes of a sequence are indented by, below their key.
    pub(super) sequence: usize,
    /// Line ending.
    pub(super) eol: &'static str,
    /// Written as JSON: keys and strings in double quotes.
    pub(super) json: bool,
}

impl Style {
    /// The majority of a document whose nodes are `nodes`; 2 and 0 where it shows nothing.
    pub(super) fn of(stream: &Stream, nodes: Range<u32>) -> Style {
        let mut steps = [0u32; 9];
        let mut sequences = [0u32; 9];
        for id in nodes.clone().take(SAMPLE) {
            match indent_below_parent(stream, id) {
                Some((Kind::BlockMap, by)) if (1..9).contains(&by) => steps[by] += 1,
                Some((Kind::BlockSequence, by)) if by < 9 => sequences[by] += 1,
                _ => {}
            }
        }
        let indented = sequences[1..].iter().sum::<u32>() > sequences[0];
        let by = if indented {
            most(&sequences[1..]).map_or(0, |by| by + 1)
        } else {
            0
        };
        let step = most(&steps).unwrap_or(if by > 0 { by } else { 2 });
        Style {
            step,
            sequence: by,
            eol: eol(stream.text()),
            json: is_json(stream, nodes),
        }
    }

    /// This style, with what the entries of one map show instead of the majority.
    pub(super) fn within(mut self, stream: &Stream, map: u32) -> Style {
        for (_, value) in stream.tree.entries(map) {
            match indent_below_parent(stream, value) {
                Some((Kind::BlockMap, by)) if by > 0 => self.step = by,
                Some((Kind::BlockSequence, by)) => self.sequence = by,
                _ => {}
            }
        }
        self
    }
}

fn most(counts: &[u32]) -> Option<usize> {
    let (at, count) = counts
        .iter()
        .enumerate()
        .rev()
        .max_by_key(|(_, count)| **count)?;
    (*count > 0).then_some(at)
}

fn eol(text: &str) -> &'static str {
    match memchr::memchr(b'\n', text.as_bytes()) {
        Some(at) if at > 0 && text.as_bytes()[at - 1] == b'\r' => "\r\n",
        _ => "\n",
    }
}

/// Kind and indentation of a block collection that is the value of a block map on lines of its own.
fn indent_below_parent(stream: &Stream, id: u32) -> Option<(Kind, usize)> {
    let data = stream.tree.at(id);
    if !data.kind.is_block_collection() || data.parent == NONE {
        return None;
    }
    let parent = stream.tree.at(data.parent);
    if parent.kind != Kind::BlockMap {
        return None;
    }
    let by = stream
        .column(data.start as usize)
        .checked_sub(stream.column(parent.start as usize))?;
    Some((data.kind, by))
}

/// Is the root in brackets, and nothing written that JSON has not?
fn is_json(stream: &Stream, mut nodes: Range<u32>) -> bool {
    let root = stream.tree.at(nodes.start).kind;
    root.is_flow()
        && nodes.clone().len() > 1
        && nodes.by_ref().take(SAMPLE).all(|id| {
            let data = stream.tree.at(id);
            match data.kind {
                Kind::Plain => is_json_word(&stream.text()[data.range()]),
                Kind::Double | Kind::FlowMap | Kind::FlowSequence => true,
                _ => false,
            }
        })
}

fn is_json_word(text: &str) -> bool {
    let digit = |c: u8| c.is_ascii_digit() || matches!(c, b'-' | b'+' | b'.' | b'e' | b'E');
    matches!(text, "true" | "false" | "null") || text.bytes().all(digit)
}
