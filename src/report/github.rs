//! Annotations in GitHub Actions, as commands of the workflow.
//!
//! GitHub shows ten annotations of each type for a step. If there are more, the tenth says how many.

use kustomize_krm_types::Severity;

use super::{Document, Entry, EntryType, File, Run, folded_message, plural, totals};
use crate::text::{Text, escaped};

/// The annotations of each type that GitHub shows for a step.
const MOST: usize = 10;

/// The bytes of a message.
const LONGEST: usize = 4000;

/// An annotation.
struct Note<'d> {
    run: &'d Run<'d>,
    /// The entry at whose place it is.
    entry: &'d Entry,
    title: String,
    message: String,
}

pub(super) fn github(document: &Document<'_>) -> String {
    let mut text = String::new();
    let mut all = Vec::new();
    document
        .runs
        .iter()
        .for_each(|run| add_notes(document, run, &mut all));
    for (severity, one, many) in [
        (Severity::Error, "error", "errors"),
        (Severity::Warning, "warning", "warnings"),
        (Severity::Info, "notice", "notices"),
    ] {
        let notes = all.iter().filter(|it| it.entry.severity == severity);
        let notes: Vec<&Note<'_>> = notes.collect();
        let shown = if notes.len() > MOST {
            MOST - 1
        } else {
            notes.len()
        };
        notes[..shown]
            .iter()
            .for_each(|note| command(document, note, one, &mut text));
        if let Some(left @ 1..) = notes.len().checked_sub(shown) {
            let left = match left {
                1 => format!("1 more {one}"),
                left => format!("{left} more {many}"),
            };
            text += &format!(
                "::{one} title=fitout::{left}: GitHub shows {MOST} for a step, and the summary of the job has the others\n"
            );
        }
    }
    for run in document.runs.iter().filter(|it| !it.is_stopped) {
        text += Text::of(format_args!("fitout  {}", totals(&run.report))).as_str();
    }
    text
}

/// The findings, those that text shows as one as one, and one note for the changes of each object.
fn add_notes<'d>(document: &Document<'_>, run: &'d Run<'d>, notes: &mut Vec<Note<'d>>) {
    let report = &run.report;
    let environment = match document.has_several_environments() {
        true => format!(" in {}", report.environment),
        false => String::new(),
    };
    let object = |entry: &Entry| entry.object_name().unwrap_or_default();
    let mut add = |entry: &'d Entry, title: String, message: String| {
        notes.push(Note {
            run,
            entry,
            title: title.trim_end().to_owned() + &environment,
            message,
        });
    };
    let title = |entry: &Entry| format!("{} {}", entry.rule, object(entry));
    let with_help = |message: &str, entry: &Entry| match &entry.help {
        Some(help) => format!("{}\nhelp: {}", escaped(message), escaped(help)),
        None => escaped(message).into_owned(),
    };
    for entries in report.folded_by_object() {
        let first = entries[0];
        let message = folded_message(&entries);
        let message = format!("{message}, for example: {}", first.message);
        add(first, title(first), with_help(&message, first));
    }
    let results = report.results.iter();
    let at_least = document.options.at_least;
    let is_shown = |it: &&Entry| {
        it.entry_type == EntryType::Finding && !it.is_folded() && it.severity >= at_least
    };
    for entry in results.filter(is_shown) {
        add(entry, title(entry), with_help(&entry.message, entry));
    }
    let results = report.results.iter();
    let changes = results.filter(|it| it.entry_type == EntryType::Change);
    let changes: Vec<&'d Entry> = changes.collect();
    for of_object in changes.chunk_by(|a, b| a.object == b.object) {
        let fields = plural(of_object.len(), "field changes", "fields change");
        let lines = of_object
            .iter()
            .map(|it| format!("\n{}", escaped(&it.message)));
        let message = format!("{fields}:{}", lines.collect::<String>());
        add(of_object[0], object(of_object[0]), message);
    }
}

/// `::error file=base/web.yaml,line=3,endLine=3,col=7,endColumn=9,title=FIT-RES002 Deployment shop/web::message`
fn command(document: &Document<'_>, note: &Note<'_>, name: &str, text: &mut String) {
    let mut properties = Vec::new();
    let place = note.entry.file.as_ref();
    let config = note.entry.config.as_ref();
    let file = place.and_then(|place| note.run.texts.iter().find(|it| *it.path == *place.path));
    let folder = &document.options.folder;
    let (path, position) = match (place, file) {
        (Some(place), Some(file)) if file.is_file => {
            (Some(&*place.path), place.line.zip(place.column))
        }
        (Some(place), None) if &*place.path != "stdin" => {
            (Some(&*place.path), place.line.zip(place.column))
        }
        (_, Some(file)) => (file.source.as_deref(), None),
        _ => {
            let position = config.and_then(|it| it.line.zip(it.column));
            (config.and_then(|it| it.path.as_deref()), position)
        }
    };
    // What is in no text is a template that Helm has rendered.
    let path = path.map(|path| match file {
        None if place.is_some_and(|it| &*it.path == path) => folder.template(path),
        _ => path.into(),
    });
    let path = path.and_then(|path| folder.below_root(&path));
    if let Some(path) = path {
        properties.push(format!("file={}", property(&path)));
        if let Some((line, column)) = position {
            let span = place.and_then(|it| it.span);
            let end = file
                .zip(span)
                .map(|(file, (_, end))| File::of(file).position(end));
            let (end_line, end_column) = end.unwrap_or((line, column));
            properties.push(format!("line={line},endLine={end_line}"));
            // GitHub takes columns only within one line.
            if end_line == line && end_column > column {
                properties.push(format!("col={column},endColumn={end_column}"));
            } else if end_line == line {
                properties.push(format!("col={column}"));
            }
        }
    }
    properties.push(format!("title={}", property(&note.title)));
    let message = &note.message[..note.message.floor_char_boundary(LONGEST)];
    *text += &format!("::{name} {}::{}\n", properties.join(","), data(message));
}

/// The text of a command, which ends at the end of the line.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property of a command, which also ends at a comma or a colon.
fn property(text: &str) -> String {
    data(&escaped(text)).replace(':', "%3A").replace(',', "%2C")
}
