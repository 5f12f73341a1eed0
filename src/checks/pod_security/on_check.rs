//! Violations of the levels that a Namespace enforces and warns about, or of the configured level.

use std::borrow::Cow;
use std::sync::Arc;

use kustomize_krm_types::Severity;

use super::{Blamed, LOWER_LEVEL, culprits, is_rejected};
use crate::checks::Pod;
use crate::facts::PodFacts;
use crate::finding::{Finding, Lines, Mode, Plain};
use crate::hashing::HashSet;
use crate::kubernetes::{Level, Standard, Version};
use crate::objects::Template;
use crate::pod_security::{Violation, evaluate};
use crate::transformers::Scope;
use crate::yaml::Value;

/// The help for a field that nothing sets, where the config has no section `securityContext`, and where it has one that does
/// not select the object.
const ADD_SECTION: &str =
    "set it in the manifest, or add the section `securityContext` to the config";
const SELECT: &str = "set it in the manifest, or let the selector of a section `securityContext` of the config match the object";

/// Every field of some pods that violates their level.
pub(super) fn violations(pod: &Pod<'_, '_>) -> Vec<Finding> {
    let mut findings = Standards::of(pod).violations(pod.template, pod.after());
    if findings.is_empty() {
        return findings;
    }
    let section = pod.security_context().and_then(|scope| scope.section());
    if section.is_none() {
        return findings;
    }
    for finding in &mut findings {
        // Advice to set the mode that is in effect would not help: the config sets no value, or not an allowed one.
        let leaf = finding
            .leaf
            .as_deref()
            .and_then(|it| it.strip_prefix("securityContext."));
        let is_overridden = |leaf: &str| {
            let mut sections = section.iter();
            sections.any(|section| section.mode(leaf) == Mode::Override)
        };
        if finding.help.as_deref() == Some(OVERRIDE) && leaf.is_some_and(is_overridden) {
            finding.help = Some(LOWER_LEVEL.into());
            finding.lines = Some(Box::new(Lines::Exemption));
        }
    }
    findings
}

/// The config may set the field.
const OVERRIDE: &str = "change it in the manifest, or set the value and the mode Override in the section `securityContext`";

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
    /// Violations are errors. The first is that of the Namespace, if its labels count.
    enforced: Vec<Enforced>,
    /// Violations are warnings.
    warned: Standard,
    /// The help for a field that nothing sets.
    help_to_set: &'static str,
}

/// A standard that pods must meet, and what enforces it, for messages.
struct Enforced {
    standard: Standard,
    enforcer: Cow<'static, str>,
    /// Help for all violations.
    help: Option<String>,
}

impl Standards {
    fn of(pod: &Pod<'_, '_>) -> Standards {
        let config = standard_of(pod);
        // The namespace of an object in another one may be in another cluster.
        let namespace = match pod.template.embedded {
            Some(_) => None,
            None => pod.selected.target.resource.namespace.as_deref(),
        };
        let name = namespace.unwrap_or_default();
        let demands = pod.scene.objects().demands(name);
        let (enforce, warn) = demands.map_or((None, None), |it| (it.enforce, it.warn));
        // The author of the pods may have written the Namespace, too.
        let may_lower = pod.scene.config.checks.may_lower(name);
        let counts = |standard: &Standard| may_lower || standard.level >= config.level;
        let of_namespace = enforce.filter(counts).map(|standard| Enforced {
            standard,
            enforcer: format!("the Namespace {name} (level {})", standard.level).into(),
            help: None,
        });
        let of_config = Enforced {
            standard: config,
            enforcer: Cow::Borrowed(match config.level {
                Level::Privileged => "a namespace that enforces privileged",
                Level::Baseline => "a namespace that enforces baseline",
                Level::Restricted => "a namespace that enforces restricted",
            }),
            help: enforce.filter(|it| !counts(it)).map(|ignored| {
                format!(
                    "the Namespace {name} enforces only {}, which counts if the config has `checks: {{namespacesMayLower: [{name}]}}`",
                    ignored.level
                )
            }),
        };
        let next_level = match config.level {
            Level::Privileged => Level::Baseline,
            Level::Baseline | Level::Restricted => Level::Restricted,
        };
        let next = Standard {
            level: next_level,
            ..config
        };
        let warned = match &of_namespace {
            Some(enforced) => warn.unwrap_or(enforced.standard),
            None => warn
                .filter(|it| may_lower || it.level > next.level)
                .unwrap_or(next),
        };
        let is_met = |enforced: &Enforced| may_lower || enforced.standard == config;
        let needs_config = !of_namespace.as_ref().is_some_and(is_met);
        let enforced = of_namespace.into_iter();
        Standards {
            help_to_set: help_to_set(pod),
            enforced: enforced.chain(needs_config.then_some(of_config)).collect(),
            warned,
        }
    }

