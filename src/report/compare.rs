//! What the config makes of the same objects in several environments: field by field, with the fields that differ, and those
//! that are weaker in a higher environment.

use std::cmp::Ordering;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use comfy_table::{ColumnConstraint, Width};
use jsonptr::PointerBuf;
use kustomize_krm_types::{ResourceIdentifier, Severity};
use serde::Serialize;

use super::{
    API_VERSION, ConfigPlace, FilePlace, Fitted, Places, Summary, add_row, config_place,
    draw_table, name_of, new_table, part_of, plural, reference, summarise,
};
use crate::config::Config;
use crate::edit::Change;
use crate::facts::{Overlay, PodFacts};
use crate::finding::Subject;
use crate::kubernetes::{Level, Quantity, Version};
use crate::objects::Target;
use crate::pod_security::evaluate;
use crate::problem::field_path;
use crate::read::Resource;
use crate::rules::CMP001;
use crate::text::{Text, escaped};
use crate::yaml::Value;

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
    pub file: Option<FilePlace>,
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
            known: HashMap::new(),
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
                change.resource,
                resource,
                &change.subject,
                change.rule,
                &field,
                &mut places,
            );
            let cell = row.cell(at);
            match (&mut cell.value, &field.item, &change.proposed) {
                // Items that are appended one by one.
                (Some(Value::Sequence(items)), Item::Scalar, Some(item)) => {
                    items.push(item.clone())
                }
                (value, Item::Scalar, Some(item)) => {
                    *value = Some(Value::Sequence(vec![item.clone()]))
                }
                (value, _, proposed) => value.clone_from(proposed),
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
                    index,
                    resource,
                    &template.pod,
                    "securityContext",
                    &field,
                    places,
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
        self.fields.sort_by(|a, b| {
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

    /// Whether there is an inversion that is an error.
    pub fn has_errors(&self) -> bool {
        let mut all = self.inversions.iter();
        all.any(|it| it.severity == Severity::Error)
    }

    /// The rows that are shown, by object: those that differ, or all.
    pub(super) fn shown(&self, all: bool) -> Vec<Vec<&ComparedField>> {
        let rows = self.fields.iter().filter(|row| all || row.differs);
        let rows: Vec<&ComparedField> = rows.collect();
        let objects = rows.chunk_by(|a, b| a.object == b.object);
        objects.map(<[&ComparedField]>::to_vec).collect()
    }

    /// The same, where objects with the same rows are one, with the number of the others; unless all are requested.
    fn grouped(&self, all: bool) -> Vec<(Vec<&ComparedField>, usize)> {
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut groups: Vec<(Vec<&ComparedField>, usize)> = Vec::new();
        for rows in self.shown(all) {
            let next = groups.len();
            let key = |row: &&ComparedField| {
                let values = row.values.iter().map(|cell| (&cell.value, cell.below));
                format!(
                    "{} {} {:?}",
                    row.label,
                    row.field,
                    values.collect::<Vec<_>>()
                )
            };
            let key: Vec<String> = rows.iter().map(key).collect();
            match known.entry(key.join("\n")) {
                Entry::Occupied(at) if !all => groups[*at.get()].1 += 1,
                Entry::Occupied(_) => groups.push((rows, 0)),
                Entry::Vacant(entry) => {
                    entry.insert(next);
                    groups.push((rows, 0));
                }
            }
        }
        groups
    }

    /// `development, production: 3 of 40 fields differ, in 2 objects; 1 inversion`.
    fn totals(&self) -> String {
        let names = self.environments.iter().map(|it| it.name.as_str());
        format!(
            "{}: {}",
            names.collect::<Vec<_>>().join(", "),
            self.counts()
        )
    }

    /// `3 of 40 fields differ, in 2 objects; 1 inversion`.
    pub(super) fn counts(&self) -> String {
        let counts = &self.summary;
        let fields = plural(counts.fields, "field", "fields");
        let differing = match counts.differing {
            0 => format!("none of {fields} differs"),
            differing => format!(
                "{differing} of {fields} differ, in {}",
                plural(self.shown(false).len(), "object", "objects"),
            ),
        };
        let inversions = match counts.inversions {
            0 => "no inversions".to_owned(),
            count => plural(count, "inversion", "inversions"),
        };
        let waived = match counts.waived {
            0 => String::new(),
            count => format!(", {count} waived"),
        };
        format!("{differing}; {inversions}{waived}")
    }

    /// What is weaker in a higher environment; the same in several objects is one.
    fn find_inversions(&self) -> Vec<InversionEntry> {
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut inversions: Vec<InversionEntry> = Vec::new();
        for (index, row) in self.fields.iter().enumerate() {
            for (at, cell) in row.values.iter().enumerate() {
                let Some(below) = cell.below else { continue };
                let name = |at: usize| self.environments[at].name.as_str();
                let message = row.inversion((name(at), at), (name(below), below));
                let decided = self.decided(row, at, below);
                let next = inversions.len();
                let same = *known
                    .entry(format!("{message} {decided:?}"))
                    .or_insert(next);
                if same == next {
                    inversions.push(InversionEntry {
                        rule: CMP001.id,
                        severity: self.environments[at].severity.unwrap_or(CMP001.severity),
                        message,
                        environment: name(at).to_owned(),
                        below: name(below).to_owned(),
                        fields: Vec::new(),
                    });
                }
                inversions[same].fields.push(index);
            }
        }
        inversions
    }

    /// What decided about a field in both environments.
    fn decided(&self, row: &ComparedField, at: usize, below: usize) -> Vec<(&str, String)> {
        match row.field.as_str() {
            LEVEL => Vec::new(),
            _ => [at, below]
                .map(|at| {
                    let name = self.environments[at].name.as_str();
                    (name, row.values[at].decided_by())
                })
                .to_vec(),
        }
    }

    /// The inversions, for people.
    pub(super) fn inversions(&self) -> Vec<Inversion<'_>> {
        let all = self.inversions.iter().map(|it| {
            let rows: Vec<&ComparedField> = it.fields.iter().map(|at| &self.fields[*at]).collect();
            let at = |name: &str| self.environments.iter().position(|it| it.name == name);
            let both = at(&it.environment).zip(at(&it.below));
            Inversion {
                severity: it.severity,
                sentence: it.message.clone(),
                decided: both.map_or(Vec::new(), |(at, below)| self.decided(rows[0], at, below)),
                rows,
            }
        });
        all.collect()
    }

    /// The comparison as a table for each object, with the inversions and the totals.
    pub fn draw(&self, all: bool, quiet: bool, width: Option<u16>, color: bool) -> Text {
        let (bold, yellow, off) = match color {
            true => ("\x1b[1m", "\x1b[33m", "\x1b[0m"),
            false => ("", "", ""),
        };
        let objects = match quiet {
            true => Vec::new(),
            false => self.grouped(all),
        };
        // All tables have the same columns.
        let mut widths = vec![0; self.environments.len() + 1];
        let mut tables = Vec::new();
        for (rows, _) in &objects {
            let mut table = Vec::new();
            for row in rows {
                let values = row.values.iter().enumerate().map(|(at, cell)| {
                    let mark = if cell.below.is_some() { " ↓" } else { "" };
                    row.shown(at) + mark
                });
                let label = [&row.label, "  ", &row.field].concat();
                let cells = std::iter::once(label).chain(values);
                let cells: Vec<String> = cells.map(|cell| escaped(&cell).into_owned()).collect();
                for (width, cell) in widths.iter_mut().zip(&cells) {
                    *width = (*width).max(unicode_width::UnicodeWidthStr::width(cell.as_str()));
                }
                table.push(cells);
            }
            tables.push(table);
        }
        let names = self
            .environments
            .iter()
            .map(|it| escaped(&it.name).into_owned());
        let names: Vec<String> = std::iter::once(String::new()).chain(names).collect();
        for (width, name) in widths.iter_mut().zip(&names) {
            *width = (*width).max(name.len());
        }
        let mut text = Text::default();
        for ((rows, others), cells) in objects.iter().zip(tables) {
            let mut table = new_table(width);
            add_row(&mut table, &names);
            for row in cells {
                add_row(&mut table, row);
            }
            for (column, width) in table.column_iter_mut().skip(1).zip(&widths) {
                let width = u16::try_from(width.saturating_add(2))
                    .unwrap_or(u16::MAX)
                    .min(60);
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
            }
            let first = rows[0];
            text.painted(bold, name_of(&first.resource_ref), off);
            if let Some(file) = &first.file {
                text.part(format_args!("  {}", file.path));
            }
            if *others > 0 {
                let objects = plural(*others, "other object", "other objects");
                text.part(format_args!("  and {objects} with the same values"));
            }
            text.end();
            draw_table(table, &mut text);
            text.end();
        }
        for inversion in self.inversions() {
            let count = match inversion.rows.len() {
                1 => String::new(),
                count => format!(" ({count} objects)"),
            };
            let rule = format_args!("{}[{}]", inversion.severity.as_str(), CMP001.id);
            text.painted(yellow, rule, off);
            text.line(format_args!(": {}{count}", inversion.sentence));
            let shown = if all { usize::MAX } else { PLACES };
            for row in inversion.rows.iter().take(shown) {
                let file = row.file.as_ref();
                let place = file.map(|file| match file.line {
                    Some(line) => format!("{}:{line}  ", file.path),
                    None => format!("{}  ", file.path),
                });
                let object = name_of(&row.resource_ref);
                text.line(format_args!("  --> {}{object}", place.unwrap_or_default()));
            }
            if let Some(left @ 1..) = inversion.rows.len().checked_sub(shown) {
                text.line(format_args!("  --> and {left} more, which --all shows"));
            }
            for (name, decided) in &inversion.decided {
                text.line(format_args!("  = {name}: {decided}"));
            }
        }
        if quiet {
            return text;
        }
        text.painted(bold, "Compare", off);
        text.line(format_args!("  {}", self.totals()));
        for it in &self.environments {
            let errors = it.summary.errors;
            if errors > 0 {
                text.line(format_args!(
                    "  {}: {}, which plan -e {} shows",
                    it.name,
                    plural(errors, "error", "errors"),
                    it.name
                ));
            }
        }
        text
    }

    /// The comparison as Markdown: the inversions, and a folded table for each object.
    pub fn to_markdown(&self, all: bool) -> String {
        let mut page = format!(
            "<!-- fitout compare -->\n### fitout compare\n\n{}\n",
            markdown(&self.totals())
        );
        for inversion in self.inversions() {
            let first = code(&name_of(&inversion.rows[0].resource_ref));
            let others = match inversion.rows.len() - 1 {
                0 => String::new(),
                others => format!(" and {others} more"),
            };
            let _ = write!(
                page,
                "\n- :warning: **{}[{}]**: {first}{others}, {}",
                inversion.severity.as_str(),
                CMP001.id,
                markdown(&inversion.sentence)
            );
            for (name, decided) in &inversion.decided {
                let _ = write!(page, "\n  - {}: {}", markdown(name), code(decided));
            }
        }
        page += if self.summary.inversions > 0 {
            "\n\n"
        } else {
            "\n"
        };
        let names = self
            .environments
            .iter()
            .map(|it| format!(" {} |", markdown(&it.name)));
        let head = format!(
            "| | field |{}\n|---|---|{}\n",
            names.collect::<String>(),
            "---|".repeat(self.environments.len())
        );
        for (rows, others) in self.grouped(all) {
            let first = rows[0];
            let file = first.file.as_ref().map_or("", |file| &file.path);
            let _ = write!(
                page,
                "<details><summary>{} {}{}: {}</summary>\n\n{head}",
                [
                    "<code>",
                    &markdown(&name_of(&first.resource_ref)),
                    "</code>"
                ]
                .concat(),
                markdown(file),
                match others {
                    0 => String::new(),
                    others => format!(" and {}", plural(others, "other object", "other objects")),
                },
                plural(rows.len(), "field", "fields"),
            );
            for row in rows {
                let _ = write!(page, "| {} | {} |", markdown(&row.label), code(&row.field));
                for (at, cell) in row.values.iter().enumerate() {
                    let mark = if cell.below.is_some() {
                        " :warning:"
                    } else {
                        ""
                    };
                    let _ = write!(page, " {}{mark} |", code(&row.shown(at)));
                }
                page.push('\n');
            }
            page += "\n</details>\n\n";
        }
        page.truncate(page.trim_end().len());
        page + "\n"
    }

    /// The comparison as JSON with a final newline.
    pub fn to_json(&self) -> String {
        crate::text::json(self)
    }
}

/// A field that is weaker in a higher environment.
pub(super) struct Inversion<'c> {
    /// How severe it is.
    pub(super) severity: Severity,
    /// `container "web": resources.requests.memory is 128Mi in production, below 256Mi in staging`
    pub(super) sentence: String,
    /// What decided in both environments.
    pub(super) decided: Vec<(&'c str, String)>,
    /// The fields of all objects that it is about.
    pub(super) rows: Vec<&'c ComparedField>,
}

/// The objects of an inversion that are shown, unless all are requested.
const PLACES: usize = 3;

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
        let Some((list, item)) = list.zip(change.proposed.as_ref()) else {
            return Field {
                path: change.leaf.clone(),
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

    /// The sentence about an inversion; the environments with their indices.
    fn inversion(&self, (higher, at): (&str, usize), (lower, below): (&str, usize)) -> String {
        let field = format!("{}: {}", self.part, self.field);
        match (self.value(at), self.value(below)) {
            (None, other) => {
                format!(
                    "{field} is not set in {higher}, and {} in {lower}",
                    shown(other)
                )
            }
            (mine, None) => {
                format!(
                    "{field} is {} in {higher}, and not set in {lower}",
                    shown(mine)
                )
            }
            (mine, other) => {
                let (mine, other) = (shown(mine), shown(other));
                format!("{field} is {mine} in {higher}, below {other} in {lower}")
            }
        }
    }

    /// The part as in tables.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// The value in an environment, for a table. What the field already names of an item is left out.
    pub(super) fn shown(&self, at: usize) -> String {
        match self.value(at) {
            Some(Value::Mapping(entries)) if self.field.ends_with(']') => {
                let is_named = |text: &str| self.field.ends_with(&format!("[{text}]"));
                let rest = entries.iter().filter(|(_, value)| !is_named(&plain(value)));
                let rest: Vec<_> = rest.cloned().collect();
                plain(&Value::Mapping(rest))
            }
            value => shown(value),
        }
    }

    /// Finds whether the environments differ, and which are weaker than a lower one. `limits`: where the limit of a request is
    /// set, which counts as the request where none is set.
    fn compare(&mut self, environments: &[ComparedEnvironment], limits: Option<&[bool]>) {
        let first = self.value(0);
        let is_other = |at: usize| match (self.strength(at, None), self.strength(0, None)) {
            (Some(Strength::Amount(a)), Some(Strength::Amount(b)))
                if first.is_some() && self.value(at).is_some() =>
            {
                a != b
            }
            _ => self.value(at) != first,
        };
        self.differs = (1..self.values.len()).any(is_other);
        if !self.differs {
            return;
        }
        let strengths: Vec<_> = (0..self.values.len())
            .map(|at| self.strength(at, limits))
            .collect();
        for (at, own) in strengths.iter().enumerate() {
            let lower = (0..at).filter(|it| environments[*it].stage < environments[at].stage);
            let mut stronger = lower.filter(|it| {
                let order = strengths[*it].as_ref().zip(own.as_ref());
                order.and_then(|(other, own)| other.partial_cmp(own)) == Some(Ordering::Greater)
            });
            let is_asked = environments[at].severity.is_some();
            let cell = &mut self.values[at];
            cell.below = stronger.next_back().filter(|_| is_asked);
            cell.waived = cell.is_exempt && cell.below.take().is_some();
        }
    }

    /// How strong the value is, for fields that should not become weaker from one stage to the next.
    fn strength(&self, at: usize, limits: Option<&[bool]>) -> Option<Strength> {
        let value = self.value(at);
        let is_true = |by_default: bool| match value {
            Some(Value::Bool(it)) => *it,
            _ => by_default,
        };
        let level = |is_strict: bool| Some(Strength::Level(i64::from(is_strict)));
        let items = match value {
            Some(Value::Sequence(items)) => items.as_slice(),
            _ => &[],
        };
        let field = self
            .field
            .strip_prefix("securityContext.")
            .unwrap_or(&self.field);
        match field {
            LEVEL => {
                let level: Level = value?.as_str()?.parse().ok()?;
                Some(Strength::Level(level as i64))
            }
            "readOnlyRootFilesystem" => level(is_true(false)),
            "allowPrivilegeEscalation" | "automountServiceAccountToken" | "hostUsers" => {
                level(!is_true(true))
            }
            "privileged" | "hostNetwork" | "hostPID" | "hostIPC" => level(!is_true(false)),
            "capabilities.drop" => {
                let is_all = items.iter().any(|it| it.as_str() == Some("ALL"));
                let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
                Some(Strength::Level(if is_all { i64::MAX } else { count }))
            }
            "capabilities.add" => Some(Strength::Level(
                -i64::try_from(items.len()).unwrap_or(i64::MAX),
            )),
            _ if field.contains("resources.limits.") || field.contains("resources.requests.") => {
                match value {
                    Some(value) => plain(value).parse().ok().map(Strength::Amount),
                    // Without a request its limit counts; without either, nothing is reserved.
                    None => {
                        let is_limited = limits.is_some_and(|it| it[at]);
                        let is_request = field.starts_with("resources.requests.");
                        (is_request && !is_limited)
                            .then(|| "0".parse().ok())
                            .flatten()
                            .map(Strength::Amount)
                    }
                }
            }
            _ => None,
        }
    }
}

/// How strong a value is; only values of one kind are compared.
#[derive(PartialEq)]
enum Strength {
    Amount(Quantity),
    Level(i64),
}

impl PartialOrd for Strength {
    fn partial_cmp(&self, other: &Strength) -> Option<Ordering> {
        match (self, other) {
            (Strength::Amount(a), Strength::Amount(b)) => Some(a.cmp(b)),
            (Strength::Level(a), Strength::Level(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

impl Cell {
    /// What decided: `fn-config/all/fitout.yaml:47  spec.resources.limits.cpu`, or the manifest.
    pub(super) fn decided_by(&self) -> String {
        let Some(config) = &self.config else {
            let is_set = self.value.is_some();
            return (if is_set {
                "the manifest"
            } else {
                "nothing sets it"
            })
            .to_owned();
        };
        config.decided()
    }
}

/// A value in a table: text without quotes, and `–` if it is not set.
pub(super) fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "–".to_owned(), plain)
}

/// A value without quotes, and without the braces of the outermost collection.
fn plain(value: &Value) -> String {
    match value {
        Value::Sequence(items) if !items.is_empty() => {
            items.iter().map(nested).collect::<Vec<_>>().join(", ")
        }
        Value::Mapping(entries) if !entries.is_empty() => members(entries),
        other => nested(other),
    }
}

fn members(entries: &[(String, Value)]) -> String {
    let entries = entries
        .iter()
        .map(|(key, value)| format!("{key}: {}", nested(value)));
    entries.collect::<Vec<_>>().join(", ")
}

fn nested(value: &Value) -> String {
    match value {
        Value::String(text) | Value::Quoted(text) if !text.trim().is_empty() => text.clone(),
        Value::Mapping(entries) => format!("{{{}}}", members(entries)),
        other => other.to_string(),
    }
}

/// Text in Markdown: every character with a meaning there is an entity, so that nothing is markup, a link or a mention.
fn markdown(text: &str) -> String {
    let text = escaped(text);
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_ascii_punctuation() && !"-.,;:/()=\"'".contains(c) => {
                let _ = write!(safe, "&#{};", u32::from(c));
            }
            c => safe.push(c),
        }
    }
    // A sequence such as `https://` or `www.` would be a link.
    safe.replace("://", "&#58;//").replace("www.", "www&#46;")
}

/// Text as code in Markdown.
fn code(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " -._:/,()=\"[]{}+%".contains(c);
    let text = escaped(text);
    match text.trim() == text && !text.is_empty() && text.chars().all(is_plain) {
        true => format!("`{text}`"),
        false => format!("<code>{}</code>", markdown(&text)),
    }
}
