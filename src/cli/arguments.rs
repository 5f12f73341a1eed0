//! The arguments that several commands have.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use fitout::report::{self, Report};
use kustomize_krm_types::Severity;

use super::config_text::ConfigText;
use super::output::{self, Output};
use super::{Failure, WRONG_USE, files, kustomize};

/// The manifests and the environment.
#[derive(Debug, Args)]
pub(super) struct Source {
    /// Files or directories of manifests, or - for standard input. Directories are read recursively: .yaml, .yml and .json
    /// files. `check` reads them all; `plan` and `apply` leave out hidden files and what .gitignore excludes
    #[arg(short = 'f', long = "filename", value_name = "PATH", num_args = 1.., required_unless_present = "kustomization")]
    pub(super) filenames: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) patterns: files::Patterns,
    #[command(flatten)]
    pub(super) overlay: kustomize::Overlay,
    /// The environment. Its config is fn-config/NAME/fitout.yaml, or the fn-config/all/fitout.yaml or
    /// fn-config/fitout.yaml that defines it, here or in the nearest parent directory. If -k is given, -e and -c overrule the config
    /// that the overlay brings. `plan`, `check` and `compare` take several
    #[arg(short = 'e', long, value_name = "NAME")]
    pub(super) environment: Vec<String>,
    /// The file of the config; -e chooses an environment in it
    #[arg(short = 'c', long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

impl Source {
    /// Refuses to write a report over the config or a manifest. In a folder, the report of an earlier run may be replaced.
    pub(super) fn spare(&self, reports: &output::Reports) -> Result<(), Failure> {
        reports.refuse_wrong(self)?;
        self.spare_files(reports.files())
    }

    /// Refuses to write these files over the config or a manifest.
    pub(super) fn spare_files<'f>(
        &self,
        files: impl Iterator<Item = &'f Path>,
    ) -> Result<(), Failure> {
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
    pub(super) fn chosen(&self, verbosity: &Verbosity) -> Result<Vec<Option<ConfigText>>, Failure> {
        if self.config.is_none() && self.environment.is_empty() {
            return Ok(vec![None]);
        }
        let configs = self.configs(verbosity)?.into_iter();
        Ok(configs.map(Some).collect())
    }

    /// The config of each environment in the arguments, or the one that variables choose.
    pub(super) fn configs(&self, verbosity: &Verbosity) -> Result<Vec<ConfigText>, Failure> {
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
    pub(super) fn refuse_several(&self) -> Result<(), Failure> {
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
pub(super) struct Verbosity {
    /// Findings of this severity and above fail the run. The default is error, and for `check` spec.checks.failOn of the config
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub(super) fail_on: Option<FailOn>,
    /// When to use colors
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Color,
    /// Print only errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Also print the changes of each object, and findings of severity info
    #[arg(short, long)]
    pub(super) verbose: bool,
}

impl Verbosity {
    /// The default verbosity, for commands without its flags.
    pub(super) fn with_color(color: Color) -> Verbosity {
        Verbosity {
            fail_on: None,
            color,
            quiet: false,
            verbose: false,
        }
    }

    /// Which findings fail the run.
    pub(super) fn fail_on(&self) -> fitout::config::FailOn {
        self.fail_on.unwrap_or(FailOn::Error).into()
    }

    /// The lowest severity that is printed.
    pub(super) fn min_severity(&self) -> Severity {
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
    pub(super) fn report_findings(&self, report: &Report) {
        let findings = report::findings(report, self.min_severity());
        if !findings.is_empty() {
            Output::stderr(&findings);
        }
    }
}

/// Which findings fail the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
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
pub(super) enum Form {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// When to use colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}
