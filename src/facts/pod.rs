//! Facts about a pod, read once from the text, with or without the edits.
//!
//! The fields are those that the API server's evaluator sees after defaulting (`pkg/apis/core/v1/defaults.go` in
//! kubernetes): a volume without a source is an `emptyDir`, and every port of a Pod with `hostNetwork` is a port of the
//! node. The API server does not apply the latter default to templates, only to the pods created from them.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::amounts::PodAmounts;
use super::context::Context;
use super::overlay::Overlay;
use super::view::View;
use crate::objects::{ByNode, Container, ContainerType, Template};
use crate::yaml::{Keys, Node};

/// Facts about a pod, or about the pods that a template creates.
#[derive(Debug)]
pub struct PodFacts<'a> {
    /// The pod spec.
    pub spec: View<'a>,
    /// The metadata, if present.
    pub metadata: Option<View<'a>>,
    /// Whether it is an object of the kind Pod and not a template.
    pub is_pod: bool,
    /// `hostUsers`
    pub host_users: Option<bool>,
    /// Whether `os.name` is `windows`; node selectors do not count.
    pub is_windows: bool,
    /// The pod's security context.
    pub context: Context<'a>,
    /// The containers of its three lists, in the evaluator's order.
    pub containers: Vec<ContainerFacts<'a>>,
    fields: [Option<View<'a>>; 10],
    by_node: ByNode,
    amounts: OnceCell<PodAmounts<'a>>,
}

/// The lists of containers in a pod spec.
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
    /// The evaluator's order (`visitContainers` in `policy/visitor.go`).
    const ALL: [ContainerList; 3] = [
        ContainerList::InitContainers,
        ContainerList::Containers,
        ContainerList::EphemeralContainers,
    ];

    /// Its name in the pod spec.
    pub fn as_str(self) -> &'static str {
        self.field().key()
    }

    fn field(self) -> PodField {
        match self {
            ContainerList::InitContainers => PodField::InitContainers,
            ContainerList::Containers => PodField::Containers,
            ContainerList::EphemeralContainers => PodField::EphemeralContainers,
        }
    }
}

/// Facts about a container.
#[derive(Debug)]
pub struct ContainerFacts<'a> {
    /// The list that it is in.
    pub list: ContainerList,
    /// Its place in that list.
    pub index: usize,
    /// Its name.
    pub name: Cow<'a, str>,
    /// Its mapping.
    pub view: View<'a>,
    /// Its security context.
    pub context: Context<'a>,
    fields: [Option<View<'a>>; 12],
}

/// The fields of a container that are looked up once, because they are read often.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the names of the fields say it")]
pub enum Field {
    Name,
    Image,
    RestartPolicy,
    Ports,
    Resources,
    VolumeMounts,
    VolumeDevices,
    LivenessProbe,
    ReadinessProbe,
    StartupProbe,
    Lifecycle,
    SecurityContext,
}

/// Their keys.
const CONTAINER: Keys<12> = Keys::new([
    "name", "image", "restartPolicy", "ports", "resources", "volumeMounts", "volumeDevices",
    "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "securityContext",
]);

/// The fields of a pod spec that are looked up once, because they are read often.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the names of the fields say it")]
pub enum PodField {
    InitContainers,
    Containers,
    EphemeralContainers,
    SecurityContext,
    Volumes,
    HostNetwork,
    HostPid,
    HostIpc,
    HostUsers,
    Os,
}

/// Their keys.
const POD: Keys<10> = Keys::new([
    "initContainers", "containers", "ephemeralContainers", "securityContext", "volumes",
    "hostNetwork", "hostPID", "hostIPC", "hostUsers", "os",
]);

impl PodField {
    /// Those that share a namespace of the node.
    pub const HOST: [PodField; 3] = [PodField::HostNetwork, PodField::HostPid, PodField::HostIpc];

    /// Its key.
    pub fn key(self) -> &'static str {
        POD.as_array()[self as usize]
    }
}

