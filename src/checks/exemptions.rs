//! FIT-EXM001 to FIT-EXM004: exemptions without a reason, past their day, that cover nothing, or of unknown names.

use kustomize_krm_types::Severity;

use super::{Check, Find};
use crate::config::{Config, Vocabulary, leaf_of};
use crate::finding::{Finding, Subject};
use crate::kubernetes::Date;
use crate::problem::{did_you_mean, one_of};
use crate::rules::{Rule, rule};
use crate::select::{EXEMPT, EXEMPT_REASON, EXEMPT_UNTIL, ExemptionSource, SKIP, Selection};

pub(super) const CHECK: Check = Check {
    name: "exemptions",
    rules: &[NO_REASON, ENDED, UNKNOWN, SKIPPED],
    find: Find::Objects(|scene| {
        let mut findings = skips(scene.config, scene.selection);
        findings.extend(exemptions(scene.config, scene.selection));
        findings
    }),
};

const NO_REASON: Rule = rule(
    "FIT-EXM001",
    Severity::Error,
    "an exemption without a reason",
);
const ENDED: Rule = rule("FIT-EXM002", Severity::Error, "an exemption that ended");
const UNKNOWN: Rule = rule(
    "FIT-EXM004",
    Severity::Warning,
    "an exemption of something that does not exist",
);
const SKIPPED: Rule = rule(
    "FIT-EXM005",
    Severity::Info,
    "an object whose author opted out of fitting",
);

/// What is wrong with the exemptions of a config and of the objects' authors.
fn exemptions(config: &Config<'_>, selection: &Selection<'_, '_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for exemption in &config.exemptions {
        let path = &exemption.path;
        let words = exemption.fields.iter().chain(&exemption.rules);
        findings.extend(words.filter_map(|word| unknown(config.vocabulary, word, path)));
        if let (Some(until), Some(today)) = (&exemption.until, &config.today)
            && until < today
        {
            let message = format!("{path} ended on {until}: {}", exemption.reason);
            let finding = Finding::new(&ENDED, message);
            findings
                .push(finding.help("mend what it covers, or give it a new day and a reason why"));
        }
    }
    for selected in &selection.selected {
        let mut by_author = selected
            .exemptions
            .iter()
            .filter(|it| it.source == ExemptionSource::Annotation)
            .peekable();
        let Some(first) = by_author.peek() else {
            continue;
        };
        let about = |finding: Finding, name: &str| {
            let finding = finding.about(&Subject::object(), &["metadata", "annotations", name]);
            Finding {
                resource: Some(selected.index),
                ..finding
            }
        };
        if first.reason.is_empty() {
            let message = format!("the annotation {EXEMPT} needs a reason, in {EXEMPT_REASON}");
            let finding = Finding::new(&NO_REASON, message);
            findings.push(about(
                finding.help("say in one sentence why this has to stay as it is"),
                EXEMPT,
            ));
        }
        let day = selected.target.annotation(EXEMPT_UNTIL);
        if let Some(day) = day.filter(|day| Date::parse(day).is_none()) {
            let message =
                format!("`{day}` in {EXEMPT_UNTIL} is no day, so its exemption never ends");
            let finding = Finding::new(&ENDED, message);
            findings.push(about(
                finding.help("write it as `2027-03-31`"),
                EXEMPT_UNTIL,
            ));
        }
        if let (Some(until), Some(today)) = (&first.until, &config.today)
            && until < today
        {
            let message = format!("its exemption ended on {until}: {}", first.reason);
            let finding = Finding::new(&ENDED, message);
            findings.push(about(
                finding.help("mend what it covers, or give it a new day"),
                EXEMPT_UNTIL,
            ));
        }
        for exemption in by_author {
            let mut words = exemption.fields.iter().chain(&exemption.rules);
            let place = format!("the annotation {EXEMPT}");
            findings.extend(
                words
                    .find_map(|word| unknown(config.vocabulary, word, &place))
                    .map(|it| about(it, EXEMPT)),
            );
        }
    }
    findings
}

/// A word that is neither a rule nor a leaf of any section.
fn unknown(vocabulary: &Vocabulary, word: &str, place: &str) -> Option<Finding> {
    let is_rule = word.starts_with("FIT-");
    let sections = vocabulary.sections.iter();
    let is_known = match is_rule {
        true => vocabulary.rules().any(|rule| rule.id == word),
        false => sections
            .clone()
            .any(|it| leaf_of(word, it.name, it.mode_paths).is_some()),
    };
    if is_known {
        return None;
    }
    let message = format!("{place} names `{word}`, which is no rule and no field of a section");
    let nearest = if is_rule {
        did_you_mean(word, vocabulary.rules().map(|rule| rule.id))
    } else {
        let paths = sections.flat_map(|it| it.mode_paths.iter().copied());
        did_you_mean(word.rsplit_once(':').map_or(word, |(_, it)| it), paths)
    };
    let help = match nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "name a rule such as FIT-PSS-runAsNonRoot, or a field such as resources.limits.cpu"
            .to_owned(),
    };
    Some(Finding::new(&UNKNOWN, message).help(help))
}

/// Objects that their authors opted out, and words that opt out of nothing.
fn skips(config: &Config<'_>, selection: &Selection<'_, '_>) -> Vec<Finding> {
    let names = config.vocabulary.names;
    let mut findings = Vec::new();
    for (resource, words) in &selection.skips {
        let (known, unknown): (Vec<&String>, Vec<&String>) = words
            .iter()
            .partition(|word| *word == "true" || names.contains(&word.as_str()));
        for word in unknown {
            let message = format!(
                "the annotation {SKIP} names `{word}`, which is no section, so nothing is skipped by it"
            );
            let nearest = did_you_mean(word, names.iter().copied());
            let help = nearest.map_or_else(
                || format!("write `true`, or {}", one_of(names)),
                |nearest| format!("did you mean `{nearest}`?"),
            );
            findings.push((*resource, Finding::new(&UNKNOWN, message).help(help)));
        }
        if let [_, ..] = known.as_slice() {
            let what = if known.iter().any(|word| *word == "true") {
                "everything".to_owned()
            } else {
                words.join(", ")
            };
            let message = format!("its author opted out of {what} by the annotation {SKIP}");
            findings.push((*resource, Finding::new(&SKIPPED, message)));
        }
    }
    let about = |(resource, mut finding): (usize, Finding)| {
        finding.resource = Some(resource);
        finding
    };
    findings.into_iter().map(about).collect()
}
