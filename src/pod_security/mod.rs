//! The Pod Security Standards, evaluated as in the API server.
//!
//! Source: `policy/` of k8s.io/pod-security-admission v0.37.2. Levels, versions, the order of results, and every reason and
//! detail are identical; `make conformance` compares them for upstream's fixtures, a corpus and mutations of both. In
//! addition, a [`Violation`] names its [`Culprit`]s: each field that causes it, and the value that fixes it.

mod checks;
mod violation;

pub use checks::RULES;
pub use violation::{At, Culprit, Leaf, Violation};

use checks::CHECKS;

use crate::facts::PodFacts;
use crate::kubernetes::{Level, Version};

/// The violations of a level of the standards by a pod.
///
/// The order is upstream's: the checks of the level baseline by id, then those of the level restricted. A check of the level
/// restricted can replace one of the level baseline (`populate` in `policy/registry.go`).
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
        // Few pods violate a check, so whether another one replaces it is asked last.
        let Some(forbidden) = forbids(pod) else {
            continue;
        };
        let is_replaced = || {
            let mut others = CHECKS.iter().filter(|other| other.level <= level);
            others.any(|other| other.overrides == Some(check.id) && other.at(version).is_some())
        };
        if level == Level::Restricted && check.level == Level::Baseline && is_replaced() {
            continue;
        }
        violations.push(forbidden.by(check));
    }
    violations
}

#[cfg(test)]
mod tests;
