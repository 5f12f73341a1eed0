//! FIT-RES007, 008 and 012: what the amounts of a pod come to as they will be.
//!
//! Another QoS class ranks the pod otherwise when its node runs out of memory. Amounts of the pod itself have to hold those
//! of its containers. Volumes on the node's disk that may grow beyond what the containers together may store there get the
//! pod evicted.
//!
//! Sources: `ComputePodQOS` in kubernetes `pkg/apis/core/v1/helper/qos/qos.go`, `validatePodResources` in
//! `pkg/apis/core/validation/validation.go`, `podEphemeralStorageLimitEviction` in
//! `pkg/kubelet/eviction/eviction_manager.go`.

use kustomize_krm_types::Severity;

use super::{Check, Find, Pod};
use crate::facts::{Half, PodAmounts, QosClass, View};
use crate::finding::Finding;
use crate::kubernetes::Quantity;
use crate::objects::Template;
use crate::rules::{Rule, rule};
use crate::transformers::resources::FITTED_FOR_PODS;

const QOS_CLASS: Rule = rule("FIT-RES007", Severity::Info, "another QoS class");
const INCONSISTENT: Rule = rule(
    "FIT-RES008",
    Severity::Error,
    "amounts of a pod that its containers do not fit in",
);
const VOLUMES: Rule = rule(
    "FIT-RES012",
    Severity::Warning,
    "volumes that may grow beyond what their pod may store",
);

pub(super) const CHECK: Check = Check {
    name: "podResources",
    rules: &[QOS_CLASS, INCONSISTENT, VOLUMES],
    find: Find::Pods(|pod| {
        let Some(amounts) = pod.amounts() else {
            return Vec::new();
        };
        let mut findings = Vec::new();
        findings.extend(other_qos_class(pod, &amounts));
        findings.extend(inconsistent(pod.template, &amounts));
        findings.extend(volumes(pod, &amounts));
        findings
    }),
};

/// Pods without a class (`BestEffort`) get one by the first amount of all, which goes without saying.
fn other_qos_class(pod: &Pod<'_, '_>, amounts: &PodAmounts) -> Option<Finding> {
    let mut changes = pod.scene.changes_of(pod.selected.index).iter();
    let sections = &pod.scene.transformers.resources;
    if !changes.any(|change| change.rule == sections.name()) {
        return None;
    }
    let before = pod.completed(pod.before()).qos_class();
    let after = amounts.qos_class();
    let subject = &pod.template.pod;
    let message = format!(
        "{}: its QoS class was {before} and becomes {after}",
        subject.part
    );
    let finding = Finding::new(&QOS_CLASS, message).about(subject, &[]);
    (before != after && before != QosClass::BestEffort).then_some(finding)
}

/// What the API server refuses of a pod's own amounts.
fn inconsistent(template: &Template<'_>, amounts: &PodAmounts) -> Vec<Finding> {
    let declared = &amounts.pod;
    let mut findings = Vec::new();
    for half in Half::BOTH {
        for (name, amount) in declared.half(half) {
            let is_pages = name.starts_with("hugepages-");
            let is_supported = FITTED_FOR_PODS.contains(&name.as_str()) || is_pages;
            // What is not declared is completed from what the containers ask for.
            let is_summed =
                half == Half::Requests || is_pages || !declared.requests.contains_key(name);
            let sum = amounts.sum_of_requests(name);
            let what = match (sum, amounts.largest_limit(name), declared.limits.get(name)) {
                _ if template.is_windows => "may not be set for a pod on Windows".to_owned(),
                _ if !is_supported => "may not be set for a whole pod".to_owned(),
                (_, _, Some(limit)) if half == Half::Requests && amount > limit => {
                    format!("is {amount}, above the pod's limit of {limit}")
                }
                (_, _, Some(limit)) if half == Half::Requests && is_pages && amount < limit => {
                    format!("is {amount}, and its limit is {limit}")
                }
                (_, Some(largest), _) if half == Half::Limits && largest > *amount => {
                    format!("is {amount}, and a container has a limit of {largest}")
                }
                (Some(sum), _, _) if is_summed && sum > *amount => {
                    format!("is {amount}, and the containers request {sum} together")
                }
                _ => continue,
            };
            let subject = &template.pod;
            let message = format!("{}: resources.{half}.{name} {what}", subject.part);
            let finding = Finding::new(&INCONSISTENT, message)
                .about(subject, &["resources", half.key(), name])
                .help("the API server refuses such a pod");
            findings.push(finding);
        }
    }
    findings
}

fn volumes(pod: &Pod<'_, '_>, amounts: &PodAmounts) -> Option<Finding> {
    let limit = amounts.sum(Half::Limits, "ephemeral-storage")?;
    let sizes = pod.after().spec.items_at(["volumes"]).filter_map(|volume| {
        let directory = volume.get("emptyDir")?;
        // What has a medium is no disk of the node's.
        let is_on_disk = directory.text_at(["medium"]).is_none_or(|it| it.is_empty());
        let size = directory.get("sizeLimit").and_then(View::quantity);
        size.filter(|_| is_on_disk)
    });
    let sum = sizes.reduce(|sum: Quantity, size| sum.checked_add(size).unwrap_or(sum))?;
    let subject = &pod.template.pod;
    let message = format!(
        "{}: its emptyDir volumes may hold {sum}, and it is evicted above its ephemeral-storage limit of {limit}",
        subject.part
    );
    let finding = Finding::new(&VOLUMES, message)
        .about(subject, &["volumes"])
        .help("raise the limits of ephemeral-storage, or lower `sizeLimit`");
    (sum > limit).then_some(finding)
}
