//! Where objects have pods: built-in kinds, kinds of common operators, and kinds that a config declares.
//!
//! Knative accepts only some pod fields; the `securityContext` transformer knows which.

use serde::Deserialize;

use super::layout::{self, Layout};
use super::walk;
use crate::kubernetes::Pattern;
use crate::read::Resource;

/// A place that objects of a kind have pods at.
pub(super) struct Place {
    kind: &'static str,
    /// The versions that the row applies to; empty for all.
    versions: &'static [&'static str],
    /// Same syntax as [`PodSpecs::path`].
    pub(super) path: &'static str,
    pub(super) layout: &'static Layout,
    pub(super) on_change: OnChange,
}

/// What a change of a pod template does to running pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnChange {
    /// The controller replaces the pods.
    Rollout,
    /// Only pods that start later get it.
    NextRun,
    /// The API server rejects it on an existing object.
    Immutable,
    /// The pod is not made from a template.
    Nothing,
}

/// The places of each group, as rows of kind, version (if only one), path, layout and effect of a change.
macro_rules! places {
    ($($group:literal: [$($kind:literal $(of $version:literal)? at $path:literal $layout:ident $on_change:ident,)*])*) => {
        &[$(($group, &[$(Place {
            kind: $kind,
            versions: &[$($version)?],
            path: $path,
            layout: &layout::$layout,
            on_change: OnChange::$on_change,
        },)*]),)*]
    };
}

