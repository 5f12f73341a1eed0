//! The names of objects and their parts in reports, and the places of their leaves.

use std::borrow::Cow;

use jsonptr::{Pointer, PointerBuf};
use kustomize_krm_types::ResourceIdentifier;

use super::FilePlace;
use crate::finding::Part;
use crate::objects::ContainerType;
use crate::read::{OriginLines, Resource};
use crate::text::word;
use crate::yaml::Node;

/// The reference to an object. Without a name, it has the prefix from which the API server makes one.
pub(super) fn reference(resource: &Resource<'_>) -> ResourceIdentifier {
    ResourceIdentifier {
        api_version: resource.api_version.to_string(),
        kind: resource.kind.to_string(),
        name: match resource.name.as_ref() {
            "" => resource.generated_name().into_owned(),
            name => name.to_owned(),
        },
        namespace: resource.namespace.as_deref().map(str::to_owned),
    }
}

/// `Deployment shop/web`.
pub(super) fn name_of(resource: &ResourceIdentifier) -> String {
    let kind = match resource.kind.as_str() {
        "" => word("object"),
        kind => word(kind),
    };
    let name = word(&resource.name);
    match &resource.namespace {
        Some(namespace) => format!("{kind} {}/{name}", word(namespace)),
        None if name.is_empty() => kind.into_owned(),
        None => format!("{kind} {name}"),
    }
}

/// `base/web.yaml:12`, or the file alone.
pub(super) fn at_line(path: &str, line: Option<usize>) -> String {
    line.map_or_else(|| path.to_owned(), |line| format!("{path}:{line}"))
}

/// A part in a table: `web`, `setup (init)`, `claim data`.
pub(super) fn part_of(part: &Part) -> String {
    match part {
        Part::Container {
            name,
            container_type: ContainerType::Container,
        } => label(name).into_owned(),
        Part::Container {
            name,
            container_type,
        } => {
            let container_type = container_type.as_str().to_lowercase();
            format!("{} ({container_type})", label(name))
        }
        Part::Claim { name } => format!("claim {name}"),
        part => part.to_string(),
    }
}

/// A name that begins a line: in quotes unless it is what the API server accepts as a name.
fn label(name: &str) -> Cow<'_, str> {
    let is_known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match name.chars().all(is_known) {
        true => Cow::Borrowed(name),
        false => Cow::Owned(format!("{name:?}")),
    }
}

/// More resolved paths are searched slower than a path is resolved.
const MOST: usize = 32;

/// Finds the places of leaves, object by object.
#[derive(Default)]
pub(super) struct Places<'r, 'a> {
    resource: Option<&'r Resource<'a>>,
    /// The last paths that were resolved in the object: the last existing node, and whether it is the full path. Many
    /// leaves are siblings.
    resolved: Vec<(PointerBuf, Node<'a>, bool)>,
}

impl<'r, 'a> Places<'r, 'a> {
    /// The place of a leaf, or of its nearest existing parent.
    pub(super) fn place(
        &mut self,
        resource: &'r Resource<'a>,
        pointer: Option<&Pointer>,
    ) -> Option<FilePlace> {
        let path = resource.origin.path.clone()?;
        let has_lines = resource.origin.lines == OriginLines::OfFile;
        let node = has_lines.then(|| match pointer {
            Some(pointer) => self.nearest(resource, pointer),
            None => resource.node,
        });
        let position = node.map(Node::position);
        Some(FilePlace {
            path,
            index: resource.origin.index,
            line: position.map(|position| position.line),
            column: position.map(|position| position.column),
            span: node.map(|node| span_of(node)),
        })
    }

    fn nearest(&mut self, resource: &'r Resource<'a>, pointer: &Pointer) -> Node<'a> {
        let Some((parent, last)) = pointer.split_back() else {
            return resource.node;
        };
        let is_current = |it: &Resource<'a>| std::ptr::eq(it, resource);
        if !self.resource.is_some_and(is_current) {
            self.resource = Some(resource);
            self.resolved.clear();
        }
        let known = self.resolved.iter().find(|(path, ..)| path == parent);
        let (node, is_whole) = match known {
            Some((_, node, is_whole)) => (*node, *is_whole),
            None => {
                let mut node = resource.node;
                let mut is_whole = true;
                for token in parent.tokens() {
                    match step(node, &token.decoded()) {
                        Some(next) => node = next,
                        None => {
                            is_whole = false;
                            break;
                        }
                    }
                }
                if self.resolved.len() == MOST {
                    self.resolved.clear();
                }
                self.resolved.push((parent.to_owned(), node, is_whole));
                (node, is_whole)
            }
        };
        let next = is_whole.then(|| step(node, &last.decoded())).flatten();
        next.unwrap_or(node)
    }
}

/// The bytes of a scalar, or of the first line of a collection: a viewer shows a finding only where all of its lines have
/// changed, and few changes are in all lines of a container.
fn span_of(node: Node<'_>) -> (usize, usize) {
    let span = node.span();
    let text = &node.stream().text()[span.clone()];
    let shown = match node.is_map() || node.is_sequence() {
        true => text.split('\n').next().unwrap_or_default(),
        false => text,
    };
    (span.start, span.start + shown.trim_end().len())
}

fn step<'a>(node: Node<'a>, token: &str) -> Option<Node<'a>> {
    match node.is_sequence() {
        true => node.item(token.parse().ok()?),
        false => node.get(token),
    }
}
