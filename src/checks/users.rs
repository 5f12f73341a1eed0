//! FIT-SEC005: containers whose user is not the one that their image is made for.
//!
//! If the image catalogue knows the user of an image, another user may not be able to read or write its files.

use super::{Check, Find};
use crate::config::Section;
use crate::finding::Finding;
use crate::objects::Container;
use crate::rules::rules;
use crate::transformers::security_context::SecurityContext;

rules! {
    RULES;
    FOREIGN: "FIT-SEC005" Warning Always "a user that does not own the image's files";
}

pub(super) const CHECK: Check = Check {
    name: "users",
    rules: RULES,
    find: &[Find::Pods(|pod| {
        let Some(scope) = pod.security_context() else {
            return Vec::new();
        };
        let section = scope.section();
        if !section.is_some_and(|it| it.settings.is_restricted()) {
            return Vec::new();
        }
        let foreign = pod.containers().filter_map(|(container, facts)| {
            // Other rules report root.
            let user = pod.after().user_of(facts).filter(|user| *user != 0)?;
            foreign(&*scope.section_for(container)?, container, user)
        });
        foreign.collect()
    })],
};

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
