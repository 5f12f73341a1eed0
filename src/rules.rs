//! The ids of everything that can be found, and what each means in a few words.

use kustomize_krm_types::Severity;

use crate::checks;

/// Id and meaning of what reading, transformers and the config find, in the order of the ids. What a check of
/// [`mod@crate::checks`] asks about stands in its own file.
pub const RULES: &[(&str, &str)] = &[
    (
        "FIT-CFG001",
        "the config is no config of fitout, or has a field that nobody knows",
    ),
    ("FIT-CFG002", "a setting has the wrong type"),
    ("FIT-CFG003", "a setting has a value that cannot be meant"),
    ("FIT-CFG004", "a profile or a selection matched nothing"),
    ("FIT-CFG005", "two profiles disagree on a leaf"),
    (
        "FIT-CFG006",
        "a selector matched only by a name that kustomize has replaced",
    ),
    (
        "FIT-CFG007",
        "a ConfigMap's value is not what its field takes",
    ),
    ("FIT-EXM001", "an exemption without a reason"),
    ("FIT-EXM002", "an exemption that ended"),
    ("FIT-EXM003", "an exemption that covers nothing"),
    (
        "FIT-EXM004",
        "an exemption of something that does not exist",
    ),
    (
        "FIT-HPA002",
        "an autoscaler's target for a resource that is not requested",
    ),
    ("FIT-INP001", "the input is not YAML"),
    ("FIT-INP002", "the input is not a ResourceList"),
    ("FIT-INP003", "an object has not the shape of its kind"),
    (
        "FIT-PRM001",
        "the port to scrape is not one that a container declares",
    ),
    (
        "FIT-PRM002",
        "metrics that are read twice, by annotations and by something else",
    ),
    ("FIT-PRM003", "several ports, each of which is scraped"),
    ("FIT-RES002", "a request above its limit"),
    ("FIT-RES004", "a limit too many times its request"),
    (
        "FIT-RES005",
        "an amount of a device that is not whole, or has no limit equal to it",
    ),
    ("FIT-RES006", "an amount that can hardly be meant"),
    ("FIT-RES007", "another QoS class"),
    (
        "FIT-RES008",
        "amounts of a pod that its containers do not fit in",
    ),
    (
        "FIT-RES009",
        "pods that a LimitRange or a ResourceQuota in the input keeps from being made",
    ),
    ("FIT-RES010", "an amount outside the configured bounds"),
    ("FIT-RES011", "an amount that is null"),
    (
        "FIT-RES012",
        "volumes that may grow beyond what their pod may store",
    ),
    (
        "FIT-RES013",
        "an environment variable that takes an amount which is not there",
    ),
    (
        "FIT-SEC001",
        "a security setting that would stop the program, or that the API server refuses",
    ),
    ("FIT-SEC004", "runAsNonRoot without a user that is a number"),
    (
        "FIT-SEC005",
        "a user that the image's files do not belong to",
    ),
    ("FIT-SEC006", "a path that has to be writable and cannot be"),
    (
        "FIT-SEC007",
        "a capability that is spelled as not everybody reads it",
    ),
    (
        "FIT-SEC008",
        "a field that this kind of pod may not have, or has to have",
    ),
    ("FIT-STO001", "a claim without a class"),
    ("FIT-STO002", "a claim that shrinks"),
    (
        "FIT-STO003",
        "the legacy annotation of a claim says something else than its field shall",
    ),
    (
        "FIT-STO005",
        "a claim for one node that pods on several would use",
    ),
    ("FIT-STO006", "a claim that pods name and nobody brings"),
    (
        "FIT-STO007",
        "a claim that grows although its class does not let it",
    ),
    (
        "FIT-TGT001",
        "an object of an unknown kind that seems to hold pods",
    ),
    (
        "FIT-TGT002",
        "an object of a workload's kind from which no pods are made",
    ),
    (
        "FIT-TGT003",
        "a patch of pods that is a text, and is not read",
    ),
];

/// A rule that a check asks about.
#[derive(Debug)]
pub struct Rule {
    /// Its id, such as `FIT-NET004`.
    pub id: &'static str,
    /// What breaking it is, unless the config says otherwise.
    pub severity: Severity,
    /// What is found, in a few words.
    pub meaning: &'static str,
    /// What other tools call it, for people who come from them; empty where none has it.
    pub peers: &'static str,
}

/// Id and meaning of every rule: those of this list, then those of the checks.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    let of_checks = checks::CHECKS.iter().flat_map(|check| check.rules);
    let of_checks = of_checks.map(|rule| (rule.id, rule.meaning));
    RULES.iter().copied().chain(of_checks)
}

/// Whether there is a rule of this id.
pub fn is_known(id: &str) -> bool {
    all().any(|(known, _)| known == id)
}

/// The rule of one of the checks of the Pod Security Standards.
pub fn of_pod_security(check: &str) -> &'static str {
    let mut rules = checks::POD_SECURITY.iter();
    let of_check = rules.find(|rule| rule.id.strip_prefix("FIT-PSS-") == Some(check));
    of_check.map_or("FIT-PSS", |rule| rule.id)
}
