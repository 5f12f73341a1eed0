//! From a plan to splices: which bytes go, and what is put where.
//!
//! A splice never reaches into a node that stays. Everything is placed by the column and the line
//! of what is already there; the rules are numbered in the tests of this module.

mod flow;
mod insert;
mod owner;
mod remove;
mod replace;

use super::super::split::skip_blank;
use super::super::tree::{Kind, NONE, ODD, Tree};
use super::brackets::Brackets;
use super::plan::Plan;
use super::style::Style;
use super::write::{FlowWriter, Lines, Writer, indent};
use super::{Footers, NodeId, Refusal, RefusalReason as Reason};
use crate::sorting;
use std::collections::HashSet;
use std::ops::Range;

pub(super) use insert::Written;

type Done = Result<(), Refusal>;

/// Bytes `start..end` of the source make way for bytes `text` of the buffer.
#[derive(Clone, Debug)]
pub(super) struct Splice {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) text: Range<usize>,
    /// The patched node that it is for.
    pub(super) node: u32,
}

/// The splices of one or more documents, with one buffer for all their text.
#[derive(Debug, Default)]
pub(super) struct Splices {
    pub(super) list: Vec<Splice>,
    pub(super) buffer: String,
    /// Where lines are put in behind all others.
    pub(super) behind: Option<BehindPlace>,
    /// Patched nodes that depend on each other although they are at different places: an anchor and its aliases.
    pub(super) ties: Vec<(u32, u32)>,
}

/// Where and how lines are put in behind all others.
#[derive(Clone, Copy, Debug)]
pub(super) struct BehindPlace {
    place: LinePlace,
    column: usize,
    style: Style,
}

impl BehindPlace {
    pub(super) fn at(&self) -> usize {
        self.place.at
    }

    /// Passes the lines on.
    pub(super) fn write(&self, write: &dyn Fn(&mut Lines<'_>), sink: &mut dyn FnMut(&str)) {
        let Style {
            step,
            sequence,
            eol,
        } = self.style;
        let mut out = String::new();
        begin_lines(self.place, self.column, eol, &mut out);
        let mut lines = Lines {
            column: self.column,
            step,
            sequence,
            eol,
            out,
            sink,
        };
        write(&mut lines);
        if !self.place.end_of_text {
            lines.plain(eol);
        }
        lines.finish();
    }
}

/// What precedes new lines at a place.
fn begin_lines(place: LinePlace, column: usize, eol: &str, out: &mut String) {
    if place.end_of_text {
        out.push_str(eol);
    }
    out.push_str(if place.apart { eol } else { "" });
    indent(column, out);
}

/// Where new lines go: before this byte, and whether the text ends there without a line break.
#[derive(Clone, Copy, Debug)]
struct LinePlace {
    at: usize,
    end_of_text: bool,
    /// Comments end here that a blank line has to keep from what follows.
    apart: bool,
}

pub(super) struct Emitter<'a, 'p> {
    plan: &'p Plan<'a>,
    tree: &'a Tree,
    text: &'a str,
    bytes: &'a [u8],
    writer: Writer<'a>,
    splices: &'p mut Splices,
    written: &'p mut Written<'a>,
    footers: Footers,
    /// Block scalars at the end of the text whose header was changed already.
    chomped: HashSet<u32>,
    /// The edit that is blamed for what is refused now.
    edit: usize,
    /// The patched node that is written now.
    node: u32,
}

/// Adds the splices of a document to `splices`, in the order of the text.
pub(super) fn emit<'a>(
    plan: &Plan<'a>,
    span: Range<usize>,
    nodes: Range<u32>,
    footers: Footers,
    behind: Option<NodeId>,
    (splices, written): (&mut Splices, &mut Written<'a>),
) -> Done {
    let stream = plan.stream;
    let first = splices.list.len();
    let mut emitter = Emitter {
        plan,
        tree: &stream.tree,
        text: stream.text(),
        bytes: stream.text().as_bytes(),
        writer: Writer {
            stream,
            style: written.style_of(stream, nodes.clone()),
        },
        splices,
        written,
        footers,
        chomped: HashSet::new(),
        edit: 0,
        node: NONE,
    };
    emitter.refuse_odd_lines(&span, nodes)?;
    emitter.run()?;
    if let Some(behind) = behind {
        emitter.find_behind(behind.0);
    }
    let edit = emitter.edit;
    let Splices { list, behind, .. } = splices;
    let list = &mut list[first..];
    // Stable: at one place, what is nested deeper comes first, as it was emitted first.
    sorting::sort_by_key(list, |splice| (splice.start, splice.end));
    let mut pairs = list.windows(2);
    let twice = pairs.find(|pair| pair[0].end > pair[1].start);
    let behind = behind.as_ref().map(BehindPlace::at);
    let is_gone = |at: &usize| list.iter().any(|it| it.start < *at && *at < it.end);
    match twice.map(|pair| pair[1].start).or(behind.filter(is_gone)) {
        Some(at) => {
            let message = "two edits would change the same bytes".to_string();
            Err(Refusal::new(stream, edit, Reason::Layout, at, message))
        }
        None => Ok(()),
    }
}

impl<'a> Emitter<'a, '_> {
    fn run(&mut self) -> Done {
        let depth = |id: u32| self.plan.ancestors(id).count();
        let plan = self.plan;
        let mut patched: Vec<_> = plan
            .patches
            .in_order()
            .into_iter()
            .filter(|(id, patch)| !patch.is_empty() && !plan.is_inside_dropped(*id))
            .map(|(id, patch)| (depth(id), id, patch))
            .collect();
        sorting::sort_by_key(&mut patched, |(depth, ..)| std::cmp::Reverse(*depth));
        for (_, id, patch) in patched {
            self.edit = patch.edit;
            self.node = id;
            self.refuse_odd_parent(id)?;
            match &patch.replaced {
                Some(value) => self.replace(id, value)?,
                None => self.change_children(id, patch)?,
            }
        }
        Ok(())
    }

