//! `placement: Service`: annotations of Services, for scrape configs with the role `endpoints`. The annotated port is the
//! port of the pods, because endpoints have the addresses of pods.

use super::annotations::Fitting;
use super::{Ports, Prometheus, scraped};
use crate::config::Section;
use crate::edit::Edits;
use crate::finding::{Finding, Mode, Subject};
use crate::objects::Service;
use crate::problem::Problem;
use crate::rules::rules;
use crate::transformers::Scope;

rules! {
    pub(super) _;
    SAME_PODS: "FIT-PRM004" Info Always "a Service that is not annotated, because another Service with the same pods is";
}

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
    if service.fronts.is_empty() {
        return Ok(());
    }
    let scraped = || scraped::service(settings, scope.related(), service);
    if let Some(by) = (!settings.insists()).then(scraped).flatten() {
        edits.find(fitting.not_annotated(format!("it is scraped already, by {by}")));
        return Ok(());
    }
    let ports = Ports::of_service(scope.related(), service);
    let is_authors = fitting.present("scrape").as_deref() == Some("true");
    let related = scope.related();
    let first = related.first_beside(service);
    // This one is annotated instead if it leads to the same port.
    let is_first = is_authors || first.rank() == service.rank();
    if !is_first && ports.usable().any(|port| related.leads_to(first, port)) {
        let message = format!(
            "not annotated, because {} has the same pods and is annotated",
            first.resource.display_name()
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
