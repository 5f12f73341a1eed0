//! FIT-CFG004, FIT-CFG005, FIT-CFG006 and FIT-CFG008: profiles and selections of the config that have no effect or contradict
//! one another.
//!
//! A profile that matches nothing is normal if several systems share a config, so it is info. If an object nearly matches,
//! it is probably a typo, so it is a warning.
//!
//! kustomize keeps the earlier names of an object in an annotation, which an author can write as well. So they count in the
//! `select` of a profile, but neither in `exclude` and `not` nor in exemptions.

use std::collections::BTreeSet;

use kustomize_krm_types::{Severity, annotations};

use super::{Check, Find, Scene};
use crate::config::{Config, LayerId, Near, View};
use crate::finding::{Finding, Subject};
use crate::hashing::HashMap;
use crate::kubernetes::Quantity;
use crate::rules::rules;
use crate::select::{Containers, PROFILE, ProfileUse, Selected, Why};
use crate::yaml::{Node, Value};

pub(super) const CHECK: Check = Check {
    name: "config",
    rules: RULES,
    find: &[Find::Comparing(&Find::Scene(|scene| {
        let mut findings: Vec<Finding> = use_of_selection(scene).into_iter().collect();
        findings.extend(use_of_profiles(scene));
        findings.extend(disagreements(scene));
        findings.extend(earlier_names(scene));
        findings
    }))],
};

rules! {
    RULES;
    UNMATCHED: "FIT-CFG004" Error Always "a profile or selection that matches nothing";
    DISAGREEMENT: "FIT-CFG005" Error Always "two profiles set the same field differently";
    PREVIOUS_NAME: "FIT-CFG006" Info Always "a selector that matches only a name from before kustomize's prefix or suffix";
    EARLIER_NAME: "FIT-CFG008" Warning Always
        "an exclusion or exemption that matches only a name from before kustomize's prefix or suffix";
}

/// Profiles that match nothing, or only by a name that kustomize has replaced.
fn use_of_profiles(scene: &Scene<'_>) -> Vec<Finding> {
    let (config, selection) = (scene.config, scene.selection);
    let (mut findings, mut others) = (Vec::new(), Vec::new());
    let renamed = renamed(scene);
    for (at, (profile, used)) in config.profiles.iter().zip(&selection.profiles).enumerate() {
        if let Some(index) = used.by_previous_name {
            let message = format!(
                "profile {} matches an object only by its name before kustomize's prefix or suffix",
                profile.name
            );
            let finding = Finding::new(&PREVIOUS_NAME, message).of(index);
            findings.push(finding.help("select by label, which kustomize does not rename"));
        }
        if !used.is_used {
            let is_required = profile.required || config.strict;
            let finding = match renamed.get(&at) {
                Some(object) => renamed_finding(&profile.name, *object),
                _ => unused(&profile.name, profile.required, is_required, used),
            };
            let decision = config.decision_of_profile(profile.layer);
            match finding.severity {
                Severity::Info => {
                    others.push((profile.name.as_str(), finding.decided_by(decision)))
                }
                _ => findings.push(finding.decided_by(decision)),
            }
        }
    }
    // Profiles for other systems are many, and say nothing about this one.
    findings.extend(match others.len() {
        0 | 1 => others.pop().map(|(_, finding)| finding),
        count => {
            let names: Vec<&str> = others.into_iter().map(|(name, _)| name).collect();
            let message = format!("{count} profiles match nothing: {}", names.join(", "));
            Some(Finding::graded(&UNMATCHED, Severity::Info, message))
        }
    });
    for selected in &selection.selected {
        let ignored = selected.author.iter().flat_map(|it| &it.ignored);
        for ignored in ignored.filter(|it| it.annotation == PROFILE) {
            let Why::UnknownProfile(name) = &ignored.why else {
                continue;
            };
            let message =
                format!("the annotation {PROFILE} names `{name}`, but there is no such profile");
            let names = config.profiles.iter().map(|profile| profile.name.as_str());
            let mut finding = Finding::new(&UNMATCHED, message)
                .of(selected.index)
                .about(&Subject::metadata(), &["annotations", PROFILE]);
            let objects = selection.objects;
            let nearest = objects.did_you_mean(name, names, config.profiles.len());
            finding.help = nearest.map(|it| format!("did you mean `{it}`?").into());
            findings.push(finding);
        }
    }
    findings
}

