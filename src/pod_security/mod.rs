//! The Pod Security Standards, judged as the API server judges them.
//!
//! Source: `policy/` of k8s.io/pod-security-admission v0.37.2. Level, version, order of the results, and every reason and
//! detail agree with it to the letter; `make conformance` asks it about its own fixtures, a corpus and mutations of both.
//! Beyond it, a [`Violation`] names its [`Culprit`]s: each field that is the cause, and the value that would mend it.

mod checks;
mod facts;
mod view;
mod violation;

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::Error as _;

pub use facts::{ContainerFacts, ContainerList, PodFacts};
pub use violation::{At, Culprit, Violation};

use checks::CHECKS;

/// The levels of the standards, from what allows everything to what allows least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Everything is allowed.
    Privileged,
    /// What lets a pod take over its node is not.
    Baseline,
    /// Only what a hardened pod needs is.
    #[default]
    Restricted,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Privileged => "privileged",
            Level::Baseline => "baseline",
            Level::Restricted => "restricted",
        })
    }
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

    /// The number after `1.`; the largest there is for the newest.
    #[must_use]
    pub const fn minor(self) -> u32 {
        self.minor
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

impl<'de> Deserialize<'de> for Version {
    /// Reads what configs have: a Kubernetes minor version, or `latest`.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let label = match text.as_str() {
            "latest" => text.clone(),
            minor => format!("v{minor}"),
        };
        label.parse().map_err(|()| {
            D::Error::custom(format!(
                "`{text}` is neither a Kubernetes minor version such as \"1.34\" nor `latest`"
            ))
        })
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
