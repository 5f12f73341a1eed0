//! The exemptions in effect.

use std::collections::HashMap;

use kustomize_krm_types::ResourceIdentifier;
use serde::Serialize;

use super::{ConfigPlace, Report, name_of, reference};
use crate::finding::Grant;
use crate::read::Resource;
use crate::text::Text;

/// What an object is exempt from, why, until when, and who granted it.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExemptionEntry {
    /// The object.
    #[cfg_attr(test, schemars(with = "super::ResourceRef"))]
    pub resource_ref: ResourceIdentifier,
    /// Its file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The sections, fields and rules, as written.
    pub from: Vec<String>,
    /// The reason; absent where none is needed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The last day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The annotation of the object, if its author granted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotation: Option<String>,
    /// The exemption in the config, if the config grants it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigPlace>,
    /// The number of findings that it waives.
    pub waived: usize,
    /// The index of the object.
    #[serde(skip)]
    pub(super) object: usize,
}

impl ExemptionEntry {
    /// Whether both have one reason and come from one place.
    fn is_like(&self, other: &ExemptionEntry) -> bool {
        let place = |it: &ExemptionEntry| (it.annotation.clone(), it.config.clone());
        (&self.reason, &self.until) == (&other.reason, &other.until) && place(self) == place(other)
    }

    pub(super) fn of(grant: Grant, resources: &[Resource<'_>]) -> ExemptionEntry {
        let resource = &resources[grant.resource];
        let is_of_config = grant.by.starts_with("spec.");
        let (path, position) = grant.place.unzip();
        ExemptionEntry {
            resource_ref: reference(resource),
            file: resource.origin.path.as_deref().map(str::to_owned),
            from: grant.from,
            reason: grant.reason,
            until: grant.until.map(|day| day.to_string()),
            annotation: (!is_of_config).then(|| grant.by.clone()),
            config: is_of_config.then(|| ConfigPlace::of(grant.by, path.as_deref(), position)),
            waived: grant.waived,
            object: grant.resource,
        }
    }
}

/// The exemptions in effect as text: one line for all fields and objects with one reason, granted in one place.
pub fn granted(report: &Report) -> Text {
    let mut lines: Vec<(Vec<&str>, Vec<String>, &ExemptionEntry)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut of_object: Vec<(Vec<&str>, &ExemptionEntry)> = Vec::new();
    for entry in &report.exemptions {
        let from = entry.from.iter().map(String::as_str);
        match of_object.last_mut() {
            Some((all, last)) if last.resource_ref == entry.resource_ref && last.is_like(entry) => {
                all.extend(from);
            }
            _ => of_object.push((from.collect(), entry)),
        }
    }
    for (from, entry) in of_object {
        let key = format!(
            "{from:?} {} {:?} {:?} {:?}",
            entry.reason, entry.until, entry.annotation, entry.config
        );
        let at = *known.entry(key).or_insert(lines.len());
        match lines.get_mut(at) {
            Some((_, names, _)) => names.push(name_of(&entry.resource_ref)),
            None => lines.push((from, vec![name_of(&entry.resource_ref)], entry)),
        }
    }
    let mut text = Text::default();
    for (from, names, entry) in lines {
        let its = if names.len() == 1 { "its" } else { "their" };
        text.part(format_args!(
            "Exempt  {}: {}",
            names.join(", "),
            from.join(", ")
        ));
        if let Some(until) = &entry.until {
            text.part(format_args!(" until {until}"));
        }
        match (&entry.annotation, &entry.config) {
            (Some(annotation), _) => {
                text.part(format_args!(", by {its} annotation {annotation}"));
            }
            (None, Some(config)) => {
                text.part(format_args!(", by {}", config.field));
                if let (Some(path), Some(line)) = (&config.path, config.line) {
                    text.part(format_args!(" in {path}:{line}"));
                }
            }
            (None, None) => {}
        }
        match entry.reason.as_str() {
            "" => text.end(),
            reason => {
                text.line(format_args!(": {reason}"));
            }
        }
    }
    text
}
