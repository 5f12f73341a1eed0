//! The tags of an entry.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::finding::{Decision, Part};

/// The tags of an entry, formatted only for formats that contain them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tags {
    /// The environment's name; empty if the config could not be read.
    pub(super) environment: Arc<str>,
    /// The section of a change, or the rule of a finding.
    pub(super) rule: &'static str,
    /// The part of the object.
    pub(super) part: Part,
    /// The setting that decided.
    pub(super) decision: Option<Arc<Decision>>,
    /// Other tags: `reason`, `until`, `psa`, `rollout`, `immutable`.
    pub(super) marks: Vec<(&'static str, String)>,
}

impl Tags {
    /// One of the other tags.
    pub(super) fn mark(&self, name: &str) -> Option<&str> {
        let mut marks = self.marks.iter();
        let (_, value) = marks.find(|(known, _)| *known == name)?;
        Some(value)
    }

    /// All tags.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        let mut tags = BTreeMap::new();
        let mut add = |name: &str, value: String| tags.insert(name.to_owned(), value);
        if !self.environment.is_empty() {
            add("environment", self.environment.to_string());
        }
        add("rule", self.rule.to_owned());
        if let Part::Container {
            name,
            container_type,
        } = &self.part
        {
            add("container", name.clone());
            add("containerType", container_type.as_str().to_owned());
        }
        if let Some(decision) = &self.decision {
            add("config", decision.field.clone());
            add("mode", decision.mode.to_string());
            if decision.is_default {
                add("default", "true".to_owned());
            }
            if let Some(profile) = &decision.profile {
                add("profile", profile.clone());
            }
        }
        for (name, value) in &self.marks {
            add(name, value.clone());
        }
        tags
    }
}

impl Serialize for Tags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_map().serialize(serializer)
    }
}
