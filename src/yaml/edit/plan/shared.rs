//! Values that several places share: by an alias, or by a `<<`.

use super::super::super::Node;
use super::super::super::tree::PROPS;
use super::super::new::{New, Outcome};
use super::super::patch::Patch;
use super::super::{Refusal, RefusalReason as Reason};
use super::{Done, Plan, Token};
use std::collections::HashSet;

impl<'a> Plan<'a> {
    /// What a plain `<<` of this map merges into it.
    fn merge(&self, map: u32) -> Option<Node<'a>> {
        self.node(map).merge()
    }

    /// Without a local entry the merged one of the same key would show.
    pub(super) fn check_uncovers(&self, map: u32, token: &Token<'_>) -> Done {
        let key = &token.key;
        let merge = self.merge(map).filter(|merge| merge_has(*merge, key));
        match merge.filter(|_| *key != "<<") {
            Some(merge) => {
                let message =
                    format!("without its own `{key}` this map would have the one that `<<` merges");
                self.refuse(Reason::Shared, merge.id().0, message)
            }
            None => Ok(()),
        }
    }

    /// The way leads through an alias: a copy of its value is written in its place and changed.
    pub(super) fn change_alias(
        &mut self,
        id: u32,
        tokens: &[Token<'a>],
        value: Option<New<'a>>,
    ) -> Done {
        let mut copy = self.copy(id, id)?;
        let outcome = copy.change(self.stream, tokens, value);
        if outcome == Outcome::Done {
            self.replace(id, copy)?;
        }
        self.settle(outcome, id)
    }

    /// The value of `source`, written out for `alias`.
    pub(super) fn copy(&self, source: u32, alias: u32) -> Result<New<'a>, Refusal> {
        match New::copy(self.node(source)) {
            Some(copy) => Ok(copy),
            None => self.refuse(Reason::Shared, alias, "what this alias stands for cannot be written out: it is too large, tagged or has keys that are not scalars"),
        }
    }

    /// The value of a key that a `<<` merges into this map.
    pub(super) fn merged(&self, map: u32, key: &str) -> Result<Option<u32>, Refusal> {
        let Some(merge) = self.merge(map) else {
            return Ok(None);
        };
        let Some(found) = self
            .node(map)
            .get(key)
            .filter(|_| self.node(map).find_local(key).is_none())
        else {
            return Ok(None);
        };
        if self.is_changed(merge.id().0, self.stream.tree.end_of_subtree(merge.id().0)) {
            return self.refuse(
                Reason::Overlap,
                merge.id().0,
                "an earlier edit changed what is merged here",
            );
        }
        Ok(Some(found.id().0))
    }

    /// Before the value of a node changes: everything that shares the value gets its own copy.
    pub(super) fn touch(&mut self, id: u32, whole: bool) -> Done {
        if self.aliases.is_empty() {
            return Ok(());
        }
        let around: Vec<u32> = self.ancestors(id).collect();
        for above in around {
            self.write_out(above, id)?;
        }
        if whole {
            self.write_out_below(id, id)
        } else {
            Ok(())
        }
    }

    pub(super) fn write_out_below(&mut self, id: u32, changed: u32) -> Done {
        if self.aliases.is_empty() {
            return Ok(());
        }
        for below in id..self.stream.tree.end_of_subtree(id) {
            self.write_out(below, changed)?;
        }
        Ok(())
    }

    /// The patched nodes that depend on each other: without the aliases written out, they would change with their anchor.
    pub(in super::super) fn ties(&self) -> Vec<(u32, u32)> {
        let anchored: HashSet<u32> = self.shared.iter().map(|(_, anchored)| *anchored).collect();
        let is_patched = |id: &u32| self.patches.get(*id).is_some_and(|patch| !patch.is_empty());
        let uses = self
            .aliases
            .iter()
            .filter(|(_, target)| anchored.contains(target));
        let uses = uses.filter_map(|(alias, target)| {
            let patched = self.ancestors(*alias).find(is_patched)?;
            Some((*target, patched))
        });
        self.shared.iter().copied().chain(uses).collect()
    }

    /// Replaces all aliases of an anchored node by copies of its value in the source, before the value of `changed` does.
    fn write_out(&mut self, anchored: u32, changed: u32) -> Done {
        if !self.stream.tree.at(anchored).has(PROPS) {
            return Ok(());
        }
        self.shared.push((changed, anchored));
        let uses: Vec<u32> = self
            .aliases
            .iter()
            .filter(|(_, target)| *target == anchored)
            .map(|(alias, _)| *alias)
            .collect();
        for alias in uses {
            if self.is_dropped(alias) {
                continue;
            }
            let parent = self.stream.tree.at(alias).parent;
            if self
                .stream
                .tree
                .entries(parent)
                .any(|(key, _)| key == alias)
            {
                return self.refuse(
                    Reason::Shared,
                    alias,
                    "the anchored value is also a key, by this alias",
                );
            }
            let copy = self.copy(anchored, alias)?;
            self.way.forget(alias);
            *self.patch(alias) = Patch {
                replaced: Some(copy),
                detached: true,
                edit: self.edit,
                ..Patch::default()
            };
        }
        Ok(())
    }
}

/// Does a map that `<<` merges, or one of several, have this key?
fn merge_has(merge: Node<'_>, key: &str) -> bool {
    let merged = merge.alias_target();
    merged.get(key).is_some() || merged.items().any(|map| map.get(key).is_some())
}
