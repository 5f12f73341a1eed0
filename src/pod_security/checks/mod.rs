//! The checks of the Pod Security Standards, one per file, with their versions as data.

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

use kustomize_krm_types::Severity;

use super::violation::Forbidden;
use super::{Level, Version};
use crate::facts::PodFacts;
use crate::rules::{Rule, When};

/// One check of the standards.
#[derive(Debug)]
pub(super) struct Check {
    /// Upstream's id.
    pub(super) id: &'static str,
    /// The rule for its violations.
    pub(super) rule: &'static Rule,
    /// The lowest level with this check.
    pub(super) level: Level,
    /// The check of the level baseline that it replaces, from its own first version on.
    pub(super) overrides: Option<&'static str>,
    /// Its functions by the minor version from which they apply; later rows replace earlier ones.
    pub(super) versions: &'static [(u32, Forbids)],
}

/// A function of a check; `None` if it allows the pod.
pub(super) type Forbids = fn(&PodFacts<'_>) -> Option<Forbidden>;

impl Check {
    /// A check of the level baseline.
    const fn baseline(
        id: &'static str,
        rule: &'static Rule,
        versions: &'static [(u32, Forbids)],
    ) -> Check {
        Check {
            id,
            rule,
            level: Level::Baseline,
            overrides: None,
            versions,
        }
    }

    /// A check of the level restricted.
    const fn restricted(
        id: &'static str,
        rule: &'static Rule,
        overrides: Option<&'static str>,
        versions: &'static [(u32, Forbids)],
    ) -> Check {
        Check {
            id,
            rule,
            level: Level::Restricted,
            overrides,
            versions,
        }
    }

    /// Its function at a version of the standards, if it existed then.
    pub(super) fn at(&self, version: Version) -> Option<Forbids> {
        let mut rows = self.versions.iter().rev();
        let row = rows.find(|(minor, _)| *minor <= version.minor())?;
        Some(row.1)
    }
}

/// Applies a check to pods whose `os.name` is not `windows`.
fn unless_windows(pod: &PodFacts<'_>, forbids: Forbids) -> Option<Forbidden> {
    (!pod.is_windows).then(|| forbids(pod)).flatten()
}

/// Applies a check to pods without their own user namespace.
fn unless_in_user_namespace(pod: &PodFacts<'_>, forbids: Forbids) -> Option<Forbidden> {
    match pod.host_users {
        Some(false) => None,
        _ => forbids(pod),
    }
}

/// The rule of a check.
const fn rule(id: &'static str, meaning: &'static str, peers: &'static str) -> Rule {
    Rule {
        id,
        severity: Severity::Error,
        when: When::Always,
        meaning,
        peers,
    }
}

macro_rules! checks {
    ($($check:ident,)*) => {
        /// Every check, in the order of the results: by level, and then by id.
        pub(super) static CHECKS: &[Check] = &[$($check::CHECK),*];

        /// The rule of each check.
        pub const RULES: &[Rule] = &[$($check::RULE),*];
    };
}

checks! {
    app_armor_profile,
    capabilities_baseline,
    host_namespaces,
    host_path_volumes,
    host_ports,
    host_probes_and_host_lifecycle,
    privileged,
    proc_mount,
    se_linux_options,
    seccomp_profile_baseline,
    sysctls,
    windows_host_process,
    allow_privilege_escalation,
    capabilities_restricted,
    proc_mount_restricted,
    restricted_volumes,
    run_as_non_root,
    run_as_user,
    seccomp_profile_restricted,
}

#[cfg(test)]
mod testing;
