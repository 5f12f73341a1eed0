//! The user and the group that a container runs as.

use super::author::{Authored, Pod};
use crate::edit::Edits;
use crate::yaml::{Node, Value};

const FIELD: [&str; 2] = ["securityContext", "runAsUser"];

/// The id that a container has, its own or the pod's, according to the edits so far and the manifest.
pub(super) fn id_of(
    pod: &Pod<'_, '_>,
    container: &Authored<'_, '_>,
    name: &str,
    edits: &Edits<'_>,
) -> Option<Value> {
    let own = match edits.planned(&container.container.subject, &[FIELD[0], name]) {
        Some(planned) => planned.cloned(),
        None => container.author(name).and_then(id),
    };
    own.or_else(|| id_of_pod(pod, name, edits))
}

/// The id in the pod's security context, in the same way.
pub(super) fn id_of_pod(pod: &Pod<'_, '_>, name: &str, edits: &Edits<'_>) -> Option<Value> {
    match edits.planned(&pod.template.pod, &[FIELD[0], name]) {
        Some(planned) => planned.cloned(),
        None => pod.author(name).and_then(id),
    }
}

/// An id as the API server reads it: `0.0` is 0.
fn id(node: Node<'_>) -> Option<Value> {
    node.int::<i64>().map(Value::from)
}

/// Whether a container runs as root, according to the edits so far and the manifest.
pub(super) fn runs_as_root(
    pod: &Pod<'_, '_>,
    container: &Authored<'_, '_>,
    edits: &Edits<'_>,
) -> bool {
    id_of(pod, container, FIELD[1], edits) == Some(Value::from(0_i64))
}

/// The user that the manifest sets for a container, without the edits so far.
pub(super) fn author_user<'a>(pod: &Pod<'_, 'a>, container: &Authored<'_, 'a>) -> Option<Node<'a>> {
    container.author(FIELD[1]).or_else(|| pod.author(FIELD[1]))
}
