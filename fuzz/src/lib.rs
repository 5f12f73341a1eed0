//! The bodies of the fuzz targets, and the oracle and generator that the property tests use too. Each body panics at a find.
//!
//! `make fuzz` runs the targets with libfuzzer; `tests/fuzzing.rs` includes this file and replays `fuzz/corpus` with stable Rust.

#![allow(missing_docs, clippy::panic, clippy::unwrap_used)]

pub mod generate;
pub mod oracle;
pub mod typing;

use std::cell::RefCell;
use std::collections::HashMap;

use fitout::config::{Config, FunctionConfig, self_contained};
use fitout::edit::Change;
use fitout::kubernetes::{LabelSelector, Quantity, Scale};
use fitout::problem::Problems;
use fitout::read::{Origin, OriginLines, Resource, ResourceList};
use fitout::yaml::{self, Node, NodeId, Stream};
use fitout::{Results, write};
use generate::Dice;
use jsonptr::PointerBuf;
use oracle::{Intent, Path, Reading, faults};
use serde_json::{Value, json};

/// The body of a target: it panics at a find.
pub type Target = fn(&[u8]);

/// The bodies by the names of their targets.
pub const TARGETS: [(&str, Target); 7] = [
    ("parsers", parsers),
    ("typing", typing),
    ("edits", edits),
    ("function", function),
    ("config", config),
    ("selectors", selectors),
    ("quantities", quantities),
];

/// Self-contained configs that change as much as they can.
pub const CONFIGS: [&str; 3] = [
    include_str!("../../examples/kpt/caracal-production/fitout.yaml"),
    "apiVersion: fitout.dev/v1alpha1
kind: Fitout
metadata:
  name: override
spec:
  environment: test
  resources:
    mode: Override
    containers:
      requests: {cpu: 250m, memory: 256Mi}
      limits: {cpu: 1, memory: 1Gi}
  securityContext:
    mode: Override
    placement: Container
    profile: restricted
    writablePaths: [{path: /var/cache}]
  prometheus: {mode: Override, scrape: Auto, onAmbiguous: First}
  storage: {mode: Ensure, storageClassName: fast, size: 10Gi, accessModes: [ReadWriteOnce]}
  checks: {failOn: Never}
",
    "apiVersion: fitout.dev/v1alpha1
kind: Fitout
metadata:
  name: ensure
spec:
  environment: test
  resources:
    containers:
      limits: {memory: 1Gi, cpu: null}
  securityContext:
    placement: Pod
    profile: baseline
    pod: {runAsUser: 1000}
  prometheus: {scrape: true, onAmbiguous: First}
",
];

/// Either the text of the bytes, or a generated one with a few mutations.
fn text_of(bytes: &[u8]) -> Option<(String, Dice<'_>)> {
    let (first, rest) = bytes.split_first()?;
    if *first == b'#' {
        // A text in the corpus begins with a comment; the dice are its bytes too.
        return Some((String::from_utf8(bytes.to_vec()).ok()?, Dice::of(rest)));
    }
    let mut dice = Dice::of(rest);
    let mut text = generate::manifests(&mut dice);
    if first % 2 == 1 {
        generate::mutate(&mut text, &mut dice);
    }
    Some((text, dice))
}

/// The fast parser and the general one read the same, and texts without edits stay.
pub fn parsers(bytes: &[u8]) {
    let Ok(stream) = Stream::from_bytes(bytes.to_vec()) else {
        return;
    };
    if let Some(difference) = stream.parsers_differ() {
        panic!("{:?}: {difference}", stream.text());
    }
    assert_eq!(stream.edit(&[]).as_deref(), Ok(stream.text()));
    for document in stream.documents() {
        let _ = document.root().value();
    }
}

/// Values are those that saphyr-parser and Go's typing give.
pub fn typing(bytes: &[u8]) {
    let Ok(text) = String::from_utf8(bytes.to_vec()) else {
        return;
    };
    // Readers disagree about the end of a block scalar at the end of a text without a newline, and Go refuses tabs in front of
    // lines, except in flow style.
    let text = text + "\n";
    if text
        .lines()
        .any(|line| line.trim_start_matches(' ').starts_with('\t'))
    {
        return;
    }
    let Ok(stream) = Stream::parse(text.as_str()) else {
        return;
    };
    let Ok(reading) = Reading::of(&text) else {
        return;
    };
    // No reader of Kubernetes takes a scalar for an object, and Go reads block scalars there differently.
    if !stream
        .documents()
        .all(|document| document.root().is_map() || document.root().is_sequence())
    {
        return;
    }
    let values: Option<Vec<Value>> = stream
        .documents()
        .map(|document| value_of(document.root()))
        .collect();
    let Some(values) = values else { return };
    assert_eq!(values, reading.documents(), "{text:?}");
}

