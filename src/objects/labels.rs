//! The items that label selectors match, each selector resolved once.
//!
//! Many selectors can match many items each, so three things keep the cost linear: an index by label, a memory of the
//! selectors that are already resolved, and a limit on the comparisons of a run ([`Work`]).

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::ports::Declared;
use crate::hashing::HashMap;
use crate::kubernetes::LabelSelector;
use crate::yaml::Node;

/// The comparisons of selectors with labels that a run may still make. Inputs that need more are made to be slow: a thousand
/// selectors that differ, and that each match a thousand different pods, are within the limit.
#[derive(Debug, Default)]
pub(super) struct Work {
    left: AtomicUsize,
    was_refused: AtomicBool,
}

impl Work {
    /// The work for a number of objects.
    pub(super) fn of(objects: usize) -> Work {
        let left = AtomicUsize::new((1 << 20) + 64 * objects);
        Work {
            left,
            ..Work::default()
        }
    }

    /// Whether so many more comparisons may be made.
    pub(super) fn take(&self, comparisons: usize) -> bool {
        let less = |left: usize| left.checked_sub(comparisons);
        let (set, get) = (Ordering::Relaxed, Ordering::Relaxed);
        let is_taken = self.left.fetch_update(set, get, less).is_ok();
        if !is_taken {
            self.was_refused.store(true, Ordering::Relaxed);
        }
        is_taken
    }

    /// Whether there was ever too much to compare.
    pub(super) fn was_refused(&self) -> bool {
        self.was_refused.load(Ordering::Relaxed)
    }
}

/// The items that a selector matches in a place, in their order.
#[derive(Debug, Default)]
pub(super) struct Matches {
    pub(super) items: Vec<usize>,
    /// The ports that they declare.
    pub(super) declared: OnceLock<Option<Arc<Declared>>>,
}

/// The positions of items in a list, by label.
#[derive(Debug, Default)]
pub(super) struct ByLabel {
    keys: HashMap<String, WithKey>,
    none: HashMap<String, Vec<usize>>,
    all: Vec<usize>,
    found: Mutex<HashMap<LabelSelector, Option<Arc<Matches>>>>,
}

/// The items with a label, in their order.
#[derive(Debug, Default)]
struct WithKey {
    all: Vec<usize>,
    by_value: HashMap<String, Vec<usize>>,
}

/// The value of a label. To Kubernetes, null is the empty string.
fn value_of(label: Node<'_>) -> Option<Cow<'_, str>> {
    match label.is_null() {
        true => Some(Cow::Borrowed("")),
        false => label.text(),
    }
}

impl ByLabel {
    fn of<'n>(items: impl Iterator<Item = (usize, Option<Node<'n>>)>) -> ByLabel {
        let mut index = ByLabel::default();
        for (item, labels) in items {
            for (key, value) in labels.into_iter().flat_map(|labels| labels.entries()) {
                if let (Some(key), Some(value)) = (key.text(), value_of(value)) {
                    let with_key = index.keys.entry(key.into_owned()).or_default();
                    with_key.all.push(item);
                    with_key
                        .by_value
                        .entry(value.into_owned())
                        .or_default()
                        .push(item);
                }
            }
            index.all.push(item);
        }
        index
    }

    /// The lists of the items that a selector may match: those that meet its rarest requirement.
    fn candidates(&self, selector: &LabelSelector) -> Vec<&[usize]> {
        let places = |key: &str, values: Option<&[String]>| -> Vec<&[usize]> {
            let Some(with_key) = self.keys.get(key) else {
                return Vec::new();
            };
            match values {
                Some(values) => {
                    let places = values.iter();
                    let places = places.filter_map(|it| with_key.by_value.get(it.as_str()));
                    places.map(Vec::as_slice).collect()
                }
                None => vec![&with_key.all],
            }
        };
        let requirements = selector.wanted().map(|(key, values)| places(key, values));
        let fewest = requirements.min_by_key(|places| total(places));
        fewest.unwrap_or_else(|| vec![&self.all])
    }

    /// Whether there are no items.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether any item has a label with this value.
    pub(super) fn has(&self, key: &str, value: &str) -> bool {
        let with_key = self.keys.get(key);
        with_key.is_some_and(|it| it.by_value.contains_key(value))
    }

    /// All values of a label.
    pub(super) fn values(&self, key: &str) -> impl ExactSizeIterator<Item = &str> {
        let values = self.keys.get(key).map_or(&self.none, |it| &it.by_value);
        values.keys().map(String::as_str)
    }
}

fn total(lists: &[&[usize]]) -> usize {
    lists.iter().map(|it| it.len()).sum()
}

/// Items with labels, in namespaces. The indices are built on first use.
#[derive(Debug, Default)]
pub(super) struct Labelled<'a> {
    labels: Vec<Option<Node<'a>>>,
    all: OnceLock<ByLabel>,
    namespaces: HashMap<Option<&'a str>, Namespace>,
}

#[derive(Debug, Default)]
struct Namespace {
    items: Vec<usize>,
    index: OnceLock<ByLabel>,
}

impl<'a> Labelled<'a> {
    /// Adds the next item.
    pub(super) fn add(&mut self, namespace: Option<&'a str>, labels: Option<Node<'a>>) {
        let of_namespace = self.namespaces.entry(namespace).or_default();
        of_namespace.items.push(self.labels.len());
        self.labels.push(labels);
    }

    /// The index of all namespaces.
    pub(super) fn all(&self) -> &ByLabel {
        let items = || self.labels.iter().copied().enumerate();
        self.all.get_or_init(|| ByLabel::of(items()))
    }

