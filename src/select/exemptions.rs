//! Exemptions: what stays as it is for a reason, by the config or by the object's author.
//!
//! An exemption names leaves of the config, which are then neither written nor complained of, or rules, of which
//! nothing is then found. It is evaluated all the same, so that a report says what it waives, and that it waives nothing.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::{Deserialize, Deserializer};

use super::{Container, Selector, Target};
use crate::config::is_mode_path_or_above;
use crate::edit::{Finding, Part};
use crate::transformers;

/// The annotation that exempts an object: leaves and rules, each for one container as `<container>:<leaf>`.
pub const EXEMPT: &str = "fitout.dev/exempt";
/// The annotation that says why; there is no exemption without it.
pub const EXEMPT_REASON: &str = "fitout.dev/exempt-reason";
/// The annotation that says until when.
pub const EXEMPT_UNTIL: &str = "fitout.dev/exempt-until";

/// A day, written `2027-03-31`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(String);

impl Date {
    /// Reads `2027-03-31`, or `2027-03-31T00:00:00Z`, which kustomize makes of a day without quotes.
    pub fn parse(text: &str) -> Option<Date> {
        let day = text.strip_suffix("T00:00:00Z").unwrap_or(text);
        let mut parts = day.split('-');
        let mut number = |digits: usize, range: std::ops::RangeInclusive<u32>| {
            let part = parts.next().filter(|part| part.len() == digits)?;
            let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse()
                .ok()
                .filter(|it| is_number && range.contains(it))
        };
        number(4, 1..=9999)?;
        number(2, 1..=12)?;
        number(2, 1..=31)?;
        parts.next().is_none().then(|| Date(day.to_owned()))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = crate::config::text_of_scalar(deserializer)?;
        let problem =
            || serde::de::Error::custom(format!("`{text}` is not a day such as 2027-03-31"));
        Date::parse(&text).ok_or_else(problem)
    }
}

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
}

impl Exemption {
    /// Whether it names a leaf, given with its section: `resources.limits.cpu`.
    pub fn names(&self, leaf: &str) -> bool {
        Waiver::of_config(0, self).names(leaf)
    }
}

/// An exemption as it applies to one object.
#[derive(Debug)]
pub struct Waiver<'r> {
    /// Where it stands.
    pub source: WaiverSource,
    /// The containers that it is for, if only for some.
    container: Option<Only<'r>>,
    /// Leaves, as they were written.
    pub fields: Vec<Cow<'r, str>>,
    /// Rules.
    pub rules: Vec<Cow<'r, str>>,
    /// Why.
    pub reason: String,
    /// Until when.
    pub until: Option<Date>,
    /// Something would have been written or found without it.
    pub is_used: Cell<bool>,
}

/// Where an exemption stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaiverSource {
    /// In the config: its index in `spec.exemptions`.
    Config(usize),
    /// On the object.
    Annotation,
}

#[derive(Debug)]
enum Only<'r> {
    Selected(&'r Selector),
    Named(String),
}

impl<'r> Waiver<'r> {
    /// The config's exemption `index`, for an object that it selects.
    pub(super) fn of_config(index: usize, exemption: &'r Exemption) -> Waiver<'r> {
        let selects_containers = exemption.select.containers.is_some();
        let borrowed =
            |texts: &'r [String]| texts.iter().map(|it| Cow::from(it.as_str())).collect();
        Waiver {
            source: WaiverSource::Config(index),
            container: selects_containers.then_some(Only::Selected(&exemption.select)),
            fields: borrowed(&exemption.fields),
            rules: borrowed(&exemption.rules),
            reason: exemption.reason.clone(),
            until: exemption.until.clone(),
            is_used: Cell::new(false),
        }
    }

    /// What the annotations of an object, or else of its template, exempt: one waiver for each word.
    pub(super) fn of_annotations(target: &Target<'_>) -> Vec<Waiver<'r>> {
        let annotation = |name: &str| target.annotation(name);
        let Some(words) = annotation(EXEMPT) else {
            return Vec::new();
        };
        let reason = annotation(EXEMPT_REASON)
            .unwrap_or_default()
            .trim()
            .to_owned();
        let until = annotation(EXEMPT_UNTIL).and_then(|day| Date::parse(&day));
        let words = words
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty());
        let waiver = |word: &str| {
            let (container, word) = match word.split_once(':') {
                Some((container, word)) => (Some(Only::Named(container.to_owned())), word),
                None => (None, word),
            };
            let word = Cow::from(word.to_owned());
            let (rules, fields) = if word.starts_with("FIT-") {
                (vec![word], Vec::new())
            } else {
                (Vec::new(), vec![word])
            };
            Waiver {
                source: WaiverSource::Annotation,
                container,
                fields,
                rules,
                reason: reason.clone(),
                until: until.clone(),
                is_used: Cell::new(false),
            }
        };
        words.map(waiver).collect()
    }

    /// Whether it is for the object's own fields, and so for all its containers.
    pub fn is_for_whole_object(&self) -> bool {
        self.container.is_none()
    }

    /// Whether it is for a container.
    pub fn is_for(&self, container: &Container<'_>) -> bool {
        match &self.container {
            None => true,
            Some(Only::Selected(selector)) => selector.matches_container(container),
            Some(Only::Named(name)) => *name == container.name,
        }
    }

    /// Whether it covers what was found in a part of an object: by the rule, or by the leaf that would mend it.
    pub fn covers(&self, finding: &Finding, target: &Target<'_>) -> bool {
        let part = &finding.part;
        let is_for_part = || match part {
            _ if self.is_for_whole_object() => true,
            Part::Container { name, .. } => {
                let mut containers = target.containers();
                containers.any(|container| container.name == *name && self.is_for(container))
            }
            _ => false,
        };
        let is_named = self.rules.iter().any(|it| it == finding.id)
            || finding.leaf.as_deref().is_some_and(|leaf| self.names(leaf));
        is_named && is_for_part()
    }

    /// Whether it names a leaf, given with its section: `resources.limits.cpu`.
    pub fn names(&self, leaf: &str) -> bool {
        let Some((section, leaf)) = leaf.split_once('.') else {
            return false;
        };
        let paths = transformers::MODE_PATHS.iter().find(|it| it.0 == section);
        let rules = transformers::RULES.iter().find(|it| it.0 == section);
        let (paths, rules) = (
            paths.map_or(&[][..], |it| it.1),
            rules.map_or(&[][..], |it| it.1),
        );
        self.leaves_of(section, paths, rules)
            .any(|path| crate::config::covers(path, leaf))
    }

    /// The leaves of a section that it covers, by their paths as `modes` has them.
    pub fn leaves_of<'w>(
        &'w self,
        section: &'w str,
        mode_paths: &'w [&'w str],
        rules: &'w [(&'w str, &'w str)],
    ) -> impl Iterator<Item = &'w str> {
        let fields = self
            .fields
            .iter()
            .filter_map(move |field| leaf_of(field, section, mode_paths));
        let of_rules = rules
            .iter()
            .filter(|(rule, _)| self.rules.iter().any(|it| it == rule));
        fields.chain(of_rules.map(|(_, leaf)| *leaf))
    }
}

/// The path in a section that a word means: with the section in front, or without it where it is one of its paths.
pub fn leaf_of<'w>(word: &'w str, section: &str, mode_paths: &[&str]) -> Option<&'w str> {
    let below = word
        .strip_prefix(section)
        .and_then(|rest| rest.strip_prefix('.'));
    let leaf = crate::config::mode_path(below.unwrap_or(word));
    is_mode_path_or_above(mode_paths, leaf).then_some(leaf)
}
