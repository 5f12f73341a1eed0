//! The names and other texts that the API server accepts, as in apimachinery, `pkg/util/validation/validation.go` and
//! `pkg/api/validate/content`.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::borrow::Cow;

use super::Quantity;

/// A format of texts.
#[derive(Debug)]
pub struct Format {
    /// Its name in `schema/validation.txt`.
    pub name: &'static str,
    /// What it accepts, after "is not".
    pub words: &'static str,
    /// Whether it accepts a text.
    pub accepts: fn(&str) -> bool,
}

const fn format(name: &'static str, accepts: fn(&str) -> bool, words: &'static str) -> Format {
    Format {
        name,
        words,
        accepts,
    }
}

/// Every format.
pub const FORMATS: &[Format] = &[
    format(
        "label",
        is_label,
        "a label of DNS: lower-case letters, digits and `-`, at most 63 characters",
    ),
    format(
        "subdomain",
        is_subdomain,
        "a name of DNS: lower-case letters, digits, `-` and `.`, at most 253 characters",
    ),
    format(
        "label-1035",
        is_label_1035,
        "a label of DNS that begins with a letter: lower-case letters, digits and `-`, at most 63 characters",
    ),
    format(
        "search-domain",
        |it| {
            let it = it.strip_suffix('.').unwrap_or(it);
            let part = |it: &str| is_label_part(it.strip_prefix('_').unwrap_or(it), b"_");
            it.is_empty() || it.len() <= 253 && it.split('.').all(part)
        },
        "a domain: lower-case letters, digits, `-`, `_` and `.`",
    ),
    format(
        "external-name",
        |it| is_subdomain(it.strip_suffix('.').unwrap_or(it)),
        "a name of DNS such as `example.com`",
    ),
    format(
        "host",
        |it| is_host(it) && ip(it).is_none(),
        "a name of DNS in lower case, which can begin with `*.`",
    ),
    format(
        "host-or-ip",
        is_host,
        "a name of DNS in lower case, which can begin with `*.`",
    ),
    format(
        "three-part-name",
        |it| is_subdomain(it) && it.matches('.').count() >= 2,
        "a name of DNS with at least three parts, such as `check.example.com`",
    ),
    format(
        "domain",
        |it| is_subdomain(it) && it.contains('.'),
        "a domain with a dot, such as `example.com`",
    ),
    format(
        "label-1035-of-any-case",
        |it| is_label_1035(&it.to_ascii_lowercase()),
        "a name that begins with a letter: letters, digits and `-`, at most 63 characters",
    ),
    format(
        "namespace-or-any",
        |it| it == "*" || is_label(it),
        "the name of a namespace, or `*`",
    ),
    format(
        "priority-class",
        |it| {
            is_subdomain(it)
                && (!it.starts_with("system-")
                    || matches!(it, "system-cluster-critical" | "system-node-critical"))
        },
        "a name of DNS that does not begin with `system-`",
    ),
    format(
        "key",
        is_qualified_name,
        "a key such as `example.com/name`: letters, digits, `-`, `_` and `.`, at most 63 characters after the prefix",
    ),
    format(
        "lower-key",
        |it| is_qualified_name(&it.to_lowercase()),
        "a key such as `example.com/name`: letters, digits, `-`, `_` and `.`, at most 63 characters after the prefix",
    ),
    format(
        "label-value",
        is_label_value,
        "the value of a label: letters, digits, `-`, `_` and `.`, at most 63 characters, with a letter or digit at both ends",
    ),
    format(
        "resource",
        |it| is_qualified_name(it) && (it.contains('/') || is_standard_resource(it)),
        "a resource such as `cpu`, `requests.cpu` or `example.com/gpu`",
    ),
    format(
        "quota-resource",
        |it| {
            is_qualified_name(it)
                && (it.contains('/') || is_standard_resource(it) && it != "storage")
        },
        "a resource such as `requests.cpu`, `pods` or `requests.example.com/gpu`",
    ),
    format(
        "container-resource",
        |it| {
            is_qualified_name(it)
                && (it.contains('/')
                    || matches!(it, "cpu" | "memory" | "ephemeral-storage")
                    || it.starts_with("hugepages-"))
        },
        "a resource of containers such as `cpu`, `memory` or `example.com/gpu`",
    ),
    format("storage-resource", |it| it == "storage", "`storage`"),
    format(
        "limit-type",
        |it| {
            matches!(it, "Pod" | "Container" | "PersistentVolumeClaim")
                || is_qualified_name(it) && it.contains('/')
        },
        "`Pod`, `Container`, `PersistentVolumeClaim` or a key with a prefix",
    ),
    format(
        "port-name",
        is_port_name,
        "the name of a port: lower-case letters, digits and single `-`, at most 15 characters",
    ),
    format(
        "path-segment",
        |it| !matches!(it, "." | "..") && !it.contains(['/', '%']),
        "a name without `/` and `%`",
    ),
    format(
        "absolute-path",
        |it| it.starts_with('/'),
        "a path that begins with `/`",
    ),
    format(
        "clean-path",
        |it| {
            let parts = ["//", "/./", "/../", "%2f", "%2F"];
            !parts.iter().any(|part| it.contains(part))
                && !it.ends_with("/..")
                && !it.ends_with("/.")
        },
        "a path without `//`, `/./`, `/../` and `%2F`",
    ),
    format(
        "domain-path",
        |it| {
            let parts = it.split_once('/');
            parts.is_some_and(|(domain, path)| is_subdomain(domain) && !path.is_empty())
        },
        "a domain and a path such as `example.com/name`",
    ),
    format(
        "signer-name",
        |it| {
            let parts = it.split_once('/');
            parts.is_some_and(|(domain, path)| {
                is_subdomain(domain) && domain.contains('.') && path.split('.').all(is_part)
            })
        },
        "a domain and a path such as `example.com/signer-name`",
    ),
    format(
        "webhook-path",
        |it| {
            let inner = it
                .strip_prefix('/')
                .map(|it| it.strip_suffix('/').unwrap_or(it));
            it != "//" && inner.is_some_and(|it| it.is_empty() || it.split('/').all(is_subdomain))
        },
        "a path such as `/validate`: lower-case letters, digits, `-`, `.` and `/`",
    ),
    format(
        "https-url",
        |it| {
            let lower = it.to_lowercase();
            let rest = lower.strip_prefix("https://").unwrap_or_default();
            !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['@', '#', '?', ' '])
        },
        "an address such as `https://example.com/path`",
    ),
    format(
        "url-path-pattern",
        |it| it == "*" || it.starts_with('/') && !it.contains("//"),
        "a path that begins with `/`, or `*`",
    ),
    format(
        "json-path",
        |it| it.starts_with('.'),
        "a JSONPath that begins with `.`",
    ),
    format(
        "api-group",
        |it| {
            it.split_once('/')
                .is_some_and(|(group, _)| !group.is_empty())
        },
        "an API version with a group such as `apps/v1`",
    ),
    format(
        "inner-path",
        |it| !it.starts_with('/') && has_no_backsteps(it),
        "a relative path without `..`",
    ),
    format(
        "file-path",
        |it| !it.starts_with('/') && has_no_backsteps(it) && !it.starts_with(".."),
        "a relative path that does not begin with `..`",
    ),
    format("no-backsteps", has_no_backsteps, "a path without `..`"),
    format(
        "config-key",
        |it| it.len() <= 253 && !it.is_empty() && it.bytes().all(is_name_byte) && !is_above(it),
        "a key of letters, digits, `-`, `_` and `.` that does not begin with `..`",
    ),
    format(
        "env-name",
        |it| !it.is_empty() && it.bytes().all(|c| matches!(c, b' '..=b'~') && c != b'='),
        "the name of a variable: printable ASCII characters without `=`",
    ),
    format(
        "old-env-name",
        |it| {
            !it.is_empty()
                && it.bytes().all(is_name_byte)
                && !it.starts_with(|c: char| c.is_ascii_digit())
                && !is_above(it)
        },
        "the name of a variable: letters, digits, `-`, `_` and `.`, not beginning with a digit",
    ),
    format(
        "field-of-env",
        |it| {
            is_subscripted_field(it)
                || matches!(
                    it,
                    "metadata.name"
                        | "metadata.namespace"
                        | "metadata.uid"
                        | "spec.nodeName"
                        | "spec.serviceAccountName"
                        | "status.hostIP"
                        | "status.hostIPs"
                        | "status.podIP"
                        | "status.podIPs"
                )
        },
        "a field that a variable can read, such as `metadata.name`, `metadata.labels['app']` or `status.podIP`",
    ),
    format(
        "field-of-volume",
        |it| {
            let fields = ["name", "namespace", "uid", "labels", "annotations"];
            is_subscripted_field(it)
                || it
                    .strip_prefix("metadata.")
                    .is_some_and(|it| fields.contains(&it))
        },
        "a field that a volume can read, such as `metadata.labels`",
    ),
    format(
        "field-of-amounts",
        |it| {
            let name = it
                .strip_prefix("limits.")
                .or_else(|| it.strip_prefix("requests."));
            name.is_some_and(|it| {
                matches!(it, "cpu" | "memory" | "ephemeral-storage") || it.starts_with("hugepages-")
            })
        },
        "an amount such as `limits.memory` or `requests.cpu`",
    ),
    format(
        "c-identifier",
        |it| {
            !it.is_empty()
                && it.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
                && !it.starts_with(|c: char| c.is_ascii_digit())
        },
        "an identifier of letters, digits and `_`",
    ),
    format(
        "header-name",
        |it| !it.is_empty() && it.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-'),
        "the name of a header: letters, digits and `-`",
    ),
    format(
        "percent",
        |it| percent(it).is_some(),
        "a percentage such as `25%`",
    ),
    format(
        "percent-100",
        |it| percent(it).is_some_and(|it| it <= 100),
        "a percentage of at most 100%",
    ),
    format("number", |_| false, "a number"),
    format("ip", |it| ip(it).is_some(), "an IP address"),
    format(
        "endpoint-ip",
        |it| {
            ip(it).is_some_and(|it| {
                let is_local = match it {
                    IpAddr::V4(it) => it.is_link_local() || it.octets()[..3] == [224, 0, 0],
                    IpAddr::V6(it) => it.is_unicast_link_local() || it.segments()[0] == 0xff02,
                };
                !(is_local || it.is_loopback() || it.is_unspecified())
            })
        },
        "an IP address that other nodes can reach",
    ),
    format(
        "ipv4",
        |it| ip(it).is_some_and(|it| it.is_ipv4()),
        "an IPv4 address",
    ),
    format(
        "ipv6",
        |it| ip(it).is_some_and(|it| it.is_ipv6()),
        "an IPv6 address",
    ),
    format(
        "cidr",
        |it| cidr(it.trim()).is_some(),
        "a range of addresses such as `10.0.0.0/8`",
    ),
    // An object of JSON is one of YAML as well; what is not even begun and ended as one is refused.
    format(
        "json",
        |it| it.trim().starts_with('{') && it.trim().ends_with('}'),
        "a JSON object",
    ),
    format(
        "finalizer",
        |it| is_qualified_name(it) && (it.contains('/') || it == "kubernetes"),
        "a finalizer such as `example.com/name`",
    ),
    format(
        "key-usage",
        |it| USAGES.split('|').any(|usage| usage == it),
        "a usage such as `digital signature` or `client auth`",
    ),
    format(
        "not-net-sysctl",
        |it| !it.replace('/', ".").starts_with("net."),
        "allowed with hostNetwork",
    ),
    format(
        "not-ipc-sysctl",
        |it| {
            let name = it.replace('/', ".");
            let of_ipc = ["kernel.shm", "kernel.msg", "fs.mqueue."];
            name != "kernel.sem" && !of_ipc.iter().any(|start| name.starts_with(start))
        },
        "allowed with hostIPC",
    ),
    format(
        "sysctl",
        is_sysctl,
        "the name of a sysctl such as `net.core.somaxconn`",
    ),
    format(
        "time-zone",
        |it| zones().any(|zone| zone == it),
        "a time zone such as `Europe/Paris`",
    ),
    format(
        "medium",
        |it| {
            matches!(it, "Memory" | "HugePages")
                || it
                    .strip_prefix("HugePages-")
                    .is_some_and(|size| size.parse::<Quantity>().is_ok())
        },
        "`Memory`, `HugePages` or, with a size, such as `HugePages-2Mi`",
    ),
    format(
        "indexes",
        |it| {
            let mut last = -1;
            it.split(',').all(|range| {
                let (from, to) = range.split_once('-').unwrap_or((range, range));
                let bounds = from.parse().ok().zip(to.parse::<i64>().ok());
                bounds.is_some_and(|(from, to)| {
                    let ascends = from > last && to >= from && (to > from || !range.contains('-'));
                    last = to;
                    ascends
                })
            })
        },
        "indexes in ascending order such as `0,2-5`",
    ),
    format(
        "psa-version",
        |it| {
            let minor = it.strip_prefix("v1.");
            it == "latest" || minor.is_some_and(|it| it.parse::<u16>().is_ok())
        },
        "`latest` or a version such as `v1.30`",
    ),
    format(
        "pod-count",
        |it| it == "pods" || it.contains('/'),
        "`pods`, which alone this scope counts",
    ),
    format(
        "quota-of-pods",
        |it| {
            let name = it
                .strip_prefix("limits.")
                .or_else(|| it.strip_prefix("requests."));
            it == "pods" || it.contains('/') || matches!(name.unwrap_or(it), "cpu" | "memory")
        },
        "what this scope counts: `pods`, `cpu`, `memory`, and requests and limits of these",
    ),
    format(
        "trimmed",
        |it| it.trim() == it,
        "a text without spaces at its ends",
    ),
    format(
        "ip-or-none",
        |it| it == "None" || ip(it).is_some(),
        "an IP address or `None`",
    ),
    format(
        "certificate-request",
        |it| {
            it.trim_start()
                .starts_with("LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNU")
        },
        "a CERTIFICATE REQUEST of PEM, in base64",
    ),
    format("cron", is_cron, "a schedule such as `30 2 * * *`"),
    format(
        "csi-name",
        |it| it.len() <= 63 && is_subdomain(&it.to_lowercase()),
        "the name of a CSI driver: letters, digits, `-` and `.`, at most 63 characters",
    ),
    format(
        "fqdn",
        |it| {
            let it = it.strip_suffix('.').unwrap_or(it);
            it.len() <= 253 && it.contains('.') && it.split('.').all(is_label)
        },
        "a domain such as `example.com`",
    ),
];

