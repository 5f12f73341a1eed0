//! The golden cases: `cases/<section>/<what it shows>/` with `input.yaml` and `fn-config.yaml`, and the
//! result in `expected.yaml` and `results.yaml`, or in `errors.txt`. `make golden` rewrites the last three.
//!
//! Each case is also checked against the invariants of `src/lib.rs`: see [`Case::check`].
#![allow(
    clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, missing_docs
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fitout::checks::{CHECKS, Check};
use fitout::config::{ChangesReport, FunctionConfig, KIND, self_contained};
use fitout::problem::Problems;
use fitout::read::{Origin, OriginLines, Resource};
use fitout::report::{self, Report};
use fitout::rules::Rule;
use fitout::yaml::Stream;
use fitout::{Results, transformers, write};
use kustomize_krm_types::{Field, ResourceIdentifier, ResourceList, Result as KrmResult, Severity};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// Cases of checks that show what is not reported. All others must report something.
const SILENT: [&str; 3] = [
    "run/a-render-with-the-function",
    "run/an-exempt-field-proves-nothing",
    "scraping/services-for-different-ports-are-not-scraped-twice",
];

/// The result of fitting a text: the new text, or the errors; the results; and the report, unless problems stopped the run.
pub(crate) struct Fitting {
    pub(crate) text: Result<String, String>,
    pub(crate) results: Vec<KrmResult>,
    pub(crate) report: Option<Report>,
}

/// Fits a stream of manifests, as `fitout apply -f` does.
pub(crate) fn fit(input: &str, config: &str) -> Fitting {
    try_fit(input, config).unwrap_or_else(|problems| Fitting {
        text: Err(format!("{problems}\n")),
        results: Vec::new(),
        report: None,
    })
}

fn try_fit(input: &str, config: &str) -> Result<Fitting, Problems> {
    let config = Stream::parse(config).map_err(|error| fitout::not_yaml(&error, None))?;
    let config = FunctionConfig::of_file(&config, "fn-config.yaml")?;
    let config = config.decode(fitout::VOCABULARY)?;
    let stream = Stream::parse(input).map_err(|error| fitout::not_yaml(&error, None))?;
    let mut resources = Vec::new();
    let mut problems = Vec::new();
    let documents = stream.documents().filter(|document| !document.is_empty());
    for (index, document) in documents.enumerate() {
        let origin = Origin {
            path: Some("input.yaml".into()),
            index,
            lines: OriginLines::OfFile,
        };
        let read = Resource::read(document.root(), 0, origin, &mut resources);
        problems.extend(read.err().into_iter().flat_map(|found| found.0));
    }
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    let mut fitted = fitout::fit(&config, &resources, None)?;
    let report = Report::of(
        &mut fitted,
        &resources,
        &config,
        fitout::report::DetailLevel::EachChange,
    );
    let passes = report.passes(config.fail_on());
    let text = if !passes {
        Err(report::findings(&report, Severity::Error)
            .as_str()
            .to_owned())
    } else {
        Ok(write::text(&stream, &fitted.changes, &resources)?)
    };
    let results = report.krm_results(ChangesReport::Full);
    Ok(Fitting {
        text,
        results,
        report: Some(report),
    })
}

/// The documents of a text as JSON, aliases expanded.
pub(crate) fn objects(text: &str) -> Vec<Value> {
    let stream = Stream::parse(text).unwrap();
    let documents = stream.documents().filter(|document| !document.is_empty());
    documents
        .map(|document| serde_json::to_value(document.root().value().unwrap()).unwrap())
        .collect()
}

/// A ResourceList of objects.
pub(crate) fn list(objects: &[Value], config: &str) -> String {
    let items = Value::from(objects);
    let mut list = format!(
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: {items}\nfunctionConfig:\n"
    );
    config
        .lines()
        .for_each(|line| list.push_str(&format!("  {line}\n")));
    list
}

/// The items that the function returns for the same objects in a ResourceList.
pub(crate) fn through_the_function(objects: &[Value], config: &str) -> Result<Vec<Value>, String> {
    let list = list(objects, config);
    let outcome = fitout::run(list.into_bytes(), Results::Always, None);
    match outcome.output {
        _ if !outcome.passed => Err(outcome.problems.iter().map(ToString::to_string).collect()),
        None => Err("there is no output".to_owned()),
        Some(output) => {
            let list: ResourceList = serde_yaml::from_str(&output).map_err(|e| e.to_string())?;
            Ok(list.items)
        }
    }
}

