//! The amounts of one container: what is wanted of each leaf, and how the two halves of a pair bound each other.

use std::sync::Arc;

use super::{
    CONFLICT, CpuLimits, FITTED, IMPLICIT, MemoryLimit, OnConflict, Plan, Resources, write,
};
use crate::config::Section;
use crate::edit::{Edits, read_quantity};
use crate::facts::Half;
use crate::finding::{Decision, Finding, Mode, Subject};
use crate::kubernetes::Quantity;
use crate::objects::Container;
use crate::problem::Problem;
use crate::read::Resource;
use crate::yaml::{Node, Value};

/// One container in the hands of its section.
pub(super) struct Fitting<'f, 'a> {
    pub(super) resource: &'f Resource<'a>,
    pub(super) container: &'f Container<'a>,
    pub(super) section: &'f Section<'f, Resources>,
    /// What the whole pod has or gets amounts of (`spec.resources`, Kubernetes 1.34). They bound the sum of its
    /// containers, so amounts for single containers could make the pod invalid and are not needed.
    pub(super) for_pod: &'f [&'static str],
}

/// What the section wants of one leaf.
struct Wish {
    mode: Mode,
    /// The configured amount, which the modes `Ensure` and `Override` go by.
    amount: Option<Quantity>,
    decision: Arc<Decision>,
}

/// Where an amount comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Author,
    Config,
    /// The author's, brought between the configured bounds.
    Bounds,
}

/// What stands or will stand in one half of a pair.
#[derive(Clone, Copy)]
struct Side {
    amount: Quantity,
    whose: Whose,
}

