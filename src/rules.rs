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

/// Declares rules, each in one line: its name here, id, severity and [`When`], what is wrong, and the names that other tools
/// have for it, if any. The first line is the name of the list of all of them, or `_`.
macro_rules! rules {
    ($vis:vis _; $($rest:tt)*) => { rules!(@each $vis, $($rest)*); };
    ($vis:vis $list:ident; $($(#[$docs:meta])* $name:ident: $id:literal $severity:ident $when:ident $meaning:literal $(($peers:literal))?;)*) => {
        rules!(@each $vis, $($(#[$docs])* $name: $id $severity $when $meaning $(($peers))?;)*);

        /// The rules that are declared here.
        $vis const $list: &[$crate::rules::Rule] = &[$($name),*];
    };
    (@each $vis:vis, $($(#[$docs:meta])* $name:ident: $id:literal $severity:ident $when:ident $meaning:literal $(($peers:literal))?;)*) => {
        $($(#[$docs])* $vis const $name: $crate::rules::Rule = $crate::rules::Rule {
            id: $id,
            severity: kustomize_krm_types::Severity::$severity,
            when: $crate::rules::When::$when,
            meaning: $meaning,
            peers: concat!($($peers)?),
        };)*
    };
}
pub(crate) use rules;

rules! {
    pub RULES;
    /// A misspelt field would silently have no effect. So every field must be one that fitout knows.
    CFG001: "FIT-CFG001" Error Always "not a fitout config, or an unknown field";
    /// A value of another type is not guessed: hosts rewrite numbers, so that `1.30` without quotes arrives as `1.3`.
    CFG002: "FIT-CFG002" Error Always "a setting of the wrong type";
    /// A value of the right type that the field cannot have, such as a quantity with an unknown unit, or a request above its
    /// limit.
    CFG003: "FIT-CFG003" Error Always "an invalid value";
    /// A ConfigMap has only strings, so each is read as the type of its field.
    CFG007: "FIT-CFG007" Error Always "an invalid value in a ConfigMap";
    /// Nothing of a text that is not YAML can be read for sure, so nothing is changed.
    INP001: "FIT-INP001" Error Always "the input is not YAML";
    /// Without a command, fitout is a KRM function and reads a ResourceList. Plain manifests need a command.
    INP002: "FIT-INP002" Error Always "the input is not a ResourceList";
    /// The API server refuses the object, and a value of another type could not be compared with the config.
    INP003: "FIT-INP003" Error Always "an object that does not match the schema of its kind";
    /// kubectl reads the last one, and kustomize refuses the file, so what is applied depends on the tool.
    INP004: "FIT-INP004" Error Always "a key twice in one map: kubectl reads the last one, kustomize refuses the file";
    /// Kubernetes has only strings as keys. Where two tools read a text differently, an edit would be right for one of them.
    INP005: "FIT-INP005" Error Always "YAML that kubectl or kustomize refuses, or that they read differently";
    /// A small text can stand for gigabytes. Kubernetes refuses it, too.
    INP006: "FIT-INP006" Error Always "aliases that stand for far more values than the text has";
    /// Neither kubectl nor kustomize can read it.
    INP007: "FIT-INP007" Error Always "an object without an apiVersion or a kind";
    /// kubectl reads the items, kustomize does not, so one of them would skip objects.
    INP008: "FIT-INP008" Error Always "a list that is not a List, or has other fields next to its items";
    /// With any other byte, its signature or encryption is invalid.
    INP009: "FIT-INP009" Error Always "a change of an object that is encrypted or signed as a whole";
    /// Edits of a template would be edits of a program. The output of `helm template` has the values.
    INP010: "FIT-INP010" Error Always "a template that Helm has not rendered";
    /// A stranger's overlay must not run programs on your machine.
    INP011: "FIT-INP011" Error Always
        "a build that runs a container image, or a program through helm or git, that the caller does not allow";
    /// Reports for programs are written on each failure, so that none of an earlier run is taken for this one's: also if the
    /// arguments are wrong, no config has the environment, a file cannot be read, or a program that builds manifests fails.
    INP012: "FIT-INP012" Error Always "the command stopped before it evaluated the manifests";
}

rules! {
    pub COMPARED;
    /// What was tested in the lower environment is then not what runs in the higher one. Requests, limits and sizes of claims, the
    /// level of the Pod Security Standards that pods meet, and the security fields of pods and containers are compared.
    ///
    /// Exempt what is deliberate, in the higher environment or for all.
    CMP001: "FIT-CMP001" Warning OnCompare "an inversion: a field that is weaker than in a lower environment";
}
