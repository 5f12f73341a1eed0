//! Edits are data: the one way to change anything.
//!
//! A transformer asks for a state ("this leaf shall be that") and never for text. [`Edits`] compares
//! meaning, applies the mode, drops what is already so, and keeps for each [`Change`] who decided,
//! which field, and its current and proposed value. Plans, diffs, results and reports are views of
//! that list; [`crate::write`] turns it into text.

use std::fmt;
use std::sync::Arc;

use jsonptr::{Pointer, PointerBuf};
use kustomize_krm_types::Severity;

use crate::config::{Decision, Mode};
use crate::problem::Problem;
use crate::quantity::Quantity;
use crate::read::Resource;
use crate::select::{Claim, Container, ContainerType, Date, OnChange, Template, below, expected};
use crate::yaml::{Node, Scalar, Value};

/// What part of an object a change or finding is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The object itself.
    Object,
    /// The pods that its template makes.
    Pod,
    /// One container of them.
    Container {
        /// The container's name.
        name: String,
        /// Ordinary, init, sidecar or ephemeral.
        container_type: ContainerType,
    },
    /// One of its claims.
    Claim {
        /// The name of the claim, its template or its volume.
        name: String,
    },
}

/// A part of an object and where it lies, from which the fields below are addressed.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What a person calls it.
    pub part: Part,
    /// Its path in the object.
    pub path: PointerBuf,
    /// What a change here does to what runs.
    pub on_change: OnChange,
    /// Where its author may have set what it inherits.
    pub inherits: Option<PointerBuf>,
}

impl Subject {
    /// The pods of a template; fields are addressed from the pod spec.
    pub fn pod(template: &Template<'_>) -> Subject {
        Subject {
            part: Part::Pod,
            path: template.spec_path.clone(),
            on_change: template.on_change,
            inherits: None,
        }
    }

    /// The metadata of a template's pods.
    pub fn pod_metadata(template: &Template<'_>) -> Subject {
        Subject {
            part: Part::Pod,
            path: below(&template.path, ["metadata"]),
            on_change: template.on_change,
            inherits: None,
        }
    }

    /// A container.
    pub fn container(template: &Template<'_>, container: &Container<'_>) -> Subject {
        let part = Part::Container {
            name: container.name.to_string(),
            container_type: container.container_type,
        };
        Subject {
            part,
            path: container.path.clone(),
            on_change: template.on_change,
            inherits: container.inherits.as_ref().map(|(path, _)| path.clone()),
        }
    }

    /// A claim.
    pub fn claim(claim: &Claim<'_>) -> Subject {
        Subject {
            part: Part::Claim {
                name: claim.name.to_string(),
            },
            path: claim.path.clone(),
            on_change: OnChange::Nothing,
            inherits: None,
        }
    }

    /// The object itself.
    pub fn object() -> Subject {
        Subject {
            part: Part::Object,
            path: PointerBuf::new(),
            on_change: OnChange::Nothing,
            inherits: None,
        }
    }

    /// The path in the object of a field of this part.
    pub fn at(&self, field: &[&str]) -> PointerBuf {
        let mut path = self.path.clone();
        for token in field {
            path.push_back(*token);
        }
        path
    }
}

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
    pub subject: &'p Subject,
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

/// One leaf that changes: everything that anybody may ask about it later.
#[derive(Clone, Debug)]
pub struct Change {
    /// The rule: the section of the config.
    pub rule: &'static str,
    /// Index of the object among those that are fitted together.
    pub resource: usize,
    /// The part of the object, for people.
    pub subject: Subject,
    /// The leaf's path in the object. Its last token is the index that an appended item will have.
    pub pointer: PointerBuf,
    /// The leaf is a new item at the end of its list.
    pub appends: bool,
    /// The value now; `None` when there is none.
    pub current: Option<Value>,
    /// The value that it gets; `None` when it is deleted, with the maps that this empties.
    pub proposed: Option<Value>,
    /// Who decided, and the mode.
    pub decision: Arc<Decision>,
    /// Why the value is not simply the configured one.
    pub note: Option<String>,
    /// The API server refuses this change on an object that exists already.
    pub immutable: bool,
}

