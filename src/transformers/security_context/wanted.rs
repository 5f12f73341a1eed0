//! The fields of security contexts that the section sets.

use std::sync::Arc;

use serde::Serialize;

use super::SecurityContext;
use crate::config::{FieldRow, Section, fields};
use crate::edit::Knowledge;
use crate::finding::Mode;
use crate::objects::Template;
use crate::yaml::Value;

/// Fields that both pods and containers have; the container's value wins.
pub(super) const SHARED: [&str; 5] = [
    "runAsNonRoot", "runAsUser", "runAsGroup", "seccompProfile", "appArmorProfile",
];

/// Fields that Windows pods may have; the API server rejects the others (`PodSpec.OS`).
pub(super) const WINDOWS_FIELDS: [&str; 2] = ["runAsNonRoot", "windowsOptions"];

/// The paths that `modes` may have: fields of pods only, of pods and containers, of containers only, and others that are
/// not fields of a security context.
pub(super) const MODE_PATHS: &[&str] = &[
    "fsGroup", "fsGroupChangePolicy", "supplementalGroups", "supplementalGroupsPolicy", "sysctls",
    "seLinuxChangePolicy", "runAsNonRoot", "runAsUser", "runAsGroup", "seccompProfile",
    "appArmorProfile", "seLinuxOptions", "windowsOptions", "allowPrivilegeEscalation",
    "capabilities.add", "capabilities.drop", "privileged", "procMount", "readOnlyRootFilesystem",
    "capabilities", "writablePaths", "automountServiceAccountToken", "hostUsers",
    "enableServiceLinks", "ownDirectory",
];

/// The fields that the section can set.
pub(super) const FIELDS: &[FieldRow] = fields! {
    Pods "securityContext.fsGroup" ["pod.fsGroup"] [];
    Pods "securityContext.fsGroupChangePolicy" ["pod.fsGroupChangePolicy"] [];
    Pods "securityContext.supplementalGroups" ["pod.supplementalGroups"] [];
    Pods "securityContext.supplementalGroupsPolicy" ["pod.supplementalGroupsPolicy"] [];
    Pods "securityContext.sysctls" ["pod.sysctls"] [];
    Pods "securityContext.seLinuxChangePolicy" ["pod.seLinuxChangePolicy"] [];
    Pods "securityContext.runAsNonRoot" ["pod.runAsNonRoot"] ["profile", "placement"];
    Pods "securityContext.runAsUser" ["pod.runAsUser"] ["placement"];
    Pods "securityContext.runAsGroup" ["pod.runAsGroup"] ["placement"];
    Pods "securityContext.seccompProfile" ["pod.seccompProfile"] ["profile", "placement"];
    Pods "securityContext.appArmorProfile" ["pod.appArmorProfile"] ["placement"];
    Pods "securityContext.seLinuxOptions" ["pod.seLinuxOptions"] [];
    Pods "securityContext.windowsOptions" ["pod.windowsOptions"] [];
    Containers "securityContext.runAsNonRoot" ["container.runAsNonRoot", "pod.runAsNonRoot"] ["profile", "placement"];
    Containers "securityContext.runAsUser" ["container.runAsUser", "pod.runAsUser"] ["placement"];
    Containers "securityContext.runAsGroup" ["container.runAsGroup", "pod.runAsGroup"] ["placement"];
    Containers "securityContext.seccompProfile" ["container.seccompProfile", "pod.seccompProfile"] ["profile", "placement"];
    Containers "securityContext.appArmorProfile" ["container.appArmorProfile", "pod.appArmorProfile"] ["placement"];
    Containers "securityContext.seLinuxOptions" ["container.seLinuxOptions"] [];
    Containers "securityContext.windowsOptions" ["container.windowsOptions"] [];
    Containers "securityContext.allowPrivilegeEscalation" ["container.allowPrivilegeEscalation"] ["profile"];
    Containers "securityContext.capabilities.add" ["container.capabilities.add"] ["profile"];
    Containers "securityContext.capabilities.drop" ["container.capabilities.drop"] ["profile"];
    Containers "securityContext.privileged" ["container.privileged"] [];
    Containers "securityContext.procMount" ["container.procMount"] [];
    Containers "securityContext.readOnlyRootFilesystem" ["container.readOnlyRootFilesystem"] ["profile"];
    Pods "automountServiceAccountToken" ["automountServiceAccountToken"] ["profile"];
    Pods "hostUsers" ["hostUsers"] [];
    Pods "enableServiceLinks" ["enableServiceLinks"] [];
    Pods "volumes" ["writablePaths"] ["noTmp"];
    Containers "volumeMounts" ["writablePaths"] ["noTmp"];
    Containers "env" ["ownDirectory"] [];
};

