//! The fields of a pod that the checks read, and no other.
//!
//! They are as the API server's evaluator sees them, which is after defaulting (`pkg/apis/core/v1/defaults.go` in
//! kubernetes): a volume without a source is an `emptyDir`, and in a Pod that is on its node's network every port is one
//! of the node. Templates are not defaulted so; the pods made from them are.

use std::borrow::Cow;

use jsonptr::Pointer;

use super::view::View;
use crate::edit::Change;
use crate::select::{ContainerType, Template};
use crate::yaml::{Kind, Node, Value};

/// What the checks look at in a pod, borrowed from its text.
#[derive(Debug)]
pub struct PodFacts<'a> {
    spec: Node<'a>,
    annotations: Option<Node<'a>>,
    /// Annotations that are to be written (or with `None` to go).
    planned_annotations: Vec<(String, Option<&'a Value>)>,
    /// It is an object of the kind Pod, not a template.
    is_pod: bool,
    pub(super) host_users: Option<bool>,
    /// `os.name` says so; what a node selector says does not count.
    pub(super) is_windows: bool,
    pub(super) context: Context<'a>,
    /// Of its three lists, in the order in which the checks look at them.
    pub(super) containers: Vec<ContainerFacts<'a>>,
}

/// The lists of containers that a pod spec has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContainerList {
    /// `initContainers`
    InitContainers,
    /// `containers`
    Containers,
    /// `ephemeralContainers`
    EphemeralContainers,
}

impl ContainerList {
    /// In the order in which every check looks at them (`visitContainers` in `policy/visitor.go`).
    const ALL: [ContainerList; 3] = [
        ContainerList::InitContainers,
        ContainerList::Containers,
        ContainerList::EphemeralContainers,
    ];

    /// Its name in the pod spec.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ContainerList::InitContainers => "initContainers",
            ContainerList::Containers => "containers",
            ContainerList::EphemeralContainers => "ephemeralContainers",
        }
    }
}

/// What the checks look at in a container.
#[derive(Debug)]
pub struct ContainerFacts<'a> {
    pub(super) list: ContainerList,
    pub(super) index: usize,
    pub(super) name: Cow<'a, str>,
    pub(super) node: Node<'a>,
    pub(super) context: Context<'a>,
}

/// What the checks look at in the security context of a pod or of a container.
#[derive(Debug, Default)]
pub(super) struct Context<'a> {
    pub(super) allow_privilege_escalation: Option<bool>,
    pub(super) privileged: Option<bool>,
    pub(super) run_as_non_root: Option<bool>,
    pub(super) run_as_user: Option<i128>,
    pub(super) host_process: Option<bool>,
    pub(super) proc_mount: Option<Cow<'a, str>>,
    /// The type; empty where there is a profile without one.
    pub(super) seccomp: Option<Cow<'a, str>>,
    /// The type; empty where there is a profile without one.
    pub(super) app_armor: Option<Cow<'a, str>>,
    pub(super) se_linux: SeLinux<'a>,
    pub(super) add: Option<View<'a>>,
    pub(super) drop: Option<View<'a>>,
    pub(super) sysctls: Option<View<'a>>,
}

/// `seLinuxOptions`, as far as the checks look at them; what is absent is as what is empty.
#[derive(Debug, Default)]
pub(super) struct SeLinux<'a> {
    pub(super) kind: Cow<'a, str>,
    pub(super) user: Cow<'a, str>,
    pub(super) role: Cow<'a, str>,
}

impl<'a> Context<'a> {
    const FIELDS: [&'static str; 11] = [
        "allowPrivilegeEscalation",
        "privileged",
        "runAsNonRoot",
        "runAsUser",
        "procMount",
        "windowsOptions",
        "seccompProfile",
        "appArmorProfile",
        "seLinuxOptions",
        "capabilities",
        "sysctls",
    ];

