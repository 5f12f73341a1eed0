//! `hostNamespaces`: pods cannot share the network, the processes or the IPC of their node.
//!
//! Since 1.0.

use super::{Check, rule};
use crate::facts::{PodFacts, PodField};
use crate::pod_security::violation::{Forbidden, Wrong, made};
use crate::rules::Rule;

pub(super) const RULE: Rule = rule(
    "FIT-PSS-hostNamespaces",
    "a pod that shares a namespace of its node",
    "Kyverno disallow-host-namespaces; kube-linter host-network, host-pid, host-ipc; Polaris hostNetworkSet, hostPIDSet, hostIPCSet; kubescape C-0038, C-0041",
);

pub(super) const CHECK: Check = Check::baseline("hostNamespaces", &RULE, &[(0, since_1_0)]);

fn since_1_0(pod: &PodFacts<'_>) -> Option<Forbidden> {
    let mut wrong = Wrong::default();
    let mut shared = Vec::new();
    for field in PodField::HOST {
        if pod.is_true(field) {
            let name = field.key();
            wrong.pod(made(&[name]), Some("true"), Some(false.into()));
            shared.push(format!("{name}=true"));
        }
    }
    wrong.forbid("host namespaces", |_| shared.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{culprits, of_spec};
    use super::*;

    #[test]
    fn each_namespace_is_named() {
        let spec = "{hostIPC: true, hostPID: false, hostNetwork: true, containers: []}";
        assert_eq!(of_spec(&CHECK, 0, spec), "hostNetwork=true, hostIPC=true");
        assert_eq!(
            culprits(&CHECK, 0, spec),
            ["hostNetwork = false", "hostIPC = false"]
        );
        assert_eq!(of_spec(&CHECK, 0, "{hostPID: null}"), "");
    }
}
