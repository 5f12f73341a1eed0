//! Objects changed with the profile `restricted` pass the API server's own evaluator of the Pod Security Standards, or fitout
//! reports why they do not.
//!
//! `make conformance` sets `FITOUT_CONFORMANCE=1`; it needs Go, and the corpus that CI has next to the repository.

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

/// `Override`, so that pods stay forbidden only because of fields that fitout cannot or does not set.
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

/// An object after fitting, and the rules of its findings.
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
        skip("no corpus next to the repository");
        return;
    }
    for mode in ["Override", "Ensure"] {
        let config = CONFIG.replace("Override", mode);
        let files = files(&corpus).into_iter();
        let fitted = files.flat_map(|file| fit(&config, &corpus, &file).unwrap_or_default());
        agree(mode, &fitted.collect::<Vec<_>>());
    }
}

/// The checks that forbid an object are exactly those that fitout reports.
fn agree(mode: &str, fitted: &[Fitted]) {
    let question = |it: &Fitted| Question {
        level: "restricted".to_owned(),
        version: "v1.34".to_owned(),
        text: it.object.to_string(),
        who: it.who.clone(),
    };
    let questions: Vec<Question> = fitted.iter().map(question).collect();
    let answers = Oracle::start().ask(&questions);
    let (mut checked, mut allowed) = (0, 0);
    let (mut refused, mut wrong) = (BTreeMap::new(), Vec::new());
    for (object, answer) in fitted.iter().zip(&answers) {
        // A patch is not fitted, and says so.
        if !answer.no_pods.is_empty() || object.found.contains(&"FIT-TGT005") {
            continue;
        }
        checked += 1;
        allowed += usize::from(answer.violations.is_empty());
        let told: BTreeSet<&str> = object
            .found
            .iter()
            .filter_map(|rule| rule.strip_prefix("FIT-PSS-"))
            .collect();
        // Fields that fitout does not set because the program would stop have their own rule.
        let is_why = |rule: &&str| rule.starts_with("FIT-SEC") && *rule != "FIT-SEC004";
        let is_explained = object.found.iter().any(is_why);
        // The API server rejects `allowPrivilegeEscalation: false` for a container with these.
        let needs_escalation =
            told.contains("privileged") || told.contains("capabilities_baseline");
        let violations = answer.violations.iter();
        let violated: BTreeSet<&str> = violations.map(|it| it.check.as_str()).collect();
        for check in &violated {
            *refused.entry((*check).to_owned()).or_insert(0) += 1;
            let is_implied = *check == "allowPrivilegeEscalation" && needs_escalation;
            if !told.contains(check) && !is_explained && !is_implied {
                wrong.push(format!("{}: {check} is not reported", object.who));
            }
        }
        for check in told.difference(&violated) {
            wrong.push(format!("{}: {check} is reported wrongly", object.who));
        }
    }
    println!(
        "\nrestricted, {mode}: {allowed} of {checked} fitted objects pass; the others are forbidden by"
    );
    for (check, count) in refused {
        println!("  {count:>4} {check}");
    }
    assert!(allowed > 500, "too few objects were fitted");
    let count = wrong.len();
    assert_eq!(count, 0, "not as reported:\n{}", wrong.join("\n"));
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

/// The objects of a file after fitting; `None` if fitout rejects the file.
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
        // Patches have no containers, and fitout does not change objects that a controller owns.
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
