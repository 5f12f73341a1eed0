//! The checks, one file for each subject. A check only reports: it never fails and never changes an object.
//!
//! A rule runs always or only on check ([`When`]). A check of pods sees each pod as it is and as the edits will leave it
//! ([`Pod`]), so one check reports both what is wrong and what will still be wrong.
//!
//! # Adding a check
//!
//! 1. Look in `tests/peers.tsv` whether another rule answers the same already.
//!    Copy `example.rs`, which is compiled for tests only: to `host_network.rs` for a check `hostNetwork`. Its head says what
//!    the check reports and why it matters. The id of a rule is the next number of its area that `docs/rules` does not have: AVL
//!    availability, IMG images, NET networks, POD pods, PRB probes, RBC roles, REF references, RES amounts, SCH schemas, SEC
//!    security, STO storage, VAL what the API server refuses, and others. `When::Always` is for what the edits can cause or
//!    repair, `When::OnCheck` for all else, `When::OnRequest` for what only some teams want. A rule of severity info about
//!    one field that is valid but risky is a row in `practices.rs` instead.
//!    What other tools call it follows the description in parentheses, as in `probes.rs`.
//! 2. Add its `mod` line and its row in `checks!`, in this file, next to those of its area: docs/checks.md has the same order.
//! 3. Add `tests/cases/<name>/<what-it-shows>/` with `input.yaml` and `fn-config.yaml`, for a rule with `When::OnCheck` with
//!    `mode: Check`. On the page the name of the folder is the heading, and the first comment of `input.yaml` is the text. What
//!    other rules find in the input can be left out with `checks: {disable: […]}`. A case must show a finding: put what is right
//!    next to what is wrong.
//! 4. Run `make golden`, and read the git diff: `results.yaml` of the case, docs/checks.md, the schema, and the new page
//!    `docs/rules/<id>.md`.
//! 5. Run `make test lint`.
//!
//! Configured severities, `disable`, exemptions, results and JSON need no more code.

mod accounts;
mod amounts;
mod autoscaled_amounts;
mod autoscaling;
mod capabilities;
mod claims;
mod config;
mod containers;
mod disruption_budgets;
mod environment;
#[cfg(test)]
mod example;
mod exemptions;
mod images;
mod ingresses;
mod memory_volumes;
mod mesh;
mod missing_amounts;
mod monitors;
mod moved_paths;
mod namespace_limits;
mod network_policies;
mod own_directories;
mod pod_resources;
mod pod_security;
mod practices;
mod probes;
mod references;
mod removed_volumes;
mod root_commands;
mod root_file_system;
mod run;
mod scene;
mod schema;
mod scraping;
mod services;
mod shared_volumes;
mod targets;
#[cfg(test)]
mod testing;
mod user_namespaces;
mod users;
mod volume_owners;
mod windows;
mod workloads;

use std::ops::Range;

use jsonptr::PointerBuf;

use crate::config::Config;
use crate::edit::Edits;
use crate::finding::Finding;
use crate::funnel::{Funnel, Verdict};
use crate::hashing::HashSet;
use crate::parallel;
use crate::problem::Problems;
use crate::rules::{Rule, When};
use crate::select::{Selected, Selection};
use crate::transformers::Transformers;
use run::reported;
use scene::alone;

pub use run::{Proof, would_change_in_words};
pub use scene::{Pod, Scene};

/// A check and its rules.
#[derive(Debug)]
pub struct Check {
    /// The name of its folder of cases, and in snake case of its file.
    pub name: &'static str,
    /// The rules that it reports.
    pub rules: &'static [Rule],
    find: &'static [Find],
}

