//! Exemptions from fields and rules, with a reason, in the config or in an object's annotations.
//!
//! An exemption names leaves of the config, which are then not written or reported, or rules, whose findings are then
//! waived. Exempted leaves and rules are still evaluated, so that reports list what is waived and which exemptions are
//! unused.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use crate::config::{Exemption, LeafIndex, SectionRow, Selector, Vocabulary, leaf_of};
use crate::finding::{Finding, Part};
use crate::hashing::{HashMap, HashSet};
use crate::kubernetes::Date;
use crate::objects::{Container, Target};

/// An exemption as it applies to one object.
#[derive(Debug)]
pub struct AppliedExemption<'r> {
    /// Where it is defined.
    pub source: Source,
    /// The containers that it applies to, if not to all.
    container: Option<Only<'r>>,
    /// Leaves, as written.
    pub fields: Vec<Cow<'r, str>>,
    /// Rules.
    pub rules: Vec<Cow<'r, str>>,
    /// The reason.
    pub reason: String,
    /// The last day.
    pub until: Option<Date>,
    /// Whether it keeps a field from being written, or waives a finding.
    pub is_used: AtomicBool,
    /// The number of findings that it waives.
    pub waived: AtomicUsize,
}

/// Where an exemption is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// In the config: its index in `spec.exemptions`.
    Config(usize),
    /// On the object.
    Annotation,
}

#[derive(Debug)]
enum Only<'r> {
    Selected(&'r Selector),
    Named(String),
}

impl<'r> AppliedExemption<'r> {
    /// An exemption of the config, for an object that it selects.
    pub fn of_config(index: usize, exemption: &'r Exemption) -> AppliedExemption<'r> {
        let selects_containers = exemption.select.containers.is_some();
        let borrowed =
            |texts: &'r [String]| texts.iter().map(|it| Cow::from(it.as_str())).collect();
        AppliedExemption {
            source: Source::Config(index),
            container: selects_containers.then_some(Only::Selected(&exemption.select)),
            fields: borrowed(&exemption.fields),
            rules: borrowed(&exemption.rules),
            reason: exemption.reason.clone(),
            until: exemption.until.clone(),
            is_used: AtomicBool::new(false),
            waived: AtomicUsize::new(0),
        }
    }

    /// An exemption in an annotation, for all containers or the one of this name.
    pub(super) fn of_author(
        container: Option<&str>,
        fields: Vec<Cow<'r, str>>,
        rules: Vec<Cow<'r, str>>,
    ) -> AppliedExemption<'r> {
        AppliedExemption {
            source: Source::Annotation,
            container: container.map(|name| Only::Named(name.to_owned())),
            fields,
            rules,
            reason: String::new(),
            until: None,
            is_used: AtomicBool::new(false),
            waived: AtomicUsize::new(0),
        }
    }

    /// Its fields and rules, as written.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().chain(&self.rules).map(AsRef::as_ref)
    }

    /// The container that an annotation names.
    pub fn container_name(&self) -> Option<&str> {
        match &self.container {
            Some(Only::Named(name)) => Some(name),
            _ => None,
        }
    }

    /// Whether it applies to a container.
    fn is_for(&self, container: &Container<'_>) -> bool {
        match &self.container {
            None => true,
            Some(Only::Selected(selector)) => selector.matches_container(container),
            Some(Only::Named(name)) => *name == container.name,
        }
    }

    /// The paths in a section's `modes` that it covers.
    fn leaves_of<'w>(&'w self, section: &'static SectionRow) -> impl Iterator<Item = &'w str> {
        let fields = self.fields.iter();
        let fields = fields.filter_map(|field| leaf_of(field, section.name, section.mode_paths));
        let of_rules = section.rules.iter();
        let of_rules = of_rules.filter(|(rule, _)| self.rules.iter().any(|it| it == rule));
        fields.chain(of_rules.map(|(_, leaf)| *leaf))
    }
}

/// The exemptions of one object, those of the config first.
///
/// An author can write as many as there are containers and findings, so none of these is compared with each exemption.
#[derive(Debug, Default)]
pub struct Exemptions<'r> {
    all: Vec<AppliedExemption<'r>>,
    /// What they exempt. Most objects have none, so it is apart.
    exempt: Option<Box<Exempt<'r>>>,
}

