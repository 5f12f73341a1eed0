//! What is fitted out with the profile `restricted` passes the API server's own evaluator of the Pod Security Standards,
//! and where it does not, fitout itself said why.
//!
//! `make conformance` sets `FITOUT_CONFORMANCE=1`; it needs Go, and the corpus that CI has beside the repository.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use fitout::config::FunctionConfig;
use fitout::read::{Origin, Resource};
use fitout::write;
use fitout::yaml::Stream;
use kustomize_krm_types::Severity;
use serde_json::Value;

use crate::hosts::bench::{root, skip};
use crate::pod_security::is_asked;
use crate::pod_security::oracle::{Oracle, Question};

/// The environment wins, so that what stays refused is what fitout cannot or will not set.
const CONFIG: &str = "
apiVersion: fitout.dev/v1alpha1
kind: Fitout
metadata: {name: restricted}
spec:
  environment: restricted
  kubernetesVersion: '1.34'
  securityContext:
    mode: Override
    pod: {runAsUser: 1000, runAsGroup: 1000}
";

/// An object after fitting, and the rules of what fitout found in it.
struct Fitted {
    who: String,
    object: Value,
    found: Vec<&'static str>,
}

#[test]
fn what_is_fitted_is_restricted_or_explained() {
    if !is_asked() {
        return;
    }
    let corpus = root().join("../shared/corpus-dev");
    if !corpus.exists() {
        skip("no corpus beside the repository");
        return;
    }
    for mode in ["Override", "Ensure"] {
        let config = CONFIG.replace("Override", mode);
        let files = files(&corpus).into_iter();
        let fitted = files.flat_map(|file| fit(&config, &corpus, &file).unwrap_or_default());
        agree(mode, &fitted.collect::<Vec<_>>());
    }
}

/// The checks that refuse an object are those that fitout tells, and no other.
fn agree(mode: &str, fitted: &[Fitted]) {
    let question = |it: &Fitted| Question {
        level: "restricted".to_owned(),
        version: "v1.34".to_owned(),
        text: it.object.to_string(),
        who: it.who.clone(),
    };
    let questions: Vec<Question> = fitted.iter().map(question).collect();
    let answers = Oracle::start().ask(&questions);
    let (mut judged, mut allowed) = (0, 0);
    let (mut refused, mut wrong) = (BTreeMap::new(), Vec::new());
    for (object, answer) in fitted.iter().zip(&answers) {
        if !answer.no_pods.is_empty() {
            continue;
        }
        judged += 1;
        allowed += usize::from(answer.violations.is_empty());
        let told: BTreeSet<&str> = object
            .found
            .iter()
            .filter_map(|rule| rule.strip_prefix("FIT-PSS-"))
            .collect();
        // What is not set because it would stop the program is told by a rule of its own.
        let is_explained = object.found.iter().any(|rule| rule.starts_with("FIT-SEC"));
        let violations = answer.violations.iter();
        let violated: BTreeSet<&str> = violations.map(|it| it.check.as_str()).collect();
        for check in &violated {
            *refused.entry((*check).to_owned()).or_insert(0) += 1;
            if !told.contains(check) && !is_explained {
                wrong.push(format!("{}: {check} is not told", object.who));
            }
        }
        for check in told.difference(&violated) {
            wrong.push(format!("{}: {check} is told and not so", object.who));
        }
    }
    println!(
        "\nrestricted, {mode}: {allowed} of {judged} fitted objects pass; the others are refused by"
    );
    for (check, count) in refused {
        println!("  {count:>4} {check}");
    }
    assert!(allowed > 500, "hardly anything was fitted");
    let count = wrong.len();
    assert_eq!(count, 0, "not as told:\n{}", wrong.join("\n"));
}

pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|it| it == "yaml" || it == "yml")
            {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The objects of a file after fitting; nothing where fitout refuses the file.
fn fit(config: &str, corpus: &Path, file: &Path) -> Option<Vec<Fitted>> {
    let config = Stream::parse(config).unwrap();
    let config = FunctionConfig::of_file(&config, "config").unwrap();
    let config = config.decode(fitout::VOCABULARY).unwrap();
    let stream = Stream::parse(fs::read_to_string(file).unwrap()).ok()?;
    let before = objects(&stream)?;
    let fitted = fitout::fit(&config, &before, None).ok()?;
    if fitted
        .findings
        .iter()
        .any(|it| it.severity == Severity::Error)
    {
        return None;
    }
    let text = write::text(&stream, &fitted.changes, &before).ok()?;
    let stream = Stream::parse(&text).ok()?;
    let after = objects(&stream)?;
    let of = |(index, resource): (usize, &Resource<'_>)| {
        let object = serde_json::to_value(resource.node.value().ok()?).ok()?;
        let owners = object["metadata"]["ownerReferences"].as_array();
        // Patches hold no containers, and what a controller made is nobody's to fit.
        let is_made = owners.is_some_and(|owners| !owners.is_empty());
        if is_made || !object.to_string().contains("\"containers\"") {
            return None;
        }
        let found = fitted
            .findings
            .iter()
            .filter(|it| it.resource == Some(index));
        let name = file.strip_prefix(corpus).unwrap().display();
        Some(Fitted {
            who: format!("{name} {}", resource.display_name()),
            object,
            found: found.map(|it| it.rule.id).collect(),
        })
    };
    Some(after.iter().enumerate().filter_map(of).collect())
}

pub(crate) fn objects(stream: &Stream) -> Option<Vec<Resource<'_>>> {
    let mut resources = Vec::new();
    for document in stream
        .documents()
        .filter(|it| fitout::read::is_object(it.root()))
    {
        Resource::read(document.root(), 0, Origin::default(), &mut resources).ok()?;
    }
    Some(resources)
}
