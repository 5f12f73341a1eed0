//! The results for the Pod Security Standards are those of the API server's own evaluator: on its fixtures, on a corpus, and on
//! mutations of both.
//!
//! `make conformance` sets `FITOUT_CONFORMANCE=1`; it needs Go, which fetches the evaluator with its fixtures as a module,
//! and the corpus that CI has next to the repository.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod mutate;
pub(crate) mod oracle;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fitout::facts::{Overlay, PodFacts};
use fitout::objects::Target;
use fitout::pod_security::{At, Culprit, Violation, evaluate};
use fitout::read::{Origin, Resource};
use fitout::yaml::{Fault, Node, Stream};
use jsonptr::{Pointer, PointerBuf};
use serde_json::Value;

use crate::hosts::bench::{root, skip};
use crate::restricted::files;
use oracle::{Answer, Oracle, Question};

/// The number of mutated pods.
const MUTATIONS: usize = 120_000;

/// Disagreements that are printed.
const SHOWN: usize = 5;

const CHECKS: usize = 19;

pub(crate) fn is_asked() -> bool {
    let is_asked = std::env::var_os("FITOUT_CONFORMANCE").is_some();
    if !is_asked {
        skip("the evaluator is asked by `make conformance`");
    }
    is_asked
}

/// The test data in the evaluator's module.
fn fixtures() -> PathBuf {
    const MODULE: &str = "k8s.io/pod-security-admission";
    let go = |arguments: &[&str]| {
        let mut go = Command::new("go");
        let output = go
            .args(arguments)
            .current_dir(root().join("tests/conformance"));
        let output = output.output().unwrap_or_else(|e| panic!("go: {e}"));
        assert!(output.status.success(), "go {arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    go(&["mod", "download", MODULE]);
    let folder = go(&["list", "-m", "-f", "{{.Dir}}", MODULE]);
    Path::new(folder.trim()).join("test/testdata")
}

/// Path of the pod template in the kinds that the evaluator knows.
fn template_path(kind: &str) -> &'static str {
    match kind {
        "Pod" => "",
        "PodTemplate" => "/template",
        "CronJob" => "/spec/jobTemplate/spec/template",
        _ => "/spec/template",
    }
}

/// The facts of an object that is not validated against its schema, with edits applied.
fn facts<'a>(object: Node<'a>, edits: &'a Overlay<'a>) -> Option<PodFacts<'a>> {
    let kind = object.get("kind")?.text()?;
    let path = Pointer::from_static(template_path(&kind));
    let template = edits.view(object.pointer(path)?, path);
    let is_pod = path.is_root();
    Some(PodFacts::of_lists(
        template.get("spec")?,
        template.get("metadata"),
        is_pod,
    ))
}

/// The violations that fitout finds in a text with one object, in the form of the oracle's answer.
fn judge(question: &Question) -> Vec<Violation> {
    let stream = Stream::parse(question.text.as_str()).unwrap();
    let object = stream.documents().next().unwrap().root();
    let nothing = Overlay::default();
    let Some(facts) = facts(object, &nothing) else {
        return Vec::new();
    };
    let violations = evaluate(&facts, question.level(), question.version());
    check_culprits(object, &violations, question);
    violations
}

