//! `runAsUser`: pods and containers cannot set user 0.
//!
//! Since 1.23. Since 1.35, pods with their own user namespace (`hostUsers: false`) are exempt.

use super::{Check, rule};
use crate::facts::PodFacts;
use crate::pod_security::violation::{Forbidden, Leaf, Wrong, leaf};
use crate::rules::Rule;

pub(super) const RULE: Rule = rule(
    "FIT-PSS-runAsUser",
    "a container that runs as user 0",
    "Kyverno require-run-as-non-root-user",
);

pub(super) const CHECK: Check = Check::restricted(
    "runAsUser",
    &RULE,
    None,
    &[(23, since_1_23), (35, since_1_35)],
);

fn since_1_23(pod: &PodFacts<'_>) -> Option<Forbidden> {
    const FIELD: Leaf = leaf("/securityContext/runAsUser");
    let mut wrong = Wrong::default();
    if pod.context.run_as_user == Some(0) {
        wrong.pod(FIELD, Some("0"), None);
    }
    for container in &pod.containers {
        if container.context.run_as_user == Some(0) {
            wrong.container(container, FIELD, Some("0"), None);
        }
    }
    wrong.forbid("runAsUser=0", |wrong| {
        format!("{} must not set runAsUser=0", wrong.setters())
    })
}

fn since_1_35(pod: &PodFacts<'_>) -> Option<Forbidden> {
    super::unless_in_user_namespace(pod, since_1_23)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{culprits, of_container, of_spec};
    use super::*;

    #[test]
    fn zero_is_forbidden_without_a_user_namespace() {
        let spec = "{hostUsers: false, securityContext: {runAsUser: 0}, containers: [{name: a, securityContext: \
                    {runAsUser: 0}}, {name: b, securityContext: {runAsUser: 1}}]}";
        assert_eq!(of_spec(&CHECK, 22, spec), "");
        assert_eq!(
            of_spec(&CHECK, 23, spec),
            "pod and container \"a\" must not set runAsUser=0"
        );
        assert_eq!(
            culprits(&CHECK, 34, spec),
            [
                "securityContext.runAsUser",
                "containers[0].securityContext.runAsUser"
            ]
        );
        assert_eq!(of_spec(&CHECK, 35, spec), "");
        assert_eq!(of_container(&CHECK, 37, "{securityContext: {}}"), "");
    }
}
