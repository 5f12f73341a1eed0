//! The declared ports, and the choice of the metrics port.

use std::cell::OnceCell;

use super::Prometheus;
use crate::config::Section;
use crate::hashing::{HashMap, HashSet};
use crate::objects::{Container, ContainerType, Related, Service, TargetPort, Template, expected};
use crate::problem::Problem;
use crate::read::Resource;

/// So many ports are searched one by one.
const FEW: usize = 16;

/// Port names for metrics, the most specific first.
const METRICS_PORT_NAMES: [&str; 4] = ["metrics", "http-metrics", "prom", "prometheus"];

/// The ports of pods, or of the Service in front of them.
pub struct Ports<'t> {
    /// The ports that could serve metrics.
    usable: Vec<DeclaredPort>,
    /// Their numbers.
    numbers: OnceCell<HashSet<u16>>,
    /// The first with each name.
    names: OnceCell<HashMap<String, u16>>,
    /// The first ordinary container that declares a port with a number.
    containers: OnceCell<HashMap<u16, &'t Container<'t>>>,
    targets: usize,
    /// Whether every container declares ports, so that another port is probably wrong.
    by_all: bool,
    /// The pods, for looking up their images in the catalogue.
    pods: Option<&'t Template<'t>>,
    /// The wording of findings about them.
    pub(super) words: &'static Words,
}

/// The wording of findings about ports.
pub(super) struct Words {
    /// The rest of a sentence about a port that is not declared: "which …".
    pub(super) undeclared: &'static str,
    /// A sentence about no ports.
    pub(super) none: &'static str,
    /// How to declare a port.
    pub(super) help: &'static str,
}

const OF_PODS: Words = Words {
    undeclared: "no container declares",
    none: "no container declares a port",
    help: "declare it under `ports` of its container, or fix the config",
};

const OF_SERVICE: Words = Words {
    undeclared: "no port of the Service targets",
    none: "no port of the Service targets a port of its pods",
    help: "set it as the `targetPort` of a port of the Service, or fix the config",
};

/// A port that a container declares, or that a Service targets.
struct DeclaredPort {
    /// Its name; none, or several for a port of a Service.
    names: Vec<String>,
    number: u16,
    /// Whether it is a sidecar's, which counts only if its name says that it serves metrics.
    is_sidecars: bool,
}

impl DeclaredPort {
    fn is_called(&self, name: &str) -> bool {
        self.names.iter().any(|it| it == name)
    }
}

/// What the catalogue has for an image.
pub(super) struct OfImage<'s> {
    pub(super) image: String,
    /// The name of its container.
    pub(super) container: String,
    pub(super) port: u16,
    pub(super) path: Option<&'s str>,
}

/// The metrics port according to the declared ports.
pub(super) enum Metrics {
    /// This port.
    Known(u16),
    /// This port, which the catalogue has for this image.
    OfImage(u16, String),
    /// Any of these; empty when no port is declared.
    Unclear(Vec<u16>),
}

