//! `-k DIR`: builds an overlay with kustomize, and runs fitout in it without Docker.
//!
//! kustomize and kubectl call `docker` from PATH to run a container function. During the build, a wrapper comes first on
//! PATH: it runs this program for fitout's image, and the real docker for others (see [`super::shim`]). So the same overlay
//! works with and without Docker.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output as Finished, Stdio};

use fitout::config::{Config, FunctionConfig};
use fitout::problem::Problems;
use fitout::read::ResourceList;
use fitout::text::Text;
use fitout::yaml::{Node, Stream};

use super::inputs::{config_of, failure};
use super::output::Output;
use super::{Failure, SUCCESS, UNREADABLE, Verbosity, WRONG_USE, temporary, tree};

/// The path of this program, for the wrapper.
pub(super) const PROGRAM: &str = "FITOUT_SHIM_PROGRAM";
/// The PATH without the wrapper.
pub(super) const REAL_PATH: &str = "FITOUT_SHIM_PATH";
/// The folder where the wrapper records the input and exit code of each call.
pub(super) const RECORD: &str = "FITOUT_SHIM_RECORD";
/// The overlay, to look up the lines of its config.
pub(super) const DIRECTORY: &str = "FITOUT_SHIM_DIRECTORY";
/// The working directory, to which the path of the overlay is relative.
pub(super) const WORKING: &str = "FITOUT_SHIM_WORKING";
/// Set if the caller reports the findings.
pub(super) const REPORTED_LATER: &str = "FITOUT_SHIM_REPORTED_LATER";

/// Builds an overlay and prints it.
pub(super) fn apply(directory: &Path) -> Result<u8, Failure> {
    let build = Build::run(directory, false, WRONG_USE)?;
    Output::data(&build.output)?;
    Ok(SUCCESS)
}

/// A finished build.
pub(super) struct Build {
    /// The objects.
    pub(super) output: String,
    /// The ResourceLists that kustomize passed to the function.
    pub(super) inputs: Vec<String>,
}

impl Build {
    /// Builds an overlay. `is_reported_later`: the caller reports the findings. `not_run`: the exit code if the build succeeds
    /// without running the function.
    pub(super) fn run(
        directory: &Path,
        is_reported_later: bool,
        not_run: u8,
    ) -> Result<Build, Failure> {
        let io = |what: &str| Failure::of::<std::io::Error>(UNREADABLE, format!("error: {what}"));
        let mut temporary = temporary::hold();
        let folder = tempfile::tempdir().map_err(io("cannot create a temporary folder"))?;
        temporary.add(folder.path());
        let record = folder.path().join("record");
        std::fs::create_dir(&record).map_err(io("cannot create a temporary folder"))?;
        let bin = folder.path().join("bin");
        write_wrapper(&bin).map_err(io("cannot write the wrapper for docker"))?;
        drop(temporary);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program = std::env::current_exe().map_err(io("cannot find this program"))?;

        let mut command = kustomize_on(&path, directory)?;
        if is_reported_later {
            command.env(REPORTED_LATER, "1");
        }
        let finished = command
            .env("PATH", in_front(&bin, &path))
            .env(PROGRAM, program)
            .env(REAL_PATH, &path)
            .env(RECORD, &record)
            .env(DIRECTORY, directory)
            .env(WORKING, std::env::current_dir().unwrap_or_default())
            .stdin(Stdio::null())
            .output()
            .map_err(io("cannot run kustomize"))?;
        let messages = String::from_utf8_lossy(&finished.stderr);
        Output::stderr(&Text::of_program(&messages));
        let calls = Call::all(&record);
        check_build(directory, &finished, &calls, not_run)?;
        Ok(Build {
            output: String::from_utf8_lossy(&finished.stdout).into_owned(),
            inputs: calls.into_iter().map(|call| call.input).collect(),
        })
    }
}

/// One input of the function, and its config.
pub(super) struct Input<'h, 'c> {
    pub(super) stream: &'h Stream,
    pub(super) list: &'h ResourceList<'h>,
    /// The config in the list.
    pub(super) node: Node<'h>,
    pub(super) config: &'h mut Config<'c>,
}

impl Build {
    /// Calls `then` for each input of the function. The lines of configs are those of their files.
    pub(super) fn each(
        inputs: Vec<String>,
        directory: &Path,
        verbosity: &Verbosity,
        mut then: impl FnMut(Input<'_, '_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let unreadable = |problems: Problems| failure(&problems, verbosity, UNREADABLE);
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
                function_config.map_err(|problems| failure(&problems, verbosity, WRONG_USE))?;
            then(Input {
                stream: &stream,
                list: &list,
                node,
                config: &mut config_of(&function_config, verbosity)?,
            })?;
        }
        Ok(())
    }
}

/// A recorded call of the function.
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

/// Fails if the build failed, or if it succeeded without the function: kustomize silently skips an executable function
/// without `--enable-exec`.
fn check_build(
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
            .find(|code| *code != SUCCESS)
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
            format_args!(
                "error[FIT-RUN001]: the build of {shown} succeeded, but kustomize skipped the function in {}",
                skipped.join(", ")
            ),
        )
        .note(format_args!(
            "  = help: kustomize skips `exec` functions without --enable-exec; use `container: {{image: {}}}`, or run \
             kustomize with that flag",
            fitout::IMAGE
        )));
    }
    let stdout = String::from_utf8_lossy(&finished.stdout);
    if stdout
        .lines()
        .any(|line| line == "kind: CheckConfigUsedAsTransformer")
    {
        return Err(Failure::new(
            not_run,
            format_args!(
                "error[FIT-RUN001]: the build of {shown} is empty, because a config with `mode: Check` is under \
                 `transformers`"
            ),
        )
        .note("  = help: list it under `validators`, and the config without `mode: Check` under `transformers`"));
    }
    if calls.is_empty() {
        return Err(Failure::new(
            not_run,
            format_args!(
                "error[FIT-RUN001]: the build of {shown} succeeded, but fitout was not called in it"
            ),
        )
        .note(format_args!(
            "  = help: list a folder of fn-config/ under `transformers` in its kustomization.yaml, in the form with \
             `container: {{image: {}}}`; kustomize skips the form with `exec` silently here",
            fitout::IMAGE
        )));
    }
    Ok(())
}

fn write_wrapper(bin: &Path) -> std::io::Result<()> {
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
                "error[FIT-INP001]: {} is not a directory",
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
            "error: -k needs kustomize or kubectl, and neither is on PATH",
        ));
    };
    command.arg("--enable-alpha-plugins").arg(directory);
    Ok(command)
}

/// Finds a program on a PATH.
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
