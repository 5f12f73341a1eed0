//! Where pod templates, containers and claims live: in kinds that are known, and in those that a config declares.
//!
//! Sources: `PodTemplateSpec` users in k8s.io/api (core/v1, apps/v1, batch/v1), and
//! `ValidatePodTemplateSpec` in kubernetes `pkg/apis/core/validation/validation.go`, which forbids
//! ephemeral containers in templates.

use std::borrow::Cow;

use jsonptr::{Pointer, PointerBuf};
use kustomize_krm_types::annotations;
use serde::Deserialize;

use super::Pattern;
use crate::config::decode::describe;
use crate::problem::Problem;
use crate::read::Resource;
use crate::yaml::Node;

/// A place in which objects of a kind keep pods.
struct Place {
    group: &'static str,
    kind: &'static str,
    /// As [`PodSpecs::path`] has it.
    path: &'static str,
    on_change: OnChange,
}

/// What a change of a pod template does to what runs already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnChange {
    /// The controller replaces the pods.
    Rollout,
    /// Pods that start later are made of it.
    NextRun,
    /// The API server refuses it on an object that exists.
    Immutable,
    /// Nothing.
    Nothing,
}

const fn place(
    group: &'static str,
    kind: &'static str,
    path: &'static str,
    on_change: OnChange,
) -> Place {
    Place {
        group,
        kind,
        path,
        on_change,
    }
}

/// Where pods are kept: in Kubernetes' own kinds, and in custom resources that hold a whole `PodTemplateSpec`.
///
/// Custom resources: the Go types of argo-rollouts, KEDA, Kubeflow's training operator, OpenKruise, JobSet and
/// LeaderWorkerSet. Knative's template takes only a part of a pod, which is `securityContext`'s to know.
const PLACES: [Place; 25] = [
    place("", "Pod", "", OnChange::Nothing),
    place("", "PodTemplate", "template", OnChange::NextRun),
    place(
        "",
        "ReplicationController",
        "spec/template",
        OnChange::NextRun,
    ),
    place("apps", "Deployment", "spec/template", OnChange::Rollout),
    place("apps", "StatefulSet", "spec/template", OnChange::Rollout),
    place("apps", "DaemonSet", "spec/template", OnChange::Rollout),
    place("apps", "ReplicaSet", "spec/template", OnChange::NextRun),
    place("batch", "Job", "spec/template", OnChange::Immutable),
    place(
        "batch",
        "CronJob",
        "spec/jobTemplate/spec/template",
        OnChange::NextRun,
    ),
    place("argoproj.io", "Rollout", "spec/template", OnChange::Rollout),
    place(
        "keda.sh",
        "ScaledJob",
        "spec/jobTargetRef/template",
        OnChange::NextRun,
    ),
    place(
        "kubeflow.org",
        "PyTorchJob",
        "spec/pytorchReplicaSpecs/*/template",
        OnChange::NextRun,
    ),
    place(
        "kubeflow.org",
        "TFJob",
        "spec/tfReplicaSpecs/*/template",
        OnChange::NextRun,
    ),
    place(
        "kubeflow.org",
        "XGBoostJob",
        "spec/xgbReplicaSpecs/*/template",
        OnChange::NextRun,
    ),
    place(
        "kubeflow.org",
        "PaddleJob",
        "spec/paddleReplicaSpecs/*/template",
        OnChange::NextRun,
    ),
    place(
        "kubeflow.org",
        "MPIJob",
        "spec/mpiReplicaSpecs/*/template",
        OnChange::NextRun,
    ),
    place(
        "apps.kruise.io",
        "CloneSet",
        "spec/template",
        OnChange::Rollout,
    ),
    place(
        "apps.kruise.io",
        "StatefulSet",
        "spec/template",
        OnChange::Rollout,
    ),
    place(
        "apps.kruise.io",
        "DaemonSet",
        "spec/template",
        OnChange::Rollout,
    ),
    place(
        "apps.kruise.io",
        "BroadcastJob",
        "spec/template",
        OnChange::NextRun,
    ),
    place(
        "jobset.x-k8s.io",
        "JobSet",
        "spec/replicatedJobs[]/template/spec/template",
        OnChange::Immutable,
    ),
    place(
        "leaderworkerset.x-k8s.io",
        "LeaderWorkerSet",
        "spec/leaderWorkerTemplate/leaderTemplate",
        OnChange::Rollout,
    ),
    place(
        "leaderworkerset.x-k8s.io",
        "LeaderWorkerSet",
        "spec/leaderWorkerTemplate/workerTemplate",
        OnChange::Rollout,
    ),
    place(
        "serving.knative.dev",
        "Service",
        "spec/template",
        OnChange::Rollout,
    ),
    place(
        "serving.knative.dev",
        "Configuration",
        "spec/template",
        OnChange::Rollout,
    ),
];

