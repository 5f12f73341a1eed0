//! Where pod templates, containers and claims live: in kinds that are known, and in those that a config declares.
//!
//! Sources: `PodTemplateSpec` users in k8s.io/api (core/v1, apps/v1, batch/v1), and
//! `ValidatePodTemplateSpec` in kubernetes `pkg/apis/core/validation/validation.go`, which forbids
//! ephemeral containers in templates.

mod claims;
mod places;
mod walk;

use std::borrow::Cow;

use jsonptr::{Pointer, PointerBuf};
use kustomize_krm_types::annotations;

use crate::problem::Problem;
use crate::read::Resource;
use crate::yaml::Node;

pub use claims::{Claim, ClaimForm, ClaimKind, ClaimSpecs, at};
pub use places::{Form, OnChange, PodSpecs, is_known_kind, workload_kind};
pub use walk::{below, expected};

use claims::claims_of;
use walk::{map_at, maps_in, places_in};

/// What a text must be that a template of another tool has left as a mapping.
const UNRENDERED: &str = "a string (is this a template that has not been rendered?)";

/// Kinds that describe packages and configs, never what runs in a cluster.
const NEVER_TOUCHED: [(&str, &str); 5] = [
    ("kustomize.config.k8s.io", "Kustomization"),
    ("kustomize.config.k8s.io", "Component"),
    ("kpt.dev", "Kptfile"),
    ("config.kubernetes.io", "ResourceList"),
    ("fitout.dev", "Fitout"),
];

/// An object with everything in it that transformers may want to fit.
#[derive(Debug)]
pub struct Target<'a> {
    /// The object.
    pub resource: &'a Resource<'a>,
    /// Its pod templates, where its kind has some and the object fills them.
    pub templates: Vec<Template<'a>>,
    /// Its claims: itself, its claim templates, and the ephemeral volumes of its pods.
    pub claims: Vec<Claim<'a>>,
}

/// A pod template, or a Pod, which has the same shape.
#[derive(Debug)]
pub struct Template<'a> {
    /// Path of the template in the object; the root for a Pod.
    pub path: PointerBuf,
    /// The template's mapping.
    pub node: Node<'a>,
    /// Whether its pods get the template's metadata; a bare pod spec has none.
    pub has_metadata: bool,
    /// Path of the pod spec in the object.
    pub spec_path: PointerBuf,
    /// The pod spec's mapping.
    pub spec: Node<'a>,
    /// What a change of it does to what runs already.
    pub on_change: OnChange,
    /// Every container, in the order of the lists below.
    pub containers: Vec<Container<'a>>,
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
    /// Path in the object.
    pub path: PointerBuf,
    /// The container's mapping.
    pub node: Node<'a>,
}

impl<'a> Target<'a> {
    /// Finds what there is to fit in an object.
    ///
    /// # Errors
    /// `FIT-INP003` when a list of containers, volumes or claims is not a list of mappings.
    pub fn of(
        resource: &'a Resource<'a>,
        pod_specs: &[PodSpecs],
        claims: &[ClaimSpecs],
    ) -> Result<Target<'a>, Problem> {
        let templates = Template::all(resource, pod_specs)?;
        let claims = claims_of(resource, &templates, claims)?;
        Ok(Target {
            resource,
            templates,
            claims,
        })
    }

    /// The containers of all its pods.
    pub fn containers(&self) -> impl Iterator<Item = &Container<'a>> {
        self.templates
            .iter()
            .flat_map(|template| &template.containers)
    }

    /// Whether the object may be fitted at all: not when it is bookkeeping, was made by a controller
    /// (which would undo the change), or its author opted out.
    pub fn is_eligible(resource: &Resource<'_>, function_config: Option<Node<'_>>) -> bool {
        let group = resource.group();
        let is_package = NEVER_TOUCHED
            .iter()
            .any(|(g, k)| group == *g && resource.kind == *k);
        let is_local = resource
            .annotation(annotations::LOCAL_CONFIG)
            .is_some_and(|value| value != "false");
        let is_config = function_config.is_some_and(|config| is_same_object(config, resource));
        !(is_package || is_local || is_config || is_owned(resource) || resource.kind.is_empty())
    }
}

/// Whether an item is the functionConfig itself, which kpt and generators also list among the items.
fn is_same_object(config: Node<'_>, resource: &Resource<'_>) -> bool {
    let text = |node: Option<Node<'_>>| {
        node.and_then(|node| node.text())
            .map(Cow::into_owned)
            .unwrap_or_default()
    };
    let metadata = config.get("metadata");
    text(config.get("apiVersion")) == resource.api_version
        && text(config.get("kind")) == resource.kind
        && text(metadata.and_then(|metadata| metadata.get("name"))) == resource.name
        && text(metadata.and_then(|metadata| metadata.get("namespace")))
            == resource.namespace.as_deref().unwrap_or_default()
}

fn is_owned(resource: &Resource<'_>) -> bool {
    let owners = resource
        .node
        .get("metadata")
        .and_then(|metadata| metadata.get("ownerReferences"));
    let controls = |owner: Node<'_>| {
        owner
            .get("controller")
            .and_then(|node| node.text())
            .as_deref()
            == Some("true")
    };
    owners.is_some_and(|owners| owners.items().any(controls))
}

