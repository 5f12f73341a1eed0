//! References between objects: Services and monitors that select pods, claims and classes by name, and the LimitRanges
//! and ResourceQuotas of namespaces.
//!
//! Names are compared with current and previous names, because kustomize renames objects before references. An object
//! without a namespace may be in any.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use super::claims::{Claim, ClaimKind};
use super::labels::{ByLabel, Labelled, Matches, Work};
use super::limit_range::{LimitRangeItem, Limits};
use super::monitors::{Monitor, Namespaces, Selects, hosts};
use super::names::all_names;
use super::ports::{Declared, Ports, TargetPort};
use super::target::Target;
use super::template::is_sidecar;
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
    declared: OnceLock<Arc<Declared>>,
}

/// Services and monitors that select the same pods.
#[derive(Debug, Default)]
pub struct Front {
    pods: Arc<Matches>,
    /// The Services, by position.
    services: Vec<usize>,
    /// The monitors, and the scrapers of its Services, by the index of the object; not all of more than [`MOST_NAMED`].
    scrapers: Vec<usize>,
    /// The fronts that have some of the pods, with this one.
    around: OnceLock<Vec<usize>>,
    /// The first of its Services, by [`Service::rank`].
    own: OnceLock<Option<usize>>,
    /// The first of the Services of the fronts around.
    first: OnceLock<Option<usize>>,
}

/// Fronts, each found by its pods.
#[derive(Default)]
struct Fronts {
    all: Vec<Front>,
    at: HashMap<*const Matches, usize>,
}