/// Something that a person should know, which is not a change.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule id, such as `FIT-SEC004`.
    pub id: &'static str,
    /// An error fails the run.
    pub severity: Severity,
    /// What is so, in one sentence.
    pub message: String,
    /// Index of the object; `None` for a finding about the config.
    pub resource: Option<usize>,
    /// The part of the object.
    pub part: Part,
    /// The field in it; `None` when the whole part is meant.
    pub pointer: Option<PointerBuf>,
    /// The value now.
    pub current: Option<Value>,
    /// The value that would mend it.
    pub proposed: Option<Value>,
    /// The config that the finding is about or comes from.
    pub decision: Option<Arc<Decision>>,
    /// How to mend it.
    pub help: Option<String>,
    /// It tells of a leaf that is not written, because it is only checked or exempt.
    pub is_of_leaf: bool,
    /// The leaf of the config that would mend it, as exemptions name it: whoever is exempt from the one is from both.
    pub leaf: Option<String>,
    /// The Pod Security Standards' own words for it.
    pub psa: Option<String>,
}

/// Something that an exemption keeps from being written or found.
#[derive(Clone, Debug)]
pub struct Waived {
    /// What would be found without it.
    pub finding: Finding,
    /// Why it is exempt.
    pub reason: String,
    /// Until when.
    pub until: Option<Date>,
}

impl Finding {
    /// A finding about a whole part of the object that is being fitted.
    pub fn new(id: &'static str, severity: Severity, message: impl Into<String>) -> Finding {
        Finding {
            id,
            severity,
            message: message.into(),
            resource: None,
            part: Part::Object,
            pointer: None,
            current: None,
            proposed: None,
            decision: None,
            help: None,
            is_of_leaf: false,
            leaf: None,
            psa: None,
        }
    }

    /// Adds the object, by its index.
    #[must_use]
    pub fn of(mut self, resource: usize) -> Finding {
        self.resource = Some(resource);
        self
    }

    /// Adds the part and its field.
    #[must_use]
    pub fn about(mut self, subject: &Subject, field: &[&str]) -> Finding {
        self.part = subject.part.clone();
        self.pointer = Some(subject.at(field));
        self
    }

    /// Adds the value that the field has.
    #[must_use]
    pub fn current(mut self, current: Option<Value>) -> Finding {
        self.current = current;
        self
    }

    /// Adds the value that would mend it.
    #[must_use]
    pub fn proposed(mut self, proposed: impl Into<Value>) -> Finding {
        self.proposed = Some(proposed.into());
        self
    }

    /// Adds the config that it comes from.
    #[must_use]
    pub fn decided_by(mut self, decision: Arc<Decision>) -> Finding {
        self.decision = Some(decision);
        self
    }

    /// Adds the leaf of the config that would mend it.
    #[must_use]
    pub fn leaf(mut self, leaf: impl Into<String>) -> Finding {
        self.leaf = Some(leaf.into());
        self
    }

    /// Adds the Pod Security Standards' own words.
    #[must_use]
    pub fn psa(mut self, words: String) -> Finding {
        self.psa = Some(words);
        self
    }

    /// Adds the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Finding {
        self.help = Some(help.into());
        self
    }
}

