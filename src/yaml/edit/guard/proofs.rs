//! What added lines are read as, remembered by their text.

use super::super::super::fast;
use super::super::super::tree::{Kind, Tree, are_same, digest};
use super::super::new::{Entries, New};
use super::super::patch::Patch;
use super::{Guard, Plan, Stream};
use std::collections::HashMap;
use std::mem;

/// The collection that lines were read as.
#[derive(Clone, Copy)]
pub(super) struct Read {
    pub(super) column: usize,
    pub(super) kind: Kind,
}

/// The lines that were read: most objects get lines that others have got too, and what is added there is the same.
#[derive(Default)]
pub(in super::super) struct Proofs<'e> {
    /// By text.
    known: Vec<Option<Proof<'e>>>,
    // Used again for each text.
    text: String,
    tree: Tree,
    stack: fast::Stack,
}

/// Lines that read as what a plan adds.
struct Proof<'e> {
    text: String,
    depth: usize,
    added: Entries<'e>,
    pushed: Vec<New<'e>>,
    read: Read,
}

impl<'e> Proofs<'e> {
    /// A power of two; more than the configs of an environment have different values.
    const SLOTS: usize = 256;

    /// What lines for a node are read as, if these are just the children that the plan adds there.
    pub(super) fn read(&mut self, plan: &Plan<'e>, node: u32, text: &str) -> Option<Read> {
        let patch = plan.patches.get(node)?;
        let depth = plan.ancestors(node).count() - 1;
        if self.known.is_empty() {
            self.known.resize_with(Proofs::SLOTS, || None);
        }
        let digests = text.as_bytes().chunks(16).map(digest);
        let all = digests.fold(0, |all: u32, it| {
            (all ^ u32::from(it)).wrapping_mul(0x9e37_79b1)
        });
        let slot = (all >> 16) as usize % Proofs::SLOTS;
        if let Some(known) = &self.known[slot]
            && known.depth == depth
            && are_same(known.text.as_bytes(), text.as_bytes())
            && known.is_of(patch)
        {
            return Some(known.read);
        }
        let read = self.prove(plan, patch, depth, text)?;
        self.known[slot] = Some(Proof {
            text: text.to_owned(),
            depth,
            added: patch.added.clone(),
            pushed: patch.pushed.clone(),
            read,
        });
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

impl Proof<'_> {
    fn is_of(&self, patch: &Patch<'_>) -> bool {
        self.added.are_same(&patch.added) && New::are_same(&self.pushed, &patch.pushed)
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
                patch.added.iter().all(|(name, value)| {
                    let entry = entries.next();
                    entry.is_some_and(|(key, new)| {
                        self.name(name, key).is_ok() && self.added(value, new).is_ok()
                    })
                }) && entries.next().is_none()
            }
            Kind::BlockSequence if patch.added.is_empty() => {
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
