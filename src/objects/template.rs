//! Pod templates and their containers, by the layout of their kind.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use jsonptr::{Pointer, PointerBuf};

use super::container::{ByNode, Container, ContainerType, type_of};
use super::layout::{Groups, Layout};
use super::places::{self, Form, OnChange, PodSpecs};
use super::subject::{Part, Subject};
use super::token_use::Evidence;
use super::walk::{below, map_at, places_below, places_in, typed};
use crate::hashing::HashSet;
use crate::kubernetes::schema;
use crate::problem::Problem;
use crate::read::Resource;
use crate::yaml::Node;

/// A pod template, or a Pod, which has the same fields.
#[derive(Debug)]
pub struct Template<'a> {
    /// Path of the template in the object; the root for a Pod.
    pub path: PointerBuf,
    /// The template's mapping.
    pub node: Node<'a>,
    /// Whether it has metadata for its pods; a bare pod spec does not.
    pub has_metadata: bool,
    /// The pods; fields are relative to their spec, or to the mapping that has some of its fields.
    pub pod: Arc<Subject>,
    /// The metadata of the pods.
    pub pod_metadata: Arc<Subject>,
    /// The mapping at that path.
    pub spec: Node<'a>,
    /// Every container, in the order of the layout's lists.
    pub containers: Vec<Container<'a>>,
    by_node: ByNode,
    /// Containers that an operator creates; the object only has their amounts.
    pub made: Vec<Container<'a>>,
    /// Whether an operator adds containers that the object does not have.
    pub has_more_containers: bool,
    /// The object inside of another one that the pods belong to, such as an item of an OpenShift Template.
    pub embedded: Option<Node<'a>>,
    fields: &'static [&'static str],
    has_context: bool,
    /// Whether the pods are for Windows nodes, where most security fields are forbidden.
    pub is_windows: bool,
    /// What they show about the use of their token; searched once.
    pub(super) token_use: OnceLock<Option<Evidence>>,
}

impl<'a> Template<'a> {
    /// The templates of an object, and the whole ones among them that have no containers.
    pub(super) fn all(
        resource: &'a Resource<'a>,
        declared: &[PodSpecs],
    ) -> Result<(Vec<Template<'a>>, Vec<Template<'a>>), Problem> {
        let known = places::known_places(resource);
        let known = known.map(|place| (place.path, place.layout, place.on_change, ""));
        let declared = declared.iter().filter(|declared| declared.is_for(resource));
        // For declared kinds the effect of a change is unknown; new pods get it at least.
        let declared = declared.map(|it| {
            let (path, layout, list) = it.layout();
            (path, layout, OnChange::NextRun, list)
        });
        let mut places = known.chain(declared).peekable();
        if places.peek().is_none() {
            return Ok((Vec::new(), Vec::new()));
        }
        let mut templates: Vec<Template<'a>> = Vec::new();
        let mut empty: Vec<Template<'a>> = Vec::new();
        let mut known_pods: HashSet<PointerBuf> = HashSet::default();
        while let Some((path, layout, on_change, list)) = places.next() {
            for (path, node) in places_in(resource, path)? {
                let Some(mut it) = Template::of(resource, path, node, layout, list, on_change)?
                else {
                    continue;
                };
                // A config may declare a place that fitout knows, or the pod spec of a known template.
                let is_known = match layout.fields.is_empty() {
                    false => known_pods.contains(&it.pod.path),
                    true => {
                        let has = |path: &PointerBuf| {
                            let mut known = templates.iter().flat_map(|known| &known.containers);
                            known.any(|known| known.subject.path == *path)
                        };
                        it.containers
                            .retain(|container| !has(&container.subject.path));
                        it.containers.is_empty() && it.made.is_empty()
                    }
                };
                let has_any =
                    it.has_more_containers || !(it.containers.is_empty() && it.made.is_empty());
                if is_known || !has_any && !it.is_whole() {
                    continue;
                }
                if places.peek().is_some() {
                    known_pods.insert(it.pod.path.clone());
                }
                match has_any {
                    true => templates.push(it),
                    false => empty.push(it),
                }
            }
        }
        // There are many, and the least that a list has room for is four.
        templates.shrink_to_fit();
        let all = templates.iter_mut();
        all.for_each(|it| it.containers.shrink_to_fit());
        Ok((templates, empty))
    }

