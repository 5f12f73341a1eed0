//! What the objects in hand say of one another: Services and monitors that select pods, autoscalers, claims that pods
//! name, and the classes that claims name.
//!
//! Names are compared as they are and as they were before kustomize's prefixes, because references are renamed at
//! another time than objects. A namespace that is not written may be any.

use std::collections::HashMap;

use super::{Claim, ClaimKind, Target};
use crate::read::Resource;
use crate::yaml::Node;

/// The objects around each object.
#[derive(Debug, Default)]
pub struct Around<'a> {
    pods: Vec<Pods<'a>>,
    /// Where in `pods` the templates of an object begin, by its index.
    first_pods: HashMap<usize, usize>,
    services: Vec<Service<'a>>,
    /// Where a Service is in `services`, by its index among the objects.
    service_at: HashMap<usize, usize>,
    monitors: Vec<Monitor<'a>>,
    /// Autoscalers by the name of their target.
    autoscalers: HashMap<String, Vec<Autoscaler<'a>>>,
    claims: HashMap<String, Vec<(Option<String>, Node<'a>)>>,
    /// What the claims of a StatefulSet are called before the number of the replica.
    made_claims: HashMap<String, Vec<Option<String>>>,
    storage_classes: HashMap<String, Node<'a>>,
    runtime_classes: HashMap<String, Node<'a>>,
    limit_ranges: Vec<&'a Resource<'a>>,
    quotas: Vec<(usize, &'a Resource<'a>)>,
}

/// Pods that an object makes.
#[derive(Debug)]
pub struct Pods<'a> {
    resource: &'a Resource<'a>,
    /// The metadata of the pods, if the object says anything of it.
    pub metadata: Option<Node<'a>>,
    /// Their spec.
    pub spec: Node<'a>,
    services: Vec<usize>,
    monitors: Vec<usize>,
}

/// A Service that selects pods.
#[derive(Debug)]
pub struct Service<'a> {
    /// The Service.
    pub resource: &'a Resource<'a>,
    selector: Vec<(String, String)>,
    pods: Vec<usize>,
    monitors: Vec<usize>,
}

/// A PodMonitor or ServiceMonitor of prometheus-operator.
#[derive(Debug)]
pub struct Monitor<'a> {
    /// The monitor.
    pub resource: &'a Resource<'a>,
}

/// A HorizontalPodAutoscaler or VerticalPodAutoscaler.
#[derive(Debug)]
pub struct Autoscaler<'a> {
    /// The autoscaler.
    pub resource: &'a Resource<'a>,
    /// Whether it changes the amounts of pods, not their number.
    pub is_vertical: bool,
}

/// Things by their labels, so that a selector need not look at each of them.
#[derive(Default)]
struct ByLabel {
    places: HashMap<(String, String), Vec<usize>>,
    len: usize,
}

impl ByLabel {
    fn add(&mut self, labels: Option<Node<'_>>) {
        for pair in pairs(labels) {
            self.places.entry(pair).or_default().push(self.len);
        }
        self.len += 1;
    }

    /// Those that may have all of these labels: the fewest that share one of them.
    fn with(&self, labels: &[(String, String)]) -> Vec<usize> {
        let none = Vec::new();
        let found = labels
            .iter()
            .map(|pair| self.places.get(pair).unwrap_or(&none));
        match found.min_by_key(|found| found.len()) {
            Some(fewest) => fewest.clone(),
            None => (0..self.len).collect(),
        }
    }
}

