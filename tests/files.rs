//! Which files the command line reads: nothing that a cluster would get is passed over in silence, and nothing that is no
//! whole object is edited.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::program::{Folder, Run};

const CONFIG: &str = "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata: {name: test}\nspec: {environment: test, \
                      resources: {containers: {requests: {cpu: 1}}}, \
                      checks: {profile: privileged}}\n";
const SET: &str = "resources: {requests: {cpu: 1}}";

/// A pod that is fitted, or with `more` of it.
fn pod(name: &str, more: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  containers:\n  - {{name: a, image: \"a:1\"{more}}}\n"
    )
}

fn fitted() -> String {
    pod("good", &format!(", {SET}"))
}

fn bare() -> String {
    pod("evil", "")
}

/// A folder `p` with a fitted pod and these files.
fn folder(files: &[(&str, &str)]) -> Folder {
    let folder = Folder::with(&[("c.yaml", CONFIG), ("p/good.yaml", &fitted())]);
    for (name, text) in files {
        fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
        folder.write(name, text);
    }
    folder
}

fn run(folder: &Folder, command: &str, more: &[&str]) -> Run {
    let arguments = [command, "-f", "p", "-c", "c.yaml"];
    folder.run(&[&arguments[..], more].concat())
}

/// Whether FIT-RUN001 reports the bare pod.
fn is_reported(run: &Run) -> bool {
    run.code == Some(1) && run.stdout.contains("FIT-RUN001") && run.stdout.contains("Pod evil")
}

#[test]
fn check_reads_what_kubectl_would() {
    // A comment does not make it a template.
    let bare = bare() + "# {{ end }}\n";
    let template = BASE.replace("ledger:1", "{{ .Values.image }}");
    let long = format!("# {}\nresources: [evil.txt]\n", "x".repeat(3 << 20));
    for (name, with) in [
        ("p/evil.yaml", vec![("p/.gitignore", "evil.yaml\n")]),
        ("p/evil.yaml", vec![("p/.ignore", "evil.yaml\n")]),
        (
            "p/evil.yaml",
            vec![(".gitignore", "evil.yaml\n"), (".git/x", "")],
        ),
        ("p/evil.yaml", vec![(".git/info/exclude", "evil.yaml\n")]),
        ("p/evil.yaml", vec![("home/git/ignore", "evil.yaml\n")]),
        ("p/.evil.yaml", vec![]),
        ("p/.deep/down/evil.json", vec![]),
        (
            "p/.git/evil.yaml",
            vec![("p/.git/HEAD", "ref: x\n"), ("p/.git/refs/a.yaml", "{{")],
        ),
        ("p/evil.YML", vec![]),
        ("p/evil.Yaml", vec![]),
        ("p/kustomization.yaml", vec![]),
        ("p/sub/Kustomization", vec![]),
        // kustomize reads its resources whatever their names are.
        (
            "p/evil.txt",
            vec![("p/kustomization.yaml", "resources: [evil.txt]\n")],
        ),
        (
            "p/deep/evil",
            vec![("kustomization.yaml", "resources: [p/deep/evil]\n")],
        ),
        // kustomize does not regard the case of keys, nor how long the file is.
        (
            "p/evil.txt",
            vec![("p/kustomization.yaml", "ResourceS: [evil.txt]\n")],
        ),
        ("p/evil.txt", vec![("p/kustomization.yaml", &long)]),
        // What a kustomization names as something else is still applied by `kubectl apply -R -f`.
        (
            "p/evil.yaml",
            vec![("p/kustomization.yaml", "patches: [{path: evil.yaml}]\n")],
        ),
        (
            "p/evil.yaml",
            vec![("p/kustomization.yaml", "transformers: [evil.yaml]\n")],
        ),
        (
            "p/evil.yaml",
            vec![(
                "p/kustomization.yaml",
                "secretGenerator: [{files: [x=evil.yaml]}]\n",
            )],
        ),
        (
            "p/templates/evil.yaml",
            vec![
                ("p/Chart.yaml", "apiVersion: v2\nname: chart\n"),
                ("p/templates/deployment.yaml", &template),
            ],
        ),
        (
            "p/templates/evil.yaml",
            vec![("p/Chart.yaml", "apiVersion: v2\nname: chart\n")],
        ),
    ] {
        let folder = folder(&[&[(name, &bare[..])], &with[..]].concat());
        let mut command = folder.command(&["check", "-f", "p", "-c", "c.yaml"]);
        let output = command
            .env("XDG_CONFIG_HOME", folder.path().join("home"))
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.code() == Some(1) && text.contains("Pod evil"),
            "{name} {with:?}\n{text}"
        );
    }
    // A kustomization with an object next to its fields, and one that is named.
    let folder = folder(&[(
        "p/kustomization.yaml",
        &format!("resources: [good.yaml]\n---\n{bare}"),
    )]);
    assert!(is_reported(&run(&folder, "check", &[])));
    let named = folder.run(&["check", "-f", "p/kustomization.yaml", "-c", "c.yaml"]);
    assert!(is_reported(&named), "{}", named.stdout);
}

