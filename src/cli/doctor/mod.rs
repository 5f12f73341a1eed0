//! `fitout doctor`: which programs of this machine run fitout, and which skip it silently.

mod canary;
mod setup;
mod trials;
mod ways;

use std::path::PathBuf;

use clap::Args;
use fitout::report;
use fitout::text::{Text, json};
use serde::Serialize;

use super::output::Output;
use super::{FINDINGS, Failure, Form, SUCCESS, UNREADABLE};
use setup::Observation;
use trials::{Outcome, Tool, Trial};

/// Try fitout in this machine's kustomize, kubectl, kpt, Helm and Docker, and look at the setup of a folder
///
/// In a temporary folder, each program that is installed builds an overlay, a package or a chart with one Deployment, in the
/// ways that people use. Doctor shows which ways fit it, which fail, and which skip fitout silently: with exit code 0 and a
/// Deployment without requests. Then it looks at the kustomizations, Kptfiles and configs of the folder, for functions that
/// would be skipped, executables that do not exist, images that are not pinned and configs with mistakes. Nothing is built
/// from the folder, nothing is pulled, and no cluster is contacted.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 no problems, 1 problems, 2 wrong usage, 3 a folder that cannot be read.\n\
    Programs that are not installed, and ways that cannot work, are not problems."
)]
pub(super) struct Doctor {
    /// The folder to inspect
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// The format of the report
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "text")]
    output: Form,
}

/// What was found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Findings {
    api_version: &'static str,
    kind: &'static str,
    version: &'static str,
    tools: Vec<Tool>,
    setup: Vec<Observation>,
    problems: usize,
}

impl Doctor {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        let folder = self.folder.display();
        if !self.folder.is_dir() {
            let message = format!("error: {folder} is not a folder");
            return Err(Failure::new(UNREADABLE, message));
        }
        let tools = trials::all()?;
        let setup = setup::observe(&self.folder);
        let trials = tools.iter().flat_map(|it| &it.trials);
        let problems = trials.filter(|it| it.is_problem()).count()
            + setup.iter().filter(|it| it.is_problem()).count();
        let findings = Findings {
            api_version: report::API_VERSION,
            kind: "Doctor",
            version: env!("CARGO_PKG_VERSION"),
            tools,
            setup,
            problems,
        };
        match self.output {
            Form::Json => Output::data(&json(&findings))?,
            Form::Text => Output::report(&findings.text(&folder))?,
        }
        Ok(if problems == 0 { SUCCESS } else { FINDINGS })
    }
}

impl Findings {
    fn text(&self, folder: &impl std::fmt::Display) -> Text {
        let mut text = Text::default();
        for tool in &self.tools {
            tool.write(&mut text);
        }
        text.end();
        text.line(format_args!("Setup of {folder}"));
        for observation in &self.setup {
            observation.write(&mut text);
        }
        if self.setup.is_empty() {
            text.line("  nothing to report");
        }
        text.end();
        let trials = || self.tools.iter().flat_map(|it| &it.trials);
        let works = trials().filter(|it| it.outcome == Outcome::Works).count();
        let skips = trials().filter(|it| it.outcome == Outcome::SkipsSilently);
        text.line(format_args!(
            "Doctor  {} of {} ways work, {} skip fitout silently; {} {}",
            works,
            trials().count(),
            skips.count(),
            self.problems,
            if self.problems == 1 {
                "problem"
            } else {
                "problems"
            }
        ));
        text
    }
}

impl Tool {
    fn write(&self, text: &mut Text) {
        match (&self.path, &self.version) {
            (Some(path), version) => {
                let version = version.as_deref().unwrap_or("unknown version");
                text.line(format_args!("{:<10} {version}  {path}", self.name));
            }
            (None, _) => text.line(format_args!("{:<10} not installed", self.name)),
        }
        for trial in &self.trials {
            trial.write(text);
        }
    }
}

impl Trial {
    fn write(&self, text: &mut Text) {
        let form = self
            .form
            .map_or(String::new(), |form| format!("  # {form}"));
        let mark = if self.is_problem() { "!" } else { " " };
        text.line(format_args!(
            "{mark} {:<15} {}{form}",
            self.outcome.words(),
            self.command
        ));
        for line in self.detail.lines() {
            text.line(format_args!("{:18}{line}", ""));
        }
    }
}
