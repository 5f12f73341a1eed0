//! The search of an object for pods, containers and claims.

use std::borrow::Cow;
use std::collections::HashSet;

use jsonptr::PointerBuf;

use super::signs::{
    are_containers, id_of, is_built_in_workload, is_container, is_named_image, is_substituted,
    is_unknown, mounts_host,
};
use super::{Gap, Undeclared, UndeclaredPods};
use crate::objects::claims::Claim;
use crate::objects::layout::{self, Layout};
use crate::objects::places::Form;
use crate::objects::template::Template;
use crate::objects::walk::below;
use crate::problem::field_path;
use crate::read::Resource;
use crate::yaml::{Node, NodeId};

/// The lists of containers in a pod spec.
const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// Fields of a pod spec that weaken its isolation. Few other mappings have them.
const OF_PODS: [&str; 3] = ["hostNetwork", "hostPID", "hostIPC"];

/// Fields from which controllers make pods.
const HINTS: [&str; 6] = [
    "image", "podSpec", "podTemplate", "priorityClassName", "serviceAccountName", "tolerations",
];

/// Fields of Tekton that name what runs.
const TASKS: [&str; 3] = ["pipelineRef", "ref", "taskRef"];

/// Whether Tekton gets what runs from elsewhere than the cluster, such as from a repository.
fn is_remote(reference: Node<'_>) -> bool {
    let keys = ["bundle", "resolver"];
    keys.iter().any(|key| reference.at([*key]).is_some())
}

/// Fields of built-in workloads with their pods.
const WITH_PODS: [&str; 3] = ["jobTemplate", "spec", "template"];

/// Fields of a Kyverno rule that describe pods of others; `generate` creates some.
const RESTRICTIONS: [&str; 9] = [
    "celPreconditions", "context", "exclude", "match", "mutate", "preconditions",
    "reportProperties", "validate", "verifyImages",
];

/// The maximum of places reported for one object.
const MAX_REPORTED: usize = 8;

/// A mapping or list that is searched: its parent, and its key or index there.
struct Visit<'a> {
    parent: usize,
    step: Step<'a>,
    node: Node<'a>,
    /// The innermost object around it that is not the searched one.
    embedded: Option<Node<'a>>,
    /// Whether it is in the volumes of a pod, which also have images.
    is_in_volumes: bool,
}

enum Step<'a> {
    Root,
    Key(Cow<'a, str>),
    Item(usize),
}

/// A search for pods. Each node is visited once, even if it has aliases.
pub(super) struct Search<'a> {
    resource: &'a Resource<'a>,
    /// Specs, containers and claims that are known.
    known: HashSet<NodeId>,
    /// Specs of pods that are found.
    pods: HashSet<NodeId>,
    is_known_kind: bool,
    visits: Vec<Visit<'a>>,
    seen: HashSet<NodeId>,
    pub(super) found: Undeclared<'a>,
    /// Whether only some fields of any pod are found.
    pub(super) has_part: bool,
}

/// How much of a pod a mapping has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Looks {
    /// Containers with images.
    Whole,
    /// Some fields.
    Partial,
}

impl<'a> Search<'a> {
    pub(super) fn new<'t>(
        resource: &'a Resource<'a>,
        templates: impl Iterator<Item = &'t Template<'a>>,
        claims: &[Claim<'a>],
        is_known_kind: bool,
    ) -> Search<'a>
    where
        'a: 't,
    {
        let mut known = HashSet::new();
        for template in templates {
            known.insert(id_of(template.spec));
            known.extend(template.containers.iter().map(|it| id_of(it.node)));
        }
        known.extend(claims.iter().map(|it| id_of(it.node)));
        Search {
            resource,
            known,
            pods: HashSet::new(),
            is_known_kind,
            visits: Vec::new(),
            seen: HashSet::new(),
            found: Undeclared::default(),
            has_part: false,
        }
    }

