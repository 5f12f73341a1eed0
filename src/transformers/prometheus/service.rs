//! `placement: Service`: annotations of Services, for scrape configs with the role `endpoints`. The annotated port is the
//! port of the pods, because endpoints have the addresses of pods.

use kustomize_krm_types::Severity;

use super::annotations::Fitting;
use super::{Ports, Prometheus, scraped};
use crate::config::Section;
use crate::edit::Edits;
use crate::finding::{Finding, Mode, Subject};
use crate::objects::Service;
use crate::problem::Problem;
use crate::rules::{Rule, rule};
use crate::transformers::Scope;

pub(super) const SAME_PODS: Rule = rule(
    "FIT-PRM004",
    Severity::Info,
    "a Service that is not annotated, because another Service with the same pods is",
);

/// Sets the annotations of a Service.
pub(super) fn fit(
    scope: &Scope<'_, '_, Prometheus>,
    service: &Service<'_>,
    section: &Section<'_, Prometheus>,
    edits: &mut Edits<'_>,
) -> Result<(), Problem> {
    let settings = &section.settings;
    let fitting = Fitting {
        section,
        subject: Subject::metadata(),
        annotations: scope.target().resource.annotations(),
        template: None,
    };
    if !settings.annotates_services() || fitting.refusal().is_some() {
        return Ok(());
    }
    fitting.remove(edits)?;
    if section.mode("scrape") == Mode::Remove || !settings.scrapes() {
        return Ok(());
    }
    // The endpoints of a Service without a selector are not pods.
    if scope.related().pods_behind(service).next().is_none() {
        return Ok(());
    }
    let scraped = || scraped::service(settings, scope.related(), service);
    if let Some(by) = (!settings.insists()).then(scraped).flatten() {
        edits.find(fitting.not_annotated(format!("it is scraped already, by {by}")));
        return Ok(());
    }
    let ports = Ports::of_service(scope.related(), service);
    let is_authors = fitting.present("scrape").as_deref() == Some("true");
    let mut others = scope.related().services_beside(service).into_iter();
    let better = others.find(|it| !is_authors && is_better(it, service));
    let shares = |it: &&Service<'_>| Ports::of_service(scope.related(), it).share_one(&ports);
    if let Some(better) = better.filter(shares) {
        let message = format!(
            "not annotated, because {} has the same pods and is annotated",
            better.resource.display_name()
        );
        let finding = Finding::new(&SAME_PODS, message).about(
            &fitting.subject,
            &["annotations", &section.settings.key("scrape")],
        );
        edits.find(finding);
        return Ok(());
    }
    if let Some(reason) = fitting.fit(&ports, None, edits)? {
        edits.find(fitting.not_annotated(reason));
    }
    Ok(())
}

/// Whether this Service is annotated instead of that one, which has the same pods: Services with an address come before
/// headless ones, then they are in the order of their names.
fn is_better(this: &Service<'_>, that: &Service<'_>) -> bool {
    let rank = |service: &Service<'_>| {
        let address = service.resource.node.text_at(["spec", "clusterIP"]);
        let is_headless = address.as_deref() == Some("None");
        (is_headless, service.resource.name.to_string())
    };
    rank(this) < rank(that)
}
