//! The report for people: findings in the form of compiler messages, and a summary by object.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use kustomize_krm_types::{ResourceIdentifier, Severity};

use super::{Entry, EntryType, Report};
use crate::problem::Problem;

/// The findings of at least this severity, most severe first, each as a few lines.
pub fn findings(report: &Report, at_least: Severity) -> String {
    let mut text = String::new();
    for entry in report
        .results
        .iter()
        .filter(|entry| entry.entry_type == EntryType::Finding && entry.severity >= at_least)
    {
        finding(entry, &mut text);
    }
    text
}

fn finding(entry: &Entry, text: &mut String) {
    let _ = writeln!(
        text,
        "{}[{}]: {}",
        entry.severity, entry.rule, entry.message
    );
    let mut places = Vec::new();
    if let Some(file) = &entry.file {
        places.push(match (file.line, file.column) {
            (Some(line), Some(column)) => format!("{}:{line}:{column}", file.path),
            _ => file.path.clone(),
        });
    }
    places.extend(entry.resource_ref.as_ref().map(name_of));
    places.extend(entry.field.as_ref().map(|field| field.path.clone()));
    if !places.is_empty() {
        let _ = writeln!(text, "  --> {}", places.join("  "));
    }
    if let Some(config) = &entry.config {
        let place = match (&config.path, config.line) {
            (Some(path), Some(line)) => format!("{path}:{line} "),
            _ => String::new(),
        };
        let _ = writeln!(text, "  = config: {place}{}", config.field);
    }
    if let Some(help) = &entry.help {
        let _ = writeln!(text, "  = help: {help}");
    }
}

/// `Deployment shop/web`.
pub(super) fn name_of(resource: &ResourceIdentifier) -> String {
    match &resource.namespace {
        Some(namespace) => format!("{} {namespace}/{}", resource.kind, resource.name),
        None => format!("{} {}", resource.kind, resource.name),
    }
}

/// What was set in each object, by section and by who decided, and the totals.
pub fn summary(report: &Report) -> String {
    let mut text = String::new();
    let mut objects: Vec<(&ResourceIdentifier, Vec<&Entry>)> = Vec::new();
    for entry in report
        .results
        .iter()
        .filter(|entry| entry.entry_type == EntryType::Change)
    {
        let Some(reference) = &entry.resource_ref else {
            continue;
        };
        match objects.iter_mut().find(|(known, _)| *known == reference) {
            Some((_, entries)) => entries.push(entry),
            None => objects.push((reference, vec![entry])),
        }
    }
    for (reference, entries) in objects {
        let file = entries[0]
            .file
            .as_ref()
            .map(|file| file.path.as_str())
            .unwrap_or_default();
        let _ = writeln!(text, "{:<44} {file}", name_of(reference));
        for (rule, lines) in by_rule(&entries) {
            for (index, line) in lines.iter().enumerate() {
                let _ = writeln!(text, "  {:<16} {line}", if index == 0 { rule } else { "" });
            }
        }
    }
    text + &totals(report)
}

/// One line for each section, part and decider: what it set.
fn by_rule<'e>(entries: &[&'e Entry]) -> BTreeMap<&'e str, Vec<String>> {
    let mut groups: Vec<((&str, String, String), Vec<String>)> = Vec::new();
    for entry in entries {
        let part = entry
            .tags
            .get("container")
            .map_or_else(String::new, |name| format!("{name}: "));
        let decider = match (entry.tags.get("profile"), &entry.config) {
            (Some(profile), _) => format!("profile {profile}"),
            (None, Some(config)) if entry.message.contains("(default of") => {
                format!("default of {}", config.field)
            }
            (None, Some(config)) => config
                .field
                .split('.')
                .take(2)
                .collect::<Vec<_>>()
                .join("."),
            (None, None) => String::new(),
        };
        let key = (entry.rule.as_str(), part, decider);
        let what = short_change(entry);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, changes)) => changes.push(what),
            None => groups.push((key, vec![what])),
        }
    }
    let mut rules: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for ((rule, part, decider), changes) in groups {
        rules
            .entry(rule)
            .or_default()
            .push(format!("{part}{}  ({decider})", changes.join(", ")));
    }
    rules
}

fn short_change(entry: &Entry) -> String {
    let Some(field) = &entry.field else {
        return String::new();
    };
    let leaf = short_leaf(&field.path);
    match &field.proposed_value {
        Some(serde_json::Value::String(text)) => format!("{leaf} {text}"),
        Some(value) => format!("{leaf} {}", compact(value)),
        None => leaf.to_owned(),
    }
}

/// The end of a path that tells leaves of one section apart.
fn short_leaf(path: &str) -> &str {
    if let Some((_, annotation)) = path.rsplit_once("annotations[\"") {
        return annotation.trim_end_matches("\"]");
    }
    for marker in ["resources.", "securityContext.", "spec."] {
        if let Some((_, leaf)) = path.rsplit_once(marker) {
            return leaf;
        }
    }
    path
}

/// JSON without its quotes where it names a mount or a list of words.
fn compact(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) => format!(
            "[{}]",
            items.iter().map(compact).collect::<Vec<_>>().join(", ")
        ),
        serde_json::Value::Object(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{key}: {}", compact(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

/// The counts in one line.
pub(super) fn totals(report: &Report) -> String {
    let counts = &report.summary;
    let plural = |count: usize, one: &str, many: &str| {
        format!("{count} {}", if count == 1 { one } else { many })
    };
    let mut text = format!(
        "{} in {}: {} added, {} changed, {} already right",
        plural(counts.workloads, "workload", "workloads"),
        plural(counts.files, "file", "files"),
        counts.added,
        counts.changed,
        counts.same
    );
    if counts.errors + counts.warnings > 0 {
        let _ = write!(
            text,
            "; {}, {}",
            plural(counts.errors, "error", "errors"),
            plural(counts.warnings, "warning", "warnings")
        );
    }
    text + "\n"
}

/// A problem with the lines of text around it, as a compiler shows it.
pub fn problem_snippet(problem: &Problem, color: bool) -> String {
    let Some(place) = &problem.place else {
        return format!("{problem}\n");
    };
    let path = place.file.as_deref().unwrap_or("stdin");
    let title = Level::ERROR
        .primary_title(problem.message.as_str())
        .id(problem.id);
    let snippet = Snippet::source(place.excerpt.as_str())
        .path(path)
        .line_start(place.excerpt_line)
        .annotation(AnnotationKind::Primary.span(place.span.clone()));
    let mut group = title.element(snippet);
    let whereabouts: Vec<&str> = problem
        .subject
        .iter()
        .chain(&problem.field)
        .map(String::as_str)
        .collect();
    if !whereabouts.is_empty() {
        group = group.element(Level::NOTE.message(whereabouts.join("  ")));
    }
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    renderer.render(&[group]) + "\n"
}