    pub(super) fn run(&mut self) {
        self.visits.push(Visit {
            parent: 0,
            step: Step::Root,
            node: self.resource.node,
            embedded: None,
            is_in_volumes: false,
        });
        let mut open = vec![0];
        while let Some(at) = open.pop() {
            let node = self.visits[at].node;
            if !self.seen.insert(id_of(node)) {
                continue;
            }
            let first = self.visits.len();
            if node.is_map() {
                self.look_at(at);
            } else {
                for (index, item) in node.items().enumerate() {
                    self.visit(at, Step::Item(index), item);
                }
            }
            // Nodes are popped from the end.
            open.extend((first..self.visits.len()).rev());
        }
    }

    fn visit(&mut self, parent: usize, step: Step<'a>, node: Node<'a>) {
        if node.is_map() || node.is_sequence() {
            let Visit {
                embedded,
                is_in_volumes,
                node: of,
                ..
            } = self.visits[parent];
            let are_volumes = matches!(&step, Step::Key(key) if key == "volumes");
            let is_in_volumes = is_in_volumes || are_volumes && self.is_pod(of);
            self.visits.push(Visit {
                parent,
                step,
                node,
                embedded,
                is_in_volumes,
            });
        }
    }

    fn look_at(&mut self, at: usize) {
        let node = self.visits[at].node;
        let is_root = matches!(self.visits[at].step, Step::Root);
        if !is_root
            && ["kind", "apiVersion"]
                .iter()
                .all(|key| node.get(key).is_some())
        {
            self.visits[at].embedded = Some(node);
        }
        let is_policy = self.resource.group() == "kyverno.io";
        let looks = self.looks(at, node);
        if let Some(looks) = looks {
            self.add_pods(at, looks);
        }
        if looks.is_some() {
            self.pods.insert(id_of(node));
        }
        let is_tekton = self.resource.group() == "tekton.dev";
        let has_hints = !self.visits[at].is_in_volumes && !self.is_pod(node);
        let is_workload = self.visits[at].embedded.is_some_and(is_built_in_workload);
        let is_claim = node.get("accessModes").is_some_and(Node::is_sequence)
            || node.get("storageClassName").is_some() && node.get("resources").is_some();
        if is_claim && !self.is_known_claim(at) {
            self.gap(Gap::Claims, at, None);
        }
        let mut with_lists = None;
        for (key, value) in node.entries() {
            let key = key.text().unwrap_or_default();
            if is_root && ["metadata", "status"].contains(&key.as_ref())
                || is_policy && RESTRICTIONS.contains(&key.as_ref())
            {
                continue;
            }
            let has_pods =
                is_workload && WITH_PODS.contains(&key.as_ref()) || is_policy && key == "data";
            if is_unknown(&key, value) || has_pods && is_substituted(value) {
                self.gap(Gap::Substituted, at, Some(&key));
            }
            if looks.is_some() && LISTS.contains(&key.as_ref()) {
                self.look_into_list(at, &key, value);
                continue;
            }
            let is_hint = HINTS.contains(&key.as_ref())
                // `podSecurityContext`, `containerSecurityContext`
                || key.ends_with("SecurityContext") && value.is_map();
            if is_hint && !value.is_null() && has_hints && !is_found(value) {
                self.gap(Gap::Hint, at, Some(&key));
            }
            if is_tekton && TASKS.contains(&key.as_ref()) && is_remote(value) {
                self.gap(Gap::MorePods, at, Some(&key));
            }
            if are_containers(value) && !self.is_known_list(value) {
                let template = *with_lists.get_or_insert_with(|| self.add_lists(at));
                self.add_containers(template, at, key, value);
            } else {
                self.visit(at, Step::Key(key), value);
            }
        }
    }

