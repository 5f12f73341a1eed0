//! FIT-SEC002: containers with a writable root filesystem.
//!
//! With `readOnlyRootFilesystem: true`, an intruder cannot replace the program or leave tools behind. Programs write to
//! volumes instead, which `securityContext.writablePaths` adds. Windows has no such setting, and ephemeral containers are
//! skipped. When fitout changes pods, a `false` in the manifest that the config does not replace is reported.

use super::{Check, Find, Pod};
use crate::facts::ContainerFacts;
use crate::finding::{Finding, Mode};
use crate::objects::{Container, ContainerType};
use crate::rules::rules;
use crate::yaml::Value;

rules! {
    RULES;
    WRITABLE: "FIT-SEC002" Warning Always
        "a writable root filesystem"
        ("kube-linter no-read-only-root-fs; Polaris notReadOnlyRootFilesystem; kube-score container-security-context-readonlyrootfilesystem; kubescape C-0017; Kyverno require-ro-rootfs");
}

const FIELD: [&str; 2] = ["securityContext", "readOnlyRootFilesystem"];

pub(super) const CHECK: Check = Check {
    name: "rootFileSystem",
    rules: RULES,
    find: &[Find::Pods(|pod| {
        let containers = pod.containers();
        let findings = containers.filter_map(|(it, facts)| writable(pod, it, facts));
        findings.collect()
    })],
};

fn writable(
    pod: &Pod<'_, '_>,
    container: &Container<'_>,
    facts: &ContainerFacts<'_>,
) -> Option<Finding> {
    let set = facts.context.read_only_root_filesystem;
    let is_ephemeral = container.container_type == ContainerType::Ephemeral;
    let is_selected = pod.selected.containers.includes(container);
    let is_part = !pod.template.is_whole() && pod.template.has_more_containers;
    if set.is_none() && is_part {
        return None;
    }
    if set == Some(true) || is_ephemeral || pod.template.is_windows || !is_selected {
        return None;
    }
    let subject = &container.subject;
    let state = if set.is_some() { "false" } else { "not set" };
    let message = format!("{}: {} is {state}", subject.part, FIELD[1]);
    let finding = Finding::new(&WRITABLE, message)
        .about(subject, &FIELD)
        .current(set.map(Value::from))
        .proposed(true)
        .leaf("securityContext.readOnlyRootFilesystem");
    let section = pod.security_context();
    let section = section.and_then(|scope| scope.section_for(container));
    // FIT-SEC004 reports it.
    let is_unknown = section.as_ref().is_some_and(|it| it.needs_paths(container));
    if pod.scene.config.validate_only {
        let help = "set it to true, and mount a volume where the program writes";
        return (set.is_some() || !is_unknown).then(|| finding.help(help));
    }
    let section = section?;
    let leaf = "container.readOnlyRootFilesystem";
    let is_wanted =
        section.settings.wants_read_only_root() && section.mode(leaf) != Mode::Off && !is_unknown;
    let help = "change the manifest, or set the mode of this field to Override";
    (set.is_some() && is_wanted).then(|| finding.decided_by(section.decision(leaf)).help(help))
}
