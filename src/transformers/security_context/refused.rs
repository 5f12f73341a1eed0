//! What stays refused at the level after fitting: a person has to decide.
//!
//! The pods are judged as they come to be, by [`crate::pod_security`]. What is told where it is written, or why it is not
//! written, is not told again.

use std::sync::Arc;

use kustomize_krm_types::Severity;

use super::SecurityContext;
use super::pod::PodFitting;
use crate::config::Section;
use crate::edit::Edits;
use crate::facts::{Overlay, PodFacts};
use crate::finding::{Finding, Mode, Subject};
use crate::kubernetes::{Level, Version};
use crate::objects::Container;
use crate::pod_security::{At, Culprit, Violation, evaluate, rule_of};

const LOWER_LEVEL: &str =
    "change the manifest, or exempt it with a reason and give it a namespace of a lower level";

/// The manifest does not say it.
const BY_CONFIG: &str =
    "it comes from the config: change that, or its `profile` to that of the namespace";

/// Nobody says it.
const NOT_BY_CONFIG: &str =
    "set it in the manifest or in the config, or give it a namespace of a lower level";

/// A container that the config is for, and what it says for it.
pub(super) type Configured<'f, 'r, 'c> = (&'f Container<'r>, &'f Section<'c, SecurityContext>);

impl PodFitting<'_, '_, '_> {
    /// Tells of everything in the pods that their level refuses and that stays. `told` counts the findings that were there
    /// before the pods were fitted.
    pub(super) fn tell_refused(
        &self,
        section: &Section<'_, SecurityContext>,
        containers: &[Configured<'_, '_, '_>],
        told: usize,
        edits: &mut Edits<'_>,
    ) {
        if section.settings.is_privileged() {
            return;
        }
        let mut found = Vec::new();
        let overlay = Overlay::of(edits.of_object());
        let facts = PodFacts::after(self.template, &overlay);
        let of_pod = standard(section);
        let mut standards = vec![of_pod];
        for (_, section) in containers {
            if !standards.contains(&standard(section)) {
                standards.push(standard(section));
            }
        }
        for (level, version) in standards {
            for violation in evaluate(&facts, level, version) {
                for culprit in &violation.culprits {
                    let Some((subject, section)) = self.whose(culprit, section, containers) else {
                        continue;
                    };
                    if standard(section) == (level, version) {
                        let told = &edits.findings[told..];
                        found.extend(self.tell(&violation, culprit, &subject, section, told));
                    }
                }
            }
        }
        found.into_iter().for_each(|finding| edits.find(finding));
    }

    /// The part that a culprit belongs to, and what the config says for it; nothing where the config is not for it.
    fn whose<'s, 'c>(
        &self,
        culprit: &Culprit,
        section: &'s Section<'c, SecurityContext>,
        containers: &[Configured<'s, '_, 'c>],
    ) -> Option<(Arc<Subject>, &'s Section<'c, SecurityContext>)> {
        let mut containers = containers.iter();
        match culprit.at {
            At::Pod => Some((self.subject.clone(), section)),
            At::Metadata => {
                let key = culprit.field.last()?.decoded().into_owned();
                let name = key.rsplit_once('/').map(|(_, name)| name);
                let own = containers.find(|(container, _)| Some(&*container.name) == name);
                let section = own.map_or(section, |(_, section)| *section);
                Some((self.template.pod_metadata.clone(), section))
            }
            At::Container { list, index } => {
                let path = match self.template.is_whole() {
                    true => self.template.pod.at(&[list.as_str(), &index.to_string()]),
                    false => self.template.containers.get(index)?.subject.path.clone(),
                };
                let (container, section) = containers.find(|(it, _)| it.subject.path == path)?;
                Some((container.subject.clone(), section))
            }
        }
    }

    fn tell(
        &self,
        violation: &Violation,
        culprit: &Culprit,
        subject: &Subject,
        section: &Section<'_, SecurityContext>,
        told: &[Finding],
    ) -> Option<Finding> {
        let field: Vec<String> = culprit
            .field
            .tokens()
            .map(|it| it.decoded().into_owned())
            .collect();
        let field: Vec<&str> = field.iter().map(String::as_str).collect();
        // What has the mode Off is not looked at; what is only checked is told when acting as if it were written.
        let leaf = leaf(violation, &field);
        let mode = section.mode(&leaf);
        if mode == Mode::Off || self.is_told(violation, culprit, subject, told) {
            return None;
        }
        // Somebody else sets what is taken away, and of pods that stand here only in part nobody knows what they lack.
        if culprit.found.is_none() && (mode == Mode::Remove || !self.template.is_whole()) {
            return None;
        }
        let what = culprit.describe(violation, &field, self.template);
        let finding = self.finding(violation.check, &what, subject, section);
        let pointer = subject.at(&field);
        let current = pointer.strip_prefix(&self.template.path);
        let current = current.and_then(|it| self.template.node.pointer(it));
        let current = current.and_then(|node| node.value().ok());
        let help = match (&culprit.found, &current) {
            (Some(found), None) if !found.is_empty() => BY_CONFIG,
            (None, _) => NOT_BY_CONFIG,
            _ => LOWER_LEVEL,
        };
        let mut finding = finding
            .about(subject, &field)
            .current(current)
            .help(help)
            .decided_by(section.decision(&leaf))
            .psa(format!("{} ({})", violation.reason, violation.detail));
        finding.proposed.clone_from(&culprit.mend);
        Some(finding)
    }

    fn finding(
        &self,
        check: &str,
        what: &str,
        subject: &Subject,
        section: &Section<'_, SecurityContext>,
    ) -> Finding {
        let (level, _) = standard(section);
        let outcome = match self.template.is_pod() {
            true => format!("a namespace of the level {level} refuses the pod"),
            false => format!(
                "the API server takes the object, and a namespace of the level {level} refuses its pods"
            ),
        };
        let message = format!("{}: {what}; {outcome}", subject.part);
        Finding::graded(rule_of(check), Severity::Warning, message).help(LOWER_LEVEL)
    }

    /// Whether it was told where it is written, or why it is not.
    fn is_told(
        &self,
        violation: &Violation,
        culprit: &Culprit,
        subject: &Subject,
        told: &[Finding],
    ) -> bool {
        let pointer = subject.path.concat(&culprit.field);
        let is_about = |finding: &Finding| {
            let above = finding.pointer.as_ref();
            above.is_some_and(|above| pointer.starts_with(above))
        };
        if culprit.found.is_some() {
            let of_standard = |it: &&Finding| it.rule.id.starts_with("FIT-PSS-");
            return told.iter().filter(of_standard).any(is_about);
        }
        // The API server refuses it for Windows: see `tell_windows`.
        let is_not_for_windows = violation.check != "runAsNonRoot" && self.template.is_windows;
        let is_of_part =
            |finding: &Finding| [&self.subject.part, &subject.part].contains(&&finding.part);
        let is_user = |finding: &Finding| {
            let of = finding.pointer.as_ref().and_then(|it| it.last());
            is_of_part(finding) && of.is_some_and(|it| it.decoded() == "runAsUser")
        };
        let is_for_root = violation.check == "runAsNonRoot" && told.iter().any(is_user);
        // Of an annotation that stands for the field.
        let rule = rule_of(violation.check);
        let is_of_rule = |finding: &Finding| finding.rule.id == rule.id && is_of_part(finding);
        let is_it = |finding: &Finding| is_about(finding) || is_of_rule(finding);
        is_not_for_windows || is_for_root || told.iter().any(is_it)
    }
}

/// The level and version by which a section has pods judged.
fn standard(section: &Section<'_, SecurityContext>) -> (Level, Version) {
    let (level, _) = section.settings.standard();
    (level, Version::of_minor(section.standard_minor()))
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
