//! The requests and limits of one container.

use std::sync::Arc;

use super::{
    CONFLICT, CONTRADICTION, CpuLimits, FITTED, IMPLICIT, MemoryLimit, OnConflict, Plan, Resources,
    removal, write,
};
use crate::config::Section;
use crate::edit::{Edits, read_quantity};
use crate::facts::Half;
use crate::finding::{Decision, Finding, Mode};
use crate::kubernetes::Quantity;
use crate::objects::Container;
use crate::problem::Problem;
use crate::read::Resource;
use crate::yaml::{Node, Value};

/// One container and its section.
pub(super) struct Fitting<'f, 'a> {
    pub(super) resource: &'f Resource<'a>,
    pub(super) container: &'f Container<'a>,
    pub(super) section: &'f Section<'f, Resources>,
    /// The resources with amounts for the whole pod (`spec.resources`, Kubernetes 1.34). They bound the sum of its
    /// containers, so amounts for single containers are not needed and could make the pod invalid.
    pub(super) for_pod: &'f [&'static str],
}

/// The request of the section for one leaf.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    mode: Mode,
    /// The configured amount, for the modes `Ensure` and `Override`.
    amount: Option<Quantity>,
    decision: Arc<Decision>,
}

/// The request and the limit of each resource with the text of the amount; `None` where the section has none.
pub(super) type AllWanted = [[Option<(Wanted, Arc<Value>)>; 2]; FITTED.len()];

/// The author's requests, and the author's limits: those of the container, and those that it inherits.
type Authors<'a> = [[Option<Node<'a>>; 2]; 2];

/// An amount to write, with the decision and a note.
type Decided = (Half, Resolved, Arc<Decision>, Option<String>);

/// The source of an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Author,
    Config,
    /// The author's amount, changed to `min` or `max`.
    Bounds,
}

/// The request or limit as it will be written.
#[derive(Clone, Copy)]
struct Resolved {
    amount: Quantity,
    origin: Origin,
}

