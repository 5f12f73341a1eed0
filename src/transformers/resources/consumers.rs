//! What else in a pod goes by the amounts of its containers: volumes on the node's disk, and environment variables.

use super::FITTED;
use super::namespace::Ranges;
use crate::edit::Edits;
use crate::facts::Half;
use crate::facts::{Declared, PodAmounts, PodFacts};
use crate::finding::Finding;
use crate::kubernetes::Quantity;
use crate::objects::{Container, Template};
use crate::read::Resource;
use crate::rules;
use crate::yaml::Node;

/// Tells of volumes on the node's disk that may grow beyond what the containers together may store there: the kubelet
/// then evicts the pod (`podEphemeralStorageLimitEviction` in kubernetes `pkg/kubelet/eviction/eviction_manager.go`).
pub(super) fn tell_of_volumes(
    template: &Template<'_>,
    amounts: &PodAmounts,
    edits: &mut Edits<'_>,
) {
    let Some(limit) = amounts.sum(Half::Limits, "ephemeral-storage") else {
        return;
    };
    let sizes = template.volumes().filter_map(|volume| {
        let directory = volume.get("emptyDir")?;
        // What has a medium is no disk of the node's.
        let medium = directory.at(["medium"]);
        let is_on_disk = medium.is_none_or(|medium| medium.text().is_some_and(|it| it.is_empty()));
        let size = directory.at(["sizeLimit"]).filter(|_| is_on_disk)?;
        Quantity::of_node(size).ok()
    });
    let Some(sum) = sizes.reduce(|sum, size| sum.checked_add(size).unwrap_or(sum)) else {
        return;
    };
    if sum > limit {
        let subject = template.pod.clone();
        let message = format!(
            "{}: its emptyDir volumes may hold {sum}, and it is evicted above its ephemeral-storage limit of {limit}",
            subject.part
        );
        edits.find(
            Finding::new(&rules::RES012, message)
                .about(&subject, &["volumes"])
                .help("raise the limits of ephemeral-storage, or lower `sizeLimit`"),
        );
    }
}

/// An environment variable that takes an amount.
struct Variable {
    name: String,
    /// Its place among the container's.
    at: usize,
    half: Half,
    of: &'static str,
    /// The container whose amount it is.
    container: usize,
}

/// Tells of environment variables that take an amount which is not there, and of those whose value changes with it;
/// `amounts` are completed.
pub(super) fn tell_of_environment(
    resource: &Resource<'_>,
    template: &Template<'_>,
    ranges: &Ranges,
    amounts: &PodAmounts,
    edits: &mut Edits<'_>,
) {
    if !resource.node.raw().contains("resourceFieldRef") {
        return;
    }
    let before = ranges.complete(PodAmounts::of(&PodFacts::of(template)));
    let containers: Vec<(&Container<'_>, &Declared)> = amounts.by_container(template).collect();
    for (own, (container, _)) in containers.iter().enumerate() {
        let subject = container.subject.clone();
        let mut changed = Vec::new();
        for variable in variables(own, &containers) {
            let Variable { name, half, of, .. } = &variable;
            let (_, declared) = containers[variable.container];
            let amount = |amounts: &PodAmounts| {
                let (_, declared) = amounts.containers.get(variable.container)?;
                declared.half(*half).get(*of).copied()
            };
            if amount(&before) != amount(amounts) {
                changed.push(format!("{name} ({half}.{of})"));
            }
            let is_there = |declared: &Declared| {
                let amount = declared.half(*half).get(*of);
                amount.is_some_and(|amount| !amount.is_zero())
            };
            // A limit of the pod stands in for that of a container (`defaultPodLimitsForDownwardAPI` in kubernetes
            // `pkg/kubelet/kubelet_resources.go`), a request does not.
            if is_there(declared) || *half == Half::Limits && is_there(&amounts.pod) {
                continue;
            }
            let what = match half {
                Half::Limits => "is what the node has, because there is no such limit",
                Half::Requests => "is 0, because there is no such request",
            };
            let message = format!("{}: {name} takes {half}.{of} and {what}", subject.part);
            let at = variable.at.to_string();
            edits.find(
                Finding::new(&rules::RES013, message)
                    .about(&subject, &["env", &at, "valueFrom", "resourceFieldRef"])
                    .help("set the amount, or write the value"),
            );
        }
        if !changed.is_empty() {
            let message = format!(
                "{}: what is set here changes the environment: {}",
                subject.part,
                changed.join(", ")
            );
            let finding = Finding::new(&rules::RES015, message);
            edits.find(finding.about(&subject, &["env"]));
        }
    }
}

/// The variables of a container that take amounts, its own or another container's.
fn variables(own: usize, containers: &[(&Container<'_>, &Declared)]) -> Vec<Variable> {
    let env = containers[own].0.node.items_at(["env"]).enumerate();
    let text = |node: Node<'_>, key: &str| Some(node.text_at([key])?.into_owned());
    let variable = |(at, variable): (usize, Node<'_>)| {
        let taken = variable.at(["valueFrom", "resourceFieldRef"])?;
        let amount = text(taken, "resource")?;
        let (half, name) = amount.split_once('.')?;
        let halves = [Half::Requests, Half::Limits];
        let other = text(taken, "containerName").filter(|name| !name.is_empty());
        let container = match other {
            Some(other) => containers.iter().position(|(it, _)| *it.name == *other)?,
            None => own,
        };
        Some(Variable {
            name: text(variable, "name")?,
            at,
            half: halves.into_iter().find(|it| it.key() == half)?,
            of: FITTED.into_iter().find(|it| *it == name)?,
            container,
        })
    };
    env.filter_map(variable).collect()
}
