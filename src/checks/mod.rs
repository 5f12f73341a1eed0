//! Step 5: checks. Each answers with findings; none fails, and none changes anything.
//!
//! Some ask about the config and what it selected, whenever fitout runs: see [`of_config`]. The others judge the objects
//! as they are, for `fitout check` and for configs with `mode: Check`: those are the rows of [`CHECKS`].
//!
//! # Adding one
//!
//! 1. Copy the nearest file here. Its head says in the words of the rule what is found and why that matters; its `CHECK`
//!    has its name, its rules (id, severity, meaning, what other tools call it) and the function that asks.
//! 2. Add its `mod` line and its row in [`CHECKS`].
//! 3. Make `tests/cases/<name>/<what it shows>/` with `input.yaml` and `fn-config.yaml` (with `mode: Check`).
//! 4. `UPDATE_GOLDEN=1 cargo test`, and read the git diff of what it wrote.
//! 5. `make test lint`.
//!
//! Configured severities, `disable`, exemptions, results, JSON, `docs/checks.md` follow from that.
//!
//! A check sees the [`Scene`]: every object, the selected ones with their pods, containers and claims
//! ([`Selection::selected`]), what objects say of one another ([`Selection::around`], [`Selection::accounts`]), and which
//! object or pods a name or selector means ([`Objects`]).
//! It tells with [`Finding`]s whose `resource` is the object's index. What it finds on objects that the config does not
//! select is dropped for it.

mod accounts;
mod amounts;
mod autoscaling;
mod disruption_budgets;
mod ingresses;
mod network_policies;
pub mod of_config;
mod pod_security;
mod pods;
mod probes;
mod root_file_system;
mod run;
mod scaling;
mod services;

use std::cell::OnceCell;
use std::collections::HashSet;

use jsonptr::Pointer;

use crate::config::Config;
use crate::edit::Change;
use crate::finding::Finding;
use crate::objects::Objects;
use crate::read::Resource;
use crate::rules::Rule;
use crate::select::Selection;
use crate::transformers::Transformers;

/// A question to the objects as they are.
#[derive(Debug)]
pub struct Check {
    /// The name of its file and of its folder of cases.
    pub name: &'static str,
    /// The rules whose breaches it finds.
    pub rules: &'static [Rule],
    /// Asks.
    find: fn(&Scene<'_>) -> Vec<Finding>,
}

macro_rules! checks {
    ($($check:ident,)*) => {
        /// Every check that judges.
        pub const CHECKS: &[Check] = &[$($check::CHECK),*];

        /// The rules of each.
        pub const RULES: &[&[Rule]] = &[crate::rules::RULES, $($check::CHECK.rules),*];
    };
}

checks! {
    run,
    pod_security,
    services,
    network_policies,
    ingresses,
    disruption_budgets,
    autoscaling,
    probes,
    accounts,
    amounts,
    root_file_system,
}

/// What a check sees.
#[derive(Clone, Copy)]
pub struct Scene<'s> {
    /// The environment's config.
    pub config: &'s Config<'s>,
    /// What it selects.
    pub selection: &'s Selection<'s, 's>,
    /// The transformers, for what their sections say of an object.
    pub transformers: &'s Transformers<'s>,
    /// Every object, selected or not.
    pub resources: &'s [Resource<'s>],
    /// See [`Scene::objects`].
    pub known: &'s OnceCell<Objects<'s>>,
    /// What the config would still change.
    pub changes: &'s [Change],
}

impl<'s> Scene<'s> {
    /// Every object by its names, and all pods by their labels; collected for the first check that asks.
    pub fn objects(&self) -> &'s Objects<'s> {
        let collect = || Objects::of(self.resources, &self.selection.around);
        self.known.get_or_init(collect)
    }
}

/// Judges the objects as they are.
///
/// What the config would still change is told by FIT-RUN001, and not once more for what is wrong with it now.
pub fn judge(scene: &Scene<'_>) -> Vec<Finding> {
    let is_asked = |rule: &Rule| {
        let severity = scene.config.checks.severity_of(rule.id, rule.severity);
        severity.is_some()
    };
    let asked = CHECKS
        .iter()
        .filter(|check| check.rules.iter().any(is_asked));
    let tells_changes = run::CHECK.rules.iter().any(is_asked);
    let changes = scene.changes.iter().filter(|_| tells_changes);
    let changes: HashSet<_> = changes
        .map(|change| (change.resource, &change.pointer))
        .collect();
    let mut found = Vec::new();
    for check in asked {
        let mut of_check = (check.find)(scene);
        for finding in &of_check {
            let mut rules = check.rules.iter();
            let rule = rules.find(|rule| rule.id == finding.id);
            debug_assert!(
                finding.resource.is_some()
                    && rule.is_some_and(|rule| finding.severity <= rule.severity),
                "{} must tell of its own rules, about an object, and no louder than its row says: {finding:?}",
                check.name
            );
        }
        of_check.retain(|finding| {
            let Some(index) = finding.resource else {
                return true;
            };
            let change = finding.pointer.as_ref().map(|pointer| (index, pointer));
            let is_told = change.is_some_and(|change| changes.contains(&change));
            scene.selection.selected_at(index).is_some()
                && (!is_told || check.name == run::CHECK.name)
        });
        found.extend(of_check);
    }
    found
}

/// Adds what was judged to what transformers have found, who tell of some rules as well.
pub fn add(mut judged: Vec<Finding>, findings: &mut Vec<Finding>) {
    fn key(it: &Finding) -> (&str, Option<usize>, Option<&Pointer>) {
        (it.id, it.resource, it.pointer.as_deref())
    }
    let told: HashSet<_> = findings.iter().map(key).collect();
    judged.retain(|it| !told.contains(&key(it)));
    findings.extend(judged);
}
