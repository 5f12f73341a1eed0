//! The bases without fitout, in a namespace that enforces `restricted`: no pod runs.

use std::collections::BTreeMap;

use serde_json::Value;

use super::cluster::Cluster;
use super::render::{Render, list, name, pod_security, systems, title};
use super::settle::namespace;

#[test]
fn without_fitout_no_pod_runs() {
    let Some(cluster) = Cluster::empty() else {
        return;
    };
    let (level, version) = pod_security("production");
    for system in systems("production") {
        let render = Render::of_base(&system);
        cluster.prepare(&render, (level, &version));
        for namespace in cluster.namespaces(&render) {
            cluster.make_namespace(&namespace, level, &version);
        }
        let predicted = cluster.preflight(&render);
        cluster.apply_namespaces(&render);
        cluster.apply(&render, &[]).succeeded();

        let refused = cluster.until(&format!("the pods of {system}'s base are refused"), || {
            let reasons = reasons(&cluster);
            let waiting: Vec<String> = workloads(&render)
                .filter(|workload| !reasons.contains_key(workload))
                .collect();
            if waiting.is_empty() {
                Ok(reasons)
            } else {
                Err(format!("not refused: {}", waiting.join(", ")))
            }
        });
        let namespaces = cluster.namespaces(&render);
        let pods = cluster.items("pods");
        let running = pods
            .iter()
            .filter(|it| namespaces.contains(namespace(it)))
            .count();
        println!(
            "base, no fitout  {system:<12} {} objects applied, {running} pods Running in a namespace that enforces {level}; the API server:",
            render.objects.len()
        );
        for workload in workloads(&render) {
            println!("  {workload}: {}", refused[&workload]);
            let finding = format!("{workload}: spec.template.spec\n");
            let said = [&finding, &refused[&workload]].map(|it| predicted.stdout.contains(it));
            assert_eq!(said, [true; 2], "preflight said: {}", predicted.stdout);
        }
        assert_eq!(running, 0, "{system}: a base whose pods run without fitout");
    }
}

/// The workloads that create pods at once.
fn workloads(render: &Render) -> impl Iterator<Item = String> {
    let wanting = render
        .workloads()
        .filter(|it| it["spec"]["replicas"].as_u64() != Some(0));
    wanting.map(|it| title(it, render.namespace_of(it)))
}

/// Why the API server rejected pods, by workload.
fn reasons(cluster: &Cluster) -> BTreeMap<String, String> {
    let items = cluster.items("events,deployments");
    let mut reasons = BTreeMap::new();
    for item in &items {
        let (who, said) = if item["kind"] == "Event" {
            let about = &item["involvedObject"];
            let who = format!(
                "{} {}/{}",
                text(&about["kind"]),
                text(&about["namespace"]),
                text(&about["name"])
            );
            (who, text(&item["message"]))
        } else {
            // A Deployment's ReplicaSet creates its pods, and reports to the Deployment.
            let failure =
                list(&item["status"]["conditions"]).find(|it| it["type"] == "ReplicaFailure");
            let said = failure.map_or("", |it| text(&it["message"]));
            let who = format!("Deployment {}/{}", namespace(item), name(item));
            (who, said)
        };
        if let Some(start) = said.find("violates PodSecurity") {
            reasons.insert(who, said[start..].to_owned());
        }
    }
    reasons
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
