//! Rule 6: entries and items are removed with their lines and the comments directly above them.

use super::super::super::tree::NONE;
use super::super::new::New;
use super::{Done, Emitter, Reason};

/// One child of a collection: where it starts with its key, and its value.
struct Child {
    start: usize,
    value: u32,
    removed: bool,
}

impl Emitter<'_, '_> {
    /// Removes some children of a collection, not all of them.
    pub(super) fn remove_children(&mut self, id: u32, removed: &[u32]) -> Done {
        let children: Vec<Child> = if self.tree.at(id).kind.is_map() {
            let entries = self.tree.entries(id);
            let child = |(key, value)| Child {
                start: self.tree.full_start(key),
                value,
                removed: removed.contains(&key),
            };
            entries.map(child).collect()
        } else {
            let child = |(item, start)| Child {
                start,
                value: item,
                removed: removed.contains(&item),
            };
            self.item_starts(id).into_iter().map(child).collect()
        };
        if self.tree.at(id).kind.is_flow() {
            self.remove_flow(&children)
        } else {
            self.remove_lines(id, &children)
        }
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

    /// With the comma before it, or the one behind it where nothing stays before it.
    fn remove_flow(&mut self, children: &[Child]) -> Done {
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

    fn remove_lines(&mut self, id: u32, children: &[Child]) -> Done {
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
            self.remove_compact(&children[..first], children.get(first))?;
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

    fn remove_compact(&mut self, removed: &[Child], kept: Option<&Child>) -> Done {
        let (Some(first), Some(kept)) = (removed.first(), kept) else {
            return Ok(());
        };
        let starts = removed
            .iter()
            .skip(1)
            .chain(Some(kept))
            .map(|child| child.start);
        for (child, next) in removed.iter().zip(starts) {
            let end = self.tree.full_end(self.last_leaf(child.value));
            if self.text[end..next].contains('#') {
                return self.refuse(
                    Reason::Comment,
                    child.start,
                    "a comment behind the first entry of an item would move to the next one",
                );
            }
        }
        self.splice(first.start, kept.start, |_| {});
        Ok(())
    }

    /// From the comments right above an entry to the end of its last line.
    fn remove_entry_lines(&mut self, child: &Child, before: Option<u32>, document_head: bool) {
        let line = self.line_start(child.start);
        let floor = before.map_or(0, |id| self.tree.full_end(self.last_leaf(id)));
        // The comment over the first key of a document is its licence or its title.
        let start = if document_head {
            line
        } else {
            self.comments_above(line, self.column(child.start), floor)
        };
        let mut end = self.after(child.value).at;
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

    /// First byte of the comment lines directly above `line`, in the same column.
    fn comments_above(&self, line: usize, column: usize, floor: usize) -> usize {
        let mut line = line;
        while line > floor && line > 0 {
            let above = self.line_start(line - 1);
            let text = &self.text[above..line];
            let comment = text.trim_start_matches(' ');
            if above < floor || !comment.starts_with('#') || text.len() - comment.len() != column {
                break;
            }
            line = above;
        }
        line
    }

    /// Everything in a collection was removed: `{}` or `[]` stays, or what was added instead.
    pub(super) fn replace_emptied(&mut self, id: u32, added: &New) -> Done {
        let data = *self.tree.at(id);
        if data.kind.is_flow() {
            let gaps = self.text[data.range()].contains('#');
            if gaps {
                return self.refuse(
                    Reason::Comment,
                    data.start as usize,
                    "a comment inside the brackets would go with the entries",
                );
            }
            return self.replace(id, added);
        }
        if let Some(head) = self.head_end(id)
            && data.parent != NONE
        {
            let line = self.line_start(data.start as usize);
            let body = self.next_line(head).at;
            // What stands between key and first entry must be that entry's own comment.
            if body < line
                && self.comments_above(line, self.column(data.start as usize), body) != body
            {
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
