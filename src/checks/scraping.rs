//! FIT-PRM002, FIT-PRM003, FIT-PRM005 and FIT-PRM007: metrics that are scraped more than once, which makes every sum over them
//! wrong, or not at all.
//!
//! The check reads the annotations of the objects that the section `prometheus` selects, with the edits of the config: those
//! of pods, or with `placement: Service` those of Services. A number is scraped whether or not a container declares it, so
//! it is only reported if all containers declare other ports; the OpenTelemetry Collector scrapes only declared ports.
//! Annotations of a Deployment or a Job are reported with any config: readers look at pods and Services.

mod misplaced;
mod others;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use jsonptr::Pointer;
use kustomize_krm_types::Severity;

use super::{Check, Find, Scene};
use crate::config::Section;
use crate::facts::View;
use crate::finding::{Finding, Mode, Subject};
use crate::objects::{Container, Service};
use crate::read::Resource;
use crate::rules::{Rule, rules};
use crate::select::Selected;
use crate::text::{MOST_NAMED, few};
use crate::transformers::Scope;
use crate::transformers::prometheus::{Convention, Ports, Prometheus};
use crate::yaml::Value;
use misplaced::misplaced;
use others::{Others, ask_for, leading_to};

rules! {
    RULES;
    TWICE: "FIT-PRM002" Warning Always "metrics that are scraped twice, by annotations and in another way";
    SEVERAL: "FIT-PRM003" Warning Always "several ports that are all scraped";
    NO_PORT: "FIT-PRM005" Error Always "an annotated port that no container declares";
    MISPLACED: "FIT-PRM007" Warning Always "scrape annotations on a workload, where no reader looks";
}

pub(super) const CHECK: Check = Check {
    name: "scraping",
    rules: RULES,
    find: &[
        Find::Comparing(&Find::Scene(|scene| {
            let mut others = Others::of(*scene);
            let mut findings = Vec::new();
            for selected in &scene.selection.selected {
                let found = of_object(&mut others, selected).into_iter();
                findings.extend(found.map(|it| it.of(selected.index)));
            }
            findings
        })),
        Find::Object(misplaced),
    ],
};

fn of_object(others: &mut Others<'_>, selected: &Selected<'_, '_>) -> Vec<Finding> {
    let scene = others.scene;
    let service = scene.objects().related.service(selected.index);
    let has_some = service.is_some() || !selected.target.templates.is_empty();
    if !has_some || selected.skips("prometheus") {
        return Vec::new();
    }
    let sections = &scene.transformers.prometheus;
    let scope = Scope::of(sections, scene.selection, selected);
    let Some(section) = scope.section() else {
        return Vec::new();
    };
    let is_left = matches!(section.mode("scrape"), Mode::Off | Mode::Remove);
    match (section.settings.annotates_services(), service) {
        _ if is_left || !section.settings.scrapes() => Vec::new(),
        (false, _) => of_pods(others, selected, &section),
        (true, Some(service)) => of_service(others, service, &section),
        (true, None) => Vec::new(),
    }
}

