//! Which pods others mean, and whether that can be told.
//!
//! What is rendered is seldom everything that runs. A selector that no pod meets is a mistake only where the pods would
//! have to be here: its namespace has some, it asks for no label that a controller gives to pods when it makes them,
//! and no custom resource here is one of which an operator makes them.

use super::index::Objects;
use super::related::{Pods, is_one_namespace};
use crate::kubernetes::LabelSelector;
use crate::problem::did_you_mean;
use crate::read::Resource;

/// What became of the search for pods.
pub enum Found<'o, 'a> {
    /// These are meant.
    Pods(Vec<&'o Pods<'a>>),
    /// None is, though it would have to be here.
    Nothing(Nothing),
    /// It would not have to be here.
    Unknown,
}

/// Why no pods are meant.
pub struct Nothing {
    /// As the end of a sentence.
    pub cause: String,
    /// What may have been meant.
    pub help: Option<String>,
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
pub const CLUSTERS_NAMESPACE: &str = "kube-system";

/// With more values than this of a label none is looked for that may have been meant, and no more than so many that are
/// like the wanted one are compared: it would take long where many selectors are wrong.
const VALUES: usize = 1000;
const ALIKE: usize = 16;

impl<'a> Objects<'a> {
    /// The pods that a selector of an object means in a namespace. One that is not written may be any, but then nothing is
    /// missed in it.
    pub fn find_pods(
        &self,
        selector: &LabelSelector,
        from: &Resource<'_>,
        namespace: Option<&str>,
    ) -> Found<'_, 'a> {
        let namespace_of = |pods: &Pods<'a>| pods.resource.namespace.as_deref();
        let found = self.pods_selected(selector);
        let found = found.filter(|pods| is_one_namespace(namespace, namespace_of(pods)));
        let found: Vec<_> = found.collect();
        if !found.is_empty() {
            return Found::Pods(found);
        }
        let is_elsewhere = |key: &str| match key.split_once('/') {
            _ if self.names().pod_label_values(key).next().is_some() => false,
            Some((domain, _)) => !AUTHORS_DOMAINS.contains(&domain),
            None => GIVEN_LABELS.contains(&key),
        };
        let is_made = |value: &str| self.may_be_made(from, value, namespace);
        if !self.has_pods(namespace)
            || selector.keys().any(is_elsewhere)
            || selector.labels().any(|(_, value)| is_made(value))
        {
            return Found::Unknown;
        }
        Found::Nothing(self.nothing(selector))
    }

    /// Whether the pods of a namespace are rendered. Those of the cluster itself are not: some are files on its nodes.
    pub fn has_pods(&self, namespace: Option<&str>) -> bool {
        let mut pods = self.pods().iter();
        namespace != Some(CLUSTERS_NAMESPACE)
            && pods.any(|pods| pods.resource.namespace.as_deref() == namespace)
    }

    /// What is in the way of a selector that no pod meets.
    fn nothing(&self, selector: &LabelSelector) -> Nothing {
        let elsewhere = self.pods_selected(selector).next();
        if let Some(pods) = elsewhere {
            return Nothing {
                cause: format!("no pod of its namespace has {selector}"),
                help: Some(format!(
                    "the pods of {} have it",
                    pods.resource.display_name()
                )),
            };
        }
        let values = |key| self.names().pod_label_values(key);
        let missing = selector
            .labels()
            .find(|(key, value)| !self.names().is_pod_label(key, value));
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
