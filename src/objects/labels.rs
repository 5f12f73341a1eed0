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
    all: Vec<usize>,
}

/// The items with a label, in their order.
#[derive(Debug, Default)]
struct WithKey<'a> {
    all: Vec<usize>,
    by_value: HashMap<Cow<'a, str>, Vec<usize>>,
}

impl<'a> ByLabel<'a> {
    fn add(&mut self, item: usize, labels: Option<Node<'a>>) {
        for (key, value) in labels.into_iter().flat_map(|labels| labels.entries()) {
            if let (Some(key), Some(value)) = (key.text(), value.text()) {
                let with_key = self.keys.entry(key).or_default();
                with_key.all.push(item);
                with_key.by_value.entry(value).or_default().push(item);
            }
        }
        self.all.push(item);
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
            return Cow::Borrowed(&self.all);
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

/// The same in all namespaces, and in each.
#[derive(Debug, Default)]
pub(super) struct ByPlace<'a> {
    /// In all namespaces.
    pub(super) all: ByLabel<'a>,
    by_namespace: HashMap<Option<&'a str>, ByLabel<'a>>,
}

impl<'a> ByPlace<'a> {
    /// Indexes the labels of each item of a list with its namespace.
    pub(super) fn of(
        items: impl Iterator<Item = (Option<&'a str>, Option<Node<'a>>)>,
    ) -> ByPlace<'a> {
        let mut by_place = ByPlace::default();
        for (item, (namespace, labels)) in items.enumerate() {
            by_place.all.add(item, labels);
            let here = by_place.by_namespace.entry(namespace);
            here.or_default().add(item, labels);
        }
        by_place
    }

    /// Whether any item is in the namespace; `None` for all namespaces.
    pub(super) fn has_namespace(&self, namespace: Option<&str>) -> bool {
        match namespace {
            None => !self.by_namespace.is_empty(),
            namespace => self.by_namespace.contains_key(&namespace),
        }
    }

    /// The items that a selector may match and that may be in the namespace, in their order.
    pub(super) fn candidates(
        &self,
        selector: &LabelSelector,
        namespace: Option<&str>,
    ) -> Vec<usize> {
        if namespace.is_none() {
            return self.all.candidates(selector).into_owned();
        }
        let here = |namespace| self.by_namespace.get(&namespace);
        let both = [here(namespace), here(None)].into_iter().flatten();
        let both: Vec<_> = both.map(|it| it.candidates(selector)).collect();
        let mut items = both.concat();
        if both.len() > 1 {
            items.sort_unstable();
        }
        items
    }
}
