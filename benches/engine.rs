//! How much of a processor fitout takes: to read, to edit, and for the whole function.
//!
//! The text is this repository's own base, over and over, so that a figure says something about real
//! manifests and nothing else is needed. Time is that of the processor, not of the clock on the wall,
//! and the best of several runs: other work on the machine only ever adds. The last column is the time
//! for one object against that in the shortest text: 1.0 throughout is linear.
//!
//! ```text
//! cargo bench
//! ```
//!
//! With a file as its argument it prints its size in MB, and how long it takes to read: CPU ms and MB/s.

#![allow(clippy::print_stdout)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fitout::Results;
use fitout::config::FunctionConfig;
use fitout::read::{Origin, OriginLines, Resource};
use fitout::yaml::Stream;

/// Runs of which the best one counts.
const RUNS: usize = 5;

/// What a run takes at least.
const LEAST: Duration = Duration::from_millis(200);

/// About this many objects.
const SIZES: [usize; 3] = [100, 1_000, 10_000];

fn main() {
    // Cargo adds `--bench`.
    if let Some(file) = std::env::args().nth(1).filter(|it| !it.starts_with('-')) {
        let text = std::fs::read_to_string(&file).expect("the file can be read");
        return parse(&text);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let base = documents(&root.join("base"));
    let config = std::fs::read_to_string(root.join("fn-config/all/fitout.yaml"))
        .expect("the repository has a config");
    println!(
        "{:<34} {:>8} {:>8} {:>10} {:>8} {:>9}",
        "what", "objects", "MB", "CPU ms", "MB/s", "an object"
    );
    let per_size: Vec<_> = SIZES.map(|size| (size, of_size(&base, size))).into();
    report("parse", &per_size, |text| {
        black_box(Stream::parse(text.as_str()).is_ok());
    });
    report("parse, fit, write: as `apply`", &per_size, |text| {
        apply(text, &config)
    });
    let lists: Vec<_> = per_size
        .iter()
        .map(|(size, text)| (*size, list_of(text, &config)))
        .collect();
    report("the function, without results", &lists, |text| {
        function(text, Results::Never)
    });
    report("the function, with results", &lists, |text| {
        function(text, Results::Always)
    });
}

fn parse(text: &str) {
    let job = || drop(black_box(Stream::parse(text)));
    let best = (0..RUNS).map(|_| time(job)).min().unwrap_or_default();
    let (seconds, megabytes) = (best.as_secs_f64(), text.len() as f64 / 1e6);
    println!(
        "{megabytes:.2} {:.2} {:.0}",
        seconds * 1e3,
        megabytes / seconds
    );
}

fn report(what: &str, texts: &[(usize, String)], job: impl Fn(&String)) {
    let mut first = None;
    for (objects, text) in texts {
        let best = (0..RUNS)
            .map(|_| time(|| job(text)))
            .min()
            .unwrap_or_default();
        let each = best.as_secs_f64() / *objects as f64;
        let first = *first.get_or_insert(each);
        let megabytes = text.len() as f64 / 1e6;
        println!(
            "{what:<34} {objects:>8} {megabytes:>8.2} {:>10.2} {:>8.0} {:>9.2}",
            best.as_secs_f64() * 1e3,
            megabytes / best.as_secs_f64(),
            each / first
        );
    }
}

/// The time of one job, from as many as it takes: the clock may be a coarse one.
fn time(job: impl Fn()) -> Duration {
    let before = cpu();
    for jobs in 1.. {
        job();
        let taken = cpu().saturating_sub(before);
        if taken >= LEAST {
            return taken / jobs;
        }
    }
    Duration::ZERO
}

/// Processor time of this thread so far; where Linux's file is not, the time on the wall.
fn cpu() -> Duration {
    static START: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = told.split(' ').next().and_then(|first| first.parse().ok());
    nanoseconds.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

fn apply(text: &str, config: &str) {
    let config_stream = Stream::parse(config).expect("the config is YAML");
    let mut function_config =
        FunctionConfig::of_file(&config_stream, "fitout.yaml").expect("it is a config");
    function_config.choose("production");
    let config = function_config
        .decode(fitout::VOCABULARY)
        .expect("the config is sound");
    let stream = Stream::parse(text).expect("the manifests are YAML");
    let mut resources = Vec::new();
    for (index, document) in stream.documents().enumerate() {
        let origin = Origin {
            path: Some("base.yaml".into()),
            index,
            lines: OriginLines::OfFile,
        };
        Resource::read(document.root(), 0, origin, &mut resources).expect("each is an object");
    }
    let fitted = fitout::fit(&config, &resources, None).expect("the base can be fitted");
    let written = fitout::write::text(&stream, &fitted.changes, &resources);
    black_box(written.expect("the base can be edited"));
}

fn function(text: &str, results: Results) {
    let outcome = fitout::run(text.as_bytes().to_vec(), results, None);
    assert!(outcome.output.is_some(), "{:?}", outcome.problems);
    black_box(outcome);
}

/// Every object of the base, as text without its marker.
fn documents(base: &Path) -> Vec<String> {
    let mut documents = Vec::new();
    for path in manifests(base) {
        let text = std::fs::read_to_string(&path).expect("the base can be read");
        let of_file = text
            .split("\n---\n")
            .map(|document| document.trim_end().to_owned() + "\n");
        documents.extend(of_file.filter(|document| !document.contains("kustomize.config.k8s.io")));
    }
    documents
}

fn manifests(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let below = |path: PathBuf| match path.is_dir() {
        true => manifests(&path),
        false => vec![path],
    };
    let files = paths.into_iter().flat_map(below);
    files
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .collect()
}

fn of_size(base: &[String], objects: usize) -> String {
    let documents: Vec<&str> = base
        .iter()
        .cycle()
        .take(objects)
        .map(String::as_str)
        .collect();
    documents.join("---\n")
}

/// The same objects as a host hands them over.
fn list_of(text: &str, config: &str) -> String {
    let mut list =
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nfunctionConfig:\n".to_owned();
    indent(config, "  ", &mut list);
    list.push_str("items:\n");
    for document in text.split("---\n") {
        let start = document
            .lines()
            .take_while(|line| line.starts_with('#') || line.is_empty())
            .map(|line| line.len() + 1)
            .sum();
        let (comments, object) = document.split_at(start);
        list.push_str(comments);
        indent(object, "- ", &mut list);
    }
    list
}

fn indent(text: &str, first: &str, to: &mut String) {
    for (index, line) in text.lines().enumerate() {
        let lead = if index == 0 { first } else { "  " };
        let _ = writeln!(to, "{}{line}", if line.is_empty() { "" } else { lead });
    }
}