    /// Whether a namespace has any items.
    pub(super) fn has_namespace(&self, namespace: Option<&str>) -> bool {
        self.namespaces.contains_key(&namespace)
    }

    /// The index of exactly this namespace; `None` is the one of items without a namespace.
    fn within<'s>(&'s self, namespace: Option<&'s str>) -> Option<&'s ByLabel> {
        let of_namespace = self.namespaces.get(&namespace)?;
        let items = of_namespace.items.iter();
        let index = || ByLabel::of(items.map(|item| (*item, self.labels[*item])));
        Some(of_namespace.index.get_or_init(index))
    }

    /// The items that a selector matches and that may be in a namespace, in up to two parts that are not empty: one without a
    /// namespace may be in any. `None` if that would be too much work.
    pub(super) fn find(
        &self,
        selector: &LabelSelector,
        namespace: Option<&str>,
        work: &Work,
    ) -> Option<Vec<Arc<Matches>>> {
        let places = match namespace {
            None => [Some(self.all()), None],
            Some(_) => [self.within(namespace), self.within(None)],
        };
        let mut parts = Vec::new();
        for index in places.into_iter().flatten() {
            let found = self.matches(index, selector, work)?;
            parts.extend(Some(found).filter(|it| !it.items.is_empty()));
        }
        Some(parts)
    }

    /// The items that a selector matches in exactly this namespace.
    pub(super) fn find_within(
        &self,
        selector: &LabelSelector,
        namespace: Option<&str>,
        work: &Work,
    ) -> Option<Arc<Matches>> {
        match self.within(namespace) {
            Some(index) => self.matches(index, selector, work),
            None => Some(Arc::default()),
        }
    }

    /// The first item that a selector matches in any namespace.
    pub(super) fn first(&self, selector: &LabelSelector, work: &Work) -> Option<usize> {
        let candidates = self.all().candidates(selector);
        let mut candidates = candidates.into_iter().flatten().copied();
        candidates.find(|item| work.take(1) && self.is_met(selector, *item))
    }

    fn matches(
        &self,
        index: &ByLabel,
        selector: &LabelSelector,
        work: &Work,
    ) -> Option<Arc<Matches>> {
        // While others wait, so that each selector is resolved once.
        let mut known = index.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(selector) {
            return known.clone();
        }
        let candidates = index.candidates(selector);
        let find = || {
            let all = candidates.iter().copied().flatten().copied();
            let mut items: Vec<usize> = all.filter(|item| self.is_met(selector, *item)).collect();
            if candidates.len() > 1 {
                items.sort_unstable();
                items.dedup();
            }
            let declared = OnceLock::new();
            Arc::new(Matches { items, declared })
        };
        let found = work.take(total(&candidates)).then(find);
        known.insert(selector.clone(), found.clone());
        found
    }

    fn is_met(&self, selector: &LabelSelector, item: usize) -> bool {
        selector.matches(|key| value_of(self.labels[item]?.get(key)?))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::yaml::Stream;

    const LABELS: &str = "
- {app: web, tier: a}
- {app: web, tier: b}
- {app: db, empty: }
- {other: x}
- {app: web}
";
    const NAMESPACES: [Option<&str>; 5] = [Some("a"), Some("b"), None, Some("a"), None];
    const SELECTORS: [&str; 8] = [
        "app=web", "app in (web,db),tier!=b", "app in (db,web,web)", "tier", "!tier",
        "app notin (x)", "empty=", "app=none",
    ];

    fn with_items<T>(test: impl Fn(&Labelled<'_>, &[Node<'_>]) -> T) -> T {
        let stream = Stream::parse(LABELS).unwrap();
        let nodes: Vec<Node<'_>> = stream.documents().next().unwrap().root().items().collect();
        let mut items = Labelled::default();
        for (namespace, labels) in NAMESPACES.into_iter().zip(&nodes) {
            items.add(namespace, Some(*labels));
        }
        test(&items, &nodes)
    }

    #[test]
    fn a_selector_matches_what_a_look_at_every_item_finds() {
        with_items(|items, nodes| {
            let work = Work::of(0);
            for (text, namespace) in SELECTORS
                .into_iter()
                .flat_map(|it| [None, Some("a"), Some("b"), Some("c")].map(|n| (it, n)))
            {
                let selector: LabelSelector = text.parse().unwrap();
                let expected = (0..nodes.len()).filter(|at| {
                    let of = NAMESPACES[*at];
                    (namespace.is_none() || of.is_none() || of == namespace)
                        && selector.matches(|key| value_of(nodes[*at].get(key)?))
                });
                let expected: Vec<usize> = expected.collect();
                for _ in 0..2 {
                    let parts = items.find(&selector, namespace, &work).unwrap();
                    let found = parts.iter().flat_map(|it| it.items.iter().copied());
                    let mut found: Vec<usize> = found.collect();
                    found.sort_unstable();
                    assert_eq!(found, expected, "{text} in {namespace:?}");
                }
            }
            assert!(!work.was_refused());
        });
    }

    #[test]
    fn too_many_comparisons_give_no_result_and_are_told() {
        with_items(|items, _| {
            let work = Work::default();
            work.left.store(7, Ordering::Relaxed);
            let find = |text: &str| items.find(&text.parse().unwrap(), None, &work);
            assert!(find("app=web").is_some(), "three of seven");
            assert!(find("app=web").is_some(), "known");
            assert!(!work.was_refused());
            assert!(find("app notin (x)").is_none(), "five of four");
            assert!(work.was_refused());
            assert!(find("app=db").is_some(), "what is left is for others");
        });
    }
}
