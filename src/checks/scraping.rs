//! FIT-PRM002, FIT-PRM003 and FIT-PRM005: metrics that are read more than once, which makes every sum over them wrong, or
//! not at all.
//!
//! Judged are the annotations as they will be, where the section `prometheus` is for the object: those of pods, or with
//! `placement: Service` those of Services.

use std::borrow::Cow;
use std::sync::Arc;

use jsonptr::Pointer;
use kustomize_krm_types::Severity;

use super::{Check, Find, Scene};
use crate::config::Section;
use crate::facts::View;
use crate::finding::{Finding, Mode, Subject};
use crate::objects::{Container, Monitor, Pods, Service};
use crate::rules::{Rule, rule};
use crate::select::Selected;
use crate::transformers::Scope;
use crate::transformers::prometheus::{Ports, Prometheus};
use crate::yaml::Value;

const TWICE: Rule = rule(
    "FIT-PRM002",
    Severity::Warning,
    "metrics that are read twice, by annotations and by something else",
);
const SEVERAL: Rule = rule(
    "FIT-PRM003",
    Severity::Warning,
    "several ports, each of which is scraped",
);
const NO_PORT: Rule = rule(
    "FIT-PRM005",
    Severity::Error,
    "an annotated port that no container declares",
);

pub(super) const CHECK: Check = Check {
    name: "scraping",
    rules: &[TWICE, SEVERAL, NO_PORT],
    find: Find::Objects(|scene| {
        let mut findings = Vec::new();
        for selected in &scene.selection.selected {
            let service = scene.objects().related.service(selected.index);
            let has_some = service.is_some() || !selected.target.templates.is_empty();
            if !has_some || selected.skips("prometheus") {
                continue;
            }
            let sections = &scene.transformers.prometheus;
            let scope = Scope::of(sections, scene.selection, selected);
            let Some(section) = scope.section() else {
                continue;
            };
            let is_silent = matches!(section.mode("scrape"), Mode::Off | Mode::Remove);
            if is_silent || !section.settings.scrapes() {
                continue;
            }
            let found = match (section.settings.annotates_services(), service) {
                (false, _) => of_pods(scene, selected, &section),
                (true, Some(service)) => of_service(scene, service, &section),
                (true, None) => Vec::new(),
            };
            findings.extend(found.into_iter().map(|it| it.of(selected.index)));
        }
        findings
    }),
};

/// Pods that are scraped by their annotations and by something else, or by annotations that lead nowhere.
fn of_pods(
    scene: &Scene<'_>,
    selected: &Selected<'_, '_>,
    section: &Section<'_, Prometheus>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let resource = selected.target.resource;
    let related = &scene.objects().related;
    let (scrape, port) = (section.settings.key("scrape"), section.settings.key("port"));
    for (place, template) in selected.target.templates.iter().enumerate() {
        if section.settings.leaves(resource, template) {
            continue;
        }
        let monitors = related.monitors_of(selected.index, place);
        let services = || related.services_of(selected.index, place);
        // Of most pods this can be told without their edits.
        let may_be_scraped = |it: &Service<'_>| {
            it.resource.annotation(&scrape).is_some() || !scene.changes_of(it.object).is_empty()
        };
        let ports_of = |it: &Container<'_>| it.node.items_at(["ports"]).count();
        let is_unsuspicious = monitors.is_empty()
            && template.containers.iter().map(ports_of).sum::<usize>() < 2
            && template.annotation(&port).is_none()
            && !services().any(may_be_scraped);
        if is_unsuspicious {
            continue;
        }
        let edits = scene.after(selected.index);
        let annotations = Annotations {
            section,
            subject: &template.pod_metadata,
            of: edits.view(template.node, &template.path),
        };
        // A list of ports that is none stops the run, where it is asked for.
        let Ok(ports) = Ports::of_pods(resource, template) else {
            continue;
        };
        findings.extend(annotations.leads_nowhere(&ports));
        if !annotations.ask_for(annotations.of) {
            continue;
        }
        let services = services().filter_map(|it| annotations.of_service(scene, it));
        let monitors = monitors.into_iter().map(name_of);
        findings.extend(services.chain(monitors).map(|by| annotations.twice(&by)));
        findings.extend(annotations.several(&ports));
    }
    findings
}

