//! FIT-REF001 to FIT-REF008: references to objects that do not exist.
//!
//! A pod whose ConfigMap, Secret, claim or class does not exist stays pending, and `kubectl apply` reports nothing. The check
//! looks up every reference by name, wherever a pod, a claim, a binding, an Ingress, a webhook, a route of the Gateway API, a
//! Certificate or an ExternalSecret holds one. A key that its
//! ConfigMap or Secret does not have is reported too. What is `optional: true` is not.
//!
//! By default the input is a part of what the cluster has (`checks.references: Open`): a reference is a warning if the input
//! has an object with nearly that name, or other ServiceAccounts, else a note. With `Closed` the input is the whole, and
//! what it lacks is an error. What every cluster has is never reported: the account `default`, `kube-root-ca.crt`, the roles
//! `admin`, `edit`, `view` and `cluster-admin`, and what begins with `system:` or, among PriorityClasses, with `system-`.
//!
//! Names that `kustomization.yaml` generates are known, and so are those that kustomize has changed. A Secret or ConfigMap
//! that a custom resource or the command of a container names may be created by it, and is not reported.

mod table;

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use jsonptr::PointerBuf;
use kustomize_krm_types::Severity;

use super::{Check, Find, Scene};
use crate::config::InputScope as Scope;
use crate::finding::{Finding, Subject};
use crate::hashing::{HashMap, HashSet};
use crate::kubernetes::schema;
use crate::objects::{Classification, below};
use crate::read::Resource;
use crate::rules::{Rule, rules};
use crate::select::Selected;
use crate::yaml::{Node, Value};

use table::{CUSTOM_ROWS, CustomRow, Part, Row, is_built_in, rows_of};

rules! {
    RULES;
    ACCOUNT: "FIT-REF001" Error OnCheck
        "a ServiceAccount that does not exist" ("kube-linter non-existent-service-account; kubescape C-0307");
    DATA: "FIT-REF002" Error OnCheck "a ConfigMap or Secret that does not exist" ("kube-linter env-value-from");
    KEY: "FIT-REF003" Error OnCheck "a key that its ConfigMap or Secret does not have" ("kube-linter env-value-from");
    VOLUME: "FIT-REF004" Error OnCheck "a claim or volume that does not exist";
    CLASS: "FIT-REF005" Error OnCheck "a class that does not exist";
    ROLE: "FIT-REF006" Error OnCheck "a role that does not exist";
    SERVICE: "FIT-REF007" Error OnCheck "a Service or port that does not exist" ("kube-score statefulset-has-servicename");
    CUSTOM: "FIT-REF008" Error OnCheck "an object of a custom resource, such as an issuer or a gateway, that does not exist";
}

pub(super) const CHECK: Check = Check {
    name: "references",
    rules: RULES,
    find: &[Find::Comparing(&Find::Scene(|scene| {
        let search = Search {
            scene,
            created: OnceCell::new(),
            keys: RefCell::default(),
        };
        let selected = scene.selection.selected.iter();
        selected.flat_map(|it| search.of_object(it)).collect()
    }))],
};

/// Whether objects of the kinds that custom resources name are in namespaces.
fn is_namespaced(kind: &str) -> bool {
    !kind.starts_with("Cluster") && !kind.ends_with("Class")
}

/// Calls `look` with each mapping at a path, and its place.
fn walk<'s>(
    node: Node<'s>,
    path: &[&str],
    at: &mut PointerBuf,
    look: &mut dyn FnMut(Node<'s>, &PointerBuf),
) {
    match path {
        [] => look(node, at),
        ["*", rest @ ..] => {
            for (index, item) in node.items().enumerate() {
                at.push_back(index.to_string());
                walk(item, rest, at, look);
                at.pop_back();
            }
        }
        [key, rest @ ..] => {
            if let Some(node) = node.at([*key]) {
                at.push_back(*key);
                walk(node, rest, at, look);
                at.pop_back();
            }
        }
    }
}

fn rule_of(kind: &str) -> Option<&'static Rule> {
    Some(match kind {
        "ServiceAccount" => &ACCOUNT,
        "ConfigMap" | "Secret" => &DATA,
        "PersistentVolumeClaim"
        | "PersistentVolume"
        | "ResourceClaim"
        | "ResourceClaimTemplate" => &VOLUME,
        "Role" | "ClusterRole" => &ROLE,
        "Service" => &SERVICE,
        _ if kind.ends_with("Class") => &CLASS,
        "Issuer" | "ClusterIssuer" | "SecretStore" | "ClusterSecretStore" | "Gateway" => &CUSTOM,
        _ => return None,
    })
}

