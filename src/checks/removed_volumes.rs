//! FIT-POD001: volumes of types that Kubernetes no longer mounts.
//!
//! The API server accepts them, but the kubelet has no plugin for them, and the pods wait for their volumes forever.
//!
//! Sources: the folders in `pkg/volume` of each version of kubernetes, and `GitRepoVolumeDriver` in
//! `pkg/features/kube_features.go`.

use kustomize_krm_types::Severity;

use super::{Check, Find, Pod};
use crate::finding::Finding;
use crate::kubernetes::Version;
use crate::rules::rules;

rules! {
    RULES;
    REMOVED: "FIT-POD001" Error OnCheck "a volume of a type that the Kubernetes version does not mount";
}

/// A type of volume, the minor version that disables it by default, the one that removes it, and what to use instead.
type Removed = (&'static str, u32, u32, &'static str);

const CEPH: &str = "use a claim of the Ceph CSI driver";
const CLAIM: &str = "use a claim of a CSI driver";

const TYPES: [Removed; 9] = [
    (
        "gitRepo",
        33,
        36,
        "clone the repository in an init container, into an emptyDir",
    ),
    ("cephfs", 31, 31, CEPH),
    ("rbd", 31, 31, CEPH),
    ("glusterfs", 26, 26, CLAIM),
    ("flocker", 25, 25, CLAIM),
    ("photonPersistentDisk", 25, 25, CLAIM),
    ("quobyte", 25, 25, CLAIM),
    ("scaleIO", 25, 25, CLAIM),
    ("storageos", 25, 25, CLAIM),
];

pub(super) const CHECK: Check = Check {
    name: "removedVolumes",
    rules: RULES,
    find: &[Find::Pods(removed)],
};

fn removed(pod: &Pod<'_, '_>) -> Vec<Finding> {
    let version = pod.scene.config.kubernetes_version;
    let minor = version.unwrap_or(Version::LATEST).minor();
    let volumes = pod.template.volumes().enumerate();
    let findings = volumes.filter_map(|(index, volume)| {
        let is_of = |it: &&Removed| volume.at([it.0]).is_some();
        let (kind, disabled, removed, help) = TYPES.iter().find(is_of)?;
        let (severity, why) = match minor {
            _ if minor >= *removed => (
                Severity::Error,
                format!("since 1.{removed} Kubernetes does not mount it"),
            ),
            _ if minor >= *disabled => (
                Severity::Warning,
                format!("since 1.{disabled} Kubernetes does not mount it by default"),
            ),
            _ => return None,
        };
        let subject = &pod.template.pod;
        let name = volume.text_at(["name"]).unwrap_or_default();
        let message = format!(
            "{}: the volume \"{name}\" is of the type {kind}: {why}, and the pods do not start",
            subject.part
        );
        let field = ["volumes", &index.to_string(), kind];
        let finding = Finding::graded(&REMOVED, severity, message).about(subject, &field);
        Some(finding.help(*help))
    });
    findings.collect()
}