impl<'a> Around<'a> {
    /// Takes note of an object and the pods and claims that it makes.
    pub(super) fn add(&mut self, index: usize, target: &Target<'a>) {
        let resource = target.resource;
        self.first_pods.insert(index, self.pods.len());
        for template in &target.templates {
            self.pods.push(Pods {
                resource,
                metadata: template
                    .has_metadata
                    .then(|| template.node.get("metadata"))
                    .flatten(),
                spec: template.spec,
                services: Vec::new(),
                monitors: Vec::new(),
            });
        }
        for claim in &target.claims {
            self.add_claim(resource, claim);
        }
        let is_monitor = matches!(resource.kind.as_ref(), "PodMonitor" | "ServiceMonitor");
        if resource.group().is_empty() && resource.kind == "Service" {
            let selector = resource
                .node
                .get("spec")
                .and_then(|spec| spec.get("selector"));
            self.service_at.insert(index, self.services.len());
            self.services.push(Service {
                resource,
                selector: pairs(selector),
                pods: Vec::new(),
                monitors: Vec::new(),
            });
        } else if resource.group() == "monitoring.coreos.com" && is_monitor {
            self.monitors.push(Monitor { resource });
        } else if resource.group() == "storage.k8s.io" && resource.kind == "StorageClass" {
            let names = names(resource).into_iter();
            self.storage_classes
                .extend(names.map(|name| (name, resource.node)));
        } else if resource.group() == "node.k8s.io" && resource.kind == "RuntimeClass" {
            let names = names(resource).into_iter();
            self.runtime_classes
                .extend(names.map(|name| (name, resource.node)));
        }
        match (resource.group(), resource.kind.as_ref()) {
            ("", "LimitRange") => self.limit_ranges.push(resource),
            ("", "ResourceQuota") => self.quotas.push((index, resource)),
            _ => {}
        }
        let is_vertical = match (resource.group(), resource.kind.as_ref()) {
            ("autoscaling", "HorizontalPodAutoscaler") => false,
            ("autoscaling.k8s.io", "VerticalPodAutoscaler") => true,
            _ => return,
        };
        let autoscaler = Autoscaler {
            resource,
            is_vertical,
        };
        let name = autoscaler.target().and_then(|target| target.get("name"));
        if let Some(name) = name.and_then(|name| name.text()) {
            let of_name = self.autoscalers.entry(name.into_owned());
            of_name.or_default().push(autoscaler);
        }
    }

    fn add_claim(&mut self, resource: &Resource<'_>, claim: &Claim<'a>) {
        let namespace = resource.namespace.as_deref().map(str::to_owned);
        let names = || names(resource);
        match claim.kind {
            ClaimKind::Object => {
                for name in names() {
                    let claims = self.claims.entry(name).or_default();
                    claims.push((namespace.clone(), claim.node));
                }
            }
            ClaimKind::Template => {
                for name in names() {
                    let made = self.made_claims.entry(format!("{}-{name}", claim.name));
                    made.or_default().push(namespace.clone());
                }
            }
            // How an operator names what it makes is its own affair.
            ClaimKind::Ephemeral | ClaimKind::Custom => {}
        }
    }

    /// Finds out what selects what, when all objects are known.
    pub(super) fn link(&mut self) {
        if self.services.is_empty() && self.monitors.is_empty() {
            return;
        }
        let (mut pods, mut services) = (ByLabel::default(), ByLabel::default());
        for it in &self.pods {
            pods.add(it.metadata.and_then(|metadata| metadata.get("labels")));
        }
        for it in &self.services {
            services.add(
                it.resource
                    .node
                    .get("metadata")
                    .and_then(|metadata| metadata.get("labels")),
            );
        }
        for (index, service) in self.services.iter_mut().enumerate() {
            // A Service without a selector has endpoints that somebody else writes.
            if service.selector.is_empty() {
                continue;
            }
            for at in pods.with(&service.selector) {
                let it = &mut self.pods[at];
                let has = |(key, value): &(String, String)| it.label(key).as_deref() == Some(value);
                if service.selector.iter().all(has) && are_together(service.resource, it.resource) {
                    it.services.push(index);
                    service.pods.push(at);
                }
            }
        }
        for (index, monitor) in self.monitors.iter().enumerate() {
            let selector = monitor.selector();
            let labels = pairs(selector.and_then(|selector| selector.get("matchLabels")));
            if monitor.resource.kind == "PodMonitor" {
                for at in pods.with(&labels) {
                    let it = &mut self.pods[at];
                    if monitor.reaches(it.resource) && selects(selector, |key| it.label(key)) {
                        it.monitors.push(index);
                    }
                }
            } else {
                for at in services.with(&labels) {
                    let it = &mut self.services[at];
                    let label = |key: &str| it.resource.label(key).map(|label| label.into_owned());
                    if monitor.reaches(it.resource) && selects(selector, label) {
                        it.monitors.push(index);
                    }
                }
            }
        }
    }

