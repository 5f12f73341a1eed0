//! A comment in a pull request: for each environment its findings, and folded the changes with their reasons.
//!
//! The first line is a marker, by which a later run finds the comment and replaces it. The order depends only on the input.

use super::{Command, Document, ObjectDiff, Row, Run, findings, in_words, plural, totals};
use crate::text::{escaped, source};

/// GitHub refuses a comment with more characters; a byte is at most one.
const COMMENT: usize = 65_535;

/// The number of environments that are shown.
const MOST_RUNS: usize = 30;

/// The bytes of a name.
const MOST_OF_NAME: usize = 200;

/// The bytes of the lines that say what is left out.
const NOTICES: usize = 600;

/// A comment in a pull request.
pub(super) fn markdown(document: &Document<'_>) -> String {
    markdown_within(document, COMMENT)
}

/// The same with at most this many bytes, such as for the summary of a job.
pub fn markdown_within(document: &Document<'_>, limit: usize) -> String {
    let command = in_words(document.command);
    let mut text = format!("<!-- fitout {command} -->\n### fitout {command}\n\n");
    let runs = &document.runs[..document.runs.len().min(MOST_RUNS)];
    table(document, runs, &mut text);
    let left = document.runs.len() - runs.len();
    if left > 0 {
        text += &format!(
            "\n{} more: left out\n",
            plural(left, "environment", "environments")
        );
    }
    // Each environment has its heading, and what says that something is left out. It gets a share of the rest.
    let headings: Vec<String> = runs
        .iter()
        .map(|run| heading(document.command, run))
        .collect();
    let fixed: usize = headings.iter().map(|it| it.len() + NOTICES).sum();
    let mut budget = limit.saturating_sub(text.len() + fixed);
    // What is the same in two environments is shown once.
    let contents = runs.iter().map(|run| {
        let mut whole = String::new();
        contents(document, run, usize::MAX, &mut whole);
        whole
    });
    let contents: Vec<String> = match runs {
        [_, _, ..] => contents.collect(),
        _ => Vec::new(),
    };
    let first_same = |at: usize| {
        let is_same = |it: &usize| contents[*it] == contents[at];
        (0..at.min(contents.len())).find(is_same)
    };
    let mut different = (0..runs.len())
        .filter(|at| first_same(*at).is_none())
        .count();
    for (at, (run, heading)) in runs.iter().zip(&headings).enumerate() {
        let mut part = String::new();
        match first_same(at) {
            Some(first) => {
                let environment = html(&runs[first].report.environment);
                part += &format!("\n{heading}: the same as <code>{environment}</code>\n");
            }
            None => {
                of_run(document, run, heading, budget / different, &mut part);
                different -= 1;
            }
        }
        if text.len() + part.len() > limit {
            break;
        }
        budget -= budget.min(part.len().saturating_sub(heading.len() + NOTICES));
        text += &part;
    }
    text
}

fn table(document: &Document<'_>, runs: &[Run<'_>], text: &mut String) {
    let is_check = document.command == Command::Check;
    *text += match is_check {
        true => {
            "| environment | workloads | errors | warnings | notes | waived |\n|---|--:|--:|--:|--:|--:|\n"
        }
        false => {
            "| environment | workloads | added | changed | removed | errors | warnings |\n|---|--:|--:|--:|--:|--:|--:|\n"
        }
    };
    for run in runs {
        let it = &run.report.summary;
        let environment = match run.report.environment.as_str() {
            "" => "none".to_owned(),
            name => code(name).replace('|', "\\|"),
        };
        let counts = match is_check {
            true => vec![it.workloads, it.errors, it.warnings, it.notes, it.waived],
            false => vec![
                it.workloads, it.added, it.changed, it.removed, it.errors, it.warnings,
            ],
        };
        let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
        *text += &format!("| {environment} | {} |\n", counts.join(" | "));
    }
}

/// `production 3 workloads in 1 file: …` in HTML, where Markdown has no meaning.
fn heading(command: Command, run: &Run<'_>) -> String {
    let report = &run.report;
    let totals = match run.is_stopped {
        true => plural(report.summary.errors, "problem", "problems"),
        // Its readers have no command line.
        false => totals(report).replace(" (-v shows them)", ""),
    };
    // The totals of a check name the environment.
    let name = match report.environment.as_str() {
        "" => String::new(),
        _ if command == Command::Check => String::new(),
        name => format!("<b><code>{}</code></b> ", html(name)),
    };
    format!("{name}<code>{}</code>", html(&totals))
}

