//! Pod templates and their containers, found by the layout of their kind.

use std::borrow::Cow;
use std::sync::Arc;

use jsonptr::{Pointer, PointerBuf};

use super::layout::{Groups, Layout};
use super::places::{self, Form, OnChange, PodSpecs};
use super::subject::{Part, Subject};
use super::walk::{below, expected, map_at, places_below, places_in};
use crate::problem::Problem;
use crate::read::Resource;
use crate::yaml::Node;

/// What a text must be that a template of another tool has left as a mapping.
const UNRENDERED: &str = "a string (is this a template that has not been rendered?)";

/// A pod template, or a Pod, which has the same shape.
#[derive(Debug)]
pub struct Template<'a> {
    /// Path of the template in the object; the root for a Pod.
    pub path: PointerBuf,
    /// The template's mapping.
    pub node: Node<'a>,
    /// Whether its pods get the template's metadata; a bare pod spec has none.
    pub has_metadata: bool,
    /// The pods, from whose spec (or what has some of its fields) fields are addressed.
    pub pod: Arc<Subject>,
    /// The metadata of the pods.
    pub pod_metadata: Arc<Subject>,
    /// The mapping at that path.
    pub spec: Node<'a>,
    /// Every container, in the order of the lists below.
    pub containers: Vec<Container<'a>>,
    /// Containers that an operator makes, of which the object has the amounts and nothing else.
    pub made: Vec<Container<'a>>,
    /// An operator adds containers that the object does not name.
    pub has_more_containers: bool,
    fields: &'static [&'static str],
    has_context: bool,
    /// Whether these are pods for Windows nodes, for which most security fields are forbidden.
    pub is_windows: bool,
}

/// What kind of container it is; resources, probes and mounts differ by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
pub enum ContainerType {
    /// An ordinary container.
    Container,
    /// An init container that must end before the next one starts.
    Init,
    /// An init container with `restartPolicy: Always`.
    Sidecar,
    /// A debug container; only a Pod has them.
    Ephemeral,
}

impl ContainerType {
    /// The name used in config and reports.
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
    /// Its name; empty when the author left it out.
    pub name: Cow<'a, str>,
    /// The container as what fields are addressed from.
    pub subject: Arc<Subject>,
    /// The container's mapping.
    pub node: Node<'a>,
    /// The key of its amounts; empty where it has none.
    pub resources_key: &'static str,
    /// What counts where the container itself says nothing, as Tekton's `stepTemplate` does.
    pub inherits: Option<Node<'a>>,
}

impl<'a> Template<'a> {
    pub(super) fn all(
        resource: &'a Resource<'a>,
        declared: &[PodSpecs],
    ) -> Result<Vec<Template<'a>>, Problem> {
        let known = places::known_places(resource);
        let known = known.map(|place| (place.path, place.layout, place.on_change, ""));
        let declared = declared.iter().filter(|declared| declared.is_for(resource));
        // What a controller that nobody here knows does with a change is its own affair.
        let declared = declared.map(|it| {
            let (path, layout, list) = it.layout();
            (path, layout, OnChange::NextRun, list)
        });
        let mut places = known.chain(declared).peekable();
        if places.peek().is_none() {
            return Ok(Vec::new());
        }
        let name = resource.node.at(["metadata", "name"]);
        if let Some(name) = name.filter(|name| !name.is_scalar()) {
            // `name: {{ .Values.name }}` is a mapping to YAML.
            let path = Pointer::from_static("/metadata/name");
            return Err(expected(resource, name, UNRENDERED, path));
        }
        let mut templates: Vec<Template<'a>> = Vec::new();
        for (path, layout, on_change, list) in places {
            for (path, node) in places_in(resource, path)? {
                let Some(mut it) = Template::of(resource, path, node, layout, list, on_change)?
                else {
                    continue;
                };
                // A config may declare what is known already, and as the pod spec inside of a template.
                let mut known = templates.iter();
                let is_known = match layout.fields.is_empty() {
                    false => known.any(|known| known.pod.path == it.pod.path),
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
                if !is_known {
                    templates.push(it);
                }
            }
        }
        Ok(templates)
    }

