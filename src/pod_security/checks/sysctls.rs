//! `sysctls`: pods can set only kernel parameters that are isolated between pods and safe.
//!
//! Since 1.0, with more of them since 1.27, 1.29, 1.32 and 1.37.

use super::{Check, rule};
use crate::facts::{PodFacts, View};
use crate::pod_security::violation::{Forbidden, Wrong, made};
use crate::rules::Rule;

pub(super) const RULE: Rule = rule(
    "FIT-PSS-sysctls",
    "an unsafe sysctl",
    "Kyverno restrict-sysctls; kube-linter unsafe-sysctls",
);

pub(super) const CHECK: Check = Check::baseline(
    "sysctls",
    &RULE,
    &[
        (0, |pod| forbidden(pod, 0)),
        (27, |pod| forbidden(pod, 27)),
        (29, |pod| forbidden(pod, 29)),
        (32, |pod| forbidden(pod, 32)),
        (37, |pod| forbidden(pod, 37)),
    ],
);

/// The safe sysctls, with the minor version from which they are allowed.
const ALLOWED: [(&str, u32); 14] = [
    ("kernel.shm_rmid_forced", 0),
    ("net.ipv4.ip_local_port_range", 0),
    ("net.ipv4.tcp_syncookies", 0),
    ("net.ipv4.ping_group_range", 0),
    ("net.ipv4.ip_unprivileged_port_start", 0),
    ("net.ipv4.ip_local_reserved_ports", 27),
    ("net.ipv4.tcp_keepalive_time", 29),
    ("net.ipv4.tcp_fin_timeout", 29),
    ("net.ipv4.tcp_keepalive_intvl", 29),
    ("net.ipv4.tcp_keepalive_probes", 29),
    ("net.ipv4.tcp_rmem", 32),
    ("net.ipv4.tcp_wmem", 32),
    ("net.ipv4.tcp_slow_start_after_idle", 37),
    ("net.ipv4.tcp_notsent_lowat", 37),
];

fn forbidden(pod: &PodFacts<'_>, minor: u32) -> Option<Forbidden> {
    let sysctls = pod.context.sysctls.into_iter().flat_map(View::items);
    let mut wrong = Wrong::default();
    let mut names = Vec::new();
    for (index, sysctl) in sysctls.enumerate() {
        let name = sysctl.get("name").map(View::text).unwrap_or_default();
        let mut allowed = ALLOWED.iter().filter(|(_, since)| *since <= minor);
        if !allowed.any(|(known, _)| *known == name) {
            let field = made(&["securityContext", "sysctls", &index.to_string(), "name"]);
            wrong.pod(field, Some(&name), None);
            names.push(name);
        }
    }
    // Upstream neither quotes nor deduplicates the names here.
    wrong.forbid("forbidden sysctls", |_| names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{culprits, of_spec};
    use super::*;

    #[test]
    fn the_list_of_safe_sysctls_grows() {
        for (name, since) in ALLOWED {
            let spec = format!("{{securityContext: {{sysctls: [{{name: {name}, value: 1}}]}}}}");
            assert_eq!(of_spec(&CHECK, since, &spec), "", "{name}");
            if let Some(before) = since.checked_sub(1) {
                assert_eq!(of_spec(&CHECK, before, &spec), name);
            }
        }
    }

    #[test]
    fn names_keep_their_order_and_duplicates() {
        let spec = "{securityContext: {sysctls: [{name: b}, {name: net.ipv4.tcp_syncookies}, {name: a}, {name: b}]}}";
        assert_eq!(of_spec(&CHECK, 37, spec), "b, a, b");
        assert_eq!(
            culprits(&CHECK, 37, spec)[1],
            "securityContext.sysctls[2].name"
        );
    }
}
