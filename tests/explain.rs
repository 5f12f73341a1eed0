//! `fitout explain RESOURCE [FIELD]`: what it says is what a run does, and what people write is understood.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use fitout::VOCABULARY;
use fitout::config::FunctionConfig;
use fitout::explain::{Effect, Outcome, explain};
use fitout::read::{Origin, Resource};
use fitout::yaml::Stream;
use serde_json::Value;

use crate::golden::cases;
use crate::program::{Folder, Run};

/// Pages whose console sessions are run in a copy of the repository. `make golden` rewrites their output.
const PAGES: [&str; 2] = ["docs/explain.md", "docs/editor.md"];

#[test]
fn sessions_in_the_pages_are_true() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Folder::with_copy(&["base/caracal", "fn-config", "schema"]);
    for page in PAGES {
        let text = std::fs::read_to_string(root.join(page)).unwrap();
        let (mut expected, mut rest) = (String::new(), text.as_str());
        while let Some((before, after)) = rest.split_once("```console\n") {
            let (session, after) = after.split_once("```").unwrap();
            let _ = writeln!(expected, "{before}```console");
            for line in session.lines().filter_map(|it| it.strip_prefix("$ ")) {
                let ran = folder.shell(&format!("{{ {line}\n}} 2>&1"));
                let _ = write!(expected, "$ {line}\n{}", ran.stdout);
            }
            expected.push_str("```");
            rest = after;
        }
        expected.push_str(rest);
        crate::pages::keep(page, &expected);
    }
}

/// Each change of each case is explained, with the value and the setting of the change, and nothing else is.
#[test]
fn every_change_is_explained_by_its_own_decision() {
    let (mut explained, mut others) = (0, BTreeSet::new());
    for case in cases() {
        let read = |name: &str| std::fs::read_to_string(case.join(name)).unwrap();
        let (config, input) = (read("fn-config.yaml"), read("input.yaml"));
        let (Ok(config), Ok(stream)) = (Stream::parse(config), Stream::parse(input)) else {
            continue;
        };
        let Ok(config) = FunctionConfig::of_file(&config, "fn-config.yaml") else {
            continue;
        };
        let Ok(config) = config.decode(VOCABULARY) else {
            continue;
        };
        let mut resources = Vec::new();
        let documents = stream.documents().filter(|document| !document.is_empty());
        let read =
            documents.map(|it| Resource::read(it.root(), 0, Origin::default(), &mut resources));
        if read.collect::<Vec<_>>().iter().any(Result::is_err) {
            continue;
        }
        let Ok(fitted) = fitout::fit(&config, &resources, None) else {
            continue;
        };
        if config.validate_only {
            continue;
        }
        for (index, resource) in resources.iter().enumerate() {
            let what = format!("{}: {}", case.display(), resource.display_name());
            let explanation = explain(&config, &resources, None, index).unwrap();
            let changes: Vec<_> = fitted
                .changes
                .iter()
                .filter(|it| it.resource == index)
                .collect();
            let is_changed =
                |it: &Outcome| matches!(it, Outcome::Added | Outcome::Changed | Outcome::Removed);
            let fields = explanation
                .fields
                .iter()
                .filter(|it| is_changed(&it.outcome));
            assert_eq!(fields.count(), changes.len(), "{what}");
            for change in changes {
                let mut fields = explanation.fields.iter();
                let field = fields
                    .find(|it| it.pointer == change.pointer())
                    .unwrap_or_else(|| panic!("{what}: {change}"));
                assert_eq!(
                    field.value.as_ref(),
                    change.proposed.as_deref(),
                    "{what}: {change}"
                );
                assert_eq!(field.section, Some(change.rule), "{what}: {change}");
                let decider = field.steps.iter().filter(|it| it.effect == Effect::Decides);
                let deciders: Vec<&str> = decider.map(|it| it.leaf.path.as_str()).collect();
                assert_eq!(
                    deciders,
                    [change.decision.field.as_str()],
                    "{what}: {change}"
                );
                explained += 1;
                if field.mode.is_none() {
                    others.insert(change.rule);
                }
            }
            // Every path finds its own field.
            let paths: BTreeSet<_> = explanation
                .fields
                .iter()
                .map(|it| it.pointer.as_str())
                .collect();
            assert_eq!(paths.len(), explanation.fields.len(), "{what}");
        }
    }
    assert!(explained > 2000, "{explained}");
    assert_eq!(
        others,
        BTreeSet::new(),
        "sections without a mode for a field"
    );
}

