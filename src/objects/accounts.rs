//! ServiceAccounts whose pods need the Kubernetes API, by the bindings in the input.
//!
//! An account that is not in the input is unknown, not without rights: its bindings are probably where it is. Only `default`
//! exists in every namespace without being anywhere.
//!
//! References are resolved as in [`super::NameIndex`].
//!
//! Sources: `MakeUsername` and `MakeGroupNames` in apiserver `pkg/authentication/serviceaccount/util.go`.

use std::borrow::Cow;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::container::Container;
use super::index::Objects;
use super::names::{self, ByName, Named};
use super::template::Template;
use super::token_use::{
    Evidence, asks_for_identity, config_maps, in_config_map, in_containers, uses_api,
};
use crate::catalogue::{Entry, Known};
use crate::hashing::{HashMap, HashSet};
use crate::read::Resource;
use crate::yaml::Node;

/// The field of pods and of ServiceAccounts.
pub const AUTOMOUNT: &str = "automountServiceAccountToken";

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

/// Whether pods need their token for the Kubernetes API.
#[derive(Clone, Debug)]
pub enum TokenNeed {
    /// Their ServiceAccount has rights, or a program in them is known to use the API.
    Used,
    /// An injector or an operator adds to them, or their ServiceAccount decides about the token itself.
    Possible,
    /// Their ServiceAccount is not in the input, so neither are its rights.
    Unknown,
    /// Nothing in the input uses it; the text says what the input has.
    Nothing(String),
}

/// ServiceAccounts with what the input says about their tokens.
#[derive(Debug, Default)]
pub struct Accounts<'a> {
    /// The accounts in the input.
    known: Vec<Account>,
    by_name: ByName,
    /// Accounts outside the input that have rights: their namespaces by name; `None` if the reference has no namespace.
    elsewhere: HashMap<String, HashSet<Option<String>>>,
    /// Namespaces whose accounts all have rights; `None` for all namespaces.
    groups: HashSet<Option<String>>,
    /// Namespaces whose pods all get a container of a mesh.
    injected: HashSet<Option<String>>,
    /// The accounts that bindings with their own names have marked: a name, its namespace, and that of the binding.
    marked: HashSet<(String, Option<String>, Option<String>)>,
    /// What many accounts of one name say about pods with their own names, by name and namespace.
    needs: Mutex<HashMap<(String, Option<String>), TokenNeed>>,
    /// Namespaces with pods that use the token of the account `default`; found on first use.
    default_users: OnceLock<HashSet<Option<String>>>,
    /// The ConfigMaps, each searched at most once for signs of programs that use the API.
    config_maps: Vec<ConfigMap<'a>>,
    config_maps_by_name: ByName,
}

/// A ConfigMap in the input, which may hold a script or the settings of a program.
#[derive(Debug)]
struct ConfigMap<'a> {
    named: Named,
    node: Node<'a>,
    shows: OnceLock<Option<Evidence>>,
}

/// A ServiceAccount in the input.
#[derive(Debug)]
struct Account {
    named: Named,
    has_rights: bool,
    /// Whether it sets `automountServiceAccountToken` or has an identity in a cloud.
    decides: bool,
}

impl Account {
    fn of(resource: &Resource<'_>) -> Account {
        let own = resource.node.at([AUTOMOUNT]);
        Account {
            named: Named::of(resource),
            has_rights: false,
            decides: own.is_some() || has_identity(resource),
        }
    }
}

const ACCOUNT_KIND: &str = "ServiceAccount";

/// With more accounts of a name, what they say is remembered.
const MANY: usize = 8;

/// Whether an object is a custom resource, of a kind that is not Kubernetes' own.
fn is_custom(resource: &Resource<'_>) -> bool {
    let group = resource.group();
    group.contains('.') && !group.ends_with(".k8s.io")
}

fn has_identity(resource: &Resource<'_>) -> bool {
    resource.node.get("metadata").is_some_and(asks_for_identity)
}

