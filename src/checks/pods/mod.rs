//! Which pods and ports others mean, as several checks ask, and whether that can be told.
//!
//! What is rendered is seldom everything that runs. A selector that no pod meets is a mistake only where the pods would
//! have to be here: its namespace has some, it asks for no label that a controller gives to pods when it makes them,
//! and no custom resource here is one of which an operator makes them.

use std::borrow::Cow;

use super::Scene;
use crate::kubernetes::LabelSelector;
use crate::objects::{Pods, is_one_namespace};
use crate::problem::did_you_mean;
use crate::read::Resource;
use crate::yaml::{Node, Scalar, Value};

/// What became of the search for pods.
pub(super) enum Found<'s> {
    /// These are meant.
    Pods(Vec<&'s Pods<'s>>),
    /// None is, though it would have to be here.
    Nothing(Nothing),
    /// It would not have to be here.
    Unknown,
}

/// Why no pods are meant.
pub(super) struct Nothing {
    /// As the end of a sentence.
    pub(super) cause: String,
    /// What may have been meant.
    pub(super) help: Option<String>,
}

/// Labels without a domain that controllers give to pods when they make them.
const GIVEN_LABELS: [&str; 4] = [
    "controller-revision-hash",
    "controller-uid",
    "job-name",
    "pod-template-hash",
];

/// Domains of labels that nobody but authors of manifests gives to pods.
const AUTHORS_DOMAINS: [&str; 2] = ["app.kubernetes.io", "helm.sh"];

/// The namespace of what clusters bring along.
pub(super) const CLUSTERS_NAMESPACE: &str = "kube-system";

/// With more values than this of a label none is looked for that may have been meant, and no more than so many that are
/// like the wanted one are compared: it would take long where many selectors are wrong.
const VALUES: usize = 1000;
const ALIKE: usize = 16;

impl<'s> Scene<'s> {
    /// The pods that a selector of an object means in a namespace. One that is not written may be any, but then nothing is
    /// missed in it.
    pub(super) fn pods(
        &self,
        selector: &LabelSelector,
        from: &Resource<'_>,
        namespace: Option<&str>,
    ) -> Found<'s> {
        let namespace_of = |pods: &Pods<'s>| pods.resource.namespace.as_deref();
        let found = self.objects().pods_selected(selector);
        let found = found.filter(|pods| is_one_namespace(namespace, namespace_of(pods)));
        let found: Vec<_> = found.collect();
        if !found.is_empty() {
            return Found::Pods(found);
        }
        let is_elsewhere = |key: &str| match key.split_once('/') {
            _ if self.objects().pod_label_values(key).next().is_some() => false,
            Some((domain, _)) => !AUTHORS_DOMAINS.contains(&domain),
            None => GIVEN_LABELS.contains(&key),
        };
        let is_made = |value: &str| self.objects().may_be_made(from, value, namespace);
        if !self.has_pods(namespace)
            || selector.keys().any(is_elsewhere)
            || selector.labels().any(|(_, value)| is_made(value))
        {
            return Found::Unknown;
        }
        Found::Nothing(self.nothing(selector))
    }

    /// Whether the pods of a namespace are rendered. Those of the cluster itself are not: some are files on its nodes.
    pub(super) fn has_pods(&self, namespace: Option<&str>) -> bool {
        let mut pods = self.objects().pods().iter();
        namespace != Some(CLUSTERS_NAMESPACE)
            && pods.any(|pods| pods.resource.namespace.as_deref() == namespace)
    }

    /// What is in the way of a selector that no pod meets.
    fn nothing(&self, selector: &LabelSelector) -> Nothing {
        let elsewhere = self.objects().pods_selected(selector).next();
        if let Some(pods) = elsewhere {
            return Nothing {
                cause: format!("no pod of its namespace has {selector}"),
                help: Some(format!(
                    "the pods of {} have it",
                    pods.resource.display_name()
                )),
            };
        }
        let values = |key| self.objects().pod_label_values(key);
        let missing = selector
            .labels()
            .find(|(key, value)| !self.objects().is_pod_label(key, value));
        let Some((key, value)) = missing else {
            return Nothing {
                cause: format!("no rendered pod has {selector}"),
                help: None,
            };
        };
        let others: Vec<&str> = values(key).take(VALUES + 1).collect();
        let help = match (meant(value, &others), &others[..]) {
            (Some(meant), _) => Some(format!("did you mean {key}={meant}?")),
            (None, []) => Some(format!("no pod has a label {key} at all")),
            (None, [only]) => Some(format!("rendered pods have {key}={only}")),
            (None, _) => None,
        };
        Nothing {
            cause: format!("no rendered pod has {key}={value}"),
            help,
        }
    }
}

