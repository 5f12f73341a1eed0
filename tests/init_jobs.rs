//! The jobs and hooks that `fitout init` writes are run: each shell step, as the CI or pre-commit runs it.
//!
//! Stand-ins take the place of docker, kustomize and helm, and refuse arguments that the real ones would refuse; `tests/hosts`
//! runs the real ones. The stand-in for docker runs fitout in the mounted folder, and only if nothing can be written there.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]
#![cfg(unix)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_yaml::Value;

use crate::program::{Folder, Run};

const DOCKER: &str = r#"#!/bin/sh
# docker run --rm --network none --read-only -v FROM:/src:ro -w /src/BELOW IMAGE ARGUMENTS
[ "$1 $2 $3 $4 $5" = "run --rm --network none --read-only" ] || { echo "docker: $*" >&2; exit 125; }
shift 5
[ "$1" = -v ] && from=${2%:/src:ro} && [ "$from" != "$2" ] && [ -d "$from" ] || { echo "docker: mount $2" >&2; exit 125; }
[ "$3" = -w ] || { echo "docker: $3" >&2; exit 125; }
case $4 in /src|/src/*) below=${4#/src} ;; *) exit 125 ;; esac
case $5 in ghcr.io/*:v*) ;; *) exit 125 ;; esac
shift 5
cd "$from$below" && exec "$FITOUT_OF_TEST" "$@"
"#;

/// Fits what the overlay's base has, if the overlay lists fitout, and otherwise passes it through as kustomize does.
const KUSTOMIZE: &str = r#"#!/bin/sh
[ "$1 $2 $#" = "build --enable-alpha-plugins 3" ] || { echo "kustomize: $*" >&2; exit 1; }
environment=$(sed -n 's|.*fn-config/||p' "$3/kustomization.yaml")
if [ -n "$environment" ]; then exec "$FITOUT_OF_TEST" apply -q -f base -e "$environment"; else exec cat base/*.yaml; fi
"#;

/// Renders a chart without actions.
const HELM: &str = r#"#!/bin/sh
[ "$1" = template ] && [ -f "$3/Chart.yaml" ] || { echo "helm: $*" >&2; exit 1; }
chart=$3
shift 3
while [ $# -gt 0 ]; do [ "$1" = -f ] && [ -f "$2" ] && shift 2 || { echo "helm: $1" >&2; exit 1; }; done
for file in "$chart"/templates/*.yaml; do printf -- '---\n# Source: web/templates/%s\n' "${file##*/}"; cat "$file"; done
"#;

/// A runner of CI jobs: a repository, and the programs that the image of the CI has.
struct Runner {
    folder: Folder,
    /// The folder with fitout's own stand-in, which the job fills.
    bin: PathBuf,
}

/// What a job did.
struct Job {
    runs: Vec<(String, Run)>,
    summary: String,
}

impl Job {
    fn fails_in(&self) -> Option<&str> {
        let failed = self.runs.iter().find(|(_, run)| run.code != Some(0));
        failed.map(|(name, _)| name.as_str())
    }

    fn log(&self) -> String {
        let of_step = |(name, run): &(String, Run)| {
            format!("== {name}: {:?}\n{}{}", run.code, run.stdout, run.stderr)
        };
        self.runs.iter().map(of_step).collect()
    }
}

impl Runner {
    fn with(files: &[(&str, &str)]) -> Runner {
        let folder = Folder::with(&[]);
        for (name, text) in files {
            folder.write(&format!("repository/{name}"), text);
        }
        for (name, text) in [("docker", DOCKER), ("kustomize", KUSTOMIZE), ("helm", HELM)] {
            folder.program(&format!("programs/{name}"), text);
        }
        folder.program(
            "programs/apk",
            "#!/bin/sh\n[ \"$1 $2\" = 'add --no-cache' ]\n",
        );
        let bin = folder.path().join("temporary/bin");
        Runner { folder, bin }
    }

    fn repository(&self) -> PathBuf {
        self.folder.path().join("repository")
    }

    fn init(&self, arguments: &[&str]) {
        let run = self
            .folder
            .run(&[&["init", "repository"], arguments].concat());
        assert_eq!(run.code, Some(0), "{}", run.stderr);
    }

    fn yaml(&self, name: &str) -> Value {
        serde_yaml::from_str(&self.folder.read(&format!("repository/{name}"))).unwrap()
    }

    /// Runs a script with a shell in a folder of the repository.
    fn shell(
        &self,
        shell: &[&str],
        script: &str,
        below: &str,
        variables: &BTreeMap<String, String>,
    ) -> Run {
        let mut command = Command::new(shell[0]);
        command.args(&shell[1..]).arg(script);
        command
            .current_dir(self.repository().join(below))
            .env_clear();
        let programs = self.folder.path().join("programs");
        let path = format!(
            "{}:{}:/usr/bin:/bin",
            self.bin.display(),
            programs.display()
        );
        command
            .env("PATH", path)
            .env("FITOUT_OF_TEST", env!("CARGO_BIN_EXE_fitout"));
        command.envs(variables);
        Run::of(command, b"")
    }

