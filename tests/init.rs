//! `fitout init` on repositories of several kinds: what it writes is accepted, runs, and replaces nothing.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::fs;
use std::path::Path;

use crate::program::{Folder, Run};

const CONFIG: &str = "fn-config/all/fitout.yaml";

fn deployment(name: &str, image: &str, more: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  labels: {{app: {name}{more}}}\nspec:\n  selector: {{matchLabels: {{app: {name}}}}}\n  \
         template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec:\n      containers:\n      - {{name: main, image: \"{image}\", ports: [{{containerPort: 80}}]}}\n"
    )
}

fn component(name: &str) -> String {
    format!(", app.kubernetes.io/component: {name}")
}

/// Every file of a folder, with its text.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut open = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap().path();
            match entry.is_dir() {
                true => open.push(entry),
                false => {
                    let name = entry
                        .strip_prefix(folder)
                        .unwrap()
                        .to_string_lossy()
                        .into_owned();
                    files.push((name, fs::read_to_string(&entry).unwrap_or_default()));
                }
            }
        }
    }
    files.sort();
    files
}

fn ok(folder: &Folder, arguments: &[&str]) -> Run {
    let run = folder.run(arguments);
    assert_eq!(
        run.code,
        Some(0),
        "{arguments:?}\n{}{}",
        run.stdout,
        run.stderr
    );
    run
}

/// The first plan and check of each environment run as they should.
fn first_runs(folder: &Folder, path: &str, environments: &[&str]) {
    for environment in environments {
        let plan = ok(folder, &["plan", "-f", path, "-e", environment]);
        assert!(plan.stdout.contains(" added"), "{}", plan.stdout);
        let applied = ok(folder, &["apply", "-q", "-f", path, "-e", environment]);
        folder.write("rendered.yaml", &applied.stdout);
        let check = ok(folder, &["check", "-f", "rendered.yaml", "-e", environment]);
        assert!(
            check.stdout.contains("no drift from the config"),
            "{}",
            check.stdout
        );
        fs::remove_file(folder.path().join("rendered.yaml")).unwrap();
    }
}

fn plain() -> Folder {
    Folder::with(&[
        (
            "k8s/web.yaml",
            &deployment("web", "acme/web:1", &component("frontend")),
        ),
        (
            "k8s/db.yaml",
            &deployment("db", "postgres:17", &component("database")),
        ),
        (
            "k8s/queue.yaml",
            &deployment("queue", "acme/orders-rabbitmq", ""),
        ),
        (
            "examples/broken.yaml",
            "apiVersion: v1\nkind: Pod\na: 1\na: 2\n",
        ),
        (
            "web/Dockerfile",
            "FROM node AS build\nUSER root\nFROM alpine\nUSER 1234\n",
        ),
        (
            ".github/workflows/ci.yml",
            "jobs: {a: {steps: [{uses: actions/checkout@v7}]}}\n",
        ),
    ])
}

#[test]
fn plain_manifests_get_a_config_a_job_and_a_hook() {
    let folder = plain();
    let before = files(folder.path());
    let dry = ok(&folder, &["init", "--dry-run"]);
    assert!(dry.stdout.contains("Would write\n"), "{}", dry.stdout);
    assert_eq!(files(folder.path()), before);
    let run = ok(&folder, &["init"]);
    for expected in [
        "3 workloads in 3 files, GitHub Actions",
        "left out: examples (1 file)",
        "Deployment db     postgres:17  database  component database",
        "fn-config/all/fitout.yaml",
        "fitout plan -f k8s -e production",
    ] {
        assert!(run.stdout.contains(expected), "{expected}\n{}", run.stdout);
    }
    let config = folder.read(CONFIG);
    for expected in [
        "  - name: databases # acme/orders-rabbitmq, postgres\n    select: {kind: Deployment, name: db|queue}\n",
        "  - name: frontend # web\n    select: {labelSelector: app.kubernetes.io/component=frontend}\n",
        "  # - {image: acme/web, runAsUser: 1234, writablePaths: […], pathsAreComplete: true} # Deployment web; web/Dockerfile has USER 1234\n",
        "    development:\n      resources:\n",
        "    production: {}\n",
    ] {
        assert!(config.contains(expected), "{expected}\n{config}");
    }
    let job = folder.read(".github/workflows/fitout.yaml");
    assert!(job.contains("uses: actions/checkout@v7\n"), "{job}");
    assert!(
        job.contains("environment: [development, staging, production]"),
        "{job}"
    );
    assert!(
        folder
            .read(".pre-commit-config.yaml")
            .contains("fitout plan -q -f k8s -e $e")
    );
    first_runs(&folder, "k8s", &["development", "staging", "production"]);
}

