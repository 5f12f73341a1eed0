//! Edits are data: the one way to change anything.
//!
//! A transformer asks for a state ("this leaf shall be that") and never for text. [`Edits`] compares
//! meaning, applies the mode, drops what is already so, and keeps for each [`Change`] who decided,
//! which field, and its current and proposed value. Plans, diffs, results and reports are views of
//! that list; [`crate::write`] turns it into text.

mod change;

use std::sync::Arc;

use jsonptr::PointerBuf;

pub use change::{Change, RULES};

use crate::finding::{Decision, Finding, Mode, Subject};
use crate::kubernetes::Quantity;
use crate::objects::{OnChange, PassedOver, below, expected};
use crate::problem::Problem;
use crate::problem::field_path;
use crate::read::Resource;
use crate::yaml::{Node, Scalar, Value};

/// When two values mean the same, so that no edit is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Meaning {
    /// When they are equal.
    #[default]
    Literal,
    /// When they are equal as Kubernetes quantities: `1000m` is `1`.
    Quantity,
    /// When their texts are equal: the annotation `8080` of somebody who forgot the quotes is ours.
    Text,
}

/// One leaf that shall have a value.
#[derive(Debug)]
pub struct Proposal<'p> {
    /// The part that the leaf belongs to.
    pub subject: &'p Arc<Subject>,
    /// The leaf's path below the part.
    pub field: &'p [&'p str],
    /// The value that it shall have.
    pub value: Value,
    /// Who decided, and the mode.
    pub decision: Arc<Decision>,
    /// When a present value is as good.
    pub meaning: Meaning,
    /// Why the value is not simply the configured one.
    pub note: Option<String>,
}

impl<'p> Proposal<'p> {
    /// A proposal that compares values literally and has no note.
    pub fn new(
        subject: &'p Arc<Subject>,
        field: &'p [&'p str],
        value: Value,
        decision: Arc<Decision>,
    ) -> Proposal<'p> {
        Proposal {
            subject,
            field,
            value,
            decision,
            meaning: Meaning::Literal,
            note: None,
        }
    }

    /// Compares a present value in another way.
    #[must_use]
    pub fn meaning(mut self, meaning: Meaning) -> Proposal<'p> {
        self.meaning = meaning;
        self
    }

    /// Adds the reason why the value is not the configured one.
    #[must_use]
    pub fn note(mut self, note: impl Into<Option<String>>) -> Proposal<'p> {
        self.note = note.into();
        self
    }
}

/// What became of a proposal.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// The leaf is edited.
    Edited,
    /// The leaf means that already.
    Same,
    /// The author's value stays, as the mode asks.
    Kept(Node<'a>),
    /// There is nothing, and by the mode nothing shall be.
    Off,
}

/// Collects what transformers ask for, object by object.
#[derive(Debug)]
pub struct Edits<'a> {
    resources: &'a [Resource<'a>],
    resource: usize,
    rule: &'static str,
    first_of_resource: usize,
    /// The parts of the object that were asked about, and their nodes: each has several leaves.
    parts: Vec<(Arc<Subject>, Node<'a>)>,
    /// The edits, in the order in which they were asked for.
    pub changes: Vec<Change>,
    /// What else there is to say.
    pub findings: Vec<Finding>,
    /// How many leaves were right already.
    pub same: usize,
    /// Parts with a leaf that was asked about and stays as it is.
    pub kept: Vec<(usize, Arc<Subject>)>,
    /// Parts with a leaf that is only checked, or exempt.
    pub checked: Vec<(usize, Arc<Subject>)>,
    /// Parts that a section leaves out, and why.
    pub left_out: Vec<(usize, Arc<Subject>, PassedOver)>,
}

