//! What fitting comes to.

use crate::checks::Proof;
use crate::config::Config;
use crate::edit::{Change, Edits};
use crate::finding::{Exempted, Finding};
use crate::funnel::Verdict;
use crate::ledger::Ledger;
use crate::select::Selection;

/// What fitting some objects comes to, before anything is written.
#[derive(Debug)]
pub struct Fitted {
    /// Every edit, by object and then in the order in which transformers asked; none on check.
    pub changes: Vec<Change>,
    /// Everything else that there is to say.
    pub findings: Vec<Finding>,
    /// What exemptions keep from being written or found.
    pub exempted: Vec<Exempted>,
    /// How many leaves were right already.
    pub same: usize,
    /// What became of every object, container and claim.
    pub ledger: Ledger,
    /// What is known of whether the function ran, for a judgement.
    pub proof: Proof,
}

impl Fitted {
    /// Puts together what the steps have come to.
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
            same: edits.same,
            ledger,
            proof,
        }
    }
}