fn value_of(node: Node<'_>) -> Option<Value> {
    serde_json::to_value(node.value().ok()?).ok()
}

/// Edits of a document are lossless.
pub fn edits(bytes: &[u8]) {
    let Some((text, mut dice)) = text_of(bytes) else {
        return;
    };
    let Ok(stream) = Stream::parse(text.as_str()) else {
        return;
    };
    let Ok(reading) = Reading::of(&text) else {
        return;
    };
    let roots: Vec<NodeId> = stream
        .documents()
        .map(|document| document.root().id())
        .collect();
    if roots.len() != reading.documents().len() || roots.is_empty() {
        return;
    }
    let (mut edits, mut intents): (Vec<yaml::Edit>, Vec<Intent>) = (Vec::new(), Vec::new());
    for _ in 0..=dice.roll(3) {
        let document = dice.roll(roots.len());
        let mut path: Path = vec![document.to_string().into()];
        let mut at = &reading.documents()[document];
        loop {
            let key = match at {
                Value::Object(entries) if !entries.is_empty() => {
                    entries.keys().nth(dice.roll(entries.len())).cloned()
                }
                Value::Array(items) if !items.is_empty() => {
                    Some(dice.roll(items.len()).to_string())
                }
                _ => None,
            };
            let Some(key) = key.filter(|_| dice.roll(6) > 0) else {
                break;
            };
            at = match at {
                Value::Object(entries) => &entries[&key],
                other => &other[key.parse::<usize>().unwrap()],
            };
            path.push(key.into());
        }
        let mut value = match dice.roll(8) {
            0 => Some(json!({"x": {"y": "1Gi"}, "z": ["yes", true]})),
            1 => Some(json!([])),
            2 => Some(json!({})),
            3 => Some(json!("a: b # c")),
            4 => Some(json!(["ALL"])),
            5 => None,
            _ => Some(json!(7)),
        };
        match at {
            Value::Array(_) if dice.roll(3) > 0 => {
                path.push("-".into());
                value = value.or(Some(json!("NET_RAW")));
            }
            Value::Object(_) | Value::Null if dice.roll(3) > 0 => {
                path.push("new".into());
                value = value.or(Some(json!(true)));
            }
            _ => {}
        }
        let is_item = path
            .last()
            .is_some_and(|step| step.parse::<usize>().is_ok());
        // Edits must not overlap, and a removal changes indices.
        let overlaps = |intent: &Intent| {
            let (a, b) = (&intent.path, &path);
            a.starts_with(b)
                || b.starts_with(a)
                || a.iter().any(|step| **step == *"-")
                    && a[..a.len() - 1] == b[..b.len().min(a.len()) - 1]
        };
        if path.len() < 2
            || intents.iter().any(overlaps)
            || value.is_none() && is_item && !intents.is_empty()
        {
            continue;
        }
        edits.push(yaml::Edit {
            root: roots[document],
            pointer: PointerBuf::from_tokens(path[1..].iter().map(|step| &**step)),
            change: value.clone().map_or(yaml::Change::Remove, |value| {
                yaml::Change::Set(value.into())
            }),
        });
        let is_removal = value.is_none();
        intents.push(Intent { path, value });
        if is_removal && is_item {
            break;
        }
    }
    if let Ok(after) = stream.edit(&edits) {
        judge(&text, &after, &intents);
    }
}

/// Panics if the edited text is not lossless.
fn judge(before: &str, after: &str, intents: &[Intent]) {
    let wrong = faults(before, after, intents).unwrap_or_default();
    assert!(
        wrong.is_empty(),
        "{}\n== before\n{before}\n== after\n{after}\n== edits\n{intents:#?}",
        wrong.join("\n")
    );
}

/// The whole function: manifests as `apply` gets them, then a ResourceList.
pub fn function(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    if *first == b'#' {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return;
        };
        if text.contains("kind: ResourceList") {
            return list_is_lossless(text);
        }
        fit_is_lossless(text, CONFIGS[bytes.len() % 3]);
        return;
    }
    let mut dice = Dice::of(rest);
    let is_list = first & 8 != 0;
    // A list is read with its config each time, and the first one is long.
    let is_short = is_list && first & 32 != 0;
    let config = CONFIGS[match is_short {
        true => 1 + usize::from(*first) % 2,
        false => usize::from(*first) % 3,
    }];
    let mut text = match is_list {
        true => generate::resource_list(&mut dice, config),
        false => generate::manifests(&mut dice),
    };
    if first & 16 != 0 {
        generate::mutate(&mut text, &mut dice);
    }
    match is_list {
        true => list_is_lossless(&text),
        false => _ = fit_is_lossless(&text, config),
    }
}

