//! Which claims of the render would stay Pending because of their storage class.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Finding;
use super::cluster::Cluster;
use super::render::{Object, Render, dotted, text};

/// Provisioners of volumes that pods on several nodes can mount, as suffixes, because operators prefix their namespace. A
/// StorageClass does not list its access modes.
const SHARED_STORAGE: [&str; 16] = [
    "azure-file",
    "blob.csi.azure.com",
    "cephfs.csi.ceph.com",
    "csi.juicefs.com",
    "driver.longhorn.io",
    "efs.csi.aws.com",
    "file.csi.azure.com",
    "filestore.csi.storage.gke.io",
    "fsx.csi.aws.com",
    "fsx.openzfs.csi.aws.com",
    "gcsfuse.csi.storage.gke.io",
    "lustre.csi.storage.gke.io",
    "nfs.csi.k8s.io",
    "nfs-subdir-external-provisioner",
    "seaweedfs-csi-driver",
    "smb.csi.k8s.io",
];

/// Reports claims whose storage class does not exist, or may not provide shared volumes.
pub(super) fn find(cluster: &Cluster, render: &Render) -> anyhow::Result<Vec<Finding>> {
    if render.objects.iter().all(|object| object.claims.is_empty()) {
        return Ok(Vec::new());
    }
    const DEFAULT: &str = "/metadata/annotations/storageclass.kubernetes.io~1is-default-class";
    let live = cluster.get(&["storageclasses,persistentvolumes"], "")?;
    let live: Vec<&Value> = live["items"].as_array().into_iter().flatten().collect();
    let rendered = render.of_kind("storage.k8s.io", "StorageClass");
    let classes: Vec<&Value> = live
        .iter()
        .copied()
        .filter(|it| it["kind"] == "StorageClass")
        .chain(rendered.map(|it| &it.value))
        .collect();
    let names: BTreeSet<&str> = classes
        .iter()
        .map(|it| text(&it["metadata"]["name"]))
        .collect();
    // Volumes that were created by hand can have a class without a StorageClass object.
    let by_hand: BTreeSet<&str> = live
        .iter()
        .filter(|it| it["kind"] == "PersistentVolume")
        .map(|it| text(&it["spec"]["storageClassName"]))
        .collect();
    let default = classes
        .iter()
        .find(|it| it.pointer(DEFAULT).is_some_and(|value| value == "true"))
        .map(|it| text(&it["metadata"]["name"]));
    let has = names.iter().copied().collect::<Vec<_>>().join(", ");

    let mut findings = Vec::new();
    for object in &render.objects {
        for claim in &object.claims {
            let field = format!("{}/spec/storageClassName", claim.path);
            let class = object.at(&field).as_str().or(default);
            let what = match class {
                // The claim binds to a volume without a class.
                Some("") => continue,
                Some(class) if names.contains(class) || by_hand.contains(class) => {
                    findings.extend(not_shared(object, &claim.path, class, &classes, &live));
                    continue;
                }
                Some(class) => {
                    format!("the cluster has no storage class {class:?}; it has: {has}")
                }
                None => format!(
                    "the claim has no storage class, and the cluster has no default; it has: {has}"
                ),
            };
            findings.push(Finding {
                object: object.title(),
                field: dotted(&field),
                what,
                is_warning: false,
                remedy: "set spec.storage.storageClassName of the environment's config to one of these, or create the class; until then the claim stays Pending".into(),
            });
        }
    }
    Ok(findings)
}

/// Warns about a shared claim, unless its class is known to provide shared volumes, or has one.
fn not_shared(
    object: &Object,
    claim: &str,
    class: &str,
    classes: &[&Value],
    live: &[&Value],
) -> Option<Finding> {
    let field = format!("{claim}/spec/accessModes");
    let is_shared = |modes: &Value| {
        let mut modes = modes.as_array().into_iter().flatten();
        modes.any(|mode| mode == "ReadWriteMany" || mode == "ReadOnlyMany")
    };
    if !is_shared(object.at(&field)) {
        return None;
    }
    let of_class = classes.iter().find(|it| it["metadata"]["name"] == class);
    let provisioner = of_class.map_or("", |it| text(&it["provisioner"]));
    let is_known = SHARED_STORAGE.iter().any(|known| {
        let before = provisioner.strip_suffix(known);
        before.is_some_and(|before| before.is_empty() || before.ends_with(['.', '/']))
    });
    let mut volumes = live
        .iter()
        .filter(|it| it["kind"] == "PersistentVolume" && it["spec"]["storageClassName"] == class);
    if is_known || volumes.any(|it| is_shared(&it["spec"]["accessModes"])) {
        return None;
    }
    let by = if provisioner.is_empty() {
        "no provisioner".to_owned()
    } else {
        format!("provisioner {provisioner}")
    };
    Some(Finding {
        object: object.title(),
        field: dotted(&field),
        what: format!("the storage class {class:?} has {by}, which is not known to provide ReadWriteMany"),
        is_warning: true,
        remedy: "check that it does, or set a class for shared storage (NFS, CephFS, EFS, Filestore, Azure Files) in a profile for this claim; with block storage the claim stays Pending".into(),
    })
}
