//! FIT-SEC019: commands that only root can run, in containers that no longer run as root.
//!
//! Images of programs are often used for scripts that first install something: the user of the image cannot. Init
//! containers that change owners are FIT-SEC014.

use super::{Check, Find};
use crate::finding::Finding;
use crate::objects::{Container, ContainerType};
use crate::rules::rules;
use crate::yaml::{Keys, Node};

rules! {
    RULES;
    ROOT_ONLY: "FIT-SEC019" Warning Always "a command that only root can run, in a container that does not run as root";
}

pub(super) const CHECK: Check = Check {
    name: "rootCommands",
    rules: RULES,
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
fn root_only(container: &Container<'_>) -> Option<String> {
    if !may_call(container) {
        return None;
    }
    let script = container.node.text_at(["script"]);
    let words: Vec<_> = container.words().chain(script).collect();
    if words.is_empty() {
        return None;
    }
    let is_init = container.container_type == ContainerType::Init;
    called(&words.join(" "), is_init)
}

/// Whether a word is a program that needs root, or with some words does.
fn is_program(word: &[u8]) -> bool {
    matches!(
        word,
        b"adduser"
            | b"apk"
            | b"apt"
            | b"apt-get"
            | b"chgrp"
            | b"chown"
            | b"dnf"
            | b"groupadd"
            | b"iptables"
            | b"microdnf"
            | b"modprobe"
            | b"mount"
            | b"sysctl"
            | b"useradd"
            | b"yum"
    )
}

/// Whether the command of a container can have such a program, as the manifest has it written. Most have none.
fn may_call(container: &Container<'_>) -> bool {
    const TEXTS: Keys<3> = Keys::new(["command", "args", "script"]);
    let is_of_name = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'-';
    let may_call = |node: Node<'_>| {
        let bytes = node.raw().as_bytes();
        let mut words = bytes.split(|byte| !is_of_name(byte));
        memchr::memchr2(b'\\', b'!', bytes).is_some() || words.any(is_program)
    };
    let mut texts = container.node.pick(&TEXTS).into_iter().flatten();
    container.inherits.is_some() || !container.node.stream().shares_nothing() || texts.any(may_call)
}

fn called(text: &str, is_init: bool) -> Option<String> {
    let mut words = text.split([' ', '\t', '\n', ';', '&', '|', '(', ')', '`', '\'', '"']);
    while let Some(word) = words.next() {
        let program = word.rsplit('/').next().unwrap_or_default();
        // Words that need root after a program; none if it always does.
        let needing: &[&str] = match program {
            "chgrp" | "chown" if is_init => continue,
            "adduser" | "chgrp" | "chown" | "groupadd" | "iptables" | "modprobe" | "useradd" => &[],
            "apk" => &["add", "update"],
            "apt" | "apt-get" => &["install", "update"],
            "dnf" | "microdnf" | "yum" => &["install"],
            "mount" => &["-t"],
            "sysctl" => &["-w"],
            _ => continue,
        };
        let mut rest = words.clone().filter(|it| !it.is_empty());
        let needed = rest.find(|it| needing.contains(it) || !it.starts_with('-'));
        match needed {
            Some(_) if needing.is_empty() => return Some(program.to_owned()),
            Some(needed) if needing.contains(&needed) => {
                return Some(format!("{program} {needed}"));
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_only_contain_a_command_are_others() {
        let called = |text: &str, is_init| called(text, is_init).unwrap_or_default();
        assert_eq!(
            called("sh -c no-chown it; my_adduser me; apk info; mount", false),
            ""
        );
        assert_eq!(
            called("set -e\n/usr/bin/apt-get -y install git", true),
            "apt-get install"
        );
        assert_eq!(called("id;chown 1 /data", false), "chown");
        assert_eq!(called("chown 1 /data", true), "");
        assert_eq!(called("sysctl -w a=1", true), "sysctl -w");
    }
}
