//! Amounts for a whole pod (`spec.resources`), and what its containers have to do with them.

use std::sync::Arc;

use super::{CONFLICT, IMPOSSIBLE, OnConflict, Plan, Resources, write};
use crate::config::{Section, covers};
use crate::edit::{Edits, read_quantity};
use crate::facts::{Half, Overlay, PodAmounts, PodFacts};
use crate::finding::{Decision, Finding, Mode};
use crate::kubernetes::Quantity;
use crate::objects::{Related, Template};
use crate::problem::Problem;
use crate::read::Resource;

/// What fitout gives out to whole pods: of what the API server takes (`SupportedPodLevelResources` in kubernetes
/// `component-helpers/resource/helpers.go`), huge pages are the author's alone.
pub const FITTED: [&str; 2] = ["cpu", "memory"];

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
        let mut halves = Half::BOTH.into_iter();
        halves.any(|half| self.is_wanted(half, name))
    }

    /// Who has an amount of the pod deleted, if it is to be.
    fn removal(&self, half: Half, name: &str) -> Option<Arc<Decision>> {
        let leaf = format!("podLevel.{half}.{name}");
        if self.section.mode(&leaf) != Mode::Remove {
            return None;
        }
        let configured = self.section.settings.pod_level.half(half);
        let setting = configured.contains_key(name).then(|| leaf.clone());
        super::removal(self.section, &leaf, setting)
    }

    /// Writes the pod's amounts; those of its containers are decided by now.
    pub(super) fn fit(&self, related: &Related<'_>, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let is_possible = self.is_possible();
        if !is_possible && FITTED.iter().any(|name| self.is_any_wanted(name)) {
            edits.find(self.impossible());
        }
        let amounts = {
            let overlay = Overlay::of(edits.of_object());
            let facts = PodFacts::after(self.template, &overlay);
            let completed = facts.amounts().completed(related.limits_of(self.resource));
            completed.into_owned()
        };
        let mut plans = Vec::new();
        for name in FITTED {
            for half in Half::BOTH {
                if let Some(decision) = self.removal(half, name) {
                    plans.push(Plan {
                        half,
                        name,
                        amount: None,
                        decision,
                        note: None,
                    });
                }
            }
            if !is_possible {
                continue;
            }
            let request = self.side(Half::Requests, name)?;
            let limit = self.side(Half::Limits, name)?;
            plans.extend(self.reconcile(name, request, limit, &amounts, edits));
        }
        write(plans, &self.template.pod, "resources", edits)
    }

    fn side(&self, half: Half, name: &str) -> Result<Option<Side>, Problem> {
        let leaf = format!("podLevel.{half}.{name}");
        let node = self.template.spec.at(["resources", half.key(), name]);
        let path = || self.template.pod.at(&["resources", half.key(), name]);
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
        name: &'static str,
        mut request: Option<Side>,
        limit: Option<Side>,
        amounts: &PodAmounts,
        edits: &mut Edits<'_>,
    ) -> Vec<Plan> {
        // Without a request the pod has that of its containers, else its limit (`defaultPodRequests` in kubernetes
        // `pkg/apis/core/v1/defaults.go`); a request of ours would change that.
        let is_authors = |side: &Option<Side>| side.as_ref().is_some_and(|it| it.ours.is_none());
        let is_implicit = self.section.settings.respect_implicit_requests != Some(false)
            && self.section.mode(&format!("podLevel.requests.{name}")) == Mode::Ensure;
        if is_implicit && is_authors(&limit) && !is_authors(&request) {
            request = None;
        }
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
        let sum = amounts.sum_of_requests(name);
        let most = amounts.largest_limit(name).max(sum);
        let together = "what the containers request together";
        let sides = [
            (Half::Requests, request, sum, together),
            (Half::Limits, limit, most, "what the containers need"),
        ];
        let mut asked = None;
        let mut plans = Vec::new();
        for (half, side, mut least, mut why) in sides {
            if asked > least {
                (least, why) = (asked, "the pod's request");
            }
            let Some(mut side) = side else { continue };
            if let Some(least) = least.filter(|least| side.ours.is_some() && *least > side.amount) {
                match self.section.settings.on_conflict {
                    OnConflict::Adjust => {
                        side.note = Some(format!("raised from {} to {why}", side.amount));
                        side.amount = least;
                    }
                    OnConflict::Skip => continue,
                    OnConflict::Error => {
                        edits.find(self.conflict(half, name, side.amount, why, least));
                        continue;
                    }
                }
            }
            asked = Some(side.amount);
            plans.extend(side.ours.map(|decision| Plan {
                half,
                name,
                amount: Some(side.amount),
                decision,
                note: side.note,
            }));
        }
        plans
    }

    fn conflict(
        &self,
        half: Half,
        name: &str,
        amount: Quantity,
        why: &str,
        least: Quantity,
    ) -> Finding {
        let subject = &self.template.pod;
        let message = format!(
            "{}: resources.{half}.{name} of {amount} is below {why}, {least}",
            subject.part
        );
        Finding::new(&CONFLICT, message)
            .about(subject, &["resources", half.key(), name])
            .help("the API server refuses such a pod")
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
        Finding::new(&IMPOSSIBLE, message)
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
