//! Reports as one HTML page, which loads nothing: for `-o html`.
//!
//! The page can be read without JavaScript; the script only filters. Everything that is written into a template is escaped
//! by [`Escaped`], and the Content-Security-Policy allows no style and no script but those of this module.

use std::fmt::{self, Write};

use askama::Template;
use askama::filters::Escaper;

use super::{Comparison, ConfigPlace, FilePlace, name_of};
use crate::text;

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");
/// Names the hashes of [`STYLE`] and [`SCRIPT`]; a test compares them.
const CSP: &str = include_str!("html/csp.txt");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Escapes text for HTML, and characters that a browser obeys or does not show as [`text::escaped`] does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Escaped;

impl Escaper for Escaped {
    fn write_escaped_str<W: Write>(&self, mut to: W, string: &str) -> fmt::Result {
        for c in text::escaped(string).chars() {
            match c {
                '&' => to.write_str("&amp;")?,
                '<' => to.write_str("&lt;")?,
                '>' => to.write_str("&gt;")?,
                '"' => to.write_str("&#34;")?,
                '\'' => to.write_str("&#39;")?,
                c => to.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A count above the page.
struct Tile {
    count: usize,
    name: &'static str,
    class: &'static str,
}

/// The page of environments side by side.
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
    object: String,
    place: String,
    decided: Vec<(&'c str, String)>,
}

struct ObjectTable<'c> {
    name: String,
    path: &'c str,
    rows: Vec<FieldRow<'c>>,
}

struct FieldRow<'c> {
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
                    it.added,
                    it.changed,
                    it.removed,
                    it.same,
                    it.errors,
                    it.warnings,
                ]
            },
        });
        let inversions = self.inversions().map(|inversion| {
            let object = name_of(&inversion.row.resource_ref);
            InversionCard {
                sentence: inversion.to_string(),
                rule: inversion.row.rule,
                object,
                place: inversion
                    .row
                    .file
                    .as_ref()
                    .map(FilePlace::to_string)
                    .unwrap_or_default(),
                decided: inversion.decided,
            }
        });
        let objects = self.shown(all).into_iter().map(|rows| {
            let first = rows[0];
            let rows = rows.into_iter().map(|row| FieldRow {
                part: row.label(),
                field: &row.field,
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
            title: names.join(", "),
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
                "added",
                "changed",
                "removed",
                "right already",
                "errors",
                "warnings",
            ],
            environments: environments.collect(),
            inversions: inversions.collect(),
            objects: objects.collect(),
        };
        drawn(&page)
    }
}

/// Cannot fail: a text takes everything.
fn drawn(page: &impl Template) -> String {
    page.render().unwrap_or_default()
}
