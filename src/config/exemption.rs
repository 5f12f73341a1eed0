//! Exemptions that the config declares, and the leaves that exemptions may name.

use serde::Deserialize;

use super::modes::{is_mode_path_or_above, mode_path};
use super::selector::Selector;
use crate::kubernetes::Date;

/// An exemption in the config, for objects whose manifests you cannot edit. Findings that it covers are reported as waived,
/// with its reason. An expired exemption has no effect and is reported as FIT-EXM002; one that covers nothing is reported
/// as FIT-EXM003.
///
/// ```yaml
/// today: "2027-01-15"
/// exemptions:
/// - select: {kind: DaemonSet, name: node-exporter}
///   fields: [securityContext.runAsNonRoot]
///   rules: [FIT-SEC002]
///   reason: it reads files that only root may read
///   until: "2027-03-31"
/// ```
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exemption {
    /// The objects that it applies to. Required; `{}` selects everything.
    pub select: Selector,
    /// Fields that are neither set nor reported, such as `resources.limits.cpu`.
    #[serde(default)]
    pub fields: Vec<String>,
    /// Rules whose findings are waived and whose field is not set, such as `FIT-PSS-runAsNonRoot`.
    #[serde(default)]
    pub rules: Vec<String>,
    /// The reason, at least ten characters. Required.
    pub reason: String,
    /// The last day on which it applies.
    pub until: Option<Date>,
    /// Its path in the config: `spec.exemptions[0]`.
    #[serde(skip)]
    pub path: String,
}

/// The path in a section that a word of an exemption names. The section's name in front is optional.
pub fn leaf_of<'w>(word: &'w str, section: &str, mode_paths: &[&str]) -> Option<&'w str> {
    let below = word
        .strip_prefix(section)
        .and_then(|rest| rest.strip_prefix('.'));
    let leaf = mode_path(below.unwrap_or(word));
    is_mode_path_or_above(mode_paths, leaf).then_some(leaf)
}
