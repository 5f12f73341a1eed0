//! FIT-SA001 and FIT-SEC003: ServiceAccounts that do not exist or are shared, and tokens that nobody needs.
//!
//! Pods whose ServiceAccount does not exist are not created, which only the events of their ReplicaSet tell. It is told
//! where the namespace has other rendered ServiceAccounts, and no operator may make this one of a custom resource.
//!
//! A token for the Kubernetes API that nobody needs is one that an intruder can use. It is needed where a binding gives
//! its account rights, or the image is known to use the API; `securityContext.automountServiceAccountToken: Auto` goes
//! by the same. An account that says for itself whether its pods get a token is left alone. Pods that need the token
//! ought not to run as `default`, whose rights all pods of the namespace get that name no account.

use kustomize_krm_types::Severity;

use super::{Check, Find, Scene};
use crate::catalogue::Known;
use crate::finding::Finding;
use crate::objects::{DEFAULT_ACCOUNT, Template, account_of};
use crate::problem::suggestion;
use crate::read::Resource;
use crate::rules::{Rule, When};

const ACCOUNT: Rule = Rule {
    id: "FIT-SA001",
    severity: Severity::Warning,
    when: When::OnCheck,
    meaning: "a ServiceAccount that does not exist, or rights for all pods of a namespace",
    peers: "kube-linter non-existent-service-account, default-service-account",
};
const TOKEN: Rule = Rule {
    id: "FIT-SEC003",
    severity: Severity::Warning,
    when: When::OnCheck,
    meaning: "a token for the Kubernetes API that nobody needs",
    peers: "Polaris automountServiceAccountToken; kubescape C-0034",
};

const AUTOMOUNT: &str = "automountServiceAccountToken";

pub(super) const CHECK: Check = Check {
    name: "accounts",
    rules: &[ACCOUNT, TOKEN],
    find: Find::Objects(|scene| {
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
    }),
};

fn is_account(resource: &Resource<'_>) -> bool {
    resource.kind == "ServiceAccount" && resource.group().is_empty()
}

/// An account that is not there, though others are.
fn missing(scene: &Scene<'_>, resource: &Resource<'_>, template: &Template<'_>) -> Option<Finding> {
    let (key, name) = account_of(template).filter(|(_, name)| name != DEFAULT_ACCOUNT)?;
    let namespace = resource.namespace.as_deref();
    let (objects, resources) = (scene.objects(), scene.objects().resources.iter());
    if !objects
        .referred(resource, &name, namespace, is_account)
        .is_empty()
    {
        return None;
    }
    let is_here = |it: &&Resource<'_>| is_account(it) && namespace == it.namespace.as_deref();
    let mut others = resources.filter(is_here).peekable();
    if others.peek().is_none() || objects.may_be_made(resource, &name, namespace) {
        return None;
    }
    let message = format!("pod: there is no ServiceAccount {name} in its namespace");
    let help = suggestion(&name, others.map(|it| it.name.as_ref()));
    let finding = Finding::new(&ACCOUNT, message)
        .about(&template.pod, &[key])
        .current(Some(name.as_ref().into()));
    Some(finding.help(help.unwrap_or_else(|| "without it no pod is created: add it".to_owned())))
}

/// A token that nobody needs, or that is one for all.
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
        let accounts = scene
            .objects()
            .referred(resource, name, namespace, is_account);
        accounts
            .first()
            .and_then(|(_, account)| account.node.at([AUTOMOUNT]))
    };
    if own.or_else(of_account).and_then(|it| it.bool()) == Some(false) {
        return None;
    }
    let accounts = &scene.selection.objects.accounts;
    let is_needed = accounts.want_token(resource, template, known, &scene.config.catalogue);
    if !is_needed {
        let message = format!(
            "pod: it gets a token for the Kubernetes API, and nothing here gives the ServiceAccount `{name}` rights"
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
        let message = "pod: it uses the Kubernetes API as the ServiceAccount `default`, which all pods of the \
                       namespace are that name none";
        let key = named.as_ref().map_or("serviceAccountName", |(key, _)| key);
        Finding::new(&ACCOUNT, message)
            .about(&subject, &[key])
            .current(named.is_some().then(|| DEFAULT_ACCOUNT.into()))
            .help("give it a ServiceAccount of its own")
    })
}
