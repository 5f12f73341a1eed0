//! Whether something in pods uses their token for the Kubernetes API.
//!
//! A binding is not the only sign: programs that identify themselves with the token (Vault, meshes, clouds) need no rights,
//! and the bindings of an operator may be in another file. So signs of use count, and what is not known to be unused stays.
//!
//! Sources: the documentation of Vault's agent injector, Bank-Vaults, Conjur, Infisical, Akeyless, Istio, Linkerd, Dapr,
//! Consul, Kuma, the workload identities of AKS, EKS, GKE and Alibaba Cloud, kube2iam, and SPIRE.

use std::borrow::Cow;
use std::collections::HashSet;

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
    let maps = ["labels", "annotations"].into_iter();
    let entries = maps
        .filter_map(|map| metadata.get(map))
        .flat_map(Node::entries);
    let mut asking: Vec<String> = Vec::new();
    // `vault.hashicorp.com/agent-inject: "false"` turns off the other keys of its domain as well.
    let mut turned_off: HashSet<String> = HashSet::new();
    for (key, value) in entries {
        let (Some(key), Some(value)) = (key.text(), value.text()) else {
            continue;
        };
        let domain = key.split_once('/').map_or("", |(domain, _)| domain);
        let is_switch = says_inject(&key) || KEYS.contains(&key.as_ref());
        let is_in = |of: &str| {
            let rest = domain.strip_suffix(of);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        if OFF.contains(&value.to_ascii_lowercase().as_str()) {
            if is_switch && !domain.is_empty() {
                turned_off.insert(domain.to_owned());
            }
        } else if is_switch || DOMAINS.iter().any(|it| is_in(it)) {
            asking.push(domain.to_owned());
        }
    }
    asking.iter().any(|domain| !turned_off.contains(domain))
}

/// `sidecar.istio.io/inject`, `kuma.io/sidecar-injection`, `appmesh.k8s.aws/sidecarInjectorWebhook`, …
fn says_inject(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or_default();
    let mut parts = name.as_bytes().windows(INJECT.len());
    parts.any(|it| it.eq_ignore_ascii_case(INJECT))
}

const INJECT: &[u8] = b"inject";

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
    let is_off = || {
        let value = text.split_once('=').map(|(_, value)| value.trim());
        value.is_some_and(|it| OFF.contains(&it.to_ascii_lowercase().as_str()))
    };
    has_sign(text.as_bytes()) && !is_off()
}

/// Every text of every pod is searched, so once for all signs, and closer only where one can begin.
fn has_sign(text: &[u8]) -> bool {
    let begins = |at: usize| {
        let is_here = |sign: &str| {
            let part = text[at..].get(..sign.len());
            part.is_some_and(|it| it.eq_ignore_ascii_case(sign.as_bytes()))
        };
        SIGNS.iter().any(|sign| is_here(sign))
    };
    let mut pairs = text.windows(2).enumerate();
    pairs.any(|(at, pair)| {
        let may_begin = matches!(
            [pair[0] | 0x20, pair[1] | 0x20],
            [b'i', b'n'] | [b'k', b'u'] | [b'l', b'e'] | [b's', b'e'] | [b'w', b'a']
        );
        may_begin && begins(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign_is_found_in_any_case() {
        for sign in SIGNS {
            for text in [sign.to_owned(), format!("--{sign}"), format!("a b{sign}c")] {
                assert!(is_sign(&text), "{text}");
                assert!(is_sign(&text.to_ascii_uppercase()), "{text}");
            }
            assert!(!is_sign(&sign[1..]) && !is_sign(&format!("--{sign}=False")));
        }
    }
}
