//! `-k DIR`: builds an overlay with kustomize, and runs fitout in it without Docker.
//!
//! kustomize and kubectl call `docker` from PATH to run a container function. During the build, a wrapper comes first on
//! PATH: it runs this program for fitout's image, and the real docker for images that the caller allows (see [`super::shim`]).
//! Other wrappers refuse helm, and options of git that a URL smuggles in.
//! So the same overlay works with and without Docker, and a stranger's overlay runs nothing.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output as Finished, Stdio};

use clap::Args;
use fitout::config::{Config, FunctionConfig};
use fitout::problem::Problems;
use fitout::read::{Resource, ResourceList};
use fitout::text::Text;
use fitout::yaml::{Node, Stream};

use super::config_text::ConfigText;
use super::inputs::{config_of, failure};
use super::output::Output;
use super::wrappers::{
    ALLOWED, CONFIG, DIRECTORY, DOCKER, ENVIRONMENT, GIT, HELM, NO_HELM, PROGRAM, REAL_PATH,
    RECORD, REPORTED_LATER, VARIABLES, WORKING, write_wrappers,
};
use super::{Failure, SUCCESS, UNREADABLE, Verbosity, WRONG_USE, programs, temporary, tree};
use fitout::sorting;

/// The folder of kustomize's legacy plugins.
const PLUGINS: &str = "KUSTOMIZE_PLUGIN_HOME";

/// A kustomize overlay, and what its build may run.
#[derive(Debug, Default, Args)]
pub(super) struct Overlay {
    /// A kustomize overlay, built with kustomize or kubectl from PATH. Needs no Docker, even if the overlay lists fitout as a container
    #[arg(
        short = 'k',
        long = "kustomize",
        value_name = "DIR",
        conflicts_with = "filenames"
    )]
    pub(super) kustomization: Option<PathBuf>,
    /// Let the build run functions of this image with docker: NAME for any tag of it, or NAME:TAG. By default
    /// only fitout's image is allowed; repeatable
    #[arg(long, value_name = "IMAGE", conflicts_with = "filenames")]
    allow_functions: Vec<String>,
    /// Arguments for kustomize, such as --enable-helm
    #[arg(
        last = true,
        value_name = "KUSTOMIZE_ARGUMENT",
        conflicts_with = "filenames"
    )]
    arguments: Vec<String>,
}

/// Flags of kustomize that send the output elsewhere.
const OUTPUT_FLAGS: [&str; 2] = ["-o", "--output"];

/// The flag of kustomize that allows executable functions.
const ENABLE_EXEC: &str = "--enable-exec";

/// The flag of kustomize that allows helm; kustomize itself does not ask for it if a file of `generators` names the chart.
const ENABLE_HELM: &str = "--enable-helm";

impl Overlay {
    /// Whether the caller passes a flag of kustomize that allows something.
    fn enables(&self, flag: &str) -> bool {
        let is_flag = |it: &String| it == flag || *it == format!("{flag}=true");
        self.arguments.iter().any(is_flag)
    }
}

