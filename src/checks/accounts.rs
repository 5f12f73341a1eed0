//! FIT-SA001, FIT-SA002 and FIT-SEC003: ServiceAccounts that are shared or are not in the input, and API tokens that pods do
//! not need.
//!
//! An intruder can use any token for the Kubernetes API that a pod mounts. A pod needs the token if a binding grants its
//! account rights, its image is known to use the API or its command shows it, or if an annotation or label asks for an
//! identity: for an injector (Vault, a service mesh) or a cloud. `securityContext.automountServiceAccountToken: Auto` decides
//! in the same way. Accounts that set `automountServiceAccountToken: false` are skipped. Pods that need the token should not
//! run as `default`, because every pod without an account of its own shares its rights.
//!
//! The rights of an account that is not in the input are unknown: its bindings are probably in another file. `Auto` leaves
//! the token of such pods, and FIT-SA002 names each account once.

use std::borrow::Cow;

use kustomize_krm_types::Severity;

use super::{Check, Find, Scene};
use crate::catalogue::Known;
use crate::finding::{Finding, Mode};
use crate::hashing::HashMap;
use crate::objects::{AUTOMOUNT, DEFAULT_ACCOUNT, Template, TokenNeed, account_of};
use crate::read::Resource;
use crate::rules::rules;
use crate::select::Selected;
use crate::transformers::Scope;

rules! {
    RULES;
    ACCOUNT: "FIT-SA001" Warning OnCheck
        "API access as the shared account `default`" ("kube-linter default-service-account");
    UNKNOWN: "FIT-SA002" Warning Always "a token that stays, because its ServiceAccount is not in the input";
    TOKEN: "FIT-SEC003" Warning OnCheck
        "a Kubernetes API token that the pod does not need" ("Polaris automountServiceAccountToken; kubescape C-0034");
}

/// The setting for tokens, as in exemptions.
const LEAF: &str = "securityContext.automountServiceAccountToken";

pub(super) const CHECK: Check = Check {
    name: "accounts",
    rules: RULES,
    find: &[
        Find::Scene(unknown),
        Find::Scene(|scene| {
            let known = Known::default();
            let mut findings = Vec::new();
            if !scene.config.validate_only {
                return findings;
            }
            for selected in &scene.selection.selected {
                let resource = selected.target.resource;
                for template in &selected.target.templates {
                    let found = token(scene, resource, template, &known);
                    findings.extend(found.map(|it| it.of(selected.index)));
                }
            }
            findings
        }),
    ],
};

const ACCOUNT_KIND: &str = "ServiceAccount";

/// Whether an object of that kind is Kubernetes' own.
fn is_account(resource: &Resource<'_>) -> bool {
    resource.group().is_empty()
}

/// Whether an account does not exist although others do, which FIT-REF001 reports.
fn is_missing(scene: &Scene<'_>, resource: &Resource<'_>, name: &str) -> bool {
    let namespace = resource.namespace.as_deref();
    let objects = scene.objects();
    let found = objects.referred(resource, (ACCOUNT_KIND, name), namespace, is_account);
    found.is_empty()
        && objects.of_kind(ACCOUNT_KIND, namespace).any(is_account)
        && !objects.may_be_made(name, namespace)
}

/// An account that is not in the input.
struct UnknownAccount<'r, 'a> {
    name: Cow<'a, str>,
    severity: Severity,
    /// Its first pods.
    pods: (usize, &'r Template<'a>),
    workloads: usize,
}

/// Accounts that are not in the input, each once, whose pods keep a token that the config might take away.
fn unknown(scene: &Scene<'_>) -> Vec<Finding> {
    let mut accounts: Vec<UnknownAccount<'_, '_>> = Vec::new();
    let mut index: HashMap<(Option<&str>, String), usize> = HashMap::default();
    for selected in &scene.selection.selected {
        for template in &selected.target.templates {
            let Some((severity, name)) = keeps_unknown_token(scene, selected, template) else {
                continue;
            };
            let namespace = selected.target.resource.namespace.as_deref();
            let at = index.entry((namespace, name.to_string()));
            let at = *at.or_insert(accounts.len());
            match accounts.get_mut(at) {
                Some(account) => {
                    account.severity = account.severity.max(severity);
                    account.workloads += 1;
                }
                None => accounts.push(UnknownAccount {
                    name,
                    severity,
                    pods: (selected.index, template),
                    workloads: 1,
                }),
            }
        }
    }
    accounts.iter().map(UnknownAccount::finding).collect()
}

