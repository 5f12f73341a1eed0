//! Step 1: reads bytes into lossless documents, and detects the host.
//!
//! Both a [`ResourceList`] on standard input and files become [`Resource`]s: nodes in a text that does not change.

mod seal;

use std::borrow::Cow;

use jsonptr::PointerBuf;
use kustomize_krm_types::{ResourceList as Envelope, annotations};

use crate::kubernetes::Quantity;
use crate::kubernetes::schema::{self, Mismatch};
use crate::problem::{Place, Problem, Problems, field_path};
use crate::secrets;
use crate::text::word;
use crate::yaml::{Document, Kind, Node, Scalar, Stream};

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

/// The file of an object, if the host provides it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The file, relative to the package or the working directory, with forward slashes.
    pub path: Option<String>,
    /// The index of the document in that file, from 0.
    pub index: usize,
    /// What the lines of the text are.
    pub lines: OriginLines,
}

/// What the lines of a text are to the file of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OriginLines {
    /// Nothing: the host has written the text.
    #[default]
    None,
    /// The lines of the file: only on the command line.
    OfFile,
    /// What a template of Helm became, whose own lines are others.
    OfRendering,
}

/// What follows the path of a template where a line of its rendering is named.
pub(crate) const AS_RENDERED: &str = " as rendered";

impl Origin {
    /// The template that Helm made the object of.
    pub fn template(&self) -> Option<String> {
        let is_rendering = self.lines == OriginLines::OfRendering;
        self.path.clone().filter(|_| is_rendering)
    }

    /// The name of the text with the lines of the object, if they mean something to a reader.
    pub fn readable_path(&self) -> Option<Cow<'_, str>> {
        let path = self.path.as_deref()?;
        match self.lines {
            OriginLines::None => None,
            OriginLines::OfFile => Some(Cow::Borrowed(path)),
            OriginLines::OfRendering => Some(Cow::Owned([path, AS_RENDERED].concat())),
        }
    }
}

/// The annotation with the template of an object, which Helm adds for its post-renderers, and removes afterwards.
const TEMPLATE: &str = "postrenderer.helm.sh/postrender-filename";
/// The comment with the template of a document, in the output of `helm template`.
const SOURCE: &str = "# Source: ";

