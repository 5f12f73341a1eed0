//! What the config makes of the same objects in several environments: field by field, with the fields that differ, and those
//! that are weaker in a higher environment.

mod inversions;
mod markdown;
mod text;

use std::sync::Arc;

use jsonptr::PointerBuf;
use kustomize_krm_types::{ResourceIdentifier, Severity};
use serde::Serialize;

use super::{
    API_VERSION, ConfigPlace, FilePlace, Fitted, Places, Summary, config_place, part_of, reference,
    summarise,
};
use crate::config::Config;
use crate::edit::Change;
use crate::facts::{Overlay, PodFacts};
use crate::finding::Subject;
use crate::hashing::{HashMap, HashSet};
use crate::kubernetes::{Level, Version};
use crate::objects::Target;
use crate::pod_security::evaluate;
use crate::problem::field_path;
use crate::read::Resource;
use crate::rules::CMP001;
use crate::yaml::Value;

use crate::sorting;
use text::plain;

/// The field of the row with the level of the Pod Security Standards that pods meet.
const LEVEL: &str = "Pod Security level";

/// Environments side by side: `fitout compare`.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    api_version: &'static str,
    kind: &'static str,
    /// The environments, from the lowest to the highest.
    pub environments: Vec<ComparedEnvironment>,
    /// The counts.
    pub summary: ComparisonSummary,
    /// The fields, by object.
    pub fields: Vec<ComparedField>,
    /// The findings: what is weaker than in a lower environment. The same in several objects is one.
    inversions: Vec<InversionEntry>,
    /// The index of each row, by its object and its path.
    #[serde(skip)]
    known: HashMap<(usize, String), usize>,
}

/// A finding of a comparison.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct InversionEntry {
    rule: &'static str,
    #[cfg_attr(test, schemars(with = "super::SeverityWord"))]
    severity: Severity,
    message: String,
    /// The environment in which the fields are weaker.
    environment: String,
    /// The lower environment in which they are stronger.
    below: String,
    /// The indices of the fields in `fields`.
    fields: Vec<usize>,
}

/// An environment and the counts of its run.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
pub struct ComparedEnvironment {
    /// Its name.
    pub name: String,
    /// Its place between the others; an environment is never below one of the same stage.
    pub stage: usize,
    /// The counts of its plan.
    pub summary: Summary,
    /// The severity of its inversions; `None` if its config disables the rule.
    #[serde(skip)]
    severity: Option<Severity>,
}

/// The counts of a comparison.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Default, Serialize)]
pub struct ComparisonSummary {
    /// Objects with fields.
    pub objects: usize,
    /// Fields that the config sets in some environment, and the Pod Security level of each pod.
    pub fields: usize,
    /// Fields that differ between environments.
    pub differing: usize,
    /// Fields that are weaker in an environment than in a lower one, counted for each environment.
    pub inversions: usize,
    /// Those that an exemption covers, and that are not counted above.
    pub waived: usize,
}

/// A field of an object in all environments.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComparedField {
    /// The index of the object in the input.
    pub object: usize,
    /// The object.
    #[cfg_attr(test, schemars(with = "super::ResourceRef"))]
    pub resource_ref: ResourceIdentifier,
    /// The place of the field, or of its nearest parent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<Arc<FilePlace>>,
    /// The part of the object: `container "web"`.
    pub part: String,
    /// The section of the config.
    pub rule: &'static str,
    /// The field below the part: `resources.limits.memory`.
    pub field: String,
    /// Whether the environments differ.
    pub differs: bool,
    /// In the order of the environments.
    pub values: Vec<Cell>,
    /// The part as in tables.
    #[serde(skip)]
    label: String,
    #[serde(skip)]
    subject: Arc<Subject>,
    /// The value in the manifest.
    #[serde(skip)]
    written: Option<Value>,
}

/// A field in one environment.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cell {
    /// The value; absent if the field is not set.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_value")]
    #[cfg_attr(test, schemars(with = "Option<serde_json::Value>"))]
    pub value: Option<Value>,
    /// The setting that decided; absent if the value is the manifest's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigPlace>,
    /// The profile that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The lower environment in which the value is stronger, by its index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub below: Option<usize>,
    /// Whether an exemption covers that it is weaker than in a lower environment.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub waived: bool,
    /// Whether an exemption covers the object.
    #[serde(skip)]
    is_exempt: bool,
}

fn as_value<S: serde::Serializer>(value: &Option<Value>, serializer: S) -> Result<S::Ok, S::Error> {
    value.serialize(serializer)
}

