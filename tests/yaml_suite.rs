//! What the program does with the texts of the YAML test suite: what it does not read is an error with the place, or is named
//! in the ledger. `src/yaml/tests/suite.rs` has the trees.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use fitout::yaml::Stream;
use serde_json::Value;

use crate::program::Folder;

const CONFIG: &str = "\
apiVersion: fitout.dev/v1alpha1
kind: Fitout
metadata: {name: test}
spec:
  environment: test
  securityContext: {profile: restricted}
";

/// An object before each text, so that fitout does not take a text that it cannot read for the file of another tool.
const POD: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: NAME}
spec:
  containers: [{name: shop, image: 'example.com/shop:1.0'}]
---
";

fn texts() -> Vec<(String, String)> {
    let cases = include_str!("yaml_suite/cases.jsonl").lines();
    let cases = cases.map(|line| {
        let case: Value = serde_json::from_str(line).unwrap();
        let id = case["id"]
            .as_str()
            .unwrap()
            .replace('/', "-")
            .to_lowercase();
        let text = POD.replace("NAME", &id) + case["yaml"].as_str().unwrap();
        (id, text)
    });
    cases.collect()
}

#[test]
fn every_text_is_read_or_refused_with_its_place() {
    let (mut read, mut refused) = (Vec::new(), Vec::new());
    for (id, text) in texts() {
        match Stream::parse(text.as_str()) {
            Ok(_) => read.push((format!("in/{id}.yaml"), text)),
            Err(error) => refused.push((format!("in/{id}.yaml"), text, error)),
        }
    }
    assert!(read.len() > 150 && refused.len() > 150, "{}", read.len());
    let config = ("config.yaml".to_owned(), CONFIG.to_owned());
    let folder = |texts: Vec<(String, String)>| {
        let texts: Vec<_> = texts.into_iter().chain([config.clone()]).collect();
        let files: Vec<(&str, &str)> = texts
            .iter()
            .map(|(name, text)| (&**name, &**text))
            .collect();
        Folder::with(&files)
    };
    // All refused ones are reported in one run, and nothing is written for the others.
    let all = refused
        .iter()
        .map(|(name, text, _)| (name.clone(), text.clone()));
    let run = folder(all.chain(read.iter().take(1).cloned()).collect())
        .run(&["apply", "-f", "in", "-c", "config.yaml"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(3), ""),
        "{}",
        run.stderr
    );
    for (name, text, error) in &refused {
        // The end of a text is shown as the end of its last line, and tabs as blanks.
        let place = match error.offset == text.len() {
            true => format!("--> {name}:"),
            false => format!("--> {name}:{}:", error.position.line),
        };
        assert!(run.stderr.contains(&place), "{place}{text:?}");
    }
    // Of the others, only documents that are not objects are refused, and each Pod is examined.
    let run = folder(read.clone()).run(&["check", "-v", "-f", "in", "-c", "config.yaml"]);
    let is_list = |name: &str| run.stderr.contains(&format!("--> {name}:"));
    let objects: Vec<_> = read
        .into_iter()
        .filter(|(name, _)| !is_list(name))
        .collect();
    assert!(objects.len() > 80, "{}\n{}", objects.len(), run.stderr);
    let run = folder(objects.clone()).run(&["check", "-v", "-f", "in", "-c", "config.yaml"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    for (name, text) in objects {
        let id = name.trim_start_matches("in/").trim_end_matches(".yaml");
        let shown = run.stdout.clone() + &run.stderr;
        assert!(shown.contains(&format!("Pod {id}  {name}")), "{text:?}");
        // What follows the Pod is named too, unless there is nothing.
        let documents = Stream::parse(text.as_str()).unwrap();
        let others = documents
            .documents()
            .skip(1)
            .any(|document| !document.root().is_null());
        let is_named = shown
            .lines()
            .any(|line| line.contains(&name) && !line.contains("Pod "));
        assert!(!others || is_named, "{name}: {text:?}\n{shown}");
    }
}
