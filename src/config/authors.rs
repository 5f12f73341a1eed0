//! `spec.authors`: which annotations of authors count.

use serde::Deserialize;

use super::exemption::leaf_of;
use super::modes::covers;
use super::vocabulary::{SectionRow, Vocabulary};
use crate::kubernetes::{Date, Glob};
use crate::problem::suggestion;

/// What the authors of manifests may opt out of with annotations. By default they may opt out of `resources`, `prometheus`
/// and `storage`, and not of `securityContext` or of rules. An annotation that does not count is reported as FIT-EXM006. An
/// author selects a profile with `fitout.dev/profile` only if the profile has `byAnnotation`.
///
/// ```yaml
/// authors:
///   skip: [prometheus, storage]
///   exempt: [resources, prometheus, storage, securityContext.runAsUser, FIT-PRB002]
///   reason: Always
///   until: "2027-12-31"
/// ```
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Authors {
    /// The sections that `fitout.dev/skip` can leave out. Defaults to `resources`, `prometheus` and `storage`.
    pub skip: Vec<String>,
    /// What `fitout.dev/exempt` can name: sections with all their fields, fields such as `securityContext.runAsUser`, and
    /// rules such as `FIT-PRB002`, with `*` and `?`. Defaults to `resources`, `prometheus` and `storage`.
    pub exempt: Vec<String>,
    /// Which annotations need a reason of at least ten visible characters, in `fitout.dev/exempt-reason` and
    /// `fitout.dev/skip-reason`. Without it they do not count.
    pub reason: NeedsReason,
    /// The last day on which these annotations count. An earlier `fitout.dev/exempt-until` still applies.
    pub until: Option<Date>,
}

/// The annotations that need a reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum NeedsReason {
    /// `fitout.dev/exempt`.
    #[default]
    Exempt,
    /// `fitout.dev/exempt` and `fitout.dev/skip`.
    Always,
    /// None.
    Never,
}

impl Default for Authors {
    fn default() -> Authors {
        let sections = || {
            ["resources", "prometheus", "storage"]
                .map(str::to_owned)
                .to_vec()
        };
        Authors {
            skip: sections(),
            exempt: sections(),
            reason: NeedsReason::default(),
            until: None,
        }
    }
}

impl Authors {
    /// Whether an author can leave out a section.
    pub fn may_skip(&self, section: &str) -> bool {
        self.skip.iter().any(|it| it == section)
    }

    /// Whether an author can exempt an object from a rule.
    pub fn may_waive(&self, rule: &str) -> bool {
        let rules = self.exempt.iter().filter(|word| is_rule(word));
        rules
            .into_iter()
            .any(|word| Glob::from(word.clone()).matches(rule))
    }

    /// Whether an author can exempt an object from a field of a section, with all fields below it.
    pub fn may_exempt(&self, section: &SectionRow, leaf: &str) -> bool {
        let fields = self.exempt.iter().filter(|word| !is_rule(word));
        fields.into_iter().any(|word| {
            let field = leaf_of(word, section.name, section.mode_paths);
            word == section.name || field.is_some_and(|field| covers(field, leaf))
        })
    }

    /// The first unknown word: its key below `authors`, the message, and the help.
    pub(super) fn unknown_word(
        &self,
        vocabulary: &Vocabulary,
    ) -> Option<(&'static str, String, Option<String>)> {
        let names = vocabulary.names;
        let is_section = |word: &String| names.contains(&word.as_str());
        if let Some(word) = self.skip.iter().find(|word| !is_section(word)) {
            let help = suggestion(word, names.iter().copied());
            return Some(("skip", format!("there is no section `{word}`"), help));
        }
        let rules = || vocabulary.rules().map(|rule| rule.id);
        let is_known = |word: &String| match is_rule(word) {
            true => rules().any(|rule| Glob::from(word.clone()).matches(rule)),
            false => is_section(word) || vocabulary.knows(word),
        };
        let word = self.exempt.iter().find(|word| !is_known(word))?;
        let help = match is_rule(word) {
            true => suggestion(word, rules()),
            false => suggestion(word, names.iter().copied()),
        };
        let message = format!("`{word}` is neither a section, nor a field of one, nor a rule");
        Some(("exempt", message, help))
    }
}

/// Whether a word of an exemption is the id of a rule, or a pattern of ids.
pub fn is_rule(word: &str) -> bool {
    word.starts_with("FIT-")
}
