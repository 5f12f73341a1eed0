//! The rules: ids, severities and meanings.

#![allow(missing_docs)]

use kustomize_krm_types::Severity;

/// A kind of finding.
#[derive(Debug)]
pub struct Rule {
    /// The id, such as `FIT-NET004`.
    pub id: &'static str,
    /// The highest severity of its findings, unless the config sets another one.
    pub severity: Severity,
    /// When it applies.
    pub when: When,
    /// What is wrong, in a few words.
    pub meaning: &'static str,
    /// The names that other tools have for it; empty if there are none.
    pub peers: &'static str,
}

/// Rules are equal if their ids are.
impl PartialEq for Rule {
    fn eq(&self, other: &Rule) -> bool {
        self.id == other.id
    }
}

/// When a rule applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Whenever fitout runs.
    Always,
    /// In `fitout check`, and in configs with the mode `Check`.
    OnCheck,
    /// On check, if the config names the rule in `checks.severity`.
    OnRequest,
    /// In `fitout compare`.
    OnCompare,
}

/// A rule that always applies and that no other tool has.
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

/// A rule of errors that applies on check, and the names that other tools have for it.
#[must_use]
pub const fn error_on_check(id: &'static str, meaning: &'static str, peers: &'static str) -> Rule {
    Rule {
        when: When::OnCheck,
        peers,
        ..rule(id, Severity::Error, meaning)
    }
}

/// A misspelt field would silently have no effect. So every field must be one that fitout knows.
pub const CFG001: Rule = rule(
    "FIT-CFG001",
    Severity::Error,
    "not a fitout config, or an unknown field",
);
/// A value of another type is not guessed: hosts rewrite numbers, so that `1.30` without quotes arrives as `1.3`.
pub const CFG002: Rule = rule("FIT-CFG002", Severity::Error, "a setting of the wrong type");
/// A value of the right type that the field cannot have, such as a quantity with an unknown unit, or a request above its
/// limit.
pub const CFG003: Rule = rule("FIT-CFG003", Severity::Error, "an invalid value");
/// A ConfigMap has only strings, so each is read as the type of its field.
pub const CFG007: Rule = rule(
    "FIT-CFG007",
    Severity::Error,
    "an invalid value in a ConfigMap",
);
/// Nothing of a text that is not YAML can be read for sure, so nothing is changed.
pub const INP001: Rule = rule("FIT-INP001", Severity::Error, "the input is not YAML");
/// Without a command, fitout is a KRM function and reads a ResourceList. Plain manifests need a command.
pub const INP002: Rule = rule(
    "FIT-INP002",
    Severity::Error,
    "the input is not a ResourceList",
);
/// The API server refuses the object, and a value of another type could not be compared with the config.
pub const INP003: Rule = rule(
    "FIT-INP003",
    Severity::Error,
    "an object that does not match the schema of its kind",
);
/// kubectl reads the last one, and kustomize refuses the file, so what is applied depends on the tool.
pub const INP004: Rule = rule(
    "FIT-INP004",
    Severity::Error,
    "a key twice in one map: kubectl reads the last one, kustomize refuses the file",
);
/// Kubernetes has only strings as keys. Where two tools read a text differently, an edit would be right for one of them.
pub const INP005: Rule = rule(
    "FIT-INP005",
    Severity::Error,
    "YAML that kubectl or kustomize refuses, or that they read differently",
);
/// A small text can stand for gigabytes. Kubernetes refuses it, too.
pub const INP006: Rule = rule(
    "FIT-INP006",
    Severity::Error,
    "aliases that stand for far more values than the text has",
);
/// Neither kubectl nor kustomize can read it.
pub const INP007: Rule = rule(
    "FIT-INP007",
    Severity::Error,
    "an object without an apiVersion or a kind",
);
/// kubectl reads the items, kustomize does not, so one of them would skip objects.
pub const INP008: Rule = rule(
    "FIT-INP008",
    Severity::Error,
    "a list that is not a List, or has other fields next to its items",
);
/// With any other byte, its signature or encryption is invalid.
pub const INP009: Rule = rule(
    "FIT-INP009",
    Severity::Error,
    "a change of an object that is encrypted or signed as a whole",
);
/// Edits of a template would be edits of a program. The output of `helm template` has the values.
pub const INP010: Rule = rule(
    "FIT-INP010",
    Severity::Error,
    "a template that Helm has not rendered",
);
/// A stranger's overlay must not run programs on your machine.
pub const INP011: Rule = rule(
    "FIT-INP011",
    Severity::Error,
    "a build that runs a container image, or a program through helm or git, that the caller does not allow",
);

/// Reports for programs are written on each failure, so that none of an earlier run is taken for this one's: also if the
/// arguments are wrong, no config has the environment, a file cannot be read, or a program that builds manifests fails.
pub const INP012: Rule = rule(
    "FIT-INP012",
    Severity::Error,
    "the command stopped before it evaluated the manifests",
);

/// What was tested in the lower environment is then not what runs in the higher one. Requests, limits and sizes of claims, the
/// level of the Pod Security Standards that pods meet, and the security fields of pods and containers are compared.
///
/// Exempt what is deliberate, in the higher environment or for all.
pub const CMP001: Rule = Rule {
    when: When::OnCompare,
    ..rule(
        "FIT-CMP001",
        Severity::Warning,
        "an inversion: a field that is weaker than in a lower environment",
    )
};

/// The rules of comparisons.
pub const COMPARED: &[Rule] = &[CMP001];

/// The problems that stop a run, in the order of their ids.
pub const RULES: &[Rule] = &[
    CFG001, CFG002, CFG003, CFG007, INP001, INP002, INP003, INP004, INP005, INP006, INP007, INP008,
    INP009, INP010, INP011, INP012,
];