    /// The template at a place; `list` is a list of containers in addition to those of the layout.
    fn of(
        resource: &'a Resource<'a>,
        path: PointerBuf,
        node: Node<'a>,
        layout: &'static Layout,
        list: &str,
        on_change: OnChange,
    ) -> Result<Option<Template<'a>>, Problem> {
        let (spec, spec_path) = match layout.form {
            Form::Template => (
                map_at(resource, node, &|| path.clone(), "spec")?,
                below(&path, ["spec"]),
            ),
            Form::PodSpec | Form::Containers => (Some(node), path.clone()),
        };
        let Some(spec) = spec else {
            return Ok(None);
        };
        let mut template = Template::new(layout, (path, node), (spec_path, spec), on_change);
        if !resource.is_typed() {
            let (at, fields) = match template.is_whole() && template.has_metadata {
                true => (&template.path, schema::object(schema::POD_TEMPLATE)),
                false => (&template.pod.path, schema::object(schema::POD_SPEC)),
            };
            let node = if template.has_metadata { node } else { spec };
            let is_whole = template.is_whole();
            let is_read = |field: &str| is_whole || layout.fields.contains(&field);
            typed(resource, at, fields, node, is_read)?;
        }
        let own_context = |group: Node<'_>| group.at(["securityContext"]).is_some();
        let (is_pod, groups) = match layout.groups {
            Groups::Pod => (true, Vec::new()),
            Groups::WithContext => (own_context(spec), Vec::new()),
            Groups::Templates => {
                // The context in templateDefaults is in every template, and so overrides the workflow's.
                let defaults = spec.at(["templateDefaults"]);
                template.has_context &= !defaults.is_some_and(own_context);
                let mut groups = places_below(resource, (&template.pod.path, spec), "templates[]")?;
                groups.retain(|(_, group)| !own_context(*group));
                (false, groups)
            }
        };
        let pod = Arc::clone(&template.pod);
        let pod = is_pod.then_some((pod.path.as_ptr(), spec));
        let groups = groups.iter().map(|(at, group)| (at.as_ptr(), *group));
        let declared = Some(list).filter(|list| !list.is_empty());
        for group in pod.into_iter().chain(groups) {
            for list in layout.containers.iter().copied().chain(declared) {
                template.collect(resource, layout, group, list)?;
            }
        }
        // The first line marks Windows scripts in Tekton (`placeScriptInContainer` in `pkg/pod/script.go`).
        let is_script_for_windows = |container: &Container<'_>| {
            let script = container.node.text_at(["script"]);
            script.is_some_and(|script| script.trim_start().starts_with("#!win"))
        };
        template.is_windows |=
            layout.reference.is_some() && template.containers.iter().any(is_script_for_windows);
        for (path, name) in layout.made {
            for (path, node) in places_below(resource, (&template.pod.path, spec), path)? {
                if layout.keeps_amounts && node.at(["resources"]).is_none() {
                    continue;
                }
                let container = template.container(
                    ContainerType::Container,
                    Cow::Borrowed(name),
                    (path, node),
                    layout,
                    None,
                );
                template.made.push(container);
            }
        }
        Ok(Some(template))
    }

    /// A template without its containers.
    fn new(
        layout: &Layout,
        (path, node): (PointerBuf, Node<'a>),
        (spec_path, spec): (PointerBuf, Node<'a>),
        on_change: OnChange,
    ) -> Template<'a> {
        let pod_metadata = (below(&path, ["metadata"]), node.get("metadata"));
        Template {
            path,
            node,
            has_metadata: layout.form == Form::Template,
            pod: Subject::new(Part::Pod, (spec_path, Some(spec)), on_change),
            pod_metadata: Subject::new(Part::Pod, pod_metadata, on_change),
            spec,
            containers: Vec::new(),
            by_node: ByNode::default(),
            made: Vec::new(),
            has_more_containers: layout.has_more_containers,
            embedded: None,
            fields: layout.fields,
            has_context: !layout.keeps_context || spec.at(["securityContext"]).is_some(),
            is_windows: is_for_windows(spec),
            token_use: OnceLock::new(),
        }
    }

    /// Pods in a kind that fitout does not know, at a path: a pod spec, or for the form `Template` the mapping around `spec`.
    pub(super) fn found(
        layout: &Layout,
        path: PointerBuf,
        node: Node<'a>,
        spec: Option<Node<'a>>,
    ) -> Template<'a> {
        let spec = match spec {
            Some(spec) => (below(&path, ["spec"]), spec),
            None => (path.clone(), node),
        };
        Template::new(layout, (path, node), spec, OnChange::NextRun)
    }

    /// Adds the containers in a list of such pods; what is not a mapping is left out.
    pub(super) fn add_found(&mut self, key: &str, list: Node<'a>, layout: &Layout) {
        for (index, node) in list.items().enumerate().filter(|(_, it)| it.is_map()) {
            let index = index.to_string();
            let at = (below(&self.pod.path, [key, &index]), node);
            let name = node.text_at(["name"]).unwrap_or_default();
            let container = self.container(type_of(key, node), name, at, layout, None);
            self.containers.push(container);
        }
    }

    /// Adds the mapping of such pods as their only container.
    pub(super) fn add_itself(&mut self, layout: &Layout) {
        let name = self.pod.path.back().map(|key| key.decoded().into_owned());
        let name = Cow::Owned(name.unwrap_or_default());
        let at = (self.pod.path.clone(), self.spec);
        let container = self.container(ContainerType::Container, name, at, layout, None);
        self.containers.push(container);
    }

    /// A label of the pods.
    pub fn label(&self, name: &str) -> Option<Cow<'a, str>> {
        self.labels()?.get(name)?.text()
    }

    /// The labels of the pods.
    pub fn labels(&self) -> Option<Node<'a>> {
        self.metadata()?.get("labels")
    }

    /// An annotation of the pods.
    pub fn annotation(&self, name: &str) -> Option<Node<'a>> {
        self.annotations()?.get(name)
    }

    /// The annotations of the pods.
    pub fn annotations(&self) -> Option<Node<'a>> {
        self.metadata()?.get("annotations")
    }

    /// The metadata of the pods.
    pub(super) fn metadata(&self) -> Option<Node<'a>> {
        let metadata = self.node.get("metadata");
        metadata.filter(|_| self.has_metadata)
    }

    /// The entries of the pod's `volumes`.
    pub fn volumes(&self) -> impl Iterator<Item = Node<'a>> {
        self.spec.items_at(["volumes"])
    }

    /// Adds the containers at a path below a group: a list, or a single container.
    fn collect(
        &mut self,
        resource: &'a Resource<'a>,
        layout: &Layout,
        (group, node): (&Pointer, Node<'a>),
        place: &str,
    ) -> Result<(), Problem> {
        let list = place.rsplit('/').next().unwrap_or_default();
        let inherits = layout.inherits.filter(|(of, _)| *of == place);
        let inherits = inherits.and_then(|(_, key)| Some((key, node.get(key)?)));
        let inherits = inherits.filter(|(_, node)| node.is_map());
        let inherits = inherits.map(|(key, node)| (below(group, [key]), node));
        let inherits = inherits.or_else(|| self.workflow_default(resource, layout, place));
        for (path, container) in places_below(resource, (group, node), place)? {
            let is_elsewhere = |key: &str| container.at([key]).is_some();
            if layout.reference.is_some_and(is_elsewhere) {
                continue;
            }
            let container_type = type_of(list.strip_suffix("[]").unwrap_or(list), container);
            let name_in = |node: Node<'a>| node.text_at(["name"]);
            // A single container needs no name: Argo uses that of the template, Tekton that of the object.
            let single_name = || match list {
                "spec" => Some(resource.name.clone()),
                _ => name_in(node).or_else(|| {
                    let key = path.back()?;
                    Some(Cow::Owned(key.decoded().into_owned()))
                }),
            };
            let name = name_in(container);
            let name = name.or_else(|| (!list.ends_with("[]")).then(single_name).flatten());
            if !self.is_whole() && !resource.is_typed() {
                typed(
                    resource,
                    &path,
                    schema::object(schema::CONTAINER),
                    container,
                    |_| true,
                )?;
                if let Some((path, defaults)) = &inherits {
                    typed(
                        resource,
                        path,
                        schema::object(schema::CONTAINER),
                        *defaults,
                        |_| true,
                    )?;
                }
            }
            let name = name.unwrap_or_default();
            let at = (path, container);
            let container = self.container(container_type, name, at, layout, inherits.clone());
            self.containers.push(container);
        }
        Ok(())
    }

    /// A container of this template; `inherits` is a mapping with its defaults.
    fn container(
        &self,
        container_type: ContainerType,
        name: Cow<'a, str>,
        (path, node): (PointerBuf, Node<'a>),
        layout: &Layout,
        inherits: Option<(PointerBuf, Node<'a>)>,
    ) -> Container<'a> {
        let (inherited, inherits) = inherits.unzip();
        let part = Part::Container {
            name: Arc::from(&*name),
            container_type,
        };
        Container {
            container_type,
            name,
            subject: Arc::new(Subject {
                part,
                path,
                node: Some(node.id()),
                on_change: self.pod.on_change,
                inherits: inherited.map(Box::new),
            }),
            node,
            resources_key: layout.resources_key,
            inherits,
            entry: OnceLock::new(),
        }
    }

    /// The container in a workflow's `templateDefaults`, which Argo merges into that of each template
    /// (`mergedTemplateDefaultsInto` in `workflow/controller/operator.go`).
    fn workflow_default(
        &self,
        resource: &'a Resource<'a>,
        layout: &Layout,
        place: &str,
    ) -> Option<(PointerBuf, Node<'a>)> {
        let workflow = match layout.groups {
            Groups::Pod => return None,
            Groups::Templates => self.pod.path.as_ptr(),
            Groups::WithContext => self.pod.path.parent()?.parent()?,
        };
        let path = below(workflow, ["templateDefaults", place]);
        let node = resource.node.pointer(&path)?;
        node.is_map().then_some((path, node))
    }

    /// Whether a field of the pod spec may be written.
    pub fn has_field(&self, name: &str) -> bool {
        self.fields.contains(&name) && (self.has_context || name != "securityContext")
    }

    /// The pod's security context, if it may be written.
    pub fn security_context(&self) -> Option<Node<'a>> {
        let context = self.spec.at(["securityContext"]);
        context.filter(|_| self.has_field("securityContext"))
    }

    /// The workspaces that Tekton mounts in every step of a task. No other volume can use their mount paths.
    pub fn workspaces(&self) -> impl Iterator<Item = Node<'a>> {
        let spec = (!self.is_whole()).then_some(self.spec).into_iter();
        spec.flat_map(|spec| spec.items_at(["workspaces"]))
    }

    /// The container of a node.
    pub fn container_of(&self, node: Node<'_>) -> Option<&Container<'a>> {
        let node_of = |it: &Container<'_>| Some(it.node.id());
        self.by_node.find(&self.containers, node.id(), node_of)
    }

    /// Whether the pod spec is complete. Only then can there be pod-level amounts and a QoS class.
    pub fn is_whole(&self) -> bool {
        self.fields.contains(&"resources")
    }

    /// Whether this is a Pod, not a template.
    pub fn is_pod(&self) -> bool {
        self.path.is_root() && self.has_metadata
    }
}

