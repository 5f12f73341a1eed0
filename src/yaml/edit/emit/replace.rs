//! Rules 1 and 3: a value takes the place of another one.

use super::super::super::tree::{Data, Kind, NONE, PROPS};
use super::super::new::New;
use super::super::write::is_inline;
use super::{Done, Emitter, LinePlace, Reason, indent};

impl Emitter<'_, '_> {
    /// Writes `value` in place of node `id`.
    pub(super) fn replace(&mut self, id: u32, value: &New<'_>) -> Done {
        let data = *self.tree.at(id);
        if let Some(done) = self.replace_brackets(id, value) {
            return done;
        }
        if data.parent != NONE && self.tree.at(data.parent).kind.is_flow() {
            return self.replace_in_flow(id, value);
        }
        if data.parent == NONE && !data.kind.is_block_collection() && data.kind != Kind::Empty {
            return self.replace_span(id, &data, value);
        }
        if is_inline(value) {
            self.replace_by_inline(id, &data, value)
        } else {
            self.replace_by_lines(id, &data, value)
        }
    }

    /// The text that remains of a block scalar: its comment, and its last line break.
    fn rest_of_block_scalar(&self, data: &Data) -> String {
        if !data.kind.is_block_scalar() {
            return String::new();
        }
        let comment = self.header_comment(data);
        let comment = comment.map_or(String::new(), |comment| format!(" {comment}"));
        match self.ends_line(data.end()) {
            true => comment + self.writer.style.eol,
            false => comment,
        }
    }

    /// The end of the key or dash in front of the node.
    fn head(&self, id: u32) -> Result<usize, super::Refusal> {
        match self.head_end(id) {
            Some(end) => Ok(end),
            None => self.refuse(
                Reason::Layout,
                self.tree.full_start(id),
                "the place of the value behind its key was not found",
            ),
        }
    }

    fn same_line(&self, a: usize, b: usize) -> bool {
        self.line_start(a) == self.line_start(b)
    }

    fn replace_by_inline(&mut self, id: u32, data: &Data, value: &New<'_>) -> Done {
        let writer = self.writer;
        if data.kind == Kind::Empty {
            let head = self.head(id)?;
            self.splice(head, head, |out| {
                out.push(' ');
                writer.scalar(value, data.kind, out);
            });
            return Ok(());
        }
        if !data.kind.is_block_collection() {
            let rest = self.rest_of_block_scalar(data);
            self.splice(data.start as usize, data.end(), |out| {
                writer.scalar(value, data.kind, out);
                out.push_str(&rest);
            });
            return Ok(());
        }
        let root = data.parent == NONE;
        let head = if root {
            data.start as usize
        } else {
            self.head(id)?
        };
        if root || self.same_line(head, data.start as usize) {
            return self.replace_compact(id, data, value, 0);
        }
        self.splice(head, head, |out| {
            out.push(' ');
            writer.scalar(value, data.kind, out);
        });
        self.remove_body(id, head);
        Ok(())
    }

    /// The lines of a block collection below its key go; the line of the key stays.
    fn remove_body(&mut self, id: u32, head: usize) {
        let body = self.next_line(head).at;
        let end = self.end_of(self.tree.last_child(id).unwrap_or(id));
        self.splice(body, end, |_| {});
    }

    /// From the first to the last byte of a node that starts behind its dash, or of a root.
    fn replace_compact(&mut self, id: u32, data: &Data, value: &New<'_>, column: usize) -> Done {
        let end = self.tree.full_end(self.last_leaf(id));
        let ends_line = self.ends_line(end);
        let last_line = self.next_line(end);
        let writer = self.writer;
        self.splice(data.start as usize, end, |out| {
            writer.block(value, column, out);
            if ends_line {
                out.push_str(writer.style.eol);
            }
        });
        if last_line.end_of_text && !ends_line {
            // As `after` promises to whoever adds lines there.
            self.splice(last_line.at, last_line.at, |out| {
                out.push_str(writer.style.eol)
            });
        }
        Ok(())
    }

