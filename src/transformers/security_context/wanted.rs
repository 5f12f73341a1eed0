//! The fields of security contexts that shall be so, and how they are set.

use serde::Serialize;

use super::SecurityContext;
use crate::config::Section;
use crate::finding::Mode;
use crate::objects::Template;
use crate::yaml::Value;

/// Fields that pods and containers have both; the container's wins.
pub(super) const SHARED: [&str; 5] = [
    "runAsNonRoot",
    "runAsUser",
    "runAsGroup",
    "seccompProfile",
    "appArmorProfile",
];

/// Fields that Windows pods may have; the API server refuses the others for them (`PodSpec.OS`).
pub(super) const WINDOWS_FIELDS: [&str; 2] = ["runAsNonRoot", "windowsOptions"];

/// The paths that `modes` may hold: fields of pods alone, of pods and containers, of containers alone, and what is no field
/// of a security context.
pub(super) const MODE_PATHS: &[&str] = &[
    "fsGroup",
    "fsGroupChangePolicy",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "sysctls",
    "seLinuxChangePolicy",
    "runAsNonRoot",
    "runAsUser",
    "runAsGroup",
    "seccompProfile",
    "appArmorProfile",
    "seLinuxOptions",
    "windowsOptions",
    "allowPrivilegeEscalation",
    "capabilities.add",
    "capabilities.drop",
    "privileged",
    "procMount",
    "readOnlyRootFilesystem",
    "capabilities",
    "writablePaths",
    "automountServiceAccountToken",
    "hostUsers",
    "enableServiceLinks",
];

/// All fields of pods' security contexts.
pub(super) const POD_FIELDS: &[&str] = MODE_PATHS.split_at(13).0;

/// All fields of containers' security contexts.
pub(super) const CONTAINER_FIELDS: &[&str] = MODE_PATHS.split_at(19).0.split_at(6).1;

/// Fields younger than 1.25, which is what is written for when the config names no version.
///
/// From the version on in which their feature gate is on by default, `pkg/features/kube_features.go`: where it is off, the
/// API server drops the field and says nothing.
pub(super) const SINCE_MINOR: [(&str, u32); 4] = [
    ("appArmorProfile", 30),
    ("supplementalGroupsPolicy", 33),
    ("seLinuxChangePolicy", 33),
    ("hostUsers", 33),
];

/// The minor version from which on a young field is written.
pub(super) fn since(name: &str) -> Option<u32> {
    let found = SINCE_MINOR.iter().find(|(young, _)| *young == name);
    found.map(|(_, since)| *since)
}

/// Fields of containers' security contexts that Knative takes (`SecurityContextMask` in knative.dev/serving
/// `pkg/apis/serving/fieldmask.go`); it takes none of pods.
pub(super) const KNATIVE_FIELDS: [&str; 8] = [
    "allowPrivilegeEscalation",
    "capabilities.add",
    "capabilities.drop",
    "readOnlyRootFilesystem",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "seccompProfile",
];

/// The capability beside which the API server refuses `allowPrivilegeEscalation: false`; it looks for
/// this spelling, although the one without `CAP_` is the one that works.
pub const SYS_ADMIN: &str = "CAP_SYS_ADMIN";

/// One field that shall be so: its path in the security context, its leaf in the config, its value.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) field: &'static [&'static str],
    pub(super) name: String,
    pub(super) leaf: String,
    pub(super) value: Value,
}

/// The fields of a typed security context, the configured ones over the defaults, as they are
/// written: each field as a whole, but the two lists of `capabilities` apart.
pub(super) fn wanted(
    defaults: &impl Serialize,
    configured: &impl Serialize,
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
    let wanted = fields.into_iter().map(|(name, value)| {
        let value = as_accepted(&name, value);
        Wanted {
            field: field_of(&name),
            leaf: format!("{context}.{name}"),
            name,
            value,
        }
    });
    wanted.collect()
}

/// The path of a field that is not its name.
pub(super) fn field_of(name: &str) -> &'static [&'static str] {
    match name {
        "capabilities.add" => &["capabilities", "add"],
        "capabilities.drop" => &["capabilities", "drop"],
        _ => &[],
    }
}

/// A value merged from several layers as the API server takes it: a profile of another type has no
/// `localhostProfile`, and a list that adds up names nothing twice.
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
            let mut once: Vec<Value> = Vec::new();
            for name in names {
                if !once.contains(&name) {
                    once.push(name);
                }
            }
            Value::Sequence(once)
        }
        (_, value) => value,
    }
}

pub(super) fn split_capabilities((name, value): (String, Value)) -> Vec<(String, Value)> {
    match (name.as_str(), value) {
        ("capabilities", Value::Mapping(lists)) => lists
            .into_iter()
            .map(|(list, value)| (format!("capabilities.{list}"), value))
            .collect(),
        (_, value) => vec![(name, value)],
    }
}

pub(super) fn to_value(typed: &impl Serialize) -> Value {
    // Kubernetes types serialise to plain JSON; there is no case in which this fails.
    serde_json::to_value(typed).map_or(Value::Null, Value::from)
}

impl Wanted {
    pub(super) fn path<'w>(&'w self, prefix: &[&'w str]) -> Vec<&'w str> {
        let mut path = prefix.to_vec();
        if self.field.is_empty() {
            path.push(&self.name);
        } else {
            path.extend(self.field);
        }
        path
    }

    pub(super) fn is_user(&self) -> bool {
        self.name == "runAsUser"
    }

    pub(super) fn is_shared(&self) -> bool {
        SHARED.contains(&self.name.as_str())
    }

    /// Whether the field is looked at and may stand in these pods.
    pub(super) fn is_for(
        &self,
        template: &Template<'_>,
        section: &Section<'_, SecurityContext>,
    ) -> bool {
        let is_allowed = !template.is_windows || WINDOWS_FIELDS.contains(&self.name.as_str());
        is_allowed && !matches!(section.mode(&self.leaf), Mode::Off | Mode::Remove)
    }

    /// Whether the API server refuses the value beside `allowPrivilegeEscalation: false`.
    pub(super) fn asks_for_escalation(&self) -> bool {
        match (self.name.as_str(), &self.value) {
            ("privileged", value) => *value == Value::from(true),
            ("capabilities.add", Value::Sequence(names)) => names.contains(&Value::from(SYS_ADMIN)),
            _ => false,
        }
    }

    /// Why the field cannot be written for these pods, if so.
    pub(super) fn is_too_young(&self, section: &Section<'_, SecurityContext>) -> Option<u32> {
        let since = since(&self.name)?;
        let minor = section
            .kubernetes_version()
            .map_or(25, |version| version.minor());
        (minor < since).then_some(since)
    }
}
