//! `spec.checks`: what is asked of the result, and what an answer is worth.

use std::collections::BTreeMap;

use kustomize_krm_types::Severity;
use serde::Deserialize;

use super::vocabulary::Vocabulary;
use crate::kubernetes::{Level, Version};
use crate::problem::suggestion;

/// What is asked of the result when it is judged, and what an answer is worth.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Checks {
    /// The Pod Security level that pods must meet where no Namespace in the input says it; by default
    /// `securityContext.profile`.
    pub profile: Option<Level>,
    /// The version of the Pod Security Standards, `"1.34"` or `latest`; by default `securityContext.version`, else
    /// `kubernetesVersion`, else the newest.
    pub version: Option<Version>,
    /// What fails a judgement.
    pub fail_on: FailOn,
    /// Other severities than the rules' own, by rule id.
    pub severity: BTreeMap<String, RuleSeverity>,
    /// Rules that are not asked about.
    pub disable: Vec<String>,
}

/// What fails a judgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum FailOn {
    /// Findings of severity error.
    #[default]
    Error,
    /// Errors and warnings.
    Warning,
    /// Nothing.
    Never,
}

impl FailOn {
    /// Whether so many errors and warnings fail.
    pub fn fails(self, errors: usize, warnings: usize) -> bool {
        match self {
            FailOn::Error => errors > 0,
            FailOn::Warning => errors + warnings > 0,
            FailOn::Never => false,
        }
    }
}

/// What breaking a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum RuleSeverity {
    /// Fails the run.
    Error,
    /// Is told.
    Warning,
    /// Is told on demand.
    Info,
}

impl From<RuleSeverity> for Severity {
    fn from(severity: RuleSeverity) -> Severity {
        match severity {
            RuleSeverity::Error => Severity::Error,
            RuleSeverity::Warning => Severity::Warning,
            RuleSeverity::Info => Severity::Info,
        }
    }
}

impl Checks {
    /// The severity of a finding by this config; `None` when nobody asks about it.
    pub fn severity_of(&self, id: &str, own: Severity) -> Option<Severity> {
        if self.disable.iter().any(|disabled| disabled == id) {
            return None;
        }
        let configured = self.severity.get(id);
        Some(configured.map_or(own, |severity| (*severity).into()))
    }

    /// The first rule that the config names and nobody knows: the key below `checks`, and what is wrong.
    pub(super) fn unknown_rule(
        &self,
        vocabulary: &Vocabulary,
    ) -> Option<(&'static str, String, Option<String>)> {
        let named = self.severity.keys().map(|id| ("severity", id));
        let mut named = named.chain(self.disable.iter().map(|id| ("disable", id)));
        let (key, id) = named.find(|(_, id)| !vocabulary.rules().any(|rule| rule.id == *id))?;
        let help = suggestion(id, vocabulary.rules().map(|rule| rule.id));
        Some((key, format!("there is no rule `{id}`"), help))
    }
}
