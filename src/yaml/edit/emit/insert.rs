//! Rules 2 and 4: new entries and items at the end of what is there.

use super::super::super::split::skip_blank;
use super::super::super::tree::Kind;
use super::super::new::New;
use super::super::patch::Patch;
use super::super::write::FLOW;
use super::{Done, Emitter, LinePlace, Reason};

impl Emitter<'_, '_> {
    /// Removed and added children of a collection.
    pub(super) fn change_children(&mut self, id: u32, patch: &Patch) -> Done {
        let kind = self.tree.at(id).kind;
        if self.loses_all(id, patch.removed.len()) {
            let added = if kind.is_map() {
                New::Map(patch.added.clone())
            } else {
                New::Sequence(patch.pushed.clone())
            };
            // Nothing stays, or nothing was there: `{}`, `[]`.
            return if !patch.removed.is_empty() {
                self.replace_emptied(id, &added)
            } else {
                self.replace(id, &added)
            };
        }
        if !patch.removed.is_empty() {
            self.remove_children(id, &patch.removed)?;
        }
        if patch.added.is_empty() && patch.pushed.is_empty() {
            return Ok(());
        }
        match kind {
            Kind::BlockMap | Kind::BlockSequence => self.append_lines(id, patch),
            _ => self.append_flow(id, patch),
        }
    }

    /// Does a collection have no other children than these many?
    fn loses_all(&self, id: u32, removed: usize) -> bool {
        let children = removed * if self.tree.at(id).kind.is_map() { 2 } else { 1 };
        self.tree.children(id).nth(children).is_none()
    }

    fn append_lines(&mut self, id: u32, added: &Patch) -> Done {
        let Some(last) = self.tree.last_child(id) else {
            return Ok(());
        };
        let column = self.column(self.tree.full_start_of_block(id));
        let place: LinePlace = self.after(last);
        if self.tree.at(id).kind.is_map() {
            let writer = self.style_within(id);
            self.splice_lines(place, column, |out| {
                writer.entries(&added.added, column, out)
            });
        } else {
            let writer = self.writer;
            self.splice_lines(place, column, |out| {
                writer.items(&added.pushed, column, out)
            });
        }
        Ok(())
    }

    /// `, k: v` behind the last child; a trailing comma is used, and entries on their own
    /// lines are followed by new lines.
    fn append_flow(&mut self, id: u32, added: &Patch) -> Done {
        let data = *self.tree.at(id);
        let Some(last) = self.tree.last_child(id) else {
            return Ok(());
        };
        if self.tree.at(last).kind == Kind::Empty {
            let at = data.start as usize;
            return self.refuse(
                Reason::OddEntry,
                at,
                "the last entry of this map has no value",
            );
        }
        let first = self.tree.full_start(data.child);
        let own_lines = self.line_start(first) > data.start as usize;
        let break_at = if own_lines {
            Some(self.column(first))
        } else {
            None
        };
        let end = self.tree.full_end(last);
        let next = skip_blank(self.bytes, end);
        let comma = self.bytes.get(next) == Some(&b',');
        let at = if comma { next + 1 } else { end };
        let writer = self.writer;
        self.splice(at, at, |out| {
            let separate = |i: usize, out: &mut String| {
                if i > 0 || !comma {
                    out.push(',');
                }
                match break_at {
                    Some(column) => {
                        out.push_str(writer.style.eol);
                        super::indent(column, out);
                    }
                    None => out.push(' '),
                }
            };
            for (i, (name, value)) in added.added.iter().enumerate() {
                separate(i, out);
                writer.entry(name, value, out);
            }
            for (i, item) in added.pushed.iter().enumerate() {
                separate(i, out);
                writer.inline(item, FLOW, out);
            }
        });
        Ok(())
    }
}
