//! The annotations themselves, of pods or of a Service.

use std::sync::Arc;

use kustomize_krm_types::Severity;

use super::ports::{Metrics, Ports};
use super::{OWN, OnAmbiguous, Prometheus, Scheme};
use crate::config::Section;
use crate::edit::{Edits, Meaning, Proposal};
use crate::finding::{Finding, Mode, Subject};
use crate::problem::Problem;
use crate::rules::{Rule, rule};
use crate::yaml::{Node, Scalar, Value};

pub(super) const NO_PORT: Rule = rule(
    "FIT-PRM001",
    Severity::Error,
    "the port to scrape is not one that a container declares",
);

/// The annotations of one thing in the hands of its section.
pub(super) struct Fitting<'f, 'a> {
    pub(super) section: &'f Section<'f, Prometheus>,
    /// The metadata that holds them.
    pub(super) subject: Arc<Subject>,
    pub(super) annotations: Option<Node<'a>>,
}

impl Fitting<'_, '_> {
    pub(super) fn settings(&self) -> &Prometheus {
        &self.section.settings
    }

    pub(super) fn present(&self, name: &str) -> Option<String> {
        let text = self
            .annotations?
            .text_at([self.settings().key(name).as_str()])?;
        Some(text.into_owned())
    }

    /// Mends what the author wrote and takes away what shall go; whether anything may be written after that.
    pub(super) fn prepare(&self, edits: &mut Edits<'_>) -> Result<bool, Problem> {
        let refuses = self.present("scrape").as_deref() == Some("false");
        let removed = match refuses {
            true => Vec::new(),
            false => self.remove(edits)?,
        };
        self.quote_values(&removed, edits)?;
        Ok(!refuses && self.section.mode("scrape") != Mode::Remove)
    }

    /// Deletes the annotations whose mode is `Remove`, and returns their keys.
    fn remove(&self, edits: &mut Edits<'_>) -> Result<Vec<String>, Problem> {
        let extra = self
            .settings()
            .extra
            .keys()
            .map(|key| format!("extra.{key}"));
        let mut leaves: Vec<String> = OWN.iter().map(ToString::to_string).chain(extra).collect();
        let named = self
            .section
            .removed()
            .filter(|path| path.starts_with("extra."));
        leaves.extend(named.map(str::to_owned));
        leaves.sort();
        leaves.dedup();
        leaves.retain(|leaf| self.section.mode(leaf) == Mode::Remove);
        let mut keys = Vec::new();
        for leaf in &leaves {
            let key = self
                .settings()
                .key(leaf.strip_prefix("extra.").unwrap_or(leaf));
            edits.set(Proposal {
                subject: &self.subject,
                field: &["annotations", &key],
                value: Value::Null,
                decision: self.section.decision_to_remove(leaf),
                meaning: Meaning::Literal,
                note: None,
            })?;
            keys.push(key);
        }
        Ok(keys)
    }

    /// Writes the annotations where the port is known, and tells of one that is configured and cannot be.
    pub(super) fn fit(
        &self,
        ports: &Ports<'_>,
        note: Option<String>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let Some((port, image)) = self.choose_port(ports, edits) else {
            return Ok(());
        };
        let of_image = image.map(|image| format!("the catalogue of images has it for {image}"));
        let notes: Vec<String> = note.into_iter().chain(of_image).collect();
        let note = Some(notes.join("; ")).filter(|note| !note.is_empty());
        self.annotate(&port, ports, note, edits)
    }

    /// The port to write, and the image by which it is known; `None` when there is nothing to write, for which a finding
    /// may say why.
    fn choose_port(
        &self,
        ports: &Ports<'_>,
        edits: &mut Edits<'_>,
    ) -> Option<(String, Option<String>)> {
        let insists = self.settings().insists();
        let mode = self.section.mode("port");
        let configured = self.settings().port.is_some() && mode != Mode::Off;
        let authors = self.present("port").filter(|_| mode != Mode::Remove);
        if let Some(port) = authors.filter(|_| !configured || mode == Mode::Ensure) {
            return ports.leads_to(&port).then_some((port, None));
        }
        let known = |port: u16| Some((port.to_string(), None));
        match ports.metrics(self.section) {
            Metrics::Known(port) => known(port),
            Metrics::OfImage(port, image) => Some((port.to_string(), Some(image))),
            Metrics::Undeclared(port) => {
                edits.find(self.undeclared(&port, ports, insists));
                None
            }
            Metrics::Unclear(_) if !insists => None,
            Metrics::Unclear(numbers) => match (self.settings().on_ambiguous, numbers.as_slice()) {
                (_, [only]) => known(*only),
                (OnAmbiguous::First, [first, ..]) => known(*first),
                (OnAmbiguous::Skip, _) => None,
                (_, numbers) => {
                    edits.find(self.ambiguous(numbers, ports));
                    None
                }
            },
        }
    }

    fn annotate(
        &self,
        port: &str,
        ports: &Ports<'_>,
        note: Option<String>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let settings = self.settings();
        // Where the config names no path, its default replaces no author's.
        let path = settings.path.clone().or_else(|| self.present("path"));
        let path = path.unwrap_or_else(|| {
            let of_image = ports.of_image(self.section);
            let of_image = of_image.filter(|(_, number, _)| number.to_string() == port);
            let path = of_image.and_then(|(_, _, path)| path);
            path.unwrap_or("/metrics").to_owned()
        });
        let mut wanted = vec![
            ("scrape".to_owned(), "scrape", "true".to_owned()),
            ("port".to_owned(), "port", port.to_owned()),
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
            if self.section.mode(&leaf) == Mode::Remove {
                continue;
            }
            edits.set(Proposal {
                subject: &self.subject,
                field: &["annotations", &self.settings().key(&name)],
                value: Value::Quoted(value),
                decision: self.section.decision(&leaf),
                meaning: Meaning::Text,
                note: note.clone().filter(|_| leaf == "port"),
            })?;
        }
        Ok(())
    }

    /// Quotes values of ours that an author forgot to quote, but for those that go: the API server refuses the whole object.
    pub(super) fn quote_values(
        &self,
        removed: &[String],
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let prefix = self.settings().key("");
        let entries = self
            .annotations
            .into_iter()
            .flat_map(|annotations| annotations.entries());
        for (key, value) in entries.filter(|(key, value)| {
            let is_ours =
                |key: &str| key.starts_with(&prefix) && !removed.iter().any(|it| it == key);
            key.text().is_some_and(|key| is_ours(&key)) && needs_quotes(*value)
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

    fn undeclared(&self, port: &str, ports: &Ports<'_>, insists: bool) -> Finding {
        let undeclared = ports.words.undeclared;
        let message = format!("the metrics port {port} {undeclared}, so nothing is annotated");
        let severity = match insists {
            true => Severity::Error,
            false => Severity::Warning,
        };
        Finding::graded(&NO_PORT, severity, message)
            .about(
                &self.subject,
                &["annotations", &self.settings().key("port")],
            )
            .decided_by(self.section.decision("port"))
            .help(ports.words.help)
    }

    fn ambiguous(&self, numbers: &[u16], ports: &Ports<'_>) -> Finding {
        let message = match numbers {
            [] => format!("{}, so it cannot be scraped", ports.words.none),
            numbers => {
                let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
                format!(
                    "which port has the metrics is not clear: {}",
                    numbers.join(", ")
                )
            }
        };
        Finding::new(&NO_PORT, message)
            .about(
                &self.subject,
                &["annotations", &self.settings().key("port")],
            )
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