/// The names of the IANA time zones, one region a line.
fn zones() -> impl Iterator<Item = Cow<'static, str>> {
    let lines = include_str!("zones.txt").lines();
    let regions = lines.filter_map(|line| line.split_once(": "));
    regions.flat_map(|(region, cities)| {
        cities.split(' ').map(move |city| match region {
            "" => Cow::Borrowed(city),
            region => Cow::Owned([region, "/", city].concat()),
        })
    })
}

/// The most similar time zone, also by its city alone.
fn nearest_zone(text: &str) -> Option<String> {
    let lower = text.to_lowercase().replace(' ', "_");
    let distance = |zone: &str| {
        let zone = zone.to_lowercase();
        let city = zone.rsplit('/').next().unwrap_or_default();
        strsim::damerau_levenshtein(&lower, &zone).min(strsim::damerau_levenshtein(&lower, city))
    };
    let near = zones().map(|zone| (distance(&zone), zone));
    let (distance, zone) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= 2).then(|| zone.into_owned())
}

/// A format by its name.
#[must_use]
pub fn format_of(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|it| it.name == name)
}

/// Whether quotas and limits know a resource without a prefix: `standardResources` in `pkg/apis/core/helper`.
fn is_standard_resource(name: &str) -> bool {
    let of_pods = name
        .strip_prefix("requests.")
        .or_else(|| name.strip_prefix("limits."))
        .unwrap_or(name);
    matches!(of_pods, "cpu" | "memory" | "ephemeral-storage")
        || of_pods.starts_with("hugepages-") && !name.starts_with("limits.")
        || matches!(
            name,
            "storage"
                | "requests.storage"
                | "pods"
                | "resourcequotas"
                | "services"
                | "services.nodeports"
                | "services.loadbalancers"
                | "replicationcontrollers"
                | "secrets"
                | "configmaps"
                | "persistentvolumeclaims"
        )
}

