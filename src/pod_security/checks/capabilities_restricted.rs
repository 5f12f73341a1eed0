//! `capabilities_restricted`: every container must drop all capabilities, and can add only `NET_BIND_SERVICE`.
//!
//! Since 1.22. Since 1.25, pods whose `os.name` is `windows` are exempt. This check replaces the one of the level baseline,
//! so their capabilities are not checked at all.

use super::capabilities_baseline::{added_beyond, must_not_include};
use super::{Check, rule};
use crate::facts::{PodFacts, View};
use crate::pod_security::violation::{Forbidden, Wrong, leaf};
use crate::rules::Rule;
use crate::yaml::Value;

pub(super) const RULE: Rule = rule(
    "FIT-PSS-capabilities_restricted",
    "a container that does not drop all capabilities",
    "Kyverno disallow-capabilities-strict; Polaris insecureCapabilities",
);

pub(super) const CHECK: Check = Check::restricted(
    "capabilities_restricted",
    &RULE,
    Some("capabilities_baseline"),
    &[(22, since_1_22), (25, since_1_25)],
);

fn since_1_22(pod: &PodFacts<'_>) -> Option<Forbidden> {
    let mut missing = Wrong::default();
    for container in &pod.containers {
        let mut dropped = container.context.drop.into_iter().flat_map(View::items);
        if !dropped.any(|name| name.text() == "ALL") {
            let field = leaf("/securityContext/capabilities/drop");
            let fix = Value::Sequence(vec!["ALL".into()]);
            missing.container(container, field, None, Some(fix));
        }
    }
    let mut added = added_beyond(&["NET_BIND_SERVICE"], pod);
    if missing.is_empty() && added.is_empty() {
        return None;
    }
    let must_drop = (!missing.is_empty()).then(|| {
        let containers = missing.containers();
        format!("{containers} must set securityContext.capabilities.drop=[\"ALL\"]")
    });
    let must_not_add = (!added.is_empty()).then(|| must_not_include(&added));
    let details: Vec<String> = must_drop.into_iter().chain(must_not_add).collect();
    missing.culprits.append(&mut added.culprits);
    Some(missing.forbidden("unrestricted capabilities", details.join("; ")))
}

fn since_1_25(pod: &PodFacts<'_>) -> Option<Forbidden> {
    super::unless_windows(pod, since_1_22)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{culprits, of_container, of_spec};
    use super::*;

    #[test]
    fn all_must_be_dropped_and_one_can_be_added() {
        let of = |lists: &str| {
            let container = format!("{{securityContext: {{capabilities: {lists}}}}}");
            of_container(&CHECK, 22, &container)
        };
        assert_eq!(of("{drop: [ALL], add: [NET_BIND_SERVICE]}"), "");
        assert_eq!(of("{drop: [NET_RAW, ALL]}"), "");
        for drop in ["{drop: [all]}", "{drop: [CAP_ALL]}", "{drop: []}", "null"] {
            assert_eq!(
                of(drop),
                "container \"a\" must set securityContext.capabilities.drop=[\"ALL\"]"
            );
        }
        assert_eq!(
            of("{add: [CHOWN, BPF]}"),
            "container \"a\" must set securityContext.capabilities.drop=[\"ALL\"]; \
             container \"a\" must not include \"BPF\", \"CHOWN\" in securityContext.capabilities.add"
        );
    }

    #[test]
    fn windows_is_exempt_since_1_25() {
        let spec = "{os: {name: windows}, containers: [{name: a}]}";
        assert_eq!(of_spec(&CHECK, 21, spec), "");
        assert_eq!(
            culprits(&CHECK, 24, spec),
            ["containers[0].securityContext.capabilities.drop = [\"ALL\"]"]
        );
        assert_eq!(of_spec(&CHECK, 25, spec), "");
    }
}
