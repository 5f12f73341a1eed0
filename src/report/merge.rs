//! The reports of all shards of a run as the report of one run.
//!
//! A finding is about one object, so it is in the report of one shard; those about the config are in that of shard 0. Most of a
//! merged report is theirs in the order of a single run. The groups, which are about several objects at once, are made again.

use std::collections::HashMap;
use std::sync::Arc;

use kustomize_krm_types::{ResourceIdentifier, Severity};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Entry, EntryType, KIND, LIST, Report, Tags};
use crate::checks::would_change_in_words;
use crate::config::Vocabulary;
use crate::finding::{Decision, Lines, Mode, Part};
use crate::objects::{ContainerType, SkipReason};
use crate::sorting;

/// The shard that a report is of.
#[derive(Clone, Debug)]
pub struct ShardOf {
    /// Its index, from 0.
    pub index: u64,
    /// The number of shards.
    pub count: u64,
    /// A digest of what all shards of a run have in common.
    pub run: String,
}

/// What the report of a shard tells only for a merge.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShardEntry<'r> {
    /// The index of the shard, from 0.
    index: u64,
    /// The number of shards.
    count: u64,
    /// What all shards of a run have in common: a digest of the version, the command, its options, the config, the date and files.
    run: &'r str,
    /// The index of the object of each exemption.
    exemptions: Vec<usize>,
    /// The index of each object under `onApply`, by list.
    on_apply: &'r [Vec<usize>; 4],
    /// What groups are made from, for each finding.
    findings: Vec<Member<'r>>,
}

/// What a group needs from a finding, and its entry does not say.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
struct Member<'r> {
    /// `pod`, or `claim` and its name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    part: Vec<&'r str>,
    /// The lines for the config that resolve it.
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<&'r str>,
    /// Whether these lines are an entry of the catalogue.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    catalogue: bool,
    /// The image that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'r str>,
    /// Whether an exemption resolves it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    exemption: bool,
    /// The leaf of the config.
    #[serde(skip_serializing_if = "Option::is_none")]
    leaf: Option<&'r str>,
    /// Whether it is shown as one with the others of its object.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    folded: bool,
}

impl Report {
    /// Makes it the report of a shard.
    pub fn be_of_shard(&mut self, shard: ShardOf) {
        self.shard = Some(shard);
    }

    pub(super) fn shard_entry(&self) -> Option<ShardEntry<'_>> {
        let ShardOf { index, count, run } = self.shard.as_ref()?;
        let findings = self.results.iter().filter(|it| is_finding(it));
        Some(ShardEntry {
            index: *index,
            count: *count,
            run,
            exemptions: self.exemptions.iter().map(|it| it.object).collect(),
            on_apply: self.on_apply.objects(),
            findings: findings.map(Member::of).collect(),
        })
    }
}

fn is_finding(entry: &Entry) -> bool {
    entry.entry_type == EntryType::Finding
}