impl Format {
    /// A text nearly the same that it accepts.
    #[must_use]
    pub fn nearest(&self, text: &str) -> Option<String> {
        let text = text.trim();
        if self.name == "time-zone" {
            return nearest_zone(text);
        }
        // What only some pods or quotas may have has no other spelling.
        let is_choice = matches!(self.name, "pod-count" | "quota-of-pods");
        if text.is_empty() || is_choice || self.name.starts_with("not-") {
            return None;
        }
        let lower = text.to_lowercase();
        let replaced = |text: &str, by: char, is_kept: &dyn Fn(char) -> bool| {
            let chars = text.chars().map(|c| if is_kept(c) { c } else { by });
            let mut name: String = chars.collect();
            while name.contains("--") {
                name = name.replace("--", "-");
            }
            name.trim_matches(|c: char| !c.is_ascii_alphanumeric())
                .to_owned()
        };
        let is_alphanumeric = |c: char| c.is_ascii_alphanumeric();
        let with_underscores = replaced(text, '_', &|c| is_alphanumeric(c) || c == '_');
        match self.name {
            "psa-version" => {
                let version = format!("v{text}");
                return (self.accepts)(&version).then_some(version);
            }
            "host" | "host-or-ip" => {
                let name = lower.split([':', '/']).next().unwrap_or_default();
                let name = name.replace('_', "-");
                let is_other = name.contains('*') || ip(&name).is_some();
                return (!is_other && (self.accepts)(&name)).then_some(name);
            }
            "env-name" | "old-env-name" | "c-identifier" if (self.accepts)(&with_underscores) => {
                return Some(with_underscores);
            }
            _ => {}
        }
        let candidates = [
            text.to_owned(),
            lower.clone(),
            replaced(&lower, '-', &|c| is_alphanumeric(c) || c == '.'),
            replaced(&lower, '-', &is_alphanumeric),
            replaced(text, '-', &|c| is_alphanumeric(c) || matches!(c, '_' | '.')),
            with_underscores,
            format!("/{text}"),
            text.trim_start_matches('/').to_owned(),
            format!("{text}%"),
        ];
        candidates.into_iter().find(|it| (self.accepts)(it))
    }
}

