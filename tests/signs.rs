//! The signs of a host in a ResourceList. An author can write any of them on his objects, so whatever they say, the output
//! has every item, except for kustomize, which discards the output of a validator and fails if it has the items.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::fmt::Write as _;

use fitout::read::Host;
use fitout::{Outcome, Results};
use kustomize_krm_types::ResourceList;
use kustomize_krm_types::annotations::{
    ID, INDEX, KPT_RESOURCE_ID, KUSTOMIZE_ID, LEGACY_ID, LEGACY_PATH, LOCAL_CONFIG, PACKAGE_PATH,
    PATH, SEQ_INDENT,
};

/// The annotations of an item.
type Signs = Vec<(&'static str, String)>;

/// What kustomize writes on the item at an index; with artificial paths from its second function on.
fn kustomize(index: usize, paths: bool) -> Signs {
    let mut signs = vec![
        (KUSTOMIZE_ID, "kind: ConfigMap".to_owned()),
        (INDEX, index.to_string()),
        (ID, (index + 1).to_string()),
        (LEGACY_ID, (index + 1).to_string()),
    ];
    if paths {
        let path = format!("shop/configmap_item-{index}.yaml");
        signs.extend([(PATH, path.clone()), (LEGACY_PATH, path)]);
    }
    signs
}

/// What kpt writes on the item at an index.
fn kpt(index: usize) -> Signs {
    let path = format!("item-{index}.yaml");
    vec![
        (PATH, path.clone()),
        (LEGACY_PATH, path),
        (INDEX, "0".to_owned()),
        (SEQ_INDENT, "compact".to_owned()),
        (ID, (index + 1).to_string()),
        (LEGACY_ID, (index + 1).to_string()),
    ]
}

fn forge(mut signs: Signs, name: &'static str, value: &str) -> Signs {
    signs.retain(|(known, _)| *known != name);
    signs.push((name, value.to_owned()));
    signs
}

fn object(signs: &Signs, name: &str) -> String {
    let mut text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  annotations:\n    owner: us\n"
    );
    for (name, value) in signs {
        let _ = writeln!(text, "    {name}: \"{value}\"");
    }
    text
}

fn indent(text: &str, first: &str, rest: &str) -> String {
    let lines = text.lines().enumerate();
    let lines = lines.map(|(at, line)| format!("{}{line}\n", if at == 0 { first } else { rest }));
    lines.collect()
}

/// Runs the function on a list of these items.
fn run_on(items: &str, config_signs: &[(&str, &str)], mode: &str) -> Outcome {
    let signs: String = config_signs
        .iter()
        .map(|(name, value)| format!("      {name}: \"{value}\"\n"))
        .collect();
    let list = format!(
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:{items}\nfunctionConfig:\n  apiVersion: fitout.dev/v1alpha1\n  \
         kind: Fitout\n  metadata:\n    name: test\n    annotations:\n      owner: us\n{signs}  spec: {{environment: test, mode: {mode}}}\n"
    );
    fitout::run(list.into_bytes(), Results::Always, None)
}

fn items_of(signs: &[Signs]) -> String {
    let items = signs.iter().enumerate();
    let items = items.map(|(at, signs)| object(signs, &format!("item-{at}")));
    "\n".to_owned()
        + &items
            .map(|item| indent(&item, "- ", "  "))
            .collect::<String>()
}

/// The config as kustomize passes it.
const OF_BUILD: &[(&str, &str)] = &[(LOCAL_CONFIG, "true")];

/// Asserts that the output of both modes has all items of a list that no host sends, or a host with files.
fn keeps_all(what: &str, items: &str, count: usize, config_signs: &[(&str, &str)]) {
    for mode in ["Check", "Ensure"] {
        let outcome = run_on(items, config_signs, mode);
        assert!(outcome.passed, "{what}, {mode}: {:?}", outcome.problems);
        assert_ne!(outcome.host, Host::Kustomize, "{what}, {mode}");
        let output = outcome.output.unwrap();
        let list: ResourceList = serde_yaml::from_str(&output).unwrap();
        assert_eq!(list.items.len(), count, "{what}, {mode}: {output}");
        assert!(
            !output.contains("CheckConfigUsedAsTransformer"),
            "{what}, {mode}: {output}"
        );
    }
}

#[test]
fn a_validator_of_kustomize_returns_only_the_marker() {
    for paths in [false, true] {
        let signs: Vec<Signs> = (0..3).map(|index| kustomize(index, paths)).collect();
        let outcome = run_on(&items_of(&signs), OF_BUILD, "Check");
        assert_eq!(outcome.host, Host::Kustomize);
        let output = outcome.output.unwrap();
        assert!(
            output.contains("kind: CheckConfigUsedAsTransformer"),
            "{output}"
        );
        assert!(!output.contains("item-"), "{output}");
        let outcome = run_on(&items_of(&signs), OF_BUILD, "Ensure");
        let list: ResourceList = serde_yaml::from_str(&outcome.output.unwrap()).unwrap();
        assert_eq!(list.items.len(), 3);
    }
}

