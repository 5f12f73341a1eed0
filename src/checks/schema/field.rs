//! Violations of schemas as findings.

use std::borrow::Cow;

use kustomize_krm_types::Severity;

use super::{
    CHECK, CHOICE, DUPLICATE, FORMAT, GATED, MISSING, OTHER_VERSION, RANGE, UNKNOWN, VALUE, WARNED,
};
use crate::finding::{Finding, Subject};
use crate::kubernetes::schema::{self, Fault, Refusal, Violation};
use crate::problem::{one_of, suggestion};
use crate::rules::Rule;
use crate::secrets;
use crate::yaml::Node;

/// The rule of what validation refuses: that of its number, or of the kind of the fault. A value outside of an enum always has
/// the same rule, whether it is the schema's or validation's.
fn rule_of(number: &str, why: &Refusal) -> &'static Rule {
    let of_kind = match why {
        Refusal::OneOf(_) => return &VALUE,
        Refusal::Range(_) | Refusal::Size(_) => &RANGE,
        Refusal::Format(_) => &FORMAT,
        Refusal::Words(_) | Refusal::NotAmong { .. } => &CHOICE,
    };
    let mut rules = CHECK.rules.iter();
    let numbered = |it: &&Rule| it.id.strip_prefix("FIT-VAL") == Some(number);
    rules.find(numbered).unwrap_or(of_kind)
}

/// The mode 0777 of a file.
const MOST_MODE: i64 = 0o777;

/// How many of the values that a field accepts a message names.
const MOST_NAMED: usize = 16;

pub(super) fn of_field(violation: Violation<'_>, minor: u8, is_custom: bool) -> Finding {
    let Violation {
        node,
        path,
        fault,
        late,
    } = violation;
    let tokens: Vec<String> = path.tokens().map(|it| it.decoded().into_owned()).collect();
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let is_missing = matches!(fault, Fault::Missing(_));
    let field = tokens.last().copied().unwrap_or_default();
    let mut finding = match fault {
        Fault::Unknown { name, known } => {
            let finding = Finding::new(&UNKNOWN, format!("unknown field `{name}`"));
            match suggestion(&name, known.iter().copied()) {
                Some(help) => finding.help(help),
                None if known.len() == 1 => {
                    finding.help(format!("the only field here is {}", one_of(&known)))
                }
                None if known.len() <= 8 => {
                    finding.help(format!("the fields here are {}", one_of(&known)))
                }
                None => finding,
            }
        }
        Fault::OtherVersions(versions) => {
            let message = match versions.since > minor {
                true => format!(
                    "{field} requires Kubernetes 1.{}, and the target is 1.{minor}",
                    versions.since
                ),
                false => format!(
                    "Kubernetes 1.{} is the last version that has {field}, and the target is 1.{minor}",
                    versions.until
                ),
            };
            Finding::new(&OTHER_VERSION, message)
        }
        Fault::Missing(name) => {
            Finding::new(&MISSING, format!("the required field `{name}` is missing"))
        }
        Fault::OfDefinition { expected, found } => {
            let found = found.unwrap_or_else(|| secrets::described(node));
            Finding::new(&VALUE, format!("expected {expected}, found {found}"))
        }
        Fault::Value(values) => not_one_of(&VALUE, node, &values, ""),
        Fault::Duplicate {
            keys,
            first,
            is_refused,
        } => {
            let list = tokens.iter().rev().nth(1).copied().unwrap_or_default();
            let keys = match keys.is_empty() {
                true => "value".to_owned(),
                false => keys.join(" and "),
            };
            let message = format!("item {first} of `{list}` has the same {keys}");
            match is_custom || is_refused {
                true => Finding::new(&DUPLICATE, message),
                false => Finding::graded(
                    &DUPLICATE,
                    Severity::Warning,
                    format!("{message}, which server-side apply refuses"),
                ),
            }
        }
        Fault::Refused {
            number,
            why,
            when,
            key,
        } => refused(node, rule_of(number, &why), why, &when, key.as_deref()),
        Fault::Warned(words) => Finding::new(&WARNED, format!("`{field}`: {words}")),
        Fault::Gated(gates) => Finding::new(
            &GATED,
            format!(
                "Kubernetes 1.{minor} drops {field} without the feature gate {gates}, which is off by default"
            ),
        ),
    };
    if let Some(late) = late {
        finding.severity = Severity::Warning;
        finding.help.get_or_insert_with(|| late.to_owned().into());
    }
    let current = (!is_missing && node.is_scalar())
        .then(|| node.value().ok())
        .flatten();
    finding.about(&Subject::object(), &tokens).current(current)
}