#[test]
fn a_second_run_writes_nothing_and_adds_nothing() {
    let folder = plain();
    ok(&folder, &["init"]);
    let before = files(folder.path());
    let run = ok(&folder, &["init"]);
    assert_eq!(files(folder.path()), before);
    assert!(
        run.stdout.contains("exists and stays as it is"),
        "{}",
        run.stdout
    );
    assert!(!run.stdout.contains("Add, because"), "{}", run.stdout);
}

#[test]
fn what_exists_stays_and_the_lines_to_add_are_shown() {
    let folder = plain();
    folder.write(".pre-commit-config.yaml", "repos: []\n");
    fs::create_dir_all(folder.path().join("fn-config")).unwrap();
    let own = "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata: {name: all}\nspec:\n  profiles:\n  - {name: databases, select: {}}\n  environments: {production: {}}\n";
    folder.write("fn-config/fitout.yaml", own);
    let run = ok(&folder, &["init"]);
    assert_eq!(folder.read("fn-config/fitout.yaml"), own);
    assert_eq!(folder.read(".pre-commit-config.yaml"), "repos: []\n");
    assert!(!folder.path().join(CONFIG).exists());
    for expected in [
        "  fn-config/fitout.yaml\n      spec:\n        profiles:\n        - name: frontend",
        "          staging: {}\n",
        "  .pre-commit-config.yaml\n      - repo: local\n",
    ] {
        assert!(run.stdout.contains(expected), "{expected}\n{}", run.stdout);
    }
    assert!(
        !run.stdout.contains("      - name: databases"),
        "{}",
        run.stdout
    );
}

fn kustomization(resources: &str) -> String {
    format!("resources:\n- {resources}\n")
}

#[test]
fn overlays_name_the_environments() {
    let folder = Folder::with(&[
        ("base/kustomization.yaml", &kustomization("web.yaml")),
        ("base/web.yaml", &deployment("web", "acme/web:1", "")),
        (
            "overlays/dev/kustomization.yaml",
            &kustomization("../../base"),
        ),
        (
            "overlays/prod-eu/kustomization.yaml",
            &kustomization("../../base"),
        ),
        (
            "overlays/prod-us/kustomization.yaml",
            &(kustomization("../../base") + "transformers: [labels.yaml]\n"),
        ),
        (".gitlab-ci.yml", "stages: [test]\n"),
    ]);
    let before = files(folder.path());
    let run = ok(&folder, &["init"]);
    for expected in [
        "3 overlays, GitLab CI",
        "environments dev, prod;",
        "  overlays/dev\n      transformers:\n      - ../../fn-config/dev\n",
        "  overlays/prod-eu\n      transformers:\n      - ../../fn-config/prod\n",
        "  overlays/prod-us\n      - ../../fn-config/prod   # one more item under `transformers`\n",
        "  .gitlab-ci.yml\n      include:\n      - local: .gitlab/fitout.yml\n",
    ] {
        assert!(run.stdout.contains(expected), "{expected}\n{}", run.stdout);
    }
    let after = files(folder.path());
    assert!(before.iter().all(|it| after.contains(it)));
    assert!(
        folder
            .read("fn-config/prod/kustomization.yaml")
            .contains("\"value\": \"prod\"")
    );
    assert!(
        folder
            .read(".gitlab/fitout.yml")
            .contains("ENVIRONMENT: [dev, prod]")
    );
    first_runs(&folder, "base", &["dev", "prod"]);
}

