//! Which comments belong to which node, so that none of them changes its owner.
//!
//! - A comment behind a node on its line belongs to the node: new lines go below that line.
//! - Comment lines belong to what follows them in their column.
//! - Comment lines behind the end of an entry or item that are deeper than it belong to it: they are
//!   what was commented out below it. New lines go behind them, and they go with the entry.
//! - Comment lines that are deeper than one above them belong where that one does: it has left what they could belong to.
//! - In the column of the entry, directly below it, commented-out items of its list do too, and where it
//!   has no value commented-out entries. New lines go behind them. They never go with the entry,
//!   because they could also belong to the next one.
//! - Other comment lines at the end of a collection stay at its end, behind what is added.

use super::super::super::tree::{Data, Kind, NONE};
use super::super::Footers;
use super::{Emitter, LinePlace};

/// What a line has to do with comments.
enum Line {
    Blank,
    /// A comment: its column, and what it looks like.
    Comment(usize, Content),
    Other,
}

#[derive(Clone, Copy, PartialEq)]
enum Content {
    /// `- item`
    Item,
    /// `key: value`
    Entry,
    Words,
}

impl Content {
    fn of(comment: &str) -> Content {
        let key = comment.split_once(':').map_or("", |(key, value)| {
            let is_value = value.is_empty() || value.starts_with(' ');
            if is_value { key } else { "" }
        });
        let is_key =
            key.starts_with(|c: char| c.is_ascii_lowercase()) && !key.contains(char::is_whitespace);
        match () {
            () if comment == "-" || comment.starts_with("- ") => Content::Item,
            () if is_key => Content::Entry,
            () => Content::Words,
        }
    }
}

