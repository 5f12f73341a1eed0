//! The changed lines of objects, with the reason of each: what formats for people show.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use similar::algorithms::{Capture, Compact, Replace, myers};
use similar::{ChangeTag, DiffOp};

use super::{Entry, FileText, Report};
use crate::edit::Change;
use crate::finding::Plain;
use crate::read::{Origin, Resource, is_object};
use crate::secrets::Secrets;
use crate::yaml::{Node, Stream};

/// The changed lines of an object, or of several objects that share lines.
#[derive(Clone, Debug)]
pub struct ObjectDiff {
    /// The first object that changes: `Deployment shop/web`; text from outside.
    pub name: String,
    /// The template that Helm made it of, if its text is a stream of Helm; text from outside.
    pub template: Option<String>,
    /// Its index in the input, as in [`Entry::object`].
    pub object: Option<usize>,
    /// The changes, each with a few unchanged lines around it.
    pub hunks: Vec<Vec<Row>>,
}

/// A row of a diff.
#[derive(Clone, Debug)]
pub enum Row {
    /// A line of the manifest.
    Line(Line),
    /// The reason of the lines above it.
    Reason(Reason),
}

/// A line of a diff.
#[derive(Clone, Debug)]
pub struct Line {
    /// What happens to it.
    pub tag: ChangeTag,
    /// Its number, from 1: in the old text if it is removed, otherwise in the new text.
    pub number: usize,
    /// The line without its end, and without the values of Secrets; text from outside.
    pub text: String,
}

/// The reason of changed lines.
#[derive(Clone, Debug)]
pub struct Reason {
    /// The section of the config.
    pub section: &'static str,
    /// The config file.
    pub file: Option<String>,
    /// The first and the last line that decided.
    pub lines: Option<(usize, usize)>,
    /// The decision, the previous value and the note; text from outside.
    pub text: String,
}

/// Unchanged lines shown around a change.
const CONTEXT: usize = 2;

/// The changes of a run, by object, with their entries.
pub(super) struct Changed<'r, 'a> {
    changes: &'r [Change],
    resources: &'r [Resource<'a>],
    by_object: BTreeMap<usize, Vec<(&'r Entry, &'r Change)>>,
}

