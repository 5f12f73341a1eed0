//! The checks: each finds what is wrong, by subject; none fails, and none changes anything.
//!
//! A rule says when it is asked about: always, for what a person must know of what is written, or only on check. A check of
//! pods sees each pod as it is and as it will be ([`Pod`]); the others see all objects ([`Scene`]). So one check serves "it
//! is wrong" and "it will still be wrong after fitting".
//!
//! # Adding one
//!
//! 1. Copy `example.rs`, which is compiled for tests only. Its head says what is found and why that matters; its rules have id,
//!    severity, time, meaning and what other tools call it.
//! 2. Add its `mod` line and its row in the table.
//! 3. Make `tests/cases/<name>/<what it shows>/` with `input.yaml` and `fn-config.yaml`.
//! 4. `UPDATE_GOLDEN=1 cargo test`, and read the git diff of what it wrote.
//! 5. `make test lint`.
//!
//! Configured severities, `disable`, exemptions, results, JSON and `docs/checks.md` follow from that.

mod accounts;
mod amounts;
mod autoscaled_amounts;
mod autoscaling;
mod capabilities;
mod claims;
mod config;
mod disruption_budgets;
mod environment;
#[cfg(test)]
mod example;
mod exemptions;
mod ingresses;
mod memory_volumes;
mod mesh;
mod missing_amounts;
mod namespace_limits;
mod network_policies;
mod own_directories;
mod pod_resources;
mod pod_security;
mod probes;
mod root_file_system;
mod run;
mod scraping;
mod services;
mod targets;
#[cfg(test)]
mod testing;
mod users;
mod windows;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashSet;

use crate::config::Config;
use crate::edit::Change;
use crate::facts::{ContainerFacts, Overlay, PodAmounts, PodFacts, View};
use crate::finding::Finding;
use crate::funnel::Funnel;
use crate::objects::{Container, Objects, Template};
use crate::rules::{Rule, When};
use crate::select::{Selected, Selection};
use crate::transformers::resources::Resources;
use crate::transformers::security_context::SecurityContext;
use crate::transformers::{Scope, Transformers};

pub use run::Proof;

/// A check, with the rules whose breaches it finds.
#[derive(Debug)]
pub struct Check {
    /// The name of its file and of its folder of cases.
    pub name: &'static str,
    /// Its rules.
    pub rules: &'static [Rule],
    /// How it finds.
    find: Find,
}

/// What a check looks at.
#[derive(Clone, Copy, Debug)]
enum Find {
    /// All objects at once.
    Objects(fn(&Scene<'_>) -> Vec<Finding>),
    /// The pods of one template after another; findings are about its object.
    Pods(fn(&Pod<'_, '_>) -> Vec<Finding>),
    /// The one and the other.
    Both(
        fn(&Scene<'_>) -> Vec<Finding>,
        fn(&Pod<'_, '_>) -> Vec<Finding>,
    ),
}

impl Find {
    fn objects(self) -> Option<fn(&Scene<'_>) -> Vec<Finding>> {
        match self {
            Find::Objects(find) | Find::Both(find, _) => Some(find),
            Find::Pods(_) => None,
        }
    }

    fn pods(self) -> Option<fn(&Pod<'_, '_>) -> Vec<Finding>> {
        match self {
            Find::Pods(find) | Find::Both(_, find) => Some(find),
            Find::Objects(_) => None,
        }
    }
}

macro_rules! checks {
    ($($check:ident,)*) => {
        /// Every check.
        pub const CHECKS: &[Check] = &[$($check::CHECK),*];

        /// The rules of each.
        pub const RULES: &[&[Rule]] = &[$($check::CHECK.rules),*];
    };
}

checks! {
    config,
    exemptions,
    targets,
    run,
    pod_security,
    services,
    network_policies,
    ingresses,
    disruption_budgets,
    autoscaling,
    probes,
    accounts,
    missing_amounts,
    amounts,
    pod_resources,
    namespace_limits,
    autoscaled_amounts,
    environment,
    mesh,
    root_file_system,
    users,
    capabilities,
    windows,
    memory_volumes,
    own_directories,
    claims,
    scraping,
}

/// What a check sees.
#[derive(Clone, Copy)]
pub struct Scene<'s> {
    /// The config.
    pub config: &'s Config<'s>,
    /// What it selects.
    pub selection: &'s Selection<'s, 's>,
    /// The transformers, for what their sections say of an object.
    pub transformers: &'s Transformers<'s>,
    /// What the config changes, or on check would still change.
    pub changes: &'s [Change],
}

impl<'s> Scene<'s> {
    /// Every object.
    pub fn objects(&self) -> &'s Objects<'s> {
        self.selection.objects
    }

    /// The changes of one object.
    pub fn changes_of(&self, object: usize) -> &'s [Change] {
        let first = self.changes.partition_point(|it| it.resource < object);
        let until = self.changes.partition_point(|it| it.resource <= object);
        &self.changes[first..until]
    }

    /// The edits of one object as [`Pod::after`] takes them: with a view through them it is as it will be.
    pub fn after(&self, object: usize) -> Overlay<'s> {
        match self.config.judges {
            true => {
                let selected = self.selection.selected_at(object).into_iter();
                Overlay::of(selected.flat_map(|it| run::reported(self, it)))
            }
            false => Overlay::of(self.changes_of(object)),
        }
    }

