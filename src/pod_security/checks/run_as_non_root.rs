//! `runAsNonRoot`: pods must be refused by their node when an image would run as root.
//!
//! Since 1.0: the pod or every container says so, and nobody says the opposite. Since 1.35 pods with users of their own
//! (`hostUsers: false`) are exempt.

use super::{Check, rule};
use crate::facts::PodFacts;
use crate::kubernetes::Level;
use crate::pod_security::violation::{Forbidden, Wrong};
use crate::rules::Rule;

pub(super) const RULE: Rule = rule(
    "FIT-PSS-runAsNonRoot",
    "a container may run as root",
    "Kyverno require-run-as-nonroot; kube-linter run-as-non-root; Polaris runAsRootAllowed; kubescape C-0013",
);

pub(super) const CHECK: Check = Check {
    id: "runAsNonRoot",
    rule: &RULE,
    level: Level::Restricted,
    overrides: None,
    versions: &[(0, since_1_0), (35, since_1_35)],
};

fn since_1_0(pod: &PodFacts<'_>) -> Option<Forbidden> {
    const FIELD: [&str; 2] = ["securityContext", "runAsNonRoot"];
    let mend = || Some(true.into());
    let (mut refusing, mut missing) = (Wrong::default(), Wrong::default());
    if pod.context.run_as_non_root == Some(false) {
        refusing.pod(&FIELD, Some("false"), mend());
    }
    for container in &pod.containers {
        match container.context.run_as_non_root {
            Some(true) => {}
            Some(false) => refusing.container(container, &FIELD, Some("false"), mend()),
            None if pod.context.run_as_non_root == Some(true) => {}
            None => missing.container(container, &FIELD, None, mend()),
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
    super::unless_with_own_users(pod, since_1_0)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{blames, of_spec};
    use super::*;

    #[test]
    fn the_pod_or_every_container_says_so() {
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
    fn users_of_its_own_lift_it_since_1_35() {
        let spec = "{hostUsers: false, containers: [{name: a}]}";
        assert_eq!(
            blames(&CHECK, 34, spec),
            ["containers[0].securityContext.runAsNonRoot = true"]
        );
        assert_eq!(of_spec(&CHECK, 35, spec), "");
    }
}
