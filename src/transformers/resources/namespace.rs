//! What the LimitRanges and ResourceQuotas in hand make of the pods of their namespace.
//!
//! Theirs are only pods of the very namespace that they name, or of none where they name none: what somebody else
//! deploys beside them is not known here.

use std::collections::BTreeMap;

use super::FITTED;
use crate::edit::{Change, Edits};
use crate::facts::Half;
use crate::facts::{Declared, PodAmounts};
use crate::finding::{Finding, Subject};
use crate::kubernetes::{Quantity, Scale};
use crate::objects::{Container, ContainerType, Related, Target, Template};
use crate::read::Resource;
use crate::rules;
use crate::select::{Selected, Selection};
use crate::yaml::Node;

/// The items of the LimitRanges of a namespace, with the defaults that the API server gives them.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    items: Vec<Item>,
}

/// An item of a LimitRange.
#[derive(Debug)]
struct Item {
    /// The LimitRange, as people call it.
    from: String,
    /// It bounds the sum over a pod, not each container.
    is_for_pods: bool,
    default: BTreeMap<String, Quantity>,
    default_request: BTreeMap<String, Quantity>,
    min: BTreeMap<String, Quantity>,
    max: BTreeMap<String, Quantity>,
    /// As decimals.
    ratio: BTreeMap<String, String>,
}

impl Ranges {
    /// The LimitRanges of an object's namespace.
    pub(super) fn of(related: &Related<'_>, of: &Resource<'_>) -> Ranges {
        let mut items = Vec::new();
        for range in related.limit_ranges_of(of) {
            let limits = range.node.items_at(["spec", "limits"]);
            items.extend(limits.filter_map(|limit| Item::of(range, limit)));
        }
        Ranges { items }
    }

    /// The amounts as they are once LimitRanges have completed them (`mergeContainerResources` in kubernetes
    /// `plugin/pkg/admission/limitranger/admission.go`).
    pub(super) fn complete(&self, mut amounts: PodAmounts) -> PodAmounts {
        let of_containers = self.items.iter().filter(|item| !item.is_for_pods);
        for item in of_containers {
            for (_, declared) in &mut amounts.containers {
                add_absent(&mut declared.limits, &item.default);
                add_absent(&mut declared.requests, &item.default_request);
            }
        }
        amounts
    }

    /// Tells of pods that these LimitRanges keep from being made; `amounts` are completed.
    pub(super) fn judge(
        &self,
        template: &Template<'_>,
        amounts: &PodAmounts,
        edits: &mut Edits<'_>,
    ) {
        for item in &self.items {
            if item.is_for_pods {
                let subject = template.pod.clone();
                item.judge(&subject, &["resources"], &amounts.in_all(), edits);
                continue;
            }
            for (container, declared) in amounts.by_container(template) {
                let subject = container.subject.clone();
                item.judge(&subject, &[container.resources_key], declared, edits);
            }
        }
    }
}

impl Item {
    fn of(range: &Resource<'_>, item: Node<'_>) -> Option<Item> {
        let kind = item.text_at(["type"])?;
        let is_for_pods = kind == "Pod";
        // A third type is for the sizes of claims.
        if !is_for_pods && kind != "Container" {
            return None;
        }
        let amounts = |key: &str| quantities(item.at([key]));
        let mut read = Item {
            from: range.display_name(),
            is_for_pods,
            default: amounts("default"),
            default_request: amounts("defaultRequest"),
            min: amounts("min"),
            max: amounts("max"),
            ratio: amounts("maxLimitRequestRatio")
                .into_iter()
                .filter_map(|(name, ratio)| Some((name, decimal(ratio)?)))
                .collect(),
        };
        // `SetDefaults_LimitRangeItem` in kubernetes `pkg/apis/core/v1/defaults.go`.
        if !is_for_pods {
            add_absent(&mut read.default, &read.max);
            add_absent(&mut read.default_request, &read.default);
            add_absent(&mut read.default_request, &read.min);
        }
        Some(read)
    }

