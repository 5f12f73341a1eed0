//! Manifests from other projects: objects that the API server accepts, it also accepts after fitting.
//!
//! In CI the corpus is next to the repository; its `SERVER.tsv` lists the objects that a real API server accepts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use fitout::config::FunctionConfig;
use fitout::read::{Origin, Resource};
use fitout::write;
use fitout::yaml::Stream;
use kustomize_krm_types::Severity;
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::cluster::Cluster;
use crate::hosts::bench::{Ran, root, skip};

/// All sections, in the default mode and in the mode that changes most.
const CONFIG: &str = "
apiVersion: fitout.dev/v1alpha1
kind: Fitout
metadata: {name: corpus}
spec:
  environment: corpus
  kubernetesVersion: '1.34'
  mode: MODE
  resources:
    containers:
      requests: {cpu: 100m, memory: 128Mi}
      limits: {cpu: 500m, memory: 512Mi}
  securityContext:
    pod: {runAsUser: 1000, runAsGroup: 1000}
  prometheus: {scrape: true, onAmbiguous: Skip}
  storage: {storageClassName: fast, size: 10Gi}
";

#[test]
fn accepted_objects_are_accepted_after_fitting() {
    let corpus = root().join("../shared/corpus-dev");
    let Ok(taken) = fs::read_to_string(corpus.join("SERVER.tsv")) else {
        skip("no corpus next to the repository");
        return;
    };
    let Some(cluster) = Cluster::empty() else {
        return;
    };
    let mut accepted: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for line in taken.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        if cells[6] == "accepted" {
            accepted
                .entry(cells[0])
                .or_default()
                .insert(cells[1].parse().unwrap());
        }
    }
    let mut wrong = Vec::new();
    for mode in ["Ensure", "Override"] {
        let config = CONFIG.replace("MODE", mode);
        let (mut before, mut after, mut namespaces) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (file, documents) in &accepted {
            let text = fs::read_to_string(corpus.join(file)).unwrap();
            let Some(fitted) = fitted(&text, &config) else {
                continue;
            };
            let (old, new) = (objects(&text), objects(&fitted));
            assert_eq!(
                old.len(),
                new.len(),
                "{file} has other documents after fitting"
            );
            for index in documents
                .iter()
                .filter(|index| old[**index] != new[**index])
            {
                // Unique names, so that rejected objects can be identified.
                let number = before.len();
                let renamed = |object: &Value| {
                    let mut object = object.clone();
                    object["metadata"]["name"] = json!(format!("n{number}"));
                    object
                };
                let namespace = old[*index]["metadata"]["namespace"].as_str();
                namespaces.insert(namespace.unwrap_or("default").to_owned());
                before.push((format!("{file} document {index}"), renamed(&old[*index])));
                after.push((String::new(), renamed(&new[*index])));
            }
        }
        for namespace in &namespaces {
            cluster.make_namespace(namespace, "privileged", "latest");
        }
        let refused_after = refused(&cluster, &after);
        // The table says that the server accepted them; those that it now rejects are tried again without changes.
        let doubtful: Vec<usize> = refused_after.keys().copied().collect();
        let again: Vec<_> = doubtful.iter().map(|n| before[*n].clone()).collect();
        let refused_before = match again.is_empty() {
            true => BTreeMap::new(),
            false => refused(&cluster, &again),
        };
        let made_invalid = doubtful
            .into_iter()
            .filter(|n| !refused_before.contains_key(n));
        let made_invalid: Vec<usize> = made_invalid.collect();
        let taken = before.len() - refused_before.len();
        println!(
            "corpus, {mode}: of {taken} fitted documents that the API server took before, it takes {}",
            taken - made_invalid.len(),
        );
        assert!(before.len() > 100, "too few objects were fitted");
        let said = |n: &usize| format!("{mode}, {}: {}", before[*n].0, refused_after[n]);
        wrong.extend(made_invalid.iter().map(said));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The text after fitting; `None` if fitout rejects it.
fn fitted(text: &str, config: &str) -> Option<String> {
    let config = Stream::parse(config).unwrap();
    let config = FunctionConfig::of_file(&config, "config").unwrap();
    let config = config.decode(fitout::VOCABULARY).unwrap();
    let stream = Stream::parse(text).ok()?;
    let mut resources = Vec::new();
    for document in stream
        .documents()
        .filter(|it| fitout::read::is_object(it.root()))
    {
        Resource::read(document.root(), 0, Origin::default(), &mut resources).ok()?;
    }
    let fitted = fitout::fit(&config, &resources, None).ok()?;
    let is_error = |finding: &fitout::finding::Finding| finding.severity == Severity::Error;
    if fitted.findings.iter().any(is_error) {
        return None;
    }
    write::text(&stream, &fitted.changes, &resources).ok()
}

fn objects(text: &str) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(text);
    documents
        .map(|it| Value::deserialize(it).unwrap_or(Value::Null))
        .collect()
}

/// The objects that a strict dry run rejects, by the number in the object's name.
fn refused(cluster: &Cluster, objects: &[(String, Value)]) -> BTreeMap<usize, String> {
    let documents: Vec<String> = objects
        .iter()
        .map(|(_, object)| object.to_string())
        .collect();
    let create = [
        "create", "--dry-run=server", "--validate=strict", "-o", "name", "-f", "-",
    ];
    let Ran { stdout, stderr, .. } = cluster.feed(&create, &documents.join("\n"));
    // `deployment.apps/n5 (server dry run)`
    let number = |line: &str| {
        let (_, name) = line.split(' ').next()?.rsplit_once("/n")?;
        name.parse().ok()
    };
    let taken: BTreeSet<usize> = stdout.lines().filter_map(number).collect();
    let why = |n: &usize| {
        let mut lines = stderr.lines();
        let line = lines.find(|line| line.contains(&format!("\"n{n}\"")));
        line.unwrap_or("no reason given").to_owned()
    };
    let name = |object: &Value| object["metadata"]["name"].as_str().map(str::to_owned);
    let all = objects
        .iter()
        .filter_map(|(_, it)| name(it)?.strip_prefix('n')?.parse().ok());
    all.filter(|n| !taken.contains(n))
        .map(|n| (n, why(&n)))
        .collect()
}
