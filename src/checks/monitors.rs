//! FIT-PRM008: monitors that lead nowhere.
//!
//! A PodMonitor whose selector matches no pod, or a ServiceMonitor whose selector matches no Service, scrapes nothing, and no
//! operator reports it. The same applies to an endpoint with the name of a port that does not exist: a PodMonitor names a port of
//! a container, a ServiceMonitor a port of the Service. The check knows the monitors
//! of prometheus-operator, VictoriaMetrics and Google.
//!
//! The pods and Services can be outside of the input. Where that is possible it is only a note, unless others in the input
//! probably match: they have a similar label, or the same in another namespace.
//!
//! Sources: `generatePodMonitorConfig` and `generateServiceMonitorConfig` in prometheus-operator
//! `pkg/prometheus/promcfg.go`.

use kustomize_krm_types::Severity;

use super::{Check, Find, Scene};
use crate::finding::{Finding, Subject};
use crate::objects::{Monitor, MonitorSearch, Selects};
use crate::rules::rules;

rules! {
    RULES;
    ID: "FIT-PRM008" Warning OnCheck "a monitor that selects nothing, or names a port that does not exist";
}

pub(super) const CHECK: Check = Check {
    name: "monitors",
    rules: RULES,
    find: &[Find::Comparing(&Find::Scene(|scene| {
        let monitors = scene.objects().related.monitors().iter();
        let found = monitors.flat_map(|monitor| {
            let findings = of_monitor(scene, monitor).into_iter();
            findings.map(|it| it.of(monitor.object))
        });
        found.collect()
    }))],
};

fn of_monitor(scene: &Scene<'_>, monitor: &Monitor<'_>) -> Vec<Finding> {
    let noun = match monitor.selects {
        Selects::Pods => "pod",
        Selects::Services => "Service",
    };
    let selector = |severity, message| {
        let field: &[&str] = match monitor.is_scrape_config() {
            true => &["spec", "kubernetesSDConfigs"],
            false => &["spec", "selector"],
        };
        Finding::graded(&ID, severity, message).about(&Subject::object(), field)
    };
    let found = match scene.objects().find_monitored(monitor) {
        None => return Vec::new(),
        Some(MonitorSearch::Found(found)) => found,
        Some(MonitorSearch::NoMatch(no_match)) => {
            let message = format!("it selects no {noun}: {}", no_match.cause);
            let mut finding = selector(Severity::Warning, message);
            finding.help = no_match.help.map(Into::into);
            return vec![finding];
        }
        Some(MonitorSearch::Unknown) => {
            let message = format!("it selects no {noun} of the input");
            return vec![selector(Severity::Info, message)];
        }
    };
    let (list, endpoints) = monitor.endpoints();
    let mut findings = Vec::new();
    for (place, endpoint) in endpoints.enumerate() {
        let Some((key, node, wanted)) = Monitor::port_of(endpoint) else {
            continue;
        };
        if found.has(&wanted, None) {
            continue;
        }
        let of = match monitor.selects {
            Selects::Pods => "no container of the pods declares a port",
            Selects::Services => "no Service that it selects has a port",
        };
        let place = place.to_string();
        let finding = Finding::new(&ID, format!("{of} {wanted}"))
            .about(&Subject::object(), &["spec", list, &place, key])
            .current(node.value().ok())
            .help(found.help(&wanted, scene.objects()));
        findings.push(finding);
    }
    findings
}
