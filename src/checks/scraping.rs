//! FIT-PRM002, FIT-PRM003, FIT-PRM005 and FIT-PRM007: metrics that are scraped more than once, which makes every sum over them
//! wrong, or not at all.
//!
//! The check reads the annotations of the objects that the section `prometheus` selects, with the edits of the config: those
//! of pods, or with `placement: Service` those of Services. A number is scraped whether or not a container declares it, so
//! it is only reported if all containers declare other ports; the OpenTelemetry Collector scrapes only declared ports.
//! Annotations of a Deployment or a Job are reported with any config: readers look at pods and Services.

use std::borrow::Cow;
use std::sync::Arc;

use jsonptr::Pointer;
use kustomize_krm_types::Severity;

use super::{Check, Find, Scene};
use crate::config::Section;
use crate::facts::View;
use crate::finding::{Finding, Mode, Subject};
use crate::objects::{Container, Pods, Service};
use crate::problem::field_path;
use crate::read::Resource;
use crate::rules::{Rule, rule};
use crate::select::Selected;
use crate::transformers::Scope;
use crate::transformers::prometheus::{Convention, Ports, Prometheus, Word};
use crate::yaml::{Node, Value};

const TWICE: Rule = rule(
    "FIT-PRM002",
    Severity::Warning,
    "metrics that are scraped twice, by annotations and in another way",
);
const SEVERAL: Rule = rule(
    "FIT-PRM003",
    Severity::Warning,
    "several ports that are all scraped",
);
const NO_PORT: Rule = rule(
    "FIT-PRM005",
    Severity::Error,
    "an annotated port that no container declares",
);
const MISPLACED: Rule = rule(
    "FIT-PRM007",
    Severity::Warning,
    "scrape annotations on a workload, where no reader looks",
);

pub(super) const CHECK: Check = Check {
    name: "scraping",
    rules: &[TWICE, SEVERAL, NO_PORT, MISPLACED],
    find: &[
        Find::Object(|scene, selected| {
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
                (false, _) => of_pods(scene, selected, &section),
                (true, Some(service)) => of_service(scene, service, &section),
                (true, None) => Vec::new(),
            }
        }),
        Find::Object(misplaced),
    ],
};

/// Scrape annotations of a workload whose pods have none: a frequent mistake.
fn misplaced(scene: &Scene<'_>, selected: &Selected<'_, '_>) -> Vec<Finding> {
    let resource = selected.target.resource;
    let is_workload = matches!(resource.group(), "apps" | "batch" | "argoproj.io")
        || resource.kind == "ReplicationController";
    let [template] = selected.target.templates.as_slice() else {
        return Vec::new();
    };
    if !is_workload || selected.skips("prometheus") {
        return Vec::new();
    }
    let default = Prometheus::default();
    let scope = Scope::of(&scene.transformers.prometheus, scene.selection, selected);
    let section = scope.section();
    let settings = section.as_ref().map_or(&default, |it| &it.settings);
    let word = |key: &str, value: &str| {
        let own = settings.word(key, value);
        own.or_else(|| settings.others_word(key, value).map(|it| it.0))
    };
    let said = |annotations: Option<Node<'_>>| {
        let mut entries = annotations.into_iter().flat_map(Node::entries);
        entries.find_map(|(key, value)| {
            let (key, value) = (key.text()?, value.text()?);
            word(&key, &value).map(|_| (key.into_owned(), value.into_owned()))
        })
    };
    let places: [&[&str]; 2] = [
        &["metadata", "annotations"],
        &["spec", "jobTemplate", "metadata", "annotations"],
    ];
    let at = |path: &[&str]| resource.node.at(path.iter().copied());
    let found = places
        .into_iter()
        .find_map(|path| Some((path, said(at(path))?)));
    let Some((path, (key, value))) = found else {
        return Vec::new();
    };
    if said(template.node.at(["metadata", "annotations"])).is_some() {
        return Vec::new();
    }
    let kind = if path[0] == "metadata" {
        &resource.kind
    } else {
        "Job"
    };
    let message = format!(
        "{key} is on a {kind}, where no reader looks: scrape annotations belong to pods or Services"
    );
    let field: Vec<&str> = path.iter().copied().chain([key.as_str()]).collect();
    let to = template.pod_metadata.at(&["annotations"]);
    let finding = Finding::new(&MISPLACED, message)
        .about(&Subject::object(), &field)
        .current(Some(Value::from(value.as_str())))
        .help(format!("move it to {}", field_path(&to)));
    vec![finding]
}