/// Objects that required profiles, which match nothing, may have matched before kustomize's prefix or suffix, by the number of
/// the profile. Inside a build, earlier names are known.
fn renamed(scene: &Scene<'_>) -> HashMap<usize, usize> {
    let (config, used) = (scene.config, &scene.selection.profiles);
    let mut renamed = HashMap::default();
    let is_asked = |at: usize| !used[at].is_used && (config.strict || config.profiles[at].required);
    if !config.validate_only || !(0..used.len()).any(is_asked) {
        return renamed;
    }
    for selected in &scene.selection.selected {
        let (resource, templates) = (selected.target.resource, &selected.target.templates);
        if resource.annotation(annotations::KUSTOMIZE_ID).is_some() {
            continue;
        }
        let candidates = config.profile_index.may_have_matched(resource, templates);
        for at in candidates.into_iter().filter(|at| is_asked(*at)) {
            let select = &config.profiles[at].select;
            if !renamed.contains_key(&at) && select.may_have_matched(resource, templates) {
                renamed.insert(at, selected.index);
            }
        }
    }
    renamed
}

/// A required profile may have matched an object by an earlier name, as FIT-RUN001 says.
fn renamed_finding(name: &str, object: usize) -> Finding {
    let message = format!(
        "cannot verify whether profile {name} matched: it selects by a name that this object may have had before kustomize's \
         prefix or suffix"
    );
    Finding::graded(&UNMATCHED, Severity::Warning, message)
        .of(object)
        .help(
            "select by label, which kustomize does not rename, or check the overlay with `fitout check -k`",
        )
}

/// Exclusions and exemptions that do not apply, because only an earlier name of the object matches.
fn earlier_names(scene: &Scene<'_>) -> Vec<Finding> {
    let names = scene.selection.by_previous_name.iter();
    let finding = |(what, object): &(String, usize)| {
        let message = format!(
            "{what} does not apply to it: only its name before kustomize's prefix or suffix matches, and an author can write \
             that name"
        );
        Finding::new(&EARLIER_NAME, message)
            .of(*object)
            .help("select by label, or by the name that it has now")
    };
    names.map(finding).collect()
}

/// A selection of the whole config that matches nothing.
fn use_of_selection(scene: &Scene<'_>) -> Option<Finding> {
    let (config, selection) = (scene.config, scene.selection);
    let is_match = |it: &Selected<'_, '_>| !it.is_only_checked;
    let has_match = selection.selected.iter().any(is_match);
    if selection.candidates == 0 || config.select.is_none() || has_match {
        return None;
    }
    let severity = match config.strict {
        true => Severity::Error,
        false => Severity::Warning,
    };
    let message = format!(
        "`spec.select` matches none of {} objects, so nothing is changed{}",
        selection.candidates,
        reason(selection.near.as_ref())
    );
    let finding = Finding::graded(&UNMATCHED, severity, message);
    Some(match &selection.near {
        Some(near) => finding.help(near.suggestion.clone()),
        None => finding.help("fix `spec.select`"),
    })
}

/// Why a near match does not match, as the end of a sentence.
fn reason(near: Option<&Near>) -> String {
    near.map(|near| format!(": {}", near.reason))
        .unwrap_or_default()
}

