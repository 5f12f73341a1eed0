//! The findings and changes of a function: the `results` of a ResourceList.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::annotations;

/// One finding or change (`framework.Result`, `fn/framework/result.go`).
///
/// ```
/// use kustomize_krm_types::{Field, Result, Severity};
/// use serde_json::json;
///
/// let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}});
/// let result = Result {
///     field: Some(Field { path: "spec.hostNetwork".to_owned(), ..Field::default() }),
///     ..Result::new(Severity::Error, "the pod uses the host's network").about(&pod)
/// };
/// assert_eq!(
///     serde_json::to_value(result)?,
///     json!({
///         "message": "the pod uses the host's network",
///         "severity": "error",
///         "resourceRef": {"apiVersion": "v1", "kind": "Pod", "name": "web"},
///         "field": {"path": "spec.hostNetwork"},
///     })
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Result {
    /// The problem or the change, in one sentence for users.
    pub message: String,

    /// How severe it is. Always written, because hosts differ in the default: the specification says `error`, and kpt
    /// prints `info`.
    #[serde(default)]
    pub severity: Severity,

    /// The resource in question. The specification demands it where [`field`](Self::field) is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_ref: Option<ResourceIdentifier>,

    /// The field in question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Field>,

    /// The file that contains the resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<File>,

    /// More data for programs, in the order of the keys.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

impl Result {
    /// A result with a message and nothing else.
    pub fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            severity,
            ..Self::default()
        }
    }

    /// The same result, about an item of the list: `resourceRef`, and `file` if the host says where the item is from.
    #[must_use]
    pub fn about(self, item: &Value) -> Self {
        Self {
            resource_ref: Some(ResourceIdentifier::of(item)),
            file: File::of(item),
            ..self
        }
    }
}

/// The severity of a result, ordered from harmless to severe: `Info < Warning < Error`, so that the worst of a list
/// is its maximum.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Information only.
    Info,
    /// Probably wrong, but the output is usable.
    Warning,
    /// Wrong: the function exits with a code other than 0. The specification's default.
    #[default]
    Error,
}

impl Severity {
    /// The word on the wire: `error`, `warning` or `info`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The resource that a result is about (`yaml.ResourceIdentifier`).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceIdentifier {
    /// Group and version, such as `apps/v1`.
    pub api_version: String,

    /// The kind, such as `Deployment`.
    pub kind: String,

    /// The name within its namespace.
    pub name: String,

    /// The namespace; None if the resource names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

impl ResourceIdentifier {
    /// The identity of an item. Members that the item lacks are empty: hosts also send items without a name, such as a
    /// `kustomization.yaml`.
    pub fn of(item: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let metadata = &item["metadata"];
        Self {
            api_version: text(&item["apiVersion"]),
            kind: text(&item["kind"]),
            name: text(&metadata["name"]),
            namespace: metadata["namespace"].as_str().map(str::to_owned),
        }
    }
}

/// The field that a result is about, and its expected value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Field {
    /// The path of the field, such as `spec.template.spec.containers[0].image`.
    pub path: String,

    /// The value found; None if there is none. A null that was written is `Value::Null`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub current_value: Option<Value>,

    /// The value that would fix the problem, or that was set.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub proposed_value: Option<Value>,
}

/// Distinguishes null from an absent member, which serde does not.
fn present<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// The file that a result is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct File {
    /// Relative to the package, with slashes.
    pub path: String,

    /// The position of the resource in the file, counted from 0.
    #[serde(default)]
    pub index: usize,
}

