//! What added lines are read as.

use super::super::super::fast;
use super::super::super::tree::{Kind, Tree, are_same};
use super::super::emit::Splice;
use super::super::patch::{Listed, Patch};
use super::{Guard, Plan, Stream};
use std::collections::HashMap;
use std::mem;

/// The collection that lines were read as.
#[derive(Clone, Copy)]
pub(super) struct Read {
    pub(super) column: usize,
    pub(super) kind: Kind,
}

/// What lines were read as. Most objects get what others get, and it is proven once.
#[derive(Default)]
pub(in super::super) struct Proofs<'e> {
    known: Vec<Option<Box<Proof<'e>>>>,
    // Used again for each text.
    text: String,
    tree: Tree,
    stack: fast::Stack,
}

/// Lines that read as what a plan lists.
struct Proof<'e> {
    text: String,
    depth: usize,
    listed: Vec<Listed<'e>>,
    read: Read,
}

impl<'e> Proofs<'e> {
    /// More than the configs of an environment have different values.
    const SLOTS: usize = 1024;

    /// What the lines of a splice are read as, if they are just what the plan adds to its node.
    pub(super) fn read(&mut self, plan: &Plan<'e>, splice: &Splice, buffer: &str) -> Option<Read> {
        let text = &buffer[splice.text.clone()];
        let patch = plan.patches.get(splice.node)?;
        let depth = plan.ancestors(splice.node).count() - 1;
        if patch.listed.is_empty() {
            return self.prove(plan, patch, depth, text);
        }
        if self.known.is_empty() {
            self.known.resize_with(Proofs::SLOTS, || None);
        }
        // Lines that are the same are in the buffer once.
        let slot = splice.text.start % Proofs::SLOTS;
        if let Some(known) = &self.known[slot]
            && known.depth == depth
            && are_same(known.text.as_bytes(), text.as_bytes())
            && patch.only_lists(&known.listed)
        {
            return Some(known.read);
        }
        let read = self.prove(plan, patch, depth, text)?;
        if patch.only_lists(&patch.listed) {
            self.known[slot] = Some(Box::new(Proof {
                text: text.to_owned(),
                depth,
                listed: patch.listed.clone(),
                read,
            }));
        }
        Some(read)
    }

    fn prove(
        &mut self,
        plan: &Plan<'_>,
        patch: &Patch<'_>,
        depth: usize,
        lines: &str,
    ) -> Option<Read> {
        if has_marker(lines) {
            return None;
        }
        let (mut text, mut tree) = (mem::take(&mut self.text), mem::take(&mut self.tree));
        text.clear();
        text.push_str(lines);
        tree.rewind(Tree::default().mark());
        let root = fast::parse_lines(&text, &(0..text.len()), depth, &mut tree, &mut self.stack);
        let new = Stream::of_parts(text, tree);
        let guard = Guard {
            plan,
            new: &new,
            anchors: HashMap::new(),
            patched: Vec::new(),
            cursor: 0,
        };
        let read = root.ok().and_then(|root| guard.adds(patch, root));
        (self.text, self.tree) = (new.text, new.tree);
        read
    }
}

impl Guard<'_> {
    /// What the lines are read as, if they are nothing but a collection with just what the plan adds.
    fn adds(&self, patch: &Patch<'_>, root: u32) -> Option<Read> {
        let (new, text) = (self.new.tree.at(root), self.new.text());
        let (kind, column) = (new.kind, new.start as usize);
        let are_lines = text.ends_with('\n') && text[..column].bytes().all(|c| c == b' ');
        let is_read = match kind {
            Kind::BlockMap if patch.pushed.is_empty() => {
                let mut entries = self.new.tree.entries(root);
                let added = patch.entries(self.plan.stream)?;
                added.iter().all(|(name, value)| {
                    let entry = entries.next();
                    entry.is_some_and(|(key, new)| {
                        self.name(name, key).is_ok() && self.added(value, new).is_ok()
                    })
                }) && entries.next().is_none()
            }
            Kind::BlockSequence if patch.added.is_empty() && patch.listed.is_empty() => {
                let mut items = self.new.tree.children(root);
                patch.pushed.iter().all(|value| {
                    let item = items.next();
                    item.is_some_and(|item| self.added(value, item).is_ok())
                }) && items.next().is_none()
            }
            _ => false,
        };
        (are_lines && is_read).then_some(Read { column, kind })
    }
}

/// Whether a line begins like the marker of a document.
fn has_marker(text: &str) -> bool {
    let begins = |line: &[u8]| matches!(line, [a @ (b'-' | b'.'), b, c, ..] if a == b && a == c);
    let bytes = text.as_bytes();
    begins(bytes) || memchr::memchr_iter(b'\n', bytes).any(|at| begins(&bytes[at + 1..]))
}
