//! The pods that a selector matches, and whether a selector without matches is a mistake.
//!
//! The input is rarely everything that runs in a cluster. A selector without matches is a mistake only if the pods must be
//! in the input: its namespace has other pods, none of its labels is one that controllers add to pods, and no custom
//! resource in the input may create the pods.

use super::index::Objects;
use super::labels::ByLabel;
use super::monitors::{Monitor, Namespaces, Selects};
use super::related::Pods;
use crate::kubernetes::LabelSelector;
use crate::problem::did_you_mean;
use crate::read::Resource;
use crate::yaml::Node;

/// The result of a search for pods.
pub enum PodSearch<'o, 'a> {
    /// These pods match.
    Pods(Vec<&'o Pods<'a>>),
    /// No pod matches, and the pods must be in the input.
    NoMatch(NoMatch),
    /// No pod matches, but the pods may be elsewhere.
    Unknown,
}

/// The result of a search for what a monitor selects.
pub enum MonitorSearch<'a> {
    /// The ports of the first of the pods or Services, and whether these are all of them.
    Found(Vec<Node<'a>>, bool),
    /// None matches: they must be in the input, or others in it probably match.
    NoMatch(NoMatch),
    /// None matches, but they may be elsewhere.
    Unknown,
}

/// The most pods or Services of a monitor whose ports are read.
const MOST_READ: usize = 64;

/// Why no pods match.
pub struct NoMatch {
    /// The cause, as the end of a sentence.
    pub cause: String,
    /// What to fix.
    pub help: Option<String>,
}

/// Labels without a domain that controllers add to pods.
const GIVEN_LABELS: [&str; 4] = [
    "controller-revision-hash",
    "controller-uid",
    "job-name",
    "pod-template-hash",
];

/// Domains of labels that only manifests set.
const AUTHORS_DOMAINS: [&str; 2] = ["app.kubernetes.io", "helm.sh"];

/// The namespace of the cluster's own components.
pub const CLUSTERS_NAMESPACE: &str = "kube-system";

impl<'a> Objects<'a> {
    /// Searches a namespace for the pods that a selector of an object matches. Without a namespace, pods of all namespaces
    /// match.
    pub fn find_pods(
        &self,
        selector: &LabelSelector,
        namespace: Option<&str>,
    ) -> PodSearch<'_, 'a> {
        let labels = self.related.pods_by_label();
        let found = labels.candidates(selector, namespace).into_iter();
        let found = found.map(|at| &self.pods()[at]);
        let found: Vec<_> = found
            .filter(|it| selector.matches(|key| it.label(key)))
            .collect();
        if !found.is_empty() {
            return PodSearch::Pods(found);
        }
        if !self.has_pods(namespace) || self.is_elsewhere(selector, &labels.all, namespace) {
            return PodSearch::Unknown;
        }
        PodSearch::NoMatch(self.explain_no_match(selector))
    }

    /// Whether what a selector selects may be outside of the input although other objects of the namespace are in it.
    fn is_elsewhere(
        &self,
        selector: &LabelSelector,
        labels: &ByLabel<'_>,
        namespace: Option<&str>,
    ) -> bool {
        let is_others = |key: &str| match key.split_once('/') {
            _ if labels.values(key).next().is_some() => false,
            Some((domain, _)) => !AUTHORS_DOMAINS.contains(&domain),
            None => GIVEN_LABELS.contains(&key),
        };
        let is_made = |value: &str| self.may_be_made(value, namespace);
        selector.keys().any(is_others) || selector.labels().any(|(_, value)| is_made(value))
    }

