//! What is weaker in an environment than in a lower one.

use std::cmp::Ordering;
use std::collections::HashMap;

use kustomize_krm_types::Severity;

use super::text::{plain, shown};
use super::{ComparedEnvironment, ComparedField, Comparison, InversionEntry, LEVEL};
use crate::kubernetes::{Level, Quantity};
use crate::rules::CMP001;
use crate::yaml::Value;

/// A field that is weaker in a higher environment.
pub(in crate::report) struct Inversion<'c> {
    /// How severe it is.
    pub(in crate::report) severity: Severity,
    /// `container "web": resources.requests.memory is 128Mi in production, below 256Mi in staging`
    pub(in crate::report) sentence: String,
    /// What decided in both environments.
    pub(in crate::report) decided: Vec<(&'c str, String)>,
    /// The fields of all objects that it is about.
    pub(in crate::report) rows: Vec<&'c ComparedField>,
}

/// How strong a value is; only values of one kind are compared.
#[derive(PartialEq)]
enum Strength {
    Amount(Quantity),
    Level(i64),
}

impl PartialOrd for Strength {
    fn partial_cmp(&self, other: &Strength) -> Option<Ordering> {
        match (self, other) {
            (Strength::Amount(a), Strength::Amount(b)) => Some(a.cmp(b)),
            (Strength::Level(a), Strength::Level(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

impl Comparison {
    /// Whether there is an inversion that is an error.
    pub fn has_errors(&self) -> bool {
        let mut all = self.inversions.iter();
        all.any(|it| it.severity == Severity::Error)
    }

    /// What is weaker in a higher environment; the same in several objects is one.
    pub(super) fn find_inversions(&self) -> Vec<InversionEntry> {
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut inversions: Vec<InversionEntry> = Vec::new();
        for (index, row) in self.fields.iter().enumerate() {
            for (at, cell) in row.values.iter().enumerate() {
                let Some(below) = cell.below else { continue };
                let name = |at: usize| self.environments[at].name.as_str();
                let message = row.inversion((name(at), at), (name(below), below));
                let decided = self.decided(row, at, below);
                let next = inversions.len();
                let same = *known
                    .entry(format!("{message} {decided:?}"))
                    .or_insert(next);
                if same == next {
                    inversions.push(InversionEntry {
                        rule: CMP001.id,
                        severity: self.environments[at].severity.unwrap_or(CMP001.severity),
                        message,
                        environment: name(at).to_owned(),
                        below: name(below).to_owned(),
                        fields: Vec::new(),
                    });
                }
                inversions[same].fields.push(index);
            }
        }
        inversions
    }

    /// What decided about a field in both environments.
    pub(super) fn decided(
        &self,
        row: &ComparedField,
        at: usize,
        below: usize,
    ) -> Vec<(&str, String)> {
        match row.field.as_str() {
            LEVEL => Vec::new(),
            _ => [at, below]
                .map(|at| {
                    let name = self.environments[at].name.as_str();
                    (name, row.values[at].decided_by())
                })
                .to_vec(),
        }
    }

    /// The inversions, for people.
    pub(in crate::report) fn inversions(&self) -> Vec<Inversion<'_>> {
        let all = self.inversions.iter().map(|it| {
            let rows: Vec<&ComparedField> = it.fields.iter().map(|at| &self.fields[*at]).collect();
            let at = |name: &str| self.environments.iter().position(|it| it.name == name);
            let both = at(&it.environment).zip(at(&it.below));
            Inversion {
                severity: it.severity,
                sentence: it.message.clone(),
                decided: both.map_or(Vec::new(), |(at, below)| self.decided(rows[0], at, below)),
                rows,
            }
        });
        all.collect()
    }
}

impl ComparedField {
    /// The sentence about an inversion; the environments with their indices.
    fn inversion(&self, (higher, at): (&str, usize), (lower, below): (&str, usize)) -> String {
        let field = format!("{}: {}", self.part, self.field);
        match (self.value(at), self.value(below)) {
            (None, other) => {
                format!(
                    "{field} is not set in {higher}, and {} in {lower}",
                    shown(other)
                )
            }
            (mine, None) => {
                format!(
                    "{field} is {} in {higher}, and not set in {lower}",
                    shown(mine)
                )
            }
            (mine, other) => {
                let (mine, other) = (shown(mine), shown(other));
                format!("{field} is {mine} in {higher}, below {other} in {lower}")
            }
        }
    }

    /// Finds whether the environments differ, and which are weaker than a lower one. `limits`: where the limit of a request is
    /// set, which counts as the request where none is set.
    pub(super) fn compare(
        &mut self,
        environments: &[ComparedEnvironment],
        limits: Option<&[bool]>,
    ) {
        let first = self.value(0);
        let is_other = |at: usize| match (self.strength(at, None), self.strength(0, None)) {
            (Some(Strength::Amount(a)), Some(Strength::Amount(b)))
                if first.is_some() && self.value(at).is_some() =>
            {
                a != b
            }
            _ => self.value(at) != first,
        };
        self.differs = (1..self.values.len()).any(is_other);
        if !self.differs {
            return;
        }
        let strengths: Vec<_> = (0..self.values.len())
            .map(|at| self.strength(at, limits))
            .collect();
        for (at, own) in strengths.iter().enumerate() {
            let lower = (0..at).filter(|it| environments[*it].stage < environments[at].stage);
            let mut stronger = lower.filter(|it| {
                let order = strengths[*it].as_ref().zip(own.as_ref());
                order.and_then(|(other, own)| other.partial_cmp(own)) == Some(Ordering::Greater)
            });
            let is_asked = environments[at].severity.is_some();
            let cell = &mut self.values[at];
            cell.below = stronger.next_back().filter(|_| is_asked);
            cell.waived = cell.is_exempt && cell.below.take().is_some();
        }
    }

    /// How strong the value is, for fields that should not become weaker from one stage to the next.
    fn strength(&self, at: usize, limits: Option<&[bool]>) -> Option<Strength> {
        let value = self.value(at);
        let is_true = |by_default: bool| match value {
            Some(Value::Bool(it)) => *it,
            _ => by_default,
        };
        let level = |is_strict: bool| Some(Strength::Level(i64::from(is_strict)));
        let items = match value {
            Some(Value::Sequence(items)) => items.as_slice(),
            _ => &[],
        };
        let field = self
            .field
            .strip_prefix("securityContext.")
            .unwrap_or(&self.field);
        match field {
            LEVEL => {
                let level: Level = value?.as_str()?.parse().ok()?;
                Some(Strength::Level(level as i64))
            }
            "readOnlyRootFilesystem" => level(is_true(false)),
            "allowPrivilegeEscalation" | "automountServiceAccountToken" | "hostUsers" => {
                level(!is_true(true))
            }
            "privileged" | "hostNetwork" | "hostPID" | "hostIPC" => level(!is_true(false)),
            "capabilities.drop" => {
                let is_all = items.iter().any(|it| it.as_str() == Some("ALL"));
                let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
                Some(Strength::Level(if is_all { i64::MAX } else { count }))
            }
            "capabilities.add" => Some(Strength::Level(
                -i64::try_from(items.len()).unwrap_or(i64::MAX),
            )),
            _ if field.contains("resources.limits.") || field.contains("resources.requests.") => {
                match value {
                    Some(value) => plain(value).parse().ok().map(Strength::Amount),
                    // Without a request its limit counts; without either, nothing is reserved.
                    None => {
                        let is_limited = limits.is_some_and(|it| it[at]);
                        let is_request = field.starts_with("resources.requests.");
                        (is_request && !is_limited)
                            .then(|| "0".parse().ok())
                            .flatten()
                            .map(Strength::Amount)
                    }
                }
            }
            _ => None,
        }
    }
}