/// Collects what transformers ask for, object by object.
#[derive(Debug)]
pub struct Edits<'a> {
    resources: &'a [Resource<'a>],
    resource: usize,
    rule: &'static str,
    first_of_resource: usize,
    /// The parts of the object that were asked about, and their nodes: each has several leaves.
    parts: Vec<(PointerBuf, Node<'a>)>,
    /// The edits, in the order in which they were asked for.
    pub changes: Vec<Change>,
    /// What else there is to say.
    pub findings: Vec<Finding>,
    /// How many leaves were right already.
    pub same: usize,
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
                return Ok(Answer::Same);
            }
            if matches!(proposal.decision.mode, Mode::Ensure | Mode::Check) {
                return Ok(Answer::Kept(node));
            }
        } else if proposal.decision.mode == Mode::Bound {
            return Ok(Answer::Off);
        }
        if let Some(inherited) = self.inherited(&proposal).filter(|_| present.is_none()) {
            if means(inherited, &proposal.value, proposal.meaning) {
                self.same += 1;
                return Ok(Answer::Same);
            }
            if matches!(proposal.decision.mode, Mode::Ensure | Mode::Check) {
                return Ok(Answer::Kept(inherited));
            }
        }
        let pointer = proposal.subject.at(proposal.field);
        self.push(proposal, pointer, present, false);
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
            pointer: proposal.subject.at(proposal.field),
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
        let pointer = proposal.subject.at(proposal.field);
        self.push(proposal, pointer, present, false);
        Ok(())
    }

    /// Asks for a new item at the end of a list; `field` is the list's path. Whether the item is
    /// wanted is the caller's to decide, because only it knows what makes two items the same.
    ///
    /// # Errors
    /// `FIT-INP003` when the list is something else.
    pub fn append(&mut self, proposal: Proposal<'_>) -> Result<(), Problem> {
        let mut pointer = proposal.subject.at(proposal.field);
        let list = self.present(proposal.subject, proposal.field)?;
        if let Some(node) = list.filter(|node| !node.is_sequence()) {
            return Err(expected(
                &self.resources[self.resource],
                node,
                "a list",
                &pointer,
            ));
        }
        let already = self.changes[self.first_of_resource..].iter();
        let appended = already
            .filter(|change| change.appends && change.pointer.parent() == Some(&pointer))
            .count();
        let index = list.map_or(0, |list| list.items().count()) + appended;
        pointer.push_back(index);
        self.push(proposal, pointer, None, true);
        Ok(())
    }

    /// The edits so far of the object in hand.
    pub fn of_object(&self) -> &[Change] {
        &self.changes[self.first_of_resource..]
    }

    /// How many edits there are; see [`Edits::sort_names`].
    pub fn count(&self) -> usize {
        self.changes.len()
    }

    /// Sorts the leaves of each mapping called `mapping` by name, as the API server prints them, among the edits from
    /// `since` on. They come nearly sorted, so each is compared with its neighbours.
    pub fn sort_names(&mut self, since: usize, mapping: &str) {
        let split = |change: &'_ Change| change.pointer.as_str().rfind(mapping);
        for index in since..self.changes.len() {
            let Some(own) = split(&self.changes[index]) else {
                continue;
            };
            let pointer = self.changes[index].pointer.as_str();
            let mut place = index;
            for before in (since..index).rev() {
                let other = &self.changes[before];
                let text = other.pointer.as_str();
                if split(other) != Some(own) || text[..own] != pointer[..own] {
                    continue;
                }
                if text <= pointer {
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

    /// Adds a finding about the object in hand.
    pub fn find(&mut self, mut finding: Finding) {
        finding.resource = Some(self.resource);
        self.findings.push(finding);
    }

    /// Of what was planned as if everything were written: what is not, because it is only checked or exempt.
    ///
    /// `written` is what was planned in earnest. A leaf that only the other plan has is one that an exemption made
    /// superfluous, which `waiver_of` knows by the leaf's name.
    pub fn not_written(
        self,
        written: &[Change],
        waiver_of: impl Fn(&str) -> Option<usize>,
    ) -> impl Iterator<Item = Finding> {
        let is_left =
            |decision: &Decision| decision.mode == Mode::Check || decision.waiver.is_some();
        let changes = self.changes.into_iter().filter_map(move |mut change| {
            if !is_left(&change.decision) {
                let is_same = |it: &Change| match change.appends {
                    // An item has another index where items before it are missing.
                    true => it.appends && it.proposed == change.proposed,
                    false => it.pointer == change.pointer,
                };
                let is_written = written.iter().any(is_same);
                let waiver = waiver_of(&change.decision.leaf).filter(|_| !is_written)?;
                Arc::make_mut(&mut change.decision).waiver = Some(waiver);
            }
            Some(change.as_finding())
        });
        let findings = self.findings.into_iter();
        let of_leaf =
            findings.filter(move |finding| finding.decision.as_deref().is_some_and(is_left));
        changes.chain(of_leaf.map(|finding| Finding {
            is_of_leaf: true,
            ..finding
        }))
    }

    fn push(
        &mut self,
        proposal: Proposal<'_>,
        pointer: PointerBuf,
        present: Option<Node<'a>>,
        appends: bool,
    ) {
        self.changes.push(Change {
            rule: self.rule,
            resource: self.resource,
            subject: proposal.subject.clone(),
            pointer,
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
    fn present(&mut self, subject: &Subject, field: &[&str]) -> Result<Option<Node<'a>>, Problem> {
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

    fn node_of(&mut self, subject: &Subject) -> Option<Node<'a>> {
        if let Some((_, node)) = self.parts.iter().find(|(path, _)| *path == subject.path) {
            return Some(*node);
        }
        let node = self.resources[self.resource].node.pointer(&subject.path)?;
        self.parts.push((subject.path.clone(), node));
        Some(node)
    }
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

/// A path as people write it: `spec.containers[0].image`, `metadata.annotations["prometheus.io/port"]`.
pub fn field_path(pointer: &Pointer) -> String {
    let mut path = String::with_capacity(pointer.as_str().len() + 8);
    for token in pointer.tokens() {
        let token = token.decoded();
        let (mut is_number, mut is_name) = (!token.is_empty(), !token.is_empty());
        for byte in token.bytes() {
            is_number &= byte.is_ascii_digit();
            is_name &= byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        }
        let (before, after) = match (is_number, is_name) {
            (true, _) => ("[", "]"),
            (_, true) if path.is_empty() => ("", ""),
            (_, true) => (".", ""),
            _ => ("[\"", "\"]"),
        };
        path.push_str(before);
        path.push_str(&token);
        path.push_str(after);
    }
    path
}

impl Change {
    /// The leaf's path below its part: `resources.limits.memory`.
    pub fn short_path(&self) -> String {
        let below = self
            .pointer
            .strip_prefix(&self.subject.path)
            .unwrap_or(&self.pointer);
        field_path(below)
    }

    /// The same as a warning, for what is checked or exempt and not written.
    pub fn as_finding(&self) -> Finding {
        let (part, path) = (&self.subject.part, self.short_path());
        let message = match (&self.current, &self.proposed, path.rsplit_once('[')) {
            (_, None, _) => format!("{part}: {path} is set; expected nothing"),
            (_, Some(wanted), Some((list, _))) if self.appends => {
                format!("{part}: {list} lacks {}", Plain(wanted))
            }
            (Some(current), Some(wanted), _) => {
                format!(
                    "{part}: {path} is {}, not {}",
                    Plain(current),
                    Plain(wanted)
                )
            }
            (None, Some(wanted), _) => {
                format!("{part}: {path} is not set; expected {}", Plain(wanted))
            }
        };
        Finding {
            part: part.clone(),
            pointer: Some(self.pointer.clone()),
            current: self.current.clone(),
            proposed: self.proposed.clone(),
            resource: Some(self.resource),
            decision: Some(Arc::clone(&self.decision)),
            help: Some("set it in the manifest, or let the mode Ensure do it".to_owned()),
            is_of_leaf: true,
            ..Finding::new(self.rule, Severity::Warning, message)
        }
    }
}

impl Part {
    /// What a person calls it, in pieces.
    pub fn words(&self) -> [&str; 3] {
        match self {
            Part::Object => ["object", "", ""],
            Part::Pod => ["pod", "", ""],
            Part::Container {
                name,
                container_type,
            } => match container_type {
                ContainerType::Container => ["container \"", name, "\""],
                ContainerType::Init => ["init container \"", name, "\""],
                ContainerType::Sidecar => ["sidecar \"", name, "\""],
                ContainerType::Ephemeral => ["ephemeral container \"", name, "\""],
            },
            Part::Claim { name } => ["claim \"", name, "\""],
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = self.words().into_iter();
        words.try_for_each(|word| f.write_str(word))
    }
}

impl fmt::Display for Change {
    /// One sentence: the part, the field, both values, and who decided.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.subject.part)?;
        let path = self.short_path();
        match (&self.proposed, path.rsplit_once('[')) {
            (None, _) => write!(f, "removed {path}")?,
            (Some(value), Some((list, _))) if self.appends => {
                write!(f, "added {} to {list}", Plain(value))?
            }
            (Some(value), _) => write!(f, "set {path} to {}", Plain(value))?,
        }
        match &self.decision.profile {
            Some(profile) => write!(f, " (profile {profile})")?,
            None if self.decision.is_default => write!(f, " (default of {})", self.decision.field)?,
            None => write!(f, " ({})", self.decision.field)?,
        }
        match &self.current {
            Some(current) => write!(f, "; it was {}", Plain(current))?,
            None if self.appends => {}
            None => write!(f, "; it was not set")?,
        }
        match &self.note {
            Some(note) => write!(f, "; {note}"),
            None => Ok(()),
        }
    }
}

/// A value as a sentence holds it: texts without quotes, unless they would not be seen.
pub struct Plain<'v>(pub &'v Value);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::String(text) | Value::Quoted(text) if !text.trim().is_empty() => {
                f.write_str(text)
            }
            other => other.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_as_people_write_them() {
        let path = |text: &'static str| field_path(Pointer::from_static(text));
        assert_eq!(
            path("/spec/containers/0/resources/limits/cpu"),
            "spec.containers[0].resources.limits.cpu"
        );
        assert_eq!(
            path("/metadata/annotations/prometheus.io~1port"),
            "metadata.annotations[\"prometheus.io/port\"]"
        );
    }
}
