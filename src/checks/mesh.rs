//! FIT-RES016: containers that a service mesh injects when pods are created.
//!
//! They are not in the input, so the config cannot set their resources; annotations of the mesh can. The check reports them
//! if the config sets resources for the other containers of the pods, or for pods in the namespace.
//!
//! Sources: istio.io/docs/reference/config/labels and config/annotations, linkerd.io/2/reference/proxy-configuration.

use super::{Check, Find, Pod, Scene};
use crate::finding::{Finding, Subject};
use crate::rules::rules;
use crate::select::Selected;
use crate::transformers::Scope;
use crate::yaml::Node;

rules! {
    RULES;
    INJECTED: "FIT-RES016" Info Always "a container that a service mesh injects, without resources from the config";
}

pub(super) const CHECK: Check = Check {
    name: "mesh",
    rules: RULES,
    find: &[Find::Object(into_namespace), Find::Pods(into_pods)],
};

/// How a mesh is asked to inject its container.
struct Mesh {
    name: &'static str,
    map: &'static str,
    key: &'static str,
    asks: &'static [&'static str],
    /// The annotations that set the resources of its container.
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

/// Injection into all pods of a namespace.
const OF_NAMESPACES: [Mesh; 2] = [istio("istio-injection", &["enabled"]), LINKERD];

const OF_PODS: [Mesh; 2] = [istio("sidecar.istio.io/inject", &["true"]), LINKERD];

/// Injection into the pods of a namespace.
fn into_namespace<'s>(scene: &Scene<'s>, selected: &'s Selected<'s, 's>) -> Vec<Finding> {
    let resource = selected.target.resource;
    let sections = &scene.transformers.resources;
    if resource.kind != "Namespace" || selected.skips(sections.name()) {
        return Vec::new();
    }
    let scope = Scope::of(sections, scene.selection, selected);
    let asked = asked(resource.node.get("metadata"), &OF_NAMESPACES);
    let finding = |mesh: &Mesh| {
        let field = ["metadata", mesh.map, mesh.key];
        mesh.finding("the pods of this namespace", &Subject::object(), &field)
    };
    let findings = asked.filter(|_| scope.section().is_some()).map(finding);
    findings.collect()
}

/// Injection into pods that ask for it.
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
            "{} injects a container into {whose}; it is not in the input and gets no resources from the config",
            self.name
        );
        Finding::new(&INJECTED, message)
            .about(subject, field)
            .help(format!(
                "set its resources with the annotations {}",
                self.amounts
            ))
    }
}
