//! FIT-PRM002 and FIT-PRM003: pods whose metrics are read more than once, which makes every sum over them wrong.

use kustomize_krm_types::Severity;

use super::Prometheus;
use super::annotations::Fitting;
use super::ports::Ports;
use crate::edit::Edits;
use crate::finding::Finding;
use crate::objects::{Monitor, Service};
use crate::rules;
use crate::transformers::Scope;

/// Tells of pods that are scraped by their annotations, the author's or ours, and by something else.
pub(super) fn pods(
    scope: &Scope<'_, '_, Prometheus>,
    fitting: &Fitting<'_, '_>,
    template: usize,
    ports: &Ports<'_>,
    port: Option<String>,
    edits: &mut Edits<'_>,
) {
    let authors = fitting.present("scrape").as_deref() == Some("true");
    if port.is_none() && !authors {
        return;
    }
    let key = fitting.key("scrape");
    for service in scope.related().services_of(scope.index(), template) {
        if is_annotated(service, &key) {
            let name = service.resource.display_name();
            find(fitting, &format!("the annotations of {name}"), edits);
        }
    }
    for monitor in scope.related().monitors_of(scope.index(), template) {
        find(fitting, &monitor.resource.display_name(), edits);
    }
    several(fitting, ports, port, edits);
}

/// Tells that each of several ports is a target.
pub(super) fn several(
    fitting: &Fitting<'_, '_>,
    ports: &Ports<'_>,
    port: Option<String>,
    edits: &mut Edits<'_>,
) {
    if ports.targets > 1 {
        // Targets that lead to one port are mostly dropped but for one, as far as their labels are the same.
        let (severity, how) = match port.or_else(|| fitting.present("port")) {
            Some(port) => {
                let how = format!("each is a target of Prometheus, and all lead to port {port}");
                (Severity::Info, how)
            }
            None => {
                let how = "without a port among the annotations each is scraped".to_owned();
                (Severity::Warning, how)
            }
        };
        let message = format!("{} ports are declared: {how}", ports.targets);
        let finding = Finding::graded(&rules::PRM003, severity, message)
            .about(&fitting.subject, &["annotations", &fitting.key("port")])
            .decided_by(fitting.section.decision("scrape"))
            .help("select the port by its name in a PodMonitor or ServiceMonitor, or exempt it from FIT-PRM003 if the scrape config keeps one target of each pod");
        edits.find(finding);
    }
}

/// Tells of a Service that is scraped by its annotations and by a monitor, or whose pods are by theirs.
pub(super) fn service(
    scope: &Scope<'_, '_, Prometheus>,
    fitting: &Fitting<'_, '_>,
    service: &Service<'_>,
    edits: &mut Edits<'_>,
) {
    let key = fitting.key("scrape");
    let mut pods = scope.related().pods_behind(service);
    if pods.any(|pods| pods.annotation(&key).as_deref() == Some("true")) {
        find(fitting, "the annotations of its pods", edits);
    }
    let monitors: Vec<&Monitor<'_>> = scope.related().monitors_of_service(service).collect();
    for monitor in monitors {
        find(fitting, &monitor.resource.display_name(), edits);
    }
    for beside in scope.related().services_beside(service) {
        if is_annotated(beside, &key) {
            let name = beside.resource.display_name();
            find(fitting, &format!("the annotations of {name}"), edits);
        }
    }
}

/// Whether the author of a Service wants it scraped.
pub(super) fn is_annotated(service: &Service<'_>, key: &str) -> bool {
    service.resource.annotation(key).as_deref() == Some("true")
}

fn find(fitting: &Fitting<'_, '_>, by: &str, edits: &mut Edits<'_>) {
    let message = format!("it is scraped twice: by its own annotations and by {by}");
    let finding = Finding::new(&rules::PRM002, message)
        .about(&fitting.subject, &["annotations", &fitting.key("scrape")])
        .decided_by(fitting.section.decision("scrape"));
    edits.find(finding.help("keep one of both: annotate it with scrape \"false\", or set `scrape: false` for it in the config"));
}
