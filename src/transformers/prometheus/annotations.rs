//! The annotations of a pod template or a Service.

use std::borrow::Cow;

use std::collections::HashSet;
use std::sync::Arc;

use kustomize_krm_types::Severity;

use super::convention::MetricsPort;
use super::ports::{Metrics, OfImage, Ports};
use super::{
    Convention, OnAmbiguous, Port, Prometheus, is_short_lived, scraped, uses_host_network,
};
use crate::config::Section;
use crate::edit::{Edits, Meaning, Proposal};
use crate::finding::{Finding, Mode, Subject};
use crate::objects::{ContainerType, Template};
use crate::problem::Problem;
use crate::rules::rules;
use crate::sorting;
use crate::text::few;
use crate::transformers::Scope;
use crate::yaml::{Node, Value};

rules! {
    pub(super) _;
    NO_PORT: "FIT-PRM001" Error Always "no container declares the port to scrape";
    NOT_ANNOTATED: "FIT-PRM006" Info Always "pods that are not annotated, and why";
}

/// The annotations of a pod template or a Service, and the section that applies.
pub(super) struct Fitting<'f, 'a> {
    pub(super) section: &'f Section<'f, Prometheus>,
    /// The metadata with the annotations.
    pub(super) subject: Arc<Subject>,
    pub(super) annotations: Option<Node<'a>>,
    /// The pods; `None` for a Service.
    pub(super) template: Option<&'f Template<'a>>,
}

/// The ports to scrape.
struct Choice {
    ports: Vec<MetricsPort>,
    note: Option<String>,
}

/// Why nothing is set; `None` where a finding gives the reason.
type Reason = Option<String>;

impl Fitting<'_, '_> {
    fn settings(&self) -> &Prometheus {
        &self.section.settings
    }

    /// An annotation, by its key.
    fn annotation(&self, key: &str) -> Option<String> {
        Some(self.annotations?.text_at([key])?.into_owned())
    }

    /// The annotation of a setting, where one annotation has it.
    pub(super) fn present(&self, setting: &str) -> Option<String> {
        let is_one = !self.settings().convention.has_several_ports();
        is_one.then(|| self.annotation(&self.settings().key(setting)))?
    }

    /// Annotates pods. Returns why not, if no other finding says it.
    pub(super) fn fit_pods(
        &self,
        scope: &Scope<'_, '_, Prometheus>,
        place: usize,
        template: &Template<'_>,
        edits: &mut Edits<'_>,
    ) -> Result<Reason, Problem> {
        let settings = self.settings();
        let resource = scope.target().resource;
        let mode = self.section.mode("scrape");
        let reason = |reason: &str| Ok(Some(reason.to_owned()));
        if !template.has_metadata {
            return reason("its kind has no annotations for pods");
        }
        if let Some(key) = self.refusal() {
            return Ok(Some(format!("its author refuses it with {key}")));
        }
        let on_workload = resource.annotations().filter(|_| !template.path.is_root());
        if let Some(key) = scraped::refusal(settings, on_workload) {
            let kind = &resource.kind;
            return Ok(Some(format!(
                "its author refuses it with {key} on the {kind}"
            )));
        }
        self.remove(edits)?;
        if mode == Mode::Remove {
            return Ok(None);
        }
        let is_requested = scraped::request(settings, self.annotations).is_some();
        if mode == Mode::Off || !settings.scrapes() {
            let off = match settings.scrapes() {
                true => "the mode is Off",
                false => "the config sets `scrape: false`",
            };
            return Ok((!is_requested).then(|| off.to_owned()));
        }
        if template.has_more_containers && template.containers.is_empty() {
            return reason("only its operator knows its ports");
        }
        // Init and ephemeral containers alone are no program that could serve metrics.
        if !template
            .containers
            .iter()
            .any(|it| it.container_type == ContainerType::Container)
        {
            return reason("it has no containers");
        }
        if !settings.include_jobs && is_short_lived(resource, template) {
            return reason("it runs to completion, and `includeJobs` is not set");
        }
        if !settings.insists() {
            let at = (scope.index(), place);
            if let Some(by) = scraped::pods(settings, scope.related(), at, template) {
                return Ok(Some(format!("it is scraped already, by {by}")));
            }
        }
        let ports = Ports::of_pods(resource, template)?;
        let note = uses_host_network(template)
            .then(|| "hostNetwork: true, so this is a port of the node".to_owned());
        self.fit(&ports, note, edits)
    }