    /// `PodValidateLimitFunc` in kubernetes `plugin/pkg/admission/limitranger/admission.go`, and the pair of an amount
    /// with a default.
    fn judge(&self, subject: &Subject, field: &[&str], amounts: &Declared, edits: &mut Edits<'_>) {
        let mut names: Vec<&String> = [&self.default, &self.min, &self.max]
            .into_iter()
            .flat_map(|amounts| amounts.keys())
            .chain(self.ratio.keys())
            .collect();
        names.sort();
        names.dedup();
        for name in names {
            let Some((half, what)) = self.objection(name, amounts) else {
                continue;
            };
            let message = format!("{}: {what} ({})", subject.part, self.from);
            let path = [field, &[half.key(), name]].concat();
            edits.find(
                Finding::new(&rules::RES009, message)
                    .about(subject, &path)
                    .help("the API server refuses the pod: change the amount or the LimitRange"),
            );
        }
    }

    fn objection(&self, name: &str, amounts: &Declared) -> Option<(Half, String)> {
        let request = amounts.requests.get(name).copied();
        let limit = amounts.limits.get(name).copied();
        let whose = if self.is_for_pods {
            "a pod"
        } else {
            "a container"
        };
        let halves = [(Half::Limits, limit), (Half::Requests, request)];
        let tell = |half: Half, amount: Quantity, side: &str, bound: Quantity| {
            let what =
                format!("resources.{half}.{name} is {amount}, {side} of {bound} for {whose}");
            Some((half, what))
        };
        if let Some(max) = self.max.get(name).copied() {
            let above = halves.iter().find_map(|(half, amount)| {
                let amount = amount.filter(|amount| *amount > max)?;
                tell(*half, amount, "above the max", max)
            });
            let unlimited = || {
                let what = format!("no limit of {name}, of which {whose} may use {max}");
                limit.is_none().then_some((Half::Limits, what))
            };
            if let Some(found) = above.or_else(unlimited) {
                return Some(found);
            }
        }
        if let Some(min) = self.min.get(name).copied() {
            let below = halves.iter().rev().find_map(|(half, amount)| {
                let amount = amount.filter(|amount| *amount < min)?;
                tell(*half, amount, "below the min", min)
            });
            let unasked = || {
                let what = format!("no request of {name}, of which {whose} has to ask for {min}");
                request.is_none().then_some((Half::Requests, what))
            };
            if let Some(found) = below.or_else(unasked) {
                return Some(found);
            }
        }
        if let Some(ratio) = self.ratio.get(name) {
            let (Some(request), Some(limit)) = (request, limit) else {
                let what = format!("no request and limit of {name}, whose ratio may be {ratio}");
                return Some((Half::Limits, what));
            };
            let most = times(request, ratio);
            if most.is_some_and(|most| limit > most) {
                let what = format!(
                    "resources.limits.{name} is {limit}, more than {ratio} times the request of {request}"
                );
                return Some((Half::Limits, what));
            }
        }
        let default = self.default.get(name).filter(|_| !self.is_for_pods);
        if let (Some(default), Some(request)) = (default, request)
            && limit == Some(*default)
            && request > *default
        {
            return tell(Half::Requests, request, "above the default limit", *default);
        }
        None
    }
}

