//! A value in the text or from the edits.

use std::borrow::Cow;

use super::overlay::Place;
use crate::kubernetes::Quantity;
use crate::yaml::{Keys, Node, Scalar, Table, Value};

/// A value as the API server reads it: null is absent, and the zero value where it is an item of a list.
#[derive(Clone, Copy, Debug)]
pub enum View<'a> {
    /// In the text, with the edits at its place.
    Written(Node<'a>, Option<Place<'a>>),
    /// The value that an edit writes.
    Planned(&'a Value),
    /// A collection that exists only because edits write into it.
    Made(Place<'a>),
}

/// The value of a key in the text, with the edits at the place of its map.
fn edited<'a>(place: Option<Place<'a>>, key: &str, written: Option<Node<'a>>) -> Option<View<'a>> {
    match place.and_then(|place| place.get(key)) {
        None => written.map(View::of),
        Some(place) => place.resolve(written.filter(|it| !it.is_null())),
    }
}

impl<'a> View<'a> {
    /// A value as it is in the text.
    pub fn of(node: Node<'a>) -> View<'a> {
        View::Written(node, None)
    }

    /// Its node, if it is in the text.
    pub fn node(self) -> Option<Node<'a>> {
        match self {
            View::Written(node, _) => Some(node),
            View::Planned(_) | View::Made(_) => None,
        }
    }

    /// The value of a key.
    pub fn get(self, key: &str) -> Option<View<'a>> {
        self.entry(key).filter(|value| !value.is_null())
    }

    /// The value of a key, which may be null.
    pub fn entry(self, key: &str) -> Option<View<'a>> {
        match self {
            View::Written(node, place) => edited(place, key, node.get(key)),
            View::Planned(Value::Mapping(entries)) => {
                let entry = entries.iter().rfind(|(name, _)| name == key);
                entry.map(|(_, value)| View::Planned(value))
            }
            View::Planned(_) => None,
            View::Made(place) => place.get(key)?.resolve(None),
        }
    }

    /// The values of keys, each as [`View::get`] gives it.
    pub fn pick<const N: usize>(self, keys: &Keys<N>) -> [Option<View<'a>>; N] {
        let mut values = [None; N];
        self.pick_into(keys.table(), &mut values);
        values
    }

    /// The same, where they are needed.
    pub(super) fn pick_into(self, keys: Table<'_>, values: &mut [Option<View<'a>>]) {
        let View::Written(node, place) = self else {
            for (value, key) in values.iter_mut().zip(keys.keys) {
                *value = self.get(key);
            }
            return;
        };
        node.each_of(keys, |at, value| {
            if !value.is_null() {
                values[at] = Some(View::of(value));
            }
        });
        for (key, place) in place.into_iter().flat_map(Place::below) {
            if let Some(at) = keys.position(key) {
                let value = place.resolve(values[at].and_then(View::node));
                values[at] = value.filter(|value| !value.is_null());
            }
        }
    }

    /// The value at a path of keys.
    pub fn at<'k>(self, keys: impl IntoIterator<Item = &'k str>) -> Option<View<'a>> {
        keys.into_iter().try_fold(self, |of, key| of.get(key))
    }

    /// What is in the text, the edits there, and the value that an edit writes.
    fn parts(self) -> (Option<Node<'a>>, Option<Place<'a>>, Option<&'a Value>) {
        match self {
            View::Written(node, place) => (Some(node), place, None),
            View::Planned(value) => (None, None, Some(value)),
            View::Made(place) => (None, Some(place), None),
        }
    }

    /// The entries of a map, without those that are null.
    pub fn entries(self) -> impl Iterator<Item = (Cow<'a, str>, View<'a>)> {
        let (node, place, planned) = self.parts();
        let written = node.into_iter().flat_map(Node::entries);
        let written = written.filter_map(move |(key, value)| {
            let key = key.text()?;
            let value = edited(place, &key, Some(value));
            Some((key, value.filter(|it| !it.is_null())?))
        });
        let made = place.into_iter().flat_map(Place::below);
        let made = made.filter(move |(key, _)| node.is_none_or(|node| node.get(key).is_none()));
        let made = made.filter_map(|(key, it)| Some((Cow::Borrowed(key), it.resolve(None)?)));
        let planned = planned.and_then(Value::as_mapping).into_iter().flatten();
        let planned =
            planned.map(|(key, value)| (Cow::Borrowed(key.as_str()), View::Planned(value)));
        written
            .chain(made)
            .chain(planned.filter(|(_, value)| !value.is_null()))
    }

    /// The keys of a map, and those whose values are null or removed.
    pub fn keys(self) -> impl Iterator<Item = Cow<'a, str>> {
        let (node, place, planned) = self.parts();
        let written = node.into_iter().flat_map(Node::entries);
        let written = written.filter_map(|(key, _)| key.text());
        let edited = place.into_iter().flat_map(Place::below);
        let planned = planned.and_then(Value::as_mapping).into_iter().flatten();
        let planned = planned.map(|(key, _)| Cow::Borrowed(key.as_str()));
        let edited = edited.map(|(key, _)| Cow::Borrowed(key));
        written.chain(edited).chain(planned)
    }

    /// The items of a list.
    pub fn items(self) -> impl Iterator<Item = View<'a>> {
        let (written, place, planned) = self.parts();
        let written = written.into_iter().flat_map(Node::items).enumerate();
        let written = written.filter_map(move |(index, item)| {
            let edited = place.filter(|place| place.below().next().is_some());
            match edited.and_then(|place| place.item(index)) {
                None => Some(View::of(item)),
                Some(place) => place.resolve(Some(item)),
            }
        });
        let appended = place.into_iter().flat_map(Place::appended);
        let planned = planned.and_then(Value::as_sequence).into_iter().flatten();
        written.chain(appended.chain(planned).map(View::Planned))
    }

    /// The items of a list at a path of keys.
    pub fn items_at<'k>(
        self,
        keys: impl IntoIterator<Item = &'k str>,
    ) -> impl Iterator<Item = View<'a>> {
        self.at(keys).into_iter().flat_map(View::items)
    }

    /// Whether it is null.
    pub fn is_null(self) -> bool {
        match self {
            View::Written(node, _) => node.is_null(),
            View::Planned(value) => matches!(value, Value::Null),
            View::Made(_) => false,
        }
    }

    /// A string; empty for null.
    pub fn text(self) -> Cow<'a, str> {
        match self {
            View::Written(node, _) if node.is_null() => Cow::Borrowed(""),
            View::Written(node, _) => node.text().unwrap_or_default(),
            View::Planned(value) => Cow::Borrowed(value.as_str().unwrap_or_default()),
            View::Made(_) => Cow::Borrowed(""),
        }
    }

    /// The string at a path of keys.
    pub fn text_at<'k>(self, keys: impl IntoIterator<Item = &'k str>) -> Option<Cow<'a, str>> {
        self.at(keys).map(View::text)
    }

    /// A boolean.
    pub fn bool(self) -> Option<bool> {
        match self {
            View::Written(node, _) => match node.scalar() {
                Some(Scalar::Bool(value)) => Some(value),
                _ => None,
            },
            View::Planned(Value::Bool(value)) => Some(*value),
            View::Planned(_) | View::Made(_) => None,
        }
    }

    /// An integer; the API server reads 1000.0 as 1000.
    pub fn int(self) -> Option<i128> {
        let whole = |value: f64| (value.fract() == 0.0).then_some(value as i128);
        match self {
            View::Written(node, _) => match node.scalar() {
                Some(Scalar::Int(value)) => Some(value),
                Some(Scalar::Float(value)) => whole(value),
                _ => None,
            },
            View::Planned(Value::Number(value)) => {
                let float = || value.as_f64().and_then(whole);
                value.as_i128().or_else(float)
            }
            View::Planned(_) | View::Made(_) => None,
        }
    }

    /// A quantity, if it is a valid one.
    pub fn quantity(self) -> Option<Quantity> {
        match self {
            View::Written(node, _) => Quantity::of_node(node).ok(),
            View::Planned(value) => value.as_str()?.parse().ok(),
            View::Made(_) => None,
        }
    }
}