/// Pods that are scraped twice, or whose annotations name a port that does not exist.
fn of_pods(
    others: &mut Others<'_>,
    selected: &Selected<'_, '_>,
    section: &Section<'_, Prometheus>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let resource = selected.target.resource;
    let scene = others.scene;
    let related = &scene.objects().related;
    let settings = &section.settings;
    let port = settings.key("port");
    for (place, template) in selected.target.templates.iter().enumerate() {
        if section.settings.leaves(resource, template) {
            continue;
        }
        let scrapers: Vec<_> = related.scrapers_of(selected.index, place).collect();
        let fronts = related.fronts_of(selected.index, place).iter();
        let services: Vec<_> = fronts.map(|it| others.services(*it, section)).collect();
        let ports_of = |it: &Container<'_>| it.node.items_at(["ports"]).count();
        // Most pods need no check with their edits.
        let is_unsuspicious = scrapers.is_empty()
            && !settings.names_ports()
            && settings.convention() != Convention::OpenTelemetry
            && template.containers.iter().map(ports_of).sum::<usize>() < 2
            && template.annotation(&port).is_none()
            && services.iter().all(|it| it.is_empty());
        if is_unsuspicious {
            continue;
        }
        let edits = scene.after_in_metadata(selected.index, template);
        let of = edits.view(template.node, &template.path);
        let annotations = Annotations::of(of, &template.pod_metadata, section);
        // An invalid list of ports stops the run where it is needed.
        let Ok(ports) = Ports::of_pods(resource, template) else {
            continue;
        };
        findings.extend(annotations.undeclared(&ports));
        if !annotations.are_followed {
            continue;
        }
        let port = annotations.port.as_deref();
        let services = services.iter().flat_map(|it| leading_to(it, port));
        let services = services.map(|it| name_of_service(&scene, it));
        let scrapers = scrapers.into_iter().map(Resource::display_name);
        findings.extend(annotations.twice(services.chain(scrapers)));
        findings.extend(annotations.several(&ports));
    }
    findings
}

/// A Service that is scraped twice, or whose annotations name a port that does not exist.
fn of_service(
    others: &mut Others<'_>,
    service: &Service<'_>,
    section: &Section<'_, Prometheus>,
) -> Vec<Finding> {
    let scene = others.scene;
    let related = &scene.objects().related;
    if service.fronts.is_empty() {
        return Vec::new();
    }
    let edits = scene.after(service.object);
    let of = edits.view(service.resource.node, Pointer::root());
    let subject = Subject::metadata();
    let annotations = Annotations::of(of, &subject, section);
    let ports = Ports::of_service(related, service);
    let mut findings: Vec<Finding> = annotations.undeclared(&ports);
    if !annotations.are_followed {
        return findings;
    }
    let port = annotations.port.as_deref();
    let mut fronts = service.fronts.iter();
    let pods = fronts
        .any(|it| {
            leading_to(&others.pods(*it, section), port)
                .next()
                .is_some()
        })
        .then(|| "the annotations of its pods".to_owned());
    let scrapers = related.scrapers_of_service(service);
    let scrapers = scrapers.map(Resource::display_name);
    let fronts = service.fronts.iter();
    let nearby: Vec<_> = fronts.map(|it| others.around(*it, section, port)).collect();
    let nearby: BTreeSet<usize> = nearby.iter().flat_map(|it| it.iter().copied()).collect();
    let nearby = nearby.into_iter().filter(|it| *it != service.object);
    let services = nearby.map(|it| name_of_service(&scene, it));
    findings.extend(annotations.twice(pods.into_iter().chain(scrapers).chain(services)));
    findings.extend(annotations.several(&ports));
    findings
}

fn name_of_service(scene: &Scene<'_>, service: usize) -> String {
    let service = &scene.objects().resources[service];
    format!("the annotations of {}", service.display_name())
}

/// The annotations of pods or of a Service, with the edits.
struct Annotations<'v> {
    section: &'v Section<'v, Prometheus>,
    /// Their metadata.
    subject: &'v Arc<Subject>,
    all: Option<View<'v>>,
    port: Option<Cow<'v, str>>,
    /// Whether they ask to be scraped.
    are_followed: bool,
}

