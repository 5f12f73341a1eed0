//! `resources`: the CPU, memory and ephemeral storage that each container asks for and may use.
//!
//! Writes `resources.requests` and `resources.limits` of ordinary containers, init containers and
//! sidecars, leaf by leaf. Ephemeral containers get none, because the API server forbids it
//! (`allowedEphemeralContainerFields` in kubernetes `pkg/apis/core/validation/validation.go`). What
//! the author set stays (mode `Ensure`), and the result is never a pair that the API server refuses:
//! no request above its limit.
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

use std::collections::BTreeMap;
use std::fmt;

use jsonptr::PointerBuf;
use kustomize_krm_types::Severity;
use serde::{Deserialize, Deserializer};

use super::{Objection, Scope, Transformer};
use crate::config::{Mode, Section, text_of_scalar};
use crate::edit::{Edits, Finding, Meaning, Proposal, Subject, field_path};
use crate::problem::Problem;
use crate::quantity::{Quantity, Scale};
use crate::read::Resource;
use crate::select::{Container, ContainerType, Template};
use crate::yaml::{Node, Value};

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
    /// What happens when the result would be a request above its limit.
    on_conflict: OnConflict,
    /// A container with a limit and no request implicitly requests its limit; it is left so unless this is false.
    respect_implicit_requests: Option<bool>,
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

/// A quantity in the config.
#[derive(Clone, Copy, Debug)]
pub(super) struct Amount(pub(super) Quantity);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = text_of_scalar(deserializer)?;
        let quantity: Quantity =
            text.parse()
                .map_err(|error: crate::quantity::QuantityError| {
                    let hint = error
                        .suggestion()
                        .map(|nearest| format!("; did you mean `{nearest}`?"))
                        .unwrap_or_default();
                    serde::de::Error::custom(format!("{error}{hint}"))
                })?;
        if quantity.is_negative() {
            return Err(serde::de::Error::custom(format!("`{text}` is negative")));
        }
        Ok(Amount(quantity))
    }
}

/// A factor in the config.
#[derive(Clone, Debug)]
pub(super) struct Factor(pub(super) Scale);

impl<'de> Deserialize<'de> for Factor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_of_scalar(deserializer)?
            .parse()
            .map(Factor)
            .map_err(serde::de::Error::custom)
    }
}

/// What fitout gives out. Anything else (devices, huge pages) is the author's alone: it cannot be
/// overcommitted, and a default would make pods that no node can run.
const FITTED: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

/// The two halves of `resources`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    Requests,
    Limits,
}

impl Half {
    fn key(self) -> &'static str {
        match self {
            Half::Requests => "requests",
            Half::Limits => "limits",
        }
    }
}

impl fmt::Display for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

impl Amounts {
    fn half(&self, half: Half) -> &BTreeMap<String, Amount> {
        match half {
            Half::Requests => &self.requests,
            Half::Limits => &self.limits,
        }
    }
}

/// One configured leaf: where it stands, what it says, and how it is meant.
struct Configured {
    leaf: String,
    amount: Quantity,
    mode: Mode,
}

impl Resources {
    /// The settings of one list of containers, with the name under which they stand in the config.
    fn lists(&self, container_type: ContainerType) -> Vec<(&'static str, &Amounts)> {
        let ordinary = ("containers", &self.containers);
        match container_type {
            ContainerType::Container => vec![ordinary],
            ContainerType::Init => vec![("initContainers", &self.init_containers), ordinary],
            ContainerType::Sidecar => vec![("sidecars", &self.sidecars), ordinary],
            ContainerType::Ephemeral => Vec::new(),
        }
    }

