//! Helm 4 runs fitout as a post-renderer: everything in a chart is fitted, and who uses Helm reads why a run fails.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::bench::{Bench, Need, binary};
use super::objects::{assert_same_objects, objects};

/// A chart as `helm create` makes it, and hooks.
fn fresh() -> Option<Bench> {
    let bench = Bench::with(&[Need::Helm])?;
    fs::create_dir_all(bench.tree()).unwrap();
    bench.run("helm", ["create", "web"]).succeeded();
    let hook = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {{ .Release.Name }}-migrate\n  annotations:\n    \
                \"helm.sh/hook\": pre-install,pre-upgrade # before the rest\nspec:\n  template:\n    spec:\n      \
                restartPolicy: Never\n      containers:\n      - name: migrate\n        image: example.com/web:1.0\n";
    template(&bench, "migrate.yaml", hook);
    install(&bench);
    Some(bench)
}

fn template(bench: &Bench, name: &str, text: &str) {
    fs::write(bench.tree().join("web/templates").join(name), text).unwrap();
}

pub(crate) fn install(bench: &Bench) {
    let plugins = bench.helm_plugins();
    let install = [
        "helm-plugin",
        "install",
        "--plugins",
        plugins.to_str().unwrap(),
    ];
    bench.run("fitout", install).succeeded();
}

/// Makes a chart of manifests: a template for each object, and the release as the first part of names.
pub(crate) fn chart_of(bench: &Bench, name: &str, manifests: &str, release: &str) {
    let folder = bench.tree().join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("templates")).unwrap();
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    write(
        "Chart.yaml",
        &format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n"),
    );
    write("values.yaml", "image: {pullPolicy: null}\n");
    for (index, object) in manifests.split("\n---\n").enumerate() {
        let literal = object.replace("{{", "{{ \"{{\" }}");
        let text = literal.replace(release, "{{ .Release.Name }}");
        write(
            &format!("templates/object-{index}.yaml"),
            &format!("{text}\n"),
        );
    }
}

const RENDER: [&str; 5] = ["template", "shop", "web", "--post-renderer", "fitout"];
const PRODUCTION: &str = "--post-renderer-args=--environment=production";

#[test]
fn a_fresh_chart_is_fitted_with_its_test_and_its_hooks() {
    let Some(bench) = fresh() else { return };
    let plain = bench.run("helm", ["template", "shop", "web"]).succeeded();
    let fitted = bench
        .run("helm", RENDER.into_iter().chain([PRODUCTION]))
        .succeeded();
    let apply = ["apply", "-f", "-", "-e", "production"];
    let applied = bench.feed("fitout", apply, plain.as_bytes()).succeeded();
    assert_same_objects("helm", &objects([&*applied]), &objects([&*fitted]));
    for (kind, containers) in [
        ("Deployment", "/spec/template/spec/containers"),
        ("Job", "/spec/template/spec/containers"),
        ("Pod", "/spec/containers"),
    ] {
        let object = objects([&*fitted])
            .into_values()
            .find(|it| it["kind"] == kind);
        let containers = object.unwrap().pointer(containers).unwrap().clone();
        assert_eq!(
            containers[0]["resources"]["limits"]["memory"], "512Mi",
            "{kind}"
        );
    }
    // What Helm needs to put the documents back, and to run hooks.
    for kept in [
        "# Source: web/templates/tests/test-connection.yaml",
        "\"helm.sh/hook\": pre-install,pre-upgrade # before the rest",
    ] {
        assert!(fitted.contains(kept), "{kept} is not in\n{fitted}");
    }
    assert!(!fitted.contains("postrender"), "{fitted}");
    // The environment can come from a variable; arguments overrule it.
    let by_variable = format!("FITOUT_ENV=production helm {}", RENDER.join(" "));
    assert_eq!(bench.shell(&by_variable).succeeded(), fitted);
    let overruled = format!("FITOUT_ENV=none helm {} {PRODUCTION}", RENDER.join(" "));
    assert_eq!(bench.shell(&overruled).succeeded(), fitted);
    let config = "FITOUT_CONFIG=$PWD/fn-config/all/fitout.yaml; export FITOUT_CONFIG; mv fn-config hidden; FITOUT_CONFIG=$PWD/hidden/all/fitout.yaml";
    let by_config = format!("{config}; helm {} {PRODUCTION}", RENDER.join(" "));
    assert_eq!(bench.shell(&by_config).succeeded(), fitted);
}

