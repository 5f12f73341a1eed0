//! The plan: what would change, line by line, with the reason of each line.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use similar::{ChangeTag, TextDiff};

use super::{Entry, Report, totals};
use crate::edit::Change;
use crate::finding::Plain;
use crate::read::{Origin, Resource, is_object};
use crate::yaml::{Node, Stream};

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
        let mut reasons: BTreeMap<usize, Vec<(&Entry, &Change)>> = BTreeMap::new();
        for entry in self.report.results.iter() {
            if let Some(change) = entry.change.and_then(|change| self.changes.get(change)) {
                reasons
                    .entry(change.resource)
                    .or_default()
                    .push((entry, change));
            }
        }
        let mut text = String::new();
        for (index, planned) in self.texts.iter().enumerate() {
            if planned.before != planned.after {
                self.draw_text(index, planned, &reasons, paint, &mut text);
            }
        }
        let totals = totals(self.report);
        let _ = write!(text, "{}Plan{}  {totals}", paint.bold, paint.off);
        text
    }

    /// Draws the changed objects of one text. Each is compared with itself only, which keeps the cost
    /// of many objects in one text linear.
    fn draw_text(
        &self,
        index: usize,
        planned: &PlannedText<'_>,
        reasons: &BTreeMap<usize, Vec<(&Entry, &Change)>>,
        paint: Paint,
        text: &mut String,
    ) {
        let Ok(after) = Stream::parse(planned.after) else {
            return;
        };
        let (mut line_before, mut line_after) = (0, 0);
        for section in self.sections(index, planned, &after) {
            let (old, new) = (
                &planned.before[section.before.clone()],
                &planned.after[section.after.clone()],
            );
            if old != new {
                let mut by_line = ReasonsByLine::default();
                for (resource, root) in &section.objects {
                    for (entry, change) in reasons.get(resource).into_iter().flatten() {
                        let (text, start, root, lines) = match change.proposed {
                            Some(_) => {
                                (planned.after, section.after.start, *root, &mut by_line.new)
                            }
                            None => {
                                let root = self.resources[*resource].node;
                                (planned.before, section.before.start, root, &mut by_line.old)
                            }
                        };
                        if let Some(node) = root.pointer(&change.pointer()) {
                            let line = text[start..node.span().start].matches('\n').count();
                            lines
                                .entry(line)
                                .or_default()
                                .push(Reason::of(entry, change));
                        }
                    }
                }
                let changed = section
                    .objects
                    .iter()
                    .find(|(resource, _)| reasons.contains_key(resource));
                let name = changed.map(|(resource, _)| self.resources[*resource].display_name());
                let (bold, off) = (paint.bold, paint.off);
                let _ = writeln!(
                    text,
                    "{bold}{:<60}{off}{}",
                    name.unwrap_or_default(),
                    planned.path
                );
                if self.holds_secret(&section) {
                    text.push_str("       these lines hold a Secret as well, and are not shown\n");
                } else {
                    draw_hunks(old, new, (line_before, line_after), &by_line, paint, text);
                }
                text.push('\n');
            }
            line_before += old.matches('\n').count();
            line_after += new.matches('\n').count();
        }
    }

    /// Whether one of the objects that share a section's lines is a Secret.
    fn holds_secret(&self, section: &Section<'_>) -> bool {
        section
            .objects
            .iter()
            .any(|(resource, _)| self.resources[*resource].kind == "Secret")
    }

    /// Cuts a text and its successor where objects begin. Edits add and remove no objects.
    fn sections<'s>(
        &self,
        index: usize,
        planned: &PlannedText<'_>,
        after: &'s Stream,
    ) -> Vec<Section<'s>> {
        let old = self
            .resources
            .iter()
            .enumerate()
            .filter(|(_, resource)| resource.text == index);
        let mut sections: Vec<Section<'s>> = Vec::new();
        for ((resource, old), new) in old.zip(resources_of(after)) {
            let start = line_start(planned.before, old.node.span().start);
            let start_after = line_start(planned.after, new.span().start);
            match sections.last_mut() {
                // Objects of a List may share a line.
                Some(last) if last.before.start == start => last.objects.push((resource, new)),
                last => {
                    if let Some(last) = last {
                        (last.before.end, last.after.end) = (start, start_after);
                    }
                    // What stands in front of the first object belongs to it.
                    let (before, after) = if sections.is_empty() {
                        (0, 0)
                    } else {
                        (start, start_after)
                    };
                    sections.push(Section {
                        before: before..planned.before.len(),
                        after: after..planned.after.len(),
                        objects: vec![(resource, new)],
                    });
                }
            }
        }
        sections
    }
}

