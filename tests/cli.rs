//! The command line on files: what it writes, what it keeps, and what it prints.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, missing_docs
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use crate::golden::objects;
use crate::program::Folder;

const BASE: &str = "base/caracal";
const CONFIG: &str = "fn-config/all/fitout.yaml";

/// The base of Caracal with the configs of all environments.
fn caracal() -> Folder {
    Folder::with_copy(&[BASE, "fn-config"])
}

/// The base's manifests by path.
fn manifests(folder: &Folder) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder.path().join(BASE)).unwrap();
    let files = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    files
        .map(|name| format!("{BASE}/{name}"))
        .map(|name| (name.clone(), folder.read(&name)))
        .collect()
}

const IN_PLACE: [&str; 6] = ["apply", "-i", "-f", "base", "-e", "production"];

fn comments(text: &str) -> Vec<&str> {
    let comments = text
        .lines()
        .filter_map(|line| line.find('#').map(|start| &line[start..]));
    comments.collect()
}

#[test]
fn in_place_writes_only_what_the_report_lists() {
    let folder = caracal();
    let before = manifests(&folder);
    let report = [&IN_PLACE[..], &["-o", "json=report.json"]].concat();
    let run = folder.run(&report);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(0), ""),
        "{}",
        run.stderr
    );
    let after = manifests(&folder);
    let report: Value = serde_json::from_str(&folder.read("report.json")).unwrap();
    let results = report["results"].as_array().unwrap();
    let changes = results.iter().filter(|entry| entry["type"] == "change");
    let mut by_file: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    changes.for_each(|change| {
        by_file
            .entry(change["file"]["path"].as_str().unwrap())
            .or_default()
            .push(change)
    });
    let edited: BTreeSet<&str> = before
        .keys()
        .filter(|name| before[*name] != after[*name])
        .map(String::as_str)
        .collect();
    assert_eq!(
        edited,
        by_file.keys().copied().collect(),
        "files that changed, and those of the report"
    );
    for (name, changes) in by_file {
        assert_eq!(
            comments(&before[name]),
            comments(&after[name]),
            "{name}: comments"
        );
        let diff = TextDiff::from_lines(&before[name], &after[name]);
        let count = |tag| {
            diff.iter_all_changes()
                .filter(|line| line.tag() == tag)
                .count()
        };
        // Lines are removed only if a value is replaced or an empty map on one line is filled.
        assert_eq!(
            count(ChangeTag::Delete),
            changes
                .iter()
                .filter(|change| change["field"].get("currentValue").is_some())
                .count(),
            "{name}: {}",
            diff.unified_diff()
        );
        assert_eq!(
            count(ChangeTag::Insert),
            lines_of(&before[name], &changes),
            "{name}: lines that were added"
        );
        assert!(
            run.stderr.contains(&format!("edited  {name}\n")),
            "{}",
            run.stderr
        );
    }
}

/// The number of lines that the changes take in block style: one for each new key, item and scalar.
fn lines_of(before: &str, changes: &[&Value]) -> usize {
    let documents = objects(before);
    let mut keys = BTreeSet::new();
    let mut lines = 0;
    for change in changes {
        let index = change["file"]["index"].as_u64().unwrap();
        let path = change["field"]["path"].as_str().unwrap();
        let mut place = Some(&documents[usize::try_from(index).unwrap()]);
        let mut walked = String::new();
        for token in crate::golden::tokens(path) {
            walked.push_str(&format!("/{token}"));
            place = place.and_then(|place| match token.parse::<usize>() {
                Ok(index) if place.is_array() => place.get(index),
                _ => place.get(&token),
            });
            // The items of a list begin on their own first line.
            if place.is_none() && token.parse::<usize>().is_err() {
                keys.insert((index, walked.clone()));
            }
        }
        let value = &change["field"]["proposedValue"];
        lines += if value.is_object() || value.is_array() {
            inner_lines(value)
        } else {
            0
        };
    }
    lines + keys.len()
}

fn inner_lines(value: &Value) -> usize {
    match value {
        Value::Object(entries) => entries.values().map(|value| 1 + inner_lines(value)).sum(),
        Value::Array(items) => items.iter().map(|item| inner_lines(item).max(1)).sum(),
        _ => 0,
    }
}

