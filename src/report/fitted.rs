//! The result of a run.

use crate::checks::Proof;
use crate::config::Config;
use crate::edit::{Change, Edits};
use crate::finding::{Exempted, Finding, Grant};
use crate::funnel::Verdict;
use crate::ledger::Ledger;
use crate::objects::SkipReason;
use crate::rules::CMP001;
use crate::select::Selection;

/// The result of a run, before anything is written.
#[derive(Debug, Default)]
pub struct Fitted {
    /// The edits, by object and then in the order of the transformers; empty for a validator.
    pub changes: Vec<Change>,
    /// The findings.
    pub findings: Vec<Finding>,
    /// The findings that exemptions waive.
    pub exempted: Vec<Exempted>,
    /// The exemptions in effect.
    pub grants: Vec<Grant>,
    /// The number of leaves that were already right, by object.
    pub same: Vec<(usize, usize)>,
    /// The outcome of every object, container and claim.
    pub ledger: Ledger,
    /// The objects that an exemption lets be weaker than in a lower environment.
    pub may_be_weaker: Vec<usize>,
    /// For a validator: evidence of whether the function ran.
    pub proof: Proof,
}

impl Fitted {
    /// Leaves out what is about other objects than these, for a reason. Findings about the config stay, unless `findings` says otherwise, which
    /// has the choice for each.
    pub fn choose(&mut self, chosen: &[bool], findings: Option<&[bool]>, reason: SkipReason) {
        let is_chosen = |object: usize| chosen.get(object) == Some(&true);
        let is_about = |object: Option<usize>| object.is_none_or(is_chosen);
        self.changes.retain(|it| is_chosen(it.resource));
        let mut choices = findings.into_iter().flatten();
        self.findings.retain(|it| match choices.next() {
            Some(choice) => *choice,
            None => is_about(it.resource),
        });
        self.exempted.retain(|it| is_about(it.finding.resource));
        self.grants.retain(|it| is_chosen(it.resource));
        self.same.retain(|(object, _)| is_chosen(*object));
        self.ledger.leave_out(reason, |object| !is_chosen(object));
    }

    /// Combines the results of the steps.
    pub fn of(
        config: &Config<'_>,
        selection: &Selection<'_, '_>,
        edits: Edits<'_>,
        verdict: Verdict,
    ) -> Fitted {
        let ledger = Ledger::of(config, selection, &edits);
        let proof = Proof::of(config, &verdict);
        let may_be_weaker = selection.selected.iter().filter(|it| {
            let mut rules = it.exemptions.iter().flat_map(|it| &it.rules);
            rules.any(|it| it == CMP001.id)
        });
        Fitted {
            may_be_weaker: may_be_weaker.map(|it| it.index).collect(),
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
