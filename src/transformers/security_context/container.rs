//! The fields of containers.

use super::author::{Authored, Pod};
use super::group::changes_owners;
use super::leaves::has_own_users;
use super::legacy::FieldLocation;
use super::user::runs_as_root;
use super::wanted::{CONTAINER_FIELDS, KNATIVE_FIELDS, SYS_ADMIN, Wanted};
use super::{REFUSED, SecurityContext, not_in_knative, not_set, too_young};
use crate::config::Section;
use crate::edit::{Edits, Knowledge};
use crate::finding::{Finding, Mode};
use crate::objects::Container;
use crate::problem::Problem;
use crate::yaml::{Node, Value};

/// The capability to listen on ports below 1024.
const NET_BIND_SERVICE: &str = "NET_BIND_SERVICE";

/// One container and its section.
pub(super) struct ContainerFitting<'f, 'a> {
    pub(super) section: &'f Section<'f, SecurityContext>,
    pub(super) pod: &'f Pod<'f, 'a>,
    pub(super) author: &'f Authored<'f, 'a>,
    pub(super) container: &'f Container<'a>,
}

impl<'f, 'a> ContainerFitting<'f, 'a> {
    pub(super) fn of(
        pod: &'f Pod<'f, 'a>,
        section: &'f Section<'f, SecurityContext>,
        author: &'f Authored<'f, 'a>,
    ) -> ContainerFitting<'f, 'a> {
        ContainerFitting {
            section,
            pod,
            author,
            container: author.container,
        }
    }

