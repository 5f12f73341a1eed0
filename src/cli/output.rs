//! Standard output and standard error. A closed pipe ends the program quietly.

use std::io::{ErrorKind, IsTerminal, Write};

use fitout::report::Report;

use super::{Color, Failure, SUCCESS, UNREADABLE};

/// The two streams.
pub(super) enum Output {}

impl Output {
    /// Writes to standard output; a closed pipe is not an error.
    pub(super) fn stdout(text: &str) {
        let mut stdout = std::io::stdout().lock();
        match stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
        {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => exit(SUCCESS),
            Err(error) => {
                Output::stderr(&format!("error: cannot write to standard output: {error}"));
                exit(UNREADABLE);
            }
        }
    }

    /// Writes a line to standard error; failures are ignored, because there is no other place to report them.
    pub(super) fn stderr(text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }
}

/// The width of text on standard error: that of the terminal, or 140.
pub(super) fn width() -> Option<u16> {
    let columns = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    Some(
        columns
            .or_else(|| {
                terminal_size::terminal_size_of(std::io::stderr()).map(|(width, _)| width.0)
            })
            .unwrap_or(140),
    )
}

/// Exits the process; nothing else does.
#[allow(clippy::exit)]
pub(super) fn exit(code: u8) -> ! {
    std::process::exit(i32::from(code))
}

impl Color {
    /// Whether text on this stream is colored. Rules: https://no-color.org and CLICOLOR_FORCE.
    pub(super) fn applies_to(self, stream: &impl IsTerminal) -> bool {
        let set = |name: &str| {
            std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0")
        };
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto if set("NO_COLOR") => false,
            Color::Auto => {
                set("CLICOLOR_FORCE")
                    || (stream.is_terminal()
                        && std::env::var_os("TERM").is_none_or(|term| term != "dumb"))
            }
        }
    }
}

/// `-o FORMAT[=FILE]`.
#[derive(Clone, Debug)]
pub(super) struct Format {
    pub(super) form: Form,
    /// Standard output when absent.
    pub(super) file: Option<std::path::PathBuf>,
}

/// The format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Json,
}

impl std::str::FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Format, String> {
        let (form, file) = text
            .split_once('=')
            .map_or((text, None), |(form, file)| (form, Some(file.into())));
        match form {
            "text" => Ok(Format {
                form: Form::Text,
                file,
            }),
            "json" => Ok(Format {
                form: Form::Json,
                file,
            }),
            other => Err(format!("unknown format `{other}`; known: text, json")),
        }
    }
}

/// Writes a JSON report of a failure, if the arguments ask for one.
pub(super) fn with_report(formats: &[Format], result: Result<u8, Failure>) -> Result<u8, Failure> {
    if let Err(failure) = &result
        && !failure.problems.is_empty()
    {
        let json = Report::of_problems(&failure.problems).to_json();
        for format in formats.iter().filter(|it| it.form == Form::Json) {
            format.write(&json)?;
        }
    }
    result
}

impl Format {
    /// The requested formats, or else text on standard output.
    pub(super) fn or_text(formats: &[Format]) -> &[Format] {
        const TEXT: &[Format] = &[Format {
            form: Form::Text,
            file: None,
        }];
        match formats {
            [] => TEXT,
            formats => formats,
        }
    }

    /// Writes a report's text to its file, or to standard output.
    pub(super) fn write(&self, text: &str) -> Result<(), Failure> {
        match &self.file {
            None => Output::stdout(text),
            Some(file) => {
                std::fs::write(file, text).map_err(Failure::of(
                    UNREADABLE,
                    format!("error: cannot write {}", file.display()),
                ))?;
            }
        }
        Ok(())
    }
}
