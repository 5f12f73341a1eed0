//! Whether pods reach the addresses in their settings: every host and port in a variable, an argument or a mounted ConfigMap
//! must be allowed by the egress policies of the workload and by the ingress policies of its target.

use super::references::{ELSEWHERE, Place, hosts, place};
use super::render::{Container, Render, Workload, list, text};
use super::traffic;

/// Addresses in the settings of a workload that it must not reach, with the reason.
///
/// The five services of 254Carbon read one ConfigMap, so each has the addresses of all stores.
pub(crate) const EXCUSED: [(&str, &str, &str); 10] = [
    (
        "Deployment/auth-deployment", "kafka-service:9092", NO_TOPICS,
    ),
    (
        "Deployment/auth-deployment", "postgres-service:5432", NO_PASSWORD,
    ),
    ("Deployment/auth-deployment", "redis-service:6379", NO_CACHE),
    (
        "Deployment/entitlements-deployment",
        "kafka-service:9092",
        NO_TOPICS,
    ),
    (
        "Deployment/gateway-deployment",
        "kafka-service:9092",
        NO_TOPICS,
    ),
    (
        "Deployment/gateway-deployment",
        "postgres-service:5432",
        NO_PASSWORD,
    ),
    (
        "Deployment/metrics-deployment",
        "kafka-service:9092",
        NO_TOPICS,
    ),
    (
        "Deployment/metrics-deployment",
        "postgres-service:5432",
        NO_PASSWORD,
    ),
    (
        "Deployment/metrics-deployment",
        "redis-service:6379",
        NO_CACHE,
    ),
    (
        "Deployment/streaming-deployment",
        "postgres-service:5432",
        NO_PASSWORD,
    ),
];

const NO_TOPICS: &str = "only streaming reads topics";
const NO_PASSWORD: &str = "only entitlements has the password of the database";
const NO_CACHE: &str = "it caches and counts nothing";

/// An address in the settings of a workload.
pub(crate) struct Address {
    /// `Kind/name` of the workload.
    pub(crate) workload: String,
    /// `host:port`.
    pub(crate) address: String,
    /// Whether the policies at both ends allow it.
    pub(crate) is_reachable: bool,
}

impl Address {
    /// `Kind/name → host:port`.
    pub(crate) fn connection(&self) -> String {
        format!("{} → {}", self.workload, self.address)
    }

    pub(crate) fn excuse(&self) -> Option<&'static (&'static str, &'static str, &'static str)> {
        EXCUSED
            .iter()
            .find(|(workload, address, _)| *workload == self.workload && *address == self.address)
    }
}

/// Every address in the settings of the rendering's workloads.
pub(crate) fn addresses(render: &Render) -> Result<Vec<Address>, String> {
    let mut all: Vec<Address> = Vec::new();
    for workload in render.workloads() {
        for (host, port) in named(render, workload) {
            let address = format!("{host}:{port}");
            let is_known = |it: &Address| it.workload == workload.id() && it.address == address;
            if !all.iter().any(is_known) {
                all.push(Address {
                    workload: workload.id(),
                    is_reachable: reaches(render, workload, &host, port)?,
                    address,
                });
            }
        }
    }
    Ok(all)
}

/// The hosts and ports in the settings of a workload's containers; a Service without a port stands for each of its ports.
fn named(render: &Render, workload: Workload<'_>) -> Vec<(String, i64)> {
    let mut named = Vec::new();
    for container in workload.containers() {
        let variables = render.variables(container.value);
        for (key, value) in &variables {
            for (host, port) in hosts(key, value) {
                let port = port.or_else(|| {
                    let port_key = format!("{}_PORT", key.strip_suffix("_HOST")?);
                    let (_, port) = variables.iter().find(|(key, _)| *key == port_key)?;
                    port.parse().ok()
                });
                named.push((host, port));
            }
        }
        for text in words(render, container) {
            named.extend(hosts("", &text));
        }
    }
    let mut ports = Vec::new();
    for (host, port) in named {
        match (port, place(render, &host)) {
            (Some(port), _) => ports.push((host, port)),
            (None, Place::Here(name)) => {
                let service = render.get(&format!("Service/{name}")).ok();
                let all = service
                    .into_iter()
                    .flat_map(|it| list(&it["spec"]["ports"]));
                ports.extend(all.filter_map(|it| Some((host.clone(), it["port"].as_i64()?))));
            }
            (None, _) => {}
        }
    }
    ports
}

/// The arguments of a container, and the ConfigMaps that it mounts.
fn words(render: &Render, container: Container<'_>) -> Vec<String> {
    let fields = ["command", "args"].into_iter();
    let arguments = fields.flat_map(|field| list(&container.value[field]));
    let mut words: Vec<String> = arguments.map(|it| text(it).to_owned()).collect();
    for mount in list(&container.value["volumeMounts"]) {
        let volumes = list(&container.workload.pod()["volumes"]);
        let of_mount = volumes.filter(|it| it["name"] == mount["name"]);
        for name in of_mount.filter_map(|it| it["configMap"]["name"].as_str()) {
            words.extend(render.settings(name).into_values());
        }
    }
    words
}

fn reaches(render: &Render, from: Workload<'_>, host: &str, port: i64) -> Result<bool, String> {
    let goal = match place(render, host) {
        Place::Here(name) if ELSEWHERE.contains(&name.as_str()) => format!("elsewhere:{port}"),
        Place::Here(name) => {
            let service = render.get(&format!("Service/{name}"))?;
            let is_itself = render
                .behind(service)
                .is_some_and(|to| to.id() == from.id());
            if is_itself && render.most_replicas(from) == 1 {
                return Ok(true); // Policies do not apply to connections of a pod to itself.
            }
            format!("{name}:{port}")
        }
        Place::Namespace(name) => format!("namespace {name}:{port}"),
        Place::World => format!("the world:{port}"),
    };
    traffic::passes(render, &format!("{} → {goal}", from.id()))
}
