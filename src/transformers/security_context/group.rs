//! The `fsGroup` of pods that mount claims: without it, only root can write to a new volume.

use super::SecurityContext;
use super::author::Authored;
use super::pod::PodFitting;
use super::user::{id_of, id_of_pod};
use super::wanted::Wanted;
use crate::catalogue::{clean, is_within};
use crate::config::Section;
use crate::edit::{Edits, Knowledge};
use crate::facts::{Access, Storage, View, is_unreadable};
use crate::objects::{ClaimKind, Container, ContainerType};
use crate::yaml::{Node, Value};

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
        let is_due = settings.is_restricted() && !settings.openshift && self.pod.has_context;
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
                ..Wanted::of(section, "pod", name, value)
            })
            .collect()
    }

    fn group_of_claims(&self, edits: &Edits<'_>) -> Option<Value> {
        let target = self.scope.target();
        let mut claims = target.claims.iter();
        // Operators mount the claims of custom resources.
        if claims.any(|claim| claim.kind == ClaimKind::Custom) {
            let id = |name: &str| id_of_pod(&self.pod, name, edits);
            return id("runAsGroup").or_else(|| id("runAsUser").filter(|it| !is_root(it)));
        }
        let mut volumes = self.pod.template.volumes();
        let has_template = target
            .claims
            .iter()
            .any(|it| it.kind == ClaimKind::Template);
        if !has_template && !volumes.any(may_need_group) {
            return None;
        }
        let storage = Storage::of(
            View::of(self.pod.template.spec),
            target,
            self.scope.related(),
        );
        if storage.is_empty() {
            return None;
        }
        let containers = || self.containers.iter().map(|it| &it.author);
        let root = |it: &&Authored<'_, '_>| {
            id_of(&self.pod, it, "runAsUser", edits).is_some_and(|id| is_root(&id))
        };
        let givers = containers().filter(root).map(|it| it.container);
        let givers: Vec<&Container<'_>> = givers.collect();
        let is_given = |volume: &str, user: Option<i128>| {
            let mut mounts = givers.iter().flat_map(|it| {
                storage
                    .mounts(View::of(it.node).get("volumeMounts"))
                    .map(move |mount| (it, mount))
            });
            // The owner that it gives the files must not change again.
            mounts.any(|(giver, mount)| {
                mount.volume == volume
                    && user.is_some_and(|user| gives_to(giver, &mount.path(), user))
            })
        };
        let mut members: Vec<&Authored<'_, '_>> = Vec::new();
        for container in containers() {
            let view = View::of(container.container.node);
            let user = id_of(&self.pod, container, "runAsUser", edits);
            if user.as_ref().is_some_and(is_root) {
                continue;
            }
            let user = user.and_then(|id| View::Planned(&id).int());
            let mut mounts = storage.mounts(view.get("volumeMounts"));
            let names = view.items_at(["volumeMounts"]);
            let mut names = names.filter_map(|it| it.text_at(["name"]));
            if mounts.any(|it| it.access == Access::Group && !is_given(&it.volume, user))
                || names.any(|it| storage.closed_mode(&it).is_some_and(is_unreadable))
            {
                members.push(container);
            }
        }
        let mut ids = ["runAsGroup", "runAsUser"].into_iter();
        ids.find_map(|name| {
            let mut members = members.iter();
            members.find_map(|container| id_of(&self.pod, container, name, edits))
        })
    }
}

/// Whether the group of a pod can matter for a volume, as it does not for most: files of the API that everyone reads, and
/// what is empty and writable for everyone.
fn may_need_group(volume: Node<'_>) -> bool {
    let has_mode = |source: Node<'_>| {
        let keys = ["defaultMode", "items", "sources"];
        source.is_null() || keys.iter().any(|key| source.get(key).is_some())
    };
    volume
        .entries()
        .any(|(key, source)| match key.text().as_deref() {
            Some("name" | "emptyDir") => false,
            Some("configMap" | "secret" | "projected" | "downwardAPI") => has_mode(source),
            _ => true,
        })
}

fn is_root(id: &Value) -> bool {
    *id == Value::from(0_i64)
}

/// Whether an init container changes the owner or the mode of files, as its command shows.
pub fn changes_owners(container: &Container<'_>) -> bool {
    let changes = |word: &str| {
        ["chown", "chgrp", "chmod"]
            .iter()
            .any(|it| word.contains(it))
    };
    container.container_type == ContainerType::Init && container.words().any(|it| changes(&it))
}

/// Whether an init container evidently gives what it has at a path to a user: its command has `chown USER[:GROUP]` with
/// numbers, and that path, one below, or recursively one above. A name may be another number in another image.
pub fn gives_to(container: &Container<'_>, path: &str, user: i128) -> bool {
    if container.container_type != ContainerType::Init {
        return false;
    }
    let text: Vec<_> = container.words().collect();
    let text = text.join(" ");
    let mut commands = text.split([';', '&', '|', '\n', '(', ')']);
    commands.any(|command| {
        let mut words = command
            .split_whitespace()
            .map(|it| it.trim_matches(['"', '\'']));
        if !words.any(|it| it == "chown" || it.ends_with("/chown")) {
            return false;
        }
        let (options, operands): (Vec<&str>, Vec<&str>) = words.partition(|it| it.starts_with('-'));
        let is_recursive = options
            .iter()
            .any(|it| *it == "--recursive" || !it.starts_with("--") && it.contains('R'));
        let Some((owner, paths)) = operands.split_first() else {
            return false;
        };
        let owner = owner.split([':', '.']).next();
        owner.and_then(|it| it.parse().ok()) == Some(user)
            && paths
                .iter()
                .filter_map(|it| clean(it))
                .any(|it| is_within(&it, path) || is_recursive && is_within(path, &it))
    })
}
