//! What the amounts of a pod come to: as they stand and as they will stand, its QoS class, and what it asks for in all.

use std::collections::BTreeMap;
use std::fmt;

use jsonptr::Pointer;
use kustomize_krm_types::Severity;

use super::Half;
use super::namespace::Ranges;
use crate::edit::{Change, Edits, Finding, Subject};
use crate::quantity::Quantity;
use crate::select::{Container, ContainerType, Template};
use crate::yaml::{Node, Value};

/// Requests and limits of one container, or of a pod, by resource name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) requests: BTreeMap<String, Quantity>,
    pub(super) limits: BTreeMap<String, Quantity>,
}

impl Declared {
    /// What stands below `resources` of a container or a pod, with what `changes` make of it. What is no quantity is
    /// left out: the API server refuses it, and where it matters here somebody else has said so.
    pub(super) fn of(owner: Node<'_>, path: &Pointer, changes: &[Change]) -> Declared {
        let mut declared = Declared::default();
        for half in [Half::Requests, Half::Limits] {
            for (name, node) in owner.entries_at(["resources", half.key()]) {
                let amount = Some(node).filter(|node| !node.is_null());
                if let Some(amount) = amount.and_then(|node| Quantity::of_node(node).ok()) {
                    let name = name.text().unwrap_or_default().into_owned();
                    declared.half_mut(half).insert(name, amount);
                }
            }
        }
        for change in changes {
            let Some(below) = change.pointer.strip_prefix(path) else {
                continue;
            };
            let mut tokens = below.tokens();
            let tokens = (tokens.next(), tokens.next(), tokens.next(), tokens.next());
            let (Some(resources), Some(half), Some(name), None) = tokens else {
                continue;
            };
            let halves = [Half::Requests, Half::Limits];
            let half = halves.into_iter().find(|it| it.key() == half.encoded());
            let (Some(half), "resources") = (half, resources.encoded()) else {
                continue;
            };
            let text = match &change.proposed {
                Some(Value::String(text) | Value::Quoted(text)) => Some(text),
                _ => None,
            };
            match text.and_then(|text| text.parse().ok()) {
                Some(amount) => declared
                    .half_mut(half)
                    .insert(name.decoded().into_owned(), amount),
                None => declared.half_mut(half).remove(name.decoded().as_ref()),
            };
        }
        declared
    }

    pub(super) fn half(&self, half: Half) -> &BTreeMap<String, Quantity> {
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

    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.limits.is_empty()
    }

    /// As the API server completes it: where there is no request, the limit is one (`SetDefaults_Pod` in kubernetes
    /// `pkg/apis/core/v1/defaults.go`).
    pub(super) fn with_implicit_requests(mut self) -> Declared {
        for (name, limit) in &self.limits {
            self.requests.entry(name.clone()).or_insert(*limit);
        }
        self
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

/// The amounts of all containers of a pod, and of the pod itself, completed as the API server does.
#[derive(Debug)]
pub(super) struct PodAmounts {
    /// Each container in the order of the template, without ephemeral ones.
    pub(super) containers: Vec<(ContainerType, Declared)>,
    /// `spec.resources`.
    pub(super) pod: Declared,
}

impl PodAmounts {
    pub(super) fn of(template: &Template<'_>, changes: &[Change]) -> PodAmounts {
        let has_amounts = |it: &&Container<'_>| it.container_type != ContainerType::Ephemeral;
        let containers = template.containers.iter().filter(has_amounts);
        let containers = containers.map(|container| {
            let declared = Declared::of(container.node, &container.path, changes);
            (container.container_type, declared.with_implicit_requests())
        });
        PodAmounts {
            containers: containers.collect(),
            pod: Declared::of(template.spec, &template.spec_path, changes),
        }
    }

    /// What the containers ask for together: ordinary containers and sidecars at once, or an init container at its
    /// time with the sidecars before it, whichever is more (`AggregateContainerRequests` in kubernetes
    /// `component-helpers/resource/helpers.go`). `None` where none asks, or the sum is too large to be held.
    pub(super) fn sum_of_requests(&self, name: &str) -> Option<Quantity> {
        self.sum(Half::Requests, name)
    }

    /// The sum of either half, in the same way.
    pub(super) fn sum(&self, half: Half, name: &str) -> Option<Quantity> {
        let mut sum: Option<Quantity> = None;
        let mut sidecars: Option<Quantity> = None;
        let mut peak: Option<Quantity> = None;
        for (container_type, declared) in &self.containers {
            let amount = declared.half(half).get(name).copied();
            let plus = |some: Option<Quantity>| match (some, amount) {
                (Some(some), Some(amount)) => some.checked_add(amount),
                (some, amount) => some.or(amount),
            };
            match container_type {
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

    /// What the pod comes to: what it has itself, else the sum of its containers.
    pub(super) fn in_all(&self) -> Declared {
        let mut all = self.pod_with_defaults();
        for half in [Half::Requests, Half::Limits] {
            let names = self.containers.iter();
            for name in names.flat_map(|(_, it)| it.half(half).keys()) {
                if !all.half(half).contains_key(name)
                    && let Some(sum) = self.sum(half, name)
                {
                    all.half_mut(half).insert(name.clone(), sum);
                }
            }
        }
        all
    }

    /// The class (`ComputePodQOS` in kubernetes `pkg/apis/core/v1/helper/qos/qos.go`): only CPU and memory count, zero
    /// is as absent, init containers count, and amounts for the pod decide alone.
    pub(super) fn qos_class(&self) -> QosClass {
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

    /// The pod's own amounts as the API server completes them (`defaultPodRequests` in kubernetes
    /// `pkg/apis/core/v1/defaults.go`): only where it has a limit, and from what its containers ask for first.
    pub(super) fn pod_with_defaults(&self) -> Declared {
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

/// Tells when the pods get another QoS class than their author gave them. Pods without one (`BestEffort`) get one by
/// the first amount of all, which goes without saying.
pub(super) fn tell_of_qos_class(
    template: &Template<'_>,
    ranges: &Ranges,
    after: &PodAmounts,
    edits: &mut Edits<'_>,
) {
    if edits.of_object().is_empty() {
        return;
    }
    let before = ranges.complete(PodAmounts::of(template, &[])).qos_class();
    let after = after.qos_class();
    if before == after || before == QosClass::BestEffort {
        return;
    }
    let subject = Subject::pod(template);
    let message = format!(
        "{}: its QoS class was {before} and becomes {after}",
        subject.part
    );
    let finding = Finding::new("FIT-RES007", Severity::Info, message).about(&subject, &[]);
    edits.find(finding);
}