#[test]
fn a_second_run_changes_nothing() {
    let folder = caracal();
    assert_eq!(folder.run(&IN_PLACE).code, Some(0));
    let once = manifests(&folder);
    let again = folder.run(&IN_PLACE);
    assert_eq!(again.code, Some(0));
    assert!(
        again.stderr.contains("nothing to do") && !again.stderr.contains("edited"),
        "{}",
        again.stderr
    );
    assert_eq!(manifests(&folder), once);
    let plan = folder.run(&["plan", "-f", "base", "-e", "production", "--exit-code"]);
    assert_eq!(plan.code, Some(0), "{}", plan.stdout);
}

#[test]
fn files_keep_their_permissions_and_links_stay_links() {
    let folder = caracal();
    let gateway = folder.path().join("base/caracal/gateway.yaml");
    fs::set_permissions(&gateway, fs::Permissions::from_mode(0o640)).unwrap();
    let linked = folder.path().join("base/caracal/postgres.yaml");
    let real = folder.path().join("real.yaml");
    fs::rename(&linked, &real).unwrap();
    symlink("../../real.yaml", &linked).unwrap();
    let before = fs::read_to_string(&real).unwrap();
    let run = folder.run(&[
        "apply", "-i", "-f", "base/caracal/gateway.yaml", "base/caracal/postgres.yaml", "-e",
        "production",
    ]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(
        fs::metadata(&gateway).unwrap().permissions().mode() & 0o777,
        0o640
    );
    assert!(
        fs::symlink_metadata(&linked)
            .unwrap()
            .file_type()
            .is_symlink()
    );
    assert_ne!(fs::read_to_string(&real).unwrap(), before);
    let names = |folder: &std::path::Path| {
        let entries = fs::read_dir(folder).unwrap();
        entries
            .filter(|entry| {
                entry
                    .as_ref()
                    .unwrap()
                    .file_name()
                    .to_string_lossy()
                    .starts_with(".tmp")
            })
            .count()
    };
    assert_eq!(
        names(folder.path()) + names(gateway.parent().unwrap()),
        0,
        "temporary files"
    );
}

#[test]
fn nothing_is_written_when_one_file_is_bad() {
    let folder = caracal();
    let before = manifests(&folder);
    for bad in [
        "kind: [",
        "apiVersion: v1\nkind: Pod\nspec: {containers: {}}\n",
    ] {
        folder.write("base/zz.yaml", bad);
        let run = folder.run(&IN_PLACE);
        run.refused(bad, 3, &["base/zz.yaml"]);
        assert_eq!(manifests(&folder), before);
    }
}

#[test]
fn a_stream_goes_through() {
    let folder = caracal();
    let input = folder.read("base/caracal/gateway.yaml");
    let apply = ["apply", "-f", "-", "-e", "production"];
    let run = folder.feed(&apply, input.as_bytes());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let from_file = folder.run(&[
        "apply", "-f", "base/caracal/gateway.yaml", "-e", "production",
    ]);
    assert_eq!(run.stdout, from_file.stdout);
    assert_ne!(run.stdout, input);
    assert_eq!(
        folder.feed(&apply, run.stdout.as_bytes()).stdout,
        run.stdout
    );
    folder
        .feed(&["apply", "-i", "-f", "-", "-e", "production"], b"")
        .refused("in place", 2, &["in place"]);
}

#[test]
fn a_folder_comes_out_as_one_stream() {
    let folder = caracal();
    let run = folder.run(&["apply", "-f", "base", "-e", "production"]);
    let inputs = manifests(&folder);
    let count: usize = inputs
        .iter()
        .filter(|(name, _)| !name.ends_with("kustomization.yaml"))
        .map(|(_, text)| objects(text).len())
        .sum();
    assert_eq!(objects(&run.stdout).len(), count);
}

#[test]
fn plan_reports_by_its_exit_code_and_writes_nothing() {
    let folder = caracal();
    let before = manifests(&folder);
    let plan = ["plan", "-f", "base", "-e", "production"];
    assert_eq!(folder.run(&plan).code, Some(0));
    let run = folder.run(&[&plan[..], &["--exit-code"]].concat());
    assert_eq!(run.code, Some(1));
    assert!(
        run.stdout.contains("base/caracal/gateway.yaml"),
        "{}",
        run.stdout
    );
    assert!(!run.stdout.contains('\x1b'), "no colors in a pipe");
    assert_eq!(manifests(&folder), before);
    let colored = folder.run(&[&plan[..], &["--color", "always"]].concat());
    assert!(colored.stdout.contains('\x1b'));
}

#[test]
fn the_report_as_json_has_its_promised_shape() {
    let folder = caracal();
    let run = folder.run(&["plan", "-f", "base", "-e", "production", "-o", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["apiVersion"], "report.fitout.dev/v1");
    assert_eq!(report["kind"], "Report");
    assert_eq!(report["environment"], "production");
    let counts = report["summary"].as_object().unwrap();
    let names: BTreeSet<&str> = counts.keys().map(String::as_str).collect();
    let promised = [
        "resources", "workloads", "files", "added", "changed", "removed", "same", "errors",
        "warnings", "notes", "waived", "unexamined",
    ];
    assert_eq!(names, BTreeSet::from(promised));
    assert!(counts.values().all(Value::is_u64));
    let results = report["results"].as_array().unwrap();
    let changes: Vec<&Value> = results
        .iter()
        .filter(|entry| entry["type"] == "change")
        .collect();
    let sum = |names: [&str; 3]| {
        names
            .iter()
            .map(|name| counts[*name].as_u64().unwrap())
            .sum::<u64>()
    };
    assert_eq!(changes.len() as u64, sum(["added", "changed", "removed"]));
    for change in changes {
        assert_eq!(change["severity"], "info");
        assert!(
            change["message"].is_string() && change["rule"].is_string(),
            "{change}"
        );
        for member in ["apiVersion", "kind", "name"] {
            assert!(change["resourceRef"][member].is_string(), "{change}");
        }
        assert!(
            change["field"]["path"].is_string() && !change["field"]["proposedValue"].is_null(),
            "{change}"
        );
        let file = &change["file"];
        assert!(
            file["path"].as_str().unwrap().starts_with("base/caracal/"),
            "{change}"
        );
        assert!(
            file["index"].is_u64() && file["line"].is_u64() && file["column"].is_u64(),
            "{change}"
        );
        let config = &change["config"];
        assert_eq!(config["path"], CONFIG, "{change}");
        assert!(
            config["field"].as_str().unwrap().starts_with("spec."),
            "{change}"
        );
        assert!(
            config["line"].is_u64() && config["column"].is_u64(),
            "{change}"
        );
        assert_eq!(change["tags"]["environment"], "production", "{change}");
        assert!(
            change["tags"]
                .as_object()
                .unwrap()
                .values()
                .all(Value::is_string),
            "{change}"
        );
    }
    // Neither the working directory nor the values of Secrets.
    assert!(!run.stdout.contains(folder.path().to_str().unwrap()));
}

#[test]
fn no_output_holds_a_secrets_value() {
    let folder = caracal();
    let secret = "aHVudGVyMg==";
    folder.write(
        "base/secret.yaml",
        &format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: extra\ndata:\n  password: {secret}\n"
        ),
    );
    for arguments in [
        &["plan", "-f", "base", "-e", "production", "-v"][..],
        &["plan", "-f", "base", "-e", "production", "-o", "json"][..],
    ] {
        let run = folder.run(arguments);
        assert_eq!(run.code, Some(0));
        assert!(
            !run.stdout.contains(secret) && !run.stderr.contains(secret),
            "{arguments:?}"
        );
    }
}

#[test]
fn files_that_are_not_manifests_are_passed_over_and_counted() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: a}]}\n";
    let folder = Folder::with(&[
        (
            "fn-config/test/fitout.yaml",
            "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata: {name: test}\nspec: {environment: test, resources: {containers: {requests: {cpu: 1}}}}\n",
        ),
        ("base/.gitignore", "ignored.yaml\n/out/\n"),
        ("base/pod.yaml", pod),
        (
            "base/pod.json",
            "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"b\"}, \"spec\": {\"containers\": [{\"name\": \"b\", \"image\": \"b\"}]}}\n",
        ),
        ("base/ignored.yaml", pod),
        ("base/out/pod.yaml", pod),
        ("base/pod.txt", pod),
        ("base/kustomization.yaml", "resources: [pod.yaml]\n"),
        (
            "base/Kptfile",
            "apiVersion: kpt.dev/v1\nkind: Kptfile\nmetadata: {name: a}\n",
        ),
        (
            "base/fitout.yaml",
            "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata: {name: a}\nspec: {environment: a}\n",
        ),
        ("base/values.yaml", "image: a\n"),
        ("base/empty.yaml", "# nothing\n"),
    ]);
    let run = folder.run(&["apply", "-i", "-f", "base", "-e", "test"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let edited: Vec<&str> = run
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("edited  "))
        .collect();
    assert_eq!(edited, ["base/pod.json", "base/pod.yaml"]);
    for untouched in ["base/ignored.yaml", "base/out/pod.yaml", "base/pod.txt"] {
        assert_eq!(folder.read(untouched), pod, "{untouched}");
    }
    // A Kptfile does not have an extension of manifests.
    let line = "Ledger  2 objects: 2 fitted; 9 files passed over (2 extension, 1 hidden, 2 ignored, 3 no-objects, 1 package)";
    assert!(run.stderr.contains(line), "{}", run.stderr);
}

