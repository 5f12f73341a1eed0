//! Violations of the levels that a Namespace enforces and warns about, or of the configured level.

use kustomize_krm_types::Severity;

use super::{Blamed, LOWER_LEVEL};
use crate::checks::Pod;
use crate::facts::PodFacts;
use crate::finding::{Finding, Plain};
use crate::kubernetes::{Level, Standard, Version};
use crate::objects::Template;
use crate::pod_security::{Violation, evaluate};
use crate::transformers::Scope;
use crate::yaml::Value;

/// Every field of some pods that violates their level.
pub(super) fn violations(pod: &Pod<'_, '_>) -> Vec<Finding> {
    Standards::of(pod).violations(pod.template, pod.after())
}

/// The configured standard for an object's pods.
fn standard_of(pod: &Pod<'_, '_>) -> Standard {
    let (scene, config) = (pod.scene, pod.scene.config);
    let sections = &scene.transformers.security_context;
    let scope = Scope::of(sections, scene.selection, pod.selected);
    let of_section = scope.section().map(|section| section.settings.standard());
    let (level, version) = of_section.unwrap_or_default();
    let version = config
        .checks
        .version
        .or(version)
        .or(config.kubernetes_version);
    Standard {
        level: config.checks.profile.unwrap_or(level),
        version: version.unwrap_or(Version::LATEST),
    }
}

/// The standards for an object's pods.
struct Standards {
    /// Violations are errors.
    enforced: Standard,
    /// Violations are warnings.
    warned: Standard,
    /// What enforces the first, for messages.
    enforcer: String,
    /// The level of the second, for messages.
    next: String,
}

impl Standards {
    fn of(pod: &Pod<'_, '_>) -> Standards {
        // The namespace of an object in another one may be in another cluster.
        let namespace = match pod.template.embedded {
            Some(_) => None,
            None => pod.selected.target.resource.namespace.as_deref(),
        };
        let demands = namespace.and_then(|name| pod.scene.objects().demands(name));
        let config = standard_of(pod);
        let (enforce, warn) = demands.map_or((None, None), |it| (it.enforce, it.warn));
        let enforcer = match (enforce, namespace) {
            (Some(enforced), Some(name)) => {
                format!("the Namespace {name} (level {})", enforced.level)
            }
            _ => format!("a namespace that enforces {}", config.level),
        };
        let next_level = match config.level {
            Level::Privileged => Level::Baseline,
            Level::Baseline | Level::Restricted => Level::Restricted,
        };
        let next = Standard {
            level: next_level,
            ..config
        };
        let enforced = enforce.unwrap_or(config);
        let warned = warn.or(enforce).unwrap_or(next);
        Standards {
            enforced,
            warned,
            enforcer,
            next: format!("the level {}", warned.level),
        }
    }

    /// The violations of both standards by the pods of a template.
    fn violations(&self, template: &Template<'_>, facts: &PodFacts<'_>) -> Vec<Finding> {
        let enforced = evaluate(facts, self.enforced.level, self.enforced.version);
        let warned = match self.warned == self.enforced {
            true => Vec::new(),
            false => evaluate(facts, self.warned.level, self.warned.version),
        };
        let mut findings = Vec::new();
        for violation in &enforced {
            findings.extend(self.findings(template, violation, Severity::Error));
        }
        let errors = findings.len();
        for violation in &warned {
            let mut warnings = self.findings(template, violation, Severity::Warning);
            let errors = &findings[..errors];
            warnings.retain(|it| !errors.iter().any(|error| error.pointer == it.pointer));
            findings.extend(warnings);
        }
        findings
    }

    /// A finding for each field that causes a violation.
    fn findings(
        &self,
        template: &Template<'_>,
        violation: &Violation,
        severity: Severity,
    ) -> Vec<Finding> {
        let reason = violation.reason;
        let (pods, although) = match template.is_pod() {
            true => ("the pod", ""),
            false => ("its pods", ", although the API server accepts the object"),
        };
        let (whose, rejects, although) = match severity {
            Severity::Error => (self.enforcer.as_str(), " rejects ", although),
            _ => (self.next.as_str(), " would reject ", ""),
        };
        let psa = [reason, " (", &violation.detail, ")"].concat();
        // What a partial pod does not have, others may add.
        let is_partial = !template.is_whole() || template.has_more_containers;
        let culprits = violation.culprits.iter();
        let findings = culprits.filter_map(|culprit| {
            let blamed = Blamed::of(template, culprit)?;
            let (field, node) = (blamed.field(), blamed.node);
            let current = node.pointer(&culprit.field).and_then(|it| it.value().ok());
            if is_partial && current.is_none() && culprit.found.is_none() {
                return None;
            }
            let what = culprit.describe(violation, &field, template);
            let expected = match &culprit.fix {
                None => String::new(),
                Some(Value::Bool(true)) => ", expected true".to_owned(),
                Some(Value::Bool(false)) => ", expected false".to_owned(),
                Some(fix) => format!(", expected {}", Plain(fix)),
            };
            // There can be thousands of these, and `format!` costs more than finding them.
            let [a, b, c] = blamed.subject.part.words();
            let message = [
                a, b, c, ": ", &what, &expected, "; ", whose, rejects, pods, " (", reason, ")", although,
            ]
            .concat();
            let mut finding = Finding::graded(violation.rule, severity, message)
                .about(&blamed.subject, &field)
                .current(current)
                .psa(psa.clone());
            if let ["securityContext", leaf @ ..] = field.as_slice() {
                finding.leaf = Some(["securityContext.", &leaf.join(".")].concat());
            }
            finding.proposed.clone_from(&culprit.fix);
            let is_privileged = || node.bool_at(["securityContext", "privileged"]) == Some(true);
            let help = match (&finding.leaf, &culprit.fix, &finding.current) {
                (Some(_), Some(_), _) if violation.check == "allowPrivilegeEscalation" && is_privileged() => {
                    "remove `privileged` first, because it requires escalation, or exempt it with a reason"
                }
                (Some(_), Some(_), None) => "set it in the manifest, or add the section `securityContext` to the config",
                (Some(_), Some(_), Some(_)) => {
                    "change it in the manifest, or set the mode Override for it in the section `securityContext`"
                }
                _ => LOWER_LEVEL,
            };
            Some(finding.help(help))
        });
        findings.collect()
    }
}
