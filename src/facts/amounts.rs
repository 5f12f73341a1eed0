//! Requests and limits of containers and pods, their sums, and the QoS class.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use super::pod::{ContainerList, PodFacts};
use super::view::View;
use crate::kubernetes::Quantity;
use crate::objects::{Container, ContainerType, LimitRangeItem, LimitType, Template};

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

/// Requests and limits of one container, or of a pod, by resource name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// The requests.
    pub requests: BTreeMap<String, Quantity>,
    /// The limits.
    pub limits: BTreeMap<String, Quantity>,
}

impl Declared {
    /// The amounts below a key of a container or a pod, without invalid quantities, which the API server rejects.
    pub fn of(owner: View<'_>, key: &str) -> Declared {
        let resources = owner.get(key);
        resources.map(Declared::of_resources).unwrap_or_default()
    }

    /// The amounts in a `resources` map.
    pub fn of_resources(resources: View<'_>) -> Declared {
        let mut declared = Declared::default();
        for half in Half::BOTH {
            let amounts = resources.get(half.key());
            for (name, amount) in amounts.into_iter().flat_map(View::entries) {
                if let Some(amount) = amount.quantity() {
                    declared.half_mut(half).insert(name.into_owned(), amount);
                }
            }
        }
        declared
    }

    /// The amounts of one half.
    pub fn half(&self, half: Half) -> &BTreeMap<String, Quantity> {
        match half {
            Half::Requests => &self.requests,
            Half::Limits => &self.limits,
        }
    }

    fn half_mut(&mut self, half: Half) -> &mut BTreeMap<String, Quantity> {
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
    pub fn with_implicit_requests(mut self) -> Declared {
        for (name, limit) in &self.limits {
            self.requests.entry(name.clone()).or_insert(*limit);
        }
        self
    }
}

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
pub struct PodAmounts {
    /// The containers in the order of the template, without ephemeral ones.
    pub containers: Vec<(ContainerType, Declared)>,
    /// `spec.resources`.
    pub pod: Declared,
}

impl PodAmounts {
    /// The amounts of a pod.
    pub fn of(pod: &PodFacts<'_>) -> PodAmounts {
        let containers = pod.containers.iter();
        let containers = containers.filter(|it| it.list != ContainerList::EphemeralContainers);
        // Templates and the evaluator both put ordinary containers last.
        let containers = containers.map(|container| {
            let resources = container.get("resources");
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

    /// The amounts completed by the LimitRanges of the namespace.
    pub fn completed(&self, limits: &[LimitRangeItem<'_>]) -> Cow<'_, PodAmounts> {
        let mut amounts = Cow::Borrowed(self);
        let of_containers = |it: &&LimitRangeItem<'_>| it.of == LimitType::Container;
        for item in limits.iter().filter(of_containers) {
            for (_, declared) in &mut amounts.to_mut().containers {
                item.complete(&mut declared.requests, &mut declared.limits);
            }
        }
        amounts
    }

    /// The containers of the template with their amounts.
    pub fn by_container<'t, 'a>(
        &self,
        template: &'t Template<'a>,
    ) -> impl Iterator<Item = (&'t Container<'a>, &Declared)> {
        let containers = template.containers.iter();
        let containers = containers.filter(|it| it.container_type != ContainerType::Ephemeral);
        containers.zip(self.containers.iter().map(|(_, declared)| declared))
    }

    /// The largest limit of an ordinary container, the only ones that the API server compares with the pod's.
    pub fn largest_limit(&self, name: &str) -> Option<Quantity> {
        let ordinary = self.containers.iter();
        let ordinary =
            ordinary.filter(|(container_type, _)| *container_type == ContainerType::Container);
        let limits = ordinary.filter_map(|(_, it)| it.limits.get(name).copied());
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
                sum.add(*container_type, *amount);
            }
        }
        sum.all()
    }

    /// The totals of the pod: its own amounts, or the sums of its containers.
    pub fn in_all(&self) -> Declared {
        let mut all = self.pod_with_defaults();
        for half in Half::BOTH {
            let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
            for (container_type, declared) in &self.containers {
                for (name, amount) in declared.half(half) {
                    sums.entry(name).or_default().add(*container_type, *amount);
                }
            }
            for (name, sum) in sums {
                if !all.half(half).contains_key(name)
                    && let Some(sum) = sum.all()
                {
                    all.half_mut(half).insert(name.to_owned(), sum);
                }
            }
        }
        all
    }

    /// The QoS class (`ComputePodQOS` in kubernetes `pkg/apis/core/v1/helper/qos/qos.go`). Only CPU and memory count,
    /// zero counts as absent, init containers count, and pod-level amounts override those of containers.
    pub fn qos_class(&self) -> QosClass {
        let pod = self.pod_with_defaults();
        let all: Vec<&Declared> = match self.pod.is_empty() {
            true => self
                .containers
                .iter()
                .map(|(_, declared)| declared)
                .collect(),
            false => vec![&pod],
        };
        let set = |amounts: &BTreeMap<String, Quantity>, name: &str| {
            amounts
                .get(name)
                .copied()
                .filter(|amount| !amount.is_zero())
        };
        let counted = ["cpu", "memory"];
        let has_any = |it: &&Declared| {
            let mut halves = [&it.requests, &it.limits].into_iter();
            halves.any(|half| counted.iter().any(|name| set(half, name).is_some()))
        };
        if !all.iter().any(has_any) {
            return QosClass::BestEffort;
        }
        let is_fixed = |it: &&Declared| {
            counted.iter().all(|name| {
                let limit = set(&it.limits, name);
                limit.is_some() && limit == set(&it.requests, name)
            })
        };
        match all.iter().all(is_fixed) {
            true => QosClass::Guaranteed,
            false => QosClass::Burstable,
        }
    }

    /// The pod's own amounts with the API server's defaults (`defaultPodRequests` in kubernetes
    /// `pkg/apis/core/v1/defaults.go`): only if it has a limit, and from the containers' requests first.
    pub fn pod_with_defaults(&self) -> Declared {
        let mut pod = self.pod.clone();
        if pod.limits.is_empty() {
            return pod;
        }
        for name in ["cpu", "memory"] {
            if let (None, Some(sum)) = (pod.requests.get(name), self.sum_of_requests(name)) {
                pod.requests.insert(name.to_owned(), sum);
            }
        }
        pod.with_implicit_requests()
    }
}
