//! Runs the code of the command line and the function on real manifests, and checks the output.
//!
//! ```text
//! cargo run --profile fast --example corpus -- FOLDER
//! ```
//!
//! With an empty config the output is the input, byte for byte. With a config for everything, in either
//! mode, the output has the intended values, keeps every comment and every line without an edited
//! value, and does not change when it is fitted again. Files may be rejected: their number and the
//! reasons are counted. Exits with 1 on any other difference.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod comments;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;

use comments::comments;
use fitout::config::{Config, FunctionConfig};
use fitout::edit::Change;
use fitout::problem::Problem;
use fitout::read::{Origin, OriginLines, Resource};
use fitout::yaml::{Kind, Node, Stream};
use fitout::{Results, write};
use kustomize_krm_types::Severity;

/// An empty config.
const NOTHING: &str = "
apiVersion: fitout.dev/v1alpha1
kind: Fitout
metadata: {name: nothing}
spec: {environment: nothing}
";

/// A config with every section, which sets absent fields.
const ENSURE: &str = "
apiVersion: fitout.dev/v1alpha1
kind: Fitout
metadata: {name: ensure}
spec:
  environment: ensure
  mode: Ensure
  resources:
    containers:
      requests: {cpu: 100m, memory: 128Mi}
      limits: {cpu: 500m, memory: 512Mi}
  securityContext:
    profile: restricted
    pod: {runAsUser: 1000, runAsGroup: 1000}
  prometheus: {scrape: true, onAmbiguous: Skip}
  storage: {storageClassName: fast, size: 10Gi}
";

/// The results of a config over all files.
#[derive(Default)]
struct Tally {
    files: usize,
    objects: usize,
    edited: usize,
    edits: usize,
    /// Why files and objects are rejected, with one file as an example.
    refused: BTreeMap<String, (BTreeSet<String>, usize)>,
    refused_files: usize,
    refused_objects: usize,
    /// Files that were also tried as the items of a ResourceList, and the edits there.
    as_list: usize,
}

/// All results.
#[derive(Default)]
struct Seen {
    files: usize,
    bytes: usize,
    documents: usize,
    fast: usize,
    comments: usize,
    not_yaml: Vec<String>,
    violations: Vec<String>,
}

/// The current file.
struct File<'a> {
    name: &'a str,
    stream: &'a Stream,
}

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: corpus FOLDER");
        return ExitCode::from(2);
    };
    if !folder.is_dir() {
        println!("skip: there is no {}", folder.display());
        return ExitCode::SUCCESS;
    }
    // A panic aborts the process, so the hook reports the file.
    static IN_HAND: Mutex<String> = Mutex::new(String::new());
    std::panic::set_hook(Box::new(|info| {
        let file = IN_HAND.lock().map(|name| name.clone()).unwrap_or_default();
        eprintln!("PANIC at {file}: {info}");
    }));
    let texts = [
        ("nothing", NOTHING.to_owned()),
        ("ensure", ENSURE.to_owned()),
        ("override", ENSURE.replace("Ensure", "Override")),
    ];
    let mut seen = Seen::default();
    let mut tallies = [Tally::default(), Tally::default(), Tally::default()];
    for path in manifests(&folder) {
        let name = path
            .strip_prefix(&folder)
            .unwrap_or(&path)
            .to_string_lossy()
            .into_owned();
        if let Ok(mut in_hand) = IN_HAND.lock() {
            in_hand.clone_from(&name);
        }
        let Ok(bytes) = std::fs::read(&path) else {
            seen.violations.push(format!("{name}: cannot be read"));
            continue;
        };
        seen.files += 1;
        seen.bytes += bytes.len();
        let stream = match Stream::from_bytes(bytes.clone()) {
            Ok(stream) => stream,
            Err(error) => {
                seen.not_yaml.push(format!("{name}: {error}"));
                continue;
            }
        };
        if stream.text().as_bytes() != bytes {
            seen.violations
                .push(format!("{name}: the text is not the bytes"));
        }
        seen.documents += stream.documents().len();
        seen.fast += stream
            .documents()
            .filter(|document| document.is_fast())
            .count();
        seen.comments += comments(stream.text()).len();
        let file = File {
            name: &name,
            stream: &stream,
        };
        for ((config, text), tally) in texts.iter().zip(&mut tallies) {
            let mut wrong = Vec::new();
            judge(&file, text, tally, &mut wrong);
            judge_as_list(&file, text, tally, &mut wrong);
            seen.violations.extend(
                wrong
                    .into_iter()
                    .map(|what| format!("{name}: {config}: {what}")),
            );
        }
    }
    print(&seen, &texts.each_ref().map(|(name, _)| *name), &tallies)
}