impl Default for Comparison {
    fn default() -> Comparison {
        Comparison {
            api_version: API_VERSION,
            kind: "Comparison",
            environments: Vec::new(),
            summary: ComparisonSummary::default(),
            fields: Vec::new(),
            inversions: Vec::new(),
            known: HashMap::default(),
        }
    }
}

impl Comparison {
    /// Adds the run of an environment on the same objects as the others.
    pub fn add(
        &mut self,
        config: &Config<'_>,
        stage: usize,
        fitted: &Fitted,
        resources: &[Resource<'_>],
    ) {
        let at = self.environments.len();
        self.environments.push(ComparedEnvironment {
            name: config.environment.clone(),
            stage,
            summary: summarise(fitted, resources),
            severity: config.checks.severity_of(CMP001.id, CMP001.severity),
        });
        let mut places = Places::default();
        for change in &fitted.changes {
            let resource = &resources[change.resource];
            let field = Field::of(change);
            let row = self.row(
                change.resource, resource, &change.subject, change.rule, &field, &mut places,
            );
            let cell = row.cell(at);
            match (&mut cell.value, &field.item, change.proposed.as_deref()) {
                // Items that are appended one by one.
                (Some(Value::Sequence(items)), Item::Scalar, Some(item)) => {
                    items.push(item.clone())
                }
                (value, Item::Scalar, Some(item)) => {
                    *value = Some(Value::Sequence(vec![item.clone()]))
                }
                (value, _, proposed) => *value = proposed.cloned(),
            }
            cell.config = Some(config_place(&change.decision));
            cell.profile.clone_from(&change.decision.profile);
        }
        self.add_levels(at, config, fitted, resources, &mut places);
        let exempt: HashSet<usize> = fitted.may_be_weaker.iter().copied().collect();
        let exempt = |row: &&mut ComparedField| exempt.contains(&row.object);
        for row in self.fields.iter_mut().filter(exempt) {
            row.cell(at).is_exempt = true;
        }
    }

    /// Adds the levels of the Pod Security Standards that pods meet with the changes.
    fn add_levels<'r, 'a>(
        &mut self,
        at: usize,
        config: &Config<'_>,
        fitted: &Fitted,
        resources: &'r [Resource<'a>],
        places: &mut Places<'r, 'a>,
    ) {
        let version = config.kubernetes_version.unwrap_or(Version::LATEST);
        let mut changes = fitted.changes.iter().peekable();
        for (index, resource) in resources.iter().enumerate() {
            let mut of_object = Vec::new();
            while let Some(change) = changes.next_if(|change| change.resource == index) {
                of_object.push(change);
            }
            // What cannot be read was reported by the run.
            let Ok(target) = Target::of(resource, &config.pod_specs, &config.claims) else {
                continue;
            };
            let overlay = Overlay::of(of_object);
            for template in &target.templates {
                let pods = PodFacts::after(template, &overlay);
                let meets = |level: &Level| evaluate(&pods, *level, version).is_empty();
                let levels = [Level::Restricted, Level::Baseline];
                let level = levels.into_iter().find(meets).unwrap_or(Level::Privileged);
                let field = Field {
                    path: PointerBuf::from_tokens([LEVEL]),
                    shown: LEVEL.to_owned(),
                    item: Item::Computed,
                };
                let row = self.row(
                    index, resource, &template.pod, "securityContext", &field, places,
                );
                row.cell(at).value = Some(Value::from(level.to_string()));
            }
        }
    }

    /// The row of a field, created if missing.
    fn row<'r, 'a>(
        &mut self,
        object: usize,
        resource: &'r Resource<'a>,
        subject: &Arc<Subject>,
        rule: &'static str,
        field: &Field,
        places: &mut Places<'r, 'a>,
    ) -> &mut ComparedField {
        let path = subject.path.concat(&field.path);
        let key = (object, [path.as_str(), "\0", &field.shown].concat());
        let index = *self.known.entry(key).or_insert_with(|| {
            let written = match field.item {
                Item::Named | Item::Computed => None,
                Item::Field | Item::Scalar => resource.node.pointer(&path),
            };
            let is_computed = matches!(field.item, Item::Computed);
            self.fields.push(ComparedField {
                object,
                resource_ref: reference(resource),
                file: places.place(
                    resource,
                    Some(if is_computed { &subject.path } else { &path }),
                ),
                part: subject.part.to_string(),
                rule,
                field: field.shown.clone(),
                differs: false,
                values: Vec::new(),
                label: part_of(&subject.part),
                subject: Arc::clone(subject),
                written: written.and_then(|node| node.value().ok()),
            });
            self.fields.len() - 1
        });
        &mut self.fields[index]
    }

