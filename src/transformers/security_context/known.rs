//! Users and groups from the catalogue of images.

use super::author::Contained;
use super::pod::PodFitting;
use super::{Placement, SecurityContext};
use crate::config::Section;
use crate::edit::{Edits, Knowledge, Proposal};
use crate::finding::Mode;
use crate::problem::Problem;
use crate::yaml::{Node, Value};

/// The fields that the catalogue has values for, and the fields that must be unset: a group belongs to its user.
const IDS: [(&str, &[&str]); 2] = [
    ("runAsUser", &["runAsUser"]),
    ("runAsGroup", &["runAsUser", "runAsGroup"]),
];

impl<'a> PodFitting<'_, 'a, '_> {
    /// The id of a container's image in the catalogue, where the author sets none and the config none that precedes it.
    pub(super) fn known_id(&self, it: &Contained<'_, 'a, '_>, field: &str) -> Option<i64> {
        let section = it.section.as_deref()?;
        let settings = &section.settings;
        // Few images have one, so this comes first.
        let entry = section.entry_of(it.author.container)?;
        let (leaf, id) = match field {
            "runAsUser" => ("pod.runAsUser", entry.run_as_user?),
            _ => ("pod.runAsGroup", entry.run_as_group?),
        };
        let mode = section.mode(leaf);
        let applies = settings.is_restricted()
            && !settings.openshift
            && !self.pod.template.is_windows
            && matches!(mode, Mode::Ensure | Mode::Override);
        let (_, unset) = IDS.iter().find(|(name, _)| *name == field)?;
        let in_pods = |name: &str| section.wanted_for_pod().iter().any(|it| it.name == name);
        let in_containers = |name: &str| {
            let mut wanted = section.wanted_for_container().iter();
            wanted.any(|it| it.name == name)
        };
        let by_author = |name: &str| {
            let is_compared = section.is_exact() && in_pods(name);
            !is_compared && self.lasting(it, section, name, &[Mode::Remove]).is_some()
        };
        // A setting for containers, and one that replaces the author's value, also replace the image's.
        let by_config = |name: &str| {
            let overrides = || section.is_override(&format!("pod.{name}"));
            in_containers(name) || in_pods(name) && overrides()
        };
        if !applies || self.stays_privileged(it) || unset.iter().any(|name| by_config(name)) {
            return None;
        }
        let is_set = unset.iter().any(|name| by_author(name));
        // A user that is written already is still the image's.
        let own = it.author.author(field).or_else(|| self.pod.author(field));
        let is_same = || own.and_then(|it| it.int()) == Some(id);
        (!is_set || is_same()).then_some(id)
    }

    /// The author's value for a container, unless its mode is one of these, which remove or replace it: what the next run
    /// would not see decides nothing.
    pub(super) fn lasting(
        &self,
        it: &Contained<'_, 'a, '_>,
        section: &Section<'_, SecurityContext>,
        name: &str,
        gone: &[Mode],
    ) -> Option<Node<'a>> {
        let lasts = |of: &str| !gone.contains(&section.mode(&format!("{of}.{name}")));
        let own = it.author.author(name).filter(|_| lasts("container"));
        own.or_else(|| self.pod.author(name).filter(|_| lasts("pod")))
    }

    /// The id that all containers have, which is then set for the pod unless it also gets the config's.
    fn known_id_of_all(&self, section: &Section<'_, SecurityContext>, field: &str) -> Option<i64> {
        let settings = &section.settings;
        // Containers that an operator adds get the config's.
        let is_also_set = self.pod.template.has_more_containers
            && section.wanted_for_pod().iter().any(|it| it.name == field);
        let is_for_pod =
            settings.placement == Placement::Pod && self.pod.has_context && !is_also_set;
        let mut ids = self.containers.iter().map(|it| self.known_id(it, field));
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
            for it in self.containers {
                let Some(id) = self.known_id(it, field) else {
                    continue;
                };
                let container = it.author.container;
                // What the author sets for the pod holds for the container.
                let of_pod = || self.pod.author(field).and_then(|it| it.int());
                if of_all.is_none() && it.author.author(field).is_none() && of_pod() == Some(id) {
                    continue;
                }
                let subject = match of_all {
                    Some(_) => &self.pod.template.pod,
                    None => &container.subject,
                };
                let section = it.section.as_deref().unwrap_or(section);
                let Some((image, entry)) = section.known_of(container) else {
                    continue;
                };
                let decision = section.decision(&format!("pod.{field}"));
                let path = ["securityContext", field];
                let reason = format!("from the catalogue of images, for {image}");
                let proposal = Proposal::new(subject, &path, Value::from(id), decision);
                edits.set(proposal.known(Knowledge::catalogue(entry, reason)))?;
                if of_all.is_some() {
                    break;
                }
            }
        }
        Ok(())
    }
}
