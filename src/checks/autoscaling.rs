//! FIT-HPA001 and FIT-HPA003 to FIT-HPA005: autoscalers that conflict with manifests, scale nothing, or are rejected.
//!
//! With both an autoscaler and `spec.replicas`, each apply resets the replicas to the number in the manifest, even under
//! load. An autoscaler whose target does not exist does nothing, and only its status reports it. Its `scaleTargetRef`
//! matches an object of the same group and kind, in any version, by its name now or before kustomize's prefixes.
//!
//! Nothing is reported if the input has no workloads in the namespace, or if an operator could create the target from a
//! custom resource.
//!
//! A HorizontalPodAutoscaler cannot measure a container that its pods do not have, and without pods it needs a metric of
//! something else to scale up again.
//!
//! Sources: `scaleForResourceMappings` in kubernetes `pkg/controller/podautoscaler/horizontal.go`,
//! `calculatePodRequestsFromContainers` in `replica_calculator.go` there, `validateMetrics` in
//! `pkg/apis/autoscaling/validation/validation.go`.

use std::collections::HashSet;

use kustomize_krm_types::Severity;

use super::{Check, Find, Scene};
use crate::finding::{Finding, Subject};
use crate::objects::{Autoscaler, Classification, ContainerType, Template};
use crate::read::Resource;
use crate::rules::rules;
use crate::yaml::Node;

rules! {
    RULES;
    REPLICAS: "FIT-HPA001" Warning OnCheck
        "replicas in the manifest of an object that an autoscaler scales"
        ("kube-score deployment-targeted-by-hpa-does-not-have-replicas-configured");
    TARGET: "FIT-HPA003" Error OnCheck
        "an autoscaler whose target does not exist"
        ("kube-linter dangling-horizontalpodautoscaler; kube-score horizontalpodautoscaler-has-target; kubescape C-0300");
    TO_ZERO: "FIT-HPA004" Error OnCheck "an autoscaler that scales to zero and that the API server rejects";
    NO_CONTAINER: "FIT-HPA005" Error OnCheck "an autoscaler that measures a container that its target does not have";
}

/// The minor version in which the feature gate `HPAScaleToZero` is on by default.
const TO_ZERO_SINCE: u32 = 37;

/// The metrics of `autoscaling/v1`, as JSON.
const METRICS_ANNOTATION: &str = "autoscaling.alpha.kubernetes.io/metrics";

/// Containers that webhooks add to pods.
const INJECTED: [&str; 4] = ["istio-proxy", "linkerd-proxy", "daprd", "vault-agent"];

pub(super) const CHECK: Check = Check {
    name: "autoscaling",
    rules: RULES,
    find: &[Find::Comparing(&Find::Scene(|scene| {
        let mut findings = Vec::new();
        let autoscalers = scene.objects().autoscalers.iter();
        for autoscaler in autoscalers.filter(|it| it.replicas.is_some()) {
            match autoscaler.targets.is_empty() {
                true => findings.extend(dangling(scene, autoscaler)),
                false => findings.extend(fighting(autoscaler)),
            }
            findings.extend(to_zero(scene, autoscaler));
            findings.extend(without_containers(scene, autoscaler));
        }
        findings
    }))],
};

/// The targets that set their replicas in the manifest.
fn fighting(autoscaler: &Autoscaler<'_>) -> Vec<Finding> {
    let with_replicas = |(index, target): &(usize, &Resource<'_>)| {
        let replicas = target.node.at(["spec", "replicas"])?;
        let message = format!(
            "spec.replicas is set, but {} scales this object: each apply resets the number of replicas",
            autoscaler.resource.display_name()
        );
        let finding = Finding::new(&REPLICAS, message)
            .of(*index)
            .about(&Subject::object(), &["spec", "replicas"])
            .current(replicas.value().ok())
            .help(
                "remove spec.replicas; if `kubectl apply` has set it before, first remove it with `kubectl apply \
                 edit-last-applied`, or the object drops to one replica once",
            );
        Some(finding)
    };
    autoscaler
        .targets
        .iter()
        .filter_map(with_replicas)
        .collect()
}

fn dangling(scene: &Scene<'_>, autoscaler: &Autoscaler<'_>) -> Option<Finding> {
    let Autoscaler {
        resource,
        kind,
        name,
        ..
    } = autoscaler;
    let namespace = resource.namespace.as_deref();
    let named = scene
        .objects()
        .referred(resource, (kind, name), namespace, |_| true);
    let is_known =
        scene.objects().has_pods(namespace) && !scene.objects().may_be_made(name, namespace);
    if named.is_empty() && !is_known {
        return None;
    }
    let mut path = vec!["spec", "scaleTargetRef", "name"];
    let mut current = autoscaler.reference.at(["name"]);
    let group = match autoscaler.group.as_str() {
        "" => "the core group".to_owned(),
        group => format!("the group {group}"),
    };
    let mut finding = Finding::new(
        &TARGET,
        format!("its target does not exist: there is no {kind} {name} in {group}"),
    );
    if let Some((_, other)) = named.first() {
        path[2] = "apiVersion";
        current = autoscaler.reference.at(["apiVersion"]);
        finding = finding.proposed(other.api_version.as_ref()).help(format!(
            "there is {} in {}",
            other.display_name(),
            other.api_version
        ));
    } else {
        let others = scene.objects().of_kind(kind, namespace);
        let count = others.len();
        let names = others.map(|it| it.name.as_ref());
        let similar = scene.objects().did_you_mean(name, names, count);
        finding.help = similar.map(|it| format!("did you mean `{it}`?").into());
    }
    let current = current.and_then(|it| it.value().ok());
    Some(
        finding
            .of(autoscaler.index)
            .about(&Subject::object(), &path)
            .current(current),
    )
}

