//! `capabilities_baseline`: containers can add only the capabilities that runtimes grant by default.
//!
//! Since 1.0.

use super::{Check, rule};
use crate::facts::{PodFacts, View};
use crate::pod_security::violation::{Forbidden, Wrong, made, quoted};
use crate::rules::Rule;

pub(super) const RULE: Rule = rule(
    "FIT-PSS-capabilities_baseline",
    "a container that adds non-default capabilities",
    "Kyverno disallow-capabilities; Polaris dangerousCapabilities; kubescape C-0046",
);

pub(super) const CHECK: Check = Check::baseline("capabilities_baseline", &RULE, &[(0, since_1_0)]);

/// Names in the spelling of Kubernetes; `CAP_CHOWN` and `chown` do not match.
const ALLOWED: [&str; 13] = [
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD",
    "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
];

fn since_1_0(pod: &PodFacts<'_>) -> Option<Forbidden> {
    let wrong = added_beyond(&ALLOWED, pod);
    wrong.forbid("non-default capabilities", must_not_include)
}

/// The capabilities that containers add without being allowed to.
pub(super) fn added_beyond<'f>(allowed: &[&str], pod: &'f PodFacts<'_>) -> Wrong<'f> {
    let mut wrong = Wrong::default();
    for container in &pod.containers {
        let added = container.context.add.into_iter();
        for (index, capability) in added.flat_map(View::items).enumerate() {
            let capability = capability.text();
            if !allowed.contains(&capability.as_ref()) {
                let index = index.to_string();
                let field = made(&["securityContext", "capabilities", "add", &index]);
                wrong.container(container, field, Some(&capability), None);
            }
        }
    }
    wrong
}

/// The detail for what [`added_beyond`] found.
pub(super) fn must_not_include(wrong: &Wrong<'_>) -> String {
    format!(
        "{} must not include {} in securityContext.capabilities.add",
        wrong.containers(),
        quoted(wrong.found())
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{culprits, of_container};
    use super::*;

    #[test]
    fn names_are_compared_exactly() {
        let add = |names: &str| {
            let container = format!("{{securityContext: {{capabilities: {{add: [{names}]}}}}}}");
            of_container(&CHECK, 0, &container)
        };
        assert_eq!(add(&ALLOWED.join(", ")), "");
        assert_eq!(
            add("NET_RAW, CAP_CHOWN, chown, NET_RAW"),
            "container \"a\" must not include \"CAP_CHOWN\", \"NET_RAW\", \"chown\" in securityContext.capabilities.add"
        );
        assert_ne!(add("ALL"), "");
        assert_ne!(add("null"), "");
    }

    #[test]
    fn each_name_is_a_culprit() {
        let spec = "{ephemeralContainers: [{name: e, securityContext: {capabilities: {add: [KILL, BPF]}}}]}";
        let blamed = ["ephemeralContainers[0].securityContext.capabilities.add[1]"];
        assert_eq!(culprits(&CHECK, 0, spec), blamed);
    }
}