/// What exemptions of an object exempt.
#[derive(Debug, Default)]
struct Exempt<'r> {
    /// What is exempt for anything in the object.
    anywhere: Words,
    /// What is exempt for the whole object, including all containers.
    whole: Words,
    /// What is exempt for the containers with a name.
    by_name: HashMap<&'r str, Words>,
    /// Those of the config that select containers by more than names.
    selecting: Vec<Selecting<'r>>,
}

/// An exemption of the config that selects containers.
#[derive(Debug)]
struct Selecting<'r> {
    index: usize,
    words: Words,
    /// The names of the containers.
    names: HashSet<&'r str>,
}

/// The rules and leaves that exemptions name, each with the first exemption.
#[derive(Debug, Default)]
struct Words {
    rules: HashMap<String, usize>,
    /// The leaves of each section.
    leaves: Vec<(&'static str, Arc<LeafIndex>)>,
}

impl Words {
    fn add(&mut self, index: usize, exemption: &AppliedExemption<'_>, vocabulary: &Vocabulary) {
        for rule in &exemption.rules {
            if !self.rules.contains_key(&**rule) {
                self.rules.insert(rule.to_string(), index);
            }
        }
        for section in vocabulary.sections {
            for leaf in exemption.leaves_of(section) {
                let name = section.name;
                let known = self.leaves.iter().position(|(of, _)| *of == name);
                let at = known.unwrap_or(self.leaves.len());
                if known.is_none() {
                    self.leaves.push((name, Arc::default()));
                }
                Arc::make_mut(&mut self.leaves[at].1).add(leaf, index);
            }
        }
    }

    fn leaves_of(&self, section: &str) -> Option<&Arc<LeafIndex>> {
        let mut leaves = self.leaves.iter();
        leaves.find_map(|(name, leaves)| (*name == section).then_some(leaves))
    }

    /// The first exemption of a leaf, including the section: `resources.limits.cpu`.
    fn of_leaf(&self, leaf: &str) -> Option<usize> {
        let (section, leaf) = leaf.split_once('.')?;
        self.leaves_of(section)?.first(leaf)
    }

    /// The first exemption that covers a finding: by its rule, or by the leaf that would fix it.
    fn of_finding(&self, finding: &Finding) -> Option<usize> {
        let by_rule = self.rules.get(finding.rule.id).copied();
        let leaf = finding.leaf.as_deref();
        let by_leaf = leaf.and_then(|leaf| self.of_leaf(leaf));
        by_rule.into_iter().chain(by_leaf).min()
    }
}

impl<'r> Exemptions<'r> {
    /// The exemptions that apply to an object.
    pub(super) fn of(
        all: Vec<AppliedExemption<'r>>,
        target: &'r Target<'_>,
        vocabulary: &Vocabulary,
    ) -> Exemptions<'r> {
        if all.is_empty() {
            return Exemptions::default();
        }
        let mut exempt = Box::<Exempt<'r>>::default();
        let names = target.containers().map(|it| &*it.name);
        let names: HashSet<&str> = names.collect();
        for (index, exemption) in all.iter().enumerate() {
            exempt.anywhere.add(index, exemption, vocabulary);
            let only: Vec<&str> = match &exemption.container {
                None => {
                    exempt.whole.add(index, exemption, vocabulary);
                    continue;
                }
                Some(Only::Named(name)) => vec![name],
                Some(Only::Selected(selector)) => match selector.container_names() {
                    Some(names) => names,
                    None => {
                        let mut words = Words::default();
                        words.add(index, exemption, vocabulary);
                        let names = target.containers().filter(|it| exemption.is_for(it));
                        exempt.selecting.push(Selecting {
                            index,
                            words,
                            names: names.map(|it| &*it.name).collect(),
                        });
                        continue;
                    }
                },
            };
            for name in only.into_iter().filter_map(|name| names.get(name)) {
                let words = exempt.by_name.entry(name).or_default();
                words.add(index, exemption, vocabulary);
            }
        }
        Exemptions {
            all,
            exempt: Some(exempt),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &AppliedExemption<'r>> {
        self.all.iter()
    }

    /// The one with this index.
    pub fn get(&self, index: usize) -> Option<&AppliedExemption<'r>> {
        self.all.get(index)
    }

