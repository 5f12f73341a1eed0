//! The fields of pods, and those that pods and containers share.

use kustomize_krm_types::Severity;

use super::container::ContainerFitting;
use super::legacy::{FieldLocation, had_annotation};
use super::user::{author_user, runs_as_root};
use super::wanted::{KNATIVE_FIELDS, POD_FIELDS, Wanted};
use super::{
    Automount, NEVER, Placement, REFUSED, SecurityContext, author, authors_own, forbid_token,
    not_in_knative, too_young,
};
use crate::config::Section;
use crate::edit::{Edits, Knowledge};
use crate::finding::{Finding, Mode};
use crate::objects::{AUTOMOUNT, Container, Template, TokenNeed};
use crate::problem::Problem;
use crate::transformers::Scope;
use crate::yaml::{Node, Value};

/// A pod template and the scope of its section.
pub(super) struct PodFitting<'f, 'r, 'c> {
    pub(super) scope: &'f Scope<'r, 'c, SecurityContext>,
    pub(super) template: &'f Template<'r>,
    /// Knative rejects the pod's security context, and accepts only some fields of containers.
    pub(super) is_knative: bool,
}

impl<'a> PodFitting<'_, 'a, '_> {
    pub(super) fn context(&self) -> Option<Node<'a>> {
        self.template.security_context()
    }

    /// Whether the pod's own security context may be written.
    pub(super) fn has_context(&self) -> bool {
        !self.is_knative && self.template.has_field("securityContext")
    }

    /// Deletes the fields that the mode removes, and sets users and groups.
    pub(super) fn fit_users(
        &self,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let wanted = section.settings.wanted_for_pod();
        if self.template.has_field("securityContext") {
            let location = self.location(None);
            location.remove("pod", POD_FIELDS, &[wanted], section, edits)?;
        }
        self.fit_fields(section, wanted.iter().filter(|it| it.is_id()), edits)?;
        if section.settings.is_restricted() {
            self.fit_known_users(section, edits)?;
        }
        Ok(())
    }

    /// Sets the other fields.
    pub(super) fn fit_pod(
        &self,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let wanted = section.settings.wanted_for_pod();
        let group = self.wanted_group(section, wanted, edits);
        let others = wanted.iter().filter(|it| !it.is_id());
        self.fit_fields(section, others.chain(&group), edits)?;
        self.fit_leaves(section, edits)
    }

    fn fit_fields<'w>(
        &self,
        section: &Section<'_, SecurityContext>,
        fields: impl Iterator<Item = &'w Wanted>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        for wanted in fields {
            if !wanted.is_for(self.template, section) {
                continue;
            }
            if self.is_knative && !KNATIVE_FIELDS.contains(&wanted.name.as_str()) {
                edits.find(not_in_knative(&self.template.pod, wanted, section));
                continue;
            }
            if !wanted.is_shared() && !self.is_knative && !self.has_context() {
                continue;
            }
            if let Some(since) = wanted.is_too_young(section) {
                edits.find(too_young(&self.template.pod, wanted, since, section));
                continue;
            }
            if wanted.is_shared() {
                self.fit_shared(section, wanted, edits)?;
            } else {
                self.location(None).set(wanted, section, edits)?;
            }
        }
        Ok(())
    }

    /// Sets a field that both pods and containers have: for the pod, unless the config places it in containers or it would
    /// stop a container from starting.
    fn fit_shared(
        &self,
        section: &Section<'_, SecurityContext>,
        wanted: &Wanted,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let non_root = wanted.name == "runAsNonRoot" && wanted.value == Value::from(true);
        let containers = || self.template.containers.iter();
        let is_user = non_root || wanted.is_id();
        let roots: Vec<_> = containers()
            .filter(|it| non_root && runs_as_root(self.template, it, edits))
            .chain(containers().filter(|it| is_user && self.stays_privileged(it)))
            .collect();
        let root = |container: &Container<'a>| roots.iter().any(|it| std::ptr::eq(*it, container));
        for container in containers().filter(|it| non_root && root(it)) {
            edits.find(match self.stays_privileged(container) {
                true => self.is_privileged(container, section),
                false => self.starts_as_root(container, section),
            });
        }
        let own = |container: &Container<'a>| authors_own(container, &wanted.name).is_some();
        // The image's user wins over the setting; see `PodFitting::fit_known_users`.
        // A group belongs to its user: next to the image's user, the image's own group stays.
        let is_group = wanted.name == "runAsGroup" && section.mode(&wanted.leaf) == Mode::Ensure;
        let of_config = section.settings.wanted_for_pod();
        let user = of_config.iter().find(|it| it.name == "runAsUser");
        let is_apart = |container: &Container<'a>| {
            if !is_group {
                return false;
            }
            let gone = [Mode::Override, Mode::Remove];
            let own = self.lasting(container, section, "runAsUser", &gone);
            let own = own.and_then(|it| it.value().ok());
            let is_other = own.is_some_and(|own| user.is_some_and(|user| user.value != own));
            // An image's user that is also the config's has the config's group, in this run and the next.
            let differs = |id: i64| user.is_none_or(|user| user.value != Value::from(id));
            let known = self.known_id(container, "runAsUser");
            is_other || known.is_some_and(|(_, id)| differs(id))
        };
        let known = |container: &Container<'a>| {
            wanted.is_id() && self.known_id(container, &wanted.name).is_some()
                || is_apart(container)
        };
        let any_apart =
            containers().any(|it| is_apart(it) && self.known_id(it, "runAsGroup").is_none());
        // A legacy annotation counts as the author's value of the field.
        let annotated = |container: &Container<'a>| {
            had_annotation(&wanted.name)
                && self
                    .location(Some(container))
                    .is_annotated_otherwise(wanted)
        };
        let on_pod = author(self.context(), &wanted.name).is_some()
            || self.location(None).is_annotated_otherwise(wanted);
        // Containers that an operator adds have the pod's user.
        let is_open = self.template.has_more_containers;
        let has_root_pod = is_open && non_root && self.is_root_pod(edits);
        if has_root_pod {
            edits.find(self.pod_starts_as_root(section));
        }
        let any_root = has_root_pod || containers().any(root);
        // The pod's field would also apply to a container that is exempt.
        let is_exempt = |container: &Container<'a>| {
            let own = self.scope.section_for(container);
            own.is_some_and(|own| own.mode(&wanted.leaf) == Mode::Off)
        };
        let any_exempt = section.mode(&wanted.leaf) != Mode::Off && containers().any(is_exempt);
        // The pod's field must not differ from an annotation that stays.
        let stays = |container: &Container<'a>| {
            let own = self.scope.section_for(container);
            let overrides = own.is_some_and(|own| own.mode(&wanted.leaf) == Mode::Override);
            annotated(container) && !overrides
        };
        let any_stays = containers().any(stays);
        let per_container = section.settings.placement == Placement::Container
            || any_root
            || any_exempt
            || any_stays
            || any_apart
            || !self.has_context();
        // A field that every container sets is not repeated for the pod; the pod's own value is still checked.
        let is_needed =
            !per_container && (is_open || containers().any(|it| !own(it) && !known(it)));
        let would_contradict = any_stays && section.mode(&wanted.leaf) == Mode::Override;
        let is_for_pod = !any_root && !would_contradict && self.has_context();
        if is_for_pod && (on_pod || is_needed) {
            let agreed = edits.agreed.len();
            self.location(None).set(wanted, section, edits)?;
            // Where the config would not write it, the author did.
            if !is_needed {
                edits.agreed.truncate(agreed);
            }
        }
        for container in containers().filter(|it| !root(it) && !known(it)) {
            // The config may not apply to this container, or differ for it.
            let Some(section) = self.scope.section_for(container) else {
                continue;
            };
            // The same field in `container` takes precedence; see `ContainerFitting::fit`.
            if !wanted.is_for(self.template, &section) || section.sets_for_container(&wanted.name) {
                continue;
            }
            let overrides = section.mode(&wanted.leaf) == Mode::Override;
            // The container's own value wins over the pod's, so every mode applies to it.
            let annotated = annotated(container);
            let is_due = own(container)
                || annotated && (per_container || !overrides)
                || per_container && (overrides || !on_pod);
            if is_due {
                let location = self.location(Some(container));
                let agreed = edits.agreed.len();
                location.set(wanted, &section, edits)?;
                if !per_container {
                    edits.agreed.truncate(agreed);
                }
            } else if annotated {
                let location = self.location(Some(container));
                location.set_annotation(wanted, &section, edits)?;
            }
        }
        Ok(())
    }

    /// Whether a container is privileged after the run and its user is the image's: another user than root has no
    /// capabilities.
    pub(super) fn stays_privileged(&self, container: &Container<'a>) -> bool {
        let Some(section) = self.scope.section_for(container) else {
            let author = authors_own(container, "privileged").and_then(|it| it.bool());
            return author == Some(true) && author_user(self.template, container).is_none();
        };
        let fitting = ContainerFitting {
            section: &section,
            template: self.template,
            container,
            is_knative: self.is_knative,
        };
        let user = || self.lasting(container, &section, "runAsUser", &[Mode::Remove]);
        let of_pod = ["pod.runAsUser", "pod.runAsNonRoot"];
        fitting.becomes_privileged()
            && user().is_none()
            && !of_pod
                .iter()
                .any(|leaf| section.mode(leaf) == Mode::Override)
            && !section.sets_for_container("runAsUser")
    }

    fn is_privileged(
        &self,
        container: &Container<'a>,
        section: &Section<'_, SecurityContext>,
    ) -> Finding {
        let subject = &container.subject;
        let message = format!(
            "{}: did not set runAsNonRoot or a user: the container is privileged, and as another user than root it has no \
             capabilities",
            subject.part
        );
        Finding::graded(&REFUSED, Severity::Warning, message)
            .about(subject, &["securityContext", "privileged"])
            .decided_by(section.decision("pod.runAsNonRoot"))
            .help(
                "set runAsUser for it in the manifest, or override `privileged` in the config; otherwise run it in a \
                 namespace that enforces the level privileged",
            )
    }

    fn location<'s>(&'s self, container: Option<&'s Container<'a>>) -> FieldLocation<'s, 'a> {
        FieldLocation {
            template: self.template,
            container,
        }
    }

    /// Whether the author's pod runs as root, for containers that are not in the manifest.
    fn is_root_pod(&self, edits: &Edits<'_>) -> bool {
        let user = author(self.context(), "runAsUser").and_then(|node| node.int());
        let planned = edits.planned(&self.template.pod, &["securityContext", "runAsUser"]);
        user == Some(0_i64) && planned.is_none()
    }

    fn pod_starts_as_root(&self, section: &Section<'_, SecurityContext>) -> Finding {
        let subject = &self.template.pod;
        let message = format!("{}: {STARTS_AS_ROOT}", subject.part);
        Finding::graded(&REFUSED, Severity::Warning, message)
            .about(subject, &["securityContext", "runAsUser"])
            .current(author(self.context(), "runAsUser").and_then(|node| node.value().ok()))
            .decided_by(section.decision("pod.runAsNonRoot"))
            .help("choose another user in the manifest, or override `runAsUser` in the config")
    }

    fn starts_as_root(
        &self,
        container: &Container<'a>,
        section: &Section<'_, SecurityContext>,
    ) -> Finding {
        let subject = &container.subject;
        let author = author_user(self.template, container);
        let is_authors = author.and_then(|node| node.int()) == Some(0_i64);
        let (severity, message, help) = match is_authors {
            true => (
                Severity::Warning,
                STARTS_AS_ROOT,
                "choose another user in the manifest, or override `runAsUser` in the config; otherwise a program that \
                 changes owners or users when it starts (chown, gosu) may need `capabilities.add` (CHOWN, SETUID, \
                 SETGID, …) and `writablePaths`, because capabilities are dropped and the root filesystem is read-only",
            ),
            false => (
                Severity::Error,
                "did not set runAsNonRoot: the config sets runAsUser: 0, so the container could not start with it",
                "choose another user, or set `runAsNonRoot: false`",
            ),
        };
        Finding::graded(&REFUSED, severity, format!("{}: {message}", subject.part))
            .about(subject, &["securityContext", "runAsUser"])
            .current(author.and_then(|node| node.value().ok()))
            .decided_by(section.decision("pod.runAsNonRoot"))
            .help(help)
    }

    pub(super) fn fit_token(
        &self,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        if !self.template.has_field(AUTOMOUNT) {
            return Ok(());
        }
        let knowledge = match section.settings.automount() {
            _ if section.removes(AUTOMOUNT, AUTOMOUNT, false) => Knowledge::config(NEVER),
            Automount::Keep => return Ok(()),
            Automount::Auto => {
                let accounts = &self.scope.objects().accounts;
                let (known, own) = (&section.settings.known, section.catalogue());
                let resource = self.scope.target().resource;
                match accounts.need_of(resource, self.template, known, own) {
                    TokenNeed::Nothing(reason) => Knowledge::input(reason),
                    // A check reports accounts that are not known, each once.
                    _ => return Ok(()),
                }
            }
            Automount::Never => Knowledge::config(NEVER),
        };
        forbid_token(&self.template.pod, section, knowledge, edits)
    }
}

/// The author's own conflict with `runAsNonRoot`.
const STARTS_AS_ROOT: &str =
    "did not set runAsNonRoot: the manifest sets runAsUser: 0, so the pod could not start with it";
