//! The ledger: what became of every object, container and claim of the input, each exactly once.
//!
//! Much is left as it is, for many reasons and in many places: by selection, by annotations, because a kind is unknown.
//! Here each has its row whatever the reason, so nothing is left out without a report saying so. A test counts the
//! input by other means and compares.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::Config;
use crate::edit::Edits;
use crate::objects::{
    Claim, Container, PassedOver, Standing, Subject, Target, Template, is_known_kind,
    may_hold_pods, pods_in,
};
use crate::select::{Selected, Selection};

/// Every object, container and claim of the input.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The objects, in their order.
    pub objects: Vec<ObjectRow>,
    /// Their containers, those of all templates.
    pub containers: Vec<PartRow>,
    /// Their claims.
    pub claims: Vec<PartRow>,
}

/// What became of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectRow {
    /// What became of it.
    pub account: Account,
    /// It makes pods, and the config selects it.
    pub is_workload: bool,
}

/// What became of a part of an object.
#[derive(Clone, Debug)]
pub struct PartRow {
    /// The object, by its index.
    pub object: usize,
    /// The part.
    pub subject: Arc<Subject>,
    /// What became of it.
    pub account: Account,
}

/// What became of something. Where several configs are about it, the greatest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// It is left as it is, for a reason.
    PassedOver(PassedOver),
    /// There is nothing in it that could be set.
    NoWorkload,
    /// It is checked, and nothing in it would be written.
    CheckedOnly,
    /// The config sets nothing in it that is not there already, or that its author has not set otherwise.
    RightAlready,
    /// Something in it is written, or would be.
    Fitted,
}

impl Account {
    /// Each of them, in the order of summaries, with what it means.
    pub const ALL: [(&'static str, &'static str); 5] = [
        ("fitted", "Something in it is written, or would be."),
        (
            "right-already",
            "The config sets nothing in it that is not there already, or that its author has not set otherwise.",
        ),
        (
            "checked-only",
            "It is checked, and nothing in it would be written: by the mode `Check`, by an exemption, or because `check` looks at pods that are not fitted.",
        ),
        (
            "no-workload",
            "An object with no pods and no claims, in which there is nothing to set.",
        ),
        ("passed-over", "It is left as it is, for a reason."),
    ];

    /// The word for it in reports.
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

    /// Why it is left as it is, if so.
    pub fn reason(self) -> Option<PassedOver> {
        match self {
            Account::PassedOver(reason) => Some(reason),
            _ => None,
        }
    }
}

impl Ledger {
    /// What became of everything.
    pub fn of(config: &Config<'_>, selection: &Selection<'_, '_>, edits: &Edits<'_>) -> Ledger {
        let mut ledger = Ledger::default();
        let mut left_out = selection.passed_over.iter().peekable();
        for (index, standing) in selection.objects.standings.iter().enumerate() {
            let reason = left_out.next_if(|(at, _)| *at == index);
            let (account, is_workload) = match (reason, selection.selected_at(index)) {
                (Some((_, reason)), _) => {
                    ledger.pass_over(config, selection, (index, standing), *reason);
                    (Account::PassedOver(*reason), false)
                }
                (None, Some(selected)) => {
                    let asked = Asked::of(index, edits);
                    ledger.add_parts(config, selected, &asked);
                    let has_pods = !selected.target.templates.is_empty();
                    (of_object(config, selected, &asked), has_pods)
                }
                // An object that does not have the shape of its kind stops the run.
                (None, None) => (Account::PassedOver(PassedOver::NotSelected), false),
            };
            ledger.objects.push(ObjectRow {
                account,
                is_workload,
            });
        }
        ledger
    }

    /// The objects that make pods, and that the config selects.
    pub fn workloads(&self) -> usize {
        self.objects.iter().filter(|row| row.is_workload).count()
    }

