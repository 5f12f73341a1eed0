//! `seLinuxOptions`: pods and containers can set only a type for containers, and neither user nor role.
//!
//! Since 1.0. Since 1.31 `container_engine_t` is among the types.

use jsonptr::Token;

use super::{Check, rule};
use crate::facts::{Context, PodFacts};
use crate::pod_security::violation::{Forbidden, Wrong, made, plural, quoted};
use crate::rules::Rule;

pub(super) const RULE: Rule = rule(
    "FIT-PSS-seLinuxOptions", "custom SELinux options", "Kyverno disallow-selinux",
);

pub(super) const CHECK: Check =
    Check::baseline("seLinuxOptions", &RULE, &[(0, since_1_0), (31, since_1_31)]);

const SINCE_1_0: [&str; 4] = ["", "container_t", "container_init_t", "container_kvm_t"];

fn since_1_0(pod: &PodFacts<'_>) -> Option<Forbidden> {
    forbidden(pod, |kind| SINCE_1_0.contains(&kind))
}

fn since_1_31(pod: &PodFacts<'_>) -> Option<Forbidden> {
    forbidden(pod, |kind| {
        SINCE_1_0.contains(&kind) || kind == "container_engine_t"
    })
}

fn forbidden(pod: &PodFacts<'_>, is_allowed: fn(&str) -> bool) -> Option<Forbidden> {
    let mut wrong = Wrong::default();
    for (field, found) in bad(&pod.context, is_allowed) {
        let field = made(&["securityContext", "seLinuxOptions", field]);
        wrong.pod(field, found, None);
    }
    for container in &pod.containers {
        for (field, found) in bad(&container.context, is_allowed) {
            let field = made(&["securityContext", "seLinuxOptions", field]);
            wrong.container(container, field, found, None);
        }
    }
    if wrong.is_empty() {
        return None;
    }
    let mut data = Vec::new();
    let types = wrong.found();
    if !types.is_empty() {
        let noun = plural(types.len(), "type", "types");
        data.push(format!("{noun} {}", quoted(types)));
    }
    for field in ["user", "role"] {
        let of_field = |token: Token<'_>| token.decoded() == field;
        let mut culprits = wrong.culprits.iter();
        if culprits.any(|it| it.field.last().is_some_and(of_field)) {
            data.push(format!("{field} may not be set"));
        }
    }
    let detail = format!(
        "{} set forbidden securityContext.seLinuxOptions: {}",
        wrong.setters(),
        data.join("; ")
    );
    Some(wrong.forbidden("seLinuxOptions", detail))
}

/// The forbidden options; only for the type does the value matter.
fn bad<'f>(
    context: &'f Context<'_>,
    is_allowed: fn(&str) -> bool,
) -> impl Iterator<Item = (&'static str, Option<&'f str>)> {
    let options = &context.se_linux;
    let kind = (!is_allowed(&options.kind)).then_some(("type", Some(&*options.kind)));
    let user = (!options.user.is_empty()).then_some(("user", None));
    let role = (!options.role.is_empty()).then_some(("role", None));
    [kind, user, role].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{culprits, of_container, of_spec};
    use super::*;

    #[test]
    fn types_for_containers_are_allowed() {
        let kind = |minor, kind: &str| {
            let container = format!("{{securityContext: {{seLinuxOptions: {{type: {kind}}}}}}}");
            of_container(&CHECK, minor, &container)
        };
        assert!(
            [
                "container_t", "container_init_t", "container_kvm_t", "\"\"", "null"
            ]
            .iter()
            .all(|it| kind(0, it).is_empty())
        );
        assert_eq!(
            kind(30, "container_engine_t"),
            "container \"a\" set forbidden securityContext.seLinuxOptions: type \"container_engine_t\""
        );
        assert_eq!(kind(31, "container_engine_t"), "");
    }

    #[test]
    fn user_and_role_cannot_be_set() {
        let spec = "{securityContext: {seLinuxOptions: {type: b, role: r}}, containers: [{name: a, securityContext: \
                    {seLinuxOptions: {type: a, user: u, role: r, level: l}}}]}";
        assert_eq!(
            of_spec(&CHECK, 0, spec),
            "pod and container \"a\" set forbidden securityContext.seLinuxOptions: types \"a\", \"b\"; \
             user may not be set; role may not be set"
        );
        assert_eq!(
            culprits(&CHECK, 0, spec),
            [
                "securityContext.seLinuxOptions.type",
                "securityContext.seLinuxOptions.role",
                "containers[0].securityContext.seLinuxOptions.type",
                "containers[0].securityContext.seLinuxOptions.user",
                "containers[0].securityContext.seLinuxOptions.role"
            ]
        );
    }
}
