//! Step 1: reads bytes into lossless documents, and detects the host.
//!
//! Both a [`ResourceList`] on standard input and files become [`Resource`]s: nodes in a text that does not change.

mod list;
mod names;
mod seal;

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use jsonptr::PointerBuf;
use kustomize_krm_types::annotations;

use crate::hashing::HashSet;
use crate::kubernetes::Quantity;
use crate::kubernetes::schema::{self, Mismatch};
use crate::problem::{Place, Problem, Problems, field_path};
use crate::secrets;
use crate::text::word;
use crate::yaml::{Document, Kind, Node, Scalar};

pub use list::{Host, ResourceList};

/// The file of an object, if the host provides it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The file, relative to the package or the working directory, with forward slashes.
    pub path: Option<Arc<str>>,
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
    pub fn template(&self) -> Option<Arc<str>> {
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
    previous: OnceLock<Box<HashSet<String>>>,
    affixes: OnceLock<[Vec<String>; 2]>,
    /// Whether it has fields that no version of Kubernetes has. False for a kind that is not in the table.
    pub has_unknown_fields: bool,
    is_typed: bool,
    /// Its file.
    pub origin: Origin,
    /// The index of its text.
    pub text: usize,
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
                self.is_typed = true;
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
        self.is_typed
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
            (schema::BYTES, Some(Scalar::Text(_))) if self.kind == "Secret" => Some(
                "encode it with `base64`; Secrets take plain text under `stringData`".to_owned(),
            ),
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
            path: path.map(Arc::from),
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
            path: path.as_deref().map(Arc::from),
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
        previous: OnceLock::new(),
        affixes: OnceLock::new(),
        has_unknown_fields: false,
        is_typed: false,
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
