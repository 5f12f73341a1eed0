//! Which parts of a pod a kind has, and under which keys: most kinds hold a whole pod template, some only parts of it.

use super::places::Form;

/// What objects of a kind have at a path.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) form: Form,
    /// The fields of a pod spec that may be written.
    pub(super) fields: &'static [&'static str],
    /// The operator sets its own security context unless the object has one, so only an existing one is completed.
    pub(super) keeps_context: bool,
    /// Paths of container lists (`[]`) and of single containers, in the pod spec or in each group.
    pub(super) containers: &'static [&'static str],
    pub(super) groups: Groups,
    /// A path of containers, and the key next to it that they inherit from.
    pub(super) inherits: Option<(&'static str, &'static str)>,
    /// The key that makes a container a reference to one defined elsewhere.
    pub(super) reference: Option<&'static str>,
    /// Mappings with the amounts of a container that the operator creates, and the container's name.
    pub(super) made: &'static [(&'static str, &'static str)],
    /// Amounts are only changed if present: otherwise they come from another object.
    pub(super) keeps_amounts: bool,
    /// The operator adds containers that the object does not name.
    pub(super) has_more_containers: bool,
    /// The key of a container's amounts; empty if it cannot have any.
    pub(super) resources_key: &'static str,
}

/// How containers at a path form pods.
#[derive(Debug)]
pub(super) enum Groups {
    /// They are one pod, whose containers run together or one after another.
    Pod,
    /// A pod for each of Argo's `templates` without its own security context.
    Templates,
    /// They are one pod if it has its own security context.
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

impl Layout {
    /// Whether a place has whole pods.
    pub(super) fn is_whole(&self) -> bool {
        self.fields.contains(&"resources") && !self.has_more_containers
    }

