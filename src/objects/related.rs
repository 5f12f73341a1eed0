//! References between objects: Services and monitors that select pods, claims and classes by name, and the LimitRanges
//! and ResourceQuotas of namespaces.
//!
//! Names are compared with current and previous names, because kustomize renames objects before references. An object
//! without a namespace may be in any.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::claims::{Claim, ClaimKind};
use super::labels::{ByLabel, Labelled, Matches, Work};
use super::limit_range::{LimitRangeItem, Limits};
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
    watches: Vec<Watch>,
    services: Vec<Service<'a>>,
    /// The position in `services`, by the index of the object.
    service_at: HashMap<usize, usize>,
    monitors: Vec<Monitor<'a>>,
    claims: HashMap<String, Called<'a>>,
    /// The namespaces of claims that StatefulSets create, by name without the ordinal.
    made_claims: HashMap<String, HashSet<Option<&'a str>>>,
    storage_classes: HashMap<String, Node<'a>>,
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

/// Services and monitors that select the same pods, each by position.
#[derive(Debug, Default)]
pub struct Front {
    pods: Rc<Matches>,
    services: Vec<usize>,
    monitors: Vec<usize>,
    /// The monitors of its Services.
    watches: Vec<usize>,
    /// The fronts that have some of the pods, with this one.
    around: OnceCell<Vec<usize>>,
    /// The first of the Services of those, by [`Service::rank`].
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

/// Monitors that select the same Services, by position.
#[derive(Debug)]
struct Watch {
    services: Rc<Matches>,
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
    /// The positions of its fronts: one, or two if pods without a namespace match.
    pub fronts: Vec<usize>,
    watches: Vec<usize>,
    targets: OnceCell<(Vec<TargetPort>, HashSet<u16>)>,
}

/// A PodMonitor or ServiceMonitor of prometheus-operator.
#[derive(Debug)]
pub struct Monitor<'a> {
    /// The monitor.
    pub resource: &'a Resource<'a>,
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
                });
            }
            ("monitoring.coreos.com", "PodMonitor" | "ServiceMonitor") => {
                self.monitors.push(Monitor { resource });
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
            _ => {}
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
        let mut labels_of_services = Labelled::default();
        for service in self.services.iter().filter(|_| !self.monitors.is_empty()) {
            let resource = service.resource;
            labels_of_services.add(resource.namespace.as_deref(), resource.labels());
        }
        let mut watch_at: HashMap<*const Matches, usize> = HashMap::new();
        for (index, monitor) in self.monitors.iter().enumerate() {
            if monitor.resource.kind == "PodMonitor" {
                for part in monitor.find(&self.labels_of_pods, &self.work) {
                    let at = fronts.of(part);
                    fronts.all[at].monitors.push(index);
                }
                continue;
            }
            for services in monitor.find(&labels_of_services, &self.work) {
                let at = watch_at.entry(Rc::as_ptr(&services));
                let at = *at.or_insert(self.watches.len());
                if at == self.watches.len() {
                    let monitors = Vec::new();
                    self.watches.push(Watch { services, monitors });
                }
                self.watches[at].monitors.push(index);
            }
        }
        for (at, watch) in self.watches.iter().enumerate() {
            for service in &watch.services.items {
                self.services[*service].watches.push(at);
            }
        }
        self.fronts = fronts.all;
        for (at, front) in self.fronts.iter_mut().enumerate() {
            for pods in &front.pods.items {
                self.pods[*pods].fronts.push(at);
            }
            let services = front.services.iter();
            let watches: BTreeSet<usize> = services
                .flat_map(|it| self.services[*it].watches.iter().copied())
                .collect();
            front.watches.extend(watches);
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

    /// The ports of pods; `None` if that is too much work.
    pub(super) fn declared(&self, pods: &Matches) -> Option<Rc<Declared>> {
        let declare = || {
            let each = pods.items.iter().map(|it| self.pods[*it].declared());
            if let [_] = pods.items.as_slice() {
                return each.last().cloned();
            }
            self.together(&each.cloned().collect::<Vec<_>>())
        };
        pods.declared.get_or_init(declare).clone()
    }

    /// The pods of an object's template, both by position.
    fn pods_of(&self, object: usize, template: usize) -> Option<&Pods<'a>> {
        self.pods.get(self.first_pods.get(&object)? + template)
    }

    /// The ports of several pods; `None` if that is too much work.
    pub(super) fn together(&self, all: &[Rc<Declared>]) -> Option<Rc<Declared>> {
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
            Rc::new(together)
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

    /// The monitors that scrape the pods of a template, directly or through a Service; more than [`MOST_NAMED`] are not all
    /// returned.
    pub fn monitors_of(&self, object: usize, template: usize) -> Vec<&Monitor<'a>> {
        let fronts = self.fronts_of(object, template).iter();
        self.few_monitors(fronts.flat_map(|front| {
            let front = &self.fronts[*front];
            let watches = front.watches.iter();
            let through = watches.flat_map(|it| &self.watches[*it].monitors);
            front.monitors.iter().chain(through)
        }))
    }

    fn few_monitors<'m>(&self, all: impl Iterator<Item = &'m usize>) -> Vec<&Monitor<'a>> {
        let mut few = BTreeSet::new();
        for monitor in all {
            if few.len() > MOST_NAMED {
                break;
            }
            few.insert(*monitor);
        }
        few.into_iter().map(|at| &self.monitors[at]).collect()
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
                    self.fronts[*front]
                        .services
                        .iter()
                        .copied()
                        .min_by_key(rank)
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
                    Rc::make_mut(&mut declared).ports.extend(&more.ports);
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

    /// The monitors that scrape a Service; more than [`MOST_NAMED`] are not all returned.
    pub fn monitors_of_service(&self, service: &Service<'a>) -> Vec<&Monitor<'a>> {
        let watches = service.watches.iter();
        self.few_monitors(watches.flat_map(|it| &self.watches[*it].monitors))
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
    /// Services with an address come before headless ones, then they are in the order of their names.
    pub fn rank(&self) -> (bool, &str) {
        let address = self.resource.node.text_at(["spec", "clusterIP"]);
        (address.as_deref() == Some("None"), &self.resource.name)
    }
}

impl Monitor<'_> {
    /// The items that it selects, in parts; none if that is too much work.
    fn find(&self, items: &Labelled<'_>, work: &Work) -> Vec<Rc<Matches>> {
        let node = self.resource.node;
        // An absent selector selects nothing.
        let Some(selector) = node.at(["spec", "selector"]) else {
            return Vec::new();
        };
        let selector = LabelSelector::of_object(selector);
        if node.bool_at(["spec", "namespaceSelector", "any"]) == Some(true) {
            return items.find(&selector, None, work).unwrap_or_default();
        }
        let names = node.items_at(["spec", "namespaceSelector", "matchNames"]);
        let names: BTreeSet<_> = names.filter_map(Node::text).collect();
        if names.is_empty() {
            let namespace = self.resource.namespace.as_deref();
            return items.find(&selector, namespace, work).unwrap_or_default();
        }
        // An object without a namespace is in none of the named ones.
        let names = names.iter();
        let found = names.filter_map(|it| items.find_within(&selector, Some(it), work));
        found.filter(|it| !it.items.is_empty()).collect()
    }
}
