//! Comparisons as text.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use comfy_table::{ColumnConstraint, Width};

use super::super::{add_row, draw_table, name_of, new_table, plural};
use super::{Cell, ComparedField, Comparison};
use crate::rules::CMP001;
use crate::text::{Text, escaped};
use crate::yaml::Value;

/// The objects of an inversion that are shown, unless all are requested.
const PLACES: usize = 3;

impl Cell {
    /// What decided: `fn-config/all/fitout.yaml:47  spec.resources.limits.cpu`, or the manifest.
    pub(in crate::report) fn decided_by(&self) -> String {
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
pub(in crate::report) fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "–".to_owned(), plain)
}

/// A value without quotes, and without the braces of the outermost collection.
pub(super) fn plain(value: &Value) -> String {
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

impl Comparison {
    /// The rows that are shown, by object: those that differ, or all.
    pub(in crate::report) fn shown(&self, all: bool) -> Vec<Vec<&ComparedField>> {
        let rows = self.fields.iter().filter(|row| all || row.differs);
        let rows: Vec<&ComparedField> = rows.collect();
        let objects = rows.chunk_by(|a, b| a.object == b.object);
        objects.map(<[&ComparedField]>::to_vec).collect()
    }

    /// The same, where objects with the same rows are one, with the number of the others; unless all are requested.
    pub(super) fn grouped(&self, all: bool) -> Vec<(Vec<&ComparedField>, usize)> {
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
    pub(super) fn totals(&self) -> String {
        let names = self.environments.iter().map(|it| it.name.as_str());
        format!(
            "{}: {}",
            names.collect::<Vec<_>>().join(", "),
            self.counts()
        )
    }

    /// `3 of 40 fields differ, in 2 objects; 1 inversion`.
    pub(in crate::report) fn counts(&self) -> String {
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
}

impl ComparedField {
    /// The part as in tables.
    pub(in crate::report) fn label(&self) -> &str {
        &self.label
    }

    /// The value in an environment, for a table. What the field already names of an item is left out.
    pub(in crate::report) fn shown(&self, at: usize) -> String {
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
}
