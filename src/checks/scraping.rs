//! FIT-PRM002, FIT-PRM003, FIT-PRM005 and FIT-PRM007: metrics that are scraped more than once, which makes every sum over them
//! wrong, or not at all.
//!
//! The check reads the annotations of the objects that the section `prometheus` selects, with the edits of the config: those
//! of pods, or with `placement: Service` those of Services. A number is scraped whether or not a container declares it, so
//! it is only reported if all containers declare other ports; the OpenTelemetry Collector scrapes only declared ports.
//! Annotations of a Deployment or a Job are reported with any config: readers look at pods and Services.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use jsonptr::Pointer;
use kustomize_krm_types::Severity;

use super::{Check, Find, Scene};
use crate::config::Section;
use crate::facts::View;
use crate::finding::{Finding, Mode, Subject};
use crate::hashing::HashMap;
use crate::objects::{Container, Service};
use crate::problem::field_path;
use crate::read::Resource;
use crate::rules::{Rule, rule};
use crate::select::Selected;
use crate::text::{MOST_NAMED, few};
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
        Find::Scene(|scene| {
            let mut others = Others {
                scene: *scene,
                by_services: HashMap::default(),
                by_pods: HashMap::default(),
                of_pods: HashMap::default(),
                around: HashMap::default(),
            };
            let mut findings = Vec::new();
            for selected in &scene.selection.selected {
                let found = of_object(&mut others, selected).into_iter();
                findings.extend(found.map(|it| it.of(selected.index)));
            }
            findings
        }),
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

/// The ports in the annotations of those that ask to be scraped, with who they are; `None` without a port.
type Asking = BTreeMap<Option<String>, Vec<usize>>;

/// Who else is scraped, each looked up once for each prefix of annotations.
struct Others<'s> {
    scene: Scene<'s>,
    /// The Services of each front, by index.
    by_services: HashMap<(usize, String), Rc<Asking>>,
    /// The pods behind each front.
    by_pods: HashMap<(usize, String), Rc<Asking>>,
    /// The port of each template that asks.
    of_pods: HashMap<(usize, usize, String), Option<Option<String>>>,
    /// The Services around each front that lead to a port.
    around: HashMap<(usize, String, Option<String>), Rc<Vec<usize>>>,
}

impl<'s> Others<'s> {
    /// The Services of a front that ask to be scraped.
    fn services(&mut self, front: usize, section: &Section<'_, Prometheus>) -> Rc<Asking> {
        let scene = self.scene;
        let ask = || {
            let mut asking = Asking::new();
            for service in scene.objects().related.services_of(front) {
                // Most Services need no look at their edits.
                let is_changed = !scene.changes_of(service.object).is_empty();
                if is_changed || service.resource.annotations().is_some() {
                    let edits = scene.after(service.object);
                    let view = edits.view(service.resource.node, Pointer::root());
                    let port = port_asked(view, section);
                    let asked = port.map(|port| asking.entry(port).or_default());
                    asked.into_iter().for_each(|it| it.push(service.object));
                }
            }
            Rc::new(asking)
        };
        let prefix = section.settings.key("");
        Rc::clone(self.by_services.entry((front, prefix)).or_insert_with(ask))
    }

    /// The pods behind a front that ask to be scraped.
    fn pods(&mut self, front: usize, section: &Section<'_, Prometheus>) -> Rc<Asking> {
        let scene = self.scene;
        let prefix = section.settings.key("");
        if let Some(known) = self.by_pods.get(&(front, prefix.clone())) {
            return Rc::clone(known);
        }
        let mut asking = Asking::new();
        for pods in scene.objects().related.pods_behind(front) {
            let port = || {
                let template = scene.objects().template_of(pods)?;
                let edits = scene.after(pods.object);
                port_asked(edits.view(template.node, &template.path), section)
            };
            let known = self
                .of_pods
                .entry((pods.object, pods.template, prefix.clone()));
            if let Some(port) = known.or_insert_with(port) {
                let asked = asking.entry(port.clone()).or_default();
                asked.push(pods.object);
            }
        }
        let asking = Rc::new(asking);
        self.by_pods.insert((front, prefix), Rc::clone(&asking));
        asking
    }

    /// The Services with some of the pods of a front that lead to a port.
    fn around(
        &mut self,
        front: usize,
        section: &Section<'_, Prometheus>,
        port: Option<&str>,
    ) -> Rc<Vec<usize>> {
        let related = &self.scene.objects().related;
        let key = (front, section.settings.key(""), port.map(str::to_owned));
        if let Some(known) = self.around.get(&key) {
            return Rc::clone(known);
        }
        let around = related.fronts_around(front);
        let around = match related.may_compare(around.len()) {
            true => around,
            false => &[front],
        };
        let mut leading = Vec::new();
        for front in around {
            let asking = self.services(*front, section);
            // One more, because the Service itself is among them.
            let more = MOST_NAMED + 2 - leading.len();
            leading.extend(leading_to(&asking, port).take(more));
        }
        let leading = Rc::new(leading);
        self.around.insert(key, Rc::clone(&leading));
        leading
    }
}

