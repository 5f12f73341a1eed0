//! What is asked whenever fitout runs: whether the config does what it seems to.

mod exemptions;
mod profiles;
mod skips;
mod targets;

use crate::config::Config;
use crate::finding::Finding;
use crate::select::Selection;

pub use exemptions::unused as unused_exemptions;

/// A question to the config and what it selected.
type Question = fn(&Config<'_>, &Selection<'_, '_>) -> Vec<Finding>;

/// Every question, in the order in which findings of one severity are told.
const QUESTIONS: [Question; 8] = [
    profiles::use_of_selection,
    targets::unfitted_workloads,
    targets::undeclared_pods,
    targets::patches_as_text,
    profiles::use_of_profiles,
    profiles::disagreements,
    skips::skips,
    exemptions::exemptions,
];

/// Asks about the config and what it selected.
pub fn ask(config: &Config<'_>, selection: &Selection<'_, '_>) -> Vec<Finding> {
    QUESTIONS
        .iter()
        .flat_map(|ask| ask(config, selection))
        .collect()
}
