//! An index by label, so that a selector does not have to visit every item.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::kubernetes::LabelSelector;
use crate::yaml::Node;

/// The positions of items in a list, by label.
#[derive(Debug, Default)]
pub(super) struct ByLabel<'a> {
    places: HashMap<Cow<'a, str>, HashMap<Cow<'a, str>, Vec<usize>>>,
    len: usize,
}

impl<'a> ByLabel<'a> {
    /// Indexes the labels of each item.
    pub(super) fn of(items: impl Iterator<Item = Option<Node<'a>>>) -> ByLabel<'a> {
        let mut by_label = ByLabel::default();
        for labels in items {
            for (key, value) in labels.into_iter().flat_map(|labels| labels.entries()) {
                if let (Some(key), Some(value)) = (key.text(), value.text()) {
                    let values = by_label.places.entry(key).or_default();
                    values.entry(value).or_default().push(by_label.len);
                }
            }
            by_label.len += 1;
        }
        by_label
    }

    /// The same index without borrowed text.
    pub(super) fn into_owned(self) -> ByLabel<'static> {
        let owned = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        let places = self.places.into_iter().map(|(key, values)| {
            let values = values.into_iter();
            let values = values.map(|(value, places)| (owned(value), places));
            (owned(key), values.collect())
        });
        ByLabel {
            places: places.collect(),
            len: self.len,
        }
    }

    /// The items that a selector may match: those with its rarest label.
    pub(super) fn candidates(&self, selector: &LabelSelector) -> impl Iterator<Item = usize> {
        let with_label = selector.labels().map(|(key, value)| {
            let places = self.places.get(key).and_then(|values| values.get(value));
            places.map_or(&[][..], Vec::as_slice)
        });
        let fewest = with_label.min_by_key(|places| places.len());
        let all = 0..if fewest.is_none() { self.len } else { 0 };
        fewest.unwrap_or_default().iter().copied().chain(all)
    }

    /// Whether any item has a label with this value.
    pub(super) fn has(&self, key: &str, value: &str) -> bool {
        let values = self.places.get(key);
        values.is_some_and(|values| values.contains_key(value))
    }

    /// All values of a label.
    pub(super) fn values(&self, key: &str) -> impl Iterator<Item = &str> {
        let values = self.places.get(key).into_iter();
        values.flat_map(|values| values.keys().map(Cow::as_ref))
    }
}