impl<'a> Template<'a> {
    fn all(
        resource: &'a Resource<'a>,
        declared: &[PodSpecs],
    ) -> Result<Vec<Template<'a>>, Problem> {
        let known = places::known_places(resource);
        let known = known.map(|place| (place.path, place.form, place.on_change));
        let declared = declared.iter().filter(|declared| declared.is_for(resource));
        // What a controller that nobody here knows does with a change is its own affair.
        let declared = declared.map(|it| (it.path.as_str(), it.form, OnChange::NextRun));
        let mut places = known.chain(declared).peekable();
        if places.peek().is_none() {
            return Ok(Vec::new());
        }
        let name = resource
            .node
            .get("metadata")
            .and_then(|metadata| metadata.get("name"));
        if let Some(name) = name.filter(|name| !name.is_scalar()) {
            // `name: {{ .Values.name }}` is a mapping to YAML.
            let path = Pointer::from_static("/metadata/name");
            return Err(expected(resource, name, UNRENDERED, path));
        }
        let mut templates: Vec<Template<'a>> = Vec::new();
        for (path, form, on_change) in places {
            for (path, node) in places_in(resource, path)? {
                let template = Template::of(resource, path, node, form, on_change)?;
                // A config may declare what is known already, and as the pod spec inside of a template.
                let is_new = |it: &Template<'a>| {
                    templates
                        .iter()
                        .all(|known| known.spec_path != it.spec_path)
                };
                let template = template.filter(is_new);
                templates.extend(template);
            }
        }
        Ok(templates)
    }

    fn of(
        resource: &'a Resource<'a>,
        path: PointerBuf,
        node: Node<'a>,
        form: Form,
        on_change: OnChange,
    ) -> Result<Option<Template<'a>>, Problem> {
        let (spec, spec_path) = match form {
            Form::Template => (
                map_at(resource, node, &path, "spec")?,
                below(&path, ["spec"]),
            ),
            Form::PodSpec => (Some(node), path.clone()),
        };
        let Some(spec) = spec else {
            return Ok(None);
        };
        let is_pod = path.is_root();
        let mut template = Template {
            path,
            node,
            has_metadata: form == Form::Template,
            spec_path,
            spec,
            on_change,
            containers: Vec::new(),
            is_windows: is_for_windows(spec),
        };
        template.collect(resource, "initContainers")?;
        template.collect(resource, "containers")?;
        if is_pod {
            template.collect(resource, "ephemeralContainers")?;
        }
        // Without a container there is nothing that could run, and nothing to fit.
        Ok((!template.containers.is_empty()).then_some(template))
    }

    /// The path of a field of the pod spec in the object.
    pub fn at_spec<'t>(&self, tokens: impl IntoIterator<Item = &'t str>) -> PointerBuf {
        below(&self.spec_path, tokens)
    }

    /// A label of the pods that the template makes.
    pub fn label(&self, name: &str) -> Option<Cow<'a, str>> {
        self.metadata()?.get("labels")?.get(name)?.text()
    }

    /// An annotation of the pods that the template makes.
    pub fn annotation(&self, name: &str) -> Option<Node<'a>> {
        self.metadata()?.get("annotations")?.get(name)
    }

    fn metadata(&self) -> Option<Node<'a>> {
        self.has_metadata
            .then(|| self.node.get("metadata"))
            .flatten()
    }

    /// The entries of the pod's `volumes`.
    pub fn volumes(&self) -> impl Iterator<Item = Node<'a>> {
        self.spec
            .get("volumes")
            .into_iter()
            .flat_map(|volumes| volumes.items())
    }

    fn collect(&mut self, resource: &'a Resource<'a>, list: &'static str) -> Result<(), Problem> {
        let path = self.at_spec([list]);
        for (index, node) in maps_in(resource, self.spec.get(list), &path)? {
            let container_type = match list {
                "initContainers" if is_sidecar(node) => ContainerType::Sidecar,
                "initContainers" => ContainerType::Init,
                "ephemeralContainers" => ContainerType::Ephemeral,
                _ => ContainerType::Container,
            };
            let name = node
                .get("name")
                .and_then(|name| name.text())
                .unwrap_or_default();
            if let Some(image) = node.get("image").filter(|image| !image.is_scalar()) {
                // `image: {{ .Values.image }}` is a mapping to YAML.
                let path = below(&path, [index.to_string().as_str(), "image"]);
                return Err(expected(resource, image, UNRENDERED, &path));
            }
            let path = below(&path, [index.to_string().as_str()]);
            self.containers.push(Container {
                container_type,
                name,
                path,
                node,
            });
        }
        Ok(())
    }
}

/// Whether an init container runs on beside the ordinary ones.
pub fn is_sidecar(init_container: Node<'_>) -> bool {
    let policy = init_container.get("restartPolicy");
    policy.and_then(|policy| policy.text()).as_deref() == Some("Always")
}

fn is_for_windows(spec: Node<'_>) -> bool {
    let os = spec.get("os").and_then(|os| os.get("name")?.text());
    let node = spec.get("nodeSelector").and_then(|labels| {
        labels
            .get("kubernetes.io/os")
            .or_else(|| labels.get("beta.kubernetes.io/os"))?
            .text()
    });
    os.as_deref().or(node.as_deref()) == Some("windows")
}

impl<'a> Container<'a> {
    /// The path of a field of the container in the object.
    pub fn at<'t>(&self, tokens: impl IntoIterator<Item = &'t str>) -> PointerBuf {
        below(&self.path, tokens)
    }
}
