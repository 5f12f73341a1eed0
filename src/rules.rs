//! Rules: the ids of everything that can be found, and what each means in a few words.

use kustomize_krm_types::Severity;

/// What can be found.
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

/// A rule that no other tool has.
#[must_use]
pub const fn rule(id: &'static str, severity: Severity, meaning: &'static str) -> Rule {
    Rule {
        id,
        severity,
        meaning,
        peers: "",
    }
}

/// What reading, transformers and the config find, in the order of the ids. What a check of [`mod@crate::checks`] asks
/// about stands in its own file.
pub const RULES: &[Rule] = &[
    rule(
        "FIT-CFG001",
        Severity::Error,
        "the config is no config of fitout, or has a field that nobody knows",
    ),
    rule(
        "FIT-CFG002",
        Severity::Error,
        "a setting has the wrong type",
    ),
    rule(
        "FIT-CFG003",
        Severity::Error,
        "a setting has a value that cannot be meant",
    ),
    rule(
        "FIT-CFG004",
        Severity::Error,
        "a profile or a selection matched nothing",
    ),
    rule(
        "FIT-CFG005",
        Severity::Error,
        "two profiles disagree on a leaf",
    ),
    rule(
        "FIT-CFG006",
        Severity::Error,
        "a selector matched only by a name that kustomize has replaced",
    ),
    rule(
        "FIT-CFG007",
        Severity::Error,
        "a ConfigMap's value is not what its field takes",
    ),
    rule(
        "FIT-EXM001",
        Severity::Error,
        "an exemption without a reason",
    ),
    rule("FIT-EXM002", Severity::Error, "an exemption that ended"),
    rule(
        "FIT-EXM003",
        Severity::Error,
        "an exemption that covers nothing",
    ),
    rule(
        "FIT-EXM004",
        Severity::Error,
        "an exemption of something that does not exist",
    ),
    rule(
        "FIT-HPA002",
        Severity::Error,
        "an autoscaler's target for a resource that is not requested",
    ),
    rule("FIT-INP001", Severity::Error, "the input is not YAML"),
    rule(
        "FIT-INP002",
        Severity::Error,
        "the input is not a ResourceList",
    ),
    rule(
        "FIT-INP003",
        Severity::Error,
        "an object has not the shape of its kind",
    ),
    rule(
        "FIT-PRM001",
        Severity::Error,
        "the port to scrape is not one that a container declares",
    ),
    rule(
        "FIT-PRM002",
        Severity::Error,
        "metrics that are read twice, by annotations and by something else",
    ),
    rule(
        "FIT-PRM003",
        Severity::Error,
        "several ports, each of which is scraped",
    ),
    rule("FIT-RES002", Severity::Error, "a request above its limit"),
    rule(
        "FIT-RES004",
        Severity::Error,
        "a limit too many times its request",
    ),
    rule(
        "FIT-RES005",
        Severity::Error,
        "an amount of a device that is not whole, or has no limit equal to it",
    ),
    rule(
        "FIT-RES006",
        Severity::Error,
        "an amount that can hardly be meant",
    ),
    rule("FIT-RES007", Severity::Error, "another QoS class"),
    rule(
        "FIT-RES008",
        Severity::Error,
        "amounts of a pod that its containers do not fit in",
    ),
    rule(
        "FIT-RES009",
        Severity::Error,
        "pods that a LimitRange or a ResourceQuota in the input keeps from being made",
    ),
    rule(
        "FIT-RES010",
        Severity::Error,
        "an amount outside the configured bounds",
    ),
    rule("FIT-RES011", Severity::Error, "an amount that is null"),
    rule(
        "FIT-RES012",
        Severity::Error,
        "volumes that may grow beyond what their pod may store",
    ),
    rule(
        "FIT-RES013",
        Severity::Error,
        "an environment variable that takes an amount which is not there",
    ),
    rule(
        "FIT-SEC001",
        Severity::Error,
        "a security setting that would stop the program, or that the API server refuses",
    ),
    rule(
        "FIT-SEC004",
        Severity::Error,
        "runAsNonRoot without a user that is a number",
    ),
    rule(
        "FIT-SEC005",
        Severity::Error,
        "a user that the image's files do not belong to",
    ),
    rule(
        "FIT-SEC006",
        Severity::Error,
        "a path that has to be writable and cannot be",
    ),
    rule(
        "FIT-SEC007",
        Severity::Error,
        "a capability that is spelled as not everybody reads it",
    ),
    rule(
        "FIT-SEC008",
        Severity::Error,
        "a field that this kind of pod may not have, or has to have",
    ),
    rule("FIT-STO001", Severity::Error, "a claim without a class"),
    rule("FIT-STO002", Severity::Error, "a claim that shrinks"),
    rule(
        "FIT-STO003",
        Severity::Error,
        "the legacy annotation of a claim says something else than its field shall",
    ),
    rule(
        "FIT-STO005",
        Severity::Error,
        "a claim for one node that pods on several would use",
    ),
    rule(
        "FIT-STO006",
        Severity::Error,
        "a claim that pods name and nobody brings",
    ),
    rule(
        "FIT-STO007",
        Severity::Error,
        "a claim that grows although its class does not let it",
    ),
    rule(
        "FIT-TGT001",
        Severity::Error,
        "an object of an unknown kind that seems to hold pods",
    ),
    rule(
        "FIT-TGT002",
        Severity::Error,
        "an object of a workload's kind from which no pods are made",
    ),
    rule(
        "FIT-TGT003",
        Severity::Error,
        "a patch of pods that is a text, and is not read",
    ),
];
