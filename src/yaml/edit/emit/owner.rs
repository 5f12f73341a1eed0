//! Which comments belong to which node, so that none of them changes its owner.
//!
//! - A comment behind a node on its line belongs to the node, so new lines go below that line.
//! - Comment lines belong to what follows them in their column.
//! - Comment lines behind the end of an entry or item that are deeper than it belong to it: they are
//!   what was commented out below it. So do those in its column that hold a commented-out item of it.
//!   What is added goes behind them, and they go with the entry.
//! - Other comment lines at the end of a collection stay at its end, behind what is added.

use super::super::super::tree::{Data, Kind, NONE};
use super::{Emitter, LinePlace};
use memchr::memrchr;

/// A line as far as comments are concerned.
enum Line {
    Blank,
    /// A comment: its column, and whether it is a commented-out item of a list.
    Comment(usize, bool),
    Other,
}

impl<'a> Emitter<'a, '_> {
    /// The line behind a child of a block collection: behind its last line and the comments that
    /// belong to it.
    pub(super) fn after(&mut self, id: u32) -> LinePlace {
        let leaf = self.last_leaf(id);
        let end = self.tree.full_end(leaf);
        let is_block_scalar = self.tree.at(leaf).kind.is_block_scalar();
        let below = if is_block_scalar && self.ends_line(end) {
            LinePlace {
                at: end,
                end_of_text: false,
            }
        } else {
            self.next_line(end)
        };
        if is_block_scalar && below.end_of_text && !self.plan.is_dropped(leaf) {
            self.keep_without_break(leaf);
        }
        let mut place = self.behind_comments(below, id);
        // Lines that are taken away at the end of the text leave the break before them.
        if place.end_of_text
            && let Some(gone) = self.outermost_gone(leaf)
        {
            place.end_of_text = self.behind_comments(below, gone).at != place.at;
        }
        place
    }

    /// The outermost child of a collection that is taken away and `leaf` is a part of.
    fn outermost_gone(&self, leaf: u32) -> Option<u32> {
        let above: Vec<u32> = self.plan.ancestors(leaf).collect();
        above
            .into_iter()
            .rev()
            .find(|id| self.plan.is_inside_dropped(*id))
    }

    /// The column of the entries or items around a node.
    fn column_around(&self, id: u32) -> Option<usize> {
        match self.tree.at(id).parent {
            NONE => None,
            parent => Some(self.column(self.tree.full_start_of_block(parent))),
        }
    }

    /// Behind the comment lines that follow `place` and belong to node `id`, which ends before it.
    fn behind_comments(&self, place: LinePlace, id: u32) -> LinePlace {
        let Some(column) = self.column_around(id) else {
            return place;
        };
        let (mut end, mut at) = (place, place);
        let mut is_below = true;
        while !at.end_of_text && at.at < self.bytes.len() {
            let next = self.next_line(at.at);
            match self.line(at.at, next.at) {
                Line::Blank => is_below = false,
                Line::Comment(deep, _) if deep > column => end = next,
                // Nothing but a blank line ends a block of comments.
                Line::Comment(same, _) if same == column && is_below => {
                    let items = self.commented_items(at, id, column);
                    return items.unwrap_or(end);
                }
                _ => break,
            }
            at = next;
        }
        end
    }

    /// The end of the comment lines from `at` on that hold commented-out items of node `id`: its
    /// list has the column of its key, or it has no value yet.
    fn commented_items(&self, at: LinePlace, id: u32, column: usize) -> Option<LinePlace> {
        let data = self.tree.at(id);
        let is_value =
            data.parent != NONE && self.tree.at(data.parent).kind == Kind::BlockMap;
        let may_have = match data.kind {
            Kind::Empty => true,
            Kind::BlockSequence => self.column(data.start as usize) == column,
            _ => false,
        };
        if !is_value || !may_have {
            return None;
        }
        let (mut at, mut has_item) = (at, false);
        while !at.end_of_text && at.at < self.bytes.len() {
            let next = self.next_line(at.at);
            match self.line(at.at, next.at) {
                Line::Comment(deep, is_item) if deep >= column => has_item |= is_item,
                _ => break,
            }
            at = next;
        }
        has_item.then_some(at)
    }

    /// The column for what is written below the key of an empty value: that of the comments which
    /// are there already.
    pub(super) fn column_of_comments(&self, id: u32, head: usize, least: usize) -> Option<usize> {
        let place = self.next_line(head);
        if place.end_of_text || self.behind_comments(place, id).at == place.at {
            return None;
        }
        let (mut at, around) = (place, self.column_around(id)?);
        while !at.end_of_text {
            let next = self.next_line(at.at);
            match self.line(at.at, next.at) {
                Line::Comment(column, _) => {
                    return Some(column).filter(|it| (around + least..=around + 8).contains(it));
                }
                Line::Blank => at = next,
                Line::Other => break,
            }
        }
        None
    }

    fn line(&self, start: usize, end: usize) -> Line {
        let text = &self.text[start..end];
        let content = text.trim_start_matches([' ', '\t']);
        match content.strip_prefix('#') {
            Some(comment) => {
                let comment = comment.trim();
                let is_item = comment == "-" || comment.starts_with("- ");
                Line::Comment(self.column(end - content.len()), is_item)
            }
            None if content.trim().is_empty() => Line::Blank,
            None => Line::Other,
        }
    }

    /// First byte of the comment lines directly above `line`, with the indentation of `start`, which
    /// is in that line.
    pub(super) fn comments_above(&self, line: usize, start: usize, floor: usize) -> usize {
        let lead = &self.text[line..start];
        let mut line = line;
        while line > floor && line > 0 {
            let above = self.line_start(line - 1);
            let comment = self.text[above..line].strip_prefix(lead);
            if above < floor || !comment.is_some_and(|it| it.starts_with('#')) {
                break;
            }
            line = above;
        }
        line
    }

    /// The comment behind the header of a block scalar.
    pub(super) fn header_comment(&self, data: &Data) -> Option<&'a str> {
        let header = self.text[data.range()].lines().next()?;
        let at = header.find(" #").or_else(|| header.find("\t#"))?;
        Some(header[at + 1..].trim_end())
    }

    /// Do only blanks precede `at` on its line?
    pub(super) fn starts_line(&self, at: usize) -> bool {
        super::lead(self.text, at).len() == at - self.text_line_start(at)
    }

    fn text_line_start(&self, at: usize) -> usize {
        memrchr(b'\n', &self.bytes[..at]).map_or(0, |n| n + 1)
    }

    /// The indentation for lines below `at` in its column: tabs of its line stay tabs.
    pub(super) fn lead_below(&self, at: usize) -> String {
        let blank = |c| if c == '\t' { '\t' } else { ' ' };
        let line = &self.text[self.text_line_start(at)..at];
        line.trim_start_matches('\u{feff}').chars().map(blank).collect()
    }
}