    /// The job of `.github/workflows/fitout.yaml` for an environment.
    fn github(&self, environment: &str) -> Job {
        let workflow = self.yaml(".github/workflows/fitout.yaml");
        let job = &workflow["jobs"]["fitout"];
        let matrix = job["strategy"]["matrix"]["environment"]
            .as_sequence()
            .unwrap();
        assert!(matrix.contains(&environment.into()), "{matrix:?}");
        assert_eq!(job["env"]["ENVIRONMENT"], "${{ matrix.environment }}");
        let below = job["defaults"]["run"]["working-directory"]
            .as_str()
            .unwrap_or(".");
        let (temporary, summary) = (
            self.folder.path().join("temporary"),
            self.folder.path().join("summary"),
        );
        std::fs::create_dir_all(&temporary).unwrap();
        std::fs::write(&summary, "").unwrap();
        let path = self.folder.path().join("path");
        let variables = [
            ("ENVIRONMENT", environment.to_owned()),
            ("GITHUB_WORKSPACE", text(&self.repository())),
            ("GITHUB_STEP_SUMMARY", text(&summary)),
            ("GITHUB_PATH", text(&path)),
            ("RUNNER_TEMP", text(&temporary)),
        ];
        let variables = variables
            .map(|(name, value)| (name.to_owned(), value))
            .into();
        let mut runs = Vec::new();
        for step in job["steps"].as_sequence().unwrap() {
            let Some(script) = step["run"].as_str() else {
                assert!(
                    step["uses"]
                        .as_str()
                        .unwrap()
                        .starts_with("actions/checkout@")
                );
                continue;
            };
            // GitHub's default shell is `bash -e`.
            let run = self.shell(&["bash", "-e", "-c"], script, below, &variables);
            let fails = run.code != Some(0);
            runs.push((step["name"].as_str().unwrap().to_owned(), run));
            if fails {
                break;
            }
        }
        if let Ok(added) = std::fs::read_to_string(&path) {
            assert!(added.lines().all(|it| it == text(&self.bin)), "{added}");
        }
        Job {
            runs,
            summary: std::fs::read_to_string(&summary).unwrap(),
        }
    }

    /// The job of `.gitlab/fitout.yml` for an environment.
    fn gitlab(&self, environment: &str) -> Job {
        let of_repository = self.yaml(".gitlab-ci.yml");
        assert_eq!(of_repository["include"][0]["local"], ".gitlab/fitout.yml");
        let job = &self.yaml(".gitlab/fitout.yml")["fitout"];
        let matrix = job["parallel"]["matrix"][0]["ENVIRONMENT"]
            .as_sequence()
            .unwrap();
        assert!(matrix.contains(&environment.into()), "{matrix:?}");
        std::fs::create_dir_all(&self.bin).unwrap();
        let script = job["script"].as_sequence().unwrap().iter();
        let script: Vec<&str> = script.map(|it| it.as_str().unwrap()).collect();
        // The image has this folder on PATH; the machine of a test is not the image's.
        let script = script
            .join("\n")
            .replace("/usr/local/bin/", &(text(&self.bin) + "/"));
        let variables = [
            ("ENVIRONMENT", environment.to_owned()),
            ("CI_PROJECT_DIR", text(&self.repository())),
        ];
        let variables = variables
            .map(|(name, value)| (name.to_owned(), value))
            .into();
        // GitLab runs all lines in one shell, which stops at the first that fails.
        let run = self.shell(&["sh", "-e", "-c"], &script, ".", &variables);
        Job {
            runs: vec![("script".to_owned(), run)],
            summary: String::new(),
        }
    }

