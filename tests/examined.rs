//! Reports name what was not examined, and keep objects with one name apart.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use serde_json::Value;

use crate::program::Folder;

const CONFIG: &str = "
apiVersion: fitout.dev/v1alpha1
kind: Fitout
metadata: {name: test}
spec:
  environment: test
  resources: {containers: {requests: {cpu: 100m}}}
  checks: {profile: privileged}
";

const UNKNOWN: &str = "
apiVersion: apps.openshift.io/v1
kind: DeploymentConfig
metadata: {name: a}
spec: {template: {spec: {containers: [{name: a, image: a:1, resources: {requests: {cpu: 1, memory: 1Gi}, limits: {memory: 1Gi}}}]}}}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: a}
spec: {}
";

/// A Job without a name, with a container.
fn job(prefix: &str, container: &str) -> String {
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {{generateName: {prefix}}}\nspec: {{template: {{spec: {{restartPolicy: Never, \
         containers: [{{name: {container}, image: a}}]}}}}}}\n"
    )
}

fn pod(container: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: same}}\nspec: {{containers: [{{name: {container}, image: a}}]}}\n"
    )
}

#[test]
fn the_last_line_names_what_is_not_examined() {
    let folder = Folder::with(&[("config.yaml", CONFIG), ("input.yaml", UNKNOWN)]);
    let last = |command: &str| {
        let run = folder.run(&[command, "-f", "input.yaml", "-c", "config.yaml"]);
        let text = run.stdout + &run.stderr;
        let line = text.lines().find(|line| line.contains("in 1 file"));
        line.unwrap_or_default().to_owned()
    };
    assert_eq!(
        last("check"),
        "Check  1 workload in 1 file for test: nothing that the config changes; 0 errors, 2 warnings, 2 notes (-v \
         shows them), 0 waived; 1 object not examined (HelmRelease)"
    );
    // Without a check, nothing looks at pods that are not changed.
    let unexamined = "; 2 objects not examined (1 DeploymentConfig, 1 HelmRelease)";
    for command in ["plan", "apply"] {
        let line = last(command);
        assert!(line.ends_with(unexamined), "{line}");
    }
}

#[test]
fn a_host_is_told_what_is_not_examined() {
    let list = |annotations: &str| {
        format!(
            "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nfunctionConfig: {{apiVersion: fitout.dev/v1alpha1, kind: \
             Fitout, metadata: {{name: test}}, spec: {{environment: test}}}}\nitems:\n- apiVersion: ray.io/v1\n  kind: \
             RayCluster\n  metadata: {{name: a, annotations: {{{annotations}}}}}\n  spec: {{head: {{template: {{spec: \
             {{containers: [{{name: a, image: a}}]}}}}}}}}\n"
        )
    };
    let line = "1 object not examined (RayCluster)";
    let folder = Folder::with(&[]);
    // kustomize drops results.
    let kustomize = folder.feed(&[], list("kustomize.config.k8s.io/id: '1'").as_bytes());
    let stderr = kustomize.stderr;
    assert!(stderr.ends_with(&format!("fitout: {line}\n")), "{stderr}");
    assert!(stderr.contains("warning[FIT-TGT001]"), "{stderr}");
    let kpt = folder.feed(
        &[],
        list("config.kubernetes.io/path: a.yaml, internal.config.kubernetes.io/path: a.yaml")
            .as_bytes(),
    );
    assert_eq!(kpt.code, Some(0), "{}", kpt.stderr);
    assert!(kpt.stdout.contains(line), "{}", kpt.stdout);
    assert!(kpt.stdout.contains("FIT-TGT001"), "{}", kpt.stdout);
}

