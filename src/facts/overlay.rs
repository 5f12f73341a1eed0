//! The edits of one object, laid over its text.

use std::borrow::Cow;

use jsonptr::Pointer;

use super::view::View;
use crate::edit::Change;
use crate::yaml::{Node, Value};

/// The edits of one object, as a tree along their paths.
#[derive(Debug, Default)]
pub struct Overlay<'e> {
    root: Branch<'e>,
}

/// The edits at one place and below it.
#[derive(Debug, Default)]
pub struct Branch<'e> {
    below: Vec<(Cow<'e, str>, Branch<'e>)>,
    /// The new value, or `Some(None)` if the place is removed.
    edit: Option<Option<&'e Value>>,
    /// The items appended to its list.
    pub(super) appended: Vec<&'e Value>,
}

impl<'e> Overlay<'e> {
    /// Combines the edits of one object, in their order.
    pub fn of(changes: impl IntoIterator<Item = &'e Change>) -> Overlay<'e> {
        let mut overlay = Overlay::default();
        for change in changes {
            let leaf = match change.appends {
                true => change.leaf.parent().unwrap_or(&change.leaf),
                false => &change.leaf,
            };
            let path = tokens(&change.subject.path).chain(tokens(leaf));
            let branch = path.fold(&mut overlay.root, Branch::grow);
            match (change.appends, &change.proposed) {
                (true, proposed) => branch.appended.extend(proposed),
                (false, proposed) => branch.edit = Some(proposed.as_ref()),
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
            tokens(path).fold(&mut overlay.root, Branch::grow).edit = Some(value);
        }
        overlay
    }

    /// A node at a path in the object, with the edits.
    pub fn view<'o>(&'o self, node: Node<'o>, path: &Pointer) -> View<'o> {
        let mut branch = Some(&self.root);
        for token in tokens(path) {
            branch = branch.and_then(|branch| branch.get(&token));
        }
        View::Written(node, branch)
    }
}

/// The tokens of a path, borrowed from it.
fn tokens(path: &Pointer) -> impl Iterator<Item = Cow<'_, str>> {
    let tokens = path.as_str().split('/').skip(1);
    tokens.map(|token| match token.contains('~') {
        true => Cow::Owned(token.replace("~1", "/").replace("~0", "~")),
        false => Cow::Borrowed(token),
    })
}

impl<'e> Branch<'e> {
    fn grow(&mut self, token: Cow<'e, str>) -> &mut Branch<'e> {
        let known = self.below.iter().position(|(key, _)| *key == token);
        let index = known.unwrap_or_else(|| {
            self.below.push((token, Branch::default()));
            self.below.len() - 1
        });
        &mut self.below[index].1
    }

    /// The edits below a key or an index.
    pub(super) fn get(&self, token: &str) -> Option<&Branch<'e>> {
        let mut below = self.below.iter();
        below.find(|(key, _)| key == token).map(|(_, it)| it)
    }

    /// The edited places directly below.
    pub(super) fn below(&self) -> impl Iterator<Item = (&str, &Branch<'e>)> {
        self.below
            .iter()
            .map(|(key, branch)| (key.as_ref(), branch))
    }

    /// The value after the edits, given the one before.
    pub(super) fn resolve<'a>(&'a self, written: Option<Node<'a>>) -> Option<View<'a>> {
        match (self.edit, written) {
            (Some(edit), _) => edit
                .filter(|value| !matches!(value, Value::Null))
                .map(View::Planned),
            (None, Some(node)) => (!self.empties(node)).then_some(View::Written(node, Some(self))),
            (None, None) => self.makes_anything().then_some(View::Made(self)),
        }
    }

    /// Whether the edits add a value here or below.
    fn makes_anything(&self) -> bool {
        !self.appended.is_empty()
            || matches!(self.edit, Some(Some(_)))
            || self.below.iter().any(|(_, below)| below.makes_anything())
    }

    /// Whether the edits remove all entries of a map, which removes the map itself.
    fn empties(&self, node: Node<'_>) -> bool {
        let is_gone = |(key, value): (Node<'_>, Node<'_>)| {
            let branch = key.text().and_then(|key| self.get(&key));
            branch.is_some_and(|branch| branch.resolve(Some(value)).is_none())
        };
        !self.makes_anything() && node.is_map() && node.len() > 0 && node.entries().all(is_gone)
    }
}
