//! `resources`: CPU, memory and ephemeral-storage requests and limits of containers and pods.
//!
//! Sets `resources.requests` and `resources.limits` of ordinary containers, init containers and sidecars, each resource on
//! its own, and with `resizePolicy` whether a container restarts when they change. Ephemeral containers get none, because the API server rejects them
//! (`allowedEphemeralContainerFields` in kubernetes `pkg/apis/core/validation/validation.go`). With mode `Ensure` the
//! author's amounts stay. `Bound` raises them to `min` and lowers them to `max`, and `Remove` deletes them. No request is
//! ever set above its limit, because the API server rejects that.
//!
//! ```yaml
//! # before                                  # after
//! - name: gateway                           - name: gateway
//!   image: caracal/gateway:1.0                image: caracal/gateway:1.0
//!                                             resources:
//!                                               requests:
//!                                                 cpu: 250m
//!                                                 memory: 256Mi
//! ```

mod fitting;
mod objections;
mod pod;
mod resizing;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use serde::Deserialize;

use super::{Scope, Transformer};
use crate::config::{Amount, Factor, FieldRow, Objection, Section, Settings, fields};
use crate::edit::{Edits, Meaning, Proposal};
use crate::facts::Half;
use crate::finding::{Decision, Subject};
use crate::kubernetes::{Quantity, Scale};
use crate::objects::{Container, ContainerType, Template};
use crate::problem::Problem;
use crate::rules::{Rule, rules};
use crate::yaml::Value;
use fitting::Fitting;
pub use pod::FITTED as FITTED_FOR_PODS;
use pod::PodLevel;
use resizing::{ResizePolicy, Resizing};

rules! {
    _;
    IMPLICIT: "FIT-RES014" Info Always "a configured request that is not set, because the limit implies a request";
    IMPOSSIBLE: "FIT-RES017" Warning Always "pod-level resources that cannot be set";
    CONFLICT: "FIT-RES018" Error Always
        "a configured amount that is not set, because it conflicts with another and `onConflict` is `Error`";
    CONTRADICTION: "FIT-RES019" Error Always
        "configured amounts that are not set, because two parts of the config contradict each other";
}

/// Requests and limits of containers.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Resources {
    /// Ordinary containers. Also the fallback, amount by amount, for `initContainers` and `sidecars`.
    containers: Amounts,
    /// Init containers.
    init_containers: Amounts,
    /// Sidecars: init containers with `restartPolicy: Always`.
    sidecars: Amounts,
    /// Factors by resource name for the amounts configured here, not for the author's. The product is rounded up to 1m of
    /// CPU or 1Mi of memory.
    scale: BTreeMap<String, Factor>,
    /// The smallest request or limit of a container, by resource name. Mode `Bound` raises the author's amounts to it; an
    /// amount that is still below it is an error (`FIT-RES010`).
    min: BTreeMap<String, Amount>,
    /// The largest request or limit of a container, by resource name. Mode `Bound` lowers the author's amounts to it.
    max: BTreeMap<String, Amount>,
    /// The largest ratio of a limit to its request, by resource name. A higher ratio is a warning (`FIT-RES004`).
    limit_request_ratio: BTreeMap<String, Factor>,
    /// `Remove` deletes every CPU limit, including the author's.
    cpu_limits: CpuLimits,
    /// `EqualsRequest` sets memory limits to the container's request.
    memory_limit: MemoryLimit,
    /// What to do when a request would be above its limit.
    on_conflict: OnConflict,
    /// A container with a limit and no request implicitly requests its limit. `false` sets the configured request instead.
    respect_implicit_requests: Option<bool>,
    /// Whether a container restarts when its amounts change while it runs (`resizePolicy`, Kubernetes 1.33), by resource name.
    /// The manifest's policy for a resource stays with `Ensure`. Init containers that complete get none.
    resize_policy: ResizePolicy,
    /// CPU and memory for all containers of a pod together (`spec.resources`, Kubernetes 1.34). A resource that the pod has
    /// amounts of is not set for its containers.
    pod_level: Amounts,
    /// What the section requests for each type of container, found once.
    #[serde(skip)]
    wanted: [OnceCell<fitting::AllWanted>; ContainerType::ALL.len()],
}

/// Requests and limits by resource name.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
struct Amounts {
    /// Requests: quantities of `cpu`, `memory` and `ephemeral-storage`.
    requests: BTreeMap<String, Amount>,
    /// Limits: quantities of the same resources.
    limits: BTreeMap<String, Amount>,
}

/// Whether containers keep CPU limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum CpuLimits {
    /// Set and keep CPU limits according to the amounts and modes.
    #[default]
    Keep,
    /// Delete CPU limits and set none.
    Remove,
}

