//! FIT-EXM004: whether the words of `fitout.dev/skip` are sections; and what was skipped, as info.

use kustomize_krm_types::Severity;

use crate::config::Config;
use crate::finding::Finding;
use crate::problem::{did_you_mean, one_of};
use crate::select::{SKIP, Selection};
use crate::transformers::NAMES;

/// Objects that their authors opted out, and words that opt out of nothing.
pub(super) fn skips(_: &Config<'_>, selection: &Selection<'_, '_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (resource, words) in &selection.skips {
        let (known, unknown): (Vec<&String>, Vec<&String>) = words
            .iter()
            .partition(|word| *word == "true" || NAMES.contains(&word.as_str()));
        for word in unknown {
            let message = format!(
                "the annotation {SKIP} names `{word}`, which is no section, so nothing is skipped by it"
            );
            let nearest = did_you_mean(word, NAMES.iter().copied());
            let help = nearest.map_or_else(
                || format!("write `true`, or {}", one_of(NAMES)),
                |nearest| format!("did you mean `{nearest}`?"),
            );
            findings.push((
                *resource,
                Finding::new("FIT-EXM004", Severity::Warning, message).help(help),
            ));
        }
        if let [_, ..] = known.as_slice() {
            let what = if known.iter().any(|word| *word == "true") {
                "everything".to_owned()
            } else {
                words.join(", ")
            };
            let message = format!("its author opted out of {what} by the annotation {SKIP}");
            findings.push((
                *resource,
                Finding::new("exemption", Severity::Info, message),
            ));
        }
    }
    let about = |(resource, mut finding): (usize, Finding)| {
        finding.resource = Some(resource);
        finding
    };
    findings.into_iter().map(about).collect()
}
