//! How a document is written: what new lines have to look like to fit in.

use super::super::Stream;
use super::super::tree::{Kind, NONE};
use std::ops::Range;

/// Nodes looked at to find the majority; enough for any file, and constant for large ones.
const SAMPLE: usize = 400;

/// The habits of one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style {
    /// Columns a nested map is indented by.
    pub(super) step: usize,
    /// Columns the dashes of a sequence are indented by, below their key.
    pub(super) sequence: usize,
    /// Line ending.
    pub(super) eol: &'static str,
}

impl Style {
    /// The majority of a document whose nodes are `nodes`, or of the start of the text where the
    /// document shows nothing; then 2 and 0.
    pub(super) fn of(stream: &Stream, nodes: Range<u32>) -> Style {
        let mut habits = Habits::default();
        habits.count(stream, nodes);
        if !habits.is_complete() {
            let mut others = Habits::default();
            others.count(stream, 0..stream.tree.nodes.len() as u32);
            habits.complete(&others);
        }
        let indented = habits.sequences[1..].iter().sum::<u32>() > habits.sequences[0];
        let sequence = if indented {
            most(&habits.sequences[1..]).map_or(0, |by| by + 1)
        } else {
            0
        };
        let step = most(&habits.steps).unwrap_or(if sequence > 0 { sequence } else { 2 });
        Style {
            step,
            sequence,
            eol: eol(stream.text()),
        }
    }

    /// This style, with what the entries of one map show instead of the majority.
    pub(super) fn within(mut self, stream: &Stream, map: u32) -> Style {
        if stream.tree.at(map).kind != Kind::BlockMap {
            return self;
        }
        // The last of each kind counts.
        let (mut inner, mut list) = (None, None);
        for (_, value) in stream.tree.entries(map) {
            match stream.tree.at(value).kind {
                Kind::BlockMap => inner = Some(value),
                Kind::BlockSequence => list = Some(value),
                _ => {}
            }
        }
        let by = |value| column_of(stream, value).checked_sub(column_of(stream, map));
        self.step = inner.and_then(by).filter(|it| *it > 0).unwrap_or(self.step);
        self.sequence = list.and_then(by).unwrap_or(self.sequence);
        self
    }
}

/// How often nested maps and sequences are indented by how much.
#[derive(Clone, Copy, Default)]
struct Habits {
    steps: [u32; 9],
    sequences: [u32; 9],
}

impl Habits {
    fn count(&mut self, stream: &Stream, nodes: Range<u32>) {
        for id in nodes.take(SAMPLE) {
            match indent_below_parent(stream, id) {
                Some((Kind::BlockMap, by)) if (1..9).contains(&by) => self.steps[by] += 1,
                Some((Kind::BlockSequence, by)) if by < 9 => self.sequences[by] += 1,
                _ => {}
            }
        }
    }

    fn is_complete(&self) -> bool {
        most(&self.steps).is_some() && most(&self.sequences).is_some()
    }

    fn complete(&mut self, others: &Habits) {
        if most(&self.steps).is_none() {
            self.steps = others.steps;
        }
        if most(&self.sequences).is_none() {
            self.sequences = others.sequences;
        }
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
    let by = column_of(stream, id).checked_sub(column_of(stream, data.parent))?;
    Some((data.kind, by))
}

fn column_of(stream: &Stream, id: u32) -> usize {
    stream.column(stream.tree.at(id).start as usize)
}
