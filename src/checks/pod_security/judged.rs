//! Pods judged by what their Namespace enforces and warns of, or else by the config.

use kustomize_krm_types::Severity;

use super::Blamed;
use crate::checks::Pod;
use crate::facts::PodFacts;
use crate::finding::{Finding, Plain};
use crate::kubernetes::{Level, Standard, Version};
use crate::objects::Template;
use crate::pod_security::{Violation, evaluate};
use crate::transformers::Scope;
use crate::yaml::Value;

/// Every field of some pods that their level forbids.
pub(super) fn refused(pod: &Pod<'_, '_>) -> Vec<Finding> {
    // Of pods that stand here only in part nobody can say what they come to be.
    if !pod.template.is_whole() || pod.template.has_more_containers {
        return Vec::new();
    }
    Judges::of(pod).judge(pod.template, pod.after())
}

/// What the config says of an object's pods.
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

/// What an object's pods have to meet, and what one should know of.
struct Judges {
    enforced: Standard,
    warned: Standard,
    /// Who enforces it.
    whose: String,
    /// Who would refuse more.
    next: String,
}

impl Judges {
    fn of(pod: &Pod<'_, '_>) -> Judges {
        let namespace = pod.selected.target.resource.namespace.as_deref();
        let demands = namespace.and_then(|name| pod.scene.objects().demands(name));
        let config = standard_of(pod);
        let (enforce, warn) = demands.map_or((None, None), |it| (it.enforce, it.warn));
        let whose = match (enforce, namespace) {
            (Some(enforced), Some(name)) => {
                format!("the Namespace {name}, of the level {},", enforced.level)
            }
            _ => format!("a namespace of the level {}", config.level),
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
        Judges {
            enforced,
            warned,
            whose,
            next: format!("the level {}", warned.level),
        }
    }

    /// Judges the pods of a template.
    fn judge(&self, template: &Template<'_>, facts: &PodFacts<'_>) -> Vec<Finding> {
        let enforced = evaluate(facts, self.enforced.level, self.enforced.version);
        let warned = match self.warned == self.enforced {
            true => Vec::new(),
            false => evaluate(facts, self.warned.level, self.warned.version),
        };
        let mut findings = Vec::new();
        for violation in &enforced {
            let told = self.tell(template, violation, Severity::Error);
            findings.extend(told);
        }
        let refused = findings.len();
        for violation in &warned {
            let mut told = self.tell(template, violation, Severity::Warning);
            let errors = &findings[..refused];
            told.retain(|it| !errors.iter().any(|error| error.pointer == it.pointer));
            findings.extend(told);
        }
        findings
    }

    /// One finding for each field that is a cause.
    fn tell(
        &self,
        template: &Template<'_>,
        violation: &Violation,
        severity: Severity,
    ) -> Vec<Finding> {
        let reason = violation.reason;
        let (pods, although) = match template.is_pod() {
            true => ("the pod", ""),
            false => ("its pods", ", although the API server takes the object"),
        };
        let (whose, refuses, although) = match severity {
            Severity::Error => (self.whose.as_str(), " refuses ", although),
            _ => (self.next.as_str(), " would refuse ", ""),
        };
        let psa = [reason, " (", &violation.detail, ")"].concat();
        let culprits = violation.culprits.iter();
        let findings = culprits.filter_map(|culprit| {
            let blamed = Blamed::of(template, culprit)?;
            let (field, node) = (blamed.field(), blamed.node);
            let current = node.pointer(&culprit.field).and_then(|it| it.value().ok());
            let what = culprit.describe(violation, &field, template);
            let expected = match &culprit.mend {
                None => String::new(),
                Some(Value::Bool(true)) => ", expected true".to_owned(),
                Some(Value::Bool(false)) => ", expected false".to_owned(),
                Some(mend) => format!(", expected {}", Plain(mend)),
            };
            // There may be thousands of these, and formatting costs more than judging.
            let [a, b, c] = blamed.subject.part.words();
            let message = [
                a, b, c, ": ", &what, &expected, "; ", whose, refuses, pods, " (", reason, ")", although,
            ]
            .concat();
            let mut finding = Finding::graded(violation.rule, severity, message)
                .about(&blamed.subject, &field)
                .current(current)
                .psa(psa.clone());
            if let ["securityContext", leaf @ ..] = field.as_slice() {
                finding.leaf = Some(["securityContext.", &leaf.join(".")].concat());
            }
            finding.proposed.clone_from(&culprit.mend);
            let is_privileged = || node.bool_at(["securityContext", "privileged"]) == Some(true);
            let help = match (&finding.leaf, &culprit.mend, &finding.current) {
                (Some(_), Some(_), _) if violation.check == "allowPrivilegeEscalation" && is_privileged() => {
                    "a privileged container has to be able to: take `privileged` away first, or exempt it with a reason"
                }
                (Some(_), Some(_), None) => "set it in the manifest, or let the section `securityContext` do it",
                (Some(_), Some(_), Some(_)) => {
                    "change it in the manifest, or let the section `securityContext` do it with the mode Override"
                }
                _ => "change the manifest, or exempt it with a reason and give it a namespace of a lower level",
            };
            Some(finding.help(help))
        });
        findings.collect()
    }
}
