//! `resources`: the CPU, memory and ephemeral storage that each container asks for and may use.
//!
//! Writes `resources.requests` and `resources.limits` of ordinary containers, init containers and
//! sidecars, leaf by leaf. Ephemeral containers get none, because the API server forbids it
//! (`allowedEphemeralContainerFields` in kubernetes `pkg/apis/core/validation/validation.go`). What
//! the author set stays (mode `Ensure`), and the result is never a pair that the API server refuses:
//! no request above its limit. The mode `Bound` brings the author's amounts between `min` and `max`, and
//! `Remove` deletes them.
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
mod pod;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use kustomize_krm_types::Severity;
use serde::Deserialize;

use super::{Scope, Transformer};
use crate::config::{Amount, Factor, Objection, Section, Settings};
use crate::edit::{Edits, Meaning, Proposal};
use crate::facts::Half;
use crate::finding::{Decision, Subject};
use crate::kubernetes::{Quantity, Scale};
use crate::objects::{Container, ContainerType, Template};
use crate::problem::Problem;
use crate::rules::{Rule, rule};
use crate::yaml::Value;
use fitting::Fitting;
pub use pod::FITTED as FITTED_FOR_PODS;
use pod::PodLevel;

const IMPLICIT: Rule = rule(
    "FIT-RES014",
    Severity::Info,
    "a configured request that is not set, because the limit implies one",
);
const IMPOSSIBLE: Rule = rule(
    "FIT-RES017",
    Severity::Warning,
    "pod-level resources that cannot be set",
);
const CONFLICT: Rule = rule(
    "FIT-RES018",
    Severity::Error,
    "a configured amount that is not set, because it conflicts with another and `onConflict` is `Error`",
);

/// Requests and limits of containers.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Resources {
    /// Ordinary containers, and, leaf by leaf, those of the next two that say nothing.
    containers: Amounts,
    /// Init containers.
    init_containers: Amounts,
    /// Init containers with `restartPolicy: Always`.
    sidecars: Amounts,
    /// Factors by resource name, for the amounts configured here, never the author's. The product is
    /// rounded up to 1m of CPU or 1Mi of memory.
    scale: BTreeMap<String, Factor>,
    /// The least that a container may request or have as a limit, by resource name: the mode `Bound` raises the
    /// author's amounts to it, and whatever ends up below it is an error (`FIT-RES010`).
    min: BTreeMap<String, Amount>,
    /// The most that a container may request or have as a limit, likewise; `Bound` lowers to it.
    max: BTreeMap<String, Amount>,
    /// How many times its request a limit may be, by resource name; a higher one is a warning (`FIT-RES004`).
    limit_request_ratio: BTreeMap<String, Factor>,
    /// `Remove` deletes every CPU limit, the author's as well.
    cpu_limits: CpuLimits,
    /// `EqualsRequest` makes each memory limit that is set here equal to the container's request.
    memory_limit: MemoryLimit,
    /// What happens when the result would be a request above its limit.
    on_conflict: OnConflict,
    /// A container with a limit and no request implicitly requests its limit; it is left so unless this is false.
    respect_implicit_requests: Option<bool>,
    /// CPU and memory for all containers of a pod together (`spec.resources`, Kubernetes 1.34). What is said for the
    /// pod is not said for its containers as well: their shares are left to their author.
    pod_level: Amounts,
}

/// Requests and limits by resource name.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Amounts {
    /// What a container is promised: quantities of `cpu`, `memory` and `ephemeral-storage`.
    requests: BTreeMap<String, Amount>,
    /// The most that it may use.
    limits: BTreeMap<String, Amount>,
}

/// What becomes of CPU limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
enum CpuLimits {
    /// They are set and kept as the amounts and modes say.
    #[default]
    Keep,
    /// They are deleted, and none is set.
    Remove,
}

/// What memory limits are set to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
enum MemoryLimit {
    /// What `limits` says.
    #[default]
    Keep,
    /// The container's request, where it has one: memory that is not requested may be taken away at any time.
    EqualsRequest,
}

/// A way out of a request above its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
enum OnConflict {
    /// The configured value gives way to the author's.
    #[default]
    Adjust,
    /// It is an error.
    Error,
    /// The configured value is not written.
    Skip,
}