impl<'a> Edits<'a> {
    /// No edits yet, for these objects.
    pub fn new(resources: &'a [Resource<'a>]) -> Edits<'a> {
        Edits {
            resources,
            resource: 0,
            rule: "",
            first_of_resource: 0,
            parts: Vec::new(),
            changes: Vec::new(),
            findings: Vec::new(),
            same: 0,
            kept: Vec::new(),
            checked: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// Turns to an object: edits and findings are about it from here on.
    pub fn start(&mut self, resource: usize) {
        self.resource = resource;
        self.first_of_resource = self.changes.len();
        self.parts.clear();
    }

    /// Turns to a rule: edits carry its name from here on.
    pub fn rule(&mut self, rule: &'static str) {
        self.rule = rule;
    }

    /// Asks for a leaf to have a value.
    ///
    /// # Errors
    /// `FIT-INP003` when the way to the leaf leads through something that is not a mapping.
    pub fn set(&mut self, proposal: Proposal<'_>) -> Result<Answer<'a>, Problem> {
        match proposal.decision.mode {
            Mode::Off => return Ok(Answer::Off),
            Mode::Remove => return self.remove(proposal),
            Mode::Ensure | Mode::Override | Mode::Bound | Mode::Check => {}
        }
        let present = self.present(proposal.subject, proposal.field)?;
        if let Some(node) = present {
            self.check_kind(node, &proposal)?;
            if means(node, &proposal.value, proposal.meaning) {
                self.same += 1;
                self.keep(proposal.subject);
                return Ok(Answer::Same);
            }
            if matches!(proposal.decision.mode, Mode::Ensure | Mode::Check) {
                self.keep(proposal.subject);
                return Ok(Answer::Kept(node));
            }
        } else if proposal.decision.mode == Mode::Bound {
            return Ok(Answer::Off);
        }
        if let Some(inherited) = self.inherited(&proposal).filter(|_| present.is_none()) {
            if means(inherited, &proposal.value, proposal.meaning) {
                self.same += 1;
                self.keep(proposal.subject);
                return Ok(Answer::Same);
            }
            if matches!(proposal.decision.mode, Mode::Ensure | Mode::Check) {
                self.keep(proposal.subject);
                return Ok(Answer::Kept(inherited));
            }
        }
        let leaf = leaf_of(proposal.field);
        self.push(proposal, leaf, present, false);
        Ok(Answer::Edited)
    }

    /// Asks for a leaf to be absent, as the mode `Remove` does. Maps that this empties go with it.
    ///
    /// # Errors
    /// As [`Edits::set`].
    pub fn remove(&mut self, proposal: Proposal<'_>) -> Result<Answer<'a>, Problem> {
        let Some(node) = self.present(proposal.subject, proposal.field)? else {
            return Ok(Answer::Off);
        };
        self.changes.push(Change {
            rule: self.rule,
            resource: self.resource,
            subject: proposal.subject.clone(),
            leaf: leaf_of(proposal.field),
            appends: false,
            current: node.value().ok(),
            proposed: None,
            decision: proposal.decision,
            note: proposal.note,
            immutable: proposal.subject.on_change == OnChange::Immutable,
        });
        Ok(Answer::Edited)
    }

    /// Repairs a leaf whose value is refused by the API server as it is, whatever the mode.
    ///
    /// # Errors
    /// As [`Edits::set`].
    pub fn repair(&mut self, proposal: Proposal<'_>) -> Result<(), Problem> {
        let present = self.present(proposal.subject, proposal.field)?;
        let leaf = leaf_of(proposal.field);
        self.push(proposal, leaf, present, false);
        Ok(())
    }

    /// Asks for a new item at the end of a list; `field` is the list's path. Whether the item is
    /// wanted is the caller's to decide, because only it knows what makes two items the same.
    ///
    /// # Errors
    /// `FIT-INP003` when the list is something else.
    pub fn append(&mut self, proposal: Proposal<'_>) -> Result<(), Problem> {
        let mut leaf = leaf_of(proposal.field);
        let list = self.present(proposal.subject, proposal.field)?;
        if let Some(node) = list.filter(|node| !node.is_sequence()) {
            return Err(expected(
                &self.resources[self.resource],
                node,
                "a list",
                &proposal.subject.at(proposal.field),
            ));
        }
        let already = self.changes[self.first_of_resource..].iter();
        let appended = already
            .filter(|change| change.appends && change.leaf.parent() == Some(&leaf))
            .filter(|change| change.subject.path == proposal.subject.path)
            .count();
        let index = list.map_or(0, |list| list.items().count()) + appended;
        leaf.push_back(index);
        self.push(proposal, leaf, None, true);
        Ok(())
    }

    /// The edits so far of the object that [`Edits::start`] turned to.
    pub fn of_object(&self) -> &[Change] {
        &self.changes[self.first_of_resource..]
    }

    /// What a leaf is planned to be so far: `None` where no edit is about it, `Some(None)` where it is removed.
    pub fn planned(&self, subject: &Subject, field: &[&str]) -> Option<Option<&Value>> {
        let (path, leaf) = (&subject.path, leaf_of(field));
        let mut changes = self.of_object().iter();
        let change = changes.rfind(|it| it.leaf == leaf && it.subject.path == *path);
        change.map(|change| change.proposed.as_ref())
    }

    /// How many edits there are; see [`Edits::sort_names`].
    pub fn count(&self) -> usize {
        self.changes.len()
    }

    /// Sorts the leaves of each mapping called `mapping` by name, as the API server prints them, among the edits from
    /// `since` on. They come nearly sorted, so each is compared with its neighbours.
    pub fn sort_names(&mut self, since: usize, mapping: &str) {
        let split = |change: &'_ Change| change.leaf.as_str().rfind(mapping);
        for index in since..self.changes.len() {
            let Some(own) = split(&self.changes[index]) else {
                continue;
            };
            let (subject, leaf) = (
                &self.changes[index].subject,
                self.changes[index].leaf.as_str(),
            );
            let mut place = index;
            for before in (since..index).rev() {
                let other = &self.changes[before];
                let text = other.leaf.as_str();
                let is_beside = split(other) == Some(own) && text[..own] == leaf[..own];
                if !is_beside || other.subject.path != subject.path {
                    continue;
                }
                if text <= leaf {
                    break;
                }
                place = before;
            }
            self.changes[place..=index].rotate_right(1);
        }
    }

    /// Marks the last edit as one that the API server refuses on an existing object.
    pub fn mark_immutable(&mut self) {
        if let Some(change) = self.changes.last_mut() {
            change.immutable = true;
        }
    }

    /// Adds a finding about the object that [`Edits::start`] turned to.
    pub fn find(&mut self, mut finding: Finding) {
        finding.resource = Some(self.resource);
        self.findings.push(finding);
    }

    /// Notes the parts that a plan is about which is not written.
    pub fn note_checked(&mut self, preview: &Edits<'_>) {
        let changed = preview.changes.iter();
        let changed = changed.map(|change| (change.resource, Arc::clone(&change.subject)));
        self.checked.extend(changed);
        self.checked.extend(preview.kept.iter().cloned());
    }

    /// Of what was planned as if everything were written: what is not, because it is only checked or exempt.
    ///
    /// `written` is what was planned in earnest. A leaf that only the other plan has is one that an exemption made
    /// superfluous, which `exemption_of` knows by the leaf's name.
    pub fn not_written(
        self,
        written: &[Change],
        exemption_of: impl Fn(&str) -> Option<usize>,
    ) -> impl Iterator<Item = Finding> {
        let changes = self.changes.into_iter().filter_map(move |mut change| {
            if !change.decision.is_left() {
                let is_same = |it: &Change| match change.appends {
                    // An item has another index where items before it are missing.
                    true => it.appends && it.proposed == change.proposed,
                    false => it.leaf == change.leaf && it.subject.path == change.subject.path,
                };
                let is_written = written.iter().any(is_same);
                let exemption = exemption_of(&change.decision.leaf).filter(|_| !is_written)?;
                Arc::make_mut(&mut change.decision).exemption = Some(exemption);
            }
            Some(change.as_finding())
        });
        let findings = self.findings.into_iter();
        let is_left = |it: &Finding| it.decision.as_deref().is_some_and(Decision::is_left);
        changes.chain(findings.filter(is_left))
    }

    /// Notes that a section leaves a part of the object out.
    pub fn leave_out(&mut self, subject: &Arc<Subject>, reason: PassedOver) {
        let part = (self.resource, Arc::clone(subject), reason);
        self.left_out.push(part);
    }

    /// Notes that a part was asked about. Its leaves mostly come one after another.
    fn keep(&mut self, subject: &Arc<Subject>) {
        let last = self.kept.last();
        if !last.is_some_and(|(_, last)| Arc::ptr_eq(last, subject)) {
            self.kept.push((self.resource, Arc::clone(subject)));
        }
    }

    fn push(
        &mut self,
        proposal: Proposal<'_>,
        leaf: PointerBuf,
        present: Option<Node<'a>>,
        appends: bool,
    ) {
        self.changes.push(Change {
            rule: self.rule,
            resource: self.resource,
            subject: proposal.subject.clone(),
            leaf,
            appends,
            current: present.and_then(|node| node.value().ok()),
            proposed: Some(proposal.value),
            decision: proposal.decision,
            note: proposal.note,
            immutable: proposal.subject.on_change == OnChange::Immutable,
        });
    }

    /// Refuses a value of another kind than its field has: to keep it or to replace it would both be
    /// guesses about what its author meant.
    fn check_kind(&self, node: Node<'a>, proposal: &Proposal<'_>) -> Result<(), Problem> {
        let (fits, what) = match &proposal.value {
            Value::Null => (true, "nothing"),
            Value::Bool(_) => (
                matches!(node.scalar(), Some(Scalar::Bool(_))),
                "true or false",
            ),
            Value::Number(_) => (
                matches!(node.scalar(), Some(Scalar::Int(_) | Scalar::Float(_))),
                "a number",
            ),
            Value::String(_) | Value::Quoted(_) => (node.is_scalar(), "a single value"),
            Value::Sequence(_) => (node.is_sequence(), "a list"),
            Value::Mapping(_) => (node.is_map(), "a mapping"),
        };
        if fits {
            Ok(())
        } else {
            Err(expected(
                &self.resources[self.resource],
                node,
                what,
                &proposal.subject.at(proposal.field),
            ))
        }
    }

    /// The value that a leaf has now; null and empty maps are as absent.
    fn present(
        &mut self,
        subject: &Arc<Subject>,
        field: &[&str],
    ) -> Result<Option<Node<'a>>, Problem> {
        let Some(mut node) = self.node_of(subject) else {
            return Ok(None);
        };
        for (depth, token) in field.iter().enumerate() {
            let next = if node.is_sequence() {
                let index = token.parse::<usize>().ok();
                index.and_then(|index| node.items().nth(index))
            } else if node.is_map() {
                node.get(token)
            } else {
                return Err(expected(
                    &self.resources[self.resource],
                    node,
                    "a mapping",
                    &subject.at(&field[..depth]),
                ));
            };
            match next.filter(|next| !next.is_null()) {
                Some(next) => node = next,
                None => return Ok(None),
            }
        }
        Ok(Some(node).filter(|node| !(node.is_map() && node.len() == 0)))
    }

    /// The value that stands for a leaf which is not there, because its part inherits it.
    fn inherited(&self, proposal: &Proposal<'_>) -> Option<Node<'a>> {
        let path = below(
            proposal.subject.inherits.as_ref()?,
            proposal.field.iter().copied(),
        );
        let node = self.resources[self.resource].node.pointer(&path)?;
        (!(node.is_null() || node.is_map() && node.len() == 0)).then_some(node)
    }

    fn node_of(&mut self, subject: &Arc<Subject>) -> Option<Node<'a>> {
        let known = self.parts.iter().find(|(it, _)| Arc::ptr_eq(it, subject));
        if let Some((_, node)) = known {
            return Some(*node);
        }
        let node = self.resources[self.resource].node.pointer(&subject.path)?;
        self.parts.push((Arc::clone(subject), node));
        Some(node)
    }
}

fn leaf_of(field: &[&str]) -> PointerBuf {
    PointerBuf::from_tokens(field.iter().copied())
}

/// Reads a quantity that an author wrote.
///
/// # Errors
/// `FIT-INP003` when it is no quantity.
pub fn read_quantity<'a>(
    resource: &Resource<'a>,
    node: Node<'a>,
    path: impl Fn() -> PointerBuf,
) -> Result<Quantity, Problem> {
    let field = || field_path(&path());
    if !node.is_scalar() {
        let found = node.describe();
        return Err(resource.problem(
            "FIT-INP003",
            format!("expected a quantity, found {found}"),
            node,
            field(),
        ));
    }
    Quantity::of_node(node).map_err(|error| {
        let problem = resource.problem("FIT-INP003", error.to_string(), node, field());
        match error.suggestion() {
            Some(nearest) => problem.help(format!("did you mean `{nearest}`?")),
            None => problem,
        }
    })
}

fn means(node: Node<'_>, value: &Value, meaning: Meaning) -> bool {
    let text = |value: &Value| match value {
        Value::String(text) | Value::Quoted(text) => Some(text.clone()),
        _ => None,
    };
    match meaning {
        Meaning::Literal => node.value().is_ok_and(|current| current == *value),
        Meaning::Quantity => {
            let current = Quantity::of_node(node).ok();
            current.is_some() && current == text(value).and_then(|text| text.parse().ok())
        }
        Meaning::Text => node.text().map(std::borrow::Cow::into_owned) == text(value),
    }
}
