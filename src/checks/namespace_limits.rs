//! FIT-RES009: pods, claims and other objects that a LimitRange or ResourceQuota in the input prevents from being created.
//!
//! The API server rejects a pod whose amounts, completed by the LimitRange, are outside its bounds, a pod without the amounts
//! that a quota counts, and every object that would exceed a quota. It silently accepts the Deployment, so only the events of
//! its ReplicaSet report the error. The same goes for claims, those that StatefulSets and pods create included. The check sees
//! pods and claims with the edits of the config. A quota is checked in namespaces in which the config sets resources, and for
//! claims in those in which it sets storage.
//!
//! Sources: `PodValidateLimitFunc` and `PersistentVolumeClaimValidateLimitFunc` in kubernetes
//! `plugin/pkg/admission/limitranger/admission.go`, `pkg/quota/v1/evaluator/core`.

mod limit_ranges;
mod quotas;

use super::{Check, Find, Scene};
use crate::kubernetes::{Quantity, Scale};
use crate::rules::rules;
use crate::select::Selected;
use crate::transformers::Scope;

rules! {
    RULES;
    REFUSED: "FIT-RES009" Warning Always
        "pods or claims that a LimitRange or ResourceQuota in the input prevents from being created";
}

pub(super) const CHECK: Check = Check {
    name: "namespaceLimits",
    rules: RULES,
    find: &[
        Find::Scene(quotas::too_small),
        Find::Object(limit_ranges::refused_claims),
        Find::PodsAmong(|pod| {
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

/// Whether the config sets storage for the claims of an object.
fn has_storage(scene: &Scene<'_>, selected: &Selected<'_, '_>) -> bool {
    let sections = &scene.transformers.storage;
    let has_claims = !selected.target.claims.is_empty() && !selected.skips(sections.name());
    let scope = || Scope::of(sections, scene.selection, selected);
    has_claims && scope().section().is_some()
}