    /// The hook, with fitout on PATH.
    fn hook(&self) -> Run {
        let hook = &self.yaml(".pre-commit-config.yaml")["repos"][0]["hooks"][0];
        assert_eq!(
            (&hook["language"], &hook["pass_filenames"]),
            (&"system".into(), &false.into())
        );
        let bin = self.folder.path().join("bin");
        if !bin.exists() {
            std::fs::create_dir_all(&bin).unwrap();
            let fitout = bin.join("fitout");
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_fitout"), fitout).unwrap();
        }
        let path = ("PATH".to_owned(), text(&bin) + ":/usr/bin:/bin");
        // pre-commit splits the entry as a shell does.
        self.shell(
            &["sh", "-c"],
            hook["entry"].as_str().unwrap(),
            ".",
            &[path].into(),
        )
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n  template:\n    \
     metadata: {labels: {app: web}}\n    spec:\n      containers:\n      - {name: web, image: \"nginx:1.27\"}\n";

fn succeeds(job: &Job, expected: &[&str]) {
    let log = job.log();
    assert_eq!(job.fails_in(), None, "{log}");
    for expected in expected {
        assert!(log.contains(expected), "{expected}\n{log}");
    }
}

#[test]
fn the_job_and_the_hook_for_plain_manifests_run_and_fail_when_they_should() {
    let runner = Runner::with(&[("k8s/web.yaml", WEB), (".github/x", "")]);
    runner.init(&[]);
    for environment in ["development", "staging", "production"] {
        let job = runner.github(environment);
        succeeds(&job, &["Deployment web", "no drift from the config"]);
        assert!(job.summary.contains("### fitout plan"), "{}", job.summary);
        assert!(job.summary.contains(environment), "{}", job.summary);
    }
    let run = runner.hook();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    // A value that the API server refuses stops the plan, and so the job and the commit.
    let broken = WEB.replace(
        "image: \"nginx",
        "resources: {limits: {memory: 1gb}}, image: \"nginx",
    );
    runner.folder.write("repository/k8s/web.yaml", &broken);
    let job = runner.github("production");
    assert_eq!(job.fails_in(), Some("Plan: what would change, and why"));
    assert!(job.log().contains("1gb"), "{}", job.log());
    let run = runner.hook();
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("1gb"), "{}", run.stderr);
}

const OVERLAYS: [(&str, &str); 4] = [
    ("base/kustomization.yaml", "resources:\n- web.yaml\n"),
    ("base/web.yaml", WEB),
    (
        "overlays/dev/kustomization.yaml",
        "resources:\n- ../../base\n",
    ),
    (
        "overlays/prod/kustomization.yaml",
        "resources:\n- ../../base\n",
    ),
];

/// Until an overlay lists fitout the job fails, because its build is not fitted.
fn overlays_run(runner: &Runner, job: impl Fn(&str) -> Job) {
    let before = job("prod");
    assert!(before.fails_in().is_some(), "{}", before.log());
    assert!(before.log().contains("FIT-RUN001"), "{}", before.log());
    for environment in ["dev", "prod"] {
        let file = format!("repository/overlays/{environment}/kustomization.yaml");
        let listed =
            runner.folder.read(&file) + "transformers:\n- ../../fn-config/" + environment + "\n";
        runner.folder.write(&file, &listed);
        succeeds(
            &job(environment),
            &["== overlays/", "no drift from the config"],
        );
    }
}

#[test]
fn the_jobs_for_overlays_fail_until_they_list_fitout() {
    let runner = Runner::with(&OVERLAYS);
    runner.init(&["--ci", "github"]);
    overlays_run(&runner, |environment| runner.github(environment));
    let runner = Runner::with(&OVERLAYS);
    runner.init(&["--ci", "gitlab"]);
    overlays_run(&runner, |environment| runner.gitlab(environment));
    assert_eq!(runner.hook().code, Some(0));
}

#[test]
fn the_jobs_for_a_chart_run_with_its_values() {
    let files = [
        (
            "charts/web/Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        ),
        ("charts/web/values.yaml", "image: {repository: nginx}\n"),
        ("charts/web/values-staging.yaml", "replicas: 1\n"),
        ("charts/web/values-prod.yaml", "replicas: 3\n"),
        ("charts/web/templates/web.yaml", WEB),
    ];
    for ci in ["github", "gitlab"] {
        let runner = Runner::with(&files);
        runner.init(&["--ci", ci]);
        for environment in ["staging", "prod"] {
            let job = match ci {
                "github" => runner.github(environment),
                _ => runner.gitlab(environment),
            };
            succeeds(&job, &["Deployment web", "no drift from the config"]);
        }
    }
}

#[test]
fn the_jobs_of_a_project_below_the_root_run_there() {
    for ci in ["github", "gitlab"] {
        let runner = Runner::with(&[("services/shop/k8s/web.yaml", WEB), (".git/config", "")]);
        let run = runner
            .folder
            .run(&["init", "repository/services/shop", "--ci", ci]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let job = match ci {
            "github" => runner.github("production"),
            _ => runner.gitlab("production"),
        };
        succeeds(&job, &["k8s/web.yaml", "no drift from the config"]);
        let run = runner.hook();
        assert_eq!(run.code, Some(0), "{}", run.stderr);
    }
}

/// A chart and an overlay can spell an environment differently; it is one, with the overlay's name.
#[test]
fn environments_have_one_spelling() {
    let chart = [
        (
            "charts/web/Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        ),
        ("charts/web/values-production.yaml", "replicas: 3\n"),
        ("charts/web/values-development.yaml", "replicas: 1\n"),
        ("charts/web/templates/web.yaml", WEB),
    ];
    let runner = Runner::with(&[&OVERLAYS[..], &chart].concat());
    runner.init(&["--ci", "github"]);
    let workflow = runner
        .folder
        .read("repository/.github/workflows/fitout.yaml");
    assert!(
        workflow.contains("environment: [dev, prod]\n"),
        "{workflow}"
    );
    assert!(
        workflow.contains("prod) values='-f charts/web/values-production.yaml' ;;"),
        "{workflow}"
    );
}