    fn of(owner: Node<'a>) -> Context<'a> {
        let mut context = Context::default();
        if let Some(written) = View::Written(owner).get("securityContext") {
            context.read(written);
        }
        context
    }

    fn read(&mut self, written: View<'a>) {
        for field in Context::FIELDS {
            if let Some(value) = written.get(field) {
                self.set(field, Some(value));
            }
        }
    }

    fn set(&mut self, field: &str, value: Option<View<'a>>) {
        let bool = || value.and_then(View::bool);
        let get = |key: &str| value.and_then(|value| value.get(key));
        // A profile counts as set, whatever it says.
        let profile = || value.map(|_| get("type").map(View::text).unwrap_or_default());
        match field {
            "allowPrivilegeEscalation" => self.allow_privilege_escalation = bool(),
            "privileged" => self.privileged = bool(),
            "runAsNonRoot" => self.run_as_non_root = bool(),
            "runAsUser" => self.run_as_user = value.and_then(View::int),
            "procMount" => self.proc_mount = value.map(View::text),
            "windowsOptions" => self.host_process = get("hostProcess").and_then(View::bool),
            "seccompProfile" => self.seccomp = profile(),
            "appArmorProfile" => self.app_armor = profile(),
            "seLinuxOptions" => {
                let text = |key: &str| get(key).map(View::text).unwrap_or_default();
                self.se_linux = SeLinux {
                    kind: text("type"),
                    user: text("user"),
                    role: text("role"),
                };
            }
            "capabilities" => (self.add, self.drop) = (get("add"), get("drop")),
            "sysctls" => self.sysctls = value,
            _ => {}
        }
    }

    /// Sets one of the leaves that edits are about: a field, or one `below` it.
    fn apply(&mut self, field: &str, below: &str, value: Option<View<'a>>) {
        let text = || value.map(View::text).unwrap_or_default();
        match (field, below) {
            (_, "") => self.set(field, value),
            ("capabilities", "add") => self.add = value,
            ("capabilities", "drop") => self.drop = value,
            ("windowsOptions", "hostProcess") => {
                self.host_process = value.and_then(View::bool);
            }
            // A map that becomes empty goes with its last entry.
            ("seccompProfile", "type") => self.seccomp = value.map(View::text),
            ("appArmorProfile", "type") => self.app_armor = value.map(View::text),
            ("seLinuxOptions", "type") => self.se_linux.kind = text(),
            ("seLinuxOptions", "user") => self.se_linux.user = text(),
            ("seLinuxOptions", "role") => self.se_linux.role = text(),
            _ => {}
        }
    }
}

/// The container that a field lies in, and the path from there.
fn below_container<'p>(
    template: &Template<'_>,
    field: &'p Pointer,
) -> Option<(usize, &'p Pointer)> {
    let containers = template.containers.iter().enumerate();
    let mut below = containers.map(|(index, it)| Some((index, field.strip_prefix(&it.path)?)));
    below.find_map(|it| it)
}

impl<'a> PodFacts<'a> {
    /// The facts of the pods that a template makes, or of a Pod.
    ///
    /// Of pods that stand here only in part, containers lie anywhere: each has its place among
    /// [`Template::containers`] as its index.
    #[must_use]
    pub fn of(template: &Template<'a>) -> PodFacts<'a> {
        let metadata = template.has_metadata.then(|| template.node.get("metadata"));
        let mut facts = PodFacts::new(template.spec, metadata.flatten(), template.is_pod());
        if !template.is_whole() {
            facts.context = Context::default();
            if let Some(context) = template.security_context() {
                facts.context.read(View::Written(context));
            }
            let containers = template.containers.iter().enumerate();
            let containers = containers.map(|(index, container)| ContainerFacts {
                list: match container.container_type {
                    ContainerType::Init | ContainerType::Sidecar => ContainerList::InitContainers,
                    ContainerType::Container => ContainerList::Containers,
                    ContainerType::Ephemeral => ContainerList::EphemeralContainers,
                },
                index,
                name: container.name.clone(),
                node: container.node,
                context: Context::of(container.node),
            });
            facts.containers = containers.collect();
        }
        facts
    }

    /// The same, as they will be with some edits.
    #[must_use]
    pub fn after(
        template: &Template<'a>,
        changes: impl IntoIterator<Item = &'a Change>,
    ) -> PodFacts<'a> {
        let mut facts = PodFacts::of(template);
        for change in changes {
            let value = change.proposed.as_ref();
            // Containers of pods that stand here only in part lie anywhere.
            if !template.is_whole()
                && let Some((index, leaf)) = below_container(template, &change.pointer)
            {
                facts.apply_to(index, leaf, value);
            } else if let Some(leaf) = change.pointer.strip_prefix(&template.spec_path) {
                facts.apply(leaf, value);
            } else if let Some(leaf) = change.pointer.strip_prefix(&template.path) {
                facts.annotate(leaf, value);
            }
        }
        facts
    }

