//! The formats of texts in `validation.txt`, as in apimachinery, `pkg/util/validation/validation.go` and
//! `pkg/api/validate/content`.

#[cfg(test)]
mod tests;
mod time;

use core::net::IpAddr;

use super::super::Quantity;
use super::super::names::{
    cidr, ip, is_label, is_label_part, is_label_value, is_name_byte, is_part, is_port_name,
    is_qualified_name, is_subdomain,
};
use super::rows;
use time::{is_cron, nearest_zone, zones};

/// A format of texts.
#[derive(Debug)]
pub struct Format {
    /// Its name in `validation.txt`.
    pub name: &'static str,
    /// Whether it accepts a text.
    pub accepts: fn(&str) -> bool,
}

const fn format(name: &'static str, accepts: fn(&str) -> bool) -> Format {
    Format { name, accepts }
}

/// Every format.
const FORMATS: &[Format] = &[
    format("label", is_label),
    format("subdomain", is_subdomain),
    format("label-1035", is_label_1035),
    format("search-domain", |it| {
        let it = it.strip_suffix('.').unwrap_or(it);
        let part = |it: &str| is_label_part(it.strip_prefix('_').unwrap_or(it), b"_");
        it.is_empty() || it.len() <= 253 && it.split('.').all(part)
    }),
    format("external-name", |it| {
        is_subdomain(it.strip_suffix('.').unwrap_or(it))
    }),
    format("host", |it| is_host(it) && ip(it).is_none()),
    format("host-or-ip", is_host),
    format("three-part-name", |it| {
        is_subdomain(it) && it.matches('.').count() >= 2
    }),
    format("domain", |it| is_subdomain(it) && it.contains('.')),
    format("label-1035-of-any-case", |it| {
        is_label_1035(&it.to_ascii_lowercase())
    }),
    format("namespace-or-any", |it| it == "*" || is_label(it)),
    format("priority-class", |it| {
        is_subdomain(it)
            && (!it.starts_with("system-")
                || matches!(it, "system-cluster-critical" | "system-node-critical"))
    }),
    format("key", is_qualified_name),
    format("lower-key", |it| is_qualified_name(&it.to_lowercase())),
    format("label-value", is_label_value),
    format("resource", |it| {
        is_qualified_name(it) && (it.contains('/') || is_standard_resource(it))
    }),
    format("quota-resource", |it| {
        is_qualified_name(it) && (it.contains('/') || is_standard_resource(it) && it != "storage")
    }),
    format("container-resource", |it| {
        is_qualified_name(it)
            && (it.contains('/')
                || matches!(it, "cpu" | "memory" | "ephemeral-storage")
                || it.starts_with("hugepages-"))
    }),
    format("storage-resource", |it| it == "storage"),
    format("limit-type", |it| {
        matches!(it, "Pod" | "Container" | "PersistentVolumeClaim")
            || is_qualified_name(it) && it.contains('/')
    }),
    format("port-name", is_port_name),
    format("path-segment", |it| {
        !matches!(it, "." | "..") && !it.contains(['/', '%'])
    }),
    format("absolute-path", |it| it.starts_with('/')),
    format("clean-path", |it| {
        let parts = ["//", "/./", "/../", "%2f", "%2F"];
        !parts.iter().any(|part| it.contains(part)) && !it.ends_with("/..") && !it.ends_with("/.")
    }),
    format("domain-path", |it| {
        let parts = it.split_once('/');
        parts.is_some_and(|(domain, path)| is_subdomain(domain) && !path.is_empty())
    }),
    format("signer-name", |it| {
        let parts = it.split_once('/');
        parts.is_some_and(|(domain, path)| {
            is_subdomain(domain) && domain.contains('.') && path.split('.').all(is_part)
        })
    }),
    format("webhook-path", |it| {
        let inner = it
            .strip_prefix('/')
            .map(|it| it.strip_suffix('/').unwrap_or(it));
        it != "//" && inner.is_some_and(|it| it.is_empty() || it.split('/').all(is_subdomain))
    }),
    format("https-url", |it| {
        let lower = it.to_lowercase();
        let rest = lower.strip_prefix("https://").unwrap_or_default();
        !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['@', '#', '?', ' '])
    }),
    format("url-path-pattern", |it| {
        it == "*" || it.starts_with('/') && !it.contains("//")
    }),
    format("json-path", |it| it.starts_with('.')),
    format("api-group", |it| {
        it.split_once('/')
            .is_some_and(|(group, _)| !group.is_empty())
    }),
    format("inner-path", |it| {
        !it.starts_with('/') && has_no_backsteps(it)
    }),
    format("file-path", |it| {
        !it.starts_with('/') && has_no_backsteps(it) && !it.starts_with("..")
    }),
    format("no-backsteps", has_no_backsteps),
    format("config-key", |it| {
        it.len() <= 253 && !it.is_empty() && it.bytes().all(is_name_byte) && !is_above(it)
    }),
    format("env-name", |it| {
        !it.is_empty() && it.bytes().all(|c| matches!(c, b' '..=b'~') && c != b'=')
    }),
    format("old-env-name", |it| {
        !it.is_empty()
            && it.bytes().all(is_name_byte)
            && !it.starts_with(|c: char| c.is_ascii_digit())
            && !is_above(it)
    }),
    format("field-of-env", |it| {
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
    }),
    format("field-of-volume", |it| {
        let fields = ["name", "namespace", "uid", "labels", "annotations"];
        is_subscripted_field(it)
            || it
                .strip_prefix("metadata.")
                .is_some_and(|it| fields.contains(&it))
    }),
    format("field-of-amounts", |it| {
        let name = it
            .strip_prefix("limits.")
            .or_else(|| it.strip_prefix("requests."));
        name.is_some_and(|it| {
            matches!(it, "cpu" | "memory" | "ephemeral-storage") || it.starts_with("hugepages-")
        })
    }),
    format("c-identifier", |it| {
        !it.is_empty()
            && it.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
            && !it.starts_with(|c: char| c.is_ascii_digit())
    }),
    format("header-name", |it| {
        !it.is_empty() && it.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
    }),
    format("percent", |it| percent(it).is_some()),
    format("percent-100", |it| percent(it).is_some_and(|it| it <= 100)),
    format("number", |_| false),
    format("ip", |it| ip(it).is_some()),
    format("endpoint-ip", |it| {
        ip(it).is_some_and(|it| {
            let is_local = match it {
                IpAddr::V4(it) => it.is_link_local() || it.octets()[..3] == [224, 0, 0],
                IpAddr::V6(it) => it.is_unicast_link_local() || it.segments()[0] == 0xff02,
            };
            !(is_local || it.is_loopback() || it.is_unspecified())
        })
    }),
    format("ipv4", |it| ip(it).is_some_and(|it| it.is_ipv4())),
    format("ipv6", |it| ip(it).is_some_and(|it| it.is_ipv6())),
    format("cidr", |it| cidr(it.trim()).is_some()),
    // An object of JSON is one of YAML as well; what is not even begun and ended as one is refused.
    format("json", |it| {
        it.trim().starts_with('{') && it.trim().ends_with('}')
    }),
    format("finalizer", |it| {
        is_qualified_name(it) && (it.contains('/') || it == "kubernetes")
    }),
    format("key-usage", |it| USAGES.split('|').any(|usage| usage == it)),
    format("not-net-sysctl", |it| !is_net_sysctl(it)),
    format("not-ipc-sysctl", |it| !is_ipc_sysctl(it)),
    format("sysctl", is_sysctl),
    format("time-zone", |it| zones().any(|zone| zone == it)),
    format("medium", |it| {
        matches!(it, "Memory" | "HugePages")
            || it
                .strip_prefix("HugePages-")
                .is_some_and(|size| size.parse::<Quantity>().is_ok())
    }),
    format("indexes", |it| {
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
    }),
    format("psa-version", |it| {
        let minor = it.strip_prefix("v1.");
        it == "latest" || minor.is_some_and(|it| it.parse::<u16>().is_ok())
    }),
    format("pod-count", |it| it == "pods" || it.contains('/')),
    format("quota-of-pods", |it| {
        let name = it
            .strip_prefix("limits.")
            .or_else(|| it.strip_prefix("requests."));
        it == "pods" || it.contains('/') || matches!(name.unwrap_or(it), "cpu" | "memory")
    }),
    format("trimmed", |it| it.trim() == it),
    format("ip-or-none", |it| it == "None" || ip(it).is_some()),
    format("certificate-request", |it| {
        it.trim_start()
            .starts_with("LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNU")
    }),
    format("cron", is_cron),
    format("csi-name", |it| {
        it.len() <= 63 && is_subdomain(&it.to_lowercase())
    }),
    format("fqdn", |it| {
        let it = it.strip_suffix('.').unwrap_or(it);
        it.len() <= 253 && it.contains('.') && it.split('.').all(is_label)
    }),
];