impl<'r> Member<'r> {
    fn of(entry: &'r Entry) -> Member<'r> {
        Member {
            part: match &entry.tags.part {
                Part::Pod => vec!["pod"],
                Part::Claim { name } => vec!["claim", name],
                Part::Object | Part::Container { .. } => Vec::new(),
            },
            lines: match &entry.lines {
                Some(Lines::Config(lines) | Lines::Catalogue(lines)) => Some(lines),
                Some(Lines::Exemption) | None => None,
            },
            catalogue: matches!(entry.lines, Some(Lines::Catalogue(_))),
            image: entry.image.as_deref(),
            exemption: entry.lines == Some(Lines::Exemption),
            leaf: entry.tags.decision.as_deref().map(|it| &*it.leaf),
            folded: entry.is_folded(),
        }
    }
}

/// The lists under `onApply`, in their order.
const ON_APPLY: [&str; 4] = ["restarts", "restartsOnDelete", "nextRun", "immutable"];

/// Merges the JSON reports of all shards of a run, in any order.
///
/// # Errors
/// The reports that are missing, or do not belong together.
pub fn merge(reports: Vec<Value>, vocabulary: &Vocabulary) -> Result<Value, String> {
    let lists: Vec<Vec<Value>> = reports.into_iter().map(runs_of).collect();
    let runs = lists.first().map_or(0, Vec::len);
    if runs == 0 || lists.iter().any(|it| it.len() != runs) {
        return Err("the reports are not of the same environments".to_owned());
    }
    let mut columns: Vec<_> = lists.into_iter().map(Vec::into_iter).collect();
    let mut merged = Vec::with_capacity(runs);
    for _ in 0..runs {
        let shards = columns.iter_mut().filter_map(Iterator::next).collect();
        merged.push(merge_run(shards, vocabulary)?);
    }
    match (merged.len(), merged.pop()) {
        (1, Some(only)) => Ok(only),
        (_, last) => {
            merged.extend(last);
            let mut list = Map::new();
            list.insert("apiVersion".to_owned(), super::API_VERSION.into());
            list.insert("kind".to_owned(), LIST.into());
            list.insert("items".to_owned(), Value::Array(merged));
            Ok(Value::Object(list))
        }
    }
}

/// Whether a document is a report, or a list of reports, as `-o json` writes it.
pub fn is_report(document: &Value) -> bool {
    document["apiVersion"] == super::API_VERSION
        && match document["kind"] == LIST {
            true => document["items"]
                .as_array()
                .is_some_and(|it| it.iter().all(is_run)),
            false => is_run(document),
        }
}

/// Whether a report has all that a merge reads.
fn is_run(report: &Value) -> bool {
    let has_lists = |of: &Value, keys: &[&str]| keys.iter().all(|key| of[*key].is_array());
    let (shard, effects) = (&report["shard"], &report["onApply"]);
    let is_of_shard = || {
        has_lists(
            &report["ledger"],
            &["files", "objects", "containers", "claims"],
        ) && has_lists(shard, &["exemptions", "onApply", "findings"])
    };
    report["kind"] == KIND
        && report["summary"].is_object()
        && has_lists(report, &["results", "exemptions"])
        && (effects.is_null() || effects.is_object())
        && (shard.is_null() || is_of_shard())
}

/// The reports in a document.
fn runs_of(report: Value) -> Vec<Value> {
    match report {
        Value::Object(mut list) if list.get("kind").is_some_and(|it| it == LIST) => {
            match list.remove("items") {
                Some(Value::Array(items)) => items,
                _ => Vec::new(),
            }
        }
        report => vec![report],
    }
}

fn number(value: &Value) -> usize {
    let number = value.as_u64().and_then(|it| usize::try_from(it).ok());
    number.unwrap_or(usize::MAX)
}

fn take(value: &mut Value, key: &str) -> Vec<Value> {
    match value.get_mut(key).map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

/// Sorts the shards, and refuses those that are not all shards of one run.
fn in_order(shards: &mut [Value]) -> Result<(), String> {
    for shard in shards.iter() {
        if !shard["shard"].is_object() {
            return Err("it is the report of a run without --shard".to_owned());
        }
    }
    sorting::sort_by_key(shards, |it| number(&it["shard"]["index"]));
    let count = number(&shards[0]["shard"]["count"]);
    let is_same = |key: &str| {
        shards
            .windows(2)
            .all(|it| it[0]["shard"][key] == it[1]["shard"][key])
    };
    if !is_same("count") {
        return Err("the reports are of runs with different numbers of shards".to_owned());
    }
    let indices: Vec<usize> = shards
        .iter()
        .map(|it| number(&it["shard"]["index"]))
        .collect();
    if let Some(twice) = indices.windows(2).find(|it| it[0] == it[1]) {
        return Err(format!(
            "there are two reports of shard {}/{count}",
            twice[0]
        ));
    }
    let missing = (0..count).filter(|it| indices.binary_search(it).is_err());
    let missing: Vec<String> = missing.take(10).map(|it| format!("{it}/{count}")).collect();
    if !missing.is_empty() {
        return Err(format!("no report of shard {}", missing.join(", ")));
    }
    let objects = |shard: &'_ Value| {
        let objects = shard["ledger"]["objects"].as_array();
        let objects = objects.map(|it| {
            it.iter()
                .map(|it| it["resourceRef"].clone())
                .collect::<Vec<_>>()
        });
        objects.unwrap_or_default()
    };
    let first = objects(&shards[0]);
    let is_alike = |it: &Value| {
        it["ledger"]["files"] == shards[0]["ledger"]["files"]
            && it["environment"] == shards[0]["environment"]
            && objects(it) == first
    };
    match is_same("run") && shards.iter().skip(1).all(is_alike) {
        true => Ok(()),
        false => Err(
            "the shards have read different manifests or configs, or are of different versions, commands, options or \
             dates; run all of them again, on the same files and with the same arguments, and merge only their reports"
                .to_owned(),
        ),
    }
}

fn merge_run(mut shards: Vec<Value>, vocabulary: &Vocabulary) -> Result<Value, String> {
    in_order(&mut shards)?;
    let mut results: Vec<(Value, Option<Entry>)> = Vec::new();
    let (mut exemptions, mut on_apply) = (Vec::new(), [const { Vec::new() }; 4]);
    let mut rows: [Vec<Value>; 3] = Default::default();
    let rules: HashMap<&str, &'static str> = vocabulary.rules().map(|it| (it.id, it.id)).collect();
    for shard in &mut shards {
        let mut of_shard = shard["shard"].take();
        let mut members = take(&mut of_shard, "findings").into_iter();
        for entry in take(shard, "results") {
            let finding = match entry["type"] == "finding" {
                true => {
                    let member = members.next();
                    let finding = member.and_then(|it| of_value(&entry, &it, &rules));
                    Some(finding.ok_or("a finding is not whole, or its rule is unknown")?)
                }
                false => None,
            };
            results.push((entry, finding));
        }
        let objects = |indices: &Value| -> Vec<usize> {
            let indices = indices.as_array().into_iter().flatten();
            indices.map(number).collect()
        };
        exemptions.extend(
            objects(&of_shard["exemptions"])
                .into_iter()
                .zip(take(shard, "exemptions")),
        );
        for (at, list) in ON_APPLY.iter().enumerate() {
            let of_list = objects(&of_shard["onApply"][at]).into_iter();
            on_apply[at].extend(of_list.zip(take(&mut shard["onApply"], list)));
        }
        for (merged, of) in rows.iter_mut().zip(["objects", "containers", "claims"]) {
            let of_shard = take(&mut shard["ledger"], of);
            match merged.is_empty() {
                true => *merged = of_shard,
                false => {
                    for (row, own) in merged.iter_mut().zip(of_shard) {
                        if own["reason"] != SkipReason::OtherShard.word() {
                            *row = own;
                        }
                    }
                }
            }
        }
    }
    let order = {
        let mut order: Vec<usize> = (0..results.len()).collect();
        sorting::sort_by(&mut order, |a, b| {
            place(&results[*a].0).cmp(&place(&results[*b].0))
        });
        order
    };
    let mut sorted = Vec::with_capacity(order.len());
    let mut report = Report::of_problems(&[]);
    let mut positions = Vec::new();
    for (position, at) in order.into_iter().enumerate() {
        let (entry, finding) = std::mem::take(&mut results[at]);
        sorted.push(entry);
        if let Some(finding) = finding {
            report.results.push(finding);
            positions.push(position);
        }
    }
    let mut groups = serde_json::to_value(report.group_entries()).unwrap_or_default();
    for group in groups.as_array_mut().into_iter().flatten() {
        for at in group["results"].as_array_mut().into_iter().flatten() {
            *at = positions[number(at)].into();
        }
    }
    let listed = |mut of_objects: Vec<(usize, Value)>| {
        sorting::sort_by_key(&mut of_objects, |it| it.0);
        Value::Array(of_objects.into_iter().map(|it| it.1).collect())
    };
    let summary = summed(&shards);
    let has_effects = on_apply.iter().any(|it| !it.is_empty());
    let mut effects = Map::new();
    for (key, list) in ON_APPLY.iter().zip(on_apply) {
        effects.insert((*key).to_owned(), listed(list));
    }
    let mut merged = shards.swap_remove(0);
    merged["summary"] = summary;
    merged["results"] = Value::Array(sorted);
    merged["exemptions"] = listed(exemptions);
    merged["groups"] = groups;
    for (row, of) in rows.into_iter().zip(["objects", "containers", "claims"]) {
        merged["ledger"][of] = Value::Array(row);
    }
    // In the order of a report.
    let mut ordered = Map::new();
    for (key, value) in std::mem::take(merged.as_object_mut().unwrap_or(&mut Map::new())) {
        match key.as_str() {
            "shard" | "onApply" => {}
            "ledger" if has_effects => {
                ordered.insert(
                    "onApply".to_owned(),
                    Value::Object(std::mem::take(&mut effects)),
                );
                ordered.insert(key, value);
            }
            _ => {
                ordered.insert(key, value);
            }
        }
    }
    Ok(Value::Object(ordered))
}

/// The counts of all shards; each has read all objects.
fn summed(shards: &[Value]) -> Value {
    let mut sum = shards[0]["summary"].clone();
    for (key, count) in sum.as_object_mut().into_iter().flatten() {
        if key != "resources" {
            let counts = shards.iter().map(|it| number(&it["summary"][key]));
            *count = counts.fold(0, usize::saturating_add).into();
        }
    }
    sum
}

/// What entries are sorted by, as in a single report.
fn place(entry: &Value) -> impl Ord + use<'_> {
    let severity = match entry["severity"].as_str() {
        Some("error") => Severity::Error,
        Some("warning") => Severity::Warning,
        _ => Severity::Info,
    };
    let file = entry.get("file");
    let file = file.map(|it| (it["path"].as_str(), number(&it["index"])));
    let object = entry.get("resourceRef").map(|it| {
        ["apiVersion", "kind", "name", "namespace"].map(|key| it.get(key).and_then(Value::as_str))
    });
    (
        std::cmp::Reverse(severity),
        file,
        object,
        entry.get("object").map(number),
        entry.get("field").map(|it| it["path"].as_str()),
        entry["rule"].as_str(),
        entry["message"].as_str(),
    )
}

