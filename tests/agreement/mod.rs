//! Agreement with a real API server on mutants of real objects: whether it takes the object, and which field is wrong.
//!
//! `make agreement` starts the control plane and sets `FITOUT_AGREEMENT` to the folder of its state. Without it the test
//! prints one line and passes. `FITOUT_MUTANTS` is the number of mutants per mutation. With `FITOUT_CORPUS`, the objects of other projects and one
//! mutant of each are compared, too.
//!
//! `tolerated.tsv` lists the answers that depend on the state of the cluster. All other disagreements are counted by group in
//! `known.tsv`: a run fails if a group is larger than there. `UPDATE_GOLDEN=1` rewrites it.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, missing_docs
)]

mod mutants;
mod server;
mod table;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use fitout::config::FunctionConfig;
use fitout::read::{Origin, Resource};
use fitout::yaml::Stream;
use kustomize_krm_types::Severity;
use serde::Deserialize as _;
use serde_json::Value;

use crate::hosts::bench::{root, skip};
use mutants::{Mutant, Mutation};
use server::{Answer, Cause, Server};

const CONFIG: &str = "
apiVersion: fitout.dev/v1alpha1
kind: Fitout
metadata: {name: agreement}
spec: {environment: agreement, kubernetesVersion: '1.37'}
";

/// How many mutants of each mutation there are. Fewer are the first of them.
const MUTANTS: usize = 1800;

/// As many as the API server answers at the same time.
const CONNECTIONS: usize = 8;

/// Both answers about an object.
struct Compared {
    mutant: Mutant,
    server: Answer,
    ours: Answer,
}

#[test]
fn the_api_server_agrees() {
    let Some(state) = std::env::var_os("FITOUT_AGREEMENT") else {
        skip("an API server comes with `make agreement`");
        return;
    };
    println!();
    let server = Server::at(Path::new(&state));
    let count = std::env::var("FITOUT_MUTANTS").map_or(MUTANTS, |it| it.parse().unwrap());
    let is_whole = count == MUTANTS;
    let seeds = objects(&root().join("tests/agreement/seeds.yaml"));
    let of_folder = |folder: &str| -> Vec<Value> {
        let files = files(&root().join(folder));
        files.iter().flat_map(|it| objects(it)).collect()
    };
    let mut seeds = [seeds, of_folder("base")].concat();
    // What operators define has no schema in the input.
    let is_of_operator = |it: &Value| {
        let group = it["apiVersion"].as_str().and_then(|it| it.split_once('/'));
        group.is_some_and(|(group, _)| group.contains('.') && !group.ends_with(".k8s.io"))
    };
    seeds.retain(|it| !is_of_operator(it));
    let mut compared = compare(&server, mutants::of_seeds(&seeds, count));
    let own = compared.len();
    let as_is = |object: &Value| Mutant::of(object, Mutation::None, "as it is".into());
    let mut others: Vec<Value> = seeds;
    others.extend(of_folder("tests/cases"));
    let mut more: Vec<Mutant> = others.iter().map(as_is).collect();
    let corpus = std::env::var_os("FITOUT_CORPUS").filter(|it| is_whole && !it.is_empty());
    if let Some(corpus) = &corpus {
        let all: Vec<Value> = files(Path::new(corpus))
            .iter()
            .flat_map(|it| objects(it))
            .collect();
        more.extend(all.iter().map(as_is));
        more.extend(all.iter().filter_map(mutants::one));
    }
    compared.extend(compare(&server, more));
    println!("{own} mutants, {} more objects", compared.len() - own);
    table::judge(&compared, corpus.is_some());
}

/// The YAML files below a folder, sorted.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    found.sort();
    let one = |path: std::path::PathBuf| match path.is_dir() {
        true => files(&path),
        false => vec![path],
    };
    let is_manifest = |path: &std::path::PathBuf| {
        let is_yaml = path.extension().is_some_and(|it| it == "yaml");
        let is_case = path.components().any(|it| it.as_os_str() == "cases");
        let len = fs::metadata(path).map_or(0, |it| it.len());
        is_yaml && len < 100_000 && (!is_case || path.ends_with("input.yaml"))
    };
    found
        .into_iter()
        .flat_map(one)
        .filter(is_manifest)
        .collect()
}

