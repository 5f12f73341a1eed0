//! The index of all objects: what each of them is, and what they say of one another.

use std::cell::OnceCell;
use std::collections::HashMap;

use super::accounts::Accounts;
use super::claims::ClaimSpecs;
use super::names::Names;
use super::namespaces::{self, Demands};
use super::places::PodSpecs;
use super::related::{Pods, Related};
use super::scaling::Autoscaler;
use super::target::Target;
use super::template::Template;
use crate::kubernetes::LabelSelector;
use crate::problem::Problem;
use crate::read::Resource;
use crate::yaml::Node;

/// All objects of the input.
#[derive(Debug)]
pub struct Objects<'a> {
    /// The objects, in their order.
    pub resources: &'a [Resource<'a>],
    /// What each of them is.
    pub standings: Vec<Standing<'a>>,
    /// Which of them select, scale and use which.
    pub related: Related<'a>,
    /// What they say of their ServiceAccounts.
    pub accounts: Accounts,
    /// The autoscalers among them.
    pub autoscalers: Vec<Autoscaler<'a>>,
    /// By which of these an object is scaled, by its index.
    scaled: HashMap<usize, Vec<usize>>,
    names: OnceCell<Names>,
    demands: OnceCell<HashMap<String, Demands>>,
}

/// What an object is.
#[derive(Debug)]
pub enum Standing<'a> {
    /// One that may be fitted.
    Target(Target<'a>),
    /// One that is never fitted.
    PassedOver(PassedOver),
    /// One that does not have the shape of its kind.
    Malformed(Problem),
}

/// Declares the reasons, each with the word that reports have for it.
macro_rules! reasons {
    ($($(#[doc = $meaning:literal])* $reason:ident = $word:literal,)*) => {
        /// Why an object, or a part of one, is not fitted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum PassedOver {
            $($(#[doc = $meaning])* $reason,)*
        }

        impl PassedOver {
            /// Every reason, with what it means.
            pub const ALL: &'static [(PassedOver, &'static str)] =
                &[$((PassedOver::$reason, concat!($($meaning),*))),*];

            /// The word for it in reports.
            pub fn word(self) -> &'static str {
                match self {
                    $(PassedOver::$reason => $word,)*
                }
            }
        }
    };
}

reasons! {
    /// It describes a package or a build and is not applied to a cluster.
    Package = "package",
    /// It is for local tools only, by the annotation `config.kubernetes.io/local-config`.
    LocalConfig = "local-config",
    /// It is the functionConfig itself.
    FunctionConfig = "function-config",
    /// A controller owns it and would undo the change.
    Owned = "owned",
    /// It has no kind.
    NoKind = "no-kind",
    /// `spec.select` does not match it.
    NotSelected = "not-selected",
    /// `spec.exclude` matches it.
    Excluded = "excluded",
    /// Its author opted out, by the annotation `fitout.dev/skip`.
    Skipped = "skipped",
    /// It seems to hold pods, but fitout does not know its kind and `podSpecs` does not declare it.
    UnknownKind = "unknown-kind",
    /// Its kind holds pods, but there are no containers where the kind has them.
    NoContainers = "no-containers",
    /// No section of the config sets anything in it.
    Unconfigured = "unconfigured",
}

impl<'a> Objects<'a> {
    /// Looks at all objects.
    pub fn of(
        resources: &'a [Resource<'a>],
        pod_specs: &[PodSpecs],
        claims: &[ClaimSpecs],
        function_config: Option<Node<'_>>,
    ) -> Objects<'a> {
        let mut related = Related::default();
        let standings = resources.iter().enumerate().map(|(index, resource)| {
            if let Some(reason) = Target::passed_over(resource, function_config) {
                return Standing::PassedOver(reason);
            }
            match Target::of(resource, pod_specs, claims) {
                Ok(target) => {
                    related.add(index, &target);
                    Standing::Target(target)
                }
                Err(problem) => Standing::Malformed(problem),
            }
        });
        let standings = standings.collect();
        related.link();
        let mut objects = Objects {
            resources,
            standings,
            related,
            accounts: Accounts::of(resources),
            autoscalers: Vec::new(),
            scaled: HashMap::new(),
            names: OnceCell::new(),
            demands: OnceCell::new(),
        };
        objects.link_autoscalers();
        objects
    }

    /// Finds out what scales what.
    fn link_autoscalers(&mut self) {
        let (resources, standings) = (self.resources, &self.standings);
        let rendered = resources.iter().zip(standings).enumerate();
        let rendered = rendered.filter(|(_, (_, it))| !matches!(it, Standing::PassedOver(_)));
        let autoscalers =
            rendered.filter_map(|(index, (resource, _))| Autoscaler::of(self, index, resource));
        self.autoscalers = autoscalers.collect();
        for (at, autoscaler) in self.autoscalers.iter().enumerate() {
            for (target, _) in &autoscaler.targets {
                self.scaled.entry(*target).or_default().push(at);
            }
        }
    }

    /// The autoscalers of an object, by its index.
    pub fn autoscalers_of(&self, object: usize) -> impl Iterator<Item = &Autoscaler<'a>> {
        let scaled = self.scaled.get(&object).into_iter().flatten();
        scaled.map(|at| &self.autoscalers[*at])
    }

    /// The template that pods are made from.
    pub fn template_of(&self, pods: &Pods<'a>) -> Option<&Template<'a>> {
        match self.standings.get(pods.object)? {
            Standing::Target(target) => target.templates.get(pods.template),
            Standing::PassedOver(_) | Standing::Malformed(_) => None,
        }
    }

    /// The pods of all objects.
    pub fn pods(&self) -> &[Pods<'a>] {
        self.related.all_pods()
    }

    /// The pods that a selector means, wherever they are.
    pub fn pods_selected(&self, selector: &LabelSelector) -> impl Iterator<Item = &Pods<'a>> {
        let candidates = self.names().candidates(selector);
        let pods = candidates.map(|at| &self.pods()[at]);
        pods.filter(|it| selector.matches(|key| it.label(key)))
    }

    /// Every object by its names, and all pods by their labels; collected for the first that asks.
    pub fn names(&self) -> &Names {
        self.names
            .get_or_init(|| Names::of(self.resources, &self.related))
    }

    /// What the Namespace of this name asks of the pods in it; collected for the first that asks.
    pub fn demands(&self, namespace: &str) -> Option<&Demands> {
        let demands = || namespaces::demands(self.resources);
        self.demands.get_or_init(demands).get(namespace)
    }
}
