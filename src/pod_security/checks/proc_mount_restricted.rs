//! `procMount_restricted`: containers cannot have an unmasked `/proc`, even in their own user namespace.
//!
//! Since 1.35, when the check of the level baseline exempted pods with their own user namespace.

use super::{Check, rule};
use crate::rules::Rule;

pub(super) const RULE: Rule = rule(
    "FIT-PSS-procMount_restricted",
    "the same at the level restricted",
    "Kyverno disallow-proc-mount; kube-linter unsafe-proc-mount; Polaris procMount",
);

pub(super) const CHECK: Check = Check::restricted(
    "procMount_restricted",
    &RULE,
    Some("procMount"),
    &[(35, super::proc_mount::since_1_0)],
);

#[cfg(test)]
mod tests {
    use super::super::testing::of_spec;
    use super::*;

    #[test]
    fn user_namespaces_are_not_exempt() {
        let spec =
            "{hostUsers: false, containers: [{name: a, securityContext: {procMount: Unmasked}}]}";
        assert_eq!(of_spec(&CHECK, 34, spec), "");
        assert_eq!(
            of_spec(&CHECK, 35, spec),
            "container \"a\" must not set securityContext.procMount to \"Unmasked\""
        );
    }
}