/// Checks whose cases are about the effect of the config, not about findings.
const ABOUT_THE_CONFIG: [&str; 3] = ["config", "exemptions", "targets"];

struct Case {
    folder: PathBuf,
    /// The name of the first folder: a section, a check, or another subject.
    about: String,
    input: String,
    config: String,
}

impl Case {
    fn read(folder: PathBuf) -> Case {
        let read = |name: &str| {
            fs::read_to_string(folder.join(name))
                .unwrap_or_else(|error| panic!("{}/{name}: {error}", folder.display()))
        };
        let about = folder.parent().unwrap().file_name().unwrap();
        let mut case = Case {
            about: about.to_str().unwrap().to_owned(),
            input: read("input.yaml"),
            config: read("fn-config.yaml"),
            folder,
        };
        // A case of one check ignores the findings of others, except whether the function ran.
        if case.subject().is_some() && case.about != "run" {
            let others = CHECKS.iter().filter(|check| check.name != case.about);
            let others = others.filter(|check| check.name != "run");
            for check in others.filter(|check| !ABOUT_THE_CONFIG.contains(&check.name)) {
                case.config = case.config_without(check.rules.iter());
            }
        }
        case
    }

    /// Everything that is wrong with the case, or with fitout.
    fn check(&self) -> Vec<String> {
        let fitting = fit(&self.input, &self.config);
        let mut wrong = Vec::new();
        let results = (fitting.text.is_ok() || !fitting.results.is_empty())
            .then(|| serde_yaml::to_string(&fitting.results).unwrap());
        wrong.extend(self.compare("expected.yaml", fitting.text.as_deref().ok()));
        wrong.extend(self.compare("results.yaml", results.as_deref()));
        let errors = fitting.text.as_ref().err();
        wrong.extend(self.compare("errors.txt", errors.map(String::as_str)));
        let before = objects(&self.input);
        let function = through_the_function(&before, &self.config);
        match &fitting.text {
            Err(_) if function.is_ok() => wrong.push("the function does not refuse it".to_owned()),
            Err(_) => {}
            Ok(expected) => {
                let after = objects(expected);
                if function.as_ref() != Ok(&after) {
                    wrong.push(format!("the function does something else: {function:?}"));
                }
                if fit(expected, &self.config).text.as_ref() != Ok(expected) {
                    wrong.push("a second run changes something".to_owned());
                }
                let changes: Vec<&KrmResult> = fitting.results.iter().filter(is_change).collect();
                let mut told = before;
                wrong.extend(changes.iter().filter_map(|change| apply(change, &mut told)));
                if told != after {
                    wrong.push("the changes in the results do not lead to the output".to_owned());
                }
                wrong.extend(foreign_lines(&self.input, expected, &changes));
            }
        }
        wrong.extend(self.shows_nothing(&fitting));
        wrong.extend(self.is_printed_otherwise(&fitting));
        wrong
    }

    /// Why the printed config of the case's environment is wrong: it still has environments, or it has another effect.
    fn is_printed_otherwise(&self, fitting: &Fitting) -> Option<String> {
        let stream = Stream::parse(self.config.as_str()).unwrap();
        let config = FunctionConfig::of_file(&stream, "fn-config.yaml").ok()?;
        if config.environments().is_empty() || config.node().text_at(["kind"])? != KIND {
            return None;
        }
        let config = config.decode(fitout::VOCABULARY).ok()?;
        let printed = self_contained(&stream, &config.environment, fitout::VOCABULARY);
        let printed = match printed {
            Ok(printed) if printed.contains("environments:") => {
                return Some(format!("the printed config has environments: {printed}"));
            }
            Ok(printed) => printed,
            Err(problem) => return Some(format!("the config cannot be printed: {problem}")),
        };
        let again = fit(&self.input, &printed);
        let differs = again.text.as_ref().ok() != fitting.text.as_ref().ok();
        differs.then(|| format!("the printed config has another effect:\n{printed}"))
    }

