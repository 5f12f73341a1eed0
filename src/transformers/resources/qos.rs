//! What the amounts of a pod come to: as they stand and as they will stand, its QoS class, and what it asks for in all.

use std::borrow::Cow;
use std::fmt;

use jsonptr::Pointer;

use super::Half;
use crate::edit::Change;
use crate::quantity::Quantity;
use crate::select::{Container, ContainerType, Template};
use crate::yaml::{Node, Value};

/// Some amounts by resource name. There are hardly ever more than three, so they are a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Amounts<'d>(Vec<(Cow<'d, str>, Quantity)>);

impl<'d> Amounts<'d> {
    pub(super) fn get(&self, name: &str) -> Option<&Quantity> {
        let mut amounts = self.0.iter();
        amounts
            .find(|(known, _)| known == name)
            .map(|(_, amount)| amount)
    }

    fn insert(&mut self, name: Cow<'d, str>, amount: Quantity) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = amount,
            None => self.0.push((name, amount)),
        }
    }

    fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }
}

/// Requests and limits of one container, or of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Declared<'d> {
    pub(super) requests: Amounts<'d>,
    pub(super) limits: Amounts<'d>,
}

impl<'d> Declared<'d> {
    /// What stands below `resources` of a container or a pod, with what `changes` make of it. What is no quantity is
    /// left out: the API server refuses it, and where it matters here somebody else has said so.
    pub(super) fn of(owner: Node<'d>, path: &Pointer, changes: &'d [Change]) -> Declared<'d> {
        let mut declared = Declared::default();
        for half in [Half::Requests, Half::Limits] {
            let amounts = owner.get("resources").and_then(|it| it.get(half.key()));
            for (name, node) in amounts.into_iter().flat_map(|amounts| amounts.entries()) {
                let amount = Some(node).filter(|node| !node.is_null());
                if let Some(amount) = amount.and_then(|node| Quantity::of_node(node).ok()) {
                    let name = name.text().unwrap_or_default();
                    declared.half_mut(half).insert(name, amount);
                }
            }
        }
        declared.change(path, changes);
        declared
    }

    /// Takes over what changes make of the amounts at a path.
    fn change(&mut self, path: &Pointer, changes: &'d [Change]) {
        for change in changes {
            let Some(below) = change.pointer.strip_prefix(path) else {
                continue;
            };
            let mut tokens = below.tokens();
            let is_amount = tokens.next().is_some_and(|it| it.decoded() == "resources");
            let (Some(half), Some(name), None) = (tokens.next(), tokens.next(), tokens.next())
            else {
                continue;
            };
            let halves = [Half::Requests, Half::Limits];
            let half = halves.into_iter().find(|it| half.decoded() == it.key());
            let Some(half) = half.filter(|_| is_amount) else {
                continue;
            };
            let text = match &change.proposed {
                Some(Value::String(text) | Value::Quoted(text)) => Some(text),
                _ => None,
            };
            match text.and_then(|text| text.parse().ok()) {
                Some(amount) => {
                    let name = name.decoded().into_owned();
                    self.half_mut(half).insert(Cow::Owned(name), amount);
                }
                None => self.half_mut(half).remove(&name.decoded()),
            }
        }
    }

    pub(super) fn half(&self, half: Half) -> &Amounts<'d> {
        match half {
            Half::Requests => &self.requests,
            Half::Limits => &self.limits,
        }
    }

    fn half_mut(&mut self, half: Half) -> &mut Amounts<'d> {
        match half {
            Half::Requests => &mut self.requests,
            Half::Limits => &mut self.limits,
        }
    }

    fn is_empty(&self) -> bool {
        self.requests.0.is_empty() && self.limits.0.is_empty()
    }

    /// A request as the API server completes it: where there is none, the limit is one (`SetDefaults_Pod` in kubernetes
    /// `pkg/apis/core/v1/defaults.go`).
    fn request(&self, name: &str) -> Option<Quantity> {
        let request = self.requests.get(name).or_else(|| self.limits.get(name));
        request.copied()
    }
}

/// How the kubelet ranks a pod when a node runs out of memory, and the scheduler when it preempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QosClass {
    BestEffort,
    Burstable,
    Guaranteed,
}