#[test]
fn check_follows_links_inside_the_tree_only() {
    let folder = folder(&[("real/evil.yaml", &bare())]);
    symlink("../real", folder.path().join("p/sub")).unwrap();
    // A circle ends.
    symlink("..", folder.path().join("real/up")).unwrap();
    assert!(is_reported(&run(&folder, "check", &[])));
    fs::remove_file(folder.path().join("p/sub")).unwrap();
    let outside = Folder::with(&[("evil.yaml", &bare())]);
    symlink(outside.path(), folder.path().join("p/sub")).unwrap();
    symlink("nothing.yaml", folder.path().join("p/broken.yaml")).unwrap();
    symlink("/proc/kmsg", folder.path().join("p/log.yaml")).unwrap();
    folder.fifo("p/fifo.yaml");
    let check = run(&folder, "check", &[]);
    assert_eq!(check.code, Some(0), "{}", check.stdout);
    let line = "; 4 files passed over (3 link, 1 special)\n";
    assert!(check.stdout.ends_with(line), "{}", check.stdout);
}

#[test]
fn plan_and_apply_read_what_git_would_track() {
    let bare = bare();
    let folder = folder(&[
        (".git/info/exclude", "kept.yaml\n"),
        (".gitignore", "/p/above.yaml\n"),
        ("p/.gitignore", "*.tmp.yaml\n!keep.tmp.yaml\n"),
        ("p/.ignore", "kept.yaml\n"),
        ("p/above.yaml", &bare),
        ("p/a.tmp.yaml", &bare),
        ("p/keep.tmp.yaml", &bare),
        ("p/kept.yaml", &bare),
        ("p/.hidden.yaml", &bare),
    ]);
    let applied = run(&folder, "apply", &["-i"]);
    let edited: Vec<&str> = applied
        .stderr
        .lines()
        .filter_map(|it| it.strip_prefix("edited  "))
        .collect();
    assert_eq!(
        edited,
        ["p/keep.tmp.yaml", "p/kept.yaml"],
        "{}",
        applied.stderr
    );
    let ledger = "passed over (3 hidden, 2 ignored)";
    assert!(applied.stderr.contains(ledger), "{}", applied.stderr);
    // `check` does the same on request, except for what is hidden.
    let check = run(&folder, "check", &["--respect-gitignore", "-o", "json"]);
    for (file, is_read) in [("above", false), ("a.tmp", false), (".hidden", true)] {
        assert_eq!(is_reported_in(&check, file), is_read, "{file}");
    }
    // A .gitignore above a tree that is no repository does not count.
    fs::remove_dir_all(folder.path().join(".git")).unwrap();
    assert!(run(&folder, "plan", &[]).stdout.contains("p/above.yaml"));
}

/// Whether the findings of a JSON report name a file.
fn is_reported_in(run: &Run, file: &str) -> bool {
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let mut results = report["results"].as_array().unwrap().iter();
    let path = format!("p/{file}.yaml");
    results.any(|result| result["file"]["path"] == path.as_str())
}

