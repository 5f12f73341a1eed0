//! The pods that a selector matches, and whether a selector without matches is a mistake.
//!
//! The input is rarely everything that runs in a cluster. A selector without matches is a mistake only if the pods must be
//! in the input: its namespace has other pods, none of its labels is one that controllers add to pods, and no custom
//! resource in the input may create the pods.

use std::sync::Arc;

use super::index::Objects;
use super::labels::{ByLabel, Matches};
use super::monitors::{Monitor, Namespaces, Selects};
use super::ports::{Declared, PortRef, Ports};
use super::related::Pods;
use crate::kubernetes::LabelSelector;
use crate::problem::did_you_mean;
use crate::sorting;

/// The result of a search for pods.
pub enum PodSearch<'o, 'a> {
    /// These pods match.
    Pods(SelectedPods<'o, 'a>),
    /// No pod matches, and the pods must be in the input.
    NoMatch(NoMatch),
    /// No pod matches, but the pods may be elsewhere; or there are too many to compare, which FIT-TGT004 reports.
    Unknown,
}

/// The pods that one or more selectors match.
#[derive(Clone)]
pub struct SelectedPods<'o, 'a> {
    objects: &'o Objects<'a>,
    parts: Vec<Arc<Matches>>,
}

impl<'o, 'a> SelectedPods<'o, 'a> {
    /// The pods in parts. The same selectors have the same parts, so that what is known about one need not be computed again
    /// for another; the number identifies the part.
    pub fn parts(&self) -> impl Iterator<Item = (usize, impl Iterator<Item = &'o Pods<'a>>)> {
        let pods = self.objects.pods();
        let part = move |part: &Arc<Matches>| {
            let part = Arc::clone(part);
            let number = Arc::as_ptr(&part).addr();
            let items = 0..part.items.len();
            (number, items.map(move |at| &pods[part.items[at]]))
        };
        self.parts.iter().map(part)
    }

    /// No pods.
    pub fn none(objects: &'o Objects<'a>) -> SelectedPods<'o, 'a> {
        let parts = Vec::new();
        SelectedPods { objects, parts }
    }

    /// With the pods of another selector.
    pub fn with(mut self, others: SelectedPods<'o, 'a>) -> SelectedPods<'o, 'a> {
        self.parts.extend(others.parts);
        self
    }

    /// Each part once.
    pub fn once(mut self) -> SelectedPods<'o, 'a> {
        sorting::sort_by_key(&mut self.parts, Arc::as_ptr);
        self.parts.dedup_by(|a, b| Arc::ptr_eq(a, b));
        self
    }

    /// What the pods declare; `None` if there is too much to compare.
    fn declared(&self) -> Option<Vec<Arc<Declared>>> {
        let related = &self.objects.related;
        self.parts.iter().map(|it| related.declared(it)).collect()
    }

    /// The ports that the pods declare; `None` if there are too many to compare.
    pub fn ports(&self) -> Option<DeclaredPorts> {
        self.objects.together(self.declared()?)
    }
}

/// Up to this many parts are asked one by one.
const FEW_PARTS: usize = 8;

/// The ports of selected pods or Services.
pub struct DeclaredPorts(Vec<Arc<Declared>>);

impl DeclaredPorts {
    /// Whether a reference matches any of them; `None` for any protocol.
    pub fn has(&self, wanted: &PortRef<'_>, protocol: Option<&str>) -> bool {
        let mut all = self.0.iter();
        all.any(|it| it.ports.has(wanted, protocol))
    }

    /// Whether every container declares a port.
    pub fn by_all(&self) -> bool {
        self.0.iter().all(|it| it.by_all)
    }

    /// A suggestion for a reference that none of them matches.
    pub fn help(&self, wanted: &PortRef<'_>, objects: &Objects<'_>) -> String {
        let all: Vec<&Ports> = self.0.iter().map(|it| &it.ports).collect();
        Ports::help_of(&all, wanted, objects)
    }
}

/// The result of a search for what a monitor selects.
pub enum MonitorSearch {
    /// The ports of the pods or Services.
    Found(DeclaredPorts),
    /// None matches: they must be in the input, or others in it probably match.
    NoMatch(NoMatch),
    /// None matches, but they may be elsewhere.
    Unknown,
}

/// Why no pods match.
pub struct NoMatch {
    /// The cause, as the end of a sentence.
    pub cause: String,
    /// What to fix.
    pub help: Option<String>,
}