#[test]
fn objects_with_one_name_or_none_are_reported_apart() {
    let folder = Folder::with(&[
        ("config.yaml", CONFIG),
        (
            "jobs.yaml",
            &format!("{}---\n{}", job("before-", "a"), job("after-", "b")),
        ),
        ("one/pod.yaml", &pod("a")),
        ("two/pod.yaml", &pod("b")),
        (
            "list.yaml",
            &format!(
                "apiVersion: v1\nkind: List\nitems:\n- {}- {}",
                pod("a").replace('\n', "\n  ").trim_end_matches(' '),
                pod("b").replace('\n', "\n  ").trim_end_matches(' ')
            ),
        ),
    ]);
    for (files, headings) in [
        (
            &["jobs.yaml"][..],
            ["Job before-  jobs.yaml", "Job after-  jobs.yaml"],
        ),
        (
            &["one", "two"],
            ["Pod same  one/pod.yaml", "Pod same  two/pod.yaml"],
        ),
        (
            &["list.yaml"],
            ["Pod same  list.yaml", "Pod same  list.yaml"],
        ),
    ] {
        let files: Vec<&str> = files.iter().flat_map(|file| ["-f", file]).collect();
        let run =
            |arguments: &[&str]| folder.run(&[arguments, &files, &["-c", "config.yaml"]].concat());
        let apply = run(&["apply", "-v"]).stderr;
        let found: Vec<&str> = apply
            .lines()
            .filter(|line| headings.contains(line))
            .collect();
        assert_eq!(found, headings, "{apply}");
        assert_eq!(apply.matches("requests.cpu 100m").count(), 2, "{apply}");
        let check = run(&["check"]).stdout;
        let count = check.matches("1 field would still change\n").count();
        assert_eq!(count, 2, "{check}");
        let json: Value = serde_json::from_str(&run(&["check", "-o", "json"]).stdout).unwrap();
        let drift = json["results"].as_array().unwrap().iter();
        let drift = drift.filter(|entry| entry["rule"] == "FIT-RUN001");
        let objects: Vec<&Value> = drift.map(|entry| &entry["object"]).collect();
        assert_eq!(objects, [&Value::from(0), &Value::from(1)], "{json}");
    }
    let json = folder
        .run(&[
            "check", "-f", "jobs.yaml", "-c", "config.yaml", "-o", "json",
        ])
        .stdout;
    assert!(json.contains("\"name\": \"before-\""), "{json}");
}

#[test]
fn local_config_is_examined_where_kubectl_applies_it() {
    let local = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, annotations: {config.kubernetes.io/local-config: 'true'}}\nspec: {hostPID: true, \
                 containers: [{name: a, image: a}]}\n";
    let config = CONFIG.replace("privileged", "baseline");
    let folder = Folder::with(&[("config.yaml", &config), ("input.yaml", local)]);
    let check = folder.run(&["check", "-f", "input.yaml", "-c", "config.yaml"]);
    assert_eq!(check.code, Some(1), "{}", check.stdout);
    assert!(check.stdout.contains("hostPID is true"), "{}", check.stdout);
    assert!(
        check
            .stdout
            .contains("Ledger  1 object: 1 checked only (local-config)"),
        "{}",
        check.stdout
    );
    // A host drops it.
    let list = format!(
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nfunctionConfig: {{apiVersion: fitout.dev/v1alpha1, kind: Fitout, \
         metadata: {{name: test}}, spec: {{environment: test, mode: Check, checks: {{profile: baseline}}}}}}\nitems:\n- {}",
        local.replace('\n', "\n  ").trim_end_matches(' ')
    );
    let run = folder.feed(&[], list.as_bytes());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[test]
fn what_is_too_much_to_compare_is_not_called_examined() {
    let run = |count: usize| {
        let list = |item: &dyn Fn(usize) -> String| {
            let items: Vec<String> = (0..count).map(item).collect();
            items.join(", ")
        };
        let containers = list(&|n| format!("{{name: c{n}, image: a}}"));
        let amounts = list(&|n| format!("example.com/x{n}: 1"));
        let input = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {{containers: [{containers}]}}\n---\n\
             apiVersion: v1\nkind: LimitRange\nmetadata: {{name: a}}\nspec: {{limits: [{{type: Container, max: {{{amounts}}}}}]}}\n"
        );
        let folder = Folder::with(&[("config.yaml", CONFIG), ("input.yaml", &input)]);
        let run = folder.run(&["check", "-f", "input.yaml", "-c", "config.yaml"]);
        run.stdout + &run.stderr
    };
    assert!(!run(4).contains("not examined in full"));
    let text = run(400);
    assert!(
        text.contains("not examined in full") && text.contains("FIT-TGT004"),
        "{text}"
    );
}
