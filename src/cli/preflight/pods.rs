//! Which pods of the render their namespace would reject.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Finding;
use super::cluster::{Cluster, Scratch};
use super::render::{Object, Render, dotted, list};

/// Prefix of the labels that make a namespace reject pods; `warn` and `audit` do not reject any.
const ENFORCE: &str = "pod-security.kubernetes.io/enforce";

/// Reports pods that their namespace would reject, with the labels that it will have.
pub(super) fn find(cluster: &Cluster, render: &Render) -> anyhow::Result<Vec<Finding>> {
    let mut by_labels = BTreeMap::<String, (Value, Vec<&Object>)>::new();
    let mut labels_of = BTreeMap::new();
    for object in render.objects.iter().filter(|it| it.template.is_some()) {
        let namespace = object.namespace.as_deref().unwrap_or_default();
        let labels = match labels_of.get(namespace) {
            Some(labels) => labels,
            None => {
                let labels = enforced(cluster, render, namespace)?;
                labels_of.entry(namespace).or_insert(labels)
            }
        };
        let same = by_labels.entry(labels.to_string());
        same.or_insert_with(|| (labels.clone(), Vec::new()))
            .1
            .push(object);
    }
    let mut findings = Vec::new();
    for (labels, objects) in by_labels.values() {
        let scratch = Scratch::new(cluster, labels)?;
        findings.extend(rejected(cluster, render, &scratch, objects)?);
    }
    Ok(findings)
}

/// The labels of a namespace, with those in the render.
fn enforced(cluster: &Cluster, render: &Render, namespace: &str) -> anyhow::Result<Value> {
    let live = cluster.get(&["namespace", namespace], "")?;
    let rendered = render
        .of_kind("", "Namespace")
        .find(|it| it.name == namespace);
    let all = [Some(&live), rendered.map(|it| &it.value)];
    let labels: Map<String, Value> = all
        .into_iter()
        .flatten()
        .filter_map(|it| it["metadata"]["labels"].as_object())
        .flatten()
        .filter(|(name, _)| name.starts_with(ENFORCE))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Ok(Value::from(labels))
}

fn rejected(
    cluster: &Cluster,
    render: &Render,
    scratch: &Scratch,
    objects: &[&Object],
) -> anyhow::Result<Vec<Finding>> {
    let name = |index: usize| format!("fitout-preflight-pod-{index}");
    let numbered = objects.iter().enumerate();
    let pods: Vec<Value> = numbered
        .map(|(index, object)| pod(render, object, &name(index)))
        .collect();
    let create = ["create", "--dry-run=server", "--validate=false", "-f", "-"];
    let answer = cluster.kubectl(
        &[&create[..], &["-n", &scratch.name]].concat(),
        &list(pods.iter()),
    )?;
    let mut findings = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        let name = name(index);
        let made = format!("pod/{name} ");
        if answer.stdout.lines().any(|line| line.starts_with(&made)) {
            continue;
        }
        let message =
            message_about(&answer.stderr, &name).unwrap_or(answer.stderr.trim().to_owned());
        let security = message.find("violates PodSecurity");
        let (what, remedy) = match security {
            Some(start) => (
                format!("its namespace would reject the pods: {}", &message[start..]),
                format!(
                    "run `fitout apply` with securityContext.profile: restricted, or lower the level in the namespace's label {ENFORCE}"
                ),
            ),
            None => (
                format!("the API server would reject the pods: {message}"),
                "change the fields in the message".into(),
            ),
        };
        let path = object.template.as_deref().unwrap_or_default();
        findings.push(Finding {
            object: object.title(),
            field: dotted(&format!("{path}/spec")),
            what,
            is_warning: false,
            remedy,
        });
    }
    Ok(findings)
}

/// A pod of a template, without references that the scratch namespace cannot resolve.
fn pod(render: &Render, object: &Object, name: &str) -> Value {
    let template = object.at(object.template.as_deref().unwrap_or_default());
    let mut spec = template["spec"].clone();
    if let Some(spec) = spec.as_object_mut() {
        // The account may be in the render; the scratch namespace has only the default one.
        spec.remove("serviceAccountName");
        spec.remove("serviceAccount");
        let comes_with = |kind: &str, name: &Value| {
            render
                .objects
                .iter()
                .any(|it| it.kind == kind && *name == it.name)
        };
        for (field, kind) in [
            ("priorityClassName", "PriorityClass"),
            ("runtimeClassName", "RuntimeClass"),
        ] {
            if spec.get(field).is_some_and(|name| comes_with(kind, name)) {
                spec.remove(field);
            }
        }
        let claims = object.claims.iter().filter(|claim| claim.is_template);
        let volumes = claims.map(
            |claim| json!({"name": claim.name, "persistentVolumeClaim": {"claimName": claim.name}}),
        );
        let volumes: Vec<Value> = volumes.collect();
        if !volumes.is_empty() {
            let all = spec.entry("volumes").or_insert_with(|| json!([]));
            if let Some(all) = all.as_array_mut() {
                all.extend(volumes);
            }
        }
    }
    let of_template = &template["metadata"];
    let metadata = json!({"name": name, "labels": of_template["labels"], "annotations": of_template["annotations"]});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

/// The message of kubectl about one object: its line, and the indented lines below.
fn message_about(stderr: &str, name: &str) -> Option<String> {
    let quoted = format!("\"{name}\"");
    let mut lines = stderr.lines().skip_while(|line| !line.contains(&quoted));
    let first = lines.next()?.trim();
    let more = lines.take_while(|line| line.starts_with(['*', ' ']));
    let all: Vec<&str> = std::iter::once(first)
        .chain(more.map(str::trim_end))
        .collect();
    Some(all.join("\n"))
}
