//! SARIF 2.1.0, for code scanning and editors.
//!
//! Places are real regions in files below the root of the repository. Fields that one edit changes are one result. Edits that
//! need each other are one fix, since editors make one at a time: the fixes of all results together are what `apply` writes, and
//! none depends on another.

use std::borrow::Cow;
use std::ops::Range;

use kustomize_krm_types::Severity;
use serde_json::{Value, json};

use super::{API_VERSION, Document, Entry, EntryType, File, FileText, Run, in_words, plural};
use crate::hashing::{FNV1A, HashMap, fnv1a};
use crate::text::{escaped, json};
use crate::yaml::Replacement;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
const ROOT: &str = "%SRCROOT%";

/// GitHub refuses a run with more results.
const MOST_RESULTS: usize = 25_000;

pub(super) fn sarif(document: &Document<'_>) -> String {
    let runs = document.runs.iter().enumerate();
    let runs: Vec<Value> = runs
        .map(|(index, run)| Drawing::of(document, run).run(index))
        .collect();
    let log = json!({"$schema": SCHEMA, "version": "2.1.0", "runs": runs});
    json(&log)
}

/// One run, while it is drawn.
struct Drawing<'d> {
    document: &'d Document<'d>,
    run: &'d Run<'d>,
    files: HashMap<&'d str, File<'d>>,
    /// The rules of the results, and their indices by id.
    rules: Vec<Value>,
    known_rules: HashMap<&'static str, usize>,
    /// How often each fingerprint occurs.
    fingerprints: HashMap<u64, usize>,
}

/// A result: the entries that one edit concerns, and the fix that is shown at it.
#[derive(Default)]
struct Group<'d> {
    entries: Vec<&'d Entry>,
    bundle: Bundle<'d>,
}

/// Replacements of one file that are made together, and the number of fields that they change.
#[derive(Default)]
struct Bundle<'d> {
    path: &'d str,
    replacements: Vec<&'d Replacement>,
    fields: usize,
    /// The first result with one of these fields.
    result: Option<usize>,
}

