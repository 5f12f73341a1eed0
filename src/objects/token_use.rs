//! Whether something in pods uses their token for the Kubernetes API.
//!
//! A binding is not the only sign: programs that identify themselves with the token (Vault, meshes, clouds) need no rights,
//! and the bindings of an operator may be in another file. So signs of use count, and what is not known to be unused stays.
//!
//! Sources: the documentation of Vault's agent injector, Bank-Vaults, Conjur, Infisical, Akeyless, Istio, Linkerd, Dapr,
//! Consul, Kuma, the workload identities of AKS, EKS, GKE and Alibaba Cloud, kube2iam, and SPIRE.

mod words;

use std::borrow::Cow;
use std::collections::HashSet;

use super::container::Container;
use super::template::Template;
use crate::catalogue::{Entry, Known};
use crate::yaml::{Keys, Node};
use words::{Kind, any_word};

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
///
/// The others turn on a discovery: of Akka, Consul, Hazelcast, Ignite, Prometheus and its kin, RabbitMQ, Spring and Vector.
const SIGNS: [&str; 22] = [
    "cloud.kubernetes", "cloud_kubernetes", "discovery_k8s", "discoverykubernetes", "in-cluster",
    "incluster", "join.kubernetes", "join_kubernetes", "kube_ping", "kubectl", "kubernetes-api",
    "kubernetes.default", "kubernetes_logs", "kubernetes_namespace", "kubernetes_sd_config",
    "kubernetes_service_host", "leader-elect", "leader_elect", "load_incluster_config",
    "provider=k8s", "secrets/kubernetes.io", "watch_namespace",
];

/// Commands that use the API.
const COMMANDS: [&str; 4] = ["flux", "helm", "istioctl", "oc"];

/// Bank-Vaults replaces values that begin with it, or with `>>` before it, when the program starts.
const VAULT: &str = "vault:";

/// Words that a program with a discovery of its own has in its name or its settings.
const MENTIONS: [&str; 2] = ["k8s", "kubernetes"];

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
        let Some(key) = key.text() else {
            continue;
        };
        let domain = memchr::memchr(b'/', key.as_bytes()).map_or("", |end| &key[..end]);
        let is_switch = says_inject(&key) || KEYS.contains(&key.as_ref());
        let is_in = |of: &str| {
            let rest = domain.strip_suffix(of);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        if !is_switch && !DOMAINS.iter().any(|it| is_in(it)) {
            continue;
        }
        let Some(value) = value.text() else {
            continue;
        };
        match is_off(&value) {
            true if is_switch && !domain.is_empty() => {
                turned_off.insert(domain.to_owned());
            }
            true => {}
            false => asking.push(domain.to_owned()),
        }
    }
    asking.iter().any(|domain| !turned_off.contains(domain))
}

fn is_off(value: &str) -> bool {
    OFF.iter().any(|off| value.eq_ignore_ascii_case(off))
}

/// `sidecar.istio.io/inject`, `kuma.io/sidecar-injection`, `appmesh.k8s.aws/sidecarInjectorWebhook`, …
fn says_inject(key: &str) -> bool {
    let name = &key.as_bytes()[memchr::memrchr(b'/', key.as_bytes()).map_or(0, |at| at + 1)..];
    let is_here = |at: usize| {
        let part = name[at..].get(..INJECT.len());
        part.is_some_and(|it| it.eq_ignore_ascii_case(INJECT))
    };
    // The letter that is rare in such names.
    memchr::memchr2_iter(b'j', b'J', name).any(|at| at >= 2 && is_here(at - 2))
}

const INJECT: &[u8] = b"inject";

/// Whether the catalogue says that a program in the pods uses the API.
pub(super) fn uses_api(template: &Template<'_>, known: &Known, own: &[Entry]) -> bool {
    let mut containers = template.containers.iter();
    containers.any(|it| it.entry(known, own).is_some_and(|it| it.uses_api))
}

/// What the containers show about their programs. The API is used if the name of an image, a command, a variable or a script
/// has a sign, and may be if an image or an argument names Kubernetes.
///
/// With the evidence it returns the containers that may read variables from ConfigMaps.
pub(super) fn in_containers<'t, 'a>(
    template: &'t Template<'a>,
) -> (Option<Evidence>, Vec<&'t Container<'a>>) {
    let (mut most, mut reading) = (None, Vec::new());
    for container in &template.containers {
        // Few have a word in their texts, so what these say is read only then.
        let has_word = may_have_word(container);
        most = most.max(in_container(container, has_word));
        reading.extend(has_word.then_some(container));
    }
    (most, reading)
}