    fn replace_by_lines(&mut self, id: u32, data: &Data, value: &New<'_>) -> Done {
        if data.parent == NONE {
            return self.replace_root(id, data, value);
        }
        let head = self.head(id)?;
        let is_item = self.tree.at(data.parent).kind == Kind::BlockSequence;
        let start = data.start as usize;
        let has_properties = data.has(PROPS);
        let below = data.kind != Kind::Empty && !self.same_line(head, start);
        if below && !data.kind.is_block_collection() {
            // A scalar on a line below its key: its column is as good as any.
            return self.replace_compact(id, data, value, self.column(start));
        }
        let comment = match data.kind {
            Kind::Empty => !self.rest_of_line(head).is_empty(),
            kind if kind.is_block_collection() || kind.is_block_scalar() => false,
            _ => !self.rest_of_line(data.end()).is_empty(),
        };
        if is_item && !has_properties && !below && !comment {
            return self.replace_item(id, data, value, head);
        }
        self.replace_below(id, data, value, head)
    }

    /// `- k: v`: the value starts on the line of its dash.
    fn replace_item(&mut self, id: u32, data: &Data, value: &New<'_>, head: usize) -> Done {
        if data.kind != Kind::Empty {
            return self.replace_compact(id, data, value, self.column(data.start as usize));
        }
        let column = self.column(head) + 1;
        let writer = self.writer;
        self.splice(head, head, |out| {
            out.push(' ');
            writer.block(value, column, out);
        });
        Ok(())
    }

    /// The value is on its own lines below its key or dash, whose line keeps its comment.
    fn replace_below(&mut self, id: u32, data: &Data, value: &New<'_>, head: usize) -> Done {
        let parent = data.parent;
        let base = self.column(self.tree.full_start_of_block(parent));
        let is_item = self.tree.at(parent).kind == Kind::BlockSequence;
        let writer = if is_item {
            self.writer
        } else {
            self.style_within(parent)
        };
        let by = match value {
            _ if is_item => 2,
            New::Map(_) => writer.style.step,
            _ => writer.style.sequence,
        };
        let column = match data.kind {
            Kind::Empty => {
                let least = usize::from(!matches!(value, New::Sequence(_)));
                self.column_of_comments(id, head, least)
            }
            _ => None,
        };
        let column = column.unwrap_or(base + by);
        let place = self.clear(id, data, head);
        self.splice_lines(place, column, |out| writer.block(value, column, out));
        Ok(())
    }

    /// Takes the old value away and gives the place of the lines below its key.
    fn clear(&mut self, id: u32, data: &Data, head: usize) -> LinePlace {
        if data.kind == Kind::Empty {
            return self.next_line(head);
        }
        if data.kind.is_block_collection() {
            let at = self.next_line(head).at;
            self.remove_body(id, head);
            return LinePlace {
                at,
                end_of_text: false,
                apart: false,
            };
        }
        let end = data.end();
        let mut start = data.start as usize;
        while start > head && self.bytes[start - 1] == b' ' {
            start -= 1;
        }
        if data.kind.is_block_scalar() && self.ends_line(end) {
            let rest = self.rest_of_block_scalar(data);
            self.splice(start, end, |out| out.push_str(&rest));
            return LinePlace {
                at: end,
                end_of_text: false,
                apart: false,
            };
        }
        self.splice(start, end, |_| {});
        self.next_line(end)
    }

    fn replace_root(&mut self, id: u32, data: &Data, value: &New<'_>) -> Done {
        if data.kind != Kind::Empty {
            return self.replace_compact(id, data, value, self.column(data.start as usize));
        }
        if data.has(PROPS) {
            return self.refuse(
                Reason::Layout,
                data.start as usize,
                "the empty document has an anchor",
            );
        }
        let place = match self.marker_end(id) {
            Some(end) => self.next_line(end),
            None => {
                return self.refuse(
                    Reason::Layout,
                    data.start as usize,
                    "the document is empty and has no marker",
                );
            }
        };
        let writer = self.writer;
        self.splice_lines(place, 0, |out| {
            indent(0, out);
            writer.block(value, 0, out);
        });
        Ok(())
    }
}
