//! Rules 4 and 6 inside brackets: entries are added, removed and replaced in the style of the others.

use super::super::super::split::skip_blank;
use super::super::super::tree::{Data, Kind, NONE};
use super::super::brackets::lead;
use super::super::new::{Name, New};
use super::super::patch::Patch;
use super::super::write::{FlowWriter, is_inline};
use super::remove::Child;
use super::{Done, Emitter, Reason};

/// Siblings that are looked at to see how a new one should look.
const SAMPLE: usize = 32;

/// What is added to a collection in brackets.
#[derive(Clone, Copy)]
struct Added<'v> {
    entries: &'v [(Name<'v>, New<'v>)],
    items: &'v [New<'v>],
}

impl Added<'_> {
    fn is_empty(self) -> bool {
        self.entries.is_empty() && self.items.is_empty()
    }

    /// Each new entry or item as text.
    fn texts(self, writer: &FlowWriter<'_>, lines: Option<&str>) -> Vec<String> {
        let mut texts = Vec::new();
        for (name, value) in self.entries {
            let mut text = String::new();
            writer.entry(name, value, lines, &mut text);
            texts.push(text);
        }
        for item in self.items {
            let mut text = String::new();
            writer.value(item, Kind::Plain, lines, &mut text);
            texts.push(text);
        }
        texts
    }
}

impl Emitter<'_, '_> {
    /// Removed and added children of a collection in brackets.
    pub(super) fn change_in_brackets(&mut self, id: u32, patch: &Patch<'_>) -> Done {
        let added = Added {
            entries: &patch.added,
            items: &patch.pushed,
        };
        let children = self.children_of(id, &patch.removed);
        let Some(last) = children.last() else {
            return self.fill(id, added);
        };
        let lines = self.removable_lines(id, &children);
        let loses_all = children.iter().all(|child| child.removed);
        if loses_all && !self.keeps_comment(id, lines.as_deref()) {
            let value = match self.tree.at(id).kind {
                Kind::FlowMap => New::Map(patch.added.clone()),
                _ => New::Sequence(patch.pushed.clone()),
            };
            return self.replace(id, &value);
        }
        match &lines {
            Some(lines) => {
                for line in lines {
                    self.splice(line.0, line.1, |_| {});
                }
            }
            None if loses_all => {
                return self.refuse(
                    Reason::Comment,
                    self.tree.at(id).start as usize,
                    "a comment inside the brackets would go with the entries",
                );
            }
            None => self.remove_inside_line(&children)?,
        }
        let has_comma = lines.is_some() && last.removed;
        if !added.is_empty() {
            return self.append(id, &children, added, has_comma);
        }
        if has_comma && !self.comma_behind(last.value).1 {
            // The last entry has no comma here, so the one that is the last now has none.
            if let Some(kept) = children.iter().rev().find(|child| !child.removed) {
                let (end, _) = self.comma_behind(kept.value);
                self.splice(end - 1, end, |_| {});
            }
        }
        Ok(())
    }

    /// The lines of removed children with their own comments, if each has lines to itself.
    fn removable_lines(&self, id: u32, children: &[Child]) -> Option<Vec<(usize, usize)>> {
        let mut lines = Vec::new();
        let mut floor = self.next_line(self.tree.at(id).start as usize).at;
        for child in children {
            let (end, _) = self.comma_behind(child.value);
            if child.removed {
                if !self.starts_line(child.start) || !self.ends_line_or_comment(end) {
                    return None;
                }
                let line = self.line_start(child.start);
                let start = self.comments_above(line, child.start, floor);
                lines.push((start, self.next_line(end).at));
            }
            floor = self.next_line(end).at;
        }
        Some(lines)
    }

    /// Is there a comment in the brackets, and not in the lines that go?
    fn keeps_comment(&self, id: u32, lines: Option<&[(usize, usize)]>) -> bool {
        let data = self.tree.at(id);
        let gone = lines.unwrap_or_default();
        let is_gone = |at: usize| {
            let line = gone[..gone.partition_point(|(start, _)| *start <= at)].last();
            line.is_some_and(|(_, end)| at < *end)
        };
        let mut at = data.start as usize + 1;
        let leaves = id + 1..self.tree.end_of_subtree(id);
        let leaves = leaves.filter(|id| !self.tree.at(*id).kind.is_collection());
        let ends = leaves.map(|id| (self.tree.full_start(id), self.tree.full_end(id)));
        for (start, end) in ends.chain([(data.end(), data.end())]) {
            let gap = at..start.max(at);
            if memchr::memchr_iter(b'#', &self.bytes[gap]).any(|n| !is_gone(at + n)) {
                return true;
            }
            at = end.max(at);
        }
        false
    }

