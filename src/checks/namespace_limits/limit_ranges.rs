//! Pods and containers whose amounts a LimitRange does not allow.

use super::super::Pod;
use super::{REFUSED, times};
use crate::facts::{Declared, Half, PodAmounts};
use crate::finding::{Finding, Subject};
use crate::kubernetes::Quantity;
use crate::objects::LimitRangeItem;

/// The amounts that LimitRanges do not allow; `amounts` are completed by them.
pub(super) fn refused(pod: &Pod<'_, '_>, amounts: &PodAmounts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let related = &pod.scene.objects().related;
    let containers = amounts.containers.len();
    for item in related.limits_of(pod.selected.target.resource, containers) {
        if item.is_for_pods {
            let all = amounts.in_all();
            findings.extend(find(item, &pod.template.pod, "resources", &all));
            continue;
        }
        for (container, declared) in amounts.by_container(pod.template) {
            let (subject, key) = (&container.subject, container.resources_key);
            findings.extend(find(item, subject, key, declared));
        }
    }
    findings
}

fn find(
    item: &LimitRangeItem<'_>,
    subject: &Subject,
    key: &str,
    amounts: &Declared,
) -> Vec<Finding> {
    let bounds = [&item.default, &item.min, &item.max, &item.max_ratio];
    let mut names: Vec<&String> = bounds.into_iter().flat_map(|it| it.keys()).collect();
    names.sort();
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
fn objection(item: &LimitRangeItem<'_>, name: &str, amounts: &Declared) -> Option<(Half, String)> {
    let request = amounts.requests.get(name).copied();
    let limit = amounts.limits.get(name).copied();
    let owner = match item.is_for_pods {
        true => "a pod",
        false => "a container",
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
    let default = item.default.get(name).filter(|_| !item.is_for_pods);
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
