//! Where objects request volumes: claims, claim templates, ephemeral volumes, and fields that operators make claims from.
//!
//! Custom resources: the Go types of prometheus-operator v0.95.0 (`StorageSpec`), ECK v3.5.0, CloudNativePG
//! (`StorageConfiguration`), kruise-api v1.8.0, argo-workflows v3.6.5 and Tekton v1.0.0, and Strimzi's API reference
//! (`PersistentClaimStorage`).

use std::borrow::Cow;
use std::sync::Arc;

use jsonptr::PointerBuf;
use serde::Deserialize;

use super::places::OnChange;
use super::subject::{Part, Subject};
use super::template::Template;
use super::walk::{self, below, expected, maps_in, places_in, typed};
use crate::kubernetes::{Pattern, schema};
use crate::problem::Problem;
use crate::read::Resource;
use crate::yaml::Node;

/// Where a claim comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimKind {
    /// A PersistentVolumeClaim object.
    Object,
    /// An entry of a StatefulSet's `volumeClaimTemplates`.
    Template,
    /// A generic ephemeral volume of a pod.
    Ephemeral,
    /// A field of a custom resource that its operator makes claims from.
    Custom,
}

/// One PersistentVolumeClaim, wherever it is written.
#[derive(Debug)]
pub struct Claim<'a> {
    /// Where it comes from.
    pub kind: ClaimKind,
    /// The name of the claim, its template or its volume; in a custom resource without a name, its key.
    pub name: Cow<'a, str>,
    /// The claim, which its fields are relative to: the mapping with `metadata` and `spec`, or its substitute.
    pub subject: Arc<Subject>,
    /// The claim's mapping.
    pub node: Node<'a>,
    layout: Layout,
}

/// Where the fields of a PersistentVolumeClaimSpec are in the mapping of a claim.
#[derive(Clone, Debug)]
enum Layout {
    /// Below these keys.
    Spec(&'static [&'static str]),
    /// Class and size only, under the operator's names.
    Flat {
        class: Option<Vec<String>>,
        size: Option<Vec<String>>,
    },
}

impl<'a> Claim<'a> {
    /// The path of the class in a PersistentVolumeClaimSpec.
    pub const CLASS: [&'static str; 1] = ["storageClassName"];
    /// The path of the size.
    pub const SIZE: [&'static str; 3] = ["resources", "requests", "storage"];

    fn new(
        kind: ClaimKind,
        name: Cow<'a, str>,
        (path, node): (PointerBuf, Node<'a>),
        layout: Layout,
        on_change: OnChange,
    ) -> Claim<'a> {
        let part = Part::Claim {
            name: std::sync::Arc::from(&*name),
        };
        Claim {
            kind,
            name,
            subject: Subject::new(part, (path, Some(node)), on_change),
            node,
            layout,
        }
    }

    /// The path of a field of a PersistentVolumeClaimSpec below this claim; `None` if the claim has no such field.
    pub fn field<'s>(&'s self, of_spec: &[&'s str]) -> Option<Vec<&'s str>> {
        let renamed = match &self.layout {
            Layout::Spec(prefix) => return Some([prefix, of_spec].concat()),
            Layout::Flat { class, .. } if of_spec == Claim::CLASS => class,
            Layout::Flat { size, .. } if of_spec == Claim::SIZE => size,
            Layout::Flat { .. } => &None,
        };
        let renamed = renamed.as_ref()?;
        Some(renamed.iter().map(String::as_str).collect())
    }

    fn check_types(&self, resource: &Resource<'a>) -> Result<(), Problem> {
        let (path, node) = (&self.subject.path, self.node);
        match &self.layout {
            Layout::Spec([]) => typed(
                resource,
                path,
                schema::object(schema::CLAIM_SPEC),
                node,
                |_| true,
            ),
            Layout::Spec(_) => typed(resource, path, schema::object(schema::CLAIM), node, |_| {
                true
            }),
            Layout::Flat { class, .. } => {
                let keys = class.iter().flatten().map(String::as_str);
                match class.as_ref().and_then(|_| node.at(keys.clone())) {
                    Some(class) if class.str().is_none() => Err(expected(
                        resource,
                        class,
                        schema::STRING,
                        &below(path, keys),
                    )),
                    _ => Ok(()),
                }
            }
        }
    }

    /// The value of a field of a PersistentVolumeClaimSpec; `None` if absent or null.
    pub fn get(&self, of_spec: &[&str]) -> Option<Node<'a>> {
        self.node.at(self.field(of_spec)?)
    }
}

/// The legacy annotation for the class, from before `storageClassName` (Kubernetes 1.6). If set, the control plane prefers
/// it (`GetPersistentVolumeClaimClass` in k8s.io/component-helpers).
pub const LEGACY_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// A place that objects of a kind have claims at.
struct Place {
    group: &'static str,
    kind: &'static str,
    /// Same syntax as [`ClaimSpecs::path`].
    path: &'static str,
    shape: Shape,
}

#[derive(Clone, Copy)]
enum Shape {
    /// A claim with `metadata` and `spec`.
    Claim,
    /// A StatefulSet's claim template.
    Template,
    /// CloudNativePG's `StorageConfiguration`.
    CloudNativePg,
    /// Strimzi's storage, if its type is `persistent-claim`.
    Strimzi,
}

/// Alternative paths of class and size: the first that the object sets, or else the first.
struct Alternatives {
    class: &'static [&'static str],
    size: &'static [&'static str],
}

