//! The user and the group that a container runs as.

use super::{author, authors_own};
use crate::edit::Edits;
use crate::objects::{Container, Template};
use crate::yaml::{Node, Value};

const FIELD: [&str; 2] = ["securityContext", "runAsUser"];

/// The id that a container has, its own or the pod's, according to the edits so far and the manifest.
pub(super) fn id_of(
    template: &Template<'_>,
    container: &Container<'_>,
    name: &str,
    edits: &Edits<'_>,
) -> Option<Value> {
    let own = match edits.planned(&container.subject, &[FIELD[0], name]) {
        Some(planned) => planned.cloned(),
        None => authors_own(container, name).and_then(id),
    };
    own.or_else(|| id_of_pod(template, name, edits))
}

/// The id in the pod's security context, in the same way.
pub(super) fn id_of_pod(template: &Template<'_>, name: &str, edits: &Edits<'_>) -> Option<Value> {
    match edits.planned(&template.pod, &[FIELD[0], name]) {
        Some(planned) => planned.cloned(),
        None => author(template.security_context(), name).and_then(id),
    }
}

/// An id as the API server reads it: `0.0` is 0.
fn id(node: Node<'_>) -> Option<Value> {
    node.int::<i64>().map(Value::from)
}

/// Whether a container runs as root, according to the edits so far and the manifest.
pub(super) fn runs_as_root(
    template: &Template<'_>,
    container: &Container<'_>,
    edits: &Edits<'_>,
) -> bool {
    id_of(template, container, FIELD[1], edits) == Some(Value::from(0_i64))
}

/// The user that the manifest sets for a container, without the edits so far.
pub(super) fn author_user<'a>(
    template: &Template<'a>,
    container: &Container<'a>,
) -> Option<Node<'a>> {
    authors_own(container, FIELD[1]).or_else(|| author(template.security_context(), FIELD[1]))
}