/// The source of memory limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum MemoryLimit {
    /// Set memory limits from `limits`.
    #[default]
    Keep,
    /// Set memory limits to the container's request, if it has one: memory above the request can be reclaimed at any time.
    EqualsRequest,
}

/// What to do when a request would be above its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum OnConflict {
    /// Adjust the configured amount to the author's.
    #[default]
    Adjust,
    /// Report an error and set neither.
    Error,
    /// Do not set the configured amount.
    Skip,
}

/// The resources that fitout sets. Others (devices, huge pages) cannot be overcommitted, so a default could make pods that
/// fit on no node.
pub const FITTED: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

impl Amounts {
    fn half(&self, half: Half) -> &BTreeMap<String, Amount> {
        match half {
            Half::Requests => &self.requests,
            Half::Limits => &self.limits,
        }
    }
}

impl Resources {
    /// The amounts that apply to a type of container, in the order of precedence, with their config key.
    fn lists(
        &self,
        container_type: ContainerType,
    ) -> impl Iterator<Item = (&'static str, &Amounts)> {
        let ordinary = Some(("containers", &self.containers));
        let lists = match container_type {
            ContainerType::Container => [None, ordinary],
            ContainerType::Init => [Some(("initContainers", &self.init_containers)), ordinary],
            ContainerType::Sidecar => [Some(("sidecars", &self.sidecars)), ordinary],
            ContainerType::Ephemeral => [None, None],
        };
        lists.into_iter().flatten()
    }

    fn scaled(&self, name: &str, amount: Quantity) -> Quantity {
        let step = if name == "cpu" { "1m" } else { "1Mi" };
        let Some(factor) = self.scale.get(name) else {
            return amount;
        };
        let step = step.parse().unwrap_or(amount);
        amount.scale_up(&factor.0, step).unwrap_or(amount)
    }

    /// The bound that an amount breaks, and its setting.
    pub fn bound_broken_by(
        &self,
        name: &str,
        amount: Quantity,
    ) -> Option<(&'static str, Quantity)> {
        let of = |amounts: &BTreeMap<String, Amount>| amounts.get(name).map(|amount| amount.0);
        // Merged layers can have `min` above `max`; then the lower amount is the safer one.
        let max = of(&self.max).filter(|max| amount > *max);
        let min = of(&self.min).filter(|min| amount < *min);
        let max = max.map(|max| ("max", max));
        max.or(min.map(|min| ("min", min)))
    }

    /// Whether a resource has a `min` or `max`.
    pub fn has_bounds(&self, name: &str) -> bool {
        self.min.contains_key(name) || self.max.contains_key(name)
    }

    /// The largest ratio of a limit to its request.
    pub fn limit_request_ratio(&self, name: &str) -> Option<Scale> {
        self.limit_request_ratio.get(name).map(|ratio| ratio.0)
    }
}

impl Settings for Resources {
    const RULES: &'static [(&'static str, &'static str)] = &[
        ("FIT-RES001", "requests.cpu"),
        ("FIT-RES001", "requests.memory"),
        ("FIT-RES003", "limits.cpu"),
        ("FIT-RES003", "limits.memory"),
    ];
    const MODE_PATHS: &'static [&'static str] = &[
        "requests", "requests.cpu", "requests.memory", "requests.ephemeral-storage", "limits",
        "limits.cpu", "limits.memory", "limits.ephemeral-storage", "podLevel", "podLevel.requests",
        "podLevel.requests.cpu", "podLevel.requests.memory", "podLevel.limits",
        "podLevel.limits.cpu", "podLevel.limits.memory", "resizePolicy", "resizePolicy.cpu",
        "resizePolicy.memory",
    ];
    const BOUNDED: &'static [&'static str] = &[
        "requests.cpu", "requests.memory", "requests.ephemeral-storage", "limits.cpu",
        "limits.memory", "limits.ephemeral-storage",
    ];
    const FIELDS: &'static [FieldRow] = fields! {
        Containers "resources.requests.cpu" ["containers.requests.cpu"]
            ["scale.cpu", "min.cpu", "max.cpu", "onConflict", "respectImplicitRequests"];
        Containers "resources.requests.memory" ["containers.requests.memory"]
            ["scale.memory", "min.memory", "max.memory", "onConflict", "respectImplicitRequests"];
        Containers "resources.requests.ephemeral-storage" ["containers.requests.ephemeral-storage"]
            ["scale.ephemeral-storage", "min.ephemeral-storage", "max.ephemeral-storage", "onConflict", "respectImplicitRequests"];
        Containers "resources.limits.cpu" ["containers.limits.cpu"]
            ["cpuLimits", "scale.cpu", "min.cpu", "max.cpu", "onConflict"];
        Containers "resources.limits.memory" ["containers.limits.memory"]
            ["memoryLimit", "scale.memory", "min.memory", "max.memory", "onConflict"];
        Containers "resources.limits.ephemeral-storage" ["containers.limits.ephemeral-storage"]
            ["scale.ephemeral-storage", "min.ephemeral-storage", "max.ephemeral-storage", "onConflict"];
        Containers "resizePolicy" ["resizePolicy.cpu", "resizePolicy.memory"] [];
        Pods "resources.requests.cpu" ["podLevel.requests.cpu"] ["scale.cpu", "onConflict"];
        Pods "resources.requests.memory" ["podLevel.requests.memory"] ["scale.memory", "onConflict"];
        Pods "resources.limits.cpu" ["podLevel.limits.cpu"] ["scale.cpu", "onConflict"];
        Pods "resources.limits.memory" ["podLevel.limits.memory"] ["scale.memory", "onConflict"];
    };
    const CONTAINER_KEYS: &'static [&'static str] = &[
        "containers", "initContainers", "sidecars", "scale", "min", "max", "limitRequestRatio",
        "cpuLimits", "memoryLimit", "onConflict", "respectImplicitRequests", "resizePolicy",
    ];

    fn check(&self) -> Vec<Objection> {
        self.objections()
    }
}

