//! The user that a container runs as.

use super::{author, authors_own};
use crate::edit::Edits;
use crate::objects::{Container, Template};
use crate::yaml::{Node, Value};

const FIELD: [&str; 2] = ["securityContext", "runAsUser"];

/// Whether a container runs as root, according to the edits so far and the manifest.
pub(super) fn runs_as_root(
    template: &Template<'_>,
    container: &Container<'_>,
    edits: &Edits<'_>,
) -> bool {
    let own = match edits.planned(&container.subject, &FIELD) {
        Some(planned) => planned.cloned(),
        None => authors_own(container, FIELD[1]).and_then(|node| node.value().ok()),
    };
    let of_pod = || match edits.planned(&template.pod, &FIELD) {
        Some(planned) => planned.cloned(),
        None => author(template.security_context(), FIELD[1])?.value().ok(),
    };
    own.or_else(of_pod) == Some(Value::from(0_i64))
}

/// The user that the manifest sets for a container, without the edits so far.
pub(super) fn author_user<'a>(
    template: &Template<'a>,
    container: &Container<'a>,
) -> Option<Node<'a>> {
    authors_own(container, FIELD[1]).or_else(|| author(template.security_context(), FIELD[1]))
}
