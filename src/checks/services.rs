//! FIT-NET004: Services that lead nowhere.
//!
//! A Service whose selector no pod meets has no endpoints, and every client gets a refused connection without a word in
//! any log. The same goes for a `targetPort` by a name that no container of the pods declares, with the Service's
//! protocol. A `targetPort` by a number needs no declaration. But where all containers of the pods declare
//! their ports and none is this one, it is told as a warning, because then the number is most likely wrong.
//!
//! Nothing is held against a Service without a selector (its endpoints are written by somebody else), one of type
//! ExternalName, and one whose pods need not be rendered: where its namespace has no pods at all or is kube-system, where
//! it selects by a label that a controller gives to pods, or where an operator makes the pods of a custom resource.
//!
//! Source: `FindPort` in `k8s.io/endpointslice` `utils.go`.

use kustomize_krm_types::Severity;

use super::{Check, Find, Scene};
use crate::finding::{Finding, Subject};
use crate::objects::{PodSearch, Pods, PortRef, Service, protocol};
use crate::rules::{Rule, When};
use crate::yaml::Node;

const ID: Rule = Rule {
    id: "FIT-NET004",
    severity: Severity::Error,
    when: When::OnCheck,
    meaning: "a Service that leads to no pod, or to no port of its pods",
    peers: "kube-linter dangling-service; kube-score service-targets-pod",
};

pub(super) const CHECK: Check = Check {
    name: "services",
    rules: &[ID],
    find: Find::Objects(|scene| {
        let mut findings = Vec::new();
        for selected in &scene.selection.selected {
            if let Some(service) = scene.selection.objects.related.service(selected.index) {
                judge(scene, selected.index, service, &mut findings);
            }
        }
        findings
    }),
};

fn judge(scene: &Scene<'_>, index: usize, service: &Service<'_>, findings: &mut Vec<Finding>) {
    let (resource, subject) = (service.resource, Subject::object());
    let kind = resource.node.text_at(["spec", "type"]);
    if service.selector.is_empty() || kind.as_deref() == Some("ExternalName") {
        return;
    }
    let namespace = resource.namespace.as_deref();
    let pods = match scene
        .objects()
        .find_pods(&service.selector, resource, namespace)
    {
        PodSearch::Unknown => return,
        PodSearch::NoMatch(no_match) => {
            let message = format!("the Service selects no pod: {}", no_match.cause);
            let selector = resource.node.at(["spec", "selector"]);
            let mut finding = Finding::new(&ID, message)
                .of(index)
                .about(&subject, &["spec", "selector"])
                .current(selector.and_then(|it| it.value().ok()));
            finding.help = no_match.help;
            findings.push(finding);
            return;
        }
        PodSearch::Pods(pods) => pods,
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
        let Some((severity, message)) = fault(&wanted, port, &pods) else {
            continue;
        };
        let mut finding = Finding::graded(&ID, severity, message)
            .of(index)
            .about(&subject, &["spec", "ports", &place.to_string(), key])
            .current(node.value().ok())
            .help(wanted.help(pods.iter().flat_map(|it| it.ports())));
        finding.proposed = wanted.quoted_number();
        findings.push(finding);
    }
}

/// What is wrong with the port that a Service's port leads to.
fn fault(wanted: &PortRef<'_>, port: Node<'_>, pods: &[&Pods<'_>]) -> Option<(Severity, String)> {
    let protocol_wanted = protocol(port);
    let declares = |it: &&Pods<'_>| {
        let mut ports = it.ports();
        ports.any(|port| wanted.is(port, "containerPort") && protocol(port) == protocol_wanted)
    };
    if pods.iter().any(declares) {
        return None;
    }
    let message = format!("no container of its pods declares a {protocol_wanted} port {wanted}");
    match wanted {
        PortRef::Name(_) => Some((Severity::Error, message)),
        PortRef::Number(_) => {
            let declares_some =
                |container: Node<'_>| container.items_at(["ports"]).next().is_some();
            let mut containers = pods.iter().flat_map(|it| it.containers());
            let all_declare = containers.all(declares_some);
            let message = format!("{message}, and all declare others");
            all_declare.then_some((Severity::Warning, message))
        }
    }
}
