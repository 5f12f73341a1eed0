//! The report as the `results` of a ResourceList.
//!
//! kpt prints each result on a line and may write it into the package, so results are few, short and reproducible.

use std::borrow::Cow;

use kustomize_krm_types::{Field, File, ResourceIdentifier, Result as KrmResult, Severity};

use super::{Entry, EntryType, FilePlace, ObjectChanges, Report, Tags, folded_message, unexamined};
use crate::checks::UNEXAMINED;
use crate::config::ChangesReport;
use crate::text::escaped;
use crate::yaml::Lines;

/// A result for a host.
struct HostResult<'r> {
    message: Cow<'r, str>,
    severity: Severity,
    object: Option<&'r ResourceIdentifier>,
    field: Option<&'r Field>,
    file: Option<&'r FilePlace>,
    tags: ResultTags<'r>,
}

/// The tags of a result, which are formatted where they are written.
enum ResultTags<'r> {
    OfEntry(&'r Tags),
    Rule(Option<&'static str>),
}

impl Report {
    /// Whether there are results for a host.
    pub fn has_krm_results(&self, changes: ChangesReport) -> bool {
        // Most reports have some of these, whose messages need not be made for that.
        let mut has_any = changes == ChangesReport::Summary && !self.objects.is_empty();
        if has_any {
            return true;
        }
        self.each_result(changes, &mut |_| has_any = true);
        has_any
    }

    /// The results for a host: errors, warnings, and the configured detail of changes.
    pub fn krm_results(&self, changes: ChangesReport) -> Vec<KrmResult> {
        let mut results = Vec::new();
        self.each_result(changes, &mut |result| results.push(self.owned(result)));
        results
    }

    /// Writes the results as the last entry of a list.
    pub fn write_krm_results(&self, changes: ChangesReport, lines: &mut Lines<'_>) {
        lines.plain("results:");
        let column = lines.column + lines.sequence;
        self.each_result(changes, &mut |result| {
            self.write_result(&result, lines, column);
        });
    }

    fn each_result<'r>(&'r self, changes: ChangesReport, report: &mut dyn FnMut(HostResult<'r>)) {
        let findings = self
            .results
            .iter()
            .filter(|entry| entry.entry_type != EntryType::Change);
        let is_reported = |entry: &&Entry| {
            let is_problem =
                entry.entry_type == EntryType::Finding && entry.severity > Severity::Info;
            changes == ChangesReport::Full || (is_problem && !entry.is_folded())
        };
        if changes != ChangesReport::Full {
            for entries in self.folded_by_object() {
                report(of_folded(&entries));
            }
        }
        for entry in findings.filter(is_reported) {
            report(of_entry(entry));
        }
        let listed = self.results.iter();
        let listed = listed.filter(|entry| entry.entry_type == EntryType::Change);
        let report_all = |report: &mut dyn FnMut(HostResult<'r>), of: fn(&Entry) -> bool| {
            for entry in listed.filter(|entry| of(entry)) {
                report(of_entry(entry));
            }
        };
        match changes {
            ChangesReport::None => {}
            ChangesReport::Full => report_all(report, |_| true),
            ChangesReport::Summary => {
                for object in &self.objects {
                    report(self.of_object(object));
                }
                report_all(report, |entry| entry.token_reason.is_some());
            }
        }
        let unexamined = unexamined(self);
        if !unexamined.is_empty() {
            report(HostResult {
                message: Cow::Owned(unexamined),
                severity: Severity::Info,
                object: None,
                field: None,
                file: None,
                tags: ResultTags::Rule(Some(UNEXAMINED.id)),
            });
        }
    }

    fn of_object<'r>(&self, object: &'r ObjectChanges) -> HostResult<'r> {
        let counts = object.counts.iter();
        let counts: Vec<String> = counts
            .map(|(rule, count)| format!("{rule} {count}"))
            .collect();
        let message = format!("configured for {}: {}", self.environment, counts.join(", "));
        HostResult {
            message: Cow::Owned(message),
            severity: Severity::Info,
            object: Some(&object.reference),
            field: None,
            file: object.file.as_deref(),
            tags: ResultTags::Rule(None),
        }
    }

    fn tags<'t>(&'t self, tags: &ResultTags<'t>) -> Vec<(&'static str, Cow<'t, str>)> {
        match tags {
            ResultTags::OfEntry(tags) => tags.list(),
            ResultTags::Rule(rule) => {
                let environment = ("environment", Cow::Borrowed(self.environment.as_str()));
                let rule = rule.map(|rule| ("rule", Cow::Borrowed(rule)));
                [environment].into_iter().chain(rule).collect()
            }
        }
    }

    /// What a host prints is escaped; values stay as they are.
    fn owned(&self, result: HostResult<'_>) -> KrmResult {
        let text = |text: &str| escaped(text).into_owned();
        let tags = self.tags(&result.tags).into_iter();
        KrmResult {
            message: text(&result.message),
            severity: result.severity,
            resource_ref: result.object.map(|object| ResourceIdentifier {
                api_version: text(&object.api_version),
                kind: text(&object.kind),
                name: text(&object.name),
                namespace: object.namespace.as_deref().map(text),
            }),
            field: result.field.map(|field| Field {
                path: text(&field.path),
                ..field.clone()
            }),
            file: result.file.map(|file| File {
                path: text(&file.path),
                index: file.index,
            }),
            tags: tags
                .map(|(key, value)| (key.to_owned(), text(&value)))
                .collect(),
        }
    }

    /// The same as text, without a copy.
    fn write_result(&self, result: &HostResult<'_>, lines: &mut Lines<'_>, item: usize) {
        let entry = item + 2;
        let inner = entry + lines.step;
        let text = |lines: &mut Lines<'_>, key: &str, value: &str| {
            lines.begin(inner);
            lines.plain(key);
            lines.string(&escaped(value));
        };
        lines.begin(item);
        lines.plain("- message: ");
        lines.string(&escaped(&result.message));
        lines.begin(entry);
        lines.plain("severity: ");
        lines.plain(result.severity.as_str());
        if let Some(object) = result.object {
            lines.begin(entry);
            lines.plain("resourceRef:");
            text(lines, "apiVersion: ", &object.api_version);
            text(lines, "kind: ", &object.kind);
            text(lines, "name: ", &object.name);
            if let Some(namespace) = &object.namespace {
                text(lines, "namespace: ", namespace);
            }
        }
        if let Some(field) = result.field {
            lines.begin(entry);
            lines.plain("field:");
            text(lines, "path: ", &field.path);
            let values = [
                ("currentValue:", &field.current_value),
                ("proposedValue:", &field.proposed_value),
            ];
            for (key, value) in values {
                if let Some(value) = value {
                    lines.begin(inner);
                    lines.plain(key);
                    lines.value(inner, value);
                }
            }
        }
        if let Some(file) = result.file {
            lines.begin(entry);
            lines.plain("file:");
            text(lines, "path: ", &file.path);
            lines.begin(inner);
            lines.plain("index: ");
            lines.plain(&file.index.to_string());
        }
        lines.begin(entry);
        lines.plain("tags:");
        for (key, value) in self.tags(&result.tags) {
            lines.begin(inner);
            lines.plain(key);
            lines.plain(": ");
            lines.string(&escaped(&value));
        }
    }
}