impl<'a> Fitting<'_, 'a> {
    /// Writes the container's amounts.
    pub(super) fn fit(&self, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let mut plans = Vec::new();
        for name in FITTED {
            plans.extend(self.plan(name, edits)?);
        }
        let container = self.container;
        write(plans, &container.subject, container.resources_key, edits)
    }

    /// What the section wants of one leaf; `None` where it says nothing.
    fn wish(&self, half: Half, name: &'static str) -> Option<Wish> {
        let (section, settings) = (self.section, &self.section.settings);
        let leaf = half.leaf(name);
        let mode = section.mode(&leaf);
        if mode == Mode::Off {
            return None;
        }
        let removal = |decision| Wish {
            mode: Mode::Remove,
            amount: None,
            decision: as_removal(decision),
        };
        if half == Half::Limits && name == "cpu" && settings.cpu_limits == CpuLimits::Remove {
            return Some(removal(section.decision_about("cpuLimits", &leaf)));
        }
        let mut lists = settings.lists(self.container.container_type);
        let configured = lists.find_map(|(list, amounts)| {
            let amount = amounts.half(half).get(name)?.0;
            Some(([list, ".", &leaf].concat(), settings.scaled(name, amount)))
        });
        if mode == Mode::Remove {
            let setting = configured.map(|(path, _)| path);
            return super::removal(section, &leaf, setting).map(removal);
        }
        if mode == Mode::Bound {
            return settings.has_bounds(name).then(|| Wish {
                mode,
                amount: None,
                decision: section.decision(&leaf),
            });
        }
        let (path, amount) = configured?;
        Some(Wish {
            mode,
            amount: Some(amount),
            decision: section.decision(&path),
        })
    }

    /// Decides both halves of one resource name together, because each bounds the other.
    fn plan(&self, name: &'static str, edits: &mut Edits<'_>) -> Result<Vec<Plan>, Problem> {
        let mut request = self.wish(Half::Requests, name);
        let mut limit = self.wish(Half::Limits, name);
        if self.for_pod.contains(&name) {
            // To take something away cannot make the sum of the containers too large.
            request = request.filter(|wish| wish.mode == Mode::Remove);
            limit = limit.filter(|wish| wish.mode == Mode::Remove);
        }
        let equals = name == "memory" && self.is_limit_to_equal_request();
        if request.is_none() && limit.is_none() && !equals {
            return Ok(Vec::new());
        }
        let author_request = self.author(Half::Requests, name)?;
        let author_limit = self.author(Half::Limits, name)?;
        let mut request_side = self.side(name, author_request, request.as_mut());
        if let Some(side) = request_side.filter(|_| equals) {
            let leaf = "limits.memory";
            limit = Some(Wish {
                mode: self.section.mode(leaf),
                amount: Some(side.amount),
                decision: self.section.decision_about("memoryLimit", leaf),
            });
        }
        let limit_side = self.side(name, author_limit, limit.as_mut());

        // Without a request the API server takes the limit for it (`SetDefaults_Pod` in kubernetes
        // `pkg/apis/core/v1/defaults.go`); a request of ours would change that.
        let is_ensured = request
            .as_ref()
            .is_some_and(|wish| wish.mode == Mode::Ensure);
        if author_request.is_none()
            && is_ensured
            && let (Some(wanted), Some(implicit)) = (
                request_side,
                limit_side.filter(|limit| limit.whose != Whose::Config),
            )
        {
            let is_respected = self.section.settings.respect_implicit_requests;
            if equals || wanted.amount > implicit.amount || is_respected.unwrap_or(true) {
                if wanted.amount != implicit.amount {
                    edits.find(self.implicit_request(name, wanted.amount, implicit.amount));
                }
                request_side = None;
            }
        }
        let mut plans = Vec::new();
        for (half, wish) in [(Half::Requests, &request), (Half::Limits, &limit)] {
            let Some(wish) = wish.as_ref().filter(|wish| wish.mode == Mode::Remove) else {
                continue;
            };
            let goes_along =
                half == Half::Limits && author_request.is_none() && request_side.is_none();
            plans.push(Plan {
                half,
                name,
                amount: None,
                decision: Arc::clone(&wish.decision),
                note: goes_along
                    .then(|| format!("the request of {name} that the limit implied goes with it")),
            });
        }
        let paired = self.reconcile(name, (request, request_side), (limit, limit_side), edits);
        plans.extend(paired);
        Ok(plans)
    }

    /// Whether this container's memory limit is to be made equal to its request.
    fn is_limit_to_equal_request(&self) -> bool {
        let is_asked = self.section.settings.memory_limit == MemoryLimit::EqualsRequest;
        let mode = self.section.mode("limits.memory");
        is_asked
            && matches!(mode, Mode::Ensure | Mode::Override)
            && !self.for_pod.contains(&"memory")
    }

    /// The amount that a half will have by its mode alone.
    fn side(&self, name: &str, author: Option<Quantity>, wish: Option<&mut Wish>) -> Option<Side> {
        let authors = author.map(|amount| Side {
            amount,
            whose: Whose::Author,
        });
        let Some(wish) = wish else {
            return authors;
        };
        let ours = wish.amount.map(|amount| Side {
            amount,
            whose: Whose::Config,
        });
        if wish.mode != Mode::Bound {
            return wish.mode.outcome(authors, ours);
        }
        let author = author?;
        let broken = self.section.settings.bound_broken_by(name, author);
        let Some((setting, amount)) = broken else {
            // The pair rule may still lower a request to a limit that is brought below it.
            let max = format!("max.{name}");
            wish.decision = self.section.decision_instead(&max, &wish.decision);
            return authors;
        };
        let setting = format!("{setting}.{name}");
        wish.decision = self.section.decision_instead(&setting, &wish.decision);
        Some(Side {
            amount,
            whose: Whose::Bounds,
        })
    }

    /// Turns the two sides into plans, and lets ours give way where they would be an invalid pair.
    fn reconcile(
        &self,
        name: &'static str,
        (request, mut r): (Option<Wish>, Option<Side>),
        (limit, mut l): (Option<Wish>, Option<Side>),
        edits: &mut Edits<'_>,
    ) -> Vec<Plan> {
        let (mut request_note, mut limit_note) = (None, None);
        if let (Some(request_side), Some(limit_side)) = (r.as_mut(), l.as_mut())
            && request_side.amount > limit_side.amount
        {
            let (wanted, most) = (request_side.amount, limit_side.amount);
            let is_bound =
                |wish: &Option<Wish>| wish.as_ref().is_some_and(|wish| wish.mode == Mode::Bound);
            let lowered = Side {
                amount: most,
                whose: if is_bound(&request) {
                    Whose::Bounds
                } else {
                    Whose::Config
                },
            };
            let lowered_note = format!("lowered from {wanted} to the container's limit");
            match (request_side.whose, limit_side.whose) {
                // What the author wrote and nothing touches is not this function's to decide.
                (Whose::Author, Whose::Author) => {}
                // Both were brought between the bounds, so the request follows its limit.
                (_, Whose::Author | Whose::Bounds) if is_bound(&request) => {
                    *request_side = lowered;
                    request_note = Some(lowered_note);
                }
                _ if self.section.settings.on_conflict == OnConflict::Error => {
                    edits.find(self.conflict(name, *request_side, *limit_side));
                    return Vec::new();
                }
                (whose, limit_is) if self.section.settings.on_conflict == OnConflict::Skip => {
                    // The limit goes first: of an invalid pair that is ours alone, the request is kept.
                    l = None;
                    if whose == Whose::Config && limit_is != Whose::Config {
                        r = None;
                    }
                }
                (Whose::Config, Whose::Author | Whose::Bounds) => {
                    *request_side = lowered;
                    request_note = Some(lowered_note);
                }
                // The limit gives way wherever it is ours: a container keeps what it asks for.
                _ => {
                    limit_side.amount = wanted;
                    limit_note = Some(format!("raised from {most} to the container's request"));
                }
            }
        }
        let halves = [
            (Half::Requests, request, r, request_note),
            (Half::Limits, limit, l, limit_note),
        ];
        let plans = halves.into_iter().filter_map(|(half, wish, side, note)| {
            let side = side.filter(|side| side.whose != Whose::Author)?;
            Some(Plan {
                half,
                name,
                amount: Some(side.amount),
                decision: wish?.decision,
                note,
            })
        });
        plans.collect()
    }

    fn subject(&self) -> &Arc<Subject> {
        &self.container.subject
    }

    fn author(&self, half: Half, name: &str) -> Result<Option<Quantity>, Problem> {
        let container = self.container;
        let leaf = |of: Node<'a>| of.at([container.resources_key, half.key(), name]);
        let Some(node) = container.first(leaf) else {
            return Ok(None);
        };
        let field = [container.resources_key, half.key(), name];
        let path = || container.subject.at(&field);
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
        Finding::new(&IMPLICIT, message).about(
            self.subject(),
            &[self.container.resources_key, "requests", name],
        )
    }

    fn conflict(&self, name: &str, request: Side, limit: Side) -> Finding {
        let whose = |side: Side| match side.whose {
            Whose::Author => "the author's",
            Whose::Config => "configured",
            Whose::Bounds => "the author's, between `min` and `max`",
        };
        let message = format!(
            "{}: the request of {name} ({}, {}) would be above its limit ({}, {})",
            self.subject().part,
            request.amount,
            whose(request),
            limit.amount,
            whose(limit)
        );
        let is_authors = limit.whose == Whose::Author;
        Finding::new(&CONFLICT, message)
            .about(
                self.subject(),
                &[self.container.resources_key, "limits", name],
            )
            .current(is_authors.then(|| Value::from(limit.amount.to_string())))
            .help("raise the limit, or let `onConflict: Adjust` do it")
    }
}

/// A removal is told as one whatever the mode that led to it, unless it is only checked.
fn as_removal(mut decision: Arc<Decision>) -> Arc<Decision> {
    if decision.mode != Mode::Check {
        Arc::make_mut(&mut decision).mode = Mode::Remove;
    }
    decision
}