struct Search<'s, 'o> {
    scene: &'o Scene<'s>,
    /// Names that something in the input may create Secrets, ConfigMaps, accounts and claims with.
    created: OnceCell<HashSet<Cow<'s, str>>>,
    /// The keys of ConfigMaps and Secrets, by the index of the object.
    keys: RefCell<HashMap<usize, Keys<'s>>>,
}

/// The keys of a ConfigMap or Secret.
type Keys<'s> = Rc<Vec<Cow<'s, str>>>;

/// The fields of a ConfigMap or Secret that hold its keys.
const DATA_FIELDS: [&str; 3] = ["data", "binaryData", "stringData"];

/// Names whose lengths differ by more are not misspelt.
const MOST_MISSING: usize = 3;

/// A reference of an object.
struct Reference<'r, 's> {
    from: &'s Resource<'s>,
    row: &'static Row,
    /// The group of what a custom resource names, if it is not Kubernetes' own.
    group: Option<Cow<'s, str>>,
    holder: Node<'s>,
    path: &'r PointerBuf,
}

impl<'s> Search<'s, '_> {
    fn of_object(&self, selected: &'s Selected<'s, 's>) -> Vec<Finding> {
        let target = selected.target;
        let resource = target.resource;
        let mut findings = Vec::new();
        let mut seen = HashSet::default();
        let mut look_below = |top: &PointerBuf, of: &'static schema::Object, node: Node<'s>| {
            of.each_mapping(node, &table::ENDS, &mut |holder, mapping, path| {
                for row in rows_of(holder) {
                    if mapping.at([row.name]).is_none() {
                        continue;
                    }
                    let path = top.concat(&path());
                    let reference = Reference {
                        from: resource,
                        row,
                        group: None,
                        holder: mapping,
                        path: &path,
                    };
                    findings.extend(self.of_reference(&reference, &mut seen));
                }
            });
        };
        match schema::fields_of(&resource.api_version, &resource.kind) {
            Some(fields) => look_below(&PointerBuf::new(), fields, resource.node),
            None => {
                for template in target.templates.iter().chain(target.only_checked()) {
                    look_below(
                        &template.pod.path,
                        schema::object(schema::POD_SPEC),
                        template.spec,
                    );
                }
            }
        }
        let group = resource.group();
        let of_kind = |it: &&CustomRow| it.group == group && it.kinds.contains(&&*resource.kind);
        for of in CUSTOM_ROWS.iter().filter(of_kind) {
            let mut at = PointerBuf::new();
            walk(resource.node, of.path, &mut at, &mut |holder, path| {
                let group = holder.text_at(["group"]).unwrap_or(Cow::Borrowed(of.of));
                let reference = Reference {
                    from: resource,
                    row: &of.row,
                    group: Some(group).filter(|it| !it.is_empty()),
                    holder,
                    path,
                };
                findings.extend(self.of_reference(&reference, &mut seen));
            });
        }
        findings
            .into_iter()
            .map(|it| it.of(selected.index))
            .collect()
    }

    fn of_reference(
        &self,
        it: &Reference<'_, 's>,
        seen: &mut HashSet<(String, Option<String>, String)>,
    ) -> Vec<Finding> {
        let Some(name) = it
            .holder
            .text_at([it.row.name])
            .filter(|name| !name.is_empty())
        else {
            return Vec::new();
        };
        let kind = match (it.row.kind, it.row.holder) {
            ("", _) => it.holder.text_at(["kind"]).unwrap_or_default(),
            (kind, "") if it.row.name == "name" => {
                let written = it.holder.text_at(["kind"]);
                written.unwrap_or(Cow::Borrowed(kind))
            }
            (kind, _) => Cow::Borrowed(kind),
        };
        let is_optional = it.holder.bool_at(["optional"]) == Some(true);
        let Some(rule) = rule_of(&kind).filter(|_| !is_optional) else {
            return Vec::new();
        };
        let rows = schema::rows_of(&kind);
        // Rows of versions that are gone do not say it.
        let mut served = rows.iter().filter(|row| row.of.is_some());
        let is_namespaced = match it.group {
            Some(_) => is_namespaced(&kind),
            None => served.any(|row| row.is_namespaced),
        };
        let written = it
            .holder
            .text_at(["namespace"])
            .filter(|text| !text.is_empty());
        let own = it.from.namespace.as_deref();
        let namespace = written.as_deref().or(own).filter(|_| is_namespaced);
        let is_of_group = |resource: &Resource<'_>| {
            if let Some(group) = &it.group {
                return group == resource.group();
            }
            rows.iter().any(|row| {
                let group = row
                    .api_version
                    .rsplit_once('/')
                    .map_or("", |(group, _)| group);
                group == resource.group()
            })
        };
        let objects = self.scene.objects();
        let found = objects.referred(it.from, (&kind, &name), namespace, is_of_group);
        if !found.is_empty() {
            return self.of_part(it, &kind, &name, &found);
        }
        let mut is_first = || {
            seen.insert((
                kind.to_string(),
                namespace.map(str::to_owned),
                name.to_string(),
            ))
        };
        if is_built_in(&kind, namespace, &name)
            || self.may_exist(it, &kind, &name, namespace)
            || !is_first()
        {
            return Vec::new();
        }
        let others = objects.of_kind(&kind, namespace);
        let count = others.len();
        let has_others = rule == &ACCOUNT && others.clone().any(is_of_group);
        let others = others
            .filter(|it| is_of_group(it))
            .map(|it| it.name.as_ref());
        let is_close = |it: &&str| it.len().abs_diff(name.len()) <= MOST_MISSING;
        let similar = objects.did_you_mean(&name, others.filter(is_close), count);
        let message = match namespace {
            Some(namespace) => {
                format!("the input has no {kind} {name} in the namespace {namespace}")
            }
            None => format!("the input has no {kind} {name}"),
        };
        let severity = self.severity(similar.is_some() || has_others);
        let mut finding = finding(rule, severity, message, it, &[it.row.name]);
        finding.current = Some(Box::new(name.as_ref().into()));
        finding.proposed = similar.map(|it| Value::from(it).into());
        finding.help = similar.map(|it| format!("did you mean `{it}`?").into());
        vec![finding]
    }

    /// The severity of what is not in the input.
    fn severity(&self, is_likely: bool) -> Severity {
        match (self.scene.config.checks.references, is_likely) {
            (Scope::Closed, _) => Severity::Error,
            (Scope::Open, true) => Severity::Warning,
            (Scope::Open, false) => Severity::Info,
        }
    }

    /// Whether something in the input may create the object.
    fn may_exist(
        &self,
        it: &Reference<'_, 's>,
        kind: &str,
        name: &str,
        namespace: Option<&str>,
    ) -> bool {
        let objects = self.scene.objects();
        match kind {
            "PersistentVolumeClaim" if objects.related.makes_claim(it.from, name) => true,
            "ConfigMap" | "Secret" | "ServiceAccount" | "PersistentVolumeClaim" | "Service" => {
                objects.may_be_made(name, namespace)
                    || self.scene.config.generated.contains(name)
                        && matches!(kind, "ConfigMap" | "Secret")
                    || kind != "Service"
                        && self
                            .created
                            .get_or_init(|| created(self.scene))
                            .contains(name)
            }
            // A claim without provisioning has the class of a volume, which need not exist.
            "StorageClass" => {
                let created = self.created.get_or_init(|| created(self.scene));
                created.contains(&*of_volumes(name))
            }
            _ => false,
        }
    }

    /// The keys or the port that a reference names of an object.
    fn of_part(
        &self,
        it: &Reference<'_, 's>,
        kind: &str,
        name: &str,
        found: &[(usize, &'s Resource<'s>)],
    ) -> Vec<Finding> {
        let keys = match it.row.part {
            Part::None => return Vec::new(),
            Part::Port => return self.of_port(it, name, found),
            Part::Key => vec![(vec!["key".to_owned()], it.holder.at(["key"]))],
            Part::Items => {
                let items = it.holder.items_at(["items"]).enumerate();
                items
                    .map(|(at, item)| {
                        (
                            vec!["items".to_owned(), at.to_string(), "key".to_owned()],
                            item.at(["key"]),
                        )
                    })
                    .collect()
            }
        };
        let known: Vec<_> = found.iter().map(|it| self.keys_of(it)).collect();
        // Something else fills an object without data.
        if known.iter().all(|it| it.is_empty()) {
            return Vec::new();
        }
        let count = known.iter().map(|it| it.len()).sum();
        let mut findings = Vec::new();
        for (path, key) in keys {
            let Some(key) = key.and_then(Node::text) else {
                continue;
            };
            // A map finds its keys by an index.
            if found.iter().any(|(_, it)| {
                DATA_FIELDS
                    .iter()
                    .any(|map| it.node.at([*map, &*key]).is_some())
            }) {
                continue;
            }
            let names = known.iter().flat_map(|it| it.iter()).map(AsRef::as_ref);
            let similar = self.scene.objects().did_you_mean(&key, names, count);
            let message = format!("the {kind} {name} has no key {key}");
            // A controller can add keys to a Secret.
            let severity = self.severity(similar.is_some() || kind == "ConfigMap");
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let mut finding = finding(&KEY, severity, message, it, &path);
            finding.current = Some(Box::new(key.as_ref().into()));
            finding.help = similar.map(|it| format!("did you mean `{it}`?").into());
            findings.push(finding);
        }
        findings
    }

    /// The keys of an object, collected once.
    fn keys_of(&self, (index, resource): &(usize, &'s Resource<'s>)) -> Keys<'s> {
        let collect = || {
            let maps = DATA_FIELDS.iter().filter_map(|it| resource.node.at([*it]));
            let entries = maps.flat_map(Node::entries);
            Rc::new(entries.filter_map(|(key, _)| key.text()).collect())
        };
        Rc::clone(self.keys.borrow_mut().entry(*index).or_insert_with(collect))
    }

    fn of_port(
        &self,
        it: &Reference<'_, 's>,
        name: &str,
        found: &[(usize, &'s Resource<'s>)],
    ) -> Vec<Finding> {
        let node = it.holder.at(["port"]);
        let Some(port) = node.map_or(Some(443), Node::int) else {
            return Vec::new();
        };
        let mut ports = found
            .iter()
            .flat_map(|(_, it)| it.node.items_at(["spec", "ports"]))
            .peekable();
        let is_known = ports.peek().is_none() || ports.any(|it| it.int_at(["port"]) == Some(port));
        if is_known {
            return Vec::new();
        }
        let message = format!("the Service {name} has no port {port}");
        let finding = finding(&SERVICE, Severity::Error, message, it, &["port"]);
        vec![finding.current(node.and_then(|it| it.value().ok()))]
    }
}

