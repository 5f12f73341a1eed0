//! FIT-VAL010 and FIT-VAL011: mounts and other fields of containers that the API server refuses together, or warns of.
//!
//! Source: `validateContainers`, `validateInitContainers`, `ValidateVolumeMounts` and `ValidateVolumeDevices` in kubernetes
//! `pkg/apis/core/validation/validation.go`. Only pods of Kubernetes' own kinds are checked, because controllers of other kinds
//! add volumes and images of their own; but what no init container can have is reported everywhere.

use std::borrow::Cow;
use std::hash::Hash;

use kustomize_krm_types::Severity;

use super::{Check, Find, Pod};
use crate::facts::Half;
use crate::finding::{Finding, Mode, Part};
use crate::hashing::{HashMap, HashSet};
use crate::kubernetes::{Quantity, schema};
use crate::objects::{Container, ContainerType};
use crate::problem::suggestion;
use crate::rules::{Rule, rules};
use crate::yaml::Node;

rules! {
    RULES;
    MOUNT: "FIT-VAL010" Error OnCheck "a mount or a device of a volume that the pod does not have, or cannot have there";
    CONTAINER: "FIT-VAL011" Error OnCheck "fields of a container that the API server refuses together";
}

pub(super) const CHECK: Check = Check {
    name: "containers",
    rules: RULES,
    find: &[Find::Pods(of_pod)],
};

fn of_pod(pod: &Pod<'_, '_>) -> Vec<Finding> {
    let resource = pod.selected.target.resource;
    let mut found = Findings(Vec::new());
    for container in &pod.template.containers {
        of_sidecars(container, &mut found);
    }
    if schema::fields_of(&resource.api_version, &resource.kind).is_none() {
        return found.0;
    }
    let spec = pod.template.spec;
    let is_host = spec.bool_at(["hostNetwork"]) == Some(true);
    // Whether a volume can be a device.
    let mut volumes = HashMap::default();
    for volume in spec.items_at(["volumes"]) {
        let is_set = |key| volume.at([key]).is_some();
        let is_claim = is_set("persistentVolumeClaim") || is_set("ephemeral");
        volumes.extend(volume.text_at(["name"]).map(|name| (name, is_claim)));
    }
    if resource.kind == "StatefulSet" {
        let claims = resource.node.items_at(["spec", "volumeClaimTemplates"]);
        let names = claims.filter_map(|it| it.text_at(["metadata", "name"]));
        volumes.extend(names.map(|name| (name, true)));
    }
    let (mut names, mut host_ports) = (HashSet::default(), HashSet::default());
    let mut all_ports = Ports::default();
    for container in &pod.template.containers {
        // Within one list, the schema reports it.
        let is_own = container.container_type == ContainerType::Container;
        if is_own && !container.name.is_empty() && names.contains(&container.name) {
            let message = format!("an init container is named {} too", container.name);
            found.add(&CONTAINER, container, &["name"], message);
        }
        if !is_own {
            names.insert(container.name.clone());
        }
        mounts(container, &volumes, &mut found);
        of_container(container, &mut found);
        sleeps(container, spec, &mut found);
        ports(container, is_host, &mut host_ports, &mut found);
        shared_ports(container, &mut all_ports, &mut found);
        // The check of amounts reports what the config sets.
        let is_covered = |half: Half, name: &str| {
            let scope = pod.resources();
            let section = scope.and_then(|it| it.section_for(container));
            section.is_some_and(|it| it.mode(&half.leaf(name)) != Mode::Off)
        };
        amounts(container, &is_covered, &mut found);
    }
    found.0
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(
        &mut self,
        rule: &'static Rule,
        container: &Container<'_>,
        field: &[&str],
        message: String,
    ) {
        self.graded(rule, rule.severity, container, field, message);
    }

    fn graded(
        &mut self,
        rule: &'static Rule,
        severity: Severity,
        container: &Container<'_>,
        field: &[&str],
        message: String,
    ) {
        let subject = &container.subject;
        let value = container.node.at(field.iter().copied());
        let finding = Finding::graded(rule, severity, format!("{}: {message}", subject.part))
            .about(subject, field)
            .current(
                value
                    .filter(|it| it.is_scalar())
                    .and_then(|it| it.value().ok()),
            );
        self.0.push(finding);
    }

    fn help(&mut self, help: Option<String>) {
        if let (Some(last), Some(help)) = (self.0.last_mut(), help) {
            last.help = Some(help.into());
        }
    }
}

