//! The fields of pods, and those that pods and containers share.

use kustomize_krm_types::Severity;

use super::user::{User, author_user};
use super::wanted::{Wanted, set_field};
use super::{Automount, Placement, SecurityContext, author};
use crate::config::{Mode, Section};
use crate::edit::{Edits, Finding, Meaning, Proposal, Subject};
use crate::problem::Problem;
use crate::select::{ClaimKind, Container, Target, Template};
use crate::transformers::Scope;
use crate::yaml::{Node, Value};

pub(super) struct PodFitting<'f, 'r, 'c> {
    pub(super) scope: &'f Scope<'r, 'c, SecurityContext>,
    pub(super) template: &'f Template<'r>,
    pub(super) subject: Subject,
}

impl<'a> PodFitting<'_, 'a, '_> {
    pub(super) fn context(&self) -> Option<Node<'a>> {
        self.template.spec.get("securityContext")
    }

    pub(super) fn fit_pod(
        &self,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let settings = &section.settings;
        let wanted = settings.wanted_for_pod();
        for wanted in wanted.iter().chain(&self.wanted_group(section, wanted)) {
            if !wanted.is_for(self.template, section) {
                continue;
            }
            if let Some(since) = wanted.is_too_young(section) {
                edits.find(self.too_young(wanted, since, section));
                continue;
            }
            if wanted.is_shared() {
                self.fit_shared(section, wanted, edits)?;
            } else {
                self.set(&self.subject, &["securityContext"], wanted, section, edits)?;
            }
        }
        if settings.is_restricted() {
            self.ask_for_user(section, edits);
        }
        Ok(())
    }

    /// Puts a field that pods and containers have both where it belongs: to the pod, unless the
    /// config asks for containers or it would stop one of them from starting.
    pub(super) fn fit_shared(
        &self,
        section: &Section<'_, SecurityContext>,
        wanted: &Wanted,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let non_root = wanted.name == "runAsNonRoot" && wanted.value == Value::from(true);
        let root = |container: &Container<'a>| non_root && self.runs_as_root(container);
        let containers = || self.template.containers.iter();
        for container in containers().filter(|container| root(container)) {
            edits.find(self.starts_as_root(container, section));
        }
        let own =
            |container: &Container<'a>| author(container.node.get("securityContext"), &wanted.name);
        let on_pod = author(self.context(), &wanted.name);
        let any_root = containers().any(root);
        // What the pod says counts for every container, and so for one that is exempt.
        let is_exempt = |container: &Container<'a>| {
            let own = self.scope.section_for(container);
            own.is_some_and(|own| own.mode(&wanted.leaf) == Mode::Off)
        };
        let any_exempt = section.mode(&wanted.leaf) != Mode::Off && containers().any(is_exempt);
        let per_container =
            section.settings.placement == Placement::Container || any_root || any_exempt;
        // What every container says for itself need not be repeated; what the pod says is looked at all the same.
        let is_needed = !per_container && containers().any(|container| own(container).is_none());
        if !any_root && (on_pod.is_some() || is_needed) {
            self.set(&self.subject, &["securityContext"], wanted, section, edits)?;
        }
        for container in containers().filter(|container| !root(container)) {
            // The config may not be for this container, or say something else for it.
            let Some(section) = self.scope.section_for(container) else {
                continue;
            };
            // A setting for containers of the same field is the more exact one; see `ContainerFitting::fit`.
            if !wanted.is_for(self.template, &section) || section.sets_for_container(&wanted.name) {
                continue;
            }
            let overrides = section.mode(&wanted.leaf) == Mode::Override;
            // The container's own value beats the pod's, so it is looked at in every mode.
            let is_due =
                own(container).is_some() || per_container && (overrides || on_pod.is_none());
            if is_due {
                let subject = Subject::container(self.template, container);
                self.set(&subject, &["securityContext"], wanted, &section, edits)?;
            }
        }
        Ok(())
    }

    pub(super) fn set(
        &self,
        subject: &Subject,
        prefix: &[&str],
        wanted: &Wanted,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        set_field(subject, &wanted.path(prefix), wanted, section, edits)
    }

    pub(super) fn runs_as_root(&self, container: &Container<'a>) -> bool {
        match self.scope.section_for(container) {
            Some(section) => User::of(&section, self.template, container).is_root(),
            // The config is not for it, but what the pod gets counts for it too.
            None => {
                let author = author_user(self.template, container);
                author.and_then(|node| node.text()).as_deref() == Some("0")
            }
        }
    }

    pub(super) fn starts_as_root(
        &self,
        container: &Container<'a>,
        section: &Section<'_, SecurityContext>,
    ) -> Finding {
        let subject = Subject::container(self.template, container);
        let author = author_user(self.template, container);
        let is_authors = author.and_then(|node| node.text()).as_deref() == Some("0");
        let (severity, message, help) = if is_authors {
            (
                Severity::Warning,
                "its author has it run as user 0, so runAsNonRoot is not set: it would not start",
                "give it another user, or let the config override `runAsUser` for it; as it is, a program that changes \
                 owners or users when it starts (chown, gosu) may need `capabilities.add` (CHOWN, SETUID, SETGID, …) \
                 and `writablePaths`, because capabilities are dropped and the root filesystem is read-only",
            )
        } else {
            (
                Severity::Error,
                "the config has it run as user 0, and with runAsNonRoot it would not start",
                "choose another user, or set `runAsNonRoot: false`",
            )
        };
        Finding::new(
            "FIT-SEC001",
            severity,
            format!("{}: {message}", subject.part),
        )
        .about(&subject, &["securityContext", "runAsUser"])
        .current(author.and_then(|node| node.value().ok()))
        .decided_by(section.decision("pod.runAsNonRoot"))
        .help(help)
    }

    /// The group that owns a mounted claim's files: without it a process that is not root cannot
    /// write to a fresh volume.
    pub(super) fn wanted_group(
        &self,
        section: &Section<'_, SecurityContext>,
        wanted: &[Wanted],
    ) -> Vec<Wanted> {
        let configured = |name: &str| {
            wanted
                .iter()
                .find(|wanted| wanted.name == name)
                .map(|wanted| wanted.value.clone())
        };
        let authors = author(self.context(), "runAsGroup").and_then(|node| node.value().ok());
        // The group that the pod will have, so that running twice is running once.
        let mode = section.mode("pod.runAsGroup");
        let group = mode.outcome(authors, configured("runAsGroup"));
        let (true, true, Some(group)) =
            (section.settings.is_restricted(), self.mounts_claim(), group)
        else {
            return Vec::new();
        };
        let make = |name: &str, value: Value| Wanted {
            field: &[],
            name: name.to_owned(),
            leaf: format!("pod.{name}"),
            value,
        };
        let wanted = [
            make("fsGroup", group),
            make("fsGroupChangePolicy", Value::from("OnRootMismatch")),
        ];
        wanted
            .into_iter()
            .filter(|wanted| configured(&wanted.name).is_none())
            .collect()
    }

    pub(super) fn mounts_claim(&self) -> bool {
        let is_claim = |volume: Node<'_>| {
            volume
                .get("persistentVolumeClaim")
                .or_else(|| volume.get("ephemeral"))
                .is_some()
        };
        self.template.volumes().any(is_claim) || has_claim_templates(self.scope.target())
    }

    /// `runAsNonRoot` without a number: images whose user is a name, or root, will not start.
    pub(super) fn ask_for_user(
        &self,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) {
        let settings = &section.settings;
        let configured =
            settings.pod.run_as_user.is_some() || settings.container.run_as_user.is_some();
        if configured || self.template.is_windows || section.mode("pod.runAsNonRoot") == Mode::Off {
            return;
        }
        let without: Vec<String> = self
            .template
            .containers
            .iter()
            .filter(|container| author_user(self.template, container).is_none())
            .map(|container| format!("\"{}\"", container.name))
            .collect();
        if without.is_empty() {
            return;
        }
        let message = format!(
            "no user is known for {}: if the image's user is root or a name, runAsNonRoot keeps it from starting",
            without.join(", ")
        );
        let finding = Finding::new("FIT-SEC004", Severity::Warning, message)
            .about(&self.subject, &["securityContext", "runAsUser"])
            .decided_by(section.decision("pod.runAsNonRoot"))
            .help(
                "set `securityContext.pod.runAsUser` in the config, or the number in the manifest",
            );
        edits.find(finding);
    }

    pub(super) fn too_young(
        &self,
        wanted: &Wanted,
        since: u32,
        section: &Section<'_, SecurityContext>,
    ) -> Finding {
        let message = format!(
            "{} exists since Kubernetes 1.{since} and is not written for this cluster",
            wanted.name
        );
        Finding::new("securityContext", Severity::Warning, message)
            .about(&self.subject, &["securityContext", &wanted.name])
            .decided_by(section.decision(&wanted.leaf))
            .help(format!(
                "set `kubernetesVersion: \"1.{since}\"` or later if the cluster has it"
            ))
    }

    pub(super) fn fit_token(
        &self,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let default = if section.settings.is_restricted() {
            Automount::Auto
        } else {
            Automount::Keep
        };
        match section
            .settings
            .automount_service_account_token
            .unwrap_or(default)
        {
            Automount::Keep => return Ok(()),
            Automount::Auto
                if self
                    .scope
                    .accounts()
                    .decide_for(self.scope.target().resource, self.template) =>
            {
                return Ok(());
            }
            Automount::Auto | Automount::Never => {}
        }
        edits.set(Proposal {
            subject: &self.subject,
            field: &["automountServiceAccountToken"],
            value: Value::from(false),
            decision: section.decision("automountServiceAccountToken"),
            meaning: Meaning::Literal,
            note: None,
        })?;
        Ok(())
    }
}

pub(super) fn has_claim_templates(target: &Target<'_>) -> bool {
    target
        .claims
        .iter()
        .any(|claim| matches!(claim.kind, ClaimKind::Template | ClaimKind::Custom))
}
