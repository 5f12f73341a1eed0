//! FIT-NET002: NetworkPolicies whose selectors match nothing.
//!
//! A policy whose `podSelector` matches no pod protects nothing, and a peer that matches no pod allows no traffic. No error
//! reports either. The same applies to a named port that no container of the pods declares. An empty selector matches
//! everything.
//!
//! Peers in namespaces that are not in the input are not checked, nor are pods that may be created elsewhere; see the check
//! `services`. A namespace is identified by `kubernetes.io/metadata.name`, which the API server sets. A `namespaceSelector`
//! by another label is reported if its value is the name of a Namespace in the input that does not have this label: many
//! policies use `name: ...`, which the API server does not set.

use super::{Check, Find, Scene};
use crate::finding::{Finding, Subject};
use crate::kubernetes::LabelSelector;
use crate::objects::{DeclaredPorts, PodSearch, PortRef, SelectedPods, protocol};
use crate::read::Resource;
use crate::rules::rules;
use crate::yaml::{Node, Value};

rules! {
    RULES;
    ID: "FIT-NET002" Error OnCheck
        "a NetworkPolicy for pods, namespaces or ports that do not exist"
        ("kube-linter dangling-networkpolicy, dangling-networkpolicypeer-podselector; kube-score networkpolicy-targets-pod; kubescape C-0299");
}

/// The label with its name that the API server sets on every namespace.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// The fields for the rules of a policy, and for the peers of a rule.
const DIRECTIONS: [(&str, &str); 2] = [("ingress", "from"), ("egress", "to")];

pub(super) const CHECK: Check = Check {
    name: "networkPolicies",
    rules: RULES,
    find: &[Find::Comparing(&Find::Object(|scene, selected| {
        let resource = selected.target.resource;
        if resource.kind != "NetworkPolicy" || resource.group() != "networking.k8s.io" {
            return Vec::new();
        }
        let mut policy = Policy {
            scene: *scene,
            resource,
            names_ports: names_ports(resource),
            findings: Vec::new(),
        };
        policy.find();
        policy.findings
    }))],
};

/// The namespaces that a peer selects.
enum Namespaces {
    /// The policy's own namespace.
    Own,
    /// The namespace of this name, which is in the input.
    Named(String),
    /// Namespaces that may not be in the input.
    Unknown,
}

struct Policy<'s> {
    scene: Scene<'s>,
    resource: &'s Resource<'s>,
    names_ports: bool,
    findings: Vec<Finding>,
}

impl<'s> Policy<'s> {
    fn find(&mut self) {
        let Some(spec) = self.resource.node.at(["spec"]) else {
            return;
        };
        let own = self.pods(
            spec.at(["podSelector"]),
            &Namespaces::Own,
            &["spec", "podSelector"],
        );
        let own = own.and_then(|own| own.ports());
        for (direction, peers) in DIRECTIONS {
            for (place, rule) in spec.items_at([direction]).enumerate() {
                let path = ["spec", direction, &place.to_string()];
                let peers = self.peers(rule, peers, path);
                let (declared, of_peers) = match direction {
                    "ingress" => (own.as_ref(), None),
                    _ => (None, peers.and_then(|pods| pods.ports())),
                };
                if let Some(declared) = declared.or(of_peers.as_ref()) {
                    self.ports(rule, declared, path);
                }
            }
        }
    }

    /// The pods that the peers of a rule select, if all are in the input.
    fn peers(
        &mut self,
        rule: Node<'s>,
        key: &str,
        path: [&str; 3],
    ) -> Option<SelectedPods<'s, 's>> {
        let [spec, direction, rule_place] = path;
        let mut all = Some(SelectedPods::none(self.scene.objects()));
        // A rule without peers matches everything inside and outside the cluster.
        let peers = rule.at([key])?;
        for (place, peer) in peers.items().enumerate() {
            let place = place.to_string();
            let path = |selector| [spec, direction, rule_place, key, &place, selector];
            let namespaces = match peer.at(["namespaceSelector"]) {
                None => Namespaces::Own,
                Some(selector) => self.namespaces(selector, &path("namespaceSelector")),
            };
            let found = match peer.at(["ipBlock"]) {
                Some(_) => None,
                None => self.pods(peer.at(["podSelector"]), &namespaces, &path("podSelector")),
            };
            all = all.zip(found).map(|(all, found)| all.with(found));
        }
        all.map(SelectedPods::once)
    }