    /// The facts of a pod spec. `is_pod` tells an object of the kind Pod from a template.
    #[must_use]
    pub fn new(spec: Node<'a>, metadata: Option<Node<'a>>, is_pod: bool) -> PodFacts<'a> {
        let field = |key: &str| View::Written(spec).get(key);
        let mut containers = Vec::new();
        for list in ContainerList::ALL {
            let items = spec.items_at([list.as_str()]);
            containers.extend(items.enumerate().map(|(index, node)| {
                ContainerFacts {
                    list,
                    index,
                    name: View::Written(node)
                        .get("name")
                        .map(View::text)
                        .unwrap_or_default(),
                    node,
                    context: Context::of(node),
                }
            }));
        }
        let os = field("os").and_then(|os| os.get("name"));
        PodFacts {
            spec,
            annotations: metadata.and_then(|metadata| metadata.at(["annotations"])),
            planned_annotations: Vec::new(),
            is_pod,
            host_users: field("hostUsers").and_then(View::bool),
            is_windows: os.is_some_and(|name| name.text() == "windows"),
            context: Context::of(spec),
            containers,
        }
    }

    /// Has the facts be as after an edit of a leaf: its path below the pod spec, and the value that it gets, if any.
    ///
    /// Leaves of security contexts and `hostUsers` count; fitout writes nothing else that a check looks at, but
    /// annotations: see [`PodFacts::annotate`].
    pub fn apply(&mut self, leaf: &Pointer, value: Option<&'a Value>) {
        let value = planned(value);
        // None of the names that matter holds what a pointer escapes.
        let mut tokens = leaf.as_str().split('/').skip(1);
        let mut next = || tokens.next().unwrap_or_default();
        match [next(), next(), next(), next(), next()] {
            ["hostUsers", ..] => self.host_users = value.and_then(View::bool),
            ["securityContext", field, below, ..] => self.context.apply(field, below, value),
            [list, index, "securityContext", field, below] => {
                let mut containers = self.containers.iter_mut();
                let container = containers
                    .find(|it| it.list.as_str() == list && index.parse::<usize>() == Ok(it.index));
                if let Some(container) = container {
                    container.context.apply(field, below, value);
                }
            }
            _ => {}
        }
    }

    /// As [`PodFacts::apply`], for a leaf below a container, which is told by its place among all of them.
    pub fn apply_to(&mut self, container: usize, leaf: &Pointer, value: Option<&'a Value>) {
        let mut tokens = leaf.as_str().split('/').skip(1);
        let mut next = || tokens.next().unwrap_or_default();
        if let ["securityContext", field, below] = [next(), next(), next()]
            && let Some(container) = self.containers.get_mut(container)
        {
            container.context.apply(field, below, planned(value));
        }
    }

    /// Has the facts be as after an edit of an annotation of the pod: its path below the pod or the template.
    pub fn annotate(&mut self, leaf: &Pointer, value: Option<&'a Value>) {
        let mut tokens = leaf.tokens();
        let mut next = || tokens.next().map(|token| token.decoded().into_owned());
        if let [Some(metadata), Some(annotations), Some(key)] = [next(), next(), next()]
            && [metadata, annotations] == ["metadata", "annotations"]
        {
            self.planned_annotations.push((key, value));
        }
    }

    /// A flag of the pod spec that is true, such as `hostNetwork`.
    pub(super) fn is_true(&self, key: &str) -> bool {
        let value = View::Written(self.spec).get(key);
        value.and_then(View::bool) == Some(true)
    }

    /// Its volumes, with their names and the first of `sources` that each one has.
    pub(super) fn volumes(&self) -> impl Iterator<Item = Volume<'a>> + use<'a> {
        let volumes = self.spec.items_at(["volumes"]);
        volumes.enumerate().map(|(index, node)| Volume {
            index,
            view: View::Written(node),
        })
    }

    /// The ports of a container that are ports of its node: where it is written, and which.
    pub(super) fn host_ports<'s>(
        &self,
        container: &'s ContainerFacts<'a>,
    ) -> impl Iterator<Item = (usize, &'static str, i128)> + use<'a, 's> {
        let is_ephemeral = container.list == ContainerList::EphemeralContainers;
        let ports = container.node.items_at(["ports"]).map(View::Written);
        // Asked for only where there are ports at all.
        let mut ports = ports.enumerate().peekable();
        let is_given =
            ports.peek().is_some() && self.is_pod && !is_ephemeral && self.is_true("hostNetwork");
        ports.filter_map(move |(index, port)| {
            let number = |key: &str| port.get(key).and_then(View::int).unwrap_or_default();
            let host = ("hostPort", number("hostPort"));
            let (key, port) = match host {
                (_, 0) if is_given => ("containerPort", number("containerPort")),
                host => host,
            };
            (port != 0).then_some((index, key, port))
        })
    }

    /// One of its annotations.
    pub(super) fn annotation(&self, key: &str) -> Option<Cow<'a, str>> {
        let planned = self.planned_annotations.iter();
        if let Some((_, value)) = planned.rev().find(|(planned, _)| *planned == key) {
            return value.map(|value| View::Planned(value).text());
        }
        // An annotation that is null is there, and empty.
        let written = self.annotations?.get(key)?;
        Some(View::Written(written).text())
    }

    /// Its annotations whose keys begin with `prefix`.
    pub(super) fn annotations_with(&self, prefix: &str) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
        let mut found: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::new();
        let written = self.annotations.into_iter().flat_map(Node::entries);
        for (key, _) in written {
            let Some(name) = key.text() else { continue };
            if name == "<<" && key.kind() == Kind::Plain {
                found.extend(self.merged_annotations(prefix));
            } else if name.starts_with(prefix) {
                let value = self.annotation(&name);
                found.extend(value.map(|value| (name, value)));
            }
        }
        for (key, _) in &self.planned_annotations {
            if key.starts_with(prefix) {
                found.extend(
                    self.annotation(key)
                        .map(|value| (Cow::Owned(key.clone()), value)),
                );
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// As [`PodFacts::annotations_with`], with those that are merged into the map.
    fn merged_annotations(&self, prefix: &str) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
        let all = self.annotations.and_then(|node| node.value().ok());
        let Some(Value::Mapping(entries)) = all else {
            return Vec::new();
        };
        let entries = entries.into_iter();
        let matching = entries.filter(|(key, _)| key.starts_with(prefix));
        let valued = matching.filter_map(|(key, _)| {
            let value = self.annotation(&key)?;
            Some((Cow::Owned(key), value))
        });
        valued.collect()
    }
}

