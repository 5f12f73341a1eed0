//! References between objects: Services and monitors that select pods, claims and classes by name, and the LimitRanges
//! and ResourceQuotas of namespaces.
//!
//! Names are compared with current and previous names, because kustomize renames objects before references. An object
//! without a namespace may be in any.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::claims::{Claim, ClaimKind};
use super::labels::ByPlace;
use super::limit_range::LimitRangeItem;
use super::monitors::{Monitor, Namespaces, Selects, hosts};
use super::names::all_names;
use super::target::Target;
use super::template::is_sidecar;
use crate::kubernetes::LabelSelector;
use crate::read::Resource;
use crate::yaml::Node;

/// The objects that each object refers to, and is referred to by.
#[derive(Debug, Default)]
pub struct Related<'a> {
    pods: Vec<Pods<'a>>,
    /// The position in `pods` of an object's first template, by its index.
    first_pods: HashMap<usize, usize>,
    pods_by_label: ByPlace<'a>,
    services: Vec<Service<'a>>,
    /// The position in `services`, by the index of the object.
    service_at: HashMap<usize, usize>,
    monitors: Vec<Monitor<'a>>,
    services_by_label: ByPlace<'a>,
    /// The objects that have a Service scraped by its address, by its name, each with the namespace that it names or is in.
    by_address: HashMap<String, Vec<(Option<String>, &'a Resource<'a>)>>,
    claims: HashMap<String, Called<'a>>,
    /// The namespaces of claims that StatefulSets create, by name without the ordinal.
    made_claims: HashMap<String, HashSet<Option<&'a str>>>,
    storage_classes: HashMap<String, Node<'a>>,
    persistent_volumes: HashMap<String, Node<'a>>,
    /// By the namespace and name of the claim that they are reserved for.
    reserved_volumes: HashMap<(Cow<'a, str>, Cow<'a, str>), Node<'a>>,
    runtime_classes: HashMap<String, Node<'a>>,
    /// By namespace.
    limits: HashMap<Option<&'a str>, Vec<LimitRangeItem<'a>>>,
    quotas: Vec<(usize, &'a Resource<'a>)>,
    /// The same without their indices, by namespace.
    quotas_of: HashMap<Option<&'a str>, Vec<&'a Resource<'a>>>,
}

/// PersistentVolumeClaims with a name: the first, and the first of each namespace, with their indices.
#[derive(Debug)]
struct Called<'a> {
    first: (usize, Node<'a>),
    by_namespace: HashMap<Option<&'a str>, (usize, Node<'a>)>,
}

/// Pods that an object makes.
#[derive(Debug)]
pub struct Pods<'a> {
    /// The index of the object that makes them.
    pub object: usize,
    /// That object.
    pub resource: &'a Resource<'a>,
    /// The position of their template in the object.
    pub template: usize,
    /// Their metadata, if the object sets any.
    pub metadata: Option<Node<'a>>,
    /// Their spec.
    pub spec: Node<'a>,
    services: Vec<usize>,
    monitors: Vec<usize>,
}

/// A Service that selects pods.
#[derive(Debug)]
pub struct Service<'a> {
    /// Its index among the objects.
    pub object: usize,
    /// The Service.
    pub resource: &'a Resource<'a>,
    /// Its selector.
    pub selector: LabelSelector,
    pods: Vec<usize>,
    monitors: Vec<usize>,
}