fn mounts(container: &Container<'_>, volumes: &HashMap<Cow<'_, str>, bool>, found: &mut Findings) {
    let text = |list, key| {
        let items = container.node.items_at([list]);
        let texts: HashSet<_> = items.filter_map(move |it| it.text_at([key])).collect();
        texts
    };
    let (devices, device_paths) = (
        text("volumeDevices", "name"),
        text("volumeDevices", "devicePath"),
    );
    for (index, variable) in container.node.items_at(["env"]).enumerate() {
        let path = ["valueFrom", "fileKeyRef", "volumeName"];
        let Some(name) = variable.text_at(path).filter(|it| !it.is_empty()) else {
            continue;
        };
        if !volumes.contains_key(&name) {
            let at = index.to_string();
            let message = format!("the pod has no volume `{name}`");
            let path = ["env", &at, path[0], path[1], path[2]];
            found.add(&MOUNT, container, &path, message);
            found.help(suggestion(&name, volumes.keys().map(|it| &**it)));
        }
    }
    let mut seen = HashSet::default();
    for list in ["volumeMounts", "volumeDevices"] {
        for (index, item) in container.node.items_at([list]).enumerate() {
            let Some(name) = item.text_at(["name"]).filter(|it| !it.is_empty()) else {
                continue;
            };
            let is_device = list == "volumeDevices";
            match volumes.get(&name) {
                None => {
                    found.add(
                        &MOUNT,
                        container,
                        &[list, &index.to_string(), "name"],
                        format!("the pod has no volume `{name}`"),
                    );
                    found.help(suggestion(&name, volumes.keys().map(|it| &**it)));
                }
                Some(false) if is_device => {
                    let message =
                        format!("`{name}` is not a claim, and only claims can be devices");
                    let path = [list, &index.to_string(), "name"];
                    found.add(&MOUNT, container, &path, message);
                }
                _ if !is_device && devices.contains(&name) => {
                    let message = format!("`{name}` is mounted, and it is a device as well");
                    let path = [list, &index.to_string(), "name"];
                    found.add(&MOUNT, container, &path, message);
                }
                _ => {}
            }
            let key = if is_device { "devicePath" } else { "mountPath" };
            let Some(place) = item.text_at([key]).filter(|it| !it.is_empty()) else {
                continue;
            };
            // The schema reports two mounts or two devices at one path.
            if !is_device && device_paths.contains(&place) && seen.insert(place.clone()) {
                let message = format!("a device has the path `{place}` too");
                found.add(&MOUNT, container, &[list, &index.to_string(), key], message);
            }
            let propagation = item.text_at(["mountPropagation"]);
            let is_privileged = || container.node.bool_at(["securityContext", "privileged"]);
            if propagation.as_deref() == Some("Bidirectional") && is_privileged() != Some(true) {
                let message = "only a privileged container may mount with `Bidirectional`";
                let path = [list, &index.to_string(), "mountPropagation"];
                found.add(&MOUNT, container, &path, message.to_owned());
            }
        }
    }
}

/// What only init containers that are sidecars can have.
fn of_sidecars(container: &Container<'_>, found: &mut Findings) {
    if container.container_type != ContainerType::Init {
        return;
    }
    let fields = [
        "lifecycle", "livenessProbe", "readinessProbe", "startupProbe",
    ];
    for field in fields
        .iter()
        .filter(|it| container.node.at([**it]).is_some())
    {
        let message = format!("{field} is not allowed for init containers");
        found.add(&CONTAINER, container, &[field], message);
        found.help(Some(
            "make this a sidecar with `restartPolicy: Always`, or remove it".to_owned(),
        ));
    }
}