/// Every manifest below a folder, in order.
fn manifests(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let known = |path: &Path| {
        path.extension()
            .is_some_and(|end| end == "yaml" || end == "yml" || end == "json")
    };
    paths
        .into_iter()
        .flat_map(|path| match path.is_dir() {
            true => manifests(&path),
            false if known(&path) => vec![path],
            false => Vec::new(),
        })
        .collect()
}

/// Fits a file as `fitout apply` does.
fn judge(file: &File<'_>, config: &str, tally: &mut Tally, wrong: &mut Vec<String>) {
    tally.files += 1;
    with_config(config, |config| {
        let before = file.stream.text();
        let resources = match resources(file) {
            Ok(resources) => resources,
            Err(problems) => return refuse(file, &problems, 1, tally),
        };
        tally.objects += resources.len();
        let (after, changes) = match fit(config, file.stream, &resources) {
            Ok(fitted) => fitted,
            Err(problems) => {
                // The objects that cause it: each is fitted alone.
                let alone = |resource: &&Resource<'_>| {
                    fit(config, file.stream, std::slice::from_ref(*resource)).is_err()
                };
                let count = resources.iter().filter(alone).count();
                return refuse(file, &problems, count, tally);
            }
        };
        tally.edits += changes.len();
        tally.edited += usize::from(!changes.is_empty());
        if changes.is_empty() && after != before {
            wrong.push("without edits other bytes come back".to_owned());
        }
        if config.environment == "nothing" && !changes.is_empty() {
            wrong.push("edits, where nothing is asked for".to_owned());
        }
        wrong.extend(lost_comment(before, &after));
        wrong.extend(lost_line(file.stream, &after, &changes, &resources));
        let again = Stream::parse(after.as_str());
        let again = match &again {
            Ok(stream) => File {
                name: file.name,
                stream,
            },
            Err(error) => return wrong.push(format!("what was written is not YAML: {error}")),
        };
        match self::resources(&again).and_then(|resources| fit(config, again.stream, &resources)) {
            Ok((twice, changes)) if changes.is_empty() && twice == after => {}
            Ok((_, changes)) => wrong.push(format!(
                "the second run changes {} leaves: {}",
                changes.len(),
                told(&changes)
            )),
            Err(problems) => wrong.push(format!(
                "the second run is refused: {}",
                reason(&problems[0])
            )),
        }
    });
}

fn told(changes: &[Change]) -> String {
    changes
        .iter()
        .take(3)
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

fn with_config(text: &str, run: impl FnOnce(&Config<'_>)) {
    let stream = Stream::parse(text).expect("the config is YAML");
    let function_config =
        FunctionConfig::of_file(&stream, "config.yaml").expect("the config is one");
    run(&function_config
        .decode(fitout::VOCABULARY)
        .expect("the config is sound"));
}

/// The objects of a file, as `fitout apply` finds them.
fn resources<'a>(file: &File<'a>) -> Result<Vec<Resource<'a>>, Vec<Problem>> {
    let has = |node: Node<'_>, key| {
        node.get(key)
            .and_then(Node::text)
            .is_some_and(|text| !text.is_empty())
    };
    let mut resources = Vec::new();
    let mut problems = Vec::new();
    for (index, document) in file.stream.documents().enumerate() {
        let root = document.root();
        if !(has(root, "apiVersion") && has(root, "kind")) {
            continue;
        }
        let origin = Origin {
            path: Some(file.name.into()),
            index,
            lines: OriginLines::OfFile,
        };
        let read = Resource::read(root, 0, origin, &mut resources);
        problems.extend(read.err().into_iter().flat_map(|found| found.0));
    }
    if problems.is_empty() {
        Ok(resources)
    } else {
        Err(problems)
    }
}

/// The new text and its changes, or why there is none.
fn fit(
    config: &Config<'_>,
    stream: &Stream,
    resources: &[Resource<'_>],
) -> Result<(String, Vec<Change>), Vec<Problem>> {
    let fitted = fitout::fit(config, resources, None).map_err(|problems| problems.0)?;
    let errors = fitted
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error);
    let errors: Vec<Problem> = errors
        .map(|finding| Problem::new(finding.rule.id, finding.message.clone()))
        .collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let text = write::text(stream, &fitted.changes, resources).map_err(|problems| problems.0)?;
    Ok((text, fitted.changes))
}