/// What fitout gives out. Anything else (devices, huge pages) is the author's alone: it cannot be
/// overcommitted, and a default would make pods that no node can run.
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
    /// The settings of one list of containers, with the name under which they stand in the config.
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

    /// The bound that an amount breaks, and the setting that holds it.
    pub fn bound_broken_by(
        &self,
        name: &str,
        amount: Quantity,
    ) -> Option<(&'static str, Quantity)> {
        let of = |amounts: &BTreeMap<String, Amount>| amounts.get(name).map(|amount| amount.0);
        // Should `min` be above `max`, which layers of a config can come to, the lower amount is the safer one.
        let max = of(&self.max).filter(|max| amount > *max);
        let min = of(&self.min).filter(|min| amount < *min);
        let max = max.map(|max| ("max", max));
        max.or(min.map(|min| ("min", min)))
    }

    /// Whether amounts of a name have any.
    pub fn has_bounds(&self, name: &str) -> bool {
        self.min.contains_key(name) || self.max.contains_key(name)
    }

    /// How many times its request a limit may be.
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
        "requests",
        "requests.cpu",
        "requests.memory",
        "requests.ephemeral-storage",
        "limits",
        "limits.cpu",
        "limits.memory",
        "limits.ephemeral-storage",
        "podLevel",
        "podLevel.requests",
        "podLevel.requests.cpu",
        "podLevel.requests.memory",
        "podLevel.limits",
        "podLevel.limits.cpu",
        "podLevel.limits.memory",
    ];
    const BOUNDED: &'static [&'static str] = &[
        "requests.cpu",
        "requests.memory",
        "requests.ephemeral-storage",
        "limits.cpu",
        "limits.memory",
        "limits.ephemeral-storage",
    ];
    const CONTAINER_KEYS: &'static [&'static str] = &[
        "containers",
        "initContainers",
        "sidecars",
        "scale",
        "min",
        "max",
        "limitRequestRatio",
        "cpuLimits",
        "memoryLimit",
        "onConflict",
        "respectImplicitRequests",
    ];

    fn check(&self) -> Vec<Objection> {
        let mut objections = Vec::new();
        let mut object = |path: String, message: String, help: &str| {
            objections.push(Objection::new(path, message, help));
        };
        let lists = [
            ("containers", &self.containers),
            ("initContainers", &self.init_containers),
            ("sidecars", &self.sidecars),
            ("podLevel", &self.pod_level),
        ];
        for (list, amounts) in lists {
            let (known, whom) = match list {
                "podLevel" => (&FITTED_FOR_PODS[..], "whole pods"),
                _ => (&FITTED[..], "many containers at once"),
            };
            for half in Half::BOTH {
                let names = amounts.half(half).keys();
                for name in names.filter(|name| !known.contains(&name.as_str())) {
                    let help = format!(
                        "fitout gives out {}; what else a container needs is its author's to say",
                        known.join(", ")
                    );
                    let message = format!("`{name}` cannot be set for {whom}");
                    object(format!("{list}.{half}"), message, &help);
                }
            }
            for (name, request) in &amounts.requests {
                if let Some(limit) = amounts.limits.get(name).filter(|limit| limit.0 < request.0) {
                    let message = format!(
                        "the request of {name} ({}) is above its limit ({})",
                        request.0, limit.0
                    );
                    let help = "raise the limit or lower the request";
                    object(format!("{list}.requests.{name}"), message, help);
                }
            }
        }
        let factors = [
            ("scale", &self.scale),
            ("limitRequestRatio", &self.limit_request_ratio),
        ];
        let bounds = [("min", &self.min), ("max", &self.max)];
        let factors = factors
            .iter()
            .flat_map(|(setting, of)| of.keys().map(move |it| (setting, it)));
        let bounds = bounds
            .iter()
            .flat_map(|(setting, of)| of.keys().map(move |it| (setting, it)));
        for (setting, name) in factors.chain(bounds) {
            if !FITTED.contains(&name.as_str()) {
                let message = format!("`{name}` is not given out by fitout");
                let help = format!("known: {}", FITTED.join(", "));
                object((*setting).to_owned(), message, &help);
            }
        }
        for (name, _) in self
            .limit_request_ratio
            .iter()
            .filter(|(_, it)| it.0.is_below_one())
        {
            let message = format!("a limit below its request of {name} is never valid");
            let path = format!("limitRequestRatio.{name}");
            object(path, message, "a ratio is at least 1");
        }
        for (name, min) in &self.min {
            if let Some(max) = self.max.get(name).filter(|max| max.0 < min.0) {
                let message = format!("the least {name} ({}) is above the most ({})", min.0, max.0);
                object(format!("min.{name}"), message, "raise `max` or lower `min`");
            }
        }
        objections
    }
}

/// A leaf to write.
struct Plan {
    half: Half,
    name: &'static str,
    /// The amount that it shall have; `None` when it shall be absent.
    amount: Option<Quantity>,
    decision: Arc<Decision>,
    note: Option<String>,
}

/// Writes amounts below a key of a container or a pod.
fn write(
    mut plans: Vec<Plan>,
    subject: &Arc<Subject>,
    key: &str,
    edits: &mut Edits<'_>,
) -> Result<(), Problem> {
    // Requests are written before limits, so that a new block reads as people write it.
    plans.sort_by_key(|plan| plan.half == Half::Limits);
    for plan in plans {
        let amount = plan.amount.map(|amount| Value::from(amount.to_string()));
        let is_removal = amount.is_none();
        let proposal = Proposal {
            subject,
            field: &[key, plan.half.key(), plan.name],
            value: amount.unwrap_or(Value::Null),
            decision: plan.decision,
            meaning: Meaning::Quantity,
            note: plan.note,
        };
        match is_removal {
            true => edits.remove(proposal)?,
            false => edits.set(proposal)?,
        };
    }
    Ok(())
}

/// Who has a leaf removed: its mode, where that is named, or else the setting that would set it.
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
    /// The containers of a template that it says something of, each with that.
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

    /// Whether it says anything of the amounts of some pods.
    pub fn is_about(&self, template: &Template<'_>) -> bool {
        let is_for_pods =
            |section: Rc<_>| PodLevel::new(self.target().resource, template, &section).is_some();
        self.containers(template).next().is_some() || self.section().is_some_and(is_for_pods)
    }
}

impl Transformer for Resources {
    const FINDS: &'static [Rule] = &[IMPLICIT, IMPOSSIBLE, CONFLICT];

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
            }
            if let Some(of_pod) = of_pod {
                of_pod.fit(scope.related(), edits)?;
            }
        }
        Ok(())
    }
}
