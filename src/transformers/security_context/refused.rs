//! What stays refused at the level, because no edit of a security context mends it: a person has to decide.
//!
//! Source: `policy/check_*.go` in k8s.io/pod-security-admission, with the versions from which each check is so. What the
//! level restricted wants and fitout writes (`runAsNonRoot`, `seccompProfile`, `capabilities.drop`,
//! `allowPrivilegeEscalation`) is told where it is written.

use kustomize_krm_types::Severity;

use super::pod::PodFitting;
use super::{SecurityContext, author, author_list};
use crate::config::{Mode, Section};
use crate::edit::{Edits, Finding, Subject};
use crate::yaml::Node;

/// Capabilities that the level baseline lets containers add.
const BASELINE_CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Sources that volumes may have at the level restricted.
const RESTRICTED_VOLUMES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// Sysctls that the level baseline lets pods set, with the minor version from which on.
const SYSCTLS: [(&str, u32); 14] = [
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

/// Types of SELinux labels that the level baseline allows, with the minor version from which on.
const SE_LINUX_TYPES: [(&str, u32); 5] = [
    ("", 0),
    ("container_t", 0),
    ("container_init_t", 0),
    ("container_kvm_t", 0),
    ("container_engine_t", 31),
];

fn text(of: Node<'_>, key: &str) -> Option<String> {
    Some(of.get(key)?.text()?.into_owned())
}

fn is_true(of: Node<'_>, key: &str) -> bool {
    text(of, key).as_deref() == Some("true")
}

fn items<'a>(of: Node<'a>, key: &str) -> impl Iterator<Item = Node<'a>> {
    of.get(key).into_iter().flat_map(Node::items)
}

/// Something that a pod or container has and its level does not allow.
struct Refused {
    id: &'static str,
    /// Below the pod spec or the container.
    field: Vec<&'static str>,
    what: String,
}

impl Refused {
    fn new(id: &'static str, field: &[&'static str], what: impl Into<String>) -> Refused {
        Refused {
            id,
            field: field.to_vec(),
            what: what.into(),
        }
    }
}

