//! FIT-ING001: Ingresses and routes to Services that do not exist, and hosts without TLS.
//!
//! A backend must be a Service of the namespace and name one of its ports by number or name. Otherwise the controller answers
//! with 503 or not at all. The check covers Ingresses of all versions and the routes of the Gateway API. Nothing is reported
//! if the input has no Services in the namespace, or if an operator could create the Service from a custom resource.
//!
//! A host that no entry of `spec.tls` covers is served in plain text. This is a warning, unless an annotation gives the
//! controller a certificate.
//!
//! Source: `ValidateIngressSpec` and `validateIngressBackend` in kubernetes `pkg/apis/networking/validation`.

use kustomize_krm_types::Severity;

use super::{Check, Find, Scene};
use crate::finding::{Finding, Subject};
use crate::hashing::HashSet;
use crate::objects::{CLUSTERS_NAMESPACE, PortRef};
use crate::read::Resource;
use crate::rules::rules;
use crate::yaml::Node;

rules! {
    RULES;
    ID: "FIT-ING001" Error OnCheck
        "an Ingress or route to a Service or port that does not exist, or a host without TLS"
        ("kube-linter dangling-ingress; kube-score ingress-targets-service; Polaris tlsSettingsMissing; Kyverno ingress-host-match-tls");
}

/// The port that makes the AWS load balancer controller read the action from an annotation.
const USE_ANNOTATION: &str = "use-annotation";

/// Annotations that give controllers a certificate, or leave TLS to the pods.
const TLS_ANNOTATIONS: [&str; 6] = [
    "alb.ingress.kubernetes.io/certificate-arn",
    "haproxy.org/ssl-passthrough",
    "ingress.gcp.kubernetes.io/pre-shared-cert",
    "networking.gke.io/managed-certificates",
    "nginx.ingress.kubernetes.io/ssl-passthrough",
    "traefik.ingress.kubernetes.io/router.tls",
];

pub(super) const CHECK: Check = Check {
    name: "ingresses",
    rules: RULES,
    find: &[Find::Comparing(&Find::Object(|scene, selected| {
        let resource = selected.target.resource;
        let mut routes = Routes {
            scene: *scene,
            resource,
            findings: Vec::new(),
        };
        match (resource.group(), resource.kind.as_ref()) {
            ("networking.k8s.io" | "extensions", "Ingress") => {
                routes.ingress();
                routes.hosts();
            }
            ("gateway.networking.k8s.io", kind) if kind.ends_with("Route") => routes.gateway(),
            _ => {}
        }
        routes.findings
    }))],
};

/// The routes of an object, and what is wrong with them.
struct Routes<'s> {
    scene: Scene<'s>,
    resource: &'s Resource<'s>,
    findings: Vec<Finding>,
}

impl<'s> Routes<'s> {
    fn ingress(&mut self) {
        let Some(spec) = self.resource.node.at(["spec"]) else {
            return;
        };
        // `backend` is the default backend in v1beta1.
        for key in ["defaultBackend", "backend"] {
            if let Some(backend) = spec.at([key]) {
                self.ingress_backend(backend, &["spec", key]);
            }
        }
        for (rule_place, rule) in items(spec, "rules") {
            let Some(http) = rule.at(["http"]) else {
                continue;
            };
            for (place, path) in items(http, "paths") {
                if let Some(backend) = path.at(["backend"]) {
                    let path = [
                        "spec", "rules", &rule_place, "http", "paths", &place, "backend",
                    ];
                    self.ingress_backend(backend, &path);
                }
            }
        }
    }

    fn ingress_backend(&mut self, backend: Node<'s>, path: &[&str]) {
        let own = self.resource.namespace.as_deref();
        if let Some(service) = backend.at(["service"]) {
            let path = [path, &["service"]].concat();
            let number = service.at(["port", "number"]).map(|port| (port, "number"));
            let port = number.or_else(|| Some((service.at(["port", "name"])?, "name")));
            let key = port.map_or("", |(_, key)| key);
            let port = port.map(|(port, _)| port);
            self.backend(
                service.at(["name"]),
                port,
                own,
                (&path, "name", &["port", key]),
            );
        } else if let Some(name) = backend.at(["serviceName"]) {
            let port = backend.at(["servicePort"]);
            self.backend(
                Some(name),
                port,
                own,
                (path, "serviceName", &["servicePort"]),
            );
        }
        // Other backends are resources of kinds that only the controller knows.
    }

    fn gateway(&mut self) {
        let Some(spec) = self.resource.node.at(["spec"]) else {
            return;
        };
        for (rule_place, rule) in items(spec, "rules") {
            let rule_path = ["spec", "rules", &rule_place];
            self.mirrors(rule, &rule_path);
            for (place, backend) in items(rule, "backendRefs") {
                let path = [&rule_path[..], &["backendRefs", &place]].concat();
                self.route_backend(backend, &path);
                self.mirrors(backend, &path);
            }
        }
    }

    /// The backends that filters copy requests to.
    fn mirrors(&mut self, owner: Node<'s>, path: &[&str]) {
        for (place, filter) in items(owner, "filters") {
            if let Some(backend) = filter.at(["requestMirror", "backendRef"]) {
                let below = ["filters", &place, "requestMirror", "backendRef"];
                self.route_backend(backend, &[path, &below].concat());
            }
        }
    }