    /// The author's annotation that refuses scraping.
    pub(super) fn refusal(&self) -> Option<String> {
        scraped::refusal(self.settings(), self.annotations)
    }

    /// Deletes the annotations whose mode is `Remove`.
    pub(super) fn remove(&self, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let settings = self.settings();
        let is_removed = |leaf: &str| self.section.mode(leaf) == Mode::Remove;
        let mut keys: Vec<(String, String)> = Vec::new();
        if settings.convention.has_several_ports() {
            let annotations = self.annotations.filter(|_| is_removed("scrape"));
            for (key, value) in annotations.into_iter().flat_map(Node::entries) {
                let (Some(key), Some(value)) = (key.text(), value.text()) else {
                    continue;
                };
                let is_own = match settings.convention {
                    Convention::OpenTelemetry => key
                        .strip_prefix(settings.prefix())
                        .is_some_and(|rest| rest.starts_with(['.', '/'])),
                    // Other checks of the author stay.
                    _ => settings.word(&key, &value).is_some() && only_open_metrics(&value),
                };
                if is_own {
                    keys.push((key.into_owned(), "scrape".to_owned()));
                }
            }
        } else {
            let own = settings.convention.own().iter();
            let own = own.map(|(name, leaf)| (*name, Cow::Borrowed(*leaf)));
            let extra = settings.extra.keys();
            let named = self.section.removed();
            let named = named.filter_map(|path| path.strip_prefix("extra."));
            let extra = extra.map(String::as_str).chain(named);
            let extra = extra.map(|name| (name, Cow::Owned(format!("extra.{name}"))));
            let removed = own.chain(extra).filter(|(_, leaf)| is_removed(leaf));
            let with_prefix = |(name, leaf): (&str, Cow<'_, str>)| {
                (format!("{}/{name}", settings.prefix()), leaf.into_owned())
            };
            keys.extend(removed.map(with_prefix));
        }
        sorting::sort(&mut keys);
        keys.dedup();
        for (key, leaf) in &keys {
            let field = ["annotations", key];
            let decision = self.section.decision_to_remove(leaf);
            edits.set(Proposal::new(&self.subject, &field, Value::Null, decision))?;
        }
        Ok(())
    }

    /// Sets the annotations if the port is known. Returns why not, if no other finding says it.
    pub(super) fn fit(
        &self,
        ports: &Ports<'_>,
        note: Option<String>,
        edits: &mut Edits<'_>,
    ) -> Result<Reason, Problem> {
        let chosen = match self.choose(ports, edits) {
            Ok(chosen) => chosen,
            Err(reason) => return Ok(reason),
        };
        let settings = self.settings();
        if !settings.convention.finds_undeclared_ports() && settings.port.is_none() {
            let unseen = |it: &&MetricsPort| !ports.is_declared_by_ordinary(&it.number);
            if let Some(port) = chosen.ports.iter().find(unseen) {
                let number = &port.number;
                let reason = format!(
                    "no ordinary container declares port {number}, and the collector scrapes only declared ports"
                );
                return Ok(Some(reason));
            }
        }
        let note = match (note, chosen.note) {
            (Some(one), Some(other)) => Some(format!("{one}; {other}")),
            (one, other) => one.or(other),
        };
        self.annotate(&chosen.ports, note, edits)
    }