#[test]
fn patterns_choose_files() {
    let bare = bare();
    let folder = folder(&[
        ("p/evil.yaml", &bare),
        ("p/tests/evil.yaml", &bare),
        ("p/tests/deep/x.yaml", "kind: ["),
    ]);
    run(&folder, "check", &[]).refused("unreadable", 3, &["p/tests/deep/x.yaml"]);
    let check = run(
        &folder,
        "check",
        &["--exclude", "tests/", "--exclude", "/evil.yaml"],
    );
    assert_eq!(check.code, Some(0), "{}", check.stdout);
    assert!(
        check.stdout.contains("2 files passed over (excluded)"),
        "{}",
        check.stdout
    );
    let check = run(&folder, "check", &["--include", "good*"]);
    assert_eq!(check.code, Some(0), "{}", check.stdout);
    assert!(
        check.stdout.contains("3 files passed over (not-included)"),
        "{}",
        check.stdout
    );
    let plan = run(
        &folder,
        "plan",
        &["--include", "tests", "--exclude", "tests/deep"],
    );
    assert!(
        plan.stdout.contains("p/tests/evil.yaml") && !plan.stdout.contains("p/evil.yaml"),
        "{}",
        plan.stdout
    );
    run(&folder, "check", &["--exclude", "{a"]).refused("pattern", 2, &["pattern", "{a"]);
    // What is named is read.
    let check = folder.run(&[
        "check", "-f", "p/evil.yaml", "-c", "c.yaml", "--exclude", "evil.yaml",
    ]);
    assert!(is_reported(&check));
}

