//! The YAML test suite, `tests/yaml_suite`: which of its texts are read, as what tree, and what Kubernetes' readers make of them.

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::ops::Range;
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::tree::{Kind, Tree};
use super::super::*;
use super::super::{fast, full, split};

#[derive(Deserialize)]
struct Case {
    id: String,
    yaml: String,
    /// The text is not YAML.
    #[serde(default)]
    error: bool,
    #[serde(default)]
    events: Vec<String>,
}

fn cases() -> Vec<Case> {
    let lines = include_str!("../../../tests/yaml_suite/cases.jsonl").lines();
    let cases: Vec<Case> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let invalid = cases.iter().filter(|case| case.error).count();
    assert_eq!((cases.len(), invalid), (402, 94));
    cases
}

impl Case {
    /// The events without the marks of documents, which do not belong to a tree.
    fn tree(&self) -> Vec<String> {
        let events = self.events.iter();
        events
            .map(|event| {
                event
                    .trim_end_matches(" ---")
                    .trim_end_matches(" ...")
                    .to_owned()
            })
            .collect()
    }
}

/// The events of all documents, as the suite writes them.
fn events(stream: &Stream) -> Vec<String> {
    let mut out = Vec::new();
    for document in stream.documents() {
        let root = document.root();
        let before = &stream.text()[document.span().start..root.span().start];
        let mut handles = HashMap::new();
        for line in before.lines().filter(|line| line.starts_with("%TAG")) {
            let mut words = line.split_whitespace().skip(1);
            handles.insert(words.next().unwrap(), words.next().unwrap());
        }
        out.push("+DOC".to_owned());
        node_events(stream, root.id().0, &handles, &mut out);
        out.push("-DOC".to_owned());
    }
    out
}

/// A tag with what its handle stands for.
fn expanded(tag: &str, handles: &HashMap<&str, &str>) -> String {
    if let Some(verbatim) = tag.strip_prefix("!<") {
        return verbatim.trim_end_matches('>').to_owned();
    }
    let end = tag[1..].find('!').map_or(1, |at| at + 2);
    let (handle, name) = tag.split_at(end);
    let of_yaml = if handle == "!!" {
        "tag:yaml.org,2002:"
    } else {
        handle
    };
    let prefix = match name {
        "" => of_yaml,
        _ => handles.get(handle).copied().unwrap_or(of_yaml),
    };
    format!("{prefix}{}", name.replace("%21", "!"))
}

fn node_events(stream: &Stream, id: u32, handles: &HashMap<&str, &str>, out: &mut Vec<String>) {
    let data = stream.tree.at(id);
    let node = Node::new(stream, id);
    let mut properties = String::new();
    if let Some(anchor) = node.anchor() {
        properties += &format!(" &{anchor}");
    }
    if let Some(tag) = node.tag() {
        properties += &format!(" <{}>", expanded(tag, handles));
    }
    if data.kind.is_collection() {
        let (name, brackets) = match data.kind.is_map() {
            true => ("MAP", " {}"),
            false => ("SEQ", " []"),
        };
        let brackets = if data.kind.is_flow() { brackets } else { "" };
        out.push(format!("+{name}{brackets}{properties}"));
        for child in stream.tree.children(id) {
            node_events(stream, child, handles, out);
        }
        out.push(format!("-{name}"));
        return;
    }
    let style = match data.kind {
        Kind::Alias => return out.push(format!("=ALI {}", node.raw())),
        Kind::Single => '\'',
        Kind::Double => '"',
        Kind::Literal => '|',
        Kind::Folded => '>',
        _ => ':',
    };
    let mut text = node.text().unwrap().replace('\\', "\\\\");
    for (character, escape) in [
        ("\n", "\\n"),
        ("\t", "\\t"),
        ("\r", "\\r"),
        ("\u{8}", "\\b"),
    ] {
        text = text.replace(character, escape);
    }
    out.push(format!("=VAL{properties} {style}{text}"));
}

/// What is done with the exceptions, from `tests/yaml_suite/exceptions.tsv`: cases that are YAML and not read as the suite says,
/// and those that are read and not YAML.
fn exceptions() -> BTreeMap<String, [String; 4]> {
    let table = include_str!("../../../tests/yaml_suite/exceptions.tsv").lines();
    let rows = table.filter(|line| !line.starts_with('#')).map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [case, rest @ ..] = &columns[..] else {
            panic!("{line}")
        };
        let rest: [&str; 4] = rest.try_into().unwrap_or_else(|_| panic!("{line}"));
        ((*case).to_owned(), rest.map(str::to_owned))
    });
    rows.collect()
}

