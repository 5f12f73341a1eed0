//! Writable paths in memory: what is written there counts as memory of the container, which is killed at its limit.
//!
//! Source: k8s.io/api `core/v1/types.go`, `EmptyDirVolumeSource.medium`, and the pages on `emptyDir` of the Kubernetes
//! documentation.

use kustomize_krm_types::Severity;

use super::container::ContainerFitting;
use super::writable::{Volumes, Wanted};
use crate::edit::Edits;
use crate::finding::Finding;
use crate::kubernetes::Quantity;
use crate::rules;

impl Volumes {
    /// Tells where what may be written to memory leaves the container less than half of its limit.
    pub(super) fn fills_memory(
        &self,
        fitting: &ContainerFitting<'_, '_>,
        paths: &[Wanted],
        edits: &Edits<'_>,
    ) -> Option<Finding> {
        let limit = limit_of(fitting, edits)?;
        let mut sizes = paths
            .iter()
            .filter(|path| self.is_in_memory(fitting.container, path))
            .map(Wanted::size);
        let first = sizes.next()??;
        let all = sizes.try_fold(first, |sum, size| sum.checked_add(size?))?;
        let is_all = all >= limit;
        if !is_all && all.checked_add(all)? <= limit {
            return None;
        }
        let how_much = if is_all { "all" } else { "more than half" };
        let message = format!(
            "{}: its writable paths in memory may take {all}, {how_much} of its memory limit of {limit}, at which it is killed",
            fitting.subject.part
        );
        let finding = Finding::graded(&rules::SEC001, Severity::Warning, message)
            .about(&fitting.subject, &["resources", "limits", "memory"])
            .decided_by(fitting.section.decision("writablePaths"))
            .help("lower `sizeLimit`, raise the limit, or leave out `medium: Memory`");
        Some(finding)
    }
}

/// The container's memory limit as it will be: the section `resources` comes first.
fn limit_of(fitting: &ContainerFitting<'_, '_>, edits: &Edits<'_>) -> Option<Quantity> {
    let field = ["resources", "limits", "memory"];
    let pointer = fitting.subject.at(&field);
    let mut changes = edits.of_object().iter();
    if let Some(change) = changes.rfind(|change| change.pointer() == pointer) {
        return change.proposed.as_ref()?.as_str()?.parse().ok();
    }
    Quantity::of_node(fitting.container.node.at(field)?).ok()
}
