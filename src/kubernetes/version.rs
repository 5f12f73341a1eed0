//! Kubernetes minor versions, and the levels of the Pod Security Standards.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// The levels of the standards, from least to most restrictive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Unrestricted.
    Privileged,
    /// Prevents known privilege escalations.
    Baseline,
    /// Follows the best practices for hardened pods.
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

    /// Parses the label `pod-security.kubernetes.io/enforce`.
    fn from_str(text: &str) -> Result<Level, ()> {
        match text {
            "privileged" => Ok(Level::Privileged),
            "baseline" => Ok(Level::Baseline),
            "restricted" => Ok(Level::Restricted),
            _ => Err(()),
        }
    }
}

/// A version of the standards. A version newer than the newest check uses that check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(from = "String"))]
pub struct Version {
    minor: u32,
}

impl Version {
    /// The latest version.
    pub const LATEST: Version = Version { minor: u32::MAX };

    /// The version of Kubernetes 1.`minor`.
    #[must_use]
    pub const fn of_minor(minor: u32) -> Version {
        Version { minor }
    }

    /// The number after `1.`; `u32::MAX` for the latest.
    #[must_use]
    pub const fn minor(self) -> u32 {
        self.minor
    }
}

impl FromStr for Version {
    type Err = ();

    /// Parses the label `pod-security.kubernetes.io/enforce-version`: `v1.34` or `latest` (`ParseVersion` in
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
    /// Parses a config value: a Kubernetes minor version, or `latest`.
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

/// A level of the Pod Security Standards, in a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standard {
    /// The level.
    pub level: Level,
    /// The version.
    pub version: Version,
}

/// Parses the minor version of a cluster, where `latest` is not valid.
///
/// # Errors
/// The text is not a version such as `1.34`.
pub fn minor_version<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Version>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let minor = text.strip_prefix("1.").and_then(|minor| minor.parse().ok());
    let problem = || {
        D::Error::custom(format!(
            "`{text}` is not a Kubernetes minor version such as \"1.34\""
        ))
    };
    minor
        .map(|minor| Some(Version::of_minor(minor)))
        .ok_or_else(problem)
}
