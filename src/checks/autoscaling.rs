//! FIT-HPA001 and FIT-HPA003: autoscalers that fight with manifests, or that scale nothing.
//!
//! With both an autoscaler and `spec.replicas` each apply sets the replicas back to what the manifest says, in the midst
//! of the load that the autoscaler has answered. An autoscaler of something that does not exist does nothing, and only
//! its status tells. Its `scaleTargetRef` means an object of the same group and kind, in whatever version, and by the name
//! that it has or had before kustomize's prefixes.
//!
//! What is not rendered cannot be judged: where the namespace has no workloads at all, or an operator may make the target
//! of a custom resource, nothing is said.
//!
//! Source: `scaleForResourceMappings` in kubernetes `pkg/controller/podautoscaler/horizontal.go`.

use kustomize_krm_types::Severity;

use super::{Check, Find, Scene};
use crate::finding::{Finding, Subject};
use crate::objects::Autoscaler;
use crate::read::Resource;
use crate::rules::{Rule, When};

const REPLICAS: Rule = Rule {
    id: "FIT-HPA001",
    severity: Severity::Warning,
    when: When::OnCheck,
    meaning: "replicas in the manifest of what an autoscaler scales",
    peers: "kube-score deployment-targeted-by-hpa-does-not-have-replicas-configured",
};
const TARGET: Rule = Rule {
    id: "FIT-HPA003",
    severity: Severity::Error,
    when: When::OnCheck,
    meaning: "an autoscaler of something that does not exist",
    peers: "kube-linter dangling-horizontalpodautoscaler; kube-score horizontalpodautoscaler-has-target; \
                    kubescape C-0300",
};

pub(super) const CHECK: Check = Check {
    name: "autoscaling",
    rules: &[REPLICAS, TARGET],
    find: Find::Objects(|scene| {
        let mut findings = Vec::new();
        let autoscalers = scene.objects().autoscalers.iter();
        for autoscaler in autoscalers.filter(|it| it.replicas.is_some()) {
            match autoscaler.targets.is_empty() {
                true => findings.extend(dangling(scene, autoscaler)),
                false => findings.extend(fighting(autoscaler)),
            }
        }
        findings
    }),
};

/// The autoscaler's targets that have their number of replicas in the manifest.
fn fighting(autoscaler: &Autoscaler<'_>) -> Vec<Finding> {
    let with_replicas = |(index, target): &(usize, &Resource<'_>)| {
        let replicas = target.node.at(["spec", "replicas"])?;
        let message = format!(
            "spec.replicas is set, and {} scales it: each apply undoes what the autoscaler did",
            autoscaler.resource.display_name()
        );
        let finding = Finding::new(&REPLICAS, message)
            .of(*index)
            .about(&Subject::object(), &["spec", "replicas"])
            .current(replicas.value().ok())
            .help(
                "leave spec.replicas out; where `kubectl apply` has set it before, take it out with `kubectl apply \
                 edit-last-applied` first, or the object falls to one replica once",
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
        .referred(resource, name, namespace, |it| it.kind == *kind);
    let is_there = |other: &Resource<'_>| namespace == other.namespace.as_deref();
    let is_known = scene.objects().has_pods(namespace)
        && !scene.objects().may_be_made(resource, name, namespace);
    if named.is_empty() && !is_known {
        return None;
    }
    let mut path = vec!["spec", "scaleTargetRef", "name"];
    let mut current = autoscaler.reference.at(["name"]);
    let group = match autoscaler.group.as_str() {
        "" => String::new(),
        group => format!(" of {group}"),
    };
    let mut finding = Finding::new(
        &TARGET,
        format!("it scales nothing: there is no {kind}{group} called {name}"),
    );
    if let Some((_, other)) = named.first() {
        path[2] = "apiVersion";
        current = autoscaler.reference.at(["apiVersion"]);
        finding = finding.proposed(other.api_version.as_ref()).help(format!(
            "there is {} of {}",
            other.display_name(),
            other.api_version
        ));
    } else {
        let others = scene.objects().pods().iter().map(|pods| pods.resource);
        let others = others.filter(|it| it.kind == *kind && is_there(it));
        let names: Vec<&str> = others.map(|it| it.name.as_ref()).take(100).collect();
        let meant = crate::problem::did_you_mean(name, names);
        finding.help = meant.map(|meant| format!("did you mean `{meant}`?"));
    }
    let current = current.and_then(|it| it.value().ok());
    Some(
        finding
            .of(autoscaler.index)
            .about(&Subject::object(), &path)
            .current(current),
    )
}
