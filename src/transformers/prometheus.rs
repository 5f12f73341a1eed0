//! `prometheus`: scrape annotations on pods or Services.
//!
//! Sets the annotations `<prefix>/scrape`, `/port` and `/path`, and `/scheme` and others if configured, on pod templates or
//! on the Services in front of them. Scrape configs that relabel on `__meta_kubernetes_pod_annotation_*` read them. Values
//! are always strings, and the port is always a number, even if the config names it. The author's `scrape: "false"` stays in
//! every mode, also on the workload, where only fitout reads it.
//!
//! With another `convention`, the annotations are those that Grafana Alloy, the OpenTelemetry Collector or Datadog's agent
//! reads. A number in `port` is written whether or not a container declares it; the OpenTelemetry Collector scrapes only
//! declared ports, and FIT-PRM005 reports others.
//!
//! `scrape: Auto` leaves pods alone that are scraped already: by a PodMonitor, ServiceMonitor, ScrapeConfig or Probe of
//! prometheus-operator, by a VMPodScrape, VMServiceScrape or VMStaticScrape of VictoriaMetrics, by a PodMonitoring or
//! ClusterPodMonitoring of Google, by the annotations of a Service, or by those of another convention. FIT-PRM006 says, with
//! `-v` and in JSON, why a workload is not annotated.
//!
//! ```yaml
//! # before                                  # after
//! template:                                 template:
//!   metadata:                                 metadata:
//!     labels: {app: web}                        labels: {app: web}
//!                                               annotations:
//!                                                 prometheus.io/scrape: "true"
//!                                                 prometheus.io/port: "9090"
//!                                                 prometheus.io/path: "/metrics"
//! ```

mod annotations;
mod convention;
mod ports;
mod scraped;
mod service;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Scope, Transformer};
use crate::catalogue::Known;
use crate::config::{FieldRow, Objection, Settings, fields};
use crate::edit::Edits;
use crate::finding::Mode;
use crate::kubernetes::names::{is_key_name, is_subdomain};
use crate::objects::Template;
use crate::problem::Problem;
use crate::read::Resource;
use crate::rules::Rule;
use crate::yaml::text_of_scalar;

use annotations::Fitting;

pub use convention::{Convention, Word};
pub use ports::Ports;

/// The settings that most annotations come from.
const KEYS: [&str; 4] = ["scrape", "port", "path", "scheme"];

/// Annotations for Prometheus.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Prometheus {
    /// `Auto` annotates long-running pods whose metrics port is known. `true` makes an unknown port an error. `false` sets
    /// nothing.
    scrape: Scrape,
    /// The metrics port, by number or name; with the conventions OpenTelemetry and Datadog also a list of ports. A container
    /// must declare a port with the name; a number is written in any case.
    port: Option<PortList>,
    /// The path of the metrics. Defaults to `/metrics`.
    path: Option<String>,
    /// `http` or `https`. Not set by default, which means http.
    scheme: Option<Scheme>,
    /// Who reads the annotations, and so their keys and values.
    convention: Convention,
    /// The prefix of the annotations, for the convention PrometheusIo. Defaults to `prometheus.io`.
    prefix: Option<String>,
    /// Whether pods or Services are annotated; Services only with the convention PrometheusIo.
    placement: Placement,
    /// Whether pods that run to completion, such as those of Jobs, are annotated too.
    include_jobs: bool,
    /// What to do with `scrape: true` if more than one port, or none, could be the metrics port.
    on_ambiguous: OnAmbiguous,
    /// More annotations, by name without the prefix. With the conventions OpenTelemetry and Datadog, more settings of the
    /// receiver or of the check, such as `namespace`; text that is JSON, such as a number or a list, is written as that.
    extra: BTreeMap<String, String>,
    /// The annotations of the settings in [`KEYS`], found once.
    #[serde(skip)]
    keys: OnceCell<[String; KEYS.len()]>,
    /// Entries of the catalogue that were already looked up.
    #[serde(skip)]
    known: Known,
    /// Which Services and pods have annotations that were already looked at.
    #[serde(skip)]
    asked: scraped::Asked,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(extend("type" = ["boolean", "string"], "enum" = ["Auto", true, false, "true", "false"]))
)]
enum Scrape {
    #[default]
    Auto,
    #[serde(rename = "true")]
    Yes,
    #[serde(rename = "false")]
    No,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum OnAmbiguous {
    #[default]
    Error,
    Skip,
    First,
}

/// Whether pods or Services are annotated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum Placement {
    /// Annotate pods, for scrape configs with the role `pod`.
    #[default]
    Pod,
    /// Annotate Services, for scrape configs with the role `endpoints`. Pods are not changed.
    Service,
}

