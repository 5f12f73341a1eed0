//! What a run reports about the result, `check` of that result reports as well: what fitout wrote is no promise of the author.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;
use std::fs;

use fitout::config::{FunctionConfig, self_contained};
use fitout::rules::When;
use fitout::write;
use fitout::yaml::Stream;
use kustomize_krm_types::Severity;

use crate::golden::folders;
use crate::restricted::{files, objects};
use crate::tidy::root;

/// A rule, the object and what it says.
type Found = BTreeSet<(&'static str, String, String)>;

/// The findings of a run that fits, or only checks, and the result of the former.
fn run(input: &str, config: &str, only_check: bool) -> Option<(Found, String)> {
    let config = Stream::parse(config).unwrap();
    let config = FunctionConfig::of_file(&config, "fn-config.yaml").ok()?;
    let mut config = config.decode(fitout::VOCABULARY).ok()?;
    if config.validate_only && !only_check {
        return None;
    }
    config.validate_only = only_check;
    let stream = Stream::parse(input).ok()?;
    let resources = objects(&stream)?;
    let fitted = fitout::fit(&config, &resources, None).ok()?;
    let findings = fitted.findings.iter();
    let findings = findings.filter(|it| it.rule.when == When::Always && it.severity != Severity::Info);
    let found = findings.map(|it| {
        let object = it.resource.map(|it| resources[it].display_name());
        (it.rule.id, object.unwrap_or_default(), it.message.clone())
    });
    let found = found.collect();
    let text = write::text(&stream, &fitted.changes, &resources).ok()?;
    Some((found, text))
}

fn differences(place: &str, input: &str, config: &str) -> Option<Vec<String>> {
    let (before, text) = run(input, config, false)?;
    let (after, _) = run(&text, config, true)?;
    let told: BTreeSet<_> = after.iter().map(|(rule, object, _)| (rule, object)).collect();
    let lost = before.iter().filter(|(rule, object, _)| !told.contains(&(rule, object)));
    Some(lost.map(|it| format!("{place}: {it:?}")).collect())
}

#[test]
fn probe() {
    let mut all = Vec::new();
    for about in folders(&root().join("tests/cases")) {
        for case in folders(&about) {
            let read = |name: &str| fs::read_to_string(case.join(name)).unwrap();
            let place = case.strip_prefix(root().join("tests/cases")).unwrap().display().to_string();
            all.extend(differences(&place, &read("input.yaml"), &read("fn-config.yaml")).unwrap_or_default());
        }
    }
    let config = fs::read_to_string(root().join("fn-config/all/fitout.yaml")).unwrap();
    let config = Stream::parse(config.as_str()).unwrap();
    for environment in ["development", "staging", "production"] {
        let config = self_contained(&config, environment, fitout::VOCABULARY).unwrap();
        for system in folders(&root().join("base")) {
            let texts = files(&system).into_iter();
            let texts = texts.map(|file| fs::read_to_string(file).unwrap());
            let input = texts.collect::<Vec<_>>().join("\n---\n");
            let place = format!("{environment} {}", system.display());
            all.extend(differences(&place, &input, &config).unwrap_or_default());
        }
    }
    panic!("{}\n{}", all.join("\n"), all.len());
}