impl<'a> Related<'a> {
    /// Adds an object with its pods and claims.
    pub fn add(&mut self, index: usize, target: &Target<'a>) {
        let resource = target.resource;
        self.first_pods.insert(index, self.pods.len());
        for (place, template) in target.templates.iter().enumerate() {
            self.pods.push(Pods {
                object: index,
                resource,
                template: place,
                metadata: template.metadata(),
                spec: template.spec,
                services: Vec::new(),
                monitors: Vec::new(),
            });
        }
        for claim in &target.claims {
            self.add_claim(index, resource, claim);
        }
        let by_name = || {
            all_names(resource)
                .into_iter()
                .map(|it| (it, resource.node))
        };
        match (resource.group(), resource.kind.as_ref()) {
            ("", "Service") => {
                let selector = resource.node.at(["spec", "selector"]);
                self.service_at.insert(index, self.services.len());
                self.services.push(Service {
                    object: index,
                    resource,
                    selector: LabelSelector::of_labels(selector),
                    pods: Vec::new(),
                    monitors: Vec::new(),
                });
            }
            ("", "PersistentVolume") => {
                self.persistent_volumes.extend(by_name());
                if let Some(claim) = resource.node.at(["spec", "claimRef"])
                    && let Some(name) = claim.text_at(["name"])
                {
                    let namespace = claim.text_at(["namespace"]).unwrap_or_default();
                    let claim = (namespace, name);
                    self.reserved_volumes.insert(claim, resource.node);
                }
            }
            ("storage.k8s.io", "StorageClass") => self.storage_classes.extend(by_name()),
            ("node.k8s.io", "RuntimeClass") => self.runtime_classes.extend(by_name()),
            ("", "LimitRange") => {
                let limits = self.limits.entry(resource.namespace.as_deref());
                limits.or_default().extend(LimitRangeItem::all(resource));
            }
            ("", "ResourceQuota") => {
                self.quotas.push((index, resource));
                let quotas = self.quotas_of.entry(resource.namespace.as_deref());
                quotas.or_default().push(resource);
            }
            _ => {
                self.monitors.extend(Monitor::all(index, resource));
                for host in hosts(resource) {
                    let mut parts = host.split('.').map(str::to_owned);
                    let name = parts.next().unwrap_or_default();
                    let own = || resource.namespace.as_deref().map(str::to_owned);
                    let scraped = (parts.next().or_else(own), resource);
                    self.by_address.entry(name).or_default().push(scraped);
                }
            }
        }
    }

    fn add_claim(&mut self, index: usize, resource: &'a Resource<'a>, claim: &Claim<'a>) {
        match claim.kind {
            ClaimKind::Object => {
                for name in all_names(resource) {
                    let claim = (index, resource.node);
                    let called = self.claims.entry(name).or_insert_with(|| Called {
                        first: claim,
                        by_namespace: HashMap::new(),
                    });
                    let here = called.by_namespace.entry(resource.namespace.as_deref());
                    here.or_insert(claim);
                }
            }
            ClaimKind::Template => {
                for name in all_names(resource) {
                    let made = self.made_claims.entry(format!("{}-{name}", claim.name));
                    made.or_default().insert(resource.namespace.as_deref());
                }
            }
            // The names of these are not predictable, or nothing else refers to them.
            ClaimKind::Ephemeral | ClaimKind::Custom => {}
        }
    }

    /// Resolves all selectors, after all objects are added.
    pub fn link(&mut self) {
        let namespace_of = |it: &'a Resource<'a>| it.namespace.as_deref();
        let pods = self.pods.iter();
        self.pods_by_label = ByPlace::of(pods.map(|it| (namespace_of(it.resource), it.labels())));
        if self.services.is_empty() && self.monitors.is_empty() {
            return;
        }
        let pods = &self.pods_by_label;
        for (index, service) in self.services.iter_mut().enumerate() {
            // The endpoints of a Service without a selector are managed by others.
            if service.selector.is_empty() {
                continue;
            }
            for at in pods.candidates(&service.selector, namespace_of(service.resource)) {
                let it = &mut self.pods[at];
                if service.selector.matches(|key| it.label(key)) {
                    it.services.push(index);
                    service.pods.push(at);
                }
            }
        }
        let services = self.services.iter();
        let services = services.map(|it| (namespace_of(it.resource), it.resource.labels()));
        self.services_by_label = ByPlace::of(services.filter(|_| !self.monitors.is_empty()));
        for (index, monitor) in self.monitors.iter().enumerate() {
            let selector = &monitor.selector;
            let is_for_pods = monitor.selects == Selects::Pods;
            let index_of = match monitor.selects {
                Selects::Pods => pods,
                Selects::Services => &self.services_by_label,
            };
            let candidates = match monitor.namespaces {
                Namespaces::Own => index_of.candidates(selector, namespace_of(monitor.resource)),
                Namespaces::Any | Namespaces::Named(_) => {
                    index_of.all.candidates(selector).into_owned()
                }
            };
            for at in candidates {
                let (resource, monitors, meets) = if is_for_pods {
                    let it = &mut self.pods[at];
                    let meets = selector.matches(|key| it.label(key));
                    (it.resource, &mut it.monitors, meets)
                } else {
                    let it = &mut self.services[at];
                    let meets = selector.matches(|key| it.resource.label(key));
                    (it.resource, &mut it.monitors, meets)
                };
                if meets && monitor.reaches(resource) {
                    monitors.push(index);
                }
            }
        }
    }

