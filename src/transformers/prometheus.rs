//! `prometheus`: the annotations by which Prometheus finds a pod's metrics.
//!
//! Writes `<prefix>/scrape`, `/port`, `/path`, and where configured `/scheme` and more, into the
//! annotations of pod templates, or of the Services in front of them. They are a convention, read by
//! scrape configs that relabel on `__meta_kubernetes_pod_annotation_*`, so values are always strings,
//! and the port is a number even where the config names it. An author's `scrape: "false"` stays,
//! whatever the mode.
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
use crate::objects::Template;
use crate::problem::Problem;
use crate::read::Resource;
use crate::rules::Rule;
use crate::yaml::text_of_scalar;

use annotations::Fitting;

pub use ports::Ports;

/// How the pods' metrics are found.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Prometheus {
    /// `Auto` annotates long-running pods whose metrics port is known, `true` insists, `false` writes nothing.
    scrape: Scrape,
    /// The metrics port, by number or name; it must be declared by a container.
    port: Option<Port>,
    /// The path of the metrics; `/metrics` when absent.
    path: Option<String>,
    /// `http` or `https`; not written when absent, which means http.
    scheme: Option<Scheme>,
    /// What the annotations start with; `prometheus.io` when absent.
    prefix: Option<String>,
    /// What is annotated.
    placement: Placement,
    /// Pods that end are annotated too, of Jobs and of their like.
    include_jobs: bool,
    /// What happens when it must be scraped and no single port is the one.
    on_ambiguous: OnAmbiguous,
    /// More annotations, without the prefix.
    extra: BTreeMap<String, String>,
    /// What was looked up of images.
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

/// What is annotated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
enum Placement {
    /// The pods, for scrape configs that look for pods.
    #[default]
    Pod,
    /// The Services in front of them, for scrape configs that look for endpoints; the pods are left as they are.
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
                    "`{text}` is not a port: they go from 1 to 65535"
                ))),
            },
        }
    }
}

/// Annotations that are written from settings of their own.
const OWN: [&str; 4] = ["scrape", "port", "path", "scheme"];

impl Settings for Prometheus {
    const MODE_PATHS: &'static [&'static str] =
        &["scrape", "port", "path", "scheme", "extra", "extra.*"];

    fn check(&self) -> Vec<Objection> {
        let own = self.extra.keys().filter(|key| OWN.contains(&key.as_str()));
        let own = own.map(|key| {
            Objection::new(
                format!("extra.{key}"),
                format!("the annotation `{key}` has a setting of its own"),
                format!("set `prometheus.{key}`"),
            )
        });
        let mut objections: Vec<Objection> = own.collect();
        let bad = self.extra.keys().filter(|key| !is_name(key));
        objections.extend(bad.map(|key| {
            Objection::new(
                format!("extra.{key}"),
                format!("`{key}` is no annotation below a prefix"),
                "write letters, digits, `-`, `_` and `.`, at most 63; the prefix is put before it",
            )
        }));
        if let Some(prefix) = self.prefix.as_deref().filter(|prefix| !is_domain(prefix)) {
            objections.push(Objection::new(
                "prefix",
                format!("`{prefix}` is no prefix of annotations"),
                "write a domain in small letters, such as metrics.example.com",
            ));
        }
        if let Some(path) = self.path.as_deref().filter(|path| !path.starts_with('/')) {
            objections.push(Objection::new(
                "path",
                format!("the path `{path}` does not begin with a slash"),
                format!("write `/{path}`"),
            ));
        }
        objections
    }
}

impl Prometheus {
    /// An annotation's name with its prefix.
    pub fn key(&self, name: &str) -> String {
        let prefix = self.prefix.as_deref().unwrap_or("prometheus.io");
        format!("{prefix}/{name}")
    }

    /// Whether Services are annotated, and not their pods.
    pub fn annotates_services(&self) -> bool {
        self.placement == Placement::Service
    }

    /// Whether anything is scraped at all.
    pub fn scrapes(&self) -> bool {
        self.scrape != Scrape::No
    }

    /// Whether everything has to be scraped.
    pub fn insists(&self) -> bool {
        self.scrape == Scrape::Yes
    }

    /// Whether pods are left alone: they end, or only their operator knows which ports they have.
    pub fn leaves(&self, resource: &Resource<'_>, template: &Template<'_>) -> bool {
        let is_unseen = template.has_more_containers && template.containers.is_empty();
        let is_short_lived = !self.include_jobs && is_short_lived(resource, template);
        !template.has_metadata || is_unseen || is_short_lived
    }
}

impl Transformer for Prometheus {
    const FINDS: &'static [Rule] = &[annotations::NO_PORT, service::BESIDE];

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
            if !template.has_metadata {
                continue;
            }
            let fitting = Fitting {
                section: &section,
                subject: template.pod_metadata.clone(),
                annotations: template.node.at(["metadata", "annotations"]),
            };
            if settings.annotates_services() {
                fitting.quote_values(&[], edits)?;
                continue;
            }
            let is_left = is_silent || settings.leaves(resource, template);
            if fitting.prepare(edits)? && !is_left {
                let ports = Ports::of_pods(resource, template)?;
                let note = uses_host_network(template).then(|| {
                    "the pods use the host's network, so it is a port of the node".to_owned()
                });
                fitting.fit(&ports, note, edits)?;
            }
        }
        if let Some(service) = scope.related().service(scope.index()) {
            service::fit(scope, service, &section, edits)?;
        }
        Ok(())
    }
}

/// Pods that end are gone before they are scraped.
fn is_short_lived(resource: &Resource<'_>, template: &Template<'_>) -> bool {
    let ends = template
        .spec
        .text_at(["restartPolicy"])
        .is_some_and(|policy| policy != "Always");
    let is_job =
        resource.group() == "batch" || resource.kind.ends_with("Job") || resource.kind == "JobSet";
    is_job || (resource.kind == "Pod" && ends)
}

fn uses_host_network(template: &Template<'_>) -> bool {
    template.spec.bool_at(["hostNetwork"]) == Some(true)
}

/// Whether an annotation may be called so below its prefix (`IsQualifiedName` in k8s.io/apimachinery).
fn is_name(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let ends = [name.bytes().next(), name.bytes().next_back()];
    name.len() <= 63
        && name.bytes().all(is_inner)
        && ends
            .iter()
            .all(|end| end.is_some_and(|byte| byte.is_ascii_alphanumeric()))
}

/// Whether a prefix of annotations may be called so (`IsDNS1123Subdomain` in k8s.io/apimachinery).
fn is_domain(prefix: &str) -> bool {
    let is_label = |label: &str| {
        let is_inner =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty()
            && label.bytes().all(is_inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    prefix.len() <= 253 && prefix.split('.').all(is_label)
}
