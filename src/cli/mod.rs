//! The command line, and standard input and output of the function. No other code prints, reads files or environment
//! variables, or decides exit codes.

mod apply;
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
mod files;
mod focus;
mod function;
#[cfg(test)]
mod generated;
mod helm;
mod in_place;
mod init;
mod inputs;
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

use std::fmt::Display;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use fitout::problem::Problem;
use fitout::report::{self, Report};
use fitout::text::{Text, escaped};
use kustomize_krm_types::Severity;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use config_text::ConfigText;
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

/// The manifests and the environment.
#[derive(Debug, Args)]
struct Source {
    /// Files or directories of manifests, or - for standard input. Directories are read recursively: .yaml, .yml and .json
    /// files. `check` reads them all; `plan` and `apply` leave out hidden files and what .gitignore excludes
    #[arg(short = 'f', long = "filename", value_name = "PATH", num_args = 1.., required_unless_present = "kustomization")]
    filenames: Vec<PathBuf>,
    #[command(flatten)]
    patterns: files::Patterns,
    #[command(flatten)]
    overlay: kustomize::Overlay,
    /// The environment. Its config is fn-config/NAME/fitout.yaml, or the fn-config/all/fitout.yaml or
    /// fn-config/fitout.yaml that defines it, here or in the nearest parent directory. If -k is given, -e and -c overrule the config
    /// that the overlay brings. `plan`, `check` and `compare` take several
    #[arg(short = 'e', long, value_name = "NAME")]
    environment: Vec<String>,
    /// The file of the config; -e chooses an environment in it
    #[arg(short = 'c', long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Source {
    /// Refuses to write a report over the config or a manifest. In a folder, the report of an earlier run may be replaced.
    fn spare(&self, reports: &output::Reports) -> Result<(), Failure> {
        reports.refuse_wrong(self)?;
        self.spare_files(reports.files())
    }

    /// Refuses to write these files over the config or a manifest.
    fn spare_files<'f>(&self, files: impl Iterator<Item = &'f Path>) -> Result<(), Failure> {
        let named = self.filenames.iter().chain(&self.config);
        let named = named.chain(&self.overlay.kustomization);
        let configs = self.tree().join("fn-config");
        let named = named.chain([&configs]);
        let inputs: Vec<PathBuf> = named.filter_map(|it| it.canonicalize().ok()).collect();
        for file in files {
            let Ok(path) = file.canonicalize() else {
                continue;
            };
            let is_inside = |it: &PathBuf| path.starts_with(it) && files::is_manifest(&path);
            let is_report = || {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                text.contains(fitout::report::API_VERSION)
            };
            let is_input = inputs.contains(&path)
                || path.is_file() && inputs.iter().any(is_inside) && !is_report();
            if is_input {
                let file = file.display();
                return Err(Failure::new(
                    WRONG_USE,
                    format_args!("error: the report would overwrite {file}, which is an input"),
                )
                .note("  = help: write the report to another file"));
            }
        }
        Ok(())
    }

    /// The configs that the arguments choose for an overlay, or `None` for its own; variables do not choose one, because it
    /// overrules another.
    fn chosen(&self, verbosity: &Verbosity) -> Result<Vec<Option<ConfigText>>, Failure> {
        if self.config.is_none() && self.environment.is_empty() {
            return Ok(vec![None]);
        }
        let configs = self.configs(verbosity)?.into_iter();
        Ok(configs.map(Some).collect())
    }

    /// The config of each environment in the arguments, or the one that variables choose.
    fn configs(&self, verbosity: &Verbosity) -> Result<Vec<ConfigText>, Failure> {
        let file = self.config.as_deref();
        let mut names: Vec<Option<&str>> = Vec::new();
        for name in &self.environment {
            if !names.contains(&Some(name)) {
                names.push(Some(name));
            }
        }
        if names.is_empty() {
            names.push(None);
        }
        let names = names.into_iter();
        names
            .map(|name| ConfigText::read(file, name, verbosity))
            .collect()
    }

    /// Refuses several environments, for commands that write manifests.
    fn refuse_several(&self) -> Result<(), Failure> {
        match self.environment.len() {
            0 | 1 => Ok(()),
            _ => Err(Failure::new(
                WRONG_USE,
                "error: `apply` writes the manifests for one environment; `plan` takes several -e",
            )),
        }
    }
}

