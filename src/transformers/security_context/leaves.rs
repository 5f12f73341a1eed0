//! The fields of the pod spec itself: `hostUsers` and `enableServiceLinks`.

use kustomize_krm_types::Severity;

use super::pod::{PodFitting, too_young};
use super::wanted::Wanted;
use super::{REFUSED, SecurityContext, author, authors_own};
use crate::config::Section;
use crate::edit::{Edits, Meaning, Proposal};
use crate::finding::{Finding, Mode};
use crate::objects::Template;
use crate::problem::Problem;
use crate::yaml::Value;

impl PodFitting<'_, '_, '_> {
    /// Sets the fields of the pod spec itself.
    pub(super) fn fit_leaves(
        &self,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let settings = &section.settings;
        let leaves = [
            ("hostUsers", settings.host_users),
            ("enableServiceLinks", settings.enable_service_links),
        ];
        for (name, value) in leaves {
            let removes = section.removes(name, name, value.is_some());
            // What is absent is as `true` for both.
            let value = value.or(removes.then_some(true));
            let is_field = self.template.has_field(name);
            let Some(value) = value.filter(|_| is_field && section.mode(name) != Mode::Off) else {
                continue;
            };
            let wanted = Wanted {
                field: &[],
                name: name.to_owned(),
                leaf: name.to_owned(),
                value: Value::from(value),
            };
            if name == "hostUsers" {
                if self.template.is_windows {
                    continue;
                }
                if self.is_knative {
                    edits.find(self.not_in_knative(name, name, section));
                    continue;
                }
                if let Some(since) = wanted.is_too_young(section).filter(|_| !removes) {
                    edits.find(too_young(&self.subject, &wanted, since, section));
                    continue;
                }
                let is_set = author(Some(self.template.spec), name).is_some();
                let would_write = removes == is_set || section.mode(name) == Mode::Override;
                // Without the field the pod has the users of its node, as with `true`.
                let value = value || removes;
                if let Some(reason) = self.forbids_host_users(value).filter(|_| would_write) {
                    edits.find(self.keeps_host_users(value, &reason, section));
                    continue;
                }
            }
            edits.set(Proposal {
                subject: &self.subject,
                field: &[name],
                value: wanted.value,
                decision: section.decision(name),
                meaning: Meaning::Literal,
                note: None,
            })?;
        }
        Ok(())
    }

    /// What the author set beside which the API server refuses a value of `hostUsers` (`validateHostUsers` and
    /// `ValidateSecurityContext` in kubernetes `pkg/apis/core/validation/validation.go`).
    fn forbids_host_users(&self, value: bool) -> Option<String> {
        let is_true = |name: &&&str| self.template.spec.bool_at([**name]) == Some(true);
        let host = ["hostNetwork", "hostPID", "hostIPC"];
        if let (false, Some(name)) = (value, host.iter().find(is_true)) {
            return Some(format!("{name}: true"));
        }
        let mut containers = self.template.containers.iter();
        let field = containers.find_map(|container| {
            let mut devices = container.node.items_at(["volumeDevices"]);
            let mount = authors_own(container, "procMount");
            let is_unmasked = mount.and_then(|node| node.text()).as_deref() == Some("Unmasked");
            let has_devices = devices.next().is_some();
            match value {
                false if has_devices => Some((container, "volumeDevices")),
                true if is_unmasked => Some((container, "procMount: Unmasked")),
                _ => None,
            }
        });
        field.map(|(container, field)| format!("{field} of \"{}\"", container.name))
    }

    fn keeps_host_users(
        &self,
        value: bool,
        reason: &str,
        section: &Section<'_, SecurityContext>,
    ) -> Finding {
        let message = format!(
            "{}: {reason}; the API server refuses hostUsers: {value} beside it, so it is not set",
            self.subject.part
        );
        Finding::graded(&REFUSED, Severity::Warning, message)
            .about(&self.subject, &["hostUsers"])
            .decided_by(section.decision("hostUsers"))
            .help("leave the object out with a profile, or change the manifest")
    }
}

/// Whether pods have users of their own by the edits so far, apart from those of their node.
pub(super) fn has_own_users(template: &Template<'_>, edits: &Edits<'_>) -> bool {
    match edits.planned(&template.pod, &["hostUsers"]) {
        Some(planned) => planned == Some(&Value::from(false)),
        None => template.spec.bool_at(["hostUsers"]) == Some(false),
    }
}