/// An amount to write.
struct Plan {
    half: Half,
    name: &'static str,
    /// `None` deletes the amount.
    amount: Option<Arc<Value>>,
    decision: Arc<Decision>,
    note: Option<String>,
}

/// Writes amounts below `key` of a container or a pod.
fn write(
    mut plans: Vec<Plan>,
    subject: &Arc<Subject>,
    key: &str,
    edits: &mut Edits<'_>,
) -> Result<(), Problem> {
    // A new block lists requests before limits, as people write it.
    for half in Half::BOTH {
        for plan in plans.iter_mut().filter(|plan| plan.half == half) {
            let field = [key, half.key(), plan.name];
            let (amount, note) = (plan.amount.take(), plan.note.take());
            let proposal = |value: Arc<Value>| {
                Proposal::new(subject, &field, value, Arc::clone(&plan.decision))
                    .meaning(Meaning::Quantity)
                    .note(note)
            };
            match amount {
                None => edits.remove(proposal(Value::Null.into()))?,
                Some(amount) => edits.set(proposal(amount))?,
            };
        }
    }
    Ok(())
}

/// Who decided to delete a leaf: its path in `modes`, or else the setting that would set it.
fn removal(
    section: &Section<'_, Resources>,
    leaf: &str,
    setting: Option<String>,
) -> Option<Arc<Decision>> {
    let named = section.removed_by(leaf);
    let reason = named.map(|path| format!("modes.{path}")).or(setting)?;
    Some(section.decision_about(&reason, leaf))
}

impl<'r, 'c> Scope<'r, 'c, Resources> {
    /// The containers of a template that the section applies to, each with its section.
    pub fn containers<'t, 'a>(
        &self,
        template: &'t Template<'a>,
    ) -> impl Iterator<Item = (&'t Container<'a>, Rc<Section<'c, Resources>>)> {
        let containers = template.containers.iter().chain(&template.made);
        let may_have_amounts = |it: &&Container<'_>| {
            it.container_type != ContainerType::Ephemeral && !it.resources_key.is_empty()
        };
        let containers = containers.filter(may_have_amounts);
        containers.filter_map(|container| Some((container, self.section_for(container)?)))
    }

    /// Whether the section applies to a template or one of its containers.
    pub fn is_about(&self, template: &Template<'_>) -> bool {
        let is_for_pods =
            |section: Rc<_>| PodLevel::new(self.target().resource, template, &section).is_some();
        self.containers(template).next().is_some() || self.section().is_some_and(is_for_pods)
    }
}

impl Transformer for Resources {
    const FINDS: &'static [Rule] = &[
        IMPLICIT,
        IMPOSSIBLE,
        CONFLICT,
        CONTRADICTION,
        resizing::IMPOSSIBLE,
    ];

    fn transform(scope: &Scope<'_, '_, Self>, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let resource = scope.target().resource;
        let of_object = scope.section();
        for template in &scope.target().templates {
            let of_object = of_object.as_ref();
            let of_pod = of_object.and_then(|section| PodLevel::new(resource, template, section));
            let for_pod = pod::names(template, of_pod.as_ref());
            for (container, section) in scope.containers(template) {
                let fitting = Fitting {
                    resource,
                    container,
                    section: &section,
                    for_pod: &for_pod,
                };
                fitting.fit(edits)?;
                let resizing = Resizing {
                    resource,
                    template,
                    container,
                    section: &section,
                };
                resizing.fit(edits)?;
            }
            if let Some(of_pod) = of_pod {
                of_pod.fit(scope.related(), edits)?;
            }
        }
        Ok(())
    }
}
