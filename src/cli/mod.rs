//! The command line, and the function's standard input and output: the only code that prints, reads
//! files and the environment, or decides exit codes.

mod apply;
mod check;
mod clock;
mod config;
mod config_text;
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

use output::Output;

/// Fine; with `apply` and `plan` also when something changed.
const FINE: u8 = 0;
/// Findings, or changes where `--exit-code` asks for them. The function's only other code.
const FINDINGS: u8 = 1;
/// Wrong use, or a wrong config.
const WRONG_USE: u8 = 2;
/// Input that cannot be read.
const UNREADABLE: u8 = 3;
/// A bug of ours.
const BUG: u8 = 70;

/// Fits Kubernetes manifests out for one environment, and says why
///
/// Without a command and with a ResourceList on standard input it is a KRM function, as kustomize and
/// kpt run it.
#[derive(Debug, Parser)]
#[command(
    name = "fitout",
    version,
    max_term_width = 100,
    disable_help_subcommand = true
)]
#[command(
    after_help = "Exit codes: 0 fine, 1 findings (or changes, with --exit-code), 2 wrong use or config, \
                        3 unreadable input, 70 a bug. As a function: 0 or 1."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the fitted manifests, or edit the files in place with -i
    Apply(apply::Apply),
    /// Show what would change, line by line, with the reasons; writes nothing
    Plan(plan::Plan),
    /// Judge manifests: was the function run on them, and do they meet the environment's rules
    Check(check::Check),
    /// Print or explain the config of one environment
    #[command(subcommand)]
    Config(config::Config),
    Preflight(preflight::Preflight),
    /// Stands in for docker while kustomize runs: runs the function when the image is ours
    #[command(hide = true, disable_help_flag = true)]
    DockerShim {
        /// What kustomize gave to docker.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

/// What to fit, for which environment.
#[derive(Debug, Args)]
struct Source {
    /// Files or directories of manifests (recursive; .yaml .yml .json; .gitignore holds), or - for a
    /// stream on standard input
    #[arg(short = 'f', long = "filename", value_name = "PATH", num_args = 1.., required_unless_present = "kustomization")]
    filenames: Vec<PathBuf>,
    /// An overlay: runs the kustomize (or kubectl) on PATH; functions of our image need no Docker
    #[arg(short = 'k', long = "kustomize", value_name = "DIR", conflicts_with_all = ["filenames", "environment", "config"])]
    kustomization: Option<PathBuf>,
    /// The environment: fn-config/NAME/fitout.yaml, else the fn-config/all/fitout.yaml or
    /// fn-config/fitout.yaml that describes it, here or in the nearest directory above
    #[arg(short = 'e', long, value_name = "NAME")]
    environment: Option<String>,
    /// The functionConfig's file; with -e the environment to choose in it
    #[arg(short = 'c', long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// How much is told, and how.
#[derive(Debug, Args)]
struct Telling {
    /// Which findings fail the run; by default errors, for `check` what its config says
    #[arg(long, value_enum, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,
    /// When to color
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    color: Color,
    /// Only errors
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Also what was set in each object, and findings that are only good to know
    #[arg(short, long)]
    verbose: bool,
}

impl Telling {
    /// Which findings fail the run.
    fn fail_on(&self) -> fitout::config::FailOn {
        self.fail_on.unwrap_or(FailOn::Error).into()
    }

    /// The severity from which on findings are told.
    fn least(&self) -> Severity {
        if self.quiet && self.fail_on == Some(FailOn::Warning) {
            // What fails the run is told.
            Severity::Warning
        } else if self.quiet {
            Severity::Error
        } else if self.verbose {
            Severity::Info
        } else {
            Severity::Warning
        }
    }

    /// Tells findings on standard error, as many as asked for.
    fn tell_findings(&self, told: &Report) {
        let findings = report::findings(told, self.least());
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
    /// None; errors still keep anything from being written.
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

/// When to color.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Why a command ends before it is done, and the code.
#[derive(Debug)]
struct Failure {
    /// What was tried, and below it what came in the way.
    error: anyhow::Error,
    code: u8,
    /// The same for machines, where it is the input or the config that has to be mended.
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

    /// Turns what came in the way of something into a failure of it.
    fn of<E: Into<anyhow::Error>>(code: u8, tried: String) -> impl FnOnce(E) -> Failure {
        move |error| Failure {
            error: error.into().context(tried),
            code,
            problems: Vec::new(),
        }
    }
}

/// Runs what the arguments and standard input ask for.
pub(crate) fn main() -> ExitCode {
    report_bugs();
    let is_function = std::env::args_os().len() <= 1;
    if is_function && !std::io::stdin().is_terminal() {
        return ExitCode::from(function::run(&function::Settings::from_environment()));
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; clap prints each where it belongs.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { WRONG_USE } else { FINE });
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
    match result {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            Output::stderr(format!("{:#}", failure.error).trim_end());
            ExitCode::from(failure.code)
        }
    }
}

fn short_help() -> u8 {
    let version = env!("CARGO_PKG_VERSION");
    Output::stdout(&format!(
        "fitout {version} - fits Kubernetes manifests out for one environment, and says why\n\n  \
         Try\n    \
         fitout plan -f base -e production               what would change, and why\n    \
         fitout apply -f base -e production              the fitted manifests\n    \
         fitout apply -i -f base -e production           the same, into the files\n    \
         fitout apply -k overlays/production/caracal     a kustomize overlay, without Docker\n    \
         fitout check -f rendered.yaml -e production     did it run, and is the result sound\n    \
         fitout preflight -f rendered.yaml               would this cluster take and run it\n\n  \
         As a KRM function   kustomize and kpt run `fitout` with a ResourceList on standard input.\n  \
         All commands        fitout --help, or {}\n",
        Cli::command()
            .get_subcommands()
            .filter(|command| !command.is_hide_set())
            .map(|command| format!("fitout {} --help", command.get_name()))
            .collect::<Vec<_>>()
            .join(", ")
    ));
    FINE
}

/// A panic is our bug: say so, with what a report needs, and exit with a code of its own.
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
