//! FIT-SEC002: containers that may write to their root filesystem.
//!
//! With `readOnlyRootFilesystem: true` an intruder cannot replace the program or leave tools behind. What a program has to
//! write goes to volumes, which `securityContext.writablePaths` adds. Windows has no such setting, and debug containers
//! come and go by hand.

use super::{Check, Find};
use crate::finding::Finding;
use crate::objects::ContainerType;
use crate::rules;

const FIELD: [&str; 2] = ["securityContext", "readOnlyRootFilesystem"];

pub(super) const CHECK: Check = Check {
    name: "rootFileSystem",
    rules: &[rules::SEC002],
    find: Find::Objects(|scene| {
        let mut findings = Vec::new();
        if !scene.config.judges {
            return findings;
        }
        for selected in &scene.selection.selected {
            for (template, container) in selected.each_container() {
                let set = container.node.at(FIELD);
                if set.and_then(|set| set.bool()) == Some(true)
                    || template.is_windows
                    || container.container_type == ContainerType::Ephemeral
                {
                    continue;
                }
                let subject = container.subject.clone();
                let state = if set.is_some() { "false" } else { "not set" };
                let message = format!("{}: {} is {state}", subject.part, FIELD[1]);
                let finding = Finding::new(&rules::SEC002, message)
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
    }),
};
