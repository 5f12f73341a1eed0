//! FIT-EXM001 to FIT-EXM007: exemptions that have no reason, have expired or name unknown rules, objects whose authors opted
//! out, and annotations of authors that have no effect. Exemptions that cover nothing are FIT-EXM003.
//!
//! `authors` in the config says what authors may opt out of. An annotation that it does not allow is FIT-EXM006, and has no
//! effect.

use super::{Check, Find, Scene};
use crate::config::{Vocabulary, is_rule};
use crate::finding::{Finding, Subject};
use crate::problem::{did_you_mean, one_of, suggestion};
use crate::rules::rules;
use crate::select::{
    ANNOTATIONS, EXEMPT, EXEMPT_REASON, EXEMPT_UNTIL, Ignored, SKIP, SKIP_REASON, Selected, Why,
};

pub(super) const CHECK: Check = Check {
    name: "exemptions",
    rules: RULES,
    find: &[Find::Scene(|scene| {
        let mut findings = of_config(scene);
        for selected in &scene.selection.selected {
            findings.extend(of_author(scene, selected));
        }
        findings
    })],
};

rules! {
    RULES;
    NO_REASON: "FIT-EXM001" Error Always "an exemption without a reason";
    ENDED: "FIT-EXM002" Error Always "an exemption that has expired";
    UNKNOWN: "FIT-EXM004" Warning Always "an exemption from an unknown rule or field";
    SKIPPED: "FIT-EXM005" Info Always "an object whose author opted out of fitout";
    IGNORED: "FIT-EXM006" Warning Always "an annotation of an author that the config does not allow";
    MISSPELT: "FIT-EXM007" Warning Always "an annotation of fitout that does not exist";
}

/// The exemptions of the config.
fn of_config(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for exemption in &scene.config.exemptions {
        let path = &exemption.path;
        let words = exemption.fields.iter().chain(&exemption.rules);
        findings.extend(words.filter_map(|word| unknown(scene.config.vocabulary, [word], path)));
        if let Some(until) = &exemption.until
            && exemption.has_ended(scene.config.today.as_ref())
        {
            let message = format!("{path} ended on {until}: {}", exemption.reason);
            let finding = Finding::new(&ENDED, message);
            findings
                .push(finding.help("fix what it covers, or set a later date and give a reason"));
        }
    }
    findings
}

/// What an object's author opted out of, and the annotations that do not count.
fn of_author(scene: &Scene<'_>, selected: &Selected<'_, '_>) -> Vec<Finding> {
    let Some(author) = &selected.author else {
        return Vec::new();
    };
    let ignored = author.ignored.iter();
    let ignored = ignored.filter_map(|it| {
        let finding = of_ignored(scene, it)?.of(selected.index);
        Some(finding.about(&Subject::metadata(), &["annotations", &it.annotation]))
    });
    let mut findings: Vec<Finding> = ignored.collect();
    if !author.skipped.is_empty() {
        let what = match author.skipped.len() == scene.config.vocabulary.names.len() {
            true => "everything".to_owned(),
            false => author.skipped.join(", "),
        };
        let message = format!("its author opted out of {what} with the annotation {SKIP}");
        findings.push(Finding::new(&SKIPPED, message).of(selected.index));
    }
    findings
}

