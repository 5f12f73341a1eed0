//! A command that stops writes its reports, so that none of an earlier run is taken for its own.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use serde_json::Value;

use crate::program::Folder;

const CONFIG: &str = "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata: {name: all}\nspec:\n  environments: {production: {}, staging: {}}\n";
const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: \"web:1\"}]}\n";
const FORMATS: [&str; 7] = [
    "json", "yaml", "sarif", "junit", "github", "markdown", "html",
];

fn folder() -> Folder {
    let folder = Folder::with(&[
        ("fn-config/all/fitout.yaml", CONFIG),
        ("web.yaml", POD),
        ("broken.yaml", "a: [\n"),
        (
            "wrong.yaml",
            "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nspec: {enviroment: a}\n",
        ),
        ("overlays/a/kustomization.yaml", "resources: []\n"),
        ("empty/x", ""),
    ]);
    for format in FORMATS {
        folder.write(format, "of an earlier run");
    }
    folder
}

/// Arguments, the exit code, the rule in the reports, and a part of the message.
const FAILURES: [(&str, i32, &str, &str); 11] = [
    ("-f web.yaml", 2, "FIT-INP012", "no environment given"),
    (
        "-f web.yaml -e prod", 2, "FIT-INP012", "no environment `prod`",
    ),
    (
        "-f nowhere -e production", 3, "FIT-INP001", "nowhere does not exist",
    ),
    (
        "-f empty -e production", 3, "FIT-INP001", "no Kubernetes objects",
    ),
    ("-f broken.yaml -e production", 3, "FIT-INP001", ""),
    (
        "-f web.yaml -c nowhere.yaml", 2, "FIT-CFG001", "nowhere.yaml",
    ),
    ("-f web.yaml -c wrong.yaml", 2, "FIT-CFG001", "enviroment"),
    (
        "-f web.yaml -e production -l app=none",
        2,
        "FIT-INP012",
        "none of the 1 objects",
    ),
    (
        "-f web.yaml -e production --since nothing",
        2,
        "FIT-INP012",
        "needs git and a repository",
    ),
    ("-k nowhere -e production", 3, "FIT-INP001", "nowhere"),
    (
        "-k overlays -e production", 3, "FIT-INP012", "no kustomization in overlays",
    ),
];

#[test]
fn every_failure_is_in_every_report() {
    for command in ["plan", "check", "apply"] {
        for (arguments, code, rule, message) in FAILURES {
            let is_of_build = arguments.starts_with("-k");
            if command == "apply" && is_of_build {
                continue;
            }
            let what = format!("{command} {arguments}");
            let folder = folder();
            let outputs = FORMATS.map(|it| format!("{it}={it}"));
            let mut all = vec![command];
            all.extend(arguments.split(' '));
            outputs.iter().for_each(|it| all.extend(["-o", it]));
            let run = folder.run(&all);
            run.refused(&what, code, &["error"]);
            for format in FORMATS {
                let text = folder.read(format);
                assert!(
                    !text.contains("earlier run"),
                    "{what}: -o {format} is not written"
                );
                let is_there =
                    text.contains(message) || text.contains(&message.replace('`', "&#96;"));
                assert!(is_there || format == "html", "{what}: {format}\n{text}");
            }
            let report: Value = serde_json::from_str(&folder.read("json")).unwrap();
            let result = &report["results"][0];
            let rules = result["rule"]
                .as_str()
                .or(result["entries"][0]["rule"].as_str());
            assert!(
                rules == Some(rule) || rule != "FIT-INP012" && folder.read("json").contains(rule),
                "{what}: {report:#}"
            );
            let sarif: Value = serde_json::from_str(&folder.read("sarif")).unwrap();
            assert_eq!(
                sarif["runs"][0]["invocations"][0]["executionSuccessful"], false,
                "{what}"
            );
            assert!(folder.read("junit").contains("failures=\"1\""), "{what}");
            assert!(folder.read("github").starts_with("::error "), "{what}");
        }
    }
}

#[test]
fn a_comparison_that_stops_is_in_its_reports() {
    let folder = folder();
    let reports = [
        "-o", "json=json", "-o", "markdown=markdown", "-o", "html=html",
    ];
    let run = folder.run(&[&["compare", "-f", "nowhere"], &reports[..]].concat());
    run.refused("no manifests", 3, &["nowhere does not exist"]);
    assert!(folder.read("json").contains("nowhere does not exist"));
    assert!(
        folder
            .read("markdown")
            .starts_with("<!-- fitout compare -->\n")
    );
    assert!(folder.read("html").contains("nowhere does not exist"));
}

/// What cannot be written is said, next to what failed.
#[test]
fn a_report_that_cannot_be_written_does_not_hide_the_failure() {
    let folder = folder();
    let run = folder.run(&[
        "plan", "-f", "nowhere", "-e", "production", "-o", "json=none/json",
    ]);
    run.refused(
        "no folder",
        3,
        &["nowhere does not exist", "cannot write none/json"],
    );
}

#[test]
fn the_first_command_of_a_newcomer_says_what_it_needs() {
    let run = folder().run(&["plan"]);
    run.refused(
        "no arguments",
        2,
        &["--filename", "`fitout init` suggests both"],
    );
    let run = folder().run(&["check", "overlays"]);
    run.refused(
        "a folder without -f",
        2,
        &[
            "'overlays'",
            "help: it exists; name files and folders with `-f`",
        ],
    );
    let run = folder().run(&["overlays"]);
    run.refused(
        "no command",
        2,
        &["'overlays'", "help: it exists; name a command"],
    );
    let run = folder().run(&["plan", "-k", "overlays", "-e", "production"]);
    run.refused(
        "no overlay",
        3,
        &["-k takes the folder of one overlay, such as overlays/a"],
    );
}
