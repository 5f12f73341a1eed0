//! FIT-EXM001 to FIT-EXM004: exemptions without a reason, past their day, that cover nothing, or of unknown names.

use kustomize_krm_types::Severity;

use crate::config::{Config, Vocabulary, leaf_of};
use crate::finding::{Finding, Subject};
use crate::kubernetes::Date;
use crate::problem::did_you_mean;
use crate::select::{EXEMPT, EXEMPT_REASON, EXEMPT_UNTIL, Selection, Waiver, WaiverSource};

/// What is wrong with the exemptions of a config and of the objects' authors.
pub(super) fn exemptions(config: &Config<'_>, selection: &Selection<'_, '_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, exemption) in config.exemptions.iter().enumerate() {
        let path = format!("spec.exemptions[{index}]");
        let words = exemption.fields.iter().chain(&exemption.rules);
        findings.extend(words.filter_map(|word| unknown(config.vocabulary, word, &path)));
        if let (Some(until), Some(today)) = (&exemption.until, &config.today)
            && until < today
        {
            let message = format!("{path} ended on {until}: {}", exemption.reason);
            let finding = Finding::new("FIT-EXM002", Severity::Error, message);
            findings
                .push(finding.help("mend what it covers, or give it a new day and a reason why"));
        }
    }
    for selected in &selection.selected {
        let mut by_author = selected
            .waivers
            .iter()
            .filter(|it| it.source == WaiverSource::Annotation)
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
            let finding = Finding::new("FIT-EXM001", Severity::Error, message);
            findings.push(about(
                finding.help("say in one sentence why this has to stay as it is"),
                EXEMPT,
            ));
        }
        let day = selected.target.annotation(EXEMPT_UNTIL);
        if let Some(day) = day.filter(|day| Date::parse(day).is_none()) {
            let message =
                format!("`{day}` in {EXEMPT_UNTIL} is no day, so its exemption never ends");
            let finding = Finding::new("FIT-EXM002", Severity::Error, message);
            findings.push(about(
                finding.help("write it as `2027-03-31`"),
                EXEMPT_UNTIL,
            ));
        }
        if let (Some(until), Some(today)) = (&first.until, &config.today)
            && until < today
        {
            let message = format!("its exemption ended on {until}: {}", first.reason);
            let finding = Finding::new("FIT-EXM002", Severity::Error, message);
            findings.push(about(
                finding.help("mend what it covers, or give it a new day"),
                EXEMPT_UNTIL,
            ));
        }
        for waiver in by_author {
            let mut words = waiver.fields.iter().chain(&waiver.rules);
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

/// Exemptions that nothing came of.
pub fn unused(config: &Config<'_>, selection: &Selection<'_, '_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let waivers = || {
        selection
            .selected
            .iter()
            .flat_map(|selected| &selected.waivers)
    };
    for (index, exemption) in config.exemptions.iter().enumerate() {
        let mut of_config = waivers().filter(|it| it.source == WaiverSource::Config(index));
        if !of_config.any(|waiver| waiver.is_used.get()) {
            let message = format!(
                "spec.exemptions[{index}] covers nothing: {}",
                exemption.reason
            );
            let finding = Finding::new("FIT-EXM003", Severity::Info, message);
            findings.push(
                finding
                    .help("a config is shared by systems; remove what no system needs any longer"),
            );
        }
    }
    for selected in &selection.selected {
        let is_unused =
            |it: &&Waiver<'_>| it.source == WaiverSource::Annotation && !it.is_used.get();
        for waiver in selected.waivers.iter().filter(is_unused) {
            let words: Vec<&str> = waiver
                .fields
                .iter()
                .chain(&waiver.rules)
                .map(AsRef::as_ref)
                .collect();
            if words
                .iter()
                .any(|word| unknown(config.vocabulary, word, "").is_some())
            {
                continue;
            }
            let message = format!(
                "the annotation {EXEMPT} covers nothing with `{}`",
                words.join(", ")
            );
            let finding = Finding::new("FIT-EXM003", Severity::Warning, message)
                .about(&Subject::object(), &["metadata", "annotations", EXEMPT])
                .help("remove it: without it nothing would be different");
            findings.push(Finding {
                resource: Some(selected.index),
                ..finding
            });
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
    Some(Finding::new("FIT-EXM004", Severity::Warning, message).help(help))
}