/// A finding with what groups need.
fn of_value(entry: &Value, member: &Value, rules: &HashMap<&str, &'static str>) -> Option<Entry> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let rule = *rules.get(text("rule")?)?;
    let reference = entry.get("resourceRef").map(|it| {
        let text = |key: &str| it.get(key).and_then(Value::as_str).map(str::to_owned);
        ResourceIdentifier {
            api_version: text("apiVersion").unwrap_or_default(),
            kind: text("kind").unwrap_or_default(),
            name: text("name").unwrap_or_default(),
            namespace: text("namespace"),
        }
    });
    let tag = |key: &str| entry["tags"].get(key).and_then(Value::as_str);
    let mark = |name: &'static str| Some((name, tag(name)?.to_owned()));
    let container_type = ContainerType::ALL
        .into_iter()
        .find(|it| Some(it.as_str()) == tag("containerType"));
    let part = match (member["part"][0].as_str(), container_type) {
        (Some("pod"), _) => Part::Pod,
        (Some(_), _) => Part::Claim {
            name: member["part"][1].as_str()?.into(),
        },
        (None, Some(container_type)) => Part::Container {
            name: tag("container")?.into(),
            container_type,
        },
        (None, None) => Part::Object,
    };
    let of_member = |key: &str| member.get(key).and_then(Value::as_str);
    let decision = of_member("leaf").map(|leaf| Decision {
        field: String::new(),
        profile: None,
        is_default: false,
        mode: Mode::Check,
        file: None,
        position: None,
        leaf: leaf.to_owned(),
        exemption: None,
    });
    Some(Entry {
        entry_type: EntryType::Finding,
        message: text("message")?.to_owned(),
        severity: match text("severity")? {
            "error" => Severity::Error,
            "warning" => Severity::Warning,
            _ => Severity::Info,
        },
        rule,
        object: entry.get("object").map(number),
        resource_ref: reference.map(Arc::new),
        field: None,
        file: None,
        config: None,
        knowledge: None,
        help: text("help").map(|it| it.to_owned().into()),
        tags: Tags {
            environment: Arc::default(),
            rule,
            part,
            decision: decision.map(Arc::new),
            psa: None,
            marks: [mark("reason"), mark("until")]
                .into_iter()
                .flatten()
                .collect(),
        },
        change: None,
        token_reason: None,
        folded: (member["folded"] == true).then_some(would_change_in_words),
        image: of_member("image").map(str::to_owned),
        lines: match of_member("lines") {
            Some(lines) if member["catalogue"] == true => Some(Lines::Catalogue(lines.to_owned())),
            Some(lines) => Some(Lines::Config(lines.to_owned())),
            None => (member["exemption"] == true).then_some(Lines::Exemption),
        },
    })
}
