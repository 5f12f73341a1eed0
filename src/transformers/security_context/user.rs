//! Which user a container runs as, by its author's and the config's word.

use super::{SecurityContext, author, authors_own};
use crate::config::Section;
use crate::finding::Mode;
use crate::objects::{Container, Template};
use crate::yaml::Node;

/// The number of the user that a container will run as, as far as it is known.
pub(super) struct User(Option<String>);

impl User {
    pub(super) fn of(
        section: &Section<'_, SecurityContext>,
        template: &Template<'_>,
        container: &Container<'_>,
    ) -> User {
        let settings = &section.settings;
        let configured = [
            ("container.runAsUser", settings.container.run_as_user),
            ("pod.runAsUser", settings.pod.run_as_user),
        ];
        let [own, pod] = configured.map(|(leaf, user)| {
            // No user is written for Windows.
            let user = user.filter(|_| !template.is_windows)?;
            Some((section.mode(leaf), user))
        });
        let applied = |user: Option<(Mode, i64)>, by: Mode| {
            let user = user.filter(|(mode, _)| *mode == by);
            user.map(|(_, user)| user.to_string())
        };
        let overridden = |user| applied(user, Mode::Override);
        let ensured = |user| applied(user, Mode::Ensure);
        let authors = |user: Option<Node<'_>>| {
            let user = user.and_then(|node| node.text());
            let user = user.filter(|_| section.mode("pod.runAsUser") != Mode::Remove);
            user.map(std::borrow::Cow::into_owned)
        };
        // For a container's own field, a setting for containers stands in for the one for pods.
        let over_own = if section.sets_for_container("runAsUser") {
            overridden(own)
        } else {
            overridden(pod)
        };
        let user = over_own
            .or_else(|| authors(authors_own(container, "runAsUser")))
            .or_else(|| ensured(own))
            .or_else(|| overridden(pod))
            .or_else(|| authors(author(template.security_context(), "runAsUser")))
            .or_else(|| ensured(pod));
        User(user)
    }

    pub(super) fn is_root(&self) -> bool {
        self.0.as_deref() == Some("0")
    }
}

/// The user that the author gave a container for certain; configured ones do not count.
pub(super) fn author_user<'a>(
    template: &Template<'a>,
    container: &Container<'a>,
) -> Option<Node<'a>> {
    authors_own(container, "runAsUser").or_else(|| author(template.security_context(), "runAsUser"))
}