    /// With the comma before it, or the one behind it where nothing stays before it.
    fn remove_inside_line(&mut self, children: &[Child]) -> Done {
        let mut kept_before = false;
        for (i, child) in children.iter().enumerate() {
            if !child.removed {
                kept_before = true;
                continue;
            }
            let range = if kept_before {
                self.tree.full_end(children[i - 1].value)..self.tree.full_end(child.value)
            } else {
                // One child stays, so there is a next one.
                child.start..children.get(i + 1).map_or(child.start, |next| next.start)
            };
            let gap_before = &self.text[range.start..child.start.max(range.start)];
            let gap_behind = &self.text[self.tree.full_end(child.value).min(range.end)..range.end];
            if gap_before.contains('#') || gap_behind.contains('#') {
                return self.refuse(
                    Reason::Comment,
                    child.start,
                    "a comment inside the brackets would go with the entry",
                );
            }
            self.splice(range.start, range.end, |_| {});
        }
        Ok(())
    }

    /// Behind the last child and its comment: on the same line, or on new lines where the others
    /// have lines to themselves.
    fn append(&mut self, id: u32, children: &[Child], added: Added<'_>, has_comma: bool) -> Done {
        let (Some(first), Some(last)) = (children.first(), children.last()) else {
            return Ok(());
        };
        if self.tree.at(last.value).kind == Kind::Empty && !last.removed {
            return self.refuse(
                Reason::OddEntry,
                self.tree.at(id).start as usize,
                "the last entry of this map has no value",
            );
        }
        let writer = self.flow_writer(id);
        let (end, comma) = self.comma_behind(last.value);
        let rest = self.rest_of_line(end);
        if !self.has_lines(id) && !rest.starts_with('#') {
            let lines = self.lines_like(last.value);
            let texts = added.texts(&writer, lines.as_deref()).join(writer.comma());
            self.splice(end, end, |out| {
                out.push_str(match (comma, writer.comma()) {
                    (true, ",") => "",
                    (true, _) => " ",
                    (false, between) => between,
                });
                out.push_str(&texts);
                out.push_str(if comma { "," } else { "" });
            });
            return Ok(());
        }
        let model = if self.starts_line(last.start) {
            last
        } else {
            first
        };
        let lead = self.lead_below(model.start);
        let inner = self.nests_lines(id).then_some(lead.as_str());
        let texts = added
            .texts(&writer, inner)
            .join(&format!(",{}{lead}", writer.style.eol));
        let last_comma = if comma { "," } else { "" };
        let value_end = self.tree.full_end(last.value);
        if !comma && !has_comma {
            self.splice(value_end, value_end, |out| out.push(','));
        }
        let eol = writer.style.eol;
        if self.ends_line_or_comment(end) {
            let at = self.next_line(end).at;
            self.splice(at, at, |out| {
                out.push_str(&format!("{lead}{texts}{last_comma}{eol}"))
            });
        } else {
            self.splice(end, end, |out| {
                out.push_str(&format!("{eol}{lead}{texts}{last_comma}"))
            });
        }
        Ok(())
    }

    /// Do the children of a collection have lines to themselves? The first, the second and the last
    /// one answer for all.
    fn has_lines(&self, id: u32) -> bool {
        let step = if self.tree.at(id).kind.is_map() { 2 } else { 1 };
        let mut starts = self.tree.children(id).step_by(step);
        let (first, second) = (starts.next(), starts.next());
        let starts_line = |id| self.starts_line(self.tree.full_start(id));
        match (first, second, self.tree.last_child(id)) {
            (Some(_), Some(second), Some(last)) => {
                starts_line(second) && self.starts_line(self.start_of_child(last))
            }
            (Some(only), ..) => starts_line(only),
            _ => false,
        }
    }

    /// The start of an entry, from its value, or of an item.
    fn start_of_child(&self, value: u32) -> usize {
        let parent = self.tree.at(self.tree.at(value).parent);
        let key = self.tree.previous(value).filter(|_| parent.kind.is_map());
        self.tree.full_start(key.unwrap_or(value))
    }

    /// Do new collections in this one get lines of their own, as the others have?
    fn nests_lines(&self, id: u32) -> bool {
        let children = self.tree.children(id).take(2 * SAMPLE);
        let mut nested = children
            .filter(|id| self.is_filled_brackets(*id))
            .peekable();
        nested.peek().is_none() || nested.any(|id| self.is_on_several_lines(id))
    }

    fn is_filled_brackets(&self, id: u32) -> bool {
        self.tree.at(id).kind.is_flow() && self.tree.children(id).next().is_some()
    }

    fn is_on_several_lines(&self, id: u32) -> bool {
        self.text[self.tree.at(id).range()].contains('\n')
    }

    /// The indentation of the lines of a new item, if those of this item are on several lines.
    fn lines_like(&self, sibling: u32) -> Option<String> {
        let spans_lines = self.is_filled_brackets(sibling) && self.is_on_several_lines(sibling);
        let end = self.tree.end(sibling);
        spans_lines.then(|| lead(self.plan.stream, end).to_owned())
    }

