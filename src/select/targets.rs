//! Where pod templates, containers and claims live in the built-in kinds.
//!
//! Sources: `PodTemplateSpec` users in k8s.io/api (core/v1, apps/v1, batch/v1), and
//! `ValidatePodTemplateSpec` in kubernetes `pkg/apis/core/validation/validation.go`, which forbids
//! ephemeral containers in templates.

use std::borrow::Cow;

use jsonptr::{Pointer, PointerBuf};
use kustomize_krm_types::annotations;

use crate::config::decode::describe;
use crate::problem::Problem;
use crate::read::Resource;
use crate::yaml::Node;

/// Group, kind, and the path of the pod template in it.
const TEMPLATES: [(&str, &str, &str); 9] = [
    ("", "Pod", ""),
    ("", "PodTemplate", "/template"),
    ("", "ReplicationController", "/spec/template"),
    ("apps", "Deployment", "/spec/template"),
    ("apps", "StatefulSet", "/spec/template"),
    ("apps", "DaemonSet", "/spec/template"),
    ("apps", "ReplicaSet", "/spec/template"),
    ("batch", "Job", "/spec/template"),
    ("batch", "CronJob", "/spec/jobTemplate/spec/template"),
];

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
    /// Its pod template, if its kind has one and the object fills it.
    pub template: Option<Template<'a>>,
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
    /// The pod spec's mapping.
    pub spec: Node<'a>,
    /// Every container, in the order of the lists below.
    pub containers: Vec<Container<'a>>,
    /// Whether these are pods for Windows nodes, for which most security fields are forbidden.
    pub is_windows: bool,
}

/// What kind of container it is; resources, probes and mounts differ by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

/// What makes a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimKind {
    /// A PersistentVolumeClaim object.
    Object,
    /// An entry of a StatefulSet's `volumeClaimTemplates`.
    Template,
    /// A generic ephemeral volume of a pod.
    Ephemeral,
}

/// One PersistentVolumeClaim, wherever it is written.
#[derive(Debug)]
pub struct Claim<'a> {
    /// Object, template or ephemeral volume.
    pub kind: ClaimKind,
    /// Its name, its template's, or its volume's.
    pub name: Cow<'a, str>,
    /// Path of the claim (the mapping with `metadata` and `spec`) in the object.
    pub path: PointerBuf,
    /// The claim's mapping.
    pub node: Node<'a>,
}

/// The group and kind of the built-in workload that a kind names, in whatever case.
pub fn workload_kind(kind: &str) -> Option<(&'static str, &'static str)> {
    let known = TEMPLATES
        .iter()
        .find(|(_, known, _)| known.eq_ignore_ascii_case(kind));
    known.map(|(group, kind, _)| (*group, *kind))
}

