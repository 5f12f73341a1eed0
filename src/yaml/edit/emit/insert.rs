//! Rules 2 and 4: new entries and items at the end of what is there.

use super::super::super::tree::{Kind, digest};
use super::super::super::{Stream, Value};
use super::super::new::New;
use super::super::patch::{Listed, Patch};
use super::super::style::Style;
use super::super::write::is_inline;
use super::{Done, Emitter, Reason, Splice};
use std::ops::Range;

impl<'a> Emitter<'a, '_> {
    /// Removed and added children of a collection.
    pub(super) fn change_children(&mut self, id: u32, patch: &Patch<'a>) -> Done {
        let kind = self.tree.at(id).kind;
        if kind.is_flow() {
            return self.change_in_brackets(id, patch);
        }
        if self.loses_all(id, patch.removed.len()) {
            let added = if kind.is_map() {
                let entries = patch.entries(self.plan.stream);
                New::Map(entries.unwrap_or_default().into_owned())
            } else {
                New::Sequence(patch.pushed.clone())
            };
            return self.replace_emptied(id, &added);
        }
        if !patch.removed.is_empty() {
            self.remove_children(id, &patch.removed)?;
        }
        match patch.adds() {
            true => self.append_lines(id, patch),
            false => Ok(()),
        }
    }

    /// Does a collection have no other children than these many?
    fn loses_all(&self, id: u32, removed: usize) -> bool {
        let children = removed * if self.tree.at(id).kind.is_map() { 2 } else { 1 };
        self.tree.children(id).nth(children).is_none()
    }

    fn append_lines(&mut self, id: u32, added: &Patch<'a>) -> Done {
        let Some(last) = self.tree.last_child(id) else {
            return Ok(());
        };
        let column = self.column(self.tree.full_start_of_block(id));
        let place = self.after(last);
        if self.tree.at(id).kind != Kind::BlockMap {
            let writer = self.writer;
            self.splice_lines(place, column, |out| {
                writer.items(&added.pushed, column, out)
            });
            return Ok(());
        }
        // What is on one line has no style.
        let is_plain = added.added.iter().all(|(_, value)| is_inline(value))
            && added.listed.iter().all(is_entry);
        let writer = match is_plain {
            true => self.writer,
            false => self.style_within(id),
        };
        let is_alone = !place.end_of_text && !place.apart;
        if is_alone && let Some(text) = self.written.find(added, column, writer.style) {
            self.splices.list.push(Splice {
                start: place.at,
                end: place.at,
                text,
                node: id,
            });
            return Ok(());
        }
        let Some(entries) = added.entries(self.plan.stream) else {
            let message = "a value has no place in what is added here";
            return self.refuse(Reason::NoSuchPlace, place.at, message);
        };
        let text = self.splice_lines(place, column, |out| writer.entries(&entries, column, out));
        if is_alone {
            self.written.add(added, column, writer.style, text);
        }
        Ok(())
    }
}

/// Whether what is listed is an entry on one line.
fn is_entry((pointer, value): &Listed<'_>) -> bool {
    let is_inline = match value {
        Value::Sequence(items) => items.is_empty(),
        Value::Mapping(entries) => entries.is_empty(),
        _ => true,
    };
    is_inline && memchr::memrchr(b'/', pointer.as_bytes()) == Some(0)
}

/// What was written for maps. Most objects get what others get, and it is in the buffer once.
#[derive(Default)]
pub(in super::super) struct Written<'e> {
    known: Vec<Option<Box<Block<'e>>>>,
    /// The first node of the last document, and its style.
    style: Option<(u32, Style)>,
}

/// Lines of what is listed for a map.
struct Block<'e> {
    listed: Vec<Listed<'e>>,
    column: usize,
    style: Style,
    text: Range<usize>,
}

impl<'e> Written<'e> {
    /// More than the configs of an environment have different values.
    const SLOTS: usize = 1024;

    /// The style of a document.
    pub(super) fn style_of(&mut self, stream: &Stream, nodes: Range<u32>) -> Style {
        match self.style {
            Some((first, style)) if first == nodes.start => style,
            _ => {
                let first = nodes.start;
                let style = Style::of(stream, nodes);
                self.style = Some((first, style));
                style
            }
        }
    }

    fn slot(patch: &Patch<'_>, column: usize) -> usize {
        let digests = patch.listed.iter().map(|(pointer, value)| {
            let value = value.as_str().unwrap_or_default();
            u32::from(digest(pointer.as_bytes())) << 16 | u32::from(digest(value.as_bytes()))
        });
        let all = digests.fold(column as u32, |all, it| {
            (all ^ it).wrapping_mul(0x9e37_79b1)
        });
        (all >> 16) as usize % Written::SLOTS
    }

    /// The lines of the same for another map.
    fn find(&self, patch: &Patch<'_>, column: usize, style: Style) -> Option<Range<usize>> {
        let known = self.known.get(Written::slot(patch, column))?.as_ref()?;
        let is_same =
            known.column == column && known.style == style && patch.only_lists(&known.listed);
        is_same.then(|| known.text.clone())
    }

    fn add(&mut self, patch: &Patch<'e>, column: usize, style: Style, text: Range<usize>) {
        if !patch.only_lists(&patch.listed) {
            return;
        }
        if self.known.is_empty() {
            self.known.resize_with(Written::SLOTS, || None);
        }
        self.known[Written::slot(patch, column)] = Some(Box::new(Block {
            listed: patch.listed.clone(),
            column,
            style,
            text,
        }));
    }
}
