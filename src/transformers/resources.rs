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

mod autoscaling;
mod consumers;
mod fitting;
mod injected;
mod namespace;
mod pod;
mod review;

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Scope, Transformer};
use crate::config::{Amount, Factor, Objection, Settings};
use crate::edit::Edits;
use crate::kubernetes::Quantity;
use crate::objects::{ContainerType, Template};
use crate::problem::Problem;
use crate::rules;

use crate::facts::{Half, PodAmounts, PodFacts, QosClass};
use crate::finding::Finding;
use fitting::Fitting;
use namespace::Ranges;

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
const FITTED: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

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

    /// Whether anything is asked of amounts as they will stand, whoever wrote them.
    fn judges_amounts(&self) -> bool {
        !(self.min.is_empty() && self.max.is_empty() && self.limit_request_ratio.is_empty())
    }

    fn bounds(&self, name: &str) -> Bounds {
        let of = |amounts: &BTreeMap<String, Amount>| amounts.get(name).map(|amount| amount.0);
        Bounds {
            min: of(&self.min),
            max: of(&self.max),
        }
    }
}

/// Between what an amount has to be.
#[derive(Clone, Copy, Debug, Default)]
struct Bounds {
    min: Option<Quantity>,
    max: Option<Quantity>,
}

impl Bounds {
    /// The bound that an amount breaks, and the setting that holds it.
    fn broken_by(&self, amount: Quantity) -> Option<(&'static str, Quantity)> {
        // Should `min` be above `max`, which layers of a config can come to, the lower amount is the safer one.
        let max = self.max.filter(|max| amount > *max).map(|it| ("max", it));
        let min = self.min.filter(|min| amount < *min).map(|it| ("min", it));
        max.or(min)
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
        let lists = [
            ("containers", &self.containers),
            ("initContainers", &self.init_containers),
            ("sidecars", &self.sidecars),
            ("podLevel", &self.pod_level),
        ];
        let mut problems = Vec::new();
        for (list, amounts) in lists {
            let known: &[&str] = match list {
                "podLevel" => &pod::FITTED,
                _ => &FITTED,
            };
            for half in [Half::Requests, Half::Limits] {
                for name in amounts
                    .half(half)
                    .keys()
                    .filter(|name| !known.contains(&name.as_str()))
                {
                    let help = format!(
                        "fitout gives out {}; what else a container needs is its author's to say",
                        known.join(", ")
                    );
                    problems.push(Objection::new(
                        format!("{list}.{half}"),
                        match list {
                            "podLevel" => format!("`{name}` cannot be set for whole pods"),
                            _ => format!("`{name}` cannot be set for many containers at once"),
                        },
                        help,
                    ));
                }
            }
            for (name, request) in &amounts.requests {
                if let Some(limit) = amounts.limits.get(name).filter(|limit| limit.0 < request.0) {
                    let message = format!(
                        "the request of {name} ({}) is above its limit ({})",
                        request.0, limit.0
                    );
                    problems.push(Objection::new(
                        format!("{list}.requests.{name}"),
                        message,
                        "raise the limit or lower the request".to_owned(),
                    ));
                }
            }
        }
        let mut by_name = vec![("scale", self.scale.keys().collect::<Vec<_>>())];
        by_name.push(("min", self.min.keys().collect()));
        by_name.push(("max", self.max.keys().collect()));
        by_name.push((
            "limitRequestRatio",
            self.limit_request_ratio.keys().collect(),
        ));
        for (setting, names) in by_name {
            let unknown = names
                .into_iter()
                .filter(|it| !FITTED.contains(&it.as_str()));
            for name in unknown {
                problems.push(Objection::new(
                    setting,
                    format!("`{name}` is not given out by fitout"),
                    format!("known: {}", FITTED.join(", ")),
                ));
            }
        }
        for (name, factor) in &self.limit_request_ratio {
            if factor.0.is_below_one() {
                problems.push(Objection::new(
                    format!("limitRequestRatio.{name}"),
                    format!("a limit below its request of {name} is never valid"),
                    "a ratio is at least 1",
                ));
            }
        }
        for (name, min) in &self.min {
            if let Some(max) = self.max.get(name).filter(|max| max.0 < min.0) {
                problems.push(Objection::new(
                    format!("min.{name}"),
                    format!("the least {name} ({}) is above the most ({})", min.0, max.0),
                    "raise `max` or lower `min`",
                ));
            }
        }
        problems
    }
}

