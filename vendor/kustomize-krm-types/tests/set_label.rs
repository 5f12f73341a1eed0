//! The example does what it says, on a list as kpt sends it.
#![allow(clippy::unwrap_used)]

use kustomize_krm_types::{ResourceList, Severity, annotations};
use serde_json::{Value, json};

#[allow(dead_code)]
#[path = "../examples/set_label.rs"]
mod example;

const INPUT: &str = "\
apiVersion: config.kubernetes.io/v1
kind: ResourceList
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata:
    name: web
    namespace: shop
    annotations:
      config.kubernetes.io/index: '1'
      config.kubernetes.io/path: 'web.yaml'
      internal.config.kubernetes.io/index: '1'
      internal.config.kubernetes.io/path: 'web.yaml'
- apiVersion: v1
  kind: Service
  metadata:
    name: web
    labels: {team: shop, tier: front}
- resources: [web.yaml]
functionConfig:
  apiVersion: v1
  kind: ConfigMap
  metadata: {name: function-input}
  data: {name: team, value: shop}
";

fn list() -> ResourceList {
    serde_yaml::from_str(INPUT).unwrap()
}

#[test]
fn it_sets_the_label_and_reports_each_change() {
    let mut list = list();
    example::set_labels(&mut list);
    let written = serde_yaml::to_string(&list).unwrap();
    let list: ResourceList = serde_yaml::from_str(&written).unwrap();

    let labels = |item: &Value| item["metadata"]["labels"].clone();
    assert_eq!(labels(&list.items[0]), json!({"team": "shop"}));
    assert_eq!(
        labels(&list.items[1]),
        json!({"team": "shop", "tier": "front"})
    );
    assert_eq!(list.items[2], json!({"resources": ["web.yaml"]}));
    let path = &list.items[0]["metadata"]["annotations"][annotations::PATH];
    assert_eq!(path, "web.yaml", "bookkeeping is kept");
    assert_eq!(
        serde_json::to_value(&list.results).unwrap(),
        json!([{
            "message": "label team set to shop",
            "severity": "info",
            "resourceRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "namespace": "shop"},
            "field": {"path": "metadata.labels[\"team\"]", "proposedValue": "shop"},
            "file": {"path": "web.yaml", "index": 1},
        }])
    );
}

#[test]
fn a_second_run_changes_nothing() {
    let mut once = list();
    example::set_labels(&mut once);
    once.results.clear();
    let mut twice = once.clone();
    example::set_labels(&mut twice);
    assert_eq!(twice, once);
}

#[test]
fn without_a_config_it_fails_and_returns_every_item() {
    let mut list = list();
    list.function_config = None;
    let items = list.items.clone();
    example::set_labels(&mut list);
    assert!(list.has_errors());
    assert_eq!(list.results[0].severity, Severity::Error);
    assert_eq!(list.items, items);
}
