//! What else there is to know of an entry, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::finding::{Decision, Part};

/// Anything else of an entry, by name. It is put into words only for those forms of a report that hold it, because most of
/// a large report is never read by a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tags {
    /// The environment's name; empty where no config could be read.
    pub(super) environment: Arc<str>,
    /// The section that made a change, or the finding's id.
    pub(super) rule: &'static str,
    /// The part of the object.
    pub(super) part: Part,
    /// Who decided.
    pub(super) decision: Option<Arc<Decision>>,
    /// The others.
    pub(super) marks: Vec<(&'static str, String)>,
}

impl Tags {
    /// One of the others: `reason`, `until`, `psa`, `rollout`, `immutable`.
    pub(super) fn mark(&self, name: &str) -> Option<&str> {
        let mut marks = self.marks.iter();
        let (_, value) = marks.find(|(known, _)| *known == name)?;
        Some(value)
    }

    /// All of them.
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
