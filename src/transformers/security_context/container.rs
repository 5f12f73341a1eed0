//! The fields of containers.

use std::sync::Arc;

use kustomize_krm_types::Severity;

use super::leaves::has_own_users;
use super::legacy::Spot;
use super::pod::too_young;
use super::user::runs_as_root;
use super::wanted::{CONTAINER_FIELDS, KNATIVE_FIELDS, SYS_ADMIN, Wanted};
use super::{REFUSED, SecurityContext, UNKNOWN_TO_KNATIVE, authors_own};
use crate::config::Section;
use crate::edit::Edits;
use crate::finding::{Finding, Mode, Subject};
use crate::objects::{Container, Template};
use crate::problem::Problem;
use crate::yaml::{Node, Value};

pub(super) struct ContainerFitting<'f, 'a> {
    pub(super) section: &'f Section<'f, SecurityContext>,
    pub(super) template: &'f Template<'a>,
    pub(super) container: &'f Container<'a>,
    pub(super) subject: Arc<Subject>,
    pub(super) is_knative: bool,
}

impl<'a> ContainerFitting<'_, 'a> {
    /// What the author says of a field, in the container or in what it inherits.
    fn author(&self, name: &str) -> Option<Node<'a>> {
        authors_own(self.container, name)
    }

    fn spot(&self) -> Spot<'_, 'a> {
        Spot {
            template: self.template,
            container: Some(self.container),
            subject: &self.subject,
        }
    }

    /// Takes away what is not to be there, and sets the user.
    pub(super) fn fit_user(&self, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let settings = &self.section.settings;
        let wanted = settings.wanted_for_container();
        let all = [wanted, settings.wanted_for_pod()];
        let (spot, section) = (self.spot(), self.section);
        spot.remove("container", CONTAINER_FIELDS, &all, section, edits)?;
        let mut users = wanted.iter().filter(|it| it.is_user());
        match users.find(|it| it.is_for(self.template, section)) {
            Some(user) => spot.set(user, section, edits),
            None => Ok(()),
        }
    }

    /// Fits the container's own security context; answers whether its root filesystem is read-only then.
    pub(super) fn fit(&self, edits: &mut Edits<'_>) -> Result<bool, Problem> {
        // Whether it may be set depends on the others, so that it comes last.
        let is_last = |it: &&Wanted| it.name == "allowPrivilegeEscalation";
        let wanted = self.section.settings.wanted_for_container();
        let all = || wanted.iter().filter(|it| !it.is_user());
        for wanted in all().filter(|it| !is_last(it)).chain(all().filter(is_last)) {
            if !wanted.is_for(self.template, self.section) {
                continue;
            }
            if self.is_knative && !KNATIVE_FIELDS.contains(&wanted.name.as_str()) {
                edits.find(self.not_in_knative(wanted));
                continue;
            }
            if let Some(since) = wanted.is_too_young(self.section) {
                edits.find(too_young(&self.subject, wanted, since, self.section));
                continue;
            }
            // Without volumes nothing can be made writable again.
            if wanted.name == "readOnlyRootFilesystem"
                && wanted.value == Value::from(true)
                && !self.template.has_field("volumes")
            {
                continue;
            }
            if wanted.name == "procMount"
                && wanted.value == Value::from("Unmasked")
                && !has_own_users(self.template, edits)
            {
                edits.find(self.stays_masked(wanted));
                continue;
            }
            if wanted.name == "runAsNonRoot"
                && wanted.value == Value::from(true)
                && runs_as_root(self.template, self.container, edits)
            {
                continue;
            }
            if wanted.asks_for_escalation() && self.author_forbids_escalation() {
                edits.find(self.stays_unprivileged(wanted));
                continue;
            }
            if wanted.name == "allowPrivilegeEscalation"
                && wanted.value == Value::from(false)
                && let Some(reason) = self.needs_escalation(edits)
            {
                edits.find(self.keeps_escalation(reason));
                continue;
            }
            self.spot().set(wanted, self.section, edits)?;
        }
        let is_read_only = self.so_far(edits, &["readOnlyRootFilesystem"]);
        Ok(is_read_only == Some(Value::from(true)))
    }

    /// The setting beside which the API server refuses `allowPrivilegeEscalation: false`, as it is planned so far.
    fn needs_escalation(&self, edits: &Edits<'_>) -> Option<&'static str> {
        let adds = self.so_far(edits, &["capabilities", "add"]);
        let adds_admin = match adds {
            Some(Value::Sequence(names)) => names.contains(&Value::from(SYS_ADMIN)),
            _ => false,
        };
        match self.so_far(edits, &["privileged"]) {
            Some(Value::Bool(true)) => Some("privileged: true"),
            _ => adds_admin.then_some("capabilities.add: [CAP_SYS_ADMIN]"),
        }
    }

    /// The value that a field has by the edits so far.
    fn so_far(&self, edits: &Edits<'_>, field: &[&str]) -> Option<Value> {
        let path = [&["securityContext"], field].concat();
        match edits.planned(&self.subject, &path) {
            Some(planned) => planned.cloned(),
            None => {
                let author = self.author(field[0])?;
                author.at(field[1..].iter().copied())?.value().ok()
            }
        }
    }

    /// Whether the author's `allowPrivilegeEscalation: false` will be there.
    pub(super) fn author_forbids_escalation(&self) -> bool {
        let leaf = "container.allowPrivilegeEscalation";
        let configured = self.section.settings.container.allow_privilege_escalation;
        let lifted = configured == Some(true) && self.section.mode(leaf) == Mode::Override;
        let own = self
            .author("allowPrivilegeEscalation")
            .and_then(|node| node.bool());
        own == Some(false) && !lifted
    }

    pub(super) fn stays_unprivileged(&self, wanted: &Wanted) -> Finding {
        let message = format!(
            "{}: its author set allowPrivilegeEscalation to false; the API server refuses {} beside it, so it is not set",
            self.subject.part, wanted.name
        );
        Finding::graded(&REFUSED, Severity::Warning, message)
            .about(&self.subject, &wanted.path(&["securityContext"]))
            .decided_by(self.section.decision(&wanted.leaf))
            .help("leave the container out with a profile, or let the config override `allowPrivilegeEscalation` for it")
    }

    fn stays_masked(&self, wanted: &Wanted) -> Finding {
        let message = format!(
            "{}: the API server takes procMount: Unmasked only with hostUsers: false, so it is not set",
            self.subject.part
        );
        Finding::graded(&REFUSED, Severity::Warning, message)
            .about(&self.subject, &wanted.path(&["securityContext"]))
            .decided_by(self.section.decision(&wanted.leaf))
            .help("set `securityContext.hostUsers: false` as well; it needs Kubernetes 1.33")
    }

    fn not_in_knative(&self, wanted: &Wanted) -> Finding {
        let message = format!(
            "{}: Knative refuses {}, so it is not set",
            self.subject.part, wanted.name
        );
        Finding::new(&UNKNOWN_TO_KNATIVE, message)
            .about(&self.subject, &wanted.path(&["securityContext"]))
            .decided_by(self.section.decision(&wanted.leaf))
            .help("set the mode of this field to Off for Knative with a profile")
    }

    pub(super) fn keeps_escalation(&self, reason: &str) -> Finding {
        let message = format!(
            "{}: {reason}; the API server refuses allowPrivilegeEscalation: false beside it, so it is not set",
            self.subject.part
        );
        Finding::graded(&REFUSED, Severity::Warning, message)
            .about(&self.subject, &["securityContext", "allowPrivilegeEscalation"])
            .decided_by(self.section.decision("container.allowPrivilegeEscalation"))
            .help("a container that needs this belongs into a namespace that enforces the level privileged")
    }
}
