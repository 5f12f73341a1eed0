//! What the level of `securityContext` still refuses of pods that were fitted.

use std::rc::Rc;

use kustomize_krm_types::Severity;

use super::Blamed;
use crate::checks::Pod;
use crate::config::Section;
use crate::facts::{ContainerFacts, View};
use crate::finding::{Finding, Mode};
use crate::kubernetes::{Level, Standard};
use crate::pod_security::{At, Culprit, Violation, evaluate};
use crate::transformers::security_context::{SYS_ADMIN, SecurityContext, is_annotated};

const LOWER_LEVEL: &str =
    "change the manifest, or exempt it with a reason and give it a namespace of a lower level";

/// The config would write something else there.
const OVERRIDE: &str = "change the manifest, or set the mode of this field to Override";

/// The manifest does not say it.
const BY_CONFIG: &str =
    "it comes from the config: change that, or its `profile` to that of the namespace";

/// Nobody says it.
const NOT_BY_CONFIG: &str =
    "set it in the manifest or in the config, or give it a namespace of a lower level";

/// The field cannot be written against an annotation.
const BESIDE_ANNOTATION: &str = "its annotation says something else, and the API server refuses a field that differs from it: \
                                 change the manifest, or set the mode of this field to Override";

/// Every field of some pods that the level of the section for it refuses.
pub(super) fn refused(pod: &Pod<'_, '_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(scope) = pod.security_context() else {
        return findings;
    };
    let Some(section) = scope.section() else {
        return findings;
    };
    let of_pod = section.standard();
    if of_pod.level == Level::Privileged {
        return findings;
    }
    let containers = pod.template.containers.iter();
    let sections: Vec<_> = containers.map(|it| scope.section_for(it)).collect();
    let mut standards = vec![of_pod];
    for standard in sections.iter().flatten().map(|it| it.standard()) {
        if !standards.contains(&standard) {
            standards.push(standard);
        }
    }
    for standard in standards {
        for violation in evaluate(pod.after(), standard.level, standard.version) {
            for culprit in &violation.culprits {
                let judged = Judged {
                    pod,
                    violation: &violation,
                    culprit,
                };
                findings.extend(judged.tell(standard, &section, &sections));
            }
        }
    }
    findings
}

/// A culprit of the pods in hand.
struct Judged<'j, 'p, 's> {
    pod: &'j Pod<'p, 's>,
    violation: &'j Violation,
    culprit: &'j Culprit,
}

impl Judged<'_, '_, '_> {
    /// Tells of it, where the section for the part is of this standard.
    fn tell<'c>(
        &self,
        standard: Standard,
        section: &Rc<Section<'c, SecurityContext>>,
        sections: &[Option<Rc<Section<'c, SecurityContext>>>],
    ) -> Option<Finding> {
        let (template, culprit) = (self.pod.template, self.culprit);
        let blamed = Blamed::of(template, culprit)?;
        let index = match culprit.at {
            At::Pod => None,
            // Annotations that are about one container end in its name.
            At::Metadata => {
                let name = blamed.field.last()?.rsplit_once('/').map(|(_, name)| name);
                let mut containers = template.containers.iter();
                containers.position(|it| Some(&*it.name) == name)
            }
            At::Container { .. } => {
                let path = &blamed.container?.subject.path;
                let mut containers = template.containers.iter();
                containers.position(|it| it.subject.path == *path)
            }
        };
        let section = match (index.and_then(|index| sections[index].as_ref()), culprit.at) {
            (Some(own), _) => own,
            // The config is not for the container.
            (None, At::Container { .. }) => return None,
            (None, _) => section,
        };
        if section.standard() != standard {
            return None;
        }
        let field = blamed.field();
        let leaf = leaf(self.violation, &field);
        let mode = section.mode(&leaf);
        let decision = section.decision(&leaf);
        let current = blamed.node.pointer(&culprit.field);
        let current = current.filter(|node| !node.is_null());
        let is_missing = culprit.found.is_none();
        // What is only checked or exempt is told of itself, unless it would stay even if it were written.
        let is_told = decision.is_left() && (current.is_none() || mode == Mode::Override);
        // Somebody else sets what is taken away.
        let is_left_out = is_missing && (mode == Mode::Remove || self.is_left_out());
        if mode == Mode::Off || is_told || is_left_out {
            return None;
        }
        let what = culprit.describe(self.violation, &field, template);
        let level = standard.level;
        let outcome = match template.is_pod() {
            true => format!("a namespace of the level {level} refuses the pod"),
            false => format!(
                "the API server takes the object, and a namespace of the level {level} refuses its pods"
            ),
        };
        let message = format!("{}: {what}; {outcome}", blamed.subject.part);
        // A step of a task may have it from the `stepTemplate`.
        let is_written =
            current.is_some() || blamed.container.is_some_and(|it| it.inherits.is_some());
        let help = match &culprit.found {
            Some(found) if !is_written && !found.is_empty() => BY_CONFIG,
            None if self.is_annotated(&blamed) => BESIDE_ANNOTATION,
            None if !is_written => NOT_BY_CONFIG,
            _ if section.wants(&leaf) => OVERRIDE,
            _ => LOWER_LEVEL,
        };
        let violation = self.violation;
        let mut finding = Finding::graded(violation.rule, Severity::Warning, message)
            .about(&blamed.subject, &field)
            .current(current.and_then(|node| node.value().ok()))
            .help(help)
            .decided_by(decision)
            .psa(format!("{} ({})", violation.reason, violation.detail));
        finding.proposed.clone_from(&culprit.mend);
        Some(finding)
    }

    /// Whether an annotation of its author stands for a field that is missing.
    fn is_annotated(&self, blamed: &Blamed<'_, '_>) -> bool {
        let field = blamed.field.get(1);
        let container = blamed.container.zip(field);
        container
            .is_some_and(|(container, field)| is_annotated(self.pod.template, container, field))
    }

    /// Whether what is missing is not written because of something else, of which `securityContext` itself tells: a user
    /// that is root, privileges, or Windows, for which the API server refuses all fields but one.
    fn is_left_out(&self) -> bool {
        let facts = self.pod.after();
        let At::Container { list, index } = self.culprit.at else {
            return false;
        };
        let is_it = |it: &&ContainerFacts<'_>| it.list == list && it.index == index;
        let Some(container) = facts.containers.iter().find(is_it) else {
            return false;
        };
        match self.violation.check {
            "runAsNonRoot" => facts.user_of(container) == Some(0),
            "allowPrivilegeEscalation" if needs_escalation(container) => true,
            _ => self.pod.template.is_windows,
        }
    }
}

/// Whether the API server refuses `allowPrivilegeEscalation: false` for a container.
fn needs_escalation(container: &ContainerFacts<'_>) -> bool {
    let mut added = container.context.add.into_iter().flat_map(View::items);
    container.context.privileged == Some(true) || added.any(|name| name.text() == SYS_ADMIN)
}

/// The leaf of the config that is about a field.
fn leaf(violation: &Violation, field: &[&str]) -> String {
    match field {
        ["securityContext", "capabilities", list, ..] => format!("capabilities.{list}"),
        ["securityContext", "windowsOptions", name] => format!("windowsOptions.{name}"),
        ["securityContext", name, ..] => (*name).to_owned(),
        ["annotations", ..] => violation
            .check
            .split('_')
            .next()
            .unwrap_or_default()
            .to_owned(),
        _ => "profile".to_owned(),
    }
}
