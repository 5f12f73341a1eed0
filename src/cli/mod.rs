//! The command line, and standard input and output of the function. No other code prints, reads files or environment
//! variables, or decides exit codes.

mod apply;
mod arguments;
mod cache;
mod check;
mod clock;
mod compare;
mod completions;
mod config;
mod config_text;
mod doctor;
mod embedded;
mod explain;
mod failure;
mod files;
mod focus;
mod function;
#[cfg(test)]
mod generated;
mod helm;
mod in_place;
mod init;
mod inputs;
mod key;
mod kustomize;
mod merge_reports;
mod output;
mod plan;
mod preflight;
mod programs;
mod progress;
mod schema;
mod shard;
mod shim;
mod temporary;
mod tree;
mod wrappers;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};
use fitout::text::{Text, escaped};

use arguments::{Color, Form, Source, Verbosity};
use failure::Failure;
use output::Output;

/// Success; with `apply` and `plan` also if something changed.
const SUCCESS: u8 = 0;
/// Findings, or changes with `--exit-code`. The only other exit code of the function.
const FINDINGS: u8 = 1;
/// Wrong usage, or an invalid config.
const WRONG_USE: u8 = 2;
/// Input that cannot be read.
const UNREADABLE: u8 = 3;
/// Output that cannot be written.
const UNWRITABLE: u8 = 4;
/// A file that another program changed after fitout read it. Nothing was written.
const CHANGED: u8 = 5;
/// A bug in fitout.
const BUG: u8 = 70;

/// Set resources, security contexts, scraping and storage in Kubernetes manifests for an environment
///
/// Without a command fitout acts as a KRM function for kustomize and kpt: it reads a ResourceList from
/// standard input.
#[derive(Debug, Parser)]
#[command(
    name = "fitout",
    version,
    max_term_width = 100,
    disable_help_subcommand = true
)]
#[command(
    after_help = "Exit codes: 0 success, 1 findings (or changes, with --exit-code), 2 wrong usage or config, \
                        3 unreadable input, 4 output that cannot be written, 5 a file that \
                        changed while fitout ran, 70 a bug in fitout. As a function: 0 or 1."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Init),
    /// Print the changed manifests, or edit the files in place with -i
    Apply(apply::Apply),
    /// Show each change and its reason; writes nothing
    Plan(plan::Plan),
    /// Check whether the function ran on manifests, and whether they break a rule of the environment
    Check(check::Check),
    Explain(explain::Explain),
    Compare(compare::Compare),
    MergeReports(merge_reports::MergeReports),
    /// Print or explain the config of one environment
    #[command(subcommand)]
    Config(config::Config),
    Preflight(preflight::Preflight),
    Schema(schema::Schema),
    Completions(completions::Completions),
    Doctor(doctor::Doctor),
    #[command(subcommand)]
    HelmPlugin(helm::HelmPlugin),
    /// Replaces docker while kustomize runs: runs the function for fitout's image
    #[command(hide = true, disable_help_flag = true)]
    DockerShim {
        /// The arguments that kustomize passed to docker.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

/// More threads than cores gain nothing, but a few more show that the output does not depend on them.
const MOST_THREADS: usize = 16;

/// The size of a stack on which everything runs.
const STACK: usize = 8 << 20;

/// Runs the command, or without arguments the function.
pub(crate) fn main() -> ExitCode {
    let threads = programs::variable("RAYON_NUM_THREADS");
    let threads = threads.and_then(|it| it.to_str()?.parse::<usize>().ok());
    if threads.is_some_and(|it| it > MOST_THREADS) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        fitout::parallel::start(threads.unwrap_or(0).min(cores.max(MOST_THREADS)));
    }
    let code = match has_small_stack() {
        true => on_a_thread(),
        false => run(),
    };
    helm::pass_on(code);
    ExitCode::from(code)
}

/// Whether the stack is limited to less than is needed (`ulimit -s`).
#[cfg(unix)]
fn has_small_stack() -> bool {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Stack);
    limit.current.is_some_and(|it| it < STACK as u64 / 2)
}

#[cfg(not(unix))]
fn has_small_stack() -> bool {
    false
}

fn on_a_thread() -> u8 {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(run);
    // Without threads it may still succeed on the small stack.
    thread.map_or_else(|_| run(), |it| it.join().unwrap_or(BUG))
}

