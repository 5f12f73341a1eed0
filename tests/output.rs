//! What comes out: text from outside is data, exit codes do not depend on the reader, and Secrets stay hidden.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::fs::File;
use std::process::{Command, Stdio};

use kustomize_krm_types::ResourceList;
use proptest::prelude::*;

use crate::program::{Folder, Run};
use crate::reports::ALL;

/// A manifest with a mark for each place that an author fills.
pub(crate) const MANIFEST: &str = r#"
apiVersion: apps/v1
kind: «kind»
metadata:
  name: «name»
  namespace: «namespace»
  labels: {app: «label»}
  annotations:
    fitout.dev/skip: «skip»
    fitout.dev/profile: «profile»
    prometheus.io/port: «port»
spec:
  selector: {matchLabels: {app: «label»}}
  serviceName: «service»
  template:
    metadata:
      labels: {app: «label», «key»: x}
      annotations: {prometheus.io/scrape: «scrape»}
    spec:
      serviceAccountName: «account»
      hostPID: true
      containers:
      - name: «container»
        image: «image»
        env: [{name: «variable», value: «value»}]
        ports: [{name: «portname», containerPort: 80}]
        resources: {requests: {cpu: «cpu»}, limits: {«resource»: 1}}
        securityContext: {privileged: true, capabilities: {add: [«capability»]}}
        volumeMounts: [{name: «volume», mountPath: «path»}]
      volumes: [{name: «volume», hostPath: {path: «path»}}]
  volumeClaimTemplates:
  - metadata: {name: «claim»}
    spec: {storageClassName: «class», accessModes: [«mode»], resources: {requests: {storage: «size»}}}
