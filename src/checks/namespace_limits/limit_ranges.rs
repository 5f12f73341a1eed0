//! Pods, containers and claims whose amounts a LimitRange does not allow.

use super::super::{Pod, Scene};
use super::{REFUSED, times};
use crate::facts::{Declared, Half, PodAmounts, View};
use crate::finding::{Finding, Subject};
use crate::kubernetes::Quantity;
use crate::objects::{Claim, ClaimKind, LimitRangeItem, LimitType};
use crate::select::Selected;
use crate::sorting;

/// The amounts that LimitRanges do not allow; `amounts` are completed by them.
pub(super) fn refused(pod: &Pod<'_, '_>, amounts: &PodAmounts<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let related = &pod.scene.objects().related;
    let containers = amounts.containers.len();
    for item in related.limits_of(pod.selected.target.resource, containers) {
        match item.of {
            LimitType::Pod => {
                let all = amounts.in_all();
                findings.extend(find(item, &pod.template.pod, "resources", &all));
            }
            LimitType::Container => {
                for (container, declared) in amounts.by_container(pod.template) {
                    let (subject, key) = (&container.subject, container.resources_key);
                    findings.extend(find(item, subject, key, declared));
                }
            }
            LimitType::Claim => {}
        }
    }
    findings
}

/// The claims of an object whose size LimitRanges do not allow (`PersistentVolumeClaimValidateLimitFunc` there).
pub(super) fn refused_claims(scene: &Scene<'_>, selected: &Selected<'_, '_>) -> Vec<Finding> {
    let target = &selected.target;
    if target.claims.is_empty() {
        return Vec::new();
    }
    let related = &scene.objects().related;
    let limits = related.limits_of(target.resource, target.claims.len());
    let limits = limits.iter().filter(|it| it.of == LimitType::Claim);
    let limits: Vec<&LimitRangeItem<'_>> = limits.collect();
    if limits.is_empty() || !super::has_storage(scene, selected) {
        return Vec::new();
    }
    let edits = scene.after(selected.index);
    let mut findings = Vec::new();
    for claim in &selected.target.claims {
        let after = edits.view(claim.node, &claim.subject.path);
        let size = claim
            .field(&Claim::SIZE)
            .map(|it| (after.at(it.iter().copied()), it));
        let Some((size, field)) = size else {
            continue;
        };
        let size = size.and_then(View::quantity);
        // The operator chooses a size that is absent.
        if size.is_none() && claim.kind == ClaimKind::Custom {
            continue;
        }
        for item in &limits {
            let what = match (size, item.min.get("storage"), item.max.get("storage")) {
                (Some(size), _, Some(max)) if size > *max => {
                    format!("it requests {size} of storage, above the max of {max} for a claim")
                }
                (Some(size), Some(min), _) if size < *min => {
                    format!("it requests {size} of storage, below the min of {min} for a claim")
                }
                (None, Some(bound), _) | (None, _, Some(bound)) => {
                    format!("it requests no storage, but a claim has a bound of {bound}")
                }
                _ => continue,
            };
            let from = item.range.display_name();
            let message = format!("{}: {what} ({from})", claim.subject.part);
            let finding = Finding::new(&REFUSED, message).about(&claim.subject, &field);
            findings.push(
                finding.help("change the size or the LimitRange: the API server rejects the claim"),
            );
        }
    }
    findings
}

fn find(
    item: &LimitRangeItem<'_>,
    subject: &Subject,
    key: &str,
    amounts: &Declared<'_>,
) -> Vec<Finding> {
    let bounds = [&item.default, &item.min, &item.max, &item.max_ratio];
    let mut names: Vec<&String> = bounds.into_iter().flat_map(|it| it.keys()).collect();
    sorting::sort(&mut names);
    names.dedup();
    let findings = names.into_iter().filter_map(|name| {
        let (half, what) = objection(item, name, amounts)?;
        let from = item.range.display_name();
        let message = format!("{}: {what} ({from})", subject.part);
        let finding = Finding::new(&REFUSED, message)
            .about(subject, &[key, half.key(), name])
            .help("change the amount or the LimitRange: the API server rejects the pod");
        Some(finding)
    });
    findings.collect()
}

/// The bound that the amounts of one resource name exceed, or the default limit that is below their request.
fn objection(
    item: &LimitRangeItem<'_>,
    name: &str,
    amounts: &Declared<'_>,
) -> Option<(Half, String)> {
    let request = amounts.requests.get(name);
    let limit = amounts.limits.get(name);
    let owner = match item.of {
        LimitType::Pod => "a pod",
        _ => "a container",
    };
    let halves = [(Half::Limits, limit), (Half::Requests, request)];
    let outside = |half: Half, amount: Quantity, side: &str, bound: Quantity| {
        let what = format!("resources.{half}.{name} is {amount}, {side} of {bound} for {owner}");
        Some((half, what))
    };
    if let Some(max) = item.max.get(name).copied() {
        let above = halves.iter().find_map(|(half, amount)| {
            let amount = amount.filter(|amount| *amount > max)?;
            outside(*half, amount, "above the max", max)
        });
        let unlimited = || {
            let what = format!("no limit of {name}, but {owner} can use at most {max}");
            limit.is_none().then_some((Half::Limits, what))
        };
        if let Some(found) = above.or_else(unlimited) {
            return Some(found);
        }
    }
    if let Some(min) = item.min.get(name).copied() {
        let below = halves.iter().rev().find_map(|(half, amount)| {
            let amount = amount.filter(|amount| *amount < min)?;
            outside(*half, amount, "below the min", min)
        });
        let unrequested = || {
            let what = format!("no request of {name}, but {owner} must request at least {min}");
            request.is_none().then_some((Half::Requests, what))
        };
        if let Some(found) = below.or_else(unrequested) {
            return Some(found);
        }
    }
    if let Some(ratio) = item.max_ratio.get(name).copied().and_then(decimal) {
        let (Some(request), Some(limit)) = (request, limit) else {
            let what =
                format!("{name} needs a request and a limit, with a ratio of at most {ratio}");
            return Some((Half::Limits, what));
        };
        let most = times(request, &ratio);
        if most.is_some_and(|most| limit > most) {
            let what = format!(
                "resources.limits.{name} is {limit}, more than {ratio} times the request of {request}"
            );
            return Some((Half::Limits, what));
        }
    }
    let default = item
        .default
        .get(name)
        .filter(|_| item.of == LimitType::Container);
    if let (Some(default), Some(request)) = (default, request)
        && limit == Some(*default)
        && request > *default
    {
        return outside(Half::Requests, request, "above the default limit", *default);
    }
    None
}

/// A ratio in decimal notation: `1.5` for 1500m.
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
