//! `hostProbesAndHostLifecycle`: probes and hooks cannot name a host, because the kubelet connects to it from the node.
//!
//! Since 1.34.

use super::{Check, rule};
use crate::facts::PodFacts;
use crate::pod_security::violation::{Forbidden, Wrong, made, plural, quoted};
use crate::rules::Rule;

pub(super) const RULE: Rule = rule(
    "FIT-PSS-hostProbesAndHostLifecycle",
    "a probe or lifecycle hook that names a host",
    "",
);

pub(super) const CHECK: Check =
    Check::baseline("hostProbesAndHostLifecycle", &RULE, &[(34, since_1_34)]);

fn since_1_34(pod: &PodFacts<'_>) -> Option<Forbidden> {
    let mut wrong = Wrong::default();
    for container in &pod.containers {
        for (handler, action, host) in container.hosts() {
            let field = made(&[handler, &[action, "host"]].concat());
            wrong.container(container, field, Some(&host), None);
        }
    }
    if wrong.is_empty() {
        return None;
    }
    // Only in this check, upstream collects the names in a set.
    let names = wrong.sorted_names();
    let hosts = wrong.found();
    let detail = format!(
        "{} {} {} {} {}",
        plural(names.len(), "container", "containers"),
        quoted(&names),
        plural(names.len(), "uses", "use"),
        plural(
            hosts.len(),
            "probe or lifecycle host",
            "probe or lifecycle hosts"
        ),
        quoted(&hosts)
    );
    Some(wrong.forbidden("probe or lifecycle host", detail))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{culprits, of_container, of_spec};
    use super::*;

    #[test]
    fn five_handlers_and_two_actions_count() {
        let handler = "{httpGet: {host: h, port: 1}, tcpSocket: {host: t, port: 1}, grpc: {port: 1, host: g}}";
        for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
            let container = format!("{{{name}: {handler}}}");
            assert_eq!(
                of_container(&CHECK, 34, &container),
                "container \"a\" uses probe or lifecycle hosts \"h\", \"t\""
            );
        }
        let spec = format!(
            "{{containers: [{{name: b, lifecycle: {{postStart: {handler}, preStop: {{httpGet: {{host: \"\"}}}}}}}}]}}"
        );
        assert_eq!(
            culprits(&CHECK, 34, &spec),
            [
                "containers[0].lifecycle.postStart.httpGet.host",
                "containers[0].lifecycle.postStart.tcpSocket.host"
            ]
        );
        assert_eq!(of_spec(&CHECK, 33, &spec), "");
    }

    #[test]
    fn names_are_sorted() {
        let spec = "{containers: [{name: b, livenessProbe: {tcpSocket: {host: x}}}, {name: a, startupProbe: {httpGet: {host: x}}}]}";
        assert_eq!(
            of_spec(&CHECK, 34, spec),
            "containers \"a\", \"b\" use probe or lifecycle host \"x\""
        );
    }
}
