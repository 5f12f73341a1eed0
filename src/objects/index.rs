//! The index of all objects: what each one is, and how they refer to each other.

use std::cell::OnceCell;
use std::collections::HashMap;

use super::accounts::Accounts;
use super::claims::ClaimSpecs;
use super::names::NameIndex;
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
    /// What each object is.
    pub classifications: Vec<Classification<'a>>,
    /// Which object selects and uses which.
    pub related: Related<'a>,
    /// Their ServiceAccounts and bindings.
    pub accounts: Accounts,
    /// The autoscalers among them.
    pub autoscalers: Vec<Autoscaler<'a>>,
    /// The autoscalers of each object, both by index.
    scaled: HashMap<usize, Vec<usize>>,
    names: OnceCell<NameIndex>,
    demands: OnceCell<HashMap<String, Demands>>,
}

/// What fitout can do with an object.
#[derive(Debug)]
pub enum Classification<'a> {
    /// It may be changed.
    Target(Target<'a>),
    /// It is never changed.
    PassedOver(SkipReason),
    /// It does not match the schema of its kind.
    Malformed(Problem),
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
    /// The annotation `config.kubernetes.io/local-config` reserves it for local tools.
    LocalConfig = "local-config",
    /// It is the functionConfig itself.
    FunctionConfig = "function-config",
    /// A controller owns it and would undo the change.
    Owned = "owned",
    /// `spec.select` does not match it.
    NotSelected = "not-selected",
    /// `spec.exclude` matches it.
    Excluded = "excluded",
    /// Its author opted out with the annotation `fitout.dev/skip`, and the config allows it.
    Skipped = "skipped",
    /// It appears to hold pods, but fitout does not know its kind and `podSpecs` does not declare it.
    UnknownKind = "unknown-kind",
    /// Its kind holds pods, but it has no containers.
    NoContainers = "no-containers",
    /// No section of the config applies to it.
    Unconfigured = "unconfigured",
}

impl<'a> Objects<'a> {
    /// Indexes the objects.
    pub fn of(
        resources: &'a [Resource<'a>],
        pod_specs: &[PodSpecs],
        claims: &[ClaimSpecs],
        function_config: Option<Node<'_>>,
    ) -> Objects<'a> {
        let mut related = Related::default();
        let classify = |(index, resource)| {
            if let Some(reason) = Target::passed_over(resource, function_config) {
                return Classification::PassedOver(reason);
            }
            match Target::of(resource, pod_specs, claims) {
                Ok(target) => {
                    related.add(index, &target);
                    Classification::Target(target)
                }
                Err(problem) => Classification::Malformed(problem),
            }
        };
        let classifications = resources.iter().enumerate().map(classify).collect();
        related.link();
        let mut objects = Objects {
            resources,
            classifications,
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

    /// Finds the target of each autoscaler.
    fn link_autoscalers(&mut self) {
        let objects = self.resources.iter().zip(&self.classifications).enumerate();
        let autoscalers = objects.filter_map(|(index, (resource, class))| match class {
            Classification::PassedOver(_) => None,
            _ => Autoscaler::of(self, index, resource),
        });
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
        match self.classifications.get(pods.object)? {
            Classification::Target(target) => target.templates.get(pods.template),
            Classification::PassedOver(_) | Classification::Malformed(_) => None,
        }
    }

    /// The pods of all objects.
    pub fn pods(&self) -> &[Pods<'a>] {
        self.related.all_pods()
    }

    /// The pods that a selector matches, in any namespace.
    pub fn pods_selected(&self, selector: &LabelSelector) -> impl Iterator<Item = &Pods<'a>> {
        let candidates = self.names().candidates(selector);
        let pods = candidates.map(|at| &self.pods()[at]);
        pods.filter(|it| selector.matches(|key| it.label(key)))
    }

    /// All objects by name and all pods by label; built on first use.
    pub fn names(&self) -> &NameIndex {
        let index = || NameIndex::of(self.resources, &self.related);
        self.names.get_or_init(index)
    }

    /// The Pod Security labels of the Namespace with this name; read on first use.
    pub fn demands(&self, namespace: &str) -> Option<&Demands> {
        let demands = || namespaces::demands(self.resources);
        self.demands.get_or_init(demands).get(namespace)
    }
}