    fn looks(&mut self, at: usize, node: Node<'a>) -> Option<Looks> {
        let mut looks = None;
        for key in LISTS {
            let Some(list) = node.get(key).filter(|list| !list.is_null()) else {
                continue;
            };
            if self.is_known_list(list) {
                continue;
            }
            if list.items().any(is_container) {
                let is_whole = list.items().any(is_named_image) && !self.is_known_kind;
                looks = looks.max(Some(is_whole));
            }
            let is_readable = list.is_sequence() && list.items().all(Node::is_map);
            let holds_any = list.items().any(is_container)
                || list.is_map() && list.entries().any(|(_, value)| is_container(value));
            if !is_readable && holds_any {
                self.gap(Gap::Unreadable, at, Some(key));
            }
        }
        if let Some(is_whole) = looks {
            return Some(if is_whole {
                Looks::Whole
            } else {
                Looks::Partial
            });
        }
        let is_weak = |key: &str| node.get(key).and_then(Node::bool) == Some(true);
        let has_context = node.get("securityContext").is_some_and(Node::is_map);
        let is_some = has_context || OF_PODS.iter().any(|key| is_weak(key)) || mounts_host(node);
        (is_some && !self.known.contains(&id_of(node))).then_some(Looks::Partial)
    }

    /// Records that fields in a list of found containers have no value yet.
    fn look_into_list(&mut self, at: usize, key: &str, list: Node<'a>) {
        let mut open = vec![list];
        let mut seen = HashSet::new();
        while let Some(node) = open.pop() {
            if !seen.insert(id_of(node)) {
                continue;
            }
            for (key_of_field, value) in node.entries() {
                if is_unknown(&key_of_field.text().unwrap_or_default(), value) {
                    return self.gap(Gap::Substituted, at, Some(key));
                }
                open.push(value);
            }
            open.extend(node.items());
        }
    }

    /// Whether a mapping is that of pods or containers, whose fields do not hint at others.
    fn is_pod(&self, node: Node<'a>) -> bool {
        let id = id_of(node);
        self.known.contains(&id) || self.pods.contains(&id)
    }

    /// Whether a list has the containers of a known template.
    fn is_known_list(&self, list: Node<'a>) -> bool {
        list.items().any(|it| self.known.contains(&id_of(it)))
    }

    /// Whether a claim, or the object around its spec, is known.
    fn is_known_claim(&self, at: usize) -> bool {
        let Visit { parent, node, .. } = &self.visits[at];
        let nodes = [*node, self.visits[*parent].node];
        nodes.into_iter().any(|it| self.known.contains(&id_of(it)))
    }

    fn add_pods(&mut self, at: usize, looks: Looks) {
        let Visit {
            parent,
            step,
            node,
            embedded,
            ..
        } = &self.visits[at];
        let (node, embedded, parent) = (*node, *embedded, *parent);
        // A pod spec at `spec` of the object itself is not in a template.
        let is_template = parent != 0 && matches!(step, Step::Key(key) if key == "spec");
        let pointer = self.pointer(at);
        let layout = match looks {
            Looks::Whole if is_template => &layout::FOUND_TEMPLATE,
            Looks::Whole => &layout::FOUND_POD_SPEC,
            Looks::Partial => &layout::FOUND_PART,
        };
        let of_template = self.visits[parent].node;
        let mut template = match is_template && looks == Looks::Whole {
            true => Template::found(layout, self.pointer(parent), of_template, Some(node)),
            false => Template::found(layout, pointer, node, None),
        };
        template.embedded = embedded;
        for key in LISTS {
            let list = node.get(key).filter(|list| !self.is_known_list(*list));
            if let Some(list) = list {
                template.add_found(key, list, layout);
            }
        }
        if looks == Looks::Partial && template.containers.is_empty() {
            template.add_itself(layout);
        }
        self.found.templates.push(template);
        match (looks, is_template) {
            (Looks::Whole, true) => self.add_place(parent, None, Form::Template),
            (Looks::Whole, false) => self.add_place(at, None, Form::PodSpec),
            (Looks::Partial, _) => self.has_part = true,
        }
    }

