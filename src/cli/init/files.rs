//! The files that `fitout init` writes besides the config, and the lines that it cannot add to files that exist.

use fitout::IMAGE;

use super::Part;
use super::found::{Ci, Found};

/// The folder of configs, and the config in it.
pub(super) const CONFIG: &str = "fn-config/all/fitout.yaml";

/// A file to write.
#[derive(Debug)]
pub(super) struct Planned {
    /// Relative to the project, or for the CI to the root of the repository.
    pub(super) path: String,
    pub(super) is_of_repository: bool,
    pub(super) what: String,
    pub(super) text: String,
    /// What to add to the file if it exists; `None` if nothing.
    pub(super) addition: Option<String>,
}

/// Lines for a file that exists.
#[derive(Debug)]
pub(super) struct Addition {
    pub(super) path: String,
    pub(super) lines: String,
}

/// What runs fitout in an overlay, in a workflow and before a commit.
pub(super) fn around(found: &Found, skips: impl Fn(Part) -> bool) -> (Vec<Planned>, Vec<Addition>) {
    let (mut files, mut additions) = (Vec::new(), Vec::new());
    let has_kustomize = !found.overlays.is_empty() || !found.bases.is_empty();
    if has_kustomize && !skips(Part::Kustomize) {
        kustomize(found, &mut files, &mut additions);
    }
    if !skips(Part::Ci) {
        match found.ci {
            Ci::Github => github(found, &mut files),
            Ci::Gitlab => gitlab(found, &mut files, &mut additions),
            Ci::None => {}
        }
    }
    if !skips(Part::PreCommit) {
        pre_commit(found, &mut files);
    }
    (files, additions)
}

pub(super) fn planned(path: String, what: &str, text: String) -> Planned {
    Planned {
        path,
        is_of_repository: false,
        what: what.to_owned(),
        text,
        addition: None,
    }
}

const KUSTOMIZATION: &str = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";

/// A folder for each environment, which its overlays list under `transformers`.
fn kustomize(found: &Found, files: &mut Vec<Planned>, additions: &mut Vec<Addition>) {
    let all = format!(
        "# The config of all environments. kustomize loads folders from outside an overlay, but not files. The folder of each\n\
         # environment chooses the environment, and overlays list that folder under `transformers`.\n{KUSTOMIZATION}resources:\n- fitout.yaml\n"
    );
    files.push(planned(
        "fn-config/all/kustomization.yaml".to_owned(),
        "lets kustomize read the config",
        all,
    ));
    for name in &found.environments {
        let text = format!(
            "{KUSTOMIZATION}resources:\n- ../all\npatches:\n- target: {{kind: Fitout}}\n  patch: '[{{\"op\": \"add\", \"path\": \"/spec/environment\", \"value\": \"{name}\"}}]'\n"
        );
        files.push(planned(
            format!("fn-config/{name}/kustomization.yaml"),
            "chooses the environment",
            text,
        ));
    }
    for overlay in &found.overlays {
        let up = "../".repeat(depth(&overlay.folder));
        let item = format!("- {up}fn-config/{}", overlay.environment);
        let lines = match overlay.has_transformers {
            true => format!("{item}   # one more item under `transformers`"),
            false => format!("transformers:\n{item}"),
        };
        additions.push(Addition {
            path: overlay.folder.clone(),
            lines,
        });
    }
    match (found.overlays.as_slice(), found.bases.as_slice()) {
        // Only one thing is deployed, so that each environment can have an overlay of it.
        ([], [base]) => {
            for name in &found.environments {
                let base = if base == "." {
                    String::new()
                } else {
                    base.clone()
                };
                let text = format!(
                    "{KUSTOMIZATION}resources:\n- ../../{base}\ntransformers:\n- ../../fn-config/{name}\n"
                );
                if !base.is_empty() {
                    files.push(planned(
                        format!("overlays/{name}/kustomization.yaml"),
                        &format!("{base} in {name}"),
                        text,
                    ));
                }
            }
        }
        ([], bases) => {
            let last = found
                .environments
                .last()
                .map_or("production", String::as_str);
            for base in bases.iter().take(5) {
                let up = "../".repeat(depth(base));
                additions.push(Addition {
                    path: base.clone(),
                    lines: format!(
                        "transformers:   # if it is deployed in {last}\n- {up}fn-config/{last}"
                    ),
                });
            }
        }
        _ => {}
    }
}

/// How many folders deep a path is.
fn depth(folder: &str) -> usize {
    folder
        .split('/')
        .filter(|it| !it.is_empty() && *it != ".")
        .count()
}

