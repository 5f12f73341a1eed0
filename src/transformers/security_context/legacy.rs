//! The annotations that were there before the fields: of seccomp and of AppArmor.
//!
//! The API server refuses a template in which annotation and field differ, so an annotation counts as its author's value
//! of the field. It stays, and no field is written against it; with the mode `Override` both say the configured value.
//! An AppArmor annotation is held against the profile that the container comes to have, its own or the pod's; one of
//! seccomp only against the field of the same place. Since 1.27 nothing but the field counts for seccomp, so a profile
//! of the node that only the annotation names is written into the field.
//!
//! Sources: `validateSeccompAnnotationsAndFields` and `validateAppArmorAnnotationsAndFieldsMatchOnCreate` in kubernetes
//! `pkg/apis/core/validation/validation.go`; k8s.io/api `core/v1/annotation_key_constants.go`.

use std::sync::Arc;

use super::wanted::Wanted;
use super::{SecurityContext, author, authors_own};
use crate::config::Section;
use crate::edit::{Edits, Meaning, Proposal};
use crate::finding::{Mode, Subject};
use crate::objects::{Container, Template};
use crate::problem::Problem;
use crate::yaml::Value;

const SECCOMP_OF_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_OF_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
const APP_ARMOR_OF_CONTAINER: &str = "container.apparmor.security.beta.kubernetes.io/";

/// From this minor version on, seccomp annotations do nothing.
const SECCOMP_FIELDS_ONLY: u32 = 27;

/// Whether an annotation said what a field says now.
pub(super) fn had_annotation(field: &str) -> bool {
    matches!(field, "seccompProfile" | "appArmorProfile")
}

/// Whether an annotation stands for a field of the pod or of one of its containers.
pub fn is_annotated(template: &Template<'_>, container: &Container<'_>, field: &str) -> bool {
    let legacy = [None, Some(container)].map(|of| Legacy::of(template, of, field));
    legacy.iter().any(Option::is_some)
}

/// An annotation that says what a field says now.
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

    /// Whether the API server takes the annotation beside this value of the field.
    pub(super) fn means(&self, value: &Value) -> bool {
        let is_old_default = self.text == "docker/default" && self.key.contains("seccomp");
        let text = if is_old_default {
            "runtime/default"
        } else {
            &self.text
        };
        as_text(value).as_deref() == Some(text)
    }

    /// The field's value that says the same, for one that clusters no longer hear of from the annotation.
    fn as_field(&self, section: &Section<'_, SecurityContext>) -> Option<Value> {
        let minor = section.kubernetes_version().map_or(0, |it| it.minor());
        let is_dead = self.key.contains("seccomp") && minor >= SECCOMP_FIELDS_ONLY;
        let profile = self.text.strip_prefix("localhost/").filter(|_| is_dead)?;
        let field = [("type", "Localhost"), ("localhostProfile", profile)];
        let field = field.map(|(key, value)| (key.to_owned(), Value::from(value)));
        Some(Value::Mapping(field.into()))
    }

    /// Makes the annotation say what the field does, or takes it away with it.
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
        edits.set(Proposal {
            subject: &template.pod_metadata,
            field: &["annotations", &self.key],
            value: Value::Quoted(text),
            decision: section.decision(&wanted.leaf),
            meaning: Meaning::Text,
            note: Some(format!(
                "the API server wants this annotation and {} to agree",
                wanted.name
            )),
        })?;
        Ok(())
    }
}

/// A profile as annotations write it.
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

/// A place where a field of pods or containers is set.
pub(super) struct Spot<'s, 't> {
    pub(super) template: &'s Template<'t>,
    /// `None` for the pod's own security context.
    pub(super) container: Option<&'s Container<'t>>,
    pub(super) subject: &'s Arc<Subject>,
}

impl Spot<'_, '_> {
    fn legacy(&self, wanted: &Wanted) -> Option<Legacy> {
        Legacy::of(self.template, self.container, &wanted.name)
    }

    /// Whether the field itself is there.
    pub(super) fn has_field(&self, wanted: &Wanted) -> bool {
        let of_pod = || author(self.template.security_context(), &wanted.name);
        let field = match self.container {
            Some(container) => authors_own(container, &wanted.name),
            None => of_pod(),
        };
        field.is_some()
    }

    /// Whether an annotation says something else than is wanted, and no field does.
    pub(super) fn is_annotated_otherwise(&self, wanted: &Wanted) -> bool {
        let differs = |legacy: Legacy| !legacy.means(&wanted.value);
        // Hardly any pod has such an annotation, so they are looked for first.
        self.legacy(wanted).is_some_and(differs) && !self.has_field(wanted)
    }

    /// Sets the field, and keeps it and its annotation in line.
    pub(super) fn set(
        &self,
        wanted: &Wanted,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let path = wanted.path(&["securityContext"]);
        let set = |edits: &mut Edits<'_>, value: Value, note: Option<String>| {
            let proposal = Proposal {
                subject: self.subject,
                field: &path,
                value,
                decision: section.decision(&wanted.leaf),
                meaning: Meaning::Literal,
                note,
            };
            edits.set(proposal).map(|_| ())
        };
        let set_wanted = |edits: &mut Edits<'_>| set(edits, wanted.value.clone(), None);
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
                // Without a field that says the same, nothing is written against the annotation.
                let Some(value) = legacy.as_field(section) else {
                    return Ok(());
                };
                let note = format!(
                    "{} says so, and only the field counts since Kubernetes 1.{SECCOMP_FIELDS_ONLY}",
                    legacy.key
                );
                set(edits, value, Some(note))
            }
            _ => set_wanted(edits),
        }
    }

    /// Takes away the fields, and the annotations that stand for them, whose mode is `Remove`.
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
                let removed = Wanted {
                    field: super::wanted::field_of(name),
                    name: (*name).to_owned(),
                    leaf,
                    value: Value::Null,
                };
                self.set(&removed, section, edits)?;
            }
        }
        Ok(())
    }

    /// Makes only the annotation say what is wanted, because the field stands in the pod's security context.
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
