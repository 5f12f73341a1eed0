//! What the Namespaces in hand ask of the pods in them: the labels of Pod Security admission.
//!
//! Source: `PolicyToEvaluate` in `api/helpers.go` of k8s.io/pod-security-admission. What cannot be read is read as the
//! strictest for what is enforced, and as nothing for what is warned of.

use std::collections::HashMap;

use crate::kubernetes::{Level, Standard, Version};
use crate::read::Resource;

/// What one Namespace asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Demands {
    /// What pods are refused for; `None` where no label speaks of it.
    pub enforce: Option<Standard>,
    /// What is warned of; never less than what is enforced.
    pub warn: Option<Standard>,
}

impl Demands {
    fn of(namespace: &Resource<'_>) -> Demands {
        let label = |name: &str| namespace.label(&format!("pod-security.kubernetes.io/{name}"));
        let standard = |name: &str, unreadable: Level| {
            let level = label(name)?;
            let version = label(&format!("{name}-version"));
            let version = version.map_or(Ok(Version::LATEST), |version| version.parse());
            Some(match level.parse() {
                Ok(level) => Standard {
                    level,
                    version: version.unwrap_or(Version::LATEST),
                },
                Err(()) => Standard {
                    level: unreadable,
                    version: Version::LATEST,
                },
            })
        };
        Demands {
            enforce: standard("enforce", Level::Restricted),
            warn: standard("warn", Level::Privileged),
        }
    }
}

/// The Namespaces in hand, by the names that they have and had.
pub(super) fn demands(resources: &[Resource<'_>]) -> HashMap<String, Demands> {
    let (mut before, mut now) = (HashMap::new(), HashMap::new());
    let is_namespace =
        |resource: &&Resource<'_>| resource.group().is_empty() && resource.kind == "Namespace";
    for namespace in resources.iter().filter(is_namespace) {
        let of_one = Demands::of(namespace);
        for name in namespace.previous_names() {
            before.entry(name).or_insert(of_one);
        }
        now.insert(namespace.name.to_string(), of_one);
    }
    // A name that one has now is not another's of old.
    before.extend(now);
    before
}
