//! FIT-NET004: Services without pods or ports behind them.
//!
//! A Service whose selector matches no pod has no endpoints: clients get a refused connection, and no log shows why. The same
//! applies to a named `targetPort` that no container of the pods declares with the Service's protocol. A numeric
//! `targetPort` needs no declaration. But if all containers of the pods declare ports and none of them is this one, the
//! number is probably wrong, which is a warning.
//!
//! Some Services are not checked: those without a selector, whose endpoints are set elsewhere; those of type ExternalName;
//! and those whose pods may not be in the input. The latter are Services in kube-system or in a namespace without pods,
//! Services that select by a label that a controller sets, and Services for pods that an operator creates from a custom
//! resource.
//!
//! Source: `FindPort` in `k8s.io/endpointslice` `utils.go`.

use kustomize_krm_types::Severity;

use super::{Check, Find, Scene};
use crate::finding::{Finding, Subject};
use crate::objects::{DeclaredPorts, PodSearch, PortRef, Service, protocol};
use crate::rules::rules;
use crate::yaml::Node;

rules! {
    RULES;
    ID: "FIT-NET004" Error OnCheck
        "a Service without pods, or with a target port that its pods do not declare"
        ("kube-linter dangling-service; kube-score service-targets-pod");
}

pub(super) const CHECK: Check = Check {
    name: "services",
    rules: RULES,
    find: &[Find::Comparing(&Find::Object(|scene, selected| {
        let service = scene.objects().related.service(selected.index);
        service.map_or_else(Vec::new, |service| of_service(scene, service))
    }))],
};

fn of_service(scene: &Scene<'_>, service: &Service<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (resource, subject) = (service.resource, Subject::object());
    let kind = resource.node.text_at(["spec", "type"]);
    if service.selector.is_empty() || kind.as_deref() == Some("ExternalName") {
        return findings;
    }
    let namespace = resource.namespace.as_deref();
    let pods = match scene.objects().find_pods(&service.selector, namespace) {
        PodSearch::Unknown => return findings,
        PodSearch::NoMatch(no_match) => {
            let message = format!("it selects no pod: {}", no_match.cause);
            let selector = resource.node.at(["spec", "selector"]);
            let mut finding = Finding::new(&ID, message)
                .about(&subject, &["spec", "selector"])
                .current(selector.and_then(|it| it.value().ok()));
            finding.help = no_match.help.map(Into::into);
            return vec![finding];
        }
        PodSearch::Pods(pods) => pods,
    };
    let Some(declared) = pods.ports() else {
        return findings;
    };
    for (place, port) in resource.node.items_at(["spec", "ports"]).enumerate() {
        let target = port.at(["targetPort"]);
        let (key, node) = match target.or(port.at(["port"])) {
            Some(node) if target.is_some() => ("targetPort", node),
            Some(node) => ("port", node),
            None => continue,
        };
        let Some(wanted) = PortRef::of(node) else {
            continue;
        };
        let Some((severity, message)) = fault(&wanted, port, &declared) else {
            continue;
        };
        let mut finding = Finding::graded(&ID, severity, message)
            .about(&subject, &["spec", "ports", &place.to_string(), key])
            .current(node.value().ok())
            .help(declared.help(&wanted, scene.objects()));
        finding.proposed = wanted.quoted_number().map(Into::into);
        findings.push(finding);
    }
    findings
}

/// What is wrong with the target of a Service's port.
fn fault(
    wanted: &PortRef<'_>,
    port: Node<'_>,
    declared: &DeclaredPorts,
) -> Option<(Severity, String)> {
    let protocol = protocol(port);
    if declared.has(wanted, Some(&protocol)) {
        return None;
    }
    let message = format!("no container of its pods declares a {protocol} port {wanted}");
    match wanted {
        PortRef::Name(_) => Some((Severity::Error, message)),
        PortRef::Number(_) => {
            let message = format!("{message}, and all of them declare other ports");
            declared.by_all().then_some((Severity::Warning, message))
        }
    }
}