/// Whether a name is a label: at most 63 lower-case letters, digits and `-`, with a letter or digit at both ends
/// (`IsDNS1123Label`).
pub fn is_label(name: &str) -> bool {
    name.len() <= 63 && is_part(name)
}

/// Whether a name is a subdomain: labels of any length joined with dots, at most 253 characters (`IsDNS1123Subdomain`).
/// Names of most objects, such as StorageClasses, are subdomains.
pub fn is_subdomain(name: &str) -> bool {
    // Whether a part begins, and whether it may end.
    let (mut is_start, mut may_end) = (true, false);
    for byte in name.bytes() {
        (is_start, may_end) = match byte {
            b'a'..=b'z' | b'0'..=b'9' => (false, true),
            b'-' if !is_start => (false, false),
            b'.' if may_end => (true, false),
            _ => return false,
        };
    }
    may_end && name.len() <= 253
}

/// Whether a text is a label apart from its length.
fn is_part(part: &str) -> bool {
    is_label_part(part, b"")
}

fn is_label_part(part: &str, others: &[u8]) -> bool {
    let is_inner = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || others.contains(&byte)
    };
    let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = part.as_bytes();
    part.bytes().all(is_inner) && is_edge(bytes.first()) && is_edge(bytes.last())
}

/// A key of a label, with or without a prefix (`IsLabelKey`).
fn is_qualified_name(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    prefix.is_none_or(is_subdomain) && is_key_name(name)
}

/// The name of a label or an annotation without its prefix (the part that `IsQualifiedName` in k8s.io/apimachinery checks).
pub fn is_key_name(name: &str) -> bool {
    !name.is_empty() && is_label_value(name)
}

