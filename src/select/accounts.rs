//! Which ServiceAccounts talk to the Kubernetes API, as far as the objects in hand tell.
//!
//! References are compared as they are written: kustomize hands out the names before its prefixes on
//! both sides.

use std::collections::HashMap;

use super::Template;
use crate::read::Resource;

/// ServiceAccounts, by name, for which somebody has decided about the API token.
#[derive(Debug, Default)]
pub struct Accounts {
    /// The namespaces in which it was decided; `None` for one that is not written.
    decided: HashMap<String, Vec<Option<String>>>,
}

impl Accounts {
    /// Collects the accounts that a binding gives rights, and those that decide for themselves.
    pub fn of(resources: &[Resource<'_>]) -> Accounts {
        let mut accounts = Accounts::default();
        for resource in resources {
            match resource.kind.as_ref() {
                "RoleBinding" | "ClusterRoleBinding" => accounts.add_subjects(resource),
                "ServiceAccount" => accounts.add_decided(resource),
                _ => {}
            }
        }
        accounts
    }

    /// Whether the pods' token is wanted, or decided on, by somebody else than their template.
    pub fn decide_for(&self, resource: &Resource<'_>, template: &Template<'_>) -> bool {
        let named = template
            .spec
            .get("serviceAccountName")
            .or_else(|| template.spec.get("serviceAccount"));
        let account = named
            .and_then(|name| name.text())
            .filter(|name| !name.is_empty());
        let namespaces = self.decided.get(account.as_deref().unwrap_or("default"));
        let here = |namespace: &Option<String>| match (
            namespace.as_deref(),
            resource.namespace.as_deref(),
        ) {
            (Some(decided), Some(pod)) => decided == pod,
            _ => true,
        };
        namespaces.is_some_and(|namespaces| namespaces.iter().any(here))
    }

    fn add_subjects(&mut self, binding: &Resource<'_>) {
        for subject in binding
            .node
            .get("subjects")
            .into_iter()
            .flat_map(|subjects| subjects.items())
        {
            let text = |key: &str| {
                subject
                    .get(key)
                    .and_then(|value| value.text())
                    .map(|text| text.into_owned())
            };
            if let (Some("ServiceAccount"), Some(name)) = (text("kind").as_deref(), text("name")) {
                self.decided
                    .entry(name)
                    .or_default()
                    .push(text("namespace"));
            }
        }
    }

    fn add_decided(&mut self, account: &Resource<'_>) {
        if account
            .node
            .get("automountServiceAccountToken")
            .is_none_or(|node| node.is_null())
        {
            return;
        }
        let namespace = account.namespace.as_deref().map(str::to_owned);
        for name in account
            .previous_names()
            .into_iter()
            .chain([account.name.to_string()])
        {
            self.decided
                .entry(name)
                .or_default()
                .push(namespace.clone());
        }
    }
}
