//! Changing values: what can be asked for, and what is answered when it cannot be done.

mod brackets;
mod edited;
mod emit;
mod groups;
mod guard;
mod new;
mod parts;
mod patch;
mod plan;
mod refusal;
mod style;
mod way;
mod write;

use super::Node;
use super::stream::Stream;
use super::tree::{Kind, NONE, NodeId, ODD};
use super::value::Value;
use emit::{Splice, Splices, Written};
use guard::Proofs;
use jsonptr::{Pointer, PointerBuf};
use plan::Plan;
use std::borrow::Cow;
use std::ops::Range;

pub use edited::Edited;
pub use groups::Groups;
pub use refusal::{Refusal, RefusalReason};
pub use write::Lines;

/// One change, at a place below a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// The node the pointer starts from, for example one resource of a list.
    pub root: NodeId,
    /// RFC 6901. A last token `-` on a sequence appends; so does `-` on a missing or null value,
    /// which becomes a sequence. Other missing parents become maps.
    pub pointer: PointerBuf,
    /// What happens there.
    pub change: Change,
}

/// What an [`Edit`] does at its place.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The place holds this value afterwards, with its parents made where they are missing.
    Set(Value),
    /// The entry or item is gone afterwards. Nothing happens where there is none.
    Remove,
}

/// An edit that borrows what it sets.
#[derive(Clone, Debug)]
pub struct Request<'v> {
    /// Edits of one object have one number, and follow each other.
    pub object: usize,
    /// The node the pointer starts from.
    pub root: NodeId,
    /// As [`Edit::pointer`].
    pub pointer: Cow<'v, Pointer>,
    /// Whether it adds an item, whatever the last token of the pointer is.
    pub appends: bool,
    /// The value; without one, the place is gone afterwards.
    pub value: Option<Cow<'v, Value>>,
}

/// Bytes of a text, and what takes their place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The bytes of the text that go.
    pub span: Range<usize>,
    /// What is written there.
    pub text: String,
    /// Those with one number belong together: a part of them may leave a text that does not read, such as a new entry without
    /// the comma that another one puts in front of it. Each group can be made without the others.
    pub group: u32,
}

/// Where comments at the end of a block collection are, when something is added to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Footers {
    /// At the end, behind what is added.
    #[default]
    AtTheEnd,
    /// Behind the entry that they follow now, with a blank line behind them: kyaml takes them for its
    /// foot comments, and would write them a second time if they were elsewhere.
    OfTheEntryAbove,
}

/// Lines that are written behind all entries of a map which is a whole document; they begin a key that the map does not have.
#[derive(Clone, Copy)]
pub struct Behind<'w> {
    /// The map.
    pub map: NodeId,
    /// Writes them, without the first indentation and the last line break.
    pub write: &'w dyn Fn(&mut Lines<'_>),
}

impl Stream {
    /// The text with all edits done, in the order given. Bytes that no edit concerns stay as they
    /// are; without edits the text is the same.
    ///
    /// # Errors
    /// A [`Refusal`] for the first edit that cannot be done safely. Nothing is done by halves.
    pub fn edit(&self, edits: &[Edit]) -> Result<String, Refusal> {
        let requests = edits.iter().map(|edit| Request {
            object: 0,
            root: edit.root,
            pointer: Cow::Borrowed(&edit.pointer),
            appends: false,
            value: match &edit.change {
                Change::Set(value) => Some(Cow::Borrowed(value)),
                Change::Remove => None,
            },
        });
        let requests: Vec<Request<'_>> = requests.collect();
        let edited = self.edit_with(&requests, Footers::AtTheEnd, None)?;
        Ok(edited.into_text())
    }