fn refuse(file: &File<'_>, problems: &[Problem], objects: usize, tally: &mut Tally) {
    tally.refused_files += 1;
    tally.refused_objects += objects;
    for problem in problems {
        let (files, count) = tally.refused.entry(reason(problem)).or_default();
        let line = problem
            .place
            .as_ref()
            .map(|place| format!(":{}", place.position.line));
        files.insert(format!("{}{}", file.name, line.unwrap_or_default()));
        *count += 1;
    }
}

/// A problem without the parts that differ between files; for a finding, its id.
fn reason(problem: &Problem) -> String {
    if problem.place.is_none() {
        return problem.id.to_owned();
    }
    let mut reason = format!("{} ", problem.id);
    for (index, part) in problem.message.split(['`', '"']).enumerate() {
        reason.push_str(if index % 2 == 0 { part } else { "…" });
    }
    let mut without_numbers = String::new();
    for (index, word) in reason.split(' ').enumerate() {
        let is_number = index > 0 && word.starts_with(|c: char| c.is_ascii_digit());
        without_numbers.push_str(if index > 0 { " " } else { "" });
        without_numbers.push_str(if is_number { "N" } else { word });
    }
    without_numbers
}

fn lost_comment(before: &str, after: &str) -> Option<String> {
    let (mut old, mut new) = (comments(before), comments(after));
    old.sort_unstable();
    new.sort_unstable();
    (old != new).then(|| {
        let gone = old.iter().find(|comment| !new.contains(comment));
        let come = new.iter().find(|comment| !old.contains(comment));
        format!(
            "{} comments became {}: lost {gone:?}, made {come:?}",
            old.len(),
            new.len()
        )
    })
}

/// Lines without an edited value keep their order.
fn lost_line(
    before: &Stream,
    after: &str,
    changes: &[Change],
    resources: &[Resource<'_>],
) -> Option<String> {
    let mut edited: BTreeSet<usize> = BTreeSet::new();
    for change in changes {
        let (node, is_leaf) = nearest(resources[change.resource].node, change);
        if is_leaf || !matches!(node.kind(), Kind::BlockMap | Kind::BlockSequence) {
            let span = node.span();
            let last = span.end.saturating_sub(1).max(span.start);
            edited.extend(before.position(span.start).line..=before.position(last).line);
        }
    }
    let mut new = after.split_inclusive('\n');
    let lines = before.text().split_inclusive('\n');
    let mut kept = lines
        .enumerate()
        .filter(|(index, _)| !edited.contains(&(index + 1)));
    // A last line without a line break gets one when text is inserted after it.
    let is = |new: &str, line: &str| {
        new == line || !line.ends_with('\n') && new.trim_end_matches(['\r', '\n']) == line
    };
    let lost = kept.find(|(_, line)| !new.any(|new| is(new, line)));
    lost.map(|(index, line)| format!("line {} is lost or moved: {line:?}", index + 1))
}

/// The node that an edit replaces or is inserted into, and whether it is replaced.
fn nearest<'a>(root: Node<'a>, change: &Change) -> (Node<'a>, bool) {
    let mut node = root;
    for token in change.pointer().tokens() {
        let token = token.decoded();
        let below = if node.is_sequence() {
            token.parse().ok().and_then(|index| node.items().nth(index))
        } else {
            node.get(&token)
        };
        match below {
            Some(below) => node = below,
            None => return (node, false),
        }
    }
    (node, true)
}

/// Fits the objects of a file as the items of a ResourceList, as a host passes them; the result must
/// be the same objects.
fn judge_as_list(file: &File<'_>, config: &str, tally: &mut Tally, wrong: &mut Vec<String>) {
    let Some(list) = list_of(file.stream, config) else {
        return;
    };
    let same = Stream::parse(list.as_str())
        .is_ok_and(|stream| values_of_items(&stream) == values(file.stream));
    if !same {
        return;
    }
    tally.as_list += 1;
    let fitted = fitout::run(list.clone().into_bytes(), Results::Never, None);
    let mut in_file = None;
    with_config(config, |config| {
        in_file = resources(file)
            .and_then(|resources| fit(config, file.stream, &resources))
            .ok();
    });
    match (&fitted.output, &in_file) {
        (None, None) => {}
        (Some(_), None) => wrong.push("refused in the file, but not in a ResourceList".to_owned()),
        (None, Some(_)) => {
            let why = fitted.problems.first().map(reason);
            wrong.push(format!(
                "refused in a ResourceList, but not in the file: {why:?}"
            ));
        }
        (Some(output), Some((text, changes))) => {
            if changes.is_empty() && *output != list {
                wrong.push("without edits another ResourceList comes back".to_owned());
            }
            wrong.extend(
                lost_comment(&list, output).map(|what| format!("as a ResourceList: {what}")),
            );
            let again = fitout::run(output.clone().into_bytes(), Results::Never, None);
            if again.output.as_ref() != Some(output) {
                wrong.push("the second run changes the ResourceList".to_owned());
            }
            let agree = match (Stream::parse(output.as_str()), Stream::parse(text.as_str())) {
                (Ok(list), Ok(file)) => values_of_items(&list) == values(&file),
                _ => false,
            };
            if !agree {
                wrong.push("the objects differ in the file and in a ResourceList".to_owned());
            }
        }
    }
}