/// How much is printed, and which findings fail the run.
#[derive(Debug, Args)]
struct Verbosity {
    /// Findings of this severity and above fail the run. The default is error, and for `check` spec.checks.failOn of the config
    #[arg(long, value_enum, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,
    /// When to use colors
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    color: Color,
    /// Print only errors
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Also print the changes of each object, and findings of severity info
    #[arg(short, long)]
    verbose: bool,
}

impl Verbosity {
    /// The default verbosity, for commands without its flags.
    fn with_color(color: Color) -> Verbosity {
        Verbosity {
            fail_on: None,
            color,
            quiet: false,
            verbose: false,
        }
    }

    /// Which findings fail the run.
    fn fail_on(&self) -> fitout::config::FailOn {
        self.fail_on.unwrap_or(FailOn::Error).into()
    }

    /// The lowest severity that is printed.
    fn min_severity(&self) -> Severity {
        if self.quiet && self.fail_on == Some(FailOn::Warning) {
            // Findings that fail the run are printed.
            Severity::Warning
        } else if self.quiet {
            Severity::Error
        } else if self.verbose {
            Severity::Info
        } else {
            Severity::Warning
        }
    }

    /// Prints findings on standard error, from the lowest severity on.
    fn report_findings(&self, report: &Report) {
        let findings = report::findings(report, self.min_severity());
        if !findings.is_empty() {
            Output::stderr(&findings);
        }
    }
}

/// Which findings fail the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Errors.
    Error,
    /// Errors and warnings.
    Warning,
    /// None, but nothing is written if there are errors.
    Never,
}

impl From<FailOn> for fitout::config::FailOn {
    fn from(fail_on: FailOn) -> fitout::config::FailOn {
        match fail_on {
            FailOn::Error => fitout::config::FailOn::Error,
            FailOn::Warning => fitout::config::FailOn::Warning,
            FailOn::Never => fitout::config::FailOn::Never,
        }
    }
}

/// The format of a report without files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// When to use colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Why a command failed, and its exit code.
#[derive(Debug)]
struct Failure {
    /// What was tried, what went wrong, and help.
    text: Text,
    code: u8,
    /// The same for machine-readable reports, if the input or the config is wrong.
    problems: Vec<Problem>,
}

impl Failure {
    fn new(code: u8, message: impl Display) -> Failure {
        Failure {
            text: Text::of(message),
            code,
            problems: Vec::new(),
        }
    }

    /// Its problems or, if it is not about the input or the config, itself as one.
    fn as_problems(&self) -> Vec<Problem> {
        if !self.problems.is_empty() {
            return self.problems.clone();
        }
        let (mut message, mut help) = (Vec::new(), Vec::new());
        for line in self.text.as_str().lines() {
            let line = line.trim();
            match line.split_once("help: ") {
                Some((before, it)) if before.trim_end_matches("= ").is_empty() => help.push(it),
                _ => message.push(line.strip_prefix("error: ").unwrap_or(line)),
            }
        }
        let message = message.join("\n");
        let known = message
            .strip_prefix("error[")
            .and_then(|it| it.split_once("]: "));
        let rule = known.and_then(|(id, _)| fitout::VOCABULARY.rules().find(|it| it.id == id));
        let problem = match (rule, known) {
            (Some(rule), Some((_, message))) => Problem::new(rule.id, message),
            _ => Problem::new("FIT-INP012", message),
        };
        vec![match help.is_empty() {
            true => problem,
            false => problem.help(help.join("; ")),
        }]
    }

    /// Adds a line.
    fn note(mut self, line: impl Display) -> Failure {
        self.text.line(line);
        self
    }

    /// Wraps an error, with what was tried.
    fn of<E: Into<anyhow::Error>>(code: u8, tried: String) -> impl FnOnce(E) -> Failure {
        move |error| Failure::new(code, format_args!("{:#}", error.into().context(tried)))
    }
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
            let lacks_manifests = error.kind() == ErrorKind::MissingRequiredArgument
                && error.to_string().contains("--filename");
            return if helm::is_post_renderer() && error.use_stderr() {
                Output::stderr(&Text::of_program(&error.to_string()));
                WRONG_USE
            } else {
                let printed = error.print();
                if lacks_manifests {
                    Output::notice(
                        "help: name the manifests and the environment, such as `-f k8s -e production`; `fitout init` suggests both",
                    );
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
