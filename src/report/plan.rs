//! The plan: what would change, line by line, with the reason of each line.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

use super::text::totals;
use super::{Entry, EntryType, Report};
use crate::edit::Change;
use crate::read::Resource;
use crate::yaml::Stream;

/// One text before and after.
#[derive(Debug)]
pub struct PlannedText<'t> {
    /// Its name.
    pub path: &'t str,
    /// As it is.
    pub before: &'t str,
    /// As it would be.
    pub after: &'t str,
}

/// What a plan is drawn from.
#[derive(Debug)]
pub struct Plan<'p, 'a> {
    /// The report of the run.
    pub report: &'p Report,
    /// The changes of the run.
    pub changes: &'p [Change],
    /// The objects in hand.
    pub resources: &'p [Resource<'a>],
    /// Every text, in the order in which objects name them.
    pub texts: Vec<PlannedText<'p>>,
}

/// Unchanged lines shown around a change.
const CONTEXT: usize = 2;

/// How lines are made to stand out.
#[derive(Clone, Copy, Debug)]
struct Paint {
    added: &'static str,
    removed: &'static str,
    reason: &'static str,
    bold: &'static str,
    off: &'static str,
}

const PLAIN: Paint = Paint {
    added: "",
    removed: "",
    reason: "",
    bold: "",
    off: "",
};
const COLORED: Paint = Paint {
    added: "\x1b[32m",
    removed: "\x1b[31m",
    reason: "\x1b[36m",
    bold: "\x1b[1m",
    off: "\x1b[0m",
};

impl Plan<'_, '_> {
    /// The plan as text: each changed text's lines with reasons, and the totals.
    pub fn draw(&self, color: bool) -> String {
        let paint = if color { COLORED } else { PLAIN };
        let mut text = String::new();
        for (index, planned) in self
            .texts
            .iter()
            .enumerate()
            .filter(|(_, planned)| planned.before != planned.after)
        {
            self.draw_text(index, planned, paint, &mut text);
        }
        let _ = write!(
            text,
            "{}Plan{}  {}",
            paint.bold,
            paint.off,
            totals(self.report)
        );
        text
    }

    fn draw_text(&self, index: usize, planned: &PlannedText<'_>, paint: Paint, text: &mut String) {
        let reasons = self.reasons(index, planned.after);
        let diff = TextDiff::from_lines(planned.before, planned.after);
        let mut shown = String::new();
        for group in diff.grouped_ops(CONTEXT) {
            let from = group.first().map_or(0, |op| op.old_range().start);
            let to = group.last().map_or(from, |op| op.old_range().end);
            let header = self
                .header(index, planned.before, from, to)
                .unwrap_or_default();
            if header == shown {
                let _ = writeln!(text, "       ⋮");
            } else {
                let _ = writeln!(
                    text,
                    "{}{header:<60}{}{}",
                    paint.bold, paint.off, planned.path
                );
            }
            shown = header;
            let mut lines = Lines {
                paint,
                text,
                run: None,
                undecided: String::new(),
            };
            for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                let (sign, number, color) = match change.tag() {
                    ChangeTag::Equal => (' ', change.new_index(), ""),
                    ChangeTag::Delete => ('-', change.old_index(), paint.removed),
                    ChangeTag::Insert => ('+', change.new_index(), paint.added),
                };
                let number = number.map_or(0, |number| number + 1);
                let content = change.value().trim_end_matches(['\n', '\r']);
                let off = if color.is_empty() { "" } else { paint.off };
                let drawn = format!("{color}{number:>6} {sign} │ {content}{off}\n");
                match (change.tag(), reasons.get(&number)) {
                    (ChangeTag::Insert, Some(reasons)) => {
                        lines.add_with_reasons(&drawn, indent_of(content), reasons)
                    }
                    (ChangeTag::Insert, None) => {
                        lines.add_without_reason(&drawn, indent_of(content))
                    }
                    _ => lines.add_unchanged(&drawn),
                }
            }
            lines.end_run();
        }
        text.push('\n');
    }

    /// The object that the lines of a hunk belong to.
    fn header(&self, index: usize, before: &str, from: usize, to: usize) -> Option<String> {
        let line_of = |offset: usize| before[..offset].matches('\n').count();
        let changed = self.changes.iter().map(|change| change.resource);
        let mut within = changed.filter(|resource| {
            let resource = &self.resources[*resource];
            let span = resource.node.span();
            resource.text == index
                && line_of(span.start) <= to
                && line_of(span.end.min(before.len())) + 1 >= from
        });
        within
            .next()
            .map(|resource| self.resources[resource].display_name())
    }

    /// The reasons of each line of the new text.
    fn reasons(&self, index: usize, after: &str) -> BTreeMap<usize, Vec<Reason>> {
        let mut reasons: BTreeMap<usize, Vec<Reason>> = BTreeMap::new();
        let Ok(stream) = Stream::parse(after) else {
            return reasons;
        };
        let roots = resources_of(&stream);
        let mut positions = self
            .resources
            .iter()
            .enumerate()
            .filter(|(_, resource)| resource.text == index)
            .map(|(index, _)| index);
        let places: BTreeMap<usize, usize> = (0..roots.len())
            .filter_map(|place| Some((positions.next()?, place)))
            .collect();
        for entry in self
            .report
            .results
            .iter()
            .filter(|entry| entry.entry_type == EntryType::Change)
        {
            let Some(change) = entry.change.and_then(|change| self.changes.get(change)) else {
                continue;
            };
            let node = places
                .get(&change.resource)
                .and_then(|place| roots[*place].pointer(&change.pointer));
            if let Some(node) = node {
                reasons
                    .entry(node.position().line)
                    .or_default()
                    .push(Reason::of(entry, change));
            }
        }
        reasons
    }
}

