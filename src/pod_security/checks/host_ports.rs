//! `hostPorts`: containers cannot use ports of their node.
//!
//! Since 1.0. A Pod with `hostNetwork` uses every port that it declares: see [`crate::pod_security::PodFacts`].

use super::{Check, rule};
use crate::facts::PodFacts;
use crate::pod_security::violation::{Forbidden, Wrong, made, plural};
use crate::rules::Rule;

pub(super) const RULE: Rule = rule(
    "FIT-PSS-hostPorts",
    "a container that uses a port of its node",
    "Kyverno disallow-host-ports; Polaris hostPortSet; kubescape C-0044",
);

pub(super) const CHECK: Check = Check::baseline("hostPorts", &RULE, &[(0, since_1_0)]);

fn since_1_0(pod: &PodFacts<'_>) -> Option<Forbidden> {
    let mut wrong = Wrong::default();
    for container in &pod.containers {
        for (index, key, port) in pod.host_ports(container) {
            let field = made(&["ports", &index.to_string(), key]);
            wrong.container(container, field, Some(&port.to_string()), None);
        }
    }
    if wrong.is_empty() {
        return None;
    }
    // Upstream sorts ports as strings.
    let ports: Vec<&str> = wrong.found().into_iter().collect();
    let detail = format!(
        "{} {} {} {}",
        wrong.containers(),
        plural(wrong.count(), "uses", "use"),
        plural(ports.len(), "hostPort", "hostPorts"),
        ports.join(", ")
    );
    Some(wrong.forbidden("hostPort", detail))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{culprits, of_container, of_spec};
    use super::*;

    #[test]
    fn ports_are_sorted_as_strings() {
        let spec = "{initContainers: [{name: i, ports: [{hostPort: 9}, {hostPort: 0}, {containerPort: 1}]}], \
                    containers: [{name: a, ports: [{hostPort: 10}, {hostPort: 9}]}]}";
        assert_eq!(
            of_spec(&CHECK, 0, spec),
            "containers \"i\", \"a\" use hostPorts 10, 9"
        );
        assert_eq!(
            culprits(&CHECK, 0, spec)[0],
            "initContainers[0].ports[0].hostPort"
        );
        let one = "{ports: [{hostPort: 80, containerPort: 8080}]}";
        assert_eq!(
            of_container(&CHECK, 0, one),
            "container \"a\" uses hostPort 80"
        );
    }
}
