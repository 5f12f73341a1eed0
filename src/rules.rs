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

/// What reading, transformers and the config find, in the order of the ids.
pub const RULES: &[Rule] = &[CFG001, CFG002, CFG003, CFG007, INP001, INP002, INP003];