fn finding(
    rule: &'static Rule,
    severity: Severity,
    message: String,
    it: &Reference<'_, '_>,
    field: &[&str],
) -> Finding {
    let mut finding = Finding::graded(rule, severity, message).about(&Subject::object(), &[]);
    finding.pointer = Some(below(it.path, field.iter().copied()));
    finding
}

/// The entry for the class of a PersistentVolume in [`created`].
fn of_volumes(class: &str) -> String {
    ["PersistentVolume/", class].concat()
}

/// The classes of volumes, and the names in custom resources, in kustomizations, and in the commands of containers.
fn created<'s>(scene: &Scene<'s>) -> HashSet<Cow<'s, str>> {
    let mut names = HashSet::default();
    let objects = scene.objects();
    for (resource, class) in objects.resources.iter().zip(&objects.classifications) {
        let target = match class {
            Classification::Target(target) | Classification::PassedOver(_, Ok(target)) => target,
            Classification::PassedOver(_, Err(_)) | Classification::Malformed(_) => continue,
        };
        if resource.kind == "PersistentVolume" {
            let class = resource.node.text_at(["spec", "storageClassName"]);
            names.extend(class.map(|it| Cow::Owned(of_volumes(&it))));
        }
        let is_custom = schema::rows_of(&resource.kind).is_empty();
        if is_custom && target.templates.is_empty() {
            texts(resource.node, &mut |text| {
                names.insert(text);
            });
        }
        for container in target.templates.iter().flat_map(|it| &it.containers) {
            for list in ["command", "args"] {
                for word in container.node.items_at([list]).filter_map(Node::text) {
                    let parts = word.split(|c: char| c.is_whitespace() || "=/,'\"".contains(c));
                    names.extend(parts.map(|it| Cow::Owned(it.to_owned())));
                }
            }
        }
    }
    names
}

/// The texts in a node.
fn texts<'s>(node: Node<'s>, look: &mut impl FnMut(Cow<'s, str>)) {
    if let Some(text) = node.text() {
        look(text);
    }
    node.items().for_each(|it| texts(it, look));
    node.entries().for_each(|(_, it)| texts(it, look));
}
