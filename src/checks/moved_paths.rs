//! FIT-SEC015: directories that an argument, a variable or a mount moves out of the volumes of a read-only root filesystem.
//!
//! The image catalogue lists the paths that an image writes to, and what moves them (`movedBy`). At its default, a directory
//! is a volume of the image or has a mount.

use super::{Check, Find, Pod};
use crate::catalogue::{clean, is_within, mounted_at};
use crate::facts::{ContainerFacts, Field, Storage, Variable, View};
use crate::finding::Finding;
use crate::objects::Container;
use crate::rules::rules;

rules! {
    RULES;
    MOVED: "FIT-SEC015" Warning Always
        "a directory that an image writes to, moved to where its root filesystem is read-only";
}

pub(super) const CHECK: Check = Check {
    name: "movedPaths",
    rules: RULES,
    find: &[Find::Pods(|pod| {
        let Some(scope) = pod.security_context() else {
            return Vec::new();
        };
        let storage = pod.storage();
        let mut findings = Vec::new();
        for (container, facts) in pod.containers() {
            if facts.context.read_only_root_filesystem != Some(true) {
                continue;
            }
            let section = scope.section_for(container);
            let Some((image, entry)) = section.as_ref().and_then(|it| it.known_of(container))
            else {
                continue;
            };
            for moved in entry.moved_by.iter().chain(&entry.own_directory) {
                let by = &moved.variable;
                let Some(path) = moved_to(pod, facts, by, &moved.path) else {
                    continue;
                };
                if is_writable(storage, facts, &path) {
                    continue;
                }
                findings.push(finding(container, &image, by, &path));
            }
        }
        findings
    })],
};

fn finding(container: &Container<'_>, image: &str, by: &str, path: &str) -> Finding {
    let subject = &container.subject;
    let message = format!(
        "{}: {image} writes to {path}, because of {by}, and its root filesystem is read-only",
        subject.part
    );
    Finding::new(&MOVED, message)
        .about(subject, &["volumeMounts"])
        .leaf("securityContext.readOnlyRootFilesystem")
        .help(format!(
            "mount a volume there, or add `{{path: {path}}}` to `securityContext.writablePaths` in a profile for this container"
        ))
}

/// Where an argument (`--dir`), a variable (`DIR`) or a mount (`/dir`) makes an image write, if not at or below its default.
fn moved_to(
    pod: &Pod<'_, '_>,
    facts: &ContainerFacts<'_>,
    by: &str,
    default: &str,
) -> Option<String> {
    if by.starts_with('/') {
        let mut mounts = facts.items(Field::VolumeMounts);
        let is_mounted = mounts.any(|it| {
            let path = it.text_at(["mountPath"]).and_then(|it| mounted_at(&it));
            path.is_some_and(|it| is_within(&it, by))
        });
        return is_mounted.then(|| default.to_owned());
    }
    let value = match by.starts_with('-') {
        true => argument(facts.view, by)?,
        false => match pod.variable(facts.view, by) {
            Variable::Known(value) => value,
            _ => return None,
        },
    };
    clean(&value).filter(|path| !is_within(path, default))
}

/// The value of an argument, in the same word or in the next.
fn argument(container: View<'_>, name: &str) -> Option<String> {
    let words = ["command", "args"].into_iter();
    let words = words.flat_map(|key| container.items_at([key]));
    let words: Vec<String> = words.map(|it| it.text().into_owned()).collect();
    let text = words.join(" ");
    let mut words = text.split_whitespace();
    // The last one applies.
    let mut found = None;
    while let Some(word) = words.next() {
        let rest = word.strip_prefix(name);
        match rest.map(|rest| (rest.is_empty(), rest.strip_prefix('='))) {
            Some((true, _)) => found = words.next(),
            Some((_, Some(value))) => found = Some(value),
            _ => {}
        }
    }
    Some(found?.trim_matches(['"', '\'']).to_owned())
}

fn is_writable<'a>(storage: &Storage<'a>, container: &ContainerFacts<'a>, path: &str) -> bool {
    let mut mounts = storage.mounts(container.get(Field::VolumeMounts));
    let mut memory = ["/dev", "/proc", "/sys"].into_iter();
    memory.any(|it| is_within(path, it)) || mounts.any(|mount| is_within(path, &mount.path()))
}
