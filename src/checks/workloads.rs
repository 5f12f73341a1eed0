//! FIT-VAL012 to FIT-VAL014: selectors, pod specs and strategies of Kubernetes' own workloads that the API server refuses.
//!
//! Sources: kubernetes `pkg/apis/apps/validation`, `pkg/apis/batch/validation` and `pkg/apis/core/validation/validation.go`,
//! with the defaults of `pkg/apis/*/v1/defaults.go`.

use std::borrow::Cow;
use std::collections::HashSet;

use kustomize_krm_types::Severity;

use super::{Check, Find, Pod, Scene};
use crate::finding::{Finding, Subject};
use crate::kubernetes::{LabelSelector, schema};
use crate::problem::suggestion;
use crate::rules::{Rule, rules};
use crate::select::Selected;
use crate::yaml::Node;

rules! {
    RULES;
    SELECTOR: "FIT-VAL012" Error OnCheck "a workload whose selector does not match the labels of its pods";
    POD: "FIT-VAL013" Error OnCheck "fields of a pod that the API server refuses together, or for its kind";
    STRATEGY: "FIT-VAL014" Error OnCheck "fields of a workload that the API server refuses together";
}

pub(super) const CHECK: Check = Check {
    name: "workloads",
    rules: RULES,
    find: &[
        Find::Object(of_object),
        Find::Pods(of_pod),
        Find::Pods(profiles),
    ],
};

/// The number, or the number of percents, of a field; `default` without it.
fn amount(node: Option<Node<'_>>, default: i64) -> i64 {
    let Some(node) = node.filter(|it| !it.is_null()) else {
        return default;
    };
    let text = || node.text()?.strip_suffix('%')?.parse().ok();
    node.int().or_else(text).unwrap_or(1)
}