    fn configured(
        section: &Section<'_, Self>,
        container: &Container<'_>,
        half: Half,
        name: &str,
    ) -> Option<Configured> {
        let settings = &section.settings;
        let (list, amount) = settings
            .lists(container.container_type)
            .into_iter()
            .find_map(|(list, amounts)| Some((list, amounts.half(half).get(name)?.0)))?;
        let leaf = format!("{list}.{half}.{name}");
        let mode = section.mode(&leaf);
        (mode != Mode::Off).then(|| Configured {
            amount: settings.scaled(name, amount),
            leaf,
            mode,
        })
    }

    fn scaled(&self, name: &str, amount: Quantity) -> Quantity {
        let step = if name == "cpu" { "1m" } else { "1Mi" };
        let Some(factor) = self.scale.get(name) else {
            return amount;
        };
        let step = step.parse().unwrap_or(amount);
        amount.scale_up(&factor.0, step).unwrap_or(amount)
    }

    /// Names that any applicable list mentions.
    fn names(&self, container_type: ContainerType) -> impl Iterator<Item = &'static str> {
        let lists = self.lists(container_type);
        FITTED.into_iter().filter(move |name| {
            lists.iter().any(|(_, amounts)| {
                amounts.requests.contains_key(*name) || amounts.limits.contains_key(*name)
            })
        })
    }
}

