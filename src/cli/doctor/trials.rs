//! Runs the canary through each program, in the ways that people use.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use fitout::IMAGE;
use serde::Serialize;

use super::super::{Failure, UNREADABLE, helm, programs, temporary};
use super::canary::{Canary, Form, MARK};
use super::ways::{CONTAINER, HELM_3, TOOLS, Way};

/// A program, and the ways to run fitout in it.
#[derive(Debug, Serialize)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    pub(super) trials: Vec<Trial>,
}

/// One way to run fitout, and what came of it.
#[derive(Debug, Serialize)]
pub(super) struct Trial {
    /// What to type, with names in capitals for what differs.
    pub(super) command: String,
    /// How the config tells the program to run fitout: `container` or `exec`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) form: Option<&'static str>,
    pub(super) outcome: Outcome,
    /// What this way is known to do.
    pub(super) expected: Outcome,
    /// Why, and what to do instead.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) detail: String,
}

impl Trial {
    /// Whether a way that should work does not.
    pub(super) fn is_problem(&self) -> bool {
        self.expected == Outcome::Works
            && ![Outcome::Works, Outcome::NotTried].contains(&self.outcome)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Outcome {
    /// The Deployment is fitted.
    Works,
    /// The program succeeds, and the Deployment is as before.
    SkipsSilently,
    /// The program fails.
    Fails,
    NotTried,
}

impl Outcome {
    pub(super) fn words(self) -> &'static str {
        match self {
            Outcome::Works => "works",
            Outcome::SkipsSilently => "SKIPS SILENTLY",
            Outcome::Fails => "fails",
            Outcome::NotTried => "not tried",
        }
    }
}

/// Tries everything.
pub(super) fn all() -> Result<Vec<Tool>, Failure> {
    let cannot = |what: &str| Failure::of::<std::io::Error>(UNREADABLE, format!("error: {what}"));
    let program = std::env::current_exe().map_err(cannot("cannot find this program"))?;
    let (folder, held) = temporary::folder().map_err(cannot("cannot create a temporary folder"))?;
    drop(held);
    let canary = Canary::write(folder.path(), &program);
    let canary = canary.map_err(cannot("cannot write to a temporary folder"))?;
    let doctor = Doctor {
        canary,
        docker: OnceLock::new(),
        program,
        path: programs::search_path(),
    };
    let mut tools = vec![Tool {
        name: "fitout",
        path: Some(doctor.program.display().to_string()),
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        trials: Vec::new(),
    }];
    // The programs mostly wait.
    std::thread::scope(|scope| {
        let doctor = &doctor;
        let runs = TOOLS
            .map(|(name, version, ways)| scope.spawn(move || doctor.examine(name, version, ways)));
        tools.extend(runs.into_iter().filter_map(|run| run.join().ok()));
    });
    Ok(tools)
}

struct Doctor {
    canary: Canary,
    /// Why no container can be tried, once a trial needs one.
    docker: OnceLock<Option<String>>,
    program: PathBuf,
    path: OsString,
}

/// Why the image cannot be run, if it cannot. It is not pulled.
fn without_image(path: &OsStr) -> Option<String> {
    let Some(docker) = programs::find_on(path, "docker") else {
        return Some("docker is not on PATH".to_owned());
    };
    let ask = |arguments: &[&str]| {
        let mut command = Command::new(&docker);
        command.args(arguments);
        Ran::of(command, b"")
    };
    let daemon = ask(&["version", "--format", "{{.Server.Version}}"]);
    if daemon.code != Some(0) {
        return Some(format!("Docker has no daemon: {}", daemon.reason()));
    }
    let image = ask(&["image", "inspect", IMAGE]);
    (image.code != Some(0))
        .then(|| format!("the image {IMAGE} is not on this machine, and doctor pulls nothing"))
}

impl Doctor {
    fn examine(&self, name: &'static str, version: &[&str], ways: &[Way]) -> Tool {
        let Some(file) = programs::find_on(&self.path, name) else {
            let trials = match (name, programs::find_on(&self.path, "kubectl")) {
                // `apply -k` works with kubectl too.
                ("kustomize", Some(_)) => vec![self.attempt(&ways[0], None)],
                _ => Vec::new(),
            };
            return Tool {
                name,
                path: None,
                version: None,
                trials,
            };
        };
        let mut command = Command::new(&file);
        command.args(version);
        let said = Ran::of(command, b"");
        let version = said.stdout.lines().collect::<Vec<_>>().join(", ");
        let is_helm_3 = name == "helm" && version.starts_with("v3.");
        let ways = if is_helm_3 { HELM_3 } else { ways };
        let plugins = (name == "helm" && !is_helm_3).then(|| self.plugins(&file));
        Tool {
            name,
            path: Some(file.display().to_string()),
            version: Some(version).filter(|it| !it.is_empty()),
            trials: ways
                .iter()
                .map(|way| self.attempt(way, plugins.as_ref()))
                .collect(),
        }
    }

