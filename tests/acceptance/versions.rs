//! The oldest Kubernetes that has every field of a rendering.

use serde_json::Value;

use super::render::{Render, text};

/// The oldest supported version: PodSecurity is stable in it, and no rendered API is older.
pub(crate) const FLOOR: u32 = 25;

/// Fields newer than the floor, by the end of their path, with the minor version that has them without a feature gate: an
/// older API server rejects them, or drops them silently.
///
/// From `pkg/features/kube_features.go` of Kubernetes.
const SINCE: [(&str, u32); 23] = [
    ("env.valueFrom.fileKeyRef", 35),
    ("lifecycle.postStart.sleep", 30),
    ("lifecycle.preStop.sleep", 30),
    ("containers.resizePolicy", 33),
    ("initContainers.restartPolicy", 29),
    ("podAffinityTerm.matchLabelKeys", 31),
    ("securityContext.appArmorProfile", 30),
    ("securityContext.seLinuxChangePolicy", 33),
    ("securityContext.supplementalGroupsPolicy", 33),
    ("spec.backoffLimitPerIndex", 29),
    ("spec.hostUsers", 33),
    ("spec.persistentVolumeClaimRetentionPolicy", 27),
    ("spec.podFailurePolicy", 26),
    ("spec.podReplacementPolicy", 29),
    ("spec.schedulingGates", 27),
    ("spec.template.spec.resources", 34),
    ("spec.trafficDistribution", 31),
    ("spec.unhealthyPodEvictionPolicy", 27),
    ("spec.volumeAttributesClassName", 34),
    ("topologySpreadConstraints.matchLabelKeys", 27),
    ("topologySpreadConstraints.minDomains", 27),
    ("topologySpreadConstraints.nodeAffinityPolicy", 26),
    ("volumes.image", 35),
];

/// The newer fields of a rendering, each with its minor version.
pub(crate) fn young(render: &Render) -> Vec<(&'static str, u32)> {
    let mut found = Vec::new();
    for object in &render.objects {
        let group = text(&object["apiVersion"])
            .split('/')
            .next()
            .unwrap_or_default();
        // Kinds of operators do not depend on the version of Kubernetes.
        if !group.contains('.') || group.ends_with(".k8s.io") {
            collect(object, "", &mut found);
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The oldest version that a page states, with the sentence that gives the reasons.
pub(crate) fn stated(page: &str) -> Result<(u32, &str), String> {
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix("| Kubernetes | 1."))
        .ok_or("there is no row `Kubernetes` with the version")?;
    let (minor, reasons) = line
        .split_once(" or later")
        .ok_or("there is no `or later`")?;
    let minor = minor
        .parse()
        .map_err(|_| format!("1.{minor} is not a version"))?;
    Ok((minor, reasons))
}

fn collect(value: &Value, path: &str, found: &mut Vec<(&'static str, u32)>) {
    let young = SINCE
        .iter()
        .filter(|(end, _)| path.ends_with(&format!(".{end}")));
    found.extend(young);
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                collect(value, &format!("{path}.{name}"), found);
            }
        }
        // The items of a list have the path of the list.
        Value::Array(items) => items.iter().for_each(|item| collect(item, path, found)),
        _ => {}
    }
}
