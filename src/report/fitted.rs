//! The result of a run.

use crate::checks::Proof;
use crate::config::Config;
use crate::edit::{Change, Edits};
use crate::finding::{Exempted, Finding, Grant};
use crate::funnel::Verdict;
use crate::ledger::Ledger;
use crate::select::Selection;

/// The result of a run, before anything is written.
#[derive(Debug)]
pub struct Fitted {
    /// The edits, by object and then in the order of the transformers; empty for a validator.
    pub changes: Vec<Change>,
    /// The findings.
    pub findings: Vec<Finding>,
    /// The findings that exemptions waive.
    pub exempted: Vec<Exempted>,
    /// The exemptions in effect.
    pub grants: Vec<Grant>,
    /// The number of leaves that were already right.
    pub same: usize,
    /// The outcome of every object, container and claim.
    pub ledger: Ledger,
    /// For a validator: evidence of whether the function ran.
    pub proof: Proof,
}

impl Fitted {
    /// Combines the results of the steps.
    pub fn of(
        config: &Config<'_>,
        selection: &Selection<'_, '_>,
        edits: Edits<'_>,
        verdict: Verdict,
    ) -> Fitted {
        let ledger = Ledger::of(config, selection, &edits);
        let proof = Proof::of(config, &verdict);
        Fitted {
            changes: match config.validate_only {
                true => Vec::new(),
                false => edits.changes,
            },
            findings: verdict.findings,
            exempted: verdict.exempted,
            grants: verdict.grants,
            same: edits.same,
            ledger,
            proof,
        }
    }
}
