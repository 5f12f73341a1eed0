//! Step 1: reads bytes into lossless documents, and detects the host.
//!
//! Both a [`ResourceList`] on standard input and files become [`Resource`]s: nodes in a text that does not change.

mod seal;

use std::borrow::Cow;

use jsonptr::PointerBuf;
use kustomize_krm_types::{ResourceList as Envelope, annotations};

use crate::problem::{Place, Problem, Problems};
use crate::yaml::{Node, Stream};

/// The program that runs the function, which determines where results go. See [`crate::report`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// kustomize or kubectl: items have kustomize's id annotation.
    Kustomize,
    /// kpt, or another host with packages of files: items have a path annotation.
    Kpt,
    /// Another program.
    Unknown,
    /// No host: fitout's own command line.
    CommandLine,
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

/// The file of an object, if the host provides it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The file, relative to the package or the working directory, with forward slashes.
    pub path: Option<String>,
    /// The index of the document in that file, from 0.
    pub index: usize,
    /// Whether lines and columns are those of the file: only on the command line.
    pub has_lines: bool,
}

impl Origin {
    /// The path of the file, if its lines and columns are known.
    pub fn readable_path(&self) -> Option<&str> {
        self.path.as_deref().filter(|_| self.has_lines)
    }
}

/// A Kubernetes object in a text.
#[derive(Clone, Debug)]
pub struct Resource<'a> {
    /// The object's mapping.
    pub node: Node<'a>,
    /// `apps/v1`; empty if absent.
    pub api_version: Cow<'a, str>,
    /// `Deployment`; empty if absent.
    pub kind: Cow<'a, str>,
    /// `metadata.name`; empty for an object with `generateName`.
    pub name: Cow<'a, str>,
    /// `metadata.namespace`.
    pub namespace: Option<Cow<'a, str>>,
    /// `metadata.annotations`, looked up once because it is read often.
    annotations: Option<Node<'a>>,
    /// `metadata.labels`.
    labels: Option<Node<'a>>,
    /// Its file.
    pub origin: Origin,
    /// The index of its text.
    pub text: usize,
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
        refuse_duplicates(root)?;
        let resources = match root.at(["items"]) {
            None => Vec::new(),
            Some(items) if items.is_sequence() => read_items(items)?,
            Some(items) => return Err(wrong_shape(items, "a list", "items").into()),
        };
        let host = host_of(&resources);
        Ok(ResourceList {
            root,
            resources,
            function_config: root.at(["functionConfig"]),
            host,
        })
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

fn refuse_duplicates(root: Node<'_>) -> Result<(), Problem> {
    let Some((first, second)) = root.duplicate_key() else {
        return Ok(());
    };
    let message = format!(
        "duplicate key `{}` in the ResourceList, first on line {}",
        second.raw(),
        first.position().line
    );
    Err(Problem::new("FIT-INP002", message).at(Place::of(second, None)))
}

fn read_items<'a>(items: Node<'a>) -> Result<Vec<Resource<'a>>, Problems> {
    let mut resources = Vec::with_capacity(items.len());
    let mut problems = Vec::new();
    for (index, item) in items.items().enumerate() {
        if let Err(problem) = Resource::read(item, 0, Origin::default(), &mut resources) {
            problems.push(problem.subject(format!("items[{index}]")));
        }
    }
    match problems.is_empty() {
        true => Ok(resources),
        false => Err(Problems(problems)),
    }
}

