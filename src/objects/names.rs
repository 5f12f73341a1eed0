//! Objects by name, for resolving references.
//!
//! kustomize calls functions before it renames references, but after it renames objects. So a reference is resolved the
//! way kustomize will do it later: to the object that has or had the name, and of several to the one that was renamed in
//! the same way as the referring object.
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

/// The current and previous names of an object.
#[derive(Debug)]
pub(super) struct Named {
    /// The current name, then previous ones.
    names: Vec<String>,
    namespace: Option<String>,
    previous_namespaces: Vec<String>,
    renaming: Renaming,
}

impl Named {
    pub(super) fn of(resource: &Resource<'_>) -> Named {
        Named {
            names: all_names(resource),
            namespace: resource.namespace.as_deref().map(str::to_owned),
            previous_namespaces: resource.annotation_list(annotations::PREVIOUS_NAMESPACES),
            renaming: Renaming::of(resource),
        }
    }

    /// The current name.
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

/// The current name of an object, then its previous names.
pub(super) fn all_names(resource: &Resource<'_>) -> Vec<String> {
    let mut names = vec![resource.name.to_string()];
    for name in resource.previous_names() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The prefixes and suffixes that kustomize added to an object's name, outermost last.
#[derive(Debug, PartialEq, Eq)]
struct Renaming([Vec<String>; 2]);

impl Renaming {
    fn of(resource: &Resource<'_>) -> Renaming {
        Renaming(["prefixes", "suffixes"].map(|list| {
            resource.annotation_list(&format!("{}{list}", annotations::INTERNAL_PREFIX))
        }))
    }

    /// Whether the other object was added further out, and got only the outer prefixes and suffixes.
    fn ends_with(&self, other: &Renaming) -> bool {
        let mut pairs = self.0.iter().zip(&other.0);
        pairs.all(|(mine, others)| mine.ends_with(others))
    }
}

/// The nearest of several objects that a reference may resolve to, by index.
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

/// Built-in groups, whose objects create nothing that fitout does not know.
const BUILT_IN_GROUPS: [&str; 5] = ["", "apps", "batch", "autoscaling", "policy"];

/// All rendered objects, by name.
#[derive(Debug)]
pub struct NameIndex {
    named: Vec<Named>,
    by_name: HashMap<String, Vec<usize>>,
    /// Kinds of custom resources that operators create other objects from, in lower case.
    maker_kinds: HashSet<String>,
    pods_by_label: ByLabel<'static>,
}

impl NameIndex {
    /// Indexes all names except those of local-config objects, which are not rendered.
    pub(super) fn of(resources: &[Resource<'_>], related: &Related<'_>) -> NameIndex {
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
        NameIndex {
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

    /// The positions of pods that a selector may match.
    pub(super) fn candidates(&self, selector: &LabelSelector) -> impl Iterator<Item = usize> {
        self.pods_by_label.candidates(selector)
    }

    /// Whether any pods have a label with this value.
    pub fn is_pod_label(&self, key: &str, value: &str) -> bool {
        self.pods_by_label.has(key, value)
    }

    /// All values of a pod label.
    pub fn pod_label_values(&self, key: &str) -> impl Iterator<Item = &str> {
        self.pods_by_label.values(key)
    }
}

impl<'a> Objects<'a> {
    /// The objects that a reference may resolve to: of those with the name that `matches` accepts, the nearest.
    pub fn referred(
        &self,
        from: &Resource<'_>,
        name: &str,
        namespace: Option<&str>,
        matches: impl Fn(&Resource<'a>) -> bool,
    ) -> Vec<(usize, &'a Resource<'a>)> {
        let names = self.names();
        let called = names.by_name.get(name).map_or(&[][..], Vec::as_slice);
        let found = called.iter().copied().filter(|index| {
            names.named[*index].may_be_in(namespace) && matches(&self.resources[*index])
        });
        let named = |index: usize| &names.named[index];
        let nearest = nearest(found.collect(), named, namespace, from).into_iter();
        nearest.map(|it| (it, &self.resources[it])).collect()
    }

    /// Whether an operator may create an object of this name, or pods with this label value: it starts with the name or
    /// kind of a custom resource. `orders-kafka-brokers` belongs to the Kafka `orders`, `prometheus-operated` to every
    /// Prometheus.
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

/// Whether an object is a custom resource whose operator may create other objects.
fn makes_others(resource: &Resource<'_>) -> bool {
    let group = resource.group();
    !(BUILT_IN_GROUPS.contains(&group) || group.ends_with(".k8s.io") || is_passive(resource))
}

/// Kinds that only refer to other objects, or whose pods fitout knows, and that create nothing else.
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