/// The port that a template or a Service is scraped at by its annotations, which may be left out; `None` if it does not ask
/// for it.
fn port_asked(of: View<'_>, section: &Section<'_, Prometheus>) -> Option<Option<String>> {
    let settings = &section.settings;
    let port = of.text_at(["metadata", "annotations", &settings.key("port")]);
    ask_for(of, settings).then(|| port.map(Cow::into_owned))
}

/// Whether the annotations of a template or a Service ask the reader of the section to scrape.
fn ask_for(of: View<'_>, settings: &Prometheus) -> bool {
    let annotations = of.at(["metadata", "annotations"]).into_iter();
    let mut entries = annotations.flat_map(View::entries);
    entries.any(|(key, value)| settings.word(&key, &value.text()) == Some(Word::Scrape))
}

/// Those that lead to the same port as some annotations. Without a port, that is every port.
fn leading_to(asking: &Asking, port: Option<&str>) -> impl Iterator<Item = usize> {
    let (one, all) = match port {
        Some(port) => {
            let of = |port: Option<String>| asking.get(&port);
            let some = [of(Some(port.to_owned())), of(None)];
            (Some(some.into_iter().flatten()), None)
        }
        None => (None, Some(asking.values())),
    };
    let lists = one.into_iter().flatten().chain(all.into_iter().flatten());
    lists.flatten().copied()
}

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
        let entries = annotations.into_iter().flat_map(Node::entries);
        let said = entries.filter_map(|(key, value)| {
            let (key, value) = (key.text()?, value.text()?);
            word(&key, &value).map(|_| (key.into_owned(), value.into_owned()))
        });
        said.collect::<Vec<_>>()
    };
    let places: [&[&str]; 2] = [
        &["metadata", "annotations"],
        &["spec", "jobTemplate", "metadata", "annotations"],
    ];
    let at = |path: &[&str]| resource.node.at(path.iter().copied());
    let mut found = places.into_iter().map(|path| (path, said(at(path))));
    let Some((path, found)) = found.find(|(_, found)| !found.is_empty()) else {
        return Vec::new();
    };
    if !said(template.node.at(["metadata", "annotations"])).is_empty() {
        return Vec::new();
    }
    let (key, value) = &found[0];
    let keys: Vec<String> = found.iter().map(|(key, _)| key.clone()).collect();
    let keys = few(&keys).unwrap_or_default();
    let (are, them) = match found.len() {
        1 => ("is", "it"),
        _ => ("are", "them"),
    };
    let kind = if path[0] == "metadata" {
        &resource.kind
    } else {
        "Job"
    };
    let message = format!(
        "{keys} {are} on a {kind}, where no reader looks: scrape annotations belong to pods or Services"
    );
    let field: Vec<&str> = path.iter().copied().chain([key.as_str()]).collect();
    let to = template.pod_metadata.at(&["annotations"]);
    let finding = Finding::new(&MISPLACED, message)
        .about(&Subject::object(), &field)
        .current(Some(Value::from(value.as_str())))
        .help(format!("move {them} to {}", field_path(&to)));
    vec![finding]
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
        if !annotations.are_followed() {
            continue;
        }
        let port = annotations.get("port");
        let services = services
            .iter()
            .flat_map(|it| leading_to(it, port.as_deref()));
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
    let annotations = Annotations {
        section,
        subject: &Subject::metadata(),
        of: edits.view(service.resource.node, Pointer::root()),
    };
    let ports = Ports::of_service(related, service);
    let mut findings: Vec<Finding> = annotations.undeclared(&ports);
    if !annotations.are_followed() {
        return findings;
    }
    let port = annotations.get("port");
    let port = port.as_deref();
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
    /// The template or Service.
    of: View<'v>,
}

impl<'v> Annotations<'v> {
    fn get(&self, name: &str) -> Option<Cow<'v, str>> {
        let key = self.section.settings.key(name);
        self.of.text_at(["metadata", "annotations", &key])
    }

    /// Whether they ask to be scraped.
    fn are_followed(&self) -> bool {
        ask_for(self.of, &self.section.settings)
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
        let insists = self.section.settings.insists();
        // FIT-PRM006 says that a name alone asks for nothing.
        let is_name = port.parse::<u16>().is_err() && !insists;
        if !self.are_followed() && (is_name || self.get("scrape").is_some()) {
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
