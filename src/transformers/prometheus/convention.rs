//! Conventions for scrape annotations: what each reader really reads.
//!
//! - `PrometheusIo`: the scrape configs of prometheus-community's chart `prometheus` (`values.yaml`, job `kubernetes-pods`)
//!   keep pods with `scrape` "true". A `port` of digits replaces the port of every target, declared or not.
//! - `Alloy`: grafana/k8s-monitoring-helm, `charts/feature-annotation-autodiscovery/templates/_pods.alloy.tpl`.
//!   `metrics.portNumber` replaces the port of every target, declared or not. Each container is a target of its own with its
//!   name as a label, so `metrics.container` chooses one of several; init containers are none.
//! - `OpenTelemetry`: opentelemetry-collector-contrib, `receiver/receivercreator/discovery.go`. Its hints belong to the ports
//!   that k8sobserver sees (`convertPodToEndpoints`): those that ordinary containers declare. `scraper` names the receiver,
//!   here `prometheus_simple`, and `config` is its configuration as YAML, so also as JSON.
//! - `Datadog`: datadog-agent, `comp/core/autodiscovery/common/utils/annotations.go`. `<container>.checks` is JSON: a
//!   configuration for each check, here `openmetrics` with one instance for each port. It replaces the older annotations
//!   `<container>.check_names` and `.instances`.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Prometheus, Scheme};

/// Who reads the annotations, and so their keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Convention {
    /// `prometheus.io/scrape`, `/port`, `/path` and `/scheme`, or the same with another prefix, for scrape configs of
    /// Prometheus.
    #[default]
    PrometheusIo,
    /// `k8s.grafana.com/scrape`, `/metrics.portNumber` and others, for the annotation autodiscovery of Grafana's
    /// k8s-monitoring.
    Alloy,
    /// `io.opentelemetry.discovery.metrics.<port>/enabled`, `/scraper` and `/config`, for the receiver creator of the
    /// OpenTelemetry Collector.
    OpenTelemetry,
    /// `ad.datadoghq.com/<container>.checks`, for the autodiscovery of Datadog's agent.
    Datadog,
}

const PROMETHEUS_IO: &str = "prometheus.io";
const ALLOY: &str = "k8s.grafana.com";
const OPEN_TELEMETRY: &str = "io.opentelemetry.discovery.metrics";
const DATADOG: &str = "ad.datadoghq.com";

/// A metrics port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MetricsPort {
    /// Its number, or what the author wrote.
    pub number: String,
    /// The ordinary container whose metrics these are; empty for a Service, and where no annotation has it.
    pub container: String,
    /// The path of the metrics.
    pub path: String,
}

/// An annotation to set.
pub(super) struct Annotation<'s> {
    /// Its key.
    pub key: Cow<'s, str>,
    /// Its value.
    pub value: String,
    /// The setting that it comes from.
    pub leaf: Cow<'static, str>,
}

/// What an annotation says about scraping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Scrape.
    Scrape,
    /// Do not scrape.
    Refuse,
}

impl Convention {
    /// All conventions.
    pub const ALL: [Convention; 4] = [
        Convention::PrometheusIo,
        Convention::Alloy,
        Convention::OpenTelemetry,
        Convention::Datadog,
    ];

    /// The prefix of the keys.
    pub fn prefix(self) -> &'static str {
        match self {
            Convention::PrometheusIo => PROMETHEUS_IO,
            Convention::Alloy => ALLOY,
            Convention::OpenTelemetry => OPEN_TELEMETRY,
            Convention::Datadog => DATADOG,
        }
    }

    /// Whether the annotations of one pod can name several ports.
    pub(super) fn has_several_ports(self) -> bool {
        matches!(self, Convention::OpenTelemetry | Convention::Datadog)
    }

    /// Whether its reader also finds ports that no container declares, and those of sidecars.
    pub(super) fn finds_undeclared_ports(self) -> bool {
        self != Convention::OpenTelemetry
    }

    /// The names that fitout sets in a place where `extra` adds others, each with its setting.
    pub(super) fn own(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Convention::PrometheusIo => &[
                ("scrape", "scrape"),
                ("port", "port"),
                ("path", "path"),
                ("scheme", "scheme"),
            ],
            Convention::Alloy => &[
                ("scrape", "scrape"),
                ("metrics.portNumber", "port"),
                ("metrics.portName", "port"),
                ("metrics.container", "port"),
                ("metrics.path", "path"),
                ("metrics.scheme", "scheme"),
            ],
            Convention::OpenTelemetry => &[
                ("endpoint", "port"),
                ("metrics_path", "path"),
                ("tls", "scheme"),
            ],
            Convention::Datadog => &[("openmetrics_endpoint", "port")],
        }
    }

    /// What an annotation says about scraping, if it belongs to this convention.
    pub fn word(self, prefix: &str, key: &str, value: &str) -> Option<Word> {
        let rest = key.strip_prefix(prefix)?;
        let of_boolean = || match value {
            "true" => Some(Word::Scrape),
            "false" => Some(Word::Refuse),
            _ => None,
        };
        match self {
            Convention::PrometheusIo | Convention::Alloy => {
                of_boolean().filter(|_| rest == "/scrape")
            }
            Convention::OpenTelemetry => {
                let is_enabled = rest.starts_with(['.', '/']) && rest.ends_with("/enabled");
                of_boolean().filter(|_| is_enabled)
            }
            Convention::Datadog => {
                let is_check = rest.ends_with(".checks") || rest.ends_with(".check_names");
                let has = |check| value.contains(check);
                match is_check && rest.starts_with('/') {
                    false => None,
                    true if value.trim() == "{}" => Some(Word::Refuse),
                    true => {
                        (has("\"openmetrics\"") || has("\"prometheus\"")).then_some(Word::Scrape)
                    }
                }
            }
        }
    }
}