impl<'r, 'a> Changed<'r, 'a> {
    pub(super) fn of(
        report: &'r Report,
        changes: &'r [Change],
        resources: &'r [Resource<'a>],
    ) -> Changed<'r, 'a> {
        let mut by_object: BTreeMap<usize, Vec<(&Entry, &Change)>> = BTreeMap::new();
        for entry in &report.results {
            if let Some(change) = entry.change.and_then(|change| changes.get(change)) {
                by_object
                    .entry(change.resource)
                    .or_default()
                    .push((entry, change));
            }
        }
        Changed {
            changes,
            resources,
            by_object,
        }
    }

    /// The changed objects of a text. Objects are compared one by one, so that the cost is linear.
    pub(super) fn objects(
        &self,
        index: usize,
        file: &FileText<'_>,
        after: &Stream,
    ) -> Vec<ObjectDiff> {
        let mut objects = Vec::new();
        if file.before == file.after || self.changes.is_empty() {
            return objects;
        }
        let first = self.first_of(index);
        let old = self.resources.get(first);
        let hidden_before = old.map_or(Secrets::NONE, |it| Secrets::of(it.node.stream()));
        let hidden_after = Secrets::of(after);
        let (mut line_before, mut line_after) = (0, 0);
        for section in self.sections(index, file, after) {
            let (old, new) = (
                &file.before[section.before.clone()],
                &file.after[section.after.clone()],
            );
            if old != new {
                let mut by_line = ReasonsByLine::default();
                for (resource, root) in &section.objects {
                    for (entry, change) in self.by_object.get(resource).into_iter().flatten() {
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
                let mut those = section.objects.iter().map(|(resource, _)| *resource);
                let changed = those.find(|resource| self.by_object.contains_key(resource));
                let name = changed.map(|resource| self.resources[resource].display_name());
                let shown = [
                    hidden_before.shown(&file.before, section.before.clone()),
                    hidden_after.shown(&file.after, section.after.clone()),
                ];
                objects.push(ObjectDiff {
                    name: name.unwrap_or_default(),
                    template: changed
                        .and_then(|it| self.resources[it].origin.template()?.to_string().into()),
                    object: changed,
                    hunks: hunks_of(&shown, (line_before, line_after), &by_line),
                });
            }
            line_before += old.matches('\n').count();
            line_after += new.matches('\n').count();
        }
        objects
    }

    /// The first object of a text: the objects are in the order of the texts.
    fn first_of(&self, index: usize) -> usize {
        self.resources.partition_point(|it| it.text < index)
    }

    /// Splits a text and its successor at objects. Edits do not add or remove objects.
    fn sections<'s>(
        &self,
        index: usize,
        file: &FileText<'_>,
        after: &'s Stream,
    ) -> Vec<Section<'s>> {
        let first = self.first_of(index);
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
                        before: before..file.before.len(),
                        after: after..file.after.len(),
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

/// The changes, with some unchanged lines around them.
///
/// Myers' algorithm is called directly: `TextDiff` chooses between six at run time, each a large part of the binary.
fn hunks(old: &[&str], new: &[&str], context: usize) -> Vec<Vec<DiffOp>> {
    let mut diff = Compact::new(Replace::new(Capture::new()), old, new);
    let Ok(()) = myers::diff(&mut diff, old, 0..old.len(), new, 0..new.len());
    diff.into_inner().into_inner().into_grouped_ops(context)
}

fn hunks_of(
    [old, new]: &[Cow<'_, str>; 2],
    (line_before, line_after): (usize, usize),
    reasons: &ReasonsByLine,
) -> Vec<Vec<Row>> {
    let [old, new] = [old, new].map(|text| text.split_inclusive('\n').collect::<Vec<_>>());
    let groups = hunks(&old, &new, CONTEXT).into_iter();
    let rows = groups.map(|group| {
        let mut lines = Lines::default();
        for change in group.iter().flat_map(|op| op.iter_changes(&old, &new)) {
            let (old, new, tag) = (change.old_index(), change.new_index(), change.tag());
            let number = match tag {
                ChangeTag::Delete => old.map(|line| line + line_before),
                ChangeTag::Equal | ChangeTag::Insert => new.map(|line| line + line_after),
            };
            let content = change.value().trim_end_matches(['\n', '\r']);
            let row = Row::Line(Line {
                tag,
                number: number.map_or(0, |line| line + 1),
                text: content.to_owned(),
            });
            let reasons_of_line = match tag {
                ChangeTag::Equal => None,
                ChangeTag::Insert => new.and_then(|line| reasons.new.get(&line)),
                ChangeTag::Delete => old.and_then(|line| reasons.old.get(&line)),
            };
            // Removing the last field of a map removes its key too.
            let goes = tag == ChangeTag::Delete && !reasons.old.is_empty();
            match reasons_of_line {
                Some(reasons) => lines.add_with_reasons(row, indent_of(content), reasons),
                None if goes || tag == ChangeTag::Insert => {
                    lines.add_without_reason(row, indent_of(content));
                }
                None => lines.add_unchanged(row),
            }
        }
        lines.end_run();
        lines.rows
    });
    rows.collect()
}

pub(super) fn resources_of(stream: &Stream) -> Vec<Node<'_>> {
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

/// The lines of a hunk with their reasons, each once below its lines.
#[derive(Default)]
struct Lines {
    rows: Vec<Row>,
    /// The reason of the last lines, which is not among the rows yet, and the indentation of its last line.
    run: Option<(Reason, usize)>,
    /// New lines without a reason, which belong to the reason of the next line.
    undecided: Vec<Row>,
}

impl Lines {
    fn add_unchanged(&mut self, line: Row) {
        self.end_run();
        self.rows.push(line);
    }

    /// Adds a key above new fields, or more lines of a new item, which are indented deeper than its first.
    fn add_without_reason(&mut self, line: Row, indent: usize) {
        let belongs_to_run = self.undecided.is_empty()
            && self
                .run
                .as_ref()
                .is_some_and(|(_, of_run)| indent > *of_run);
        match belongs_to_run {
            true => self.rows.push(line),
            false => self.undecided.push(line),
        }
    }

    fn add_with_reasons(&mut self, line: Row, indent: usize, reasons: &[Reason]) {
        if !matches!((&self.run, reasons), (Some((run, _)), [only]) if only.is_like(run)) {
            self.add_reason();
        }
        self.rows.append(&mut self.undecided);
        self.rows.push(line);
        for reason in reasons {
            match &mut self.run {
                Some((run, of_run)) if reason.is_like(run) => {
                    run.extend(reason);
                    *of_run = indent;
                }
                _ => {
                    self.add_reason();
                    self.run = Some((reason.clone(), indent));
                }
            }
        }
    }

    fn end_run(&mut self) {
        self.rows.append(&mut self.undecided);
        self.add_reason();
    }

    fn add_reason(&mut self) {
        let reason = self.run.take();
        self.rows
            .extend(reason.map(|(reason, _)| Row::Reason(reason)));
    }
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

impl Line {
    /// The sign in front of it.
    pub(super) fn sign(&self) -> char {
        match self.tag {
            ChangeTag::Equal => ' ',
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
        }
    }
}

impl std::fmt::Display for Reason {
    /// `resources  fn-config/all/fitout.yaml:47-51  profile caracal-gateway`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = match self.place() {
            place if place.is_empty() => place,
            place => place + "  ",
        };
        write!(f, "{}  {place}{}", self.section, self.text)
    }
}

impl Reason {
    fn of(entry: &Entry, change: &Change) -> Reason {
        let config = entry.config.as_ref();
        let line = config.and_then(|config| config.line);
        let field = &change.decision.field;
        let environment = change.decision.environment().map(|(name, _)| name);
        // `spec.catalogue[0]`, or that of an environment.
        let is_of_catalogue = field
            .rsplit_once(".catalogue[")
            .is_some_and(|(_, it)| it.ends_with(']'));
        let mut text = match (&change.decision.profile, environment) {
            _ if is_of_catalogue => field.clone(),
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

    /// The config file with the lines: `fn-config/all/fitout.yaml:47-51`; empty if they are not known.
    pub fn place(&self) -> String {
        match (&self.file, self.lines) {
            (Some(file), Some((from, to))) if from == to => format!("{file}:{from}"),
            (Some(file), Some((from, to))) => format!("{file}:{from}-{to}"),
            _ => String::new(),
        }
    }
}