/// A Service that is scraped by its annotations and by a monitor, or whose pods are by theirs.
fn of_service(
    scene: &Scene<'_>,
    service: &Service<'_>,
    section: &Section<'_, Prometheus>,
) -> Vec<Finding> {
    let related = &scene.objects().related;
    let mut pods = related.pods_behind(service).peekable();
    if pods.peek().is_none() {
        return Vec::new();
    }
    let edits = scene.after(service.object);
    let annotations = Annotations {
        section,
        subject: &Subject::metadata(),
        of: edits.view(service.resource.node, Pointer::root()),
    };
    let ports = Ports::of_service(related, service);
    let mut findings: Vec<Finding> = annotations.leads_nowhere(&ports).into_iter().collect();
    if !annotations.ask_for(annotations.of) {
        return findings;
    }
    let is_scraped = |pods: &Pods<'_>| {
        let template = scene.objects().template_of(pods);
        template.is_some_and(|template| {
            let edits = scene.after(pods.object);
            annotations.share_a_target(edits.view(template.node, &template.path))
        })
    };
    let pods = pods
        .any(is_scraped)
        .then(|| "the annotations of its pods".to_owned());
    let monitors = related.monitors_of_service(service).map(name_of);
    let beside = related.services_beside(service).into_iter();
    let beside = beside.filter_map(|it| annotations.of_service(scene, it));
    let others = pods.into_iter().chain(monitors).chain(beside);
    findings.extend(others.map(|by| annotations.twice(&by)));
    findings.extend(annotations.several(&ports));
    findings
}

fn name_of(monitor: &Monitor<'_>) -> String {
    monitor.resource.display_name()
}

/// The annotations of pods or of a Service, as they will be.
struct Annotations<'v> {
    section: &'v Section<'v, Prometheus>,
    /// The metadata that holds them.
    subject: &'v Arc<Subject>,
    /// What has that metadata.
    of: View<'v>,
}

impl<'v> Annotations<'v> {
    fn get(&self, name: &str) -> Option<Cow<'v, str>> {
        self.get_of(self.of, name)
    }

    /// An annotation of another template or Service, by the same prefix.
    fn get_of<'o>(&self, other: View<'o>, name: &str) -> Option<Cow<'o, str>> {
        let key = self.section.settings.key(name);
        other.text_at(["metadata", "annotations", &key])
    }

    /// Whether a template or a Service asks to be scraped.
    fn ask_for(&self, of: View<'_>) -> bool {
        self.get_of(of, "scrape").as_deref() == Some("true")
    }

    /// Whether those of another template or Service lead to the same port, too.
    fn share_a_target(&self, other: View<'_>) -> bool {
        let is_one = match (self.get("port"), self.get_of(other, "port")) {
            (Some(own), Some(others)) => own == others,
            _ => true,
        };
        is_one && self.ask_for(other)
    }

    /// What scrapes the pods by a Service in front of them, if its annotations lead to the same port.
    fn of_service(&self, scene: &Scene<'_>, service: &Service<'_>) -> Option<String> {
        let edits = scene.after(service.object);
        let view = edits.view(service.resource.node, Pointer::root());
        let by = || format!("the annotations of {}", service.resource.display_name());
        self.share_a_target(view).then(by)
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

    fn twice(&self, by: &str) -> Finding {
        let message = format!("it is scraped twice: by its own annotations and by {by}");
        let finding = self.finding(&TWICE, Severity::Warning, message, "scrape", "scrape");
        finding.help("keep one of both: annotate it with scrape \"false\", or set `scrape: false` for it in the config")
    }

    /// Each of several ports is a target of Prometheus.
    fn several(&self, ports: &Ports<'_>) -> Option<Finding> {
        if ports.targets() < 2 {
            return None;
        }
        // Targets that lead to one port are mostly dropped but for one, as far as their labels are the same.
        let (severity, how) = match self.get("port") {
            Some(port) => {
                let how = format!("each is a target of Prometheus, and all lead to port {port}");
                (Severity::Info, how)
            }
            None => {
                let how = "without a port among the annotations each is scraped".to_owned();
                (Severity::Warning, how)
            }
        };
        let message = format!("{} ports are declared: {how}", ports.targets());
        let finding = self.finding(&SEVERAL, severity, message, "port", "scrape");
        Some(finding.help("select the port by its name in a PodMonitor or ServiceMonitor, or exempt it from FIT-PRM003 if the scrape config keeps one target of each pod"))
    }

    fn leads_nowhere(&self, ports: &Ports<'_>) -> Option<Finding> {
        let port = self.get("port")?;
        if self.get("scrape").as_deref() == Some("false") || ports.leads_to(&port) {
            return None;
        }
        let why = match port.parse::<u16>() {
            Ok(_) => ports.undeclared(),
            Err(_) => "is no number, and Prometheus looks up no names",
        };
        let message = format!("the author annotated port {port}, which {why}");
        let severity = match self.section.settings.insists() {
            true => Severity::Error,
            false => Severity::Warning,
        };
        let finding = self.finding(&NO_PORT, severity, message, "port", "port");
        let finding = finding.current(Some(Value::from(port.as_ref())));
        Some(
            finding.help("correct the annotation, or set `prometheus.port` with the mode Override"),
        )
    }
}
