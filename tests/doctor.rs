//! `fitout doctor` with programs that the tests write, and with setups that have mistakes. The real programs are in
//! `tests/hosts/doctor.rs`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::fs;

use serde_json::Value;

use crate::program::{Folder, Run};

/// A config that kustomize runs as `function` says.
fn config(function: &str) -> String {
    format!(
        "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata:\n  name: a\n  annotations:\n    \
         config.kubernetes.io/local-config: 'true'\n    config.kubernetes.io/function: '{function}'\n\
         spec:\n  environment: a\n  resources:\n    containers: {{requests: {{cpu: 1, memory: 1Gi}}}}\n"
    )
}

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: 'a:1.0'}]}\n";
const OVERLAY: &str = "resources:\n- pod.yaml\ntransformers:\n- fitout.yaml\n";

/// Runs doctor in the folder, with only the programs in its folder `bin`.
fn doctor(folder: &Folder, arguments: &[&str]) -> Run {
    fs::create_dir_all(folder.path().join("bin")).unwrap();
    let arguments = ["doctor"]
        .iter()
        .chain(arguments)
        .copied()
        .collect::<Vec<_>>();
    let mut command = folder.command(&arguments);
    command.env("PATH", folder.path().join("bin"));
    Run::of(command, b"")
}

/// Adds a program that is a shell script.
fn add_program(folder: &Folder, name: &str, script: &str) {
    let script = format!("#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n");
    folder.program(&format!("bin/{name}"), &script);
}

/// The problems of a setup with this overlay, by doctor's report.
fn problems_of(files: &[(&str, &str)]) -> Vec<String> {
    let folder = Folder::with(files);
    let run = doctor(&folder, &["-o", "json"]);
    let report: Value =
        serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{e}: {run:?}"));
    let setup = report["setup"].as_array().unwrap().iter();
    let problems = setup.filter(|it| it["level"] == "problem").map(|it| {
        let text = |key: &str| it[key].as_str().unwrap_or_default().to_owned();
        format!(
            "{}:{} {} ({})",
            text("path"),
            it["line"],
            text("message"),
            text("help")
        )
    });
    let problems: Vec<String> = problems.collect();
    assert_eq!(report["problems"], problems.len(), "{}", run.stdout);
    assert_eq!(run.code, Some(i32::from(!problems.is_empty())), "{run:?}");
    problems
}

/// The problems of an overlay that lists a config.
fn problems_with(config: &str) -> Vec<String> {
    problems_of(&[
        ("pod.yaml", POD),
        ("kustomization.yaml", OVERLAY),
        ("fitout.yaml", config),
    ])
}

/// A Kptfile with a function.
fn kptfile(image: &str, config: Option<&str>) -> String {
    let config = config.map_or(String::new(), |it| format!("    configPath: {it}\n"));
    format!(
        "apiVersion: kpt.dev/v1\nkind: Kptfile\nmetadata: {{name: a}}\npipeline:\n  mutators:\n  - image: {image}\n{config}"
    )
}

#[test]
fn without_programs_nothing_is_a_problem() {
    let folder = Folder::with(&[("readme.txt", "")]);
    let run = doctor(&folder, &[]);
    assert_eq!(run.code, Some(0), "{run:?}");
    for name in ["kustomize", "kubectl", "kpt", "helm", "docker"] {
        assert!(
            run.stdout.contains(&format!("{name:<10} not installed\n")),
            "{}",
            run.stdout
        );
    }
    doctor(&folder, &["nowhere"]).refused("no folder", 3, &["nowhere is not a folder"]);
}

/// A kustomize that succeeds without the function where it should run is a problem; one that always skips `exec` is known.
#[test]
fn a_program_that_skips_fitout_where_it_should_run_it_is_a_problem() {
    let folder = Folder::with(&[]);
    let skips = "case $1 in version) echo v9.9.9 ;; *) for last; do :; done; cat \"$last/deployment.yaml\" ;; esac";
    add_program(&folder, "kustomize", skips);
    let run = doctor(&folder, &[]);
    assert_eq!(run.code, Some(1), "{run:?}");
    for line in [
        "kustomize  v9.9.9  ",
        "! SKIPS SILENTLY  kustomize build --enable-alpha-plugins --enable-exec OVERLAY  # exec\n                  exit code 0, and fitout did not run\n",
        "  SKIPS SILENTLY  kustomize build --enable-alpha-plugins OVERLAY  # exec\n",
        "  not tried       kustomize build --enable-alpha-plugins OVERLAY  # container\n                  docker is not on PATH\n",
        "! fails           fitout apply -k OVERLAY  # container\n",
    ] {
        assert!(
            run.stdout.contains(line),
            "{line} is not in\n{}",
            run.stdout
        );
    }
    let report = doctor(&folder, &["-o", "json"]);
    let report: Value = serde_json::from_str(&report.stdout).unwrap();
    assert_eq!(report["apiVersion"], "report.fitout.dev/v1");
    assert_eq!(report["kind"], "Doctor");
    let kustomize = &report["tools"][1];
    assert_eq!(kustomize["version"], "v9.9.9");
    let trials = kustomize["trials"].as_array().unwrap();
    let exec = trials
        .iter()
        .find(|it| it["command"].as_str().unwrap().contains("--enable-exec"));
    assert_eq!(exec.unwrap()["outcome"], "skipsSilently");
    assert_eq!(exec.unwrap()["expected"], "works");
}