/// What fitout does with a case: `None` if it is what the suite says.
fn outcome(case: &Case) -> Option<String> {
    match Stream::parse(case.yaml.as_str()) {
        Err(_) if case.error => None,
        Err(error) => Some(format!("refused, {error}")),
        Ok(_) if case.error => Some("read".to_owned()),
        Ok(stream) if events(&stream) == case.tree() => None,
        Ok(_) => Some("another value".to_owned()),
    }
}

/// Every case is read or refused as the suite says, or as the table of exceptions does.
#[test]
fn the_suite_is_read_as_the_table_says() {
    let mut exceptions = exceptions();
    for case in cases() {
        let expected = exceptions.remove(&case.id).map(|[fitout, ..]| fitout);
        assert_eq!(outcome(&case), expected, "{}: {:?}", case.id, case.yaml);
    }
    assert!(exceptions.is_empty(), "{exceptions:?}");
}

type Parser = fn(&str, &Range<usize>, u32, &mut Tree) -> bool;

/// The trees of both parsers are those of the suite, for each text that they read on their own. The general one reads all.
#[test]
fn both_parsers_read_the_suite() {
    let parsers: [(&str, Parser, usize); 2] = [
        (
            "general",
            |text, chunk, number, tree| full::parse(text, chunk, number, tree).is_ok(),
            308,
        ),
        (
            "fast",
            |text, chunk, number, tree| {
                fast::parse(text, chunk, number, tree, &mut fast::Stack::default()).is_ok()
            },
            115,
        ),
    ];
    let exceptions = exceptions();
    for (name, parse, least) in parsers {
        let mut read = 0;
        for case in cases() {
            let text = &case.yaml;
            let mut tree = Tree::default();
            let mut numbered = split::chunks(text).into_iter().enumerate();
            let is_read = numbered.all(|(number, chunk)| {
                split::is_bare(text.as_bytes(), &chunk)
                    || parse(text, &chunk, number as u32, &mut tree)
            });
            assert!(
                !is_read || !case.error || exceptions.contains_key(&case.id),
                "{name}, {}",
                case.id
            );
            if !is_read || case.error {
                continue;
            }
            read += 1;
            let mut stream = Stream::parse_any_keys(text.as_str()).unwrap();
            if !tree.nodes.is_empty() {
                stream.tree = tree;
            }
            // The text ends in these block scalars: see the table.
            if !["JEF9/02", "L24T/01"].contains(&&*case.id) {
                assert_eq!(
                    events(&stream),
                    case.tree(),
                    "{name}, {}: {text:?}",
                    case.id
                );
            }
        }
        assert!(read >= least, "{name}: {read}");
    }
}

/// The values of the documents as kubectl reads them, without those that are null.
fn values(stream: &Stream) -> Option<Vec<Value>> {
    let roots = stream.documents().map(Document::root);
    let values: Vec<Value> = roots.map(value_of).collect::<Option<_>>()?;
    Some(
        values
            .into_iter()
            .filter(|value| !value.is_null())
            .collect(),
    )
}

/// A value with the keys that kubectl reads: `true` for `y`.
fn value_of(node: Node<'_>) -> Option<Value> {
    if node.is_map() {
        let entries = node.entries().map(|(key, value)| {
            let name = key.json_key().or_else(|| key.text())?;
            Some((name.into_owned(), value_of(value)?))
        });
        return entries
            .collect::<Option<serde_json::Map<_, _>>>()
            .map(Value::Object);
    }
    if node.is_sequence() {
        return node.items().map(value_of).collect();
    }
    Some(json!(node.value().ok()?))
}

