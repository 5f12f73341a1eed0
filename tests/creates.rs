//! fitout creates only fields that a change names: no containers, no lists of containers, no annotations on objects without
//! pods, and no empty values. Checked for every document in the repository and the corpus.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

use fitout::config::{Config, FunctionConfig};
use fitout::edit::Change;
use fitout::read::Resource;
use fitout::write;
use fitout::yaml::Stream;
use serde_json::{Map, Value, json};

use crate::hosts::bench::{root, skip};
use crate::restricted::{files, objects};

/// Every section, so that each can create something. `PROFILE`, `MODE` and `PLACEMENT` differ.
const CONFIG: &str = "
apiVersion: fitout.dev/v1alpha1
kind: Fitout
metadata: {name: everything}
spec:
  environment: test
  kubernetesVersion: '1.35'
  mode: MODE
  resources:
    containers: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 1Gi}}
  securityContext:
    profile: PROFILE
    pod: {runAsUser: 1000, runAsGroup: 1000, seccompProfile: {type: RuntimeDefault}}
    container: {allowPrivilegeEscalation: false}
    automountServiceAccountToken: Never
    enableServiceLinks: false
    writablePaths: [{path: /var/cache}]
  prometheus: {scrape: true, port: 9090, placement: PLACEMENT, includeJobs: true}
  storage: {mode: Ensure, storageClassName: fast, size: 20Gi}
";

const CONFIGS: [(&str, &str, &str); 3] = [
    ("restricted", "Ensure", "Pod"),
    ("baseline", "Override", "Service"),
    ("privileged", "Override", "Pod"),
];

#[test]
fn nothing_is_created_in_the_cases() {
    for number in 0..CONFIGS.len() {
        let mut inputs = files(&root().join("tests/cases"));
        inputs.retain(|path| path.ends_with("input.yaml"));
        hold(&inputs, |_| number, 150);
    }
}

#[test]
fn nothing_is_created_in_the_base() {
    for number in 0..CONFIGS.len() {
        hold(&files(&root().join("base")), |_| number, 10);
    }
}

/// Each file with one of the configs: all combinations take too long without optimization.
#[test]
fn nothing_is_created_in_the_corpus() {
    let corpus = root().join("../shared/corpus-dev");
    if !corpus.exists() {
        skip("no corpus next to the repository");
        return;
    }
    hold(&files(&corpus), |index| index % CONFIGS.len(), 500);
}

#[test]
fn created_fields_are_found() {
    let faults = |was: Value, is: Value| {
        let mut walk = Walk {
            changes: Vec::new(),
            is_service: false,
            faults: Vec::new(),
        };
        walk.compare(&was, &is, &mut Vec::new(), false);
        walk.faults.len()
    };
    let pod = || json!({"spec": {"containers": [{"name": "a"}]}});
    assert_eq!(faults(pod(), pod()), 0);
    for (path, created) in [
        ("/spec/initContainers", json!([])),
        ("/spec/securityContext", json!({})),
        ("/spec/hostUsers", json!(false)),
        ("/spec/containers/1", json!({})),
        ("/spec/containers", json!([])),
        ("/metadata", json!({"annotations": {}})),
        ("/status", json!({"metadata": {}})),
    ] {
        let mut is = pod();
        let (parent, key) = path.rsplit_once('/').unwrap();
        match is.pointer_mut(parent).unwrap() {
            Value::Array(items) => items.push(created),
            parent => parent[key] = created,
        }
        assert!(faults(pod(), is) > 0, "{path}");
    }
}

/// Checks all files, of which at least some must be changed at all.
fn hold(files: &[PathBuf], number: impl Fn(usize) -> usize, at_least: usize) {
    let texts = CONFIGS.map(|(profile, mode, placement)| {
        let text = CONFIG.replace("PROFILE", profile).replace("MODE", mode);
        Stream::parse(text.replace("PLACEMENT", placement)).unwrap()
    });
    let documents = texts
        .each_ref()
        .map(|text| FunctionConfig::of_file(text, "config").unwrap());
    let configs = documents
        .each_ref()
        .map(|config| config.decode(fitout::VOCABULARY).unwrap());
    let (mut fitted, mut faults) = (0, Vec::new());
    for (index, file) in files.iter().enumerate() {
        let found = faults_of(&configs[number(index)], file);
        fitted += usize::from(found.is_some());
        let found = found.unwrap_or_default().into_iter();
        faults.extend(found.map(|fault| format!("{}: {fault}", file.display())));
    }
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
    assert!(
        fitted >= at_least,
        "only {fitted} of {} files are fitted",
        files.len()
    );
}

/// What fitout creates in a file beyond its changes; `None` if fitout rejects the file or changes nothing.
fn faults_of(config: &Config<'_>, file: &Path) -> Option<Vec<String>> {
    let stream = Stream::parse(fs::read_to_string(file).ok()?).ok()?;
    let before = objects(&stream)?;
    let fitted = fitout::fit(config, &before, None).ok()?;
    if fitted.changes.is_empty() {
        return None;
    }
    let text = write::text(&stream, &fitted.changes, &before).ok()?;
    let stream = Stream::parse(&text).unwrap();
    let after = objects(&stream).unwrap();
    assert_eq!(before.len(), after.len(), "{}", file.display());
    let mut faults = Vec::new();
    for (index, (before, after)) in before.iter().zip(&after).enumerate() {
        let (Some(was), Some(is)) = (value(before), value(after)) else {
            continue;
        };
        let changes = fitted
            .changes
            .iter()
            .filter(|change| change.resource == index);
        let mut walk = Walk {
            changes: changes.collect(),
            is_service: before.kind == "Service" && before.group().is_empty(),
            faults: Vec::new(),
        };
        walk.compare(&was, &is, &mut Vec::new(), false);
        let who = before.display_name();
        faults.extend(
            walk.faults
                .into_iter()
                .map(|fault| format!("{who}: {fault}")),
        );
    }
    let again = fitout::fit(config, &after, None).unwrap();
    for change in again.changes {
        faults.push(format!("a second run changes {}", change.pointer()));
    }
    Some(faults)
}