impl<'a> PodFacts<'a> {
    /// The facts of a template without edits.
    pub fn of(template: &Template<'a>) -> PodFacts<'a> {
        let metadata = template.has_metadata.then(|| template.node.get("metadata"));
        let metadata = metadata.flatten().map(View::of);
        PodFacts::read(template, View::of(template.spec), metadata, |node, _| {
            View::of(node)
        })
    }

    /// The facts of a template with the edits of its object.
    pub fn after<'o: 'a>(template: &Template<'a>, edits: &'o Overlay<'o>) -> PodFacts<'a> {
        let metadata = || edits.view(template.node, &template.path).get("metadata");
        let metadata = template.has_metadata.then(metadata);
        let spec = edits.view_of(template.spec, &template.pod);
        PodFacts::read(template, spec, metadata.flatten(), |node, path| {
            edits.view(node, path)
        })
    }

    /// The facts of a pod spec; `is_pod` for an object of the kind Pod.
    pub fn new(spec: Node<'a>, metadata: Option<Node<'a>>, is_pod: bool) -> PodFacts<'a> {
        PodFacts::of_lists(View::of(spec), metadata.map(View::of), is_pod)
    }

    /// In a partial pod, containers can be anywhere, so each has its place in [`Template::containers`] as its index.
    fn read(
        template: &Template<'a>,
        spec: View<'a>,
        metadata: Option<View<'a>>,
        view: impl Fn(Node<'a>, &jsonptr::Pointer) -> View<'a>,
    ) -> PodFacts<'a> {
        if template.is_whole() {
            return PodFacts::of_lists(spec, metadata, template.is_pod());
        }
        let mut facts = PodFacts::of_spec(spec, metadata, template.is_pod());
        if !template.has_field("securityContext") {
            facts.context = Context::default();
        }
        let containers = template.containers.iter().enumerate();
        let containers = containers.map(|(index, container)| {
            let view = view(container.node, &container.subject.path);
            let list = match container.container_type {
                ContainerType::Init | ContainerType::Sidecar => ContainerList::InitContainers,
                ContainerType::Container => ContainerList::Containers,
                ContainerType::Ephemeral => ContainerList::EphemeralContainers,
            };
            let inherited = container.inherits.map(View::of);
            let inherited = inherited.and_then(|it| it.get("securityContext"));
            let mut facts = ContainerFacts::of((list, index), view, inherited);
            facts.name = container.name.clone();
            facts
        });
        facts.containers = containers.collect();
        facts
    }

    /// The facts of a pod spec with all its lists of containers.
    pub fn of_lists(spec: View<'a>, metadata: Option<View<'a>>, is_pod: bool) -> PodFacts<'a> {
        let mut facts = PodFacts::of_spec(spec, metadata, is_pod);
        for list in ContainerList::ALL {
            let Some(items) = facts.get(list.field()) else {
                continue;
            };
            for (index, it) in items.items().enumerate() {
                let container = ContainerFacts::of((list, index), it, None);
                facts.containers.push(container);
            }
        }
        facts
    }

