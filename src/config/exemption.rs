//! Exemptions that the config declares, and the leaves that exemptions may name.

use serde::Deserialize;

use super::section::is_mode_path_or_above;
use super::selector::Selector;
use crate::kubernetes::Date;

/// An exemption in the config, for objects whose manifests nobody here can edit. What it waives is told with its reason.
/// After its last day it counts no more, which FIT-EXM002 tells; one that waives nothing is told as FIT-EXM003.
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
    /// What it is for. Required; `{}` is everything.
    pub select: Selector,
    /// Leaves of the config that are not written, nor complained of, such as `resources.limits.cpu`.
    #[serde(default)]
    pub fields: Vec<String>,
    /// Rules of which nothing is found, and whose leaf is not written, such as `FIT-PSS-runAsNonRoot`.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Why, in ten characters at least. Required.
    pub reason: String,
    /// The last day on which it counts.
    pub until: Option<Date>,
    /// Where the config has it: `spec.exemptions[0]`.
    #[serde(skip)]
    pub path: String,
}

/// The path in a section that a word means: with the section in front, or without it where it is one of its paths.
pub fn leaf_of<'w>(word: &'w str, section: &str, mode_paths: &[&str]) -> Option<&'w str> {
    let below = word
        .strip_prefix(section)
        .and_then(|rest| rest.strip_prefix('.'));
    let leaf = super::section::mode_path(below.unwrap_or(word));
    is_mode_path_or_above(mode_paths, leaf).then_some(leaf)
}