/// `storageClass` and `size` override `pvcTemplate`, so writing them would override what the author set in the template.
const CLOUD_NATIVE_PG: Alternatives = Alternatives {
    class: &["storageClass", "pvcTemplate/storageClassName"],
    size: &["size", "pvcTemplate/resources/requests/storage"],
};

const STRIMZI: Alternatives = Alternatives {
    class: &["class"],
    size: &["size"],
};

macro_rules! claims {
    ($($group:literal: [$($kind:literal at $path:literal $shape:ident,)*])*) => {
        &[$($(Place { group: $group, kind: $kind, path: $path, shape: Shape::$shape },)*)*]
    };
}

const PLACES: &[Place] = claims! {
    "apps": [
        "StatefulSet" at "spec/volumeClaimTemplates[]" Template,
    ]
    "apps.kruise.io": [
        "StatefulSet" at "spec/volumeClaimTemplates[]" Template,
        "CloneSet" at "spec/volumeClaimTemplates[]" Claim,
        "UnitedDeployment" at "spec/template/statefulSetTemplate/spec/volumeClaimTemplates[]" Claim,
        "UnitedDeployment" at "spec/template/advancedStatefulSetTemplate/spec/volumeClaimTemplates[]" Claim,
        "UnitedDeployment" at "spec/template/cloneSetTemplate/spec/volumeClaimTemplates[]" Claim,
    ]
    "argoproj.io": [
        "Workflow" at "spec/volumeClaimTemplates[]" Claim,
        "WorkflowTemplate" at "spec/volumeClaimTemplates[]" Claim,
        "ClusterWorkflowTemplate" at "spec/volumeClaimTemplates[]" Claim,
        "CronWorkflow" at "spec/workflowSpec/volumeClaimTemplates[]" Claim,
    ]
    "tekton.dev": [
        "TaskRun" at "spec/workspaces[]/volumeClaimTemplate" Claim,
        "PipelineRun" at "spec/workspaces[]/volumeClaimTemplate" Claim,
    ]
    "monitoring.coreos.com": [
        "Prometheus" at "spec/storage/volumeClaimTemplate" Claim,
        "Prometheus" at "spec/storage/ephemeral/volumeClaimTemplate" Claim,
        "PrometheusAgent" at "spec/storage/volumeClaimTemplate" Claim,
        "PrometheusAgent" at "spec/storage/ephemeral/volumeClaimTemplate" Claim,
        "Alertmanager" at "spec/storage/volumeClaimTemplate" Claim,
        "Alertmanager" at "spec/storage/ephemeral/volumeClaimTemplate" Claim,
        "ThanosRuler" at "spec/storage/volumeClaimTemplate" Claim,
        "ThanosRuler" at "spec/storage/ephemeral/volumeClaimTemplate" Claim,
    ]
    "elasticsearch.k8s.elastic.co": [
        "Elasticsearch" at "spec/nodeSets[]/volumeClaimTemplates[]" Claim,
    ]
    "logstash.k8s.elastic.co": [
        "Logstash" at "spec/volumeClaimTemplates[]" Claim,
    ]
    "agent.k8s.elastic.co": [
        "Agent" at "spec/statefulSet/volumeClaimTemplates[]" Claim,
    ]
    "postgresql.cnpg.io": [
        "Cluster" at "spec/storage" CloudNativePg,
        "Cluster" at "spec/walStorage" CloudNativePg,
        "Cluster" at "spec/tablespaces[]/storage" CloudNativePg,
    ]
    "kafka.strimzi.io": [
        "KafkaNodePool" at "spec/storage" Strimzi,
        "KafkaNodePool" at "spec/storage/volumes[]" Strimzi,
        "Kafka" at "spec/kafka/storage" Strimzi,
        "Kafka" at "spec/kafka/storage/volumes[]" Strimzi,
        "Kafka" at "spec/zookeeper/storage" Strimzi,
    ]
};

