//! Objects by name, for resolving references.
//!
//! kustomize calls functions before it renames references, but after it renames objects. So a reference is resolved the
//! way kustomize will do it later: to the object that has or had the name, and of several to the one that was renamed in
//! the same way as the referring object.
//!
//! Sources: `api/resmap/reswrangler.go` (`SubsetThatCouldBeReferencedByResource`) and `api/internal/utils/annotations.go`
//! of kustomize.

use std::borrow::Cow;

use kustomize_krm_types::annotations;

use super::index::Objects;
use crate::hashing::{HashMap, HashSet};
use crate::read::Resource;

/// The current and previous names of an object.
#[derive(Debug)]
pub(super) struct Named {
    /// The current name, then previous ones.
    names: Vec<String>,
    namespace: Option<String>,
    /// `None` if there are so many that it may have been in any.
    previous_namespaces: Option<Vec<String>>,
    affixes: [Vec<String>; 2],
}

impl Named {
    /// kustomize moves no object so often. Each name is found in each namespace, so an author who writes very many of both
    /// would make a product of them.
    const MOST_NAMESPACES: usize = 8;

    pub(super) fn of(resource: &Resource<'_>) -> Named {
        let namespaces = resource.annotation_list(annotations::PREVIOUS_NAMESPACES);
        let namespaces = distinct(namespaces.into_iter());
        Named {
            names: all_names(resource),
            namespace: resource.namespace.as_deref().map(str::to_owned),
            previous_namespaces: (namespaces.len() <= Named::MOST_NAMESPACES).then_some(namespaces),
            affixes: resource.affixes().clone(),
        }
    }

    /// The current name.
    pub(super) fn name(&self) -> &str {
        &self.names[0]
    }

    pub(super) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    pub(super) fn may_be_in(&self, namespace: Option<&str>) -> bool {
        match (namespace, self.namespace()) {
            (Some(wanted), Some(now)) => {
                let previous = self.previous_namespaces.as_ref();
                wanted == now || previous.is_none_or(|it| it.iter().any(|it| it == wanted))
            }
            _ => true,
        }
    }

    /// The namespaces that the object is or was in; `None` for one that is not known.
    fn namespaces(&self) -> impl Iterator<Item = Option<&str>> {
        let known = self.previous_namespaces.as_ref();
        let now = self.namespace().filter(|_| known.is_some());
        let previous = known.into_iter().flatten().map(|it| Some(it.as_str()));
        std::iter::once(now).chain(previous.filter(move |_| now.is_some()))
    }
}

/// The indices of objects by name.
#[derive(Debug, Default)]
pub(super) struct ByName(HashMap<String, Called>);

/// The objects with a name, in their order.
#[derive(Debug, Default)]
struct Called {
    all: Vec<usize>,
    /// The same by namespace, if there are more than a few.
    by_namespace: HashMap<Option<String>, Vec<usize>>,
}

impl ByName {
    /// Up to this many objects with the same name are compared one by one.
    const FEW: usize = 8;

    pub(super) fn of<'n>(named: impl Iterator<Item = (usize, &'n Named)> + Clone) -> ByName {
        let mut by_name: HashMap<String, Called> = HashMap::default();
        for (index, it) in named.clone() {
            for name in &it.names {
                let called = match by_name.get_mut(name) {
                    Some(called) => called,
                    None => by_name.entry(name.clone()).or_default(),
                };
                called.all.push(index);
            }
        }
        for (index, it) in named {
            for name in &it.names {
                let Some(called) = by_name.get_mut(name) else {
                    continue;
                };
                if called.all.len() <= ByName::FEW {
                    continue;
                }
                for namespace in it.namespaces() {
                    let here = called.by_namespace.entry(namespace.map(str::to_owned));
                    let here = here.or_default();
                    if here.last() != Some(&index) {
                        here.push(index);
                    }
                }
            }
        }
        ByName(by_name)
    }

    /// The objects with the name, in their order; of many, only those that may be in the namespace.
    pub(super) fn candidates(&self, name: &str, namespace: Option<&str>) -> Cow<'_, [usize]> {
        let Some(called) = self.0.get(name) else {
            return Cow::Borrowed(&[]);
        };
        if namespace.is_none() || called.by_namespace.is_empty() {
            return Cow::Borrowed(&called.all);
        }
        let here = |namespace: Option<&str>| called.by_namespace.get(&namespace.map(str::to_owned));
        match (here(namespace), here(None)) {
            (None, None) => Cow::Borrowed(&[]),
            (Some(only), None) | (None, Some(only)) => Cow::Borrowed(only),
            (Some(one), Some(other)) => {
                let mut both = [one.as_slice(), other].concat();
                both.sort_unstable();
                Cow::Owned(both)
            }
        }
    }
}

