//! `prometheus`: `prometheus.io/*` scrape annotations on pods or Services.
//!
//! Sets the annotations `<prefix>/scrape`, `/port` and `/path`, and `/scheme` and others if configured, on pod templates or
//! on the Services in front of them. Scrape configs that relabel on `__meta_kubernetes_pod_annotation_*` read them. Values
//! are always strings, and the port is always a number, even if the config names it. The author's `scrape: "false"` stays in
//! every mode.
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
mod ports;
mod service;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::{Scope, Transformer};
use crate::catalogue::Known;
use crate::config::{Objection, Settings};
use crate::edit::Edits;
use crate::finding::Mode;
use crate::kubernetes::names::is_subdomain;
use crate::objects::Template;
use crate::problem::Problem;
use crate::read::Resource;
use crate::rules::Rule;
use crate::yaml::text_of_scalar;

use annotations::Fitting;

pub use ports::Ports;

/// Annotations for Prometheus.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Prometheus {
    /// `Auto` annotates long-running pods whose metrics port is known. `true` makes an unknown port an error. `false` sets
    /// nothing.
    scrape: Scrape,
    /// The metrics port, by number or name. A container must declare it.
    port: Option<Port>,
    /// The path of the metrics. Defaults to `/metrics`.
    path: Option<String>,
    /// `http` or `https`. Not set by default, which means http.
    scheme: Option<Scheme>,
    /// The prefix of the annotations. Defaults to `prometheus.io`.
    prefix: Option<String>,
    /// Whether pods or Services are annotated.
    placement: Placement,
    /// Whether pods that run to completion, such as those of Jobs, are annotated too.
    include_jobs: bool,
    /// What to do with `scrape: true` if more than one port, or none, could be the metrics port.
    on_ambiguous: OnAmbiguous,
    /// More annotations, by name without the prefix.
    extra: BTreeMap<String, String>,
    /// Entries of the catalogue that were already looked up.
    #[serde(skip)]
    known: Known,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
enum Scrape {
    #[default]
    Auto,
    #[serde(rename = "true")]
    Yes,
    #[serde(rename = "false")]
    No,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Scheme {
    Http,
    Https,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
enum OnAmbiguous {
    #[default]
    Error,
    Skip,
    First,
}

/// Whether pods or Services are annotated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
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

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = text_of_scalar(deserializer)?;
        match text.parse::<i64>() {
            Err(_) => Ok(Port::Name(text)),
            Ok(number) => match u16::try_from(number) {
                Ok(number) if number > 0 => Ok(Port::Number(number)),
                _ => Err(serde::de::Error::custom(format!(
                    "`{text}` is not a port number from 1 to 65535"
                ))),
            },
        }
    }
}

/// Annotations that have their own settings.
const OWN: [&str; 4] = ["scrape", "port", "path", "scheme"];

impl Settings for Prometheus {
    const MODE_PATHS: &'static [&'static str] =
        &["scrape", "port", "path", "scheme", "extra", "extra.*"];

    fn check(&self) -> Vec<Objection> {
        let mut objections = Vec::new();
        let mut object = |path: &str, message: String, help: &str| {
            objections.push(Objection::new(path, message, help));
        };
        for key in self.extra.keys() {
            let path = format!("extra.{key}");
            if OWN.contains(&key.as_str()) {
                let message = format!("the annotation `{key}` has its own setting");
                object(&path, message, &format!("set `prometheus.{key}`"));
            } else if !is_name(key) {
                let message = format!("`{key}` is not a valid annotation name without a prefix");
                let help =
                    "write at most 63 letters, digits, `-`, `_` and `.`; the prefix is added to it";
                object(&path, message, help);
            }
        }
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
    /// The name of an annotation with the prefix.
    pub fn key(&self, name: &str) -> String {
        let prefix = self.prefix.as_deref().unwrap_or("prometheus.io");
        format!("{prefix}/{name}")
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
    const FINDS: &'static [Rule] = &[annotations::NO_PORT, service::SAME_PODS];

    fn transform(scope: &Scope<'_, '_, Self>, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let Some(section) = scope.section() else {
            return Ok(());
        };
        let mode = section.mode("scrape");
        let settings = &section.settings;
        let is_silent = mode == Mode::Off || !settings.scrapes();
        if is_silent && mode != Mode::Remove {
            return Ok(());
        }
        let resource = scope.target().resource;
        for template in &scope.target().templates {
            if !template.has_metadata || settings.annotates_services() {
                continue;
            }
            let fitting = Fitting {
                section: &section,
                subject: template.pod_metadata.clone(),
                annotations: template.node.at(["metadata", "annotations"]),
            };
            let is_left = is_silent || settings.leaves(resource, template);
            if fitting.prepare(edits)? && !is_left {
                let ports = Ports::of_pods(resource, template)?;
                let note = uses_host_network(template)
                    .then(|| "hostNetwork: true, so this is a port of the node".to_owned());
                fitting.fit(&ports, note, edits)?;
            }
        }
        if let Some(service) = scope.related().service(scope.index()) {
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

/// Whether an annotation name without its prefix is valid (`IsQualifiedName` in k8s.io/apimachinery).
fn is_name(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_end = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    name.len() <= 63
        && name.bytes().all(is_inner)
        && is_end(name.bytes().next())
        && is_end(name.bytes().next_back())
}
