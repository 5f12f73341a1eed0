//! An index by label, so that a selector does not have to visit every item.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::kubernetes::LabelSelector;
use crate::yaml::Node;

/// The positions of items in a list, by label.
#[derive(Debug, Default)]
pub(super) struct ByLabel<'a> {
    keys: HashMap<Cow<'a, str>, WithKey<'a>>,
    none: HashMap<Cow<'a, str>, Vec<usize>>,
    len: usize,
}

/// The items with a label, in their order.
#[derive(Debug, Default)]
struct WithKey<'a> {
    all: Vec<usize>,
    by_value: HashMap<Cow<'a, str>, Vec<usize>>,
}

impl<'a> ByLabel<'a> {
    /// Indexes the labels of each item.
    pub(super) fn of(items: impl Iterator<Item = Option<Node<'a>>>) -> ByLabel<'a> {
        let mut by_label = ByLabel::default();
        for labels in items {
            for (key, value) in labels.into_iter().flat_map(|labels| labels.entries()) {
                if let (Some(key), Some(value)) = (key.text(), value.text()) {
                    let with_key = by_label.keys.entry(key).or_default();
                    with_key.all.push(by_label.len);
                    let with_value = with_key.by_value.entry(value).or_default();
                    with_value.push(by_label.len);
                }
            }
            by_label.len += 1;
        }
        by_label
    }

    /// The same index without borrowed text.
    pub(super) fn into_owned(self) -> ByLabel<'static> {
        let owned = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        let keys = self
            .keys
            .into_iter()
            .map(|(key, WithKey { all, by_value })| {
                let by_value = by_value.into_iter();
                let by_value = by_value.map(|(value, places)| (owned(value), places));
                let by_value = by_value.collect();
                (owned(key), WithKey { all, by_value })
            });
        ByLabel {
            keys: keys.collect(),
            none: HashMap::new(),
            len: self.len,
        }
    }

    /// The items that a selector may match, in their order: those that meet its rarest requirement.
    pub(super) fn candidates(&self, selector: &LabelSelector) -> Cow<'_, [usize]> {
        let places = |key: &str, values: Option<&[String]>| -> Vec<&[usize]> {
            let Some(with_key) = self.keys.get(key) else {
                return Vec::new();
            };
            match values {
                Some(values) => {
                    let places = values
                        .iter()
                        .filter_map(|it| with_key.by_value.get(it.as_str()));
                    places.map(Vec::as_slice).collect()
                }
                None => vec![&with_key.all],
            }
        };
        let requirements = selector.wanted().map(|(key, values)| places(key, values));
        let len = |places: &Vec<&[usize]>| places.iter().map(|it| it.len()).sum::<usize>();
        let Some(fewest) = requirements.min_by_key(len) else {
            return Cow::Owned((0..self.len).collect());
        };
        match fewest.as_slice() {
            [only] => Cow::Borrowed(only),
            several => {
                let mut all = several.concat();
                all.sort_unstable();
                all.dedup();
                Cow::Owned(all)
            }
        }
    }

    /// Whether any item has a label with this value.
    pub(super) fn has(&self, key: &str, value: &str) -> bool {
        let with_key = self.keys.get(key);
        with_key.is_some_and(|it| it.by_value.contains_key(value))
    }

    /// All values of a label.
    pub(super) fn values(&self, key: &str) -> impl ExactSizeIterator<Item = &str> {
        let values = self.keys.get(key).map_or(&self.none, |it| &it.by_value);
        values.keys().map(Cow::as_ref)
    }
}