impl Fronts {
    /// The position of the front with these pods.
    fn of(&mut self, pods: Arc<Matches>) -> usize {
        let at = self.at.entry(Arc::as_ptr(&pods));
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
    targets: OnceLock<(Vec<TargetPort>, HashSet<u16>)>,
    declared: OnceLock<Arc<Declared>>,
}

/// Up to this many amounts, the LimitRanges of a pod are not counted as work.
const USUAL_AMOUNTS: usize = 256;

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
                declared: OnceLock::new(),
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
                    targets: OnceLock::new(),
                    declared: OnceLock::new(),
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
                let at = watch_at.entry(Arc::as_ptr(&part));
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
    ) -> Option<Vec<Arc<Matches>>> {
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

    /// The ports of pods; `None` if that is too much work.
    pub(super) fn declared(&self, pods: &Matches) -> Option<Arc<Declared>> {
        self.declared_by(pods, |it| self.pods[it].declared())
    }

    /// The ports of what a monitor selects; `None` if that is too much work.
    pub(super) fn monitored_ports(
        &self,
        selects: Selects,
        items: &Matches,
    ) -> Option<Arc<Declared>> {
        match selects {
            Selects::Pods => self.declared(items),
            Selects::Services => self.declared_by(items, |it| self.services[it].declared()),
        }
    }

    fn declared_by<'s>(
        &'s self,
        items: &Matches,
        of: impl Fn(usize) -> &'s Arc<Declared>,
    ) -> Option<Arc<Declared>> {
        let declare = || {
            let each = items.items.iter().map(|it| of(*it));
            if let [_] = items.items.as_slice() {
                return each.last().cloned();
            }
            self.together(&each.cloned().collect::<Vec<_>>())
        };
        items.declared.get_or_init(declare).clone()
    }

    /// The pods of an object's template, both by position.
    fn pods_of(&self, object: usize, template: usize) -> Option<&Pods<'a>> {
        self.pods.get(self.first_pods.get(&object)? + template)
    }

    /// The ports of several pods; `None` if that is too much work.
    pub(super) fn together(&self, all: &[Arc<Declared>]) -> Option<Arc<Declared>> {
        let count = all.iter().map(|it| it.ports.len()).sum();
        self.work.take(count).then(|| {
            let mut together = Declared {
                by_all: true,
                ..Declared::default()
            };
            for it in all {
                together.ports.extend(&it.ports);
                together.by_all &= it.by_all;
            }
            Arc::new(together)
        })
    }

    /// The fronts of the pods of a template, by position.
    pub fn fronts_of(&self, object: usize, template: usize) -> &[usize] {
        let pods = self.pods_of(object, template);
        pods.map_or(&[], |pods| &pods.fronts)
    }

    /// The Services of a front.
    pub fn services_of(&self, front: usize) -> impl Iterator<Item = &Service<'a>> {
        let services = self.fronts[front].services.iter();
        services.map(|at| &self.services[*at])
    }

    /// The pods behind a front.
    pub fn pods_behind(&self, front: usize) -> impl Iterator<Item = &Pods<'a>> {
        let pods = self.fronts[front].pods.items.iter();
        pods.map(|at| &self.pods[*at])
    }

    /// The objects that have the pods of a template scraped, directly or through a Service; more than [`MOST_NAMED`] are not
    /// all returned.
    pub fn scrapers_of(
        &self,
        object: usize,
        template: usize,
    ) -> impl Iterator<Item = &'a Resource<'a>> {
        let fronts = self.fronts_of(object, template).iter();
        self.few_scrapers(fronts.flat_map(|it| &self.fronts[*it].scrapers))
    }

    fn few_scrapers<'m>(
        &self,
        all: impl Iterator<Item = &'m usize>,
    ) -> impl Iterator<Item = &'a Resource<'a>> {
        let few = few_scrapers(all).into_iter();
        few.filter_map(|it| self.scrapers.get(&it).copied())
    }

    /// All pods.
    pub(super) fn all_pods(&self) -> &[Pods<'a>] {
        &self.pods
    }

    /// The object as a Service, if it is one.
    pub fn service(&self, object: usize) -> Option<&Service<'a>> {
        self.services.get(*self.service_at.get(&object)?)
    }

    /// The fronts that share pods with this one, which is among them. If there are too many, it is the only one.
    pub fn fronts_around(&self, front: usize) -> &[usize] {
        let around = || {
            let pods = self.pods_behind(front);
            let count = pods.map(|it| it.fronts.len()).sum();
            match self.work.take(count) {
                true => {
                    let fronts = self.pods_behind(front).flat_map(|it| &it.fronts);
                    let fronts: BTreeSet<usize> = fronts.copied().collect();
                    fronts.into_iter().collect()
                }
                false => vec![front],
            }
        };
        self.fronts[front].around.get_or_init(around)
    }

    /// The first by [`Service::rank`] of a Service and those that select some of the same pods.
    pub fn first_beside<'s>(&'s self, service: &'s Service<'a>) -> &'s Service<'a> {
        let rank = |at: &usize| self.services[*at].rank();
        let first_of = |front: usize| {
            let first = || {
                let around = self.fronts_around(front).iter();
                let own = |front: &usize| {
                    let front = &self.fronts[*front];
                    let services = front.services.iter().copied();
                    *front.own.get_or_init(|| services.min_by_key(rank))
                };
                around.filter_map(own).min_by_key(rank)
            };
            *self.fronts[front].first.get_or_init(first)
        };
        let first = service.fronts.iter().filter_map(|it| first_of(*it));
        let first = first.min_by_key(rank);
        first.map_or(service, |at| &self.services[at])
    }

    /// The ports of its pods that a Service leads to by TCP.
    pub fn targets_of<'s>(&self, service: &'s Service<'a>) -> &'s [TargetPort] {
        &self.targets(service).0
    }

    /// Whether a Service leads to a port of its pods.
    pub fn leads_to(&self, service: &Service<'a>, number: u16) -> bool {
        self.targets(service).1.contains(&number)
    }

    fn targets<'s>(&self, service: &'s Service<'a>) -> &'s (Vec<TargetPort>, HashSet<u16>) {
        let targets = || {
            let fronts = service.fronts.iter();
            let mut parts = fronts.filter_map(|it| self.declared(&self.fronts[*it].pods));
            let mut declared = parts.next().unwrap_or_default();
            for more in parts {
                if self.work.take(declared.ports.len() + more.ports.len()) {
                    Arc::make_mut(&mut declared).ports.extend(&more.ports);
                }
            }
            let text = |port: Node<'_>, key| Some(port.text_at([key])?.into_owned());
            let target = |port: Node<'_>| {
                let is_other = text(port, "protocol").is_some_and(|it| it != "TCP");
                let wanted = text(port, "targetPort").or_else(|| text(port, "port"));
                let wanted = wanted.filter(|_| !is_other)?;
                declared.ports.target(&wanted, text(port, "name"))
            };
            let ports = service.resource.node.items_at(["spec", "ports"]);
            let ports: Vec<TargetPort> = ports.filter_map(target).collect();
            let numbers = ports.iter().map(|it| it.number).collect();
            (ports, numbers)
        };
        service.targets.get_or_init(targets)
    }

    /// The objects that have the pods of a Service scraped through it; more than [`MOST_NAMED`] are not all returned.
    pub fn scrapers_of_service(
        &self,
        service: &Service<'a>,
    ) -> impl Iterator<Item = &'a Resource<'a>> {
        let watches = service.watches.iter();
        self.few_scrapers(watches.flat_map(|it| &self.watches[*it]))
    }

    /// All monitors.
    pub fn monitors(&self) -> &[Monitor<'a>] {
        &self.monitors
    }

    /// Pods or all Services with their labels. Without monitors, Services have none.
    pub(super) fn labelled(&self, selects: Selects) -> &Labelled<'a> {
        match selects {
            Selects::Pods => &self.labels_of_pods,
            Selects::Services => &self.labels_of_services,
        }
    }

    /// The pods or Services that a monitor may select, in parts; `None` if that is too much work.
    pub(super) fn find_monitored(&self, monitor: &Monitor<'_>) -> Option<Vec<Arc<Matches>>> {
        let labelled = self.labelled(monitor.selects);
        let mut found = monitor.find(labelled, &self.work)?;
        if let Namespaces::Named(_) = monitor.namespaces {
            let anywhere = labelled.find_within(&monitor.selector, None, &self.work)?;
            found.extend(Some(anywhere).filter(|it| !it.items.is_empty()));
        }
        Some(found)
    }

    /// The first object in any namespace that a monitor could select.
    pub(super) fn first_monitored(&self, monitor: &Monitor<'_>) -> Option<&'a Resource<'a>> {
        let labelled = self.labelled(monitor.selects);
        let first = labelled.first(&monitor.selector, &self.work)?;
        Some(match monitor.selects {
            Selects::Pods => self.pods[first].resource,
            Selects::Services => self.services[first].resource,
        })
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

    /// The LimitRange items of an object's namespace, for a number of its containers; none if that is too much work. Unlike
    /// elsewhere, an object without a namespace only matches LimitRanges without one.
    pub fn limits_of<'s>(
        &'s self,
        of: &'s Resource<'_>,
        containers: usize,
    ) -> &'s [LimitRangeItem<'a>] {
        let Some(limits) = self.limits.get(&of.namespace.as_deref()) else {
            return &[];
        };
        // Each costs more than the comparison of a label. What is usual costs nothing.
        let work = (containers * limits.amounts).saturating_sub(USUAL_AMOUNTS);
        match self.work.take(8 * work) {
            true => &limits.items,
            false => &[],
        }
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

    /// The ports of their containers.
    fn declared(&self) -> &Arc<Declared> {
        let declare = || {
            Arc::new(Declared {
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
    fn declared(&self) -> &Arc<Declared> {
        let ports = self.resource.node.items_at(["spec", "ports"]);
        let declare = || {
            Arc::new(Declared {
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
    fn find(&self, items: &Labelled<'_>, work: &Work) -> Option<Vec<Arc<Matches>>> {
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
                    |it: &Option<Arc<Matches>>| it.as_ref().is_none_or(|it| !it.items.is_empty());
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
