//! `fitout preflight` with a kubectl that is missing, that reaches no cluster, or that answers with recorded text.
//!
//! `e2e/preflight.rs` tests it with a real cluster.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;

use crate::program::{Folder, Run};

const CLAIM: &str = "
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {storageClassName: gold, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
";

/// A cluster with one storage class, `standard`, and none of the objects in question.
const ANSWERS: &str = r#"#!/bin/sh
case "$*" in
*"get --raw /version") echo '{"major": "1", "minor": "34"}' ;;
*"config view"*) printf shop ;;
*"get --raw /api/v1") echo '{"resources": [{"kind": "PersistentVolumeClaim", "name": "persistentvolumeclaims", "namespaced": true}]}' ;;
*"storageclasses,persistentvolumes"*) echo '{"kind": "List", "items": [{"kind": "StorageClass", "metadata": {"name": "standard"}}]}' ;;
*"get -o json --ignore-not-found -f -") ;;
*) echo "not expected: $*" >&2; exit 1 ;;
esac
"#;

/// Runs with this script as the only program on PATH, or with none.
fn run(kubectl: Option<&str>, arguments: &[&str]) -> Run {
    let folder = Folder::with(&[("claim.yaml", CLAIM), ("broken.yaml", "a: [")]);
    fs::create_dir(folder.path().join("bin")).unwrap();
    if let Some(script) = kubectl {
        folder.program("bin/kubectl", script);
    }
    let mut command = folder.command(&[&["preflight"], arguments].concat());
    command.env("PATH", folder.path().join("bin"));
    Run::of(command, b"")
}

#[test]
fn without_kubectl() {
    let said = ["preflight needs kubectl", "= help: install kubectl"];
    run(None, &["-f", "claim.yaml"]).refused("no kubectl", 2, &said);
}

#[test]
fn without_a_cluster() {
    let script = "#!/bin/sh
        [ \"$2 $3\" = 'config current-context' ] && echo test && exit
        echo 'noise' >&2; echo 'connection refused' >&2; exit 1";
    let said = [
        "error: kubectl cannot reach the cluster of the context \"test\": connection refused",
        "= help: `kubectl config get-contexts`",
    ];
    run(Some(script), &["-f", "claim.yaml"]).refused("no cluster", 3, &said);
}

#[test]
fn manifests_are_read_before_the_cluster_is_asked() {
    let script = Some("#!/bin/sh\nexit 1");
    run(script, &["-f", "broken.yaml"]).refused("broken", 3, &["error[FIT-INP001]", "broken.yaml"]);
    run(script, &["-f", "none.yaml"]).refused("none", 3, &["none.yaml does not exist"]);
    run(script, &["-k", "none"]).refused("no overlay", 3, &["none is not a directory"]);
    run(script, &[]).refused("no source", 2, &["--filename"]);
}

#[test]
fn a_finding_names_object_field_and_remedy() {
    let found = run(Some(ANSWERS), &["-f", "claim.yaml"]);
    assert_eq!(found.code, Some(1), "{}", found.stderr);
    assert_eq!(
        found.stdout,
        "PersistentVolumeClaim shop/data: spec.storageClassName
  the cluster has no storage class \"gold\"; it has: standard
  = help: set spec.storage.storageClassName of the environment's config to one of these, or create the class; until then \
         the claim stays Pending

"
    );
    assert_eq!(found.stderr, "Preflight  1 object: 1 finding, 0 warnings\n");
}

#[test]
fn nothing_found() {
    let script = ANSWERS.replace(r#""standard""#, r#""gold""#);
    let found = run(Some(&script), &["-f", "claim.yaml"]);
    assert_eq!(
        (found.code, found.stdout.as_str(), found.stderr.as_str()),
        (Some(0), "", "Preflight  1 object: 0 findings, 0 warnings\n")
    );
}