/// The reasons of the lines of one object, counted from its first: of those that it gets, and of those that it loses.
#[derive(Default)]
struct ReasonsByLine {
    new: BTreeMap<usize, Vec<Reason>>,
    old: BTreeMap<usize, Vec<Reason>>,
}

/// A part of a text and of its successor, and the objects in it.
struct Section<'s> {
    before: Range<usize>,
    after: Range<usize>,
    objects: Vec<(usize, Node<'s>)>,
}

fn line_start(text: &str, offset: usize) -> usize {
    text[..offset].rfind('\n').map_or(0, |newline| newline + 1)
}

fn draw_hunks(
    old: &str,
    new: &str,
    (line_before, line_after): (usize, usize),
    reasons: &ReasonsByLine,
    paint: Paint,
    text: &mut String,
) {
    let diff = TextDiff::from_lines(old, new);
    for (hunk, group) in diff.grouped_ops(CONTEXT).into_iter().enumerate() {
        if hunk > 0 {
            text.push_str("       ⋮\n");
        }
        let mut lines = Lines {
            paint,
            text,
            run: None,
            undecided: String::new(),
        };
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let (sign, number, color) = match change.tag() {
                ChangeTag::Equal => (' ', change.new_index().map(|line| line + line_after), ""),
                ChangeTag::Delete => (
                    '-',
                    change.old_index().map(|line| line + line_before),
                    paint.removed,
                ),
                ChangeTag::Insert => (
                    '+',
                    change.new_index().map(|line| line + line_after),
                    paint.added,
                ),
            };
            let content = change.value().trim_end_matches(['\n', '\r']);
            let off = if color.is_empty() { "" } else { paint.off };
            let drawn = format!(
                "{color}{:>6} {sign} │ {content}{off}\n",
                number.map_or(0, |line| line + 1)
            );
            let (old, new) = (change.old_index(), change.new_index());
            let reasons_of_line = match change.tag() {
                ChangeTag::Equal => None,
                ChangeTag::Insert => new.and_then(|line| reasons.new.get(&line)),
                ChangeTag::Delete => old.and_then(|line| reasons.old.get(&line)),
            };
            // The key above the last field that a map loses goes with that field.
            let goes = change.tag() == ChangeTag::Delete && !reasons.old.is_empty();
            match reasons_of_line {
                Some(reasons) => lines.add_with_reasons(&drawn, indent_of(content), reasons),
                None if goes || change.tag() == ChangeTag::Insert => {
                    lines.add_without_reason(&drawn, indent_of(content))
                }
                None => lines.add_unchanged(&drawn),
            }
        }
        lines.end_run();
    }
}

fn resources_of(stream: &Stream) -> Vec<Node<'_>> {
    let mut resources = Vec::new();
    for document in stream
        .documents()
        .filter(|document| is_object(document.root()))
    {
        // Reading succeeded before the edits, which change no object's shape.
        let _ = Resource::read(document.root(), 0, Origin::default(), &mut resources);
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
        let environment = change.decision.environment().map(|(name, _)| name);
        let mut text = match (&change.decision.profile, environment) {
            (Some(profile), Some(environment)) => format!("profile {profile} in {environment}"),
            (Some(profile), None) => format!("profile {profile}"),
            (None, Some(environment)) if line.is_some() && !change.decision.is_default => {
                format!("spec.environments.{environment}.{}", change.rule)
            }
            _ if change.decision.is_default => format!("default of {field}"),
            // The line says which field it is.
            _ if line.is_some() => format!("spec.{}", change.rule),
            _ => field.clone(),
        };
        // A line that goes shows what it was.
        if let (Some(current), Some(_)) = (&change.current, &change.proposed) {
            let _ = write!(text, "; it was {}", Plain(current));
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