/// A function that finds, by what it looks at.
#[derive(Clone, Copy, Debug)]
enum Find {
    /// All objects at once.
    Scene(fn(&Scene<'_>) -> Vec<Finding>),
    /// Each selected object; findings are about it.
    Object(for<'s> fn(&Scene<'s>, &'s Selected<'s, 's>) -> Vec<Finding>),
    /// The pods of each template; findings are about its object. What it finds does not depend on other objects: debug
    /// assertions fail if it asks for them.
    Pods(fn(&Pod<'_, '_>) -> Vec<Finding>),
    /// The same for a function that asks for other objects.
    PodsAmong(fn(&Pod<'_, '_>) -> Vec<Finding>),
    /// One of these that suggests names. What it suggests depends on what was compared before, so these run one after the
    /// other. Debug assertions fail for another one that compares names.
    Comparing(&'static Find),
}

macro_rules! checks {
    ($($check:ident,)*) => {
        /// Every check.
        pub const CHECKS: &[Check] = &[$($check::CHECK),*];

        /// The rules of each check.
        pub const RULES: &[&[Rule]] = &[$($check::CHECK.rules),*];
    };
}

checks! {
    config,
    exemptions,
    targets,
    run,
    schema,
    references,
    workloads,
    containers,
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
    root_commands,
    root_file_system,
    images,
    users,
    volume_owners,
    shared_volumes,
    user_namespaces,
    capabilities,
    windows,
    memory_volumes,
    moved_paths,
    own_directories,
    removed_volumes,
    claims,
    scraping,
    monitors,
    practices,
}

/// Runs the transformers and the checks on the selected objects, for `fit` and for `explain`.
///
/// # Errors
/// Invalid values in fields that transformers change.
pub fn decide<'a>(
    config: &Config<'_>,
    selection: &Selection<'_, 'a>,
) -> Result<(Edits<'a>, Verdict), Problems> {
    let mut funnel = Funnel::new(config);
    let transformers = Transformers::new(config);
    let edits = transformers.run(config, selection, &mut funnel)?;
    run(config, selection, &transformers, &edits, &mut funnel);
    Ok((edits, funnel.finish(selection)))
}

/// The rule of the kinds whose pods are not examined.
pub const UNEXAMINED: Rule = targets::UNEXAMINED;

/// A check, and what it asks.
type Asked = (&'static Check, &'static Find);

/// Runs every check that has an enabled rule.
fn run<'s>(
    config: &'s Config<'s>,
    selection: &'s Selection<'s, 's>,
    transformers: &'s Transformers<'s>,
    edits: &'s Edits<'_>,
    funnel: &mut Funnel<'_>,
) {
    let scene = Scene::of(config, selection, transformers, edits);
    let (mut comparing, mut others): (Vec<Asked>, Vec<Asked>) = (Vec::new(), Vec::new());
    for check in CHECKS {
        if check.rules.iter().any(|rule| funnel.runs(rule)) {
            let counts = check.rules.iter().any(|rule| funnel.asks(rule));
            for find in check.find {
                match find {
                    Find::Comparing(find) => comparing.push((check, find)),
                    // The others run: they share the limits on comparisons, so one can change what the next one finds.
                    Find::Pods(_) if !counts => {}
                    find => others.push((check, find)),
                }
            }
        }
    }
    let of_all = |asked: &[Asked]| -> Vec<Asked> {
        let asked = asked.iter().copied();
        asked
            .filter(|(_, it)| matches!(it, Find::Scene(_)))
            .collect()
    };
    let (first, scenes) = (of_all(&comparing), of_all(&others));
    let reported = reported_in(&scene);
    let all = 0..selection.selected.len();
    // The parts of the objects, each for all checks that look at one object at a time.
    let parts = selection.objects.parts_of(all.end);
    let compare = |scene: &Scene<'_>, found: &mut Vec<Finding>| {
        of_scene(scene, &reported, &first, found);
        of_objects(scene, &reported, all.clone(), &comparing, found);
    };
    match parts.as_slice() {
        [part] => {
            let found = funnel.with_room_for(part.len());
            compare(&scene, found);
            selection.objects.without_comparing(|| {
                of_scene(&scene, &reported, &scenes, found);
                of_objects(&scene, &reported, part.clone(), &others, found);
            });
        }
        parts => {
            let found = parallel::map_all(1 + scenes.len() + parts.len(), &|at| {
                // What they remember is of one thread.
                let transformers = Transformers::new(config);
                let scene = Scene::of(config, selection, &transformers, edits);
                let mut found = Vec::new();
                match at.checked_sub(1) {
                    None => selection.objects.compare(|| compare(&scene, &mut found)),
                    Some(at) => match scenes.get(at) {
                        Some(asked) => of_scene(&scene, &reported, &[*asked], &mut found),
                        None => {
                            let part = parts[at - scenes.len()].clone();
                            of_objects(&scene, &reported, part, &others, &mut found);
                        }
                    },
                }
                found
            });
            funnel.extend_all(found);
        }
    }
    // The checks before are what asks for comparisons.
    funnel.extend(targets::uncompared(&scene).into_iter().collect());
}

/// The fields that FIT-RUN001 reports, with their objects.
type Reported = HashSet<(usize, PointerBuf)>;

fn reported_in(scene: &Scene<'_>) -> Reported {
    if !scene.config.validate_only || scene.changes.is_empty() {
        return HashSet::default();
    }
    let selected = scene.selection.selected.iter();
    let reported = selected.flat_map(|it| reported(scene, it));
    reported.map(|it| (it.resource, it.pointer())).collect()
}

/// What checks find that look at all objects at once.
fn of_scene(scene: &Scene<'_>, reported: &Reported, asked: &[Asked], all: &mut Vec<Finding>) {
    for (check, find) in asked {
        if let Find::Scene(find) = find {
            all.extend(left(check, find(scene), reported));
        }
    }
}

/// What checks find that look at one object at a time, in some of the selected ones.
fn of_objects<'s>(
    scene: &Scene<'s>,
    reported: &Reported,
    part: Range<usize>,
    asked: &[Asked],
    all: &mut Vec<Finding>,
) {
    let selected = &scene.selection.selected[part];
    let mut of_pods = Vec::new();
    for (check, find) in asked {
        match find {
            Find::Scene(_) | Find::Comparing(_) => {}
            Find::Object(find) => {
                let found = selected.iter();
                let found =
                    found.flat_map(|it: &'s Selected<'s, 's>| about(it.index, find(scene, it)));
                all.extend(left(check, found.collect(), reported));
            }
            Find::Pods(find) => of_pods.push((check, find, true)),
            Find::PodsAmong(find) => of_pods.push((check, find, false)),
        }
    }
    if !of_pods.is_empty() {
        scene.each_pod_of(selected, |pod| {
            for (check, find, is_alone) in &of_pods {
                let found = alone(*is_alone, || find(pod));
                let findings = about(pod.selected.index, found);
                verify(check, &findings);
                all.extend(findings);
            }
        });
    }
}

/// The findings without those about a present value that FIT-RUN001 reports: it would be changed.
fn left(check: &Check, mut findings: Vec<Finding>, reported: &Reported) -> Vec<Finding> {
    if !reported.is_empty() && check.name != run::CHECK.name {
        findings.retain(|it| {
            let place = || it.resource.zip(it.pointer.clone());
            it.rule.when == When::Always || place().is_none_or(|it| !reported.contains(&it))
        });
    }
    verify(check, &findings);
    findings
}

fn about(object: usize, mut findings: Vec<Finding>) -> Vec<Finding> {
    for finding in &mut findings {
        finding.resource = Some(object);
    }
    findings
}

fn verify(check: &Check, findings: &[Finding]) {
    for finding in findings {
        debug_assert!(
            check.rules.contains(finding.rule) && finding.severity <= finding.rule.severity,
            "{} must report its own rules, at most at their severity: {finding:?}",
            check.name
        );
    }
}
