//! Generated manifests, and the corpora of the fuzz targets on stable Rust: `fuzz/src/lib.rs` has the oracle, the generator and
//! the targets.
#![allow(
    clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr,
    unreachable_pub, missing_docs
)]

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::fs;
use std::io::Write as _;
use std::panic::catch_unwind;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::tidy::{files, root};

fn generated(seed: u64) -> (String, &'static str) {
    let text = fuzz::generate::manifests(&mut fuzz::generate::Dice::seeded(seed));
    (text, fuzz::CONFIGS[seed as usize % fuzz::CONFIGS.len()])
}

/// Generated manifests are fitted without loss, and once. `FITOUT_SEEDS=1000..9000` tries others.
#[test]
fn generated_manifests_are_fitted_without_loss() {
    let seeds = std::env::var("FITOUT_SEEDS").unwrap_or_else(|_| "0..300".to_owned());
    let (from, to) = seeds.split_once("..").unwrap();
    let seeds = from.parse::<u64>().unwrap()..to.parse().unwrap();
    let mut failures = Vec::new();
    let mut fitted = 0;
    for seed in seeds.clone() {
        let (text, config) = generated(seed);
        match catch_unwind(|| fuzz::fit_is_lossless(&text, config)) {
            Ok(is_fitted) => fitted += u64::from(is_fitted),
            Err(_) => failures.push(seed),
        }
    }
    assert!(failures.is_empty(), "seeds {failures:?}");
    let least = (seeds.end - seeds.start) * 9 / 10;
    assert!(fitted >= least, "only {fitted} of {seeds:?} were fitted");
}

fn is_conformance() -> bool {
    std::env::var_os("FITOUT_CONFORMANCE").is_some()
}

/// The model that the fuzz targets compare with is right: for a table of scalars from Go, and with `make conformance` for
/// random ones.
#[test]
fn scalars_are_typed_as_in_go() {
    let table = fs::read_to_string(root().join("src/yaml/testdata/scalars.jsonl")).unwrap();
    let mut rows: Vec<(String, Option<Value>)> = Vec::new();
    for line in table.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let (scalar, sigs) = (row["S"].as_str().unwrap(), row["Sigs"].as_str().unwrap());
        // Of those with quotes, tags or flow style, the model sees only the content.
        let is_plain = !scalar.starts_with(['"', '\'', '!', '[', '{', '&', '#']);
        if is_plain && !sigs.starts_with("ERR yaml") {
            let value = serde_json::from_str::<Value>(sigs).ok();
            rows.push((
                scalar.trim_end().to_owned(),
                value.map(|value| value["k"].clone()),
            ));
        }
    }
    assert!(rows.len() > 150, "{}", rows.len());
    if is_conformance() {
        let go = Command::new("go")
            .args(["run", "./typing", "100000", "1"])
            .current_dir(root().join("tests/conformance"))
            .output()
            .unwrap();
        assert!(
            go.status.success(),
            "{}",
            String::from_utf8_lossy(&go.stderr)
        );
        let before = rows.len();
        for line in String::from_utf8(go.stdout).unwrap().lines() {
            let (scalar, value) = line.split_once('\t').unwrap();
            rows.push((
                serde_json::from_str(scalar).unwrap(),
                serde_json::from_str(value).ok(),
            ));
        }
        println!("{} scalars of Go", rows.len() - before);
        assert!(rows.len() > before + 50_000);
    }
    for (scalar, value) in rows {
        let ours = fuzz::typing::plain(&scalar);
        let number = |value: &Option<Value>| value.as_ref().and_then(Value::as_f64);
        // serde_json rounds the last digit of a float.
        let is_near = |a: f64, b: f64| (a - b).abs() <= b.abs() * 1e-12;
        let numbers = number(&ours).zip(number(&value));
        let is_same = ours == value || numbers.is_some_and(|(a, b)| is_near(a, b));
        assert!(is_same, "{scalar:?}: {ours:?}, in Go {value:?}");
    }
}

/// With `make lossless`: texts of this repository, generated ones, and those of `FITOUT_CORPUS`, judged in Go.
#[test]
fn go_finds_nothing_lost() {
    if !is_conformance() {
        return;
    }
    let mut texts: Vec<(String, String, String)> = Vec::new();
    for (name, text) in files("tests/cases") {
        if let Some(folder) = name.strip_suffix("/input.yaml") {
            let config = fs::read_to_string(root().join(folder).join("fn-config.yaml")).unwrap();
            texts.push((name, text, config));
        }
    }
    let mut folders = vec![
        "base".to_owned(),
        "overlays".to_owned(),
        "examples".to_owned(),
    ];
    folders.extend(
        std::env::var("FITOUT_CORPUS")
            .ok()
            .filter(|corpus| !corpus.is_empty()),
    );
    for folder in folders {
        let manifests = files(&folder).into_iter().filter(|(name, _)| {
            [".yaml", ".yml", ".json"]
                .iter()
                .any(|end| name.ends_with(end))
        });
        texts.extend(manifests.flat_map(|(name, text)| {
            fuzz::CONFIGS.map(|config| (name.clone(), text.clone(), config.to_owned()))
        }));
    }
    texts.extend((0..2000).map(|seed| {
        let (text, config) = generated(seed);
        (format!("seed {seed}"), text, config.to_owned())
    }));
    let mut records = String::new();
    let mut count = 0;
    for (name, text, config) in &texts {
        let Some((after, intents)) = fuzz::fitted(text, config) else {
            continue;
        };
        let edits: Vec<Value> = intents
            .iter()
            .map(|intent| {
                let path: Vec<&str> = intent.path.iter().map(|step| &**step).collect();
                match &intent.value {
                    Some(value) => json!({"path": path, "value": value}),
                    None => json!({"path": path}),
                }
            })
            .collect();
        let record = json!({"name": name, "before": text, "after": after, "edits": edits});
        records.push_str(&format!("{record}\n"));
        count += 1;
    }
    println!("{count} of {} texts were fitted", texts.len());
    let mut go = Command::new("go")
        .args(["run", "./lossless"])
        .current_dir(root().join("tests/conformance"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = go.stdin.take().unwrap();
    std::thread::spawn(move || input.write_all(records.as_bytes()).unwrap());
    let output = go.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{}", said.lines().last().unwrap_or_default());
    assert!(output.status.success(), "{said}");
}

/// The seeds of the corpora, and every find, through the targets.
#[test]
fn the_corpora_pass() {
    for (name, target) in fuzz::TARGETS {
        let folder = root().join("fuzz/corpus").join(name);
        let mut count = 0;
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            if catch_unwind(|| target(&bytes)).is_err() {
                panic!("{}", path.display());
            }
            count += 1;
        }
        assert!(count > 0, "{}", folder.display());
    }
}

/// The fast parser and the general one agree on texts of the corpus with random pieces of YAML in them.
#[test]
fn the_parsers_agree_on_mutated_texts() {
    let seeds = files("fuzz/corpus/parsers");
    for seed in 0..6000 {
        let mut dice = fuzz::generate::Dice::seeded(seed);
        let mut text = seeds[dice.roll(seeds.len())].1.clone();
        fuzz::generate::mutate(&mut text, &mut dice);
        fuzz::parsers(text.as_bytes());
    }
}