    const fn with_made(self, made: &'static [(&'static str, &'static str)]) -> Layout {
        Layout { made, ..self }
    }
}

/// The fields of a pod spec that may be written; the first one decides on the token of the account.
const FIELDS: &[&str] = &[
    "automountServiceAccountToken", "securityContext", "volumes", "resources", "hostUsers",
    "enableServiceLinks",
];

pub(super) const POD_SPEC: Layout = Layout {
    fields: FIELDS,
    containers: &["initContainers[]", "containers[]"],
    ..NOTHING
};

pub(super) const TEMPLATE: Layout = Layout {
    form: Form::Template,
    ..POD_SPEC
};

/// Pods whose account the operator creates and binds unless the object names one, so they need the token.
pub(super) const TEMPLATE_WITH_ACCOUNT: Layout = Layout {
    fields: FIELDS.split_at(1).1,
    ..TEMPLATE
};

/// Only a Pod has ephemeral containers.
pub(super) const POD: Layout = Layout {
    containers: &["initContainers[]", "containers[]", "ephemeralContainers[]"],
    ..TEMPLATE
};

/// A template that an operator adds its container to, or merges it into. `WithPodSecurityContext` in ECK's
/// `pkg/controller/common/defaults/pod_template.go` and `WithSecurityContext` of CloudNativePG's `podspec` builder keep an
/// existing context, and then do not set the group of their volumes.
pub(super) const OPERATED: Layout = Layout {
    keeps_context: true,
    has_more_containers: true,
    ..TEMPLATE
};

/// A list of containers, or a single one, without a known pod.
pub(super) const CONTAINERS: Layout = Layout {
    form: Form::Containers,
    ..NOTHING
};

/// Pods that are found in a kind that fitout does not know.
pub(super) const FOUND_TEMPLATE: Layout = POD;

pub(super) const FOUND_POD_SPEC: Layout = Layout {
    form: Form::PodSpec,
    ..POD
};

/// A mapping there with only some fields of a pod.
pub(super) const FOUND_PART: Layout = Layout {
    fields: &["securityContext"],
    has_more_containers: true,
    ..NOTHING
};

/// Tekton's TaskSpec. A step with a `ref` gets its container from a StepAction.
pub(super) const TASK: Layout = Layout {
    fields: &["volumes"],
    containers: &["steps[]", "sidecars[]"],
    inherits: Some(("steps[]", "stepTemplate")),
    reference: Some("ref"),
    resources_key: "computeResources",
    ..CONTAINERS
};

/// The same before `v1`, with amounts under `resources`.
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

/// Tekton's `pod.Template`: the pod of a task that another object defines.
pub(super) const TASK_POD: Layout = Layout {
    fields: &[
        "securityContext", "automountServiceAccountToken", "enableServiceLinks",
    ],
    has_more_containers: true,
    ..NOTHING
};

/// Argo's WorkflowSpec. Its executor needs the API token unless it has its own ServiceAccount (`setupServiceAccount` in
/// `workflow/controller/workflowpod.go`), so `automountServiceAccountToken` is not written.
pub(super) const WORKFLOW: Layout = Layout {
    fields: &["securityContext", "volumes"],
    containers: &[
        "initContainers[]", "container", "script", "containerSet/containers[]", "sidecars[]",
    ],
    groups: Groups::Templates,
    // Every container of a set has the mounts of the set.
    inherits: Some(("containerSet/containers[]", "containerSet")),
    ..NOTHING
};

/// A template with its own security context, which replaces the workflow's (`addSchedulingConstraints` there).
pub(super) const WORKFLOW_TEMPLATE: Layout = Layout {
    groups: Groups::WithContext,
    ..WORKFLOW
};

/// prometheus-operator sets a restricted context on its containers itself; `containers` are patches.
const MONITORING: Layout = Layout {
    fields: &["securityContext"],
    has_more_containers: true,
    ..NOTHING
};

pub(super) const PROMETHEUS: Layout =
    MONITORING.with_made(&[("", "prometheus"), ("thanos", "thanos-sidecar")]);

pub(super) const ALERTMANAGER: Layout = MONITORING.with_made(&[("", "alertmanager")]);

pub(super) const THANOS_RULER: Layout = MONITORING.with_made(&[("", "thanos-ruler")]);

/// CloudNativePG sets users and contexts itself, depending on the image.
pub(super) const POSTGRES: Layout = NOTHING.with_made(&[("", "postgres")]);

/// Strimzi's custom resources with one kind of pod.
pub(super) const STRIMZI: Layout = NOTHING.with_made(&[("", "kafka")]);

pub(super) const STRIMZI_CONNECT: Layout = NOTHING.with_made(&[("", "connect")]);

pub(super) const STRIMZI_MIRROR: Layout = NOTHING.with_made(&[("", "mirror-maker2")]);

pub(super) const STRIMZI_BRIDGE: Layout = NOTHING.with_made(&[("", "bridge")]);

/// A pool without amounts inherits those of its Kafka.
pub(super) const STRIMZI_POOL: Layout = Layout {
    keeps_amounts: true,
    ..STRIMZI
};

/// Before `v1`, Kafka had the amounts of the brokers.
pub(super) const STRIMZI_BEFORE_V1: Layout = NOTHING.with_made(&[
    ("kafka", "kafka"),
    ("zookeeper", "zookeeper"),
    ("entityOperator/topicOperator", "topic-operator"),
    ("entityOperator/userOperator", "user-operator"),
    ("cruiseControl", "cruise-control"),
    ("kafkaExporter", "kafka-exporter"),
]);

pub(super) const STRIMZI_V1: Layout = NOTHING.with_made(&[
    ("entityOperator/topicOperator", "topic-operator"),
    ("entityOperator/userOperator", "user-operator"),
    ("cruiseControl", "cruise-control"),
    ("kafkaExporter", "kafka-exporter"),
]);

/// Strimzi's `template.pod`. A context replaces that of the `PodSecurityProvider`, including the group of the volumes.
pub(super) const STRIMZI_POD: Layout = Layout {
    fields: &["securityContext"],
    keeps_context: true,
    has_more_containers: true,
    ..NOTHING
};