/// The labels of nodes with their operating system.
const OS_LABELS: [&str; 2] = ["kubernetes.io/os", "beta.kubernetes.io/os"];

/// The label of Windows nodes with their build.
const WINDOWS_BUILD: &str = "node.kubernetes.io/windows-build";

/// Whether pods run on Windows nodes only. The API server decides by `os.name`, the scheduler by the node selector and the
/// required node affinity, of which one term is enough.
fn is_for_windows(spec: Node<'_>) -> bool {
    if let Some(os) = spec.text_at(["os", "name"]) {
        return os == "windows";
    }
    let selector = spec.at(["nodeSelector"]);
    let of_node = |label| selector?.text_at([label]);
    if let Some(os) = OS_LABELS.into_iter().find_map(of_node) {
        return os == "windows";
    }
    let mut terms = spec
        .items_at([
            "affinity",
            "nodeAffinity",
            "requiredDuringSchedulingIgnoredDuringExecution",
            "nodeSelectorTerms",
        ])
        .peekable();
    let needs_windows = |term: Node<'_>| term.items_at(["matchExpressions"]).any(is_only_windows);
    of_node(WINDOWS_BUILD).is_some() || terms.peek().is_some() && terms.all(needs_windows)
}

/// Whether only Windows nodes meet a requirement on their labels. Every node has a label with its operating system, which is
/// Windows or Linux.
fn is_only_windows(requirement: Node<'_>) -> bool {
    let text = |key| requirement.text_at([key]).unwrap_or_default();
    let mut values = requirement.items_at(["values"]).peekable();
    match (text("key").as_ref(), text("operator").as_ref()) {
        (WINDOWS_BUILD, "In" | "Exists") => true,
        (key, "In") if OS_LABELS.contains(&key) => {
            values.peek().is_some() && values.all(|it| it.text().as_deref() == Some("windows"))
        }
        (key, "NotIn") if OS_LABELS.contains(&key) => {
            values.any(|it| it.text().as_deref() == Some("linux"))
        }
        _ => false,
    }
}
