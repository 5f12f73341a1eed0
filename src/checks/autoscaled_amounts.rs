//! FIT-HPA002 and FIT-VPA001: autoscalers that the amounts of pods, as they will be, do not go with.
//!
//! A share of what is requested needs a request: the pod's, or that of each container and sidecar. A vertical autoscaler
//! replaces what is written when pods are made.
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
    "an autoscaler's target for a resource that is not requested",
);
const REPLACED: Rule = rule(
    "FIT-VPA001",
    Severity::Info,
    "a VerticalPodAutoscaler that replaces the resources of pods",
);

pub(super) const CHECK: Check = Check {
    name: "autoscaledAmounts",
    rules: &[NO_REQUEST, REPLACED],
    find: Find::Pods(|pod| {
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
    }),
};

fn missing(autoscaler: &Autoscaler<'_>, pod: &Pod<'_, '_>, amounts: &PodAmounts) -> Vec<Finding> {
    let of_pod = amounts.pod_with_defaults();
    let is_for_pod = FITTED_FOR_PODS
        .iter()
        .any(|name| of_pod.requests.contains_key(*name));
    let mut findings = Vec::new();
    for (name, only) in utilization_targets(autoscaler) {
        let mut tell = |subject: &Subject| {
            let message = format!(
                "{}: no request of {name}, of which {} wants a share used",
                subject.part,
                autoscaler.resource.display_name()
            );
            let finding = Finding::new(&NO_REQUEST, message)
                .about(subject, &["resources", "requests", &name])
                .help("set the request: without it the autoscaler does nothing");
            findings.push(finding);
        };
        if only.is_none() && is_for_pod {
            if !of_pod.requests.contains_key(&name) && amounts.sum_of_requests(&name).is_none() {
                tell(&pod.template.pod);
            }
            continue;
        }
        for (container, declared) in amounts.by_container(pod.template) {
            let is_meant = only.as_deref().is_none_or(|only| *container.name == *only);
            let is_counted = container.container_type != ContainerType::Init;
            if is_meant && is_counted && !declared.requests.contains_key(&name) {
                tell(&container.subject);
            }
        }
    }
    findings
}

/// The resources of whose requests a share is to be used, and the one container that is meant, if any.
fn utilization_targets(autoscaler: &Autoscaler<'_>) -> Vec<(String, Option<String>)> {
    let text = |node: Node<'_>, key: &str| Some(node.text_at([key])?.into_owned());
    let metrics = autoscaler.resource.node.items_at(["spec", "metrics"]);
    let mut metrics = metrics.peekable();
    // Without metrics it is four fifths of the CPU (`SetDefaults_HorizontalPodAutoscaler` in kubernetes
    // `pkg/apis/autoscaling/v2/defaults.go`); autoscaling/v1 knows nothing else.
    if metrics.peek().is_none() {
        return vec![("cpu".to_owned(), None)];
    }
    let target = |metric: Node<'_>| {
        let (source, container) = match metric.at(["containerResource"]) {
            Some(source) => (source, text(source, "container")),
            None => (metric.at(["resource"])?, None),
        };
        // autoscaling/v2beta1 has the number beside the name.
        let kind = source.text_at(["target", "type"]);
        let is_share = kind.as_deref() == Some("Utilization")
            || source.at(["targetAverageUtilization"]).is_some();
        is_share.then_some((text(source, "name")?, container))
    };
    metrics.filter_map(target).collect()
}

/// The containers whose amounts change, and that the autoscaler controls.
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
            "{}: {} replaces its resources when pods are made",
            subject.part,
            autoscaler.resource.display_name()
        );
        Finding::new(&REPLACED, message)
            .about(subject, &["resources"])
            .help("bound it by `minAllowed` and `maxAllowed` of the autoscaler")
    });
    findings.collect()
}
