//! `seccompProfile_restricted`: every container must have the seccomp profile of the runtime or one of the node, its own or
//! the pod's.
//!
//! Since 1.19. Since 1.25, pods whose `os.name` is `windows` are exempt. This check replaces the one of the level baseline,
//! so their profiles are not checked at all.

use super::seccomp_profile_baseline::{PROFILE, bad_profiles, is_good, must_not_set};
use super::{Check, rule};
use crate::facts::PodFacts;
use crate::pod_security::violation::{Forbidden, Wrong};
use crate::rules::Rule;

pub(super) const RULE: Rule = rule(
    "FIT-PSS-seccompProfile_restricted",
    "a container without a seccomp profile",
    "Kyverno restrict-seccomp-strict",
);

pub(super) const CHECK: Check = Check::restricted(
    "seccompProfile_restricted",
    &RULE,
    Some("seccompProfile_baseline"),
    &[(19, since_1_19), (25, since_1_25)],
);

fn since_1_19(pod: &PodFacts<'_>) -> Option<Forbidden> {
    let bad = bad_profiles(pod);
    if !bad.is_empty() {
        return Some(must_not_set(bad));
    }
    if pod.context.seccomp.as_deref().is_some_and(is_good) {
        return None;
    }
    let mut missing = Wrong::default();
    for container in &pod.containers {
        if container.context.seccomp.is_none() {
            missing.container(container, PROFILE, None, Some("RuntimeDefault".into()));
        }
    }
    missing.forbid("seccompProfile", |missing| { format!(
        "pod or {} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"",
        missing.containers()
    ) })
}

fn since_1_25(pod: &PodFacts<'_>) -> Option<Forbidden> {
    super::unless_windows(pod, since_1_19)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{culprits, of_spec};
    use super::*;

    #[test]
    fn the_pod_or_every_container_has_one() {
        let spec = "{containers: [{name: a}, {name: b, securityContext: {seccompProfile: {type: Localhost}}}]}";
        assert_eq!(
            of_spec(&CHECK, 19, spec),
            "pod or container \"a\" must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\""
        );
        assert_eq!(
            culprits(&CHECK, 19, spec),
            ["containers[0].securityContext.seccompProfile.type = \"RuntimeDefault\""]
        );
        assert_eq!(of_spec(&CHECK, 18, spec), "");
        let pod =
            "{securityContext: {seccompProfile: {type: RuntimeDefault}}, containers: [{name: a}]}";
        assert_eq!(of_spec(&CHECK, 19, pod), "");
    }

    #[test]
    fn a_forbidden_profile_is_reported_first() {
        let spec =
            "{securityContext: {seccompProfile: {type: Unconfined}}, containers: [{name: a}]}";
        assert_eq!(
            of_spec(&CHECK, 19, spec),
            "pod must not set securityContext.seccompProfile.type to \"Unconfined\""
        );
        let windows = spec.replace("{security", "{os: {name: windows}, security");
        assert_ne!(of_spec(&CHECK, 24, &windows), "");
        assert_eq!(of_spec(&CHECK, 25, &windows), "");
    }
}
