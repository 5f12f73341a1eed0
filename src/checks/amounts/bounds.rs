//! Amounts outside `min` and `max`, and limits above `limitRequestRatio` times their request.

use super::Amounts;
use crate::facts::Half;
use crate::finding::{Finding, Mode};
use crate::rules::rules;
use crate::transformers::resources::FITTED;
use crate::yaml::Value;

rules! {
    pub(super) _;
    RATIO: "FIT-RES004" Warning Always "a limit above `limitRequestRatio` times its request";
    OUTSIDE: "FIT-RES010" Error Always "a request or limit outside the configured `min` and `max`";
}

pub(super) fn find(amounts: &Amounts<'_, '_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in FITTED {
        let halves = Half::BOTH.into_iter();
        findings.extend(halves.filter_map(|half| outside(amounts, half, name)));
        findings.extend(above_ratio(amounts, name));
    }
    findings
}

fn outside(amounts: &Amounts<'_, '_>, half: Half, name: &str) -> Option<Finding> {
    let section = amounts.section;
    if !section.settings.has_bounds(name) {
        return None;
    }
    let amount = amounts.declared().half(half).get(name)?;
    let (setting, bound) = section.settings.bound_broken_by(name, amount)?;
    let leaf = half.leaf(name);
    let decision = section.decision_about(&format!("{setting}.{name}"), &leaf);
    let help = match decision.mode {
        // A finding of the transformer says why the amount stays.
        Mode::Bound => "change it",
        _ => "change it, or set the mode Bound",
    };
    let side = if setting == "max" { "above" } else { "below" };
    let finding = amounts
        .finding_at(&OUTSIDE, OUTSIDE.severity, half, name, |part| {
            format!("{part}: resources.{leaf} is {amount}, {side} the {setting} of {bound}")
        })
        .current(Some(Value::from(amount.to_string())))
        .proposed(Value::from(bound.to_string()))
        .decided_by(decision)
        .help(help);
    (section.mode(&leaf) != Mode::Off).then_some(finding)
}

fn above_ratio(amounts: &Amounts<'_, '_>, name: &str) -> Option<Finding> {
    let section = amounts.section;
    let ratio = section.settings.limit_request_ratio(name)?;
    let request = amounts.declared().requests.get(name)?;
    let limit = amounts.declared().limits.get(name)?;
    let most = request.scale_up(&ratio, "1n".parse().ok()?)?;
    let leaf = Half::Limits.leaf(name);
    if limit <= most || section.mode(&leaf) == Mode::Off {
        return None;
    }
    let finding = amounts
        .finding_at(&RATIO, RATIO.severity, Half::Limits, name, |part| {
            format!(
                "{part}: resources.limits.{name} is {limit}, but limitRequestRatio allows at most {most} for a request of {request}"
            )
        })
        .current(Some(Value::from(limit.to_string())))
        .decided_by(section.decision_about(&format!("limitRequestRatio.{name}"), &leaf))
        .help("raise the request or lower the limit");
    Some(finding)
}
