//! FIT-SEC002: containers that may write to their root file system.
//!
//! With `readOnlyRootFilesystem: true` an intruder cannot replace the program or leave tools behind. What a program has to
//! write goes to volumes, which `securityContext.writablePaths` adds. Windows has no such setting, and debug containers
//! come and go by hand.

use kustomize_krm_types::Severity;

use super::Check;
use crate::finding::{Finding, Subject};
use crate::objects::{ContainerType};
use crate::rules::Rule;

const ID: &str = "FIT-SEC002";

const FIELD: [&str; 2] = ["securityContext", "readOnlyRootFilesystem"];

pub(super) const CHECK: Check = Check {
    name: "rootFileSystem",
    rules: &[Rule {
        id: ID,
        severity: Severity::Warning,
        meaning: "a root file system that can be written to",
        peers: "kube-linter no-read-only-root-fs; Polaris notReadOnlyRootFilesystem; kube-score \
                container-security-context-readonlyrootfilesystem; kubescape C-0017; Kyverno require-ro-rootfs",
    }],
    find: |scene| {
        let mut findings = Vec::new();
        for selected in &scene.selection.selected {
            for (template, container) in selected.each_container() {
                let set = container.node.at(FIELD);
                if set.and_then(|set| set.bool()) == Some(true)
                    || template.is_windows
                    || container.container_type == ContainerType::Ephemeral
                {
                    continue;
                }
                let subject = Subject::container(template, container);
                let state = if set.is_some() { "false" } else { "not set" };
                let message = format!("{}: {} is {state}", subject.part, FIELD[1]);
                let finding = Finding::new(ID, Severity::Warning, message)
                    .of(selected.index)
                    .about(&subject, &FIELD)
                    .current(set.and_then(|set| set.value().ok()))
                    .proposed(true)
                    .leaf("securityContext.readOnlyRootFilesystem")
                    .help("set it, and mount a volume where the program writes");
                findings.push(finding);
            }
        }
        findings
    },
};
