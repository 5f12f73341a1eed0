//! The report as text: findings in the style of compiler messages, and a summary by object.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use comfy_table::Table;
use kustomize_krm_types::Severity;

use super::{
    Entry, EntryType, Group, Report, add_row, draw_table, extent, folded_message, groups,
    new_table, overview, part_of, subject_of, totals,
};
use crate::finding::Lines;
use crate::problem::Problem;
use crate::sorting;
use crate::text::{Text, escaped};

/// The findings with at least this severity, in groups, most severe first.
pub fn findings(report: &Report, at_least: Severity) -> Text {
    let all = at_least == Severity::Info;
    let mut text = Text::default();
    folded(report, all, &mut text);
    let is_reported = |entry: &Entry| match entry.entry_type {
        EntryType::Change => false,
        EntryType::Finding => entry.severity >= at_least && !entry.is_folded(),
        EntryType::Waived => all,
    };
    let groups = groups(report, is_reported);
    if !all && groups.len() > overview::MANY_GROUPS {
        overview::findings(&groups, &mut text);
        return text;
    }
    for it in groups {
        match it.entries.as_slice() {
            [(_, only)] => finding(only, it.config_lines(), &mut text),
            _ => group(&it, all, &mut text),
        }
    }
    text
}

/// The places of a group that are shown, unless all are requested.
const PLACES: usize = 3;

/// Findings with one sentence: their number, some of their places, and what resolves them all.
fn group(group: &Group<'_>, all: bool, text: &mut Text) {
    let first = group.first();
    let (level, rule, sentence) = (first.level(), first.rule, &group.sentence);
    text.line(format_args!(
        "{level}[{rule}]: {sentence} ({})",
        extent(group)
    ));
    let shown = if all { group.entries.len() } else { PLACES };
    for (_, entry) in group.entries.iter().take(shown) {
        let (place, subject, details) = (entry.place(), subject_of(entry), group.details(entry));
        let details = match details.as_str() {
            "" => None,
            details => Some(format!("… {details}")),
        };
        let parts = [place.as_deref(), Some(subject.as_str()), details.as_deref()];
        let parts = parts.into_iter().flatten().filter(|it| !it.is_empty());
        text.line(["  --> ", &parts.collect::<Vec<_>>().join("  ")].concat());
    }
    if let Some(left @ 1..) = group.entries.len().checked_sub(shown) {
        text.line(format_args!("  --> and {left} more, which -v shows"));
    }
    let has_config = group.config().is_some() && first.resource_ref.is_some();
    let resolved_by = (group.help(), group.config_lines());
    resolution(first, has_config, resolved_by, text);
}

/// Limits for folded findings: objects, and fields of each, unless all are requested.
const FOLDED_OBJECTS: usize = 5;
const FOLDED_FIELDS: usize = 4;
/// With more objects than this, two stand for all.
const MANY_FOLDED: usize = 50;

/// Folded findings: one message for each object, with some of its fields.
fn folded(report: &Report, all: bool, text: &mut Text) {
    let objects = report.folded_by_object();
    let shown = match () {
        () if all => objects.len(),
        () if objects.len() > MANY_FOLDED => 2,
        () => FOLDED_OBJECTS,
    };
    for entries in objects.iter().take(shown) {
        let first = entries[0];
        let fields = if all { entries.len() } else { FOLDED_FIELDS };
        let message = folded_message(entries);
        text.line(format_args!(
            "{}[{}]: {message}",
            first.severity, first.rule
        ));
        let mut places: Vec<String> = first
            .file
            .iter()
            .map(|file| file.path.to_string())
            .collect();
        places.extend(first.object_name());
        text.line(format_args!("  --> {}", places.join("  ")));
        for entry in entries.iter().take(fields) {
            let line = entry.file.as_ref().and_then(|file| file.line);
            let line = line.map_or(String::new(), |line| format!("line {line}: "));
            text.line(format_args!("  - {line}{}", entry.message));
        }
        if entries.len() > fields {
            text.line(format_args!("  - and {} more", entries.len() - fields));
        }
    }
    if objects.len() > shown {
        let left = &objects[shown..];
        let leaves: usize = left.iter().map(Vec::len).sum();
        let first = objects[0][0];
        text.line(format_args!(
            "{}[{}]: {leaves} fields of {} more objects would still change",
            first.severity,
            first.rule,
            left.len()
        ));
    }
    if let Some(help) = objects.first().and_then(|entries| entries[0].help.as_ref()) {
        text.line(format_args!("  = help: {help}"));
    }
}

