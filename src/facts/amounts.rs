//! Requests and limits of containers and pods, their sums, and the QoS class.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use super::pod::{ContainerList, Field, PodFacts};
use super::view::View;
use crate::kubernetes::Quantity;
use crate::objects::{Container, ContainerType, LimitRangeItem, LimitType, Template};
use crate::sorting;
use crate::yaml::Keys;

/// The two halves of `resources`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// The requests.
    Requests,
    /// The limits.
    Limits,
}

impl Half {
    /// Both halves.
    pub const BOTH: [Half; 2] = [Half::Requests, Half::Limits];

    /// The key in `resources`.
    pub fn key(self) -> &'static str {
        match self {
            Half::Requests => "requests",
            Half::Limits => "limits",
        }
    }

    /// The leaf for a resource name: `limits.memory`.
    pub fn leaf(self, name: &str) -> Cow<'static, str> {
        Cow::Borrowed(match (self, name) {
            (Half::Requests, "cpu") => "requests.cpu",
            (Half::Requests, "memory") => "requests.memory",
            (Half::Limits, "cpu") => "limits.cpu",
            (Half::Limits, "memory") => "limits.memory",
            _ => return Cow::Owned([self.key(), ".", name].concat()),
        })
    }
}

impl fmt::Display for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// Amounts by resource name. Most have two or three names, which are in the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amounts<'a>(Vec<(Cow<'a, str>, Quantity)>);

impl<'a> Amounts<'a> {
    /// The amounts of a map, without invalid quantities.
    fn of(map: View<'a>) -> Amounts<'a> {
        let mut amounts = Amounts::default();
        for (name, amount) in map.entries() {
            if let Some(amount) = amount.quantity() {
                amounts.0.push((name, amount));
            }
        }
        amounts.in_order()
    }

    /// Adds the amounts whose names are absent.
    fn add_absent(&mut self, others: impl Iterator<Item = (Cow<'a, str>, Quantity)>) {
        let known = self.0.len();
        for (name, amount) in others {
            if find(&self.0[..known], &name).is_none() {
                self.0.push((name, amount));
            }
        }
        *self = std::mem::take(self).in_order();
    }

    /// Sorts the amounts. Of several with a name, the last one counts.
    fn in_order(mut self) -> Amounts<'a> {
        let is_before = |a: &(Cow<'_, str>, Quantity), b: &(Cow<'_, str>, Quantity)| a.0 < b.0;
        if !self.0.is_sorted_by(is_before) {
            sorting::sort_by(&mut self.0, |a, b| a.0.cmp(&b.0));
            self.0.dedup_by(|next, kept| {
                let is_same = next.0 == kept.0;
                if is_same {
                    std::mem::swap(next, kept);
                }
                is_same
            });
        }
        self
    }

    /// The amount of a name.
    pub fn get(&self, name: &str) -> Option<Quantity> {
        find(&self.0, name)
    }

    /// Whether there is an amount of a name.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All amounts, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Quantity)> {
        self.0.iter().map(|(name, amount)| (name.as_ref(), *amount))
    }
}

