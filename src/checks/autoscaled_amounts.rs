//! FIT-HPA002 and FIT-VPA001: autoscalers that conflict with the requests and limits of pods, with the edits of the config.
//!
//! A utilization target needs a request: the pod's, or one in each container and sidecar. A VerticalPodAutoscaler replaces
//! the resources of containers when pods are created.
//!
//! Source: `calculateRequests` in kubernetes `pkg/controller/podautoscaler/replica_calculator.go`.

use std::collections::BTreeMap;

use jsonptr::Pointer;

use super::{Check, Find, Pod};
use crate::facts::PodAmounts;
use crate::finding::{Finding, Subject};
use crate::hashing::{HashMap, HashSet};
use crate::objects::{Autoscaler, ContainerType};
use crate::rules::rules;
use crate::transformers::resources::FITTED_FOR_PODS;
use crate::yaml::Node;

rules! {
    RULES;
    NO_REQUEST: "FIT-HPA002" Error Always "an autoscaler that targets the utilization of a resource without a request";
    REPLACED: "FIT-VPA001" Info Always "a VerticalPodAutoscaler that replaces the configured resources";
}

pub(super) const CHECK: Check = Check {
    name: "autoscaledAmounts",
    rules: RULES,
    find: &[Find::PodsAmong(|pod| {
        let mut findings = Vec::new();
        let mut autoscalers = pod
            .scene
            .objects()
            .autoscalers_of(pod.selected.index)
            .peekable();
        if autoscalers.peek().is_none() {
            return findings;
        }
        let Some(amounts) = pod.amounts() else {
            return findings;
        };
        let (mut scalers, mut replacers) = (Vec::new(), Vec::new());
        for autoscaler in autoscalers {
            match autoscaler.resource.kind.as_ref() {
                "HorizontalPodAutoscaler" => scalers.push(autoscaler),
                "VerticalPodAutoscaler" => replacers.push(autoscaler),
                _ => {}
            }
        }
        findings.extend(missing(&scalers, pod, &amounts));
        findings.extend(replaced(&replacers, pod));
        findings
    })],
};

/// The first of several autoscalers with some target is the one that findings name.
type ByResource<'o, 'a> = BTreeMap<String, &'o Autoscaler<'a>>;

/// Of more resources than these, a container is not reported: there are no more that the scheduler knows by name.
const MOST_RESOURCES: usize = 8;

fn missing(
    autoscalers: &[&Autoscaler<'_>],
    pod: &Pod<'_, '_>,
    amounts: &PodAmounts<'_>,
) -> Vec<Finding> {
    let mut of_all = ByResource::new();
    let mut of_one: HashMap<String, ByResource<'_, '_>> = HashMap::default();
    for autoscaler in autoscalers {
        for (name, only) in utilization_targets(autoscaler) {
            let targets = match only {
                Some(container) => of_one.entry(container).or_default(),
                None => &mut of_all,
            };
            targets.entry(name).or_insert(autoscaler);
        }
    }
    let mut findings = Vec::new();
    let mut report = |subject: &Subject, name: &str, autoscaler: &Autoscaler<'_>| {
        let message = format!(
            "{}: no request of {name}, but {} targets its utilization",
            subject.part,
            autoscaler.resource.display_name()
        );
        let finding = Finding::new(&NO_REQUEST, message)
            .about(subject, &["resources", "requests", name])
            .help("set the request: without it the autoscaler does not scale");
        findings.push(finding);
    };
    let of_pod = amounts.pod_with_defaults();
    let is_for_pod = FITTED_FOR_PODS.iter().any(|name| of_pod.requests.has(name));
    if is_for_pod && !of_all.is_empty() {
        let all = amounts.in_all();
        for (name, autoscaler) in &of_all {
            if !all.requests.has(name) {
                report(&pod.template.pod, name, autoscaler);
            }
        }
        of_all.clear();
    }
    for (container, declared) in amounts.by_container(pod.template) {
        if container.container_type == ContainerType::Init {
            continue;
        }
        let only = of_one.get(container.name.as_ref());
        let targets = of_all.iter().chain(only.into_iter().flatten());
        let missing = targets.filter(|(name, _)| !declared.requests.has(name));
        for (name, autoscaler) in missing.take(MOST_RESOURCES) {
            report(&container.subject, name, autoscaler);
        }
    }
    findings
}

