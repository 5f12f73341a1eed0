//! The general parser: any YAML 1.2, by `granit-parser`, into the same tree as [`fast`](super::fast).
//!
//! The events of granit say what a document means and where its scalars, brackets, anchors and
//! tags are. They do not say where `-`, `?`, `:` and `,` are, where a block scalar begins (its
//! span leaves out the header) or where an empty value belongs (its span may be tokens later).
//! So a cursor of our own follows the events over punctuation, blanks and comments.

mod dashes;

use super::error::{Syntax, explain};
use super::split::{bom_len, skip_blank};
use super::tree::{DocumentData, Kind, NONE, ODD, PROPS, Props, Tree};
use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};
use memchr::{memchr, memrchr};
use std::collections::HashMap;
use std::ops::Range;

/// Deepest nesting read at all. It bounds every recursion over a tree.
pub(super) const MAX_DEPTH: usize = 512;

/// Parses `chunk`, which may hold several documents (behind `...`). On an error the tree is as before.
pub(super) fn parse(
    text: &str,
    chunk: &Range<usize>,
    number: u32,
    tree: &mut Tree,
) -> Result<(), Syntax> {
    let mark = tree.mark();
    let part = &text[chunk.clone()];
    let mut builder = Builder::new(part, number, tree);
    match builder.run() {
        Ok(()) => {
            tree.shift(mark, chunk.start);
            Ok(())
        }
        Err(mut error) => {
            tree.rewind(mark);
            error.offset += chunk.start;
            error.began = error.began.map(|at| at + chunk.start);
            Err(error)
        }
    }
}

fn options() -> granit_parser::Options {
    granit_parser::options! {
        emit_anchor_events: true,
        block_nesting_limit: MAX_DEPTH,
        flow_nesting_limit: MAX_DEPTH,
    }
}

/// A collection whose end event has not come yet.
struct Open {
    node: u32,
    last: u32,
    count: usize,
    kind: Kind,
}

/// Where the next node belongs, once the punctuation before it is passed.
struct Slot {
    at: usize,
    /// After a `:` or `-`, so that an empty node is right there.
    anchored: bool,
}

/// Anchor and tag in front of a node.
struct Properties {
    anchor: Range<usize>,
    tag: Range<usize>,
    anchor_id: usize,
}

impl Properties {
    fn end(&self) -> usize {
        self.anchor.end.max(self.tag.end)
    }

    fn exist(&self) -> bool {
        self.end() > 0
    }
}

struct Builder<'a, 't> {
    part: &'a str,
    bytes: &'a [u8],
    number: u32,
    tree: &'t mut Tree,
    cursor: usize,
    open: Vec<Open>,
    anchors: HashMap<usize, u32>,
    root: u32,
    document_start: usize,
}

impl<'a, 't> Builder<'a, 't> {
    fn new(part: &'a str, number: u32, tree: &'t mut Tree) -> Self {
        Builder {
            part,
            bytes: part.as_bytes(),
            number,
            tree,
            cursor: 0,
            open: Vec::new(),
            anchors: HashMap::new(),
            root: NONE,
            document_start: 0,
        }
    }