#[test]
fn the_environment_is_found_from_a_subfolder() {
    let folder = caracal();
    let below = folder.path().join(BASE);
    let mut command = folder.command(&["apply", "-f", "gateway.yaml", "-e", "production"]);
    let output = command.current_dir(below).output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let by_variables = |variables: &[(&str, &str)]| {
        let mut command = folder.command(&["apply", "-f", BASE]);
        command.envs(variables.iter().copied()).output().unwrap()
    };
    let by_flag = folder
        .run(&["apply", "-f", BASE, "-e", "production"])
        .stdout;
    let name = ("FITOUT_ENV", "production");
    for variables in [&[name][..], &[name, ("FITOUT_CONFIG", CONFIG)]] {
        assert_eq!(
            String::from_utf8(by_variables(variables).stdout).unwrap(),
            by_flag,
            "{variables:?}"
        );
    }
    let both = ["apply", "-f", BASE, "-e", "production", "-c", CONFIG];
    assert_eq!(folder.run(&both).stdout, by_flag);
}

#[test]
fn warnings_fail_only_on_request() {
    let folder = Folder::with(&[
        (
            "config.yaml",
            "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata: {name: test}\nspec: {environment: test, securityContext: {}}\n",
        ),
        (
            "pod.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: a}]}\n",
        ),
    ]);
    let with = |more: &[&str]| {
        folder.run(&[&["apply", "-f", "pod.yaml", "-c", "config.yaml"], more].concat())
    };
    let run = with(&[]);
    assert_eq!(run.code, Some(0));
    assert!(run.stderr.contains("warning[FIT-SEC004]"), "{}", run.stderr);
    assert_eq!(with(&["--fail-on", "warning"]).code, Some(1));
    let quiet = with(&["-q"]);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(0), ""));
}

