//! FIT-PDB001: disruption budgets that keep nodes from being drained, or that protect nothing.
//!
//! Where a budget allows no disruption at all, `kubectl drain` waits for ever, and so does every upgrade of the nodes. That
//! is so with `maxUnavailable: 0`, with `minAvailable: 100%`, and where `minAvailable` is as many pods as there are.
//! Percentages are rounded up, as the disruption controller does, so that one of two is more than 50% of one. The replicas
//! are those of the manifest, or the fewest that an autoscaler keeps.
//!
//! Nothing is said of pods whose number is not known here: those of DaemonSets and Jobs, of operators, and those that are
//! not rendered. A budget whose selector meets no pod, though it would have to be here, is told as a warning.
//!
//! Source: `getExpectedPodCount` in kubernetes `pkg/controller/disruption/disruption.go`.

use std::collections::HashMap;

use kustomize_krm_types::Severity;

use super::{Check, Find, Scene};
use crate::finding::{Finding, Plain, Subject};
use crate::kubernetes::LabelSelector;
use crate::objects::{PodSearch, Pods};
use crate::read::Resource;
use crate::rules::{Rule, When};
use crate::yaml::{Node, Scalar};

const ID: Rule = Rule {
    id: "FIT-PDB001",
    severity: Severity::Error,
    when: When::OnCheck,
    meaning: "a disruption budget that allows no disruption, or protects no pod",
    peers: "kube-linter pdb-max-unavailable, pdb-min-available; Polaris pdbDisruptionsIsZero; Kyverno \
                require-reasonable-pdbs",
};

pub(super) const CHECK: Check = Check {
    name: "disruptionBudgets",
    rules: &[ID],
    find: Find::Objects(|scene| {
        let mut findings = Vec::new();
        let mut least = None;
        for selected in &scene.selection.selected {
            let resource = selected.target.resource;
            if resource.kind == "PodDisruptionBudget" && resource.group() == "policy" {
                let least = least.get_or_insert_with(|| least_replicas(scene));
                findings.extend(judge(scene, selected.index, resource, least));
            }
        }
        findings
    }),
};

/// The fewest replicas that autoscalers keep, by the index of what they scale.
fn least_replicas(scene: &Scene<'_>) -> HashMap<usize, i64> {
    let mut least = HashMap::new();
    for autoscaler in &scene.objects().autoscalers {
        for (target, _) in &autoscaler.targets {
            least.extend(autoscaler.replicas.map(|(least, _)| (*target, least)));
        }
    }
    least
}

fn judge(
    scene: &Scene<'_>,
    index: usize,
    resource: &Resource<'_>,
    least: &HashMap<usize, i64>,
) -> Option<Finding> {
    let spec = resource.node.at(["spec"])?;
    let found = |severity, message: String, key: &str| {
        let current = spec.at([key]).and_then(|it| it.value().ok());
        Finding::graded(&ID, severity, message)
            .of(index)
            .about(&Subject::object(), &["spec", key])
            .current(current)
    };
    let help =
        "allow one pod at a time to be away: `maxUnavailable: 1` in the place of minAvailable";
    let max = spec.at(["maxUnavailable"]);
    if max
        .and_then(|max| Amount::of(max))
        .is_some_and(Amount::is_nothing)
    {
        let message = "no disruption is allowed, so that its nodes cannot be drained".to_owned();
        let finding = found(Severity::Error, message, "maxUnavailable");
        return Some(
            finding
                .proposed(1)
                .help("allow one pod at a time to be away"),
        );
    }
    let min = spec
        .at(["minAvailable"])
        .and_then(|min| Some((min, Amount::of(min)?)));
    if min.is_some_and(|(_, min)| matches!(min, Amount::Percent(percent) if percent >= 100)) {
        let message = "all pods shall be available, so that its nodes cannot be drained".to_owned();
        return Some(found(Severity::Error, message, "minAvailable").help(help));
    }
    let pods = match selected(scene, resource, spec) {
        PodSearch::Pods(pods) => pods,
        PodSearch::Unknown => return None,
        PodSearch::NoMatch(no_match) => {
            let message = format!("the budget protects no pod: {}", no_match.cause);
            let mut finding = found(Severity::Warning, message, "selector");
            finding.help = no_match.help;
            return Some(finding);
        }
    };
    let (node, min) = min?;
    let replicas = replicas(&pods, least).filter(|replicas| *replicas > 0)?;
    let needed = match min {
        Amount::Number(number) => number,
        Amount::Percent(percent) => percent.checked_mul(replicas)?.checked_add(99)? / 100,
    };
    (needed >= replicas).then(|| {
        let message = format!(
            "minAvailable {} is all of {replicas} {}, so that their nodes cannot be drained",
            Plain(&node.value().unwrap_or(crate::yaml::Value::Null)),
            if replicas == 1 { "pod" } else { "pods" }
        );
        found(Severity::Error, message, "minAvailable").help(help)
    })
}

/// The pods that a budget is for. Without a selector it is for none, and with an empty one for all of its namespace, but
/// in policy/v1beta1 for none.
fn selected<'s>(scene: &Scene<'s>, resource: &Resource<'_>, spec: Node<'_>) -> PodSearch<'s, 's> {
    let selector = spec.at(["selector"]).map(LabelSelector::of_object);
    match selector {
        Some(selector) if !selector.is_empty() || resource.version() != "v1beta1" => scene
            .objects()
            .find_pods(&selector, resource, resource.namespace.as_deref()),
        _ => PodSearch::Unknown,
    }
}

/// How many pods there are at least, where that is known.
fn replicas(pods: &[&Pods<'_>], least: &HashMap<usize, i64>) -> Option<i64> {
    let replicas = |pods: &&Pods<'_>| {
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
    };
    let all: Option<Vec<i64>> = pods.iter().map(replicas).collect();
    all?.into_iter()
        .try_fold(0_i64, |sum, it| sum.checked_add(it))
}

/// A number of pods, or a share of them.
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
