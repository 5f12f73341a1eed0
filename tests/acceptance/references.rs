//! Every reference in a rendering resolves. kustomize renames objects and the references that it knows about, and leaves all
//! others unchanged, so an address in a variable or a policy's port may silently break.

use serde_json::{Value, json};

use super::render::{Labels, Render, Workload, id, list, selects, strings, target, text};

/// Hosts that systems call but do not run: those of other teams or of the cluster.
pub(crate) const ELSEWHERE: [&str; 2] = ["keycloak-service", "otel-collector"];

/// Labels of pods that other tools create in a system's namespace: those of cert-manager, which answer the certificate
/// authority.
const POD_OF_OTHERS: &str = "acme.cert-manager.io/http01-solver";

/// Roles that every cluster has.
const BUILT_IN_ROLES: [&str; 4] = ["admin", "cluster-admin", "edit", "view"];

/// References to objects that do not exist.
pub(crate) fn dangling(render: &Render) -> Vec<String> {
    let mut found = Found {
        render,
        dangling: Vec::new(),
    };
    for workload in render.workloads() {
        found.pod(workload);
    }
    for object in &render.objects {
        found.object(object);
    }
    found.dangling
}

struct Found<'a> {
    render: &'a Render,
    dangling: Vec<String>,
}

impl Found<'_> {
    fn unless(&mut self, is_there: bool, from: &str, to: &str) {
        if !is_there {
            self.dangling.push(format!("{from}: {to}"));
        }
    }

    /// An object by its exact name, including a generator's suffix.
    fn has(&self, kind: &str, name: &str) -> bool {
        self.render
            .kind(kind)
            .any(|o| o["metadata"]["name"] == name)
    }

    /// A Secret, or an object that will create it.
    fn has_secret(&self, name: &str) -> bool {
        let makers = [
            ("ExternalSecret", "/spec/target/name"),
            ("Certificate", "/spec/secretName"),
        ];
        self.has("Secret", name)
            || makers.iter().any(|(kind, place)| {
                let mut makers = self.render.kind(kind);
                makers.any(|m| m.pointer(place).is_some_and(|n| n == name))
            })
    }

    fn named(&mut self, from: &str, kind: &str, name: &Value) {
        if let Some(name) = name.as_str() {
            let is_there = match kind {
                "Secret" => self.has_secret(name),
                _ => self.has(kind, name),
            };
            self.unless(is_there, from, &format!("there is no {kind}/{name}"));
        }
    }

    /// A reference to a ConfigMap or Secret, and to a key in it where the object is rendered. A Secret without keys is a
    /// template: an operator fills it in, and pods wait until then.
    fn keyed(&mut self, from: &str, kind: &str, reference: &Value) {
        if reference["optional"] == true {
            return;
        }
        self.named(from, kind, &reference["name"]);
        let mut objects = self.render.kind(kind);
        let object = objects.find(|o| o["metadata"]["name"] == reference["name"]);
        if let (Some(object), Some(key)) = (object, reference["key"].as_str()) {
            let fields = ["data", "stringData", "binaryData"];
            let has = fields.iter().any(|f| !object[*f][key].is_null());
            let is_template = kind == "Secret" && fields.iter().all(|f| object[*f].is_null());
            self.unless(
                has || is_template,
                from,
                &format!("{} has no key {key}", id(object)),
            );
        }
    }

    fn selected(&mut self, from: &str, selector: &Value) {
        let any = self
            .render
            .workloads()
            .any(|w| selects(selector, &w.labels()));
        let problem = format!("no pod has the labels {selector}");
        let of_others = !selector["matchLabels"][POD_OF_OTHERS].is_null();
        self.unless(any || of_others || !selector.is_object(), from, &problem);
    }

    fn pod(&mut self, workload: Workload<'_>) {
        let from = workload.id();
        let pod = workload.pod();
        self.named(&from, "ServiceAccount", &pod["serviceAccountName"]);
        for pull in list(&pod["imagePullSecrets"]) {
            self.named(&from, "Secret", &pull["name"]);
        }
        for volume in list(&pod["volumes"]) {
            self.named(
                &from,
                "PersistentVolumeClaim",
                &volume["persistentVolumeClaim"]["claimName"],
            );
            let secret = json!({
                "name": volume["secret"]["secretName"],
                "optional": volume["secret"]["optional"],
            });
            self.keyed(&from, "Secret", &secret);
            self.keyed(&from, "ConfigMap", &volume["configMap"]);
            for source in list(&volume["projected"]["sources"]) {
                self.keyed(&from, "Secret", &source["secret"]);
                self.keyed(&from, "ConfigMap", &source["configMap"]);
            }
        }
        for container in workload.containers() {
            let from = container.id();
            for source in list(&container.value["envFrom"]) {
                self.keyed(&from, "ConfigMap", &source["configMapRef"]);
                self.keyed(&from, "Secret", &source["secretRef"]);
            }
            for variable in list(&container.value["env"]) {
                self.keyed(
                    &from,
                    "ConfigMap",
                    &variable["valueFrom"]["configMapKeyRef"],
                );
                self.keyed(&from, "Secret", &variable["valueFrom"]["secretKeyRef"]);
                self.addresses(&from, text(&variable["name"]), text(&variable["value"]));
            }
            for argument in list(&container.value["args"]).chain(list(&container.value["command"]))
            {
                self.addresses(&from, "argument", text(argument));
            }
            for mount in list(&container.value["volumeMounts"]) {
                let name = &mount["name"];
                let is_there = list(&pod["volumes"]).any(|v| &v["name"] == name)
                    || workload
                        .claim_templates()
                        .any(|c| &c["metadata"]["name"] == name);
                self.unless(is_there, &from, &format!("there is no volume {name}"));
            }
            for kind in ["livenessProbe", "readinessProbe", "startupProbe"] {
                for action in ["httpGet", "tcpSocket"] {
                    let port = &container.value[kind][action]["port"];
                    let is_there = port.is_null() || workload.port(port).is_some();
                    self.unless(is_there, &from, &format!("{kind}: no port {port}"));
                }
            }
        }
        self.scheduling(workload);
    }

    /// Affinity terms must match some pod; topology spread constraints must match their own.
    fn scheduling(&mut self, workload: Workload<'_>) {
        let from = workload.id();
        for constraint in list(&workload.pod()["topologySpreadConstraints"]) {
            let selector = &constraint["labelSelector"];
            let own = selects(selector, &workload.labels());
            let problem = format!("a topology spread does not count its own pods: {selector}");
            self.unless(own, &from, &problem);
        }
        for kind in ["podAffinity", "podAntiAffinity"] {
            let terms = &workload.pod()["affinity"][kind];
            let required = list(&terms["requiredDuringSchedulingIgnoredDuringExecution"]);
            let preferred = list(&terms["preferredDuringSchedulingIgnoredDuringExecution"])
                .map(|p| &p["podAffinityTerm"]);
            for term in required.chain(preferred) {
                self.selected(&from, &term["labelSelector"]);
            }
        }
    }

    fn object(&mut self, object: &Value) {
        let from = id(object);
        let spec = &object["spec"];
        match text(&object["kind"]) {
            "ConfigMap" => {
                for (key, value) in strings(&object["data"]) {
                    self.addresses(&from, &key, &value);
                }
            }
            "HorizontalPodAutoscaler" => {
                let is_there = self.render.workload(&target(object)).is_ok();
                self.unless(is_there, &from, &format!("there is no {}", target(object)));
            }
            "Ingress" => {
                let issued = strings(&object["metadata"]["annotations"])
                    .keys()
                    .any(|key| key.starts_with("cert-manager.io/"));
                for tls in list(&spec["tls"]).filter(|_| !issued) {
                    self.named(&from, "Secret", &tls["secretName"]);
                }
                for path in list(&spec["rules"]).flat_map(|r| list(&r["http"]["paths"])) {
                    self.named(&from, "Service", &path["backend"]["service"]["name"]);
                    let port = self.render.backend_port(&path["backend"]);
                    self.unless(port.is_some(), &from, "a backend's port is not there");
                }
            }
            "NetworkPolicy" => self.policy(object),
            "PodDisruptionBudget" => self.selected(&from, &spec["selector"]),
            "RoleBinding" | "ClusterRoleBinding" => {
                let role = &object["roleRef"];
                let name = text(&role["name"]);
                if !BUILT_IN_ROLES.contains(&name) && !name.starts_with("system:") {
                    self.named(&from, text(&role["kind"]), &role["name"]);
                }
                let own = self.render.namespace_labels();
                let own = own.get("kubernetes.io/metadata.name");
                for subject in list(&object["subjects"]) {
                    let namespace = &subject["namespace"];
                    let is_own = namespace.is_null()
                        || namespace == &object["metadata"]["namespace"]
                        || namespace.as_str() == own.map(String::as_str);
                    if subject["kind"] == "ServiceAccount" && is_own {
                        self.named(&from, "ServiceAccount", &subject["name"]);
                    }
                }
            }
            "Service" if spec["selector"].is_object() => {
                let behind = self.render.behind(object);
                self.unless(behind.is_some(), &from, "it selects no pod");
                for port in list(&spec["ports"]).filter_map(|p| p["port"].as_i64()) {
                    let leads = self.render.target_port(object, port);
                    self.unless(
                        leads.is_some(),
                        &from,
                        &format!("port {port} leads nowhere"),
                    );
                }
            }
            "ServiceMonitor" => {
                let mut services = self.render.kind("Service");
                let service = services
                    .find(|s| selects(&spec["selector"], &strings(&s["metadata"]["labels"])));
                self.unless(service.is_some(), &from, "it selects no Service");
                let Some(service) = service else { return };
                for endpoint in list(&spec["endpoints"]) {
                    let port = &endpoint["port"];
                    let is_there = list(&service["spec"]["ports"]).any(|p| &p["name"] == port);
                    self.unless(
                        is_there,
                        &from,
                        &format!("{} has no port {port}", id(service)),
                    );
                }
                let label = text(&spec["jobLabel"]);
                let is_there = label.is_empty() || !service["metadata"]["labels"][label].is_null();
                self.unless(
                    is_there,
                    &from,
                    &format!("{} has no label {label}", id(service)),
                );
            }
            "StatefulSet" => self.named(&from, "Service", &spec["serviceName"]),
            _ => {}
        }
    }

    /// A policy selects existing pods at both ends, and ports that they declare.
    fn policy(&mut self, policy: &Value) {
        let from = id(policy);
        let spec = &policy["spec"];
        self.selected(&from, &spec["podSelector"]);
        let own = self.render.namespace_labels();
        for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
            for rule in list(&spec[direction]) {
                for peer in list(&rule[peers]) {
                    if here(peer, &own) {
                        self.selected(&from, &peer["podSelector"]);
                    }
                }
                for name in list(&rule["ports"]).filter_map(|p| p["port"].as_str()) {
                    let mut pods = self.render.workloads();
                    let is_there = match direction {
                        "ingress" => pods.any(|w| {
                            selects(&spec["podSelector"], &w.labels()) && names_port(w, name)
                        }),
                        _ => pods.any(|w| names_port(w, name)),
                    };
                    self.unless(is_there, &from, &format!("no pod names a port {name}"));
                }
            }
        }
    }

    /// Every address in a text is a rendered Service with that port, or a known host outside the system.
    fn addresses(&mut self, from: &str, key: &str, value: &str) {
        for Address { name, port } in addresses(self.render, key, value) {
            if ELSEWHERE.contains(&name.as_str()) {
                continue;
            }
            let service = self.render.get(&format!("Service/{name}")).ok();
            let is_there = service.is_some_and(|s| {
                port.is_none() || list(&s["spec"]["ports"]).any(|p| p["port"].as_i64() == port)
            });
            let port = port.map_or_else(String::new, |p| format!(":{p}"));
            self.unless(
                is_there,
                from,
                &format!("{key} names {name}{port}, which no Service is"),
            );
        }
    }
}