fn finding(entry: &Entry, lines: Option<String>, text: &mut Text) {
    let (level, rule) = (entry.level(), entry.rule);
    text.line(format_args!("{level}[{rule}]: {}", entry.message));
    let (place, object) = (entry.place(), entry.object_name());
    let field = entry.field.as_ref().map(|field| field.path.as_str());
    let whereabouts = [place.as_deref(), object.as_deref(), field]
        .into_iter()
        .flatten();
    let whereabouts: Vec<&str> = whereabouts.collect();
    if !whereabouts.is_empty() {
        text.line(["  --> ", &whereabouts.join("  ")].concat());
    }
    // An exemption is shown where it saves more lines than it has.
    let lines = lines.filter(|_| entry.lines != Some(Lines::Exemption));
    resolution(entry, true, (entry.help.as_deref(), lines), text);
}

/// The setting that decided, the reason of an exemption, and what resolves the finding.
fn resolution(
    entry: &Entry,
    has_config: bool,
    (help, lines): (Option<&str>, Option<String>),
    text: &mut Text,
) {
    if let Some(config) = entry.config.as_ref().filter(|_| has_config) {
        let place = config.place();
        let blank = if place.is_empty() { "" } else { " " };
        text.line(format_args!("  = config: {place}{blank}{}", config.field));
    }
    if let Some(reason) = entry.waiver() {
        text.line(format_args!("  = reason: {reason}"));
    }
    if let Some(help) = help {
        text.line(format_args!("  = help: {help}"));
    }
    if let Some(lines) = lines.filter(|_| entry.entry_type == EntryType::Finding) {
        text.line("  = lines for the config's spec:");
        for line in lines.lines() {
            text.line(format_args!("      {line}"));
        }
    }
}

/// The fields set in each object, by part and section, with the decision, and the totals. `width` is the width of the
/// terminal, which longer text is wrapped to.
pub fn summary(report: &Report, width: Option<u16>) -> Text {
    let mut changes: Vec<&Entry> = report
        .results
        .iter()
        .filter(|entry| entry.entry_type == EntryType::Change)
        .collect();
    // The order of the transformers keeps related changes together.
    sorting::sort_by_key(&mut changes, |entry| entry.change);
    let mut text = Text::default();
    for object in changes.chunk_by(|a, b| a.object == b.object) {
        let name = object[0].object_name().unwrap_or_default();
        let file = object[0].file.as_ref().map_or("", |file| &file.path);
        text.line(format_args!("{name}  {file}"));
        draw_table(table(object, width), &mut text);
        text.end();
    }
    text.line(totals(report));
    text
}

/// The key of a row: changes with the same key share it.
#[derive(PartialEq, Eq)]
struct Row<'e> {
    part: String,
    section: &'e str,
    decider: String,
}