impl<'t> Ports<'t> {
    /// The ports of the containers that run as long as the pod. Prometheus creates a target for each port of each container,
    /// including init containers (`buildPod` in prometheus `discovery/kubernetes/pod.go`).
    ///
    /// # Errors
    /// `FIT-INP003` for a number above 65535.
    pub fn of_pods(
        resource: &Resource<'_>,
        template: &'t Template<'t>,
    ) -> Result<Ports<'t>, Problem> {
        let mut ports = Ports {
            usable: Vec::new(),
            numbers: OnceCell::new(),
            names: OnceCell::new(),
            containers: OnceCell::new(),
            targets: 0,
            by_all: true,
            pods: Some(template),
            words: &OF_PODS,
        };
        let containers = template.containers.iter();
        for container in containers.filter(|it| it.container_type != ContainerType::Ephemeral) {
            let is_lasting = container.container_type != ContainerType::Init;
            let mut declared = container.node.items_at(["ports"]).enumerate().peekable();
            ports.by_all &= !is_lasting || declared.peek().is_some();
            for (index, port) in declared {
                let name = port.text_at(["name"]);
                let Some(node) = port.at(["containerPort"]) else {
                    continue;
                };
                let Some(number) = node.int::<u16>().filter(|it| *it > 0) else {
                    let what = "a port number from 1 to 65535";
                    let path = ["ports", &index.to_string(), "containerPort"];
                    return Err(expected(resource, node, what, &container.subject.at(&path)));
                };
                ports.targets += 1;
                // Prometheus scrapes over HTTP, when init containers have already ended.
                let protocol = port.text_at(["protocol"]);
                let is_tcp = protocol.is_none_or(|protocol| protocol == "TCP");
                if is_tcp && is_lasting {
                    ports.usable.push(DeclaredPort {
                        names: name.map(|name| name.into_owned()).into_iter().collect(),
                        number,
                        is_sidecars: container.container_type == ContainerType::Sidecar,
                    });
                }
            }
        }
        Ok(ports)
    }

    /// The ports of its pods that a Service targets.
    pub fn of_service<'a>(related: &Related<'a>, service: &Service<'a>) -> Ports<'static> {
        let declared = |it: &TargetPort| DeclaredPort {
            names: it.names.clone(),
            number: it.number,
            is_sidecars: false,
        };
        Ports {
            usable: related.targets_of(service).iter().map(declared).collect(),
            numbers: OnceCell::new(),
            names: OnceCell::new(),
            containers: OnceCell::new(),
            targets: service.resource.node.items_at(["spec", "ports"]).count(),
            by_all: true,
            pods: None,
            words: &OF_SERVICE,
        }
    }

    /// The number of targets that Prometheus creates.
    pub fn targets(&self) -> usize {
        self.targets
    }

    /// Whether nothing speaks against a port: one of these has the number, or not all containers declare ports.
    pub fn may_have(&self, number: u16) -> bool {
        self.has(number) || !self.by_all
    }

    /// Whether an ordinary container declares a port with this number.
    pub fn is_declared_by_ordinary(&self, number: &str) -> bool {
        number
            .parse()
            .is_ok_and(|it| self.container_of(it).is_some())
    }

    /// The rest of a sentence about a port that is not among them: "which …".
    pub fn undeclared(&self) -> &'static str {
        self.words.undeclared
    }

    /// The numbers of the ports that could serve metrics.
    pub(super) fn usable(&self) -> impl Iterator<Item = u16> {
        self.usable.iter().map(|port| port.number)
    }

    /// Whether a port has this number.
    pub(super) fn has(&self, number: u16) -> bool {
        if self.usable.len() <= FEW {
            return self.usable().any(|it| it == number);
        }
        let numbers = || self.usable().collect();
        self.numbers.get_or_init(numbers).contains(&number)
    }

    /// The number of the port with a name.
    pub(super) fn named(&self, name: &str) -> Option<u16> {
        let names = || {
            let mut first = HashMap::default();
            for port in &self.usable {
                for name in &port.names {
                    first.entry(name.clone()).or_insert(port.number);
                }
            }
            first
        };
        self.names.get_or_init(names).get(name).copied()
    }

    fn ordinary(&self) -> impl Iterator<Item = &'t Container<'t>> {
        let containers = self.pods.into_iter().flat_map(|pods| &pods.containers);
        containers.filter(|it| it.container_type == ContainerType::Container)
    }

    /// The name of the ordinary container that declares a port.
    pub(super) fn container_of(&self, number: u16) -> Option<String> {
        let declared = |it: &'t Container<'t>| {
            let ports = it.node.items_at(["ports"]);
            let numbers = ports.filter_map(|port| port.int_at::<u16>(["containerPort"]));
            numbers.map(move |number| (number, it))
        };
        let mut all = self.ordinary().flat_map(declared);
        let container = match self.targets <= FEW {
            true => all.find(|(it, _)| *it == number)?.1,
            false => {
                let containers = || {
                    let mut first = HashMap::default();
                    for (number, container) in all {
                        first.entry(number).or_insert(container);
                    }
                    first
                };
                self.containers.get_or_init(containers).get(&number)?
            }
        };
        Some(container.name.to_string())
    }

    /// The name of the first ordinary container.
    pub(super) fn first_container(&self) -> Option<String> {
        self.ordinary().next().map(|it| it.name.to_string())
    }

    /// The metrics port if none is configured.
    pub(super) fn metrics(&self, section: &Section<'_, Prometheus>) -> Metrics {
        let exact = METRICS_PORT_NAMES
            .iter()
            .map(|name| self.numbers(|port| port.is_called(name)));
        let is_suffixed =
            |port: &DeclaredPort| port.names.iter().any(|it| it.ends_with("-metrics"));
        let suffixed = std::iter::once(self.numbers(is_suffixed));
        let mut named = exact.chain(suffixed).filter(|ports| !ports.is_empty());
        match named.next().as_deref() {
            Some([only]) => Metrics::Known(*only),
            Some(several) => Metrics::Unclear(several.to_vec()),
            None => match self.of_image(section) {
                Some(OfImage { image, port, .. }) => Metrics::OfImage(port, image),
                None => Metrics::Unclear(self.numbers(|port| !port.is_sidecars)),
            },
        }
    }

    /// What the catalogue has for the images, if they have one such port: one that the container declares, or any if it
    /// declares none, because a program listens without a declaration.
    pub(super) fn of_image<'s>(&self, section: &'s Section<'_, Prometheus>) -> Option<OfImage<'s>> {
        let mut known = self.ordinary().filter_map(|container| {
            let entry = container.entry(&section.settings.known, section.catalogue())?;
            let port = entry.metrics_port?;
            let mut declared = container.node.items_at(["ports"]).peekable();
            let is_right = declared.peek().is_none()
                || declared.any(|it| it.int_at(["containerPort"]) == Some(port)) && self.has(port);
            is_right.then(|| OfImage {
                image: container.image().into_owned(),
                container: container.name.to_string(),
                port,
                path: entry.metrics_path.as_deref(),
            })
        });
        let first = known.next()?;
        known.all(|other| other.port == first.port).then_some(first)
    }

    /// The distinct numbers of the wanted ports, in order.
    fn numbers(&self, wanted: impl Fn(&DeclaredPort) -> bool) -> Vec<u16> {
        let mut known = HashSet::default();
        let wanted = self.usable.iter().filter(|port| wanted(port));
        let numbers = wanted.map(|port| port.number);
        numbers.filter(|number| known.insert(*number)).collect()
    }
}
