//! The cluster, asked through kubectl: so it is the one, with the rights, that `kubectl apply` would go to.

use std::hash::{BuildHasher as _, RandomState};
use std::io::{Read as _, Seek as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

pub(crate) struct Cluster {
    context: Option<String>,
}

/// What kubectl said.
pub(crate) struct Answer {
    pub(crate) ok: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Cluster {
    pub(crate) fn new(context: Option<String>) -> Cluster {
        Cluster { context }
    }

    pub(crate) fn kubectl(&self, arguments: &[&str], input: &str) -> anyhow::Result<Answer> {
        // A file instead of a pipe: kubectl may answer before it has read everything.
        let mut stdin = tempfile::tempfile()?;
        stdin.write_all(input.as_bytes())?;
        stdin.rewind()?;
        let mut command = Command::new("kubectl");
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

    /// What kubectl prints when it succeeds.
    fn expect(&self, arguments: &[&str], input: &str) -> anyhow::Result<String> {
        let answer = self.kubectl(arguments, input)?;
        let line = arguments.join(" ");
        ensure!(answer.ok, "kubectl {line}: {}", answer.stderr.trim());
        Ok(answer.stdout)
    }

    /// `kubectl get … -o json`; null when there is none of the objects.
    pub(crate) fn get(&self, what: &[&str], input: &str) -> anyhow::Result<Value> {
        let arguments = [&["get", "-o", "json", "--ignore-not-found"], what].concat();
        let text = self.expect(&arguments, input)?;
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).context("kubectl printed no JSON")
    }

    /// Fails when there is no cluster: afterwards, what is not found is not there.
    pub(crate) fn reach(&self) -> anyhow::Result<()> {
        self.expect(&["get", "--raw", "/version"], "").map(drop)
    }

    pub(crate) fn default_namespace(&self) -> anyhow::Result<String> {
        let path = "jsonpath={.contexts[0].context.namespace}";
        let namespace = self.expect(&["config", "view", "--minify", "-o", path], "")?;
        Ok(if namespace.is_empty() {
            "default".into()
        } else {
            namespace
        })
    }

    /// Waits for the one who started this program, however it ends, and cleans up behind it.
    pub(crate) fn remove_when_alone(&self, namespace: &str) -> anyhow::Result<()> {
        std::io::stdin().read_to_end(&mut Vec::new())?;
        let delete = ["delete", "namespace", namespace, "--ignore-not-found"];
        self.expect(&[&delete[..], &["--wait=false"]].concat(), "")
            .map(drop)
    }
}

/// A namespace that is gone when this is, also when the program is killed: a process of its own removes it as soon as
/// the pipe to it closes.
pub(crate) struct Scratch {
    pub(crate) name: String,
    remover: Child,
}

impl Scratch {
    pub(crate) fn new(cluster: &Cluster, labels: &Value) -> anyhow::Result<Scratch> {
        let random = RandomState::new().hash_one(std::process::id());
        let name = format!("fitout-preflight-{random:016x}");
        let mut remover = Command::new(std::env::current_exe()?);
        remover.args(["--remove-when-alone", &name]);
        remover.args(cluster.context.iter().flat_map(|it| ["--context", it]));
        // In a group of its own a Ctrl-C does not reach it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut remover, 0);
        let remover = remover.stdin(Stdio::piped()).spawn()?;
        let scratch = Scratch { name, remover };

        let metadata = json!({"name": scratch.name, "labels": labels});
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
        cluster
            .expect(&["create", "-f", "-"], &namespace.to_string())
            .context("pods are tried in a namespace that is made for it")?;
        scratch.wait_for_account(cluster)?;
        Ok(scratch)
    }

    /// No pod is admitted before the controllers have made the namespace's account.
    fn wait_for_account(&self, cluster: &Cluster) -> anyhow::Result<()> {
        for _ in 0..150 {
            let account = ["serviceaccount", "default", "-n", &self.name];
            if !cluster.get(&account, "")?.is_null() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        bail!(
            "namespace {} gets no default ServiceAccount: no pod could be tried",
            self.name
        )
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(self.remover.stdin.take());
        let is_gone = self.remover.wait().is_ok_and(|status| status.success());
        if !is_gone {
            eprintln!(
                "warning: left behind: kubectl delete namespace {}",
                self.name
            );
        }
    }
}