    /// The layout of containers under other keys than those of a pod spec.
    fn layout_of_lists(&self) -> &'static Layout {
        match self.is_known_kind {
            true => &layout::FOUND_PART,
            false => &layout::CONTAINERS,
        }
    }

    /// Adds a mapping with lists of containers, and returns its index. They are one template: checks look at its mapping once.
    fn add_lists(&mut self, at: usize) -> usize {
        let Visit { node, embedded, .. } = self.visits[at];
        let mut template = Template::found(self.layout_of_lists(), self.pointer(at), node, None);
        template.embedded = embedded;
        self.found.templates.push(template);
        self.found.templates.len() - 1
    }

    /// Adds a list of containers in such a mapping.
    fn add_containers(&mut self, template: usize, at: usize, key: Cow<'a, str>, list: Node<'a>) {
        let layout = self.layout_of_lists();
        self.found.templates[template].add_found(&key, list, layout);
        self.look_into_list(at, &key, list);
        self.add_place(at, Some(key), Form::Containers);
    }

    /// Adds the place of a visited node, or of a list in it.
    fn add_place(&mut self, at: usize, list: Option<Cow<'a, str>>, form: Form) {
        if self.is_known_kind {
            return;
        }
        let (mut path, mut can_be_declared) = self.path(at);
        if let Some(list) = list {
            can_be_declared &= push_key(&mut path, &list);
            path.push_str("[]");
        }
        let place = UndeclaredPods {
            can_be_declared: can_be_declared && !path.is_empty(),
            path,
            form,
        };
        let places = &mut self.found.places;
        if places.len() < MAX_REPORTED && !places.contains(&place) {
            places.push(place);
        }
    }

    /// Records what cannot be examined, at a key of a visited mapping; of several, the first of the most severe.
    fn gap(&mut self, gap: impl Fn(String) -> Gap, at: usize, key: Option<&str>) {
        let rank = |gap: &Gap| std::mem::discriminant(gap);
        let known = self.found.gap.as_ref();
        let new = gap(String::new());
        if known.is_some_and(|known| rank(known) == rank(&new) || *known > new) {
            return;
        }
        let path = self.pointer(at);
        let path = match key {
            Some(key) => below(&path, [key]),
            None => path,
        };
        self.found.gap = Some(gap(field_path(&path)));
    }

    /// The steps to a visited node, from the root.
    fn steps(&self, mut at: usize) -> Vec<&Step<'a>> {
        let mut steps = Vec::new();
        while at != 0 {
            steps.push(&self.visits[at].step);
            at = self.visits[at].parent;
        }
        steps.reverse();
        steps
    }

    fn pointer(&self, at: usize) -> PointerBuf {
        let mut pointer = PointerBuf::new();
        for step in self.steps(at) {
            match step {
                Step::Root => {}
                Step::Key(key) => pointer.push_back(key.as_ref()),
                Step::Item(index) => pointer.push_back(*index),
            }
        }
        pointer
    }

    /// The path of a visited node in the syntax of `podSpecs`, and whether a config can have it.
    fn path(&self, at: usize) -> (String, bool) {
        let (mut path, mut is_plain) = (String::new(), true);
        for step in self.steps(at) {
            match step {
                Step::Root => {}
                Step::Key(key) => is_plain &= push_key(&mut path, key),
                Step::Item(_) => path.push_str("[]"),
            }
        }
        // A path cannot name a list in a list.
        let is_plain = is_plain && !path.contains("[][]");
        (path, is_plain)
    }
}

/// Whether a mapping has containers, as pod specs and templates have: the search finds these pods.
fn is_found(node: Node<'_>) -> bool {
    let holds_any = |spec: Node<'_>| {
        let lists = LISTS.iter().filter_map(|key| spec.get(key));
        lists.flat_map(Node::items).any(is_container)
    };
    holds_any(node) || node.get("spec").is_some_and(holds_any)
}

/// Adds a key to a path; whether a path can contain it.
fn push_key(path: &mut String, key: &str) -> bool {
    if !path.is_empty() {
        path.push('/');
    }
    path.push_str(key);
    !key.is_empty() && !key.contains(['/', '*', '[', ']', '"', '\\'])
}
