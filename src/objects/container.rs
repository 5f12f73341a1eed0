//! Containers of pod templates.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use super::subject::Subject;
use crate::catalogue::{Entry, Known, entry_at};
use crate::hashing::HashMap;
use crate::yaml::{Node, NodeId};

/// The type of a container; resources, probes and mounts depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum ContainerType {
    /// An ordinary container.
    Container,
    /// An init container that completes before the next one starts.
    Init,
    /// An init container with `restartPolicy: Always`.
    Sidecar,
    /// An ephemeral container, for debugging; only a Pod has them.
    Ephemeral,
}

impl ContainerType {
    /// Every type.
    pub const ALL: [ContainerType; 4] = [
        ContainerType::Container,
        ContainerType::Init,
        ContainerType::Sidecar,
        ContainerType::Ephemeral,
    ];

    /// Its name in configs and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            ContainerType::Container => "Container",
            ContainerType::Init => "Init",
            ContainerType::Sidecar => "Sidecar",
            ContainerType::Ephemeral => "Ephemeral",
        }
    }
}

/// One container of a pod template.
#[derive(Debug)]
pub struct Container<'a> {
    /// Ordinary, init, sidecar or ephemeral.
    pub container_type: ContainerType,
    /// Its name; empty if missing.
    pub name: Cow<'a, str>,
    /// The container, which its fields are relative to.
    pub subject: Arc<Subject>,
    /// The container's mapping.
    pub node: Node<'a>,
    /// The key of its amounts; empty if it cannot have any.
    pub resources_key: &'static str,
    /// A mapping with defaults for the container, such as Tekton's `stepTemplate`.
    pub inherits: Option<Node<'a>>,
    /// The index of its image's entry in the catalogue.
    pub(super) entry: OnceLock<Option<usize>>,
}

/// The type of a container in a list.
pub(super) fn type_of(list: &str, container: Node<'_>) -> ContainerType {
    match list {
        "initContainers" if is_sidecar(container) => ContainerType::Sidecar,
        "initContainers" => ContainerType::Init,
        "ephemeralContainers" => ContainerType::Ephemeral,
        _ => ContainerType::Container,
    }
}

/// Whether an init container keeps running next to the ordinary containers.
pub(super) fn is_sidecar(init_container: Node<'_>) -> bool {
    init_container.text_at(["restartPolicy"]).as_deref() == Some("Always")
}

impl<'a> Container<'a> {
    /// Its image; empty if missing.
    pub fn image(&self) -> Cow<'a, str> {
        self.node.text_at(["image"]).unwrap_or_default()
    }

    /// The first entry of the catalogue for its image. `own` are the config's entries, the same in every call; many ask.
    pub fn entry<'e>(&self, known: &Known, own: &'e [Entry]) -> Option<&'e Entry> {
        let index = self.entry.get_or_init(|| {
            let image = self.node.text_at(["image"])?;
            known.index_of(own, &image)
        });
        entry_at(own, (*index)?)
    }

    /// The items of a list in the container, and of the inherited list.
    pub fn items(&self, key: &str) -> impl Iterator<Item = Node<'a>> {
        let inherited = self.inherits.and_then(|of| of.get(key));
        let lists = self.node.get(key).into_iter().chain(inherited);
        lists.flat_map(Node::items)
    }

    /// The words of its command and arguments.
    pub fn words(&self) -> impl Iterator<Item = Cow<'a, str>> {
        let lists = ["command", "args"].into_iter();
        let items = lists.flat_map(|list| self.items(list));
        items.filter_map(Node::text)
    }

    /// Its text, if every value of it is in there as it is written: what is not in the text is in no value.
    pub fn written(&self) -> Option<&'a str> {
        let stream = self.node.stream();
        let text = &stream.text()[self.node.span()];
        let bytes = text.as_bytes();
        let is_tag = |at: usize| bytes[at] == b'!' && bytes.get(at + 1) != Some(&b'!');
        let is_other = || memchr::memchr2_iter(b'\\', b'!', bytes).any(|at| !is_tag(at));
        let is_elsewhere = self.inherits.is_some() || !stream.shares_nothing();
        (!is_elsewhere && !is_other()).then_some(text)
    }

    /// What `read` finds in the container, or else in the defaults that it inherits.
    pub fn first<T>(&self, read: impl Fn(Node<'a>) -> Option<T>) -> Option<T> {
        let inherited = || read(self.inherits?);
        read(self.node).or_else(inherited)
    }
}

/// The items of a list by node. Lists mostly have the order of the text, so a search by halves finds it; aliases can have
/// any order.
#[derive(Clone, Debug, Default)]
pub struct ByNode(OnceLock<HashMap<NodeId, usize>>);

impl ByNode {
    /// The first item of a node.
    pub fn find<'i, T>(
        &self,
        items: &'i [T],
        node: NodeId,
        node_of: impl Fn(&T) -> Option<NodeId>,
    ) -> Option<&'i T> {
        let at = items.partition_point(|it| node_of(it).is_some_and(|id| id < node));
        if let Some(found) = items.get(at).filter(|it| node_of(it) == Some(node)) {
            return Some(found);
        }
        let index = || {
            let items = items.iter().enumerate().rev();
            items
                .filter_map(|(at, it)| Some((node_of(it)?, at)))
                .collect()
        };
        items.get(*self.0.get_or_init(index).get(&node)?)
    }
}