/// A culprit is there, or is missing and a value mends it; and with all that can be mended, it is a culprit no more.
fn check_culprits(object: Node<'_>, violations: &[Violation], question: &Question) {
    let kind = object.get("kind").unwrap().text().unwrap();
    let template = template_path(&kind);
    let mut mends = Vec::new();
    let mut edits = Vec::new();
    for violation in violations {
        let who = |culprit| format!("{culprit:?} of {} in {}", violation.check, question.text);
        assert!(!violation.culprits.is_empty(), "{violation:?}");
        for culprit in &violation.culprits {
            let leaf = leaf(culprit);
            let part = match culprit.at {
                At::Metadata => "metadata",
                At::Pod | At::Container { .. } => "spec",
            };
            let path = PointerBuf::parse(format!("{template}/{part}{leaf}")).unwrap();
            // A null annotation is present, and so is an item of a list.
            let is_there = object.pointer(&path).is_some() || culprit.found.as_deref() == Some("");
            assert!(is_there || culprit.fix.is_some(), "{}", who(culprit));
            // fitout only edits fields in a security context.
            if culprit.fix.is_some() && leaf.as_str().contains("/securityContext/") {
                edits.push((path, culprit.fix.as_ref()));
                mends.push((violation.check, culprit));
            }
        }
    }
    let edits = edits.iter().map(|(path, value)| (path.as_ptr(), *value));
    let edits = Overlay::of_values(edits);
    let mended = facts(object, &edits).unwrap();
    for violation in evaluate(&mended, question.level(), question.version()) {
        for culprit in &violation.culprits {
            let is_it = |(check, it): &(&str, &Culprit)| {
                (*check, it.at, &it.field) == (violation.check, culprit.at, &culprit.field)
            };
            let text = &question.text;
            assert!(!mends.iter().any(is_it), "{culprit:?} stays in {text}");
        }
    }
}

/// The path of a culprit below the pod spec, or below the metadata.
fn leaf(culprit: &Culprit) -> PointerBuf {
    let part = match culprit.at {
        At::Pod | At::Metadata => PointerBuf::new(),
        At::Container { list, index } => {
            PointerBuf::from_tokens([list.as_str(), &index.to_string()])
        }
    };
    part.concat(&culprit.field)
}

/// How a verdict differs from the evaluator's, if it does.
fn difference(question: &Question, ours: &[Violation], theirs: &Answer) -> Option<String> {
    let ours: Vec<[&str; 3]> = ours
        .iter()
        .map(|it| [it.check, it.reason, it.detail.as_str()])
        .collect();
    let upstream = theirs.violations.iter();
    let upstream: Vec<[&str; 3]> = upstream
        .map(|it| [it.check.as_str(), &it.reason, &it.detail])
        .collect();
    if ours == upstream && theirs.no_pods.is_empty() {
        return None;
    }
    let only = |of: &[[&str; 3]], other: &[[&str; 3]]| {
        let lines = of.iter().filter(|line| !other.contains(line));
        let lines = lines.map(|[check, reason, detail]| format!("{check}: {reason} ({detail})"));
        lines.collect::<Vec<_>>().join(", ")
    };
    Some(format!(
        "{} {} {}\n    only fitout:   {}\n    only upstream: {}{}",
        question.who,
        question.level,
        question.version,
        only(&ours, &upstream),
        only(&upstream, &ours),
        theirs.no_pods
    ))
}

fn show(differences: &[String]) {
    for difference in differences.iter().take(SHOWN) {
        println!("  {difference}");
    }
    if differences.len() > SHOWN {
        println!("  … and {} more", differences.len() - SHOWN);
    }
}

fn question_of_fixture(folder: &Path, file: &Path) -> Option<Question> {
    let path = file.strip_prefix(folder).unwrap();
    let mut parts = path.iter().map(|part| part.to_str().unwrap());
    Some(Question {
        level: parts.next()?.to_owned(),
        version: parts.next()?.to_owned(),
        text: fs::read_to_string(file).unwrap(),
        who: path.display().to_string(),
    })
}

/// Versions as numbers, so that 1.9 comes before 1.10.
fn minor(version: &str) -> u32 {
    version.strip_prefix("v1.").unwrap().parse().unwrap()
}