/// Tells of containers without the amounts that a quota of the namespace asks for (`Constraints` in kubernetes
/// `pkg/quota/v1/evaluator/core/pods.go`): none where the pod has amounts itself. `amounts` are completed.
pub(super) fn tell_of_uncounted(
    related: &Related<'_>,
    of: &Resource<'_>,
    template: &Template<'_>,
    amounts: &PodAmounts,
    edits: &mut Edits<'_>,
) {
    if !amounts.pod.is_empty() {
        return;
    }
    let quotas = related.quotas().iter().map(|(_, quota)| *quota);
    for quota in quotas.filter(|it| it.namespace == of.namespace) {
        let mut asked: Vec<(Half, &'static str)> = Vec::new();
        for name in hard(quota).keys() {
            let counted = ["cpu", "memory"].into_iter();
            asked.extend(
                counted
                    .flat_map(|it| [(Half::Requests, it), (Half::Limits, it)])
                    .filter(|(half, it)| counts(name) == Some((*half, *it))),
            );
        }
        asked.sort_by_key(|(half, name)| (*half == Half::Limits, *name));
        asked.dedup();
        for (container, declared) in amounts.by_container(template) {
            for (half, name) in &asked {
                if declared.half(*half).contains_key(*name) {
                    continue;
                }
                let subject = container.subject.clone();
                let message = format!(
                    "{}: no resources.{half}.{name}, which {} asks of every container",
                    subject.part,
                    quota.display_name()
                );
                edits.find(
                    Finding::new(&rules::RES009, message)
                        .about(&subject, &[container.resources_key, half.key(), name])
                        .help("the API server refuses the pod: set it, or have a LimitRange with a default"),
                );
            }
        }
    }
}

/// What the pods of one object come to.
struct Usage {
    object: String,
    pods: u64,
    each: Quantity,
    all: Quantity,
}

/// Tells of quotas that the pods of their namespace, as they will stand and in the largest number that is written, are
/// too many or too large for. Objects that the config does not select are not counted, so there may be more.
pub(crate) fn tell_of_quotas(
    selection: &Selection<'_, '_>,
    changes: &[Change],
    is_fitted: impl Fn(&Selected<'_, '_>) -> bool,
) -> Vec<Finding> {
    let related = &selection.objects.related;
    let mut findings = Vec::new();
    for &(index, quota) in related.quotas() {
        let hard = hard(quota);
        let beside = selection.selected.iter();
        let beside: Vec<_> = beside
            .filter(|it| !it.target.templates.is_empty())
            .filter(|it| it.target.resource.namespace == quota.namespace)
            .collect();
        if hard.is_empty() || !beside.iter().any(|it| is_fitted(it)) {
            continue;
        }
        let mut counted: Vec<(String, u64, PodAmounts, Overhead<'_>)> = Vec::new();
        for selected in beside {
            let resource = selected.target.resource;
            let Some(pods) = number_of_pods(&selected.target, related) else {
                continue;
            };
            let first = changes.partition_point(|it| it.resource < selected.index);
            let until = changes.partition_point(|it| it.resource <= selected.index);
            let whole = selected.target.templates.iter().filter(|it| it.is_whole());
            for template in whole {
                let amounts = PodAmounts::after(template, &changes[first..until]);
                let completed = Ranges::of(related, resource).complete(amounts);
                let overhead = Overhead::of(template, related);
                counted.push((resource.display_name(), pods, completed, overhead));
            }
        }
        for (name, most) in &hard {
            let Some((half, of)) = counts(name) else {
                continue;
            };
            let usages = counted
                .iter()
                .filter_map(|(object, pods, amounts, overhead)| {
                    let each =
                        overhead.with(half, of, amounts.in_all().half(half).get(of).copied())?;
                    let all = times(each, &pods.to_string())?;
                    Some(Usage {
                        object: object.clone(),
                        pods: *pods,
                        each,
                        all,
                    })
                });
            let mut usages: Vec<Usage> = usages.filter(|it| !it.all.is_zero()).collect();
            usages.sort_by(|a, b| b.all.cmp(&a.all).then_with(|| a.object.cmp(&b.object)));
            let mut all = usages.iter().map(|it| it.all);
            let first = all.next();
            let sum = first.and_then(|first| all.try_fold(first, Quantity::checked_add));
            if let Some(sum) = sum.filter(|sum| *sum > *most) {
                let mut finding = too_much(quota, name, sum, *most, &usages);
                finding.resource = Some(index);
                findings.push(finding);
            }
        }
    }
    findings
}

fn too_much(
    quota: &Resource<'_>,
    name: &str,
    sum: Quantity,
    most: Quantity,
    usages: &[Usage],
) -> Finding {
    let largest = usages.iter().take(3);
    let mut parts: Vec<String> = largest
        .map(|it| format!("{} {} × {}", it.object, it.pods, it.each))
        .collect();
    if usages.len() > parts.len() {
        parts.push("…".to_owned());
    }
    let message = format!(
        "{name} of the namespace's pods can come to {sum} ({}), above the hard {most} of {}",
        parts.join(", "),
        quota.display_name()
    );
    Finding::new(&rules::RES009, message)
        .about(&Subject::object(), &["spec", "hard", name])
        .help("the API server refuses the pods that are too many: raise the quota, or lower amounts or numbers")
}

/// What a pod costs beside its containers (`overhead`, which the RuntimeClass brings).
struct Overhead<'a> {
    fixed: Option<Node<'a>>,
}

impl<'a> Overhead<'a> {
    fn of(template: &Template<'a>, related: &Related<'a>) -> Overhead<'a> {
        let of_class = || {
            let class = template.spec.text_at(["runtimeClassName"])?;
            related.runtime_class(&class)?.at(["overhead", "podFixed"])
        };
        Overhead {
            fixed: template.spec.at(["overhead"]).or_else(of_class),
        }
    }

    /// An amount with it: limits have it only where there is one (`PodLimits` in kubernetes
    /// `component-helpers/resource/helpers.go`).
    fn with(&self, half: Half, name: &str, amount: Option<Quantity>) -> Option<Quantity> {
        let fixed = self
            .fixed
            .and_then(|it| Quantity::of_node(it.get(name)?).ok());
        match (amount, fixed) {
            (Some(amount), Some(fixed)) => amount.checked_add(fixed),
            (None, Some(fixed)) if half == Half::Requests => Some(fixed),
            (amount, _) => amount,
        }
    }
}

