//! The annotations of a pod template or a Service.

use std::sync::Arc;

use kustomize_krm_types::Severity;

use super::ports::{Metrics, Ports};
use super::{OWN, OnAmbiguous, Prometheus, Scheme};
use crate::config::Section;
use crate::edit::{Edits, Meaning, Proposal};
use crate::finding::{Finding, Mode, Subject};
use crate::problem::Problem;
use crate::rules::{Rule, rule};
use crate::yaml::{Node, Value};

pub(super) const NO_PORT: Rule = rule(
    "FIT-PRM001",
    Severity::Error,
    "no container declares the port to scrape",
);

/// The annotations of a pod template or a Service, and the section that applies.
pub(super) struct Fitting<'f, 'a> {
    pub(super) section: &'f Section<'f, Prometheus>,
    /// The metadata with the annotations.
    pub(super) subject: Arc<Subject>,
    pub(super) annotations: Option<Node<'a>>,
}

impl Fitting<'_, '_> {
    pub(super) fn settings(&self) -> &Prometheus {
        &self.section.settings
    }

    pub(super) fn present(&self, name: &str) -> Option<String> {
        let key = self.settings().key(name);
        Some(self.annotations?.text_at([key.as_str()])?.into_owned())
    }

    /// Deletes annotations. Returns whether annotations may be set.
    pub(super) fn prepare(&self, edits: &mut Edits<'_>) -> Result<bool, Problem> {
        let is_refused = self.present("scrape").as_deref() == Some("false");
        if !is_refused {
            self.remove(edits)?;
        }
        Ok(!is_refused && self.section.mode("scrape") != Mode::Remove)
    }

    /// Deletes the annotations whose mode is `Remove`.
    fn remove(&self, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let settings = self.settings();
        let extra = settings.extra.keys().map(|key| format!("extra.{key}"));
        let mut leaves: Vec<String> = OWN.iter().map(ToString::to_string).chain(extra).collect();
        let named = self.section.removed();
        let named = named.filter(|path| path.starts_with("extra."));
        leaves.extend(named.map(str::to_owned));
        leaves.sort();
        leaves.dedup();
        leaves.retain(|leaf| self.section.mode(leaf) == Mode::Remove);
        for leaf in &leaves {
            let key = settings.key(leaf.strip_prefix("extra.").unwrap_or(leaf));
            let field = ["annotations", &key];
            let decision = self.section.decision_to_remove(leaf);
            edits.set(Proposal::new(&self.subject, &field, Value::Null, decision))?;
        }
        Ok(())
    }

    /// Sets the annotations if the port is known, else reports why a configured or required port is not.
    pub(super) fn fit(
        &self,
        ports: &Ports<'_>,
        note: Option<String>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let Some((port, image)) = self.choose_port(ports, edits) else {
            return Ok(());
        };
        let of_image = image.map(|image| format!("from the catalogue of images, for {image}"));
        let notes: Vec<String> = note.into_iter().chain(of_image).collect();
        let note = Some(notes.join("; ")).filter(|note| !note.is_empty());
        self.annotate(&port, ports, note, edits)
    }

    /// The port to set, and the image if it comes from the catalogue; `None` when nothing is set, possibly with a finding.
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
        // The default path does not replace the author's path, even with mode Override.
        let path = settings.path.clone().or_else(|| self.present("path"));
        let path = path.unwrap_or_else(|| {
            let of_image = ports.of_image(self.section);
            let of_image = of_image.filter(|(_, number, _)| number.to_string() == port);
            let path = of_image.and_then(|(_, _, path)| path);
            path.unwrap_or("/metrics").to_owned()
        });
        let scheme = settings.scheme.map(|scheme| match scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        });
        let own = [Some("true"), Some(port), Some(&path), scheme];
        let own = OWN.into_iter().zip(own);
        let own = own.filter_map(|(name, value)| Some((name.to_owned(), name, value?)));
        let extra = settings.extra.iter();
        let extra = extra.map(|(name, value)| (format!("extra.{name}"), name.as_str(), &**value));
        for (leaf, name, value) in own.chain(extra) {
            if self.section.mode(&leaf) == Mode::Remove {
                continue;
            }
            let key = settings.key(name);
            let field = ["annotations", &key];
            let value = Value::Quoted(value.to_owned());
            edits.set(
                Proposal::new(&self.subject, &field, value, self.section.decision(&leaf))
                    .meaning(Meaning::Text)
                    .note(note.clone().filter(|_| leaf == "port")),
            )?;
        }
        Ok(())
    }

    fn undeclared(&self, port: &str, ports: &Ports<'_>, insists: bool) -> Finding {
        let undeclared = ports.words.undeclared;
        let message = format!("did not annotate the metrics port {port}, which {undeclared}");
        let severity = match insists {
            true => Severity::Error,
            false => Severity::Warning,
        };
        self.no_port(severity, message, "port")
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
        self.no_port(Severity::Error, message, "scrape")
            .help("set `prometheus.port`, or name the port `metrics`")
    }

    fn no_port(&self, severity: Severity, message: String, leaf: &str) -> Finding {
        let key = self.settings().key("port");
        Finding::graded(&NO_PORT, severity, message)
            .about(&self.subject, &["annotations", &key])
            .decided_by(self.section.decision(leaf))
    }
}
