//! The rules of the Pod Security Standards.

use kustomize_krm_types::Severity;

use crate::rules::{Rule, When};

/// One for each check of upstream, by its id.
pub const RULES: &[Rule] = &[
    rule(
        "FIT-PSS-allowPrivilegeEscalation",
        "a container may gain privileges",
        "Kyverno disallow-privilege-escalation; kube-linter privilege-escalation-container; Polaris privilegeEscalationAllowed; kubescape C-0016",
    ),
    rule(
        "FIT-PSS-appArmorProfile",
        "a container without the AppArmor profile of its runtime",
        "Kyverno restrict-apparmor-profiles",
    ),
    rule(
        "FIT-PSS-capabilities_baseline",
        "a container that adds capabilities beyond the usual ones",
        "Kyverno disallow-capabilities; Polaris dangerousCapabilities; kubescape C-0046",
    ),
    rule(
        "FIT-PSS-capabilities_restricted",
        "a container keeps capabilities",
        "Kyverno disallow-capabilities-strict; Polaris insecureCapabilities",
    ),
    rule(
        "FIT-PSS-hostNamespaces",
        "a pod in a namespace of its node",
        "Kyverno disallow-host-namespaces; kube-linter host-network, host-pid, host-ipc; Polaris hostNetworkSet, hostPIDSet, hostIPCSet; kubescape C-0038, C-0041",
    ),
    rule(
        "FIT-PSS-hostPathVolumes",
        "a volume that is a path of the node",
        "Kyverno disallow-host-path; kube-linter sensitive-host-mounts; Polaris hostPathSet; kubescape C-0048",
    ),
    rule(
        "FIT-PSS-hostPorts",
        "a container that takes a port of its node",
        "Kyverno disallow-host-ports; Polaris hostPortSet; kubescape C-0044",
    ),
    rule(
        "FIT-PSS-hostProbesAndHostLifecycle",
        "a probe or lifecycle hook of another host",
        "",
    ),
    rule(
        "FIT-PSS-privileged",
        "a privileged container",
        "Kyverno disallow-privileged-containers; kube-linter privileged-container; Polaris runAsPrivileged; kubescape C-0057",
    ),
    rule(
        "FIT-PSS-procMount",
        "a container that sees all of /proc",
        "Kyverno disallow-proc-mount; kube-linter unsafe-proc-mount; Polaris procMount",
    ),
    rule(
        "FIT-PSS-procMount_restricted",
        "the same at the level restricted",
        "Kyverno disallow-proc-mount; kube-linter unsafe-proc-mount; Polaris procMount",
    ),
    rule(
        "FIT-PSS-restrictedVolumes",
        "a volume of a kind that the level restricted does not have",
        "Kyverno restrict-volume-types",
    ),
    rule(
        "FIT-PSS-runAsNonRoot",
        "a container may run as root",
        "Kyverno require-run-as-nonroot; kube-linter run-as-non-root; Polaris runAsRootAllowed; kubescape C-0013",
    ),
    rule(
        "FIT-PSS-runAsUser",
        "a container that runs as user 0",
        "Kyverno require-run-as-non-root-user",
    ),
    rule(
        "FIT-PSS-seLinuxOptions",
        "a label of SELinux of its own",
        "Kyverno disallow-selinux",
    ),
    rule(
        "FIT-PSS-seccompProfile_baseline",
        "a container that seccomp does not confine",
        "Kyverno restrict-seccomp",
    ),
    rule(
        "FIT-PSS-seccompProfile_restricted",
        "a container without a seccomp profile",
        "Kyverno restrict-seccomp-strict",
    ),
    rule(
        "FIT-PSS-sysctls",
        "a sysctl that is not safe",
        "Kyverno restrict-sysctls; kube-linter unsafe-sysctls",
    ),
    rule(
        "FIT-PSS-windowsHostProcess",
        "a Windows process of the node",
        "Kyverno disallow-host-process",
    ),
];

const fn rule(id: &'static str, meaning: &'static str, peers: &'static str) -> Rule {
    Rule {
        id,
        severity: Severity::Error,
        when: When::Always,
        meaning,
        peers,
    }
}

/// The rule of one of upstream's checks.
pub fn rule_of(check: &str) -> &'static Rule {
    let mut rules = RULES.iter();
    let of_check = rules.find(|rule| rule.id.strip_prefix("FIT-PSS-") == Some(check));
    of_check.unwrap_or(&RULES[0])
}
