//! The index of all objects: what each one is, and how they refer to each other.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::accounts::Accounts;
use super::claims::ClaimSpecs;
use super::names::NameIndex;
use super::namespaces::{self, Demands};
use super::places::PodSpecs;
use super::ports::Ports;
use super::related::{Pods, Related};
use super::scaling::Autoscaler;
use super::target::Target;
use super::template::Template;
use crate::hashing::HashMap;
use crate::parallel;
use crate::problem::{Problem, did_you_mean};
use crate::read::Resource;
use crate::yaml::Node;

/// All objects of the input.
#[derive(Debug)]
pub struct Objects<'a> {
    /// The objects, in their order.
    pub resources: &'a [Resource<'a>],
    /// What each object is.
    pub classifications: Vec<Classification<'a>>,
    /// Which object selects and uses which.
    pub related: Related<'a>,
    /// Their ServiceAccounts and bindings.
    pub accounts: Accounts<'a>,
    /// The autoscalers among them.
    pub autoscalers: Vec<Autoscaler<'a>>,
    /// The autoscalers of each object, both by index.
    scaled: HashMap<usize, Vec<usize>>,
    /// Whether the objects are those of a host.
    in_host: bool,
    names: OnceLock<NameIndex>,
    demands: OnceLock<HashMap<String, Demands>>,
    /// Ports of Services by their index; each is read on first use.
    service_ports: Mutex<HashMap<usize, Arc<Ports>>>,
    /// How many names may still be compared for suggestions.
    comparisons: AtomicUsize,
    turns: Turns,
}

/// Who may compare names, if several threads decide about the objects: suggestions depend on what was compared before, and
/// nothing may depend on the number of threads.
#[derive(Debug, Default)]
struct Turns {
    /// Whether several threads may decide.
    may_share: bool,
    is_shared: AtomicBool,
    own: Mutex<Option<usize>>,
    was_lost: AtomicBool,
}

/// Names that a run compares for suggestions: if most references are wrong, the cost must not be quadratic.
const MOST_COMPARISONS: usize = 20_000;

/// What fitout can do with an object.
#[derive(Debug)]
pub enum Classification<'a> {
    /// It may be changed.
    Target(Target<'a>),
    /// It is never changed; checks may look at it, if it matches the schema of its kind.
    PassedOver(SkipReason, Result<Target<'a>, Box<Problem>>),
    /// It does not match the schema of its kind.
    Malformed(Box<Problem>),
}

/// Declares an enum of reasons, each with its word in reports.
macro_rules! reasons {
    ($(#[doc = $doc:literal])* $name:ident $($(#[doc = $meaning:literal])* $reason:ident = $word:literal,)*) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[doc = $meaning])* $reason,)*
        }

        impl $name {
            /// Every reason, with what it means.
            pub const ALL: &'static [($name, &'static str)] =
                &[$(($name::$reason, concat!($($meaning),*))),*];

            /// Its word in reports.
            pub fn word(self) -> &'static str {
                match self {
                    $($name::$reason => $word,)*
                }
            }
        }
    };
}
pub(crate) use reasons;

reasons! {
    /// Why an object, or a part of one, is passed over.
    SkipReason
    /// It describes a package or a build and is not applied to a cluster.
    Package = "package",
    /// The annotation `config.kubernetes.io/local-config` reserves it for local tools. kubectl applies it nevertheless, hosts drop it.
    LocalConfig = "local-config",
    /// It is the functionConfig itself.
    FunctionConfig = "function-config",
    /// A controller owns it and would undo the change.
    Owned = "owned",
    /// `spec.select` does not match it.
    NotSelected = "not-selected",
    /// `-l`, `-n` or `--since` of the command line leaves it out.
    NotChosen = "not-chosen",
    /// It is in a file of another shard than that of `--shard`.
    OtherShard = "other-shard",
    /// `spec.exclude` matches it.
    Excluded = "excluded",
    /// It is a patch, a part of another object: it has a directive such as `$patch`, or it has no selector, and no image for a container or no pods for its claims.
    Patch = "patch",
    /// Its author opted out with the annotation `fitout.dev/skip`, and the config allows it.
    Skipped = "skipped",
    /// It appears to hold pods or claims, but fitout does not know its kind and the config does not declare it.
    UnknownKind = "unknown-kind",
    /// Its kind holds pods, but it has no containers.
    NoContainers = "no-containers",
    /// No section of the config applies to it.
    Unconfigured = "unconfigured",
}