impl PodFitting<'_, '_, '_> {
    /// Tells of everything in the pods that their level refuses and that stays.
    pub(super) fn tell_refused(
        &self,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) {
        if section.settings.is_privileged() {
            return;
        }
        let mut found = self.in_pod(section);
        found.extend(self.in_context(self.context(), "pod", section));
        let subject = &self.subject;
        let found = found.into_iter();
        let told = found.filter_map(|refused| self.tell(refused, subject, section));
        told.for_each(|finding| edits.find(finding));
        for container in &self.template.containers {
            let Some(section) = self.scope.section_for(container) else {
                continue;
            };
            let mut found = self.in_container(container.node, &section);
            let context = container.node.get("securityContext");
            found.extend(self.in_context(context, "container", &section));
            let subject = Subject::container(self.template, container);
            let found = found.into_iter();
            let told = found.filter_map(|refused| self.tell(refused, &subject, &section));
            told.for_each(|finding| edits.find(finding));
        }
    }

    fn tell(
        &self,
        refused: Refused,
        subject: &Subject,
        section: &Section<'_, SecurityContext>,
    ) -> Option<Finding> {
        // What has the mode Off is not looked at; what is only checked is told when acting as if it were written.
        let leaf = match refused.field.split_first() {
            Some((&"securityContext", name)) => name.join("."),
            _ => "profile".to_owned(),
        };
        if section.mode(&leaf) == Mode::Off {
            return None;
        }
        let level = match section.settings.is_restricted() {
            true => "restricted",
            false => "baseline",
        };
        let outcome = match self.template.is_pod() {
            true => format!("a namespace of the level {level} refuses the pod"),
            false => format!(
                "the API server takes the object, and a namespace of the level {level} refuses its pods"
            ),
        };
        let message = format!("{}: {}; {outcome}", subject.part, refused.what);
        let finding = Finding::new(refused.id, Severity::Warning, message)
            .about(subject, &refused.field)
            .decided_by(section.decision(&leaf))
            .help("change the manifest, or exempt it with a reason and give it a namespace of a lower level");
        Some(finding)
    }

    fn in_pod(&self, section: &Section<'_, SecurityContext>) -> Vec<Refused> {
        let spec = self.template.spec;
        let mut found = Vec::new();
        for name in ["hostNetwork", "hostPID", "hostIPC"] {
            if is_true(spec, name) {
                let what = format!("{name} is true");
                found.push(Refused::new("FIT-PSS-hostNamespaces", &[name], what));
            }
        }
        let is_set = |volume: Node<'_>, key: &str| volume.get(key).is_some_and(|it| !it.is_null());
        for volume in self.template.volumes() {
            let name = text(volume, "name").unwrap_or_default();
            let mut sources = volume.entries().filter_map(|(key, value)| {
                let key = key.text()?.into_owned();
                (key != "name" && !value.is_null()).then_some(key)
            });
            let is_restricted = section.settings.is_restricted();
            // A volume without a source becomes an emptyDir.
            let source = sources.next();
            let is_allowed = RESTRICTED_VOLUMES.iter().any(|key| is_set(volume, key));
            let refused = match source {
                Some(source) if is_restricted && !is_allowed => {
                    Some(("FIT-PSS-restrictedVolumes", source))
                }
                _ if !is_restricted && is_set(volume, "hostPath") => {
                    Some(("FIT-PSS-hostPathVolumes", "hostPath".to_owned()))
                }
                _ => None,
            };
            if let Some((id, source)) = refused {
                let what = format!("the volume \"{name}\" is a {source}");
                found.push(Refused::new(id, &["volumes"], what));
            }
        }
        let context = self
            .context()
            .filter(|_| !section.changes("pod", "sysctls"));
        for sysctl in context.into_iter().flat_map(|it| items(it, "sysctls")) {
            let name = text(sysctl, "name").unwrap_or_default();
            let minor = section.standard_minor();
            if !SYSCTLS
                .iter()
                .any(|(known, since)| *known == name && *since <= minor)
            {
                let field = ["securityContext", "sysctls"];
                let what = format!("the sysctl {name} is not among the safe ones");
                found.push(Refused::new("FIT-PSS-sysctls", &field, what));
            }
        }
        found
    }

    fn in_container(
        &self,
        container: Node<'_>,
        section: &Section<'_, SecurityContext>,
    ) -> Vec<Refused> {
        let mut found = Vec::new();
        let minor = section.standard_minor();
        for port in items(container, "ports") {
            if let Some(port) = text(port, "hostPort").filter(|port| port != "0") {
                let what = format!("it takes the port {port} of its node");
                found.push(Refused::new("FIT-PSS-hostPorts", &["ports"], what));
            }
        }
        let probes =
            ["livenessProbe", "readinessProbe", "startupProbe"].map(|key| container.get(key));
        let lifecycle = container.get("lifecycle");
        let hooks = ["postStart", "preStop"].map(|key| lifecycle.and_then(|it| it.get(key)));
        for handler in probes
            .into_iter()
            .chain(hooks)
            .flatten()
            .filter(|_| minor >= 34)
        {
            for action in ["httpGet", "tcpSocket"] {
                let host = handler.get(action).and_then(|it| text(it, "host"));
                if let Some(host) = host.filter(|host| !host.is_empty()) {
                    let what = format!("a probe or lifecycle hook names the host {host}");
                    found.push(Refused::new(
                        "FIT-PSS-hostProbesAndHostLifecycle",
                        &[],
                        what,
                    ));
                }
            }
        }
        let Some(context) = container.get("securityContext") else {
            return found;
        };
        let stays = |name: &str| !section.changes("container", name);
        if is_true(context, "privileged") && stays("privileged") {
            let field = ["securityContext", "privileged"];
            found.push(Refused::new(
                "FIT-PSS-privileged",
                &field,
                "it is privileged",
            ));
        }
        let mount = text(context, "procMount").filter(|it| it != "Default" && stays("procMount"));
        if let Some(mount) = mount {
            let is_restricted = section.settings.is_restricted() && minor >= 35;
            let id = match is_restricted {
                true => "FIT-PSS-procMount_restricted",
                false => "FIT-PSS-procMount",
            };
            if is_restricted || minor < 35 || !self.has_own_users(Some(section)) {
                let what = format!("procMount is {mount}");
                found.push(Refused::new(id, &["securityContext", "procMount"], what));
            }
        }
        let os = self.template.spec.get("os").and_then(|os| text(os, "name"));
        let is_restricted = section.settings.is_restricted();
        let is_exempt = is_restricted && os.as_deref() == Some("windows") && minor >= 25;
        let adds = author(Some(context), "capabilities").and_then(|lists| lists.get("add"));
        let adds = adds.filter(|_| stays("capabilities.add") && !is_exempt);
        for name in adds.map(author_list).unwrap_or_default() {
            let (id, is_allowed) = match is_restricted {
                true => (
                    "FIT-PSS-capabilities_restricted",
                    name == "NET_BIND_SERVICE",
                ),
                false => (
                    "FIT-PSS-capabilities_baseline",
                    BASELINE_CAPABILITIES.contains(&name.as_str()),
                ),
            };
            if !is_allowed {
                let field = ["securityContext", "capabilities", "add"];
                let what = format!("it adds the capability {name}");
                found.push(Refused::new(id, &field, what));
            }
        }
        found
    }

    /// What pods and containers have both.
    fn in_context(
        &self,
        node: Option<Node<'_>>,
        context: &str,
        section: &Section<'_, SecurityContext>,
    ) -> Vec<Refused> {
        let mut found = Vec::new();
        let Some(node) = node else {
            return found;
        };
        let stays = |name: &str| !section.changes(context, name) && !section.changes("pod", name);
        let minor = section.standard_minor();
        let options = author(Some(node), "seLinuxOptions").filter(|_| stays("seLinuxOptions"));
        if let Some(options) = options {
            let kind = text(options, "type").unwrap_or_default();
            let is_known = |(known, since): &(&str, u32)| *known == kind && *since <= minor;
            let is_set = |key: &str| text(options, key).is_some_and(|it| !it.is_empty());
            if !SE_LINUX_TYPES.iter().any(is_known) || is_set("user") || is_set("role") {
                let field = ["securityContext", "seLinuxOptions"];
                let what = "seLinuxOptions have a user, a role or a type of their own";
                found.push(Refused::new("FIT-PSS-seLinuxOptions", &field, what));
            }
        }
        let windows = author(Some(node), "windowsOptions").filter(|_| stays("windowsOptions"));
        if windows.is_some_and(|options| is_true(options, "hostProcess")) {
            let field = ["securityContext", "windowsOptions", "hostProcess"];
            let what = "it is a process of its node";
            found.push(Refused::new("FIT-PSS-windowsHostProcess", &field, what));
        }
        let is_restricted = section.settings.is_restricted();
        let profiles = [
            ("appArmorProfile", "FIT-PSS-appArmorProfile"),
            ("seccompProfile", "FIT-PSS-seccompProfile_baseline"),
        ];
        for (name, id) in profiles {
            let kind = author(Some(node), name).and_then(|it| text(it, "type"));
            let is_bad = kind.filter(|it| it != "RuntimeDefault" && it != "Localhost");
            // What is wanted is told where it is written.
            let is_told = is_restricted && section.wants(name);
            if let Some(kind) = is_bad.filter(|_| stays(name) && !is_told) {
                let what = format!("{name} is {kind}");
                found.push(Refused::new(id, &["securityContext", name], what));
            }
        }
        let user = text(node, "runAsUser").filter(|it| it == "0" && is_restricted && minor >= 23);
        let is_apart = minor >= 35 && self.has_own_users(Some(section));
        if user.is_some() && !is_apart && stays("runAsUser") {
            let field = ["securityContext", "runAsUser"];
            found.push(Refused::new(
                "FIT-PSS-runAsUser",
                &field,
                "it runs as user 0",
            ));
        }
        found
    }
}