    /// The pods of a template of an object, both by their places.
    fn pods_of(&self, object: usize, template: usize) -> Option<&Pods<'a>> {
        self.pods.get(self.first_pods.get(&object)? + template)
    }

    /// The Services that select the pods of a template.
    pub fn services_of(
        &self,
        object: usize,
        template: usize,
    ) -> impl Iterator<Item = &Service<'a>> {
        let pods = self.pods_of(object, template).into_iter();
        pods.flat_map(|pods| &pods.services)
            .filter_map(|at| self.services.get(*at))
    }

    /// The monitors that scrape the pods of a template, themselves or through a Service.
    pub fn monitors_of(&self, object: usize, template: usize) -> Vec<&Monitor<'a>> {
        let pods = self.pods_of(object, template);
        let mut monitors: Vec<usize> = pods.map(|it| it.monitors.clone()).unwrap_or_default();
        for service in self.services_of(object, template) {
            monitors.extend(&service.monitors);
        }
        monitors.sort_unstable();
        monitors.dedup();
        monitors
            .into_iter()
            .filter_map(|at| self.monitors.get(at))
            .collect()
    }

    /// The Service that an object is.
    pub fn service(&self, object: usize) -> Option<&Service<'a>> {
        self.services.get(*self.service_at.get(&object)?)
    }

    /// The pods that a Service selects.
    pub fn pods_behind<'s>(
        &'s self,
        service: &'s Service<'a>,
    ) -> impl Iterator<Item = &'s Pods<'a>> {
        service.pods.iter().filter_map(|at| self.pods.get(*at))
    }

    /// The Services that share pods with one, itself left out.
    pub fn services_beside<'s>(&'s self, service: &'s Service<'a>) -> Vec<&'s Service<'a>> {
        let mut beside: Vec<usize> = self
            .pods_behind(service)
            .flat_map(|it| it.services.iter().copied())
            .collect();
        beside.sort_unstable();
        beside.dedup();
        let others = beside.into_iter().filter_map(|at| self.services.get(at));
        others.filter(|it| !std::ptr::eq(*it, service)).collect()
    }

    /// The monitors that scrape a Service.
    pub fn monitors_of_service<'s>(
        &'s self,
        service: &'s Service<'a>,
    ) -> impl Iterator<Item = &'s Monitor<'a>> {
        service
            .monitors
            .iter()
            .filter_map(|at| self.monitors.get(*at))
    }

    /// The autoscalers whose target is an object.
    pub fn autoscalers_of(&self, of: &Resource<'_>) -> Vec<&Autoscaler<'a>> {
        if self.autoscalers.is_empty() {
            return Vec::new();
        }
        let of_name = names(of).into_iter();
        let all = of_name.filter_map(|name| self.autoscalers.get(&name));
        all.flatten().filter(|it| it.is_for(of)).collect()
    }

    /// The PersistentVolumeClaim that pods of an object mean by a name.
    pub fn claim(&self, of: &Resource<'_>, name: &str) -> Option<Node<'a>> {
        let claims = self.claims.get(name)?;
        let mut claims = claims
            .iter()
            .filter(|(namespace, _)| is_same(namespace.as_deref(), of.namespace.as_deref()));
        claims.next().map(|(_, claim)| *claim)
    }

    /// The StorageClass that claims mean by a name.
    pub fn storage_class(&self, name: &str) -> Option<Node<'a>> {
        self.storage_classes.get(name).copied()
    }

    /// The RuntimeClass that pods mean by a name.
    pub fn runtime_class(&self, name: &str) -> Option<Node<'a>> {
        self.runtime_classes.get(name).copied()
    }

    /// The LimitRanges of the namespace that an object names.
    pub fn limit_ranges_of(&self, of: &Resource<'_>) -> impl Iterator<Item = &'a Resource<'a>> {
        let ranges = self.limit_ranges.iter().copied();
        ranges.filter(move |it| it.namespace == of.namespace)
    }

    /// Every ResourceQuota, with its index among the objects.
    pub fn quotas(&self) -> &[(usize, &'a Resource<'a>)] {
        &self.quotas
    }

    /// Whether a StatefulSet in hand makes a claim of this name.
    pub fn makes_claim(&self, of: &Resource<'_>, name: &str) -> bool {
        let Some((name, number)) = name.rsplit_once('-') else {
            return false;
        };
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let mut made = self.made_claims.get(name).into_iter().flatten();
        is_number && made.any(|namespace| is_same(namespace.as_deref(), of.namespace.as_deref()))
    }
}