    /// The namespaces that a selector matches.
    fn namespaces(&mut self, selector: Node<'s>, path: &[&str]) -> Namespaces {
        let labels = LabelSelector::of_object(selector);
        let objects = self.scene.objects();
        let namespace = |name: &str| {
            let is_namespace = |it: &Resource<'_>| it.group().is_empty();
            let found = objects.referred(self.resource, ("Namespace", name), None, is_namespace);
            let mut found = found.into_iter().map(|(_, it)| it);
            // Kustomize does not rename the values of labels, so only the final name counts.
            found.find(|it| it.name == name)
        };
        if let Some((_, name)) = labels.labels().find(|(key, _)| *key == NAME_LABEL) {
            let is_own = self.resource.namespace.as_deref() == Some(name);
            return match is_own || namespace(name).is_some() {
                true => Namespaces::Named(name.to_owned()),
                false => Namespaces::Unknown,
            };
        }
        let mistaken = labels.labels().find_map(|(key, value)| {
            let namespace = namespace(value).filter(|it| it.label(key).is_none())?;
            Some((key.to_owned(), namespace))
        });
        if let Some((key, namespace)) = mistaken {
            let message = format!(
                "it selects no namespace: the Namespace {} has no label {key}",
                namespace.name
            );
            let label = Value::Mapping(vec![(
                NAME_LABEL.to_owned(),
                Value::String(namespace.name.to_string()),
            )]);
            let finding = Finding::new(&ID, message)
                .about(&Subject::object(), path)
                .current(selector.value().ok())
                .proposed(Value::Mapping(vec![("matchLabels".to_owned(), label)]))
                .help(format!("select by {NAME_LABEL}, which every namespace has"));
            self.findings.push(finding);
        }
        Namespaces::Unknown
    }

    /// The pods that a selector matches, if they are in the input.
    fn pods(
        &mut self,
        selector: Option<Node<'s>>,
        namespaces: &Namespaces,
        path: &[&str],
    ) -> Option<SelectedPods<'s, 's>> {
        let own = self.resource.namespace.as_deref();
        let name = match namespaces {
            Namespaces::Own => own,
            Namespaces::Named(name) => Some(name.as_str()),
            Namespaces::Unknown => return None,
        };
        let labels = selector.map(LabelSelector::of_object).unwrap_or_default();
        if labels.is_empty() && !self.names_ports {
            // The selector matches everything, and no port needs the pods.
            return None;
        }
        match self.scene.objects().find_pods(&labels, name) {
            PodSearch::Pods(pods) => Some(pods),
            PodSearch::Unknown => None,
            PodSearch::NoMatch(no_match) => {
                let message = format!("it selects no pod: {}", no_match.cause);
                let mut finding = Finding::new(&ID, message)
                    .about(&Subject::object(), path)
                    .current(selector.and_then(|selector| selector.value().ok()));
                finding.help = no_match.help.map(Into::into);
                self.findings.push(finding);
                None
            }
        }
    }

    /// The named ports of a rule, which one of its pods must declare.
    fn ports(&mut self, rule: Node<'s>, declared: &DeclaredPorts, path: [&str; 3]) {
        let [spec, direction, rule_place] = path;
        for (place, port) in rule.items_at(["ports"]).enumerate() {
            let Some(node) = port.at(["port"]) else {
                continue;
            };
            let Some(wanted @ PortRef::Name(_)) = PortRef::of(node) else {
                continue;
            };
            let protocol_wanted = protocol(port);
            if declared.has(&wanted, Some(&protocol_wanted)) {
                continue;
            }
            let message = format!(
                "it selects no port: no container of these pods declares a {protocol_wanted} port {wanted}"
            );
            let place = place.to_string();
            let mut finding = Finding::new(&ID, message)
                .about(
                    &Subject::object(),
                    &[spec, direction, rule_place, "ports", &place, "port"],
                )
                .current(node.value().ok())
                .help(declared.help(&wanted, self.scene.objects()));
            finding.proposed = wanted.quoted_number().map(Into::into);
            self.findings.push(finding);
        }
    }
}

/// Whether a rule of a policy has a named port.
fn names_ports(policy: &Resource<'_>) -> bool {
    let directions = DIRECTIONS.into_iter();
    let rules = directions.flat_map(|(direction, _)| policy.node.items_at(["spec", direction]));
    let mut ports = rules.flat_map(|rule| rule.items_at(["ports"]));
    ports.any(|port| {
        let port = port.at(["port"]).and_then(PortRef::of);
        matches!(port, Some(PortRef::Name(_)))
    })
}
