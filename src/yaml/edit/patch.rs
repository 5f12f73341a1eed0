//! The overlay: which nodes of the source change, and how.

use super::super::tree::are_same;
use super::super::{Stream, Value};
use super::new::{Entries, New};
use std::borrow::Cow;
use std::ops::Range;

/// What an edit adds to a map, which has no such key: the rest of the pointer, and the value.
pub(super) type Listed<'e> = (&'e str, &'e Value);

/// Changes to one node of the source.
#[derive(Debug, Default)]
pub(super) struct Patch<'e> {
    /// The whole value is this one now; the fields below then mean nothing.
    pub(super) replaced: Option<New<'e>>,
    /// The replacement only writes an alias out, so the value is what it was.
    pub(super) detached: bool,
    /// Keys of removed entries, or removed items.
    pub(super) removed: Vec<u32>,
    /// Entries added at the end of a map.
    pub(super) added: Entries<'e>,
    /// What is added behind these entries. Most objects get what others get, so that entries are only made for the first one.
    pub(super) listed: Vec<Listed<'e>>,
    /// Items added at the end of a sequence.
    pub(super) pushed: Vec<New<'e>>,
    /// The last edit that had a part in this.
    pub(super) edit: usize,
}

impl<'e> Patch<'e> {
    /// All entries added at the end of a map; `None` if something listed has no place.
    pub(super) fn entries(&self, stream: &Stream) -> Option<Cow<'_, Entries<'e>>> {
        if self.listed.is_empty() {
            return Some(Cow::Borrowed(&self.added));
        }
        let mut entries = self.added.clone();
        let is_set = entries.set(stream, &self.listed);
        is_set.then_some(Cow::Owned(entries))
    }

    /// Whether it does nothing but add what is listed.
    pub(super) fn only_lists(&self, listed: &[Listed<'_>]) -> bool {
        let is_same = |((own, value), (other, of_other)): (&Listed<'_>, &Listed<'_>)| {
            (std::ptr::eq(*own, *other) || are_same(own.as_bytes(), other.as_bytes()))
                && (std::ptr::eq(*value, *of_other) || value.is_written_as(of_other))
        };
        self.listed.len() == listed.len()
            && self.added.is_empty()
            && self.pushed.is_empty()
            && self.listed.iter().zip(listed).all(is_same)
    }

    /// Whether entries or items are added.
    pub(super) fn adds(&self) -> bool {
        !(self.added.is_empty() && self.listed.is_empty() && self.pushed.is_empty())
    }

    /// Did edits add and remove the same things, so that nothing is left to do?
    pub(super) fn is_empty(&self) -> bool {
        self.replaced.is_none() && self.removed.is_empty() && !self.adds()
    }
}

/// So many nodes share a page of the table.
const PAGE: usize = 16;

/// The patches of one document by node. Every edit asks for one at every step of its way, and few
/// steps find one; so a table leads from every node to its patch, over pages, which most nodes do not need.
pub(super) struct Patches<'e> {
    /// The nodes of the document.
    nodes: Range<u32>,
    /// By page: 0, or one more than its place in `pages`. Empty before the first patch.
    places: Vec<u32>,
    /// By node: 0 without a patch, else one more than the patch's place in `list`.
    pages: Vec<[u32; PAGE]>,
    list: Vec<(u32, Patch<'e>)>,
}

impl<'e> Patches<'e> {
    pub(super) fn new(nodes: Range<u32>) -> Self {
        Patches {
            nodes,
            places: Vec::new(),
            pages: Vec::new(),
            list: Vec::new(),
        }
    }

    #[inline]
    fn place(&self, id: u32) -> Option<usize> {
        let at = id.checked_sub(self.nodes.start)? as usize;
        let page = self.places.get(at / PAGE)?.checked_sub(1)?;
        let place = self.pages[page as usize][at % PAGE].checked_sub(1)?;
        Some(place as usize)
    }

    #[inline]
    pub(super) fn get(&self, id: u32) -> Option<&Patch<'e>> {
        self.place(id).map(|place| &self.list[place].1)
    }

    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut Patch<'e>> {
        self.place(id).map(|place| &mut self.list[place].1)
    }

    /// The patch of a node of the document, an empty one if it had none.
    pub(super) fn at(&mut self, id: u32) -> &mut Patch<'e> {
        if self.places.is_empty() {
            self.places.resize(self.nodes.len() / PAGE + 1, 0);
        }
        let at = (id - self.nodes.start) as usize;
        let page = &mut self.places[at / PAGE];
        if *page == 0 {
            self.pages.push([0; PAGE]);
            *page = self.pages.len() as u32;
        }
        let place = &mut self.pages[*page as usize - 1][at % PAGE];
        if *place == 0 {
            self.list.push((id, Patch::default()));
            *place = self.list.len() as u32;
        }
        &mut self.list[*place as usize - 1].1
    }

    /// The patches of these nodes.
    pub(super) fn among(&self, nodes: Range<u32>) -> impl Iterator<Item = &Patch<'e>> {
        nodes.filter_map(|id| self.get(id))
    }

    /// All patches with their nodes, in the order of the text, since nodes are numbered so.
    pub(super) fn in_order(&self) -> Vec<(u32, &Patch<'e>)> {
        let mut list: Vec<_> = self.list.iter().map(|(id, patch)| (*id, patch)).collect();
        list.sort_unstable_by_key(|(id, _)| *id);
        list
    }
}