fn resources_of(stream: &Stream) -> Vec<crate::yaml::Node<'_>> {
    let mut resources = Vec::new();
    for document in stream
        .documents()
        .filter(|document| document.root().is_map())
    {
        // Reading succeeded before the edits, which change no object's shape.
        let _ = Resource::read(
            document.root(),
            0,
            crate::read::Origin::default(),
            &mut resources,
        );
    }
    resources
        .into_iter()
        .map(|resource| resource.node)
        .collect()
}

/// Lines of a hunk with their reasons, each told once below the lines that it is for.
struct Lines<'t> {
    paint: Paint,
    text: &'t mut String,
    /// The reason of the last lines, not told yet, and the indentation of the last that has it.
    run: Option<(Reason, usize)>,
    /// New lines without a reason of their own, of which the next line tells to whom they belong.
    undecided: String,
}

impl Lines<'_> {
    fn add_unchanged(&mut self, line: &str) {
        self.end_run();
        self.text.push_str(line);
    }

    /// A key above new fields, or the rest of a new item: the latter is indented deeper than its start.
    fn add_without_reason(&mut self, line: &str, indent: usize) {
        let belongs_to_run = self.undecided.is_empty()
            && self
                .run
                .as_ref()
                .is_some_and(|(_, of_run)| indent > *of_run);
        let to = if belongs_to_run {
            &mut *self.text
        } else {
            &mut self.undecided
        };
        to.push_str(line);
    }

    fn add_with_reasons(&mut self, line: &str, indent: usize, reasons: &[Reason]) {
        if !matches!((&self.run, reasons), (Some((run, _)), [only]) if only.is_like(run)) {
            self.tell();
        }
        self.text.push_str(&std::mem::take(&mut self.undecided));
        self.text.push_str(line);
        for reason in reasons {
            match &mut self.run {
                Some((run, of_run)) if reason.is_like(run) => {
                    run.extend(reason);
                    *of_run = indent;
                }
                _ => {
                    self.tell();
                    self.run = Some((reason.clone(), indent));
                }
            }
        }
    }

    fn end_run(&mut self) {
        self.text.push_str(&std::mem::take(&mut self.undecided));
        self.tell();
    }

    fn tell(&mut self) {
        if let Some((reason, _)) = self.run.take() {
            reason.draw(self.paint, self.text);
        }
    }
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Why a line is as it is.
#[derive(Clone, Debug)]
struct Reason {
    section: &'static str,
    /// The config file, and its first and last line that decided.
    file: Option<String>,
    lines: Option<(usize, usize)>,
    /// Who decided, what was there before, and what else there is to say.
    text: String,
}

impl Reason {
    fn of(entry: &Entry, change: &Change) -> Reason {
        let config = entry.config.as_ref();
        let line = config.and_then(|config| config.line);
        let field = &change.decision.field;
        let mut text = match &change.decision.profile {
            Some(profile) => format!("profile {profile}"),
            None if change.decision.is_default => format!("default of {field}"),
            // The line says which field it is.
            None if line.is_some() => format!("spec.{}", change.rule),
            None => field.clone(),
        };
        if let Some(current) = &change.current {
            let _ = write!(text, "; it was {current}");
        }
        if let Some(note) = &change.note {
            let _ = write!(text, "; {note}");
        }
        Reason {
            section: change.rule,
            file: config.and_then(|config| config.path.clone()),
            lines: line.map(|line| (line, line)),
            text,
        }
    }

    /// Whether the reason can be told in one line with another.
    fn is_like(&self, other: &Reason) -> bool {
        self.section == other.section && self.file == other.file && self.text == other.text
    }

    fn extend(&mut self, other: &Reason) {
        if let (Some((from, to)), Some((more_from, more_to))) = (&mut self.lines, other.lines) {
            *from = (*from).min(more_from);
            *to = (*to).max(more_to);
        }
    }

    /// `╰─ resources  fn-config/production/fitout.yaml:47-51  profile caracal-gateway`
    fn draw(&self, paint: Paint, text: &mut String) {
        let place = match (&self.file, self.lines) {
            (Some(file), Some((from, to))) if from == to => format!("{file}:{from}  "),
            (Some(file), Some((from, to))) => format!("{file}:{from}-{to}  "),
            _ => String::new(),
        };
        let _ = writeln!(
            text,
            "{}         ╰─ {}  {place}{}{}",
            paint.reason, self.section, self.text, paint.off
        );
    }
}
