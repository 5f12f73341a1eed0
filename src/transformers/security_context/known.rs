//! What the catalogue of images says of pods: their users and groups, and whether they need a token.

use kustomize_krm_types::Severity;

use super::pod::{PodFitting, is_claim};
use super::user::User;
use super::{Placement, SecurityContext, author, authors_own};
use crate::catalogue::clean;
use crate::config::Section;
use crate::edit::{Edits, Meaning, Proposal};
use crate::finding::{Finding, Mode};
use crate::objects::Container;
use crate::problem::Problem;
use crate::rules;
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

    /// Sets the users and groups that images are made for, and tells of others that they do not work with.
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
        for container in &self.template.containers {
            if let Some(section) = self.scope.section_for(container) {
                let finding = self.other_user(container, &section);
                let finding = finding.or_else(|| self.opened_directory(container, &section));
                finding.into_iter().for_each(|finding| edits.find(finding));
            }
        }
        Ok(())
    }

    /// A volume of claims is mounted right where its program wants a directory for itself.
    fn opened_directory(
        &self,
        container: &Container<'a>,
        section: &Section<'_, SecurityContext>,
    ) -> Option<Finding> {
        let claims = || {
            let volumes = self.template.volumes().filter(|it| is_claim(*it));
            let templates = self.scope.target().claims.iter();
            let names = volumes.filter_map(|it| it.text_at(["name"]));
            names.chain(templates.map(|it| it.name.clone()))
        };
        let (image, entry) = section.known_of(container)?;
        let own = entry.own_directory.as_ref()?;
        // Root makes the directory its user's when it starts.
        if User::of(section, self.template, container).is_root() {
            return None;
        }
        let mut env = container.node.items_at(["env"]);
        let variable = env.find(|it| it.text_at(["name"]).as_deref() == Some(&own.variable));
        let path = match variable {
            None => own.path.clone(),
            Some(variable) => variable.text_at(["value"])?.into_owned(),
        };
        let path = clean(&path)?;
        let mut mounts = container.node.items_at(["volumeMounts"]);
        let mount = mounts.find(|mount| {
            let at = mount.text_at(["mountPath"]).and_then(|at| clean(&at));
            at.as_ref() == Some(&path)
        })?;
        let name = mount.text_at(["name"])?;
        claims().find(|claim| *claim == name)?;
        let subject = container.subject.clone();
        let message = format!(
            "{}: \"{name}\" is mounted at {path}, the directory of {} that {image} wants for its user alone; a volume's root \
             belongs to root and is open to the fsGroup",
            subject.part, own.variable
        );
        let finding = Finding::graded(&rules::SEC006, Severity::Warning, message)
            .about(&subject, &["env"])
            .decided_by(section.decision("pod.fsGroup"))
            .help(format!(
                "give it a directory below: `{{name: {}, value: {path}/data}}` in `env`",
                own.variable
            ));
        Some(finding)
    }

    /// The container runs as a user that the files of its image do not belong to.
    fn other_user(
        &self,
        container: &Container<'a>,
        section: &Section<'_, SecurityContext>,
    ) -> Option<Finding> {
        let user = User::of(section, self.template, container).number()?;
        let (image, entry) = section.known_of(container)?;
        let made_for = entry
            .run_as_user
            .filter(|it| !entry.any_user && *it != user)?;
        let subject = container.subject.clone();
        let is_root = user == 0;
        let message = format!(
            "{}: by the catalogue of images {image} is made for user {made_for} and may not work as user {user}",
            subject.part
        );
        let finding = Finding::new(&rules::SEC005, message)
            .about(&subject, &["securityContext", "runAsUser"])
            .decided_by(section.decision("pod.runAsUser"))
            .help("take that user for this container, or say in `spec.catalogue` that any user will do");
        // Root is told of as such.
        (!is_root).then_some(finding)
    }
}
