//! Programs run in Docker exactly as fitout fitted their pods, until they serve.
//!
//! `make start` packs the programs of `programs/` from Debian's packages into one image and sets `FITOUT_START` to its
//! name. Without it the test here prints one line and passes. Each folder has the manifest as people write it, a Dockerfile
//! that lays the packages out like the official image, and `program.yaml`: the probe, and what the program says without
//! each field that fitout added for it to start.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, missing_docs
)]

mod container;
mod pod;
mod volumes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use serde::Deserialize;

use crate::hosts::bench::{Ran, root, skip};
use container::{Container, Outcome};
use pod::Pod;

/// `program.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Program {
    /// Debian's packages.
    #[allow(dead_code, reason = "scripts/start reads it")]
    packages: Vec<String>,
    /// In what the image differs from the official one, besides its build.
    #[serde(default)]
    differs: String,
    /// A bash script that runs in the container.
    probe: String,
    /// What the probe prints once the program serves.
    answer: String,
    /// What the program says without a part that fitout added; see [`Pod::added`].
    #[serde(default)]
    fails: BTreeMap<String, String>,
    /// The rule of the finding with which fitout says that the program will not start as written. It does not, then.
    warning: Option<String>,
}

#[test]
fn fitted_programs_serve_and_need_what_fitout_added() {
    let Some(base) = std::env::var_os("FITOUT_START") else {
        skip("programs start with `make start`");
        return;
    };
    let base = base.into_string().unwrap();
    let only = std::env::var("ONLY").unwrap_or_default();
    let folders = fs::read_dir(root().join("tests/start/programs")).unwrap();
    let mut names: Vec<String> = folders
        .map(|folder| folder.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains(&only))
        .collect();
    names.sort();
    let queue: Mutex<VecDeque<String>> = Mutex::new(names.into());
    let (rows, faults) = (Mutex::new(BTreeMap::new()), Mutex::new(Vec::new()));
    let work = || {
        let next = || queue.lock().unwrap().pop_front();
        while let Some(name) = next() {
            let (row, found) = try_program(&name, &base);
            eprintln!("{name}: {}", if found.is_empty() { "ok" } else { "FAILED" });
            rows.lock().unwrap().insert(name, row);
            faults.lock().unwrap().extend(found);
        }
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    println!(
        "| program | user | root filesystem | mounts added | served | without what fitout added | differs from the image |"
    );
    println!("|---|---|---|---|---|---|---|");
    for row in rows.into_inner().unwrap().values() {
        println!("{row}");
    }
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// Runs one program as fitted, and once without each part that fitout added: its row of the table, and what is wrong.
fn try_program(name: &str, base: &str) -> (String, Vec<String>) {
    let folder = root().join("tests/start/programs").join(name);
    let text = fs::read_to_string(folder.join("program.yaml")).unwrap();
    let program: Program =
        serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let image = build(name, &folder, base);
    let input = fs::read_to_string(folder.join("manifest.yaml")).unwrap();
    let (fitted, said) = fit(&folder);
    let pod = Pod::of(&fitted);
    let added = pod.added(&Pod::of(&input));
    let mut faults = Vec::new();

    let run = |pod: &Pod, complaint| Container::start(&image, pod).serve(&program, complaint);
    let outcome = run(&pod, None);
    if let Some(rule) = &program.warning {
        if !said.contains(rule) {
            faults.push(format!("{name}: fitout does not report {rule}:\n{said}"));
        }
        if outcome.fault.is_none() {
            faults.push(format!("{name} serves, although fitout reports {rule}"));
        }
    } else if let Some(fault) = &outcome.fault {
        faults.push(format!(
            "{name} does not serve as fitted: {fault}\n{fitted}"
        ));
    }
    let row = |without: String| {
        format!(
            "| {name} | {} | {} | {} | {} | {without} | {} |",
            pod.user(),
            if pod.is_root_read_only() {
                "read-only"
            } else {
                "writable"
            },
            pod.paths_added().join(", "),
            outcome.served(),
            program.differs,
        )
    };
    if let Some(rule) = &program.warning {
        return (row(format!("fitout warns: {rule}")), faults);
    }
    let expected: BTreeSet<&String> = program.fails.keys().collect();
    let found: BTreeSet<&String> = added.keys().collect();
    if expected != found {
        faults.push(format!(
            "{name}: fitout added {found:?}, and `fails` has {expected:?}"
        ));
    }
    let mut without = Vec::new();
    for (part, pod) in &added {
        let message = program.fails.get(part);
        let Outcome { fault, log, .. } = run(pod, message.map(String::as_str));
        if fault.is_none() {
            faults.push(format!("{name} serves without {part}:\n{log}"));
        } else if !message.is_some_and(|it| log.contains(it)) {
            faults.push(format!(
                "{name} without {part} does not say {message:?}:\n{log}"
            ));
        }
        without.push(format!("{part}: {}", message.map_or("", |it| it)));
    }
    (row(without.join("; ")), faults)
}

/// Builds the image of a program; Docker caches its steps.
fn build(name: &str, folder: &Path, base: &str) -> String {
    let image = format!("{base}-{name}");
    let mut command = Command::new("docker");
    command
        .args(["build", "-q", "--network", "none", "--build-arg"])
        .arg(format!("BASE={base}"))
        .args(["-t", &image])
        .arg(folder)
        .env("DOCKER_BUILDKIT", "0");
    Ran::of(command, format!("docker build {name}"), b"").succeeded();
    image
}

/// The manifest as `fitout apply` fits it, and what it reports.
fn fit(folder: &Path) -> (String, String) {
    let config = root().join("tests/start/fitout.yaml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_fitout"));
    command.args(["apply", "-c"]).arg(config).arg("-f");
    command.arg(folder.join("manifest.yaml"));
    let ran = Ran::of(command, "fitout apply".to_owned(), b"");
    let said = ran.stderr.clone();
    (ran.succeeded(), said)
}
