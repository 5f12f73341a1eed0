//! FIT-RES009: pods that a LimitRange or a ResourceQuota in the input keeps from being made.
//!
//! The API server refuses a pod whose amounts, completed by the LimitRange, are outside of its bounds, one without the
//! amounts that a quota counts, and every pod with which a quota would be exceeded. The Deployment itself is taken without a
//! word, so that only events of its ReplicaSet tell. Pods are judged as they will be.
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
    "pods that a LimitRange or a ResourceQuota in the input keeps from being made",
);

pub(super) const CHECK: Check = Check {
    name: "namespaceLimits",
    rules: &[REFUSED],
    find: Find::Both(quotas::too_small, |pod| {
        let Some(amounts) = pod.amounts() else {
            return Vec::new();
        };
        let mut findings = limit_ranges::refused(pod, &amounts);
        findings.extend(quotas::uncounted(pod, &amounts));
        findings
    }),
};

fn times(amount: Quantity, factor: &str) -> Option<Quantity> {
    let factor: Scale = factor.parse().ok()?;
    amount.scale_up(&factor, "1n".parse().ok()?)
}
