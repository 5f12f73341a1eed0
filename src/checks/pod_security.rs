//! FIT-PSS-…: what the Pod Security Standards forbid, check by check, as the API server's own code judges it.
//!
//! The API server takes a Deployment whose pods it will refuse; nobody hears of it until the rollout stands still. So pods
//! are judged where they are written. Each field that is a cause is told with its line, and upstream's own words for it
//! stand in the tag `psa`.
//!
//! On check the level is what the Namespace in the input enforces by its labels, and where there is none what
//! `checks.profile` says, by default the profile of `securityContext` for that object. What a Namespace warns of is a
//! warning, and so is, where the config decides, what the next level would forbid.
//!
//! When pods are fitted, what the level of `securityContext` still refuses afterwards is a warning: a person has to decide.

mod fitted;
mod judged;

use std::sync::Arc;

use super::{Check, Find};
use crate::finding::Subject;
use crate::objects::{Container, Template};
use crate::pod_security::{At, Culprit, RULES};
use crate::yaml::Node;

pub(super) const CHECK: Check = Check {
    name: "podSecurity",
    rules: RULES,
    find: Find::Pods(|pod| match pod.scene.config.validate_only {
        true => judged::refused(pod),
        false => fitted::refused(pod),
    }),
};

/// The part of an object that a culprit belongs to.
struct Blamed<'t, 'a> {
    subject: Arc<Subject>,
    node: Node<'a>,
    /// Where it is one of a container.
    container: Option<&'t Container<'a>>,
    /// The tokens of the field below the part.
    field: Vec<String>,
}

impl<'t, 'a> Blamed<'t, 'a> {
    fn of(template: &'t Template<'a>, culprit: &Culprit) -> Option<Blamed<'t, 'a>> {
        let field = culprit.field.tokens();
        let (subject, node, container) = match culprit.at {
            At::Pod => (&template.pod, template.spec, None),
            At::Metadata => {
                let metadata = template.node.get("metadata")?;
                (&template.pod_metadata, metadata, None)
            }
            At::Container { list, index } => {
                let container = match template.is_whole() {
                    true => {
                        let node = template.spec.items_at([list.as_str()]).nth(index)?;
                        let mut containers = template.containers.iter();
                        containers.find(|it| it.node.id() == node.id())?
                    }
                    false => template.containers.get(index)?,
                };
                (&container.subject, container.node, Some(container))
            }
        };
        Some(Blamed {
            subject: Arc::clone(subject),
            node,
            container,
            field: field.map(|token| token.decoded().into_owned()).collect(),
        })
    }

    fn field(&self) -> Vec<&str> {
        self.field.iter().map(String::as_str).collect()
    }
}