impl<'a> ContainerFacts<'a> {
    /// The hosts that its probes and hooks name: the path of each probe or hook, its action, and the host.
    pub(super) fn hosts(
        &self,
    ) -> impl Iterator<Item = (&'static [&'static str], &'static str, Cow<'a, str>)> {
        const HANDLERS: [&[&str]; 5] = [
            &["livenessProbe"],
            &["readinessProbe"],
            &["startupProbe"],
            &["lifecycle", "postStart"],
            &["lifecycle", "preStop"],
        ];
        let own = View::Written(self.node);
        let handlers = HANDLERS.into_iter().filter_map(move |path| {
            let handler = path.iter().try_fold(own, |of, key| of.get(key))?;
            Some((path, handler))
        });
        handlers.flat_map(|(path, handler)| {
            let actions = ["httpGet", "tcpSocket"].into_iter();
            actions.filter_map(move |action| {
                let host = handler.get(action)?.get("host")?.text();
                (!host.is_empty()).then_some((path, action, host))
            })
        })
    }
}

/// What an edit writes, if anything.
fn planned(value: Option<&Value>) -> Option<View<'_>> {
    let value = value.filter(|value| !matches!(value, Value::Null));
    value.map(View::Planned)
}

/// A volume of a pod.
pub(super) struct Volume<'a> {
    pub(super) index: usize,
    view: View<'a>,
}

impl<'a> Volume<'a> {
    pub(super) fn name(&self) -> Cow<'a, str> {
        self.view.get("name").map(View::text).unwrap_or_default()
    }

    /// The first of these sources that it has.
    pub(super) fn source(&self, sources: &[&'static str]) -> Option<&'static str> {
        let mut sources = sources.iter().copied();
        sources.find(|source| self.view.get(source).is_some())
    }
}
