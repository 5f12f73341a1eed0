//! `imagePullPolicy`: when the kubelet pulls images. An example to copy; it is compiled for tests only.
//!
//! Sets `imagePullPolicy` of every container. With mode `Ensure` the author's value stays, and `modes: {policy: Remove}`
//! removes it.
//!
//! ```yaml
//! # before                                  # after
//! - name: gateway                           - name: gateway
//!   image: caracal/gateway:1.0                image: caracal/gateway:1.0
//!                                             imagePullPolicy: IfNotPresent
//! ```

use serde::Deserialize;

use super::{Scope, Transformer};
use crate::config::{FieldRow, Objection, Settings, fields};
use crate::edit::{Edits, Proposal};
use crate::problem::Problem;
use crate::yaml::Value;

/// When the kubelet pulls images.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ImagePullPolicy {
    /// `Always`, `IfNotPresent` or `Never`.
    policy: Option<String>,
}

const POLICIES: [&str; 3] = ["Always", "IfNotPresent", "Never"];

impl Settings for ImagePullPolicy {
    // `modes`, exemptions and reasons name these leaves.
    const MODE_PATHS: &'static [&'static str] = &["policy"];
    // A profile that selects containers may set these keys. Leave it out in a section for fields of the pod.
    const CONTAINER_KEYS: &'static [&'static str] = &["policy"];
    // `fitout explain` shows the fields of these rows, with the settings that decide them.
    const FIELDS: &'static [FieldRow] = fields! {
        Containers "imagePullPolicy" ["policy"] [];
    };

    fn check(&self) -> Vec<Objection> {
        let unknown = self
            .policy
            .iter()
            .filter(|it| !POLICIES.contains(&it.as_str()));
        let objection = |policy: &String| {
            let help = format!("write {}", crate::problem::one_of(&POLICIES));
            Objection::new("policy", format!("`{policy}` is not a pull policy"), help)
        };
        unknown.map(objection).collect()
    }
}

impl Transformer for ImagePullPolicy {
    fn transform(scope: &Scope<'_, '_, Self>, edits: &mut Edits<'_>) -> Result<(), Problem> {
        for container in scope.target().containers() {
            // `None`: no layer of the config that applies to this container has the section.
            let Some(section) = scope.section_for(container) else {
                continue;
            };
            let policy = section.settings.policy.as_deref().map(Value::from);
            if let Some((value, decision)) = section.requested("policy", policy) {
                let (subject, field) = (&container.subject, &["imagePullPolicy"]);
                edits.set(Proposal::new(subject, field, value, decision))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::ImagePullPolicy;
    use crate::transformers::testing::changes;

    const POD: &str = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: a, image: a}, {name: b, \
                       image: b, imagePullPolicy: Never}]}}";

    fn changes_with(settings: &str) -> Vec<String> {
        changes::<ImagePullPolicy>("imagePullPolicy", settings, POD)
    }

    #[test]
    fn the_author_wins() {
        assert_eq!(
            changes_with("imagePullPolicy: {policy: Always}"),
            [
                "container \"a\": set imagePullPolicy to Always (spec.imagePullPolicy.policy); it was not set"
            ]
        );
    }

    #[test]
    fn a_mode_removes_the_field() {
        assert_eq!(
            changes_with("imagePullPolicy: {modes: {policy: Remove}}"),
            [
                "container \"b\": removed imagePullPolicy (spec.imagePullPolicy.modes.policy); it was Never"
            ]
        );
    }
}
