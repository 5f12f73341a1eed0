//! The checks of the Pod Security Standards, one in each file, with their history as data.

mod allow_privilege_escalation;
mod app_armor_profile;
mod capabilities_baseline;
mod capabilities_restricted;
mod host_namespaces;
mod host_path_volumes;
mod host_ports;
mod host_probes_and_host_lifecycle;
mod privileged;
mod proc_mount;
mod proc_mount_restricted;
mod restricted_volumes;
mod run_as_non_root;
mod run_as_user;
mod se_linux_options;
mod seccomp_profile_baseline;
mod seccomp_profile_restricted;
mod sysctls;
mod windows_host_process;

use super::violation::Forbidden;
use super::{Level, Version};
use crate::facts::PodFacts;

/// One check of the standards.
#[derive(Debug)]
pub(super) struct Check {
    /// Upstream's id.
    pub(super) id: &'static str,
    /// The lowest level at which it counts.
    pub(super) level: Level,
    /// The check of the level baseline that it stands in for, from its own first version on.
    pub(super) overrides: Option<&'static str>,
    /// What it forbids, from which minor version on; the later rows replace the earlier ones.
    pub(super) versions: &'static [(u32, Forbids)],
}

/// What a check forbids in a pod; nothing when it allows it.
pub(super) type Forbids = fn(&PodFacts<'_>) -> Option<Forbidden>;

impl Check {
    /// What it forbids at a version of the standards, if it is that old.
    pub(super) fn at(&self, version: Version) -> Option<Forbids> {
        let mut rows = self.versions.iter().rev();
        let row = rows.find(|(minor, _)| *minor <= version.minor())?;
        Some(row.1)
    }
}

/// What a check forbids to pods that have no users of their own.
fn unless_with_own_users(pod: &PodFacts<'_>, forbids: Forbids) -> Option<Forbidden> {
    match pod.host_users {
        Some(false) => None,
        _ => forbids(pod),
    }
}

/// Every check in the order of the results: by level, and then by id.
pub(super) static CHECKS: [Check; 19] = [
    app_armor_profile::CHECK,
    capabilities_baseline::CHECK,
    host_namespaces::CHECK,
    host_path_volumes::CHECK,
    host_ports::CHECK,
    host_probes_and_host_lifecycle::CHECK,
    privileged::CHECK,
    proc_mount::CHECK,
    se_linux_options::CHECK,
    seccomp_profile_baseline::CHECK,
    sysctls::CHECK,
    windows_host_process::CHECK,
    allow_privilege_escalation::CHECK,
    capabilities_restricted::CHECK,
    proc_mount_restricted::CHECK,
    restricted_volumes::CHECK,
    run_as_non_root::CHECK,
    run_as_user::CHECK,
    seccomp_profile_restricted::CHECK,
];

#[cfg(test)]
mod testing;
