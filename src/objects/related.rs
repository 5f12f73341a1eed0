//! References between objects: Services and monitors that select pods, claims and classes by name, and the LimitRanges
//! and ResourceQuotas of namespaces.
//!
//! Names are compared with current and previous names, because kustomize renames objects before references. An object
//! without a namespace may be in any.

mod named;
mod services;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::container::is_sidecar;
use super::labels::{ByLabel, Labelled, Matches, Work};
use super::limit_range::{LimitRangeItem, Limits};
use super::monitors::{Monitor, Namespaces, Selects, hosts};
use super::names::all_names;
use super::ports::{Declared, Ports, TargetPort};
use super::target::Target;
use crate::kubernetes::LabelSelector;
use crate::read::Resource;
use crate::text::MOST_NAMED;
use crate::yaml::Node;

/// The objects that each object refers to, and is referred to by.
#[derive(Debug, Default)]
pub struct Related<'a> {
    pods: Vec<Pods<'a>>,
    /// The position in `pods` of an object's first template, by its index.
    first_pods: HashMap<usize, usize>,
    labels_of_pods: Labelled<'a>,
    work: Work,
    fronts: Vec<Front>,
    /// The scrapers of Services that the same monitors select or the same addresses lead to, by the index of the object.
    watches: Vec<Vec<usize>>,
    services: Vec<Service<'a>>,
    /// The position in `services`, by the index of the object.
    service_at: HashMap<usize, usize>,
    monitors: Vec<Monitor<'a>>,
    labels_of_services: Labelled<'a>,
    /// The objects that have pods scraped, by index: monitors, and those with addresses of Services.
    scrapers: BTreeMap<usize, &'a Resource<'a>>,
    /// The positions in `watches` of the scrapers with an address.
    by_address: HashMap<Address, usize>,
    claims: HashMap<String, Called<'a>>,
    /// The namespaces of claims that StatefulSets create, by name without the ordinal.
    made_claims: HashMap<String, HashSet<Option<&'a str>>>,
    storage_classes: HashMap<String, Node<'a>>,
    persistent_volumes: HashMap<String, Node<'a>>,
    /// By the namespace and name of the claim that they are reserved for.
    reserved_volumes: HashMap<(Cow<'a, str>, Cow<'a, str>), Node<'a>>,
    runtime_classes: HashMap<String, Node<'a>>,
    /// By namespace.
    limits: HashMap<Option<&'a str>, Limits<'a>>,
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
    /// The positions of the fronts that they are behind.
    fronts: Vec<usize>,
    declared: OnceCell<Rc<Declared>>,
}

/// Services and monitors that select the same pods.
#[derive(Debug, Default)]
pub struct Front {
    pods: Rc<Matches>,
    /// The Services, by position.
    services: Vec<usize>,
    /// The monitors, and the scrapers of its Services, by the index of the object; not all of more than [`MOST_NAMED`].
    scrapers: Vec<usize>,
    /// The fronts that have some of the pods, with this one.
    around: OnceCell<Vec<usize>>,
    /// The first of its Services, by [`Service::rank`].
    own: OnceCell<Option<usize>>,
    /// The first of the Services of the fronts around.
    first: OnceCell<Option<usize>>,
}

/// Fronts, each found by its pods.
#[derive(Default)]
struct Fronts {
    all: Vec<Front>,
    at: HashMap<*const Matches, usize>,
}

impl Fronts {
    /// The position of the front with these pods.
    fn of(&mut self, pods: Rc<Matches>) -> usize {
        let at = self.at.entry(Rc::as_ptr(&pods));
        let at = *at.or_insert(self.all.len());
        if at == self.all.len() {
            let front = Front {
                pods,
                ..Front::default()
            };
            self.all.push(front);
        }
        at
    }
}

/// A Service's name in an address, with the namespace that the address means. `None` instead of a namespace is any of them.
type Address = (String, Option<Option<String>>);

/// A Service that selects pods.
#[derive(Debug)]
pub struct Service<'a> {
    /// Its index among the objects.
    pub object: usize,
    /// The Service.
    pub resource: &'a Resource<'a>,
    /// Its selector.
    pub selector: LabelSelector,
    /// The positions of its fronts: one, or two if pods without a namespace match.
    pub fronts: Vec<usize>,
    watches: Vec<usize>,
    targets: OnceCell<(Vec<TargetPort>, HashSet<u16>)>,
    declared: OnceCell<Rc<Declared>>,
}