/// The rows of each group follow the Go types of the version in the comment.
const PLACES: &[(&str, &[Place])] = places! {
    // k8s.io/api v0.37.0
    "": [
        "Pod" at "" POD Nothing,
        "PodTemplate" at "template" TEMPLATE NextRun,
        "ReplicationController" at "spec/template" TEMPLATE NextRun,
    ]
    "apps": [
        "Deployment" at "spec/template" TEMPLATE Rollout,
        "StatefulSet" at "spec/template" TEMPLATE Rollout,
        "DaemonSet" at "spec/template" TEMPLATE Rollout,
        "ReplicaSet" at "spec/template" TEMPLATE NextRun,
    ]
    "batch": [
        "Job" at "spec/template" TEMPLATE Immutable,
        "CronJob" at "spec/jobTemplate/spec/template" TEMPLATE NextRun,
    ]
    // knative.dev/serving v0.51.0; a Revision is itself a template, and immutable.
    "serving.knative.dev": [
        "Configuration" at "spec/template" TEMPLATE Rollout,
        "Service" at "spec/template" TEMPLATE Rollout,
        "Revision" at "" TEMPLATE Immutable,
    ]
    // github.com/argoproj/argo-rollouts v1.8.3, github.com/argoproj/argo-workflows/v3 v3.6.5
    "argoproj.io": [
        "Rollout" at "spec/template" TEMPLATE Rollout,
        "Workflow" at "spec" WORKFLOW NextRun,
        "Workflow" at "spec/templates[]" WORKFLOW_TEMPLATE NextRun,
        "WorkflowTemplate" at "spec" WORKFLOW NextRun,
        "WorkflowTemplate" at "spec/templates[]" WORKFLOW_TEMPLATE NextRun,
        "ClusterWorkflowTemplate" at "spec" WORKFLOW NextRun,
        "ClusterWorkflowTemplate" at "spec/templates[]" WORKFLOW_TEMPLATE NextRun,
        "CronWorkflow" at "spec/workflowSpec" WORKFLOW NextRun,
        "CronWorkflow" at "spec/workflowSpec/templates[]" WORKFLOW_TEMPLATE NextRun,
    ]
    // github.com/tektoncd/pipeline v1.0.0
    "tekton.dev": [
        "Task" of "v1" at "spec" TASK NextRun,
        "Task" of "v1beta1" at "spec" TASK_BEFORE_V1 NextRun,
        "ClusterTask" of "v1beta1" at "spec" TASK_BEFORE_V1 NextRun,
        "StepAction" at "" STEP_ACTION NextRun,
        "Pipeline" of "v1" at "spec/tasks[]/taskSpec" TASK NextRun,
        "Pipeline" of "v1" at "spec/finally[]/taskSpec" TASK NextRun,
        "Pipeline" of "v1beta1" at "spec/tasks[]/taskSpec" TASK_BEFORE_V1 NextRun,
        "Pipeline" of "v1beta1" at "spec/finally[]/taskSpec" TASK_BEFORE_V1 NextRun,
        "TaskRun" of "v1" at "spec/taskSpec" TASK Immutable,
        "TaskRun" of "v1beta1" at "spec/taskSpec" TASK_BEFORE_V1 Immutable,
        "TaskRun" at "spec/podTemplate" TASK_POD Immutable,
        "PipelineRun" of "v1" at "spec/pipelineSpec/tasks[]/taskSpec" TASK Immutable,
        "PipelineRun" of "v1" at "spec/pipelineSpec/finally[]/taskSpec" TASK Immutable,
        "PipelineRun" of "v1" at "spec/taskRunTemplate/podTemplate" TASK_POD Immutable,
        "PipelineRun" of "v1" at "spec/taskRunSpecs[]/podTemplate" TASK_POD Immutable,
        "PipelineRun" of "v1beta1" at "spec/pipelineSpec/tasks[]/taskSpec" TASK_BEFORE_V1 Immutable,
        "PipelineRun" of "v1beta1" at "spec/pipelineSpec/finally[]/taskSpec" TASK_BEFORE_V1 Immutable,
        "PipelineRun" of "v1beta1" at "spec/podTemplate" TASK_POD Immutable,
        "PipelineRun" of "v1beta1" at "spec/taskRunSpecs[]/taskPodTemplate" TASK_POD Immutable,
    ]
    // github.com/kedacore/keda/v2 v2.21.0
    "keda.sh": [
        "ScaledJob" at "spec/jobTargetRef/template" TEMPLATE NextRun,
    ]
    // github.com/kubeflow/training-operator v1.8.1; Notebook: kubeflow/kubeflow at b9f455d
    "kubeflow.org": [
        "PyTorchJob" at "spec/pytorchReplicaSpecs/*/template" TEMPLATE NextRun,
        "TFJob" at "spec/tfReplicaSpecs/*/template" TEMPLATE NextRun,
        "XGBoostJob" at "spec/xgbReplicaSpecs/*/template" TEMPLATE NextRun,
        "PaddleJob" at "spec/paddleReplicaSpecs/*/template" TEMPLATE NextRun,
        "MXJob" at "spec/mxReplicaSpecs/*/template" TEMPLATE NextRun,
        "MPIJob" at "spec/mpiReplicaSpecs/*/template" TEMPLATE_WITH_ACCOUNT NextRun,
        "Notebook" at "spec/template/spec" POD_SPEC Rollout,
    ]
    // github.com/openkruise/kruise-api v1.8.0
    "apps.kruise.io": [
        "CloneSet" at "spec/template" TEMPLATE Rollout,
        "StatefulSet" at "spec/template" TEMPLATE Rollout,
        "DaemonSet" at "spec/template" TEMPLATE Rollout,
        "BroadcastJob" at "spec/template" TEMPLATE NextRun,
        "AdvancedCronJob" at "spec/template/jobTemplate/spec/template" TEMPLATE NextRun,
        "AdvancedCronJob" at "spec/template/broadcastJobTemplate/spec/template" TEMPLATE NextRun,
        "UnitedDeployment" at "spec/template/statefulSetTemplate/spec/template" TEMPLATE Rollout,
        "UnitedDeployment" at "spec/template/advancedStatefulSetTemplate/spec/template" TEMPLATE Rollout,
        "UnitedDeployment" at "spec/template/cloneSetTemplate/spec/template" TEMPLATE Rollout,
        "UnitedDeployment" at "spec/template/deploymentTemplate/spec/template" TEMPLATE Rollout,
    ]
    // sigs.k8s.io/jobset v0.8.0
    "jobset.x-k8s.io": [
        "JobSet" at "spec/replicatedJobs[]/template/spec/template" TEMPLATE Immutable,
    ]
    // sigs.k8s.io/lws v0.6.1
    "leaderworkerset.x-k8s.io": [
        "LeaderWorkerSet" at "spec/leaderWorkerTemplate/leaderTemplate" TEMPLATE Rollout,
        "LeaderWorkerSet" at "spec/leaderWorkerTemplate/workerTemplate" TEMPLATE Rollout,
    ]
    // github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring v0.95.0
    "monitoring.coreos.com": [
        "Prometheus" at "spec" PROMETHEUS Rollout,
        "PrometheusAgent" at "spec" PROMETHEUS Rollout,
        "Alertmanager" at "spec" ALERTMANAGER Rollout,
        "ThanosRuler" at "spec" THANOS_RULER Rollout,
    ]
    // cloudnative-pg/cloudnative-pg at 78b3ecc, api/v1
    "postgresql.cnpg.io": [
        "Cluster" at "spec" POSTGRES Rollout,
        "Pooler" at "spec/template" OPERATED Rollout,
    ]
    // Strimzi's v1beta2, and v1 according to its conversion tool (`KafkaConversions`)
    "kafka.strimzi.io": [
        "Kafka" of "v1" at "spec" STRIMZI_V1 Rollout,
        "Kafka" of "v1beta2" at "spec" STRIMZI_BEFORE_V1 Rollout,
        "Kafka" at "spec/kafka/template/pod" STRIMZI_POD Rollout,
        "Kafka" at "spec/zookeeper/template/pod" STRIMZI_POD Rollout,
        "KafkaNodePool" of "v1" at "spec" STRIMZI Rollout,
        "KafkaNodePool" of "v1beta2" at "spec" STRIMZI_POOL Rollout,
        "KafkaNodePool" at "spec/template/pod" STRIMZI_POD Rollout,
        "KafkaConnect" at "spec" STRIMZI_CONNECT Rollout,
        "KafkaConnect" at "spec/template/pod" STRIMZI_POD Rollout,
        "KafkaMirrorMaker2" at "spec" STRIMZI_MIRROR Rollout,
        "KafkaMirrorMaker2" at "spec/template/pod" STRIMZI_POD Rollout,
        "KafkaBridge" at "spec" STRIMZI_BRIDGE Rollout,
        "KafkaBridge" at "spec/template/pod" STRIMZI_POD Rollout,
    ]
    // github.com/elastic/cloud-on-k8s/v3 v3.5.0
    "elasticsearch.k8s.elastic.co": [
        "Elasticsearch" at "spec/nodeSets[]/podTemplate" OPERATED Rollout,
    ]
    "kibana.k8s.elastic.co": [
        "Kibana" at "spec/podTemplate" OPERATED Rollout,
    ]
    "apm.k8s.elastic.co": [
        "ApmServer" at "spec/podTemplate" OPERATED Rollout,
    ]
    "enterprisesearch.k8s.elastic.co": [
        "EnterpriseSearch" at "spec/podTemplate" OPERATED Rollout,
    ]
    "maps.k8s.elastic.co": [
        "ElasticMapsServer" at "spec/podTemplate" OPERATED Rollout,
    ]
    "logstash.k8s.elastic.co": [
        "Logstash" at "spec/podTemplate" OPERATED Rollout,
    ]
    "packageregistry.k8s.elastic.co": [
        "PackageRegistry" at "spec/podTemplate" OPERATED Rollout,
    ]
    "beat.k8s.elastic.co": [
        "Beat" at "spec/daemonSet/podTemplate" OPERATED Rollout,
        "Beat" at "spec/deployment/podTemplate" OPERATED Rollout,
    ]
    "agent.k8s.elastic.co": [
        "Agent" at "spec/daemonSet/podTemplate" OPERATED Rollout,
        "Agent" at "spec/deployment/podTemplate" OPERATED Rollout,
        "Agent" at "spec/statefulSet/podTemplate" OPERATED Rollout,
    ]
};