/// The places and fields that a report names.
fn places(report: &str) -> BTreeSet<String> {
    let report: Value = serde_json::from_str(report).unwrap();
    let results = report["results"].as_array().unwrap().iter();
    let named = results.map(|it| {
        assert!(
            it["file"]["line"].is_null(),
            "a line that no template has: {it}"
        );
        format!(
            "{} {} {}",
            it["file"]["path"], it["file"]["index"], it["field"]["path"]
        )
    });
    named.collect()
}

#[test]
fn places_are_templates_in_the_plugin_and_in_streams() {
    let Some(bench) = fresh() else { return };
    // A template with two documents, and a List.
    let pod = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  containers: [{{name: a, image: example.com/a:1.0}}]\n"
        )
    };
    template(
        &bench,
        "two.yaml",
        &format!("# both\n---\n{}---\n{}", pod("a"), pod("b")),
    );
    let item = pod("c")
        .replace('\n', "\n  ")
        .replacen("apiVersion", "- apiVersion", 1);
    let list = format!("apiVersion: v1\nkind: List\nitems:\n{}", item.trim_end());
    template(&bench, "list.yaml", &list);
    let plain = bench.run("helm", ["template", "shop", "web"]).succeeded();
    let plan = ["plan", "-f", "-", "-e", "production", "-o", "json"];
    let of_stream = places(&bench.feed("fitout", plan, plain.as_bytes()).succeeded());
    let report = "--post-renderer-args=-ojson=report.json";
    bench
        .run("helm", RENDER.into_iter().chain([PRODUCTION, report]))
        .succeeded();
    assert_eq!(of_stream, places(&bench.read("report.json")));
    for place in [
        "\"web/templates/deployment.yaml\" 0 ",
        "\"web/templates/migrate.yaml\" 0 ",
        "\"web/templates/two.yaml\" 0 ",
        "\"web/templates/two.yaml\" 1 ",
        "\"web/templates/list.yaml\" 0 ",
    ] {
        let is_named = of_stream.iter().any(|it| it.starts_with(place));
        assert!(is_named, "{place} is not in {of_stream:#?}");
    }
    let check = ["check", "-f", "-", "-e", "production"];
    let check = bench.feed("fitout", check, plain.as_bytes());
    let named = "--> web/templates/deployment.yaml  Deployment shop-web\n";
    assert!(check.stdout.contains(named), "{}", check.stdout);
    assert!(
        check.stdout.contains("--post-renderer fitout"),
        "{}",
        check.stdout
    );
    let fitted = bench
        .run("helm", RENDER.into_iter().chain([PRODUCTION]))
        .succeeded();
    let check = ["check", "-f", "-", "-e", "production"];
    bench.feed("fitout", check, fitted.as_bytes()).succeeded();
}

