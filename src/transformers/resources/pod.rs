//! Amounts for a whole pod (`spec.resources`), and what its containers have to do with them.

use std::sync::Arc;

use super::namespace::Ranges;
use super::{OnConflict, Resources};
use crate::config::{Section, covers};
use crate::edit::read_quantity;
use crate::edit::{Edits, Meaning, Proposal};
use crate::facts::Half;
use crate::facts::PodAmounts;
use crate::finding::{Decision, Finding, Mode};
use crate::kubernetes::Quantity;
use crate::objects::{ContainerType, Template};
use crate::problem::Problem;
use crate::read::Resource;
use crate::rules;
use crate::yaml::Value;

/// What fitout gives out to whole pods: of what the API server takes (`SupportedPodLevelResources` in kubernetes
/// `component-helpers/resource/helpers.go`), huge pages are the author's alone.
pub(super) const FITTED: [&str; 2] = ["cpu", "memory"];

/// The minor version of Kubernetes that has `spec.resources` without a feature gate.
const SINCE: u32 = 34;

/// A pod whose own amounts the section sets or takes away.
pub(super) struct PodLevel<'f, 'a> {
    resource: &'f Resource<'a>,
    template: &'f Template<'a>,
    section: &'f Section<'f, Resources>,
}

/// An amount that stands or will stand in one half.
#[derive(Clone)]
struct Side {
    amount: Quantity,
    /// Who wants it, where it is not the author.
    ours: Option<Arc<Decision>>,
    note: Option<String>,
}

impl<'f, 'a> PodLevel<'f, 'a> {
    /// `None` where nothing is said of pods.
    pub(super) fn new(
        resource: &'f Resource<'a>,
        template: &'f Template<'a>,
        section: &'f Section<'f, Resources>,
    ) -> Option<PodLevel<'f, 'a>> {
        let amounts = &section.settings.pod_level;
        let is_any = !amounts.requests.is_empty() || !amounts.limits.is_empty();
        let is_meant = is_any || section.removed().any(|path| covers("podLevel", path));
        (is_meant && template.is_whole()).then_some(PodLevel {
            resource,
            template,
            section,
        })
    }

    fn is_possible(&self) -> bool {
        let version = self.section.kubernetes_version();
        version.is_some_and(|it| it.minor() >= SINCE) && !self.template.is_windows
    }

    fn is_wanted(&self, half: Half, name: &str) -> bool {
        let is_configured = self
            .section
            .settings
            .pod_level
            .half(half)
            .contains_key(name);
        let mode = self.section.mode(&format!("podLevel.{half}.{name}"));
        is_configured && matches!(mode, Mode::Ensure | Mode::Override)
    }

    fn is_any_wanted(&self, name: &str) -> bool {
        let mut halves = [Half::Requests, Half::Limits].into_iter();
        halves.any(|half| self.is_wanted(half, name))
    }

    /// Who has an amount of the pod deleted, if it is to be.
    fn removal(&self, half: Half, name: &str) -> Option<Arc<Decision>> {
        let leaf = format!("podLevel.{half}.{name}");
        if self.section.mode(&leaf) != Mode::Remove {
            return None;
        }
        let configured = self.section.settings.pod_level.half(half);
        let named = self
            .section
            .removed_by(&leaf)
            .map(|path| format!("modes.{path}"));
        let reason = named.or(configured.contains_key(name).then(|| leaf.clone()))?;
        Some(self.section.decision_about(&reason, &leaf))
    }