    /// New children in brackets without any. A comment in them keeps the brackets, and stays.
    fn fill(&mut self, id: u32, added: Added<'_>) -> Done {
        let data = *self.tree.at(id);
        if added.is_empty() {
            return Ok(());
        }
        if !self.is_on_several_lines(id) {
            let value = match data.kind {
                Kind::FlowMap => New::Map(added.entries.to_vec().into()),
                _ => New::Sequence(added.items.to_vec()),
            };
            return self.replace(id, &value);
        }
        let writer = self.flow_writer(id);
        let open = data.start as usize + 1;
        let place = self.next_line(open).at;
        // The commented-out entries show where entries stand.
        let first = place + self.text[place..].len() - self.text[place..].trim_start().len();
        let lead = match self.bytes.get(first) {
            Some(b'#') => lead(self.plan.stream, first).to_owned(),
            _ => writer.indent_more(lead(self.plan.stream, open)),
        };
        let eol = writer.style.eol;
        let texts = added
            .texts(&writer, Some(&lead))
            .join(&format!(",{eol}{lead}"));
        let comma = if writer.brackets.trailing { "," } else { "" };
        self.splice(place, place, |out| {
            out.push_str(&format!("{lead}{texts}{comma}{eol}"))
        });
        Ok(())
    }

    /// Brackets with a comment of the whole value in them: filled if nothing else is there, or refused where it would go.
    pub(super) fn replace_brackets(&mut self, id: u32, value: &New<'_>) -> Option<Done> {
        let data = *self.tree.at(id);
        let inside = data.kind.is_flow().then(|| &self.text[data.range()][1..])?;
        let last = self.tree.children(id).last();
        let is_empty = last.is_none();
        // Behind the opening bracket, and on lines of its own above the closing one, a comment is of the whole value.
        let has_comment = match last {
            None => inside.contains('#'),
            Some(last) => {
                let end = self.tree.end(last);
                let mut below = self.text[end..data.end()].lines().skip(1);
                inside.trim_start_matches([' ', '\t']).starts_with('#')
                    || below.any(|line| line.trim_start().starts_with('#'))
            }
        };
        let is_same_kind = data.kind.is_map() == matches!(value, New::Map(_))
            && (data.kind.is_map() || matches!(value, New::Sequence(_)));
        if !has_comment || !is_empty && is_same_kind {
            return None;
        }
        let added = match (data.kind, value) {
            (Kind::FlowMap, New::Map(entries)) => Added {
                entries,
                items: &[],
            },
            (Kind::FlowSequence, New::Sequence(items)) => Added {
                entries: &[],
                items,
            },
            _ => {
                let message = "a comment inside the brackets would go";
                return Some(self.refuse(Reason::Comment, data.start as usize, message));
            }
        };
        Some(self.fill(id, added))
    }

    /// A value inside brackets.
    pub(super) fn replace_in_flow(&mut self, id: u32, value: &New<'_>) -> Done {
        let data = *self.tree.at(id);
        if data.kind != Kind::Empty {
            return self.replace_span(id, &data, value);
        }
        let (start, end) = (data.start as usize, data.end());
        if start == 0 || !matches!(self.bytes[start - 1], b':' | b' ') {
            return self.refuse(
                Reason::OddEntry,
                start,
                "there is no colon to put the value behind",
            );
        }
        let lines = self.lines_in(id, value);
        let writer = self.flow_writer(data.parent);
        let gap = !matches!(
            self.bytes.get(end),
            Some(b' ' | b',' | b'}' | b']' | b'\n' | b'\r') | None
        );
        self.splice(start, end, |out| {
            out.push(' ');
            writer.value(value, Kind::Plain, lines.as_deref(), out);
            out.push_str(if gap { " " } else { "" });
        });
        Ok(())
    }

    /// Text for exactly the bytes of a value in brackets, or of a root.
    pub(super) fn replace_span(&mut self, id: u32, data: &Data, value: &New<'_>) -> Done {
        let lines = self.lines_in(id, value);
        let writer = self.flow_writer(match data.parent {
            NONE => id,
            parent => parent,
        });
        self.splice(data.start as usize, data.end(), |out| {
            writer.value(value, data.kind, lines.as_deref(), out);
        });
        Ok(())
    }

    /// The indentation of the line of node `id`, if a new collection in its place gets lines of its own.
    fn lines_in(&self, id: u32, value: &New<'_>) -> Option<String> {
        let parent = self.tree.at(id).parent;
        if is_inline(value) || parent == NONE {
            return None;
        }
        let gets_lines = self.has_lines(parent) && self.nests_lines(parent);
        gets_lines.then(|| self.lead_below(self.start_of_child(id)))
    }

    /// The byte behind a child in brackets and its comma, and whether there is a comma.
    fn comma_behind(&self, value: u32) -> (usize, bool) {
        let end = self.tree.full_end(value);
        let next = skip_blank(self.bytes, end);
        match self.bytes.get(next) {
            Some(b',') => (next + 1, true),
            _ => (end, false),
        }
    }

    /// Is nothing but a comment behind `at` on its line?
    fn ends_line_or_comment(&self, at: usize) -> bool {
        let rest = self.rest_of_line(at);
        rest.is_empty() || rest.starts_with('#')
    }
}