/// Labels without a domain that controllers add to pods.
const GIVEN_LABELS: [&str; 4] = [
    "controller-revision-hash", "controller-uid", "job-name", "pod-template-hash",
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
        let Some(parts) = self.related.find_pods(selector, namespace) else {
            return PodSearch::Unknown;
        };
        if !parts.is_empty() {
            let objects = self;
            return PodSearch::Pods(SelectedPods { objects, parts });
        }
        let labels = self.related.labels_of_pods();
        if !self.has_pods(namespace) || self.is_elsewhere(selector, labels, namespace) {
            return PodSearch::Unknown;
        }
        PodSearch::NoMatch(self.explain_no_match(selector))
    }

    /// Whether what a selector selects may be outside of the input although other objects of the namespace are in it.
    fn is_elsewhere(
        &self,
        selector: &LabelSelector,
        labels: &ByLabel,
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

    /// Searches for the pods or Services that a monitor selects; `None` if there are too many to compare.
    pub fn find_monitored(&self, monitor: &Monitor<'a>) -> Option<MonitorSearch> {
        let (selector, selects) = (&monitor.selector, monitor.selects);
        let related = &self.related;
        let noun = match selects {
            Selects::Pods => "pod",
            Selects::Services => "Service",
        };
        let found = related.find_monitored(monitor)?;
        if !found.is_empty() {
            let each = found.iter().map(|it| related.monitored_ports(selects, it));
            let ports = self.together(each.collect::<Option<_>>()?)?;
            return Some(MonitorSearch::Found(ports));
        }
        if let Some(other) = related.first_monitored(monitor) {
            let namespace = other.namespace.as_deref().unwrap_or_default();
            return Some(MonitorSearch::NoMatch(NoMatch {
                cause: format!("no {noun} in the namespaces that it watches has {selector}"),
                help: Some(match monitor.has_namespaces() {
                    true => format!(
                        "{} has it: set `namespaceSelector: {{matchNames: [{namespace}]}}`, or correct the namespace",
                        other.display_name()
                    ),
                    false => format!("{} has it: correct the namespace", other.display_name()),
                }),
            }));
        }
        let labels = related.labelled(selects).all();
        let mut missing = selector.labels();
        let missing = missing.find(|(key, value)| !labels.has(key, value));
        let near = missing.and_then(|(key, value)| {
            let others = || labels.values(key);
            let similar = self
                .may_compare(others().len())
                .then(|| similar_value(value, others()));
            Some((key, value, similar??))
        });
        if let Some((key, value, similar)) = near {
            return Some(MonitorSearch::NoMatch(NoMatch {
                cause: format!("no {noun} in the input has {key}={value}"),
                help: Some(format!("did you mean {key}={similar}?")),
            }));
        }
        let namespaces: Vec<Option<&str>> = match &monitor.namespaces {
            Namespaces::Own => vec![monitor.resource.namespace.as_deref()],
            Namespaces::Any => vec![None],
            Namespaces::Named(names) => names.iter().map(|it| Some(it.as_str())).collect(),
        };
        if !self.may_compare(namespaces.len() * selector.labels().count()) {
            return None;
        }
        let is_known = namespaces.into_iter().all(|namespace| {
            let has_some = match (selects, namespace) {
                (Selects::Pods, _) => self.has_pods(namespace),
                (Selects::Services, None) => !labels.is_empty(),
                (Selects::Services, _) => related.labelled(selects).has_namespace(namespace),
            };
            has_some && !self.is_elsewhere(selector, labels, namespace)
        });
        Some(match is_known && !selector.is_empty() {
            false => MonitorSearch::Unknown,
            true => MonitorSearch::NoMatch(NoMatch {
                cause: match missing {
                    Some((key, value)) => format!("no {noun} in the input has {key}={value}"),
                    None => format!("no {noun} in the input has {selector}"),
                },
                help: None,
            }),
        })
    }

    /// The ports of all parts; `None` if there are too many to compare.
    fn together(&self, parts: Vec<Arc<Declared>>) -> Option<DeclaredPorts> {
        if parts.len() <= FEW_PARTS {
            return Some(DeclaredPorts(parts));
        }
        let together = self.related.together(&parts)?;
        Some(DeclaredPorts(vec![together]))
    }

    /// Whether the pods of a namespace are in the input. Those of `kube-system` are not: some are files on nodes.
    pub fn has_pods(&self, namespace: Option<&str>) -> bool {
        namespace != Some(CLUSTERS_NAMESPACE) && self.related.has_pods_in(namespace)
    }

    /// Why a selector matches no pods.
    fn explain_no_match(&self, selector: &LabelSelector) -> NoMatch {
        let elsewhere = self.related.first_pods(selector);
        if let Some(pods) = elsewhere {
            return NoMatch {
                cause: format!("no pod in its namespace has {selector}"),
                help: Some(format!(
                    "the pods of {} match it",
                    pods.resource.display_name()
                )),
            };
        }
        let labels = self.related.labels_of_pods();
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