#[test]
fn check_fails_until_the_function_has_run() {
    let folder = caracal();
    let check = ["check", "-f", "base", "-e", "production"];
    let run = folder.run(&check);
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""));
    let first = run.stdout.lines().next().unwrap();
    assert!(first.starts_with("error[FIT-RUN001]: "), "{first}");
    assert_eq!(folder.run(&IN_PLACE).code, Some(0));
    let run = folder.run(&check);
    let summary = "Check  4 workloads in 8 files for production: no drift from the config; 0 errors, 0 warnings, 7 \
                notes (-v shows them), 0 waived\nLedger  21 objects: 4 right already, 17 no workload; 1 file passed over (package)\n";
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), summary));
}

#[test]
fn check_lists_each_field_in_its_report() {
    let folder = caracal();
    let run = folder.run(&["check", "-f", BASE, "-e", "production", "-o", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let results = report["results"].as_array().unwrap();
    let unfitted: Vec<&Value> = results
        .iter()
        .filter(|result| result["rule"] == "FIT-RUN001")
        .collect();
    let plan = folder.run(&["plan", "-f", BASE, "-e", "production", "-o", "json"]);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    let changes = plan["results"].as_array().unwrap().iter();
    let mut planned: Vec<&Value> = changes
        .filter(|it| it["type"] == "change")
        .map(|it| &it["field"])
        .collect();
    let mut reported: Vec<&Value> = unfitted.iter().map(|it| &it["field"]).collect();
    planned.sort_by_key(|field| field.to_string());
    reported.sort_by_key(|field| field.to_string());
    assert_eq!(reported, planned);
    for result in unfitted {
        assert_eq!(result["severity"], "error");
        assert!(result["file"]["line"].is_u64() && result["help"].is_string());
    }
    assert_eq!(report["summary"]["added"], 0);
}

#[test]
fn config_and_caller_decide_what_fails_a_check() {
    let folder = caracal();
    let config = folder.read(CONFIG);
    folder.write(
        CONFIG,
        &config.replace("\nspec:\n", "\nspec:\n  checks: {failOn: Never}\n"),
    );
    let check = ["check", "-q", "-f", BASE, "-e", "production"];
    assert_eq!(folder.run(&check).code, Some(0));
    let asked = folder.run(&[&check[..], &["--fail-on", "error"]].concat());
    assert_eq!(asked.code, Some(1));
    folder.write(
        CONFIG,
        &config.replace(
            "\nspec:\n",
            "\nspec:\n  checks: {profile: privileged, severity: {FIT-RUN001: Warning}}\n",
        ),
    );
    assert_eq!(folder.run(&check).code, Some(0));
    let asked = folder.run(&[&check[..], &["--fail-on", "warning"]].concat());
    assert_eq!(asked.code, Some(1));
}

#[test]
fn an_unknown_rule_is_rejected() {
    let folder = caracal();
    let config = folder.read(CONFIG);
    folder.write(
        CONFIG,
        &config.replace("\nspec:\n", "\nspec:\n  checks: {disable: [FIT-RUN01]}\n"),
    );
    let run = folder.run(&["check", "-f", BASE, "-e", "production"]);
    assert_eq!(run.code, Some(2));
    for said in [
        "FIT-CFG003", "there is no rule `FIT-RUN01`", "did you mean `FIT-RUN001`?",
    ] {
        assert!(run.stderr.contains(said), "{said}: {}", run.stderr);
    }
}

#[test]
fn a_mistake_is_also_in_the_json_report() {
    let folder = caracal();
    let config = folder.read(CONFIG);
    folder.write(
        CONFIG,
        &config.replace("\nspec:\n", "\nspec:\n  resorces: {}\n"),
    );
    for command in ["plan", "check"] {
        let run = folder.run(&[command, "-f", BASE, "-e", "production", "-o", "json"]);
        assert_eq!(run.code, Some(2));
        assert!(run.stderr.contains("FIT-CFG001"), "{}", run.stderr);
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(report["summary"]["errors"], 1);
        let result = &report["results"][0];
        assert_eq!(result["rule"], "FIT-CFG001");
        assert_eq!(result["file"]["path"], CONFIG);
        let line = config.lines().position(|line| line == "spec:").unwrap() + 2;
        assert_eq!(result["file"]["line"], line);
    }
}

#[test]
fn a_report_overwrites_no_input() {
    let folder = caracal();
    let file = manifests(&folder).into_keys().next().unwrap();
    for (input, output) in [
        (file.as_str(), file.as_str()),
        ("base", &file),
        ("base", CONFIG),
    ] {
        let before = folder.read(output);
        let format = format!("json={output}");
        for command in ["plan", "apply", "check"] {
            let run = folder.run(&[command, "-f", input, "-e", "production", "-o", &format]);
            assert_eq!(run.code, Some(2), "{}", run.stderr);
            let said = format!("the report would overwrite {output}, which is an input");
            assert!(run.stderr.contains(&said), "{}", run.stderr);
            assert_eq!(folder.read(output), before);
        }
    }
    // A report between the manifests is replaced by the next one.
    let arguments = [
        "check", "-f", "base", "-e", "production", "-o", "json=base/report.json",
    ];
    assert_eq!(folder.run(&arguments).code, folder.run(&arguments).code);
    assert!(
        folder
            .read("base/report.json")
            .contains("report.fitout.dev")
    );
}

#[test]
fn an_exact_check_reports_each_line_that_differs_from_another_environment() {
    let folder = caracal();
    let render = |environment: &str| {
        let run = folder.run(&["apply", "-q", "-f", "base/caracal", "-e", environment]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run.stdout
    };
    let (development, production) = (render("development"), render("production"));
    folder.write("development.yaml", &development);
    folder.write("production.yaml", &production);
    let check = |file: &str, more: &[&str]| {
        let arguments = ["check", "-f", file, "-e", "production"];
        folder.run(&[&arguments[..], more].concat())
    };
    assert_eq!(check("development.yaml", &[]).code, Some(0));
    let same = check("production.yaml", &["--exact"]);
    assert_eq!(same.code, Some(0), "{}", same.stdout);
    assert!(same.stdout.contains("no drift from the config"));

    let run = check("development.yaml", &["--exact", "-v"]);
    assert_eq!(run.code, Some(1));
    let diff = TextDiff::from_lines(&development, &production);
    let lines = diff.iter_all_changes();
    let lines = lines.filter(|line| line.tag() == ChangeTag::Insert).count();
    assert!(lines > 20, "{lines}");
    let errors = run
        .stdout
        .lines()
        .take_while(|line| !line.starts_with("info["));
    let reported = errors.filter(|line| line.starts_with("  --> ")).count();
    assert_eq!(reported, lines, "{}", run.stdout);
    // They differ in five ways, and the report says each once, with help.
    let groups = run.stdout.matches("error[FIT-RUN003]").count();
    assert_eq!(groups, 5, "{}", run.stdout);
    let few = check("development.yaml", &["--exact"]).stdout;
    assert!(few.contains("  --> and 5 more, which -v shows\n"), "{few}");
    assert!(
        few.contains("  = help: check manifests that are built for this environment"),
        "{few}"
    );
    let totals = format!("for production: {lines} fields differ from the config; {lines} errors");
    assert!(run.stdout.contains(&totals), "{}", run.stdout);
}

#[test]
fn exemptions_in_effect_are_listed_with_who_granted_them() {
    let config = "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata: {name: test}\nspec:\n  environment: test\n  \
                  resources: {containers: {requests: {cpu: 100m}, limits: {cpu: 1}}}\n  exemptions:\n  - select: {name: web}\n    \
                  fields: [limits.cpu]\n    reason: it is measured without a limit\n    until: \"2999-12-31\"\n  - select: {name: web}\n    \
                  rules: [FIT-HPA001]\n    reason: it covers nothing at all\n";
    let pod = |name: &str, annotations: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, annotations: {{{annotations}}}}}\nspec: {{containers: [{{name: a, \
             image: a}}]}}\n---\n"
        )
    };
    let web = "fitout.dev/exempt: 'a:requests.cpu', fitout.dev/exempt-reason: it counts primes";
    let pods = pod("web", web) + &pod("job", "fitout.dev/skip: 'resources'");
    let folder = Folder::with(&[("config.yaml", config), ("pods.yaml", &pods)]);
    let expected = "\
Exempt  Pod web: limits.cpu until 2999-12-31, by spec.exemptions[0] in config.yaml:8: it is measured without a limit
Exempt  Pod web: a:requests.cpu, by its annotation fitout.dev/exempt: it counts primes
Exempt  Pod job: resources, by its annotation fitout.dev/skip
";
    for command in ["plan", "apply", "check"] {
        let run = folder.run(&[command, "-f", "pods.yaml", "-c", "config.yaml"]);
        let text = run.stdout + &run.stderr;
        assert!(text.contains(expected), "{command}\n{text}");
        assert_eq!(text.matches("Exempt  ").count(), 3, "{command}\n{text}");
    }
    let run = folder.run(&[
        "check", "-f", "pods.yaml", "-c", "config.yaml", "-o", "json",
    ]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let exemptions = report["exemptions"].as_array().unwrap();
    let granted: Vec<_> = exemptions
        .iter()
        .map(|it| {
            (
                &it["resourceRef"]["name"], &it["annotation"], &it["config"]["field"],
            )
        })
        .map(|(name, annotation, config)| [name, annotation, config].map(|it| it.as_str()))
        .collect();
    assert_eq!(
        granted,
        [
            [Some("web"), None, Some("spec.exemptions[0]")],
            [Some("web"), Some("fitout.dev/exempt"), None],
            [Some("job"), Some("fitout.dev/skip"), None],
        ]
    );
    assert_eq!(exemptions[0]["reason"], "it is measured without a limit");
    assert_eq!(exemptions[0]["until"], "2999-12-31");
    assert_eq!(exemptions[0]["waived"], 2);
}

#[test]
fn a_validator_lists_exemptions_in_effect() {
    let list = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: web\n    \
                annotations: {fitout.dev/exempt: requests.cpu, fitout.dev/exempt-reason: it counts primes}\n  spec: {containers: [{name: a, \
                image: a}]}\nfunctionConfig:\n  apiVersion: fitout.dev/v1alpha1\n  kind: Fitout\n  metadata: {name: test}\n  spec:\n    \
                environment: test\n    mode: Check\n    checks: {failOn: Never}\n    resources: {containers: {requests: {cpu: 100m}}}\n";
    let run = Folder::with(&[]).feed(&[], list.as_bytes());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let expected =
        "Exempt  Pod web: requests.cpu, by its annotation fitout.dev/exempt: it counts primes\n";
    assert!(run.stderr.contains(expected), "{}", run.stderr);
}