/// A host in the system's own namespace.
pub(crate) struct Address {
    /// The first label of its name, the name of a Service.
    pub(crate) name: String,
    pub(crate) port: Option<i64>,
}

/// Where a host is.
pub(crate) enum Place {
    /// In the system's own namespace, by the name of a Service.
    Here(String),
    /// In another namespace.
    Namespace(String),
    /// Outside the cluster.
    World,
}

/// `host:port`, `scheme://host` and the values of `*_HOST` in a text, of hosts in the system's own namespace.
pub(crate) fn addresses(render: &Render, key: &str, value: &str) -> Vec<Address> {
    let named = hosts(key, value).into_iter();
    let here = named.filter_map(|(host, port)| match place(render, &host) {
        Place::Here(name) => Some(Address { name, port }),
        _ => None,
    });
    here.collect()
}

/// `host:port`, `scheme://host` and the values of `*_HOST` in a text. A URL without a port has that of its scheme, if the scheme
/// is HTTP's.
pub(crate) fn hosts(key: &str, value: &str) -> Vec<(String, Option<i64>)> {
    let mut ends: Vec<(String, Option<i64>)> = value
        .split(|c: char| c.is_whitespace() || ",;\"'()<>=".contains(c))
        .filter_map(address)
        .collect();
    if key.ends_with("_HOST") {
        ends.push((value.to_owned(), None));
    }
    ends.retain(|(host, _)| host != "localhost");
    ends
}

