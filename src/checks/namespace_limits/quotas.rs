//! ResourceQuotas that require amounts that a container does not have, or that are too small for their namespace.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::{Pod, Scene};
use super::{REFUSED, times};
use crate::facts::{Declared, Half, PodAmounts, View};
use crate::finding::{Finding, Subject};
use crate::kubernetes::Quantity;
use crate::objects::Objects;
use crate::read::Resource;
use crate::select::Selected;
use crate::transformers::resources::FITTED;

/// Up to this many quotas, those of a pod are not counted as work.
const FEW_QUOTAS: usize = 8;

/// Containers without the amounts that a quota counts; pod-level amounts replace those of containers.
pub(super) fn uncounted(pod: &Pod<'_, '_>, amounts: &PodAmounts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !amounts.pod.is_empty() {
        return findings;
    }
    let related = &pod.scene.objects().related;
    let quotas = related.quotas_of(pod.selected.target.resource);
    if quotas.len() > FEW_QUOTAS
        && !related.may_compare(8 * quotas.len() * amounts.containers.len())
    {
        return findings;
    }
    for quota in quotas.iter().filter(|it| !is_scoped(it)) {
        let counts = |(half, name): &(Half, &str)| {
            let is_hard = |key: &str| quota.node.at(["spec", "hard", key]).is_some();
            is_hard(&half.leaf(name)) || (*half == Half::Requests && is_hard(name))
        };
        let amounts_of = |half| [(half, "cpu"), (half, "memory")];
        let mut required: Vec<_> = Half::BOTH.into_iter().flat_map(amounts_of).collect();
        required.retain(counts);
        for (container, declared) in amounts.by_container(pod.template) {
            for (half, name) in &required {
                if declared.half(*half).contains_key(*name) {
                    continue;
                }
                let subject = &container.subject;
                let message = format!(
                    "{}: no resources.{half}.{name}, which {} requires of every container",
                    subject.part,
                    quota.display_name()
                );
                let finding = Finding::new(&REFUSED, message)
                    .about(subject, &[container.resources_key, half.key(), name])
                    .help("set it, or add a LimitRange with a default: the API server rejects the pod");
                findings.push(finding);
            }
        }
    }
    findings
}

/// The pods of one template.
struct Pods<'a> {
    resource: &'a Resource<'a>,
    /// The maximum number of pods.
    number: u64,
    amounts: Declared,
    /// What each pod uses in addition to its containers.
    overhead: BTreeMap<String, Quantity>,
}

/// How much of a quota they use.
struct Usage {
    object: String,
    pods: u64,
    each: Quantity,
    all: Quantity,
}

/// Quotas that the pods of their namespace exceed at their maximum number. Objects that the config does not select are not
/// counted.
pub(super) fn too_small(scene: &Scene<'_>) -> Vec<Finding> {
    let quotas = scene.objects().related.quotas();
    if quotas.is_empty() {
        return Vec::new();
    }
    let mut pods: HashMap<Option<&str>, Vec<Pods<'_>>> = HashMap::new();
    let mut configured = HashSet::new();
    scene.each_pod(|pod| {
        let namespace = pod.selected.target.resource.namespace.as_deref();
        if pod.has_resources() {
            configured.insert(namespace);
        }
        pods.entry(namespace).or_default().extend(Pods::of(pod));
    });
    let mut findings = Vec::new();
    for (index, quota) in quotas {
        // A quota is only checked in namespaces in which the config sets resources.
        if !configured.contains(&quota.namespace.as_deref()) {
            continue;
        }
        let of_namespace = pods.get(&quota.namespace.as_deref());
        let of_namespace = of_namespace.map_or(&[][..], Vec::as_slice);
        for (name, most) in hard(quota) {
            let Some((half, of)) = counts(&name) else {
                continue;
            };
            if !scene.objects().related.may_compare(of_namespace.len()) {
                continue;
            }
            let usages = of_namespace.iter().filter_map(|it| it.usage(half, of));
            let mut usages: Vec<Usage> = usages.filter(|it| !it.all.is_zero()).collect();
            usages.sort_by(|a, b| b.all.cmp(&a.all).then_with(|| a.object.cmp(&b.object)));
            let mut all = usages.iter().map(|it| it.all);
            let first = all.next();
            let sum = first.and_then(|first| all.try_fold(first, Quantity::checked_add));
            if let Some(sum) = sum.filter(|sum| *sum > most) {
                findings.push(too_much(quota, &name, sum, most, &usages).of(*index));
            }
        }
    }
    findings
}