fn of_object(_: &Scene<'_>, selected: &Selected<'_, '_>) -> Vec<Finding> {
    let resource = selected.target.resource;
    let kind = &*resource.kind;
    let is_known = schema::fields_of(&resource.api_version, kind).is_some();
    let Some(spec) = resource.node.get("spec").filter(|_| is_known) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut add = |rule: &'static Rule, field: &[&str], message: String, help: &str| {
        let finding = Finding::new(rule, message).about(&Subject::object(), field);
        found.push(match help.is_empty() {
            true => finding,
            false => finding.help(help.to_owned()),
        });
    };
    let is = |path: &[&str], wanted: &str| {
        spec.text_at(path.iter().copied())
            .is_some_and(|it| it == wanted)
    };
    let group = resource.group();
    if let (Some(selector), Some(template)) = (spec.get("selector"), spec.get("template"))
        && (group == "apps" || kind == "ReplicationController")
        && selector.is_map()
    {
        let label = |key: &str| template.text_at(["metadata", "labels", key]);
        let (path, map) = match group {
            "apps" => (
                &["spec", "selector", "matchLabels"][..],
                selector.get("matchLabels"),
            ),
            _ => (&["spec", "selector"][..], Some(selector)),
        };
        let wanted = map.into_iter().flat_map(Node::entries);
        let missed = wanted.filter_map(|(key, value)| Some((key.text()?, value.text()?)));
        let missed = missed
            .filter(|(key, value)| label(key).as_deref() != Some(&**value))
            .collect::<Vec<_>>();
        for (key, value) in &missed {
            let found = match label(key) {
                Some(found) => format!("is `{found}`"),
                None => "is missing".to_owned(),
            };
            let message = format!(
                "the selector wants the label {key}=`{value}`, but the label of the template {found}"
            );
            let mut at = path.to_vec();
            at.push(key);
            add(&SELECTOR, &at, message, "write the same labels into both");
        }
        let is_empty = selector
            .entries()
            .all(|(_, it)| it.is_empty_collection() || it.is_null());
        if group == "apps" && is_empty {
            let help = "write the labels of the template into `matchLabels`";
            add(
                &SELECTOR,
                &["spec", "selector"],
                "the selector is empty".to_owned(),
                help,
            );
        } else if missed.is_empty()
            && group == "apps"
            && !LabelSelector::of_object(selector).matches(|key| label(key))
        {
            let message = "the selector does not match the labels of the template".to_owned();
            add(
                &SELECTOR,
                &["spec", "selector", "matchExpressions"],
                message,
                "",
            );
        }
    }
    let rolling = |strategy, key| spec.at([strategy, "rollingUpdate", key]);
    match kind {
        "Deployment" => {
            let at = ["spec", "strategy", "rollingUpdate"];
            if is(&["strategy", "type"], "Recreate") {
                if spec.at(["strategy", "rollingUpdate"]).is_some() {
                    let message = "rollingUpdate is not allowed for the type Recreate".to_owned();
                    add(&STRATEGY, &at, message, "remove it");
                }
            } else if amount(rolling("strategy", "maxSurge"), 25) == 0
                && amount(rolling("strategy", "maxUnavailable"), 25) == 0
            {
                let message = "maxSurge and maxUnavailable are both 0, so no pod can be replaced";
                add(&STRATEGY, &at, message.to_owned(), "raise one of them");
            }
        }
        "DaemonSet" if !is(&["updateStrategy", "type"], "OnDelete") => {
            let at = ["spec", "updateStrategy", "rollingUpdate"];
            let surge = amount(rolling("updateStrategy", "maxSurge"), 0);
            let unavailable = amount(rolling("updateStrategy", "maxUnavailable"), 1);
            if surge == 0 && unavailable == 0 {
                let message = "maxSurge and maxUnavailable are both 0, so no pod can be replaced";
                add(&STRATEGY, &at, message.to_owned(), "raise one of them");
            } else if surge != 0 && unavailable != 0 {
                let message =
                    "maxSurge of a DaemonSet needs `maxUnavailable: 0`, and its default is 1";
                add(
                    &STRATEGY,
                    &at,
                    message.to_owned(),
                    "set `maxUnavailable: 0`",
                );
            }
        }
        "StatefulSet"
            if is(&["updateStrategy", "type"], "OnDelete")
                && spec.at(["updateStrategy", "rollingUpdate"]).is_some() =>
        {
            let message = "rollingUpdate is not allowed for the type OnDelete".to_owned();
            add(
                &STRATEGY,
                &["spec", "updateStrategy", "rollingUpdate"],
                message,
                "remove it",
            );
        }
        "Job" | "CronJob" => {
            let (prefix, job) = match kind {
                "Job" => (&["spec"][..], Some(spec)),
                _ => (
                    &["spec", "jobTemplate", "spec"][..],
                    spec.at(["jobTemplate", "spec"]),
                ),
            };
            let mut of_job = |field, message: &str, help| {
                let mut at = prefix.to_vec();
                at.push(field);
                add(&STRATEGY, &at, message.to_owned(), help);
            };
            let has = |key| job.is_some_and(|it| it.at([key]).is_some());
            let mode = job.and_then(|it| it.text_at(["completionMode"]));
            let is_indexed = mode.as_deref() == Some("Indexed");
            if is_indexed && !has("completions") {
                of_job(
                    "completions",
                    "completionMode Indexed needs completions",
                    "",
                );
            }
            if has("backoffLimitPerIndex") && !is_indexed {
                let message = "backoffLimitPerIndex needs `completionMode: Indexed`";
                of_job("backoffLimitPerIndex", message, "");
            }
            if has("maxFailedIndexes") && !has("backoffLimitPerIndex") {
                of_job(
                    "maxFailedIndexes",
                    "maxFailedIndexes needs backoffLimitPerIndex",
                    "",
                );
            }
            let policy = job.and_then(|it| it.text_at(["template", "spec", "restartPolicy"]));
            if has("podFailurePolicy") && policy.as_deref() == Some("OnFailure") {
                of_job(
                    "podFailurePolicy",
                    "podFailurePolicy needs `restartPolicy: Never`",
                    "",
                );
            }
            let is_manual = job.and_then(|it| it.bool_at(["manualSelector"])) == Some(true);
            if has("selector") && !is_manual {
                let message =
                    "the API server makes the selector of a Job, unless manualSelector is true";
                of_job("selector", message, "remove it");
            }
            let schedule = spec.text_at(["schedule"]).unwrap_or_default();
            if kind == "CronJob" && schedule.contains("TZ=") {
                let message = "the schedule has a time zone".to_owned();
                add(
                    &STRATEGY,
                    &["spec", "schedule"],
                    message,
                    "write it into `timeZone`",
                );
            }
        }
        _ => {}
    }
    found
}

