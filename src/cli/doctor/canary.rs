//! The files that every program is tried with: one Deployment, in each form that a program reads.

use std::io;
use std::path::{Path, PathBuf};

use fitout::IMAGE;

use super::super::helm;

/// What fitout sets in the canary, and nothing else does.
pub(super) const MARK: &str = "cpu: 7m";

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: canary
spec:
  selector:
    matchLabels: {app: canary}
  template:
    metadata:
      labels: {app: canary}
    spec:
      containers:
      - name: canary
        image: example.com/canary:1.0
";

/// A hook of Helm.
const HOOK: &str = "apiVersion: batch/v1
kind: Job
metadata:
  name: canary-hook
  annotations:
    helm.sh/hook: pre-install
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
      - name: canary
        image: example.com/canary:1.0
";

const CONFIG: &str = "apiVersion: fitout.dev/v1alpha1
kind: Fitout
metadata:
  name: canary
  annotations:
    config.kubernetes.io/local-config: 'true'
    config.kubernetes.io/function: |
      FUNCTION
spec:
  environment: canary
  resources:
    containers:
      requests: {cpu: 7m, memory: 7Mi}
";

/// How a config tells a host to run fitout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Container,
    Exec,
}

impl Form {
    /// Its name in the annotation.
    pub(super) fn name(self) -> &'static str {
        match self {
            Form::Container => "container",
            Form::Exec => "exec",
        }
    }
}

/// The folder with the files.
#[derive(Debug)]
pub(super) struct Canary {
    pub(super) folder: PathBuf,
}

impl Canary {
    /// Writes the files. `program` is this program.
    pub(super) fn write(folder: &Path, program: &Path) -> io::Result<Canary> {
        let canary = Canary {
            folder: folder.to_owned(),
        };
        let put = |name: &str, text: &str| -> io::Result<()> {
            let file = folder.join(name);
            std::fs::create_dir_all(file.parent().unwrap_or(folder))?;
            std::fs::write(file, text)
        };
        // JSON is YAML, and quotes everything.
        let program = serde_json::Value::from(program.to_string_lossy());
        let container = format!("{{image: {IMAGE}}}");
        for (form, inner) in [
            ("container", container),
            ("exec", format!("{{path: {program}}}")),
        ] {
            let config = CONFIG.replace("FUNCTION", &format!("{form}: {inner}"));
            put(&format!("overlay-{form}/deployment.yaml"), DEPLOYMENT)?;
            put(&format!("overlay-{form}/fitout.yaml"), &config)?;
            put(
                &format!("overlay-{form}/kustomization.yaml"),
                "resources: [deployment.yaml]\ntransformers: [fitout.yaml]\n",
            )?;
            let run = match form {
                "exec" => format!("exec: {program}"),
                _ => format!("image: {IMAGE}"),
            };
            put(&format!("package-{form}/deployment.yaml"), DEPLOYMENT)?;
            put(&format!("package-{form}/fitout.yaml"), &config)?;
            put(
                &format!("package-{form}/Kptfile"),
                &format!(
                    "apiVersion: kpt.dev/v1\nkind: Kptfile\nmetadata: {{name: canary}}\n\
                     pipeline:\n  mutators:\n  - {run}\n    configPath: fitout.yaml\n"
                ),
            )?;
            put("config.yaml", &config)?;
        }
        put(
            "list.yaml",
            &format!(
                "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n{}functionConfig:\n{}",
                nested("- ", DEPLOYMENT),
                nested("  ", &CONFIG.replace("FUNCTION", "exec: {path: fitout}"))
            ),
        )?;
        put(
            "chart/Chart.yaml",
            "apiVersion: v2\nname: canary\nversion: 1.0.0\n",
        )?;
        put("chart/templates/deployment.yaml", DEPLOYMENT)?;
        put("chart/templates/hook.yaml", HOOK)?;
        if let Ok(plugin) = helm::installed() {
            put("plugins/fitout/plugin.yaml", &plugin)?;
        }
        Ok(canary)
    }
}

/// A document as an entry: the first line begins with `first`.
fn nested(first: &str, document: &str) -> String {
    let mut lines = document.lines();
    let head = lines.next().unwrap_or_default();
    let rest = lines.map(|line| format!("  {line}\n"));
    format!("{first}{head}\n{}", rest.collect::<String>())
}
