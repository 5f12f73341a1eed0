//! JUnit's XML: a test case for each object, which fails if it has findings that fail the run.

use kustomize_krm_types::Severity;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite, XmlString};

use super::{Document, Entry, EntryType, Run, folded_message, in_words, name_of, plural};
use crate::ledger::Account;
use crate::text::{Text, escaped};

pub(super) fn junit(document: &Document<'_>) -> String {
    let mut report = Report::new("fitout");
    for run in document.runs {
        report.add_test_suite(suite(document, run));
    }
    // Cannot fail: it is written to memory.
    report.to_string().unwrap_or_default()
}

fn suite(document: &Document<'_>, run: &Run<'_>) -> TestSuite {
    let report = &run.report;
    let name = format!("{} {}", in_words(document.command), report.environment);
    let mut suite = TestSuite::new(xml(name.trim_end()));
    let objects = report.ledger.iter().flat_map(|it| &it.objects);
    let mut of_objects: Vec<Vec<&Entry>> = objects.clone().map(|_| Vec::new()).collect();
    let mut others = Vec::new();
    for entry in &report.results {
        let object = entry.object.and_then(|at| of_objects.get_mut(at));
        object.unwrap_or(&mut others).push(entry);
    }
    if !others.is_empty() {
        let subject = if run.is_stopped { "input" } else { "config" };
        suite.add_test_case(case(run, subject, None, None, &others));
    }
    for (object, entries) in objects.zip(&of_objects) {
        let name = name_of(&object.resource_ref);
        let folder = &document.options.folder;
        let file = object.file.as_ref().map(|it| folder.template(&it.path));
        suite.add_test_case(case(
            run,
            &name,
            file.as_deref(),
            Some(object.account),
            entries,
        ));
    }
    suite
}

fn case(
    run: &Run<'_>,
    name: &str,
    file: Option<&str>,
    account: Option<Account>,
    entries: &[&Entry],
) -> TestCase {
    let fails = |entry: &&&Entry| {
        let is = |severity| usize::from(entry.severity == severity);
        let (errors, warnings) = (is(Severity::Error), is(Severity::Warning));
        entry.entry_type == EntryType::Finding && run.fail_on.fails(errors, warnings)
    };
    let failures: Vec<&Entry> = entries.iter().filter(fails).copied().collect();
    let account = account.filter(|it| it.is_passed_over() || *it == Account::NotExamined);
    let status = match (failures.as_slice(), account) {
        ([], None) => TestCaseStatus::success(),
        ([], Some(account)) => {
            let reason = account.reason().map(|it| it.word());
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_message(xml(reason.unwrap_or(account.word())));
            skipped
        }
        ([first, ..], _) => {
            let message = match failures.len() {
                _ if failures.iter().all(|it| it.is_folded()) => folded_message(&failures),
                1 => first.message.clone(),
                count => format!(
                    "{}: {}",
                    plural(count, "finding", "findings"),
                    first.message
                ),
            };
            let mut failure = TestCaseStatus::non_success(NonSuccessKind::Failure);
            failure.set_type(first.rule);
            failure.set_message(xml(&message));
            failure.set_description(lines(&failures));
            failure
        }
    };
    let mut case = TestCase::new(xml(name), status);
    if let Some(file) = file {
        case.set_classname(xml(file));
        case.extra.insert("file".into(), xml(file));
    }
    let others = entries.iter().filter(|entry| !fails(entry));
    let others: Vec<&Entry> = others.copied().collect();
    if !others.is_empty() {
        case.set_system_out(lines(&others));
    }
    case
}

/// `error[FIT-RES002]: base/web.yaml:3:7: …`, with the help.
fn lines(entries: &[&Entry]) -> XmlString {
    let mut text = Text::default();
    for (at, entry) in entries.iter().enumerate() {
        let place = entry.place().map_or(String::new(), |it| it + ": ");
        let (level, rule) = (entry.level(), entry.rule);
        text.line(format_args!("{level}[{rule}]: {place}{}", entry.message));
        // Often they have one.
        let is_last = entries
            .get(at + 1)
            .is_none_or(|next| next.help != entry.help);
        if let Some(help) = entry.help.as_ref().filter(|_| is_last) {
            text.line(format_args!("  = help: {help}"));
        }
    }
    XmlString::new(text.as_str())
}

/// Text from outside, on one line.
fn xml(text: &str) -> XmlString {
    XmlString::new(escaped(text))
}