/// The template that Helm made a document of, if a sign of Helm tells it. Authors can write the signs too, so this is only for
/// messages.
pub fn template_of(document: Document<'_>) -> Option<String> {
    let root = document.root();
    let is_path = |path: &str| {
        let mut parts = path.split('/');
        !path.contains(':') && parts.all(|part| !["", ".", ".."].contains(&part))
    };
    // Other comments have this form too, with the address that the author has a manifest from.
    let is_in_chart = |path: &str| {
        let folders = path.split('/').rev().skip(1);
        is_path(path)
            && folders
                .into_iter()
                .any(|it| ["templates", "crds"].contains(&it))
    };
    let annotation = root.text_at(["metadata", "annotations", TEMPLATE]);
    if let Some(path) = annotation.filter(|path| is_path(path)) {
        return Some(path.into_owned());
    }
    let head = root
        .stream()
        .text()
        .get(document.span().start..root.span().start)?;
    let mut lines = head
        .lines()
        .filter(|line| !line.is_empty() && *line != "---");
    let path = lines.next()?.strip_prefix(SOURCE)?.trim_end();
    is_in_chart(path).then(|| path.to_owned())
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
    /// Its names from before kustomize renamed it, if the host knows more of them than the annotations.
    pub renamed_from: Vec<String>,
    /// Whether it has fields that no version of Kubernetes has. False for a kind that is not in the table.
    pub has_unknown_fields: bool,
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

impl<'a> Resource<'a> {
    /// Reads an object, or each object of a list, into `resources`.
    ///
    /// # Errors
    /// `FIT-INP003` if a value has another type than its field, `FIT-INP007` for an object without an apiVersion or a kind,
    /// and `FIT-INP008` for a list at the top of a document.
    pub fn read(
        node: Node<'a>,
        text: usize,
        origin: Origin,
        resources: &mut Vec<Resource<'a>>,
    ) -> Result<(), Problems> {
        let mut problems = Vec::new();
        read_object(node, None, (text, &origin), (resources, &mut problems));
        match problems.is_empty() {
            true => Ok(()),
            false => Err(Problems(problems)),
        }
    }

    /// Every value that has another type than its field, as the API server decodes it.
    fn check_types(&mut self, problems: &mut Vec<Problem>) {
        let mismatches = match schema::fields_of(&self.api_version, &self.kind) {
            Some(fields) => {
                let found = fields.types(self.node);
                self.has_unknown_fields = found.has_unknown_fields;
                found.mismatches
            }
            // Every object has the same metadata.
            None => {
                let metadata = self.node.get("metadata").into_iter();
                let fields = schema::object(schema::METADATA);
                metadata
                    .flat_map(|node| fields.mismatches_at("metadata", node))
                    .collect()
            }
        };
        problems.extend(mismatches.into_iter().map(|it| self.mismatch(it)));
    }

    /// Whether the types of its fields are known, and so checked when it is read.
    pub fn is_typed(&self) -> bool {
        schema::fields_of(&self.api_version, &self.kind).is_some()
    }

    /// The problem that a value has another type than its field.
    pub fn mismatch(&self, mismatch: Mismatch<'a>) -> Problem {
        let Mismatch {
            node,
            path,
            expected,
        } = mismatch;
        let (value, text) = (node.scalar(), node.text().unwrap_or_default());
        let help = match (expected, value) {
            (schema::STRING, Some(_)) if secrets::is_hidden(node) => Some("quote it".to_owned()),
            (schema::STRING, Some(_)) => Some(format!("quote it: \"{text}\"")),
            (schema::LIST, Some(_)) if secrets::is_hidden(node) => {
                Some("make it a list".to_owned())
            }
            (schema::LIST, Some(_)) => Some(format!("make it a list: [{}]", node.raw())),
            (schema::BYTES, _) if self.kind == "Secret" => {
                Some("encode it in base64, or write it into `stringData`".to_owned())
            }
            (schema::MAPPING | schema::BYTES, _) => None,
            (_, Some(Scalar::Text(_))) if node.kind() != Kind::Plain => {
                let is_other = text.parse::<f64>().is_ok() || matches!(&*text, "true" | "false");
                is_other.then(|| "write it without quotes".to_owned())
            }
            _ => None,
        };
        let found = secrets::described(node);
        let mut message = format!("expected {expected}, found {found}");
        let mut help = help;
        if expected == schema::QUANTITY
            && !secrets::is_hidden(node)
            && let Some(Err(error)) = node.is_scalar().then(|| Quantity::of_node(node))
        {
            message = error.to_string();
            help = error.suggestion().map(|it| format!("did you mean `{it}`?"));
        }
        let problem = self.problem("FIT-INP003", message, node, field_path(&path));
        Problem { help, ..problem }
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
        self.annotations?.text_at([name])
    }

    /// One label of the object.
    pub fn label(&self, name: &str) -> Option<Cow<'a, str>> {
        let label = self.labels?.get(name)?;
        // To Kubernetes, null is the empty string.
        match label.is_null() {
            true => Some(Cow::Borrowed("")),
            false => label.text(),
        }
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
        let mut names = self.annotation_list(annotations::PREVIOUS_NAMES);
        names.extend(self.renamed_from.iter().cloned());
        names
    }

    /// The items of an annotation with a comma-separated list.
    pub fn annotation_list(&self, name: &str) -> Vec<String> {
        let text = self.annotation(name).unwrap_or_default();
        let items = text.split(',').filter(|item| !item.is_empty());
        items.map(str::to_owned).collect()
    }

    /// `metadata.generateName`, from which the API server makes a name.
    pub fn generated_name(&self) -> Cow<'a, str> {
        let prefix = self.node.text_at(["metadata", "generateName"]);
        prefix.unwrap_or_default()
    }

    /// The object's name in messages: `Deployment shop/web`.
    pub fn display_name(&self) -> String {
        let kind = match self.kind.as_ref() {
            "" => "object",
            kind => kind,
        };
        let name = match self.name.as_ref() {
            "" => self.generated_name(),
            name => Cow::Borrowed(name),
        };
        let (kind, name) = (word(kind), word(&name));
        match &self.namespace {
            Some(namespace) => format!("{kind} {}/{name}", word(namespace)),
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
        Place::of(node, self.origin.readable_path().as_deref())
    }

    /// The file in a build of kustomize. From its second transformer on, kustomize sets artificial path annotations; this one
    /// is right.
    fn origin_in_build(&self) -> Origin {
        let origin = self.annotation(annotations::ORIGIN).unwrap_or_default();
        let mut lines = origin.lines();
        let path = lines.find_map(|line| line.strip_prefix("path: "));
        Origin {
            path: path.map(str::to_owned),
            index: 0,
            lines: OriginLines::None,
        }
    }

    fn annotated_origin(&self) -> Origin {
        let either =
            |name: &str, legacy: &str| self.annotation(name).or_else(|| self.annotation(legacy));
        let path = either(annotations::PATH, annotations::LEGACY_PATH);
        let index = either(annotations::INDEX, annotations::LEGACY_INDEX);
        Origin {
            path: path.map(Cow::into_owned),
            index: index.and_then(|index| index.parse().ok()).unwrap_or(0),
            lines: OriginLines::None,
        }
    }
}

/// The API version and kind of a list, for its items.
type OfList<'l> = (&'l str, &'l str);

