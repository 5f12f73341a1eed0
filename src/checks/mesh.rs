//! FIT-RES016: containers that a service mesh adds when pods are made.
//!
//! Nothing here sees them, so the config gives them no amounts; annotations of the mesh do. Told where the config gives
//! amounts to the other containers of the pods, or to pods in the namespace.
//!
//! Sources: istio.io/docs/reference/config/labels and config/annotations, linkerd.io/2/reference/proxy-configuration.

use kustomize_krm_types::Severity;

use super::{Check, Find, Pod, Scene};
use crate::finding::{Finding, Subject};
use crate::rules::{Rule, rule};
use crate::transformers::Scope;
use crate::yaml::Node;

const INJECTED: Rule = rule(
    "FIT-RES016",
    Severity::Info,
    "a container that a service mesh injects, without resources from the config",
);

pub(super) const CHECK: Check = Check {
    name: "mesh",
    rules: &[INJECTED],
    find: Find::Both(into_namespaces, into_pods),
};

/// Where a mesh is asked for.
struct Mesh {
    name: &'static str,
    map: &'static str,
    key: &'static str,
    asks: &'static [&'static str],
    /// The annotations by which its container gets amounts.
    amounts: &'static str,
}

const fn istio(key: &'static str, asks: &'static [&'static str]) -> Mesh {
    Mesh {
        name: "Istio",
        map: "labels",
        key,
        asks,
        amounts: "sidecar.istio.io/proxyCPU, proxyMemory, proxyCPULimit and proxyMemoryLimit",
    }
}

const LINKERD: Mesh = Mesh {
    name: "Linkerd",
    map: "annotations",
    key: "linkerd.io/inject",
    asks: &["enabled", "ingress"],
    amounts: "config.linkerd.io/proxy-cpu-request, -memory-request, -cpu-limit and -memory-limit",
};

/// For all pods of a namespace.
const OF_NAMESPACES: [Mesh; 2] = [istio("istio-injection", &["enabled"]), LINKERD];

const OF_PODS: [Mesh; 2] = [istio("sidecar.istio.io/inject", &["true"]), LINKERD];

/// Namespaces whose pods get a container.
fn into_namespaces(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let sections = &scene.transformers.resources;
    for selected in &scene.selection.selected {
        let resource = selected.target.resource;
        if resource.kind != "Namespace" || selected.skips(sections.name()) {
            continue;
        }
        if Scope::of(sections, scene.selection, selected)
            .section()
            .is_some()
        {
            let asked = asked(resource.node.get("metadata"), &OF_NAMESPACES);
            findings.extend(asked.map(|mesh| {
                let field = ["metadata", mesh.map, mesh.key];
                let finding =
                    mesh.finding("the pods of this namespace", &Subject::object(), &field);
                finding.of(selected.index)
            }));
        }
    }
    findings
}

/// Pods that get a container by what they say themselves.
fn into_pods(pod: &Pod<'_, '_>) -> Vec<Finding> {
    let template = pod.template;
    let metadata = template.has_metadata.then(|| template.node.get("metadata"));
    let mut asked = asked(metadata.flatten(), &OF_PODS).peekable();
    if asked.peek().is_none() || !pod.has_resources() {
        return Vec::new();
    }
    let subject = &template.pod_metadata;
    let finding = |mesh: &Mesh| mesh.finding("these pods", subject, &[mesh.map, mesh.key]);
    asked.map(finding).collect()
}

fn asked<'m>(metadata: Option<Node<'_>>, meshes: &'m [Mesh]) -> impl Iterator<Item = &'m Mesh> {
    let is_asked = move |mesh: &&Mesh| {
        let value = metadata.and_then(|it| it.text_at([mesh.map, mesh.key]));
        value.is_some_and(|value| mesh.asks.contains(&value.as_ref()))
    };
    meshes.iter().filter(is_asked)
}

impl Mesh {
    fn finding(&self, whose: &str, subject: &Subject, field: &[&str]) -> Finding {
        let message = format!(
            "{} adds a container to {whose} when they are made, which is not seen here and gets no amounts",
            self.name
        );
        Finding::new(&INJECTED, message)
            .about(subject, field)
            .help(format!(
                "its amounts come from the annotations {}",
                self.amounts
            ))
    }
}
