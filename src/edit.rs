//! Edits as data: the only way to change an object.
//!
//! A transformer requests a value for a leaf, never text. [`Edits`] compares it with the current value, applies the mode,
//! and records a [`Change`] with the decision, the field, and its current and proposed value. Plans, diffs, results and
//! reports are views of that list; [`crate::write`] turns it into text.
//!
//! An edit that can stop a program needs knowledge from the input, the catalogue or the config ([`Knowledge`]); without it
//! there is no [`Change`]. A setting is such knowledge, a default is not.

mod change;
mod knowledge;
mod leaves;
mod order;
mod parts;
mod proposal;

use crate::hashing::HashSet;
use std::sync::Arc;

use jsonptr::PointerBuf;

pub use change::Change;
pub use knowledge::{Knowledge, Source, can_stop};
use leaves::{Leaves, leads_to, leaf_of};
use parts::ByPart;
pub use proposal::{Meaning, Proposal};

use crate::finding::{Decision, Finding, Mode, Subject};
use crate::kubernetes::Quantity;
use crate::objects::{OnChange, SkipReason, below, expected};
use crate::parallel::append;
use crate::problem::{Problem, field_path};
use crate::read::Resource;
use crate::rules::Rule;
use crate::yaml::{Node, Scalar, Value};

/// The rules for edits that are not written.
pub const RULES: &[Rule] = change::RULES;

/// The result of a proposal.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// The leaf is edited.
    Edited,
    /// The current value is equivalent.
    Same,
    /// The mode keeps the author's value.
    Kept(Node<'a>),
    /// The leaf is absent, and the mode does not add it.
    Off,
}

/// Collects the edits of transformers, object by object.
#[derive(Debug)]
pub struct Edits<'a> {
    resources: &'a [Resource<'a>],
    resource: usize,
    rule: &'static str,
    first_of_resource: usize,
    /// The edits of each part of the current object.
    by_part: ByPart,
    leaves: Leaves,
    /// The edits, in the order of the proposals.
    pub changes: Vec<Change>,
    /// Findings about the objects.
    pub findings: Vec<Finding>,
    /// The number of leaves that were already right.
    pub same: Vec<(usize, usize)>,
    /// Users, groups of volumes, and that users are not root, which the manifest has as the config writes them: the object and the path. Fitted
    /// manifests have them, so an author need not have promised them.
    pub agreed: Vec<(usize, PointerBuf)>,
    /// Parts with a proposed leaf that is not edited.
    pub kept: Vec<(usize, Arc<Subject>)>,
    /// Parts with a leaf that is only checked or exempt.
    pub checked: Vec<(usize, Arc<Subject>)>,
    /// Parts that a section leaves out, and why.
    pub left_out: Vec<(usize, Arc<Subject>, SkipReason)>,
}