fn of_run(document: &Document<'_>, run: &Run<'_>, heading: &str, limit: usize, text: &mut String) {
    let report = &run.report;
    let open = if report.has_errors() { " open" } else { "" };
    *text += &format!("\n<details{open}><summary>{heading}</summary>\n\n");
    contents(document, run, limit, text);
    *text += "</details>\n";
}

/// The findings and changes of a run.
fn contents(document: &Document<'_>, run: &Run<'_>, limit: usize, text: &mut String) {
    let report = &run.report;
    let objects = run.texts.iter().flat_map(|file| {
        let objects = file.objects.iter();
        objects.map(|object| (file.path.as_str(), object))
    });
    let objects: Vec<(&str, &ObjectDiff)> = objects.collect();
    let mut left = limit;
    let serious = findings(report, document.options.at_least);
    if !serious.is_empty() {
        // The changes get half of the place.
        let share = if objects.is_empty() { left } else { left / 2 };
        let mut part = String::new();
        fenced("text", serious.as_str().lines(), share, &mut part);
        left = left.saturating_sub(part.len());
        *text += &part;
    }
    let mut shown = 0;
    for (path, object) in &objects {
        // Of the first object, which may be long, there is at least a part.
        let share = if shown == 0 { left } else { usize::MAX };
        let mut part = String::new();
        let path = object.template.as_deref().unwrap_or(path);
        of_object(path, object, share, &mut part);
        if part.len() > left {
            break;
        }
        left -= part.len();
        *text += &part;
        shown += 1;
    }
    let rest = plural(objects.len() - shown, "more object", "more objects");
    match objects.len() - shown {
        0 => {}
        _ if document.runs.len() > 1 => {
            let environment = code(&report.environment);
            *text += &format!(
                "{rest}: too many for this text; `fitout plan` shows the changes for {environment}\n\n"
            );
        }
        _ => {
            *text += &format!("{rest}: too many for this text; `fitout plan` shows the changes\n\n")
        }
    }
}

fn of_object(path: &str, object: &ObjectDiff, limit: usize, text: &mut String) {
    let start = text.len();
    *text += &format!("{} in {}\n\n", code(&object.name), code(path));
    let lines = object.hunks.iter().flat_map(|hunk| {
        let first = hunk.iter().find_map(|row| match row {
            Row::Line(_) if object.template.is_some() => Some("@@ … @@".to_owned()),
            Row::Line(line) => Some(format!("@@ line {} @@", line.number)),
            Row::Reason(_) => None,
        });
        first.into_iter().chain(hunk.iter().map(row))
    });
    fenced(
        "diff",
        lines,
        limit.saturating_sub(text.len() - start),
        text,
    );
}

fn row(row: &Row) -> String {
    match row {
        Row::Line(line) => format!("{} {}", line.sign(), source(&line.text)),
        Row::Reason(reason) => escaped(&format!("# {reason}")).into_owned(),
    }
}

/// Lines in a fence that none of them ends, as many of them as there is place for.
fn fenced(
    language: &str,
    lines: impl Iterator<Item = impl AsRef<str>>,
    limit: usize,
    text: &mut String,
) {
    // The fences, and the line that says how many lines are left out.
    let limit = limit.saturating_sub(100);
    let (mut body, mut fence, mut left) = (String::new(), 3, 0);
    for line in lines {
        let line = line.as_ref();
        let longest = fence.max(longest_run(line) + 1);
        if left > 0 || body.len() + line.len() + 1 + 2 * longest > limit {
            left += 1;
            continue;
        }
        fence = longest;
        body += line;
        body.push('\n');
    }
    if left > 0 {
        body += &format!("… {} more\n", plural(left, "line", "lines"));
    }
    let fence = "`".repeat(fence);
    *text += &format!("{fence}{language}\n{body}{fence}\n\n");
}

/// The number of backticks in the longest run of them.
fn longest_run(line: &str) -> usize {
    let runs = line.split(|c| c != '`').map(str::len);
    runs.max().unwrap_or_default()
}

/// Text from outside as code, which has no links, mentions or HTML.
fn code(text: &str) -> String {
    let text = shortened(text);
    if text.trim().is_empty() {
        return "`?`".to_owned();
    }
    let ticks = "`".repeat(longest_run(&text) + 1);
    let blank = if ticks.len() > 1 { " " } else { "" };
    format!("{ticks}{blank}{text}{blank}{ticks}")
}

/// Text from outside in HTML.
fn html(text: &str) -> String {
    let text = shortened(text).replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}

fn shortened(text: &str) -> String {
    let text = escaped(text.trim());
    match text.len() > MOST_OF_NAME {
        false => text.into_owned(),
        true => format!("{}…", &text[..text.floor_char_boundary(MOST_OF_NAME)]),
    }
}
