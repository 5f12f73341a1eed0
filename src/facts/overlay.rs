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
    /// The places of the edited parts.
    subjects: Vec<(&'e Arc<Subject>, usize)>,
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
        let (mut to_parts, mut to_leaves) = (Trail::from(0), Trail::from(0));
        for change in changes {
            let subject = match overlay.part(&change.subject) {
                Some(at) => at,
                None => {
                    let at = overlay.follow(&mut to_parts, change.subject.path.as_str());
                    overlay.subjects.push((&change.subject, at));
                    at
                }
            };
            if to_leaves.from != subject {
                to_leaves.from = subject;
                to_leaves.places.clear();
            }
            let leaf = change.leaf.as_str();
            match &change.proposed {
                Some(item) if change.appends => {
                    let end = leaf.rfind('/').unwrap_or_default();
                    let list = overlay.follow(&mut to_leaves, &leaf[..end]);
                    overlay.branches[list].appended.push(item);
                }
                proposed => {
                    let at = overlay.follow(&mut to_leaves, leaf);
                    overlay.branches[at].edit = Some(proposed.as_deref());
                }
            }
        }
        overlay
    }

    /// The place of an edited part. Of many, the last ones are looked at.
    fn part(&self, subject: &Arc<Subject>) -> Option<usize> {
        let known = self.subjects.iter().rev();
        let mut known = known.take(FEW);
        let found = known.find(|(known, _)| Arc::ptr_eq(known, subject))?;
        Some(found.1)
    }

    /// Values at their paths; `None` removes the value there.
    pub fn of_values(
        values: impl IntoIterator<Item = (&'e Pointer, Option<&'e Value>)>,
    ) -> Overlay<'e> {
        let mut overlay = Overlay::default();
        for (path, value) in values {
            let leaf = overlay.follow(&mut Trail::from(0), path.as_str());
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

    /// A node of a part of the object, with the edits.
    pub fn view_of<'o>(&'o self, node: Node<'o>, part: &Arc<Subject>) -> View<'o> {
        match self.part(part) {
            Some(at) => View::Written(node, Some(Place { overlay: self, at })),
            None => self.view(node, &part.path),
        }
    }

    /// The place at a path, created if missing.
    fn follow(&mut self, trail: &mut Trail<'e>, path: &'e str) -> usize {
        if self.branches.is_empty() {
            self.branches.push(Branch::new(Cow::Borrowed("")));
        }
        let (mut end, mut at) = trail.back_to(path);
        trail.path = path;
        if end < path.len() {
            for token in tokens(path, end) {
                (end, at) = (token.end, self.step(at, token.key));
                trail.places.push((end, at));
            }
        }
        at
    }

    /// The place at a key below another, created if missing.
    fn step(&mut self, from: usize, key: Cow<'e, str>) -> usize {
        let (known, is_wide) = self.find(from, &key);
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
            self.more.insert((from, key.clone()), at);
        }
        self.branches.push(Branch::new(key));
        at
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

/// The way to the last place. The next path often has the same beginning.
struct Trail<'e> {
    from: usize,
    path: &'e str,
    /// The places along the path, and where their tokens end in it.
    places: Vec<(usize, usize)>,
}

impl<'e> Trail<'e> {
    fn from(from: usize) -> Trail<'e> {
        Trail {
            from,
            path: "",
            places: Vec::with_capacity(8),
        }
    }

    /// Goes back to the last place that is also on another path.
    fn back_to(&mut self, path: &str) -> (usize, usize) {
        let (own, path) = (self.path.as_bytes(), path.as_bytes());
        let mut from = 0;
        let is_other = |(end, _): &(usize, usize)| {
            let token = std::mem::replace(&mut from, *end)..*end;
            let is_same = path
                .get(token.clone())
                .is_some_and(|it| are_same(it, &own[token]));
            !is_same || path.get(*end).is_some_and(|it| *it != b'/')
        };
        let shared = self.places.iter().position(is_other);
        self.places.truncate(shared.unwrap_or(self.places.len()));
        self.places.last().copied().unwrap_or((0, self.from))
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