---
apiVersion: v1
kind: Service
metadata: {name: «service», namespace: «namespace»}
spec: {selector: {app: «selector»}, ports: [{port: 80, targetPort: «target»}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: «ingress», namespace: «namespace»}
spec: {rules: [{host: «host», http: {paths: [{path: /, backend: {service: {name: «backend», port: {name: «portname»}}}}]}}]}
"#;

/// A config with a mark for each place that its owner fills.
pub(crate) const CONFIG: &str = r#"
apiVersion: fitout.dev/v1alpha1
kind: Fitout
metadata: {name: test}
spec:
  environment: «environment»
  resources: {containers: {requests: {cpu: 100m}, limits: {memory: 1Gi}}}
  securityContext: {profile: restricted}
  storage: {storageClassName: «storage»}
  exemptions: [{select: {kind: StatefulSet}, rules: [FIT-PSS-hostNamespaces], reason: «reason»}]
  profiles: [{name: «profilename», select: {name: «matched»}, resources: {containers: {requests: {cpu: 200m}}}}]
"#;

pub(crate) fn places() -> Vec<&'static str> {
    let texts = [MANIFEST, CONFIG].into_iter();
    let parts = texts.flat_map(|text| text.split('«').skip(1));
    let mut places: Vec<&str> = parts.map(|part| part.split_once('»').unwrap().0).collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// A template with hostile text in some places, and what is right in the others.
pub(crate) fn filled(template: &str, hostile: &str, is_hostile: impl Fn(&str) -> bool) -> String {
    let mut text = String::new();
    let mut parts = template.split('«');
    text.push_str(parts.next().unwrap());
    for part in parts {
        let (place, rest) = part.split_once('»').unwrap();
        let right = match place {
            "kind" => "StatefulSet",
            "image" => "example.com/x:1",
            "cpu" | "size" => "1",
            "capability" => "SYS_ADMIN",
            "path" => "/x",
            "mode" => "ReadWriteOnce",
            "resource" => "memory",
            "skip" => "",
            "port" | "target" => "80",
            "reason" => "a reason long enough",
            place => place,
        };
        let value = if is_hostile(place) { hostile } else { right };
        text.push('"');
        for c in value.chars() {
            text.push_str(&format!("\\U{:08X}", u32::from(c)));
        }
        text.push('"');
        text.push_str(rest);
    }
    text
}

/// Fails if text for people has a character that a terminal obeys or hides.
#[track_caller]
pub(crate) fn shows_everything(what: &str, text: &str) {
    let is_bad = |c: char| {
        (c.is_control() && c != '\n')
            || ('\u{200b}'..='\u{200f}').contains(&c)
            || ('\u{2028}'..='\u{202e}').contains(&c)
            || ('\u{2060}'..='\u{206f}').contains(&c)
            || "\u{61c}\u{feff}\u{ad}".contains(c)
    };
    if let Some(c) = text.chars().find(|c| is_bad(*c)) {
        panic!("{what}: {c:?} in\n{text:?}");
    }
}

/// The same, and if a line could be a command.
#[track_caller]
fn is_harmless(what: &str, text: &str) {
    shows_everything(what, text);
    for line in text.lines() {
        let is_command = ["::", "FORGED"]
            .iter()
            .any(|it| line.trim_start().starts_with(it));
        let is_command = is_command || ["##[", "##vso["].iter().any(|it| line.contains(it));
        assert!(!is_command, "{what}: {line:?} in\n{text}");
    }
}

/// Runs every command on hostile text in some places.
fn check_everything(hostile: &str, is_hostile: impl Fn(&str) -> bool, file: &str) {
    let manifest = filled(MANIFEST, hostile, &is_hostile);
    let config = filled(CONFIG, hostile, &is_hostile);
    let file = format!("{file}.yaml");
    let several = config.replacen("  environment:", "  # environment:", 1)
        + "  environments: {staging: {}, production: {resources: {containers: {requests: {cpu: 50m}}}}}\n";
    let folder = Folder::with(&[
        (&file, &manifest),
        ("config", &config),
        ("several", &several),
    ]);
    for arguments in [
        &["compare", "-f", &file, "-c", "several", "--all"][..],
        &[
            "compare", "-f", &file, "-c", "several", "--all", "-o", "markdown",
        ],
        &[
            "compare", "-f", &file, "-c", "several", "--all", "-o", "html",
        ],
        &["plan", "-f", &file, "-c", "config", "-o", "html"],
        &["check", "-f", &file, "-c", "config", "-o", "html"],
        &["plan", "-v", "-f", &file, "-c", "config"],
        &["check", "-v", "-f", &file, "-c", "config"],
        &["apply", "-v", "-f", &file, "-c", "config"],
        &[
            "apply", "-i", "-v", "--fail-on", "never", "-f", &file, "-c", "config", "-o",
            "text=out",
        ],
        &["plan", "-f", &format!("{file}-absent"), "-c", "config"],
        &["config", "show", "-c", "config", "-f", &file],
        &["plan", "-f", &file, "-e", hostile.trim_matches('\0')],
        &[
            "plan",
            "-f",
            &file,
            &format!("--{}", hostile.replace('\0', "")),
        ],
    ] {
        if arguments.iter().any(|argument| argument.contains('\0')) {
            continue;
        }
        let run = folder.run(arguments);
        assert!(
            !run.stderr.contains("a bug in fitout"),
            "{arguments:?}: {}",
            run.stderr
        );
        is_harmless(&format!("{arguments:?}"), &run.stderr);
        // Standard output of `apply` is the manifest.
        if arguments[0] != "apply" {
            is_harmless(&format!("{arguments:?}"), &run.stdout);
        }
    }
    if !file.starts_with('-') {
        for command in ["plan", "check"] {
            crate::reports::check_hostile(&folder, command, &file);
        }
    }
    // On a narrow terminal, cells of the summary have several lines.
    for columns in ["40", "60", "103"] {
        let mut command = folder.command(&["apply", "-v", "-f", &file, "-c", "config"]);
        command.env("COLUMNS", columns);
        is_harmless(&format!("{columns} columns"), &feed(command, "").stderr);
    }
    if let Ok(report) = std::fs::read_to_string(folder.path().join("out")) {
        is_harmless("-o text=FILE", &report);
    }
    let items = manifest.split("\n---\n").map(|item| {
        let lines = item.trim_start().lines().map(|line| format!("  {line}\n"));
        lines.collect::<String>().replacen(' ', "-", 1)
    });
    let indented: String = config
        .trim_start()
        .lines()
        .map(|line| format!("  {line}\n"))
        .collect();
    let list = format!(
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n{}functionConfig:\n{indented}",
        items.collect::<String>()
    );
    for (list, mode) in [
        (list.clone(), "apply"),
        (
            list.replace("\n  spec:\n    env", "\n  spec:\n    mode: Check\n    env"),
            "check",
        ),
    ] {
        let mut command = folder.command(&[]);
        command.env("FITOUT_OUTPUT", "stderr,results");
        let run = feed(command, &list);
        is_harmless(&format!("function, {mode}"), &run.stderr);
        let output: ResourceList = match run.stdout.as_str() {
            "" => continue,
            text => serde_yaml::from_str(text).unwrap(),
        };
        for result in output.results {
            let name = result
                .resource_ref
                .map(|it| it.kind + &it.name + &it.namespace.unwrap_or_default());
            let field = result.field.map(|it| it.path);
            for text in [Some(result.message), name, field].into_iter().flatten() {
                is_harmless(&format!("results, {mode}"), &format!("> {text}"));
            }
        }
    }
}

fn feed(mut command: Command, stdin: &str) -> Run {
    use std::io::Write;
    let piped = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(stdin.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

const HOSTILE: &str = "\n::error file=x::FORGED\rFORGED\u{1b}]0;FORGED\u{7}\u{9b}2J\u{7f}\u{85}\u{2028}FORGED\u{202e}\u{2066}\u{200f}\u{61c}\u{feff}\t\n##[error]FORGED ##vso[task.complete]\nFORGED";

/// What would be a link, a mention, a tag, the end of a fence, or a property in a report.
const MARKUP: &str = "FORGED](https://x.test) [a](b) @team #1 <b>x</b></code></summary></details><!-- --> & `` ``` ````\n```\n# FORGED\n| a | b |\n%0A::error::FORGED,title=x:y ]]> <![CDATA[ \"'/> **a** {0}";

#[test]
fn markup_in_any_place_is_text() {
    let mut shown = 0;
    for place in places() {
        let manifest = filled(MANIFEST, MARKUP, |it| it == place);
        let config = filled(CONFIG, MARKUP, |it| it == place);
        let folder = Folder::with(&[("shop.yaml", &manifest), ("config", &config)]);
        for command in ["plan", "check"] {
            shown += crate::reports::check_hostile(&folder, command, "shop.yaml");
        }
    }
    let name = MARKUP.replace(['/', '\n'], "-") + ".yaml";
    let right = |_: &str| false;
    let files = [
        (&*name, &*filled(MANIFEST, "", right)),
        ("config", &filled(CONFIG, "", right)),
    ];
    shown += crate::reports::check_hostile(&Folder::with(&files), "plan", &name);
    assert!(shown > 200, "the text is in {shown} reports");
}

#[test]
fn hostile_text_in_any_place_is_escaped() {
    for place in places() {
        check_everything(HOSTILE, |it| it == place, "shop");
    }
    check_everything("::error::FORGED", |_| true, "shop");
    // Each word can begin a line of a wrapped cell.
    check_everything(
        "a FORGED FORGED ::error::FORGED FORGED FORGED FORGED",
        |place| place == "container",
        "shop",
    );
    check_everything("FORGED", |place| place == "container", "shop");
    check_everything(HOSTILE, |_| true, "shop");
    let name = HOSTILE.replace('/', "");
    check_everything("x", |_| false, &name);
    check_everything(HOSTILE, |place| place == "kind", "::error::FORGED");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_hostile_text_is_escaped(
        parts in prop::collection::vec(prop_oneof![
            Just("\n"), Just("\r"), Just("\u{1b}["), Just("::error::FORGED"), Just("##[error]"), Just("##vso[a]"), Just("FORGED"),
            Just("\u{202e}"), Just("\u{200b}"), Just("\u{2029}"), Just("\u{85}"), Just(" "), Just("\t"), Just("a"), Just("\""), Just("\\"),
            Just("---"), Just("- "), Just("error[FIT-X]: "), Just("│"), Just("{"), Just("]")
        ], 1..9),
        chosen in any::<prop::sample::Index>(),
    ) {
        let place = places()[chosen.index(places().len())];
        let text: String = parts.concat();
        // A name that begins so is quoted, but a kind of letters is not.
        check_everything(&text, |it| it == place && it != "environment" && it != "profilename", "shop");
    }
}

/// What the program prints to a file descriptor that the shell prepares.
fn redirected(folder: &Folder, arguments: &str, to: &str) -> Option<i32> {
    let script = format!("\"$0\" {arguments} {to}");
    let program = env!("CARGO_BIN_EXE_fitout");
    let shell = Command::new("sh")
        .args(["-c", &script, program])
        .current_dir(folder.path())
        .stdin(File::open("/dev/null").unwrap())
        .stdout(File::create(folder.path().join("stdout")).unwrap())
        .stderr(Stdio::null())
        .status();
    shell.unwrap().code()
}

#[test]
fn exit_codes_do_not_depend_on_the_reader() {
    let is_right = |_: &str| false;
    let folder = Folder::with(&[
        ("shop.yaml", &filled(MANIFEST, "", is_right)),
        ("config", &filled(CONFIG, "", is_right)),
        (
            "same.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
        ),
    ]);
    let on = |command: &str, file: &str| format!("{command} -f {file}.yaml -c config");
    // The report of a check is for whoever reads it; manifests that are lost are an error.
    for (command, file, to, code) in [
        ("check", "shop", "", 1),
        ("check", "shop", ">&-", 1),
        ("check", "shop", "2>&-", 1),
        ("check", "shop", ">&- 2>&-", 1),
        ("check", "same", ">&-", 0),
        ("check", "same", ">/dev/full", 4),
        ("check -o json", "shop", ">/dev/full", 4),
        ("plan --exit-code", "shop", ">&-", 1),
        ("apply --fail-on never", "same", ">/dev/null", 0),
        ("apply --fail-on never", "same", "2>&-", 0),
        ("apply --fail-on never", "same", ">&-", 4),
        ("apply --fail-on never", "same", ">/dev/full", 4),
    ] {
        let arguments = on(command, file);
        assert_eq!(
            redirected(&folder, &arguments, to),
            Some(code),
            "{arguments} {to}"
        );
    }
    // A stream that was never there is not an empty one.
    for (arguments, from, code) in [
        ("apply -f - -c config", "<&-", 3),
        ("check -f - -c config", "<&-", 3),
        ("check -f /dev/stdin -c config", "<&-", 3),
        ("check -f /dev/stdin -c config", "</dev/null", 0),
    ] {
        let found = redirected(&folder, arguments, from);
        assert_eq!(found, Some(code), "{arguments} {from}");
    }
    let failed = "apply -i -f shop.yaml -c config --fail-on never -o json=/dev/full";
    let before = folder.read("shop.yaml");
    assert_ne!(redirected(&folder, failed, ""), Some(0));
    assert_eq!(
        folder.read("shop.yaml"),
        before,
        "nothing is written if the report cannot be"
    );
}

#[test]
fn messages_of_other_programs_are_escaped() {
    let folder = Folder::with(&[("o/kustomization.yaml", ""), ("kustomize", "")]);
    folder.write(
        "stderr",
        HOSTILE
            .trim_end_matches("\nFORGED")
            .trim_start_matches('\n'),
    );
    folder.write("kustomize", "#!/bin/sh\ncat stderr >&2\nexit 1\n");
    let program = folder.path().join("kustomize");
    std::fs::set_permissions(program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = folder.command(&["apply", "-k", "o"]);
    command.env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()));
    let run = feed(command, "");
    is_harmless("kustomize", &run.stderr);
    assert!(
        run.stderr.contains("the build of o failed"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("FORGED"), "{}", run.stderr);
}

/// Secrets in every spelling, in flow style, with the value `hunter2`.
const SECRETS: [&str; 14] = [
    r#"{"apiVersion": v1, kind: Secret, metadata: {name: s}, stringData: {p: hunter2}}"#,
    r#"{"apiVersion": v1, kind: "\u0053ecret", metadata: {name: s}, stringData: {p: hunter2}}"#,
    r#"{"apiVersion": v1, "\x6bind": "Secre\x74", metadata: {name: s}, data: {p: hunter2}}"#,
    r#"{"apiVersion": v1, kind: !!str Secret, metadata: {name: s}, data: {p: hunter2}}"#,
    r#"{"apiVersion": v1, kind: !!binary U2VjcmV0, metadata: {name: s}, data: {p: hunter2}}"#,
    r#"{"apiVersion": v1, kind: SecretList, items: [{metadata: {name: s}, stringData: {p: hunter2}}]}"#,
    r#"{"apiVersion": v1, kind: List, items: [{"apiVersion": v1, kind: Secret, metadata: {name: s}, data: {p: hunter2}}]}"#,
    r#"{"apiVersion": template.openshift.io/v1, kind: Template, metadata: {name: t}, objects: [{kind: Secret, "apiVersion": v1, data: {p: hunter2}}]}"#,
    r#"{"apiVersion": work.open-cluster-management.io/v1, kind: ManifestWork, metadata: {name: m}, spec: {workload: {manifests: [{kind: Secret, data: {p: hunter2}}]}}}"#,
    r#"{"apiVersion": v1, kind: ConfigMap, metadata: {name: s}, data: &d {p: hunter2}}, {"apiVersion": v1, kind: Secret, metadata: {name: s}, stringData: *d}"#,
    r#"{"apiVersion": v1, kind: ConfigMap, metadata: {name: s}, data: {<<: &d {p: hunter2}}}, {"apiVersion": v1, kind: Secret, metadata: {name: s}, stringData: {<<: *d}}"#,
    r#"{"apiVersion": v1, kind: ConfigMap, metadata: {name: s}, x: &k {kind: Secret}}, {"apiVersion": v1, <<: *k, metadata: {name: s}, stringData: {p: hunter2}}"#,
    r#"{"apiVersion": v1, kind: ConfigMap, metadata: {name: s, annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"kind":"Secret","data":{"p":"hunter2"}}'}}}"#,
    r#"{"apiVersion": v1, kind: ConfigMap, metadata: {name: s, annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"kind":"\u0053ecret","data":{"p":"hunter2"}}'}}}"#,
];

#[test]
fn the_values_of_secrets_stay_hidden_in_every_spelling() {
    let good = r#"{"apiVersion": apps/v1, kind: Deployment, metadata: {name: w}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: "x:1"}]}}}}"#;
    let bad = r#"{"apiVersion": apps/v1, kind: Deployment, metadata: {name: w}, spec: {template: {spec: {containers: [5]}}}}"#;
    let broken = r#"{"apiVersion": apps/v1, kind: Deployment"#;
    let config = filled(CONFIG, "", |_| false);
    for secret in SECRETS {
        for neighbour in [good, bad, broken] {
            for separator in [", ", ",\n ", ",\n # hunter2\n "] {
                // A comment can repeat a value only inside of a Secret.
                let secret = match separator.contains('#') {
                    true => secret.replacen("metadata", "# hunter2\n  metadata", 1),
                    false => secret.to_owned(),
                };
                let separator = separator.split('#').next().unwrap();
                let list = format!(
                    "{{\"apiVersion\": v1, kind: List, items: [{secret}{separator}{neighbour}]}}\n"
                );
                let folder = Folder::with(&[("a.yaml", &list), ("config", &config)]);
                for command in ["plan", "check", "apply"] {
                    let reports = [&["-f", "a.yaml", "-c", "config"][..], &ALL].concat();
                    let run = folder.run(&[&[command, "-v"][..], &reports].concat());
                    for file in ALL.iter().filter_map(|it| it.split_once('=')) {
                        let report = std::fs::read_to_string(folder.path().join(file.1));
                        let report = report.unwrap_or_default();
                        assert!(!report.contains("hunter2"), "{command} of {list}\n{report}");
                    }
                    let shown = match command {
                        "apply" => run.stderr,
                        _ => run.stdout + &run.stderr,
                    };
                    assert!(!shown.contains("hunter2"), "{command} of {list}\n{shown}");
                }
            }
        }
    }
}

#[test]
fn a_secret_hides_only_itself() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  p: hunter2\n  # was hunter2\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w}\nspec: {template: {spec: {containers: 5}}}\n";
    let folder = Folder::with(&[("a.yaml", text), ("config", &filled(CONFIG, "", |_| false))]);
    let run = folder.run(&["plan", "-f", "a.yaml", "-c", "config"]);
    assert!(run.stderr.contains("containers: 5"), "{}", run.stderr);
    assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
}

#[test]
fn what_has_the_wrong_shape_in_a_secret_is_not_shown() {
    let config = filled(CONFIG, "", |_| false);
    for (text, found) in [
        ("kind: SecretList\nitems: [hunter2]\n", "found a string"),
        ("kind: SecretList\nitems: hunter2\n", "found a string"),
        (
            "kind: SecretList\nitems: [{metadata: hunter2}]\n",
            "found a string",
        ),
        (
            "kind: SecretList\nitems: [{metadata: {name: s, labels: {a: 4711}}}]\n",
            "found a number",
        ),
        (
            "kind: \"\\x53ecret\"\nmetadata: {name: s}\ndata: {p: 4711}\n",
            "found a number",
        ),
        (
            "kind: Secret\nmetadata: {name: s}\nstringData: [hunter2]\n",
            "found a list",
        ),
        (
            "kind: Secret\nmetadata: {name: s}\nstringData: hunter2\n",
            "found a string",
        ),
    ] {
        let text = format!("apiVersion: v1\n{text}");
        let folder = Folder::with(&[("a.yaml", &text), ("config", &config)]);
        for arguments in [
            &["check"][..],
            &["plan"],
            &["plan", "-o", "json"],
            &["apply"],
        ] {
            let run = folder.run(&[arguments, &["-f", "a.yaml", "-c", "config"]].concat());
            let shown = run.stdout + &run.stderr;
            assert!(shown.contains(found), "{text}{shown}");
            assert!(
                !shown.contains("hunter2") && !shown.contains("4711"),
                "{text}{shown}"
            );
        }
    }
}
