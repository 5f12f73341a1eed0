//! `placement: Service`: the annotations of the Services in front of the pods, which scrape configs that look for endpoints
//! read. The port among them is that of the pods, because the addresses of endpoints are.

use kustomize_krm_types::Severity;

use super::annotations::Fitting;
use super::{Ports, Prometheus};
use crate::config::Section;
use crate::edit::Edits;
use crate::finding::{Finding, Subject};
use crate::objects::Service;
use crate::problem::Problem;
use crate::rules::{Rule, rule};
use crate::transformers::Scope;

pub(super) const BESIDE: Rule = rule(
    "FIT-PRM004",
    Severity::Info,
    "a Service that is not annotated, because another one of the same pods is",
);

/// Fits a Service.
pub(super) fn fit(
    scope: &Scope<'_, '_, Prometheus>,
    service: &Service<'_>,
    section: &Section<'_, Prometheus>,
    edits: &mut Edits<'_>,
) -> Result<(), Problem> {
    let fitting = Fitting {
        section,
        subject: Subject::metadata(),
        annotations: scope.target().resource.annotations(),
    };
    if !section.settings.annotates_services() {
        // Nothing of ours, but what the API server refuses it refuses here as well.
        return fitting.quote_values(&[], edits);
    }
    if !fitting.prepare(edits)? || !section.settings.scrapes() {
        return Ok(());
    }
    // Endpoints of a Service that selects no pods are not pods'.
    if scope.related().pods_behind(service).next().is_none() {
        return Ok(());
    }
    let ports = Ports::of_service(scope.related(), service);
    let authors = fitting.present("scrape").as_deref() == Some("true");
    let beside = scope.related().services_beside(service);
    let better = beside
        .into_iter()
        .find(|it| !authors && is_better(it, service));
    let shares = |it: &&Service<'_>| Ports::of_service(scope.related(), it).share_one(&ports);
    if let Some(better) = better.filter(shares) {
        let message = format!(
            "its pods are behind {} too, which is annotated instead",
            better.resource.display_name()
        );
        let finding = Finding::new(&BESIDE, message).about(
            &fitting.subject,
            &["annotations", &section.settings.key("scrape")],
        );
        edits.find(finding);
        return Ok(());
    }
    fitting.fit(&ports, None, edits)
}

/// Whether, of two Services with the same pods, this one is annotated rather than that: not the headless one, and of two
/// alike the first by name.
fn is_better(this: &Service<'_>, that: &Service<'_>) -> bool {
    let rank = |service: &Service<'_>| {
        let address = service.resource.node.text_at(["spec", "clusterIP"]);
        let is_headless = address.as_deref() == Some("None");
        (is_headless, service.resource.name.to_string())
    };
    rank(this) < rank(that)
}
