//! Parts of an object and their paths, which fields are relative to.

use std::fmt;
use std::sync::Arc;

use jsonptr::PointerBuf;

use super::container::ContainerType;
use super::places::OnChange;
use super::walk::below;
use crate::yaml::{Node, NodeId};

/// The part of an object that a change or finding is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The object itself.
    Object,
    /// The pods of its template.
    Pod,
    /// One of their containers.
    Container {
        /// The container's name.
        name: Arc<str>,
        /// Ordinary, init, sidecar or ephemeral.
        container_type: ContainerType,
    },
    /// One of its claims.
    Claim {
        /// The name of the claim, its template or its volume.
        name: Arc<str>,
    },
}

/// A part of an object and its path, which fields are relative to.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The part.
    pub part: Part,
    /// Its path in the object.
    pub path: PointerBuf,
    /// Its node; `None` where the object does not have it, or where it was not looked up.
    pub node: Option<NodeId>,
    /// What a change here does to running pods.
    pub on_change: OnChange,
    /// The path of the values that it inherits.
    pub inherits: Option<Box<PointerBuf>>,
}

impl Subject {
    /// The object itself.
    pub fn object() -> Arc<Subject> {
        Subject::new(Part::Object, (PointerBuf::new(), None), OnChange::Nothing)
    }

    /// The object's metadata.
    pub fn metadata() -> Arc<Subject> {
        let path = PointerBuf::from_tokens(["metadata"]);
        Subject::new(Part::Object, (path, None), OnChange::Nothing)
    }

    /// A part at a path, with its node there.
    pub(super) fn new(
        part: Part,
        (path, node): (PointerBuf, Option<Node<'_>>),
        on_change: OnChange,
    ) -> Arc<Subject> {
        Arc::new(Subject {
            part,
            path,
            node: node.map(Node::id),
            on_change,
            inherits: None,
        })
    }

    /// The path of a field in the object.
    pub fn at(&self, field: &[&str]) -> PointerBuf {
        below(&self.path, field.iter().copied())
    }
}

impl Part {
    /// Its name in messages, in pieces.
    pub fn words(&self) -> [&str; 3] {
        match self {
            Part::Object => ["object", "", ""],
            Part::Pod => ["pod", "", ""],
            Part::Container {
                name,
                container_type,
            } => match container_type {
                ContainerType::Container => ["container \"", name, "\""],
                ContainerType::Init => ["init container \"", name, "\""],
                ContainerType::Sidecar => ["sidecar \"", name, "\""],
                ContainerType::Ephemeral => ["ephemeral container \"", name, "\""],
            },
            Part::Claim { name } => ["claim \"", name, "\""],
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = self.words().into_iter();
        words.try_for_each(|word| f.write_str(word))
    }
}
