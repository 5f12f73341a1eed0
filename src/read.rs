//! Step 1: bytes to lossless documents, and who is calling.
//!
//! A [`ResourceList`] on standard input and files on disk become the same thing: [`Resource`]s, each a
//! node in a text that stays as it is. Nothing is copied out of the text but what names an object.

use std::borrow::Cow;

use jsonptr::PointerBuf;
use kustomize_krm_types::{ResourceList as Envelope, annotations};

use crate::problem::{Place, Problem, Problems};
use crate::yaml::{Node, Stream};

/// Which program runs the function; it decides what is told where. See [`crate::report`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// kustomize or kubectl: items carry kustomize's own id annotation.
    Kustomize,
    /// kpt, or another host that keeps packages as files: items carry a path annotation.
    Kpt,
    /// A ResourceList from a program that leaves no sign of itself.
    Unknown,
    /// No host: this binary's own command line, working on files.
    CommandLine,
}

/// The ResourceList that a host wrote to standard input.
#[derive(Debug)]
pub struct ResourceList<'a> {
    /// The document itself, into which results are written.
    pub root: Node<'a>,
    /// Its items, in order, with the items of nested Lists unfolded.
    pub resources: Vec<Resource<'a>>,
    /// The `functionConfig`, when there is one.
    pub function_config: Option<Node<'a>>,
    /// Who is calling.
    pub host: Host,
}

/// Where an object came from, as far as the host tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The file, relative to the package or the working directory, with forward slashes.
    pub path: Option<String>,
    /// The object's position among the documents of that file, from 0.
    pub index: usize,
    /// Lines and columns in our text are those of the file: true only on the command line.
    pub has_lines: bool,
}

/// One Kubernetes object, as a place in a text.
#[derive(Clone, Debug)]
pub struct Resource<'a> {
    /// The object's mapping.
    pub node: Node<'a>,
    /// `apps/v1`; empty when the object does not say.
    pub api_version: Cow<'a, str>,
    /// `Deployment`; empty when the object does not say.
    pub kind: Cow<'a, str>,
    /// `metadata.name`; empty for an object that has only a `generateName`.
    pub name: Cow<'a, str>,
    /// `metadata.namespace`.
    pub namespace: Option<Cow<'a, str>>,
    /// `metadata.annotations`, looked up once because hosts and authors say so much there.
    annotations: Option<Node<'a>>,
    /// `metadata.labels`.
    labels: Option<Node<'a>>,
    /// The file it came from.
    pub origin: Origin,
    /// Which of the texts that are fitted together this object lies in.
    pub text: usize,
}

impl<'a> ResourceList<'a> {
    /// Reads what a host wrote to standard input.
    ///
    /// # Errors
    /// `FIT-INP001` when there is no document or more than one, `FIT-INP002` when it is not a
    /// ResourceList, `FIT-INP003` when an item has not the shape of an object.
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