/// A port by number or by name.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Port {
    Number(u16),
    Name(String),
}

impl Port {
    fn of<E: serde::de::Error>(text: &str) -> Result<Port, E> {
        match text.parse::<i64>() {
            Err(_) => Ok(Port::Name(text.to_owned())),
            Ok(number) => match u16::try_from(number) {
                Ok(number) if number > 0 => Ok(Port::Number(number)),
                _ => Err(E::custom(format!(
                    "`{text}` is not a port number from 1 to 65535"
                ))),
            },
        }
    }
}

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Port::of(&text_of_scalar(deserializer)?)
    }
}

/// One port, or a list of ports.
#[derive(Debug, Default)]
struct PortList(Vec<Port>);

#[cfg(test)]
schema!(PortList, {
    "type": ["string", "integer", "array"], "items": {"type": ["string", "number", "boolean"]}
});

impl<'de> Deserialize<'de> for PortList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ports;
        impl<'de> Visitor<'de> for Ports {
            type Value = PortList;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the number or name of a port, or a list of them")
            }
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<PortList, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<PortList, E> {
                Ok(PortList(vec![Port::of(text)?]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<PortList, A::Error> {
                let mut ports = Vec::new();
                while let Some(port) = items.next_element()? {
                    ports.push(port);
                }
                match ports.is_empty() {
                    true => Err(serde::de::Error::custom("the list of ports is empty")),
                    false => Ok(PortList(ports)),
                }
            }
        }
        deserializer.deserialize_any(Ports)
    }
}

impl Settings for Prometheus {
    const MODE_PATHS: &'static [&'static str] =
        &["scrape", "port", "path", "scheme", "extra", "extra.*"];
    const FIELDS: &'static [FieldRow] = fields! {
        Annotations "scrape" ["scrape"] ["convention", "placement", "prefix"];
        Annotations "port" ["port"] ["convention"];
        Annotations "path" ["path"] ["convention"];
        Annotations "scheme" ["scheme"] ["convention"];
    };

    fn annotation(&self, name: &str) -> String {
        self.named(name)
    }

    fn default_annotation(name: &str) -> String {
        Prometheus::default().named(name)
    }

    fn check(&self) -> Vec<Objection> {
        let mut objections = self.contradictions();
        let own = self.convention.own();
        for key in self.extra.keys() {
            let path = format!("extra.{key}");
            let objection = if let Some((_, setting)) = own.iter().find(|(own, _)| own == key) {
                let message = format!("the annotation `{key}` has its own setting");
                Objection::new(path, message, format!("set `prometheus.{setting}`"))
            } else if is_key_name(key) || self.convention.has_several_ports() {
                // Of receivers and checks, fitout does not know the settings.
                continue;
            } else {
                let message = format!("`{key}` is not a valid annotation name without a prefix");
                let help =
                    "write at most 63 letters, digits, `-`, `_` and `.`; the prefix is added to it";
                Objection::new(path, message, help)
            };
            objections.push(objection.contradicts("convention"));
        }
        let mut object = |path: &str, message: String, help: &str| {
            objections.push(Objection::new(path, message, help));
        };
        if let Some(prefix) = self
            .prefix
            .as_deref()
            .filter(|prefix| !is_subdomain(prefix))
        {
            let message = format!("`{prefix}` is not a valid annotation prefix");
            let help = "write a domain in lower case, such as metrics.example.com";
            object("prefix", message, help);
        }
        if let Some(path) = self.path.as_deref().filter(|path| !path.starts_with('/')) {
            let message = format!("the path `{path}` does not start with a slash");
            object("path", message, &format!("write `/{path}`"));
        }
        objections
    }
}