fn in_container(container: &Container<'_>, has_word: bool) -> Option<Evidence> {
    let image = container.node.text_at(["image"]).unwrap_or_default();
    let name = image_name(&image);
    if is_client(name) {
        return Some(Evidence::Used);
    }
    let is_possible = mentions_kubernetes(name).then_some(Evidence::Possible);
    if !has_word {
        return is_possible;
    }
    let mentions = |text: &str| mentions_kubernetes(text) && !text.contains("://");
    if texts(container).any(|text| is_sign(&text)) {
        return Some(Evidence::Used);
    }
    let is_mentioned = || container.words().any(|it| mentions(&it));
    is_possible.or_else(|| is_mentioned().then_some(Evidence::Possible))
}

/// The names of the ConfigMaps that pods mount, and those that some of their containers read variables from.
pub(super) fn config_maps<'a>(
    template: &Template<'a>,
    reading: &[&Container<'a>],
) -> impl Iterator<Item = Cow<'a, str>> {
    let of = |key: &'static str| move |it: Node<'a>| it.text_at([key, "name"]);
    let volumes = template.volumes().flat_map(move |volume| {
        let sources = volume.items_at(["projected", "sources"]);
        std::iter::once(volume)
            .chain(sources)
            .filter_map(of("configMap"))
    });
    let variables = reading.iter().flat_map(move |it| {
        let all = it.items("envFrom").filter_map(of("configMapRef"));
        let single = it.items("env").filter_map(|it| it.get("valueFrom"));
        all.chain(single.filter_map(of("configMapKeyRef")))
    });
    volumes.chain(variables)
}

/// Whether the texts of a ConfigMap show that a program uses the API, or that it may.
pub(super) fn in_config_map(config_map: Node<'_>) -> Option<Evidence> {
    let data = config_map.get("data").into_iter().flat_map(Node::entries);
    let evidence = data.filter_map(|(key, value)| {
        let (key, value) = (key.text()?, value.text()?);
        if !has_word(value.as_bytes()) && !has_word(key.as_bytes()) {
            return None;
        }
        // Dashboards and the like are not about their reader.
        let is_data = key.ends_with(".json");
        if is_sign(&value) || is_sign(&key) {
            Some(Evidence::Used)
        } else {
            (!is_data && has_discovery(&value)).then_some(Evidence::Possible)
        }
    });
    evidence.max()
}

/// What signs show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Evidence {
    /// The API may be used.
    Possible,
    /// The API is used.
    Used,
}

/// Whether a line of a config file names Kubernetes, other than in a comment or an address.
fn has_discovery(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim_start);
    lines.any(|line| {
        mentions_kubernetes(line) && !line.starts_with(['#', ';']) && !line.contains("://")
    })
}

/// Whether a text has one of [`MENTIONS`], other than in a domain such as `kubernetes.io`.
fn mentions_kubernetes(text: &str) -> bool {
    let bytes = text.as_bytes();
    let begins = |at: usize, word: &str| {
        let part = bytes[at..].get(..word.len());
        part.is_some_and(|it| it.eq_ignore_ascii_case(word.as_bytes()))
    };
    memchr::memchr2_iter(b'k', b'K', bytes).any(|at| {
        let word = MENTIONS.iter().find(|word| begins(at, word));
        word.is_some_and(|word| {
            let rest = at + word.len();
            !begins(rest, ".io") && !begins(rest, ".local")
        })
    })
}

/// Whether the name of an image is that of a client: `postgres-operator`, `controller`.
fn is_client(name: &str) -> bool {
    CLIENTS.iter().any(|end| {
        let rest = name.strip_suffix(end);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with(['-', '_']))
    })
}