#[test]
fn a_failure_is_told_where_the_user_of_helm_reads() {
    let Some(bench) = fresh() else { return };
    bench.replace(
        "fn-config/all/fitout.yaml", "\nspec:\n", "\nspec:\n  resorces: {}\n",
    );
    let report = bench.helm_plugins().join("fitout/report.txt");
    let read = || fs::read_to_string(&report).unwrap();
    let render = || bench.run("helm", RENDER.into_iter().chain([PRODUCTION]));
    // Helm's own error has no reason. Its standard error is a file here, which two programs cannot write to.
    let failed = render();
    failed.failed_with(&[1], "plugin \"fitout\" exited with error");
    assert!(!failed.stderr.contains("resorces"), "{}", failed.stderr);
    assert!(read().contains("unknown field `resorces`"), "{}", read());
    assert!(read().contains("exit code 2: fitout helm-plugin run --environment=production"));
    // A pipeline reads a pipe.
    let line = format!("helm {} {PRODUCTION}", RENDER.join(" "));
    let piped = bench
        .shell(&format!("({line} 2>&1 >out.yaml || echo failed) | cat"))
        .succeeded();
    for told in [
        "unknown field `resorces`", "this is also in", "exited with error", "failed",
    ] {
        assert!(piped.contains(told), "{told} is not in\n{piped}");
    }
    assert_eq!(bench.read("out.yaml"), "");
    // A terminal, also if Helm's errors go elsewhere.
    for errors in ["", " 2>errors.txt"] {
        let script =
            format!("script -qec '{line} >out.yaml{errors}' typescript </dev/null || true");
        bench.shell(&script).succeeded();
        let shown = bench.read("typescript");
        assert!(
            shown.contains("unknown field `resorces`"),
            "{errors}: {shown}"
        );
    }
    // Another file, and wrong arguments.
    fs::remove_file(&report).unwrap();
    let other = format!("FITOUT_REPORT=other.txt {line} --post-renderer-args=--verbos || true");
    bench.shell(&other).succeeded();
    let other = bench.read("other.txt");
    assert!(other.contains("unexpected argument '--verbos'"), "{other}");
    assert!(!report.exists());
    // No environment: the message says how Helm passes it.
    let unnamed = bench.shell(&format!(
        "({} 2>&1 || true) | cat",
        line.replace(PRODUCTION, "")
    ));
    let unnamed = unnamed.succeeded();
    assert!(unnamed.contains("--post-renderer-args=-eNAME"), "{unnamed}");
}

#[test]
fn a_value_of_the_wrong_type_is_shown_with_its_template() {
    let Some(bench) = fresh() else { return };
    bench.replace("web/values.yaml", "replicaCount: 1", "replicaCount: many");
    let plain = bench.run("helm", ["template", "shop", "web"]).succeeded();
    let plan = bench.feed(
        "fitout",
        ["plan", "-f", "-", "-e", "production"],
        plain.as_bytes(),
    );
    plan.failed_with(&[3], "--> web/templates/deployment.yaml as rendered:");
    let plan = ["plan", "-f", "-", "-e", "production", "-o", "json"];
    let plan = bench.feed("fitout", plan, plain.as_bytes());
    assert_eq!(plan.code, Some(3));
    assert!(
        places(&plan.stdout)
            .iter()
            .any(|it| it.starts_with("\"web/templates/deployment.yaml\""))
    );
    bench
        .run("helm", RENDER.into_iter().chain([PRODUCTION]))
        .failed_with(&[1], "exited with error");
    let report = fs::read_to_string(bench.helm_plugins().join("fitout/report.txt")).unwrap();
    assert!(
        report.contains("web/templates/deployment.yaml as rendered:"),
        "{report}"
    );
    assert!(report.contains("replicas: many"), "{report}");
}

/// Success tells a terminal what was set, and nothing else anything.
#[test]
fn a_success_is_told_to_terminals_and_to_named_reports() {
    let Some(bench) = fresh() else { return };
    let line = format!("helm {} {PRODUCTION}", RENDER.join(" "));
    let script = format!("script -qec '{line} >out.yaml' typescript </dev/null");
    bench.shell(&script).succeeded();
    assert!(
        bench.read("typescript").contains("0 errors"),
        "{}",
        bench.read("typescript")
    );
    let piped = bench.shell(&format!(
        "FITOUT_REPORT=report.txt {line} 2>&1 >out.yaml | cat"
    ));
    assert_eq!(piped.succeeded(), "");
    let report = bench.read("report.txt");
    assert!(
        report.contains("exit code 0") && report.contains("0 errors"),
        "{report}"
    );
    assert!(!bench.helm_plugins().join("fitout/report.txt").exists());
}