fn of_container(container: &Container<'_>, found: &mut Findings) {
    let node = container.node;
    let is_init = container.container_type == ContainerType::Init;
    for (index, policy) in node.items_at(["resizePolicy"]).enumerate() {
        let restart = policy.text_at(["restartPolicy"]);
        if is_init && restart.as_deref() == Some("RestartContainer") {
            let at = index.to_string();
            let message = "an init container cannot be restarted by a resize".to_owned();
            let path = ["resizePolicy", &at, "restartPolicy"];
            found.add(&CONTAINER, container, &path, message);
        }
    }
    for probe in ["livenessProbe", "startupProbe"] {
        let path = [probe, "successThreshold"];
        if node.int_at::<i64>(path).is_some_and(|it| it > 1) {
            let message = format!("{probe}.successThreshold must be 1");
            found.add(&CONTAINER, container, &path, message);
        }
    }
    let path = ["readinessProbe", "terminationGracePeriodSeconds"];
    if node.at(path).is_some() {
        let message = "terminationGracePeriodSeconds is not allowed for readinessProbe".to_owned();
        found.add(&CONTAINER, container, &path, message);
    }
    let Some(context) = node.at(["securityContext"]) else {
        return;
    };
    let path = ["securityContext", "allowPrivilegeEscalation"];
    if context.bool_at([path[1]]) == Some(false) && context.bool_at(["privileged"]) == Some(true) {
        let message = "allowPrivilegeEscalation cannot be false for a privileged container";
        found.add(&CONTAINER, container, &path, message.to_owned());
        found.help(Some(
            "remove `privileged`, or allowPrivilegeEscalation".to_owned(),
        ));
    }
}

/// A sleep before or after a container runs that is longer than its pod has for its end.
fn sleeps(container: &Container<'_>, spec: Node<'_>, found: &mut Findings) {
    for hook in ["postStart", "preStop"] {
        let path = ["lifecycle", hook, "sleep", "seconds"];
        let Some(seconds) = container.node.int_at::<i64>(path) else {
            continue;
        };
        let grace = spec.int_at(["terminationGracePeriodSeconds"]);
        let grace = grace.unwrap_or(30).max(1);
        if !(0..=grace).contains(&seconds) {
            let message = format!(
                "the sleep must be at most terminationGracePeriodSeconds, which is {grace}"
            );
            found.add(&CONTAINER, container, &path, message);
        }
    }
}

/// The ports and names of ports of earlier containers, and the containers.
#[derive(Default)]
struct Ports<'c> {
    numbers: HashMap<(i64, Cow<'c, str>), &'c Part>,
    names: HashMap<Cow<'c, str>, &'c Part>,
}

/// Ports of other containers of the pod, which have the same network: the API server warns of them.
fn shared_ports<'c>(container: &'c Container<'_>, earlier: &mut Ports<'c>, found: &mut Findings) {
    // What has ended serves nothing.
    if container.container_type == ContainerType::Init {
        return;
    }
    let mut own = Ports::default();
    for (index, port) in container.node.items_at(["ports"]).enumerate() {
        if let Some(name) = port.text_at(["name"]).filter(|it| !it.is_empty()) {
            let key = name.clone();
            if let Some(other) = holder(&earlier.names, &mut own.names, key, container) {
                let message = format!(
                    "a port of {other} is named {name} too, and Services that name it use that one"
                );
                let path = ["ports", &index.to_string(), "name"];
                found.graded(&CONTAINER, Severity::Warning, container, &path, message);
            }
        }
        let Some(number) = port.int_at::<i64>(["containerPort"]) else {
            continue;
        };
        let protocol = port.text_at(["protocol"]).filter(|it| !it.is_empty());
        let key = (number, protocol.unwrap_or("TCP".into()));
        if let Some(other) = holder(&earlier.numbers, &mut own.numbers, key, container) {
            let message = format!(
                "{other} has the port {number} too, and the containers of a pod share their network"
            );
            let path = ["ports", &index.to_string(), "containerPort"];
            found.graded(&CONTAINER, Severity::Warning, container, &path, message);
        }
    }
    earlier.numbers.extend(own.numbers);
    earlier.names.extend(own.names);
}

/// The earlier container that has a key. If there is none, this one has it for later ones.
fn holder<'c, K: Eq + Hash>(
    earlier: &HashMap<K, &'c Part>,
    own: &mut HashMap<K, &'c Part>,
    key: K,
    container: &'c Container<'_>,
) -> Option<&'c Part> {
    let other = earlier.get(&key).copied();
    if other.is_none() {
        own.insert(key, &container.subject.part);
    }
    other
}