    fn of_spec(spec: View<'a>, metadata: Option<View<'a>>, is_pod: bool) -> PodFacts<'a> {
        let mut facts = PodFacts {
            spec,
            metadata,
            is_pod,
            host_users: None,
            is_windows: false,
            context: Context::default(),
            containers: Vec::new(),
            fields: [None; 10],
            by_node: ByNode::default(),
            amounts: OnceCell::new(),
        };
        spec.pick_into(POD.table(), &mut facts.fields);
        facts.host_users = facts.get(PodField::HostUsers).and_then(View::bool);
        let os = facts.get(PodField::Os).and_then(|os| os.get("name"));
        facts.is_windows = os.is_some_and(|name| name.text() == "windows");
        facts.context = Context::of(facts.get(PodField::SecurityContext));
        facts
    }

    /// The value of a field of the pod spec, unless it is null.
    pub fn get(&self, field: PodField) -> Option<View<'a>> {
        self.fields[field as usize]
    }

    /// The requests and limits of the pod and its containers.
    pub fn amounts(&self) -> &PodAmounts<'a> {
        self.amounts.get_or_init(|| PodAmounts::of(self))
    }

    /// The facts of a container of the template.
    pub fn of_container(&self, container: &Container<'_>) -> Option<&ContainerFacts<'a>> {
        let id = container.node.id();
        let node_of = |it: &ContainerFacts<'_>| it.view.node().map(Node::id);
        self.by_node.find(&self.containers, id, node_of)
    }

    /// The numeric user of a container, its own or the pod's; `None` if the image decides.
    pub fn user_of(&self, container: &ContainerFacts<'_>) -> Option<i128> {
        container.context.run_as_user.or(self.context.run_as_user)
    }

    /// Whether a container cannot run as root: its user is another, or `runAsNonRoot` is set.
    pub fn is_non_root(&self, container: &Container<'_>) -> bool {
        let Some(facts) = self.of_container(container) else {
            return false;
        };
        let promise = facts
            .context
            .run_as_non_root
            .or(self.context.run_as_non_root);
        promise == Some(true) || self.user_of(facts).is_some_and(|user| user != 0)
    }

    /// Whether the API server rejects a `procMount` that is not the default one, before any namespace does.
    pub fn rejects_proc_mounts(&self) -> bool {
        self.host_users != Some(false)
    }

    /// Whether a field of the pod spec such as `hostNetwork` is true.
    pub fn is_true(&self, field: PodField) -> bool {
        self.get(field).and_then(View::bool) == Some(true)
    }

    /// The volumes.
    pub fn volumes(&self) -> impl Iterator<Item = Volume<'a>> + use<'a> {
        let volumes = self.get(PodField::Volumes).into_iter();
        let volumes = volumes.flat_map(View::items).enumerate();
        volumes.map(|(index, view)| Volume { index, view })
    }

    /// The ports of the node that a container uses: index, key and number.
    pub fn host_ports<'s>(
        &self,
        container: &'s ContainerFacts<'a>,
    ) -> impl Iterator<Item = (usize, &'static str, i128)> + use<'a, 's> {
        let is_ephemeral = container.list == ContainerList::EphemeralContainers;
        let ports = container.items(Field::Ports);
        // Most containers have no ports, so `hostNetwork` is read only if there are some.
        let mut ports = ports.enumerate().peekable();
        let is_given = ports.peek().is_some()
            && self.is_pod
            && !is_ephemeral
            && self.is_true(PodField::HostNetwork);
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

    /// An annotation; null counts as empty.
    pub fn annotation(&self, key: &str) -> Option<Cow<'a, str>> {
        let annotations = self.metadata?.get("annotations")?;
        annotations.entry(key).map(View::text)
    }

    /// The annotations whose keys begin with `prefix`.
    pub fn annotations_with(&self, prefix: &str) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
        let annotations = self.metadata.and_then(|it| it.get("annotations"));
        let Some(annotations) = annotations else {
            return Vec::new();
        };
        let keys = annotations.keys().filter(|key| key.starts_with(prefix));
        let found = keys.filter_map(|key| {
            let value = annotations.entry(&key).map(View::text)?;
            Some((key, value))
        });
        let mut found: Vec<(Cow<'a, str>, Cow<'a, str>)> = found.collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl<'a> ContainerFacts<'a> {
    /// The facts of a container at a place, which inherits a security context.
    fn of(
        (list, index): (ContainerList, usize),
        view: View<'a>,
        inherited: Option<View<'a>>,
    ) -> ContainerFacts<'a> {
        let mut facts = ContainerFacts {
            list,
            index,
            name: Cow::Borrowed(""),
            view,
            context: Context::of(inherited),
            fields: [None; 12],
        };
        view.pick_into(CONTAINER.table(), &mut facts.fields);
        facts.name = facts.get(Field::Name).map(View::text).unwrap_or_default();
        if let Some(written) = facts.get(Field::SecurityContext) {
            facts.context.read(written);
        }
        facts
    }

    /// The value of a field, unless it is null.
    pub fn get(&self, field: Field) -> Option<View<'a>> {
        self.fields[field as usize]
    }

    /// The items of a field that is a list.
    pub fn items(&self, field: Field) -> impl Iterator<Item = View<'a>> + use<'a> {
        self.get(field).into_iter().flat_map(View::items)
    }

    /// The type: ordinary, init, sidecar or ephemeral.
    pub fn container_type(&self) -> ContainerType {
        match self.list {
            ContainerList::Containers => ContainerType::Container,
            ContainerList::EphemeralContainers => ContainerType::Ephemeral,
            ContainerList::InitContainers => {
                match self.get(Field::RestartPolicy).map(View::text).as_deref() {
                    Some("Always") => ContainerType::Sidecar,
                    _ => ContainerType::Init,
                }
            }
        }
    }

    /// The hosts named by probes and hooks: the path of the probe or hook, its action, and the host.
    pub fn hosts(
        &self,
    ) -> impl Iterator<Item = (&'static [&'static str], &'static str, Cow<'a, str>)> {
        const ACTIONS: Keys<2> = Keys::new(["httpGet", "tcpSocket"]);
        const HANDLERS: [(Field, &[&str]); 5] = [
            (Field::LivenessProbe, &["livenessProbe"]),
            (Field::ReadinessProbe, &["readinessProbe"]),
            (Field::StartupProbe, &["startupProbe"]),
            (Field::Lifecycle, &["lifecycle", "postStart"]),
            (Field::Lifecycle, &["lifecycle", "preStop"]),
        ];
        let handlers = HANDLERS.into_iter().filter_map(|(field, path)| {
            let handler = self.get(field)?.at(path.iter().skip(1).copied())?;
            Some((path, handler))
        });
        handlers.flat_map(|(path, handler)| {
            let actions = ACTIONS.as_array().into_iter().zip(handler.pick(&ACTIONS));
            actions.filter_map(move |(name, action)| {
                let host = action?.get("host")?.text();
                (!host.is_empty()).then_some((path, name, host))
            })
        })
    }
}

/// A volume of a pod.
pub struct Volume<'a> {
    /// Its place in the list.
    pub index: usize,
    view: View<'a>,
}

impl<'a> Volume<'a> {
    /// Its name.
    pub fn name(&self) -> Cow<'a, str> {
        self.view.get("name").map(View::text).unwrap_or_default()
    }

    /// The first of `sources` that the volume has.
    pub fn source(&self, sources: &[&'static str]) -> Option<&'static str> {
        let mut sources = sources.iter().copied();
        sources.find(|source| self.view.get(source).is_some())
    }
}
