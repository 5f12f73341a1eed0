//! The legacy annotations of seccomp and AppArmor.
//!
//! The API server rejects a template in which annotation and field differ, so an annotation counts as the author's value of
//! the field. It stays, and no differing field is written; with mode `Override` both get the configured value. The API
//! server compares an AppArmor annotation with the profile that applies to the container, its own or the pod's, and a
//! seccomp annotation only with the field in the same place. Since 1.27 only the field has an effect for seccomp, so a
//! `Localhost` profile in the annotation is copied to the field.
//!
//! Sources: `validateSeccompAnnotationsAndFields` and `validateAppArmorAnnotationsAndFieldsMatchOnCreate` in kubernetes
//! `pkg/apis/core/validation/validation.go`; k8s.io/api `core/v1/annotation_key_constants.go`.

use super::wanted::Wanted;
use super::{SecurityContext, author, authors_own};
use crate::config::Section;
use crate::edit::{Edits, Knowledge, Meaning, Proposal};
use crate::finding::Mode;
use crate::objects::{Container, Template};
use crate::problem::Problem;
use crate::yaml::Value;

const SECCOMP_OF_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_OF_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
const APP_ARMOR_OF_CONTAINER: &str = "container.apparmor.security.beta.kubernetes.io/";

/// The minor version since which seccomp annotations have no effect.
const SECCOMP_FIELDS_ONLY: u32 = 27;

/// Whether a field has a legacy annotation.
pub(super) fn had_annotation(field: &str) -> bool {
    matches!(field, "seccompProfile" | "appArmorProfile")
}

/// Whether the pod or a container has the legacy annotation of a field.
pub fn is_annotated(template: &Template<'_>, container: &Container<'_>, field: &str) -> bool {
    let legacy = [None, Some(container)].map(|of| Legacy::of(template, of, field));
    legacy.iter().any(Option::is_some)
}

/// A legacy annotation of a field.
pub(super) struct Legacy {
    key: String,
    text: String,
}

impl Legacy {
    /// The annotation for a field of a container, or of the pod.
    pub(super) fn of(
        template: &Template<'_>,
        container: Option<&Container<'_>>,
        field: &str,
    ) -> Option<Legacy> {
        if !had_annotation(field) {
            return None;
        }
        let annotations = template.annotations()?;
        let key = match (field, container) {
            ("seccompProfile", None) => SECCOMP_OF_POD.to_owned(),
            ("seccompProfile", Some(container)) => {
                format!("{SECCOMP_OF_CONTAINER}{}", container.name)
            }
            ("appArmorProfile", Some(container)) => {
                format!("{APP_ARMOR_OF_CONTAINER}{}", container.name)
            }
            _ => return None,
        };
        let text = annotations.get(&key)?.text()?.into_owned();
        Some(Legacy { key, text })
    }

    /// Whether the API server accepts the annotation together with this value of the field.
    pub(super) fn means(&self, value: &Value) -> bool {
        let is_old_default = self.text == "docker/default" && self.key.contains("seccomp");
        let text = match is_old_default {
            true => "runtime/default",
            false => &self.text,
        };
        as_text(value).as_deref() == Some(text)
    }

    /// The equivalent value of the field, for an annotation that no longer has an effect.
    fn as_field(&self, section: &Section<'_, SecurityContext>) -> Option<Value> {
        let minor = section.kubernetes_version().map_or(0, |it| it.minor());
        let is_dead = self.key.contains("seccomp") && minor >= SECCOMP_FIELDS_ONLY;
        let profile = self.text.strip_prefix("localhost/").filter(|_| is_dead)?;
        let field = [("type", "Localhost"), ("localhostProfile", profile)];
        let field = field.map(|(key, value)| (key.to_owned(), Value::from(value)));
        Some(Value::Mapping(field.into()))
    }

    /// Sets the annotation to the value of the field, or deletes it together with the field.
    fn follow(
        &self,
        template: &Template<'_>,
        wanted: &Wanted,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let text = match section.mode(&wanted.leaf) {
            Mode::Remove => Some(String::new()),
            _ => as_text(&wanted.value),
        };
        let Some(text) = text else {
            return Ok(());
        };
        let field = ["annotations", &self.key];
        let decision = section.decision(&wanted.leaf);
        let note = format!(
            "the API server requires this annotation to match {}",
            wanted.name
        );
        edits.set(
            Proposal::new(
                &template.pod_metadata,
                &field,
                Value::Quoted(text),
                decision,
            )
            .meaning(Meaning::Text)
            .note(note),
        )?;
        Ok(())
    }
}

