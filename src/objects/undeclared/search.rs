//! The search of an object for pods, containers and claims.

use std::borrow::Cow;
use std::collections::HashSet;

use jsonptr::PointerBuf;

use super::{Gap, Undeclared, UndeclaredPods};
use crate::objects::claims::Claim;
use crate::objects::layout;
use crate::objects::places::Form;
use crate::objects::template::Template;
use crate::objects::walk::below;
use crate::problem::field_path;
use crate::read::Resource;
use crate::yaml::{Node, NodeId};

/// The lists of containers in a pod spec.
const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// Keys that distinguish containers from other mappings with a name and an image.
const OF_CONTAINERS: [&str; 8] = [
    "command", "args", "script", "env", "volumeMounts", "resources", "computeResources",
    "securityContext",
];

/// Fields of a pod spec that weaken its isolation. Few other mappings have them.
const OF_PODS: [&str; 3] = ["hostNetwork", "hostPID", "hostIPC"];

/// Fields from which controllers make pods.
const HINTS: [&str; 6] = [
    "image", "podSpec", "podTemplate", "priorityClassName", "serviceAccountName", "tolerations",
];

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
    pub(super) fn new(
        resource: &'a Resource<'a>,
        templates: &[Template<'a>],
        claims: &[Claim<'a>],
        is_known_kind: bool,
    ) -> Search<'a> {
        let mut known = HashSet::new();
        for template in templates {
            known.insert(id_of(template.spec));
            known.extend(template.containers.iter().map(|it| id_of(it.node)));
        }
        known.extend(claims.iter().map(|it| id_of(it.node)));
        Search {
            resource,
            known,
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
            let embedded = self.visits[parent].embedded;
            self.visits.push(Visit {
                parent,
                step,
                node,
                embedded,
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
        let is_claim = node.get("accessModes").is_some_and(Node::is_sequence)
            || node.get("storageClassName").is_some() && node.get("resources").is_some();
        if is_claim && !self.is_known_claim(at) {
            self.gap(Gap::Claims, at, None);
        }
        for (key, value) in node.entries() {
            let key = key.text().unwrap_or_default();
            if is_root && ["metadata", "status"].contains(&key.as_ref())
                || looks.is_some() && LISTS.contains(&key.as_ref())
                || is_policy && RESTRICTIONS.contains(&key.as_ref())
            {
                continue;
            }
            let is_hint = HINTS.contains(&key.as_ref())
                // `podSecurityContext`, `containerSecurityContext`
                || key.ends_with("SecurityContext") && value.is_map();
            if is_hint && !value.is_null() && looks.is_none() {
                self.gap(Gap::Hint, at, Some(&key));
            }
            if are_containers(value) && !self.is_known_list(value) {
                self.add_containers(at, key, value);
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

    /// Adds a list of containers under another key than those of a pod spec.
    fn add_containers(&mut self, at: usize, key: Cow<'a, str>, list: Node<'a>) {
        let Visit { node, embedded, .. } = self.visits[at];
        let layout = match self.is_known_kind {
            true => &layout::FOUND_PART,
            false => &layout::CONTAINERS,
        };
        let mut template = Template::found(layout, self.pointer(at), node, None);
        template.embedded = embedded;
        template.add_found(&key, list, layout);
        self.found.templates.push(template);
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

/// Adds a key to a path; whether a path can contain it.
fn push_key(path: &mut String, key: &str) -> bool {
    if !path.is_empty() {
        path.push('/');
    }
    path.push_str(key);
    !key.is_empty() && !key.contains(['/', '*', '[', ']', '"', '\\'])
}

/// Aliases of a node share its id.
fn id_of(node: Node<'_>) -> NodeId {
    node.alias_target().id()
}

fn is_text(node: Option<Node<'_>>) -> bool {
    node.is_some_and(|node| node.is_scalar() && !node.is_null())
}

/// Whether a mapping in a list of containers is one: the usage in metrics has only names.
fn is_container(item: Node<'_>) -> bool {
    item.is_map() && (item.get("image").is_some() || runs(item))
}

fn runs(item: Node<'_>) -> bool {
    OF_CONTAINERS.iter().any(|key| item.get(key).is_some())
}

/// Whether a mapping has a volume from the file system of its node.
fn mounts_host(node: Node<'_>) -> bool {
    let mut volumes = node.items_at(["volumes"]);
    volumes.any(|volume| volume.get("hostPath").is_some_and(Node::is_map))
}

fn is_named_image(item: Node<'_>) -> bool {
    is_text(item.get("name")) && is_text(item.get("image"))
}

/// Whether a list under another key holds containers: many lists have names and images, but few also have container
/// fields.
fn are_containers(list: Node<'_>) -> bool {
    list.is_sequence() && list.items().any(is_named_image) && list.items().any(runs)
}