impl Transformer for Resources {
    fn transform(scope: &Scope<'_, '_, Self>, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let of_object = scope.section();
        let resource = scope.target().resource;
        if of_object.is_some() && resource.kind == "Namespace" {
            injected::tell_of_namespace(resource, edits);
        }
        let ranges = Ranges::of(scope.related(), resource);
        for template in &scope.target().templates {
            let of_pod = of_object
                .as_ref()
                .and_then(|section| pod::PodLevel::new(scope.target().resource, template, section));
            let for_pod = pod::names(template, of_pod.as_ref());
            let mut is_looked_at = false;
            for container in template.containers.iter().chain(&template.made) {
                let has_amounts = !container.resources_key.is_empty();
                if container.container_type == ContainerType::Ephemeral || !has_amounts {
                    continue;
                }
                let Some(section) = scope.section_for(container) else {
                    continue;
                };
                is_looked_at = true;
                let fitting = Fitting {
                    resource: scope.target().resource,
                    template,
                    container,
                    section: &section,
                    for_pod: &for_pod,
                };
                let mut plans = Vec::new();
                for name in FITTED {
                    plans.extend(fitting.plan(name, edits)?);
                }
                // Requests are written before limits, so that a new block reads as people write it.
                plans.sort_by_key(|plan| plan.half == Half::Limits);
                for plan in plans {
                    fitting.write(plan, edits)?;
                }
                fitting.review(edits);
            }
            if let Some(of_pod) = &of_pod {
                of_pod.fit(&ranges, edits)?;
            }
            if template.is_whole() && (is_looked_at || of_pod.is_some()) {
                judge(scope, template, &ranges, edits);
            }
        }
        Ok(())
    }
}

/// Judges the amounts of a pod as they will stand, completed by the LimitRanges of its namespace.
fn judge(
    scope: &Scope<'_, '_, Resources>,
    template: &Template<'_>,
    ranges: &Ranges,
    edits: &mut Edits<'_>,
) {
    let (related, resource) = (scope.related(), scope.target().resource);
    let after = ranges.complete(PodAmounts::after(template, edits.of_object()));
    tell_of_qos_class(template, ranges, &after, edits);
    pod::judge(template, &after, edits);
    ranges.judge(template, &after, edits);
    namespace::tell_of_uncounted(related, resource, template, &after, edits);
    autoscaling::judge(scope, template, &after, edits);
    consumers::tell_of_volumes(template, &after, edits);
    consumers::tell_of_environment(resource, template, ranges, &after, edits);
    injected::tell(template, edits);
}

/// Tells when the pods get another QoS class than their author gave them. Pods without one (`BestEffort`) get one by
/// the first amount of all, which goes without saying.
fn tell_of_qos_class(
    template: &Template<'_>,
    ranges: &Ranges,
    after: &PodAmounts,
    edits: &mut Edits<'_>,
) {
    if edits.of_object().is_empty() {
        return;
    }
    let before = ranges
        .complete(PodAmounts::of(&PodFacts::of(template)))
        .qos_class();
    let after = after.qos_class();
    if before == after || before == QosClass::BestEffort {
        return;
    }
    let subject = &template.pod;
    let message = format!(
        "{}: its QoS class was {before} and becomes {after}",
        subject.part
    );
    let finding = Finding::new(&rules::RES007, message).about(subject, &[]);
    edits.find(finding);
}
