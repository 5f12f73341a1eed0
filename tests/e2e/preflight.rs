//! Preflight reports object, field and remedy before anything is applied.

use std::process::{Command, Stdio};

use super::cluster::Cluster;
use super::render::{Render, name, pod_security};
use crate::hosts::bench::Ran;

/// Objects whose changes the API server rejects, each with its immutable field.
const MADE: &str = "
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {storageClassName: fast, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, tier: web}}
    spec: {containers: [{name: web, image: 'example.com/web:1'}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: migrate, image: 'example.com/migrate:1'}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
";

/// A claim that is created after Circle Core's, and bound before it.
const SHARED: &str = "
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: shared}
spec: {storageClassName: shared-retain, accessModes: [ReadWriteMany], resources: {requests: {storage: 1Gi}}}
";

impl Cluster {
    /// Asserts that preflight has findings with all these texts, and applies nothing.
    fn finds(&self, render: &Render, said: &[&str]) {
        let before = self.items("namespaces").len();
        let found = self.preflight(render);
        println!("{}", found.stdout.trim_end());
        assert_eq!(found.code, Some(1), "{}{}", found.stdout, found.stderr);
        for said in said {
            assert!(
                found.stdout.contains(said),
                "not said: {said}\n{}",
                found.stdout
            );
        }
        // The scratch namespace may still be terminating.
        let is_ours = |it: &serde_json::Value| !name(it).starts_with("fitout-preflight-");
        let after = self.items("namespaces").into_iter().filter(is_ours);
        assert!(after.count() <= before, "preflight made a namespace");
    }
}

#[test]
fn a_storage_class_that_the_cluster_lacks() {
    let Some(cluster) = Cluster::empty() else {
        return;
    };
    let mut render = Render::of("production", "caracal");
    render.text = render.text.replace("fast-retain", "gold");
    cluster.finds(&render, &[
        "StatefulSet caracal/caracal-postgres: spec.volumeClaimTemplates[0].spec.storageClassName",
        "the cluster has no storage class \"gold\"; it has: fast, fast-retain, shared, shared-retain, standard",
        "= help: set spec.storage.storageClassName of the environment's config to one of these",
    ]);
}

/// A claim that pods on several nodes share only binds with a class that provides such volumes; preflight warns about others.
#[test]
fn a_shared_claim_on_block_storage() {
    let Some(cluster) = Cluster::empty() else {
        return;
    };
    let mut render = Render::of("production", "circle-core");
    render.text = render.text.replace("shared-retain", "fast-retain");
    let (level, version) = pod_security("production");
    cluster.prepare(&render, (level, &version));
    let warned = cluster.preflight(&render);
    println!("{}", warned.stdout.trim_end());
    assert_eq!(warned.code, Some(0), "{}", warned.stderr);
    for said in [
        "warning: PersistentVolumeClaim circle-core/circle-core-prod-data: spec.accessModes",
        "the storage class \"fast-retain\" has provisioner ebs.csi.aws.com, which is not known to provide ReadWriteMany",
    ] {
        assert!(
            warned.stdout.contains(said),
            "not said: {said}\n{}",
            warned.stdout
        );
    }

    let block = Render::new("circle-core", render.text);
    let shared = Render::new("circle-core", SHARED.into());
    for render in [&block, &shared] {
        cluster.provide(render);
        cluster.apply(render, &[]).succeeded();
    }
    let phase = |claim: &str| {
        let claims = cluster.items("persistentvolumeclaims");
        let live = claims.iter().find(|it| name(it) == claim).unwrap();
        live["status"]["phase"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    cluster.until("the claim of a file server's class is bound", || {
        let phase = phase("shared");
        if phase == "Bound" { Ok(()) } else { Err(phase) }
    });
    assert_eq!(phase("circle-core-prod-data"), "Pending");
}

#[test]
fn kinds_that_the_cluster_lacks() {
    let Some(cluster) = Cluster::empty() else {
        return;
    };
    let text = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: it}\n";
    let render = Render::new("default", text.into());
    cluster.finds(
        &render,
        &[
            "Widget it",
            "the cluster does not serve kind Widget of example.com/v1",
        ],
    );

    let text = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: it}\n";
    let render = Render::new("default", text.into());
    cluster.finds(
        &render,
        &["the cluster does not serve kind PodDisruptionBudget of policy/v1beta1; of policy it serves v1"],
    );
}

