//! Amounts for which the API server rejects the pod (`validateResourceRequirements` in kubernetes
//! `pkg/apis/core/validation/validation.go`).

use super::{Amounts, Written};
use crate::facts::Half;
use crate::finding::Finding;
use crate::kubernetes::Quantity;
use crate::rules::rules;
use crate::transformers::resources::FITTED;

rules! {
    pub(super) _;
    PAIR: "FIT-RES002" Error Always "a request above its limit";
    DEVICE: "FIT-RES005" Error Always "an amount of a device or huge pages that is not whole, or does not equal its limit";
}

const HELP: &str = "change the request or the limit: the API server rejects the pod";

/// Requests above their limits, if the author wrote both and neither changes.
pub(super) fn pairs(amounts: &Amounts<'_, '_>) -> Vec<Finding> {
    let limits = amounts
        .written
        .partition_point(|it| it.half == Half::Requests);
    let (requests, limits) = amounts.written.split_at(limits);
    let requests = requests.iter();
    let fitted = requests.filter(|it| FITTED.contains(&it.name.as_ref()));
    let pairs = fitted.filter_map(|request| {
        let limit = limits.iter().find(|it| it.name == request.name)?;
        let (least, most) = (request.quantity()?, limit.quantity()?);
        let finding = || {
            let what = format!("is {most}, below the request of {least}");
            let finding = amounts.finding(&PAIR, PAIR.severity, limit, &what);
            finding.help(HELP)
        };
        (least > most).then(finding)
    });
    pairs.collect()
}

/// Devices and huge pages cannot be overcommitted: requests must be whole and equal their limits.
pub(super) fn devices(amounts: &Amounts<'_, '_>) -> Vec<Finding> {
    let is_pages = |it: &Written<'_>| it.name.starts_with("hugepages-");
    // Only names with a domain other than that of Kubernetes are devices (`IsNativeResource`).
    let is_device = |it: &&Written<'_>| {
        is_pages(it) || it.name.contains('/') && !it.name.contains("kubernetes.io/")
    };
    let has_base = || {
        let mut amounts = Half::BOTH
            .into_iter()
            .map(|half| amounts.declared().half(half));
        amounts.any(|it| it.has("cpu") || it.has("memory"))
    };
    let devices = amounts.written.iter().filter(is_device);
    let devices = devices.filter_map(|written| {
        let amount = Quantity::of_node(written.node).ok()?;
        let size = written.name.strip_prefix("hugepages-");
        let step = size.unwrap_or("1").parse::<Quantity>();
        let what = match amounts.declared().limits.get(&written.name) {
            _ if step.is_ok_and(|step| !amount.is_multiple_of(step)) => {
                let whole = size.map_or("whole number".into(), |it| format!("multiple of {it}"));
                format!("is {amount}, not a {whole}")
            }
            None => "has no limit, but this resource cannot be overcommitted".to_owned(),
            Some(limit) if limit != amount => {
                format!("is {amount}, but its limit is {limit}; both must be equal")
            }
            Some(_) if is_pages(written) && !has_base() => {
                "also needs a request or limit of cpu or memory".to_owned()
            }
            Some(_) => return None,
        };
        let finding = amounts.finding(&DEVICE, DEVICE.severity, written, &what);
        Some(finding.help(HELP))
    });
    devices.collect()
}