    /// The ports to set.
    fn choose(&self, ports: &Ports<'_>, edits: &mut Edits<'_>) -> Result<Choice, Reason> {
        let settings = self.settings();
        let mode = self.section.mode("port");
        let configured = settings.port.as_ref().filter(|_| mode != Mode::Off);
        let authors = self.present("port").filter(|_| mode != Mode::Remove);
        if let Some(port) = authors.filter(|_| configured.is_none() || mode == Mode::Ensure) {
            let number = port.parse::<u16>();
            let number = number
                .ok()
                .filter(|it| settings.insists() || ports.may_have(*it));
            // FIT-PRM005 says why not, except where a name alone asks for nothing.
            let is_asked = settings.insists()
                || port.parse::<u16>().is_ok()
                || scraped::request(settings, self.annotations).is_some();
            let reason = || format!("its author annotates the port {port}, which is not a number");
            let number = number.ok_or_else(|| (!is_asked).then(reason))?;
            return Ok(self.choice(ports, number, None));
        }
        if let Some(configured) = configured {
            let mut chosen = Vec::new();
            let mut known = HashSet::new();
            let mut undeclared = Vec::new();
            let of_image = ports.of_image(self.section);
            for port in &configured.0 {
                let number = match port {
                    Port::Number(number) => *number,
                    Port::Name(name) => match ports.named(name) {
                        Some(number) => number,
                        None => {
                            edits.find(self.undeclared(name, ports));
                            return Err(None);
                        }
                    },
                };
                if configured.0.len() > 1 && !known.insert(number) {
                    continue;
                }
                if !ports.has(number) {
                    undeclared.push(number.to_string());
                }
                chosen.push(self.port(ports, number, of_image.as_ref()));
            }
            let note = few(&undeclared).map(|it| format!("{} {it}", ports.words.undeclared));
            return Ok(Choice {
                ports: chosen,
                note,
            });
        }
        match ports.metrics(self.section) {
            Metrics::Known(port) => Ok(self.choice(ports, port, None)),
            Metrics::OfImage(port, image) => {
                let mut note = format!("from the catalogue of images, for {image}");
                if !ports.has(port) {
                    note.push_str("; no container declares a port");
                }
                Ok(self.choice(ports, port, Some(note)))
            }
            Metrics::Unclear(_) if !settings.insists() => {
                Err(Some("no port is known to serve metrics".to_owned()))
            }
            Metrics::Unclear(numbers) => match (settings.on_ambiguous, numbers.as_slice()) {
                (_, [only]) => Ok(self.choice(ports, *only, None)),
                (OnAmbiguous::First, [first, ..]) => Ok(self.choice(ports, *first, None)),
                (OnAmbiguous::Skip, _) => {
                    Err(Some("any of its ports could serve metrics".to_owned()))
                }
                (_, numbers) => {
                    edits.find(self.ambiguous(numbers, ports));
                    Err(None)
                }
            },
        }
    }

    fn choice(&self, ports: &Ports<'_>, number: u16, note: Option<String>) -> Choice {
        Choice {
            ports: vec![self.port(ports, number, ports.of_image(self.section).as_ref())],
            note,
        }
    }

    fn port(&self, ports: &Ports<'_>, number: u16, of_image: Option<&OfImage<'_>>) -> MetricsPort {
        let of_image = of_image.filter(|it| it.port == number);
        // The default path does not replace the author's path, even with mode Override.
        let path = self
            .settings()
            .path
            .clone()
            .or_else(|| self.present("path"));
        let of_images = of_image.and_then(|it| it.path);
        let path = path.unwrap_or_else(|| of_images.unwrap_or("/metrics").to_owned());
        let container = || {
            let container = ports.container_of(number);
            let container = container.or_else(|| of_image.map(|it| it.container.clone()));
            container.or_else(|| ports.first_container())
        };
        let has_container = self.settings().convention != Convention::PrometheusIo;
        let container = has_container.then(container).flatten();
        MetricsPort {
            number: number.to_string(),
            container: container.unwrap_or_default(),
            path,
        }
    }