fn ports<'a>(
    container: &Container<'a>,
    is_host: bool,
    host_ports: &mut HashSet<(i64, String)>,
    found: &mut Findings,
) {
    let mut names = HashSet::default();
    for (index, port) in container.node.items_at(["ports"]).enumerate() {
        if let Some(name) = port.text_at(["name"]).filter(|it| !it.is_empty())
            && !names.insert(name.clone())
        {
            let message = format!("two ports are named {name}");
            let path = ["ports", &index.to_string(), "name"];
            found.add(&CONTAINER, container, &path, message);
        }
        let number = port.int_at::<i64>(["containerPort"]);
        let Some(of_host) = port.int_at::<i64>(["hostPort"]).filter(|it| *it != 0) else {
            continue;
        };
        let path = ["ports", &index.to_string(), "hostPort"];
        if is_host && number.is_some_and(|it| it != of_host) {
            let message = "with hostNetwork, hostPort must be equal to containerPort".to_owned();
            found.add(&CONTAINER, container, &path, message);
        }
        let protocol = port.text_at(["protocol"]).filter(|it| !it.is_empty());
        let ip = port.text_at(["hostIP"]).unwrap_or_default();
        let protocol = protocol.as_deref().unwrap_or("TCP");
        // The API server compares only the ordinary containers.
        let is_kept = container.container_type == ContainerType::Container;
        if is_kept && !host_ports.insert((of_host, format!("{protocol} {ip}"))) {
            let message = format!("two ports of the pod have the host port {of_host}");
            found.add(&CONTAINER, container, &path, message);
        }
    }
}

/// Resources that no node has, those that cannot be shared, and requests above their limits.
fn amounts(
    container: &Container<'_>,
    is_covered: &dyn Fn(Half, &str) -> bool,
    found: &mut Findings,
) {
    let node = container.node;
    let limits = Quantity::entries_of(node.at(["resources", "limits"]));
    let requests = Quantity::entries_of(node.at(["resources", "requests"]));
    for (half, amounts) in [(Half::Limits, &limits), (Half::Requests, &requests)] {
        for (name, amount) in amounts {
            let path = ["resources", half.key(), name.as_str()];
            let is_pages = name.starts_with("hugepages-");
            let known = ["cpu", "memory", "ephemeral-storage"];
            let is_shared = known.contains(&name.as_str());
            if !is_shared && !is_pages && !name.contains('/') {
                let message = format!("Kubernetes has no resource `{name}`");
                found.add(&CONTAINER, container, &path, message);
                let near = suggestion(name, known.iter().copied());
                let other =
                    || "other resources have a prefix, such as `example.com/name`".to_owned();
                found.help(Some(near.unwrap_or_else(other)));
                continue;
            }
            let page = name.strip_prefix("hugepages-");
            let page = page.and_then(|it| it.parse::<Quantity>().ok());
            if page.is_some_and(|page| page.is_zero() || !amount.is_multiple_of(page))
                && !is_covered(half, name)
            {
                let message = format!("the amount of `{name}` must be a multiple of its page");
                found.add(&CONTAINER, container, &path, message);
            }
            let is_native = !name.contains('/') || name.contains("kubernetes.io/");
            if half == Half::Limits || is_native && !is_pages && !is_shared {
                continue;
            }
            let message = match limits.get(name) {
                Some(limit) if is_shared && limit < amount => {
                    format!("the request of {amount} is above the limit, which is {limit}")
                }
                _ if is_shared => continue,
                None => format!("`{name}` needs a limit of {amount}, because it cannot be shared"),
                Some(limit) if limit != amount => {
                    format!("the request of `{name}` must be its limit, which is {limit}")
                }
                _ => continue,
            };
            if !is_covered(half, name) {
                found.add(&CONTAINER, container, &path, message);
            }
        }
    }
    let mut names = limits.keys().chain(requests.keys());
    let has_other = names.clone().any(|it| it == "cpu" || it == "memory");
    let is_pages = |it: &&String| it.starts_with("hugepages-") && !is_covered(Half::Limits, it);
    if !has_other && names.any(|it| is_pages(&it)) {
        let message = "hugepages need cpu or memory as well".to_owned();
        found.add(&CONTAINER, container, &["resources"], message);
    }
}
