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
            for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                let line = change.value().trim_end_matches(['\n', '\r']);
                let (sign, number, color) = match change.tag() {
                    ChangeTag::Equal => (' ', change.new_index(), ""),
                    ChangeTag::Delete => ('-', change.old_index(), paint.removed),
                    ChangeTag::Insert => ('+', change.new_index(), paint.added),
                };
                let number = number.map_or(0, |number| number + 1);
                let off = if color.is_empty() { "" } else { paint.off };
                let _ = writeln!(text, "{color}{number:>6} {sign} │ {line}{off}");
                if change.tag() == ChangeTag::Insert {
                    for reason in reasons.get(&number).into_iter().flatten() {
                        let _ = writeln!(text, "{}         ╰─ {reason}{}", paint.reason, paint.off);
                    }
                }
            }
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
    fn reasons(&self, index: usize, after: &str) -> BTreeMap<usize, Vec<String>> {
        let mut reasons: BTreeMap<usize, Vec<String>> = BTreeMap::new();
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
                    .push(reason(entry, change));
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

/// `resources  fn-config/production/fitout.yaml:31  profile gateway; it was 512Mi`.
fn reason(entry: &Entry, change: &Change) -> String {
    let place = entry
        .config
        .as_ref()
        .map(|config| match (&config.path, config.line) {
            (Some(path), Some(line)) => format!("{path}:{line}"),
            _ => config.field.clone(),
        });
    let decider = match &change.decision.profile {
        Some(profile) => format!("profile {profile}"),
        None if change.decision.is_default => format!("default of {}", change.decision.field),
        None => change.decision.field.clone(),
    };
    let was = change
        .current
        .as_ref()
        .map(|current| format!("; it was {current}"))
        .unwrap_or_default();
    let note = change
        .note
        .as_ref()
        .map(|note| format!("; {note}"))
        .unwrap_or_default();
    format!(
        "{}  {}  {decider}{was}{note}",
        change.rule,
        place.unwrap_or_default()
    )
}
