//! The target selector of kustomize's patches and replacements.

use serde::{Deserialize, Serialize};

/// A set of resources: those that meet every member given (`types.Selector`, kustomize
/// `api/types/selector.go`).
///
/// Plain data. The first five members are regular expressions that must match the whole value: a
/// host compiles them as `^(?:…)$`. A member that is absent or empty matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Selector {
    /// The API group, empty for the core group's own resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,

    /// The version within the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,

    /// The kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,

    /// The name; kustomize also tries the names a resource had before prefixes and suffixes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,

    /// The namespace. Where a resource names none, kustomize compares with `default` in patches
    /// (`reswrangler.go`) and with the empty string in replacements (`replacement.go`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,

    /// A label selector (`app=web,tier!=db`) on the labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_selector: Option<String>,

    /// A label selector on the annotations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotation_selector: Option<String>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn wire_form() {
        let wire = concat!(
            r#"{"group":"apps","version":"v1","kind":"Deployment|StatefulSet","name":"web.*","namespace":"shop","#,
            r#""labelSelector":"tier=front","annotationSelector":"owner"}"#,
        );
        let selector: Selector = serde_json::from_str(wire).unwrap();
        assert_eq!(selector.kind.as_deref(), Some("Deployment|StatefulSet"));
        assert_eq!(serde_json::to_string(&selector).unwrap(), wire);
        assert_eq!(serde_json::to_string(&Selector::default()).unwrap(), "{}");
    }

    #[test]
    fn a_misspelt_member_is_refused() {
        assert!(serde_json::from_str::<Selector>(r#"{"labelselector":"a=b"}"#).is_err());
    }
}