fn is_label_value(value: &str) -> bool {
    let is_edge = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = value.as_bytes();
    value.len() <= 63
        && value.bytes().all(is_name_byte)
        && is_edge(bytes.first())
        && is_edge(bytes.last())
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// Whether a text is a name of a port (`IsValidPortName`).
pub(super) fn is_port_name(name: &str) -> bool {
    name.len() <= 15
        && is_part(name)
        && name.bytes().any(|c| c.is_ascii_lowercase())
        && !name.contains("--")
}

/// Whether a path begins as one that leaves its folder, also `..data`, which the kubelet uses itself.
fn is_above(path: &str) -> bool {
    path == "." || path.starts_with("..")
}

fn has_no_backsteps(path: &str) -> bool {
    path.split('/').all(|part| part != "..")
}

/// The usages of certificates.
const USAGES: &str = "signing|digital signature|content commitment|key encipherment|key agreement|data encipherment|cert sign|crl sign|encipher only|decipher only|any|server auth|client auth|code signing|email protection|s/mime|ipsec end system|ipsec tunnel|ipsec user|timestamping|ocsp signing|microsoft sgc|netscape sgc";

/// An address as `netutils.ParseIPSloppy` reads it: zeros before digits are accepted.
pub(super) fn ip(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Some(IpAddr::V6(address));
    }
    let octet = |it: &str| {
        let is_number = it.bytes().all(|c| c.is_ascii_digit());
        is_number.then(|| it.parse::<u8>().ok())?
    };
    let octets: Option<Vec<u8>> = text.split('.').map(octet).collect();
    let octets: [u8; 4] = octets?.try_into().ok()?;
    Some(IpAddr::V4(Ipv4Addr::from(octets)))
}

/// A range of addresses: the first one and the length of the prefix.
pub(super) fn cidr(text: &str) -> Option<(IpAddr, u8)> {
    let (address, len) = text.split_once('/')?;
    let address = ip(address)?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let is_number = len.bytes().all(|c| c.is_ascii_digit());
    let len = len.parse().ok().filter(|it| is_number && *it <= most)?;
    Some((address, len))
}

fn is_host(text: &str) -> bool {
    text.len() <= 253 && is_subdomain(text.strip_prefix("*.").unwrap_or(text))
}

fn is_label_1035(text: &str) -> bool {
    is_label(text) && !text.starts_with(|c: char| c.is_ascii_digit())
}

fn percent(text: &str) -> Option<u32> {
    let number = text.strip_suffix('%')?;
    let is_number = number.bytes().all(|c| c.is_ascii_digit());
    number.parse().ok().filter(|_| is_number)
}

/// `metadata.labels['key']`, and the same of annotations.
fn is_subscripted_field(text: &str) -> bool {
    let key = |start: &str| text.strip_prefix(start)?.strip_suffix("']");
    let of_annotation = key("metadata.annotations['").map(str::to_lowercase);
    key("metadata.labels['").is_some_and(is_qualified_name)
        || of_annotation.is_some_and(|it| is_qualified_name(&it))
}

/// `IsValidSysctlName`.
fn is_sysctl(name: &str) -> bool {
    name.len() <= 253 && name.split(['.', '/']).all(|part| is_label_part(part, b"_"))
}

/// What `cron.ParseStandard` accepts.
fn is_cron(text: &str) -> bool {
    const MONTHS: &str = "jan feb mar apr may jun jul aug sep oct nov dec";
    const DAYS: &str = "sun mon tue wed thu fri sat";
    let text = match text
        .strip_prefix("TZ=")
        .or_else(|| text.strip_prefix("CRON_TZ="))
    {
        Some(rest) => match rest.split_once(' ') {
            Some((_, rest)) => rest.trim(),
            None => return false,
        },
        None => text,
    };
    if let Some(name) = text.strip_prefix('@') {
        let is_known = [
            "yearly", "annually", "monthly", "weekly", "daily", "midnight", "hourly",
        ]
        .contains(&name);
        let every = name.strip_prefix("every ");
        return is_known || every.is_some_and(is_go_duration);
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    let bounds: [(u32, u32, &str); 5] = [
        (0, 59, ""),
        (0, 23, ""),
        (1, 31, ""),
        (1, 12, MONTHS),
        (0, 6, DAYS),
    ];
    let number = |text: &str, (least, _, names): (u32, u32, &str)| {
        let named = names
            .split(' ')
            .position(|it| it.eq_ignore_ascii_case(text));
        let named = named.filter(|_| !text.is_empty());
        let named = named.and_then(|at| u32::try_from(at).ok());
        named.map(|it| it + least).or_else(|| text.parse().ok())
    };
    let is_range = |text: &str, bound: (u32, u32, &str)| {
        let (range, step) = match text.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (text, None),
        };
        if step.is_some_and(|it| !it.parse::<u32>().is_ok_and(|it| it > 0)) {
            return false;
        }
        if matches!(range, "*" | "?") {
            return true;
        }
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        match (number(from, bound), number(to, bound)) {
            (Some(from), Some(to)) => bound.0 <= from && from <= to && to <= bound.1,
            _ => false,
        }
    };
    fields.len() == 5
        && fields.iter().zip(bounds).all(|(field, bound)| {
            // Empty parts of a list are ignored.
            let mut parts = field.split(',').filter(|it| !it.is_empty());
            parts.all(|part| is_range(part, bound))
        })
}

