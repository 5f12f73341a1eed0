//! FIT-HPA002 and FIT-VPA001: autoscalers that conflict with the requests and limits of pods, with the edits of the config.
//!
//! A utilization target needs a request: the pod's, or one in each container and sidecar. A VerticalPodAutoscaler replaces
//! the resources of containers when pods are created.
//!
//! Source: `calculateRequests` in kubernetes `pkg/controller/podautoscaler/replica_calculator.go`.

use kustomize_krm_types::Severity;

use super::{Check, Find, Pod};
use crate::facts::PodAmounts;
use crate::finding::{Finding, Subject};
use crate::objects::{Autoscaler, Container, ContainerType};
use crate::rules::{Rule, rule};
use crate::transformers::resources::FITTED_FOR_PODS;
use crate::yaml::Node;

const NO_REQUEST: Rule = rule(
    "FIT-HPA002",
    Severity::Error,
    "an autoscaler that targets the utilization of a resource without a request",
);
const REPLACED: Rule = rule(
    "FIT-VPA001",
    Severity::Info,
    "a VerticalPodAutoscaler that replaces the configured resources",
);

pub(super) const CHECK: Check = Check {
    name: "autoscaledAmounts",
    rules: &[NO_REQUEST, REPLACED],
    find: &[Find::Pods(|pod| {
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
        for autoscaler in autoscalers {
            match autoscaler.resource.kind.as_ref() {
                "HorizontalPodAutoscaler" => findings.extend(missing(autoscaler, pod, &amounts)),
                "VerticalPodAutoscaler" => findings.extend(replaced(autoscaler, pod)),
                _ => {}
            }
        }
        findings
    })],
};

fn missing(autoscaler: &Autoscaler<'_>, pod: &Pod<'_, '_>, amounts: &PodAmounts) -> Vec<Finding> {
    let of_pod = amounts.pod_with_defaults();
    let is_for_pod = FITTED_FOR_PODS
        .iter()
        .any(|name| of_pod.requests.contains_key(*name));
    let mut findings = Vec::new();
    for (name, only) in utilization_targets(autoscaler) {
        let mut report = |subject: &Subject| {
            let message = format!(
                "{}: no request of {name}, but {} targets its utilization",
                subject.part,
                autoscaler.resource.display_name()
            );
            let finding = Finding::new(&NO_REQUEST, message)
                .about(subject, &["resources", "requests", &name])
                .help("set the request: without it the autoscaler does not scale");
            findings.push(finding);
        };
        if only.is_none() && is_for_pod {
            if !of_pod.requests.contains_key(&name) && amounts.sum_of_requests(&name).is_none() {
                report(&pod.template.pod);
            }
            continue;
        }
        for (container, declared) in amounts.by_container(pod.template) {
            let is_targeted = only.as_deref().is_none_or(|only| *container.name == *only);
            let is_counted = container.container_type != ContainerType::Init;
            if is_targeted && is_counted && !declared.requests.contains_key(&name) {
                report(&container.subject);
            }
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

/// The containers whose resources the config changes and the autoscaler controls.
fn replaced(autoscaler: &Autoscaler<'_>, pod: &Pod<'_, '_>) -> Vec<Finding> {
    let node = autoscaler.resource.node;
    let mode = node.text_at(["spec", "updatePolicy", "updateMode"]);
    if mode.as_deref() == Some("Off") {
        return Vec::new();
    }
    let policies = node.items_at(["spec", "resourcePolicy", "containerPolicies"]);
    let policies: Vec<Node<'_>> = policies.collect();
    let policy_for = |name: &str| {
        let is_for = |policy: &&Node<'_>| {
            policy
                .text_at(["containerName"])
                .is_some_and(|it| it == name)
        };
        policies.iter().find(is_for)
    };
    let is_controlled = |container: &Container<'_>| {
        let policy = policy_for(&container.name).or_else(|| policy_for("*"));
        let mode = policy.and_then(|policy| policy.text_at(["mode"]));
        mode.as_deref() != Some("Off")
    };
    let changes = pod.scene.changes_of(pod.selected.index);
    let is_changed = |container: &Container<'_>| {
        let mut changes = changes.iter();
        changes.any(|it| {
            let field = it.leaf.first();
            it.subject.path == container.subject.path
                && field.is_some_and(|it| it.decoded() == "resources")
        })
    };
    let containers = pod.template.containers.iter();
    let containers = containers.filter(|it| is_controlled(it) && is_changed(it));
    let findings = containers.map(|container| {
        let subject = &container.subject;
        let message = format!(
            "{}: {} replaces its resources when pods are created",
            subject.part,
            autoscaler.resource.display_name()
        );
        Finding::new(&REPLACED, message)
            .about(subject, &["resources"])
            .help("bound them with `minAllowed` and `maxAllowed` in the autoscaler")
    });
    findings.collect()
}
