//! Objects that tell an operator to scrape pods, directly or through Services.
//!
//! Sources: `pkg/apis/monitoring/v1` and `v1alpha1` of prometheus-operator, `api/operator/v1beta1` of VictoriaMetrics'
//! operator, and `pkg/operator/apis/monitoring/v1/pod_types.go` of GoogleCloudPlatform/prometheus-engine.

use std::collections::BTreeSet;

use super::ports::{PortRef, Ports};
use crate::kubernetes::LabelSelector;
use crate::read::Resource;
use crate::yaml::Node;

/// An object that makes an operator scrape pods.
#[derive(Debug)]
pub struct Monitor<'a> {
    /// Its index among the objects.
    pub object: usize,
    /// The object.
    pub resource: &'a Resource<'a>,
    /// What it selects.
    pub selects: Selects,
    /// The labels of that.
    pub selector: LabelSelector,
    /// The namespaces of that.
    pub namespaces: Namespaces,
}

/// What a monitor selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selects {
    /// Pods.
    Pods,
    /// Services, and so the pods behind them.
    Services,
}

/// The namespaces in which a monitor selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespaces {
    /// Its own.
    Own,
    /// All.
    Any,
    /// These, each once.
    Named(BTreeSet<String>),
}

/// A kind that selects by labels.
struct Kind {
    group: &'static str,
    kind: &'static str,
    selects: Selects,
    /// Whether an absent selector selects everything. Where it does not, the API server requires one.
    may_select_all: bool,
    /// The key of the endpoints in `spec`.
    endpoints: &'static str,
}

const KINDS: [Kind; 6] = {
    use Selects::{Pods, Services};
    const fn of(
        group: &'static str,
        kind: &'static str,
        selects: Selects,
        endpoints: &'static str,
    ) -> Kind {
        Kind {
            group,
            kind,
            selects,
            may_select_all: false,
            endpoints,
        }
    }
    const fn of_victoria(kind: &'static str, selects: Selects, endpoints: &'static str) -> Kind {
        Kind {
            may_select_all: true,
            ..of("operator.victoriametrics.com", kind, selects, endpoints)
        }
    }
    const OPERATOR: &str = "monitoring.coreos.com";
    const GOOGLE: &str = "monitoring.googleapis.com";
    [
        of(OPERATOR, "PodMonitor", Pods, "podMetricsEndpoints"),
        of(OPERATOR, "ServiceMonitor", Services, "endpoints"),
        of_victoria("VMPodScrape", Pods, "podMetricsEndpoints"),
        of_victoria("VMServiceScrape", Services, "endpoints"),
        of(GOOGLE, "PodMonitoring", Pods, "endpoints"),
        of(GOOGLE, "ClusterPodMonitoring", Pods, "endpoints"),
    ]
};

impl Kind {
    fn of(resource: &Resource<'_>) -> Option<&'static Kind> {
        let mut kinds = KINDS.iter();
        kinds.find(|it| it.kind == resource.kind && it.group == resource.group())
    }
}

impl<'a> Monitor<'a> {
    /// The monitors that an object is: one, or one for each service discovery of a ScrapeConfig.
    pub(super) fn all(object: usize, resource: &'a Resource<'a>) -> Vec<Monitor<'a>> {
        if resource.kind == "ScrapeConfig" && resource.group() == "monitoring.coreos.com" {
            let discoveries = resource.node.items_at(["spec", "kubernetesSDConfigs"]);
            return discoveries
                .filter_map(|it| discovered(object, resource, it))
                .collect();
        }
        let Some(kind) = Kind::of(resource) else {
            return Vec::new();
        };
        let selector = resource.node.at(["spec", "selector"]);
        if selector.is_none() && !kind.may_select_all {
            return Vec::new();
        }
        let monitor = Monitor {
            object,
            resource,
            selects: kind.selects,
            selector: selector.map(LabelSelector::of_object).unwrap_or_default(),
            namespaces: match kind.kind {
                "ClusterPodMonitoring" => Namespaces::Any,
                "PodMonitoring" => Namespaces::Own,
                _ => Namespaces::of(resource.node),
            },
        };
        vec![monitor]
    }

    /// Whether it is a ScrapeConfig, whose rules can choose among the targets, too.
    pub fn is_scrape_config(&self) -> bool {
        self.resource.kind == "ScrapeConfig"
    }

    /// The port that an endpoint selects among those that are declared: its key, its node and the reference.
    pub fn port_of(endpoint: Node<'a>) -> Option<(&'static str, Node<'a>, PortRef<'a>)> {
        let named = endpoint.get("port");
        let (key, node) = match named {
            Some(node) => ("port", node),
            None => ("portNumber", endpoint.get("portNumber")?),
        };
        let wanted = PortRef::of(node)?;
        // Only Google has numbers as `port`, which need no declaration.
        let is_any = key == "port" && matches!(wanted, PortRef::Number(_));
        (!is_any).then_some((key, node, wanted))
    }