const BASE: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ledger}\nspec:\n  selector: {matchLabels: {app: ledger}}\n  \
                    template:\n    metadata: {labels: {app: ledger}}\n    spec:\n      containers:\n      - {name: ledger, image: \"ledger:1\"}\n";
/// With an image, so that only the kustomization tells that it is a patch.
const PATCH: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ledger}\nspec:\n  template:\n    spec:\n      containers:\n      \
                     - {name: ledger, image: \"ledger:2\"}\n";

#[test]
fn patches_of_built_in_transformers_are_not_edited() {
    let plugin =
        "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: t}\npath: patch.yaml\n";
    let list = "transformers: [t.yaml]\n";
    let of_folder = "transformers: [plugins]\n";
    let resources = "resources: [t.yaml, ../plugins]\n";
    for files in [
        vec![
            ("p/prod/t.yaml", plugin),
            ("p/prod/kustomization.yaml", list),
        ],
        // Its paths are still relative to the kustomization that lists the plugins.
        vec![
            ("p/prod/plugins/t.yaml", plugin),
            ("p/prod/plugins/kustomization.yaml", resources),
            ("p/prod/kustomization.yaml", of_folder),
        ],
    ] {
        let base = [("p/base/d.yaml", BASE), ("p/prod/patch.yaml", PATCH)];
        let folder = folder(&[&base[..], &files].concat());
        let applied = run(&folder, "apply", &["-i"]);
        assert_eq!(applied.code, Some(0), "{}", applied.stderr);
        assert_eq!(folder.read("p/prod/patch.yaml"), PATCH, "{files:?}");
        assert!(folder.read("p/base/d.yaml").contains("requests:"));
    }
}

#[test]
fn patches_of_a_kustomization_are_not_edited() {
    for (kustomization, is_component) in [
        (
            "patches: [{path: patch.yaml, target: {kind: Deployment}}]\n",
            false,
        ),
        ("patchesStrategicMerge: [./patch.yaml]\n", false),
        // kustomize does not regard the case of keys.
        (
            "Patches: [{PATH: patch.yaml, target: {kind: Deployment}}]\n",
            false,
        ),
        ("patcheſStrategicMerge: [patch.yaml]\n", false),
        (
            "Transformers: ['{apiVersion: builtin, kind: PatchTransformer, Path: patch.yaml}']\n",
            false,
        ),
        (
            "patchesJson6902: [{path: ../prod/patch.yaml, target: {kind: Deployment, name: ledger}}]\n",
            false,
        ),
        ("kind: Component\npatches:\n- path: patch.yaml\n", true),
        ("replacements: [{path: patch.yaml}]\n", false),
        ("configurations: [patch.yaml]\n", false),
        (
            "configMapGenerator: [{name: a, files: [patch.yaml]}]\n",
            false,
        ),
        ("openapi: {path: patch.yaml}\n", false),
        ("helmCharts: [{name: a, valuesFile: patch.yaml}]\n", false),
        ("generators: [patch.yaml]\n", false),
        (
            "transformers:\n- |-\n  apiVersion: builtin\n  kind: PatchStrategicMergeTransformer\n  paths: [patch.yaml]\n",
            false,
        ),
        (
            "transformers: ['{apiVersion: builtin, kind: PatchTransformer, path: ./patch.yaml}']\n",
            false,
        ),
        (
            "transformers: ['{apiVersion: builtin, kind: ReplacementTransformer, replacements: [{path: patch.yaml}]}']\n",
            false,
        ),
        (
            "generators: ['{apiVersion: builtin, kind: ConfigMapGenerator, files: [a=patch.yaml]}']\n",
            false,
        ),
    ] {
        let name =
            ["p/prod/kustomization.yaml", "p/prod/kustomization.yml"][usize::from(is_component)];
        let folder = folder(&[
            ("p/base/d.yaml", BASE),
            ("p/prod/patch.yaml", PATCH),
            (name, kustomization),
        ]);
        let applied = run(&folder, "apply", &["-i"]);
        assert_eq!(applied.code, Some(0), "{}", applied.stderr);
        assert_eq!(folder.read("p/prod/patch.yaml"), PATCH, "{kustomization}");
        assert!(folder.read("p/base/d.yaml").contains("requests:"));
        let check = run(&folder, "check", &[]);
        assert_eq!(check.code, Some(0), "{kustomization}{}", check.stdout);
        assert!(
            check.stdout.contains("2 files passed over ("),
            "{}",
            check.stdout
        );
        // Hooks name each file; the kustomization above it is found.
        let arguments = [
            "apply", "-i", "-f", "c.yaml", "p/base/d.yaml", "p/prod/patch.yaml", "-c", "c.yaml",
        ];
        assert_eq!(folder.run(&arguments).code, Some(0));
        assert_eq!(folder.read("p/prod/patch.yaml"), PATCH, "{kustomization}");
    }
    // A file that another kustomization lists as a resource is one.
    let folder = folder(&[
        ("p/prod/patch.yaml", PATCH),
        (
            "p/prod/kustomization.yaml",
            "patches: [{path: patch.yaml}]\n",
        ),
        ("p/kustomization.yaml", "resources: [prod/patch.yaml]\n"),
    ]);
    run(&folder, "apply", &["-i"]);
    assert_ne!(folder.read("p/prod/patch.yaml"), PATCH);
    // An overlay next to the folder names it.
    let folder = self::folder(&[
        ("p/patches/x.yaml", PATCH),
        ("fn-config/x", ""),
        (
            "overlays/prod/kustomization.yaml",
            "patches: [{path: ../../p/patches/x.yaml}]\n",
        ),
    ]);
    run(&folder, "apply", &["-i"]);
    assert_eq!(folder.read("p/patches/x.yaml"), PATCH);
    // It is said once for each folder.
    let folder = self::folder(&[
        ("p/prod/a.yaml", PATCH),
        ("p/prod/b.yaml", PATCH),
        (
            "p/prod/kustomization.yaml",
            "patches: [{path: a.yaml}, {path: b.yaml}]\n",
        ),
    ]);
    let note = "note: in p/prod, a kustomization names these patches, which are passed over: a.yaml, b.yaml\n";
    let plan = run(&folder, "plan", &[]);
    assert_eq!(plan.stderr.matches("note: ").count(), 1);
    assert!(plan.stderr.contains(note), "{}", plan.stderr);
}

#[test]
fn charts_are_passed_over_and_other_templates_explained() {
    let template =
        "{{- if .Values.on }}\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n{{- end }}\n";
    let folder = folder(&[
        (
            "p/chart/Chart.yaml",
            "apiVersion: v2\nname: chart\nversion: 1.0.0\n",
        ),
        ("p/chart/templates/pod.yaml", template),
        (
            "p/chart/charts/sub/Chart.yaml",
            "apiVersion: v2\nname: sub\n",
        ),
        ("p/chart/charts/sub/templates/_x.yaml", "{{ end }}"),
        ("p/chart/values.yaml", "a: b\n"),
    ]);
    for command in ["plan", "check"] {
        let run = run(&folder, command, &[]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(
            run.stdout.contains("1 file passed over (chart)"),
            "{}",
            run.stdout
        );
        let note = "note: p/chart is a Helm chart and is passed over";
        assert_eq!(run.stderr.matches(note).count(), 1, "{}", run.stderr);
    }
    let chart = folder.run(&["check", "-f", "p/chart", "-c", "c.yaml"]);
    chart.refused(
        "chart",
        3,
        &["no Kubernetes objects in p/chart", "helm template"],
    );
    // An empty Chart.yaml makes no chart, and a template elsewhere is an error that says so.
    let body = |name: &str, more: &str| {
        format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{}}\n{more}")
    };
    for text in [
        template.to_owned(),
        body("{{ .Values.name }}", ""),
        body("'{{ .Values.name }}'", ""),
        body("a", "{{ end }}\n"),
        body("a", "{{- include \"x\" . | nindent 2 }}\n"),
        body("a", "replicas: {{ .Values.replicas }}\n"),
        body("a", "args: [{{ .Values.a }}, b]\n"),
    ] {
        let folder = self::folder(&[("p/Chart.yaml", ""), ("p/t.yaml", &text)]);
        let expected = [
            "p/t.yaml:",
            "this is an unrendered Helm template; render it with `helm template`",
        ];
        run(&folder, "plan", &[]).refused(&text, 3, &expected);
    }
    // A value that a template of another tool is part of.
    let rule =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: 'on {{ $labels.pod }}'}\n";
    let folder = self::folder(&[("p/rule.yaml", rule)]);
    assert_eq!(run(&folder, "plan", &[]).code, Some(0));
}

