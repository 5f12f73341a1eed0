//! `runAsNonRoot`: containers must not be able to run as root.
//!
//! Since 1.0: the pod or every container sets it to true, and none sets it to false. Since 1.35, pods with their own user
//! namespace (`hostUsers: false`) are exempt.

use super::{Check, rule};
use crate::facts::PodFacts;
use crate::pod_security::violation::{Forbidden, Leaf, Wrong, leaf};
use crate::rules::Rule;

pub(super) const RULE: Rule = rule(
    "FIT-PSS-runAsNonRoot",
    "a container that may run as root",
    "Kyverno require-run-as-nonroot; kube-linter run-as-non-root; Polaris runAsRootAllowed; kubescape C-0013",
);

pub(super) const CHECK: Check = Check::restricted(
    "runAsNonRoot",
    &RULE,
    None,
    &[(0, since_1_0), (35, since_1_35)],
);

fn since_1_0(pod: &PodFacts<'_>) -> Option<Forbidden> {
    const FIELD: Leaf = leaf("/securityContext/runAsNonRoot");
    let fix = || Some(true.into());
    let (mut refusing, mut missing) = (Wrong::default(), Wrong::default());
    if pod.context.run_as_non_root == Some(false) {
        refusing.pod(FIELD, Some("false"), fix());
    }
    for container in &pod.containers {
        match container.context.run_as_non_root {
            Some(true) => {}
            Some(false) => refusing.container(container, FIELD, Some("false"), fix()),
            None if pod.context.run_as_non_root == Some(true) => {}
            None => missing.container(container, FIELD, None, fix()),
        }
    }
    let (wrong, detail) = if !refusing.is_empty() {
        let setters = refusing.setters();
        let detail = format!("{setters} must not set securityContext.runAsNonRoot=false");
        (refusing, detail)
    } else if !missing.is_empty() {
        let containers = missing.containers();
        let detail = format!("pod or {containers} must set securityContext.runAsNonRoot=true");
        (missing, detail)
    } else {
        return None;
    };
    Some(wrong.forbidden("runAsNonRoot != true", detail))
}

fn since_1_35(pod: &PodFacts<'_>) -> Option<Forbidden> {
    super::unless_in_user_namespace(pod, since_1_0)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{culprits, of_spec};
    use super::*;

    #[test]
    fn the_pod_or_every_container_sets_it() {
        let of = |pod: &str, a: &str, b: &str| {
            let spec = format!(
                "{{securityContext: {{runAsNonRoot: {pod}}}, containers: [{{name: a, securityContext: \
                 {{runAsNonRoot: {a}}}}}, {{name: b, securityContext: {{runAsNonRoot: {b}}}}}]}}"
            );
            of_spec(&CHECK, 0, &spec)
        };
        assert_eq!(of("true", "null", "null"), "");
        assert_eq!(of("null", "true", "true"), "");
        assert_eq!(
            of("null", "null", "true"),
            "pod or container \"a\" must set securityContext.runAsNonRoot=true"
        );
        assert_eq!(
            of("false", "true", "true"),
            "pod must not set securityContext.runAsNonRoot=false"
        );
        assert_eq!(
            of("false", "false", "null"),
            "pod and container \"a\" must not set securityContext.runAsNonRoot=false"
        );
    }

    #[test]
    fn user_namespaces_are_exempt_since_1_35() {
        let spec = "{hostUsers: false, containers: [{name: a}]}";
        assert_eq!(
            culprits(&CHECK, 34, spec),
            ["containers[0].securityContext.runAsNonRoot = true"]
        );
        assert_eq!(of_spec(&CHECK, 35, spec), "");
    }
}