/// The objects of a file, in no namespace, as all must be created in one that exists.
fn objects(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    serde_yaml::Deserializer::from_str(&text)
        .filter_map(|it| Value::deserialize(it).ok())
        .filter(|it| it["apiVersion"].is_string() && it["kind"].is_string())
        .map(|mut object| {
            if let Some(metadata) = object["metadata"].as_object_mut() {
                metadata.shift_remove("namespace");
            }
            send_whole_numbers(&mut object);
            object
        })
        .collect()
}

/// Go, and so kubectl, writes a whole number without a fraction as JSON, whatever its form in YAML.
fn send_whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let whole = number
                .as_f64()
                .filter(|it| number.is_f64() && it.fract() == 0.0);
            if let Some(whole) = whole.filter(|it| it.abs() < 1e15) {
                *value = (whole as i64).into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(send_whole_numbers),
        Value::Object(entries) => entries.values_mut().for_each(send_whole_numbers),
        _ => {}
    }
}

fn compare(server: &Server, mutants: Vec<Mutant>) -> Vec<Compared> {
    let mutants: Vec<Mutant> = mutants.into_iter().filter(|it| server.serves(it)).collect();
    let next = AtomicUsize::new(0);
    let mut answers: Vec<(usize, Answer, Answer)> = thread::scope(|scope| {
        let work = || {
            let config = Stream::parse(CONFIG).unwrap();
            let mut connection = server.connect();
            let mut done = Vec::new();
            while let Some((at, mutant)) = Some(next.fetch_add(1, Ordering::Relaxed))
                .and_then(|at| Some((at, mutants.get(at)?)))
            {
                done.push((at, connection.create(mutant), checked(mutant, &config)));
            }
            done
        };
        let workers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    answers.sort_by_key(|(at, ..)| *at);
    mutants
        .into_iter()
        .zip(answers)
        .map(|(mutant, (_, server, ours))| Compared {
            mutant,
            server,
            ours,
        })
        .collect()
}

/// What `fitout check` says of an object alone.
fn checked(mutant: &Mutant, config: &Stream) -> Answer {
    let config = FunctionConfig::of_file(config, "config").unwrap();
    let mut config = config.decode(fitout::VOCABULARY).unwrap();
    config.validate_only = true;
    let of_problems = |problems: fitout::problem::Problems| {
        let problems = problems.0.into_iter();
        Some(
            problems
                .map(|it| Cause {
                    field: it.field,
                    message: format!("{} {}", it.id, it.message),
                })
                .collect(),
        )
    };
    let stream = match Stream::parse(&mutant.text) {
        Ok(stream) => stream,
        Err(error) => {
            return of_problems(fitout::not_yaml(&error, None).into()).map(without_fields);
        }
    };
    let document = stream.documents().next().unwrap();
    let mut resources = Vec::new();
    if let Err(problems) = Resource::read(document.root(), 0, Origin::default(), &mut resources) {
        return of_problems(problems);
    }
    let fitted = match fitout::fit(&config, &resources, None) {
        Ok(fitted) => fitted,
        Err(problems) => return of_problems(problems),
    };
    // Other rules are about what happens to an object that the API server takes.
    const OTHERS: [&str; 5] = ["FIT-PSS", "FIT-PRB", "FIT-EXM", "FIT-PDB", "FIT-POD"];
    let is_of_object = |id: &str| !OTHERS.iter().any(|it| id.starts_with(it));
    let errors = fitted.findings.iter();
    let errors = errors.filter(|it| it.severity == Severity::Error && is_of_object(it.rule.id));
    let causes: Vec<Cause> = errors
        .map(|it| Cause {
            field: it.pointer.as_deref().map(fitout::problem::field_path),
            message: format!("{} {}", it.rule.id, it.message),
        })
        .collect();
    (!causes.is_empty()).then_some(causes)
}

/// Duplicate keys are found while the text is read, and have a line and no path.
fn without_fields(mut causes: Vec<Cause>) -> Vec<Cause> {
    causes.iter_mut().for_each(|it| it.field = None);
    causes
}