    fn refuse<T>(&self, reason: Reason, at: usize, message: &str) -> Result<T, Refusal> {
        Err(Refusal::new(
            self.plan.stream,
            self.edit,
            reason,
            at,
            message.to_string(),
        ))
    }

    /// Rule 10: a tab where columns count makes columns a matter of opinion, and a lone CR is a line
    /// break that the code below does not know. The fast parser lets neither pass.
    fn refuse_odd_lines(&self, span: &Range<usize>, nodes: Range<u32>) -> Done {
        let documents = &self.tree.documents;
        let at = documents.partition_point(|document| document.root < nodes.start);
        if documents.get(at).is_none_or(|document| document.fast) {
            return Ok(());
        }
        let bytes = self.text[span.clone()].as_bytes();
        if memchr::memchr_iter(b'\r', bytes).any(|at| bytes.get(at + 1) != Some(&b'\n')) {
            let message = "the lines of this document end with a lone carriage return";
            return self.refuse(Reason::Layout, span.start, message);
        }
        let root = documents.get(at).map(|it| self.tree.at(it.root).kind);
        let is_json = root.is_some_and(Kind::is_flow);
        // In brackets tabs are blanks like others.
        let outermost = |id: &u32| {
            let data = self.tree.at(*id);
            let is_inner = data.parent != NONE && self.tree.at(data.parent).kind.is_flow();
            data.kind.is_flow() && !is_inner
        };
        let mut brackets = nodes
            .filter(outermost)
            .map(|id| self.tree.at(id).range())
            .peekable();
        let mut line_start = span.start;
        for line in self.text[span.clone()].split_inclusive('\n') {
            while brackets.next_if(|range| range.end <= line_start).is_some() {}
            let text = line.trim_end_matches(['\n', '\r']);
            let lead = text
                .bytes()
                .take_while(|c| matches!(c, b' ' | b'\t' | b'-' | b'?' | b':'))
                .count();
            // Readers of JSON also pass over blanks before its first bracket.
            let is_first = is_json && text[..lead].trim().is_empty();
            let first = if is_first {
                line_start + lead + 1
            } else {
                line_start
            };
            let is_inside = brackets.peek().is_some_and(|range| range.start < first);
            if !is_inside && lead < text.len() && text[..lead].contains('\t') {
                return self.refuse(
                    Reason::Layout,
                    line_start,
                    "a line of this document is indented with a tab",
                );
            }
            line_start += line.len();
        }
        Ok(())
    }

    /// Rule 10: explicit keys and pairs without braces; the planner checked the maps on the path,
    /// but an expanded alias may be in another one.
    fn refuse_odd_parent(&self, id: u32) -> Done {
        let odd = self
            .plan
            .ancestors(id)
            .find(|id| self.tree.at(*id).flags & ODD != 0);
        match odd {
            Some(map) => self.refuse(
                Reason::OddEntry,
                self.tree.full_start(map),
                "this map has an explicit `? ` key, a key without a colon or a pair without braces",
            ),
            None => Ok(()),
        }
    }

