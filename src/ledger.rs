//! The ledger: the outcome of every object, container and claim of the input, each exactly once.
//!
//! Objects are passed over for many reasons: selection, annotations, unknown kinds. Each has a row here whatever the
//! reason, so that reports can list everything that is left out. A test counts the input by other means and compares.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::Config;
use crate::edit::Edits;
use crate::objects::{
    Claim, Classification, Container, SkipReason, Subject, Target, Template, is_known_kind,
    may_hold_pods, pods_in,
};
use crate::select::{Selected, Selection};

/// Every object, container and claim of the input.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The objects, in the order of the input.
    pub objects: Vec<ObjectRow>,
    /// The containers of all their templates.
    pub containers: Vec<PartRow>,
    /// Their claims.
    pub claims: Vec<PartRow>,
}

/// The outcome of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectRow {
    /// The outcome.
    pub account: Account,
    /// Whether it has pods and the config selects it.
    pub is_workload: bool,
}

/// The outcome of a part of an object.
#[derive(Clone, Debug)]
pub struct PartRow {
    /// The index of the object.
    pub object: usize,
    /// The part.
    pub subject: Arc<Subject>,
    /// The outcome.
    pub account: Account,
}

impl PartRow {
    fn new(object: usize, subject: &Arc<Subject>, account: Account) -> PartRow {
        PartRow {
            object,
            subject: Arc::clone(subject),
            account,
        }
    }
}

/// The outcome of an object or a part of it. With several configs, the greatest one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// It is passed over.
    PassedOver(SkipReason),
    /// It has no pods and no claims.
    NoWorkload,
    /// It is only checked.
    CheckedOnly,
    /// Every configured field is set already, by the config or by the manifest.
    RightAlready,
    /// It is changed, or would be.
    Fitted,
}

impl Account {
    /// The word and meaning of each outcome, in the order of summaries.
    pub const ALL: [(&'static str, &'static str); 5] = [
        ("fitted", "It is changed, or would be."),
        (
            "right-already",
            "Every configured field is set already, by the config or by the manifest.",
        ),
        (
            "checked-only",
            "It is only checked: by the mode `Check`, by an exemption, or by `check`, which also checks pods that the config does not change.",
        ),
        ("no-workload", "It has no pods and no claims."),
        (
            "passed-over",
            "It is left unchanged, for one of the reasons below.",
        ),
    ];

    /// Its word in reports.
    pub fn word(self) -> &'static str {
        let at = match self {
            Account::Fitted => 0,
            Account::RightAlready => 1,
            Account::CheckedOnly => 2,
            Account::NoWorkload => 3,
            Account::PassedOver(_) => 4,
        };
        Account::ALL[at].0
    }

    /// Why it is passed over; `None` if it is not.
    pub fn reason(self) -> Option<SkipReason> {
        match self {
            Account::PassedOver(reason) => Some(reason),
            _ => None,
        }
    }
}

impl Ledger {
    /// The outcomes of a run.
    pub fn of(config: &Config<'_>, selection: &Selection<'_, '_>, edits: &Edits<'_>) -> Ledger {
        let mut ledger = Ledger::default();
        let mut left_out = selection.passed_over.iter().peekable();
        for (index, class) in selection.objects.classifications.iter().enumerate() {
            let reason = left_out.next_if(|(at, _)| *at == index);
            let (account, is_workload) = match (reason, selection.selected_at(index)) {
                (Some((_, reason)), _) => {
                    ledger.pass_over(config, selection, (index, class), *reason);
                    (Account::PassedOver(*reason), false)
                }
                (None, Some(selected)) => {
                    let asked = Asked::of(index, edits);
                    ledger.add_parts(config, selected, &asked);
                    let has_pods = !selected.target.templates.is_empty();
                    (of_object(config, selected, &asked), has_pods)
                }
                // A malformed object stops the run before.
                (None, None) => (Account::PassedOver(SkipReason::NotSelected), false),
            };
            ledger.objects.push(ObjectRow {
                account,
                is_workload,
            });
        }
        ledger
    }

    /// The number of selected objects with pods.
    pub fn workloads(&self) -> usize {
        self.objects.iter().filter(|row| row.is_workload).count()
    }

    /// Adds the parts of an object that is passed over.
    fn pass_over(
        &mut self,
        config: &Config<'_>,
        selection: &Selection<'_, '_>,
        (index, class): (usize, &Classification<'_>),
        reason: SkipReason,
    ) {
        let account = Account::PassedOver(reason);
        match class {
            Classification::Target(target) => self.add_all(index, target, account),
            Classification::PassedOver(_) => {
                let resource = &selection.objects.resources[index];
                if let Ok(target) = Target::of(resource, &config.pod_specs, &config.claims) {
                    self.add_all(index, &target, account);
                }
            }
            Classification::Malformed(_) => {}
        }
    }

    fn add_all(&mut self, object: usize, target: &Target<'_>, account: Account) {
        let row = |subject: &Arc<Subject>| PartRow::new(object, subject, account);
        let containers = target.containers().map(|container| row(&container.subject));
        self.containers.extend(containers);
        let claims = target.claims.iter().map(|claim| row(&claim.subject));
        self.claims.extend(claims);
    }

    fn add_parts(&mut self, config: &Config<'_>, selected: &Selected<'_, '_>, asked: &Asked) {
        let row = |subject, account| PartRow::new(selected.index, subject, account);
        for template in &selected.target.templates {
            for container in template.containers.iter().chain(&template.made) {
                let account = of_container(config, selected, template, container, asked);
                self.containers.push(row(&container.subject, account));
            }
        }
        for claim in &selected.target.claims {
            let account = of_claim(config, selected, claim, asked);
            self.claims.push(row(&claim.subject, account));
        }
    }
}

/// The parts of one object with proposed edits. Each subject is created once, so they are compared by address.
struct Asked {
    changed: Parts,
    kept: Parts,
    checked: Parts,
    left_out: HashMap<*const Subject, SkipReason>,
}

/// Parts of one object, sorted by address. Edits of the same part mostly follow each other, so sorting is cheap.
struct Parts(Vec<*const Subject>);

impl Parts {
    fn of<'s>(parts: impl Iterator<Item = &'s Arc<Subject>>) -> Parts {
        let mut parts: Vec<_> = parts.map(Arc::as_ptr).collect();
        parts.dedup();
        parts.sort_unstable();
        parts.dedup();
        Parts(parts)
    }

