//! FIT-PSS-…: violations of the Pod Security Standards, check by check, with the same results as the API server's own code.
//!
//! The API server accepts a Deployment whose pods it will reject, and the error shows only in the stuck rollout. So the check
//! validates the pods in every workload. It reports each field that is a cause with its line, and puts upstream's own words
//! into the tag `psa`.
//!
//! On check, the level is `checks.profile`, by default the profile of `securityContext` for the object. A Namespace in the
//! input can enforce a stricter level with its labels; a less strict one counts only where `checks.namespacesMayLower` names
//! the namespace, because the author of the pods may have written it. Violations of the level that the Namespace warns about
//! are warnings. If the config sets the level, violations of the next stricter level are warnings.
//!
//! When fitout changes pods, violations of the level of `securityContext` that remain are warnings: a person must decide.

mod after_edits;
mod on_check;

use std::borrow::Cow;
use std::sync::Arc;

use jsonptr::Pointer;

use super::{Check, Find};
use crate::facts::PodFacts;
use crate::finding::Subject;
use crate::objects::{Container, Template};
use crate::pod_security::{At, Culprit, RULES, Violation};
use crate::yaml::Node;

pub(super) const CHECK: Check = Check {
    name: "podSecurity",
    rules: RULES,
    find: &[Find::PodsAmong(|pod| {
        match pod.scene.config.validate_only {
            true => on_check::violations(pod),
            false => after_edits::violations(pod),
        }
    })],
};

const LOWER_LEVEL: &str = "change the manifest; or exempt it, with a reason, and use a namespace that enforces a less strict level";

/// Takes the fields that cause a violation; all added capabilities of a container are one, because one change removes them.
fn culprits(violation: &mut Violation) -> Vec<Culprit> {
    let culprits = std::mem::take(&mut violation.culprits);
    if !violation.check.starts_with("capabilities") {
        return culprits;
    }
    let mut all: Vec<Culprit> = Vec::new();
    for culprit in culprits {
        let list = added(&culprit);
        match all.last_mut() {
            Some(last) if list.is_some() && last.at == culprit.at && added(last) == list => {
                last.field = Cow::Owned(list.unwrap_or_default().to_buf());
                let both = last.found.take().zip(culprit.found);
                last.found = both.map(|(all, more)| [&all, ", ", &more].concat());
            }
            _ => all.push(culprit),
        }
    }
    all
}

/// The list of added capabilities that a culprit is, or is in.
fn added(culprit: &Culprit) -> Option<&Pointer> {
    let field: &Pointer = &culprit.field;
    if !field.as_str().contains("/add") {
        return None;
    }
    let is_list = |list: &&Pointer| list.as_str().ends_with("/capabilities/add");
    [Some(field), field.parent()]
        .into_iter()
        .flatten()
        .find(is_list)
}

/// Whether the API server rejects the object itself, whatever its namespace enforces.
fn is_rejected(violation: &Violation, pods: &PodFacts<'_>) -> bool {
    violation.check.starts_with("procMount") && pods.rejects_proc_mounts()
}

/// The part of an object with the field of a culprit.
struct Blamed<'t, 'a> {
    subject: &'t Arc<Subject>,
    node: Node<'a>,
    /// The container, unless the part is the pod or its metadata.
    container: Option<&'t Container<'a>>,
}

impl<'t, 'a> Blamed<'t, 'a> {
    fn of(template: &'t Template<'a>, culprit: &Culprit) -> Option<Blamed<'t, 'a>> {
        let (subject, node, container) = match culprit.at {
            At::Pod => (&template.pod, template.spec, None),
            At::Metadata => {
                let metadata = template.node.get("metadata")?;
                (&template.pod_metadata, metadata, None)
            }
            At::Container { list, index } => {
                let container = match template.is_whole() {
                    true => {
                        let node = template.spec.get(list.as_str())?.item(index)?;
                        template.container_of(node)?
                    }
                    false => template.containers.get(index)?,
                };
                (&container.subject, container.node, Some(container))
            }
        };
        Some(Blamed {
            subject,
            node,
            container,
        })
    }
}
