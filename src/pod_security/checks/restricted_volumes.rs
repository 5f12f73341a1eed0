//! `restrictedVolumes`: only volume types without direct access to the node or to storage backends are allowed.
//!
//! Since 1.0. A volume without a source defaults to an `emptyDir`.

use super::{Check, rule};
use crate::facts::PodFacts;
use crate::pod_security::violation::{Forbidden, Wrong, made, plural, quoted};
use crate::rules::Rule;

pub(super) const RULE: Rule = rule(
    "FIT-PSS-restrictedVolumes",
    "a volume type that the level restricted does not allow",
    "Kyverno restrict-volume-types",
);

pub(super) const CHECK: Check = Check::restricted(
    "restrictedVolumes",
    &RULE,
    Some("hostPathVolumes"),
    &[(0, since_1_0)],
);

const ALLOWED: [&str; 9] = [
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim",
    "projected", "secret",
];

/// All other sources, in upstream's order.
const RESTRICTED: [&str; 21] = [
    "hostPath", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "nfs", "iscsi",
    "glusterfs", "rbd", "flexVolume", "cinder", "cephfs", "flocker", "fc", "azureFile",
    "vsphereVolume", "quobyte", "azureDisk", "photonPersistentDisk", "portworxVolume", "scaleIO",
    "storageos",
];

fn since_1_0(pod: &PodFacts<'_>) -> Option<Forbidden> {
    let mut wrong = Wrong::default();
    let mut names = Vec::new();
    for volume in pod.volumes().filter(|it| it.source(&ALLOWED).is_none()) {
        if let Some(source) = volume.source(&RESTRICTED) {
            let field = made(&["volumes", &volume.index.to_string(), source]);
            wrong.pod(field, Some(source), None);
            names.push(volume.name());
        }
    }
    if wrong.is_empty() {
        return None;
    }
    let kinds = wrong.found();
    let detail = format!(
        "{} {} {} {} {}",
        plural(names.len(), "volume", "volumes"),
        quoted(&names),
        plural(names.len(), "uses", "use"),
        plural(
            kinds.len(),
            "restricted volume type",
            "restricted volume types"
        ),
        quoted(&kinds)
    );
    Some(wrong.forbidden("restricted volume types", detail))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{culprits, of_spec};
    use super::*;

    #[test]
    fn kinds_are_sorted_and_volumes_are_not() {
        let spec = "{volumes: [{name: n, nfs: {}}, {name: h, hostPath: {}}, {name: g, nfs: {}}, {name: e}]}";
        assert_eq!(
            of_spec(&CHECK, 0, spec),
            "volumes \"n\", \"h\", \"g\" use restricted volume types \"hostPath\", \"nfs\""
        );
        assert_eq!(culprits(&CHECK, 0, spec)[1], "volumes[1].hostPath");
    }

    #[test]
    fn every_source_is_either_allowed_or_restricted() {
        let of = |source: &str| {
            of_spec(
                &CHECK,
                0,
                &format!("{{volumes: [{{name: v, {source}: {{}}}}]}}"),
            )
        };
        assert!(ALLOWED.iter().all(|source| of(source).is_empty()));
        assert!(RESTRICTED.iter().all(|source| of(source).contains(source)));
        // The API server drops unknown fields.
        assert_eq!(of("hostpath"), "");
        // An allowed source takes precedence.
        assert_eq!(of("hostPath: {}, secret"), "");
    }
}
