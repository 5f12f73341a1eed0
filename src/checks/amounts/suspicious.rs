//! Valid amounts that are probably typos: 500 CPUs instead of 500m, 256 bytes of memory, an octal number.

use std::sync::LazyLock;

use kustomize_krm_types::Severity;

use super::{Amounts, Written};
use crate::finding::Finding;
use crate::kubernetes::Quantity;
use crate::rules::rules;

rules! {
    pub(super) _;
    UNLIKELY: "FIT-RES006" Warning Always "a suspicious amount, probably a typo";
    NULL: "FIT-RES011" Warning Always "a request or limit that is null";
}

static MILLI: LazyLock<Option<Quantity>> = LazyLock::new(|| "1m".parse().ok());
static HUNDRED: LazyLock<Option<Quantity>> = LazyLock::new(|| "100".parse().ok());
/// With less memory no container starts.
static LEAST_MEMORY: LazyLock<Option<Quantity>> = LazyLock::new(|| "4Mi".parse().ok());

pub(super) fn find(amounts: &Amounts<'_, '_>) -> Vec<Finding> {
    let written = amounts.written.iter();
    let findings = written.filter_map(|written| typo(amounts, written));
    findings.chain(mixed_units(amounts)).collect()
}

fn typo(amounts: &Amounts<'_, '_>, written: &Written<'_>) -> Option<Finding> {
    if written.node.is_null() {
        let what = "is null, which the API server reads as 0";
        let finding = amounts.finding(&NULL, NULL.severity, written, what);
        return Some(finding.help("set it, or delete the line"));
    }
    let amount = written.quantity().filter(|amount| !amount.is_zero())?;
    let text = written.text.as_ref();
    let (what, help) = match written.name.as_ref() {
        _ if text.parse::<Quantity>() != Ok(amount) => (
            format!("is `{text}`, which YAML 1.1 reads as {amount}, but YAML 1.2 does not"),
            "quote it, or write it as a decimal".to_owned(),
        ),
        "cpu" if text.ends_with(|it: char| it.is_ascii_digit()) && amount > (*HUNDRED)? => (
            format!("is {amount} whole cores"),
            format!("did you mean `{text}m`?"),
        ),
        "cpu" if !amount.is_multiple_of((*MILLI)?) => (
            "is finer than 1m, the smallest unit of CPU".to_owned(),
            "round it up to 1m".to_owned(),
        ),
        // The API server accepts it, so this is a warning.
        "memory" | "ephemeral-storage" if text.ends_with('m') => (
            format!("is {text}, in which m means a thousandth of a byte"),
            format!("did you mean `{}Mi`?", text.trim_end_matches('m')),
        ),
        "memory" if amount < (*LEAST_MEMORY)? => (
            format!("is {amount}, too little for a container to start"),
            "memory is in bytes; add a unit such as Mi".to_owned(),
        ),
        _ => return None,
    };
    let finding = amounts.finding(&UNLIKELY, UNLIKELY.severity, written, &what);
    Some(finding.help(help))
}

/// Decimal and binary units in one container, which are easily confused: `1000M` is 953.67Mi.
fn mixed_units(amounts: &Amounts<'_, '_>) -> Option<Finding> {
    let first = |has_unit: &dyn Fn(&str) -> bool| {
        let is_counted = |it: &&Written<'_>| it.name == "memory" || it.name == "ephemeral-storage";
        let mut counted = amounts.written.iter().filter(is_counted);
        counted.find(|it| has_unit(&it.text))
    };
    let decimal = first(&|text| text.ends_with(['k', 'M', 'G', 'T', 'P', 'E']))?;
    let binary = first(&|text| text.ends_with('i'))?;
    let what = format!(
        "is {}, but resources.{}.{} is {}: this mixes units of 1000 and of 1024",
        decimal.text, binary.half, binary.name, binary.text
    );
    let finding = amounts.finding(&UNLIKELY, Severity::Info, decimal, &what);
    Some(finding.help("use Ki, Mi or Gi for both"))
}
