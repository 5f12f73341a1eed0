//! Label selectors as text: `a=b, c!=d, x in (a, b), !w`.
//!
//! The syntax is that of `labels.Parse` in `k8s.io/apimachinery` v0.37.2 (`pkg/labels/selector.go`, keys and values by
//! `pkg/api/validate/content/kube.go`), as in kubectl's `-l` and kustomize's `labelSelector` and `annotationSelector`.

mod parse;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::hashing::HashSet;
use crate::yaml::Node;

/// Requirements on labels, all of which must match. The empty selector matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
}

impl LabelSelector {
    /// A map of labels, as in a Service's selector.
    pub fn of_labels(labels: Option<Node<'_>>) -> LabelSelector {
        let entries = labels.into_iter().flat_map(|labels| labels.entries());
        let requirements = entries.filter_map(|(key, value)| {
            Some(Requirement {
                key: key.text()?.into_owned(),
                condition: Condition::In(Values::from(vec![value.text()?.into_owned()])),
            })
        });
        LabelSelector {
            requirements: requirements.collect(),
        }
    }

    /// A `LabelSelector` of apimachinery's meta/v1, with `matchLabels` and `matchExpressions`. An invalid requirement
    /// matches nothing.
    pub fn of_object(selector: Node<'_>) -> LabelSelector {
        let text = |node: Node<'_>| node.text().map(Cow::into_owned);
        let requirement = |expression: Node<'_>| {
            let values = expression.items_at(["values"]).filter_map(text);
            let values = Values::from(values.collect::<Vec<_>>());
            let operator = expression.text_at(["operator"]);
            Requirement {
                key: expression.at(["key"]).and_then(text).unwrap_or_default(),
                condition: match operator.as_deref() {
                    Some("In") => Condition::In(values),
                    Some("NotIn") => Condition::NotIn(values),
                    Some("Exists") => Condition::Exists,
                    Some("DoesNotExist") => Condition::Absent,
                    _ => Condition::In(Values::default()),
                },
            }
        };
        let mut of_object = LabelSelector::of_labels(selector.get("matchLabels"));
        let expressions = selector.items_at(["matchExpressions"]);
        of_object.requirements.extend(expressions.map(requirement));
        of_object
    }

    /// Whether it has no requirements.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// The labels that it requires with a single value.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let labels = self.requirements.iter().map(|it| match &it.condition {
            Condition::In(values) => match values.as_slice() {
                [only] => Some((it.key.as_str(), only.as_str())),
                _ => None,
            },
            _ => None,
        });
        labels.flatten()
    }

    /// The keys that matching labels must have, each with its permitted values if they are listed.
    pub fn wanted(&self) -> impl Iterator<Item = (&str, Option<&[String]>)> {
        self.requirements
            .iter()
            .filter_map(|it| match &it.condition {
                Condition::In(values) => Some((it.key.as_str(), Some(values.as_slice()))),
                Condition::NotIn(_) | Condition::Absent => None,
                Condition::Exists | Condition::Above(_) | Condition::Below(_) => {
                    Some((it.key.as_str(), None))
                }
            })
    }

    /// The keys that matching labels must have.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.wanted().map(|(key, _)| key)
    }

    /// The selector without the requirements for some keys.
    pub fn without(mut self, is_left_out: impl Fn(&str) -> bool) -> LabelSelector {
        self.requirements.retain(|it| !is_left_out(&it.key));
        self
    }

    /// Whether the labels match. `lookup` returns the value of a label.
    pub fn matches<'a>(&self, lookup: impl Fn(&str) -> Option<Cow<'a, str>>) -> bool {
        self.requirements
            .iter()
            .all(|requirement| requirement.is_met(lookup(&requirement.key)))
    }

    /// The number of requirements that do not match.
    pub fn unmet<'a>(&self, lookup: impl Fn(&str) -> Option<Cow<'a, str>>) -> usize {
        self.unmet_requirements(lookup).count()
    }

    /// The wanted and the actual key and value, if a single requirement does not match and a label is similar: it has the
    /// key and a similar value, or a similar key and a permitted value.
    pub fn near_miss(
        &self,
        labels: Node<'_>,
        is_similar: impl Fn(&str, &str) -> bool,
    ) -> Option<(String, String)> {
        const MOST: usize = 32;
        let lookup = |key: &str| labels.get(key)?.text();
        let mut unmet = self.unmet_requirements(lookup);
        let (only, None) = (unmet.next()?, unmet.next()) else {
            return None;
        };
        match (&only.condition, lookup(&only.key)) {
            (Condition::In(values), Some(found)) => {
                let wanted = values
                    .as_slice()
                    .iter()
                    .take(MOST)
                    .find(|it| is_similar(it, &found))?;
                Some((
                    format!("{}={wanted}", only.key),
                    format!("{}={found}", only.key),
                ))
            }
            (Condition::In(_) | Condition::Exists, None) => {
                let mut entries = labels.entries().take(MOST);
                let (key, value) = entries.find_map(|(key, value)| {
                    let (key, value) = (key.text()?, value.text()?);
                    let is_near = is_similar(&only.key, &key) && only.is_met(Some(value.clone()));
                    is_near.then_some((key, value))
                })?;
                Some(match &only.condition {
                    Condition::Exists => (only.key.clone(), key.to_string()),
                    _ => (format!("{}={value}", only.key), format!("{key}={value}")),
                })
            }
            _ => None,
        }
    }

    fn unmet_requirements<'a>(
        &self,
        lookup: impl Fn(&str) -> Option<Cow<'a, str>>,
    ) -> impl Iterator<Item = &Requirement> {
        self.requirements
            .iter()
            .filter(move |requirement| !requirement.is_met(lookup(&requirement.key)))
    }
}

