//! `seccompProfile_baseline`: pods and containers can only have the seccomp profile of the runtime or one of the node.
//!
//! Since 1.0 for the alpha annotations, and since 1.19 only for the fields that replaced them. No profile is allowed, too.

use super::{Check, rule};
use crate::facts::PodFacts;
use crate::pod_security::violation::{Forbidden, Leaf, Wrong, leaf, plural, quoted};
use crate::rules::Rule;

pub(super) const RULE: Rule = rule(
    "FIT-PSS-seccompProfile_baseline",
    "a seccomp profile other than that of the runtime or a local one",
    "Kyverno restrict-seccomp",
);

pub(super) const CHECK: Check = Check::baseline(
    "seccompProfile_baseline",
    &RULE,
    &[(0, since_1_0), (19, since_1_19)],
);

const OF_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";

/// The prefix before the name of a container, which must exist.
const OF_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";

fn since_1_0(pod: &PodFacts<'_>) -> Option<Forbidden> {
    let is_bad = |value: &str| {
        !(matches!(value, "runtime/default" | "docker/default") || value.starts_with("localhost/"))
    };
    let mut wrong = Wrong::default();
    for (key, value) in pod.annotations_with(OF_CONTAINER) {
        let name = key.strip_prefix(OF_CONTAINER);
        let is_used = pod.containers.iter().any(|it| Some(&*it.name) == name);
        if is_used && is_bad(&value) {
            wrong.annotation(&key, &value);
        }
    }
    if let Some(value) = pod.annotation(OF_POD).filter(|value| is_bad(value)) {
        wrong.annotation(OF_POD, &value);
    }
    if wrong.is_empty() {
        return None;
    }
    let annotations: Vec<&str> = wrong.found().into_iter().collect();
    let detail = format!(
        "forbidden {} {}",
        plural(annotations.len(), "annotation", "annotations"),
        annotations.join(", ")
    );
    Some(wrong.forbidden("seccompProfile", detail))
}

fn since_1_19(pod: &PodFacts<'_>) -> Option<Forbidden> {
    let wrong = bad_profiles(pod);
    (!wrong.is_empty()).then(|| must_not_set(wrong))
}

/// Whether the type of a seccomp profile is allowed (`validSeccomp`).
pub(super) fn is_good(kind: &str) -> bool {
    matches!(kind, "RuntimeDefault" | "Localhost")
}

/// The type of a profile.
pub(super) const PROFILE: Leaf = leaf("/securityContext/seccompProfile/type");

/// The forbidden profiles of the pod and its containers.
pub(super) fn bad_profiles<'f>(pod: &'f PodFacts<'_>) -> Wrong<'f> {
    let fix = || Some("RuntimeDefault".into());
    let is_bad = |kind: &&str| !is_good(kind);
    let mut wrong = Wrong::default();
    if let Some(kind) = pod.context.seccomp.as_deref().filter(is_bad) {
        wrong.pod(PROFILE, Some(kind), fix());
    }
    for container in &pod.containers {
        if let Some(kind) = container.context.seccomp.as_deref().filter(is_bad) {
            wrong.container(container, PROFILE, Some(kind), fix());
        }
    }
    wrong
}

/// The result for [`bad_profiles`].
pub(super) fn must_not_set(wrong: Wrong<'_>) -> Forbidden {
    let detail = format!(
        "{} must not set securityContext.seccompProfile.type to {}",
        wrong.setters(),
        quoted(wrong.found())
    );
    wrong.forbidden("seccompProfile", detail)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{of_container, of_template};
    use super::*;

    #[test]
    fn annotations_count_before_1_19_and_fields_after() {
        let template = format!(
            "metadata: {{annotations: {{{OF_POD}: unconfined, {OF_CONTAINER}a: \"\", {OF_CONTAINER}other: unconfined}}}}\n\
             spec: {{containers: [{{name: a, securityContext: {{seccompProfile: {{type: Unconfined}}}}}}]}}"
        );
        assert_eq!(
            of_template(&CHECK, 18, &template),
            format!("forbidden annotations {OF_CONTAINER}a=\"\", {OF_POD}=\"unconfined\"")
        );
        assert_eq!(
            of_template(&CHECK, 19, &template),
            "container \"a\" must not set securityContext.seccompProfile.type to \"Unconfined\""
        );
    }

    #[test]
    fn no_profile_is_allowed() {
        let profile = |kind: &str| {
            let container = format!("{{securityContext: {{seccompProfile: {kind}}}}}");
            of_container(&CHECK, 19, &container)
        };
        assert_eq!(profile("null"), "");
        assert_eq!(profile("{type: Localhost, localhostProfile: x}"), "");
        assert_eq!(profile("{type: RuntimeDefault}"), "");
        assert_ne!(profile("{type: runtimedefault}"), "");
        assert_ne!(profile("{localhostProfile: x}"), "");
    }
}