    /// The template at a place; `list` is a list of containers beside those of the layout.
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
                map_at(resource, node, &path, "spec")?,
                below(&path, ["spec"]),
            ),
            Form::PodSpec | Form::Containers => (Some(node), path.clone()),
        };
        let Some(spec) = spec else {
            return Ok(None);
        };
        let pod_metadata = below(&path, ["metadata"]);
        let mut template = Template {
            path,
            node,
            has_metadata: layout.form == Form::Template,
            pod: Subject::new(Part::Pod, spec_path, on_change),
            pod_metadata: Subject::new(Part::Pod, pod_metadata, on_change),
            spec,
            containers: Vec::new(),
            made: Vec::new(),
            has_more_containers: layout.has_more_containers,
            fields: layout.fields,
            has_context: !layout.keeps_context || spec.at(["securityContext"]).is_some(),
            is_windows: is_for_windows(spec),
        };
        let own_context = |group: Node<'_>| group.at(["securityContext"]).is_some();
        let groups = match layout.groups {
            Groups::Pod => vec![(template.pod.path.clone(), spec)],
            Groups::WithContext if own_context(spec) => vec![(template.pod.path.clone(), spec)],
            Groups::WithContext => Vec::new(),
            Groups::Templates => {
                // A context of the defaults is one of each template, so that the workflow's counts for none.
                let defaults = spec.at(["templateDefaults"]);
                template.has_context &= !defaults.is_some_and(own_context);
                let at = template.pod.path.clone();
                let mut groups = places_below(resource, at, spec, "templates[]")?;
                groups.retain(|(_, group)| !own_context(*group));
                groups
            }
        };
        let declared = Some(list).filter(|list| !list.is_empty());
        for (at, group) in &groups {
            for list in layout.containers.iter().copied().chain(declared) {
                template.collect(resource, layout, (at, *group), list)?;
            }
        }
        // Tekton knows by their first line which scripts are for Windows (`placeScriptInContainer` in `pkg/pod/script.go`).
        let is_script_for_windows = |container: &Container<'_>| {
            let script = container.node.text_at(["script"]);
            script.is_some_and(|script| script.trim_start().starts_with("#!win"))
        };
        template.is_windows |=
            layout.reference.is_some() && template.containers.iter().any(is_script_for_windows);
        for (path, name) in layout.made {
            for (path, node) in places_below(resource, template.pod.path.clone(), spec, path)? {
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
        // Without a container there is nothing that could run, and nothing to fit.
        let is_empty = template.containers.is_empty() && template.made.is_empty();
        Ok((!is_empty || template.has_more_containers).then_some(template))
    }

    /// A label of the pods that the template makes.
    pub fn label(&self, name: &str) -> Option<Cow<'a, str>> {
        self.metadata()?.get("labels")?.get(name)?.text()
    }

    /// An annotation of the pods that the template makes.
    pub fn annotation(&self, name: &str) -> Option<Node<'a>> {
        self.annotations()?.get(name)
    }

    /// The annotations of the pods that the template makes.
    pub fn annotations(&self) -> Option<Node<'a>> {
        self.metadata()?.get("annotations")
    }

    fn metadata(&self) -> Option<Node<'a>> {
        self.has_metadata
            .then(|| self.node.get("metadata"))
            .flatten()
    }

    /// The entries of the pod's `volumes`.
    pub fn volumes(&self) -> impl Iterator<Item = Node<'a>> {
        self.spec.items_at(["volumes"])
    }

    /// The containers at a list, or at the only one of its kind, below a part of the template.
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
        for (path, container) in places_below(resource, group.to_buf(), node, place)? {
            let is_elsewhere = |key: &str| container.at([key]).is_some();
            if layout.reference.is_some_and(is_elsewhere) {
                continue;
            }
            let container_type = match list {
                "initContainers[]" if is_sidecar(container) => ContainerType::Sidecar,
                "initContainers[]" => ContainerType::Init,
                "ephemeralContainers[]" => ContainerType::Ephemeral,
                _ => ContainerType::Container,
            };
            let name_in = |node: Node<'a>| node.text_at(["name"]);
            // The only one of its kind needs no name: Argo's goes by that of its template, Tekton's by its object's.
            let of_only = || match list {
                "spec" => Some(resource.name.clone()),
                _ => name_in(node).or_else(|| {
                    let key = path.back()?;
                    Some(Cow::Owned(key.decoded().into_owned()))
                }),
            };
            let name = name_in(container);
            let name = name.or_else(|| (!list.ends_with("[]")).then(of_only).flatten());
            if let Some(image) = container.get("image").filter(|image| !image.is_scalar()) {
                // `image: {{ .Values.image }}` is a mapping to YAML.
                let path = below(&path, ["image"]);
                return Err(expected(resource, image, UNRENDERED, &path));
            }
            let name = name.unwrap_or_default();
            let at = (path, container);
            let container = self.container(container_type, name, at, layout, inherits.clone());
            self.containers.push(container);
        }
        Ok(())
    }

    /// A container of this template; `inherits` has what counts where it says nothing itself.
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
            name: name.to_string(),
            container_type,
        };
        Container {
            container_type,
            name,
            subject: Arc::new(Subject {
                part,
                path,
                on_change: self.pod.on_change,
                inherits: inherited,
            }),
            node,
            resources_key: layout.resources_key,
            inherits,
        }
    }

    /// What a workflow's `templateDefaults` have for a container of each template, with which Argo completes it
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

    /// Whether these pods may have a field of a pod spec written.
    pub fn has_field(&self, name: &str) -> bool {
        self.fields.contains(&name) && (self.has_context || name != "securityContext")
    }

    /// The pod's security context, where it may have one.
    pub fn security_context(&self) -> Option<Node<'a>> {
        let context = self.spec.at(["securityContext"]);
        context.filter(|_| self.has_field("securityContext"))
    }

    /// What Tekton mounts in every step of a task, which may not be mounted there a second time.
    pub fn workspaces(&self) -> impl Iterator<Item = Node<'a>> {
        let is_task = !self.is_whole();
        let spec = is_task.then_some(self.spec);
        spec.into_iter()
            .flat_map(|spec| spec.items_at(["workspaces"]))
    }

    /// Whether there is a whole pod spec, which alone may have amounts for the pod and a QoS class.
    pub fn is_whole(&self) -> bool {
        self.fields.contains(&"resources")
    }

    /// Whether this is a Pod, and not what pods are made of.
    pub fn is_pod(&self) -> bool {
        self.path.is_root() && self.has_metadata
    }
}

/// Whether an init container runs on beside the ordinary ones.
pub(super) fn is_sidecar(init_container: Node<'_>) -> bool {
    init_container.text_at(["restartPolicy"]).as_deref() == Some("Always")
}

fn is_for_windows(spec: Node<'_>) -> bool {
    let os = spec.text_at(["os", "name"]);
    let of_node = |label| spec.text_at(["nodeSelector", label]);
    let node = of_node("kubernetes.io/os").or_else(|| of_node("beta.kubernetes.io/os"));
    os.as_deref().or(node.as_deref()) == Some("windows")
}

impl<'a> Container<'a> {
    /// The items of a list of the container's, and of the one that it inherits.
    pub fn items(&self, key: &str) -> impl Iterator<Item = Node<'a>> {
        let inherited = self.inherits.and_then(|of| of.get(key));
        let lists = self.node.get(key).into_iter().chain(inherited);
        lists.flat_map(Node::items)
    }

    /// The first that `read` finds: in the container, or else in what it inherits.
    pub fn first<T>(&self, read: impl Fn(Node<'a>) -> Option<T>) -> Option<T> {
        let inherited = || read(self.inherits?);
        read(self.node).or_else(inherited)
    }
}
