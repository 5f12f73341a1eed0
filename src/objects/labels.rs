//! Things by their labels, so that a selector need not look at each of them.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::kubernetes::LabelSelector;
use crate::yaml::Node;

/// The places of things in a list, by their labels.
#[derive(Debug, Default)]
pub(super) struct ByLabel<'a> {
    places: HashMap<Cow<'a, str>, HashMap<Cow<'a, str>, Vec<usize>>>,
    len: usize,
}

impl<'a> ByLabel<'a> {
    /// Takes note of the labels of each thing.
    pub(super) fn of(things: impl Iterator<Item = Option<Node<'a>>>) -> ByLabel<'a> {
        let mut by_label = ByLabel::default();
        for labels in things {
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

    /// The same, apart from the text that the labels were read from.
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

    /// Those that may meet a selector: the fewest that share one label with it.
    pub(super) fn candidates(&self, selector: &LabelSelector) -> impl Iterator<Item = usize> {
        let with_label = selector.labels().map(|(key, value)| {
            let places = self.places.get(key).and_then(|values| values.get(value));
            places.map_or(&[][..], Vec::as_slice)
        });
        let fewest = with_label.min_by_key(|places| places.len());
        let all = 0..if fewest.is_none() { self.len } else { 0 };
        fewest.unwrap_or_default().iter().copied().chain(all)
    }

    /// Whether something has a label with a value.
    pub(super) fn has(&self, key: &str, value: &str) -> bool {
        let values = self.places.get(key);
        values.is_some_and(|values| values.contains_key(value))
    }

    /// The values that a label has somewhere.
    pub(super) fn values(&self, key: &str) -> impl Iterator<Item = &str> {
        let values = self.places.get(key).into_iter();
        values.flat_map(|values| values.keys().map(Cow::as_ref))
    }
}
