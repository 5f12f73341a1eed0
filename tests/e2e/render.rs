//! The render of an overlay, and its requirements on a cluster.

pub(super) use crate::acceptance::render::list;
use std::process::Command;

use serde_json::Value;

use crate::golden::objects;
use crate::hosts::bench::{Ran, root};

/// Kinds whose controllers create pods at once.
pub(super) const WORKLOADS: [&str; 4] = ["Deployment", "StatefulSet", "DaemonSet", "Job"];

pub(super) struct Render {
    pub(super) system: String,
    pub(super) text: String,
    pub(super) objects: Vec<Value>,
}

/// A claim that pods of the render wait for.
pub(super) struct Claim {
    /// The names of the namespace and of the claim.
    pub(super) key: (String, String),
    pub(super) class: String,
    pub(super) spec: Value,
}

impl Render {
    /// An overlay as an operator applies it: `fitout apply -k` with the installed kustomize.
    pub(super) fn of(environment: &str, system: &str) -> Render {
        let overlay = format!("overlays/{environment}/{system}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_fitout"));
        command.args(["apply", "-k", &overlay]).current_dir(root());
        let text = Ran::of(command, format!("fitout apply -k {overlay}"), b"").succeeded();
        Render::new(system, text)
    }

    /// A base as its developers wrote it, without fitout.
    pub(super) fn of_base(system: &str) -> Render {
        let mut command = Command::new("kustomize");
        command
            .args(["build", &format!("base/{system}")])
            .current_dir(root());
        Render::new(
            system,
            Ran::of(command, format!("kustomize build base/{system}"), b"").succeeded(),
        )
    }

    pub(super) fn new(system: &str, text: String) -> Render {
        Render {
            system: system.to_owned(),
            objects: objects(&text),
            text,
        }
    }

    pub(super) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.objects
            .iter()
            .filter(move |object| object["kind"] == kind)
    }

    /// Namespaces in the render.
    pub(super) fn own_namespaces(&self) -> impl Iterator<Item = &str> {
        self.of_kind("Namespace").map(name)
    }

    /// The namespace of an object: a render without namespaces goes into one with the system's name.
    pub(super) fn namespace_of<'a>(&'a self, object: &'a Value) -> &'a str {
        object["metadata"]["namespace"]
            .as_str()
            .unwrap_or(&self.system)
    }

    pub(super) fn workloads(&self) -> impl Iterator<Item = &Value> {
        self.objects
            .iter()
            .filter(|object| WORKLOADS.iter().any(|kind| object["kind"] == *kind))
    }

    /// The claims of the render and of its StatefulSets' pods.
    pub(super) fn claims(&self) -> Vec<Claim> {
        let claim = |namespace: &str, name: String, spec: &Value| Claim {
            key: (namespace.to_owned(), name),
            // The default of the API server.
            class: spec["storageClassName"]
                .as_str()
                .unwrap_or("standard")
                .to_owned(),
            spec: spec.clone(),
        };
        let own = self
            .of_kind("PersistentVolumeClaim")
            .map(|it| claim(self.namespace_of(it), name(it).to_owned(), &it["spec"]));
        let of_sets = self.of_kind("StatefulSet").flat_map(|set| {
            let templates = set["spec"]["volumeClaimTemplates"]
                .as_array()
                .into_iter()
                .flatten();
            templates.flat_map(move |template| {
                let replicas = set["spec"]["replicas"].as_u64().unwrap_or(1);
                (0..replicas).map(move |index| {
                    let name = format!("{}-{}-{index}", name(template), name(set));
                    claim(self.namespace_of(set), name, &template["spec"])
                })
            })
        });
        own.chain(of_sets).collect()
    }
}

/// Every system that has an overlay in this environment.
pub(super) fn systems(environment: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join("overlays").join(environment)).unwrap();
    let mut systems: Vec<String> = entries
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("kustomization.yaml").exists())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    systems.sort();
    assert!(!systems.is_empty(), "no overlay in {environment}");
    systems
}

/// The Pod Security level of an environment's namespaces, and the version of its config.
pub(super) fn pod_security(environment: &str) -> (&'static str, String) {
    let file = root().join("fn-config/all/fitout.yaml");
    let config = objects(&std::fs::read_to_string(file).unwrap()).remove(0);
    let level = if environment == "development" {
        "baseline"
    } else {
        "restricted"
    };
    let version = config["spec"]["kubernetesVersion"].as_str().unwrap();
    (level, format!("v{version}"))
}

pub(super) fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

/// `StatefulSet caracal/caracal-postgres`, as preflight calls it.
pub(super) fn title(object: &Value, namespace: &str) -> String {
    format!(
        "{} {namespace}/{}",
        object["kind"].as_str().unwrap(),
        name(object)
    )
}