/// The texts of the scalars, whatever their types, as `tests/conformance/yamlsuite` gives them.
fn shape(stream: &Stream, id: u32) -> Value {
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

/// The shapes of the documents, without empty ones.
fn shapes(stream: &Stream) -> Vec<Value> {
    let roots = stream.documents().map(|document| document.root().id().0);
    let shapes = roots.map(|root| shape(stream, root));
    shapes.filter(|shape| shape != "").collect()
}

#[derive(Deserialize)]
struct Theirs {
    documents: Option<Vec<Value>>,
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
        .map(|text| format!("{}\n", json!(text)))
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
    "\n", " ", "  ", ":", ": ", "- ", "#", " # m", "\"", "'", "|\n", ">-\n", "|+\n", "|2\n", "{",
    "}", "[", "]", ",", "\t", "a", "---\n", "...\n", "&a ", "*a", "!t ", "!!str ", "? ", "\\", "~",
    "é", "\n\n", "%", "@", "0", "\r\n", "b: c\n", "null", "\\/", "{}", "# m\n", "\n  # m\n",
    "\n---", "?",
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

fn is_near(a: &Value, b: &Value) -> bool {
    use Value::{Array, Object};
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

/// What a reader makes of a text, next to what the text is to fitout if any keys are accepted.
fn verdict(theirs: &Theirs, ours: Option<&Vec<Value>>) -> String {
    match (&theirs.error, &theirs.documents) {
        (Some(error), _) => format!("refused, {error}"),
        (None, documents) => {
            let read = documents.clone().unwrap_or_default();
            let is_same = ours.is_some_and(|ours| is_near(&ours.clone().into(), &read.into()));
            if is_same { "read" } else { "another value" }.to_owned()
        }
    }
}

/// What kubectl and kustomize make of a text.
fn verdicts(text: &str, readers: Readers) -> [String; 2] {
    let stream = Stream::parse_any_keys(text).ok();
    let values = stream.as_ref().and_then(values);
    let shapes = stream.as_ref().map(shapes);
    let kustomize = Theirs {
        documents: readers
            .kustomize
            .documents
            .map(|documents| documents.into_iter().filter(|shape| shape != "").collect()),
        ..readers.kustomize
    };
    [
        verdict(&readers.kubectl, values.as_ref()),
        verdict(&kustomize, shapes.as_ref()),
    ]
}

/// Whether a block scalar goes on to the end of a text that does not end with a line break. kubectl adds one.
fn is_cut_short(text: &str) -> bool {
    let stream = Stream::parse_any_keys(text).unwrap();
    stream.text_with_final_break() != format!("{text}\n")
        && !text.is_empty()
        && !text.ends_with('\n')
}

/// The columns about Kubernetes' readers in the table are what these do, what is refused is refused by one of them or read
/// differently, and everything else is read alike: for all cases, and for 20,000 texts with random changes.
/// `cargo test --lib conformance -- --ignored`; `CONFORMANCE_SEED=7` draws others, `UPDATE_GOLDEN=1` writes the table.
#[test]
#[ignore = "needs Go"]
fn conformance_with_kubernetes_readers() {
    let (cases, texts) = (cases(), mutants(20_402));
    let known = exceptions();
    let (mut rows, mut wrong) = (Vec::new(), Vec::new());
    let (mut read, mut refused) = (0, 0);
    for (number, (text, readers)) in texts.iter().zip(read_by_go(&texts)).enumerate() {
        let [kubectl, kustomize] = verdicts(text, readers);
        if let Some(case) = cases.get(number)
            && let Some(fitout) = outcome(case)
        {
            let why = known.get(&case.id).map_or("-", |[.., why]| why);
            rows.push([&case.id, &fitout, &kubectl, &kustomize, why].map(str::to_owned));
            let is_needed = kubectl != "read" || kustomize != "read";
            if fitout.starts_with("refused") && !is_needed && why == "-" {
                wrong.push(format!("{} is refused: {text:?}", case.id));
            }
        }
        // kustomize does not read JSON that is not YAML 1.1.
        match Stream::parse(text.as_str()) {
            Ok(_)
                if kubectl == "read"
                    && (kustomize == "read" || text.trim_start().starts_with('{'))
                    // kubectl does not read on behind this directive, which kustomize accepts.
                    || kustomize == "read" && text.contains("%YAML") =>
            {
                read += 1
            }
            Ok(_) if is_cut_short(text) => {}
            Ok(_) => wrong.push(format!(
                "{text:?}: kubectl {kubectl}, kustomize {kustomize}"
            )),
            Err(_) => refused += 1,
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        read > 4000 && refused > 1000,
        "{read} are read, {refused} refused"
    );
    let head = include_str!("../../../tests/yaml_suite/exceptions.tsv").lines();
    let head = head
        .take_while(|line| line.starts_with('#'))
        .map(str::to_owned);
    let table: Vec<String> = head.chain(rows.iter().map(|row| row.join("\t"))).collect();
    let table = table.join("\n") + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/yaml_suite/exceptions.tsv"
        );
        std::fs::write(path, &table).unwrap();
    } else {
        let known = include_str!("../../../tests/yaml_suite/exceptions.tsv");
        for (now, known) in table.lines().zip(known.lines()) {
            assert_eq!(now, known);
        }
        assert_eq!(table.lines().count(), known.lines().count());
    }
}