impl<'v> Annotations<'v> {
    /// The annotations of a template or a Service.
    fn of(
        of: View<'v>,
        subject: &'v Arc<Subject>,
        section: &'v Section<'v, Prometheus>,
    ) -> Annotations<'v> {
        let all = of.at(["metadata", "annotations"]);
        Annotations {
            section,
            subject,
            all,
            port: all.and_then(|all| all.text_at([section.settings.key("port").as_ref()])),
            are_followed: all.is_some_and(|all| ask_for(all, &section.settings)),
        }
    }

    fn finding(
        &self,
        rule: &'static Rule,
        severity: Severity,
        message: String,
        name: &str,
        leaf: &str,
    ) -> Finding {
        let key = self.section.settings.key(name);
        Finding::graded(rule, severity, message)
            .about(self.subject, &["annotations", &key])
            .decided_by(self.section.decision(leaf))
    }

    fn twice(&self, by: impl Iterator<Item = String>) -> Option<Finding> {
        let by: Vec<String> = by.take(MOST_NAMED + 1).collect();
        let others = few(&by)?;
        let often = if by.len() == 1 {
            "twice"
        } else {
            "more than once"
        };
        let message = format!("it is scraped {often}: by its own annotations and by {others}");
        let finding = self.finding(&TWICE, Severity::Warning, message, "scrape", "scrape");
        Some(finding.help("keep one of them: set the scrape annotation to \"false\", or set `scrape: false` for it in the config"))
    }

    /// Several ports, each of which is a target of Prometheus.
    fn several(&self, ports: &Ports<'_>) -> Option<Finding> {
        if ports.targets() < 2 || self.section.settings.convention() != Convention::PrometheusIo {
            return None;
        }
        // Prometheus drops duplicate targets of one port if their labels are equal, which is the usual case.
        let (severity, how) = match &self.port {
            Some(port) => {
                let how =
                    format!("each is a target of Prometheus, and all of them scrape port {port}");
                (Severity::Info, how)
            }
            None => {
                let how = "without a port annotation, each of them is scraped".to_owned();
                (Severity::Warning, how)
            }
        };
        let message = format!("{} ports are declared: {how}", ports.targets());
        let finding = self.finding(&SEVERAL, severity, message, "port", "scrape");
        Some(finding.help("select the port by name in a PodMonitor or ServiceMonitor, or exempt it from FIT-PRM003 if the scrape config keeps one target per pod"))
    }

    /// Annotated ports that are not scraped, or probably wrong.
    fn undeclared(&self, ports: &Ports<'_>) -> Vec<Finding> {
        let help = "fix the annotation, or set `prometheus.port` with the mode Override";
        if self.section.settings.convention() == Convention::OpenTelemetry {
            let unseen = self.hinted().into_iter();
            let unseen = unseen.filter(|port| !ports.is_declared_by_ordinary(port));
            let finding = |port: String| {
                let message = format!(
                    "port {port} is annotated, but the collector scrapes only ports that ordinary containers declare"
                );
                Finding::graded(&NO_PORT, Severity::Warning, message)
                    .about(self.subject, &["annotations"])
                    .decided_by(self.section.decision("port"))
                    .help("declare it under `ports` of its container")
            };
            return unseen.map(finding).collect();
        }
        let Some(port) = &self.port else {
            return Vec::new();
        };
        let insists = self.section.settings.insists();
        // FIT-PRM006 says that a name alone asks for nothing.
        let is_name = port.parse::<u16>().is_err() && !insists;
        let has = |name: &str| {
            let key = self.section.settings.key(name);
            self.all.is_some_and(|all| all.get(&key).is_some())
        };
        if !self.are_followed && (is_name || has("scrape")) {
            return Vec::new();
        }
        let (severity, why) = match port.parse::<u16>() {
            Ok(number) if ports.may_have(number) => return Vec::new(),
            Ok(_) => (Severity::Warning, ports.undeclared()),
            Err(_) => {
                let severity = if insists {
                    Severity::Error
                } else {
                    Severity::Warning
                };
                (
                    severity,
                    "is not a number, and Prometheus does not look up port names",
                )
            }
        };
        let message = format!("port {port} is annotated, which {why}");
        let finding = self.finding(&NO_PORT, severity, message, "port", "port");
        let finding = finding.current(Some(Value::from(port.as_ref())));
        vec![finding.help(help)]
    }

    /// The ports that hints of the OpenTelemetry Collector name.
    fn hinted(&self) -> Vec<String> {
        let entries = self.all.into_iter().flat_map(View::entries);
        let hinted = entries.filter_map(|(key, value)| {
            let settings = &self.section.settings;
            let hint = key.strip_prefix(settings.prefix())?;
            let port = hint.strip_prefix('.')?.strip_suffix("/enabled")?;
            (value.text() == "true").then(|| port.to_owned())
        });
        hinted.collect()
    }
}
