//! What is wrong with the kind of an object and its version.

use super::{DEPRECATED, NOT_SERVED};
use crate::finding::{Finding, Subject};
use crate::kubernetes::schema::{self, KindRow};
use crate::problem::suggestion;
use crate::read::Resource;
use crate::rules::Rule;

/// Files of kustomize and kubectl with these apiVersions and kinds look like objects.
fn is_of_tools(version: &str, kind: &str) -> bool {
    version == "builtin" || version == "v1" && kind == "Config"
}

/// What is wrong with the kind and its version.
pub(super) fn of_kind(resource: &Resource<'_>, minor: u8) -> Option<Finding> {
    let (version, kind) = (&*resource.api_version, &*resource.kind);
    let rows = schema::rows_of(kind);
    let of_version: Vec<_> = rows.iter().filter(|it| it.api_version == version).collect();
    let served = |row: &&KindRow| row.of.is_some() && row.versions.has(minor) && !row.is_off;
    let current = of_version
        .iter()
        .find(|row| row.of.is_some() && row.versions.has(minor));
    let about = |rule: &'static Rule, message: String| {
        Finding::new(rule, message)
            .about(&Subject::object(), &["apiVersion"])
            .current(
                resource
                    .node
                    .at(["apiVersion"])
                    .and_then(|it| it.value().ok()),
            )
    };
    let instead = || {
        let replaced = of_version.iter().rev().find_map(|row| row.replaced);
        let replaced = replaced.map(str::to_owned).or_else(|| {
            let other = rows.iter().rev().find(served)?;
            Some(format!("{} {kind}", other.api_version))
        });
        replaced.map(|it| format!("use {it}"))
    };
    let with_help = |finding: Finding, help: Option<String>| match help {
        Some(help) => finding.help(help),
        None => finding,
    };
    match (current, of_version.last()) {
        (Some(row), _) if row.is_off => {
            let message = format!(
                "Kubernetes 1.{minor} does not serve {version} {kind}, unless the API server enables it"
            );
            Some(with_help(about(&NOT_SERVED, message), instead()))
        }
        (Some(row), _) => {
            let since = row.deprecated.filter(|since| *since <= minor)?;
            let until = match row.removed {
                Some(until) => format!(", and Kubernetes 1.{until} does not serve it any more"),
                None => String::new(),
            };
            let message =
                format!("{version} {kind} is deprecated since Kubernetes 1.{since}{until}");
            Some(with_help(about(&DEPRECATED, message), instead()))
        }
        (None, Some(row)) => {
            let reason = match row.removed.filter(|removed| *removed <= minor) {
                Some(removed) => {
                    format!("Kubernetes 1.{removed} and later do not serve {version} {kind}")
                }
                None if row.versions.since > minor => format!(
                    "Kubernetes 1.{minor} does not serve {version} {kind}, which exists since 1.{}",
                    row.versions.since
                ),
                None => format!("Kubernetes 1.{minor} does not serve {version} {kind}"),
            };
            Some(with_help(about(&NOT_SERVED, reason), instead()))
        }
        (None, None) => {
            // Only a group of Kubernetes itself is known completely.
            let group = |version: &str| match version.split_once('/') {
                Some((group, _)) => group.to_owned(),
                None if version == "v1" => String::new(),
                None => version.to_owned(),
            };
            if is_of_tools(version, kind) {
                return None;
            }
            let own = group(version);
            let in_group: Vec<_> = schema::kinds()
                .filter(|it| group(it.api_version) == own)
                .collect();
            if in_group.is_empty() {
                // A group without a dot is Kubernetes' own; others are of CustomResourceDefinitions.
                let other = || suggestion(version, schema::kinds().map(|it| it.api_version));
                if version.is_empty() || own.contains('.') || rows.is_empty() {
                    return None;
                }
                let message = format!("Kubernetes has no API group `{own}`");
                return Some(with_help(
                    about(&NOT_SERVED, message),
                    instead().or_else(other),
                ));
            }
            let message = format!("Kubernetes 1.{minor} has no {version} {kind}");
            let near = || suggestion(kind, in_group.iter().map(|it| it.kind));
            Some(with_help(
                about(&NOT_SERVED, message),
                instead().or_else(near),
            ))
        }
    }
}
