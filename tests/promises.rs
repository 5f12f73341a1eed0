//! What a run reports about the result, `check` of that result reports as well: what fitout wrote does not count as a promise of the author.
//! And a run has the same outcome whether or not its report is read.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;
use std::fs;

use fitout::config::{FunctionConfig, self_contained};
use fitout::rules::When;
use fitout::yaml::Stream;
use fitout::{Results, write};
use kustomize_krm_types::{ResourceList, Severity};
use serde_json::{Value, json};

use crate::golden::{cases, folders, list};
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
    let findings =
        findings.filter(|it| it.rule.when == When::Always && it.severity != Severity::Info);
    let found = findings.map(|it| {
        let object = it.resource.map(|it| resources[it].display_name());
        (it.rule.id, object.unwrap_or_default(), it.message.clone())
    });
    let found = found.collect();
    let text = write::text(&stream, &fitted.changes, &resources).ok()?;
    Some((found, text))
}

/// What is rightly reported only before: that a claim changes on the cluster, an exemption that has nothing left to cover, and
/// an account that another rule reports on check.
const ONLY_BEFORE: [&str; 4] = ["FIT-STO002", "FIT-STO007", "FIT-EXM003", "FIT-SA002"];

fn assert_lasting(place: &str, input: &str, config: &str) -> usize {
    let Some((before, text)) = run(input, config, false) else {
        return 0;
    };
    let (after, _) = run(&text, config, true).unwrap();
    let reported: BTreeSet<_> = after.iter().map(|it| (it.0, &it.1)).collect();
    let lost = before
        .iter()
        .filter(|it| !reported.contains(&(it.0, &it.1)) && !ONLY_BEFORE.contains(&it.0));
    // Check reports the image that is missing as an error.
    let lost = lost
        .filter(|it| it.0 != "FIT-TGT005" || !it.2.contains("because a container has no image;"));
    assert_eq!(lost.collect::<Vec<_>>(), Vec::<&_>::new(), "{place}");
    before.len()
}

#[test]
fn check_of_fitted_cases_reports_what_the_run_reported() {
    let mut found = 0;
    for case in cases() {
        let read = |name: &str| fs::read_to_string(case.join(name)).unwrap();
        let place = case.display().to_string();
        found += assert_lasting(&place, &read("input.yaml"), &read("fn-config.yaml"));
    }
    assert!(found > 300, "{found}");
}

#[test]
fn check_of_fitted_systems_reports_what_the_run_reported() {
    let config = fs::read_to_string(root().join("fn-config/all/fitout.yaml")).unwrap();
    let config = Stream::parse(config.as_str()).unwrap();
    for environment in ["development", "staging", "production"] {
        let config = self_contained(&config, environment, fitout::VOCABULARY).unwrap();
        for system in folders(&root().join("base")) {
            let texts = files(&system).into_iter();
            let texts = texts.map(|file| fs::read_to_string(file).unwrap());
            let input = texts.collect::<Vec<_>>().join("\n---\n");
            assert_lasting(
                &format!("{environment} {}", system.display()),
                &input,
                &config,
            );
        }
    }
}

/// Whether a run passes, and its items.
type Ending = (bool, Option<Vec<Value>>);

/// Settings that change which findings fail a run.
fn variants(config: &Value) -> Vec<Value> {
    let with = |keys: &[&str], value: &str| {
        let mut config = config.clone();
        let spec = &mut config["spec"];
        *keys.iter().fold(spec, |at, key| &mut at[*key]) = json!(value);
        config
    };
    vec![
        config.clone(),
        with(&["mode"], "Check"),
        with(&["checks", "failOn"], "Warning"),
        with(&["checks", "severity", "FIT-EXM003"], "Error"),
        with(&["checks", "severity", "FIT-SEC002"], "Error"),
    ]
}

