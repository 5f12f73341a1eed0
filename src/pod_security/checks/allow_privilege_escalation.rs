//! `allowPrivilegeEscalation`: every container must forbid its processes to gain more privileges than their parent.
//!
//! Since 1.8, when the field was added. Since 1.25, pods whose `os.name` is `windows` are exempt, because the API server
//! rejects the field for them.

use super::{Check, rule};
use crate::facts::PodFacts;
use crate::pod_security::violation::{Forbidden, Wrong, leaf};
use crate::rules::Rule;

pub(super) const RULE: Rule = rule(
    "FIT-PSS-allowPrivilegeEscalation",
    "a container that allows privilege escalation",
    "Kyverno disallow-privilege-escalation; kube-linter privilege-escalation-container; Polaris privilegeEscalationAllowed; kubescape C-0016",
);

pub(super) const CHECK: Check = Check::restricted(
    "allowPrivilegeEscalation",
    &RULE,
    None,
    &[(8, since_1_8), (25, since_1_25)],
);

fn since_1_8(pod: &PodFacts<'_>) -> Option<Forbidden> {
    let mut wrong = Wrong::default();
    for container in &pod.containers {
        let allows = container.context.allow_privilege_escalation;
        if allows != Some(false) {
            let field = leaf("/securityContext/allowPrivilegeEscalation");
            let found = allows.map(|_| "true");
            wrong.container(container, field, found, Some(false.into()));
        }
    }
    wrong.forbid("allowPrivilegeEscalation != false", |wrong| {
        format!(
            "{} must set securityContext.allowPrivilegeEscalation=false",
            wrong.containers()
        )
    })
}

fn since_1_25(pod: &PodFacts<'_>) -> Option<Forbidden> {
    super::unless_windows(pod, since_1_8)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{culprits, of_spec};
    use super::*;

    #[test]
    fn only_false_is_allowed() {
        let spec = "{initContainers: [{name: i, securityContext: {allowPrivilegeEscalation: false}}], \
                    containers: [{name: a}, {name: b, securityContext: {allowPrivilegeEscalation: true}}], \
                    ephemeralContainers: [{name: e, securityContext: {allowPrivilegeEscalation: null}}]}";
        assert_eq!(
            of_spec(&CHECK, 8, spec),
            "containers \"a\", \"b\", \"e\" must set securityContext.allowPrivilegeEscalation=false"
        );
        assert_eq!(
            culprits(&CHECK, 8, spec)[1],
            "containers[1].securityContext.allowPrivilegeEscalation = false"
        );
        assert_eq!(of_spec(&CHECK, 7, spec), "");
    }

    #[test]
    fn windows_is_exempt_since_1_25() {
        let spec = "{os: {name: windows}, containers: [{name: a}]}";
        assert_ne!(of_spec(&CHECK, 24, spec), "");
        assert_eq!(of_spec(&CHECK, 25, spec), "");
        let hint = "{nodeSelector: {kubernetes.io/os: windows}, containers: [{name: a}]}";
        assert_ne!(of_spec(&CHECK, 25, hint), "");
    }
}
