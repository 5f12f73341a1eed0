//! FIT-TGT001 to FIT-TGT005: objects that fitout does not change although they seem to have pods, and what checks cannot
//! look at.
//!
//! FIT-TGT001 reports pods in objects of unknown kinds, which a config can declare. FIT-TGT002 reports objects that look like
//! workloads but are not: a kind in the wrong case or group, a workload without containers, or a declared path without
//! containers. FIT-TGT003 reports pod patches that are written as text. FIT-TGT004 reports objects that cannot be examined,
//! or only in part, and kustomizations whose builds have what their files do not show, where these are checked and not the
//! build. FIT-TGT005 reports patches among the objects.

use std::collections::HashSet;
use std::sync::Arc;

use jsonptr::{Pointer, PointerBuf};
use kustomize_krm_types::Severity;

use super::{Check, Find, Scene};
use crate::config::Config;
use crate::finding::Finding;
use crate::objects::{
    Classification, Form, Gap, PodSpecs, SkipReason, Target, Undeclared, below, is_known_kind,
    is_mistake, why_patch, workload_kind,
};
use crate::read::Resource;
use crate::rules::rules;
use crate::yaml::{Node, NodeId};

pub(super) const CHECK: Check = Check {
    name: "targets",
    rules: RULES,
    find: &[
        Find::Object(|scene, selected| {
            let target = selected.target;
            let workload = match target.templates.is_empty() {
                true => failed_workload(scene.config, target),
                false => None,
            };
            let undeclared = undeclared_pods(scene.config, target);
            let findings = workload.into_iter().chain(undeclared);
            let findings = findings.chain(unexamined(scene.config, target));
            findings.chain(patches_as_text(target)).collect()
        }),
        Find::Scene(unreadable),
        Find::Scene(unbuilt),
        Find::Scene(patches),
    ],
};

rules! {
    pub(super) RULES;
    UNDECLARED: "FIT-TGT001" Warning Always "an object of an unknown kind that seems to contain pods";
    NO_PODS_HERE: "FIT-TGT002" Warning Always "an object that looks like a workload but has no pods";
    PATCH: "FIT-TGT003" Info Always "a pod patch written as text, which fitout does not read";
    /// For objects that are not examined, or only in part: no errors in what is examined says nothing about the rest.
    UNEXAMINED: "FIT-TGT004" Warning Always "an object that is not examined, or only in part, although it may have pods";
    PARTIAL: "FIT-TGT005" Warning Always "a patch, which is neither changed nor checked: it is only a part of an object";
}

/// What is not known because there was too much to compare.
pub(super) fn uncompared(scene: &Scene<'_>) -> Option<Finding> {
    let message = "not examined in full: too many selectors that differ each match many different pods, or a LimitRange has \
                   too many amounts for too many containers";
    let finding = Finding::new(&UNEXAMINED, message.to_owned());
    let is_partial = scene.objects().related.was_too_much();
    is_partial
        .then(|| finding.help("check fewer objects at once, for example each namespace on its own"))
}

/// Objects that are patches of others.
fn patches(scene: &Scene<'_>) -> Vec<Finding> {
    let passed_over = scene.selection.passed_over.iter();
    let patches = passed_over.filter(|(_, reason)| *reason == SkipReason::Patch);
    let findings = patches.filter_map(|(index, _)| {
        let Classification::Target(target) = &scene.objects().classifications[*index] else {
            return None;
        };
        let severity = match target.templates.is_empty() {
            true => Severity::Info,
            false => Severity::Warning,
        };
        let (kind, why) = (&target.resource.kind, why_patch(target)?);
        // A check looks at what nothing in the input can be a patch of.
        let (message, help) = match is_mistake(scene.objects(), target) {
            true => (
                format!("this {kind} looks like a patch, because {why}; it is not changed"),
                "name a patch under `patches` of a kustomization, and build that; give containers of others an image",
            ),
            false => (
                format!("this {kind} is a patch, because {why}; it is neither changed nor checked"),
                "name it under `patches` of a kustomization, and build that",
            ),
        };
        let finding = Finding::graded(&PARTIAL, severity, message).of(*index);
        Some(finding.help(help))
    });
    findings.collect()
}

