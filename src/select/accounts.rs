//! Which ServiceAccounts talk to the Kubernetes API, as far as the objects in hand tell.
//!
//! kustomize hands out references as they were before its prefixes, and only the names of the objects themselves as they
//! will be. So a reference is resolved the way kustomize will do it: to the account that had the name at some time, and
//! of several to the one that was renamed as the object that refers to it was.
//!
//! Sources: `api/resmap/reswrangler.go` (`SubsetThatCouldBeReferencedByResource`) and `api/internal/utils/annotations.go`
//! of kustomize; `MakeUsername` and `MakeGroupNames` in apiserver `pkg/authentication/serviceaccount/util.go`.

use std::collections::HashMap;

use kustomize_krm_types::annotations;

use super::Template;
use crate::read::Resource;

/// ServiceAccounts for which somebody has decided about the API token.
#[derive(Debug, Default)]
pub struct Accounts {
    /// The accounts in hand.
    known: Vec<Account>,
    /// Accounts that are not in hand, by name, with the namespaces in which it was decided; `None` for one that is not
    /// written.
    elsewhere: HashMap<String, Vec<Option<String>>>,
    /// The namespaces all of whose accounts were given rights; `None` for all namespaces.
    groups: Vec<Option<String>>,
}

/// A ServiceAccount in hand.
#[derive(Debug)]
struct Account {
    /// The name now, then those before.
    names: Vec<String>,
    namespace: Option<String>,
    previous_namespaces: Vec<String>,
    renaming: Renaming,
    is_decided: bool,
}

/// The prefixes and suffixes that kustomize has given an object, outermost last.
#[derive(Debug, PartialEq, Eq)]
struct Renaming([Vec<String>; 2]);

impl Renaming {
    fn of(resource: &Resource<'_>) -> Renaming {
        Renaming(["prefixes", "suffixes"].map(|list| {
            let name = format!("{}{list}", annotations::INTERNAL_PREFIX);
            listed(resource, &name)
        }))
    }

    /// Whether the other was done to an object that came in later, further out.
    fn ends_with(&self, other: &Renaming) -> bool {
        let mut pairs = self.0.iter().zip(&other.0);
        pairs.all(|(mine, others)| mine.ends_with(others))
    }
}

/// The items of an annotation that is a list.
fn listed(resource: &Resource<'_>, annotation: &str) -> Vec<String> {
    let text = resource.annotation(annotation).unwrap_or_default();
    let items = text.split(',').filter(|item| !item.is_empty());
    items.map(str::to_owned).collect()
}

impl Account {
    fn of(resource: &Resource<'_>) -> Account {
        let mut names = vec![resource.name.to_string()];
        names.extend(resource.previous_names());
        let own = resource.node.get("automountServiceAccountToken");
        Account {
            names,
            namespace: resource.namespace.as_deref().map(str::to_owned),
            previous_namespaces: listed(resource, annotations::PREVIOUS_NAMESPACES),
            renaming: Renaming::of(resource),
            is_decided: own.is_some_and(|node| !node.is_null()),
        }
    }

    fn may_be_in(&self, namespace: Option<&str>) -> bool {
        match (namespace, self.namespace.as_deref()) {
            (Some(wanted), Some(now)) => {
                wanted == now || self.previous_namespaces.iter().any(|it| it == wanted)
            }
            _ => true,
        }
    }
}

