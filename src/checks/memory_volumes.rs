//! FIT-SEC010: in-memory volumes that can use most of a container's memory limit.
//!
//! Data in an `emptyDir` with `medium: Memory` counts as memory of the container that writes it, and the container is killed
//! at its limit. The check adds up the `sizeLimit` of all such volumes that a container can write to.
//!
//! Sources: `EmptyDirVolumeSource.medium` in k8s.io/api `core/v1/types.go`, and the pages on `emptyDir` of the Kubernetes
//! documentation.

use std::borrow::Cow;
use std::collections::HashSet;

use super::{Check, Find, Pod};
use crate::facts::{ContainerFacts, Field, View};
use crate::finding::Finding;
use crate::kubernetes::Quantity;
use crate::objects::Container;
use crate::rules::rules;

rules! {
    RULES;
    FILLS: "FIT-SEC010" Warning Always "in-memory volumes that can use more than half of a memory limit";
}

pub(super) const CHECK: Check = Check {
    name: "memoryVolumes",
    rules: RULES,
    find: &[Find::Pods(|pod| {
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
    })],
};

/// The name and size limit of a volume in memory.
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
    let resources = facts.get(Field::Resources)?;
    let limit = resources.at(["limits", "memory"])?.quantity()?;
    let mounts = facts.items(Field::VolumeMounts);
    let is_read_only = |it: &View<'_>| it.get("readOnly").and_then(View::bool) == Some(true);
    let writable = mounts.filter(|it| !is_read_only(it));
    let writable: HashSet<Cow<'_, str>> = writable.filter_map(|it| it.text_at(["name"])).collect();
    let mut mounted = volumes.iter().filter(|(name, _)| writable.contains(name));
    let (_, first) = mounted.next()?;
    let all = mounted.try_fold(*first, |sum, (_, size)| sum.checked_add(*size))?;
    let is_all = all >= limit;
    if !is_all && all.checked_add(all)? <= limit {
        return None;
    }
    let how_much = if is_all { "all" } else { "more than half" };
    let subject = &container.subject;
    let message = format!(
        "{}: its in-memory volumes can use {all}, {how_much} of its memory limit of {limit}, and it is killed at the limit",
        subject.part
    );
    let finding = Finding::new(&FILLS, message)
        .about(subject, &field)
        .help("lower `sizeLimit`, raise the limit, or remove `medium: Memory`");
    let section = pod
        .security_context()
        .and_then(|it| it.section_for(container));
    Some(match section {
        Some(section) => finding.decided_by(section.decision("writablePaths")),
        None => finding,
    })
}