impl fmt::Display for QosClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The amounts of all containers of a pod, and of the pod itself.
#[derive(Debug)]
pub(super) struct PodAmounts<'d> {
    /// Each container in the order of the template, without ephemeral ones.
    containers: Vec<(&'d Container<'d>, Declared<'d>)>,
    /// `spec.resources`.
    pod: Declared<'d>,
}

impl<'d> PodAmounts<'d> {
    /// What stands there.
    pub(super) fn of(template: &'d Template<'d>) -> PodAmounts<'d> {
        let has_amounts = |it: &&Container<'_>| it.container_type != ContainerType::Ephemeral;
        let containers = template.containers.iter().filter(has_amounts);
        let containers = containers.map(|container| {
            let declared = Declared::of(container.node, &container.path, &[]);
            (container, declared)
        });
        PodAmounts {
            containers: containers.collect(),
            pod: Declared::of(template.spec, &template.spec_path, &[]),
        }
    }

    /// What changes make of it.
    pub(super) fn changed_by(mut self, template: &Template<'_>, changes: &'d [Change]) -> Self {
        for (container, declared) in &mut self.containers {
            declared.change(&container.path, changes);
        }
        self.pod.change(&template.spec_path, changes);
        self
    }

    /// What the containers ask for together: ordinary containers and sidecars at once, or an init container at its
    /// time with the sidecars before it, whichever is more (`AggregateContainerRequests` in kubernetes
    /// `component-helpers/resource/helpers.go`). `None` where none asks, or the sum is too large to be held.
    fn sum_of_requests(&self, name: &str) -> Option<Quantity> {
        let mut sum: Option<Quantity> = None;
        let mut sidecars: Option<Quantity> = None;
        let mut peak: Option<Quantity> = None;
        for (container, declared) in &self.containers {
            let request = declared.request(name);
            let plus = |some: Option<Quantity>| match (some, request) {
                (Some(some), Some(request)) => some.checked_add(request),
                (some, request) => some.or(request),
            };
            match container.container_type {
                ContainerType::Container => sum = plus(sum),
                ContainerType::Sidecar => {
                    sum = plus(sum);
                    sidecars = plus(sidecars);
                    peak = peak.max(sidecars);
                }
                ContainerType::Init => peak = peak.max(plus(sidecars)),
                ContainerType::Ephemeral => {}
            }
        }
        sum.max(peak)
    }

    /// The class (`ComputePodQOS` in kubernetes `pkg/apis/core/v1/helper/qos/qos.go`): only CPU and memory count, zero
    /// is as absent, init containers count, and amounts for the pod decide alone.
    pub(super) fn qos_class(&self) -> QosClass {
        let pod = self.pod_with_defaults();
        let all: Vec<&Declared<'_>> = match self.pod.is_empty() {
            true => self
                .containers
                .iter()
                .map(|(_, declared)| declared)
                .collect(),
            false => vec![&pod],
        };
        let set = |amount: Option<Quantity>| amount.filter(|amount| !amount.is_zero());
        let limit = |of: &Declared<'_>, name: &str| set(of.limits.get(name).copied());
        let request = |of: &Declared<'_>, name: &str| set(of.request(name));
        let counted = ["cpu", "memory"];
        let has_any = |it: &&Declared<'_>| {
            let mut names = counted.iter();
            names.any(|name| request(it, name).or(limit(it, name)).is_some())
        };
        if !all.iter().any(has_any) {
            return QosClass::BestEffort;
        }
        let is_fixed = |it: &&Declared<'_>| {
            counted.iter().all(|name| {
                let limit = limit(it, name);
                limit.is_some() && limit == request(it, name)
            })
        };
        match all.iter().all(is_fixed) {
            true => QosClass::Guaranteed,
            false => QosClass::Burstable,
        }
    }

    /// The pod's own amounts as the API server completes them (`defaultPodRequests` in kubernetes
    /// `pkg/apis/core/v1/defaults.go`): only where it has a limit, and from what its containers ask for first.
    fn pod_with_defaults(&self) -> Declared<'d> {
        let mut pod = self.pod.clone();
        if pod.limits.0.is_empty() {
            return pod;
        }
        for name in ["cpu", "memory"] {
            if let (None, Some(sum)) = (pod.requests.get(name), self.sum_of_requests(name)) {
                pod.requests.insert(Cow::Borrowed(name), sum);
            }
        }
        pod
    }
}
