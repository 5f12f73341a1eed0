//! The ResourceList on standard input, and which host wrote it.

use std::borrow::Cow;

use jsonptr::PointerBuf;
use kustomize_krm_types::{ResourceList as Envelope, annotations};

use super::{Origin, Resource, wrong_shape};
use crate::problem::{Place, Problem, Problems};
use crate::yaml::{Node, Stream};

/// The program that runs the function, which determines where results go. See [`crate::report`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// kustomize or kubectl: every item has kustomize's id annotation, and nothing comes from a file.
    Kustomize,
    /// kpt, or another host with packages of files: every item has a path annotation.
    Kpt,
    /// Another program, or signs that disagree.
    Unknown,
}

/// The ResourceList that a host wrote to standard input.
#[derive(Debug)]
pub struct ResourceList<'a> {
    /// The document, which results are added to.
    pub root: Node<'a>,
    /// Its items, in order, with nested Lists expanded.
    pub resources: Vec<Resource<'a>>,
    /// The `functionConfig`, if any.
    pub function_config: Option<Node<'a>>,
    /// The host.
    pub host: Host,
}

impl<'a> ResourceList<'a> {
    /// Reads a ResourceList.
    ///
    /// # Errors
    /// `FIT-INP001` unless there is exactly one document, `FIT-INP002` if it is not a ResourceList, `FIT-INP003` if an item
    /// is not an object.
    pub fn read(stream: &'a Stream) -> Result<ResourceList<'a>, Problems> {
        let root = only_document(stream)?;
        check_identity(root)?;
        let mut resources = match root.at(["items"]) {
            None => Vec::new(),
            Some(items) if items.is_sequence() => read_items(items)?,
            Some(items) => return Err(wrong_shape(items, "a list", "items").into()),
        };
        let function_config = root.at(["functionConfig"]);
        let host = host_of(root, function_config);
        if host == Host::Kustomize {
            for resource in &mut resources {
                resource.origin = resource.origin_in_build();
            }
        }
        Ok(ResourceList {
            root,
            resources,
            function_config,
            host,
        })
    }

    /// Whether the host numbers the items, and so puts back the comments that it finds missing.
    pub fn is_numbered(&self) -> bool {
        let ids = [annotations::ID, annotations::LEGACY_ID];
        let mut resources = self.resources.iter();
        resources.any(|it| ids.iter().any(|id| it.annotation(id).is_some()))
    }

    /// The `id` annotations of kustomize to remove. With them it matches items with its own copies, to restore comments that
    /// a function lost. It has dropped all comments before, so this only takes most of the call's time (measured).
    ///
    /// kpt keeps its ids: it does not pass on comments above or below a document, and needs the id to put them back.
    pub fn bookkeeping_to_drop(&self) -> Vec<(Node<'a>, PointerBuf)> {
        if self.host != Host::Kustomize {
            return Vec::new();
        }
        let mut drops = Vec::new();
        for resource in &self.resources {
            let Some(annotations) = resource.annotations() else {
                continue;
            };
            for id in [annotations::ID, annotations::LEGACY_ID] {
                if annotations.get_local(id).is_some() {
                    let pointer = PointerBuf::from_tokens(["metadata", "annotations", id]);
                    drops.push((resource.node, pointer));
                }
            }
        }
        drops
    }
}

fn only_document(stream: &Stream) -> Result<Node<'_>, Problems> {
    let documents: Vec<_> = stream
        .documents()
        .filter(|document| !document.is_empty())
        .collect();
    match documents.as_slice() {
        [] => {
            let what = if stream.text().trim().is_empty() {
                "standard input is empty"
            } else {
                "standard input has no document"
            };
            Err(Problem::new("FIT-INP001", format!("{what}; expected a ResourceList"))
                .help("without a command, fitout runs as a KRM function; for files, use `fitout apply -f PATH -e ENVIRONMENT`")
                .into())
        }
        [only] => Ok(only.root()),
        [_, second, ..] => Err(Problem::new(
            "FIT-INP001",
            "expected one document, found a second one after the ResourceList",
        )
        .at(Place::of(second.root(), None))
        .help("for a stream of documents, use `fitout apply -f - -e ENVIRONMENT`")
        .into()),
    }
}

