//! Properties of every input, with generated objects and configs.
#![allow(
    clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, missing_docs
)]

use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use crate::golden::{fit, objects};

fn quantity(name: &'static str) -> impl Strategy<Value = Value> {
    let amounts = match name {
        "cpu" => vec![
            json!("100m"),
            json!("1000m"),
            json!(1),
            json!("0.25"),
            json!(2),
            json!(null),
            json!("0"),
        ],
        _ => vec![
            json!("128Mi"),
            json!("0.5Gi"),
            json!("1Gi"),
            json!(134_217_728),
            json!("3Gi"),
            json!(null),
        ],
    };
    select(amounts)
}

fn amounts() -> impl Strategy<Value = Value> {
    let half = || {
        let names = (option::of(quantity("cpu")), option::of(quantity("memory")));
        let half = names.prop_map(|(cpu, memory)| object([("cpu", cpu), ("memory", memory)]));
        prop_oneof![4 => half, 1 => Just(Value::Null)]
    };
    (option::of(half()), option::of(half()))
        .prop_map(|(requests, limits)| object([("requests", requests), ("limits", limits)]))
}

/// A mapping of the members that are present.
fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let members = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(members.collect())
}

fn security_context() -> impl Strategy<Value = Value> {
    let members = vec![
        ("runAsNonRoot", json!(true)),
        ("runAsNonRoot", json!(false)),
        ("runAsUser", json!(0)),
        ("runAsUser", json!(101)),
        ("privileged", json!(true)),
        ("allowPrivilegeEscalation", json!(true)),
        ("allowPrivilegeEscalation", json!(false)),
        ("readOnlyRootFilesystem", json!(true)),
        ("readOnlyRootFilesystem", json!(false)),
        ("capabilities", json!({"drop": ["NET_RAW"]})),
        ("capabilities", json!({"add": ["CAP_SYS_ADMIN"]})),
        ("capabilities", json!({})),
        ("seccompProfile", json!({"type": "Unconfined"})),
    ];
    subsequence(members, 0..5).prop_map(|members| {
        Value::Object(
            members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    })
}

fn container() -> impl Strategy<Value = Value> {
    let ports = select(vec![
        json!([{"name": "metrics", "containerPort": 9090}]),
        json!([{"containerPort": 8080}, {"containerPort": 8081}]),
        json!([]),
        json!(null),
    ]);
    let mounts = select(vec![
        json!([{"name": "data", "mountPath": "/tmp/"}]),
        json!([{"name": "data", "mountPath": "/data"}]),
        json!(null),
    ]);
    (
        option::of(amounts()),
        option::of(security_context()),
        option::of(ports),
        option::of(mounts),
    )
        .prop_map(|(resources, security_context, ports, mounts)| {
            object([
                ("name", Some(json!("unnamed"))),
                ("image", Some(json!("example.com/a:1.0"))),
                ("resources", resources),
                ("securityContext", security_context),
                ("ports", ports),
                ("volumeMounts", mounts),
            ])
        })
}

fn pod() -> impl Strategy<Value = Value> {
    let list = |count| proptest::collection::vec(container(), count);
    let restarts = option::of(Just(json!("Always")));
    let windows = option::weighted(0.1, Just(json!({"name": "windows"})));
    let annotations = select(vec![
        json!(null),
        json!({}),
        json!({"prometheus.io/port": 8081}),
        json!({"prometheus.io/scrape": "false"}),
    ]);
    (
        list(0..3),
        list(0..2),
        restarts,
        option::of(security_context()),
        windows,
        annotations,
    )
        .prop_map(
            |(mut containers, mut init, restarts, context, os, annotations)| {
                let context = context.map(|mut context| {
                    // Pods have some of these fields only.
                    context
                        .as_object_mut()
                        .unwrap()
                        .retain(|name, _| name.starts_with("runAs") || name == "seccompProfile");
                    context
                });
                for (index, container) in containers.iter_mut().chain(&mut init).enumerate() {
                    container["name"] = json!(format!("c{index}"));
                }
                if let (Some(restarts), Some(first)) = (restarts, init.first_mut()) {
                    first["restartPolicy"] = restarts;
                }
                json!({
                    "metadata": {"annotations": annotations},
                    "spec": object([
                        ("containers", Some(json!(containers))),
                        ("initContainers", (!init.is_empty()).then_some(json!(init))),
                        ("securityContext", context),
                        ("os", os),
                        ("volumes", Some(json!([{"name": "data", "emptyDir": {}}]))),
                    ]),
                })
            },
        )
}

fn claim() -> impl Strategy<Value = Value> {
    select(vec![
        json!({"accessModes": ["ReadWriteOnce"]}),
        json!({"storageClassName": ""}),
        json!({"storageClassName": null, "resources": {"requests": {"storage": "5Gi"}}}),
        json!({"volumeName": "pv"}),
        json!(null),
    ])
}

fn item() -> impl Strategy<Value = Value> {
    let workload = (
        select(vec!["Deployment", "DaemonSet", "StatefulSet"]),
        pod(),
        claim(),
    )
        .prop_map(|(kind, pod, claim)| {
            let claims = (kind == "StatefulSet")
                .then(|| json!([{"metadata": {"name": "data"}, "spec": claim}]));
            let spec = object([("template", Some(pod)), ("volumeClaimTemplates", claims)]);
            json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {}, "spec": spec})
        });
    let job = pod().prop_map(|pod| json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {}, "spec": {"template": pod}}));
    let alone = pod().prop_map(|mut pod| {
        pod["apiVersion"] = json!("v1");
        pod["kind"] = json!("Pod");
        pod
    });
    let claim = claim().prop_map(|spec| json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {}, "spec": spec}));
    let other = select(vec![
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}, "data": {"containers": "[]"}}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}, "automountServiceAccountToken": false}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"annotations": null}, "spec": {"ports": [], "selector": {}}}),
        json!({"apiVersion": "example.com/v1", "kind": "Deployment", "metadata": {}, "spec": {"template": {"spec": {"containers": [{"name": "a"}]}}}}),
    ]);
    prop_oneof![3 => workload, 1 => job, 2 => alone, 1 => claim, 1 => other]
}

