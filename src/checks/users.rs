//! FIT-SEC004 and FIT-SEC005: users of containers that are not known, or that their image is not made for.
//!
//! With `runAsNonRoot: true` a kubelet starts a container only when it knows its user for a number other than 0. An image
//! may name its user, or have none, which is root; neither manifest nor config say so. On OpenShift each namespace has a
//! range of users of its own.
//!
//! Where the catalogue of images knows which user an image is made for, another one may not read or write its files.

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
    "runAsNonRoot without a user that is a number",
);
const FOREIGN: Rule = rule(
    "FIT-SEC005",
    Severity::Warning,
    "a user that the image's files do not belong to",
);

pub(super) const CHECK: Check = Check {
    name: "users",
    rules: &[UNKNOWN, FOREIGN],
    find: Find::Pods(|pod| {
        let Some(scope) = pod.security_context() else {
            return Vec::new();
        };
        let section = scope.section();
        let Some(section) = section.filter(|it| it.settings.is_restricted()) else {
            return Vec::new();
        };
        let foreign = pod.containers().filter_map(|(container, facts)| {
            // Root is told of as such.
            let user = pod.after().user_of(facts).filter(|user| *user != 0)?;
            foreign(&*scope.section_for(container)?, container, user)
        });
        foreign.chain(unknown(pod, &section)).collect()
    }),
};

/// The containers whose user is not known.
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
    // What an operator adds has no user but the pod's.
    let is_open = template.has_more_containers && of_pod == Some(true);
    if is_open && facts.context.run_as_user.is_none() {
        without.extend(template.made.iter().map(quoted));
        if without.is_empty() {
            without.push("the containers, which stand elsewhere".to_owned());
        }
    }
    if without.is_empty() {
        return None;
    }
    let message = format!(
        "no user is known for {}: if the image's user is root or a name, runAsNonRoot keeps it from starting",
        without.join(", ")
    );
    let finding = Finding::new(&UNKNOWN, message)
        .about(&template.pod, &["securityContext", "runAsUser"])
        .decided_by(section.decision(leaf))
        .help("set `securityContext.pod.runAsUser` in the config, or the number in the manifest");
    Some(finding)
}

fn quoted(container: &Container<'_>) -> String {
    format!("\"{}\"", container.name)
}

/// The container runs as a user that the files of its image do not belong to.
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
        "{}: by the catalogue of images {image} is made for user {made_for} and may not work as user {user}",
        subject.part
    );
    let finding = Finding::new(&FOREIGN, message)
        .about(subject, &["securityContext", "runAsUser"])
        .decided_by(section.decision("pod.runAsUser"))
        .help(
            "take that user for this container, or say in `spec.catalogue` that any user will do",
        );
    Some(finding)
}
