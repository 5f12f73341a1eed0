//! A collection that is set where there is one: only what differs changes, so that comments, quotes
//! and order of the rest stay.

use super::super::super::{Node, NodeId, Scalar};
use super::super::new::{Entries, Name, New};
use super::{Done, Plan};

impl<'a> Plan<'a> {
    /// Sets the value of a node.
    pub(super) fn set(&mut self, id: u32, value: New<'a>) -> Done {
        let node = self.node(id);
        let is_replaced = |id| {
            let patch = self.patches.get(id);
            patch.is_some_and(|patch| !patch.is_empty())
        };
        let is_new = is_replaced(id) || node.tag().is_some() || node.merge().is_some();
        // Comments between brackets stay if all entries go.
        let has_brackets = node.kind().is_flow();
        match value {
            New::Map(entries)
                if !is_new && node.kind().is_map() && (has_brackets || !entries.is_empty()) =>
            {
                self.set_entries(id, entries)
            }
            New::Sequence(items)
                if !is_new
                    && node.kind().is_sequence()
                    && (has_brackets || !items.is_empty())
                    && !self.is_changed(id, self.stream.tree.end_of_subtree(id)) =>
            {
                self.set_items(id, items)
            }
            value if !is_replaced(id) && !node.kind().is_collection() && is(node, &value) => Ok(()),
            value => self.replace(id, value),
        }
    }

    fn set_entries(&mut self, id: u32, mut entries: Entries<'a>) -> Done {
        self.check_map(id)?;
        self.enter_listed(id)?;
        let stream = self.stream;
        let node = self.node(id);
        for (key, _) in node.local_entries() {
            let text = key.text().unwrap_or_default();
            if entries.place(stream, &text).is_none() {
                self.remove(id, key.id().0)?;
            }
        }
        for (name, value) in entries {
            match node.find_local(&name.text(stream)) {
                Some((_, old)) => self.set(old.id().0, value)?,
                None => {
                    self.touch(id, false)?;
                    self.patch(id).added.push(name, value);
                }
            }
        }
        Ok(())
    }

    /// Keeps the items that are there in the order of the new ones, and adds the others.
    fn set_items(&mut self, id: u32, items: Vec<New<'a>>) -> Done {
        let mut items = items.into_iter().peekable();
        for item in self.stream.tree.children(id) {
            if items.next_if(|new| is(self.node(item), new)).is_none() {
                self.remove(id, item)?;
            }
        }
        if items.peek().is_some() {
            self.touch(id, false)?;
            self.patch(id).pushed.extend(items);
        }
        Ok(())
    }
}

/// Is this the value of a node, with the quotes that are asked for?
fn is(node: Node<'_>, value: &New<'_>) -> bool {
    if node.tag().is_some() || node.alias_target().id() != node.id() {
        return false;
    }
    match value {
        New::Map(entries) => {
            let has = |(name, value): &(Name<'_>, New<'_>)| {
                let found = node.find_local(&name.text(node.stream()));
                found.is_some_and(|(_, node)| is(node, value))
            };
            node.is_map()
                && node.local_entries().count() == entries.len()
                && entries.iter().all(has)
        }
        New::Sequence(items) => {
            let stream = node.stream();
            let mut nodes = stream.tree.children(node.id().0);
            let are = items.iter().all(|item| {
                let next = nodes.next().map(|id| stream.node(NodeId(id)));
                next.is_some_and(|it| is(it, item))
            });
            node.is_sequence() && are && nodes.next().is_none()
        }
        New::Null => node.is_null(),
        New::Bool(value) => node.raw() == if *value { "true" } else { "false" },
        New::Number(number) => node.raw() == number,
        New::Text { text, quoted } => {
            let is_quoted = !matches!(node.scalar(), Some(Scalar::Text(_))) || node.raw() != *text;
            node.str().is_some_and(|it| it == *text) && (is_quoted || !quoted)
        }
        New::Copy(_) => false,
    }
}
