//! FIT-NET002: network policies that speak of nobody.
//!
//! A policy whose `podSelector` no pod meets protects nothing, and a peer that nobody meets lets nobody in: traffic is
//! cut off, or not, and no error tells. The same goes for a port by a name that no container of the pods declares.
//! An empty selector meets everything.
//!
//! Peers in namespaces that are not rendered cannot be judged, and neither can pods that need not be rendered, as the
//! check of Services tells. A namespace is known by `kubernetes.io/metadata.name`, which the API server sets. A
//! `namespaceSelector` by another label is found where it gives the name of a rendered Namespace as the value of a label
//! that this Namespace has not: policies are often written with `name: ...`, which no API server sets.

use kustomize_krm_types::Severity;

use super::{Check, Find, Scene};
use crate::finding::{Finding, Subject};
use crate::kubernetes::LabelSelector;
use crate::objects::{PodSearch, Pods, PortRef, protocol};
use crate::read::Resource;
use crate::rules::{Rule, When};
use crate::yaml::{Node, Value};

const ID: Rule = Rule {
    id: "FIT-NET002",
    severity: Severity::Error,
    when: When::OnCheck,
    meaning: "a network policy that speaks of pods, namespaces or ports that do not exist",
    peers: "kube-linter dangling-networkpolicy, dangling-networkpolicypeer-podselector; kube-score \
                networkpolicy-targets-pod; kubescape C-0299",
};

/// The label that the API server gives to every namespace: its name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Where a policy has its rules, and a rule its peers.
const DIRECTIONS: [(&str, &str); 2] = [("ingress", "from"), ("egress", "to")];

pub(super) const CHECK: Check = Check {
    name: "networkPolicies",
    rules: &[ID],
    find: Find::Objects(|scene| {
        let mut findings = Vec::new();
        for selected in &scene.selection.selected {
            let resource = selected.target.resource;
            if resource.kind == "NetworkPolicy" && resource.group() == "networking.k8s.io" {
                let mut policy = Policy {
                    scene: *scene,
                    resource,
                    index: selected.index,
                    names_ports: names_ports(resource),
                    findings: &mut findings,
                };
                policy.judge();
            }
        }
        findings
    }),
};

/// Which namespaces a peer means.
enum Namespaces {
    /// The policy's own.
    Own,
    /// The one of this name, which is rendered.
    Named(String),
    /// Some that need not be rendered.
    Unknown,
}

struct Policy<'s, 'f> {
    scene: Scene<'s>,
    resource: &'s Resource<'s>,
    index: usize,
    names_ports: bool,
    findings: &'f mut Vec<Finding>,
}