    fn annotate(
        &self,
        ports: &[MetricsPort],
        note: Option<String>,
        edits: &mut Edits<'_>,
    ) -> Result<Reason, Problem> {
        let settings = self.settings();
        let ordinary = self.template.map_or(0, |template| {
            let containers = template.containers.iter();
            let is_ordinary = |it: &ContainerType| *it == ContainerType::Container;
            containers
                .map(|it| it.container_type)
                .filter(is_ordinary)
                .count()
        });
        let present = |key: &str| self.annotation(key);
        let annotations = settings.annotations(ports, ordinary > 1, present);
        if settings.convention.has_several_ports() {
            // The name of an annotation without its prefix has at most 63 characters.
            let is_long = |key: &str| key.split_once('/').is_some_and(|(_, name)| name.len() > 63);
            if annotations.iter().any(|it| is_long(&it.key)) {
                let reason = "the name of its container is too long for an annotation";
                return Ok(Some(reason.to_owned()));
            }
            let ours: HashSet<&str> = annotations.iter().map(|it| &*it.key).collect();
            let own = self.own_requests();
            let others = own.into_iter().find(|key| !ours.contains(key.as_str()));
            if let Some(key) = others.filter(|_| !settings.insists()) {
                return Ok(Some(format!(
                    "it is scraped already, by the annotation {key}"
                )));
            }
        }
        for annotation in annotations {
            let leaf = &*annotation.leaf;
            if self.section.mode(leaf) == Mode::Remove {
                continue;
            }
            let field = ["annotations", &annotation.key];
            let is_about_port = leaf == "port" || settings.convention.has_several_ports();
            edits.set(
                Proposal::new(
                    &self.subject,
                    &field,
                    Value::Quoted(annotation.value),
                    self.section.decision(leaf),
                )
                .meaning(Meaning::Text)
                .note(note.as_ref().filter(|_| is_about_port).cloned()),
            )?;
        }
        Ok(None)
    }

    /// The author's annotations that ask the reader of the section to scrape.
    fn own_requests(&self) -> Vec<String> {
        let annotations = self.annotations.into_iter().flat_map(Node::entries);
        let requests = annotations.filter_map(|(key, value)| {
            let (key, value) = (key.text()?, value.text()?);
            let is_v1 = self.settings().convention == Convention::Datadog
                && key.starts_with(self.settings().prefix())
                && key.ends_with(".check_names");
            let asks = self.settings().word(&key, &value) == Some(super::Word::Scrape);
            (asks || is_v1).then(|| key.into_owned())
        });
        requests.collect()
    }

    fn undeclared(&self, port: &str, ports: &Ports<'_>) -> Finding {
        let undeclared = ports.words.undeclared;
        let message = format!("did not annotate the metrics port {port}, which {undeclared}");
        let severity = match self.settings().insists() {
            true => Severity::Error,
            false => Severity::Warning,
        };
        self.about(Finding::graded(&NO_PORT, severity, message), "port")
            .decided_by(self.section.decision("port"))
            .help(ports.words.help)
    }

    fn ambiguous(&self, numbers: &[u16], ports: &Ports<'_>) -> Finding {
        let message = match numbers {
            [] => format!("no port to scrape: {}", ports.words.none),
            numbers => {
                let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
                format!("ambiguous metrics port: {}", numbers.join(", "))
            }
        };
        self.about(Finding::graded(&NO_PORT, Severity::Error, message), "port")
            .decided_by(self.section.decision("scrape"))
            .help("set `prometheus.port`, or name the port `metrics`")
    }

    /// Why the pods or the Service are not annotated.
    pub(super) fn not_annotated(&self, reason: String) -> Finding {
        let finding = Finding::new(&NOT_ANNOTATED, format!("not annotated: {reason}"));
        let is_off = self.settings().scrapes() && self.section.is_off("scrape");
        let decision = match is_off {
            true => self.section.decision_of_mode("scrape"),
            false => self.section.decision("scrape"),
        };
        self.about(finding, "scrape").decided_by(decision)
    }

    /// Adds the annotation of a setting, where one annotation has it.
    fn about(&self, finding: Finding, setting: &str) -> Finding {
        match self.settings().convention.has_several_ports() {
            true => finding.about(&self.subject, &["annotations"]),
            false => {
                let key = self.settings().key(setting);
                finding.about(&self.subject, &["annotations", &key])
            }
        }
    }
}

/// Whether the checks of a container are the check `openmetrics` alone.
fn only_open_metrics(checks: &str) -> bool {
    let checks = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(checks);
    checks.is_ok_and(|checks| checks.keys().all(|check| check == "openmetrics"))
}
