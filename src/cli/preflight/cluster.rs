//! Access to the cluster through kubectl, so that it has the context and the rights of `kubectl apply`.

use std::hash::{BuildHasher as _, RandomState};
use std::io::{Read as _, Seek as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use super::super::output::Output;
use super::super::programs::find;
use super::super::{Failure, UNREADABLE, WRONG_USE};

pub(super) struct Cluster {
    kubectl: PathBuf,
    context: Option<String>,
}

/// The output of kubectl.
pub(super) struct Answer {
    pub(super) ok: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Cluster {
    pub(super) fn new(context: Option<String>) -> Result<Cluster, Failure> {
        let kubectl = find("kubectl").ok_or_else(|| {
            Failure::new(
                WRONG_USE,
                "error: preflight needs kubectl, and it is not on PATH",
            )
            .note("  = help: install kubectl, or run `fitout check`, which needs no cluster")
        })?;
        Ok(Cluster { kubectl, context })
    }

    pub(super) fn kubectl(&self, arguments: &[&str], input: &str) -> anyhow::Result<Answer> {
        // A file instead of a pipe: kubectl can exit before it reads all input.
        let mut stdin = tempfile::tempfile()?;
        stdin.write_all(input.as_bytes())?;
        stdin.rewind()?;
        let mut command = Command::new(&self.kubectl);
        command.args(self.context.iter().flat_map(|name| ["--context", name]));
        command.arg("--request-timeout=60s").args(arguments);
        let output = command
            .stdin(stdin)
            .output()
            .context("cannot run kubectl")?;
        Ok(Answer {
            ok: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs kubectl and returns its output; fails if kubectl fails.
    fn expect(&self, arguments: &[&str], input: &str) -> anyhow::Result<String> {
        let answer = self.kubectl(arguments, input)?;
        let line = arguments.join(" ");
        ensure!(answer.ok, "kubectl {line}: {}", answer.stderr.trim());
        Ok(answer.stdout)
    }

    /// `kubectl get … -o json`; null if none of the objects exists.
    pub(super) fn get(&self, what: &[&str], input: &str) -> anyhow::Result<Value> {
        let arguments = [&["get", "-o", "json", "--ignore-not-found"], what].concat();
        let text = self.expect(&arguments, input)?;
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).context("kubectl did not print JSON")
    }

    /// Fails if the cluster does not answer, so that later "not found" means that an object does not exist.
    pub(super) fn reach(&self) -> Result<(), Failure> {
        let unreadable = |error| {
            Failure::of::<anyhow::Error>(UNREADABLE, "error: cannot query the cluster".to_owned())(
                error,
            )
        };
        let answer = self
            .kubectl(&["get", "--raw", "/version"], "")
            .map_err(unreadable)?;
        if answer.ok {
            return Ok(());
        }
        let context = match &self.context {
            Some(name) => Some(name.clone()),
            None => {
                let current = self
                    .kubectl(&["config", "current-context"], "")
                    .map_err(unreadable)?;
                current.ok.then(|| current.stdout.trim().to_owned())
            }
        };
        let context = match context {
            Some(name) => format!("of the context {name:?}"),
            None => "(no context is set)".to_owned(),
        };
        // kubectl repeats the same line for each discovery call, and then prints a summary.
        let said = answer.stderr.trim().lines().next_back().unwrap_or_default();
        Err(Failure::new(
            UNREADABLE,
            format_args!("error: kubectl cannot reach the cluster {context}: {said}"),
        )
        .note(
            "  = help: `kubectl config get-contexts` lists the contexts; choose one with --context",
        ))
    }

    pub(super) fn default_namespace(&self) -> anyhow::Result<String> {
        let path = "jsonpath={.contexts[0].context.namespace}";
        let namespace = self.expect(&["config", "view", "--minify", "-o", path], "")?;
        Ok(if namespace.is_empty() {
            "default".into()
        } else {
            namespace
        })
    }

    /// Waits until the parent process ends, then deletes the namespace.
    pub(super) fn remove_when_alone(&self, namespace: &str) -> anyhow::Result<()> {
        std::io::stdin().read_to_end(&mut Vec::new())?;
        let delete = ["delete", "namespace", namespace, "--ignore-not-found"];
        self.expect(&[&delete[..], &["--wait=false"]].concat(), "")
            .map(drop)
    }
}

/// A temporary namespace. A child process deletes it as soon as the pipe to it closes, also if this process is killed.
pub(super) struct Scratch {
    pub(super) name: String,
    remover: Child,
}

impl Scratch {
    pub(super) fn new(cluster: &Cluster, labels: &Value) -> anyhow::Result<Scratch> {
        let random = RandomState::new().hash_one(std::process::id());
        let name = format!("fitout-preflight-{random:016x}");
        let mut remover = Command::new(std::env::current_exe()?);
        remover.args(["preflight", "--remove-when-alone", &name]);
        remover.args(cluster.context.iter().flat_map(|it| ["--context", it]));
        // Ctrl-C does not reach another process group.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut remover, 0);
        let remover = remover.stdin(Stdio::piped()).spawn()?;
        let scratch = Scratch { name, remover };

        let metadata = json!({"name": scratch.name, "labels": labels});
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
        cluster
            .expect(&["create", "-f", "-"], &namespace.to_string())
            .context("cannot create the temporary namespace for the pods")?;
        scratch.wait_for_account(cluster)?;
        Ok(scratch)
    }

    /// Pods are admitted only after the controllers created the default ServiceAccount.
    fn wait_for_account(&self, cluster: &Cluster) -> anyhow::Result<()> {
        for _ in 0..150 {
            let account = ["serviceaccount", "default", "-n", &self.name];
            if !cluster.get(&account, "")?.is_null() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        bail!(
            "namespace {} has no default ServiceAccount after 30 seconds, so pods could not be checked",
            self.name
        )
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(self.remover.stdin.take());
        let is_gone = self.remover.wait().is_ok_and(|status| status.success());
        if !is_gone {
            Output::notice(format_args!(
                "warning: namespace {0} was not deleted: run `kubectl delete namespace {0}`",
                self.name
            ));
        }
    }
}
