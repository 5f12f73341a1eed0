//! The stand-in for docker while [`super::kustomize`] builds.

use std::ffi::OsString;
use std::io::Read;
use std::path::PathBuf;
use std::process::Command;

use fitout::{Outcome, Results};

use super::function::{self, Settings};
use super::kustomize::{DIRECTORY, REAL_PATH, RECORD, TOLD_LATER, WORKING, find};
use super::{FINDINGS, FINE, Failure, UNREADABLE, WRONG_USE, tree};

/// Runs the function when docker is asked to run our image, and the real docker otherwise.
pub(super) fn run(arguments: &[String]) -> Result<u8, Failure> {
    let is_ours = arguments.first().is_some_and(|verb| verb == "run")
        && arguments.iter().any(|argument| argument == fitout::IMAGE);
    if !is_ours {
        return real_docker(arguments);
    }
    let settings = Settings::of(variable(arguments, "FITOUT_OUTPUT").as_deref());
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .map_err(Failure::of(
            UNREADABLE,
            "error: cannot read standard input".to_owned(),
        ))?;
    let file = record(&bytes);
    let directory = std::env::var_os(DIRECTORY).map(PathBuf::from);
    // kustomize starts docker in a folder of its own choice.
    let is_there = |working: OsString| std::env::set_current_dir(working).is_ok();
    let is_there = std::env::var_os(WORKING).is_some_and(is_there);
    let sources = directory
        .filter(|_| is_there)
        .map(|directory| tree::sources(&directory));
    let outcome = fitout::run_built(bytes, Results::ByHost, None, &sources.unwrap_or_default());
    if let Some(file) = file {
        // Without the record the caller takes its general code for a failed build.
        let _ = std::fs::write(file.with_extension("code"), code_of(&outcome).to_string());
    }
    // A plan tells the findings itself, from the record.
    let is_told_later = outcome.passed && std::env::var_os(TOLD_LATER).is_some();
    let settings = if is_told_later {
        Settings::of(Some("none"))
    } else {
        settings
    };
    Ok(function::finish(&outcome, &settings))
}

/// The exit code that the command line would end with.
fn code_of(outcome: &Outcome) -> u8 {
    match outcome.problems.first() {
        Some(problem) if problem.id.starts_with("FIT-CFG") => WRONG_USE,
        Some(_) => UNREADABLE,
        None if !outcome.passed => FINDINGS,
        None => FINE,
    }
}

/// Keeps what the function was given, in the order of its calls.
fn record(bytes: &[u8]) -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os(RECORD)?);
    let calls = std::fs::read_dir(&folder).ok()?.count();
    let file = folder.join(format!("{calls:06}.yaml"));
    std::fs::write(&file, bytes).ok()?;
    Some(file)
}

/// The value of a variable that docker was told to set: `-e NAME=VALUE`, or `-e NAME` for the caller's.
fn variable(arguments: &[String], name: &str) -> Option<String> {
    let settings = arguments
        .windows(2)
        .filter(|pair| pair[0] == "-e" || pair[0] == "--env")
        .map(|pair| &pair[1]);
    let value = |setting: &String| match setting.strip_prefix(name)? {
        "" => std::env::var(name).ok(),
        rest => rest.strip_prefix('=').map(str::to_owned),
    };
    settings.filter_map(value).next_back()
}

fn real_docker(arguments: &[String]) -> Result<u8, Failure> {
    let path: OsString = std::env::var_os(REAL_PATH).unwrap_or_default();
    let Some(docker) = find("docker", &path) else {
        let message =
            "error: the overlay runs a container that is not ours, and there is no docker on PATH";
        return Err(Failure::new(
            WRONG_USE,
            format!("{message} (docker {})", arguments.join(" ")),
        ));
    };
    let status = Command::new(docker)
        .args(arguments)
        .env("PATH", &path)
        .status();
    let status = status.map_err(Failure::of(
        UNREADABLE,
        "error: cannot run docker".to_owned(),
    ))?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(FINDINGS))
}
