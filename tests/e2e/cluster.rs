//! The control plane that `make e2e` started, with the objects that a platform team provides before an apply.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::render::{Render, list, name};
use crate::hosts::bench::{Ran, find, root, skip};

/// A generous limit for work that controllers do within a second on an idle machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The kinds of operators that the systems use, with CRDs in `tests/controlplane/crds`.
const OPERATORS_KINDS: [(&str, &str); 3] = [
    ("external-secrets.io/v1", "ExternalSecret"),
    ("monitoring.coreos.com/v1", "PrometheusRule"),
    ("monitoring.coreos.com/v1", "ServiceMonitor"),
];

pub(super) struct Cluster {
    kubeconfig: PathBuf,
}

impl Cluster {
    /// An empty cluster; `None` if the test is skipped.
    pub(super) fn empty() -> Option<Cluster> {
        let Some(state) = std::env::var_os("FITOUT_E2E") else {
            skip("a control plane comes with `make e2e`");
            return None;
        };
        for program in ["kubectl", "kustomize"] {
            assert!(find(program).is_some(), "no {program}: make hosts");
        }
        // The report begins on a new line, not after the test's name.
        println!();
        let cluster = Cluster {
            kubeconfig: Path::new(&state).join("admin.kubeconfig"),
        };
        cluster.sweep();
        Some(cluster)
    }

    pub(super) fn kubectl(&self, arguments: &[&str]) -> Ran {
        self.feed(arguments, "")
    }

    pub(super) fn feed(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = Command::new("kubectl");
        command.args(arguments).env("KUBECONFIG", &self.kubeconfig);
        Ran::of(
            command,
            format!("kubectl {}", arguments.join(" ")),
            input.as_bytes(),
        )
    }

    /// `fitout preflight`, as an operator runs it before an apply.
    pub(super) fn preflight(&self, render: &Render) -> Ran {
        let mut command = self.preflight_command();
        command.args(["-f", "-", "--namespace", &render.system]);
        let ran = Ran::of(
            command,
            "fitout preflight -f -".into(),
            render.text.as_bytes(),
        );
        let left = self.items("namespaces").into_iter().filter(|it| {
            name(it).starts_with("fitout-preflight-") && it["status"]["phase"] == "Active"
        });
        assert_eq!(left.count(), 0, "preflight left its namespace behind");
        ran
    }