/// Where a pod's DNS resolves a host.
pub(crate) fn place(render: &Render, host: &str) -> Place {
    let own = render.namespace_labels();
    let own = own.get("kubernetes.io/metadata.name").map(String::as_str);
    let of_cluster = [".svc.cluster.local", ".svc"]
        .iter()
        .find_map(|end| host.strip_suffix(end));
    match of_cluster.unwrap_or(host).split_once('.') {
        None => Place::Here(host.to_owned()),
        Some((name, namespace)) if Some(namespace) == own => Place::Here(name.to_owned()),
        Some((_, namespace)) if of_cluster.is_some() => Place::Namespace(namespace.to_owned()),
        Some(_) => Place::World,
    }
}

/// Whether a peer of a rule selects pods in the policy's own namespace.
fn here(peer: &Value, own: &Labels) -> bool {
    let namespace = &peer["namespaceSelector"];
    peer["podSelector"].is_object() && (namespace.is_null() || selects(namespace, own))
}

fn names_port(workload: Workload<'_>, name: &str) -> bool {
    workload.ports().any(|p| p["name"] == name)
}

fn default_port(url: &str) -> Option<i64> {
    match url.split_once("://")?.0 {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// The host in a URL, or in `host:port`, with the port.
fn address(word: &str) -> Option<(String, Option<i64>)> {
    let url = word.split_once("://").map(|(_, rest)| rest);
    let place = url.unwrap_or(word).split(['/', '?']).next()?;
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok()?)),
        None if url.is_some() => (place, default_port(word)),
        None => return None,
    };
    let is_name = host.starts_with(|c: char| c.is_ascii_lowercase())
        && host
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c));
    is_name.then(|| (host.to_owned(), port))
}
