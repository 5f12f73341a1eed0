//! The plan: a diff with the reason of each changed line.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use similar::algorithms::{Capture, Compact, Replace, myers};
use similar::{ChangeTag, DiffOp};

use super::{Entry, Report, totals};
use crate::edit::Change;
use crate::finding::Plain;
use crate::read::{Origin, OriginLines, Resource, is_object};
use crate::secrets::Secrets;
use crate::text::{Text, source};
use crate::yaml::{Node, Stream};

/// A text before and after.
#[derive(Debug)]
pub struct PlannedText<'t> {
    /// Its name.
    pub path: &'t str,
    /// The current text.
    pub before: &'t str,
    /// The planned text.
    pub after: &'t str,
}

/// The data of a plan.
#[derive(Debug)]
pub struct Plan<'p, 'a> {
    /// The report of the run.
    pub report: &'p Report,
    /// The changes of the run.
    pub changes: &'p [Change],
    /// The objects in the input.
    pub resources: &'p [Resource<'a>],
    /// All texts, by the index in [`Resource::text`].
    pub texts: Vec<PlannedText<'p>>,
}

/// Unchanged lines shown around a change.
const CONTEXT: usize = 2;

/// Escape sequences for colors.
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
    /// The plan as text: the changed lines of each text with reasons, and the totals.
    pub fn draw(&self, color: bool) -> Text {
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
        let mut text = Text::default();
        for (index, planned) in self.texts.iter().enumerate() {
            if planned.before != planned.after {
                self.draw_text(index, planned, &reasons, paint, &mut text);
            }
        }
        text.painted(paint.bold, "Plan", paint.off);
        text.line(format_args!("  {}", totals(self.report)));
        text
    }

    /// Draws the changed objects of a text. Objects are compared one by one, so that the cost is linear.
    fn draw_text(
        &self,
        index: usize,
        planned: &PlannedText<'_>,
        reasons: &BTreeMap<usize, Vec<(&Entry, &Change)>>,
        paint: Paint,
        text: &mut Text,
    ) {
        let Ok(after) = Stream::parse(planned.after) else {
            return;
        };
        let old = self.resources.iter().find(|it| it.text == index);
        let hidden_before = old.map_or(Secrets::NONE, |it| Secrets::of(it.node.stream()));
        let hidden_after = Secrets::of(&after);
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
                        let (first, root, lines) = match change.proposed {
                            Some(_) => (line_after, *root, &mut by_line.new),
                            None => {
                                let root = self.resources[*resource].node;
                                (line_before, root, &mut by_line.old)
                            }
                        };
                        if let Some(node) = root.pointer(&change.pointer()) {
                            lines
                                .entry(node.position().line - 1 - first)
                                .or_default()
                                .push(Reason::of(entry, change));
                        }
                    }
                }
                let changed = section
                    .objects
                    .iter()
                    .find(|(resource, _)| reasons.contains_key(resource));
                let changed = changed.map(|(resource, _)| &self.resources[*resource]);
                let name = changed.map(Resource::display_name).unwrap_or_default();
                let of_template = changed.filter(|it| it.origin.lines == OriginLines::OfRendering);
                let path = of_template.and_then(|it| it.origin.path.as_deref());
                let path = path.unwrap_or(planned.path);
                text.painted(paint.bold, format_args!("{name:<60}"), paint.off);
                text.line(path);
                let shown = [
                    hidden_before.shown(planned.before, section.before.clone()),
                    hidden_after.shown(planned.after, section.after.clone()),
                ];
                draw_hunks(&shown, (line_before, line_after), &by_line, paint, text);
                text.end();
            }
            line_before += old.matches('\n').count();
            line_after += new.matches('\n').count();
        }
    }

    /// Splits a text and its successor at objects. Edits do not add or remove objects.
    fn sections<'s>(
        &self,
        index: usize,
        planned: &PlannedText<'_>,
        after: &'s Stream,
    ) -> Vec<Section<'s>> {
        // The objects are in the order of the texts.
        let first = self.resources.partition_point(|it| it.text < index);
        let old = self.resources.iter().enumerate().skip(first);
        let old = old.take_while(|(_, resource)| resource.text == index);
        let mut sections: Vec<Section<'s>> = Vec::new();
        for ((resource, old), new) in old.zip(resources_of(after)) {
            let [start, start_after] =
                [old.node, new].map(|node| node.stream().line_start(node.span().start));
            match sections.last_mut() {
                // Objects of a List may share a line.
                Some(last) if last.before.start == start => last.objects.push((resource, new)),
                last => {
                    if let Some(last) = last {
                        (last.before.end, last.after.end) = (start, start_after);
                    }
                    // Lines above the first object belong to it.
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

/// The reasons of added and removed lines, by line from the start of the object.
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

/// What to draw: the changes, with [`CONTEXT`] lines around them.
///
/// Myers' algorithm is called directly: `TextDiff` chooses between six at run time, each a large part of the binary.
fn hunks(old: &[&str], new: &[&str]) -> Vec<Vec<DiffOp>> {
    let mut diff = Compact::new(Replace::new(Capture::new()), old, new);
    let Ok(()) = myers::diff(&mut diff, old, 0..old.len(), new, 0..new.len());
    diff.into_inner().into_inner().into_grouped_ops(CONTEXT)
}

fn draw_hunks(
    [old, new]: &[Cow<'_, str>; 2],
    (line_before, line_after): (usize, usize),
    reasons: &ReasonsByLine,
    paint: Paint,
    text: &mut Text,
) {
    let [old, new] = [old, new].map(|text| text.split_inclusive('\n').collect::<Vec<_>>());
    for (hunk, group) in hunks(&old, &new).into_iter().enumerate() {
        if hunk > 0 {
            text.line("       ⋮");
        }
        let mut lines = Lines {
            paint,
            text,
            run: None,
            undecided: Text::default(),
        };
        for change in group.iter().flat_map(|op| op.iter_changes(&old, &new)) {
            let (old, new) = (change.old_index(), change.new_index());
            let (sign, number, color) = match change.tag() {
                ChangeTag::Equal => (' ', new.map(|line| line + line_after), ""),
                ChangeTag::Delete => ('-', old.map(|line| line + line_before), paint.removed),
                ChangeTag::Insert => ('+', new.map(|line| line + line_after), paint.added),
            };
            let content = change.value().trim_end_matches(['\n', '\r']);
            let off = if color.is_empty() { "" } else { paint.off };
            let (number, shown) = (number.map_or(0, |line| line + 1), source(content));
            let mut drawn = Text::default();
            drawn.painted(color, format_args!("{number:>6} {sign} │ {shown}"), off);
            drawn.end();
            let reasons_of_line = match change.tag() {
                ChangeTag::Equal => None,
                ChangeTag::Insert => new.and_then(|line| reasons.new.get(&line)),
                ChangeTag::Delete => old.and_then(|line| reasons.old.get(&line)),
            };
            // Removing the last field of a map removes its key too.
            let goes = change.tag() == ChangeTag::Delete && !reasons.old.is_empty();
            match reasons_of_line {
                Some(reasons) => lines.add_with_reasons(drawn, indent_of(content), reasons),
                None if goes || change.tag() == ChangeTag::Insert => {
                    lines.add_without_reason(drawn, indent_of(content))
                }
                None => lines.add_unchanged(drawn),
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
        // Cannot fail: it succeeded before the edits.
        let _ = Resource::read(document.root(), 0, Origin::default(), &mut resources);
    }
    resources
        .into_iter()
        .map(|resource| resource.node)
        .collect()
}

/// The lines of a hunk with their reasons, each shown once below its lines.
struct Lines<'t> {
    paint: Paint,
    text: &'t mut Text,
    /// The reason of the last lines, not drawn yet, and the indentation of its last line.
    run: Option<(Reason, usize)>,
    /// New lines without a reason, which belong to the reason of the next line.
    undecided: Text,
}

impl Lines<'_> {
    fn add_unchanged(&mut self, line: Text) {
        self.end_run();
        self.text.append(line);
    }

    /// Adds a key above new fields, or more lines of a new item, which are indented deeper than its first.
    fn add_without_reason(&mut self, line: Text, indent: usize) {
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
        to.append(line);
    }

    fn add_with_reasons(&mut self, line: Text, indent: usize, reasons: &[Reason]) {
        if !matches!((&self.run, reasons), (Some((run, _)), [only]) if only.is_like(run)) {
            self.draw_reason();
        }
        self.text.append(std::mem::take(&mut self.undecided));
        self.text.append(line);
        for reason in reasons {
            match &mut self.run {
                Some((run, of_run)) if reason.is_like(run) => {
                    run.extend(reason);
                    *of_run = indent;
                }
                _ => {
                    self.draw_reason();
                    self.run = Some((reason.clone(), indent));
                }
            }
        }
    }

    fn end_run(&mut self) {
        self.text.append(std::mem::take(&mut self.undecided));
        self.draw_reason();
    }

    fn draw_reason(&mut self) {
        if let Some((reason, _)) = self.run.take() {
            reason.draw(self.paint, self.text);
        }
    }
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The reason of a changed line.
#[derive(Clone, Debug)]
struct Reason {
    section: &'static str,
    /// The config file, and the first and last line that decided.
    file: Option<String>,
    lines: Option<(usize, usize)>,
    /// The decision, the previous value and the note.
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
            // The line number identifies the field.
            _ if line.is_some() => format!("spec.{}", change.rule),
            _ => field.clone(),
        };
        // A removed line shows the value itself.
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

    /// Whether both reasons can share a line.
    fn is_like(&self, other: &Reason) -> bool {
        self.section == other.section && self.file == other.file && self.text == other.text
    }

    fn extend(&mut self, other: &Reason) {
        if let (Some((from, to)), Some((more_from, more_to))) = (&mut self.lines, other.lines) {
            *from = (*from).min(more_from);
            *to = (*to).max(more_to);
        }
    }

    /// `╰─ resources  fn-config/all/fitout.yaml:47-51  profile caracal-gateway`
    fn draw(&self, paint: Paint, text: &mut Text) {
        let place = match (&self.file, self.lines) {
            (Some(file), Some((from, to))) if from == to => format!("{file}:{from}  "),
            (Some(file), Some((from, to))) => format!("{file}:{from}-{to}  "),
            _ => String::new(),
        };
        let reason = format_args!("         ╰─ {}  {place}{}", self.section, self.text);
        text.painted(paint.reason, reason, paint.off);
        text.end();
    }
}
