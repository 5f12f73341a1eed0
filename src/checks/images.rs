//! FIT-SEC004: what is not known about an image and decides whether its pods start: its user, and where it writes.
//!
//! With `runAsNonRoot: true`, the kubelet starts a container only if its user is a number other than 0. The user of an image
//! can be a name, or root by default, which neither the manifest nor the config shows. OpenShift assigns users from a range
//! for each namespace, and an author who sets `runAsNonRoot` knows the user, so neither is reported.
//!
//! `docker image inspect --format '{{.Config.User}}' IMAGE` prints the user of an image. For a name, `docker run --rm
//! --entrypoint id IMAGE` prints the number. If it prints nothing or 0, the image runs as root: find out as which number its
//! program works, such as 1000, or use another image.
//!
//! A program under a read-only root filesystem fails where it writes elsewhere than in volumes. The field is set by default
//! only where the config or the catalogue has all paths; other images have a note, because their pods start.
//!
//! An image is reported once, whatever the number of its containers.

use std::fmt::Write as _;

use kustomize_krm_types::Severity;

use super::{Check, Find, Pod};
use crate::catalogue::{Entry, repository};
use crate::config::Section;
use crate::facts::{ContainerFacts, Field};
use crate::finding::{Finding, Lines, Mode};
use crate::objects::{Container, ContainerType};
use crate::rules::rules;
use crate::transformers::security_context::{SecurityContext, UnknownPaths, has_command};

rules! {
    RULES;
    UNKNOWN: "FIT-SEC004" Warning Always "an image whose user, or where it writes, is not known";
}

const NON_ROOT: &str = "pod.runAsNonRoot";

pub(super) const CHECK: Check = Check {
    name: "images",
    rules: RULES,
    find: &[Find::Pods(|pod| {
        let Some(scope) = pod.security_context().filter(|_| !pod.template.is_windows) else {
            return Vec::new();
        };
        let containers = pod.containers().filter_map(|(container, facts)| {
            let section = scope.section_for(container)?;
            let is_restricted = section.settings.is_restricted();
            is_restricted
                .then(|| unknown(pod, &section, container, facts))
                .flatten()
        });
        let section = scope.section().filter(|it| it.settings.is_restricted());
        let added = section.and_then(|section| user_of_added(pod, &section));
        containers.chain(added).collect()
    })],
};

