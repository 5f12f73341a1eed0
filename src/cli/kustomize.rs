//! `-k DIR`: the overlay as kustomize builds it, with our function inside and without Docker.
//!
//! kustomize and kubectl run a container function by calling `docker` from PATH. For the time of the
//! build a `docker` of ours stands first there: it runs this program when the image is ours, and the
//! real docker otherwise (see [`super::shim`]). So the overlay is the same everywhere.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output as Finished, Stdio};

use fitout::config::{Config, FunctionConfig};
use fitout::problem::Problems;
use fitout::read::ResourceList;
use fitout::yaml::{Node, Stream};

use super::inputs::{config_of, failure};
use super::output::Output;
use super::{FINE, Failure, Telling, UNREADABLE, WRONG_USE, tree};

/// This program's path, for the stand-in.
pub(super) const PROGRAM: &str = "FITOUT_SHIM_PROGRAM";
/// The PATH without the stand-in.
pub(super) const REAL_PATH: &str = "FITOUT_SHIM_PATH";
/// A folder where the stand-in leaves what it was given and what came of it.
pub(super) const RECORD: &str = "FITOUT_SHIM_RECORD";

/// The overlay that is built, for the lines of its config.
pub(super) const DIRECTORY: &str = "FITOUT_SHIM_DIRECTORY";

/// The folder that the path of the overlay starts from.
pub(super) const WORKING: &str = "FITOUT_SHIM_WORKING";

/// Set when the caller tells findings itself.
pub(super) const TOLD_LATER: &str = "FITOUT_SHIM_TOLD_LATER";

/// Prints the build.
pub(super) fn apply(directory: &Path) -> Result<u8, Failure> {
    let build = Build::run(directory, false, WRONG_USE)?;
    Output::stdout(&build.output);
    Ok(FINE)
}

/// A finished build.
pub(super) struct Build {
    /// The objects.
    pub(super) output: String,
    /// The ResourceLists that kustomize gave to the function while it built.
    pub(super) inputs: Vec<String>,
}

impl Build {
    /// Builds an overlay. `is_told_later`: what the function finds is the caller's to tell. `not_run`: the code of a
    /// build that succeeds without the function.
    pub(super) fn run(
        directory: &Path,
        is_told_later: bool,
        not_run: u8,
    ) -> Result<Build, Failure> {
        let io = |what: &str| Failure::of::<std::io::Error>(UNREADABLE, format!("error: {what}"));
        let folder = tempfile::tempdir().map_err(io("cannot make a temporary folder"))?;
        let record = folder.path().join("record");
        std::fs::create_dir(&record).map_err(io("cannot make a temporary folder"))?;
        let bin = folder.path().join("bin");
        write_stand_in(&bin).map_err(io("cannot write the stand-in for docker"))?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program = std::env::current_exe().map_err(io("cannot find this program"))?;

        let mut command = kustomize_on(&path, directory)?;
        if is_told_later {
            command.env(TOLD_LATER, "1");
        }
        let finished = command
            .env("PATH", in_front(&bin, &path))
            .env(PROGRAM, program)
            .env(REAL_PATH, &path)
            .env(RECORD, &record)
            .env(DIRECTORY, directory)
            .env(WORKING, std::env::current_dir().unwrap_or_default())
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .map_err(io("cannot run kustomize"))?;
        let calls = Call::all(&record);
        judge(directory, &finished, &calls, not_run)?;
        Ok(Build {
            output: String::from_utf8_lossy(&finished.stdout).into_owned(),
            inputs: calls.into_iter().map(|call| call.input).collect(),
        })
    }
}

/// What kustomize handed to the function once, and its config.
pub(super) struct Handed<'h, 'c> {
    pub(super) stream: &'h Stream,
    pub(super) list: &'h ResourceList<'h>,
    /// The config's mapping in the list.
    pub(super) node: Node<'h>,
    pub(super) config: &'h mut Config<'c>,
}