/// The last part of an image's repository: of `zalando/postgres-operator:v1.14` and of
/// `registry.k8s.io/ingress-nginx/controller@sha256:…`.
fn image_name(image: &str) -> &str {
    let before =
        |text: &'_ str, end: u8| memchr::memchr(end, text.as_bytes()).unwrap_or(text.len());
    let name = &image[..before(image, b'@')];
    let name = &name[memchr::memrchr(b'/', name.as_bytes()).map_or(0, |at| at + 1)..];
    &name[..before(name, b':')]
}

/// Texts of the container that may show what its program does.
fn texts<'a>(container: &Container<'a>) -> impl Iterator<Item = Cow<'a, str>> {
    let variables = container.items("env").flat_map(|it| {
        let name = it.text_at(["name"]);
        name.into_iter().chain(it.text_at(["value"]))
    });
    let script = container.node.text_at(["script"]);
    container.words().chain(variables).chain(script)
}

fn is_sign(text: &str) -> bool {
    if text.strip_prefix(">>").unwrap_or(text).starts_with(VAULT) {
        return true;
    }
    let is_turned_off = || {
        let value = text.split_once('=').map(|(_, value)| value.trim());
        value.is_some_and(is_off)
    };
    has_sign(text) && !is_turned_off()
}

/// Whether a text begins with a call of one of [`COMMANDS`].
fn is_command(text: &str) -> bool {
    let is_argument = |it: &str| it.starts_with(|it: char| it.is_ascii_lowercase() || it == '-');
    let mut commands = COMMANDS.iter();
    let rest = commands.find_map(|it| text.strip_prefix(it));
    rest.is_some_and(|rest| {
        let argument = rest.strip_prefix([' ', '\t']).map(str::trim_start);
        rest.is_empty() || argument.is_some_and(is_argument)
    })
}

/// Whether a text has one of [`SIGNS`], in any case, or calls one of [`COMMANDS`], which begins it or follows a separator.
fn has_sign(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_called = |at: usize| {
        let separates = |before: &u8| b" \t\n;&|($`/\"'".contains(before);
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        before.is_none_or(separates) && is_command(&text[at..])
    };
    any_word(bytes, &|word, at| match word.kind {
        Kind::Sign => true,
        Kind::Command => is_called(at),
        Kind::Other => false,
    })
}

/// Whether the texts of a container can have a word, as the manifest has them written. No word has a blank, so each is in one
/// line of it.
fn may_have_word(container: &Container<'_>) -> bool {
    const TEXTS: Keys<5> = Keys::new(["command", "args", "env", "envFrom", "script"]);
    let has = |node: Node<'_>| {
        let bytes = node.raw().as_bytes();
        has_word(bytes) || memchr::memchr(b'\\', bytes).is_some()
    };
    let parts = [Some(container.node), container.inherits];
    let has_in = |of: &Option<Node<'_>>| {
        let texts = of.map(|of| of.pick(&TEXTS));
        texts.into_iter().flatten().flatten().any(has)
    };
    !container.node.stream().shares_nothing() || parts.iter().any(has_in)
}

/// Whether a text has one of the words, as a part of it that can be one.
fn has_word(bytes: &[u8]) -> bool {
    let is_of_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    any_word(bytes, &|word, at| {
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        let behind = bytes.get(at + word.text.len());
        word.kind != Kind::Command || !is_of_word(before) && !is_of_word(behind)
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
            let is_within = SIGNS.iter().any(|it| sign[1..].contains(it));
            assert!(is_within || !is_sign(&sign[1..]));
            assert!(sign.contains('=') || !is_sign(&format!("--{sign}=False")));
        }
    }

    #[test]
    fn commands_are_found_only_where_they_are_called() {
        for text in [
            "helm", "/usr/bin/oc", "set -e; helm upgrade a .", "x=$(oc get pods)",
            "\n  oc -n a get",
        ] {
            assert!(is_sign(text), "{text}");
        }
        for text in ["helm.sh/chart", "doc", "overwhelm them", "oc.example.com"] {
            assert!(!is_sign(text), "{text}");
        }
    }

    #[test]
    fn kubernetes_is_mentioned_other_than_in_domains() {
        for text in [
            "k8s-wait-for", "Name kubernetes", "--registry=k8s", "rabbit_k8s",
        ] {
            assert!(mentions_kubernetes(text), "{text}");
        }
        assert!(
            !mentions_kubernetes("app.kubernetes.io/name")
                && !mentions_kubernetes("registry.k8s.io")
        );
    }
}
