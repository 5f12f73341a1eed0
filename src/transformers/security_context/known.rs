//! Users and groups from the catalogue of images.

use std::borrow::Cow;

use super::pod::PodFitting;
use super::{Placement, SecurityContext, author, authors_own};
use crate::config::Section;
use crate::edit::{Edits, Knowledge, Proposal};
use crate::finding::Mode;
use crate::objects::Container;
use crate::problem::Problem;
use crate::yaml::{Node, Value};

/// The fields that the catalogue has values for, and the fields that must be unset: a group belongs to its user.
const IDS: [(&str, &[&str]); 2] = [
    ("runAsUser", &["runAsUser"]),
    ("runAsGroup", &["runAsUser", "runAsGroup"]),
];

impl<'a> PodFitting<'_, 'a, '_> {
    /// A container's image and its id in the catalogue, where the author sets none and the config none that precedes it.
    pub(super) fn known_id(
        &self,
        container: &Container<'a>,
        field: &str,
    ) -> Option<(Cow<'a, str>, i64)> {
        let section = self.scope.section_for(container)?;
        let settings = &section.settings;
        // Few images have one, so this comes first.
        let (image, entry) = section.known_of(container)?;
        let (leaf, id) = match field {
            "runAsUser" => ("pod.runAsUser", entry.run_as_user?),
            _ => ("pod.runAsGroup", entry.run_as_group?),
        };
        let mode = section.mode(leaf);
        let applies = settings.is_restricted()
            && !settings.openshift
            && !self.template.is_windows
            && matches!(mode, Mode::Ensure | Mode::Override);
        let (_, unset) = IDS.iter().find(|(name, _)| *name == field)?;
        let in_pods = |name: &str| settings.wanted_for_pod().iter().any(|it| it.name == name);
        let in_containers = |name: &str| {
            settings
                .wanted_for_container()
                .iter()
                .any(|it| it.name == name)
        };
        let by_author = |name: &str| {
            let is_compared = section.is_exact() && in_pods(name);
            !is_compared
                && self
                    .lasting(container, &section, name, &[Mode::Remove])
                    .is_some()
        };
        // A setting for containers, and one that replaces the author's value, also replace the image's.
        let by_config = |name: &str| {
            let overrides = || section.is_override(&format!("pod.{name}"));
            in_containers(name) || in_pods(name) && overrides()
        };
        if !applies || self.stays_privileged(container) || unset.iter().any(|name| by_config(name))
        {
            return None;
        }
        let is_set = unset.iter().any(|name| by_author(name));
        // A user that is written already is still the image's.
        let of_pod = || author(self.context(), field);
        let own = authors_own(container, field).or_else(of_pod);
        let is_same = || own.and_then(|it| it.int()) == Some(id);
        (!is_set || is_same()).then_some((image, id))
    }

    /// The author's value for a container, unless its mode is one of these, which remove or replace it: what the next run
    /// would not see decides nothing.
    pub(super) fn lasting(
        &self,
        container: &Container<'a>,
        section: &Section<'_, SecurityContext>,
        name: &str,
        gone: &[Mode],
    ) -> Option<Node<'a>> {
        let lasts = |of: &str| !gone.contains(&section.mode(&format!("{of}.{name}")));
        let own = authors_own(container, name).filter(|_| lasts("container"));
        own.or_else(|| author(self.context(), name).filter(|_| lasts("pod")))
    }

    /// The id that all containers have, which is then set for the pod unless it also gets the config's.
    fn known_id_of_all(&self, section: &Section<'_, SecurityContext>, field: &str) -> Option<i64> {
        let settings = &section.settings;
        // Containers that an operator adds get the config's.
        let is_also_set = self.template.has_more_containers
            && settings.wanted_for_pod().iter().any(|it| it.name == field);
        let is_for_pod = settings.placement == Placement::Pod && self.has_context() && !is_also_set;
        let containers = self.template.containers.iter();
        let mut ids = containers.map(|it| self.known_id(it, field).map(|(_, id)| id));
        let first = ids.next().flatten().filter(|_| is_for_pod)?;
        ids.all(|id| id == Some(first)).then_some(first)
    }

    /// Sets the users and groups of images, where neither the author nor the config sets them. What the config sets for pods
    /// is for the other images: another user may not be able to write the image's files.
    pub(super) fn fit_known_users(
        &self,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        for (field, _) in IDS {
            let of_all = self.known_id_of_all(section, field);
            for container in &self.template.containers {
                let Some((image, id)) = self.known_id(container, field) else {
                    continue;
                };
                // What the author sets for the pod holds for the container.
                let of_pod = || author(self.context(), field).and_then(|it| it.int());
                if of_all.is_none()
                    && authors_own(container, field).is_none()
                    && of_pod() == Some(id)
                {
                    continue;
                }
                let subject = match of_all {
                    Some(_) => &self.template.pod,
                    None => &container.subject,
                };
                let own = self.scope.section_for(container);
                let section = own.as_deref().unwrap_or(section);
                let decision = section.decision(&format!("pod.{field}"));
                let path = ["securityContext", field];
                let reason = format!("from the catalogue of images, for {image}");
                let proposal = Proposal::new(subject, &path, Value::from(id), decision);
                let Some((_, entry)) = section.known_of(container) else {
                    continue;
                };
                edits.set(proposal.known(Knowledge::catalogue(entry, reason)))?;
                if of_all.is_some() {
                    break;
                }
            }
        }
        Ok(())
    }
}
