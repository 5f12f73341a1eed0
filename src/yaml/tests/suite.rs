//! The YAML test suite, `tests/yaml_suite`: which of its texts are read, and as what tree.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::super::tree::Kind;
use super::super::*;

#[derive(Deserialize)]
struct Case {
    id: String,
    name: String,
    yaml: String,
    #[serde(default)]
    error: bool,
    #[serde(default)]
    events: Vec<String>,
}

fn cases() -> Vec<Case> {
    let lines = include_str!("../../../tests/yaml_suite/cases.jsonl").lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The events of the documents, as the suite writes them, without the markers of documents.
fn events(stream: &Stream) -> Vec<String> {
    let mut out = Vec::new();
    for document in stream.documents() {
        out.push("+DOC".to_owned());
        node_events(stream, document.root().id().0, &mut out);
        out.push("-DOC".to_owned());
    }
    out
}

fn node_events(stream: &Stream, id: u32, out: &mut Vec<String>) {
    let data = stream.tree.at(id);
    let node = Node::new(stream, id);
    let mut properties = String::new();
    if let Some(anchor) = node.anchor() {
        properties += &format!(" &{anchor}");
    }
    if let Some(tag) = node.tag() {
        let tag = match tag.strip_prefix("!!") {
            Some(name) => format!("tag:yaml.org,2002:{name}"),
            None => tag
                .strip_prefix("!<")
                .and_then(|tag| tag.strip_suffix('>'))
                .unwrap_or(tag)
                .to_owned(),
        };
        properties += &format!(" <{tag}>");
    }
    let style = match data.kind {
        Kind::Alias => {
            out.push(format!("=ALI {}", node.raw()));
            return;
        }
        kind if kind.is_collection() => {
            let (name, brackets) = match kind.is_map() {
                true => ("MAP", " {}"),
                false => ("SEQ", " []"),
            };
            let brackets = if kind.is_flow() { brackets } else { "" };
            out.push(format!("+{name}{brackets}{properties}"));
            for child in stream.tree.children(id) {
                node_events(stream, child, out);
            }
            out.push(format!("-{name}"));
            return;
        }
        Kind::Single => '\'',
        Kind::Double => '"',
        Kind::Literal => '|',
        Kind::Folded => '>',
        _ => ':',
    };
    let text = node
        .text()
        .unwrap()
        .replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\t', "\\t")
        .replace('\r', "\\r")
        .replace('\u{8}', "\\b");
    out.push(format!("=VAL{properties} {style}{text}"));
}

#[test]
fn dump() {
    use std::fmt::Write as _;
    let mut out = String::new();
    for case in cases() {
        let expected: Vec<String> = case
            .events
            .iter()
            .map(|e| e.trim_end_matches(" ---").replace("-DOC ...", "-DOC"))
            .collect();
        let any = Stream::parse_any_keys(case.yaml.as_str());
        let strict = Stream::parse(case.yaml.as_str());
        let tree = match &any {
            Err(error) => format!("refused: {error}"),
            Ok(stream) if case.error => format!("READ {:?}", events(stream)),
            Ok(stream) if events(stream) == expected => "right".to_owned(),
            Ok(stream) => {
                let ours = events(stream);
                let at = ours.iter().zip(&expected).position(|(a, b)| a != b);
                format!(
                    "TREE {:?} != {:?}",
                    at.map(|at| &ours[at]),
                    at.map(|at| &expected[at])
                )
            }
        };
        let differ = any.as_ref().ok().and_then(Stream::parsers_differ);
        let verdict = match &strict {
            Ok(stream) => {
                serde_json::json!({"documents": values(stream), "fast": stream.documents().filter(|d| d.is_fast()).count()})
            }
            Err(error) => serde_json::json!({"error": error.to_string()}),
        };
        writeln!(out, "{}", serde_json::json!({"id": case.id, "name": case.name, "invalid": case.error, "tree": tree, "strict": verdict, "differ": differ})).unwrap();
    }
    std::fs::write("/tmp/ours.jsonl", out).unwrap();
}

/// The values of the documents as JSON, without those that are null.
fn values(stream: &Stream) -> Vec<serde_json::Value> {
    let values = stream
        .documents()
        .map(|document| document.root().value().unwrap());
    let values = values.map(|value| serde_json::to_value(value).unwrap());
    values.filter(|value| !value.is_null()).collect()
}

/// The texts of the scalars, whatever their types, as `tests/conformance/yamlsuite` gives them.
fn shape(stream: &Stream, id: u32) -> serde_json::Value {
    let data = stream.tree.at(id);
    let node = Node::new(stream, id);
    if !data.kind.is_collection() {
        return match data.kind {
            Kind::Alias => node.raw().into(),
            _ => node.text().unwrap().into(),
        };
    }
    let name = if data.kind.is_map() { "map" } else { "list" };
    let below = stream.tree.children(id).map(|child| shape(stream, child));
    std::iter::once(name.into()).chain(below).collect()
}

#[derive(Deserialize)]
struct Theirs {
    documents: Option<Vec<serde_json::Value>>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Readers {
    kubectl: Theirs,
    kustomize: Theirs,
}

/// What Kubernetes' readers make of texts.
fn read_by_go(texts: &[String]) -> Vec<Readers> {
    let mut go = Command::new("go")
        .args(["run", "./yamlsuite"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = go.stdin.take().unwrap();
    let lines: String = texts
        .iter()
        .map(|text| format!("{}\n", serde_json::json!(text)))
        .collect();
    std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let output = go.wait_with_output().unwrap();
    assert!(output.status.success());
    let lines = String::from_utf8(output.stdout).unwrap();
    let read: Vec<Readers> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(read.len(), texts.len());
    read
}

const PIECES: [&str; 44] = [
    "\n",
    " ",
    "  ",
    ":",
    ": ",
    "- ",
    "#",
    " # m",
    "\"",
    "'",
    "|\n",
    ">-\n",
    "|+\n",
    "|2\n",
    "{",
    "}",
    "[",
    "]",
    ",",
    "\t",
    "a",
    "---\n",
    "...\n",
    "&a ",
    "*a",
    "!t ",
    "!!str ",
    "? ",
    "\\",
    "~",
    "é",
    "\n\n",
    "%",
    "@",
    "0",
    "\r\n",
    "b: c\n",
    "null",
    "\\/",
    "{}",
    "# m\n",
    "\n  # m\n",
    "\n---",
    "?",
];

/// The texts of the suite, and texts with random pieces in them.
fn mutants(count: usize) -> Vec<String> {
    let mut seed: u64 = std::env::var("CONFORMANCE_SEED").map_or(1, |seed| seed.parse().unwrap());
    let mut roll = move |below: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let cases = cases();
    let mut texts: Vec<String> = cases.iter().map(|case| case.yaml.clone()).collect();
    while texts.len() < count {
        let mut text = cases[roll(cases.len())].yaml.clone();
        for _ in 0..=roll(3) {
            let from = text.floor_char_boundary(roll(text.len() + 1));
            let to = text.ceil_char_boundary((from + roll(4)).min(text.len()));
            text.replace_range(from..to, PIECES[roll(PIECES.len())]);
        }
        texts.push(text);
    }
    texts
}

fn is_near(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Object};
    match (a, b) {
        (Array(a), Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_near(a, b)),
        (Object(a), Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| is_near(a, b)))
        }
        _ => {
            a == b
                || a.as_f64()
                    .zip(b.as_f64())
                    .is_some_and(|(a, b)| (a - b).abs() <= b.abs() * 1e-12)
        }
    }
}

#[test]
fn conformance_dump() {
    let texts = mutants(std::env::var("N").map_or(60000, |n| n.parse().unwrap()));
    let go = read_by_go(&texts);
    let mut out = String::new();
    for (text, go) in texts.iter().zip(&go) {
        let any = Stream::parse_any_keys(text.as_str());
        let strict = Stream::parse(text.as_str());
        let kind = |theirs: &Theirs, same: Option<bool>| match (&theirs.error, same) {
            (Some(_), _) => "ERR",
            (_, Some(true)) => "same",
            (_, Some(false)) => "OTHER",
            (_, None) => "ok",
        };
        let same = any.as_ref().ok().map(|stream| {
            let value = std::panic::catch_unwind(|| values(stream)).unwrap_or_default();
            is_near(
                &value.into(),
                &go.kubectl.documents.clone().unwrap_or_default().into(),
            )
        });
        let shapes = |stream: &Stream| -> Vec<serde_json::Value> {
            stream
                .documents()
                .map(|d| shape(stream, d.root().id().0))
                .filter(|s| s != "")
                .collect()
        };
        let same2 = any.as_ref().ok().map(|stream| {
            let theirs: Vec<serde_json::Value> = go
                .kustomize
                .documents
                .clone()
                .unwrap_or_default()
                .into_iter()
                .filter(|s| s != "")
                .collect();
            shapes(stream) == theirs
        });
        let ours = match &strict {
            Ok(_) => "ok".to_owned(),
            Err(e) => format!("{:?}", e.fault),
        };
        out += &format!(
            "{}\n",
            serde_json::json!({
                "key": [ours, kind(&go.kubectl, same), kind(&go.kustomize, same2)],
                "text": text,
                "ours": match (&any, &strict) { (_, Err(e)) => e.to_string(), (Ok(s), _) => format!("{}", serde_json::json!([values(s), shapes(s)])), _ => String::new() },
                "fast": strict.as_ref().ok().map(|s| s.documents().all(|d| d.is_fast())),
                "kubectl": go.kubectl.error.clone().unwrap_or_else(|| serde_json::json!(go.kubectl.documents).to_string()),
                "kustomize": go.kustomize.error.clone().unwrap_or_else(|| serde_json::json!(go.kustomize.documents).to_string()),
            })
        );
    }
    std::fs::write("/tmp/mut.jsonl", out).unwrap();
}
