//! FIT-SEC010: volumes in memory that may fill what their container may use.
//!
//! What is written to an `emptyDir` with `medium: Memory` counts as memory of the container that writes it, which is killed
//! at its limit. All such volumes of a container are counted that it may write to and that have a `sizeLimit`.
//!
//! Sources: `EmptyDirVolumeSource.medium` in k8s.io/api `core/v1/types.go`, and the pages on `emptyDir` of the Kubernetes
//! documentation.

use std::borrow::Cow;

use kustomize_krm_types::Severity;

use super::{Check, Find, Pod};
use crate::facts::{ContainerFacts, View};
use crate::finding::Finding;
use crate::kubernetes::Quantity;
use crate::objects::Container;
use crate::rules::{Rule, rule};

const FILLS: Rule = rule(
    "FIT-SEC010",
    Severity::Warning,
    "volumes in memory that may take more than half of a memory limit",
);

pub(super) const CHECK: Check = Check {
    name: "memoryVolumes",
    rules: &[FILLS],
    find: Find::Pods(|pod| {
        let volumes: Vec<_> = pod
            .after()
            .spec
            .items_at(["volumes"])
            .filter_map(in_memory)
            .collect();
        if volumes.is_empty() {
            return Vec::new();
        }
        let findings = pod
            .containers()
            .filter_map(|(container, facts)| fills(pod, container, facts, &volumes));
        findings.collect()
    }),
};

/// The name of a volume in memory, and the most that it may hold.
fn in_memory(volume: View<'_>) -> Option<(Cow<'_, str>, Quantity)> {
    let source = volume.get("emptyDir")?;
    let is_in_memory = source.text_at(["medium"]).as_deref() == Some("Memory");
    let size = source.get("sizeLimit").filter(|_| is_in_memory)?;
    Some((volume.text_at(["name"])?, size.quantity()?))
}

fn fills(
    pod: &Pod<'_, '_>,
    container: &Container<'_>,
    facts: &ContainerFacts<'_>,
    volumes: &[(Cow<'_, str>, Quantity)],
) -> Option<Finding> {
    let field = ["resources", "limits", "memory"];
    let limit = facts.view.at(field)?.quantity()?;
    let is_mounted = |name: &str| {
        let mut mounts = facts.view.items_at(["volumeMounts"]);
        mounts.any(|mount| {
            let is_read_only = mount.get("readOnly").and_then(View::bool) == Some(true);
            !is_read_only && mount.text_at(["name"]).as_deref() == Some(name)
        })
    };
    let mut mounted = volumes.iter().filter(|(name, _)| is_mounted(name));
    let (_, first) = mounted.next()?;
    let all = mounted.try_fold(*first, |sum, (_, size)| sum.checked_add(*size))?;
    let is_all = all >= limit;
    if !is_all && all.checked_add(all)? <= limit {
        return None;
    }
    let how_much = if is_all { "all" } else { "more than half" };
    let subject = &container.subject;
    let message = format!(
        "{}: its writable paths in memory may take {all}, {how_much} of its memory limit of {limit}, at which it is killed",
        subject.part
    );
    let finding = Finding::new(&FILLS, message)
        .about(subject, &field)
        .help("lower `sizeLimit`, raise the limit, or leave out `medium: Memory`");
    let section = pod
        .security_context()
        .and_then(|it| it.section_for(container));
    Some(match section {
        Some(section) => finding.decided_by(section.decision("writablePaths")),
        None => finding,
    })
}
