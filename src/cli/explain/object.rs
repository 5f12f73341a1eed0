//! The object that an argument names.

use std::collections::BTreeSet;

use fitout::problem::{did_you_mean, suggestion};
use fitout::read::Resource;

use super::super::{Failure, WRONG_USE};
use super::Explain;

/// How many candidates a message lists.
const MOST: usize = 10;

impl Explain {
    /// The object that the arguments name.
    pub(super) fn find(&self, resources: &[Resource<'_>]) -> Result<usize, Failure> {
        let (kind, name) = match self.subject.split_once('/') {
            Some((kind, name)) => (Some(kind), name),
            None => (None, self.subject.as_str()),
        };
        let is_kind = |it: &Resource<'_>| kind.is_none_or(|kind| names_kind(kind, it));
        let is_in = |it: &Resource<'_>| {
            let wanted = self.namespace.as_ref();
            wanted.is_none_or(|wanted| it.namespace.as_deref().unwrap_or("default") == wanted)
        };
        let of_kind = || resources.iter().enumerate().filter(|(_, it)| is_kind(it));
        let found: Vec<usize> = of_kind()
            .filter(|(_, it)| {
                is_in(it) && (it.name == name || it.previous_names().iter().any(|it| it == name))
            })
            .map(|(index, _)| index)
            .collect();
        let subject = &self.subject;
        match found.as_slice() {
            [only] => Ok(*only),
            [] => {
                let place = self
                    .namespace
                    .as_ref()
                    .map_or(String::new(), |it| format!(" in the namespace {it}"));
                let message = format_args!("error: there is no {subject}{place} in the manifests");
                let failure = Failure::new(WRONG_USE, message);
                if of_kind().next().is_none() {
                    let kinds = || resources.iter().map(|it| &*it.kind);
                    let kind = kind
                        .unwrap_or_default()
                        .split('.')
                        .next()
                        .unwrap_or_default();
                    let short = SHORT_NAMES
                        .iter()
                        .filter(|(_, of)| kinds().any(|it| it == *of));
                    let words = kinds().chain(short.map(|(short, _)| *short));
                    let help = suggestion(kind, words).unwrap_or_else(|| {
                        let kinds: BTreeSet<&str> = kinds().collect();
                        let kinds: Vec<&str> = kinds.into_iter().take(MOST).collect();
                        format!("the kinds are {}", kinds.join(", "))
                    });
                    return Err(failure.note(format_args!("  = help: {help}")));
                }
                let names = || {
                    of_kind()
                        .filter(|(_, it)| is_in(it))
                        .map(|(_, it)| &*it.name)
                };
                let of_other_kind = resources.iter().find(|it| it.name == name && is_in(it));
                let of_other_namespace = of_kind().find(|(_, it)| it.name == name);
                let help = match (
                    of_other_namespace,
                    of_other_kind,
                    did_you_mean(name, names()),
                ) {
                    (Some((_, it)), ..) => format!("there is {}", it.display_name()),
                    (None, Some(it), _) => format!("there is {}", it.display_name()),
                    (None, None, Some(nearest)) => {
                        format!("did you mean `{}`?", replace_name(subject, nearest))
                    }
                    (None, None, None) => {
                        let mut names: Vec<&str> = names().collect();
                        names.sort_unstable();
                        names.dedup();
                        let left = names.len().saturating_sub(MOST);
                        names.truncate(MOST);
                        let more = if left > 0 {
                            format!(" and {left} more")
                        } else {
                            String::new()
                        };
                        format!("the names are {}{more}", names.join(", "))
                    }
                };
                Err(failure.note(format_args!("  = help: {help}")))
            }
            several => {
                let message = format_args!("error: {subject} names {} objects", several.len());
                let mut failure = Failure::new(WRONG_USE, message);
                for index in several.iter().take(MOST) {
                    let resource = &resources[*index];
                    let file = resource.origin.path.as_deref().unwrap_or_default();
                    let line = resource.node.position().line;
                    let (name, api) = (resource.display_name(), &resource.api_version);
                    failure = failure.note(format_args!("  --> {file}:{line}  {name} ({api})"));
                }
                Err(failure.note("  = help: choose one with its kind and group (`Deployment.apps/web`), with -n, or with fewer files"))
            }
        }
    }
}

/// The short names of kubectl.
const SHORT_NAMES: [(&str, &str); 23] = [
    ("cj", "CronJob"),
    ("cm", "ConfigMap"),
    ("crd", "CustomResourceDefinition"),
    ("deploy", "Deployment"),
    ("ds", "DaemonSet"),
    ("ep", "Endpoints"),
    ("hpa", "HorizontalPodAutoscaler"),
    ("ing", "Ingress"),
    ("limits", "LimitRange"),
    ("netpol", "NetworkPolicy"),
    ("no", "Node"),
    ("ns", "Namespace"),
    ("pc", "PriorityClass"),
    ("pdb", "PodDisruptionBudget"),
    ("po", "Pod"),
    ("pv", "PersistentVolume"),
    ("pvc", "PersistentVolumeClaim"),
    ("quota", "ResourceQuota"),
    ("rc", "ReplicationController"),
    ("rs", "ReplicaSet"),
    ("sa", "ServiceAccount"),
    ("sts", "StatefulSet"),
    ("svc", "Service"),
];

/// Whether `deploy`, `deployments`, `Deployment.apps` or `deployment.v1.apps` names the kind of an object.
fn names_kind(written: &str, resource: &Resource<'_>) -> bool {
    let (kind, group) = match written.split_once('.') {
        Some((kind, group)) => (kind.to_lowercase(), Some(group.to_lowercase())),
        None => (written.to_lowercase(), None),
    };
    let (version, of) = (resource.version(), resource.group());
    let is_group = group.is_none_or(|group| group == of || group == format!("{version}.{of}"));
    let name = resource.kind.to_lowercase();
    let plural = match name.as_bytes() {
        [.., before, b'y'] if !b"aeiou".contains(before) => {
            format!("{}ies", &name[..name.len() - 1])
        }
        [.., b's' | b'x'] | [.., b'c' | b's', b'h'] => format!("{name}es"),
        _ => format!("{name}s"),
    };
    let is_short = SHORT_NAMES
        .iter()
        .any(|(short, of)| *short == kind && *of == resource.kind);
    is_group && (kind == name || kind == plural || is_short)
}

/// `deploy/web` with another name.
fn replace_name(subject: &str, name: &str) -> String {
    match subject.split_once('/') {
        Some((kind, _)) => format!("{kind}/{name}"),
        None => name.to_owned(),
    }
}