impl Transformer for Resources {
    const MODE_PATHS: &'static [&'static str] = &[
        "requests",
        "requests.cpu",
        "requests.memory",
        "requests.ephemeral-storage",
        "limits",
        "limits.cpu",
        "limits.memory",
        "limits.ephemeral-storage",
    ];
    const CONTAINER_KEYS: &'static [&'static str] = &[
        "containers",
        "initContainers",
        "sidecars",
        "scale",
        "onConflict",
        "respectImplicitRequests",
    ];

    fn check(&self) -> Vec<Objection> {
        let lists = [
            ("containers", &self.containers),
            ("initContainers", &self.init_containers),
            ("sidecars", &self.sidecars),
        ];
        let mut problems = Vec::new();
        for (list, amounts) in lists {
            for half in [Half::Requests, Half::Limits] {
                for name in amounts
                    .half(half)
                    .keys()
                    .filter(|name| !FITTED.contains(&name.as_str()))
                {
                    let help = format!(
                        "fitout gives out {}; what else a container needs is its author's to say",
                        FITTED.join(", ")
                    );
                    problems.push(Objection::new(
                        format!("{list}.{half}"),
                        format!("`{name}` cannot be set for many containers at once"),
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
        for name in self
            .scale
            .keys()
            .filter(|name| !FITTED.contains(&name.as_str()))
        {
            problems.push(Objection::new(
                "scale".to_owned(),
                format!("`{name}` cannot be scaled"),
                format!("known: {}", FITTED.join(", ")),
            ));
        }
        problems
    }

    fn transform(scope: &Scope<'_, '_, Self>, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let templates = scope.target().templates.iter();
        let containers = templates.flat_map(|it| it.containers.iter().map(move |c| (it, c)));
        for (template, container) in
            containers.filter(|(_, container)| container.container_type != ContainerType::Ephemeral)
        {
            let Some(section) = scope.section_for(container) else {
                continue;
            };
            let fitting = Fitting {
                resource: scope.target().resource,
                template,
                container,
                section: &section,
            };
            let names: Vec<&str> = section.settings.names(container.container_type).collect();
            let mut plans = Vec::new();
            for name in names {
                plans.extend(fitting.plan(name, edits)?);
            }
            // Requests are written before limits, so that a new block reads as people write it.
            plans.sort_by_key(|plan| plan.half == Half::Limits);
            for plan in plans {
                fitting.write(plan, edits)?;
            }
        }
        Ok(())
    }
}

/// One container in the hands of its section.
struct Fitting<'f, 'a> {
    resource: &'f Resource<'a>,
    template: &'f Template<'a>,
    container: &'f Container<'a>,
    section: &'f Section<'f, Resources>,
}

/// A leaf to propose.
struct Plan {
    half: Half,
    name: &'static str,
    configured: Configured,
    amount: Quantity,
    note: Option<String>,
}

/// What stands or will stand in one half of a pair, and whether it is ours.
#[derive(Clone, Copy)]
struct Side {
    amount: Quantity,
    ours: bool,
}

impl<'f, 'a> Fitting<'f, 'a> {
    /// Decides both halves of one resource name together, because each bounds the other.
    fn plan(&self, name: &'static str, edits: &mut Edits<'_>) -> Result<Vec<Plan>, Problem> {
        if self.is_set_for_the_pod(name) {
            return Ok(Vec::new());
        }
        let request = Resources::configured(self.section, self.container, Half::Requests, name);
        let limit = Resources::configured(self.section, self.container, Half::Limits, name);
        if request.is_none() && limit.is_none() {
            return Ok(Vec::new());
        }
        let author_request = self.author(Half::Requests, name)?;
        let author_limit = self.author(Half::Limits, name)?;
        let limit_side = side(author_limit, limit.as_ref());
        let mut request_side = side(author_request, request.as_ref());

        // Without a request the API server takes the limit for it (`SetDefaults_Pod` in kubernetes
        // `pkg/apis/core/v1/defaults.go`); a request of ours would change that.
        if author_request.is_none()
            && let (Some(wanted), Some(implicit)) =
                (request_side, limit_side.filter(|limit| !limit.ours))
            && request
                .as_ref()
                .is_some_and(|request| request.mode == Mode::Ensure)
            && (wanted.amount > implicit.amount
                || self
                    .section
                    .settings
                    .respect_implicit_requests
                    .unwrap_or(true))
        {
            if wanted.amount != implicit.amount {
                edits.find(self.implicit_request(name, wanted.amount, implicit.amount));
            }
            request_side = None;
        }
        self.reconcile(name, (request, request_side), (limit, limit_side), edits)
    }

    /// Turns the two sides into plans, and lets ours give way where they would be an invalid pair.
    fn reconcile(
        &self,
        name: &'static str,
        (request, request_side): (Option<Configured>, Option<Side>),
        (limit, limit_side): (Option<Configured>, Option<Side>),
        edits: &mut Edits<'_>,
    ) -> Result<Vec<Plan>, Problem> {
        let mut plans = Vec::new();
        let mut propose = |half, configured: Option<Configured>, side: Option<Side>, note| {
            if let (Some(configured), Some(side)) = (configured, side.filter(|side| side.ours)) {
                plans.push(Plan {
                    half,
                    name,
                    configured,
                    amount: side.amount,
                    note,
                });
            }
        };
        match (request_side, limit_side) {
            (Some(r), Some(l)) if r.amount > l.amount => match self.section.settings.on_conflict {
                OnConflict::Error => edits.find(self.conflict(name, r, l)),
                OnConflict::Skip => {
                    // The limit goes first: of an invalid pair that is ours alone, the request is kept.
                    let request_stays = r.ours && l.ours;
                    propose(
                        Half::Requests,
                        request.filter(|_| request_stays),
                        Some(r),
                        None,
                    );
                }
                // The limit gives way wherever it is ours: a container keeps what it asks for.
                OnConflict::Adjust if l.ours => {
                    let note = format!("raised from {} to the container's request", l.amount);
                    propose(Half::Requests, request, Some(r), None);
                    propose(
                        Half::Limits,
                        limit,
                        Some(Side {
                            amount: r.amount,
                            ours: true,
                        }),
                        Some(note),
                    );
                }
                OnConflict::Adjust => {
                    let note = format!("lowered from {} to the container's limit", r.amount);
                    propose(
                        Half::Requests,
                        request,
                        Some(Side {
                            amount: l.amount,
                            ours: r.ours,
                        }),
                        Some(note),
                    );
                }
            },
            (request_side, limit_side) => {
                propose(Half::Requests, request, request_side, None);
                propose(Half::Limits, limit, limit_side, None);
            }
        }
        Ok(plans)
    }

    fn write(&self, plan: Plan, edits: &mut Edits<'_>) -> Result<(), Problem> {
        edits.set(Proposal {
            subject: &self.subject(),
            field: &["resources", plan.half.key(), plan.name],
            value: Value::from(plan.amount.to_string()),
            decision: self.section.decision(&plan.configured.leaf),
            meaning: Meaning::Quantity,
            note: plan.note,
        })?;
        Ok(())
    }

    fn subject(&self) -> Subject {
        Subject::container(self.template, self.container)
    }

    /// A pod-level amount bounds the sum of its containers (`spec.resources`, Kubernetes 1.34), so
    /// amounts for single containers could make the pod invalid and are not needed.
    fn is_set_for_the_pod(&self, name: &str) -> bool {
        let resources = self.template.spec.get("resources");
        let half = |half: Half| {
            resources
                .and_then(|resources| resources.get(half.key())?.get(name))
                .filter(|node| !node.is_null())
        };
        half(Half::Requests).or(half(Half::Limits)).is_some()
    }

    fn author(&self, half: Half, name: &str) -> Result<Option<Quantity>, Problem> {
        let leaf = self
            .container
            .node
            .get("resources")
            .and_then(|node| node.get(half.key())?.get(name));
        let Some(node) = leaf.filter(|node| !node.is_null()) else {
            return Ok(None);
        };
        let path = || self.container.at(["resources", half.key(), name]);
        read_quantity(self.resource, node, path).map(Some)
    }

    fn implicit_request(&self, name: &str, wanted: Quantity, implicit: Quantity) -> Finding {
        let why = if wanted > implicit {
            "more would be above the limit"
        } else {
            "this keeps the pod's QoS class"
        };
        let message = format!(
            "{}: the request of {name} is implicitly its limit, {implicit}, and is not set to {wanted}: {why}",
            self.subject().part
        );
        Finding::new("resources", Severity::Info, message)
            .about(&self.subject(), &["resources", "requests", name])
    }

    fn conflict(&self, name: &str, request: Side, limit: Side) -> Finding {
        let whose = |side: Side| {
            if side.ours {
                "configured"
            } else {
                "the author's"
            }
        };
        let message = format!(
            "{}: the request of {name} ({}, {}) would be above its limit ({}, {})",
            self.subject().part,
            request.amount,
            whose(request),
            limit.amount,
            whose(limit)
        );
        Finding::new("FIT-RES002", Severity::Error, message)
            .about(&self.subject(), &["resources", "limits", name])
            .current((!limit.ours).then(|| Value::from(limit.amount.to_string())))
            .help("raise the limit, or let `onConflict: Adjust` do it")
    }
}

/// The value that a half will have: ours where the mode says so, else the author's.
fn side(author: Option<Quantity>, configured: Option<&Configured>) -> Option<Side> {
    let ours = configured.map(|configured| Side {
        amount: configured.amount,
        ours: true,
    });
    let authors = author.map(|amount| Side {
        amount,
        ours: false,
    });
    match configured.map(|configured| configured.mode) {
        Some(Mode::Override) => ours.or(authors),
        _ => authors.or(ours),
    }
}

/// Reads a quantity that an author wrote.
pub(super) fn read_quantity<'a>(
    resource: &Resource<'a>,
    node: Node<'a>,
    path: impl Fn() -> PointerBuf,
) -> Result<Quantity, Problem> {
    let field = || field_path(&path());
    if !node.is_scalar() {
        let found = crate::config::decode::describe(node);
        return Err(resource.problem(
            "FIT-INP003",
            format!("expected a quantity, found {found}"),
            node,
            field(),
        ));
    }
    Quantity::of_node(node).map_err(|error| {
        let problem = resource.problem("FIT-INP003", error.to_string(), node, field());
        match error.suggestion() {
            Some(nearest) => problem.help(format!("did you mean `{nearest}`?")),
            None => problem,
        }
    })
}