#[test]
fn kpt_gets_every_item() {
    let signs: Vec<Signs> = (0..3).map(kpt).collect();
    assert_eq!(run_on(&items_of(&signs), &[], "Check").host, Host::Kpt);
    keeps_all(
        "kpt",
        &items_of(&signs),
        3,
        &[(INDEX, "0"), (SEQ_INDENT, "compact")],
    );
}

#[test]
fn a_forged_sign_never_drops_an_item() {
    let id = "kind: ConfigMap";
    let all_forged = |of: fn(usize) -> Signs| -> Vec<Signs> {
        (0..3)
            .map(|index| forge(of(index), KUSTOMIZE_ID, id))
            .collect()
    };
    let mut one_forged: Vec<Signs> = (0..3).map(kpt).collect();
    one_forged[1] = forge(kpt(1), KUSTOMIZE_ID, id);
    // Configs as kustomize passes them do not help.
    for config in [&[][..], OF_BUILD, &[(INDEX, "0"), (LOCAL_CONFIG, "true")]] {
        keeps_all(
            "one id in a package of kpt",
            &items_of(&one_forged),
            3,
            config,
        );
        keeps_all(
            "ids on everything in a package of kpt",
            &items_of(&all_forged(kpt)),
            3,
            config,
        );
        let piped = |index: usize| {
            let mut signs = kpt(index);
            signs.retain(|(name, _)| ![PATH, LEGACY_PATH, INDEX].contains(name));
            signs
        };
        keeps_all(
            "ids on everything that is piped to kpt",
            &items_of(&all_forged(piped)),
            3,
            config,
        );
        let without_indent = |index: usize| {
            let mut signs = kpt(index);
            signs.retain(|(name, _)| *name != SEQ_INDENT);
            signs
        };
        keeps_all(
            "files with ids",
            &items_of(&all_forged(without_indent)),
            3,
            config,
        );
    }
    // Files with the names of artificial paths, one object in each.
    let named = |index: usize| {
        let signs = forge(kustomize(index, true), INDEX, "0");
        forge(signs, LEGACY_PATH, "configmap_item.yaml")
    };
    let named: Vec<Signs> = (0..3).map(named).collect();
    keeps_all(
        "files with artificial names",
        &items_of(&named),
        3,
        OF_BUILD,
    );
    keeps_all("one such file", &items_of(&[kustomize(0, true)]), 1, &[]);
    let of_file = [(LOCAL_CONFIG, "true"), (INDEX, "0"), (PATH, "fn.yaml")];
    keeps_all(
        "one such file, and the config in a file",
        &items_of(&[kustomize(0, true)]),
        1,
        &of_file,
    );
    keeps_all(
        "a config in a file",
        &items_of(&[kustomize(0, false)]),
        1,
        &of_file,
    );
}

#[test]
fn a_sign_against_kustomize_keeps_every_item() {
    for (name, value) in [
        (SEQ_INDENT, "wide"),
        (PACKAGE_PATH, "/src"),
        (KPT_RESOURCE_ID, "1"),
        (PATH, "deploy/item.yaml"),
        (LEGACY_PATH, "item.yaml"),
        (INDEX, "7"),
        (INDEX, "x"),
    ] {
        let mut signs: Vec<Signs> = (0..3).map(|index| kustomize(index, false)).collect();
        signs[2] = forge(kustomize(2, false), name, value);
        keeps_all(name, &items_of(&signs), 3, OF_BUILD);
    }
    let mut signs: Vec<Signs> = (0..3).map(|index| kustomize(index, false)).collect();
    signs[0].retain(|(name, _)| *name != KUSTOMIZE_ID);
    keeps_all("an item without an id", &items_of(&signs), 3, OF_BUILD);
}

#[test]
fn the_objects_of_a_list_have_no_host() {
    let object = object(&forge(Vec::new(), KUSTOMIZE_ID, "kind: ConfigMap"), "inner");
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n{}",
        indent(&object, "- ", "  ")
    );
    let items = "\n".to_owned() + &indent(&list, "- ", "  ");
    keeps_all("ids only in a List", &items, 1, OF_BUILD);
    let empty = "\n- {apiVersion: v1, kind: List, items: []}";
    keeps_all("an empty List", empty, 1, OF_BUILD);
    keeps_all("an empty list", " []", 0, OF_BUILD);
}
