//! The names of objects and their parts in reports, and the places of their leaves.

use std::borrow::Cow;
use std::sync::Arc;

use jsonptr::Pointer;
use kustomize_krm_types::ResourceIdentifier;

use super::FilePlace;
use crate::finding::Part;
use crate::objects::ContainerType;
use crate::read::{OriginLines, Resource};
use crate::text::word;
use crate::yaml::{Node, NodeId, tokens};

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

/// Finds the places of leaves, object by object.
#[derive(Default)]
pub(super) struct Places<'r, 'a> {
    resource: Option<&'r Resource<'a>>,
    /// What exists of the path that was resolved last.
    path: String,
    /// Its nodes, each with the end of its path. The next leaf is mostly near.
    nodes: Vec<(usize, Node<'a>)>,
    /// The places of the last nodes: several findings are about one container, and to count lines takes long.
    known: Vec<(NodeId, Arc<FilePlace>)>,
}

impl<'r, 'a> Places<'r, 'a> {
    /// The place of a leaf, or of its nearest existing parent.
    pub(super) fn place(
        &mut self,
        resource: &'r Resource<'a>,
        pointer: Option<&Pointer>,
    ) -> Option<Arc<FilePlace>> {
        let path = resource.origin.path.as_ref()?;
        let has_lines = resource.origin.lines == OriginLines::OfFile;
        let of_resource = |known: &Resource<'a>| std::ptr::eq(known, resource);
        if !self.resource.is_some_and(of_resource) {
            self.resource = Some(resource);
            self.nodes.clear();
            self.known.clear();
        }
        let place = |node: Option<Node<'a>>| {
            let position = node.map(Node::position);
            Arc::new(FilePlace {
                path: Arc::clone(path),
                index: resource.origin.index,
                line: position.map(|position| position.line),
                column: position.map(|position| position.column),
                span: node.map(span_of),
            })
        };
        if !has_lines {
            return Some(place(None));
        }
        let node = match pointer {
            Some(pointer) => self.nearest(resource, pointer.as_str()),
            None => resource.node,
        };
        if let Some((_, known)) = self.known.iter().find(|(known, _)| *known == node.id()) {
            return Some(Arc::clone(known));
        }
        /// More are searched slower than a line is found.
        const MOST: usize = 16;
        if self.known.len() == MOST {
            self.known.clear();
        }
        let place = place(Some(node));
        self.known.push((node.id(), Arc::clone(&place)));
        Some(place)
    }

    fn nearest(&mut self, resource: &Resource<'a>, pointer: &str) -> Node<'a> {
        let bytes = pointer.as_bytes();
        let same = length_in_common(bytes, self.path.as_bytes());
        let is_on_path =
            |end: usize| end <= same && bytes.get(end).is_none_or(|next| *next == b'/');
        while self.nodes.last().is_some_and(|(end, _)| !is_on_path(*end)) {
            self.nodes.pop();
        }
        let (mut end, mut node) = *self.nodes.last().unwrap_or(&(0, resource.node));
        for token in tokens(pointer, end) {
            let Some(next) = step(node, &token.key) else {
                break;
            };
            (end, node) = (token.end, next);
            self.nodes.push((end, node));
        }
        self.path.clear();
        self.path.push_str(&pointer[..end]);
        node
    }
}

/// The length of the longest text that two texts begin with.
fn length_in_common(a: &[u8], b: &[u8]) -> usize {
    let words = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
    let start = 8 * words.take_while(|(a, b)| a == b).count();
    let rest = a[start..].iter().zip(&b[start..]);
    start + rest.take_while(|(a, b)| a == b).count()
}

/// The bytes of a scalar, or of the first line of a collection: a viewer shows a finding only where all of its lines have
/// changed, and few changes are in all lines of a container.
fn span_of(node: Node<'_>) -> (usize, usize) {
    let span = node.span();
    let text = &node.stream().text()[span.clone()];
    let shown = match node.is_map() || node.is_sequence() {
        true => &text[..memchr::memchr(b'\n', text.as_bytes()).unwrap_or(text.len())],
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