/// The amount of a name among sorted ones.
fn find(sorted: &[(Cow<'_, str>, Quantity)], name: &str) -> Option<Quantity> {
    let at = sorted.binary_search_by(|(other, _)| other.as_ref().cmp(name));
    Some(sorted[at.ok()?].1)
}

/// Requests and limits of one container, or of a pod, by resource name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared<'a> {
    /// The requests.
    pub requests: Amounts<'a>,
    /// The limits.
    pub limits: Amounts<'a>,
}

impl<'a> Declared<'a> {
    /// The amounts below a key of a container or a pod, without invalid quantities, which the API server rejects.
    pub fn of(owner: View<'a>, key: &str) -> Declared<'a> {
        let resources = owner.get(key);
        resources.map(Declared::of_resources).unwrap_or_default()
    }

    /// The amounts in a `resources` map.
    pub fn of_resources(resources: View<'a>) -> Declared<'a> {
        Declared::of_halves(resources.pick(&HALVES))
    }

    /// The amounts in the requests and the limits.
    pub fn of_halves([requests, limits]: [Option<View<'a>>; 2]) -> Declared<'a> {
        Declared {
            requests: requests.map(Amounts::of).unwrap_or_default(),
            limits: limits.map(Amounts::of).unwrap_or_default(),
        }
    }

    /// The amounts of one half.
    pub fn half(&self, half: Half) -> &Amounts<'a> {
        match half {
            Half::Requests => &self.requests,
            Half::Limits => &self.limits,
        }
    }

    fn half_mut(&mut self, half: Half) -> &mut Amounts<'a> {
        match half {
            Half::Requests => &mut self.requests,
            Half::Limits => &mut self.limits,
        }
    }

    /// Whether there are no amounts.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.limits.is_empty()
    }

    /// With the API server's defaults: a missing request equals the limit (`SetDefaults_Pod` in kubernetes
    /// `pkg/apis/core/v1/defaults.go`).
    pub fn with_implicit_requests(mut self) -> Declared<'a> {
        self.requests.add_absent(self.limits.0.iter().cloned());
        self
    }

    /// Adds the defaults of a LimitRange that a container lacks (`mergeContainerResources` in kubernetes
    /// `plugin/pkg/admission/limitranger/admission.go`).
    pub fn complete(&mut self, item: &LimitRangeItem<'_>) {
        if item.of == LimitType::Container {
            let named = |(name, amount): (&String, &Quantity)| (name.clone().into(), *amount);
            self.limits.add_absent(item.default.iter().map(named));
            let requests = item.default_request.iter();
            self.requests.add_absent(requests.map(named));
        }
    }

    /// The amounts without the text that their names are in.
    pub fn with_own_names(self) -> Declared<'static> {
        let owned = |amounts: Amounts<'_>| {
            let owned = amounts.0.into_iter();
            Amounts(
                owned
                    .map(|(name, it)| (name.into_owned().into(), it))
                    .collect(),
            )
        };
        Declared {
            requests: owned(self.requests),
            limits: owned(self.limits),
        }
    }
}

/// The keys of [`Half::BOTH`].
pub const HALVES: Keys<2> = Keys::new(["requests", "limits"]);

/// The class by which the kubelet ranks pods when a node runs out of memory, and the scheduler when it preempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QosClass {
    /// No container has amounts.
    BestEffort,
    /// Some containers have amounts, but they are not Guaranteed.
    Burstable,
    /// All containers have amounts, and requests equal limits.
    Guaranteed,
}

impl fmt::Display for QosClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A sum over containers.
#[derive(Default)]
struct Sum {
    running: Option<Quantity>,
    sidecars: Option<Quantity>,
    peak: Option<Quantity>,
}

impl Sum {
    /// Adds the amount of the next container.
    fn add(&mut self, container_type: ContainerType, amount: Quantity) {
        let plus = |some: Option<Quantity>| match some {
            Some(some) => some.checked_add(amount),
            None => Some(amount),
        };
        match container_type {
            ContainerType::Container => self.running = plus(self.running),
            ContainerType::Sidecar => {
                self.running = plus(self.running);
                self.sidecars = plus(self.sidecars);
                self.peak = self.peak.max(self.sidecars);
            }
            ContainerType::Init => self.peak = self.peak.max(plus(self.sidecars)),
            ContainerType::Ephemeral => {}
        }
    }

    fn all(&self) -> Option<Quantity> {
        self.running.max(self.peak)
    }
}

/// The amounts of all containers of a pod and of the pod itself, with the API server's defaults.
#[derive(Clone, Debug)]
pub struct PodAmounts<'a> {
    /// The containers in the order of the template, without ephemeral ones.
    pub containers: Vec<(ContainerType, Declared<'a>)>,
    /// `spec.resources`.
    pub pod: Declared<'a>,
}

impl<'a> PodAmounts<'a> {
    /// The amounts of a pod.
    pub fn of(pod: &PodFacts<'a>) -> PodAmounts<'a> {
        let containers = pod.containers.iter();
        let containers = containers.filter(|it| it.list != ContainerList::EphemeralContainers);
        // Templates and the evaluator both put ordinary containers last.
        let containers = containers.map(|container| {
            let resources = container.get(Field::Resources);
            let declared = resources.map(Declared::of_resources).unwrap_or_default();
            (
                container.container_type(),
                declared.with_implicit_requests(),
            )
        });
        PodAmounts {
            containers: containers.collect(),
            pod: Declared::of(pod.spec, "resources"),
        }
    }

    /// The amounts without the text that their names are in.
    pub fn with_own_names(self) -> PodAmounts<'static> {
        let containers = self.containers.into_iter();
        PodAmounts {
            containers: containers
                .map(|(of, it)| (of, it.with_own_names()))
                .collect(),
            pod: self.pod.with_own_names(),
        }
    }