    fn author(&self, name: &str) -> Option<Node<'a>> {
        self.author.author(name)
    }

    fn location(&self) -> FieldLocation<'_, 'a> {
        FieldLocation {
            pod: self.pod,
            container: Some(self.author),
        }
    }

    fn runs_as_root(&self, edits: &Edits<'_>) -> bool {
        runs_as_root(self.pod, self.author, edits)
    }

    /// Deletes the fields that the mode removes, and sets the user and the group.
    pub(super) fn fit_user(&self, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let (location, section) = (self.location(), self.section);
        let wanted = section.wanted_for_container();
        let all = [wanted, section.wanted_for_pod()];
        location.remove("container", CONTAINER_FIELDS, &all, section, edits)?;
        let mut ids = wanted.iter().filter(|it| it.is_id());
        ids.try_for_each(|id| match id.is_for(self.pod.template, id.mode) {
            true => location.set(id, section, edits),
            false => Ok(()),
        })
    }

    /// Sets the container's other fields.
    pub(super) fn fit(&self, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let wanted = self.section.wanted_for_container().iter();
        for wanted in wanted.filter(|it| !it.is_id()) {
            if !wanted.is_for(self.pod.template, wanted.mode) || self.is_skipped(wanted, edits) {
                continue;
            }
            match self.conflict(wanted, edits) {
                Some(finding) => edits.find(finding),
                None => {
                    let known = || self.known(wanted).or_else(|| wanted.knowledge.clone());
                    let location = self.location();
                    location.set_known(wanted, &known, self.section, edits)?;
                }
            }
        }
        self.fit_capabilities(edits)
    }

    /// Whether the root filesystem is read-only, according to the edits so far and the manifest.
    pub(super) fn is_read_only(&self, edits: &Edits<'_>) -> bool {
        let planned = self.planned(edits, &["securityContext", "readOnlyRootFilesystem"]);
        planned == Some(Value::from(true))
    }

    /// Adds the capability that the image's file has, or that root needs for a low port: the level restricted allows it.
    fn fit_capabilities(&self, edits: &mut Edits<'_>) -> Result<(), Problem> {
        if !self.section.settings.is_restricted() {
            return Ok(());
        }
        let known = self.section.known_of(self.container);
        let known = known.filter(|(_, it)| it.capabilities.iter().any(|it| it == NET_BIND_SERVICE));
        let is_low = |port: Node<'_>| {
            let number = port.at(["containerPort"]).and_then(|it| it.int::<i64>());
            number.is_some_and(|port| (1..1024).contains(&port))
        };
        let knowledge = match known {
            Some((image, entry)) => Knowledge::catalogue(
                entry,
                format!(
                    "according to the catalogue of images, the program of {image} does not start without it"
                ),
            ),
            None if self.runs_as_root(edits) && self.container.items("ports").any(is_low) => {
                Knowledge::input("root needs it for a port below 1024 that is in the input")
            }
            None => return Ok(()),
        };
        let of_list = |list| self.planned(edits, &["securityContext", "capabilities", list]);
        let drops = match of_list("drop") {
            Some(Value::Sequence(names)) => names.contains(&Value::from("ALL")),
            _ => false,
        };
        if !drops || of_list("add").is_some() {
            return Ok(());
        }
        let wanted = Wanted::of(
            self.section,
            "container",
            "capabilities.add",
            Value::Sequence(vec![Value::from(NET_BIND_SERVICE)]),
        );
        let wanted = Wanted {
            knowledge: Some(knowledge),
            ..wanted
        };
        match wanted.is_for(self.pod.template, wanted.mode) {
            true => self.location().set(&wanted, self.section, edits),
            false => Ok(()),
        }
    }

    /// What is known about the program for a field whose default is not part of the standard.
    fn known(&self, wanted: &Wanted) -> Option<Knowledge> {
        let is_root = wanted.name == "readOnlyRootFilesystem";
        is_root
            .then(|| self.section.known_paths(self.container))
            .flatten()
    }

    /// Whether a field is not set, without a finding or with one of the pod's.
    fn is_skipped(&self, wanted: &Wanted, edits: &Edits<'_>) -> bool {
        match wanted.name {
            // Root without capabilities can change no owner.
            "capabilities.drop" => {
                wanted.mode != Mode::Override
                    && self.runs_as_root(edits)
                    && changes_owners(self.container)
            }
            _ if *wanted.value != Value::from(true) => false,
            // Without volumes no path could be made writable.
            "readOnlyRootFilesystem" => {
                !self.pod.has_volumes || !self.section.may_be_read_only(self.container)
            }
            "runAsNonRoot" => self.runs_as_root(edits),
            _ => false,
        }
    }

    /// Why a field cannot be set.
    fn conflict(&self, wanted: &Wanted, edits: &Edits<'_>) -> Option<Finding> {
        let subject = &self.container.subject;
        if self.pod.is_knative && !KNATIVE_FIELDS.contains(&wanted.name) {
            return Some(not_in_knative(subject, wanted, self.section));
        }
        if let Some(since) = wanted.too_young {
            return Some(too_young(subject, wanted, since, self.section));
        }
        let mut cause = None;
        let (reason, help) = match wanted.name {
            "procMount"
                if *wanted.value == Value::from("Unmasked")
                    && !has_own_users(self.pod.template, edits) =>
            {
                (
                    "did not set procMount: Unmasked: the API server accepts it only with hostUsers: false".to_owned(),
                    "also set `securityContext.hostUsers: false`, which needs Kubernetes 1.33",
                )
            }
            name if wanted.asks_for_escalation() && self.author_forbids_escalation() => (
                format!(
                    "did not set {name}: the API server rejects it together with the author's allowPrivilegeEscalation: false"
                ),
                "exclude the container in a profile, or override `allowPrivilegeEscalation` for it",
            ),
            "allowPrivilegeEscalation" if *wanted.value == Value::from(false) => {
                let (setting, field) = self.needs_escalation(edits)?;
                cause = Some(field);
                (
                    format!(
                        "did not set allowPrivilegeEscalation: false: the API server rejects it together with {setting}"
                    ),
                    "run a container that needs this in a namespace that enforces the level privileged",
                )
            }
            _ => return None,
        };
        let finding = not_set(&REFUSED, subject, wanted, self.section, &reason).help(help);
        Some(match cause {
            Some(cause) => finding.because_of(subject, cause),
            None => finding,
        })
    }

    /// The setting, as planned so far, that the API server rejects together with `allowPrivilegeEscalation: false`, and its
    /// field.
    fn needs_escalation(
        &self,
        edits: &Edits<'_>,
    ) -> Option<(&'static str, &'static [&'static str])> {
        let add = || self.planned(edits, &["securityContext", "capabilities", "add"]);
        let adds_admin = || match add() {
            Some(Value::Sequence(names)) => names.contains(&Value::from(SYS_ADMIN)),
            _ => false,
        };
        match self.planned(edits, &["securityContext", "privileged"]) {
            Some(Value::Bool(true)) => {
                Some(("privileged: true", &["securityContext", "privileged"]))
            }
            _ => adds_admin().then_some((
                "capabilities.add: [CAP_SYS_ADMIN]",
                &["securityContext", "capabilities", "add"],
            )),
        }
    }

    /// Whether the container is privileged after the run.
    pub(super) fn becomes_privileged(&self) -> bool {
        let author = self.author("privileged").and_then(|it| it.bool());
        let wanted = self.section.wanted_for_container().iter();
        let wanted = wanted.filter(|it| it.name == "privileged").find(|it| {
            let is_refused = it.asks_for_escalation() && self.author_forbids_escalation();
            it.is_for(self.pod.template, it.mode) && !is_refused && !self.pod.is_knative
        });
        let configured = wanted.map(|it| *it.value == Value::from(true));
        match self.section.mode("container.privileged") {
            Mode::Remove => false,
            Mode::Override => configured.or(author) == Some(true),
            _ => author.or(configured) == Some(true),
        }
    }

    /// The value of a field of the security context after the edits so far.
    fn planned(&self, edits: &Edits<'_>, field: &[&str]) -> Option<Value> {
        match edits.planned(&self.container.subject, field) {
            Some(planned) => planned.cloned(),
            None => {
                let author = self.author(field[1])?;
                author.at(field[2..].iter().copied())?.value().ok()
            }
        }
    }

    /// Whether the author's `allowPrivilegeEscalation: false` stays.
    fn author_forbids_escalation(&self) -> bool {
        let leaf = "container.allowPrivilegeEscalation";
        let configured = self.section.settings.container.allow_privilege_escalation;
        let mode = self.section.mode(leaf);
        let is_replaced =
            configured == Some(true) && mode == Mode::Override || mode == Mode::Remove;
        let author = self.author("allowPrivilegeEscalation");
        author.and_then(|node| node.bool()) == Some(false) && !is_replaced
    }
}
