//! Renderings as objects: hosts may order them differently, but must not disagree about any.

use std::collections::{BTreeMap, BTreeSet};

use kustomize_krm_types::annotations::{LOCAL_CONFIG, is_bookkeeping};
use serde::Deserialize as _;
use serde_json::Value;

/// By kind, namespace and name.
pub(crate) type Objects = BTreeMap<String, Value>;

/// The objects for a cluster in a stream or a `ResourceList`, without those that only the hosts read.
pub(crate) fn objects<'a>(texts: impl IntoIterator<Item = &'a str>) -> Objects {
    let mut objects = Objects::new();
    for document in texts
        .into_iter()
        .flat_map(serde_yaml::Deserializer::from_str)
    {
        let value = Value::deserialize(document).unwrap();
        let items = match &value["items"] {
            Value::Array(items) => items.clone(),
            _ => vec![value],
        };
        for mut item in items
            .into_iter()
            .filter(|item| !item.is_null() && !is_local(item))
        {
            drop_bookkeeping(&mut item);
            let name = |field: &str| item["metadata"][field].as_str().unwrap_or("-").to_owned();
            let key = format!(
                "{} {} {}/{}",
                item["apiVersion"],
                item["kind"],
                name("namespace"),
                name("name")
            );
            assert!(
                objects.insert(key.clone(), item).is_none(),
                "{key} is there twice"
            );
        }
    }
    objects
}

/// The package's own files, and objects that are not applied to a cluster.
fn is_local(item: &Value) -> bool {
    item["kind"] == "Kptfile" || item["metadata"]["annotations"][LOCAL_CONFIG] == "true"
}

/// Annotations that hosts add for themselves, and remove before they print.
fn drop_bookkeeping(item: &mut Value) {
    let Some(metadata) = item["metadata"].as_object_mut() else {
        return;
    };
    let Some(annotations) = metadata
        .get_mut("annotations")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    annotations.retain(|name, _| !is_bookkeeping(name));
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
}

/// Fails with every path on which the two disagree.
pub(crate) fn assert_same_objects(who: &str, expected: &Objects, actual: &Objects) {
    assert!(
        !expected.is_empty(),
        "{who}: there is nothing to compare with"
    );
    let mut differences = Vec::new();
    let keys: BTreeSet<&String> = expected.keys().chain(actual.keys()).collect();
    for key in keys {
        match (expected.get(key), actual.get(key)) {
            (Some(expected), Some(actual)) => compare(key, expected, actual, &mut differences),
            (Some(_), None) => differences.push(format!("{key}: missing")),
            (None, _) => differences.push(format!("{key}: not expected")),
        }
    }
    assert!(
        differences.is_empty(),
        "{who} disagrees:\n{}",
        differences.join("\n")
    );
}

fn compare(path: &str, expected: &Value, actual: &Value, differences: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let of = |map: &serde_json::Map<String, Value>| {
                    map.get(key).cloned().unwrap_or_default()
                };
                compare(&format!("{path} .{key}"), &of(a), &of(b), differences);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{path} [{index}]"), a, b, differences);
            }
        }
        _ if expected == actual => {}
        _ => differences.push(format!("{path}: expected {expected}, got {actual}")),
    }
}

/// Fails with the first line on which the two disagree.
pub(crate) fn assert_same_bytes(who: &str, expected: &str, actual: &str) {
    assert!(
        !expected.is_empty(),
        "{who}: there is nothing to compare with"
    );
    if expected != actual {
        let (mut a, mut b) = (expected.lines(), actual.lines());
        let mut line = 1;
        loop {
            match (a.next(), b.next()) {
                (None, None) => panic!("{who} disagrees in its line ends"),
                (a, b) if a != b => {
                    panic!("{who} disagrees in line {line}: expected {a:?}, got {b:?}")
                }
                _ => line += 1,
            }
        }
    }
}