/// Where objects of a kind that fitout does not know declare claims.
///
/// ```yaml
/// claims:
/// - group: acme.io
///   kind: Widget
///   path: spec/disks[]
///   form: Flat
///   keys: {storageClassName: class, size: size}
/// ```
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ClaimSpecs {
    /// The API group of the kind. Required.
    pub group: String,
    /// Versions of the group, as a pattern. Default: all.
    #[serde(default)]
    pub version: Option<Pattern>,
    /// The kind. Required.
    pub kind: String,
    /// As in `podSpecs`. The last key is the claim's name if the object does not name it. Required.
    pub path: String,
    /// What is at the path.
    #[serde(default)]
    pub form: ClaimForm,
    /// The keys of class and size, for the form `Flat`.
    #[serde(default)]
    pub keys: Keys,
}

/// What is at the path of a [`ClaimSpecs`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum ClaimForm {
    /// A PersistentVolumeClaimSpec, with `storageClassName` and `resources`.
    #[default]
    PersistentVolumeClaimSpec,
    /// A mapping with its own names for the fields, listed in `keys`.
    Flat,
}

/// The keys of a flat claim.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Keys {
    /// The key of the class, or a path of keys joined by `/`. Without it, no class is written.
    pub storage_class_name: Option<String>,
    /// The key of the size, in the same form.
    pub size: Option<String>,
}

impl ClaimSpecs {
    /// The first invalid setting and what is wrong with it.
    pub fn fault(&self) -> Option<(&'static str, String)> {
        if self.kind == "Secret" {
            return Some(("kind", "a Secret cannot hold claims".to_owned()));
        }
        let names = [&self.keys.storage_class_name, &self.keys.size];
        let mut names = names.into_iter().flatten();
        if let Some(fault) = walk::fault(&self.path) {
            return Some(("path", fault));
        }
        let is_flat = self.form == ClaimForm::Flat;
        if is_flat != names.clone().next().is_some() {
            let fault = match is_flat {
                true => "the form Flat needs `keys` for the class and the size",
                false => "`keys` are only for the form Flat",
            };
            return Some(("keys", fault.to_owned()));
        }
        let is_bad =
            |name: &String| name.contains(['*', '[', ']']) || name.split('/').any(str::is_empty);
        let bad = names.find(|name| is_bad(name))?;
        Some((
            "keys",
            format!("`{bad}` is not a key or a path of keys joined by `/`"),
        ))
    }

    fn is_for(&self, resource: &Resource<'_>) -> bool {
        resource.is_of(&self.group, self.version.as_ref(), &self.kind)
    }

    fn layout(&self) -> Layout {
        let split = |name: &String| name.split('/').map(str::to_owned).collect();
        match self.form {
            ClaimForm::PersistentVolumeClaimSpec => Layout::Spec(&[]),
            ClaimForm::Flat => Layout::Flat {
                class: self.keys.storage_class_name.as_ref().map(split),
                size: self.keys.size.as_ref().map(split),
            },
        }
    }
}

impl Shape {
    fn kind(self) -> ClaimKind {
        match self {
            Shape::Template => ClaimKind::Template,
            _ => ClaimKind::Custom,
        }
    }

