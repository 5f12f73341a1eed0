//! What the edits mean: an overlay of changed nodes over the tree of one document.
//!
//! Edits are applied in order, each to what the ones before it left. A node of the source keeps
//! its place as long as nothing above it is replaced; so the overlay is a flat table of patches by
//! node, and everything inserted lives in [`New`] values that later edits may go into.

mod set;
mod shared;

use super::super::tree::{Kind, NONE, ODD};
use super::super::{Node, NodeId, Stream, node::index};
use super::new::{Name, New, Outcome};
use super::patch::{Patch, Patches};
use super::way::Way;
use super::{Refusal, RefusalReason as Reason, Request};
use crate::yaml::pointer::{Token, tokens};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

pub(super) struct Plan<'a> {
    pub(super) stream: &'a Stream,
    pub(super) patches: Patches<'a>,
    /// Nodes whose text is gone because something above them is replaced or removed: first node
    /// to the one after the last. Ranges do not contain each other.
    dropped: BTreeMap<u32, u32>,
    /// Aliases of this document.
    aliases: &'a [(u32, u32)],
    /// Patched nodes, and the nodes with anchors whose values change with them.
    shared: Vec<(u32, u32)>,
    edit: usize,
    /// Whether additions to block maps are only listed. Then a refusal need not name the first edit that has no place.
    pub(super) lists: bool,
    way: Way<'a>,
    /// The tokens of the edit, in a list that is used again.
    tokens: Vec<Token<'a>>,
}

type Done = Result<(), Refusal>;

impl<'a> Plan<'a> {
    /// A plan without changes for some nodes of document number `document`.
    pub(super) fn new(stream: &'a Stream, document: usize, nodes: Range<u32>) -> Self {
        let tree = &stream.tree;
        let first = tree.documents[document].root;
        let end = tree
            .documents
            .get(document + 1)
            .map_or(tree.nodes.len() as u32, |next| next.root);
        let from = tree.aliases.partition_point(|(id, _)| *id < first);
        let to = tree.aliases.partition_point(|(id, _)| *id < end);
        Plan {
            stream,
            patches: Patches::new(nodes),
            dropped: BTreeMap::new(),
            aliases: &tree.aliases[from..to],
            shared: Vec::new(),
            edit: 0,
            lists: false,
            way: Way::default(),
            tokens: Vec::new(),
        }
    }

