//! The ledger: the outcome of every object, container and claim of the input, each exactly once.
//!
//! Objects are passed over for many reasons: selection, annotations, unknown kinds. Each has a row here whatever the
//! reason, so that reports can list everything that is left out. A test counts the input by other means and compares.

use std::sync::Arc;

use crate::config::Config;
use crate::edit::Edits;
use crate::hashing::HashMap;
use crate::objects::{
    Claim, Classification, Container, Gap, SkipReason, Subject, Target, is_known_kind,
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
    /// Whether it has pods and the config selects it, or a check looks at them.
    pub is_workload: bool,
    /// How much of its pods is looked at.
    pub extent: Extent,
}

/// How much of an object's pods a run looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// All of them, or it has none.
    Whole,
    /// The fields that the object has; its operator sets the others.
    InPart,
    /// It may have some that are not looked at.
    Unexamined,
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
    /// It may have pods that fitout cannot see.
    NotExamined,
    /// It has no pods and no claims.
    NoWorkload,
    /// It is only checked; if it is never changed, with the reason.
    CheckedOnly(Option<SkipReason>),
    /// Every configured field is set already, by the config or by the manifest.
    RightAlready,
    /// It is changed, or would be.
    Fitted,
}

impl Account {
    /// The word and meaning of each outcome, in the order of summaries.
    pub const ALL: [(&'static str, &'static str); 6] = [
        ("fitted", "It is changed, or would be."),
        (
            "right-already",
            "Every configured field is set already, by the config or by the manifest.",
        ),
        (
            "checked-only",
            "It is only checked: by the mode `Check`, by an exemption, or by `check`, which also checks pods that are not changed for one of the reasons below.",
        ),
        ("no-workload", "It has no pods and no claims."),
        (
            "not-examined",
            "It may have pods that fitout cannot see; `FIT-TGT004` says why.",
        ),
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
            Account::CheckedOnly(_) => 2,
            Account::NoWorkload => 3,
            Account::NotExamined => 4,
            Account::PassedOver(_) => 5,
        };
        Account::ALL[at].0
    }

    /// Why it is not changed, if it never is.
    pub fn reason(self) -> Option<SkipReason> {
        match self {
            Account::PassedOver(reason) => Some(reason),
            Account::CheckedOnly(reason) => reason,
            _ => None,
        }
    }

    /// Whether it is passed over.
    pub fn is_passed_over(self) -> bool {
        matches!(self, Account::PassedOver(_))
    }
}

impl Ledger {
    /// Passes over objects that the command line does not choose.
    pub fn leave_out(&mut self, reason: SkipReason, is_left: impl Fn(usize) -> bool) {
        let account = Account::PassedOver(reason);
        for (index, row) in self.objects.iter_mut().enumerate() {
            if is_left(index) {
                *row = ObjectRow {
                    account,
                    is_workload: false,
                    extent: Extent::Whole,
                };
            }
        }
        for row in self.containers.iter_mut().chain(&mut self.claims) {
            if is_left(row.object) {
                row.account = account;
            }
        }
    }

    /// The outcomes of a run.
    pub fn of(config: &Config<'_>, selection: &Selection<'_, '_>, edits: &Edits<'_>) -> Ledger {
        let mut ledger = Ledger::default();
        let mut left_out = selection.passed_over.iter().peekable();
        for (index, class) in selection.objects.classifications.iter().enumerate() {
            let reason = left_out.next_if(|(at, _)| *at == index).map(|it| it.1);
            let selected = selection.selected_at(index);
            let target = match class {
                Classification::Target(target) => Some(target),
                Classification::PassedOver(_, target) => target.as_ref().ok(),
                // If the config selects it, the run has stopped before.
                Classification::Malformed(_) => None,
            };
            let (account, extent) = match (target, selected, reason) {
                (Some(target), Some(selected), None) => {
                    let asked = Asked::of(index, edits);
                    ledger.add_parts(config, selected, &asked);
                    let account = of_object(config, selected, &asked);
                    (account, Extent::of(config, target, account))
                }
                (Some(target), Some(_), Some(reason)) => {
                    let has_pods =
                        !target.templates.is_empty() || !target.only_checked().is_empty();
                    let account = match has_pods {
                        true => Account::CheckedOnly(Some(reason)),
                        false => Account::PassedOver(reason),
                    };
                    ledger.add_all(index, target, account);
                    (account, Extent::of(config, target, account))
                }
                (target, _, reason) => {
                    let account = Account::PassedOver(reason.unwrap_or(SkipReason::NotSelected));
                    if let Some(target) = target {
                        ledger.add_all(index, target, account);
                    }
                    let unreadable = &selection.unreadable;
                    let extent = match unreadable.binary_search_by_key(&index, |it| it.0) {
                        Ok(_) => Extent::Unexamined,
                        Err(_) => Extent::Whole,
                    };
                    (account, extent)
                }
            };
            let has_pods = selected.is_some_and(|it| !it.target.templates.is_empty());
            ledger.objects.push(ObjectRow {
                account,
                is_workload: has_pods || matches!(account, Account::CheckedOnly(_)),
                extent,
            });
        }
        ledger
    }

