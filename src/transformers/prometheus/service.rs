//! `placement: Service`: the annotations of the Services in front of the pods, which scrape configs that look for endpoints
//! read. The port among them is that of the pods, because the addresses of endpoints are.

use std::sync::Arc;

use super::annotations::Fitting;
use super::ports::{DeclaredPort, OF_SERVICE, Ports};
use super::{Placement, Prometheus, Scrape, twice};
use crate::config::Section;
use crate::edit::Edits;
use crate::finding::{Finding, Part, Subject};
use crate::objects::{OnChange, Related, Service, below};
use crate::problem::Problem;
use crate::rules;
use crate::transformers::Scope;
use crate::yaml::Node;

/// Fits a Service.
pub(super) fn fit(
    scope: &Scope<'_, '_, Prometheus>,
    service: &Service<'_>,
    section: &Section<'_, Prometheus>,
    edits: &mut Edits<'_>,
) -> Result<(), Problem> {
    let fitting = Fitting {
        section,
        subject: Arc::new(Subject {
            part: Part::Object,
            path: below(jsonptr::Pointer::root(), ["metadata"]),
            on_change: OnChange::Nothing,
            inherits: None,
        }),
        annotations: scope.target().resource.annotations(),
    };
    if section.settings.placement == Placement::Pod {
        // Nothing of ours, but what the API server refuses it refuses here as well.
        return fitting.quote_values(&[], edits);
    }
    if !fitting.prepare(edits)? || section.settings.scrape == Scrape::No {
        return Ok(());
    }
    // Endpoints of a Service that selects no pods are not pods'.
    if scope.related().pods_behind(service).next().is_none() {
        return Ok(());
    }
    let ports = ports_of(scope.related(), service);
    let authors = fitting.present("scrape").as_deref() == Some("true");
    let beside = scope.related().services_beside(service);
    let better = beside
        .into_iter()
        .find(|it| !authors && is_better(it, service));
    if let Some(better) = better.filter(|it| share_a_port(scope.related(), it, &ports)) {
        let message = format!(
            "its pods are behind {} too, which is annotated instead",
            better.resource.display_name()
        );
        let finding = Finding::new(&rules::PRM004, message)
            .about(&fitting.subject, &["annotations", &fitting.key("scrape")]);
        edits.find(finding);
        return Ok(());
    }
    let port = fitting.port(&ports, None, edits)?;
    if port.is_some() || authors {
        twice::service(scope, &fitting, service, edits);
        twice::several(&fitting, &ports, port, edits);
    }
    Ok(())
}

/// The ports of pods that a Service leads to.
fn ports_of(related: &Related<'_>, service: &Service<'_>) -> Ports<'static> {
    let mut ports = Ports {
        usable: Vec::new(),
        targets: 0,
        pods: None,
        words: &OF_SERVICE,
    };
    let text = |port: Node<'_>, key| Some(port.text_at([key])?.into_owned());
    for port in service.resource.node.items_at(["spec", "ports"]) {
        ports.targets += 1;
        if text(port, "protocol").is_some_and(|protocol| protocol != "TCP") {
            continue;
        }
        let name = text(port, "name");
        let Some(target) = text(port, "targetPort").or_else(|| text(port, "port")) else {
            continue;
        };
        let declared = related.pods_behind(service).flat_map(|pods| pods.ports());
        let declared = declared.filter_map(|port| {
            let number: u16 = port.int_at(["containerPort"])?;
            Some((number, text(port, "name")))
        });
        let mut found: Vec<(u16, Option<String>)> = declared
            .filter(|(number, name)| {
                name.as_ref() == Some(&target) || target.parse() == Ok(*number)
            })
            .collect();
        // A Service reaches a port by its number whether or not a container declares it.
        found.extend(target.parse().ok().map(|number| (number, None)));
        // A name may be another number in each pod that has it, and an annotation has room for one.
        if let Some((number, _)) = found.first().cloned()
            && found.iter().all(|(other, _)| *other == number)
        {
            let names = found.into_iter().filter_map(|(_, name)| name);
            ports.usable.push(DeclaredPort {
                names: name.into_iter().chain(names).collect(),
                number,
                is_sidecars: false,
            });
        }
    }
    ports
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

/// Whether a Service leads to one of these ports as well.
fn share_a_port(related: &Related<'_>, service: &Service<'_>, ports: &Ports<'_>) -> bool {
    let others = ports_of(related, service);
    others.usable.iter().any(|port| ports.has(port.number))
}
