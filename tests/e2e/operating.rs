//! A real API server behaves as docs/operating.md describes.

use super::cluster::Cluster;
use super::render::{Render, pod_security, systems};
use crate::hosts::bench::root;

/// The debug pods start in namespaces in which a plain `kubectl run` does not.
#[test]
fn debug_pods_run_in_every_namespace() {
    let Some(cluster) = Cluster::empty() else {
        return;
    };
    let (level, version) = pod_security("production");
    for system in systems("production") {
        let render = Render::of("production", &system);
        cluster.prepare(&render, (level, &version));
        cluster.apply_namespaces(&render);
        cluster.provide(&render);
        cluster.apply(&render, &[]).succeeded();
        for namespace in cluster.namespaces(&render) {
            let mut pods = vec!["curl", "psql", "mongosh"];
            if system == "circle-core" {
                pods.push("circle-core-volume");
            }
            for pod in pods {
                let file = root().join(format!("examples/debug/{pod}.yaml"));
                let file = file.to_str().unwrap();
                let pod = format!("pod/debug-{}", pod.trim_start_matches("circle-core-"));
                cluster
                    .kubectl(&["-n", &namespace, "apply", "-f", file])
                    .succeeded();
                let ready = ["wait", "--for=condition=Ready", &pod, "--timeout=60s"];
                cluster
                    .kubectl(&[&["-n", namespace.as_str()], &ready[..]].concat())
                    .succeeded();
            }
            let run = ["run", "plain", "--image=curlimages/curl:8.16.0"];
            let refused = cluster.kubectl(&[&["-n", namespace.as_str()], &run[..]].concat());
            assert!(
                refused.stderr.contains("violates PodSecurity"),
                "{namespace}: {}",
                refused.stderr
            );
            println!("debug        {system:<11} its pods run in {namespace}");
        }
    }
}

/// Manual changes are kept until an apply forces the conflict.
#[test]
fn manual_changes_conflict_once() {
    let Some(cluster) = Cluster::empty() else {
        return;
    };
    let (level, version) = pod_security("production");
    let render = Render::of("production", "caracal");
    cluster.prepare(&render, (level, &version));
    cluster.apply_namespaces(&render);
    cluster.apply(&render, &[]).succeeded();
    let page = std::fs::read_to_string(root().join("docs/operating.md")).unwrap();
    let by_hand: [(&[&str], &str); 2] = [
        (
            &[
                "set",
                "image",
                "deployment/caracal-gateway",
                "gateway=example.com/gateway:v9",
            ],
            "conflict with \"kubectl-set\" using apps/v1: .spec.template.spec.containers[name=\"gateway\"].image",
        ),
        (
            &[
                "patch",
                "hpa",
                "caracal-gateway",
                "--patch",
                r#"{"spec": {"minReplicas": 5}}"#,
            ],
            "conflict with \"kubectl-patch\" using autoscaling/v2: .spec.minReplicas",
        ),
    ];
    assert!(page.contains(by_hand[0].1), "docs: {}", by_hand[0].1);
    for (change, conflict) in by_hand {
        cluster
            .kubectl(&[&["-n", "caracal"], change].concat())
            .succeeded();
        let refused = cluster.apply(&render, &[]);
        assert!(refused.stderr.contains(conflict), "{}", refused.stderr);
        cluster.apply(&render, &["--force-conflicts"]).succeeded();
        cluster.apply(&render, &[]).succeeded();
        println!("by hand      caracal     {conflict}");
    }
}