/// Windows containers that run as processes of the node are not mixed with others, and use its network.
fn host_process(pod: &Pod<'_, '_>, add: &mut dyn FnMut(&[&str], String, &str)) {
    let spec = pod.template.spec;
    let path = ["securityContext", "windowsOptions", "hostProcess"];
    let of_pod = spec.bool_at(path);
    let containers = pod.template.containers.iter();
    let of_containers = containers.map(|it| (it, it.node.bool_at(path)));
    let (mut others, mut ours) = (Vec::new(), 0);
    for (container, own) in of_containers {
        match own.or(of_pod) == Some(true) {
            true => ours += 1,
            false => others.push(&*container.name),
        }
        if own.is_some() && of_pod.is_some() && own != of_pod {
            let message = "hostProcess of a container must be that of the pod".to_owned();
            add(&path, message, "write it once, for the pod");
        }
    }
    if ours == 0 {
        return;
    }
    if !others.is_empty() {
        let message = format!(
            "hostProcess must be true for all containers, but it is not for {}",
            others.join(", ")
        );
        add(&path, message, "");
    }
    if spec.bool_at(["hostNetwork"]) != Some(true) {
        let message = "containers with hostProcess need `hostNetwork: true`".to_owned();
        add(&["hostNetwork"], message, "");
    }
}

/// Files of one projected volume with the same path.
fn projections(spec: Node<'_>, add: &mut dyn FnMut(&[&str], String, &str)) {
    for (index, volume) in spec.items_at(["volumes"]).enumerate() {
        let mut seen = HashSet::new();
        for (number, source) in volume.items_at(["projected", "sources"]).enumerate() {
            for (kind, node) in source.entries() {
                let kind = kind.text().unwrap_or_default();
                let items = node.items_at(["items"]).enumerate();
                let items = items.map(|(at, it)| (Some(at.to_string()), it));
                for (item, node) in items.chain([(None, node)]) {
                    let Some(path) = node.text_at(["path"]).filter(|it| !it.is_empty()) else {
                        continue;
                    };
                    if !seen.contains(&path) {
                        seen.insert(path);
                        continue;
                    }
                    let (index, number) = (index.to_string(), number.to_string());
                    let of_item = item.iter().flat_map(|it| ["items", it]);
                    let at = ["volumes", &index, "projected", "sources", &number, &kind];
                    let at: Vec<_> = at.into_iter().chain(of_item).chain(["path"]).collect();
                    let message = format!("two files of the volume have the path `{path}`");
                    add(&at, message, "");
                }
            }
        }
    }
}

/// Annotations for the profiles of containers, from before there were fields.
fn profiles(pod: &Pod<'_, '_>) -> Vec<Finding> {
    let resource = pod.selected.target.resource;
    if schema::fields_of(&resource.api_version, &resource.kind).is_none() {
        return Vec::new();
    }
    const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";
    const SECCOMP: &str = "container.seccomp.security.alpha.kubernetes.io/";
    let metadata = pod.template.node.get("metadata");
    let annotations = metadata
        .into_iter()
        .flat_map(|it| it.entries_at(["annotations"]));
    let containers = &pod.template.containers;
    let mut found = Vec::new();
    for (key, value) in annotations {
        let Some(key) = key.text() else { continue };
        let mut add = |severity, message: String, help: Option<String>| {
            let subject = &pod.template.pod_metadata;
            let mut finding = Finding::graded(&POD, severity, message);
            finding.help = help.map(Into::into);
            found.push(finding.about(subject, &["annotations", &key]));
        };
        let has_field = |name: &str, field: &str| {
            let mut containers = containers.iter();
            let own = containers.find(|it| it.name == name);
            own.is_some_and(|it| it.node.at(["securityContext", field]).is_some())
                || pod.template.spec.at(["securityContext", field]).is_some()
        };
        if let Some(name) = key
            .strip_prefix(SECCOMP)
            .filter(|it| !has_field(it, "seccompProfile"))
        {
            let message =
                format!("the annotation of {name} has no effect in Kubernetes 1.27 and later");
            add(
                Severity::Warning,
                message,
                Some("use `securityContext.seccompProfile`".to_owned()),
            );
        }
        let Some(name) = key.strip_prefix(APP_ARMOR) else {
            continue;
        };
        let profile = value.text().unwrap_or_default();
        if !containers.iter().any(|it| it.name == name) {
            let message = format!(
                "the annotation is for the container `{name}`, which the pod does not have"
            );
            add(
                Severity::Error,
                message,
                suggestion(name, containers.iter().map(|it| &*it.name)),
            );
        } else if !(matches!(&*profile, "" | "runtime/default" | "unconfined")
            || profile.starts_with("localhost/"))
        {
            let message = format!(
                "`{profile}` is not `runtime/default`, `unconfined` or `localhost/` and a name"
            );
            add(Severity::Error, message, None);
        } else if !has_field(name, "appArmorProfile") {
            let message = "the annotation is deprecated since Kubernetes 1.30".to_owned();
            add(
                Severity::Warning,
                message,
                Some("use `securityContext.appArmorProfile`".to_owned()),
            );
        }
    }
    found
}