    pub(super) fn preflight_command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fitout"));
        command
            .arg("preflight")
            .env("KUBECONFIG", &self.kubeconfig)
            .current_dir(root());
        command
    }

    /// All objects of some kinds.
    pub(super) fn items(&self, kinds: &str) -> Vec<Value> {
        let text = self
            .kubectl(&["get", kinds, "-A", "-o", "json"])
            .succeeded();
        let mut all: Value = serde_json::from_str(&text).unwrap();
        match all["items"].take() {
            Value::Array(items) => items,
            other => panic!("kubectl get {kinds}: {other}"),
        }
    }

    /// `kubectl apply --server-side` of the whole render, with more flags.
    pub(super) fn apply(&self, render: &Render, flags: &[&str]) -> Ran {
        let mut arguments = vec!["apply", "--server-side", "--validate=strict", "-f", "-"];
        arguments.extend(flags);
        // kubectl rejects `-n` if objects name another namespace.
        let has_own = render
            .objects
            .iter()
            .any(|it| it["metadata"]["namespace"].is_string());
        if !has_own {
            arguments.extend(["-n", &render.system]);
        }
        self.feed(&arguments, &render.text)
    }

    /// Creates what must exist before an apply: namespaces that are not in the render, and kinds.
    pub(super) fn prepare(&self, render: &Render, (level, version): (&str, &str)) {
        self.define_missing_kinds(render);
        for namespace in self.namespaces(render) {
            if !render.own_namespaces().any(|own| own == namespace) {
                self.make_namespace(&namespace, level, version);
            }
        }
    }

    /// The namespaces of the render's objects.
    pub(super) fn namespaces(&self, render: &Render) -> BTreeSet<String> {
        let scopes = self.scopes();
        let is_namespaced = |it: &&Value| scopes.get(&kind_of(it)).copied().unwrap_or(true);
        let objects = render.objects.iter().filter(is_namespaced);
        objects
            .map(|it| render.namespace_of(it).to_owned())
            .collect()
    }

    pub(super) fn make_namespace(&self, namespace: &str, level: &str, version: &str) {
        let labels = json!({
            "pod-security.kubernetes.io/enforce": level,
            "pod-security.kubernetes.io/enforce-version": version,
        });
        let metadata = json!({"name": namespace, "labels": labels});
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
        // Under its own field manager: the render's namespace may be applied later, and removes nothing.
        let apply = [
            "apply", "--server-side", "--field-manager=platform", "-f", "-",
        ];
        self.feed(&apply, &object.to_string()).succeeded();
        self.wait_for_account(namespace);
    }

    /// An operator's first apply also waits for it.
    pub(super) fn wait_for_account(&self, namespace: &str) {
        self.until(&format!("namespace {namespace} is ready"), || {
            let ran = self.kubectl(&["get", "serviceaccount", "default", "-n", namespace]);
            ran.code.filter(|code| *code == 0).ok_or(ran.stderr)
        });
    }

    /// The namespaces of the render, ready for pods.
    pub(super) fn apply_namespaces(&self, render: &Render) {
        for namespace in render.of_kind("Namespace") {
            let apply = ["apply", "--server-side", "--validate=strict", "-f", "-"];
            self.feed(&apply, &namespace.to_string()).succeeded();
            self.wait_for_account(name(namespace));
        }
    }

    /// Creates the objects that other teams' operators and provisioners would: Secrets and volumes.
    pub(super) fn provide(&self, render: &Render) {
        let mut made: Vec<Value> = render
            .of_kind("ExternalSecret")
            .map(|it| secret_of(it, render.namespace_of(it)))
            .collect();
        let classes = self.items("storageclasses");
        made.extend(render.claims().iter().map(|claim| {
            let class = classes.iter().find(|it| name(it) == claim.class).unwrap();
            let (namespace, name) = &claim.key;
            let spec = json!({
                "capacity": {"storage": claim.spec["resources"]["requests"]["storage"]},
                "accessModes": provided(class),
                "storageClassName": claim.class,
                "hostPath": {"path": "/nowhere"},
                "claimRef": {"namespace": namespace, "name": name},
            });
            let metadata = json!({"name": format!("{}.{namespace}.{name}", claim.class)});
            json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec})
        }));
        if !made.is_empty() {
            let all = json!({"apiVersion": "v1", "kind": "List", "items": made});
            // Bound volumes are left alone: our claimRef would remove the claim's uid.
            let ran = self.feed(&["create", "-f", "-"], &all.to_string());
            let is_wrong = |line: &&str| !line.contains("(AlreadyExists)");
            let wrong: Vec<&str> = ran.stderr.lines().filter(is_wrong).collect();
            assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        }
    }

    /// Defines kinds of other teams whose Go module could not be downloaded, without a schema, and prints that. Any other
    /// unknown kind is a mistake in the render.
    fn define_missing_kinds(&self, render: &Render) {
        let scopes = self.scopes();
        let missing: BTreeSet<(String, String)> = render
            .objects
            .iter()
            .map(kind_of)
            .filter(|kind| !scopes.contains_key(kind))
            .collect();
        for (api_version, kind) in missing {
            let is_known = OPERATORS_KINDS.contains(&(&*api_version, &*kind));
            assert!(
                is_known,
                "{}: no API server serves {kind} of {api_version}",
                render.system
            );
            println!("note: no schema for {kind} of {api_version}: such objects are only stored");
            let (group, version) = api_version.split_once('/').unwrap();
            let singular = kind.to_lowercase();
            let schema = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
            let crd = json!({
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {"name": format!("{singular}s.{group}")},
                "spec": {
                    "group": group,
                    "names": {"kind": kind, "plural": format!("{singular}s"), "singular": singular},
                    "scope": "Namespaced",
                    "versions": [{"name": version, "served": true, "storage": true, "schema": schema}],
                },
            });
            self.feed(&["apply", "--server-side", "-f", "-"], &crd.to_string())
                .succeeded();
            let crd = format!("crd/{singular}s.{group}");
            self.kubectl(&[
                "wait",
                "--for=condition=Established",
                "--timeout=60s",
                crd.as_str(),
            ])
            .succeeded();
        }
    }

    /// Whether a kind is namespaced, by API version and kind.
    fn scopes(&self) -> BTreeMap<(String, String), bool> {
        let text = self.kubectl(&["api-resources", "--no-headers"]).succeeded();
        let rows = text.lines().map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            // Short names, the second column, may be absent.
            let [.., api_version, is_namespaced, kind] = columns[..] else {
                panic!("kubectl api-resources: {line}")
            };
            (
                (api_version.to_owned(), kind.to_owned()),
                is_namespaced == "true",
            )
        });
        rows.collect()
    }

    /// Polls until a condition holds; the last message says why it never did.
    pub(super) fn until<T>(&self, what: &str, mut is_so: impl FnMut() -> Result<T, String>) -> T {
        let start = Instant::now();
        loop {
            match is_so() {
                Ok(value) => return value,
                Err(why) if start.elapsed() > PATIENCE => {
                    panic!("waited in vain until {what}:\n{why}\n{}", self.warnings())
                }
                Err(_) => std::thread::sleep(Duration::from_millis(250)),
            }
        }
    }

    /// The last warnings of the controllers.
    fn warnings(&self) -> String {
        let of_cluster = self.kubectl(&[
            "get",
            "events",
            "-A",
            "--field-selector=type=Warning",
            "--sort-by=.lastTimestamp",
            "--no-headers",
        ]);
        let lines: Vec<&str> = of_cluster.stdout.lines().rev().take(15).collect();
        format!("last warnings:\n{}", lines.join("\n"))
    }

    /// Removes all objects of a test. Workloads, pods and claims first: a namespace that has any takes half a minute to delete.
    /// The scratch namespaces of preflight are already being deleted, and do not interfere.
    fn sweep(&self) {
        const FIRST: [&str; 3] = [
            "horizontalpodautoscalers",
            "deployments,statefulsets,daemonsets,jobs,cronjobs,replicasets",
            "pods,persistentvolumeclaims",
        ];
        let all = self.items("namespaces");
        let ours: Vec<&str> = all
            .iter()
            .map(name)
            .filter(|name| *name != "default" && !name.starts_with("kube-"))
            .filter(|name| !name.starts_with("fitout-preflight-"))
            .collect();
        if !ours.is_empty() {
            for kinds in FIRST {
                let delete = ["delete", kinds, "-A", "--all", "--timeout=120s"];
                self.kubectl(&delete).succeeded();
            }
            let delete = [
                "delete", "namespace", "--timeout=120s", "--ignore-not-found",
            ];
            self.kubectl(&[&delete[..], &ours].concat()).succeeded();
        }
        self.kubectl(&["delete", "persistentvolumes", "--all", "--timeout=120s"])
            .succeeded();
    }
}

fn kind_of(object: &Value) -> (String, String) {
    let text = |field: &str| object[field].as_str().unwrap().to_owned();
    (text("apiVersion"), text("kind"))
}

/// The access modes that a class provides: file servers support many nodes, block devices one.
fn provided(class: &Value) -> Value {
    match class["provisioner"].as_str() {
        Some("nfs.csi.k8s.io") => json!(["ReadWriteOnce", "ReadWriteMany"]),
        Some("ebs.csi.aws.com" | "rancher.io/local-path") => json!(["ReadWriteOnce"]),
        other => panic!("what does the provisioner {other:?} provide?"),
    }
}

/// The Secret that the External Secrets Operator would create.
fn secret_of(external: &Value, namespace: &str) -> Value {
    let target = &external["spec"]["target"]["name"];
    let secret = target.as_str().unwrap_or_else(|| name(external));
    let keys = list(&external["spec"]["data"]).filter_map(|it| it["secretKey"].as_str());
    let data: BTreeMap<&str, &str> = keys.map(|key| (key, "not a secret")).collect();
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": secret, "namespace": namespace},
        "stringData": data,
    })
}
