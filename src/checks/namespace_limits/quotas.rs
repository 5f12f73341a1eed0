//! ResourceQuotas that require amounts that a container does not have, or that are too small for their namespace.

use std::collections::BTreeMap;
use std::fmt;

use super::super::{Pod, Scene};
use super::{REFUSED, has_storage, times};
use crate::facts::{Declared, Half, PodAmounts, View, class_of};
use crate::finding::{Finding, Subject};
use crate::hashing::HashMap;
use crate::kubernetes::Quantity;
use crate::objects::{Claim, ClaimKind, Classification, Objects, SkipReason};
use crate::read::Resource;
use crate::select::Selected;
use crate::sorting;
use crate::transformers::resources::FITTED;

/// Up to this many quotas, those of a pod are not counted as work.
const FEW_QUOTAS: usize = 8;

/// Containers without the amounts that a quota counts; pod-level amounts replace those of containers.
pub(super) fn uncounted(pod: &Pod<'_, '_>, amounts: &PodAmounts<'_>) -> Vec<Finding> {
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
                if declared.half(*half).has(name) {
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

/// What a namespace has, and whether the config is about it.
#[derive(Default)]
struct Contents<'a> {
    has_resources: bool,
    has_storage: bool,
    pods: Vec<Pods<'a>>,
    claims: Vec<Claims<'a>>,
    /// The objects by their resource, such as `deployments.apps`; only if a quota counts objects.
    objects: HashMap<String, Vec<&'a Resource<'a>>>,
}

impl<'a> Contents<'a> {
    /// The claims of a class, or all.
    fn claims_of<'c>(&'c self, class: Option<&'c str>) -> impl Iterator<Item = &'c Claims<'a>> {
        let is_of = move |it: &&Claims<'a>| class.is_none() || it.class.as_deref() == class;
        self.claims.iter().filter(is_of)
    }
}

/// The pods of one template.
struct Pods<'a> {
    resource: &'a Resource<'a>,
    /// The maximum number of pods.
    number: u64,
    amounts: Declared<'static>,
    /// What each pod uses in addition to its containers.
    overhead: BTreeMap<String, Quantity>,
}

/// The claims that one object makes in one place.
struct Claims<'a> {
    resource: &'a Resource<'a>,
    /// The maximum number of claims.
    number: u64,
    class: Option<String>,
    size: Option<Quantity>,
}

/// How much of a quota an object uses.
struct Usage {
    object: String,
    number: u64,
    /// The amount of each, if more than their number counts.
    each: Option<Quantity>,
    all: Quantity,
}

impl Usage {
    fn of(resource: &Resource<'_>, number: u64, each: Option<Quantity>) -> Option<Usage> {
        let count = number.to_string();
        Some(Usage {
            object: resource.display_name(),
            number,
            each,
            all: match each {
                Some(each) => times(each, &count)?,
                None => count.parse().ok()?,
            },
        })
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.object)?;
        match self.each {
            Some(each) => write!(f, " {} × {each}", self.number),
            None if self.number == 1 => Ok(()),
            None => write!(f, " {}", self.number),
        }
    }
}