    /// The amounts completed by the LimitRanges of the namespace.
    pub fn completed(&self, limits: &[LimitRangeItem<'_>]) -> Cow<'_, PodAmounts<'a>> {
        let mut amounts = Cow::Borrowed(self);
        let of_containers = |it: &&LimitRangeItem<'_>| it.of == LimitType::Container;
        for item in limits.iter().filter(of_containers) {
            for (_, declared) in &mut amounts.to_mut().containers {
                declared.complete(item);
            }
        }
        amounts
    }

    /// The containers of the template with their amounts.
    pub fn by_container<'t, 'c>(
        &self,
        template: &'t Template<'c>,
    ) -> impl Iterator<Item = (&'t Container<'c>, &Declared<'a>)> {
        let containers = template.containers.iter();
        let containers = containers.filter(|it| it.container_type != ContainerType::Ephemeral);
        containers.zip(self.containers.iter().map(|(_, declared)| declared))
    }

    /// The largest limit of an ordinary container, the only ones that the API server compares with the pod's.
    pub fn largest_limit(&self, name: &str) -> Option<Quantity> {
        let ordinary = self.containers.iter();
        let ordinary =
            ordinary.filter(|(container_type, _)| *container_type == ContainerType::Container);
        let limits = ordinary.filter_map(|(_, it)| it.limits.get(name));
        limits.max()
    }

    /// The sum of the requests: ordinary containers and sidecars together, or an init container with the sidecars
    /// before it, whichever is more (`AggregateContainerRequests` in kubernetes
    /// `component-helpers/resource/helpers.go`). `None` if there are no requests, or the sum overflows.
    pub fn sum_of_requests(&self, name: &str) -> Option<Quantity> {
        self.sum(Half::Requests, name)
    }

    /// The sum of either half, computed in the same way.
    pub fn sum(&self, half: Half, name: &str) -> Option<Quantity> {
        let mut sum = Sum::default();
        for (container_type, declared) in &self.containers {
            if let Some(amount) = declared.half(half).get(name) {
                sum.add(*container_type, amount);
            }
        }
        sum.all()
    }

    /// The totals of the pod: its own amounts, or the sums of its containers.
    pub fn in_all(&self) -> Declared<'a> {
        let mut all = self.pod_with_defaults();
        for half in Half::BOTH {
            let mut sums: BTreeMap<&Cow<'a, str>, Sum> = BTreeMap::new();
            for (container_type, declared) in &self.containers {
                for (name, amount) in &declared.half(half).0 {
                    sums.entry(name).or_default().add(*container_type, *amount);
                }
            }
            let sums = sums.into_iter();
            let sums = sums.filter_map(|(name, sum)| Some((name.clone(), sum.all()?)));
            all.half_mut(half).add_absent(sums);
        }
        all
    }

    /// The QoS class (`ComputePodQOS` in kubernetes `pkg/apis/core/v1/helper/qos/qos.go`). Only CPU and memory count,
    /// zero counts as absent, init containers count, and pod-level amounts override those of containers.
    pub fn qos_class(&self) -> QosClass {
        let pod = (!self.pod.is_empty()).then(|| self.pod_with_defaults());
        let all = || {
            let containers = self.containers.iter().map(|(_, declared)| declared);
            let containers = containers.take(if pod.is_some() { 0 } else { usize::MAX });
            pod.iter().chain(containers)
        };
        let set = |amounts: &Amounts<'_>, name: &str| {
            let amount = amounts.get(name);
            amount.filter(|amount| !amount.is_zero())
        };
        let counted = ["cpu", "memory"];
        let has_any = |it: &Declared<'_>| {
            let mut halves = [&it.requests, &it.limits].into_iter();
            halves.any(|half| counted.iter().any(|name| set(half, name).is_some()))
        };
        if !all().any(has_any) {
            return QosClass::BestEffort;
        }
        let is_fixed = |it: &Declared<'_>| {
            counted.iter().all(|name| {
                let limit = set(&it.limits, name);
                limit.is_some() && limit == set(&it.requests, name)
            })
        };
        match all().all(is_fixed) {
            true => QosClass::Guaranteed,
            false => QosClass::Burstable,
        }
    }

    /// The pod's own amounts with the API server's defaults (`defaultPodRequests` in kubernetes
    /// `pkg/apis/core/v1/defaults.go`): only if it has a limit, and from the containers' requests first.
    pub fn pod_with_defaults(&self) -> Declared<'a> {
        let mut pod = self.pod.clone();
        if pod.limits.is_empty() {
            return pod;
        }
        let sums = ["cpu", "memory"].into_iter();
        let sums = sums.filter_map(|name| Some((name.into(), self.sum_of_requests(name)?)));
        pod.requests.add_absent(sums);
        pod.with_implicit_requests()
    }
}