impl<'s> Policy<'s, '_> {
    fn judge(&mut self) {
        let Some(spec) = self.resource.node.at(["spec"]) else {
            return;
        };
        let own = self.pods(
            spec.at(["podSelector"]),
            &Namespaces::Own,
            &["spec", "podSelector"],
        );
        for (direction, peers) in DIRECTIONS {
            for (place, rule) in spec.items_at([direction]).enumerate() {
                let path = ["spec", direction, &place.to_string()];
                let peers = self.peers(rule, peers, path);
                let pods = match direction {
                    "ingress" => own.as_deref(),
                    _ => peers.as_deref(),
                };
                if let Some(pods) = pods {
                    self.ports(rule, pods, path);
                }
            }
        }
    }

    /// The pods that the peers of a rule are, if all of them are here.
    fn peers(&mut self, rule: Node<'s>, key: &str, path: [&str; 3]) -> Option<Vec<&'s Pods<'s>>> {
        let [spec, direction, rule_place] = path;
        let mut pods = Some(Vec::new());
        // Without peers all are meant, within the cluster and without.
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
            pods = pods.zip(found).map(|(mut pods, found)| {
                pods.extend(found);
                pods
            });
        }
        pods
    }

    /// The namespaces that a selector means.
    fn namespaces(&mut self, selector: Node<'s>, path: &[&str]) -> Namespaces {
        let labels = LabelSelector::of_object(selector);
        let objects = self.scene.objects();
        let namespace = |name: &str| {
            let is_namespace = |it: &Resource<'_>| it.kind == "Namespace" && it.group().is_empty();
            let found = objects.referred(self.resource, name, None, is_namespace);
            let mut found = found.into_iter().map(|(_, it)| it);
            // Labels are not renamed, so that only the name by which it will be known counts.
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
                "no namespace is meant: the Namespace {} has no label {key}",
                namespace.name
            );
            let meant = Value::Mapping(vec![(
                NAME_LABEL.to_owned(),
                Value::String(namespace.name.to_string()),
            )]);
            let finding = Finding::new(&ID, message)
                .about(&Subject::object(), path)
                .current(selector.value().ok())
                .proposed(Value::Mapping(vec![("matchLabels".to_owned(), meant)]))
                .help(format!("select by {NAME_LABEL}, which every namespace has"));
            self.findings.push(finding.of(self.index));
        }
        Namespaces::Unknown
    }

    /// The pods that a selector means, if they can be known.
    fn pods(
        &mut self,
        selector: Option<Node<'s>>,
        namespaces: &Namespaces,
        path: &[&str],
    ) -> Option<Vec<&'s Pods<'s>>> {
        let own = self.resource.namespace.as_deref();
        let name = match namespaces {
            Namespaces::Own => own,
            Namespaces::Named(name) => Some(name.as_str()),
            Namespaces::Unknown => return None,
        };
        let labels = selector.map(LabelSelector::of_object).unwrap_or_default();
        if labels.is_empty() && !self.names_ports {
            // Everything is meant, and nobody asks what that is.
            return None;
        }
        match self.scene.objects().find_pods(&labels, self.resource, name) {
            PodSearch::Pods(pods) => Some(pods),
            PodSearch::Unknown => None,
            PodSearch::NoMatch(no_match) => {
                let message = format!("no pod is meant: {}", no_match.cause);
                let mut finding = Finding::new(&ID, message)
                    .of(self.index)
                    .about(&Subject::object(), path)
                    .current(selector.and_then(|selector| selector.value().ok()));
                finding.help = no_match.help;
                self.findings.push(finding);
                None
            }
        }
    }

    /// The ports of a rule, each of which some pod that it opens has to declare if it is named.
    fn ports(&mut self, rule: Node<'s>, pods: &[&Pods<'s>], path: [&str; 3]) {
        let [spec, direction, rule_place] = path;
        for (place, port) in rule.items_at(["ports"]).enumerate() {
            let Some(node) = port.at(["port"]) else {
                continue;
            };
            let Some(wanted @ PortRef::Name(_)) = PortRef::of(node) else {
                continue;
            };
            let protocol_wanted = protocol(port);
            let mut declared = pods.iter().flat_map(|it| it.ports());
            if declared
                .any(|port| wanted.is(port, "containerPort") && protocol(port) == protocol_wanted)
            {
                continue;
            }
            let message = format!(
                "no port is meant: no container of these pods declares a {protocol_wanted} port {wanted}"
            );
            let place = place.to_string();
            let mut finding = Finding::new(&ID, message)
                .of(self.index)
                .about(
                    &Subject::object(),
                    &[spec, direction, rule_place, "ports", &place, "port"],
                )
                .current(node.value().ok())
                .help(wanted.help(pods.iter().flat_map(|it| it.ports())));
            finding.proposed = wanted.quoted_number();
            self.findings.push(finding);
        }
    }
}

/// Whether some rule of a policy has a port by its name.
fn names_ports(policy: &Resource<'_>) -> bool {
    let directions = DIRECTIONS.into_iter();
    let rules = directions.flat_map(|(direction, _)| policy.node.items_at(["spec", direction]));
    let mut ports = rules.flat_map(|rule| rule.items_at(["ports"]));
    ports.any(|port| {
        let port = port.at(["port"]).and_then(PortRef::of);
        matches!(port, Some(PortRef::Name(_)))
    })
}