impl Prometheus {
    /// Settings that the convention does not have.
    fn contradictions(&self) -> Vec<Objection> {
        let convention = self.convention;
        let mut objections = Vec::new();
        let mut object = |path: &str, message: String, help: &str| {
            let objection = Objection::new(path, message, help);
            objections.push(objection.contradicts("convention"));
        };
        let several = self.port.as_ref().is_some_and(|it| it.0.len() > 1);
        if several && !convention.has_several_ports() {
            let message = format!("the convention {convention:?} has one port for each pod");
            let help = "set one port, or scrape the pods with a PodMonitor; the conventions OpenTelemetry and Datadog have several";
            object("port", message, help);
        }
        if convention == Convention::PrometheusIo {
            let others = Convention::ALL.into_iter().skip(1);
            let of = |it: &Convention| {
                let prefix = self.prefix.as_deref();
                prefix.is_some_and(|prefix| it.prefix().starts_with(prefix))
            };
            if let Some(other) = others.filter(|_| self.prefix.is_some()).find(of) {
                let prefix = self.prefix();
                let message = format!("annotations with the prefix `{prefix}` have other names");
                let help = format!("set `convention: {other:?}`, and remove the prefix");
                object("prefix", message, &help);
            }
            return objections;
        }
        if self.prefix.is_some() {
            let message = format!("the convention {convention:?} has its own prefix");
            let help = format!(
                "remove it: the annotations begin with {}",
                self.convention.prefix()
            );
            object("prefix", message, &help);
        }
        if self.placement == Placement::Service {
            let message = format!("the convention {convention:?} annotates pods");
            object(
                "placement",
                message,
                "remove it, or set `convention: PrometheusIo`",
            );
        }
        objections
    }

    /// The prefix of the annotations.
    pub fn prefix(&self) -> &str {
        let prefix = self.prefix.as_deref();
        prefix.unwrap_or_else(|| self.convention.prefix())
    }

    /// Whether the config names ports.
    pub fn names_ports(&self) -> bool {
        self.port.is_some()
    }

    /// Whose annotations are set.
    pub fn convention(&self) -> Convention {
        self.convention
    }

    /// The annotation of a setting: its name with the prefix.
    pub fn key(&self, setting: &str) -> Cow<'_, str> {
        match KEYS.iter().position(|it| *it == setting) {
            Some(place) => {
                let keys = self.keys.get_or_init(|| KEYS.map(|it| self.named(it)));
                Cow::Borrowed(&keys[place])
            }
            None => Cow::Owned(self.named(setting)),
        }
    }

    fn named(&self, setting: &str) -> String {
        let own = self.convention.own().iter();
        let name = own.clone().find(|(_, of)| *of == setting);
        let name = name.map_or(setting, |(name, _)| name);
        [self.prefix(), "/", name].concat()
    }

    /// Whether Services are annotated instead of pods.
    pub fn annotates_services(&self) -> bool {
        self.placement == Placement::Service
    }

    /// Whether anything is scraped at all.
    pub fn scrapes(&self) -> bool {
        self.scrape != Scrape::No
    }

    /// Whether every pod must be scraped.
    pub fn insists(&self) -> bool {
        self.scrape == Scrape::Yes
    }

    /// Whether pods are not annotated, because they run to completion or only their operator knows their ports.
    pub fn leaves(&self, resource: &Resource<'_>, template: &Template<'_>) -> bool {
        let has_unknown_ports = template.has_more_containers && template.containers.is_empty();
        let is_short_lived = !self.include_jobs && is_short_lived(resource, template);
        !template.has_metadata || has_unknown_ports || is_short_lived
    }
}

impl Transformer for Prometheus {
    const FINDS: &'static [Rule] = &[
        annotations::NO_PORT,
        annotations::NOT_ANNOTATED,
        service::SAME_PODS,
    ];

    fn transform(scope: &Scope<'_, '_, Self>, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let Some(section) = scope.section() else {
            return Ok(());
        };
        let settings = &section.settings;
        let is_off = section.mode("scrape") == Mode::Off;
        if is_off && !section.is_off("scrape") {
            return Ok(());
        }
        for (place, template) in scope.target().templates.iter().enumerate() {
            if settings.annotates_services() {
                continue;
            }
            let fitting = Fitting {
                section: &section,
                subject: template.pod_metadata.clone(),
                annotations: template.node.at(["metadata", "annotations"]),
                template: Some(template),
            };
            if let Some(reason) = fitting.fit_pods(scope, place, template, edits)? {
                edits.find(fitting.not_annotated(reason));
            }
        }
        if let Some(service) = scope.related().service(scope.index())
            && !is_off
        {
            service::fit(scope, service, &section, edits)?;
        }
        Ok(())
    }
}

/// Whether pods run to completion, and so may end before they are scraped.
fn is_short_lived(resource: &Resource<'_>, template: &Template<'_>) -> bool {
    let ends = template
        .spec
        .text_at(["restartPolicy"])
        .is_some_and(|policy| policy != "Always");
    let kind = &resource.kind;
    let is_job = resource.group() == "batch" || kind.ends_with("Job") || kind == "JobSet";
    is_job || (resource.kind == "Pod" && ends)
}

fn uses_host_network(template: &Template<'_>) -> bool {
    template.spec.bool_at(["hostNetwork"]) == Some(true)
}
