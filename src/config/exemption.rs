//! Exemptions that the config declares, and the leaves that exemptions may name.

use std::sync::Arc;

use serde::Deserialize;
use unicode_width::UnicodeWidthChar as _;

use super::modes::{is_mode_path_or_above, mode_path};
use super::selector::Selector;
use crate::kubernetes::Date;
use crate::yaml::Position;

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
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
    /// The reason, at least ten visible characters. Required.
    pub reason: String,
    /// The last day on which it applies.
    pub until: Option<Date>,
    /// Whether an earlier one covers the same.
    #[serde(skip)]
    pub is_repeated: bool,
    /// Its path in the config: `spec.exemptions[0]`.
    #[serde(skip)]
    pub path: String,
    /// Its file and position, if they are known.
    #[serde(skip)]
    pub place: Option<(Arc<str>, Position)>,
}

impl Exemption {
    /// Whether it has expired.
    pub fn has_ended(&self, today: Option<&Date>) -> bool {
        self.until
            .as_ref()
            .is_some_and(|until| until.is_before(today))
    }
}

/// Whether a text is a reason: it has at least ten visible characters.
///
/// Letters, digits, ASCII punctuation and symbols count. Spaces, control characters, marks without a width of their own, and
/// letters that are drawn as nothing do not.
pub fn is_reason(text: &str) -> bool {
    const BLANK_LETTERS: [char; 4] = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'];
    let is_visible = |c: &char| {
        (c.is_alphanumeric() || c.is_ascii_punctuation())
            && c.width().is_some_and(|width| width > 0)
            && !BLANK_LETTERS.contains(c)
    };
    text.chars().filter(is_visible).count() >= 10
}

/// The path in a section that a word of an exemption names. The section's name in front is optional.
pub fn leaf_of<'w>(word: &'w str, section: &str, mode_paths: &[&str]) -> Option<&'w str> {
    let below = word
        .strip_prefix(section)
        .and_then(|rest| rest.strip_prefix('.'));
    let leaf = mode_path(below.unwrap_or(word));
    is_mode_path_or_above(mode_paths, leaf).then_some(leaf)
}

#[cfg(test)]
mod tests {
    use super::is_reason;

    #[test]
    fn a_reason_has_ten_visible_characters() {
        for reason in [
            "it counts primes",
            "#12345 GPUs",
            "необходимо",
            "二人三脚二人三脚二人",
            "needs/dev/x",
        ] {
            assert!(is_reason(reason), "{reason}");
        }
        let invisible = "\u{200b}\u{200d}\u{feff}\u{ad}\u{202e}\u{2060}\u{115f}\u{3164}\u{ffa0}\u{2800}\u{345}\u{e0041}\u{7}\t \u{a0}";
        assert!(!is_reason(invisible), "invisible");
        for reason in [
            "",
            ".",
            "too short",
            "a b c d e f g h i",
            "a\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}",
        ] {
            assert!(!is_reason(reason), "{reason}");
        }
    }
}