    /// The parts of an object that is passed over are passed over with it.
    fn pass_over(
        &mut self,
        config: &Config<'_>,
        selection: &Selection<'_, '_>,
        (index, standing): (usize, &Standing<'_>),
        reason: PassedOver,
    ) {
        let account = Account::PassedOver(reason);
        match standing {
            Standing::Target(target) => self.add_all(index, target, account),
            Standing::PassedOver(_) => {
                let resource = &selection.objects.resources[index];
                // One that does not have the shape of its kind has no containers that anybody could name.
                if let Ok(target) = Target::of(resource, &config.pod_specs, &config.claims) {
                    self.add_all(index, &target, account);
                }
            }
            Standing::Malformed(_) => {}
        }
    }

    fn add_all(&mut self, object: usize, target: &Target<'_>, account: Account) {
        let row = |subject: &Arc<Subject>| PartRow {
            object,
            subject: Arc::clone(subject),
            account,
        };
        let containers = target.containers().map(|container| row(&container.subject));
        self.containers.extend(containers);
        self.claims
            .extend(target.claims.iter().map(|claim| row(&claim.subject)));
    }

    fn add_parts(&mut self, config: &Config<'_>, selected: &Selected<'_, '_>, asked: &Asked) {
        let row = |subject: &Arc<Subject>, account| PartRow {
            object: selected.index,
            subject: Arc::clone(subject),
            account,
        };
        for template in &selected.target.templates {
            for container in template.containers.iter().chain(&template.made) {
                let account = of_container(config, selected, template, container, asked);
                self.containers.push(row(&container.subject, account));
            }
        }
        for claim in &selected.target.claims {
            let account = of_claim(selected, claim, asked);
            self.claims.push(row(&claim.subject, account));
        }
    }
}

/// The parts of one object that transformers asked about. They are told apart by their identity, because each is made once.
struct Asked {
    changed: Parts,
    kept: Parts,
    checked: Parts,
    left_out: HashMap<*const Subject, PassedOver>,
}

/// Parts of one object, in the order of their addresses. Most of a plan is about the same few parts one after another, so
/// this costs little more than a look at each change.
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

/// The rows of one object, of rows in the order of objects.
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

    /// What became of a part, if anybody asked about it.
    fn about(&self, subject: &Arc<Subject>) -> Option<Account> {
        let part = Arc::as_ptr(subject);
        self.account(|parts| parts.has(part))
    }

    /// What became of the object, if anybody asked about a part of it.
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
        let is_meant =
            selected.containers.is_whole_object() || selected.each_container().next().is_some();
        return Account::PassedOver(match is_meant {
            true => unasked(selected),
            false => PassedOver::NotSelected,
        });
    }
    let is_declared = config.pod_specs.iter().any(|it| it.is_for(resource));
    if is_known_kind(resource) || is_declared {
        return Account::PassedOver(PassedOver::NoContainers);
    }
    match may_hold_pods(resource) && !pods_in(resource).is_empty() {
        true => Account::PassedOver(PassedOver::UnknownKind),
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
    // Checks look at whole pods, whichever of their containers are to be fitted.
    if config.validate_only && template.is_whole() {
        return Account::CheckedOnly;
    }
    let left_out = selected.containers.leave_out(container);
    Account::PassedOver(left_out.unwrap_or_else(|| unasked(selected)))
}

fn of_claim(selected: &Selected<'_, '_>, claim: &Claim<'_>, asked: &Asked) -> Account {
    let left_out = asked.left_out.get(&Arc::as_ptr(&claim.subject));
    let unasked = || match (left_out, selected.containers.is_whole_object()) {
        (Some(reason), _) => *reason,
        (None, true) => unasked(selected),
        (None, false) => PassedOver::NotSelected,
    };
    let account = asked.about(&claim.subject);
    account.unwrap_or_else(|| Account::PassedOver(unasked()))
}

/// Why nobody asked about a part of a selected object.
fn unasked(selected: &Selected<'_, '_>) -> PassedOver {
    match selected.skipped.is_empty() {
        true => PassedOver::Unconfigured,
        false => PassedOver::Skipped,
    }
}
