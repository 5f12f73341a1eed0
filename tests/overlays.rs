//! What `-k` runs: kustomize, this program for fitout's image, and nothing else that its user did not ask for.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::hosts::bench::{find, skip};
use crate::program::{Folder, Run};

const CONFIG: &str = "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata:\n  name: production\n  annotations:\n    \
                      config.kubernetes.io/function: |\n      container: {image: IMAGE}\nspec:\n  environment: production\n  \
                      resources: {containers: {requests: {cpu: 100m}}}\n  checks: {profile: privileged}\n";
const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n  \
                          template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers: [{name: web, image: \"web:1\"}]\n";
/// A docker that tells that it ran, with what, and passes its input on.
const DOCKER: &str =
    "#!/bin/sh\necho \"$@\" >> ran\nenv | grep -E 'FITOUT_SHIM|TOKEN' >> ran\ncat\n";

fn ours() -> String {
    CONFIG.replace("IMAGE", fitout::IMAGE)
}

fn function(image: &str, more: &str) -> String {
    format!(
        "apiVersion: x/v1\nkind: Y\nmetadata:\n  name: y\n  annotations:\n    config.kubernetes.io/function: |\n      container: \
         {{image: \"{image}\"{more}}}\n"
    )
}

/// An overlay in `ov`, a docker in `bin`, and kustomize; `None` if the test is skipped.
fn overlay(files: &[(&str, &str)]) -> Option<(Folder, PathBuf)> {
    let Some(kustomize) = find("kustomize").or_else(|| find("kubectl")) else {
        skip("needs kustomize or kubectl");
        return None;
    };
    let folder = Folder::with(&[
        (
            "ov/kustomization.yaml",
            "resources: [web.yaml]\ntransformers: [fitout.yaml]\n",
        ),
        ("ov/web.yaml", DEPLOYMENT),
        ("ov/fitout.yaml", &ours()),
        ("bin/docker", DOCKER),
    ]);
    fs::set_permissions(
        folder.path().join("bin/docker"),
        fs::Permissions::from_mode(0o755),
    )
    .unwrap();
    for (name, text) in files {
        fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
        folder.write(name, text);
    }
    Some((folder, kustomize))
}

fn run(bench: &(Folder, PathBuf), arguments: &[&str]) -> Run {
    let (folder, kustomize) = bench;
    let bin = folder.path().join("bin");
    let hosts = kustomize.parent().unwrap();
    let path = format!("{}:{}:/usr/bin:/bin", bin.display(), hosts.display());
    let mut command = folder.command(arguments);
    command
        .env("PATH", path)
        .env("TOKEN", "secret")
        .env("RAN", folder.path().join("ran"));
    Run::of(command, b"")
}

#[test]
fn only_the_image_itself_is_ours() {
    let (name, _) = fitout::IMAGE.rsplit_once(':').unwrap();
    let digest = format!("{}@sha256:{}", fitout::IMAGE, "0".repeat(64));
    let Some(bench) = overlay(&[("ov/fitout.yaml", &CONFIG.replace("IMAGE", &digest))]) else {
        return;
    };
    assert!(
        run(&bench, &["apply", "-k", "ov"])
            .stdout
            .contains("cpu: 100m")
    );
    for image in [
        "evil.example.com/pwn:1".to_owned(),
        format!("evil.example.com/{}", fitout::IMAGE),
        format!("{}x", fitout::IMAGE),
        format!("{name}-evil:v0.1.0"),
        format!("--privileged {}", fitout::IMAGE),
        format!("-v=/:/host {}", fitout::IMAGE),
        format!("{name}:v0.0.1"),
        name.to_owned(),
    ] {
        // The image in a variable does not make the container ours either.
        let stranger = function(&image, &format!(", envs: [TOKEN, \"{}\"]", fitout::IMAGE));
        let two = "resources: [web.yaml]\ntransformers: [fitout.yaml, y.yaml]\n";
        let bench = overlay(&[("ov/y.yaml", &stranger), ("ov/kustomization.yaml", two)]).unwrap();
        for command in ["check", "plan", "apply"] {
            let run = run(&bench, &[command, "-k", "ov"]);
            let expected = [
                "FIT-INP011",
                &format!("the container image {image}, which is not allowed\n  = help: "),
            ];
            run.refused(&image, 2, &expected);
            assert!(
                !bench.0.path().join("ov/ran").exists() && !bench.0.path().join("ran").exists()
            );
        }
    }
}

#[test]
fn allowed_images_run_without_the_variables_of_the_build() {
    let two = "resources: [web.yaml]\ntransformers: [fitout.yaml, y.yaml]\n";
    for (image, allowed, runs) in [
        ("example.com:5000/fn:1", "example.com:5000/fn", true),
        ("example.com:5000/fn:1", "example.com:5000/fn:1", true),
        (
            "example.com:5000/fn:1@sha256:abc",
            "example.com:5000/fn:1",
            true,
        ),
        ("example.com:5000/fn:2", "example.com:5000/fn:1", false),
        ("example.com:5000/fn:1", "example.com", false),
        ("example.com:5000/fn:1", "example.com:5000/f", false),
        ("example.com:5000/fn-2", "example.com:5000/fn", false),
    ] {
        let log = "ran";
        let Some(bench) = overlay(&[
            ("ov/y.yaml", &function(image, "")),
            ("ov/kustomization.yaml", two),
        ]) else {
            return;
        };
        let docker = DOCKER.replace(log, bench.0.path().join(log).to_str().unwrap());
        bench.0.write("bin/docker", &docker);
        let apply = run(&bench, &["apply", "-k", "ov", "--allow-functions", allowed]);
        assert_eq!(
            apply.code,
            Some(if runs { 0 } else { 2 }),
            "{image} {}",
            apply.stderr
        );
        assert_eq!(bench.0.path().join(log).exists(), runs);
        if runs {
            let log = bench.0.read(log);
            assert!(log.contains(image) && !log.contains("FITOUT_SHIM"), "{log}");
        }
    }
}

#[test]
fn arguments_do_not_become_flags_and_exec_runs_only_on_request() {
    let script = "#!/bin/sh\ntouch \"$0.ran\"\ncat\n";
    let exec = "apiVersion: x/v1\nkind: X\nmetadata:\n  name: x\n  annotations:\n    config.kubernetes.io/function: |\n      exec: \
                {path: ./fn.sh}\n";
    let Some(bench) = overlay(&[
        (
            "ov/kustomization.yaml",
            "resources: [web.yaml]\ntransformers: [fitout.yaml, x.yaml]\n",
        ),
        ("ov/x.yaml", exec),
        ("ov/fn.sh", script),
        ("--enable-exec/x", ""),
    ]) else {
        return;
    };
    let folder = bench.0.path();
    fs::set_permissions(folder.join("ov/fn.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    // The working directory is an overlay too, which the flag would build.
    bench.0.write("kustomization.yaml", "resources: [ov]\n");
    let ran = || folder.join("ov/fn.sh.ran").exists();
    assert_eq!(run(&bench, &["apply", "-k=--enable-exec"]).code, Some(3));
    let skipped = run(&bench, &["check", "-k", "ov"]);
    skipped.refused(
        "exec",
        1,
        &["FIT-RUN001", "kustomize skipped the function in ov/x.yaml"],
    );
    assert!(!ran());
    if bench.1.ends_with("kubectl") {
        skip("needs kustomize: kubectl has no --enable-exec");
        return;
    }
    let asked = run(&bench, &["apply", "-k", "ov", "--", "--enable-exec"]);
    assert_eq!(asked.code, Some(0), "{}", asked.stderr);
    assert!(ran());
    run(&bench, &["check", "-k", "ov", "--", "--output=x"]).refused(
        "output",
        2,
        &["omit --output=x"],
    );
    run(
        &bench,
        &["check", "-f", "ov", "-e", "x", "--", "--enable-exec"],
    )
    .refused("no -k", 2, &["--filename"]);
}

#[test]
fn the_callers_config_overrules_that_of_the_overlay() {
    let weak = ours() + "  exclude: [{name: web}]\n";
    let trusted = ours();
    let Some(bench) = overlay(&[
        ("ov/fitout.yaml", &weak),
        ("fn-config/production/fitout.yaml", &trusted),
    ]) else {
        return;
    };
    assert_eq!(run(&bench, &["check", "-k", "ov"]).code, Some(0));
    let warning = "warning: the config of -e or -c is used, and the one that the overlay brings differs in spec.exclude";
    for config in [
        ["-e", "production"],
        ["-c", "fn-config/production/fitout.yaml"],
    ] {
        let with =
            |command: &'static str| run(&bench, &[&[command, "-k", "ov"][..], &config].concat());
        let check = with("check");
        assert_eq!(check.code, Some(1), "{}", check.stdout);
        assert!(check.stdout.contains("FIT-RUN001"));
        let plan = with("plan");
        assert!(plan.stdout.contains("1 added"), "{}", plan.stdout);
        let apply = with("apply");
        assert!(apply.stdout.contains("cpu: 100m"), "{}", apply.stderr);
        for run in [check, plan, apply] {
            assert_eq!(run.stderr.matches(warning).count(), 1, "{}", run.stderr);
        }
    }
    bench.0.write("ov/fitout.yaml", &trusted);
    let same = run(&bench, &["apply", "-k", "ov", "-e", "production"]);
    assert_eq!((same.code, &same.stderr[..]), (Some(0), ""));
    run(&bench, &["check", "-k", "ov", "-e", "none"]).refused(
        "environment",
        2,
        &["no environment `none`"],
    );
}

#[test]
fn check_knows_the_names_from_before_the_build() {
    let required = ours()
        + "  profiles:\n  - {name: web, required: true, select: {name: web}, resources: {containers: {requests: {cpu: 200m}}}}\n";
    let prefix = "namePrefix: prod-\nnameSuffix: -blue\nresources: [web.yaml]\ntransformers: [fitout.yaml]\n";
    let outer = "namePrefix: eu-\nresources: [../ov]\n";
    let Some(bench) = overlay(&[
        ("ov/fitout.yaml", &required),
        ("ov/kustomization.yaml", prefix),
        ("outer/kustomization.yaml", outer),
    ]) else {
        return;
    };
    for directory in ["ov", "outer"] {
        let apply = run(&bench, &["apply", "-k", directory]);
        assert!(apply.stdout.contains("cpu: 200m"), "{}", apply.stderr);
        let check = run(&bench, &["check", "-k", directory]);
        assert_eq!(
            check.code,
            Some(0),
            "{directory}: {}{}",
            check.stdout,
            check.stderr
        );
    }
}

/// A program that tells that it ran, with what.
const TELLS: &str = "#!/bin/sh\necho \"$0 $@\" >> \"$RAN\"\n";

#[test]
fn neither_helm_nor_programs_of_git_run_without_being_asked_for() {
    let chart = "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: x}\nname: x\nreleaseName: r\n";
    let with_chart =
        "resources: [web.yaml]\ngenerators: [chart.yaml]\ntransformers: [fitout.yaml]\n";
    let with_charts =
        "resources: [web.yaml]\nhelmCharts: [{name: x}]\ntransformers: [fitout.yaml]\n";
    let with_base = "resources: [web.yaml, \"file://REPOSITORY?ref=--upload-pack=EVIL\"]\ntransformers: [fitout.yaml]\n";
    for (kustomization, expected) in [
        (with_chart, "FIT-INP011]: the overlay runs helm"),
        (with_charts, "--enable-helm"),
        (
            with_base,
            "FIT-INP011]: the overlay passes an option to git",
        ),
    ] {
        let files = [
            ("ov/chart.yaml", chart),
            ("bin/helm", TELLS),
            ("evil.sh", TELLS),
        ];
        let Some(bench) = overlay(&files) else {
            return;
        };
        let folder = &bench.0;
        for program in ["bin/helm", "evil.sh"] {
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(folder.path().join(program), mode).unwrap();
        }
        let repository = folder.path().join("repository");
        fs::create_dir(&repository).unwrap();
        let in_repository = |arguments: &[&str]| {
            let mut git = std::process::Command::new("git");
            git.current_dir(&repository)
                .args(["-c", "user.name=a", "-c", "user.email=a@example.com"]);
            assert!(git.args(arguments).status().unwrap().success());
        };
        folder.write("repository/kustomization.yaml", "resources: []\n");
        in_repository(&["init", "-q"]);
        in_repository(&["add", "."]);
        in_repository(&["commit", "-qm", "a"]);
        let text = kustomization
            .replace("REPOSITORY", &repository.to_string_lossy())
            .replace("EVIL", &folder.path().join("evil.sh").to_string_lossy());
        folder.write("ov/kustomization.yaml", &text);
        for command in ["check", "plan", "apply"] {
            let run = run(&bench, &[command, "-k", "ov"]);
            run.refused(command, 3, &[expected]);
            assert!(!folder.path().join("ran").exists(), "{kustomization}");
        }
        if kustomization == with_chart {
            let run = run(&bench, &["check", "-k", "ov", "--", "--enable-helm"]);
            assert!(folder.path().join("ran").exists(), "{}", run.stderr);
            let ran = folder.read("ran");
            assert!(
                ran.starts_with(&*folder.path().join("bin/helm").to_string_lossy()),
                "{ran}"
            );
        }
    }
}

#[test]
fn remote_bases_are_still_fetched() {
    let Some(bench) = overlay(&[("repository/web.yaml", DEPLOYMENT)]) else {
        return;
    };
    let folder = &bench.0;
    folder.write("repository/kustomization.yaml", "resources: [web.yaml]\n");
    let repository = folder.path().join("repository");
    let script = "git init -q -b main && git add . && git -c user.name=a -c user.email=a@example.com commit -qm a";
    let mut git = std::process::Command::new("sh");
    let made = git.current_dir(&repository).args(["-c", script]).status();
    assert!(made.unwrap().success());
    let text = format!(
        "resources: [\"file://{}?ref=main\"]\ntransformers: [fitout.yaml]\n",
        repository.display()
    );
    folder.write("ov/kustomization.yaml", &text);
    let run = run(&bench, &["apply", "-k", "ov"]);
    assert!(run.stdout.contains("cpu: 100m"), "{}", run.stderr);
}

#[test]
fn a_temporary_folder_without_programs_runs_nothing() {
    let two = "resources: [web.yaml]\ntransformers: [fitout.yaml, y.yaml]\n";
    let stranger = function("evil.example.com/pwn:1", "");
    let Some(bench) = overlay(&[("ov/y.yaml", &stranger), ("ov/kustomization.yaml", two)]) else {
        return;
    };
    let folder = bench.0.path();
    let temporary = folder.join("temporary");
    fs::create_dir(&temporary).unwrap();
    // In a namespace of mounts, which ends with its program.
    let script = "mount -t tmpfs -o noexec none temporary && touch mounted && TMPDIR=$PWD/temporary \"$0\" check -k ov";
    let path = format!(
        "{}:{}:/usr/bin:/bin",
        folder.join("bin").display(),
        bench.1.parent().unwrap().display()
    );
    let mut command = std::process::Command::new("unshare");
    command.args(["-m", "sh", "-c", script, env!("CARGO_BIN_EXE_fitout")]);
    let output = command.current_dir(folder).env("PATH", path).output();
    if !folder.join("mounted").exists() {
        skip("only root can mount");
        return;
    }
    let output = output.unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(
        stderr.contains("cannot be run\n  = help: set TMPDIR"),
        "{stderr}"
    );
    assert!(!folder.join("ov/ran").exists() && !folder.join("ran").exists());
}

#[test]
fn environments_of_an_overlay_are_compared() {
    let several = ours().replace(
        "  environment: production\n",
        "  environment: production\n  environments:\n    staging: {resources: {containers: {requests: {cpu: 200m}}}}\n    production: {}\n",
    );
    let Some(bench) = overlay(&[("ov/fitout.yaml", &several)]) else {
        return;
    };
    let compared = run(&bench, &["compare", "-k", "ov", "--exit-code"]);
    assert_eq!(compared.code, Some(1), "{}", compared.stderr);
    for expected in [
        "resources.requests.cpu is 100m in production, below 200m in staging",
        "1 of 2 fields differ, in 1 object; 1 inversion",
    ] {
        assert!(
            compared.stdout.contains(expected),
            "{expected}: {}",
            compared.stdout
        );
    }
    let one = run(&bench, &["compare", "-k", "ov", "-e", "production"]);
    one.refused("one environment", 2, &["nothing to compare"]);
    // A validator after the function sees its changes, and does not count.
    let (folder, _) = &bench;
    folder.write(
        "ov/check.yaml",
        &several
            .replace("spec:", "spec:\n  mode: Check")
            .replace("name: production", "name: check"),
    );
    folder.write(
        "ov/kustomization.yaml",
        "resources: [web.yaml]\ntransformers: [fitout.yaml]\nvalidators: [check.yaml]\n",
    );
    let again = run(&bench, &["compare", "-k", "ov", "--exit-code"]);
    assert_eq!(again.stdout, compared.stdout, "{}", again.stderr);
    // Two functions for the objects of two bases.
    for (base, prefix) in [("a", "a-"), ("b", "b-")] {
        fs::create_dir_all(folder.path().join(base)).unwrap();
        for name in ["web.yaml", "fitout.yaml"] {
            folder.write(
                &format!("{base}/{name}"),
                &folder.read(&format!("ov/{name}")),
            );
        }
        folder.write(
            &format!("{base}/kustomization.yaml"),
            &format!("namePrefix: {prefix}\nresources: [web.yaml]\ntransformers: [fitout.yaml]\n"),
        );
    }
    folder.write("ov/kustomization.yaml", "resources: [../a, ../b]\n");
    let both = run(&bench, &["compare", "-k", "ov"]);
    assert!(
        both.stdout
            .contains("2 of 4 fields differ, in 2 objects; 2 inversions"),
        "{}{}",
        both.stdout,
        both.stderr
    );
}

/// `explain -k` explains what kustomize passes to the function, by the names that the build gives.
#[test]
fn fields_of_an_overlay_are_explained() {
    let kustomization = "namePrefix: dev-\nresources: [web.yaml]\ntransformers: [fitout.yaml]\n";
    let Some(bench) = overlay(&[("ov/kustomization.yaml", kustomization)]) else {
        return;
    };
    for name in ["deploy/dev-web", "deploy/web"] {
        let explained = run(&bench, &["explain", name, "requests.cpu", "-k", "ov"]);
        assert_eq!(explained.code, Some(0), "{name}: {}", explained.stderr);
        for expected in [
            "Deployment dev-web",
            "100m  set by resources; the manifest does not set it",
            "ov/fitout.yaml:",
            "decides",
        ] {
            assert!(
                explained.stdout.contains(expected),
                "{name}: {expected}: {}",
                explained.stdout
            );
        }
    }
    let json = run(
        &bench,
        &["explain", "deploy/dev-web", "-k", "ov", "-o", "json"],
    );
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["environment"], "production", "{json:#}");
    run(&bench, &["explain", "deploy/api", "-k", "ov"]).refused(
        "no object",
        2,
        &["there is no deploy/api"],
    );
}