/// Reads an object, or the items of a list: like `UnstructuredJSONScheme` of k8s.io/apimachinery, which kubectl uses, an
/// object with `items` is a list, and items without an apiVersion and a kind have those of the list.
fn read_object<'a>(
    node: Node<'a>,
    of_list: Option<OfList<'_>>,
    (text, origin): (usize, &Origin),
    (resources, problems): (&mut Vec<Resource<'a>>, &mut Vec<Problem>),
) {
    let file = origin.readable_path();
    let file = file.as_deref();
    let wrong = |problem: Problem, node| problem.at(Place::of(node, file));
    if !node.is_map() {
        let problem = match node.is_sequence() && of_list.is_none() && file.is_some() {
            true => Problem::new(
                "FIT-INP008",
                "a list of objects at the top of a document, which kubectl does not read",
            )
            .help("use an object of apiVersion v1 and kind List with `items`, or a document for each object"),
            false => wrong_shape(node, "an object", ""),
        };
        problems.push(wrong(problem, node));
        return;
    }
    let (mut api_version, mut kind) = (text_of(node, "apiVersion"), text_of(node, "kind"));
    let is_list = kind.ends_with("List");
    // kubectl reads only the items, and Argo CD only the rest.
    let beside_items = |problems: &mut Vec<Problem>| {
        let list = ["apiVersion", "kind", "metadata", "items", "sops"];
        let mut others = node.entries().map(|(key, value)| (key, key.text(), value));
        let other = others.find(|(_, name, value)| {
            !name.as_deref().is_some_and(|name| list.contains(&name)) && value.len() > 0
        });
        if let Some((key, Some(name), _)) = other {
            let message = format!(
                "`{name}` in an object with `items`: kubectl reads only the items, other programs only the rest"
            );
            problems.push(wrong(Problem::new("FIT-INP008", message), key));
        }
    };
    if is_list && node.get("items").is_some_and(Node::is_null) {
        beside_items(problems);
        return;
    }
    if let Some(items) = node.at(["items"]) {
        let are_objects = items.len() > 0 && items.items().all(Node::is_map);
        if items.is_sequence() && (is_list || are_objects) {
            beside_items(problems);
            let of_items = kind.strip_suffix("List").unwrap_or(&kind);
            for item in items.items() {
                let list = Some((api_version.as_ref(), of_items));
                read_object(item, list, (text, origin), (resources, problems));
            }
            return;
        } else if is_list {
            problems.push(wrong(wrong_shape(items, "a list", "items"), items));
            return;
        }
    }
    if let Some((version, of_items)) = of_list
        && api_version.is_empty()
        && kind.is_empty()
    {
        api_version = Cow::Owned(version.to_owned());
        kind = Cow::Owned(of_items.to_owned());
    }
    let metadata = node.get("metadata");
    let mut resource = Resource {
        node,
        api_version,
        kind,
        name: metadata.map_or(Cow::Borrowed(""), |metadata| text_of(metadata, "name")),
        namespace: metadata.and_then(|metadata| metadata.get("namespace")?.str()),
        annotations: metadata.and_then(|metadata| metadata.get("annotations")),
        labels: metadata.and_then(|metadata| metadata.get("labels")),
        renamed_from: Vec::new(),
        has_unknown_fields: false,
        origin: origin.clone(),
        text,
    };
    for (field, value) in [
        ("apiVersion", &resource.api_version),
        ("kind", &resource.kind),
    ] {
        match node.at([field]) {
            Some(node) if node.str().is_none() => {
                let mismatch = Mismatch {
                    node,
                    path: PointerBuf::from_tokens([field]),
                    expected: schema::STRING,
                };
                problems.push(resource.mismatch(mismatch));
            }
            _ if value.is_empty() => {
                let message = format!("an object without {field}, which kubectl does not read");
                let problem = wrong(Problem::new("FIT-INP007", message), node);
                problems.push(match resource.name.is_empty() {
                    true => problem,
                    false => problem.subject(resource.display_name()),
                });
            }
            _ => {}
        }
    }
    resource.check_types(problems);
    if resource.origin.lines == OriginLines::None {
        resource.origin = resource.annotated_origin();
    }
    resources.push(resource);
}

/// Groups of package files, which are not applied to a cluster.
const PACKAGE_GROUPS: [&str; 3] = ["kustomize.config.k8s.io/", "kpt.dev/", "fitout.dev/"];

/// Whether a document is a Kubernetes object for a cluster, or has the metadata of one.
pub fn is_object(root: Node<'_>) -> bool {
    if root.is_sequence() {
        return root.items().any(is_object);
    }
    let has = |key: &str| root.at([key]).is_some();
    let version = root.text_at(["apiVersion"]).unwrap_or_default();
    let is_of_package = PACKAGE_GROUPS
        .iter()
        .any(|group| version.starts_with(group));
    // Files of other tools have one of the two, but not what an object is about.
    let has_metadata = (has("kind") || has("apiVersion")) && has("metadata");
    !is_of_package && (has("kind") && has("apiVersion") || has_metadata)
}

fn text_of<'a>(node: Node<'a>, key: &str) -> Cow<'a, str> {
    node.text_at([key]).unwrap_or_default()
}

/// The problem that a field has the wrong type.
pub fn wrong_shape(node: Node<'_>, expected: &str, field: &str) -> Problem {
    let problem = Problem::new(
        "FIT-INP003",
        format!("expected {expected}, found {}", secrets::described(node)),
    )
    .at(Place::of(node, None));
    match field {
        "" => problem,
        field => problem.field(field),
    }
}