    fn has(&self, part: *const Subject) -> bool {
        self.0.binary_search(&part).is_ok()
    }
}

/// The rows of one object; rows are sorted by object.
fn of_one<R>(
    rows: &[R],
    object: usize,
    object_of: impl Fn(&R) -> usize,
) -> impl Iterator<Item = &R> {
    let first = rows.partition_point(|row| object_of(row) < object);
    rows[first..]
        .iter()
        .take_while(move |row| object_of(row) == object)
}

impl Asked {
    fn of(object: usize, edits: &Edits<'_>) -> Asked {
        let changes = of_one(&edits.changes, object, |it| it.resource);
        let left_out = of_one(&edits.left_out, object, |it| it.0);
        let parts = |rows| Parts::of(of_one(rows, object, |it: &(usize, _)| it.0).map(|it| &it.1));
        Asked {
            changed: Parts::of(changes.map(|change| &change.subject)),
            kept: parts(&edits.kept),
            checked: parts(&edits.checked),
            left_out: left_out
                .map(|(_, part, reason)| (Arc::as_ptr(part), *reason))
                .collect(),
        }
    }

    /// The outcome of a part, if it has proposed edits.
    fn about(&self, subject: &Arc<Subject>) -> Option<Account> {
        let part = Arc::as_ptr(subject);
        self.account(|parts| parts.has(part))
    }

    /// The outcome of the object, if any part has proposed edits.
    fn about_any(&self) -> Option<Account> {
        self.account(|parts| !parts.0.is_empty())
    }

    fn account(&self, has: impl Fn(&Parts) -> bool) -> Option<Account> {
        match () {
            () if has(&self.changed) => Some(Account::Fitted),
            () if has(&self.kept) => Some(Account::RightAlready),
            () if has(&self.checked) => Some(Account::CheckedOnly),
            () => None,
        }
    }
}

fn of_object(config: &Config<'_>, selected: &Selected<'_, '_>, asked: &Asked) -> Account {
    let Target {
        resource,
        templates,
        claims,
    } = selected.target;
    if let Some(account) = asked.about_any() {
        return account;
    }
    if config.validate_only && templates.iter().any(Template::is_whole) {
        return Account::CheckedOnly;
    }
    if !templates.is_empty() || !claims.is_empty() {
        let is_selected =
            selected.containers.is_whole_object() || selected.each_container().next().is_some();
        return Account::PassedOver(match is_selected {
            true => unasked(config, selected),
            false => SkipReason::NotSelected,
        });
    }
    let is_declared = config.pod_specs.iter().any(|it| it.is_for(resource));
    if is_known_kind(resource) || is_declared {
        return Account::PassedOver(SkipReason::NoContainers);
    }
    match may_hold_pods(resource) && !pods_in(resource).is_empty() {
        true => Account::PassedOver(SkipReason::UnknownKind),
        false => Account::NoWorkload,
    }
}

fn of_container(
    config: &Config<'_>,
    selected: &Selected<'_, '_>,
    template: &Template<'_>,
    container: &Container<'_>,
    asked: &Asked,
) -> Account {
    if let Some(account) = asked.about(&container.subject) {
        return account;
    }
    // Checks always read the whole pod, even if only some containers are selected.
    if config.validate_only && template.is_whole() {
        return Account::CheckedOnly;
    }
    let left_out = selected.containers.leave_out(container);
    Account::PassedOver(left_out.unwrap_or_else(|| unasked(config, selected)))
}

fn of_claim(
    config: &Config<'_>,
    selected: &Selected<'_, '_>,
    claim: &Claim<'_>,
    asked: &Asked,
) -> Account {
    let left_out = asked.left_out.get(&Arc::as_ptr(&claim.subject));
    let unasked = || match (left_out, selected.containers.is_whole_object()) {
        (Some(reason), _) => *reason,
        (None, true) => unasked(config, selected),
        (None, false) => SkipReason::NotSelected,
    };
    let account = asked.about(&claim.subject);
    account.unwrap_or_else(|| Account::PassedOver(unasked()))
}

/// Why a part of a selected object has no proposed edits.
fn unasked(config: &Config<'_>, selected: &Selected<'_, '_>) -> SkipReason {
    let layers: Vec<_> = selected.layers.iter().map(|(id, _)| *id).collect();
    let is_configured = |section: &&str| !config.section_layers(&layers, section).is_empty();
    match selected.author.skipped.iter().any(is_configured) {
        true => SkipReason::Skipped,
        false => SkipReason::Unconfigured,
    }
}