    /// Adds another comparison of other objects in the same environments; `false` if the environments differ.
    pub fn append(&mut self, other: Comparison) -> bool {
        if self.environments.is_empty() {
            *self = other;
            return true;
        }
        let names = |it: &Comparison| -> Vec<String> {
            it.environments.iter().map(|it| it.name.clone()).collect()
        };
        if names(self) != names(&other) {
            return false;
        }
        let first = self
            .environments
            .first()
            .map_or(0, |it| it.summary.resources);
        for (mine, others) in self.environments.iter_mut().zip(&other.environments) {
            mine.summary.add(&others.summary);
        }
        self.fields
            .extend(other.fields.into_iter().map(|mut field| {
                field.object += first;
                field
            }));
        true
    }

    /// Completes the comparison, once all environments are added.
    pub fn finish(&mut self) {
        let count = self.environments.len();
        // The level of pods that no environment changes is not the config's.
        let fields = self.fields.iter().filter(|row| row.field != LEVEL);
        let changed: HashSet<usize> = fields.map(|row| row.object).collect();
        self.fields.retain(|row| changed.contains(&row.object));
        let limits: HashMap<(usize, PointerBuf, String), Vec<bool>> = {
            let rows = self
                .fields
                .iter()
                .filter(|row| row.field.starts_with("resources.limits."));
            let key = |row: &ComparedField| {
                (
                    row.object,
                    row.subject.path.clone(),
                    row.field.replacen("limits", "requests", 1),
                )
            };
            rows.map(|row| {
                let is_set = |at: usize| row.value(at).is_some();
                (key(row), (0..count).map(is_set).collect())
            })
            .collect()
        };
        for row in &mut self.fields {
            while row.values.len() < count {
                let at = row.values.len();
                row.cell(at);
            }
            let key = (row.object, row.subject.path.clone(), row.field.clone());
            row.compare(&self.environments, limits.get(&key).map(Vec::as_slice));
        }
        sorting::sort_by(&mut self.fields, |a, b| {
            let key = |row: &ComparedField| (row.object, row.rule != "resources", row.rule);
            let path = |row: &ComparedField| row.subject.path.as_str().to_owned();
            (a.object, path(a))
                .cmp(&(b.object, path(b)))
                .then_with(|| key(a).cmp(&key(b)))
        });
        let rows = || self.fields.iter();
        let cells = rows().flat_map(|row| &row.values);
        self.summary = ComparisonSummary {
            objects: self.fields.chunk_by(|a, b| a.object == b.object).count(),
            fields: self.fields.len(),
            differing: rows().filter(|row| row.differs).count(),
            inversions: cells.clone().filter(|cell| cell.below.is_some()).count(),
            waived: cells.filter(|cell| cell.waived).count(),
        };
        self.inversions = self.find_inversions();
    }

    /// The comparison as JSON with a final newline.
    pub fn to_json(&self) -> String {
        crate::text::json(self)
    }
}

/// The field of a change, so that it is the same in all environments.
struct Field {
    /// Its path below the part, or that of its list.
    path: PointerBuf,
    shown: String,
    item: Item,
}

/// What a field is.
enum Item {
    /// A field.
    Field,
    /// A list to which scalars are appended.
    Scalar,
    /// An item with a name that is appended to a list; its index can differ.
    Named,
    /// No field of the object.
    Computed,
}

impl Field {
    fn of(change: &Change) -> Field {
        let list = change.leaf.parent().filter(|_| change.appends);
        let Some((list, item)) = list.zip(change.proposed.as_deref()) else {
            return Field {
                path: change.leaf.to_buf(),
                shown: change.short_path(),
                item: Item::Field,
            };
        };
        let (mut shown, mut item_is) = (field_path(list), Item::Scalar);
        if let Value::Mapping(entries) = item {
            let named = ["mountPath", "name", "port"];
            let named = named
                .iter()
                .find_map(|key| entries.iter().find(|(name, _)| name == key));
            let name = named.map_or_else(|| item.to_string(), |(_, name)| plain(name));
            shown += &format!("[{name}]");
            item_is = Item::Named;
        }
        Field {
            path: list.to_owned(),
            shown,
            item: item_is,
        }
    }
}

impl ComparedField {
    /// The cell of an environment, created with the manifest's value if missing.
    fn cell(&mut self, at: usize) -> &mut Cell {
        while self.values.len() <= at {
            self.values.push(Cell {
                value: self.written.clone(),
                ..Cell::default()
            });
        }
        &mut self.values[at]
    }

    /// The value in an environment.
    pub(super) fn value(&self, at: usize) -> Option<&Value> {
        match self.values.get(at) {
            Some(cell) => cell.value.as_ref(),
            None => self.written.as_ref(),
        }
    }
}