impl<'a> Target<'a> {
    /// Finds what there is to fit in an object.
    ///
    /// # Errors
    /// `FIT-INP003` when a list of containers, volumes or claims is not a list of mappings.
    pub fn of(resource: &'a Resource<'a>) -> Result<Target<'a>, Problem> {
        let template = Template::of(resource)?;
        let claims = claims_of(resource, template.as_ref())?;
        Ok(Target {
            resource,
            template,
            claims,
        })
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
    fn of(resource: &'a Resource<'a>) -> Result<Option<Template<'a>>, Problem> {
        let known = TEMPLATES
            .iter()
            .find(|(group, kind, _)| resource.group() == *group && resource.kind == *kind);
        let Some((_, kind, path)) = known else {
            return Ok(None);
        };
        let name = resource
            .node
            .get("metadata")
            .and_then(|metadata| metadata.get("name"));
        if let Some(name) = name.filter(|name| !name.is_scalar()) {
            // `name: {{ .Values.name }}` is a mapping to YAML.
            let path = Pointer::from_static("/metadata/name");
            return Err(expected(resource, name, UNRENDERED, path));
        }
        let path = Pointer::from_static(path).to_buf();
        let Some(node) = walk(resource, resource.node, &path)? else {
            return Ok(None);
        };
        let Some(spec) = map_at(resource, node, &path, "spec")? else {
            return Ok(None);
        };
        let mut template = Template {
            path,
            node,
            spec,
            containers: Vec::new(),
            is_windows: is_for_windows(spec),
        };
        template.collect(resource, "initContainers")?;
        template.collect(resource, "containers")?;
        if *kind == "Pod" {
            template.collect(resource, "ephemeralContainers")?;
        }
        // Without a container there is nothing that could run, and nothing to fit.
        Ok((!template.containers.is_empty()).then_some(template))
    }

    /// The path of a field of the template in the object.
    pub fn at<'t>(&self, tokens: impl IntoIterator<Item = &'t str>) -> PointerBuf {
        below(&self.path, tokens)
    }

    /// A label of the pods that the template makes.
    pub fn label(&self, name: &str) -> Option<Cow<'a, str>> {
        self.node.get("metadata")?.get("labels")?.get(name)?.text()
    }

    /// An annotation of the pods that the template makes.
    pub fn annotation(&self, name: &str) -> Option<Node<'a>> {
        self.node.get("metadata")?.get("annotations")?.get(name)
    }

    /// The entries of the pod's `volumes`.
    pub fn volumes(&self) -> impl Iterator<Item = Node<'a>> {
        self.spec
            .get("volumes")
            .into_iter()
            .flat_map(|volumes| volumes.items())
    }

    fn collect(&mut self, resource: &'a Resource<'a>, list: &'static str) -> Result<(), Problem> {
        let path = self.at(["spec", list]);
        for (index, node) in maps_in(resource, self.spec.get(list), &path)? {
            let restarts = node
                .get("restartPolicy")
                .and_then(|policy| policy.text())
                .as_deref()
                == Some("Always");
            let container_type = match list {
                "initContainers" if restarts => ContainerType::Sidecar,
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

fn claims_of<'a>(
    resource: &'a Resource<'a>,
    template: Option<&Template<'a>>,
) -> Result<Vec<Claim<'a>>, Problem> {
    let mut claims = Vec::new();
    if resource.group().is_empty() && resource.kind == "PersistentVolumeClaim" {
        let path = PointerBuf::new();
        claims.push(Claim {
            kind: ClaimKind::Object,
            name: resource.name.clone(),
            path,
            node: resource.node,
        });
    }
    if resource.group() == "apps" && resource.kind == "StatefulSet" {
        let path = Pointer::from_static("/spec/volumeClaimTemplates");
        let list = walk(resource, resource.node, Pointer::from_static("/spec"))?
            .and_then(|spec| spec.get("volumeClaimTemplates"));
        for (index, node) in maps_in(resource, list, path)? {
            let name = node
                .get("metadata")
                .and_then(|metadata| metadata.get("name")?.text())
                .unwrap_or_default();
            claims.push(Claim {
                kind: ClaimKind::Template,
                name,
                path: below(path, [index.to_string().as_str()]),
                node,
            });
        }
    }
    if let Some(template) = template {
        let path = template.at(["spec", "volumes"]);
        for (index, volume) in maps_in(resource, template.spec.get("volumes"), &path)? {
            let Some(node) = volume
                .get("ephemeral")
                .and_then(|source| source.get("volumeClaimTemplate"))
            else {
                continue;
            };
            let name = volume
                .get("name")
                .and_then(|name| name.text())
                .unwrap_or_default();
            let path = below(
                &path,
                [
                    index.to_string().as_str(),
                    "ephemeral",
                    "volumeClaimTemplate",
                ],
            );
            claims.push(Claim {
                kind: ClaimKind::Ephemeral,
                name,
                path,
                node,
            });
        }
    }
    Ok(claims)
}

/// A path and what lies below it.
pub fn below<'t>(path: &Pointer, tokens: impl IntoIterator<Item = &'t str>) -> PointerBuf {
    let mut path = path.to_buf();
    for token in tokens {
        path.push_back(token);
    }
    path
}

/// Follows a path of mappings; `None` when a part is absent or null.
fn walk<'a>(
    resource: &'a Resource<'a>,
    from: Node<'a>,
    path: &Pointer,
) -> Result<Option<Node<'a>>, Problem> {
    let mut node = from;
    let mut done = PointerBuf::new();
    for token in path.tokens() {
        let Some(next) = map_at(resource, node, &done, &token.decoded())? else {
            return Ok(None);
        };
        done.push_back(token);
        node = next;
    }
    Ok(Some(node))
}

fn map_at<'a>(
    resource: &'a Resource<'a>,
    node: Node<'a>,
    path: &Pointer,
    key: &str,
) -> Result<Option<Node<'a>>, Problem> {
    match node.get(key).filter(|node| !node.is_null()) {
        Some(node) if !node.is_map() => {
            Err(expected(resource, node, "a mapping", &below(path, [key])))
        }
        node => Ok(node),
    }
}

/// The items of a list of mappings with their positions; empty when it is absent or null.
fn maps_in<'a>(
    resource: &'a Resource<'a>,
    list: Option<Node<'a>>,
    path: &Pointer,
) -> Result<Vec<(usize, Node<'a>)>, Problem> {
    let Some(list) = list.filter(|list| !list.is_null()) else {
        return Ok(Vec::new());
    };
    if !list.is_sequence() {
        return Err(expected(resource, list, "a list", path));
    }
    let checked = list
        .items()
        .enumerate()
        .map(|(index, item)| match item.is_map() {
            true => Ok((index, item)),
            false => Err(expected(
                resource,
                item,
                "a mapping",
                &below(path, [index.to_string().as_str()]),
            )),
        });
    checked.collect()
}

/// The problem that a field of an object is of another shape than Kubernetes gives it.
pub fn expected<'a>(
    resource: &Resource<'a>,
    node: Node<'a>,
    what: &str,
    path: &Pointer,
) -> Problem {
    let message = format!("expected {what}, found {}", describe(node));
    resource.problem("FIT-INP003", message, node, crate::edit::field_path(path))
}
