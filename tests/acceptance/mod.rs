//! The four systems in the three environments, through every door, judged by their requirements.
//!
//! `requirements/<system>.md` says what each system must be like, in a table that people read and this test asks.
//! `make acceptance` runs it and prints, per door, how many rows each rendering fulfils. Like the host tests it needs real
//! hosts, and skips visibly what is not on the machine; that the tables are understood is tested without any.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod changes;
mod pages;
mod questions;
mod reach;
mod references;
pub(crate) mod render;
mod table;
mod traffic;
mod versions;

use std::collections::BTreeSet;
use std::fs;

use crate::hosts::bench::{Bench, Need, overlay, root};
use crate::hosts::objects::{assert_same_objects, objects};
use render::Render;
use table::{ENVIRONMENTS, Table};

/// The systems are the folders of `base`.
pub(crate) fn systems() -> Vec<String> {
    let folders = fs::read_dir(root().join("base")).unwrap();
    let mut systems: Vec<String> = folders
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    systems.sort();
    systems
}

fn requirements(system: &str) -> Table {
    let path = root().join(format!("tests/acceptance/requirements/{system}.md"));
    let page = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    Table::parse(&page).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Renders all twelve overlays through one door and asks every row.
fn accepted(door: &str, needs: &[Need], open: impl Fn(&Bench, &str, &str) -> String) {
    let Some(bench) = Bench::with(needs) else {
        return;
    };
    println!();
    let mut refused = Vec::new();
    for (i, environment) in ENVIRONMENTS.into_iter().enumerate() {
        for system in systems() {
            let printed = open(&bench, &system, environment);
            let who = format!("{door}, {environment}, {system}");
            let reference = bench.reference(&system, environment);
            assert_same_objects(&who, &objects([&*reference]), &objects([&*printed]));
            let render = Render::of(&printed);
            let table = requirements(&system);
            let asked: BTreeSet<&str> = table.asked(i).map(|row| row.id.as_str()).collect();
            let failures: Vec<_> = table
                .asked(i)
                .filter_map(|row| row.judge(&render, i).err())
                .collect();
            let failed: BTreeSet<&str> = failures.iter().map(|f| f.id.as_str()).collect();
            println!(
                "{door:<19} {environment:<11} {system:<11} {:>3} rows passed, {} failed",
                asked.len() - failed.len(),
                failed.len()
            );
            refused.extend(failures.iter().map(|f| format!("{who}: {f}")));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn through_kustomize_exec() {
    accepted(
        "kustomize exec",
        &[Need::Kustomize],
        |bench, system, environment| bench.reference(system, environment),
    );
}

#[test]
fn through_kustomize_container() {
    let needs = [Need::Kustomize, Need::Image];
    accepted(
        "kustomize container",
        &needs,
        |bench, system, environment| {
            let build = [
                "build",
                "--enable-alpha-plugins",
                &overlay(system, environment),
            ];
            bench.run("kustomize", build).succeeded()
        },
    );
}

#[test]
fn through_kpt() {
    let needs = [Need::Kustomize, Need::Kpt, Need::Image];
    accepted("kpt fn render", &needs, |bench, system, environment| {
        // A package is an overlay without the function, the environment's config, and a Kptfile that names it.
        let package = bench.tree().join("package");
        let _ = fs::remove_dir_all(&package);
        fs::create_dir(&package).unwrap();
        let write = |name: &str, text: &str| fs::write(package.join(name), text).unwrap();
        write("objects.yaml", &bench.unfitted(system, environment));
        write(
            "Kptfile",
            &bench.read("examples/kpt/caracal-production/Kptfile"),
        );
        write(
            "fitout.yaml",
            &bench.read(&format!("fn-config/{environment}/fitout.yaml")),
        );
        let render = ["fn", "render", "package", "--image-pull-policy", "never"];
        bench.run("kpt", render).succeeded();
        bench.read("package/objects.yaml")
    });
}

#[test]
fn through_apply_k() {
    accepted(
        "fitout apply -k",
        &[Need::Kustomize],
        |bench, system, environment| {
            let apply = ["apply", "-k", &overlay(system, environment)];
            bench.run("fitout", apply).succeeded()
        },
    );
}

#[test]
fn through_apply_f() {
    accepted(
        "fitout apply -f -",
        &[Need::Kustomize],
        |bench, system, environment| {
            let unfitted = bench.unfitted(system, environment);
            let apply = ["apply", "-f", "-", "-e", environment];
            bench.feed("fitout", apply, unfitted.as_bytes()).succeeded()
        },
    );
}

/// A row that no spoiled rendering can fail says nothing about a good one.
#[test]
fn every_row_notices() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    let mut blind = Vec::new();
    for (i, environment) in ENVIRONMENTS.into_iter().enumerate() {
        for system in systems() {
            let mut render = Render::of(&bench.reference(&system, environment));
            let table = requirements(&system);
            let content = changes::unnoticed(&mut render, table.asked(i), i);
            let lines = content
                .iter()
                .map(|row| format!("{} {}", row.id, row.question));
            blind.extend(lines.map(|line| format!("{environment}, {system}: {line}")));
        }
    }
    assert!(
        blind.is_empty(),
        "rows that notice nothing:\n{}",
        blind.join("\n")
    );
}

/// What the pages of the systems show is made from the renderings.
#[test]
fn the_pages_are_current() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    let mut stale = Vec::new();
    for system in systems() {
        let renders = ENVIRONMENTS.map(|e| Render::of(&bench.reference(&system, e)));
        let path = root().join(format!("docs/systems/{system}.md"));
        let page = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let current = pages::filled(&page, &renders).unwrap_or_else(|e| panic!("{system}: {e}"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &current).unwrap();
        } else if page != current {
            stale.push(path.display().to_string());
        }
    }
    assert!(
        stale.is_empty(),
        "make golden rewrites what is stale: {stale:#?}"
    );
}

#[test]
fn no_reference_dangles() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    let mut dangling = Vec::new();
    for environment in ENVIRONMENTS {
        for system in systems() {
            let render = Render::of(&bench.reference(&system, environment));
            let found = references::dangling(&render);
            dangling.extend(
                found
                    .iter()
                    .map(|d| format!("{environment}, {system}: {d}")),
            );
        }
    }
    assert!(dangling.is_empty(), "{}", dangling.join("\n"));
}

/// Every table is understood, an id stands in one place, and every sentence of the vocabulary is used.
#[test]
fn the_tables_are_understood() {
    let mut used = BTreeSet::new();
    for system in systems() {
        let table = requirements(&system);
        let mut ids: Vec<&str> = table.rows.iter().map(|row| row.id.as_str()).collect();
        ids.dedup();
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(
            ids.len(),
            unique.len(),
            "{system}: an id stands in two places"
        );
        used.extend(table.rows.iter().map(table::Row::sentence));
    }
    let unused: Vec<&str> = questions::QUESTIONS
        .iter()
        .map(|(sentence, _)| *sentence)
        .filter(|sentence| !used.contains(sentence))
        .collect();
    assert!(unused.is_empty(), "nobody asks {unused:#?}");
}

/// One pod, closed but for DNS within its own namespace, and for whatever asks for its port by name.
const CLOSED: &str = "
kind: Namespace
metadata: {name: here, labels: {team: ours}}
---
kind: Deployment
metadata: {name: app, namespace: here}
spec:
  replicas: 2
  template:
    metadata: {labels: {app: app}}
    spec:
      containers:
      - {name: app, image: 'app:1', ports: [{name: http, containerPort: 8080}], resources: {requests: {cpu: 1000m}}}
---
kind: NetworkPolicy
metadata: {name: closed, namespace: here}
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress]
  ingress:
  - from:
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: theirs}}
    - ipBlock: {cidr: 192.168.7.7/32}
    ports: [{port: http}]
  egress:
  - to: [{namespaceSelector: {matchLabels: {team: ours}}}]
    ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