#[test]
fn every_fixture_of_the_evaluator_agrees() {
    if !is_asked() {
        return;
    }
    let folder = fixtures();
    let files = files(&folder);
    let files = files.iter();
    let questions: Vec<Question> = files
        .filter_map(|file| question_of_fixture(&folder, file))
        .collect();
    let answers = Oracle::start().ask(&questions);
    let mut differences = Vec::new();
    let mut agreed: BTreeMap<&str, (usize, usize, BTreeSet<u32>)> = BTreeMap::new();
    for (question, answer) in questions.iter().zip(&answers) {
        let ours = judge(question);
        let (all, same, versions) = agreed.entry(&question.level).or_default();
        *all += 1;
        versions.insert(minor(&question.version));
        let mut different = Vec::new();
        different.extend(difference(question, &ours, answer));
        if question.who.contains("/pass/") != ours.is_empty() {
            different.push(format!("{}: not as its folder says", question.who));
        }
        let name = Path::new(&question.who).file_stem().unwrap();
        let name = name.to_str().unwrap();
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let names_it = |it: &Violation| it.check.to_lowercase() == name;
        // At the level restricted another check may fail than the one in the name.
        if question.level == "baseline" && !ours.is_empty() && !ours.iter().any(names_it) {
            different.push(format!("{}: not by the check of its name", question.who));
        }
        if of_target(&question.text, question) != ours {
            different.push(format!("{}: not as in the object's target", question.who));
        }
        *same += usize::from(different.is_empty());
        differences.extend(different);
    }
    println!();
    for (level, (all, same, versions)) in agreed {
        println!(
            "{level} v1.{} to v1.{}: {same} of {all} fixtures agree",
            versions.first().unwrap(),
            versions.last().unwrap()
        );
    }
    show(&differences);
    assert!(questions.len() > 4_000, "too few fixtures were found");
    assert!(differences.is_empty(), "{} disagree", differences.len());
}

/// The violations that fitout finds in an object through its target, as transformers do.
fn of_target(text: &str, question: &Question) -> Vec<Violation> {
    let stream = Stream::parse(text).unwrap();
    let mut resources = Vec::new();
    let object = stream.documents().next().unwrap().root();
    Resource::read(object, 0, Origin::default(), &mut resources).unwrap();
    let target = Target::of(&resources[0], &[], &[]).unwrap();
    let facts = target.templates.iter().map(PodFacts::of);
    facts
        .flat_map(|facts| evaluate(&facts, question.level(), question.version()))
        .collect()
}

/// A row of the upstream evaluator's results for the corpus.
struct Row {
    file: String,
    document: usize,
    item: Option<usize>,
    level: String,
    version: String,
    checks: BTreeSet<String>,
    details: Vec<String>,
}

impl Row {
    fn all(table: &Path) -> Vec<Row> {
        let table = fs::read_to_string(table).unwrap();
        let rows = table.lines().skip(1).map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            let checks = cells[9].split(',').filter(|it| !it.is_empty());
            Row {
                file: cells[0].to_owned(),
                document: cells[1].parse().unwrap(),
                item: cells[2].parse().ok(),
                level: cells[6].to_owned(),
                version: cells[7].to_owned(),
                checks: checks.map(str::to_owned).collect(),
                details: serde_json::from_str(cells[10]).unwrap(),
            }
        });
        rows.collect()
    }

    /// Its file, unless it has a duplicate key, which upstream's reader overlooks and fitout refuses.
    fn stream(&self, corpus: &Path) -> Option<Stream> {
        let text = fs::read_to_string(corpus.join(&self.file)).unwrap();
        match Stream::parse(text) {
            Err(error) if error.fault == Fault::DuplicateKey => None,
            read => Some(read.unwrap()),
        }
    }

    /// The object that it is about.
    fn object<'a>(&self, stream: &'a Stream) -> Node<'a> {
        let documents = stream.documents().map(|document| document.root());
        let mut documents = documents.filter(|root| !root.is_null());
        let root = documents.nth(self.document).unwrap();
        match self.item {
            None => root,
            Some(item) => root.get("items").unwrap().items().nth(item).unwrap(),
        }
    }
}

fn corpus() -> Option<PathBuf> {
    let corpus = root().join("../shared/corpus-dev");
    let exists = corpus.exists();
    if !exists {
        skip("no corpus next to the repository");
    }
    exists.then_some(corpus)
}