    /// The user's folder of plugins if fitout is in it, or else our own, and what to say about it.
    fn plugins(&self, helm: &Path) -> (Option<PathBuf>, String) {
        let mut command = Command::new(helm);
        command.args(["env", "HELM_PLUGINS"]);
        let folders = Ran::of(command, b"").stdout;
        let mut folders = std::env::split_paths(folders.trim());
        let existing = folders.find_map(|folder| helm::plugin_in(&folder));
        match (existing, helm::installed()) {
            (Some(text), Ok(ours)) if text != ours => {
                let advice = "the plugin runs another program, or is of another version: `fitout helm-plugin install` replaces it";
                (None, advice.to_owned())
            }
            (Some(_), _) => (None, String::new()),
            (None, Ok(_)) => {
                let advice = "after `fitout helm-plugin install`";
                (Some(self.canary.folder.join("plugins")), advice.to_owned())
            }
            (None, Err(failure)) => {
                let lines = failure.text.as_str().lines();
                let advice: Vec<&str> = lines.map(str::trim_start).collect();
                (None, advice.join("\n"))
            }
        }
    }

    fn attempt(&self, way: &Way, plugins: Option<&(Option<PathBuf>, String)>) -> Trial {
        let needs_image = way.line.starts_with("docker")
            || way.form == CONTAINER && !way.line.starts_with("fitout");
        let needs_image = needs_image && way.expected == Outcome::Works;
        let mut trial = Trial {
            command: way.line.replace("IMAGE", IMAGE),
            form: way.form.map(Form::name),
            outcome: Outcome::NotTried,
            expected: way.expected,
            detail: String::new(),
        };
        let without = || self.docker.get_or_init(|| without_image(&self.path));
        if let Some(reason) = needs_image.then(without).and_then(Option::as_ref) {
            trial.detail.clone_from(reason);
            return trial;
        }
        let (ran, output) = self.run(way, plugins.and_then(|it| it.0.as_deref()));
        let marks = output.matches(MARK).count();
        trial.outcome = match (ran.code, marks) {
            (Some(0), 0) => Outcome::SkipsSilently,
            (Some(0), _) => Outcome::Works,
            _ => Outcome::Fails,
        };
        let mut details: Vec<String> = Vec::new();
        match trial.outcome {
            Outcome::Fails => details.push(ran.reason()),
            Outcome::SkipsSilently => {
                details.push("exit code 0, and fitout did not run".to_owned());
            }
            _ => {}
        }
        let has_hook = way.line.starts_with("helm");
        if trial.outcome == Outcome::Works && has_hook && marks == 1 {
            let hooks = "hooks and tests are skipped silently: Helm 3 does not pass them to post-renderers, Helm 4 does";
            details.push(hooks.to_owned());
        }
        let of_plugin = plugins.filter(|_| way.expected == Outcome::Works);
        details.extend(of_plugin.map(|it| it.1.clone()));
        if trial.outcome == way.expected {
            details.push(way.advice.to_owned());
        }
        details.retain(|it| !it.is_empty());
        trial.detail = details.join("\n");
        trial
    }