";

fn table(rows: &[[&str; 2]]) -> Table {
    let rows = rows.iter().enumerate();
    let lines =
        rows.map(|(i, [question, answer])| format!("| {i} | {question} | {answer} | = | = |"));
    let lines: Vec<String> = lines.collect();
    Table::parse(&format!("| head |\n|---|\n{}", lines.join("\n"))).unwrap()
}

#[test]
fn rows_judge_by_what_they_expect() {
    let render = Render::of(CLOSED);
    let judged = |question: &str, answer: &str| {
        table(&[[question, answer]]).rows[0]
            .judge(&render, 2)
            .is_ok()
    };
    for (question, right, wrong) in [
        ("replicas of `Deployment/app`", "≥ 2", "≥ 3"),
        ("replicas of `Deployment/app`", "1 or 2", "1"),
        ("cpu request of `Deployment/app`", "1", "2"),
        ("image of `Deployment/app`", "a*:1", "a*:2"),
        ("image of `Deployment/app`", "*pp:1", "*:1:*"),
        (
            "containers that may run as root",
            "Deployment/app app",
            "none",
        ),
        (
            "connections that pass, of `every pod → DNS`",
            "none",
            "every pod → DNS",
        ),
        (
            "connections that pass, of `another namespace → Deployment/app:8080`, `namespace theirs → Deployment/app:8080`, `the world → Deployment/app:8080`",
            "namespace theirs → Deployment/app:8080",
            "none",
        ),
        (
            "connections that pass, of `Deployment/app → Deployment/app:8080`",
            "none",
            "*→*",
        ),
    ] {
        assert!(judged(question, right), "{question} is not {right}");
        assert!(!judged(question, wrong), "{question} is {wrong}");
    }
}

#[test]
fn what_cannot_be_judged_fails() {
    let render = Render::of("kind: Namespace\nmetadata: {name: here}\n");
    for question in [
        "containers that may run as root",
        "replicas of `Deployment/app`",
        "connections that are blocked, of `every pod → DNS`",
    ] {
        let row = &table(&[[question, "none"]]).rows[0];
        assert!(row.judge(&render, 0).is_err(), "{question}");
    }
}

#[test]
fn a_row_that_cannot_fail_is_found() {
    let table = table(&[
        ["image of `Deployment/app`", "*"],
        ["replicas of `Deployment/app`", "2"],
    ]);
    let mut render = Render::of(CLOSED);
    let blind: Vec<&str> = changes::unnoticed(&mut render, table.asked(0), 0)
        .iter()
        .map(|row| row.id.as_str())
        .collect();
    assert_eq!(blind, ["0"]);
}