impl<'a> Accounts<'a> {
    /// Collects the accounts from the ServiceAccounts, bindings, Namespaces and ConfigMaps.
    pub fn of(resources: &'a [Resource<'a>]) -> Accounts<'a> {
        let of_kind = |kind: &'static str| resources.iter().filter(move |it| it.kind == kind);
        let known: Vec<Account> = of_kind(ACCOUNT_KIND).map(Account::of).collect();
        let injected = of_kind("Namespace").filter(|it| has_identity(it));
        let config_maps = of_kind("ConfigMap").map(|it| ConfigMap {
            named: Named::of(it),
            node: it.node,
            shows: OnceLock::new(),
        });
        let config_maps: Vec<ConfigMap<'_>> = config_maps.collect();
        let mut accounts = Accounts {
            config_maps_by_name: ByName::of(config_maps.iter().map(|it| &it.named).enumerate()),
            config_maps,
            by_name: ByName::of(known.iter().map(|it| &it.named).enumerate()),
            known,
            injected: injected.map(|it| Some(it.name.to_string())).collect(),
            ..Accounts::default()
        };
        for binding in of_kind("RoleBinding").chain(of_kind("ClusterRoleBinding")) {
            accounts.add_subjects(binding);
        }
        for resource in resources.iter().filter(|it| is_custom(it)) {
            accounts.add_mentioned(resource);
        }
        accounts
    }

    /// Whether pods need their token. `own` are the config's entries of the catalogue.
    pub fn need_of(
        &self,
        resource: &Resource<'_>,
        template: &Template<'_>,
        known: &Known,
        own: &[Entry],
    ) -> TokenNeed {
        let namespace = resource.namespace.as_deref();
        let name = account_of(template).map_or(Cow::Borrowed(DEFAULT), |(_, name)| name);
        let need = self.need_of_account(&name, namespace, resource);
        if let TokenNeed::Used = need {
            return need;
        }
        let shown = || self.shown_by(resource, template, known, own);
        let evidence = *template.token_use.get_or_init(shown);
        if evidence == Some(Evidence::Used) {
            return TokenNeed::Used;
        }
        let is_added_to = || {
            // Where the field cannot be set, fitout does not see the whole pod.
            template.has_more_containers
                || !template.has_field(AUTOMOUNT)
                || may_hold(&self.injected, namespace)
                || evidence.is_some()
        };
        match need {
            TokenNeed::Unknown | TokenNeed::Nothing(_) if is_added_to() => TokenNeed::Possible,
            need => need,
        }
    }

    /// What pods show about the use of their token, by themselves and by their ConfigMaps.
    fn shown_by(
        &self,
        resource: &Resource<'_>,
        template: &Template<'_>,
        known: &Known,
        own: &[Entry],
    ) -> Option<Evidence> {
        if uses_api(template, known, own) {
            return Some(Evidence::Used);
        }
        let (shown, reading) = in_containers(template);
        if shown == Some(Evidence::Used) {
            return shown;
        }
        let metadata = template.metadata();
        let asks = || metadata.is_some_and(asks_for_identity);
        let shown = shown.max(self.shown_by_config_maps(resource, template, &reading));
        shown.or_else(|| asks().then_some(Evidence::Possible))
    }

    /// What the ConfigMaps of pods show about their programs.
    fn shown_by_config_maps(
        &self,
        resource: &Resource<'_>,
        template: &Template<'_>,
        reading: &[&Container<'_>],
    ) -> Option<Evidence> {
        if self.config_maps.is_empty() {
            return None;
        }
        let namespace = resource.namespace.as_deref();
        let named = |index: usize| &self.config_maps[index].named;
        let shown = config_maps(template, reading).filter_map(|name| {
            let called = self.config_maps_by_name.candidates(&name, namespace);
            let found = called.iter().copied();
            let found = found.filter(|index| named(*index).may_be_in(namespace));
            let nearest = names::nearest(found.collect(), named, namespace, resource);
            let shown = nearest.into_iter().filter_map(|index| {
                let it = &self.config_maps[index];
                *it.shows.get_or_init(|| in_config_map(it.node))
            });
            shown.max()
        });
        shown.max()
    }

    /// Whether the account of pods, and with it its rights, is not in the input.
    pub fn is_unknown(&self, resource: &Resource<'_>, template: &Template<'_>) -> bool {
        let namespace = resource.namespace.as_deref();
        account_of(template).is_some_and(|(_, name)| {
            let need = self.need_of_account(&name, namespace, resource);
            matches!(need, TokenNeed::Unknown)
        })
    }

    /// Whether pods with this account need no token, unless their programs do.
    pub fn may_need_nothing(&self, resource: &Resource<'_>, account: &str) -> bool {
        let namespace = resource.namespace.as_deref();
        let need = self.need_of_account(account, namespace, resource);
        matches!(need, TokenNeed::Nothing(_))
    }

    /// Whether the pods of an account need their token, by the account alone.
    fn need_of_account(
        &self,
        name: &str,
        namespace: Option<&str>,
        from: &Resource<'_>,
    ) -> TokenNeed {
        // Of many accounts with the name, all are looked at only once for pods whose names say the same about them.
        let are_many = self.by_name.candidates(name, namespace).len() > MANY;
        if !are_many || from.namespace.as_deref() != namespace || names::is_renamed(from) {
            return self.look_up_need(name, namespace, from);
        }
        let key = (name.to_owned(), namespace.map(str::to_owned));
        let mut needs = self.needs.lock().unwrap_or_else(PoisonError::into_inner);
        let need = || self.look_up_need(name, namespace, from);
        needs.entry(key).or_insert_with(need).clone()
    }

    fn look_up_need(&self, name: &str, namespace: Option<&str>, from: &Resource<'_>) -> TokenNeed {
        let elsewhere = || self.elsewhere.get(name);
        let known = self.referred(name, namespace, from);
        let any = |is: fn(&Account) -> bool| known.iter().any(|index| is(&self.known[*index]));
        let has_rights = match known.is_empty() {
            true => elsewhere().is_some_and(|namespaces| may_hold(namespaces, namespace)),
            false => any(|it| it.has_rights),
        };
        if has_rights || may_hold(&self.groups, namespace) {
            TokenNeed::Used
        } else if any(|it| it.decides) {
            TokenNeed::Possible
        } else if name == DEFAULT {
            TokenNeed::Nothing(nothing_for_default())
        } else if known.is_empty() {
            TokenNeed::Unknown
        } else {
            TokenNeed::Nothing(format!(
                "the ServiceAccount `{name}` is in the input, and nothing there grants it rights"
            ))
        }
    }

    /// Whether pods need the token of a ServiceAccount `default` that is in the input: what it sets holds for all pods
    /// without an account of their own.
    pub fn need_of_default(
        &self,
        account: &Resource<'_>,
        objects: &Objects<'_>,
        known: &Known,
        own: &[Entry],
    ) -> TokenNeed {
        let namespace = account.namespace.as_deref();
        let users = self.default_users.get_or_init(|| {
            let used = |(resource, template): (&Resource<'_>, &Template<'_>)| {
                let is_default = account_of(template).is_none_or(|(_, name)| name == DEFAULT);
                let decides = template.spec.at([AUTOMOUNT]).is_some();
                let uses = is_default
                    && !decides
                    && !matches!(
                        self.need_of(resource, template, known, own),
                        TokenNeed::Nothing(_)
                    );
                uses.then(|| resource.namespace.as_deref().map(str::to_owned))
            };
            objects.templates().filter_map(used).collect()
        });
        let called = self.by_name.candidates(DEFAULT, namespace);
        let mut called = called.iter().map(|index| &self.known[*index]);
        let is_used = may_hold(users, namespace)
            || may_hold(&self.groups, namespace)
            || may_hold(&self.injected, namespace)
            || called.any(|it| {
                (it.has_rights || it.decides)
                    && it.named.name() == account.name
                    && it.named.namespace() == namespace
            });
        match is_used {
            true => TokenNeed::Used,
            false => TokenNeed::Nothing(nothing_for_default()),
        }
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
            self.add_subject(subject, binding);
        }
        // The lists of OpenShift's own bindings.
        let names = |list| binding.node.items_at([list]).filter_map(Node::text);
        names("userNames").for_each(|name| self.add_user(&name));
        names("groupNames").for_each(|name| self.add_group(&name));
    }

    fn add_subject(&mut self, subject: Node<'_>, binding: &Resource<'_>) {
        let text = |key: &str| subject.text_at([key]);
        let (Some(kind), Some(name)) = (text("kind"), text("name")) else {
            return;
        };
        match kind.as_ref() {
            ACCOUNT_KIND => self.add(&name, text("namespace").as_deref(), binding),
            "User" => self.add_user(&name),
            "Group" => self.add_group(&name),
            _ => {}
        }
    }

    /// Adds the accounts that a custom resource refers to: its operator may bind them, as that of an RBACDefinition does.
    fn add_mentioned(&mut self, resource: &Resource<'_>) {
        let text = &resource.node.stream().text()[resource.node.span()];
        if !text.contains(ACCOUNT_KIND) {
            return;
        }
        let mut nodes = vec![resource.node];
        while let Some(node) = nodes.pop() {
            if node.text_at(["kind"]).as_deref() == Some(ACCOUNT_KIND) {
                self.add_subject(node, resource);
            }
            nodes.extend(node.items());
            nodes.extend(node.entries().map(|(_, value)| value));
        }
    }

    fn add_user(&mut self, name: &str) {
        let account = name.strip_prefix("system:serviceaccount:");
        if let Some((namespace, name)) = account.and_then(|it| it.split_once(':')) {
            self.add_final(name, namespace);
        }
    }

    fn add_group(&mut self, name: &str) {
        if matches!(name, "system:serviceaccounts" | "system:authenticated") {
            self.groups.insert(None);
        } else if let Some(namespace) = name.strip_prefix("system:serviceaccounts:") {
            self.groups.insert(Some(namespace.to_owned()));
        }
    }

    /// Marks the account of a reference as having rights.
    fn add(&mut self, name: &str, namespace: Option<&str>, binding: &Resource<'_>) {
        let owned = |it: Option<&str>| it.map(str::to_owned);
        let from = owned(binding.namespace.as_deref());
        let reference = (name.to_owned(), owned(namespace), from);
        if !names::is_renamed(binding) && !self.marked.insert(reference) {
            return;
        }
        let known = self.referred(name, namespace, binding);
        for index in &known {
            self.known[*index].has_rights = true;
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
            account.has_rights |= is_here && account.named.name() == name;
        }
        let namespaces = self.elsewhere.entry(name.to_owned()).or_default();
        namespaces.insert(Some(namespace.to_owned()));
    }
}

fn nothing_for_default() -> String {
    format!("nothing in the input grants the ServiceAccount `{DEFAULT}` rights")
}

/// Whether some namespaces, each `None` if not known, may include that of an object.
fn may_hold(namespaces: &HashSet<Option<String>>, namespace: Option<&str>) -> bool {
    let is_there =
        |it: &str| namespaces.contains(&None) || namespaces.contains(&Some(it.to_owned()));
    !namespaces.is_empty() && namespace.is_none_or(is_there)
}
