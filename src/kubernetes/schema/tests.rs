#![allow(clippy::unwrap_used)]

use super::*;
use crate::yaml::Stream;

fn found(text: &str) -> Vec<String> {
    let stream = Stream::parse(text).unwrap();
    let root = stream.documents().next().unwrap().root();
    let text_of = |key: &str| root.text_at([key]).unwrap();
    let fields = fields_of(&text_of("apiVersion"), &text_of("kind")).unwrap();
    let row = |it: Mismatch<'_>| format!("{}: {}", it.path, it.expected);
    fields.types(root).mismatches.into_iter().map(row).collect()
}

#[test]
fn values_of_another_type_are_found_wherever_they_are() {
    let text = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: 1, labels: [a], annotations: {a: true, b: null, c: \"1\"}, ownerReferences: [{controller: \"true\"}]}
spec:
  replicas: \"2\"
  selector: {matchLabels: {app: 1.0}}
  template:
    metadata: {annotations: {prometheus.io/port: 8080}}
    spec:
      hostNetwork: \"true\"
      securityContext: {runAsUser: 1000.0, runAsGroup: 1.5, supplementalGroups: {a: 1}}
      volumes:
      - {name: a, emptyDir: {sizeLimit: true}, unknown: 1}
      containers:
      - name: a
        args: [1, b, ~]
        env: {A: b}
        resources: {limits: {cpu: 1, memory: [1]}}
        livenessProbe: {httpGet: {port: true}, periodSeconds: 3000000000}
";
    let expected = [
        "/metadata/name: a string",
        "/metadata/labels: a mapping",
        "/metadata/annotations/a: a string",
        "/metadata/ownerReferences/0/controller: a boolean",
        "/spec/replicas: a whole number of 32 bits",
        "/spec/selector/matchLabels/app: a string",
        "/spec/template/metadata/annotations/prometheus.io~1port: a string",
        "/spec/template/spec/hostNetwork: a boolean",
        "/spec/template/spec/securityContext/runAsGroup: a whole number of 64 bits",
        "/spec/template/spec/securityContext/supplementalGroups: a list",
        "/spec/template/spec/volumes/0/emptyDir/sizeLimit: a quantity",
        "/spec/template/spec/containers/0/args/0: a string",
        "/spec/template/spec/containers/0/env: a list",
        "/spec/template/spec/containers/0/resources/limits/memory: a quantity",
        "/spec/template/spec/containers/0/livenessProbe/httpGet/port: a whole number or a string",
        "/spec/template/spec/containers/0/livenessProbe/periodSeconds: a whole number of 32 bits",
    ];
    assert_eq!(found(text), expected);
}

#[test]
fn what_the_decoder_of_the_api_server_accepts_is_accepted() {
    let text = "\
apiVersion: v1
kind: Pod
metadata: {name: a, labels: ~, creationTimestamp: null, annotations: {a: ~, b: 2001-01-01}}
spec:
  hostNetwork: yes
  securityContext: {runAsUser: 1e3, runAsNonRoot: True, fsGroup: 0x10}
  containers:
  - {name: a, image: b, ports: ~, resources: {limits: {cpu: 1.5, memory: 1e9}}, livenessProbe: {httpGet: {port: 8e3}}}
  - ~
";
    assert_eq!(found(text), Vec::<String>::new());
}

#[test]
fn merged_values_have_the_type_of_their_field() {
    let text = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: a, annotations: {<<: &a {x: 1, y: 2}, x: \"1\"}}
data: {<<: *a, y: \"2\"}
";
    assert_eq!(
        found(text),
        ["/metadata/annotations/y: a string", "/data/x: a string"]
    );
}

/// The table is that of the Go types, and random objects are decoded alike. Needs Go and its module proxy:
/// `cargo test --lib conformance -- --ignored`; `CONFORMANCE_SEED=7` draws others.
#[test]
#[ignore = "needs Go"]
fn conformance_with_the_go_types() {
    let table = crate::kubernetes::tests::output(&["./schema/versions"]);
    assert!(
        table == include_bytes!("kubernetes.txt"),
        "kubernetes.txt is out of date"
    );
    let (mut rows, mut refused, mut wrong) = (0, 0, Vec::new());
    for line in crate::kubernetes::tests::upstream("./schema") {
        let (text, is_decoded) = line.split_once('\t').unwrap();
        let found = found(text);
        rows += 1;
        refused += usize::from(!found.is_empty());
        if found.is_empty() != (is_decoded == "true") {
            wrong.push(format!("{line} but here {found:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {rows}: {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(9)]
    );
    assert!(rows == 100_000 && refused > 10_000, "{refused} of {rows}");
}
