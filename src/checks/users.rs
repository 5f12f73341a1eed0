//! FIT-SEC004 and FIT-SEC005: containers whose user is unknown, or not the one that their image is made for.
//!
//! With `runAsNonRoot: true`, the kubelet starts a container only if its user is a number other than 0. The user of an image
//! can be a name, or root by default, which neither the manifest nor the config shows. OpenShift assigns users from a range
//! for each namespace, so it is not checked.
//!
//! If the image catalogue knows the user of an image, another user may not be able to read or write its files.

use kustomize_krm_types::Severity;

use super::{Check, Find, Pod};
use crate::config::Section;
use crate::facts::ContainerFacts;
use crate::finding::{Finding, Mode};
use crate::objects::Container;
use crate::rules::{Rule, rule};
use crate::transformers::security_context::SecurityContext;

const UNKNOWN: Rule = rule(
    "FIT-SEC004",
    Severity::Warning,
    "runAsNonRoot without a numeric user",
);
const FOREIGN: Rule = rule(
    "FIT-SEC005",
    Severity::Warning,
    "a user that does not own the image's files",
);

pub(super) const CHECK: Check = Check {
    name: "users",
    rules: &[UNKNOWN, FOREIGN],
    find: &[Find::Pods(|pod| {
        let Some(scope) = pod.security_context() else {
            return Vec::new();
        };
        let section = scope.section();
        let Some(section) = section.filter(|it| it.settings.is_restricted()) else {
            return Vec::new();
        };
        let foreign = pod.containers().filter_map(|(container, facts)| {
            // Other rules report root.
            let user = pod.after().user_of(facts).filter(|user| *user != 0)?;
            foreign(&*scope.section_for(container)?, container, user)
        });
        foreign.chain(unknown(pod, &section)).collect()
    })],
};

/// The containers whose user is unknown.
fn unknown(pod: &Pod<'_, '_>, section: &Section<'_, SecurityContext>) -> Option<Finding> {
    let (template, facts) = (pod.template, pod.after());
    let leaf = "pod.runAsNonRoot";
    if template.is_windows || section.settings.is_on_openshift() || section.mode(leaf) == Mode::Off
    {
        return None;
    }
    let of_pod = facts.context.run_as_non_root;
    let is_unknown = |facts_of: &ContainerFacts<'_>| {
        let non_root = facts_of.context.run_as_non_root.or(of_pod);
        non_root == Some(true) && facts.user_of(facts_of).is_none()
    };
    let containers = pod.containers().filter(|(_, facts)| is_unknown(facts));
    let mut without: Vec<String> = containers.map(|(it, _)| quoted(it)).collect();
    // Containers that an operator adds run as the pod's user.
    let is_open = template.has_more_containers && of_pod == Some(true);
    if is_open && facts.context.run_as_user.is_none() {
        without.extend(template.made.iter().map(quoted));
        if without.is_empty() {
            without.push("the containers that are not in the input".to_owned());
        }
    }
    if without.is_empty() {
        return None;
    }
    let message = format!(
        "no numeric user is set for {}: if the image's user is root or a name, runAsNonRoot prevents the container from starting",
        without.join(", ")
    );
    let finding = Finding::new(&UNKNOWN, message)
        .about(&template.pod, &["securityContext", "runAsUser"])
        .decided_by(section.decision(leaf))
        .help("set `securityContext.pod.runAsUser` in the config, or runAsUser in the manifest");
    Some(finding)
}

fn quoted(container: &Container<'_>) -> String {
    format!("\"{}\"", container.name)
}

/// A container whose user does not own the files of its image.
fn foreign(
    section: &Section<'_, SecurityContext>,
    container: &Container<'_>,
    user: i128,
) -> Option<Finding> {
    let (image, entry) = section.known_of(container)?;
    let made_for = entry.run_as_user.filter(|_| !entry.any_user)?;
    if i128::from(made_for) == user {
        return None;
    }
    let subject = &container.subject;
    let message = format!(
        "{}: according to the image catalogue, {image} runs as user {made_for} and may not work as user {user}",
        subject.part
    );
    let finding = Finding::new(&FOREIGN, message)
        .about(subject, &["securityContext", "runAsUser"])
        .decided_by(section.decision("pod.runAsUser"))
        .help(
            "set that user for this container, or set `anyUser: true` for the image in `spec.catalogue`",
        );
    Some(finding)
}
