//! FIT-SEC007 and FIT-SEC009: capabilities in a nonstandard spelling, and programs that do not have those they need.
//!
//! The Pod Security Standards compare names exactly. Runtimes put `CAP_` before every name and disagree on what other
//! spellings mean. Without `NET_BIND_SERVICE`, ports below 1024 cannot be bound unless a sysctl lowers that limit. A
//! privileged container has all capabilities, but only a program that runs as root uses them.
//!
//! Sources: `check_capabilities_restricted.go` of k8s.io/pod-security-admission; `WithCapabilities` in containerd
//! `internal/cri/opts/spec_linux_opts.go`; the safe sysctls in kubernetes `pkg/kubelet/sysctl/safe_sysctls.go`.

use kustomize_krm_types::Severity;

use super::{Check, Find, Pod};
use crate::config::Section;
use crate::facts::{ContainerFacts, Field, PodField, View};
use crate::finding::{Finding, Lines, Mode};
use crate::objects::Container;
use crate::rules::rules;
use crate::transformers::security_context::{SecurityContext, spelling};
use crate::yaml::Value;

rules! {
    RULES;
    SPELLING: "FIT-SEC007" Warning Always "a capability in a nonstandard spelling";
    LOW_PORT: "FIT-SEC009" Warning Always "a program without a capability that it needs, as for a low port";
}

/// The capability that binding a port below [`FIRST_FREE_PORT`] needs.
const NET_BIND_SERVICE: &str = "NET_BIND_SERVICE";

/// The first port that every process may bind.
const FIRST_FREE_PORT: i128 = 1024;

/// The sysctl that changes [`FIRST_FREE_PORT`].
const PORT_START: &str = "net.ipv4.ip_unprivileged_port_start";

pub(super) const CHECK: Check = Check {
    name: "capabilities",
    rules: RULES,
    find: &[Find::Pods(|pod| {
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
                findings.extend(missing(&section, container, facts));
                findings.extend(without_effect(pod, &section, container, facts));
            }
        }
        findings
    })],
};

/// A nonstandard spelling in the manifest; those in the config are errors.
fn misspelled(
    section: &Section<'_, SecurityContext>,
    container: &Container<'_>,
    list: &'static str,
    names: View<'_>,
) -> Option<Finding> {
    let node = names.node()?;
    let mut written = names.items().map(View::text);
    let wrong = written.find(|it| spelling(it).is_some())?;
    let name = format!("capabilities.{list}");
    let leaf = format!("container.{name}");
    if section.mode(&leaf) == Mode::Off {
        return None;
    }
    let corrected = names.items().map(View::text).map(|it| {
        let name = spelling(&it).unwrap_or_else(|| it.into_owned());
        Value::from(name.as_str())
    });
    let message = format!(
        "{}: {name} has {wrong}, which the Pod Security Standards do not recognize and runtimes interpret differently",
        container.subject.part
    );
    let finding = Finding::new(&SPELLING, message)
        .about(
            &container.subject,
            &["securityContext", "capabilities", list],
        )
        .current(node.value().ok())
        .proposed(Value::Sequence(corrected.collect()))
        .decided_by(section.decision(&leaf))
        .because_of(
            &container.subject,
            &["securityContext", "capabilities", list],
        )
        .help("write names in upper case and without CAP_");
    Some(finding)
}

/// A capability that the image's program needs and the container does not have.
fn missing(
    section: &Section<'_, SecurityContext>,
    container: &Container<'_>,
    facts: &ContainerFacts<'_>,
) -> Option<Finding> {
    let (image, entry) = section.known_of(container)?;
    let has = |list: Option<View<'_>>, name: &str| {
        let mut list = list.into_iter().flat_map(View::items);
        list.any(|it| it.text() == name || it.text() == "ALL")
    };
    let (add, drop) = (facts.context.add, facts.context.drop);
    let lacks = |name: &&String| has(drop, name) && !has(add, name);
    let name = entry.capabilities.iter().find(lacks)?;
    if facts.context.privileged == Some(true) {
        return None;
    }
    let message = format!(
        "{}: it drops the capability {name}, without which the program of {image} does not start according to the image \
         catalogue",
        container.subject.part
    );
    let finding = Finding::graded(&LOW_PORT, Severity::Warning, message)
        .about(&container.subject, &["securityContext", "capabilities", "drop"])
        .decided_by(section.decision("container.capabilities.drop"))
        .help(format!(
            "set `container: {{capabilities: {{add: [{name}]}}}}` in `securityContext` of a profile for these pods"
        ));
    Some(finding)
}

