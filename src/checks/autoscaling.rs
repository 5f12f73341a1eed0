//! FIT-HPA001 and FIT-HPA003: autoscalers that conflict with manifests or scale nothing.
//!
//! With both an autoscaler and `spec.replicas`, each apply resets the replicas to the number in the manifest, even under
//! load. An autoscaler whose target does not exist does nothing, and only its status reports it. Its `scaleTargetRef`
//! matches an object of the same group and kind, in any version, by its name now or before kustomize's prefixes.
//!
//! Nothing is reported if the input has no workloads in the namespace, or if an operator could create the target from a
//! custom resource.
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
    meaning: "replicas in the manifest of an object that an autoscaler scales",
    peers: "kube-score deployment-targeted-by-hpa-does-not-have-replicas-configured",
};
const TARGET: Rule = Rule {
    id: "FIT-HPA003",
    severity: Severity::Error,
    when: When::OnCheck,
    meaning: "an autoscaler whose target does not exist",
    peers: "kube-linter dangling-horizontalpodautoscaler; kube-score horizontalpodautoscaler-has-target; \
                    kubescape C-0300",
};

pub(super) const CHECK: Check = Check {
    name: "autoscaling",
    rules: &[REPLICAS, TARGET],
    find: &[Find::Scene(|scene| {
        let mut findings = Vec::new();
        let autoscalers = scene.objects().autoscalers.iter();
        for autoscaler in autoscalers.filter(|it| it.replicas.is_some()) {
            match autoscaler.targets.is_empty() {
                true => findings.extend(dangling(scene, autoscaler)),
                false => findings.extend(fighting(autoscaler)),
            }
        }
        findings
    })],
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
        finding.help = similar.map(|it| format!("did you mean `{it}`?"));
    }
    let current = current.and_then(|it| it.value().ok());
    Some(
        finding
            .of(autoscaler.index)
            .about(&Subject::object(), &path)
            .current(current),
    )
}
