//! The KRM function on standard input and output.

use std::io::{Read, Write};

use fitout::read::Host;
use fitout::{Outcome, Results, report};
use kustomize_krm_types::Severity;

use super::output::Output;
use super::{FINDINGS, SUCCESS};

/// The settings in `FITOUT_OUTPUT`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Settings {
    channels: Option<Channels>,
}

/// Where findings and changes are reported.
#[derive(Clone, Copy, Debug, Default)]
struct Channels {
    stderr: bool,
    results: bool,
}

impl Settings {
    pub(super) fn from_environment() -> Settings {
        Settings::of(std::env::var("FITOUT_OUTPUT").ok().as_deref())
    }

    /// Reads a list such as `stderr,results`; `none` leaves only the exit code.
    pub(super) fn of(value: Option<&str>) -> Settings {
        let Some(value) = value.filter(|value| !value.trim().is_empty()) else {
            return Settings::default();
        };
        let mut channels = Channels::default();
        for word in value.split(',').map(str::trim) {
            match word {
                "stderr" => channels.stderr = true,
                "results" => channels.results = true,
                "none" => {}
                other => Output::stderr(&format!(
                    "warning: FITOUT_OUTPUT: unknown value `{other}`; expected stderr, results or none"
                )),
            }
        }
        Settings {
            channels: Some(channels),
        }
    }

    fn results(self) -> Results {
        match self.channels {
            None => Results::ByHost,
            Some(Channels { results: true, .. }) => Results::Always,
            Some(Channels { results: false, .. }) => Results::Never,
        }
    }

    /// kustomize drops results, so findings go to standard error; kpt shows the results.
    fn prints_findings(self, host: Host) -> bool {
        self.channels
            .map_or(host != Host::Kpt, |channels| channels.stderr)
    }

    /// Problems that stop the run are printed unless all output is disabled.
    fn prints_problems(self) -> bool {
        self.channels
            .is_none_or(|channels| channels.stderr || channels.results)
    }
}

/// Runs the function and returns its exit code.
pub(super) fn run(settings: &Settings) -> u8 {
    let mut bytes = Vec::new();
    if let Err(error) = std::io::stdin().lock().read_to_end(&mut bytes) {
        Output::stderr(&format!(
            "error[FIT-INP001]: cannot read standard input: {error}"
        ));
        return FINDINGS;
    }
    match super::clock::named() {
        Ok(today) => finish(&fitout::run(bytes, settings.results(), today), settings),
        Err(failure) => {
            Output::stderr(&format!("{:#}", failure.error));
            FINDINGS
        }
    }
}

/// Prints the findings, writes the output, and returns the exit code.
pub(super) fn finish(outcome: &Outcome, settings: &Settings) -> u8 {
    if settings.prints_problems() {
        for problem in &outcome.problems {
            Output::stderr(&problem.to_string());
        }
        if let Some(report) = &outcome.report {
            let min_severity = if settings.prints_findings(outcome.host) {
                Severity::Warning
            } else {
                Severity::Error
            };
            let text = report::findings(report, min_severity);
            if !text.is_empty() {
                Output::stderr(text.trim_end());
            }
        }
        let validated = outcome.report.as_ref().filter(|it| it.validate_only);
        if let Some(report) = validated.filter(|_| settings.prints_findings(outcome.host)) {
            let granted = report::granted(report);
            if !granted.is_empty() {
                Output::stderr(granted.trim_end());
            }
        }
        match (&outcome.report, &outcome.output) {
            _ if outcome.passed => {}
            (Some(report), _) if report.validate_only => {
                Output::stderr(&format!("fitout: {}", report::totals(report).trim_end()));
            }
            _ => Output::stderr("fitout: nothing was written because of errors"),
        }
    }
    let Some(output) = &outcome.output else {
        return FINDINGS;
    };
    let mut stdout = std::io::stdout().lock();
    match stdout
        .write_all(output.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Ok(()) if outcome.passed => SUCCESS,
        Ok(()) => FINDINGS,
        Err(error) => {
            Output::stderr(&format!("error: cannot write to standard output: {error}"));
            FINDINGS
        }
    }
}
