//! The changes as a patch that `git apply` and `patch -p1` accept.
//!
//! The lines of a patch are those of the files, byte for byte. So a file where the lines around a change belong to a Secret is
//! left out, and named in a comment.

use std::fmt::Write as _;
use std::ops::Range;

use super::{Document, FileText};
use crate::text::escaped;

/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// Lines of a text that change.
struct LineEdit<'t> {
    /// The lines that go, from 0.
    old: Range<usize>,
    /// The lines that are written there, with their ends.
    new: Vec<&'t str>,
}

/// The changes of all files.
pub(super) fn diff(document: &Document<'_>) -> String {
    let mut patch = String::new();
    for file in document.runs.iter().flat_map(|run| &run.texts) {
        if file.fixes.is_empty() {
            continue;
        }
        let name = document.options.folder.below_working(&file.path);
        match name.filter(|_| file.is_file) {
            None => leave(
                file,
                "it is not a file below the working directory",
                &mut patch,
            ),
            Some(name) => {
                if of_file(file, &name, &mut patch).is_none() {
                    leave(file, "a change is next to a Secret", &mut patch);
                }
            }
        }
    }
    patch
}

fn leave(file: &FileText<'_>, why: &str, patch: &mut String) {
    let _ = writeln!(patch, "# {} is left out: {why}", escaped(&file.path));
}

/// The patch of one file; nothing if it would show a Secret.
fn of_file(file: &FileText<'_>, name: &str, patch: &mut String) -> Option<()> {
    let old: Vec<&str> = file.before.split_inclusive('\n').collect();
    let mut starts = Vec::with_capacity(old.len() + 1);
    let mut at = 0;
    for line in &old {
        starts.push(at);
        at += line.len();
    }
    starts.push(at);
    let is_hidden = |line: usize| {
        let first = file.hidden.partition_point(|it| it.end <= starts[line]);
        let hidden = file.hidden.get(first);
        hidden.is_some_and(|it| it.start < starts[line + 1])
    };
    let texts = edited_lines(file, &starts);
    let edits = texts
        .iter()
        .map(|(lines, text)| line_edit(lines.clone(), text, &old));
    let edits: Vec<LineEdit<'_>> = edits.collect();
    let mut hunks = String::new();
    // The lines that are added before a hunk, less those that go.
    let (mut added, mut gone) = (0, 0);
    let mut rest = edits.as_slice();
    while let Some(first) = rest.first() {
        let near = |pair: &[LineEdit<'_>]| pair[1].old.start - pair[0].old.end <= 2 * CONTEXT;
        let count = 1 + rest.windows(2).take_while(|pair| near(pair)).count();
        let (hunk, others) = rest.split_at(count);
        rest = others;
        let last = hunk.last().map_or(first.old.end, |it| it.old.end);
        let from = first.old.start.saturating_sub(CONTEXT);
        let to = (last + CONTEXT).min(old.len());
        // Lines of a Secret are not context; what is between changes has to be shown.
        let from = (from..first.old.start)
            .rev()
            .find(|it| is_hidden(*it))
            .map_or(from, |it| it + 1);
        let (mut from, mut to) = (from, to);
        if let Some(hidden) = (last..to).find(|it| is_hidden(*it)) {
            // With less context below a change than above it, `patch` looks for the lines only at the end of the file.
            to = hidden;
            from = from.max(first.old.start.saturating_sub(to - last));
        }
        let is_anchored = to > last || to == old.len();
        if !is_anchored || (first.old.start..last).any(is_hidden) {
            return None;
        }
        let (mut body, mut at, mut written) = (String::new(), from, 0);
        for edit in hunk {
            old[at..edit.old.start]
                .iter()
                .for_each(|line| push(' ', line, &mut body));
            old[edit.old.clone()]
                .iter()
                .for_each(|line| push('-', line, &mut body));
            edit.new.iter().for_each(|line| push('+', line, &mut body));
            written += edit.old.start - at + edit.new.len();
            at = edit.old.end;
        }
        old[at..to]
            .iter()
            .for_each(|line| push(' ', line, &mut body));
        written += to - at;
        let _ = write!(
            hunks,
            "@@ -{} +{} @@\n{body}",
            range(from, to - from),
            range(from + added - gone, written)
        );
        added += written;
        gone += to - from;
    }
    let (before, after) = (quoted("a/", name), quoted("b/", name));
    let _ = write!(patch, "--- {before}\n+++ {after}\n{hunks}");
    Some(())
}

/// The parts of a text that change, as whole lines: which, and the text that takes their place.
fn edited_lines(file: &FileText<'_>, starts: &[usize]) -> Vec<(Range<usize>, String)> {
    let text = &*file.before;
    let lines = starts.len() - 1;
    // What is added to a last line without an end is in this line.
    let last_line = lines.saturating_sub(usize::from(!text.ends_with('\n')));
    let line_of = |at: usize| (starts.partition_point(|start| *start <= at) - 1).min(last_line);
    let mut parts: Vec<(Range<usize>, String, usize)> = Vec::new();
    for fix in &file.fixes {
        let span = &fix.replacement.span;
        let (first, end) = (line_of(span.start), (line_of(span.end) + 1).min(lines));
        match parts.last_mut() {
            Some((range, new, at)) if first < range.end => {
                new.extend([&text[*at..span.start], &fix.replacement.text]);
                (range.end, *at) = (end, span.end);
            }
            _ => {
                let new = [&text[starts[first]..span.start], &fix.replacement.text].concat();
                parts.push((first..end, new, span.end));
            }
        }
    }
    let parts = parts.into_iter();
    parts
        .map(|(range, new, at)| {
            let rest = &text[at..starts[range.end]];
            (range, new + rest)
        })
        .collect()
}

/// Without the lines that stay at the beginning and at the end.
fn line_edit<'t>(lines: Range<usize>, text: &'t str, old: &[&str]) -> LineEdit<'t> {
    let mut new: Vec<&str> = text.split_inclusive('\n').collect();
    let mut range = lines;
    while range.start < range.end && new.last() == Some(&old[range.end - 1]) {
        new.pop();
        range.end -= 1;
    }
    let same = new
        .iter()
        .zip(&old[range.clone()])
        .take_while(|(a, b)| a == b)
        .count();
    new.drain(..same);
    range.start += same;
    LineEdit { old: range, new }
}

fn push(sign: char, line: &str, body: &mut String) {
    body.push(sign);
    body.push_str(line);
    if !line.ends_with('\n') {
        body.push_str("\n\\ No newline at end of file\n");
    }
}

/// `12,3`; of no lines, the line before them.
fn range(first: usize, count: usize) -> String {
    match count {
        0 => format!("{first},0"),
        1 => format!("{}", first + 1),
        _ => format!("{},{count}", first + 1),
    }
}

/// A name as git writes it: in quotes if it has characters that are not text, and with a tab behind it if it has blanks.
fn quoted(prefix: &str, name: &str) -> String {
    let is_plain = |c: char| !c.is_control() && c != '"' && c != '\\';
    if name.chars().all(is_plain) && escaped(name) == name {
        let end = if name.contains(' ') { "\t" } else { "" };
        return [prefix, name, end].concat();
    }
    let mut quoted = format!("\"{prefix}");
    for byte in name.bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            b' '..=b'~' => quoted.push(char::from(byte)),
            _ => {
                let _ = write!(quoted, "\\{byte:03o}");
            }
        }
    }
    quoted + "\""
}