fn value(resource: &Resource<'_>) -> Option<Value> {
    serde_json::to_value(resource.node.value().ok()?).ok()
}

const CONTAINER_LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

struct Walk<'c> {
    changes: Vec<&'c Change>,
    is_service: bool,
    faults: Vec<String>,
}

impl Walk<'_> {
    /// Finds what is in `is` but not in `was`; `is_pod` says whether the mapping at the path has a pod next to its metadata.
    fn compare(&mut self, was: &Value, is: &Value, path: &mut Vec<String>, is_pod: bool) {
        match (was, is) {
            (Value::Object(was), Value::Object(is)) => self.maps(was, is, path, is_pod),
            (Value::Array(was), Value::Array(is)) => {
                let list = path.last().map_or("", String::as_str);
                if CONTAINER_LISTS.contains(&list) && was.len() != is.len() {
                    self.fault(path, "has another number of containers");
                }
                for (index, item) in is.iter().enumerate() {
                    path.push(index.to_string());
                    match was.get(index) {
                        Some(was) => self.compare(was, item, path, false),
                        None => self.created(item, path),
                    }
                    path.pop();
                }
                if was.len() > is.len() && !self.is_named(path) {
                    self.fault(path, "has lost items");
                }
            }
            _ if was == is => {}
            _ if was.is_null() => self.created(is, path),
            _ if self.is_named(path) => {}
            _ => self.fault(path, "differs, and no change names it"),
        }
    }

    fn maps(
        &mut self,
        was: &Map<String, Value>,
        is: &Map<String, Value>,
        path: &mut Vec<String>,
        is_pod: bool,
    ) {
        let has_pod = is
            .get("spec")
            .is_some_and(|spec| spec["containers"].is_array());
        let has_pod = has_pod
            || is.get("spec").is_some_and(Value::is_object)
                && path.last().is_some_and(|it| it == "podTemplate");
        for (key, value) in is {
            path.push(key.clone());
            let is_new = was.get(key).is_none_or(Value::is_null) && !value.is_null();
            let may_be_annotated =
                is_pod || self.is_service && *path == ["metadata", "annotations"];
            if is_new && key == "annotations" && !may_be_annotated {
                self.fault(path, "is new, and there are no pods");
            }
            if is_new && key == "metadata" && !has_pod {
                self.fault(path, "is new, and there are no pods");
            }
            self.compare(
                was.get(key).unwrap_or(&Value::Null),
                value,
                path,
                key == "metadata" && has_pod,
            );
            path.pop();
        }
        for (key, value) in was.iter().filter(|(key, _)| !is.contains_key(*key)) {
            path.push(key.clone());
            if !self.is_removed(value, path) {
                self.fault(path, "is gone, and no change names it");
            }
            path.pop();
        }
    }

    /// Whether changes remove everything at a place; a mapping is removed with the last of its fields.
    fn is_removed(&self, was: &Value, path: &mut Vec<String>) -> bool {
        if self.is_named(path) {
            return true;
        }
        let Some(entries) = was.as_object().filter(|entries| !entries.is_empty()) else {
            return false;
        };
        entries.iter().all(|(key, value)| {
            path.push(key.clone());
            let is_removed = self.is_removed(value, path);
            path.pop();
            is_removed
        })
    }

    /// Checks a new value: a change names each of its leaves.
    fn created(&mut self, is: &Value, path: &mut Vec<String>) {
        if path
            .last()
            .is_some_and(|key| CONTAINER_LISTS.contains(&key.as_str()))
        {
            self.fault(path, "is a new list of containers");
        }
        let parts: Vec<(String, &Value)> = match is {
            Value::Object(entries) => entries.iter().map(|(key, it)| (key.clone(), it)).collect(),
            Value::Array(items) => {
                let items = items.iter().enumerate();
                items.map(|(index, it)| (index.to_string(), it)).collect()
            }
            _ if self.is_named(path) => return,
            _ => return self.fault(path, "is new, and no change names it"),
        };
        // Its key alone makes a volume an emptyDir.
        let is_volume = path.last().is_some_and(|key| key == "emptyDir");
        if parts.is_empty() && !is_volume {
            self.fault(path, "is new and empty");
        }
        for (key, part) in parts {
            path.push(key);
            self.created(part, path);
            path.pop();
        }
    }

    /// Whether a change names the place, or a value that contains it.
    fn is_named(&self, path: &[String]) -> bool {
        self.changes.iter().any(|change| {
            let pointer = change.pointer();
            let mut tokens = pointer.tokens();
            let mut path = path.iter();
            tokens.all(|token| {
                path.next()
                    .is_some_and(|key| token.decoded() == key.as_str())
            })
        })
    }

    fn fault(&mut self, path: &[String], what: &str) {
        self.faults.push(format!("{} {what}", path.join(".")));
    }
}