#[test]
fn a_kustomization_without_environments_gets_overlays() {
    let folder = Folder::with(&[
        ("deploy/kustomization.yaml", &kustomization("web.yaml")),
        ("deploy/web.yaml", &deployment("web", "acme/web:1", "")),
    ]);
    let run = ok(
        &folder,
        &[
            "init", "-e", "qa,live", "--ci", "none", "--skip", "pre-commit",
        ],
    );
    assert!(run.stdout.contains("no CI"), "{}", run.stdout);
    let overlay = folder.read("overlays/live/kustomization.yaml");
    assert!(
        overlay.contains("- ../../deploy\ntransformers:\n- ../../fn-config/live\n"),
        "{overlay}"
    );
    let names: Vec<String> = files(folder.path()).into_iter().map(|it| it.0).collect();
    assert!(!names.iter().any(|it| it.starts_with('.')), "{names:?}");
    first_runs(&folder, "deploy", &["qa", "live"]);
}

#[test]
fn a_chart_shows_its_images_and_its_values_name_environments() {
    let folder = Folder::with(&[
        (
            "charts/web/Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 1.0.0\nappVersion: \"3.1\"\n",
        ),
        (
            "charts/web/values.yaml",
            "image: {repository: acme/web}\nredis: {image: {registry: docker.io, repository: redis, tag: 7}}\n",
        ),
        ("charts/web/values-staging.yaml", "replicas: 1\n"),
        ("charts/web/values-prod.yaml", "replicas: 3\n"),
        (
            "charts/web/templates/web.yaml",
            "{{ if .Values.a }}\nimage: {{ .Values.image }}\n  - image: \"busybox:1\"\n{{ end }}\n",
        ),
        (".github/x", ""),
    ]);
    let run = ok(&folder, &["init"]);
    for expected in [
        "chart web  charts/web  3 images",
        "environments staging, prod;",
        "helm template web charts/web -f charts/web/values-prod.yaml | fitout plan -f - -e prod",
    ] {
        assert!(run.stdout.contains(expected), "{expected}\n{}", run.stdout);
    }
    let config = folder.read(CONFIG);
    assert!(
        config.contains("# - {image: acme/web, runAsUser: …"),
        "{config}"
    );
    let job = folder.read(".github/workflows/fitout.yaml");
    assert!(
        job.contains("prod) values='-f charts/web/values-prod.yaml' ;;"),
        "{job}"
    );
    // Rendered output is read in place of the chart.
    let rendered = deployment("web", "acme/web:3.1", "");
    let run = folder.feed(&["init", "-f", "-", "--dry-run"], rendered.as_bytes());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(
        run.stdout.contains("Deployment web  acme/web:3.1"),
        "{}",
        run.stdout
    );
}