#[test]
fn the_corpus_agrees() {
    if !is_asked() {
        return;
    }
    let Some(corpus) = corpus() else { return };
    let rows = Row::all(&corpus.join("PSS.tsv"));
    let (mut differences, mut unread) = (Vec::new(), 0);
    for row in &rows {
        let Some(stream) = row.stream(&corpus) else {
            unread += 1;
            continue;
        };
        // A patch may have no pod spec; upstream allows an empty one.
        let nothing = Overlay::default();
        let facts = facts(row.object(&stream), &nothing);
        let ours = facts.map(|facts| {
            let (level, version) = (row.level.parse(), row.version.parse());
            evaluate(&facts, level.unwrap(), version.unwrap())
        });
        let ours = ours.unwrap_or_default();
        let checks: BTreeSet<String> = ours.iter().map(|it| it.check.to_owned()).collect();
        let details: Vec<String> = ours.into_iter().map(|it| it.detail).collect();
        if checks != row.checks || details != row.details {
            let file = &row.file;
            differences.push(format!("{file}[{}]: {checks:?} {details:?}", row.document));
        }
    }
    let all = rows.len() - unread;
    let same = all - differences.len();
    println!(
        "\nthe corpus: {same} of {all} verdicts agree; {unread} are of files with duplicate keys"
    );
    assert!(unread < rows.len() / 100, "too few files were read");
    show(&differences);
    assert!(differences.is_empty(), "{} disagree", differences.len());
}

/// Objects to mutate: every fixture that differs from the others, and the workloads of the corpus.
fn seeds() -> Vec<Value> {
    let mut texts = BTreeSet::new();
    for file in files(&fixtures()) {
        texts.insert(fs::read_to_string(file).unwrap());
    }
    let streams = texts.into_iter().map(|text| Stream::parse(text).unwrap());
    let of_stream = |stream: Stream| {
        let root = stream.documents().next().unwrap().root();
        serde_json::to_value(root.value().unwrap()).unwrap()
    };
    let mut seeds: Vec<Value> = streams.map(of_stream).collect();
    let Some(corpus) = corpus() else { return seeds };
    for row in Row::all(&corpus.join("PSS.tsv")) {
        // There is a row for each level.
        if row.level == "restricted" {
            let Some(stream) = row.stream(&corpus) else {
                continue;
            };
            let object = row.object(&stream);
            if facts(object, &Overlay::default()).is_some() {
                let value = object.value().unwrap();
                seeds.push(serde_json::to_value(value).unwrap());
            }
        }
    }
    seeds
}

#[test]
fn mutations_agree() {
    if !is_asked() {
        return;
    }
    let seeds = seeds();
    let mut oracle = Oracle::start();
    let mut mutator = mutate::Mutator::new(7);
    let mut differences = Vec::new();
    let mut allowed = 0;
    let mut forbidden: BTreeMap<&str, usize> = BTreeMap::new();
    let numbers: Vec<usize> = (0..MUTATIONS).collect();
    for batch in numbers.chunks(2_000) {
        let questions = batch.iter().map(|number| {
            let seed = &seeds[number % seeds.len()];
            let kind = seed["kind"].as_str().unwrap();
            mutator.question(seed, template_path(kind))
        });
        let questions: Vec<Question> = questions.collect();
        let answers = oracle.ask(&questions);
        for (question, answer) in questions.iter().zip(&answers) {
            let ours = judge(question);
            allowed += usize::from(ours.is_empty());
            for violation in &ours {
                *forbidden.entry(violation.check).or_default() += 1;
            }
            let different = difference(question, &ours, answer);
            differences.extend(different.map(|it| format!("{it}\n    {}", question.text)));
        }
    }
    let same = MUTATIONS - differences.len();
    println!(
        "\n{same} of {MUTATIONS} mutated pods agree; {allowed} are allowed, the others forbidden by"
    );
    for (check, count) in &forbidden {
        println!("  {count:>6} {check}");
    }
    show(&differences);
    assert!(differences.is_empty(), "{} disagree", differences.len());
    assert_eq!(forbidden.len(), CHECKS, "some check was never reached");
    assert!(
        forbidden.values().all(|count| *count > 100),
        "rarely reached"
    );
}
