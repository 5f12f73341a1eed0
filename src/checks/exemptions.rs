//! FIT-EXM001, FIT-EXM002, FIT-EXM004 and FIT-EXM005: exemptions that have no reason, have expired or name unknown rules, and
//! objects whose authors opted out. Exemptions that cover nothing are FIT-EXM003.

use kustomize_krm_types::Severity;

use super::{Check, Find, Scene};
use crate::config::Vocabulary;
use crate::finding::{Finding, Subject};
use crate::kubernetes::Date;
use crate::problem::{one_of, suggestion};
use crate::rules::{Rule, rule};
use crate::select::{EXEMPT, EXEMPT_REASON, EXEMPT_UNTIL, SKIP, Selected, Source};

pub(super) const CHECK: Check = Check {
    name: "exemptions",
    rules: &[NO_REASON, ENDED, UNKNOWN, SKIPPED],
    find: &[Find::Scene(|scene| {
        let mut findings = skips(scene);
        findings.extend(of_config(scene));
        for selected in &scene.selection.selected {
            findings.extend(of_author(scene, selected));
        }
        findings
    })],
};

const NO_REASON: Rule = rule(
    "FIT-EXM001",
    Severity::Error,
    "an exemption without a reason",
);
const ENDED: Rule = rule(
    "FIT-EXM002",
    Severity::Error,
    "an exemption that has expired",
);
const UNKNOWN: Rule = rule(
    "FIT-EXM004",
    Severity::Warning,
    "an exemption from an unknown rule or field",
);
const SKIPPED: Rule = rule(
    "FIT-EXM005",
    Severity::Info,
    "an object whose author opted out of fitout",
);

/// The exemptions of the config.
fn of_config(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for exemption in &scene.config.exemptions {
        let path = &exemption.path;
        let words = exemption.fields.iter().chain(&exemption.rules);
        findings.extend(words.filter_map(|word| unknown(scene.config.vocabulary, word, path)));
        if let Some(until) = ended(scene, exemption.until.as_ref()) {
            let message = format!("{path} expired after {until}: {}", exemption.reason);
            let finding = Finding::new(&ENDED, message);
            findings
                .push(finding.help("fix what it covers, or set a later date and give a reason"));
        }
    }
    findings
}

/// The exemptions that an object's author declares, one for each word of the annotation.
fn of_author(scene: &Scene<'_>, selected: &Selected<'_, '_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let exemptions = selected.exemptions.iter();
    let exemptions = exemptions.filter(|it| it.source == Source::Annotation);
    let Some(first) = exemptions.clone().next() else {
        return findings;
    };
    let about = |finding: Finding, name: &str| {
        finding
            .of(selected.index)
            .about(&Subject::metadata(), &["annotations", name])
    };
    if first.reason.is_empty() {
        let message = format!("the annotation {EXEMPT} needs a reason in {EXEMPT_REASON}");
        let finding = Finding::new(&NO_REASON, message)
            .help("explain in one sentence why this must stay as it is");
        findings.push(about(finding, EXEMPT));
    }
    let day = selected.target.annotation(EXEMPT_UNTIL);
    if let Some(day) = day.filter(|day| Date::parse(day).is_none()) {
        let message =
            format!("`{day}` in {EXEMPT_UNTIL} is not a date, so the exemption never expires");
        let finding = Finding::new(&ENDED, message).help("write it as `2027-03-31`");
        findings.push(about(finding, EXEMPT_UNTIL));
    }
    if let Some(until) = ended(scene, first.until.as_ref()) {
        let message = format!("its exemption expired after {until}: {}", first.reason);
        let finding = Finding::new(&ENDED, message).help("fix what it covers, or set a later date");
        findings.push(about(finding, EXEMPT_UNTIL));
    }
    let place = format!("the annotation {EXEMPT}");
    let words = exemptions.flat_map(|it| it.words());
    let unknown = words.filter_map(|word| unknown(scene.config.vocabulary, word, &place));
    findings.extend(unknown.map(|it| about(it, EXEMPT)));
    findings
}

/// The last day of an exemption that has expired.
fn ended<'d>(scene: &Scene<'_>, until: Option<&'d Date>) -> Option<&'d Date> {
    until.filter(|until| {
        scene
            .config
            .today
            .as_ref()
            .is_some_and(|today| *until < today)
    })
}

/// A word that is neither a rule nor a leaf of any section.
fn unknown(vocabulary: &Vocabulary, word: &str, place: &str) -> Option<Finding> {
    if vocabulary.knows(word) {
        return None;
    }
    let message =
        format!("{place} names `{word}`, which is neither a rule nor a field of a section");
    let help = match word.starts_with("FIT-") {
        true => suggestion(word, vocabulary.rules().map(|rule| rule.id)),
        false => {
            let sections = vocabulary.sections.iter();
            let paths = sections.flat_map(|it| it.mode_paths.iter().copied());
            suggestion(word.rsplit_once(':').map_or(word, |(_, it)| it), paths)
        }
    };
    let known = "name a rule such as FIT-PSS-runAsNonRoot, or a field such as resources.limits.cpu";
    Some(Finding::new(&UNKNOWN, message).help(help.unwrap_or_else(|| known.to_owned())))
}

/// Objects whose authors opted out, and unknown words in their annotations.
fn skips(scene: &Scene<'_>) -> Vec<Finding> {
    let names = scene.config.vocabulary.names;
    let mut findings = Vec::new();
    for (resource, words) in &scene.selection.skips {
        let is_known = |word: &&String| *word == "true" || names.contains(&word.as_str());
        for word in words.iter().filter(|word| !is_known(word)) {
            let message = format!(
                "the annotation {SKIP} names `{word}`, which is not a section, so it skips nothing"
            );
            let help = suggestion(word, names.iter().copied());
            let help = help.unwrap_or_else(|| format!("write `true`, or {}", one_of(names)));
            findings.push(Finding::new(&UNKNOWN, message).of(*resource).help(help));
        }
        if words.iter().any(|word| is_known(&word)) {
            let what = match words.iter().any(|word| word == "true") {
                true => "everything".to_owned(),
                false => words.join(", "),
            };
            let message = format!("its author opted out of {what} with the annotation {SKIP}");
            findings.push(Finding::new(&SKIPPED, message).of(*resource));
        }
    }
    findings
}