/// Builds an overlay and prints it. `chosen` replaces the config of the overlay.
pub(super) fn apply(
    overlay: &Overlay,
    directory: &Path,
    chosen: Option<&ConfigText>,
) -> Result<u8, Failure> {
    let build = Build::run(overlay, directory, chosen, false, WRONG_USE)?;
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
    /// Builds an overlay. `chosen` replaces its config. `is_reported_later`: the caller reports the findings. `not_run`: the
    /// exit code if the build succeeds without running the function.
    pub(super) fn run(
        overlay: &Overlay,
        directory: &Path,
        chosen: Option<&ConfigText>,
        is_reported_later: bool,
        not_run: u8,
    ) -> Result<Build, Failure> {
        let io = |what: &str| Failure::of::<std::io::Error>(UNREADABLE, format!("error: {what}"));
        let (folder, held) = temporary::folder().map_err(io("cannot create a temporary folder"))?;
        let record = folder.path().join("record");
        std::fs::create_dir(&record).map_err(io("cannot create a temporary folder"))?;
        let bin = folder.path().join("bin");
        let helm = match overlay.enables(ENABLE_HELM) {
            true => HELM,
            false => NO_HELM,
        };
        let wrappers = [("docker", DOCKER), ("git", GIT), ("helm", helm)];
        write_wrappers(&bin, &wrappers).map_err(io("cannot write the wrapper for docker"))?;
        drop(held);
        // On a file system that runs no programs, kustomize would pass over the wrappers and find the programs themselves.
        if !programs::can_run(&bin.join("docker")) {
            let message = format!(
                "error: programs in {} cannot be run",
                folder.path().display()
            );
            return Err(Failure::new(UNREADABLE, message).note(
                "  = help: set TMPDIR to a folder on a file system that is not mounted with noexec",
            ));
        }
        let path = programs::search_path();
        let program = std::env::current_exe().map_err(io("cannot find this program"))?;

        let mut command = kustomize_on(&path, overlay, directory)?;
        // The caller's own environment sets none of them.
        for variable in VARIABLES {
            command.env_remove(variable);
        }
        if is_reported_later {
            command.env(REPORTED_LATER, "1");
        }
        if let Some(chosen) = chosen {
            command.env(CONFIG, &chosen.file);
            command.envs(chosen.choice.as_ref().map(|choice| (ENVIRONMENT, choice)));
        }
        if std::env::var_os(PLUGINS).is_none() {
            // Otherwise kustomize also runs programs below the home folder that the overlay names.
            command.env(PLUGINS, &record);
        }
        let finished = command
            .env("PATH", programs::in_front(&bin, &path))
            .env(ALLOWED, overlay.allow_functions.join("\n"))
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
        check_build(overlay, directory, &finished, &calls, not_run)?;
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
    /// Calls `then` for each input of the function, with `chosen` instead of the config in it. The lines of configs are those
    /// of their files.
    pub(super) fn each(
        inputs: &[String],
        directory: &Path,
        chosen: Option<&ConfigText>,
        verbosity: &Verbosity,
        mut then: impl FnMut(Input<'_, '_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let unreadable = |problems: Problems| failure(&problems, verbosity, UNREADABLE);
        let sources = tree::sources(directory);
        for input in inputs {
            let stream = Stream::parse(input.as_str());
            let stream =
                stream.map_err(|error| unreadable(fitout::not_yaml(&error, None).into()))?;
            let list = ResourceList::read(&stream).map_err(unreadable)?;
            let Some(node) = list.function_config else {
                continue;
            };
            let function_config = FunctionConfig::of_build(node, &sources);
            let function_config =
                function_config.map_err(|problems| failure(&problems, verbosity, WRONG_USE))?;
            let own = config_of(&function_config, verbosity)?;
            let replacing = chosen.map(|it| it.function_config(verbosity)).transpose()?;
            let mut config = match &replacing {
                None => own,
                Some(replacing) => {
                    let mut config = config_of(replacing, verbosity)?;
                    config.validate_only |= own.validate_only;
                    report_difference(&config.differences(&own));
                    config
                }
            };
            then(Input {
                stream: &stream,
                list: &list,
                node,
                config: &mut config,
            })?;
        }
        Ok(())
    }

    /// Tells objects of the build their names from before kustomize renamed them, which only the inputs of the function have.
    /// An overlay around the one with the function can add a prefix or suffix later.
    pub(super) fn name_as_before(inputs: &[String], built: &mut [Resource<'_>]) {
        type Key = (String, String, String);
        let mut before: HashMap<Key, Vec<String>> = HashMap::new();
        for input in inputs {
            let Ok(stream) = Stream::parse(input.as_str()) else {
                continue;
            };
            for resource in ResourceList::read(&stream)
                .into_iter()
                .flat_map(|it| it.resources)
            {
                let names = resource.previous_names();
                let key = |name: &str| {
                    (
                        resource.group().to_owned(),
                        resource.kind.to_string(),
                        name.to_owned(),
                    )
                };
                before.insert(key(&resource.name), names);
            }
        }
        for resource in built {
            let name = resource.name.to_string();
            let (group, kind) = (resource.group().to_owned(), resource.kind.to_string());
            let mut parts = parts_of(&name);
            let found = parts.find_map(|part| {
                let names = before.get(&(group.clone(), kind.clone(), part.to_owned()))?;
                let own = (part != name).then(|| part.to_owned());
                Some(own.into_iter().chain(names.iter().cloned()).collect())
            });
            resource.renamed_from = found.unwrap_or_default();
        }
    }
}

/// A name and what it is without prefixes and suffixes that end or begin at a `-` or `.`, the longest first.
fn parts_of(name: &str) -> impl Iterator<Item = &str> {
    const MOST: usize = 16;
    let is_mark = |mark: char| ['-', '.'].contains(&mark);
    let marks: Vec<usize> = name
        .match_indices(is_mark)
        .map(|it| it.0)
        .take(MOST)
        .collect();
    let starts = std::iter::once(0).chain(marks.iter().map(|at| at + 1));
    let ends = || marks.iter().copied().chain([name.len()]);
    let mut parts: Vec<&str> = starts
        .flat_map(|start| {
            ends()
                .filter(move |end| start < *end)
                .map(move |end| &name[start..end])
        })
        .collect();
    sorting::sort_by_key(&mut parts, |part| std::cmp::Reverse(part.len()));
    parts.into_iter()
}

/// Reports which fields of the overlay's config the chosen one overrules.
pub(super) fn report_difference(fields: &[String]) {
    const MOST: usize = 5;
    if fields.is_empty() {
        return;
    }
    let more = fields.len().saturating_sub(MOST);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let fields = fields.iter().take(MOST).map(String::as_str);
    let fields: Vec<&str> = fields.collect();
    Output::notice(format_args!(
        "warning: the config of -e or -c is used, and the one that the overlay brings differs in {}{more}",
        fields.join(", ")
    ));
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
        sorting::sort(&mut files);
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
    overlay: &Overlay,
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
    if !skipped.is_empty() && !overlay.enables(ENABLE_EXEC) {
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

fn kustomize_on(path: &OsString, overlay: &Overlay, directory: &Path) -> Result<Command, Failure> {
    let is_output = |it: &&String| {
        let flag = it.split_once('=').map_or(it.as_str(), |it| it.0);
        OUTPUT_FLAGS.contains(&flag) || (it.starts_with("-o") && !it.starts_with("--"))
    };
    if let Some(flag) = overlay.arguments.iter().find(is_output) {
        return Err(Failure::new(
            WRONG_USE,
            format!("error: kustomize has to write its output to fitout; omit {flag}"),
        ));
    }
    if !directory.is_dir() {
        return Err(Failure::new(
            UNREADABLE,
            format!(
                "error[FIT-INP001]: {} is not a directory",
                directory.display()
            ),
        ));
    }
    if tree::kustomization_in(directory).is_none() {
        let mut below = tree::kustomizations_below(directory);
        below.truncate(4);
        if !below.is_empty() {
            let folders = below.iter().filter_map(|it| it.parent());
            let folders: Vec<String> = folders.map(|it| it.display().to_string()).collect();
            let message = format!(
                "error: there is no kustomization in {}",
                directory.display()
            );
            return Err(Failure::new(UNREADABLE, message).note(format_args!(
                "  = help: -k takes the folder of one overlay, such as {}",
                folders.join(", ")
            )));
        }
    }
    let mut command = if let Some(kustomize) = programs::find_on(path, "kustomize") {
        let mut command = Command::new(kustomize);
        command.arg("build");
        command
    } else if let Some(kubectl) = programs::find_on(path, "kubectl") {
        let mut command = Command::new(kubectl);
        command.arg("kustomize");
        command
    } else {
        return Err(Failure::new(
            WRONG_USE,
            "error: -k needs kustomize or kubectl, and neither is on PATH",
        ));
    };
    command
        .arg("--enable-alpha-plugins")
        .args(&overlay.arguments);
    // The name of a folder can begin like a flag.
    command.arg("--").arg(directory);
    Ok(command)
}
