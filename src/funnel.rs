//! The funnel: every finding goes through it, and severity, disabling, exemptions and duplicates are applied here, once.

use std::collections::HashSet;

use kustomize_krm_types::Severity;

use crate::config::Config;
use crate::finding::{Exempted, Finding, Subject};
use crate::rules::{Rule, When, rule};
use crate::select::{EXEMPT, Exemption, ExemptionSource, Selection};

/// What the funnel itself finds.
pub const RULES: &[Rule] = &[UNUSED];

const UNUSED: Rule = rule(
    "FIT-EXM003",
    Severity::Warning,
    "an exemption that covers nothing",
);

/// Collects findings.
#[derive(Debug)]
pub struct Funnel<'c> {
    config: &'c Config<'c>,
    findings: Vec<Finding>,
}

/// What comes out of it.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What is found.
    pub findings: Vec<Finding>,
    /// What exemptions keep from being written or found.
    pub exempted: Vec<Exempted>,
}

impl<'c> Funnel<'c> {
    /// An empty one.
    pub fn new(config: &'c Config<'c>) -> Funnel<'c> {
        Funnel {
            config,
            findings: Vec::new(),
        }
    }

    /// Whether a rule is asked about: it is not disabled, and has its time.
    pub fn asks(&self, rule: &Rule) -> bool {
        let is_due = rule.when == When::Always || self.config.judges;
        is_due && self.severity_of(rule, rule.severity).is_some()
    }

    /// The severity of a finding by the config; `None` when its rule is disabled.
    pub fn severity_of(&self, rule: &Rule, own: Severity) -> Option<Severity> {
        self.config.checks.severity_of(rule.id, own)
    }

    /// Takes findings in.
    pub fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.findings.extend(findings);
    }

    /// What is left of everything that was found.
    pub fn finish(mut self, selection: &Selection<'_, '_>) -> Verdict {
        let mut verdict = Verdict::default();
        let mut seen = HashSet::new();
        for mut finding in std::mem::take(&mut self.findings) {
            let Some(severity) = self.severity_of(finding.rule, finding.severity) else {
                continue;
            };
            let place = (finding.rule.id, finding.resource, finding.pointer.clone());
            // Several findings without a field are about different things.
            if !self.asks(finding.rule) || finding.pointer.is_some() && !seen.insert(place) {
                continue;
            }
            match exemption_of(&finding, selection, self.config) {
                None => {
                    finding.severity = severity;
                    verdict.findings.push(finding);
                }
                Some(exemption) => {
                    exemption.is_used.set(true);
                    verdict.exempted.push(Exempted {
                        finding,
                        reason: exemption.reason.clone(),
                        until: exemption.until.clone(),
                    });
                }
            }
        }
        for mut finding in unused(self.config, selection) {
            if let Some(severity) = self.severity_of(finding.rule, finding.severity) {
                finding.severity = severity;
                verdict.findings.push(finding);
            }
        }
        verdict
    }
}

/// The exemption that covers a finding: of a leaf that is not written the one that decided so, else one that names the
/// rule, or the leaf that would mend it.
fn exemption_of<'s>(
    finding: &Finding,
    selection: &'s Selection<'_, '_>,
    config: &Config<'_>,
) -> Option<&'s Exemption<'s>> {
    let selected = selection.selected_at(finding.resource?)?;
    let decision = finding.decision.as_ref().filter(|_| finding.is_of_leaf);
    let by_leaf = decision.and_then(|decision| decision.exemption);
    let by_leaf = by_leaf.map(|index| &selected.exemptions[index]);
    let mut exemptions = selected.exemptions.iter();
    by_leaf.or_else(|| exemptions.find(|it| it.covers(finding, selected.target, config.vocabulary)))
}

/// Exemptions that nothing came of.
fn unused(config: &Config<'_>, selection: &Selection<'_, '_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let all = || selection.selected.iter().flat_map(|it| &it.exemptions);
    for (index, exemption) in config.exemptions.iter().enumerate() {
        let mut of_config = all().filter(|it| it.source == ExemptionSource::Config(index));
        if !of_config.any(|exemption| exemption.is_used.get()) {
            let message = format!("{} covers nothing: {}", exemption.path, exemption.reason);
            findings.push(
                Finding::graded(&UNUSED, Severity::Info, message)
                    .help("a config is shared by systems; remove what no system needs any longer"),
            );
        }
    }
    for selected in &selection.selected {
        let is_unused =
            |it: &&Exemption<'_>| it.source == ExemptionSource::Annotation && !it.is_used.get();
        for exemption in selected.exemptions.iter().filter(is_unused) {
            let words: Vec<&str> = exemption.words().collect();
            if words.iter().any(|word| !config.vocabulary.knows(word)) {
                continue;
            }
            let message = format!(
                "the annotation {EXEMPT} covers nothing with `{}`",
                words.join(", ")
            );
            findings.push(
                Finding::new(&UNUSED, message)
                    .of(selected.index)
                    .about(&Subject::object(), &["metadata", "annotations", EXEMPT])
                    .help("remove it: without it nothing would be different"),
            );
        }
    }
    findings
}
