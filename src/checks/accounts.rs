//! FIT-SA001 and FIT-SEC003: ServiceAccounts that do not exist or are shared, and API tokens that pods do not need.
//!
//! Pods whose ServiceAccount does not exist are not created, and only the events of their ReplicaSet report it. The check
//! reports it if the input has other ServiceAccounts in the namespace and no operator could create this one.
//!
//! An intruder can use any token for the Kubernetes API that a pod mounts. A pod needs the token if a binding grants its
//! account rights or its image is known to use the API; `securityContext.automountServiceAccountToken: Auto` decides in the
//! same way. Accounts that set `automountServiceAccountToken: false` are skipped. Pods that need the token should not run
//! as `default`, because every pod without an account of its own shares its rights.

use kustomize_krm_types::Severity;

use super::{Check, Find, Scene};
use crate::catalogue::Known;
use crate::finding::Finding;
use crate::objects::{DEFAULT_ACCOUNT, Template, account_of};
use crate::read::Resource;
use crate::rules::{Rule, When};

const ACCOUNT: Rule = Rule {
    id: "FIT-SA001",
    severity: Severity::Warning,
    when: When::OnCheck,
    meaning: "a ServiceAccount that does not exist, or API access as the shared account `default`",
    peers: "kube-linter non-existent-service-account, default-service-account",
};
const TOKEN: Rule = Rule {
    id: "FIT-SEC003",
    severity: Severity::Warning,
    when: When::OnCheck,
    meaning: "a Kubernetes API token that the pod does not need",
    peers: "Polaris automountServiceAccountToken; kubescape C-0034",
};

const AUTOMOUNT: &str = "automountServiceAccountToken";

pub(super) const CHECK: Check = Check {
    name: "accounts",
    rules: &[ACCOUNT, TOKEN],
    find: &[Find::Scene(|scene| {
        let known = Known::default();
        let mut findings = Vec::new();
        for selected in &scene.selection.selected {
            let resource = selected.target.resource;
            for template in &selected.target.templates {
                let found = [
                    missing(scene, resource, template),
                    token(scene, resource, template, &known),
                ];
                let found = found.into_iter().flatten();
                findings.extend(found.map(|it| it.of(selected.index)));
            }
        }
        findings
    })],
};

const ACCOUNT_KIND: &str = "ServiceAccount";

/// Whether an object of that kind is Kubernetes' own.
fn is_account(resource: &Resource<'_>) -> bool {
    resource.group().is_empty()
}

/// An account that does not exist although others do.
fn missing(scene: &Scene<'_>, resource: &Resource<'_>, template: &Template<'_>) -> Option<Finding> {
    let (key, name) = account_of(template).filter(|(_, name)| name != DEFAULT_ACCOUNT)?;
    let namespace = resource.namespace.as_deref();
    let objects = scene.objects();
    if !objects
        .referred(resource, (ACCOUNT_KIND, &name), namespace, is_account)
        .is_empty()
    {
        return None;
    }
    let others = objects.of_kind(ACCOUNT_KIND, namespace);
    if !others.clone().any(is_account) || objects.may_be_made(&name, namespace) {
        return None;
    }
    let message = format!("pod: its namespace has no ServiceAccount {name}");
    let count = others.len();
    let others = others
        .filter(|it| is_account(it))
        .map(|it| it.name.as_ref());
    let similar = objects.did_you_mean(&name, others, count);
    let help = similar.map(|it| format!("did you mean `{it}`?"));
    let finding = Finding::new(&ACCOUNT, message)
        .about(&template.pod, &[key])
        .current(Some(name.as_ref().into()));
    Some(finding.help(help.unwrap_or_else(|| "add it: without it no pod is created".to_owned())))
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
    let accounts = &scene.selection.objects.accounts;
    if !accounts.want_token(resource, template, known, &scene.config.catalogue) {
        let message = format!(
            "pod: it mounts a token for the Kubernetes API, but the input grants the ServiceAccount `{name}` no rights"
        );
        let finding = Finding::new(&TOKEN, message)
            .about(&subject, &[AUTOMOUNT])
            .current(own.and_then(|own| own.value().ok()))
            .proposed(false)
            .leaf("securityContext.automountServiceAccountToken");
        return Some(finding.help(format!(
            "set {AUTOMOUNT}: false, or bind the account to a role"
        )));
    }
    (name == DEFAULT_ACCOUNT).then(|| {
        let message = "pod: it uses the Kubernetes API as the ServiceAccount `default`, which all pods without an \
                       account of their own share";
        let key = named.as_ref().map_or("serviceAccountName", |(key, _)| key);
        Finding::new(&ACCOUNT, message)
            .about(&subject, &[key])
            .current(named.is_some().then(|| DEFAULT_ACCOUNT.into()))
            .help("give the pod its own ServiceAccount")
    })
}
