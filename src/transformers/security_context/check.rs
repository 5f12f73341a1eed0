//! What cannot be meant in the section, and values of authors that have the wrong type.

use k8s_openapi::api::core::v1 as core;

use super::{SYS_ADMIN, SecurityContext, author, writable};
use crate::config::Objection;
use crate::objects::{Template, below, expected};
use crate::problem::{Problem, one_of};
use crate::read::Resource;
use crate::yaml::Scalar;

/// Numbers that users and groups may have (`IsValidUserID` in apimachinery).
const IDS: std::ops::RangeInclusive<i64> = 0..=2_147_483_647;

/// Types of seccomp and AppArmor profiles.
const PROFILE_TYPES: [&str; 3] = ["RuntimeDefault", "Localhost", "Unconfined"];

/// Values of `fsGroupChangePolicy`.
const CHANGE_POLICIES: [&str; 2] = ["OnRootMismatch", "Always"];

/// Values of `procMount`.
const PROC_MOUNTS: [&str; 2] = ["Default", "Unmasked"];

/// Type and `localhostProfile` of a profile.
type ProfileSetting<'s> = (&'s str, Option<&'s str>);

impl SecurityContext {
    /// What is wrong with the settings beyond their types.
    pub(super) fn objections(&self) -> Vec<Objection> {
        let mut problems = Vec::new();
        if self.container.privileged == Some(true)
            && self.container.allow_privilege_escalation == Some(false)
        {
            let message =
                "the API server refuses `privileged: true` with `allowPrivilegeEscalation: false`";
            problems.push(Objection::new(
                "container.privileged",
                message,
                "drop one of the two",
            ));
        }
        // Whether it is restricted by default depends on the other layers: see `starts_as_root`.
        if self.pod.run_as_user == Some(0) && self.pod.run_as_non_root == Some(true) {
            let message = "no container starts as user 0 with `runAsNonRoot: true`";
            problems.push(Objection::new(
                "pod.runAsUser",
                message,
                "choose another user, or set `runAsNonRoot: false`",
            ));
        }
        for (path, id) in [
            ("pod.runAsUser", self.pod.run_as_user),
            ("pod.runAsGroup", self.pod.run_as_group),
            ("pod.fsGroup", self.pod.fs_group),
            ("container.runAsUser", self.container.run_as_user),
            ("container.runAsGroup", self.container.run_as_group),
        ] {
            if let Some(id) = id.filter(|id| !IDS.contains(id)) {
                let message = format!("{id} is not the number of a user or group");
                problems.push(Objection::new(
                    path,
                    &message,
                    "they go from 0 to 2147483647",
                ));
            }
        }
        for (path, profile) in self.profiles() {
            let Some((type_, localhost)) = profile else {
                continue;
            };
            if !PROFILE_TYPES.contains(&type_) {
                let message = format!("`{type_}` is not a type of profile");
                let help = format!("write {}", one_of(&PROFILE_TYPES));
                problems.push(Objection::new(format!("{path}.type"), message, help));
            } else if type_ == "Localhost" && localhost.is_none_or(str::is_empty) {
                let help = "name the node's profile in `localhostProfile`";
                let message = "a profile of type Localhost needs a `localhostProfile`";
                problems.push(Objection::new(path, message, help));
            }
        }
        if let Some(policy) = &self.pod.fs_group_change_policy
            && !CHANGE_POLICIES.contains(&policy.as_str())
        {
            let message = format!("`{policy}` is not a policy for changing groups");
            let help = format!("write {}", one_of(&CHANGE_POLICIES));
            problems.push(Objection::new("pod.fsGroupChangePolicy", message, help));
        }
        if let Some(mount) = &self.container.proc_mount
            && !PROC_MOUNTS.contains(&mount.as_str())
        {
            let message = format!("`{mount}` is not a way to mount /proc");
            let help = format!("write {}", one_of(&PROC_MOUNTS));
            problems.push(Objection::new("container.procMount", message, help));
        }
        for (list, name) in capabilities(&self.container) {
            if let Some(spelling) = spelling(name).filter(|_| name != SYS_ADMIN) {
                let message = format!("Kubernetes writes the capability `{name}` otherwise");
                let path = format!("container.capabilities.{list}");
                problems.push(Objection::new(path, message, format!("write `{spelling}`")));
            }
        }
        problems.extend(writable::check(&self.writable_paths));
        problems
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

/// The name of a capability as Kubernetes writes it, where this is another spelling of it.
pub fn spelling(name: &str) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    let right = upper.strip_prefix("CAP_").unwrap_or(&upper);
    (right != name).then(|| right.to_owned())
}

/// The configured capabilities, each with the list that it is in.
fn capabilities(context: &core::SecurityContext) -> impl Iterator<Item = (&'static str, &str)> {
    let lists = context.capabilities.as_ref();
    let add = lists.and_then(|it| it.add.as_ref()).into_iter().flatten();
    let drop = lists.and_then(|it| it.drop.as_ref()).into_iter().flatten();
    let add = add.map(|name| ("add", name.as_str()));
    add.chain(drop.map(|name| ("drop", name.as_str())))
}

/// Fields whose value must be true or false, and those that must be a number, wherever they stand.
const TYPED: [(&str, &str); 7] = [
    ("runAsNonRoot", "true or false"),
    ("allowPrivilegeEscalation", "true or false"),
    ("privileged", "true or false"),
    ("readOnlyRootFilesystem", "true or false"),
    ("runAsUser", "a whole number"),
    ("runAsGroup", "a whole number"),
    ("fsGroup", "a whole number"),
];

/// Refuses author's values of a wrong type, which would be taken for something they are not.
pub(super) fn check_types(resource: &Resource<'_>, template: &Template<'_>) -> Result<(), Problem> {
    let containers = template.containers.iter();
    let contexts = containers.map(|container| {
        (
            container.node.at(["securityContext"]),
            container.subject.at(&["securityContext"]),
        )
    });
    let pod = (
        template.security_context(),
        template.pod.at(&["securityContext"]),
    );
    for (context, path) in contexts.chain([pod]) {
        let Some(context) = context else {
            continue;
        };
        if !context.is_map() {
            return Err(expected(resource, context, "a mapping", &path));
        }
        for (name, what) in TYPED {
            let Some(node) = author(Some(context), name) else {
                continue;
            };
            let fits = match node.scalar() {
                Some(Scalar::Bool(_)) => what == "true or false",
                // The API server takes 1000.0 for 1000.
                Some(Scalar::Int(_) | Scalar::Float(_)) => what == "a whole number",
                _ => false,
            };
            if !fits {
                return Err(expected(resource, node, what, &below(&path, [name])));
            }
        }
    }
    Ok(())
}
