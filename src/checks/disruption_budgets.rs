//! FIT-PDB001: PodDisruptionBudgets that block node drains or protect no pod.
//!
//! If a budget allows no disruption, `kubectl drain` never finishes, and node upgrades hang with it. This is the case with
//! `maxUnavailable: 0`, with `minAvailable: 100%`, and if `minAvailable` is at least the number of pods. Percentages are
//! rounded up, as in the disruption controller. The number of replicas comes from the manifest, or is the minimum of an
//! autoscaler.
//!
//! Nothing is reported if the number of pods is not known: for DaemonSets, Jobs, pods of operators, and pods that are not
//! in the input. A selector that matches no pod, although its pods should be in the input, is a warning.
//!
//! Source: `getExpectedPodCount` in kubernetes `pkg/controller/disruption/disruption.go`.

use std::collections::HashMap;

use kustomize_krm_types::Severity;

use super::{Check, Find, Scene};
use crate::finding::{Finding, Plain, Subject};
use crate::kubernetes::LabelSelector;
use crate::objects::{PodSearch, Pods, SelectedPods};
use crate::read::Resource;
use crate::rules::rules;
use crate::yaml::{Node, Scalar};

rules! {
    RULES;
    ID: "FIT-PDB001" Error OnCheck
        "a PodDisruptionBudget that allows no disruption or protects no pod"
        ("kube-linter pdb-max-unavailable, pdb-min-available; Polaris pdbDisruptionsIsZero; Kyverno require-reasonable-pdbs");
}

pub(super) const CHECK: Check = Check {
    name: "disruptionBudgets",
    rules: RULES,
    find: &[Find::Comparing(&Find::Scene(|scene| {
        let mut findings = Vec::new();
        let mut known = None;
        for selected in &scene.selection.selected {
            let resource = selected.target.resource;
            if resource.kind == "PodDisruptionBudget" && resource.group() == "policy" {
                let known = known.get_or_insert_with(|| Replicas {
                    least: least_replicas(scene),
                    of_parts: HashMap::new(),
                });
                findings.extend(find(scene, selected.index, resource, known));
            }
        }
        findings
    }))],
};

/// The minimum replicas of autoscalers, by the index of their targets.
fn least_replicas(scene: &Scene<'_>) -> HashMap<usize, i64> {
    let mut least = HashMap::new();
    for autoscaler in &scene.objects().autoscalers {
        for (target, _) in &autoscaler.targets {
            least.extend(autoscaler.replicas.map(|(least, _)| (*target, least)));
        }
    }
    least
}

fn find(
    scene: &Scene<'_>,
    index: usize,
    resource: &Resource<'_>,
    known: &mut Replicas,
) -> Option<Finding> {
    let spec = resource.node.at(["spec"])?;
    let found = |severity, message: String, key: &str| {
        let current = spec.at([key]).and_then(|it| it.value().ok());
        Finding::graded(&ID, severity, message)
            .of(index)
            .about(&Subject::object(), &["spec", key])
            .current(current)
    };
    let help = "allow one pod to be unavailable: replace minAvailable with `maxUnavailable: 1`";
    let max = spec.at(["maxUnavailable"]);
    if max
        .and_then(|max| Amount::of(max))
        .is_some_and(Amount::is_nothing)
    {
        let message =
            "it allows no disruption, so nodes with its pods cannot be drained".to_owned();
        let finding = found(Severity::Error, message, "maxUnavailable");
        return Some(finding.proposed(1).help("allow one pod to be unavailable"));
    }
    let min = spec
        .at(["minAvailable"])
        .and_then(|min| Some((min, Amount::of(min)?)));
    if min.is_some_and(|(_, min)| matches!(min, Amount::Percent(percent) if percent >= 100)) {
        let message =
            "it requires all pods to be available, so their nodes cannot be drained".to_owned();
        return Some(found(Severity::Error, message, "minAvailable").help(help));
    }
    let pods = match selected(scene, resource, spec) {
        PodSearch::Pods(pods) => pods,
        PodSearch::Unknown => return None,
        PodSearch::NoMatch(no_match) => {
            let message = format!("it protects no pod: {}", no_match.cause);
            let mut finding = found(Severity::Warning, message, "selector");
            finding.help = no_match.help.map(Into::into);
            return Some(finding);
        }
    };
    let (node, min) = min?;
    let replicas = known.of(&pods).filter(|replicas| *replicas > 0)?;
    let needed = match min {
        Amount::Number(number) => number,
        Amount::Percent(percent) => percent.checked_mul(replicas)?.checked_add(99)? / 100,
    };
    (needed >= replicas).then(|| {
        let (all, nodes) = match replicas {
            1 => ("the only pod".to_owned(), "its node"),
            _ => (format!("all {replicas} pods"), "their nodes"),
        };
        let message = format!(
            "minAvailable {} requires {}, so {} cannot be drained",
            Plain(&node.value().unwrap_or(crate::yaml::Value::Null)),
            all,
            nodes,
        );
        found(Severity::Error, message, "minAvailable").help(help)
    })
}