    /// The violations of the standards by the pods of a template.
    fn violations(&self, template: &Template<'_>, facts: &PodFacts<'_>) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        let next;
        let mut standards = Vec::with_capacity(2);
        for of in &self.enforced {
            let help = of.help.as_deref();
            standards.push((of.standard, Severity::Error, &*of.enforcer, help));
        }
        if !self.enforced.iter().any(|it| it.standard == self.warned) {
            next = format!("the level {}", self.warned.level);
            standards.push((self.warned, Severity::Warning, &*next, None));
        }
        // A field is reported once, for the first standard that it violates.
        let mut known = HashSet::default();
        for (standard, severity, enforcer, help) in standards {
            let first = findings.len();
            known.extend(findings.iter().map(|it| it.pointer.clone()));
            for violation in evaluate(facts, standard.level, standard.version) {
                let of = (violation, severity, enforcer);
                self.add(of, (template, facts), &mut findings);
            }
            if let Some(help) = help {
                let new = findings[first..].iter_mut();
                new.for_each(|it| it.help = Some(help.to_owned().into()));
            }
            if first > 0 {
                let new = findings.split_off(first);
                findings.extend(new.into_iter().filter(|it| !known.contains(&it.pointer)));
            }
        }
        findings
    }

    /// Adds a finding for each field that causes a violation.
    fn add(
        &self,
        (mut violation, severity, whose): (Violation, Severity, &str),
        (template, facts): (&Template<'_>, &PodFacts<'_>),
        findings: &mut Vec<Finding>,
    ) {
        let reason = violation.reason;
        let (pods, although) = match template.is_pod() {
            true => ("the pod", ""),
            false if is_rejected(&violation, facts) => ("its pods", ""),
            false => ("its pods", ", although the API server accepts the object"),
        };
        let (rejects, although) = match severity {
            Severity::Error => (" rejects ", although),
            _ => (" would reject ", ""),
        };
        let psa = violation.words();
        let outcome = ["; ", whose, rejects, pods, " (", reason, ")", although].concat();
        // What a partial pod does not have, others may add.
        let is_partial = !template.is_whole() || template.has_more_containers;
        for culprit in culprits(&mut violation) {
            let Some(blamed) = Blamed::of(template, &culprit) else {
                continue;
            };
            // No field of a standard is deeper, and escapes do not matter here.
            let mut field = [""; 6];
            let (mut rest, mut count) = (culprit.field.as_str(), 0);
            while let (Some(tokens), Some(token)) = (rest.strip_prefix('/'), field.get_mut(count)) {
                let len = tokens.bytes().take_while(|byte| *byte != b'/').count();
                (*token, rest) = tokens.split_at(len);
                count += 1;
            }
            let (field, node) = (&field[..count], blamed.node);
            let is_there = node.get(field[0]).is_some();
            let current = is_there.then(|| node.pointer(&culprit.field)).flatten();
            let current = current.and_then(|it| it.value().ok());
            if is_partial && current.is_none() && culprit.found.is_none() {
                continue;
            }
            let what = culprit.describe(&violation, field, template);
            let expected = match &culprit.fix {
                None => "".into(),
                Some(Value::Bool(true)) => ", expected true".into(),
                Some(Value::Bool(false)) => ", expected false".into(),
                Some(Value::String(fix)) if fix == "RuntimeDefault" => {
                    ", expected RuntimeDefault".into()
                }
                Some(Value::Sequence(fix)) if *fix == ["ALL".into()] => {
                    ", expected [\"ALL\"]".into()
                }
                Some(fix) => Cow::Owned(format!(", expected {}", Plain(fix))),
            };
            // There can be thousands of these, and `format!` costs more than finding them.
            let [a, b, c] = blamed.subject.part.words();
            let message = [a, b, c, ": ", &what, &expected, &outcome].concat();
            let mut finding = Finding::graded(violation.rule, severity, message)
                .at(blamed.subject, &culprit.field)
                .current(current)
                .psa(Arc::clone(&psa));
            if let ["securityContext", leaf @ ..] = field {
                finding.leaf = Some(match leaf {
                    ["allowPrivilegeEscalation"] => {
                        "securityContext.allowPrivilegeEscalation".into()
                    }
                    ["capabilities", "drop"] => "securityContext.capabilities.drop".into(),
                    ["runAsNonRoot"] => "securityContext.runAsNonRoot".into(),
                    ["seccompProfile", "type"] => "securityContext.seccompProfile.type".into(),
                    leaf => ["securityContext.", &leaf.join(".")].concat().into(),
                });
            }
            finding.proposed = culprit.fix.map(Into::into);
            let is_privileged = || node.bool_at(["securityContext", "privileged"]) == Some(true);
            let help = match (&finding.leaf, &finding.proposed, &finding.current) {
                (Some(_), Some(_), _)
                    if violation.check == "allowPrivilegeEscalation" && is_privileged() =>
                {
                    "remove `privileged` first, because it requires escalation, or exempt it with a reason"
                }
                (Some(_), Some(_), None) => self.help_to_set,
                (Some(_), Some(_), Some(_)) => OVERRIDE,
                _ => LOWER_LEVEL,
            };
            if help == LOWER_LEVEL {
                finding.lines = Some(Box::new(Lines::Exemption));
            }
            findings.push(finding.help(help));
        }
    }
}

fn help_to_set(pod: &Pod<'_, '_>) -> &'static str {
    match pod.scene.transformers.security_context.are_set() {
        true => SELECT,
        false => ADD_SECTION,
    }
}