    /// Whether it scrapes anything that has these ports.
    pub(super) fn leads_to(&self, ports: &Ports) -> bool {
        let (_, mut endpoints) = self.endpoints();
        let leads = |endpoint| {
            let port = Monitor::port_of(endpoint);
            port.is_none_or(|(_, _, wanted)| ports.has(&wanted, None))
        };
        self.is_scrape_config() || endpoints.any(leads)
    }

    /// Whether it can select in other namespaces.
    pub fn has_namespaces(&self) -> bool {
        !self.is_scrape_config() && self.resource.group() != "monitoring.googleapis.com"
    }

    /// The key of its endpoints in `spec`, and the endpoints.
    pub fn endpoints(&self) -> (&'static str, impl Iterator<Item = Node<'a>> + use<'a>) {
        let key = Kind::of(self.resource).map_or("", |it| it.endpoints);
        (key, self.resource.node.items_at(["spec", key]))
    }
}

impl Namespaces {
    /// The `namespaceSelector` of prometheus-operator and VictoriaMetrics.
    fn of(monitor: Node<'_>) -> Namespaces {
        let of = |key| ["spec", "namespaceSelector", key];
        if monitor.bool_at(of("any")) == Some(true) {
            return Namespaces::Any;
        }
        Namespaces::named(monitor.items_at(of("matchNames")))
    }

    fn named<'n>(names: impl Iterator<Item = Node<'n>>) -> Namespaces {
        let names = names.filter_map(|it| it.text().map(|it| it.into_owned()));
        let names: BTreeSet<String> = names.collect();
        match names.is_empty() {
            true => Namespaces::Own,
            false => Namespaces::Named(names),
        }
    }
}

/// A Kubernetes service discovery of a ScrapeConfig, if its labels alone choose the targets: relabelings that look at
/// annotations scrape only annotated pods.
fn discovered<'a>(
    object: usize,
    resource: &'a Resource<'a>,
    discovery: Node<'a>,
) -> Option<Monitor<'a>> {
    let role = discovery.text_at(["role"])?.to_lowercase();
    let selects = match role.as_str() {
        "pod" => Selects::Pods,
        "service" | "endpoints" | "endpointslice" => Selects::Services,
        _ => return None,
    };
    let rules = resource.node.items_at(["spec", "relabelings"]);
    let mut labels = rules.flat_map(|it| it.items_at(["sourceLabels"]));
    if labels.any(|it| it.text().is_some_and(|it| it.contains("annotation"))) {
        return None;
    }
    let mut selectors = discovery.items_at(["selectors"]);
    let of_role = selectors.find(|it| {
        let of = it.text_at(["role"]);
        of.is_some_and(|of| of.to_lowercase() == role)
    });
    // Without a selector, rules choose.
    let selector = of_role?.text_at(["label"])?.parse().ok()?;
    let named = Namespaces::named(discovery.items_at(["namespaces", "names"]));
    let own = discovery.bool_at(["namespaces", "ownNamespace"]) == Some(true);
    Some(Monitor {
        object,
        resource,
        selects,
        selector,
        namespaces: match named {
            Namespaces::Own if !own => Namespaces::Any,
            named => named,
        },
    })
}

/// The hosts that an object has scraped by their addresses: the static targets of ScrapeConfigs and VMStaticScrapes, and
/// the prober of a Probe that reads something else than `/probe`, where probers report on other targets.
pub(super) fn hosts(resource: &Resource<'_>) -> Vec<String> {
    let node = resource.node;
    let text = |it: Node<'_>| it.text().map(|it| it.into_owned());
    let static_targets = |configs: &str| {
        let configs = node.items_at(["spec", configs]);
        let targets = configs.flat_map(|it| it.items_at(["targets"]));
        targets.filter_map(text).collect()
    };
    let addresses: Vec<String> = match (resource.group(), resource.kind.as_ref()) {
        ("monitoring.coreos.com", "ScrapeConfig") => static_targets("staticConfigs"),
        ("operator.victoriametrics.com", "VMStaticScrape") => static_targets("targetEndpoints"),
        ("monitoring.coreos.com", "Probe") => {
            let path = node.text_at(["spec", "prober", "path"]);
            let is_scrape = path.is_some_and(|path| path != "/probe");
            let prober = node.at(["spec", "prober", "url"]).filter(|_| is_scrape);
            prober.and_then(text).into_iter().collect()
        }
        _ => return Vec::new(),
    };
    let hosts = addresses.into_iter().map(|address| {
        let host = address.split_once("://").map_or(&*address, |it| it.1);
        let end = host.find([':', '/']).unwrap_or(host.len());
        host[..end].to_owned()
    });
    hosts.collect()
}