impl<'d> Drawing<'d> {
    fn of(document: &'d Document<'d>, run: &'d Run<'d>) -> Drawing<'d> {
        let files = run
            .texts
            .iter()
            .map(|text| (text.path.as_str(), File::of(text)));
        Drawing {
            document,
            run,
            files: files.collect(),
            rules: Vec::new(),
            known_rules: HashMap::default(),
            fingerprints: HashMap::default(),
        }
    }

    fn run(mut self, index: usize) -> Value {
        let report = &self.run.report;
        let all = self.grouped();
        let left = all.len().saturating_sub(MOST_RESULTS);
        let kept = all.into_iter().take(MOST_RESULTS);
        let results: Vec<Value> = kept.map(|group| self.result(&group)).collect();
        let mut invocation = json!({"executionSuccessful": !self.run.is_stopped});
        let notification =
            |level: &str, text: &str| json!({"level": level, "message": {"text": message(text)}});
        let mut notifications: Vec<Value> = Vec::new();
        if self.run.is_stopped {
            let problems = report.results.iter();
            notifications.extend(problems.map(|it| notification("error", &it.message)));
        }
        if left > 0 {
            let text = format!("{left} more results are left out");
            notifications.push(notification("warning", &text));
        }
        if !notifications.is_empty() {
            invocation["toolExecutionNotifications"] = Value::from(notifications);
        }
        let command = in_words(self.document.command);
        let mut id = format!("fitout/{command}");
        if !report.environment.is_empty() {
            id = format!("{id}/{}", encoded(&report.environment));
        }
        let before = &self.document.runs[..index];
        let same = before
            .iter()
            .filter(|it| it.report.environment == report.environment);
        match same.count() {
            0 => id.push('/'),
            count => id += &format!("/{}/", count + 1),
        }
        let version = env!("CARGO_PKG_VERSION");
        json!({
            "tool": {"driver": {
                "name": "fitout",
                "version": version,
                "semanticVersion": version,
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": self.rules,
            }},
            "automationDetails": {"id": id},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {ROOT: {"description": {"text": "the root of the repository"}}},
            "invocations": [invocation],
            "results": results,
            "properties": {"apiVersion": API_VERSION, "environment": report.environment},
        })
    }

    /// The entries as results: those that one edit concerns are one. Edits that depend on each other are one fix, at the first
    /// of their results.
    fn grouped(&self) -> Vec<Group<'d>> {
        let files = self.run.texts.iter().filter(|it| it.is_file).enumerate();
        let fixes =
            files.flat_map(|(file, text)| text.fixes.iter().map(move |fix| (file, text, fix)));
        type Key = (usize, u32);
        let mut of_fields: HashMap<(usize, &str), (usize, Key)> = HashMap::default();
        let mut bundles: HashMap<Key, Bundle<'d>> = HashMap::default();
        for (edit, (file, text, fix)) in fixes.enumerate() {
            let key = (file, fix.replacement.group);
            let bundle = bundles.entry(key).or_default();
            bundle.path = &text.path;
            bundle.replacements.push(&fix.replacement);
            for (object, field) in &fix.fields {
                of_fields.insert((*object, field), (edit, key));
            }
        }
        let mut of_edits: HashMap<usize, usize> = HashMap::default();
        let mut groups: Vec<Group<'d>> = Vec::new();
        for entry in &self.run.report.results {
            let is_changed = entry.entry_type == EntryType::Change || entry.is_folded();
            let field = entry.field.as_ref().filter(|_| is_changed);
            let key = entry.object.zip(field.map(|it| it.path.as_str()));
            let mut place = groups.len();
            if let Some((edit, bundle)) = key.and_then(|key| of_fields.get(&key)) {
                place = *of_edits.entry(*edit).or_insert(place);
                let bundle = bundles.entry(*bundle).or_default();
                bundle.fields += 1;
                bundle.result.get_or_insert(place);
            }
            if place == groups.len() {
                groups.push(Group::default());
            }
            groups[place].entries.push(entry);
        }
        for bundle in bundles.into_values() {
            if let Some(place) = bundle.result {
                groups[place].bundle = bundle;
            }
        }
        groups
    }

    fn result(&mut self, group: &Group<'d>) -> Value {
        let first = group.entries[0];
        let object = first.object_name().map(|it| escaped(&it).into_owned());
        let text = match group.entries.as_slice() {
            [only] => message(&only.message),
            several => {
                let fields = plural(several.len(), "field", "fields");
                let of = object
                    .as_ref()
                    .map_or(String::new(), |it| format!(" of {it}"));
                let lines = several
                    .iter()
                    .map(|it| format!("\n- {}", message(&it.message)));
                format!("{fields}{}:{}", message(&of), lines.collect::<String>())
            }
        };
        let text = match first.help.as_ref() {
            Some(help) => format!("{text}\nHelp: {}", message(help)),
            None => text,
        };
        let rule = self.rule(first);
        let mut result = json!({
            "ruleId": first.rule,
            "ruleIndex": rule,
            "level": level(first.severity),
            "message": {"text": text},
            "partialFingerprints": {"primaryLocationLineHash": self.fingerprint(group)},
        });
        if let Some(mut location) = self.location(first) {
            if let Some(object) = object {
                location["logicalLocations"] =
                    json!([{"fullyQualifiedName": object, "kind": "resource"}]);
            }
            result["locations"] = json!([location]);
        }
        if let Some(config) = first.config.as_ref()
            && let Some(path) = &config.path
            && first.file.is_some()
        {
            let mut related = json!({"id": 1, "message": {"text": message(&config.field)}});
            related["physicalLocation"] = json!({"artifactLocation": self.artifact(path)});
            if let Some(region) = start(config.line, config.column) {
                related["physicalLocation"]["region"] = region;
            }
            result["relatedLocations"] = json!([related]);
        }
        if first.entry_type == EntryType::Waived {
            let reason = first.tags.mark("reason").unwrap_or_default();
            result["suppressions"] =
                json!([{"kind": "external", "status": "accepted", "justification": reason}]);
        }
        if let Some(fix) = self.fix(&group.bundle, first) {
            result["fixes"] = json!([fix]);
        }
        let fields = group.entries.iter().filter_map(|it| it.field.as_ref());
        let fields: Vec<Value> = fields
            .filter_map(|it| serde_json::to_value(it).ok())
            .collect();
        result["properties"] =
            json!({"environment": self.run.report.environment, "fields": fields});
        result
    }

    /// The index of a rule, which is described on its first use.
    fn rule(&mut self, entry: &Entry) -> usize {
        let next = self.rules.len();
        let index = *self.known_rules.entry(entry.rule).or_insert(next);
        if index == next {
            let known = self
                .document
                .vocabulary
                .rules()
                .find(|rule| rule.id == entry.rule);
            let docs = concat!(
                env!("CARGO_PKG_REPOSITORY"),
                "/blob/v",
                env!("CARGO_PKG_VERSION"),
                "/docs"
            );
            let (meaning, page, severity) = match known {
                Some(rule) => (
                    rule.meaning.to_owned(),
                    format!("rules/{}.md", rule.id),
                    rule.severity,
                ),
                None => (
                    format!("a field that `spec.{}` of the config sets", entry.rule),
                    format!("transformers/{}.md", entry.rule),
                    Severity::Info,
                ),
            };
            let mut sentence = meaning.clone();
            if let Some(first) = sentence.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            let peers = known.map_or("", |rule| rule.peers);
            let peers = match peers {
                "" => String::new(),
                peers => format!(" In other tools: {peers}."),
            };
            let uri = format!("{docs}/{page}");
            let kind = match severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "recommendation",
            };
            self.rules.push(json!({
                "id": entry.rule,
                "shortDescription": {"text": sentence},
                "fullDescription": {"text": format!("{sentence}.{peers}")},
                "helpUri": uri,
                "help": {
                    "text": format!("{sentence}.{peers} See {uri}"),
                    "markdown": format!("{sentence}.{peers} See [{page}]({uri})."),
                },
                "defaultConfiguration": {"level": level(severity)},
                "properties": {"tags": ["kubernetes"], "problem.severity": kind},
            }));
        }
        index
    }

    /// What stays the same while lines move and values change. Equal ones are numbered.
    fn fingerprint(&mut self, group: &Group<'_>) -> String {
        let first = group.entries[0];
        let object = first.resource_ref.as_ref();
        let object = object.map(|it| {
            [
                it.kind.as_str(),
                it.namespace.as_deref().unwrap_or_default(),
                &it.name,
            ]
        });
        let fields = group.entries.iter().filter_map(|it| it.field.as_ref());
        let of_config = first.config.as_ref().filter(|_| object.is_none());
        let parts = [first.rule].into_iter().chain(object.into_iter().flatten());
        let parts = parts.chain(fields.map(|it| it.path.as_str()));
        let parts = parts.chain(of_config.map(|it| it.field.as_str()));
        let hash = fnv1a(FNV1A, parts.flat_map(|part| part.bytes().chain([0])));
        let count = self.fingerprints.entry(hash).or_default();
        *count += 1;
        format!("{hash:016x}:{count}")
    }

    /// The place of an entry, or else that of the setting, or else the first file: GitHub refuses results without one.
    fn location(&self, entry: &Entry) -> Option<Value> {
        let physical = |path: &str, region: Option<Value>| {
            let mut place = json!({"physicalLocation": {"artifactLocation": self.artifact(path)}});
            if let Some(region) = region {
                place["physicalLocation"]["region"] = region;
            }
            place
        };
        if let Some(place) = &entry.file {
            let file = self.files.get(&*place.path);
            if file.is_none_or(|file| file.text.is_file) && &*place.path != "stdin" {
                let span = file.zip(place.span);
                let region = match span {
                    Some((file, (start, end))) => Some(file.region(start..end)),
                    None => start(place.line, place.column),
                };
                let path = match file {
                    Some(_) => Cow::Borrowed(&*place.path),
                    None => self.document.options.folder.template(&place.path),
                };
                return Some(physical(&path, region));
            }
            if let Some(source) = file.and_then(|file| file.text.source.as_deref()) {
                return Some(physical(source, None));
            }
        }
        if let Some(config) = &entry.config
            && let Some(path) = &config.path
        {
            return Some(physical(path, start(config.line, config.column)));
        }
        let path = |it: &'d FileText<'d>| match it.is_file {
            true => Some(it.path.as_str()),
            false => it.source.as_deref(),
        };
        let path = self.run.texts.iter().find_map(path)?;
        Some(physical(path, None))
    }

    /// A file below the root of the repository, or else by its whole path.
    fn artifact(&self, path: &str) -> Value {
        let folder = &self.document.options.folder;
        match folder.below_root(path) {
            Some(path) => json!({"uri": encoded(&path), "uriBaseId": ROOT}),
            None => json!({"uri": format!("file://{}", encoded(&folder.absolute(path)))}),
        }
    }

    fn fix(&self, bundle: &Bundle<'_>, first: &Entry) -> Option<Value> {
        let file = self.files.get(bundle.path)?;
        let hidden = &file.text.hidden;
        let is_in_secret = |span: &Range<usize>| {
            let at = hidden.partition_point(|it| it.end <= span.start);
            hidden.get(at).is_some_and(|it| it.start < span.end)
        };
        let all = || bundle.replacements.iter();
        if bundle.result.is_none() || all().any(|it| is_in_secret(&it.span)) {
            return None;
        }
        let replacements = all().map(|it| {
            let (span, text) = file.in_lines(&it.span, &it.text);
            json!({"deletedRegion": file.region(span), "insertedContent": {"text": text}})
        });
        let replacements: Vec<Value> = replacements.collect();
        let object = first.object_name().unwrap_or_default();
        let fields = plural(bundle.fields, "field", "fields");
        let environment = &self.run.report.environment;
        let text = format!("change {fields} of {object} for {environment}");
        Some(json!({
            "description": {"text": message(&text)},
            "artifactChanges": [{"artifactLocation": self.artifact(bundle.path), "replacements": replacements}],
        }))
    }
}

impl File<'_> {
    /// Lines and columns of characters, from 1; the end is behind the last character.
    fn region(&self, span: Range<usize>) -> Value {
        let [(line, column), (end_line, end_column)] =
            [span.start, span.end].map(|at| self.position(at));
        json!({"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column})
    }

    /// The same replacement at a place that is in a line: behind the last end of line there is none.
    fn in_lines<'t>(&self, span: &Range<usize>, text: &'t str) -> (Range<usize>, Cow<'t, str>) {
        let before = &self.text.before;
        let is_behind =
            span.start == before.len() && before.ends_with('\n') && text.ends_with('\n');
        match is_behind {
            false => (span.clone(), text.into()),
            true => {
                let end = before.len() - 1;
                (end..end, ["\n", &text[..text.len() - 1]].concat().into())
            }
        }
    }
}

fn start(line: Option<usize>, column: Option<usize>) -> Option<Value> {
    let (line, column) = (line?, column?);
    Some(json!({"startLine": line, "startColumn": column}))
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

/// Text of a message, where a link would be `[text](target)`.
fn message(text: &str) -> String {
    escaped(text).replace("](", "] (")
}

/// A path in a URI.
fn encoded(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            _ => uri += &format!("%{byte:02X}"),
        }
    }
    uri
}