impl<'a> Emitter<'a, '_> {
    /// The line behind a child of a block collection, where new lines go: behind its last line and the
    /// comments that belong to it.
    pub(super) fn after(&mut self, id: u32) -> LinePlace {
        let below = self.below(id, true);
        if !self.are_comments_at(below) && !below.end_of_text {
            return below;
        }
        let mut place = self.behind_commented_out(self.behind_deeper(below, id), id);
        if self.footers == Footers::OfTheEntryAbove {
            place = self.behind_footers(place, id);
            place.apart = place.at != below.at;
        }
        // Lines that are taken away at the end of the text leave the break before them.
        if place.end_of_text
            && let Some(gone) = self.outermost_gone(self.last_leaf(id))
        {
            place.end_of_text = self.behind_deeper(below, gone).at != place.at;
        }
        place
    }

    /// Whether the first content at or behind a place is a comment. If not, no comment belongs to what is before it.
    fn are_comments_at(&self, place: LinePlace) -> bool {
        let mut rest = self.bytes[place.at..].iter();
        let first = rest.find(|c| !matches!(c, b' ' | b'\t' | b'\n' | b'\r'));
        // There are other blanks than those of ASCII.
        first.is_some_and(|c| *c == b'#' || !c.is_ascii())
    }

    /// The end of a child of a block collection that is taken away.
    pub(super) fn end_of(&mut self, id: u32) -> usize {
        let below = self.below(id, false);
        self.behind_deeper(below, id).at
    }

    /// The line below the last line of a node.
    fn below(&mut self, id: u32, stays: bool) -> LinePlace {
        let leaf = self.last_leaf(id);
        let end = self.tree.full_end(leaf);
        let is_block_scalar = self.tree.at(leaf).kind.is_block_scalar();
        if is_block_scalar && self.ends_line(end) {
            return LinePlace {
                at: end,
                end_of_text: false,
                apart: false,
            };
        }
        let below = self.next_line(end);
        if stays && is_block_scalar && below.end_of_text && !self.plan.is_dropped(leaf) {
            self.keep_without_break(leaf);
        }
        below
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

    /// Behind the comment lines that follow `place` and are deeper than node `id`, which ends there.
    fn behind_deeper(&self, place: LinePlace, id: u32) -> LinePlace {
        let Some(column) = self.column_around(id) else {
            return place;
        };
        let mut end = place;
        for (line, next) in self.lines_from(place) {
            match line {
                Line::Blank => {}
                Line::Comment(deep, _) if deep > column => end = next,
                _ => break,
            }
        }
        end
    }

    /// Behind the comment lines that directly follow `place` in the column of node `id` and are
    /// commented-out items of its list, or entries where it has no value.
    fn behind_commented_out(&self, place: LinePlace, id: u32) -> LinePlace {
        let data = self.tree.at(id);
        let is_value = data.parent != NONE && self.tree.at(data.parent).kind == Kind::BlockMap;
        let Some(column) = self.column_around(id).filter(|_| is_value) else {
            return place;
        };
        let is_empty = data.kind == Kind::Empty;
        let is_list =
            data.kind == Kind::BlockSequence && self.column(data.start as usize) == column;
        let (mut end, mut belongs) = (place, false);
        for (line, next) in self.lines_from(place) {
            let Line::Comment(at, content) = line else {
                break;
            };
            if at < column {
                break;
            }
            belongs |= (is_empty || is_list) && content == Content::Item;
            belongs |= is_empty && end.at == place.at && content == Content::Entry;
            end = next;
        }
        if belongs { end } else { place }
    }

    /// Behind the comment lines that directly follow `place` and are not left of node `id`.
    fn behind_footers(&self, place: LinePlace, id: u32) -> LinePlace {
        let column = self.column_around(id).unwrap_or_default();
        let lines = self.lines_from(place);
        let is_footer = |line: &Line| matches!(line, Line::Comment(at, _) if *at >= column);
        let footers = lines.take_while(|(line, _)| is_footer(line));
        footers.last().map_or(place, |(_, end)| end)
    }

    /// The lines from a place on, each with the place behind it.
    fn lines_from(&self, place: LinePlace) -> impl Iterator<Item = (Line, LinePlace)> {
        let mut at = place;
        std::iter::from_fn(move || {
            if at.end_of_text || at.at >= self.bytes.len() {
                return None;
            }
            let start = at.at;
            at = self.next_line(start);
            Some((self.line(start, at.at), at))
        })
    }

    /// The column for what is written below the key of an empty value: that of the comments which
    /// are there already.
    pub(super) fn column_of_comments(&self, id: u32, head: usize, least: usize) -> Option<usize> {
        let (place, around) = (self.next_line(head), self.column_around(id)?);
        let end = self
            .behind_commented_out(self.behind_deeper(place, id), id)
            .at;
        let mut lines = self
            .lines_from(place)
            .take_while(|(_, next)| next.at <= end);
        let column = lines.find_map(|(line, _)| match line {
            Line::Comment(column, _) => Some(column),
            _ => None,
        });
        column.filter(|column| (around + least..=around + 8).contains(column))
    }

    fn line(&self, start: usize, end: usize) -> Line {
        let text = &self.text[start..end];
        let content = text.trim_start_matches([' ', '\t']);
        match content.strip_prefix('#') {
            Some(comment) => {
                let content_at = self.column(end - content.len());
                Line::Comment(content_at, Content::of(comment.trim()))
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
        let before = &self.text[self.text_line_start(at)..at];
        before.bytes().all(|byte| matches!(byte, b' ' | b'\t'))
    }

    fn text_line_start(&self, at: usize) -> usize {
        self.plan.stream.line_start(at)
    }

    /// The indentation for lines below `at` in its column: tabs of its line stay tabs.
    pub(super) fn lead_below(&self, at: usize) -> String {
        let blank = |c| if c == '\t' { '\t' } else { ' ' };
        let line = &self.text[self.text_line_start(at)..at];
        line.trim_start_matches('\u{feff}')
            .chars()
            .map(blank)
            .collect()
    }
}
