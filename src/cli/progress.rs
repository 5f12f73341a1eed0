//! What a long run is doing, on a terminal only: logs of CI jobs keep no line of it.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::Verbosity;
use super::programs::variable;

/// More files than this take a moment.
pub(super) const MANY_FILES: usize = 500;
/// More bytes of manifests than this do too.
pub(super) const MANY_BYTES: usize = 4 << 20;

/// A line on standard error that is cleared when the work is done.
pub(super) struct Progress(Option<ProgressBar>);

impl Progress {
    /// Shows what is done, if it is long and standard error is a terminal.
    pub(super) fn of(what: &'static str, is_long: bool, verbosity: &Verbosity) -> Progress {
        let is_dumb = std::env::var_os("TERM").is_none_or(|it| it == "dumb");
        let is_watched = || std::io::stderr().is_terminal() && variable("CI").is_none() && !is_dumb;
        if !is_long || verbosity.quiet || !is_watched() {
            return Progress(None);
        }
        let bar = ProgressBar::new_spinner().with_message(what);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Progress(Some(bar))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