fn host_of(resources: &[Resource<'_>]) -> Host {
    let carries = |names: &[&str]| {
        let has =
            |resource: &Resource<'_>| names.iter().any(|name| resource.annotation(name).is_some());
        resources.iter().any(has)
    };
    if carries(&[annotations::KUSTOMIZE_ID]) {
        Host::Kustomize
    } else if carries(&[
        annotations::PATH,
        annotations::LEGACY_PATH,
        annotations::PACKAGE_PATH,
    ]) {
        Host::Kpt
    } else {
        Host::Unknown
    }
}

impl<'a> Resource<'a> {
    /// Reads an object, or each object of a `List`, into `resources`.
    ///
    /// # Errors
    /// `FIT-INP003` if the node or its metadata is not a mapping.
    pub fn read(
        node: Node<'a>,
        text: usize,
        origin: Origin,
        resources: &mut Vec<Resource<'a>>,
    ) -> Result<(), Problem> {
        let file = origin.path.clone().filter(|_| origin.has_lines);
        let wrong = |node, expected, field| {
            wrong_shape(node, expected, field).at(Place::of(node, file.as_deref()))
        };
        if !node.is_map() {
            return Err(wrong(node, "an object", ""));
        }
        let kind = text_of(node, "kind");
        let list = kind
            .ends_with("List")
            .then(|| node.get("items"))
            .flatten()
            .filter(|items| items.is_sequence());
        if let Some(items) = list {
            for item in items.items() {
                Resource::read(item, text, origin.clone(), resources)?;
            }
            return Ok(());
        }
        let metadata = match node.get("metadata") {
            Some(metadata) if !metadata.is_null() && !metadata.is_map() => {
                return Err(wrong(metadata, "a mapping", "metadata"));
            }
            metadata => metadata,
        };
        let name = metadata.map_or(Cow::Borrowed(""), |metadata| text_of(metadata, "name"));
        let namespace = metadata.and_then(|metadata| metadata.get("namespace")?.str());
        let mut resource = Resource {
            node,
            api_version: text_of(node, "apiVersion"),
            kind,
            name,
            namespace,
            annotations: metadata.and_then(|metadata| metadata.get("annotations")),
            labels: metadata.and_then(|metadata| metadata.get("labels")),
            origin,
            text,
        };
        if !resource.origin.has_lines {
            resource.origin = resource.annotated_origin();
        }
        resources.push(resource);
        Ok(())
    }

    /// The object's own annotations, if it has any.
    pub fn annotations(&self) -> Option<Node<'a>> {
        self.annotations
    }

    /// The object's own labels, if it has any.
    pub fn labels(&self) -> Option<Node<'a>> {
        self.labels
    }

    /// One annotation of the object.
    pub fn annotation(&self, name: &str) -> Option<Cow<'a, str>> {
        self.annotations?.get(name)?.text()
    }

    /// One label of the object.
    pub fn label(&self, name: &str) -> Option<Cow<'a, str>> {
        self.labels?.get(name)?.text()
    }

    /// The API group: empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version
            .split_once('/')
            .map_or("", |(group, _)| group)
    }

    /// The API version without its group.
    pub fn version(&self) -> &str {
        self.api_version
            .split_once('/')
            .map_or(&self.api_version, |(_, version)| version)
    }

    /// The object's names before kustomize's prefixes, suffixes and hashes.
    pub fn previous_names(&self) -> Vec<String> {
        self.annotation_list(annotations::PREVIOUS_NAMES)
    }

    /// The items of an annotation with a comma-separated list.
    pub fn annotation_list(&self, name: &str) -> Vec<String> {
        let text = self.annotation(name).unwrap_or_default();
        let items = text.split(',').filter(|item| !item.is_empty());
        items.map(str::to_owned).collect()
    }

    /// The object's name in messages: `Deployment shop/web`.
    pub fn display_name(&self) -> String {
        let kind = match self.kind.as_ref() {
            "" => "object",
            kind => kind,
        };
        let name = match self.name.as_ref() {
            "" => self
                .node
                .text_at(["metadata", "generateName"])
                .unwrap_or_default(),
            name => Cow::Borrowed(name),
        };
        match &self.namespace {
            Some(namespace) => format!("{kind} {namespace}/{name}"),
            None => format!("{kind} {name}").trim_end().to_owned(),
        }
    }

    /// A problem with a field of this object.
    pub fn problem(
        &self,
        id: &'static str,
        message: impl Into<String>,
        node: Node<'a>,
        field: impl Into<String>,
    ) -> Problem {
        Problem::new(id, message)
            .at(self.place(node))
            .subject(self.display_name())
            .field(field)
    }

    /// The place of a node of this object in its file.
    pub fn place(&self, node: Node<'a>) -> Place {
        Place::of(node, self.origin.readable_path())
    }

    fn annotated_origin(&self) -> Origin {
        let either =
            |name: &str, legacy: &str| self.annotation(name).or_else(|| self.annotation(legacy));
        if self.annotation(annotations::KUSTOMIZE_ID).is_some() {
            // From its second transformer on, kustomize sets artificial path annotations; this one is right.
            let origin = self.annotation(annotations::ORIGIN).unwrap_or_default();
            let path = origin
                .lines()
                .find_map(|line| line.strip_prefix("path: "))
                .map(str::to_owned);
            return Origin {
                path,
                index: 0,
                has_lines: false,
            };
        }
        let path = either(annotations::PATH, annotations::LEGACY_PATH);
        let index = either(annotations::INDEX, annotations::LEGACY_INDEX);
        Origin {
            path: path.map(Cow::into_owned),
            index: index.and_then(|index| index.parse().ok()).unwrap_or(0),
            has_lines: false,
        }
    }
}

/// Groups of package files, which are not applied to a cluster.
const PACKAGE_GROUPS: [&str; 3] = ["kustomize.config.k8s.io/", "kpt.dev/", "fitout.dev/"];

/// Whether a document is a Kubernetes object for a cluster.
pub fn is_object(root: Node<'_>) -> bool {
    let has = |key: &str| root.text_at([key]).is_some_and(|text| !text.is_empty());
    let version = root.text_at(["apiVersion"]).unwrap_or_default();
    has("kind")
        && has("apiVersion")
        && !PACKAGE_GROUPS
            .iter()
            .any(|group| version.starts_with(group))
}

fn text_of<'a>(node: Node<'a>, key: &str) -> Cow<'a, str> {
    node.text_at([key]).unwrap_or_default()
}

/// The problem that a field has the wrong type.
pub fn wrong_shape(node: Node<'_>, expected: &str, field: &str) -> Problem {
    let problem = Problem::new(
        "FIT-INP003",
        format!("expected {expected}, found {}", node.describe()),
    )
    .at(Place::of(node, None));
    match field {
        "" => problem,
        field => problem.field(field),
    }
}
