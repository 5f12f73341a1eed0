//! `schema/report.schema.json`, the JSON Schema of reports, is made from the types that serialize them, and is current.
//!
//! Here are the types of other crates, and those that are written by hand.

#![allow(clippy::unwrap_used, dead_code)]

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use super::{Comparison, Reports};

/// How severe it is.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "lowercase", rename = "Severity")]
pub(super) enum SeverityWord {
    /// A note.
    Info,
    /// It is probably wrong.
    Warning,
    /// It is wrong, and fails the run.
    Error,
}

/// An object.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResourceRef {
    /// Group and version, such as `apps/v1`.
    api_version: String,
    /// Its kind.
    kind: String,
    /// Its name.
    name: String,
    /// Its namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
}

/// A field and its values.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Field {
    /// Its path: `spec.template.spec.containers[0].image`.
    path: String,
    /// The value in the manifest; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    current_value: Option<serde_json::Value>,
    /// The value that a change writes, or that would resolve a finding; absent if the field is removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    proposed_value: Option<serde_json::Value>,
}

/// What happened to it.
#[derive(JsonSchema, Serialize)]
pub(super) struct Outcome {
    /// `fitted`, `right-already`, `checked-only`, `no-workload`, `not-examined` or `passed-over`; for a file also `read`.
    state: String,
    /// Why it is passed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// What `-o json` prints: the report of a run, or of several environments, or a comparison.
#[derive(JsonSchema, Serialize)]
#[serde(untagged)]
enum Printed<'r> {
    Reports(Reports<'r>),
    Comparison(Comparison),
}

#[test]
fn the_schema_of_reports_is_current() {
    let settings = SchemaSettings::draft07().for_serialize();
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<Printed<'_>>();
    schema.insert("title".to_owned(), "Reports of fitout".into());
    let schema = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/report.schema.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &schema).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(found, schema, "run `make golden` and read the diff");
}