/// A value as messages name it.
fn shown(node: Node<'_>, text: &str) -> String {
    match secrets::is_hidden(node) {
        true => "this value".to_owned(),
        false => format!("`{text}`"),
    }
}

fn not_one_of(rule: &'static Rule, node: Node<'_>, values: &[&str], when: &str) -> Finding {
    let text = node.text().unwrap_or_default();
    let found = shown(node, &text);
    let named = match values.len() > MOST_NAMED {
        true => format!("one of `{}`, …", values[..MOST_NAMED].join("`, `")),
        false => one_of(values),
    };
    let finding = Finding::new(rule, format!("{found} is not {named}{when}"));
    match suggestion(&text, values.iter().copied()) {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// A value that the API server refuses.
fn refused(
    node: Node<'_>,
    rule: &'static Rule,
    why: Refusal,
    when: &str,
    key: Option<&str>,
) -> Finding {
    let text = match key {
        Some(key) => Cow::Borrowed(key),
        None => node.text().unwrap_or_default(),
    };
    let found = match key {
        Some(key) => format!("`{key}`"),
        None => shown(node, &text),
    };
    match why {
        Refusal::Words(words) => Finding::new(rule, format!("{words}{when}")),
        Refusal::OneOf(values) => not_one_of(rule, node, &values, when),
        Refusal::NotAmong { known, place } => {
            let finding = Finding::new(rule, format!("{found} is not in {place}{when}"));
            match suggestion(&text, known.iter().map(String::as_str)) {
                Some(help) => finding.help(help),
                None => finding,
            }
        }
        Refusal::Range(range) => {
            let message = format!("{found} is refused: it must be {}{when}", between(range));
            let finding = Finding::new(rule, message);
            let is_octal = text.len() == 3 && text.bytes().all(|c| matches!(c, b'0'..=b'7'));
            match node.int() {
                Some(_) if range.most == MOST_MODE && is_octal => finding.help(format!(
                    "an octal number begins with 0: did you mean `0{text}`?"
                )),
                Some(value) => finding.help(format!("the nearest is {}", range.nearest(value))),
                None => finding,
            }
        }
        Refusal::Size(range) => {
            let (found, what) = match node.is_scalar() {
                true => (found.as_str(), "characters"),
                false => ("the list", "items"),
            };
            let what = match range.most {
                1 => what.trim_end_matches('s'),
                i64::MAX if range.least == 1 => what.trim_end_matches('s'),
                _ => what,
            };
            let message = format!("{found} must have {} {what}{when}", between(range));
            Finding::new(rule, message)
        }
        Refusal::Format(format) => {
            let finding = Finding::new(rule, format!("{found} is not {}", format.words()));
            let nearest = format.nearest(&text).filter(|_| found.starts_with('`'));
            match nearest {
                Some(nearest) => finding.help(format!("did you mean `{nearest}`?")),
                None => finding,
            }
        }
    }
}

fn between(range: schema::Range) -> String {
    match (range.least, range.most) {
        (least, i64::MAX) => format!("at least {least}"),
        (i64::MIN | 0, most) => format!("at most {most}"),
        (least, most) if least == most => format!("{least}"),
        (least, most) => format!("from {least} to {most}"),
    }
}
