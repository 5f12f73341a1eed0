//! The `fsGroup` of pods that mount claims: without it, only root can write to a new volume.

use super::SecurityContext;
use super::pod::PodFitting;
use super::user::{id_of, id_of_pod};
use super::wanted::Wanted;
use crate::config::Section;
use crate::edit::{Edits, Knowledge};
use crate::facts::{Access, Storage, View, is_unreadable};
use crate::objects::{ClaimKind, Container, ContainerType};
use crate::yaml::Value;

impl PodFitting<'_, '_, '_> {
    /// The `fsGroup` of a pod in which a container that is not root can write to a claim: the group of such a container, else
    /// the number of its user. The group is a supplementary one of every container, so any of them will do.
    pub(super) fn wanted_group(
        &self,
        section: &Section<'_, SecurityContext>,
        wanted: &[Wanted],
        edits: &Edits<'_>,
    ) -> Vec<Wanted> {
        let settings = &section.settings;
        let is_due = settings.is_restricted() && !settings.openshift && self.has_context();
        let Some(group) = is_due.then(|| self.group_of_claims(edits)).flatten() else {
            return Vec::new();
        };
        let policy = Value::from("OnRootMismatch");
        let fields = [("fsGroup", group), ("fsGroupChangePolicy", policy)].into_iter();
        fields
            .filter(|(name, _)| wanted.iter().all(|it| it.name != *name))
            .map(|(name, value)| Wanted {
                knowledge: Some(Knowledge::input(
                    "the pod mounts a claim or files that only root can read, and a container that uses them has this id",
                )),
                ..Wanted::of("pod", name, value)
            })
            .collect()
    }

    fn group_of_claims(&self, edits: &Edits<'_>) -> Option<Value> {
        let (target, template) = (self.scope.target(), self.template);
        let mut claims = target.claims.iter();
        // Operators mount the claims of custom resources.
        if claims.any(|claim| claim.kind == ClaimKind::Custom) {
            let id = |name: &str| id_of_pod(template, name, edits);
            return id("runAsGroup").or_else(|| id("runAsUser").filter(|it| !is_root(it)));
        }
        let storage = Storage::of(View::of(template.spec), target, self.scope.related());
        if storage.is_empty() {
            return None;
        }
        let mut members: Vec<&Container<'_>> = Vec::new();
        for container in &template.containers {
            let view = View::of(container.node);
            let mut mounts = storage.mounts(view);
            let mut closed = storage.closed_mounts(view);
            let writes = mounts.any(|mount| mount.access == Access::Group);
            if !writes && !closed.any(|(_, mode)| is_unreadable(mode)) {
                continue;
            }
            let user = id_of(template, container, "runAsUser", edits);
            match user.as_ref().is_some_and(is_root) {
                // The owner that it gives the files must not change again.
                true if writes && changes_owners(container) => return None,
                true => {}
                false => members.push(container),
            }
        }
        let mut ids = ["runAsGroup", "runAsUser"].into_iter();
        ids.find_map(|name| {
            let mut members = members.iter();
            members.find_map(|container| id_of(template, container, name, edits))
        })
    }
}

fn is_root(id: &Value) -> bool {
    *id == Value::from(0_i64)
}

/// Whether an init container changes the owner or the mode of files, as its command shows.
pub fn changes_owners(container: &Container<'_>) -> bool {
    let words = ["command", "args"].into_iter();
    let mut words = words.flat_map(|key| container.items(key));
    container.container_type == ContainerType::Init
        && words.any(|word| {
            let word = word.text().unwrap_or_default();
            ["chown", "chgrp", "chmod"]
                .iter()
                .any(|it| word.contains(it))
        })
}
