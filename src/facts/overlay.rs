//! The edits of one object, laid over its text.

use std::borrow::Cow;
use std::sync::Arc;

use jsonptr::Pointer;

use super::view::View;
use crate::edit::Change;
use crate::finding::Subject;
use crate::hashing::HashMap;
use crate::yaml::{Node, Value, are_same, tokens};

/// The edits of one object, as a tree along their paths.
#[derive(Debug, Default)]
pub struct Overlay<'e> {
    /// The edited places and their parents; the first is the object itself.
    branches: Vec<Branch<'e>>,
    /// The places behind the first [`FEW`] of each parent, by its place and their keys.
    more: HashMap<(usize, Cow<'e, str>), usize>,
}

/// Up to this many places below one are searched one by one.
const FEW: usize = 16;

#[derive(Debug)]
struct Branch<'e> {
    key: Cow<'e, str>,
    first: Option<usize>,
    last: usize,
    next: Option<usize>,
    /// The items appended to the list here.
    appended: Vec<&'e Value>,
    /// The new value, or `Some(None)` if the place is removed.
    edit: Option<Option<&'e Value>>,
}

/// One place in the tree.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    overlay: &'a Overlay<'a>,
    at: usize,
}

impl<'e> Overlay<'e> {
    /// Combines the edits of one object, in their order.
    pub fn of(changes: impl IntoIterator<Item = &'e Change>) -> Overlay<'e> {
        let changes = changes.into_iter();
        let mut overlay = Overlay::default();
        // Most have a place of their own, and share those above.
        let most = changes.size_hint().1.unwrap_or_default();
        overlay.branches.reserve(most * 2);
        let mut subjects: Vec<(&'e Arc<Subject>, usize)> = Vec::with_capacity(FEW);
        for change in changes {
            let known = subjects.iter().rev();
            let mut known = known.take(FEW);
            let subject = match known.find(|(subject, _)| Arc::ptr_eq(subject, &change.subject)) {
                Some((_, at)) => *at,
                None => {
                    let at = overlay.grow(0, &change.subject.path);
                    subjects.push((&change.subject, at));
                    at
                }
            };
            match (&change.proposed, change.leaf.parent()) {
                (Some(item), Some(list)) if change.appends => {
                    let list = overlay.grow(subject, list);
                    overlay.branches[list].appended.push(item);
                }
                (proposed, _) => {
                    let leaf = overlay.grow(subject, &change.leaf);
                    overlay.branches[leaf].edit = Some(proposed.as_deref());
                }
            }
        }
        overlay
    }

    /// Values at their paths; `None` removes the value there.
    pub fn of_values(
        values: impl IntoIterator<Item = (&'e Pointer, Option<&'e Value>)>,
    ) -> Overlay<'e> {
        let mut overlay = Overlay::default();
        for (path, value) in values {
            let leaf = overlay.grow(0, path);
            overlay.branches[leaf].edit = Some(value);
        }
        overlay
    }

    /// A node at a path in the object, with the edits.
    pub fn view<'o>(&'o self, node: Node<'o>, path: &Pointer) -> View<'o> {
        let root = Place {
            overlay: self,
            at: 0,
        };
        let root = (!self.branches.is_empty()).then_some(root);
        let place =
            tokens(path.as_str(), 0).try_fold(root, |place, token| Some(place?.get(&token.key)));
        View::Written(node, place.flatten())
    }

    /// The place at a path below another, created if missing.
    fn grow(&mut self, from: usize, path: &'e Pointer) -> usize {
        if self.branches.is_empty() {
            self.branches.push(Branch::new(Cow::Borrowed("")));
        }
        tokens(path.as_str(), 0).fold(from, |from, token| {
            let token = token.key;
            let (known, is_wide) = self.find(from, &token);
            if let Some(at) = known {
                return at;
            }
            let at = self.branches.len();
            match self.branches[from].first {
                Some(_) => {
                    let last = self.branches[from].last;
                    self.branches[last].next = Some(at);
                }
                None => self.branches[from].first = Some(at),
            }
            self.branches[from].last = at;
            if is_wide {
                self.more.insert((from, token.clone()), at);
            }
            self.branches.push(Branch::new(token));
            at
        })
    }

    /// The place of a key below another, and whether that has at least [`FEW`] places.
    fn find(&self, from: usize, token: &str) -> (Option<usize>, bool) {
        let mut next = self.branches[from].first;
        for _ in 0..FEW {
            let Some(at) = next else {
                return (None, false);
            };
            let branch = &self.branches[at];
            if are_same(branch.key.as_bytes(), token.as_bytes()) {
                return (Some(at), false);
            }
            next = branch.next;
        }
        let more = self.more.get(&(from, Cow::Borrowed(token)));
        (more.copied(), true)
    }
}

impl<'e> Branch<'e> {
    fn new(key: Cow<'e, str>) -> Branch<'e> {
        Branch {
            key,
            first: None,
            last: 0,
            next: None,
            appended: Vec::new(),
            edit: None,
        }
    }
}

impl<'a> Place<'a> {
    /// The place at a key or an index below.
    pub(super) fn get(self, token: &str) -> Option<Place<'a>> {
        let (at, _) = self.overlay.find(self.at, token);
        Some(Place { at: at?, ..self })
    }

    /// The place of an item of a list.
    pub(super) fn item(self, index: usize) -> Option<Place<'a>> {
        const DIGITS: &str = "0123456789";
        match DIGITS.get(index..=index) {
            Some(digit) => self.get(digit),
            None => self.get(&index.to_string()),
        }
    }

    /// The places directly below.
    pub(super) fn below(self) -> impl Iterator<Item = (&'a str, Place<'a>)> {
        let Overlay { branches, .. } = self.overlay;
        let first = branches[self.at].first;
        let places = std::iter::successors(first, |at| branches[*at].next);
        places.map(move |at| (branches[at].key.as_ref(), Place { at, ..self }))
    }

    /// The items appended to the list at the place.
    pub(super) fn appended(self) -> impl Iterator<Item = &'a Value> {
        self.overlay.branches[self.at].appended.iter().copied()
    }

    /// The value after the edits, given the one before.
    pub(super) fn resolve(self, written: Option<Node<'a>>) -> Option<View<'a>> {
        match (self.overlay.branches[self.at].edit, written) {
            (Some(edit), _) => edit
                .filter(|value| !matches!(value, Value::Null))
                .map(View::Planned),
            (None, Some(node)) => (!self.empties(node)).then_some(View::Written(node, Some(self))),
            (None, None) => self.makes_anything().then_some(View::Made(self)),
        }
    }

    /// Whether the edits add a value here or below.
    fn makes_anything(self) -> bool {
        matches!(self.overlay.branches[self.at].edit, Some(Some(_)))
            || self.appended().next().is_some()
            || self.below().any(|(_, below)| below.makes_anything())
    }

    /// Whether the edits remove all entries of a map, which removes the map itself.
    fn empties(self, node: Node<'_>) -> bool {
        let is_gone = |(key, value): (Node<'_>, Node<'_>)| {
            let place = key.text().and_then(|key| self.get(&key));
            place.is_some_and(|place| place.removes(value))
        };
        !self.makes_anything()
            && node.is_map()
            && !node.is_empty_collection()
            && node.entries().all(is_gone)
    }

    /// Whether the edits remove the value at the place.
    fn removes(self, node: Node<'_>) -> bool {
        match self.overlay.branches[self.at].edit {
            Some(edit) => edit.is_none_or(|value| matches!(value, Value::Null)),
            None => self.empties(node),
        }
    }
}
