//! `appArmorProfile`: pods and containers can only have the AppArmor profile of the runtime or one of the node.
//!
//! Since 1.0, for the field and for the older annotation.

use super::{Check, rule};
use crate::facts::PodFacts;
use crate::pod_security::violation::{Forbidden, Leaf, Wrong, leaf, plural, quoted};
use crate::rules::Rule;

pub(super) const RULE: Rule = rule(
    "FIT-PSS-appArmorProfile",
    "an AppArmor profile other than that of the runtime or a local one",
    "Kyverno restrict-apparmor-profiles",
);

pub(super) const CHECK: Check = Check::baseline("appArmorProfile", &RULE, &[(0, since_1_0)]);

/// The prefix before the name of a container, which need not exist.
const ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";

fn is_bad(kind: Option<&str>) -> bool {
    kind.is_some_and(|kind| kind != "RuntimeDefault" && kind != "Localhost")
}

fn is_bad_annotation(value: &str) -> bool {
    !(value.is_empty() || value == "runtime/default" || value.starts_with("localhost/"))
}

fn since_1_0(pod: &PodFacts<'_>) -> Option<Forbidden> {
    let fix = || Some("RuntimeDefault".into());
    const FIELD: Leaf = leaf("/securityContext/appArmorProfile/type");
    let mut wrong = Wrong::default();
    let kind = pod.context.app_armor.as_deref();
    if is_bad(kind) {
        wrong.pod(FIELD, kind, fix());
    }
    for container in &pod.containers {
        let kind = container.context.app_armor.as_deref();
        if is_bad(kind) {
            wrong.container(container, FIELD, kind, fix());
        }
    }
    let mut annotations = Wrong::default();
    for (key, value) in pod.annotations_with(ANNOTATION) {
        if is_bad_annotation(&value) {
            annotations.annotation(&key, &value);
        }
    }
    if wrong.is_empty() && annotations.is_empty() {
        return None;
    }
    let values: Vec<&str> = wrong
        .found()
        .into_iter()
        .chain(annotations.found())
        .collect();
    let noun = plural(annotations.culprits.len(), "annotation", "annotations");
    let mut setters = wrong.setters();
    if !annotations.is_empty() {
        let and = if setters.is_empty() { "" } else { " and " };
        setters = format!("{setters}{and}{noun}");
    }
    let reason = plural(
        values.len(),
        "forbidden AppArmor profile",
        "forbidden AppArmor profiles",
    );
    let detail = format!(
        "{setters} must not set AppArmor profile type to {}",
        quoted(values)
    );
    wrong.culprits.append(&mut annotations.culprits);
    Some(wrong.forbidden(reason, detail))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{of_container, of_template};
    use super::*;

    #[test]
    fn fields_and_annotations_count_in_every_version() {
        let template = "metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/a: unconfined}}\n\
                        spec: {securityContext: {appArmorProfile: {type: Unconfined}}, containers: [{name: a, \
                        securityContext: {appArmorProfile: {type: Other}}}]}";
        let detail = "pod and container \"a\" and annotation must not set AppArmor profile type to \"Other\", \
                      \"Unconfined\", \"container.apparmor.security.beta.kubernetes.io/a=\"unconfined\"\"";
        assert_eq!(of_template(&CHECK, 0, template), detail);
        assert_eq!(of_template(&CHECK, 37, template), detail);
    }

    #[test]
    fn the_profile_of_the_runtime_and_those_of_the_node_are_allowed() {
        let annotated = |value: &str| {
            let template = format!(
                "metadata: {{annotations: {{{ANNOTATION}a: {value}}}}}\nspec: {{containers: []}}"
            );
            of_template(&CHECK, 0, &template)
        };
        assert_eq!(annotated("runtime/default"), "");
        assert_eq!(annotated("localhost/mine"), "");
        assert_eq!(annotated("\"\""), "");
        assert_ne!(annotated("docker/default"), "");
        for kind in ["RuntimeDefault", "Localhost"] {
            let container = format!("{{securityContext: {{appArmorProfile: {{type: {kind}}}}}}}");
            assert_eq!(of_container(&CHECK, 0, &container), "");
        }
        let empty = "{securityContext: {appArmorProfile: {}}}";
        assert_ne!(of_container(&CHECK, 0, empty), "");
    }
}
