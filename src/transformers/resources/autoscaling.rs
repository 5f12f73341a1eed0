//! What autoscalers make of the amounts: a horizontal one counts in requests, a vertical one replaces them.

use super::Resources;
use super::pod::FITTED;
use crate::edit::Edits;
use crate::facts::PodAmounts;
use crate::finding::{Finding, Subject};
use crate::objects::{Autoscaler, Container, ContainerType, Template};
use crate::rules;
use crate::transformers::Scope;
use crate::yaml::Node;

/// Tells of autoscalers that the amounts, as they will stand, do not go with.
pub(super) fn judge(
    scope: &Scope<'_, '_, Resources>,
    template: &Template<'_>,
    amounts: &PodAmounts,
    edits: &mut Edits<'_>,
) {
    for autoscaler in scope.related().autoscalers_of(scope.target().resource) {
        match autoscaler.is_vertical {
            true => tell_of_overwriting(autoscaler, template, edits),
            false => tell_of_missing_requests(autoscaler, template, amounts, edits),
        }
    }
}

/// A share of what is requested needs a request (`calculateRequests` in kubernetes
/// `pkg/controller/podautoscaler/replica_calculator.go`): the pod's, or that of each container and sidecar.
fn tell_of_missing_requests(
    autoscaler: &Autoscaler<'_>,
    template: &Template<'_>,
    amounts: &PodAmounts,
    edits: &mut Edits<'_>,
) {
    let pod = amounts.pod_with_defaults();
    let is_for_pod = FITTED.iter().any(|name| pod.requests.contains_key(*name));
    let containers = template.containers.iter();
    let containers = containers.filter(|it| it.container_type != ContainerType::Ephemeral);
    let containers: Vec<_> = containers.zip(&amounts.containers).collect();
    for (name, only) in utilization_targets(autoscaler) {
        let mut tell = |subject: &Subject| {
            let message = format!(
                "{}: no request of {name}, of which {} wants a share used",
                subject.part,
                autoscaler.resource.display_name()
            );
            edits.find(
                Finding::new(&rules::HPA002, message)
                    .about(subject, &["resources", "requests", &name])
                    .help("set the request: without it the autoscaler does nothing"),
            );
        };
        if only.is_none() && is_for_pod {
            if !pod.requests.contains_key(&name) && amounts.sum_of_requests(&name).is_none() {
                tell(&template.pod);
            }
            continue;
        }
        for (container, (container_type, declared)) in &containers {
            let is_meant = only.as_deref().is_none_or(|only| *container.name == *only);
            let is_counted = *container_type != ContainerType::Init;
            if is_meant && is_counted && !declared.requests.contains_key(&name) {
                tell(&container.subject);
            }
        }
    }
}

/// The resources of whose requests a share is to be used, and the one container that is meant, if any.
fn utilization_targets(autoscaler: &Autoscaler<'_>) -> Vec<(String, Option<String>)> {
    let text = |node: Node<'_>, key: &str| Some(node.text_at([key])?.into_owned());
    let mut metrics = autoscaler
        .resource
        .node
        .items_at(["spec", "metrics"])
        .peekable();
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

/// A vertical autoscaler replaces what is written when pods are made.
fn tell_of_overwriting(
    autoscaler: &Autoscaler<'_>,
    template: &Template<'_>,
    edits: &mut Edits<'_>,
) {
    let node = autoscaler.resource.node;
    let mode = node.text_at(["spec", "updatePolicy", "updateMode"]);
    if mode.as_deref() == Some("Off") {
        return;
    }
    let policies = node.items_at(["spec", "resourcePolicy", "containerPolicies"]);
    let policies: Vec<Node<'_>> = policies.collect();
    let is_controlled = |container: &Container<'_>| {
        let is_for = |policy: &&Node<'_>, name: &str| {
            policy.text_at(["containerName"]).as_deref() == Some(name)
        };
        let own = policies
            .iter()
            .find(|policy| is_for(policy, &container.name));
        let policy = own.or_else(|| policies.iter().find(|policy| is_for(policy, "*")));
        policy
            .and_then(|policy| policy.text_at(["mode"]))
            .as_deref()
            != Some("Off")
    };
    for container in template.containers.iter().filter(|it| is_controlled(it)) {
        let subject = container.subject.clone();
        let amounts = subject.at(&["resources"]);
        let changes = edits.of_object().iter();
        if !changes
            .into_iter()
            .any(|it| it.pointer().starts_with(&amounts))
        {
            continue;
        }
        let message = format!(
            "{}: {} replaces its resources when pods are made",
            subject.part,
            autoscaler.resource.display_name()
        );
        edits.find(
            Finding::new(&rules::VPA001, message)
                .about(&subject, &["resources"])
                .help("bound it by `minAllowed` and `maxAllowed` of the autoscaler"),
        );
    }
}
