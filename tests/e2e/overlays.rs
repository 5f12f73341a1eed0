//! The API server accepts every overlay, its pods run, and a second apply changes nothing.

use std::collections::BTreeMap;

use serde_json::Value;

use super::cluster::Cluster;
use super::render::{Render, pod_security, systems};
use super::settle::namespace;
use crate::hosts::bench::root;

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

/// The pod template of a Job is immutable. Caracal's schema Job still runs in an upgrade: after the step on the page, or
/// without it once the cluster has removed the Job.
#[test]
fn an_upgrade_runs_the_schema_again() {
    let Some(cluster) = Cluster::empty() else {
        return;
    };
    let of_version = |version: &str| {
        let text = Render::of("production", "caracal").text;
        assert!(text.contains("/caracal-gateway:v0.3.0"));
        let image = format!("/caracal-gateway:{version}");
        Render::new("caracal", text.replace("/caracal-gateway:v0.3.0", &image))
    };
    let (level, version) = pod_security("production");
    let first = of_version("v0.3.0");
    cluster.prepare(&first, (level, &version));
    cluster.apply_namespaces(&first);
    cluster.provide(&first);
    cluster.apply(&first, &[]).succeeded();
    cluster.settle(&first);

    let second = of_version("v0.4.0");
    let found = cluster.preflight(&second);
    let said = "Job caracal/caracal-schema: spec.template";
    assert_eq!(found.code, Some(1), "{}{}", found.stdout, found.stderr);
    assert!(found.stdout.starts_with(said), "{}", found.stdout);
    let refused = cluster.apply(&second, &[]);
    assert!(
        refused.stderr.contains("field is immutable"),
        "{}",
        refused.stderr
    );
    const STEP: &str = "kubectl -n caracal delete job caracal-schema --ignore-not-found";
    let page = std::fs::read_to_string(root().join("docs/systems/caracal.md")).unwrap();
    assert!(page.lines().any(|line| line == STEP), "docs: {STEP}");
    let step: Vec<&str> = STEP.split(' ').skip(1).collect();
    cluster.kubectl(&step).succeeded();
    cluster.apply(&second, &[]).succeeded();
    cluster.settle(&second);

    // A second instead of an hour.
    let patch = r#"{"spec": {"ttlSecondsAfterFinished": 1}}"#;
    let patch = [
        "-n", "caracal", "patch", "job", "caracal-schema", "-p", patch,
    ];
    cluster.kubectl(&patch).succeeded();
    cluster.until("the cluster removes the Job", || {
        match cluster.items("jobs").as_slice() {
            [] => Ok(()),
            jobs => Err(format!("{jobs:?}")),
        }
    });
    let third = of_version("v0.5.0");
    cluster.apply(&third, &[]).succeeded();
    cluster.settle(&third);
    println!("upgrade      caracal      the Job of the schema ran three times, for three versions");
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

/// Returns the number of pods that run afterwards.
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

/// Everything that an apply could have changed. Controllers change the status, and nothing else.
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