/// The overlays of an environment, and the arguments for the plain manifests.
fn overlays_of<'f>(found: &'f Found, environment: &str) -> Vec<&'f str> {
    let of = found
        .overlays
        .iter()
        .filter(|it| it.environment == environment);
    of.map(|it| it.folder.as_str()).collect()
}

/// The steps of a job, for a shell with `fitout` and `$ENVIRONMENT`. Each plan is also written as Markdown to `summary`.
fn steps(found: &Found, summary: Option<&str>) -> Vec<(&'static str, String)> {
    let plan = |arguments: &str| {
        let plan = format!("fitout plan {arguments} -e \"$ENVIRONMENT\"");
        let line = summary.map(|it| format!("\n{plan} -q -o markdown >> \"{it}\""));
        plan + &line.unwrap_or_default()
    };
    let mut steps = Vec::new();
    let paths = found.filenames();
    let is_kustomize = !found.overlays.is_empty();
    if !found.paths.is_empty() {
        steps.push(("Plan: what would change, and why", plan(&paths)));
    }
    if is_kustomize {
        let cases = found.environments.iter().filter_map(|name| {
            let overlays = overlays_of(found, name);
            let overlays = overlays.iter().map(|it| format!("\n    {it}"));
            let overlays: String = overlays.collect();
            (!overlays.is_empty()).then(|| format!("  {name}) overlays=\"{overlays}\" ;;"))
        });
        let cases: Vec<String> = cases.collect();
        steps.push((
            "Check what kustomize builds",
            format!(
                "overlays=\ncase $ENVIRONMENT in\n{}\nesac\nstatus=0\nfor overlay in $overlays; do\n  echo \"== $overlay\"\n  \
                 kustomize build --enable-alpha-plugins \"$overlay\" > rendered.yaml || status=1\n  \
                 fitout check -f rendered.yaml -e \"$ENVIRONMENT\" || status=1\ndone\nexit $status",
                cases.join("\n")
            ),
        ));
    } else if !found.paths.is_empty() {
        steps.push((
            "Check the manifests as they would be applied",
            format!("fitout apply -q {paths} -e \"$ENVIRONMENT\" > rendered.yaml\nfitout check -f rendered.yaml -e \"$ENVIRONMENT\""),
        ));
    }
    for chart in &found.charts {
        let values = chart.values.iter().map(|(environment, file)| {
            format!("  {environment}) values='-f {}/{file}' ;;", chart.folder)
        });
        let values: Vec<String> = values.collect();
        let (choose, values) = match values.is_empty() {
            true => (String::new(), ""),
            false => (
                format!(
                    "values=\ncase $ENVIRONMENT in\n{}\nesac\n",
                    values.join("\n")
                ),
                " $values",
            ),
        };
        let folder = &chart.folder;
        let name = if super::found::is_plain(&chart.name) {
            chart.name.as_str()
        } else {
            "release"
        };
        steps.push((
            "Check the chart as Helm renders it",
            format!(
                "{choose}helm template {name} {folder}{values} > chart.yaml\n{}\nfitout apply -q -f chart.yaml -e \"$ENVIRONMENT\" > rendered.yaml\nfitout check -f rendered.yaml -e \"$ENVIRONMENT\"",
                plan("-f chart.yaml")
            ),
        ));
    }
    steps
}

/// Docker's arguments for fitout in a folder: no privileges, no network, and nothing can be written.
fn container(found: &Found, mount: &str) -> String {
    let below = if found.below == "." {
        String::new()
    } else {
        format!("/{}", found.below)
    };
    format!(
        "docker run --rm --network none --read-only -v \"{mount}:/src:ro\" -w /src{below} {IMAGE}"
    )
}

fn indented(text: &str, by: usize) -> String {
    let blanks = " ".repeat(by);
    text.lines()
        .map(|line| format!("{blanks}{line}\n"))
        .collect()
}