/// The pointer of a node below another one, as steps.
fn path_of(from: Node<'_>, to: NodeId, path: &mut Path) -> bool {
    if from.id() == to {
        return true;
    }
    let entries = from
        .entries()
        .filter_map(|(key, value)| Some((key.text()?.into_owned(), value)));
    let items = from
        .items()
        .enumerate()
        .map(|(index, item)| (index.to_string(), item));
    for (step, value) in entries.chain(items) {
        path.push(step.into());
        // Objects are at most in a List in a ResourceList.
        if path.len() < 7 && path_of(value, to, path) {
            return true;
        }
        path.pop();
    }
    false
}

fn intents_of(stream: &Stream, changes: &[Change], resources: &[Resource<'_>]) -> Vec<Intent> {
    let (mut intents, mut paths) = (Vec::new(), Vec::new());
    for resource in resources {
        let mut path = Vec::new();
        for (index, document) in stream.documents().enumerate() {
            path = vec![index.to_string().into()];
            if path_of(document.root(), resource.node.id(), &mut path) {
                break;
            }
        }
        paths.push(path);
    }
    for change in changes {
        let mut path: Path = paths[change.resource].clone();
        let mut pointer = change.pointer();
        if change.appends {
            pointer.pop_back();
            pointer.push_back("-");
        }
        path.extend(
            pointer
                .tokens()
                .map(|token| token.decoded().as_ref().into()),
        );
        let value = change
            .proposed
            .as_ref()
            .map(|value| serde_json::to_value(value).unwrap());
        intents.push(Intent { path, value });
    }
    intents
}

/// Fits manifests as `fitout apply` does: the new text, and the edits.
pub fn fitted(text: &str, config: &str) -> Option<(String, Vec<Intent>)> {
    fit(&Stream::parse(text).ok()?, decoded(config)?).ok()
}

/// Fits manifests. The result is lossless, and fitting it again changes nothing. Whether they can be fitted.
pub fn fit_is_lossless(text: &str, config: &str) -> bool {
    let Some((after, intents)) = fitted(text, config) else {
        return false;
    };
    if after == text && intents.is_empty() {
        return true;
    }
    judge(text, &after, &intents);
    let again = Stream::parse(after.as_str()).unwrap();
    match fit(&again, decoded(config).unwrap()) {
        Ok((twice, _)) => assert_eq!(
            twice, after,
            "a second run changes something\n== before\n{text}"
        ),
        Err(problems) => {
            panic!("a second run fails: {problems}\n== before\n{text}\n== after\n{after}")
        }
    }
    true
}

/// The decoded config of a text. They are kept, because decoding one takes as long as fitting a manifest.
fn decoded(text: &str) -> Option<&'static Config<'static>> {
    thread_local! {
        static DECODED: RefCell<HashMap<String, Option<&'static Config<'static>>>> = RefCell::default();
    }
    DECODED.with_borrow_mut(|known| {
        if let Some(config) = known.get(text) {
            return *config;
        }
        let stream: &'static Stream = Box::leak(Box::new(Stream::parse(text).unwrap()));
        let config = FunctionConfig::of_file(stream, "fitout.yaml").ok();
        let config: Option<&'static FunctionConfig<'static>> =
            config.map(|config| &*Box::leak(Box::new(config)));
        let config = config.and_then(|config| config.decode(fitout::VOCABULARY).ok());
        let config = config.map(|config| &*Box::leak(Box::new(config)));
        known.insert(text.to_owned(), config);
        config
    })
}

fn fit(stream: &Stream, config: &Config<'_>) -> Result<(String, Vec<Intent>), Problems> {
    let mut resources = Vec::new();
    for (index, document) in stream
        .documents()
        .enumerate()
        .filter(|(_, document)| !document.is_empty())
    {
        let origin = Origin {
            path: None,
            index,
            lines: OriginLines::OfFile,
        };
        Resource::read(document.root(), 0, origin, &mut resources)?;
    }
    let fitted = fitout::fit(config, &resources, None)?;
    let intents = intents_of(stream, &fitted.changes, &resources);
    Ok((write::text(stream, &fitted.changes, &resources)?, intents))
}

/// Runs the function on a ResourceList; its output is lossless except for results and `id` annotations.
fn list_is_lossless(text: &str) {
    let outcome = fitout::run(text.as_bytes().to_vec(), Results::Always, None);
    let Some(output) = outcome.output else {
        assert!(!outcome.passed || !outcome.problems.is_empty());
        return;
    };
    // Validators change nothing, and in kustomize pass nothing on.
    let Ok(stream) = Stream::parse(text) else {
        panic!("output of no input")
    };
    let list = ResourceList::read(&stream).unwrap_or_else(|problems| panic!("{problems}"));
    let sources = fitout::config::Sources::default();
    let config = FunctionConfig::of_build(list.function_config.unwrap(), &sources).unwrap();
    let config = config.decode(fitout::VOCABULARY).unwrap();
    if config.validate_only {
        return;
    }
    let Ok(fitted) = fitout::fit(&config, &list.resources, list.function_config) else {
        panic!("output of what cannot be fitted")
    };
    let mut intents = intents_of(&stream, &fitted.changes, &list.resources);
    for (node, pointer) in list.bookkeeping_to_drop() {
        let mut path: Path = vec!["0".into()];
        path_of(list.root, node.id(), &mut path);
        path.extend(
            pointer
                .tokens()
                .map(|token| token.decoded().as_ref().into()),
        );
        intents.push(Intent { path, value: None });
    }
    let after = Reading::of(&output)
        .ok()
        .map(|reading| reading.documents()[0]["results"].clone());
    if let Some(results) = after.filter(|results| !results.is_null()) {
        intents.push(Intent {
            path: vec!["0".into(), "results".into()],
            value: Some(results),
        });
    }
    judge(text, &output, &intents);
}

/// Configs are decoded or refused, and what is printed decodes too.
pub fn config(bytes: &[u8]) {
    let Ok(stream) = Stream::from_bytes(bytes.to_vec()) else {
        return;
    };
    let Ok(mut config) = FunctionConfig::of_file(&stream, "fitout.yaml") else {
        return;
    };
    for environment in &config.environments() {
        config.choose(environment.as_str());
        if config.decode(fitout::VOCABULARY).is_ok()
            && let Ok(printed) = self_contained(&stream, environment, fitout::VOCABULARY)
        {
            let again = Stream::parse(printed.as_str()).unwrap();
            let again = FunctionConfig::of_file(&again, "fitout.yaml").unwrap();
            if let Err(problems) = again.decode(fitout::VOCABULARY) {
                panic!(
                    "the printed config is refused: {problems}\n{printed}\n== of\n{}",
                    stream.text()
                );
            }
        }
    }
}

/// A selector that is printed reads as the same selector.
pub fn selectors(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(selector) = text.parse::<LabelSelector>() else {
        return;
    };
    let printed = selector.to_string();
    let again: LabelSelector = printed
        .parse()
        .unwrap_or_else(|error| panic!("{text:?} is printed as {printed:?}: {error}"));
    assert_eq!(again.to_string(), printed, "{text:?}");
    let keys: Vec<&str> = selector.keys().collect();
    for value in [None, Some(""), Some("a"), Some("1"), Some("x"), Some("-5")] {
        let lookup = |key: &str| {
            value
                .filter(|_| keys.first() == Some(&key) || key.len().is_multiple_of(2))
                .map(Into::into)
        };
        assert_eq!(
            selector.matches(lookup),
            again.matches(lookup),
            "{text:?} with {value:?}"
        );
    }
}

/// A quantity that is printed reads as the same quantity, and is about what its text says.
pub fn quantities(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    for quoted in [true, false] {
        if let Ok(quantity) = Quantity::from_yaml_scalar(text, quoted) {
            assert_eq!(
                quantity.to_string().parse::<Quantity>().as_ref(),
                Ok(&quantity),
                "{text:?}"
            );
        }
    }
    let mut parts = text.split(' ');
    let (Some(Ok(a)), Some(Ok(b))) = (
        parts.next().map(str::parse::<Quantity>),
        parts.next().map(str::parse::<Quantity>),
    ) else {
        return;
    };
    assert_eq!(a.cmp(&b), b.cmp(&a).reverse(), "{text:?}");
    if let Some(sum) = a.checked_add(b) {
        assert_eq!(b.checked_add(a), Some(sum), "{text:?}");
        assert_eq!(b.is_negative(), sum < a, "{text:?}: {sum}");
    }
    if let Some(Ok(factor)) = parts.next().map(str::parse::<Scale>)
        && let Some(scaled) = a.scale_up(&factor, b)
    {
        let _ = (scaled.to_string(), scaled.is_multiple_of(b));
    }
}
