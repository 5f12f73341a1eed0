//! What is legal and hardly means what it says: spellings of capabilities, low ports without the right to open them, and
//! Windows pods that do not say so.
//!
//! Sources: `check_capabilities_restricted.go` of k8s.io/pod-security-admission, which compares names exactly;
//! `WithCapabilities` in containerd `internal/cri/opts/spec_linux_opts.go`, which puts `CAP_` before every name; the safe
//! sysctls in kubernetes `pkg/kubelet/sysctl/safe_sysctls.go`; `PodSpec.OS` in k8s.io/api `core/v1/types.go`.

use k8s_openapi::api::core::v1 as core;
use kustomize_krm_types::Severity;

use super::container::ContainerFitting;
use super::pod::PodFitting;
use super::{SecurityContext, author, author_list, authors_own};
use crate::config::Section;
use crate::edit::Edits;
use crate::finding::{Finding, Mode};
use crate::rules;
use crate::yaml::{Node, Value};

/// The capability without which no port below [`FIRST_FREE_PORT`] can be opened.
const NET_BIND_SERVICE: &str = "NET_BIND_SERVICE";

/// The first port that every process may open.
const FIRST_FREE_PORT: i64 = 1024;

/// The sysctl that moves it.
const PORT_START: &str = "net.ipv4.ip_unprivileged_port_start";

/// The name of a capability as Kubernetes writes it, where this is another spelling of it.
pub(super) fn spelling(name: &str) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    let right = upper.strip_prefix("CAP_").unwrap_or(&upper);
    (right != name).then(|| right.to_owned())
}

/// The configured capabilities, each with the list that it is in.
pub(super) fn capabilities(
    context: &core::SecurityContext,
) -> impl Iterator<Item = (&'static str, &str)> {
    let lists = context.capabilities.as_ref();
    let add = lists.and_then(|it| it.add.as_ref()).into_iter().flatten();
    let drop = lists.and_then(|it| it.drop.as_ref()).into_iter().flatten();
    let add = add.map(|name| ("add", name.as_str()));
    add.chain(drop.map(|name| ("drop", name.as_str())))
}

