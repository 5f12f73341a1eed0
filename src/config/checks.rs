//! `spec.checks`: which rules are checked, and how severe their findings are.

use std::collections::BTreeMap;

use kustomize_krm_types::Severity;
use serde::Deserialize;

use super::vocabulary::Vocabulary;
use crate::hashing::HashMap;
use crate::kubernetes::{Glob, Level, Version};
use crate::problem::suggestion;
use crate::rules::{Rule, When};

/// The settings of the checks.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Checks {
    /// The Pod Security level that pods must meet. Defaults to `securityContext.profile`. The labels of a Namespace in the
    /// input can require a stricter level.
    pub profile: Option<Level>,
    /// The namespaces, with `*` and `?`, whose labels in the input can also require a less strict level than `profile`.
    pub namespaces_may_lower: Vec<Glob>,
    /// The version of the Pod Security Standards, `"1.34"` or `latest`. Defaults to `securityContext.version`, then
    /// `kubernetesVersion`, then the latest.
    pub version: Option<Version>,
    /// Report every field whose value differs from the config's, also those that the manifest sets, as FIT-RUN003. The same as
    /// `fitout check --exact`.
    pub exact: bool,
    /// Whether the input is all that the cluster will have, for references to objects that are not in it.
    pub references: InputScope,
    /// Files and folders with CustomResourceDefinitions. Objects of their kinds are checked as if the definitions were in the
    /// input. The paths are relative to the file of the config, with `-k` to the folder of the kustomization. Only `fitout
    /// check` reads them: a KRM function has no files, and notes what it leaves out.
    pub definitions: Vec<String>,
    /// The lowest severity that fails the check.
    pub fail_on: FailOn,
    /// Severities that replace those of the rules, by rule id.
    pub severity: BTreeMap<String, RuleSeverity>,
    /// Ids of rules, with `*` and `?`: only these are checked. Defaults to all.
    pub only: Vec<Glob>,
    /// Ids of rules that are not checked.
    pub disable: Vec<String>,
    /// The severities that differ from those of the rules; `None` for a rule that is not checked.
    #[serde(skip)]
    differing: HashMap<&'static str, Option<RuleSeverity>>,
    /// The lowest severity that can fail the run, if nothing else is read. Set by the caller, not by a config.
    #[serde(skip)]
    pub read_from: Option<Severity>,
}

/// What the input is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum InputScope {
    /// A part: what is not in it may be in the cluster. A name is a warning if the input has nearly that name, else a note.
    #[default]
    Open,
    /// The whole, except for what every cluster has: what is not in it is an error.
    Closed,
}

/// The findings that fail a check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum FailOn {
    /// Findings of severity error.
    #[default]
    Error,
    /// Errors and warnings.
    Warning,
    /// No findings.
    Never,
}

impl FailOn {
    /// The lowest severity that can fail the check.
    pub fn lowest(self) -> Severity {
        match self {
            FailOn::Warning => Severity::Warning,
            FailOn::Error | FailOn::Never => Severity::Error,
        }
    }

    /// Whether these numbers of errors and warnings fail.
    pub fn fails(self, errors: usize, warnings: usize) -> bool {
        match self {
            FailOn::Error => errors > 0,
            FailOn::Warning => errors + warnings > 0,
            FailOn::Never => false,
        }
    }
}

/// The severity of a rule's findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum RuleSeverity {
    /// Fails the run.
    Error,
    /// Reported.
    Warning,
    /// Reported with `--verbose`.
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
    /// Whether the labels of a Namespace can require a less strict level.
    pub fn may_lower(&self, namespace: &str) -> bool {
        let mut patterns = self.namespaces_may_lower.iter();
        patterns.any(|pattern| pattern.matches(namespace))
    }

    /// Whether a rule runs on check; one on request does if the config names it.
    pub fn runs(&self, rule: &Rule) -> bool {
        let is_requested = || {
            self.severity.contains_key(rule.id) || self.only.iter().any(|it| it.as_str() == rule.id)
        };
        self.severity_of(rule.id, rule.severity).is_some()
            && (rule.when != When::OnRequest || is_requested())
    }

    /// Indexes the rules that the config names.
    pub(super) fn index(&mut self, vocabulary: &Vocabulary) {
        let left = vocabulary.rules().filter_map(|rule| {
            let is_chosen = self.only.is_empty() || self.only.iter().any(|it| it.matches(rule.id));
            let is_disabled = !is_chosen || self.disable.iter().any(|id| id == rule.id);
            let severity = self.severity.get(rule.id).copied();
            (is_disabled || severity.is_some())
                .then(|| (rule.id, severity.filter(|_| !is_disabled)))
        });
        self.differing = left.collect();
    }

    /// The severity that this config gives a finding; `None` if its rule is disabled.
    pub fn severity_of(&self, id: &str, own: Severity) -> Option<Severity> {
        match self.differing.get(id) {
            None => Some(own),
            Some(severity) => severity.map(Into::into),
        }
    }

    /// The first unknown rule that the config names: the key below `checks`, the message, and the help.
    pub(super) fn unknown_rule(
        &self,
        vocabulary: &Vocabulary,
    ) -> Option<(&'static str, String, Option<String>)> {
        let named = self.severity.keys().map(|id| ("severity", id));
        let mut named = named.chain(self.disable.iter().map(|id| ("disable", id)));
        let of_nothing = |it: &&Glob| !vocabulary.rules().any(|rule| it.matches(rule.id));
        let pattern = || Some(("only", self.only.iter().find(of_nothing)?.as_str()));
        let (key, id) = named
            .find(|(_, id)| !vocabulary.rules().any(|rule| rule.id == *id))
            .map(|(key, id)| (key, id.as_str()))
            .or_else(pattern)?;
        let help = suggestion(id, vocabulary.rules().map(|rule| rule.id));
        Some((key, format!("there is no rule `{id}`"), help))
    }
}
