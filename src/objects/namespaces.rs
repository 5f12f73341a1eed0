//! The Pod Security admission labels of the Namespaces in the input.
//!
//! Source: `PolicyToEvaluate` in `api/helpers.go` of k8s.io/pod-security-admission. An invalid level means restricted for
//! `enforce`, and privileged for `warn`.

use std::collections::HashMap;

use crate::kubernetes::{Level, Standard, Version};
use crate::read::Resource;

/// The standards that a Namespace sets for its pods.
#[derive(Clone, Copy, Debug, Default)]
pub struct Demands {
    /// The standard that pods are rejected for; `None` without a label.
    pub enforce: Option<Standard>,
    /// The standard that is warned about.
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

/// The standards of the Namespaces in the input, by current and previous names.
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
    // A current name wins over the same previous name of another Namespace.
    before.extend(now);
    before
}