/// The resources with a utilization target, and the container that it is limited to, if any.
fn utilization_targets(autoscaler: &Autoscaler<'_>) -> Vec<(String, Option<String>)> {
    let text = |node: Node<'_>, key: &str| Some(node.text_at([key])?.into_owned());
    let metrics = autoscaler.resource.node.items_at(["spec", "metrics"]);
    let mut metrics = metrics.peekable();
    // The default metric is 80% of the CPU (`SetDefaults_HorizontalPodAutoscaler` in kubernetes
    // `pkg/apis/autoscaling/v2/defaults.go`); autoscaling/v1 has no other.
    if metrics.peek().is_none() {
        return vec![("cpu".to_owned(), None)];
    }
    let target = |metric: Node<'_>| {
        let (source, container) = match metric.at(["containerResource"]) {
            Some(source) => (source, text(source, "container")),
            None => (metric.at(["resource"])?, None),
        };
        // autoscaling/v2beta1 has `targetAverageUtilization` next to the name.
        let kind = source.text_at(["target", "type"]);
        let is_share = kind.as_deref() == Some("Utilization")
            || source.at(["targetAverageUtilization"]).is_some();
        is_share.then_some((text(source, "name")?, container))
    };
    metrics.filter_map(target).collect()
}

/// Which containers a VerticalPodAutoscaler controls.
struct Control<'o, 'a> {
    autoscaler: &'o Autoscaler<'a>,
    by_default: bool,
    by_name: HashMap<String, bool>,
}

impl<'o, 'a> Control<'o, 'a> {
    fn of(autoscaler: &'o Autoscaler<'a>) -> Option<Control<'o, 'a>> {
        let node = autoscaler.resource.node;
        let mode = node.text_at(["spec", "updatePolicy", "updateMode"]);
        let mut by_name = HashMap::default();
        for policy in node.items_at(["spec", "resourcePolicy", "containerPolicies"]) {
            if let Some(name) = policy.text_at(["containerName"]) {
                let is_on = policy.text_at(["mode"]).as_deref() != Some("Off");
                by_name.entry(name.into_owned()).or_insert(is_on);
            }
        }
        (mode.as_deref() != Some("Off")).then(|| Control {
            autoscaler,
            by_default: by_name.get("*").copied().unwrap_or(true),
            by_name,
        })
    }
}

/// The containers whose resources the config changes and an autoscaler controls.
fn replaced(autoscalers: &[&Autoscaler<'_>], pod: &Pod<'_, '_>) -> Vec<Finding> {
    let controls = autoscalers.iter().filter_map(|it| Control::of(it));
    let (by_default, by_name): (Vec<_>, Vec<_>) = controls.partition(|it| it.by_default);
    let mut named: HashMap<&str, &Autoscaler<'_>> = HashMap::default();
    for control in &by_name {
        for (name, _) in control.by_name.iter().filter(|(_, is_on)| **is_on) {
            named.entry(name).or_insert(control.autoscaler);
        }
    }
    let changes = pod.scene.changes_of(pod.selected.index).iter();
    let of_resources = changes.filter(|it| {
        let field = it.leaf.first();
        field.is_some_and(|it| it.decoded() == "resources")
    });
    let changed: HashSet<&Pointer> = of_resources.map(|it| &*it.subject.path).collect();
    let findings = pod.template.containers.iter().filter_map(|container| {
        let (name, subject) = (container.name.as_ref(), &container.subject);
        if !changed.contains(&*subject.path) {
            return None;
        }
        // One that does not control it has a policy for it, so this loop is as long as the manifests.
        let mut by_default = by_default.iter();
        let control = by_default.find(|it| it.by_name.get(name) != Some(&false));
        let autoscaler = control.map(|it| it.autoscaler);
        let autoscaler = autoscaler.or_else(|| named.get(name).copied())?;
        let message = format!(
            "{}: {} replaces its resources when pods are created",
            subject.part,
            autoscaler.resource.display_name()
        );
        let finding = Finding::new(&REPLACED, message).about(subject, &["resources"]);
        Some(finding.help("bound them with `minAllowed` and `maxAllowed` in the autoscaler"))
    });
    findings.collect()
}
