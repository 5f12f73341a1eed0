//! Step 5: checks. Each answers with findings; none fails, and none changes anything.
//!
//! Adding one: a file here with its head comment in the words of the rule, and a row in the table.

mod exemptions;
mod profiles;
mod skips;
mod targets;

use crate::config::Config;
use crate::edit::Finding;
use crate::select::Selection;

/// A question to the config and what it selected.
type Check = fn(&Config<'_>, &Selection<'_, '_>) -> Vec<Finding>;

/// Every check, in the order in which findings of one severity are told.
const CHECKS: [Check; 8] = [
    profiles::use_of_selection,
    targets::unfitted_workloads,
    targets::undeclared_pods,
    targets::patches_as_text,
    profiles::use_of_profiles,
    profiles::disagreements,
    skips::skips,
    exemptions::exemptions,
];

pub use exemptions::unused as unused_exemptions;

/// Asks every check.
pub fn run(config: &Config<'_>, selection: &Selection<'_, '_>) -> Vec<Finding> {
    CHECKS
        .iter()
        .flat_map(|check| check(config, selection))
        .collect()
}
