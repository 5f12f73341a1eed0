//! FIT-SEC016: volumes that programs of different users or groups share.
//!
//! What one user creates, another can usually read, but neither change nor delete. Two pods that mount a claim with different
//! `fsGroup`s take its files from each other: the kubelet changes their group when a pod starts.
//!
//! It is reported where the users or groups come from the config or the catalogue. An image of the catalogue had its user
//! before as well, so that is a note.

use std::borrow::Cow;
use std::collections::BTreeMap;

use kustomize_krm_types::Severity;

use super::{Check, Find, Pod, Scene};
use crate::facts::{Field, Overlay, PodFacts, View};
use crate::finding::Finding;
use crate::hashing::HashMap;
use crate::objects::{Container, ContainerType, Template};
use crate::rules::rules;

rules! {
    RULES;
    SHARED: "FIT-SEC016" Warning Always "a volume that programs of different users or groups share";
}

pub(super) const CHECK: Check = Check {
    name: "sharedVolumes",
    rules: RULES,
    find: &[Find::Pods(between_containers), Find::Scene(between_pods)],
};

/// A container that can write to a volume.
#[derive(Clone, Copy)]
struct Writer<'p, 's> {
    container: &'p Container<'s>,
    user: i128,
    /// Whether its user is set by an edit.
    is_new: bool,
}

/// Containers of one pod that write to a volume as different users.
fn between_containers(pod: &Pod<'_, '_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if pod.template.containers.len() < 2 || pod.template.is_windows {
        return findings;
    }
    let Some(scope) = pod.security_context() else {
        return findings;
    };
    let (before, after) = (pod.before(), pod.after());
    let mut writers: HashMap<Cow<'_, str>, Writer<'_, '_>> = HashMap::default();
    for (container, facts) in pod.containers() {
        let Some(user) = after.user_of(facts).filter(|user| *user != 0) else {
            continue;
        };
        let own = before.of_container(container);
        let is_new = own.is_none_or(|it| before.user_of(it).is_none());
        let this = Writer {
            container,
            user,
            is_new,
        };
        for mount in pod.storage().mounts(facts.get(Field::VolumeMounts)) {
            let Some(first) = writers.get(&mount.volume) else {
                writers.insert(mount.volume, this);
                continue;
            };
            if first.user == user || !(first.is_new || is_new) {
                continue;
            }
            let Some(section) = scope.section_for(container) else {
                continue;
            };
            // Another user than the image's, as which it ran before.
            let is_lost = |it: &Writer<'_, '_>| {
                let section = scope.section_for(it.container);
                let of_image = section
                    .as_ref()
                    .and_then(|section| section.known_of(it.container)?.1.run_as_user);
                it.is_new && of_image.map(i128::from) != Some(it.user)
            };
            let is_init = [first, &this]
                .iter()
                .any(|it| it.container.container_type == ContainerType::Init);
            let severity = match !is_init && (is_lost(first) || is_lost(&this)) {
                true => Severity::Warning,
                false => Severity::Info,
            };
            let subject = &container.subject;
            let message = format!(
                "{}: it uses \"{}\" as user {user}, and {} as user {}: what one of them creates, the other may be unable \
                 to change",
                subject.part, mount.volume, first.container.subject.part, first.user
            );
            findings.push(
                Finding::graded(&SHARED, severity, message)
                    .about(subject, &["securityContext", "runAsUser"])
                    .decided_by(section.decision("pod.runAsUser"))
                    .help(
                        "set one `runAsUser` for both in the manifest, or `readOnly: true` for the mount of the one that \
                         only reads",
                    ),
            );
        }
    }
    findings
}

/// Pods that mount a claim with different groups.
fn between_pods(scene: &Scene<'_>) -> Vec<Finding> {
    let mut by_claim: BTreeMap<_, Vec<(usize, &Template<'_>)>> = BTreeMap::new();
    for selected in &scene.selection.selected {
        let namespace = selected.target.resource.namespace.as_deref();
        for template in &selected.target.templates {
            for volume in template.volumes() {
                let claim = volume.at(["persistentVolumeClaim"]);
                let claim = claim.filter(|it| it.bool_at(["readOnly"]) != Some(true));
                if let Some(name) = claim.and_then(|it| it.text_at(["claimName"])) {
                    let mounting = by_claim.entry((namespace, name)).or_default();
                    mounting.push((selected.index, template));
                }
            }
        }
    }
    let mut findings = Vec::new();
    for ((_, claim), mounting) in by_claim {
        let Some((first, others)) = mounting.split_first() else {
            continue;
        };
        let Some(of_first) = (!others.is_empty())
            .then(|| group_of(scene, first))
            .flatten()
        else {
            continue;
        };
        for other in others {
            let Some(of_other) = group_of(scene, other).filter(|it| *it != of_first) else {
                continue;
            };
            // The config sets the group of one of them.
            let is_set = |of: &(usize, &Template<'_>)| own_group_of(scene, of).is_some();
            let (about, group, of, than) = match is_set(other) {
                false => (other, of_other, first, of_first),
                true if is_set(first) => continue,
                true => (first, of_first, other, of_other),
            };
            let Some(selected) = scene.selection.selected_at(of.0) else {
                continue;
            };
            let resource = selected.target.resource;
            let message = format!(
                "pod: its fsGroup is {group}, and that of {} {}, which mounts the claim \"{claim}\" too, is {than}: the \
                 files get the group of the pod that starts last, and the others may be unable to write",
                resource.kind, resource.name
            );
            findings.push(
                Finding::new(&SHARED, message)
                    .of(about.0)
                    .about(&about.1.pod, &["securityContext", "fsGroup"])
                    .help("set one `securityContext.pod.fsGroup` in a profile for both, or fsGroup in both manifests"),
            );
        }
    }
    findings
}

/// The `fsGroup` with the edits.
fn group_of(scene: &Scene<'_>, (index, template): &(usize, &Template<'_>)) -> Option<i128> {
    group_in(&PodFacts::after(template, &scene.after(*index)))
}

/// The `fsGroup` that the author chose, and not the config.
fn own_group_of(scene: &Scene<'_>, (index, template): &(usize, &Template<'_>)) -> Option<i128> {
    let agreed = scene.agreed_of(*index).iter();
    let promised = Overlay::of_values(agreed.map(|(_, path)| (path.as_ref(), None)));
    group_in(&PodFacts::after(template, &promised))
}

fn group_in(facts: &PodFacts<'_>) -> Option<i128> {
    let group = facts.spec.at(["securityContext", "fsGroup"]);
    group.and_then(View::int)
}