impl Accounts {
    /// Collects the accounts that a binding gives rights, and those that decide for themselves.
    pub fn of(resources: &[Resource<'_>]) -> Accounts {
        let of_kind = |kind: &'static str| resources.iter().filter(move |it| it.kind == kind);
        let mut accounts = Accounts {
            known: of_kind("ServiceAccount").map(Account::of).collect(),
            ..Accounts::default()
        };
        for binding in of_kind("RoleBinding").chain(of_kind("ClusterRoleBinding")) {
            accounts.add_subjects(binding);
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
        let account = account.as_deref().unwrap_or("default");
        let namespace = resource.namespace.as_deref();
        let here = |decided: &Option<String>| match (decided.as_deref(), namespace) {
            (Some(decided), Some(pod)) => decided == pod,
            _ => true,
        };
        if self.groups.iter().any(here) {
            return true;
        }
        let known = self.referred(account, namespace, resource);
        if !known.is_empty() {
            return known.iter().any(|index| self.known[*index].is_decided);
        }
        let elsewhere = self.elsewhere.get(account);
        elsewhere.is_some_and(|namespaces| namespaces.iter().any(here))
    }

    /// Whether a ServiceAccount itself has rights, or says whether its pods get a token.
    pub fn decide(&self, account: &Resource<'_>) -> bool {
        let namespace = account.namespace.as_deref();
        let mut groups = self.groups.iter().map(|group| group.as_deref());
        let mut known = self.known.iter();
        groups.any(|group| group.is_none() || namespace.is_none() || group == namespace)
            || known.any(|it| {
                it.is_decided && it.names[0] == account.name && it.namespace.as_deref() == namespace
            })
    }

    /// The accounts in hand that a reference may mean: by name, and of several the nearest.
    fn referred(&self, name: &str, namespace: Option<&str>, from: &Resource<'_>) -> Vec<usize> {
        let renaming = Renaming::of(from);
        let mut found: Vec<usize> = (0..self.known.len())
            .filter(|index| {
                let account = &self.known[*index];
                account.names.iter().any(|it| it == name) && account.may_be_in(namespace)
            })
            .collect();
        let nearer: [&dyn Fn(&Account) -> bool; 4] = [
            &|account| namespace.is_some() && account.namespace.as_deref() == namespace,
            &|account| account.namespace.as_deref() == from.namespace.as_deref(),
            &|account| account.renaming == renaming,
            &|account| account.renaming.ends_with(&renaming),
        ];
        for is_nearer in nearer {
            if found.iter().any(|index| is_nearer(&self.known[*index])) {
                found.retain(|index| is_nearer(&self.known[*index]));
            }
        }
        found
    }

    fn add_subjects(&mut self, binding: &Resource<'_>) {
        let subjects = binding.node.get("subjects");
        for subject in subjects.into_iter().flat_map(|subjects| subjects.items()) {
            let text = |key: &str| subject.get(key).and_then(|value| value.text());
            let (Some(kind), Some(name)) = (text("kind"), text("name")) else {
                continue;
            };
            match kind.as_ref() {
                "ServiceAccount" => self.add(&name, text("namespace").as_deref(), binding),
                "User" => {
                    let account = name.strip_prefix("system:serviceaccount:");
                    if let Some((namespace, name)) = account.and_then(|it| it.split_once(':')) {
                        self.add_final(name, namespace);
                    }
                }
                "Group" => match name.strip_prefix("system:serviceaccounts") {
                    Some("") => self.groups.push(None),
                    Some(rest) => {
                        let namespace = rest.strip_prefix(':').map(str::to_owned);
                        self.groups.extend(namespace.map(Some));
                    }
                    None => {}
                },
                _ => {}
            }
        }
    }

    /// Notes that the account which a reference means was given rights.
    fn add(&mut self, name: &str, namespace: Option<&str>, binding: &Resource<'_>) {
        let known = self.referred(name, namespace, binding);
        for index in &known {
            self.known[*index].is_decided = true;
        }
        if known.is_empty() {
            let namespaces = self.elsewhere.entry(name.to_owned()).or_default();
            namespaces.push(namespace.map(str::to_owned));
        }
    }

    /// The same for a name in a text that kustomize does not know for a reference, and so never changes.
    fn add_final(&mut self, name: &str, namespace: &str) {
        for account in &mut self.known {
            let is_here = account
                .namespace
                .as_deref()
                .is_none_or(|it| it == namespace);
            account.is_decided |= is_here && account.names[0] == name;
        }
        let namespaces = self.elsewhere.entry(name.to_owned()).or_default();
        namespaces.push(Some(namespace.to_owned()));
    }
}
