//! FIT-TGT001: pods in objects of kinds that fitout does not know, which a config can declare. FIT-TGT002: objects that
//! look like workloads and are none, so that nothing in them is fitted: a kind in the wrong case or group, a workload
//! without a container, or a declaration that leads nowhere. FIT-TGT003: patches of pods that are texts.

use std::collections::HashSet;

use jsonptr::{Pointer, PointerBuf};
use kustomize_krm_types::Severity;

use super::{Check, Find};
use crate::config::Config;
use crate::finding::Finding;
use crate::objects::{Form, PodSpecs, Target, below, is_known_kind, workload_kind};
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

/// Groups and kinds whose objects hold what looks like pods and is not: examples in schemas, patterns in policies, the
/// history that controllers keep, and what prometheus-operator lays over pods of its own.
const NO_PODS: [(&str, &str); 5] = [
    ("apiextensions.k8s.io", ""),
    ("admissionregistration.k8s.io", ""),
    ("kyverno.io", ""),
    ("monitoring.coreos.com", ""),
    ("apps", "ControllerRevision"),
];

/// What tells containers from other things that have a name and an image.
const OF_CONTAINERS: [&str; 8] = [
    "command",
    "args",
    "script",
    "env",
    "volumeMounts",
    "resources",
    "computeResources",
    "securityContext",
];

/// How many places of pods are told of one object.
const MAX_TOLD: usize = 8;

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
    let group = resource.group();
    let never_has_pods = NO_PODS
        .iter()
        .any(|(g, kind)| group == *g && (kind.is_empty() || resource.kind == *kind));
    if never_has_pods
        || is_known_kind(resource)
        || declared(config, resource).is_some()
        || why_not_a_workload(resource).is_some()
    {
        return None;
    }
    // What looks like containers names images; most objects do not, unless by an alias to where one does.
    let text = resource.node.raw().as_bytes();
    let may_hold = |words: &str| memchr::memmem::find(text, words.as_bytes()).is_some();
    if !may_hold("image") && !may_hold("*") {
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

/// What looks like pods or containers: where it is, as `podSpecs` has it.
#[derive(PartialEq, Eq)]
struct Pods {
    path: String,
    form: Form,
}

impl Pods {
    fn new(path: &str) -> Pods {
        match path.strip_suffix("/spec") {
            Some(template) => Pods {
                path: template.to_owned(),
                form: Form::Template,
            },
            None => Pods {
                path: path.to_owned(),
                form: Form::PodSpec,
            },
        }
    }

    fn full_path(&self) -> String {
        match self.form {
            Form::Template => format!("{}/spec", self.path),
            Form::PodSpec | Form::Containers => self.path.clone(),
        }
    }

    fn declaration(&self, resource: &Resource<'_>) -> String {
        let form = match self.form {
            Form::Template => "",
            Form::PodSpec => ", form: PodSpec",
            Form::Containers => ", form: Containers",
        };
        // A `[` would end a plain text between braces, and `*` begins an alias.
        format!(
            "{{group: {}, kind: {}, path: \"{}\"{form}}}",
            if resource.group().is_empty() {
                "\"\""
            } else {
                resource.group()
            },
            resource.kind,
            self.path
        )
    }
}

/// What in an object looks like pods. Each node is looked at once, however many aliases lead to it.
fn pods_in(resource: &Resource<'_>) -> Vec<Pods> {
    let mut found: Vec<Pods> = Vec::new();
    let mut seen = HashSet::new();
    let mut open: Vec<(String, Node<'_>)> = Vec::new();
    open.push((String::new(), resource.node));
    while let Some((path, node)) = open.pop().filter(|_| found.len() < MAX_TOLD) {
        if !seen.insert(node.id()) {
            continue;
        }
        if !path.is_empty() && has_containers(node) {
            let pods = Pods::new(&path);
            if !found.contains(&pods) {
                found.push(pods);
            }
            continue;
        }
        let first = open.len();
        for (key, value) in node.entries() {
            let key = key.text().unwrap_or_default();
            let is_own = path.is_empty() && ["metadata", "status"].contains(&key.as_ref());
            // What no path can name cannot be declared.
            if is_own || key.is_empty() || key.contains(['/', '*', '[', ']', '"', '\\']) {
                continue;
            }
            let path = match path.as_str() {
                "" => key.into_owned(),
                path => format!("{path}/{key}"),
            };
            if value.is_map() {
                open.push((path, value));
            } else if are_containers(value) {
                let path = format!("{path}[]");
                let form = Form::Containers;
                let containers = Pods { path, form };
                if !found.contains(&containers) {
                    found.push(containers);
                }
            } else {
                let items = value.items().filter(|item| item.is_map());
                open.extend(items.map(|item| (format!("{path}[]"), item)));
            }
        }
        // The last one is taken first.
        open[first..].reverse();
    }
    found
}

/// Whether a mapping holds a list of containers, each with a name and an image.
fn has_containers(node: Node<'_>) -> bool {
    node.get("containers").is_some_and(are_named_images)
}

/// Whether a list that is not called so holds containers all the same: many lists have names and images, but few of them
/// have what runs there as well.
fn are_containers(list: Node<'_>) -> bool {
    let runs = |item: Node<'_>| OF_CONTAINERS.iter().any(|key| item.get(key).is_some());
    are_named_images(list) && list.items().any(runs)
}

fn are_named_images(list: Node<'_>) -> bool {
    let is_text =
        |node: Option<Node<'_>>| node.is_some_and(|node| node.is_scalar() && !node.is_null());
    let is_image = |node: Node<'_>| is_text(node.get("name")) && is_text(node.get("image"));
    list.is_sequence() && list.len() > 0 && list.items().all(is_image)
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
