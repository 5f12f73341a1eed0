//! The wrapper for docker during a build; see [`super::kustomize`].

use std::ffi::OsString;
use std::io::Read;
use std::path::PathBuf;
use std::process::Command;

use fitout::catalogue::{without_digest, without_tag};
use fitout::config::Sources;
use fitout::yaml::Edited;
use fitout::{IMAGE, Outcome, Results};

use super::config_text::ConfigText;
use super::function::{self, Settings};
use super::kustomize::report_difference;
use super::wrappers::{
    ALLOWED, CONFIG, DIRECTORY, ENVIRONMENT, REAL_PATH, RECORD, REPORTED_LATER, VARIABLES, WORKING,
};
use super::{Color, FINDINGS, Failure, SUCCESS, UNREADABLE, Verbosity, WRONG_USE, programs, tree};

/// Runs the function for fitout's image, and the real docker for images that the caller allows.
pub(super) fn run(arguments: &[String]) -> Result<u8, Failure> {
    // kustomize calls `docker run`, with the image last: what comes before can have any text in it.
    let image = match arguments {
        [verb, .., image] if verb == "run" => image,
        _ => return Err(refused(&arguments.join(" "))),
    };
    let result = match is_ours(image) {
        true => run_function(Settings::of(
            variable(arguments, "FITOUT_OUTPUT").as_deref(),
        )),
        false if is_allowed(image) => real_docker(arguments),
        false => Err(refused(image)),
    };
    if let Err(failure) = &result {
        note_code(record(b""), failure.code);
    }
    result
}

/// Whether this is the image of this version, also with a digest.
fn is_ours(image: &str) -> bool {
    without_digest(image).0 == IMAGE
}

/// Whether the caller allows an image: exactly, or by its name without tag and digest.
fn is_allowed(image: &str) -> bool {
    let allowed = std::env::var(ALLOWED).unwrap_or_default();
    let (tagged, _) = without_digest(image);
    let (name, _) = without_tag(tagged);
    // What begins with `-` would be a flag of docker.
    let mut allowed = allowed
        .lines()
        .filter(|it| !it.is_empty() && !image.starts_with('-'));
    allowed.any(|allowed| [image, tagged, name].contains(&allowed))
}

fn refused(image: &str) -> Failure {
    let (name, _) = IMAGE.rsplit_once(':').unwrap_or((IMAGE, ""));
    let help = match image.strip_prefix(name) {
        Some(rest) if rest.starts_with([':', '@']) => {
            format!(
                "this program runs only {IMAGE}; use the version of fitout that the overlay names"
            )
        }
        _ => format!("if you trust it, allow it with `--allow-functions {image}`"),
    };
    let message = format!(
        "error[FIT-INP011]: the overlay runs the container image {image}, which is not allowed"
    );
    Failure::new(WRONG_USE, message).note(format!("  = help: {help}"))
}

/// Whether this process is a function of a build, also an executable one.
pub(super) fn is_in_build() -> bool {
    std::env::var_os(RECORD).is_some()
}

/// Runs the function for a build.
pub(super) fn run_function(settings: Settings) -> Result<u8, Failure> {
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
    // kustomize starts docker in another folder.
    let is_there = |working: OsString| std::env::set_current_dir(working).is_ok();
    let is_there = std::env::var_os(WORKING).is_some_and(is_there);
    let sources = directory
        .filter(|_| is_there)
        .map_or_else(Sources::default, |directory| tree::sources(&directory));
    let verbosity = Verbosity::with_color(Color::Auto);
    let chosen = match std::env::var_os(CONFIG) {
        None => None,
        Some(file) => {
            let mut text = ConfigText::of(&PathBuf::from(file), &verbosity)?;
            text.choice = std::env::var(ENVIRONMENT).ok();
            Some(text)
        }
    };
    let chosen = chosen
        .as_ref()
        .map(|it| it.function_config(&verbosity))
        .transpose()?;
    let mut outcome = fitout::run_built(bytes, Results::ByHost, None, &sources, chosen.as_ref());
    note_code(file, code_of(&outcome));
    // `plan` and `check` report the findings from the record, and the difference.
    let is_reported_later = std::env::var_os(REPORTED_LATER).is_some();
    if !is_reported_later {
        report_difference(&outcome.overruled);
    }
    let settings = match outcome.passed && is_reported_later {
        true => Settings::of(Some("none")),
        false => settings,
    };
    let output = outcome.output.take().map(Edited::from);
    Ok(function::finish(&outcome, output.as_ref(), &settings))
}

/// The exit code that the command line would have.
fn code_of(outcome: &Outcome) -> u8 {
    match outcome.problems.first() {
        Some(problem) if problem.id.starts_with("FIT-CFG") => WRONG_USE,
        Some(_) => UNREADABLE,
        None if !outcome.passed => FINDINGS,
        None => SUCCESS,
    }
}

/// Records the input, numbered in the order of the calls.
fn record(bytes: &[u8]) -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os(RECORD)?);
    let calls = std::fs::read_dir(&folder).ok()?.count();
    let file = folder.join(format!("{calls:06}.yaml"));
    std::fs::write(&file, bytes).ok()?;
    Some(file)
}

/// Records the exit code of a call. Without it, the caller uses the general code of a failed build.
fn note_code(file: Option<PathBuf>, code: u8) {
    if let Some(file) = file {
        let _ = std::fs::write(file.with_extension("code"), code.to_string());
    }
}

/// The value of a variable in docker's arguments: `-e NAME=VALUE`, or `-e NAME` for the caller's value.
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

/// The container gets the variables that the function's spec lists, and docker none of those of this build.
fn real_docker(arguments: &[String]) -> Result<u8, Failure> {
    let path: OsString = std::env::var_os(REAL_PATH).unwrap_or_default();
    let Some(docker) = programs::find_on(&path, "docker") else {
        let message = "error: the overlay runs another container, and docker is not on PATH";
        return Err(Failure::new(
            WRONG_USE,
            format!("{message} (docker {})", arguments.join(" ")),
        ));
    };
    let mut command = Command::new(docker);
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    let status = command.args(arguments).env("PATH", &path).status();
    let status = status.map_err(Failure::of(
        UNREADABLE,
        "error: cannot run docker".to_owned(),
    ))?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(FINDINGS))
}