    /// Searches for the pods or Services that a monitor selects.
    pub fn find_monitored(&self, monitor: &Monitor<'a>) -> MonitorSearch<'a> {
        let selector = &monitor.selector;
        let own = [monitor.resource.namespace.as_deref()];
        let named: Vec<Option<&str>>;
        let namespaces: &[Option<&str>] = match &monitor.namespaces {
            Namespaces::Own => &own,
            Namespaces::Any => &[None],
            Namespaces::Named(names) => {
                named = names.iter().map(|it| Some(it.as_str())).collect();
                &named
            }
        };
        let (services, services_by_label) = self.related.labelled_services();
        let (labels, noun) = match monitor.selects {
            Selects::Pods => (self.related.pods_by_label(), "pod"),
            Selects::Services => (services_by_label, "Service"),
        };
        let item = |at: usize| match monitor.selects {
            Selects::Pods => {
                let pods = &self.pods()[at];
                let meets = selector.matches(|key| pods.label(key));
                (pods.resource, meets, pods.ports().collect::<Vec<_>>())
            }
            Selects::Services => {
                let resource = services[at].resource;
                let meets = selector.matches(|key| resource.label(key));
                let ports = resource.node.items_at(["spec", "ports"]);
                (resource, meets, ports.collect())
            }
        };
        let mut found: Vec<Vec<Node<'a>>> = Vec::new();
        for namespace in namespaces {
            let here = labels.candidates(selector, *namespace).into_iter();
            let matching = here.map(item).filter(|it| it.1);
            found.extend(matching.map(|it| it.2).take(MOST_READ + 1 - found.len()));
            if found.len() > MOST_READ {
                break;
            }
        }
        if !found.is_empty() {
            let are_all = found.len() <= MOST_READ;
            return MonitorSearch::Found(found.concat(), are_all);
        }
        let elsewhere = labels.all.candidates(selector).into_owned().into_iter();
        let elsewhere: Option<&Resource<'_>> = elsewhere.map(item).find(|it| it.1).map(|it| it.0);
        if let Some(other) = elsewhere {
            let namespace = other.namespace.as_deref().unwrap_or_default();
            return MonitorSearch::NoMatch(NoMatch {
                cause: format!("no {noun} in the namespaces that it watches has {selector}"),
                help: Some(format!(
                    "{} has it: set `namespaceSelector: {{matchNames: [{namespace}]}}`, or correct the namespace",
                    other.display_name()
                )),
            });
        }
        let mut missing = selector.labels();
        let missing = missing.find(|(key, value)| !labels.all.has(key, value));
        let near = missing.and_then(|(key, value)| {
            let others = || labels.all.values(key);
            let similar = self
                .may_compare(others().len())
                .then(|| similar_value(value, others()));
            Some((key, value, similar??))
        });
        if let Some((key, value, similar)) = near {
            return MonitorSearch::NoMatch(NoMatch {
                cause: format!("no {noun} in the input has {key}={value}"),
                help: Some(format!("did you mean {key}={similar}?")),
            });
        }
        let is_known = namespaces.iter().all(|namespace| {
            let has_some = match monitor.selects {
                Selects::Pods => self.has_pods(*namespace),
                Selects::Services => labels.has_namespace(*namespace),
            };
            has_some && !self.is_elsewhere(selector, &labels.all, *namespace)
        });
        match is_known && !selector.is_empty() {
            false => MonitorSearch::Unknown,
            true => MonitorSearch::NoMatch(NoMatch {
                cause: match missing {
                    Some((key, value)) => format!("no {noun} in the input has {key}={value}"),
                    None => format!("no {noun} in the input has {selector}"),
                },
                help: None,
            }),
        }
    }

    /// Whether the pods of a namespace are in the input. Those of `kube-system` are not: some are files on nodes.
    pub fn has_pods(&self, namespace: Option<&str>) -> bool {
        namespace != Some(CLUSTERS_NAMESPACE) && self.has_pods_in(namespace)
    }

    /// Why a selector matches no pods.
    fn explain_no_match(&self, selector: &LabelSelector) -> NoMatch {
        let elsewhere = self.pods_selected(selector).next();
        if let Some(pods) = elsewhere {
            return NoMatch {
                cause: format!("no pod in its namespace has {selector}"),
                help: Some(format!(
                    "the pods of {} match it",
                    pods.resource.display_name()
                )),
            };
        }
        let labels = &self.related.pods_by_label().all;
        let missing = selector
            .labels()
            .find(|(key, value)| !labels.has(key, value));
        let Some((key, value)) = missing else {
            return NoMatch {
                cause: format!("no pod in the input has {selector}"),
                help: None,
            };
        };
        let others = || labels.values(key);
        let similar = match self.may_compare(others().len()) {
            true => similar_value(value, others()),
            false => None,
        };
        let help = match (similar, others().next(), others().len()) {
            (Some(similar), ..) => Some(format!("did you mean {key}={similar}?")),
            (None, None, _) => Some(format!("no pod has a label {key}")),
            (None, Some(only), 1) => Some(format!("the pods in the input have {key}={only}")),
            (None, Some(_), _) => None,
        };
        NoMatch {
            cause: format!("no pod in the input has {key}={value}"),
            help,
        }
    }
}

/// Similar values that are compared.
const MAX_SIMILAR: usize = 16;

/// The value that is most similar to another one, if similar enough for a suggestion.
fn similar_value<'v>(value: &str, others: impl Iterator<Item = &'v str>) -> Option<&'v str> {
    let ends = |text: &str| (text.bytes().next(), text.bytes().last());
    let is_alike = |other: &&str| {
        let (wanted, other) = (ends(value), ends(other));
        wanted.0 == other.0 || wanted.1 == other.1
    };
    let alike = others.filter(|other| other.len().abs_diff(value.len()) <= 2);
    let mut alike: Vec<&str> = alike.filter(is_alike).collect();
    alike.sort_unstable();
    alike.truncate(MAX_SIMILAR);
    did_you_mean(value, alike)
}
