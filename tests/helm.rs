//! The post-renderer without Helm: what it reads, prints and reports. `tests/hosts/helm.rs` runs it in Helm.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::process::Command;

use crate::program::{Folder, Run};

const CONFIG: &str = "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata: {name: a}\nspec:\n  environment: a\n  \
                      resources:\n    containers: {requests: {cpu: 1m, memory: 1Mi}}\n";

fn pod(name: &str, rest: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\n{rest}spec:\n  containers:\n  - name: a\n    image: example.com/a:1.0\n"
    )
}

fn folder() -> Folder {
    Folder::with(&[("fn-config/a/fitout.yaml", CONFIG)])
}

/// The lines of the first columns of a plan that name a file.
fn places(plan: &str) -> Vec<&str> {
    let headings = plan.lines().filter(|line| line.starts_with("Pod "));
    headings
        .filter_map(|line| line.split_whitespace().last())
        .collect()
}

#[test]
fn places_in_streams_are_templates_where_helm_says_so() {
    let annotated =
        "  annotations:\n    postrenderer.helm.sh/postrender-filename: 'web/templates/a.yaml'\n";
    for (head, rest, expected) in [
        (
            "# Source: web/templates/a.yaml\n",
            "",
            "web/templates/a.yaml",
        ),
        (
            "# Source: web/charts/db/templates/x/a.yaml\n# Licence\n",
            "",
            "web/charts/db/templates/x/a.yaml",
        ),
        ("# Source: web/crds/a.yaml\n", "", "web/crds/a.yaml"),
        ("", annotated, "web/templates/a.yaml"),
        // The comment of an author.
        ("# Licence\n# Source: web/templates/a.yaml\n", "", "stdin"),
        (
            "# Source: https://example.com/templates/a.yaml\n",
            "",
            "stdin",
        ),
        ("# Source: ../templates/a.yaml\n", "", "stdin"),
        ("# Source: /templates/a.yaml\n", "", "stdin"),
        ("# Source: the handbook\n", "", "stdin"),
        ("", "", "stdin"),
    ] {
        for first in [
            String::new(),
            format!(
                "---\n{}",
                "# Source: web/templates/first.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n"
            ),
        ] {
            let stream = format!("{first}---\n{head}{}", pod("a", rest));
            let plan = folder().feed(&["plan", "-f", "-", "-e", "a"], stream.as_bytes());
            assert_eq!(
                places(&plan.stdout),
                [expected],
                "{stream}\n{}{}",
                plan.stdout,
                plan.stderr
            );
            // Everything else stays.
            let apply = folder().feed(&["apply", "-f", "-", "-e", "a"], stream.as_bytes());
            let unchanged = apply
                .stdout
                .lines()
                .filter(|line| stream.lines().any(|it| it == *line));
            assert_eq!(
                unchanged.count(),
                stream.lines().count(),
                "{}",
                apply.stdout
            );
        }
    }
    // A file has lines of its own.
    let folder = folder();
    folder.write(
        "rendered.yaml",
        &format!("---\n# Source: web/templates/a.yaml\n{}", pod("a", "")),
    );
    let plan = folder.run(&["plan", "-f", "rendered.yaml", "-e", "a"]);
    assert_eq!(places(&plan.stdout), ["rendered.yaml"], "{}", plan.stdout);
}

#[test]
fn a_template_cannot_forge_lines() {
    let name =
        "  annotations:\n    postrenderer.helm.sh/postrender-filename: \"a\\n::error::x\\e[2J\"\n";
    let stream = pod("a", name);
    for arguments in [
        ["plan", "-f", "-", "-e", "a"],
        ["check", "-f", "-", "-e", "a"],
    ] {
        let run = folder().feed(&arguments, stream.as_bytes());
        let text = run.stdout + &run.stderr;
        assert!(
            !text.contains('\u{1b}') && !text.lines().any(|line| line.starts_with("::")),
            "{text}"
        );
    }
}

#[test]
fn the_post_renderer_prints_what_apply_prints() {
    let stream = format!("---\n# Source: web/templates/a.yaml\n{}", pod("a", ""));
    let run = folder().feed(&["helm-plugin", "run", "-e", "a"], stream.as_bytes());
    let apply = folder().feed(&["apply", "-f", "-", "-e", "a"], stream.as_bytes());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!((run.stdout, run.stderr), (apply.stdout, apply.stderr));
    // Helm takes empty output for a failure.
    let empty = folder().feed(&["helm-plugin", "run", "-e", "a"], b"");
    assert_eq!(
        (empty.code, empty.stdout.as_str()),
        (Some(0), "---\n"),
        "{}",
        empty.stderr
    );
    let refused = folder().feed(&["helm-plugin", "run"], stream.as_bytes());
    refused.refused(
        "no environment",
        2,
        &["no environment given", "--post-renderer-args=-eNAME"],
    );
}