/// What a stranger has named is written nowhere that gives it a meaning.
#[test]
fn names_cannot_say_anything_to_a_shell_a_workflow_or_a_config() {
    let hostile = deployment("\"a\\nspec: {mode: Off}\"", "x:1\\n${{ secrets.T }}", "");
    let folder = Folder::with(&[
        (
            "k8s/web.yaml",
            &deployment(
                "web",
                "acme/web:1",
                ", app.kubernetes.io/component: \"a\\n  mode: Off\"",
            ),
        ),
        ("k8s/odd.yaml", &deployment("odd", "$(touch pwned):1", "")),
        (
            "$(touch pwned)/kustomization.yaml",
            &kustomization("a.yaml"),
        ),
        ("$(touch pwned)/a.yaml", &deployment("b", "b:1", "")),
        (
            "overlays/prod`id`/kustomization.yaml",
            &kustomization("../../k8s"),
        ),
        ("k8s/kustomization.yaml", &kustomization("web.yaml")),
        ("-rf/a.yaml", &deployment("c", "c:1", "")),
        (
            ".github/workflows/a.yml",
            "uses: actions/checkout@v4 && echo\n",
        ),
        ("k8s/hostile.yaml", &hostile),
    ]);
    let run = ok(&folder, &["init"]);
    for (name, text) in files(folder.path()) {
        let is_written = name.starts_with("fn-config")
            || name.ends_with("fitout.yaml")
            || name == ".pre-commit-config.yaml";
        if is_written {
            for bad in ["touch", "`id`", "secrets", "mode: Off", "-rf/", "&& echo"] {
                assert!(!text.contains(bad), "{name} has {bad}\n{text}");
            }
        }
    }
    assert!(
        run.stdout
            .lines()
            .all(|line| !line.trim_start().starts_with("spec: {mode")),
        "{}",
        run.stdout
    );
}

#[cfg(unix)]
#[test]
fn a_link_does_not_lead_out_of_the_project() {
    let folder = Folder::with(&[
        ("p/k8s/web.yaml", &deployment("web", "acme/web:1", "")),
        ("out/x", ""),
    ]);
    std::os::unix::fs::symlink("../out", folder.path().join("p/fn-config")).unwrap();
    let run = folder.run(&["init", "p"]);
    assert_eq!(run.code, Some(4), "{}", run.stderr);
    assert!(run.stderr.contains("is a link"), "{}", run.stderr);
    assert_eq!(files(&folder.path().join("out")).len(), 1);
}

#[test]
fn nothing_to_deploy_is_an_error_with_help() {
    let folder = Folder::with(&[("examples/a.yaml", "a: 1\n"), ("readme.yaml", "- 1\n")]);
    folder
        .run(&["init"])
        .refused("no workloads", 2, &["nothing to deploy", "helm template"]);
    folder
        .run(&["init", "nowhere"])
        .refused("no folder", 2, &["nowhere is not a directory"]);
    let folder = plain();
    folder.run(&["init", "-e", "a b"]).refused(
        "a name with a blank",
        2,
        &["cannot be the name of an environment"],
    );
    assert!(!folder.path().join("fn-config").exists());
}

/// A file that cannot be read is left out with its reason, and the others are used.
#[test]
fn an_unreadable_file_is_named_and_left_out() {
    let folder = plain();
    folder.write(
        "k8s/bad.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a, name: b}\n",
    );
    let run = ok(&folder, &["init", "--dry-run"]);
    assert!(
        run.stdout
            .contains("left out: k8s/bad.yaml:3: duplicate key `name`"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("3 workloads"), "{}", run.stdout);
}

/// Below the root of a repository, the job is written where the CI finds it.
#[test]
fn a_project_in_a_repository_has_its_job_at_the_root() {
    let folder = Folder::with(&[
        (
            ".git/config",
            "[remote \"origin\"]\n\turl = git@gitlab.example.com:a/b.git\n",
        ),
        (
            "services/shop/k8s/web.yaml",
            &deployment("web", "acme/web:1", ""),
        ),
    ]);
    let run = ok(&folder, &["init", "services/shop"]);
    assert!(
        run.stdout.contains("  cd services/shop\n"),
        "{}",
        run.stdout
    );
    assert!(folder.path().join("services/shop").join(CONFIG).exists());
    let job = folder.read(".gitlab/fitout.yml");
    assert!(
        job.contains("  - cd services/shop\n") && job.contains("-w /src/services/shop "),
        "{job}"
    );
    assert!(
        folder
            .read(".gitlab-ci.yml")
            .contains("local: .gitlab/fitout.yml")
    );
}
