//! Violations of the level of `securityContext` that remain after the edits.

use std::rc::Rc;

use kustomize_krm_types::Severity;

use super::{Blamed, LOWER_LEVEL, culprits, is_rejected};
use crate::checks::Pod;
use crate::config::Section;
use crate::facts::{ContainerFacts, View};
use crate::finding::{Finding, Lines, Mode};
use crate::kubernetes::{Level, Standard};
use crate::pod_security::{At, Culprit, Violation, evaluate};
use crate::transformers::security_context::{SYS_ADMIN, SecurityContext, is_annotated, spelling};
use crate::yaml::Node;

/// The config has another value for the field.
const OVERRIDE: &str = "change the manifest, or set the mode of this field to Override";

/// The manifest has `ALL` in another spelling.
const SPELL_ALL: &str = "write `ALL`, the only spelling that the Pod Security Standards recognize; or set the mode of this \
                         field to Override";

/// The value comes from the config.
const BY_CONFIG: &str =
    "the config sets this value: change it, or set `profile` to the level of the namespace";

/// Neither the manifest nor the config sets the field.
const NOT_SET: &str =
    "set it in the manifest or in the config, or use a namespace of a lower level";

/// An annotation keeps the field from being set.
const ANNOTATED: &str = "an annotation sets another value, and the API server rejects a field that differs from it: change \
                         the manifest, or set the mode of this field to Override";

/// Every field of some pods that violates the level of the section for it.
pub(super) fn violations(pod: &Pod<'_, '_>) -> Vec<Finding> {
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
        for mut violation in evaluate(pod.after(), standard.level, standard.version) {
            for culprit in &culprits(&mut violation) {
                let cause = Cause {
                    pod,
                    violation: &violation,
                    culprit,
                };
                findings.extend(cause.finding(standard, &section, &sections));
            }
        }
    }
    findings
}

/// A field of some pods that causes a violation.
struct Cause<'v, 'p, 's> {
    pod: &'v Pod<'p, 's>,
    violation: &'v Violation,
    culprit: &'v Culprit,
}

impl Cause<'_, '_, '_> {
    /// The finding about it, if the section for the part has this standard.
    fn finding<'c>(
        &self,
        standard: Standard,
        section: &Rc<Section<'c, SecurityContext>>,
        sections: &[Option<Rc<Section<'c, SecurityContext>>>],
    ) -> Option<Finding> {
        let (template, culprit) = (self.pod.template, self.culprit);
        let blamed = Blamed::of(template, culprit)?;
        let tokens: Vec<_> = culprit.field.tokens().collect();
        let tokens: Vec<_> = tokens.iter().map(|token| token.decoded()).collect();
        let field: Vec<&str> = tokens.iter().map(AsRef::as_ref).collect();
        let index = match culprit.at {
            At::Pod => None,
            // Annotations for one container end with its name.
            At::Metadata => {
                let name = field.last()?.rsplit_once('/').map(|(_, name)| name);
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
            // The config does not select the container.
            (None, At::Container { .. }) => return None,
            (None, _) => section,
        };
        if section.standard() != standard {
            return None;
        }
        let leaf = leaf(self.violation, &field);
        let mode = section.mode(&leaf);
        let decision = section.decision(&leaf);
        let current = blamed.node.pointer(&culprit.field);
        let current = current.filter(|node| !node.is_null());
        let is_missing = culprit.found.is_none();
        // Fields that are only checked or exempt are reported elsewhere, unless setting them would not help.
        let is_reported = decision.is_left() && (current.is_none() || mode == Mode::Override);
        // Fields with the mode Remove are set elsewhere.
        let is_left_out = is_missing && (mode == Mode::Remove || self.is_left_out());
        if mode == Mode::Off || is_reported || is_left_out {
            return None;
        }
        let what = culprit.describe(self.violation, &field, template);
        let level = standard.level;
        let outcome = match template.is_pod() {
            true => format!("a namespace that enforces {level} rejects the pod"),
            false if is_rejected(self.violation, self.pod.after()) => {
                format!("a namespace that enforces {level} rejects its pods")
            }
            false => format!(
                "the API server accepts the object, but a namespace that enforces {level} rejects its pods"
            ),
        };
        let message = format!("{}: {what}; {outcome}", blamed.subject.part);
        // A step of a Task can inherit it from the `stepTemplate`.
        let is_written =
            current.is_some() || blamed.container.is_some_and(|it| it.inherits.is_some());
        let help = match &culprit.found {
            Some(found) if !is_written && !found.is_empty() => BY_CONFIG,
            None if self.is_annotated(&blamed, &field) && mode != Mode::Override => ANNOTATED,
            None if !is_written => NOT_SET,
            // The field is not set for a container whose user is root, with any mode.
            _ if self.violation.check == "runAsNonRoot" && self.is_left_out() => LOWER_LEVEL,
            // The config's list of added capabilities need not be allowed either.
            _ if section.wants(&leaf) && mode != Mode::Override && culprit.fix.is_some() => {
                let mut names = current
                    .into_iter()
                    .flat_map(Node::items)
                    .filter_map(Node::text);
                match names.any(|name| spelling(&name).as_deref() == Some("ALL")) {
                    true => SPELL_ALL,
                    false => OVERRIDE,
                }
            }
            _ => LOWER_LEVEL,
        };
        let lines = match help {
            // A profile may set another mode.
            OVERRIDE | SPELL_ALL | ANNOTATED if decision.mode == Mode::Ensure => Some(
                Lines::Config(format!("securityContext:\n  modes: {{{leaf}: Override}}")),
            ),
            LOWER_LEVEL => Some(Lines::Exemption),
            _ => None,
        };
        let violation = self.violation;
        let mut finding = Finding::graded(violation.rule, Severity::Warning, message)
            .about(blamed.subject, &field)
            .current(current.and_then(|node| node.value().ok()))
            .help(help)
            .decided_by(decision)
            .psa(violation.words());
        finding.proposed = culprit.fix.clone().map(Into::into);
        finding.lines = lines.map(Box::new);
        Some(finding)
    }

    /// Whether an annotation in the manifest sets the missing field.
    fn is_annotated(&self, blamed: &Blamed<'_, '_>, field: &[&str]) -> bool {
        let field = field.get(1);
        let container = blamed.container.zip(field);
        container
            .is_some_and(|(container, field)| is_annotated(self.pod.template, container, field))
    }

    /// Whether `securityContext` left out the missing field and reported why: a root user, privileges, or Windows, for which
    /// the API server rejects all fields but one.
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
            "runAsNonRoot" => {
                facts.user_of(container) == Some(0) || container.context.privileged == Some(true)
            }
            "allowPrivilegeEscalation" if needs_escalation(container) => true,
            _ => self.pod.template.is_windows,
        }
    }
}

/// Whether the API server rejects `allowPrivilegeEscalation: false` for a container.
fn needs_escalation(container: &ContainerFacts<'_>) -> bool {
    let mut added = container.context.add.into_iter().flat_map(View::items);
    container.context.privileged == Some(true) || added.any(|name| name.text() == SYS_ADMIN)
}

/// The leaf of the config for a field.
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