fn too_much(
    quota: &Resource<'_>,
    name: &str,
    sum: Quantity,
    most: Quantity,
    usages: &[Usage],
) -> Finding {
    let largest = usages.iter().take(3);
    let mut parts: Vec<String> = largest
        .map(|it| format!("{} {} × {}", it.object, it.pods, it.each))
        .collect();
    if usages.len() > parts.len() {
        parts.push("…".to_owned());
    }
    let message = format!(
        "{name} of all pods in the namespace can reach {sum} ({}), above the hard limit of {most} in {}",
        parts.join(", "),
        quota.display_name()
    );
    Finding::new(&REFUSED, message)
        .about(&Subject::object(), &["spec", "hard", name])
        .help("raise the quota, or lower resources or replicas: the API server rejects the pods that exceed it")
}

impl<'a> Pods<'a> {
    fn of(pod: &Pod<'_, 'a>) -> Option<Pods<'a>> {
        let objects = pod.scene.objects();
        let number = number_of_pods(pod.selected, objects)?;
        let spec = pod.after().spec;
        let of_class = || {
            let class = objects
                .related
                .runtime_class(&spec.text_at(["runtimeClassName"])?)?;
            class.at(["overhead", "podFixed"]).map(View::of)
        };
        let overhead = spec.get("overhead").or_else(of_class);
        let overhead = overhead.into_iter().flat_map(View::entries);
        let overhead = overhead.filter_map(|(name, it)| Some((name.into_owned(), it.quantity()?)));
        pod.template.is_whole().then(|| Pods {
            resource: pod.selected.target.resource,
            number,
            amounts: pod.completed(pod.after()).in_all(),
            overhead: overhead.collect(),
        })
    }

    /// The overhead counts for limits only if there is a limit (`PodLimits` in kubernetes
    /// `component-helpers/resource/helpers.go`).
    fn usage(&self, half: Half, name: &str) -> Option<Usage> {
        let amount = self.amounts.half(half).get(name).copied();
        let overhead = self.overhead.get(name).copied();
        let each = match (amount, overhead) {
            (Some(amount), Some(overhead)) => amount.checked_add(overhead)?,
            (None, overhead) if half == Half::Requests => overhead?,
            (amount, _) => amount?,
        };
        Some(Usage {
            object: self.resource.display_name(),
            pods: self.number,
            each,
            all: times(each, &self.number.to_string())?,
        })
    }
}

/// The maximum number of pods of an object, or the minimum if the number is not known: one for a DaemonSet, and the pods of
/// one run of a Job. `None` for kinds whose pods an operator creates.
fn number_of_pods(selected: &Selected<'_, '_>, objects: &Objects<'_>) -> Option<u64> {
    let resource = selected.target.resource;
    let number = |path: &[&str]| resource.node.int_at(path.iter().copied()).unwrap_or(1);
    let number = match (resource.group(), resource.kind.as_ref()) {
        ("", "Pod") | ("apps", "DaemonSet") => 1,
        ("apps", "Deployment" | "ReplicaSet" | "StatefulSet") | ("", "ReplicationController") => {
            let autoscalers = objects.autoscalers_of(selected.index);
            let most = autoscalers
                .filter_map(|it| it.replicas)
                .map(|(_, most)| most);
            most.max().unwrap_or_else(|| number(&["spec", "replicas"]))
        }
        ("batch", "Job") => number(&["spec", "parallelism"]),
        ("batch", "CronJob") => number(&["spec", "jobTemplate", "spec", "parallelism"]),
        _ => return None,
    };
    u64::try_from(number).ok()
}

/// The half and the resource that a quota counts under a name.
fn counts(name: &str) -> Option<(Half, &str)> {
    match name.split_once('.') {
        // Counts claims, not pods.
        Some(("requests", "storage")) => None,
        Some(("requests", name)) => Some((Half::Requests, name)),
        Some(("limits", name)) => Some((Half::Limits, name)),
        _ => FITTED.contains(&name).then_some((Half::Requests, name)),
    }
}

/// The hard limits of a quota; none if it is limited to some pods of the namespace.
fn hard(quota: &Resource<'_>) -> BTreeMap<String, Quantity> {
    match is_scoped(quota) {
        true => BTreeMap::new(),
        false => Quantity::entries_of(quota.node.at(["spec", "hard"])),
    }
}

/// Whether a quota is limited to some pods of the namespace.
fn is_scoped(quota: &Resource<'_>) -> bool {
    let mut scopes = ["scopes", "scopeSelector"].into_iter();
    scopes.any(|key| quota.node.at(["spec", key]).is_some())
}
