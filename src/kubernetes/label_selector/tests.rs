#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::kubernetes::tests::upstream;

fn selector(text: &str) -> LabelSelector {
    text.parse().unwrap()
}

fn matches(text: &str, labels: &[(&str, &str)]) -> bool {
    let find = |key: &str| labels.iter().find(|(name, _)| *name == key);
    selector(text).matches(|key| find(key).map(|(_, value)| Cow::Borrowed(*value)))
}

#[test]
fn every_operator() {
    let labels = [("a", "1"), ("b", "x"), ("e", "")];
    for met in [
        "", "a", "!c", "a=1", "a==1", "a!=2", "c!=2", "b in (x, y)", "c notin (x)", "a>0", "a<2",
        "e=", "e in ()", "a,b , !c",
    ] {
        assert!(matches(met, &labels), "{met:?}");
    }
    for missed in [
        "c", "!a", "a=2", "a!=1", "c in (x)", "b notin (x,y)", "a>1", "a<1", "b>0", "c>0", "b=",
        "a,c",
    ] {
        assert!(!matches(missed, &labels), "{missed:?}");
    }
}

#[test]
fn operators_may_be_keys_and_values() {
    assert!(matches(
        "in in (in,notin),notin",
        &[("in", "notin"), ("notin", "")]
    ));
}

#[test]
fn unmet_requirements_are_counted() {
    let labels = |key: &str| (key == "a").then_some(Cow::Borrowed("1"));
    assert_eq!(selector("a=1,b=2").unmet(labels), 1);
    assert_eq!(selector("a=2,b=2,!a").unmet(labels), 3);
    assert_eq!(selector("a=1,!b").unmet(labels), 0);
}

#[test]
fn errors_name_the_place() {
    for (text, offset, expected) in [
        (
            "a=b=c",
            3,
            "label selector \"a=b=c\", character 4: found \"=\", expected \",\" or the end",
        ),
        (
            "a,",
            2,
            "label selector \"a,\", character 3: found the end, expected a label key or \"!\"",
        ),
        (
            "!a=b",
            2,
            "label selector \"!a=b\", character 3: found \"=\", expected \",\" or the end",
        ),
        (
            "x in a",
            5,
            "label selector \"x in a\", character 6: found \"a\", expected \"(\"",
        ),
        (
            "x in (a b)",
            8,
            "label selector \"x in (a b)\", character 9: found \"b\", expected \",\" or \")\"",
        ),
        (
            "x in (a",
            7,
            "label selector \"x in (a\", character 8: found the end, expected \",\" or \")\"",
        ),
        (
            "a>x",
            2,
            "label selector \"a>x\", character 3: found \"x\", expected an integer of at most 64 bits",
        ),
        (
            "é",
            0,
            "label selector \"é\", character 1: \"é\" is not a label key: 'é' is not allowed, only letters, digits, \"-\", \"_\" and \".\"",
        ),
        (
            "a=é,b=/",
            2,
            "label selector \"a=é,b=/\", character 3: \"é\" is not a label value: 'é' is not allowed, only letters, digits, \"-\", \"_\" and \".\"",
        ),
        (
            "a=x-",
            2,
            "label selector \"a=x-\", character 3: \"x-\" is not a label value: it must begin and end with a letter or digit",
        ),
    ] {
        let error = text.parse::<LabelSelector>().unwrap_err();
        assert_eq!(
            (error.offset(), error.to_string().as_str()),
            (offset, expected)
        );
    }
    let error = "a b".parse::<LabelSelector>().unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("found \"b\", expected one of = == != in notin > <, \",\" or the end"),
        "{error}"
    );
}

#[test]
fn keys_have_a_prefix_at_most() {
    for text in ["a/b/c", "/a", "a/", "A.com/a", "a..b/c", "-a", "a\0"] {
        assert!(text.parse::<LabelSelector>().is_err(), "{text:?}");
    }
    assert!(matches("example.com/a", &[("example.com/a", "")]));
    assert!(
        format!("{}/a", "d.".repeat(126) + "d")
            .parse::<LabelSelector>()
            .is_ok()
    );
    assert!(
        format!("{}/a", "d.".repeat(127))
            .parse::<LabelSelector>()
            .is_err()
    );
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_with_a_place_in_it(text in "[ab=!,()<> é]{0,12}|\\PC*") {
        if let Err(error) = text.parse::<LabelSelector>() {
            prop_assert!(text.get(error.offset()..).is_some());
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

/// Agreement with the real `labels.Parse` on random selectors. Needs Go and its module proxy:
/// `cargo test --lib conformance -- --ignored`; `CONFORMANCE_SEED=7` draws others.
#[test]
#[ignore = "needs Go"]
fn conformance_with_apimachinery() {
    let sets: Vec<BTreeMap<String, String>> = serde_json::from_str(include_str!(
        "../../../tests/conformance/selectors/labels.json"
    ))
    .unwrap();
    let (mut rows, mut wrong) = (0, Vec::new());
    for line in upstream("./selectors") {
        let (text, theirs) = line.split_once('\t').unwrap();
        let text: String = serde_json::from_str(text).unwrap();
        let ours = text.parse::<LabelSelector>().map_or_else(
            |_| "-".to_owned(),
            |selector| {
                let lookup = |set: &BTreeMap<String, String>, key: &str| {
                    set.get(key).cloned().map(Cow::Owned)
                };
                let met = sets
                    .iter()
                    .map(|set| selector.matches(|key| lookup(set, key)));
                let met: String = met.map(|met| if met { '1' } else { '0' }).collect();
                let misses = sets
                    .iter()
                    .map(|set| selector.unmet(|key| lookup(set, key)).to_string());
                format!("{met}\t{}", misses.collect::<Vec<_>>().join(","))
            },
        );
        rows += 1;
        if ours != theirs {
            wrong.push(format!("{line} but here {ours}"));
        }
    }
    assert_eq!(rows, 100_000);
    assert!(
        wrong.is_empty(),
        "{} of {rows} rows differ:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(40)].join("\n")
    );
}
