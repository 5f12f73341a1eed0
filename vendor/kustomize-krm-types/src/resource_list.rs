//! The document on standard input and standard output.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::{Result, Severity};

/// The document that a host and a function exchange.
///
/// Deserializing checks the identity: a document of another `kind`, or of an unknown `apiVersion`, is an error. Members
/// that the specification does not name are dropped.
///
/// ```
/// use kustomize_krm_types::ResourceList;
///
/// let stream = r#"{"apiVersion": "v1", "kind": "List", "items": []}"#;
/// let error = serde_json::from_str::<ResourceList>(stream).unwrap_err();
/// assert!(error.to_string().starts_with("expected apiVersion config.kubernetes.io/v1, found v1"));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceList {
    /// [`API_VERSION`](Self::API_VERSION), or one of [`OLD_API_VERSIONS`](Self::OLD_API_VERSIONS) from an older host.
    #[serde(deserialize_with = "known_api_version")]
    pub api_version: String,

    /// Always [`KIND`](Self::KIND).
    #[serde(deserialize_with = "known_kind")]
    pub kind: String,

    /// The resources. A host deletes items that are missing from the output, so a function returns every
    /// item, including those that it does not know.
    #[serde(default, deserialize_with = "null_as_default")]
    pub items: Vec<Value>,

    /// The function's configuration: a custom resource, or a `v1` ConfigMap whose `data` are the arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function_config: Option<Value>,

    /// The findings and changes of the function. Hosts send none.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub results: Vec<Result>,
}

impl ResourceList {
    /// The `kind` of the document.
    pub const KIND: &'static str = "ResourceList";

    /// The `apiVersion` that the specification names and every current host sends.
    pub const API_VERSION: &'static str = "config.kubernetes.io/v1";

    /// Versions that older hosts send. Their members are the same.
    pub const OLD_API_VERSIONS: [&'static str; 2] = [
        "config.kubernetes.io/v1beta1",
        "config.kubernetes.io/v1alpha1",
    ];

    /// Whether a document with this `apiVersion` and `kind` is a ResourceList in a known version.
    ///
    /// kyaml checks only the kind (`kio/byteio_reader.go`: "don't check apiVersion, we haven't
    /// standardized on the domain"). A function that needs to be as lenient compares the kind with
    /// [`KIND`](Self::KIND).
    ///
    /// ```
    /// use kustomize_krm_types::ResourceList;
    ///
    /// assert!(ResourceList::is("config.kubernetes.io/v1", "ResourceList"));
    /// assert!(!ResourceList::is("v1", "List"));
    /// ```
    pub fn is(api_version: &str, kind: &str) -> bool {
        kind == Self::KIND && is_known(api_version)
    }

    /// Whether any result is an error. The function then exits with a code other than 0, because hosts do not look at
    /// severities: kustomize drops the results, and kpt prints `[PASS]` for every exit code of 0.
    pub fn has_errors(&self) -> bool {
        let mut results = self.results.iter();
        results.any(|result| result.severity == Severity::Error)
    }
}

/// An empty list in the current version.
impl Default for ResourceList {
    fn default() -> Self {
        Self {
            api_version: Self::API_VERSION.to_owned(),
            kind: Self::KIND.to_owned(),
            items: Vec::new(),
            function_config: None,
            results: Vec::new(),
        }
    }
}

fn is_known(api_version: &str) -> bool {
    api_version == ResourceList::API_VERSION
        || ResourceList::OLD_API_VERSIONS.contains(&api_version)
}

fn known_api_version<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<String, D::Error> {
    let api_version = String::deserialize(deserializer)?;
    match is_known(&api_version) {
        true => Ok(api_version),
        false => Err(D::Error::custom(format_args!(
            "expected apiVersion {}, found {api_version}",
            ResourceList::API_VERSION
        ))),
    }
}

fn known_kind<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<String, D::Error> {
    let kind = String::deserialize(deserializer)?;
    match kind == ResourceList::KIND {
        true => Ok(kind),
        false => Err(D::Error::custom(format_args!(
            "expected kind {}, found {kind}",
            ResourceList::KIND
        ))),
    }
}

/// Go programs write `null` for an empty list.
fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> std::result::Result<Vec<T>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn known_versions_only() {
        for version in ResourceList::OLD_API_VERSIONS {
            assert!(ResourceList::is(version, "ResourceList"));
        }
        assert!(ResourceList::is("config.kubernetes.io/v1", "ResourceList"));
        assert!(!ResourceList::is("config.kubernetes.io/v2", "ResourceList"));
        assert!(!ResourceList::is("v1", "List"));
    }

    #[test]
    fn members_have_their_wire_names_and_order() {
        let wire = concat!(
            r#"{"apiVersion":"config.kubernetes.io/v1","kind":"ResourceList","items":[{"kind":"Pod"}],"#,
            r#""functionConfig":{"kind":"ConfigMap"},"results":[{"message":"done","severity":"info"}]}"#,
        );
        let list: ResourceList = serde_json::from_str(wire).unwrap();
        assert_eq!(list.items, [json!({"kind": "Pod"})]);
        assert_eq!(list.function_config, Some(json!({"kind": "ConfigMap"})));
        assert_eq!(serde_json::to_string(&list).unwrap(), wire);
    }

    #[test]
    fn items_are_written_even_if_there_are_none() {
        let wire = r#"{"apiVersion":"config.kubernetes.io/v1","kind":"ResourceList","items":[]}"#;
        assert_eq!(
            serde_json::to_string(&ResourceList::default()).unwrap(),
            wire
        );
    }

    #[test]
    fn absent_and_null_members_are_empty() {
        let of = |members: &str| {
            let identity = r#""apiVersion":"config.kubernetes.io/v1","kind":"ResourceList""#;
            serde_json::from_str::<ResourceList>(&format!("{{{identity}{members}}}")).unwrap()
        };
        assert_eq!(of(""), ResourceList::default());
        let nulls = r#","items":null,"functionConfig":null,"results":null"#;
        assert_eq!(of(nulls), ResourceList::default());
    }

    #[test]
    fn other_documents_are_refused() {
        let error = |document: Value| {
            let error = serde_json::from_value::<ResourceList>(document).unwrap_err();
            error.to_string()
        };
        assert_eq!(
            error(json!({"apiVersion": "config.kubernetes.io/v9", "kind": "ResourceList"})),
            "expected apiVersion config.kubernetes.io/v1, found config.kubernetes.io/v9"
        );
        assert_eq!(
            error(json!({"apiVersion": "config.kubernetes.io/v1", "kind": "List"})),
            "expected kind ResourceList, found List"
        );
        assert_eq!(
            error(json!({"apiVersion": "config.kubernetes.io/v1"})),
            "missing field `kind`"
        );
    }

    #[test]
    fn only_a_result_of_severity_error_is_an_error() {
        let mut list = ResourceList::default();
        list.results.push(Result::new(Severity::Warning, "odd"));
        assert!(!list.has_errors());
        list.results.push(Result::new(Severity::Error, "wrong"));
        assert!(list.has_errors());
    }
}