/// What Go's `time.ParseDuration` accepts.
fn is_go_duration(text: &str) -> bool {
    let mut rest = text.trim_start_matches(['+', '-']);
    if rest == "0" {
        return true;
    }
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        if after.len() == rest.len() {
            return false;
        }
        let units = ["ns", "us", "µs", "ms", "s", "m", "h"];
        match units.iter().find_map(|unit| after.strip_prefix(unit)) {
            Some(next) => rest = next,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{format_of, is_label, is_subdomain};

    #[test]
    fn a_subdomain_has_parts_of_any_length() {
        let long = "a".repeat(64);
        assert!(is_subdomain(&long) && !is_label(&long));
        assert!(is_subdomain("fast.example.com") && !is_label("fast.example.com"));
        for name in ["", "-a", "a-", "A", "a_b", "a..b", ".a", "a b"] {
            assert!(!is_subdomain(name) && !is_label(name), "{name}");
        }
    }

    /// The examples of upstream's tests: `validation_test.go` in apimachinery and kubernetes, `parser_test.go` in robfig/cron.
    #[test]
    fn formats_accept_what_upstream_accepts() {
        let long = "a".repeat(64);
        let rows: &[(&str, &[&str], &[&str])] = &[
            (
                "label",
                &[
                    "a",
                    "ab",
                    "abc",
                    "a1",
                    "a-1",
                    "a--1--2--b",
                    "0",
                    "01",
                    "1-a",
                ],
                &[
                    "",
                    "A",
                    "aBc",
                    "-",
                    "a-",
                    "-a",
                    "_",
                    "a_",
                    "a.b",
                    "a b",
                    " a",
                    "1 ",
                    "a\u{20ac}",
                    &long,
                ],
            ),
            (
                "label-1035",
                &["a", "a1", "a-1", "a--1--2--b"],
                &["", "0", "01", "0a", "A1", "-a", "a-", "a_b", &long],
            ),
            (
                "subdomain",
                &["a", "a.a", "a.1", "0.a", "01.1", "1-1.a--1", "a.b.c.d.e.f"],
                &["", "A.a", "a..b", ".a", "a.", "a-.b", "a_b", "*.a"],
            ),
            (
                "search-domain",
                &["a", "_a", "my_a", "_sip._tcp.a", ".", "a.b."],
                &["a_.b", "A", "__a", "a..b"],
            ),
            ("external-name", &["a.b", "a.b."], &["A", "a..b"]),
            (
                "host",
                &["a.b", "*.example.com", "*.a"],
                &["*", "*.", "*.A", "*.*.a", "a.*", "10.0.0.1"],
            ),
            ("host-or-ip", &["10.0.0.1", "*.a"], &["*"]),
            ("three-part-name", &["a.b.c"], &["a.b", "A.b.c"]),
            ("domain", &["a.b"], &["a", "a."]),
            ("label-1035-of-any-case", &["Foo", "a1"], &["1a", "Foo_Bar"]),
            ("namespace-or-any", &["*", "a"], &["a.b", "A"]),
            (
                "priority-class",
                &["high", "system-cluster-critical"],
                &["system-high", "High"],
            ),
            (
                "key",
                &[
                    "simple",
                    "now-with-dashes",
                    "1-starts-with-num",
                    "UppercaseIsOK",
                    "a.b/c_d",
                    "example.com/Under_Score",
                ],
                &[
                    "",
                    "nospecialchars%^=@",
                    "/name",
                    "a/",
                    "a/b/c",
                    "-a",
                    "a-",
                    ".a",
                    "Prefix/a",
                    &long,
                ],
            ),
            (
                "lower-key",
                &["example.com/A", "Example.com/a"],
                &["a/b/c", "a b"],
            ),
            (
                "resource",
                &[
                    "cpu",
                    "limits.memory",
                    "requests.hugepages-2Mi",
                    "pods",
                    "a.b/c",
                ],
                &["cpus", "limits.storage", "limits.hugepages-2Mi", "a b/c"],
            ),
            (
                "quota-resource",
                &["cpu", "requests.storage", "a.b/c", "hugepages-2Mi"],
                &["storage", "cpus"],
            ),
            (
                "container-resource",
                &["cpu", "hugepages-1Gi", "a.b/c"],
                &["storage", "pods", "Cpu"],
            ),
            ("storage-resource", &["storage"], &["cpu"]),
            (
                "limit-type",
                &["Pod", "Container", "PersistentVolumeClaim", "a.b/Type"],
                &["pod", "", "a b"],
            ),
            (
                "label-value",
                &["", "simple", "1234", "a.b_c-D"],
                &["-a", "a-", "a b", "a/b", "a,b", &long],
            ),
            (
                "port-name",
                &[
                    "telnet",
                    "re-mail-ck",
                    "pop3",
                    "a",
                    "a-1",
                    "1-a",
                    "15-characters-a",
                ],
                &[
                    "",
                    "longerthan15chars",
                    "12345",
                    "1-2-3-4",
                    "-begin",
                    "end-",
                    "two--hyphens",
                    "CAPS",
                    "under_score",
                ],
            ),
            (
                "path-segment",
                &["", "-", "a:b", "A b", "..a"],
                &[".", "..", "a/b", "a%"],
            ),
            ("absolute-path", &["/", "/a"], &["", "a"]),
            (
                "clean-path",
                &["/a/b", "/..a"],
                &["/a//b", "/a/../b", "/a/..", "/a/./b", "/a%2fb"],
            ),
            (
                "domain-path",
                &["a.b/c", "a.b/c/d"],
                &["a.b", "a.b/", "A/b"],
            ),
            (
                "signer-name",
                &["a.b/c", "a.b/c.d"],
                &["a/b", "a.b/", "a.b/c/d", "a.b/C"],
            ),
            (
                "webhook-path",
                &["/", "/a/b", "/a/"],
                &["a", "//", "/a//b", "/A"],
            ),
            (
                "https-url",
                &["https://a/b", "https://a", "HTTPS://A"],
                &[
                    "http://a",
                    "https://",
                    "https:///a",
                    "https://u@a",
                    "https://a?b",
                    "a",
                ],
            ),
            ("url-path-pattern", &["*", "/a", "/a/*"], &["a", "/a//b"]),
            ("json-path", &[".spec.a"], &["spec.a", "{.a}"]),
            ("api-group", &["apps/v1"], &["v1", "/v1", ""]),
            (
                "inner-path",
                &["a/b", "..a/b", "", "a..b"],
                &["/a", "..", "a/..", "a/../b"],
            ),
            (
                "file-path",
                &["a/b", "a/..b"],
                &["/a", "..", "..a", "a/../b"],
            ),
            ("no-backsteps", &["/a", "a..b"], &["/a/../b", ".."]),
            (
                "config-key",
                &[
                    "a",
                    "good",
                    "good-good",
                    "still.good",
                    "this.is.also.good",
                    ".so.is.this",
                    "THIS_IS_GOOD",
                    "17",
                ],
                &["", ".", "..", "..bad", "b*d", "bad!&bad"],
            ),
            (
                "env-name",
                &["a b", "1A", "A.b-c_d", "!"],
                &["", "a=b", "\u{20ac}", "a\tb"],
            ),
            (
                "old-env-name",
                &["A_B.c-d", "_1"],
                &["", "1A", "a b", "..", ".", "..a"],
            ),
            (
                "field-of-env",
                &[
                    "metadata.name",
                    "metadata.labels['a.b/c']",
                    "metadata.annotations['A/b']",
                    "status.podIPs",
                ],
                &[
                    "metadata.labels",
                    "spec.nodename",
                    "metadata.labels['a b']",
                    "metadata.name['a']",
                ],
            ),
            (
                "field-of-volume",
                &[
                    "metadata.labels",
                    "metadata.annotations['a']",
                    "metadata.uid",
                ],
                &["status.podIP", "metadata.labels['']"],
            ),
            (
                "field-of-amounts",
                &["limits.cpu", "requests.hugepages-2Mi"],
                &["cpu", "limits.storage", "requests.a.b/c"],
            ),
            (
                "c-identifier",
                &["a", "_1", "A_b"],
                &["", "1", "1a", "a-b", "a.b"],
            ),
            (
                "header-name",
                &["Accept-Encoding", "Host", "X-Requested-With", "123"],
                &["", "Accept_Encoding", "A:B", "a b", "@Host"],
            ),
            (
                "percent",
                &["0%", "1%", "100%"],
                &["", "%", "1", "-1%", "1%%", "1 %", "a%"],
            ),
            ("percent-100", &["0%", "100%"], &["101%", "1"]),
            ("number", &[], &["http", "80"]),
            ("ipv4", &["1.2.3.4"], &["::1", "a"]),
            ("ipv6", &["::1"], &["1.2.3.4", "a"]),
            ("json", &["{}", " {\"a\": 1}\n"], &["", "[]", "a"]),
            ("finalizer", &["kubernetes", "a.b/c"], &["a", "a b/c"]),
            (
                "key-usage",
                &["client auth", "s/mime"],
                &["Client Auth", ""],
            ),
            (
                "not-net-sysctl",
                &["kernel.sem", "vm.max"],
                &["net.core.somaxconn", "net/ipv4/a"],
            ),
            (
                "not-ipc-sysctl",
                &["net.core.somaxconn"],
                &[
                    "kernel.sem",
                    "kernel.shmmax",
                    "fs.mqueue.msg_max",
                    "kernel/msgmax",
                ],
            ),
            (
                "ip",
                &[
                    "1.2.3.4",
                    "0.0.0.0",
                    "1.2.3.004",
                    "::1",
                    "2a00:79e0:2:0:f1c3:e797:93c1:df80",
                    "::ffff:1.2.3.4",
                    "::",
                    "1::",
                    "1:2:3:4:5:6:1.2.3.4",
                    "1:2:3:4:5:6:7:8",
                ],
                &[
                    "",
                    "example.com",
                    "1.2.3",
                    "1.2.3.4.5",
                    "256.1.1.1",
                    "1.2.3.4/24",
                    "[::1]",
                    "::1%eth0",
                    "-1.2.3.4",
                    ":",
                    ":1",
                    "1:",
                    "1:2:3:4:5:6:7",
                    "1::2::3",
                    "12345::",
                    "1:2:3:4:5:6:7:8:9",
                    "::1.2.3",
                ],
            ),
            (
                "cidr",
                &["1.0.0.0/8", "1.2.3.4/24", "::/0", "2001:db8::/32"],
                &[
                    "",
                    "1.2.3.4",
                    "1.2.3.4/33",
                    "::/129",
                    "1.2.3.4/",
                    "1.2.3.4/+8",
                    "a/8",
                ],
            ),
            (
                "sysctl",
                &[
                    "a.b.c.d",
                    "a",
                    "a_b",
                    "a-b",
                    "abc",
                    "a/b/c/d",
                    "net/ipv4/conf/eno2.100/rp_filter",
                ],
                &["", "*", "ä", "a.", ".", "a..b", "a_", "_a", "a.B", "a/b/"],
            ),
            (
                "time-zone",
                &["Europe/Paris", "Etc/GMT+1", "UTC"],
                &["Local", "Bad!", "a/../b", "", "-a"],
            ),
            (
                "cron",
                &[
                    "* * * * *",
                    "* * * * ?",
                    "@every 1h30m",
                    "@daily",
                    "0 0 1 JAN sun",
                    "*/15 0-5,8 ? * 1-5",
                    "TZ=Europe/Paris 0 0 * * *",
                    "5/15 * * * *",
                    "1,,2 * * * *",
                ],
                &[
                    "",
                    "1",
                    "* * * *",
                    "* * * * * *",
                    "60 * * * *",
                    "* 24 * * *",
                    "* * 0 * *",
                    "* * * 13 *",
                    "* * * * 7",
                    "5-1 * * * *",
                    "*/0 * * * *",
                    "@never",
                    "@every 5",
                    "TZ=UTC",
                    "a * * * *",
                    "-1 * * * *",
                ],
            ),
            (
                "csi-name",
                &["test-driver", "test.Driver", "A"],
                &["", "test_driver", "-a", &long],
            ),
            (
                "fqdn",
                &["a.b", "a.b.", "foo.example.com"],
                &["", "a", "a..b", "A.b", "."],
            ),
            (
                "endpoint-ip",
                &["10.0.0.1", "2001:db8::1"],
                &[
                    "",
                    "a",
                    "127.0.0.1",
                    "::1",
                    "169.254.1.1",
                    "fe80::1",
                    "224.0.0.1",
                    "0.0.0.0",
                    "::",
                ],
            ),
            (
                "medium",
                &["Memory", "HugePages", "HugePages-2Mi"],
                &["memory", "HugePages-", "HugePages-x", "Disk"],
            ),
            (
                "indexes",
                &["0", "0,2-5", "1-3,7"],
                &["", "2,1", "3-3", "5-2", "1-3,2", "a", "1,"],
            ),
            (
                "psa-version",
                &["latest", "v1.30"],
                &["", "1.30", "v1", "v2.1", "v1.x"],
            ),
            (
                "pod-count",
                &["pods", "count/jobs.batch"],
                &["", "cpu", "requests.cpu"],
            ),
            (
                "quota-of-pods",
                &["pods", "cpu", "requests.memory", "limits.cpu", "count/pods"],
                &["services", "requests.storage", "limits.pods"],
            ),
            ("trimmed", &["", "a", "a b"], &[" a", "a ", "\t"]),
            (
                "ip-or-none",
                &["None", "10.0.0.1", "::1"],
                &["", "none", "a"],
            ),
            (
                "certificate-request",
                &[
                    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K",
                    " LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNU",
                ],
                &["", "a", "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"],
            ),
        ];
        for (name, valid, invalid) in rows {
            let format = format_of(name).unwrap();
            for text in *valid {
                assert!((format.accepts)(text), "{name}: {text:?}");
            }
            for text in *invalid {
                assert!(!(format.accepts)(text), "{name}: {text:?}");
            }
        }
        assert_eq!(rows.len(), super::FORMATS.len());
    }

    #[test]
    fn a_near_name_is_accepted() {
        let near = |format: &str, text| format_of(format).unwrap().nearest(text);
        assert_eq!(near("label", "My_App."), Some("my-app".to_owned()));
        assert_eq!(near("port-name", "HTTP"), Some("http".to_owned()));
        assert_eq!(near("absolute-path", "data"), Some("/data".to_owned()));
        assert_eq!(near("file-path", "/data"), Some("data".to_owned()));
        assert_eq!(near("label-value", "a b"), Some("a-b".to_owned()));
        assert_eq!(near("percent", "25"), Some("25%".to_owned()));
        assert_eq!(near("ip", "localhost"), None);
    }
}
