//! Which objects keep pods, and where: those of Kubernetes, of operators that many use, and those that a config declares.
//!
//! Custom resources are the Go types of argo-rollouts, KEDA, Kubeflow's training and notebook operators, OpenKruise,
//! JobSet, LeaderWorkerSet and ECK. Knative's template takes only a part of a pod, which is `securityContext`'s to know.

use serde::Deserialize;

use super::super::Pattern;
use super::walk;
use crate::read::Resource;

/// A place in which objects of a kind keep pods.
pub(super) struct Place {
    group: &'static str,
    kind: &'static str,
    /// As [`PodSpecs::path`] has it.
    pub(super) path: &'static str,
    pub(super) form: Form,
    pub(super) on_change: OnChange,
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

/// The places of a group's kinds, as rows of kind, path and what a change does.
macro_rules! places {
    ($($group:literal: [$($kind:literal at $path:literal $form:ident $on_change:ident,)*])*) => {
        &[$($(Place {
            group: $group,
            kind: $kind,
            path: $path,
            form: Form::$form,
            on_change: OnChange::$on_change,
        },)*)*]
    };
}

const PLACES: &[Place] = places! {
    "": [
        "Pod" at "" Template Nothing,
        "PodTemplate" at "template" Template NextRun,
        "ReplicationController" at "spec/template" Template NextRun,
    ]
    "apps": [
        "Deployment" at "spec/template" Template Rollout,
        "StatefulSet" at "spec/template" Template Rollout,
        "DaemonSet" at "spec/template" Template Rollout,
        "ReplicaSet" at "spec/template" Template NextRun,
    ]
    "batch": [
        "Job" at "spec/template" Template Immutable,
        "CronJob" at "spec/jobTemplate/spec/template" Template NextRun,
    ]
    "serving.knative.dev": [
        "Configuration" at "spec/template" Template Rollout,
        "Service" at "spec/template" Template Rollout,
    ]
    "argoproj.io": [
        "Rollout" at "spec/template" Template Rollout,
    ]
    "keda.sh": [
        "ScaledJob" at "spec/jobTargetRef/template" Template NextRun,
    ]
    "kubeflow.org": [
        "PyTorchJob" at "spec/pytorchReplicaSpecs/*/template" Template NextRun,
        "TFJob" at "spec/tfReplicaSpecs/*/template" Template NextRun,
        "XGBoostJob" at "spec/xgbReplicaSpecs/*/template" Template NextRun,
        "PaddleJob" at "spec/paddleReplicaSpecs/*/template" Template NextRun,
        "MXJob" at "spec/mxReplicaSpecs/*/template" Template NextRun,
        "MPIJob" at "spec/mpiReplicaSpecs/*/template" Template NextRun,
        "Notebook" at "spec/template/spec" PodSpec Rollout,
    ]
    "apps.kruise.io": [
        "CloneSet" at "spec/template" Template Rollout,
        "StatefulSet" at "spec/template" Template Rollout,
        "DaemonSet" at "spec/template" Template Rollout,
        "BroadcastJob" at "spec/template" Template NextRun,
        "AdvancedCronJob" at "spec/template/jobTemplate/spec/template" Template NextRun,
        "AdvancedCronJob" at "spec/template/broadcastJobTemplate/spec/template" Template NextRun,
    ]
    "jobset.x-k8s.io": [
        "JobSet" at "spec/replicatedJobs[]/template/spec/template" Template Immutable,
    ]
    "leaderworkerset.x-k8s.io": [
        "LeaderWorkerSet" at "spec/leaderWorkerTemplate/leaderTemplate" Template Rollout,
        "LeaderWorkerSet" at "spec/leaderWorkerTemplate/workerTemplate" Template Rollout,
    ]
    // ECK adds its own container to these; only containers that the author names as well are seen here.
    "elasticsearch.k8s.elastic.co": [
        "Elasticsearch" at "spec/nodeSets[]/podTemplate" Template Rollout,
    ]
    "kibana.k8s.elastic.co": [
        "Kibana" at "spec/podTemplate" Template Rollout,
    ]
    "apm.k8s.elastic.co": [
        "ApmServer" at "spec/podTemplate" Template Rollout,
    ]
    "enterprisesearch.k8s.elastic.co": [
        "EnterpriseSearch" at "spec/podTemplate" Template Rollout,
    ]
    "maps.k8s.elastic.co": [
        "ElasticMapsServer" at "spec/podTemplate" Template Rollout,
    ]
    "logstash.k8s.elastic.co": [
        "Logstash" at "spec/podTemplate" Template Rollout,
    ]
};

/// Where objects of a kind that fitout does not know keep pods. What is found there is fitted like the pods of a
/// Deployment, so declare only kinds whose controller takes every field of a pod.
///
/// ```yaml
/// podSpecs:
/// - group: acme.io
///   kind: Widget
///   version: v1.*
///   path: spec/pools[]/podTemplate
/// ```
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
        walk::fault(&self.path)
    }

    /// Whether the declaration is about an object.
    pub fn is_for(&self, resource: &Resource<'_>) -> bool {
        resource.is_of(&self.group, self.version.as_ref(), &self.kind)
    }
}

impl Resource<'_> {
    /// Whether the object is of a group, version and kind.
    pub(super) fn is_of(&self, group: &str, version: Option<&Pattern>, kind: &str) -> bool {
        self.group() == group
            && self.kind == kind
            && version.is_none_or(|version| version.matches(self.version()))
    }
}

/// The places in which an object may keep pods by its kind, whatever the config says.
pub(super) fn known_places(resource: &Resource<'_>) -> impl Iterator<Item = &'static Place> {
    PLACES
        .iter()
        .filter(|place| resource.is_of(place.group, None, place.kind))
}

/// Whether fitout knows where objects of this kind keep pods.
pub fn is_known_kind(resource: &Resource<'_>) -> bool {
    known_places(resource).next().is_some()
}

/// The group and kind of the built-in workload that a kind names, in whatever case.
pub fn workload_kind(kind: &str) -> Option<(&'static str, &'static str)> {
    let is_built_in = |place: &&Place| !place.group.contains('.');
    let mut places = PLACES.iter().filter(is_built_in);
    let known = places.find(|place| place.kind.eq_ignore_ascii_case(kind));
    known.map(|place| (place.group, place.kind))
}