/// Some objects with different names.
fn items() -> impl Strategy<Value = Vec<Value>> {
    proptest::collection::vec(item(), 1..5).prop_map(|mut items| {
        for (index, item) in items.iter_mut().enumerate() {
            if item["metadata"]["name"] != "default" {
                item["metadata"]["name"] = json!(format!("n{index}"));
            }
        }
        items
    })
}

fn config() -> impl Strategy<Value = Value> {
    let mode = || select(vec!["Ensure", "Override", "Off"]);
    let resources = (mode(), select(vec!["Adjust", "Skip"]), any::<bool>(), select(vec!["1", "0.5"])).prop_map(
        |(mode, on_conflict, respect, scale)| {
            json!({
                "mode": mode, "onConflict": on_conflict, "respectImplicitRequests": respect, "scale": {"cpu": scale},
                "containers": {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"cpu": 1, "memory": "1Gi"}},
            })
        },
    );
    let security = (mode(), select(vec!["Pod", "Container"]), select(vec!["restricted", "baseline"]), option::of(Just(1000))).prop_map(
        |(mode, placement, profile, user)| {
            let pod = object([("runAsUser", user.map(Value::from))]);
            json!({"mode": mode, "placement": placement, "profile": profile, "pod": pod, "writablePaths": [{"path": "/var/cache"}]})
        },
    );
    let prometheus = (mode(), select(vec!["Skip", "First"]), select(vec![json!("Auto"), json!(true)])).prop_map(
        |(mode, on_ambiguous, scrape)| json!({"mode": mode, "onAmbiguous": on_ambiguous, "scrape": scrape}),
    );
    let storage = select(vec!["Ensure", "Off"]).prop_map(|mode| json!({"mode": mode, "storageClassName": "fast", "size": "10Gi", "accessModes": ["ReadWriteOnce"]}));
    (option::of(resources), option::of(security), option::of(prometheus), option::of(storage), any::<bool>()).prop_map(
        |(resources, security, prometheus, storage, profile)| {
            let profiles = profile.then(|| json!([{
                "name": "first", "select": {"containers": {"names": ["c0"]}},
                "resources": {"containers": {"limits": {"memory": "2Gi", "cpu": null}}},
            }]));
            let spec = object([
                ("environment", Some(json!("test"))),
                ("resources", resources),
                ("securityContext", security),
                ("prometheus", prometheus),
                ("storage", storage),
                ("profiles", profiles),
            ]);
            json!({"apiVersion": "fitout.dev/v1alpha1", "kind": "Fitout", "metadata": {"name": "test"}, "spec": spec})
        },
    )
}

/// The objects in block style, as a stream.
fn stream(items: &[Value]) -> String {
    let documents: Vec<String> = items
        .iter()
        .map(|item| serde_yaml::to_string(item).unwrap())
        .collect();
    documents.join("---\n")
}

/// The output as text and objects; `None` if it is rejected, which needs an error.
fn fitted(items: &[Value], config: &Value) -> Option<(String, Vec<Value>)> {
    match fit(&stream(items), &config.to_string()).text {
        Ok(text) => {
            let objects = objects(&text);
            Some((text, objects))
        }
        Err(errors) => {
            assert!(errors.starts_with("error["), "{errors}");
            None
        }
    }
}