    /// The same, with another place for comments at the end of collections, and lines behind all others: see
    /// [`Node::takes_behind`].
    ///
    /// # Errors
    /// As [`Stream::edit`].
    pub fn edit_with<'s>(
        &'s self,
        edits: &[Request<'_>],
        footers: Footers,
        behind: Option<Behind<'s>>,
    ) -> Result<Edited<'s>, Refusal> {
        let map = behind.map(|it| it.map);
        let (splices, plans) = self.planned(edits, footers, map)?;
        if !plans.is_empty() {
            let (text, moves) = self.splice(&splices.list, &splices.buffer);
            self.guard(&plans, text, &moves)?;
        }
        // The text reads back as planned. A line at the column of the map behind its end closes whatever is open, and what
        // follows are comments; so nothing that was read reads otherwise now.
        Ok(Edited {
            text: Cow::Borrowed(&self.text),
            splices,
            behind,
        })
    }

    /// The same edits as the bytes that they replace, in the order of the text; those that touch are one.
    ///
    /// # Errors
    /// As [`Stream::edit`], except for edits whose text would not read back as intended: this proof is left to it.
    pub fn splices(&self, edits: &[Request<'_>]) -> Result<Vec<Replacement>, Refusal> {
        let (splices, _) = self.planned(edits, Footers::AtTheEnd, None)?;
        let mut all: Vec<Replacement> = Vec::with_capacity(splices.list.len());
        let mut groups = Groups::default();
        for (a, b) in &splices.ties {
            groups.join(*a, *b);
        }
        for splice in &splices.list {
            let text = &splices.buffer[splice.text.clone()];
            match all.last_mut() {
                Some(last) if last.span.end == splice.start => {
                    last.span.end = splice.end;
                    last.text += text;
                    groups.join(last.group, splice.node);
                }
                _ => all.push(Replacement {
                    span: splice.start..splice.end,
                    text: text.to_owned(),
                    group: splice.node,
                }),
            }
        }
        for replacement in &mut all {
            replacement.group = groups.of(replacement.group);
        }
        Ok(all)
    }

    /// The splices, and the plans that are not proven from them alone.
    fn planned<'e>(
        &'e self,
        edits: &'e [Request<'_>],
        footers: Footers,
        behind: Option<NodeId>,
    ) -> Result<(Splices, Plans<'e>), Refusal> {
        let mut splices = Splices::default();
        let (mut written, mut proofs) = (Written::default(), Proofs::default());
        let mut plans = Vec::new();
        let mut places = self.by_document(edits)?;
        if let Some(behind) = behind {
            let place = (self.document_of(behind.0), usize::MAX);
            places.insert(places.partition_point(|it| *it < place), place);
        }
        for places in places.chunk_by(|a, b| a.0 == b.0) {
            let (document, first_edit) = places[0];
            // The lines behind all entries are the last place, and no edit.
            let (places, behind) = match places.split_last() {
                Some(((_, usize::MAX), places)) => (places, behind),
                _ => (places, None),
            };
            let known = (&mut written, &mut proofs);
            if self.plan_in_parts(
                document,
                places,
                edits,
                (footers, behind),
                &mut splices,
                known,
            ) {
                continue;
            }
            let mut plan = Plan::new(self, document, self.nodes_of(document));
            for (_, number) in places {
                plan.apply(*number, &edits[*number])?;
            }
            let nodes = self.nodes_of(document);
            let span = self.document_span(document);
            let first = splices.list.len();
            let into = (&mut splices, &mut written);
            emit::emit(&plan, span, nodes, footers, behind, into)?;
            splices.ties.extend(plan.ties());
            let own = &splices.list[first..];
            let is_proven = guard::proves(&plan, document, own, &splices.buffer, &mut proofs);
            // Where assertions run, both guards do.
            debug_assert!(!is_proven || self.reads_back(&plan, document, own, &splices.buffer));
            if !is_proven {
                plans.push((document, plan, first_edit));
            }
        }
        Ok((splices, plans))
    }

    /// The document of a node.
    fn document_of(&self, id: u32) -> usize {
        let documents = &self.tree.documents;
        let behind = documents.partition_point(|document| document.root <= id);
        behind.saturating_sub(1)
    }

    /// The documents of edits, in the order of the text, each with the number of the edit.
    fn by_document(&self, edits: &[Request<'_>]) -> Result<Vec<(usize, usize)>, Refusal> {
        let mut places = Vec::with_capacity(edits.len() + 1);
        for (number, edit) in edits.iter().enumerate() {
            let root = edit.root.0;
            let first = self.tree.documents.first();
            let is_before = first.is_none_or(|document| root < document.root);
            if is_before || root as usize >= self.tree.nodes.len() {
                let message = "the text has no such node".to_string();
                return Err(Refusal::new(
                    self,
                    number,
                    RefusalReason::NoSuchPlace,
                    0,
                    message,
                ));
            }
            places.push((self.document_of(root), number));
        }
        places.sort_unstable();
        Ok(places)
    }

    fn nodes_of(&self, document: usize) -> Range<u32> {
        let documents = &self.tree.documents;
        let end = documents
            .get(document + 1)
            .map_or(self.tree.nodes.len() as u32, |next| next.root);
        documents[document].root..end
    }

    /// Whether a document that is a chunk of its own reads back as planned with these splices.
    fn reads_back(&self, plan: &Plan<'_>, document: usize, list: &[Splice], buffer: &str) -> bool {
        let chunk = &self.chunks[self.tree.documents[document].chunk as usize];
        let (mut text, mut from) = (String::new(), chunk.start);
        for splice in list {
            text += &self.text[from..splice.start];
            text += &buffer[splice.text.clone()];
            from = splice.end;
        }
        text += &self.text[from..chunk.end];
        let new = Stream::parse_any_keys(text);
        new.is_ok_and(|new| {
            new.tree.documents.len() == 1 && guard::check(plan, document, &new, 0).is_ok()
        })
    }

    /// The new text, and for every splice its end in the old and in the new text.
    fn splice(&self, list: &[Splice], buffer: &str) -> (String, Vec<(usize, usize)>) {
        let added: usize = list.iter().map(|splice| splice.text.len()).sum();
        let mut text = String::with_capacity(self.text.len() + added);
        let mut moves = Vec::with_capacity(list.len());
        let mut from = 0;
        for splice in list {
            text.push_str(&self.text[from..splice.start]);
            text.push_str(&buffer[splice.text.clone()]);
            from = splice.end;
            moves.push((from, text.len()));
        }
        text.push_str(&self.text[from..]);
        (text, moves)
    }

    /// Parses every chunk with an edited document again and compares all its documents.
    fn guard(
        &self,
        plans: &[(usize, Plan<'_>, usize)],
        mut text: String,
        moves: &[(usize, usize)],
    ) -> Result<(), Refusal> {
        let documents = &self.tree.documents;
        let mut at = 0;
        while let Some((document, _, edit)) = plans.get(at) {
            let number = documents[*document].chunk;
            let chunk = &self.chunks[number as usize];
            // What is put in at the very end of a chunk belongs to it.
            let start = if chunk.start == 0 {
                0
            } else {
                moved(moves, chunk.start)
            };
            let end = if chunk.end == self.text.len() {
                text.len()
            } else {
                moved(moves, chunk.end)
            };
            let refuse = |what: &str, line: usize| {
                let message = format!(
                    "the edited text would not read back as intended: {what} (line {line} of the edited document)"
                );
                Err(Refusal::new(
                    self,
                    *edit,
                    RefusalReason::Guard,
                    chunk.start,
                    message,
                ))
            };
            let whole = start == 0 && end == text.len();
            let part = if whole {
                std::mem::take(&mut text)
            } else {
                text[start..end].to_string()
            };
            // The proof compares all keys, and an edit adds only keys that a map does not have. Aliases and merges make
            // it harder to see that, so there the keys are checked as those of any text are.
            let parsed = match self.tree.aliases.is_empty() {
                true => Stream::parse_any_keys(part),
                false => Stream::parse(part),
            };
            let new = match parsed {
                Ok(new) => new,
                Err(error) => return refuse(&error.message, error.position.line),
            };
            let first = documents.partition_point(|document| document.chunk < number);
            let last = documents.partition_point(|document| document.chunk <= number);
            if new.tree.documents.len() != last - first {
                return refuse("it has another number of documents", 1);
            }
            let untouched = Plan::new(self, first, self.nodes_of(first));
            for document in first..last {
                let plan = plans
                    .get(at)
                    .filter(|(edited, ..)| *edited == document)
                    .map(|(_, plan, _)| plan);
                at += usize::from(plan.is_some());
                if let Err(difference) =
                    guard::check(plan.unwrap_or(&untouched), document, &new, document - first)
                {
                    return refuse(difference.what, new.position(difference.at).line);
                }
            }
        }
        Ok(())
    }
}

impl Node<'_> {
    /// Whether lines with a new key can be put behind all entries of this map by [`Stream::edit_with`]: it is a whole
    /// document in block style and without the key.
    #[must_use]
    pub fn takes_behind(self, key: &str) -> bool {
        let tree = &self.stream().tree;
        let data = tree.at(self.id().0);
        let is_fast =
            |document: &super::tree::DocumentData| document.fast && document.root == self.id().0;
        data.kind == Kind::BlockMap
            && data.parent == NONE
            && data.flags & ODD == 0
            && tree.documents.iter().any(is_fast)
            && self.get(key).is_none()
    }
}

/// What edits of other objects have written and proven before.
type Known<'k, 'e> = (&'k mut Written<'e>, &'k mut Proofs<'e>);

/// The plans of documents, with the first edit of each.
type Plans<'s> = Vec<(usize, Plan<'s>, usize)>;

/// Where the boundary of a chunk is in the new text. What is put in there belongs to the chunk
/// before it: lines are added behind other lines, never in front of a marker's own document.
fn moved(moves: &[(usize, usize)], offset: usize) -> usize {
    match moves.partition_point(|(old, _)| *old <= offset) {
        0 => offset,
        n => offset - moves[n - 1].0 + moves[n - 1].1,
    }
}
