//! `prometheus`: the annotations by which Prometheus finds a pod's metrics.
//!
//! Writes `<prefix>/scrape`, `/port`, `/path`, and where configured `/scheme` and more, into the
//! annotations of pod templates. They are a convention, read by scrape configs that relabel on
//! `__meta_kubernetes_pod_annotation_*`, so values are always strings, and the port is a number even
//! where the config names it. An author's `scrape: "false"` stays, whatever the mode.
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

use std::collections::BTreeMap;

use kustomize_krm_types::Severity;
use serde::{Deserialize, Deserializer};

use super::{Objection, Scope, Transformer};
use crate::config::{Mode, Section, text_of_scalar};
use crate::edit::{Edits, Finding, Meaning, Proposal, Subject};
use crate::problem::Problem;
use crate::read::Resource;
use crate::select::{ContainerType, Template, expected};
use crate::yaml::{Node, Scalar, Value};

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
    /// What happens when it must be scraped and no single port is the one.
    on_ambiguous: OnAmbiguous,
    /// More annotations, without the prefix.
    extra: BTreeMap<String, String>,
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

/// A port that a container declares.
struct DeclaredPort {
    name: String,
    number: u16,
}

/// What the ports of a pod say about its metrics.
enum Metrics {
    /// The port is this.
    Known(u16),
    /// The configured port is declared by no container.
    Undeclared(String),
    /// It could be any of these; empty when none is declared.
    Unclear(Vec<u16>),
}

/// Port names that mean metrics, the most exact first.
const METRICS_PORT_NAMES: [&str; 4] = ["metrics", "http-metrics", "prom", "prometheus"];

/// Annotations that are written from settings of their own.
const OWN: [&str; 4] = ["scrape", "port", "path", "scheme"];

impl Transformer for Prometheus {
    const MODE_PATHS: &'static [&'static str] =
        &["scrape", "port", "path", "scheme", "extra", "extra.*"];

    fn check(&self) -> Vec<Objection> {
        let own = self.extra.keys().filter(|key| OWN.contains(&key.as_str()));
        own.map(|key| {
            Objection::new(
                format!("extra.{key}"),
                format!("the annotation `{key}` has a setting of its own"),
                format!("set `prometheus.{key}`"),
            )
        })
        .collect()
    }

    fn transform(scope: &Scope<'_, '_, Self>, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let Some(section) = scope.section() else {
            return Ok(());
        };
        if section.mode("scrape") == Mode::Off || section.settings.scrape == Scrape::No {
            return Ok(());
        }
        for template in scope.target().templates.iter().filter(|it| it.has_metadata) {
            let fitting = Fitting {
                resource: scope.target().resource,
                template,
                section: &section,
                subject: Subject::pod_metadata(template),
            };
            fitting.quote_values(edits)?;
            if fitting.is_short_lived() || fitting.present("scrape").as_deref() == Some("false") {
                continue;
            }
            if let Some(port) = fitting.port(edits)? {
                fitting.annotate(port, edits)?;
            }
        }
        Ok(())
    }
}

struct Fitting<'f, 'a> {
    resource: &'f Resource<'a>,
    template: &'f Template<'a>,
    section: &'f Section<'f, Prometheus>,
    subject: Subject,
}