/// The documents of a file as items: each line indented by two more columns.
fn list_of(stream: &Stream, config: &str) -> Option<String> {
    let mut list =
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nfunctionConfig:\n".to_owned();
    for line in config.trim().lines() {
        list.push_str(&format!("  {line}\n"));
    }
    list.push_str("items:\n");
    for document in stream.documents().filter(|document| !document.is_empty()) {
        let root = document.root();
        if root.position().column != 1 || !root.is_map() || root.get("apiVersion").is_none() {
            return None;
        }
        let text = &stream.text()[root.span().start..document.span().end];
        let lines = text.split_inclusive('\n').enumerate();
        for (index, line) in lines {
            let lead = match (index, line.trim().is_empty()) {
                (0, _) => "- ",
                (_, true) => "",
                _ => "  ",
            };
            list.push_str(lead);
            list.push_str(line);
        }
        if !list.ends_with('\n') {
            list.push('\n');
        }
    }
    Some(list)
}

type Values = Vec<Option<fitout::yaml::Value>>;

fn values(stream: &Stream) -> Values {
    let documents = stream.documents().filter(|document| !document.is_empty());
    documents
        .map(|document| document.root().value().ok())
        .collect()
}

fn values_of_items(stream: &Stream) -> Values {
    let list = stream
        .documents()
        .next()
        .and_then(|document| document.root().get("items"));
    list.into_iter()
        .flat_map(Node::items)
        .map(|item| item.value().ok())
        .collect()
}

fn print(seen: &Seen, names: &[&str], tallies: &[Tally]) -> ExitCode {
    let share = |part: usize, whole: usize| {
        format!(
            "{part} ({:.2} %)",
            100.0 * part as f64 / whole.max(1) as f64
        )
    };
    println!(
        "{} files, {:.1} MB, {} comments",
        seen.files,
        seen.bytes as f64 / 1e6,
        seen.comments
    );
    println!(
        "{} documents, {} by the fast parser",
        seen.documents,
        share(seen.fast, seen.documents)
    );
    println!("{} files are not YAML", seen.not_yaml.len());
    for file in &seen.not_yaml {
        println!("    {file}");
    }
    println!(
        "\n{:<9} {:>6} {:>8} {:>7} {:>7} {:>8}   {:<15} {:<15}",
        "config",
        "files",
        "objects",
        "edited",
        "edits",
        "as list",
        "refused files",
        "refused objects"
    );
    for (name, tally) in names.iter().zip(tallies) {
        println!(
            "{name:<9} {:>6} {:>8} {:>7} {:>7} {:>8}   {:<15} {:<15}",
            tally.files,
            tally.objects,
            tally.edited,
            tally.edits,
            tally.as_list,
            share(tally.refused_files, tally.files),
            share(tally.refused_objects, tally.objects),
        );
    }
    for (name, tally) in names
        .iter()
        .zip(tallies)
        .filter(|(_, tally)| tally.refused_files > 0)
    {
        println!(
            "\nrefused under `{name}`\n{:>6} {:>7}  reason",
            "files", "places"
        );
        let mut reasons: Vec<_> = tally.refused.iter().collect();
        reasons.sort_by_key(|(_, (files, _))| std::cmp::Reverse(files.len()));
        for (reason, (files, places)) in reasons {
            println!("{:>6} {places:>7}  {reason}", files.len());
            for file in files.iter().take(2) {
                println!("{:>17} {file}", "");
            }
        }
    }
    println!("\n{} violations", seen.violations.len());
    for violation in &seen.violations {
        println!("    {violation}");
    }
    if seen.violations.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
