//! `hostPathVolumes`: pods cannot mount paths of their node.
//!
//! Since 1.0.

use super::{Check, rule};
use crate::facts::PodFacts;
use crate::pod_security::violation::{Forbidden, Wrong, made, plural, quoted};
use crate::rules::Rule;

pub(super) const RULE: Rule = rule(
    "FIT-PSS-hostPathVolumes",
    "a hostPath volume",
    "Kyverno disallow-host-path; kube-linter sensitive-host-mounts; Polaris hostPathSet; kubescape C-0048",
);

pub(super) const CHECK: Check = Check::baseline("hostPathVolumes", &RULE, &[(0, since_1_0)]);

fn since_1_0(pod: &PodFacts<'_>) -> Option<Forbidden> {
    let mut wrong = Wrong::default();
    let mut names = Vec::new();
    for volume in pod.volumes() {
        if let Some(source) = volume.source(&["hostPath"]) {
            let field = made(&["volumes", &volume.index.to_string(), source]);
            wrong.pod(field, Some(source), None);
            names.push(volume.name());
        }
    }
    let noun = plural(names.len(), "volume", "volumes");
    wrong.forbid("hostPath volumes", |_| format!("{noun} {}", quoted(names)))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{culprits, of_spec};
    use super::*;

    #[test]
    fn each_volume_is_named() {
        let spec = "{volumes: [{name: a, hostPath: {path: /}}, {name: b}, {name: c, hostPath: null}, {name: d, hostPath: {}}]}";
        assert_eq!(of_spec(&CHECK, 0, spec), "volumes \"a\", \"d\"");
        assert_eq!(
            culprits(&CHECK, 0, spec),
            ["volumes[0].hostPath", "volumes[3].hostPath"]
        );
    }
}