/// One result for the folded findings of an object.
fn of_folded<'r>(entries: &[&'r Entry]) -> HostResult<'r> {
    let first = entries[0];
    let message = format!(
        "{}, for example: {}",
        folded_message(entries),
        first.message
    );
    HostResult {
        message: Cow::Owned(message),
        ..of_entry(first)
    }
}

fn of_entry(entry: &Entry) -> HostResult<'_> {
    HostResult {
        message: match entry.tags.mark("reason") {
            Some(reason) => Cow::Owned(format!("waived ({reason}): {}", entry.message)),
            None => Cow::Borrowed(&entry.message),
        },
        severity: match entry.entry_type {
            EntryType::Waived => Severity::Info,
            EntryType::Change | EntryType::Finding => entry.severity,
        },
        object: entry.resource_ref.as_deref(),
        field: entry.field.as_deref(),
        file: entry.file.as_deref(),
        tags: ResultTags::OfEntry(&entry.tags),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::finding::Part;
    use crate::problem::Problem;
    use crate::yaml::{Behind, Footers, Stream, Value};

    #[test]
    fn results_are_written_as_they_serialize() {
        let mut report = Report::of_problems(&[Problem::new("FIT-INP003", "message")]);
        report.results.push(Entry {
            resource_ref: Some(Arc::new(ResourceIdentifier {
                api_version: "apps/v1".to_owned(),
                kind: "Deployment".to_owned(),
                name: "web".to_owned(),
                namespace: Some("1e3".to_owned()),
            })),
            field: Some(Box::new(Field {
                path: "spec.replicas".to_owned(),
                current_value: Some(serde_json::Value::Null),
                proposed_value: Some(serde_json::json!({
                    "a": [1.5, "b", true, [], {}, ["- c", [null]], {"d": {"e": 1}, "f": [2]}],
                    "true": {"null": "# g\n"},
                })),
            })),
            file: Some(Arc::new(FilePlace {
                path: "web.yaml".into(),
                index: 2,
                line: None,
                column: None,
                span: None,
            })),
            tags: Tags {
                environment: Arc::from("production"),
                rule: "FIT-INP003",
                part: Part::Object,
                decision: None,
                psa: None,
                marks: vec![
                    ("until", "2026-01-01".to_owned()),
                    ("reason", ": #\u{1b}".to_owned()),
                ],
            },
            ..report.results[0].clone()
        });
        let changes = ChangesReport::Full;
        let results = report.krm_results(changes).into_iter();
        let serialized = results.map(|it| Value::from(serde_json::to_value(it).unwrap()));
        let serialized: Vec<Value> = serialized.collect();
        assert_eq!(serialized.len(), 2);
        // In any style, and whatever is before and behind them.
        let write = |lines: &mut Lines<'_>| report.write_krm_results(changes, lines);
        for text in [
            "a:\n    b:\n      - c\n", "a:\n- |+\n  b\n\n# c\n", "a: |\n  b", "a:\r\n  b: c\r\n",
        ] {
            let stream = Stream::parse(text).unwrap();
            let root = stream.documents().next().unwrap().root();
            assert!(root.takes_behind("results"));
            let map = root.id();
            let behind = Behind { map, write: &write };
            let edited = stream.edit_with(&[], Footers::AtTheEnd, Some(behind));
            let edited = Stream::parse(edited.unwrap().into_text()).unwrap();
            let new = edited.documents().next().unwrap().root();
            let values = new.items_at(["results"]).map(|it| it.value().unwrap());
            let values: Vec<Value> = values.collect();
            assert_eq!(values, serialized, "{text}");
            // As an edit writes them.
            let edit = crate::yaml::Edit {
                root: map,
                pointer: jsonptr::PointerBuf::from_tokens(["results"]),
                change: crate::yaml::Change::Set(Value::Sequence(values)),
            };
            assert_eq!(stream.edit(&[edit]).unwrap(), edited.text());
        }
    }
}