    fn run(&mut self) -> Result<(), Syntax> {
        let part = dashes::replaced(self.part);
        let mut events = Parser::new_from_str_with_options(&part, options()).peekable();
        while let Some(event) = events.next() {
            let (event, span) = event.map_err(|error| explain(self.part, &error, self.cursor))?;
            let range = span.byte_range().unwrap_or(self.cursor..self.cursor);
            match &event {
                Event::DocumentStart(explicit, _) => {
                    self.start_document(*explicit, &range);
                }
                Event::DocumentEnd => self.end_document(),
                Event::SequenceEnd | Event::MappingEnd => self.close(&range),
                Event::Alias(id) => self.alias(*id, range)?,
                Event::Scalar(_, style, ..) => {
                    let properties = properties(&span, events.peek());
                    self.scalar(*style, range, &properties);
                }
                Event::SequenceStart(style, ..) => {
                    let properties = properties(&span, events.peek());
                    self.collection(false, *style, &range, &properties);
                }
                Event::MappingStart(style, ..) => {
                    let properties = properties(&span, events.peek());
                    self.collection(true, *style, &range, &properties);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn start_document(&mut self, explicit: bool, range: &Range<usize>) {
        // The span of an implicit start may lie behind the first token, so look for ourselves.
        let before = self.cursor;
        if explicit {
            self.document_start = if self.cursor == 0 {
                0
            } else {
                self.after_end_marker()
            };
            self.cursor = range.end;
        } else {
            self.document_start = if before == 0 {
                0
            } else {
                self.after_end_marker()
            };
            self.cursor = self.document_start;
            self.cursor += bom_len(&self.part[self.cursor..]);
        }
        self.root = NONE;
        self.anchors.clear();
    }

    /// The start of the text that belongs to the next document: behind the lines with `...`.
    fn after_end_marker(&self) -> usize {
        let mut at = self.cursor;
        loop {
            let next = skip_blank(self.bytes, at);
            let line_start = next == 0 || matches!(self.bytes[next - 1], b'\n' | b'\r');
            if !line_start || !self.bytes[next..].starts_with(b"...") {
                return at;
            }
            at = self.line_end(next);
        }
    }

    /// Start of the line behind the one `at` is in.
    fn line_end(&self, at: usize) -> usize {
        memchr(b'\n', &self.bytes[at..]).map_or(self.bytes.len(), |n| at + n + 1)
    }

    fn end_document(&mut self) {
        if self.root == NONE {
            self.root = self.tree.push(Kind::Empty, self.cursor, self.cursor, NONE);
        }
        self.tree.documents.push(DocumentData {
            start: self.document_start as u32,
            root: self.root,
            chunk: self.number,
            fast: false,
        });
    }

    /// The event at the end of a block collection has no width.
    fn close(&mut self, range: &Range<usize>) {
        let Some(open) = self.open.pop() else { return };
        let bracket = matches!(
            self.bytes[self.tree.at(open.node).start as usize..],
            [b'[' | b'{', ..]
        );
        if !open.kind.is_flow() {
            self.tree.close_block(open.node, 0);
            return;
        }
        let end = if bracket {
            self.cursor = range.end;
            range.end
        } else if open.last != NONE {
            self.tree.full_end(open.last)
        } else {
            self.cursor
        };
        self.tree.close_flow(open.node, end);
    }

    /// Moves the cursor over the punctuation in front of the next node.
    fn slot(&mut self, start: usize) -> Slot {
        let before = self.cursor;
        let Some(open) = self.open.last_mut() else {
            return Slot {
                at: before,
                anchored: false,
            };
        };
        let mut at = skip_blank(self.bytes, before);
        let mut anchored = false;
        let mut odd = false;
        match open.kind {
            Kind::BlockSequence => {
                at += usize::from(self.bytes.get(at) == Some(&b'-'));
                anchored = true;
            }
            Kind::FlowSequence => {
                at += usize::from(self.bytes.get(at) == Some(&b','));
                at = skip_blank(self.bytes, at);
            }
            _ if open.count.is_multiple_of(2) => {
                if self.bytes.get(at) == Some(&b',') && open.kind == Kind::FlowMap {
                    at = skip_blank(self.bytes, at + 1);
                }
                if self.bytes.get(at) == Some(&b'?') && start > at {
                    at += 1;
                    odd = true;
                }
            }
            _ if self.bytes.get(at) == Some(&b':') => {
                at += 1;
                anchored = true;
            }
            _ => {
                // A key without a colon: its empty value stands where the key ends.
                at = before;
                anchored = true;
                odd = true;
            }
        }
        open.count += 1;
        if odd {
            self.tree.nodes[open.node as usize].flags |= ODD;
        }
        self.cursor = at;
        Slot { at, anchored }
    }

    fn parent(&self) -> u32 {
        self.open.last().map_or(NONE, |open| open.node)
    }

    /// Notes a new node as the last of the open collection, or as the root.
    fn note(&mut self, id: u32) {
        match self.open.last_mut() {
            Some(open) => open.last = id,
            None => self.root = id,
        }
    }

    fn alias(&mut self, anchor: usize, range: Range<usize>) -> Result<(), Syntax> {
        self.slot(range.start);
        let Some(&target) = self.anchors.get(&anchor) else {
            return Err(Syntax::new(
                range.start,
                "this alias refers to an anchor that is not defined before it",
            ));
        };
        if self.open.iter().any(|open| open.node == target) {
            return Err(Syntax::new(
                range.start,
                "this alias refers to a node that contains it, so its value would be infinite",
            ));
        }
        let id = self
            .tree
            .push(Kind::Alias, range.start, range.end, self.parent());
        self.tree.aliases.push((id, target));
        self.note(id);
        self.cursor = range.end;
        Ok(())
    }

    fn scalar(&mut self, style: ScalarStyle, range: Range<usize>, properties: &Properties) {
        let slot = self.slot(range.start);
        let after = if properties.exist() {
            properties.end()
        } else {
            slot.at
        };
        let (kind, range) = match style {
            ScalarStyle::Plain if range.is_empty() => {
                let at = self.empty_at(&slot, properties, range.start);
                (Kind::Empty, at..at)
            }
            ScalarStyle::Plain => (Kind::Plain, range),
            ScalarStyle::SingleQuoted => (Kind::Single, range),
            ScalarStyle::DoubleQuoted => (Kind::Double, range),
            ScalarStyle::Literal => (Kind::Literal, self.block_scalar(after, &range)),
            ScalarStyle::Folded => (Kind::Folded, self.block_scalar(after, &range)),
        };
        self.cursor = range.end.max(after);
        let id = self.tree.push(kind, range.start, range.end, self.parent());
        self.set_properties(id, properties);
        self.note(id);
    }

    fn empty_at(&self, slot: &Slot, properties: &Properties, reported: usize) -> usize {
        if properties.exist() {
            properties.end()
        } else if slot.anchored || self.open.is_empty() {
            slot.at
        } else {
            skip_blank(self.bytes, slot.at).min(reported.max(slot.at))
        }
    }

    /// From the header of a block scalar to the end of its last line. `content` is granit's span.
    fn block_scalar(&self, after: usize, content: &Range<usize>) -> Range<usize> {
        let start = skip_blank(self.bytes, after);
        let body = self.line_end(start);
        let header = &self.bytes[start..body];
        let keep = header
            .iter()
            .take_while(|c| !c.is_ascii_whitespace())
            .any(|c| *c == b'+');
        let column = if content.is_empty() {
            0
        } else {
            content.start - memrchr(b'\n', &self.bytes[..content.start]).map_or(0, |n| n + 1)
        };
        let mut end = content.end.max(body).min(self.bytes.len());
        // granit may stop in front of the indentation of what follows.
        let line = memrchr(b'\n', &self.bytes[..end])
            .map_or(0, |n| n + 1)
            .max(body);
        if end < self.bytes.len() && self.bytes[line..end].iter().all(|c| *c == b' ') {
            end = line;
        }
        let declared = header.iter().take(3).any(u8::is_ascii_digit);
        if !keep
            && !declared
            && self.bytes[body..end]
                .iter()
                .all(|c| matches!(c, b' ' | b'\n' | b'\r'))
        {
            return start..body; // nothing but blank lines, however long they are
        }
        let end = if keep {
            self.over_blank_lines(end, column)
        } else {
            self.before_blank_lines(body, end, column)
        };
        start..end
    }

    fn over_blank_lines(&self, mut end: usize, column: usize) -> usize {
        loop {
            let rest = &self.bytes[end..];
            let spaces = rest
                .iter()
                .take_while(|c| **c == b' ')
                .count()
                .min(column.max(1));
            match &rest[spaces..] {
                [b'\n', ..] => end += spaces + 1,
                [b'\r', b'\n', ..] => end += spaces + 2,
                [] => return self.bytes.len(),
                _ => return end,
            }
        }
    }

    /// Trailing lines without content do not belong to a scalar that does not keep them.
    fn before_blank_lines(&self, body: usize, mut end: usize, column: usize) -> usize {
        while end > body {
            let last = end - usize::from(self.bytes[end - 1] == b'\n');
            let line = memrchr(b'\n', &self.bytes[..last]).map_or(0, |n| n + 1);
            let text = &self.bytes[line.min(last)..last];
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            let blank = text.iter().all(|c| *c == b' ') && (column == 0 || text.len() <= column);
            if line < body || !blank {
                break;
            }
            end = line;
        }
        end
    }

    fn collection(
        &mut self,
        is_map: bool,
        style: StructureStyle,
        range: &Range<usize>,
        properties: &Properties,
    ) {
        let slot = self.slot(range.start);
        let after = if properties.exist() {
            properties.end()
        } else {
            slot.at
        };
        let start = skip_blank(self.bytes, after);
        let kind = match (is_map, style == StructureStyle::Flow) {
            (true, true) => Kind::FlowMap,
            (true, false) => Kind::BlockMap,
            (false, true) => Kind::FlowSequence,
            (false, false) => Kind::BlockSequence,
        };
        let bracket = if is_map { b'{' } else { b'[' };
        let has_bracket = kind.is_flow() && self.bytes.get(start) == Some(&bracket);
        self.cursor = start + usize::from(has_bracket);
        let id = self.tree.push(kind, start, start, self.parent());
        if is_map {
            self.tree.unsure.push(id);
        }
        // `[a: b]`: a map without braces.
        if kind.is_flow() && !has_bracket {
            self.tree.at_mut(id).flags |= ODD;
        }
        self.set_properties(id, properties);
        self.note(id);
        self.open.push(Open {
            node: id,
            last: NONE,
            count: 0,
            kind,
        });
    }

    fn set_properties(&mut self, id: u32, properties: &Properties) {
        if !properties.exist() {
            return;
        }
        if properties.anchor_id > 0 {
            self.anchors.insert(properties.anchor_id, id);
        }
        let props = Props {
            anchor: properties.anchor.start as u32..properties.anchor.end as u32,
            tag: properties.tag.start as u32..properties.tag.end as u32,
        };
        self.tree.props.push((id, props));
        self.tree.at_mut(id).flags |= PROPS;
    }
}

/// Anchor (the event behind the node's own) and tag of a node.
fn properties(
    span: &Span,
    next: Option<&Result<(Event<'_>, Span), granit_parser::ScanError>>,
) -> Properties {
    let tag = span
        .tag_span()
        .and_then(|tag| tag.byte_range())
        .unwrap_or_default();
    match next {
        Some(Ok((Event::Anchor(id, _), span))) => Properties {
            anchor: span.byte_range().unwrap_or_default(),
            tag,
            anchor_id: *id,
        },
        _ => Properties {
            anchor: 0..0,
            tag,
            anchor_id: 0,
        },
    }
}