#[test]
fn a_chart_without_objects_stays_one() {
    let Some(bench) = fresh() else { return };
    fs::remove_dir_all(bench.tree().join("web/templates")).unwrap();
    fs::create_dir(bench.tree().join("web/templates")).unwrap();
    template(
        &bench,
        "a.yaml",
        "{{- if .Values.none }}\nkind: Pod\n{{- end }}\n",
    );
    let rendered = bench
        .run("helm", RENDER.into_iter().chain([PRODUCTION]))
        .succeeded();
    assert!(objects([&*rendered]).is_empty(), "{rendered}");
}

#[test]
fn the_plugin_is_installed_once_and_never_over_another() {
    let Some(bench) = fresh() else { return };
    let listed = bench.run("helm", ["plugin", "list"]).succeeded();
    let line = listed.lines().find(|it| it.starts_with("fitout"));
    assert!(
        line.is_some_and(|it| it.contains("postrenderer/v1")),
        "{listed}"
    );
    // Without --plugins, Helm says where.
    let file = bench.helm_plugins().join("fitout/plugin.yaml");
    let install = || bench.run("fitout", ["helm-plugin", "install"]);
    let said = install().succeeded();
    assert!(
        said.starts_with(&format!("is current {}\n", file.display())),
        "{said}"
    );
    fs::write(
        &file,
        "# Written by `fitout helm-plugin`. An older version\n",
    )
    .unwrap();
    let said = install().succeeded();
    assert!(said.starts_with("replaced"), "{said}");
    // Printed, it has the name alone, which PATH leads to. Here, PATH leads to the program too.
    let printed = bench.run("fitout", ["helm-plugin", "print"]).succeeded();
    assert_eq!(printed, fs::read_to_string(&file).unwrap());
    fs::write(&file, "name: fitout\n").unwrap();
    install().failed_with(&[2], "`fitout helm-plugin` has not written it");
    // A program that is not on PATH is named by its path.
    fs::remove_file(&file).unwrap();
    let away = format!(
        "PATH=/usr/bin:/bin '{}' helm-plugin install --plugins '{}'",
        binary().display(),
        bench.helm_plugins().display()
    );
    bench.shell(&away).succeeded();
    let text = fs::read_to_string(&file).unwrap();
    let program = binary().canonicalize().unwrap();
    assert!(
        text.contains(&format!("command: '{}'\n", program.display())),
        "{text}"
    );
    bench
        .run("helm", RENDER.into_iter().chain([PRODUCTION]))
        .succeeded();
}

/// The page about Helm: its commands run, and its sessions are true.
#[test]
fn the_page_about_helm_is_true() {
    let Some(bench) = Bench::with(&[Need::Helm]) else {
        return;
    };
    bench.run("helm", ["create", "web"]).succeeded();
    let page = fs::read_to_string(super::bench::root().join("docs/helm.md")).unwrap();
    let plugins = bench.helm_plugins().display().to_string();
    let (mut commands, mut sessions) = (0, 0);
    for block in page.split("```").skip(1).step_by(2) {
        let (kind, lines) = block.split_once('\n').unwrap();
        match kind {
            "sh" => {
                commands += 1;
                bench.shell(lines).succeeded();
            }
            "console" => {
                for session in lines.strip_prefix("$ ").unwrap().split("\n$ ") {
                    sessions += 1;
                    let (line, expected) = session.split_once('\n').unwrap();
                    let ran = bench.shell(line).succeeded();
                    let shown = ran.replace(&plugins, "/home/you/.local/share/helm/plugins");
                    assert_eq!(shown.trim_end(), expected.trim_end(), "{line}");
                }
            }
            // With the reason above it.
            "text" => {
                let before = page.split(block).next().unwrap().trim_end_matches("```");
                assert!(before.trim_end().ends_with("-->"), "{block}");
            }
            kind => panic!("{kind}"),
        }
    }
    assert_eq!((commands, sessions), (3, 3));
}