    /// Why the case does not show its subject: a case with the same output and results without its section shows nothing about
    /// it.
    fn shows_nothing(&self, fitting: &Fitting) -> Option<String> {
        let is_of_section = transformers::NAMES.contains(&self.about.as_str());
        let is_silent = match self.subject() {
            Some(_) => SILENT.iter().any(|silent| self.folder.ends_with(silent)),
            None => !is_of_section,
        };
        let without = fit(&self.input, &self.config_without_section());
        match &without.text {
            // Requests by annotations are validated with any config.
            Err(_) if !is_of_section && fitting.text.is_err() => None,
            Err(errors) => Some(format!("without `{}` it fails: {errors}", self.about)),
            Ok(_) if fitting.text != without.text || fitting.results != without.results => None,
            // Objects that no section may change are the same without sections.
            Ok(text) if is_silent && *text == self.input => None,
            Ok(_) => Some(format!(
                "output and results are the same without `{}`, so the case shows nothing about it: {}",
                self.about,
                match is_of_section {
                    true =>
                        "put what changes next to what stays; are fields of pods in src/objects/layout.rs?",
                    false => "put what is wrong next to what is right",
                },
            )),
        }
    }

    fn compare(&self, name: &str, actual: Option<&str>) -> Option<String> {
        let file = self.folder.join(name);
        let golden = fs::read_to_string(&file).ok();
        if golden.as_deref() == actual {
            return None;
        }
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            match actual {
                Some(text) => fs::write(&file, text).unwrap(),
                None => fs::remove_file(&file).unwrap(),
            }
            return None;
        }
        let (golden, actual) = (golden.unwrap_or_default(), actual.unwrap_or_default());
        let diff = TextDiff::from_lines(golden.as_str(), actual);
        Some(format!(
            "{name}\n{}",
            diff.unified_diff().header("golden", "now")
        ))
    }

    /// The config without the case's section, or without all sections if the case is about another subject.
    fn config_without_section(&self) -> String {
        if let Some(check) = self.subject() {
            return self.config_without(check.rules.iter());
        }
        let is_section = transformers::NAMES.contains(&self.about.as_str());
        let goes = |key: &str| match is_section {
            true => key == self.about,
            false => key == "exemptions" || transformers::NAMES.contains(&key),
        };
        let drop = |part: &mut serde_yaml::Value| {
            let part = part.as_mapping_mut().unwrap();
            part.retain(|key, _| !goes(key.as_str().unwrap()));
        };
        let mut config: serde_yaml::Value = serde_yaml::from_str(&self.config).unwrap();
        if config["kind"] == "ConfigMap" {
            return "{apiVersion: v1, kind: ConfigMap, data: {environment: test}}".to_owned();
        }
        drop(&mut config["spec"]);
        if let Some(environments) = config["spec"].get_mut("environments") {
            let environments = environments.as_mapping_mut().unwrap();
            let parts = environments.values_mut().filter(|part| part.is_mapping());
            parts.for_each(drop);
        }
        if let Some(profiles) = config["spec"].get_mut("profiles") {
            profiles
                .as_sequence_mut()
                .unwrap()
                .iter_mut()
                .for_each(drop);
        }
        serde_yaml::to_string(&config).unwrap()
    }
}

impl Case {
    /// The check that the case is about.
    fn subject(&self) -> Option<&'static Check> {
        let mut checks = CHECKS.iter();
        let check = checks.find(|check| check.name == self.about);
        check.filter(|check| !ABOUT_THE_CONFIG.contains(&check.name))
    }

    /// The config with some rules disabled.
    fn config_without<'r>(&self, rules: impl Iterator<Item = &'r Rule>) -> String {
        let mut config: serde_yaml::Value = serde_yaml::from_str(&self.config).unwrap();
        let rules: Vec<&str> = rules.map(|rule| rule.id).collect();
        let spec = config["spec"].as_mapping_mut().unwrap();
        let checks = spec.entry("checks".into());
        let checks = checks.or_insert_with(|| serde_yaml::Mapping::new().into());
        let disabled: Vec<String> =
            serde_yaml::from_value(checks["disable"].clone()).unwrap_or_default();
        let rules = disabled.iter().map(String::as_str).chain(rules);
        checks["disable"] = serde_yaml::to_value(rules.collect::<Vec<_>>()).unwrap();
        serde_yaml::to_string(&config).unwrap()
    }
}

