//! FIT-RES001 and FIT-RES003: containers that do not say what they need, or what they may use.
//!
//! Without requests the scheduler takes a pod for one that needs nothing, and the kubelet evicts it first. Without a limit
//! of memory one leak takes the node's. A limit of CPU is a matter of taste, because it slows programs down that could
//! have idle CPUs, so that its absence is only told as info.
//!
//! A limit without a request counts as both, as for the API server. So do amounts of the pod as a whole, and the defaults of
//! a LimitRange that is rendered in the namespace. Ephemeral containers and StepActions may have none.
//!
//! Sources: `SetDefaults_Pod` in kubernetes `pkg/apis/core/v1/defaults.go`, `defaultContainerResourceRequirements` in
//! `plugin/pkg/admission/limitranger/admission.go`.

use kustomize_krm_types::Severity;

use super::{Check, Find, Pod};
use crate::facts::{Declared, Half};
use crate::finding::Finding;
use crate::objects::ContainerType;
use crate::rules::{Rule, When};

const REQUEST: Rule = Rule {
    id: "FIT-RES001",
    severity: Severity::Warning,
    when: When::OnCheck,
    meaning: "a container without a request of CPU or memory",
    peers: "kube-linter unset-cpu-requirements, unset-memory-requirements; Polaris cpuRequestsMissing, \
                    memoryRequestsMissing; kube-score container-resources; kubescape C-0268, C-0269",
};
const LIMIT: Rule = Rule {
    id: "FIT-RES003",
    severity: Severity::Warning,
    when: When::OnCheck,
    meaning: "a container without a limit of memory, or, as info, of CPU",
    peers: "kube-linter unset-memory-requirements; Polaris memoryLimitsMissing, cpuLimitsMissing; kube-score \
                    container-resources; kubescape C-0270, C-0271",
};

pub(super) const CHECK: Check = Check {
    name: "missingAmounts",
    rules: &[REQUEST, LIMIT],
    find: Find::Pods(missing),
};

/// The amounts that nothing gives to a container.
fn missing(pod: &Pod<'_, '_>) -> Vec<Finding> {
    const WANTED: [(&Rule, Severity, Half, &str); 4] = [
        (&REQUEST, Severity::Warning, Half::Requests, "cpu"),
        (&REQUEST, Severity::Warning, Half::Requests, "memory"),
        (&LIMIT, Severity::Warning, Half::Limits, "memory"),
        (&LIMIT, Severity::Info, Half::Limits, "cpu"),
    ];
    let related = &pod.scene.objects().related;
    let of_pod = Declared::of(pod.after().spec, "resources").with_implicit_requests();
    let mut findings = Vec::new();
    for container in &pod.template.containers {
        let key = container.resources_key;
        let is_meant = pod.selected.containers.includes(container);
        if container.container_type == ContainerType::Ephemeral || key.is_empty() || !is_meant {
            continue;
        }
        let mut own = Declared::of(pod.container(container), key).with_implicit_requests();
        for item in related.limits_of(pod.selected.target.resource) {
            item.complete(&mut own.requests, &mut own.limits);
        }
        for (rule, severity, half, name) in WANTED {
            let is_there = |it: &Declared| it.half(half).contains_key(name);
            if is_there(&own) || is_there(&of_pod) {
                continue;
            }
            let subject = &container.subject;
            let leaf = half.leaf(name);
            let message = format!("{}: resources.{leaf} is not set", subject.part);
            let finding = Finding::graded(rule, severity, message)
                .about(subject, &[key, half.key(), name])
                .leaf(format!("resources.{leaf}"))
                .help("set it in the manifest, or in `resources.containers` of the config");
            findings.push(finding);
        }
    }
    findings
}
