//! Which of many selectors may match an object, without a comparison with each.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;

use super::selector::{Labels, Match, Selector, possible_names};
use crate::kubernetes::Pattern;
use crate::objects::Template;
use crate::read::Resource;

/// So few selectors are compared one by one.
const FEW: usize = 8;

/// A list of selectors by what they require.
///
/// Each selector is found by one of its requirements: a field that equals one of some texts or begins with one, or a label
/// that has one of some values. It is the requirement that it shares with the fewest others, so that many selectors of one
/// kind, one namespace or one name cost nothing if they differ in something else. Other selectors, such as those of a
/// pattern that begins with `.*`, are compared with every object.
#[derive(Clone, Debug, Default)]
pub struct SelectorIndex {
    /// Selectors by a requirement, as the kind of requirement and the text.
    by_key: HashMap<String, Vec<usize>>,
    /// The kinds of the requirements in use, and for beginnings also how long they are.
    kinds: BTreeSet<(char, usize)>,
    others: Vec<usize>,
}

/// The kinds of requirements on a field, each with the one for the beginning of its text.
const FIELDS: [(char, char); 5] = [('G', 'g'), ('V', 'v'), ('K', 'k'), ('S', 's'), ('N', 'n')];
const NAME: (char, char) = FIELDS[4];
/// The kinds of requirements on labels, annotations and the labels of pods.
const MAPS: [char; 3] = ['l', 'a', 'p'];

