//! The Pod Security Standards, judged as the API server judges them.
//!
//! Source: `policy/` of k8s.io/pod-security-admission v0.37.2. Level, version, order of the results, and every reason and
//! detail agree with it to the letter; `make conformance` asks it about its own fixtures, a corpus and mutations of both.
//! Beyond it, a [`Violation`] names its [`Culprit`]s: each field that is the cause, and the value that would mend it.

mod checks;
mod violation;

pub use checks::RULES;
pub use violation::{At, Culprit, Violation};

use checks::CHECKS;

use crate::facts::PodFacts;
use crate::kubernetes::{Level, Version};

/// What a level of the standards forbids in a pod; nothing when it allows it.
///
/// In upstream's order: the checks of the level baseline by their ids, and then those of the level restricted. A check of
/// the level restricted may stand in for one of the level baseline (`populate` in `policy/registry.go`).
#[must_use]
pub fn evaluate(pod: &PodFacts<'_>, level: Level, version: Version) -> Vec<Violation> {
    let mut violations = Vec::new();
    for check in CHECKS
        .iter()
        .filter(|check| check.level <= level && level != Level::Privileged)
    {
        let Some(forbids) = check.at(version) else {
            continue;
        };
        let is_replaced = || {
            let mut others = CHECKS.iter().filter(|other| other.level <= level);
            others.any(|other| other.overrides == Some(check.id) && other.at(version).is_some())
        };
        if level == Level::Restricted && check.level == Level::Baseline && is_replaced() {
            continue;
        }
        violations.extend(forbids(pod).map(|forbidden| forbidden.by(check)));
    }
    violations
}

#[cfg(test)]
mod tests;