/// What a quota counts under a name.
enum Counter<'n> {
    /// Requests or limits of pods.
    Amounts(Half, &'n str),
    Pods,
    /// The sizes of claims, of all or of one class.
    Storage(Option<&'n str>),
    Claims(Option<&'n str>),
    LoadBalancers,
    NodePorts,
    /// The objects of a resource, such as `deployments.apps`.
    Objects(&'n str),
}

impl<'n> Counter<'n> {
    fn of(name: &'n str) -> Option<Counter<'n>> {
        if let Some((class, name)) = name.split_once(".storageclass.storage.k8s.io/") {
            return match name {
                "requests.storage" => Some(Counter::Storage(Some(class))),
                "persistentvolumeclaims" => Some(Counter::Claims(Some(class))),
                _ => None,
            };
        }
        match name.strip_prefix("count/").unwrap_or(name) {
            "pods" => Some(Counter::Pods),
            "persistentvolumeclaims" => Some(Counter::Claims(None)),
            "requests.storage" => Some(Counter::Storage(None)),
            "services.loadbalancers" => Some(Counter::LoadBalancers),
            "services.nodeports" => Some(Counter::NodePorts),
            resource if resource.len() < name.len() => Some(Counter::Objects(resource)),
            "services" | "configmaps" | "secrets" | "replicationcontrollers" | "resourcequotas" => {
                Some(Counter::Objects(name))
            }
            _ => counts(name).map(|(half, name)| Counter::Amounts(half, name)),
        }
    }

    /// What is counted, and the help.
    fn words(&self) -> (&'static str, &'static str) {
        match self {
            Counter::Amounts(..) => (
                " of all pods",
                "raise the quota, or lower resources or replicas: the API server rejects the pods that exceed it",
            ),
            Counter::Storage(_) => (
                " of all claims",
                "raise the quota, or lower sizes or replicas: the API server rejects the claims that exceed it",
            ),
            _ => (
                "",
                "raise the quota, or lower the number: the API server rejects the objects that exceed it",
            ),
        }
    }

    fn is_for_claims(&self) -> bool {
        matches!(self, Counter::Storage(_) | Counter::Claims(_))
    }

    fn counts_objects(&self) -> bool {
        matches!(
            self,
            Counter::LoadBalancers | Counter::NodePorts | Counter::Objects(_)
        )
    }

    /// Of how many objects or groups of pods or claims a namespace's use is the sum.
    fn candidates(&self, contents: &Contents<'_>) -> usize {
        let objects = |name: &str| contents.objects.get(name).map_or(0, Vec::len);
        match self {
            Counter::Amounts(..) | Counter::Pods => contents.pods.len(),
            Counter::Storage(_) | Counter::Claims(_) => contents.claims.len(),
            Counter::LoadBalancers | Counter::NodePorts => objects("services"),
            Counter::Objects(name) => objects(name),
        }
    }

    /// What the objects of a namespace use.
    fn usages(&self, contents: &Contents<'_>) -> Vec<Usage> {
        let objects = |name: &str| contents.objects.get(name).into_iter().flatten();
        let services = |ports: fn(&Resource<'_>) -> usize| {
            let services = objects("services").map(move |it| (*it, ports(it)));
            services.filter_map(|(it, number)| Usage::of(it, u64::try_from(number).ok()?, None))
        };
        match self {
            Counter::Amounts(half, name) => {
                let pods = contents.pods.iter();
                pods.filter_map(|it| it.usage(*half, name)).collect()
            }
            Counter::Pods => {
                let pods = contents.pods.iter();
                pods.filter_map(|it| Usage::of(it.resource, it.number, None))
                    .collect()
            }
            Counter::Storage(class) => contents
                .claims_of(*class)
                .filter_map(|it| Usage::of(it.resource, it.number, Some(it.size?)))
                .collect(),
            Counter::Claims(class) => contents
                .claims_of(*class)
                .filter_map(|it| Usage::of(it.resource, it.number, None))
                .collect(),
            Counter::LoadBalancers => {
                services(|it| usize::from(is_of_type(it, "LoadBalancer"))).collect()
            }
            Counter::NodePorts => services(node_ports).collect(),
            Counter::Objects(name) => objects(name)
                .filter_map(|it| Usage::of(it, 1, None))
                .collect(),
        }
    }
}

/// The resource of an object, with its group: `deployments.apps`. Like `UnsafeGuessKindToResource` in apimachinery
/// `pkg/api/meta/restmapper.go`, which knows no better.
fn resource_of(object: &Resource<'_>) -> String {
    let kind = object.kind.to_lowercase();
    let stem = kind.strip_suffix('y');
    let stem = stem.filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u']));
    let plural = match stem {
        _ if kind == "endpoints" => kind,
        Some(stem) => format!("{stem}ies"),
        None if kind.ends_with('s') => format!("{kind}es"),
        None => format!("{kind}s"),
    };
    match object.group() {
        "" => plural,
        group => format!("{plural}.{group}"),
    }
}

fn is_of_type(service: &Resource<'_>, name: &str) -> bool {
    service.node.text_at(["spec", "type"]).as_deref() == Some(name)
}

/// The ports of nodes that a Service gets.
fn node_ports(service: &Resource<'_>) -> usize {
    let spec = |key| service.node.bool_at(["spec", key]);
    let is_balanced =
        is_of_type(service, "LoadBalancer") && spec("allocateLoadBalancerNodePorts") != Some(false);
    match is_balanced || is_of_type(service, "NodePort") {
        true => service.node.items_at(["spec", "ports"]).count(),
        false => 0,
    }
}

/// Quotas that the objects of their namespace exceed at their maximum number. Pods and claims of objects that the config does
/// not select are not counted.
pub(super) fn too_small(scene: &Scene<'_>) -> Vec<Finding> {
    let quotas = scene.objects().related.quotas();
    if quotas.is_empty() {
        return Vec::new();
    }
    let hard = quotas
        .iter()
        .map(|(index, quota)| (*index, *quota, hard(quota)));
    let hard: Vec<_> = hard.collect();
    let counters = hard.iter().flat_map(|(_, _, hard)| hard.keys());
    let mut counters = counters.filter_map(|name| Counter::of(name));
    let needs_objects = counters.any(|it| it.counts_objects());
    let namespaces = contents(scene, needs_objects);
    let mut findings = Vec::new();
    for (index, quota, hard) in &hard {
        let Some(contents) = namespaces.get(&quota.namespace.as_deref()) else {
            continue;
        };
        for (name, most) in hard {
            let Some(counter) = Counter::of(name) else {
                continue;
            };
            let is_configured = match &counter {
                Counter::Amounts(..) => contents.has_resources,
                _ if counter.is_for_claims() => contents.has_storage,
                _ => contents.has_resources || contents.has_storage,
            };
            let count = counter.candidates(contents);
            if !is_configured || !scene.objects().related.may_compare(count) {
                continue;
            }
            let mut usages = counter.usages(contents);
            usages.retain(|it| !it.all.is_zero());
            sorting::sort_by(&mut usages, |a, b| {
                b.all.cmp(&a.all).then_with(|| a.object.cmp(&b.object))
            });
            let mut all = usages.iter().map(|it| it.all);
            let first = all.next();
            let sum = first.and_then(|first| all.try_fold(first, Quantity::checked_add));
            if let Some(sum) = sum.filter(|sum| sum > most) {
                findings.push(too_much(quota, name, &counter, sum, *most, &usages).of(*index));
            }
        }
    }
    findings
}

/// What each namespace has.
fn contents<'s>(scene: &Scene<'s>, needs_objects: bool) -> HashMap<Option<&'s str>, Contents<'s>> {
    let mut namespaces: HashMap<Option<&str>, Contents<'_>> = HashMap::default();
    scene.each_pod(|pod| {
        let namespace = pod.selected.target.resource.namespace.as_deref();
        let contents = namespaces.entry(namespace).or_default();
        contents.has_resources |= pod.has_resources();
        contents.pods.extend(Pods::of(pod));
    });
    for selected in &scene.selection.selected {
        if !selected.target.claims.is_empty() {
            let namespace = selected.target.resource.namespace.as_deref();
            let contents = namespaces.entry(namespace).or_default();
            contents.has_storage |= has_storage(scene, selected);
            contents.claims.extend(Claims::of(scene, selected));
        }
    }
    if needs_objects {
        let objects = scene.objects();
        for (resource, class) in objects.resources.iter().zip(&objects.classifications) {
            let is_applied = match class {
                Classification::PassedOver(SkipReason::Patch, _) => false,
                Classification::PassedOver(reason, _) => objects.are_checked(*reason),
                _ => true,
            };
            let contents = namespaces.get_mut(&resource.namespace.as_deref());
            if let Some(contents) = contents.filter(|_| is_applied) {
                let objects = contents.objects.entry(resource_of(resource));
                objects.or_default().push(resource);
            }
        }
    }
    namespaces
}

fn too_much(
    quota: &Resource<'_>,
    name: &str,
    counter: &Counter<'_>,
    sum: Quantity,
    most: Quantity,
    usages: &[Usage],
) -> Finding {
    let (what, help) = counter.words();
    let largest = usages.iter().take(3);
    let mut parts: Vec<String> = largest.map(Usage::to_string).collect();
    if usages.len() > parts.len() {
        parts.push("…".to_owned());
    }
    let message = format!(
        "{name}{what} in the namespace can reach {sum} ({}), above the hard limit of {most} in {}",
        parts.join(", "),
        quota.display_name()
    );
    Finding::new(&REFUSED, message)
        .about(&Subject::object(), &["spec", "hard", name])
        .help(help)
}

impl<'a> Claims<'a> {
    /// The claims of an object. How many an operator makes is not known.
    fn of(scene: &Scene<'a>, selected: &'a Selected<'a, 'a>) -> Vec<Claims<'a>> {
        let edits = scene.after(selected.index);
        let of_pods = number_of_pods(selected, scene.objects());
        let claims = selected.target.claims.iter().filter_map(|claim| {
            let number = match claim.kind {
                ClaimKind::Object => 1,
                ClaimKind::Template | ClaimKind::Ephemeral => of_pods?,
                ClaimKind::Custom => return None,
            };
            let after = edits.view(claim.node, &claim.subject.path);
            Some(Claims {
                resource: selected.target.resource,
                number,
                class: class_of(claim, after),
                size: after
                    .at(claim.field(&Claim::SIZE)?)
                    .and_then(View::quantity),
            })
        });
        claims.collect()
    }
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
            amounts: pod.completed(pod.after()).in_all().with_own_names(),
            overhead: overhead.collect(),
        })
    }

    /// The overhead counts for limits only if there is a limit (`PodLimits` in kubernetes
    /// `component-helpers/resource/helpers.go`).
    fn usage(&self, half: Half, name: &str) -> Option<Usage> {
        let amount = self.amounts.half(half).get(name);
        let overhead = self.overhead.get(name).copied();
        let each = match (amount, overhead) {
            (Some(amount), Some(overhead)) => amount.checked_add(overhead)?,
            (None, overhead) if half == Half::Requests => overhead?,
            (amount, _) => amount?,
        };
        Usage::of(self.resource, self.number, Some(each))
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
