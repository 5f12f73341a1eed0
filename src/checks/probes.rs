//! FIT-PRB002: probes that cannot succeed.
//!
//! A probe of a named port always fails if its own container does not declare that port; the kubelet does not look at other
//! containers. Such a liveness probe restarts the container again and again. Port numbers are not checked: they need no
//! declaration, and many programs answer probes on a port that they do not declare. Probes of another host are skipped.
//!
//! Init containers that are not sidecars cannot have probes: see FIT-VAL011.
//!
//! Source: `ResolveContainerPort` in kubernetes `pkg/probe/util.go`.

use super::{Check, Find};
use crate::finding::Finding;
use crate::objects::{Container, ContainerType, Objects, PortRef, Ports};
use crate::rules::rules;
use crate::yaml::Node;

rules! {
    RULES;
    ID: "FIT-PRB002" Error OnCheck
        "a probe of a port that its container does not declare"
        ("kube-linter liveness-port, readiness-port, startup-port");
}

const PROBES: [&str; 3] = ["startupProbe", "livenessProbe", "readinessProbe"];

pub(super) const CHECK: Check = Check {
    name: "probes",
    rules: RULES,
    find: &[Find::Comparing(&Find::PodsAmong(|pod| {
        let containers = pod.template.containers.iter();
        let is_probed = |it: &&Container<'_>| it.container_type != ContainerType::Init;
        let is_in = |it: &&Container<'_>| pod.selected.containers.includes(it);
        let containers = containers.filter(is_probed).filter(is_in);
        let objects = pod.scene.objects();
        containers
            .flat_map(|it| of_container(it, objects))
            .collect()
    }))],
};

fn of_container(container: &Container<'_>, objects: &Objects<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in PROBES {
        let Some(probe) = container.node.at([name]) else {
            continue;
        };
        let port = port_of(probe);
        findings.extend(
            port.and_then(|(action, port)| {
                of_port(container, &[name, action, "port"], port, objects)
            }),
        );
    }
    findings
}

/// The action and the port of a probe, unless it probes another host.
fn port_of(probe: Node<'_>) -> Option<(&'static str, Node<'_>)> {
    let mut actions = ["httpGet", "tcpSocket", "grpc"].into_iter();
    let (action, node) = actions.find_map(|action| Some((action, probe.at([action])?)))?;
    let host = node.text_at(["host"]);
    let is_elsewhere = host.is_some_and(|host| !host.is_empty());
    let port = node.at(["port"]).filter(|_| !is_elsewhere)?;
    Some((action, port))
}

fn of_port(
    container: &Container<'_>,
    path: &[&str],
    node: Node<'_>,
    objects: &Objects<'_>,
) -> Option<Finding> {
    let port = PortRef::of(node)?;
    let subject = container.subject.clone();
    let (part, path_text) = (&subject.part, path.join("."));
    if ports_of(container).any(|it| port.is(it, "containerPort")) {
        return None;
    }
    let PortRef::Name(_) = port else {
        return None;
    };
    let message = format!(
        "{part}: {path_text}: the container declares no port {port}, so the probe always fails"
    );
    let mut finding = Finding::new(&ID, message)
        .about(&subject, path)
        .current(node.value().ok())
        .help(Ports::of(ports_of(container), "containerPort").help(&port, objects));
    finding.proposed = port.quoted_number().map(Into::into);
    Some(finding)
}

fn ports_of<'a>(container: &Container<'a>) -> impl Iterator<Item = Node<'a>> + use<'a> {
    container.node.items_at(["ports"])
}
