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

use std::sync::Arc;

use super::SecurityContext;
use super::author::{Authored, Pod};
use super::wanted::Wanted;
use crate::config::Section;
use crate::edit::{Edits, Knowledge, Meaning, Proposal};
use crate::finding::Mode;
use crate::objects::{Container, Template};
use crate::problem::Problem;
use crate::yaml::{Node, Value};

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
    let mut parts = [None, Some(container)].into_iter();
    let annotations = template.annotations();
    annotations.is_some_and(|it| parts.any(|of| Legacy::of(it, of, field).is_some()))
}

/// Whether any annotation is a legacy one.
pub(super) fn are_in(annotations: Node<'_>) -> bool {
    let prefixes = [SECCOMP_OF_POD, SECCOMP_OF_CONTAINER, APP_ARMOR_OF_CONTAINER];
    let is_legacy = |key: &str| prefixes.iter().any(|it| key.starts_with(it));
    let mut keys = annotations.entries().filter_map(|(key, _)| key.text());
    keys.any(|key| is_legacy(&key))
}

/// A legacy annotation of a field.
pub(super) struct Legacy {
    key: String,
    text: String,
}

impl Legacy {
    /// The annotation for a field of a container, or of the pod.
    fn of(annotations: Node<'_>, container: Option<&Container<'_>>, field: &str) -> Option<Legacy> {
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
    pub(super) pod: &'s Pod<'s, 't>,
    /// `None` for the pod's own security context.
    pub(super) container: Option<&'s Authored<'s, 't>>,
}

impl FieldLocation<'_, '_> {
    fn legacy(&self, wanted: &Wanted) -> Option<Legacy> {
        // Few pods have such an annotation.
        let container = self.container.map(|it| it.container);
        Legacy::of(self.pod.legacy?, container, wanted.name)
    }

    /// Whether the author sets the field itself.
    pub(super) fn has_field(&self, wanted: &Wanted) -> bool {
        let field = match self.container {
            Some(container) => container.author(wanted.name),
            None => self.pod.author(wanted.name),
        };
        field.is_some()
    }

    /// Whether an annotation differs from the wanted value, and there is no field.
    pub(super) fn is_annotated_otherwise(&self, wanted: &Wanted) -> bool {
        let differs = |legacy: Legacy| !legacy.means(&wanted.value);
        self.legacy(wanted).is_some_and(differs) && !self.has_field(wanted)
    }

    /// Sets the field and keeps its annotation equal to it.
    pub(super) fn set(
        &self,
        wanted: &Wanted,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        self.set_known(wanted, &|| wanted.knowledge.clone(), section, edits)
    }

    /// The same with other knowledge, which counts if the config does not set the field.
    pub(super) fn set_known(
        &self,
        wanted: &Wanted,
        knowledge: &dyn Fn() -> Option<Knowledge>,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let pod = &self.pod.template.pod;
        let subject = self.container.map_or(pod, |it| &it.container.subject);
        let decision = section.decision(&wanted.leaf);
        let set = |edits: &mut Edits<'_>, value: Arc<Value>, knowledge: Option<Knowledge>| {
            let proposal = Proposal::new(subject, &wanted.path, value, decision.clone());
            edits.set(match knowledge {
                Some(knowledge) => proposal.known(knowledge),
                None => proposal,
            })?;
            Ok(())
        };
        let set_wanted = |edits: &mut Edits<'_>| {
            let knowledge = decision.is_default.then(knowledge).flatten();
            set(edits, Arc::clone(&wanted.value), knowledge)
        };
        let mode = || section.mode(&wanted.leaf);
        match self.legacy(wanted) {
            Some(legacy) if mode() == Mode::Remove => {
                set_wanted(edits)?;
                legacy.follow(self.pod.template, wanted, section, edits)
            }
            Some(legacy) if !legacy.means(&wanted.value) => {
                if mode() == Mode::Override {
                    set_wanted(edits)?;
                    return legacy.follow(self.pod.template, wanted, section, edits);
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
                set(edits, value.into(), Some(Knowledge::input(reason)))
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
                let wanted = Wanted::of(section, context, name, Value::Null);
                self.set(&wanted, section, edits)?;
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
            Some(legacy) => legacy.follow(self.pod.template, wanted, section, edits),
            None => Ok(()),
        }
    }
}