fn github(found: &Found, files: &mut Vec<Planned>) {
    let steps = steps(found, Some("$GITHUB_STEP_SUMMARY"));
    if steps.is_empty() {
        return;
    }
    let checkout = found.checkout.as_deref().unwrap_or("v5");
    let mut text = format!(
        "# Shows on each pull request what fitout would change, and checks the result, for each environment.\n\
         name: fitout\non: pull_request\npermissions:\n  contents: read\njobs:\n  fitout:\n    runs-on: ubuntu-latest\n    strategy:\n      \
         fail-fast: false\n      matrix:\n        environment: [{}]\n    env:\n      ENVIRONMENT: ${{{{ matrix.environment }}}}\n",
        found.environments.join(", ")
    );
    if found.below != "." {
        text += &format!(
            "    defaults:\n      run:\n        working-directory: {}\n",
            found.below
        );
    }
    text += &format!("    steps:\n    - uses: actions/checkout@{checkout}\n");
    let container = container(found, "$GITHUB_WORKSPACE");
    text += &format!(
        "    - name: Put fitout on PATH\n      run: |\n        mkdir -p \"$RUNNER_TEMP/bin\"\n        printf '%s\\n' '#!/bin/sh' 'exec {container} \"$@\"' > \"$RUNNER_TEMP/bin/fitout\"\n        \
         chmod +x \"$RUNNER_TEMP/bin/fitout\"\n        echo \"$RUNNER_TEMP/bin\" >> \"$GITHUB_PATH\"\n"
    );
    for (name, step) in steps {
        text += &format!(
            "    - name: \"{name}\"\n      run: |\n{}",
            indented(&step, 8)
        );
    }
    files.push(Planned {
        path: ".github/workflows/fitout.yaml".to_owned(),
        is_of_repository: true,
        what: format!(
            "plans and checks {} on pull requests",
            found.environments.join(", ")
        ),
        text,
        addition: None,
    });
}

fn gitlab(found: &Found, files: &mut Vec<Planned>, additions: &mut Vec<Addition>) {
    let steps = steps(found, None);
    if steps.is_empty() {
        return;
    }
    let mut tools = Vec::new();
    if !found.overlays.is_empty() {
        tools.push("kustomize");
    }
    if !found.charts.is_empty() {
        tools.push("helm");
    }
    let install = match tools.is_empty() {
        true => String::new(),
        false => format!("  - apk add --no-cache {}\n", tools.join(" ")),
    };
    let container = container(found, "$CI_PROJECT_DIR");
    let mut text = format!(
        "# Shows on each merge request what fitout would change, and checks the result, for each environment.\n\
         fitout:\n  stage: test\n  image: docker:29\n  services: [docker:29-dind]\n  rules:\n  - if: $CI_PIPELINE_SOURCE == \"merge_request_event\"\n  \
         parallel:\n    matrix:\n    - ENVIRONMENT: [{}]\n  script:\n{install}  - |\n    printf '%s\\n' '#!/bin/sh' 'exec {container} \"$@\"' > /usr/local/bin/fitout\n    \
         chmod +x /usr/local/bin/fitout\n",
        found.environments.join(", ")
    );
    if found.below != "." {
        text += &format!("  - cd {}\n", found.below);
    }
    for (name, step) in steps {
        text += &format!("  # {name}\n  - |\n{}", indented(&step, 4));
    }
    let include = "include:\n- local: .gitlab/fitout.yml\n";
    files.push(Planned {
        path: ".gitlab/fitout.yml".to_owned(),
        is_of_repository: true,
        what: format!(
            "plans and checks {} on merge requests",
            found.environments.join(", ")
        ),
        text,
        addition: None,
    });
    match found.repository.join(".gitlab-ci.yml").exists() {
        true => additions.push(Addition {
            path: ".gitlab-ci.yml".to_owned(),
            lines: include.trim_end().to_owned(),
        }),
        false => files.push(Planned {
            path: ".gitlab-ci.yml".to_owned(),
            is_of_repository: true,
            what: "includes it".to_owned(),
            text: include.to_owned(),
            addition: None,
        }),
    }
}

fn pre_commit(found: &Found, files: &mut Vec<Planned>) {
    if found.paths.is_empty() {
        return;
    }
    let (environments, paths) = (found.environments.join(" "), found.filenames());
    let (cd, prefix) = match found.below.as_str() {
        "." => (String::new(), String::new()),
        below => (format!("cd {below} && "), format!("^{below}/.*")),
    };
    let hook = format!(
        "- repo: local\n  hooks:\n  - id: fitout\n    name: fitout plan\n    language: system\n    \
         entry: sh -c '{cd}for e in {environments}; do fitout plan -q {paths} -e $e || exit 1; done'\n    \
         files: {prefix}\\.(ya?ml|json)$\n    pass_filenames: false\n"
    );
    files.push(Planned {
        path: ".pre-commit-config.yaml".to_owned(),
        is_of_repository: true,
        what: "refuses commits that fitout cannot fit".to_owned(),
        text: format!("repos:\n{hook}"),
        addition: Some(hook),
    });
}