#[test]
fn a_namespace_that_enforces_more_than_the_pods_meet() {
    let Some(cluster) = Cluster::empty() else {
        return;
    };
    let said = [
        "Deployment caracal/caracal-gateway: spec.template.spec",
        "Deployment caracal/caracal-mcp-adapter: spec.template.spec",
        "StatefulSet caracal/caracal-postgres: spec.template.spec",
        "its namespace would reject the pods: violates PodSecurity \"restricted:v1.34\"",
        "= help: run `fitout apply` with securityContext.profile: restricted",
    ];
    // The namespace is in the render, and does not exist yet.
    let mut render = Render::of_base("caracal");
    let production = Render::of("production", "caracal");
    let namespace = production.of_kind("Namespace").next().unwrap();
    render.text += &format!("---\n{namespace}\n");
    render.text = render
        .text
        .replacen("kind: Namespace", "kind: ConfigMap", 1);
    cluster.finds(&render, &said);

    // The namespace exists, and the render's has no security labels.
    let (level, version) = pod_security("production");
    cluster.make_namespace("caracal", level, &version);
    cluster.finds(&Render::of_base("caracal"), &said);
}

#[test]
fn changes_that_the_api_server_rejects() {
    let Some(cluster) = Cluster::empty() else {
        return;
    };
    let (_, version) = pod_security("development");
    cluster.make_namespace("shop", "baseline", &version);
    let mut render = Render::new("shop", MADE.into());
    cluster.apply(&render, &[]).succeeded();
    assert_eq!(cluster.preflight(&render).code, Some(0));

    render.text = MADE
        .replace("storageClassName: fast", "storageClassName: standard")
        .replace("{app: web}}\n  template", "{tier: web}}\n  template")
        .replace("migrate:1", "migrate:2");
    cluster.finds(
        &render,
        &[
            "PersistentVolumeClaim shop/data: spec.storageClassName",
            "the cluster has \"fast\", the render has \"standard\"",
            "Deployment shop/web: spec.selector",
            "Job shop/migrate: spec.template",
            "spec.template: Invalid value: …: field is immutable",
            "`kubectl -n shop delete job migrate` and apply",
        ],
    );
}

#[test]
fn a_missing_cluster_or_render_is_an_error() {
    let Some(cluster) = Cluster::empty() else {
        return;
    };
    let broken = cluster.preflight(&Render {
        system: "default".into(),
        text: "a: [".into(),
        objects: Vec::new(),
    });
    assert_eq!(broken.code, Some(3), "{}", broken.stderr);

    let mut command = cluster.preflight_command();
    let base = ["-f", "base/caracal"];
    command.args(base).env("KUBECONFIG", "/nowhere");
    let alone = Ran::of(command, "fitout preflight".into(), b"");
    assert_eq!((alone.code, &*alone.stdout), (Some(3), ""));
    let said = "error: kubectl cannot reach the cluster (no context is set): ";
    assert!(alone.stderr.starts_with(said), "{}", alone.stderr);
}

/// Ctrl-C does not leave a namespace behind.
#[test]
fn the_scratch_namespace_is_deleted_when_the_program_is_killed() {
    let Some(cluster) = Cluster::empty() else {
        return;
    };
    let manifest = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(manifest.path(), Render::of("production", "caracal").text).unwrap();
    let mut command: Command = cluster.preflight_command();
    let mut child = command
        .arg("-f")
        .arg(manifest.path())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let scratch = cluster.until("preflight has its namespace", || {
        let namespaces = cluster.items("namespaces");
        let scratch = namespaces
            .iter()
            .find(|it| name(it).starts_with("fitout-preflight-"));
        scratch
            .map(|it| name(it).to_owned())
            .ok_or("it has none".to_owned())
    });
    child.kill().unwrap();
    child.wait().unwrap();
    cluster.until("it is gone", || {
        let namespaces = cluster.items("namespaces");
        let is_there = namespaces.iter().any(|it| name(it) == scratch);
        if is_there {
            Err(scratch.clone())
        } else {
            Ok(())
        }
    });
}