/// Where objects of a kind that fitout does not know have pods. These pods are changed like those of a Deployment, so
/// declare only kinds whose controller accepts every field of a pod.
///
/// ```yaml
/// podSpecs:
/// - group: acme.io
///   kind: Widget
///   version: v1.*
///   path: spec/pools[]/podTemplate
/// ```
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PodSpecs {
    /// The API group of the kind. Required.
    pub group: String,
    /// Versions of the group, as a pattern. Default: all.
    #[serde(default)]
    pub version: Option<Pattern>,
    /// The kind. Required.
    pub kind: String,
    /// Keys from the object's root, joined by `/`. `name[]` is every item of a list, `*` every value of a map. Required.
    pub path: String,
    /// What is at the path.
    #[serde(default)]
    pub form: Form,
}

/// What is at the path of a [`PodSpecs`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Form {
    /// A PodTemplateSpec, with `metadata` and `spec`.
    #[default]
    Template,
    /// A PodSpec.
    PodSpec,
    /// Containers without a pod: a list (`spec/steps[]`) or a single one (`spec/runner`). Only `resources` and
    /// `securityContext` are written.
    Containers,
}

impl PodSpecs {
    /// What is wrong with the path, if anything.
    pub fn fault(&self) -> Option<String> {
        walk::fault(&self.path)
    }