/// An object that looks like a workload but is not one.
fn failed_workload(config: &Config<'_>, target: &Target<'_>) -> Option<Finding> {
    let resource = target.resource;
    let (message, help) = match declared(config, resource) {
        Some(declared) => {
            let message = format!(
                "`podSpecs` declares pods of this {} at `{}`, but it has no containers there, so nothing is changed",
                resource.kind, declared.path
            );
            let places = target.undeclared.iter().flat_map(|it| &it.places);
            let help = match places.into_iter().next() {
                Some(found) => format!("there are containers at `{}`", found.full_path()),
                None => "check for a misspelt or missing key".to_owned(),
            };
            (message, help)
        }
        None => {
            let help = "check for a misspelt or wrongly indented field".to_owned();
            (why_not_a_workload(resource)?, help)
        }
    };
    Some(Finding::new(&NO_PODS_HERE, message).help(help))
}

/// An object of an unknown kind that seems to contain pods, with the declaration that includes it.
fn undeclared_pods(config: &Config<'_>, target: &Target<'_>) -> Option<Finding> {
    let Undeclared { places, .. } = &**target.undeclared.as_ref()?;
    let resource = target.resource;
    let first = places.first()?;
    // FIT-TGT002 reports these.
    let is_failed = target.templates.is_empty() && declared(config, resource).is_some();
    if is_failed || why_not_a_workload(resource).is_some() {
        return None;
    }
    let (what, help) = match first.form {
        Form::Containers => (
            "containers",
            "declare it if its controller uses `resources` and `securityContext` there",
        ),
        Form::Template | Form::PodSpec => (
            "pods",
            "declare it if its controller creates pods from it and accepts every field of a pod",
        ),
    };
    let declarations = places.iter().filter_map(|it| it.declaration(resource));
    let declarations: Vec<_> = declarations.collect();
    let done = match config.validate_only {
        true => "; it is checked, but not changed",
        false => ", but it is not changed",
    };
    let unless = match declarations.as_slice() {
        [] => String::new(),
        all => format!(" unless `podSpecs` declares {}", all.join(", ")),
    };
    let message = format!(
        "unknown kind: `{}` looks like {what}{done}{unless}",
        first.full_path(),
    );
    let finding = Finding::new(&UNDECLARED, message);
    Some(match declarations.is_empty() {
        true => finding,
        false => finding.help(help),
    })
}

/// What of an object cannot be examined.
fn unexamined(config: &Config<'_>, target: &Target<'_>) -> Option<Finding> {
    let (severity, message, help) = match target.gap()? {
        // This is about checks.
        Gap::Operated | Gap::Unseen if !config.validate_only && is_known_kind(target.resource) => {
            return None;
        }
        Gap::Operated => (
            Severity::Info,
            "examined in part: it has only some fields of its pods".to_owned(),
            "its operator sets the others: check the pods in the cluster, with `fitout preflight pods` or Pod Security \
             admission",
        ),
        Gap::MorePods(path) => (
            Severity::Info,
            format!(
                "examined in part: its controller may create more pods, because it has `{path}`"
            ),
            "check the pods in the cluster, or exempt this kind from FIT-TGT004 with a reason",
        ),
        Gap::Unseen => (
            Severity::Info,
            "not examined: its operator creates pods, and it has none of their fields".to_owned(),
            "check the pods in the cluster, or exempt this kind from FIT-TGT004 with a reason",
        ),
        // This is about checks.
        Gap::UnknownKind | Gap::Mutator if !config.validate_only => return None,
        Gap::Mutator => (
            Severity::Info,
            "not examined: it can change pods when they are created".to_owned(),
            "check the pods in the cluster, or exempt this object from FIT-TGT004 with a reason",
        ),
        Gap::UnknownKind => (
            Severity::Info,
            "not examined: its controller may create pods that the object does not show".to_owned(),
            "check the pods in the cluster, declare them under `podSpecs`, or exempt this kind from FIT-TGT004 with a reason",
        ),
        Gap::Claims(path) => (
            Severity::Info,
            format!(
                "unknown kind: `{path}` looks like a claim, but it is not examined unless `claims` declares it"
            ),
            "declare it if its controller creates a PersistentVolumeClaim from it",
        ),
        Gap::Hint(path) => (
            Severity::Info,
            format!("not examined: its controller may create pods, because it has `{path}`"),
            "check the pods in the cluster, or exempt this kind from FIT-TGT004 with a reason",
        ),
        Gap::Deployer => (
            Severity::Info,
            "not examined: it deploys manifests that are not in it".to_owned(),
            "check those manifests too, as they are rendered",
        ),
        Gap::Substituted(path) => (
            Severity::Warning,
            format!(
                "examined in part: `{path}` has a text where pods have none, such as a variable"
            ),
            "check the objects with their values, after the substitution",
        ),
        Gap::Unreadable(path) => (
            Severity::Warning,
            format!("not examined: `{path}` holds containers, but is not a list of them"),
            "write a list of containers",
        ),
    };
    Some(Finding::graded(&UNEXAMINED, severity, message).help(help))
}

