//! FIT-TGT002: objects that look like workloads and are none, so that nothing in them is fitted: a kind
//! in the wrong case or group, or a workload without a container.

use kustomize_krm_types::Severity;

use crate::config::Config;
use crate::edit::Finding;
use crate::select::{Selection, workload_kind};

/// Would-be workloads, each with what keeps it from being one.
pub(super) fn unfitted_workloads(_: &Config<'_>, selection: &Selection<'_, '_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for selected in selection
        .selected
        .iter()
        .filter(|selected| selected.target.templates.is_empty())
    {
        let resource = selected.target.resource;
        let Some((group, kind)) = workload_kind(&resource.kind) else {
            continue;
        };
        if kind == "ReplicationController" && resource.node.get("spec").is_some() {
            // Its template may be left out.
            continue;
        }
        let is_kind = resource.kind == kind;
        let message = match (is_kind, resource.group() == group) {
            (true, true) => format!(
                "this {kind} has no containers where its kind has them, so nothing is fitted"
            ),
            (true, false) if is_builtin(resource.group()) => {
                format!(
                    "no {kind} is in apiVersion {}, so nothing is fitted",
                    resource.api_version
                )
            }
            (false, _) if is_builtin(resource.group()) => format!(
                "`{}` is no kind, so nothing is fitted; did you mean {kind}?",
                resource.kind
            ),
            _ => continue,
        };
        let mut finding = Finding::new("FIT-TGT002", Severity::Warning, message);
        finding.resource = Some(selected.index);
        findings.push(finding.help("look for a misspelt or wrongly indented field"));
    }
    findings
}

/// Groups that Kubernetes owns, today's and the one that workloads came from.
fn is_builtin(group: &str) -> bool {
    matches!(group, "" | "apps" | "batch" | "extensions")
}
