//! `privileged`: containers cannot be privileged.
//!
//! Since 1.0.

use super::{Check, rule};
use crate::facts::PodFacts;
use crate::pod_security::violation::{Forbidden, Wrong, leaf};
use crate::rules::Rule;

pub(super) const RULE: Rule = rule(
    "FIT-PSS-privileged",
    "a privileged container",
    "Kyverno disallow-privileged-containers; kube-linter privileged-container; Polaris runAsPrivileged; kubescape C-0057",
);

pub(super) const CHECK: Check = Check::baseline("privileged", &RULE, &[(0, since_1_0)]);

fn since_1_0(pod: &PodFacts<'_>) -> Option<Forbidden> {
    let mut wrong = Wrong::default();
    for container in &pod.containers {
        if container.context.privileged == Some(true) {
            let field = leaf("/securityContext/privileged");
            wrong.container(container, field, Some("true"), Some(false.into()));
        }
    }
    wrong.forbid("privileged", |wrong| {
        let containers = wrong.containers();
        format!("{containers} must not set securityContext.privileged=true")
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{culprits, of_spec};
    use super::*;

    #[test]
    fn every_list_of_containers_counts() {
        let container = "[{name: x, securityContext: {privileged: true}}]";
        let detail = "container \"x\" must not set securityContext.privileged=true";
        for list in ["initContainers", "containers", "ephemeralContainers"] {
            let spec = format!("{{{list}: {container}}}");
            assert_eq!(of_spec(&CHECK, 0, &spec), detail);
            let blamed = format!("{list}[0].securityContext.privileged = false");
            assert_eq!(culprits(&CHECK, 0, &spec), [blamed]);
        }
        let spec = "{containers: [{name: x, securityContext: {privileged: false}}, {name: y}]}";
        assert_eq!(of_spec(&CHECK, 0, spec), "");
    }
}