    /// Writes the pod's amounts; those of its containers are decided by now.
    pub(super) fn fit(&self, ranges: &Ranges, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let is_possible = self.is_possible();
        if !is_possible && FITTED.iter().any(|name| self.is_any_wanted(name)) {
            edits.find(self.impossible());
        }
        let amounts = ranges.complete(PodAmounts::after(self.template, edits.of_object()));
        let mut plans = Vec::new();
        for name in FITTED {
            for half in [Half::Requests, Half::Limits] {
                if let Some(decision) = self.removal(half, name) {
                    plans.push((half, name, None, decision, None));
                }
            }
            if !is_possible {
                continue;
            }
            let request = self.side(Half::Requests, name)?;
            let limit = self.side(Half::Limits, name)?;
            for (half, side) in self.reconcile(name, request, limit, &amounts, edits) {
                if let Some(decision) = side.ours {
                    plans.push((half, name, Some(side.amount), decision, side.note));
                }
            }
        }
        // Requests are written before limits, so that a new block reads as people write it.
        plans.sort_by_key(|(half, ..)| *half == Half::Limits);
        for (half, name, amount, decision, note) in plans {
            let proposal = Proposal {
                subject: &self.template.pod,
                field: &["resources", half.key(), name],
                value: amount.map_or(Value::Null, |it| Value::from(it.to_string())),
                decision,
                meaning: Meaning::Quantity,
                note,
            };
            match amount {
                Some(_) => edits.set(proposal)?,
                None => edits.remove(proposal)?,
            };
        }
        Ok(())
    }

    fn side(&self, half: Half, name: &str) -> Result<Option<Side>, Problem> {
        let leaf = format!("podLevel.{half}.{name}");
        let node = self.template.spec.at(["resources", half.key(), name]);
        let subject = self.template.pod.clone();
        let path = || subject.at(&["resources", half.key(), name]);
        let author = match node {
            Some(node) => Some(Side {
                amount: read_quantity(self.resource, node, path)?,
                ours: None,
                note: None,
            }),
            None => None,
        };
        let configured = self.section.settings.pod_level.half(half).get(name);
        let ours = configured.map(|amount| Side {
            amount: self.section.settings.scaled(name, amount.0),
            ours: Some(self.section.decision(&leaf)),
            note: None,
        });
        Ok(self.section.mode(&leaf).outcome(author, ours))
    }

    /// Lets ours give way where the API server would refuse the pod.
    fn reconcile(
        &self,
        name: &str,
        mut request: Option<Side>,
        mut limit: Option<Side>,
        amounts: &PodAmounts,
        edits: &mut Edits<'_>,
    ) -> Vec<(Half, Side)> {
        let sum = amounts.sum_of_requests(name);
        // Without a request the pod has that of its containers, else its limit (`defaultPodRequests` in kubernetes
        // `pkg/apis/core/v1/defaults.go`); a request of ours would change that.
        let is_authors = |side: &Option<Side>| side.as_ref().is_some_and(|it| it.ours.is_none());
        let is_implicit = self.section.settings.respect_implicit_requests != Some(false)
            && self.section.mode(&format!("podLevel.requests.{name}")) == Mode::Ensure;
        if is_implicit && is_authors(&limit) && !is_authors(&request) {
            request = None;
        }
        let largest = largest_limit(amounts, name);
        if let (Some(request), Some(most)) = (request.as_mut(), limit.as_ref())
            && request.ours.is_some()
            && most.ours.is_none()
            && request.amount > most.amount
        {
            request.note = Some(format!(
                "lowered from {} to the pod's limit",
                request.amount
            ));
            request.amount = most.amount;
        }
        let least = [
            (Half::Requests, sum, "what the containers request together"),
            (Half::Limits, largest.max(sum), "what the containers need"),
        ];
        let mut kept = Vec::new();
        for (half, least, why) in least {
            let mut least = least;
            let mut why = why;
            let asked = kept.first().map(|(_, side): &(Half, Side)| side.amount);
            if half == Half::Limits && asked > least {
                (least, why) = (asked, "the pod's request");
            }
            let side = if half == Half::Requests {
                request.take()
            } else {
                limit.take()
            };
            let Some(mut side) = side else { continue };
            if let Some(least) = least.filter(|least| side.ours.is_some() && *least > side.amount) {
                match self.section.settings.on_conflict {
                    OnConflict::Adjust => {
                        side.note = Some(format!("raised from {} to {why}", side.amount));
                        side.amount = least;
                    }
                    OnConflict::Skip => continue,
                    OnConflict::Error => {
                        let what = format!("of {} is below {why}, {least}", side.amount);
                        edits.find(inconsistent(self.template, half, name, &what));
                        continue;
                    }
                }
            }
            kept.push((half, side));
        }
        kept
    }