    pub(super) fn node(&self, id: u32) -> Node<'a> {
        self.stream.node(NodeId(id))
    }

    fn refuse<T>(&self, reason: Reason, id: u32, message: impl Into<String>) -> Result<T, Refusal> {
        let offset = self.stream.tree.full_start(id);
        Err(Refusal::new(
            self.stream,
            self.edit,
            reason,
            offset,
            message.into(),
        ))
    }

    /// The node and everything above it, from the inside out.
    pub(super) fn ancestors(&self, id: u32) -> impl Iterator<Item = u32> {
        let tree = &self.stream.tree;
        std::iter::successors(Some(id), |id| {
            Some(tree.at(*id).parent).filter(|id| *id != NONE)
        })
    }

    /// Is the text of this node gone, because it or something above it is replaced or removed?
    pub(super) fn is_dropped(&self, id: u32) -> bool {
        self.patches
            .get(id)
            .is_some_and(|patch| patch.replaced.is_some())
            || self.is_inside_dropped(id)
    }

    /// As [`Plan::is_dropped`], but the node itself may be the one replaced.
    pub(super) fn is_inside_dropped(&self, id: u32) -> bool {
        let behind = self.dropped.range(..=id).next_back();
        behind.is_some_and(|(_, end)| id < *end)
    }

    /// Records that the text of these nodes is gone: everything below one or two nodes.
    fn drop_nodes(&mut self, nodes: Range<u32>) {
        let covers = |end: u32| nodes.end <= end;
        let before = self.dropped.range(..=nodes.start).next_back();
        if nodes.is_empty() || before.is_some_and(|(_, end)| covers(*end)) {
            return;
        }
        while let Some((inner, _)) = self.dropped.range(nodes.clone()).next() {
            let inner = *inner;
            self.dropped.remove(&inner);
        }
        self.dropped.insert(nodes.start, nodes.end);
    }

    /// Adds one edit to the plan.
    pub(super) fn apply(&mut self, number: usize, edit: &'a Request<'_>) -> Done {
        self.edit = number;
        let root = edit.root.0;
        let is_known = self.way.root == Some(root);
        let mut above = match is_known {
            true => NONE,
            false => self.stream.tree.at(root).parent,
        };
        while above != NONE {
            self.check_map(above)?;
            above = self.stream.tree.at(above).parent;
        }
        if self.is_inside_dropped(root) {
            return self.refuse(
                Reason::Overlap,
                root,
                "an earlier edit replaced or removed what this edit starts from",
            );
        }
        self.way.turn_to(root, edit.pointer.as_str());
        if self.lists && self.list(root, edit)? {
            return Ok(());
        }
        let known = self.way.steps.last().map_or(0, |(end, _)| *end);
        let mut list = std::mem::take(&mut self.tokens);
        list.clear();
        list.extend(tokens(edit.pointer.as_str(), known));
        if edit.appends
            && let Some(last) = list.last_mut()
        {
            last.key = Cow::Borrowed("-");
        }
        let value = edit.value.as_deref().map(New::from);
        let done = match (list.is_empty(), value) {
            (true, Some(value)) => self.replace(root, value),
            (true, None) => self.remove_node(root),
            (false, value) => self.descend(root, &list, value),
        };
        self.tokens = list;
        done
    }

    /// Lists what an edit adds to a block map; whether it does nothing else.
    fn list(&mut self, root: u32, edit: &'a Request<'_>) -> Result<bool, Refusal> {
        let Some(value) = edit.value.as_deref().filter(|_| !edit.appends) else {
            return Ok(false);
        };
        let pointer = edit.pointer.as_str();
        let (mut end, mut id) = self.way.steps.last().copied().unwrap_or((0, root));
        for token in tokens(pointer, end) {
            let patch = self.patches.get(id);
            let is_replaced = patch.is_some_and(|patch| patch.replaced.is_some());
            let next = match self.stream.tree.at(id).kind {
                _ if is_replaced => return Ok(false),
                Kind::BlockSequence => self.step_sequence(id, &token),
                Kind::BlockMap => {
                    self.check_map(id)?;
                    let next = self.step_map(id, &token)?;
                    if next.is_none() && self.node(id).merge().is_none() {
                        self.touch(id, false)?;
                        self.patch(id).listed.push((&pointer[end..], value));
                        return Ok(true);
                    }
                    next
                }
                _ => return Ok(false),
            };
            let Some(next) = next.filter(|_| token.end < pointer.len()) else {
                return Ok(false);
            };
            (end, id) = (token.end, next);
            self.way.steps.push((end, id));
        }
        Ok(false)
    }

    /// Makes entries of what was listed for a map.
    fn enter_listed(&mut self, id: u32) -> Done {
        let stream = self.stream;
        let Some(patch) = self.patches.get_mut(id) else {
            return Ok(());
        };
        let listed = std::mem::take(&mut patch.listed);
        let outcome = match patch.added.set(stream, &listed) {
            true => Outcome::Done,
            false => Outcome::NoPlace,
        };
        self.settle(outcome, id)
    }

    fn remove_node(&mut self, id: u32) -> Done {
        let parent = self.stream.tree.at(id).parent;
        if parent == NONE {
            return self.refuse(
                Reason::NoSuchPlace,
                id,
                "a whole document cannot be removed",
            );
        }
        let entry = self
            .stream
            .tree
            .entries(parent)
            .find(|(_, value)| *value == id);
        self.remove(parent, entry.map_or(id, |(key, _)| key))
    }

    /// Follows the tokens through the source, down to the last existing node.
    fn descend(&mut self, root: u32, tokens: &[Token<'a>], value: Option<New<'a>>) -> Done {
        let mut id = self.way.steps.last().map_or(root, |(_, id)| *id);
        for (depth, token) in tokens.iter().enumerate() {
            let rest = &tokens[depth..];
            if self
                .patches
                .get(id)
                .is_some_and(|patch| patch.replaced.is_some())
            {
                return self.change_replaced(id, rest, value);
            }
            let kind = self.stream.tree.at(id).kind;
            let next = if kind == Kind::Alias {
                return self.change_alias(id, rest, value);
            } else if kind.is_map() {
                self.check_map(id)?;
                self.step_map(id, token)?
            } else if kind.is_sequence() {
                self.step_sequence(id, token)
            } else {
                None
            };
            match next {
                Some(child) if rest.len() > 1 => {
                    id = child;
                    self.way.steps.push((token.end, id));
                }
                Some(child) => {
                    return match value {
                        Some(value) => self.set(child, value),
                        None => {
                            self.check_uncovers(id, token)?;
                            self.remove_node(child)
                        }
                    };
                }
                None => return self.change_added(id, rest, value),
            }
        }
        Ok(())
    }

    /// The value node of a key that is written in this map and still there.
    fn step_map(&mut self, map: u32, token: &Token<'_>) -> Result<Option<u32>, Refusal> {
        let Some((name, value)) = self.node(map).find_local(&token.key) else {
            return Ok(None);
        };
        let removed = self
            .patches
            .get(map)
            .is_some_and(|patch| patch.removed.contains(&name.id().0));
        if removed {
            return Ok(None);
        }
        Ok(Some(value.id().0))
    }

    /// The item with an index, counting only what is still there.
    fn step_sequence(&self, sequence: u32, token: &Token<'_>) -> Option<u32> {
        let at = index(&token.key)?;
        let patch = self.patches.get(sequence);
        let Some(patch) = patch.filter(|patch| !patch.removed.is_empty()) else {
            return self.stream.item(sequence, at);
        };
        let children = self.stream.tree.children(sequence);
        children.filter(|id| !patch.removed.contains(id)).nth(at)
    }

    /// The place is inside a value that an earlier edit, or a written out alias, put here.
    fn change_replaced(&mut self, id: u32, tokens: &[Token<'a>], value: Option<New<'a>>) -> Done {
        let (stream, edit) = (self.stream, self.edit);
        let Some(patch) = self.patches.get_mut(id) else {
            return Ok(());
        };
        let Some(new) = &mut patch.replaced else {
            return Ok(());
        };
        let was_detached = patch.detached;
        let outcome = new.change(stream, tokens, value);
        if outcome == Outcome::Done {
            patch.detached = false;
            patch.edit = edit;
        }
        if outcome == Outcome::Done && was_detached {
            self.touch(id, false)?;
        }
        self.settle(outcome, id)
    }

    fn settle(&self, outcome: Outcome, id: u32) -> Done {
        match outcome {
            Outcome::NoPlace => self.refuse(
                Reason::NoSuchPlace,
                id,
                "the way leads through a scalar or past the end of a sequence",
            ),
            Outcome::Merged => self.refuse(
                Reason::Shared,
                id,
                "the value is merged in by `<<` and cannot be removed from this map alone",
            ),
            Outcome::Done | Outcome::Nothing => Ok(()),
        }
    }

    /// The next token leads nowhere in the source: to something added before, or to be added now.
    fn change_added(&mut self, id: u32, tokens: &[Token<'a>], value: Option<New<'a>>) -> Done {
        let kind = self.stream.tree.at(id).kind;
        if kind.is_sequence() {
            return self.change_pushed(id, tokens, value);
        }
        if kind.is_map() {
            return self.change_entry(id, tokens, value);
        }
        match value {
            None => Ok(()),
            // A null is as good as nothing: what the way needs takes its place.
            Some(value) if self.node(id).is_null() => self.replace(id, New::nested(tokens, value)),
            Some(_) => self.refuse(Reason::NoSuchPlace, id, self.scalar_in_the_way(id)),
        }
    }

    fn scalar_in_the_way(&self, id: u32) -> String {
        let line = self.node(id).position().line;
        format!("line {line} has a scalar where a map or a sequence is needed")
    }

    fn change_pushed(&mut self, id: u32, tokens: &[Token<'a>], value: Option<New<'a>>) -> Done {
        let Some((token, rest)) = tokens.split_first() else {
            return Ok(());
        };
        let (stream, edit) = (self.stream, self.edit);
        let kept = self.stream.tree.children(id).count()
            - self.patches.get(id).map_or(0, |patch| patch.removed.len());
        let pushed = self.patches.get(id).map_or(0, |patch| patch.pushed.len());
        let token = &token.key;
        let at = index(token)
            .and_then(|at| at.checked_sub(kept))
            .filter(|at| *at < pushed);
        let value = match (at, value) {
            (None, Some(value)) if *token == "-" => value,
            (None, Some(_)) => {
                let message = format!(
                    "there is no item {token}: the sequence has {}",
                    kept + pushed
                );
                return self.refuse(Reason::NoSuchPlace, id, message);
            }
            (None, None) => return Ok(()),
            (Some(at), value) => {
                let Some(patch) = self.patches.get_mut(id) else {
                    return Ok(());
                };
                patch.edit = edit;
                if rest.is_empty() && value.is_none() {
                    patch.pushed.remove(at);
                    return Ok(());
                }
                let outcome = patch.pushed[at].change(stream, rest, value);
                return self.settle(outcome, id);
            }
        };
        self.touch(id, false)?;
        self.patch(id).pushed.push(New::nested(rest, value));
        Ok(())
    }

    fn change_entry(&mut self, id: u32, tokens: &[Token<'a>], value: Option<New<'a>>) -> Done {
        let Some((token, rest)) = tokens.split_first() else {
            return Ok(());
        };
        self.enter_listed(id)?;
        let key = &*token.key;
        let stream = self.stream;
        let patch = self.patches.get_mut(id);
        if let Some(at) = patch.and_then(|patch| patch.added.place(stream, key)) {
            if rest.is_empty() && value.is_none() {
                self.check_uncovers(id, token)?;
            }
            let outcome = self.patch(id).added.change(at, stream, rest, value);
            return self.settle(outcome, id);
        }
        let new = match (self.merged(id, key)?, value) {
            (Some(_), Some(value)) if rest.is_empty() => value,
            (Some(merged), None) if rest.is_empty() => {
                let message = format!(
                    "`{key}` is merged in by `<<` and cannot be removed from this map alone"
                );
                return self.refuse(Reason::Shared, merged, message);
            }
            (Some(merged), value) => {
                let mut copy = self.copy(merged, id)?;
                match copy.change(stream, rest, value) {
                    Outcome::Done => copy,
                    outcome => return self.settle(outcome, merged),
                }
            }
            (None, Some(value)) => New::nested(rest, value),
            (None, None) => return Ok(()),
        };
        self.touch(id, false)?;
        self.patch(id)
            .added
            .push(Name::Text(token.key.clone()), new);
        Ok(())
    }

    /// Is there a change of value, not only of writing, among these nodes?
    pub(super) fn is_changed(&self, from: u32, to: u32) -> bool {
        self.patches
            .among(from..to)
            .any(|patch| !patch.detached && !patch.is_empty())
    }

    fn patch(&mut self, id: u32) -> &mut Patch<'a> {
        let patch = self.patches.at(id);
        patch.edit = self.edit;
        patch
    }

    fn replace(&mut self, id: u32, value: New<'a>) -> Done {
        if self.node(id).tag().is_some() {
            return self.refuse(
                Reason::Tagged,
                id,
                "the value here has a tag, which a new value could contradict",
            );
        }
        self.touch(id, true)?;
        self.way.forget(id);
        *self.patch(id) = Patch {
            replaced: Some(value),
            edit: self.edit,
            ..Patch::default()
        };
        self.drop_nodes(id + 1..self.stream.tree.end_of_subtree(id));
        Ok(())
    }

    /// Removes an entry (by its key) or an item from the collection around it.
    fn remove(&mut self, parent: u32, child: u32) -> Done {
        // Items behind it have another index from now on.
        self.way.steps.clear();
        self.touch(parent, false)?;
        self.write_out_below(child, parent)?;
        let mut last = child;
        if self.stream.tree.at(parent).kind.is_map() {
            last = self.stream.tree.end_of_subtree(child);
            self.write_out_below(last, parent)?;
        }
        self.patch(parent).removed.push(child);
        self.drop_nodes(child..self.stream.tree.end_of_subtree(last));
        Ok(())
    }

    /// Refuses a map that the editor cannot write into.
    fn check_map(&self, id: u32) -> Done {
        let data = self.stream.tree.at(id);
        if data.kind.is_map() && data.has(ODD) {
            return self.refuse(
                Reason::OddEntry,
                id,
                "this map has an explicit `? ` key, a key without a colon or a pair without braces",
            );
        }
        Ok(())
    }
}
