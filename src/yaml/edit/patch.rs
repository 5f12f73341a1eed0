//! The overlay: which nodes of the source change, and how.

use super::new::{Entries, New};
use std::ops::Range;

/// Changes to one node of the source.
#[derive(Debug, Default)]
pub(super) struct Patch {
    /// The whole value is this one now; the fields below then mean nothing.
    pub(super) replaced: Option<New>,
    /// The replacement only writes an alias out, so the value is what it was.
    pub(super) detached: bool,
    /// Keys of removed entries, or removed items.
    pub(super) removed: Vec<u32>,
    /// Entries added at the end of a map.
    pub(super) added: Entries,
    /// Items added at the end of a sequence.
    pub(super) pushed: Vec<New>,
    /// The last edit that had a part in this.
    pub(super) edit: usize,
}

impl Patch {
    /// Did edits add and remove the same things, so that nothing is left to do?
    pub(super) fn is_empty(&self) -> bool {
        self.replaced.is_none()
            && self.removed.is_empty()
            && self.added.is_empty()
            && self.pushed.is_empty()
    }
}

/// The patches of one document by node. Every edit asks for one at every step of its way, and few
/// steps find one; so the table has a place for every node.
pub(super) struct Patches {
    /// The nodes of the document.
    nodes: Range<u32>,
    /// By node: 0 without a patch, else one more than the patch's place in `list`. Empty before
    /// the first patch.
    places: Vec<u32>,
    list: Vec<(u32, Patch)>,
}

impl Patches {
    pub(super) fn new(nodes: Range<u32>) -> Self {
        Patches {
            nodes,
            places: Vec::new(),
            list: Vec::new(),
        }
    }

    fn place(&self, id: u32) -> Option<usize> {
        let at = id.checked_sub(self.nodes.start)?;
        let place = self.places.get(at as usize)?;
        place.checked_sub(1).map(|place| place as usize)
    }

    pub(super) fn get(&self, id: u32) -> Option<&Patch> {
        self.place(id).map(|place| &self.list[place].1)
    }

    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut Patch> {
        self.place(id).map(|place| &mut self.list[place].1)
    }

    /// The patch of a node of the document, an empty one if it had none.
    pub(super) fn at(&mut self, id: u32) -> &mut Patch {
        if self.places.is_empty() {
            self.places.resize(self.nodes.len(), 0);
        }
        let place = &mut self.places[(id - self.nodes.start) as usize];
        if *place == 0 {
            self.list.push((id, Patch::default()));
            *place = self.list.len() as u32;
        }
        &mut self.list[*place as usize - 1].1
    }

    /// The patches of these nodes.
    pub(super) fn among(&self, nodes: Range<u32>) -> impl Iterator<Item = &Patch> {
        nodes.filter_map(|id| self.get(id))
    }

    /// All patches with their nodes, in the order of the text, since nodes are numbered so.
    pub(super) fn in_order(&self) -> Vec<(u32, &Patch)> {
        let mut list: Vec<_> = self.list.iter().map(|(id, patch)| (*id, patch)).collect();
        list.sort_unstable_by_key(|(id, _)| *id);
        list
    }
}