/// The containers of an object by list, and the lists and annotations that are empty.
fn shape(value: &Value, path: &str, shape: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            let list = path.rsplit('/').next().unwrap();
            if items.is_empty() || list.to_lowercase().ends_with("containers") {
                shape.push(format!("{path}: {}", items.len()));
            }
            for (index, item) in items.iter().enumerate() {
                self::shape(item, &format!("{path}/{index}"), shape);
            }
        }
        Value::Object(entries) => {
            if entries.is_empty() && path.ends_with("/annotations") {
                shape.push(format!("{path}: {{}}"));
            }
            for (name, value) in entries {
                self::shape(value, &format!("{path}/{name}"), shape);
            }
        }
        _ => {}
    }
}

/// Combinations in a container that the API server rejects or a kubelet does not start.
fn invalid(items: &[Value]) -> Vec<String> {
    let mut invalid = Vec::new();
    for item in items {
        let template = if item["kind"] == "Pod" {
            item
        } else {
            &item["spec"]["template"]
        };
        let spec = &template["spec"];
        let lists = ["containers", "initContainers"].map(|list| spec[list].as_array());
        for container in lists.into_iter().flatten().flatten() {
            let context = &container["securityContext"];
            let adds = context["capabilities"]["add"].as_array();
            let escalates = context["privileged"] == true
                || adds.is_some_and(|adds| adds.contains(&json!("CAP_SYS_ADMIN")));
            if escalates && context["allowPrivilegeEscalation"] == false {
                invalid.push(format!("{}: escalation", container["name"]));
            }
            let effective = |name: &str| match &context[name] {
                Value::Null => spec["securityContext"][name].clone(),
                own => own.clone(),
            };
            if effective("runAsUser") == 0 && effective("runAsNonRoot") == true {
                invalid.push(format!("{}: root", container["name"]));
            }
            for name in ["cpu", "memory"] {
                let amount = |half: &str| {
                    let text = match &container["resources"][half][name] {
                        Value::String(text) => text.clone(),
                        other => other.to_string(),
                    };
                    text.parse::<fitout::kubernetes::Quantity>().ok()
                };
                if let (Some(request), Some(limit)) = (amount("requests"), amount("limits"))
                    && request > limit
                {
                    invalid.push(format!("{}: {name}", container["name"]));
                }
            }
            let mut paths: Vec<String> = Vec::new();
            for mount in container["volumeMounts"].as_array().into_iter().flatten() {
                let path = mount["mountPath"]
                    .as_str()
                    .unwrap()
                    .trim_end_matches('/')
                    .to_owned();
                let volumes = spec["volumes"].as_array().unwrap();
                if paths.contains(&path)
                    || !volumes.iter().any(|volume| volume["name"] == mount["name"])
                {
                    invalid.push(format!("{}: {path}", container["name"]));
                }
                paths.push(path);
            }
        }
    }
    invalid
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn running_twice_is_running_once(items in items(), config in config()) {
        if let Some((once, objects)) = fitted(&items, &config) {
            let twice = fit(&once, &config.to_string()).text;
            prop_assert_eq!(twice.as_ref(), Ok(&once), "of {:?}", objects);
        }
    }

    #[test]
    fn the_order_of_items_does_not_matter(items in items(), config in config()) {
        let mut turned = items.clone();
        turned.reverse();
        let there = fitted(&items, &config).map(|(_, objects)| objects);
        let back = fitted(&turned, &config).map(|(_, mut objects)| { objects.reverse(); objects });
        prop_assert_eq!(there, back);
    }

    #[test]
    fn no_container_empty_list_or_empty_annotations_are_made(items in items(), config in config()) {
        let Some((_, objects)) = fitted(&items, &config) else { return Ok(()) };
        prop_assert_eq!(objects.len(), items.len());
        for (before, after) in items.iter().zip(&objects) {
            let [mut was, mut is] = [Vec::new(), Vec::new()];
            shape(before, "", &mut was);
            shape(after, "", &mut is);
            is.retain(|entry| !was.contains(entry));
            prop_assert_eq!(is, Vec::<String>::new());
            let fitted_kinds = ["Deployment", "DaemonSet", "StatefulSet", "Job", "Pod", "PersistentVolumeClaim"];
            let is_known = before["apiVersion"] != "example.com/v1" && fitted_kinds.contains(&before["kind"].as_str().unwrap());
            if !is_known {
                prop_assert_eq!(before, after);
            }
            let annotations = |object: &Value| object["metadata"]["annotations"].clone();
            if before["kind"] != "Pod" {
                prop_assert_eq!(annotations(before), annotations(after));
            }
        }
    }

    #[test]
    fn nothing_that_was_valid_becomes_invalid(items in items(), config in config()) {
        let Some((_, objects)) = fitted(&items, &config) else { return Ok(()) };
        let was = invalid(&items);
        let made: Vec<String> = invalid(&objects).into_iter().filter(|pair| !was.contains(pair)).collect();
        prop_assert_eq!(made, Vec::<String>::new());
    }
}
