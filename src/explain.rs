//! Why the fields of an object have their values: the parts of the config that decide, in their order, those that do not
//! apply, and what the author wrote.
//!
//! Everything is read from the edits and sections of a run; nothing is decided here.

mod run;

use std::collections::BTreeSet;

use jsonptr::PointerBuf;

use crate::checks;
use crate::config::{Config, Leaf};
use crate::edit::Change;
use crate::finding::{Finding, Mode, Part};
use crate::hashing::HashSet;
use crate::objects::{Classification, Objects, SkipReason};
use crate::problem::Problems;
use crate::read::Resource;
use crate::secrets::{self, Secrets};
use crate::select::Selection;
use crate::sorting;
use crate::transformers::Transformers;
use crate::yaml::{Node, Position, Value};

pub use run::name_of_item;
use run::{Run, named_path};

/// An object, and why its fields have their values.
#[derive(Debug)]
pub struct Explanation {
    /// Why nothing of the object is changed, if so.
    pub passed_over: Option<String>,
    /// Every field that the config sets or could set, in the order of the sections.
    pub fields: Vec<ExplainedField>,
}

/// A field, and why it has its value.
#[derive(Debug)]
pub struct ExplainedField {
    /// Its path in the object.
    pub pointer: PointerBuf,
    /// The path with the names of containers and other items: `spec.containers[web].resources`.
    pub path: String,
    /// The part of the path below the container, the spec or metadata of the pods, or the claim.
    pub short_path: String,
    /// The part of the object.
    pub part: Part,
    /// The section that can set it; `None` for a field that no section sets.
    pub section: Option<&'static str>,
    /// What happens to it.
    pub outcome: Outcome,
    /// The value in the end; `None` if it is not set.
    pub value: Option<Value>,
    /// The value in the manifest.
    pub authors: Option<Value>,
    /// The place of the manifest's value.
    pub authors_position: Option<Position>,
    /// The mode, where the section applies.
    pub mode: Option<Mode>,
    /// Whether a container has the value of its pod instead.
    pub is_inherited: bool,
    /// Why it is so, in one sentence without its place.
    pub reason: Option<String>,
    /// The settings that apply, lowest first, and what each does.
    pub steps: Vec<Step>,
    /// The profiles with settings for it that do not apply.
    pub others: Vec<Other>,
    /// The findings about it.
    pub findings: Vec<Finding>,
    /// The setting to change it with: the one that decides, or the one that would.
    pub change: Option<Leaf>,
}

/// What happens to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The config sets it where the manifest does not.
    Added,
    /// The config replaces the value of the manifest.
    Changed,
    /// The config removes it.
    Removed,
    /// The value of the manifest stays.
    Kept,
    /// It is not set.
    NotSet,
    /// No section sets it.
    NotManaged,
}

impl Outcome {
    /// Its word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Added => "added",
            Outcome::Changed => "changed",
            Outcome::Removed => "removed",
            Outcome::Kept => "kept",
            Outcome::NotSet => "not-set",
            Outcome::NotManaged => "not-managed",
        }
    }
}

/// A setting that applies to a field.
#[derive(Debug)]
pub struct Step {
    /// The setting.
    pub leaf: Leaf,
    /// What it does.
    pub effect: Effect,
}

/// What a setting does to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Its value is the field's, or is what the field's value is made from.
    Decides,
    /// Another setting wins.
    Overruled,
    /// The value of the manifest wins.
    Yields,
    /// It changes the value, or says where it applies.
    Modifies,
    /// It is the mode of the field.
    Mode,
    /// It exempts the field.
    Exempts,
}

impl Effect {
    /// Its word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Effect::Decides => "decides",
            Effect::Overruled => "overruled",
            Effect::Yields => "yields",
            Effect::Modifies => "applies",
            Effect::Mode => "mode",
            Effect::Exempts => "exempts",
        }
    }
}

/// A profile that does not apply.
#[derive(Debug)]
pub struct Other {
    /// Its name.
    pub profile: String,
    /// Its setting for the field.
    pub leaf: Leaf,
    /// Why it does not apply.
    pub reason: String,
}