/// A result that reports a change; all others are findings, including those of fields that are only checked.
fn is_change(result: &&KrmResult) -> bool {
    let has_mode = |mode| result.tags.get("mode").is_some_and(|it| it == mode);
    let removes =
        |field: &Field| has_mode("Remove") || has_mode("Override") && field.current_value.is_some();
    let proposes = |field: &Field| field.proposed_value.is_some() || removes(field);
    transformers::NAMES.contains(&result.tags["rule"].as_str())
        && result.severity == Severity::Info
        && !result.tags.contains_key("reason") // of an exemption
        && result.field.as_ref().is_some_and(proposes)
}

/// Applies the change that a result reports; returns the mistake if its old value is not the current one.
fn apply(change: &KrmResult, objects: &mut [Value]) -> Option<String> {
    let (reference, field) = (
        change.resource_ref.as_ref().unwrap(),
        change.field.as_ref().unwrap(),
    );
    let mut place = object(&mut objects[change.file.as_ref().unwrap().index], reference);
    for token in tokens(&field.path) {
        place = match token.parse::<usize>() {
            Ok(index) if !place.is_object() => {
                let list = match place {
                    Value::Array(list) => list,
                    other => {
                        *other = Value::Array(Vec::new());
                        other.as_array_mut().unwrap()
                    }
                };
                if list.len() == index {
                    list.push(Value::Null);
                }
                &mut list[index]
            }
            _ => &mut place[token],
        };
    }
    let was = if place.is_null() { None } else { Some(&*place) };
    let differs = field.current_value.as_ref() != was;
    let wrong = differs.then(|| format!("it was {was:?}, not as reported: {}", change.message));
    match &field.proposed_value {
        Some(value) => *place = value.clone(),
        None => {
            let index = change.file.as_ref().unwrap().index;
            remove(object(&mut objects[index], reference), &tokens(&field.path));
        }
    }
    wrong
}

/// Removes a field or an item, and the maps around it that are then empty.
fn remove(value: &mut Value, path: &[String]) {
    let (first, rest) = path.split_first().unwrap();
    let below = match &mut *value {
        Value::Array(items) => &mut items[first.parse::<usize>().unwrap()],
        other => &mut other[first],
    };
    if !rest.is_empty() {
        remove(below, rest);
    }
    let is_empty = below.as_object().is_some_and(serde_json::Map::is_empty);
    match value {
        Value::Object(fields) if rest.is_empty() || is_empty => {
            fields.remove(first);
        }
        Value::Array(items) if rest.is_empty() => {
            items.remove(first.parse().unwrap());
        }
        _ => {}
    }
}

/// The referenced object: the document, or an item of it if it is a List.
fn object<'v>(document: &'v mut Value, reference: &ResourceIdentifier) -> &'v mut Value {
    let is_list = document["kind"]
        .as_str()
        .is_some_and(|kind| kind.ends_with("List"));
    if !is_list {
        return document;
    }
    let mut items = document["items"].as_array_mut().unwrap().iter_mut();
    let matches = |item: &&mut Value| item["metadata"]["name"] == reference.name.as_str();
    items.find(matches).unwrap()
}

/// The tokens of `spec.containers[0]["a.b/c"]`.
pub(crate) fn tokens(path: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let (token, after) = match rest.strip_prefix("[\"") {
            Some(quoted) => quoted.split_once("\"]").unwrap(),
            None if rest.starts_with('[') => rest[1..].split_once(']').unwrap(),
            None => rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len())),
        };
        tokens.push(token.to_owned());
        rest = after.strip_prefix('.').unwrap_or(after);
    }
    tokens
}