    /// The first exemption that covers a finding.
    pub fn covering(&self, finding: &Finding) -> Option<&AppliedExemption<'r>> {
        let exempt = self.exempt.as_ref()?;
        let mut first = exempt.whole.of_finding(finding);
        if let Part::Container { name, .. } = &finding.part {
            let named = exempt.by_name.get(&**name);
            let named = named.and_then(|words| words.of_finding(finding));
            let selecting = exempt
                .selecting
                .iter()
                .find(|it| it.names.contains(&**name) && it.words.of_finding(finding).is_some());
            let selecting = selecting.map(|it| it.index);
            first = first.into_iter().chain(named).chain(selecting).min();
        }
        self.all.get(first?)
    }

    /// The index of the first exemption of a leaf, including the section, for whatever part of the object.
    pub fn of_leaf(&self, leaf: &str) -> Option<usize> {
        self.exempt.as_ref()?.anywhere.of_leaf(leaf)
    }

    /// The exempt leaves of a section: those of the whole object, and those of a container.
    pub fn leaves(&self, section: &str, container: Option<&Container<'_>>) -> Vec<Arc<LeafIndex>> {
        let Some(exempt) = &self.exempt else {
            return Vec::new();
        };
        let whole = exempt.whole.leaves_of(section).into_iter();
        let Some(container) = container else {
            return whole.cloned().collect();
        };
        let named = exempt.by_name.get(&*container.name);
        let selecting = exempt.selecting.iter();
        let selecting = selecting.filter(|it| self.all[it.index].is_for(container));
        let own = named.into_iter().chain(selecting.map(|it| &it.words));
        let own = own.filter_map(|words| words.leaves_of(section));
        whole.chain(own).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Source;
    use crate::finding::Finding;
    use crate::rules::CMP001;
    use crate::select::testing::with_selected;

    const CONFIG: &str = "\
apiVersion: fitout.dev/v1alpha1
kind: Fitout
metadata: {name: x}
spec:
  environment: production
  resources: {}
  exemptions:
  - {reason: because it is so, fields: [limits.cpu], select: {containers: {names: [a, b]}}}
  - {reason: because it is so, fields: [limits], select: {containers: {images: ['y:*']}}}
  - {reason: because it is so, fields: [requests.cpu], rules: [FIT-CMP001], select: {}}
";

    const POD: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: p
  annotations:
    fitout.dev/exempt: 'limits.memory,b:limits,c:limits.cpu,a:limits.cpu,no:requests.memory'
    fitout.dev/exempt-reason: because it is so
spec: {containers: [{name: a, image: 'x:1'}, {name: b, image: 'x:1'}, {name: c, image: 'y:1'}, {name: d, image: 'x:1'}]}
";

    #[test]
    fn the_first_exemption_of_a_container_covers() {
        with_selected(CONFIG, crate::VOCABULARY, POD, |given| {
            let selected = &given.selection.selected[0];
            let covering = |container: usize, leaf: &'static str| {
                let part = selected.target.containers().nth(container);
                let finding = Finding {
                    part: part.expect("a container").subject.part.clone(),
                    leaf: Some(leaf.into()),
                    ..Finding::new(&crate::funnel::RULES[0], "x")
                };
                let found = selected.exemptions.covering(&finding)?;
                Some((found.source, found.fields.join(",")))
            };
            let config = |index, fields: &str| Some((Source::Config(index), fields.to_owned()));
            let author = |field: &str| Some((Source::Annotation, field.to_owned()));
            let [cpu, memory] = ["resources.limits.cpu", "resources.limits.memory"];
            assert_eq!(covering(0, cpu), config(0, "limits.cpu"));
            assert_eq!(covering(1, cpu), config(0, "limits.cpu"));
            assert_eq!(covering(2, cpu), config(1, "limits"));
            assert_eq!(covering(3, cpu), None);
            assert_eq!(covering(0, memory), author("limits.memory"));
            assert_eq!(covering(1, memory), author("limits.memory"));
            assert_eq!(covering(2, memory), config(1, "limits"));
            assert_eq!(
                covering(3, "resources.requests.cpu"),
                config(2, "requests.cpu")
            );
            assert_eq!(covering(3, "resources.requests.memory"), None);
            let of_rule = Finding::new(&CMP001, "x");
            let of_rule = selected.exemptions.covering(&of_rule);
            assert_eq!(
                of_rule.map(|it| it.source),
                config(2, "").map(|(source, _)| source)
            );
        });
    }
}