fn table(changes: &[&Entry], width: Option<u16>) -> Table {
    let mut rows: Vec<(Row<'_>, Vec<String>)> = Vec::new();
    for entry in changes {
        let row = Row {
            part: part_of(&entry.tags.part),
            section: entry.rule,
            decider: decider_of(entry),
        };
        match rows.iter_mut().find(|(known, _)| *known == row) {
            Some((_, settings)) => settings.push(setting(entry)),
            None => rows.push((row, vec![setting(entry)])),
        }
    }
    let mut table = new_table(width);
    for (row, settings) in rows {
        let settings = settings.join(", ");
        let cells = [&row.part, row.section, &settings, &row.decider];
        add_row(&mut table, cells.map(escaped));
    }
    table
}

fn decider_of(entry: &Entry) -> String {
    let Some(config) = &entry.config else {
        return String::new();
    };
    let decision = entry.tags.decision.as_deref();
    let is_default = decision.is_some_and(|decision| decision.is_default);
    let environment = decision.and_then(|decision| decision.environment());
    let field = config.field.trim_start_matches("spec.");
    let in_environment = environment.map_or(String::new(), |(name, _)| format!(" in {name}"));
    let decider = match decision.and_then(|decision| decision.profile.as_ref()) {
        Some(profile) => format!("profile {profile}{in_environment}"),
        None if is_default => format!("default of {field}"),
        None => {
            let field = environment.map_or(field, |(_, field)| field);
            let section = field.split('.').next().unwrap_or_default();
            format!("{section}{in_environment}")
        }
    };
    match &entry.token_reason {
        Some(reason) => format!("{decider}; {reason}"),
        None => decider,
    }
}

/// A field, without the parts in its row, and its new value: `limits.cpu 2`, `mount /tmp`.
fn setting(entry: &Entry) -> String {
    let Some(field) = &entry.field else {
        return String::new();
    };
    let value = field.proposed_value.as_ref();
    let member = |name: &str| {
        value
            .and_then(|value| value.get(name)?.as_str())
            .unwrap_or_default()
    };
    if field.path.contains(".volumeMounts[") {
        return format!("mount {}", member("mountPath"));
    }
    if field.path.contains("spec.volumes[") && !member("name").is_empty() {
        return format!("volume {}", member("name"));
    }
    let leaf = match field.path.rsplit_once("annotations[\"") {
        Some((_, annotation)) => annotation.trim_end_matches("\"]"),
        None => {
            let markers = ["resources.", "securityContext.", "spec."];
            let after = |marker: &&str| field.path.rsplit_once(*marker).map(|(_, leaf)| leaf);
            markers.iter().find_map(after).unwrap_or(&field.path)
        }
    };
    match value {
        Some(value) => format!("{leaf} {}", compact(value)),
        None => format!("no {leaf}"),
    }
}

/// JSON without quotes and braces.
fn compact(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) => items.iter().map(compact).collect::<Vec<_>>().join(" "),
        serde_json::Value::Object(entries) => {
            entries.values().map(compact).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

/// A problem with an excerpt of the text, in the style of compiler messages.
pub fn problem_snippet(problem: &Problem, color: bool) -> Text {
    let place = problem.place.as_ref();
    let Some(place) = place.filter(|place| !place.excerpt.is_empty()) else {
        return problem.text();
    };
    let whereabouts = problem.subject.iter().chain(&problem.field);
    let whereabouts: Vec<&str> = whereabouts.map(String::as_str).collect();
    let whereabouts = whereabouts.join("  ");
    let help = problem.help.as_deref().unwrap_or_default();
    let path = place.file.as_deref().unwrap_or("stdin");
    let [message, path, whereabouts, help] =
        [&problem.message, path, &whereabouts, help].map(escaped);
    let title = Level::ERROR.primary_title(&*message).id(problem.id);
    let snippet = Snippet::source(place.excerpt.as_str())
        .path(&*path)
        .line_start(place.excerpt_line)
        .annotation(AnnotationKind::Primary.span(place.span.clone()));
    let mut group = title.element(snippet);
    if !whereabouts.is_empty() {
        group = group.element(Level::NOTE.message(&*whereabouts));
    }
    if !help.is_empty() {
        group = group.element(Level::HELP.message(&*help));
    }
    let renderer = match color {
        true => Renderer::styled(),
        false => Renderer::plain(),
    };
    Text::rendered(renderer.render(&[group]) + "\n")
}
