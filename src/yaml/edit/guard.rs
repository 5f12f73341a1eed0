//! The proof of an edit: the new text is parsed and compared with what the plan intends.
//!
//! It shares nothing with the code that writes: it walks the tree of the new text next to the old
//! tree and its patches. A bug in the writer, an
//! unexpected rule of a reader or an unusual layout end here, in a refusal instead of a broken file.
//!
//! Most edits only add lines at the end of block collections: see [`inserted`].

mod inserted;
mod proofs;

use super::super::tree::{Kind, NONE, PROPS};
use super::super::{Node, NodeId, Scalar, Stream};
use super::new::{Name, New};
use super::patch::Patch;
use super::plan::Plan;
use std::collections::HashMap;

pub(super) use inserted::proves;
pub(super) use proofs::Proofs;

/// What differs, and where in the new text.
pub(super) struct Difference {
    pub(super) at: usize,
    pub(super) what: &'static str,
}

type Same = Result<(), Difference>;

/// Compares document `new_document` of `new` with document `document` of the plan's stream.
pub(super) fn check(plan: &Plan<'_>, document: usize, new: &Stream, new_document: usize) -> Same {
    let old = &plan.stream.tree;
    let root = old.documents[document].root;
    let new_root = new.tree.documents[new_document].root;
    let mut guard = Guard {
        plan,
        new,
        anchors: HashMap::new(),
        patched: plan.patches.in_order(),
        cursor: 0,
    };
    guard.node(root, new_root)
}

struct Guard<'a> {
    plan: &'a Plan<'a>,
    new: &'a Stream,
    /// Anchored nodes, old to new, and whether the value changed.
    anchors: HashMap<u32, (u32, bool)>,
    /// The nodes with a patch, and the first one that was not passed yet: nodes are visited in
    /// their order.
    patched: Vec<(u32, &'a Patch<'a>)>,
    cursor: usize,
}