/// The value that may have been meant by another one.
fn meant<'v>(value: &str, others: &[&'v str]) -> Option<&'v str> {
    let ends = |text: &str| (text.bytes().next(), text.bytes().last());
    let is_alike = |other: &&&str| {
        let (wanted, other) = (ends(value), ends(other));
        wanted.0 == other.0 || wanted.1 == other.1
    };
    let alike = others.iter().filter(|_| others.len() <= VALUES);
    let alike = alike.filter(|other| other.len().abs_diff(value.len()) <= 2);
    let mut alike: Vec<&str> = alike.filter(is_alike).copied().collect();
    alike.sort_unstable();
    alike.truncate(ALIKE);
    did_you_mean(value, alike)
}

/// A port as others refer to it: Kubernetes' `IntOrString`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PortRef<'n> {
    /// By its number.
    Number(i64),
    /// By its name.
    Name(Cow<'n, str>),
}

impl<'n> PortRef<'n> {
    /// The reference at a node; `None` where there is none that could be one.
    pub(super) fn of(node: Node<'n>) -> Option<PortRef<'n>> {
        match node.scalar()? {
            Scalar::Int(number) => i64::try_from(number).ok().map(PortRef::Number),
            Scalar::Text(name) if !name.is_empty() => Some(PortRef::Name(name)),
            _ => None,
        }
    }

    /// Whether a declared port is meant, whatever its protocol. `number` is the key that holds its number.
    pub(super) fn is(&self, port: Node<'_>, number: &str) -> bool {
        match self {
            PortRef::Number(wanted) => port.int_at([number]) == Some(*wanted),
            PortRef::Name(name) => port.text_at(["name"]).as_deref() == Some(name),
        }
    }

    /// The number that was meant where somebody has put it in quotes: names need a letter (`IsValidPortName`).
    pub(super) fn quoted_number(&self) -> Option<Value> {
        match self {
            PortRef::Number(_) => None,
            PortRef::Name(name) => name.parse::<i64>().ok().map(Value::from),
        }
    }

    /// What may have been meant, where nothing of this name is declared among some ports.
    pub(super) fn help<'p>(&self, ports: impl Iterator<Item = Node<'p>>) -> String {
        let PortRef::Name(name) = self else {
            return "declare the port, or correct the number".to_owned();
        };
        if self.quoted_number().is_some() {
            return "in quotes it is a name to Kubernetes, and names need a letter: leave the quotes out".to_owned();
        }
        let mut names: Vec<String> = ports
            .filter_map(|port| Some(port.text_at(["name"])?.into_owned()))
            .collect();
        names.sort();
        names.dedup();
        if names.iter().any(|declared| declared == name) {
            return "it is declared with another protocol".to_owned();
        }
        match did_you_mean(name, names.iter().map(String::as_str)) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if names.is_empty() => {
                "no port there has a name: name it, or use its number".to_owned()
            }
            None => format!("declared are: {}", names.join(", ")),
        }
    }
}

impl std::fmt::Display for PortRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PortRef::Number(number) => number.fmt(f),
            PortRef::Name(name) => write!(f, "named {name:?}"),
        }
    }
}

/// The protocol of a port; TCP unless it says otherwise.
pub(super) fn protocol(port: Node<'_>) -> Cow<'_, str> {
    port.text_at(["protocol"]).unwrap_or(Cow::Borrowed("TCP"))
}