/// What is not known about the image of a container.
fn unknown(
    pod: &Pod<'_, '_>,
    section: &Section<'_, SecurityContext>,
    container: &Container<'_>,
    facts: &ContainerFacts<'_>,
) -> Option<Finding> {
    let image = facts.get(Field::Image)?.text();
    let has_user = !has_unknown_user(pod, section, container, facts);
    let paths = unknown_paths(pod, section, container, facts);
    let known = section.known_of(container);
    let known = known.as_ref().map(|(_, entry)| *entry);
    let is_root = known.is_some_and(|it| it.starts_as_root);
    let (before, after) = (pod.before(), pod.after());
    let own = before
        .of_container(container)
        .and_then(|it| before.user_of(it));
    let user = after
        .user_of(facts)
        .filter(|user| *user != 0 && own.is_none());
    if let Some(user) = user.filter(|_| is_root) {
        let message = format!(
            "the image {image} starts as root, and no other user is known for it, so its containers may not start as {user}"
        );
        let finding = Finding::new(&UNKNOWN, message)
            .about(&container.subject, &["securityContext", "runAsUser"])
            .decided_by(section.decision("pod.runAsUser"))
            .of_image(image)
            .help(
                "use an image that starts as another user, or set `pod: {runAsUser: null, runAsNonRoot: false}` in a \
                 profile for these pods",
            );
        return Some(finding);
    }
    let (severity, what) = match (has_user || is_root, &paths) {
        (true, None) if has_user => return None,
        (true, None) => (Severity::Warning, "another user than root"),
        (true, Some(_)) if has_user => (Severity::Info, ""),
        (true, Some(_)) => (Severity::Warning, "another user than root, and "),
        (false, None) => (Severity::Warning, "its user"),
        (false, Some(_)) => (Severity::Warning, "its user, and "),
    };
    let mut message = format!("not known for the image {image}: {what}");
    let _ = match &paths {
        None => Ok(()),
        Some(UnknownPaths::Image) => write!(message, "where it writes"),
        Some(UnknownPaths::Command) => {
            write!(
                message,
                "where it writes with the `command` of the manifest, which replaces its own"
            )
        }
        Some(UnknownPaths::Hook) => {
            write!(message, "where the postStart hook of the manifest writes")
        }
        Some(UnknownPaths::Named(path)) => {
            write!(
                message,
                "whether it writes to {path}, which the manifest names"
            )
        }
        Some(UnknownPaths::Hides(path)) => {
            write!(
                message,
                "which files it needs at {path}, where it also writes"
            )
        }
    };
    if !has_user && is_root {
        message += "; it starts as root, so runAsNonRoot prevents its containers from starting";
    } else if !has_user {
        message +=
            "; if the user is root or a name, runAsNonRoot prevents its containers from starting";
    }
    if paths.is_some() {
        message += "; its root filesystem is not made read-only";
    }
    let (leaf, field) = match has_user {
        true => ("container.readOnlyRootFilesystem", "readOnlyRootFilesystem"),
        false => (NON_ROOT, "runAsUser"),
    };
    // A second entry of the config for the image would never apply.
    let mut own = section.catalogue().iter();
    let is_own = known.is_some_and(|known| own.any(|it| std::ptr::eq(it, known)));
    let known = (known, is_own);
    let (help, line) = match is_root && !has_user {
        true => (
            "use an image that starts as another user, or set `pod.runAsNonRoot: false` in a profile for these pods"
                .to_owned(),
            None,
        ),
        // A row of the catalogue is about the image's own command.
        false => match &paths {
            Some(UnknownPaths::Image) if has_command(container) => {
                help(&image, known, has_user, Some(&UnknownPaths::Command))
            }
            paths => help(&image, known, has_user, paths.as_ref()),
        },
    };
    let mut finding = Finding::graded(&UNKNOWN, severity, message)
        .about(&container.subject, &["securityContext", field])
        .decided_by(section.decision(leaf))
        .help(help);
    // Other containers of the image have other arguments.
    if !(has_user && matches!(paths, Some(UnknownPaths::Hook | UnknownPaths::Named(_)))) {
        finding = finding.of_image(image);
    }
    finding.lines = line.map(|it| Box::new(Lines::Catalogue(it)));
    Some(finding)
}

/// Whether fitout makes a container start only with a user that is a number, and no number is set.
fn has_unknown_user(
    pod: &Pod<'_, '_>,
    section: &Section<'_, SecurityContext>,
    container: &Container<'_>,
    facts: &ContainerFacts<'_>,
) -> bool {
    if section.settings.is_on_openshift() || section.mode(NON_ROOT) == Mode::Off {
        return false;
    }
    let after = pod.after();
    let non_root = facts
        .context
        .run_as_non_root
        .or(after.context.run_as_non_root);
    non_root == Some(true) && after.user_of(facts).is_none() && !pod.before().is_non_root(container)
}

/// Why the root filesystem of a container stays writable, if the config wants it to be read-only.
fn unknown_paths(
    pod: &Pod<'_, '_>,
    section: &Section<'_, SecurityContext>,
    container: &Container<'_>,
    facts: &ContainerFacts<'_>,
) -> Option<UnknownPaths> {
    let is_due = facts.context.read_only_root_filesystem.is_none()
        && container.container_type != ContainerType::Ephemeral
        && pod.template.has_field("volumes")
        && section.needs_paths(container);
    is_due.then(|| section.unknown_paths(container)).flatten()
}

