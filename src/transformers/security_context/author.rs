//! What the author sets in the security contexts of a pod and its containers, found once.

use std::rc::Rc;

use super::{SecurityContext, legacy};
use crate::config::Section;
use crate::objects::{Container, Template};
use crate::transformers::{KNATIVE, Scope};
use crate::yaml::Node;

/// A pod template.
#[derive(Clone, Copy)]
pub(super) struct Pod<'f, 'a> {
    pub(super) template: &'f Template<'a>,
    /// The security context of the pod, if the template has one.
    pub(super) context: Option<Node<'a>>,
    /// Whether the pod's own security context may be written.
    pub(super) has_context: bool,
    pub(super) has_volumes: bool,
    /// Knative rejects the pod's security context, and accepts only some fields of containers.
    pub(super) is_knative: bool,
    /// The annotations, if a legacy one is among them.
    pub(super) legacy: Option<Node<'a>>,
}

impl<'f, 'a> Pod<'f, 'a> {
    pub(super) fn of(
        scope: &Scope<'a, '_, SecurityContext>,
        template: &'f Template<'a>,
    ) -> Pod<'f, 'a> {
        let is_knative = scope.target().resource.group() == KNATIVE;
        let has_context = template.has_field("securityContext");
        Pod {
            template,
            context: template.security_context(),
            has_context: has_context && !is_knative,
            has_volumes: template.has_field("volumes"),
            is_knative,
            legacy: template.annotations().filter(|it| legacy::are_in(*it)),
        }
    }

    /// The author's value of a field in the pod's security context.
    pub(super) fn author(&self, name: &str) -> Option<Node<'a>> {
        author(self.context, name)
    }
}

/// A container with the author's security context, and one that it inherits.
#[derive(Clone, Copy)]
pub(super) struct Authored<'f, 'a> {
    pub(super) container: &'f Container<'a>,
    contexts: [Option<Node<'a>>; 2],
}

impl<'f, 'a> Authored<'f, 'a> {
    pub(super) fn of(container: &'f Container<'a>) -> Authored<'f, 'a> {
        let context = |of: Node<'a>| of.at(["securityContext"]);
        let inherited = container.inherits.and_then(context);
        Authored {
            container,
            contexts: [context(container.node), inherited],
        }
    }

    /// The author's value of a field in the container's own security context, or in the inherited one.
    pub(super) fn author(&self, name: &str) -> Option<Node<'a>> {
        let mut contexts = self.contexts.into_iter();
        contexts.find_map(|context| author(context, name))
    }
}

/// A container of a pod with the section that applies to it.
pub(super) struct Contained<'f, 'a, 'c> {
    pub(super) author: Authored<'f, 'a>,
    pub(super) section: Option<Rc<Section<'c, SecurityContext>>>,
}

/// The author's value of a field in a security context; `None` for an empty mapping.
fn author<'a>(context: Option<Node<'a>>, name: &str) -> Option<Node<'a>> {
    let node = context?.at([name])?;
    (!(node.is_map() && node.is_empty_collection())).then_some(node)
}