impl<'a> ContainerFitting<'_, 'a> {
    /// Tells of capabilities that are spelled wrong, and of ports that cannot be opened without them.
    pub(super) fn tell_capabilities(&self, edits: &mut Edits<'_>) {
        if self.template.is_windows {
            return;
        }
        let lists = authors_own(self.container, "capabilities");
        for list in ["add", "drop"] {
            if let Some(node) = lists.and_then(|lists| lists.at([list])) {
                let finding = self.misspelled(list, node);
                finding.into_iter().for_each(|it| edits.find(it));
            }
        }
        let finding = self.low_port();
        finding.into_iter().for_each(|it| edits.find(it));
    }

    fn misspelled(&self, list: &'static str, node: Node<'a>) -> Option<Finding> {
        let name = format!("capabilities.{list}");
        let leaf = format!("container.{name}");
        let stays = match self.section.mode(&leaf) {
            Mode::Off | Mode::Remove => false,
            // The configured list takes its place.
            Mode::Override => !self.section.wants(&name),
            Mode::Ensure | Mode::Bound | Mode::Check => true,
        };
        let names = author_list(node);
        let wrong = names.iter().find(|it| spelling(it).is_some())?;
        let right = names.iter().map(|it| spelling(it).unwrap_or(it.clone()));
        let right: Vec<Value> = right.map(|it| Value::from(it.as_str())).collect();
        let message = format!(
            "{}: {name} has {wrong}, which the Pod Security Standards do not know and runtimes take for different things",
            self.subject.part
        );
        let finding = Finding::new(&rules::SEC007, message)
            .about(&self.subject, &["securityContext", "capabilities", list])
            .current(node.value().ok())
            .proposed(Value::Sequence(right))
            .decided_by(self.section.decision(&leaf))
            .help("write names in capitals and without CAP_");
        stays.then_some(finding)
    }

    /// A port that the container declares and may not open, because it drops the capability for it.
    fn low_port(&self) -> Option<Finding> {
        let mut ports = self.container.node.items_at(["ports"]);
        let port = ports.find_map(|port| {
            let port = port.int_at(["containerPort"])?;
            (1..FIRST_FREE_PORT).contains(&port).then_some(port)
        })?;
        let leaf = "container.capabilities.drop";
        let drops = self.list("drop").iter().any(|name| name == "ALL");
        let adds = self.list("add");
        let may = adds
            .iter()
            .any(|name| name == NET_BIND_SERVICE || name == "ALL");
        if !drops || may || self.section.mode(leaf) == Mode::Off || self.lowest_port() <= port {
            return None;
        }
        let message = format!(
            "{}: it drops the capability {NET_BIND_SERVICE}, without which it may not open its port {port}",
            self.subject.part
        );
        let finding = Finding::graded(&rules::SEC001, Severity::Info, message)
            .about(&self.subject, &["ports"])
            .decided_by(self.section.decision(leaf))
            .help(format!(
                "let the program listen on a port from {FIRST_FREE_PORT} on, or set the sysctl {PORT_START} to \"0\" in \
                 `securityContext.pod.sysctls`, which every level allows and some runtimes set by themselves; \
                 `capabilities.add: [{NET_BIND_SERVICE}]` helps root, and other users only where the program's file has it"
            ));
        Some(finding)
    }

    /// The capabilities that the container will add or drop.
    fn list(&self, list: &str) -> Vec<String> {
        let own = authors_own(self.container, "capabilities").and_then(|lists| lists.at([list]));
        let own = own.map(author_list);
        let name = format!("capabilities.{list}");
        let settings = &self.section.settings;
        let mut wanted = settings.wanted_for_container().iter();
        let configured = wanted.find(|it| it.name == name).map(|it| match &it.value {
            Value::Sequence(names) => names
                .iter()
                .filter_map(Value::as_str)
                .map(Into::into)
                .collect(),
            _ => Vec::new(),
        });
        let mode = self.section.mode(&format!("container.{name}"));
        mode.outcome(own, configured).unwrap_or_default()
    }

    /// The first port that every process of the pod may open.
    fn lowest_port(&self) -> i64 {
        let context = self.template.spec.get("securityContext");
        let authors = author(context, "sysctls").map(|list| {
            let set = |it: &Node<'_>| it.text_at(["name"]).as_deref() == Some(PORT_START);
            let value = list.items().find(set).and_then(|it| it.text_at(["value"]));
            value.map(std::borrow::Cow::into_owned)
        });
        let configured = self.section.settings.pod.sysctls.as_ref().map(|list| {
            let set = list.iter().find(|it| it.name == PORT_START);
            set.map(|it| it.value.clone())
        });
        let sysctl = self
            .section
            .mode("pod.sysctls")
            .outcome(authors, configured);
        let start = sysctl.flatten().and_then(|value| value.parse().ok());
        start.unwrap_or(FIRST_FREE_PORT)
    }
}

impl PodFitting<'_, '_, '_> {
    /// Tells of pods that go to Windows nodes and do not say so: API server and standards take them for Linux pods.
    pub(super) fn tell_windows(
        &self,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) {
        let os = self.template.spec.at(["os", "name"]);
        // Since 1.25 the standard knows Windows by `os.name` alone (`isWindows` in the checks).
        let asks = section.settings.is_restricted() && section.standard_minor() >= 25;
        let is_off = section.mode("profile") == Mode::Off;
        if !self.template.is_windows || os.is_some() || !asks || is_off {
            return;
        }
        let message = format!(
            "{}: only its nodeSelector says that it is for Windows, so that a namespace of the level restricted asks it for \
             what Windows has not and refuses it",
            self.subject.part
        );
        let finding = Finding::new(&rules::SEC008, message)
            .about(&self.subject, &["os", "name"])
            .proposed("windows")
            .decided_by(section.decision("profile"))
            .help("write `os: {name: windows}` in the manifest");
        edits.find(finding);
    }
}