    /// All pods by label.
    pub(super) fn pods_by_label(&self) -> &ByPlace<'a> {
        &self.pods_by_label
    }

    /// The pods of an object's template, both by position.
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

    /// The objects that have the pods of a template scraped, directly or through a Service.
    pub fn scrapers_of(&self, object: usize, template: usize) -> Vec<&'a Resource<'a>> {
        let pods = self.pods_of(object, template);
        let mut monitors: Vec<usize> = pods.map(|it| it.monitors.clone()).unwrap_or_default();
        for service in self.services_of(object, template) {
            monitors.extend(&service.monitors);
        }
        monitors.sort_unstable();
        let monitors = monitors.into_iter();
        let monitors = monitors.filter_map(|at| Some(self.monitors.get(at)?.resource));
        let services = self.services_of(object, template);
        let by_address = services.flat_map(|it| self.scrapers_by_address(it));
        let mut scrapers: Vec<_> = monitors.chain(by_address).collect();
        scrapers.dedup_by(|one, other| std::ptr::eq(*one, *other));
        scrapers
    }

    /// All pods.
    pub(super) fn all_pods(&self) -> &[Pods<'a>] {
        &self.pods
    }

    /// The object as a Service, if it is one.
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

    /// The other Services that select any of the same pods.
    pub fn services_beside<'s>(&'s self, service: &'s Service<'a>) -> Vec<&'s Service<'a>> {
        let mut sharing: Vec<usize> = self
            .pods_behind(service)
            .flat_map(|it| it.services.iter().copied())
            .collect();
        sharing.sort_unstable();
        sharing.dedup();
        let others = sharing.into_iter().filter_map(|at| self.services.get(at));
        others.filter(|it| !std::ptr::eq(*it, service)).collect()
    }

    /// The objects that have the pods of a Service scraped through it.
    pub fn scrapers_of_service(&self, service: &Service<'a>) -> Vec<&'a Resource<'a>> {
        let monitors = service.monitors.iter();
        let monitors = monitors.filter_map(|at| Some(self.monitors.get(*at)?.resource));
        let mut scrapers: Vec<_> = monitors.chain(self.scrapers_by_address(service)).collect();
        scrapers.dedup_by(|one, other| std::ptr::eq(*one, *other));
        scrapers
    }

    fn scrapers_by_address<'s>(
        &'s self,
        service: &'s Service<'a>,
    ) -> impl Iterator<Item = &'a Resource<'a>> {
        let named = self.by_address.get(service.resource.name.as_ref());
        let here = service.resource.namespace.as_deref();
        let named = named.into_iter().flatten();
        named
            .filter(move |(namespace, _)| may_share_namespace(namespace.as_deref(), here))
            .map(|it| it.1)
    }

    /// All monitors.
    pub fn monitors(&self) -> &[Monitor<'a>] {
        &self.monitors
    }

    /// All Services, and their labels.
    pub(super) fn labelled_services(&self) -> (&[Service<'a>], &ByPlace<'a>) {
        (&self.services, &self.services_by_label)
    }

    /// The PersistentVolumeClaim that pods of an object reference by name, with its index.
    pub fn claim(&self, of: &Resource<'_>, name: &str) -> Option<(usize, Node<'a>)> {
        let Called {
            first,
            by_namespace,
        } = self.claims.get(name)?;
        let found = match of.namespace.as_deref() {
            None => [Some(first), None],
            namespace => [by_namespace.get(&namespace), by_namespace.get(&None)],
        };
        let found = found.into_iter().flatten();
        found.min_by_key(|(index, _)| *index).copied()
    }

    /// The StorageClass with this name.
    pub fn storage_class(&self, name: &str) -> Option<Node<'a>> {
        self.storage_classes.get(name).copied()
    }

    /// The PersistentVolume with this name.
    pub fn persistent_volume(&self, name: &str) -> Option<Node<'a>> {
        self.persistent_volumes.get(name).copied()
    }

    /// The PersistentVolume that is reserved for a claim in the namespace of an object.
    pub fn persistent_volume_of(&self, of: &Resource<'_>, claim: &str) -> Option<Node<'a>> {
        if self.reserved_volumes.is_empty() {
            return None;
        }
        let namespace = of.namespace.as_deref().unwrap_or_default();
        let claim = (Cow::Borrowed(namespace), Cow::Borrowed(claim));
        self.reserved_volumes.get(&claim).copied()
    }

    /// The RuntimeClass with this name.
    pub fn runtime_class(&self, name: &str) -> Option<Node<'a>> {
        self.runtime_classes.get(name).copied()
    }

    /// The LimitRange items of an object's namespace. Unlike elsewhere, an object without a namespace only matches
    /// LimitRanges without one.
    pub fn limits_of<'s>(
        &'s self,
        of: &'s Resource<'_>,
    ) -> impl Iterator<Item = &'s LimitRangeItem<'a>> {
        let limits = self.limits.get(&of.namespace.as_deref());
        limits.into_iter().flatten()
    }

    /// Every ResourceQuota, with its index among the objects.
    pub fn quotas(&self) -> &[(usize, &'a Resource<'a>)] {
        &self.quotas
    }

    /// The ResourceQuotas of an object's namespace, as in [`Related::limits_of`].
    pub fn quotas_of<'s>(&'s self, of: &'s Resource<'_>) -> &'s [&'s Resource<'a>] {
        let quotas = self.quotas_of.get(&of.namespace.as_deref());
        quotas.map_or(&[], Vec::as_slice)
    }

    /// Whether a StatefulSet in the input creates a claim of this name.
    pub fn makes_claim(&self, of: &Resource<'_>, name: &str) -> bool {
        let Some((name, number)) = name.rsplit_once('-') else {
            return false;
        };
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let is_here = |made: &HashSet<Option<&str>>| {
            let namespace = of.namespace.as_deref();
            namespace.is_none() || made.contains(&namespace) || made.contains(&None)
        };
        is_number && self.made_claims.get(name).is_some_and(is_here)
    }
}

