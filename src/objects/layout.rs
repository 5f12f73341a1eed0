//! What of a pod there is at a place, and under which names: most kinds hold whole pods, and some only parts of them.

use super::places::Form;

/// What objects of a kind have at a place.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) form: Form,
    /// The fields of a pod spec that may be written.
    pub(super) fields: &'static [&'static str],
    /// The operator sets a security context of its own where the author sets none, and drops it as a whole where he sets
    /// one: only one that is there is fitted.
    pub(super) keeps_context: bool,
    /// The lists of containers, and places of single ones, in the pod spec or in each group.
    pub(super) containers: &'static [&'static str],
    pub(super) groups: Groups,
    /// A place of containers, and the key beside it that has what they inherit.
    pub(super) inherits: Option<(&'static str, &'static str)>,
    /// The key by which a container is only a reference to one that stands elsewhere.
    pub(super) reference: Option<&'static str>,
    /// Mappings that have the amounts of a container that the operator makes, and its name.
    pub(super) made: &'static [(&'static str, &'static str)],
    /// Such amounts are fitted only where there are some: otherwise they come from another object.
    pub(super) keeps_amounts: bool,
    /// The operator adds containers that the object does not name.
    pub(super) has_more_containers: bool,
    /// The key of a container's amounts; empty where it has none.
    pub(super) resources_key: &'static str,
}

/// How many pods there are at a place.
#[derive(Debug)]
pub(super) enum Groups {
    /// One, or one after another.
    Pod,
    /// One for each of Argo's `templates` that has no security context of its own.
    Templates,
    /// One, if it has a security context of its own.
    WithContext,
}

const NOTHING: Layout = Layout {
    form: Form::PodSpec,
    fields: &[],
    keeps_context: false,
    containers: &[],
    groups: Groups::Pod,
    inherits: None,
    reference: None,
    made: &[],
    keeps_amounts: false,
    has_more_containers: false,
    resources_key: "resources",
};

pub(super) const POD_SPEC: Layout = Layout {
    fields: &[
        "securityContext",
        "volumes",
        "resources",
        "automountServiceAccountToken",
        "hostUsers",
        "enableServiceLinks",
    ],
    containers: &["initContainers[]", "containers[]"],
    ..NOTHING
};

pub(super) const TEMPLATE: Layout = Layout {
    form: Form::Template,
    ..POD_SPEC
};

/// Only a Pod has ephemeral containers.
pub(super) const POD: Layout = Layout {
    containers: &["initContainers[]", "containers[]", "ephemeralContainers[]"],
    ..TEMPLATE
};

/// A template to which an operator adds its own container, or into which it merges it. `WithPodSecurityContext` in ECK's
/// `pkg/controller/common/defaults/pod_template.go` and `WithSecurityContext` of CloudNativePG's `podspec` builder leave
/// a context alone that is there, and lose the group of their volumes with it.
pub(super) const OPERATED: Layout = Layout {
    keeps_context: true,
    has_more_containers: true,
    ..TEMPLATE
};

/// A list of containers, or one, with nothing known of the pods around it.
pub(super) const CONTAINERS: Layout = Layout {
    form: Form::Containers,
    ..NOTHING
};

/// Tekton's TaskSpec. A step that refers to a StepAction has no container of its own.
pub(super) const TASK: Layout = Layout {
    fields: &["volumes"],
    containers: &["steps[]", "sidecars[]"],
    inherits: Some(("steps[]", "stepTemplate")),
    reference: Some("ref"),
    resources_key: "computeResources",
    ..CONTAINERS
};

/// The same, when amounts were called as in pods.
pub(super) const TASK_BEFORE_V1: Layout = Layout {
    resources_key: "resources",
    ..TASK
};

/// Tekton's StepActionSpec, a container without amounts.
pub(super) const STEP_ACTION: Layout = Layout {
    containers: &["spec"],
    resources_key: "",
    ..CONTAINERS
};