    /// The number of objects with pods that the config selects or a check looks at.
    pub fn workloads(&self) -> usize {
        self.objects.iter().filter(|row| row.is_workload).count()
    }

    /// Whether the config applies to any object.
    pub fn applies(&self) -> bool {
        let mut accounts = self.objects.iter().map(|row| row.account);
        accounts.any(|it| {
            matches!(
                it,
                Account::Fitted | Account::RightAlready | Account::CheckedOnly(None)
            )
        })
    }

    fn add_all(&mut self, object: usize, target: &Target<'_>, account: Account) {
        let row = |subject: &Arc<Subject>| PartRow::new(object, subject, account);
        let containers = target.containers().chain(target.undeclared_containers());
        let containers = containers.map(|container| row(&container.subject));
        self.containers.extend(containers);
        let claims = target.claims.iter().map(|claim| row(&claim.subject));
        self.claims.extend(claims);
    }

    fn add_parts(&mut self, config: &Config<'_>, selected: &Selected<'_, '_>, asked: &Asked) {
        let row = |subject, account| PartRow::new(selected.index, subject, account);
        let target = selected.target;
        for container in target.containers() {
            let account = of_container(config, selected, container, asked);
            self.containers.push(row(&container.subject, account));
        }
        for container in target.undeclared_containers() {
            let account = never_changed(config, SkipReason::UnknownKind);
            self.containers.push(row(&container.subject, account));
        }
        for claim in &target.claims {
            let account = of_claim(config, selected, claim, asked);
            self.claims.push(row(&claim.subject, account));
        }
    }
}

impl Extent {
    fn of(config: &Config<'_>, target: &Target<'_>, account: Account) -> Extent {
        match (target.gap(), account) {
            (Some(Gap::Unseen | Gap::UnknownKind | Gap::Mutator), _) if !config.validate_only => {
                Extent::Whole
            }
            (_, Account::NotExamined | Account::PassedOver(SkipReason::UnknownKind)) => {
                Extent::Unexamined
            }
            (Some(gap), _) if !gap.is_in_part() => Extent::Unexamined,
            (Some(_), _) if config.validate_only => Extent::InPart,
            _ => Extent::Whole,
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
            () if has(&self.checked) => Some(Account::CheckedOnly(None)),
            () => None,
        }
    }
}

fn of_object(config: &Config<'_>, selected: &Selected<'_, '_>, asked: &Asked) -> Account {
    let target = selected.target;
    if let Some(account) = asked.about_any() {
        return account;
    }
    if config.validate_only && !target.templates.is_empty() {
        let skipped = Some(unasked(config, selected));
        return Account::CheckedOnly(skipped.filter(|it| *it == SkipReason::Skipped));
    }
    if !target.templates.is_empty() || !target.claims.is_empty() {
        let is_selected =
            selected.containers.is_whole_object() || selected.each_container().next().is_some();
        return Account::PassedOver(match is_selected {
            true => unasked(config, selected),
            false => SkipReason::NotSelected,
        });
    }
    let resource = target.resource;
    let is_declared = config.pod_specs.iter().any(|it| it.is_for(resource));
    let has_pods = !target.only_checked().is_empty();
    match target.gap() {
        _ if has_pods && is_known_kind(resource) && !target.holds_undeclared_pods() => {
            never_changed(config, SkipReason::NoContainers)
        }
        _ if has_pods && (config.validate_only || target.holds_undeclared_pods()) => {
            never_changed(config, SkipReason::UnknownKind)
        }
        // This is about checks.
        Some(Gap::Unseen) if !config.validate_only => Account::PassedOver(SkipReason::NoContainers),
        Some(Gap::UnknownKind | Gap::Mutator) if !config.validate_only => Account::NoWorkload,
        Some(Gap::Claims(_)) => Account::PassedOver(SkipReason::UnknownKind),
        Some(_) => Account::NotExamined,
        None if is_known_kind(resource) || is_declared => {
            Account::PassedOver(SkipReason::NoContainers)
        }
        None => Account::NoWorkload,
    }
}

/// The outcome of pods that are never changed: checks look at them all the same.
fn never_changed(config: &Config<'_>, reason: SkipReason) -> Account {
    match config.validate_only {
        true => Account::CheckedOnly(Some(reason)),
        false => Account::PassedOver(reason),
    }
}

fn of_container(
    config: &Config<'_>,
    selected: &Selected<'_, '_>,
    container: &Container<'_>,
    asked: &Asked,
) -> Account {
    if let Some(account) = asked.about(&container.subject) {
        return account;
    }
    // Checks always read the whole pod, even if only some containers are selected.
    if config.validate_only {
        return Account::CheckedOnly(None);
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
    let mut skipped = selected.author.iter().flat_map(|it| &it.skipped);
    match skipped.any(is_configured) {
        true => SkipReason::Skipped,
        false => SkipReason::Unconfigured,
    }
}
