//! Whether something in pods uses their token for the Kubernetes API.
//!
//! A binding is not the only sign: programs that identify themselves with the token (Vault, meshes, clouds) need no rights,
//! and the bindings of an operator may be in another file. So signs of use count, and what is not known to be unused stays.
//!
//! Sources: the documentation of Vault's agent injector, Bank-Vaults, Conjur, Infisical, Akeyless, Istio, Linkerd, Dapr,
//! Consul, Kuma, the workload identities of AKS, EKS, GKE and Alibaba Cloud, kube2iam, and SPIRE.

use std::borrow::Cow;

use super::template::{Container, Template};
use crate::catalogue::{Entry, Known};
use crate::yaml::Node;

/// Labels and annotations that ask for the identity of the pods, other than those whose name says `inject`.
const KEYS: [&str; 11] = [
    "aadpodidbinding",
    "akeyless/enabled",
    "azure.workload.identity/client-id",
    "azure.workload.identity/use",
    "dapr.io/enabled",
    "eks.amazonaws.com/role-arn",
    "gke-gcsfuse/volumes",
    "iam.amazonaws.com/role",
    "iam.gke.io/gcp-service-account",
    "istio.io/rev",
    "pod-identity.alibabacloud.com/role-name",
];

/// Domains of which every key does.
const DOMAINS: [&str; 4] = [
    "bank-vaults.io",
    "conjur.org",
    "spiffe.io",
    "vault.security.banzaicloud.io",
];

/// Values that turn something off.
const OFF: [&str; 9] = [
    "", "0", "disable", "disabled", "f", "false", "n", "no", "off",
];

/// Text in the command, arguments and environment of a program that uses the API, in lower case: the token's files, the
/// names of the API server, kubectl, and what elects a leader or watches objects.
const SIGNS: [&str; 11] = [
    "in-cluster",
    "incluster",
    "kube_ping",
    "kubectl",
    "kubernetes.default",
    "kubernetes_namespace",
    "kubernetes_service_host",
    "leader-elect",
    "leader_elect",
    "secrets/kubernetes.io",
    "watch_namespace",
];

/// Ends of the names of images that use the API.
const CLIENTS: [&str; 4] = ["controller", "controller-manager", "kubectl", "operator"];

/// Whether the labels or annotations of an object ask an injector or a cloud for an identity.
pub(super) fn asks_for_identity(metadata: Node<'_>) -> bool {
    ["labels", "annotations"].iter().any(|map| {
        let entries = || metadata.get(map).into_iter().flat_map(Node::entries);
        let read = || entries().filter_map(|(key, value)| Some((key.text()?, value.text()?)));
        let is_off = |value: &str| OFF.contains(&value.to_ascii_lowercase().as_str());
        // `vault.hashicorp.com/agent-inject: "false"` turns off the other keys of its domain as well.
        let is_turned_off = |domain: &str| {
            let is_switch = |key: &str| says_inject(key) || KEYS.contains(&key);
            read()
                .any(|(key, value)| domain_of(&key) == domain && is_switch(&key) && is_off(&value))
        };
        read().any(|(key, value)| {
            let domain = domain_of(&key);
            let is_in = |of: &str| {
                let rest = domain.strip_suffix(of);
                rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            };
            let asks = says_inject(&key)
                || KEYS.contains(&key.as_ref())
                || DOMAINS.iter().any(|it| is_in(it));
            asks && !is_off(&value) && (domain.is_empty() || !is_turned_off(domain))
        })
    })
}

fn domain_of(key: &str) -> &str {
    key.split_once('/').map_or("", |(domain, _)| domain)
}

/// `sidecar.istio.io/inject`, `kuma.io/sidecar-injection`, `appmesh.k8s.aws/sidecarInjectorWebhook`, …
fn says_inject(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or_default();
    name.to_ascii_lowercase().contains("inject")
}

/// Whether a program in the pods is known to use the API, or its command shows it.
pub(super) fn uses_api(template: &Template<'_>, known: &Known, own: &[Entry]) -> bool {
    let is_client = |container: &Container<'_>| {
        container.node.text_at(["image"]).is_some_and(|image| {
            let entry = known.entry_for(own, &image);
            entry.is_some_and(|it| it.uses_api) || is_named_as_client(&image)
        })
    };
    let mut containers = template.containers.iter();
    containers.any(|it| is_client(it) || texts(it).any(|text| is_sign(&text)))
}

/// `zalando/postgres-operator:v1.14`, `registry.k8s.io/ingress-nginx/controller@sha256:…`
fn is_named_as_client(image: &str) -> bool {
    let name = image.split('@').next().unwrap_or_default();
    let name = name.rsplit('/').next().unwrap_or_default();
    let name = name.split(':').next().unwrap_or_default();
    CLIENTS.iter().any(|end| {
        let rest = name.strip_suffix(end);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with(['-', '_']))
    })
}

/// Texts of the container that may show what its program does.
fn texts<'a>(container: &Container<'a>) -> impl Iterator<Item = Cow<'a, str>> {
    let lists = ["command", "args"];
    let words = lists
        .into_iter()
        .flat_map(|list| container.items(list))
        .filter_map(Node::text);
    let variables = container.items("env").flat_map(|it| {
        let name = it.text_at(["name"]);
        name.into_iter().chain(it.text_at(["value"]))
    });
    let script = container.node.text_at(["script"]);
    words.chain(variables).chain(script)
}

fn is_sign(text: &str) -> bool {
    // Bank-Vaults replaces such values when the program starts.
    if text.starts_with("vault:") || text.starts_with(">>vault:") {
        return true;
    }
    let text = text.to_ascii_lowercase();
    let is_off = || {
        text.split_once('=')
            .is_some_and(|(_, value)| OFF.contains(&value.trim()))
    };
    SIGNS.iter().any(|sign| text.contains(sign)) && !is_off()
}
