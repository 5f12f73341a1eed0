//! LimitRanges: the bounds of a namespace for each container, pod and claim, and its defaults for containers without amounts.

use std::collections::BTreeMap;

use crate::hashing::{HashMap, HashSet};
use crate::kubernetes::Quantity;
use crate::read::Resource;
use crate::yaml::Node;

/// What an item of a LimitRange bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitType {
    /// The sum of each pod.
    Pod,
    /// Each container.
    Container,
    /// Each PersistentVolumeClaim.
    Claim,
}

/// An item of a LimitRange, with the defaults that the API server gives it.
#[derive(Debug)]
pub struct LimitRangeItem<'a> {
    /// The LimitRange.
    pub range: &'a Resource<'a>,
    /// What it bounds.
    pub of: LimitType,
    /// Limits of containers that have none.
    pub default: BTreeMap<String, Quantity>,
    /// Requests of containers that have none.
    pub default_request: BTreeMap<String, Quantity>,
    /// The minimum.
    pub min: BTreeMap<String, Quantity>,
    /// The maximum.
    pub max: BTreeMap<String, Quantity>,
    /// The maximum ratio of limit to request.
    pub max_ratio: BTreeMap<String, Quantity>,
}

impl<'a> LimitRangeItem<'a> {
    /// The items of a LimitRange.
    pub(super) fn all(range: &'a Resource<'a>) -> impl Iterator<Item = LimitRangeItem<'a>> {
        let items = range.node.items_at(["spec", "limits"]);
        items.filter_map(|item| {
            let of = match item.text_at(["type"])?.as_ref() {
                "Pod" => LimitType::Pod,
                "Container" => LimitType::Container,
                "PersistentVolumeClaim" => LimitType::Claim,
                _ => return None,
            };
            Some(LimitRangeItem::of(range, item, of))
        })
    }

    fn of(range: &'a Resource<'a>, item: Node<'a>, of: LimitType) -> LimitRangeItem<'a> {
        let amounts = |key: &str| Quantity::entries_of(item.at([key]));
        let mut read = LimitRangeItem {
            range,
            of,
            default: amounts("default"),
            default_request: amounts("defaultRequest"),
            min: amounts("min"),
            max: amounts("max"),
            max_ratio: amounts("maxLimitRequestRatio"),
        };
        // `SetDefaults_LimitRangeItem` in kubernetes `pkg/apis/core/v1/defaults.go`.
        if of == LimitType::Container {
            add_absent(&mut read.default, &read.max);
            add_absent(&mut read.default_request, &read.default);
            add_absent(&mut read.default_request, &read.min);
        }
        read
    }

    /// How many amounts it has.
    fn len(&self) -> usize {
        let amounts = [&self.default, &self.default_request, &self.min, &self.max];
        amounts.into_iter().map(BTreeMap::len).sum::<usize>() + self.max_ratio.len()
    }
}

/// The items of a namespace.
#[derive(Debug, Default)]
pub(super) struct Limits<'a> {
    pub(super) items: Vec<LimitRangeItem<'a>>,
    /// How many amounts they have.
    pub(super) amounts: usize,
}

impl<'a> Limits<'a> {
    /// Up to this many items are all looked at.
    const FEW: usize = 8;

    /// Of many items, keeps those that decide: for each resource those with the strictest bounds, and the first with defaults.
    pub(super) fn keep_deciding(&mut self) {
        let items = &mut self.items;
        if items.len() > Limits::FEW {
            let mut deciding: HashMap<(LimitType, usize, &str), (usize, Quantity)> =
                HashMap::default();
            for (at, item) in items.iter().enumerate() {
                type Wins = fn(Quantity, Quantity) -> bool;
                let bounds: [(&BTreeMap<String, Quantity>, Wins); 5] = [
                    (&item.max, |new, old| new < old),
                    (&item.min, |new, old| new > old),
                    (&item.max_ratio, |new, old| new < old),
                    (&item.default, |_, _| false),
                    (&item.default_request, |_, _| false),
                ];
                for (which, (amounts, wins)) in bounds.into_iter().enumerate() {
                    for (name, amount) in amounts {
                        let known = deciding.entry((item.of, which, name));
                        let known = known.or_insert((at, *amount));
                        if wins(*amount, known.1) {
                            *known = (at, *amount);
                        }
                    }
                }
            }
            let deciding: HashSet<usize> = deciding.into_values().map(|(at, _)| at).collect();
            let mut at = 0..;
            items.retain(|_| at.next().is_some_and(|at| deciding.contains(&at)));
        }
        self.amounts = items.iter().map(LimitRangeItem::len).sum();
    }
}

fn add_absent(to: &mut BTreeMap<String, Quantity>, from: &BTreeMap<String, Quantity>) {
    for (name, amount) in from {
        to.entry(name.clone()).or_insert(*amount);
    }
}
