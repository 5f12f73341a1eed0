//! ServiceAccounts whose pods need the Kubernetes API, by the bindings in the input.
//!
//! References are resolved as in [`super::NameIndex`].
//!
//! Sources: `MakeUsername` and `MakeGroupNames` in apiserver `pkg/authentication/serviceaccount/util.go`.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::names::{self, ByName, Named};
use super::template::Template;
use crate::catalogue::{Entry, Known};
use crate::read::Resource;

/// The account of pods that name none.
pub const DEFAULT: &str = "default";

/// The ServiceAccount that pods name, and the key that names it: `serviceAccount` is deprecated but still read.
pub fn account_of<'a>(template: &Template<'a>) -> Option<(&'static str, Cow<'a, str>)> {
    let mut keys = ["serviceAccountName", "serviceAccount"].into_iter();
    keys.find_map(|key| {
        let name = template.spec.text_at([key])?;
        (!name.is_empty()).then_some((key, name))
    })
}

/// ServiceAccounts that have rights, or that set `automountServiceAccountToken` themselves.
#[derive(Debug, Default)]
pub struct Accounts {
    /// The accounts in the input.
    known: Vec<Account>,
    by_name: ByName,
    /// Accounts outside the input that have rights: their namespaces by name; `None` if the reference has no namespace.
    elsewhere: HashMap<String, HashSet<Option<String>>>,
    /// Namespaces whose accounts all have rights; `None` for all namespaces.
    groups: HashSet<Option<String>>,
}

/// A ServiceAccount in the input.
#[derive(Debug)]
struct Account {
    named: Named,
    is_decided: bool,
}

impl Account {
    fn of(resource: &Resource<'_>) -> Account {
        let own = resource.node.at(["automountServiceAccountToken"]);
        Account {
            named: Named::of(resource),
            is_decided: own.is_some(),
        }
    }
}

impl Accounts {
    /// Collects the accounts from the ServiceAccounts and bindings.
    pub fn of(resources: &[Resource<'_>]) -> Accounts {
        let of_kind = |kind: &'static str| resources.iter().filter(move |it| it.kind == kind);
        let known: Vec<Account> = of_kind("ServiceAccount").map(Account::of).collect();
        let mut accounts = Accounts {
            by_name: ByName::of(known.iter().map(|it| &it.named).enumerate()),
            known,
            ..Accounts::default()
        };
        for binding in of_kind("RoleBinding").chain(of_kind("ClusterRoleBinding")) {
            accounts.add_subjects(binding);
        }
        accounts
    }

    /// Whether pods need the API token, or their ServiceAccount decides about it. In both cases
    /// `automountServiceAccountToken: Auto` leaves the field alone. `own` are the config's entries of the catalogue.
    pub fn want_token(
        &self,
        resource: &Resource<'_>,
        template: &Template<'_>,
        known: &Known,
        own: &[Entry],
    ) -> bool {
        let images = template.containers.iter();
        let mut images = images.filter_map(|container| container.node.text_at(["image"]));
        let uses_api = |image: &str| known.entry_for(own, image).is_some_and(|it| it.uses_api);
        // Containers that an operator adds may use the API.
        template.has_more_containers
            || images.any(|image| uses_api(&image))
            || self.decide_for(resource, template)
    }

    /// Whether the pods' ServiceAccount has rights or sets the field.
    fn decide_for(&self, resource: &Resource<'_>, template: &Template<'_>) -> bool {
        let account = account_of(template);
        let account = account.map_or(Cow::Borrowed(DEFAULT), |(_, account)| account);
        let account = account.as_ref();
        let namespace = resource.namespace.as_deref();
        if may_hold(&self.groups, namespace) {
            return true;
        }
        let known = self.referred(account, namespace, resource);
        if !known.is_empty() {
            return known.iter().any(|index| self.known[*index].is_decided);
        }
        let elsewhere = self.elsewhere.get(account);
        elsewhere.is_some_and(|namespaces| may_hold(namespaces, namespace))
    }

    /// Whether a ServiceAccount has rights, or sets `automountServiceAccountToken`.
    pub fn decide(&self, account: &Resource<'_>) -> bool {
        let namespace = account.namespace.as_deref();
        let called = self.by_name.candidates(&account.name, namespace);
        let mut called = called.iter().map(|index| &self.known[*index]);
        may_hold(&self.groups, namespace)
            || called.any(|it| {
                it.is_decided
                    && it.named.name() == account.name
                    && it.named.namespace() == namespace
            })
    }

    /// The accounts that a reference may resolve to: of several with the name, the nearest.
    fn referred(&self, name: &str, namespace: Option<&str>, from: &Resource<'_>) -> Vec<usize> {
        let named = |index: usize| &self.known[index].named;
        let called = self.by_name.candidates(name, namespace);
        let found = called.iter().copied();
        let found = found.filter(|index| named(*index).may_be_in(namespace));
        names::nearest(found.collect(), named, namespace, from)
    }

    fn add_subjects(&mut self, binding: &Resource<'_>) {
        for subject in binding.node.items_at(["subjects"]) {
            let text = |key: &str| subject.text_at([key]);
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
                    Some("") => {
                        self.groups.insert(None);
                    }
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

    /// Marks the account of a reference as having rights.
    fn add(&mut self, name: &str, namespace: Option<&str>, binding: &Resource<'_>) {
        let known = self.referred(name, namespace, binding);
        for index in &known {
            self.known[*index].is_decided = true;
        }
        if known.is_empty() {
            let namespaces = self.elsewhere.entry(name.to_owned()).or_default();
            namespaces.insert(namespace.map(str::to_owned));
        }
    }

    /// The same for a name in a text that kustomize does not treat as a reference, and so never renames.
    fn add_final(&mut self, name: &str, namespace: &str) {
        for index in self.by_name.candidates(name, Some(namespace)).iter() {
            let account = &mut self.known[*index];
            let is_here = account.named.namespace().is_none_or(|it| it == namespace);
            account.is_decided |= is_here && account.named.name() == name;
        }
        let namespaces = self.elsewhere.entry(name.to_owned()).or_default();
        namespaces.insert(Some(namespace.to_owned()));
    }
}

/// Whether some namespaces, each `None` if not known, may include that of an object.
fn may_hold(namespaces: &HashSet<Option<String>>, namespace: Option<&str>) -> bool {
    let is_there =
        |it: &str| namespaces.contains(&None) || namespaces.contains(&Some(it.to_owned()));
    !namespaces.is_empty() && namespace.is_none_or(is_there)
}