/// All fields of pods' security contexts.
pub(super) const POD_FIELDS: &[&str] = MODE_PATHS.split_at(13).0;

/// All fields of containers' security contexts.
pub(super) const CONTAINER_FIELDS: &[&str] = MODE_PATHS.split_at(19).0.split_at(6).1;

/// Fields that are newer than 1.25, the version that fitout assumes when the config has none, and the minor version in which
/// their feature gate is on by default (`pkg/features/kube_features.go`). Where it is off, the API server silently drops the
/// field.
pub(super) const SINCE_MINOR: [(&str, u32); 5] = [
    ("appArmorProfile", 30),
    ("supplementalGroupsPolicy", 33),
    ("seLinuxChangePolicy", 33),
    ("hostUsers", 33),
    ("procMount", 33),
];

/// The minor version from which a newer field is written.
fn since(name: &str) -> Option<u32> {
    let found = SINCE_MINOR.iter().find(|(field, _)| *field == name);
    found.map(|(_, since)| *since)
}

/// Fields of containers' security contexts that Knative accepts (`SecurityContextMask` in knative.dev/serving
/// `pkg/apis/serving/fieldmask.go`); it accepts none of pods.
pub(super) const KNATIVE_FIELDS: [&str; 8] = [
    "allowPrivilegeEscalation", "capabilities.add", "capabilities.drop", "readOnlyRootFilesystem",
    "runAsGroup", "runAsNonRoot", "runAsUser", "seccompProfile",
];

/// The capability that the API server rejects together with `allowPrivilegeEscalation: false`. It checks for this spelling,
/// although only the one without `CAP_` has an effect.
pub const SYS_ADMIN: &str = "CAP_SYS_ADMIN";

/// A field to set: its name, its path in the pod spec or the container, its leaf in the config, and its value.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) name: &'static str,
    pub(super) path: Vec<&'static str>,
    pub(super) leaf: String,
    pub(super) value: Arc<Value>,
    /// The mode of the leaf in the section that it is from.
    pub(super) mode: Mode,
    /// The minor version that the field needs, if the cluster's is older.
    pub(super) too_young: Option<u32>,
    /// What is known if the config does not set the field.
    pub(super) knowledge: Option<Knowledge>,
}

/// Why the profile restricted sets a field by default.
const OF_PROFILE: Knowledge = Knowledge::config("the level restricted requires it");

/// The fields of a security context, with configured values replacing defaults. Each field is set as a whole, except that
/// the two lists of `capabilities` are set separately.
pub(super) fn wanted(
    defaults: &impl Serialize,
    configured: &impl Serialize,
    section: &Section<'_, SecurityContext>,
    context: &str,
) -> Vec<Wanted> {
    let mut fields: Vec<(String, Value)> = Vec::new();
    for layer in [to_value(defaults), to_value(configured)] {
        let Value::Mapping(entries) = layer else {
            continue;
        };
        for (name, value) in entries.into_iter().flat_map(split_capabilities) {
            match fields.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = value,
                None => fields.push((name, value)),
            }
        }
    }
    let wanted = fields.into_iter();
    let wanted = wanted.filter_map(|(name, value)| {
        let name = MODE_PATHS.iter().find(|it| **it == name)?;
        let value = as_accepted(name, value);
        Some(Wanted {
            knowledge: Some(OF_PROFILE),
            ..Wanted::of(section, context, name, value)
        })
    });
    wanted.collect()
}