fn unused(name: &str, is_marked: bool, is_required: bool, used: &ProfileUse) -> Finding {
    let near = reason(used.near.as_ref());
    let severity = match (is_required, used.near.is_some()) {
        (true, _) => Severity::Error,
        (false, true) => Severity::Warning,
        (false, false) => Severity::Info,
    };
    let finding = Finding::graded(
        &UNMATCHED,
        severity,
        format!("profile {name} matches nothing{near}"),
    );
    match (&used.near, severity, is_marked) {
        (Some(near), ..) => finding.help(near.suggestion.clone()),
        (None, Severity::Info, _) => finding,
        (None, _, true) => finding.help("fix its `select`: the profile is `required`"),
        (None, _, false) => finding.help("fix its `select`, or remove the profile"),
    }
}

/// Leaves that two profiles set differently for the same object or container.
fn disagreements(scene: &Scene<'_>) -> Vec<Finding> {
    let config = scene.config;
    let selected = &scene.selection.selected;
    let combinations: BTreeSet<Vec<LayerId>> = selected
        .iter()
        .filter(|selected| !selected.is_only_checked)
        .flat_map(|selected| combinations_of(config, selected))
        .filter(|profiles| profiles.len() > 1)
        .collect();
    let mut found = BTreeSet::new();
    for combination in combinations {
        for section in config.vocabulary.sections {
            let layers = config.section_layers(&combination, section.name);
            let view = View::new(layers, section.name, section.merged_lists);
            view.iter()
                .for_each(|view| collect(config, view, &mut found));
        }
    }
    let severity = match config.strict {
        true => Severity::Error,
        false => Severity::Info,
    };
    let finding = |(leaf, loser, winner): (String, String, String)| {
        let message = format!(
            "profiles {loser} and {winner} set {leaf} differently; {winner} comes later and wins"
        );
        Finding::graded(&DISAGREEMENT, severity, message)
    };
    found.into_iter().map(finding).collect()
}

/// The profiles that apply together: to the object as a whole, and to each of its containers.
fn combinations_of(config: &Config<'_>, selected: &Selected<'_, '_>) -> Vec<Vec<LayerId>> {
    let general: Vec<LayerId> = config.general_layers().collect();
    let profiles = |applies: &dyn Fn(&Containers<'_>) -> bool| -> Vec<LayerId> {
        let layers = selected.layers.iter();
        let applying =
            layers.filter(|(id, containers)| !general.contains(id) && applies(containers));
        applying.map(|(id, _)| *id).collect()
    };
    let containers = selected.target.containers();
    let mut combinations = vec![profiles(&|containers| containers.is_whole_object())];
    combinations
        .extend(containers.map(|container| profiles(&|containers| containers.includes(container))));
    combinations
}

/// Adds the leaves of a view that layers set differently, with the losing and the winning profile.
fn collect(config: &Config<'_>, view: &View<'_>, found: &mut BTreeSet<(String, String, String)>) {
    let top = view.top();
    if top.node.is_map() {
        let below = view
            .keys()
            .into_iter()
            .filter_map(|key| view.get(&key.node.text()?));
        below.for_each(|view| collect(config, &view, found));
    } else if !view.adds_up() {
        for layer in view
            .layers()
            .iter()
            // The part of a profile in an environment belongs to the profile.
            .filter(|layer| config.name_of(layer.id) != config.name_of(top.id))
            .filter(|layer| !is_equal(layer.node, top.node))
        {
            found.insert((
                view.path().to_owned(),
                config.name_of(layer.id),
                config.name_of(top.id),
            ));
        }
    }
}

/// Whether two values are equal, as quantities if they are quantities.
fn is_equal(a: Node<'_>, b: Node<'_>) -> bool {
    let quantity = |node: Node<'_>| Quantity::of_node(node).ok();
    let equal = |a: Node<'_>, b: Node<'_>| {
        a.value().unwrap_or(Value::Null) == b.value().unwrap_or(Value::Null)
    };
    equal(a, b) || (a.is_scalar() && quantity(a).is_some() && quantity(a) == quantity(b))
}