impl Build {
    /// Goes through what kustomize handed to the function. The lines of configs are those of their files, which a person can
    /// look up.
    pub(super) fn each(
        inputs: Vec<String>,
        directory: &Path,
        telling: &Telling,
        mut then: impl FnMut(Handed<'_, '_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let unreadable = |problems: Problems| failure(&problems, telling, UNREADABLE);
        let sources = tree::sources(directory);
        for input in inputs {
            let stream = Stream::parse(input);
            let stream =
                stream.map_err(|error| unreadable(fitout::not_yaml(&error, None).into()))?;
            let list = ResourceList::read(&stream).map_err(unreadable)?;
            let Some(node) = list.function_config else {
                continue;
            };
            let function_config = FunctionConfig::of_build(node, &sources);
            let function_config =
                function_config.map_err(|problems| failure(&problems, telling, WRONG_USE))?;
            then(Handed {
                stream: &stream,
                list: &list,
                node,
                config: &mut config_of(&function_config, telling)?,
            })?;
        }
        Ok(())
    }
}

/// One call of the function, as the stand-in recorded it.
struct Call {
    input: String,
    code: Option<u8>,
}

impl Call {
    fn all(record: &Path) -> Vec<Call> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(record)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        files.retain(|file| {
            file.extension()
                .is_some_and(|extension| extension == "yaml")
        });
        files.sort();
        let call = |file: PathBuf| Call {
            input: std::fs::read_to_string(&file).unwrap_or_default(),
            code: std::fs::read_to_string(file.with_extension("code"))
                .ok()
                .and_then(|code| code.parse().ok()),
        };
        files.into_iter().map(call).collect()
    }
}

/// Fails when the build did, and when it succeeded without the function: kustomize skips a function
/// silently when it is an executable and no flag allows that, and such manifests are not fitted.
fn judge(
    directory: &Path,
    finished: &Finished,
    calls: &[Call],
    not_run: u8,
) -> Result<(), Failure> {
    let shown = directory.display();
    if !finished.status.success() {
        let code = calls
            .iter()
            .filter_map(|call| call.code)
            .find(|code| *code != FINE)
            .unwrap_or(UNREADABLE);
        return Err(Failure::new(
            code,
            format!("error: the build of {shown} failed"),
        ));
    }
    let skipped: Vec<String> = tree::executables(directory)
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    if !skipped.is_empty() {
        return Err(Failure::new(
            not_run,
            format!(
                "error[FIT-RUN001]: the build of {shown} succeeded, but kustomize skipped the function in {}\n  \
                 = help: it has the form `exec`, which kustomize leaves out without --enable-exec; use the form \
                 `container: {{image: {}}}`, or run kustomize yourself with that flag",
                skipped.join(", "),
                fitout::IMAGE
            ),
        ));
    }
    let stdout = String::from_utf8_lossy(&finished.stdout);
    if stdout
        .lines()
        .any(|line| line == "kind: CheckConfigUsedAsTransformer")
    {
        return Err(Failure::new(
            not_run,
            format!(
                "error[FIT-RUN001]: a config with `mode: Check` is under `transformers` in the build of {shown}, so that nothing \
                 is left of it\n  = help: list it under `validators`, and the one without `mode: Check` under `transformers`"
            ),
        ));
    }
    if calls.is_empty() {
        return Err(Failure::new(
            not_run,
            format!(
                "error[FIT-RUN001]: the build of {shown} succeeded, but fitout was not called in it\n  \
                 = help: list a folder of fn-config/ under `transformers` in its kustomization.yaml, in the form with \
                 `container: {{image: {}}}`; kustomize skips the form with `exec` silently here",
                fitout::IMAGE
            ),
        ));
    }
    Ok(())
}

fn write_stand_in(bin: &Path) -> std::io::Result<()> {
    std::fs::create_dir(bin)?;
    let file = bin.join("docker");
    std::fs::write(
        &file,
        format!("#!/bin/sh\nexec \"${PROGRAM}\" docker-shim \"$@\"\n"),
    )?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

fn in_front(bin: &Path, path: &OsString) -> OsString {
    let folders = std::iter::once(bin.to_owned()).chain(std::env::split_paths(path));
    std::env::join_paths(folders).unwrap_or_else(|_| bin.into())
}

fn kustomize_on(path: &OsString, directory: &Path) -> Result<Command, Failure> {
    if !directory.is_dir() {
        return Err(Failure::new(
            UNREADABLE,
            format!(
                "error[FIT-INP001]: there is no directory {}",
                directory.display()
            ),
        ));
    }
    let mut command = if let Some(kustomize) = find("kustomize", path) {
        let mut command = Command::new(kustomize);
        command.arg("build");
        command
    } else if let Some(kubectl) = find("kubectl", path) {
        let mut command = Command::new(kubectl);
        command.arg("kustomize");
        command
    } else {
        return Err(Failure::new(
            WRONG_USE,
            "error: -k needs kustomize or kubectl on PATH, and there is neither",
        ));
    };
    command.arg("--enable-alpha-plugins").arg(directory);
    Ok(command)
}

/// A program in the folders of a PATH.
pub(super) fn find(name: &str, path: &OsString) -> Option<PathBuf> {
    std::env::split_paths(path)
        .map(|folder| folder.join(name))
        .find(|file| is_executable(file))
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(file: &Path) -> bool {
    file.is_file()
}