    fn route_backend(&mut self, backend: Node<'s>, path: &[&str]) {
        let text = |key| backend.text_at([key]);
        let group = text("group").unwrap_or_default();
        let kind = text("kind");
        if !group.is_empty() || kind.is_some_and(|kind| kind != "Service") {
            return;
        }
        let namespace = text("namespace");
        let namespace = namespace.as_deref().or(self.resource.namespace.as_deref());
        let (name, port) = (backend.at(["name"]), backend.at(["port"]));
        self.backend(name, port, namespace, (path, "name", &["port"]));
    }

    /// Checks the Service and the port of one backend, given its path and the keys below it.
    fn backend(
        &mut self,
        name: Option<Node<'s>>,
        port: Option<Node<'s>>,
        namespace: Option<&str>,
        (path, name_key, port_key): (&[&str], &str, &[&str]),
    ) {
        let Some((name_node, name)) = name.and_then(|node| Some((node, node.text()?))) else {
            return;
        };
        let port = port.and_then(|node| Some((node, PortRef::of(node)?)));
        if port
            .as_ref()
            .is_some_and(|(_, port)| *port == PortRef::Name(USE_ANNOTATION.into()))
        {
            return;
        }
        let objects = self.scene.objects();
        let services = objects.referred(self.resource, ("Service", &name), namespace, is_service);
        let found = |message: String, node: Node<'s>, key: &[&str]| {
            Finding::new(&ID, message)
                .about(&Subject::object(), &[path, key].concat())
                .current(node.value().ok())
        };
        if services.is_empty() {
            let others = objects.of_kind("Service", namespace);
            let is_known = namespace != Some(CLUSTERS_NAMESPACE)
                && others.clone().any(is_service)
                && !objects.may_be_made(&name, namespace);
            if is_known {
                let message = format!("the namespace has no Service {name}");
                let mut finding = found(message, name_node, &[name_key]);
                let count = others.len();
                let others = others
                    .filter(|it| is_service(it))
                    .map(|it| it.name.as_ref());
                let similar = objects.did_you_mean(&name, others, count);
                finding.help = similar.map(|it| format!("did you mean `{it}`?").into());
                self.findings.push(finding);
            }
            return;
        }
        let Some((port_node, port)) = port else {
            return;
        };
        let ports = services
            .iter()
            .map(|(index, _)| objects.ports_of_service(*index));
        let ports: Vec<_> = ports.collect();
        let is_any_port_valid = services
            .iter()
            .zip(&ports)
            .any(|((_, service), ports)| ports.is_empty() && is_external(service));
        if is_any_port_valid || ports.iter().any(|it| it.has(&port, None)) {
            return;
        }
        let help = match &port {
            PortRef::Number(_) => {
                let numbers = ports.iter().map(|it| it.numbers());
                format!("its ports are: {}", numbers.collect::<Vec<_>>().join(", "))
            }
            PortRef::Name(_) => ports[0].help(&port, objects),
        };
        let mut finding = found(
            format!("the Service {name} has no port {port}"),
            port_node,
            port_key,
        )
        .help(help);
        finding.proposed = port.quoted_number().map(Into::into);
        self.findings.push(finding);
    }

    /// Hosts that are served without TLS.
    fn hosts(&mut self) {
        let Some(spec) = self.resource.node.at(["spec"]) else {
            return;
        };
        let has = |name: &str| {
            self.resource
                .annotation(name)
                .is_some_and(|it| it != "false")
        };
        if TLS_ANNOTATIONS.iter().any(|name| has(name)) {
            return;
        }
        let mut covered = HashSet::default();
        for (_, entry) in items(spec, "tls") {
            let mut hosts = items(entry, "hosts").filter_map(|(_, host)| host.text());
            // An entry without hosts covers all hosts.
            let Some(first) = hosts.next() else {
                return;
            };
            covered.insert(first);
            covered.extend(hosts);
        }
        let mut reported = HashSet::default();
        for (place, rule) in items(spec, "rules") {
            let Some(node) = rule.at(["host"]) else {
                continue;
            };
            let Some(host) = node.text().filter(|host| !host.is_empty()) else {
                continue;
            };
            // `*` stands for one label.
            let wildcard = host.split_once('.').map(|(_, rest)| format!("*.{rest}"));
            let is_covered = |host: &str| covered.contains(host);
            if is_covered(&host) || wildcard.as_deref().is_some_and(is_covered) {
                continue;
            }
            if !reported.insert(host.clone()) {
                continue;
            }
            let finding = Finding::graded(
                &ID,
                Severity::Warning,
                format!("the host {host} is served without TLS"),
            );
            let path = ["spec", "rules", &place, "host"];
            let help =
                "add the host to an entry of `spec.tls` with the Secret that has its certificate";
            let finding = finding.about(&Subject::object(), &path);
            let finding = finding.current(node.value().ok()).help(help);
            self.findings.push(finding);
        }
    }
}

/// The items of a list, with their indices.
fn items<'a>(node: Node<'a>, key: &str) -> impl Iterator<Item = (String, Node<'a>)> {
    let items = node.items_at([key]).enumerate();
    items.map(|(place, item)| (place.to_string(), item))
}

fn is_service(resource: &Resource<'_>) -> bool {
    resource.kind == "Service" && resource.group().is_empty()
}

fn is_external(service: &Resource<'_>) -> bool {
    service.node.text_at(["spec", "type"]).as_deref() == Some("ExternalName")
}