/// An autoscaler with a minimum of zero replicas. KEDA scales to zero itself.
fn to_zero(scene: &Scene<'_>, autoscaler: &Autoscaler<'_>) -> Option<Finding> {
    let resource = autoscaler.resource;
    let is_zero = autoscaler.replicas.is_some_and(|(least, _)| least == 0);
    if !is_zero || resource.kind != "HorizontalPodAutoscaler" {
        return None;
    }
    let is_of_others = |kind: &str| matches!(kind, "Object" | "External");
    let mut metrics = resource.node.items_at(["spec", "metrics"]);
    let mut kinds = metrics.by_ref().filter_map(|it| it.text_at(["type"]));
    let annotated = resource.annotation(METRICS_ANNOTATION);
    let has_metric = kinds.any(|kind| is_of_others(&kind))
        || annotated.is_some_and(|it| it.contains("\"Object\"") || it.contains("\"External\""));
    let version = scene.config.kubernetes_version;
    let since = || format!("Kubernetes 1.{TO_ZERO_SINCE} or the feature gate HPAScaleToZero");
    let (severity, why, help) = match version {
        _ if !has_metric => (
            Severity::Error,
            "the API server rejects that without a metric of type Object or External".to_owned(),
            "set minReplicas to 1, or add such a metric: without pods, nothing else can be measured",
        ),
        Some(version) if version.minor() < TO_ZERO_SINCE => (
            Severity::Warning,
            format!("the API server accepts that only with {}", since()),
            "set minReplicas to 1, or exempt the object if the feature gate is on",
        ),
        _ => return None,
    };
    let message = format!("minReplicas is 0, and {why}");
    let finding = Finding::graded(&TO_ZERO, severity, message)
        .of(autoscaler.index)
        .about(&Subject::object(), &["spec", "minReplicas"])
        .current(Some(0.into()));
    Some(finding.help(help))
}

/// The metrics of containers that no pod of the target has.
fn without_containers(scene: &Scene<'_>, autoscaler: &Autoscaler<'_>) -> Vec<Finding> {
    let mut measured = measured(autoscaler.resource).peekable();
    let related = &scene.objects().related;
    if measured.peek().is_none() || !related.may_compare(autoscaler.targets.len()) {
        return Vec::new();
    }
    let targets = autoscaler.targets.iter().map(|(index, _)| *index);
    let templates = targets.filter_map(|index| match &scene.objects().classifications[index] {
        Classification::Target(target) | Classification::PassedOver(_, Ok(target)) => {
            Some(&target.templates)
        }
        _ => None,
    });
    let templates: Vec<&Template<'_>> = templates.flatten().collect();
    // An operator may add the container.
    if templates.is_empty()
        || templates
            .iter()
            .any(|it| !it.is_whole() || it.has_more_containers)
    {
        return Vec::new();
    }
    let count = templates.iter().map(|it| it.containers.len()).sum();
    if !related.may_compare(count) {
        return Vec::new();
    }
    let containers = || {
        let all = templates.iter().flat_map(|template| &template.containers);
        let lasts = all.filter(|it| {
            matches!(
                it.container_type,
                ContainerType::Container | ContainerType::Sidecar
            )
        });
        lasts.map(|it| it.name.as_ref())
    };
    let known: HashSet<&str> = containers().collect();
    let missing = measured.filter_map(|(path, node)| {
        let name = node.text()?;
        if known.contains(&*name) || INJECTED.contains(&&*name) {
            return None;
        }
        let message = format!(
            "it measures the container \"{name}\", but the pods of its target have none of that name"
        );
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let mut finding = Finding::new(&NO_CONTAINER, message)
            .of(autoscaler.index)
            .about(&Subject::object(), &path)
            .current(node.value().ok());
        let objects = scene.objects();
        let similar = objects.did_you_mean(&name, containers(), known.len());
        let others = || containers().take(MOST_NAMES).collect::<Vec<_>>().join(", ");
        let listed = || format!("its containers are: {}", others());
        finding.help = Some(similar.map_or_else(listed, |it| format!("did you mean `{it}`?")).into());
        Some(finding)
    });
    missing.collect()
}

/// The containers that a help names.
const MOST_NAMES: usize = 16;

/// The names of the containers that an autoscaler measures, with their paths.
fn measured<'a>(autoscaler: &Resource<'a>) -> impl Iterator<Item = (Vec<String>, Node<'a>)> {
    let (list, keys): (_, [&str; 2]) = match autoscaler.kind.as_ref() {
        "ScaledObject" => ("triggers", ["metadata", "containerName"]),
        _ => ("metrics", ["containerResource", "container"]),
    };
    let items = autoscaler.node.items_at(["spec", list]).enumerate();
    items.filter_map(move |(place, item)| {
        let path = ["spec", list, &place.to_string(), keys[0], keys[1]];
        Some((path.map(str::to_owned).to_vec(), item.at(keys)?))
    })
}