impl Prometheus {
    /// What an annotation says to the reader of the section.
    pub fn word(&self, key: &str, value: &str) -> Option<Word> {
        self.convention.word(self.prefix(), key, value)
    }

    /// What an annotation says to another reader, and its convention.
    pub fn others_word(&self, key: &str, value: &str) -> Option<(Word, Convention)> {
        let others = Convention::ALL.into_iter();
        let mut others = others.filter(|it| it.prefix() != self.prefix());
        others.find_map(|it| Some((it.word(it.prefix(), key, value)?, it)))
    }

    /// The annotations that have these ports scraped. `present` are the annotations of the author.
    pub(super) fn annotations(
        &self,
        ports: &[MetricsPort],
        names_container: bool,
        present: impl Fn(&str) -> Option<String>,
    ) -> Vec<Annotation<'_>> {
        let annotation = |key, value: &str, leaf: &'static str| Annotation {
            key,
            value: value.to_owned(),
            leaf: Cow::Borrowed(leaf),
        };
        let mut all = Vec::new();
        match self.convention {
            Convention::PrometheusIo | Convention::Alloy => {
                let Some(port) = ports.first() else {
                    return all;
                };
                let scheme = self.scheme.map(Scheme::as_str);
                let container = Some(port.container.as_str()).filter(|_| names_container);
                let container = container.filter(|_| self.convention == Convention::Alloy);
                let values = [
                    (Some("true"), "scrape"),
                    (Some(port.number.as_str()), "port"),
                    (Some(port.path.as_str()), "path"),
                    (scheme, "scheme"),
                ];
                for (value, leaf) in values {
                    all.extend(value.map(|value| annotation(self.key(leaf), value, leaf)));
                }
                let key = || Cow::Owned(format!("{ALLOY}/metrics.container"));
                all.extend(container.map(|it| annotation(key(), it, "port")));
                all.extend(self.extra.iter().map(|(name, value)| Annotation {
                    key: Cow::Owned(format!("{}/{name}", self.prefix())),
                    value: value.clone(),
                    leaf: Cow::Owned(format!("extra.{name}")),
                }));
            }
            Convention::OpenTelemetry => {
                for port in ports {
                    let key = |name: &str| format!("{OPEN_TELEMETRY}.{}/{name}", port.number);
                    let mut config = Map::new();
                    config.insert("metrics_path".to_owned(), json!(port.path));
                    if self.scheme == Some(Scheme::Https) {
                        config.insert("tls".to_owned(), json!({"insecure": false}));
                    }
                    config.extend(self.more());
                    let config = same_or(present(&key("config")), &Value::Object(config));
                    let own = |name| Cow::Owned(key(name));
                    all.push(annotation(own("enabled"), "true", "scrape"));
                    all.push(annotation(own("scraper"), "prometheus_simple", "scrape"));
                    all.push(annotation(own("config"), &config, "path"));
                }
            }
            Convention::Datadog => {
                let mut by_container: Vec<(&str, Vec<&MetricsPort>)> = Vec::new();
                let mut places: HashMap<&str, usize> = HashMap::new();
                for port in ports {
                    let container = port.container.as_str();
                    let place = *places.entry(container).or_insert(by_container.len());
                    if place == by_container.len() {
                        by_container.push((container, Vec::new()));
                    }
                    by_container[place].1.push(port);
                }
                for (container, here) in by_container {
                    let key = format!("{DATADOG}/{container}.checks");
                    let scheme = self.scheme.unwrap_or(Scheme::Http).as_str();
                    let instance = |port: &MetricsPort| {
                        let endpoint = format!("{scheme}://%%host%%:{}{}", port.number, port.path);
                        let mut instance = Map::new();
                        instance.insert("openmetrics_endpoint".to_owned(), json!(endpoint));
                        instance.insert("metrics".to_owned(), json!([".*"]));
                        instance.extend(self.more());
                        Value::Object(instance)
                    };
                    let instances: Vec<Value> = here.into_iter().map(instance).collect();
                    let present = present(&key);
                    let parsed = present.as_deref().map(serde_json::from_str);
                    // The author's other checks stay.
                    let mut checks: Map<String, Value> =
                        parsed.and_then(Result::ok).unwrap_or_default();
                    let check = json!({"init_config": {}, "instances": instances});
                    checks.insert("openmetrics".to_owned(), check);
                    let checks = same_or(present, &Value::Object(checks));
                    all.push(annotation(Cow::Owned(key), &checks, "scrape"));
                }
            }
        }
        all
    }

    /// The entries of `extra`, for JSON. Text that is JSON itself, such as a number or a list, is that.
    fn more(&self) -> impl Iterator<Item = (String, Value)> {
        self.extra.iter().map(|(name, text)| {
            let value = serde_json::from_str(text);
            (name.clone(), value.unwrap_or_else(|_| json!(text)))
        })
    }
}

/// The present text if its JSON is this value, so that it is not written in another style.
fn same_or(present: Option<String>, value: &Value) -> String {
    let is_same = |text: &String| serde_json::from_str::<Value>(text).is_ok_and(|it| it == *value);
    present.filter(is_same).unwrap_or_else(|| value.to_string())
}
