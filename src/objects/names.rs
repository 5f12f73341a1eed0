//! Names by the names by which others refer to them.
//!
//! kustomize hands out references as they were before its prefixes, and only the names of the objects themselves as they
//! will be. So a reference is resolved the way kustomize will do it: to the object that had the name at some time, and
//! of several to the one that was renamed as the object that refers to it was.
//!
//! Sources: `api/resmap/reswrangler.go` (`SubsetThatCouldBeReferencedByResource`) and `api/internal/utils/annotations.go`
//! of kustomize.

use std::collections::{HashMap, HashSet};

use kustomize_krm_types::annotations;

use super::index::Objects;
use super::labels::ByLabel;
use super::related::{Pods, Related};
use crate::kubernetes::LabelSelector;
use crate::read::Resource;

/// What an object is called, and was.
#[derive(Debug)]
pub(super) struct Named {
    /// The name now, then those before.
    names: Vec<String>,
    namespace: Option<String>,
    previous_namespaces: Vec<String>,
    renaming: Renaming,
}

impl Named {
    pub(super) fn of(resource: &Resource<'_>) -> Named {
        Named {
            names: names_of(resource),
            namespace: resource.namespace.as_deref().map(str::to_owned),
            previous_namespaces: listed(resource, annotations::PREVIOUS_NAMESPACES),
            renaming: Renaming::of(resource),
        }
    }

    /// The name now.
    pub(super) fn name(&self) -> &str {
        &self.names[0]
    }

    pub(super) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    pub(super) fn answers_to(&self, name: &str) -> bool {
        self.names.iter().any(|it| it == name)
    }

    pub(super) fn may_be_in(&self, namespace: Option<&str>) -> bool {
        match (namespace, self.namespace()) {
            (Some(wanted), Some(now)) => {
                wanted == now || self.previous_namespaces.iter().any(|it| it == wanted)
            }
            _ => true,
        }
    }
}

/// Every name that an object goes or went by: the one now, then those before.
pub(super) fn names_of(resource: &Resource<'_>) -> Vec<String> {
    let mut names = vec![resource.name.to_string()];
    for name in resource.previous_names() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
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

/// Of several objects that a reference may mean, by their indices, the nearest to the one that refers.
pub(super) fn nearest<'n>(
    mut found: Vec<usize>,
    named: impl Fn(usize) -> &'n Named,
    namespace: Option<&str>,
    from: &Resource<'_>,
) -> Vec<usize> {
    if found.len() < 2 {
        return found;
    }
    let renaming = Renaming::of(from);
    let nearer: [&dyn Fn(&Named) -> bool; 4] = [
        &|it| namespace.is_some() && it.namespace() == namespace,
        &|it| it.namespace() == from.namespace.as_deref(),
        &|it| it.renaming == renaming,
        &|it| it.renaming.ends_with(&renaming),
    ];
    for is_nearer in nearer {
        if found.iter().any(|index| is_nearer(named(*index))) {
            found.retain(|index| is_nearer(named(*index)));
        }
    }
    found
}

/// Groups of which every cluster knows the kinds, and what their objects make.
const BUILT_IN_GROUPS: [&str; 5] = ["", "apps", "batch", "autoscaling", "policy"];

/// Every object that is rendered, by name.
#[derive(Debug)]
pub struct Names {
    named: Vec<Named>,
    by_name: HashMap<String, Vec<usize>>,
    /// The kinds of custom resources of which operators make others, in lower case.
    maker_kinds: HashSet<String>,
    pods_by_label: ByLabel<'static>,
}

impl Names {
    /// Takes note of all names. Names that are only for the tools' own use are dropped from what is rendered.
    pub(super) fn of(resources: &[Resource<'_>], related: &Related<'_>) -> Names {
        let named: Vec<Named> = resources.iter().map(Named::of).collect();
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, it) in named.iter().enumerate() {
            let local = resources[index].annotation(annotations::LOCAL_CONFIG);
            if local.is_some_and(|value| value != "false") {
                continue;
            }
            for name in &it.names {
                by_name.entry(name.clone()).or_default().push(index);
            }
        }
        Names {
            named,
            by_name,
            maker_kinds: resources
                .iter()
                .filter(|it| makes_others(it))
                .map(|it| it.kind.to_lowercase())
                .collect(),
            pods_by_label: ByLabel::of(related.all_pods().iter().map(Pods::labels)).into_owned(),
        }
    }

    /// The places of pods that may meet a selector.
    pub(super) fn candidates(&self, selector: &LabelSelector) -> impl Iterator<Item = usize> {
        self.pods_by_label.candidates(selector)
    }

    /// Whether some pods have a label with a value.
    pub fn is_pod_label(&self, key: &str, value: &str) -> bool {
        self.pods_by_label.has(key, value)
    }

    /// The values that a label of pods has.
    pub fn pod_label_values(&self, key: &str) -> impl Iterator<Item = &str> {
        self.pods_by_label.values(key)
    }
}

impl<'a> Objects<'a> {
    /// The objects that a reference may mean: by name and what else is asked, and of several the nearest.
    pub fn referred(
        &self,
        from: &Resource<'_>,
        name: &str,
        namespace: Option<&str>,
        is_meant: impl Fn(&Resource<'a>) -> bool,
    ) -> Vec<(usize, &'a Resource<'a>)> {
        let names = self.names();
        let called = names.by_name.get(name).map_or(&[][..], Vec::as_slice);
        let found = called.iter().copied().filter(|index| {
            names.named[*index].may_be_in(namespace) && is_meant(&self.resources[*index])
        });
        let found = nearest(
            found.collect(),
            |index| &names.named[index],
            namespace,
            from,
        );
        found
            .into_iter()
            .map(|index| (index, &self.resources[index]))
            .collect()
    }

    /// Whether an operator may make what is called so, or the pods that have this as a label: there is a custom resource
    /// by whose name or kind it begins. `orders-kafka-brokers` is made for the Kafka `orders`, `prometheus-operated` for
    /// every Prometheus.
    pub fn may_be_made(&self, from: &Resource<'_>, name: &str, namespace: Option<&str>) -> bool {
        let ends = name.match_indices('-').map(|(end, _)| end);
        let mut beginnings = ends.chain([name.len()]).map(|end| &name[..end]);
        let kinds = |it: &str| self.names().maker_kinds.contains(&it.to_lowercase());
        beginnings.any(|name| {
            kinds(name)
                || !self
                    .referred(from, name, namespace, makes_others)
                    .is_empty()
        })
    }
}

/// Whether an object is a custom resource, of which its operator may make others.
fn makes_others(resource: &Resource<'_>) -> bool {
    let group = resource.group();
    !(BUILT_IN_GROUPS.contains(&group) || group.ends_with(".k8s.io") || is_passive(resource))
}

/// Kinds of operators that are about other objects, or whose pods are known here, and make nothing else.
fn is_passive(resource: &Resource<'_>) -> bool {
    const GROUPS: [&str; 6] = [
        "cert-manager.io",
        "external-secrets.io",
        "networking.istio.io",
        "security.istio.io",
        "keda.sh",
        "traefik.io",
    ];
    const KINDS: [&str; 8] = [
        "Application",
        "ApplicationSet",
        "PodMonitor",
        "Probe",
        "PrometheusRule",
        "Rollout",
        "SealedSecret",
        "ServiceMonitor",
    ];
    GROUPS.contains(&resource.group()) || KINDS.contains(&resource.kind.as_ref())
}