impl FromStr for LabelSelector {
    type Err = LabelSelectorError;

    fn from_str(text: &str) -> Result<Self, LabelSelectorError> {
        let requirements = parse::requirements(text)?;
        Ok(Self { requirements })
    }
}

impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, Requirement { key, condition }) in self.requirements.iter().enumerate() {
            f.write_str(if place > 0 { "," } else { "" })?;
            match condition {
                Condition::Exists => f.write_str(key)?,
                Condition::Absent => write!(f, "!{key}")?,
                Condition::In(values) => match values.as_slice() {
                    [only] => write!(f, "{key}={only}")?,
                    _ => write!(f, "{key} in ({})", values.as_slice().join(","))?,
                },
                Condition::NotIn(values) => {
                    write!(f, "{key} notin ({})", values.as_slice().join(","))?
                }
                Condition::Above(bound) => write!(f, "{key}>{bound}")?,
                Condition::Below(bound) => write!(f, "{key}<{bound}")?,
            }
        }
        Ok(())
    }
}

/// One term of a selector.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Requirement {
    key: String,
    condition: Condition,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Condition {
    Exists,
    Absent,
    In(Values),
    /// Also matches an absent label.
    NotIn(Values),
    Above(i64),
    Below(i64),
}

/// The values of a requirement, in the order of the selector.
#[derive(Clone, Debug, Default)]
struct Values {
    list: Vec<String>,
    /// The same, if there are many.
    many: HashSet<String>,
}

impl Values {
    /// Up to this many values are compared one by one.
    const FEW: usize = 16;

    fn as_slice(&self) -> &[String] {
        &self.list
    }

    fn has(&self, value: &str) -> bool {
        match self.many.is_empty() {
            true => self.list.iter().any(|it| it == value),
            false => self.many.contains(value),
        }
    }
}

impl From<Vec<String>> for Values {
    fn from(list: Vec<String>) -> Values {
        let many = list.iter().filter(|_| list.len() > Values::FEW).cloned();
        Values {
            many: many.collect(),
            list,
        }
    }
}

impl PartialEq for Values {
    fn eq(&self, other: &Values) -> bool {
        self.list == other.list
    }
}

impl Eq for Values {}

impl Hash for Values {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.list.hash(state);
    }
}

impl Requirement {
    fn is_met(&self, value: Option<Cow<'_, str>>) -> bool {
        let value = value.as_deref();
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match &self.condition {
            Condition::Exists => value.is_some(),
            Condition::Absent => value.is_none(),
            Condition::In(values) => value.is_some_and(|value| values.has(value)),
            Condition::NotIn(values) => value.is_none_or(|value| !values.has(value)),
            Condition::Above(bound) => number().is_some_and(|number| number > *bound),
            Condition::Below(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

/// An error in the text of a label selector, with its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelSelectorError {
    selector: String,
    offset: usize,
    problem: String,
}

impl LabelSelectorError {
    /// The byte offset of the error in the selector's text.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Display for LabelSelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let character = self.selector[..self.offset].chars().count() + 1;
        write!(
            f,
            "label selector {:?}, character {character}: {}",
            self.selector, self.problem
        )
    }
}

impl std::error::Error for LabelSelectorError {}