    /// The path of the pods, their layout, and the list of containers there for the form `Containers`.
    pub(super) fn layout(&self) -> (&str, &'static Layout, &str) {
        let path = self.path.as_str();
        match self.form {
            Form::Template => (path, &layout::TEMPLATE, ""),
            Form::PodSpec => (path, &layout::POD_SPEC, ""),
            Form::Containers => {
                let (at, list) = path.rsplit_once('/').unwrap_or(("", path));
                (at, &layout::CONTAINERS, list)
            }
        }
    }

    /// Whether the declaration applies to an object.
    pub fn is_for(&self, resource: &Resource<'_>) -> bool {
        resource.is_of(&self.group, self.version.as_ref(), &self.kind)
    }
}

impl Resource<'_> {
    /// Whether the object has this group, version and kind.
    pub(super) fn is_of(&self, group: &str, version: Option<&Pattern>, kind: &str) -> bool {
        self.group() == group
            && self.kind == kind
            && version.is_none_or(|version| version.matches(self.version()))
    }
}

/// The places of an object's kind, without those of the config.
pub(super) fn known_places(resource: &Resource<'_>) -> impl Iterator<Item = &'static Place> {
    let (group, version) = (resource.group(), resource.version());
    let of_group = PLACES.iter().find(|(known, _)| *known == group);
    let places = of_group.into_iter().flat_map(|(_, places)| *places);
    places.filter(move |place| {
        resource.kind == place.kind
            && (place.versions.is_empty() || place.versions.contains(&version))
    })
}

/// Whether fitout knows where objects of this kind have pods.
pub fn is_known_kind(resource: &Resource<'_>) -> bool {
    known_places(resource).next().is_some()
}

/// Whether a kind with pods is among those of a group and a resource as in rules of admission, such as `apps` and
/// `deployments`; `*` is any.
pub(super) fn has_pods_in(group: &str, resource: &str) -> bool {
    let is_of = |kind: &str| {
        let singular = resource.strip_suffix('s').unwrap_or(resource);
        resource == "*" || kind.eq_ignore_ascii_case(singular)
    };
    let mut groups = PLACES.iter().filter(|it| group == "*" || group == it.0);
    groups.any(|(_, places)| places.iter().any(|place| is_of(place.kind)))
}

/// Whether an operator creates the pods of this kind, and objects have only a part of them.
pub(super) fn is_operated_kind(resource: &Resource<'_>) -> bool {
    known_places(resource).any(|place| !place.layout.is_whole())
}

/// The group and kind of a built-in workload, given its kind in any case.
pub fn workload_kind(kind: &str) -> Option<(&'static str, &'static str)> {
    let built_in = PLACES.iter().filter(|(group, _)| !group.contains('.'));
    let mut kinds =
        built_in.flat_map(|(group, places)| places.iter().map(move |place| (*group, place.kind)));
    kinds.find(|(_, known)| known.eq_ignore_ascii_case(kind))
}