impl<'a> Guard<'a> {
    fn old_node(&self, id: u32) -> Node<'_> {
        self.plan.stream.node(NodeId(id))
    }

    fn new_node(&self, id: u32) -> Node<'_> {
        self.new.node(NodeId(id))
    }

    fn differs(&self, id: u32, what: &'static str) -> Same {
        Err(Difference {
            at: self.new.tree.at(id).start as usize,
            what,
        })
    }

    /// Is `new` the old node with its patches? Recursion is bounded by the depth of a text.
    fn node(&mut self, old: u32, new: u32) -> Same {
        while let Some((id, _)) = self.patched.get(self.cursor)
            && *id < old
        {
            self.cursor += 1;
        }
        let end = self.plan.stream.tree.end_of_subtree(old);
        match self.patched.get(self.cursor) {
            Some(&(id, patch)) if id == old => {
                self.same_properties(old, new)?;
                match &patch.replaced {
                    Some(value) => self.written(value, new),
                    None => self.patched(old, new, patch),
                }
            }
            Some((id, _)) if *id < end => {
                self.same_properties(old, new)?;
                self.patched(old, new, &Patch::default())
            }
            _ => self.untouched(old, new, end - old),
        }
    }

    /// Compares `count` nodes one by one: no patch is among them, so the trees have one shape.
    fn untouched(&mut self, old: u32, new: u32, count: u32) -> Same {
        let base = |id: u32, base: u32| {
            if id == NONE {
                NONE
            } else {
                id.wrapping_sub(base)
            }
        };
        if (new + count) as usize > self.new.tree.nodes.len() {
            return self.differs(new, "something is missing");
        }
        let nodes = |stream: &'a Stream, id: u32| {
            let from = id as usize;
            &stream.tree.nodes[from..from + count as usize]
        };
        let pairs = nodes(self.plan.stream, old)
            .iter()
            .zip(nodes(self.new, new));
        for (i, (a, b)) in (0..).zip(pairs) {
            // Nodes in the order of the text are one tree if their parents are. That of the first is outside.
            let is_there = i == 0 || base(a.parent, old) == base(b.parent, new);
            if a.kind != b.kind || !is_there {
                return self.differs(new + i, "the structure is another one");
            }
            if (a.flags | b.flags) & PROPS != 0 {
                self.same_properties(old + i, new + i)?;
            }
            if a.kind == Kind::Alias {
                self.same_alias(old + i, new + i)?;
            } else if !a.kind.is_collection() {
                let raw = &self.plan.stream.text().as_bytes()[a.range()];
                if raw != &self.new.text().as_bytes()[b.range()] {
                    self.same_scalar(old + i, new + i)?;
                }
            }
        }
        Ok(())
    }

    /// Are two scalars with different bytes the same text?
    fn same_scalar(&self, old: u32, new: u32) -> Same {
        if self.old_node(old).text() == self.new_node(new).text() {
            return Ok(());
        }
        self.differs(new, "a value that no edit concerns changed")
    }

    /// An alias must stand for the same node as before, and that node for the same value.
    fn same_alias(&self, old: u32, new: u32) -> Same {
        let (old, target) = (
            self.plan.stream.tree.referred(old),
            self.new.tree.referred(new),
        );
        match self.anchors.get(&old) {
            Some((anchored, false)) if *anchored == target => Ok(()),
            Some(_) => self.differs(new, "an alias would stand for another value"),
            None => self.differs(new, "an alias lost its anchor"),
        }
    }

    /// Compares anchor and tag, and notes the anchor.
    fn same_properties(&mut self, old: u32, new: u32) -> Same {
        let (a, b) = (self.plan.stream.tree.at(old), self.new.tree.at(new));
        if (a.flags | b.flags) & PROPS == 0 {
            return Ok(());
        }
        let (a, b) = (self.old_node(old), self.new_node(new));
        // A written out alias takes the tag of the scalar it stands for.
        let replaced = self
            .plan
            .patches
            .get(old)
            .is_some_and(|patch| patch.replaced.is_some());
        if a.anchor() != b.anchor() || (!replaced && a.tag() != b.tag()) {
            return self.differs(new, "an anchor or a tag changed");
        }
        if a.anchor().is_some() {
            let changed = self
                .plan
                .is_changed(old, self.plan.stream.tree.end_of_subtree(old));
            self.anchors.insert(old, (new, changed));
        }
        Ok(())
    }

    /// A collection with changes in it or below it.
    fn patched(&mut self, old: u32, new: u32, patch: &Patch<'_>) -> Same {
        let is_sequence =
            self.plan.stream.tree.at(old).kind.is_sequence() || !patch.pushed.is_empty();
        let kind = self.new.tree.at(new).kind;
        if patch.is_empty() && !self.plan.stream.tree.at(old).kind.is_collection() {
            return self.untouched(old, new, 1);
        }
        match (is_sequence, kind.is_sequence(), kind.is_map()) {
            (true, true, _) => self.items(old, new, patch),
            (false, _, true) => self.entries(old, new, patch),
            _ => self.differs(new, "the kind of a collection changed"),
        }
    }

    fn items(&mut self, old: u32, new: u32, patch: &Patch<'_>) -> Same {
        let (plan, stream) = (self.plan, self.new);
        let mut items = stream.tree.children(new);
        for item in plan
            .stream
            .tree
            .children(old)
            .filter(|id| !patch.removed.contains(id))
        {
            match items.next() {
                Some(id) => self.node(item, id)?,
                None => return self.differs(new, "an item is missing"),
            }
        }
        for value in &patch.pushed {
            match items.next() {
                Some(id) => self.added(value, id)?,
                None => return self.differs(new, "an item was not added"),
            }
        }
        match items.next() {
            Some(id) => self.differs(id, "there is an item too many"),
            None => Ok(()),
        }
    }

    fn entries(&mut self, old: u32, new: u32, patch: &Patch<'_>) -> Same {
        let (plan, stream) = (self.plan, self.new);
        let mut entries = stream.tree.entries(new);
        for (key, value) in plan
            .stream
            .tree
            .entries(old)
            .filter(|(key, _)| !patch.removed.contains(key))
        {
            let Some((new_key, new_value)) = entries.next() else {
                return self.differs(new, "an entry is missing");
            };
            self.node(key, new_key)?;
            self.node(value, new_value)?;
        }
        let Some(added) = patch.entries(plan.stream) else {
            return self.differs(new, "an entry has no place");
        };
        for (name, value) in added.iter() {
            let Some((new_key, new_value)) = entries.next() else {
                return self.differs(new, "an entry was not added");
            };
            self.name(name, new_key)?;
            self.added(value, new_value)?;
        }
        match entries.next() {
            Some((key, _)) => self.differs(key, "there is an entry too many"),
            None => Ok(()),
        }
    }

    fn name(&self, name: &Name<'_>, new: u32) -> Same {
        match name {
            Name::Text(text) => self.text(text, new),
            Name::Copy(old) => self.copied(*old, new),
        }
    }

    fn text(&self, text: &str, new: u32) -> Same {
        let node = self.new_node(new);
        // Most strings are written as they are, on one line.
        if node.certain_string() == Some(text) && !text.contains('\n') {
            return Ok(());
        }
        let same = node.kind() != Kind::Alias && node.tag().is_none();
        match node.scalar() {
            Some(Scalar::Text(found)) if same && found == text => Ok(()),
            _ => self.differs(new, "a string does not read back as itself"),
        }
    }

    fn copied(&self, old: u32, new: u32) -> Same {
        let (a, b) = (self.old_node(old), self.new_node(new));
        let same = b.kind() != Kind::Alias && a.tag() == b.tag();
        let same_text = a.text() == b.text();
        let same_type = match (a.scalar(), b.scalar()) {
            (Some(a), Some(b)) => std::mem::discriminant(&a) == std::mem::discriminant(&b),
            _ => false,
        };
        if same && same_type && (same_text || a.is_null()) {
            return Ok(());
        }
        self.differs(new, "a copied value does not read back as itself")
    }

    /// Like [`Guard::written`], if no anchor of the source can precede the value.
    fn added(&self, value: &New<'_>, new: u32) -> Same {
        if self.new_node(new).anchor().is_some() {
            return self.differs(new, "a new value got an anchor");
        }
        self.written(value, new)
    }

    /// Was the new value written so that it reads as itself?
    fn written(&self, value: &New<'_>, new: u32) -> Same {
        let node = self.new_node(new);
        let plain =
            |text: &str| node.kind() == Kind::Plain && node.tag().is_none() && node.raw() == text;
        let tree = &self.new.tree;
        match value {
            New::Copy(old) => return self.copied(*old, new),
            New::Text { text, .. } => return self.text(text, new),
            New::Null if plain("null") => {}
            New::Bool(value) if plain(if *value { "true" } else { "false" }) => {}
            New::Number(text) if plain(text) => {}
            New::Map(entries)
                if node.kind().is_map() && tree.entries(new).count() == entries.len() =>
            {
                for ((name, value), (new_key, new_value)) in entries.iter().zip(tree.entries(new)) {
                    self.name(name, new_key)?;
                    self.added(value, new_value)?;
                }
            }
            New::Sequence(items)
                if node.kind().is_sequence() && tree.children(new).count() == items.len() =>
            {
                for (item, new_item) in items.iter().zip(tree.children(new)) {
                    self.added(item, new_item)?;
                }
            }
            _ => return self.differs(new, "a new value does not read back as itself"),
        }
        Ok(())
    }
}