impl File {
    /// The file of an item, by the annotations [`PATH`](annotations::PATH) and [`INDEX`](annotations::INDEX) or their
    /// legacy names; None if it has no path. Under kustomize build the path may be invented: see [`PATH`](annotations::PATH).
    ///
    /// ```
    /// use kustomize_krm_types::{File, annotations};
    /// use serde_json::json;
    ///
    /// let item = json!({"metadata": {"annotations": {(annotations::PATH): "web.yaml", (annotations::INDEX): "2"}}});
    /// assert_eq!(File::of(&item), Some(File { path: "web.yaml".to_owned(), index: 2 }));
    /// ```
    pub fn of(item: &Value) -> Option<Self> {
        let annotations = &item["metadata"]["annotations"];
        let either = |name: &str, legacy: &str| {
            let value = annotations[name].as_str();
            value.or_else(|| annotations[legacy].as_str())
        };
        let path = either(annotations::PATH, annotations::LEGACY_PATH)?;
        let index = either(annotations::INDEX, annotations::LEGACY_INDEX);
        Some(Self {
            path: path.to_owned(),
            index: index.and_then(|index| index.parse().ok()).unwrap_or(0),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn full() -> Result {
        Result {
            message: "container \"web\" has no memory limit".to_owned(),
            severity: Severity::Warning,
            resource_ref: Some(ResourceIdentifier {
                api_version: "apps/v1".to_owned(),
                kind: "Deployment".to_owned(),
                name: "web".to_owned(),
                namespace: Some("shop".to_owned()),
            }),
            field: Some(Field {
                path: "spec.template.spec.containers[0].resources.limits.memory".to_owned(),
                current_value: Some(Value::Null),
                proposed_value: Some(json!("1Gi")),
            }),
            file: Some(File {
                path: "web.yaml".to_owned(),
                index: 2,
            }),
            tags: BTreeMap::from([
                ("b".to_owned(), "2".to_owned()),
                ("a".to_owned(), "1".to_owned()),
            ]),
        }
    }

    #[test]
    fn every_member_has_its_wire_name_and_place() {
        let wire = concat!(
            r#"{"message":"container \"web\" has no memory limit","severity":"warning","#,
            r#""resourceRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web","namespace":"shop"},"#,
            r#""field":{"path":"spec.template.spec.containers[0].resources.limits.memory","#,
            r#""currentValue":null,"proposedValue":"1Gi"},"#,
            r#""file":{"path":"web.yaml","index":2},"tags":{"a":"1","b":"2"}}"#,
        );
        assert_eq!(serde_json::to_string(&full()).unwrap(), wire);
        assert_eq!(serde_json::from_str::<Result>(wire).unwrap(), full());
    }

    #[test]
    fn absent_members_are_not_written() {
        let result = Result {
            message: "done".to_owned(),
            severity: Severity::Info,
            ..Result::default()
        };
        assert_eq!(
            serde_json::to_string(&result).unwrap(),
            r#"{"message":"done","severity":"info"}"#
        );

        let field = Field {
            path: "spec".to_owned(),
            ..Field::default()
        };
        assert_eq!(serde_json::to_string(&field).unwrap(), r#"{"path":"spec"}"#);
    }

    #[test]
    fn absent_severity_is_error_and_absent_index_is_0() {
        let result: Result =
            serde_json::from_value(json!({"message": "no", "file": {"path": "a.yaml"}})).unwrap();
        assert_eq!(result.severity, Severity::Error);
        assert_eq!(result.file.unwrap().index, 0);
    }

    #[test]
    fn an_item_gives_what_it_has() {
        let kustomization = json!({"resources": ["web.yaml"]});
        let result = Result::new(Severity::Info, "skipped").about(&kustomization);
        assert_eq!(result.resource_ref, Some(ResourceIdentifier::default()));
        assert_eq!(result.file, None);

        let legacy = json!({"metadata": {"name": "web", "namespace": "shop", "annotations": {
            (annotations::LEGACY_PATH): "web.yaml",
            (annotations::LEGACY_INDEX): "1",
        }}});
        let result = Result::new(Severity::Info, "done").about(&legacy);
        let namespace = result.resource_ref.unwrap().namespace;
        assert_eq!(namespace.as_deref(), Some("shop"));
        let file = result.file.unwrap();
        assert_eq!((file.path.as_str(), file.index), ("web.yaml", 1));
    }

    #[test]
    fn the_worst_severity_is_the_greatest() {
        let worst = [Severity::Info, Severity::Error, Severity::Warning]
            .into_iter()
            .max();
        assert_eq!(worst, Some(Severity::Error));
    }

    #[test]
    fn severity_displays_as_on_the_wire() {
        for severity in [Severity::Info, Severity::Warning, Severity::Error] {
            assert_eq!(
                serde_json::to_value(severity).unwrap(),
                json!(severity.to_string())
            );
        }
        assert!(serde_json::from_value::<Severity>(json!("Error")).is_err());
    }
}