/// The report has what standard error has, whatever stops the run.
#[test]
fn a_report_has_the_reasons() {
    for (arguments, stdin, code, expected) in [
        (&["-e", "b"][..], pod("a", ""), 2, "no environment `b`"),
        (
            &["-e", "a", "--verbos"],
            pod("a", ""),
            2,
            "unexpected argument '--verbos'",
        ),
        (&["-e", "a"], "a: [".to_owned(), 3, "FIT-INP"),
        (
            &["-e", "a"],
            pod("a", "").replace("v1\n", "v1\n---\n"),
            3,
            "FIT-INP007",
        ),
    ] {
        let folder = folder();
        let all: Vec<&str> = ["helm-plugin", "run"]
            .iter()
            .chain(arguments)
            .copied()
            .collect();
        let mut command = folder.command(&all);
        command
            .env("FITOUT_REPORT", "report.txt")
            .env_remove("HELM_PLUGIN_NAME");
        let run = Run::of(command, stdin.as_bytes());
        let stderr = run.stderr;
        assert_eq!(run.code, Some(code), "{stderr}");
        assert!(run.stdout.is_empty());
        let report = folder.read("report.txt");
        let (head, reasons) = report.split_once('\n').unwrap();
        assert!(
            head.starts_with("fitout 0.1.0, 20") && head.ends_with(&all.join(" ")),
            "{head}"
        );
        assert!(head.contains(&format!("exit code {code}")), "{head}");
        assert!(
            reasons.contains(expected),
            "{expected} is not in\n{reasons}"
        );
        assert_eq!(
            stderr,
            format!("{reasons}fitout: this is also in report.txt\n")
        );
    }
}

#[test]
fn the_plugin_names_a_program_that_helm_can_run() {
    let printed = folder().run(&["helm-plugin", "print"]);
    assert_eq!(printed.code, Some(0));
    let plugin: serde_json::Value = serde_yaml::from_str(&printed.stdout).unwrap();
    assert_eq!(plugin["type"], "postrenderer/v1");
    assert_eq!(plugin["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        plugin["runtimeConfig"]["platformCommand"][0]["command"],
        "fitout"
    );
    // Helm splits a command at blanks, so a path with one cannot be written.
    let folder = folder();
    let program = folder.path().join("a folder/fitout");
    std::fs::create_dir(program.parent().unwrap()).unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_fitout"), &program).unwrap();
    let run = |path: &std::path::Path| {
        let mut command = Command::new(&program);
        command
            .args(["helm-plugin", "install", "--plugins"])
            .arg(folder.path().join("plugins"));
        command.env("PATH", path).output().unwrap()
    };
    let refused = run(folder.path());
    assert_eq!(refused.status.code(), Some(2));
    let stderr = String::from_utf8(refused.stderr).unwrap();
    assert!(
        stderr.contains("put fitout into a folder of PATH"),
        "{stderr}"
    );
    assert!(run(program.parent().unwrap()).status.success());
    assert!(
        folder
            .read("plugins/fitout/plugin.yaml")
            .contains("- command: fitout\n")
    );
}

/// The output of `helm template` is about templates, and reports name their files in the repository.
#[test]
fn reports_name_the_templates_of_the_chart() {
    let folder = Folder::with(&[
        (".git/config", ""),
        (
            "deploy/charts/shop/Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        ),
        (
            "fn-config/all/fitout.yaml",
            "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata: {name: all}\nspec:\n  environments: {production: {}, staging: {}}\n  resources: {containers: {requests: {cpu: 100m}}}\n  securityContext: {profile: restricted}\n",
        ),
    ]);
    let pod = |name: &str, template: &str| {
        format!(
            "---\n# Source: {template}\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{containers: [{{name: web, image: \"web:1\"}}]}}\n"
        )
    };
    let stream =
        pod("web", "web/templates/pod.yaml") + &pod("db", "web/charts/db/templates/db.yaml");
    let outputs = ["sarif", "github", "junit", "markdown"].map(|it| format!("-o{it}={it}"));
    let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
    for (command, environments) in [
        ("check", &["-eproduction"][..]),
        ("plan", &["-estaging", "-eproduction"]),
    ] {
        let run = folder.feed(
            &[&[command, "-f", "-"], environments, &outputs].concat(),
            stream.as_bytes(),
        );
        assert!(run.code.is_some_and(|it| it <= 1), "{}", run.stderr);
        let sarif: serde_json::Value = serde_json::from_str(&folder.read("sarif")).unwrap();
        let results = sarif["runs"][0]["results"].as_array().unwrap();
        let uris = results.iter().map(|it| {
            it["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
                .as_str()
                .unwrap()
        });
        let uris: std::collections::BTreeSet<&str> = uris.collect();
        let expected = [
            "deploy/charts/shop/charts/db/templates/db.yaml",
            "deploy/charts/shop/templates/pod.yaml",
        ];
        assert_eq!(uris, expected.into(), "{command}");
        for expected in expected {
            assert!(
                folder
                    .read("github")
                    .contains(&format!("file={expected},title=")),
                "{command}\n{}",
                folder.read("github")
            );
            assert!(
                folder
                    .read("junit")
                    .contains(&format!("file=\"{expected}\"")),
                "{command}\n{}",
                folder.read("junit")
            );
        }
        assert!(
            !folder.read("markdown").contains("`stdin`"),
            "{}",
            folder.read("markdown")
        );
    }
    let markdown = folder.read("markdown");
    assert!(
        markdown.contains("`Pod web` in `web/templates/pod.yaml`\n\n```diff\n@@ … @@\n"),
        "{markdown}"
    );
    // Both environments set the same, so it is shown once.
    assert_eq!(markdown.matches("```diff").count(), 2, "{markdown}");
    assert!(
        markdown.contains("<b><code>production</code></b> <code>2 workloads in 2 files: "),
        "{markdown}"
    );
    assert!(
        markdown.contains("</code>: the same as <code>staging</code>\n"),
        "{markdown}"
    );
    // Two charts of one name: which one is meant is not known.
    folder.write(
        "other/Chart.yaml",
        "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    );
    folder.feed(
        &["check", "-f", "-", "-eproduction", "-osarif=sarif"],
        stream.as_bytes(),
    );
    assert!(
        folder.read("sarif").contains("\"web/templates/pod.yaml\""),
        "{}",
        folder.read("sarif")
    );
}