/// The pods that a budget selects: none without a selector, and all of its namespace with an empty one, except in
/// policy/v1beta1.
fn selected<'s>(scene: &Scene<'s>, resource: &Resource<'_>, spec: Node<'_>) -> PodSearch<'s, 's> {
    let selector = spec.at(["selector"]).map(LabelSelector::of_object);
    match selector {
        Some(selector) if !selector.is_empty() || resource.version() != "v1beta1" => scene
            .objects()
            .find_pods(&selector, resource.namespace.as_deref()),
        _ => PodSearch::Unknown,
    }
}

/// Numbers of pods.
struct Replicas {
    /// The minimum of autoscalers, by the index of their targets.
    least: HashMap<usize, i64>,
    /// The sums that are known already.
    of_parts: HashMap<usize, Option<i64>>,
}

impl Replicas {
    /// The minimum number of pods, if known.
    fn of(&mut self, pods: &SelectedPods<'_, '_>) -> Option<i64> {
        let add = |sum: i64, it: Option<i64>| sum.checked_add(it?);
        let sums = pods.parts().map(|(part, mut pods)| {
            let sum = || pods.try_fold(0, |sum, it| add(sum, replicas(it, &self.least)));
            *self.of_parts.entry(part).or_insert_with(sum)
        });
        sums.into_iter().try_fold(0, add)
    }
}

/// The minimum number of an object's pods, if known.
fn replicas(pods: &Pods<'_>, least: &HashMap<usize, i64>) -> Option<i64> {
    let resource = pods.resource;
    if let Some(least) = least.get(&pods.object) {
        return Some(*least);
    }
    let replicas = resource.node.at(["spec", "replicas"]);
    match (resource.group(), resource.kind.as_ref(), replicas) {
        ("", "Pod", _) => Some(1),
        (
            "apps" | "",
            "Deployment" | "ReplicaSet" | "ReplicationController" | "StatefulSet",
            None,
        ) => Some(1),
        (_, "DaemonSet" | "Job" | "CronJob", _) | (_, _, None) => None,
        (_, _, Some(replicas)) => replicas.int(),
    }
}

/// A number or a percentage of pods.
#[derive(Clone, Copy)]
enum Amount {
    Number(i64),
    Percent(i64),
}

impl Amount {
    fn of(node: Node<'_>) -> Option<Amount> {
        match node.scalar()? {
            Scalar::Int(number) => i64::try_from(number).ok().map(Amount::Number),
            Scalar::Text(text) => {
                let percent = text.strip_suffix('%')?.parse().ok()?;
                Some(Amount::Percent(percent))
            }
            _ => None,
        }
    }

    fn is_nothing(self) -> bool {
        matches!(self, Amount::Number(0) | Amount::Percent(0))
    }
}
