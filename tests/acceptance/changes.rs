//! Shows that rows can fail: renderings are broken in every way that a rendering can be wrong, and each row must fail for at
//! least one of them.

use serde_json::{Value, json};

use super::render::Render;
use super::table::Row;

/// The rows that passed for every broken rendering.
pub(crate) fn unnoticed<'a>(
    render: &mut Render,
    rows: impl Iterator<Item = &'a Row>,
    environment: usize,
) -> Vec<&'a Row> {
    let mut content: Vec<&Row> = rows.collect();
    let original = render.objects.clone();
    for spoil in SPOILED {
        spoil(&mut render.objects);
        content.retain(|row| passes(row, render, environment));
        render.objects.clone_from(&original);
    }
    for (i, object) in original.iter().enumerate() {
        render.objects.remove(i);
        content.retain(|row| passes(row, render, environment));
        render.objects.insert(i, object.clone());
        let mut pointers = Vec::new();
        collect(object, &mut String::new(), &mut pointers);
        for pointer in &pointers {
            if content.is_empty() {
                return content;
            }
            for change in changes(object, pointer) {
                render.objects[i] = change;
                content.retain(|row| passes(row, render, environment));
            }
        }
        render.objects[i].clone_from(object);
    }
    content
}

/// Whether a row passes. A question that has no answer any more does not show that the row can fail: even a row that accepts
/// every answer then fails.
fn passes(row: &Row, render: &Render, environment: usize) -> bool {
    row.check(render, environment)
        .err()
        .is_none_or(|failure| !failure.is_answer)
}

/// Every place in an object, inner ones last.
fn collect(value: &Value, at: &mut String, pointers: &mut Vec<String>) {
    let length = at.len();
    let mut below = |key: &str, value: &Value| {
        at.push('/');
        at.push_str(&key.replace('~', "~0").replace('/', "~1"));
        pointers.push(at.clone());
        collect(value, at, pointers);
        at.truncate(length);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, v)| below(key, v)),
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                below(&i.to_string(), item);
            }
        }
        _ => {}
    }
}

/// The object without the value at a place, and with other values at it.
fn changes(object: &Value, pointer: &str) -> Vec<Value> {
    let others = match object.pointer(pointer) {
        Some(Value::String(text)) => vec![json!(format!("{text}-changed")), json!("*")],
        Some(Value::Number(number)) => vec![json!(number.as_i64().unwrap_or(0) + 1), json!(0)],
        Some(Value::Bool(is)) => vec![json!(!is)],
        _ => vec![],
    };
    let mut changed = Vec::new();
    for other in others {
        let mut object = object.clone();
        if let Some(place) = object.pointer_mut(pointer) {
            *place = other;
        }
        changed.push(object);
    }
    let mut without = object.clone();
    let (parent, key) = pointer.rsplit_once('/').unwrap_or_default();
    match without.pointer_mut(parent) {
        Some(Value::Object(fields)) => {
            fields.remove(&key.replace("~1", "/").replace("~0", "~"));
        }
        Some(Value::Array(items)) => {
            items.remove(key.parse().unwrap_or(0));
        }
        _ => {}
    }
    changed.push(without);
    changed
}

