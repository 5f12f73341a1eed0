//! How the CPU time grows with the input: `make growth` runs each command on each structure in several sizes.
//!
//! The growth is the exponent between the last two sizes: 1 is linear, 2 quadratic. If it is above the limit, the smallest
//! of several measurements counts, and then the number of instructions if valgrind is installed: on a busy machine CPU time
//! also depends on the caches.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod relations;
mod shapes;

use std::collections::VecDeque;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::{env, thread};

use crate::program::Folder;
use relations::RELATIONS;
use shapes::{Input, SHAPES, Shape};

/// The largest exponent.
const LIMIT: f64 = 1.2;

/// In less time nothing can be said about the growth. In seconds.
const SHORTEST: f64 = 0.03;

/// A run is ended after this time. In seconds.
const LONGEST: f64 = 60.0;

const COMMANDS: [&str; 3] = ["check", "plan", "apply"];

const CONFIG: &str = "\
apiVersion: fitout.dev/v1alpha1
kind: Fitout
metadata: {name: production}
spec:
  environment: production
  resources: {containers: {requests: {cpu: 100m, memory: 128Mi}, limits: {cpu: 500m, memory: 512Mi}}}
  securityContext: {profile: restricted, pod: {runAsUser: 1000, runAsGroup: 1000}}
  prometheus: {}
  storage: {storageClassName: fast}
";

#[test]
fn every_structure_is_valid() {
    for (name, input) in SHAPES.iter().chain(RELATIONS) {
        println!("{name}");
        measure(&folder(input(3)), "plan");
    }
}

#[test]
#[ignore = "measures CPU time; `make growth` runs it"]
fn no_structure_grows_faster_than_the_limit() {
    let sizes = env::var("FITOUT_GROWTH").unwrap_or_else(|_| "2000 8000".to_owned());
    let sizes: Vec<usize> = sizes
        .split_whitespace()
        .map(|size| size.parse().unwrap())
        .collect();
    let only = env::var("ONLY").unwrap_or_default();
    println!("user CPU seconds with {sizes:?} of each structure, and the exponent of the growth");
    let shapes = SHAPES.iter().chain(RELATIONS);
    let shapes = shapes.filter(|(name, _)| name.contains(&only));
    let shapes: Mutex<VecDeque<&Shape>> = Mutex::new(shapes.collect());
    let slow = Mutex::new(Vec::new());
    let work = || {
        let next = || shapes.lock().unwrap().pop_front();
        while let Some((name, input)) = next() {
            let row = Row::of(name, *input, &sizes);
            println!("{}", row.text);
            slow.lock().unwrap().extend(row.slow);
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let slow = slow.into_inner().unwrap();
    assert!(
        slow.is_empty(),
        "these grow faster than n^{LIMIT}:\n{}",
        slow.join("\n")
    );
}

/// The measurements of one structure.
struct Row {
    text: String,
    /// What grows too fast.
    slow: Vec<String>,
}

impl Row {
    fn of(name: &str, input: fn(usize) -> Input, sizes: &[usize]) -> Row {
        let folders: Vec<Folder> = sizes.iter().map(|size| folder(input(*size))).collect();
        let mut row = Row {
            text: format!("{name:38}"),
            slow: Vec::new(),
        };
        for command in COMMANDS {
            let mut times = vec![f64::INFINITY; sizes.len()];
            let mut exponent = f64::INFINITY;
            for _ in 0..3 {
                for (time, folder) in times.iter_mut().zip(&folders) {
                    *time = time.min(measure(folder, command));
                }
                exponent = growth(sizes, &times);
                if exponent <= LIMIT {
                    break;
                }
            }
            let mut unit = "";
            if exponent > LIMIT {
                let counts = folders.iter().map(|folder| instructions(folder, command));
                if let Some(counts) = counts.collect::<Option<Vec<f64>>>() {
                    exponent = growth(sizes, &counts);
                    unit = " by instructions";
                }
            }
            let times: Vec<String> = times.iter().map(|time| format!("{time:.2}")).collect();
            let part = format!("{command} {} {exponent:.2}{unit}", times.join(" "));
            row.text.push_str(&format!("  {part:26}"));
            if exponent > LIMIT {
                row.slow.push(format!("{name}: {part}"));
            }
        }
        row
    }
}

fn folder(input: Input) -> Folder {
    let config = match input.config.starts_with("apiVersion") {
        true => input.config,
        false => format!("{CONFIG}{}", input.config),
    };
    Folder::with(&[("in.yaml", &input.manifests), ("fitout.yaml", &config)])
}

/// The exponent between the last two sizes.
fn growth(sizes: &[usize], times: &[f64]) -> f64 {
    let [.., before, last] = times else {
        panic!("two sizes are needed")
    };
    let [.., smaller, larger] = sizes else {
        panic!("two sizes are needed")
    };
    let last = last.max(SHORTEST);
    (last / before.max(SHORTEST)).ln() / (*larger as f64 / *smaller as f64).ln()
}

/// The CPU time of a command, in seconds.
fn measure(folder: &Folder, command: &str) -> f64 {
    let binary = env::var("BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_fitout").to_owned());
    let script = "ulimit -t 61; TIMEFORMAT=%U; time \"$@\" >/dev/null 2>errors";
    let output = Command::new("bash")
        .args([
            "-c", script, "bash", &binary, command, "-f", "in.yaml", "-c", "fitout.yaml",
        ])
        .current_dir(folder.path())
        // A second thread would not change the sum much, but its start would.
        .env("RAYON_NUM_THREADS", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let errors = folder.read("errors");
    let is_fault = |digit: &str| errors.contains(&format!("error[FIT-CFG00{digit}"));
    let is_refused = ["1", "2", "3", "7"].into_iter().any(is_fault) || errors.contains("not YAML");
    // Unknown fields are what one structure measures.
    assert!(!is_refused || errors.contains("unknown1"), "{errors}");
    let text = String::from_utf8(output.stderr).unwrap();
    let time = text.trim().lines().last();
    let time: Option<f64> = time.and_then(|time| time.parse().ok());
    let time = time.unwrap_or_else(|| panic!("no time: {text}"));
    // A run that was ended has no time of its own, and must not look like one that grows slowly.
    if time < LONGEST { time } else { f64::INFINITY }
}

/// The number of instructions of a command, if valgrind is installed.
fn instructions(folder: &Folder, command: &str) -> Option<f64> {
    let binary = env::var("BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_fitout").to_owned());
    let valgrind = [
        "--tool=cachegrind",
        "--cache-sim=no",
        "--cachegrind-out-file=/dev/null",
        "--log-file=counts",
    ];
    let arguments = [&binary, command, "-f", "in.yaml", "-c", "fitout.yaml"];
    let mut run = Command::new("valgrind");
    run.args(valgrind)
        .args(arguments)
        .current_dir(folder.path());
    run.env("RAYON_NUM_THREADS", "1").stdin(Stdio::null());
    run.output().ok()?;
    let counts = folder.read("counts");
    let (_, count) = counts.rsplit_once("refs:")?;
    let count = count.lines().next()?.replace(',', "");
    count.trim().parse().ok()
}