fn of_pod(pod: &Pod<'_, '_>) -> Vec<Finding> {
    let resource = pod.selected.target.resource;
    let kind = &*resource.kind;
    if schema::fields_of(&resource.api_version, kind).is_none() {
        return Vec::new();
    }
    let (spec, subject) = (pod.template.spec, &pod.template.pod);
    let mut found = Vec::new();
    let mut add = |field: &[&str], message: String, help: &str| {
        let value = spec.at(field.iter().copied()).filter(|it| it.is_scalar());
        let finding = Finding::new(&POD, format!("{}: {message}", subject.part))
            .about(subject, field)
            .current(value.and_then(|it| it.value().ok()));
        found.push(match help.is_empty() {
            true => finding,
            false => finding.help(help.to_owned()),
        });
    };
    let policy = spec.text_at(["restartPolicy"]).filter(|it| !it.is_empty());
    let policy = policy.unwrap_or(Cow::Borrowed("Always"));
    match kind {
        "Job" | "CronJob" if policy == "Always" => {
            let message = format!("restartPolicy of a {kind} must be OnFailure or Never");
            add(&["restartPolicy"], message, "without it, it is Always");
        }
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "ReplicationController"
            if policy != "Always" =>
        {
            let message = format!("restartPolicy of a {kind} must be Always");
            add(&["restartPolicy"], message, "remove it, or use a Job");
        }
        _ => {}
    }
    let is_none = spec.text_at(["dnsPolicy"]).as_deref() == Some("None");
    if is_none && spec.items_at(["dnsConfig", "nameservers"]).next().is_none() {
        let message = "dnsPolicy None needs nameservers".to_owned();
        add(&["dnsConfig", "nameservers"], message, "");
    }
    if spec.bool_at(["shareProcessNamespace"]) == Some(true)
        && spec.bool_at(["hostPID"]) == Some(true)
    {
        let message = "shareProcessNamespace and hostPID exclude each other".to_owned();
        add(&["shareProcessNamespace"], message, "remove one of them");
    }
    host_process(pod, &mut add);
    projections(spec, &mut add);
    for (index, toleration) in spec.items_at(["tolerations"]).enumerate() {
        let at = index.to_string();
        let text = |key| toleration.text_at([key]).unwrap_or_default();
        let is_exists = text("operator") == "Exists";
        if is_exists && !text("value").is_empty() {
            let message = "a toleration with the operator Exists cannot have a value".to_owned();
            add(
                &["tolerations", &at, "value"],
                message,
                "remove it, or use Equal",
            );
        }
        if !is_exists && text("key").is_empty() {
            let message = "a toleration without a key needs the operator Exists".to_owned();
            add(&["tolerations", &at, "operator"], message, "");
        }
        let seconds = toleration.at(["tolerationSeconds"]);
        if seconds.is_some() && text("effect") != "NoExecute" {
            let message = "tolerationSeconds needs the effect NoExecute".to_owned();
            add(&["tolerations", &at, "tolerationSeconds"], message, "");
        }
    }
    found
}
