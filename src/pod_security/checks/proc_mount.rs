//! `procMount`: containers cannot have an unmasked `/proc`.
//!
//! Since 1.0. Since 1.35, pods with their own user namespace (`hostUsers: false`) are exempt.

use super::{Check, rule};
use crate::facts::PodFacts;
use crate::pod_security::violation::{Forbidden, Wrong, leaf, quoted};
use crate::rules::Rule;

pub(super) const RULE: Rule = rule(
    "FIT-PSS-procMount",
    "a container with an unmasked /proc",
    "Kyverno disallow-proc-mount; kube-linter unsafe-proc-mount; Polaris procMount",
);

pub(super) const CHECK: Check =
    Check::baseline("procMount", &RULE, &[(0, since_1_0), (35, since_1_35)]);

/// The level restricted keeps this version: see [`super::proc_mount_restricted`].
pub(super) fn since_1_0(pod: &PodFacts<'_>) -> Option<Forbidden> {
    let mut wrong = Wrong::default();
    for container in &pod.containers {
        let mount = container.context.proc_mount.as_deref();
        if let Some(mount) = mount.filter(|mount| *mount != "Default") {
            let field = leaf("/securityContext/procMount");
            wrong.container(container, field, Some(mount), Some("Default".into()));
        }
    }
    wrong.forbid("procMount", |wrong| {
        format!(
            "{} must not set securityContext.procMount to {}",
            wrong.containers(),
            quoted(wrong.found())
        )
    })
}

fn since_1_35(pod: &PodFacts<'_>) -> Option<Forbidden> {
    super::unless_in_user_namespace(pod, since_1_0)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{of_container, of_spec};
    use super::*;

    #[test]
    fn user_namespaces_are_exempt_since_1_35() {
        let spec = |users: &str| {
            format!(
                "{{hostUsers: {users}, containers: [{{name: a, securityContext: {{procMount: Unmasked}}}}]}}"
            )
        };
        let detail = "container \"a\" must not set securityContext.procMount to \"Unmasked\"";
        assert_eq!(of_spec(&CHECK, 34, &spec("false")), detail);
        assert_eq!(of_spec(&CHECK, 35, &spec("false")), "");
        assert_eq!(of_spec(&CHECK, 35, &spec("true")), detail);
        assert_eq!(of_spec(&CHECK, 35, &spec("null")), detail);
    }

    #[test]
    fn an_empty_string_is_set() {
        let mount = |value: &str| {
            of_container(
                &CHECK,
                0,
                &format!("{{securityContext: {{procMount: {value}}}}}"),
            )
        };
        assert_eq!(mount("Default"), "");
        assert_eq!(mount("null"), "");
        assert_ne!(mount("\"\""), "");
    }
}