impl<'a> Objects<'a> {
    /// Indexes the objects; in a host, with its functionConfig.
    pub fn of(
        resources: &'a [Resource<'a>],
        pod_specs: &[PodSpecs],
        claims: &[ClaimSpecs],
        function_config: Option<Node<'_>>,
    ) -> Objects<'a> {
        let mut related = Related::of(resources.len());
        let look = |resource| {
            let target = Target::of(resource, pod_specs, claims).map_err(Box::new);
            (Target::passed_over(resource, function_config), target)
        };
        // Hosts run several functions at once.
        let may_share = function_config.is_none();
        let looks = parallel::map_parts(resources.len(), may_share, &|part| {
            resources[part].iter().map(look).collect::<Vec<_>>()
        });
        let classify = |(index, looks)| match looks {
            (Some(reason), target) => Classification::PassedOver(reason, target),
            (None, Ok(target)) => {
                related.add(index, &target);
                Classification::Target(target)
            }
            (None, Err(problem)) => Classification::Malformed(problem),
        };
        let classifications = looks
            .into_iter()
            .flatten()
            .enumerate()
            .map(classify)
            .collect();
        related.link();
        let mut objects = Objects {
            resources,
            classifications,
            related,
            accounts: Accounts::of(resources),
            autoscalers: Vec::new(),
            scaled: HashMap::default(),
            in_host: function_config.is_some(),
            names: OnceLock::new(),
            demands: OnceLock::new(),
            service_ports: Mutex::default(),
            comparisons: AtomicUsize::new(MOST_COMPARISONS),
            turns: Turns {
                may_share,
                ..Turns::default()
            },
        };
        objects.link_autoscalers();
        objects
    }

    /// Finds the target of each autoscaler.
    fn link_autoscalers(&mut self) {
        let objects = self.resources.iter().zip(&self.classifications).enumerate();
        let autoscalers = objects.filter_map(|(index, (resource, class))| match class {
            Classification::PassedOver(..) => None,
            _ => Autoscaler::of(self, index, resource),
        });
        self.autoscalers = autoscalers.collect();
        for (at, autoscaler) in self.autoscalers.iter().enumerate() {
            for (target, _) in &autoscaler.targets {
                self.scaled.entry(*target).or_default().push(at);
            }
        }
    }

    /// Whether checks look at objects that are not changed for this reason: at all that kubectl would apply. Hosts drop
    /// local-config.
    pub fn are_checked(&self, reason: SkipReason) -> bool {
        match reason {
            SkipReason::Package | SkipReason::FunctionConfig => false,
            SkipReason::LocalConfig => !self.in_host,
            _ => true,
        }
    }

    /// The autoscalers of an object, by its index.
    pub fn autoscalers_of(&self, object: usize) -> impl Iterator<Item = &Autoscaler<'a>> {
        let scaled = self.scaled.get(&object).into_iter().flatten();
        scaled.map(|at| &self.autoscalers[*at])
    }

    /// The template that pods are made from.
    pub fn template_of(&self, pods: &Pods<'a>) -> Option<&Template<'a>> {
        match self.classifications.get(pods.object)? {
            Classification::Target(target) => target.templates.get(pods.template),
            Classification::PassedOver(..) | Classification::Malformed(_) => None,
        }
    }

    /// The templates of all objects, also of those that are not changed.
    pub(super) fn templates(&self) -> impl Iterator<Item = (&'a Resource<'a>, &Template<'a>)> {
        let objects = self.resources.iter().zip(&self.classifications);
        objects.flat_map(|(resource, class)| {
            let templates = match class {
                Classification::Target(target) | Classification::PassedOver(_, Ok(target)) => {
                    target.templates.as_slice()
                }
                Classification::PassedOver(_, Err(_)) | Classification::Malformed(_) => &[],
            };
            templates.iter().map(move |template| (resource, template))
        })
    }

    /// The pods of all objects.
    pub fn pods(&self) -> &[Pods<'a>] {
        self.related.all_pods()
    }

    /// All objects by name; built on first use.
    pub fn names(&self) -> &NameIndex {
        let index = || NameIndex::of(self.resources);
        self.names.get_or_init(index)
    }

    /// The ports of a Service, by its index.
    pub fn ports_of_service(&self, index: usize) -> Arc<Ports> {
        let mut known = self
            .service_ports
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let ports = || self.resources[index].node.items_at(["spec", "ports"]);
        let of_service = known.entry(index);
        Arc::clone(of_service.or_insert_with(|| Arc::new(Ports::of(ports(), "port"))))
    }

    /// Keeps the decisions to one thread.
    #[must_use]
    pub fn with_one_thread(mut self) -> Objects<'a> {
        self.turns.may_share = false;
        self
    }

    /// The parts of so many objects that threads decide about; one, if a single thread does.
    pub fn parts_of(&self, count: usize) -> Vec<Range<usize>> {
        let parts = parallel::parts(count, self.turns.may_share);
        self.turns.is_shared.fetch_or(parts.len() > 1, Relaxed);
        parts
    }

    /// Calls something that may compare names, while other threads do what may not.
    pub fn compare<R>(&self, find: impl FnOnce() -> R) -> R {
        let mine = || {
            self.turns
                .own
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        *mine() = parallel::thread();
        let found = find();
        *mine() = None;
        found
    }

    /// Calls something that must not compare names.
    pub fn without_comparing(&self, find: impl FnOnce()) {
        let left = || self.comparisons.load(Relaxed);
        let before = left();
        find();
        debug_assert_eq!(before, left(), "names are compared out of turn");
    }

    /// Whether several threads have decided, and what they did depends on their order: with a limit on comparisons that was
    /// reached, or names that were compared out of turn.
    pub fn is_unsettled(&self) -> bool {
        let is_lost = self.turns.was_lost.load(Relaxed) || self.related.was_too_much();
        self.turns.is_shared.load(Relaxed) && is_lost
    }

    /// Whether so many names may still be compared.
    pub(super) fn may_compare(&self, names: usize) -> bool {
        if self.turns.is_shared.load(Relaxed) {
            let own = self
                .turns
                .own
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if *own != parallel::thread() {
                self.turns.was_lost.store(true, Relaxed);
            }
        }
        let less = |left: usize| Some(left.saturating_sub(names));
        let left = self.comparisons.fetch_update(Relaxed, Relaxed, less);
        left.is_ok_and(|left| left >= names)
    }

    /// The most similar of some names, if any is similar enough; none after many comparisons.
    pub fn did_you_mean<'n>(
        &self,
        written: &str,
        names: impl Iterator<Item = &'n str>,
        count: usize,
    ) -> Option<&'n str> {
        self.may_compare(count)
            .then(|| did_you_mean(written, names))
            .flatten()
    }

    /// The Pod Security labels of the Namespace with this name; read on first use.
    pub fn demands(&self, namespace: &str) -> Option<&Demands> {
        let demands = || namespaces::demands(self.resources);
        self.demands.get_or_init(demands).get(namespace)
    }
}
