//! Rule 6: entries and items are removed with their lines and the comments directly above them.

use super::super::super::tree::NONE;
use super::super::new::New;
use super::{Done, Emitter, Reason};
use std::collections::HashSet;

/// One child of a collection: where it starts with its key, and its value.
#[derive(Clone, Copy)]
pub(super) struct Child {
    pub(super) start: usize,
    pub(super) value: u32,
    pub(super) removed: bool,
}

impl Emitter<'_, '_> {
    /// The children of a collection, some of which are removed: keys, or items.
    pub(super) fn children_of(&self, id: u32, removed: &[u32]) -> Vec<Child> {
        let removed: HashSet<u32> = removed.iter().copied().collect();
        if self.tree.at(id).kind.is_map() {
            let child = |(key, value)| Child {
                start: self.tree.full_start(key),
                value,
                removed: removed.contains(&key),
            };
            return self.tree.entries(id).map(child).collect();
        }
        let child = |(item, start)| Child {
            start,
            value: item,
            removed: removed.contains(&item),
        };
        self.item_starts(id).into_iter().map(child).collect()
    }

    /// Items with the place of their dash, or of themselves inside brackets.
    fn item_starts(&self, id: u32) -> Vec<(u32, usize)> {
        let flow = self.tree.at(id).kind.is_flow();
        let start = |item| {
            if flow {
                self.tree.full_start(item)
            } else {
                self.dash(item)
            }
        };
        self.tree
            .children(id)
            .map(|item| (item, start(item)))
            .collect()
    }

    fn dash(&self, item: u32) -> usize {
        let parent = self.tree.at(item).parent;
        match self.tree.previous(item) {
            Some(before) => super::skip_blank(self.bytes, self.tree.full_end(before)),
            None => self.tree.at(parent).start as usize,
        }
    }

    /// Removes some children of a block collection, not all of them.
    pub(super) fn remove_children(&mut self, id: u32, removed: &[u32]) -> Done {
        let children = self.children_of(id, removed);
        let line = self.line_start(children[0].start);
        let compact = !self.text[line..children[0].start]
            .bytes()
            .all(|c| c == b' ');
        let mut first = 0;
        if compact && children[0].removed {
            // `- a: 1`: the first entry that stays moves up behind the dash.
            first = children
                .iter()
                .position(|child| !child.removed)
                .unwrap_or(children.len());
            self.remove_compact(&children[..first], children.get(first));
        }
        for i in first..children.len() {
            if children[i].removed {
                let before = if i > 0 {
                    Some(children[i - 1].value)
                } else {
                    None
                };
                let document_head = i == 0 && self.tree.at(id).parent == NONE;
                self.remove_entry_lines(&children[i], before, document_head);
            }
        }
        Ok(())
    }

    /// The first entries behind a dash go. The next one moves up to the dash, but not over a comment.
    fn remove_compact(&mut self, removed: &[Child], kept: Option<&Child>) {
        let (Some(first), Some(last), Some(kept)) = (removed.first(), removed.last(), kept) else {
            return;
        };
        let after = self.end_of(last.value);
        if self.text[after..kept.start].trim().is_empty() {
            self.splice(first.start, kept.start, |_| {});
            return;
        }
        let eol = self.writer.style.eol;
        let dash = self.text[..first.start].trim_end().len();
        self.splice(dash, after, |out| out.push_str(eol));
    }

    /// From the comments right above an entry to the end of its last line.
    fn remove_entry_lines(&mut self, child: &Child, before: Option<u32>, document_head: bool) {
        let line = self.line_start(child.start);
        let floor = before.map_or(0, |id| self.tree.full_end(self.last_leaf(id)));
        // The comment over the first key of a document is its licence or its title.
        let start = if document_head {
            line
        } else {
            self.comments_above(line, child.start, floor)
        };
        let mut end = self.end_of(child.value);
        if before.is_some_and(|id| self.tree.at(self.last_leaf(id)).kind.is_block_scalar()) {
            // Blank lines that now follow a block scalar could become part of it.
            end = self.after_blank_lines(end);
        }
        self.splice(start, end, |_| {});
    }

    fn after_blank_lines(&self, at: usize) -> usize {
        let mut end = at;
        while end < self.bytes.len() {
            let next = self.next_line(end).at;
            if !self.text[end..next].trim().is_empty() {
                break;
            }
            end = next;
        }
        end
    }

    /// Everything in a block collection was removed: `{}` or `[]` stays, or what was added instead.
    pub(super) fn replace_emptied(&mut self, id: u32, added: &New<'_>) -> Done {
        let data = *self.tree.at(id);
        if let Some(head) = self.head_end(id)
            && data.parent != NONE
        {
            let start = data.start as usize;
            let line = self.line_start(start);
            let body = self.next_line(head).at;
            // What stands between key and first entry must be that entry's own comment.
            if body < line && self.comments_above(line, start, body) != body {
                return self.refuse(
                    Reason::Comment,
                    body,
                    "a comment between the key and its first entry would go",
                );
            }
        }
        self.replace(id, added)
    }
}