fn check_identity(root: Node<'_>) -> Result<(), Problem> {
    let problem = |message: String, node: Node<'_>| {
        Problem::new("FIT-INP002", message).at(Place::of(node, None)).help(
            "KRM functions read a ResourceList of config.kubernetes.io/v1; for plain manifests, use `fitout apply -f - -e ENVIRONMENT`",
        )
    };
    if !root.is_map() {
        let message = format!("expected a ResourceList, found {}", root.describe());
        return Err(problem(message, root));
    }
    let Some(kind) = root.get("kind") else {
        let message = "expected kind ResourceList, found no kind".to_owned();
        return Err(problem(message, root));
    };
    if kind.str().as_deref() != Some(Envelope::KIND) {
        let message = format!("expected kind ResourceList, found {}", kind.raw());
        return Err(problem(message, kind));
    }
    let Some(version) = root.get("apiVersion") else {
        let message = "the ResourceList has no apiVersion".to_owned();
        return Err(problem(message, root));
    };
    let text = version.str();
    match text.is_some_and(|text| Envelope::is(&text, Envelope::KIND)) {
        true => Ok(()),
        false => {
            let (found, expected) = (version.raw(), Envelope::API_VERSION);
            let message = format!("unknown version {found} of ResourceList; expected {expected}");
            Err(problem(message, version))
        }
    }
}

fn read_items<'a>(items: Node<'a>) -> Result<Vec<Resource<'a>>, Problems> {
    let mut resources = Vec::with_capacity(items.len());
    let mut problems = Vec::new();
    for (index, item) in items.items().enumerate() {
        if let Err(Problems(found)) = Resource::read(item, 0, Origin::default(), &mut resources) {
            let named = found.into_iter().map(|problem| match problem.subject {
                Some(_) => problem,
                None => problem.subject(format!("items[{index}]")),
            });
            problems.extend(named);
        }
    }
    match problems.is_empty() {
        true => Ok(resources),
        false => Err(Problems(problems)),
    }
}

/// The annotations with the file of an item.
const FILE_PATHS: [&str; 2] = [annotations::PATH, annotations::LEGACY_PATH];

/// The annotations that hosts with packages of files write, and kustomize does not.
const OF_FILES: [&str; 3] = [
    annotations::SEQ_INDENT,
    annotations::PACKAGE_PATH,
    annotations::KPT_RESOURCE_ID,
];

/// The host. An author can write any annotation on an item, and a validator returns no items to kustomize, so what would
/// then be lost elsewhere depends on it. kustomize is recognised only if nothing contradicts it: its id on every item, the
/// position of every item in the list, no sign of a file on any item, and none on the functionConfig, which authors do not
/// write.
fn host_of(root: Node<'_>, function_config: Option<Node<'_>>) -> Host {
    // The items as the host counts them, not the objects in their Lists.
    let items: Vec<Node<'_>> = root.items_at(["items"]).collect();
    if items.is_empty() {
        return Host::Unknown;
    }
    fn of<'a>(node: Node<'a>, name: &str) -> Option<Cow<'a, str>> {
        node.at(["metadata", "annotations", name])?.text()
    }
    let has = |node: Node<'_>, names: &[&str]| names.iter().any(|name| of(node, name).is_some());
    let every = |names: &[&str]| items.iter().all(|item| has(*item, names));
    let none = |names: &[&str]| !items.iter().any(|item| has(*item, names));
    if none(&[annotations::KUSTOMIZE_ID]) && every(&FILE_PATHS) {
        return Host::Kpt;
    }
    let is_config_of_build = |names: &[&str]| {
        function_config.is_some_and(|config| {
            !has(config, names) && of(config, annotations::LOCAL_CONFIG).as_deref() == Some("true")
        })
    };
    let of_config = [annotations::INDEX, annotations::PATH, annotations::ID];
    let is_in_place = |(position, item): (usize, &Node<'_>)| {
        let index = of(*item, annotations::INDEX);
        index.is_none_or(|index| index.parse() == Ok(position))
    };
    // From its second function on, kustomize sets artificial paths.
    let is_artificial = |item: &Node<'_>| {
        let kind = item.text_at(["kind"]).unwrap_or_default().to_lowercase();
        let mut paths = FILE_PATHS.iter().filter_map(|name| of(*item, name));
        paths.all(|path| {
            let name = path.rsplit('/').next().unwrap_or_default();
            let name = name.strip_prefix(kind.as_str());
            name.is_some_and(|name| name.starts_with('_') && name.ends_with(".yaml"))
        })
    };
    let is_of_build = every(&[annotations::KUSTOMIZE_ID])
        && none(&OF_FILES)
        && items.iter().enumerate().all(is_in_place)
        && match none(&FILE_PATHS) {
            true => function_config.is_none_or(|config| !has(config, &of_config)),
            false => is_config_of_build(&of_config) && items.iter().all(is_artificial),
        };
    match is_of_build {
        true => Host::Kustomize,
        false => Host::Unknown,
    }
}
