//! Validation of the section, and of the types of the author's values.

use k8s_openapi::api::core::v1 as core;

use super::{SYS_ADMIN, SecurityContext, writable};
use crate::config::Objection;
use crate::problem::{one_of, suggestion};

/// Valid user and group ids (`IsValidUserID` in apimachinery).
const IDS: std::ops::RangeInclusive<i64> = 0..=2_147_483_647;

/// Types of seccomp and AppArmor profiles.
const PROFILE_TYPES: [&str; 3] = ["RuntimeDefault", "Localhost", "Unconfined"];

/// Values of `fsGroupChangePolicy`.
const CHANGE_POLICIES: [&str; 2] = ["OnRootMismatch", "Always"];

/// Values of `supplementalGroupsPolicy`.
const GROUPS_POLICIES: [&str; 2] = ["Merge", "Strict"];

/// Values of `seLinuxChangePolicy`.
const LABEL_POLICIES: [&str; 2] = ["MountOption", "Recursive"];

/// Values of `procMount`.
const PROC_MOUNTS: [&str; 2] = ["Default", "Unmasked"];

/// The capabilities of Linux, without `CAP_` (`include/uapi/linux/capability.h` of Linux 6.12). Container runtimes reject
/// others.
const CAPABILITIES: [&str; 41] = [
    "AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE",
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER",
    "KILL", "LEASE", "LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN",
    "NET_BIND_SERVICE", "NET_BROADCAST", "NET_RAW", "PERFMON", "SETFCAP", "SETGID", "SETPCAP",
    "SETUID", "SYSLOG", "SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT", "SYS_MODULE", "SYS_NICE",
    "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];

/// Type and `localhostProfile` of a profile.
type ProfileSetting<'s> = (&'s str, Option<&'s str>);

impl SecurityContext {
    /// Invalid settings, apart from wrong types.
    pub(super) fn objections(&self) -> Vec<Objection> {
        let mut objections = Vec::new();
        let mut object = |path: &str, message: &str, help: &str| {
            objections.push(Objection::new(path, message, help));
        };
        if self.container.privileged == Some(true)
            && self.container.allow_privilege_escalation == Some(false)
        {
            let message =
                "the API server rejects `privileged: true` with `allowPrivilegeEscalation: false`";
            object("container.privileged", message, "remove one of the two");
        }
        // `starts_as_root` reports a conflict with the default, which depends on the other layers.
        if self.pod.run_as_user == Some(0) && self.pod.run_as_non_root == Some(true) {
            let message = "containers cannot start as user 0 with `runAsNonRoot: true`";
            let help = "choose another user, or set `runAsNonRoot: false`";
            object("pod.runAsUser", message, help);
        }
        for (path, id) in [
            ("pod.runAsUser", self.pod.run_as_user),
            ("pod.runAsGroup", self.pod.run_as_group),
            ("pod.fsGroup", self.pod.fs_group),
            ("container.runAsUser", self.container.run_as_user),
            ("container.runAsGroup", self.container.run_as_group),
        ] {
            if let Some(id) = id.filter(|id| !IDS.contains(id)) {
                let message = format!("{id} is not a valid user or group id");
                object(path, &message, "write a number from 0 to 2147483647");
            }
        }
        for (path, profile) in self.profiles() {
            let Some((type_, localhost)) = profile else {
                continue;
            };
            if !PROFILE_TYPES.contains(&type_) {
                let message = format!("`{type_}` is not a profile type");
                let help = format!("write {}", one_of(&PROFILE_TYPES));
                object(&format!("{path}.type"), &message, &help);
            } else if type_ == "Localhost" && localhost.is_none_or(str::is_empty) {
                let message = "a profile of type Localhost needs a `localhostProfile`";
                object(
                    path,
                    message,
                    "set `localhostProfile` to a profile of the node",
                );
            }
        }
        let policy = self.pod.fs_group_change_policy.as_deref();
        let groups = self.pod.supplemental_groups_policy.as_deref();
        let labels = self.pod.se_linux_change_policy.as_deref();
        let mount = self.container.proc_mount.as_deref();
        for (path, value, known) in [
            ("pod.fsGroupChangePolicy", policy, CHANGE_POLICIES),
            ("pod.supplementalGroupsPolicy", groups, GROUPS_POLICIES),
            ("pod.seLinuxChangePolicy", labels, LABEL_POLICIES),
            ("container.procMount", mount, PROC_MOUNTS),
        ] {
            if let Some(value) = value.filter(|it| !known.contains(it)) {
                let (_, name) = path.split_once('.').unwrap_or_default();
                let message = format!("`{value}` is not a valid {name}");
                object(path, &message, &format!("write {}", one_of(&known)));
            }
        }
        for (list, name) in capabilities(&self.container) {
            if let Some(spelling) = spelling(name).filter(|_| name != SYS_ADMIN) {
                let message = format!("Kubernetes spells the capability `{name}` differently");
                let path = format!("container.capabilities.{list}");
                object(&path, &message, &format!("write `{spelling}`"));
            } else if !CAPABILITIES.contains(&name) && !["ALL", SYS_ADMIN].contains(&name) {
                let message = format!("Linux has no capability `{name}`, so no container starts");
                let help = suggestion(name, CAPABILITIES)
                    .unwrap_or_else(|| "see capabilities(7), without `CAP_`".to_owned());
                object(&format!("container.capabilities.{list}"), &message, &help);
            }
        }
        let sysctls = self.pod.sysctls.iter().flatten();
        for sysctl in sysctls.filter(|it| it.name.is_empty() || it.value.is_empty()) {
            let message = format!("the sysctl `{}` needs a name and a value", sysctl.name);
            object(
                "pod.sysctls",
                &message,
                "write `{name: net.core.somaxconn, value: \"1024\"}`",
            );
        }
        objections.extend(writable::check(&self.writable_paths));
        objections
    }

    /// The configured seccomp and AppArmor profiles, by path.
    fn profiles(&self) -> [(&'static str, Option<ProfileSetting<'_>>); 4] {
        fn seccomp(profile: Option<&core::SeccompProfile>) -> Option<ProfileSetting<'_>> {
            profile.map(|it| (it.type_.as_str(), it.localhost_profile.as_deref()))
        }
        fn app_armor(profile: Option<&core::AppArmorProfile>) -> Option<ProfileSetting<'_>> {
            profile.map(|it| (it.type_.as_str(), it.localhost_profile.as_deref()))
        }
        let (pod, container) = (&self.pod, &self.container);
        [
            ("pod.seccompProfile", seccomp(pod.seccomp_profile.as_ref())),
            (
                "container.seccompProfile",
                seccomp(container.seccomp_profile.as_ref()),
            ),
            (
                "pod.appArmorProfile",
                app_armor(pod.app_armor_profile.as_ref()),
            ),
            (
                "container.appArmorProfile",
                app_armor(container.app_armor_profile.as_ref()),
            ),
        ]
    }
}

/// The spelling that Kubernetes uses for a capability, if it differs.
pub fn spelling(name: &str) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    let right = upper.strip_prefix("CAP_").unwrap_or(&upper);
    (right != name).then(|| right.to_owned())
}

/// The configured capabilities, each with its list.
fn capabilities(context: &core::SecurityContext) -> impl Iterator<Item = (&'static str, &str)> {
    let lists = context.capabilities.as_ref();
    let add = lists.and_then(|it| it.add.as_ref()).into_iter().flatten();
    let drop = lists.and_then(|it| it.drop.as_ref()).into_iter().flatten();
    let add = add.map(|name| ("add", name.as_str()));
    add.chain(drop.map(|name| ("drop", name.as_str())))
}
