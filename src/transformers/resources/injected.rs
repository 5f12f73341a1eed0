//! Containers that a service mesh adds when pods are made: nothing here sees them, so nothing here gives them amounts.

use crate::edit::Edits;
use crate::finding::{Finding, Subject};
use crate::objects::Template;
use crate::read::Resource;
use crate::rules;
use crate::yaml::Node;

/// Where a mesh is asked for: whether by a label, under which name, and with what value.
struct Mesh {
    name: &'static str,
    is_label: bool,
    key: &'static str,
    asks: &'static [&'static str],
    /// The annotations by which its container gets amounts.
    amounts: &'static str,
}

/// istio.io/docs/reference/config/labels and config/annotations.
const ISTIO_AMOUNTS: &str =
    "sidecar.istio.io/proxyCPU, proxyMemory, proxyCPULimit and proxyMemoryLimit";
/// linkerd.io/2/reference/proxy-configuration.
const LINKERD_AMOUNTS: &str =
    "config.linkerd.io/proxy-cpu-request, -memory-request, -cpu-limit and -memory-limit";

/// On namespaces, for all of their pods.
const OF_NAMESPACES: [Mesh; 2] = [
    Mesh {
        name: "Istio",
        is_label: true,
        key: "istio-injection",
        asks: &["enabled"],
        amounts: ISTIO_AMOUNTS,
    },
    LINKERD,
];

/// On pods.
const OF_PODS: [Mesh; 2] = [
    Mesh {
        name: "Istio",
        is_label: true,
        key: "sidecar.istio.io/inject",
        asks: &["true"],
        amounts: ISTIO_AMOUNTS,
    },
    LINKERD,
];

const LINKERD: Mesh = Mesh {
    name: "Linkerd",
    is_label: false,
    key: "linkerd.io/inject",
    asks: &["enabled", "ingress"],
    amounts: LINKERD_AMOUNTS,
};

/// Tells of a namespace whose pods get a container.
pub(super) fn tell_of_namespace(resource: &Resource<'_>, edits: &mut Edits<'_>) {
    let metadata = resource.node.get("metadata");
    for mesh in asked(metadata, &OF_NAMESPACES) {
        let subject = Subject::object();
        edits.find(mesh.finding(
            "the pods of this namespace",
            &subject,
            &["metadata", mesh.map(), mesh.key],
        ));
    }
}

/// Tells of pods that get a container by what they say themselves.
pub(super) fn tell(template: &Template<'_>, edits: &mut Edits<'_>) {
    let metadata = template.has_metadata.then(|| template.node.get("metadata"));
    for mesh in asked(metadata.flatten(), &OF_PODS) {
        let subject = template.pod_metadata.clone();
        edits.find(mesh.finding("these pods", &subject, &[mesh.map(), mesh.key]));
    }
}

fn asked<'m>(metadata: Option<Node<'_>>, meshes: &'m [Mesh]) -> impl Iterator<Item = &'m Mesh> {
    let is_asked = move |mesh: &&Mesh| {
        let value = metadata.and_then(|it| it.text_at([mesh.map(), mesh.key]));
        value.is_some_and(|value| mesh.asks.contains(&value.as_ref()))
    };
    meshes.iter().filter(is_asked)
}

impl Mesh {
    fn map(&self) -> &'static str {
        if self.is_label {
            "labels"
        } else {
            "annotations"
        }
    }

    fn finding(&self, whose: &str, subject: &Subject, field: &[&str]) -> Finding {
        let message = format!(
            "{} adds a container to {whose} when they are made, which is not seen here and gets no amounts",
            self.name
        );
        Finding::new(&rules::RES016, message)
            .about(subject, field)
            .help(format!(
                "its amounts come from the annotations {}",
                self.amounts
            ))
    }
}