#[test]
fn a_chart_hides_only_templates() {
    let chart = ("p/chart/Chart.yaml", "apiVersion: v2\nname: chart\n");
    let check = |text: &[u8]| {
        let folder = folder(&[chart, ("p/chart/x.yaml", "")]);
        fs::write(folder.path().join("p/chart/x.yaml"), text).unwrap();
        run(&folder, "check", &[])
    };
    let sidecar = "  - {name: b, image: '{{ x }}'}\n";
    let template = "{{- if .Values.on }}\nkind: Pod\n{{- end }}\n";
    // kubectl reads these.
    for text in [
        bare() + sidecar,
        format!("{}---\n{}", pod("'{{ x }}'", ""), bare()),
        format!("{}---\n{}", bare(), pod("'{{ x }}'", "")),
        bare() + "# {{ x }}\n",
    ] {
        assert!(is_reported(&check(text.as_bytes())), "{text}");
    }
    let service = "# {{ x }}\napiVersion: v1\nkind: Service\nmetadata: {name: a}\n";
    assert!(check(service.as_bytes()).stdout.contains("2 objects"));
    let unclear = bare() + "---\na: [b, {{ x }} {{ y }}]\n";
    let utf_16: Vec<u8> = format!("\u{feff}{}", bare())
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let texts = [
        bare() + "  hostPID: true\n  hostPID: true\n",
        bare() + "  hostPID: true\n  hostPID: true # {{ x }}\n",
        // It reads the documents before the first that is a template.
        format!("{}---\n{template}", bare()),
        format!("{}---\nx: {{{{ y }}}}\n", bare()),
        format!(
            "{}  hostPID: true\n  hostPID: true\n---\n{template}",
            bare()
        ),
        // Where it is not certain that the actions are why a text is refused, it is reported.
        bare() + "  x: *unknown # {{ x }}\n",
        bare() + "  x: |\n    {{\n  x: *unknown\n  y: |\n    }}\n",
        unclear,
    ];
    let texts = texts.into_iter().map(String::into_bytes);
    for text in texts.chain([utf_16]) {
        let name = String::from_utf8_lossy(&text);
        check(&text).refused(&name, 3, &["p/chart/x.yaml:"]);
    }
    // kubectl does not read these either, or starts nothing.
    for text in [
        template.to_owned(),
        format!("{template}---\n{}", bare()),
        format!("x: {{{{ y }}}}\n---\n{}", bare()),
        pod("'{{ x }}'", ""),
        bare().replace("\"a:1\"", "'{{ x }}'"),
        format!("{{{{/*\n{}*/}}}}\n", pod("\"{{ x }}\"", "")),
        pod("a", "").replace("image:", "{{ x }}\n    image:"),
        pod("a", "").replace("name: a,", "name: {{ x }}-a,"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: |- {{ include \"x\" . }}\n".to_owned(),
    ] {
        let run = check(text.as_bytes());
        assert_eq!(run.code, Some(0), "{text}\n{}{}", run.stdout, run.stderr);
        assert!(!run.stdout.contains("evil"), "{text}");
    }
}

#[test]
fn one_unrendered_image_does_not_hide_the_other_containers() {
    let text = bare() + "  - {name: b, image: '{{ x }}'}\n";
    let patches = ("p/kustomization.yaml", "patches: [{path: evil.yaml}]\n");
    let named = folder(&[patches, ("p/evil.yaml", &text)]);
    assert!(is_reported(&run(&named, "check", &[])));
    let text = text.replace("spec:\n", "spec:\n  $patch: merge\n");
    let with_directive = folder(&[("p/evil.yaml", &text)]);
    assert!(is_reported(&run(&with_directive, "check", &[])));
}

#[test]
fn streams_are_read_whatever_their_name() {
    let folder = folder(&[("evil.yaml", &bare())]);
    let shell = |script: &str| -> Run {
        let mut command = Command::new("bash");
        command.args(["-c", script]).current_dir(folder.path());
        command.env("FITOUT", env!("CARGO_BIN_EXE_fitout"));
        let output = command.stdin(Stdio::null()).output().unwrap();
        Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    };
    for script in [
        "\"$FITOUT\" check -f <(cat evil.yaml) -c c.yaml",
        "cat evil.yaml | \"$FITOUT\" check -f /dev/stdin -c c.yaml",
        "\"$FITOUT\" check -f /dev/stdin -c c.yaml < evil.yaml",
        "mkfifo pipe; cat evil.yaml > pipe & \"$FITOUT\" check -f pipe -c c.yaml",
    ] {
        assert!(is_reported(&shell(script)), "{script}");
    }
    for script in [
        "\"$FITOUT\" apply -i -f <(cat evil.yaml) -c c.yaml",
        "\"$FITOUT\" apply -i -f /dev/stdin -c c.yaml < evil.yaml",
    ] {
        shell(script).refused(script, 2, &["cannot be edited in place"]);
    }
    assert_eq!(folder.read("evil.yaml"), bare());
}

#[test]
fn an_empty_stream_goes_through() {
    let folder = folder(&[]);
    for text in [
        "",
        "\n",
        "# nothing\n",
        "---\n# Source: a/templates/b.yaml\n---\n",
    ] {
        let applied = folder.feed(&["apply", "-f", "-", "-c", "c.yaml"], text.as_bytes());
        assert_eq!((applied.code, &applied.stdout[..]), (Some(0), text));
        assert!(
            applied
                .stderr
                .contains("note: stdin contains no Kubernetes objects"),
            "{}",
            applied.stderr
        );
        let check = folder.feed(&["check", "-f", "-", "-c", "c.yaml"], text.as_bytes());
        assert_eq!(check.code, Some(0), "{}", check.stderr);
    }
    // What is not empty is no stream of nothing, and a wrong path must not look like success.
    let garbage = folder.feed(
        &["check", "-f", "-", "-c", "c.yaml"],
        b"Error: no such chart\n",
    );
    garbage.refused("garbage", 3, &["no Kubernetes objects in stdin"]);
    folder.write("empty.yaml", "");
    let file = folder.run(&["check", "-f", "empty.yaml", "-c", "c.yaml"]);
    file.refused("file", 3, &["no Kubernetes objects in empty.yaml"]);
}

#[test]
fn the_hint_of_check_reads_only_the_tree() {
    let folder = folder(&[
        ("p/evil.yaml", &bare()),
        (
            "other/kustomization.yaml",
            "resources: [/proc/kmsg, /dev/zero, big.yaml]\npatches: [{path: /proc/kmsg}]\n",
        ),
    ]);
    for fifo in ["other/big.yaml", "other/.gitignore", "p/.gitignore"] {
        folder.fifo(fifo);
    }
    assert!(is_reported(&run(
        &folder,
        "check",
        &["--respect-gitignore"]
    )));
}

#[test]
fn devices_are_not_read() {
    let folder = folder(&[]);
    let device = Path::new("/dev/zero");
    if !device.exists() {
        return;
    }
    symlink(device, folder.path().join("zero.yaml")).unwrap();
    for named in ["zero.yaml", "/dev/zero", "/dev/../dev/zero"] {
        for command in ["check", "plan", "apply"] {
            let run = folder.run(&[command, "-f", named, "-c", "c.yaml"]);
            run.refused(named, 3, &["FIT-INP001", "it is a device"]);
        }
    }
    let config = folder.run(&["check", "-f", "c.yaml", "-c", "zero.yaml"]);
    config.refused("the config", 2, &["FIT-CFG001", "it is a device"]);
    let run = folder.run(&["check", "-f", "/dev/null", "-c", "c.yaml"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[test]
fn ignore_files_are_read_as_git_reads_them() {
    let folder = folder(&[
        ("p/.git/HEAD", "ref: x\n"),
        ("p/evil.yaml", &bare()),
        ("outside", "evil.yaml\n"),
    ]);
    let plan = || folder.run(&["plan", "-f", "p", "-c", "c.yaml"]);
    // git follows no link to one, and a link can lead anywhere.
    for target in ["../outside", "/proc/kmsg", "absent"] {
        symlink(target, folder.path().join("p/.gitignore")).unwrap();
        let plan = plan();
        let found = plan.stdout.contains("Pod evil");
        assert!(found, "{target}: {}{}", plan.stdout, plan.stderr);
        fs::remove_file(folder.path().join("p/.gitignore")).unwrap();
    }
    folder.write("p/.gitignore", "evil.yaml\n");
    assert!(!plan().stdout.contains("Pod evil"));
    // Each pattern takes much memory.
    folder.write("p/.gitignore", &"*\n".repeat(100_000));
    plan().refused("large", 3, &["p/.gitignore has 200000 bytes", "-f"]);
    let check = folder.run(&["check", "-f", "p", "-c", "c.yaml"]);
    assert!(is_reported(&check), "check reads none");
}

#[test]
fn init_waits_for_no_fifo() {
    let folder = folder(&[("base/web.yaml", BASE), (".git/HEAD", "ref: x\n")]);
    for name in [".pre-commit-config.yaml", ".git/config", "fn-config"] {
        let path = folder.path().join(name);
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    }
    let init = folder.run(&["init", "--dry-run"]);
    assert!(init.code.is_some(), "{}", init.stderr);
}

#[test]
fn a_name_of_a_file_that_a_shell_writes_is_not_an_option() {
    let folder = folder(&[("evil.yaml", &bare())]);
    let lenient = format!("{CONFIG}  exclude: [{{kinds: [Pod]}}]\n");
    folder.write("lenient", &lenient);
    for name in [
        "--fail-on=never", "--config=lenient", "-clenient", "--quiet", "--exclude=*",
    ] {
        let file = folder.path().join(name);
        fs::write(&file, "").unwrap();
        // What a shell makes of `check -f *`.
        let run = folder.run(&["check", "-f", "evil.yaml", name]);
        run.refused(name, 2, &[&format!("`{name}` is an option")]);
        let script = [
            "check",
            "-c",
            "c.yaml",
            "-f",
            &format!("./{name}"),
            "evil.yaml",
        ];
        assert_eq!(folder.run(&script).code, Some(1), "{name}");
        fs::remove_file(file).unwrap();
    }
}
