//! Standard output and standard error. All text for people passes through [`Text`], which escapes what is not ours.

use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fitout::report::Report;

use fitout::text::Text;

use super::{Color, Failure, UNWRITABLE};

/// The two streams.
pub(super) enum Output {}

impl Output {
    /// Writes manifests or another document to standard output, as they are.
    pub(super) fn data(text: &str) -> Result<(), Failure> {
        let written = match is_closed(std::io::stdout()) {
            true => Err(std::io::Error::other("it is closed")),
            false => write(text),
        };
        written.map_err(Failure::of(
            UNWRITABLE,
            "error: cannot write to standard output".to_owned(),
        ))
    }

    /// Writes a report to standard output. A reader that stops early does not change the verdict.
    pub(super) fn report(text: &Text) -> Result<(), Failure> {
        Output::read_by_choice(text.as_str())
    }

    fn read_by_choice(text: &str) -> Result<(), Failure> {
        match write(text) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::of(
                UNWRITABLE,
                "error: cannot write to standard output".to_owned(),
            )(error)),
            _ => Ok(()),
        }
    }

    /// Writes text to standard error; failures are ignored, because there is no other place to report them.
    pub(super) fn stderr(text: &Text) {
        let _ = std::io::stderr().lock().write_all(text.as_str().as_bytes());
        if let Some(recorded) = recorded().as_mut() {
            recorded.push_str(text.as_str());
        }
    }

    /// Keeps a copy of everything that is written to standard error from now on.
    pub(super) fn record() {
        *recorded() = Some(String::new());
    }

    /// The copy, if one is kept.
    pub(super) fn recorded() -> Option<String> {
        recorded().take()
    }

    /// Writes a line to standard error.
    pub(super) fn notice(line: impl std::fmt::Display) {
        Output::stderr(&Text::of(line));
    }
}

fn recorded() -> MutexGuard<'static, Option<String>> {
    static RECORDED: Mutex<Option<String>> = Mutex::new(None);
    RECORDED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write(text: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Whether the program was started with a standard stream closed (`>&-`). Rust then opens /dev/null for reading and writing in
/// its place, which shells do not.
#[cfg(unix)]
pub(super) fn is_closed(stream: impl std::os::fd::AsFd) -> bool {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let id = |metadata: std::fs::Metadata| {
        let is_device = metadata.file_type().is_char_device();
        is_device.then(|| metadata.rdev())
    };
    let device = rustix::fs::fstat(&stream).ok().map(|it| it.st_rdev);
    let null = std::fs::metadata("/dev/null").ok().and_then(id);
    let flags = rustix::fs::fcntl_getfl(&stream);
    null.is_some()
        && device == null
        && flags.is_ok_and(|flags| flags.contains(rustix::fs::OFlags::RDWR))
}

#[cfg(not(unix))]
pub(super) fn is_closed<T>(_: T) -> bool {
    false
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
        let report = Report::of_problems(&failure.problems);
        for format in formats.iter().filter(|it| it.form == Form::Json) {
            format.write_json(&report)?;
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
    pub(super) fn write(&self, text: &Text) -> Result<(), Failure> {
        self.write_to(text.as_str())
    }

    /// Writes a report as JSON, which has its own escapes.
    pub(super) fn write_json(&self, report: &Report) -> Result<(), Failure> {
        self.write_to(&report.to_json())
    }

    fn write_to(&self, text: &str) -> Result<(), Failure> {
        match &self.file {
            None => Output::read_by_choice(text),
            Some(file) => std::fs::write(file, text).map_err(Failure::of(
                UNWRITABLE,
                format!("error: cannot write {}", file.display()),
            )),
        }
    }
}
