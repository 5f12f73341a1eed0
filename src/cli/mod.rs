//! The command line, and standard input and output of the function. No other code prints, reads files or environment
//! variables, or decides exit codes.

mod apply;
mod check;
mod clock;
mod config;
mod config_text;
mod files;
mod function;
mod inputs;
mod kustomize;
mod output;
mod plan;
mod preflight;
mod shim;
mod tree;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use fitout::problem::Problem;
use fitout::report::{self, Report};
use kustomize_krm_types::Severity;

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
                        3 unreadable input, 70 a bug in fitout. As a function: 0 or 1."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the changed manifests, or edit the files in place with -i
    Apply(apply::Apply),
    /// Show each change and its reason; writes nothing
    Plan(plan::Plan),
    /// Check whether the function ran on manifests, and whether they break a rule of the environment
    Check(check::Check),
    /// Print or explain the config of one environment
    #[command(subcommand)]
    Config(config::Config),
    Preflight(preflight::Preflight),
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
    /// fn-config/fitout.yaml that defines it, here or in the nearest parent directory. With -k, -e and -c overrule the config
    /// that the overlay brings
    #[arg(short = 'e', long, value_name = "NAME")]
    environment: Option<String>,
    /// The file of the config; -e chooses an environment in it
    #[arg(short = 'c', long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Source {
    /// The config that the arguments choose for an overlay; variables do not choose it, because it overrules another.
    fn chosen(&self, verbosity: &Verbosity) -> Result<Option<ConfigText>, Failure> {
        if self.config.is_none() && self.environment.is_none() {
            return Ok(None);
        }
        let (config, environment) = (self.config.as_deref(), self.environment.as_deref());
        ConfigText::read(config, environment, verbosity).map(Some)
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
            Output::stderr(findings.trim_end());
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
    /// What was tried, and what went wrong.
    error: anyhow::Error,
    code: u8,
    /// The same for machine-readable reports, if the input or the config is wrong.
    problems: Vec<Problem>,
}

impl Failure {
    fn new(code: u8, message: impl Into<String>) -> Failure {
        Failure {
            error: anyhow::Error::msg(message.into()),
            code,
            problems: Vec::new(),
        }
    }

    /// Wraps an error, with what was tried.
    fn of<E: Into<anyhow::Error>>(code: u8, tried: String) -> impl FnOnce(E) -> Failure {
        move |error| Failure {
            error: error.into().context(tried),
            code,
            problems: Vec::new(),
        }
    }
}

/// Runs the command, or without arguments the function.
pub(crate) fn main() -> ExitCode {
    report_bugs();
    let is_function = std::env::args_os().len() <= 1;
    if is_function && !std::io::stdin().is_terminal() {
        let settings = function::Settings::from_environment();
        return ExitCode::from(match shim::is_in_build() {
            true => exit_code(shim::run_function(settings)),
            false => function::run(&settings),
        });
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // clap prints help and version on standard output, and errors on standard error.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() {
                WRONG_USE
            } else {
                SUCCESS
            });
        }
    };
    let result = match cli.command {
        None => Ok(short_help()),
        Some(Command::Apply(apply)) => apply.run(),
        Some(Command::Plan(plan)) => plan.run(),
        Some(Command::Check(check)) => check.run(),
        Some(Command::Config(config)) => config.run(),
        Some(Command::Preflight(preflight)) => preflight.run(),
        Some(Command::DockerShim { arguments }) => shim::run(&arguments),
    };
    ExitCode::from(exit_code(result))
}

/// The exit code, after printing the failure if there is one.
fn exit_code(result: Result<u8, Failure>) -> u8 {
    result.unwrap_or_else(|failure| {
        Output::stderr(format!("{:#}", failure.error).trim_end());
        failure.code
    })
}

fn short_help() -> u8 {
    let version = env!("CARGO_PKG_VERSION");
    Output::stdout(&format!(
        "fitout {version} - sets resources, security contexts, scraping and storage in Kubernetes manifests\n\n  \
         Try\n    \
         fitout plan -f base -e production               show each change and its reason\n    \
         fitout apply -f base -e production              print the changed manifests\n    \
         fitout apply -i -f base -e production           edit the files in place\n    \
         fitout apply -k overlays/production/caracal     build an overlay without Docker\n    \
         fitout check -f rendered.yaml -e production     check manifests after a build\n    \
         fitout preflight -f rendered.yaml               ask the cluster what it would reject\n\n  \
         As a KRM function   kustomize and kpt pass a ResourceList on standard input.\n  \
         All commands        fitout --help, or {}\n",
        Cli::command()
            .get_subcommands()
            .filter(|command| !command.is_hide_set())
            .map(|command| format!("fitout {} --help", command.get_name()))
            .collect::<Vec<_>>()
            .join(", ")
    ));
    SUCCESS
}

/// Reports a panic as a bug in fitout, and exits with its own code.
fn report_bugs() {
    let is_function = std::env::args_os().len() <= 1;
    std::panic::set_hook(Box::new(move |info| {
        Output::stderr(&format!(
            "fitout {}: this is a bug in fitout, nothing was written\n{info}\nplease report it with the input at {}/issues",
            env!("CARGO_PKG_VERSION"),
            env!("CARGO_PKG_REPOSITORY")
        ));
        output::exit(if is_function { FINDINGS } else { BUG });
    }));
}
