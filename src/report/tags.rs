//! The tags of an entry.

use std::borrow::Cow;
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
    /// The message of the Pod Security Standards.
    pub(super) psa: Option<Arc<str>>,
    /// Other tags: `reason`, `until`, `rollout`, `immutable`.
    pub(super) marks: Vec<(&'static str, String)>,
}

impl Tags {
    /// One of the other tags.
    pub(super) fn mark(&self, name: &str) -> Option<&str> {
        let mut marks = self.marks.iter();
        let (_, value) = marks.find(|(known, _)| *known == name)?;
        Some(value)
    }

    /// All tags, in the order of their names.
    pub(super) fn list(&self) -> Vec<(&'static str, Cow<'_, str>)> {
        let mut tags = Vec::with_capacity(12);
        let mut add = |name, value| tags.push((name, Cow::Borrowed(value)));
        let decision = self.decision.as_deref();
        if let Some(decision) = decision {
            add("config", decision.field.as_str());
        }
        if let Part::Container {
            name,
            container_type,
        } = &self.part
        {
            add("container", name);
            add("containerType", container_type.as_str());
        }
        if decision.is_some_and(|it| it.is_default) {
            add("default", "true");
        }
        if !self.environment.is_empty() {
            add("environment", &self.environment);
        }
        if let Some(decision) = decision {
            add("mode", decision.mode.as_str());
            if let Some(profile) = &decision.profile {
                add("profile", profile);
            }
        }
        if let Some(psa) = &self.psa {
            add("psa", psa);
        }
        add("rule", self.rule);
        for (name, value) in &self.marks {
            let place = tags.partition_point(|(before, _)| before < name);
            tags.insert(place, (name, Cow::Borrowed(value)));
        }
        debug_assert!(tags.is_sorted_by_key(|(name, _)| *name));
        tags
    }

    /// All tags.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        let tags = self.list().into_iter();
        tags.map(|(name, value)| (name.to_owned(), value.into_owned()))
            .collect()
    }
}

impl Serialize for Tags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_map().serialize(serializer)
    }
}
