//! FIT-SEC007 and FIT-SEC009: capabilities that are spelled as not everybody reads them, and low ports without the right to
//! open them.
//!
//! The Pod Security Standards compare names exactly. Runtimes put `CAP_` before every name, and take what follows for
//! different things. Without `NET_BIND_SERVICE` no port below 1024 can be opened, unless a sysctl moves that border.
//!
//! Sources: `check_capabilities_restricted.go` of k8s.io/pod-security-admission; `WithCapabilities` in containerd
//! `internal/cri/opts/spec_linux_opts.go`; the safe sysctls in kubernetes `pkg/kubelet/sysctl/safe_sysctls.go`.

use kustomize_krm_types::Severity;

use super::{Check, Find, Pod};
use crate::config::Section;
use crate::facts::{ContainerFacts, View};
use crate::finding::{Finding, Mode};
use crate::objects::Container;
use crate::rules::{Rule, rule};
use crate::transformers::security_context::{SecurityContext, spelling};
use crate::yaml::Value;

const SPELLING: Rule = rule(
    "FIT-SEC007",
    Severity::Warning,
    "a capability that is spelled as not everybody reads it",
);
const LOW_PORT: Rule = rule(
    "FIT-SEC009",
    Severity::Info,
    "a low port without the capability to open it",
);

/// The capability without which no port below [`FIRST_FREE_PORT`] can be opened.
const NET_BIND_SERVICE: &str = "NET_BIND_SERVICE";

/// The first port that every process may open.
const FIRST_FREE_PORT: i128 = 1024;

/// The sysctl that moves it.
const PORT_START: &str = "net.ipv4.ip_unprivileged_port_start";

pub(super) const CHECK: Check = Check {
    name: "capabilities",
    rules: &[SPELLING, LOW_PORT],
    find: Find::Pods(|pod| {
        let mut findings = Vec::new();
        let Some(scope) = pod.security_context().filter(|_| !pod.template.is_windows) else {
            return findings;
        };
        for (container, facts) in pod.containers() {
            if let Some(section) = scope.section_for(container) {
                let lists = [("add", facts.context.add), ("drop", facts.context.drop)];
                findings.extend(
                    lists
                        .into_iter()
                        .filter_map(|(list, names)| misspelled(&section, container, list, names?)),
                );
                findings.extend(low_port(pod, &section, container, facts));
            }
        }
        findings
    }),
};

/// A name of the author's that is another spelling of a capability; the config is held to the right ones.
fn misspelled(
    section: &Section<'_, SecurityContext>,
    container: &Container<'_>,
    list: &'static str,
    names: View<'_>,
) -> Option<Finding> {
    let node = names.node()?;
    let wrong = names.items().map(View::text);
    let wrong = wrong.into_iter().find(|it| spelling(it).is_some())?;
    let name = format!("capabilities.{list}");
    let leaf = format!("container.{name}");
    if section.mode(&leaf) == Mode::Off {
        return None;
    }
    let right = names.items().map(View::text);
    let right = right.map(|it| spelling(&it).unwrap_or_else(|| it.into_owned()));
    let right = right.map(|it| Value::from(it.as_str())).collect();
    let message = format!(
        "{}: {name} has {wrong}, which the Pod Security Standards do not know and runtimes take for different things",
        container.subject.part
    );
    let finding = Finding::new(&SPELLING, message)
        .about(
            &container.subject,
            &["securityContext", "capabilities", list],
        )
        .current(node.value().ok())
        .proposed(Value::Sequence(right))
        .decided_by(section.decision(&leaf))
        .help("write names in capitals and without CAP_");
    Some(finding)
}

/// A port that the container declares and may not open, because it drops the capability for it.
fn low_port(
    pod: &Pod<'_, '_>,
    section: &Section<'_, SecurityContext>,
    container: &Container<'_>,
    facts: &ContainerFacts<'_>,
) -> Option<Finding> {
    let ports = facts.view.items_at(["ports"]);
    let mut ports = ports.filter_map(|port| port.get("containerPort").and_then(View::int));
    let port = ports.find(|port| (1..FIRST_FREE_PORT).contains(port))?;
    let has = |list: Option<View<'_>>, names: &[&str]| {
        let mut list = list.into_iter().flat_map(View::items);
        list.any(|name| names.contains(&&*name.text()))
    };
    let leaf = "container.capabilities.drop";
    let (add, drop) = (facts.context.add, facts.context.drop);
    let may = !has(drop, &["ALL"]) || has(add, &[NET_BIND_SERVICE, "ALL"]);
    if may || section.mode(leaf) == Mode::Off || lowest_port(pod) <= port {
        return None;
    }
    let message = format!(
        "{}: it drops the capability {NET_BIND_SERVICE}, without which it may not open its port {port}",
        container.subject.part
    );
    let finding = Finding::new(&LOW_PORT, message)
        .about(&container.subject, &["ports"])
        .decided_by(section.decision(leaf))
        .help(format!(
            "let the program listen on a port from {FIRST_FREE_PORT} on, or set the sysctl {PORT_START} to \"0\" in \
             `securityContext.pod.sysctls`, which every level allows and some runtimes set by themselves; \
             `capabilities.add: [{NET_BIND_SERVICE}]` helps root, and other users only where the program's file has it"
        ));
    Some(finding)
}

/// The first port that every process of the pod may open.
fn lowest_port(pod: &Pod<'_, '_>) -> i128 {
    let sysctls = pod.after().context.sysctls;
    let mut sysctls = sysctls.into_iter().flat_map(View::items);
    let start = sysctls.find(|it| it.text_at(["name"]).as_deref() == Some(PORT_START));
    let start = start.and_then(|it| it.text_at(["value"])?.parse().ok());
    start.unwrap_or(FIRST_FREE_PORT)
}
