//! The page of environments side by side.

use std::borrow::Cow;

use askama::Template;

use super::{CSP, FindingPlace, SCRIPT, STYLE, Tile, VERSION, drawn};
use crate::report::{Comparison, ConfigPlace, FilePlace, name_of};
use crate::rules::CMP001;

#[derive(Template)]
#[template(path = "compare.html")]
struct ComparePage<'c> {
    title: String,
    command: &'static str,
    all_levels: &'static str,
    lead: Vec<String>,
    tiles: Vec<Tile>,
    all: bool,
    counted: [&'static str; 6],
    environments: Vec<EnvironmentRow<'c>>,
    inversions: Vec<InversionCard<'c>>,
    objects: Vec<ObjectTable<'c>>,
}

struct EnvironmentRow<'c> {
    name: &'c str,
    counts: [usize; 6],
}

struct InversionCard<'c> {
    sentence: String,
    rule: &'static str,
    places: Vec<FindingPlace<'c>>,
    decided: Vec<(&'c str, String)>,
}

struct ObjectTable<'c> {
    name: String,
    path: &'c str,
    rows: Vec<FieldRow<'c>>,
}

struct FieldRow<'c> {
    /// The place of the setting, if it is the same in all environments.
    place: String,
    part: &'c str,
    field: &'c str,
    rule: &'static str,
    level: &'static str,
    cells: Vec<FieldCell<'c>>,
}

struct FieldCell<'c> {
    environment: &'c str,
    value: String,
    is_unset: bool,
    is_below: bool,
    place: String,
}

impl Comparison {
    /// The comparison as an HTML page: all fields, or those that differ.
    pub fn to_html(&self, all: bool) -> String {
        let names: Vec<&str> = self
            .environments
            .iter()
            .map(|it| it.name.as_str())
            .collect();
        let counts = &self.summary;
        let tile = |count, name, class| Tile { count, name, class };
        let environments = self.environments.iter().map(|it| EnvironmentRow {
            name: &it.name,
            counts: {
                let it = &it.summary;
                [
                    it.added, it.changed, it.removed, it.same, it.errors, it.warnings,
                ]
            },
        });
        let inversions = self.inversions().into_iter().map(|inversion| {
            let places = inversion.rows.iter().map(|row| FindingPlace {
                object: name_of(&row.resource_ref),
                place: row
                    .file
                    .as_deref()
                    .map(FilePlace::to_string)
                    .unwrap_or_default(),
                subject: name_of(&row.resource_ref),
                details: Cow::Borrowed(""),
            });
            InversionCard {
                rule: CMP001.id,
                places: places.collect(),
                sentence: inversion.sentence,
                decided: inversion.decided,
            }
        });
        let objects = self.shown(all).into_iter().map(|rows| {
            let first = rows[0];
            let rows = rows.into_iter().map(|row| FieldRow {
                part: row.label(),
                field: &row.field,
                place: {
                    let config = row.values.first().and_then(|cell| cell.config.as_ref());
                    let is_same = row.values.iter().all(|cell| cell.config.as_ref() == config);
                    let config = config.filter(|_| is_same);
                    config.map(ConfigPlace::place).unwrap_or_default()
                },
                rule: row.rule,
                level: match (
                    row.differs,
                    row.values.iter().any(|cell| cell.below.is_some()),
                ) {
                    (_, true) => "inversion",
                    (true, _) => "differs",
                    (false, _) => "same",
                },
                cells: (0..names.len())
                    .map(|at| FieldCell {
                        environment: names[at],
                        value: row.shown(at),
                        is_unset: row.value(at).is_none(),
                        is_below: row.values[at].below.is_some(),
                        place: row.values[at]
                            .config
                            .as_ref()
                            .map(ConfigPlace::place)
                            .unwrap_or_default(),
                    })
                    .collect(),
            });
            ObjectTable {
                name: name_of(&first.resource_ref),
                path: first.file.as_ref().map_or("", |file| &file.path),
                rows: rows.collect(),
            }
        });
        let page = ComparePage {
            title: names.join(" → "),
            command: "compare",
            all_levels: "All fields",
            lead: vec![self.counts()],
            tiles: vec![
                tile(counts.objects, "objects", ""),
                tile(counts.fields, "fields", ""),
                tile(counts.differing, "differ", "warning"),
                tile(counts.inversions, "inversions", "error"),
            ],
            all,
            counted: [
                "added", "changed", "removed", "right already", "errors", "warnings",
            ],
            environments: environments.collect(),
            inversions: inversions.collect(),
            objects: objects.collect(),
        };
        drawn(&page)
    }
}
