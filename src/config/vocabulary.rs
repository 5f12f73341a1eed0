//! The sections and rules that a config can name. They are passed to the config, so that it does not depend on transformers
//! and checks.

use super::decode::Fault;
use super::exemption::leaf_of;
use super::section::Settings;
use super::sections::{check_merged, check_section};
use super::view::Layer;
use crate::rules::Rule;

/// What the config knows about a section.
#[derive(Debug)]
pub struct SectionRow {
    /// Its key in `spec` and in profiles, which is also the rule id of its changes.
    pub name: &'static str,
    /// See [`Settings::MODE_PATHS`].
    pub mode_paths: &'static [&'static str],
    /// See [`Settings::RULES`].
    pub rules: &'static [(&'static str, &'static str)],
    /// See [`Settings::MERGED_LISTS`].
    pub merged_lists: &'static [&'static str],
    /// Returns the faults of the section in one layer.
    pub(super) check: for<'a> fn(Layer<'a>, &'static str, bool) -> Vec<Fault<'a>>,
    /// Returns the faults of values that are valid in each layer, and contradict one another when the layers are merged.
    pub(super) check_merged: for<'a> fn(&[Layer<'a>], &[Layer<'a>], &'static str) -> Vec<Fault<'a>>,
}

impl SectionRow {
    /// The row of a section.
    #[must_use]
    pub const fn of<S: Settings>(name: &'static str) -> SectionRow {
        SectionRow {
            name,
            mode_paths: S::MODE_PATHS,
            rules: S::RULES,
            merged_lists: S::MERGED_LISTS,
            check: check_section::<S>,
            check_merged: check_merged::<S>,
        }
    }
}

/// The sections and rules that a config can name.
#[derive(Debug)]
pub struct Vocabulary {
    /// The sections, in the order in which they are applied.
    pub sections: &'static [SectionRow],
    /// The names of these sections.
    pub names: &'static [&'static str],
    /// The rules, by subject.
    pub rules: &'static [&'static [&'static [Rule]]],
}

impl Vocabulary {
    /// The section with a name.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&'static SectionRow> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// The faults of all sections in one layer.
    pub(super) fn check_sections<'a>(
        &self,
        layer: Layer<'a>,
        containers_only: bool,
    ) -> Vec<Fault<'a>> {
        let sections = self.sections.iter();
        sections
            .flat_map(|section| (section.check)(layer, section.name, containers_only))
            .collect()
    }

    /// The contradictions of all sections in merged layers, lowest first.
    pub(super) fn check_merged<'a>(
        &self,
        below: &[Layer<'a>],
        above: &[Layer<'a>],
    ) -> Vec<Fault<'a>> {
        let sections = self.sections.iter();
        sections
            .flat_map(|section| (section.check_merged)(below, above, section.name))
            .collect()
    }

    /// Whether a word of an exemption is a rule or a leaf of a section.
    pub fn knows(&self, word: &str) -> bool {
        match word.starts_with("FIT-") {
            true => self.rules().any(|rule| rule.id == word),
            false => {
                let mut sections = self.sections.iter();
                sections.any(|it| leaf_of(word, it.name, it.mode_paths).is_some())
            }
        }
    }

    /// Every rule.
    pub fn rules(&self) -> impl Iterator<Item = &'static Rule> + use<> {
        self.rules.iter().copied().flatten().copied().flatten()
    }
}