/// Objects that are not changed and do not match the schema of their kind. For others this stops the run.
fn unreadable(scene: &Scene<'_>) -> Vec<Finding> {
    let unreadable = scene.selection.unreadable.iter();
    let findings = unreadable.map(|(object, problem)| {
        let field = problem.field.as_deref().unwrap_or("object");
        let message = format!("not examined: `{field}`: {}", problem.message);
        Finding::new(&UNEXAMINED, message).of(*object)
    });
    findings.collect()
}

/// Kustomizations whose builds have what is not in the files.
fn unbuilt(scene: &Scene<'_>) -> Vec<Finding> {
    /// More fields say nothing else.
    const SHOWN: usize = 4;
    let unbuilt = scene.config.unbuilt.iter();
    let findings = unbuilt.map(|it| {
        let shown = it.fields.iter().take(SHOWN);
        let shown: Vec<String> = shown.map(|field| format!("`{field}`")).collect();
        let more = match it.fields.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let what = match it.adds {
            true => "not examined: a build has other objects than the files, because of",
            false => "examined in part: a build changes what is checked, because of",
        };
        let message = format!("{what} {}{more}", shown.join(", "));
        Finding {
            place: Some(Box::new((Arc::clone(&it.file), it.position))),
            help: Some("check the build too, with -k and the folder of the kustomization".into()),
            ..Finding::graded(&UNEXAMINED, Severity::Info, message)
        }
    });
    findings.collect()
}

fn declared<'c>(config: &'c Config<'_>, resource: &Resource<'_>) -> Option<&'c PodSpecs> {
    let mut declared = config.pod_specs.iter();
    declared.find(|declared| declared.is_for(resource))
}

/// Why an object with the kind of a workload is not one.
fn why_not_a_workload(resource: &Resource<'_>) -> Option<String> {
    let (group, kind) = workload_kind(&resource.kind)?;
    if kind == "ReplicationController" && resource.node.get("spec").is_some() {
        // Its template is optional.
        return None;
    }
    let is_kind = resource.kind == kind;
    match (is_kind, resource.group() == group) {
        (true, true) => Some(format!(
            "this {kind} has no pod spec with containers, so nothing is changed"
        )),
        (true, false) if is_builtin(resource.group()) => Some(format!(
            "apiVersion {} has no kind {kind}, so nothing is changed",
            resource.api_version
        )),
        (false, _) if is_builtin(resource.group()) => Some(format!(
            "`{}` is not a kind, so nothing is changed; did you mean {kind}?",
            resource.kind
        )),
        _ => None,
    }
}

/// The built-in groups of workloads, including the legacy one.
fn is_builtin(group: &str) -> bool {
    matches!(group, "" | "apps" | "batch" | "extensions")
}

/// Pod patches that are written as text, which fitout does not read.
fn patches_as_text(target: &Target<'_>) -> Vec<Finding> {
    if target.resource.group() != "argoproj.io" {
        return Vec::new();
    }
    let mut patches = Vec::new();
    find_patches(
        target.resource.node,
        &PointerBuf::new(),
        &mut HashSet::new(),
        &mut patches,
    );
    let findings = patches.into_iter().map(|(path, patch)| {
        let message = "`podSpecPatch` is text that Argo applies to the pods last; fitout does not read it, and it may \
                       override the config";
        let mut finding = Finding::new(&PATCH, message)
            .current(patch.value().ok())
            .help("move it into fields of the templates where possible");
        finding.pointer = Some(path);
        finding
    });
    findings.collect()
}

/// Each `podSpecPatch` in an object: of a workflow, of its templates, and of what collects its artifacts.
fn find_patches<'a>(
    node: Node<'a>,
    path: &Pointer,
    seen: &mut HashSet<NodeId>,
    found: &mut Vec<(PointerBuf, Node<'a>)>,
) {
    if node.is_scalar() || !seen.insert(node.id()) {
        return;
    }
    for (key, value) in node.entries() {
        let key = key.text().unwrap_or_default();
        let at = || below(path, [&*key]);
        match value.is_scalar() {
            true if key == "podSpecPatch" && !value.is_null() => found.push((at(), value)),
            true => {}
            false => find_patches(value, &at(), seen, found),
        }
    }
    for (index, item) in node.items().enumerate() {
        find_patches(item, &below(path, [&*index.to_string()]), seen, found);
    }
}
