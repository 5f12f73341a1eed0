//! `fitout compare`: environments side by side.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use serde_json::{Value, json};

use crate::program::{Folder, Run};

const WEB: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: ghcr.io/shop/web:1
";

/// A config with `spec` and environments, in that order.
fn config(spec: &str, environments: &str) -> String {
    format!(
        "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata: {{name: all}}\nspec:\n{spec}  environments:\n{environments}"
    )
}

fn compare(manifest: &str, config: &str, arguments: &[&str]) -> Run {
    let folder = Folder::with(&[("web.yaml", manifest), ("config.yaml", config)]);
    let chosen = ["compare", "-f", "web.yaml", "-c", "config.yaml"];
    folder.run(&[&chosen[..], arguments].concat())
}

fn compared(manifest: &str, config: &str, arguments: &[&str]) -> Value {
    let run = compare(manifest, config, &[arguments, &["-o", "json"]].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

/// The fields with an inversion: the field, the environment, and the lower one.
fn inversions(comparison: &Value) -> Vec<(String, String, String)> {
    let name = |at: usize| {
        let environment = &comparison["environments"][at];
        environment["name"].as_str().unwrap().to_owned()
    };
    let mut found = Vec::new();
    for field in comparison["fields"].as_array().unwrap() {
        for (at, value) in field["values"].as_array().unwrap().iter().enumerate() {
            if let Some(below) = value["below"].as_u64() {
                let field = field["field"].as_str().unwrap().to_owned();
                found.push((field, name(at), name(usize::try_from(below).unwrap())));
            }
        }
    }
    found
}

/// The values of a field, in the order of the environments.
fn values(comparison: &Value, field: &str) -> Vec<Value> {
    let mut fields = comparison["fields"].as_array().unwrap().iter();
    let found = fields.find(|it| it["field"] == field);
    let found = found.unwrap_or_else(|| panic!("no {field} in {comparison:#}"));
    let values = found["values"].as_array().unwrap();
    values.iter().map(|it| it["value"].clone()).collect()
}

fn requests(environment: &str, cpu: &str) -> String {
    format!("    {environment}: {{resources: {{containers: {{requests: {{cpu: {cpu}}}}}}}}}\n")
}

#[test]
fn sessions_in_the_page_are_true() {
    trycmd::TestCases::new().case("docs/compare.md");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    assert!(read("docs/compare.md").contains(&read("examples/compare/fitout.yaml")));
}

#[test]
fn amounts_are_compared_as_quantities() {
    let all = requests("staging", "1") + &requests("production", "1000m");
    let comparison = compared(WEB, &config("", &all), &[]);
    assert_eq!(
        comparison["summary"]["differing"],
        json!(0),
        "{comparison:#}"
    );
    let all = requests("production", "0.9") + &requests("staging", "1");
    let comparison = compared(WEB, &config("", &all), &[]);
    let expected = (
        "resources.requests.cpu".to_owned(),
        "production".to_owned(),
        "staging".to_owned(),
    );
    assert_eq!(inversions(&comparison), [expected]);
}

#[test]
fn a_missing_request_counts_as_the_limit_or_as_nothing() {
    let staging = requests("staging", "1");
    let none = config("", &(staging.clone() + "    production: {}\n"));
    assert_eq!(inversions(&compared(WEB, &none, &[])).len(), 1);
    let limit = "    production: {resources: {containers: {limits: {cpu: 2}}}}\n";
    let limited = compared(WEB, &config("", &(staging + limit)), &[]);
    assert_eq!(inversions(&limited), []);
    // A limit that is missing is none, and so not smaller.
    let limits =
        "    staging: {resources: {containers: {limits: {memory: 1Gi}}}}\n    production: {}\n";
    assert_eq!(inversions(&compared(WEB, &config("", limits), &[])), []);
}

#[test]
fn what_the_manifest_sets_counts_where_the_config_does_not_replace_it() {
    let manifest = WEB.replace(
        "        image",
        "        resources: {requests: {cpu: 500m}}\n        image",
    );
    let replaced = "    staging: {}\n    production: {resources: {modes: {requests.cpu: Override}, containers: {requests: {cpu: 250m}}}}\n";
    let comparison = compared(&manifest, &config("  resources: {}\n", replaced), &[]);
    assert_eq!(
        values(&comparison, "resources.requests.cpu"),
        [json!("500m"), json!("250m")]
    );
    assert_eq!(inversions(&comparison).len(), 1, "{comparison:#}");
    let removed = "    staging: {}\n    production: {resources: {mode: Remove}}\n";
    let comparison = compared(
        &manifest,
        &config("  resources: {containers: {requests: {cpu: 1}}}\n", removed),
        &[],
    );
    assert_eq!(
        values(&comparison, "resources.requests.cpu"),
        [json!("500m"), Value::Null]
    );
    assert_eq!(inversions(&comparison).len(), 1, "{comparison:#}");
}

#[test]
fn a_lower_security_level_is_an_inversion() {
    let lower = "    staging: {}\n    production: {securityContext: {profile: baseline}}\n";
    let comparison = compared(
        WEB,
        &config("  securityContext: {profile: restricted}\n", lower),
        &[],
    );
    assert_eq!(
        values(&comparison, "Pod Security level"),
        [json!("restricted"), json!("baseline")]
    );
    let found: Vec<String> = inversions(&comparison).into_iter().map(|it| it.0).collect();
    for field in [
        "Pod Security level",
        "securityContext.allowPrivilegeEscalation",
        "securityContext.capabilities.drop",
    ] {
        assert!(found.iter().any(|it| it == field), "{field}: {found:?}");
    }
    // The other way round it is only a difference.
    let higher = lower
        .replace("staging", "x")
        .replace("production", "staging")
        .replace("x:", "production:");
    let comparison = compared(
        WEB,
        &config("  securityContext: {profile: restricted}\n", &higher),
        &[],
    );
    assert_eq!(inversions(&comparison), []);
    assert!(comparison["summary"]["differing"].as_u64() > Some(3));
}

#[test]
fn the_order_is_that_of_the_names_or_as_given() {
    let names = |comparison: &Value| -> Vec<String> {
        let all = comparison["environments"].as_array().unwrap().iter();
        all.map(|it| it["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = requests("prod-us", "1") + &requests("prod-eu", "2") + &requests("dev", "3");
    let comparison = compared(WEB, &config("", &all), &[]);
    assert_eq!(names(&comparison), ["dev", "prod-us", "prod-eu"]);
    // Two of one stage are not below each other.
    let found: Vec<_> = inversions(&comparison)
        .into_iter()
        .map(|it| (it.1, it.2))
        .collect();
    assert_eq!(
        found,
        [("prod-us", "dev"), ("prod-eu", "dev")].map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
    let all = requests("green", "1") + &requests("blue", "2");
    assert_eq!(
        names(&compared(WEB, &config("", &all), &[])),
        ["green", "blue"]
    );
    let reversed = compared(WEB, &config("", &all), &["-e", "blue", "-e", "green"]);
    assert_eq!(names(&reversed), ["blue", "green"]);
    assert_eq!(inversions(&reversed).len(), 1);
}

#[test]
fn environments_can_have_a_file_each() {
    let single = |name: &str, cpu: &str| {
        format!(
            "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata: {{name: {name}}}\nspec:\n  environment: {name}\n  resources: {{containers: {{requests: {{cpu: {cpu}}}}}}}\n"
        )
    };
    let folder = Folder::with(&[
        ("web.yaml", WEB),
        (
            "fn-config/production/fitout.yaml",
            &single("production", "1"),
        ),
        ("fn-config/staging/fitout.yaml", &single("staging", "2")),
    ]);
    let run = folder.run(&["compare", "-f", "web.yaml", "--exit-code"]);
    assert_eq!(run.code, Some(1), "{}{}", run.stdout, run.stderr);
    assert!(
        run.stdout
            .contains("is 1 in production, below 2 in staging"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout
            .contains("= production: fn-config/production/fitout.yaml:6"),
        "{}",
        run.stdout
    );
    let one = folder.run(&["compare", "-f", "web.yaml", "-e", "production"]);
    one.refused(
        "one environment",
        2,
        &["nothing to compare", "production, staging"],
    );
}

#[test]
fn a_config_that_only_checks_is_compared_by_what_it_would_set() {
    let all = requests("staging", "2") + &requests("production", "1");
    let comparison = compared(WEB, &config("  mode: Check\n", &all), &[]);
    assert_eq!(inversions(&comparison).len(), 1, "{comparison:#}");
}

#[test]
fn appended_items_are_rows_by_their_names() {
    let manifest = WEB.replace(
        "        image",
        "        volumeMounts: [{name: data, mountPath: /data}]\n        image",
    ) + "      volumes: [{name: data, emptyDir: {}}]\n";
    let read_only = "    staging: {securityContext: {container: {readOnlyRootFilesystem: true}}}\n    production: {}\n";
    let comparison = compared(
        &manifest,
        &config("  securityContext: {profile: restricted}\n", read_only),
        &[],
    );
    let mounts = values(&comparison, "volumeMounts[/tmp]");
    assert_eq!(
        mounts,
        [
            json!({"name": "fitout-web-tmp", "mountPath": "/tmp"}),
            Value::Null
        ]
    );
    assert_eq!(values(&comparison, "volumes[fitout-web-tmp]").len(), 2);
}

#[test]
fn a_problem_in_one_environment_stops_it() {
    let all = requests("staging", "1")
        + "    production: {resources: {containers: {requests: {cpu: 1Gx}}}}\n";
    let run = compare(WEB, &config("", &all), &[]);
    run.refused("an invalid quantity", 2, &["1Gx", "config.yaml:"]);
}

#[test]
fn reports_are_not_written_over_inputs() {
    let all = requests("staging", "1") + &requests("production", "2");
    let run = compare(WEB, &config("", &all), &["-o", "html=web.yaml"]);
    run.refused("a manifest", 2, &["would overwrite web.yaml"]);
    let run = compare(WEB, &config("", &all), &["-o", "yaml"]);
    run.refused("an unknown format", 2, &["text, json, markdown, html"]);
}

#[test]
fn the_same_inversion_of_several_objects_is_one() {
    let all = requests("staging", "2") + &requests("production", "1");
    let five: Vec<String> = (0..5)
        .map(|at| WEB.replace("name: web,", &format!("name: web-{at},")))
        .collect();
    let five = five.join("---\n");
    let run = compare(&five, &config("", &all), &["--exit-code"]);
    assert_eq!(run.code, Some(1));
    for expected in [
        "below 2 in staging (5 objects)\n  --> web.yaml:10  Deployment shop/web-0\n",
        "  --> and 2 more, which --all shows\n  = production: config.yaml:7 ",
        "Deployment shop/web-0  web.yaml  and 4 other objects with the same values\n",
        "5 of 10 fields differ, in 5 objects; 5 inversions\n",
    ] {
        assert!(run.stdout.contains(expected), "{expected}\n{}", run.stdout);
    }
    let run = compare(&five, &config("", &all), &["-o", "markdown"]);
    let expected = "**warning[FIT-CMP001]**: `Deployment shop/web-0` and 4 more, container";
    assert!(run.stdout.contains(expected), "{}", run.stdout);
    assert!(run.stdout.contains("\n\n<details>"), "{}", run.stdout);
}

/// An intended inversion is exempted with a reason, disabled, or made an error, as any finding.
#[test]
fn inversions_are_findings_of_a_rule() {
    let all = requests("staging", "2") + &requests("production", "1");
    let exempt = "  exemptions:\n  - select: {name: web}\n    rules: [FIT-CMP001]\n    reason: production has less traffic than the load tests\n";
    let run = compare(WEB, &config(exempt, &all), &["--exit-code"]);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    assert!(
        run.stdout.contains("no inversions, 1 waived\n"),
        "{}",
        run.stdout
    );
    let other = exempt.replace("name: web", "name: other");
    assert_eq!(
        compare(WEB, &config(&other, &all), &["--exit-code"]).code,
        Some(1)
    );
    let disabled = "  checks: {disable: [FIT-CMP001]}\n";
    let run = compare(WEB, &config(disabled, &all), &["--exit-code"]);
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    // An error fails without the flag, a warning only with it.
    assert_eq!(compare(WEB, &config("", &all), &[]).code, Some(0));
    let error = "  checks: {severity: {FIT-CMP001: Error}}\n";
    let run = compare(WEB, &config(error, &all), &["-q"]);
    assert_eq!(run.code, Some(1));
    let first = "error[FIT-CMP001]: container \"web\": resources.requests.cpu is 1 in production, below 2 in staging\n";
    assert!(run.stdout.starts_with(first), "{}", run.stdout);
    assert!(!run.stdout.contains("Compare  "), "{}", run.stdout);
    // The exemption is for comparisons, so that a plan does not call it unused.
    let folder = Folder::with(&[("web.yaml", WEB), ("config.yaml", &config(exempt, &all))]);
    let plan = folder.run(&[
        "plan", "-v", "-f", "web.yaml", "-c", "config.yaml", "-e", "production",
    ]);
    assert!(!(plan.stdout + &plan.stderr).contains("covers nothing"));
}

#[test]
fn comparisons_are_of_the_chosen_objects_and_match_the_schema() {
    let all = requests("staging", "2") + &requests("production", "1");
    let labelled = |name: &str, namespace: &str| {
        WEB.replace(
            "{name: web, namespace: shop}",
            &format!("{{name: {name}, namespace: {namespace}, labels: {{app: {name}}}}}"),
        )
    };
    let both = [labelled("web", "shop"), labelled("api", "back")].join("---\n");
    let names = |arguments: &[&str]| -> Vec<String> {
        let comparison = compared(&both, &config("", &all), arguments);
        crate::reports::report_schema(&comparison);
        let fields = comparison["fields"].as_array().unwrap().iter();
        let mut names: Vec<String> = fields
            .map(|it| it["resourceRef"]["name"].as_str().unwrap().to_owned())
            .collect();
        names.dedup();
        names
    };
    assert_eq!(names(&[]), ["web", "api"]);
    assert_eq!(names(&["-l", "app=web"]), ["web"]);
    assert_eq!(names(&["-n", "back"]), ["api"]);
    compare(&both, &config("", &all), &["-l", "app=none"]).refused(
        "no object",
        2,
        &["none of the 2 objects matches -l"],
    );
}