/// Messages of other programs cannot forge lines.
#[test]
fn what_programs_say_is_escaped() {
    let folder = Folder::with(&[(
        "fn-config/\u{1b}[2J/fitout.yaml",
        "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nspec: {a: 1}\n",
    )]);
    add_program(
        &folder,
        "kustomize",
        "printf 'v1\\033[2J\\n'; printf '::error::x\\033]0;y\\007\\n' >&2; exit 1",
    );
    let run = doctor(&folder, &[]);
    assert_eq!(run.code, Some(1), "{run:?}");
    let is_shown = |c: char| c == '\n' || !c.is_control();
    assert!(run.stdout.chars().all(is_shown), "{}", run.stdout);
    assert!(
        !run.stdout
            .lines()
            .any(|line| line.trim_start().starts_with("::")),
        "{}",
        run.stdout
    );
}

#[test]
fn a_right_setup_has_no_problems() {
    let container = config("container: {image: ghcr.io/fitout/fitout:v0.1.0}");
    let digest = config(&format!(
        "container: {{image: mirror.example.com:5000/fitout@sha256:{}}}",
        "a".repeat(64)
    ));
    for config in [&container, &digest] {
        assert_eq!(problems_with(config), [""; 0]);
    }
    let folder = Folder::with_copy(&["base", "overlays", "fn-config", "examples/kpt"]);
    let run = doctor(&folder, &[]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.stdout.contains("Setup of .\n  nothing to report\n"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_silent_skip_and_a_program_that_cannot_run_are_found() {
    let exec = |path: &str| config(&format!("exec: {{path: {path}}}"));
    let (bare, relative) = (exec("fitout-missing"), exec("./run/fitout"));
    let overlay = (
        "web/kustomization.yaml",
        "resources: [pod.yaml]\ntransformers:\n- ../cfg\n",
    );
    let cfg = ("cfg/kustomization.yaml", "resources: [fitout.yaml]\n");
    let pod = ("web/pod.yaml", POD);
    let has = |files: &[(&str, &str)], expected: &str| {
        let found = problems_of(files);
        let mut found = found.iter();
        assert!(
            found.any(|it| it.contains(expected)),
            "{expected}: {found:#?}"
        );
    };
    let found = problems_of(&[overlay, cfg, pod, ("cfg/fitout.yaml", &bare)]);
    assert_eq!(found.len(), 2, "{found:#?}");
    let skip =
        "web/kustomization.yaml:3 cfg/fitout.yaml uses `exec`: kubectl always skips it silently";
    assert!(
        found
            .iter()
            .any(|it| it.starts_with(skip) && it.contains("--enable-exec web`")),
        "{found:#?}"
    );
    assert!(
        found
            .iter()
            .any(|it| it.contains("`fitout-missing` is not on PATH")),
        "{found:#?}"
    );
    // Relative paths begin at the kustomization that lists the config.
    let relative = ("cfg/fitout.yaml", &*relative);
    has(
        &[overlay, cfg, pod, relative, ("cfg/run/fitout", "")],
        "web/run/fitout does not exist",
    );
    has(
        &[overlay, cfg, pod, relative, ("web/run/fitout", "")],
        "web/run/fitout is not executable",
    );
    // The form can come from a patch on the way.
    let container = config("container: {image: ghcr.io/fitout/fitout:v0.1.0}");
    let patched = "resources: [fitout.yaml]\npatches:\n- target: {kind: Fitout}\n  patch: '[{\"op\": \"replace\", \"path\": \
                   \"/metadata/annotations/config.kubernetes.io~1function\", \"value\": \"exec: {path: /bin/sh}\"}]'\n";
    let patched = ("cfg/kustomization.yaml", patched);
    let found = problems_of(&[overlay, patched, pod, ("cfg/fitout.yaml", &container)]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with(skip), "{found:#?}");
}

#[test]
fn images_that_are_not_pinned_and_other_versions_are_found() {
    for (image, expected) in [
        ("ghcr.io/fitout/fitout", Some("is not pinned")),
        ("example.com/fitout:latest", Some("is not pinned")),
        ("registry.example.com:5000/fitout", Some("is not pinned")),
        (
            concat!("ghcr.io/fitout/fitout", ":v0.0.9"),
            Some("is another version"),
        ),
        ("registry.example.com:5000/fitout:v0.1.0", None),
        ("ghcr.io/fitout/fitout:v0.1.0", None),
    ] {
        let config = config(&format!("container: {{image: {image}}}"));
        let found = problems_with(&config);
        assert_eq!(
            found.len(),
            usize::from(expected.is_some()),
            "{image}: {found:#?}"
        );
        assert!(
            expected.is_none_or(|it| found[0].contains(it)),
            "{image}: {found:#?}"
        );
        let kptfile = kptfile(image, Some("fitout.yaml"));
        let found = problems_of(&[("Kptfile", &kptfile), ("fitout.yaml", &config)]);
        assert_eq!(
            found.len(),
            usize::from(expected.is_some()),
            "{image}: {found:#?}"
        );
    }
}

#[test]
fn mistakes_in_what_a_host_reads_are_found() {
    let right = config("container: {image: ghcr.io/fitout/fitout:v0.1.0}");
    for (config, expected) in [
        (
            right.replace("requests", "reqests"),
            "fitout.yaml:11 [FIT-CFG001] unknown field `reqests` (did you mean `requests`?",
        ),
        (
            right.replace(
                "config.kubernetes.io/function",
                "config.kubernetes.io/fnction",
            ),
            "kustomization.yaml:4 fitout.yaml does not say how kustomize runs it",
        ),
        (
            right.replace("container:", "contaner:"),
            "kustomization.yaml:4 fitout.yaml: kustomize cannot read the annotation",
        ),
        (
            right.replace("container: {image: ghcr.io/fitout/fitout:v0.1.0}", "{}"),
            "names neither a container nor an executable",
        ),
        (
            right.replace("  environment: a\n", "  environment: a\n  mode: Check\n"),
            "so the build is empty",
        ),
    ] {
        let found = problems_with(&config);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].contains(expected), "{expected}: {found:#?}");
    }
    // The same under `validators` is right.
    let check = right.replace("  environment: a\n", "  environment: a\n  mode: Check\n");
    let validators = OVERLAY.replace("transformers", "validators");
    assert_eq!(
        problems_of(&[
            ("pod.yaml", POD),
            ("kustomization.yaml", &validators),
            ("fitout.yaml", &check)
        ]),
        [""; 0]
    );
    // Inline text, and a Kptfile.
    let inline = format!(
        "resources: [pod.yaml]\ntransformers:\n- |-\n{}",
        config("exec: {path: /bin/sh}")
            .lines()
            .map(|line| format!("  {line}\n"))
            .collect::<String>()
    );
    let found = problems_of(&[("pod.yaml", POD), ("kustomization.yaml", &inline)]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("uses `exec`"), "{found:#?}");
    for (config, expected) in [
        (Some("gone.yaml"), "Kptfile:6 gone.yaml does not exist"),
        (None, "Kptfile:6 this function has no `configPath`"),
    ] {
        let kptfile = kptfile("ghcr.io/fitout/fitout:v0.1.0", config);
        let found = problems_of(&[("Kptfile", &kptfile)]);
        assert!(found[0].starts_with(expected), "{found:#?}");
    }
}

#[test]
fn overlays_and_charts_without_fitout_are_noted() {
    let config = config("container: {image: ghcr.io/fitout/fitout:v0.1.0}");
    let folder = Folder::with(&[
        ("base/pod.yaml", POD),
        ("base/kustomization.yaml", "resources: [pod.yaml]\n"),
        (
            "with/kustomization.yaml",
            "resources: [../base]\ntransformers: [../cfg]\n",
        ),
        ("around/kustomization.yaml", "resources: [../with]\n"),
        ("without/kustomization.yaml", "resources: [../base]\n"),
        ("cfg/kustomization.yaml", "resources: [fitout.yaml]\n"),
        ("cfg/fitout.yaml", &config),
        (
            "chart/Chart.yaml",
            "apiVersion: v2\nname: chart\nversion: 1.0.0\n",
        ),
        (
            "chart/charts/part/Chart.yaml",
            "apiVersion: v2\nname: part\nversion: 1.0.0\n",
        ),
        ("other/a.yaml", &config),
    ]);
    let run = doctor(&folder, &[]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let notes: Vec<&str> = run
        .stdout
        .lines()
        .filter(|it| it.contains("-->"))
        .map(str::trim)
        .collect();
    let expected = [
        "--> chart/Chart.yaml",
        "--> other/a.yaml",
        "--> without/kustomization.yaml",
    ];
    assert_eq!(notes, expected, "{}", run.stdout);
}