    /// The layout of the node at the place; `None` if it does not become a claim.
    fn layout(self, node: Node<'_>) -> Option<Layout> {
        match self {
            Shape::Claim | Shape::Template => Some(Layout::Spec(&["spec"])),
            Shape::CloudNativePg => Some(CLOUD_NATIVE_PG.layout(node)),
            Shape::Strimzi => {
                let is_claim = node.text_at(["type"])? == "persistent-claim";
                is_claim.then(|| STRIMZI.layout(node))
            }
        }
    }
}

impl Alternatives {
    fn layout(&self, node: Node<'_>) -> Layout {
        let choose = |paths: &[&'static str]| {
            let is_filled = |path: &&&str| node.at(path.split('/')).is_some();
            let path = paths.iter().find(is_filled).or(paths.first())?;
            Some(path.split('/').map(str::to_owned).collect())
        };
        Layout::Flat {
            class: choose(self.class),
            size: choose(self.size),
        }
    }
}

pub(super) fn claims_of<'a>(
    resource: &'a Resource<'a>,
    templates: &[Template<'a>],
    declared: &[ClaimSpecs],
) -> Result<Vec<Claim<'a>>, Problem> {
    let mut claims: Vec<Claim<'a>> = Vec::new();
    if resource.is_of("", None, "PersistentVolumeClaim") {
        claims.push(Claim::new(
            ClaimKind::Object,
            resource.name.clone(),
            (PointerBuf::new(), resource.node),
            Layout::Spec(&["spec"]),
            OnChange::Nothing,
        ));
    }
    let group = resource.group();
    let is_for = |place: &&Place| place.group == group && resource.kind == place.kind;
    for place in PLACES.iter().filter(is_for) {
        for (path, node) in places_in(resource, place.path)? {
            let (kind, name) = (place.shape.kind(), claim_name(node, place.path));
            if let Some(layout) = place.shape.layout(node) {
                let at = (path, node);
                claims.push(Claim::new(kind, name, at, layout, OnChange::Nothing));
            }
        }
    }
    for declared in declared.iter().filter(|declared| declared.is_for(resource)) {
        for (path, node) in places_in(resource, &declared.path)? {
            if claims.iter().all(|known| known.subject.path != path) {
                let (kind, name) = (ClaimKind::Custom, claim_name(node, &declared.path));
                let (at, layout) = ((path, node), declared.layout());
                claims.push(Claim::new(kind, name, at, layout, OnChange::Nothing));
            }
        }
    }
    for template in templates {
        add_ephemeral(resource, template, &mut claims)?;
    }
    if !resource.is_typed() {
        for claim in &claims {
            claim.check_types(resource)?;
        }
    }
    Ok(claims)
}

fn add_ephemeral<'a>(
    resource: &'a Resource<'a>,
    template: &Template<'a>,
    claims: &mut Vec<Claim<'a>>,
) -> Result<(), Problem> {
    let path = || template.pod.at(&["volumes"]);
    for volume in maps_in(resource, template.spec.get("volumes"), path)? {
        let (index, volume) = volume?;
        let Some(node) = volume.at(["ephemeral", "volumeClaimTemplate"]) else {
            continue;
        };
        let index = index.to_string();
        claims.push(Claim::new(
            ClaimKind::Ephemeral,
            volume.text_at(["name"]).unwrap_or_default(),
            (
                below(&path(), [&index, "ephemeral", "volumeClaimTemplate"]),
                node,
            ),
            Layout::Spec(&["spec"]),
            // An ephemeral claim is part of the pod spec.
            template.pod.on_change,
        ));
    }
    Ok(())
}

/// The name of a claim: its own, or else the last specific key of its path.
fn claim_name<'a>(node: Node<'a>, path: &str) -> Cow<'a, str> {
    let own = node.text_at(["metadata", "name"]);
    let own = own.or_else(|| node.text_at(["name"]));
    own.unwrap_or_else(|| {
        let keys = path.split('/').map(|key| key.trim_end_matches("[]"));
        let is_name = |key: &&str| !["*", "spec", "volumeClaimTemplate"].contains(key);
        let name = keys.rev().find(is_name).unwrap_or_default();
        Cow::Owned(name.to_owned())
    })
}
