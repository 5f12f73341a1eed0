//! What Kubernetes' readers refuse or read differently, through the real binary: as a function and as a command.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use crate::program::Folder;

const CONFIG: &str = "\
apiVersion: fitout.dev/v1alpha1
kind: Fitout
metadata: {name: test}
spec:
  environment: test
  securityContext: {profile: restricted}
";

const POD: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: shop}
spec:
  hostPID: false
  containers:
  - name: shop
    image: example.com/shop:1.0
";

/// A ResourceList with items on lines of their own.
fn list(items: &str) -> String {
    let config: String = CONFIG.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nfunctionConfig:\n{config}items:\n{items}"
    )
}

fn item(text: &str) -> String {
    let lines: String = text.lines().map(|line| format!("  {line}\n")).collect();
    lines.replacen("  ", "- ", 1)
}

/// The function and the command refuse an object with the same words.
#[track_caller]
fn is_refused(object: &str, expected: &[&str]) {
    let folder = Folder::with(&[("config.yaml", CONFIG), ("pod.yaml", object)]);
    folder
        .feed(&[], list(&item(object)).as_bytes())
        .refused(object, 1, expected);
    for command in ["check", "plan", "apply"] {
        let run = folder.run(&[command, "-f", "pod.yaml", "-c", "config.yaml"]);
        run.refused(object, 3, expected);
        run.refused(object, 3, &["pod.yaml:"]);
    }
}

/// What `check` says of a file; the file is read without errors.
fn check(text: &str) -> String {
    let folder = Folder::with(&[("config.yaml", CONFIG), ("in.yaml", text)]);
    let run = folder.run(&["check", "-f", "in.yaml", "-c", "config.yaml"]);
    assert!(!run.stderr.contains("FIT-INP"), "{}", run.stderr);
    run.stdout + &run.stderr
}

#[test]
fn duplicate_keys_are_refused_in_manifests() {
    let twice = ["FIT-INP004", "duplicate key", "first on line"];
    is_refused(&format!("{POD}  hostPID: true\n"), &twice);
    is_refused(&format!("{POD}  \"hostP\\u0049D\": true\n"), &twice);
    is_refused(
        &POD.replace("name: shop}", "name: shop, name: other}"),
        &twice,
    );
    is_refused(
        &format!("{POD}unknown: {{list: [{{a: 1, a: 2}}]}}\n"),
        &twice,
    );
    is_refused(
        &format!("{POD}unknown: {{1: a, \"1\": b, true: c}}\n"),
        &twice,
    );
    is_refused(&format!("{POD}unknown: {{yes: a, \"true\": b}}\n"), &twice);
    let folder = Folder::with(&[]);
    let json =
        r#"{"apiVersion":"config.kubernetes.io/v1","kind":"ResourceList","items":[],"items":[]}"#;
    folder
        .feed(&[], json.as_bytes())
        .refused("JSON", 1, &["FIT-INP004", "`\"items\"`"]);
}