/// Explains every field of one object, by its index.
///
/// # Errors
/// As [`crate::fit`].
pub fn explain(
    config: &Config<'_>,
    resources: &[Resource<'_>],
    function_config: Option<Node<'_>>,
    index: usize,
) -> Result<Explanation, Problems> {
    let objects = Objects::of(
        resources, &config.pod_specs, &config.claims, function_config,
    );
    let selection = Selection::of(config, &objects)?;
    let (edits, verdict) = checks::decide(config, &selection)?;
    let transformers = Transformers::new(config);
    let mut explained = Explanation {
        passed_over: None,
        fields: Vec::new(),
    };
    let Some(selected) = selection.selected_at(index) else {
        explained.passed_over = Some(passed_over(&selection, index));
        return Ok(explained);
    };
    if selected.is_only_checked {
        explained.passed_over = Some(passed_over(&selection, index));
    }
    let resource = &resources[index];
    let changes = edits.changes.iter().filter(|it| it.resource == index);
    let changes: Vec<(PointerBuf, &Change)> = changes.map(|it| (it.pointer(), it)).collect();
    let run = Run::new(config, selected, resource, &verdict);
    let by_pointer: BTreeSet<(&str, usize)> = changes
        .iter()
        .enumerate()
        .map(|(at, (pointer, _))| (pointer.as_str(), at))
        .collect();
    let mut known: HashSet<PointerBuf> = HashSet::default();
    for field in transformers.fields(&selection, selected) {
        let pointer = field
            .subject
            .path
            .concat(&PointerBuf::from_tokens(&field.field));
        let below = by_pointer.range((pointer.as_str(), 0)..);
        let below = below.take_while(|(it, _)| it.starts_with(pointer.as_str()));
        let mut here: Vec<usize> = below.map(|(_, at)| *at).collect();
        here.retain(|at| {
            changes[*at].1.rule == field.section && changes[*at].0.starts_with(&pointer)
        });
        sorting::sort(&mut here);
        if here.is_empty() && known.insert(pointer.clone()) {
            explained.fields.push(run.field(&field, pointer, None));
            continue;
        }
        for at in here {
            let (pointer, change) = &changes[at];
            if known.insert(pointer.clone()) {
                let explanation = run.field(&field, pointer.clone(), Some(change));
                explained.fields.push(explanation);
            }
        }
    }
    // What a section sets in addition to its own fields, such as further annotations.
    for (pointer, change) in &changes {
        if known.insert(pointer.clone()) {
            explained.fields.push(run.other_change(change));
        }
    }
    run.name_inherited(&mut explained.fields);
    Ok(explained)
}

/// A field that no section sets, with the value of the manifest.
pub fn unmanaged(resource: &Resource<'_>, pointer: PointerBuf) -> Option<ExplainedField> {
    let node = resource.node.pointer(&pointer)?;
    let text = node.stream().text();
    // Also where only a part of the value belongs to a Secret, such as the last applied configuration.
    let is_hidden = secrets::is_hidden(node)
        || Secrets::of(node.stream()).shown(text, node.span()) != text[node.span()];
    let value = match is_hidden {
        true => Some(Value::from("(hidden: a Secret)")),
        false => node.value().ok(),
    };
    Some(ExplainedField {
        short_path: named_path(resource, &pointer, None),
        path: named_path(resource, &pointer, None),
        part: Part::Object,
        is_inherited: false,
        section: None,
        outcome: Outcome::NotManaged,
        value: value.clone(),
        authors: value,
        authors_position: Some(node.position()),
        mode: None,
        reason: Some("no section of the config sets this field".to_owned()),
        steps: Vec::new(),
        others: Vec::new(),
        findings: Vec::new(),
        change: None,
        pointer,
    })
}

/// Why an object is passed over.
fn passed_over(selection: &Selection<'_, '_>, index: usize) -> String {
    let mut reasons = selection.passed_over.iter();
    match reasons.find(|(at, _)| *at == index) {
        Some((_, reason)) => {
            let mut all = SkipReason::ALL.iter();
            let meaning = all.find(|(it, _)| it == reason).map_or("", |(_, it)| it);
            meaning.trim().trim_end_matches('.').to_owned()
        }
        None => match selection.objects.classifications.get(index) {
            Some(Classification::Malformed(problem)) => problem.message.clone(),
            _ => "the config does not change it".to_owned(),
        },
    }
}