impl<'a> Related<'a> {
    /// No relations yet, for a number of objects.
    pub(super) fn of(objects: usize) -> Related<'a> {
        let work = Work::of(objects);
        Related {
            work,
            ..Related::default()
        }
    }

    /// Adds an object with its pods and claims.
    pub fn add(&mut self, index: usize, target: &Target<'a>) {
        let resource = target.resource;
        self.first_pods.insert(index, self.pods.len());
        for (place, template) in target.templates.iter().enumerate() {
            let pods = Pods {
                object: index,
                resource,
                template: place,
                metadata: template.metadata(),
                spec: template.spec,
                fronts: Vec::new(),
                declared: OnceCell::new(),
            };
            let namespace = resource.namespace.as_deref();
            self.labels_of_pods.add(namespace, pods.labels());
            self.pods.push(pods);
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
                    fronts: Vec::new(),
                    watches: Vec::new(),
                    targets: OnceCell::new(),
                    declared: OnceCell::new(),
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
                let items = &mut limits.or_default().items;
                items.extend(LimitRangeItem::all(resource));
            }
            ("", "ResourceQuota") => {
                self.quotas.push((index, resource));
                let quotas = self.quotas_of.entry(resource.namespace.as_deref());
                quotas.or_default().push(resource);
            }
            _ => {
                self.monitors.extend(Monitor::all(index, resource));
                for host in hosts(resource) {
                    self.add_address(index, resource, &host);
                }
                let is_monitor = self.monitors.last().is_some_and(|it| it.object == index);
                if is_monitor {
                    self.scrapers.insert(index, resource);
                }
            }
        }
    }

    /// Adds an object that has pods scraped by the address of a Service.
    fn add_address(&mut self, index: usize, resource: &'a Resource<'a>, host: &str) {
        let mut parts = host.split('.').map(str::to_owned);
        let name = parts.next().unwrap_or_default();
        let own = || resource.namespace.as_deref().map(str::to_owned);
        let namespace = parts.next().or_else(own);
        for place in [None, Some(namespace)] {
            let at = self.by_address.entry((name.clone(), place));
            let at = *at.or_insert(self.watches.len());
            if at == self.watches.len() {
                self.watches.push(Vec::new());
            }
            add_last(&mut self.watches[at], index);
        }
        self.scrapers.insert(index, resource);
    }

    /// Resolves the selectors of Services and monitors, after all objects are added.
    pub fn link(&mut self) {
        self.limits.values_mut().for_each(Limits::keep_deciding);
        let mut fronts = Fronts::default();
        for (index, service) in self.services.iter_mut().enumerate() {
            // The endpoints of a Service without a selector are managed by others.
            if service.selector.is_empty() {
                continue;
            }
            let namespace = service.resource.namespace.as_deref();
            let pods = &self.labels_of_pods;
            let parts = pods.find(&service.selector, namespace, &self.work);
            for part in parts.into_iter().flatten() {
                let at = fronts.of(part);
                fronts.all[at].services.push(index);
                service.fronts.push(at);
            }
        }
        for service in self.services.iter().filter(|_| !self.monitors.is_empty()) {
            let resource = service.resource;
            let namespace = resource.namespace.as_deref();
            self.labels_of_services.add(namespace, resource.labels());
        }
        let mut watch_at: HashMap<*const Matches, usize> = HashMap::new();
        for monitor in &self.monitors {
            let of_pods = monitor.selects == Selects::Pods;
            let labelled = match monitor.selects {
                Selects::Pods => &self.labels_of_pods,
                Selects::Services => &self.labels_of_services,
            };
            for part in monitor.find(labelled, &self.work).into_iter().flatten() {
                // A port that does not exist is not scraped.
                let ports = self.monitored_ports(monitor.selects, &part);
                if ports.is_some_and(|it| !monitor.leads_to(&it.ports)) {
                    continue;
                }
                if of_pods {
                    let at = fronts.of(part);
                    add_last(&mut fronts.all[at].scrapers, monitor.object);
                    continue;
                }
                let at = watch_at.entry(Rc::as_ptr(&part));
                let at = *at.or_insert(self.watches.len());
                if at == self.watches.len() {
                    self.watches.push(Vec::new());
                    for service in &part.items {
                        self.services[*service].watches.push(at);
                    }
                }
                add_last(&mut self.watches[at], monitor.object);
            }
        }
        for service in &mut self.services {
            let address = |place| (service.resource.name.to_string(), place);
            let addresses = match service.resource.namespace.as_deref() {
                None => [Some(address(None)), None],
                here => {
                    let here = here.map(str::to_owned);
                    [Some(address(Some(here))), Some(address(Some(None)))]
                }
            };
            let watches = addresses.into_iter().flatten();
            let watches = watches.filter_map(|it| self.by_address.get(&it).copied());
            service.watches.extend(watches);
        }
        self.fronts = fronts.all;
        for at in 0..self.fronts.len() {
            let front = &self.fronts[at];
            let watches = front.services.iter();
            let watches = watches.flat_map(|it| self.services[*it].watches.iter().copied());
            let watches: BTreeSet<usize> = watches.collect();
            let through = watches.iter().flat_map(|it| &self.watches[*it]);
            let scrapers = few_scrapers(front.scrapers.iter().chain(through));
            self.fronts[at].scrapers = scrapers.into_iter().collect();
            for pods in &self.fronts[at].pods.items {
                self.pods[*pods].fronts.push(at);
            }
        }
    }

    /// The labels of all pods.
    pub(super) fn labels_of_pods(&self) -> &ByLabel {
        self.labels_of_pods.all()
    }

    /// The pods that a selector matches and that may be in a namespace, in parts; `None` if that is too much work.
    pub(super) fn find_pods(
        &self,
        selector: &LabelSelector,
        namespace: Option<&str>,
    ) -> Option<Vec<Rc<Matches>>> {
        self.labels_of_pods.find(selector, namespace, &self.work)
    }

    /// The first pods that a selector matches in any namespace.
    pub(super) fn first_pods(&self, selector: &LabelSelector) -> Option<&Pods<'a>> {
        let first = self.labels_of_pods.first(selector, &self.work)?;
        self.pods.get(first)
    }

    /// Whether pods of a namespace are in the input; `None` for pods without a namespace.
    pub(super) fn has_pods_in(&self, namespace: Option<&str>) -> bool {
        self.labels_of_pods.has_namespace(namespace)
    }

    /// Whether so many more objects may be compared. What is left out then is reported by FIT-TGT004.
    pub fn may_compare(&self, objects: usize) -> bool {
        self.work.take(objects)
    }

    /// Whether there was too much to compare, so that something is not known.
    pub fn was_too_much(&self) -> bool {
        self.work.was_refused()
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

    /// The ports of their containers.
    fn declared(&self) -> &Rc<Declared> {
        let declare = || {
            Rc::new(Declared {
                ports: Ports::of(self.ports(), "containerPort"),
                by_all: self
                    .containers()
                    .all(|it| it.items_at(["ports"]).next().is_some()),
            })
        };
        self.declared.get_or_init(declare)
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

impl Service<'_> {
    /// Its own ports.
    fn declared(&self) -> &Rc<Declared> {
        let ports = self.resource.node.items_at(["spec", "ports"]);
        let declare = || {
            Rc::new(Declared {
                ports: Ports::of(ports, "port"),
                by_all: true,
            })
        };
        self.declared.get_or_init(declare)
    }

    /// Services with an address come before headless ones, then they are in the order of their names.
    pub fn rank(&self) -> (bool, &str) {
        let address = self.resource.node.text_at(["spec", "clusterIP"]);
        (address.as_deref() == Some("None"), &self.resource.name)
    }
}

impl Monitor<'_> {
    /// The items that it selects, in parts that are not empty; `None` if that is too much work.
    fn find(&self, items: &Labelled<'_>, work: &Work) -> Option<Vec<Rc<Matches>>> {
        let selector = &self.selector;
        match &self.namespaces {
            Namespaces::Any => items.find(selector, None, work),
            Namespaces::Own => items.find(selector, self.resource.namespace.as_deref(), work),
            // An object without a namespace is in none of the named ones.
            Namespaces::Named(names) => {
                if !work.take(names.len() * selector.wanted().count()) {
                    return None;
                }
                let names = names.iter();
                let found = names.map(|it| items.find_within(selector, Some(it), work));
                let is_some =
                    |it: &Option<Rc<Matches>>| it.as_ref().is_none_or(|it| !it.items.is_empty());
                found.filter(is_some).collect()
            }
        }
    }
}

/// Adds an object to those that are in order, once.
fn add_last(objects: &mut Vec<usize>, object: usize) {
    if objects.last() != Some(&object) {
        objects.push(object);
    }
}

/// The first of some objects, at least [`MOST_NAMED`] if there are more.
fn few_scrapers<'m>(all: impl Iterator<Item = &'m usize>) -> BTreeSet<usize> {
    let mut few = BTreeSet::new();
    for scraper in all {
        if few.len() > MOST_NAMED {
            break;
        }
        few.insert(*scraper);
    }
    few
}