/// The text of a profile in an annotation.
fn as_text(profile: &Value) -> Option<String> {
    let Value::Mapping(entries) = profile else {
        return None;
    };
    let text = |name: &str| {
        let mut entries = entries.iter().filter(|(key, _)| key == name);
        entries.find_map(|(_, value)| match value {
            Value::String(text) | Value::Quoted(text) => Some(text.as_str()),
            _ => None,
        })
    };
    match text("type")? {
        "RuntimeDefault" => Some("runtime/default".to_owned()),
        "Unconfined" => Some("unconfined".to_owned()),
        "Localhost" => Some(format!("localhost/{}", text("localhostProfile")?)),
        _ => None,
    }
}

/// The security context of a pod or a container, with its legacy annotations.
pub(super) struct FieldLocation<'s, 't> {
    pub(super) template: &'s Template<'t>,
    /// `None` for the pod's own security context.
    pub(super) container: Option<&'s Container<'t>>,
}

impl FieldLocation<'_, '_> {
    fn legacy(&self, wanted: &Wanted) -> Option<Legacy> {
        Legacy::of(self.template, self.container, &wanted.name)
    }

    /// Whether the author sets the field itself.
    pub(super) fn has_field(&self, wanted: &Wanted) -> bool {
        let field = match self.container {
            Some(container) => authors_own(container, &wanted.name),
            None => author(self.template.security_context(), &wanted.name),
        };
        field.is_some()
    }

    /// Whether an annotation differs from the wanted value, and there is no field.
    pub(super) fn is_annotated_otherwise(&self, wanted: &Wanted) -> bool {
        let differs = |legacy: Legacy| !legacy.means(&wanted.value);
        // Few pods have such an annotation, so this is checked first.
        self.legacy(wanted).is_some_and(differs) && !self.has_field(wanted)
    }

    /// Sets the field and keeps its annotation equal to it.
    pub(super) fn set(
        &self,
        wanted: &Wanted,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let path = wanted.full_path();
        let subject = self.container.map_or(&self.template.pod, |it| &it.subject);
        let set = |edits: &mut Edits<'_>, value: Value, knowledge: Option<Knowledge>| {
            let decision = section.decision(&wanted.leaf);
            let proposal = Proposal::new(subject, &path, value, decision);
            edits.set(match knowledge {
                Some(knowledge) => proposal.known(knowledge),
                None => proposal,
            })?;
            Ok(())
        };
        let set_wanted = |edits: &mut Edits<'_>| {
            let is_default = section.decision(&wanted.leaf).is_default;
            let knowledge = is_default.then(|| wanted.knowledge.clone()).flatten();
            set(edits, wanted.value.clone(), knowledge)
        };
        let mode = section.mode(&wanted.leaf);
        match self.legacy(wanted) {
            Some(legacy) if mode == Mode::Remove => {
                set_wanted(edits)?;
                legacy.follow(self.template, wanted, section, edits)
            }
            Some(legacy) if !legacy.means(&wanted.value) => {
                if mode == Mode::Override {
                    set_wanted(edits)?;
                    return legacy.follow(self.template, wanted, section, edits);
                }
                if self.has_field(wanted) {
                    return set_wanted(edits);
                }
                // A field that differs from the annotation would be rejected.
                let Some(value) = legacy.as_field(section) else {
                    return Ok(());
                };
                let reason = format!(
                    "copied from {}, which has no effect since Kubernetes 1.{SECCOMP_FIELDS_ONLY}",
                    legacy.key
                );
                set(edits, value, Some(Knowledge::input(reason)))
            }
            _ => set_wanted(edits),
        }
    }

    /// Deletes the fields whose mode is `Remove`, and their annotations.
    pub(super) fn remove(
        &self,
        context: &str,
        names: &[&'static str],
        wanted: &[&[Wanted]],
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        if !section.may_remove() {
            return Ok(());
        }
        for name in names {
            let is_wanted = wanted.iter().any(|of| of.iter().any(|it| it.name == *name));
            let leaf = format!("{context}.{name}");
            if section.removes(name, &leaf, is_wanted) {
                self.set(&Wanted::of(context, name, Value::Null), section, edits)?;
            }
        }
        Ok(())
    }

    /// Sets only the annotation to the wanted value, because the field is set for the pod.
    pub(super) fn set_annotation(
        &self,
        wanted: &Wanted,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        match self.legacy(wanted) {
            Some(legacy) => legacy.follow(self.template, wanted, section, edits),
            None => Ok(()),
        }
    }
}
