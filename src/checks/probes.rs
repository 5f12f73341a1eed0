//! FIT-PRB002: probes that cannot succeed.
//!
//! A probe by the name of a port that its own container does not declare always fails: the kubelet looks at no other
//! container. A liveness probe of that kind restarts the container for ever. Numbers are not judged: they need no
//! declaration, and many programs answer probes on a port that nobody else is to know. Probes of another host are left
//! alone.
//!
//! Init containers that end before others start may have no probes: the API server refuses the pods.
//!
//! Sources: `ResolveContainerPort` in kubernetes `pkg/probe/util.go`, `validateInitContainers` in
//! `pkg/apis/core/validation/validation.go`.

use kustomize_krm_types::Severity;

use super::{Check, Find};
use crate::finding::Finding;
use crate::objects::{Container, ContainerType, PortRef};
use crate::rules::{Rule, When};
use crate::yaml::Node;

const ID: Rule = Rule {
    id: "FIT-PRB002",
    severity: Severity::Error,
    when: When::OnCheck,
    meaning: "a probe of a port that its container does not declare, or of a container that may have none",
    peers: "kube-linter liveness-port, readiness-port, startup-port",
};

const PROBES: [&str; 3] = ["startupProbe", "livenessProbe", "readinessProbe"];

pub(super) const CHECK: Check = Check {
    name: "probes",
    rules: &[ID],
    find: Find::Objects(|scene| {
        let mut findings = Vec::new();
        for selected in &scene.selection.selected {
            for (_, container) in selected.each_container() {
                let found = judge(container);
                findings.extend(found.into_iter().map(|it| it.of(selected.index)));
            }
        }
        findings
    }),
};

fn judge(container: &Container<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in PROBES {
        let Some(probe) = container.node.at([name]) else {
            continue;
        };
        if container.container_type == ContainerType::Init {
            let subject = container.subject.clone();
            let message = format!("{}: {name} is refused by the API server", subject.part);
            let help = "drop it, or make this a sidecar with `restartPolicy: Always`";
            let finding = Finding::new(&ID, message).about(&subject, &[name]);
            findings.push(finding.help(help));
            continue;
        }
        findings.extend(
            port_of(probe)
                .and_then(|(action, port)| judge_port(container, &[name, action, "port"], port)),
        );
    }
    findings
}

/// The action of a probe and the port that it asks, if it is on the pod itself.
fn port_of(probe: Node<'_>) -> Option<(&'static str, Node<'_>)> {
    let mut actions = ["httpGet", "tcpSocket", "grpc"].into_iter();
    let (action, node) = actions.find_map(|action| Some((action, probe.at([action])?)))?;
    let host = node.text_at(["host"]);
    let is_elsewhere = host.is_some_and(|host| !host.is_empty());
    let port = node.at(["port"]).filter(|_| !is_elsewhere)?;
    Some((action, port))
}

fn judge_port(container: &Container<'_>, path: &[&str], node: Node<'_>) -> Option<Finding> {
    let port = PortRef::of(node)?;
    let subject = container.subject.clone();
    let (part, path_text) = (&subject.part, path.join("."));
    if let ([_, "grpc", _], PortRef::Name(_)) = (path, &port) {
        let message =
            format!("{part}: {path_text}: a gRPC probe takes a number, not a port {port}");
        let finding = Finding::new(&ID, message).about(&subject, path);
        let number = ports_of(container).find(|it| port.is(*it, "containerPort"));
        let number = number.and_then(|it| it.at(["containerPort"])?.value().ok());
        return Some(Finding {
            proposed: port.quoted_number().or(number),
            ..finding.current(node.value().ok())
        });
    }
    if ports_of(container).any(|it| port.is(it, "containerPort")) {
        return None;
    }
    let PortRef::Name(_) = port else {
        return None;
    };
    let message = format!(
        "{part}: {path_text}: the container declares no port {port}, so that the probe always fails"
    );
    let mut finding = Finding::new(&ID, message)
        .about(&subject, path)
        .current(node.value().ok())
        .help(port.help(ports_of(container)));
    finding.proposed = port.quoted_number();
    Some(finding)
}

fn ports_of<'a>(container: &Container<'a>) -> impl Iterator<Item = Node<'a>> + use<'a> {
    container.node.items_at(["ports"])
}