/// How many pods an object has at most, and at least where its number is not written: one for each node, and those of
/// one run. `None` for kinds that somebody else makes pods of.
fn number_of_pods(target: &Target<'_>, related: &Related<'_>) -> Option<u64> {
    let resource = target.resource;
    let number = |of: &Resource<'_>, keys: &[&str]| -> u64 {
        of.node.int_at(keys.iter().copied()).unwrap_or(1)
    };
    match (resource.group(), resource.kind.as_ref()) {
        ("", "Pod") | ("apps", "DaemonSet") => Some(1),
        ("apps", "Deployment" | "ReplicaSet" | "StatefulSet") | ("", "ReplicationController") => {
            let autoscalers = related.autoscalers_of(resource).into_iter();
            let most = autoscalers.filter(|it| !it.is_vertical);
            let most = most.map(|it| number(it.resource, &["spec", "maxReplicas"]));
            Some(
                most.max()
                    .unwrap_or_else(|| number(resource, &["spec", "replicas"])),
            )
        }
        ("batch", "Job") => Some(number(resource, &["spec", "parallelism"])),
        ("batch", "CronJob") => Some(number(
            resource,
            &["spec", "jobTemplate", "spec", "parallelism"],
        )),
        _ => None,
    }
}

/// The half and the resource that a quota counts under a name.
fn counts(name: &str) -> Option<(Half, &str)> {
    match name.split_once('.') {
        // Of claims, not of pods.
        Some(("requests", "storage")) => None,
        Some(("requests", name)) => Some((Half::Requests, name)),
        Some(("limits", name)) => Some((Half::Limits, name)),
        _ => FITTED.contains(&name).then_some((Half::Requests, name)),
    }
}

/// What a quota allows; nothing for one that is for some pods of the namespace only.
fn hard(quota: &Resource<'_>) -> BTreeMap<String, Quantity> {
    let mut scopes = ["scopes", "scopeSelector"].into_iter();
    let is_scoped = scopes.any(|key| quota.node.at(["spec", key]).is_some());
    match is_scoped {
        true => BTreeMap::new(),
        false => quantities(quota.node.at(["spec", "hard"])),
    }
}

fn quantities(amounts: Option<Node<'_>>) -> BTreeMap<String, Quantity> {
    let amounts = amounts.into_iter().flat_map(|amounts| amounts.entries());
    let amounts = amounts.filter_map(|(name, amount)| {
        Some((name.text()?.into_owned(), Quantity::of_node(amount).ok()?))
    });
    amounts.collect()
}

fn add_absent(to: &mut BTreeMap<String, Quantity>, from: &BTreeMap<String, Quantity>) {
    for (name, amount) in from {
        to.entry(name.clone()).or_insert(*amount);
    }
}

/// `1.5` for 1500m, as people write a ratio.
fn decimal(ratio: Quantity) -> Option<String> {
    let text = ratio.to_string();
    let Some(thousandths) = text.strip_suffix('m') else {
        return Some(text);
    };
    let thousandths: u64 = thousandths.parse().ok()?;
    let fraction = format!("{:03}", thousandths % 1000);
    Some(format!(
        "{}.{}",
        thousandths / 1000,
        fraction.trim_end_matches('0')
    ))
}

fn times(amount: Quantity, factor: &str) -> Option<Quantity> {
    let factor: Scale = factor.parse().ok()?;
    amount.scale_up(&factor, "1n".parse().ok()?)
}

impl PodAmounts {
    /// Each container with its amounts.
    pub(super) fn by_container<'p, 't, 'a>(
        &'p self,
        template: &'t Template<'a>,
    ) -> impl Iterator<Item = (&'t Container<'a>, &'p Declared)> {
        let containers = template.containers.iter();
        let containers = containers.filter(|it| it.container_type != ContainerType::Ephemeral);
        containers.zip(self.containers.iter().map(|(_, declared)| declared))
    }
}
