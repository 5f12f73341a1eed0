//! The Pod Security admission labels of the Namespaces in the input.
//!
//! Source: `PolicyToEvaluate` in `api/helpers.go` of k8s.io/pod-security-admission. An invalid level means restricted for
//! `enforce`, and privileged for `warn`.

use crate::hashing::HashMap;
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

/// The stricter of two standards.
fn stricter(a: Option<Standard>, b: Option<Standard>) -> Option<Standard> {
    match (a, b) {
        (Some(a), Some(b)) if b.level > a.level => Some(b),
        (a, b) => a.or(b),
    }
}

/// The standards of the Namespaces in the input, by current and previous names. If two have a name, the stricter level counts.
pub(super) fn demands(resources: &[Resource<'_>]) -> HashMap<String, Demands> {
    let (mut before, mut now) = (HashMap::default(), HashMap::default());
    let is_namespace =
        |resource: &&Resource<'_>| resource.group().is_empty() && resource.kind == "Namespace";
    let add = |names: &mut HashMap<String, Demands>, name: String, of_one: Demands| {
        let known = names.entry(name).or_default();
        known.enforce = stricter(known.enforce, of_one.enforce);
        known.warn = stricter(known.warn, of_one.warn);
    };
    for namespace in resources.iter().filter(is_namespace) {
        let of_one = Demands::of(namespace);
        for name in namespace.previous_names() {
            add(&mut before, name, of_one);
        }
        add(&mut now, namespace.name.to_string(), of_one);
    }
    // A current name wins over the same previous name of another Namespace.
    before.extend(now);
    before
}
