//! Services and the pods behind them, and who has both scraped.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Pods, Related, Service, few_scrapers};
use crate::hashing::HashSet;
use crate::objects::labels::{Labelled, Matches};
use crate::objects::monitors::{Monitor, Namespaces, Selects};
use crate::objects::ports::{Declared, TargetPort};
use crate::read::Resource;
use crate::yaml::Node;

impl<'a> Related<'a> {
    /// The ports of pods; `None` if that is too much work.
    pub(in crate::objects) fn declared(&self, pods: &Matches) -> Option<Arc<Declared>> {
        self.declared_by(pods, |it| self.pods[it].declared())
    }

    /// The ports of what a monitor selects; `None` if that is too much work.
    pub(in crate::objects) fn monitored_ports(
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
    pub(in crate::objects) fn together(&self, all: &[Arc<Declared>]) -> Option<Arc<Declared>> {
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

    /// The objects that have the pods of a template scraped, directly or through a Service; more than [`crate::text::MOST_NAMED`] are not
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
    pub(in crate::objects) fn all_pods(&self) -> &[Pods<'a>] {
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

    /// The objects that have the pods of a Service scraped through it; more than [`crate::text::MOST_NAMED`] are not all returned.
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
    pub(in crate::objects) fn labelled(&self, selects: Selects) -> &Labelled<'a> {
        match selects {
            Selects::Pods => &self.labels_of_pods,
            Selects::Services => &self.labels_of_services,
        }
    }

    /// The pods or Services that a monitor may select, in parts; `None` if that is too much work.
    pub(in crate::objects) fn find_monitored(
        &self,
        monitor: &Monitor<'_>,
    ) -> Option<Vec<Arc<Matches>>> {
        let labelled = self.labelled(monitor.selects);
        let mut found = monitor.find(labelled, &self.work)?;
        if let Namespaces::Named(_) = monitor.namespaces {
            let anywhere = labelled.find_within(&monitor.selector, None, &self.work)?;
            found.extend(Some(anywhere).filter(|it| !it.items.is_empty()));
        }
        Some(found)
    }

    /// The first object in any namespace that a monitor could select.
    pub(in crate::objects) fn first_monitored(
        &self,
        monitor: &Monitor<'_>,
    ) -> Option<&'a Resource<'a>> {
        let labelled = self.labelled(monitor.selects);
        let first = labelled.first(&monitor.selector, &self.work)?;
        Some(match monitor.selects {
            Selects::Pods => self.pods[first].resource,
            Selects::Services => self.services[first].resource,
        })
    }
}
