//! The signs of pods, containers and variables by which a search decides.

use crate::objects::places::workload_kind;
use crate::yaml::{Node, NodeId};

/// Keys that distinguish containers from other mappings with a name and an image.
const OF_CONTAINERS: [&str; 8] = [
    "command", "args", "script", "env", "volumeMounts", "resources", "computeResources",
    "securityContext",
];

/// Fields of pods and containers that are booleans.
const BOOLEANS: [&str; 8] = [
    "allowPrivilegeEscalation", "hostIPC", "hostNetwork", "hostPID", "hostProcess", "privileged",
    "readOnlyRootFilesystem", "runAsNonRoot",
];

/// Fields of pods and containers that are numbers, lists or mappings.
const OTHERS: [&str; 9] = [
    "add", "capabilities", "containers", "ephemeralContainers", "hostPath", "initContainers",
    "runAsUser", "securityContext", "volumes",
];

/// Aliases of a node share its id.
pub(super) fn id_of(node: Node<'_>) -> NodeId {
    node.alias_target().id()
}

fn is_text(node: Option<Node<'_>>) -> bool {
    node.is_some_and(|node| node.is_scalar() && !node.is_null())
}

/// Whether a mapping in a list of containers is one: the usage in metrics has only names.
pub(super) fn is_container(item: Node<'_>) -> bool {
    item.is_map() && (item.get("image").is_some() || runs(item))
}

fn runs(item: Node<'_>) -> bool {
    OF_CONTAINERS.iter().any(|key| item.get(key).is_some())
}

/// Whether a mapping has a volume from the file system of its node.
pub(super) fn mounts_host(node: Node<'_>) -> bool {
    let mut volumes = node.items_at(["volumes"]);
    volumes.any(|volume| volume.get("hostPath").is_some_and(Node::is_map))
}

pub(super) fn is_named_image(item: Node<'_>) -> bool {
    is_text(item.get("name")) && is_text(item.get("image"))
}

/// Whether a list under another key holds containers: many lists have names and images, but few also have container
/// fields.
pub(super) fn are_containers(list: Node<'_>) -> bool {
    list.is_sequence() && list.items().any(is_named_image) && list.items().any(runs)
}

/// Whether a field of pods is a text that something else has to replace first.
pub(super) fn is_unknown(key: &str, value: Node<'_>) -> bool {
    BOOLEANS.contains(&key) && is_text(Some(value)) && value.bool().is_none()
        || OTHERS.contains(&key) && is_substituted(value)
}

/// Whether a value is in the form of a variable: `${A}`, `${{A}}`, `{{ a }}`, `$(a)`.
pub(super) fn is_substituted(value: Node<'_>) -> bool {
    let text = value.text().unwrap_or_default();
    ["${", "{{", "$("].iter().any(|it| text.contains(it))
}

pub(super) fn is_built_in_workload(object: Node<'_>) -> bool {
    let kind = object.text_at(["kind"]);
    kind.is_some_and(|kind| workload_kind(&kind).is_some())
}