impl<'a> Fitting<'_, 'a> {
    /// Writes the container's amounts.
    pub(super) fn fit(&self, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let container = self.container;
        let wanted = &self.section.settings.wanted[container.container_type as usize];
        let wanted = wanted.get_or_init(|| {
            let with_text = |wanted: Wanted| {
                let text = wanted.amount.map(|it| it.to_string());
                (wanted, Arc::new(Value::from(text.unwrap_or_default())))
            };
            FITTED.map(|name| Half::BOTH.map(|half| self.wanted(half, name).map(with_text)))
        });
        let parts = [Some(container.node), container.inherits];
        let authors = parts.map(|it| it.and_then(|it| it.get(container.resources_key)));
        let authors = Half::BOTH.map(|half| authors.map(|it| it.and_then(|it| it.get(half.key()))));
        let mut plans = Vec::new();
        for (name, wanted) in FITTED.into_iter().zip(wanted) {
            self.plan(name, wanted, &authors, &mut plans, edits)?;
        }
        write(plans, &container.subject, container.resources_key, edits)
    }

    /// The request of the section for one leaf; `None` where it has none. It is that of all containers of a type.
    fn wanted(&self, half: Half, name: &'static str) -> Option<Wanted> {
        let (section, settings) = (self.section, &self.section.settings);
        let leaf = half.leaf(name);
        let mode = section.mode(&leaf);
        if mode == Mode::Off {
            return None;
        }
        let removed = |decision| Wanted {
            mode: Mode::Remove,
            amount: None,
            decision: as_removal(decision),
        };
        if half == Half::Limits && name == "cpu" && settings.cpu_limits == CpuLimits::Remove {
            return Some(removed(section.decision_about("cpuLimits", &leaf)));
        }
        let mut lists = settings.lists(self.container.container_type);
        let configured = lists.find_map(|(list, amounts)| {
            let amount = amounts.half(half).get(name)?.0;
            Some(([list, ".", &leaf].concat(), settings.scaled(name, amount)))
        });
        if mode == Mode::Remove {
            let setting = configured.map(|(path, _)| path);
            return removal(section, &leaf, setting).map(removed);
        }
        let (path, amount) = match mode {
            Mode::Bound => settings
                .has_bounds(name)
                .then_some((leaf.into_owned(), None))?,
            _ => configured.map(|(path, amount)| (path, Some(amount)))?,
        };
        let decision = section.decision(&path);
        Some(Wanted {
            mode,
            amount,
            decision,
        })
    }

    /// Plans the request and the limit of one resource together, because each bounds the other.
    fn plan(
        &self,
        name: &'static str,
        wanted: &[Option<(Wanted, Arc<Value>)>; 2],
        [requests, limits]: &Authors<'a>,
        plans: &mut Vec<Plan>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        // A removal cannot make the sum of the containers too large for the pod.
        let is_allowed = |it: &Wanted| it.mode == Mode::Remove || !self.for_pod.contains(&name);
        let allowed = wanted.each_ref().map(|it| {
            let (wanted, _) = it.as_ref()?;
            is_allowed(wanted).then(|| wanted.clone())
        });
        let [mut request, mut limit] = allowed;
        let equals = name == "memory" && self.is_limit_to_equal_request();
        if request.is_none() && limit.is_none() && !equals {
            return Ok(());
        }
        let author_request = self.author(Half::Requests, name, requests)?;
        let author_limit = self.author(Half::Limits, name, limits)?;
        let mut resolved_request = self.resolve(name, author_request, request.as_mut());
        if let Some(resolved) = resolved_request.filter(|_| equals) {
            let leaf = "limits.memory";
            limit = Some(Wanted {
                mode: self.section.mode(leaf),
                amount: Some(resolved.amount),
                decision: self.section.decision_about("memoryLimit", leaf),
            });
        }
        let resolved_limit = self.resolve(name, author_limit, limit.as_mut());

        // Without a request the API server uses the limit (`SetDefaults_Pod` in kubernetes
        // `pkg/apis/core/v1/defaults.go`); a configured request would change that.
        let is_ensured = request.as_ref().is_some_and(|it| it.mode == Mode::Ensure);
        let implicit = resolved_limit.filter(|it| it.origin != Origin::Config);
        if author_request.is_none()
            && is_ensured
            && let (Some(wanted), Some(implicit)) = (resolved_request, implicit)
        {
            let is_respected = self.section.settings.respect_implicit_requests;
            if equals || wanted.amount > implicit.amount || is_respected.unwrap_or(true) {
                if wanted.amount != implicit.amount {
                    edits.find(self.implicit_request(name, wanted.amount, implicit.amount));
                }
                resolved_request = None;
            }
        }
        for (half, wanted) in [(Half::Requests, &request), (Half::Limits, &limit)] {
            let removed = wanted.as_ref().filter(|it| it.mode == Mode::Remove);
            let was_implicit =
                half == Half::Limits && author_request.is_none() && resolved_request.is_none();
            plans.extend(removed.map(|wanted| {
                Plan {
                    half,
                    name,
                    amount: None,
                    decision: Arc::clone(&wanted.decision),
                    note: was_implicit
                        .then(|| format!("this also removes the implicit request of {name}")),
                }
            }));
        }
        let (request, limit) = ((request, resolved_request), (limit, resolved_limit));
        let Some(decided) = self.reconcile(name, request, limit, edits) else {
            return Ok(());
        };
        for (decided, wanted) in decided.into_iter().zip(wanted) {
            let Some((half, resolved, decision, note)) = decided else {
                continue;
            };
            // Most amounts are written as the config has them.
            let amount = resolved.amount;
            let is_configured = |it: Quantity| it == amount && it.format() == amount.format();
            let amount = match wanted {
                Some((it, text)) if it.amount.is_some_and(is_configured) => Arc::clone(text),
                _ => Arc::new(Value::from(amount.to_string())),
            };
            plans.push(Plan {
                half,
                name,
                amount: Some(amount),
                decision,
                note,
            });
        }
        Ok(())
    }

    /// Whether the config sets this container's memory limit to its request.
    fn is_limit_to_equal_request(&self) -> bool {
        let mode = || self.section.mode("limits.memory");
        self.section.settings.memory_limit == MemoryLimit::EqualsRequest
            && matches!(mode(), Mode::Ensure | Mode::Override)
            && !self.for_pod.contains(&"memory")
    }

    /// The amount that the mode results in, before request and limit are compared.
    fn resolve(
        &self,
        name: &str,
        author: Option<Quantity>,
        wanted: Option<&mut Wanted>,
    ) -> Option<Resolved> {
        let from = |origin| move |amount| Resolved { amount, origin };
        let authors = author.map(from(Origin::Author));
        let Some(wanted) = wanted else {
            return authors;
        };
        if wanted.mode != Mode::Bound {
            let configured = wanted.amount.map(from(Origin::Config));
            return wanted.mode.outcome(authors, configured);
        }
        let broken = self.section.settings.bound_broken_by(name, author?);
        // An author's request within the bounds may still be lowered to a limit that `max` lowers.
        let setting = broken.map_or("max", |(setting, _)| setting);
        let setting = format!("{setting}.{name}");
        wanted.decision = self.section.decision_instead(&setting, &wanted.decision);
        let bounded = broken.map(|(_, amount)| from(Origin::Bounds)(amount));
        bounded.or(authors)
    }

    /// The two amounts to write, the configured one adjusted where the request would be above its limit.
    fn reconcile(
        &self,
        name: &'static str,
        (wanted_request, mut request): (Option<Wanted>, Option<Resolved>),
        (wanted_limit, mut limit): (Option<Wanted>, Option<Resolved>),
        edits: &mut Edits<'_>,
    ) -> Option<[Option<Decided>; 2]> {
        let (mut request_note, mut limit_note) = (None, None);
        if let (Some(least), Some(most)) = (request, limit)
            && least.amount > most.amount
        {
            let on_conflict = self.section.settings.on_conflict;
            let mode = wanted_request.as_ref().map(|it| it.mode);
            let mut lower_request = |origin| {
                let amount = most.amount;
                request = Some(Resolved { amount, origin });
                let note = format!("lowered from {} to the container's limit", least.amount);
                request_note = Some(note);
            };
            match (least.origin, most.origin) {
                // The conflict is the author's own; a check reports it.
                (Origin::Author, Origin::Author) => {}
                // Bounds apply to both, so the request follows its limit.
                (_, Origin::Author | Origin::Bounds) if mode == Some(Mode::Bound) => {
                    lower_request(Origin::Bounds);
                }
                // Neither amount is right for sure, so neither is set.
                (Origin::Config, Origin::Config) => {
                    edits.find(self.contradiction(
                        name,
                        (wanted_request, least),
                        (wanted_limit, most),
                    ));
                    return None;
                }
                _ if on_conflict == OnConflict::Error => {
                    edits.find(self.conflict(name, least, most));
                    return None;
                }
                (request_origin, _) if on_conflict == OnConflict::Skip => {
                    limit = None;
                    if request_origin == Origin::Config {
                        request = None;
                    }
                }
                (Origin::Config, Origin::Author | Origin::Bounds) => lower_request(Origin::Config),
                // A configured limit is raised, so that the container keeps its request.
                (_, origin) => {
                    let amount = least.amount;
                    limit = Some(Resolved { amount, origin });
                    let note = format!("raised from {} to the container's request", most.amount);
                    limit_note = Some(note);
                }
            }
        }
        let halves = [
            (Half::Requests, wanted_request, request, request_note),
            (Half::Limits, wanted_limit, limit, limit_note),
        ];
        Some(halves.map(|(half, wanted, resolved, note)| {
            let resolved = resolved.filter(|it| it.origin != Origin::Author)?;
            Some((half, resolved, wanted?.decision, note))
        }))
    }

    /// The author's amount, in the container or in what it inherits.
    fn author(
        &self,
        half: Half,
        name: &str,
        amounts: &[Option<Node<'a>>; 2],
    ) -> Result<Option<Quantity>, Problem> {
        let node = amounts.iter().flatten().find_map(|it| it.at([name]));
        let container = self.container;
        let path = || {
            let field = [container.resources_key, half.key(), name];
            container.subject.at(&field)
        };
        node.map(|node| read_quantity(self.resource, node, path))
            .transpose()
    }

    fn implicit_request(&self, name: &str, wanted: Quantity, implicit: Quantity) -> Finding {
        let why = match wanted > implicit {
            true => "a larger request would be above the limit",
            false => "a smaller one would change the pod's QoS class",
        };
        let subject = &self.container.subject;
        let message = format!(
            "{}: did not set the request of {name} to {wanted}: it defaults to the limit, {implicit}, and {why}",
            subject.part
        );
        let field = [self.container.resources_key, "requests", name];
        Finding::new(&IMPLICIT, message).about(subject, &field)
    }

    /// Two parts of the config set a request above its limit: two profiles, or `sidecars` and `containers`. Of parts that
    /// always apply together, decoding the config reports it.
    fn contradiction(
        &self,
        name: &str,
        (request, least): (Option<Wanted>, Resolved),
        (limit, most): (Option<Wanted>, Resolved),
    ) -> Finding {
        let subject = &self.container.subject;
        let set_by = |wanted: Option<Wanted>| match wanted {
            Some(wanted) => {
                let Decision {
                    field,
                    file,
                    position,
                    ..
                } = &*wanted.decision;
                match (file, position) {
                    (Some(file), Some(at)) => format!("{file}:{} {field}", at.line),
                    _ => field.clone(),
                }
            }
            None => "the config".to_owned(),
        };
        let message = format!(
            "{}: the configured request of {name} ({}, {}) is above the configured limit ({}, {})",
            subject.part,
            least.amount,
            set_by(request),
            most.amount,
            set_by(limit)
        );
        Finding::new(&CONTRADICTION, message)
            .about(subject, &[self.container.resources_key, "limits", name])
            .help("raise the limit or lower the request")
    }

    fn conflict(&self, name: &str, request: Resolved, limit: Resolved) -> Finding {
        let origin = |it: Resolved| match it.origin {
            Origin::Author => "the author's",
            Origin::Config => "configured",
            Origin::Bounds => "the author's, between `min` and `max`",
        };
        let subject = &self.container.subject;
        let message = format!(
            "{}: the request of {name} ({}, {}) would be above its limit ({}, {})",
            subject.part,
            request.amount,
            origin(request),
            limit.amount,
            origin(limit)
        );
        let is_authors = limit.origin == Origin::Author;
        Finding::new(&CONFLICT, message)
            .about(subject, &[self.container.resources_key, "limits", name])
            .current(is_authors.then(|| Value::from(limit.amount.to_string())))
            .help("raise the limit, or set `onConflict: Adjust`")
    }
}

/// The decision with the mode `Remove`, whatever mode led to it, unless the leaf is only checked.
fn as_removal(mut decision: Arc<Decision>) -> Arc<Decision> {
    if decision.mode != Mode::Check {
        Arc::make_mut(&mut decision).mode = Mode::Remove;
    }
    decision
}
