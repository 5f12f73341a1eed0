//! The fields of pods, and those that pods and containers share.

use kustomize_krm_types::Severity;

use super::author::{Authored, Contained, Pod};
use super::container::ContainerFitting;
use super::legacy::{FieldLocation, had_annotation};
use super::user::{author_user, runs_as_root};
use super::wanted::{KNATIVE_FIELDS, POD_FIELDS, Wanted};
use super::{
    Automount, NEVER, Placement, REFUSED, SecurityContext, forbid_token, not_in_knative, not_set,
    too_young,
};
use crate::config::Section;
use crate::edit::{Edits, Knowledge};
use crate::finding::{Finding, Mode};
use crate::kubernetes::schema::{is_ipc_sysctl, is_net_sysctl};
use crate::objects::{AUTOMOUNT, TokenNeed};
use crate::problem::Problem;
use crate::transformers::Scope;
use crate::yaml::Value;

/// A pod template with its containers, and the scope of its section.
pub(super) struct PodFitting<'f, 'r, 'c> {
    pub(super) scope: &'f Scope<'r, 'c, SecurityContext>,
    pub(super) pod: Pod<'f, 'r>,
    pub(super) containers: &'f [Contained<'f, 'r, 'c>],
}

impl<'a> PodFitting<'_, 'a, '_> {
    /// Deletes the fields that the mode removes, and sets users and groups.
    pub(super) fn fit_users(
        &self,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let wanted = section.wanted_for_pod();
        if self.pod.template.has_field("securityContext") {
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
        let wanted = section.wanted_for_pod();
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
        let (pod, subject) = (&self.pod, &self.pod.template.pod);
        for wanted in fields {
            if !wanted.is_for(pod.template, wanted.mode) {
                continue;
            }
            if pod.is_knative && !KNATIVE_FIELDS.contains(&wanted.name) {
                edits.find(not_in_knative(subject, wanted, section));
                continue;
            }
            if !wanted.is_shared() && !pod.is_knative && !pod.has_context {
                continue;
            }
            if let Some(since) = wanted.too_young {
                edits.find(too_young(subject, wanted, since, section));
                continue;
            }
            if wanted.name == "sysctls"
                && let Some(host) = self.forbids_sysctls(section, wanted.mode)
            {
                let reason = format!(
                    "did not set sysctls: the API server rejects some of them with {host}: true"
                );
                let help = "set the sysctls in a profile that leaves out pods of the host, or set the mode of `pod.sysctls` to Off";
                edits.find(not_set(&REFUSED, subject, wanted, section, &reason).help(help));
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

    /// The field with which the API server rejects sysctls of the config: `ValidateHostSysctl` in kubernetes
    /// `pkg/apis/core/validation/validation.go` since 1.29, and the kubelet before.
    fn forbids_sysctls(
        &self,
        section: &Section<'_, SecurityContext>,
        mode: Mode,
    ) -> Option<&'static str> {
        if mode == Mode::Ensure && self.pod.author("sysctls").is_some() {
            return None;
        }
        let has = |is_of: fn(&str) -> bool| {
            let mut sysctls = section.settings.pod.sysctls.iter().flatten();
            sysctls.any(|it| is_of(&it.name))
        };
        let is_on = |name| self.pod.template.spec.bool_at([name]) == Some(true);
        match () {
            () if is_on("hostNetwork") && has(is_net_sysctl) => Some("hostNetwork"),
            () if is_on("hostIPC") && has(is_ipc_sysctl) => Some("hostIPC"),
            () => None,
        }
    }

    /// Sets a field that both pods and containers have: for the pod, unless the config places it in containers or it would
    /// stop a container from starting.
    fn fit_shared(
        &self,
        section: &Section<'_, SecurityContext>,
        wanted: &Wanted,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let (pod, name) = (&self.pod, wanted.name);
        let non_root = name == "runAsNonRoot" && *wanted.value == Value::from(true);
        let is_user = non_root || wanted.is_id();
        let is_root = |it: &Contained<'_, 'a, '_>| {
            non_root && runs_as_root(pod, &it.author, edits) || is_user && self.stays_privileged(it)
        };
        let roots: Vec<bool> = self.containers.iter().map(is_root).collect();
        let containers = || self.containers.iter().zip(roots.iter().copied());
        for (it, _) in containers().filter(|(_, is_root)| non_root && *is_root) {
            edits.find(match self.stays_privileged(it) {
                true => self.is_privileged(&it.author, section),
                false => self.starts_as_root(&it.author, section),
            });
        }
        // The config may not apply to a container, or differ for it.
        let mode_of = |it: &Contained<'_, 'a, '_>| {
            let own = it.section.as_deref();
            own.map(|own| wanted.mode_in(own, section))
        };
        let own = |it: &Contained<'_, 'a, '_>| it.author.author(name).is_some();
        // The image's user wins over the setting; see `PodFitting::fit_known_users`.
        // A group belongs to its user: next to the image's user, the image's own group stays.
        let is_group = name == "runAsGroup" && wanted.mode == Mode::Ensure;
        let of_config = section.wanted_for_pod();
        let user = of_config.iter().find(|it| it.name == "runAsUser");
        let is_apart = |it: &Contained<'_, 'a, '_>| {
            if !is_group {
                return false;
            }
            let gone = [Mode::Override, Mode::Remove];
            let own = self.lasting(it, section, "runAsUser", &gone);
            let own = own.and_then(|it| it.value().ok());
            let is_other = own.is_some_and(|own| user.is_some_and(|user| *user.value != own));
            // An image's user that is also the config's has the config's group, in this run and the next.
            let differs = |id: i64| user.is_none_or(|user| *user.value != Value::from(id));
            is_other || self.known_id(it, "runAsUser").is_some_and(differs)
        };
        let known = |it: &Contained<'_, 'a, '_>| {
            wanted.is_id() && self.known_id(it, name).is_some() || is_apart(it)
        };
        let any_apart =
            containers().any(|(it, _)| is_apart(it) && self.known_id(it, "runAsGroup").is_none());
        // A legacy annotation counts as the author's value of the field.
        let annotated = |it: &Contained<'_, 'a, '_>| {
            had_annotation(name)
                && self
                    .location(Some(&it.author))
                    .is_annotated_otherwise(wanted)
        };
        let on_pod =
            pod.author(name).is_some() || self.location(None).is_annotated_otherwise(wanted);
        // Containers that an operator adds have the pod's user.
        let is_open = pod.template.has_more_containers;
        let has_root_pod = is_open && non_root && self.is_root_pod(edits);
        if has_root_pod {
            edits.find(self.pod_starts_as_root(section));
        }
        let any_root = has_root_pod || roots.contains(&true);
        // The pod's field would also apply to a container that is exempt.
        let is_exempt = |it: &Contained<'_, 'a, '_>| mode_of(it) == Some(Mode::Off);
        let any_exempt = wanted.mode != Mode::Off && containers().any(|(it, _)| is_exempt(it));
        // The pod's field must not differ from an annotation that stays.
        let stays =
            |it: &Contained<'_, 'a, '_>| annotated(it) && mode_of(it) != Some(Mode::Override);
        let any_stays = containers().any(|(it, _)| stays(it));
        let per_container = section.settings.placement == Placement::Container
            || any_root
            || any_exempt
            || any_stays
            || any_apart
            || !pod.has_context;
        // A field that every container sets is not repeated for the pod; the pod's own value is still checked.
        let is_needed =
            !per_container && (is_open || containers().any(|(it, _)| !own(it) && !known(it)));
        let would_contradict = any_stays && wanted.mode == Mode::Override;
        let is_for_pod = !any_root && !would_contradict && pod.has_context;
        if is_for_pod && (on_pod || is_needed) {
            let agreed = edits.agreed.len();
            self.location(None).set(wanted, section, edits)?;
            // Where the config would not write it, the author did.
            if !is_needed {
                edits.agreed.truncate(agreed);
            }
        }
        for (it, _) in containers().filter(|(it, is_root)| !is_root && !known(it)) {
            let (Some(section), Some(mode)) = (it.section.as_deref(), mode_of(it)) else {
                continue;
            };
            // The same field in `container` takes precedence; see `ContainerFitting::fit`.
            if !wanted.is_for(pod.template, mode) || section.sets_for_container(name) {
                continue;
            }
            let overrides = mode == Mode::Override;
            // The container's own value wins over the pod's, so every mode applies to it.
            let annotated = annotated(it);
            let is_due = own(it)
                || annotated && (per_container || !overrides)
                || per_container && (overrides || !on_pod);
            let location = self.location(Some(&it.author));
            if is_due {
                let agreed = edits.agreed.len();
                location.set(wanted, section, edits)?;
                if !per_container {
                    edits.agreed.truncate(agreed);
                }
            } else if annotated {
                location.set_annotation(wanted, section, edits)?;
            }
        }
        Ok(())
    }

    /// Whether a container is privileged after the run and its user is the image's: another user than root has no
    /// capabilities.
    pub(super) fn stays_privileged(&self, it: &Contained<'_, 'a, '_>) -> bool {
        let Some(section) = it.section.as_deref() else {
            let author = it.author.author("privileged").and_then(|it| it.bool());
            return author == Some(true) && author_user(&self.pod, &it.author).is_none();
        };
        let fitting = ContainerFitting::of(&self.pod, section, &it.author);
        let user = || self.lasting(it, section, "runAsUser", &[Mode::Remove]);
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
        container: &Authored<'_, 'a>,
        section: &Section<'_, SecurityContext>,
    ) -> Finding {
        let subject = &container.container.subject;
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

    fn location<'s>(&'s self, container: Option<&'s Authored<'s, 'a>>) -> FieldLocation<'s, 'a> {
        FieldLocation {
            pod: &self.pod,
            container,
        }
    }

    /// Whether the author's pod runs as root, for containers that are not in the manifest.
    fn is_root_pod(&self, edits: &Edits<'_>) -> bool {
        let user = self.pod.author("runAsUser").and_then(|node| node.int());
        let planned = edits.planned(&self.pod.template.pod, &["securityContext", "runAsUser"]);
        user == Some(0_i64) && planned.is_none()
    }

    fn pod_starts_as_root(&self, section: &Section<'_, SecurityContext>) -> Finding {
        let subject = &self.pod.template.pod;
        let author = self.pod.author("runAsUser");
        let message = format!("{}: {STARTS_AS_ROOT}", subject.part);
        Finding::graded(&REFUSED, Severity::Warning, message)
            .about(subject, &["securityContext", "runAsUser"])
            .current(author.and_then(|node| node.value().ok()))
            .decided_by(section.decision("pod.runAsNonRoot"))
            .help("choose another user in the manifest, or override `runAsUser` in the config")
    }

    fn starts_as_root(
        &self,
        container: &Authored<'_, 'a>,
        section: &Section<'_, SecurityContext>,
    ) -> Finding {
        let subject = &container.container.subject;
        let author = author_user(&self.pod, container);
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
        let template = self.pod.template;
        if !template.has_field(AUTOMOUNT) {
            return Ok(());
        }
        let knowledge = match section.settings.automount() {
            _ if section.removes(AUTOMOUNT, AUTOMOUNT, false) => Knowledge::config(NEVER),
            Automount::Keep => return Ok(()),
            Automount::Auto => {
                let accounts = &self.scope.objects().accounts;
                let (known, own) = (&section.settings.known, section.catalogue());
                let resource = self.scope.target().resource;
                match accounts.need_of(resource, template, known, own) {
                    TokenNeed::Nothing(reason) => Knowledge::input(reason),
                    // A check reports accounts that are not known, each once.
                    _ => return Ok(()),
                }
            }
            Automount::Never => Knowledge::config(NEVER),
        };
        forbid_token(&template.pod, section, knowledge, edits)
    }
}

/// The author's own conflict with `runAsNonRoot`.
const STARTS_AS_ROOT: &str =
    "did not set runAsNonRoot: the manifest sets runAsUser: 0, so the pod could not start with it";