/// What to do, and the entry of the catalogue that says what is not known.
fn help(
    image: &str,
    (known, is_own): (Option<&Entry>, bool),
    has_user: bool,
    paths: Option<&UnknownPaths>,
) -> (String, Option<String>) {
    match paths {
        // The catalogue is about images, not about commands.
        Some(paths) if has_user && !paths.is_of_image() => (
            "list the paths in `securityContext.writablePaths` of a profile for these containers, or set \
             `container.readOnlyRootFilesystem` there"
                .to_owned(),
            None,
        ),
        Some(UnknownPaths::Hides(path)) if has_user => {
            let help = format!(
                "mount its files at {path}, or set `container.readOnlyRootFilesystem` in a profile for these containers"
            );
            (help, None)
        }
        _ => {
            let repository = repository(image);
            // It would be an entry for other images too.
            if repository.contains(['*', '?']) {
                return ("set the fields in the manifest".to_owned(), None);
            }
            let is_plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_' | b'/');
            let mut line = match repository.bytes().all(is_plain) {
                true => format!("- {{image: {repository}"),
                false => format!("- {{image: {repository:?}"),
            };
            if let Some(tag) = known.and_then(|it| it.tag.as_ref()) {
                let _ = write!(line, ", tag: \"{}\"", tag.as_str());
            }
            let user = known.and_then(|it| it.run_as_user).map(|it| it.to_string());
            let group = known.and_then(|it| it.run_as_group);
            if !has_user || user.is_some() {
                let _ = write!(line, ", runAsUser: {}", user.as_deref().unwrap_or("…"));
            }
            if let Some(group) = group {
                let _ = write!(line, ", runAsGroup: {group}");
            }
            if paths.is_some_and(UnknownPaths::is_of_image) {
                let paths = known.map_or(&[][..], |it| it.writable_paths.as_slice());
                let paths = [paths.join(", ").as_str(), "…"].join(", ");
                let paths = paths.trim_start_matches(", ");
                let _ = write!(line, ", writablePaths: [{paths}], pathsAreComplete: true");
            } else if let Some(known) = known {
                if !known.writable_paths.is_empty() {
                    let _ = write!(line, ", writablePaths: [{}]", known.writable_paths.join(", "));
                }
                if known.paths_are_complete {
                    line += ", pathsAreComplete: true";
                }
            }
            line += &known.map_or_else(String::new, other_facts);
            line.push('}');
            match is_own {
                true => (
                    format!("write `{line}` in place of its entry in `spec.catalogue`, or set the fields in the manifest"),
                    None,
                ),
                false => (
                    format!("add `{line}` to `spec.catalogue`, or set the fields in the manifest"),
                    Some(line),
                ),
            }
        }
    }
}

/// What else the catalogue knows about an image: an entry of the config replaces that of the catalogue.
fn other_facts(known: &Entry) -> String {
    let mut facts = String::new();
    if !known.hides.is_empty() {
        let _ = write!(facts, ", hides: [{}]", known.hides.join(", "));
    }
    for (key, is_set) in [("anyUser", known.any_user), ("usesApi", known.uses_api)] {
        if is_set {
            let _ = write!(facts, ", {key}: true");
        }
    }
    if !known.capabilities.is_empty() {
        let _ = write!(facts, ", capabilities: [{}]", known.capabilities.join(", "));
    }
    if let Some(port) = known.metrics_port {
        let _ = write!(facts, ", metricsPort: {port}");
    }
    if let Some(path) = &known.metrics_path {
        let _ = write!(facts, ", metricsPath: {path}");
    }
    let moved = known.moved_by.iter();
    let moved: Vec<String> = moved
        .map(|it| format!("{{variable: {}, path: {}}}", it.variable, it.path))
        .collect();
    if !moved.is_empty() {
        let _ = write!(facts, ", movedBy: [{}]", moved.join(", "));
    }
    if let Some(own) = &known.own_directory {
        let (variable, path) = (&own.variable, &own.path);
        let _ = write!(
            facts,
            ", ownDirectory: {{variable: {variable}, path: {path}}}"
        );
    }
    facts
}

/// The user of containers that an operator adds, which run as the pod's user.
fn user_of_added(pod: &Pod<'_, '_>, section: &Section<'_, SecurityContext>) -> Option<Finding> {
    let (template, context) = (pod.template, &pod.after().context);
    let is_due = template.has_more_containers
        && !section.settings.is_on_openshift()
        && section.mode(NON_ROOT) != Mode::Off
        && context.run_as_non_root == Some(true)
        && context.run_as_user.is_none()
        && pod.before().context.run_as_non_root != Some(true);
    if !is_due {
        return None;
    }
    let made = template.made.iter().map(|it| format!("\"{}\"", it.name));
    let made: Vec<String> = made.collect();
    let containers = match made.as_slice() {
        [] => "the containers that are not in the input".to_owned(),
        made => made.join(", "),
    };
    let message = format!(
        "no numeric user is set for {containers}: if the image's user is root or a name, runAsNonRoot prevents the container from starting"
    );
    let finding = Finding::new(&UNKNOWN, message)
        .about(&template.pod, &["securityContext", "runAsUser"])
        .decided_by(section.decision(NON_ROOT))
        .help("set `securityContext.pod.runAsUser` in the config, or runAsUser in the manifest");
    Some(finding)
}
