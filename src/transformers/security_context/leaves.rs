//! The fields of the pod spec itself: `hostUsers` and `enableServiceLinks`.

use super::pod::PodFitting;
use super::wanted::Wanted;
use super::{REFUSED, SecurityContext, not_in_knative, not_set, too_young};
use crate::config::Section;
use crate::edit::{Edits, Proposal};
use crate::finding::Mode;
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
            // An absent field means `true` for both.
            let value = value.or(removes.then_some(true));
            let template = self.pod.template;
            let is_due = |_: &bool| template.has_field(name) && section.mode(name) != Mode::Off;
            let Some(value) = value.filter(is_due) else {
                continue;
            };
            let subject = &template.pod;
            let wanted = Wanted::of_spec(section, name, Value::from(value));
            if name == "hostUsers" {
                if template.is_windows {
                    continue;
                }
                if self.pod.is_knative {
                    edits.find(not_in_knative(subject, &wanted, section));
                    continue;
                }
                if let Some(since) = wanted.too_young.filter(|_| !removes) {
                    edits.find(too_young(subject, &wanted, since, section));
                    continue;
                }
                let is_set = template.spec.at([name]);
                let is_set = is_set.is_some_and(|it| !(it.is_map() && it.is_empty_collection()));
                let would_write = removes == is_set || section.mode(name) == Mode::Override;
                // Without the field the pod shares the user namespace of its node, as with `true`.
                let value = value || removes;
                if let Some(reason) = self.forbids_host_users(value).filter(|_| would_write) {
                    let reason = format!(
                        "did not set hostUsers: {value}: the API server rejects it together with {reason}"
                    );
                    edits.find(
                        not_set(&REFUSED, subject, &wanted, section, &reason)
                            .help("exclude the object in a profile, or change the manifest"),
                    );
                    continue;
                }
            }
            let decision = section.decision(name);
            edits.set(Proposal::new(subject, &[name], wanted.value, decision))?;
        }
        Ok(())
    }

    /// The author's field that the API server rejects together with a value of `hostUsers` (`validateHostUsers` and
    /// `ValidateSecurityContext` in kubernetes `pkg/apis/core/validation/validation.go`).
    fn forbids_host_users(&self, value: bool) -> Option<String> {
        let is_true = |name: &&&str| self.pod.template.spec.bool_at([**name]) == Some(true);
        let host = ["hostNetwork", "hostPID", "hostIPC"];
        if let (false, Some(name)) = (value, host.iter().find(is_true)) {
            return Some(format!("{name}: true"));
        }
        let mut containers = self.containers.iter();
        let field = containers.find_map(|it| {
            let container = it.author.container;
            let mut devices = container.node.items_at(["volumeDevices"]);
            let mount = it.author.author("procMount");
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
}

/// Whether pods have their own user namespace after the edits so far.
pub(super) fn has_own_users(template: &Template<'_>, edits: &Edits<'_>) -> bool {
    match edits.planned(&template.pod, &["hostUsers"]) {
        Some(planned) => planned == Some(&Value::from(false)),
        None => template.spec.bool_at(["hostUsers"]) == Some(false),
    }
}
