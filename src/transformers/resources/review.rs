//! What is wrong or doubtful with the amounts of a container as they will stand.

use std::sync::{Arc, LazyLock};

use kustomize_krm_types::Severity;

use super::FITTED;
use super::fitting::Fitting;
use crate::edit::{Change, Edits};
use crate::facts::{Declared, Half, Overlay};
use crate::finding::{Finding, Mode};
use crate::kubernetes::Quantity;
use crate::rules::{self, Rule};
use crate::yaml::{Node, Value};

/// One amount that the author wrote.
struct Kept<'a> {
    half: Half,
    name: String,
    node: Node<'a>,
    /// As it stands in the text.
    text: String,
    /// A change replaces it.
    is_changed: bool,
}

static MILLI: LazyLock<Option<Quantity>> = LazyLock::new(|| "1m".parse().ok());
static HUNDRED: LazyLock<Option<Quantity>> = LazyLock::new(|| "100".parse().ok());
/// With less memory no container starts.
static LEAST_MEMORY: LazyLock<Option<Quantity>> = LazyLock::new(|| "4Mi".parse().ok());

impl<'a> Fitting<'_, 'a> {
    /// Judges what this section leaves of the container's amounts; `changes` are those of the object so far.
    pub(super) fn review(&self, edits: &mut Edits<'_>) {
        let mut findings = Vec::new();
        let amounts = self.amounts(edits.of_object());
        let kept: Vec<&Kept<'_>> = amounts.iter().filter(|it| !it.is_changed).collect();
        findings.extend(kept.iter().filter_map(|it| self.doubt(it)));
        findings.extend(self.mixed_units(&kept));
        findings.extend(self.authors_pairs(&kept));
        if self.section.settings.judges_amounts() {
            findings.extend(self.out_of_bounds(edits));
        }
        findings.extend(self.devices(&kept, edits));
        for finding in findings {
            edits.find(finding);
        }
    }

    /// What the author wrote below `resources`.
    fn amounts(&self, changes: &[Change]) -> Vec<Kept<'a>> {
        let mut kept = Vec::new();
        let Some(resources) = self.container.resources() else {
            return kept;
        };
        for half in [Half::Requests, Half::Limits] {
            for (name, node) in resources.entries_at([half.key()]) {
                let name = name.text().unwrap_or_default().into_owned();
                if self.section.mode(&half.leaf(&name)) != Mode::Off {
                    let is_it = |change: &Change| {
                        if change.subject.path != self.container.subject.path {
                            return false;
                        }
                        let mut tokens = change.leaf.tokens();
                        let path = [self.container.resources_key, half.key(), &name];
                        path.into_iter()
                            .all(|name| tokens.next().is_some_and(|it| it.decoded() == name))
                            && tokens.next().is_none()
                    };
                    let is_changed = changes.iter().any(is_it);
                    let text = node.text().unwrap_or_default().trim().to_owned();
                    kept.push(Kept {
                        half,
                        name,
                        node,
                        text,
                        is_changed,
                    });
                }
            }
        }
        kept
    }

    fn finding(
        &self,
        rule: &'static Rule,
        severity: Severity,
        kept: &Kept<'_>,
        what: &str,
    ) -> Finding {
        let subject = self.subject();
        let Kept { half, name, .. } = kept;
        let message = format!("{}: resources.{half}.{name} {what}", subject.part);
        let leaf = self.section.decision(&format!("{half}.{name}"));
        let finding = Finding::graded(rule, severity, message)
            .about(subject, &[self.container.resources_key, half.key(), name])
            .current(kept.node.value().ok().filter(|value| *value != Value::Null));
        // It is told of with the leaf where the leaf is only checked or exempt.
        match leaf.mode == Mode::Check || leaf.exemption.is_some() {
            true => finding.decided_by(Arc::clone(&leaf)),
            false => finding,
        }
    }

    /// Amounts that are legal and that hardly anybody means.
    fn doubt(&self, kept: &Kept<'_>) -> Option<Finding> {
        if kept.node.is_null() {
            let what = "is null, which the API server takes for 0";
            return Some(
                self.finding(&rules::RES011, Severity::Warning, kept, what)
                    .help("set it, or delete the line"),
            );
        }
        let amount = Quantity::of_node(kept.node).ok()?;
        if amount.is_zero() {
            return None;
        }
        let suspicious = |severity, what: &str| self.finding(&rules::RES006, severity, kept, what);
        let text = kept.text.as_str();
        if text.parse::<Quantity>() != Ok(amount) {
            let what =
                format!("is `{text}`, which YAML 1.1 reads as {amount} and YAML 1.2 does not");
            return Some(
                suspicious(Severity::Warning, &what).help("quote it, or write it as a decimal"),
            );
        }
        match kept.name.as_str() {
            "cpu" => {
                let (milli, hundred) = ((*MILLI)?, (*HUNDRED)?);
                let number = text.strip_suffix(|it: char| !it.is_ascii_digit());
                if number.is_none() && amount > hundred {
                    let what = format!("is {amount} whole cores");
                    return Some(
                        suspicious(Severity::Warning, &what)
                            .help(format!("did you mean `{text}m`?")),
                    );
                }
                (!amount.is_multiple_of(milli)).then(|| {
                    suspicious(
                        Severity::Warning,
                        "is finer than 1m, which Kubernetes does not allow for",
                    )
                    .help("round it up to 1m")
                })
            }
            "memory" | "ephemeral-storage" => {
                // The API server takes it, so it is no error.
                if let Some(number) = text.strip_suffix('m') {
                    let what = format!("is {text}, and m is a thousandth of a byte");
                    return Some(
                        suspicious(Severity::Warning, &what)
                            .help(format!("did you mean `{number}Mi`?")),
                    );
                }
                let least = (*LEAST_MEMORY)?;
                (kept.name == "memory" && amount < least).then(|| {
                    suspicious(
                        Severity::Warning,
                        &format!("is {amount}, with which no container starts"),
                    )
                    .help("memory is counted in bytes: is a unit such as Mi missing?")
                })
            }
            _ => None,
        }
    }

    /// Units of both families beside one another, which people read as if they were one: `1000M` is 953.67Mi.
    fn mixed_units(&self, kept: &[&Kept<'_>]) -> Option<Finding> {
        let is_decimal = |text: &str| text.ends_with(['k', 'M', 'G', 'T', 'P', 'E']);
        let of = |is_meant: &dyn Fn(&str) -> bool| {
            let is_counted =
                |it: &&&Kept<'_>| it.name == "memory" || it.name == "ephemeral-storage";
            kept.iter().filter(is_counted).find(|it| is_meant(&it.text))
        };
        let decimal = of(&is_decimal)?;
        let binary = of(&|text| text.ends_with('i'))?;
        let what = format!(
            "is {} and resources.{}.{} is {}: units of 1000 and of 1024",
            decimal.text, binary.half, binary.name, binary.text
        );
        let finding = self.finding(&rules::RES006, Severity::Info, decimal, &what);
        Some(finding.help("write both in Ki, Mi, Gi"))
    }

    /// Requests above their limits where the author wrote both and neither changes: the API server refuses the pod.
    fn authors_pairs(&self, kept: &[&Kept<'_>]) -> Vec<Finding> {
        // Requests come first.
        let limits = kept.partition_point(|it| it.half == Half::Requests);
        let (requests, limits) = kept.split_at(limits);
        let mut findings = Vec::new();
        for request in requests {
            let Some(limit) = limits.iter().find(|it| it.name == request.name) else {
                continue;
            };
            let amount = |it: &Kept<'_>| {
                let node = Some(it.node).filter(|node| !node.is_null())?;
                Quantity::of_node(node).ok()
            };
            if FITTED.contains(&request.name.as_str())
                && let (Some(least), Some(most)) = (amount(request), amount(limit))
                && least > most
            {
                let what = format!("is {most}, below the request of {least}");
                let finding = self.finding(&rules::RES002, Severity::Error, limit, &what);
                findings.push(finding.help("the API server refuses the pod as it is"));
            }
        }
        findings
    }

    /// Amounts as they will stand that are outside `min` and `max`, and limits that are too many times their request.
    fn out_of_bounds(&self, edits: &Edits<'_>) -> Vec<Finding> {
        let settings = &self.section.settings;
        let has_bounds = !settings.min.is_empty() || !settings.max.is_empty();
        if !has_bounds && settings.limit_request_ratio.is_empty() {
            return Vec::new();
        }
        let declared = self.declared(edits.of_object());
        let subject = self.subject();
        let mut findings = Vec::new();
        for name in FITTED {
            for half in [Half::Requests, Half::Limits] {
                let leaf = format!("{half}.{name}");
                let Some(amount) = declared.half(half).get(name).copied() else {
                    continue;
                };
                let broken = settings.bounds(name).broken_by(amount);
                if let Some((setting, bound)) =
                    broken.filter(|_| self.section.mode(&leaf) != Mode::Off)
                {
                    let side = if setting == "max" { "above" } else { "below" };
                    let message = format!(
                        "{}: resources.{leaf} is {amount}, {side} the {setting} of {bound}",
                        subject.part
                    );
                    findings.push(
                        Finding::new(&rules::RES010, message)
                            .about(subject, &[self.container.resources_key, half.key(), name])
                            .current(Some(Value::from(amount.to_string())))
                            .proposed(Value::from(bound.to_string()))
                            .decided_by(
                                self.section
                                    .decision_about(&format!("{setting}.{name}"), &leaf),
                            )
                            .help("change it, or let the mode Bound do it"),
                    );
                }
            }
            let leaf = format!("limits.{name}");
            let pair = (declared.requests.get(name), declared.limits.get(name));
            if let (Some(factor), (Some(request), Some(limit))) =
                (settings.limit_request_ratio.get(name), pair)
                && self.section.mode(&leaf) != Mode::Off
                && let Some(most) = "1n"
                    .parse()
                    .ok()
                    .and_then(|nano| request.scale_up(&factor.0, nano))
                && *limit > most
            {
                let message = format!(
                    "{}: the limit of {name} ({limit}) is above {most}, the most for its request of {request}",
                    subject.part
                );
                findings.push(
                    Finding::new(&rules::RES004, message)
                        .about(subject, &[self.container.resources_key, "limits", name])
                        .current(Some(Value::from(limit.to_string())))
                        .decided_by(
                            self.section
                                .decision_about(&format!("limitRequestRatio.{name}"), &leaf),
                        )
                        .help("raise the request or lower the limit"),
                );
            }
        }
        findings
    }

    /// Devices and huge pages cannot be overcommitted: a request has to be its limit, and to be whole
    /// (`validateResourceRequirements` in kubernetes `pkg/apis/core/validation/validation.go`).
    fn devices(&self, kept: &[&Kept<'_>], edits: &Edits<'_>) -> Vec<Finding> {
        let is_pages = |kept: &Kept<'_>| kept.name.starts_with("hugepages-");
        // Names without a domain, and those of Kubernetes itself, are no devices (`IsNativeResource`).
        let is_device = |kept: &Kept<'_>| {
            is_pages(kept) || kept.name.contains('/') && !kept.name.contains("kubernetes.io/")
        };
        if !kept.iter().any(|it| is_device(it)) {
            return Vec::new();
        }
        let declared = self.declared(edits.of_object());
        let is_counted = |name: &str| {
            [&declared.requests, &declared.limits]
                .iter()
                .any(|it| it.contains_key(name))
        };
        let has_base = is_counted("cpu") || is_counted("memory");
        let mut findings = Vec::new();
        for kept in kept.iter().filter(|it| is_device(it)) {
            let Ok(amount) = Quantity::of_node(kept.node) else {
                continue;
            };
            let limit = declared.limits.get(&kept.name);
            let step = kept
                .name
                .strip_prefix("hugepages-")
                .unwrap_or("1")
                .parse::<Quantity>();
            let what = match limit {
                _ if step.is_ok_and(|step| !amount.is_multiple_of(step)) => {
                    format!("is {amount}, which is no whole number of them")
                }
                None => "has no limit, and cannot be overcommitted".to_owned(),
                Some(limit) if *limit != amount => format!("is {amount}, and its limit is {limit}"),
                Some(_) if is_pages(kept) && !has_base => {
                    "needs an amount of cpu or memory beside it".to_owned()
                }
                Some(_) => continue,
            };
            let finding = self.finding(&rules::RES005, Severity::Error, kept, &what);
            findings.push(finding.help("the API server refuses the pod as it is"));
        }
        findings
    }

    fn declared(&self, changes: &[Change]) -> Declared {
        {
            let overlay = Overlay::of(changes);
            let view = overlay.view(self.container.node, &self.container.subject.path);
            Declared::of(view, "resources")
        }
    }
}