/// Lines of the diff that no change explains: an old line without a new line that has the same beginning and the same
/// comment, and a new line that no change names.
pub(crate) fn foreign_lines(before: &str, after: &str, changes: &[&KrmResult]) -> Vec<String> {
    let (mut words, mut removed) = (BTreeSet::new(), BTreeSet::new());
    for field in changes.iter().filter_map(|change| change.field.as_ref()) {
        let path = tokens(&field.path);
        match &field.proposed_value {
            Some(value) => {
                let (mut new, mut old) = (BTreeSet::new(), BTreeSet::new());
                collect_words(value, &mut new);
                let current = field.current_value.iter().filter(|it| it.is_object());
                current.for_each(|value| collect_words(value, &mut old));
                // What a mapping that is replaced as a whole had.
                removed.extend(old.difference(&new).cloned());
                words.extend(new);
            }
            None => {
                removed.extend(path.iter().cloned());
                let current = field.current_value.iter();
                current.for_each(|value| collect_words(value, &mut removed));
            }
        }
        words.extend(path);
    }
    let diff = TextDiff::from_lines(before, after);
    let lines = |tag: ChangeTag| {
        let lines = diff
            .iter_all_changes()
            .filter(move |line| line.tag() == tag);
        lines
            .map(|line| line.value().trim_end().to_owned())
            .collect::<Vec<_>>()
    };
    let (old, new) = (lines(ChangeTag::Delete), lines(ChangeTag::Insert));
    // In brackets a line can have several words.
    let words_of = |line: &str| -> Vec<String> {
        let words = line.split(|c: char| c.is_whitespace() || "{}[],:\"'".contains(c));
        words
            .filter(|word| !matches!(*word, "" | "-"))
            .map(str::to_owned)
            .collect()
    };
    let goes_on = |old: &str, new: &str| {
        let (old, mut rest) = (words_of(old), words_of(new));
        let all = old.iter().all(|word| {
            let at = rest.iter().position(|it| it == word);
            at.map(|at| rest.remove(at)).is_some()
        });
        all && !old.is_empty() && rest.iter().all(|word| words.contains(word))
    };
    let lives_on = |old: &str| {
        new.iter()
            .any(|new| head(new) == head(old) && comment(new) == comment(old))
            || (0..new.len()).any(|at| {
                let mut ends = at + 1..=new.len().min(at + 40);
                ends.any(|end| goes_on(old, &new[at..end].join(" ")))
            })
    };
    let lost = old
        .iter()
        .filter(|line| !lives_on(line) && !removed.contains(key(line)))
        .map(|line| format!("lost: {line}"));
    let matches = |new: &str| {
        let known = |word: &str| words.contains(word.trim_matches(['"', '\'']));
        // An alias that must not follow its anchor becomes a copy.
        let is_copy = before.lines().any(|old| old.trim() == new.trim());
        is_copy
            || words_of(new).iter().all(|word| words.contains(word))
            || old.iter().any(|old| {
                let old = words_of(old);
                let is_there = |word| words.contains(word) || old.contains(word);
                words_of(new).iter().all(is_there)
            })
            || known(key(new))
            || known(new.trim_start_matches([' ', '-']))
            || old.iter().any(|old| head(old) == head(new))
    };
    let added = new
        .iter()
        .filter(|line| !matches(line))
        .map(|line| format!("not asked for: {line}"));
    lost.chain(added).collect()
}

fn collect_words(value: &Value, words: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_words(item, words)),
        Value::Object(entries) => {
            words.extend(entries.keys().cloned());
            entries
                .values()
                .for_each(|value| collect_words(value, words));
        }
        Value::String(text) => words.extend([text.clone()]),
        other => words.extend([other.to_string()]),
    }
}

/// A line up to the end of its key.
fn head(line: &str) -> &str {
    line.split_once(": ")
        .map_or(line.trim_end_matches(':'), |(head, _)| head)
}

fn key(line: &str) -> &str {
    head(line).trim_start_matches([' ', '-', '{'])
}

fn comment(line: &str) -> Option<&str> {
    line.find(" #").map(|start| line[start..].trim_start())
}

/// The folders below a folder, in order.
pub(crate) fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// The folders of all cases.
pub(crate) fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    folders(&root)
        .iter()
        .flat_map(|about| folders(about))
        .collect()
}

#[test]
fn every_case_comes_out_as_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut report = String::new();
    let mut count = 0;
    let sections = fitout::VOCABULARY.names.iter().copied();
    let subjects = sections.chain(CHECKS.iter().map(|check| check.name));
    let subjects: BTreeSet<&str> = subjects.chain(["text"]).collect();
    for folder in folders(&root) {
        let name = folder.file_name().unwrap().to_str().unwrap();
        if !subjects.contains(name) {
            report.push_str(&format!(
                "\n{name}: neither a section nor a check; known: {subjects:?}\n"
            ));
        }
    }
    for folder in cases() {
        count += 1;
        let name = folder.strip_prefix(&root).unwrap().display().to_string();
        for wrong in Case::read(folder).check() {
            report.push_str(&format!("\n{name}: {wrong}\n"));
        }
    }
    assert!(
        report.is_empty(),
        "{report}\n`make golden` rewrites the expectations of {count} cases; read the diff"
    );
}
