//! The declared ports, and the choice of the metrics port.

use super::{Port, Prometheus};
use crate::config::Section;
use crate::objects::{ContainerType, Related, Service, TargetPort, Template, expected};
use crate::problem::Problem;
use crate::read::Resource;

/// Port names for metrics, the most specific first.
const METRICS_PORT_NAMES: [&str; 4] = ["metrics", "http-metrics", "prom", "prometheus"];

/// The ports of pods, or of the Service in front of them.
pub struct Ports<'t> {
    /// The ports that could serve metrics.
    usable: Vec<DeclaredPort>,
    targets: usize,
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

/// The metrics port according to the declared ports.
pub(super) enum Metrics {
    /// This port.
    Known(u16),
    /// This port, which the catalogue has for this image.
    OfImage(u16, String),
    /// The configured port, which is not declared.
    Undeclared(String),
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
            targets: 0,
            pods: Some(template),
            words: &OF_PODS,
        };
        let containers = template.containers.iter();
        for container in containers.filter(|it| it.container_type != ContainerType::Ephemeral) {
            for (index, port) in container.node.items_at(["ports"]).enumerate() {
                let name = port.text_at(["name"]);
                let path = container
                    .subject
                    .at(&["ports", &index.to_string(), "containerPort"]);
                let Some(node) = port.at(["containerPort"]) else {
                    continue;
                };
                let Some(number) = node.int::<u16>().filter(|it| *it > 0) else {
                    let what = "a port number from 1 to 65535";
                    return Err(expected(resource, node, what, &path));
                };
                ports.targets += 1;
                // Prometheus scrapes over HTTP, when init containers have already ended.
                let protocol = port.text_at(["protocol"]);
                let is_tcp = protocol.is_none_or(|protocol| protocol == "TCP");
                if is_tcp && container.container_type != ContainerType::Init {
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
            targets: service.resource.node.items_at(["spec", "ports"]).count(),
            pods: None,
            words: &OF_SERVICE,
        }
    }

    /// The number of targets that Prometheus creates.
    pub fn targets(&self) -> usize {
        self.targets
    }

    /// Whether Prometheus finds an annotated port. If no port is declared at all, Prometheus creates one target without a port,
    /// and the annotation sets it.
    pub fn leads_to(&self, port: &str) -> bool {
        let is_free = self.targets == 0;
        port.parse().is_ok_and(|number| is_free || self.has(number))
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
    fn has(&self, number: u16) -> bool {
        self.usable.iter().any(|port| port.number == number)
    }

    /// The metrics port.
    pub(super) fn metrics(&self, section: &Section<'_, Prometheus>) -> Metrics {
        match &section.settings.port {
            Some(Port::Number(number)) if self.has(*number) => return Metrics::Known(*number),
            Some(Port::Number(number)) => return Metrics::Undeclared(number.to_string()),
            Some(Port::Name(name)) => {
                let named = self.usable.iter().find(|port| port.is_called(name));
                return match named {
                    Some(port) => Metrics::Known(port.number),
                    None => Metrics::Undeclared(name.clone()),
                };
            }
            None => {}
        }
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
                Some((image, port, _)) => Metrics::OfImage(port, image),
                None => Metrics::Unclear(self.numbers(|port| !port.is_sidecars)),
            },
        }
    }

    /// The image, port and path from the catalogue, if containers declare exactly one such port.
    pub(super) fn of_image<'s>(
        &self,
        section: &'s Section<'_, Prometheus>,
    ) -> Option<(String, u16, Option<&'s str>)> {
        let containers = self.pods.into_iter().flat_map(|pods| &pods.containers);
        let mut known = containers
            .filter(|it| it.container_type == ContainerType::Container)
            .filter_map(|container| {
                let image = container.node.text_at(["image"])?;
                let settings = &section.settings;
                let entry = settings.known.entry_for(section.catalogue(), &image)?;
                let port = entry.metrics_port?;
                let mut declared = container.node.items_at(["ports"]);
                let is_declared =
                    declared.any(|it| it.int_at(["containerPort"]) == Some(port)) && self.has(port);
                is_declared.then(|| (image.into_owned(), port, entry.metrics_path.as_deref()))
            });
        let first = known.next()?;
        known.all(|other| other.1 == first.1).then_some(first)
    }

    /// The distinct numbers of the wanted ports, in order.
    fn numbers(&self, wanted: impl Fn(&DeclaredPort) -> bool) -> Vec<u16> {
        let mut numbers: Vec<u16> = Vec::new();
        for port in self.usable.iter().filter(|port| wanted(port)) {
            if !numbers.contains(&port.number) {
                numbers.push(port.number);
            }
        }
        numbers
    }
}
