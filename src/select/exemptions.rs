//! Exemptions from fields and rules, with a reason, in the config or in an object's annotations.
//!
//! An exemption names leaves of the config, which are then not written or reported, or rules, whose findings are then
//! waived. Exempted leaves and rules are still evaluated, so that reports list what is waived and which exemptions are
//! unused.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use crate::config::{Exemption, SectionRow, Selector, Vocabulary, covers, leaf_of};
use crate::finding::{Finding, Part};
use crate::kubernetes::Date;
use crate::objects::{Container, Target};

/// An exemption as it applies to one object.
#[derive(Debug)]
pub struct AppliedExemption<'r> {
    /// Where it is defined.
    pub source: Source,
    /// The containers that it applies to, if not to all.
    container: Option<Only<'r>>,
    /// Leaves, as written.
    pub fields: Vec<Cow<'r, str>>,
    /// Rules.
    pub rules: Vec<Cow<'r, str>>,
    /// The reason.
    pub reason: String,
    /// The last day.
    pub until: Option<Date>,
    /// Whether it keeps a field from being written, or waives a finding.
    pub is_used: AtomicBool,
    /// The number of findings that it waives.
    pub waived: AtomicUsize,
}

/// Where an exemption is defined.
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
    /// An exemption of the config, for an object that it selects.
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
            is_used: AtomicBool::new(false),
            waived: AtomicUsize::new(0),
        }
    }

    /// An exemption in an annotation, for all containers or the one of this name.
    pub(super) fn of_author(
        container: Option<&str>,
        fields: Vec<Cow<'r, str>>,
        rules: Vec<Cow<'r, str>>,
    ) -> AppliedExemption<'r> {
        AppliedExemption {
            source: Source::Annotation,
            container: container.map(|name| Only::Named(name.to_owned())),
            fields,
            rules,
            reason: String::new(),
            until: None,
            is_used: AtomicBool::new(false),
            waived: AtomicUsize::new(0),
        }
    }

    /// Its fields and rules, as written.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().chain(&self.rules).map(AsRef::as_ref)
    }

    /// The container that an annotation names.
    pub fn container_name(&self) -> Option<&str> {
        match &self.container {
            Some(Only::Named(name)) => Some(name),
            _ => None,
        }
    }

    /// Whether it applies to the whole object, including all containers.
    pub fn is_for_whole_object(&self) -> bool {
        self.container.is_none()
    }

    /// Whether it applies to a container.
    pub fn is_for(&self, container: &Container<'_>) -> bool {
        match &self.container {
            None => true,
            Some(Only::Selected(selector)) => selector.matches_container(container),
            Some(Only::Named(name)) => *name == container.name,
        }
    }

    /// Whether it covers a finding: by its rule, or by the leaf that would fix it.
    pub fn covers(&self, finding: &Finding, target: &Target<'_>, vocabulary: &Vocabulary) -> bool {
        let part = &finding.part;
        let is_for_part = || match part {
            _ if self.is_for_whole_object() => true,
            Part::Container { name, .. } => {
                let mut containers = target.containers();
                containers.any(|container| *container.name == **name && self.is_for(container))
            }
            _ => false,
        };
        let leaf = finding.leaf.as_deref();
        let is_named = self.rules.iter().any(|it| it == finding.rule.id)
            || leaf.is_some_and(|leaf| self.names(leaf, vocabulary));
        is_named && is_for_part()
    }

    /// Whether it covers a leaf, including the section: `resources.limits.cpu`.
    pub fn names(&self, leaf: &str, vocabulary: &Vocabulary) -> bool {
        let Some((section, leaf)) = leaf.split_once('.') else {
            return false;
        };
        let section = vocabulary.section(section);
        section.is_some_and(|section| self.leaves_of(section).any(|path| covers(path, leaf)))
    }

    /// The paths in a section's `modes` that it covers.
    pub fn leaves_of<'w>(&'w self, section: &'static SectionRow) -> impl Iterator<Item = &'w str> {
        let fields = self.fields.iter();
        let fields = fields.filter_map(|field| leaf_of(field, section.name, section.mode_paths));
        let of_rules = section.rules.iter();
        let of_rules = of_rules.filter(|(rule, _)| self.rules.iter().any(|it| it == rule));
        fields.chain(of_rules.map(|(_, leaf)| *leaf))
    }
}
