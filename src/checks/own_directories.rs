//! FIT-SEC012: volumes of claims that are mounted at a directory that a program requires to be private.
//!
//! PostgreSQL and others reject a directory that other users can read. The root of a volume belongs to root and is
//! accessible to the `fsGroup`; only a program that starts as root can change the owner. The image catalogue lists such
//! directories and the environment variables that set them.

use kustomize_krm_types::Severity;

use super::{Check, Find, Pod};
use crate::catalogue::clean;
use crate::config::Section;
use crate::facts::{ContainerFacts, View};
use crate::finding::Finding;
use crate::objects::Container;
use crate::rules::{Rule, rule};
use crate::transformers::security_context::SecurityContext;

const OPEN: Rule = rule(
    "FIT-SEC012",
    Severity::Warning,
    "a private directory of a program that is the root of a volume",
);

pub(super) const CHECK: Check = Check {
    name: "ownDirectories",
    rules: &[OPEN],
    find: &[Find::Pods(|pod| {
        let is_claim = |volume: &View<'_>| {
            let mut sources = ["persistentVolumeClaim", "ephemeral"].into_iter();
            sources.any(|source| volume.get(source).is_some())
        };
        let volumes = pod.after().spec.items_at(["volumes"]).filter(is_claim);
        let claims = volumes.filter_map(|volume| volume.text_at(["name"]));
        let templates = pod.selected.target.claims.iter();
        let claims: Vec<_> = claims
            .chain(templates.map(|claim| claim.name.clone()))
            .collect();
        let Some(scope) = pod.security_context().filter(|_| !claims.is_empty()) else {
            return Vec::new();
        };
        let section = scope.section();
        if !section.is_some_and(|it| it.settings.is_restricted()) {
            return Vec::new();
        }
        let findings = pod.containers().filter_map(|(container, facts)| {
            let section = scope.section_for(container)?;
            let is_claim = |name: &str| claims.iter().any(|claim| *claim == name);
            opened(pod, &section, (container, facts), is_claim)
        });
        findings.collect()
    })],
};

fn opened(
    pod: &Pod<'_, '_>,
    section: &Section<'_, SecurityContext>,
    (container, facts): (&Container<'_>, &ContainerFacts<'_>),
    is_claim: impl Fn(&str) -> bool,
) -> Option<Finding> {
    let (image, entry) = section.known_of(container)?;
    let own = entry.own_directory.as_ref()?;
    if pod.after().user_of(facts) == Some(0) {
        return None;
    }
    let mut env = facts.view.items_at(["env"]);
    let variable = env.find(|it| it.text_at(["name"]).as_deref() == Some(&own.variable));
    let path = match variable {
        None => own.path.clone(),
        Some(variable) => variable.text_at(["value"])?.into_owned(),
    };
    let path = clean(&path)?;
    let mut mounts = facts.view.items_at(["volumeMounts"]);
    let mount = mounts.find(|mount| {
        let at = mount.text_at(["mountPath"]).and_then(|at| clean(&at));
        at.as_ref() == Some(&path)
    })?;
    let name = mount.text_at(["name"]).filter(|name| is_claim(name))?;
    let subject = &container.subject;
    let message = format!(
        "{}: \"{name}\" is mounted at {path}, the {} of {image}, which must be private to its user; the root of a volume \
         belongs to root and is accessible to the fsGroup",
        subject.part, own.variable
    );
    let finding = Finding::new(&OPEN, message)
        .about(subject, &["env"])
        .decided_by(section.decision("pod.fsGroup"))
        .help(format!(
            "use a subdirectory: add `{{name: {}, value: {path}/data}}` to `env`",
            own.variable
        ));
    Some(finding)
}
