//! FIT-TGT001: pods in objects of kinds that fitout does not know, which a config can declare. FIT-TGT002: objects that
//! look like workloads and are none, so that nothing in them is fitted: a kind in the wrong case or group, a workload
//! without a container, or a declaration that leads nowhere. FIT-TGT003: patches of pods that are texts.

use jsonptr::{Pointer, PointerBuf};
use kustomize_krm_types::Severity;

use super::{Check, Find};
use crate::config::Config;
use crate::finding::Finding;
use crate::objects::{Form, PodSpecs, Target, below, may_hold_pods, pods_in, workload_kind};
use crate::read::Resource;
use crate::rules::{Rule, rule};
use crate::yaml::Node;

pub(super) const CHECK: Check = Check {
    name: "targets",
    rules: &[UNDECLARED, NO_PODS_HERE, PATCH],
    find: Find::Objects(|scene| {
        let mut findings = Vec::new();
        for selected in &scene.selection.selected {
            let found = match selected.target.templates.is_empty() {
                true => unfitted_workload(scene.config, selected.target.resource),
                false => None,
            };
            let undeclared = undeclared_pods(scene.config, selected.target.resource);
            let found = found.into_iter().chain(undeclared);
            let found = found.chain(patches_as_text(selected.target));
            findings.extend(found.map(|it| it.of(selected.index)));
        }
        findings
    }),
};

const UNDECLARED: Rule = rule(
    "FIT-TGT001",
    Severity::Info,
    "an object of an unknown kind that seems to hold pods",
);
const NO_PODS_HERE: Rule = rule(
    "FIT-TGT002",
    Severity::Warning,
    "an object of a workload's kind from which no pods are made",
);
const PATCH: Rule = rule(
    "FIT-TGT003",
    Severity::Info,
    "a patch of pods that is a text, and is not read",
);

/// What keeps a would-be workload from being one.
fn unfitted_workload(config: &Config<'_>, resource: &Resource<'_>) -> Option<Finding> {
    let (message, help) = match declared(config, resource) {
        Some(declared) => {
            let message = format!(
                "`podSpecs` declares pods of this {} at `{}`, where there are no containers, so nothing is fitted",
                resource.kind, declared.path
            );
            let help = match pods_in(resource).first() {
                Some(found) => format!("there are some at `{}`", found.full_path()),
                None => "look for a misspelt or missing key".to_owned(),
            };
            (message, help)
        }
        None => {
            let help = "look for a misspelt or wrongly indented field".to_owned();
            (why_not_a_workload(resource)?, help)
        }
    };
    Some(Finding::new(&NO_PODS_HERE, message).help(help))
}

/// That an object of an unknown kind seems to hold pods, with the declaration that would have it fitted.
fn undeclared_pods(config: &Config<'_>, resource: &Resource<'_>) -> Option<Finding> {
    if declared(config, resource).is_some()
        || why_not_a_workload(resource).is_some()
        || !may_hold_pods(resource)
    {
        return None;
    }
    let pods = pods_in(resource);
    let first = pods.first()?;
    let (what, help) = match first.form {
        Form::Containers => (
            "containers",
            "declare it if its controller takes `resources` and `securityContext` there",
        ),
        Form::Template | Form::PodSpec => (
            "pods",
            "declare it if its controller makes pods of it that may have every field of a pod",
        ),
    };
    let declarations = pods.iter().map(|pods| pods.declaration(resource));
    let message = format!(
        "fitout does not know this kind; what it has at `{}` looks like {what} and is left as it is, unless `podSpecs` declares {}",
        first.full_path(),
        declarations.collect::<Vec<_>>().join(", ")
    );
    Some(Finding::new(&UNDECLARED, message).help(help))
}

fn declared<'c>(config: &'c Config<'_>, resource: &Resource<'_>) -> Option<&'c PodSpecs> {
    let mut declared = config.pod_specs.iter();
    declared.find(|declared| declared.is_for(resource))
}

/// What keeps an object with the name of a workload from being one.
fn why_not_a_workload(resource: &Resource<'_>) -> Option<String> {
    let (group, kind) = workload_kind(&resource.kind)?;
    if kind == "ReplicationController" && resource.node.get("spec").is_some() {
        // Its template may be left out.
        return None;
    }
    let is_kind = resource.kind == kind;
    match (is_kind, resource.group() == group) {
        (true, true) => Some(format!(
            "this {kind} has no containers where its kind has them, so nothing is fitted"
        )),
        (true, false) if is_builtin(resource.group()) => Some(format!(
            "no {kind} is in apiVersion {}, so nothing is fitted",
            resource.api_version
        )),
        (false, _) if is_builtin(resource.group()) => Some(format!(
            "`{}` is no kind, so nothing is fitted; did you mean {kind}?",
            resource.kind
        )),
        _ => None,
    }
}

/// Groups that Kubernetes owns, today's and the one that workloads came from.
fn is_builtin(group: &str) -> bool {
    matches!(group, "" | "apps" | "batch" | "extensions")
}

/// Patches of pods that are texts, which nobody here reads.
fn patches_as_text(target: &Target<'_>) -> Vec<Finding> {
    if target.resource.group() != "argoproj.io" || target.templates.is_empty() {
        return Vec::new();
    }
    let findings = patches_in(target.resource).map(|(path, patch)| {
        let message = "`podSpecPatch` is a text that Argo applies to the pods last; it is not read, so what it sets may \
                       be other than what is fitted";
        let mut finding = Finding::new(&PATCH, message)
            .current(patch.value().ok())
            .help("write what it sets into the templates, where it can be a field");
        finding.pointer = Some(path);
        finding
    });
    findings.collect()
}

/// The `podSpecPatch` of a workflow and of its templates.
fn patches_in<'a>(resource: &Resource<'a>) -> impl Iterator<Item = (PointerBuf, Node<'a>)> {
    let at = match resource.kind.as_ref() {
        "CronWorkflow" => Pointer::from_static("/spec/workflowSpec"),
        _ => Pointer::from_static("/spec"),
    };
    let spec = resource.node.pointer(at);
    let templates = spec.and_then(|spec| spec.get("templates"));
    let templates = templates.into_iter().flat_map(Node::items).enumerate();
    let templates = templates.map(move |(index, template)| {
        let path = below(at, ["templates", &index.to_string()]);
        (path, template)
    });
    let all = spec
        .map(|spec| (at.to_buf(), spec))
        .into_iter()
        .chain(templates);
    all.filter_map(|(path, of)| {
        let patch = of.get("podSpecPatch").filter(|patch| !patch.is_null())?;
        Some((below(&path, ["podSpecPatch"]), patch))
    })
}