impl<'a> Edits<'a> {
    /// Creates an empty list of edits for these objects.
    pub fn new(resources: &'a [Resource<'a>]) -> Edits<'a> {
        Edits {
            resources,
            resource: 0,
            rule: "",
            first_of_resource: 0,
            by_part: ByPart::default(),
            leaves: Leaves::default(),
            changes: Vec::new(),
            findings: Vec::new(),
            same: Vec::new(),
            agreed: Vec::new(),
            kept: Vec::new(),
            checked: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// Makes room for the edits of so many objects: a list that grows is copied, and takes twice the memory. The room that is
    /// not used is never touched, and takes none.
    pub fn make_room_for(&mut self, objects: usize) {
        /// Most objects have fewer.
        const MANY: usize = 16;
        self.changes.reserve_exact(MANY * objects);
    }

    /// Adds the edits of the objects that follow.
    pub fn extend(&mut self, other: Edits<'a>) {
        append(&mut self.changes, other.changes);
        append(&mut self.findings, other.findings);
        append(&mut self.same, other.same);
        append(&mut self.agreed, other.agreed);
        append(&mut self.kept, other.kept);
        append(&mut self.checked, other.checked);
        append(&mut self.left_out, other.left_out);
    }

    /// Starts an object, which the following edits and findings are about.
    pub fn start(&mut self, resource: usize) {
        self.resource = resource;
        self.first_of_resource = self.changes.len();
        self.by_part.clear();
    }

    /// Starts a section, which the following edits are recorded for.
    pub fn rule(&mut self, rule: &'static str) {
        self.rule = rule;
    }

    /// Counts a leaf that is right already. Objects are edited one after the other.
    fn count_same(&mut self) {
        match self.same.last_mut() {
            Some((resource, count)) if *resource == self.resource => *count += 1,
            _ => self.same.push((self.resource, 1)),
        }
    }

    /// Requests a value for a leaf.
    ///
    /// # Errors
    /// `FIT-INP003` if a parent of the leaf is not a mapping, or the value has the wrong type.
    pub fn set(&mut self, proposal: Proposal<'_>) -> Result<Answer<'a>, Problem> {
        match proposal.decision.mode {
            Mode::Off => return Ok(Answer::Off),
            Mode::Remove => return self.remove(proposal),
            Mode::Ensure | Mode::Override | Mode::Bound | Mode::Check => {}
        }
        let present = self.present(proposal.subject, proposal.field)?;
        if let Some(node) = present {
            self.check_kind(node, &proposal)?;
        } else if proposal.decision.mode == Mode::Bound {
            return Ok(Answer::Off);
        }
        if let Some(current) = present.or_else(|| self.inherited(&proposal)) {
            if means(current, &proposal.value, proposal.meaning) {
                self.count_same();
                if let ["securityContext", "runAsNonRoot" | "runAsUser" | "fsGroup"] =
                    proposal.field
                    && present.is_some()
                    && !proposal.decision.is_left()
                {
                    let path = proposal.subject.at(proposal.field);
                    self.agreed.push((self.resource, path));
                }
                self.keep(proposal.subject);
                return Ok(Answer::Same);
            }
            if matches!(proposal.decision.mode, Mode::Ensure | Mode::Check) {
                self.keep(proposal.subject);
                return Ok(Answer::Kept(current));
            }
        }
        if !proposal.is_known() {
            return Ok(Answer::Off);
        }
        let change = self.change(proposal, present);
        self.push(change);
        Ok(Answer::Edited)
    }

    /// Requests that a leaf is absent, as the mode `Remove` does. Emptied maps are removed too.
    ///
    /// # Errors
    /// As [`Edits::set`].
    pub fn remove(&mut self, proposal: Proposal<'_>) -> Result<Answer<'a>, Problem> {
        let Some(node) = self.present(proposal.subject, proposal.field)? else {
            return Ok(Answer::Off);
        };
        let change = self.change(proposal, Some(node));
        self.push(Change {
            proposed: None,
            ..change
        });
        Ok(Answer::Edited)
    }

    /// Repairs a leaf that the API server would reject, in any mode.
    ///
    /// # Errors
    /// As [`Edits::set`].
    pub fn repair(&mut self, proposal: Proposal<'_>) -> Result<(), Problem> {
        let present = self.present(proposal.subject, proposal.field)?;
        if proposal.is_known() {
            let change = self.change(proposal, present);
            self.push(change);
        }
        Ok(())
    }

    /// Requests a new item at the end of a list; `field` is the path of the list. The caller checks whether the list has
    /// the item already.
    ///
    /// # Errors
    /// `FIT-INP003` if the value is not a list.
    pub fn append(&mut self, proposal: Proposal<'_>) -> Result<(), Problem> {
        let mut leaf = leaf_of(proposal.field);
        let list = self.present(proposal.subject, proposal.field)?;
        if let Some(node) = list.filter(|node| !node.is_sequence()) {
            let path = proposal.subject.at(proposal.field);
            return Err(expected(self.object(), node, "a list", &path));
        }
        if !proposal.is_known() {
            return Ok(());
        }
        let of_list = |it: &&Change| it.appends && it.leaf.parent() == Some(&*leaf);
        let last = self.of_part(proposal.subject).find(of_list);
        let after_last =
            last.and_then(|it| it.leaf.back()?.to_index().ok()?.for_len(usize::MAX).ok());
        let index = match after_last {
            Some(index) => index + 1,
            None => list.map_or(0, Node::len),
        };
        leaf.push_back(index);
        let change = self.change(proposal, None);
        self.push(Change {
            leaf: Arc::new(leaf),
            appends: true,
            ..change
        });
        Ok(())
    }

    /// The edits of the current object so far.
    pub fn of_object(&self) -> &[Change] {
        &self.changes[self.first_of_resource..]
    }

    /// The planned value of a leaf: `None` without an edit, `Some(None)` if it is removed.
    pub fn planned(&self, subject: &Subject, field: &[&str]) -> Option<Option<&Value>> {
        let change = self.of_part(subject).find(|it| leads_to(&it.leaf, field));
        change.map(|change| change.proposed.as_deref())
    }

    /// The edits of a part of the current object, the last first.
    fn of_part(&self, part: &Subject) -> impl Iterator<Item = &Change> {
        let edits = self.by_part.of(std::ptr::from_ref(part).addr());
        edits.map(|at| &self.of_object()[at])
    }

    fn push(&mut self, change: Change) {
        self.by_part.push(Arc::as_ptr(&change.subject).addr());
        self.changes.push(change);
    }

    /// The number of edits; see [`Edits::sort_names`].
    pub fn count(&self) -> usize {
        self.changes.len()
    }

    /// Marks the last edit as one that the API server rejects on an existing object.
    pub fn mark_immutable(&mut self) {
        if let Some(change) = self.changes.last_mut() {
            change.immutable = true;
        }
    }

    /// Adds a finding about the current object.
    pub fn find(&mut self, mut finding: Finding) {
        finding.resource = Some(self.resource);
        self.findings.push(finding);
    }

    /// Records the parts of a preview as checked.
    pub fn note_checked(&mut self, preview: &Edits<'_>) {
        let changed = preview.changes.iter();
        let changed = changed.map(|change| (change.resource, Arc::clone(&change.subject)));
        self.checked.extend(changed);
        self.checked.extend(preview.kept.iter().cloned());
    }

    /// The findings for edits of this preview that are not written, because they are only checked or exempt.
    ///
    /// `written` are the real edits. An edit that is only in the preview depends on an exempted leaf: `exemption_of` finds
    /// that exemption by the leaf's name.
    pub fn not_written(
        self,
        written: &[Change],
        exemption_of: impl Fn(&str) -> Option<usize>,
    ) -> impl Iterator<Item = Finding> {
        let item = |it: &Change| it.proposed.as_ref().map(ToString::to_string);
        let items = written.iter().filter(|it| it.appends).map(item);
        let items: HashSet<Option<String>> = items.collect();
        let leaves = written.iter().map(|it| (&it.leaf, &it.subject.path));
        let leaves: HashSet<_> = leaves.collect();
        let changes = self.changes.into_iter().filter_map(move |mut change| {
            if !change.decision.is_left() {
                let is_written = match change.appends {
                    // Its index depends on the items before it.
                    true => items.contains(&item(&change)),
                    false => leaves.contains(&(&change.leaf, &change.subject.path)),
                };
                if is_written {
                    return None;
                }
                let exemption = exemption_of(&change.decision.leaf)?;
                Arc::make_mut(&mut change.decision).exemption = Some(exemption);
            }
            Some(change.as_finding())
        });
        let findings = self.findings.into_iter();
        let is_left = |it: &Finding| it.decision.as_deref().is_some_and(Decision::is_left);
        changes.chain(findings.filter(is_left))
    }

    /// The findings for edits of this plan without the values of the manifest, which those in `known` do not include.
    pub fn different(self, known: &[Change]) -> impl Iterator<Item = Finding> {
        let places: HashSet<PointerBuf> = known.iter().map(Change::pointer).collect();
        let changes = self.changes.into_iter();
        let changes = changes.filter(move |it| !places.contains(&it.pointer()));
        changes.map(|change| Finding {
            rule: &change::DIFFERENT,
            severity: change::DIFFERENT.severity,
            help: Some(change::ON_DIFFERENCE.into()),
            ..change.as_finding()
        })
    }

    /// Records that a section leaves a part of the object out.
    pub fn leave_out(&mut self, subject: &Arc<Subject>, reason: SkipReason) {
        let part = (self.resource, Arc::clone(subject), reason);
        self.left_out.push(part);
    }

    /// Records that a leaf of the part is not edited. Leaves of one part mostly come one after another.
    fn keep(&mut self, subject: &Arc<Subject>) {
        let last = self.kept.last();
        if !last.is_some_and(|(_, last)| Arc::ptr_eq(last, subject)) {
            self.kept.push((self.resource, Arc::clone(subject)));
        }
    }

    fn change(&mut self, proposal: Proposal<'_>, present: Option<Node<'a>>) -> Change {
        let shares_nothing = self.object().node.stream().shares_nothing();
        let leaf = self.leaves.of(proposal.field);
        let value = leaf.shared(proposal.value);
        Change {
            rule: self.rule,
            resource: self.resource,
            subject: proposal.subject.clone(),
            leaf: Arc::clone(&leaf.path),
            part: proposal.subject.node.filter(|_| shares_nothing),
            appends: false,
            current: present.and_then(|node| node.value().ok()).map(Box::new),
            proposed: Some(value),
            decision: proposal.decision,
            note: proposal.note,
            source: proposal.source.filter(|_| leaf.can_stop),
            immutable: proposal.subject.on_change == OnChange::Immutable,
        }
    }

    /// Rejects a value of the wrong type: it is unclear whether to keep or to replace it.
    fn check_kind(&self, node: Node<'a>, proposal: &Proposal<'_>) -> Result<(), Problem> {
        let scalar = node.scalar();
        let is_number = matches!(scalar, Some(Scalar::Int(_) | Scalar::Float(_)));
        let (fits, what) = match &*proposal.value {
            Value::Null => (true, "nothing"),
            Value::Bool(_) => (matches!(scalar, Some(Scalar::Bool(_))), "true or false"),
            Value::Number(_) => (is_number, "a number"),
            Value::String(_) | Value::Quoted(_) => (node.is_scalar(), "a single value"),
            Value::Sequence(_) => (node.is_sequence(), "a list"),
            Value::Mapping(_) => (node.is_map(), "a mapping"),
        };
        let path = || proposal.subject.at(proposal.field);
        match fits {
            true => Ok(()),
            false => Err(expected(self.object(), node, what, &path())),
        }
    }

    /// The current value of a leaf; null and empty maps count as absent.
    fn present(&self, subject: &Arc<Subject>, field: &[&str]) -> Result<Option<Node<'a>>, Problem> {
        let Some(mut node) = self.node_of(subject) else {
            return Ok(None);
        };
        for (depth, token) in field.iter().enumerate() {
            let next = if node.is_map() {
                node.get(token)
            } else if node.is_sequence() {
                let index = token.parse::<usize>().ok();
                index.and_then(|index| node.item(index))
            } else {
                let path = subject.at(&field[..depth]);
                return Err(expected(self.object(), node, "a mapping", &path));
            };
            match next.filter(|next| !next.is_null()) {
                Some(next) => node = next,
                None => return Ok(None),
            }
        }
        Ok(Some(node).filter(|node| !(node.is_map() && node.is_empty_collection())))
    }

    /// The value that the part inherits for an absent leaf.
    fn inherited(&self, proposal: &Proposal<'_>) -> Option<Node<'a>> {
        let path = below(
            proposal.subject.inherits.as_ref()?,
            proposal.field.iter().copied(),
        );
        let node = self.object().node.pointer(&path)?;
        (!(node.is_null() || node.is_map() && node.is_empty_collection())).then_some(node)
    }

    fn object(&self) -> &'a Resource<'a> {
        &self.resources[self.resource]
    }

    fn node_of(&self, subject: &Subject) -> Option<Node<'a>> {
        let object = self.object().node;
        match subject.node {
            Some(node) => Some(object.stream().node(node)),
            None => object.pointer(&subject.path),
        }
    }
}

/// Reads a quantity of an object.
///
/// # Errors
/// `FIT-INP003` if it is not a valid quantity.
pub fn read_quantity<'a>(
    resource: &Resource<'a>,
    node: Node<'a>,
    path: impl Fn() -> PointerBuf,
) -> Result<Quantity, Problem> {
    let field = || field_path(&path());
    if !node.is_scalar() {
        return Err(expected(resource, node, "a quantity", &path()));
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
    let text = || match value {
        Value::String(text) | Value::Quoted(text) => Some(text.as_str()),
        _ => None,
    };
    match meaning {
        Meaning::Literal => node.value().is_ok_and(|current| current == *value),
        Meaning::Quantity => {
            let current = Quantity::of_node(node).ok();
            current.is_some() && current == text().and_then(|text| text.parse().ok())
        }
        Meaning::Text => node.text().as_deref() == text(),
    }
}