/// Where objects of a kind that fitout does not know keep pods.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodSpecs {
    /// The API group of the kind. Required.
    pub group: String,
    /// Versions of the group, as a pattern; all when absent.
    #[serde(default)]
    pub version: Option<Pattern>,
    /// The kind. Required.
    pub kind: String,
    /// Keys from the object's root, joined by `/`; `name[]` is every item of a list, `*` every value of a map. Required.
    pub path: String,
    /// What is there.
    #[serde(default)]
    pub form: Form,
}

/// What stands at the path of a [`PodSpecs`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Form {
    /// A PodTemplateSpec, with `metadata` and `spec`.
    #[default]
    Template,
    /// A PodSpec.
    PodSpec,
}

impl PodSpecs {
    /// What is wrong with the path, if something is.
    pub fn fault(&self) -> Option<String> {
        let keys = self.path.split('/');
        let is_bad = |key: &str| {
            let name = key.strip_suffix("[]").unwrap_or(key);
            name.is_empty() || name.contains(['[', ']']) || name.contains('*') && key != "*"
        };
        let bad = keys.into_iter().find(|key| is_bad(key))?;
        Some(format!(
            "`{bad}` in `{}` is no key, no `name[]` and no `*`",
            self.path
        ))
    }

    fn is_for(&self, resource: &Resource<'_>) -> bool {
        let version = self.version.as_ref();
        resource.group() == self.group
            && resource.kind == self.kind
            && version.is_none_or(|version| version.matches(resource.version()))
    }
}

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
    let is_built_in = |place: &&Place| !place.group.contains('.');
    let mut places = PLACES.iter().filter(is_built_in);
    let known = places.find(|place| place.kind.eq_ignore_ascii_case(kind));
    known.map(|place| (place.group, place.kind))
}

impl<'a> Target<'a> {
    /// Finds what there is to fit in an object.
    ///
    /// # Errors
    /// `FIT-INP003` when a list of containers, volumes or claims is not a list of mappings.
    pub fn of(resource: &'a Resource<'a>, declared: &[PodSpecs]) -> Result<Target<'a>, Problem> {
        let templates = Template::all(resource, declared)?;
        let claims = claims_of(resource, &templates)?;
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
        let of_kind =
            |place: &&Place| resource.group() == place.group && resource.kind == place.kind;
        let known = PLACES.iter().filter(of_kind);
        let known = known.map(|place| (place.path, Form::Template, place.on_change));
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
                if templates.iter().any(|known| known.path == path) {
                    continue;
                }
                templates.extend(Template::of(resource, path, node, form, on_change)?);
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
    templates: &[Template<'a>],
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
    for template in templates {
        let path = template.at_spec(["volumes"]);
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

/// The mappings that a path of keys, `name[]` and `*` leads to, with their pointers. What is absent leads nowhere.
fn places_in<'a>(
    resource: &'a Resource<'a>,
    path: &str,
) -> Result<Vec<(PointerBuf, Node<'a>)>, Problem> {
    let mut places = vec![(PointerBuf::new(), resource.node)];
    for key in path.split('/').filter(|key| !key.is_empty()) {
        let mut below_here = Vec::new();
        for (at, node) in places {
            match key.strip_suffix("[]") {
                Some(list) => {
                    let path = below(&at, [list]);
                    for (index, item) in maps_in(resource, node.get(list), &path)? {
                        below_here.push((below(&path, [index.to_string().as_str()]), item));
                    }
                }
                None if key == "*" => {
                    for (key, _) in node.entries() {
                        let key = key.text().unwrap_or_default();
                        if let Some(value) = map_at(resource, node, &at, &key)? {
                            below_here.push((below(&at, [key.as_ref()]), value));
                        }
                    }
                }
                None => {
                    let value = map_at(resource, node, &at, key)?;
                    below_here.extend(value.map(|value| (below(&at, [key]), value)));
                }
            }
        }
        places = below_here;
    }
    Ok(places)
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