    /// Edits that take away the two `id` annotations by which kustomize and kpt pair each item with
    /// their own copy, to repair comments that a function lost. We lose none, the repair moves
    /// comments to wrong places, and it costs most of the call's time (measured with both hosts).
    pub fn bookkeeping_to_drop(&self) -> Vec<(Node<'a>, PointerBuf)> {
        if !matches!(self.host, Host::Kustomize | Host::Kpt) {
            return Vec::new();
        }
        let mut drops = Vec::new();
        for resource in &self.resources {
            let Some(annotations) = resource.annotations() else {
                continue;
            };
            for id in [annotations::ID, annotations::LEGACY_ID] {
                if annotations.get_local(id).is_some() {
                    drops.push((
                        resource.node,
                        PointerBuf::from_tokens(["metadata", "annotations", id]),
                    ));
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
                "standard input holds no document"
            };
            Err(Problem::new("FIT-INP001", format!("{what}; expected a ResourceList"))
                .help("fitout runs as a function in kustomize and kpt; on files use `fitout apply -f PATH -e ENVIRONMENT`")
                .into())
        }
        [only] => Ok(only.root()),
        [_, second, ..] => Err(Problem::new(
            "FIT-INP001",
            "a second document follows the ResourceList; a function is given exactly one",
        )
        .at(Place::of(second.root(), None))
        .help("to fit a stream of documents use `fitout apply -f - -e ENVIRONMENT`")
        .into()),
    }
}

fn check_identity(root: Node<'_>) -> Result<(), Problem> {
    let problem = |message: String, node: Node<'_>| {
        Problem::new("FIT-INP002", message).at(Place::of(node, None)).help(
            "a function is given a ResourceList of config.kubernetes.io/v1; to fit plain manifests use `fitout apply -f - -e ENVIRONMENT`",
        )
    };
    if !root.is_map() {
        return Err(problem(
            format!("expected a ResourceList, found {}", root.describe()),
            root,
        ));
    }
    match root.get("kind") {
        Some(kind) if kind.str().as_deref() == Some(Envelope::KIND) => {}
        Some(kind) => {
            return Err(problem(
                format!("expected kind ResourceList, found {}", kind.raw()),
                kind,
            ));
        }
        None => {
            return Err(problem(
                "expected kind ResourceList, found no kind".to_owned(),
                root,
            ));
        }
    }
    match root.get("apiVersion") {
        Some(version)
            if version
                .str()
                .is_some_and(|text| Envelope::is(&text, Envelope::KIND)) =>
        {
            Ok(())
        }
        Some(version) => Err(problem(
            format!(
                "unknown version {} of ResourceList; expected {}",
                version.raw(),
                Envelope::API_VERSION
            ),
            version,
        )),
        None => Err(problem(
            "the ResourceList has no apiVersion".to_owned(),
            root,
        )),
    }
}

fn refuse_duplicates(root: Node<'_>) -> Result<(), Problem> {
    let Some((first, second)) = root.duplicate_key() else {
        return Ok(());
    };
    let message = format!(
        "`{}` is written twice in the ResourceList, first in line {}",
        second.raw(),
        first.position().line
    );
    Err(Problem::new("FIT-INP002", message).at(Place::of(second, None)))
}

fn read_items<'a>(items: Node<'a>) -> Result<Vec<Resource<'a>>, Problems> {
    let mut resources = Vec::with_capacity(items.len());
    let mut problems = Vec::new();
    for (index, item) in items.items().enumerate() {
        let read = Resource::read(item, 0, Origin::default(), &mut resources);
        problems.extend(
            read.err()
                .map(|problem| problem.subject(format!("items[{index}]"))),
        );
    }
    if problems.is_empty() {
        Ok(resources)
    } else {
        Err(Problems(problems))
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
    /// Reads an object, or each object of a `List`, and appends what it finds to `resources`.
    ///
    /// # Errors
    /// `FIT-INP003` when the node is not a mapping, or its metadata is not.
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

    /// The names that the object had before kustomize's prefixes, suffixes and hashes.
    pub fn previous_names(&self) -> Vec<String> {
        let names = self
            .annotation(annotations::PREVIOUS_NAMES)
            .unwrap_or_default();
        names
            .split(',')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// How a person calls the object: `Deployment shop/web`.
    pub fn display_name(&self) -> String {
        let kind = if self.kind.is_empty() {
            "object"
        } else {
            &self.kind
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

    /// A problem with a field of this object, with the place in its text.
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

    /// The place of a node of this object in the text that a person can open.
    pub fn place(&self, node: Node<'a>) -> Place {
        Place::of(
            node,
            self.origin
                .path
                .as_deref()
                .filter(|_| self.origin.has_lines),
        )
    }

    fn annotated_origin(&self) -> Origin {
        let either =
            |name: &str, legacy: &str| self.annotation(name).or_else(|| self.annotation(legacy));
        if self.annotation(annotations::KUSTOMIZE_ID).is_some() {
            // kustomize makes up paths from its second transformer on; the real one stands here.
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

/// Kinds whose files describe a package and are no part of what runs.
const PACKAGE_GROUPS: [&str; 3] = ["kustomize.config.k8s.io/", "kpt.dev/", "fitout.dev/"];

/// Whether a document is a Kubernetes object that may run in a cluster.
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

/// The problem that a field has another shape than it must have.
pub fn wrong_shape(node: Node<'_>, expected: &str, field: &str) -> Problem {
    let problem = Problem::new(
        "FIT-INP003",
        format!("expected {expected}, found {}", node.describe()),
    )
    .at(Place::of(node, None));
    if field.is_empty() {
        problem
    } else {
        problem.field(field)
    }
}