/// Pods that are scraped twice, or whose annotations name a port that does not exist.
fn of_pods(
    scene: &Scene<'_>,
    selected: &Selected<'_, '_>,
    section: &Section<'_, Prometheus>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let resource = selected.target.resource;
    let related = &scene.objects().related;
    let settings = &section.settings;
    let (scrape, port) = (settings.key("scrape"), settings.key("port"));
    for (place, template) in selected.target.templates.iter().enumerate() {
        if section.settings.leaves(resource, template) {
            continue;
        }
        let scrapers = related.scrapers_of(selected.index, place);
        let services = || related.services_of(selected.index, place);
        // Most pods need no check with their edits.
        let may_be_scraped = |it: &Service<'_>| {
            it.resource.annotation(&scrape).is_some() || !scene.changes_of(it.object).is_empty()
        };
        let ports_of = |it: &Container<'_>| it.node.items_at(["ports"]).count();
        let is_unsuspicious = scrapers.is_empty()
            && !settings.names_ports()
            && settings.convention() != Convention::OpenTelemetry
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
        // An invalid list of ports stops the run where it is needed.
        let Ok(ports) = Ports::of_pods(resource, template) else {
            continue;
        };
        findings.extend(annotations.undeclared(&ports));
        if !annotations.ask_for(annotations.of) {
            continue;
        }
        let services = services().filter_map(|it| annotations.of_service(scene, it));
        let scrapers = scrapers.into_iter().map(Resource::display_name);
        findings.extend(services.chain(scrapers).map(|by| annotations.twice(&by)));
        findings.extend(annotations.several(&ports));
    }
    findings
}

/// A Service that is scraped twice, or whose annotations name a port that does not exist.
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
    let mut findings: Vec<Finding> = annotations.undeclared(&ports);
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
    let scrapers = related.scrapers_of_service(service).into_iter();
    let scrapers = scrapers.map(Resource::display_name);
    let services = related.services_beside(service).into_iter();
    let services = services.filter_map(|it| annotations.of_service(scene, it));
    let others = pods.into_iter().chain(scrapers).chain(services);
    findings.extend(others.map(|by| annotations.twice(&by)));
    findings.extend(annotations.several(&ports));
    findings
}

/// The annotations of pods or of a Service, with the edits.
struct Annotations<'v> {
    section: &'v Section<'v, Prometheus>,
    /// Their metadata.
    subject: &'v Arc<Subject>,
    /// The template or Service.
    of: View<'v>,
}

impl<'v> Annotations<'v> {
    fn get(&self, name: &str) -> Option<Cow<'v, str>> {
        self.get_of(self.of, name)
    }

    /// An annotation of another template or Service, with the same prefix.
    fn get_of<'o>(&self, other: View<'o>, name: &str) -> Option<Cow<'o, str>> {
        let key = self.section.settings.key(name);
        other.text_at(["metadata", "annotations", &key])
    }

    /// Whether a template or a Service asks to be scraped.
    fn ask_for(&self, of: View<'_>) -> bool {
        let annotations = of.at(["metadata", "annotations"]).into_iter();
        let mut entries = annotations.flat_map(View::entries);
        let settings = &self.section.settings;
        entries.any(|(key, value)| settings.word(&key, &value.text()) == Some(Word::Scrape))
    }

    /// Whether the annotations of another template or Service lead to the same port.
    fn share_a_target(&self, other: View<'_>) -> bool {
        let is_one = match (self.get("port"), self.get_of(other, "port")) {
            (Some(own), Some(others)) => own == others,
            _ => true,
        };
        is_one && self.ask_for(other)
    }

    /// A Service in front of the pods, if its annotations lead to the same port.
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
        finding.help("keep one of them: set the scrape annotation to \"false\", or set `scrape: false` for it in the config")
    }

    /// Several ports, each of which is a target of Prometheus.
    fn several(&self, ports: &Ports<'_>) -> Option<Finding> {
        if ports.targets() < 2 || self.section.settings.convention() != Convention::PrometheusIo {
            return None;
        }
        // Prometheus drops duplicate targets of one port if their labels are equal, which is the usual case.
        let (severity, how) = match self.get("port") {
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
        let Some(port) = self.get("port") else {
            return Vec::new();
        };
        if !self.ask_for(self.of) && self.get("scrape").is_some() {
            return Vec::new();
        }
        let insists = self.section.settings.insists();
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
        let annotations = self.of.at(["metadata", "annotations"]).into_iter();
        let entries = annotations.flat_map(View::entries);
        let hinted = entries.filter_map(|(key, value)| {
            let settings = &self.section.settings;
            let hint = key.strip_prefix(settings.prefix())?;
            let port = hint.strip_prefix('.')?.strip_suffix("/enabled")?;
            (value.text() == "true").then(|| port.to_owned())
        });
        hinted.collect()
    }
}