#[test]
fn duplicate_keys_are_refused_in_configs() {
    let config = format!("{CONFIG}  environment: other\n");
    let folder = Folder::with(&[("config.yaml", &config), ("pod.yaml", POD)]);
    let run = folder.run(&["check", "-f", "pod.yaml", "-c", "config.yaml"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    let expected = "duplicate key `environment`, first on line 5";
    assert!(run.stderr.contains(expected), "{}", run.stderr);
    let config_map =
        r#"{apiVersion: v1, kind: ConfigMap, data: {config: "environment: a\nenvironment: b\n"}}"#;
    let input = format!(
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: []\nfunctionConfig: {config_map}"
    );
    folder
        .feed(&[], input.as_bytes())
        .refused("ConfigMap", 1, &["duplicate key `environment`"]);
}

#[test]
fn files_without_objects_may_have_any_keys() {
    let values = "image: a\nimage: b\nname: {{ .Values.name }}\n";
    let folder = Folder::with(&[
        ("config.yaml", CONFIG),
        ("in/pod.yaml", POD),
        ("in/values.yaml", values),
    ]);
    let run = folder.run(&["check", "-f", "in", "-c", "config.yaml"]);
    assert!(!run.stderr.contains("FIT-INP"), "{}", run.stderr);
    folder.write("in/values.yaml", &format!("{POD}---\n{values}"));
    let run = folder.run(&["check", "-f", "in", "-c", "config.yaml"]);
    run.refused("objects", 3, &["FIT-INP004", "in/values.yaml:11:1"]);
}

#[test]
fn merges_that_readers_do_not_agree_about_are_refused() {
    let pod = POD.replace(
        "  hostPID: false\n",
        "  hostPID: false\n  <<: {hostPID: true}\n",
    );
    is_refused(
        &pod,
        &[
            "FIT-INP005", "`hostPID` precedes a `<<`", "write `<<` first",
        ],
    );
    let pod = POD.replace(
        "  hostPID: false\n",
        "  <<: {hostPID: true}\n  hostPID: false\n",
    );
    assert!(!check(&pod).contains("hostPID"));
    let pod = POD.replace("  hostPID: false\n", "  <<: {hostPID: true}\n");
    assert!(check(&pod).contains("hostPID"));
}

#[test]
fn templates_that_were_not_rendered_are_refused() {
    let expected = ["FIT-INP005", "unrendered template"];
    is_refused(
        &POD.replace("name: shop}", "name: {{ .Values.name }}}"),
        &expected,
    );
    is_refused(
        &format!("{POD}    unknown: {{{{ .Values.x }}}}\n"),
        &expected,
    );
}

#[test]
fn booleans_count_in_all_spellings() {
    for yes in [
        "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y",
    ] {
        let pod = POD.replace("hostPID: false", &format!("hostPID: {yes}"));
        assert!(check(&pod).contains("hostPID"), "{yes}");
    }
    let privileged = format!("{POD}    securityContext: {{privileged: Yes}}\n");
    let folder = Folder::with(&[("config.yaml", CONFIG), ("pod.yaml", &privileged)]);
    let run = folder.run(&["apply", "-f", "pod.yaml", "-c", "config.yaml"]);
    assert!(
        !run.stdout.contains("allowPrivilegeEscalation"),
        "{}",
        run.stdout
    );
    for text in ["\"true\"", "'yes'", "!!str true", "tRUE", "1"] {
        let pod = POD.replace("hostPID: false", &format!("hostPID: {text}"));
        is_refused(
            &pod,
            &[
                "FIT-INP003",
                "expected a boolean, found the",
                "spec.hostPID",
            ],
        );
    }
}

#[test]
fn a_pod_does_not_hide_behind_the_items_of_a_list() {
    for items in [
        "items: [{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}]",
        "kind: AllowList\nitems: ~",
        "kind: AllowList\nitems: []",
    ] {
        let kind = match items.contains("AllowList") {
            true => "",
            false => "kind: Deployment\n",
        };
        let hidden = format!("apiVersion: apps/v1\n{kind}{items}\nspec: {{hostPID: true}}\n");
        is_refused(&hidden, &["FIT-INP008", "`spec` in an object with `items`"]);
    }
}

#[test]
fn values_have_the_type_of_their_field_in_custom_resources_too() {
    let rollout = "\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: shop}
spec:
  template:
    spec:
      containers:
      - {name: shop, image: example.com/shop:1.0, securityContext: {privileged: \"true\"}}
";
    is_refused(
        rollout,
        &[
            "FIT-INP003",
            "expected a boolean",
            "spec.template.spec.containers[0].securityContext.privileged",
        ],
    );
    let task = "\
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: build}
spec:
  steps:
  - {name: build, image: example.com/build:1.0, env: [{name: A, value: 1}]}
";
    is_refused(
        task,
        &[
            "FIT-INP003",
            "expected a string, found the number 1",
            "spec.steps[0].env[0].value",
        ],
    );
    let widget = "apiVersion: acme.io/v1\nkind: Widget\nmetadata: {name: a, namespace: 7}\nspec: {size: \"2\"}\n";
    is_refused(
        widget,
        &["FIT-INP003", "metadata.namespace", "quote it: \"7\""],
    );
}

#[test]
fn values_of_secrets_are_not_shown() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {pin: 12345}\ndata: {a: hunter2}\n";
    let folder = Folder::with(&[("config.yaml", CONFIG), ("secret.yaml", secret)]);
    let run = folder.run(&["check", "-f", "secret.yaml", "-c", "config.yaml"]);
    run.refused(
        "secret",
        3,
        &[
            "expected a string, found a number",
            "expected a string in base64, found a string",
        ],
    );
    assert!(
        !run.stderr.contains("12345") && !run.stderr.contains("hunter2"),
        "{}",
        run.stderr
    );
}

const SPEC: &str = "{hostPID: true, containers: [{name: a, image: \"example.com/a:1.0\"}]}";

/// As kubectl reads lists: see `UnstructuredJSONScheme` of k8s.io/apimachinery.
#[test]
fn items_of_lists_are_read_as_kubectl_reads_them() {
    let texts = [
        format!("apiVersion: v1\nkind: PodList\nitems:\n- metadata: {{name: a}}\n  spec: {SPEC}\n"),
        format!(
            "apiVersion: apps/v1\nkind: DeploymentList\nitems:\n- metadata: {{name: a}}\n  spec: {{template: {{spec: {SPEC}}}}}\n"
        ),
        format!(
            "apiVersion: v1\nkind: List\nitems: [{{apiVersion: v1, kind: PodList, items: [{{spec: {SPEC}}}]}}]\n"
        ),
        format!(
            "apiVersion: v1\nkind: ConfigMap\nitems: [{{apiVersion: v1, kind: Pod, spec: {SPEC}}}]\n"
        ),
        format!("apiVersion: v1\nkind: Pod\nitems: [{{spec: {SPEC}}}]\n"),
    ];
    for text in texts {
        assert!(check(&text).contains("hostPID"), "{text}");
        let folder = Folder::with(&[]);
        let run = folder.feed(&[], list(&item(&text)).as_bytes());
        assert!(run.stderr.contains("hostPID"), "{text}\n{}", run.stderr);
    }
    check(&format!(
        "{POD}---\napiVersion: v1\nkind: PodList\nitems: null\n"
    ));
    is_refused(
        "apiVersion: v1\nkind: PodList\nitems: {a: b}\n",
        &["FIT-INP003", "expected a list", "items"],
    );
    is_refused(
        "apiVersion: v1\nkind: PodList\nitems: [a]\n",
        &["FIT-INP003", "expected an object"],
    );
    is_refused(
        "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, metadata: {name: a}}]\n",
        &["FIT-INP007", "without kind"],
    );
}

#[test]
fn objects_have_an_api_version_and_a_kind() {
    is_refused(
        "kind: Deployment\nmetadata: {name: shop}\n",
        &["FIT-INP007", "without apiVersion"],
    );
    is_refused(
        "apiVersion: v1\nmetadata: {name: shop}\n",
        &["FIT-INP007", "without kind"],
    );
    is_refused(
        "apiVersion: v1\nkind: 1\nmetadata: {name: shop}\n",
        &["FIT-INP003", "expected a string"],
    );
    is_refused(
        "apiVersion: v1\nkind: [Pod]\nmetadata: {name: a}\n",
        &["FIT-INP003", "expected a string"],
    );
}

#[test]
fn lists_and_concatenated_objects_are_refused_as_files() {
    let pod = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}"#;
    let refused = |text: &str, expected: &[&str]| {
        let folder = Folder::with(&[("config.yaml", CONFIG), ("in.json", text)]);
        let run = folder.run(&["check", "-f", "in.json", "-c", "config.yaml"]);
        run.refused(text, 3, expected);
    };
    refused(
        &format!("[{pod}]\n"),
        &["FIT-INP008", "a list of objects", "kind List"],
    );
    refused(
        &format!("{pod}{pod}\n"),
        &["FIT-INP001", "`---`", "kustomize reads only the first"],
    );
    refused(
        &format!("{pod}\n{pod}\n"),
        &["FIT-INP001", "`---`", "kustomize reads only the first"],
    );
}

/// Less than two kilobytes each.
#[test]
fn aliases_are_limited_everywhere() {
    let chain = |first: &str, next: &dyn Fn(usize) -> String| {
        let mut text = format!("bomb:\n  a0: &a0 {first}\n");
        for i in 1..30 {
            text.push_str(&format!("  a{i}: &a{i} {}\n", next(i - 1)));
        }
        text
    };
    let bombs = [
        chain("{z: 1}", &|i| format!("{{<<: [*a{i}, *a{i}]}}")),
        chain("[x]", &|i| format!("[*a{i}, *a{i}]")),
        chain("{kind: List, items: []}", &|i| {
            format!("{{apiVersion: v1, kind: List, items: [*a{i}, *a{i}]}}")
        }),
    ];
    for bomb in bombs {
        let expected = ["FIT-INP006", "write fewer aliases"];
        is_refused(&format!("{POD}{bomb}"), &expected);
        is_refused(
            &format!(
                "apiVersion: v1\nkind: Unknown\n{bomb}metadata: {{annotations: {{a: *a29}}}}\n"
            ),
            &expected,
        );
        let config = format!("{CONFIG}{bomb}");
        let folder = Folder::with(&[
            ("config.yaml", &config),
            ("pod.yaml", POD),
            ("values.yaml", &bomb),
        ]);
        let run = folder.run(&["check", "-f", "pod.yaml", "-c", "config.yaml"]);
        run.refused("config", 2, &expected);
        folder.write("config.yaml", CONFIG);
        let run = folder.run(&["check", "-f", "values.yaml", "-c", "config.yaml"]);
        run.refused("no objects", 3, &expected);
        let input = format!("{}{bomb}", list(&item(POD)));
        folder
            .feed(&[], input.as_bytes())
            .refused("function", 1, &expected);
    }
    is_refused(
        "apiVersion: v1\nkind: List\nitems: &a [{a: *a}]\n",
        &["FIT-INP001", "infinite"],
    );
}
