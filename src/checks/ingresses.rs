//! FIT-ING001: Ingresses and routes that lead nowhere, and hosts without TLS.
//!
//! A backend has to be a Service of the namespace, with the port by its number or name. Else the controller answers with
//! 503, or not at all. Looked at are Ingresses of all versions, and the routes of the Gateway API. Where the
//! namespace has no rendered Services at all, or an operator may make the Service of a custom resource, nothing is said.
//!
//! A host that no entry of `spec.tls` covers is served in plain text, which is told as a warning, unless an annotation
//! gives the certificate to the controller.
//!
//! Source: `ValidateIngressSpec` and `validateIngressBackend` in kubernetes `pkg/apis/networking/validation`.

use kustomize_krm_types::Severity;

use super::{Check, Find, Scene};
use crate::finding::{Finding, Subject};
use crate::objects::{CLUSTERS_NAMESPACE, PortRef};
use crate::problem::suggestion;
use crate::read::Resource;
use crate::rules::{Rule, When};
use crate::yaml::Node;

const ID: Rule = Rule {
    id: "FIT-ING001",
    severity: Severity::Error,
    when: When::OnCheck,
    meaning: "an Ingress or route to a Service or port that does not exist, or a host without TLS",
    peers: "kube-linter dangling-ingress; kube-score ingress-targets-service; Polaris tlsSettingsMissing; Kyverno \
                ingress-host-match-tls",
};

/// The port by which the controller of AWS load balancers is told to look for an action in an annotation.
const USE_ANNOTATION: &str = "use-annotation";

/// Annotations by which controllers are given certificates, or leave TLS to the pods.
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
    rules: &[ID],
    find: Find::Objects(|scene| {
        let mut findings = Vec::new();
        for selected in &scene.selection.selected {
            let resource = selected.target.resource;
            let mut routes = Routes {
                scene: *scene,
                resource,
                index: selected.index,
                findings: &mut findings,
            };
            match (resource.group(), resource.kind.as_ref()) {
                ("networking.k8s.io" | "extensions", "Ingress") => {
                    routes.ingress();
                    routes.hosts();
                }
                ("gateway.networking.k8s.io", kind) if kind.ends_with("Route") => routes.gateway(),
                _ => {}
            }
        }
        findings
    }),
};

struct Routes<'s, 'f> {
    scene: Scene<'s>,
    resource: &'s Resource<'s>,
    index: usize,
    findings: &'f mut Vec<Finding>,
}

impl<'s> Routes<'s, '_> {
    fn ingress(&mut self) {
        let Some(spec) = self.resource.node.at(["spec"]) else {
            return;
        };
        // v1beta1 calls the default `backend`.
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
                        "spec",
                        "rules",
                        &rule_place,
                        "http",
                        "paths",
                        &place,
                        "backend",
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
        // Any other resource is of a kind that the controller knows.
    }

    fn gateway(&mut self) {
        let Some(spec) = self.resource.node.at(["spec"]) else {
            return;
        };
        for (rule_place, rule) in items(spec, "rules") {
            for (place, backend) in items(rule, "backendRefs") {
                let text = |key| backend.text_at([key]);
                let group = text("group").unwrap_or_default();
                let kind = text("kind");
                if !group.is_empty() || kind.is_some_and(|kind| kind != "Service") {
                    continue;
                }
                let namespace = text("namespace");
                let namespace = namespace.as_deref().or(self.resource.namespace.as_deref());
                let path: &[&str] = &["spec", "rules", &rule_place, "backendRefs", &place];
                let (name, port) = (backend.at(["name"]), backend.at(["port"]));
                self.backend(name, port, namespace, (path, "name", &["port"]));
            }
        }
    }

    /// Looks for a Service and its port, as one backend refers to them: by a path and the keys below it.
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
        let services = objects.referred(self.resource, &name, namespace, is_service);
        let found = |message: String, node: Node<'s>, key: &[&str]| {
            Finding::new(&ID, message)
                .of(self.index)
                .about(&Subject::object(), &[path, key].concat())
                .current(node.value().ok())
        };
        if services.is_empty() {
            let is_there =
                |it: &Resource<'_>| is_service(it) && namespace == it.namespace.as_deref();
            let others = objects.resources.iter();
            let mut others = others.filter(|it| is_there(it)).peekable();
            let is_known = namespace != Some(CLUSTERS_NAMESPACE)
                && others.peek().is_some()
                && !objects.may_be_made(self.resource, &name, namespace);
            if is_known {
                let message = format!("there is no Service {name} in its namespace");
                let mut finding = found(message, name_node, &[name_key]);
                finding.help = suggestion(&name, others.map(|it| it.name.as_ref()));
                self.findings.push(finding);
            }
            return;
        }
        let Some((port_node, port)) = port else {
            return;
        };
        let ports = || services.iter().flat_map(|(_, service)| ports_of(service));
        let may_lead_anywhere = services
            .iter()
            .any(|(_, service)| ports_of(service).next().is_none() && is_external(service));
        if may_lead_anywhere || ports().any(|it| port.is(it, "port")) {
            return;
        }
        let mut finding = found(
            format!("the Service {name} has no port {port}"),
            port_node,
            port_key,
        )
        .help(help_for_port(&port, ports()));
        finding.proposed = port.quoted_number();
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
        let mut covered = Vec::new();
        for (_, entry) in items(spec, "tls") {
            let hosts = items(entry, "hosts").filter_map(|(_, host)| host.text());
            let before = covered.len();
            covered.extend(hosts);
            // An entry without hosts is for all of them.
            if covered.len() == before {
                return;
            }
        }
        let mut told = Vec::new();
        for (place, rule) in items(spec, "rules") {
            let Some(node) = rule.at(["host"]) else {
                continue;
            };
            let Some(host) = node.text().filter(|host| !host.is_empty()) else {
                continue;
            };
            if covered.iter().any(|it| covers(it, &host)) || told.contains(&host) {
                continue;
            }
            let finding = Finding::graded(
                &ID,
                Severity::Warning,
                format!("the host {host} is served without TLS"),
            );
            let path = ["spec", "rules", &place, "host"];
            let help =
                "name the host in an entry of `spec.tls`, with the Secret that has its certificate";
            let finding = finding.of(self.index).about(&Subject::object(), &path);
            let finding = finding.current(node.value().ok()).help(help);
            self.findings.push(finding);
            told.push(host);
        }
    }
}

/// Whether a host of `tls` is, or stands for, a host: `*` is one label.
fn covers(entry: &str, host: &str) -> bool {
    let wildcard = |entry: &str| {
        let suffix = entry.strip_prefix("*.")?;
        let (_, rest) = host.split_once('.')?;
        Some(suffix == rest)
    };
    entry == host || wildcard(entry) == Some(true)
}

/// The items of a list, with their places.
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

fn ports_of<'s>(service: &Resource<'s>) -> impl Iterator<Item = Node<'s>> {
    service.node.items_at(["spec", "ports"])
}

/// What may have been meant by a port that a Service has not.
fn help_for_port<'n>(wanted: &PortRef<'_>, ports: impl Iterator<Item = Node<'n>>) -> String {
    let PortRef::Number(_) = wanted else {
        return wanted.help(ports);
    };
    let numbers = ports.filter_map(|port| port.text_at(["port"]));
    let numbers: Vec<_> = numbers.collect();
    format!("its ports are: {}", numbers.join(", "))
}