#[test]
fn a_run_whose_report_is_not_read_has_the_same_outcome() {
    let (mut runs, mut failed) = (0, 0);
    for case in cases() {
        let read = |name: &str| fs::read_to_string(case.join(name)).unwrap();
        let Ok(config) = serde_yaml::from_str::<Value>(&read("fn-config.yaml")) else {
            continue;
        };
        let Ok(stream) = Stream::parse(read("input.yaml")) else {
            continue;
        };
        let documents = stream.documents().filter(|document| !document.is_empty());
        let objects = documents.map(|it| serde_json::to_value(it.root().value().ok()?).ok());
        let Some(objects) = objects.collect::<Option<Vec<Value>>>() else {
            continue;
        };
        for config in variants(&config) {
            let (passed, _) = assert_same_ending(&case.display().to_string(), &objects, &config);
            runs += 1;
            failed += usize::from(!passed);
        }
    }
    assert!(runs > 1000 && failed > 300, "{failed} of {runs}");
}

/// The ending of a run, which is the same whether or not its report is read.
fn assert_same_ending(place: &str, objects: &[Value], config: &Value) -> Ending {
    let list = list(objects, &config.to_string());
    let ending = |results| -> Ending {
        let outcome = fitout::run(list.clone().into_bytes(), results, None);
        let output = outcome.output.as_deref();
        let output = output.map(|it| serde_yaml::from_str::<ResourceList>(it).unwrap());
        (outcome.passed, output.map(|it| it.items))
    };
    let reported = ending(Results::Always);
    assert_eq!(ending(Results::Unread), reported, "{place}: {config}");
    reported
}

/// A check of an environment, with these settings for rules.
fn checking(checks: Value) -> Value {
    json!({
        "apiVersion": "fitout.dev/v1alpha1", "kind": "Fitout", "metadata": {"name": "test"},
        "spec": {"environment": "test", "mode": "Check", "checks": checks},
    })
}

/// Whether or not the report is read, the run of these objects passes or fails as expected.
fn assert_passes<const N: usize>(config: &Value, objects: [&Vec<Value>; N], passes: bool) {
    let objects: Vec<Value> = objects.into_iter().flatten().cloned().collect();
    let (passed, _) = assert_same_ending("generated objects", &objects, config);
    assert_eq!(passed, passes, "{} objects", objects.len());
}

fn pods(count: usize) -> Vec<Value> {
    let pod = |number: usize| {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("p{number}"), "namespace": "shop", "labels": {"app": format!("longapp{number}")}},
            "spec": {"containers": [{"name": "web", "image": "acme/web:1", "ports": [{"name": "m", "containerPort": 8080}]}]},
        })
    };
    (0..count).map(pod).collect()
}

/// The limit on comparisons of names is one for all checks. Without the budgets, whose findings do not count, the monitor would
/// have a name that is nearly right.
#[test]
fn what_is_not_read_does_not_change_which_names_are_compared() {
    let budget = |number: usize| {
        json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": {"name": format!("b{number}"), "namespace": "shop"},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": format!("other-thing-{number}")}}},
        })
    };
    let monitor = json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor",
        "metadata": {"name": "web", "namespace": "elsewhere"},
        "spec": {"selector": {"matchLabels": {"app": "longaqp1"}}, "podMetricsEndpoints": [{"port": "m"}]},
    });
    let config = checking(json!({
        "failOn": "Warning", "severity": {"FIT-PDB001": "Info"}, "only": ["FIT-PDB001", "FIT-PRM008"],
    }));
    let (pods, budgets) = (pods(200), (0..400).map(budget).collect());
    assert_passes(&config, [&pods, &budgets, &vec![monitor.clone()]], true);
    assert_passes(&config, [&pods, &vec![monitor]], false);
}

/// What is too much to compare for a rule whose findings do not count is reported by FIT-TGT004, which may count.
#[test]
fn what_is_not_read_does_not_hide_what_is_too_much() {
    let quota = |number: usize| {
        json!({
            "apiVersion": "v1", "kind": "ResourceQuota",
            "metadata": {"name": format!("q{number}"), "namespace": "shop"},
            "spec": {"hard": {"requests.cpu": "100000"}},
        })
    };
    let mut config = checking(json!({
        "severity": {"FIT-TGT004": "Error"}, "only": ["FIT-TGT004", "FIT-RES009"],
    }));
    config["spec"]["resources"] = json!({"containers": {"requests": {"cpu": "1"}}});
    let (pods, quotas) = (pods(2500), (0..240).map(quota).collect());
    assert_passes(&config, [&pods, &quotas], false);
    assert_passes(&config, [&pods], true);
}