    /// Looks at the pods of every selected object.
    pub fn each_pod(&self, mut look: impl FnMut(&Pod<'_, 's>)) {
        for selected in &self.selection.selected {
            if selected.target.templates.is_empty() {
                continue;
            }
            let changes = self.changes_of(selected.index);
            let overlay = self.after(selected.index);
            for template in &selected.target.templates {
                look(&Pod {
                    scene: self,
                    selected,
                    template,
                    is_changed: !changes.is_empty(),
                    edits: &overlay,
                    before: OnceCell::new(),
                    after: OnceCell::new(),
                    has_resources: OnceCell::new(),
                });
            }
        }
    }
}

/// The pods of one template, as a check sees them.
pub struct Pod<'p, 's> {
    /// Everything around them.
    pub scene: &'p Scene<'s>,
    /// Their object.
    pub selected: &'p Selected<'s, 's>,
    /// Their template.
    pub template: &'p Template<'s>,
    /// Whether edits are about the object.
    pub is_changed: bool,
    edits: &'p Overlay<'p>,
    before: OnceCell<PodFacts<'p>>,
    after: OnceCell<PodFacts<'p>>,
    has_resources: OnceCell<bool>,
}

impl<'p, 's> Pod<'p, 's> {
    /// The pods as they are.
    pub fn before(&self) -> &PodFacts<'p> {
        self.before.get_or_init(|| PodFacts::of(self.template))
    }

    /// The pods as they will be: fitted, as far as the config is written, or on check as far as FIT-RUN001 reports it.
    pub fn after(&self) -> &PodFacts<'p> {
        let read = || PodFacts::after(self.template, self.edits);
        self.after.get_or_init(read)
    }

    /// Every container of the template, as it will be.
    pub fn containers(&self) -> impl Iterator<Item = (&'p Container<'s>, &ContainerFacts<'p>)> {
        let facts = self.after();
        let containers = self.template.containers.iter();
        containers.filter_map(|container| Some((container, facts.of_container(container)?)))
    }

    /// What the section `securityContext` says of the object; `None` where its author opted out of it.
    pub fn security_context(&self) -> Option<Scope<'p, 's, SecurityContext>> {
        let (scene, selected) = (self.scene, self.selected);
        let sections = &scene.transformers.security_context;
        let scope = || Scope::of(sections, scene.selection, selected);
        (!selected.skips(sections.name())).then(scope)
    }

    /// A container as it will be.
    pub fn container(&self, container: &Container<'s>) -> View<'p> {
        self.edits.view(container.node, &container.subject.path)
    }

    /// What `resources` says of the pods; `None` where their author opted out of it.
    pub fn resources(&self) -> Option<Scope<'p, 's, Resources>> {
        let sections = &self.scene.transformers.resources;
        let scope = || Scope::of(sections, self.scene.selection, self.selected);
        (!self.selected.skips(sections.name())).then(scope)
    }

    /// Whether these are whole pods, and `resources` says something of them or of a container of theirs.
    pub fn has_resources(&self) -> bool {
        let has_resources = || {
            let scope = self.resources().filter(|_| self.template.is_whole());
            scope.is_some_and(|scope| scope.is_about(self.template))
        };
        *self.has_resources.get_or_init(has_resources)
    }

    /// The amounts of such pods as they will be, completed by the LimitRanges of their namespace.
    pub fn amounts(&self) -> Option<Cow<'_, PodAmounts>> {
        self.has_resources().then(|| self.completed(self.after()))
    }

    /// Amounts of the pods, completed by the LimitRanges of their namespace.
    pub fn completed<'f>(&self, facts: &'f PodFacts<'_>) -> Cow<'f, PodAmounts> {
        let related = &self.scene.objects().related;
        let limits = related.limits_of(self.selected.target.resource);
        facts.amounts().completed(limits)
    }
}

/// Runs every check that is asked for.
pub fn run<'s>(
    config: &'s Config<'s>,
    selection: &'s Selection<'s, 's>,
    transformers: &'s Transformers<'s>,
    changes: &'s [Change],
    funnel: &mut Funnel<'_>,
) {
    let scene = Scene {
        config,
        selection,
        transformers,
        changes,
    };
    let reported: HashSet<_> = match config.judges {
        true => {
            let reported = selection.selected.iter();
            let reported = reported.flat_map(|it| run::reported(&scene, it));
            reported.map(|it| (it.resource, it.pointer())).collect()
        }
        false => HashSet::new(),
    };
    let asked = || {
        let checks = CHECKS.iter();
        checks.filter(|check| check.rules.iter().any(|rule| funnel.asks(rule)))
    };
    let mut found = Vec::new();
    for check in asked() {
        if let Some(find) = check.find.objects() {
            let mut findings = find(&scene);
            // What FIT-RUN001 reports is not reported once more for what is wrong with it now, unless it will be then.
            findings.retain(|it| {
                let place = it.resource.zip(it.pointer.clone());
                let is_of_now = it.rule.when == When::OnCheck && check.name != run::CHECK.name;
                !is_of_now || place.is_none_or(|it| !reported.contains(&it))
            });
            verify(check, &findings);
            found.extend(findings);
        }
    }
    let of_pods = asked().filter_map(|check| Some((check, check.find.pods()?)));
    let of_pods: Vec<_> = of_pods.collect();
    scene.each_pod(|pod| {
        for (check, find) in &of_pods {
            let mut findings = find(pod);
            findings
                .iter_mut()
                .for_each(|it| it.resource = Some(pod.selected.index));
            verify(check, &findings);
            found.extend(findings);
        }
    });
    funnel.extend(found);
}

fn verify(check: &Check, findings: &[Finding]) {
    for finding in findings {
        let mut rules = check.rules.iter();
        debug_assert!(
            rules.any(|rule| rule.id == finding.rule.id)
                && finding.severity <= finding.rule.severity,
            "{} must report its own rules, and no louder than they say: {finding:?}",
            check.name
        );
    }
}