impl<'a> Fitting<'_, 'a> {
    fn settings(&self) -> &Prometheus {
        &self.section.settings
    }

    fn key(&self, name: &str) -> String {
        format!(
            "{}/{name}",
            self.settings().prefix.as_deref().unwrap_or("prometheus.io")
        )
    }

    fn present(&self, name: &str) -> Option<String> {
        self.template
            .annotation(&self.key(name))
            .filter(|node| !node.is_null())
            .and_then(|node| node.text())
            .map(Into::into)
    }

    /// Pods that end are gone before they are scraped.
    fn is_short_lived(&self) -> bool {
        let ends = self
            .template
            .spec
            .get("restartPolicy")
            .and_then(|policy| policy.text())
            .is_some_and(|policy| policy != "Always");
        self.resource.group() == "batch" || (self.resource.kind == "Pod" && ends)
    }

    /// The port to write; `None` when there is nothing to write, for which a finding may say why.
    fn port(&self, edits: &mut Edits<'_>) -> Result<Option<String>, Problem> {
        let insists = self.settings().scrape == Scrape::Yes;
        let configured = self.settings().port.is_some() && self.section.mode("port") != Mode::Off;
        if let Some(port) = self
            .present("port")
            .filter(|_| !configured || self.section.mode("port") == Mode::Ensure)
        {
            return Ok(Some(port));
        }
        match self.metrics(&self.declared_ports()?) {
            Metrics::Known(port) => Ok(Some(port.to_string())),
            Metrics::Undeclared(port) => {
                edits.find(self.undeclared(&port, insists));
                Ok(None)
            }
            Metrics::Unclear(_) if !insists => Ok(None),
            Metrics::Unclear(ports) => match (self.settings().on_ambiguous, ports.as_slice()) {
                (_, [only]) => Ok(Some(only.to_string())),
                (OnAmbiguous::First, [first, ..]) => Ok(Some(first.to_string())),
                (OnAmbiguous::Skip, _) => Ok(None),
                (_, ports) => {
                    edits.find(self.ambiguous(ports));
                    Ok(None)
                }
            },
        }
    }

    fn metrics(&self, declared: &[DeclaredPort]) -> Metrics {
        match &self.settings().port {
            Some(Port::Number(number)) if declared.iter().any(|port| port.number == *number) => {
                return Metrics::Known(*number);
            }
            Some(Port::Number(number)) => return Metrics::Undeclared(number.to_string()),
            Some(Port::Name(name)) => {
                let named = declared.iter().find(|port| port.name == *name);
                return named.map_or_else(
                    || Metrics::Undeclared(name.clone()),
                    |port| Metrics::Known(port.number),
                );
            }
            None => {}
        }
        let exact = METRICS_PORT_NAMES
            .iter()
            .map(|name| numbers(declared, |port| port.name == *name));
        let suffixed = std::iter::once(numbers(declared, |port| port.name.ends_with("-metrics")));
        match exact
            .chain(suffixed)
            .find(|ports| !ports.is_empty())
            .as_deref()
        {
            Some([only]) => Metrics::Known(*only),
            Some(several) => Metrics::Unclear(several.to_vec()),
            None => Metrics::Unclear(numbers(declared, |_| true)),
        }
    }

    /// The ports of the containers that run as long as the pod.
    fn declared_ports(&self) -> Result<Vec<DeclaredPort>, Problem> {
        let mut ports = Vec::new();
        let runs_on = |container_type| {
            matches!(
                container_type,
                ContainerType::Container | ContainerType::Sidecar
            )
        };
        for container in self
            .template
            .containers
            .iter()
            .filter(|container| runs_on(container.container_type))
        {
            let Some(list) = container.node.get("ports").filter(|list| !list.is_null()) else {
                continue;
            };
            if !list.is_sequence() {
                return Err(expected(
                    self.resource,
                    list,
                    "a list",
                    &container.at(["ports"]),
                ));
            }
            for (index, port) in list.items().enumerate() {
                let path = container.at(["ports", &index.to_string()]);
                if !port.is_map() {
                    return Err(expected(self.resource, port, "a mapping", &path));
                }
                let name = port
                    .get("name")
                    .and_then(|name| name.text())
                    .unwrap_or_default()
                    .into_owned();
                let path = container.at(["ports", &index.to_string(), "containerPort"]);
                let Some(node) = port.get("containerPort").filter(|node| !node.is_null()) else {
                    continue;
                };
                match node.scalar() {
                    Some(Scalar::Int(number)) if (1..=65535).contains(&number) => {
                        ports.push(DeclaredPort {
                            name,
                            number: number as u16,
                        });
                    }
                    _ => {
                        return Err(expected(
                            self.resource,
                            node,
                            "a port number from 1 to 65535, without quotes",
                            &path,
                        ));
                    }
                }
            }
        }
        Ok(ports)
    }

    fn annotate(&self, port: String, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let settings = self.settings();
        // Where the config names no path, its default replaces no author's.
        let path = settings.path.clone().or_else(|| self.present("path"));
        let path = path.unwrap_or_else(|| "/metrics".to_owned());
        let mut wanted = vec![
            ("scrape".to_owned(), "scrape", "true".to_owned()),
            ("port".to_owned(), "port", port),
            ("path".to_owned(), "path", path),
        ];
        if let Some(scheme) = settings.scheme {
            let scheme = if scheme == Scheme::Https {
                "https"
            } else {
                "http"
            };
            wanted.push(("scheme".to_owned(), "scheme", scheme.to_owned()));
        }
        wanted.extend(
            settings
                .extra
                .iter()
                .map(|(key, value)| (key.clone(), "extra", value.clone())),
        );
        for (name, leaf, value) in wanted {
            let leaf = if leaf == "extra" {
                format!("extra.{name}")
            } else {
                leaf.to_owned()
            };
            edits.set(Proposal {
                subject: &self.subject,
                field: &["annotations", &self.key(&name)],
                value: Value::Quoted(value),
                decision: self.section.decision(&leaf),
                meaning: Meaning::Text,
                note: None,
            })?;
        }
        Ok(())
    }

    /// Quotes values of ours that an author forgot to quote: the API server refuses the whole object.
    fn quote_values(&self, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let prefix = self.key("");
        let annotations = self
            .template
            .node
            .get("metadata")
            .and_then(|metadata| metadata.get("annotations"));
        let entries = annotations
            .into_iter()
            .flat_map(|annotations| annotations.entries());
        for (key, value) in entries.filter(|(key, value)| {
            key.text().is_some_and(|key| key.starts_with(&prefix)) && needs_quotes(*value)
        }) {
            let key = key.text().unwrap_or_default();
            edits.repair(Proposal {
                subject: &self.subject,
                field: &["annotations", &key],
                value: Value::Quoted(value.text().unwrap_or_default().into_owned()),
                decision: self.section.decision("scrape"),
                meaning: Meaning::Literal,
                note: Some(
                    "annotations are strings, and the API server refuses anything else".to_owned(),
                ),
            })?;
        }
        Ok(())
    }

    fn undeclared(&self, port: &str, insists: bool) -> Finding {
        let severity = if insists {
            Severity::Error
        } else {
            Severity::Warning
        };
        Finding::new(
            "FIT-PRM001",
            severity,
            format!("the metrics port {port} is declared by no container, so nothing is annotated"),
        )
        .about(&self.subject, &["annotations", &self.key("port")])
        .decided_by(self.section.decision("port"))
        .help("declare it under `ports` of its container, or correct the config")
    }

    fn ambiguous(&self, ports: &[u16]) -> Finding {
        let message = match ports {
            [] => "no container declares a port, so it cannot be scraped".to_owned(),
            ports => {
                let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
                format!(
                    "which port has the metrics is not clear: {}",
                    ports.join(", ")
                )
            }
        };
        Finding::new("FIT-PRM001", Severity::Error, message)
            .about(&self.subject, &["annotations", &self.key("port")])
            .decided_by(self.section.decision("scrape"))
            .help("set `prometheus.port`, or name the port `metrics`")
    }
}

fn needs_quotes(value: Node<'_>) -> bool {
    matches!(
        value.scalar(),
        Some(Scalar::Bool(_) | Scalar::Int(_) | Scalar::Float(_))
    )
}

/// The distinct numbers of the ports that are asked for, in order.
fn numbers(declared: &[DeclaredPort], wanted: impl Fn(&DeclaredPort) -> bool) -> Vec<u16> {
    let mut numbers: Vec<u16> = Vec::new();
    for port in declared.iter().filter(|port| wanted(port)) {
        if !numbers.contains(&port.number) {
            numbers.push(port.number);
        }
    }
    numbers
}