/// A privileged container that does not run as root.
fn without_effect(
    pod: &Pod<'_, '_>,
    section: &Section<'_, SecurityContext>,
    container: &Container<'_>,
    facts: &ContainerFacts<'_>,
) -> Option<Finding> {
    if facts.context.privileged != Some(true) {
        return None;
    }
    let user = pod.after().user_of(facts).filter(|user| *user != 0)?;
    // Who chose both in the manifest may need only the devices.
    let before = pod.before();
    let was_so = before.user_of(before.of_container(container)?) == Some(user);
    let severity = match was_so {
        true => Severity::Info,
        false => Severity::Warning,
    };
    let message = format!(
        "{}: it is privileged but runs as user {user}, so its program has no capabilities unless its file has them",
        container.subject.part
    );
    let leaf = match facts.context.run_as_user {
        Some(_) => "container.runAsUser",
        None => "pod.runAsUser",
    };
    let finding = Finding::graded(&LOW_PORT, severity, message)
        .about(&container.subject, &["securityContext", "runAsUser"])
        .decided_by(section.decision(leaf))
        .help("run it as root in a profile for these pods, or do not make it privileged");
    Some(finding)
}

/// A port that the container declares but cannot bind because it drops the capability.
fn low_port(
    pod: &Pod<'_, '_>,
    section: &Section<'_, SecurityContext>,
    container: &Container<'_>,
    facts: &ContainerFacts<'_>,
) -> Option<Finding> {
    let ports = facts.items(Field::Ports);
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
    // The runtime and the sysctl lower the limit only in the pod's own network.
    let is_own = !pod.after().is_true(PodField::HostNetwork);
    let message = format!(
        "{}: it drops the capability {NET_BIND_SERVICE}, so it cannot bind its port {port}{}",
        container.subject.part,
        if is_own {
            ", unless the runtime allows low ports, as containerd 2 does"
        } else {
            ""
        }
    );
    // Who runs as root before may use the port now.
    let is_new = pod.after().is_non_root(container) && !pod.before().is_non_root(container);
    let severity = match is_new {
        true => Severity::Warning,
        false => Severity::Info,
    };
    let sysctl = match is_own {
        true => format!("set the sysctl {PORT_START} to \"0\", which every level allows; "),
        false => String::new(),
    };
    let mut finding = Finding::graded(&LOW_PORT, severity, message)
        .about(&container.subject, &["ports"])
        .decided_by(section.decision(leaf))
        .help(format!(
            "listen on port {FIRST_FREE_PORT} or above, or {sysctl}`capabilities.add: [{NET_BIND_SERVICE}]` works for \
             root, and for other users only if the program's file has the capability"
        ));
    finding.lines = is_own.then(|| {
        Box::new(Lines::Config(format!(
            "securityContext:\n  pod:\n    sysctls: [{{name: {PORT_START}, value: \"0\"}}]"
        )))
    });
    Some(finding)
}

/// The first port that every process of the pod may bind.
fn lowest_port(pod: &Pod<'_, '_>) -> i128 {
    let sysctls = pod.after().context.sysctls;
    let mut sysctls = sysctls.into_iter().flat_map(View::items);
    let start = sysctls.find(|it| it.text_at(["name"]).as_deref() == Some(PORT_START));
    let start = start.and_then(|it| it.text_at(["value"])?.parse().ok());
    start.unwrap_or(FIRST_FREE_PORT)
}
