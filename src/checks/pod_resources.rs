//! FIT-RES007, 008 and 012: the QoS class, the pod-level resources and the disk usage of pods, with the edits of the config.
//!
//! The QoS class decides which pods are killed first when a node runs out of memory. Pod-level resources must be large enough
//! for those of the containers. A pod is evicted if its volumes on the node's disk grow beyond the ephemeral-storage limits
//! of its containers.
//!
//! Sources: `ComputePodQOS` in kubernetes `pkg/apis/core/v1/helper/qos/qos.go`, `validatePodResources` in
//! `pkg/apis/core/validation/validation.go`, `podEphemeralStorageLimitEviction` in
//! `pkg/kubelet/eviction/eviction_manager.go`.

use super::{Check, Find, Pod};
use crate::facts::{Half, PodAmounts, QosClass, View};
use crate::finding::Finding;
use crate::kubernetes::Quantity;
use crate::objects::Template;
use crate::rules::rules;
use crate::transformers::resources::FITTED_FOR_PODS;

rules! {
    RULES;
    QOS_CLASS: "FIT-RES007" Info Always "a change of the QoS class";
    INCONSISTENT: "FIT-RES008" Error Always "pod-level resources that the API server rejects";
    VOLUMES: "FIT-RES012" Warning Always "volumes that can grow beyond the ephemeral-storage limit of their pod";
}

pub(super) const CHECK: Check = Check {
    name: "podResources",
    rules: RULES,
    find: &[Find::PodsAmong(|pod| {
        let Some(amounts) = pod.amounts() else {
            // What the API server refuses does not depend on what the config selects.
            let is_asked = pod.scene.config.validate_only
                && pod.template.is_whole()
                && pod.template.spec.get("resources").is_some();
            return match is_asked {
                true => inconsistent(pod.template, &pod.completed(pod.after())),
                false => Vec::new(),
            };
        };
        let mut findings = Vec::new();
        findings.extend(other_qos_class(pod, &amounts));
        findings.extend(inconsistent(pod.template, &amounts));
        findings.extend(volumes(pod, &amounts));
        findings
    })],
};

/// A change of the QoS class. Any amount changes `BestEffort`, which is expected and not reported.
fn other_qos_class(pod: &Pod<'_, '_>, amounts: &PodAmounts<'_>) -> Option<Finding> {
    let mut changes = pod.scene.changes_of(pod.selected.index).iter();
    let sections = &pod.scene.transformers.resources;
    if !changes.any(|change| change.rule == sections.name()) {
        return None;
    }
    let before = pod.completed(pod.before()).qos_class();
    if before == QosClass::BestEffort {
        return None;
    }
    let after = amounts.qos_class();
    if before == after {
        return None;
    }
    let subject = &pod.template.pod;
    let message = format!(
        "{}: its QoS class changes from {before} to {after}",
        subject.part
    );
    Some(Finding::new(&QOS_CLASS, message).about(subject, &[]))
}

/// Pod-level resources that the API server rejects.
fn inconsistent(template: &Template<'_>, amounts: &PodAmounts<'_>) -> Vec<Finding> {
    let declared = &amounts.pod;
    let mut findings = Vec::new();
    for half in Half::BOTH {
        for (name, amount) in declared.half(half).iter() {
            let is_pages = name.starts_with("hugepages-");
            let is_supported = FITTED_FOR_PODS.contains(&name) || is_pages;
            // A missing request defaults to the sum of the containers' requests.
            let is_summed = half == Half::Requests || is_pages || !declared.requests.has(name);
            let sum = amounts.sum_of_requests(name);
            let what = match (sum, amounts.largest_limit(name), declared.limits.get(name)) {
                _ if template.is_windows => "cannot be set for a Windows pod".to_owned(),
                _ if !is_supported => "cannot be set for a whole pod".to_owned(),
                (_, _, Some(limit)) if half == Half::Requests && amount > limit => {
                    format!("is {amount}, above the pod's limit of {limit}")
                }
                (_, _, Some(limit)) if half == Half::Requests && is_pages && amount < limit => {
                    format!("is {amount}, but its limit is {limit}; both must be equal")
                }
                (_, Some(largest), _) if half == Half::Limits && largest > amount => {
                    format!("is {amount}, but a container has a limit of {largest}")
                }
                (Some(sum), _, _) if is_summed && sum > amount => {
                    format!("is {amount}, but the containers request {sum} in total")
                }
                _ => continue,
            };
            let subject = &template.pod;
            let message = format!("{}: resources.{half}.{name} {what}", subject.part);
            let finding = Finding::new(&INCONSISTENT, message)
                .about(subject, &["resources", half.key(), name])
                .help("change it: the API server rejects the pod");
            findings.push(finding);
        }
    }
    findings
}

fn volumes(pod: &Pod<'_, '_>, amounts: &PodAmounts<'_>) -> Option<Finding> {
    let limit = amounts.sum(Half::Limits, "ephemeral-storage")?;
    let sizes = pod.after().spec.items_at(["volumes"]).filter_map(|volume| {
        let directory = volume.get("emptyDir")?;
        // Volumes with a medium are not on the node's disk.
        let is_on_disk = directory.text_at(["medium"]).is_none_or(|it| it.is_empty());
        let size = directory.get("sizeLimit").and_then(View::quantity);
        size.filter(|_| is_on_disk)
    });
    let sum = sizes.reduce(|sum: Quantity, size| sum.checked_add(size).unwrap_or(sum))?;
    let subject = &pod.template.pod;
    let message = format!(
        "{}: its emptyDir volumes can grow to {sum}, but it is evicted above its ephemeral-storage limit of {limit}",
        subject.part
    );
    let finding = Finding::new(&VOLUMES, message)
        .about(subject, &["volumes"])
        .help("raise the ephemeral-storage limits, or lower `sizeLimit`");
    (sum > limit).then_some(finding)
}
