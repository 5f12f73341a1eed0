//! FIT-SEC019: commands that only root can run, in containers that no longer run as root.
//!
//! Images of programs are often used for scripts that first install something: the user of the image cannot. Init
//! containers that change owners are FIT-SEC014.

use kustomize_krm_types::Severity;

use super::{Check, Find};
use crate::finding::Finding;
use crate::objects::{Container, ContainerType};
use crate::rules::{Rule, rule};

const ROOT_ONLY: Rule = rule(
    "FIT-SEC019",
    Severity::Warning,
    "a command that only root can run, in a container that does not run as root",
);

/// Commands that need root, or a capability that is dropped.
const COMMANDS: [&str; 17] = [
    "adduser ",
    "apk add",
    "apk update",
    "apt install",
    "apt-get install",
    "apt-get update",
    "chgrp ",
    "chown ",
    "dnf install",
    "groupadd ",
    "iptables ",
    "microdnf install",
    "modprobe ",
    "mount -t",
    "sysctl -w",
    "useradd ",
    "yum install",
];

pub(super) const CHECK: Check = Check {
    name: "rootCommands",
    rules: &[ROOT_ONLY],
    find: &[Find::Pods(|pod| {
        let Some(scope) = pod.security_context().filter(|_| !pod.template.is_windows) else {
            return Vec::new();
        };
        let containers = pod.template.containers.iter();
        let findings = containers.filter_map(|container| {
            let command = root_only(container)?;
            let is_new = pod.after().is_non_root(container) && !pod.before().is_non_root(container);
            let section = scope.section_for(container).filter(|_| is_new)?;
            let subject = &container.subject;
            let message = format!(
                "{}: its command has `{command}`, which only root can run, and it does not run as root",
                subject.part
            );
            let finding = Finding::new(&ROOT_ONLY, message)
                .about(subject, &["command"])
                .decided_by(section.decision("pod.runAsNonRoot"))
                .help(
                    "use an image that has what the command prepares, or set `runAsUser: 0` and `runAsNonRoot: false` for \
                     it in the manifest",
                );
            Some(finding)
        });
        findings.collect()
    })],
};

/// The first command of a container that only root can run.
fn root_only(container: &Container<'_>) -> Option<&'static str> {
    let words: Vec<_> = container.words().collect();
    let script = container.node.text_at(["script"]);
    let text = words.join(" ") + " " + script.as_deref().unwrap_or_default();
    called(&text, container.container_type == ContainerType::Init)
}

fn called(text: &str, is_init: bool) -> Option<&'static str> {
    let is_called = |command: &&&str| {
        let mut found = text.match_indices(**command);
        // `no-chown` and `my_adduser` are other words.
        let is_word =
            |text: &str| !text.ends_with(|it: char| it.is_alphanumeric() || "-_".contains(it));
        found.any(|(at, _)| is_word(&text[..at])) && !(is_init && command.starts_with("ch"))
    };
    COMMANDS.iter().find(is_called).map(|it| it.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_only_contain_a_command_are_others() {
        assert_eq!(called("sh -c no-chown it; my_adduser me", false), None);
        assert_eq!(
            called("set -e\n/usr/bin/apt-get install -y git", true),
            Some("apt-get install")
        );
        assert_eq!(called("chown 1 /data", false), Some("chown"));
        assert_eq!(called("chown 1 /data", true), None);
    }
}