const CONFIG: &str = "\
apiVersion: fitout.dev/v1alpha1
kind: Fitout
spec:
  environment: test
  resources:
    containers:
      requests: {memory: 64Mi, cpu: 100m}
      limits: {memory: 128Mi}
    scale: {memory: 2}
    modes: {requests.cpu: Override}
  profiles:
  - name: web
    select: {name: web}
    resources: {containers: {limits: {memory: 256Mi}}}
  - name: jobs
    select: {kind: Job|CronJob}
    resources: {containers: {limits: {memory: 1Gi}}}
  - name: sidecars
    select: {containers: {images: [\"*/proxy:*\"]}}
    resources: {containers: {limits: {memory: 96Mi}}}
  exemptions:
  - select: {name: web}
    fields: [resources.requests.memory]
    reason: its amounts come from measurements
  environments:
    test: {}
    production:
      profiles:
      - name: web
        resources: {containers: {limits: {memory: 1Gi}}}
";

const INPUT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      containers:
      - name: web
        image: shop/web:1
        ports: [{containerPort: 80}]
        resources:
          requests: {cpu: 1}
      - name: proxy
        image: shop/proxy:1
        resources:
          limits: {memory: 16Mi}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: other}
spec: {template: {spec: {containers: [{name: web, image: shop/web:1}]}}}
---
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: shop}
stringData: {key: hunter2}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
";

fn run(arguments: &[&str]) -> Run {
    let folder = Folder::with(&[("fn-config/fitout.yaml", CONFIG), ("web.yaml", INPUT)]);
    let arguments = [&["explain"], arguments, &["-f", "web.yaml", "-e", "test"]].concat();
    folder.run(&arguments)
}

#[track_caller]
fn says(arguments: &[&str], expected: &[&str]) {
    let run = run(arguments);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for expected in expected {
        let is_there = run.stdout.lines().any(|line| {
            let words = |it: &str| {
                it.split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            words(line).contains(expected)
        });
        assert!(is_there, "`{expected}` is not in\n{}", run.stdout);
    }
}

#[test]
fn the_chain_of_a_field_is_shown_with_its_lines() {
    says(
        &["deploy/web", "web:limits.memory", "-n", "shop"],
        &[
            "spec.template.spec.containers[web].resources.limits.memory",
            "512Mi set by resources; the manifest does not set it",
            "spec.resources.containers.limits.memory fn-config/fitout.yaml:8 128Mi overruled",
            "spec.profiles[web].resources.containers.limits.memory fn-config/fitout.yaml:14 256Mi decides",
            "spec.resources.scale.memory fn-config/fitout.yaml:9 2 applies",
            "jobs fn-config/fitout.yaml:17 1Gi kind is `Deployment`, not `Job|CronJob`",
            "sidecars fn-config/fitout.yaml:20 96Mi the container's image is `shop/web:1`, not `*/proxy:*`",
            "Elsewhere production 2Gi",
            "Change it fn-config/fitout.yaml:14 spec.profiles[web].resources.containers.limits.memory",
        ],
    );
}

#[test]
fn the_value_of_the_manifest_is_shown_with_its_line() {
    says(
        &["deploy/web", "proxy:limits.memory", "-n", "shop"],
        &[
            "16Mi from the manifest; the mode Ensure keeps the value of the manifest",
            "manifest web.yaml:16 16Mi decides",
            "spec.profiles[sidecars].resources.containers.limits.memory fn-config/fitout.yaml:20 96Mi yields to the manifest",
            "Change it web.yaml:16, or fn-config/fitout.yaml:20 with `modes: {limits.memory: Override}`",
        ],
    );
    says(
        &["deploy/web", "web:requests.cpu", "-n", "shop"],
        &[
            "100m set by resources; the manifest has 1",
            "manifest web.yaml:12 1 replaced",
            "spec.resources.modes.requests.cpu fn-config/fitout.yaml:10 Override mode",
        ],
    );
    says(
        &["deploy/web", "web:requests.memory", "-n", "shop"],
        &[
            "not set it is exempt: its amounts come from measurements",
            "spec.exemptions[0] fn-config/fitout.yaml:22 its amounts come from measurements exempts",
        ],
    );
    says(
        &["deploy/web", "web:ports[0].containerPort", "-n", "shop"],
        &[
            "80 from the manifest; no section of the config sets this field",
            "Change it web.yaml:10",
        ],
    );
}

#[test]
fn objects_are_named_as_in_kubectl() {
    for name in [
        "deploy/web", "deployment/web", "Deployment/web", "deployments.apps/web",
        "deployment.v1.apps/web",
    ] {
        says(
            &[name, "web:limits", "-n", "other"],
            &["Deployment other/web web.yaml:18 in test"],
        );
    }
    says(&["svc/web", "-n", "shop"], &["Service shop/web"]);
    run(&["deploy/web"]).refused(
        "two namespaces",
        2,
        &[
            "deploy/web names 2 objects",
            "web.yaml:1  Deployment shop/web (apps/v1)",
            "-n",
        ],
    );
    run(&["web", "-n", "shop"]).refused("two kinds", 2, &["web names 2 objects"]);
    run(&["deploy/wbe"]).refused(
        "a typo",
        2,
        &["there is no deploy/wbe", "did you mean `deploy/web`?"],
    );
    run(&["sts/web"]).refused(
        "another kind",
        2,
        &["the kinds are Deployment, Secret, Service"],
    );
    run(&["secret/web"]).refused("the kind of another", 2, &["there is Deployment shop/web"]);
    run(&["deploy/web", "-n", "shp"]).refused(
        "a namespace",
        2,
        &["in the namespace shp", "there is Deployment shop/web"],
    );
    run(&["deployment.batch/web"]).refused("a group", 2, &["there is no deployment.batch/web"]);
    run(&["deploy/web", "limits.memroy", "-n", "shop"]).refused(
        "a field",
        2,
        &["did you mean `limits.memory`?"],
    );
    run(&["deploy/web", "wbe:limits.memory", "-n", "shop"]).refused(
        "a container",
        2,
        &["has no field `wbe:limits.memory`"],
    );
    let folder = Folder::with(&[]);
    folder.run(&["explain", "deploy/web"]).refused(
        "no files",
        2,
        &["no manifests given for deploy/web"],
    );
}

#[test]
fn fields_are_found_by_any_part_of_their_path() {
    for path in [
        "spec.template.spec.containers[web].resources.limits.memory",
        ".spec.template.spec.containers[name=web].resources.limits.memory",
        "spec.template.spec.containers[0].resources.limits.memory",
        "/spec/template/spec/containers/0/resources/limits/memory",
        "containers[web].resources.limits.memory",
    ] {
        let run = run(&["deploy/web", path, "-n", "shop", "-o", "json"]);
        let json: Value =
            serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{path}: {}", run.stderr));
        let fields = json["fields"].as_array().unwrap();
        assert_eq!(fields.len(), 1, "{path}");
        assert_eq!(fields[0]["value"], "512Mi", "{path}");
        assert_eq!(fields[0]["environments"]["production"], "2Gi", "{path}");
        assert_eq!(fields[0]["changeWith"]["line"], 14, "{path}");
    }
    let run = run(&["deploy/web", "limits.memory", "-n", "shop", "-o", "json"]);
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    // Of the pod, and of both containers.
    assert_eq!(json["fields"].as_array().unwrap().len(), 3);
}

#[test]
fn secrets_and_hostile_names_are_not_shown() {
    let run = run(&["secret/keys", "stringData.key"]);
    assert!(
        run.stdout.contains("(hidden: a Secret)") && !run.stdout.contains("hunter2"),
        "{}",
        run.stdout
    );
    let hostile = INPUT.replace(
        "image: shop/proxy:1",
        "image: \"shop/proxy:1\\n::error::x\\e[31m\"",
    );
    let folder = Folder::with(&[("fn-config/fitout.yaml", CONFIG), ("web.yaml", &hostile)]);
    for output in ["text", "json"] {
        let run = folder.run(&[
            "explain", "deploy/web", "proxy:image", "-n", "shop", "-f", "web.yaml", "-e", "test",
            "-o", output,
        ]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(
            !run.stdout.contains('\x1b')
                && !run
                    .stdout
                    .lines()
                    .any(|it| it.trim_start().starts_with("::")),
            "{}",
            run.stdout
        );
    }
}

/// bash reads the completions and completes commands, flags and files; other shells check their syntax if they are installed.
#[test]
fn shells_read_their_completions() {
    let folder = Folder::with(&[]);
    let script = folder.run(&["completions", "bash"]);
    assert_eq!(script.code, Some(0), "{}", script.stderr);
    folder.write("fitout.bash", &script.stdout);
    let complete = |words: &[&str]| {
        let quoted = words
            .iter()
            .map(|it| format!("'{it}'"))
            .collect::<Vec<_>>()
            .join(" ");
        let last = words.len() - 1;
        let before = words[last.saturating_sub(1)];
        let line = format!(
            "source ./fitout.bash; COMP_WORDS=({quoted}); COMP_CWORD={last}; _fitout fitout '{}' '{before}'; echo \"${{COMPREPLY[*]}}\"",
            words[last]
        );
        let ran = std::process::Command::new("bash")
            .current_dir(folder.path())
            .args(["--norc", "-c", &line])
            .output()
            .unwrap();
        assert!(ran.stderr.is_empty(), "{ran:?}");
        String::from_utf8(ran.stdout).unwrap()
    };
    assert_eq!(complete(&["fitout", "pl"]).trim(), "plan");
    assert!(complete(&["fitout", "plan", "--env"]).contains("--environment"));
    assert!(complete(&["fitout", "completions", "p"]).contains("powershell"));
    assert!(!complete(&["fitout", ""]).contains("docker-shim"));
    for (shell, file, arguments) in [
        ("zsh", "_fitout", vec!["-n"]),
        ("fish", "fitout.fish", vec!["--no-execute"]),
    ] {
        let script = folder.run(&["completions", shell]);
        folder.write(file, &script.stdout);
        let ran = std::process::Command::new(shell)
            .current_dir(folder.path())
            .args(arguments)
            .arg(file)
            .output();
        if let Ok(ran) = ran {
            assert!(ran.status.success(), "{ran:?}");
        }
    }
    assert!(
        folder
            .run(&["completions", "powershell"])
            .stdout
            .contains("Register-ArgumentCompleter")
    );
}

/// What an entry of the config's catalogue decides is changed there, and not at the setting that has the default.
#[test]
fn an_entry_of_the_catalogue_is_named_as_what_decides() {
    let config = "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nspec:\n  environment: test\n  securityContext: {profile: restricted}\n  catalogue:\n  - {image: acme/other, runAsUser: 7}\n  - {image: acme/web, runAsUser: 1234, writablePaths: [/data], pathsAreComplete: true}\n";
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - name: web\n    image: acme/web:1\n";
    let folder = crate::program::Folder::with(&[("config.yaml", config), ("web.yaml", pod)]);
    let place = "config.yaml:8  spec.catalogue[1]";
    for field in ["runAsUser", "readOnlyRootFilesystem"] {
        let run = folder.run(&[
            "explain", "pod/web", field, "-f", "web.yaml", "-c", "config.yaml",
        ]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(
            run.stdout.contains(&format!("Change it  {place}\n")),
            "{field}\n{}",
            run.stdout
        );
    }
    let plan = folder.run(&["plan", "-f", "web.yaml", "-c", "config.yaml"]);
    let line = format!("securityContext  {place}; from the catalogue of images, for acme/web:1\n");
    assert!(plan.stdout.contains(&line), "{}", plan.stdout);
}
