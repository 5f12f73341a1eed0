//! The KRM function on standard input and output.

use std::io::Read;

use fitout::read::Host;
use fitout::yaml::Edited;
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
                other => Output::notice(format_args!(
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
            Some(Channels { stderr: true, .. }) => Results::Never,
            Some(_) => Results::Unread,
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

/// The size of standard input: a buffer that grows is copied, and takes twice the memory. Of a pipe it is not known; there,
/// the room that is not used is never touched, and takes no memory.
fn size_of_input() -> usize {
    #[cfg(unix)]
    let size = match rustix::fs::fstat(std::io::stdin()) {
        Ok(it) if rustix::fs::FileType::from_raw_mode(it.st_mode).is_file() => it.st_size,
        Ok(_) => 1 << 26,
        Err(_) => 0,
    };
    #[cfg(not(unix))]
    let size = 0;
    // One byte more, so that the end is found without more room. A text is not larger than 4 GiB.
    usize::try_from(size)
        .unwrap_or_default()
        .min(u32::MAX as usize - 1)
        + 1
}

/// Runs the function and returns its exit code.
pub(super) fn run(settings: &Settings) -> u8 {
    let mut bytes = Vec::new();
    // Where memory is limited, it may not be there; then the buffer grows.
    let _ = bytes.try_reserve_exact(size_of_input());
    if let Err(error) = std::io::stdin().lock().read_to_end(&mut bytes) {
        Output::notice(format_args!(
            "error[FIT-INP001]: cannot read standard input: {error}"
        ));
        return FINDINGS;
    }
    match super::clock::named() {
        Ok(today) => {
            // The process ends there, so its memory need not be freed piece by piece.
            #[allow(clippy::exit, reason = "nothing is left to do")]
            let last = |outcome: &Outcome, output: Option<&Edited<'_>>| {
                std::process::exit(finish(outcome, output, settings).into())
            };
            let outcome = fitout::run_to_end(bytes, settings.results(), today, &last);
            finish(&outcome, None, settings)
        }
        Err(failure) => {
            Output::stderr(&failure.text);
            FINDINGS
        }
    }
}

/// Prints the findings, writes the output, and returns the exit code.
pub(super) fn finish(outcome: &Outcome, output: Option<&Edited<'_>>, settings: &Settings) -> u8 {
    if settings.prints_problems() {
        for problem in &outcome.problems {
            Output::stderr(&problem.text());
        }
        if let Some(report) = &outcome.report {
            let min_severity = if settings.prints_findings(outcome.host) {
                Severity::Warning
            } else {
                Severity::Error
            };
            Output::stderr(&report::findings(report, min_severity));
            let unexamined = report::unexamined(report);
            if settings.prints_findings(outcome.host) && outcome.passed && !unexamined.is_empty() {
                Output::notice(format_args!("fitout: {unexamined}"));
            }
        }
        let validated = outcome.report.as_ref().filter(|it| it.validate_only);
        if let Some(report) = validated.filter(|_| settings.prints_findings(outcome.host)) {
            Output::stderr(&report::granted(report));
        }
        match (&outcome.report, &outcome.output) {
            _ if outcome.passed => {}
            (Some(report), _) if report.validate_only => {
                Output::notice(format_args!("fitout: {}", report::totals(report)));
            }
            _ => Output::notice("fitout: nothing was written because of errors"),
        }
    }
    let Some(output) = output else {
        return FINDINGS;
    };
    match Output::edited(output) {
        Ok(()) if outcome.passed => SUCCESS,
        Ok(()) => FINDINGS,
        Err(failure) => {
            Output::stderr(&failure.text);
            FINDINGS
        }
    }
}