impl UnknownAccount<'_, '_> {
    fn finding(&self) -> Finding {
        let of = match self.workloads {
            1 => String::new(),
            more => format!(" of {more} workloads"),
        };
        let message = format!(
            "pod: its ServiceAccount {} is not in the input, so its rights are unknown; the pods{of} keep their API token",
            self.name
        );
        let (object, template) = self.pods;
        Finding::graded(&UNKNOWN, self.severity, message)
            .about(&template.pod, &[AUTOMOUNT])
            .leaf(LEAF)
            .of(object)
            .help(
                "add the account and its bindings to the input, or set `automountServiceAccountToken` to Never or Keep \
                 in a profile for these pods",
            )
    }
}

/// The account of pods that is not in the input, and a warning where nothing else shows that they use their token.
fn keeps_unknown_token<'a>(
    scene: &Scene<'_>,
    selected: &Selected<'_, 'a>,
    template: &Template<'a>,
) -> Option<(Severity, Cow<'a, str>)> {
    let sections = &scene.transformers.security_context;
    let (_, name) = account_of(template).filter(|(_, name)| name != DEFAULT_ACCOUNT)?;
    let resource = selected.target.resource;
    let accounts = &scene.objects().accounts;
    let is_decided = selected.skips(sections.name()) || !template.has_field(AUTOMOUNT);
    if is_decided || !accounts.is_unknown(resource, template) {
        return None;
    }
    let section = Scope::of(sections, scene.selection, selected).section()?;
    let own = template.spec.at([AUTOMOUNT]);
    let would_be_written = match section.mode(AUTOMOUNT) {
        Mode::Ensure | Mode::Check => own.is_none(),
        Mode::Override => own.and_then(|own| own.bool()) != Some(false),
        Mode::Bound | Mode::Remove | Mode::Off => false,
    };
    // One finding for each cause.
    let is_missing = || scene.config.validate_only && is_missing(scene, resource, &name);
    if !would_be_written || !section.settings.decides_about_tokens() || is_missing() {
        return None;
    }
    let (known, own) = (section.settings.known(), section.catalogue());
    let severity = match accounts.need_of(resource, template, known, own) {
        TokenNeed::Unknown => Severity::Warning,
        _ => Severity::Info,
    };
    Some((severity, name))
}

/// A token that the pod does not need, or that belongs to the account `default`.
fn token(
    scene: &Scene<'_>,
    resource: &Resource<'_>,
    template: &Template<'_>,
    known: &Known,
) -> Option<Finding> {
    let subject = template.pod.clone();
    let named = account_of(template);
    let name = named.as_ref().map_or(DEFAULT_ACCOUNT, |(_, name)| name);
    let own = template.spec.at([AUTOMOUNT]);
    let of_account = || {
        let namespace = resource.namespace.as_deref();
        let accounts =
            scene
                .objects()
                .referred(resource, (ACCOUNT_KIND, name), namespace, is_account);
        accounts
            .first()
            .and_then(|(_, account)| account.node.at([AUTOMOUNT]))
    };
    if own.or_else(of_account).and_then(|it| it.bool()) == Some(false) {
        return None;
    }
    let accounts = &scene.objects().accounts;
    // Programs only add needs, so they are not looked at where the account decides.
    if name != DEFAULT_ACCOUNT && !accounts.may_need_nothing(resource, name) {
        return None;
    }
    let need = accounts.need_of(resource, template, known, &scene.config.catalogue);
    if let TokenNeed::Nothing(_) = need {
        let message = format!(
            "pod: it mounts a token for the Kubernetes API, but the input grants the ServiceAccount `{name}` no rights"
        );
        let finding = Finding::new(&TOKEN, message)
            .about(&subject, &[AUTOMOUNT])
            .current(own.and_then(|own| own.value().ok()))
            .proposed(false)
            .leaf(LEAF);
        return Some(finding.help(format!(
            "set {AUTOMOUNT}: false, or bind the account to a role"
        )));
    }
    let is_used = matches!(need, TokenNeed::Used);
    (is_used && name == DEFAULT_ACCOUNT).then(|| {
        let message = "pod: it uses the Kubernetes API as the ServiceAccount `default`, which all pods without an \
                       account of their own share";
        let key = named.as_ref().map_or("serviceAccountName", |(key, _)| key);
        Finding::new(&ACCOUNT, message)
            .about(&subject, &[key])
            .current(named.is_some().then(|| DEFAULT_ACCOUNT.into()))
            .help("give the pod its own ServiceAccount")
    })
}
