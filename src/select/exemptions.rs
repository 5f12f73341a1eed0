//! Exemptions: what stays as it is for a reason, by the config or by the object's author.
//!
//! An exemption names leaves of the config, which are then neither written nor complained of, or rules, of which
//! nothing is then found. It is evaluated all the same, so that a report says what it waives, and that it waives nothing.

use std::borrow::Cow;
use std::cell::Cell;

use crate::config::{Exemption, SectionRow, Selector, Vocabulary, covers, leaf_of};
use crate::finding::{Finding, Part};
use crate::kubernetes::Date;
use crate::objects::{Container, Target};

/// The annotation that exempts an object: leaves and rules, each for one container as `<container>:<leaf>`.
pub const EXEMPT: &str = "fitout.dev/exempt";
/// The annotation that says why; there is no exemption without it.
pub const EXEMPT_REASON: &str = "fitout.dev/exempt-reason";
/// The annotation that says until when.
pub const EXEMPT_UNTIL: &str = "fitout.dev/exempt-until";

/// An exemption as it applies to one object.
#[derive(Debug)]
pub struct AppliedExemption<'r> {
    /// Where it stands.
    pub source: Source,
    /// The containers that it is for, if only for some.
    container: Option<Only<'r>>,
    /// Leaves, as they were written.
    pub fields: Vec<Cow<'r, str>>,
    /// Rules.
    pub rules: Vec<Cow<'r, str>>,
    /// Why.
    pub reason: String,
    /// Until when.
    pub until: Option<Date>,
    /// Something would have been written or found without it.
    pub is_used: Cell<bool>,
}

/// Where an exemption stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// In the config: its index in `spec.exemptions`.
    Config(usize),
    /// On the object.
    Annotation,
}

#[derive(Debug)]
enum Only<'r> {
    Selected(&'r Selector),
    Named(String),
}

impl<'r> AppliedExemption<'r> {
    /// The config's exemption `index`, for an object that it selects.
    pub fn of_config(index: usize, exemption: &'r Exemption) -> AppliedExemption<'r> {
        let selects_containers = exemption.select.containers.is_some();
        let borrowed =
            |texts: &'r [String]| texts.iter().map(|it| Cow::from(it.as_str())).collect();
        AppliedExemption {
            source: Source::Config(index),
            container: selects_containers.then_some(Only::Selected(&exemption.select)),
            fields: borrowed(&exemption.fields),
            rules: borrowed(&exemption.rules),
            reason: exemption.reason.clone(),
            until: exemption.until.clone(),
            is_used: Cell::new(false),
        }
    }

    /// What the annotations of an object, or else of its template, exempt: one exemption for each word.
    pub(super) fn of_annotations(target: &Target<'_>) -> Vec<AppliedExemption<'r>> {
        let annotation = |name: &str| target.annotation(name);
        let Some(words) = annotation(EXEMPT) else {
            return Vec::new();
        };
        let reason = annotation(EXEMPT_REASON)
            .unwrap_or_default()
            .trim()
            .to_owned();
        let until = annotation(EXEMPT_UNTIL).and_then(|day| Date::parse(&day));
        let words = words
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty());
        let exemption = |word: &str| {
            let (container, word) = match word.split_once(':') {
                Some((container, word)) => (Some(Only::Named(container.to_owned())), word),
                None => (None, word),
            };
            let word = Cow::from(word.to_owned());
            let (rules, fields) = if word.starts_with("FIT-") {
                (vec![word], Vec::new())
            } else {
                (Vec::new(), vec![word])
            };
            AppliedExemption {
                source: Source::Annotation,
                container,
                fields,
                rules,
                reason: reason.clone(),
                until: until.clone(),
                is_used: Cell::new(false),
            }
        };
        words.map(exemption).collect()
    }

    /// Everything that it names, as it was written.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().chain(&self.rules).map(AsRef::as_ref)
    }

    /// Whether it is for the object's own fields, and so for all its containers.
    pub fn is_for_whole_object(&self) -> bool {
        self.container.is_none()
    }

    /// Whether it is for a container.
    pub fn is_for(&self, container: &Container<'_>) -> bool {
        match &self.container {
            None => true,
            Some(Only::Selected(selector)) => selector.matches_container(container),
            Some(Only::Named(name)) => *name == container.name,
        }
    }

    /// Whether it covers what was found in a part of an object: by the rule, or by the leaf that would mend it.
    pub fn covers(&self, finding: &Finding, target: &Target<'_>, vocabulary: &Vocabulary) -> bool {
        let part = &finding.part;
        let is_for_part = || match part {
            _ if self.is_for_whole_object() => true,
            Part::Container { name, .. } => {
                let mut containers = target.containers();
                containers.any(|container| container.name == *name && self.is_for(container))
            }
            _ => false,
        };
        let leaf = finding.leaf.as_deref();
        let is_named = self.rules.iter().any(|it| it == finding.rule.id)
            || leaf.is_some_and(|leaf| self.names(leaf, vocabulary));
        is_named && is_for_part()
    }

    /// Whether it names a leaf, given with its section: `resources.limits.cpu`.
    pub fn names(&self, leaf: &str, vocabulary: &Vocabulary) -> bool {
        let Some((section, leaf)) = leaf.split_once('.') else {
            return false;
        };
        let section = vocabulary.section(section);
        section.is_some_and(|section| self.leaves_of(section).any(|path| covers(path, leaf)))
    }

    /// The leaves of a section that it covers, by their paths as `modes` has them.
    pub fn leaves_of<'w>(&'w self, section: &'static SectionRow) -> impl Iterator<Item = &'w str> {
        let fields = self.fields.iter();
        let fields = fields.filter_map(|field| leaf_of(field, section.name, section.mode_paths));
        let of_rules = section.rules.iter();
        let of_rules = of_rules.filter(|(rule, _)| self.rules.iter().any(|it| it == rule));
        fields.chain(of_rules.map(|(_, leaf)| *leaf))
    }
}