/// Changes that no change of a single value causes: objects that should not exist, and several changes at once.
const SPOILED: &[fn(&mut Vec<Value>)] = &[
    // Pods with permissions that no pod should have.
    |objects| {
        for template in templates(objects) {
            template["metadata"]["annotations"]["prometheus.io/scrape"] = json!("true");
            template["metadata"]["annotations"]["prometheus.io/port"] = json!("1");
            template["metadata"]["labels"]["number"] = json!(1);
            let pod = &mut template["spec"];
            pod["hostNetwork"] = json!(true);
            pod["automountServiceAccountToken"] = json!(true);
            pod["serviceAccountName"] = json!("default");
            let required = "requiredDuringSchedulingIgnoredDuringExecution";
            pod["affinity"]["nodeAffinity"][required] = json!({"nodeSelectorTerms": []});
            for container in pod["containers"].as_array_mut().into_iter().flatten() {
                container["env"] = json!([
                    {"name": "DB_PASSWORD", "value": "hunter2"},
                    {"name": "LEADER_LEASE", "value": "api"},
                ]);
                container["securityContext"]["capabilities"]["add"] = json!(["NET_ADMIN"]);
                container["lifecycle"]["preStop"]["sleep"]["seconds"] = json!(5);
            }
        }
    },
    // Objects that should not exist.
    |objects| {
        let secrets = names(objects, "ExternalSecret");
        for name in secrets.iter().map(String::as_str).chain(["another"]) {
            objects.push(json!({
                "kind": "Secret",
                "metadata": {"name": name},
                "stringData": {"password": "admin123"},
            }));
        }
        objects
            .push(json!({"kind": "ConfigMap", "metadata": {}, "data": {"password": "admin123"}}));
        objects.push(json!({"kind": "Application", "metadata": {"name": "another"}}));
    },
    // Autoscalers that cannot work, several autoscalers for the same pods, and budgets that block every eviction.
    |objects| {
        for name in names(objects, "Deployment") {
            let target = json!({"kind": "Deployment", "name": name});
            let resource = json!({"name": "cpu", "target": {"averageUtilization": 1}});
            let metrics = json!([{"type": "Resource", "resource": resource}]);
            objects.insert(
                0,
                json!({
                    "kind": "HorizontalPodAutoscaler",
                    "metadata": {"name": name},
                    "spec": {
                        "scaleTargetRef": target,
                        "minReplicas": 2,
                        "maxReplicas": 2,
                        "metrics": metrics,
                    },
                }),
            );
            objects.push(json!({
                "kind": "VerticalPodAutoscaler",
                "metadata": {"name": name},
                "spec": {"targetRef": target},
            }));
        }
        for name in ["one", "another"] {
            objects.push(json!({
                "kind": "PodDisruptionBudget",
                "metadata": {"name": name},
                "spec": {"maxUnavailable": 0, "selector": {}},
            }));
        }
    },
    // Numbers that an autoscaler owns, and then many pods on a claim for one node.
    |objects| {
        for object in &mut *objects {
            if object["kind"] == "Deployment" {
                object["spec"]["replicas"] = json!(7);
            }
            if object["kind"] == "PersistentVolumeClaim" {
                object["spec"]["accessModes"] = json!(["ReadWriteOnce"]);
            }
        }
    },
    // Namespaces that neither enforce nor warn about any level.
    |objects| {
        for object in objects.iter_mut().filter(|o| o["kind"] == "Namespace") {
            for mode in ["enforce", "warn"] {
                let label = format!("pod-security.kubernetes.io/{mode}");
                object["metadata"]["labels"][label] = json!("privileged");
            }
        }
    },
    // A policy that closes everything, alone.
    |objects| {
        objects.retain(|o| o["kind"] != "NetworkPolicy");
        objects.push(json!({
            "kind": "NetworkPolicy",
            "metadata": {"name": "closed"},
            "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
        }));
    },
    // Services that open any port of the nodes.
    |objects| {
        for object in objects {
            if object["kind"] == "Service" {
                object["spec"]["type"] = json!("NodePort");
                for port in object["spec"]["ports"].as_array_mut().into_iter().flatten() {
                    port["nodePort"] = json!(31_000);
                }
            }
        }
    },
    // Without policies, everything is open.
    |objects| objects.retain(|o| o["kind"] != "NetworkPolicy"),
];

fn names(objects: &[Value], kind: &str) -> Vec<String> {
    let of_kind = objects.iter().filter(|o| o["kind"] == kind);
    of_kind
        .filter_map(|o| Some(o["metadata"]["name"].as_str()?.to_owned()))
        .collect()
}

/// The pod templates of everything except Pods and CronJobs.
fn templates(objects: &mut [Value]) -> impl Iterator<Item = &mut Value> {
    objects
        .iter_mut()
        .filter_map(|o| o.pointer_mut("/spec/template"))
}
