//! What the catalogue of images says of pods: their users and groups, and whether they need a token.

use super::pod::PodFitting;
use super::{Placement, SecurityContext, author, authors_own};
use crate::config::Section;
use crate::edit::{Edits, Meaning, Proposal};
use crate::finding::Mode;
use crate::objects::Container;
use crate::problem::Problem;
use crate::yaml::Value;

/// The fields of which the catalogue knows values, and all that speaks of each: a group belongs to its user.
const IDS: [(&str, &[&str]); 2] = [
    ("runAsUser", &["runAsUser"]),
    ("runAsGroup", &["runAsUser", "runAsGroup"]),
];

impl<'a> PodFitting<'_, 'a, '_> {
    /// The image of a container and the number that the catalogue has for it, where neither author nor config say one.
    pub(super) fn known_id(&self, container: &Container<'a>, field: &str) -> Option<(String, i64)> {
        let section = self.scope.section_for(container)?;
        let settings = &section.settings;
        let mode = section.mode(&format!("pod.{field}"));
        let is_meant = settings.is_restricted()
            && !settings.openshift
            && !self.template.is_windows
            && matches!(mode, Mode::Ensure | Mode::Override);
        let (_, speaking) = IDS.iter().find(|(name, _)| *name == field)?;
        let by_author = |name: &&str| {
            let of_pod = || author(self.context(), name);
            authors_own(container, name).or_else(of_pod).is_some()
        };
        let wanted = || {
            let pod = settings.wanted_for_pod().iter();
            pod.chain(settings.wanted_for_container())
        };
        let by_config = |name: &&str| wanted().any(|it| it.name == *name);
        if !is_meant
            || speaking
                .iter()
                .any(|name| by_author(name) || by_config(name))
        {
            return None;
        }
        let (image, entry) = section.known_of(container)?;
        let id = match field {
            "runAsUser" => entry.run_as_user,
            _ => entry.run_as_group,
        };
        Some((image, id?))
    }

    /// The number that is known for all containers, which then stands with the pod.
    fn known_id_of_all(&self, section: &Section<'_, SecurityContext>, field: &str) -> Option<i64> {
        let is_for_pod = section.settings.placement == Placement::Pod && self.has_context();
        let mut ids = self.template.containers.iter().map(|container| {
            let known = self.known_id(container, field);
            known.map(|(_, id)| id)
        });
        let first = ids.next().flatten().filter(|_| is_for_pod)?;
        ids.all(|id| id == Some(first)).then_some(first)
    }

    /// The group of all containers, as far as the catalogue says one.
    pub(super) fn known_group(&self, section: &Section<'_, SecurityContext>) -> Option<i64> {
        self.known_id_of_all(section, "runAsGroup")
    }

    /// Sets the users and groups that images are made for, where nothing else is said.
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
                let subject = match of_all {
                    Some(_) => self.subject.clone(),
                    None => container.subject.clone(),
                };
                let own = self.scope.section_for(container);
                let decided = own.as_deref().unwrap_or(section);
                edits.set(Proposal {
                    subject: &subject,
                    field: &["securityContext", field],
                    value: Value::from(id),
                    decision: decided.decision(&format!("pod.{field}")),
                    meaning: Meaning::Literal,
                    note: Some(format!("the catalogue of images has it for {image}")),
                })?;
                if of_all.is_some() {
                    break;
                }
            }
        }
        Ok(())
    }
}