impl Pods<'_> {
    fn label(&self, name: &str) -> Option<String> {
        let label = self.metadata?.get("labels")?.get(name)?;
        label.text().map(|label| label.into_owned())
    }

    /// The ports that their containers declare.
    pub fn ports(&self) -> impl Iterator<Item = Node<'_>> {
        let lists = ["containers", "initContainers"].into_iter();
        let lists = lists.filter_map(|list| self.spec.get(list));
        let ports = lists.flat_map(|list| list.items());
        let ports = ports.filter_map(|container| container.get("ports"));
        ports.flat_map(|ports| ports.items())
    }

    /// An annotation of the pods.
    pub fn annotation(&self, name: &str) -> Option<String> {
        let annotation = self.metadata?.get("annotations")?.get(name)?;
        annotation.text().map(|annotation| annotation.into_owned())
    }
}

impl<'a> Autoscaler<'a> {
    fn target(&self) -> Option<Node<'a>> {
        let field = match self.is_vertical {
            true => "targetRef",
            false => "scaleTargetRef",
        };
        self.resource.node.get("spec")?.get(field)
    }

    /// Whether an object of the right name is the target.
    fn is_for(&self, of: &Resource<'_>) -> bool {
        let text = |key: &str| self.target()?.get(key)?.text();
        let is_of_group = text("apiVersion").is_none_or(|version| {
            let group = version.split_once('/').map_or("", |(group, _)| group);
            group == of.group()
        });
        is_of_group
            && text("kind").is_some_and(|kind| kind == of.kind)
            && are_together(self.resource, of)
    }
}

impl Monitor<'_> {
    fn selector(&self) -> Option<Node<'_>> {
        self.resource
            .node
            .get("spec")
            .and_then(|spec| spec.get("selector"))
    }

    /// Whether the monitor looks at the namespace of an object: its own, unless it says otherwise.
    fn reaches(&self, resource: &Resource<'_>) -> bool {
        let namespaces = self
            .resource
            .node
            .get("spec")
            .and_then(|spec| spec.get("namespaceSelector"));
        let any = namespaces.and_then(|it| it.get("any")?.text());
        if any.as_deref() == Some("true") {
            return true;
        }
        let names = namespaces.and_then(|it| it.get("matchNames"));
        let mut names = names.into_iter().flat_map(|names| names.items()).peekable();
        match names.peek() {
            None => are_together(self.resource, resource),
            // A namespace that is not written is taken for none of those that are named.
            Some(_) => names.any(|name| name.text().as_deref() == resource.namespace.as_deref()),
        }
    }
}

/// Whether a `LabelSelector` of apimachinery's meta/v1 selects what has these labels; an absent one selects nothing.
fn selects(selector: Option<Node<'_>>, label: impl Fn(&str) -> Option<String>) -> bool {
    let Some(selector) = selector.filter(|selector| !selector.is_null()) else {
        return false;
    };
    let text = |node: Option<Node<'_>>| {
        node.and_then(|node| node.text())
            .map(|text| text.into_owned())
    };
    let meets = |requirement: Node<'_>| {
        let Some(key) = text(requirement.get("key")) else {
            return false;
        };
        let value = label(&key);
        let values = requirement.get("values");
        let mut values = values.into_iter().flat_map(|values| values.items());
        let mut is_one = || values.any(|it| text(Some(it)) == value);
        match text(requirement.get("operator")).as_deref() {
            Some("In") => value.is_some() && is_one(),
            Some("NotIn") => value.is_none() || !is_one(),
            Some("Exists") => value.is_some(),
            Some("DoesNotExist") => value.is_none(),
            _ => false,
        }
    };
    let labels = pairs(selector.get("matchLabels"));
    let expressions = selector.get("matchExpressions");
    let mut expressions = expressions
        .into_iter()
        .flat_map(|expressions| expressions.items());
    labels
        .iter()
        .all(|(key, value)| label(key).as_deref() == Some(value))
        && expressions.all(meets)
}

/// The texts of a mapping of texts.
fn pairs(map: Option<Node<'_>>) -> Vec<(String, String)> {
    let entries = map.into_iter().flat_map(|map| map.entries());
    let texts = entries
        .filter_map(|(key, value)| Some((key.text()?.into_owned(), value.text()?.into_owned())));
    texts.collect()
}

/// Every name that an object goes or went by.
fn names(resource: &Resource<'_>) -> Vec<String> {
    let mut names = resource.previous_names();
    names.push(resource.name.to_string());
    names.sort();
    names.dedup();
    names
}

fn are_together(one: &Resource<'_>, other: &Resource<'_>) -> bool {
    is_same(one.namespace.as_deref(), other.namespace.as_deref())
}

fn is_same(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}