    fn impossible(&self) -> Finding {
        let (what, help) = match self.template.is_windows {
            true => (
                "cannot be set for pods on Windows",
                "exempt the object, or set `podLevel` in a profile that does not select it"
                    .to_owned(),
            ),
            false => (
                "exist since Kubernetes 1.34 and are not written for this cluster",
                format!("set `kubernetesVersion: \"1.{SINCE}\"` or later if the cluster has it"),
            ),
        };
        let message = format!("the pod's resources {what}");
        Finding::new(&rules::RES017, message)
            .about(&self.template.pod, &["resources"])
            .decided_by(self.section.decision("podLevel"))
            .help(help)
    }
}

/// The resources that a pod has or gets amounts of for itself, so that its containers need none and could have too much.
pub(super) fn names(
    template: &Template<'_>,
    of_pod: Option<&PodLevel<'_, '_>>,
) -> Vec<&'static str> {
    let declared = template.spec.get("resources");
    let declared = declared.filter(|_| template.is_whole());
    if declared.is_none() && of_pod.is_none() {
        return Vec::new();
    }
    let stays = |half: Half, name: &str| {
        let is_there = declared.is_some_and(|it| it.at([half.key(), name]).is_some());
        is_there && of_pod.is_none_or(|it| it.removal(half, name).is_none())
    };
    let is_for_pod = |name: &&str| {
        let is_set = of_pod.is_some_and(|it| it.is_possible() && it.is_any_wanted(name));
        is_set || stays(Half::Requests, name) || stays(Half::Limits, name)
    };
    super::FITTED.into_iter().filter(is_for_pod).collect()
}

/// The largest limit of an ordinary container: the API server compares no others with the pod's.
fn largest_limit(amounts: &PodAmounts, name: &str) -> Option<Quantity> {
    let ordinary = amounts.containers.iter();
    let ordinary =
        ordinary.filter(|(container_type, _)| *container_type == ContainerType::Container);
    ordinary
        .filter_map(|(_, it)| it.limits.get(name).copied())
        .max()
}

fn inconsistent(template: &Template<'_>, half: Half, name: &str, what: &str) -> Finding {
    let subject = template.pod.clone();
    let message = format!("{}: resources.{half}.{name} {what}", subject.part);
    Finding::new(&rules::RES008, message)
        .about(&subject, &["resources", half.key(), name])
        .help("the API server refuses such a pod")
}

/// Tells what the API server refuses of a pod's own amounts as they will stand (`validatePodResources` in kubernetes
/// `pkg/apis/core/validation/validation.go`).
pub(super) fn judge(template: &Template<'_>, amounts: &PodAmounts, edits: &mut Edits<'_>) {
    if amounts.pod.is_empty() {
        return;
    }
    let declared = &amounts.pod;
    for half in [Half::Requests, Half::Limits] {
        for (name, amount) in declared.half(half) {
            let is_pages = name.starts_with("hugepages-");
            let is_supported = FITTED.contains(&name.as_str()) || is_pages;
            // What is not declared is completed from what the containers ask for.
            let is_summed =
                half == Half::Requests || is_pages || !declared.requests.contains_key(name);
            let sum = amounts.sum_of_requests(name);
            let what = match (sum, largest_limit(amounts, name), declared.limits.get(name)) {
                _ if template.is_windows => "may not be set for a pod on Windows".to_owned(),
                _ if !is_supported => "may not be set for a whole pod".to_owned(),
                (_, _, Some(limit)) if half == Half::Requests && amount > limit => {
                    format!("is {amount}, above the pod's limit of {limit}")
                }
                (_, _, Some(limit)) if half == Half::Requests && is_pages && amount < limit => {
                    format!("is {amount}, and its limit is {limit}")
                }
                (_, Some(largest), _) if half == Half::Limits && largest > *amount => {
                    format!("is {amount}, and a container has a limit of {largest}")
                }
                (Some(sum), _, _) if is_summed && sum > *amount => {
                    format!("is {amount}, and the containers request {sum} together")
                }
                _ => continue,
            };
            edits.find(inconsistent(template, half, name, &what));
        }
    }
}