impl<'a> Pods<'a> {
    pub(super) fn labels(&self) -> Option<Node<'a>> {
        self.metadata?.get("labels")
    }

    /// A label of the pods.
    pub fn label(&self, name: &str) -> Option<Cow<'a, str>> {
        self.labels()?.get(name)?.text()
    }

    /// The containers that run for the life of a pod: ordinary containers, then sidecars.
    pub fn containers(&self) -> impl Iterator<Item = Node<'a>> {
        let list = |name: &str| self.spec.items_at([name]);
        let sidecars = list("initContainers").filter(|it| is_sidecar(*it));
        list("containers").chain(sidecars)
    }

    /// The ports of those containers.
    pub fn ports(&self) -> impl Iterator<Item = Node<'a>> {
        self.containers().flat_map(|it| it.items_at(["ports"]))
    }

    /// An annotation of the pods.
    pub fn annotation(&self, name: &str) -> Option<String> {
        let annotation = self.metadata?.get("annotations")?.get(name)?;
        annotation.text().map(|annotation| annotation.into_owned())
    }
}

impl Monitor<'_> {
    /// Whether the monitor watches the namespace of an object.
    fn reaches(&self, resource: &Resource<'_>) -> bool {
        match &self.namespaces {
            Namespaces::Any => true,
            Namespaces::Own => are_together(self.resource, resource),
            // An object without a namespace is in none of the named ones.
            Namespaces::Named(names) => {
                let here = resource.namespace.as_deref();
                names.iter().any(|name| Some(name.as_str()) == here)
            }
        }
    }
}

fn are_together(one: &Resource<'_>, other: &Resource<'_>) -> bool {
    may_share_namespace(one.namespace.as_deref(), other.namespace.as_deref())
}

/// Whether two objects may be in the same namespace: one without a namespace may be in any.
pub(super) fn may_share_namespace(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}
