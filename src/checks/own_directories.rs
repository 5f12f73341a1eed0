//! FIT-SEC012: volumes that are mounted at a directory that a program requires to be private.
//!
//! PostgreSQL and others reject a directory that other users can read. The root of a volume belongs to root and is
//! accessible to the `fsGroup`, or to everyone; only a program that starts as root can change the owner. The image catalogue
//! lists such directories and the environment variables that set them. In an emptyDir that nothing else uses,
//! `securityContext` moves the directory below the root; in other volumes data may be at the old place.

use super::{Check, Find, Pod};
use crate::catalogue::clean;
use crate::config::Section;
use crate::facts::{Access, ContainerFacts, Field, Mount, Storage, Variable};
use crate::finding::Finding;
use crate::objects::Container;
use crate::rules::rules;
use crate::transformers::security_context::SecurityContext;

rules! {
    RULES;
    OPEN: "FIT-SEC012" Warning Always "a private directory of a program that is the root of a volume";
}

pub(super) const CHECK: Check = Check {
    name: "ownDirectories",
    rules: RULES,
    find: &[Find::Pods(|pod| {
        let Some(scope) = pod.security_context() else {
            return Vec::new();
        };
        let section = scope.section();
        if !section.is_some_and(|it| it.settings.is_restricted()) {
            return Vec::new();
        }
        let storage = pod.storage();
        let findings = pod.containers().filter_map(|(container, facts)| {
            opened(
                pod,
                &*scope.section_for(container)?,
                (container, facts),
                storage,
            )
        });
        findings.collect()
    })],
};

fn opened(
    pod: &Pod<'_, '_>,
    section: &Section<'_, SecurityContext>,
    (container, facts): (&Container<'_>, &ContainerFacts<'_>),
    storage: &Storage<'_>,
) -> Option<Finding> {
    let (image, entry) = section.known_of(container)?;
    let own = entry.own_directory.as_ref()?;
    if pod.after().user_of(facts) == Some(0) {
        return None;
    }
    let path = match pod.variable(facts.view, &own.variable) {
        Variable::Unset => own.path.clone(),
        Variable::Unknown => return None,
        Variable::Known(path) => path,
    };
    let path = clean(&path)?;
    let mut mounts = storage.mounts(facts.get(Field::VolumeMounts));
    let Mount { volume, access, .. } = mounts.find(|mount| mount.path() == path)?;
    if pod.is_given(storage, &volume, pod.after().user_of(facts)) {
        return None;
    }
    let subject = &container.subject;
    let variable = &own.variable;
    let message = format!(
        "{}: \"{volume}\" is mounted at {path}, the {variable} of {image}, which must be private to its user; the root of a \
         volume belongs to root",
        subject.part
    );
    let line = format!("add `{{name: {variable}, value: {path}/data}}` to `env`");
    let help = match access {
        Access::Everyone => format!("use a subdirectory: {line}"),
        Access::Owner(source) => format!(
            "give the directory of the {source} to the image's user outside of the cluster, with the mode 0700"
        ),
        _ => format!(
            "for a new volume, use a subdirectory: {line}; where the volume already has data, first move it there"
        ),
    };
    let finding = Finding::new(&OPEN, message)
        .about(subject, &["env"])
        .decided_by(section.decision("ownDirectory"))
        .help(help);
    Some(finding)
}
