//! The fields of pods, and those that pods and containers share.

use std::sync::Arc;

use kustomize_krm_types::Severity;

use super::legacy::{Spot, had_annotation};
use super::user::{author_user, runs_as_root};
use super::wanted::{KNATIVE_FIELDS, POD_FIELDS, Wanted};
use super::{
    Automount, Placement, REFUSED, SecurityContext, UNKNOWN_TO_KNATIVE, author, authors_own,
    forbid_token,
};
use crate::config::Section;
use crate::edit::Edits;
use crate::finding::{Finding, Mode, Subject};
use crate::objects::{ClaimKind, Container, Target, Template};
use crate::problem::Problem;
use crate::transformers::Scope;
use crate::yaml::{Node, Value};

pub(super) struct PodFitting<'f, 'r, 'c> {
    pub(super) scope: &'f Scope<'r, 'c, SecurityContext>,
    pub(super) template: &'f Template<'r>,
    pub(super) subject: Arc<Subject>,
    /// Knative takes no security context of the pod, and of the container's only some fields.
    pub(super) is_knative: bool,
}

impl<'a> PodFitting<'_, 'a, '_> {
    pub(super) fn context(&self) -> Option<Node<'a>> {
        self.template.security_context()
    }

    /// Whether the pod has a security context of its own that may be written.
    pub(super) fn has_context(&self) -> bool {
        !self.is_knative && self.template.has_field("securityContext")
    }

    /// Takes away what is not to be there, and sets the users.
    pub(super) fn fit_users(
        &self,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let wanted = section.settings.wanted_for_pod();
        if self.template.has_field("securityContext") {
            let spot = self.spot(None, &self.subject);
            spot.remove("pod", POD_FIELDS, &[wanted], section, edits)?;
        }
        self.fit_fields(section, wanted.iter().filter(|it| it.is_user()), edits)?;
        if section.settings.is_restricted() {
            self.fit_known_users(section, edits)?;
        }
        Ok(())
    }

    /// Sets everything else.
    pub(super) fn fit_pod(
        &self,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let wanted = section.settings.wanted_for_pod();
        let group = self.wanted_group(section, wanted);
        let others = wanted.iter().filter(|it| !it.is_user());
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
                edits.find(self.not_in_knative(&wanted.name, &wanted.leaf, section));
                continue;
            }
            if !wanted.is_shared() && !self.is_knative && !self.has_context() {
                continue;
            }
            if let Some(since) = wanted.is_too_young(section) {
                edits.find(too_young(&self.subject, wanted, since, section));
                continue;
            }
            if wanted.is_shared() {
                self.fit_shared(section, wanted, edits)?;
            } else {
                self.set(None, wanted, section, edits)?;
            }
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
        let containers = || self.template.containers.iter();
        let roots: Vec<_> = containers()
            .filter(|it| non_root && runs_as_root(self.template, it, edits))
            .collect();
        let root = |container: &Container<'a>| roots.iter().any(|it| std::ptr::eq(*it, container));
        for container in containers().filter(|container| root(container)) {
            edits.find(self.starts_as_root(container, section));
        }
        let subject_of = |container: &Container<'a>| container.subject.clone();
        let own = |container: &Container<'a>| authors_own(container, &wanted.name).is_some();
        // An annotation of the time before the field counts as its author's value.
        let annotated = |container: &Container<'a>| {
            if !had_annotation(&wanted.name) {
                return false;
            }
            let subject = subject_of(container);
            let spot = self.spot(Some(container), &subject);
            spot.is_annotated_otherwise(wanted)
        };
        let on_pod = author(self.context(), &wanted.name).is_some()
            || self
                .spot(None, &self.subject)
                .is_annotated_otherwise(wanted);
        // What an operator adds has no user but the pod's.
        let is_open = self.template.has_more_containers;
        let has_root_pod = is_open && non_root && self.is_root_pod(edits);
        if has_root_pod {
            edits.find(self.pod_starts_as_root(section));
        }
        let any_root = has_root_pod || containers().any(root);
        // What the pod says counts for every container, and so for one that is exempt.
        let is_exempt = |container: &Container<'a>| {
            let own = self.scope.section_for(container);
            own.is_some_and(|own| own.mode(&wanted.leaf) == Mode::Off)
        };
        let any_exempt = section.mode(&wanted.leaf) != Mode::Off && containers().any(is_exempt);
        // Nor may the pod say something else than an annotation that stays.
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
            || !self.has_context();
        // What every container says for itself need not be repeated; what the pod says is looked at all the same.
        let is_needed =
            !per_container && (is_open || containers().any(|container| !own(container)));
        let would_contradict = any_stays && section.mode(&wanted.leaf) == Mode::Override;
        let is_for_pod = !any_root && !would_contradict && self.has_context();
        if is_for_pod && (on_pod || is_needed) {
            self.set(None, wanted, section, edits)?;
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
            let annotated = annotated(container);
            let is_due = own(container)
                || annotated && (per_container || !overrides)
                || per_container && (overrides || !on_pod);
            if is_due {
                self.set(Some(container), wanted, &section, edits)?;
            } else if annotated {
                let subject = subject_of(container);
                let spot = self.spot(Some(container), &subject);
                spot.set_annotation(wanted, &section, edits)?;
            }
        }
        Ok(())
    }

    fn spot<'s>(
        &'s self,
        container: Option<&'s Container<'a>>,
        subject: &'s Arc<Subject>,
    ) -> Spot<'s, 'a> {
        Spot {
            template: self.template,
            container,
            subject,
        }
    }

    /// Sets a field of a container's security context, or of the pod's.
    fn set(
        &self,
        container: Option<&Container<'a>>,
        wanted: &Wanted,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let subject = match container {
            Some(container) => container.subject.clone(),
            None => self.subject.clone(),
        };
        self.spot(container, &subject).set(wanted, section, edits)
    }

    /// Knative refuses the field, whatever it says.
    pub(super) fn not_in_knative(
        &self,
        name: &str,
        leaf: &str,
        section: &Section<'_, SecurityContext>,
    ) -> Finding {
        let message = format!(
            "{}: Knative refuses {name}, so it is not set",
            self.subject.part
        );
        Finding::new(&UNKNOWN_TO_KNATIVE, message)
            .about(&self.subject, &["securityContext", name])
            .decided_by(section.decision(leaf))
            .help("set the mode of this field to Off for Knative with a profile")
    }

    /// Whether the author has the pod run as root, for containers that are not seen here.
    fn is_root_pod(&self, edits: &Edits<'_>) -> bool {
        let user = author(self.context(), "runAsUser").and_then(|node| node.int());
        let planned = edits.planned(&self.subject, &["securityContext", "runAsUser"]);
        user == Some(0_i64) && planned.is_none()
    }

    fn pod_starts_as_root(&self, section: &Section<'_, SecurityContext>) -> Finding {
        let message = format!(
            "{}: its author has it run as user 0, so runAsNonRoot is not set: it would not start",
            self.subject.part
        );
        Finding::graded(&REFUSED, Severity::Warning, message)
            .about(&self.subject, &["securityContext", "runAsUser"])
            .current(author(self.context(), "runAsUser").and_then(|node| node.value().ok()))
            .decided_by(section.decision("pod.runAsNonRoot"))
            .help("give it another user, or let the config override `runAsUser` for it")
    }

    pub(super) fn starts_as_root(
        &self,
        container: &Container<'a>,
        section: &Section<'_, SecurityContext>,
    ) -> Finding {
        let subject = container.subject.clone();
        let author = author_user(self.template, container);
        let is_authors = author.and_then(|node| node.int()) == Some(0_i64);
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
        Finding::graded(&REFUSED, severity, format!("{}: {message}", subject.part))
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
        let group = group.or_else(|| self.known_group(section).map(Value::from));
        let is_wanted = section.settings.is_restricted() && !section.settings.openshift;
        let (true, true, Some(group)) =
            (is_wanted && self.has_context(), self.mounts_claim(), group)
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
        self.template.volumes().any(is_claim) || has_claim_templates(self.scope.target())
    }

    pub(super) fn fit_token(
        &self,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let name = "automountServiceAccountToken";
        if !self.template.has_field(name) {
            return Ok(());
        }
        match section.settings.automount() {
            _ if section.removes(name, name, false) => {}
            Automount::Keep => return Ok(()),
            Automount::Auto => {
                let (accounts, known) = (self.scope.accounts(), &section.settings.known);
                let resource = self.scope.target().resource;
                if accounts.want_token(resource, self.template, known, section.catalogue()) {
                    return Ok(());
                }
            }
            Automount::Never => {}
        }
        forbid_token(&self.subject, section, edits)
    }
}

/// The field is too young for the cluster.
pub(super) fn too_young(
    subject: &Subject,
    wanted: &Wanted,
    since: u32,
    section: &Section<'_, SecurityContext>,
) -> Finding {
    let path = match wanted.leaf.contains('.') {
        true => wanted.path(&["securityContext"]),
        false => vec![wanted.name.as_str()],
    };
    Finding::too_young(&wanted.name, since, section.decision(&wanted.leaf)).about(subject, &path)
}

/// Whether a volume is a claim's, of its own or by name.
pub(super) fn is_claim(volume: Node<'_>) -> bool {
    let mut sources = ["persistentVolumeClaim", "ephemeral"].into_iter();
    sources.any(|source| volume.at([source]).is_some())
}

pub(super) fn has_claim_templates(target: &Target<'_>) -> bool {
    target
        .claims
        .iter()
        .any(|claim| matches!(claim.kind, ClaimKind::Template | ClaimKind::Custom))
}