    fn style_within(&self, map: u32) -> Writer<'a> {
        Writer {
            style: self.writer.style.within(self.plan.stream, map),
            ..self.writer
        }
    }

    /// Writes new text inside the brackets of `id`.
    fn flow_writer(&self, id: u32) -> FlowWriter<'a> {
        let Writer { stream, style } = self.writer;
        let brackets = Brackets::of(stream, id);
        FlowWriter {
            stream,
            brackets,
            style,
        }
    }

    /// Finds the place behind all entries of the map that is the document.
    fn find_behind(&mut self, map: u32) {
        self.node = map;
        if let Some(last) = self.tree.last_child(map) {
            self.splices.behind = Some(BehindPlace {
                place: self.after(last),
                column: self.column(self.tree.full_start_of_block(map)),
                style: self.style_within(map).style,
            });
        }
    }

    /// Adds a splice whose text `write` appends to the buffer, and returns where it is there.
    fn splice(
        &mut self,
        start: usize,
        end: usize,
        write: impl FnOnce(&mut String),
    ) -> Range<usize> {
        let from = self.splices.buffer.len();
        write(&mut self.splices.buffer);
        let text = from..self.splices.buffer.len();
        let node = self.node;
        self.splices.list.push(Splice {
            start,
            end,
            text: text.clone(),
            node,
        });
        text
    }

    /// New lines at a place: `write` gives them without the first indentation and the last break.
    fn splice_lines(
        &mut self,
        place: LinePlace,
        column: usize,
        write: impl FnOnce(&mut String),
    ) -> Range<usize> {
        let eol = self.writer.style.eol;
        self.splice(place.at, place.at, |out| {
            begin_lines(place, column, eol, out);
            write(out);
            if !place.end_of_text {
                out.push_str(eol);
            }
        })
    }

    fn line_start(&self, at: usize) -> usize {
        let start = self.plan.stream.line_start(at);
        // A byte order mark is no column.
        if start == 0 {
            super::super::split::bom_len(self.text).min(at)
        } else {
            start
        }
    }

    /// The line break behind `at`, or the end of the text.
    fn line_end(&self, at: usize) -> usize {
        self.plan.stream.line_end(at)
    }

    /// Start of the line behind the one `at` is in.
    fn next_line(&self, at: usize) -> LinePlace {
        let end = self.line_end(at);
        let end_of_text = end == self.bytes.len();
        LinePlace {
            at: if end_of_text { end } else { end + 1 },
            end_of_text,
            apart: false,
        }
    }

    fn column(&self, at: usize) -> usize {
        self.plan.stream.column(at)
    }

    /// The rest of the line behind `at`, blanks at its ends left out.
    fn rest_of_line(&self, at: usize) -> &'a str {
        self.text[at..self.line_end(at)].trim()
    }

    /// The node a block collection ends with.
    fn last_leaf(&self, id: u32) -> u32 {
        let mut id = id;
        while self.tree.at(id).kind.is_block_collection() {
            match self.tree.last_child(id) {
                Some(last) => id = last,
                None => break,
            }
        }
        id
    }

    /// Does the range end with a line break, as that of a block scalar does?
    fn ends_line(&self, end: usize) -> bool {
        end > 0 && self.bytes[end - 1] == b'\n'
    }

    /// Rule 2: a block scalar which the end of the file cut short has no final break in Go. With
    /// lines behind it it would get one, so its header has to say `-` now.
    fn keep_without_break(&mut self, leaf: u32) {
        if let Some((header, text)) = self.plan.stream.header_without_break(leaf)
            && self.chomped.insert(leaf)
        {
            self.splice(header.start, header.end, |out| out.push_str(&text));
        }
    }

    /// Behind the colon or dash in front of a node of a block collection, and behind the node's
    /// anchor; for a root, behind the document marker.
    fn head_end(&self, id: u32) -> Option<usize> {
        let parent = self.tree.at(id).parent;
        let mark = if parent == NONE {
            self.marker_end(id)?
        } else if self.tree.at(parent).kind == Kind::BlockMap {
            let colon = skip_blank(self.bytes, self.tree.full_end(self.tree.previous(id)?));
            self.expect(colon, b':')?
        } else {
            let before = self.tree.previous(id);
            let from = before.map_or(self.tree.at(parent).start as usize, |item| {
                self.tree.full_end(item)
            });
            self.expect(skip_blank(self.bytes, from), b'-')?
        };
        Some(
            self.tree
                .props(id)
                .map_or(mark, |props| mark.max(props.end() as usize)),
        )
    }

    fn expect(&self, at: usize, byte: u8) -> Option<usize> {
        (self.bytes.get(at) == Some(&byte)).then_some(at + 1)
    }

    fn marker_end(&self, root: u32) -> Option<usize> {
        let at = self
            .tree
            .documents
            .partition_point(|document| document.root < root);
        let start = self.tree.documents.get(at)?.start as usize;
        self.bytes[start..].starts_with(b"---").then_some(start + 3)
    }
}
