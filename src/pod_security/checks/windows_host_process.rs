//! `windowsHostProcess`: pods and containers cannot be processes of a Windows node.
//!
//! Since 1.0.

use super::{Check, rule};
use crate::facts::PodFacts;
use crate::pod_security::violation::{Forbidden, Leaf, Wrong, leaf};
use crate::rules::Rule;

pub(super) const RULE: Rule = rule(
    "FIT-PSS-windowsHostProcess",
    "a process of a Windows node",
    "Kyverno disallow-host-process",
);

pub(super) const CHECK: Check = Check::baseline("windowsHostProcess", &RULE, &[(0, since_1_0)]);

fn since_1_0(pod: &PodFacts<'_>) -> Option<Forbidden> {
    const FIELD: Leaf = leaf("/securityContext/windowsOptions/hostProcess");
    let fix = || Some(false.into());
    let mut wrong = Wrong::default();
    if pod.context.host_process == Some(true) {
        wrong.pod(FIELD, Some("true"), fix());
    }
    for container in &pod.containers {
        if container.context.host_process == Some(true) {
            wrong.container(container, FIELD, Some("true"), fix());
        }
    }
    wrong.forbid("hostProcess", |wrong| {
        format!(
            "{} must not set securityContext.windowsOptions.hostProcess=true",
            wrong.setters()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{culprits, of_spec};
    use super::*;

    #[test]
    fn pod_and_containers_count() {
        let own = "securityContext: {windowsOptions: {hostProcess: true}}";
        let spec = format!("{{{own}, containers: [{{name: a, {own}}}, {{name: b, {own}}}]}}");
        assert_eq!(
            of_spec(&CHECK, 0, &spec),
            "pod and containers \"a\", \"b\" must not set securityContext.windowsOptions.hostProcess=true"
        );
        assert_eq!(
            culprits(&CHECK, 0, &spec)[1],
            "containers[0].securityContext.windowsOptions.hostProcess = false"
        );
        assert_eq!(of_spec(&CHECK, 0, &spec.replace("true", "false")), "");
    }
}