impl SelectorIndex {
    /// The index of selectors with their numbers.
    pub fn of<'s>(selectors: impl Iterator<Item = (usize, &'s Selector)>) -> SelectorIndex {
        let selectors: Vec<(usize, &Selector)> = selectors.collect();
        let mut index = SelectorIndex::default();
        if selectors.len() <= FEW {
            index.others = selectors.into_iter().map(|(number, _)| number).collect();
            return index;
        }
        let required: Vec<Vec<Vec<String>>> =
            selectors.iter().map(|(_, it)| requirements(it)).collect();
        let mut uses: HashMap<&str, usize> = HashMap::new();
        for key in required.iter().flatten().flatten() {
            *uses.entry(key).or_default() += 1;
        }
        for ((number, _), required) in selectors.iter().zip(&required) {
            let uses_of = |keys: &&Vec<String>| keys.iter().map(|key| uses[key.as_str()]).max();
            let Some(keys) = required.iter().min_by_key(uses_of) else {
                index.others.push(*number);
                continue;
            };
            for key in keys {
                let kind = key.chars().next().unwrap_or_default();
                let is_beginning = FIELDS.iter().any(|(_, beginning)| *beginning == kind);
                let length = if is_beginning { key.len() - 1 } else { 0 };
                index.kinds.insert((kind, length));
                index.by_key.entry(key.clone()).or_default().push(*number);
            }
        }
        index
    }

    /// The selectors that may match an object by its present or a previous name, in order.
    pub fn candidates(&self, resource: &Resource<'_>, templates: &[Template<'_>]) -> Vec<usize> {
        if self.by_key.is_empty() {
            return self.others.clone();
        }
        let previous = resource.previous_names();
        let names = std::iter::once(&*resource.name).chain(previous.iter().map(String::as_str));
        let names: Vec<&str> = names.collect();
        self.candidates_named(&names, resource, templates)
    }

    /// The selectors that may have matched an object before a prefix, a suffix or a hash was added to its name, in order.
    pub fn may_have_matched(
        &self,
        resource: &Resource<'_>,
        templates: &[Template<'_>],
    ) -> Vec<usize> {
        if self.by_key.is_empty() {
            return self.others.clone();
        }
        let names: Vec<&str> = possible_names(&resource.name).collect();
        self.candidates_named(&names, resource, templates)
    }

    /// The selectors that may match an object if it has one of these names, in order.
    fn candidates_named(
        &self,
        names: &[&str],
        resource: &Resource<'_>,
        templates: &[Template<'_>],
    ) -> Vec<usize> {
        let mut found = self.others.clone();
        let mut key = String::new();
        let mut add = |kind: char, parts: [&str; 3]| {
            key.clear();
            key.push(kind);
            key.extend(parts);
            found.extend(self.by_key.get(&key).into_iter().flatten());
        };
        let namespace = resource.namespace.as_deref().unwrap_or_default();
        let group = resource.group();
        let texts = [group, resource.version(), &*resource.kind, namespace];
        let texts = FIELDS.into_iter().zip(texts);
        let texts = texts.chain(names.iter().map(|name| (NAME, *name)));
        for ((whole, beginning), text) in texts {
            for (kind, length) in &self.kinds {
                if *kind == whole {
                    add(whole, [text, "", ""]);
                } else if *kind == beginning
                    && let Some(start) = text.get(..*length)
                {
                    add(beginning, [start, "", ""]);
                }
            }
        }
        let is_used = |kind| self.kinds.contains(&(kind, 0));
        let own = [
            (MAPS[0], resource.labels()),
            (MAPS[1], resource.annotations()),
        ];
        let of_pods = templates
            .iter()
            .map(|template| (MAPS[2], template.labels()));
        for (kind, map) in own.into_iter().chain(of_pods) {
            for (name, value) in map
                .filter(|_| is_used(kind))
                .iter()
                .flat_map(|map| map.entries())
            {
                let value = value.text().filter(|_| !value.is_null());
                add(
                    kind,
                    [
                        &name.text().unwrap_or_default(),
                        "=",
                        &value.unwrap_or_default(),
                    ],
                );
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// What a selector requires, each as keys of which an object has at least one.
fn requirements(selector: &Selector) -> Vec<Vec<String>> {
    let patterns = [
        &selector.group, &selector.version, &selector.kind, &selector.namespace, &selector.name,
    ];
    let of_field = |((whole, beginning), pattern): ((char, char), &Option<Pattern>)| {
        let starts = pattern.as_ref()?.starts()?.into_iter();
        let key = |(text, is_whole)| format!("{}{text}", if is_whole { whole } else { beginning });
        Some(starts.map(key).collect())
    };
    let mut required: Vec<Vec<String>> = FIELDS
        .into_iter()
        .zip(patterns)
        .filter_map(of_field)
        .collect();
    let maps = [
        &selector.label_selector, &selector.annotation_selector, &selector.pod_label_selector,
    ];
    for (kind, labels) in MAPS.into_iter().zip(maps) {
        for (name, values) in labels.iter().flat_map(Labels::wanted) {
            let keys = |values: &[String]| {
                values
                    .iter()
                    .map(|value| format!("{kind}{name}={value}"))
                    .collect()
            };
            required.extend(values.map(keys));
        }
    }
    required
}

/// A list of selectors that leave something out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "Vec<Selector>")]
pub struct Exclusions {
    selectors: Vec<Selector>,
    index: SelectorIndex,
}

impl From<Vec<Selector>> for Exclusions {
    fn from(selectors: Vec<Selector>) -> Exclusions {
        let index = SelectorIndex::of(selectors.iter().enumerate());
        Exclusions { selectors, index }
    }
}

impl Exclusions {
    /// The selectors that match an object by its present or only by a previous name, in order.
    pub fn of<'s>(
        &'s self,
        resource: &Resource<'_>,
        templates: &[Template<'_>],
    ) -> Vec<(&'s Selector, Match)> {
        let candidates = self.index.candidates(resource, templates).into_iter();
        let selectors = candidates.map(|number| &self.selectors[number]);
        let found = selectors.map(|it| (it, it.excludes(resource, templates)));
        found.filter(|(_, found)| *found != Match::No).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::{Classification, Objects};
    use crate::read::Origin;
    use crate::yaml::Stream;

    fn pattern(text: &str) -> Option<Pattern> {
        Some(Pattern::try_from(text.to_owned()).expect("valid"))
    }

    fn labels(text: &str) -> Option<Labels> {
        Some(Labels::try_from(text.to_owned()).expect("valid"))
    }

    /// Selectors of every form, several of which match each object.
    fn selectors() -> Vec<Selector> {
        let names = [
            "web", "web-1", "web|api", "^web$", "we.*", "w|a.*", "web-[0-9]", "(?i)WEB", "web.*|x",
            "webb*", "web\\-1", "web-1+", "w?eb", "wé.*", "", ".*", "we{0}b", "old", "[w]eb",
            "a\\|b|web", "w$|web$",
        ];
        let mut selectors: Vec<Selector> = Vec::new();
        for name in names {
            let name = pattern(name);
            let selector = Selector {
                name,
                ..Selector::default()
            };
            for namespace in ["shop", "s.*", ""] {
                let namespace = pattern(namespace);
                selectors.push(Selector {
                    namespace,
                    ..selector.clone()
                });
            }
            selectors.push(Selector {
                kind: pattern("Deployment"),
                ..selector.clone()
            });
            selectors.push(Selector {
                group: pattern("apps"),
                version: pattern("v1"),
                ..selector.clone()
            });
            for text in [
                "app=web", "app in (web, api)", "app", "app!=web", "empty=", "!nothing",
            ] {
                selectors.push(Selector {
                    label_selector: labels(text),
                    ..selector.clone()
                });
                selectors.push(Selector {
                    pod_label_selector: labels(text),
                    ..selector.clone()
                });
                selectors.push(Selector {
                    annotation_selector: labels(text),
                    ..Selector::default()
                });
            }
            selectors.push(selector);
        }
        selectors
    }

    const OBJECTS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  labels: {app: web, empty: null}
  annotations: {app: web, empty: ''}
spec: {template: {metadata: {labels: {app: api}}, spec: {containers: [{name: a, image: a}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web-1, annotations: {internal.config.kubernetes.io/previousNames: 'old,web'}}
spec: {template: {metadata: {labels: {app: web, empty: ''}}, spec: {containers: [{name: a, image: a}]}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: wé, namespace: shop}
spec: {template: {spec: {containers: [{name: a, image: a}]}}}
";

    #[test]
    fn the_index_finds_all_that_match() {
        let selectors = selectors();
        let index = SelectorIndex::of(selectors.iter().enumerate());
        let stream = Stream::parse(OBJECTS).expect("YAML");
        let mut resources = Vec::new();
        for document in stream.documents() {
            let root = document.root();
            Resource::read(root, 0, Origin::default(), &mut resources).expect("an object");
        }
        let objects = Objects::of(&resources, &[], &[], None);
        let (mut compared, mut matching) = (0, 0);
        for (resource, class) in resources.iter().zip(&objects.classifications) {
            let target = match class {
                Classification::Target(target) => Some(target),
                _ => None,
            };
            let target = target.expect("a workload");
            let candidates = index.candidates(resource, &target.templates);
            compared += candidates.len();
            for (number, selector) in selectors.iter().enumerate() {
                let found = selector.matches(resource, &target.templates);
                matching += usize::from(found != Match::No);
                assert!(
                    found == Match::No || candidates.contains(&number),
                    "{} {selector:?}",
                    resource.name
                );
            }
        }
        let all = selectors.len() * resources.len();
        assert!(
            compared < matching * 2,
            "{matching} match of {compared} compared of {all}"
        );
    }
}