/// The format with a name.
#[must_use]
pub(super) fn format_of(name: &str) -> Option<&'static Format> {
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
    /// What it accepts, after "is not": its line at the head of the table.
    #[must_use]
    pub fn words(&self) -> &'static str {
        let mut lines = rows::head().lines();
        let words = lines.find_map(|line| {
            line.strip_prefix("format ")?
                .strip_prefix(self.name)?
                .strip_prefix(' ')
        });
        words.unwrap_or_default()
    }

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

/// Whether a path begins as one that leaves its folder, also `..data`, which the kubelet uses itself.
fn is_above(path: &str) -> bool {
    path == "." || path.starts_with("..")
}

fn has_no_backsteps(path: &str) -> bool {
    path.split('/').all(|part| part != "..")
}

/// The usages of certificates.
const USAGES: &str = "signing|digital signature|content commitment|key encipherment|key agreement|data encipherment|cert sign|crl sign|encipher only|decipher only|any|server auth|client auth|code signing|email protection|s/mime|ipsec end system|ipsec tunnel|ipsec user|timestamping|ocsp signing|microsoft sgc|netscape sgc";

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

/// Whether a sysctl is of a pod's network (`GetNamespace` in k8s.io/component-helpers `node/util/sysctl/namespace.go`).
#[must_use]
pub fn is_net_sysctl(name: &str) -> bool {
    name.replace('/', ".").starts_with("net.")
}

/// The same of its IPC namespace.
#[must_use]
pub fn is_ipc_sysctl(name: &str) -> bool {
    let name = name.replace('/', ".");
    let of_ipc = ["kernel.shm", "kernel.msg", "fs.mqueue."];
    name == "kernel.sem" || of_ipc.iter().any(|start| name.starts_with(start))
}

/// `IsValidSysctlName`.
fn is_sysctl(name: &str) -> bool {
    name.len() <= 253 && name.split(['.', '/']).all(|part| is_label_part(part, b"_"))
}