fn run() -> u8 {
    report_bugs();
    temporary::survive_size_limits();
    let is_function = std::env::args_os().len() <= 1;
    if is_function && !std::io::stdin().is_terminal() {
        let settings = function::Settings::from_environment();
        return match shim::is_in_build() {
            true => exit_code(shim::run_function(settings)),
            false => function::run(&settings),
        };
    }
    if helm::is_post_renderer() {
        Output::record();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => match refuse_file_names() {
            Ok(()) => cli,
            Err(failure) => return exit_code(Err(failure)),
        },
        Err(error) => {
            // clap prints help and version on standard output, and errors on standard error.
            let error = match error.use_stderr() {
                // Its messages repeat arguments, which can be names of files.
                true => Cli::try_parse_from(printable_arguments())
                    .err()
                    .unwrap_or(error),
                false => error,
            };
            return if helm::is_post_renderer() && error.use_stderr() {
                Output::stderr(&Text::of_program(&error.to_string()));
                WRONG_USE
            } else {
                let printed = error.print();
                if let Some(help) = help_for(&error) {
                    Output::notice(help);
                }
                match printed {
                    _ if error.use_stderr() => WRONG_USE,
                    Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => UNWRITABLE,
                    _ => SUCCESS,
                }
            };
        }
    };
    let result = match cli.command {
        None => short_help(),
        Some(Command::Init(init)) => init.run(),
        Some(Command::Apply(apply)) => apply.run(),
        Some(Command::Plan(plan)) => plan.run(),
        Some(Command::Check(check)) => check.run(),
        Some(Command::Explain(explain)) => explain.run(),
        Some(Command::Schema(schema)) => schema.run(),
        Some(Command::Completions(completions)) => completions.run(),
        Some(Command::Compare(compare)) => compare.run(),
        Some(Command::MergeReports(merge)) => merge.run(),
        Some(Command::Config(config)) => config.run(),
        Some(Command::Preflight(preflight)) => preflight.run(),
        Some(Command::Doctor(doctor)) => doctor.run(),
        Some(Command::HelmPlugin(plugin)) => plugin.run(),
        Some(Command::DockerShim { arguments }) => shim::run(&arguments),
    };
    exit_code(result)
}

/// What helps where manifests are not named as they must be.
fn help_for(error: &clap::Error) -> Option<&'static str> {
    let is_file = |context| match error.get(context) {
        Some(ContextValue::String(argument)) => std::path::Path::new(argument).exists(),
        _ => false,
    };
    match error.kind() {
        ErrorKind::MissingRequiredArgument if error.to_string().contains("--filename") => Some(
            "help: name the manifests and the environment, such as `-f k8s -e production`; `fitout init` suggests both",
        ),
        ErrorKind::UnknownArgument if is_file(ContextKind::InvalidArg) => {
            Some("help: it exists; name files and folders with `-f`")
        }
        ErrorKind::InvalidSubcommand if is_file(ContextKind::InvalidSubcommand) => Some(
            "help: it exists; name a command, and files and folders with `-f`, such as `fitout plan -f k8s -e production`",
        ),
        _ => None,
    }
}

/// The exit code, after printing the failure if there is one.
fn exit_code(result: Result<u8, Failure>) -> u8 {
    result.unwrap_or_else(|failure| {
        Output::stderr(&failure.text);
        failure.code
    })
}

/// Refuses options that are also names of files here: a shell has probably written them for a pattern such as `*`, and their
/// author has chosen the names.
fn refuse_file_names() -> Result<(), Failure> {
    let arguments = std::env::args_os().skip(1);
    let options = arguments.take_while(|it| it != "--").filter(|it| {
        let bytes = it.as_encoded_bytes();
        bytes.len() > 1 && bytes[0] == b'-'
    });
    let mut names = options.filter(|it| std::path::Path::new(it).symlink_metadata().is_ok());
    match names.next() {
        None => Ok(()),
        Some(name) => {
            let name = name.to_string_lossy();
            let message = format!("error: `{name}` is an option, and also the name of a file here");
            Err(Failure::new(WRONG_USE, message).note(
                "  = help: write file names with a folder, such as `./*`; for the option, move the file away",
            ))
        }
    }
}

/// The arguments without control characters.
fn printable_arguments() -> impl Iterator<Item = String> {
    let arguments = std::env::args_os();
    arguments.map(|argument| escaped(&argument.to_string_lossy()).into_owned())
}

fn short_help() -> Result<u8, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    Output::report(&Text::of_program(&format!(
        "fitout {version} - sets resources, security contexts, scraping and storage in Kubernetes manifests\n\n  \
         Try\n    \
         fitout init                                     suggest a config for a repository\n    \
         fitout plan -f base -e production               show each change and its reason\n    \
         fitout apply -f base -e production              print the changed manifests\n    \
         fitout apply -i -f base -e production           edit the files in place\n    \
         fitout apply -k overlays/production/caracal     build an overlay without Docker\n    \
         fitout check -f rendered.yaml -e production     check manifests after a build\n    \
         fitout compare -f base                          show what differs between environments\n    \
         fitout explain FIT-NET004                       explain a rule, or a field of an object\n    \
         fitout preflight -f rendered.yaml               ask the cluster what it would reject\n    \
         fitout doctor                                   try kustomize, kubectl, kpt and Helm here\n\n  \
         As a KRM function   kustomize and kpt pass a ResourceList on standard input.\n  \
         All commands        fitout --help, or {}\n",
        Cli::command()
            .get_subcommands()
            .filter(|command| !command.is_hide_set())
            .map(|command| format!("fitout {} --help", command.get_name()))
            .collect::<Vec<_>>()
            .join(", ")
    )))?;
    Ok(SUCCESS)
}

/// Reports a panic as a bug in fitout, and exits with its own code.
fn report_bugs() {
    let is_function = std::env::args_os().len() <= 1;
    std::panic::set_hook(Box::new(move |info| {
        let version = env!("CARGO_PKG_VERSION");
        Output::notice(format_args!(
            "fitout {version}: this is a bug in fitout, nothing was written"
        ));
        Output::notice(info);
        Output::notice(concat!(
            "please report it with the input at ",
            env!("CARGO_PKG_REPOSITORY"),
            "/issues"
        ));
        helm::pass_on_bug();
        temporary::remove_after_panic();
        output::exit(if is_function { FINDINGS } else { BUG });
    }));
}
