//! Creates entries from changes and findings.

use std::cell::OnceCell;
use std::sync::Arc;

use kustomize_krm_types::{Field, ResourceIdentifier, Severity};

use super::{ConfigPlace, Entry, EntryType, FilePlace, Places, Tags, reference};
use crate::config::Config;
use crate::edit::{Change, Source};
use crate::finding::{Decision, Exempted, Finding};
use crate::hashing::HashMap;
use crate::objects::OnChange;
use crate::problem::field_path;
use crate::read::Resource;
use crate::yaml::Value;

/// Creates entries, object by object.
pub(super) struct Entries<'r, 'a> {
    environment: Arc<str>,
    places: Places<'r, 'a>,
    references: &'r References<'a>,
    /// The places of the decisions, by address: one decides about many objects.
    deciding: HashMap<usize, (Arc<Decision>, Arc<ConfigPlace>)>,
}

/// The references to objects, each made once.
pub(super) struct References<'a> {
    pub(super) resources: &'a [Resource<'a>],
    made: Vec<OnceCell<Arc<ResourceIdentifier>>>,
}

impl<'a> References<'a> {
    pub(super) fn new(resources: &'a [Resource<'a>]) -> References<'a> {
        let made = resources.iter().map(|_| OnceCell::new());
        References {
            resources,
            made: made.collect(),
        }
    }

    /// The reference to the object with this index.
    pub(super) fn of(&self, object: usize) -> Arc<ResourceIdentifier> {
        let make = || Arc::new(reference(&self.resources[object]));
        Arc::clone(self.made[object].get_or_init(make))
    }
}

impl<'r, 'a> Entries<'r, 'a> {
    pub(super) fn new(config: &Config<'_>, references: &'r References<'a>) -> Entries<'r, 'a> {
        Entries {
            environment: config.environment.as_str().into(),
            places: Places::default(),
            references,
            deciding: HashMap::default(),
        }
    }

    /// The place of the setting that decided.
    fn config_place(&mut self, decision: &Arc<Decision>) -> Arc<ConfigPlace> {
        let place = || (Arc::clone(decision), Arc::new(config_place(decision)));
        let address = Arc::as_ptr(decision).addr();
        let (_, place) = self.deciding.entry(address).or_insert_with(place);
        Arc::clone(place)
    }

    pub(super) fn of_change(&mut self, index: usize, change: &Change) -> Entry {
        let resource = &self.references.resources[change.resource];
        let is_rollout = change.subject.on_change == OnChange::Rollout;
        let marks = [("rollout", is_rollout), ("immutable", change.immutable)];
        let marks = marks.into_iter().filter(|(_, is_so)| *is_so);
        let tags = Tags {
            environment: Arc::clone(&self.environment),
            rule: change.rule,
            part: change.subject.part.clone(),
            decision: Some(Arc::clone(&change.decision)),
            psa: None,
            marks: marks.map(|(name, _)| (name, "true".to_owned())).collect(),
        };
        Entry {
            entry_type: EntryType::Change,
            message: change.to_string(),
            severity: Severity::Info,
            rule: change.rule,
            object: Some(change.resource),
            resource_ref: Some(self.references.of(change.resource)),
            field: Some(Box::new(Field {
                path: field_path(&change.pointer()),
                current_value: change.current.as_deref().map(to_json),
                proposed_value: change.proposed.as_deref().map(to_json),
            })),
            file: self.places.place(resource, Some(&change.pointer())),
            config: Some(self.config_place(&change.decision)),
            knowledge: change.source.map(Source::as_str),
            help: None,
            tags,
            change: Some(index),
            token_reason: change.token_reason(),
            folded: None,
            image: None,
            lines: None,
        }
    }

    pub(super) fn of_finding(&mut self, finding: Finding) -> Entry {
        let references = self.references;
        let resource = finding.resource.map(|object| &references.resources[object]);
        let pointer = finding.pointer.as_ref().filter(|_| resource.is_some());
        let field = pointer.map(|pointer| {
            Box::new(Field {
                path: field_path(pointer),
                current_value: finding.current.as_deref().map(to_json),
                proposed_value: finding.proposed.as_deref().map(to_json),
            })
        });
        let decision = finding.decision.as_ref();
        let config = decision.map(|decision| self.config_place(decision));
        Entry {
            entry_type: EntryType::Finding,
            message: finding.message,
            severity: finding.severity,
            rule: finding.rule.id,
            object: finding.resource,
            resource_ref: finding.resource.map(|object| references.of(object)),
            field,
            file: match (resource, finding.place) {
                (Some(resource), _) => self.places.place(resource, finding.pointer.as_deref()),
                (None, place) => place.map(|place| {
                    let (path, position) = *place;
                    Arc::new(FilePlace {
                        path,
                        index: 0,
                        line: Some(position.line),
                        column: Some(position.column),
                        span: None,
                    })
                }),
            },
            config,
            knowledge: None,
            help: finding.help,
            tags: Tags {
                environment: Arc::clone(&self.environment),
                rule: finding.rule.id,
                part: finding.part,
                decision: finding.decision,
                psa: finding.psa,
                marks: Vec::new(),
            },
            change: None,
            token_reason: None,
            folded: finding.folded,
            image: finding.image.map(|it| (*it).to_owned()),
            lines: finding.lines.map(|it| *it),
        }
    }

    pub(super) fn of_exempted(&mut self, exempted: Exempted) -> Entry {
        let mut entry = self.of_finding(exempted.finding);
        entry.entry_type = EntryType::Waived;
        entry.help = None;
        entry.tags.marks.push(("reason", exempted.reason));
        let until = exempted.until.as_ref();
        let until = until.map(|day| ("until", day.to_string()));
        entry.tags.marks.extend(until);
        entry
    }
}

fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Bool(value) => (*value).into(),
        value => serde_json::to_value(value).unwrap_or_default(),
    }
}

/// The place of the setting that decided.
pub(super) fn config_place(decision: &Decision) -> ConfigPlace {
    let field = decision.field.clone();
    ConfigPlace::of(field, decision.file.as_deref(), decision.position)
}
