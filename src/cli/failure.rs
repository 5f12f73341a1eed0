//! Why a command failed.

use std::fmt::Display;

use fitout::problem::Problem;
use fitout::text::Text;

/// Why a command failed, and its exit code.
#[derive(Debug)]
pub(super) struct Failure {
    /// What was tried, what went wrong, and help.
    pub(super) text: Text,
    pub(super) code: u8,
    /// The same for machine-readable reports, if the input or the config is wrong.
    pub(super) problems: Vec<Problem>,
}

impl Failure {
    pub(super) fn new(code: u8, message: impl Display) -> Failure {
        Failure {
            text: Text::of(message),
            code,
            problems: Vec::new(),
        }
    }

    /// Its problems or, if it is not about the input or the config, itself as one.
    pub(super) fn as_problems(&self) -> Vec<Problem> {
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
    pub(super) fn note(mut self, line: impl Display) -> Failure {
        self.text.line(line);
        self
    }

    /// Wraps an error, with what was tried.
    pub(super) fn of<E: Into<anyhow::Error>>(code: u8, tried: String) -> impl FnOnce(E) -> Failure {
        move |error| Failure::new(code, format_args!("{:#}", error.into().context(tried)))
    }
}
