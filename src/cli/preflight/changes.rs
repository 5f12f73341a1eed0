//! Which changes to existing objects the API server would reject.

use fitout::yaml::push_token;
use std::collections::BTreeMap;

use serde_json::Value;

use super::Finding;
use super::cluster::Cluster;
use super::render::{Object, Render, dotted, list, text, title};

/// The mutable fields of a kind's `spec`. The API server lists only these, and not the field that was changed. From
/// kubernetes `pkg/apis/apps/validation` and `pkg/apis/core/validation`.
const MUTABLE: [(&str, &str, &[&str]); 2] = [
    (
        "apps",
        "StatefulSet",
        &[
            "minReadySeconds",
            "ordinals",
            "persistentVolumeClaimRetentionPolicy",
            "replicas",
            "revisionHistoryLimit",
            "template",
            "updateStrategy",
        ],
    ),
    (
        "",
        "PersistentVolumeClaim",
        &["resources", "volumeAttributesClassName"],
    ),
];

/// Reports changes to existing objects that the API server would reject.
pub(super) fn find(cluster: &Cluster, render: &Render) -> anyhow::Result<Vec<Finding>> {
    let named: Vec<&Object> = render
        .objects
        .iter()
        .filter(|it| !it.name.is_empty())
        .collect();
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let live = cluster.get(&["-f", "-"], &list(named.iter().map(|it| &it.value)))?;
    let live: BTreeMap<String, &Value> = match &live {
        Value::Null => return Ok(Vec::new()),
        live if live["kind"] == "List" => live["items"].as_array().into_iter().flatten().collect(),
        live => vec![live],
    }
    .into_iter()
    .map(|it| (title_of(it), it))
    .collect();
    let there: Vec<&Object> = named
        .into_iter()
        .filter(|it| live.contains_key(&it.title()))
        .collect();
    if there.is_empty() || apply(cluster, &list(there.iter().map(|it| &it.value)))?.is_none() {
        return Ok(Vec::new());
    }
    // Some change is rejected; apply one by one to find it.
    let mut findings = Vec::new();
    for object in there {
        if let Some(message) = apply(cluster, &object.value.to_string())? {
            let fields = live
                .get(&object.title())
                .map_or(Vec::new(), |live| differences(object, live));
            findings.push(rejection(object, &fields, &message));
        }
    }
    Ok(findings)
}

/// The error of a server-side dry run, if there is one.
fn apply(cluster: &Cluster, text: &str) -> anyhow::Result<Option<String>> {
    // Conflicts of field owners are left to `kubectl apply`.
    let apply = [
        "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=false",
        "-f", "-",
    ];
    let answer = cluster.kubectl(&apply, text)?;
    let message = answer
        .stderr
        .lines()
        .filter(|line| !line.starts_with("Warning:"));
    Ok((!answer.ok).then(|| message.collect::<Vec<_>>().join("\n")))
}

fn rejection(object: &Object, fields: &[(String, String)], message: &str) -> Finding {
    let namespace = object.namespace.as_deref().unwrap_or_default();
    let (field, mut what) = match fields {
        [] => (field_in(message), String::new()),
        fields => {
            let paths: Vec<&str> = fields.iter().map(|(path, _)| path.as_str()).collect();
            let changes: Vec<&str> = fields.iter().map(|(_, change)| change.as_str()).collect();
            (paths.join(", "), format!("{}; ", changes.join(", ")))
        }
    };
    what += &format!("the API server would reject the change: {}", brief(message));
    let remedy = match object.kind.as_str() {
        "StatefulSet" => format!(
            "`kubectl -n {namespace} delete statefulset {} --cascade=orphan` and apply: pods and claims are kept; docs/promotion.md shows how to move data to new claims",
            object.name
        ),
        "PersistentVolumeClaim" => {
            "claims are immutable: docs/promotion.md shows how to move data to a new claim".into()
        }
        "Job" => format!(
            "`kubectl -n {namespace} delete job {}` and apply: the template of a Job is immutable",
            object.name
        ),
        _ => "keep the value of the cluster, or delete the object and apply it again".into(),
    };
    Finding {
        object: object.title(),
        field,
        what,
        is_warning: false,
        remedy,
    }
}

/// The message of the API server, without values of whole objects and their diffs.
fn brief(message: &str) -> String {
    const VALUE: &str = "Invalid value: ";
    let lines = message
        .trim()
        .lines()
        .take_while(|line| !line.starts_with("@@"));
    let mut rest = lines.collect::<Vec<_>>().join("\n");
    let mut brief = String::new();
    while let Some((before, value)) = rest.split_once(VALUE) {
        let mut values = serde_json::Deserializer::from_str(value).into_iter::<Value>();
        let is_long = matches!(values.next(), Some(Ok(Value::Object(_) | Value::Array(_))));
        let end = if is_long { values.byte_offset() } else { 0 };
        brief += before;
        brief += VALUE;
        brief += if is_long { "…" } else { "" };
        rest = value[end..].to_owned();
    }
    brief + &rest
}

/// `spec.selector` of `… is invalid: spec.selector: Invalid value: …`.
fn field_in(message: &str) -> String {
    let reason = message
        .split_once("is invalid: ")
        .map_or(message, |(_, it)| it);
    let field = reason.trim_start_matches(['*', ' ', '\n']).split(": ");
    let field = field.into_iter().next().unwrap_or_default();
    let is_path = !field.is_empty() && !field.contains(' ');
    if is_path {
        field.into()
    } else {
        "the object".into()
    }
}

/// Immutable leaves that differ between the render and the cluster.
fn differences(object: &Object, live: &Value) -> Vec<(String, String)> {
    let mutable = MUTABLE
        .iter()
        .find(|(group, kind, _)| object.group() == *group && object.kind == *kind);
    let Some((_, _, mutable)) = mutable else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (name, value) in object.at("/spec").as_object().into_iter().flatten() {
        if !mutable.contains(&name.as_str()) {
            compare(
                &format!("/spec/{name}"),
                value,
                &live["spec"][name],
                &mut found,
            );
        }
    }
    found
}

/// Compares only what the render sets, because other fields are defaults of the API server.
fn compare(path: &str, ours: &Value, live: &Value, found: &mut Vec<(String, String)>) {
    match (ours, live) {
        (Value::Object(ours), Value::Object(live)) => {
            for (name, value) in ours {
                let live = live.get(name).unwrap_or(&Value::Null);
                let mut below = path.to_owned();
                push_token(&mut below, name);
                compare(&below, value, live, found);
            }
        }
        (Value::Array(ours), Value::Array(live)) if ours.len() == live.len() => {
            for (index, (ours, live)) in ours.iter().zip(live).enumerate() {
                compare(&format!("{path}/{index}"), ours, live, found);
            }
        }
        _ if ours == live => {}
        _ => found.push((
            dotted(path),
            format!("the cluster has {live}, the render has {ours}"),
        )),
    }
}

fn title_of(object: &Value) -> String {
    let metadata = &object["metadata"];
    let namespace = metadata["namespace"].as_str();
    title(text(&object["kind"]), namespace, text(&metadata["name"]))
}
