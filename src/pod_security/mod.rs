//! The Pod Security Standards, judged as the API server judges them.
//!
//! Source: `policy/` of k8s.io/pod-security-admission v0.37.2. Level, version, order of the results, and every reason and
//! detail agree with it to the letter; `make conformance` asks it about its own fixtures, a corpus and mutations of both.
//! Beyond it, a [`Violation`] names its [`Culprit`]s: each field that is the cause, and the value that would mend it.

mod checks;
mod facts;
mod view;
mod violation;

use std::str::FromStr;

pub use facts::{ContainerFacts, ContainerList, PodFacts};
pub use violation::{At, Culprit, Violation};

use checks::CHECKS;

/// The levels of the standards, from what allows everything to what allows least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Everything is allowed.
    Privileged,
    /// What lets a pod take over its node is not.
    Baseline,
    /// Only what a hardened pod needs is.
    Restricted,
}

impl FromStr for Level {
    type Err = ();

    /// Reads the value of the label `pod-security.kubernetes.io/enforce`.
    fn from_str(text: &str) -> Result<Level, ()> {
        match text {
            "privileged" => Ok(Level::Privileged),
            "baseline" => Ok(Level::Baseline),
            "restricted" => Ok(Level::Restricted),
            _ => Err(()),
        }
    }
}

/// A version of the standards. One that is newer than the newest check is as that one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    minor: u32,
}

impl Version {
    /// The newest there is.
    pub const LATEST: Version = Version { minor: u32::MAX };

    /// The version of Kubernetes 1.`minor`.
    #[must_use]
    pub const fn of_minor(minor: u32) -> Version {
        Version { minor }
    }
}

impl FromStr for Version {
    type Err = ();

    /// Reads the value of the label `pod-security.kubernetes.io/enforce-version`: `v1.34` or `latest` (`ParseVersion` in
    /// `api/helpers.go`).
    fn from_str(text: &str) -> Result<Version, ()> {
        if text == "latest" {
            return Ok(Version::LATEST);
        }
        let digits = text.strip_prefix("v1.").ok_or(())?;
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || digits.len() > 1 && digits.starts_with('0') {
            return Err(());
        }
        digits.parse().map(Version::of_minor).map_err(|_| ())
    }
}

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
        violations.extend(forbids(pod).map(|forbidden| forbidden.by(check.id)));
    }
    violations
}

#[cfg(test)]
mod tests;
