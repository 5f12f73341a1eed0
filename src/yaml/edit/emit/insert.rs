//! Rules 2 and 4: new entries and items at the end of what is there.

use super::super::super::tree::Kind;
use super::super::new::New;
use super::super::patch::Patch;
use super::super::write::is_inline;
use super::{Done, Emitter};

impl Emitter<'_, '_> {
    /// Removed and added children of a collection.
    pub(super) fn change_children(&mut self, id: u32, patch: &Patch<'_>) -> Done {
        let kind = self.tree.at(id).kind;
        if kind.is_flow() {
            return self.change_in_brackets(id, patch);
        }
        if self.loses_all(id, patch.removed.len()) {
            let added = if kind.is_map() {
                New::Map(patch.added.clone())
            } else {
                New::Sequence(patch.pushed.clone())
            };
            return self.replace_emptied(id, &added);
        }
        if !patch.removed.is_empty() {
            self.remove_children(id, &patch.removed)?;
        }
        if !patch.added.is_empty() || !patch.pushed.is_empty() {
            self.append_lines(id, patch);
        }
        Ok(())
    }

    /// Does a collection have no other children than these many?
    fn loses_all(&self, id: u32, removed: usize) -> bool {
        let children = removed * if self.tree.at(id).kind.is_map() { 2 } else { 1 };
        self.tree.children(id).nth(children).is_none()
    }

    fn append_lines(&mut self, id: u32, added: &Patch<'_>) {
        let Some(last) = self.tree.last_child(id) else {
            return;
        };
        let column = self.column(self.tree.full_start_of_block(id));
        let place = self.after(last);
        if self.tree.at(id).kind == Kind::BlockMap {
            // What is on one line has no style.
            let is_plain = added.added.iter().all(|(_, value)| is_inline(value));
            let writer = match is_plain {
                true => self.writer,
                false => self.style_within(id),
            };
            self.splice_lines(place, column, |out| {
                writer.entries(&added.added, column, out)
            });
        } else {
            let writer = self.writer;
            self.splice_lines(place, column, |out| {
                writer.items(&added.pushed, column, out)
            });
        }
    }
}