/// The current name of an object, then its previous names.
pub(super) fn all_names(resource: &Resource<'_>) -> Vec<String> {
    let now = std::iter::once(resource.name.to_string());
    distinct(now.chain(resource.previous_names()))
}

/// The texts without those that repeat an earlier one.
fn distinct(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = HashSet::default();
    texts.filter(|text| seen.insert(text.clone())).collect()
}

/// Whether an object was added further out than one with these affixes, and got only the outer ones.
fn is_further_out(outer: &[Vec<String>; 2], affixes: &[Vec<String>; 2]) -> bool {
    let mut pairs = affixes.iter().zip(outer);
    pairs.all(|(all, outer)| all.starts_with(outer))
}

/// Whether kustomize added a prefix or a suffix to an object's name, so that it may refer to others than its neighbours do.
pub(super) fn is_renamed(resource: &Resource<'_>) -> bool {
    resource.affixes().iter().any(|list| !list.is_empty())
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
    let affixes = from.affixes();
    let nearer: [&dyn Fn(&Named) -> bool; 4] = [
        &|it| namespace.is_some() && it.namespace() == namespace,
        &|it| it.namespace() == from.namespace.as_deref(),
        &|it| it.affixes == *affixes,
        &|it| is_further_out(affixes, &it.affixes),
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

/// A reference resolves to at most this many objects; more share a name only if the input is for several clusters.
const MOST_REFERRED: usize = 64;

/// Kubernetes limits names to this length.
const LONGEST_NAME: usize = 253;

/// The objects of a kind.
#[derive(Debug)]
struct Kind {
    by_name: ByName,
    by_namespace: HashMap<Option<String>, Vec<usize>>,
}

/// All rendered objects, by name.
#[derive(Debug)]
pub struct NameIndex {
    named: Vec<Named>,
    by_kind: HashMap<String, Kind>,
    /// The names of custom resources that operators create other objects from, with their namespaces.
    makers: HashMap<String, HashSet<Option<String>>>,
    /// Kinds of custom resources that operators create other objects from, in lower case.
    maker_kinds: HashSet<String>,
}

impl NameIndex {
    /// Indexes all names except those of local-config objects, which are not rendered.
    pub(super) fn of(resources: &[Resource<'_>]) -> NameIndex {
        let named: Vec<Named> = resources.iter().map(Named::of).collect();
        let mut kinds: HashMap<&str, Vec<usize>> = HashMap::default();
        let mut makers: HashMap<String, HashSet<Option<String>>> = HashMap::default();
        for (index, resource) in resources.iter().enumerate() {
            let local = resource.annotation(annotations::LOCAL_CONFIG);
            if local.is_some_and(|value| value != "false") {
                continue;
            }
            kinds.entry(&resource.kind).or_default().push(index);
            if makes_others(resource) {
                let it = &named[index];
                for name in &it.names {
                    let namespaces = it.namespaces().map(|it| it.map(str::to_owned));
                    makers.entry(name.clone()).or_default().extend(namespaces);
                }
            }
        }
        let kind = |(kind, objects): (&str, Vec<usize>)| {
            let mut by_namespace: HashMap<Option<String>, Vec<usize>> = HashMap::default();
            for index in &objects {
                let namespace = named[*index].namespace.clone();
                by_namespace.entry(namespace).or_default().push(*index);
            }
            let by_name = ByName::of(objects.iter().map(|index| (*index, &named[*index])));
            (
                kind.to_owned(),
                Kind {
                    by_name,
                    by_namespace,
                },
            )
        };
        NameIndex {
            by_kind: kinds.into_iter().map(kind).collect(),
            makers,
            maker_kinds: resources
                .iter()
                .filter(|it| makes_others(it))
                .map(|it| it.kind.to_lowercase())
                .collect(),
            named,
        }
    }
}

impl<'a> Objects<'a> {
    /// The objects that a reference to a kind may resolve to: of those with the name that `matches` accepts, the nearest.
    pub fn referred(
        &self,
        from: &Resource<'_>,
        (kind, name): (&str, &str),
        namespace: Option<&str>,
        matches: impl Fn(&Resource<'a>) -> bool,
    ) -> Vec<(usize, &'a Resource<'a>)> {
        let names = self.names();
        let Some(kind) = names.by_kind.get(kind) else {
            return Vec::new();
        };
        let called = kind.by_name.candidates(name, namespace);
        let found = called.iter().copied().filter(|index| {
            names.named[*index].may_be_in(namespace) && matches(&self.resources[*index])
        });
        let named = |index: usize| &names.named[index];
        let found = found.take(MOST_REFERRED).collect();
        let nearest = nearest(found, named, namespace, from).into_iter();
        nearest.map(|it| (it, &self.resources[it])).collect()
    }

    /// Whether another object of the same kind and name is as wanted. Of many, the first ones decide.
    pub fn has_other(&self, of: &Resource<'_>, is_wanted: impl Fn(&Resource<'a>) -> bool) -> bool {
        let (names, namespace) = (self.names(), of.namespace.as_deref());
        let Some(kind) = names.by_kind.get(&*of.kind) else {
            return false;
        };
        let called = kind.by_name.candidates(&of.name, namespace);
        let here = called.iter().copied();
        let mut here = here
            .filter(|index| names.named[*index].may_be_in(namespace))
            .take(MOST_REFERRED);
        here.any(|index| {
            let other = &self.resources[index];
            !std::ptr::eq(other, of) && is_wanted(other)
        })
    }

    /// The objects of a kind in a namespace; `None` is the one of objects without a namespace.
    pub fn of_kind(
        &self,
        kind: &str,
        namespace: Option<&str>,
    ) -> impl ExactSizeIterator<Item = &'a Resource<'a>> + Clone {
        let kind = self.names().by_kind.get(kind);
        let here = kind.and_then(|it| it.by_namespace.get(&namespace.map(str::to_owned)));
        let here = here.map_or(&[][..], Vec::as_slice);
        here.iter().map(|index| &self.resources[*index])
    }

    /// Whether an operator may create an object of this name, or pods with this label value: it starts with the name or
    /// kind of a custom resource. `orders-kafka-brokers` belongs to the Kafka `orders`, `prometheus-operated` to every
    /// Prometheus.
    pub fn may_be_made(&self, name: &str, namespace: Option<&str>) -> bool {
        let NameIndex {
            makers,
            maker_kinds,
            ..
        } = self.names();
        if maker_kinds.is_empty() {
            return false;
        }
        let ends = name.match_indices('-').map(|(end, _)| end);
        let ends = ends
            .chain([name.len()])
            .take_while(|end| *end <= LONGEST_NAME);
        let namespace = namespace.map(str::to_owned);
        ends.map(|end| &name[..end]).any(|name| {
            let is_here = |of: &HashSet<Option<String>>| {
                namespace.is_none() || of.contains(&None) || of.contains(&namespace)
            };
            maker_kinds.contains(&name.to_lowercase()) || makers.get(name).is_some_and(is_here)
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
        "cert-manager.io", "external-secrets.io", "networking.istio.io", "security.istio.io",
        "keda.sh", "traefik.io",
    ];
    const KINDS: [&str; 14] = [
        "Application", "ApplicationSet", "ClusterPodMonitoring", "PodMonitor", "PodMonitoring",
        "Probe", "PrometheusRule", "Rollout", "ScrapeConfig", "SealedSecret", "ServiceMonitor",
        "VMPodScrape", "VMServiceScrape", "VMStaticScrape",
    ];
    GROUPS.contains(&resource.group()) || KINDS.contains(&resource.kind.as_ref())
}
