//! FIT-RES009: pods that a LimitRange or ResourceQuota in the input prevents from being created.
//!
//! The API server rejects a pod whose amounts, completed by the LimitRange, are outside its bounds, a pod without the amounts
//! that a quota counts, and every pod that would exceed a quota. It silently accepts the Deployment, so only the events of
//! its ReplicaSet report the error. The check sees pods with the edits of the config.
//!
//! Sources: `PodValidateLimitFunc` in kubernetes `plugin/pkg/admission/limitranger/admission.go`, `Constraints` in
//! `pkg/quota/v1/evaluator/core/pods.go`.

mod limit_ranges;
mod quotas;

use kustomize_krm_types::Severity;

use super::{Check, Find};
use crate::kubernetes::{Quantity, Scale};
use crate::rules::{Rule, rule};

const REFUSED: Rule = rule(
    "FIT-RES009",
    Severity::Warning,
    "pods that a LimitRange or ResourceQuota in the input prevents from being created",
);

pub(super) const CHECK: Check = Check {
    name: "namespaceLimits",
    rules: &[REFUSED],
    find: &[
        Find::Scene(quotas::too_small),
        Find::Pods(|pod| {
            let Some(amounts) = pod.amounts() else {
                return Vec::new();
            };
            let mut findings = limit_ranges::refused(pod, &amounts);
            findings.extend(quotas::uncounted(pod, &amounts));
            findings
        }),
    ],
};

fn times(amount: Quantity, factor: &str) -> Option<Quantity> {
    let factor: Scale = factor.parse().ok()?;
    amount.scale_up(&factor, "1n".parse().ok()?)
}