/// The finding about an annotation that does not count; `None` for a profile that does not exist, which is FIT-CFG004.
fn of_ignored(scene: &Scene<'_>, ignored: &Ignored) -> Option<Finding> {
    let annotation = &*ignored.annotation;
    let authors = &scene.config.authors;
    let place = format!("the annotation {annotation}");
    Some(match &ignored.why {
        Why::UnknownKey => {
            let finding = Finding::new(&MISSPELT, format!("there is no annotation {annotation}"));
            let help = suggestion(annotation, ANNOTATIONS);
            finding.help(help.unwrap_or_else(|| format!("fitout reads {}", one_of(&ANNOTATIONS))))
        }
        Why::UnknownProfile(_) => return None,
        Why::UnknownWords(words) if annotation == SKIP => {
            let names = scene.config.vocabulary.names;
            let which = match words.as_slice() {
                [_] => "is not a section, so it skips nothing",
                _ => "are not sections, so they skip nothing",
            };
            let message = format!("{place} names {}, which {which}", all_of(words));
            let nearest = |word: &String| suggestion(word, names.iter().copied());
            let help = words.iter().find_map(nearest);
            let help = help.unwrap_or_else(|| format!("write `true`, or {}", one_of(names)));
            Finding::new(&UNKNOWN, message).help(help)
        }
        Why::UnknownWords(words) => unknown(scene.config.vocabulary, words, &place)?,
        Why::NotAllowed(words) => {
            let (key, allowed) = match annotation {
                SKIP => ("skip", &authors.skip),
                _ => ("exempt", &authors.exempt),
            };
            let all: Vec<&str> = allowed.iter().chain(words).map(String::as_str).collect();
            Finding::new(
                &IGNORED,
                format!(
                    "{place} has no effect on {}: the config does not allow it",
                    words.join(", ")
                ),
            )
            .help(format!(
                "remove it, or write `authors: {{{key}: [{}]}}` in the config",
                all.join(", ")
            ))
        }
        Why::NotSelectable(profile) => {
            let message = format!("{place} has no effect: profile {profile} does not allow it");
            let layer = scene.config.profiles[scene.config.profile(profile)?].layer;
            Finding::new(&IGNORED, message)
                .decided_by(scene.config.decision_of_profile(layer))
                .help(format!(
                    "remove it, or write `byAnnotation: true` in profile {profile} of the config"
                ))
        }
        Why::NoReason => {
            let reason = match annotation {
                SKIP => SKIP_REASON,
                _ => EXEMPT_REASON,
            };
            let message =
                format!("{place} needs a reason of at least ten visible characters in {reason}");
            Finding::new(&NO_REASON, message)
                .help("explain in one sentence why this must stay as it is")
        }
        Why::NotADate(day) => {
            let message =
                format!("`{day}` in {annotation} is not a date, so {EXEMPT} has no effect");
            Finding::new(&ENDED, message).help("write it as `2027-03-31`")
        }
        Why::Ended(until, reason) => {
            let message = format!("its exemption ended on {until}: {reason}");
            Finding::new(&ENDED, message).help("fix what it covers, or set a later date")
        }
        Why::EndedForAll(until) => {
            let message =
                format!("{place} has no effect after {until}: the config does not allow it");
            Finding::new(&IGNORED, message)
                .help("remove it, or set a later `authors: {until: …}` in the config")
        }
        Why::EndsEarlier(until) => {
            let message =
                format!("{EXEMPT} ends on {until} already: the config allows no later day");
            Finding::new(&IGNORED, message).help(format!(
                "set {EXEMPT_UNTIL} to that day, or set a later `authors: {{until: …}}` in the config"
            ))
        }
    })
}

/// Words that are neither rules nor leaves of any section; `None` if all are known.
fn unknown<'w>(
    vocabulary: &Vocabulary,
    words: impl IntoIterator<Item = &'w String>,
    place: &str,
) -> Option<Finding> {
    let mut unknown: Vec<&str> = words.into_iter().map(String::as_str).collect();
    unknown.retain(|word| !vocabulary.knows(word));
    unknown.dedup();
    let (first, others) = unknown.split_first()?;
    let which = match others {
        [] => "is neither a rule nor a field of a section",
        _ => "are neither rules nor fields of sections",
    };
    let message = format!("{place} names {}, which {which}", all_of(&unknown));
    let nearest = |word: &str| match is_rule(word) {
        true => did_you_mean(word, vocabulary.rules().map(|rule| rule.id)),
        false => {
            let sections = vocabulary.sections.iter();
            let paths = sections.flat_map(|it| it.mode_paths.iter().copied());
            did_you_mean(word.rsplit_once(':').map_or(word, |(_, it)| it), paths)
        }
    };
    let help = match others {
        [] => nearest(first).map(|it| format!("did you mean `{it}`?")),
        _ => {
            let pairs = unknown
                .iter()
                .filter_map(|word| Some((word, nearest(word)?)));
            let pairs = pairs.map(|(word, it)| format!("did you mean `{it}` by `{word}`?"));
            Some(pairs.collect::<Vec<_>>().join(" ")).filter(|it| !it.is_empty())
        }
    };
    let known = "name a rule such as FIT-PSS-runAsNonRoot, or a field such as resources.limits.cpu";
    Some(Finding::new(&UNKNOWN, message).help(help.unwrap_or_else(|| known.to_owned())))
}

/// Words for a message, all of them.
fn all_of<T: std::fmt::Display>(words: &[T]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}
