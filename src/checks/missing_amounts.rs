//! FIT-RES001 and FIT-RES003: containers without requests or limits.
//!
//! Without requests, the scheduler assumes that a pod needs nothing, and the kubelet evicts it first. Without a memory limit,
//! one leak uses up the node's memory. A CPU limit is a matter of taste because it throttles programs even while CPUs are
//! idle, so a missing one is only info.
//!
//! A limit without a request counts as both, as in the API server. Amounts of the pod as a whole count for each container,
//! and so do the defaults of a LimitRange in the input. Ephemeral containers and StepActions cannot have resources.
//!
//! Sources: `SetDefaults_Pod` in kubernetes `pkg/apis/core/v1/defaults.go`, `defaultContainerResourceRequirements` in
//! `plugin/pkg/admission/limitranger/admission.go`.

use kustomize_krm_types::Severity;

use super::{Check, Find, Pod};
use crate::facts::{Declared, Half};
use crate::finding::Finding;
use crate::objects::ContainerType;
use crate::rules::{Rule, rules};

rules! {
    RULES;
    REQUEST: "FIT-RES001" Warning OnCheck
        "a container without a CPU or memory request"
        ("kube-linter unset-cpu-requirements, unset-memory-requirements; Polaris cpuRequestsMissing, memoryRequestsMissing; kube-score container-resources; kubescape C-0268, C-0269");
    LIMIT: "FIT-RES003" Warning OnCheck
        "a container without a memory limit or, as info, a CPU limit"
        ("kube-linter unset-memory-requirements; Polaris memoryLimitsMissing, cpuLimitsMissing; kube-score container-resources; kubescape C-0270, C-0271");
}

pub(super) const CHECK: Check = Check {
    name: "missingAmounts",
    rules: RULES,
    find: &[Find::PodsAmong(missing)],
};

/// The requests and limits that are not set.
fn missing(pod: &Pod<'_, '_>) -> Vec<Finding> {
    const WANTED: [(&Rule, Severity, Half, &str); 4] = [
        (&REQUEST, Severity::Warning, Half::Requests, "cpu"),
        (&REQUEST, Severity::Warning, Half::Requests, "memory"),
        (&LIMIT, Severity::Warning, Half::Limits, "memory"),
        (&LIMIT, Severity::Info, Half::Limits, "cpu"),
    ];
    let related = &pod.scene.objects().related;
    let of_pod = Declared::of(pod.after().spec, "resources").with_implicit_requests();
    let is_operated = pod.template.has_more_containers && !pod.template.is_whole();
    let containers = pod.template.containers.len();
    let limits = related.limits_of(pod.selected.target.resource, containers);
    let mut findings = Vec::new();
    for container in &pod.template.containers {
        let key = container.resources_key;
        let is_selected = pod.selected.containers.includes(container);
        // Without an image it is a part of a container that its operator creates.
        let is_part = is_operated && container.node.at(["image"]).is_none();
        let cannot_have = container.container_type == ContainerType::Ephemeral || key.is_empty();
        if is_part || cannot_have || !is_selected {
            continue;
        }
        let mut own = Declared::of(pod.container(container), key).with_implicit_requests();
        for item in limits {
            own.complete(item);
        }
        for (rule, severity, half, name) in WANTED {
            let is_set = |it: &Declared<'_>| it.half(half).has(name);
            if is_set(&own) || is_set(&of_pod) {
                continue;
            }
            let subject = &container.subject;
            let leaf = half.leaf(name);
            let [a, b, c] = subject.part.words();
            let message = [a, b, c, ": resources.", &leaf, " is not set"].concat();
            let finding = Finding::graded(rule, severity, message)
                .about(subject, &[key, half.key(), name])
                .leaf(["resources.", &leaf].concat())
                .help("set it in the manifest, or in `resources.containers` of the config");
            findings.push(finding);
        }
    }
    findings
}
