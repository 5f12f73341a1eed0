//! Pod-level amounts (`spec.resources`).

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
use crate::yaml::Value;

/// The resources that fitout sets for pods. The API server also accepts huge pages (`SupportedPodLevelResources` in
/// kubernetes `component-helpers/resource/helpers.go`), which only the author sets.
pub const FITTED: [&str; 2] = ["cpu", "memory"];

/// The minor version of Kubernetes that has `spec.resources` without a feature gate.
const SINCE: u32 = 34;

/// A pod whose amounts the section sets or deletes.
pub(super) struct PodLevel<'f, 'a> {
    resource: &'f Resource<'a>,
    template: &'f Template<'a>,
    section: &'f Section<'f, Resources>,
}

/// The request or limit as it will be written.
struct Resolved {
    amount: Quantity,
    /// `None` for the author's amount.
    decision: Option<Arc<Decision>>,
    note: Option<String>,
}

impl<'f, 'a> PodLevel<'f, 'a> {
    /// `None` where the section does not apply to pods.
    pub(super) fn new(
        resource: &'f Resource<'a>,
        template: &'f Template<'a>,
        section: &'f Section<'f, Resources>,
    ) -> Option<PodLevel<'f, 'a>> {
        let amounts = &section.settings.pod_level;
        let is_any = !amounts.requests.is_empty() || !amounts.limits.is_empty();
        let applies = is_any || section.removed().any(|path| covers("podLevel", path));
        (applies && template.is_whole()).then_some(PodLevel {
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
        let mode = self.section.mode(&format!("podLevel.{half}.{name}"));
        self.configured(half, name).is_some() && matches!(mode, Mode::Ensure | Mode::Override)
    }

    fn is_any_wanted(&self, name: &str) -> bool {
        Half::BOTH.iter().any(|half| self.is_wanted(*half, name))
    }

    fn configured(&self, half: Half, name: &str) -> Option<Quantity> {
        let amount = self.section.settings.pod_level.half(half).get(name)?;
        Some(self.section.settings.scaled(name, amount.0))
    }

    /// Who decided to delete an amount of the pod; `None` where it stays.
    fn removal(&self, half: Half, name: &str) -> Option<Arc<Decision>> {
        let leaf = format!("podLevel.{half}.{name}");
        if self.section.mode(&leaf) != Mode::Remove {
            return None;
        }
        let setting = self.configured(half, name).map(|_| leaf.clone());
        super::removal(self.section, &leaf, setting)
    }

    /// Writes the pod's amounts. Those of its containers are already planned.
    pub(super) fn fit(&self, related: &Related<'_>, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let is_possible = self.is_possible();
        if !is_possible && FITTED.iter().any(|name| self.is_any_wanted(name)) {
            edits.find(self.impossible());
        }
        let amounts = {
            let overlay = Overlay::of(edits.of_object());
            let facts = PodFacts::after(self.template, &overlay);
            let amounts = facts.amounts();
            let limits = related.limits_of(self.resource, amounts.containers.len());
            let completed = amounts.completed(limits);
            completed.into_owned().with_own_names()
        };
        let mut plans = Vec::new();
        for name in FITTED {
            for half in Half::BOTH {
                plans.extend(self.removal(half, name).map(|decision| Plan {
                    half,
                    name,
                    amount: None,
                    decision,
                    note: None,
                }));
            }
            if is_possible {
                let request = self.resolve(Half::Requests, name)?;
                let limit = self.resolve(Half::Limits, name)?;
                plans.extend(self.reconcile(name, request, limit, &amounts, edits));
            }
        }
        write(plans, &self.template.pod, "resources", edits)
    }

    fn resolve(&self, half: Half, name: &str) -> Result<Option<Resolved>, Problem> {
        let leaf = format!("podLevel.{half}.{name}");
        let field = ["resources", half.key(), name];
        let author = self.template.spec.at(field);
        let author =
            author.map(|node| read_quantity(self.resource, node, || self.template.pod.at(&field)));
        let resolved = |amount, decision| Resolved {
            amount,
            decision,
            note: None,
        };
        let author = author.transpose()?.map(|amount| resolved(amount, None));
        let configured = self.configured(half, name);
        let configured =
            configured.map(|amount| resolved(amount, Some(self.section.decision(&leaf))));
        Ok(self.section.mode(&leaf).outcome(author, configured))
    }

    /// Plans the two amounts, and adjusts the configured ones where the API server would reject the pod.
    fn reconcile(
        &self,
        name: &'static str,
        mut request: Option<Resolved>,
        limit: Option<Resolved>,
        amounts: &PodAmounts<'_>,
        edits: &mut Edits<'_>,
    ) -> Vec<Plan> {
        // Without a request the pod has the sum of its containers', else its limit (`defaultPodRequests` in kubernetes
        // `pkg/apis/core/v1/defaults.go`); a configured request would change that.
        let is_authors =
            |it: &Option<Resolved>| it.as_ref().is_some_and(|it| it.decision.is_none());
        let is_implicit = self.section.settings.respect_implicit_requests != Some(false)
            && self.section.mode(&format!("podLevel.requests.{name}")) == Mode::Ensure;
        if is_implicit && is_authors(&limit) && !is_authors(&request) {
            request = None;
        }
        if let (Some(request), Some(most)) = (request.as_mut(), limit.as_ref())
            && request.decision.is_some()
            && most.decision.is_none()
            && request.amount > most.amount
        {
            let note = format!("lowered from {} to the pod's limit", request.amount);
            request.note = Some(note);
            request.amount = most.amount;
        }
        let sum = amounts.sum_of_requests(name);
        let most = amounts.largest_limit(name).max(sum);
        let halves = [
            (
                Half::Requests,
                request,
                sum,
                "the sum of the containers' requests",
            ),
            (Half::Limits, limit, most, "what the containers need"),
        ];
        let mut requested = None;
        let mut plans = Vec::new();
        for (half, resolved, mut least, mut why) in halves {
            if requested > least {
                (least, why) = (requested, "the pod's request");
            }
            let Some(mut resolved) = resolved else {
                continue;
            };
            let too_small =
                |least: &Quantity| resolved.decision.is_some() && *least > resolved.amount;
            if let Some(least) = least.filter(too_small) {
                match self.section.settings.on_conflict {
                    OnConflict::Adjust => {
                        resolved.note = Some(format!("raised from {} to {why}", resolved.amount));
                        resolved.amount = least;
                    }
                    OnConflict::Skip => continue,
                    OnConflict::Error => {
                        edits.find(self.conflict(half, name, resolved.amount, why, least));
                        continue;
                    }
                }
            }
            requested = Some(resolved.amount);
            plans.extend(resolved.decision.map(|decision| Plan {
                half,
                name,
                amount: Some(Value::from(resolved.amount.to_string()).into()),
                decision,
                note: resolved.note,
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
            .help("raise the amount: the API server rejects such a pod")
    }

    fn impossible(&self) -> Finding {
        let (what, help) = match self.template.is_windows {
            true => (
                "Windows pods cannot have them".to_owned(),
                "exempt the object, or set `podLevel` in a profile that does not select it"
                    .to_owned(),
            ),
            false => (
                format!("they require Kubernetes 1.{SINCE}"),
                format!(
                    "set `kubernetesVersion: \"1.{SINCE}\"` if the cluster has that version or a later one"
                ),
            ),
        };
        let message = format!("did not set pod-level resources: {what}");
        Finding::new(&IMPOSSIBLE, message)
            .about(&self.template.pod, &["resources"])
            .decided_by(self.section.decision("podLevel"))
            .help(help)
    }
}

/// The resources with pod-level amounts, the author's or configured ones. Containers need no amounts of these.
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
        let is_declared = declared.is_some_and(|it| it.at([half.key(), name]).is_some());
        is_declared && of_pod.is_none_or(|it| it.removal(half, name).is_none())
    };
    let is_for_pod = |name: &&str| {
        let is_set = of_pod.is_some_and(|it| it.is_possible() && it.is_any_wanted(name));
        is_set || Half::BOTH.iter().any(|half| stays(*half, name))
    };
    super::FITTED.into_iter().filter(is_for_pod).collect()
}