    /// Runs a way, and returns what it made of the Deployment.
    fn run(&self, way: &Way, plugins: Option<&Path>) -> (Ran, String) {
        let folder = &self.canary.folder;
        let form = way.form.map_or("exec", Form::name);
        // kpt changes the package.
        let is_package = way.line.contains("PACKAGE");
        let own = tempfile::tempdir_in(folder).ok();
        let package = own.as_ref().map(|it| it.path().join("package"));
        let package = package.unwrap_or_else(|| folder.join("package"));
        if is_package {
            let from = folder.join(format!("package-{form}"));
            let _ = std::fs::create_dir_all(&package);
            for entry in std::fs::read_dir(from).into_iter().flatten().flatten() {
                let is_pipeline = entry.file_name() == "Kptfile" && way.form.is_none();
                if !is_pipeline {
                    let _ = std::fs::copy(entry.path(), package.join(entry.file_name()));
                }
            }
        }
        let is_plugin =
            plugins.is_some() || way.line.contains("args=-c") && !way.line.contains(" run ");
        let words = way.line.split(' ').map(|word| -> OsString {
            match word {
                "OVERLAY" => folder.join(format!("overlay-{form}")).into(),
                "PACKAGE" => package.clone().into(),
                "CHART" => folder.join("chart").into(),
                "RELEASE" => "canary".into(),
                "IMAGE" => IMAGE.into(),
                "CONFIG" => folder.join("config.yaml").into(),
                "fitout" if !is_plugin => self.program.clone().into(),
                "--post-renderer-args=-cCONFIG" => {
                    let mut word = OsString::from("--post-renderer-args=-c");
                    word.push(folder.join("config.yaml"));
                    word
                }
                word => word.into(),
            }
        });
        let words: Vec<OsString> = words.collect();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(folder);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("FITOUT_") {
                command.env_remove(name);
            }
        }
        if let Some(plugins) = plugins {
            command.env("HELM_PLUGINS", plugins);
        }
        let stdin = match way.line.starts_with("docker") {
            true => std::fs::read(folder.join("list.yaml")).unwrap_or_default(),
            false => Vec::new(),
        };
        let ran = Ran::of(command, &stdin);
        let output = match is_package {
            true => std::fs::read_to_string(package.join("deployment.yaml")).unwrap_or_default(),
            false => ran.stdout.clone(),
        };
        (ran, output)
    }
}

/// The longest that a program may take.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(5);

/// What a program did.
struct Ran {
    /// `None` if it could not be run, or did not end.
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn of(command: Command, stdin: &[u8]) -> Ran {
        Ran::tried(command, stdin).unwrap_or_else(|error| Ran {
            code: None,
            stdout: String::new(),
            stderr: error.to_string(),
        })
    }

    /// With files instead of pipes no program blocks, however much it writes.
    fn tried(mut command: Command, stdin: &[u8]) -> std::io::Result<Ran> {
        let file = || tempfile::tempfile();
        let (mut input, mut output, mut errors) = (file()?, file()?, file()?);
        input.write_all(stdin)?;
        input.rewind()?;
        command.stdin(Stdio::from(input));
        command.stdout(Stdio::from(output.try_clone()?));
        command.stderr(Stdio::from(errors.try_clone()?));
        let mut child = command.spawn()?;
        let mut patience = PATIENCE.as_millis() / PAUSE.as_millis();
        let code = loop {
            if let Some(status) = child.try_wait()? {
                break status.code();
            }
            if patience == 0 {
                child.kill()?;
                child.wait()?;
                let seconds = PATIENCE.as_secs();
                return Err(std::io::Error::other(format!(
                    "it did not end within {seconds} seconds"
                )));
            }
            patience -= 1;
            std::thread::sleep(PAUSE);
        };
        let text = |file: &mut File| -> std::io::Result<String> {
            let mut bytes = Vec::new();
            file.rewind()?;
            file.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        Ok(Ran {
            code,
            stdout: text(&mut output)?,
            stderr: text(&mut errors)?,
        })
    }

    /// The first lines of what it says about a failure.
    fn reason(&self) -> String {
        const MOST: usize = 3;
        let lines = self.stderr.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty()).take(MOST);
        lines.collect::<Vec<_>>().join("\n")
    }
}