/// Tekton's `pod.Template`: the pod around the steps of a task that stands elsewhere.
pub(super) const TASK_POD: Layout = Layout {
    fields: &[
        "securityContext",
        "automountServiceAccountToken",
        "enableServiceLinks",
    ],
    has_more_containers: true,
    ..NOTHING
};

/// Argo's WorkflowSpec. Its executor needs the token unless it has a ServiceAccount of its own (`setupServiceAccount` in
/// `workflow/controller/workflowpod.go`), so the token is not taken from it.
pub(super) const WORKFLOW: Layout = Layout {
    fields: &["securityContext", "volumes"],
    containers: &[
        "initContainers[]",
        "container",
        "script",
        "containerSet/containers[]",
        "sidecars[]",
    ],
    groups: Groups::Templates,
    // Mounts of a set are those of each of its containers.
    inherits: Some(("containerSet/containers[]", "containerSet")),
    ..NOTHING
};

/// One of its templates that has a security context, which replaces the workflow's (`addSchedulingConstraints` there).
pub(super) const WORKFLOW_TEMPLATE: Layout = Layout {
    groups: Groups::WithContext,
    ..WORKFLOW
};

/// What prometheus-operator makes pods of. It gives its containers a restricted context itself; `containers` are patches.
const MONITORING: Layout = Layout {
    fields: &["securityContext"],
    has_more_containers: true,
    ..NOTHING
};

pub(super) const PROMETHEUS: Layout = Layout {
    made: &[("", "prometheus"), ("thanos", "thanos-sidecar")],
    ..MONITORING
};

pub(super) const ALERTMANAGER: Layout = Layout {
    made: &[("", "alertmanager")],
    ..MONITORING
};

pub(super) const THANOS_RULER: Layout = Layout {
    made: &[("", "thanos-ruler")],
    ..MONITORING
};

/// CloudNativePG decides on users and contexts itself, by the image.
pub(super) const POSTGRES: Layout = Layout {
    made: &[("", "postgres")],
    ..NOTHING
};

/// Strimzi's custom resources that are one kind of pod.
pub(super) const STRIMZI: Layout = Layout {
    made: &[("", "kafka")],
    ..NOTHING
};

pub(super) const STRIMZI_CONNECT: Layout = Layout {
    made: &[("", "connect")],
    ..NOTHING
};

pub(super) const STRIMZI_MIRROR: Layout = Layout {
    made: &[("", "mirror-maker2")],
    ..NOTHING
};

pub(super) const STRIMZI_BRIDGE: Layout = Layout {
    made: &[("", "bridge")],
    ..NOTHING
};

/// A pool without amounts takes those of its Kafka.
pub(super) const STRIMZI_POOL: Layout = Layout {
    keeps_amounts: true,
    ..STRIMZI
};

/// Before `v1` the amounts of brokers stood in Kafka.
pub(super) const STRIMZI_BEFORE_V1: Layout = Layout {
    made: &[
        ("kafka", "kafka"),
        ("zookeeper", "zookeeper"),
        ("entityOperator/topicOperator", "topic-operator"),
        ("entityOperator/userOperator", "user-operator"),
        ("cruiseControl", "cruise-control"),
        ("kafkaExporter", "kafka-exporter"),
    ],
    ..NOTHING
};

pub(super) const STRIMZI_V1: Layout = Layout {
    made: &[
        ("entityOperator/topicOperator", "topic-operator"),
        ("entityOperator/userOperator", "user-operator"),
        ("cruiseControl", "cruise-control"),
        ("kafkaExporter", "kafka-exporter"),
    ],
    ..NOTHING
};

/// Strimzi's `template.pod`. A context that is there replaces the one of its `PodSecurityProvider`, and with it the group
/// of the volumes.
pub(super) const STRIMZI_POD: Layout = Layout {
    fields: &["securityContext"],
    keeps_context: true,
    has_more_containers: true,
    ..NOTHING
};
