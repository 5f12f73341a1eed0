//! Which layers of the config apply to which object.

use super::{Accounts, Match, Near, Selector, Target};
use crate::config::{Config, LayerId};
use crate::problem::Problems;
use crate::read::Resource;
use crate::transformers::Applicable;
use crate::yaml::Node;

/// The annotation by which an author opts an object out, wholly (`true`) or for some sections.
const SKIP: &str = "fitout.dev/skip";

/// The objects that the config is for, and how its profiles were met.
#[derive(Debug)]
pub struct Selection<'r, 'a> {
    /// The objects, in their order.
    pub selected: Vec<Selected<'r, 'a>>,
    /// One for each profile, in the config's order.
    pub profiles: Vec<ProfileUse>,
    /// What the objects say of their ServiceAccounts.
    pub accounts: Accounts,
}

/// An object that the config is for.
#[derive(Debug)]
pub struct Selected<'r, 'a> {
    /// Its index among all objects.
    pub index: usize,
    /// What there is to fit in it.
    pub target: Target<'a>,
    /// The layers that apply, lowest first; those with a selector to some containers only.
    pub layers: Vec<(LayerId, Option<&'r Selector>)>,
    skipped: Vec<String>,
}

/// How a profile was met by the objects in hand.
#[derive(Clone, Debug, Default)]
pub struct ProfileUse {
    /// Some object or container answers to it.
    pub is_used: bool,
    /// An object that answers only by a name that kustomize has replaced since.
    pub by_previous_name: Option<usize>,
    /// Why an object that nearly answers does not.
    pub near: Option<Near>,
}

impl<'r, 'a: 'r> Selection<'r, 'a> {
    /// Goes through all objects.
    ///
    /// # Errors
    /// Every object that has not the shape of its kind.
    pub fn of(
        config: &'r Config<'_>,
        resources: &'r [Resource<'a>],
        function_config: Option<Node<'_>>,
    ) -> Result<Selection<'r, 'a>, Problems>
    where
        'r: 'a,
    {
        let mut selection = Selection {
            selected: Vec::new(),
            profiles: vec![ProfileUse::default(); config.profiles.len()],
            accounts: Accounts::of(resources),
        };
        let mut problems = Vec::new();
        for (index, resource) in resources.iter().enumerate() {
            if !Target::is_eligible(resource, function_config) {
                continue;
            }
            match Target::of(resource) {
                Ok(target) => selection.add(config, index, target),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() {
            Ok(selection)
        } else {
            Err(Problems(problems))
        }
    }

    fn add(&mut self, config: &'r Config<'_>, index: usize, target: Target<'a>) {
        let template = target.template.as_ref();
        let answers =
            |selector: &Selector| selector.matches(target.resource, template) != Match::No;
        if !config.select.as_ref().is_none_or(answers) || config.exclude.iter().any(answers) {
            return;
        }
        let skip = target
            .resource
            .annotation(SKIP)
            .or_else(|| template.and_then(|template| template.annotation(SKIP)?.text()));
        let skipped: Vec<String> = skip
            .iter()
            .flat_map(|skip| skip.split(','))
            .map(|section| section.trim().to_owned())
            .collect();
        let mut layers: Vec<(LayerId, Option<&Selector>)> =
            config.general_layers().map(|id| (id, None)).collect();
        for (profile, used) in config.profiles.iter().zip(&mut self.profiles) {
            let found = profile.select.matches(target.resource, template);
            if found == Match::No {
                if used.near.is_none() && !used.is_used {
                    used.near = profile.select.near_miss(target.resource, template);
                }
                continue;
            }
            let by_container = profile
                .select
                .containers
                .is_some()
                .then_some(&profile.select);
            let containers = template.map_or(&[][..], |template| &template.containers);
            let has_container = by_container.is_none_or(|selector| {
                containers
                    .iter()
                    .any(|container| selector.matches_container(container))
            });
            if !has_container || profile.exclude.iter().any(answers) {
                continue;
            }
            used.is_used = true;
            if found == Match::ByPreviousName && used.by_previous_name.is_none() {
                used.by_previous_name = Some(index);
            }
            layers.push((profile.layer, by_container));
        }
        if !skipped.iter().any(|section| section == "true") {
            self.selected.push(Selected {
                index,
                target,
                layers,
                skipped,
            });
        }
    }
}

impl<'r, 'a> Selected<'r, 'a> {
    /// The object as transformers see it.
    pub fn applicable(&'r self, accounts: &'r Accounts) -> Applicable<'r, 'a> {
        Applicable {
            target: &self.target,
            accounts,
            layers: &self.layers,
            skipped: &self.skipped,
        }
    }
}
