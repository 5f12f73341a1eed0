//! Rules: the ids of everything that can be found, and what each means in a few words.

#![allow(missing_docs)]

use kustomize_krm_types::Severity;

/// What can be found.
#[derive(Debug)]
pub struct Rule {
    /// Its id, such as `FIT-NET004`.
    pub id: &'static str,
    /// What breaking it is at most, unless the config says otherwise.
    pub severity: Severity,
    /// When it is asked about.
    pub when: When,
    /// What is found, in a few words.
    pub meaning: &'static str,
    /// What other tools call it, for people who come from them; empty where none has it.
    pub peers: &'static str,
}

/// Rules are what their ids say.
impl PartialEq for Rule {
    fn eq(&self, other: &Rule) -> bool {
        self.id == other.id
    }
}

/// When a rule is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Whenever fitout runs.
    Always,
    /// By `fitout check`, and where the config has the mode `Check`.
    OnCheck,
}

/// A rule that is always asked about and that no other tool has.
#[must_use]
pub const fn rule(id: &'static str, severity: Severity, meaning: &'static str) -> Rule {
    Rule {
        id,
        severity,
        when: When::Always,
        meaning,
        peers: "",
    }
}

pub const CFG001: Rule = rule(
    "FIT-CFG001",
    Severity::Error,
    "the config is no config of fitout, or has a field that nobody knows",
);
pub const CFG002: Rule = rule(
    "FIT-CFG002",
    Severity::Error,
    "a setting has the wrong type",
);
pub const CFG003: Rule = rule(
    "FIT-CFG003",
    Severity::Error,
    "a setting has a value that cannot be meant",
);
pub const CFG007: Rule = rule(
    "FIT-CFG007",
    Severity::Error,
    "a ConfigMap's value is not what its field takes",
);
pub const HPA002: Rule = rule(
    "FIT-HPA002",
    Severity::Error,
    "an autoscaler's target for a resource that is not requested",
);
pub const INP001: Rule = rule("FIT-INP001", Severity::Error, "the input is not YAML");
pub const INP002: Rule = rule(
    "FIT-INP002",
    Severity::Error,
    "the input is not a ResourceList",
);
pub const INP003: Rule = rule(
    "FIT-INP003",
    Severity::Error,
    "an object has not the shape of its kind",
);
pub const PRM001: Rule = rule(
    "FIT-PRM001",
    Severity::Error,
    "the port to scrape is not one that a container declares",
);
pub const PRM002: Rule = rule(
    "FIT-PRM002",
    Severity::Warning,
    "metrics that are read twice, by annotations and by something else",
);
pub const PRM003: Rule = rule(
    "FIT-PRM003",
    Severity::Error,
    "several ports, each of which is scraped",
);
pub const PRM004: Rule = rule(
    "FIT-PRM004",
    Severity::Info,
    "metrics that a profile or an author switched off",
);
pub const RES002: Rule = rule("FIT-RES002", Severity::Error, "a request above its limit");
pub const RES004: Rule = rule(
    "FIT-RES004",
    Severity::Warning,
    "a limit too many times its request",
);
pub const RES005: Rule = rule(
    "FIT-RES005",
    Severity::Error,
    "an amount of a device that is not whole, or has no limit equal to it",
);
pub const RES006: Rule = rule(
    "FIT-RES006",
    Severity::Info,
    "an amount that can hardly be meant",
);
pub const RES007: Rule = rule("FIT-RES007", Severity::Info, "another QoS class");
pub const RES008: Rule = rule(
    "FIT-RES008",
    Severity::Error,
    "amounts of a pod that its containers do not fit in",
);
pub const RES009: Rule = rule(
    "FIT-RES009",
    Severity::Warning,
    "pods that a LimitRange or a ResourceQuota in the input keeps from being made",
);
pub const RES010: Rule = rule(
    "FIT-RES010",
    Severity::Error,
    "an amount outside the configured bounds",
);
pub const RES011: Rule = rule("FIT-RES011", Severity::Warning, "an amount that is null");
pub const RES012: Rule = rule(
    "FIT-RES012",
    Severity::Warning,
    "volumes that may grow beyond what their pod may store",
);
pub const RES013: Rule = rule(
    "FIT-RES013",
    Severity::Warning,
    "an environment variable that takes an amount which is not there",
);
pub const RES014: Rule = rule(
    "FIT-RES014",
    Severity::Info,
    "a configured request that is not set, because the limit implies one",
);
pub const RES015: Rule = rule(
    "FIT-RES015",
    Severity::Info,
    "environment variables whose value changes with the resources",
);
pub const RES016: Rule = rule(
    "FIT-RES016",
    Severity::Info,
    "a container that a service mesh injects, without resources from the config",
);
pub const RES017: Rule = rule(
    "FIT-RES017",
    Severity::Warning,
    "pod-level resources that cannot be set",
);
pub const RUN002: Rule = rule(
    "FIT-RUN002",
    Severity::Warning,
    "a field that is only checked, or exempt, and differs from the config",
);
pub const STO001: Rule = rule("FIT-STO001", Severity::Warning, "a claim without a class");
pub const STO002: Rule = rule("FIT-STO002", Severity::Warning, "a claim that shrinks");
pub const STO003: Rule = rule(
    "FIT-STO003",
    Severity::Error,
    "the legacy annotation of a claim says something else than its field shall",
);
pub const STO005: Rule = rule(
    "FIT-STO005",
    Severity::Warning,
    "a claim for one node that pods on several would use",
);
pub const STO006: Rule = rule(
    "FIT-STO006",
    Severity::Info,
    "a claim that pods name and nobody brings",
);
pub const STO007: Rule = rule(
    "FIT-STO007",
    Severity::Warning,
    "a claim that grows although its class does not let it",
);
pub const STO008: Rule = rule(
    "FIT-STO008",
    Severity::Info,
    "a storage class that stays as its author set it",
);
pub const STO009: Rule = rule(
    "FIT-STO009",
    Severity::Info,
    "a retention policy that is not set",
);
pub const STO010: Rule = rule(
    "FIT-STO010",
    Severity::Error,
    "a claim that cannot be changed as configured",
);
pub const VER001: Rule = rule(
    "FIT-VER001",
    Severity::Warning,
    "a configured field that the target Kubernetes version does not have",
);
pub const VPA001: Rule = rule(
    "FIT-VPA001",
    Severity::Info,
    "a VerticalPodAutoscaler that replaces the resources of pods",
);

/// What reading, transformers and the config find, in the order of the ids.
pub const RULES: &[Rule] = &[
    CFG001, CFG002, CFG003, CFG007, HPA002, INP001, INP002, INP003, PRM001, PRM002, PRM003, PRM004,
    RES002, RES004, RES005, RES006, RES007, RES008, RES009, RES010, RES011, RES012, RES013, RES014,
    RES015, RES016, RES017, RUN002, STO001, STO002, STO003, STO005, STO006, STO007, STO008, STO009,
    STO010, VER001, VPA001,
];