/// A value merged from several layers, changed so that the API server accepts it: only a profile of type Localhost has a
/// `localhostProfile`, and merged lists have no duplicates.
fn as_accepted(name: &str, value: Value) -> Value {
    match (name, value) {
        ("seccompProfile" | "appArmorProfile", Value::Mapping(mut entries)) => {
            let is_localhost = entries
                .iter()
                .any(|(key, value)| key == "type" && *value == Value::from("Localhost"));
            entries.retain(|(key, _)| is_localhost || key != "localhostProfile");
            Value::Mapping(entries)
        }
        ("capabilities.add" | "capabilities.drop", Value::Sequence(names)) => {
            let mut unique: Vec<Value> = Vec::new();
            for name in names {
                if !unique.contains(&name) {
                    unique.push(name);
                }
            }
            Value::Sequence(unique)
        }
        (_, value) => value,
    }
}

fn split_capabilities((name, value): (String, Value)) -> Vec<(String, Value)> {
    match (name.as_str(), value) {
        ("capabilities", Value::Mapping(lists)) => lists
            .into_iter()
            .map(|(list, value)| (format!("capabilities.{list}"), value))
            .collect(),
        (_, value) => vec![(name, value)],
    }
}

fn to_value(typed: &impl Serialize) -> Value {
    // Kubernetes types always serialize to JSON.
    serde_json::to_value(typed).map_or(Value::Null, Value::from)
}

impl Wanted {
    /// A field of the security context of a `pod` or `container`.
    pub(super) fn of(
        section: &Section<'_, SecurityContext>,
        context: &str,
        name: &'static str,
        value: Value,
    ) -> Wanted {
        let keys = std::iter::once("securityContext").chain(name.split('.'));
        let leaf = [context, ".", name].concat();
        Wanted {
            path: keys.collect(),
            mode: section.mode(&leaf),
            leaf,
            ..Wanted::of_spec(section, name, value)
        }
    }

    /// A field of the pod spec itself.
    pub(super) fn of_spec(
        section: &Section<'_, SecurityContext>,
        name: &'static str,
        value: Value,
    ) -> Wanted {
        let minor = section.kubernetes_version().map_or(25, |it| it.minor());
        Wanted {
            name,
            path: vec![name],
            leaf: name.to_owned(),
            value: Arc::new(value),
            mode: section.mode(name),
            too_young: since(name).filter(|since| minor < *since),
            knowledge: None,
        }
    }

    /// Its mode in a section, which mostly is the one that it is from.
    pub(super) fn mode_in(
        &self,
        section: &Section<'_, SecurityContext>,
        from: &Section<'_, SecurityContext>,
    ) -> Mode {
        match std::ptr::eq(section, from) {
            true => self.mode,
            false => section.mode(&self.leaf),
        }
    }

    /// Whether it is the user or the group, which other fields depend on.
    pub(super) fn is_id(&self) -> bool {
        matches!(self.name, "runAsUser" | "runAsGroup")
    }

    pub(super) fn is_shared(&self) -> bool {
        SHARED.contains(&self.name)
    }

    /// Whether the field's mode sets it and these pods may have it.
    pub(super) fn is_for(&self, template: &Template<'_>, mode: Mode) -> bool {
        let is_allowed = !template.is_windows || WINDOWS_FIELDS.contains(&self.name);
        is_allowed && !matches!(mode, Mode::Off | Mode::Remove)
    }

    /// Whether the API server rejects the value together with `allowPrivilegeEscalation: false`.
    pub(super) fn asks_for_escalation(&self) -> bool {
        match (self.name, &*self.value) {
            ("privileged", value) => *value == Value::from(true),
            ("capabilities.add", Value::Sequence(names)) => names.contains(&Value::from(SYS_ADMIN)),
            _ => false,
        }
    }
}
