//! Every overlay is taken as it is, runs, and stays as it is when it is applied again.

use std::collections::BTreeMap;

use serde_json::Value;

use super::cluster::Cluster;
use super::render::{Render, pod_security, systems};
use super::settle::namespace;

#[test]
fn development_runs() {
    runs("development");
}

#[test]
fn staging_runs() {
    runs("staging");
}

#[test]
fn production_runs() {
    runs("production");
}

fn runs(environment: &str) {
    let Some(cluster) = Cluster::empty() else {
        return;
    };
    let systems = systems(environment);
    let (mut objects, mut pods) = (0, 0);
    for system in &systems {
        let render = Render::of(environment, system);
        pods += apply(&cluster, environment, &render);
        objects += render.objects.len();
    }
    println!(
        "{environment}: {} of {} overlays run, {objects} objects, {pods} pods; applied again, nothing changed",
        systems.len(),
        systems.len()
    );
}

/// How many pods run afterwards.
fn apply(cluster: &Cluster, environment: &str, render: &Render) -> usize {
    let system = &render.system;
    let (level, version) = pod_security(environment);
    cluster.prepare(render, (level, &version));
    let found = cluster.preflight(render);
    assert_eq!(
        (found.code, &*found.stdout),
        (Some(0), ""),
        "{environment} {system}: preflight found something: {}",
        found.stderr
    );

    cluster.apply_namespaces(render);
    cluster.apply(render, &["--dry-run=server"]).succeeded();
    cluster.provide(render);
    let applied = cluster.apply(render, &[]).succeeded();
    let applied = applied.lines().count();
    assert_eq!(applied, render.objects.len(), "{environment} {system}");

    let seen = cluster.settle(render);
    let namespaces = enforced(cluster, render);
    for (namespace, enforces) in &namespaces {
        assert_eq!(
            enforces.as_deref(),
            Some(level),
            "{environment}: namespace {namespace}"
        );
    }
    let (running, pods) = seen.pods();
    let names: Vec<&str> = namespaces.keys().map(String::as_str).collect();
    let spread = seen.spread(render);
    let zones = if spread.is_empty() {
        String::new()
    } else {
        format!(", in three zones: {}", spread.join(", "))
    };
    println!(
        "{environment:<12} {system:<12} {applied} objects applied, {running} of {pods} pods Running, namespace {} enforces {level}{zones}",
        names.join(", ")
    );

    let before = states(cluster, render);
    cluster.apply(render, &[]).succeeded();
    assert_eq!(
        before,
        states(cluster, render),
        "{environment} {system}: the second apply changed something"
    );
    running
}

/// The level of each namespace that pods of the render are in.
fn enforced(cluster: &Cluster, render: &Render) -> BTreeMap<String, Option<String>> {
    let with_pods: Vec<&str> = render
        .workloads()
        .map(|it| render.namespace_of(it))
        .collect();
    let namespaces = cluster.items("namespaces");
    let of_render = namespaces
        .iter()
        .filter(|it| with_pods.contains(&super::render::name(it)));
    of_render
        .map(|it| {
            let label = &it["metadata"]["labels"]["pod-security.kubernetes.io/enforce"];
            let level = label.as_str().map(str::to_owned);
            (super::render::name(it).to_owned(), level)
        })
        .collect()
}

/// Everything that an apply could have changed. What has a status is changed by controllers too, who leave the rest alone.
fn states(cluster: &Cluster, render: &Render) -> BTreeMap<String, Value> {
    let mut get = vec!["get", "-f", "-", "-o", "json"];
    let has_own = render
        .objects
        .iter()
        .any(|it| it["metadata"]["namespace"].is_string());
    if !has_own {
        get.extend(["-n", &render.system]);
    }
    let all = cluster.feed(&get, &render.text).succeeded();
    let all: Value = serde_json::from_str(&all).unwrap();
    let objects = super::render::list(&all["items"]).cloned();
    objects
        .map(|mut object| {
            let title = super::render::title(&object, namespace(&object));
            if object["status"].is_object() {
                object["status"].take();
                object["metadata"]["resourceVersion"].take();
                object["metadata"]["managedFields"].take();
            }
            (title, object)
        })
        .collect()
}
